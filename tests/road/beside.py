#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""zypper and dnf beside modfetch, on one machine and its rpm database: what each of them does with the packages of the others."""
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

DRIVER, HELPER, OTHER, OTHERS_HELPER = 'amd-rng-kmp-amd64', 'rng-common', 'alim1535_wdt-kmp-amd64', 'wdt-common'
DEVICE, OTHER_DEVICE = v.RNG, v.ALI


class Zypper:
    """Asks for the devices in a file instead of those of this machine; reads rpm's configuration from HOME."""
    update, name, left_to_modfetch = ('dup',), 'zypper', set()

    def __init__(self, machine, home, repository):
        self.machine, self.env = machine, {**os.environ, 'HOME': home, 'ZYPP_MODALIAS_SYSFS': f'{machine.path}/hardware'}
        os.makedirs(f'{machine.path}/etc/zypp/repos.d')
        with open(f'{machine.path}/etc/zypp/repos.d/t.repo', 'w', encoding='utf-8') as f:
            f.write(f'[t]\nname=t\nenabled=1\ngpgcheck=0\nbaseurl=file://{repository}\n')
        with open(f'{machine.path}/hardware', 'w', encoding='utf-8'):
            pass

    def command(self, *args):
        return ['zypper', '--root', self.machine.path, '--no-gpg-checks', *args]

    def run(self, *args):
        done = subprocess.run([*self.command('--non-interactive'), *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, (args, done.stdout)
        return done.stdout

    def refresh(self):
        self.run('refresh', '--force')

    def clean(self):
        """Removes what the manager holds for needless; returns its report."""
        unneeded = self.run('packages', '--unneeded')
        self.run('remove', '--clean-deps', 'bystander')
        return unneeded

    def remove(self, name):
        self.run('remove', '--clean-deps', name)


class Dnf:
    update, name, left_to_modfetch = ('upgrade',), 'dnf', {f'{HELPER} 1'}

    def __init__(self, machine, home, repository):
        self.machine, self.repository, self.env = machine, repository, {**os.environ, 'HOME': home}

    def command(self, *args):
        path = self.machine.path
        return ['dnf', f'--installroot={path}', f'--repofrompath=t,file://{self.repository}', '--repo=t', '--nogpgcheck', '--releasever=1',
                '--setopt=reposdir=/dev/null', f'--setopt=cachedir={path}/cache', '--setopt=clean_requirements_on_remove=1', '--setopt=metadata_expire=0', *args]

    def run(self, *args):
        done = subprocess.run(self.command('-y', *args), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, (args, done.stdout)
        return done.stdout

    def refresh(self):
        pass

    def clean(self):
        unneeded = self.run('repoquery', '--unneeded')
        self.run('autoremove')
        return unneeded

    def remove(self, name):
        self.run('remove', name)


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='beside-')
        self.addCleanup(shutil.rmtree, self.directory)
        self.repository, self.home = f'{self.directory}/repository', f'{self.directory}/home'
        for path in self.repository, self.home:
            os.mkdir(path)
        # Debian's rpm has its database in the home directory
        with open(f'{self.home}/.rpmmacros', 'w', encoding='utf-8') as f:
            f.write('%_dbpath /var/lib/rpm\n')
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.build('1')
        self.root.repo(f'file://{self.repository}')
        self.root.conf(keep_versions=2)
        # zypper cannot read a database without any package
        self.root.rpm('-i', '--nodeps', *r.FORCE, r.rpmbuild(self.directory, 'base', [], [('/usr/share/doc/base/README', b'x')], arch='noarch'))

    def build(self, version, *spec):
        """A version of each driver and of the package that it needs."""
        for name, helper, module in (DRIVER, HELPER, 'amd-rng'), (OTHER, OTHERS_HELPER, 'alim1535_wdt'):
            code, aliases = v.module(module)
            r.rpmbuild(self.repository, name, [f'Provides: kmod({module}.ko)', f'Requires: {helper} = {version}', *spec,
                                               *(f'Supplements: modalias(kernel-amd64:{a})' for a in aliases)],
                       [(f'/lib/modules/{v.KVER}/updates/{module}.ko', code)], version=version)
            r.rpmbuild(self.repository, helper, [], [(f'/usr/share/doc/{helper}/README', version.encode())], version=version, arch='noarch')
        r.next_second()
        r.createrepo(self.repository)

    def manager(self, kind):
        return kind(self.root, self.home, self.repository)

    def done(self, *args, status=0):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def installed(self):
        return {line for line in self.root.ask('%{NAME} %{VERSION}') if line.split()[0] not in ('base', 'bystander')}

    def versions(self, version, *names):
        return {f'{name} {version}' for name in names}

    def install(self):
        """Both packages of the driver, as the device needs them."""
        self.done('refresh')
        self.done('--no-load', 'install', DEVICE)
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER))

    def state(self, query):
        return self.root.json('lookup', query)[1]['results'][0]['state']


