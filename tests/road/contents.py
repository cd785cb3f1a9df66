#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files a package may install at which paths, with the whole command: files in /boot, existing directories, paths
through links, accounts of an image, and modules and firmware that would take precedence over those of the machine."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

DOC = '/usr/share/doc/mine/README'
STICK = 'usb:v1234p0001d0000dc00dsc00dp00ic00isc00ip00in00'


def write(path, content=b'of the machine\n'):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(content)


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root(modules=('loop', 'e1000e'))
        self.addCleanup(self.root.close)
        self.kver = self.root.kver
        version, self.flavor = self.kver.rsplit('-', 1)
        self.abi = version.replace('-', '_')
        self.tag = f'{self.flavor}-{self.abi}'
        self.tree = f'/lib/modules/{self.kver}'
        self.repository = tempfile.mkdtemp(prefix='contents-')
        self.addCleanup(shutil.rmtree, self.repository)

    def bytes_of(self, module):
        path = self.root.show_depends(r.full_tree(), module)[-1].split()[1]
        with open(path, 'rb') as f:
            return f.read()


    def for_the_stick(self):
        return f'Supplements: modalias(kernel-{self.tag}:usb:v1234p*d*dc*dsc*dp*ic*isc*ip*in*)'

    def package(self, name, spec, files, **options):
        r.rpmbuild(self.repository, name, spec, files, **options)

    def spec(self, name, directories, files):
        """A package that lists directories: (path, argument of %attr)."""
        top = tempfile.mkdtemp(prefix='contents-rpm-')
        self.addCleanup(shutil.rmtree, top)
        made = ' '.join([f'%{{buildroot}}{d}' for d, _ in directories] + [f'%{{buildroot}}{os.path.dirname(f)}' for f in files])
        text = [f'Name: {name}', 'Version: 1', 'Release: 1', 'Summary: test', 'License: none', 'AutoReqProv: no', '%description', 'test',
                '%install', f'mkdir -p {made}', *[f'echo mine > %{{buildroot}}{f}' for f in files], '%files',
                *[f'%dir %attr({attr}) {d}' for d, attr in directories], *files]
        with open(f'{top}/test.spec', 'w', encoding='utf-8') as f:
            f.write('\n'.join(text) + '\n')
        subprocess.run(['rpmbuild', '-bb', '--quiet', '--define', f'_topdir {top}', '--define', f'_rpmdir {self.repository}',
                        '--define', '_rpmfilename %%{NAME}.rpm', '--define', '__os_install_post %{nil}', '--define',
                        '_binary_filedigest_algorithm 8', '--define', f'buildroot {top}/buildroot', f'{top}/test.spec'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return f'{self.repository}/{name}.rpm'

    def publish(self, *extra):
        r.createrepo(self.repository)
        self.use(*extra)

    def use(self, *extra):
        self.root.repo('file://' + self.repository, extra=extra)
        self.assertIn(self.root.run('refresh').returncode, (0, 2))

    def done(self, run, status=0):
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def refused(self, code, *args):
        before = self.root.state()
        run = self.root.run('--no-load', *args)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn(f'[{code}]', run.stderr.splitlines()[-1])
        self.assertEqual(self.root.state(), before)
        return run.stderr.splitlines()[-1]

    def taken(self, *names):
        """After installation and removal the machine must be unchanged."""
        before = self.root.tree()
        self.done(self.root.run('--no-load', 'install', *names))
        self.done(self.root.run('remove', *names))
        # except for /lib/firmware and similar directories
        after = self.root.tree()
        self.assertEqual({path: after.get(path) for path in before}, before)


class Boot(Case):
    def image(self, name, files=(), kernel=None):
        kernel = kernel or self.kver
        first, _, rest = kernel.partition('-')
        self.package(name, [f'Provides: kernel-uname-r = {first}-{rest.replace("-", ".")}'],
                     [(f'/boot/vmlinuz-{kernel}', b'a kernel'), *files])

    def test_a_kernel_comes_if_an_admin_names_it(self):
        name = f'kernel-{self.flavor}-image-{self.abi}'
        other = '6.9.9-1-other'
        self.image(name)
        self.image('another-kernel', [(f'/lib/modules/{other}/modules.order', b'')], other)
        for image in name, 'another-kernel':
            self.package(f'evil-{image}-kmp', [f'Provides: kmod(evil-{image}.ko)', self.for_the_stick(), f'Requires: {image}'],
                         [(f'/usr/share/doc/evil-{image}/x', b'')])
            self.package(f'needs-{image}-kmp', [f'Requires: {image}'], [(f'/usr/share/doc/needs-{image}/x', b'')])
            self.package(f'likes-{image}-kmp', [f'Recommends: {image}'], [(f'/usr/share/doc/likes-{image}/x', b'')])
        self.publish()
        for image in name, 'another-kernel':
            for args in (('probe', STICK), ('install', f'needs-{image}-kmp'), ('install', f'likes-{image}-kmp'),
                         ('--unattended', 'install', image)):
                with self.subTest(image, args=args):
                    self.root.run('--no-load', *args)
                    self.assertNotIn(image, self.root.names())
                    self.assertFalse(os.path.exists(f'{self.root.path}/boot'))
                    others = [package for package in self.root.names() if package.endswith('-kmp')]
                    if others:
                        self.done(self.root.run('remove', *others))
        self.taken(name)
        self.taken('another-kernel')
        # no file of an existing kernel is replaced either
        write(f'{self.root.path}/boot/vmlinuz-{self.kver}')
        self.refused('FILE-EXISTS', 'install', name)

    def test_nothing_else_comes_to_boot(self):
        evil = {
            'entry': '/boot/loader/entries/config-evil.conf',
            'grub': '/boot/grub/config.cfg',
            'efi': '/boot/EFI/Linux/vmlinuz-x.efi',
            'unnumbered': '/boot/vmlinuz-evil',
            'plain': '/boot/vmlinuz',
            'initrd': f'/boot/initrd.img-{self.kver}',
            'older': f'/boot/vmlinuz-{self.kver}.old',
            'another': '/boot/vmlinuz-6.9.9-1-other',
            'index': f'{self.tree}/modules.builtin.bin',
            'others-order': '/lib/modules/6.9.9-1-other/modules.order',
        }
        for case, path in evil.items():
            self.image(f'kernel-{case}-image', [(path, b'evil')])
        # a kernel by its name, but not by its provides
        self.package('kernel-false-image', ['Provides: kernel-false'], [(f'/boot/vmlinuz-{self.kver}', b'evil')])
        self.publish()
        for case in (*evil, 'false'):
            with self.subTest(case):
                self.refused('FORBIDDEN-FILE', 'install', f'kernel-{case}-image')


class Directories(Case):
    def stat(self, path):
        st = os.lstat(self.root.path + path)
        return st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns

    def test_those_that_are_there_stay_as_they_are(self):
        listed = ['/usr', '/usr/share', '/etc', '/lib/firmware', '/lib/firmware/vendor', self.tree]
        self.spec('lists-kmp', [(d, '0755,root,root') for d in listed], ['/lib/firmware/vendor/deep/x.bin'])
        self.publish()
        for d in listed:
            os.makedirs(self.root.path + d, exist_ok=True)
        # rpm removes an empty directory with the last package that lists it
        os.makedirs(f'{self.root.path}/lib/firmware/vendor/deep')
        for d in listed:
            os.utime(self.root.path + d, (1500000000, 1500000000))
        before = {d: self.stat(d) for d in listed}
        self.done(self.root.run('install', 'lists-kmp'))
        self.assertEqual({d: self.stat(d) for d in listed}, before)
        self.done(self.root.run('remove', 'lists-kmp'))
        self.assertEqual({d: self.stat(d) for d in listed}, before)
        self.assertTrue(os.path.isdir(f'{self.root.path}/lib/firmware/vendor/deep'))

    def test_an_empty_one_outlives_the_package(self):
        self.spec('lists-kmp', [('/lib/firmware/vendor', '0755,root,root'), ('/lib/firmware/ours', '0755,root,root')], [DOC])
        self.publish()
        os.makedirs(f'{self.root.path}/lib/firmware/vendor')
        os.utime(f'{self.root.path}/lib/firmware/vendor', (1500000000, 1500000000))
        before = self.stat('/lib/firmware/vendor')
        self.done(self.root.run('install', 'lists-kmp'))
        self.assertEqual(oct(self.stat('/lib/firmware/ours')[0]), oct(0o40755))
        self.done(self.root.run('remove', 'lists-kmp'))
        self.assertEqual(self.stat('/lib/firmware/vendor'), before)
        self.assertFalse(os.path.exists(f'{self.root.path}/lib/firmware/ours'))

    def test_one_of_another_mode_is_not_changed(self):
        self.spec('lists-kmp', [('/lib/firmware/vendor', '0755,root,root')], ['/lib/firmware/vendor/x.bin'])
        self.publish()
        path = f'{self.root.path}/lib/firmware/vendor'
        os.makedirs(path)
        for change in (lambda: os.chmod(path, 0o700), lambda: os.chmod(path, 0o2755), lambda: os.chown(path, 1, 0), lambda: os.chown(path, 0, 1)):
            os.chown(path, 0, 0)
            os.chmod(path, 0o755)
            change()
            self.assertIn('/lib/firmware/vendor', self.refused('FILE-EXISTS', 'install', 'lists-kmp'))
        os.chown(path, 0, 0)
        os.chmod(path, 0o755)
        self.taken('lists-kmp')


class Accounts(Case):
    """A root whose name service modules are hostile."""

    SOURCE = ('#include <stdio.h>\n__attribute__((constructor)) static void x(void)'
              '{ FILE *f = fopen("/pwned", "w"); if (f) fclose(f); }\n')

    def make_hostile(self):
        write(f'{self.root.path}/etc/nsswitch.conf', b'passwd: evil\ngroup: evil\n')
        source = f'{self.repository}/evil.c'
        write(source, self.SOURCE.encode())
        for directory in 'lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64':
            os.makedirs(f'{self.root.path}/{directory}', exist_ok=True)
            for name in 'systemd', 'evil':
                subprocess.run(['gcc', '-shared', '-fPIC', '-o', f'{self.root.path}/{directory}/libnss_{name}.so.2', source], check=True)
        os.unlink(source)

    def traced(self, *args):
        """Runs the command and returns the name service files that it opened below the root."""
        trace = f'{self.repository}/trace'
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
               'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        run = subprocess.run(['strace', '-f', '-qq', '-o', trace, '-e', 'trace=open,openat,openat2,chroot', '--', *self.root.command(*args)],
                             capture_output=True, text=True, check=False, env=env)
        with open(trace, encoding='utf-8', errors='replace') as f:
            lines = f.read().splitlines()
        self.assertFalse(os.path.exists(f'{self.root.path}/pwned'))
        self.assertFalse(os.path.exists('/pwned'))
        inside = False
        found = []
        for line in lines:
            inside = 'chroot("' in line and 'chroot(".")' not in line if 'chroot(' in line else inside
            if inside and ('libnss' in line or 'nsswitch' in line or '/etc/group' in line or '/etc/passwd' in line):
                found.append(line)
        return run, found

    def test_no_name_of_an_account_is_looked_up_in_the_root(self):
        odd = self.spec('odd-kmp', [('/lib/firmware/odd', '0750,stranger,strangers')], ['/lib/firmware/odd/x.bin'])
        self.spec('plain-kmp', [], ['/lib/firmware/plain/x.bin'])
        shutil.move(odd, f'{self.root.path}/odd.rpm')
        self.publish()
        # as if another package manager had installed it
        self.root.rpm('-i', '--nodeps', *r.FORCE, f'{self.root.path}/odd.rpm')
        self.spec('odd-kmp', [], ['/lib/firmware/odd/y.bin'])
        self.publish()
        self.make_hostile()
        for args in (('install', 'plain-kmp'), ('remove', 'plain-kmp'), ('remove', 'odd-kmp'), ('check',)):
            with self.subTest(args):
                run, found = self.traced(*args)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(found, [])
        self.assertFalse(os.path.exists(f'{self.root.path}/lib/firmware/odd/x.bin'))

    def test_a_package_with_another_account_is_refused_before(self):
        self.spec('odd-kmp', [('/lib/firmware/odd', '0755,root,strangers')], ['/lib/firmware/odd/x.bin'])
        self.publish()
        self.make_hostile()
        run, found = self.traced('install', 'odd-kmp')
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn('[FORBIDDEN-FILE]', run.stderr)
        self.assertEqual(found, [])


class Links(Case):
    def test_a_link_of_the_machine(self):
        places = {
            'build': ('/usr/src/headers', f'{self.tree}/build', f'{self.tree}/build/x.ko'),
            'source': ('build', f'{self.tree}/source', f'{self.tree}/source/a/x.ko'),
            'weak': ('../other/extra', f'{self.tree}/weak-updates', f'{self.tree}/weak-updates/x.ko'),
            'nowhere': ('/nowhere', f'{self.tree}/extra', f'{self.tree}/extra/x.ko'),
            'firmware': ('/etc', '/lib/firmware/etc', '/lib/firmware/etc/x.bin'),
            'documents': ('../../etc', '/usr/share/doc', '/usr/share/doc/mine/x'),
        }
        for case, (_, _, path) in places.items():
            self.package(f'{case}-kmp', [], [(path, self.bytes_of('dummy'))])
        self.publish()
        os.makedirs(f'{self.root.path}/usr/src/headers')
        os.makedirs(f'{self.root.path}/lib/firmware')
        for case, (target, link, _) in places.items():
            os.makedirs(os.path.dirname(self.root.path + link), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.root.path + link)
            os.symlink(target, self.root.path + link)
            with self.subTest(case):
                self.assertIn(link, self.refused('FILE-EXISTS', 'install', f'{case}-kmp'))
            os.unlink(self.root.path + link)
            with self.subTest(case, a='directory'):
                self.taken(f'{case}-kmp')

    def test_a_link_that_another_package_brings_or_brought(self):
        self.package('link-kmp', [], [('/lib/firmware/a', 'b')])
        self.package('through-kmp', [], [('/lib/firmware/a/x.bin', b'x')])
        self.package('both-kmp', ['Requires: link-kmp', 'Requires: through-kmp'], [(DOC, b'')])
        self.publish()
        self.assertIn('link-kmp', self.refused('FORBIDDEN-FILE', 'install', 'both-kmp'))
        self.refused('FORBIDDEN-FILE', 'install', 'link-kmp', 'through-kmp')
        self.done(self.root.run('install', 'link-kmp'))
        self.refused('FILE-EXISTS', 'install', 'through-kmp')

    def test_a_merged_usr(self):
        root = r.Root(link='usr/lib')
        self.addCleanup(root.close)
        self.root = root
        self.package('lib-kmp', [], [(f'{self.tree}/updates/dummy.ko', self.bytes_of('dummy')), ('/usr/lib/firmware/x.bin', b'')])
        self.publish()
        self.taken('lib-kmp')


class Shadows(Case):
    """A package for one device has a file that takes precedence over another driver or its firmware."""

    def forms(self):
        loop = self.bytes_of('loop')
        return {
            'updates': [(f'{self.tree}/updates/loop.ko', loop)],
            'extra': [(f'{self.tree}/extra/gadget/loop.ko', loop)],
            'weak-updates': [(f'{self.tree}/weak-updates/gadget/loop.ko', loop)],
            'usr': [(f'/usr{self.tree}/updates/loop.ko', loop)],
            'compressed': [(f'{self.tree}/kernel/drivers/block/loop.ko.xz', subprocess.run(['xz', '-c', '--check=crc32'], input=loop, stdout=subprocess.PIPE, check=True).stdout)],
            'firmware-updates': [('/lib/firmware/updates/vendor/wifi.bin', b'')],
            'firmware-kernel': [(f'/lib/firmware/{self.kver}/vendor/wifi.bin', b'')],
            'firmware-next-kernel': [('/usr/lib/firmware/6.9.9-1-other/vendor/wifi.bin', b'')],
            'firmware-plain': [('/lib/firmware/vendor/packed.bin', b'')],
            'firmware-zst': [('/usr/lib/firmware/vendor/packed.bin.zst', b'')],
        }

    def setUp(self):
        super().setUp()
        write(f'{self.root.path}/lib/firmware/vendor/wifi.bin')
        write(f'{self.root.path}/lib/firmware/vendor/packed.bin.xz')
        write(f'{self.root.path}/usr/lib/firmware/vendor/packed.bin.xz')

    def stick(self, number):
        return f'usb:v1234p{number:04X}d0000dc00dsc00dp00ic00isc00ip00in00'

    def relations(self, number, files):
        modules = {os.path.basename(path).split('.')[0] for path, _ in files if '/lib/modules/' in path}
        return [*[f'Provides: kmod({name}.ko)' for name in (*modules, f'gadget{number}')],
                f'Supplements: modalias(kernel-{self.tag}:usb:v1234p{number:04X}d*dc*dsc*dp*ic*isc*ip*in*)']

    def test_every_place_and_every_way_in(self):
        forms = self.forms()
        for number, (case, files) in enumerate(forms.items()):
            self.package(f'{case}-kmp-{self.tag}', self.relations(number, files), files)
        # for firmware only, a dependency is another way in: a dependency on an existing module is satisfied
        self.package('needs-kmp', [f'Requires: firmware-updates-kmp-{self.tag}'], [(DOC, b'')])
        self.package('likes-kmp', [f'Recommends: firmware-zst-kmp-{self.tag}'], [(DOC, b'')])
        self.publish()
        for number, case in enumerate(forms):
            with self.subTest(case):
                line = self.refused('FORBIDDEN-FILE', 'probe', self.stick(number))
                self.assertIn('prefer=1', line)
                self.assertIn(f'modfetch install {case}-kmp-{self.tag}', line)
                self.refused('FORBIDDEN-FILE', '--unattended', 'install', f'{case}-kmp-{self.tag}')
        self.refused('FORBIDDEN-FILE', 'install', 'needs-kmp')
        self.refused('FORBIDDEN-FILE', 'install', 'likes-kmp')
        self.refused('FORBIDDEN-FILE', 'probe', *[self.stick(number) for number in range(len(forms))])
        # how an admin can permit it
        for case in forms:
            with self.subTest(case, way='named'):
                # also of usr: this machine's /lib/modules is another directory, to which the file is moved
                self.taken(f'{case}-kmp-{self.tag}')
        for key in 'prefer=1', 'priority=50':
            self.use(key)
            for number, case in enumerate(forms) if key == 'prefer=1' else ((0, 'updates'),):
                with self.subTest(case, key=key):
                    run = self.root.run('--no-load', 'probe', self.stick(number))
                    self.assertNotIn('FORBIDDEN', run.stderr)
                    self.assertIn(f'{case}-kmp-{self.tag}', self.root.names())
                    self.done(self.root.run('remove', f'{case}-kmp-{self.tag}'))

    def test_an_update_of_an_own_module_is_no_shadow(self):
        dummy = self.bytes_of('dummy')
        self.package('dummy-kmp', ['Provides: kmod(dummy.ko)'], [(f'{self.tree}/updates/dummy.ko', dummy)])
        self.publish()
        self.done(self.root.run('install', 'dummy-kmp'))
        self.package('dummy-kmp', ['Provides: kmod(dummy.ko)'], [(f'{self.tree}/extra/dummy.ko', dummy)], version='2')
        self.package('newer-kmp', ['Requires: dummy-kmp = 2'], [(DOC, b'')])
        self.publish()
        self.done(self.root.run('install', 'newer-kmp'))
        self.assertIn('dummy-kmp-2-1.x86_64', self.root.ask('%{NEVRA}'))
        self.assertFalse(os.path.exists(f'{self.root.path}{self.tree}/updates/dummy.ko'))

    def test_what_the_kernels_repository_has_is_in_box_before_it_is_fetched(self):
        self.package('usb-kmp', ['Provides: kmod(uas.ko)'], [(f'{self.tree}/updates/uas.ko', self.bytes_of('uas'))])
        self.package('needs-kmp', ['Requires: usb-kmp'], [(DOC, b'')])
        self.publish()
        self.root.repo('file://' + r.repository(), name='kernel')
        self.done(self.root.run('refresh'))
        self.assertIn("the kernel's own", self.refused('FORBIDDEN-FILE', 'install', 'needs-kmp'))
        self.taken('usb-kmp')


class Digests(Case):
    """Packages whose header has other digests of files than SHA-256."""

    def test_each_is_compared_when_it_is_installed_and_by_check(self):
        with open(f'{r.full_tree()}/lib/modules/{self.kver}/kernel/drivers/net/dummy.ko', 'rb') as f:
            module = f.read()
        for digest in 9, 10:
            with self.subTest(digest):
                machine = r.Root()
                self.addCleanup(machine.close)
                directory = tempfile.mkdtemp(prefix='contents-')
                self.addCleanup(shutil.rmtree, directory)
                path = f'{self.tree}/updates/dummy.ko'
                r.rpmbuild(directory, 'dummy-kmp', ['Provides: kmod(dummy.ko)'], [(path, module)], digest=digest)
                r.createrepo(directory, key=None)
                machine.repo('file://' + directory, keys_line='trust=none')
                self.assertEqual(machine.run('refresh').returncode, 0)
                done = machine.run('--no-load', 'install', 'dummy-kmp')
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn('ALTERED', machine.run('check').stdout)
                with open(machine.path + path, 'r+b') as f:
                    f.seek(len(module) // 2)
                    byte = f.read(1)
                    f.seek(len(module) // 2)
                    f.write(bytes([byte[0] ^ 1]))
                self.assertRegex(machine.run('check').stdout, r'dummy\.ko: .* \[ALTERED\]')
                # and it is not removed, as its changes would be lost
                self.assertIn('[ALTERED]', machine.run('remove', 'dummy-kmp').stderr)


class Configuration(Case):
    """The configuration of rpm on a machine."""

    def test_what_rpm_shall_leave_out_is_installed_whole(self):
        """Of a package that was verified as a whole each file is read back: one that is missing would be a failure."""
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        script = 'mount -t tmpfs tmpfs /usr/lib/rpm/macros.d && ' \
            'printf "%%_excludedocs 1\\n%%_install_langs en\\n%%_netsharedpath /lib/modules\\n" > /usr/lib/rpm/macros.d/macros.test && ' \
            'test "$(rpm --eval %_netsharedpath)" = /lib/modules && exec "$@"'
        done = subprocess.run(['unshare', '--mount', 'sh', '-c', script, 'sh', *self.root.command('install', 'xfs')], capture_output=True,
                              text=True, check=False, env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.root.run('check').returncode, 0)

    def test_the_database_of_the_machine_is_used_and_no_second_one_is_made(self):
        self.root.repo('file://' + r.repository())
        write(f'{self.root.path}/usr/lib/rpm/macros', b'%_dbpath\t%{_var}/db/packages\n')
        self.assertEqual(self.root.run('refresh').returncode, 0)
        shutil.rmtree(f'{self.root.path}/var/lib/rpm', ignore_errors=True)
        done = self.root.run('install', 'xfs')
        self.assertEqual(done.returncode, 0, done.stderr)
        names = r.output('rpm', '--root', self.root.path, '--dbpath', '/var/db/packages', '-qa')
        self.assertIn('xfs-kmp', names)
        self.assertFalse(os.path.exists(f'{self.root.path}/var/lib/rpm/rpmdb.sqlite'))


if __name__ == '__main__':
    unittest.main()
