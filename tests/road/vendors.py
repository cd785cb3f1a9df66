#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories with the packages of vendors: each shape against refresh, lookup by device, install and check.

The specs have the names, dependencies, files and scriptlets that the generators of each vendor write, in words of our own; rpmbuild
and createrepo_c make packages and metadata of them.
"""
import gzip
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

KVER = r.kernel()[1]
RNG = 'pci:v00001022d0000746Bsv00001022sd0000746Bbc05sc00i00'  # amd-rng
ALI = 'pci:v000010B9d00001535sv00000000sd00000000bc06sc01i00'  # alim1535_wdt
POST = '%post\n/usr/sbin/depmod\nif [ -e /usr/sbin/weak-modules ]; then /usr/sbin/weak-modules --add-modules </dev/null; fi'
PREUN = '%preun\nrpm -ql x >/var/run/modules-of-x'
RHEL = ['Requires: /usr/sbin/depmod', 'Requires: /usr/sbin/weak-modules']


def module(name):
    """The bytes of a real module, and its aliases."""
    path = r.output('modprobe', '-d', r.full_tree(), '-S', KVER, '-C', '/nowhere', '--show-depends', name).split()[1]
    aliases = r.output('modinfo', '-F', 'alias', path).split()
    with open(path, 'rb') as f:
        return f.read(), aliases


def symbols(name, form):
    """A requires for each symbol that a module imports, FORM % (symbol, crc)."""
    path = r.output('modprobe', '-d', r.full_tree(), '-S', KVER, '-C', '/nowhere', '--show-depends', name).split()[1]
    pairs = [line.split() for line in r.output('modprobe', '--dump-modversions', path).splitlines()]
    return ['Requires: ' + form % (symbol, int(crc, 16)) for crc, symbol in pairs]


def mangled(alias):
    return ''.join(c if c.isalnum() or c in '][._:*?/-' else '_' for c in alias)


class Shape:
    """What one vendor's repository has. FOUND: the state of the device; NAME: the package of module amd_rng."""
    package, scriptlets, found, hidden = 'kmod-amd-rng', False, 'available', False
    filelists = False  # fetched?
    directory = f'/lib/modules/{KVER}/extra/amd-rng'
    link = None  # of /lib on its machines

    def build(self, directory):
        code, aliases = module('amd-rng')
        r.rpmbuild(directory, self.package, self.spec(aliases), [(f'{self.directory}/amd-rng.ko', code)], version='1.0', release=self.release)

    release = '1.el9'


class ElrepoOld(Shape):
    """el8, el9: neither kmod() nor modalias(), only the list of files has a module."""
    found, hidden, scriptlets, filelists = 'unknown', True, True, True

    def spec(self, aliases):
        return [*symbols('amd-rng', 'kernel(%s) = 0x%08x'), *RHEL, POST]


class ElrepoNew(Shape):
    """el10: provides for modules and aliases."""
    scriptlets = True

    def spec(self, aliases):
        return ['Provides: kmod(amd-rng.ko)', *(f'Provides: modalias({mangled(a)}) = 1.0' for a in aliases),
                *symbols('amd-rng', 'kernel(%s) = 0x%08x'), *RHEL, POST]


class RhelKmp(ElrepoNew):
    """%kernel_module_package without any scriptlet left."""
    scriptlets = False

    def spec(self, aliases):
        return super().spec(aliases)[:-1]


class RpmFusion(Shape):
    """A package for each kernel release, below /usr/lib/modules where no generator looks, and one that needs the newest."""
    found, hidden, filelists = 'unknown', True, True
    package, directory, link = f'kmod-amd-rng-{KVER}', f'/usr/lib/modules/{KVER}/extra/amd-rng', 'usr/lib'

    def spec(self, aliases):
        return ['Provides: amd-rng-kmod = 1.0', f'Provides: kmod-amd-rng-uname-r = {KVER.rpartition("-")[0]}.amd64',
                f'Requires: kernel-uname-r = {KVER.rpartition("-")[0]}.amd64']

    def build(self, directory):
        super().build(directory)
        r.rpmbuild(directory, 'kmod-amd-rng', [f'Requires: {self.package}'], version='1.0', release=self.release)


