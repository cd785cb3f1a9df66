#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several repositories, also over time: each has its own metadata, keys, drivers and passwords."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, read, write  # noqa: E402

TAG = r.tag(r.kernel('default')[1])
DAY = 86400
STICK = 'usb:v1234p0001d0000dc00dsc00dp00ic00isc00ip00in00'


class Repositories(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=())
        cls.directory = tempfile.mkdtemp(prefix='repos-')
        cls.keys = f'{cls.root.path}/etc/modfetch/keys'
        cls.shim = f'{cls.directory}/clock.so'
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'clock.c')
        subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', cls.shim, source], check=True)
        for name in 'old', 'new':
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                            f'{cls.directory}/{name}.key', '-out', f'{cls.directory}/{name}.crt', '-subj', f'/CN={name}', '-days', '7000'],
                           check=True, stderr=subprocess.DEVNULL)
            shutil.copy(f'{cls.directory}/{name}.crt', f'{cls.keys}/repo.d/{name}.pem')

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.directory)

    def setUp(self):
        for name in 'var/lib/modfetch', 'var/cache/modfetch', 'etc/modfetch/keys/deny.d', 'run/modfetch':
            shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
        for path in glob.glob(f'{self.root.path}/etc/modfetch/repos.d/*'):
            os.unlink(path)
        self.repo = tempfile.mkdtemp(dir=self.directory)

    def clock(self, at):
        return {'LD_PRELOAD': self.shim, 'TEST_CLOCK': str(int(at)), 'ASAN_OPTIONS': 'verify_asan_link_order=0'}

    def sign(self, directory, key, at=None):
        repomd = f'{directory}/repodata/repomd.xml'
        subprocess.run(['openssl', 'cms', '-sign', '-binary', '-outform', 'DER', '-md', 'sha256', '-signer', f'{self.directory}/{key}.crt',
                        '-inkey', f'{self.directory}/{key}.key', '-in', repomd, '-out', repomd + '.p7s'],
                       check=True, env={**os.environ, **(self.clock(at) if at else {})})

    def make(self, *tags, directory=None, key='new', at=None, revision=None):
        directory = directory or self.repo
        more = ['--revision', str(revision)] if revision is not None else []
        subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', *tags, *more, directory], check=True)
        self.sign(directory, key, at)

    def configure(self, directory=None, keys='new', name='test', extra=()):
        self.root.repo(f'file://{directory or self.repo}', name=name, keys_line=f'keys={keys}', extra=extra)

    def refresh(self, *args, **options):
        """The code, 'new' or 'unchanged'."""
        self.done = self.root.run('refresh', *args, **options)
        lines = [line for line in self.done.stderr.splitlines() if line.endswith(']')]
        return {0: 'new', 2: 'unchanged'}.get(self.done.returncode) or lines[-1].rsplit('[', 1)[1][:-1]

    def state(self, name='test'):
        return read(f'{self.root.path}/var/lib/modfetch/repos/{name}.state').decode()

    def fingerprint(self, key):
        der = subprocess.run(['openssl', 'x509', '-in', f'{self.directory}/{key}.crt', '-outform', 'DER'], check=True, stdout=subprocess.PIPE)
        return subprocess.run(['sha256sum'], input=der.stdout, check=True, stdout=subprocess.PIPE).stdout.decode().split()[0]

    def deny(self, *lines):
        os.makedirs(f'{self.keys}/deny.d', exist_ok=True)
        write(f'{self.keys}/deny.d/list', '\n'.join(lines) + '\n')


