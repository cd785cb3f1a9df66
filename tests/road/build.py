#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch build on a Debian with real kernels, headers, sources and dkms (tests/lib/builder).

Oracles: the modules that dkms builds from the same sources, modinfo, depmod, and what "dkms status" prints.
"""
import json
import os
import re
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import results  # noqa: E402
import root as r  # noqa: E402
from builder import ALL, Builder, sections  # noqa: E402

SMALL = 'acpi-call'      # builds in seconds
OTHER = 'v4l2loopback'   # needs symbols of another module
MORE = unittest.skipUnless(ALL, 'needs more kernels: set MODFETCH_TEST_ALL=1')


@unittest.skipUnless(shutil.which('mmdebstrap'), 'mmdebstrap is missing (use vm of dependencies.tsv)')
@unittest.skipIf(b'libasan' in open(r.MODFETCH, 'rb').read(), 'the Debian of tests/lib/builder has no libraries of sanitizers')
class Case(unittest.TestCase):
    def setUp(self):
        self.m = Builder()
        self.addCleanup(self.m.close)
        self.addCleanup(lambda: self.assertEqual(results.faults([('build', a) for a in self.m.answers], results.schema()), ''))
        # two with the same symbols; with ALL an older one and one of another version besides
        self.old, self.new = self.m.kernels[1:3] if ALL else self.m.kernels
        self.oldest, self.other = (self.m.kernels[0], self.m.kernels[3]) if ALL else (None, None)

    def dkms(self, name, kernel):
        """The modules that dkms builds, by name: their sections. dkms forgets the source afterwards."""
        _, version = self.m.source(name)
        self.m.sh(f'dkms add {name}/{version} && dkms build {name}/{version} -k {kernel}')
        top, found = f'{self.m.path}/var/lib/dkms/{name}/{version}/{kernel}', {}
        for where, _, files in os.walk(top):
            for file in files:
                if '.ko' in file:
                    found[re.sub('[.]ko.*', '', file).replace('-', '_')] = sections(f'{where}/{file}')
        self.m.sh(f'dkms remove {name}/{version} --all')
        return found


class Build(Case):
    def test_a_driver_is_built_signed_packed_installed_and_is_what_dkms_builds(self):
        m = self.m
        expected = self.dkms(OTHER, self.new)
        result = m.build(f'--kernel {self.new} build {OTHER}')[OTHER]
        self.assertEqual((result['state'], result['modules']), ('built', ['v4l2loopback']))
        path = m.module(self.new, 'v4l2loopback')
        self.assertEqual(path, f'lib/modules/{self.new}/updates/v4l2loopback.ko')
        self.assertEqual({'v4l2loopback': sections(f'{m.path}/{path}')}, expected)
        self.assertIn('.text', expected['v4l2loopback'])
        info = m.sh(f'modinfo -k {self.new} v4l2loopback').stdout
        self.assertRegex(info, r'signer: +modfetch build key')
        self.assertEqual(m.sh(f'modprobe -S {self.new} -nv v4l2loopback').stdout.split('\n')[-2].split()[1], f'/{path}')
        # the contract of packages
        [label] = result['packages']
        self.assertTrue(label.startswith(f'v4l2loopback-kmp-{r.tag(self.new)}-'), label)
        requires = m.sh(f'rpm --dbpath /var/lib/rpm -q --requires {label}').stdout
        crc = m.sh(f"awk '$2 == \"video_ioctl2\" {{ print $1 }}' /usr/src/linux-headers-{self.new}/Module.symvers").stdout
        self.assertIn(f'ksym(amd64:video_ioctl2) = {int(crc, 16):x}', requires)
        # a second time there is nothing to do
        self.assertEqual(m.build(f'--kernel {self.new} build {OTHER}', 2)[OTHER]['state'], 'present')
        self.assertEqual(json.loads(m.modfetch('--json check --all', None).stdout)['findings'], [])

    @MORE
    def test_a_module_is_compressed_as_its_kernel_s(self):
        m = self.m
        self.assertEqual(m.build(f'--kernel {self.other} build {SMALL}')[SMALL]['state'], 'built')
        path = m.module(self.other, 'acpi_call')
        self.assertTrue(path.endswith('.ko.xz'), path)
        self.assertIn('CRC32', r.output('xz', '-l', f'{m.path}/{path}'))
        m.sh(f'modinfo -k {self.other} acpi_call && depmod {self.other} && grep acpi_call /lib/modules/{self.other}/modules.dep')

    def test_kernels_with_the_same_symbols_share_one_build(self):
        results = self.m.build(f'--kernel all build {OTHER}')
        states = dict(zip(sorted(self.m.kernels), (x[OTHER]['state'] for x in results)))
        # the installation of the first one has made the link
        self.assertEqual(sorted(states.values()), ['built'] * (len(states) - 1) + ['present'], states)
        self.assertEqual({states[self.old], states[self.new]}, {'built', 'present'})
        self.assertEqual(len([k for k in self.m.kernels if os.path.islink(f'{self.m.path}/{self.m.module(k, "v4l2loopback")}')]), 1)
        for kernel in self.m.kernels:
            self.m.sh(f'modprobe -S {kernel} -n v4l2loopback')
        # and once more: nothing is to be done
        self.assertEqual({x[OTHER]['state'] for x in self.m.build(f'--kernel all build {OTHER}', 2)}, {'present'})

    def test_a_failed_build_is_one_line_and_the_old_driver_stays_and_it_is_not_tried_again(self):
        m = self.m
        directory, _ = m.source(SMALL)
        m.build(f'--kernel {self.new} build {SMALL}')
        path = m.module(self.new, 'acpi_call')
        before, text = m.read(path), m.read(f'{directory}/acpi_call.c').decode()
        m.write(f'{directory}/acpi_call.c', text.replace('\n', '\n#error planted by the test\n', 1))
        done = m.modfetch(f'--kernel {self.new} build {SMALL}', 1)
        self.assertRegex(done.stderr, r'modfetch: build: acpi-call/\S+: .*acpi_call\.c:2:2: error: #error planted by the test; for \S+; '
                                      r'the log is /var/lib/modfetch/build/log/\S+ \[BUILD\]\n')
        self.assertEqual(done.stderr.count('\n'), 1)
        self.assertEqual(m.read(path), before)
        log = re.search(r'/var/lib/modfetch/build/log/\S+', done.stderr)[0]
        self.assertIn('planted', m.read(log[1:]).decode())
        # unattended: not again, until the source changes
        start = time.monotonic()
        self.assertEqual(m.build(f'--unattended --kernel {self.new} build', 2)[SMALL]['state'], 'failed-before')
        self.assertEqual(m.build(f'--kernel {self.new} build {SMALL}', 1)[SMALL]['code'], 'BUILD')
        self.assertLess(time.monotonic() - start, 600)
        m.write(f'{directory}/acpi_call.c', text + '\n')
        self.assertEqual(m.build(f'--unattended --kernel {self.new} build')[SMALL]['state'], 'built')
        self.assertEqual(sections(f'{m.path}/{m.module(self.new, "acpi_call")}')['.text'], sections(m.write('old', before))['.text'])

    def test_without_a_compiler_or_headers_the_packages_are_named(self):
        m = self.m
        m.sh('rm /usr/bin/gcc-12 /usr/bin/make')
        os.unlink(f'{m.path}/lib/modules/{self.new}/build')
        done = m.modfetch(f'--kernel {self.new} build {SMALL}', 1)
        self.assertIn(f'apt-get install --no-install-recommends make linux-headers-{self.new}', done.stderr)
        self.assertIn('[TOOL]', done.stderr)
        done = m.modfetch(f'--kernel {self.old} build {SMALL}', 1)
        self.assertIn('apt-get install --no-install-recommends make gcc-12 [TOOL]', done.stderr)

    def test_on_a_terminal_the_packages_are_offered(self):
        """No archive is there: a program in the place of apt-get writes down what it is asked for, and brings make back."""
        m = self.m
        m.sh('mv /usr/bin/make /usr/bin/make.away; mv /usr/bin/apt-get /usr/bin/apt-get.away')
        with open(f'{m.path}/usr/bin/apt-get', 'w', encoding='ascii') as f:
            f.write('#!/bin/sh\necho apt-get "$@" >>/asked\nmv /usr/bin/make.away /usr/bin/make\n')
        os.chmod(f'{m.path}/usr/bin/apt-get', 0o755)
        terminal = ('mkdir -p /dev/pts; mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts; ln -sf pts/ptmx /dev/ptmx; '
                    '(sleep 2; echo {}; sleep 1) | script -qec "$MODFETCH --kernel {} build {}" /dev/null')
        done = m.sh(terminal.format('n', self.new, SMALL), None)
        self.assertRegex(done.stdout, r'a build needs make; install these with apt-get\?')
        self.assertIn('apt-get install --no-install-recommends make [TOOL]', done.stdout)
        self.assertFalse(os.path.exists(f'{m.path}/asked'))
        done = m.sh(terminal.format('y', self.new, SMALL), None)
        self.assertIn(f'{SMALL}/', done.stdout)
        self.assertIn('built for', done.stdout)
        self.assertEqual(m.read('asked').decode(), 'apt-get install --no-install-recommends make -y\n')

    def test_a_source_that_is_not_there_or_not_for_the_kernel(self):
        m = self.m
        done = m.modfetch(f'--kernel {self.new} build nothing', 3)
        self.assertRegex(done.stderr, r'build: nothing: there is no source of it: no /usr/src/nothing-VERSION .*\[NOT-FOUND\]')
        conf = f'{m.source(SMALL)[0]}/dkms.conf'
        m.write(conf, m.read(conf).decode() + "\nBUILD_EXCLUSIVE_KERNEL='^5[.]'\n")
        result = m.build(f'--kernel {self.new} build {SMALL}', 2)[SMALL]
        self.assertEqual(result['state'], 'excluded')
        self.assertIn('^5[.]', result['reason'])


HELLO = {
    'Makefile': 'obj-m := hello.o\n',
    'hello.c': '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_ALIAS("hello:*");\n'
               'static int __init hello(void) { return 0; }\nmodule_init(hello);\n',
    'dkms.conf': 'PACKAGE_NAME=hello\nPACKAGE_VERSION=1.0\nBUILT_MODULE_NAME=hello\nDEST_MODULE_LOCATION=/updates\nAUTOINSTALL=yes\n'
                 'MAKE="make -C $kernel_source_dir M=$dkms_tree/hello/1.0/build modules"\n',
}
# of the shape of kmodtool's: a subpackage for each kernel of the macro, with the module below extra/
SPEC = '''Name: hello-kmod
Version: 1.0
Release: 1
Summary: test
License: GPL
%description
test
%package -n kmod-hello-%{kernels}
Summary: test
%description -n kmod-hello-%{kernels}
test
%prep
%setup -q -c -T
cp %{_sourcedir}/Makefile %{_sourcedir}/hello.c .
%build
make -C /lib/modules/%{kernels}/build M=$PWD modules
%install
install -D -m 644 hello.ko %{buildroot}/lib/modules/%{kernels}/extra/hello/hello.ko
%files -n kmod-hello-%{kernels}
/lib/modules/%{kernels}/extra
'''


class Sources(Case):
    """Other sources than those of Debian's packages."""

    def test_a_source_package_of_a_repository_is_installed_and_built(self):
        m = self.m
        directory = f'{m.path}/srv/sources'
        os.makedirs(directory)
        r.rpmbuild(directory, 'hello-kmod-source', [], [(f'/usr/src/hello-1.0/{name}', text.encode()) for name, text in HELLO.items()],
                   version='1.0', arch='noarch')
        r.createrepo(directory)
        with open(f'{r.test_keys()}/repo.crt', 'rb') as f:
            m.write('etc/modfetch/keys/repo.d/repo.pem', f.read())
        m.write('etc/modfetch/repos.d/sources.repo', '[sources]\nbaseurl=file:///srv/sources\nkeys=repo.pem\nenabled=1\n')
        result = m.build(f'--kernel {self.new} build hello')['hello']
        self.assertEqual((result['state'], result['modules']), ('built', ['hello']))
        self.assertEqual(m.module(self.new, 'hello'), f'lib/modules/{self.new}/updates/hello.ko')
        self.assertIn('/hello.ko', m.sh(f'modprobe -S {self.new} -nv hello:x').stdout)

    def test_a_source_rpm_of_akmods_is_rebuilt_for_the_kernel(self):
        m = self.m
        for name in ('Makefile', 'hello.c'):
            m.write(f'top/SOURCES/{name}', HELLO[name])
        m.write('top/hello.spec', SPEC.replace('License: GPL', 'License: GPL\nSource0: Makefile\nSource1: hello.c'))
        m.sh('mkdir -p /usr/src/akmods; rpmbuild -bs -D "_topdir /top" -D "_srcrpmdir /usr/src/akmods" -D "kernels x" /top/hello.spec')
        result = m.build(f'--kernel {self.new} build hello-kmod')['hello-kmod']
        self.assertEqual((result['state'], result['modules']), ('built', ['hello']))
        self.assertEqual(m.module(self.new, 'hello'), f'lib/modules/{self.new}/updates/hello.ko')
        self.assertIn('modfetch build key', m.sh(f'modinfo -k {self.new} -F signer hello').stdout)

    def test_a_conf_that_needs_a_shell_is_reported_unless_it_is_trusted(self):
        m = self.m
        m.write('etc/modfetch/modfetch.conf', '')
        for name, text in HELLO.items():
            m.write(f'usr/src/hello-1.0/{name}', text + ('if true; then AUTOINSTALL=no; fi\n' if name == 'dkms.conf' else ''))
        done = m.modfetch(f'--kernel {self.new} build hello', 1)
        self.assertRegex(done.stderr, r'hello-1\.0/dkms\.conf:7: .*trust-dkms-conf=yes.*\[SOURCE\]\n')
        m.write('etc/modfetch/modfetch.conf', '[modfetch]\ntrust-dkms-conf=yes\n')
        self.assertEqual(m.build(f'--kernel {self.new} build hello')['hello']['state'], 'built')


