#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Environment, descriptors and files of the root must not influence a run."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.directory = tempfile.mkdtemp(prefix='inherited-')
        self.addCleanup(shutil.rmtree, self.directory)
        self.root.repo('file://' + r.repository())

    def write(self, name, text):
        path = f'{self.directory}/{name}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path


class Environment(Case):
    def works(self, **env):
        for args in ('refresh',), ('--no-load', 'probe', r.NIC), ('status',):
            done = self.root.run(*args, env=env)
            self.assertEqual(done.returncode, 0, (args, done.stderr))
        self.assertIn('e1000e.ko', self.root.on_disk())

    def test_macros_of_a_home_folder_run_no_program(self):
        for name in '.rpmmacros', '.config/rpm/macros':
            self.write(name, f'%_dbpath %(touch {self.directory}/ran)/var/lib/rpm\n%_netsharedpath %(touch {self.directory}/ran)\n')
        self.write('.rpmrc', f'macrofiles: {self.directory}/.rpmmacros\n')
        self.works(HOME=self.directory, XDG_CONFIG_HOME=f'{self.directory}/.config')
        self.assertFalse(os.path.exists(f'{self.directory}/ran'))

    def test_another_configuration_of_rpm_is_not_read(self):
        self.write('macros', f'%_netsharedpath %(touch {self.directory}/ran)\n')
        self.write('rpmrc', f'macrofiles: {self.directory}/macros\n')
        self.works(RPM_CONFIGDIR=self.directory)
        self.assertFalse(os.path.exists(f'{self.directory}/ran'))

    def test_another_configuration_of_openssl_is_not_read(self):
        conf = self.write('openssl.cnf', 'openssl_conf = all\n[all]\nproviders = providers\n[providers]\nnull = null\n'
                                         '[null]\nactivate = 1\n')
        self.works(OPENSSL_CONF=conf)


    def test_an_installed_program_starts_no_other_helper(self):
        """A copy outside of the build directory behaves like an installed program."""
        for name in 'fetch', 'helpers/fetch':
            os.chmod(self.write(name, f'#!/bin/sh\ntouch {self.directory}/ran\n'), 0o755)
        server = r.Server(r.repository())
        self.addCleanup(server.close)
        self.root.repo(server.url)
        program = shutil.copy(r.MODFETCH, self.directory)
        for program, runs in (program, False), (os.path.abspath(r.MODFETCH), True):
            done = subprocess.run([program, *self.root.command('refresh')[1:]], capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, 'MODFETCH_LIBEXECDIR': f'{self.directory}/helpers'})
            self.assertEqual(os.path.exists(f'{self.directory}/ran'), runs, done.stderr)


