#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Versions of a driver: update, rollback, undo, a named version, a package file, and what is never older unasked."""
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
import root as r  # noqa: E402
from gpg import Gpg, read, write  # noqa: E402

VERSIONS = ('1.0', '1.1', '1.2')


def unsigned(module):
    """The same module without its signature."""
    at = module.rfind(b'~Module signature')
    return module[:at - 12 - struct.unpack('>I', module[at - 4:at])[0]] if at > 0 else module + b'\0'


def damage(path):
    """Changes a byte near the end."""
    content = bytearray(read(path))
    content[-20] ^= 1
    with open(path, 'wb') as f:
        f.write(content)


class Machine(r.Root):
    """Packages of dummy and nlmon in three versions; the bytes of a module differ from version to version."""

    NAMES = ('dummy', 'nlmon')

    def path_of(self, name):
        return f'/lib/modules/{self.kver}/updates/{name}.ko'

    def content(self, name, version):
        path = self.show_depends(r.full_tree(), name)[-1].split()[1]
        return unsigned(read(path)) + f'#{version}'.encode()

    def build(self, directory):
        """A directory for each version, with the packages of it."""
        for version in VERSIONS:
            os.makedirs(f'{directory}/{version}')
            for name in self.NAMES:
                r.rpmbuild(f'{directory}/{version}', f'{name}-kmp-{r.tag(self.kver)}',
                           [f'Provides: kmod({name}.ko) {name}-kmp'], [(self.path_of(name), self.content(name, version))],
                           version=version)

    def installed(self):
        """Short name → version, for the packages of the test."""
        found = {}
        for line in self.ask('%{NAME} %{VERSION}'):
            name, version = line.split()
            if name.split('-kmp')[0] in self.NAMES:
                found[name.split('-kmp')[0]] = version
        return found

    def on_disk_version(self, name):
        path = self.path + self.path_of(name)
        return read(path).rsplit(b'#', 1)[1].decode() if os.path.exists(path) else None


class Case(unittest.TestCase):
    OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        machine = Machine()
        cls.built = r.made_once(f'versions-1-{machine.kver}', machine.build)
        machine.close()

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='versions-')
        self.addCleanup(shutil.rmtree, self.directory)
        self.repository = f'{self.directory}/repository'
        os.mkdir(self.repository)
        self.machine = Machine(**self.OPTIONS)
        self.addCleanup(self.machine.close)
        self.machine.repo('file://' + self.repository)
        self.machine.conf(keep_versions=2)

    def publish(self, *versions, names=Machine.NAMES):
        """The repository has just these versions now."""
        for old in glob.glob(f'{self.repository}/*.rpm'):
            os.unlink(old)
        for version in versions:
            for name in names:
                for path in glob.glob(f'{self.built}/{version}/{name}-*.rpm'):
                    shutil.copy(path, self.repository)
        r.createrepo(self.repository)
        self.ok('refresh')

    def ok(self, *args, status=0):
        done = self.machine.run(*args)
        self.assertEqual(done.returncode, status, f'{args}: {done.stdout}{done.stderr}')
        return done

    def refused(self, code, *args, status=1):
        done = self.ok(*args, status=status)
        self.assertIn(f'[{code}]', done.stderr.splitlines()[-1])
        return done

    def is_at(self, version, name='dummy'):
        self.assertEqual((self.machine.installed().get(name), self.machine.on_disk_version(name)), (version, version))

    def install_first(self, version='1.0'):
        self.publish(version)
        self.ok('install', 'dummy-kmp', 'nlmon-kmp')

    def runs(self):
        return [h for h in self.machine.history() if h['verb'] in ('install', 'update', 'undo', 'rollback', 'remove')]