class FastForward(Repositories):
    def test_a_signature_from_the_future_is_refused_by_a_clock_that_can_be_right(self):
        self.make(key='old')
        self.configure(keys='old new')
        self.assertEqual(self.refresh(), 'new')
        before = self.state()
        # copied, because createrepo_c would write another time into them
        self.sign(self.repo, 'old', at=time.time() + 3000 * DAY)
        self.assertEqual(self.refresh(), 'FUTURE')
        self.assertEqual(self.state(), before)
        # with a clock at 1970 nothing can be decided, and signed metadata is not refused
        self.assertEqual(self.refresh(env=self.clock(100)), 'unchanged')

    def test_a_revision_ahead_of_its_own_signature_is_refused(self):
        self.make(revision=int(time.time()))
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        before = self.state()
        for revision in 2**64 - 1, 2**63, int(time.time()) + 10 * DAY:
            self.make(revision=revision)
            self.assertEqual(self.refresh(), 'FUTURE')
            self.assertEqual(self.state(), before)
        self.make(revision=int(time.time()) + 1)
        self.assertIn(self.refresh(), ('new', 'unchanged'))

    def blocked(self):
        """Metadata that an attacker signed with a time months ahead was accepted."""
        self.make(key='new', revision=5)
        self.configure(keys='old new')
        self.assertEqual(self.refresh(), 'new')
        r.next_second()
        self.make(key='old', at=time.time() + 200 * DAY, revision=9)
        self.assertEqual(self.refresh(env=self.clock(time.time() + 199.5 * DAY)), 'new')
        self.make(key='new', revision=7)
        self.assertEqual(self.refresh(), 'ROLLBACK')

    def test_what_a_key_vouched_for_goes_with_it(self):
        self.blocked()
        self.configure(keys='new')
        self.assertEqual(self.refresh(), 'new')
        # but not the state that the other key signed
        self.make(key='new', revision=4)
        self.assertEqual(self.refresh(), 'ROLLBACK')

    def test_and_with_its_fingerprint_on_the_deny_list(self):
        self.blocked()
        self.deny(self.fingerprint('old'))
        self.assertEqual(self.refresh(), 'new')
        self.make(key='new', revision=4)
        self.assertEqual(self.refresh(), 'ROLLBACK')

    def test_an_admin_may_take_what_is_older(self):
        self.blocked()
        self.assertEqual(self.refresh('--accept-older'), 'USAGE')
        self.assertEqual(self.refresh('--accept-older', 'test'), 'new')
        self.assertIn(self.refresh(), ('new', 'unchanged'))
        # also if the accepted metadata can no longer be read
        write(f'{self.root.path}/var/lib/modfetch/repos/test.state', 'nonsense')
        self.assertEqual(self.refresh(), 'ROLLBACK')
        self.assertEqual(self.refresh('--accept-older', 'test'), 'unchanged')
        self.assertEqual(self.refresh(), 'unchanged')

    def test_an_openpgp_keyring_that_goes_takes_its_memory_along(self):
        gpg = Gpg(self.directory, 'forward')
        self.addCleanup(gpg.close)
        for name in 'first', 'second':
            gpg.key(name, 'ed25519')
            write(f'{self.keys}/repo.d/{name}.gpg', gpg.run('--export', f'{name}@example.org'))

        def signed(name, revision):
            subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', '--revision', str(revision), self.repo], check=True)
            gpg.sign(name, f'{self.repo}/repodata/repomd.xml')
        self.configure(keys='first second')
        signed('second', 5)
        self.assertEqual(self.refresh(), 'new')
        signed('first', 9)
        self.assertEqual(self.refresh(), 'new')
        signed('second', 7)
        self.assertEqual(self.refresh(), 'ROLLBACK')
        self.configure(keys='second')
        self.assertEqual(self.refresh(), 'new')
        signed('second', 4)
        self.assertEqual(self.refresh(), 'ROLLBACK')


