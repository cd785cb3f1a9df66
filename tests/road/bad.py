#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Failures of all kinds; afterwards the tree and the rpm database must be exactly as before."""
import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)

    def fails(self, status, code, *args, like='', quick=30):
        """Runs the command, which must fail with this code and change nothing."""
        before, started = self.root.state(), time.monotonic()
        done = self.root.run(*args)
        self.assertLess(time.monotonic() - started, quick)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        last = done.stderr.splitlines()[-1]
        self.assertIn(f'[{code}]', last)
        # the stage, the subject, the reason
        self.assertRegex(last, r'^modfetch: [a-z]+: \S[^:]*(:\S[^:]*)*: .{8,} \[[A-Z-]+\]$')
        self.assertRegex(done.stderr, like or '.')
        self.assertEqual(self.root.state(), before)
        return done

    def tag(self):
        version, flavor = self.root.kver.rsplit('-', 1)
        return f'{flavor}-{version.replace("-", "_")}'


class Configuration(Case):
    def test_no_repository(self):
        self.fails(1, 'NO-REPOSITORY', 'lookup', r.NIC)
        self.fails(1, 'NO-REPOSITORY', 'probe', r.NIC, like='/etc/modfetch/repos.d')
        self.fails(1, 'NO-REPOSITORY', 'install', 'x')
        self.fails(1, 'NO-REPOSITORY', 'refresh')
        # modules on disk need no repository
        self.assertEqual(self.root.run('probe', 'loop').returncode, 2)
        self.assertEqual(self.root.run('lookup', 'loop').returncode, 0)
        self.assertEqual(self.root.run('status').returncode, 0)

    def test_disabled_repository_is_none(self):
        self.root.repo('file://' + r.repository(), extra=['enabled=0'])
        self.fails(1, 'NO-REPOSITORY', 'probe', r.NIC)

    def test_repo_files_that_are_wrong(self):
        for lines, like in ((['[test]', 'baseurl=ftp://x'], 'neither http:, https:, file:'),
                            (['[test]', 'name=x'], 'baseurl'),
                            (['[../x]', 'baseurl=http://x'], 'id'),
                            (['[test]', 'baseurl=http://x', 'trust=none'], 'file: only'),
                            (['[test]', 'baseurl=http://x', 'trust=maybe'], 'trust'),
                            (['[test]', 'baseurl=http://x', 'enabled=perhaps'], 'yes nor no'),
                            (['[test]', 'baseurl=http://x', 'priority=0'], 'priority'),
                            (['[test]', 'baseurl=http://' + 'x' * 70000], r'test\.repo'),
                            (['no ini'], 'line 1')):
            with open(f'{self.root.path}/etc/modfetch/repos.d/test.repo', 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines) + '\n')
            self.fails(1, 'CONFIG', 'probe', r.NIC, like=like)
            # status reports it
            status = self.root.run('status')
            self.assertEqual(status.returncode, 0)
            self.assertRegex(status.stdout, r'NOT USED: test\.repo')
            self.assertRegex(status.stdout, like)

    def test_settings_that_are_wrong(self):
        for key, value in (('lock_timeout', 'soon'), ('lock_timeout', '-1'), ('nonsense', '1'), ('rpmdb', 'relative'),
                           ('module_signature', 'maybe'), ('max_package', '0'), ('fetch_timeout', '99999999999999999999')):
            self.root.conf(**{key: value})
            self.fails(1, 'CONFIG', 'lookup', r.NIC, like=r'modfetch\.conf')

    def test_a_repository_without_keys(self):
        self.root.repo('file://' + r.repository(), keys_line='')
        self.fails(4, 'NO-KEYS', 'refresh')
        self.fails(4, 'NO-KEYS', 'probe', r.NIC)
        self.root.repo('file://' + r.repository(), keys_line='keys=missing.pem')
        self.fails(4, 'NO-KEYS', 'refresh', like='missing.pem')

    def test_trust_none_is_said_aloud(self):
        self.root.repo('file://' + r.repository(), keys_line='', extra=['trust=none'])
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0)
        self.assertIn('without a signature', done.stderr)
        self.assertIn('NOT SIGNED', self.root.run('status').stdout)


