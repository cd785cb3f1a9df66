#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adding, changing and removing repositories and keys, also with a server that lies and a program that is killed."""
import json
import os
import pty
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, read, write  # noqa: E402


def fingerprint(certificate):
    return r.output('openssl', 'x509', '-in', certificate, '-noout', '-fingerprint', '-sha256').split('=')[1].strip()


class Setup(unittest.TestCase):
    """A small repository over http, and a machine without any repository or key."""

    @classmethod
    def setUpClass(cls):
        cls.keys = r.test_keys()
        cls.print = fingerprint(f'{cls.keys}/repo.crt')
        cls.root = r.Root(modules=())
        os.unlink(f'{cls.root.path}/etc/modfetch/keys/repo.d/repo.pem')
        cls.directory = tempfile.mkdtemp(prefix='setup-')
        os.mkdir(f'{cls.directory}/drivers')
        cls.fresh(f'{cls.directory}/drivers')

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.directory)

    @classmethod
    def fresh(cls, directory):
        """A repository of one package, introduced as pack does."""
        content = read(f'{cls.root.base}/lib/modules/{cls.root.kver}/{cls.root.needed(["loop"])[-1]}')
        r.rpmbuild(directory, 'mine-kmp-test', ['Provides: kmod(mine.ko)'],
                   [(f'/lib/modules/{cls.root.kver}/updates/mine.ko', content)])
        r.createrepo(directory)
        shutil.copy(f'{cls.keys}/repo.crt', f'{directory}/modfetch.pem')

    def setUp(self):
        self.server = r.Server(self.directory)
        self.addCleanup(self.server.close)
        self.url = self.server.url + '/drivers'
        for name in 'var/lib/modfetch', 'var/cache/modfetch', 'run/modfetch', 'etc/modfetch/policy.d':
            shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
        for name in 'repos.d', 'keys/repo.d':
            shutil.rmtree(f'{self.root.path}/etc/modfetch/{name}')
            os.mkdir(f'{self.root.path}/etc/modfetch/{name}')

    def run_it(self, *args, **options):
        return self.root.run(*args, stdin=subprocess.DEVNULL, **options)

    def good(self, *args, **options):
        done = self.run_it(*args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, code, *args, status=4):
        """The run fails with the code and leaves nothing of any repository."""
        before = self.files()
        done = self.run_it(*args)
        self.assertTrue(done.stderr.strip().endswith(f'[{code}]'), done.stderr)
        self.assertEqual(done.returncode, status)
        self.assertEqual(self.files(), before)
        return done.stderr

    def files(self):
        """Every file of repositories and keys, and of their metadata and states."""
        found = {}
        for top in 'etc/modfetch', 'var/cache/modfetch', 'var/lib/modfetch':
            for directory, _, names in os.walk(f'{self.root.path}/{top}'):
                for name in names:
                    path = f'{directory}/{name}'
                    if '/.installed/' not in path:
                        found[os.path.relpath(path, self.root.path)] = os.readlink(path) if os.path.islink(path) else read(path)
        return found

    def repo_file(self, name='drivers'):
        return read(f'{self.root.path}/etc/modfetch/repos.d/{name}.repo').decode()

    def on_terminal(self, answer, *args):
        """Runs on a terminal and types ANSWER. The status, and all that was printed."""
        pid, fd = pty.fork()
        if not pid:
            os.environ['MODFETCH_LIBEXECDIR'] = os.path.abspath(r.LIBEXECDIR)
            command = self.root.command(*args)
            os.execv(command[0], command)
        text, asked = b'', False
        timer = threading.Timer(60, os.kill, (pid, signal.SIGKILL))
        timer.start()
        while True:
            try:
                piece = os.read(fd, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
            if not asked and b'[y/N]' in text:
                os.write(fd, answer.encode())
                asked = True
        timer.cancel()
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode(), asked


class Keys(Setup):
    def test_a_key_from_a_network_needs_more_than_yes(self):
        for args in (), ('--yes',):
            error = self.refused('UNTRUSTED-KEY', 'repo', 'add', self.url, *args)
            self.assertIn(self.print, error)

    def test_the_fingerprint_decides(self):
        self.refused('UNTRUSTED-KEY', 'repo', 'add', self.url, '--key-fingerprint', fingerprint(f'{self.keys}/other.crt'))
        self.refused('UNTRUSTED-KEY', 'repo', 'add', self.url, '--yes', '--key-fingerprint', '00' * 32)
        for nonsense in '', 'AB:CD', self.print[:-1], self.print + ':00', 'x' * 64:
            self.refused('USAGE', 'repo', 'add', self.url, '--key-fingerprint', nonsense, status=64)
        out = self.good('repo', 'add', self.url, '--key-fingerprint', self.print.replace(':', '').lower())
        self.assertIn('added the repository drivers: 1 packages', out)
        self.assertIn(self.print, out)

    def test_of_a_file_with_two_certificates_the_confirmed_one_alone_is_kept(self):
        both = read(f'{self.keys}/other.crt') + read(f'{self.keys}/repo.crt') + read(f'{self.keys}/repo.key')
        self.server.instead['modfetch.pem'] = (200, [], both)
        self.good('repo', 'add', self.url, '--key-fingerprint', self.print)
        kept = read(f'{self.root.path}/etc/modfetch/keys/repo.d/drivers.pem')
        self.assertEqual(kept.count(b'BEGIN'), 1)
        self.assertIn(read(f'{self.keys}/repo.crt').strip(), kept)

    def test_on_a_terminal_it_is_asked_for(self):
        status, text, asked = self.on_terminal('n\n', 'repo', 'add', self.url)
        self.assertTrue(asked)
        self.assertEqual(status, 1, text)
        self.assertIn('[NOT-CONFIRMED]', text)
        self.assertEqual(self.files(), {})
        self.assertIn(self.print, text)
        self.assertIn('plain http', text)
        status, text, asked = self.on_terminal('y\n', 'repo', 'add', self.url)
        self.assertEqual((status, asked), (0, True), text)
        self.assertIn('drivers', self.repo_file())

    def test_a_closed_terminal_is_no_yes(self):
        status, text, _ = self.on_terminal('\x04', 'repo', 'add', self.url)
        self.assertEqual(status, 1, text)
        self.assertEqual(self.files(), {})
        self.refused('NOT-CONFIRMED', '--assume-no', 'repo', 'add', self.url, status=1)
        status, text, asked = self.on_terminal('y\n', '--yes', 'repo', 'add', self.url)
        self.assertEqual((status, asked), (4, False), text)
        self.assertEqual(self.files(), {})

    def test_a_file_of_this_machine_is_confirmed_by_yes(self):
        url = f'file://{self.directory}/drivers'
        self.refused('UNTRUSTED-KEY', 'repo', 'add', url)
        self.good('repo', 'add', url, '--yes')

    def test_a_named_key_needs_no_question_and_must_have_signed(self):
        self.refused('UNTRUSTED-KEY', 'repo', 'add', self.url, '--key', f'{self.keys}/other.crt')
        self.refused('EBADMSG', 'repo', 'add', self.url, '--key', f'{self.keys}/repo.key', status=1)
        self.server.refuse['modfetch.pem'] = 404
        self.refused('NO-KEYS', 'repo', 'add', self.url, '--key-fingerprint', self.print)
        self.good('repo', 'add', self.url, '--key', f'{self.keys}/repo.crt')

    def test_a_subject_is_no_fingerprint(self):
        """The true fingerprint is the first one of a line, whatever the certificate says of itself."""
        forged = f'{self.directory}/forged.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null',
                        '-out', forged, '-subj', f'/O=SHA-256 {self.print[:48]}/OU={self.print[48:]}', '-days', '9'], check=True, stderr=subprocess.DEVNULL)
        self.server.instead['modfetch.pem'] = 200, [], read(forged)
        _, text, _ = self.on_terminal('n\n', 'repo', 'add', self.url)
        line = [line for line in text.splitlines() if 'SHA-256' in line][0]
        self.assertTrue(line.strip().startswith('SHA-256 ' + fingerprint(forged)), line)
        self.assertIn(self.print[:48], line)
        self.good('repo', 'add', self.url, '--key', f'{self.keys}/repo.crt')
        self.good('key', 'import', 'drivers', forged)
        for line in self.good('key', 'list').splitlines():
            self.assertIn(line.split('SHA-256 ')[1][:95], (self.print, fingerprint(forged)))

    def test_a_weak_key_is_refused(self):
        weak = f'{self.directory}/weak.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', '/dev/null', '-out', weak, '-subj', '/CN=weak',
                        '-days', '9'], check=True, stderr=subprocess.DEVNULL)
        self.refused('WEAK-SIGNATURE', 'repo', 'add', self.url, '--key', weak)

    def test_the_list_has_every_key_and_what_is_wrong_with_it(self):
        self.good('repo', 'add', self.url, '--key-fingerprint', self.print)
        keys = f'{self.root.path}/etc/modfetch/keys/repo.d'
        write(f'{keys}/broken.pem', 'nonsense')
        write(f'{keys}/README', 'nothing')
        self.root.repo('http://127.0.0.1:1', name='other', keys_line='keys=drivers missing.pem README')
        _, found = self.root.json('key', 'list')
        by_file = {key['file']: key for key in found['keys']}
        self.assertEqual(sorted(by_file), ['README', 'broken.pem', 'drivers.pem', 'missing.pem'])
        self.assertEqual(by_file['drivers.pem']['used_by'], ['drivers', 'other'])
        self.assertEqual(by_file['drivers.pem']['fingerprint'], self.print.replace(':', '').lower())
        self.assertEqual(by_file['drivers.pem']['subject'], 'CN = modfetch test repo')
        for file in 'README', 'broken.pem', 'missing.pem':
            self.assertTrue(by_file[file]['fault'], file)

    def test_a_suffix_that_is_unknown_is_named_as_the_reason(self):
        write(f'{self.root.path}/etc/modfetch/keys/repo.d/drivers.txt', read(f'{self.keys}/repo.crt'))
        self.root.repo(self.url, name='drivers', keys_line='keys=drivers.txt')
        done = self.run_it('refresh')
        self.assertIn('suffix', done.stderr)
        self.assertIn('[NO-KEYS]', done.stderr)


