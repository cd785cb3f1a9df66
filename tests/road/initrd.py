#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The initrd of a machine whose drivers come and go, with Debian's real generators.

The machine is an overlay over the root of this one, in a mount namespace of this test: a minimal kernel, a repository, and the
files of the generator's packages, entered by chroot. With MODFETCH_TEST_ALL also with dracut, which takes a minute for each.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

CACHE = os.environ.get('MODFETCH_TEST_CACHE', '/var/cache/modfetch-tests')
BUILD = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..'))
ALL = os.environ.get('MODFETCH_TEST_ALL') == '1'
PACKAGES = {'initramfs-tools': ('initramfs-tools', 'initramfs-tools-core', 'klibc-utils', 'libklibc', 'linux-base', 'cpio'),
            'dracut': ('dracut', 'dracut-core', 'cpio', 'udev')}
MADE = re.compile(r'^modfetch: initrd: .* is made again: (.*)$', re.M)


def split(package):
    """PACKAGE, if this Debian has it: both generators need dracut-install, which is in dracut-core up to Debian 12."""
    done = subprocess.run(['apt-cache', 'show', package], capture_output=True, check=False)
    return [] if done.returncode or not done.stdout else [package]


def debs(names):
    """The files of packages, from the cache."""
    directory = f'{CACHE}/generators'
    os.makedirs(directory, exist_ok=True)
    with open(f'{directory}/.lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not glob.glob(f'{directory}/{name}_*.deb')]
        if missing:
            partial = tempfile.mkdtemp(dir=directory)
            subprocess.run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', *missing], cwd=partial, check=True,
                           stdout=subprocess.DEVNULL)
            for path in glob.glob(f'{partial}/*.deb'):
                os.rename(path, f'{directory}/{os.path.basename(path)}')
            os.rmdir(partial)
    return [glob.glob(f'{directory}/{name}_*.deb')[0] for name in names]


class Machine:
    """MODULES are on disk. The overlay and all below it end with the namespace."""

    def __init__(self, generator, modules=('vfat', 'virtio_blk', 'virtio_pci', 'ext4')):
        self.base = tempfile.mkdtemp()
        mount('-t', 'tmpfs', '-o', 'size=2G', 'none', self.base)
        tempfile.tempdir = self.base
        self.lower = r.Root(modules, link='usr/lib')
        tempfile.tempdir = None
        self.k, self.path = self.lower.kver, f'{self.base}/machine'
        for name in ('upper', 'work', 'machine'):
            os.mkdir(f'{self.base}/{name}')
        self.lower.repo(f'file://{r.repository()}')
        mount('-t', 'overlay', '-o', f'lowerdir={self.lower.path}:/,upperdir={self.base}/upper,workdir={self.base}/work', 'overlay',
              self.path)
        mount('-t', 'proc', 'proc', f'{self.path}/proc')
        mount('--bind', '/dev', f'{self.path}/dev')
        # the overlay has nothing of other file systems, and the build may be on one
        os.makedirs(f'{self.path}{BUILD}', exist_ok=True)
        mount('--bind', BUILD, f'{self.path}{BUILD}')
        self.install(generator)
        self.image = f'{self.path}/boot/initrd.img-{self.k}'
        self.kernel = f'{self.path}/usr/lib/modules/{self.k}'

    def install(self, generator):
        for deb in debs([*PACKAGES[generator], *split('dracut-install')]):
            with tempfile.TemporaryFile() as data:
                subprocess.run(['dpkg-deb', '--fsys-tarfile', deb], check=True, stdout=data)
                data.seek(0)
                # /lib stays a link
                subprocess.run(['tar', '-x', '--keep-directory-symlink', '-C', self.path], stdin=data, check=True)
        os.makedirs(f'{self.path}/boot', exist_ok=True)
        shutil.copy(f'{self.lower.base}/boot/config-{self.k}', f'{self.path}/boot')
        os.symlink(os.path.abspath(r.MODFETCH), f'{self.path}/usr/sbin/modfetch')
        for source, where in (('initramfs-hook', 'usr/share/initramfs-tools/hooks/modfetch'),
                              ('module-setup.sh', 'usr/lib/dracut/modules.d/90modfetch/module-setup.sh')):
            os.makedirs(os.path.dirname(f'{self.path}/{where}'), exist_ok=True)
            shutil.copy(f'{BUILD}/initrd/{source}', f'{self.path}/{where}')
            os.chmod(f'{self.path}/{where}', 0o755)

    def close(self):
        subprocess.run(['umount', '-R', '--lazy', self.base], check=True)
        os.rmdir(self.base)

    def write(self, path, text):
        os.makedirs(os.path.dirname(f'{self.path}/{path}'), exist_ok=True)
        with open(f'{self.path}/{path}', 'w', encoding='ascii') as f:
            f.write(text)

    def enter(self, *command):
        return subprocess.run(['chroot', self.path, *command], capture_output=True, text=True, check=False, timeout=600,
                              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})

    def modfetch(self, *args):
        return self.enter('/usr/sbin/modfetch', '--kernel', self.k, '--detailed-exit', *args)

    def modules(self):
        """The modules in the initrd, as the generator's own tool lists them."""
        tool = 'lsinitramfs' if os.path.exists(f'{self.path}/usr/bin/lsinitramfs') else 'lsinitrd'
        text = self.enter(tool, f'/boot/initrd.img-{self.k}').stdout
        return sorted({name.replace('-', '_') for name in re.findall(r'/([^/\s]+)\.ko\b', text)})


