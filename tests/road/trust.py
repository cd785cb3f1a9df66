#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When metadata of a repository is accepted: keys, signatures of both kinds, time, mirrors, the deny list."""
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, flip, read, write  # noqa: E402

NOW = int(time.time())


class WithRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=())
        cls.directory = tempfile.mkdtemp(prefix='trust-')
        cls.keys = f'{cls.root.path}/etc/modfetch/keys'
        shutil.copy(f'{r.test_keys()}/other.crt', f'{cls.keys}/repo.d/other.pem')

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.directory)

    def setUp(self):
        for name in 'var/lib/modfetch', 'var/cache/modfetch', 'etc/modfetch/keys/deny.d':
            shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
        for path in glob.glob(f'{self.root.path}/etc/modfetch/repos.d/*') + glob.glob(f'{self.root.path}/etc/modfetch/*.conf'):
            os.unlink(path)
        self.repo = tempfile.mkdtemp(dir=self.directory)

    def make(self, directory=None, revision=None, key='repo'):
        """A repository without packages: these tests are about its signer and its times."""
        directory = directory or self.repo
        os.makedirs(directory, exist_ok=True)
        more = ['--revision', str(revision)] if revision is not None else []
        subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', '--general-compress-type=gz', *more, directory], check=True)
        if key:
            r.sign(directory, key)
        return f'{directory}/repodata/repomd.xml'

    def configure(self, *directories, keys='keys=repo', extra=()):
        self.root.repo(*(f if '://' in f else f'file://{f}' for f in directories or [self.repo]), keys_line=keys, extra=extra)

    def refresh(self, *args, **options):
        done = self.root.run(*args, 'refresh', **options)
        lines = [line for line in done.stderr.splitlines() if line.endswith(']')]
        code = lines[-1].rsplit('[', 1)[1][:-1] if lines else None
        return code if done.returncode not in (0, 2) else {0: 'new', 2: 'unchanged'}[done.returncode]

    def cache(self):
        return os.path.exists(f'{self.root.path}/var/cache/modfetch/test/current')

    def refused(self, code, *args, **options):
        self.assertEqual(self.refresh(*args, **options), code)

    def state(self):
        lines = read(f'{self.root.path}/var/lib/modfetch/repos/test.state').decode().splitlines()
        return dict(line.split(' ', 1) for line in lines)


