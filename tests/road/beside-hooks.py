#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hooks of package managers: after zypper, dnf or rpm has installed or removed a driver, the kernel finds it, or does not any more.

zypper runs plugins on the system itself alone, so this is a system of its own: an overlay over this one, in a chroot, with modfetch
installed as meson installs it. As root.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402
import vendors as v  # noqa: E402

BUILD = os.environ.get('MODFETCH_BUILD', os.path.join(r.HERE, '..', 'build'))
SPEC = os.path.join(r.HERE, '..', 'packaging/modfetch.spec')
DRIVER = 'amd-rng-kmp-amd64'
with open(f'{BUILD}/kernel-hooks/kernel-files', encoding='utf-8') as hook:
    PREFIX = re.search(r'^program=(.*)/s?bin/modfetch$', hook.read(), re.M)[1]
NODES = {'null': (1, 3), 'zero': (1, 5), 'full': (1, 7), 'random': (1, 8), 'urandom': (1, 9)}


class System:
    """Only commands in the chroot see it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix='beside-hooks-')
        self.path = f'{self.directory}/system'
        self.mounts = []
        for name in 'system', 'upper', 'work':
            os.mkdir(f'{self.directory}/{name}')
        self.mount('overlay', '', '-o', f'lowerdir=/,upperdir={self.directory}/upper,workdir={self.directory}/work')
        for path in '/dev', '/tmp', '/run', '/sys':
            self.mount('tmpfs', path)
        self.mount('proc', '/proc')
        for name, (major, minor) in NODES.items():
            os.mknod(f'{self.path}/dev/{name}', 0o20666, os.makedev(major, minor))
            os.chmod(f'{self.path}/dev/{name}', 0o666)
        os.chmod(f'{self.path}/tmp', 0o1777)
        self.install()

    def mount(self, kind, path, *options):
        os.makedirs(self.path + path, exist_ok=True)
        subprocess.run(['mount', '-t', kind, *options, kind, self.path + path], check=True)
        self.mounts.append(self.path + path)

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path + path), exist_ok=True)
        with open(self.path + path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(self.path + path, mode)

    def example(self, name, path, mode=0o644):
        with open(f'{self.path}{PREFIX}/share/modfetch/examples/{name}', encoding='utf-8') as f:
            self.write(path, f.read(), mode)

    def install(self):
        subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet'], env={**os.environ, 'DESTDIR': self.path}, check=True,
                       stdout=subprocess.DEVNULL)
        for path in 'var/lib/rpm', 'var/lib/modfetch', 'var/lib/dnf', 'var/lib/zypp', 'etc/zypp', 'lib/modules', 'etc/dnf/plugins', 'usr/lib/zypp/plugins':
            # on this system they are not the test's
            shutil.rmtree(f'{self.path}/{path}', ignore_errors=True)
            os.makedirs(f'{self.path}/{path}')
        self.write('/root/.rpmmacros', '%_dbpath /var/lib/rpm\n')
        source, self.tree = f'{r.kernel()[0]}/lib/modules/{v.KVER}', f'{self.path}/lib/modules/{v.KVER}'
        os.makedirs(f'{self.tree}/kernel')
        for name in os.listdir(source):
            if name.startswith('modules.builtin') or name == 'modules.order':
                shutil.copy(f'{source}/{name}', self.tree)
        self.write('/sys/devices/pci0000:00/0000:00:01.0/modalias', v.RNG + '\n')
        self.write('/etc/modfetch/modfetch.conf', '[modfetch]\nfetch-user=nobody\n')
        self.write('/etc/modfetch/repos.d/t.repo', '[t]\nbaseurl=file:///tmp/repository\ntrust=none\n')
        self.run('rpm', '--initdb')
        self.run('depmod', v.KVER)

    def run(self, *command, status=0):
        env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LC_ALL': 'C.UTF-8',
               **{k: os.environ[k] for k in os.environ if k.endswith('SAN_OPTIONS')}}
        done = subprocess.run(['chroot', self.path, *command], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, cwd='/')
        assert done.returncode == status, (command, done.returncode, done.stdout)
        return done.stdout

    def finds(self):
        """Do the indexes lead from the device to the driver?"""
        with open(f'{self.tree}/modules.alias', encoding='utf-8') as f:
            return 'amd_rng' in f.read()

    def close(self):
        for path in reversed(self.mounts):
            subprocess.run(['umount', path], check=True)
        subprocess.run(['rm', '-rf', '--one-file-system', self.directory], check=True)


class Hooks(unittest.TestCase):
    def setUp(self):
        self.system = System()
        self.addCleanup(self.system.close)
        code, aliases = v.module('amd-rng')
        repository = f'{self.system.path}/tmp/repository'
        os.mkdir(repository)
        self.driver = r.rpmbuild(repository, DRIVER, ['Provides: kmod(amd-rng.ko)', *(f'Supplements: modalias(kernel-amd64:{a})' for a in aliases)],
                                 [(f'/lib/modules/{v.KVER}/updates/amd-rng.ko', code)])
        # not the last package: zypper cannot read a database without any
        base = r.rpmbuild(f'{self.system.path}/tmp', 'base', [], [('/usr/share/doc/base/README', b'x')], arch='noarch')
        r.createrepo(repository, key=None)
        self.rpm('-i', base)
        self.system.run('modfetch', '--kernel', v.KVER, 'refresh')

    def rpm(self, *args):
        args = [arg.replace(self.system.path, '') for arg in args]
        return self.system.run('rpm', '--nodeps', *r.FORCE, *args)

    def changes(self, install, remove):
        """The output of both commands."""
        self.assertFalse(self.system.finds())
        first = self.system.run(*install)
        self.assertTrue(self.system.finds(), first)
        self.assertIn(DRIVER, self.system.run('modfetch', '--kernel', v.KVER, 'list', '--installed'))
        second = self.system.run(*remove)
        self.assertFalse(self.system.finds(), second)
        return first, second

    def test_the_plugin_of_zypper(self):
        self.system.write('/etc/zypp/repos.d/t.repo', '[t]\nname=t\nenabled=1\ngpgcheck=0\nbaseurl=file:///tmp/repository\n')
        zypper = ['zypper', '--non-interactive', '--no-gpg-checks', '--no-refresh']
        self.system.run('zypper', '--no-gpg-checks', 'refresh')
        self.system.example('zypp-commit-plugin', '/usr/lib/zypp/plugins/commit/modfetch', 0o755)
        self.changes([*zypper, 'install', DRIVER], [*zypper, 'remove', DRIVER])

    def plugin_of_dnf(self):
        """Debian's package of plugins and that of zypper exclude each other."""
        cache = r.made_once('dnf-plugins-1', lambda directory: subprocess.run('apt-get download dnf-plugins-core && dpkg -x dnf-plugins-core_*.deb .', shell=True, check=True,
                                                                               cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        shutil.copytree(f'{cache}/usr/lib/python3/dist-packages', f'{self.system.path}/usr/lib/python3/dist-packages', dirs_exist_ok=True)
        # that of Debian 12 calls a function of an older libdnf
        plugin = f'{self.system.path}/usr/lib/python3/dist-packages/dnf-plugins/post-transaction-actions.py'
        with open(plugin, encoding='utf-8') as f:
            text = f.read()
        with open(plugin, 'w', encoding='utf-8') as f:
            f.write(text.replace('ConfigParser_substitute', 'ConfigParser.substitute'))
        shutil.copytree(f'{cache}/etc/dnf', f'{self.system.path}/etc/dnf', dirs_exist_ok=True)

    def test_the_action_of_dnf(self):
        self.plugin_of_dnf()
        self.system.example('dnf.action', '/etc/dnf/plugins/post-transaction-actions.d/modfetch.action')
        dnf = ['dnf', '-y', '--repofrompath=t,file:///tmp/repository', '--repo=t', '--nogpgcheck', '--releasever=1', '--setopt=reposdir=/dev/null']
        first, second = self.changes([*dnf, 'install', DRIVER], [*dnf, 'remove', DRIVER])
        # the device that has lost its driver is reported
        lost = f'amd_rng: the device /sys/devices/pci0000:00/0000:00:01.0 needs it, but the package {DRIVER} is not installed'
        self.assertEqual((lost in first, lost in second), (False, True), second)

    def test_the_triggers_of_the_rpm_package(self):
        with open(SPEC, encoding='utf-8') as f:
            triggers = re.findall(r'^%transfiletrigger\w+ -- .*(?:\n[^%\n].*|\n%\{.*)*', f.read(), re.M)
        self.assertEqual(len(triggers), 2)
        lines = '\n'.join(triggers).replace('%{_libexecdir}', f'{PREFIX}/libexec')
        self.rpm('-i', r.rpmbuild(f'{self.system.path}/tmp', 'triggers', [lines], [('/usr/share/doc/triggers/README', b'x')], arch='noarch'))
        self.changes(['rpm', '-i', '--nodeps', *r.FORCE, f'/tmp/repository/{os.path.basename(self.driver)}'],
                     ['rpm', '-e', '--nodeps', *r.FORCE, DRIVER])

    def test_files_of_a_kernel_that_is_not_installed_have_no_indexes(self):
        done = subprocess.run(['chroot', self.system.path, f'{PREFIX}/libexec/modfetch/kernel-files', 'added'], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              input='/lib/modules/9.9-other/updates/x.ko\n/lib/modules/-b/x.ko\n/lib/modules/*/x.ko\n/lib/modules/../x.ko\n/etc/x.ko\n')
        self.assertEqual((done.returncode, done.stdout), (0, ''))
        self.assertEqual(os.listdir(f'{self.system.path}/lib/modules'), [v.KVER])


def can_run():
    with tempfile.TemporaryDirectory() as d:
        return not os.geteuid() and subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', d], check=False).returncode == 0 and \
            subprocess.run(['umount', d], check=False).returncode == 0


if __name__ == '__main__':
    if not can_run():
        print('a system of its own needs root')
        sys.exit(77)
    unittest.main()