class InUse(Repositories):
    def newer_that_cannot_be_had(self):
        r.rpmbuild(self.repo, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
        self.make(key='old')
        self.configure(keys='old new')
        self.assertEqual(self.refresh(), 'new')
        used = subprocess.run(['sha256sum', f'{self.repo}/repodata/repomd.xml'], check=True, stdout=subprocess.PIPE).stdout.decode().split()[0]
        r.next_second()
        self.make(key='new')
        for path in glob.glob(f'{self.repo}/repodata/*primary*'):
            os.unlink(path)
        self.assertEqual(self.refresh(), 'HTTP-STATUS')
        return used

    def install(self):
        return self.root.run('--no-load', 'install', 'paper')

    def test_the_deny_list_judges_the_metadata_that_is_used(self):
        used = self.newer_that_cannot_be_had()
        for line in self.fingerprint('old'), used:
            self.deny(line)
            done = self.install()
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn('[REVOKED]', done.stderr)
            self.assertEqual(self.root.names(), ['bystander'])
        # and nothing else: the key of metadata that could not be fetched does not matter
        self.deny(self.fingerprint('new'))
        self.assertEqual(self.install().returncode, 0)
        self.root.run('remove', 'paper')

    def test_a_cache_that_was_exchanged_is_not_used(self):
        r.rpmbuild(self.repo, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        stamp = glob.glob(f'{self.root.path}/var/cache/modfetch/test/current/stamp')[0]
        write(stamp, read(stamp).replace(read(stamp).split()[-1], b'0' * 64))
        done = self.install()
        self.assertIn('[NO-METADATA]', done.stderr)
        self.assertEqual(self.refresh('--force'), 'new')

    def other_keys(self):
        """(keys before, function that changes them, keys afterwards): each changes the keys of the same repository."""
        gpg = Gpg(self.directory, 'other-keys')
        self.addCleanup(gpg.close)
        for name in 'mine', 'yours':
            gpg.key(name, 'ed25519')
        exported = {name: gpg.run('--export', f'{name}@example.org') for name in ('mine', 'yours')}
        write(f'{self.keys}/repo.d/ring.gpg', exported['mine'])
        gpg.sign('mine', f'{self.repo}/repodata/repomd.xml')
        return [('new', lambda: None, 'old new'), ('old new', lambda: None, 'new'),
                ('ring', lambda: write(f'{self.keys}/repo.d/ring.gpg', exported['yours'] + exported['mine']), 'ring'),
                ('new ring', lambda: write(f'{self.keys}/repo.d/ring.gpg', exported['yours']), 'new ring')]

    def test_metadata_that_other_keys_verified_is_not_used_nor_asked_for_by_its_etag(self):
        r.rpmbuild(self.repo, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
        self.make()
        server = EtagServer(self.repo)
        self.addCleanup(server.close)
        for before, change, after in self.other_keys():
            with self.subTest(before=before, after=after):
                for name in 'var/lib/modfetch', 'var/cache/modfetch':
                    shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
                self.root.repo(server.url, keys_line=f'keys={before}')
                self.assertEqual(self.refresh(), 'new', self.done.stderr)
                server.not_modified = 0
                self.assertEqual(self.refresh(), 'unchanged')
                self.assertEqual(server.not_modified, 1)
                change()
                self.root.repo(server.url, keys_line=f'keys={after}')
                done = self.install()
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn('[UNTRUSTED-KEY]', done.stderr)
                self.assertEqual(self.root.names(), ['bystander'])
                self.assertEqual(self.refresh(), 'unchanged')
                self.assertEqual(server.not_modified, 1)
                self.assertEqual(self.install().returncode, 0)
                self.root.run('remove', 'paper')

    def test_the_same_bytes_signed_anew_are_younger(self):
        later = self.clock(time.time() + 20 * DAY)
        self.make()
        server = EtagServer(self.repo)
        self.addCleanup(server.close)
        for url in f'file://{self.repo}', server.url:
            with self.subTest(url=url):
                for name in 'var/lib/modfetch', 'var/cache/modfetch':
                    shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
                self.sign(self.repo, 'new')
                self.root.repo(url, keys_line='keys=new')
                self.assertEqual(self.refresh(), 'new')
                self.assertEqual(self.refresh('--unattended', env=later), 'STALE')
                self.sign(self.repo, 'new', at=time.time() + 20 * DAY - 3600)
                self.assertEqual(self.refresh('--unattended', env=later), 'unchanged')
                self.assertEqual(self.refresh('--unattended', env=later), 'unchanged')
                self.assertNotIn('TOO OLD', self.root.run('status', env=later).stdout)

    def stale_device(self):
        r.rpmbuild(self.repo, f'stick-kmp-{TAG}', ['Provides: kmod(stick.ko)', f'Supplements: modalias(kernel-{TAG}:{STICK})'],
                   [('/usr/share/doc/stick/README', b'x')])
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        where = f'{self.root.path}/sys/devices/pci0000:00/usb1/1-1'
        os.makedirs(where, exist_ok=True)
        write(f'{where}/modalias', STICK + '\n')
        self.addCleanup(shutil.rmtree, f'{self.root.path}/sys')
        return self.clock(time.time() + 21 * DAY)

    def spool(self):
        return os.listdir(f'{self.root.path}/run/modfetch/queue')

    def test_a_device_that_meets_stale_metadata_waits_and_metadata_is_refreshed(self):
        later = self.stale_device()
        self.assertEqual(self.root.run('coldplug', '--boot', env=later).returncode, 2)
        self.assertEqual(len(self.spool()), 1)
        with self.assertRaises(subprocess.TimeoutExpired):
            self.root.run('queue', '--until-empty', env=later, timeout=6)
        self.assertEqual(len(self.spool()), 1)
        self.assertEqual(self.root.names(), ['bystander'])
        self.sign(self.repo, 'new', at=time.time() + 21 * DAY - 3600)
        self.root.run('queue', '--until-empty', env=later)
        self.assertEqual(self.spool(), [])
        self.assertIn(f'stick-kmp-{TAG}', self.root.names())
        self.root.run('remove', f'stick-kmp-{TAG}')


class Identity(Repositories):
    def test_another_repository_of_the_same_key_is_refused(self):
        kinds = [(('--repo', 'drivers/stable'), ('--repo', 'drivers/testing')),
                 (('--distro', 'cpe:/o:x:stable,Stable'), ('--distro', 'cpe:/o:x:testing,Testing')),
                 (('--distro', 'Stable'), ('--distro', 'Testing')),
                 (('--content', 'stable'), ('--content', 'testing')),
                 (('--repo', 'x' * 400 + 'a'), ('--repo', 'x' * 400 + 'b')),
                 (('--repo', 'drivers/stable'), ())]
        for stable, testing in kinds:
            with self.subTest(stable=stable, testing=testing):
                self.setUp()
                self.make(*stable)
                self.configure()
                self.assertEqual(self.refresh(), 'new')
                before = self.state()
                self.make(*testing)
                self.assertEqual(self.refresh(), 'IDENTITY')
                self.assertIn('--accept-identity test', self.done.stderr)
                self.assertEqual(self.refresh('--force'), 'IDENTITY')
                self.assertEqual(self.state(), before)
                self.make(*stable)
                self.assertIn(self.refresh(), ('new', 'unchanged'))
                self.make(*testing)
                self.assertEqual(self.refresh('--accept-identity'), 'USAGE')
                self.assertIn(self.refresh('--accept-identity', 'test'), ('new', 'unchanged'))
                self.assertIn(self.refresh(), ('new', 'unchanged'))

    def test_an_admin_may_name_it_and_then_that_counts(self):
        self.make('--repo', 'drivers/testing')
        self.configure(extra=['identity=drivers/stable'])
        self.assertEqual(self.refresh(), 'IDENTITY')
        self.assertEqual(self.refresh('--accept-identity', 'test'), 'IDENTITY')
        self.make()
        self.assertEqual(self.refresh(), 'IDENTITY')
        self.make('--repo', 'drivers/stable')
        self.assertEqual(self.refresh(), 'new')

    def test_one_that_says_nothing_is_said_to(self):
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        self.assertIn('has no identity', self.done.stderr)
        self.assertIn(', no identity', self.root.run('status').stdout)
        # and may begin to
        self.make('--repo', 'drivers/stable')
        self.assertEqual(self.refresh(), 'new')
        self.assertIn('identity "drivers/stable"', self.root.run('status').stdout)

    def test_a_mirror_that_serves_another_one_costs_the_next_ones_turn(self):
        stable, testing = f'{self.repo}/stable', f'{self.repo}/testing'
        for directory in stable, testing:
            os.mkdir(directory)
            self.make('--repo', os.path.basename(directory), directory=directory)
        self.configure(stable)
        self.assertEqual(self.refresh(), 'new')
        self.root.repo(f'file://{testing}', f'file://{stable}', keys_line='keys=new')
        self.assertEqual(self.refresh(), 'unchanged')


class BesideEachOther(Repositories):
    def two(self, *spec, **settings):
        """Repository a has a driver, which is installed; b has the package of SPEC."""
        for name in self.root.names():
            if name != 'bystander':
                self.root.rpm('-e', '--nodeps', name)
        self.a, self.b = tempfile.mkdtemp(dir=self.directory), tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(self.a, f'nic-kmp-{TAG}', ['Vendor: A', 'Provides: kmod(nic.ko)'], [('/usr/share/doc/nic/README', b'x')])
        r.rpmbuild(self.b, f'gadget-kmp-{TAG}', ['Provides: kmod(gadget.ko)', f'Supplements: modalias(kernel-{TAG}:{STICK})', *spec],
                   [('/usr/share/doc/gadget/README', b'x')])
        self.make(directory=self.a)
        self.make(directory=self.b, key='old')
        self.configure(self.a, name='a')
        self.configure(self.b, name='b', keys='old', **settings)
        self.assertEqual(self.refresh(), 'new')
        self.assertEqual(self.root.run('--no-load', 'install', f'nic-kmp-{TAG}').returncode, 0)

    def test_nothing_installed_goes_for_a_package_of_another_repository(self):
        nic = f'nic-kmp-{TAG}'
        for spec in ([f'Obsoletes: {nic}'], [f'Obsoletes: {nic}', 'Vendor: A'], [f'Conflicts: {nic}'],
                     [f'Obsoletes: {nic} < 9', f'Provides: {nic} = 9'], ['Obsoletes: bystander']):
            for priority in '10', '150':
                with self.subTest(spec=spec, priority=priority):
                    self.setUp()
                    self.two(*spec, extra=[f'priority={priority}'])
                    before = self.root.packages()
                    for way in ['probe', STICK], ['install', f'gadget-kmp-{TAG}'], ['coldplug']:
                        self.root.run('--no-load', *way)
                        self.assertEqual(self.root.packages(), before)

    def test_what_a_long_id_has_is_not_the_other_ones(self):
        """Two ids with 49 equal bytes at their start, like those of COPR."""
        one, other = (f'copr:copr.fedorainfracloud.org:someone-long:drivers-{name}' for name in ('stable', 'testing'))
        self.make()
        text = (f'[{one}]\nbaseurl=file://{self.repo}\nkeys=new\n'
                f'[{other}]\nbaseurl=file://{self.repo}\ntrust=none\nenabled=0\n')
        write(f'{self.root.path}/etc/modfetch/repos.d/copr.repo', text)
        self.assertEqual(self.refresh(), 'new')
        shown = {o['id']: o for o in self.root.json('status')[1]['repositories']}
        self.assertEqual((shown[one]['trust'], shown[one]['enabled']), ('signed', True))
        self.assertEqual((shown[other]['trust'], shown[other]['enabled']), ('none', False))
        self.assertEqual(os.listdir(f'{self.root.path}/var/lib/modfetch/repos'), [f'{one}.state'])

    def test_one_that_is_disabled_is_asked_by_nobody_unless_it_is_named(self):
        self.make()
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        self.root.repo(server.url, name='off', keys_line='keys=new', extra=['enabled=0'])
        self.configure(name='on')
        # a refresh by hand, and the automatic one of a run without metadata
        self.assertEqual(self.refresh(), 'new')
        shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
        self.root.run('--no-load', 'probe', STICK)
        self.assertTrue(os.path.exists(f'{self.root.path}/var/cache/modfetch/on/current'))
        self.assertEqual(server.requests, [])
        self.assertEqual(self.refresh('off'), 'new')
        self.assertNotEqual(server.requests, [])

    def test_an_id_in_two_files_is_an_error_that_names_both(self):
        self.make()
        self.configure()
        self.configure(name='innocent')
        write(f'{self.root.path}/etc/modfetch/repos.d/second.repo', f'[test]\nbaseurl=file://{self.repo}\ntrust=none\n')
        self.assertEqual(self.refresh('test'), 'CONFIG')
        self.assertIn('second.repo line 1 and in test.repo line 1', self.done.stderr)
        self.assertEqual(self.refresh('innocent'), 'new')

    def test_an_entry_that_cannot_be_used_costs_itself_alone(self):
        r.rpmbuild(self.repo, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
        self.make()
        self.configure()
        long = '#' * 5000
        bad = {'line': '[bad]\nbaseurl=http://x\nwhat is this\n', 'url': '[bad]\nbaseurl=ftp://x\n', 'section': '[bad\nbaseurl=http://x\n',
               'off': '[bad]\nenabled=0\nbaseurl=rsync://x\n', 'none': 'baseurl=http://x\n', 'nul': '[bad]\n\0\n', 'utf': '[b\u00e4d]\n',
               'comment': f'# {long}\n[bad]\nname={long}\n'}
        for name, text in bad.items():
            with self.subTest(name=name):
                write(f'{self.root.path}/etc/modfetch/repos.d/bad.repo', text)
                self.assertIn(self.refresh('test'), ('new', 'unchanged'))
                self.assertIn('bad.repo', self.done.stderr)
                self.assertIn('NOT USED: bad.repo', self.root.run('status').stdout)
                self.assertEqual(self.root.run('--dry-run', 'install', 'paper').returncode, 0)
                if name != 'off':
                    self.assertEqual(self.refresh(), 'CONFIG')


class EtagServer:
    """A server with support for If-None-Match, which demands a password if one is configured."""

    def __init__(self, directory):
        server = self
        self.not_modified = 0  # answers

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=directory)

            def log_message(self, *args):
                pass

            def do_GET(self):
                try:
                    etag = '"%d"' % os.stat(self.translate_path(self.path)).st_mtime_ns
                except OSError:
                    etag = '"none"'
                if self.path.endswith('repomd.xml') and self.headers.get('If-None-Match') == etag:
                    server.not_modified += 1
                    self.send_response(304)
                    super().end_headers()
                    return
                self.etag = etag
                super().do_GET()

            def end_headers(self):
                if hasattr(self, 'etag'):
                    self.send_header('ETag', self.etag)
                super().end_headers()

        self.http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.http.server_port}'
        self.thread = Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class Secrets(Repositories):
    SECRET = 's3cr3t-of-the-repository'

    def scan(self):
        """No file below the root contains the secret, except the .repo files themselves."""
        for directory, _, files in os.walk(self.root.path):
            for name in files:
                path = f'{directory}/{name}'
                if os.path.islink(path) or '/repos.d' in directory or '/lib/modules/' in directory:
                    continue
                self.assertNotIn(self.SECRET.encode(), read(path), path)

    def all_that_is_said(self):
        rows = [['refresh'], ['refresh', '--force'], ['status'], ['lookup', STICK], ['lookup', '--case', STICK], ['info', f'stick-kmp-{TAG}'],
                ['search', 'stick'], ['--no-load', 'install', f'stick-kmp-{TAG}'], ['history'], ['remove', f'stick-kmp-{TAG}'],
                ['refresh', 'absent'], ['check'], ['history']]
        codes = {}
        for row in rows:
            for more in ['-v'], ['--json', '-v']:
                done = self.root.run(*more, *row)
                self.assertNotIn(self.SECRET, done.stdout + done.stderr, row)
                codes[row[0]] = done.returncode
        self.scan()
        return codes

    def test_the_password_of_a_url_is_said_and_kept_nowhere(self):
        r.rpmbuild(self.repo, f'stick-kmp-{TAG}', ['Provides: kmod(stick.ko)', f'Supplements: modalias(kernel-{TAG}:{STICK})'],
                   [('/usr/share/doc/stick/README', b'x')])
        self.make()
        server = EtagServer(self.repo)
        self.addCleanup(server.close)
        host = server.url.split('//')[1]
        self.root.repo(f'http://user:{self.SECRET}@{host}', keys_line='keys=new')
        self.assertEqual(self.all_that_is_said()['refresh'], 3)  # the last one was for a missing file
        self.assertEqual(self.refresh(), 'unchanged')
        self.assertIn('\netag ', self.state())
        # a mirror list is readable by all users, and so is its cached copy
        write(f'{self.repo}/list', f'http://other:{self.SECRET}@{host}\n{server.url}\n')
        self.root.repo(f'http://user:{self.SECRET}@{host}', keys_line='keys=new', extra=[f'mirrorlist=http://me:{self.SECRET}@{host}/list'])
        self.all_that_is_said()
        self.assertTrue(os.path.exists(f'{self.root.path}/var/cache/modfetch/test.mirrors'))

    def test_nor_when_something_fails(self):
        r.rpmbuild(self.repo, f'stick-kmp-{TAG}', ['Provides: kmod(stick.ko)', f'Supplements: modalias(kernel-{TAG}:{STICK})'],
                   [('/usr/share/doc/stick/README', b'x')])
        self.make()
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        host = server.url.split('//')[1]
        user = f'user:{self.SECRET}'
        for refuse in 'repomd.xml', 'p7s', 'primary', '.rpm':
            with self.subTest(refuse=refuse):
                server.refuse = {refuse: 404}
                self.root.repo(f'http://{user}@{host}', keys_line='keys=new')
                self.all_that_is_said()
        for url in (f'http://{user}@127.0.0.1:9/x', f'ftp://{user}@{host}', f'http://{user}/part@{host}', f'http://{user}@{host}/' + 'x' * 3000,
                    f'http://{"u" * 300}:{self.SECRET}@127.0.0.1:9', f'http://{user}@no.such.host.invalid'):
            with self.subTest(url=url):
                self.root.repo(url, keys_line='keys=new')
                self.all_that_is_said()
        env = {'http_proxy': f'http://{user}@127.0.0.1:9'}
        self.root.repo(server.url, keys_line='keys=new')
        for args in ['refresh', '-v'], ['--json', 'refresh', '-v']:
            done = self.root.run(*args, env=env)
            self.assertNotIn(self.SECRET, done.stdout + done.stderr)
        self.scan()


if __name__ == '__main__':
    unittest.main()
