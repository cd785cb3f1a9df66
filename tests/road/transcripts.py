#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The usual flows as a terminal shows them: docs/transcripts.md says what an admin types and sees.

Usage: transcripts.py [--write]      with --write: writes docs/transcripts.md again

Each flow runs on a machine of its own, in a directory, in a shell on a real terminal (tmux). A flow is a table of command lines, with
functions for what happens between them.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import documents  # noqa: E402
import root as r  # noqa: E402

URL = 'http://example.org/drivers'
SECONDS = 60
HEAD = """# What an admin types and sees

These are terminals, recorded by `python3 tests/road/transcripts.py --write`; the test of that name fails if the program prints something
else. The machine of each flow has the kernel of Debian 12 and a repository of drivers for it.
"""
ENTRY = 'modfetch-event 1\nmodalias={}\ndevpath=/devices/pci0000:00/0000:00:03.0\nseqnum=1\nuevent_us={us}\ndecided_us={us}\n'


class Terminal:
    """A shell in tmux. MACHINE: its modfetch is that of this machine."""

    def __init__(self, machine):
        self.scratch = tempfile.mkdtemp(prefix='transcripts-')
        self.machine = machine
        with open(f'{self.scratch}/modfetch', 'w', encoding='utf-8') as f:
            f.write(f'#!/bin/sh\nexec {shlex.join(machine.command()[:5])} "$@"\n')
        os.chmod(f'{self.scratch}/modfetch', 0o755)
        env = [f'PATH={self.scratch}:{os.environ["PATH"]}', f'MODFETCH_LIBEXECDIR={os.path.abspath(r.LIBEXECDIR)}', 'PS1=# ',
               'LC_ALL=C.UTF-8', 'HOME=/nonexistent', 'ASAN_OPTIONS=' + os.environ.get('ASAN_OPTIONS', '')]
        # wide enough for the longest release of a kernel in a table: a cut description would depend on it
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '160', '-y', '200',
                  shlex.join(['env', *env, 'bash', '--norc', '--noprofile']))
        self.wait(r'\A# \Z')

    def tmux(self, *words):
        return subprocess.run(['tmux', '-S', f'{self.scratch}/socket', *words], capture_output=True, text=True, check=True).stdout

    def shown(self):
        return self.tmux('capture-pane', '-p', '-J').rstrip('\n')

    def wait(self, pattern):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            text = self.shown()
            if re.search(pattern, text):
                return text
            time.sleep(0.05)
        raise AssertionError(f'{pattern} was not shown:\n{self.shown()}')

    def run(self, command, *answers):
        """What is on the screen after a command has ended, with the command. ANSWERS: to its questions."""
        self.tmux('send-keys', '-R', 'C-l')
        self.tmux('clear-history')
        self.wait(r'\A# ?\Z')
        self.tmux('send-keys', '-l', command)
        self.tmux('send-keys', 'Enter')
        for answer in answers:
            self.wait(r'\[y/N\] ?\Z')
            self.tmux('send-keys', answer, 'Enter')
        text = self.wait(r'\n# ?\Z')
        return '\n'.join(line.rstrip() for line in text.splitlines()[:-1])

    def close(self):
        self.tmux('kill-server')
        shutil.rmtree(self.scratch)


