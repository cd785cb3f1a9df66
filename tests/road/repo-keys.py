#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys of .repo files, as vendors and admins write them for zypper and dnf, with the whole command."""
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

NIC = 'pci:v00008086d00001521sv00008086sd00000001bc02sc00i00'


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root(modules=('loop',), kind='default-1')
        self.addCleanup(self.root.close)
        self.kver = self.root.kver
        self.tag = r.tag(self.kver)
        self.repository = tempfile.mkdtemp(prefix='repo-keys-')
        self.addCleanup(shutil.rmtree, self.repository)

    def driver(self, module, version='1', *spec):
        tree = f'{r.full_tree("default-1")}/lib/modules'
        path = next(f'{d}/{module}.ko' for d, _, files in os.walk(tree) if f'{module}.ko' in files)
        with open(path, 'rb') as f:
            content = f.read()
        r.rpmbuild(self.repository, f'{module}-kmp-{self.tag}',
                   [f'Provides: kmod({module}.ko)', f'Provides: {module}-kmp', *spec],
                   [(f'/lib/modules/{self.kver}/updates/{module}.ko', content)], version=version)

    def configure(self, *lines, url=None):
        self.root.repo(url or f'file://{self.repository}', extra=lines)

    def done(self, *args, status=0, **options):
        run = self.root.run('--no-load', *args, **options)
        self.assertEqual(run.returncode, status, (args, run.stdout, run.stderr))
        return run

    def names(self):
        return {n.split('-')[0] for n in self.root.names() if '-kmp-' in n}


class Excludes(Case):
    def setUp(self):
        super().setUp()
        self.driver('dca')
        self.driver('i2c-algo-bit')
        self.driver('igb', '1', f'Supplements: modalias(kernel-{self.tag}:pci:v00008086d00001521sv*sd*bc*sc*i*)',
                    f'Requires: dca-kmp-{self.tag}')
        r.createrepo(self.repository)

    def test_an_excluded_package_is_not_there_for_a_name_a_device_or_a_dependency(self):
        self.configure()
        self.done('refresh')
        self.configure('excludepkgs=igb-kmp-*')
        self.assertIn('NOT-FOUND', self.done('install', 'igb', status=3).stderr)
        self.assertIn('NOT-FOUND', self.done('install', f'igb-kmp-{self.tag}', status=3).stderr)
        self.done('lookup', NIC, status=3)
        self.assertEqual(self.names(), set())
        # the dependency of a driver that is there
        self.configure('excludepkgs=dca*')
        self.assertNotIn(self.root.run('--no-load', 'install', 'igb').returncode, (0, 2))
        self.assertEqual(self.names(), set())
        # a change has effect without a refresh
        self.configure()
        self.done('install', 'igb')
        self.assertEqual(self.names(), {'igb', 'dca'})

    def test_only_included_packages_are_there(self):
        self.configure('includepkgs=dca-kmp-*')
        self.done('refresh')
        self.done('lookup', NIC, status=3)
        self.done('install', 'dca')
        self.assertEqual(self.names(), {'dca'})

    def test_an_excluded_version_is_no_update_and_what_is_installed_stays(self):
        self.configure()
        self.done('refresh')
        self.done('install', 'dca')
        self.driver('dca', '2')
        self.driver('dca', '3')
        r.createrepo(self.repository)
        self.done('refresh')
        self.configure('excludepkgs=dca-kmp-*-3 dca-kmp-*-2')
        self.done('update', status=2)
        self.assertIn('dca-kmp', ' '.join(self.root.packages()))
        self.configure('excludepkgs=dca-kmp-*-3')
        self.done('update')
        self.assertTrue(any(p.startswith('dca-kmp') and '-2-' in p for p in self.root.packages()), self.root.packages())
        # nothing was kept: the version before would have to be downloaded
        self.configure('excludepkgs=dca*')
        self.done('rollback', 'dca', status=3)
        self.configure('excludepkgs=dca*-3')
        self.done('rollback', 'dca')

    def test_a_kept_version_does_not_come_from_the_repository(self):
        self.root.conf(keep_versions=2)
        self.configure()
        self.done('refresh')
        self.done('install', 'dca')
        self.driver('dca', '2')
        r.createrepo(self.repository)
        self.done('refresh')
        self.done('update')
        self.configure('excludepkgs=dca*')
        shutil.rmtree(self.repository)
        os.mkdir(self.repository)
        self.done('rollback', 'dca')
        self.assertTrue(any(p.startswith('dca-kmp') and '-1-' in p for p in self.root.packages()), self.root.packages())
        self.done('check')