class Beside(Case):
    def updated(self, kind):
        self.install()
        manager = self.manager(kind)
        self.build('2')
        manager.refresh()
        manager.run(*manager.update)
        self.assertEqual(self.installed(), self.versions('2', DRIVER, HELPER), 'each is there once, and nothing else')
        # modfetch knows it
        self.done('refresh')
        self.assertIn(f'{DRIVER}  2-1  test', self.done('list', '--installed').stdout)
        self.assertEqual(self.root.json('update', '--check')[1]['updates'], [])
        self.assertEqual(self.state(DEVICE), 'present')
        self.done('depmod', self.root.kver)
        self.done('check')
        # the version before is on disk, and the way back needs no repository
        for name in os.listdir(self.repository):
            if name.endswith('-1-1.x86_64.rpm') or name.endswith('-1-1.noarch.rpm'):
                os.unlink(f'{self.repository}/{name}')
        self.done('rollback', DRIVER, HELPER)
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER))

    def kept(self, kind):
        """Neither what modfetch brought for a device nor what that needs is automatic, or needless, for the manager."""
        self.install()
        manager = self.manager(kind)
        manager.refresh()
        self.assertNotIn('rng', manager.clean())
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER))
        # what the manager itself brought for a package goes with it
        manager.run('install', OTHER)
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER, OTHER, OTHERS_HELPER))
        manager.remove(OTHER)
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER))
        # the admin removes the driver: zypper takes what nothing needs any more with it, dnf leaves it to modfetch
        manager.remove(DRIVER)
        self.assertEqual(self.installed(), manager.left_to_modfetch & self.versions('1', HELPER))
        self.done('depmod', self.root.kver)
        self.assertEqual(self.state(DEVICE), 'available')
        self.done('--yes', 'autoremove', status=0 if manager.left_to_modfetch else 2)
        self.assertEqual(self.installed(), set())

    def shared(self, kind):
        """A package that the manager brought as automatic stays while a driver of modfetch needs it, also after an update."""
        r.rpmbuild(self.repository, 'tool', [f'Requires: {HELPER}'], arch='noarch')
        r.createrepo(self.repository)
        manager = self.manager(kind)
        manager.refresh()
        manager.run('install', 'tool')
        self.done('refresh')
        self.done('--no-load', 'install', DEVICE)
        self.assertEqual(self.installed(), self.versions('1', 'tool', DRIVER, HELPER))
        self.build('2')
        self.done('refresh')
        self.done('update')
        self.assertEqual(self.installed(), self.versions('2', DRIVER, HELPER) | {'tool 1'})
        manager.refresh()
        manager.remove('tool')
        manager.clean()
        self.assertEqual(self.installed(), self.versions('2', DRIVER, HELPER))

    def removed(self, kind):
        """Packages of the manager are known to modfetch, and left alone."""
        manager = self.manager(kind)
        manager.refresh()
        manager.run('install', DRIVER)
        self.done('refresh')
        self.assertIn(f'{DRIVER}  1-1  test', self.done('list', '--installed').stdout)
        done = self.root.run('check')
        self.assertRegex(done.stdout, r'amd-rng\.ko: it is not in modules\.dep: run modfetch depmod')
        self.done('depmod', self.root.kver)
        self.done('check')
        self.assertEqual(self.state(DEVICE), 'present')
        self.done('--yes', 'autoremove', status=2)
        self.assertEqual(self.installed(), self.versions('1', DRIVER, HELPER))
        self.done('remove', DRIVER)
        manager.run('install', OTHER)
        manager.run(*manager.update)
        self.assertEqual(self.installed(), self.versions('1', HELPER, OTHER, OTHERS_HELPER))

    def asks(self, kind):
        """While the manager waits for an answer, modfetch does what the manager is about to do."""
        self.install()
        manager = self.manager(kind)
        self.build('2')
        manager.refresh()
        self.done('refresh')
        with subprocess.Popen(manager.command(*manager.update), env=manager.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as asking:
            text = b''
            while not re.search(rb'\[y/', text):
                text += asking.stdout.read1(4096) or self.fail(text)
            self.done('update')
            self.assertEqual(self.installed(), self.versions('2', DRIVER, HELPER))
            asking.communicate(b'y\n' * 5)
        self.assertEqual(self.installed(), self.versions('2', DRIVER, HELPER))
        self.done('check')


for manager_kind in Zypper, Dnf:
    for test in 'updated', 'kept', 'shared', 'removed', 'asks':
        setattr(Beside, f'test_{manager_kind.name}_{test}', lambda self, test=test, kind=manager_kind: getattr(self, test)(kind))


if __name__ == '__main__':
    unittest.main()