class Updates(Case):
    def test_all_in_one_transaction_and_one_depmod(self):
        self.install_first()
        self.publish('1.0', '1.1')
        status, plan = self.machine.json('update', '--check')
        self.assertEqual((status, [(u['name'].split('-')[0], u['installed'], u['evr'], u['blocked']) for u in plan['updates']]),
                         (0, [('dummy', '1.0-1', '1.1-1', None), ('nlmon', '1.0-1', '1.1-1', None)]))
        self.is_at('1.0')
        self.ok('update')
        self.is_at('1.1')
        self.is_at('1.1', 'nlmon')
        last = self.runs()[-1]
        self.assertEqual([p['replaces'].split('-')[-2] for p in last['packages']], ['1.0', '1.0'])
        self.assertEqual([h['verb'] for h in self.runs()], ['install', 'update'])
        self.ok('update', status=2)
        self.assertEqual(self.ok('update', '--check').stdout, '')

    def test_names_choose(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update', 'nlmon')
        self.assertEqual(self.machine.installed(), {'dummy': '1.0', 'nlmon': '1.1'})
        self.refused('NOT-FOUND', 'update', 'no-such-driver', status=3)
        self.ok('update', 'dummy-kmp')
        self.is_at('1.1')

    def test_a_dry_run_changes_nothing(self):
        self.install_first()
        self.publish('1.1')
        before = self.machine.state()
        self.assertIn('1.1-1', self.ok('--dry-run', 'update').stdout)
        self.assertEqual(self.machine.state(), before)

    def test_an_install_and_a_probe_do_not_update(self):
        self.install_first()
        self.publish('1.1')
        self.ok('install', 'dummy-kmp', status=2)
        self.ok('--no-load', 'probe', 'dummy', status=2)
        self.is_at('1.0')

    def test_one_bad_package_costs_itself(self):
        self.install_first()
        self.publish('1.1')
        path = glob.glob(f'{self.repository}/dummy-*.rpm')[0]
        damage(path)
        done = self.machine.run('update')
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.machine.installed(), {'dummy': '1.0', 'nlmon': '1.1'})

    def test_another_repository_is_no_origin(self):
        self.install_first()
        other = f'{self.directory}/other'
        os.mkdir(other)
        for path in glob.glob(f'{self.built}/1.2/*.rpm'):
            shutil.copy(path, other)
        r.createrepo(other)
        self.machine.repo('file://' + other, name='other')
        self.ok('refresh')
        self.assertEqual(self.ok('update', '--check').stdout, '')
        self.ok('update', status=2)
        self.is_at('1.0')


class Preferred(Case):
    """dummy is in the kernel's own directory and belongs to no package; a vendor has a newer one for updates/."""

    OPTIONS = {'modules': ('loop', 'dummy')}

    def setUp(self):
        super().setUp()
        self.inbox = self.machine.needed(['dummy'])[-1]

    def use(self, *extra):
        self.machine.repo('file://' + self.repository, extra=extra)
        self.publish('1.0', names=['dummy'])

    def indexed(self):
        text = read(f'{self.machine.modules}/modules.dep').decode()
        return [line.split(':')[0] for line in text.splitlines() if line.split(':')[0].endswith('/dummy.ko')]

    def test_it_comes_where_the_admin_prefers_it_and_goes_again(self):
        self.use('prefer=1')
        # the module is not in use, and was not asked for yet
        self.ok('update', status=2)
        self.ok('--no-load', 'probe', 'dummy', status=2)
        before = self.machine.tree()
        self.assertEqual(self.indexed(), [self.inbox])
        self.assertIn('(not of a package) -> 1.0-1', self.ok('list', '--updates').stdout)
        self.ok('update')
        self.assertEqual(self.indexed(), ['updates/dummy.ko'])
        self.assertEqual(read(f'{self.machine.modules}/{self.inbox}'), read(f'{self.machine.base}/lib/modules/{self.machine.kver}/{self.inbox}'))
        self.assertIn('test', self.ok('list', '--installed').stdout)
        self.ok('remove', f'dummy-kmp-{r.tag(self.machine.kver)}')
        self.assertEqual(self.machine.tree(), before)

    def test_a_rule_prefers_it(self):
        self.use()
        self.ok('--no-load', 'probe', 'dummy', status=2)
        self.ok('prefer', 'test')
        self.ok('update')
        self.assertEqual(self.indexed(), ['updates/dummy.ko'])

    def test_it_stays_away_unless_it_is_preferred(self):
        self.use()
        self.ok('--no-load', 'probe', 'dummy', status=2)
        self.assertEqual(self.ok('update', '--check').stdout, '')
        self.ok('update', status=2)
        self.assertEqual(self.indexed(), [self.inbox])