class Reports(Case):
    def test_refresh_reports_keys_without_effect_and_a_refused_entry_costs_itself_alone(self):
        self.driver('dca')
        r.createrepo(self.repository)
        self.configure('fastestmirror=1', 'excludepkg=x', 'countme=1')
        text = self.done('refresh').stderr
        self.assertIn('fastestmirror, excludepkg (unknown', text)
        self.assertIn('excludepkgs', text)
        self.assertNotIn('countme', text)
        self.root.repo('https://v.invalid', name='v', extra=['sslverify=0'])
        run = self.root.run('refresh')
        self.assertIn('v.repo line 4 [v]: sslverify=0 is not possible', run.stderr)
        self.assertTrue(run.stderr.rstrip().endswith('[CONFIG]'), run.stderr)
        self.done('install', 'dca')
        self.assertEqual(self.names(), {'dca'})


class Access(Case):
    def stored(self, secret):
        """A file below the root that has the secret in its name or content; None: there is none."""
        for directory, _, files in os.walk(self.root.path):
            for name in files:
                if not name.endswith('.repo') and os.path.isfile(f'{directory}/{name}'):
                    with open(f'{directory}/{name}', 'rb') as f:
                        if secret in f.read() + name.encode():
                            return f'{directory}/{name}'
        return None

    def test_a_password_is_sent_and_nowhere_shown_or_stored(self):
        self.driver('dca')
        r.createrepo(self.repository)
        server = r.Server(self.repository)
        self.addCleanup(server.close)
        self.configure('username=me', 'password=s3cret-word', 'retries=1', 'timeout=5', url=server.url)
        text = ''
        for args in ('refresh',), ('--json', 'status'), ('repo', 'list'), ('--json', 'doctor'), ('install', 'dca'), ('history',):
            run = self.root.run('-v', '--no-load', *args)
            text += run.stdout + run.stderr
        self.assertEqual(self.names(), {'dca'})
        self.assertNotIn('s3cret', text)
        self.assertIsNone(self.stored(b's3cret'))

    def test_a_query_is_sent_with_each_file_and_nowhere_shown_or_stored(self):
        self.driver('dca')
        r.createrepo(self.repository)
        servers = [r.Server(self.repository) for _ in range(3)]
        for server in servers:
            self.addCleanup(server.close)
        # the first knows nothing; each of the others has a query of its own; the list leads to the first again
        servers[0].refuse['/'] = 404
        with open(f'{self.repository}/list', 'w', encoding='utf-8') as f:
            f.write(f'{servers[0].url}/mirror\n')
        urls = f'{servers[0].url}?s3cret-0 {servers[1].url}/?s3cret-1=a%2F&b=%C3%A9é+/'
        self.configure(f'mirrorlist={servers[2].url}/list', 'retries=1', url=urls)
        text = ''
        for args in ('refresh',), ('--json', 'refresh', '--force'), ('--json', 'status'), ('status',), ('repo', 'list'), \
                ('--json', 'repo', 'list'), ('doctor',), ('--json', 'doctor'), ('install', 'dca'), ('history',):
            run = self.root.run('-v', '--no-load', *args)
            text += run.stdout + run.stderr
        self.assertEqual(self.names(), {'dca'})
        plain = [path for path in servers[0].requests if not path.startswith('/mirror/')]
        self.assertTrue(plain and all(path.endswith('?s3cret-0') for path in plain), plain)
        paths = servers[1].requests
        self.assertTrue(all(path.endswith('?s3cret-1=a%2F&b=%C3%A9%C3%A9+/') for path in paths), paths)
        for part in 'repomd.xml?', 'repomd.xml.p7s?', 'primary.xml', '.rpm?':
            self.assertTrue(any(part in path for path in paths), (part, paths))
        self.assertTrue(all('s3cret' not in path for path in servers[2].requests), servers[2].requests)
        self.assertEqual(servers[2].requests[0], '/list')
        # a failure has no part of it, and an entry that is wrong neither
        servers[1].refuse['/'] = 403
        failed = self.done('--json', 'refresh', '--force', status=1)
        self.assertIn('HTTP-STATUS', failed.stdout + failed.stderr)
        mirror = [path for path in servers[0].requests if path.startswith('/mirror/')]
        self.assertTrue(mirror and all('?' not in path for path in mirror), mirror)
        self.configure(url=f'{servers[1].url}?s3cret#1')
        wrong = self.root.run('refresh')
        self.assertTrue(wrong.stderr.rstrip().endswith('[CONFIG]'), wrong.stderr)
        added = self.root.run('repo', 'add', f'{servers[1].url}?s3cret')
        self.assertIn('.repo file', added.stderr)
        for run in failed, wrong, added:
            text += run.stdout + run.stderr
        self.assertNotIn('s3cret', text)
        self.assertIsNone(self.stored(b's3cret'))

    def test_a_query_is_in_no_command_line_and_does_not_follow_a_redirect(self):
        self.driver('dca')
        r.createrepo(self.repository)
        target, server = r.Server(self.repository), r.Server(self.repository)
        self.addCleanup(target.close)
        self.addCleanup(server.close)
        lines = []

        def look():
            for pid in filter(str.isdigit, os.listdir('/proc')):
                try:
                    with open(f'/proc/{pid}/cmdline', 'rb') as f:
                        lines.append(f.read())
                except OSError:
                    pass

        server.before['repomd.xml'] = look
        server.instead['.rpm'] = (302, [('Location', f'{target.url}/{name}') for name in os.listdir(self.repository)
                                        if name.endswith('.rpm')], b'')
        self.configure(url=f'{server.url}?s3cret')
        self.done('refresh')
        self.assertTrue(any(b'refresh' in line for line in lines), lines)
        self.assertFalse([line for line in lines if b's3cret' in line])
        self.done('install', 'dca')
        self.assertEqual(len(target.requests), 1)
        self.assertNotIn('?', target.requests[0])

    def test_a_repository_that_may_be_skipped_is_reported_and_no_failure(self):
        self.driver('dca')
        r.createrepo(self.repository)
        self.configure()
        self.root.repo('http://127.0.0.1:1', name='away', extra=['skip_if_unavailable=1'])
        self.assertIn('refresh: away: skipped', self.done('refresh').stderr)
        self.root.repo('http://127.0.0.1:1', name='away')
        self.assertIn('[UNREACHABLE]', self.done('refresh', status=1).stderr)

    def test_what_never_expires_is_not_asked_for_by_the_timer(self):
        self.driver('dca')
        r.createrepo(self.repository)
        server = r.Server(self.repository)
        self.addCleanup(server.close)
        self.configure('metadata_expire=never', url=server.url)
        # there are none yet
        self.done('--unattended', 'refresh')
        self.assertTrue(server.requests)
        server.requests.clear()
        self.done('--unattended', 'refresh', status=2)
        self.assertEqual(server.requests, [])
        self.done('refresh', status=2)
        self.assertTrue(server.requests)
        server.requests.clear()
        self.configure('metadata_expire=6h', url=server.url)
        self.done('--unattended', 'refresh', status=2)
        self.assertTrue(server.requests)

    def test_each_compression_of_metadata_is_read_or_named(self):
        self.driver('dca')
        for kind, option, status in (('gz', '--general-compress-type=gz', 0), ('xz', '--general-compress-type=xz', 0),
                                     ('bz2', '--general-compress-type=bz2', 1), ('zck', '--zck', 0), ('zst', None, 0)):
            with self.subTest(kind=kind):
                shutil.rmtree(f'{self.repository}/repodata', ignore_errors=True)
                subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', option or '--general-compress-type=gz',
                                self.repository], check=True)
                if kind == 'zst':
                    self.replace_primary_by_zstd()
                self.assertTrue(os.path.exists(f'{self.repository}/repodata/primary.xml.{kind}'))
                r.sign(self.repository)
                for name in 'cache', 'lib':
                    shutil.rmtree(f'{self.root.path}/var/{name}/modfetch', ignore_errors=True)
                self.configure()
                done = self.done('refresh', status=status)
                if status:
                    self.assertRegex(done.stderr, r'primary\.xml\.bz2: it is neither XML nor compressed with .*\[BAD-METADATA\]')
                else:
                    self.assertIn('1 packages', done.stdout)

    def replace_primary_by_zstd(self):
        """createrepo_c of Debian 12 cannot write it; modifyrepo_c cannot either."""
        at = f'{self.repository}/repodata'
        with gzip.open(f'{at}/primary.xml.gz') as f:
            packed = subprocess.run(['zstd', '-q', '-c'], input=f.read(), stdout=subprocess.PIPE, check=True).stdout
        with open(f'{at}/primary.xml.zst', 'wb') as f:
            f.write(packed)
        with open(f'{at}/repomd.xml', encoding='utf-8') as f:
            head, part, tail = re.split(r'(?s)(<data type="primary">.*?</data>)', f.read())
        part = re.sub(r'<checksum type="sha256">[0-9a-f]+', f'<checksum type="sha256">{hashlib.sha256(packed).hexdigest()}', part)
        part = re.sub(r'<size>\d+', f'<size>{len(packed)}', part.replace('primary.xml.gz', 'primary.xml.zst'))
        with open(f'{at}/repomd.xml', 'w', encoding='utf-8') as f:
            f.write(head + part + tail)
        os.unlink(f'{at}/primary.xml.gz')

    def test_variables_lead_to_the_directory_of_the_release(self):
        os.mkdir(f'{self.repository}/15.6')
        self.repository += '/15.6'
        self.driver('dca')
        r.createrepo(self.repository)
        self.configure(url=f'file://{os.path.dirname(self.repository)}/$releasever')
        self.assertIn('$releasever', self.done('refresh', status=1).stderr)
        with open(f'{self.root.path}/etc/os-release', 'w', encoding='utf-8') as f:
            f.write('VERSION_ID="15.6"\n')
        self.done('refresh')
        self.done('install', 'dca')


if __name__ == '__main__':
    unittest.main()
