#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages that are fetched before a device needs them: what comes, what is taken from there without a network, what goes, and what
a kill, a full disk or a damaged file leaves."""
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import drain  # noqa: E402
import root as r  # noqa: E402

STORE = 'var/lib/modfetch/packages'
# system calls at which a run is killed, and the number of the call in its process
POINTS = [('rename,renameat,renameat2', k) for k in (1, 2, 5, 9, 13)] + [('syncfs', 1), ('fsync,fdatasync', 1), ('fsync,fdatasync', 2),
                                                                        ('unlinkat', 1), ('sendfile', 3)]


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def flip(path):
    with open(path, 'r+b') as f:
        f.seek(-100, os.SEEK_END)
        byte = f.read(1)
        f.seek(-100, os.SEEK_END)
        f.write(bytes([byte[0] ^ 1]))


def cut(path):
    os.truncate(path, os.path.getsize(path) - 1)


def link(path):
    """To a file with the right bytes: only a regular file counts."""
    os.rename(path, path + '.elsewhere')
    os.symlink(os.path.basename(path) + '.elsewhere', path)


class Machine(r.Root):
    """With a copy of the repository of its own where a test needs to change it."""

    def conf(self, **settings):
        super().conf(**{'keep_versions': 2, **settings})

    def store(self, ending='.rpm'):
        where = f'{self.path}/{STORE}'
        return sorted(name for name in os.listdir(where) if name.endswith(ending)) if os.path.isdir(where) else []

    def file_of(self, package):
        found = [name for name in self.store() if name.startswith(package + '-kmp-') or name.startswith(package + '-1')]
        assert len(found) == 1, found
        return f'{self.path}/{STORE}/{found[0]}'

    def listed(self, which='prefetched'):
        """Label → the other fields of an entry."""
        try:
            with open(f'{self.path}/{STORE}/{which}', encoding='ascii') as f:
                return {line.split()[6]: line.split() for line in f}
        except FileNotFoundError:
            return {}

    def consistent(self):
        """Each file has an entry with its digest and size, and each entry a file."""
        entries = {**self.listed('list'), **self.listed()}
        files = {digest(f'{self.path}/{STORE}/{name}'): os.path.getsize(f'{self.path}/{STORE}/{name}') for name in self.store()}
        return files == {fields[0]: int(fields[1]) for fields in entries.values()} and not self.store('.partial')


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.small = r.repository('small')

    def setUp(self):
        self.server = r.Server(self.small)
        self.addCleanup(self.close_server)
        self.machine = self.make_machine()

    def make_machine(self):
        machine = Machine(modules=('loop',))
        self.addCleanup(machine.close)
        machine.repo(self.server.url)
        self.assertEqual(machine.run('refresh').returncode, 0)
        self.server.requests.clear()
        return machine

    def close_server(self):
        if self.server:
            self.server.close()
        self.server = None

    def prefetch(self, *args, code=0, machine=None, **settings):
        machine = machine or self.machine
        if settings:
            machine.conf(**settings)
        done = machine.run('prefetch', *args)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done

    def packages_requested(self):
        return [path for path in self.server.requests if path.endswith('.rpm')]

    def last(self, machine=None):
        return (machine or self.machine).history()[-1]


class Prefetch(Case):
    def test_what_is_named_comes_once_and_nothing_is_installed(self):
        self.machine.conf(prefetch='network,xfs')
        before = self.machine.state()
        check = self.prefetch('--check', code=2)
        self.assertIn('are missing', check.stdout)
        self.assertEqual((self.machine.store(), self.server.requests), ([], []))
        done = self.prefetch()
        self.assertIn('prefetched', done.stdout)
        self.assertEqual(len(self.packages_requested()), len(self.machine.store()))
        self.assertTrue(self.machine.consistent())
        self.machine.file_of('e1000e')
        self.machine.file_of('xfs')
        # what it needs too
        self.machine.file_of('libcrc32c')
        self.assertEqual({fields[7] for fields in self.machine.listed().values()} - {'network', 'xfs'}, set())
        self.assertEqual(self.machine.state(), before)
        self.assertEqual(self.machine.history(), [])
        self.assertEqual(oct(os.stat(self.machine.file_of('xfs')).st_mode & 0o777), '0o600')
        self.server.requests.clear()
        for args, words in (((), 'all was there'), (('--check',), 'complete')):
            self.assertIn(words, self.prefetch(*args, code=2).stdout)
        self.assertEqual(self.server.requests, [])

    def test_without_a_network_a_driver_comes_from_there(self):
        self.prefetch(prefetch='e1000e')
        self.close_server()
        code, plan = self.machine.json('lookup', r.NIC)
        self.assertEqual((code, [item['source'] for item in plan['install']]), (0, ['store']))
        done = self.machine.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.machine.on_disk())
        self.assertEqual([(p['repo'], p['source']) for p in self.last()['packages']], [('test', 'store')])
        # it is a version that was installed now, and no file is there twice
        self.assertEqual(set(self.machine.listed('list')), set(self.machine.listed()))
        self.assertTrue(self.machine.consistent())
        done = self.machine.run('--no-load', 'probe', 'xfs')
        self.assertEqual(done.returncode, 1)
        self.assertIn('[UNREACHABLE]', done.stderr)

    def test_a_damaged_file_is_fetched_again_and_refused_without_a_network(self):
        self.prefetch(prefetch='e1000e')
        path = self.machine.file_of('e1000e')
        good = digest(path)
        for damage in flip, cut, link:
            with self.subTest(damage.__name__):
                damage(path)
                self.server.requests.clear()
                self.prefetch()
                self.assertEqual((digest(path), len(self.packages_requested()), os.path.islink(path)), (good, 1, False))
        flip(path)
        self.close_server()
        before = self.machine.state()
        done = self.machine.run('--no-load', 'probe', 'e1000e')
        self.assertEqual(done.returncode, 1)
        self.assertIn('is damaged or cannot be read, so e1000e-kmp', done.stderr)
        self.assertIn('[UNREACHABLE]', done.stderr)
        self.assertEqual(self.machine.state(), before)
        self.server = r.Server(self.small)
        self.machine.repo(self.server.url)
        done = self.machine.run('--no-load', 'probe', 'e1000e')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('is damaged', done.stderr)
        self.assertEqual([p['source'] for p in self.last()['packages']], ['repository'])
        self.assertEqual(digest(path), good)

    def test_the_limit_holds_and_leaves_out_the_same_each_time(self):
        self.machine.conf(prefetch='xfs network storage usb', prefetch_size='1')
        first = self.machine.json('prefetch')[1]
        self.assertLessEqual(first['bytes'], 1 << 20)
        self.assertGreater(first['bytes'], 1 << 17)
        self.assertTrue(first['left_out'])
        self.assertEqual(sum(os.path.getsize(f'{self.machine.path}/{STORE}/{n}') for n in self.machine.store()), first['bytes'])
        again = self.machine.json('prefetch')[1]
        self.assertEqual((again['left_out'], again['changed']), (first['left_out'], False))
        self.assertEqual([p['name'] for p in again['packages']], [p['name'] for p in first['packages']])
        self.assertIn(f'{len(first["left_out"])} do not fit into prefetch-size=1', self.machine.run('prefetch', '--check').stdout)

    def test_what_is_not_named_any_more_goes_and_what_was_installed_stays(self):
        self.prefetch(prefetch='xfs e1000e')
        self.assertEqual(self.machine.run('--no-load', 'probe', 'e1000e').returncode, 0)
        self.machine.conf(prefetch='e1000e')
        self.assertIn('dropped', self.prefetch().stdout)
        self.assertEqual(self.machine.listed(), {})
        self.machine.file_of('e1000e')
        self.assertEqual(len(self.machine.store()), 1)
        self.prefetch(prefetch='xfs')
        n = len(self.machine.listed())
        self.assertGreaterEqual(n, 2)
        self.assertIn(f'removed {n} prefetched packages', self.prefetch('--remove').stdout)
        self.prefetch('--remove', code=2)
        self.assertEqual((self.machine.listed(), len(self.machine.store())), ({}, 1))
        self.prefetch()
        self.machine.conf()
        self.assertIn('since prefetch= names nothing', self.prefetch().stdout)
        self.assertEqual((self.machine.listed(), len(self.machine.store())), ({}, 1))
        self.assertIn('nothing is prefetched', self.prefetch(code=2).stdout)

    def test_what_a_rule_denies_is_not_fetched(self):
        self.assertEqual(self.machine.run('deny', 'module', 'e1000e').returncode, 0)
        self.prefetch(prefetch='network xfs')
        self.assertEqual([path for path in self.packages_requested() if 'e1000e' in path], [])
        self.machine.file_of('xfs')

    def test_a_word_without_a_driver_is_reported(self):
        code, answer = self.machine.json('prefetch')
        self.assertEqual((code, answer['packages']), (2, []))
        done = self.prefetch(prefetch='nosuch', code=3)
        self.assertIn('no repository has a driver of', done.stdout)
        self.machine.conf(prefetch='nosuch xfs bluetooth')
        code, answer = self.machine.json('prefetch')
        self.assertEqual((code, answer['no_driver']), (0, ['nosuch', 'bluetooth']))
        for bad in '--output', 'a\x7fb':
            self.assertIn('[CONFIG]', self.prefetch(prefetch=bad, code=1).stderr)

    def test_hotplug_is_what_the_buses_of_the_machine_take(self):
        self.prefetch(prefetch='hotplug', code=3)
        os.makedirs(f'{self.machine.path}/sys/bus/usb/devices/usb1')
        self.prefetch()
        self.machine.file_of('usb_storage')
        self.machine.file_of('sd_mod')
        self.assertFalse([name for name in self.machine.store() if name.startswith('e1000e')])
        os.makedirs(f'{self.machine.path}/sys/bus/pci/slots/1')
        self.prefetch()
        self.machine.file_of('e1000e')
        self.assertFalse([name for name in self.machine.store() if name.startswith('xfs')])

    def test_stale_metadata_is_not_used_unattended_even_if_the_packages_are_there(self):
        self.prefetch(prefetch='e1000e')
        self.close_server()
        later = r.clock_at(time.time() + 20 * 86400)
        done = self.machine.run('--unattended', '--no-load', 'probe', 'e1000e', env=later)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('[STALE]', done.stderr)
        done = self.machine.run('--no-load', 'probe', 'e1000e', env=later)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_status_and_doctor_tell_what_is_there(self):
        self.assertNotIn('prefetch', self.machine.run('status').stdout)
        self.machine.conf(prefetch='xfs network')
        checks = {c['check']: c for c in self.machine.json('doctor', '--offline')[1]['checks']}
        self.assertEqual(checks['prefetch']['state'], 'warning')
        self.prefetch()
        line = [line for line in self.machine.run('status').stdout.splitlines() if line.startswith('prefetched')]
        self.assertEqual(len(line), 1)
        self.assertRegex(line[0], rf'for {self.machine.kver}: {len(self.machine.store())} packages .*network.*xfs.*today')
        status = self.machine.json('status')[1]['prefetched']
        self.assertEqual([(s['kernel'], s['packages'], s['words']) for s in status],
                         [(self.machine.kver, len(self.machine.store()), ['network', 'xfs'])])
        checks = {c['check']: c for c in self.machine.json('doctor', '--offline')[1]['checks']}
        self.assertEqual(checks['prefetch']['state'], 'ok')
        os.unlink(self.machine.file_of('xfs'))
        checks = {c['check']: c for c in self.machine.json('doctor', '--offline')[1]['checks']}
        self.assertEqual((checks['prefetch']['state'], checks['prefetch']['remedy']), ('warning', 'modfetch prefetch'))


class Faults(Case):
    def test_a_killed_run_leaves_a_list_that_the_next_one_completes(self):
        self.machine.conf(prefetch='network storage usb xfs')
        reached = 0
        for calls, k in POINTS:
            with self.subTest((calls, k)):
                shutil.rmtree(f'{self.machine.path}/{STORE}', ignore_errors=True)
                # something to be dropped
                self.machine.conf(prefetch='sound')
                self.machine.run('prefetch')
                self.machine.conf(prefetch='network storage usb xfs')
                env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
                done = subprocess.run(['strace', '-qq', '-o', '/dev/null', '-e', f'trace={calls}', '-e',
                                       f'inject={calls}:signal=KILL:when={k}', '--', *self.machine.command('prefetch')],
                                      env=env, capture_output=True, check=False)
                reached += done.returncode in (-9, 137)
                # a device may come in between
                self.assertEqual(self.machine.run('lookup', 'xfs').returncode, 0)
                self.assertIn(self.machine.run('prefetch').returncode, (0, 2))
                self.assertTrue(self.machine.consistent())
                self.assertIn('complete', self.prefetch('--check', code=2).stdout)
        self.assertGreaterEqual(reached, 7)

    @unittest.skipIf(os.geteuid(), 'it mounts a file system')
    def test_a_full_disk_is_said_and_nothing_half_stays(self):
        os.makedirs(f'{self.machine.path}/{STORE}')
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', f'{self.machine.path}/{STORE}'], check=False)
        if mounted.returncode:
            self.skipTest('no file system can be mounted here')
        self.addCleanup(subprocess.run, ['umount', f'{self.machine.path}/{STORE}'], check=True)
        done = self.prefetch(prefetch='xfs', code=1)
        self.assertIn('free some space, or lower prefetch-size in modfetch.conf [ENOSPC]', done.stderr)
        self.assertEqual((self.machine.store(), self.machine.store('.partial'), self.machine.listed()), ([], [], {}))
        # nor is what was there before lost
        self.prefetch(prefetch='e1000e')
        self.prefetch(prefetch='e1000e xfs', code=1)
        self.assertEqual(len(self.machine.store()), 1)
        self.assertTrue(self.machine.consistent())

    def test_a_package_that_the_server_lacks_costs_itself_alone(self):
        self.server.refuse['libcrc32c-kmp'] = 404
        done = self.prefetch(prefetch='network xfs', code=1)
        self.assertIn('prefetch: libcrc32c-kmp', done.stderr)
        self.assertIn('[HTTP-STATUS]', done.stderr)
        self.machine.file_of('e1000e')
        self.machine.file_of('xfs')
        self.server.refuse.clear()
        self.prefetch()
        self.machine.file_of('libcrc32c')

    def test_a_package_with_other_bytes_is_not_kept(self):
        with open(f'{self.small}/x86_64/' + [n for n in os.listdir(f'{self.small}/x86_64') if n.startswith('e1000e-')][0], 'rb') as f:
            body = bytearray(f.read())
        body[-50] ^= 1
        self.server.instead['e1000e-kmp'] = (200, [], bytes(body))
        done = self.prefetch(prefetch='network', code=4)
        self.assertIn('[BAD-DIGEST]', done.stderr)
        self.assertEqual((self.machine.store(), self.machine.listed()), ([], {}))

    def test_devices_whose_packages_are_there_do_not_wait_for_the_others(self):
        spool = f'{self.machine.path}/run/modfetch/queue'
        os.makedirs(spool, mode=0o700)
        aliases = {'nic': r.NIC, 'disk': r.NVME, 'sound': r.HDA}
        for name, alias in aliases.items():
            os.makedirs(f'{self.machine.path}/sys/devices/{name}')
            with open(f'{spool}/{drain.spool_name(alias)}', 'w', encoding='ascii') as f:
                f.write(drain.ENTRY.format(alias, name, 2))
        self.prefetch(prefetch='e1000e nvme')
        self.close_server()
        # a port that answers nothing: each connection to it costs its timeout
        dead = socket.create_server(('127.0.0.1', 0), backlog=0)
        self.addCleanup(dead.close)
        held = [socket.socket() for _ in range(4)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(dead.getsockname())
            self.addCleanup(one.close)
        self.machine.repo(f'http://127.0.0.1:{dead.getsockname()[1]}')
        self.machine.conf(prefetch='e1000e nvme', mirror_timeout=2)
        done = self.machine.run('--no-load', 'queue')
        self.assertIn('e1000e.ko', self.machine.on_disk(), done.stderr)
        self.assertIn('nvme.ko', self.machine.on_disk())
        self.assertNotIn('snd-hda-intel.ko', self.machine.on_disk())
        self.assertEqual(len(os.listdir(spool)), 1)
        # the dead server was asked in one run only
        asked = [run for run in self.machine.history() if run.get('error', {}).get('why', '') and
                 'a moment ago' not in run['error']['why']]
        self.assertEqual(len(asked), 1, self.machine.history())


def firmware(directory, version):
    r.rpmbuild(directory, 'radio-firmware', [], [('/lib/firmware/radio.bin', f'radio {version}\n'.encode())], version=version, arch='noarch')


def driver(directory, version):
    """A package of the module dummy; its bytes differ from version to version."""
    _, kver = r.kernel()
    with open(f'{r.full_tree()}/lib/modules/{kver}/kernel/drivers/net/dummy.ko', 'rb') as f:
        module = f.read() + f'#{version}'.encode()
    r.rpmbuild(directory, f'dummy-kmp-{r.tag(kver)}', ['Provides: kmod(dummy.ko) dummy-kmp'],
               [(f'/lib/modules/{kver}/updates/dummy.ko', module)], version=version)


class Versions(Case):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='prefetch-repository-')
        self.addCleanup(shutil.rmtree, self.directory)
        firmware(self.directory, '1')
        driver(self.directory, '1')
        r.createrepo(self.directory)
        self.small = self.directory
        super().setUp()

    def publish(self, version):
        r.next_second()
        shutil.rmtree(self.directory)
        os.mkdir(self.directory)
        firmware(self.directory, version)
        driver(self.directory, version)
        r.createrepo(self.directory)

    def version(self):
        return [line.split()[1] for line in self.machine.ask('%{NAME} %{VERSION}') if line.startswith('dummy-kmp')]

    def test_a_version_that_was_only_prefetched_is_none_to_go_back_to(self):
        self.prefetch(prefetch='dummy')
        self.publish('2')
        self.assertEqual(self.machine.run('refresh').returncode, 0)
        self.assertEqual(self.machine.run('install', 'dummy').returncode, 0)
        self.assertEqual(len(self.machine.store()), 2)  # the file of version 1 is still there
        self.close_server()
        self.assertEqual([label.split('-')[-2] for label in self.machine.listed('list')], ['2'])
        self.assertNotEqual(self.machine.run('rollback', 'dummy').returncode, 0)
        self.assertEqual(self.version(), ['2'])

    def test_a_version_that_was_installed_is_one_also_if_it_came_from_there(self):
        self.prefetch(prefetch='dummy')
        self.assertEqual(self.machine.run('--no-load', 'install', 'dummy').returncode, 0)
        self.publish('2')
        self.assertEqual(self.machine.run('refresh').returncode, 0)
        # nothing is missing, so that the prefetched package goes from its list and stays as a kept one
        self.prefetch()
        self.assertEqual(self.machine.run('update').returncode, 0)
        self.assertEqual(self.version(), ['2'])
        self.close_server()
        done = self.machine.run('rollback', 'dummy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.version(), ['1'])

    def test_the_timer_replaces_an_old_version(self):
        self.prefetch(prefetch='radio-firmware')
        self.assertEqual(list(self.machine.listed()), ['radio-firmware-1-1.noarch'])
        self.publish('2')
        self.server.requests.clear()
        self.assertEqual(self.machine.run('refresh').returncode, 0)
        self.assertEqual(self.packages_requested(), [])
        done = self.machine.run('--unattended', 'refresh')
        self.assertIn(done.returncode, (0, 2), done.stderr)
        self.assertEqual(list(self.machine.listed()), ['radio-firmware-2-1.noarch'])
        self.assertEqual(len(self.machine.store()), 1)
        self.assertTrue(self.machine.consistent())
        # without a network a failure is no failure of the refresh of others, and nothing goes
        self.server.refuse['.rpm'] = 503
        self.publish('3')
        done = self.machine.run('--unattended', 'refresh')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('the next refresh by the timer tries it again', done.stderr)
        self.assertEqual(list(self.machine.listed()), ['radio-firmware-2-1.noarch'])
        self.machine.conf()
        self.machine.run('--unattended', 'refresh')
        self.assertEqual((self.machine.listed(), self.machine.store()), ({}, []))

    def test_drivers_of_a_repository_without_patterns_belong_to_each_class(self):
        source = r.repository('small')
        name = [n for n in os.listdir(f'{source}/x86_64') if n.startswith('e1000e-kmp')][0]
        shutil.copy(f'{source}/x86_64/{name}', self.directory)
        r.next_second()
        r.createrepo(self.directory)
        self.assertEqual(self.machine.run('refresh').returncode, 0)
        self.prefetch(prefetch='filesystem', code=3)
        self.prefetch(prefetch='storage')
        self.machine.file_of('e1000e')


class Kernels(Case):
    def test_a_new_kernel_gets_its_packages_and_a_removed_one_loses_them(self):
        keys = r.test_keys()
        directory = tempfile.mkdtemp(prefix='prefetch-kernels-')
        self.addCleanup(shutil.rmtree, directory)
        releases = {}
        for kind in 'default', 'default-1':
            base, releases[kind] = r.kernel(kind)
            subprocess.run([r.MODFETCH, '-q', 'pack', '--sign', f'{keys}/repo.key', '--cert', f'{keys}/repo.crt', '--output',
                            f'{directory}/{kind}', '--only', 'e1000e,xfs', f'{base}/lib/modules/{releases[kind]}'], check=True)
        server = r.Server(directory)
        self.addCleanup(server.close)
        machine = self.machine
        new = releases['default-1']
        for kind in releases:
            machine.repo(f'{server.url}/{kind}', name=kind)
        os.unlink(f'{machine.path}/etc/modfetch/repos.d/test.repo')
        self.assertEqual(machine.run('refresh').returncode, 0)
        self.prefetch(prefetch='network')
        self.assertEqual({fields[4] for fields in machine.listed().values()}, {machine.kver})
        base, _ = r.kernel('default-1')
        source = f'{base}/lib/modules/{new}'
        os.makedirs(f'{machine.path}/lib/modules/{new}/kernel/drivers/block')
        shutil.copy2(f'{source}/kernel/drivers/block/loop.ko', f'{machine.path}/lib/modules/{new}/kernel/drivers/block')
        for one in os.listdir(source):
            if one.startswith('modules.builtin') or one == 'modules.order':
                shutil.copy(f'{source}/{one}', f'{machine.path}/lib/modules/{new}')
        done = machine.run('kernel-added', new)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({fields[4] for fields in machine.listed().values()}, {machine.kver, new})
        n = len(machine.listed())
        # of one kernel nothing changes for the other
        self.prefetch(code=2)
        self.assertEqual(len(machine.listed()), n)
        self.assertTrue(machine.consistent())
        self.assertEqual(machine.run('kernel-removed', new).returncode, 2)
        self.assertEqual({fields[4] for fields in machine.listed().values()}, {machine.kver})
        self.assertTrue(machine.consistent())


if __name__ == '__main__':
    unittest.main()