class Links(Case):
    """Absolute links in an image lead to files of the image, even if this machine has a file of that name."""

    def setUp(self):
        super().setUp()
        self.outside = f'{self.directory}/outside'
        os.mkdir(self.outside)

    def another_root(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())

    def move(self, below, link):
        """Replaces BELOW by LINK; its former content is at the target inside the root, and a copy of it outside."""
        path, inside = f'{self.root.path}/{below}', f'{self.root.path}{link}'
        os.makedirs(path, exist_ok=True)
        shutil.copytree(path, link, dirs_exist_ok=True)
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        os.rename(path, inside)
        os.symlink(link, path)

    def tree_outside(self):
        return {path: r.fingerprint(path) for directory, directories, files in os.walk(self.outside)
                for path in (os.path.join(directory, name) for name in directories + files)}

    def works_inside(self):
        before = self.tree_outside()
        for args, status in (('refresh',), 0), (('--no-load', 'probe', r.NIC), 0), (('deny', 'loop'), 0), (('status',), 0), (('history',), 0):
            done = self.root.run(*args)
            self.assertEqual(done.returncode, status, (args, done.stderr))
        self.assertIn('e1000e.ko', self.root.on_disk())
        self.assertEqual(self.tree_outside(), before)

    def test_the_database(self):
        for below in 'var/lib/rpm', 'usr/lib/sysimage/rpm':
            with self.subTest(below=below):
                self.another_root()
                if below.startswith('usr'):
                    os.makedirs(f'{self.root.path}/usr/lib/sysimage')
                    os.rename(f'{self.root.path}/var/lib/rpm', f'{self.root.path}/{below}')
                self.move(below, f'{self.outside}/{below}')
                self.works_inside()
                names = subprocess.run(['rpm', '--dbpath', f'{self.root.path}{self.outside}/{below}', '-qa', '--qf', '%{NAME} '],
                                       check=True, stdout=subprocess.PIPE, text=True).stdout
                self.assertIn('e1000e-kmp', names)

    def test_what_modfetch_keeps(self):
        for below in 'var/lib/modfetch', 'var/cache/modfetch', 'run', 'etc/modfetch/policy.d', 'etc/modprobe.d':
            self.move(below, f'{self.outside}/{below}')
        self.works_inside()

    def test_links_that_lead_nowhere_in_the_image_are_failures(self):
        for below in 'var/lib/rpm', 'var/lib/modfetch', 'var/cache', 'run', 'etc/modfetch/policy.d':
            with self.subTest(below=below):
                self.another_root()
                path = f'{self.root.path}/{below}'
                shutil.rmtree(path, ignore_errors=True)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.symlink(self.outside, path)
                done = self.root.run('deny', 'loop') if 'policy' in below else self.root.run('--no-load', 'probe', r.NIC)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, r'\[(ENOENT|INSTALL)\]')
                self.assertEqual(os.listdir(self.outside), [])

    def test_an_images_own_blacklist_counts(self):
        self.move('etc/modprobe.d', f'{self.outside}/modprobe.d')
        with open(f'{self.outside}/modprobe.d/theirs.conf', 'w', encoding='utf-8') as f:
            f.write('blacklist snd_hda_intel\n')
        with open(f'{self.root.path}{self.outside}/modprobe.d/ours.conf', 'w', encoding='utf-8') as f:
            f.write('blacklist e1000e\n')
        self.root.run('refresh')
        self.assertEqual(self.root.json('lookup', r.NIC)[1]['results'][0]['state'], 'denied')
        self.assertEqual(self.root.json('lookup', r.HDA)[1]['results'][0]['state'], 'available')


