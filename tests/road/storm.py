#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P5: a thousand events at once, on a machine that is busy and whose network is a hole: how long each keeps udev waiting.

The helper is udev's: it takes no argument that could say where it is to look, so it runs with a root of its own. Beside
each event goes one that is not ours, which it leaves at once: what that takes is what the machine takes to start anything.
"""
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

HELPER = os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '../event/helper/event')
assert resource  # wait4() wants it, and finds no module behind a chroot
CLONE_NEWNET = 0x40000000
EVENTS, WORKERS, BUSY = 1000, 4, 2


def modaliases(count):
    """Of devices there are: what drivers of a real kernel match, those of the repository among them."""
    with open(f'{r.full_tree()}/lib/modules/{r.kernel()[1]}/modules.alias', encoding='utf-8') as f:
        patterns = [line.split()[1] for line in f if line.startswith(('alias pci:', 'alias usb:')) and '[' not in line]
    some = [p.replace('*', '00') for p in patterns[::len(patterns) // count]][:count - 200]
    nics = [f'pci:v00008086d000010D3sv00008086sd0000{i:04X}bc02sc00i00' for i in range(count - len(some))]
    return [m for pair in zip(some, nics + some) for m in pair][:count - len(nics)] + nics


def timed(env):
    """Seconds, of them on a processor, and the status of a helper."""
    before = time.monotonic()
    child = os.posix_spawn('/event', ['event'], env)
    _, status, used = os.wait4(child, 0)
    return time.monotonic() - before, used.ru_utime + used.ru_stime, status


class Storm(unittest.TestCase):
    def setUp(self):
        ldd = subprocess.run(['ldd', HELPER], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if 'statically' not in ldd.stdout:
            self.skipTest('a helper with sanitizers is not the one that udev runs')
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        shutil.copy(HELPER, f'{self.root.path}/event')
        # this machine's kernel is another: what the repository has for its own it has for any
        os.symlink(self.root.kver, f'{self.root.path}/lib/modules/{os.uname().release}')
        current = f'{self.root.path}/var/cache/modfetch/test/current'
        index = next(name for name in os.listdir(current) if name.startswith('alias-') and name != 'alias-any.bin')
        shutil.copy(f'{current}/{index}', f'{current}/alias-any.bin')

    def worker(self, events):
        """Hands events to helpers, one after the other. A pipe with what timed() says of each and of one not ours."""
        ends = os.pipe()
        pid = os.fork()
        if pid:
            os.close(ends[1])
            return pid, ends[0]
        found = []
        try:
            os.chroot(self.root.path)
            os.chdir('/')
            for i, modalias in events:
                env = {'ACTION': 'add', 'MODALIAS': modalias, 'DEVPATH': f'/devices/pci0000:00/{i}', 'SUBSYSTEM': 'pci',
                       'SEQNUM': str(i), 'USEC_INITIALIZED': '1'}
                found.append([*timed(env), *timed({**env, 'ACTION': 'bind'})])
        finally:
            with os.fdopen(ends[1], 'w') as pipe:
                json.dump(found, pipe)
            os._exit(0)

    def spooled(self):
        found, directory = set(), f'{self.root.path}/run/modfetch/queue'
        for name in os.listdir(directory):
            with open(f'{directory}/{name}', encoding='ascii') as f:
                found |= {line.strip()[len('modalias='):] for line in f if line.startswith('modalias=')}
        return found

    def test_a_thousand_events_on_a_busy_machine_without_a_network(self):
        self.assertEqual(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET), 0, 'this needs a network of its own')
        events = list(enumerate(modaliases(EVENTS)))
        self.assertEqual(len(events), EVENTS)
        busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(BUSY)]
        try:
            workers = [self.worker(events[i::WORKERS]) for i in range(WORKERS)]
            found = []
            for pid, pipe in workers:
                with os.fdopen(pipe) as text:
                    found += json.load(text)
                os.waitpid(pid, 0)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        self.assertEqual([(f[2], f[5]) for f in found], [(0, 0)] * EVENTS)
        wall, cpu, _, nothing, *_ = (sorted(column) for column in zip(*found))
        half, most = EVENTS // 2, EVENTS * 99 // 100
        print(f'{EVENTS} events, {WORKERS} at a time beside {BUSY} busy processes: p50 {wall[half] * 1e3:.1f} ms, p99 '
              f'{wall[most] * 1e3:.1f} ms, {cpu[most] * 1e3:.1f} of them on a processor; doing nothing takes '
              f'{nothing[half] * 1e3:.1f} and {nothing[most] * 1e3:.1f} ms')
        self.assertLess(wall[most] - nothing[most], 0.1)
        self.assertLess(cpu[most], 0.02)
        # and it was work: those that miss a driver wait, each once, and nobody else
        nics = {m for _, m in events if m.startswith('pci:v00008086d000010D3s')}
        self.assertLessEqual(nics, self.spooled())
        self.assertLess(len(self.spooled()), EVENTS // 2)


if __name__ == '__main__':
    unittest.main()