class Hostile(Setup):
    """The server, or a machine on the way, sends something else."""

    def test_a_repo_file_lowers_no_protection(self):
        self.server.instead['hostile.repo'] = 200, [], (
            '[../x]\nname=Dri\x1b[31mvers ; rm\n trust=none\nbaseurl=%s\n http://127.0.0.1:1/b\ntrust=none\nscriptlets=1\npriority=1\nprefer=1\n'
            'gpgcheck=0\nkeys=../../x\nmirrorlist=http://127.0.0.1:1/list\nidentity=x\nenabled=0\n[vendor]\nbaseurl=http://127.0.0.1:1/\n' % self.url).encode()
        write(f'{self.directory}/modfetch.pem', read(f'{self.keys}/repo.crt'))
        self.addCleanup(os.unlink, f'{self.directory}/modfetch.pem')
        self.good('repo', 'add', f'{self.server.url}/hostile.repo', '--key-fingerprint', self.print)
        self.assertEqual(self.repo_file('hostile'),
                         f'# Written by modfetch repo add.\n[hostile]\nname=Dri?[31mvers\nbaseurl={self.url}\nenabled=1\nkeys=hostile.pem\n')
        self.assertEqual(sorted(os.listdir(f'{self.root.path}/etc/modfetch/repos.d')), ['hostile.repo'])

    def test_a_repo_file_leads_to_no_other_server(self):
        other = r.Server(self.directory)
        self.addCleanup(other.close)
        for url in other.url + '/drivers', f'file://{self.directory}/drivers', f'http://a@{other.url[7:]}/drivers', \
                self.server.url.replace('http:', 'https:'), f'{self.server.url}.example.org/x':
            self.server.instead['x.repo'] = 200, [], f'[x]\nbaseurl={url}\n'.encode()
            self.refused('DENIED', 'repo', 'add', f'{self.server.url}/x.repo', '--key', f'{self.keys}/repo.crt')
        self.assertEqual(other.requests, [])

    def test_a_repo_file_that_is_none(self):
        for body in b'', b'<html>', b'baseurl=http://x\n', b'[x]\0\n':
            self.server.instead['x.repo'] = 200, [], body
            done = self.run_it('repo', 'add', f'{self.server.url}/x.repo', '--key', f'{self.keys}/repo.crt')
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(self.files(), {})

    def test_files_that_are_too_large_are_not_read(self):
        self.server.instead['modfetch.pem'] = 200, [], b'x' * (300 << 10)
        self.server.instead['x.repo'] = 200, [], b'#' * (100 << 10)
        self.refused('TOO-LARGE', 'repo', 'add', self.url, '--key-fingerprint', self.print, status=1)
        self.refused('TOO-LARGE', 'repo', 'add', f'{self.server.url}/x.repo', '--key', f'{self.keys}/repo.crt', status=1)

    def test_a_redirect_to_another_certificate_is_another_fingerprint(self):
        other = tempfile.mkdtemp(dir=self.directory)
        shutil.copy(f'{self.keys}/other.crt', f'{other}/evil.pem')
        where = f'{self.server.url}/{os.path.basename(other)}/evil.pem'
        self.server.instead['drivers/modfetch.pem'] = 302, [('Location', where)], b''
        self.refused('UNTRUSTED-KEY', 'repo', 'add', self.url, '--key-fingerprint', self.print)
        self.assertTrue(any('evil.pem' in path for path in self.server.requests))

    def test_urls_that_would_be_other_lines_of_the_file(self):
        for url in 'ftp://x/y', 'x', '', 'http://', 'http:///x', 'https://h/a\ntrust=none', 'https://h/a b', 'https://h/a,b', 'https://h/a?x', 'https://h/a;b', 'file:x':
            self.refused('USAGE', 'repo', 'add', url, '--key', f'{self.keys}/repo.crt', status=64)
        for name in '../x', '.x', 'a/b', '', 'a b', 'x' * 129, 'a\nb', 'a]':
            self.refused('USAGE', 'repo', 'add', self.url, '--id', name, '--key', f'{self.keys}/repo.crt', status=64)
        self.assertEqual(self.server.requests, [])

    def test_what_cannot_be_verified_leaves_nothing(self):
        for damage in ({'refuse': {'repomd.xml.p7s': 404}}, {'refuse': {'primary': 500}}, {'truncate': {'primary': 9}},
                       {'instead': {'repomd.xml': (200, [], b'<repomd/>')}}):
            with self.subTest(damage=damage):
                for name, value in damage.items():
                    getattr(self.server, name).update(value)
                done = self.run_it('repo', 'add', self.url, '--key-fingerprint', self.print)
                self.assertIn(done.returncode, (1, 4), done.stderr)
                self.assertEqual(self.files(), {})
                for name in damage:
                    getattr(self.server, name).clear()

    def test_metadata_that_was_accepted_goes_if_the_file_cannot_be_written(self):
        where = f'{self.root.path}/etc/modfetch/repos.d'
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'ro', 'none', where], check=True)
        try:
            self.refused('EROFS', 'repo', 'add', self.url, '--key-fingerprint', self.print, status=1)
        finally:
            subprocess.run(['umount', where], check=True)

    def test_a_password_is_for_root_and_for_nobody_else(self):
        url = self.url.replace('http://', 'http://user:geheim@')
        done = self.run_it('-v', 'repo', 'add', url, '--key-fingerprint', self.print)
        self.assertEqual(done.returncode, 0, done.stderr)
        lists = self.good('repo', 'list') + self.good('--json', 'repo', 'list') + self.good('key', 'list')
        self.assertNotIn('geheim', done.stdout + done.stderr + lists)
        holders = [path for path, content in self.files().items() if b'geheim' in (content if isinstance(content, bytes) else content.encode())]
        self.assertEqual(holders, ['etc/modfetch/repos.d/drivers.repo'])
        self.assertEqual(stat.S_IMODE(os.stat(f'{self.root.path}/{holders[0]}').st_mode), 0o600)

    def test_a_killed_run_leaves_nothing_that_is_half_done(self):
        """Killed at each rename and unlink, a run leaves the repository or none, and the next one succeeds."""
        ends = set()
        for number in range(1, 30):
            self.setUp()
            command = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=renameat,renameat2,rename', '-e',
                       f'inject=renameat,renameat2,rename:signal=KILL:when={number}',
                       *self.root.command('repo', 'add', self.url, '--key-fingerprint', self.print)]
            # LeakSanitizer does not work under strace
            env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR), 'ASAN_OPTIONS': 'detect_leaks=0'}
            done = subprocess.run(command, env=env, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            listed = self.root.json('repo', 'list')[1]['repositories']
            ends.add((done.returncode == 0, len(listed)))
            if listed:
                self.good('lookup', 'mine')
            self.assertIn(self.run_it('repo', 'add', self.url, '--key-fingerprint', self.print).returncode, (0, 2))
            self.good('lookup', 'mine')
            if done.returncode == 0:
                break
        self.assertEqual(ends, {(False, 0), (False, 1), (True, 1)})


class Changes(Setup):
    def add(self, *args):
        self.good('repo', 'add', self.url, '--key-fingerprint', self.print, *args)

    def test_it_is_one_line_and_one_answer(self):
        done = self.run_it('--json', 'repo', 'add', self.url, '--key-fingerprint', self.print)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['id'], 'drivers')
        self.assertTrue(json.loads(done.stdout)['changed'])
        self.assertEqual(json.loads(done.stdout)['keys'][0]['subject'], 'CN = modfetch test repo')

    def test_a_second_time_changes_nothing(self):
        self.add()
        before = self.files()
        for more in ('--key-fingerprint', self.print), ('--key', f'{self.keys}/repo.crt'), ():
            self.assertEqual(self.run_it('repo', 'add', self.url + '/', *more).returncode, 2)
        self.assertEqual(self.files(), before)
        # another key, or another URL of this id, is not what is there
        self.refused('EEXIST', 'repo', 'add', self.url, '--key', f'{self.keys}/other.crt', status=1)
        self.refused('EEXIST', 'repo', 'add', self.server.url + '/elsewhere/drivers', '--key', f'{self.keys}/repo.crt', status=1)

    def test_a_file_of_the_same_name_stays(self):
        write(f'{self.root.path}/etc/modfetch/repos.d/drivers.repo', '[mine]\nbaseurl=http://127.0.0.1:1\nkeys=x\n')
        self.refused('EEXIST', 'repo', 'add', self.url, '--key-fingerprint', self.print, status=1)
        os.unlink(f'{self.root.path}/etc/modfetch/repos.d/drivers.repo')
        write(f'{self.root.path}/etc/modfetch/keys/repo.d/drivers.pem', 'mine')
        self.refused('EEXIST', 'repo', 'add', self.url, '--key-fingerprint', self.print, status=1)

    def test_a_dry_run_writes_nothing(self):
        self.assertIn('would be added', self.good('--dry-run', 'repo', 'add', self.url))
        self.assertEqual(self.files(), {})

    def test_the_id_is_the_last_part_of_the_url(self):
        for url, name in (f'{self.url}/', 'drivers'), (f'{self.url}/modfetch.repo', 'drivers'):
            self.setUp()
            write(f'{self.directory}/drivers/modfetch.repo', '[other]\nname=x\n')
            url = url.replace(url.split('/drivers')[0], self.server.url)
            self.good('repo', 'add', url, '--key-fingerprint', self.print)
            self.assertEqual([x['id'] for x in self.root.json('repo', 'list')[1]['repositories']], [name])
            self.assertIn(f'baseurl={self.server.url}/drivers\n', self.repo_file())

    def test_enable_and_disable_change_their_line_alone(self):
        text = ('# of the vendor\r\n[one]\r\nbaseurl = http://127.0.0.1:1\r\nenabled = 1 ; since May\r\nkeys=x\r\n\r\n'
                '[two]\nbaseurl=http://127.0.0.1:2\n  http://127.0.0.1:3\nkeys=x\n#enabled=0\n')
        path = f'{self.root.path}/etc/modfetch/repos.d/vendor.repo'
        write(path, text)
        os.chmod(path, 0o640)
        self.good('repo', 'disable', 'one', 'two')
        wanted = text.replace('enabled = 1 ;', 'enabled = 0 ;').replace('[two]\n', '[two]\nenabled=0\n')
        self.assertEqual(read(path).decode(), wanted)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        self.assertEqual(self.run_it('repo', 'disable', 'one').returncode, 2)
        self.good('repo', 'enable', 'one')
        self.assertEqual(read(path).decode(), wanted.replace('enabled = 0 ;', 'enabled = 1 ;'))
        # all ids are known, or nothing is changed
        self.refused('NOT-FOUND', 'repo', 'disable', 'one', 'tow', status=3)

    def test_a_link_is_not_replaced(self):
        write(f'{self.root.path}/etc/vendor', '[one]\nbaseurl=http://127.0.0.1:1\nkeys=x\n')
        self.addCleanup(os.unlink, f'{self.root.path}/etc/vendor')
        os.symlink('../../vendor', f'{self.root.path}/etc/modfetch/repos.d/vendor.repo')
        for verb in 'disable', 'remove':
            self.refused('CONFIG', 'repo', verb, 'one', status=1)

    def test_remove_takes_what_add_brought(self):
        self.add()
        self.good('repo', 'remove', 'drivers')
        self.assertEqual(list(self.files()), ['var/lib/modfetch/repos/drivers.state'])
        self.refused('NOT-FOUND', 'repo', 'remove', 'drivers', status=3)

    def test_remove_leaves_the_keys_and_sections_of_others(self):
        self.add()
        path = f'{self.root.path}/etc/modfetch/repos.d/drivers.repo'
        rest = '# mine\n[other]\nbaseurl=http://127.0.0.1:1\nkeys=drivers\n'
        write(path, self.repo_file() + rest)
        self.assertIn('drivers.pem stays', self.good('repo', 'remove', 'drivers'))
        self.assertEqual(read(path).decode(), '# Written by modfetch repo add.\n' + rest)
        self.assertTrue(os.path.exists(f'{self.root.path}/etc/modfetch/keys/repo.d/drivers.pem'))
        # a key that an admin named
        write(f'{self.root.path}/etc/modfetch/keys/repo.d/mine.pem', read(f'{self.keys}/repo.crt'))
        self.root.repo(self.url, name='third', keys_line='keys=mine')
        self.assertIn('mine.pem stays', self.good('repo', 'remove', 'third'))
        # one that a package brought, under the name that modfetch would choose
        write(f'{self.root.path}/etc/modfetch/keys/repo.d/third.pem', read(f'{self.keys}/repo.crt'))
        self.root.repo(self.url, name='third', keys_line='keys=third')
        self.assertIn('third.pem stays', self.good('repo', 'remove', 'third'))
        self.assertTrue(os.path.exists(f'{self.root.path}/etc/modfetch/keys/repo.d/third.pem'))
        self.assertTrue(os.path.exists(f'{self.root.path}/etc/modfetch/keys/repo.d/mine.pem'))

    def test_removing_and_adding_again_lets_no_older_metadata_in(self):
        old = tempfile.mkdtemp(dir=self.directory) + '/drivers'
        shutil.copytree(f'{self.directory}/drivers', old)
        r.next_second()
        r.createrepo(f'{self.directory}/drivers')
        self.add()
        self.good('repo', 'remove', 'drivers')
        url = f'{self.server.url}/{os.path.relpath(old, self.directory)}'
        self.assertIn('--id', self.refused('ROLLBACK', 'repo', 'add', url, '--key-fingerprint', self.print))
        self.add()
        # another publisher, whose key this id never had, begins again
        self.good('repo', 'remove', 'drivers')
        r.sign(old, 'other')
        self.good('repo', 'add', url, '--key', f'{self.keys}/other.crt')

    def test_removing_and_adding_again_keeps_the_identity(self):
        one, other = (tempfile.mkdtemp(dir=self.directory) + '/drivers' for _ in range(2))
        for directory, identity in (one, 'uuid:1'), (other, 'uuid:2'):
            shutil.copytree(f'{self.directory}/drivers', directory)
            r.next_second()
            subprocess.run(['createrepo_c', '-q', '--no-database', '--repo', identity, directory], check=True)
            r.sign(directory)
        url = f'{self.server.url}/{os.path.relpath(one, self.directory)}'
        self.good('repo', 'add', url, '--key-fingerprint', self.print)
        self.good('repo', 'remove', 'drivers')
        url = f'{self.server.url}/{os.path.relpath(other, self.directory)}'
        self.assertIn('--id', self.refused('IDENTITY', 'repo', 'add', url, '--key-fingerprint', self.print))
        self.good('repo', 'add', url, '--key-fingerprint', self.print, '--id', 'another')
        # with another key it is another publisher's
        r.sign(other, 'other')
        self.good('repo', 'add', url, '--key', f'{self.keys}/other.crt', '--id', 'drivers')

    def test_an_unknown_id_gets_a_similar_one(self):
        self.add()
        for verb in ('refresh',), ('repo', 'enable'), ('repo', 'remove'):
            self.assertIn('did you mean drivers?', self.refused('NOT-FOUND', *verb, 'driver', status=3))
        self.assertIn('did you mean drivers?', self.refused('NOT-FOUND', 'key', 'import', 'dirvers', f'{self.keys}/repo.crt', status=3))


