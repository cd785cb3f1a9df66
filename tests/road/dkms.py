#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian with two kernels whose other modules dkms built, and the generators of initrds on a kernel with a linked driver.

With MODFETCH_TEST_ALL=1 in a copy of the Debian of tests/lib/dkms: every package, module and index of it was made by Debian's tools.
Oracles: dkms status, Module.symvers (by modprobe --dump-modversions), and the initrds themselves.
"""
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

DRIVER = os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..', 'tests', 'fit-driver')
CACHE = os.environ.get('MODFETCH_TEST_CACHE', '/var/cache/modfetch-tests')
DUMMY = 'kernel/drivers/net/dummy.ko'
# a root of its own for programs that expect one; the mounts end with the process
INSIDE = '''set -e
mount --make-rprivate /
mount -t tmpfs dev "$1/dev"
mount -t tmpfs run "$1/run"
mount -t proc proc "$1/proc"
mknod -m 666 "$1/dev/null" c 1 3
mknod -m 666 "$1/dev/zero" c 1 5
mknod -m 666 "$1/dev/urandom" c 1 9
ln -s /proc/self/fd "$1/dev/fd"
exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -ec "$2"'''


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def symvers(path):
    with open(path, encoding='ascii') as f:
        return {line.split('\t')[1]: int(line.split('\t')[0], 16) for line in f}


class Machine(r.Root):
    """A copy of the Debian, of hard links: files are replaced and never changed."""

    def __init__(self, debian, old, new):
        self.path = self.directory = tempfile.mkdtemp(prefix='dkms-copy-', dir=CACHE)
        self.kver, self.old = new, old
        self.modules = f'{self.path}/lib/modules/{new}'
        subprocess.run(['cp', '-al', f'{debian}/.', self.path], check=True)
        for name in ('etc/modfetch/repos.d', 'etc/modfetch/keys/repo.d'):
            os.makedirs(f'{self.path}/{name}')
        shutil.copy(f'{r.test_keys()}/repo.crt', f'{self.path}/etc/modfetch/keys/repo.d/repo.pem')

    def close(self):
        subprocess.run(['rm', '-rf', '--one-file-system', self.path], check=True)

    def run(self, *args, **options):
        return super().run(*args, **{'timeout': 300, **options})

    def inside(self, script):
        done = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', INSIDE, '-', self.path, script],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, f'{script}: {done.stdout}{done.stderr}'
        return done.stdout

    def built(self, kver):
        """Name → file of the modules that dkms installed."""
        directory = f'{self.path}/lib/modules/{kver}/updates/dkms'
        return {name: f'{directory}/{name}' for name in sorted(os.listdir(directory))}

    def use(self, packages):
        r.createrepo(packages)
        self.repo('file://' + packages)
        done = self.run('refresh', '--force')
        assert done.returncode == 0, done.stderr


@unittest.skipUnless(os.environ.get('MODFETCH_TEST_ALL') == '1', 'makes a Debian with two kernels')
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian, old, new = r.output(os.path.join(r.HERE, 'lib', 'dkms')).split()
        cls.machine = Machine(debian, old, new)
        cls.addClassCleanup(cls.machine.close)
        cls.directory = tempfile.mkdtemp(prefix='dkms-')
        cls.addClassCleanup(shutil.rmtree, cls.directory)

    def packages(self, name, path, content, **options):
        where = tempfile.mkdtemp(dir=self.directory)
        r.rpmbuild(where, name, ['Provides: kmod(' + os.path.basename(path) + ')'], [(path, content)], **options)
        return where


class Dkms(Case):
    def test_nothing_is_found_and_the_owners_are_known(self):
        m = self.machine
        status, answer = m.json('check', '--all')
        self.assertEqual((status, answer['findings']), (0, []))
        for kernel in answer['kernels']:
            n = len(m.built(kernel['kernel']))
            self.assertGreaterEqual(n, 5)
            self.assertEqual((kernel['owners']['dkms'], kernel['owners']['nobody']), (n, 0))
            self.assertEqual(kernel['owners']['dpkg'], kernel['modules'] - n)
        self.assertEqual({kernel['kernel'] for kernel in answer['kernels']}, {m.old, m.kver})

    def test_none_is_listed_as_unowned(self):
        m = self.machine
        for kver in m.old, m.kver:
            self.assertEqual(m.run('--kernel', kver, 'list', '--unowned').stdout, '')
        # but one that dkms does not know is
        odd = f'{m.modules}/updates/dkms/odd.ko'
        shutil.copy(m.built(m.kver)['acpi_call.ko'], odd)
        self.addCleanup(os.unlink, odd)
        self.assertIn('odd.ko', m.run('list', '--unowned').stdout)

    def test_a_changed_module_and_a_missing_one_are_found(self):
        m = self.machine
        for what in 'changed', 'missing':
            path = m.built(m.kver)['acpi_call.ko']
            content = read(path)
            os.unlink(path)
            if what == 'changed':
                with open(path, 'wb') as f:
                    f.write(content[:-1] + bytes([content[-1] ^ 1]))
            findings = [(f['file'], f['code']) for f in m.json('check')[1]['findings']]
            if what == 'changed':
                os.unlink(path)
            with open(path, 'wb') as f:
                f.write(content)
            self.assertEqual(findings, [(path.removeprefix(m.path), 'ALTERED')], what)
        self.assertEqual(m.json('check')[1]['findings'], [])

    def test_the_judge_says_of_each_for_each_kernel_what_the_versions_say(self):
        m, fits = self.machine, []
        for kernel in m.old, m.kver:
            exported = symvers(f'{m.path}/usr/src/linux-headers-{kernel}/Module.symvers')
            for path in m.built(kernel).values():  # they use symbols of each other
                for line in r.output('modprobe', '--dump-modversions', path).splitlines():
                    exported.setdefault(line.split()[1], int(line.split()[0], 16))
            for other in m.old, m.kver:
                paths = list(m.built(other).values())
                text = r.output(DRIVER, m.path, kernel, input=''.join(path + '\n' for path in paths))
                for line in text.splitlines():
                    verdict, _, path = line.split(' ', 2)
                    stated = [line.split() for line in r.output('modprobe', '--dump-modversions', path).splitlines()]
                    fit = all(exported.get(symbol) == int(crc, 16) for crc, symbol in stated)
                    self.assertEqual(verdict == 'yes', fit, f'{path} for {kernel}: {verdict}')
                    fits.append(fit)
                    self.assertTrue(fit or other != kernel)
        self.assertEqual(len(fits), 2 * sum(len(m.built(kver)) for kver in (m.old, m.kver)))

    def test_a_plan_never_overwrites_one(self):
        m = self.machine
        path = m.built(m.kver)['v4l2loopback.ko']
        before = {name: read(at) for name, at in m.built(m.kver).items()}
        # what is on disk is not asked for again; by name, a package with the same file is refused
        m.use(self.packages('v4l2loopback-kmp', path.removeprefix(m.path), before['acpi_call.ko']))
        done = m.run('--no-load', 'probe', 'v4l2loopback')
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        done = m.run('--no-load', 'install', 'v4l2loopback-kmp')
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('FILE-EXISTS', done.stderr)
        self.assertFalse(os.path.exists(f'{m.path}/var/lib/rpm') and m.names())
        # nor does one come that depmod would prefer, for another module of the same package
        m.use(self.packages('other-kmp', f'/lib/modules/{m.kver}/updates/acpi_call.ko', before['v4l2loopback.ko']))
        self.assertEqual(m.run('--no-load', 'probe', 'acpi_call').returncode, 2)
        self.assertEqual({name: read(at) for name, at in m.built(m.kver).items()}, before)
        self.assertEqual(m.json('check')[1]['findings'], [])


class Initrd(Case):
    """The new kernel lacks a module, and has a link to that of a driver package for the kernel before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        m = cls.machine
        base, before = r.kernel('default-1')
        os.unlink(f'{m.modules}/{DUMMY}')
        m.inside(f'depmod {m.kver}')
        cls.module = f'{base}/lib/modules/{before}/{DUMMY}'
        cls.target = f'/lib/modules/{before}/updates/dummy.ko'
        m.use(cls.packages(cls, 'dummy-kmp', cls.target, read(cls.module)))
        done = m.run('--no-load', 'install', 'dummy-kmp')
        assert done.returncode == 0, done.stderr
        if not os.path.islink(f'{m.modules}/weak-updates/updates/dummy.ko'):
            raise unittest.SkipTest(f'{before} has other CRCs than {m.kver}')

    def assert_inside(self, unpacked):
        """The initrd has the module, with the bytes of the link's target, where its own modprobe finds it."""
        at = r.output('modinfo', '-b', unpacked, '-k', self.machine.kver, '-n', 'dummy').strip()
        self.assertTrue(filecmp.cmp(at, self.module, shallow=False), at)

    def test_update_initramfs_follows_the_link(self):
        m = self.machine
        with open(f'{m.path}/etc/initramfs-tools/conf.d/test', 'w', encoding='ascii') as f:
            f.write('MODULES=list\n')
        os.unlink(f'{m.path}/etc/initramfs-tools/modules')
        with open(f'{m.path}/etc/initramfs-tools/modules', 'w', encoding='ascii') as f:
            f.write('dummy\n')
        m.inside(f'update-initramfs -c -k {m.kver} && unmkinitramfs /boot/initrd.img-{m.kver} /tmp/initramfs')
        self.assert_inside(f'{m.path}/tmp/initramfs')
        # the old kernel, which has no link
        m.inside(f'update-initramfs -c -k {m.old}')

    def test_dracut_follows_the_link(self):
        m = self.machine
        image = '/tmp/dracut.img'
        m.inside(f"dracut --kver {m.kver} --no-hostonly --no-compress --modules 'base kernel-modules' --drivers dummy {image} && "
                 f'mkdir /tmp/dracut && cd /tmp/dracut && cpio --quiet -id <{image}')
        self.assert_inside(f'{m.path}/tmp/dracut')


if __name__ == '__main__':
    unittest.main()