class Beside(Case):
    def test_what_dkms_has_is_dkms_s_until_it_is_taken_over_and_goes_back(self):
        m = self.m
        name = f'{SMALL}/{m.source(SMALL)[1]}'
        kernels = [self.old, self.new]
        m.sh(f'dkms add {name}; for k in {" ".join(kernels)}; do dkms install {name} -k $k; done')
        dkms = {k: sections(f'{m.path}/{m.module(k, "acpi_call")}') for k in kernels}
        status = m.sh('dkms status').stdout
        self.assertEqual(status.count('installed'), 2)
        result = m.build(f'--kernel {self.new} build {SMALL}', 2)[SMALL]
        self.assertEqual(result['state'], 'owned')
        self.assertIn('--take-over', result['reason'])

        done = m.modfetch(f'build --take-over {SMALL}')
        self.assertIn(f'dkms removed {name}', done.stdout)
        self.assertNotIn(SMALL, m.sh('dkms status').stdout)
        for kernel in kernels:
            at = m.module(kernel, 'acpi_call')
            self.assertEqual(at, f'lib/modules/{kernel}/updates/acpi_call.ko')
            self.assertEqual(sections(f'{m.path}/{at}'), dkms[kernel])
        self.assertEqual(m.build(f'--kernel {self.new} build {SMALL}', 2)[SMALL]['state'], 'present')

        m.modfetch(f'build --give-back {SMALL}')
        self.assertEqual(m.sh('dkms status').stdout, status)
        for kernel in kernels:
            self.assertEqual(m.module(kernel, 'acpi_call'), f'lib/modules/{kernel}/updates/dkms/acpi_call.ko')
        self.assertEqual(m.sh('rpm --dbpath /var/lib/rpm -qa').stdout, '')

    def test_a_take_over_that_cannot_be_built_changes_nothing(self):
        m = self.m
        directory, version = m.source(SMALL)
        m.sh(f'dkms add {SMALL}/{version}; dkms install {SMALL}/{version} -k {self.new}')
        before, status = m.read(m.module(self.new, 'acpi_call')), m.sh('dkms status').stdout
        text = m.read(f'{directory}/acpi_call.c').decode()
        m.write(f'{directory}/acpi_call.c', '#error planted\n' + text)
        self.assertIn('#error planted', m.modfetch(f'build --take-over {SMALL}', 1).stderr)
        self.assertEqual((m.sh('dkms status').stdout, m.read(m.module(self.new, 'acpi_call'))), (status, before))

    def test_a_new_kernel_gets_what_was_built_before_and_no_failure(self):
        m = self.m
        directory, _ = m.source(SMALL)
        m.build(f'--kernel {self.new} build {SMALL}')
        # it is linked where it fits, without a compiler
        m.sh('mv /usr/bin/gcc-12 /usr/bin/gcc-13')
        m.modfetch(f'kernel-added {self.old}', None)
        self.assertTrue(os.path.islink(f'{m.path}/{m.module(self.old, "acpi_call")}'))
        # a driver that the admin has removed is not built again
        m.modfetch(f'--kernel {self.new} remove acpi_call')
        self.assertIsNone(m.module(self.old, 'acpi_call'))
        self.assertEqual(m.build(f'--unattended --kernel {self.old} build', 2), {})
        m.sh('mv /usr/bin/gcc-13 /usr/bin/gcc-12')
        m.build(f'--kernel {self.new} build {SMALL}')
        m.sh('mv /usr/bin/gcc-12 /usr/bin/gcc-13')
        # what cannot be built is a line, and no failure of the kernel
        m.append(f'{directory}/acpi_call.c', '\n#error planted\n')
        done = m.modfetch(f'kernel-added {self.old}', None)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('[TOOL]', done.stderr)

    @MORE
    def test_a_kernel_of_another_version_gets_a_build_of_its_own(self):
        m = self.m
        m.build(f'--kernel {self.new} build {SMALL}')
        done = m.modfetch(f'kernel-added {self.other}', None)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.islink(f'{m.path}/{m.module(self.other, "acpi_call")}'))


