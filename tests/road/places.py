#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots of all shapes, and packages that say /lib/modules or /usr/lib/modules: files come to where the root's kmod looks."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernels  # noqa: E402

SAID = ('/lib/modules', '/usr/lib/modules')
# A name: the link of /lib; what kmod says (None: there is no kmod); where the kernels are; where else a directory is.
SHAPES = {
    'merged': ('usr/lib', '/lib/modules', 'usr/lib/modules', None),
    'merged, kmod says usr': ('usr/lib', '/usr/lib/modules', 'usr/lib/modules', None),
    'two, kmod says lib': (None, '/lib/modules', 'lib/modules', 'usr/lib/modules'),
    'two, kmod says usr': (None, '/usr/lib/modules', 'usr/lib/modules', 'lib/modules'),
    'two, no kmod': (None, None, 'lib/modules', 'usr/lib/modules'),
    'only lib, kmod says lib': (None, '/lib/modules', 'lib/modules', None),
    'only usr, /lib is a directory': (None, '/usr/lib/modules', 'usr/lib/modules', 'lib/systemd'),
    'only usr, no kmod': (None, None, 'usr/lib/modules', 'lib/systemd'),
    'only usr, no /lib yet': (None, '/lib/modules', 'usr/lib/modules', None),
}


class Shape(kernels.Machine):
    def set_up_shape(self, name):
        link, kmod, self.place, other = SHAPES[name]
        self.set_up_machine(link=link)
        if not link and self.place.startswith('usr/'):
            os.makedirs(f'{self.root.path}/usr/lib', exist_ok=True)
            shutil.move(f'{self.root.path}/lib/modules', f'{self.root.path}/usr/lib')
            os.rmdir(f'{self.root.path}/lib')
        if other:
            os.makedirs(f'{self.root.path}/{other}')
        if kmod:
            os.makedirs(f'{self.root.path}/usr/bin', exist_ok=True)
            with open(f'{self.root.path}/usr/bin/kmod', 'wb') as f:
                f.write(b'kmod version 30\0%s' + kmod.encode() + b'/%s\0')
        self.elsewhere = [path for path in ('lib/modules', 'usr/lib/modules')
                          if os.path.realpath(f'{self.root.path}/{path}') != os.path.realpath(f'{self.root.path}/{self.place}')]
        self.empty = {path: self.list(path) for path in self.elsewhere}
        self.assertEqual(self.root.run('depmod').returncode, 0)

    def list(self, path):
        return sorted(os.path.join(at, name) for at, directories, files in os.walk(f'{self.root.path}/{path}')
                      for name in directories + files)

    def text(self, path):
        with open(f'{self.root.path}/{self.place}/{path}', encoding='utf-8') as f:
            return f.read()

    def done(self, *args, code=0):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assertOnlyHere(self, path):
        self.assertTrue(os.path.lexists(f'{self.root.path}/{self.place}/{path}'), path)
        self.assertEqual({where: self.list(where) for where in self.elsewhere}, self.empty)
        if SHAPES[self.shape][2:] == ('usr/lib/modules', None) and not SHAPES[self.shape][0]:
            self.assertFalse(os.path.lexists(f'{self.root.path}/lib'))


def each(function):
    """A test of a function for each shape and each spelling."""
    def test(self):
        for self.shape in SHAPES:
            for said in SAID:
                with self.subTest(shape=self.shape, said=said):
                    self.set_up_shape(self.shape)
                    function(self, said)
    return test


