#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three keys sign three kinds of data: metadata, packages, modules. Each key is accepted only for its own kind."""
import base64
import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
import rpmformat  # noqa: E402
from gpg import Gpg, read, write  # noqa: E402

ROLES = 'repo', 'module', 'package'
MARKER = b'~Module signature appended~\n'


def openssl(*args, **options):
    return subprocess.run(['openssl', *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options).stdout


class WithKeys(unittest.TestCase):
    """Every role has a certificate and an OpenPGP key; the machine accepts each only for its own kind."""

    @classmethod
    def setUpClass(cls):
        cls.root = r.Root()
        cls.directory = tempfile.mkdtemp(prefix='keys-')
        cls.gpg = Gpg(cls.directory)
        keys = f'{cls.root.path}/etc/modfetch/keys'
        for role in ROLES + ('stranger',):
            openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{cls.directory}/{role}.key', '-out',
                    f'{cls.directory}/{role}.pem', '-subj', f'/CN={role}', '-days', '30')
            cls.gpg.key(role, 'rsa3072')
        cls.gpg.key('small', 'rsa1024')
        os.makedirs(f'{keys}/module.d')
        shutil.copy(f'{cls.directory}/repo.pem', f'{keys}/repo.d/repo.pem')
        shutil.copy(f'{cls.directory}/module.pem', f'{keys}/module.d/module.pem')
        write(f'{keys}/repo.d/package.gpg', cls.gpg.run('--export', 'package@example.org'))
        write(f'{keys}/repo.d/small.gpg', cls.gpg.run('--export', 'small@example.org'))
        base = read(f'{cls.root.modules}/{cls.root.needed(["loop"])[-1]}')
        at = base.rfind(b'~Module signature')
        cls.bare = base[: at - 12 - struct.unpack('>I', base[at - 4 : at])[0]] if at > 0 else base

    @classmethod
    def tearDownClass(cls):
        cls.gpg.close()
        cls.root.close()
        shutil.rmtree(cls.directory)

    def signed_module(self, role):
        write(f'{self.directory}/content', self.bare)
        sig = openssl('cms', '-sign', '-binary', '-noattr', '-nocerts', '-outform', 'DER', '-md', 'sha256', '-in',
                      f'{self.directory}/content', '-signer', f'{self.directory}/{role}.pem', '-inkey', f'{self.directory}/{role}.key')
        return self.bare + sig + struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, len(sig)) + MARKER

    def sign_package(self, path, role, *options):
        subprocess.run(['rpmsign', '--addsign', '--define', f'_gpg_name {role}@example.org', '--define',
                        f'_gpg_path {self.gpg.home}', '--define', f'__gpg {shutil.which("gpg")}', *options, path], check=True, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env={**os.environ, 'GNUPGHOME': self.gpg.home})

    def sign_metadata(self, directory, role):
        repomd = f'{directory}/repodata/repomd.xml'
        openssl('cms', '-sign', '-binary', '-outform', 'DER', '-in', repomd, '-signer', f'{self.directory}/{role}.pem', '-inkey',
                f'{self.directory}/{role}.key', '-out', repomd + '.p7s')

    def package(self, module='module', package='package'):
        """A repository of one package; the roles that signed module and package, or None."""
        directory = tempfile.mkdtemp(dir=self.directory)
        content = self.signed_module(module) if module else self.bare
        path = r.rpmbuild(directory, 'mine-kmp-test', [], [(f'/lib/modules/{self.root.kver}/updates/mine.ko', content)])
        if package:
            self.sign_package(path, package)
        return directory, path

    def publish(self, directory, metadata='repo'):
        subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', '--general-compress-type=gz', directory], check=True)
        self.sign_metadata(directory, metadata)

    def configure(self, directory, *extra, keys='keys=repo package'):
        for name in 'var/lib/modfetch', 'var/cache/modfetch':
            shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
        self.root.repo('file://' + directory, keys_line=keys, extra=extra or ['gpgcheck=1'])

    def outcome(self):
        """None, or the code of the refusal; an installed package is removed again."""
        for args in ('refresh',), ('--no-load', 'install', 'mine-kmp-test'):
            done = self.root.run(*args)
            if done.returncode:
                self.assertNotIn('mine-kmp-test', self.root.names())
                self.assertEqual(done.returncode, 4, done.stderr)
                return done.stderr.strip().rsplit('[', 1)[1][:-1]
        self.assertIn('mine-kmp-test', self.root.names())
        self.root.run('remove', 'mine-kmp-test')
        return None