class Fleet(Case):
    def test_one_machine_builds_and_publishes_and_another_one_installs(self):
        m = self.m
        keys = r.test_keys()
        for name in 'repo.key', 'repo.crt':
            with open(f'{keys}/{name}', 'rb') as f:
                m.write(f'keys/{name}', f.read())
        m.modfetch(f'--kernel {self.new} build --publish /srv/repo --sign /keys/repo.key --cert /keys/repo.crt {OTHER} {SMALL}')
        self.assertIsNone(m.module(self.new, 'v4l2loopback'))
        other = Builder()
        self.addCleanup(other.close)
        other.sh('rm -f /usr/bin/gcc-12 /usr/bin/make')
        os.makedirs(f'{other.path}/srv', exist_ok=True)
        r.output('cp', '-a', f'{m.path}/srv/repo', f'{other.path}/srv/repo')
        other.write('etc/modfetch/keys/repo.d/repo.pem', m.read('keys/repo.crt'))
        other.write('etc/modfetch/repos.d/fleet.repo', '[fleet]\nbaseurl=file:///srv/repo\nkeys=repo.pem\nenabled=1\n')
        other.modfetch(f'--kernel {self.new} install acpi_call v4l2loopback')
        self.assertIsNotNone(other.module(self.new, 'v4l2loopback'))
        self.assertIsNotNone(other.module(self.new, 'acpi_call'))


