#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists that travel: `want` on a machine without a network, `fetch-for` on another one, and `coldplug` from its directory. The
machine gets from there what it would get from the network: no less, and nothing is fetched besides."""
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..'), os.path.join(HERE, '..', 'resolve')]
import root as r  # noqa: E402
import whole_machines as whole  # noqa: E402

USER = 65534
HEAD = 'modfetch-list 1\nkernel {}\nmachine x86_64\n'


def devices(root, modaliases):
    """Adds devices to the sysfs of a root."""
    for number, modalias in enumerate(modaliases):
        directory = f'{root.path}/sys/devices/d{number}'
        os.makedirs(directory)
        for name, text in ('modalias', modalias), ('uevent', f'MODALIAS={modalias}'):
            with open(f'{directory}/{name}', 'w', encoding='ascii') as f:
                f.write(text + '\n')


def record(medium):
    """(state, path → (size, digest)) of the record of a medium; None: there is none."""
    try:
        with open(f'{medium}/modfetch-medium', encoding='ascii') as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return None, {}
    files = {line.split(' ', 3)[3]: (int(line.split()[1]), line.split()[2]) for line in lines if line.startswith('file ')}
    return lines[1], files


def is_whole(medium):
    """Has the medium every file of its record, with its size and digest?"""
    for path, (size, digest) in record(medium)[1].items():
        with open(f'{medium}/{path}', 'rb') as f:
            body = f.read()
        if len(body) != size or hashlib.sha256(body).hexdigest() != digest:
            return False
    return True


def packages(medium):
    return sorted(os.path.basename(path) for path in record(medium)[1] if path.endswith('.rpm'))


def files(directory):
    return sorted(os.path.relpath(os.path.join(at, name), directory) for at, _, names in os.walk(directory) for name in names)


class Lists(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='lists-')
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.medium = f'{self.directory}/medium'
        self.list = f'{self.directory}/list'
        self.elsewhere = f'{self.directory}/elsewhere'  # the root of the machine with a network: nothing is in it
        os.mkdir(self.elsewhere)
        self.key = f'{self.directory}/key.pem'
        shutil.copy(f'{r.test_keys()}/repo.crt', self.key)
        os.chmod(self.key, 0o644)

    def remove_replicas_of_killed_runs(self):
        """Removes what this test's killed runs leave, and checks that it was for their user only."""
        known = set(os.listdir('/tmp'))

        def remove():
            for name in set(os.listdir('/tmp')) - known:
                if name.startswith('modfetch-for-'):
                    self.assertEqual(os.stat(f'/tmp/{name}').st_mode & 0o777, 0o700)
                    shutil.rmtree(f'/tmp/{name}')

        self.addCleanup(remove)

    def machine(self, *modaliases, **options):
        root = r.Root(**options)
        self.addCleanup(root.close)
        devices(root, modaliases)
        return root

    def serve(self, kind='small'):
        server = r.Server(r.repository(kind))
        server.http.handle_error = lambda *_: None  # a client that is killed is no news
        self.addCleanup(server.close)
        return server

    def want(self, root, *args):
        done = root.run('want', *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.list, 'w', encoding='ascii') as f:
            f.write(done.stdout)
        return done.stdout

    def write(self, text):
        with open(self.list, 'w', encoding='utf-8', errors='surrogateescape') as f:
            f.write(text)

    def command(self, *args, user=None, root=None):
        who = ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups'] if user else []
        return [*who, os.path.abspath(r.MODFETCH), '--root', root or self.elsewhere, '--detailed-exit', 'fetch-for', *args]

    def fetch_for(self, *args, server=None, **options):
        named = ['--repo', server.url, '--key', self.key] if server else []
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
        return subprocess.run(self.command(self.list, '--output', self.medium, *named, *args, **options), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=env, stdin=subprocess.DEVNULL, timeout=300, check=False)

    def repository(self):
        """The directory of the only repository of the medium."""
        name, = [name for name in os.listdir(self.medium) if os.path.isdir(f'{self.medium}/{name}')]
        return f'{self.medium}/{name}'

    def planned(self, root):
        status, answer = root.json('--dry-run', 'coldplug')
        self.assertIn(status, (0, 2), answer)
        return sorted(f'{item["name"]}-{item["evr"]}.{item["arch"]}.rpm' for item in answer['install'])


