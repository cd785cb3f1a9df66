#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The update of a kernel: a machine that works with one kernel gets another one, and its drivers before the first boot.

Real kernels of a distribution: the machine runs "old", "new" is a rebuild whose modules fit both, and "far" has other CRCs. The
devices are those of a recorded machine; which modules they need is what modprobe finds for them on the whole tree of the new kernel.
"""
import copy
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

KINDS = {'old': 'default-1', 'new': 'default', 'far': 'default-3'}
BY_NAME = ('xfs', 'dummy', 'wireguard', 'nbd', 'overlay')
DEVICES = 30
HERE = os.path.dirname(os.path.abspath(__file__))
PACKED = {}  # name of a kernel: directory of a repository of it
# system calls at which a run is killed, and the number of the call in its process
POINTS = [('rename,renameat,renameat2', k) for k in range(1, 8)] + [('fsync,fdatasync', k) for k in (3, 6, 9, 12, 15)]


def recorded():
    with open(f'{HERE}/../resolve/machines/laptop', encoding='utf-8') as f:
        return [line for line in f.read().splitlines()[1:] if line]


def resolve(tree, kver, alias):
    """The modules that modprobe finds for an alias on a whole tree."""
    done = subprocess.run(['modprobe', '-d', tree, '-S', kver, '-C', '/nowhere', '-R', alias],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def builtin(tree, kver):
    with open(f'{tree}/lib/modules/{kver}/modules.builtin', encoding='ascii') as f:
        return {os.path.basename(line.strip())[:-3].replace('-', '_') for line in f}


def drivers_of(tree, kver, wanted):
    """Modalias → the modules that it needs, for so many devices with different drivers."""
    found, seen, fixed = {}, set(), builtin(tree, kver)
    for alias in recorded():
        modules = [m for m in resolve(tree, kver, alias) if m not in fixed]
        if modules and not seen & set(modules):
            found[alias] = modules
            seen |= set(modules)
        if len(found) == wanted:
            break
    return found


def pack(repository, name, modules):
    """Packs a kernel. The first repository of one is made, those that follow are links to it."""
    base, kver = r.kernel(KINDS[name])
    new = not os.path.exists(repository)
    if new and name in PACKED:
        shutil.copytree(PACKED[name], repository, copy_function=os.link)
        return
    keys = r.test_keys()
    subprocess.run([r.MODFETCH, '-q', 'pack', '--sign', f'{keys}/repo.key', '--cert', f'{keys}/repo.crt', '--output', repository,
                    '--only', ','.join(sorted(modules)), f'{base}/lib/modules/{kver}'], check=True)
    if new:
        PACKED[name] = tempfile.mkdtemp(prefix='update-packed-') + '/' + name
        shutil.copytree(repository, PACKED[name], copy_function=os.link)


def tearDownModule():
    for directory in PACKED.values():
        shutil.rmtree(os.path.dirname(directory))


class Machine(r.Root):
    """Works with one of the kernels; the others come as a package manager would bring them."""

    def __init__(self, works_with):
        super().__init__(modules=('loop',), symvers=False, kind=KINDS[works_with])
        self.add_text(works_with)

    def copy(self):
        machine = copy.copy(self)
        machine.path = machine.directory = tempfile.mkdtemp(prefix='update-machine-')
        machine.modules = f'{machine.path}/lib/modules/{self.kver}'
        shutil.copytree(self.path, machine.path, symlinks=True, dirs_exist_ok=True)
        return machine

    @staticmethod
    def kver_of(name):
        return r.kernel(KINDS[name])[1]

    def of(self, name):
        return f'{self.path}/lib/modules/{self.kver_of(name)}'

    def add_text(self, name):
        """The files beside the modules."""
        base, kver = r.kernel(KINDS[name])
        os.makedirs(f'{self.path}/boot', exist_ok=True)
        for one in ('config', 'System.map'):
            shutil.copy(f'{base}/boot/{one}-{kver}', f'{self.path}/boot')
        os.makedirs(f'{self.path}/usr/src/linux-headers-{kver}', exist_ok=True)
        shutil.copy(f'{base}/usr/src/linux-headers-{kver}/Module.symvers', f'{self.path}/usr/src/linux-headers-{kver}')

    def arrive(self, name, whole=False):
        """A kernel is unpacked: its minimal tree, or all of it."""
        base, kver = r.kernel(KINDS[name])
        source = f'{base}/lib/modules/{kver}'
        if whole:
            shutil.copytree(r.full_tree(KINDS[name]) + f'/lib/modules/{kver}', self.of(name), copy_function=os.link)
        else:
            os.makedirs(f'{self.of(name)}/kernel/drivers/block')
            shutil.copy2(f'{source}/kernel/drivers/block/loop.ko', f'{self.of(name)}/kernel/drivers/block')
            for one in os.listdir(source):
                if one.startswith('modules.builtin') or one == 'modules.order':
                    shutil.copy(f'{source}/{one}', self.of(name))
        self.add_text(name)

    def leave(self, name):
        """The package of a kernel is removed: dpkg removes its files, and its directories if they are empty."""
        base, kver = r.kernel(KINDS[name])
        for one in ('kernel/drivers/block/loop.ko', *(n for n in os.listdir(f'{base}/lib/modules/{kver}')
                                                      if n.startswith('modules.builtin') or n == 'modules.order')):
            if os.path.exists(f'{self.of(name)}/{one}') and one != 'modules.builtin.bin':
                os.unlink(f'{self.of(name)}/{one}')
        for one in os.listdir(f'{self.path}/boot'):
            if one.endswith(kver):
                os.unlink(f'{self.path}/boot/{one}')
        shutil.rmtree(f'{self.path}/usr/src/linux-headers-{kver}')

    def add_device(self, number, modalias):
        where = f'{self.path}/sys/devices/platform/device{number}'
        os.makedirs(where)
        with open(f'{where}/modalias', 'w', encoding='latin-1') as f:
            f.write(modalias + '\n')

    def missing(self, name, modules):
        """Those of the modules that modprobe does not find for a kernel."""
        return sorted(m for m in modules if subprocess.run(
            ['modprobe', '-d', self.path, '-S', self.kver_of(name), '-C', '/nowhere', '-n', m],
            stderr=subprocess.DEVNULL, check=False).returncode)

    def pending(self):
        try:
            with open(f'{self.path}/var/lib/modfetch/kernels-pending', encoding='ascii') as f:
                return dict(line.split() for line in f)
        except FileNotFoundError:
            return {}


class Case(unittest.TestCase):
    works_with = 'old'

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='update-')
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        base, kver = r.kernel(KINDS['new'])
        cls.devices = drivers_of(r.full_tree(KINDS['new']), kver, DEVICES)
        cls.modules = sorted({m for modules in cls.devices.values() for m in modules} | set(BY_NAME))
        cls.repositories = {}
        for name in cls.works_with, 'new':
            cls.repositories[name] = f'{cls.directory}/{name}'
            pack(cls.repositories[name], name, cls.modules)

        cls.server = r.Server(cls.directory)
        cls.addClassCleanup(cls.server.close)
        cls.template = cls.make_machine()
        cls.addClassCleanup(cls.template.close)

    @classmethod
    def make_machine(cls):
        """A machine with all its drivers, which each test gets a copy of."""
        machine = Machine(cls.works_with)
        for name in cls.repositories:
            machine.repo(f'{cls.server.url}/{name}', name=name)
        for number, modalias in enumerate(cls.devices):
            machine.add_device(number, modalias)
        for args in ('refresh',), ('coldplug',), ('--no-load', 'probe', *BY_NAME[:3]), ('install', *(f'{m}-kmp' for m in BY_NAME[3:])):
            done = machine.run(*args)
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        assert machine.missing(cls.works_with, cls.modules) == []
        return machine

    def setUp(self):
        self.server.refuse.clear()
        self.machine = self.template.copy()
        self.addCleanup(self.machine.close)

    def added(self, name='new', *args, code=0):
        done = self.machine.run('kernel-added', *args, self.machine.kver_of(name))
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def timed(self):
        """kernel-added; returns its processor time in seconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.added()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def gaps(self, name='new'):
        done = self.machine.run('--json', 'ready', self.machine.kver_of(name))
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if answer['gaps'] else 0, done.stderr)
        return answer['gaps']


