#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with two kernels: drivers of one package name for both of them, in rpm's database and on disk.

The packages are those of SUSE: versions for two kernels stay side by side (multiversion(kernel)), and the version has the
kernel that a driver was built for. The modules are real ones, the other kernel is a directory of a made-up release.
"""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

MULTIVERSION = 'Provides: multiversion(kernel)'


# As long as the release of the kernel, which is replaced by it in modules.
VERSION, FLAVOR = r.kernel()[1].rsplit('-', 1)
OTHER = VERSION.translate(str.maketrans('0123456789', '1234567890')) + '-' + FLAVOR


def build(kver):
    return 'k' + kver.rsplit('-', 1)[0].replace('-', '_')


class Machine(unittest.TestCase):
    def setUp(self):
        self.set_up_machine()

    def set_up_machine(self, link=None):
        self.root = r.Root(link=link)
        self.addCleanup(self.root.close)
        os.makedirs(f'{self.root.path}/lib/modules/{OTHER}/kernel')
        self.repository = tempfile.mkdtemp(prefix='modfetch-repository-', dir=self.root.path)
        self.root.repo('file://' + self.repository, keys_line='trust=none')
        # what the kernel does with BTF of another build
        os.makedirs(f'{self.root.path}/boot', exist_ok=True)
        shutil.copy(f'{r.kernel()[0]}/boot/config-{self.root.kver}', f'{self.root.path}/boot')
        # each installed kernel has its indexes
        self.root.run('--kernel', OTHER, 'depmod')

    def module(self, name, kver=None):
        """A real module, with another kernel's vermagic for another kernel."""
        text = self.real_module(name)
        if not kver:
            return text
        text = text.replace(self.root.kver.encode() + b' ', kver.encode() + b' ')
        return text if kver == self.root.kver or self.fits else self.with_another_crc(text)

    fits = False  # modules built for the other kernel fit this one

    @staticmethod
    def with_another_crc(text):
        """Each module states the CRC of module_layout: 8 bytes before the name."""
        at = text.index(b'module_layout\0')
        return text[:at - 8] + bytes([text[at - 8] ^ 1]) + text[at - 7:]

    def real_module(self, name):
        base, kver = r.kernel()
        for directory, _, files in os.walk(f'{base}/lib/modules/{kver}/kernel'):
            if f'{name}.ko' in files:
                with open(f'{directory}/{name}.ko', 'rb') as f:
                    return f.read()
        raise FileNotFoundError(name)

    def driver(self, module, version, kver, spec=(MULTIVERSION,), where='/lib/modules', directory=None):
        """A package of a driver with its module below lib/modules/KVER."""
        return r.rpmbuild(directory or self.repository, f'{module}-kmp-amd64', [f'Provides: kmod({module}.ko)', *spec],
                          [(f'{where}/{kver}/updates/{module}.ko', self.module(module, kver))], version=f'{version}_{build(kver)}')

    def installed(self, *packages):
        self.root.rpm('-i', '--nodeps', *r.FORCE, '--force', '--ignorearch', *packages)

    def publish(self):
        r.createrepo(self.repository, key=None)
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0, done.stderr)

    def versions(self, name):
        return self.root.ask('%{NAME} %{VERSION}') and [
            line.split()[1] for line in self.root.ask('%{NAME} %{VERSION}') if line.split()[0] == name]

    def has(self, kver, module):
        return os.path.exists(f'{self.root.path}/lib/modules/{kver}/updates/{module}.ko')