class Imports(Setup):
    def test_a_second_key_counts_from_the_next_refresh_on(self):
        self.good('repo', 'add', self.url, '--key-fingerprint', self.print)
        self.refused('UNTRUSTED-KEY', 'key', 'import', 'drivers', self.url + '/modfetch.pem')
        out = self.good('key', 'import', 'drivers', f'{self.keys}/other.crt')
        self.assertIn(fingerprint(f'{self.keys}/other.crt'), out)
        self.assertIn('keys=drivers.pem drivers~2.pem\n', self.repo_file())
        self.assertEqual(self.run_it('key', 'import', 'drivers', f'{self.keys}/other.crt').returncode, 2)
        copy = tempfile.mkdtemp(dir=self.directory) + '/drivers'
        shutil.copytree(f'{self.directory}/drivers', copy)
        r.next_second()
        r.createrepo(copy, 'other')
        write(f'{self.root.path}/etc/modfetch/repos.d/drivers.repo',
              self.repo_file().replace(self.url, f'{self.server.url}/{os.path.relpath(copy, self.directory)}'))
        self.good('refresh', 'drivers')
        self.good('repo', 'remove', 'drivers')
        self.assertEqual(os.listdir(f'{self.root.path}/etc/modfetch/keys/repo.d'), [])

    def test_a_repo_file_of_zypper_or_dnf_says_how_to_go_on(self):
        gpg = Gpg(self.directory, 'gpg-vendor')
        self.addCleanup(gpg.close)
        gpg.key('vendor')
        directory = f'{self.directory}/vendor'
        shutil.copytree(f'{self.directory}/drivers', directory)
        os.unlink(f'{directory}/repodata/repomd.xml.p7s')
        gpg.sign('vendor', f'{directory}/repodata/repomd.xml')
        write(f'{directory}/RPM-KEY', gpg.run('--armor', '--export', 'vendor@example.org'))
        url = f'{self.server.url}/vendor'
        self.root.repo(url, name='vendor', keys_line='', extra=['gpgcheck=0', f'gpgkey={url}/RPM-KEY'])
        done = self.run_it('refresh', 'vendor')
        self.assertEqual(done.returncode, 4)
        command = f'modfetch key import vendor {url}/RPM-KEY'
        self.assertIn(command, done.stderr)
        self.assertIn(command, self.run_it('status').stdout)
        self.assertFalse([path for path in self.server.requests if 'RPM-KEY' in path])
        digest = r.output('sha256sum', f'{directory}/RPM-KEY').split()[0]
        self.refused('UNTRUSTED-KEY', *command.split()[1:], '--yes')
        self.refused('UNTRUSTED-KEY', *command.split()[1:], '--key-fingerprint', '0' + digest[1:] if digest[0] != '0' else '1' + digest[1:])
        self.good(*command.split()[1:], '--key-fingerprint', digest)
        self.good('refresh', 'vendor')

    def test_a_private_key_is_not_published_to_everybody(self):
        self.good('repo', 'add', self.url, '--key-fingerprint', self.print)
        write(f'{self.directory}/secret.asc', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n-----END PGP PRIVATE KEY BLOCK-----\n')
        self.refused('DENIED', 'key', 'import', 'drivers', f'{self.directory}/secret.asc')


if __name__ == '__main__':
    unittest.main()