class SolidDriver(Shape):
    """A KMP of SUSE's partners: several versions side by side, scriptlets of the macros."""
    package, scriptlets = 'amd-rng-kmp-amd64', True
    release = '1_k6.1.0'
    directory = f'/lib/modules/{KVER}/updates'

    def spec(self, aliases):
        return ['Provides: kmod(amd-rng.ko)', 'Provides: multiversion(kernel)', 'Enhances: kernel-amd64',
                *(f'Supplements: modalias(kernel-amd64:{a})' for a in aliases), *symbols('amd-rng', 'ksym(amd64:%s) = %x'), POST, PREUN]


class OpenSuse(SolidDriver):
    """The same without scriptlets."""
    scriptlets = False

    def spec(self, aliases):
        return super().spec(aliases)[:-2]


class OldSuse(OpenSuse):
    """Before 2018: aliases and no kmod(); the name of the package is not the module's."""
    package, filelists = 'vendor-crypto-kmp-amd64', True

    def spec(self, aliases):
        return super().spec(aliases)[1:]


SHAPES = {shape.__name__: shape() for shape in (ElrepoOld, ElrepoNew, RhelKmp, RpmFusion, SolidDriver, OpenSuse, OldSuse)}


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
                f.write('a program\n')
        server = r.Server(repository or self.directory)
        self.addCleanup(server.close)
        root.repo(server.url, extra=extra)
        return root, server

    def done(self, root, *args, status=0):
        done = root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done


class Table(Base):
    """Each shape against each verb."""

    def shape(self, name):
        shape = SHAPES[name]
        repository = f'{self.directory}/{name}'
        os.makedirs(repository)
        shape.build(repository)
        r.createrepo(repository)
        root, server = self.machine(repository=repository, link=shape.link)
        done = self.done(root, 'refresh')
        self.assertEqual(any('filelists' in path for path in server.requests), shape.filelists, server.requests)
        self.assertEqual('no alias, so no device finds' in done.stdout, shape.hidden, done.stdout)
        if shape.hidden:
            self.assertIn('kmod-amd-rng', done.stdout)
        if shape.scriptlets:
            self.refused(root, server, shape)
            root.repo(server.url, extra=['scriptlets=1'])
        self.lookups(root, shape)
        self.installs(root, server, shape)

    def refused(self, root, server, shape):
        before = len(server.requests)
        for query in ['amd_rng'] if shape.found == 'unknown' else ['amd_rng', RNG]:
            status, answer = root.json('lookup', query)
            self.assertEqual((status, answer['results'][0]['state']), (4, 'denied'), answer)
            for word in shape.package, '/bin/sh', 'scriptlets=1', '[test]':
                self.assertIn(word, answer['results'][0]['reason'])
        for args in (['install', shape.package], ['--dry-run', 'install', shape.package], ['install', 'amd-rng'], ['probe', 'amd_rng']):
            done = self.done(root, '--no-load', *args, status=4)
            self.assertRegex(done.stderr.splitlines()[-1], r'scriptlets=1 in its section \[test\].* \[SCRIPTLET\]$')
        self.assertEqual(server.requests[before:], [], 'nothing is downloaded to be refused')
        self.assertEqual(root.history()[-1]['outcome'], 'failed')

    def lookups(self, root, shape):
        for query, state in ((RNG, shape.found), ('amd-rng', 'available'), ('amd_rng', 'available'), (ALI, 'unknown')):
            _, answer = root.json('lookup', query)
            self.assertEqual((query, answer['results'][0]['state']), (query, state), answer)
            if state == 'available':
                self.assertEqual(answer['results'][0]['modules'], ['amd_rng'])
                self.assertEqual([p['name'] for p in answer['install']], [shape.package])

    def installs(self, root, server, shape):
        # a program of this machine runs no scriptlet below a root without a shell: only the packages without any are installed
        if shape.scriptlets:
            return
        self.done(root, '--no-load', 'install', 'amd_rng')
        self.assertIn(shape.package, root.names())
        _, answer = root.json('lookup', RNG)
        self.assertEqual(answer['results'][0]['state'], 'present')
        self.done(root, '--no-load', 'install', 'amd_rng', status=2)
        done = root.run('check')
        self.assertNotIn('amd-rng.ko', done.stdout, 'the module fits its kernel')
        before = len(server.requests)
        self.done(root, 'remove', shape.package)
        self.assertEqual(len(server.requests), before)
        self.assertNotIn('amd-rng.ko', root.on_disk())


for shape_name in SHAPES:
    setattr(Table, f'test_{shape_name}', lambda self, name=shape_name: self.shape(name))


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
    unittest.main()