class Keys(WithRoot):
    def test_a_key_the_repo_file_names(self):
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        self.assertEqual(self.refresh(), 'unchanged')
        self.assertTrue(self.cache())

    def test_who_else_signs_is_not_heard(self):
        """Rows: signer, content of the .repo file, error code."""
        cases = [
            ('other', 'keys=repo', 'UNTRUSTED-KEY'),
            ('repo', 'keys=other', 'UNTRUSTED-KEY'),
            ('other', 'keys=repo other', 'new'),
            ('repo', '', 'NO-KEYS'),
            ('repo', 'keys=absent', 'NO-KEYS'),
            ('repo', 'keys=repo absent', 'NO-KEYS'),
            ('repo', 'keys=../repo.d/repo', 'NO-KEYS'),
            ('repo', 'keys=absent.asc', 'NO-KEYS'),
            (None, 'keys=repo', 'NO-SIGNATURE'),
            ('module', 'keys=repo', 'UNTRUSTED-KEY'),
        ]
        for signer, keys, code in cases:
            with self.subTest(signer=signer, keys=keys):
                self.setUp()
                self.make(key=signer)
                self.configure(keys=keys)
                self.assertEqual(self.refresh(), code)
                self.assertEqual(self.cache(), code == 'new')

    def test_removing_the_file_of_a_key_revokes_it(self):
        self.make()
        shutil.copy(f'{r.test_keys()}/repo.crt', f'{self.keys}/repo.d/mine.pem')
        self.configure(keys='keys=mine')
        self.assertEqual(self.refresh(), 'new')
        os.unlink(f'{self.keys}/repo.d/mine.pem')
        self.refused('NO-KEYS')

    def test_nothing_is_asked_of_a_network_without_a_key(self):
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        self.configure(server.url, keys='')
        self.refused('NO-KEYS')
        self.assertEqual(server.requests, [])

    def test_trust_none_is_for_disks_and_loud(self):
        self.make(key=None)
        self.configure(keys='', extra=['trust=none'])
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0)
        self.assertIn('without a signature', done.stderr)
        self.assertIn('NOT SIGNED', self.root.run('status').stdout)
        self.configure('http://127.0.0.1:9/', keys='', extra=['trust=none'])
        self.refused('CONFIG')
        self.configure(self.repo, 'http://127.0.0.1:9/', keys='', extra=['trust=none'])
        self.refused('CONFIG')

    def test_what_came_unsigned_is_not_trusted_when_signatures_are_asked_for_again(self):
        path = r.rpmbuild(self.repo, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
        self.make(revision=1)
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        forged = f'{self.repo}/forged'
        os.mkdir(forged)
        shutil.copy(path, forged)
        self.make(forged, key=None, revision=2)
        self.configure(forged, keys='', extra=['trust=none'])
        self.assertEqual(self.refresh(), 'new')
        self.configure()
        done = self.root.run('--no-load', 'install', 'paper')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('[NO-METADATA]', done.stderr)
        self.assertEqual(self.refresh(), 'new')
        self.assertEqual(self.root.run('--no-load', 'install', 'paper').returncode, 0)
        self.root.run('remove', 'paper')
        # and its newest accepted state was not dropped
        self.make(revision=0)
        self.refused('ROLLBACK')

    def test_what_was_changed_after_it_was_signed(self):
        repomd = self.make()
        self.configure()
        good = read(repomd)
        for change in (good + b'\n', good[:-1], good.replace(b'primary', b'primarx', 1), b'', good[:100]):
            write(repomd, change)
            self.refused('BAD-SIGNATURE')
        write(repomd, good)
        primary = glob.glob(f'{self.repo}/repodata/*primary.xml*')[0]
        whole = read(primary)
        write(primary, bytes([whole[0]]) + bytes([whole[1] ^ 1]) + whole[2:])
        self.refused('BAD-DIGEST')
        write(primary, whole[:-1])
        self.refused('TRUNCATED')
        self.assertFalse(self.cache())
        write(primary, whole)
        self.assertEqual(self.refresh(), 'new')

    def test_signed_but_senseless(self):
        repomd = self.make()
        self.configure()
        for text in ('', 'no xml', '<repomd/>', '<repomd><data type="primary"><location href="x"/></data></repomd>'):
            write(repomd, text)
            r.sign(self.repo)
            self.refused('BAD-METADATA')
        good = read(self.make())
        for href in ('../primary.xml', '/etc/passwd', 'file:///etc/passwd', '%2e%2e/primary.xml'):
            text = good.replace(b'href="repodata/primary.xml.gz"', f'href="{href}"'.encode())
            self.assertNotEqual(text, good)
            write(repomd, text)
            r.sign(self.repo)
            self.refused('BAD-HREF')


class OpenPgp(WithRoot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gpg = gpg = Gpg(cls.directory)
        for name, algorithm in (('good', 'ed25519'), ('stranger', 'ed25519'), ('rsa', 'rsa3072'), ('nist', 'nistp256'),
                                ('revoked', 'ed25519'), ('small', 'rsa1024'), ('donor', 'ed25519')):
            gpg.key(name, algorithm)
        gpg.key('old', at='20240101T000000')
        gpg.key('expired', expires='seconds=86400', at='20240101T000000')
        # a second home with the secret keys, where they are not revoked or expired
        cls.thief = thief = Gpg(cls.directory, 'thief')
        for name in 'revoked', 'expired':
            thief.run('--import', input=gpg.run('--export-secret-keys', f'{name}@example.org'))
        thief.run('--quick-set-expire', gpg.fingerprint('expired'), '0')
        gpg.revoke('revoked')
        for name in ('good', 'rsa', 'nist', 'revoked', 'small', 'old', 'expired'):
            write(f'{cls.keys}/repo.d/{name}.gpg', gpg.run('--export', f'{name}@example.org'))
        write(f'{cls.keys}/repo.d/armored.asc', gpg.run('--armor', '--export', 'good@example.org'))

    @classmethod
    def tearDownClass(cls):
        cls.gpg.close()
        cls.thief.close()
        super().tearDownClass()

    def check(self, code, signer, *options, keys=None, at=None, change=None, gpg=None):
        repomd = self.make(key=None, revision=1)
        (gpg or self.gpg).sign(signer, repomd, *options, at=at)
        if change:
            write(repomd + '.asc', change(read(repomd + '.asc')))
        self.configure(keys=f'keys={keys or signer}')
        self.assertEqual(self.refresh(), code)
        self.assertEqual(self.cache(), code == 'new')
        shutil.rmtree(f'{self.root.path}/var', ignore_errors=True)
        os.makedirs(f'{self.root.path}/var/lib/rpm', exist_ok=True)

    def test_good_signatures(self):
        for signer, keys in (('good', None), ('rsa', None), ('nist', None), ('good', 'armored'), ('good', 'armored.asc'),
                             ('good', 'rsa good')):
            with self.subTest(signer=signer, keys=keys):
                self.check('new', signer, keys=keys)
        self.check('new', 'rsa', '--digest-algo', 'SHA512')

    def test_two_signatures_while_a_key_is_replaced(self):
        """One of them by a key of the repository is enough, in either order; two by strangers are none."""
        for first, second in (('stranger', 'good'), ('good', 'stranger'), ('good', 'rsa')):
            self.check('new', first, '--local-user', f'{second}@example.org', keys='good')
        self.check('UNTRUSTED-KEY', 'stranger', '--local-user', 'rsa@example.org', keys='good')

    def test_a_signature_from_the_future_is_judged_as_others_are(self):
        """Two clocks are never the same; years apart, one of them is wrong or the key is misused."""
        for seconds, code in (600, 'new'), (3 * 366 * 86400, 'FUTURE'):
            at = time.strftime('%Y%m%dT%H%M%S', time.gmtime(time.time() + seconds))
            self.check(code, 'good', at=at)

    def test_bad_signatures(self):
        self.check('UNTRUSTED-KEY', 'stranger', keys='good')
        self.check('BAD-SIGNATURE', 'revoked', gpg=self.thief)
        self.check('BAD-SIGNATURE', 'expired', gpg=self.thief)
        self.check('BAD-SIGNATURE', 'small')
        self.check('BAD-SIGNATURE', 'rsa', '--digest-algo', 'SHA1')
        self.check('BAD-SIGNATURE', 'rsa', '--digest-algo', 'MD5')
        self.check('BAD-SIGNATURE', 'rsa', '--digest-algo', 'RIPEMD160')
        self.check('BAD-SIGNATURE', 'good', change=flip)
        self.check('BAD-SIGNATURE', 'good', change=lambda a: a[: len(a) // 2])
        self.check('BAD-SIGNATURE', 'good', change=lambda a: b'')
        self.check('BAD-SIGNATURE', 'good', change=lambda a: b'-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n')
        self.check('BAD-SIGNATURE', 'good', change=lambda a: read(f'{self.keys}/repo.d/good.gpg'))
        self.check('TOO-LARGE', 'good', change=lambda a: a + b'\n' * 70000)

    def test_a_short_ed25519_signature(self):
        def shorten(armored):
            raw = self.gpg.run('--dearmor', input=armored)
            # the last integer, s, shortened to one byte: an old library overflowed its stack here
            body = raw[2:-34] + b'\x00\x08\x01' if raw[0] in (0x88, 0xC2) else raw[:-34]
            return self.gpg.run('--enarmor', input=bytes([raw[0], len(body)]) + body).replace(b'ARMORED FILE', b'SIGNATURE')

        self.check('BAD-SIGNATURE', 'good', change=shorten)

    def test_genuine_signatures_with_a_short_number_are_accepted(self):
        """One in 128 has a number that begins with a zero byte, which is omitted."""
        repomd = self.make(key=None, revision=1)
        good, longest = read(repomd), 0
        for i in range(5000):
            write(repomd, good + b'<!-- %d -->' % i)
            self.gpg.sign('good', repomd)
            length = len(self.gpg.run('--dearmor', input=read(repomd + '.asc')))
            longest = max(longest, length)
            if length < longest:
                break
        else:
            self.fail('5,000 signatures of one length')
        self.configure(keys='keys=good')
        self.assertEqual(self.refresh(), 'new')

    def test_a_signing_subkey_speaks_for_its_key_and_is_denied_with_it(self):
        self.gpg.key('holder')
        primary = self.gpg.fingerprint('holder')
        self.gpg.run('--quick-add-key', primary, 'ed25519', 'sign', '0')
        write(f'{self.keys}/repo.d/holder.gpg', self.gpg.run('--export', primary))
        self.check('new', 'holder')  # gpg signs with the newest key that can sign
        self.gpg.sign('holder', self.make(key=None))
        self.configure(keys='keys=holder')
        write(f'{self.keys}/deny.d/list', primary)
        self.refused('REVOKED')

    def test_a_subkey_grafted_onto_a_known_key_without_its_consent(self):
        packets = self.gpg.run('--export', 'good@example.org')
        donor = self.gpg.run('--export', 'donor@example.org')
        # the donor's primary key packet, turned into a subkey (tag 6 -> 14), after the packets of our key
        assert donor[0] == 0x98
        grafted = packets + bytes([0xB8]) + donor[1 : 2 + donor[1]]
        write(f'{self.keys}/repo.d/grafted.gpg', grafted)
        self.check('new', 'good', keys='grafted')
        repomd = self.make(key=None, revision=1)
        self.gpg.sign('donor', repomd)
        self.configure(keys='keys=grafted')
        self.assertIn(self.refresh(), ('BAD-SIGNATURE', 'UNTRUSTED-KEY'))

    def test_a_key_lies_in_its_directory_and_is_not_hidden(self):
        ring = self.gpg.run('--export', 'good@example.org')
        for place, name in (('outside.gpg', '../outside.gpg'), ('outside.gpg', '../outside'), ('repo.d/sub/ring.gpg', 'sub/ring.gpg'),
                            ('repo.d/.ring.gpg', '.ring.gpg'), ('repo.d/.ring.gpg', '.ring'), ('repo.d/good.gpg', './good.gpg')):
            with self.subTest(name=name):
                os.makedirs(os.path.dirname(f'{self.keys}/{place}'), exist_ok=True)
                write(f'{self.keys}/{place}', ring)
                self.check('NO-KEYS', 'good', keys=name)

    def test_without_sqv_it_is_said_and_not_skipped(self):
        self.gpg.sign('good', self.make(key=None))
        self.configure(keys='keys=good')
        self.refused('NO-SQV', env={'PATH': '/nonexistent'})
        self.assertFalse(self.cache())

    def test_a_kind_of_signature_nobody_could_verify_does_not_count(self):
        self.make()  # only CMS signatures, but OpenPGP keys
        self.configure(keys='keys=good')
        self.refused('NO-SIGNATURE')
        self.gpg.sign('good', self.make(key=None))
        self.configure(keys='keys=repo')
        os.path.exists(f'{self.repo}/repodata/repomd.xml.p7s') and os.unlink(f'{self.repo}/repodata/repomd.xml.p7s')
        self.refused('NO-SIGNATURE')

    def test_a_certificate_alone_speaks_where_one_is_named(self):
        self.gpg.sign('good', self.make(key=None))
        self.configure(keys='keys=repo good')
        self.refused('NO-SIGNATURE')

    def test_a_bad_cms_signature_is_not_mended_by_a_good_openpgp_one(self):
        repomd = self.make(key='other')
        self.gpg.sign('good', repomd)
        self.configure(keys='keys=repo good')
        self.refused('UNTRUSTED-KEY')

    def test_the_signing_time_is_found_and_only_moves_forward(self):
        repomd = self.make(key=None, revision=5)
        self.configure(keys='keys=old')
        self.gpg.sign('old', repomd, at='20250601T120000')
        self.assertEqual(self.refresh(), 'new')
        self.assertEqual(self.state()['signed'], '1748779200')
        self.gpg.sign('old', repomd, at='20250601T115959')
        self.refused('ROLLBACK')
        self.gpg.sign('old', repomd, at='20250601T120001')
        self.assertEqual(self.refresh(), 'unchanged')
        self.assertEqual(self.state()['signed'], '1748779201')
        # and the older signature is no longer accepted
        self.gpg.sign('old', repomd, at='20250601T120000')
        self.refused('ROLLBACK')

    def test_what_is_old_is_said_and_not_used_without_anybody_watching(self):
        self.gpg.sign('old', self.make(key=None), at='20250601T120000')
        self.configure(keys='keys=old')
        self.refused('STALE', '--unattended')
        self.assertFalse(self.cache())
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0)
        self.assertIn('days ago', done.stderr)
        self.assertIn('TOO OLD', self.root.run('status').stdout)
        self.assertTrue(self.root.json('status')[1]['repositories'][0]['stale'])
        # a mirror that always answers "not modified" does not renew its age
        self.refused('STALE', '--unattended')
        self.root.conf(max_age=3650)
        self.assertEqual(self.refresh('--unattended'), 'unchanged')

    def test_a_key_on_the_deny_list(self):
        self.gpg.sign('good', self.make(key=None))
        self.configure(keys='keys=good')
        fingerprint = self.gpg.fingerprint('good')
        spaced = ' '.join(fingerprint[i : i + 4] for i in range(0, 40, 4))
        write(f'{self.keys}/deny.d/list', f'{spaced.lower()}  # lost in March\n')
        self.refused('REVOKED')


class Forward(WithRoot):
    def two(self, first=1, second=2):
        """An older and a newer state of one repository."""
        old, new = f'{self.repo}/old', f'{self.repo}/new'
        self.make(old, revision=first)
        r.next_second()
        self.make(new, revision=second)
        return old, new

    def test_older_than_what_was_accepted_is_refused(self):
        old, new = self.two()
        self.configure(old)
        self.assertEqual(self.refresh(), 'new')
        self.configure(new)
        self.assertEqual(self.refresh(), 'new')
        before = self.state()
        self.configure(old)
        self.refused('ROLLBACK')
        self.refused('ROLLBACK', '--unattended')
        self.assertEqual(self.state(), before)

    def test_a_newer_signature_does_not_carry_an_older_revision(self):
        old, new = self.two(first=7, second=6)
        self.configure(old)
        self.assertEqual(self.refresh(), 'new')
        self.configure(new)
        self.refused('ROLLBACK')

    def test_a_newer_revision_does_not_carry_an_older_signature(self):
        old, new = self.two(first=9, second=8)
        self.configure(new)
        self.assertEqual(self.refresh(), 'new')
        self.configure(old)
        self.refused('ROLLBACK')

    def test_old_metadata_beside_new_is_no_repository(self):
        old, new = self.two()
        for name in ('repomd.xml', 'repomd.xml.p7s', 'primary.xml.gz'):
            mixed = f'{self.repo}/mixed-{name}'
            shutil.copytree(new, mixed)
            shutil.copy(f'{old}/repodata/{name}', f'{mixed}/repodata/{name}')
            if name == 'primary.xml.gz':  # make them differ, like those of a repository with packages
                write(f'{mixed}/repodata/{name}', read(f'{mixed}/repodata/{name}')[:-1] + b'\x01')
            self.configure(mixed)
            self.assertIn(self.refresh(), ('BAD-SIGNATURE', 'BAD-DIGEST'), name)

    def test_another_repository_signed_by_a_key_of_its_own(self):
        self.make(f'{self.repo}/a')
        self.make(f'{self.repo}/b', key='other')
        self.configure(f'{self.repo}/a')
        self.assertEqual(self.refresh(), 'new')
        self.configure(f'{self.repo}/b')
        self.refused('UNTRUSTED-KEY')

    def test_forced_or_with_an_empty_cache_it_still_moves_forward_only(self):
        old, new = self.two()
        self.configure(new)
        self.assertEqual(self.refresh(), 'new')
        shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
        self.configure(old)
        self.refused('ROLLBACK')
        self.assertEqual(self.root.run('refresh', '--force').returncode, 4)

    def test_a_damaged_memory_is_not_an_empty_one(self):
        old, new = self.two()
        self.configure(new)
        self.refresh()
        path = f'{self.root.path}/var/lib/modfetch/repos/test.state'
        good = read(path)
        for bad in (b'', good[:-1], good[:30], b'x' + good, good.replace(b'signed ', b'signed x'),
                    good.replace(b'revision ', b'revision -'), b'modfetch-state 1\n', good + b'\0\n', b'\0' * 100):
            write(path, bad)
            self.configure(old)
            self.refused('ROLLBACK')
            self.assertEqual(read(path), bad)
        write(path, good + b'future key\n')
        self.configure(new)
        self.assertEqual(self.refresh(), 'unchanged')

    def test_it_is_on_the_disk_before_it_is_used(self):
        self.make()
        self.configure()
        trace = f'{self.repo}/trace'
        done = subprocess.run(['strace', '-E', 'ASAN_OPTIONS=detect_leaks=0', '-f', '-qq', '-y', '-e', 'trace=fsync,rename,renameat,renameat2', '-o', trace,
                               *self.root.command('refresh')], check=False, capture_output=True,
                              env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
                                   'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = read(trace).decode().splitlines()
        at = {what: next(i for i, line in enumerate(lines) if what in line and kind in line) for what, kind in
              (('test.state', 'rename'), ('.partial>', 'fsync'), ('repos>)', 'fsync'), ('current', 'rename'))}
        self.assertLess(at['.partial>'], at['test.state'])
        self.assertLess(at['test.state'], at['repos>)'])
        self.assertLess(at['repos>)'], at['current'])

    def test_metadata_in_use_ages_even_if_newer_was_seen_and_could_not_be_had(self):
        old, new = self.two()
        self.configure(old)
        self.refresh()
        published = self.state()['published']
        os.unlink(glob.glob(f'{new}/repodata/*primary.xml*')[0])
        self.configure(new)
        self.refused('HTTP-STATUS')
        self.assertGreater(int(self.state()['signed']), int(published))
        self.assertEqual(self.state()['published'], published)


class Mirrors(WithRoot):
    def server(self, directory=None):
        server = r.Server(directory or self.repo)
        self.addCleanup(server.close)
        return server

    def test_a_mirror_that_is_behind_or_broken_costs_the_next_ones_turn(self):
        self.make(f'{self.repo}/old', revision=1)
        r.next_second()
        self.make(f'{self.repo}/new', revision=2)
        self.make(f'{self.repo}/forged', key='other')
        self.make(f'{self.repo}/unsigned', key=None)
        shutil.copytree(f'{self.repo}/new', f'{self.repo}/torn')
        shutil.copy(f'{self.repo}/old/repodata/repomd.xml.p7s', f'{self.repo}/torn/repodata/')
        os.mkdir(f'{self.repo}/empty')
        self.configure(f'{self.repo}/new')
        self.assertEqual(self.refresh(), 'new')
        server = self.server()
        bad = [f'{server.url}/{name}' for name in ('old', 'forged', 'unsigned', 'torn', 'empty')] + ['http://127.0.0.1:9']
        for url in bad:
            self.configure(url, f'{server.url}/new')
            self.assertIn(self.refresh(), ('new', 'unchanged'), url)
        self.configure(*bad, f'{server.url}/new')
        self.assertEqual(self.refresh(), 'unchanged')
        # and if all fail, the most specific error is reported
        self.configure(*bad)
        self.refused('ROLLBACK')

    def test_a_pair_caught_while_the_mirror_changed_is_fetched_once_more(self):
        self.make()
        server = self.server()
        self.configure(server.url)
        good = read(f'{self.repo}/repodata/repomd.xml.p7s')
        server.once['repomd.xml.p7s'] = good[:-1] + bytes([good[-1] ^ 1])
        self.assertEqual(self.refresh(), 'new')
        self.assertEqual(sum('p7s' in path for path in server.requests), 2)

    def test_a_repository_that_is_published_between_two_requests_is_fetched_once_more(self):
        """The package list that repomd.xml names is gone, or is another one, when it is asked for."""
        def make(directory, names):
            shutil.rmtree(f'{directory}/repodata', ignore_errors=True)
            subprocess.run(['createrepo_c', '-q', '--no-database', *names, directory], check=True)
            r.sign(directory, 'repo')

        # names with a digest, as createrepo_c makes them: the old list is gone; plain names: it is another one
        for names in [], ['--simple-md-filenames']:
            with self.subTest(names=names):
                directory = f'{self.repo}/{len(names)}'
                os.makedirs(directory)
                make(directory, names)
                server = self.server(directory)
                self.configure(server.url)

                def publish(directory=directory, names=names):
                    r.next_second()
                    r.rpmbuild(directory, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')
                    make(directory, names)
                server.before['primary'] = publish
                self.assertEqual(self.refresh(), 'new')
                self.assertEqual(sum('repomd.xml.p7s' in path for path in server.requests), 2)
                self.assertEqual(self.refresh(), 'unchanged')
                shutil.rmtree(f'{self.root.path}/var', ignore_errors=True)
                os.makedirs(f'{self.root.path}/var/lib/rpm', exist_ok=True)

    def test_a_bad_pair_is_asked_for_twice_and_no_more(self):
        repomd = self.make()
        write(repomd, read(repomd) + b' ')
        server = self.server()
        self.configure(server.url)
        self.refused('BAD-SIGNATURE')
        self.assertEqual(sum(path.endswith('repomd.xml') for path in server.requests), 2)

    def test_nothing_new_costs_no_body(self):
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        self.assertIn('etag', self.state())
        trace = f'{self.repo}/trace'
        subprocess.run(['strace', '-E', 'ASAN_OPTIONS=detect_leaks=0', '-f', '-qq', '-e', 'trace=memfd_create', '-o', trace, *self.root.command('refresh')],
                       check=False, capture_output=True)
        self.assertLessEqual(read(trace).count(b'memfd_create('), 1)  # at most the signature
        # the etag of another mirror is useless here
        shutil.copytree(f'{self.repo}/repodata', f'{self.repo}/b/repodata')
        self.configure(f'{self.repo}/b')
        self.assertEqual(self.refresh(), 'unchanged')

    def test_in_a_whole_run_only_what_has_no_rights_opens_an_internet_socket(self):
        self.make()
        server = self.server()
        self.configure(server.url)
        trace = f'{self.repo}/trace'
        done = subprocess.run(['strace', '-f', '-qq', '-e', 'trace=socket,execve,seccomp,openat,setresuid', '-o', trace,
                               *self.root.command('refresh')], check=False, capture_output=True,
                              env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
                                   'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = read(trace).decode().splitlines()
        root = lines[0].split()[0]
        programs = {line.split()[0]: line for line in lines if 'execve(' in line and line.endswith('= 0')}
        confined, internet = set(), set()
        for line in lines:
            pid = line.split()[0]
            if 'SECCOMP_SET_MODE_FILTER, 0, {' in line:
                confined.add(pid)
            if 'socket(AF_INET' in line:
                internet.add(pid)
                self.assertIn(pid, confined, line)
            if pid in confined and 'openat(' in line and not line.endswith(')'):
                self.assertNotRegex(line, r'O_(WRONLY|RDWR|CREAT)[^)]*\) = \d')
        self.assertTrue(internet)
        self.assertNotIn(root, internet)
        for pid in internet:
            self.assertIn('/fetch"', programs[pid])

    def test_a_dead_network_leaves_the_old_cache_in_use(self):
        self.make()
        self.configure()
        self.assertEqual(self.refresh(), 'new')
        self.configure('http://127.0.0.1:9')
        self.refused('UNREACHABLE')
        self.assertTrue(self.cache())


class Clocks(WithRoot):
    """The clock of a machine may show any time: at its first boot, with an empty battery, after a typing error."""

    IN_1970, IN_2000, IN_2038, IN_2099 = 100, 951825600, 2147483640, 4102444700

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shim = f'{cls.directory}/clock.so'
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'clock.c')
        subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', cls.shim, source], check=True)

    def at(self, clock, *args):
        """The code of a refresh, or its output, with the clock at that time; None: the real clock."""
        faked = {'LD_PRELOAD': self.shim, 'TEST_CLOCK': str(clock), 'ASAN_OPTIONS': 'verify_asan_link_order=0'} if clock else {}
        done = self.root.run(*args, 'refresh', env=faked)
        self.said = done.stderr
        if done.returncode in (0, 2):
            return {0: 'new', 2: 'unchanged'}[done.returncode]
        return done.stderr.strip().rsplit('[', 1)[1][:-1]

    def two(self):
        old, new = f'{self.repo}/old', f'{self.repo}/new'
        self.make(old, revision=1)
        r.next_second()
        self.make(new, revision=2)
        return old, new

    def test_the_clock_that_is_faked_is_the_one_that_is_read(self):
        self.make()
        self.configure()
        self.assertEqual(self.at(NOW + 20 * 86400, '--unattended'), 'STALE')
        self.assertEqual(self.at(NOW + 13 * 86400, '--unattended'), 'new')

    def test_wherever_it_stands_what_is_signed_is_accepted_and_what_is_older_is_not(self):
        for clock in (self.IN_1970, self.IN_2000, self.IN_2038 + 10 * 366 * 86400, self.IN_2099):
            with self.subTest(clock=clock):
                self.setUp()
                old, new = self.two()
                self.configure(new)
                self.assertEqual(self.at(clock, '--unattended'), 'new')
                self.assertIn('the clock is not set', self.said)
                self.configure(old)
                self.assertEqual(self.at(clock, '--unattended'), 'ROLLBACK')
                self.assertEqual(self.at(None), 'ROLLBACK')

    def test_it_may_jump_between_runs(self):
        """Each row: the clocks for the older state, the newer state, and the older state again."""
        rows = [(a, b, c) for a in (self.IN_1970, None, self.IN_2099) for b in (self.IN_1970, None, self.IN_2099)
                for c in (self.IN_1970, self.IN_2099)]
        old, new = self.two()
        for row in rows:
            with self.subTest(row=row):
                for name in 'var/lib/modfetch', 'var/cache/modfetch':
                    shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
                self.configure(old)
                self.assertEqual(self.at(row[0], '--unattended'), 'new')
                self.configure(new)
                self.assertEqual(self.at(row[1], '--unattended'), 'new')
                signed = self.state()['signed']
                self.configure(old)
                self.assertEqual(self.at(row[2], '--unattended'), 'ROLLBACK')
                self.configure(new)
                self.assertEqual(self.at(None, '--unattended'), 'unchanged')
                self.assertEqual(self.state()['signed'], signed)

    def test_the_state_keeps_the_time_that_was_signed_and_never_the_clocks(self):
        self.make()
        self.configure()
        self.assertEqual(self.at(self.IN_2099), 'new')
        for name in 'signed', 'published':
            self.assertLess(abs(int(self.state()[name]) - time.time()), 300)

    def test_a_certificate_that_has_ended_meanwhile_counts_for_what_it_signed_before(self):
        """Validity is judged at the time of signing; the test's keys are not valid in 1970, nor in 2099."""
        end = subprocess.run(['openssl', 'x509', '-in', f'{r.test_keys()}/repo.crt', '-noout', '-checkend', str(70 * 365 * 86400)],
                             check=False, stdout=subprocess.PIPE)
        self.assertEqual(end.returncode, 1)
        self.make()
        self.configure()
        self.assertEqual(self.at(self.IN_2099), 'new')
        self.assertEqual(self.at(self.IN_1970, '--unattended'), 'unchanged')


class Denied(WithRoot):
    def test_a_key_or_a_file_on_the_list_is_refused_whoever_signed(self):
        repomd = self.make()
        self.configure()
        der = subprocess.run(['openssl', 'x509', '-in', f'{r.test_keys()}/repo.crt', '-outform', 'DER'], check=True,
                             stdout=subprocess.PIPE).stdout
        key, digest = hashlib.sha256(der).hexdigest(), hashlib.sha256(read(repomd)).hexdigest()
        colons = ':'.join(key[i : i + 2] for i in range(0, 64, 2)).upper()
        for line in (key, key.upper(), colons, f'  {key} # stolen', f'# a comment\n\n{key}\n', digest):
            write(f'{self.keys}/deny.d/list', line)
            self.refused('REVOKED')
            self.assertFalse(self.cache())
        write(f'{self.keys}/deny.d/list', f'# {key}\n{"0" * 64}\n')
        write(f'{self.keys}/deny.d/.list.swp', key)
        self.assertEqual(self.refresh(), 'new')
        write(f'{self.keys}/deny.d/second', key)  # applies from this moment on
        self.refused('REVOKED')

    def test_a_list_that_makes_no_sense_lets_nothing_through(self):
        self.make()
        self.configure()
        for text in ('stolen\n', 'ab' * 19 + '\n', 'g' * 64 + '\n', '0' * 200, '\0', 'a' * 64 + ' and more words\n'):
            write(f'{self.keys}/deny.d/list', text)
            self.refused('CONFIG')
            self.assertFalse(self.cache())


if __name__ == '__main__':
    unittest.main()
