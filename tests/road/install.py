#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Install and remove: round trips, roots of several kinds, the oracle, failures in the middle, kills in the middle."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402


class Case(unittest.TestCase):
    def make(self, **options):
        root = r.Root(**options)
        self.addCleanup(root.close)
        root.repo('file://' + r.repository())
        self.done(root.run('refresh'))
        return root

    def done(self, run, status=0):
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def kmp(self, root, name):
        version, flavor = root.kver.rsplit('-', 1)
        return f'{name}-kmp-{flavor}-{version.replace("-", "_")}'

    def kmps(self, root):
        return [name for name in root.names() if '-kmp-' in name]


class RoundTrip(Case):
    def round_trip(self, root, *queries):
        before = root.state()
        self.done(root.run('--no-load', 'probe', *queries))
        middle = root.tree()
        self.assertGreater(len(middle), len(before[0]))
        self.done(root.run('remove', *self.kmps(root)))
        self.assertEqual(root.state(), before)
        return middle

    def test_remove_restores_the_tree_byte_for_byte(self):
        root = self.make()
        first = self.round_trip(root, r.NIC, r.NVME, 'xfs')
        self.assertEqual(self.round_trip(root, r.NIC, r.NVME, 'xfs'), first, 'and again')

    def test_what_is_installed_is_what_the_kernel_package_had(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC, r.HDA))
        for directory, _, files in os.walk(root.modules + '/kernel'):
            for name in files:
                path = os.path.join(directory, name)
                original = f'{root.base}/lib/modules/{root.kver}/{os.path.relpath(path, root.modules)}'
                self.assertEqual(r.fingerprint(path)[2], r.fingerprint(original)[2], path)
                self.assertEqual(os.stat(path).st_mode & 0o7777, 0o644)

    def test_the_rpm_database_agrees(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertIn(self.kmp(root, 'e1000e'), root.names())
        self.assertIn('bystander', root.names())
        verified = subprocess.run(['rpm', '--root', root.path, '--dbpath', '/var/lib/rpm', '-V', '--nodeps',
                                   *self.kmps(root)], capture_output=True, text=True, check=False)
        self.assertEqual((verified.returncode, verified.stdout), (0, ''))

    def test_indexes_are_what_depmod_writes(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC, r.HDA, 'xfs'))
        ours = {k: v for k, v in root.tree().items() if '/modules.' in k}
        subprocess.run(['depmod', '-b', root.path, root.kver], check=True)
        self.assertEqual({k: v for k, v in root.tree().items() if '/modules.' in k}, ours)

    def test_by_name_with_dependencies(self):
        root = self.make()
        before = root.state()
        self.done(root.run('install', self.kmp(root, 'snd_hda_intel')))
        self.assertLessEqual({'snd-hda-intel.ko', 'snd-pcm.ko', 'soundcore.ko'}, set(root.on_disk()))
        self.done(root.run('install', self.kmp(root, 'snd_hda_intel')), 2)
        # packages that others require are removed with them or not at all
        self.done(root.run('remove', self.kmp(root, 'soundcore')))
        self.assertNotIn('snd-hda-intel.ko', root.on_disk())
        self.done(root.run('remove', *self.kmps(root)))
        self.assertEqual(root.state(), before)

    def test_a_pattern_brings_its_drivers(self):
        root = self.make()
        version, flavor = root.kver.rsplit('-', 1)
        before = root.state()
        pattern = f'kernel-network-driver-all-{flavor}-{version.replace("-", "_")}'
        self.done(root.run('install', pattern))
        self.assertIn('e1000e.ko', root.on_disk())
        self.done(root.run('remove', pattern, *self.kmps(root)))
        self.assertEqual(root.state(), before)

    def test_names_that_are_not_there(self):
        root = self.make()
        before = root.state()
        for args in (['install', 'no-such-package'], ['remove', 'no-such-package'],
                     ['install', self.kmp(root, 'e1000e'), 'no-such-package']):
            run = self.done(root.run(*args), 3)
            self.assertIn('no-such-package', run.stderr)
        self.assertEqual(root.state(), before)

    def test_other_peoples_packages_are_removed_only_when_named(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.done(root.run('remove', self.kmp(root, 'e1000e')))
        self.assertIn('bystander', root.names())

    def test_a_module_that_was_deleted_comes_back(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        whole = root.state()
        for path in root.tree():
            if path.endswith('/e1000e.ko'):
                os.unlink(f'{root.path}/{path}')
        subprocess.run(['depmod', '-b', root.path, root.kver], check=True)
        before = root.state()
        plan = json.loads(self.done(root.run('--json', 'lookup', r.NIC)).stdout)
        self.assertEqual(plan['results'][0]['state'], 'available')
        self.assertEqual([p['name'] for p in plan['install']], [self.kmp(root, 'e1000e')])
        self.assertEqual(root.state(), before)
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertEqual(root.state(), whole)

    def test_a_module_that_depmod_never_saw_is_indexed(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        whole = root.state()
        subprocess.run(['depmod', '-b', root.path, root.kver], check=True)
        # as if an admin had restored old indexes
        path = [p for p in root.tree() if p.endswith('/e1000e.ko')][0]
        os.rename(f'{root.path}/{path}', f'{root.path}/tmp/e1000e.ko')
        subprocess.run(['depmod', '-b', root.path, root.kver], check=True)
        os.rename(f'{root.path}/tmp/e1000e.ko', f'{root.path}/{path}')
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertEqual(root.state(), whole)

    def test_history_tells_what_happened(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        root.run('probe', r.NOBODY)
        one, two = root.history()
        self.assertEqual((one['verb'], one['outcome'], one['kernel']), ('probe', 'done', root.kver))
        self.assertEqual(one['queries'][0]['query'], r.NIC)
        self.assertRegex(one['packages'][0]['sha256'], '^[0-9a-f]{64}$')
        stages = list(one['us'])
        self.assertEqual(stages[:7], ['started', 'decided', 'resolved', 'fetched', 'verified', 'installed', 'indexed'])
        self.assertEqual(sorted(one['us'].values()), list(one['us'].values()))
        self.assertEqual(two['outcome'], 'nothing')
        text = root.run('history').stdout
        self.assertIn('e1000e-kmp', text)
        self.assertEqual(len(root.run('history', '-n', '1', '--json').stdout.splitlines()), 1)
        self.assertEqual(len(root.run('--json', 'history').stdout.splitlines()), 2)

    def test_nothing_of_it_happens_on_this_machine(self):
        def here():
            found = []
            for path in ('/var/lib/rpm', '/var/lib/modfetch', '/var/cache/modfetch',
                         '/run/modfetch', '/lib/modules', '/usr/lib/sysimage'):
                for directory, _, files in os.walk(path):
                    # any query of rpm, as of another test, writes to the shared memory of readers
                    found += [(f, os.lstat(f).st_mtime_ns) for f in [os.path.join(directory, n) for n in files]
                              if not f.endswith('rpmdb.sqlite-shm')]
            return found
        before = here()
        root = self.make()
        with tempfile.TemporaryDirectory() as home:
            self.done(root.run('--no-load', 'probe', r.NIC, env={'HOME': home}))
            self.done(root.run('remove', self.kmp(root, 'e1000e'), env={'HOME': home}))
            self.assertEqual(os.listdir(home), [])
        self.assertEqual(here(), before)

    def test_librpm_leaves_nothing_beside_its_database(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertEqual(root.database(), ['.rpm.lock', 'rpmdb.sqlite'])


class Roots(Case):
    def check(self, root, tree=True):
        before = root.state()
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertIn('e1000e.ko', root.on_disk())
        self.done(root.run('--no-load', 'probe', r.NIC), 2)
        # the tools of kmod would follow an absolute link out of the root
        if tree:
            self.assertIn('e1000e', r.output('modprobe', '-d', root.path, '-S', root.kver, '-R', 'e1000e'))
        self.done(root.run('remove', self.kmp(root, 'e1000e')))
        self.assertEqual(root.state(), before)

    def test_lib_is_a_link(self):
        self.check(self.make(link='usr/lib'))

    def test_lib_is_an_absolute_link(self):
        root = self.make(link='usr/lib')
        os.unlink(f'{root.path}/lib')
        os.symlink('/usr/lib', f'{root.path}/lib')
        root.modules = f'{root.path}/usr/lib/modules/{root.kver}'
        before = sorted(os.listdir('/usr/lib'))
        self.check(root, tree=False)
        self.assertEqual(sorted(os.listdir('/usr/lib')), before)

    def test_root_is_named_by_a_relative_path(self):
        root = self.make()
        directory, name = os.path.split(root.path)
        self.done(root.run('--no-load', 'probe', r.NIC, root=name, cwd=directory))
        self.done(root.run('remove', self.kmp(root, 'e1000e'), root=f'./{name}/', cwd=directory))

    def test_a_root_without_a_database_gets_one(self):
        root = self.make()
        shutil.rmtree(f'{root.path}/var/lib/rpm')
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertEqual(root.names(), [self.kmp(root, 'e1000e')])

    def test_the_database_may_lie_where_suse_has_it(self):
        root = self.make()
        os.makedirs(f'{root.path}/usr/lib/sysimage')
        os.rename(f'{root.path}/var/lib/rpm', f'{root.path}/usr/lib/sysimage/rpm')
        self.done(root.run('--no-load', 'probe', r.NIC))
        names = r.output('rpm', '--root', root.path, '--dbpath', '/usr/lib/sysimage/rpm', '-qa', '--qf', '%{NAME} ')
        self.assertEqual(sorted(names.split()), ['bystander', self.kmp(root, 'e1000e')])
        self.assertFalse(os.path.exists(f'{root.path}/var/lib/rpm'))

    def test_no_second_database_beside_one_that_cannot_be_read(self):
        """Of a format that librpm was built without, or damaged: a second one would hide what is installed."""
        for name in 'Packages.db', 'Packages':
            with self.subTest(name=name):
                root = self.make()
                shutil.rmtree(f'{root.path}/var/lib/rpm')
                os.mkdir(f'{root.path}/var/lib/rpm')
                with open(f'{root.path}/var/lib/rpm/{name}', 'w', encoding='utf-8') as f:
                    f.write('no database that librpm could read\n')
                root.run('list', '--installed')
                if 'Index.db' in root.database():
                    continue  # this librpm knows the format, and made an empty database of the file
                for args in (('--no-load', 'probe', r.NIC), ('list', '--installed'), ('check',)):
                    done = root.run(*args)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertRegex(done.stderr, r'(?m)^modfetch: [a-z]+: .*/var/lib/rpm.* \[INSTALL\]$')
                self.assertEqual(set(root.database()) - {'.rpm.lock', 'Index.db', '.dbenv.lock'}, {name})
                self.assertNotIn('e1000e.ko', root.on_disk())

    def test_the_database_lies_where_the_setting_says(self):
        root = self.make()
        root.conf(rpmdb='/opt/db')
        self.done(root.run('--no-load', 'probe', r.NIC))
        self.assertTrue(os.path.exists(f'{root.path}/opt/db/rpmdb.sqlite'))

    def test_nothing_at_all_but_a_repository(self):
        """An image without a kernel: first the drivers are installed, then the kernel itself."""
        root = self.make(modules=(), symvers=False)
        shutil.rmtree(root.modules)
        self.done(root.run('--no-load', 'probe', 'xfs'))
        self.assertIn('xfs.ko', root.on_disk())
        version, flavor = root.kver.rsplit('-', 1)
        self.done(root.run('install', f'kernel-{flavor}-image-{version.replace("-", "_")}'))
        self.assertTrue(os.path.exists(f'{root.path}/boot/vmlinuz-{root.kver}'))


class Oracle(Case):
    def test_what_would_be_loaded_is_what_the_full_tree_has(self):
        root = self.make()
        names = ['e1000e', 'snd_hda_intel', 'nvme', 'xfs', 'uas', 'xhci_pci', 'sd_mod', 'snd_hda_codec_realtek']
        self.done(root.run('--no-load', 'probe', *names))
        for name in names:
            full, ours = root.show_depends(r.full_tree(), name), root.show_depends(root.path, name)
            strip = [re.sub(r'.*/lib/modules/', '', line).strip() for line in full]
            ours = [re.sub(r'.*/lib/modules/', '', line).strip() for line in ours]
            # depmod orders equal modules by their place in the tree: the same modules, with the requested one last
            self.assertEqual((sorted(ours), ours[-1:]), (sorted(strip), strip[-1:]), name)
            self.assertGreater(len(ours), 0)

    def test_aliases_find_what_the_full_tree_has(self):
        root = self.make()
        self.done(root.run('--no-load', 'probe', r.NIC, r.HDA, r.NVME, r.XHCI))
        for alias in (r.NIC, r.HDA, r.NVME, r.XHCI):
            def ask(tree):
                return r.output('modprobe', '-d', tree, '-S', root.kver, '-C', '/nowhere', '-R', alias).split()
            self.assertEqual(ask(root.path), ask(r.full_tree()))


class Failures(Case):
    """The k-th call of a kind fails, or the process is killed in it."""

    def environment(self):
        # LeakSanitizer is a tracer itself, and a process can have only one
        return {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR),
                'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}

    def inject(self, root, calls, what, k, *args):
        with tempfile.NamedTemporaryFile() as log:
            command = ['strace', '-f', '-qq', '-o', log.name, '-e', f'trace={calls}', '-e',
                       f'inject={calls}:{what}:when={k}', '--', *root.command(*args)]
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90,
                                 env=self.environment())
            run.silenced = any(b' write(2, ' in line and b'(INJECTED)' in line for line in log.read().splitlines())
            return run

    def count(self, root, calls, *args):
        with tempfile.NamedTemporaryFile() as log:
            run = subprocess.run(['strace', '-f', '-qq', '-o', log.name, '-e', f'trace={calls}', '--',
                                  *root.command(*args)], capture_output=True, text=True, check=False,
                                 env=self.environment())
            self.assertEqual(run.returncode, 0, run.stderr)
            return sum(b'(' in line for line in log.read().splitlines())

    def sweep(self, calls, what, points):
        root = self.make()
        before = root.tree(), root.packages()
        args = ['--no-load', 'probe', r.NIC, r.XHCI]
        total = self.count(root, calls, *args)
        self.done(root.run('remove', *self.kmps(root)))
        self.assertEqual((root.tree(), root.packages()), before)
        self.assertGreater(total, 0, calls)
        step = max(1, total // points)
        for k in range(1, total + 1, step):
            yield root, before, k, self.inject(root, calls, what, k, *args)
            if self.kmps(root):
                self.done(root.run('remove', *self.kmps(root)))

    def test_a_call_that_fails_changes_nothing(self):
        for calls, what, points in (('pwrite64', 'error=ENOSPC', 12), ('write', 'error=ENOSPC', 8),
                                    ('rename,renameat,renameat2', 'error=EIO', 8), ('fsync,fdatasync', 'error=EIO', 6),
                                    ('mkdirat,mkdir', 'error=EROFS', 4), ('unlinkat', 'error=EIO', 4)):
            for root, before, k, run in self.sweep(calls, what, points):
                with self.subTest(calls=calls, k=k, stderr=run.stderr):
                    # the last file to be removed is removed by the next run
                    if 'is left until the next run' in run.stderr:
                        self.done(root.run('depmod', '-b', root.path, root.kver))
                    self.assertFalse([name for name in root.tree() if name.endswith(('.partial', '.old'))])
                    # at the very end: everything is done, but the output failed
                    if run.returncode == 0 or 'modfetch: output: stdout' in run.stderr:
                        self.assertIn('e1000e.ko', root.on_disk())
                        self.assertIn(self.kmp(root, 'e1000e'), root.names())
                        self.assertIn('xhci-pci.ko', root.on_disk())
                    else:
                        self.assertEqual(run.returncode, 1)
                        # strace counts separately in each process: the undoing one may have failed as well
                        if 'the next run will try again' in run.stderr:
                            self.assertIn(root.run('--no-load', 'probe', 'loop').returncode, (0, 2))
                        # the write that failed may have been that of the message
                        if not run.silenced:
                            self.assertRegex(run.stderr.splitlines()[-1], r'^modfetch: .*\[[A-Z-]+\]$')
                        self.assertEqual((root.tree(), root.packages()), before)

    def test_a_killed_run_is_undone_by_the_next(self):
        """Killed at any write, rename or sync: a later run must lead to the state of a run without a kill."""
        reference = self.make()
        self.done(reference.run('--no-load', 'probe', r.NIC, r.XHCI))
        wanted = reference.tree(), reference.packages()
        for calls, points in (('pwrite64', 10), ('write', 6), ('rename,renameat,renameat2', 8), ('fsync,fdatasync', 5),
                              ('unlinkat,unlink', 5), ('fork,vfork,clone,clone3', 2)):
            for root, before, k, run in self.sweep(calls, 'signal=KILL', points):
                with self.subTest(calls=calls, k=k):
                    # another query first: every new run must undo the unfinished work
                    self.assertIn(root.run('--no-load', 'probe', 'loop').returncode, (0, 2))
                    now = root.tree(), root.packages()
                    self.assertIn(now, (before, wanted), (k, run.stderr))
                    self.assertIn(root.run('--no-load', 'probe', r.NIC, r.XHCI).returncode, (0, 2))
                    self.assertEqual((root.tree(), root.packages()), wanted)
                    self.assertFalse(os.path.exists(f'{root.path}/var/lib/modfetch/undo'))

    def forgetting(self, injected):
        """At the end of a run, when the indexes are correct, its undo record cannot be removed."""
        trace, calls = f'{self.make_directory()}/trace', 0
        env = self.environment()
        root = self.make()
        subprocess.run(['strace', '-P', f'{root.path}/var/lib/modfetch', '-e', 'trace=unlinkat', '-o', trace, *root.command('--no-load', 'probe', r.NIC)], check=True,
                       stdout=subprocess.DEVNULL, env=env)
        with open(trace, encoding='utf-8') as f:
            lines = [line for line in f if line.startswith('unlinkat')]
        calls = next(i for i, line in enumerate(lines, 1) if '"undo"' in line)
        # only in that directory: removals elsewhere differ from run to run
        for k in calls, calls + 1, calls - 1:
            root = self.make()
            before = root.tree(), root.packages()
            run = subprocess.run(['strace', '-P', f'{root.path}/var/lib/modfetch', '-e', f'inject=unlinkat:{injected}:when={k}', '-o', trace,
                                  *root.command('--no-load', 'probe', r.NIC)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 check=False, env=env)
            if os.path.exists(f'{root.path}/var/lib/modfetch/undo') or 'undo: Input/output error' in run.stderr:
                return root, before, run
        self.fail(f'the undo record was removed each time: {run.stderr}')

    def make_directory(self):
        directory = tempfile.mkdtemp(prefix='install-')
        self.addCleanup(shutil.rmtree, directory)
        return directory

    def test_indexes_are_made_again_where_the_end_of_a_run_fails(self):
        root, before, run = self.forgetting('error=EIO')
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertEqual((root.tree(), root.packages()), before)

    def test_indexes_are_made_again_after_a_kill_at_the_end(self):
        root, before, run = self.forgetting('signal=KILL')
        self.assertNotEqual((root.tree(), root.packages()), before)
        self.assertIn(root.run('--no-load', 'probe', 'loop').returncode, (0, 2))
        self.assertEqual((root.tree(), root.packages()), before)

    def test_room_is_looked_for_before_anything_is_begun(self):
        """Space for the indexes and the database, but not for the files."""
        root = self.make()
        aside, modules = f'{root.path}/aside', f'{root.path}/lib/modules'
        os.rename(modules, aside)
        os.mkdir(modules)
        size = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(aside) for f in files)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size + (64 << 20)}', 'none', modules], check=True)
        self.addCleanup(subprocess.run, ['umount', modules], check=True)
        subprocess.run(['cp', '-a', f'{aside}/.', modules], check=True)
        shutil.rmtree(aside)
        plan = root.json('lookup', r.NIC, r.NVME, 'xfs')[1]['install']
        room = (1 << 20) + len(plan) * (160 << 10) + (256 << 10)
        fs = os.statvfs(modules)
        with open(f'{modules}/filler', 'wb') as f:
            f.write(bytes(fs.f_bfree * fs.f_frsize - room))
        before = root.state()
        run = self.done(root.run('--no-load', 'probe', r.NIC, r.NVME, 'xfs'), 1)
        self.assertRegex(run.stderr, r'install: /lib/modules: \d+ kB are needed, \d+ kB are free; .* \[ENOSPC\]')
        self.assertEqual(root.state(), before)

    def test_indexes_that_cannot_be_written_take_the_packages_out_again(self):
        root = self.make()
        before = root.state()
        subprocess.run(['chattr', '+i', f'{root.modules}/modules.dep'], check=True)
        try:
            run = root.run('--no-load', 'probe', r.NIC)
        finally:
            subprocess.run(['chattr', '-i', f'{root.modules}/modules.dep'], check=True)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn('modfetch: depmod:', run.stderr)
        self.assertEqual(root.state(), before)


class Crowd(Case):
    QUERIES = ('e1000e', 'xhci_pci', 'usb_storage', 'uas', 'sd_mod', 'snd_hda_intel', 'nvme', 'xfs', 'crc32c_intel',
               'snd_hda_codec_realtek', 'snd_hda_codec_hdmi', 'snd_hda_codec_via', 'snd_hda_codec_analog', 'snd_pcm',
               'usbcore', 'scsi_mod', 'soundcore', 'libcrc32c', 'scsi_common', 'snd_hda_codec_idt')

    def test_twenty_at_once_end_as_one_after_the_other(self):
        one, many = self.make(), self.make()
        self.done(one.run('--no-load', 'probe', *self.QUERIES))
        running = [many.start('--no-load', 'probe', query) for query in self.QUERIES]
        for process in running:
            _, err = process.communicate(timeout=120)
            self.assertIn(process.returncode, (0, 2), err)
        self.assertEqual((many.tree(), many.packages()), (one.tree(), one.packages()))
        self.assertEqual(len(many.history()), len(self.QUERIES))

    def test_probes_removals_and_refreshes_at_once_corrupt_nothing(self):
        root = self.make()
        before = root.tree(), root.packages()
        failures = []

        def work(*commands):
            for args in commands:
                run = root.run(*args)
                if run.returncode not in (0, 2, 3):
                    failures.append((args, run.stderr))
        threads = [threading.Thread(target=work, args=commands) for commands in (
            [['--no-load', 'probe', 'e1000e'], ['remove', self.kmp(root, 'e1000e')]] * 4,
            [['--no-load', 'probe', 'xfs'], ['remove', self.kmp(root, 'xfs')]] * 4,
            [['refresh', '--force']] * 5, [['lookup', r.HDA], ['status']] * 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.done(root.run('remove', *self.kmps(root)) if self.kmps(root) else root.run('lookup', 'loop'))
        self.assertEqual((root.tree(), root.packages()), before)

    def test_killing_some_of_a_crowd_harms_nobody_else(self):
        one, many = self.make(), self.make()
        self.done(one.run('--no-load', 'probe', *self.QUERIES))
        running = [many.start('--no-load', 'probe', query) for query in self.QUERIES]
        for process in running[::3]:
            process.send_signal(signal.SIGKILL)
        for i, process in enumerate(running):
            _, err = process.communicate(timeout=120)
            if i % 3:
                self.assertIn(process.returncode, (0, 2), err)
        self.assertIn(many.run('--no-load', 'probe', *self.QUERIES).returncode, (0, 2))
        self.assertEqual((many.tree(), many.packages()), (one.tree(), one.packages()))


if __name__ == '__main__':
    unittest.main()
