#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that modfetch did not install keep their content: files of each kind, during installation, update and removal, with
disk errors and with a process that is killed in the middle."""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

OTHERS = b'# bytes of another\n'
# system calls at which a run is killed, and the number of the call, counted separately in each process
POINTS = (('rename,renameat,renameat2', 2), ('rename,renameat,renameat2', 3), ('unlink,unlinkat', 1), ('unlink,unlinkat', 3),
          ('fsync,fdatasync', 2), ('pwrite64', 1), ('pwrite64', 6), ('syncfs', 1))


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(content)


def unsigned(module):
    """The same module with other content: without its signature."""
    at = module.rfind(b'~Module signature')
    return module[:at - 12 - struct.unpack('>I', module[at - 4:at])[0]] if at > 0 else module + b'\0'


class Machine(r.Root):
    """A kernel whose e1000e belongs to no package, and packages with one kind of file each."""

    def __init__(self, **options):
        super().__init__(modules=('loop', 'e1000e'), **options)
        self.tree_of_kernel = f'/lib/modules/{self.kver}'
        self.inbox = [p for p in self.needed(['e1000e']) if p.endswith('e1000e.ko')][0]
        version, flavor = self.kver.rsplit('-', 1)
        self.image = f'kernel-{flavor}-image-{version.replace("-", "_")}'
        # package: path of its file
        self.kinds = {
            'inbox-kmp': f'{self.tree_of_kernel}/{self.inbox}',
            'dkms-kmp': f'{self.tree_of_kernel}/updates/dkms/dummy.ko',
            'depmod-kmp': '/etc/depmod.d/dist.conf',
            'firmware-kmp': '/lib/firmware/vendor/wifi.bin',
            'doc-kmp': '/usr/share/doc/doc-kmp/README',
            self.image: f'{self.tree_of_kernel}/modules.order',
        }

    def module(self, name):
        path = self.show_depends(r.full_tree(), name)[-1].split()[1]
        return read(path)

    def files(self, name, version):
        """The file of the package; its content differs from version to version."""
        path = self.kinds[name]
        second = b'' if version == '1' else b'#2'
        if name == 'inbox-kmp':
            return [(path, unsigned(self.module('e1000e')) + second)]
        if name == 'dkms-kmp':
            return [(path, unsigned(self.module('dummy')) + second)]
        if name == self.image:
            return [(path, b'kernel/x.ko\n' + second), (f'/boot/vmlinuz-{self.kver}', b'kernel' + second)]
        return [(path, b'# ours\n' + second)]

    def provides(self, name):
        version, _, rest = self.kver.partition('-')
        return [f'Provides: kernel-uname-r = {version}-{rest.replace("-", ".")}'] if name == self.image else []

    def build(self, repository):
        for name in self.kinds:
            r.rpmbuild(repository, name, self.provides(name), self.files(name, '1'))
        r.createrepo(repository)

    def use(self, repository):
        self.repo('file://' + repository)
        return self.run('refresh')


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='owners-')
        machine = Machine()
        cls.first = f'{cls.directory}/first'
        cls.kinds = dict(machine.kinds)
        shutil.copytree(r.made_once(f'owners-2-{machine.kver}', machine.build), cls.first)
        machine.close()
        cls.image = machine.image

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def make(self, repository=None, **options):
        machine = Machine(**options)
        self.addCleanup(machine.close)
        self.done(machine.use(repository or self.first))
        return machine

    def done(self, run, status=0):
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def refused(self, run, code):
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertRegex(run.stderr.splitlines()[-1], rf'^modfetch: install: .*\[{code}\]$')

    def same(self, machine, before, what=''):
        after = machine.tree()
        self.assertEqual({p: (before.get(p), after.get(p)) for p in before.keys() | after.keys()
                          if before.get(p) != after.get(p) and not p.startswith('etc/modfetch/repos.d')}, {}, what)

    def inject(self, machine, calls, what, k, *args):
        # LeakSanitizer is a tracer itself, and a process can have only one
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
               'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        return subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={calls}', '-e', f'inject={calls}:{what}:when={k}', '--',
                               *machine.command(*args)], capture_output=True, text=True, check=False, timeout=90, env=env)

    def next_run(self, machine):
        self.assertIn(machine.run('--no-load', 'probe', 'loop').returncode, (0, 2))
        self.assertFalse(os.path.exists(f'{machine.path}/var/lib/modfetch/undo'))

    def update(self, machine, name):
        """To version 2, through a package that requires it."""
        repository = tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(repository, name, [], machine.files(name, '2'), version='2')
        r.rpmbuild(repository, 'newer-kmp', [f'Requires: {name} = 2'], [('/usr/share/doc/newer-kmp/y', b'')])
        r.createrepo(repository)
        self.done(machine.use(repository))
        return machine.run('--no-load', 'install', 'newer-kmp')



class SomebodyElses(Case):
    """A file of each kind exists before a package with such a file is installed."""

    STEERS = ('inbox-kmp', 'dkms-kmp', 'depmod-kmp')
    STAY = ('firmware-kmp', 'doc-kmp')

    def put(self, machine, name):
        path = machine.path + self.kinds[name]
        if name not in ('inbox-kmp', machine.image):
            write(path, OTHERS)
        if name == machine.image:
            write(f'{machine.path}/boot/vmlinuz-{machine.kver}', OTHERS)
        return path

    def test_what_steers_is_a_reason_to_refuse(self):
        for name in (*self.STEERS, self.image):
            with self.subTest(name):
                machine = self.make()
                self.put(machine, name)
                before, packages = machine.tree(), machine.packages()
                run = machine.run('--no-load', 'install', name)
                self.refused(run, 'FILE-EXISTS')
                self.assertRegex(run.stderr, re.escape(self.kinds[name]) + '|/boot/vmlinuz')
                self.same(machine, before)
                self.assertEqual(machine.packages(), packages)
                self.done(machine.run('remove', name), 2)
                self.same(machine, before)
                # and after it has been moved away
                os.unlink(machine.path + self.kinds[name])
                if name == machine.image:
                    os.unlink(f'{machine.path}/boot/vmlinuz-{machine.kver}')
                self.done(machine.run('--no-load', 'install', name))

    def test_modules_builtin_is_the_kernels(self):
        machine = self.make()
        repository = f'{self.directory}/builtin'
        os.mkdir(repository)
        r.rpmbuild(repository, machine.image, machine.provides(machine.image), [(f'{machine.tree_of_kernel}/modules.builtin', b'kernel/none.ko\n')])
        r.createrepo(repository)
        self.done(machine.use(repository))
        before = machine.tree()
        self.refused(machine.run('install', machine.image), 'FILE-EXISTS')
        self.same(machine, before)

    def test_firmware_and_documentation_stay_beside_the_package(self):
        for name in self.STAY:
            with self.subTest(name):
                machine = self.make()
                path = self.put(machine, name)
                before = machine.tree()
                run = self.done(machine.run('--no-load', 'install', name))
                self.assertIn('exists already and is not replaced', run.stderr)
                self.assertIn(name, machine.names())
                self.same(machine, before)
                self.done(machine.run('check'))
                # its owner may update and remove it
                write(path, b'a newer version of the distribution')
                before = machine.tree()
                self.done(machine.run('check'))
                self.done(machine.run('remove', name))
                self.same(machine, before)

    def test_an_update_of_a_package_leaves_them_as_well(self):
        machine = self.make()
        path = self.put(machine, 'firmware-kmp')
        before = machine.tree()
        self.done(machine.run('--no-load', 'install', 'firmware-kmp'))
        self.done(self.update(machine, 'firmware-kmp'))
        self.done(machine.run('remove', 'newer-kmp'))
        self.assertEqual(read(path), OTHERS)
        self.assertIn('firmware-kmp-2-1.x86_64', machine.ask('%{NEVRA}'))
        self.same(machine, before)
        self.done(machine.run('remove', 'firmware-kmp'))
        self.same(machine, before)

    def test_the_same_bytes_are_still_somebody_elses(self):
        machine = self.make()
        repository = f'{self.directory}/same'
        os.mkdir(repository)
        r.rpmbuild(repository, 'same-kmp', ['Provides: kmod(e1000e.ko)'],
                   [(self.kinds['inbox-kmp'], read(machine.path + self.kinds['inbox-kmp'])), ('/etc/depmod.d/dist.conf', OTHERS)])
        r.createrepo(repository)
        write(f'{machine.path}/etc/depmod.d/dist.conf', OTHERS)
        self.done(machine.use(repository))
        before = machine.tree()
        self.done(machine.run('--no-load', 'install', 'same-kmp'))
        self.same(machine, before)
        self.done(machine.run('check'))
        self.done(machine.run('remove', 'same-kmp'))
        self.same(machine, before)

    def test_in_trouble(self):
        for name in (*self.STEERS, self.image, *self.STAY):
            machine = self.make()
            self.put(machine, name)
            before = machine.tree()
            for calls, what, k in (('syncfs', 'error=EIO', 1), ('fsync,fdatasync', 'error=EIO', 2), ('pwrite64', 'error=ENOSPC', 5),
                                   *((calls, 'signal=KILL', k) for calls, k in POINTS)):
                # a refusal happens before most of these calls
                if name not in self.STAY and calls not in ('syncfs', 'rename,renameat,renameat2', 'fsync,fdatasync'):
                    continue
                for args in (('--no-load', 'install', name), ('remove', name)):
                    with self.subTest(name, args=args, calls=calls, what=what, k=k):
                        self.inject(machine, calls, what, k, *args)
                        self.same(machine, before)
                        self.next_run(machine)
                        self.same(machine, before)
                if name in machine.names():
                    self.done(machine.run('remove', name))

    def test_below_a_lib_that_is_a_link(self):
        machine = self.make(link='usr/lib')
        before = machine.tree()
        self.refused(machine.run('install', 'inbox-kmp'), 'FILE-EXISTS')
        self.same(machine, before)

    def test_what_is_no_file_is_kept_too(self):
        for name in self.STEERS:
            for make in (lambda path: os.symlink('/dev/null', path), os.mkdir):
                machine = self.make()
                path = machine.path + self.kinds[name]
                if os.path.exists(path):
                    os.unlink(path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                make(path)
                before = machine.tree()
                with self.subTest(name, make=make):
                    self.refused(machine.run('install', name), 'FILE-EXISTS')
                    self.same(machine, before)


class NotWanted(Case):
    def test_firmware_that_is_there_is_not_fetched(self):
        machine = self.make()
        repository = tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(repository, 'dummy-kmp', ['Provides: kmod(dummy.ko)', 'Recommends: kmp-firmware-dummy'],
                   machine.files('dkms-kmp', '1'))
        r.rpmbuild(repository, 'kmp-firmware-dummy', ['Provides: firmware(vendor/a.bin)'], [('/lib/firmware/vendor/a.bin', b'a')], arch='noarch')
        r.createrepo(repository)
        self.done(machine.use(repository))
        self.done(machine.run('--no-load', 'install', 'dummy-kmp'))
        self.assertLessEqual({'dummy-kmp', 'kmp-firmware-dummy'}, set(machine.names()))
        self.done(machine.run('remove', 'dummy-kmp', 'kmp-firmware-dummy'))
        write(f'{machine.path}/lib/firmware/vendor/a.bin.xz', OTHERS)
        before = machine.tree()
        self.done(machine.run('--no-load', 'install', 'dummy-kmp'))
        self.assertEqual([name for name in machine.names() if 'firmware' in name], [])
        self.done(machine.run('remove', 'dummy-kmp'))
        self.same(machine, before)

    def test_a_pattern_counts_the_modules_that_are_there(self):
        machine = self.make(r.repository())
        version, flavor = machine.kver.rsplit('-', 1)
        before = machine.tree()
        self.done(machine.run('install', f'kernel-network-driver-all-{flavor}-{version.replace("-", "_")}'))
        self.assertNotIn('e1000e-kmp', ' '.join(machine.names()))
        self.assertEqual(machine.tree()[f'lib/modules/{machine.kver}/{machine.inbox}'], before[f'lib/modules/{machine.kver}/{machine.inbox}'])
        self.done(machine.run('remove', *[name for name in machine.names() if name != 'bystander']))
        self.same(machine, before)


class ReplacedSince(Case):
    """A file of a package was replaced by another one."""

    KINDS = ('dkms-kmp', 'depmod-kmp', 'firmware-kmp', 'doc-kmp')

    def install(self, machine, name):
        self.done(machine.run('--no-load', 'install', name))
        return machine.path + self.kinds[name]

    def test_it_is_not_removed(self):
        for name in self.KINDS:
            for replace in (lambda path: write(path, OTHERS), lambda path: (os.unlink(path), os.symlink('/dev/null', path))):
                with self.subTest(name):
                    machine = self.make()
                    empty = machine.tree()
                    path = self.install(machine, name)
                    replace(path)
                    before, packages = machine.tree(), machine.packages()
                    run = machine.run('remove', name)
                    self.refused(run, 'ALTERED')
                    self.assertIn(self.kinds[name], run.stderr)
                    self.same(machine, before)
                    self.assertEqual(machine.packages(), packages)
                    # how an admin can resolve it
                    os.unlink(path)
                    self.done(machine.run('remove', name))
                    # except for /lib/firmware and similar directories
                    self.same(machine, {**machine.tree(), **empty})
                    self.assertFalse(os.path.lexists(path))

    def test_it_is_not_updated(self):
        for name in self.KINDS:
            with self.subTest(name):
                machine = self.make()
                path = self.install(machine, name)
                bytes_before = read(path)
                write(path, OTHERS)
                before = machine.tree()
                self.refused(self.update(machine, name), 'ALTERED')
                self.same(machine, before)
                write(path, bytes_before)
                self.done(machine.run('--no-load', 'install', 'newer-kmp'))
                self.assertNotEqual(read(path), bytes_before)

    def test_not_by_the_run_after_a_killed_one(self):
        """Killed in the middle; then an unrelated file is created; the next run undoes or finishes the work and keeps that file."""
        for name in ('dkms-kmp', 'firmware-kmp'):
            for args in (('--no-load', 'install', name), ('remove', name)):
                for calls, k in POINTS:
                    machine = self.make()
                    with self.subTest(name, args=args, calls=calls, k=k):
                        path = machine.path + self.kinds[name]
                        if args[0] == 'remove':
                            self.install(machine, name)
                        self.inject(machine, calls, 'signal=KILL', k, *args)
                        write(path, OTHERS)
                        self.next_run(machine)
                        self.assertEqual(read(path), OTHERS)


class Directories(Case):
    def test_one_that_was_there_stays(self):
        for path in ('lib/firmware/vendor', 'usr/share/doc/doc-kmp'):
            name = 'firmware-kmp' if 'firmware' in path else 'doc-kmp'
            machine = self.make()
            os.makedirs(f'{machine.path}/{path}')
            before = machine.tree()
            with self.subTest(path):
                self.done(machine.run('--no-load', 'install', name))
                self.done(machine.run('remove', name))
                self.same(machine, before)

    def test_one_that_came_goes(self):
        machine = self.make()
        before = machine.tree()
        for name in ('firmware-kmp', 'doc-kmp', 'dkms-kmp'):
            self.done(machine.run('--no-load', 'install', name))
        self.done(machine.run('remove', 'firmware-kmp', 'doc-kmp', 'dkms-kmp'))
        # the directory for this kind of files stays
        self.assertEqual(sorted(machine.tree().keys() - before.keys()), ['lib/firmware'])

    def test_a_file_where_one_must_be_is_refused(self):
        for where in ('lib/firmware', 'lib/firmware/vendor'):
            machine = self.make()
            write(f'{machine.path}/{where}', OTHERS)
            before = machine.tree()
            with self.subTest(where):
                self.refused(machine.run('install', 'firmware-kmp'), 'FILE-EXISTS')
                self.same(machine, before)


if __name__ == '__main__':
    unittest.main()
