#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The usual mistakes of an admin, and the line that each one gets: docs/mistakes.md says what the program prints.

Usage: mistakes.py [--write]      with --write: writes docs/mistakes.md again

Each mistake is made on a machine of its own, in a directory. A line says what failed, where, why, and how to go on, and ends in a code.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import documents  # noqa: E402
import root as r  # noqa: E402

URL = 'https://example.org/drivers'
OTHER = '5.10.0-99-amd64'
PROGRESS = re.compile(r'modfetch: (?:fetched |[\w.-]+: \d+ packages|pack: [a-z ]+: \d+)')
HEAD = """# Usual mistakes, and the line that each one gets

This is what modfetch prints; `python3 tests/road/mistakes.py --write` writes it again. modfetch-errors(7) explains the codes.
"""


class Machine(r.Root):
    """A machine with a repository at URL, whose metadata was fetched."""

    def __init__(self, refresh=True):
        super().__init__()
        self.server = r.Server(r.repository())
        self.env, self.user = {}, None
        self.mounts, self.other = [], None
        self.repo(self.server.url, name='drivers')
        # the user of its own that the package makes
        self.conf(fetch_user='nobody')
        if refresh:
            done = super().run('refresh')
            assert done.returncode == 0, done.stderr

    def write(self, path, text):
        os.makedirs(os.path.dirname(f'{self.path}/{path}'), exist_ok=True)
        with open(f'{self.path}/{path}', 'w', encoding='utf-8') as f:
            f.write(text)

    def mount(self, path, *command):
        subprocess.run(['mount', *command, f'{self.path}/{path}'], check=True)
        self.mounts.append(f'{self.path}/{path}')

    def says(self, words):
        """(exit status, the lines on standard error) of a command line, as an admin of the machine would see them."""
        options = {'user': self.user, 'group': self.user, 'extra_groups': []} if self.user else {}
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR), **self.env}
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', self.path, '--kernel', self.kver, *words.split()], env=env, cwd='/',
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=90, **options)
        lines = [line for line in done.stderr.splitlines() if line.endswith(']')]
        # a warning has no code; the other lines are about progress
        lines = lines or [line for line in done.stderr.splitlines() if not PROGRESS.match(line)]
        return done.returncode, [self.as_seen(line) for line in lines]

    def as_seen(self, text):
        text = text.replace(self.server.url, URL).replace(self.path, '')
        return re.sub(r'127\.0\.0\.1(?: port|:)? ?\d+', 'example.org', text)

    def close(self):
        if self.other:
            self.other.kill()
            self.other.communicate()
        for path in reversed(self.mounts):
            subprocess.run(['umount', path], check=True)
        self.server.close()
        super().close()


def repo(machine, *lines, url=None, keys='keys=repo'):
    machine.repo(url or machine.server.url, name='drivers', keys_line=keys, extra=lines)


def wrong_url(machine):
    repo(machine, url=machine.server.url + '/dirvers')


def web_page(machine):
    machine.server.instead['repomd.xml'] = (200, [('Content-Type', 'text/html')], b'<!DOCTYPE html>\n<html><title>Welcome</title></html>\n')


def wrong_clock(machine):
    machine.env = r.clock_at(os.stat(f'{r.repository()}/repodata/repomd.xml').st_mtime - 400 * 86400)


def no_root(machine):
    machine.user = 65534
    os.chmod(machine.path, 0o755)


def missing_key(machine):
    repo(machine, keys='keys=drivers.pem')


def wrong_key(machine):
    shutil.copy(f'{r.test_keys()}/other.crt', f'{machine.path}/etc/modfetch/keys/repo.d/other.pem')
    repo(machine, keys='keys=other')


def unsigned(machine):
    machine.server.refuse['repomd.xml.p7s'] = 404


