#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion in bash, zsh and fish: names of packages, modules, devices, repositories, runs and kernels, for any user.

The shells are real ones: bash and zsh on a terminal, fish by its own question for completions.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

COMPLETIONS = os.path.join(r.HERE, '..', 'completions')
BUILT = os.path.dirname(os.path.abspath(r.MODFETCH))
NAMES = {'xfs-kmp', 'xfs'}
NOBODY = 65534
# a line of output, and the prompt: a key that comes before it is not one for the shell's editor
PROMPT = '\n{}\r*\n(?:.*\r)?(?:\x1b\\S*)?> '
HOSTILE = ['$(touch pwned)', '`touch pwned`', ';touch pwned;', "x'y", 'a b']


class Terminal:
    """An interactive shell; type() returns what it prints until SHOWN or a timeout."""

    def __init__(self, *command, **env):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(env, TERM='dumb', PATH=f'{BUILT}:{os.environ["PATH"]}', PS1='> ')
            os.execvp(command[0], command)
        # one line for each command line
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('4H', 50, 1000, 0, 0))

    def type(self, keys, shown, seconds=20):
        os.write(self.fd, keys.encode())
        text, end = '', time.monotonic() + seconds
        while not re.search(shown, text) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                text += os.read(self.fd, 65536).decode(errors='replace')
        return text

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=('loop', 'vfat'))
        cls.addClassCleanup(cls.root.close)
        cls.root.repo('file://' + r.repository())
        for args in ('refresh',), ('install', 'e1000e'):
            done = cls.root.run(*args)
            assert done.returncode == 0, done.stderr
        device = f'{cls.root.path}/sys/devices/pci0000:00/0000:00:03.0'
        os.makedirs(f'{device}/net/eth0')
        with open(f'{device}/modalias', 'w', encoding='utf-8') as f:
            f.write(r.NIC + '\n')
        for link, to in ('bus/pci/devices/0000:00:03.0', device), ('class/net/eth0', f'{device}/net/eth0'):
            where = f'{cls.root.path}/sys/{link}'
            os.makedirs(os.path.dirname(where), exist_ok=True)
            os.symlink(os.path.relpath(to, os.path.dirname(where)), where)
        os.symlink('../..', f'{device}/net/eth0/device')
        cls.machine = f'--root {cls.root.path} --kernel {cls.root.kver}'