class Update(Case):
    def test_the_new_kernel_has_all_drivers(self):
        self.assertEqual(len(self.devices), DEVICES)
        # before it is installed
        self.assertEqual(self.gaps(), [])
        self.machine.arrive('new')
        self.assertEqual({gap['driver'] for gap in self.gaps()} & self.names(), self.names())
        before = self.machine.tree()
        self.assertLess(self.timed(), 2)
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual(self.gaps(), [])
        self.assertEqual(self.machine.pending(), {})
        # nothing of the old kernel has changed, and a repeat changes nothing
        after = self.machine.tree()
        self.assertEqual({path: after[path] for path in before if self.machine.kver_of('old') in path},
                         {path: what for path, what in before.items() if self.machine.kver_of('old') in path})
        asked, records = len(self.server.requests), len(self.machine.history())
        self.added()
        self.assertEqual((self.machine.tree(), len(self.server.requests), len(self.machine.history())), (after, asked, records))

    def names(self):
        """The gaps of a kernel without any of the drivers."""
        return {f'{m}-kmp' if m in BY_NAME[3:] else m for m in self.modules}

    def test_a_whole_kernel_needs_nothing(self):
        self.machine.arrive('new', whole=True)
        state, asked, records = self.machine.state(), len(self.server.requests), len(self.machine.history())
        seconds = self.timed()
        self.assertEqual((self.machine.state(), len(self.server.requests), len(self.machine.history())), (state, asked, records))
        self.assertLess(seconds, 2)
        self.assertEqual(self.machine.pending(), {})

    def test_a_vendors_driver_that_fits_is_linked(self):
        base, old = r.kernel(KINDS['old'])
        with open(f'{base}/lib/modules/{old}/kernel/drivers/block/brd.ko', 'rb') as f:
            r.rpmbuild(f'{self.machine.path}/tmp', 'vendor-kmp', [], [(f'/lib/modules/{old}/updates/brd.ko', f.read())])
        self.machine.rpm('-i', '--nodeps', *r.FORCE, f'{self.machine.path}/tmp/vendor-kmp-1-1.x86_64.rpm')
        self.assertEqual(self.machine.run('depmod').returncode, 0)
        self.machine.arrive('new')
        self.added()
        self.assertEqual(self.links('new'), ['brd.ko'])
        found = r.output('modprobe', '-d', self.machine.path, '-S', self.machine.kver_of('new'), '-C', '/nowhere', '-D', 'brd')
        self.assertIn('weak-updates/', found)
        done = self.machine.run('kernel-removed', self.machine.kver_of('new'))
        self.assertEqual((done.returncode, self.links('new')), (0, []), done.stderr)
        self.assertFalse(os.path.exists(f'{self.machine.of("new")}/weak-updates'))

    def test_a_kernel_as_a_package_brings_its_drivers(self):
        flavor, abi = r.tag(self.machine.kver_of('new')).split('-')
        done = self.machine.run('install', f'kernel-{flavor}-image-{abi}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual((self.gaps(), self.machine.pending()), ([], {}))
        with open(f'{self.machine.path}/var/lib/modfetch/asked', encoding='ascii') as f:
            self.assertNotIn('-image', f.read())

    def test_a_pattern_that_was_asked_for_is_installed_for_the_new_kernel(self):
        done = self.machine.run('install', f'kernel-sound-driver-all-{r.tag(self.machine.kver)}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.machine.arrive('new')
        self.assertIn('kernel-sound-driver-all', [gap['driver'] for gap in self.gaps()])
        self.added()
        self.assertIn(f'kernel-sound-driver-all-{r.tag(self.machine.kver_of("new"))}', self.machine.names())
        self.assertEqual(self.gaps(), [])

    def test_what_is_asked_for_later_counts_too(self):
        self.assertEqual(self.machine.run('remove', f'nbd-kmp-{r.tag(self.machine.kver)}').returncode, 0)
        self.machine.arrive('new')
        with open(f'{self.machine.path}/etc/fstab', 'w', encoding='ascii') as f:
            f.write('/dev/vda1 / xfs defaults 0 1\n/dev/vdb1 /data vfat defaults 0 0\n')
        os.makedirs(f'{self.machine.path}/etc/initramfs-tools')
        with open(f'{self.machine.path}/etc/initramfs-tools/modules', 'w', encoding='ascii') as f:
            f.write('# for the root disk\nnvme\nnosuchdriver option=1\n')
        self.added()
        self.assertEqual(self.machine.missing('new', self.modules), ['nbd'])
        gaps = self.gaps()
        self.assertEqual([(gap['driver'], gap['code']) for gap in gaps], [('nosuchdriver', 'NOT-FOUND')])
        self.assertIn('/etc/initramfs-tools/modules', gaps[0]['wanted'])

    def test_a_device_that_was_here_lately_counts(self):
        nvme = next(number for number, modules in enumerate(self.devices.values()) if 'nvme' in modules)
        shutil.rmtree(f'{self.machine.path}/sys/devices/platform/device{nvme}')
        self.machine.arrive('new')
        self.added()
        self.assertEqual(self.machine.missing('new', self.modules), [])

    def test_a_denied_driver_is_no_gap_and_is_not_brought(self):
        self.assertEqual(self.machine.run('deny', 'module', 'e1000e').returncode, 0)
        with open(f'{self.machine.path}/etc/modprobe.d/x.conf', 'w', encoding='ascii') as f:
            f.write('blacklist i915\n')
        self.machine.arrive('new')
        self.added()
        self.assertEqual(self.machine.missing('new', self.modules), ['e1000e', 'i915'])
        self.assertEqual(self.gaps(), [])

    def test_a_bad_package_costs_itself_alone(self):
        self.server.refuse['e1000e-kmp-amd64-6.1.0_57'] = 404
        self.machine.arrive('new')
        done = self.added()
        # all others are there as packages; the driver of the old kernel fits the new one, and takes the place of this one
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual(self.links('new'), ['e1000e.ko'], done.stderr)

    def test_a_repository_that_learns_of_the_kernel_later(self):
        os.unlink(f'{self.machine.path}/etc/modfetch/repos.d/new.repo')
        shutil.rmtree(f'{self.machine.path}/var/cache/modfetch/new')
        old = self.repositories['old']
        shutil.copytree(old, f'{old}.before')
        self.addCleanup(os.rename, f'{old}.before', old)
        self.addCleanup(shutil.rmtree, old)
        pack(old, 'new', self.modules)
        self.machine.arrive('new')
        self.added()
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual(self.links('new'), [])

    def links(self, name):
        return sorted(file for _, _, files in os.walk(f'{self.machine.of(name)}/weak-updates') for file in files)


class Removal(Case):
    def test_nothing_is_left_of_the_kernel(self):
        self.machine.arrive('new')
        before = self.machine.state()
        self.added()
        self.machine.leave('new')
        done = self.machine.run('kernel-removed', self.machine.kver_of('new'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.machine.of('new')))
        of_new = self.machine.kver_of('new')
        tree, packages, database = before
        tree = {path: what for path, what in tree.items() if of_new not in path}
        self.assertEqual(self.machine.state(), (tree, packages, database))
        self.assertEqual(self.machine.run('kernel-removed', of_new).returncode, 2)

    def test_the_old_kernel_goes_and_the_new_one_keeps_its_drivers(self):
        self.machine.arrive('new')
        self.added()
        self.machine.leave('old')
        done = self.machine.run('--kernel', self.machine.kver_of('new'), 'kernel-removed', self.machine.kver_of('old'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.machine.of('old')))
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual([name for name in self.machine.names() if name.endswith(r.tag(self.machine.kver_of('old')))], [])
        # what was asked for is still asked for
        with open(f'{self.machine.path}/var/lib/modfetch/asked', encoding='ascii') as f:
            self.assertIn('name xfs ', f.read())

    def test_modules_of_others_stay_with_their_indexes(self):
        self.machine.arrive('new')
        self.added()
        self.machine.leave('new')
        other = f'{self.machine.of("new")}/updates/dkms/other.ko'
        os.makedirs(os.path.dirname(other))
        shutil.copy(f'{r.kernel(KINDS["new"])[0]}/lib/modules/{self.machine.kver_of("new")}/kernel/drivers/block/brd.ko', other)
        done = self.machine.run('kernel-removed', self.machine.kver_of('new'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.exists(other))
        self.assertTrue(os.path.exists(f'{self.machine.of("new")}/modules.dep'))
        self.assertEqual([name for name in os.listdir(self.machine.of('new')) if name in ('kernel', 'weak-updates')], [])

    def test_packages_that_another_kernel_uses_by_links_stay(self):
        for name in 'new', 'old':
            self.server.refuse[f'/{name}/'] = 503
        self.machine.arrive('new')
        self.added()
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.machine.leave('old')
        done = self.machine.run('--kernel', self.machine.kver_of('new'), 'kernel-removed', self.machine.kver_of('old'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('by a link', done.stderr)
        self.assertEqual(self.machine.missing('new', self.modules), [])

    def test_autoremove_takes_the_rest_of_a_kernel_and_what_nothing_needs(self):
        new = self.machine.kver_of('new')
        self.machine.arrive('new')
        self.added()
        listed = self.machine.run('--dry-run', 'autoremove')
        self.assertEqual((listed.returncode, listed.stdout), (2, ''), listed.stderr)
        # one driver is not asked for any more, and the kernel goes without a word
        self.forget('name wireguard')
        self.machine.leave('new')
        shutil.rmtree(f'{self.machine.of("new")}/kernel/drivers/block', ignore_errors=True)
        shutil.rmtree(f'{self.machine.of("new")}/kernel')
        listed = self.machine.run('--dry-run', 'autoremove')
        self.assertIn(f'the rest of kernel {new}', listed.stdout, listed.stderr)
        self.assertIn('wireguard-kmp-amd64', listed.stdout)
        self.assertNotIn('xfs-kmp', listed.stdout)
        self.assertNotIn('nvme', listed.stdout)
        before = self.machine.packages()
        done = self.machine.run('autoremove', stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, self.machine.packages()), (1, before), done.stderr)
        done = self.machine.run('autoremove', '--yes')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.machine.of('new')))
        self.assertEqual(self.machine.missing('old', self.modules), ['wireguard'])
        self.assertEqual([name for name in self.machine.names() if name.endswith(r.tag(new))], [])
        self.assertEqual(self.machine.run('autoremove', '--yes').returncode, 2)

    def forget(self, entry):
        path = f'{self.machine.path}/var/lib/modfetch/asked'
        with open(path, encoding='ascii') as f:
            lines = f.readlines()
        with open(path, 'w', encoding='ascii') as f:
            f.writelines(line for line in lines if not line.startswith(entry + ' '))


class Far(Case):
    """The modules of the kernel that the machine works with do not fit the new one."""
    works_with = 'far'

    def test_without_a_repository_the_update_goes_on_and_the_drivers_come_later(self):
        for name in self.repositories:
            self.server.refuse[f'/{name}/'] = 503
        self.machine.arrive('new')
        done = self.added()
        kver = self.machine.kver_of('new')
        self.assertEqual(sum('lacks' in line for line in done.stderr.splitlines()), 11, done.stderr)
        self.assertIn(f'more; modfetch ready {kver} lists all', done.stderr)
        self.assertEqual(list(self.machine.pending()), [kver])
        missing = set(self.machine.missing('new', self.modules))
        self.assertEqual(missing, set(self.modules))
        gaps = self.gaps()
        self.assertLessEqual(missing - set(BY_NAME[3:]), {gap['driver'] for gap in gaps})
        self.added('new', '--strict', code=1)
        self.machine.conf(require_ready='yes')
        self.added(code=1)
        self.machine.conf()
        # a refresh that fails does not try, one that works does
        self.assertNotEqual(self.machine.run('refresh').returncode, 0)
        self.server.refuse.clear()
        done = self.machine.run('refresh')
        self.assertIn(done.returncode, (0, 2), done.stderr)
        self.assertEqual(self.machine.missing('new', self.modules), [])
        self.assertEqual((self.gaps(), self.machine.pending()), ([], {}))

    def test_the_boot_tries_again(self):
        for name in self.repositories:
            self.server.refuse[f'/{name}/'] = 503
        self.machine.arrive('new')
        self.added()
        self.server.refuse.clear()
        self.machine.run('coldplug', '--boot')
        self.assertEqual((self.machine.missing('new', self.modules), self.machine.pending()), ([], {}))

    def test_the_queue_tries_again_and_forgets_a_kernel_that_went(self):
        for name in self.repositories:
            self.server.refuse[f'/{name}/'] = 503
        self.machine.arrive('new')
        self.added()
        os.rename(self.machine.of('new'), f'{self.machine.path}/tmp/aside')
        os.rename(f'{self.machine.path}/boot', f'{self.machine.path}/tmp/boot')
        self.machine.run('queue', '--retry')
        self.assertEqual(self.machine.pending(), {})
        os.rename(f'{self.machine.path}/tmp/aside', self.machine.of('new'))
        os.rename(f'{self.machine.path}/tmp/boot', f'{self.machine.path}/boot')
        self.added()
        self.server.refuse.clear()
        self.machine.run('queue', '--retry')
        self.assertEqual((self.machine.missing('new', self.modules), self.machine.pending()), ([], {}))

    def test_a_run_that_is_killed_is_finished_by_the_next_boot(self):
        self.machine.arrive('new')
        whole = f'{self.machine.path}.whole'
        self.addCleanup(shutil.rmtree, whole)
        shutil.copytree(self.machine.path, whole, symlinks=True)
        kver, killed = self.machine.kver_of('new'), 0
        for call, k in POINTS:
            shutil.rmtree(self.machine.path)
            shutil.copytree(whole, self.machine.path, symlinks=True)
            with self.subTest(call=call, k=k):
                done = subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'inject={call}:signal=KILL:when={k}',
                                       *self.machine.command('kernel-added', kver)], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, check=False, timeout=120,
                                      env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})
                # a process of its own for the transaction may have been the victim
                killed += done.returncode != 0 or bool(self.machine.pending())
                self.machine.run('coldplug', '--boot')
                # a run that was killed before its first write is one that did not begin
                if self.machine.missing('new', self.modules):
                    self.assertNotIn(kver, self.machine.pending())
                    self.added()
                self.assertEqual(self.machine.missing('new', self.modules), [])
                self.assertEqual((self.gaps(), self.machine.pending()), ([], {}))
                findings = json.loads(self.machine.run('--json', 'check', '--all').stdout)['findings']
                self.assertEqual([found for found in findings if found['code'] != 'NO-FIRMWARE'], [])
        self.assertGreaterEqual(killed, 8)


if __name__ == '__main__':
    unittest.main()