class Userspace(Case):
    """A version that needs another version of a library."""

    def library(self, version):
        return r.rpmbuild(self.repository, 'libdummy', [], [(f'/usr/lib/libdummy.so.{version}', b'library')], version=version)

    def needs(self, version, line):
        tag = r.tag(self.machine.kver)
        r.rpmbuild(self.repository, f'dummy-kmp-{tag}', ['Provides: kmod(dummy.ko) dummy-kmp', line],
                   [(self.machine.path_of('dummy'), self.machine.content('dummy', version))], version=version)

    def check(self, line, code, status, newer=False):
        self.install_first()
        self.machine.rpm('-i', '--nodeps', *r.FORCE, self.library('1'))
        if newer:
            self.library('2')
        before = self.machine.tree(), self.machine.packages()
        self.needs('1.1', line)
        r.createrepo(self.repository)
        self.ok('refresh')
        self.refused(code, 'update', 'dummy', status=status)
        self.assertEqual((self.machine.tree(), self.machine.packages()), before)

    def test_a_library_that_does_not_exist(self):
        self.check('Requires: libdummy = 2', 'UNSOLVABLE', 4)

    def test_a_conflict_with_what_is_installed(self):
        self.check('Conflicts: libdummy < 2', 'UNSOLVABLE', 4)

    def test_a_library_of_the_same_repository_is_no_driver(self):
        self.check('Requires: libdummy = 2', 'FORBIDDEN-FILE', 4, newer=True)

    def test_firmware_comes_in_the_same_transaction(self):
        self.install_first()
        r.rpmbuild(self.repository, 'dummy-firmware', [], [('/lib/firmware/dummy.bin', b'2')], version='2')
        self.needs('1.1', 'Requires: dummy-firmware = 2')
        r.createrepo(self.repository)
        self.ok('refresh')
        self.ok('update', 'dummy')
        self.assertEqual(len(self.runs()[-1]['packages']), 2)
        self.is_at('1.1')


class SideBySide(Case):
    """Packages whose versions for several kernels stay beside each other, as SUSE makes them."""

    def build(self, version):
        r.rpmbuild(self.repository, 'side-kmp-default', ['Provides: kmod(dummy.ko) multiversion(kernel)'],
                   [(self.machine.path_of('dummy'), self.machine.content('dummy', version))], version=version)
        r.createrepo(self.repository)
        self.ok('refresh')

    def versions(self):
        return [line.split()[1] for line in self.machine.ask('%{NAME} %{VERSION}') if line.startswith('side-kmp')]

    def test_the_one_for_this_kernel_is_replaced_and_comes_back(self):
        self.build('1.0')
        self.ok('install', 'side-kmp-default')
        self.build('1.1')
        self.ok('update')
        self.assertEqual((self.versions(), self.machine.on_disk_version('dummy')), (['1.1'], '1.1'))
        self.assertEqual(self.runs()[-1]['packages'][0]['replaces'], 'side-kmp-default-1.0-1.x86_64')
        shutil.rmtree(self.repository)
        self.ok('undo', str(self.runs()[-1]['id']))
        self.assertEqual((self.versions(), self.machine.on_disk_version('dummy')), (['1.0'], '1.0'))
        self.assertEqual(self.ok('list', '--installed').stdout.split()[:2], ['side-kmp-default', '1.0-1'])