class Places(Shape):
    @each
    def test_a_driver_is_installed_indexed_found_checked_and_removed(self, said):
        before = self.root.tree()
        self.driver('dummy', 1, self.root.kver, spec=(), where=said)
        self.publish()
        self.done('probe', 'dummy')
        path = f'{self.root.kver}/updates/dummy.ko'
        self.assertOnlyHere(path)
        self.assertIn('updates/dummy.ko:', self.text(f'{self.root.kver}/modules.dep'))
        self.assertEqual(self.root.json('lookup', 'dummy')[1]['results'][0]['state'], 'present')
        self.done('install', 'dummy', code=2)
        checked = self.root.run('check')
        self.assertNotIn('dummy', checked.stdout + checked.stderr)
        self.assertNotIn('dummy.ko', str(self.root.json('list', '--unowned')[1]))
        self.assertIn('dummy-kmp-amd64', self.done('list', '--installed').stdout)
        # what is changed is noticed: the package's file is the one on disk
        with open(f'{self.root.path}/{self.place}/{path}', 'ab') as f:
            f.write(b'x')
        self.assertIn('dummy', self.root.run('check').stdout)
        os.unlink(f'{self.root.path}/{self.place}/{path}')
        self.done('probe', 'dummy')
        self.assertOnlyHere(path)
        self.done('remove', 'dummy-kmp-amd64')
        after = self.root.tree()
        for tree in before, after:
            for name in [n for n in tree if '/modules.' in n or 'repository' in n or n.startswith('var')]:
                del tree[name]
        self.assertEqual(sorted(after), sorted(before))

    @each
    def test_an_update_that_says_the_other_one_replaces_it(self, said):
        self.driver('dummy', 1, self.root.kver, spec=(), where=said)
        self.publish()
        self.done('probe', 'dummy')
        self.driver('dummy', 2, self.root.kver, spec=(), where=SAID[said == SAID[0]])
        self.publish()
        self.done('update')
        self.assertOnlyHere(f'{self.root.kver}/updates/dummy.ko')
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'2_{kernels.build(self.root.kver)}'])
        self.done('rollback', 'dummy-kmp-amd64')
        self.assertOnlyHere(f'{self.root.kver}/updates/dummy.ko')
        self.assertEqual(self.versions('dummy-kmp-amd64'), [f'1_{kernels.build(self.root.kver)}'])

    @each
    def test_a_driver_of_another_kernel_is_linked(self, said):
        self.fits = True
        self.driver('dummy', 1, kernels.OTHER, where=said)
        self.publish()
        self.done('probe', 'dummy')
        self.assertOnlyHere(f'{kernels.OTHER}/updates/dummy.ko')
        link = f'{self.root.kver}/weak-updates/updates/dummy.ko'
        self.assertOnlyHere(link)
        self.assertTrue(os.path.isfile(f'{self.root.path}/{self.place}/{link}'))
        self.assertIn('weak-updates/updates/dummy.ko:', self.text(f'{self.root.kver}/modules.dep'))
        self.done('remove', 'dummy-kmp-amd64')
        self.assertFalse(os.path.lexists(f'{self.root.path}/{self.place}/{link}'))

    @each
    def test_a_file_of_another_owner_keeps_its_content(self, said):
        path = f'{self.root.path}/{self.place}/{self.root.kver}/updates/dummy.ko'
        os.makedirs(os.path.dirname(path))
        with open(path, 'wb') as f:
            f.write(b'of another')
        self.driver('dummy', 1, self.root.kver, spec=(), where=said)
        self.publish()
        self.root.run('install', 'dummy-kmp-amd64')
        with open(path, 'rb') as f:
            self.assertEqual(f.read(), b'of another')
        self.assertEqual({where: self.list(where) for where in self.elsewhere}, self.empty)

    @each
    def test_a_failed_run_is_undone(self, said):
        self.driver('dummy', 1, self.root.kver, spec=(), where=said)
        self.publish()
        os.remove(f'{self.root.path}/{self.place}/{self.root.kver}/modules.dep')
        os.makedirs(f'{self.root.path}/{self.place}/{self.root.kver}/modules.dep/in-the-way')
        done = self.root.run('probe', 'dummy')
        self.assertNotIn(done.returncode, (0, 2), done.stderr)
        self.assertFalse(os.path.lexists(f'{self.root.path}/{self.place}/{self.root.kver}/updates'))
        self.assertEqual({where: self.list(where) for where in self.elsewhere}, self.empty)
        self.assertEqual(self.versions('dummy-kmp-amd64'), [])


if __name__ == '__main__':
    unittest.main()