class Queries(Case):
    """A request for a name that no repository has, or for an invalid name."""

    def setUp(self):
        super().setUp()
        self.server = r.Server(r.repository())
        self.addCleanup(self.server.close)
        self.root.repo(self.server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.asked = len(self.server.requests)

    def tearDown(self):
        self.assertEqual(len(self.server.requests), self.asked, 'there was nothing to request')

    def test_an_alias_nobody_carries(self):
        for verb in 'probe', 'lookup':
            for query in r.NOBODY, 'no-such-module', 'symbol:no_such_symbol':
                before = self.root.state()
                done = self.root.run('--no-load', verb, query)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(f'no package for {query}', done.stderr)
                self.assertIn('[NOT-FOUND]', done.stderr)
                self.assertEqual(self.root.state(), before)
        self.fails(3, 'NOT-FOUND', 'install', 'no-such-package', like='no-such-package')

    def test_garbage_and_what_is_too_long(self):
        for query in 'pci:v\x01', 'pci:[' + 'x' * 5000, 'x' * 2049, 'usb:v\xff', 'a b\tc', '\u202epci:x', '%s%n', '../../etc/passwd', '$(id)':
            for verb in 'probe', 'lookup':
                before = self.root.state()
                done = self.root.run('--no-load', verb, query)
                self.assertIn(done.returncode, (3, 4), done.stderr)
                self.assertRegex(done.stderr, r'\[(BAD-MODALIAS|NOT-FOUND)\]')
                self.assertTrue(all(' ' <= c and not 0x7f <= ord(c) <= 0x9f and c != '\u202e' for c in done.stderr.replace('\n', '')),
                                repr(done.stderr))
                self.assertLess(len(done.stderr), 3000)
                self.assertEqual(self.root.state(), before)

    def test_garbage_among_many_costs_nobody_else_anything(self):
        path = f'{self.root.path}/tmp/list'
        with open(path, 'wb') as f:
            f.write(b'pci:[\n' + b'x' * 9000 + b'\n\xff\xfe\n' + r.NOBODY.encode() + b'\n')
        before = self.root.state()
        done = self.root.run('--no-load', 'coldplug', '--sysfs', path)
        self.assertIn(done.returncode, (2, 3, 4), done.stderr)
        self.assertEqual(self.root.state(), before)


class Meanwhile(Case):
    """An update of the kernel replaces its directory during a run."""

    def replace(self):
        os.rename(self.root.modules, self.root.modules + '.old')
        shutil.copytree(self.root.modules + '.old', self.root.modules, symlinks=True)

    def back(self):
        shutil.rmtree(self.root.modules)
        os.rename(self.root.modules + '.old', self.root.modules)

    def test_at_each_answer_of_the_server(self):
        server = r.Server(r.repository())
        self.addCleanup(server.close)
        self.root.repo(server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        packages = [item['name'] for item in self.root.json('lookup', r.HDA, r.NIC)[1]['install']]
        points = ['repomd.xml', 'repomd.xml.p7s', 'primary'] + [f'/{name}-' for name in packages]
        self.assertGreaterEqual(len(points), 10)
        before = self.root.state()
        for point in points:
            with self.subTest(point=point):
                for name in 'cache', 'lib':
                    shutil.rmtree(f'{self.root.path}/var/{name}/modfetch', ignore_errors=True)
                server.before[point] = self.replace
                done = self.root.run('--no-load', 'probe', r.HDA, r.NIC)
                self.assertEqual(server.before, {})
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn('[KERNEL-CHANGED]', done.stderr)
                self.back()
                self.assertEqual(self.root.state(), before)


class Network(Case):
    def serve(self):
        server = r.Server(r.repository())
        self.addCleanup(server.close)
        return server

    def test_the_road_over_http(self):
        server = self.serve()
        self.root.repo(server.url)
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())
        self.assertTrue(any('e1000e-kmp' in path for path in server.requests))
        count = len(server.requests)
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 2)
        self.assertEqual(len(server.requests), count, 'a module on disk needs no network')

    def test_nobody_listens(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.root.repo(f'http://127.0.0.1:{s.getsockname()[1]}')
            self.fails(1, 'UNREACHABLE', 'refresh')
            self.fails(1, 'UNREACHABLE', 'probe', r.NIC)

    def test_a_name_that_does_not_resolve(self):
        self.root.repo('http://no-such-host.invalid/repo')
        self.fails(1, 'UNREACHABLE', 'refresh')

    def test_folder_that_is_not_there(self):
        self.root.repo('file:///no/such/directory')
        self.fails(1, 'UNREACHABLE', 'refresh', like='/no/such/directory')

    def test_metadata_is_missing(self):
        server = self.serve()
        server.refuse['repomd.xml'] = 404
        self.root.repo(server.url)
        self.fails(1, 'HTTP-STATUS', 'refresh', like='404')
        self.fails(1, 'HTTP-STATUS', 'probe', r.NIC)
        server.refuse = {'repomd.xml.p7s': 404}
        self.fails(4, 'NO-SIGNATURE', 'refresh')
        server.refuse = {'primary': 503}
        self.fails(1, 'HTTP-STATUS', 'refresh', like='503')

    def test_a_package_is_missing(self):
        server = self.serve()
        self.root.repo(server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        server.refuse['e1000e'] = 404
        self.fails(1, 'HTTP-STATUS', '--no-load', 'probe', r.NIC, like='404')

    def test_a_package_is_cut_off(self):
        server = self.serve()
        self.root.repo(server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        server.truncate['e1000e'] = 1000
        self.fails(1, 'TRUNCATED', '--no-load', 'probe', r.NIC)

    def test_the_next_mirror_helps(self):
        bad, good = self.serve(), self.serve()
        bad.refuse['rpm'] = 500
        self.root.repo(bad.url, good.url)
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())

    def copy(self):
        directory = tempfile.mkdtemp(prefix='modfetch-repo-')
        self.addCleanup(shutil.rmtree, directory)
        shutil.copytree(r.repository(), directory, dirs_exist_ok=True)
        return directory

    def test_a_package_has_another_digest(self):
        for url in (lambda directory: 'file://' + directory, self.over_http):
            directory = self.copy()
            self.root.repo(url(directory))
            self.assertIn(self.root.run('refresh').returncode, (0, 2))
            path = f'{directory}/x86_64/e1000e-kmp-{self.tag()}-{self.version()}.x86_64.rpm'
            with open(path, 'r+b') as f:
                f.seek(-100, os.SEEK_END)
                byte = f.read(1)
                f.seek(-100, os.SEEK_END)
                f.write(bytes([byte[0] ^ 1]))
            self.fails(4, 'BAD-DIGEST', '--no-load', 'probe', r.NIC, like='e1000e')
            self.fails(4, 'BAD-DIGEST', 'install', f'e1000e-kmp-{self.tag()}')

    def over_http(self, directory):
        server = r.Server(directory)
        self.addCleanup(server.close)
        return server.url

    def version(self):
        return r.evr(self.root.kver)

    def test_metadata_has_another_digest(self):
        directory = self.copy()
        self.root.repo('file://' + directory)
        for name in os.listdir(directory + '/repodata'):
            if 'primary' in name:
                with open(f'{directory}/repodata/{name}', 'ab') as f:
                    f.write(b'x')
        self.refused('refresh')
        self.assertEqual(self.root.run('lookup', r.NIC).returncode, 1)

    def refused(self, *args):
        before = self.root.state()
        done = self.root.run(*args)
        self.assertIn(done.returncode, (1, 4))
        self.assertRegex(done.stderr, r'\[(BAD-DIGEST|BAD-SIZE|TOO-LARGE)\]')
        self.assertEqual(self.root.state(), before)

    def test_metadata_signed_by_somebody_else(self):
        directory = self.copy()
        r.sign(directory, 'other')
        self.root.repo('file://' + directory)
        self.fails(4, 'UNTRUSTED-KEY', 'refresh')
        with open(directory + '/repodata/repomd.xml', 'ab') as f:
            f.write(b'\n')
        shutil.copy(r.repository() + '/repodata/repomd.xml.p7s', directory + '/repodata')
        self.fails(4, 'BAD-SIGNATURE', 'refresh')

    def test_a_failed_refresh_leaves_the_old_metadata_in_use(self):
        directory = self.copy()
        self.root.repo('file://' + directory)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        _, before = self.root.json('lookup', r.NIC)
        with open(directory + '/repodata/repomd.xml', 'ab') as f:
            f.write(b'\n')
        for args in (['refresh'], ['refresh', '--force']):
            self.fails(4, 'BAD-SIGNATURE', *args)
            self.assertEqual(self.root.json('lookup', r.NIC)[1], before)

    def test_one_bad_repository_does_not_cost_the_others(self):
        self.root.repo('file:///no/such/directory', name='aaa')
        self.root.repo('file://' + r.repository(), name='zzz')
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count('UNREACHABLE'), 1, done.stderr)
        self.assertIn('zzz: unchanged', done.stdout)
        done = self.root.run('--json', 'refresh', '--force')
        self.assertIn('"refreshed"', done.stdout)

    def test_a_slow_server_is_given_up(self):
        server = self.serve()
        server.delay = 20
        self.root.conf(fetch_timeout=1)
        self.root.repo(server.url)
        self.fails(1, 'TIMEOUT', 'refresh', quick=10)
        server.delay = 0


class Cache(Case):
    def setUp(self):
        super().setUp()
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.cache = f'{self.root.path}/var/cache/modfetch/test'

    def files(self):
        directory = os.path.realpath(f'{self.cache}/current')
        return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]

    def test_refresh_without_change_has_nothing_to_do(self):
        self.assertEqual(self.root.run('refresh').returncode, 2)
        self.assertEqual(self.root.run('refresh', '--force').returncode, 0)
        self.assertEqual(self.root.run('refresh', 'nosuch').returncode, 3)
        self.assertEqual(self.root.run('refresh', 'test').returncode, 2)

    def test_damaged_files_are_noticed_and_made_anew(self):
        _, whole = self.root.json('lookup', r.NIC, r.HDA)
        for name in [os.path.basename(path) for path in self.files()]:
            for damage in (b'', b'garbage' * 100, None):
                path = f'{self.cache}/current/{name}'
                with open(path, 'rb') as f:
                    content = f.read()
                if damage is None:
                    damage = content[:len(content) // 2]
                with open(path, 'wb') as f:
                    f.write(damage)
                done = self.root.run('--json', 'lookup', r.NIC, r.HDA)
                self.assertIn(done.returncode, (0, 1), (path, done.stderr))
                if done.returncode:
                    self.assertRegex(done.stderr, r'\[(BAD-INDEX|NO-METADATA)\]')
                self.assertIn(self.root.run('refresh', '--force').returncode, (0,))
                self.assertEqual(self.root.json('lookup', r.NIC, r.HDA)[1], whole, path)

    def test_a_probe_mends_a_damaged_cache(self):
        for path in self.files():
            if path.endswith('.bin'):
                os.truncate(path, os.path.getsize(path) // 2)
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())

    def test_a_probe_mends_a_damaged_package_list(self):
        for path in self.files():
            if path.endswith('.solv'):
                os.truncate(path, os.path.getsize(path) // 2)
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_cache_that_is_gone_is_fetched_again(self):
        shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_force_keeps_readers_supplied(self):
        stop, failures = threading.Event(), []

        def look():
            while not stop.is_set():
                done = self.root.run('lookup', r.NIC)
                if done.returncode:
                    failures.append(done.stderr)
        readers = [threading.Thread(target=look) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(15):
            self.assertEqual(self.root.run('refresh', '--force').returncode, 0)
        stop.set()
        for reader in readers:
            reader.join()
        self.assertEqual(failures, [])
        self.assertLessEqual(len([n for n in os.listdir(self.cache) if n.startswith('gen-')]), 2)


class Symbols(Case):
    def symvers(self):
        return f'{self.root.path}/usr/src/linux-headers-{self.root.kver}/Module.symvers'

    def imports(self):
        """The symbols that only e1000e imports, of the packages here, with their CRCs."""
        needs = {}
        for name in os.listdir(f'{r.repository()}/x86_64'):
            text = r.output('rpm', '-qp', '--requires', f'{r.repository()}/x86_64/{name}', stderr=subprocess.DEVNULL)
            for need in re.findall(r'ksym\(\w+:(\w+)\) = (\w+)', text):
                needs.setdefault(need, set()).add(name.partition('-kmp')[0])
        return sorted(need for need, names in needs.items() if names == {'e1000e'})

    def edit(self, symbol, crc):
        with open(self.symvers(), encoding='utf-8') as f:
            lines = f.readlines()
        with open(self.symvers(), 'w', encoding='utf-8') as f:
            for line in lines:
                fields = line.split('\t')
                if fields[1] == symbol:
                    if not crc:
                        continue
                    fields[0] = '0x' + crc
                f.write('\t'.join(fields))

    def test_the_line_names_the_symbol_and_both_crcs(self):
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        symbol, crc = self.imports()[7]
        self.edit(symbol, '0badf00d')
        done = self.fails(1, 'NO-SYMBOL', '--no-load', 'probe', r.NIC)
        for word in ('e1000e', symbol, crc, 'badf00d', self.root.kver):
            self.assertIn(word, done.stderr)
        self.edit(symbol, None)
        done = self.fails(1, 'NO-SYMBOL', '--no-load', 'probe', r.NIC)
        for word in ('e1000e', symbol, crc, 'does not have'):
            self.assertIn(word, done.stderr)

    def test_the_other_wants_go_on(self):
        self.root.repo('file://' + r.repository())
        self.edit(self.imports()[7][0], '0badf00d')
        done = self.root.run('--no-load', 'probe', r.NIC, r.HDA)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn('badf00d', done.stderr)
        self.assertIn('snd-hda-intel.ko', self.root.on_disk())
        self.assertNotIn('e1000e.ko', self.root.on_disk())

    def test_a_kernel_without_symvers_asks_its_image_package(self):
        os.unlink(self.symvers())
        self.root.repo('file://' + r.repository())
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)


class Disk(unittest.TestCase):
    """On a separate file system, which can be small or read-only."""

    def setUp(self):
        self.mount = tempfile.mkdtemp(prefix='modfetch-disk-')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64m,mode=755', 'tmpfs', self.mount], check=True)
        self.addCleanup(self.unmount)
        self.root = r.Root(path=self.mount)
        self.root.repo('file://' + r.repository())
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wal()

    def unmount(self):
        subprocess.run(['umount', '-l', self.mount], check=True)
        os.rmdir(self.mount)

    def wal(self):
        """Brings the files of librpm into the state after any use, so that only content is compared below."""
        self.root.packages()

    def test_read_only(self):
        before = self.root.state()
        subprocess.run(['mount', '-o', 'remount,ro', self.mount], check=True)
        for args in (['--no-load', 'probe', r.NIC], ['install', 'xfs-kmp'], ['refresh'], ['remove', 'bystander']):
            done = self.root.run(*args)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn('[EROFS]', done.stderr)
        for args in (['lookup', r.NIC], ['status'], ['--dry-run', 'probe', r.NIC]):
            done = self.root.run(*args)
            self.assertEqual(done.returncode, 0, done.stderr)
        subprocess.run(['mount', '-o', 'remount,rw', self.mount], check=True)
        self.assertEqual(self.root.state(), before)

    def fill(self, left):
        """Leaves LEFT bytes of the file system free."""
        path = f'{self.mount}/tmp/ballast'
        if os.path.exists(path):
            os.unlink(path)
        st = os.statvfs(self.mount)
        size = st.f_bavail * st.f_frsize - left
        with open(path, 'wb') as f:
            os.posix_fallocate(f.fileno(), 0, size)
        return path

    def test_full_at_every_point(self):
        """With less and less free space, each run either succeeds completely or changes nothing."""
        ok = failed = 0
        for left in [*range(0, 512 * 1024, 64 * 1024), *range(512 * 1024, 6 << 20, 512 * 1024)]:
            ballast = self.fill(left)
            before = self.root.tree(), self.root.packages()
            done = self.root.run('--no-load', 'probe', r.NIC, r.NVME)
            after = self.root.tree(), self.root.packages()
            if done.returncode == 0:
                ok += 1
                self.assertIn('e1000e.ko', self.root.on_disk())
                os.unlink(ballast)
                self.assertEqual(self.root.run('remove', *[n for n in self.root.names() if '-kmp-' in n]).returncode, 0)
            else:
                failed += 1
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()) - done.stderr.count('modfetch: fetched') -
                                 done.stderr.count('modfetch: history') , 1, done.stderr)
                self.assertEqual(after[1], before[1], (left, done.stderr))
                self.assertEqual(after[0], before[0], (left, done.stderr))
        self.assertGreater(ok, 2)
        self.assertGreater(failed, 5)

    def test_full_while_refreshing(self):
        _, before = self.root.json('lookup', r.NIC)
        for left in (0, 4096, 65536, 200 * 1024):
            ballast = self.fill(left)
            self.root.run('refresh', '--force')
            os.unlink(ballast)
            self.assertEqual(self.root.json('lookup', r.NIC)[1], before, left)


