#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Advisories: updateinfo.xml from createrepo_c and modifyrepo_c, through fetch, verify and publish."""
import glob
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import read, write  # noqa: E402

XML = '''<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="security@example.org" status="final" type="security" version="1">
    <id>EXAMPLE-2026:0001</id><title>paper cuts</title><severity>Important</severity>
    <pkglist><collection short="drivers"><name>drivers</name>
      <package name="paper" version="1" release="1" epoch="0" arch="noarch"><filename>paper-1-1.noarch.rpm</filename></package>
    </collection></pkglist>
  </update>
  <update from="security@example.org" status="final" type="bugfix" version="1">
    <id>EXAMPLE-2026:0002</id><title>scissors</title>
    <pkglist><collection short="drivers"><name>drivers</name>
      <package name="elsewhere" version="1" release="1" epoch="0" arch="noarch"><filename>elsewhere.rpm</filename></package>
    </collection></pkglist>
  </update>
</updates>
'''
LINE = 'paper noarch 1-1 security important EXAMPLE-2026:0001'


def changed(path, at):
    """Changes a byte of a file."""
    data = bytearray(read(path))
    data[at] ^= 1
    write(path, bytes(data))


class Advisories(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=())
        cls.directory = tempfile.mkdtemp(prefix='advisories-')
        cls.package = r.rpmbuild(cls.directory, 'paper', [], [('/usr/share/doc/paper/README', b'x')], arch='noarch')

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.directory)

    def setUp(self):
        for name in 'var/lib/modfetch', 'var/cache/modfetch':
            shutil.rmtree(f'{self.root.path}/{name}', ignore_errors=True)
        self.root.conf()
        self.repo = tempfile.mkdtemp(dir=self.directory)
        self.revision = 0

    def make(self, xml=XML, *options):
        """A signed repository with this updateinfo.xml, or without any."""
        self.revision += 1
        shutil.copy(self.package, self.repo)
        subprocess.run(['createrepo_c', '-q', '--no-database', '--repo', 'advisories',
                        '--revision', str(self.revision), self.repo], check=True)
        if xml is not None:
            source = xml if isinstance(xml, bytes) else xml.encode()
            write(f'{self.directory}/updateinfo.xml', source)
            subprocess.run(['modifyrepo_c', '--mdtype', 'updateinfo', *options, f'{self.directory}/updateinfo.xml',
                            f'{self.repo}/repodata'], check=True, stdout=subprocess.DEVNULL)
        r.sign(self.repo)

    def edit(self, old, new):
        """Changes repomd.xml and signs it again."""
        path = f'{self.repo}/repodata/repomd.xml'
        text = read(path).decode()
        before, middle, after = text.partition('<data type="updateinfo">')
        self.assertIn(old, after)
        write(path, (before + middle + after.replace(old, new, 1)).encode())
        r.sign(self.repo)

    def file(self):
        return glob.glob(f'{self.repo}/repodata/*updateinfo.xml*')[0]

    def refresh(self, *urls, code=None):
        self.root.repo(*(urls or [f'file://{self.repo}']))
        done = self.root.run('refresh')
        if code:
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f'[{code}]', done.stderr)
        else:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def listed(self):
        """The entries of the generation in use; None: it has no list."""
        try:
            lines = read(f'{self.root.path}/var/cache/modfetch/test/current/advisories').decode().splitlines()
        except FileNotFoundError:
            return None
        return lines[1:-1]

    def test_what_concerns_own_packages_is_kept(self):
        self.make()
        done = self.refresh()
        self.assertIn(', 1 advisories;', done.stdout)
        self.assertEqual(done.stderr, '')
        self.assertEqual(self.listed(), [LINE])
        self.assertEqual(self.root.json('refresh', '--force')[1]['repositories'][0]['advisories'], 1)

    def test_each_compression_that_primary_may_have(self):
        for kind in 'gz', 'xz', 'zstd', None:
            with self.subTest(kind=kind):
                if kind == 'zstd':
                    # createrepo_c of Debian 12 cannot write it
                    self.make(subprocess.run(['zstd', '-q', '-c'], input=XML.encode(), stdout=subprocess.PIPE, check=True).stdout,
                              '--no-compress')
                else:
                    self.make(XML, *(['--compress-type', kind] if kind else ['--no-compress']))
                packed = read(self.file())
                self.assertEqual(packed[:2] == b'<?', kind is None)
                self.refresh()
                self.assertEqual(self.listed(), [LINE])
                shutil.rmtree(f'{self.root.path}/var/cache/modfetch')

    def test_without_one_there_is_no_request_and_no_file(self):
        self.make(None)
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        self.refresh(server.url)
        self.assertEqual([path for path in server.requests if 'updateinfo' in path], [])
        self.assertIsNone(self.listed())
        self.assertEqual(self.root.json('refresh', '--force')[1]['repositories'][0]['advisories'], 0)

    def test_unchanged_metadata_costs_no_request(self):
        self.make()
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        self.refresh(server.url)
        self.assertEqual(len([path for path in server.requests if 'updateinfo' in path]), 1)
        self.assertEqual(self.root.run('refresh').returncode, 2)
        self.assertEqual(len([path for path in server.requests if 'updateinfo' in path]), 1)

    def test_a_byte_that_was_not_signed_is_a_failure(self):
        self.make()
        changed(self.file(), 40)
        self.refresh(code='BAD-DIGEST')
        self.assertFalse(os.path.exists(f'{self.root.path}/var/cache/modfetch/test/current'))

    def test_a_mirror_cannot_withhold_it(self):
        """The metadata before stays in use, as if the mirror withheld primary.xml."""
        self.make(None)
        self.refresh()
        r.next_second()
        self.make()
        os.unlink(self.file())
        done = self.refresh(code='HTTP-STATUS')
        self.assertIn('updateinfo', done.stderr)
        self.assertIsNone(self.listed())
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        self.refresh(server.url, code='HTTP-STATUS')
        self.assertIsNone(self.listed())

    def test_a_good_mirror_has_it(self):
        self.make()
        bad = r.Server(self.repo)
        self.addCleanup(bad.close)
        bad.refuse['updateinfo'] = 404
        cut = r.Server(self.repo)
        self.addCleanup(cut.close)
        cut.truncate['updateinfo'] = 10
        self.refresh(bad.url, cut.url, f'file://{self.repo}')
        self.assertEqual(self.listed(), [LINE])

    def test_what_its_signer_made_wrong_costs_the_advisories_only(self):
        """Rows: the file, options of modifyrepo_c, the warning."""
        rows = [
            (b'<updates><update', [], 'cannot be parsed'),
            (b'', ['--no-compress'], 'neither XML nor compressed'),
            (b'\x1f\x8b\x08\x00 this is no gzip', ['--no-compress'], 'cannot be inflated'),
            (gzip.compress(XML.encode())[:-9], ['--no-compress'], 'cannot be inflated'),
            (lzma.compress(XML.encode())[:-9], ['--no-compress'], 'cannot be inflated'),
            (b'BZh91AY&SY', ['--no-compress'], 'neither XML nor compressed'),
            (gzip.compress(b'<updates>' + b' ' * (2 << 20) + b'</updates>'), ['--no-compress'], 'when inflated'),
        ]
        self.root.conf(max_metadata=1)
        for xml, options, warning in rows:
            with self.subTest(warning=warning, xml=xml[:20]):
                self.make(xml, *options)
                done = self.refresh()
                self.assertIn('test: its advisories are not used', done.stderr)
                self.assertIn(warning, done.stderr)
                self.assertIn('1 packages', done.stdout)
                self.assertIsNone(self.listed())

    def test_one_that_is_too_large_as_it_lies_there(self):
        self.root.conf(max_metadata=1)
        self.make(XML + '<!--' + os.urandom(1 << 20).hex() + '-->\n', '--no-compress')
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        done = self.refresh(server.url)
        self.assertIn('larger than max-metadata', done.stderr)
        self.assertEqual([path for path in server.requests if 'updateinfo' in path], [])

    def test_a_digest_that_proves_nothing(self):
        self.make()
        # createrepo_c 1.2 writes no SHA-1 itself
        content = read(self.file())
        self.edit(f'"sha256">{hashlib.sha256(content).hexdigest()}', f'"sha1">{hashlib.sha1(content).hexdigest()}')
        server = r.Server(self.repo)
        self.addCleanup(server.close)
        done = self.refresh(server.url)
        self.assertIn('no SHA-256', done.stderr)
        self.assertEqual([path for path in server.requests if 'updateinfo' in path], [])
        self.assertIsNone(self.listed())

    def test_its_place_is_inside_the_repository(self):
        self.make()
        secret = f'{self.directory}/secret.xml'
        shutil.copy(self.file(), secret)
        for href in f'../../{os.path.basename(secret)}', f'file://{secret}', f'repodata/%2e%2e/{os.path.basename(secret)}', '/etc/passwd':
            with self.subTest(href=href):
                self.make()
                self.edit('href="repodata/' + os.path.basename(self.file()), f'href="{href}')
                self.refresh(code='BAD-HREF')

    def test_the_list_goes_with_its_generation(self):
        self.make()
        self.refresh()
        self.assertEqual(self.listed(), [LINE])
        r.next_second()
        self.make(XML.replace('Important', 'Low'))
        self.refresh()
        self.assertEqual(self.listed(), [LINE.replace('important', 'low')])
        r.next_second()
        self.make(None)
        self.refresh()
        self.assertIsNone(self.listed())

    def test_a_damaged_list_is_made_again(self):
        self.make()
        self.refresh()
        path = glob.glob(f'{self.root.path}/var/cache/modfetch/test/gen-*/advisories')[0]
        changed(path, 30)
        self.assertEqual(self.root.run('refresh').returncode, 2)
        self.assertEqual(self.root.run('refresh', '--force').returncode, 0)
        self.assertEqual(self.listed(), [LINE])


if __name__ == '__main__':
    unittest.main()