class Verb(Case):
    def words(self, *args, **options):
        done = self.root.run('complete', *args, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done)
        return [line.split('\t')[0] for line in done.stdout.splitlines()]

    def test_each_kind_has_its_words(self):
        self.assertEqual(set(self.words('packages,modules', 'xf')) & NAMES, NAMES)
        self.assertIn('kernel-network-driver-all', self.words('packages', 'kernel-'))
        self.assertEqual(self.words('installed', 'e1000e'), ['e1000e-kmp'])
        self.assertNotIn('bystander', self.words('installed'))
        self.assertEqual(set(self.words('devices')), {'0000:00:03.0', '8086:10d3', 'eth0'})
        self.assertEqual(self.words('repositories'), ['test'])
        self.assertEqual(self.words('history'), ['1'])
        self.assertEqual(self.words('kernels'), [self.root.kver])
        self.assertEqual(self.words('modules', 'snd-hda-i'), ['snd_hda_intel'])
        self.assertEqual(self.words('modules', 'no_such'), [])

    def test_a_run_has_a_clause(self):
        self.assertRegex(self.root.run('complete', 'history').stdout, r'^1\t\d{4}-\d\d-\d\d \d\d:\d\d install\n$')

    def test_what_is_not_there_has_no_words_and_is_no_error(self):
        with tempfile.TemporaryDirectory() as empty:
            os.makedirs(f'{empty}/lib/modules/{self.root.kver}')
            for kind in 'packages', 'installed', 'modules', 'devices', 'repositories', 'history', 'kernels':
                self.assertEqual(self.words(kind, root=empty), [], kind)

    def test_a_word_that_a_shell_could_expand_is_left_out(self):
        made = [f'{self.root.path}/lib/modules/6.1-{i}{name}' for i, name in enumerate(HOSTILE)]
        for directory in made:
            os.makedirs(directory)
            self.addCleanup(shutil.rmtree, directory)
            open(f'{directory}/modules.order', 'w', encoding='utf-8').close()
        self.assertEqual(self.words('kernels'), [self.root.kver])

    def test_wrong_arguments_are_a_usage_error(self):
        for args in (), ('packages,cakes',), ('packages', 'x', 'y'):
            self.assertEqual(self.root.run('complete', *args).returncode, 64, args)

    @unittest.skipIf(os.geteuid(), 'becoming another user needs root')
    def test_any_user_may_ask(self):
        os.chmod(self.root.path, 0o755)
        with tempfile.TemporaryDirectory() as copy:
            # a build directory may be below a directory of root
            os.chmod(copy, 0o755)
            for name in os.listdir(BUILT):
                if name == 'modfetch' or name.endswith('.so'):
                    shutil.copy(f'{BUILT}/{name}', copy)
            done = subprocess.run([f'{copy}/modfetch', *self.machine.split(), 'complete', 'packages,installed,history', ''], user=NOBODY,
                                  group=NOBODY, extra_groups=[], cwd='/', env={'LD_LIBRARY_PATH': copy, 'PATH': '/usr/bin'},
                                  capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('xfs-kmp\n', done.stdout)


class Bash(Case):
    def setUp(self):
        self.shell = Terminal('bash', '--norc', '--noprofile', '-i')
        self.addCleanup(self.shell.close)
        self.shell.type(f'bind "set enable-bracketed-paste off"; source {COMPLETIONS}/modfetch.bash; echo ready\n', PROMPT.format('ready'))

    def test_words_of_the_machine(self):
        for typed, completed in (('install xfs-k', 'install xfs-kmp '), ('remove e1000e-', 'remove e1000e-kmp '),
                                 ('refresh te', 'refresh test '), ('undo ', 'undo 1 '), ('lookup eth', 'lookup eth0 '),
                                 ('probe 8086:10', 'probe 8086:10d3 '), ('lookup 0000:00:', 'lookup 0000:00:03.0 '),
                                 (f'ready {self.root.kver[:5]}', f'ready {self.root.kver} '), ('help coldp', 'help coldplug '),
                                 ('prefer reposi', 'prefer repository '), ('check --fi', 'check --fix ')):
            self.shell.type(f'modfetch {self.machine} {typed}\t', re.escape(completed.rsplit(' ', 2)[-2]), 5)
            shown = self.shell.type('\x01echo =\x05=\n', PROMPT.format('==?modfetch .*'))
            self.assertIn(f' {completed}=', shown, typed)

    def test_a_hostile_word_is_not_run(self):
        with tempfile.TemporaryDirectory() as d:
            with open(f'{d}/modfetch', 'w', encoding='utf-8') as f:
                f.write('#!/bin/sh\ncat <<"END"\n' + '\n'.join(HOSTILE) + '\nEND\n')
            os.chmod(f'{d}/modfetch', 0o755)
            self.shell.type(f'cd {d}; PATH={d}:$PATH; echo moved\n', PROMPT.format('moved'))
            shown = self.shell.type('modfetch install \t\t\x15echo end\n', '\nend')
            self.assertIn(';touch pwned;', shown)
            self.assertEqual(os.listdir(d), ['modfetch'])


@unittest.skipUnless(shutil.which('zsh'), 'zsh is not installed')
class Zsh(Case):
    def test_words_of_the_machine(self):
        shell = Terminal('zsh', '-f', '-i')
        self.addCleanup(shell.close)
        shell.type(f'fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; compinit -u -D; unset zle_bracketed_paste; echo ready\n', PROMPT.format('ready'))
        for typed, completed in (('install xfs-k', 'install xfs-kmp'), ('remove e1000e-', 'remove e1000e-kmp'),
                                 ('refresh te', 'refresh test'), ('lookup eth', 'lookup eth0'), ('probe 8086:10', 'probe 8086:10d3'),
                                 ('undo ', 'undo 1'), (f'ready {self.root.kver[:5]}', f'ready {self.root.kver}'),
                                 ('help coldp', 'help coldplug'), ('check --fi', 'check --fix')):
            shell.type(f'modfetch {self.machine} {typed}\t', re.escape(completed.rsplit(' ', 1)[-1]), 5)
            shown = shell.type('\x01echo "[\x05]"\n', PROMPT.format('\\[.*modfetch .*'))
            self.assertRegex(shown, r'\n\[.*' + re.escape(f' {completed}') + r' ?\]', typed)


@unittest.skipUnless(shutil.which('fish'), 'fish is not installed')
class Fish(Case):
    def test_words_of_the_machine(self):
        for typed, word in (('install xfs-k', 'xfs-kmp'), ('remove e1000e-', 'e1000e-kmp'), ('refresh te', 'test'), ('lookup eth', 'eth0'),
                            ('probe 8086:10', '8086:10d3'), ('undo ', '1'), (f'ready {self.root.kver[:5]}', self.root.kver),
                            ('help coldp', 'coldplug'), ('check --fi', '--fix')):
            script = f'source {COMPLETIONS}/modfetch.fish; complete -C "modfetch {self.machine} {typed}"'
            done = subprocess.run(['fish', '--no-config', '-c', script], capture_output=True, text=True, check=False,
                                  env={**os.environ, 'PATH': f'{BUILT}:{os.environ["PATH"]}', 'HOME': self.root.path})
            self.assertEqual([line.split('\t')[0] for line in done.stdout.splitlines()], [word], (typed, done))


if __name__ == '__main__':
    unittest.main()