class ThereAndBack(Lists):
    def test_twenty_devices_get_from_the_medium_what_the_network_has(self):
        modaliases = whole.lists()['lenovo-yoga-tigerlake'][:20]
        offline, online = self.machine(*modaliases, modules=()), self.machine(*modaliases, modules=())
        # no file of it says what its kernel exports: the metadata does, by a package that does not travel
        stick = self.machine(*modaliases, modules=(), symvers=False)
        server = self.serve('full')
        online.repo(server.url)
        self.assertEqual(online.run('coldplug').returncode, 0)
        self.want(offline)
        os.mkdir(self.medium)
        os.chown(self.medium, USER, USER)
        done = self.fetch_for(server=server, user=USER)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'^\S+ has \d+ packages, [\d.]+ MB, for \d+ devices; wrote \d+ files, ')
        self.assertEqual(record(self.medium)[0], 'state complete')
        self.assertTrue(is_whole(self.medium))
        self.assertFalse(any('filelists' in path for path in record(self.medium)[1]))
        server.requests.clear()
        # published bytes: the signature is that of the publisher
        for name in 'repomd.xml', 'repomd.xml.p7s':
            with open(f'{self.repository()}/repodata/{name}', 'rb') as a, open(f'{r.repository("full")}/repodata/{name}', 'rb') as b:
                self.assertEqual(a.read(), b.read())
        offline.repo(f'file:{self.repository()}')
        done = offline.run('refresh')
        self.assertEqual(done.returncode, 0, done.stderr)
        done = offline.run('coldplug')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(offline.on_disk(), online.on_disk())
        self.assertGreater(len(offline.on_disk()), 15)
        self.assertEqual(offline.run('coldplug').returncode, 2)
        # a machine that knows the repository by its URL, and has never been online
        stick.repo(server.url)
        done = stick.run('media', self.medium)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(stick.on_disk(), online.on_disk())
        self.assertEqual(server.requests, [])
        # nothing travels that is not needed
        self.assertEqual(len(packages(self.medium)), len([name for name in offline.names() if name != 'bystander']))

    def test_ten_real_machines_are_planned_as_they_plan_themselves(self):
        server = self.serve('full')
        local = f'file:{r.repository("full")}'
        root = self.machine(modules=())
        root.repo(local)
        self.assertEqual(root.run('refresh').returncode, 0)
        os.mkdir(f'{root.path}/sys')
        for name, modaliases in whole.lists().items():
            with self.subTest(machine=name):
                shutil.rmtree(f'{root.path}/sys')
                devices(root, modaliases)
                planned = self.planned(root)
                self.want(root)
                shutil.rmtree(self.medium, ignore_errors=True)
                done = self.fetch_for(server=server)
                # the two of another architecture get what the kernel has for all of them
                self.assertEqual(done.returncode, 0 if planned else 2, done.stderr)
                self.assertTrue(len(planned) > 5 or name.startswith('ibm'))
                self.assertEqual(packages(self.medium), planned)

    def test_what_is_on_disk_does_not_travel(self):
        root = self.machine(r.XHCI, r.STICK, r.NIC, modules=('xhci_pci', 'loop'))
        server = self.serve()
        root.repo(server.url)
        self.assertEqual(root.run('refresh').returncode, 0)
        text = self.want(root)
        self.assertIn(f'device {r.XHCI}\n', text)
        self.assertIn(f'missing {r.NIC}\n', text)
        self.assertIn('\npresent xhci_hcd\n', text)
        planned = self.planned(root)
        self.assertEqual(self.fetch_for(server=server).returncode, 0)
        self.assertEqual(packages(self.medium), planned)
        self.assertNotIn('xhci', ' '.join(packages(self.medium)))
        self.assertIn('usb_storage', ' '.join(packages(self.medium)))
        # modules on disk that no package owns satisfy what comes from the medium, whose packages are not on it
        stick = self.machine(r.XHCI, r.STICK, r.NIC, modules=('xhci_pci', 'loop'), symvers=False)
        stick.repo('http://127.0.0.1:9')
        done = stick.run('media', self.medium)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(f'{name}' for name in stick.names() if name != 'bystander'), sorted(name.rsplit('-', 2)[0] for name in planned))

    def test_the_lists_of_files_travel_where_a_refresh_reads_them(self):
        root = self.machine()
        published = f'{self.directory}/published'
        os.mkdir(published)
        with open(f'{root.base}/lib/modules/{root.kver}/{root.needed(["loop"])[-1]}', 'rb') as f:
            body = f.read()
        os.makedirs(f'{root.path}/usr/sbin')
        with open(f'{root.path}/usr/sbin/depmod', 'w', encoding='ascii'):
            pass
        r.rpmbuild(published, 'kmod-toy', ['Requires: /usr/sbin/depmod'], [(f'/lib/modules/{root.kver}/extra/toy.ko', body)])
        r.createrepo(published)
        server = r.Server(published)
        self.addCleanup(server.close)
        text = self.want(root, 'toy')
        # what nothing in the list has cannot be required
        self.write(re.sub('file .*\n|end .*', '', text) + 'end\n')
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('/usr/sbin/depmod', done.stderr)
        self.assertIn('[UNSOLVABLE]', done.stderr)
        self.assertEqual(packages(self.medium), [])
        self.write(text)
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(packages(self.medium), ['kmod-toy-1-1.x86_64.rpm'])
        self.assertTrue(any('filelists' in path for path in record(self.medium)[1]))
        root.repo(f'file:{self.repository()}')
        self.assertEqual(root.run('refresh').returncode, 0)
        done = root.run('install', 'toy')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('toy.ko', root.on_disk())

    def test_a_machine_of_another_architecture(self):
        base, kver = r.kernel('arm64')
        self.assertTrue(base)
        self.write(f'modfetch-list 1\nkernel {kver}\nmachine aarch64\nmissing {r.NIC}\nend 3\n')
        done = self.fetch_for(server=self.serve('arm64'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(any(name.startswith('e1000e-') and name.endswith('.aarch64.rpm') for name in packages(self.medium)))
        shutil.rmtree(self.medium)
        self.write(f'modfetch-list 1\nkernel {kver}\nmachine x86_64\nmissing {r.NIC}\nend 3\n')
        done = self.fetch_for(server=self.serve('arm64'))
        self.assertEqual(packages(self.medium), [], done.stdout)

    def test_lists_of_several_kernels_and_machines_share_a_medium(self):
        root = self.machine(r.NIC)
        os.makedirs(f'{root.path}/lib/modules/6.1.0-99-amd64/kernel')
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', root.path, 'want', '--kernel', 'all'], stdout=subprocess.PIPE,
                              text=True, check=True)
        self.assertEqual(re.findall('^kernel (.*)', done.stdout, re.MULTILINE), sorted([root.kver, '6.1.0-99-amd64']))
        self.write(done.stdout)
        second = f'{self.directory}/second'
        with open(second, 'w', encoding='ascii') as f:
            f.write(HEAD.format(root.kver) + f'missing {r.NVME}\nend 3\n')
        done = self.fetch_for(second, '--json', server=self.serve())
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(sorted(answer['kernels']), sorted([root.kver, root.kver, '6.1.0-99-amd64']))
        names = ' '.join(packages(self.medium))
        self.assertIn('e1000e-kmp', names)
        self.assertIn('nvme-kmp', names)
        with open(f'{self.medium}/modfetch-list', encoding='ascii') as f:
            self.assertEqual(f.read().count('modfetch-list 1\n'), 3)


class Want(Lists):
    def test_it_needs_no_repository_and_changes_nothing(self):
        root = self.machine(r.NIC, r.NOBODY)
        before = root.state()
        first = self.want(root)
        self.assertEqual(self.want(root), first)
        self.assertEqual(root.state(), before)
        self.assertTrue(first.startswith('modfetch-list 1\nkernel '))
        self.assertEqual(first.splitlines()[-1], f'end {len(first.splitlines()) - 2}')

    def test_only_what_has_no_driver(self):
        root = self.machine(r.XHCI, r.NIC, modules=('xhci_pci',))
        self.assertNotIn(r.XHCI, self.want(root, '--missing'))
        self.assertIn(f'device {r.XHCI}', self.want(root))

    def test_names_in_all_forms(self):
        root = self.machine()
        text = self.want(root, 'xfs', '8086:10d3', 'symbol:usbnet_probe')
        self.assertEqual(re.findall('^name (.*)', text, re.MULTILINE), ['pci:v00008086d000010D3*', 'symbol:usbnet_probe', 'xfs'])

    def test_json_has_the_same(self):
        root = self.machine(r.NIC)
        status, answer = root.json('want', 'xfs')
        self.assertEqual((status, answer['kernel'], answer['missing'], answer['name']), (0, root.kver, [r.NIC], ['xfs']))

    def test_nothing_of_the_configuration_is_in_it(self):
        root = self.machine(r.NIC)
        root.repo('http://user:Sesam0pen@host.example/drivers')
        for path in 'etc/hostname', 'etc/machine-id', 'etc/modprobe.d/x.conf', 'etc/modfetch/policy.d/x.conf':
            os.makedirs(os.path.dirname(f'{root.path}/{path}'), exist_ok=True)
            with open(f'{root.path}/{path}', 'w', encoding='ascii') as f:
                f.write('# Sesam0pen\n' if '.conf' in path else 'Sesam0pen\n')
        self.assertNotIn('Sesam0pen', self.want(root, '--exports'))


class Medium(Lists):
    def test_a_second_run_fetches_only_what_is_missing(self):
        root = self.machine(r.NIC)
        server = self.serve()
        self.want(root)
        self.assertEqual(self.fetch_for(server=server).returncode, 0)
        before = {path: os.stat(f'{self.medium}/{path}').st_mtime_ns for path in files(self.medium) if 'repo' in path}
        server.requests.clear()
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn('already', done.stdout)
        self.assertEqual([path for path in server.requests if 'repomd.xml' not in path], [])
        self.assertEqual({path: os.stat(f'{self.medium}/{path}').st_mtime_ns for path in before}, before)
        devices_before = packages(self.medium)
        self.want(root, 'xfs')
        server.requests.clear()
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 0, done.stderr)
        added = sorted(set(packages(self.medium)) - set(devices_before))
        self.assertIn('xfs-kmp', ' '.join(added))
        self.assertEqual(sorted(os.path.basename(path) for path in server.requests if path.endswith('.rpm')), added)
        # and what is not needed any more goes
        self.want(root)
        self.assertEqual(self.fetch_for(server=server).returncode, 0)
        self.assertEqual(packages(self.medium), devices_before)
        self.assertEqual([name for name in files(self.medium) if 'xfs' in name], [])

    def test_a_damaged_file_is_fetched_again(self):
        self.want(self.machine(r.NIC))
        server = self.serve()
        self.assertEqual(self.fetch_for(server=server).returncode, 0)
        path = next(f'{self.medium}/{path}' for path in record(self.medium)[1] if 'e1000e' in path)
        with open(path, 'r+b') as f:
            f.write(b'xxxx')
        self.assertEqual(self.fetch_for(server=server).returncode, 0)
        self.assertTrue(is_whole(self.medium))

    def test_other_files_of_the_stick_stay_and_are_not_replaced(self):
        self.want(self.machine(r.NIC))
        server = self.serve()
        os.makedirs(f'{self.medium}/127.0.0.1')
        for path in 'letter', '127.0.0.1/letter':
            with open(f'{self.medium}/{path}', 'w', encoding='ascii') as f:
                f.write('mine')
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 1)
        self.assertIn('[EEXIST]', done.stderr)
        self.assertEqual(files(self.medium), ['127.0.0.1/letter', 'letter'])

    def test_a_killed_run_leaves_a_medium_that_is_whole_or_says_that_it_is_not(self):
        root = self.machine(r.NIC, r.NVME)
        self.remove_replicas_of_killed_runs()
        self.want(root)
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
        for when in ('', 'repomd.xml.p7s', 'primary', '.rpm', 'nvme-kmp', 'e1000e-kmp'):
            server = self.serve()
            with subprocess.Popen(self.command(self.list, '--output', self.medium, '--repo', server.url, '--key', self.key), env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as running:
                if when:
                    server.before[when] = lambda running=running: os.kill(running.pid, signal.SIGKILL)
                else:
                    running.kill()
                running.wait(120)
            self.assertEqual(running.returncode, -signal.SIGKILL, when)
            state, _ = record(self.medium)
            self.assertTrue(state in (None, 'state incomplete') or is_whole(self.medium), (when, state))
        done = self.fetch_for(server=self.serve())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(record(self.medium)[0], 'state complete')
        self.assertTrue(is_whole(self.medium))
        self.assertEqual([name for name in files(self.medium) if 'partial' in name], [])

    def test_killed_while_it_writes(self):
        self.want(self.machine(r.NIC, r.NVME, r.XHCI))
        self.remove_replicas_of_killed_runs()
        server = self.serve()
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
        log = f'{self.directory}/strace'

        def traced(*inject):
            shutil.rmtree(self.medium, ignore_errors=True)
            subprocess.run(['strace', '-qq', '-o', log, '-e', 'trace=renameat', *inject,
                            *self.command(self.list, '--output', self.medium, '--repo', server.url, '--key', self.key)], env=env,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=120)

        traced()
        with open(log, encoding='utf-8') as f:
            total = sum('renameat(' in line for line in f)
        written = len(record(self.medium)[1]) + 2
        seen = set()
        for number in range(total - written, total + 1, 3):
            traced('-e', f'inject=renameat:signal=SIGKILL:when={number}')
            state, _ = record(self.medium)
            seen.add(state)
            self.assertTrue(state in (None, 'state incomplete') or is_whole(self.medium), (number, state))
        self.assertIn('state incomplete', seen)
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(is_whole(self.medium))

    def test_a_dry_run_writes_nothing(self):
        self.want(self.machine(r.NIC))
        done = self.fetch_for('--dry-run', server=self.serve())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e-kmp', done.stdout)
        self.assertIn('would have', done.stdout)
        self.assertFalse(os.path.exists(self.medium))

    def test_names_and_devices_that_no_repository_has(self):
        root = self.machine(r.NIC, r.NOBODY)
        self.want(root, 'no_such_module')
        done = self.fetch_for(server=self.serve())
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn('list: no_such_module: ', done.stderr)
        self.assertIn('[NOT-FOUND]', done.stderr)
        self.assertIn('1 device has no driver in any repository', done.stdout)
        self.assertIn('e1000e', ' '.join(packages(self.medium)))
        self.assertEqual(record(self.medium)[0], 'state complete')

    def test_the_repositories_of_this_machine_are_used(self):
        self.want(self.machine(r.NIC))
        server = self.serve()
        here = self.machine()
        here.repo(server.url.replace('//', '//user:Sesam0pen@'), name='drivers')
        here.repo('http://127.0.0.1:9/', name='dead')
        done = self.fetch_for(root=here.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('the repository dead is not used', done.stderr)
        self.assertTrue(os.path.exists(f'{self.medium}/drivers/repodata/repomd.xml.p7s'))
        self.assertNotIn('Sesam0pen', done.stdout + done.stderr)
        for path in files(self.medium):
            with open(f'{self.medium}/{path}', 'rb') as f:
                self.assertNotIn(b'Sesam0pen', f.read(), path)
        self.assertEqual([name for name in os.listdir('/tmp') if name.startswith('modfetch-for-')
                          and os.path.exists(f'/tmp/{name}/etc/modfetch/repos.d/drivers.repo')], [])

    def test_a_repository_that_is_not_signed_by_the_key_is_refused(self):
        self.want(self.machine(r.NIC))
        shutil.copy(f'{r.test_keys()}/other.crt', self.key)
        done = self.fetch_for(server=self.serve())
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('[UNTRUSTED-KEY]', done.stderr)
        self.assertEqual(record(self.medium), (None, {}))

    def test_a_package_that_is_gone_leaves_an_incomplete_medium(self):
        self.want(self.machine(r.NIC, r.NVME))
        server = self.serve()
        server.refuse['nvme-kmp'] = 404
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 1)
        self.assertIn('[HTTP-STATUS]', done.stderr)
        self.assertEqual(record(self.medium)[0], 'state incomplete')

    def test_without_a_repository(self):
        self.want(self.machine(r.NIC))
        done = self.fetch_for()
        self.assertEqual(done.returncode, 1)
        self.assertIn('[NO-REPOSITORY]', done.stderr)


class Subset(Lists):
    def test_a_repository_for_the_machines_of_two_lists(self):
        online = self.machine(r.NIC, r.NOBODY)
        base, kver = r.kernel()
        self.want(online)
        second = f'{self.directory}/second'
        with open(second, 'w', encoding='ascii') as f:
            f.write(f'modfetch-list 1\nkernel 5.10.0-1-other\nmachine x86_64\nmissing {r.STICK}\nname xfs\npresent usb_storage\nend\n')
        subset = f'{self.directory}/subset'
        done = subprocess.run([os.path.abspath(r.MODFETCH), '-q', 'pack', '--output', subset, '--sign', f'{r.test_keys()}/repo.key', '--cert',
                               f'{r.test_keys()}/repo.crt', '--subset', self.list, '--subset', second, f'{base}/lib/modules/{kver}'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [name.split('-kmp-')[0] for name in files(subset) if '-kmp-' in name]
        self.assertLess(len(names), 40)
        for module in 'e1000e', 'usb_storage', 'uas', 'xfs', 'usbcore', 'libcrc32c':
            self.assertIn(f'x86_64/{module}', names)
        # both machines, and a new one of the second kind, get from it what the whole repository has for them
        for modaliases, query in ([r.NIC, r.NOBODY], None), ([r.STICK], 'xfs'):
            found = []
            for url in f'file:{r.repository("small")}', f'file:{subset}':
                root = self.machine(*modaliases)
                root.repo(url)
                self.assertEqual(root.run('refresh').returncode, 0)
                self.assertEqual(root.run('coldplug').returncode, 0)
                if query:
                    self.assertEqual(root.run('install', query).returncode, 0)
                found.append(root.on_disk())
            self.assertEqual(*found)

    def test_a_list_for_nothing_in_the_tree_makes_no_repository(self):
        base, kver = r.kernel()
        self.write(HEAD.format(kver) + f'missing {r.NOBODY}\nend\n')
        done = subprocess.run([os.path.abspath(r.MODFETCH), '-q', 'pack', '--output', f'{self.directory}/subset', '--subset', self.list,
                               f'{base}/lib/modules/{kver}'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=600)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn('[NOT-FOUND]', done.stderr)
        self.assertFalse(os.path.exists(f'{self.directory}/subset/repodata'))


class Hostile(Lists):
    def refused(self, text, code='BAD-LIST', status=1):
        self.write(text)
        done = self.fetch_for('--repo', 'http://127.0.0.1:9/x', '--key', self.key)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(f'[{code}]', done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertRegex(done.stderr, r'\A[ -~…]*\n\Z')
        self.assertFalse(os.path.exists(self.medium))

    def test_lists_that_are_none(self):
        head = HEAD.format('6.1.0-56-amd64')
        for text in ('', 'x', '\x7fELF\x01\x02', 'modfetch-list 9\nend\n', head, head + 'missing \x1b]0;x\x07\nend\n',
                     head + 'present ../../../etc/passwd\nend\n', head + 'firmware ../../x\nend\n', head + 'file /etc/shadow\nend\n',
                     'modfetch-list 1\nkernel ../../etc\nmachine x\nend\n', head + 'name ' + 'x' * 5000 + '\nend\n', head * 2,
                     head + 'name \u202e\nend\n', '<html>' * 1000, head + 'missing a\n' * 20000 + 'end\n', 'a' * (17 << 20)):
            with self.subTest(text=text[:80]):
                self.refused(text)

    def test_names_for_shells_and_specs_reach_neither(self):
        server = self.serve()
        self.write(HEAD.format('6.1.0-56-amd64') + 'name $(touch /tmp/lists-owned)\nname %(touch /tmp/lists-owned)\nmissing pci:%s%n;`id`\n'
                   'present $(id)\nfirmware $(id)\nend\n')
        done = self.fetch_for(server=server)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertFalse(os.path.exists('/tmp/lists-owned'))

    def test_a_list_decides_no_url_and_no_key(self):
        text = self.want(self.machine(r.NIC))
        self.write(text.replace('\nend ', '\nrepo http://evil.example/\nkey evil\nend ').rsplit(' ', 1)[0] + '\n')
        done = self.fetch_for(server=self.serve())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(self.repository()) and len(packages(self.medium)) > 0, True)

    def test_a_list_with_thousands_of_modules_is_no_burden(self):
        root = self.machine(r.NIC)
        self.write(HEAD.format(root.kver) + ''.join(f'present m{n}\n' for n in range(60000)) + f'missing {r.NIC}\nend\n')
        done = self.fetch_for(server=self.serve())
        self.assertEqual(done.returncode, 0, done.stderr)
        # they are names here, and no files that could be read
        self.assertNotIn('cannot be read', done.stderr)


if __name__ == '__main__':
    unittest.main()
