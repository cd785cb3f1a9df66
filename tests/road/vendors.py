#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories with the packages of vendors: each shape of shapes.py against each verb; docs/vendors.md has the table.

Usage: vendors.py [--write]      with --write: writes docs/vendors.md again
"""
import gzip
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import documents  # noqa: E402
import root as r  # noqa: E402
from shapes import KVER, SHAPES, UNAME, module  # noqa: E402

RNG = 'pci:v00001022d0000746Bsv00001022sd0000746Bbc05sc00i00'  # amd-rng
ALI = 'pci:v000010B9d00001535sv00000000sd00000000bc06sc01i00'  # alim1535_wdt
BUSYBOX = '/bin/busybox'
VERBS = ['refresh', 'lookup of the device', 'install', 'check', 'update', 'rollback', 'remove']
PLAIN = """
A plain directory of packages on a web server is no repository: `refresh` fails with HTTP-STATUS for repodata/repomd.xml, as for a wrong URL.
`createrepo_c DIRECTORY` makes the metadata, which has to be signed as modfetch-pack(8) says; unsigned it is accepted on this machine alone
(`file:` and `trust=none`).
"""
HEAD = """# The packages of vendors, and what each verb does with them

Each line is a repository that a test makes as the vendor makes it, with a driver for one PCI device, and a newer version later.
`python3 tests/road/vendors.py --write` writes the table again. "scriptlets": the packages have programs that run as root. They are refused
before anything is downloaded, until the section of the repository has `scriptlets=1`, which is set for all that stands after that word.

