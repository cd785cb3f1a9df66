#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole run under strace: which process opened which socket and which file, from an empty cache to an index."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, write  # noqa: E402

CALLS = ('execve', 'clone', 'clone3', 'fork', 'vfork', 'socket', 'socketpair', 'connect', 'bind', 'open', 'creat', 'openat', 'openat2',
         'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'symlink', 'symlinkat', 'link', 'linkat',
         'truncate', 'chmod', 'fchmodat', 'chown', 'fchownat', 'seccomp', 'setresuid', 'init_module', 'finit_module')
WRITING = re.compile(r'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND')

# Files outside of its root that a privileged process reads: libraries and their files.
READ_BY_ROOT = (
    r'/etc/ld\.so\.(cache|preload)', r'(/usr)?/lib(64)?/([^/]*linux-gnu[^/]*/)?[^/]+\.so[^/]*', r'/etc/ssl/openssl\.cnf', r'/usr/lib/ssl/.*',
    r'/usr/lib/rpm(/.*)?', r'/etc/rpm(/.*)?', r'/usr/share/zoneinfo/.*', r'/etc/localtime', r'/proc/.*', r'/sys/.*', r'/dev/(null|u?random)', r'/',
    r'/etc/(nsswitch\.conf|passwd|group)', r'(/memfd:|memfd:).*', r'/usr/lib/locale/.*', r'/usr/share/locale/.*', r'/dev/pts/.*', r'pipe:.*',
    r'/(usr|etc|lib|run|tmp)/?', r'/usr/lib/.*/gconv/.*', r'/etc/crypto-policies/.*', r'/etc/gcrypt/.*', r'/etc/libnl/.*',
)


class Call:
    def __init__(self, line):
        self.line = line
        self.pid, text = line.split(None, 1)
        self.name = text.split('(', 1)[0]
        self.text = text
        done = re.search(r'\) += (-?\d+)(?:<(.*?)>)?', text)
        self.ok = bool(done) and int(done[1]) >= 0
        self.result = done and done[1]
        self.path = done and done[2]


class Trace:
    """The calls of a run, and which program each process was at the time."""

    def __init__(self, path):
        self.calls, begun = [], {}
        with open(path, encoding='utf-8', errors='replace') as f:
            for line in f:
                line = line.rstrip('\n')
                if line.endswith('<unfinished ...>'):
                    begun[line.split()[0]] = line[: -len('<unfinished ...>')]
                    # a child may be logged before the call of its parent has returned
                    continue
                resumed = re.match(r'(\d+) +<\.\.\. \w+ resumed>(.*)', line)
                if resumed:
                    line = begun.pop(resumed[1], f'{resumed[1]} lost(') + resumed[2]
                if re.match(r'\d+ +\w+\(', line):
                    self.calls.append(Call(line))
        self.parent = {c.result: c.pid for c in self.calls if c.name.startswith(('clone', 'fork', 'vfork')) and c.ok}
        self.program = {}
        for c in self.calls:
            if c.name == 'execve' and c.ok:
                self.program[c.pid] = os.path.basename(re.search(r'"(.*?)"', c.text)[1])

    def of(self, pid):
        while pid not in self.program:
            pid = self.parent[pid]
        return self.program[pid]


class WholeRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root()
        cls.directory = tempfile.mkdtemp(prefix='traced-')
        cls.gpg = Gpg(cls.directory)
        cls.gpg.key('good', 'ed25519')
        repo = f'{cls.directory}/repo'
        shutil.copytree(r.repository(), repo)
        os.unlink(f'{repo}/repodata/repomd.xml.p7s')
        cls.gpg.sign('good', f'{repo}/repodata/repomd.xml')
        write(f'{cls.root.path}/etc/modfetch/keys/repo.d/good.gpg', cls.gpg.run('--export', 'good@example.org'))
        servers = [r.Server(r.repository()), r.Server(repo)]
        cls.root.repo(servers[0].url, name='one')
        cls.root.repo(servers[1].url, name='two', keys_line='keys=good')
        done = subprocess.run(
            ['strace', '-f', '-qq', '-y', '-s', '300', '-e', 'trace=' + ','.join(CALLS), '-o', f'{cls.directory}/trace',
             *cls.root.command('--no-load', 'probe', r.NIC)], check=False, capture_output=True, text=True, timeout=300,
            env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR), 'ASAN_OPTIONS': 'detect_leaks=0'})
        for server in servers:
            server.close()
        assert done.returncode == 0, done.stderr
        assert 'e1000e.ko' in cls.root.on_disk()
        cls.trace = Trace(f'{cls.directory}/trace')

    @classmethod
    def tearDownClass(cls):
        cls.gpg.close()
        cls.root.close()
        shutil.rmtree(cls.directory)

    def privileged(self):
        """Calls of all processes but the download helper."""
        return [c for c in self.trace.calls if self.trace.of(c.pid) != 'fetch']

    def test_no_other_program_is_run(self):
        self.assertEqual(set(self.trace.program.values()), {'modfetch', 'fetch', 'sqv'})

    def test_root_opens_no_internet_socket(self):
        for c in self.privileged():
            if c.name == 'socket' and c.ok:
                self.assertRegex(c.text, r'^socket\((AF_UNIX|AF_NETLINK)', c.line)
            if c.name == 'connect':
                # libc asks a cache of users, if there is one; the socket of the service exists on a machine with the units
                self.assertRegex(c.text, r'sun_path="(/var)?/run/(nscd/socket|modfetch/)', c.line)
            self.assertNotEqual(c.name, 'bind', c.line)

    def test_who_does_open_one_has_given_away_everything(self):
        confined, users, internet = set(), set(), set()
        for c in self.trace.calls:
            if c.name == 'seccomp' and 'SECCOMP_SET_MODE_FILTER, 0, {' in c.text and c.ok:
                confined.add(c.pid)
            if c.name == 'setresuid' and c.ok and not re.search(r'setresuid\(0,', c.text):
                users.add(c.pid)
            if c.name == 'socket' and re.search(r'AF_(INET|PACKET)', c.text):
                internet.add(c.pid)
                self.assertIn(c.pid, confined, c.line)
                self.assertIn(c.pid, users, c.line)
                self.assertEqual(self.trace.of(c.pid), 'fetch', c.line)
            if c.pid in confined:
                self.assertNotIn(c.name, ('execve', 'mkdir', 'rename', 'unlink', 'unlinkat', 'symlink', 'chmod'), c.line)
                if c.name.startswith('open') and c.ok:
                    self.assertNotRegex(c.text, WRITING, c.line)
                    self.assertRegex(c.path, r'^(/etc/|/usr/share/|/usr/local/share/|/var/lib/ca-certificates|/dev/(null|urandom)|/proc/)', c.line)
        self.assertGreaterEqual(len(internet), 2)

    def test_root_writes_only_below_the_root_it_was_given(self):
        written = 0
        for c in self.privileged():
            if c.name.startswith(('open', 'creat')) and c.ok and WRITING.search(c.text) and 'O_DIRECTORY' not in c.text:
                if c.path != '/dev/null':
                    self.assertTrue(c.path.startswith(self.root.path + '/'), c.line)
                    written += 1
            if c.name.startswith(('rename', 'unlink', 'mkdir', 'symlink', 'link', 'truncate', 'chmod', 'chown', 'fchmodat', 'fchownat')) and c.ok:
                places = re.findall(r'\d+<([^>]*)>, "|[(, ]"(/[^"]*)"', c.text)
                for descriptor, path in places[:1] if c.name.startswith('symlink') else places:
                    where = descriptor or path
                    self.assertTrue(where.startswith(self.root.path), c.line)
        self.assertGreater(written, 10)

    def test_root_reads_outside_of_it_what_libraries_need_and_no_more(self):
        allowed = re.compile('|'.join(f'(?:{p})' for p in READ_BY_ROOT) + f'|{re.escape(self.root.path)}(/.*)?')
        own = os.path.dirname(os.path.abspath(r.MODFETCH))
        for c in self.privileged():
            if c.name.startswith('open') and c.ok:
                path = c.path.replace(' (deleted)', '').replace('(deleted)', '')
                self.assertTrue(allowed.fullmatch(path) or path.startswith((own, os.getcwd())), c.line)

    def test_nothing_is_loaded_without_being_asked_to(self):
        for c in self.trace.calls:
            self.assertNotIn(c.name, ('init_module', 'finit_module'), c.line)


if __name__ == '__main__':
    unittest.main()