class Policies(Case):
    def test_a_hold_survives_refreshes_and_updates(self):
        self.install_first()
        self.ok('hold', 'dummy')
        self.publish('1.1')
        for _ in range(3):
            self.ok('refresh', '--force')
            self.ok('update', status=0 if _ == 0 else 2)
        self.assertEqual(self.machine.installed(), {'dummy': '1.0', 'nlmon': '1.1'})
        self.assertIn('it is held (hold module dummy, 00-admin.conf line', self.ok('update', 'dummy', status=4).stdout)
        self.refused('DENIED', 'install', 'dummy-kmp-1.1', status=4)
        self.ok('unhold', 'dummy')
        self.ok('update')
        self.is_at('1.1')

    def advisory(self, version, kind):
        path = f'{self.directory}/updateinfo.xml'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f"""<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="a@example.org" status="final" type="{kind}" version="1"><id>V-1</id><title>t</title><severity>Important</severity>
<pkglist><collection short="c"><name>c</name><package name="dummy-kmp-{r.tag(self.machine.kver)}" version="{version}" release="1"
 epoch="0" arch="x86_64"><filename>x.rpm</filename></package></collection></pkglist></update></updates>
""")
        subprocess.run(['modifyrepo_c', '--mdtype=updateinfo', path, f'{self.repository}/repodata'], check=True,
                       stdout=subprocess.DEVNULL)
        r.sign(self.repository)

    def timer(self):
        """What modfetch-refresh.service calls."""
        self.assertIn(self.machine.run('-q', '--unattended', 'refresh').returncode, (0, 2))

    def test_the_timer_updates_what_the_setting_says(self):
        self.install_first()
        self.publish('1.1')
        self.timer()
        self.is_at('1.0')
        self.machine.conf(keep_versions=2, auto_update='security')
        self.timer()
        self.is_at('1.0')
        self.advisory('1.1', 'bugfix')
        self.timer()
        self.is_at('1.0')
        self.advisory('1.1', 'security')
        self.timer()
        self.assertEqual(self.machine.installed(), {'dummy': '1.1', 'nlmon': '1.0'})
        self.machine.conf(keep_versions=2, auto_update='all')
        self.timer()
        self.is_at('1.1', 'nlmon')


