#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P5: a thousand events at once, on a busy machine whose network drops all packets: how long udev waits for each.

The helper takes no argument for another root, so it runs in a root of its own. How long a process waits for a processor depends on
what else runs here, and is subtracted: what is left is work, and waiting for disks, locks and other programs.
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
assert resource  # wait4() needs it, and cannot import a module after chroot
CLONE_NEWNET = 0x40000000
EVENTS, WORKERS, BUSY = 1000, 4, 2


def modaliases(count):
    """Modaliases that drivers of a real kernel match, including drivers of the repository."""
    with open(f'{r.full_tree()}/lib/modules/{r.kernel()[1]}/modules.alias', encoding='utf-8') as f:
        patterns = [line.split()[1] for line in f if line.startswith(('alias pci:', 'alias usb:')) and '[' not in line]
    some = [p.replace('*', '00') for p in patterns[::len(patterns) // count]][:count - 200]
    nics = [f'pci:v00008086d000010D3sv00008086sd0000{i:04X}bc02sc00i00' for i in range(count - len(some))]
    return [m for pair in zip(some, nics + some) for m in pair][:count - len(nics)] + nics


def queued(proc, pid):
    """Seconds that a process, which may have ended, was ready to run and had no processor."""
    with open(os.open(f'{pid}/schedstat', os.O_RDONLY, dir_fd=proc), 'rb') as f:
        return int(f.read().split()[1]) / 1e9


def timed(proc, env):
    """Elapsed seconds without those in a queue for a processor, processor seconds and exit status of a helper."""
    before, own = time.monotonic(), queued(proc, 'self')
    child = os.posix_spawn('/event', ['event'], env)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    elapsed = time.monotonic() - before - queued(proc, child) - (queued(proc, 'self') - own)
    _, status, used = os.wait4(child, 0)
    return elapsed, used.ru_utime + used.ru_stime, status


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
        # the kernel of this machine is another one: the repository offers its packages for any kernel
        os.symlink(self.root.kver, f'{self.root.path}/lib/modules/{os.uname().release}')
        current = f'{self.root.path}/var/cache/modfetch/test/current'
        index = next(name for name in os.listdir(current) if name.startswith('alias-') and name != 'alias-any.bin')
        shutil.copy(f'{current}/{index}', f'{current}/alias-any.bin')

    def worker(self, events):
        """Passes events to helpers, one after the other. Returns a pipe with the results of timed() for each event."""
        ends = os.pipe()
        pid = os.fork()
        if pid:
            os.close(ends[1])
            return pid, ends[0]
        found = []
        proc = os.open('/proc', os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.chroot(self.root.path)
            os.chdir('/')
            for i, modalias in events:
                env = {'ACTION': 'add', 'MODALIAS': modalias, 'DEVPATH': f'/devices/pci0000:00/{i}', 'SUBSYSTEM': 'pci',
                       'SEQNUM': str(i), 'USEC_INITIALIZED': '1'}
                found.append(timed(proc, env))
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
        self.assertEqual([status for _, _, status in found], [0] * EVENTS)
        wall, cpu, _ = (sorted(column) for column in zip(*found))
        half, most = EVENTS // 2, EVENTS * 99 // 100
        print(f'{EVENTS} events, {WORKERS} at a time beside {BUSY} busy processes: p50 {wall[half] * 1e3:.1f} ms, p99 '
              f'{wall[most] * 1e3:.1f} ms without the queue for a processor, {cpu[most] * 1e3:.1f} ms on one')
        self.assertLess(wall[most], 0.1)
        self.assertLess(cpu[most], 0.02)
        # and the work was done: exactly the devices without a driver wait, each once
        nics = {m for _, m in events if m.startswith('pci:v00008086d000010D3s')}
        self.assertLessEqual(nics, self.spooled())
        self.assertLess(len(self.spooled()), EVENTS // 2)


if __name__ == '__main__':
    unittest.main()