class Locks(Case):
    def setUp(self):
        super().setUp()
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.root.conf(lock_timeout=1)

    @contextlib.contextmanager
    def held(self):
        """Another process holds the rpm lock, until its standard input is closed. Yields it."""
        script = 'import fcntl, sys; f = open(sys.argv[1], "a+b"); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()'
        with subprocess.Popen([sys.executable, '-c', script, f'{self.root.path}/var/lib/rpm/.rpm.lock'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            yield holder
            holder.stdin.close()

    def test_a_held_rpm_lock_is_waited_for_and_said(self):
        with self.held():
            done = self.fails(1, 'LOCKED', '--no-load', 'probe', r.NIC, like='waiting for it', quick=5)
            self.assertIn('at most 1 s', done.stderr)
            self.fails(1, 'LOCKED', 'remove', 'bystander', quick=5)
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 0)

    def test_a_lock_that_is_given_up_in_time_is_taken(self):
        self.root.conf(lock_timeout=20)
        with self.held() as holder:
            running = self.root.start('--no-load', 'probe', r.NIC)
            # the lock is released when the program says that it waits: a slow machine comes to it late
            lines = iter(running.stderr.readline, '')
            self.assertTrue(any('waiting for it, at most 20 s' in line for line in lines))
            self.assertIsNone(running.poll())
            holder.stdin.close()
            _, err = running.communicate(timeout=30)
        self.assertEqual(running.returncode, 0, err)

    def test_a_package_manager_that_waits_for_us_is_not_waited_for(self):
        self.root.conf(lock_timeout=20)
        with open(f'{self.root.path}/var/lib/rpm/.rpm.lock', 'a+b') as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            done = self.fails(1, 'LOCKED', '--no-load', 'probe', r.NIC, like='repeat it after the package manager', quick=5)
            self.assertNotIn('waiting for it', done.stderr)

    def test_another_modfetch_is_waited_for_and_said(self):
        path = f'{self.root.path}/run/modfetch/lock'
        with open(path, 'a+b') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.fails(1, 'LOCKED', '--no-load', 'probe', r.NIC, like='another modfetch', quick=5)
            self.assertEqual(self.root.run('lookup', r.NIC).returncode, 0, 'looking needs no lock')
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 0)


if __name__ == '__main__':
    unittest.main()