class Machine(r.Root):
    def __init__(self):
        super().__init__()
        self.served = tempfile.mkdtemp(prefix='transcripts-served-')
        self.drivers = f'{self.served}/drivers'
        shutil.copytree(r.repository(), self.drivers)
        self.server = r.Server(self.served)
        self.url = f'{self.server.url}/drivers'
        # the user of its own that the package makes
        self.conf(fetch_user='nobody')
        self.replaced = [(self.url, URL), (self.path, ''), (self.server.url, 'http://example.org')]

    def forget_keys(self):
        os.unlink(f'{self.path}/etc/modfetch/keys/repo.d/repo.pem')

    def refresh(self):
        self.repo(self.url, name='drivers')
        self.quietly('refresh')

    def quietly(self, *words):
        done = self.run(*words)
        assert done.returncode in (0, 2), done.stderr

    def plug(self):
        """The event helper has written an entry for a network card."""
        os.makedirs(f'{self.path}/run/modfetch/queue', mode=0o700)
        device = f'{self.path}/sys/devices/pci0000:00/0000:00:03.0'
        os.makedirs(device)
        with open(f'{device}/modalias', 'w', encoding='utf-8') as f:
            f.write(r.NIC + '\n')
        with open(f'{self.path}/run/modfetch/queue/{spool_name(r.NIC)}', 'w', encoding='utf-8') as f:
            f.write(ENTRY.format(r.NIC, us=time.monotonic_ns() // 1000))

    def publish(self, version):
        """The vendor of a driver publishes a version of it."""
        source = f'{r.full_tree()}/lib/modules/{self.kver}/kernel/drivers/net/dummy.ko'
        with open(source, 'rb') as f:
            module = f.read()
        name = f'dummy-kmp-{r.tag(self.kver)}'
        # rpmbuild allows one dash
        base, _, rest = self.kver.partition('-')
        r.rpmbuild(self.drivers, name, ['Provides: kmod(dummy.ko)', 'Provides: dummy-kmp', f'Requires: kernel-uname-r = {base}-{rest.replace("-", ".")}'],
                   [(f'/lib/modules/{self.kver}/updates/dummy.ko', module)], version=version)
        r.next_second()
        r.createrepo(self.drivers)

    def use_vendor(self):
        self.publish('1.0')
        self.refresh()
        self.quietly('install', 'dummy')
        self.publish('1.1')

    def cut_network(self):
        self.server.http.socket.close()

    def as_seen(self, text):
        for real, seen in self.replaced:
            text = text.replace(real, seen)
        return re.sub(r'127\.0\.0\.1(?: port|:)? ?\d+', 'example.org', text)

    def close(self):
        self.server.close()
        shutil.rmtree(self.served)
        super().close()


def spool_name(modalias):
    value = 0x6c62272e07bb014262b821756295c58d
    for byte in modalias.encode():
        value = (value ^ byte) * ((1 << 88) | 0x13b) % (1 << 128)
    return f'{value:032x}'


# title: command lines, each with the answers to its questions after "<-", and functions of the machine that are called between them
FLOWS = {
    'First set-up': [Machine.forget_keys, 'modfetch repo add {url} <- y', 'modfetch repo list', 'modfetch search xfs', 'modfetch --dry-run install xfs', 'modfetch install xfs',
                     'modfetch list --installed'],
    'A device is plugged in': [Machine.refresh, Machine.plug, f'modfetch why {r.NIC}', 'modfetch queue', 'modfetch history'],
    'An update': [Machine.use_vendor, 'modfetch refresh', 'modfetch update --check', 'modfetch update', 'modfetch rollback dummy',
                  'modfetch remove dummy <- y'],
    'A refusal': [Machine.refresh, 'modfetch deny xfs', 'modfetch install xfs', 'modfetch allow xfs', 'modfetch install xfs'],
    'Without network': [Machine.refresh, Machine.cut_network, 'modfetch lookup xfs', 'modfetch install xfs', 'modfetch refresh'],
}


def recorded(steps):
    """A flow as text."""
    machine = Machine()
    terminal, parts = None, []
    try:
        for step in steps:
            if callable(step):
                step(machine)
                continue
            terminal = terminal or Terminal(machine)
            parts.append(machine.as_seen(terminal.run(*(word.format(url=machine.url) for word in step.split(' <- ')))))
    finally:
        if terminal:
            terminal.close()
        machine.close()
    return '\n'.join(parts)


def document(flows):
    parts = [HEAD]
    for title, text in flows.items():
        shown = '\n'.join(f'    {line}'.rstrip() for line in text.splitlines())
        parts.append(f'\n## {title}\n\n{shown}\n')
    return ''.join(parts)


class Transcripts(unittest.TestCase):
    maxDiff = None

    def test_the_document_is_true(self):
        documents.compare(self, 'transcripts.md', document({title: recorded(steps) for title, steps in FLOWS.items()}))


if __name__ == '__main__':
    if not shutil.which('tmux'):
        print('tmux is not installed')
        sys.exit(77)
    if sys.argv[1:] == ['--write']:
        documents.write('transcripts.md', document({title: recorded(steps) for title, steps in FLOWS.items()}))
    else:
        unittest.main()
