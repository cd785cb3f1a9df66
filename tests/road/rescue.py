#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program of an initrd, "modfetch media", on files: what it takes from a medium, and what it refuses.

The machine is a directory as an initrd has it: the keys that `modfetch initrd --rescue` puts there, a few modules, a sysfs.
tests/vm/test_rescue.py types the command into real emergency shells.
"""
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

BUILD = os.environ.get('MODFETCH_BUILD', os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..'))
RESCUE = os.path.join(os.path.abspath(BUILD), 'src/rescue/program/rescue')


class Initrd:
    """An initrd in a directory, made from the keys of a configured machine."""

    def __init__(self, machine):
        self.path = tempfile.mkdtemp(prefix='modfetch-initrd-')
        self.kver = machine.kver
        self.modules = f'{self.path}/lib/modules/{self.kver}'
        shutil.copytree(machine.modules, self.modules)
        os.makedirs(f'{self.path}/sys/devices/pci0000:00')
        machine.conf(rescue='yes', **getattr(machine, 'settings', {}))
        done = machine.run('initrd', '--rescue', self.path)
        assert done.returncode == 0, done.stderr

    def device(self, modalias, driver=None, name='0000:00:05.0'):
        path = f'{self.path}/sys/devices/pci0000:00/{name}'
        os.makedirs(path)
        with open(f'{path}/modalias', 'w', encoding='ascii') as f:
            f.write(modalias + '\n')
        if driver:
            os.symlink(f'../../../bus/pci/drivers/{driver}', f'{path}/driver')

    def media(self, *args, kernel=None):
        return subprocess.run([RESCUE, 'media', '--root', self.path, '--kernel', kernel or self.kver, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=120)

    def tree(self):
        """Every file below lib and etc, with its content."""
        found = {}
        for top in ('lib', 'etc'):
            for where, _, names in os.walk(f'{self.path}/{top}'):
                for name in names:
                    with open(os.path.join(where, name), 'rb') as f:
                        found[os.path.relpath(os.path.join(where, name), self.path)] = f.read()
        return found

    def on_disk(self):
        return {n.split('.')[0].replace('-', '_') for _, _, names in os.walk(self.modules) for n in names if '.ko' in n}

    def loads(self, name):
        """The modules that modprobe would insert, in order."""
        text = r.output('modprobe', '-d', self.path, '-S', self.kver, '-C', '/nowhere', '--show-depends', name)
        return [line.split()[1] for line in text.splitlines() if line.startswith('insmod')]

    def close(self):
        shutil.rmtree(self.path)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = r.Root(symvers=False)
        cls.addClassCleanup(cls.machine.close)
        cls.machine.repo('http://user:secret@example.org/drivers')
        cls.published = r.repository('small')

    def setUp(self):
        self.initrd = Initrd(self.machine)
        self.addCleanup(self.initrd.close)
        self.stick = tempfile.mkdtemp(prefix='modfetch-stick-')
        self.addCleanup(shutil.rmtree, self.stick)

    def copy(self, name='drivers'):
        """A repository on the stick, whose files may be changed."""
        return shutil.copytree(self.published, f'{self.stick}/{name}')

    def package(self, where, stem):
        [path] = [os.path.join(d, n) for d, _, names in os.walk(where) for n in names if n.startswith(f'{stem}-kmp-')]
        return path

    def refused(self, code, status=4, *args):
        before = self.initrd.tree()
        done = self.initrd.media(self.stick, *args)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(f'[{code}]', done.stderr.splitlines()[-1])
        self.assertEqual(self.initrd.tree(), before)
        return done.stderr


class Taken(Case):
    def test_the_driver_of_a_device_comes_with_what_it_needs(self):
        self.copy()
        self.initrd.device(r.NVME)
        before = self.initrd.on_disk()
        done = self.initrd.media(self.stick)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, '')
        self.assertIn('signed by CN = modfetch test repo on ', done.stdout)
        paths = self.initrd.loads('nvme')
        self.assertEqual([os.path.basename(p) for p in paths[-2:]], ['nvme-core.ko', 'nvme.ko'])
        for path in paths:
            with open(path, 'rb') as ours, open(path.replace(self.initrd.path, self.machine.base), 'rb') as theirs:
                self.assertEqual(ours.read(), theirs.read())
        # the device's own words lead to it
        self.assertEqual(set(self.initrd.loads(r.NVME)), set(paths))
        self.assertTrue(before < self.initrd.on_disk())
        self.assertNotIn('e1000e', self.initrd.on_disk())
        self.assertFalse(os.path.exists(f'{self.initrd.path}/var/lib/rpm'))
        # once more: it has all now
        self.assertEqual(self.initrd.media(self.stick).returncode, 3)

    def test_a_device_with_a_driver_and_a_sound_card_ask_for_nothing(self):
        self.copy()
        self.initrd.device(r.NVME, driver='nvme')
        self.initrd.device(r.HDA, name='0000:00:06.0')
        self.assertIn('no device without a driver', self.refused('NOT-FOUND', 3))
        # by name, it comes
        done = self.initrd.media(self.stick, 'snd-hda-intel')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('snd_hda_intel', self.initrd.on_disk())

    def test_a_module_by_name_and_one_that_is_nowhere(self):
        self.copy()
        done = self.initrd.media(self.stick, 'xfs', 'loop')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('libcrc32c', self.initrd.on_disk())
        self.assertIn('no_such', self.refused('NOT-FOUND', 3, 'no_such'))

    def test_a_file_of_the_initrd_is_not_replaced(self):
        self.copy()
        self.initrd.device(r.NVME)
        self.assertEqual(self.initrd.media(self.stick).returncode, 0)
        core = self.initrd.loads('nvme_core')[-1]
        self.initrd.loads('nvme')
        os.unlink(self.initrd.loads('nvme')[-1])
        with open(core, 'ab') as f:
            f.write(b'changed')
        subprocess.run(['depmod', '-b', self.initrd.path, self.initrd.kver], check=True)
        self.assertEqual(self.initrd.media(self.stick).returncode, 0)
        self.assertIn('nvme', self.initrd.on_disk())
        with open(core, 'rb') as f:
            self.assertTrue(f.read().endswith(b'changed'))

    def test_a_repository_of_another_kernel_is_of_no_use(self):
        self.copy()
        self.initrd.device(r.NVME)
        shutil.copytree(self.initrd.modules, f'{self.initrd.path}/lib/modules/6.1.0-1-amd64')
        done = self.initrd.media(self.stick, kernel='6.1.0-1-amd64')
        self.assertEqual(done.returncode, 3, done.stdout)

    def test_a_repository_at_the_root_and_in_directories(self):
        shutil.copytree(self.published, self.stick, dirs_exist_ok=True)
        bad = self.copy('bad')
        os.unlink(f'{bad}/repodata/repomd.xml.p7s')
        os.makedirs(f'{self.stick}/photos')
        self.initrd.device(r.NVME)
        done = self.initrd.media(self.stick)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r'^modfetch: bad is not used: .* \[NO-SIGNATURE\]\n$')

    def test_firmware_comes_and_other_files_do_not(self):
        os.makedirs(f'{self.stick}/d')
        r.rpmbuild(f'{self.stick}/d', f'evil-kmp-{r.tag(self.initrd.kver)}', ['Provides: kmod(evil.ko)', '%post\ntouch /evil'],
                   [('/lib/firmware/v/f.bin', b'f'), ('/lib/firmware/link', '/etc'), ('/etc/evil', b'x'), ('/usr/bin/evil', b'x'),
                    ('/lib/firmware/.hidden/evil', b'x')])
        r.createrepo(f'{self.stick}/d')
        done = self.initrd.media(self.stick, 'evil')
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)  # no module came of it
        files = {p for p in self.initrd.tree() if 'evil' in p or 'firmware' in p}
        self.assertEqual(files, {'lib/firmware/v/f.bin'})
        with open(f'{self.initrd.path}/lib/firmware/v/f.bin', 'wb') as f:
            f.write(b'own')
        self.initrd.media(self.stick, 'evil')
        self.assertEqual(self.initrd.tree()['lib/firmware/v/f.bin'], b'own')


class Refused(Case):
    def setUp(self):
        super().setUp()
        self.drivers = self.copy()
        self.initrd.device(r.NVME)

    def change(self, path, at=-1):
        with open(path, 'rb') as f:
            data = bytearray(f.read())
        data[at] ^= 1
        with open(path, 'wb') as f:
            f.write(data)

    def test_no_signature(self):
        os.unlink(f'{self.drivers}/repodata/repomd.xml.p7s')
        self.assertIn('use a medium that its publisher signed', self.refused('NO-SIGNATURE'))

    def test_another_key(self):
        r.sign(self.drivers, 'other')
        self.refused('UNTRUSTED-KEY')

    def test_of_several_the_first_refusal_is_the_failure(self):
        shutil.copytree(self.drivers, self.stick, dirs_exist_ok=True)
        os.unlink(f'{self.stick}/repodata/repomd.xml.p7s')
        r.sign(self.drivers, 'other')
        self.assertIn('drivers is not used', self.refused('NO-SIGNATURE'))

    def test_changed_metadata(self):
        self.change(f'{self.drivers}/repodata/repomd.xml')
        self.refused('BAD-SIGNATURE')

    def test_a_changed_list_of_packages(self):
        [primary] = [n for n in os.listdir(f'{self.drivers}/repodata') if 'primary' in n]
        self.change(f'{self.drivers}/repodata/{primary}')
        self.refused('BAD-DIGEST')
        with open(f'{self.drivers}/repodata/{primary}', 'ab') as f:
            f.write(b'x')
        self.refused('BAD-SIZE')

    def test_signed_text_that_is_no_metadata(self):
        for text in ('<repomd/>', '<repomd><data type="primary">', '<!DOCTYPE r [<!ENTITY a "b">]><repomd>&a;</repomd>'):
            with self.subTest(text):
                with open(f'{self.drivers}/repodata/repomd.xml', 'w', encoding='ascii') as f:
                    f.write(text)
                r.sign(self.drivers)
                self.refused('BAD-METADATA', 1)

    def test_a_key_or_a_module_on_the_deny_list(self):
        os.makedirs(f'{self.initrd.path}/etc/modfetch/keys/deny.d', exist_ok=True)
        with open(f'{self.initrd.path}/etc/modfetch/keys/deny.d/list', 'w', encoding='ascii') as f:
            f.write(r.output('openssl', 'x509', '-noout', '-fingerprint', '-sha256', '-in',
                             f'{r.test_keys()}/repo.crt').split('=')[1])
        self.refused('REVOKED')
        with open(f'{self.initrd.path}/etc/modfetch/keys/deny.d/list', 'w', encoding='ascii') as f:
            with open(self.machine.base + '/' + self.nvme(), 'rb') as module:
                f.write(hashlib.sha256(module.read()).hexdigest() + '\n')
        done = self.initrd.media(self.stick)
        self.assertRegex(done.stderr, r'nvme-kmp-\S* is not used: .* \[REVOKED\]')
        self.assertNotIn('nvme', self.initrd.on_disk())

    def nvme(self):
        return f'lib/modules/{self.initrd.kver}/kernel/drivers/nvme/host/nvme.ko'

    def test_no_key_at_all(self):
        shutil.rmtree(f'{self.initrd.path}/etc/modfetch/keys/repo.d')
        self.refused('NO-KEYS')

    def test_a_changed_package_costs_itself(self):
        package = self.package(self.drivers, 'nvme_core')
        self.change(package)
        done = self.initrd.media(self.stick)
        self.assertRegex(done.stderr, r'nvme_core-kmp-\S* is not used: .* \[BAD-DIGEST\]')
        self.assertNotIn('nvme_core', self.initrd.on_disk())
        os.truncate(package, 1000)
        self.assertRegex(self.initrd.media(self.stick, 'nvme_core').stderr, r'is not used: .* \[BAD-SIZE\]')
        os.unlink(package)
        self.assertRegex(self.initrd.media(self.stick, 'nvme_core').stderr, r'is not used: .* \[ENOENT\]')

    def test_what_is_no_regular_file_is_not_read(self):
        package = self.package(self.drivers, 'nvme')
        for make in (os.mkfifo, lambda p: os.symlink('/dev/zero', p), lambda p: os.symlink(self.package(self.published, 'nvme'), p)):
            os.unlink(package)
            make(package)
            done = self.initrd.media(self.stick)
            self.assertNotIn('nvme', self.initrd.on_disk())
            self.assertIn('is not used', done.stderr)
        os.rename(f'{self.drivers}/repodata', f'{self.stick}/elsewhere')
        os.symlink('../elsewhere', f'{self.drivers}/repodata')
        self.refused('NOT-FOUND', 3)

    def test_a_module_that_no_module_key_signed(self):
        keys = f'{self.initrd.path}/etc/modfetch/keys/module.d'
        os.makedirs(keys, exist_ok=True)
        shutil.copy(f'{r.test_keys()}/module.crt', f'{keys}/module.pem')
        done = self.initrd.media(self.stick)
        self.assertRegex(done.stderr, r'nvme-kmp-\S* is not used: .* \[UNTRUSTED-KEY\]')
        self.assertNotIn('nvme', self.initrd.on_disk())

    def test_a_list_that_names_files_elsewhere(self):
        [name] = [n for n in os.listdir(f'{self.drivers}/repodata') if 'primary' in n]
        with gzip.open(f'{self.drivers}/repodata/{name}', 'rb') as f:
            text = f.read()
        package = self.package(self.drivers, 'nvme')
        outside = f'{self.stick}/outside.rpm'
        os.rename(package, outside)
        relative = os.path.relpath(package, self.drivers).encode()
        for href in (b'../outside.rpm', outside.encode(), b'file://' + outside.encode()):
            self.assertIn(relative, text)
            shutil.rmtree(f'{self.drivers}/repodata')
            os.makedirs(f'{self.drivers}/repodata')
            changed = text.replace(relative, href)
            self.publish(changed)
            done = self.initrd.media(self.stick)
            self.assertNotIn('nvme', self.initrd.on_disk(), href)
            self.assertIn('is not used', done.stderr)

    def publish(self, primary):
        with open(f'{self.drivers}/repodata/primary.xml', 'wb') as f:
            f.write(primary)
        with open(f'{self.drivers}/repodata/repomd.xml', 'w', encoding='ascii') as f:
            f.write(f'<repomd><data type="primary"><checksum type="sha256">{hashlib.sha256(primary).hexdigest()}</checksum>'
                    f'<location href="repodata/primary.xml"/><size>{len(primary)}</size></data></repomd>')
        r.sign(self.drivers)


class Usage(Case):
    def test_what_is_no_medium(self):
        self.assertIn('no repository is there', self.refused('NOT-FOUND', 3))
        done = self.initrd.media('/no/such')
        self.assertEqual((done.returncode, done.stderr), (1, 'modfetch: fetch: /no/such: No such file or directory [ENOENT]\n'))
        for args in ([], ['probe'], ['media', '--no-such']):
            self.assertEqual(subprocess.run([RESCUE, *args], capture_output=True, check=False).returncode, 64)
        self.assertEqual(subprocess.run([RESCUE, '--help'], capture_output=True, check=False).returncode, 0)


class Made(unittest.TestCase):
    """What `modfetch initrd --rescue` puts into an initrd."""

    def setUp(self):
        self.root = r.Root(symvers=False)
        self.addCleanup(self.root.close)
        self.target = tempfile.mkdtemp(prefix='modfetch-initrd-')
        self.addCleanup(shutil.rmtree, self.target)

    def files(self):
        return sorted(os.path.relpath(os.path.join(d, n), self.target) for d, _, names in os.walk(self.target) for n in names)

    def test_nothing_without_the_setting(self):
        self.root.repo('http://example.org/drivers')
        done = self.root.run('initrd', '--rescue', self.target)
        self.assertEqual((done.returncode, done.stdout, done.stderr, self.files()), (2, '', '', []))

    def test_the_keys_that_count_and_no_password(self):
        self.root.conf(rescue='yes', module_signature='kernel', proxy='http://user:secret@proxy:3128')
        keys = f'{self.root.path}/etc/modfetch/keys'
        for name in ('disabled', 'nobody'):
            shutil.copy(f'{r.test_keys()}/other.crt', f'{keys}/repo.d/{name}.pem')
        for directory, name in (('deny.d', 'list'), ('module.d', 'm.pem'), ('repo.d', 'revoked.crl')):
            os.makedirs(f'{keys}/{directory}', exist_ok=True)
            with open(f'{keys}/{directory}/{name}', 'w', encoding='ascii') as f:
                f.write('# none\n')
        os.unlink(f'{keys}/repo.d/revoked.crl')
        self.root.repo('http://user:secret@example.org/drivers')
        self.root.repo('http://example.org/other', name='off', keys_line='keys=disabled', extra=['enabled=0'])
        done = self.root.run('initrd', '--rescue', self.target)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(self.files(), [f'etc/modfetch/{n}' for n in
                                        ('keys/deny.d/list', 'keys/module.d/m.pem', 'keys/repo.d/repo.pem', 'modfetch.conf')])
        with open(f'{self.target}/etc/modfetch/modfetch.conf', encoding='ascii') as f:
            self.assertEqual(f.read(), '[modfetch]\nmodule-signature=kernel\n')

    def test_the_own_key_of_the_machine_stays_its_own_and_the_private_part_at_home(self):
        self.root.conf(rescue='yes')
        keys = f'{self.root.path}/etc/modfetch/keys'
        os.makedirs(f'{keys}/module.d', exist_ok=True)
        for name in ('build.key', 'build.der', 'module.d/build.der'):
            with open(f'{keys}/{name}', 'w', encoding='ascii') as f:
                f.write(name.rpartition('/')[2])
        self.root.repo('http://example.org/drivers')
        done = self.root.run('initrd', '--rescue', self.target)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(self.files(), [f'etc/modfetch/{n}' for n in
                                        ('keys/build.der', 'keys/module.d/build.der', 'keys/repo.d/repo.pem', 'modfetch.conf')])
        with open(f'{self.target}/etc/modfetch/keys/build.der', encoding='ascii') as f:
            self.assertEqual(f.read(), 'build.der')

    def test_without_a_certificate_it_fails(self):
        self.root.conf(rescue='yes')
        done = self.root.run('initrd', '--rescue', self.target)
        self.assertEqual(done.returncode, 4)
        self.assertIn('[NO-KEYS]', done.stderr)


if __name__ == '__main__':
    unittest.main()
