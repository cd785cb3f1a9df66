#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signed packages that nevertheless must not be installed, because of their files or scriptlets.

All are subpackages of one spec, built once; each is requested by its name. A refusal must leave the tree and the rpm database
unchanged.
"""
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

KO = '/lib/modules/KVER/updates/mine.ko'

# name: (lines of %files, other lines of the package, its code); "@/path" is a file the spec makes
FORBIDDEN = {
    'program': ['/usr/bin/mine'],
    'sbin': ['/sbin/mine'],
    'source': ['/usr/src/mine-1/mine.c'],
    'passwd': ['/etc/passwd.d/mine'],
    'udev-rule': ['/etc/udev/rules.d/mine.rules'],
    'udev-rule-usr': ['/usr/lib/udev/rules.d/mine.rules'],
    'modprobe-conf': ['/etc/modprobe.d/mine.conf'],
    'modprobe-conf-usr': ['/usr/lib/modprobe.d/mine.conf'],
    'modules-load': ['/etc/modules-load.d/mine.conf'],
    'unit': ['/usr/lib/systemd/system/mine.service'],
    'cron': ['/etc/cron.d/mine'],
    'profile': ['/etc/profile.d/mine.sh'],
    'ld-preload': ['/etc/ld.so.preload.d/mine'],
    'root-home': ['/root/.ssh/authorized_keys'],
    'dracut': ['/usr/lib/dracut/modules.d/99mine/module-setup.sh'],
    'boot': ['/boot/vmlinuz-mine'],
    'grub': ['/boot/grub/custom.cfg'],
    'own-keys': ['/etc/modfetch/keys/module.d/mine.pem'],
    'own-repo': ['/etc/modfetch/repos.d/mine.repo'],
    'var': ['/var/lib/mine'],
    'top': ['/mine'],
    'near-modules': ['/lib/modulesx/mine.ko'],
    'colon': ['/lib/modules/KVER/updates/a:b.ko'],
    'near-firmware': ['/lib/firmwares/mine.bin'],
    'lib': ['/lib/libmine.so'],
    'doc-directory-alone': ['/usr/share/docs/mine'],
    'index': ['/lib/modules/KVER/modules.dep'],
    'index-bin': ['/lib/modules/KVER/modules.alias.bin'],
    'softdep': ['/lib/modules/KVER/modules.softdep'],
    'script-among-modules': ['/lib/modules/KVER/updates/run.sh'],
    'no-suffix': ['/lib/modules/KVER/updates/mine.koo'],
    'depmod-script': ['/usr/lib/depmod.d/mine.sh'],
    'setuid': ['%attr(4755,root,root) ' + KO],
    'setgid': ['%attr(2755,root,root) ' + KO],
    'sticky': ['%attr(1644,root,root) ' + KO],
    'setuid-doc': ['%attr(4755,root,root) /usr/share/doc/mine/README'],
    'world-writable': ['%attr(0666,root,root) ' + KO],
    'world-writable-directory': ['%dir %attr(0777,root,root) /lib/modules/KVER/updates', KO],
    'group-writable': ['%attr(0664,root,users) ' + KO],
    'not-roots': ['%attr(0644,nobody,root) ' + KO],
    'capability': ['%caps(cap_sys_admin=ep) ' + KO],
    'absolute-link': ['/lib/modules/KVER/updates/link.ko -> /etc/passwd'],
    'leaving-link': ['/lib/modules/KVER/updates/link.ko -> ../../../../etc/passwd'],
    'leaving-link-inside': ['/lib/modules/KVER/updates/link.ko -> x/../../../../etc'],
    'link-to-parent': ['/lib/modules/KVER/updates/link.ko -> ..'],
    'build-link': ['/lib/modules/KVER/build -> /tmp'],
    'doc-link': ['/usr/share/doc/mine/link -> /etc/shadow'],
    'firmware-link': ['/lib/firmware/mine/link -> ../../../etc/shadow'],
    'fifo': ['/lib/firmware/mine/fifo'],
    'device': ['%dev(c, 1, 1) /lib/firmware/mine/device'],
    'ghost': ['%ghost /etc/shadow.mine'],
    'group-readable-by-strangers': ['%attr(0640,root,strangers) ' + KO],
    'a-group-of-numbers': ['%attr(0644,root,1) ' + KO],
    'a-user-of-numbers': ['%attr(0644,1,root) ' + KO],
    'no-such-user': ['%attr(0644,stranger,root) ' + KO],
    'group-of-a-document': ['%attr(0644,root,strangers) /usr/share/doc/mine/README'],
    'group-of-firmware': ['%attr(0644,root,strangers) /lib/firmware/mine/blob.bin'],
    'group-of-a-configuration': ['%config %attr(0644,root,strangers) /etc/depmod.d/mine.conf'],
    'group-of-a-ghost': ['%ghost %attr(0644,root,strangers) /etc/depmod.d/ghostly.conf'],
    'group-of-a-directory': ['%dir %attr(0755,root,strangers) /lib/modules/KVER/updates', KO],
    'user-of-a-directory': ['%dir %attr(0755,stranger,root) /lib/modules/KVER/updates', KO],
    'owner-of-a-link': [KO, '%attr(-,stranger,strangers) /lib/modules/KVER/updates/link.ko -> mine.ko'],
    'writable-by-its-group': ['%attr(0664,root,root) ' + KO],
    'usr-of-mode-0': ['%dir %attr(0000,root,root) /usr', '/usr/share/doc/mine/README'],
    'etc-of-mode-0700': ['%dir %attr(0700,root,root) /etc', '/usr/share/doc/mine/README'],
    'modules-of-mode-0750': ['%dir %attr(0750,root,root) /lib/modules', KO],
    'setgid-directory': ['%dir %attr(2755,root,root) /lib/firmware/mine', '/lib/firmware/mine/blob.bin'],
    'sticky-directory': ['%dir %attr(1755,root,root) /lib/firmware/mine', '/lib/firmware/mine/blob.bin'],
    'directory-of-its-group': ['%dir %attr(0775,root,root) /lib/firmware/mine', '/lib/firmware/mine/blob.bin'],
    'ghostly-directory': ['%dir %ghost %attr(0777,root,root) /lib/firmware/mine', '/lib/firmware/mine/blob.bin'],
    'boot-directory': ['%dir /boot/loader', '/usr/share/doc/mine/README'],
    'through-its-own-link': ['/lib/firmware/mine-too -> mine', '/lib/firmware/mine-too/x'],
}
SCRIPTLETS = {
    'pre': ['%pre -n NAME', 'true'],
    'post': ['%post -n NAME', 'true'],
    'preun': ['%preun -n NAME', 'true'],
    'postun': ['%postun -n NAME', 'true'],
    'pretrans': ['%pretrans -n NAME -p <lua>', 'print("x")'],
    'posttrans': ['%posttrans -n NAME', 'true'],
    'verifyscript': ['%verifyscript -n NAME', 'true'],
    'post-lua': ['%post -n NAME -p <lua>', 'print("x")'],
    'post-program': ['%post -n NAME -p /sbin/ldconfig'],
    'triggerin': ['%triggerin -n NAME -- bash', 'true'],
    'triggerun': ['%triggerun -n NAME -- bash', 'true'],
    'triggerpostun': ['%triggerpostun -n NAME -- bash', 'true'],
    'triggerprein': ['%triggerprein -n NAME -- bash', 'true'],
    'filetriggerin': ['%filetriggerin -n NAME -- /usr/bin', 'true'],
    'transfiletriggerin': ['%transfiletriggerin -n NAME -- /usr/bin', 'true'],
    'postuntrans': ['%post -n NAME', 'true'],  # and converted to another kind below
    'transfiletriggerpostun': ['%transfiletriggerpostun -n NAME -- /usr/bin', 'true'],
}
OBSOLETES = {'obsoletes-bash': 'bash', 'obsoletes-kernel': 'kernel', 'obsoletes-modfetch': 'modfetch'}
ACCOUNTS = {'makes-a-user': 'user(mine) = dSBtaW5lIC0gLSAtIC0K', 'makes-a-group': 'group(mine)', 'joins': 'groupmember(mine/root)'}
# the modules listed in the metadata, and further modules in the package
UNNAMED = {'another-module': 'kmod(other.ko)', 'one-more-module': 'kmod(mine.ko)'}
HARMLESS = {
    'named': [KO],
    'module': [KO],
    'shell': ['/usr/share/doc/shell/README'],  # dependencies of the scriptlets, in name only
    'firmware': ['/lib/firmware/mine/blob.bin', '/usr/lib/firmware/mine/blob2.bin'],
    'documented': [KO, '%doc /usr/share/doc/mine/README', '/usr/share/licenses/mine/COPYING'],
    'search-order': ['/usr/lib/depmod.d/mine.conf', '/etc/depmod.d/mine.conf'],
    'a-directory': ['%dir /lib/firmware/mine', '/lib/firmware/mine/blob.bin'],
    'staying-link': ['/lib/modules/KVER/updates/mine.ko', '/lib/modules/KVER/updates/link.ko -> mine.ko'],
}


def name_of(case):
    return f'{case}-kmp-test'


def path_of(line):
    return line.split(' -> ')[0].split()[-1]


def make_files(top, kver, lines, module):
    for line in lines:
        where = top + path_of(line).replace('KVER', kver)
        os.makedirs(where if line.startswith('%dir') else os.path.dirname(where), exist_ok=True)
        if ' -> ' in line:
            if not os.path.lexists(where):
                os.symlink(line.split(' -> ')[1], where)
        elif where.endswith('.ko'):
            shutil.copy(module, where)
        elif where.endswith('fifo'):
            if not os.path.exists(where):
                os.mkfifo(where)
        elif not line.startswith(('%dir', '%dev')):
            with open(where, 'w', encoding='utf-8') as f:
                f.write('search updates\n' if where.endswith('.conf') else 'mine\n')


def build(directory, kver, module):
    """All of the packages, by one rpmbuild."""
    packages = FORBIDDEN | {c: [KO] for c in SCRIPTLETS} | {c: [KO] for c in OBSOLETES} | HARMLESS
    packages |= {c: [KO] for c in ACCOUNTS}
    packages |= {'another-module': [KO], 'one-more-module': [KO, '/lib/modules/KVER/updates/more.ko.xz']}
    top = tempfile.mkdtemp(prefix='hostile-')
    spec = ['Name: hostile', 'Version: 1', 'Release: 1', 'Summary: test', 'License: none', 'AutoReqProv: no',
            '%description', 'test']
    for case, lines in packages.items():
        lines = [line.replace('link.ko', f'{case}.ko').replace('/link ', f'/{case} ') for line in lines]
        make_files(f'{top}/root', kver, lines, module)
        spec += [f'%package -n {name_of(case)}', 'Summary: test', 'AutoReqProv: no']
        spec += [f'Obsoletes: {OBSOLETES[case]}'] if case in OBSOLETES else []
        spec += [f'Provides: {(UNNAMED | ACCOUNTS)[case]}'] if case in UNNAMED | ACCOUNTS else []
        spec += ['Provides: kmod(mine.ko)', 'Provides: kmod(built-in.ko)'] if case == 'named' else []
        spec += ['Provides: /bin/sh', 'Provides: /sbin/ldconfig'] if case == 'shell' else []
        spec += [f'%description -n {name_of(case)}', 'test']
        spec += [line.replace('NAME', name_of(case)) for line in SCRIPTLETS.get(case, [])]
        spec += [f'%files -n {name_of(case)}'] + [line.split(' -> ')[0].replace('KVER', kver) for line in lines]
    spec += ['%install', 'mkdir -p %{buildroot}', f'cp -a {top}/root/. %{{buildroot}}/']
    with open(f'{top}/hostile.spec', 'w', encoding='utf-8') as f:
        f.write('\n'.join(spec) + '\n')
    done = subprocess.run(
        ['rpmbuild', '-bb', '--quiet', '--define', f'_topdir {top}', '--define', f'_rpmdir {directory}', '--define',
         '_rpmfilename %%{NAME}.rpm', '--define', '_build_id_links none', '--define', '__os_install_post %{nil}', '--define',
         'debug_package %{nil}', '--define', '_unpackaged_files_terminate_build 0', '--define',
         '_binary_filedigest_algorithm 8', '--define', '_missing_doc_files_terminate_build 0', '--define',
         f'buildroot {top}/buildroot', '--define', '__brp_mangle_shebangs %{nil}', f'{top}/hostile.spec'],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    shutil.rmtree(top)
    assert done.returncode == 0, done.stdout
    built = {f[:-4] for f in os.listdir(directory) if f.endswith('.rpm')}
    missing = {name_of(case) for case in packages} - built
    assert not missing, (missing, done.stdout)
    rename_tags(f'{directory}/{name_of("postuntrans")}.rpm', {1024: 5104, 1086: 5106})


def rename_tags(path, tags):
    """Changes entries in the header of a package to the form of newer rpm versions, and updates its digests."""
    with open(path, 'rb') as f:
        data = bytearray(f.read())

    def length(at):
        n, size = struct.unpack('>II', data[at + 8 : at + 16])
        return 16 + 16 * n + size
    header = 96 + (length(96) + 7 & ~7)
    end = header + length(header)
    old = bytes(data[header:end])
    for at in range(header + 16, header + 16 + 16 * struct.unpack('>I', data[header + 8 : header + 12])[0], 16):
        tag = struct.unpack('>I', data[at : at + 4])[0]
        data[at : at + 4] = struct.pack('>I', tags.get(tag, tag))
    new = bytes(data[header:end])
    assert old != new
    signature = bytes(data[96:header])
    for digest in hashlib.sha1, hashlib.sha256:
        signature = signature.replace(digest(old).hexdigest().encode(), digest(new).hexdigest().encode())
    payload = bytes(data[end:])
    signature = signature.replace(hashlib.md5(old + payload).digest(), hashlib.md5(new + payload).digest())
    with open(path, 'wb') as f:
        f.write(bytes(data[:96]) + signature + new + payload)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root()
        cls.repo = tempfile.mkdtemp(prefix='hostile-repo-')
        module = f'{cls.root.modules}/{cls.root.needed(["loop"])[-1]}'
        build(cls.repo, cls.root.kver, module)
        r.createrepo(cls.repo)
        cls.configure()
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr
        cls.before = cls.root.state()

    @classmethod
    def configure(cls, *extra):
        cls.root.repo('file://' + cls.repo, extra=extra)

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.repo)

    def install(self, case):
        return self.root.run('--no-load', 'install', name_of(case))

    def refused(self, case, code):
        done = self.install(case)
        with self.subTest(case=case):
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(f'[{code}]', done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()[-1:]), 1)
            self.assertEqual(self.root.state(), self.before)

    def test_forty_and_more(self):
        self.assertGreaterEqual(len(FORBIDDEN) + len(SCRIPTLETS) + len(OBSOLETES), 40)

    def test_files_a_driver_package_has_no_business_with(self):
        for case in FORBIDDEN:
            self.refused(case, 'FORBIDDEN-FILE')

    def test_programs_that_want_to_run(self):
        for case in SCRIPTLETS:
            self.refused(case, 'SCRIPTLET')

    def test_packages_that_would_push_others_out(self):
        for case in OBSOLETES:
            self.refused(case, 'FORBIDDEN-FILE')

    def test_modules_the_metadata_does_not_name(self):
        for case in UNNAMED:
            self.refused(case, 'BAD-PACKAGE')

    def test_accounts_that_rpm_would_make(self):
        for case in ACCOUNTS:
            self.refused(case, 'SCRIPTLET')

    def test_what_is_harmless_is_installed_and_goes_again(self):
        for case in HARMLESS:
            with self.subTest(case=case):
                done = self.install(case)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(name_of(case), self.root.names())
                done = self.root.run('remove', name_of(case))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn(name_of(case), self.root.names())

    def test_scriptlets_where_the_admin_allowed_the_repository_to(self):
        self.configure('scriptlets=1')
        try:
            done = self.install('post-lua')
            self.assertEqual(done.returncode, 0, done.stderr)
            self.root.run('remove', name_of('post-lua'))
            done = self.install('setuid')  # exactly this
            self.assertIn('[FORBIDDEN-FILE]', done.stderr)
        finally:
            self.configure()


if __name__ == '__main__':
    unittest.main()