class SideBySide(Machine):
    def test_versions_for_two_kernels_stay_beside_each_other(self):
        self.installed(self.driver('dummy', 2, OTHER, directory=self.root.path + '/tmp'))
        self.driver('dummy', 1, self.root.kver)
        self.publish()
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'1_{build(self.root.kver)}', f'2_{build(OTHER)}'])
        self.assertTrue(self.has(OTHER, 'dummy') and self.has(self.root.kver, 'dummy'))
        code, answer = self.root.json('lookup', 'dummy')
        self.assertEqual((code, answer['results'][0]['state'], answer['install']), (0, 'present', []))
        # and the removal of one leaves the other
        done = self.root.run('remove', 'dummy-kmp-amd64')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'2_{build(OTHER)}'])
        self.assertTrue(self.has(OTHER, 'dummy'))
        self.assertFalse(self.has(self.root.kver, 'dummy'))

    def test_only_the_version_for_the_same_kernel_is_replaced(self):
        for kver in OTHER, self.root.kver:
            self.installed(self.driver('dummy', 1, kver, directory=self.root.path + '/tmp'))
        self.driver('dummy', 2, self.root.kver)
        self.driver('ifb', 1, self.root.kver, spec=(MULTIVERSION, 'Requires: dummy-kmp-amd64 >= 2'))
        self.publish()
        done = self.root.run('probe', 'ifb')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'1_{build(OTHER)}', f'2_{build(self.root.kver)}'])
        self.assertTrue(self.has(OTHER, 'dummy') and self.has(self.root.kver, 'dummy') and self.has(self.root.kver, 'ifb'))

    def test_a_deleted_file_is_installed_again_beside_the_other_kernels(self):
        for kver in OTHER, self.root.kver:
            self.driver('dummy', 1, kver)
        self.installed(*(f'{self.repository}/dummy-kmp-amd64-1_{build(kver)}-1.x86_64.rpm'
                         for kver in (OTHER, self.root.kver)))
        os.remove(f'{self.root.modules}/updates/dummy.ko')
        self.publish()
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), sorted([f'1_{build(OTHER)}', f'1_{build(self.root.kver)}']))
        self.assertTrue(self.has(OTHER, 'dummy') and self.has(self.root.kver, 'dummy'))

    def test_a_failed_run_takes_back_its_version_alone(self):
        self.installed(self.driver('dummy', 2, OTHER, directory=self.root.path + '/tmp'))
        self.driver('dummy', 1, self.root.kver)
        self.publish()
        before = self.root.packages()
        # the indexes cannot be written
        os.remove(f'{self.root.modules}/modules.dep')
        os.makedirs(f'{self.root.modules}/modules.dep/in-the-way')
        done = self.root.run('probe', 'dummy')
        self.assertNotIn(done.returncode, (0, 2), done.stderr)
        self.assertEqual(self.root.packages(), before)
        self.assertTrue(self.has(OTHER, 'dummy'))
        self.assertFalse(self.has(self.root.kver, 'dummy'))

    def test_a_driver_that_does_not_stay_is_updated(self):
        self.installed(self.driver('dummy', 1, OTHER, spec=(), directory=self.root.path + '/tmp'))
        self.driver('dummy', 2, self.root.kver, spec=())
        self.publish()
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'2_{build(self.root.kver)}'])
        self.assertFalse(self.has(OTHER, 'dummy'))


class Misplaced(Machine):
    def expect_failure(self, *args, code='MISPLACED', state='unknown'):
        """Twice, since a repeat must not find it available either. Nothing changes."""
        before = self.root.tree(), self.root.packages()
        for _ in range(2):
            done = self.root.run(*args)
            self.assertNotIn(done.returncode, (0, 2), done.stdout)
            self.assertIn(f'[{code}]', done.stderr)
            self.assertEqual((self.root.tree(), self.root.packages()), before)
        if args[0] == 'probe' and state:
            _, answer = self.root.json('lookup', args[1])
            self.assertEqual((answer['results'][0]['state'], answer['install']), (state, []))

    def test_a_module_for_another_kernels_directory_is_not_installed(self):
        self.driver('dummy', 1, OTHER)
        self.publish()
        # only the download shows where the module is
        self.expect_failure('probe', 'dummy', state=None)
        self.expect_failure('install', 'dummy-kmp-amd64')
        done = self.root.run('probe', 'dummy')
        self.assertIn(f'/lib/modules/{OTHER}/updates/dummy.ko', done.stderr)

    def test_one_that_fits_is_linked(self):
        self.fits = True
        self.driver('dummy', 1, OTHER)
        self.publish()
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        link = f'{self.root.path}/lib/modules/{self.root.kver}/weak-updates/updates/dummy.ko'
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.root.json('lookup', 'dummy')[1]['results'][0]['state'], 'present')
        self.assertEqual(self.root.run('remove', 'dummy-kmp-amd64').returncode, 0)
        self.assertFalse(os.path.islink(link))

    def test_one_that_is_installed_and_fits_is_linked(self):
        self.fits = True
        self.driver('dummy', 1, OTHER)
        self.installed(f'{self.repository}/dummy-kmp-amd64-1_{build(OTHER)}-1.x86_64.rpm')
        self.publish()
        self.assertEqual(self.root.run('probe', 'dummy').returncode, 0)
        self.assertEqual(self.root.run('install', 'dummy-kmp-amd64').returncode, 2)
        self.assertEqual(self.root.json('lookup', 'dummy')[1]['results'][0]['state'], 'present')

    def test_another_package_with_the_module_in_its_place_comes_instead(self):
        self.driver('dummy', 2, OTHER, spec=())
        self.driver('dummy', 1, OTHER, spec=())
        r.rpmbuild(self.repository, 'dummy-kmp-amd64', ['Provides: kmod(dummy.ko)'],
                   [(f'/lib/modules/{self.root.kver}/updates/dummy.ko', self.module('dummy'))], version='0.5')
        self.publish()
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions('dummy-kmp-amd64'), ['0.5'])

    def test_a_module_below_usr_is_installed_where_the_kernel_looks(self):
        for link in None, 'usr/lib':
            with self.subTest(link=link):
                self.set_up_machine(link=link)
                self.driver('dummy', 1, self.root.kver, where='/usr/lib/modules')
                self.publish()
                done = self.root.run('probe', 'dummy')
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(self.has(self.root.kver, 'dummy'))
                self.assertEqual(os.path.exists(f'{self.root.path}/usr/lib'), bool(link))

    def test_a_package_that_is_installed_elsewhere_is_not_available(self):
        self.driver('dummy', 1, OTHER)
        self.installed(f'{self.repository}/dummy-kmp-amd64-1_{build(OTHER)}-1.x86_64.rpm')
        self.publish()
        self.expect_failure('probe', 'dummy', code='WRONG-KERNEL')

    def test_a_package_that_another_tool_installed_below_usr_is_installed_again(self):
        self.driver('dummy', 1, self.root.kver, where='/usr/lib/modules')
        self.installed(f'{self.repository}/dummy-kmp-amd64-1_{build(self.root.kver)}-1.x86_64.rpm')
        misplaced = f'{self.root.path}/usr/lib/modules/{self.root.kver}/updates/dummy.ko'
        self.assertTrue(os.path.exists(misplaced))
        self.publish()
        self.root.run('depmod')
        done = self.root.run('probe', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.has(self.root.kver, 'dummy'))
        self.assertFalse(os.path.exists(misplaced))
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'1_{build(self.root.kver)}'])

    def test_a_module_that_is_not_in_the_index_afterwards_is_a_failure_that_is_undone(self):
        self.driver('dummy', 1, self.root.kver)
        self.publish()
        os.makedirs(f'{self.root.path}/etc/depmod.d')
        with open(f'{self.root.path}/etc/depmod.d/x.conf', 'w', encoding='utf-8') as f:
            f.write('exclude updates\n')
        self.expect_failure('probe', 'dummy', state=None)

    def test_a_module_that_a_package_only_promises_is_reported_and_not_available_again(self):
        r.rpmbuild(self.repository, 'liar-kmp-amd64', ['Provides: kmod(ifb.ko)'], [('/usr/share/doc/liar/README', b'x')])
        self.publish()
        done = self.root.run('probe', 'ifb')
        self.assertIn('has no such file', done.stderr)
        self.expect_failure('probe', 'ifb')