class Indexes(Case):
    """The indexes of an image depend only on its own files and configuration, not on the targets of its links on this machine."""

    HOSTS, IMAGES = 'e1000e', 'loop'  # the module at a path of this machine, and the one at the same path of the image

    def setUp(self):
        super().setUp()
        self.there = f'{self.directory}/there'
        for below, name in ('', self.HOSTS), (self.root.path, self.IMAGES):
            os.makedirs(f'{below}{self.there}')
            path = self.root.needed([name])[-1]
            shutil.copy(f'{r.full_tree()}/lib/modules/{self.root.kver}/{path}', f'{below}{self.there}/weak.ko')
        os.makedirs(f'{self.root.modules}/weak-updates')
        os.makedirs(f'{self.root.path}/etc/depmod.d', exist_ok=True)

    def link(self, to, name='weak-updates/weak.ko'):
        os.symlink(to, f'{self.root.modules}/{name}')

    def conf(self, text, below=None):
        self.write_at(f'{below or self.root.path}/etc/depmod.d/test.conf', text)

    def write_at(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)

    def aliases(self, *args):
        done = self.root.run('depmod', *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f'{self.root.modules}/modules.alias', encoding='utf-8') as f:
            return [line.split()[1] for line in f if line.split()[-1] == 'weak'], done.stderr

    def has_the_images(self, *args):
        aliases, said = self.aliases(*args)
        self.assertIn('block-major-7-*', aliases, said)
        self.assertFalse([alias for alias in aliases if alias.startswith('pci:')])

    def test_links_to_modules_lead_to_the_images_own(self):
        up = '../' * 40
        for name, to in (('weak-updates/weak.ko', f'{self.there}/weak.ko'), ('weak-updates/weak.ko', f'{up}{self.there}/weak.ko'),
                         ('extra', self.there), ('extra', f'{up}{self.there}'), ('extra', '/chain')):
            with self.subTest(name=name, to=to):
                if to == '/chain' and not os.path.lexists(f'{self.root.path}/chain'):
                    os.symlink(self.there, f'{self.root.path}/chain')
                self.link(to, name)
                self.has_the_images()
                # again with the cached state, for the whole tree and for one path
                self.has_the_images()
                self.has_the_images('--changed', name)
                os.unlink(f'{self.root.modules}/{name}')
                self.assertEqual(self.aliases()[0], [])

    def test_a_link_that_leads_nowhere_in_the_image_is_no_module(self):
        shutil.rmtree(f'{self.root.path}{self.there}')
        for name, to in ('weak-updates/weak.ko', f'{self.there}/weak.ko'), ('extra', self.there), ('extra', f'/proc/self/root{self.there}'):
            with self.subTest(name=name, to=to):
                self.link(to, name)
                self.assertEqual(self.aliases()[0], [])
                os.unlink(f'{self.root.modules}/{name}')

    def test_an_images_module_that_becomes_a_link_is_looked_at_again(self):
        path = f'{self.root.modules}/weak-updates/weak.ko'
        shutil.copy(f'{self.there}/weak.ko', path)
        self.assertTrue([alias for alias in self.aliases()[0] if alias.startswith('pci:')])
        os.unlink(path)
        self.link(f'{self.there}/weak.ko')
        self.has_the_images()

    def test_external_folders_are_the_images(self):
        self.conf(f'external * {self.there}\nsearch updates external built-in\n')
        self.has_the_images()
        with open(f'{self.root.modules}/modules.dep', encoding='utf-8') as f:
            self.assertIn(f'{self.there}/weak.ko:', f.read())

    def test_the_inputs_are_the_images(self):
        self.link(f'{self.there}/weak.ko')
        order = f'{self.root.modules}/modules.order'
        os.unlink(order)
        self.write_at(f'{self.there}/order', 'kernel/fs/fat/vfat.ko\n')
        self.write_at(f'{self.root.path}{self.there}/order', 'kernel/fs/fat/fat.ko\n')
        os.symlink(f'{self.there}/order', order)
        self.has_the_images()
        with open(f'{self.root.modules}/modules.dep', encoding='utf-8') as f:
            self.assertTrue(f.readline().startswith('kernel/fs/fat/fat.ko:'))

    def test_the_configuration_is_the_images(self):
        """The configuration of this machine differs; so do the files of this machine that the image's links seem to lead to."""
        self.link(f'{self.there}/weak.ko')
        self.write_at(f'{self.there}/conf', 'exclude weak.ko\n')
        self.write_at(f'{self.root.path}{self.there}/conf', 'exclude vfat.ko\n')
        for where, to in ('etc/depmod.d/image.conf', f'{self.there}/conf'), ('run/depmod.d', f'{self.directory}/d'):
            path = f'{self.root.path}/{where}'
            os.makedirs(os.path.dirname(path), exist_ok=True)
            for below, text in ('', 'exclude weak.ko\n'), (self.root.path, 'exclude vfat.ko\n'):
                self.write_at(f'{below}{self.directory}/d/d.conf', text)
            os.symlink(to, path)
            script = 'mount -t tmpfs none /run && mkdir /run/depmod.d && echo "exclude weak.ko loop.ko" >/run/depmod.d/host.conf && exec "$@"'
            done = subprocess.run(['unshare', '--mount', 'sh', '-c', script, 'sh', *self.root.command('depmod')], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(f'{self.root.modules}/modules.dep', encoding='utf-8') as f:
                names = [os.path.basename(line.split(':')[0]) for line in f]
            with self.subTest(where=where):
                self.assertIn('weak.ko', names)
                self.assertIn('loop.ko', names)
                self.assertNotIn('vfat.ko', names)
            os.unlink(path)


class Descriptors(Case):
    def test_messages_do_not_land_in_files(self):
        """If descriptors 0, 1 and 2 are closed, the first opened files would get these numbers."""
        before = self.files()
        for args in ('-v refresh', f'-v --no-load probe {r.NIC}', f'-v --json lookup {r.HDA}', 'remove bystander'):
            words = ' '.join(self.root.command(*args.split()))
            for closed in ('2>&-', '<&- >&- 2>&-', '<&- 2>&-', '>&- 2>&-'):
                subprocess.run(['bash', '-c', f'exec {words} {closed}'], check=False, timeout=60, capture_output=True,
                               env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})
        self.assertIn('e1000e.ko', self.root.on_disk())
        for path in self.files() - before:
            with open(path, 'rb') as f:
                content = f.read()
            self.assertNotIn(b'modfetch: ', content, path)
            self.assertFalse(path.endswith('/lock') and content, path)
        self.root.rpm('-qa')

    def files(self):
        return {os.path.join(directory, name) for directory, _, names in os.walk(self.root.path) for name in names
                if not os.path.islink(os.path.join(directory, name))}


if __name__ == '__main__':
    unittest.main()