class WayBack(Case):
    def test_what_comes_back_keeps_its_origin(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        self.ok('rollback', 'dummy')
        # the repository does not have that version any more, and another one has a newer one
        other = f'{self.directory}/other'
        os.mkdir(other)
        shutil.copy(glob.glob(f'{self.built}/1.2/dummy-*.rpm')[0], other)
        r.createrepo(other)
        self.machine.repo('file://' + other, name='other')
        self.ok('refresh')
        self.ok('update', status=2)
        self.is_at('1.0')

    def test_rollback_needs_no_repository(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        shutil.rmtree(self.repository)
        self.ok('rollback', 'dummy')
        self.is_at('1.0')
        self.is_at('1.1', 'nlmon')
        self.assertIn('taken back', self.ok('trials').stdout)

    def test_a_version_that_was_taken_back_is_not_offered_again(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        self.ok('rollback', 'dummy')
        status, plan = self.machine.json('update', '--check')
        self.assertEqual((status, [bool(u['blocked']) for u in plan['updates']]), (0, [True]))
        for _ in range(3):
            self.ok('refresh', '--force')
            self.ok('update', status=2)
        self.is_at('1.0')
        # a newer one is
        self.publish('1.1', '1.2')
        self.ok('update')
        self.is_at('1.2')
        # and so is the bad one for an admin who names it
        self.ok('install', 'dummy-kmp-1.1')
        self.is_at('1.1')

    def test_undo_reverses_a_run_and_is_a_run(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        update = self.runs()[-1]['id']
        shutil.rmtree(self.repository)
        self.ok('undo', str(update))
        self.is_at('1.0')
        self.is_at('1.0', 'nlmon')
        self.assertEqual((self.runs()[-1]['undoes'], self.runs()[-1]['id']), (update, update + 1))
        self.assertIn('reverses run', self.ok('history', str(update + 1)).stdout)
        # the undo of the undo
        self.ok('undo', str(update + 1))
        self.is_at('1.1')
        self.ok('undo', str(update), status=0)
        self.is_at('1.0')
        self.refused('NOT-FOUND', 'undo', '999', status=3)

    def test_undo_of_an_installation_and_of_a_removal(self):
        before = self.machine.tree()
        self.install_first()
        installed = self.machine.tree()
        first = self.runs()[-1]['id']
        self.ok('remove', f'dummy-kmp-{r.tag(self.machine.kver)}')
        removal = self.runs()[-1]
        self.assertEqual(removal['removed'], [f'dummy-kmp-{r.tag(self.machine.kver)}-1.0-1.x86_64'])
        shutil.rmtree(self.repository)
        self.ok('undo', str(removal['id']))
        self.assertEqual(self.machine.tree(), installed)
        self.ok('undo', str(first))
        self.assertEqual(self.machine.installed(), {})
        self.assertEqual({p for p in self.machine.tree() if p not in before} - {'var/cache'}, set())
        self.ok('undo', str(first), status=2)

    def test_rollback_without_a_name_is_the_last_update(self):
        self.ok('rollback', status=2)
        self.install_first()
        self.ok('rollback', status=2)
        self.publish('1.1')
        self.ok('update', 'dummy')
        self.ok('update', 'nlmon')
        self.ok('rollback')
        self.assertEqual(self.machine.installed(), {'dummy': '1.1', 'nlmon': '1.0'})
        self.ok('rollback')
        self.assertEqual(self.machine.installed(), {'dummy': '1.0', 'nlmon': '1.0'})
        self.ok('rollback', status=2)

    def test_what_is_kept_is_bounded(self):
        self.install_first()
        for version in ('1.1', '1.2'):
            self.publish(version)
            self.ok('update')
        kept = f'{self.machine.path}/var/lib/modfetch/packages'
        self.assertEqual(len(glob.glob(f'{kept}/dummy-*.rpm')), 3)
        self.machine.conf(keep_versions=1)
        self.ok('rollback', 'dummy')
        self.assertEqual(len(glob.glob(f'{kept}/dummy-*.rpm')), 2)
        self.machine.conf(keep_versions=0)
        self.ok('rollback', 'nlmon')
        self.assertEqual(os.listdir(kept), ['list'])
        self.assertEqual(self.machine.installed(), {'dummy': '1.1', 'nlmon': '1.1'})
        self.assertEqual(os.stat(f'{kept}/list').st_mode & 0o777, 0o600)

    def test_an_image_carries_no_packages(self):
        self.machine.conf()
        self.install_first()
        self.assertFalse(os.path.exists(f'{self.machine.path}/var/lib/modfetch/packages'))

    def test_a_changed_kept_package_is_refused(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        shutil.rmtree(self.repository)
        path = glob.glob(f'{self.machine.path}/var/lib/modfetch/packages/dummy-*-1.0-1.*.rpm')[0]
        damage(path)
        before = self.machine.state()
        self.assertNotEqual(self.machine.run('rollback', 'dummy').returncode, 0)
        self.assertEqual(self.machine.state(), before)

    def test_a_kept_name_that_leads_elsewhere_is_not_followed(self):
        self.install_first()
        self.publish('1.1')
        self.ok('update')
        shutil.rmtree(self.repository)
        path = glob.glob(f'{self.machine.path}/var/lib/modfetch/packages/dummy-*-1.0-1.*.rpm')[0]
        os.rename(path, f'{self.directory}/elsewhere.rpm')
        os.symlink(f'{self.directory}/elsewhere.rpm', path)
        self.refused('NOT-FOUND', 'rollback', 'dummy', status=3)
        self.is_at('1.1')


class Killed(Case):
    """An update that is killed leaves the old version or the new one, never a part of both."""

    POINTS = [('rename,renameat,renameat2', k) for k in range(2, 12)] + [('pwrite64', k) for k in (1, 10, 40, 80, 160, 240, 320)] + \
             [('unlink,unlinkat', k) for k in (1, 3, 5)] + [('fsync,fdatasync,syncfs', k) for k in range(1, 14, 2)]

    def inject(self, calls, what, k, *args):
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
               'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
        return subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={calls}', '-e',
                               f'inject={calls}:{what}:when={k}', '--', *self.machine.command(*args)], capture_output=True,
                              text=True, check=False, timeout=90, env=env).returncode

    def test_old_or_new(self):
        self.install_first()
        self.publish('1.1')
        seen = {}
        for calls, k in self.POINTS:
            with self.subTest(calls=calls, k=k):
                killed = self.inject(calls, 'signal=KILL', k, 'update') < 0
                # any run repairs, also one that updates nothing
                self.assertIn(self.machine.run('--no-load', 'probe', 'loop').returncode, (0, 2))
                versions = self.machine.ask('%{NAME} %{VERSION}')
                self.assertEqual(len(versions), 3, versions)
                found = {name: (self.machine.installed()[name], self.machine.on_disk_version(name)) for name in Machine.NAMES}
                self.assertIn(set(found.values()), ({('1.0', '1.0')}, {('1.1', '1.1')}))
                self.ok('check')
                seen.setdefault(killed, set()).update(v[0] for v in found.values())
                if found['dummy'][0] == '1.1':
                    self.ok('rollback', 'dummy', 'nlmon')
                    os.unlink(f'{self.machine.path}/var/lib/modfetch/taken-back')
        # the kills hit before and after the point of no return
        self.assertEqual(seen[True], {'1.0', '1.1'})

    def test_a_transaction_that_fails_at_its_end(self):
        """The disk reports an error after rpm has finished: the old version is back."""
        self.install_first()
        self.publish('1.1')
        before = self.machine.tree()
        self.assertNotEqual(self.inject('syncfs', 'error=EIO', 1, 'update'), 0)
        self.is_at('1.0')
        self.is_at('1.0', 'nlmon')
        self.assertEqual(self.machine.tree(), before)
        self.ok('check')


class Named(Case):
    def test_a_version_by_name(self):
        self.publish(*VERSIONS)
        self.ok('install', 'dummy-kmp-1.1-1')
        self.is_at('1.1')
        self.ok('install', 'dummy-kmp-1.2')
        self.is_at('1.2')
        self.ok('install', 'dummy-kmp-1.0')
        self.is_at('1.0')
        self.ok('install', 'dummy-kmp-1.0', status=2)
        self.refused('NOT-FOUND', 'install', 'dummy-kmp-9', status=3)

    def test_no_dependency_goes_back(self):
        """A package that needs the older version of another: refused, unless the admin names both."""
        self.publish('1.0', '1.1')
        tag = r.tag(self.machine.kver)
        r.rpmbuild(self.repository, f'old-kmp-{tag}', [f'Requires: dummy-kmp-{tag} = 1.0-1', 'Provides: kmod(old.ko)'],
                   [(f'/lib/modules/{self.machine.kver}/updates/old.ko', self.machine.content('dummy', 'x'))])
        r.createrepo(self.repository)
        self.ok('refresh')
        self.ok('install', 'dummy-kmp-1.1')
        before = self.machine.state()
        done = self.machine.run('install', f'old-kmp-{tag}')
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.machine.state(), before)

    def test_a_package_file_must_be_signed(self):
        self.publish('1.0')
        path = glob.glob(f'{self.built}/1.1/dummy-*.rpm')[0]
        before = self.machine.state()
        done = self.refused('NO-KEYS', 'install', path, status=4)
        self.assertIn('OpenPGP', done.stderr)
        self.assertEqual(self.machine.state(), before)
        self.refused('BAD-PACKAGE', 'install', self.text(), status=4)

    def text(self):
        path = f'{self.directory}/text.rpm'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('no package')
        return path

    def test_a_signed_package_file(self):
        gpg = Gpg(self.directory)
        self.addCleanup(gpg.close)
        gpg.key('files', 'rsa3072')
        path = f'{self.directory}/dummy.rpm'
        shutil.copy(glob.glob(f'{self.built}/1.1/dummy-*.rpm')[0], path)
        self.publish('1.0')
        write(f'{self.machine.path}/etc/modfetch/keys/repo.d/files.gpg', gpg.run('--export', 'files@example.org'))
        self.refused('NO-SIGNATURE', 'install', path, status=4)
        subprocess.run(['rpmsign', '--addsign', '--define', '_gpg_name files@example.org', '--define', f'_gpg_path {gpg.home}',
                        '--define', f'__gpg {shutil.which("gpg")}', path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, env={**os.environ, 'GNUPGHOME': gpg.home})
        self.ok('install', path)
        self.is_at('1.1')


if __name__ == '__main__':
    unittest.main(verbosity=2)