def mount(*args):
    subprocess.run(['mount', *args], check=True)


class Base(unittest.TestCase):
    generator = 'initramfs-tools'

    def setUp(self):
        self.machine = Machine(self.generator)
        self.addCleanup(self.machine.close)
        self.machine.write('etc/fstab', 'UUID=1 / xfs defaults 0 1\n')

    def make(self, status=0):
        m = self.machine
        command = ('update-initramfs', '-c', '-k', m.k) if self.generator == 'initramfs-tools' else \
            ('dracut', '--no-hostonly', f'/boot/initrd.img-{m.k}', m.k)
        done = m.enter(*command)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def run_it(self, *args, made=(), status=0):
        """Runs modfetch; the initrd was made again for these reasons, and else is the same file."""
        before = os.stat(self.machine.image)
        done = self.machine.modfetch(*args)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual([re.sub(':.*', '', why) for why in MADE.findall(done.stderr)], list(made), done.stderr)
        after = os.stat(self.machine.image)
        self.assertEqual((before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns), not made or status != 0)
        self.assertEqual(os.listdir(f'{self.machine.path}/var/lib/modfetch/initrd')
                         if os.path.exists(f'{self.machine.path}/var/lib/modfetch/initrd') else [], [])
        return done


class Generators(Base):
    def test_it_follows_the_drivers(self):
        m = self.machine
        self.assertEqual(m.modfetch('list', '--initrd').stdout, 'xfs\n')
        done = self.make()
        self.assertIn('modfetch: initrd of', done.stderr)
        self.assertIn(': xfs [NOT-FOUND]', done.stderr)
        self.assertNotIn('xfs', m.modules())
        self.assertFalse([name for name in m.enter('lsinitramfs', f'/boot/initrd.img-{m.k}').stdout.splitlines()
                          if 'modfetch' in name], 'something of modfetch is in the initrd')
        # our list is that of the generator's tool
        self.assertIn(f'has {len(m.modules())} modules', self.run_it('-v', 'initrd', status=2).stderr)
        # nothing that the initrd has or needs
        self.run_it('install', 'snd_hda_intel-kmp')
        # a module that is missing in it
        done = self.run_it('install', 'xfs-kmp', made=['xfs'])
        self.assertIn('xfs', m.modules())
        self.assertNotIn('NOT-FOUND', self.make().stderr)
        self.run_it('initrd', status=2)
        # one that it has goes
        self.run_it('remove', f'xfs-kmp-{r.tag(m.k)}', made=['xfs'])
        self.assertNotIn('xfs', m.modules())

    def test_the_admin_may_demand_that_nothing_is_missing(self):
        m = self.machine
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nrequire-ready=yes\n')
        self.assertIn(': xfs [NOT-FOUND]', self.make(status=1).stderr)
        # what the early boot needs is not known
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nrequire-ready=yes\nno-such-setting=1\n')
        self.assertIn('no-such-setting', self.make(status=1).stderr)
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nno-such-setting=1\n')
        self.assertIn('no-such-setting', self.make().stderr)
        os.remove(f'{m.path}/etc/modfetch/modfetch.conf')
        self.run_it('install', 'xfs-kmp', made=['xfs'])
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nrequire-ready=yes\n')
        self.make()

    def test_a_failure_leaves_driver_and_initrd(self):
        m = self.machine
        self.make()
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nregenerate-initrd=/usr/bin/false\n')
        done = self.run_it('install', 'xfs-kmp', made=['xfs'], status=1)
        self.assertIn('the old one stays: exit status 1 [INITRD]', done.stderr)
        self.assertTrue(glob.glob(f'{m.kernel}/**/xfs.ko', recursive=True))
        os.remove(f'{m.path}/etc/modfetch/modfetch.conf')
        self.run_it('--dry-run', 'initrd')
        self.run_it('initrd', made=['xfs'])
        self.assertIn('xfs', m.modules())

    def test_the_admin_may_choose(self):
        m = self.machine
        self.make()
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nregenerate-initrd=never\n')
        self.run_it('install', 'xfs-kmp')
        self.assertNotIn('xfs', m.modules())
        # a program gets the release, and only PATH from us
        m.write('usr/local/bin/make-it', '#!/bin/sh\nenv >/tmp/env\nexec update-initramfs -u -k "$1"\n')
        os.chmod(f'{m.path}/usr/local/bin/make-it', 0o755)
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\nregenerate-initrd=/usr/local/bin/make-it\n')
        self.run_it('initrd', made=['xfs'])
        self.assertIn('xfs', m.modules())
        with open(f'{m.path}/tmp/env', encoding='ascii') as f:
            self.assertEqual({line.split('=')[0] for line in f} - {'PWD', '_', 'OLDPWD', 'SHLVL'}, {'PATH'})

    def test_unattended_runs_leave_it_to_the_unit(self):
        m = self.machine
        self.make()
        before = os.stat(m.image).st_ino
        done = m.modfetch('--unattended', 'install', 'xfs-kmp')
        self.assertEqual((done.returncode, MADE.findall(done.stderr)), (0, []), done.stderr)
        self.assertEqual(os.listdir(f'{m.path}/var/lib/modfetch/initrd'), [m.k])
        self.assertEqual(os.stat(m.image).st_ino, before)
        self.run_it('initrd', '--pending', made=['xfs'])
        self.run_it('initrd', '--pending')

    def test_check_knows_the_copies(self):
        m = self.machine
        self.make()
        done = m.modfetch('check')
        self.assertEqual((done.returncode, '[' in done.stdout), (0, False), done.stdout)
        path = glob.glob(f'{m.kernel}/**/ext4.ko', recursive=True)[0]
        with open(path, 'rb') as f:
            text = f.read()
        with open(path, 'wb') as f:
            f.write(text.replace(b'description=Fourth', b'description=fourth', 1))
        done = m.modfetch('check')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'ext4\.ko: .*the copy in /boot/initrd\.img-\S+ is older.* \[OLD-INITRD\]')
        self.assertEqual(done.stdout.count('['), 1, done.stdout)
        self.run_it('initrd', made=['ext4'])
        self.assertNotIn('OLD-INITRD', m.modfetch('check').stdout)

    def test_one_that_cannot_be_read_is_said(self):
        m = self.machine
        m.write(f'boot/initrd.img-{m.k}', 'BZh91AY&SY')
        for verb in 'initrd', 'check':
            done = self.run_it(verb, status=2 if verb == 'initrd' else 0)
            self.assertIn('it is compressed in a format that modfetch does not know', done.stderr)
            self.assertNotIn('[', done.stdout)


@unittest.skipUnless(ALL, 'MODFETCH_TEST_ALL is not set')
class Dracut(Base):
    generator = 'dracut'

    def test_it_follows_the_drivers(self):
        m = self.machine
        done = self.make()
        self.assertIn(': xfs [NOT-FOUND]', done.stderr)
        self.assertIn(f'has {len(m.modules())} modules', self.run_it('-v', 'initrd', status=2).stderr)
        self.run_it('install', 'snd_hda_intel-kmp')
        self.run_it('install', 'xfs-kmp', made=['xfs'])
        self.assertIn('xfs', m.modules())
        done = m.modfetch('check')
        self.assertNotIn('OLD-INITRD', done.stdout)


if __name__ == '__main__':
    if '--inside' not in sys.argv:
        os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', sys.executable, os.path.abspath(__file__), '--inside',
                              *sys.argv[1:]])
    sys.argv.remove('--inside')
    unittest.main()
