#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command on a terminal: the line of progress against a slow server, messages beside it, color, tables that fit.

Each program runs on a pseudo-terminal; its bytes are applied to a small model of a screen, so that a test sees what a person sees.
"""
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

SLOW = 1.3
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f]')


class Terminal:
    """What a command wrote to a terminal: the bytes, the text that was ever shown, and the screen at the end."""

    def __init__(self, command, columns=100, env=None):
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR), 'TERM': 'xterm', **(env or {})}
        env.pop('NO_COLOR', None) if 'NO_COLOR' not in (env or {}) else None
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 25, columns, 0, 0))
        with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env) as process:
            os.close(slave)
            raw = b''
            while True:
                try:
                    got = os.read(master, 65536)
                except OSError:
                    break
                if not got:
                    break
                raw += got
            os.close(master)
        self.status, self.raw = process.returncode, raw.decode()
        self.shown, self.screen = self.apply(columns)

    def apply(self, columns):
        """Every state of the last line that was drawn in one piece, and the lines of the screen at the end."""
        shown, screen, line, at = [], [], '', 0
        for token in re.findall(r'\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+|.', self.raw):
            if token == '\n':
                screen.append(line)
                line, at = '', 0
            elif token == '\r':
                at = 0
            elif token == '\x1b[K':
                line = line[:at]
            elif token.startswith('\x1b['):
                assert token.endswith('m'), repr(token)
            else:
                assert token.isprintable(), repr(token)
                line = line[:at] + token + line[at + len(token):]
                at += len(token)
                shown.append(line)
        # a line of progress must never be wrapped
        assert all(len(one) < columns for one in shown if one.startswith('fetching')), shown
        return shown, screen + ([line] if line else [])


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.server = r.Server(r.repository())
        self.root.repo(self.server.url)

    def tearDown(self):
        self.server.close()
        self.root.close()

    def terminal(self, *args, **options):
        return Terminal(self.root.command(*args), **options)

    def assert_progress(self, done, like):
        """It was shown, and no rest of it is left."""
        self.assertTrue([line for line in done.shown if re.search(like, line)], done.raw)
        self.assertFalse([line for line in done.screen if 'fetching' in line], done.screen)


class Progress(Case):
    def test_a_slow_refresh_names_repository_file_and_bytes(self):
        self.server.delay = SLOW
        done = self.terminal('refresh')
        self.assertEqual(done.status, 0, done.raw)
        self.assert_progress(done, r'^fetching .*test: repomd\.xml  waiting for 1 s$')
        self.assert_progress(done, r'^fetching test: primary\.xml\.\w+  waiting for \d s$')
        self.assert_progress(done, r'^fetching test: primary\.xml\.\w+  \d+ kB of \d+ kB  \S+ kB/s')
        self.assertTrue([line for line in done.screen if re.match(r'test: \d+ packages', line)], done.screen)

    def test_a_quick_refresh_shows_nothing(self):
        done = self.terminal('refresh')
        self.assertEqual(done.status, 0, done.raw)
        self.assertNotIn('fetching', done.raw)
        self.assertNotIn('\x1b[K', done.raw)

    def test_the_first_use_of_a_repository_is_shown_by_probe(self):
        self.server.delay = SLOW
        done = self.terminal('--no-load', 'probe', r.NIC)
        self.assertEqual(done.status, 0, done.raw)
        self.assert_progress(done, r'^fetching .*test: repomd\.xml ')
        self.assert_progress(done, r'^fetching test: primary')
        self.assert_progress(done, r'^fetching e1000e-kmp-\S+  ')

    def test_a_failure_leaves_no_rest(self):
        self.server.delay = SLOW
        self.server.refuse['primary'] = 404
        done = self.terminal('refresh')
        self.assertEqual(done.status, 1, done.raw)
        self.assert_progress(done, r'^fetching test: primary')
        self.assertRegex(done.screen[-1], r'^modfetch: fetch: .*\[HTTP-STATUS\]$')

    def test_a_narrow_terminal_shortens_the_name_and_keeps_the_figures(self):
        self.server.delay = SLOW
        done = self.terminal('--no-load', 'probe', r.NIC, columns=44)
        self.assertEqual(done.status, 0, done.raw)
        self.assert_progress(done, r'^fetching e1000e-kmp-\S*…  waiting for 1 s$')

    def test_neither_a_pipe_nor_a_dumb_terminal_gets_control_characters(self):
        self.server.delay = SLOW
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0)
        self.assertIsNone(CONTROL.search(done.stdout + done.stderr), done.stderr)
        for args in ('--no-load', 'probe', r.NIC), ('status',), ('search', 'hda'):
            done = self.root.run(*args)
            self.assertIsNone(CONTROL.search(done.stdout + done.stderr), done.stderr)
        done = self.terminal('refresh', '--force', env={'TERM': 'dumb'})
        self.assertEqual(done.status, 0)
        self.assertIsNone(CONTROL.search(done.raw.replace('\r\n', '\n')), done.raw)

    def test_quiet_draws_nothing(self):
        self.server.delay = SLOW
        done = self.terminal('-q', 'refresh')
        self.assertEqual((done.status, done.raw), (0, ''))


class Pack(Case):
    def pack(self, tree):
        output = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, output)
        return self.terminal('pack', '--output', output, '--only', 'e1000e', tree)

    def test_pack_counts_modules_and_packages(self):
        base, kver = r.kernel()
        done = self.pack(f'{base}/lib/modules/{kver}')
        self.assertEqual(done.status, 0, done.raw)
        read = [line for line in done.shown if re.match(r'reading \d+/\d+ modules', line)]
        self.assertGreater(len(read), 1, done.raw)
        self.assertTrue([line for line in done.shown if re.match(r'building \d+/\d+ packages', line)], done.raw)
        self.assertFalse([line for line in done.screen if re.match('reading|building|describing', line)], done.screen)

    def test_messages_stand_in_lines_of_their_own(self):
        base, kver = r.kernel()
        tree = tempfile.mkdtemp(dir=r.cache_directory())
        self.addCleanup(shutil.rmtree, tree)
        subprocess.run(['cp', '-al', f'{base}/lib', f'{base}/boot', tree], check=True)
        os.mkdir(f'{tree}/lib/modules/{kver}/updates')
        for name in 'broken', 'wrecked':
            with open(f'{tree}/lib/modules/{kver}/updates/{name}.ko', 'wb') as f:
                f.write(b'no module\n' * 100)
        done = self.pack(f'{tree}/lib/modules/{kver}')
        self.assertEqual(done.status, 1, done.raw)
        # a message began where the line of progress was, and the line came back after it
        self.assertRegex(done.raw, r'\r\x1b\[Kmodfetch: pack: [^\r\n]*broken[^\r\n]*\r\n(reading|building|describing) ')
        for line in done.screen:
            self.assertEqual(line.count('modfetch: '), line.startswith('modfetch: '), done.screen)


if __name__ == '__main__':
    unittest.main()