def full_disk(machine):
    tree = f'{machine.path}/lib/modules'
    copy = f'{machine.path}/copy'
    shutil.copytree(tree, copy)
    machine.mount('lib/modules', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs')
    shutil.copytree(copy, tree, dirs_exist_ok=True)
    left = os.statvfs(tree)
    with open(f'{tree}/dump', 'wb') as f:
        f.write(b'x' * (left.f_bavail * left.f_bsize - 100 * 1024))


def read_only(machine):
    machine.mount('lib/modules', '--bind', f'{machine.path}/lib/modules')
    machine.mount('lib/modules', '-o', 'remount,bind,ro')
    machine.mounts.pop()


def old_metadata(machine):
    machine.server.refuse['.rpm'] = 404


def stale(machine):
    machine.env = r.clock_at(os.stat(f'{r.repository()}/repodata/repomd.xml').st_mtime + 400 * 86400)


def no_network(machine):
    machine.server.http.socket.close()


def no_such_host(machine):
    repo(machine, url='http://repository.invalid/drivers')


def held(machine):
    for words in ('install', 'xfs'), ('hold', 'xfs'):
        done = machine.run(*words)
        assert done.returncode == 0, done.stderr


def no_symvers(machine):
    """The tree of the kernel and its files in /boot, without the package of its headers."""
    top = f'{machine.path}/srv'
    shutil.copytree(machine.modules, f'{top}/lib/modules/{machine.kver}', symlinks=True)
    os.makedirs(f'{top}/boot')
    for name in os.listdir(f'{machine.base}/boot'):
        os.symlink(f'{machine.base}/boot/{name}', f'{top}/boot/{name}')


def rpm_lock(machine):
    machine.conf(lock_timeout='1')
    script = 'import fcntl, os, sys, time; fcntl.lockf(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX); print(flush=True); time.sleep(60)'
    machine.other = subprocess.Popen([sys.executable, '-c', script, f'{machine.path}/var/lib/rpm/.rpm.lock'], stdout=subprocess.PIPE)
    machine.other.stdout.readline()


def write_file(path, text):
    return lambda machine: machine.write(path, text)


# the mistake, what makes it (None: the command line alone), the command line
MISTAKES = [
    ('The URL of the repository is wrong', wrong_url, 'refresh'),
    ('The URL is that of a web page', web_page, 'refresh'),
    ('The name of the server is wrong, or there is no DNS', no_such_host, 'refresh'),
    ('There is no network', no_network, 'install xfs'),
    ('The clock is wrong', wrong_clock, 'refresh'),
    ('The certificate is not there', missing_key, 'refresh'),
    ('The certificate is not that of the signer', wrong_key, 'refresh'),
    ('The repository is not signed', unsigned, 'refresh'),
    ('A package is not in the repository any more', old_metadata, 'install xfs'),
    ('The metadata was not refreshed for a year', stale, '--unattended install xfs'),
    ('Not root', no_root, 'install xfs'),
    ('A verb with a typing error', None, 'instal xfs'),
    ('A module with a typing error', None, 'install e1000ee'),
    ('A rule with a typing error', write_file('etc/modfetch/policy.d/50-site.conf', 'dney module floppy\n'), 'install xfs'),
    ('A setting with a typing error', write_file('etc/modfetch/modfetch.conf', '[modfetch]\nmax-agee=30\n'), 'install xfs'),
    ('The repository does not serve this kernel', None, f'--kernel {OTHER} install xfs'),
    ('A package of another kernel', None, 'install xfs-kmp-amd64-5.10.0_99'),
    ('The driver is denied by a rule', write_file('etc/modfetch/policy.d/50-site.conf', 'deny module xfs\n'), 'install xfs'),
    ('The module is on the blacklist', write_file('etc/modprobe.d/site.conf', 'blacklist e1000e\n'), f'probe {r.NIC}'),
    ('The package is held', held, 'remove xfs'),
    ('The disk is full', full_disk, 'install xfs'),
    ('/usr is read-only', read_only, 'install xfs'),
    ('Another program uses the rpm database', rpm_lock, 'install xfs'),
    ('Module.symvers is missing', no_symvers, 'pack --output {root}/srv/drivers {root}/srv/lib/modules/{kver}'),
]
# The command does its work, and reports it.
WARNINGS = {'The clock is wrong', 'Module.symvers is missing'}


def can_mount():
    with tempfile.TemporaryDirectory() as d:
        done = subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', d], stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0 and subprocess.run(['umount', d], check=False).returncode == 0


def made(mistake):
    """(exit status, lines) of a mistake."""
    _, make, words = mistake
    machine = Machine()
    try:
        if make:
            make(machine)
        return machine.says(words.replace('{root}', machine.path).replace('{kver}', machine.kver))
    finally:
        machine.close()


def document(answers):
    parts = [HEAD]
    for number, ((title, _, words), (status, lines)) in enumerate(zip(MISTAKES, answers), 1):
        shown = '\n'.join(f'    {line}' for line in lines)
        parts.append(f'\n## {number}. {title}\n\n    # modfetch {words.replace("{root}", "").replace("{kver}", r.kernel()[1])}\n{shown}\n\nExit status {status}.\n')
    return ''.join(parts)


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.answers = [made(mistake) for mistake in MISTAKES]

    def test_each_fails_with_one_line_and_a_code(self):
        for (title, _, words), (status, lines) in zip(MISTAKES, self.answers):
            with self.subTest(title):
                if title in WARNINGS:
                    self.assertEqual((status, len(lines)), (0, 1), lines)
                    continue
                self.assertNotEqual(status, 0)
                self.assertRegex(lines[-1], r'^modfetch: [\w-]+: .* \[[A-Z-]+\]$', words)
                self.assertEqual(len(lines), 1, lines)

    def test_the_document_is_true(self):
        documents.compare(self, 'mistakes.md', document(self.answers))


if __name__ == '__main__':
    if os.geteuid() or not can_mount():
        print('mounting a full and a read-only file system needs root')
        sys.exit(77)
    if sys.argv[1:] == ['--write']:
        documents.write('mistakes.md', document([made(mistake) for mistake in MISTAKES]))
    else:
        unittest.main()