"""


class Base(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='vendors-')
        self.addCleanup(shutil.rmtree, self.directory)

    def machine(self, *extra, repository=None, link=None):
        root = r.Root(link=link)
        self.addCleanup(root.close)
        for name in 'usr/sbin/depmod', 'usr/sbin/weak-modules', 'bin/sh':
            # never os.path.join(): a path from "/" would be the machine's own
            os.makedirs(os.path.dirname(f'{root.path}/{name}'), exist_ok=True)
            with open(f'{root.path}/{name}', 'w', encoding='utf-8') as f:
                f.write('#!/bin/sh\n')
            os.chmod(f'{root.path}/{name}', 0o755)
        server = r.Server(repository or self.directory)
        self.addCleanup(server.close)
        root.repo(server.url, extra=extra)
        return root, server

    def done(self, root, *args, status=0):
        done = root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done


class Line(Base):
    """One shape and all verbs: a line of the table."""

    def line(self, name):
        self.shape, self.cells = SHAPES[name], {}
        self.repository = f'{self.directory}/{name}'
        os.makedirs(self.repository)
        self.shape.build(self.repository)
        r.createrepo(self.repository)
        self.root, self.server = self.machine(repository=self.repository, link=self.shape.link)
        self.make_rhel()
        for step in self.refreshes, self.refuses, self.finds, self.installs, self.checks, self.updates, self.goes_back, self.removes:
            step()
        return '| ' + ' | '.join([self.shape.title, *(self.cells[verb] for verb in VERBS)]) + ' |\n'

    def make_rhel(self):
        """What every machine of these distributions has: a shell with a few commands, and a package of the kernel."""
        shutil.copy(BUSYBOX, f'{self.root.path}/bin/sh')
        for tool in 'mkdir', 'touch', 'rm', 'cat':
            os.symlink('sh', f'{self.root.path}/bin/{tool}')
        for path in 'var/run', 'var/tmp', 'boot':
            os.makedirs(f'{self.root.path}/{path}', exist_ok=True)
        self.root.rpm('-i', '--nodeps', *r.FORCE, r.rpmbuild(
            self.directory, 'kernel-core', ['Provides: kernel = 6.1.0', f'Provides: kernel-uname-r = {UNAME}', f'Provides: kernel-core-uname-r = {UNAME}', 'Provides: /bin/sh']))

    def refreshes(self):
        done = self.done(self.root, 'refresh')
        shape = self.shape
        self.assertEqual(any('filelists' in path for path in self.server.requests), shape.filelists, self.server.requests)
        self.assertEqual('no alias, so no device finds' in done.stdout, shape.hidden, done.stdout)
        self.cells['refresh'] = 'reads the lists of files' if shape.filelists else 'done'
        if shape.hidden:
            self.assertIn('kmod-amd-rng', done.stdout)
            self.cells['refresh'] += ', says that no device finds the driver'

    def refuses(self):
        if not self.shape.scriptlets:
            return
        before = len(self.server.requests)
        for query in ['amd_rng'] if self.shape.found == 'unknown' else ['amd_rng', RNG]:
            status, answer = self.root.json('lookup', query)
            self.assertEqual((status, answer['results'][0]['state']), (4, 'denied'), answer)
            for word in self.shape.package, '/bin/sh', 'scriptlets=1', '[test]':
                self.assertIn(word, answer['results'][0]['reason'])
        for args in (['install', self.shape.package], ['--dry-run', 'install', self.shape.package], ['install', 'amd-rng'], ['probe', 'amd_rng']):
            done = self.done(self.root, '--no-load', *args, status=4)
            self.assertRegex(done.stderr.splitlines()[-1], r'scriptlets=1 in its section \[test\].* \[SCRIPTLET\]$')
        self.assertEqual(self.server.requests[before:], [], 'nothing is downloaded to be refused')
        self.assertEqual(self.root.history()[-1]['outcome'], 'failed')
        self.root.repo(self.server.url, extra=['scriptlets=1'])

    def finds(self):
        for query, state in ((RNG, self.shape.found), ('amd-rng', 'available'), ('amd_rng', 'available'), (ALI, 'unknown')):
            _, answer = self.root.json('lookup', query)
            self.assertEqual((query, answer['results'][0]['state']), (query, state), answer)
            if state == 'available':
                self.assertEqual(answer['results'][0]['modules'], ['amd_rng'])
                self.assertEqual([p['name'] for p in answer['install']], sorted([self.shape.package, *self.shape.others_of_module]))
        self.cells['lookup of the device'] = ('scriptlets; ' if self.shape.scriptlets else '') + (
            'the driver' if self.shape.found == 'available' else 'nothing; the driver by its name')

    def installs(self):
        self.done(self.root, '--no-load', 'install', 'amd_rng')
        self.assertLessEqual({self.shape.package, *self.shape.others_of_module}, set(self.root.names()))
        for query in RNG, 'amd-rng':
            _, answer = self.root.json('lookup', query)
            self.assertEqual(answer['results'][0]['state'], 'present')
        self.done(self.root, '--no-load', 'install', 'amd_rng', status=2)
        self.cells['install'] = 'installed' + (f' with {", ".join(self.shape.others_of_module)}' if self.shape.others_of_module else '')

    def checks(self):
        done = self.root.run('check')
        self.assertNotIn('amd-rng.ko', done.stdout, 'the module fits its kernel, and is in its indexes')
        self.cells['check'] = 'fits, nothing to report'

    def version(self):
        return [line.split()[1] for line in self.root.ask('%{NAME} %{VERSION}') if line.split()[0] == self.shape.package]

    def updates(self):
        self.root.conf(keep_versions=2)
        self.shape.build(self.repository, '1.1')
        r.next_second()
        r.createrepo(self.repository)
        self.done(self.root, 'refresh')
        # the version before was installed without a copy
        [update] = [u for u in self.root.json('update', '--check')[1]['updates'] if u['name'] == self.shape.package]
        self.assertEqual((update['installed'].partition('-')[0], update['evr'].partition('-')[0], update['blocked']), ('1.0', '1.1', None))
        self.done(self.root, 'update')
        self.assertEqual(self.version(), ['1.1'])
        self.assertEqual(self.root.json('update', '--check')[1]['updates'], [])
        self.cells['update'] = '1.0 → 1.1'

    def goes_back(self):
        self.done(self.root, 'rollback')
        self.assertEqual(self.version(), ['1.0'])
        _, answer = self.root.json('lookup', RNG)
        self.assertEqual(answer['results'][0]['state'], 'present')
        self.checks()
        self.cells['rollback'] = '1.1 → 1.0'

    def removes(self):
        before = len(self.server.requests)
        self.done(self.root, 'remove', self.shape.package)
        self.assertEqual(len(self.server.requests), before)
        self.assertEqual([name for name in self.root.on_disk() if 'amd-rng' in name], [])
        self.assertEqual(self.version(), [])
        self.cells['remove'] = 'removed'


def table():
    """All lines; fails like the test."""
    lines = []
    for name in SHAPES:
        line = Line()
        line.setUp()
        try:
            lines.append(line.line(name))
        finally:
            line.doCleanups()
    return HEAD + f'| vendor | {" | ".join(VERBS)} |\n|{"---|" * (len(VERBS) + 1)}\n' + ''.join(lines) + PLAIN


class Table(Base):
    lines = {}

    def test_the_document_is_true(self):
        documents.compare(self, 'vendors.md', table())


class Plain(Base):
    """A directory of packages, served as it is."""

    def test_it_is_no_repository(self):
        SHAPES['OpenSuse'].build(self.directory)
        root, server = self.machine()
        done = self.done(root, 'refresh', status=1)
        self.assertRegex(done.stderr.splitlines()[-1], r'^modfetch: fetch: .*/repodata/repomd\.xml: the server answered 404, .* \[HTTP-STATUS\]$')
        # with metadata, and unsigned: for file: alone, and by the admin's word
        r.createrepo(self.directory, key=None)
        self.assertRegex(self.done(root, 'refresh', status=4).stderr, r'\[NO-SIGNATURE\]')
        root.repo(server.url, keys_line='trust=none')
        self.assertRegex(self.done(root, 'refresh', status=1).stderr, r'trust=none.*\[CONFIG\]')
        root.repo(f'file://{self.directory}', keys_line='trust=none')
        self.done(root, 'refresh')
        self.done(root, '--no-load', 'install', RNG)
        self.assertIn('amd-rng-kmp-amd64', root.names())


class Bundle(Base):
    """A package of several modules: its metadata has their aliases without saying which is whose."""

    def test_a_device_gets_the_module_that_has_its_alias(self):
        files, spec = [], []
        for name in 'amd-rng', 'alim1535_wdt', 'acer-wireless':
            code, aliases = module(name)
            files.append((f'/lib/modules/{KVER}/updates/{name}.ko', code))
            spec += [f'Provides: kmod({name}.ko)', *(f'Supplements: modalias(kernel-amd64:{a})' for a in aliases)]
        r.rpmbuild(self.directory, 'bundle-kmp-amd64', spec, files)
        r.createrepo(self.directory)
        root, _ = self.machine()
        self.done(root, 'refresh')
        names = ['acer_wireless', 'alim1535_wdt', 'amd_rng']
        for query in RNG, ALI:
            _, answer = root.json('lookup', query)
            result = answer['results'][0]
            self.assertEqual((result['state'], sorted(result['modules'])), ('available', names))
            self.assertEqual(result['reason'], 'it is one of 3 modules of bundle-kmp-amd64')
        # by its own name there is no doubt
        _, answer = root.json('lookup', 'amd_rng')
        self.assertEqual(answer['results'][0]['modules'], ['amd_rng'])
        status, answer = root.json('--no-load', 'install', RNG)
        self.assertEqual((status, answer['results'][0]['modules']), (0, ['amd_rng']), answer)
        for query, name in (RNG, 'amd_rng'), (ALI, 'alim1535_wdt'):
            _, answer = root.json('lookup', query)
            self.assertEqual((answer['results'][0]['state'], answer['results'][0]['modules']), ('present', [name]))
        self.assertEqual(root.json('lookup', r.NOBODY)[1]['results'][0]['state'], 'unknown')


class Refused(Base):
    """Packages that only show after the download what they have."""

    def build(self, version, *spec):
        path = r.rpmbuild(self.directory, 'kmod-amd-rng', ['Provides: kmod(amd-rng.ko)', *spec],
                          [(f'/lib/modules/{KVER}/extra/amd-rng.ko', module('amd-rng')[0])], version=version)
        r.next_second()
        r.createrepo(self.directory)
        return path

    def test_a_package_is_downloaded_once_to_be_refused_for_its_scriptlets(self):
        first = self.build('1', '%preun\ntrue', '%postun -p <lua>\nprint("x")')
        root, server = self.machine()
        self.done(root, 'refresh')

        def downloads(*args, why='%preun, %postun'):
            before = len(server.requests)
            done = self.done(root, '--no-load', *args, status=4)
            self.assertRegex(done.stderr.splitlines()[-1], rf'{why}.* repository test .*scriptlets=1 in its section \[test\].* \[SCRIPTLET\]$')
            return len([path for path in server.requests[before:] if path.endswith('.rpm')])
        self.assertEqual([downloads('install', 'amd_rng'), downloads('install', 'amd_rng'), downloads('install', 'kmod-amd-rng')], [1, 0, 0])
        status, answer = root.json('lookup', 'amd_rng')
        self.assertEqual((status, answer['results'][0]['state'], answer['install']), (4, 'denied', []))
        self.assertEqual(downloads('--dry-run', 'install', 'kmod-amd-rng'), 0)
        # another package is checked
        os.unlink(first)
        self.build('2', '%preun\nfalse')
        self.done(root, 'refresh')
        self.assertEqual([downloads('install', 'amd_rng', why='%preun'), downloads('install', 'amd_rng', why='%preun')], [1, 0])
        # so is each one after a change of the setting
        root.repo(server.url, extra=['scriptlets=1'])
        status, answer = root.json('lookup', 'amd_rng')
        self.assertEqual((status, answer['results'][0]['state']), (0, 'available'))

    def test_a_version_without_scriptlets_is_taken_in_place_of_a_newer_one(self):
        self.build('1')
        self.build('2', '%post\ntrue')
        root, _ = self.machine()
        self.done(root, 'refresh')
        self.done(root, '--no-load', 'install', 'amd_rng')
        self.assertIn('kmod-amd-rng 1', root.ask('%{NAME} %{VERSION}'))

    def test_other_files_need_their_word(self):
        files = {'/etc/modprobe.d/amd-rng.conf': 'modprobe.d', '/usr/lib/dracut/dracut.conf.d/rng.conf': 'dracut.conf.d',
                 '/etc/modules-load.d/rng.conf': 'modules-load.d', '/usr/lib/udev/rules.d/90-rng.rules': 'udev-rules',
                 '/etc/uefi/certs/12345678.crt': 'uefi-certificates'}
        link = f'../../../../lib/modules/{KVER}/extra/amd-rng.ko'
        r.rpmbuild(self.directory, 'kmod-amd-rng', ['Provides: kmod(amd-rng.ko)', 'Obsoletes: kmod-rng-old'], [
            (f'/lib/modules/{KVER}/extra/amd-rng.ko', module('amd-rng')[0]), ('/usr/lib/.build-id/ab/cdef', link),
            *((path, b'# nothing\n') for path in files)])
        r.createrepo(self.directory)
        root, server = self.machine()
        self.done(root, 'refresh')
        allowed = []
        for _ in range(6):
            done = self.done(root, '--no-load', 'install', 'amd_rng', status=4)
            self.assertIn('[FORBIDDEN-FILE]', done.stderr)
            allowed.append(done.stderr.split('allow-files=')[-1].split()[0])
            root.repo(server.url, extra=['allow-files=' + ' '.join(allowed)])
        self.assertEqual(sorted(allowed), sorted(['build-id', *files.values()]))
        self.done(root, '--no-load', 'install', 'amd_rng')
        self.assertEqual(os.readlink(f'{root.path}/usr/lib/.build-id/ab/cdef'), link)
        for path in files:
            self.assertTrue(os.path.exists(root.path + path), path)
        self.done(root, 'remove', 'kmod-amd-rng')
        for path in files:
            self.assertFalse(os.path.exists(root.path + path), path)


class Filelists(Base):
    """The list of all files is fetched where it is needed, as safely as the rest."""

    def repository(self):
        SHAPES['ElrepoOld'].build(self.directory)
        r.createrepo(self.directory)
        return f'{self.directory}/repodata/filelists.xml.gz'

    def test_another_file_in_its_place_is_refused(self):
        path = self.repository()
        root, _ = self.machine()
        with open(path, 'rb') as f:
            text = gzip.decompress(f.read())
        size = os.path.getsize(path)
        with open(path, 'wb') as f:
            f.write(gzip.compress(text.replace(b'amd-rng.ko', b'ad-evil.ko'))[:size].ljust(size, b'\0'))
        done = root.run('refresh')
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('[BAD-DIGEST]', done.stderr)

    def test_one_that_is_too_large_costs_its_names_alone(self):
        path, repodata = self.repository(), f'{self.directory}/repodata'
        root, server = self.machine()
        with gzip.open(path) as f:
            text = f.read()
        os.unlink(path)
        for name, text in ('filelists.xml', text + b' ' * 3000000), ('filelists.xml', b'<filelists><package'):
            with open(f'{self.directory}/{name}', 'wb') as f:
                f.write(text)
            r.output('modifyrepo_c', '--no-compress', '--mdtype', 'filelists', '--simple-md-filenames', f'{self.directory}/{name}', repodata)
            r.next_second()
            r.sign(self.directory)
            root.conf(max_metadata=2)
            done = self.done(root, 'refresh')
            self.assertRegex(done.stderr, r'refresh: test: its (lists of files are not used: repodata/filelists.xml: it is larger|filelists.xml cannot be parsed)')
            self.assertIn('test: 1 packages', done.stdout)
            self.done(root, 'lookup', 'amd_rng', status=3)
        self.assertEqual(len([path for path in server.requests if 'filelists' in path]), 1, 'the large one is not even fetched')

    def test_a_file_that_a_driver_needs_is_found_in_it(self):
        r.rpmbuild(self.directory, 'kmod-needy', ['Provides: kmod(amd-rng.ko)', 'Requires: /usr/share/doc/tool/data'],
                   [(f'/lib/modules/{KVER}/extra/amd-rng.ko', module('amd-rng')[0])])
        r.rpmbuild(self.directory, 'tool-for-needy', [], [('/usr/share/doc/tool/data', b'x')])
        r.createrepo(self.directory)
        root, server = self.machine()
        self.done(root, 'refresh')
        self.assertTrue(any('filelists' in path for path in server.requests))
        self.done(root, '--no-load', 'install', 'kmod-needy')
        self.assertLessEqual({'kmod-needy', 'tool-for-needy'}, set(root.names()))


if __name__ == '__main__':
    if sys.argv[1:] == ['--write']:
        documents.write('vendors.md', table())
    else:
        unittest.main()
