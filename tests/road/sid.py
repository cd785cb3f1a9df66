#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel of Debian sid: modules below /usr/lib only, compressed with xz, no symbol versions, exports for named modules only.

With MODFETCH_TEST_ALL=1 the whole kernel is packed, indexed and checked. Without, it is skipped.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

if os.environ.get('MODFETCH_TEST_ALL') != '1':
    print('MODFETCH_TEST_ALL is not set')
    sys.exit(77)  # skipped, for meson

# in one of the modules: a macro of the kernel makes it from a name in the source
SYMBOL = 'symbol:dib7000p_attach'


class Packed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(kind='sid', link='usr/lib', symvers=False)
        cls.root.repo('file://' + r.repository('sid'))
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr
        cls.addClassCleanup(cls.root.close)

    def install(self, *names):
        done = self.root.run('--no-load', 'install', *names)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_nothing_is_left_out(self):
        """pack fails if a module cannot be packed; then there is no repository."""
        base, kver = r.kernel('sid')
        modules = [n for _, _, names in os.walk(f'{base}/lib/modules/{kver}/') for n in names if '.ko' in n]
        packages = [n for n in os.listdir(r.repository('sid') + '/x86_64') if '-kmp-' in n]
        # what the image's package has is in no other
        self.assertGreater(len(modules), 4000)
        self.assertGreater(len(packages), len(modules) - 150)

    def test_what_devices_names_and_symbols_mean(self):
        for query, module in ((r.NIC, 'e1000e'), (r.NVME, 'nvme'), ('fs-xfs', 'xfs'), ('kvm_intel', 'kvm_intel'), (SYMBOL, 'dib7000p')):
            with self.subTest(query=query):
                status, found = self.root.json('lookup', query)
                self.assertEqual(status, 0, found)
                self.assertEqual(found['results'][0]['modules'], [module])

    def test_files_are_where_kmod_looks_and_as_the_whole_kernel_has_them(self):
        root = self.root
        self.install('e1000e', 'kvm_intel', 'xfs')
        base, kver = r.kernel('sid')
        for name in 'e1000e', 'kvm_intel', 'kvm', 'xfs':
            lines = root.show_depends(root.path, name)
            self.assertTrue(lines, name)
            self.assertEqual([line.split('/lib/modules/')[1] for line in lines],
                             [line.split('/lib/modules/')[1] for line in root.show_depends(r.full_tree('sid'), name)])
        self.assertTrue(os.path.islink(f'{root.path}/lib'))
        self.assertEqual(os.listdir(f'{root.path}/usr/lib/modules'), [kver])
        self.assertTrue(os.path.isdir(base))
        self.assertEqual(root.run('check').returncode, 0)

    def test_a_symbol_that_a_driver_asks_for_is_installed_by_its_request(self):
        self.install('dvb_usb_dib0700')
        done = self.root.run('lookup', SYMBOL)
        self.assertEqual(done.returncode, 0, done.stderr)


class Whole(unittest.TestCase):
    def test_indexes_and_check(self):
        base, kver = r.kernel('sid')
        with tempfile.TemporaryDirectory() as directory:
            for name in 'ours', 'kmod':
                os.makedirs(f'{directory}/{name}/usr/lib/modules')
                os.symlink('usr/lib', f'{directory}/{name}/lib')
                subprocess.run(['cp', '-a', f'{base}/lib/modules/{kver}', f'{directory}/{name}/usr/lib/modules'], check=True)
            subprocess.run(['depmod', '-b', f'{directory}/kmod', kver], check=True)
            done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', f'{directory}/ours', 'depmod', kver], check=False,
                                  stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            names = [n for n in os.listdir(f'{directory}/kmod/usr/lib/modules/{kver}') if n.startswith('modules.')]
            self.assertIn('modules.symbols.bin', names)
            for name in names:
                with self.subTest(name=name):
                    ours, kmods = (pathlib.Path(f'{directory}/{d}/usr/lib/modules/{kver}/{name}').read_bytes() for d in ('ours', 'kmod'))
                    self.assertTrue(ours == kmods, 'it is not as depmod writes it')
            done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', f'{directory}/ours', '--kernel', kver, 'check'], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main()
