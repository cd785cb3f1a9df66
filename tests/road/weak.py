#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links to modules of another kernel: drivers of one kernel that serve others, on real kernels of a distribution.

Three installed kernels: "new", "old" (the one before) and "far" (the third before). Which of them a module fits is not written
here: modprobe --dump-modversions and Module.symvers say it. After each step: no link of ours that leads nowhere, the ledger has
exactly the links that are there, no module counts as present that does not fit, and the indexes are depmod's.

With MODFETCH_TEST_ALL=1 500 random steps instead of 30, and a kill at 26 moments instead of 9.
"""
import filecmp
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

ALL = bool(os.environ.get('MODFETCH_TEST_ALL'))
KINDS = {'new': 'default', 'old': 'default-1', 'far': 'default-3'}
DUMMY = 'drivers/net/dummy.ko'
FAT, VFAT = 'fs/fat/fat.ko', 'fs/fat/vfat.ko'
SOURCES = (DUMMY, FAT, VFAT)
# system calls at which a run is killed, and the number of the call, counted separately in each process
POINTS = [('symlinkat', 1), ('symlinkat', 2), *[('rename,renameat,renameat2', k) for k in range(1, 9)],
          *[('unlink,unlinkat', k) for k in range(1, 9)], *[('fsync,fdatasync', k) for k in range(2, 9)]]


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def fits(path, base, kver):
    """Does every symbol version that a module states stand in the kernel's Module.symvers?"""
    with open(f'{base}/usr/src/linux-headers-{kver}/Module.symvers', encoding='ascii') as f:
        known = {line.split('\t')[1]: int(line.split('\t')[0], 16) for line in f}
    text = r.output('modprobe', '--dump-modversions', path)
    return all(known.get(symbol) == int(crc, 16) for crc, symbol in (line.split() for line in text.splitlines()))