class Matrix(WithKeys):
    def test_each_key_counts_for_its_own_thing_alone(self):
        for thing in ROLES:
            for key in ROLES:
                with self.subTest(thing=thing, key=key):
                    signers = dict(zip(ROLES, ROLES)) | {thing: key}
                    directory, _ = self.package(signers['module'], signers['package'])
                    self.publish(directory, signers['repo'])
                    self.configure(directory)
                    self.assertEqual(self.outcome(), None if key == thing else 'UNTRUSTED-KEY')

    def test_one_stolen_key_loads_nothing(self):
        """The attacker forges all three kinds and has one of the keys; the rest is signed by the attacker's own keys."""
        for stolen in ROLES:
            for extra in ('gpgcheck=1', 'gpgcheck=0'):
                if stolen == 'package' and extra == 'gpgcheck=0':
                    continue
                with self.subTest(stolen=stolen, extra=extra):
                    signers = {role: role if role == stolen else 'stranger' for role in ROLES}
                    directory, _ = self.package(signers['module'], signers['package'])
                    self.publish(directory, signers['repo'])
                    self.configure(directory, extra)
                    self.assertEqual(self.outcome(), 'UNTRUSTED-KEY')

    def test_an_unsigned_module_is_refused_as_soon_as_there_is_a_module_key(self):
        directory, _ = self.package(module=None)
        self.publish(directory)
        self.configure(directory)
        self.assertEqual(self.outcome(), 'MODULE-UNSIGNED')

    def test_check_judges_what_is_installed_by_the_same_keys(self):
        directory, _ = self.package()
        self.publish(directory)
        self.configure(directory)
        self.root.run('refresh')
        self.assertEqual(self.root.run('--no-load', 'install', 'mine-kmp-test').returncode, 0)
        self.addCleanup(self.root.run, 'remove', 'mine-kmp-test')

        def mine():
            status, found = self.root.json('check')
            self.assertTrue(found['signatures'])
            # the kernel's own modules are signed by a key unknown to this machine
            self.assertEqual(status, 1)
            return {f['code'] for f in found['findings'] if f['package']}
        self.assertEqual(mine(), set())
        deny = f'{self.root.path}/etc/modfetch/keys/deny.d/list'
        write(deny, hashlib.sha256(self.signed_module('module')).hexdigest())
        self.assertEqual(mine(), {'REVOKED'})
        os.unlink(deny)
        key = f'{self.root.path}/etc/modfetch/keys/module.d/module.pem'
        shutil.copy(f'{self.directory}/stranger.pem', key)
        self.addCleanup(shutil.copy, f'{self.directory}/module.pem', key)
        self.assertEqual(mine(), {'UNTRUSTED-KEY'})

    def test_a_package_or_module_on_the_deny_list(self):
        directory, path = self.package()
        self.publish(directory)
        deny = f'{self.root.path}/etc/modfetch/keys/deny.d/list'
        module = hashlib.sha256(self.signed_module('module')).hexdigest()
        for digest in (hashlib.sha256(read(path)).hexdigest(), module):
            write(deny, digest)
            self.configure(directory)
            self.assertEqual(self.outcome(), 'REVOKED')
        os.unlink(deny)
        self.configure(directory)
        self.assertIsNone(self.outcome())


