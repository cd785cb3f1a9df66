#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Driver media: which layouts of a stick are used, who must have signed them, and what a hostile stick can do (nothing).

Sticks are directories here, or file systems in image files on loop devices. The kernel of most test machines has ext4 and
not vfat: tests/vm/test_media.py has the file systems of real sticks.
"""
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import root as r  # noqa: E402
from gpg import Gpg, write  # noqa: E402

MACHINE = platform.machine()


def add_device(root, modalias, slot):
    device = f'{root.path}/sys/devices/pci0000:00/0000:00:{slot:02x}.0'
    os.makedirs(device)
    write(f'{device}/modalias', modalias + '\n')
    write(f'{device}/uevent', f'MODALIAS={modalias}\n')


def copy(source, stick, *, only=None):
    """Copies a repository; of its packages those of the modules ONLY, if it is given."""
    shutil.copytree(source, stick, symlinks=True, dirs_exist_ok=True,
                    ignore=lambda _, names: [n for n in names if only is not None and n.endswith('.rpm') and n.split('-kmp-')[0] not in only])


class Machine(unittest.TestCase):
    """A machine with a network card and a USB controller without drivers, that no network reaches."""

    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.directory = tempfile.mkdtemp(prefix='media-')
        self.addCleanup(shutil.rmtree, self.directory)
        self.stick = f'{self.directory}/stick'
        os.mkdir(self.stick)
        add_device(self.root, r.NIC, 3)
        self.root.repo('http://127.0.0.1:9/nothing')
        self.tag = r.tag(self.root.kver)
        # as tmpfiles.d makes them
        for name in 'run/modfetch', 'var/cache/modfetch', 'var/lib/modfetch':
            os.makedirs(f'{self.root.path}/{name}')

    def media(self, *args, **options):
        return self.root.run('media', *(args or (self.stick,)), **options)

    def installs(self, *args, **options):
        done = self.media(*args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())
        return done

    def refused(self, code, *args, status=4, **options):
        """The run fails with one line that has the code, and nothing on the machine has changed."""
        before = self.root.state(), self.state_files()
        done = self.media(*args, **options)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr.splitlines()[-1], rf'^modfetch: \w+: .*\[{code}\]$')
        self.assertEqual((self.root.state(), self.state_files()), before)
        return done

    def state_files(self):
        """Whatever modfetch keeps, but for its locks."""
        return sorted(os.path.join(directory, name) for top in ('var/cache/modfetch', 'var/lib/modfetch')
                      for directory, _, names in os.walk(f'{self.root.path}/{top}') for name in names)


class Repositories(Machine):
    """Copies of configured repositories."""

    def test_a_machine_that_was_never_online_gets_its_driver_and_the_metadata(self):
        copy(r.repository(), self.stick)
        done = self.installs()
        self.assertNotIn('not used', done.stderr)
        run = self.root.history()[-1]
        self.assertEqual((run['verb'], run['reason']), ('media', f'from the medium {self.stick}'))
        self.assertEqual([p['repo'] for p in run['packages']], ['test'])
        # the machine has metadata now, and a second time nothing is left to do
        self.assertIn('available', self.root.run('lookup', 'nvme').stdout)
        again = self.media()
        self.assertEqual(again.returncode, 2, again.stderr)

    def test_a_first_level_directory_with_few_packages_is_enough(self):
        """What is not on it does not count as available, and does not stop the driver that is."""
        add_device(self.root, r.NVME, 4)
        copy(r.repository(), f'{self.stick}/drivers', only=['e1000e'])
        done = self.installs()
        self.assertIn('1 of ', done.stderr)
        self.assertNotIn('nvme.ko', self.root.on_disk())

    def test_a_medium_without_the_driver_changes_nothing(self):
        copy(r.repository(), self.stick, only=())
        before = self.root.tree(), self.root.packages()
        done = self.media()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual((self.root.tree(), self.root.packages()), before)

    def test_older_metadata_is_passed_over_and_its_packages_are_used_while_they_are_listed(self):
        directory = f'{self.directory}/repository'
        copy(r.repository(), directory, only=['e1000e', 'nvme', 'nvme-core'])
        r.createrepo(directory)
        copy(directory, self.stick)
        r.next_second()
        r.createrepo(directory)
        self.root.repo(f'file://{directory}')
        self.assertEqual(self.root.run('refresh').returncode, 0)
        state = self.state()
        self.root.repo('http://127.0.0.1:9/nothing')
        done = self.installs()
        self.assertIn('older than what was accepted of test', done.stderr)
        self.assertEqual(self.state(), state)

    def test_a_package_that_its_publisher_has_replaced_is_not_taken_from_an_older_medium(self):
        directory = f'{self.directory}/repository'
        copy(r.repository(), directory, only=['e1000e'])
        r.createrepo(directory)
        copy(directory, self.stick)
        r.next_second()
        for name in os.listdir(f'{directory}/x86_64'):
            os.unlink(f'{directory}/x86_64/{name}')
        copy(r.repository(), directory, only=['nvme'])
        r.createrepo(directory)
        self.root.repo(f'file://{directory}')
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.root.repo('http://127.0.0.1:9/nothing')
        before = self.root.tree(), self.root.packages()
        done = self.media()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual((self.root.tree(), self.root.packages()), before)

    def state(self):
        with open(f'{self.root.path}/var/lib/modfetch/repos/test.state', encoding='utf-8') as f:
            return f.read()

    def test_unsigned_or_signed_by_another_is_refused(self):
        copy(r.repository(), self.stick, only=['e1000e'])
        r.sign(self.stick, 'other')
        self.refused('UNTRUSTED-KEY')
        os.unlink(f'{self.stick}/repodata/repomd.xml.p7s')
        # its packages count as package files then, and are not signed
        self.refused('NO-KEYS')

    def test_changed_metadata_is_refused(self):
        copy(r.repository(), self.stick, only=['e1000e'])
        with open(f'{self.stick}/repodata/repomd.xml', 'ab') as f:
            f.write(b'\n')
        self.refused('BAD-SIGNATURE')

    def test_a_changed_or_truncated_package_is_refused(self):
        copy(r.repository(), self.stick, only=['e1000e'])
        path = f'{self.stick}/x86_64/e1000e-kmp-{self.tag}-{r.evr(self.root.kver)}.x86_64.rpm'
        with open(path, 'r+b') as f:
            f.seek(-100, os.SEEK_END)
            f.write(b'x')
        before = self.root.tree(), self.root.packages()
        done = self.media()
        self.assertEqual((done.returncode, done.stderr.splitlines()[-1][-12:]), (4, '[BAD-DIGEST]'))
        os.truncate(path, 1000)
        done = self.media()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('[TRUNCATED]', done.stderr)
        self.assertEqual((self.root.tree(), self.root.packages()), before)

    def test_no_configured_repository_is_refused(self):
        os.unlink(f'{self.root.path}/etc/modfetch/repos.d/test.repo')
        copy(r.repository(), self.stick, only=['e1000e'])
        self.refused('NO-KEYS')

    def test_policy_holds_as_for_every_run(self):
        copy(r.repository(), self.stick)
        self.assertEqual(self.root.run('deny', 'e1000e').returncode, 0)
        done = self.media()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn('e1000e.ko', self.root.on_disk())

    def test_two_repositories_with_one_key_are_distinguished_by_identity_alone(self):
        self.root.repo('http://127.0.0.1:9/other', name='other')
        copy(r.repository(), self.stick, only=['e1000e'])
        self.refused('IDENTITY')
        subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', '--general-compress-type=gz',
                        '--repo=stable', self.stick], check=True)
        r.sign(self.stick)
        self.refused('IDENTITY')
        self.root.repo('http://127.0.0.1:9/other', name='other', extra=['identity=stable'])
        self.installs()
        self.assertEqual(self.root.history()[-1]['packages'][0]['repo'], 'other')

    def test_old_metadata_is_refused_unattended_after_a_year_and_not_before(self):
        copy(r.repository(), self.stick, only=['e1000e'])
        self.root.conf(media_max_age=0)
        clock = r.clock_at(r.time.time() + 40 * 86400)
        self.refused('STALE', '--unattended', self.stick, env=clock)
        self.root.conf(media_max_age=100)
        self.installs('--unattended', self.stick, env=clock)

    def test_autoremove_keeps_the_modules_that_read_a_stick(self):
        add_device(self.root, r.STICK, 5)
        self.root.repo(f'file://{r.repository()}')
        self.assertEqual(self.root.run('coldplug').returncode, 0)
        self.assertLessEqual({'usb-storage.ko', 'uas.ko', 'e1000e.ko'}, set(self.root.on_disk()))
        # no device needs any of them, and none was here lately
        shutil.rmtree(f'{self.root.path}/sys')
        os.unlink(f'{self.root.path}/var/lib/modfetch/asked')
        done = self.root.run('--dry-run', 'autoremove')
        self.assertIn('e1000e-kmp', done.stdout, done.stderr)
        self.assertNotIn('usb-storage-kmp', done.stdout)
        self.assertNotIn('uas-kmp', done.stdout)

    def test_json(self):
        copy(r.repository(), f'{self.stick}/drivers', only=['e1000e'])
        write(f'{self.stick}/loose.rpm', 'no package')
        status, answer = self.root.json('media', self.stick)
        self.assertEqual(status, 0)
        self.assertTrue(answer['changed'])
        self.assertEqual(answer['medium']['repositories'], ['test'])
        self.assertEqual(answer['medium']['layouts'], ['repository', 'packages'])
        self.assertEqual([refusal['code'] for refusal in answer['medium']['refused']], ['NO-KEYS'])
        status, answer = self.root.json('media', f'{self.stick}/nothing')
        self.assertEqual((status, answer['error']['code'], answer['error']['stage']), (1, 'MEDIUM', 'media'))


class WithPackages(Machine):
    """Packages of a vendor whose key the machine has."""

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp(prefix='media-keys-')
        cls.gpg = Gpg(cls.keys)
        for name in 'vendor', 'stranger':
            cls.gpg.key(name, 'rsa3072')

    @classmethod
    def tearDownClass(cls):
        cls.gpg.close()
        shutil.rmtree(cls.keys)

    def setUp(self):
        super().setUp()
        write(f'{self.root.path}/etc/modfetch/keys/repo.d/vendor.asc', self.gpg.run('--armor', '--export', 'vendor@example.org'))

    def sign(self, path, name='vendor'):
        subprocess.run(['rpmsign', '--addsign', '--define', f'_gpg_name {name}@example.org', '--define', f'_gpg_path {self.gpg.home}',
                        '--define', f'__gpg {shutil.which("gpg")}', path], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env={**os.environ, 'GNUPGHOME': self.gpg.home})

    def package(self, directory, signer='vendor', name='e1000e', spec=None):
        """A driver as vendors pack it, in DIRECTORY."""
        os.makedirs(directory, exist_ok=True)
        with open(f'{r.full_tree()}/lib/modules/{self.root.kver}/{self.root.needed(["e1000e"])[-1]}', 'rb') as f:
            module = f.read()
        alias = 'pci:v00008086d000010D3sv*sd*bc*sc*i*'
        path = r.rpmbuild(directory, f'{name}-kmp-default',
                          spec or [f'Provides: kmod({name}.ko)', f'Supplements: modalias(kernel-amd64:{alias})'],
                          [(f'/lib/modules/{self.root.kver}/updates/{name}.ko', module)], version='9')
        if signer:
            self.sign(path, signer)
        return path


class Packages(WithPackages):
    """Package files, in a plain directory and on driver disks: their own signature counts."""

    def test_a_plain_directory(self):
        self.package(self.stick)
        done = self.installs()
        self.assertNotIn('not used', done.stderr)
        self.assertEqual(self.root.history()[-1]['packages'][0]['repo'], '@medium')
        self.assertFalse(os.path.exists(f'{self.root.path}/var/cache/modfetch/@medium'))

    def test_a_directory_of_packages_in_the_root(self):
        self.package(f'{self.stick}/vendor')
        self.installs()

    def test_packages_further_below_are_not_looked_for(self):
        self.package(f'{self.stick}/vendor/packages')
        self.refused('NOT-FOUND', status=3)

    def test_a_driver_disk_of_rhel(self):
        write(f'{self.stick}/rhdd3', 'Driver Update Disk version 3\n')
        self.package(f'{self.stick}/rpms/{MACHINE}')
        # its metadata is not signed: it is passed over
        r.createrepo(f'{self.stick}/rpms/{MACHINE}', key=None)
        self.installs()
        self.assertEqual(self.root.json('media', self.stick)[1]['medium']['layouts'], ['driver-disk'])

    def test_a_driver_disk_of_rhel_without_its_mark_or_for_another_machine_is_not_one(self):
        self.package(f'{self.stick}/rpms/{MACHINE}')
        self.refused('NOT-FOUND', status=3)
        write(f'{self.stick}/rhdd3', '')
        os.rename(f'{self.stick}/rpms/{MACHINE}', f'{self.stick}/rpms/vax')
        self.refused('NOT-FOUND', status=3)

    def test_a_driver_update_of_suse(self, top=''):
        directory = f'{self.stick}{top}/linux/suse/{MACHINE}-sles15'
        path = self.package(f'{directory}/install')
        write(f'{directory}/dud.config', 'UpdateName: e1000e\n')
        write(f'{directory}/modules/e1000e.ko', 'a module in no package')
        self.assertIn('1 modules of its driver update are in no package', self.installs().stderr)
        os.unlink(path)
        self.assertIn('ask the vendor for packages', self.refused('NOT-FOUND', status=3).stderr)

    def test_one_of_several_driver_updates_of_suse(self):
        self.test_a_driver_update_of_suse('/01')

    def test_a_package_of_which_only_its_files_say_what_it_is(self):
        """ELRepo's: neither kmod() nor modalias(). A module that no alias leads to is not for a device."""
        self.package(self.stick, name='kmod-e1000e', spec=['Requires: kernel-uname-r'])
        self.assertEqual(self.media().returncode, 2)

    def test_unsigned_is_refused_and_a_signed_one_beside_it_is_used(self):
        self.package(self.stick, signer=None)
        self.refused('NO-SIGNATURE')
        self.package(f'{self.stick}/good')
        done = self.installs()
        self.assertRegex(done.stderr, r'not used: .*e1000e-kmp-default.*\[NO-SIGNATURE\]')

    def test_signed_by_a_stranger_changed_or_truncated_is_refused(self):
        path = self.package(self.stick, signer='stranger')
        self.refused('UNTRUSTED-KEY')
        os.unlink(path)
        path = self.package(self.stick)
        with open(path, 'rb') as f:
            good = f.read()
        at = good.index(b'e1000e-kmp-default', 200)
        write(path, good[:at] + b'X' + good[at + 1:])
        self.refused('BAD-SIGNATURE')
        write(path, good[:len(good) // 50])
        self.refused('BAD-PACKAGE')
        # the signature of a package is over its header, and the header has the digest of the rest
        write(path, good[:-200])
        before = self.root.tree(), self.root.packages()
        done = self.media()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual((self.root.tree(), self.root.packages()), before)



class Hostile(WithPackages):
    """What an attacker can put on a stick: none of it is read, followed or waited for."""

    def test_links_devices_pipes_and_odd_names(self):
        """Beside a signed package there is all that a file system can have."""
        secret = f'{self.directory}/secret'
        write(f'{secret}/e1000e.rpm', 'elsewhere')
        os.mkfifo(f'{self.stick}/fifo.rpm')
        os.mknod(f'{self.stick}/zero.rpm', 0o600 | 0o020000, os.makedev(1, 5))
        os.symlink(f'{secret}/e1000e.rpm', f'{self.stick}/link.rpm')
        os.symlink(secret, f'{self.stick}/directory')
        os.symlink('/', f'{self.stick}/repodata')
        os.symlink('.', f'{self.stick}/loop')
        os.symlink('/dev/zero', f'{self.stick}/disk.iso')
        os.mkfifo(f'{self.stick}/rhdd3')
        os.makedirs(f'{self.stick}/linux')
        os.symlink('..', f'{self.stick}/linux/suse')
        write(f'{self.stick}/line\nbreak.rpm', 'x')
        write(f'{self.stick}/\x1b[2Jescape.rpm', 'x')
        with open(f'{self.stick}/huge.rpm', 'wb') as f:
            f.truncate(1 << 40)
        self.package(self.stick)
        done = self.installs()
        self.assertEqual(len([line for line in done.stderr.splitlines() if 'not used' in line]), 1, done.stderr)
        self.assertRegex(done.stderr, r'huge.rpm: larger than max-package .*\[TOO-LARGE\]')
        self.assertNotIn('\x1b', done.stderr)

    def test_a_repository_with_links_out_of_the_medium(self):
        copy(r.repository(), f'{self.directory}/real', only=['e1000e'])
        copy(r.repository(), self.stick, only=())
        os.rmdir(f'{self.stick}/x86_64') if os.path.isdir(f'{self.stick}/x86_64') else None
        os.symlink(f'{self.directory}/real/x86_64', f'{self.stick}/x86_64')
        done = self.media()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(': 0 of ', done.stderr)
        shutil.rmtree(f'{self.stick}/repodata')
        os.mkdir(f'{self.stick}/repodata')
        for name in os.listdir(f'{self.directory}/real/repodata'):
            os.symlink(f'{self.directory}/real/repodata/{name}', f'{self.stick}/repodata/{name}')
        self.refused('NOT-FOUND', status=3)

    def test_more_entries_than_a_medium_may_have(self):
        for i in range(20100):
            os.mkdir(f'{self.stick}/{i}') if i % 50 == 0 else os.mknod(f'{self.stick}/{i}')
        done = self.refused('NOT-FOUND', status=3)
        self.assertIn('the rest is not looked at', done.stderr)

    def test_a_package_that_changes_after_its_signature_was_verified(self):
        """A device that only says it is a stick can have other bytes at each look: the digest of the first one counts."""
        path = self.package(self.stick)
        other = self.package(f'{self.directory}/other', signer=None)
        before = self.root.tree(), self.root.packages()
        # sqv runs between the first look and the second
        sqv, shim, real = os.path.realpath(shutil.which('sqv')), f'{self.directory}/sqv', f'{self.directory}/real-sqv'
        shutil.copy(sqv, real)
        write(shim, f'#!/bin/sh\ncp {other} {path}\nexec {real} "$@"\n')
        os.chmod(shim, 0o755)
        script = ['unshare', '-m', 'sh', '-c', f'mount --bind {shim} {sqv} && exec "$@"', 'sh']
        done = subprocess.run([*script, *self.root.command('media', self.stick)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertRegex(done.stderr, r'modfetch: media: .*: it changed while it was read.*\[BAD-DIGEST\]')
        self.assertEqual((self.root.tree(), self.root.packages()), before)


class Devices(Machine):
    """File systems on loop devices."""

    def image(self, path, size='16M', label='MODFETCH'):
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-L', label, '-d', self.stick, path, size], check=True)
        return path

    def attach(self, image):
        device = r.output('losetup', '--find', '--show', image).strip()
        self.addCleanup(subprocess.run, ['losetup', '--detach', device], check=False)
        return device

    def setUp(self):
        super().setUp()
        self.root.conf(media_filesystems='vfat ext4')
        copy(r.repository(), self.stick, only=['e1000e'])

    def mounts(self):
        """Those of media: other tests mount as well."""
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            return [line for line in f if '/run/modfetch' in line or self.directory in line]

    def test_a_device_is_mounted_where_no_other_process_sees_it(self):
        before = self.mounts()
        device = self.attach(self.image(f'{self.directory}/stick.img'))
        with open(f'{self.directory}/trace', 'wb'):
            pass
        command = ['strace', '-f', '-e', 'trace=mount,unshare', '-o', f'{self.directory}/trace', *self.root.command('media', '--device', device)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
                                                                                                # LeakSanitizer does not work under strace
                                                                                                'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())
        with open(f'{self.directory}/trace', encoding='utf-8') as f:
            trace = f.read()
        self.assertRegex(trace, r'unshare\(CLONE_NEWNS\)')
        mounted = [line for line in trace.splitlines() if '"ext4"' in line]
        self.assertEqual(len(mounted), 1, trace)
        for flag in 'MS_RDONLY', 'MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC', '"noload"':
            self.assertIn(flag, mounted[0])
        self.assertEqual(self.mounts(), before)
        self.assertEqual(os.listdir('/run/modfetch/media'), [])
        # the device is free again
        subprocess.run(['losetup', '--detach', device], check=True)

    def test_in_a_service_of_which_few_directories_can_be_written(self):
        """The only process of its mount namespace: what is mounted there goes when the process leaves it."""
        device = self.attach(self.image(f'{self.directory}/stick.img'))
        script = ('set -e; mount --bind $0 $0; mount -o remount,bind,ro $0; for d in var run lib usr etc; do mkdir -p $0/$d 2>/dev/null || :; '
                  'mount --bind $0/$d $0/$d; mount -o remount,bind,rw $0/$d; done; exec "$@"')
        for name in 'usr', 'run':
            os.makedirs(f'{self.root.path}/{name}', exist_ok=True)
        done = subprocess.run(['unshare', '-m', 'sh', '-c', script, self.root.path, *self.root.command('media', '--device', device)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())

    def test_a_file_system_that_is_not_listed_is_not_mounted(self):
        self.root.conf()
        device = self.attach(self.image(f'{self.directory}/stick.img'))
        self.assertIn('media-filesystems=', self.refused('MEDIUM', '--device', device, status=1).stderr)
        with open(f'{self.directory}/noise', 'wb') as f:
            f.write(os.urandom(1 << 20))
        device = self.attach(f'{self.directory}/noise')
        self.assertIn('no file system of a known kind', self.refused('MEDIUM', '--device', device, status=1).stderr)

    def test_base_urls_of_media(self):
        """hd: and iso: as zypper has them; what is not there is a mirror that does not answer."""
        copy(self.stick, f'{self.directory}/both/drivers')
        shutil.rmtree(self.stick)
        os.rename(f'{self.directory}/both', self.stick)
        image = self.image(f'{self.directory}/stick.img')
        device = self.attach(image)
        before = self.mounts()
        for urls in ([f'hd:/drivers?device={device}&filesystem=ext4'], [f'iso:/drivers?iso=stick.img&url=dir:{self.directory}'],
                     [f'iso:/drivers?iso=stick.img&url=file://{self.directory}'], [f'hd:/drivers?device={self.directory}/nothing'.replace(self.directory, '/dev'), f'dir:{self.stick}/drivers']):
            with self.subTest(urls=urls):
                self.root.repo(*urls)
                shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
                done = self.root.run('refresh')
                self.assertEqual(done.returncode, 0, done.stderr)
                if 'e1000e.ko' in self.root.on_disk():
                    self.assertEqual(self.root.run('remove', 'e1000e').returncode, 0)
                done = self.root.run('install', 'e1000e')
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.mounts(), before)
        self.root.repo(f'hd:/drivers?device={device}&filesystem=vfat')
        done = self.root.run('refresh', '--force')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r'its file system is ext4, but the URL names vfat; correct the URL \[UNREACHABLE\]')

    def test_a_process_that_may_not_mount_says_so(self):
        device = self.attach(self.image(f'{self.directory}/stick.img'))
        command = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', *self.root.command('media', '--device', device)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r'may not mount .* as root.*\[MEDIUM\]')

    def test_what_is_no_device(self):
        for path in '/dev/null', self.stick, f'{self.directory}/nothing', '/etc/passwd':
            self.refused('MEDIUM', '--device', path, status=1)

    def test_an_image_on_the_stick_and_none_in_that(self):
        outer = f'{self.directory}/outer'
        os.mkdir(outer)
        self.image(f'{outer}/drivers.iso')
        self.assertEqual(self.media(outer).returncode, 0)
        self.assertIn('e1000e.ko', self.root.on_disk())
        self.assertEqual(r.output('losetup', '--list', '--noheadings', '--output', 'BACK-FILE').count(outer), 0)
        shutil.rmtree(self.stick)
        os.mkdir(self.stick)
        os.rename(f'{outer}/drivers.iso', f'{self.stick}/inner.iso')
        self.image(f'{outer}/drivers.iso', '40M')
        self.refused('NOT-FOUND', outer, status=3)

    def test_a_damaged_file_system_is_an_error_of_the_medium(self):
        path = self.image(f'{self.directory}/stick.img')
        with open(path, 'r+b') as f:
            f.seek(2048)
            f.write(b'\xff' * (1 << 20))
        device = self.attach(path)
        self.refused('MEDIUM', '--device', device, status=1)

    def test_a_stick_that_is_pulled_out_is_a_clear_error(self):
        """The size of the device goes to 8 kB when its mount is complete: every read of a file fails from then on."""
        path = self.image(f'{self.directory}/stick.img')
        device = self.attach(path)
        before = self.root.tree(), self.root.packages()
        script = r'set -e; mkdir -p /run/modfetch/media; unshare -m sh -c "mount -o ro,noload $2 /run/modfetch/media && truncate -s 8k $1 && shift 2 && exec \"\$@\"" sh "$@"'
        done = subprocess.run(['sh', '-c', script, 'sh', path, device, *self.root.command('media', '/run/modfetch/media')], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], r'^modfetch: \w+: .*(insert it again|Input/output error).*\[(MEDIUM|EIO)\]$')
        self.assertEqual((self.root.tree(), self.root.packages()), before)


if __name__ == '__main__':
    unittest.main(verbosity=2)