class Machine(r.Root):
    """The context's kernel is NEW unless a call says otherwise."""

    def __init__(self, extra=(), **options):
        super().__init__(modules=('loop',), symvers=False, **options)
        self.bases = {}
        for name, kind in KINDS.items():
            base, kver = r.kernel(kind)
            self.bases[name] = base, kver
            self.add_kernel(name, ('drivers/block/loop.ko', *extra))

    def kver_of(self, name):
        return self.bases[name][1]

    def of(self, name):
        return f'{self.path}/lib/modules/{self.kver_of(name)}'

    def add_kernel(self, name, modules):
        base, kver = self.bases[name]
        source = f'{base}/lib/modules/{kver}'
        for path in modules:
            where = f'{self.of(name)}/kernel/{path}'
            os.makedirs(os.path.dirname(where), exist_ok=True)
            shutil.copy2(f'{source}/kernel/{path}', where)
        for one in os.listdir(source):
            if one.startswith('modules.builtin') or one == 'modules.order':
                shutil.copy(f'{source}/{one}', self.of(name))
        os.makedirs(f'{self.path}/boot', exist_ok=True)
        for one in ('config', 'System.map'):
            shutil.copy(f'{base}/boot/{one}-{kver}', f'{self.path}/boot')
        os.makedirs(f'{self.path}/usr/src/linux-headers-{kver}', exist_ok=True)
        shutil.copy(f'{base}/usr/src/linux-headers-{kver}/Module.symvers', f'{self.path}/usr/src/linux-headers-{kver}')
        subprocess.run(['depmod', '-b', self.path, kver], check=True)

    def remove_kernel(self, name):
        """As the kernel's own package would, which knows nothing of links; packages' files stay."""
        base, kver = self.bases[name]
        for path in ('loop.ko', 'modules.order'):
            for directory, _, files in os.walk(self.of(name)):
                if path in files and 'weak-updates' not in directory and 'updates' not in directory:
                    os.unlink(f'{directory}/{path}')
        for one in os.listdir(self.of(name)):
            if one.startswith('modules.'):
                os.unlink(f'{self.of(name)}/{one}')
        shutil.rmtree(f'{self.of(name)}/kernel')
        for one in os.listdir(f'{self.path}/boot'):
            if one.endswith(kver):
                os.unlink(f'{self.path}/boot/{one}')
        shutil.rmtree(f'{self.path}/usr/src/linux-headers-{kver}')

    def module(self, name, path):
        base, kver = self.bases[name]
        return f'{base}/lib/modules/{kver}/kernel/{path}'

    def at(self, kernel, *args, **options):
        """Runs the command for a kernel."""
        return self.run('--kernel', self.kver_of(kernel), *args, **options)

    def links(self):
        """{(kernel, path of a link): its text} of all weak-updates."""
        found = {}
        for kver in sorted(os.listdir(f'{self.path}/lib/modules')):
            top = f'{self.path}/lib/modules/{kver}'
            for directory, _, files in os.walk(f'{top}/weak-updates'):
                for name in files:
                    path = f'{directory}/{name}'
                    if os.path.islink(path):
                        found[kver, os.path.relpath(path, top)] = os.readlink(path)
        return found

    def ledger(self):
        """{(kernel, path): target} as the file says; None: a run was not finished."""
        try:
            lines = read(f'{self.path}/var/lib/modfetch/links').decode().splitlines()
        except FileNotFoundError:
            return {}
        if lines[0] != 'modfetch links 1' or lines[-1] != '.':
            return None
        return {(w[1], w[2]): w[3] for w in map(str.split, lines) if w[0] == 'l'}

    def present(self, kernel, name):
        run = self.at(kernel, '--json', 'lookup', name)
        return '"state":"present"' in run.stdout.replace(' ', '')


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='weak-')
        machine = Machine()
        old = machine.kver_of('old')
        cls.fits = {name: all(fits(machine.module('old', path), *machine.bases[name]) for path in SOURCES) for name in KINDS}
        if not cls.fits['new']:
            raise unittest.SkipTest(f'the modules of {old} do not fit {machine.kver_of("new")}')
        top = f'/lib/modules/{old}'
        cls.packages = f'{cls.directory}/packages'
        os.mkdir(cls.packages)

        def build(name, files, version='1', provides=()):
            r.rpmbuild(cls.packages, name, list(provides), files, version=version)

        cls.build = staticmethod(build)
        build('weak-kmp', [(f'{top}/updates/dummy.ko', read(machine.module('old', DUMMY)))], provides=['Provides: kmod(dummy.ko)'])
        build('inbox-kmp', [(f'{top}/kernel/{DUMMY}', read(machine.module('old', DUMMY)))], provides=['Provides: kmod(dummy.ko)'])
        build('pair-kmp', [(f'{top}/extra/pair/fat.ko', read(machine.module('old', FAT))),
                           (f'{top}/extra/pair/vfat.ko', read(machine.module('old', VFAT)))],
              provides=['Provides: kmod(fat.ko)', 'Provides: kmod(vfat.ko)'])
        build('library-kmp', [(f'{top}/updates/fat.ko', read(machine.module('old', FAT)))], provides=['Provides: kmod(fat.ko)'])
        build('user-kmp', [(f'{top}/updates/vfat.ko', read(machine.module('old', VFAT)))],
              provides=['Provides: kmod(vfat.ko)', 'Requires: library-kmp'])
        build('own-kmp', [(f'/lib/modules/{machine.kver}/updates/dummy.ko', read(machine.module('new', DUMMY)))],
              provides=['Provides: kmod(dummy.ko)'])
        r.createrepo(cls.packages)
        machine.close()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def make(self, **options):
        machine = Machine(**options)
        self.addCleanup(machine.close)
        machine.repo('file://' + self.packages)
        self.done(machine.run('refresh'))
        return machine

    def done(self, run, *status):
        self.assertIn(run.returncode, status or (0,), run.stdout + run.stderr)
        return run

    def healthy(self, machine, foreign=()):
        """What must hold between runs."""
        links, ledger = machine.links(), machine.ledger()
        self.assertIsNotNone(ledger, 'the ledger says that a run is not finished')
        self.assertEqual(set(ledger), set(links) - set(foreign))
        for (kver, path), text in links.items():
            full = f'{machine.path}/lib/modules/{kver}/{path}'
            if (kver, path) in ledger:
                self.assertTrue(os.path.isfile(full), f'{full} → {text} leads nowhere')
                self.assertEqual(os.path.realpath(full), os.path.realpath(machine.path + ledger[kver, path]))
        for name in KINDS:
            if os.path.exists(f'{machine.of(name)}/kernel'):
                self.as_depmod(machine, machine.kver_of(name))
        return ledger

    def as_depmod(self, machine, kver):
        copy = tempfile.mkdtemp(dir=self.directory)
        subprocess.run(['cp', '-a', f'{machine.path}/lib/modules', f'{copy}/'], check=True)
        os.mkdir(f'{copy}/lib')
        os.rename(f'{copy}/modules', f'{copy}/lib/modules')
        subprocess.run(['depmod', '-b', copy, kver], check=True)
        for name in ('modules.dep', 'modules.alias', 'modules.symbols', 'modules.softdep', 'modules.dep.bin', 'modules.symbols.bin'):
            self.assertTrue(filecmp.cmp(f'{copy}/lib/modules/{kver}/{name}', f'{machine.path}/lib/modules/{kver}/{name}',
                                        shallow=False), f'{kver}: {name} is not what depmod writes')
        shutil.rmtree(copy)

    def inject(self, machine, calls, k, *args):
        """Kills the run at the call number K."""
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
               'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        return subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={calls}', '-e',
                               f'inject={calls}:signal=KILL:when={k}', '--', *machine.command(*args)],
                              capture_output=True, text=True, check=False, timeout=90, env=env)