class PackageSignatures(WithKeys):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        self = cls('replace')
        cls.repo, cls.path = self.package()
        self.publish(cls.repo)
        cls.good = read(cls.path)

    def replace(self, data):
        """Replaces the package by other bytes, and puts their digest into signed metadata."""
        write(self.path, data)
        name = f'{self.repo}/repodata/primary.xml.gz'
        xml = gzip.decompress(read(name)).decode()
        xml = re.sub(r'(pkgid="YES">)[0-9a-f]{64}', rf'\g<1>{hashlib.sha256(data).hexdigest()}', xml)
        xml = re.sub(r'(<size package=")\d+', rf'\g<1>{len(data)}', xml)
        packed = gzip.compress(xml.encode())
        write(name, packed)
        repomd = read(f'{self.repo}/repodata/repomd.xml').decode()
        head, tail = repomd.split('<data type="primary">', 1)
        part, tail = tail.split('</data>', 1)
        for tag, value in (('checksum type="sha256"', hashlib.sha256(packed).hexdigest()),
                           ('open-checksum type="sha256"', hashlib.sha256(xml.encode()).hexdigest()),
                           ('size', len(packed)), ('open-size', len(xml.encode()))):
            part = re.sub(rf'<{tag}>[0-9a-f]+<', f'<{tag}>{value}<', part)
        write(f'{self.repo}/repodata/repomd.xml', f'{head}<data type="primary">{part}</data>{tail}')
        self.sign_metadata(self.repo, 'repo')
        self.configure(self.repo)

    def parts(self):
        """Offsets of the signature header, the header and the payload."""
        def length(at):
            n, size = struct.unpack('>II', self.good[at + 8 : at + 16])
            return 16 + 16 * n + size
        header = 96 + (length(96) + 7 & ~7)
        return header, header + length(header)

    def find_signature(self):
        """Offset and length of the OpenPGP signature over the header."""
        n, _ = struct.unpack('>II', self.good[104:112])
        for i in range(n):
            tag, _, offset, count = struct.unpack('>IIII', self.good[112 + 16 * i : 128 + 16 * i])
            if tag in (267, 268):
                return 112 + 16 * n + offset, count, 112 + 16 * i
        raise KeyError

    def test_the_control(self):
        self.replace(self.good)
        self.assertIsNone(self.outcome())

    def test_thirty_mutants(self):
        header, payload = self.parts()
        sig, sig_len, entry = self.find_signature()
        mutants = {f'header+{at}': at for at in range(header + 20, payload, (payload - header) // 12)}
        mutants |= {f'signature+{at}': sig + at for at in range(sig_len - 380, sig_len, 38)}
        mutants |= {f'payload+{at}': payload + at for at in range(50, len(self.good) - payload, (len(self.good) - payload) // 8)}
        self.assertGreaterEqual(len(mutants), 30)
        for name, at in mutants.items():
            with self.subTest(mutant=name):
                self.replace(self.good[:at] + bytes([self.good[at] ^ 4]) + self.good[at + 1 :])
                done = [self.root.run(*args) for args in (('refresh',), ('--no-load', 'install', 'mine-kmp-test'))]
                self.assertEqual(done[0].returncode, 0, done[0].stderr)
                self.assertIn(done[1].returncode, (1, 4), done[1].stderr)
                self.assertRegex(done[1].stderr, r'\[(BAD-SIGNATURE|UNTRUSTED-KEY|BAD-PACKAGE|INSTALL)\]')
                if name.startswith(('header', 'signature')):
                    self.assertRegex(done[1].stderr, r'\[(BAD-SIGNATURE|UNTRUSTED-KEY|BAD-PACKAGE)\]')
                self.assertNotIn('mine-kmp-test', self.root.names())
        # the index has no entry for the signature
        self.replace(self.good[:entry] + struct.pack('>I', 999) + self.good[entry + 4 :])
        self.assertEqual(self.outcome(), 'NO-SIGNATURE')

    def test_other_signatures(self):
        for role, keys, code in (('stranger', 'keys=repo package', 'UNTRUSTED-KEY'), (None, 'keys=repo package', 'NO-SIGNATURE'),
                                 ('small', 'keys=repo small', 'BAD-SIGNATURE'), ('package', 'keys=repo', 'NO-KEYS')):
            with self.subTest(role=role, keys=keys):
                directory, _ = self.package(package=role)
                self.publish(directory)
                self.configure(directory, keys=keys)
                self.assertEqual(self.outcome(), code)

    def test_signatures_as_rpm_4_20_writes_them(self):
        """Any number, in base64; one good one is enough, and what is no signature counts for nothing."""
        paths = {role: self.package(package=role) for role in ('package', 'stranger')}
        good, foreign = (base64.b64encode(rpmformat.signatures(path)[0]) for _, path in paths.values())
        directory, path = paths['package']
        for texts, code in (((good,), None), ((foreign, good), None), ((b'no base64', good), None), ((foreign,), 'UNTRUSTED-KEY'),
                            ((b'no base64',), 'BAD-SIGNATURE'), ((good[:-8],), 'BAD-SIGNATURE'), ((b'',), 'BAD-SIGNATURE'),
                            ((foreign, b'QUJD'), 'UNTRUSTED-KEY'), ((b'QUJD',) * 16 + (good,), 'BAD-SIGNATURE')):
            with self.subTest(texts=texts):
                rpmformat.set_openpgp(path, *texts)
                self.publish(directory)
                self.configure(directory)
                self.assertEqual(self.outcome(), code)

    def test_a_weak_digest(self):
        directory, path = self.package(package=None)
        self.sign_package(path, 'package', '--define', '_gpg_digest_algo sha1')
        self.publish(directory)
        self.configure(directory)
        self.assertEqual(self.outcome(), 'BAD-SIGNATURE')

    def test_macros_of_the_system_change_nothing(self):
        home = tempfile.mkdtemp(dir=self.directory)
        write(f'{home}/.rpmmacros', '%_pkgverify_level none\n%_pkgverify_flags 0x7fffffff\n%__vsflags 0xffffff\n')
        directory, _ = self.package(package='stranger')
        self.publish(directory)
        self.configure(directory)
        self.root.run('refresh')
        done = self.root.run('--no-load', 'install', 'mine-kmp-test', env={'HOME': home})
        self.assertIn('[UNTRUSTED-KEY]', done.stderr)

    def test_a_repository_that_does_not_ask_is_not_checked(self):
        directory, _ = self.package(package=None)
        self.publish(directory)
        self.configure(directory, 'gpgcheck=0')
        self.assertIsNone(self.outcome())


if __name__ == '__main__':
    unittest.main()