class Report(Machine):
    def device(self, modalias):
        where = f'{self.root.path}/sys/devices/pci0000:00/0000:00:03.0'
        os.makedirs(where)
        with open(f'{where}/modalias', 'w', encoding='utf-8') as f:
            f.write(modalias + '\n')

    def status(self):
        done = self.root.run('status')
        self.assertEqual(done.returncode, 0, done.stderr)
        code, answer = self.root.json('status')
        self.assertEqual(code, 0)
        return done.stdout.splitlines(), answer

    def test_status_says_which_kernels_are_installed_and_served_and_what_they_lack(self):
        self.driver('dummy', 1, OTHER)
        self.publish()
        # loop is on disk here, and not in the other kernel
        self.device('loop')
        lines, answer = self.status()
        self.assertEqual(lines[0], f'kernel {self.root.kver}, served by no repository')
        self.assertEqual(lines[1], f'kernel {OTHER}, installed, served by test; lacks drivers of this machine: loop')
        self.assertTrue(lines[2].endswith(f'; kernels: {OTHER}'), lines[2])
        self.assertEqual(answer['kernels'], [
            {'kernel': self.root.kver, 'running': False, 'repositories': [], 'lacks': []},
            {'kernel': OTHER, 'running': False, 'repositories': ['test'], 'lacks': ['loop']}])
        self.assertEqual(answer['repositories'][0]['built_for'], [OTHER])
        self.assertEqual(answer['repositories'][0]['kernels'], [])
        # a directory that is none of a kernel is not listed
        os.makedirs(f'{self.root.path}/lib/modules/5.0.0-1-amd64/updates')
        self.assertEqual(len(self.status()[1]['kernels']), 2)

    def test_refresh_says_which_kernels_a_repository_serves(self):
        self.driver('dummy', 1, OTHER)
        self.driver('dummy', 1, self.root.kver)
        r.createrepo(self.repository, key=None)
        both = ', '.join(sorted((OTHER, self.root.kver)))
        for line in 'test: 2 packages', 'test: unchanged':
            self.assertEqual(self.root.run('refresh').stdout.splitlines()[0], f'{line}; kernels: {both}')
        answer = self.root.json('refresh')[1]['repositories'][0]
        self.assertEqual((answer['kernels'], answer['built_for'], answer['any_kernel']),
                         ([], sorted((OTHER, self.root.kver)), False))

    def test_not_found_for_a_kernel_that_nobody_serves_says_so(self):
        r.rpmbuild(self.repository, 'dummy-kmp-cloud-amd64-6.0.0_1', ['Provides: kmod(dummy.ko)'], [('/usr/share/doc/d/README', b'x')])
        self.publish()
        expected = f'no repository has drivers for kernel {self.root.kver} (test: 6.0.0-1-cloud-amd64): add one'
        for words in ('probe', 'dummy'), ('lookup', 'dummy'), ('install', 'dummy-kmp'), ('info', 'dummy'), ('search', 'dummy'):
            with self.subTest(words=words):
                done = self.root.run(*words)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(expected, done.stderr)
                self.assertIn('[NOT-FOUND]', done.stderr)


if __name__ == '__main__':
    unittest.main()