class Links(Case):
    def expected(self, machine, path='updates/dummy.ko'):
        """The ledger after a driver for OLD was installed."""
        return {(machine.kver_of(name), f'weak-updates/{path}'): f'/lib/modules/{machine.kver_of("old")}/{path}'
                for name in ('new', 'far') if self.fits[name]}

    def test_a_driver_of_one_kernel_serves_those_that_it_fits(self):
        machine = self.make()
        before = machine.tree()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        self.assertEqual(self.healthy(machine), self.expected(machine))
        for name in KINDS:
            self.assertEqual(machine.present(name, 'dummy'), name == 'old' or self.fits[name], name)
        for name in KINDS:
            self.done(machine.at(name, 'check'))
        text = machine.links()[machine.kver, 'weak-updates/updates/dummy.ko']
        self.assertEqual(text, f'../../../{machine.kver_of("old")}/updates/dummy.ko')
        self.done(machine.at('old', 'remove', 'weak-kmp'))
        self.assertEqual(self.healthy(machine), {})
        after = machine.tree()
        self.assertEqual({p for p in before.keys() | after.keys() if before.get(p) != after.get(p) and
                          not os.path.basename(p).startswith('modules.')}, set())

    def test_with_a_merged_usr_it_is_the_same(self):
        machine = self.make(link='usr/lib')
        self.done(machine.at('old', '--no-load', 'install', 'pair-kmp'))
        self.assertEqual(self.healthy(machine), {**self.expected(machine, 'extra/pair/fat.ko'),
                                                 **self.expected(machine, 'extra/pair/vfat.ko')})
        self.assertTrue(machine.present('new', 'vfat'))
        self.done(machine.at('old', 'remove', 'pair-kmp'))
        self.assertEqual(self.healthy(machine), {})

    def test_modules_that_use_each_other_are_linked_together(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'pair-kmp'))
        self.assertEqual(self.healthy(machine), {**self.expected(machine, 'extra/pair/fat.ko'),
                                                 **self.expected(machine, 'extra/pair/vfat.ko')})
        dep = read(f'{machine.modules}/modules.dep').decode()
        self.assertIn('weak-updates/extra/pair/vfat.ko: weak-updates/extra/pair/fat.ko', dep)
        self.done(machine.at('old', 'remove', 'pair-kmp'))
        self.healthy(machine)

    def test_what_the_run_asks_for_is_linked_from_the_kernels_own_modules_too(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'inbox-kmp'))
        self.assertEqual(self.healthy(machine), {})
        self.assertFalse(machine.present('new', 'dummy'))
        # a repository has a package for this very kernel, which would come instead
        os.unlink(f'{machine.path}/etc/modfetch/repos.d/test.repo')
        before = machine.state()
        _, answer = machine.json('lookup', 'dummy')
        self.assertEqual(machine.state(), before)
        self.done(machine.at('new', '--no-load', 'probe', 'dummy'))
        self.assertSaysSo(answer, machine)
        self.assertEqual(self.healthy(machine), {k: v for k, v in self.expected(machine, f'kernel/{DUMMY}').items()
                                                 if k[0] == machine.kver})
        self.assertTrue(machine.present('new', 'dummy'))
        self.done(machine.at('new', '--no-load', 'probe', 'dummy'), 2)

    def assertSaysSo(self, answer, machine):
        """The answer of a lookup is what the probe after it did."""
        [one], [link] = answer['results'], answer['link']
        self.assertEqual((one['state'], one['modules'], answer['install']), ('available', ['dummy'], []))
        self.assertIn(f'on disk for kernel {machine.kver_of("old")}', one['reason'])
        self.assertEqual(machine.ledger()[machine.kver, link['path']], link['target'])
        self.assertEqual(link['package'], 'inbox-kmp')

    def test_a_lookup_says_what_would_be_linked_beside_a_catalog_too(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'inbox-kmp'))
        # a repository that knows nothing of the module
        repository = tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(repository, 'other-kmp', [], [('/usr/share/doc/other-kmp/y', b'')])
        r.createrepo(repository)
        machine.repo('file://' + repository)
        self.done(machine.run('refresh'))
        before = machine.state()
        _, answer = machine.json('lookup', 'dummy')
        text = machine.run('lookup', 'dummy')
        self.assertEqual(machine.state(), before)
        self.done(machine.at('new', '--no-load', 'probe', 'dummy'))
        self.assertSaysSo(answer, machine)
        self.assertIn(f'link    /lib/modules/{machine.kver_of("old")}/kernel/{DUMMY} for kernel {machine.kver}\n', self.done(text).stdout)
        # and nothing where nothing fits, or nobody has it
        _, answer = machine.json('lookup', 'dummy', 'no_such_module')
        self.assertEqual(([one['state'] for one in answer['results']], answer['link']), (['present', 'unknown'], []))

    def test_a_package_for_another_kernel_is_linked_by_the_run_that_installs_it(self):
        machine = self.make()
        self.done(machine.at('new', '--no-load', 'install', 'inbox-kmp'))
        self.assertIn((machine.kver, f'weak-updates/kernel/{DUMMY}'), self.healthy(machine))
        self.assertTrue(machine.present('new', 'dummy'))

    def test_what_a_linked_module_needs_is_linked_with_it(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'library-kmp'))
        self.done(machine.at('old', '--no-load', 'install', 'user-kmp'))
        self.assertEqual(set(self.healthy(machine)), {*self.expected(machine, 'updates/fat.ko'), *self.expected(machine, 'updates/vfat.ko')})

    def test_the_package_for_the_kernel_itself_comes_first(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        self.done(machine.at('new', '--no-load', 'install', 'own-kmp'))
        self.assertNotIn(machine.kver, {kver for kver, _ in self.healthy(machine)})
        self.assertTrue(machine.present('new', 'dummy'))

    def test_a_new_kernel_gets_the_drivers_that_fit_it(self):
        machine = self.make()
        machine.remove_kernel('new')
        shutil.rmtree(machine.modules)
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        self.assertEqual(set(self.healthy(machine)), {k for k in self.expected(machine) if k[0] != machine.kver})
        base, kver = machine.bases['new']
        version, flavor = kver.rsplit('-', 1)
        repository = tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(repository, f'kernel-{flavor}-image-{version.replace("-", "_")}',
                   [f'Provides: kernel-uname-r = {version}.{flavor}'],
                   [(f'/lib/modules/{kver}/modules.order', read(f'{base}/lib/modules/{kver}/modules.order')),
                    (f'/boot/config-{kver}', read(f'{base}/boot/config-{kver}')),
                    (f'/boot/vmlinuz-{kver}', read(f'{base}/boot/vmlinuz-{kver}'))])
        r.createrepo(repository)
        machine.repo('file://' + repository)
        self.done(machine.run('refresh'))
        run = self.done(machine.at('new', '--no-load', 'install', f'kernel-{flavor}-image-{version.replace("-", "_")}'))
        self.assertEqual(self.healthy(machine), self.expected(machine), run.stdout + run.stderr)
        self.assertTrue(machine.present('new', 'dummy'))

    def test_an_update_moves_the_link(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        repository = tempfile.mkdtemp(dir=self.directory)
        where = f'/lib/modules/{machine.kver_of("old")}/extra/dummy.ko'
        r.rpmbuild(repository, 'weak-kmp', ['Provides: kmod(dummy.ko)'], [(where, read(machine.module('old', DUMMY)))], version='2')
        r.rpmbuild(repository, 'newer-kmp', ['Requires: weak-kmp = 2'], [('/usr/share/doc/newer-kmp/y', b'')])
        r.createrepo(repository)
        machine.repo('file://' + repository)
        self.done(machine.run('refresh'))
        self.done(machine.at('old', '--no-load', 'install', 'newer-kmp'))
        self.assertEqual(self.healthy(machine), self.expected(machine, 'extra/dummy.ko'))

    def test_what_goes_without_modfetch_is_seen_by_the_next_run(self):
        for what in ('package', 'kernel', 'link'):
            with self.subTest(what):
                machine = self.make()
                self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
                if what == 'package':
                    machine.rpm('-e', '--nodeps', '--noscripts', *r.FORCE, 'weak-kmp')
                    subprocess.run(['depmod', '-b', machine.path, machine.kver_of('old')], check=True)
                elif what == 'kernel':
                    machine.remove_kernel('new')
                else:
                    os.unlink(f'{machine.modules}/weak-updates/updates/dummy.ko')
                self.done(machine.at('old', '--no-load', 'probe', 'loop'), 0, 2)
                self.assertNotIn(machine.kver, {kver for kver, _ in self.healthy(machine)})
                self.assertFalse(os.path.exists(f'{machine.modules}/weak-updates') and what != 'link')


class OfOthers(Case):
    """Links as weak-modules makes them: absolute ones, which below another root mean the image's file."""

    def link(self, machine, kernel, target, path='weak-updates/dummy.ko'):
        where = f'{machine.of(kernel)}/{path}'
        os.makedirs(os.path.dirname(where), exist_ok=True)
        os.symlink(target, where)
        # as if the host's depmod had run in the image
        self.done(machine.at(kernel, 'depmod'))
        return where

    def put(self, machine, kernel='old'):
        path = f'/lib/modules/{machine.kver_of(kernel)}/extra/dummy.ko'
        os.makedirs(os.path.dirname(machine.path + path))
        shutil.copy(machine.module(kernel, DUMMY), machine.path + path)
        self.done(machine.at(kernel, 'depmod'))
        return path

    def test_it_counts_if_its_module_fits(self):
        machine = self.make()
        target = self.put(machine)
        for name in ('new', 'far'):
            self.link(machine, name, target)
            self.assertEqual(machine.present(name, 'dummy'), self.fits[name], name)

    def test_one_that_does_not_fit_is_not_present(self):
        machine = self.make()
        odd = [name for name in KINDS if not fits(machine.module('far', DUMMY), *machine.bases[name])]
        target = self.put(machine, 'far')
        for name in odd:
            self.link(machine, name, target)
            self.assertFalse(machine.present(name, 'dummy'))
            run = machine.at(name, 'lookup', 'dummy')
            self.assertIn('does not fit', run.stderr)
        self.assertTrue(odd or self.fits['far'])

    def test_one_that_leads_nowhere_is_not_present(self):
        machine = self.make()
        target = self.put(machine)
        self.link(machine, 'new', target)
        os.unlink(machine.path + target)
        self.assertFalse(machine.present('new', 'dummy'))

    def test_nothing_is_built_over_what_others_made(self):
        for content in ('link', 'file', 'dead link'):
            with self.subTest(content):
                machine = self.make()
                where = f'{machine.modules}/weak-updates/updates/dummy.ko'
                os.makedirs(os.path.dirname(where))
                if content == 'file':
                    shutil.copy(machine.module('new', DUMMY), where)
                else:
                    os.symlink('/nowhere/dummy.ko' if content == 'dead link' else f'/lib/modules/{machine.kver_of("old")}/updates/dummy.ko', where)
                before = r.fingerprint(where)
                self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
                self.assertEqual(r.fingerprint(where), before)
                self.assertNotIn(machine.kver, {kver for kver, _ in machine.ledger()})
                self.done(machine.at('old', 'remove', 'weak-kmp'))
                self.assertEqual(r.fingerprint(where), before)

    def test_a_link_that_somebody_replaced_is_theirs(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        where = f'{machine.modules}/weak-updates/updates/dummy.ko'
        os.unlink(where)
        os.symlink('/somewhere/else.ko', where)
        self.done(machine.at('old', 'remove', 'weak-kmp'))
        self.assertEqual(os.readlink(where), '/somewhere/else.ko')
        self.assertEqual({k for k in machine.ledger() if k[0] == machine.kver}, set())

    def test_a_changed_file_is_not_linked(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'inbox-kmp'))
        with open(f'{machine.of("old")}/kernel/{DUMMY}', 'ab') as f:
            f.write(b'x')
        machine.at('new', '--no-load', 'probe', 'dummy')
        self.assertEqual(machine.links(), {})

    def test_a_driver_of_the_kernel_itself_is_not_hidden(self):
        """On Debian a module in weak-updates comes after one in kernel/; where depmod's configuration says otherwise, the link counts."""
        for search in (None, 'search updates extra weak-updates built-in'):
            with self.subTest(search):
                machine = self.make(extra=(DUMMY,))
                if search:
                    os.makedirs(f'{machine.path}/etc/depmod.d')
                    with open(f'{machine.path}/etc/depmod.d/search.conf', 'w', encoding='ascii') as f:
                        f.write(search + '\n')
                self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
                self.assertEqual(machine.kver in {kver for kver, _ in machine.ledger()}, search is not None)
                dep = read(f'{machine.modules}/modules.dep').decode()
                self.assertIn('weak-updates/updates/dummy.ko:' if search else f'kernel/{DUMMY}:', dep)


class ByScripts(Case):
    """Trees as the scripts of Red Hat and SUSE leave them, with drivers that modfetch installed or links that it made.

    weak-modules(8) of Red Hat leaves out the first directory (extra/) in the path of a link; it copies weak-updates to a directory
    elsewhere, checks there with depmod, removes the original and copies the result back, with the links of others. weak-modules2 of
    SUSE keeps the whole path, and its links lead to /usr/lib/modules. Both make absolute links, run depmod, take a link that leads to
    the same file for their own, and empty weak-updates when the kernel goes.
    """

    def make(self, **options):
        machine = super().make(**options)
        self.target = f'/lib/modules/{machine.kver_of("old")}/updates/dummy.ko'
        return machine

    def link(self, machine, path, target=None):
        """Makes a link as they do, in the new kernel."""
        where = f'{machine.modules}/weak-updates/{path}'
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if os.path.lexists(where):
            os.unlink(where)
        os.symlink(target or self.target, where)
        # not the host's depmod, which follows an absolute link out of the image
        self.done(machine.at('new', 'depmod'))
        return machine.kver, f'weak-updates/{path}'

    def findings(self, machine):
        _, answer = machine.json('check', '--all')
        # the modules that these roots have are of no package
        return sorted((os.path.basename(os.path.dirname(f['file'])), f['code']) for f in answer['findings'] if 'weak-updates' in f['file'])

    def test_a_driver_that_they_linked_is_there_and_not_linked_again(self):
        for path, usr in ('dummy.ko', None), ('updates/dummy.ko', 'usr/lib'):
            with self.subTest(path):
                machine = self.make(link=usr)
                self.target = ('/usr' if usr else '') + self.target
                machine.rpm('-i', '--nodeps', '--noscripts', *r.FORCE, f'{self.packages}/weak-kmp-1-1.x86_64.rpm')
                link = self.link(machine, path)
                before = machine.links()
                for args in ('probe', 'dummy'), ('probe', 'loop'), ('install', 'library-kmp'):
                    self.done(machine.at('new', '--no-load', *args), 0, 2)
                    self.assertTrue(machine.present('new', 'dummy'))
                self.assertEqual({k: v for k, v in machine.links().items() if k not in machine.ledger()}, before)
                self.assertNotIn(link, machine.ledger())
                self.assertEqual(self.findings(machine), [])
                # they remove their link after the package, and modfetch leaves it until then
                self.done(machine.at('new', 'remove', 'weak-kmp'))
                self.assertEqual(machine.links()[link], self.target)
                self.assertFalse(machine.present('new', 'dummy'))
                self.assertEqual([code for _, code in self.findings(machine)], ['DEAD-LINK'])

    def test_a_link_of_theirs_beside_ours_changes_nothing(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        ours = machine.ledger()
        other = self.link(machine, 'dummy.ko')
        self.assertTrue(machine.present('new', 'dummy'))
        self.assertEqual(self.findings(machine), [])
        self.done(machine.at('new', '--no-load', 'probe', 'loop'), 0, 2)
        self.assertEqual(machine.ledger(), ours)
        self.done(machine.at('new', 'remove', 'weak-kmp'))
        self.assertEqual((machine.links(), machine.ledger()), ({other: self.target}, {}))

    def test_ours_are_ours_after_they_were_copied_away_and_back(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'pair-kmp'))
        ours = machine.ledger()
        self.assertTrue(ours)
        updates = f'{machine.modules}/weak-updates'
        subprocess.run(['cp', '-R', updates, f'{machine.path}/tmp/sandbox'], check=True)
        shutil.rmtree(updates)
        shutil.copytree(f'{machine.path}/tmp/sandbox', updates, symlinks=True)
        self.done(machine.at('new', '--no-load', 'probe', 'loop'), 0, 2)
        self.assertEqual(self.healthy(machine), ours)
        self.done(machine.at('new', 'remove', 'pair-kmp'))
        self.assertEqual(self.healthy(machine), {})
        self.assertFalse(os.path.exists(updates))

    def test_a_directory_that_they_emptied_is_filled_when_the_driver_is_asked_for(self):
        machine = self.make()
        self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
        ours = machine.ledger()
        shutil.rmtree(f'{machine.modules}/weak-updates')
        os.mkdir(f'{machine.modules}/weak-updates')
        self.done(machine.at('new', 'depmod'))
        self.assertFalse(machine.present('new', 'dummy'))
        os.unlink(f'{machine.path}/etc/modfetch/repos.d/test.repo')
        self.done(machine.at('new', '--no-load', 'probe', 'dummy'))
        self.assertEqual(self.healthy(machine), ours)


class Killed(Case):
    def test_a_run_that_is_killed_leaves_nothing_that_the_next_does_not_put_right(self):
        prepared = {}
        for verb in ('install', 'remove'):
            machine = self.make()
            if verb == 'remove':
                self.done(machine.at('old', '--no-load', 'install', 'weak-kmp'))
            prepared[verb] = machine
        killed = 0
        for calls, k in POINTS if ALL else POINTS[::3]:
            for verb, template in prepared.items():
                with self.subTest(f'{verb} at {calls} {k}'):
                    path = tempfile.mkdtemp(dir=self.directory)
                    subprocess.run(['cp', '-a', template.path, f'{path}/root'], check=True)
                    machine = Machine.__new__(Machine)
                    machine.__dict__ = {**template.__dict__, 'path': f'{path}/root', 'directory': None,
                                        'modules': f'{path}/root/lib/modules/{template.kver}'}
                    run = self.inject(machine, calls, k, '--kernel', machine.kver_of('old'), '--no-load', verb, 'weak-kmp')
                    killed += run.returncode != 0
                    self.done(machine.at('new', '--no-load', 'probe', 'loop'), 0, 2)
                    ledger = self.healthy(machine)
                    there = os.path.exists(f'{machine.of("old")}/updates/dummy.ko')
                    self.assertEqual(bool(ledger), there)
                    self.assertEqual(machine.present('new', 'dummy'), there)
                    shutil.rmtree(path)
        self.assertGreater(killed, 4)


class Walk(Case):
    def test_kernels_and_drivers_come_and_go(self):
        seed = int(os.environ.get('MODFETCH_TEST_SEED', random.randrange(1 << 30)))
        print(f'seed {seed}', file=sys.stderr)
        chance = random.Random(seed)
        machine = self.make()
        names = ('weak-kmp', 'pair-kmp', 'own-kmp', 'library-kmp', 'user-kmp')
        there = dict.fromkeys(KINDS, True)
        for step in range(500 if ALL else 30):
            kernel = chance.choice([name for name in KINDS if there[name]])
            what = chance.choice(('install', 'install', 'remove', 'kernel', 'kill', 'probe'))
            name = chance.choice(names)
            with self.subTest(f'seed {seed}, step {step}: {what} {name} {kernel}'):
                if what in ('install', 'remove'):
                    machine.at(kernel, '--no-load', what, name)
                elif what == 'probe':
                    machine.at(kernel, '--no-load', 'probe', chance.choice(('dummy', 'vfat')))
                elif what == 'kill':
                    self.inject(machine, *chance.choice(POINTS), '--kernel', machine.kver_of(kernel), '--no-load',
                                chance.choice(('install', 'remove')), name)
                elif not there['far']:
                    machine.add_kernel('far', ('drivers/block/loop.ko',))
                    there['far'] = True
                else:
                    machine.remove_kernel('far')
                    there['far'] = False
                self.done(machine.at('new', '--no-load', 'probe', 'loop'), 0, 2)
                self.healthy(machine)
                for one, path in (('dummy', DUMMY), ('fat', FAT)):
                    for target in ('new', 'far'):
                        if there[target] and not self.fits[target] and not os.path.exists(f'{machine.of(target)}/updates'):
                            self.assertFalse(machine.present(target, one), path)


if __name__ == '__main__':
    unittest.main()