class Cuts(Case):
    """What ends a build in the middle leaves the machine as it was."""

    def state(self):
        found = {}
        for top in ('lib/modules', 'var/lib/rpm', 'etc'):
            for where, _, files in os.walk(f'{self.m.path}/{top}'):
                for file in files:
                    at = os.path.join(where, file)
                    found[at[len(self.m.path):]] = (os.lstat(at).st_ino, os.lstat(at).st_size)
        return {path: what for path, what in found.items() if '/keys/' not in path and not path.endswith('.lock')}

    def test_a_killed_build_leaves_nothing_and_the_next_one_works(self):
        m = self.m
        m.modfetch(f'--kernel {self.new} lookup xfs', None)
        before = self.state()
        for seconds in (1, 2, 4):
            m.sh(f'"$MODFETCH" --kernel {self.new} build {SMALL} & sleep {seconds}; kill -9 $!; wait; sleep 0.5; '
                 'if pgrep -u modfetch-build; then exit 9; fi')
            now = self.state()
            if now != before:
                self.assertIn('acpi_call', str(set(now) ^ set(before)), 'the build was complete')
                break
        self.assertIn(m.build(f'--kernel {self.new} build {SMALL}', None)[SMALL]['state'], ('built', 'present'))
        self.assertFalse(os.path.exists(f'{m.path}/var/lib/modfetch/build/work'))

    def test_a_run_killed_before_it_wrote_the_ledger_knows_its_modules_later(self):
        m = self.m
        self.assertEqual(m.build(f'--kernel {self.new} build {SMALL}')[SMALL]['state'], 'built')
        os.unlink(f'{m.path}/var/lib/modfetch/build/ledger')
        self.assertEqual(m.build(f'--kernel {self.new} build {SMALL}')[SMALL]['state'], 'built')
        self.assertEqual(m.build(f'--kernel {self.new} build {SMALL}', None)[SMALL]['state'], 'present')

    def test_a_full_disk_is_a_failure_and_nothing_is_installed(self):
        m = self.m
        m.modfetch(f'--kernel {self.new} lookup xfs', None)
        before = self.state()
        done = m.sh('mkdir -p /var/lib/modfetch/build; mount -t tmpfs -o size=40k full /var/lib/modfetch/build; '
                    f'"$MODFETCH" --json --kernel {self.new} build {SMALL}', None)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('ENOSPC', done.stdout)
        self.assertEqual(self.state(), before)


if __name__ == '__main__':
    unittest.main(verbosity=2)
