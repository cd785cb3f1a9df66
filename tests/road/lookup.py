#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The answers of the command: the JSON that scripts rely on, exit codes, options at every position."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

STATES = {'present', 'builtin', 'available', 'denied', 'unknown', 'invalid'}


class Lookup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root()
        cls.root.repo('file://' + r.repository())
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.root.close()

    def lookup(self, *queries):
        status, answer = self.root.json('lookup', *queries)
        return status, answer, {one['query']: one for one in answer['results']}

    def test_object_has_the_shape_of_the_contract(self):
        status, answer, results = self.lookup(r.NIC)
        self.assertEqual(status, 0)
        self.assertEqual(answer['kernel'], self.root.kver)
        self.assertLessEqual({'kernel', 'results', 'install'}, set(answer))
        one = results[r.NIC]
        self.assertEqual(one['state'], 'available')
        self.assertEqual(one['modules'], ['e1000e'])
        self.assertEqual(one['packages'], [f'e1000e-kmp-{r.tag(self.root.kver)}'])
        self.assertIsInstance(one['reason'], str)
        for item in answer['install']:
            self.assertEqual({k: type(v) for k, v in item.items()},
                             {'name': str, 'evr': str, 'arch': str, 'repo': str, 'size': int, 'source': str, 'why': str})
            self.assertGreater(item['size'], 1000)
            self.assertEqual(item['repo'], 'test')

    def test_states_of_a_machine(self):
        status, _, results = self.lookup('loop', 'e1000e', 'nosuchmodule', 'ext4', 'serio', r.NOBODY)
        self.assertEqual(status, 3)
        self.assertEqual({q: one['state'] for q, one in results.items()},
                         {'loop': 'present', 'e1000e': 'available', 'nosuchmodule': 'unknown', 'ext4': 'unknown',
                          'serio': 'builtin', r.NOBODY: 'unknown'})
        self.assertLessEqual({one['state'] for one in results.values()}, STATES)

    def test_an_alias_nobody_carries_is_not_found(self):
        done = self.root.run('lookup', r.NOBODY)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f'no package for {r.NOBODY}', done.stderr)
        self.assertIn('[NOT-FOUND]', done.stderr)
        done = self.root.run('--no-load', 'probe', r.NOBODY)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f'no package for {r.NOBODY}', done.stderr)

    def test_garbage_and_over_long_aliases_are_refused(self):
        before = self.root.state()
        for query in ('pci:v\x01', 'pci:[' + 'x' * 5000, 'a' * 2049, 'usb:v\xff', '', 'pci:\n', 'x[1-', ']'):
            for verb in ('lookup', 'probe'):
                done = self.root.run('--no-load', verb, query)
                self.assertEqual(done.returncode, 4, (query[:20], done.stderr))
                self.assertIn('[BAD-MODALIAS]', done.stderr)
                self.assertTrue(all(c >= ' ' for c in done.stderr.rstrip('\n')), repr(done.stderr))
        self.assertEqual(self.root.run('lookup', 'a' * 2048).returncode, 3)
        self.assertEqual(self.root.state(), before)

    def test_one_bad_query_of_several_is_answered_for_itself(self):
        path = f'{self.root.path}/tmp/queries'
        with open(path, 'wb') as f:
            f.write(b'# a comment\r\n\r\n' + r.NIC.encode() + b'\r\nx[1-\nz\0z\n#\n' + b'y' * 5000 + b'\n')
        status, answer = self.root.json('lookup', 'loop', ']', '--file', path, 'a#b')
        self.assertEqual(status, 4)
        got = {one['query']: one for one in answer['results']}
        bad = {'x[1-': "it has a '[' without its ']'", ']': "it has a ']' without its '['",
               'z?z': 'it has a byte that is not printable ASCII', 'y' * 128: 'it is longer than 2048 bytes'}
        self.assertEqual(set(got), {r.NIC, 'loop', 'a#b', *bad})
        for query, reason in bad.items():
            self.assertEqual((got[query]['state'], got[query]['code'], got[query]['reason']), ('invalid', 'BAD-MODALIAS', reason))
            self.assertEqual(got[query]['modules'], [])
        self.assertEqual((got[r.NIC]['state'], got['a#b']['state'], got['a#b']['code']), ('available', 'unknown', 'NOT-FOUND'))
        self.assertNotIn('code', got[r.NIC])
        self.assertEqual([item['name'].split('-kmp-')[0] for item in answer['install'] if item['name'].startswith('e1000e')], ['e1000e'])
        done = self.root.run('lookup', 'loop', ']', '--file', path)
        self.assertEqual(len([line for line in done.stderr.splitlines() if '[BAD-MODALIAS]' in line]), len(bad))

    def test_long_names_leave_room_for_the_reason_and_the_code(self):
        done = self.root.run('lookup', 'dmi:' + 'x' * 1189)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r'^modfetch: match: dmi:x+…: no package for dmi:x+… \[NOT-FOUND\]\n$')

    def test_the_reason_names_all_that_match(self):
        _, _, results = self.lookup('crypto-crc32c')
        reason = results['crypto-crc32c']['reason']
        for module in results['crypto-crc32c']['modules']:
            self.assertIn(module, reason)
        self.assertIn('crc32c_intel is in crc32c_intel-kmp-', reason.replace('-intel', '_intel'))

    def test_a_symbol_is_found_by_its_exporter(self):
        status, _, results = self.lookup('symbol:snd_hda_gen_spec_init')
        self.assertEqual(status, 0)
        self.assertEqual(results['symbol:snd_hda_gen_spec_init']['modules'], ['snd_hda_codec_generic'])

    def test_an_alias_without_a_bus_is_found(self):
        _, _, results = self.lookup('fs-xfs', 'crypto-crc32c')
        self.assertEqual(results['fs-xfs']['modules'], ['xfs'])
        self.assertLessEqual({'crc32c_intel', 'crc32c_generic'}, set(results['crypto-crc32c']['modules']))

    def test_names_are_spelt_with_dash_or_underscore(self):
        _, _, results = self.lookup('snd-hda-intel', 'snd_hda_intel')
        self.assertEqual(results['snd-hda-intel']['modules'], results['snd_hda_intel']['modules'])

    def test_nothing_is_changed_by_looking(self):
        before = self.root.state(), self.root.history()
        for args in (['lookup', r.NIC, r.NOBODY], ['--dry-run', 'probe', r.HDA], ['status'], ['history'],
                     ['--dry-run', 'install', 'xfs-kmp'], ['coldplug', '--dry-run', '--sysfs', '/dev/null']):
            self.root.run(*args)
        self.assertEqual((self.root.state(), self.root.history()), before)

    def test_dry_run_prints_the_object_of_lookup(self):
        _, by_lookup = self.root.json('lookup', r.NIC)
        status, by_probe = self.root.json('--dry-run', 'probe', r.NIC)
        self.assertEqual((status, by_probe), (0, by_lookup))

    def test_why_is_lookup(self):
        self.assertEqual(self.root.json('why', r.HDA), self.root.json('lookup', r.HDA))

    def test_search_finds_by_name_summary_and_alias(self):
        status, hits = self.root.json('search', 'E1000E')
        self.assertEqual(status, 0)
        self.assertEqual([(h['name'], h['found'], h['repo'], h['installed']) for h in hits],
                         [(f'e1000e-kmp-{r.tag(self.root.kver)}', 'name', 'test', None)])
        self.assertGreater(hits[0]['size'], 1000)
        _, hits = self.root.json('search', r.NIC)
        self.assertEqual([(h['name'], h['found']) for h in hits], [(f'e1000e-kmp-{r.tag(self.root.kver)}', 'alias')])
        self.assertTrue(hits[0]['alias'].startswith('pci:v00008086d000010D3'))
        _, hits = self.root.json('search', 'pro/1000', 'network')
        self.assertEqual([(h['name'], h['found']) for h in hits], [(f'e1000e-kmp-{r.tag(self.root.kver)}', 'summary')])
        _, hits = self.root.json('search', 'snd?hda*')
        self.assertGreater(len(hits), 3)
        self.assertTrue(all('snd_hda' in h['name'] for h in hits))
        text = self.root.run('search', 'hda', 'intel').stdout
        self.assertIn(f'  snd_hda_intel-kmp-{r.tag(self.root.kver)}', text)

    def test_search_for_what_nobody_has_is_not_found(self):
        done = self.root.run('search', 'nosuchthing')
        self.assertEqual((done.returncode, done.stdout), (3, ''))
        self.assertIn('[NOT-FOUND]', done.stderr)
        self.assertEqual(self.root.json('search', 'nosuchthing'), (3, []))

    def test_info_tells_who_gives_what_a_driver_needs(self):
        status, found = self.root.json('info', 'snd-hda-intel')
        self.assertEqual((status, len(found)), (0, 1))
        one = found[0]
        self.assertEqual((one['name'], one['modules'], one['installed'], one['on_disk']),
                         (f'snd_hda_intel-kmp-{r.tag(self.root.kver)}', ['snd_hda_intel'], None, []))
        modinfo = subprocess.run(['find', r.kernel()[0], '-name', 'snd-hda-intel.ko'], capture_output=True, text=True,
                                 check=True).stdout.strip()

        def field(name):
            done = subprocess.run(['/sbin/modinfo', '-F', name, modinfo], capture_output=True, text=True, check=True)
            return done.stdout.splitlines()
        self.assertEqual(one['license'], field('license')[0])
        self.assertEqual(sorted(one['aliases']), sorted(field('alias')))
        givers = {n['need'].partition(' ')[0]: n['giver'] for n in one['requires']}
        self.assertEqual(givers[f'ksym({r.tag(self.root.kver).split("-")[0]}:snd_pcm_period_elapsed)'], f'snd_pcm-kmp-{r.tag(self.root.kver)}')
        self.assertNotIn(None, givers.values())
        _, answer, _ = self.lookup('snd_hda_intel')
        planned = {item['name'] for item in answer['install']}
        self.assertLessEqual({g for g in givers.values() if g != 'kernel'}, planned)
        text = self.root.run('info', 'snd-hda-intel').stdout
        for line in ('installed    no', 'module       snd_hda_intel', 'license      GPL', 'more (-v)'):
            self.assertIn(line, text)
        self.assertNotIn('(-v)', self.root.run('-v', 'info', 'snd-hda-intel').stdout)
        self.assertEqual(self.root.run('info', 'nosuchmodule').returncode, 3)

    def test_info_of_what_is_installed_says_so(self):
        root = r.Root()
        try:
            root.repo('file://' + r.repository())
            self.assertEqual(root.run('--no-load', 'probe', r.NIC).returncode, 0)
            _, (one, *_) = root.json('info', 'e1000e')
            self.assertEqual(one['installed'], one['evr'])
            self.assertIn(f'i e1000e-kmp-{r.tag(self.root.kver)}', root.run('search', 'e1000e').stdout)
            self.assertEqual(len(root.json('search', 'e1000e')[1]), 1, 'a module on disk and in a repository is one result')
        finally:
            root.close()

    def test_a_plan_can_be_drawn(self):
        done = self.root.run('lookup', '--dot', r.HDA)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        _, answer, _ = self.lookup(r.HDA)
        planned = {item['name'] for item in answer['install']}
        self.assertEqual(set(re.findall(r'^"p:([^"]+)" \[shape=component', done.stdout, re.M)), planned)
        edges = re.findall(r'^"p:([^"]+)" -> "p:([^"]+)" \[label="([^"]*)"(, style=dashed)?\];$', done.stdout, re.M)
        self.assertIn((f'snd_hda_intel-kmp-{r.tag(self.root.kver)}', f'snd_pcm-kmp-{r.tag(self.root.kver)}'), {edge[:2] for edge in edges})
        self.assertTrue(any(label.startswith('symbol snd_') for _, _, label, _ in edges))
        # every installed package has an arrow as its reason
        self.assertEqual(planned, {edge[1] for edge in edges} | set(re.findall(r'^"m:[^"]+" -> "p:([^"]+)";$', done.stdout, re.M)))

    def test_a_plan_that_fails_cannot_be_drawn(self):
        root = r.Root()
        self.addCleanup(root.close)
        root.repo('file:///nonexistent')
        done = root.run('lookup', '--dot', r.NIC)
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('[NO-METADATA]', done.stderr)

    def test_a_case_of_a_real_machine_has_the_same_plan(self):
        with open(f'{self.root.path}/etc/modprobe.d/case.conf', 'w', encoding='utf-8') as f:
            f.write('blacklist nvme\n')
        with open(f'{self.root.path}/etc/modprobe.d/modfetch-loading.conf', 'w', encoding='utf-8') as f:
            f.write('blacklist e1000e\n')
        queries = (r.NIC, r.HDA, r.NVME, 'fs-xfs', 'loop', 'serio', 'symbol:snd_hda_gen_spec_init', r.NOBODY)
        try:
            done = self.root.run('lookup', '--case', *queries)
            _, answer, _ = self.lookup(*queries)
        finally:
            os.unlink(f'{self.root.path}/etc/modprobe.d/case.conf')
            os.unlink(f'{self.root.path}/etc/modprobe.d/modfetch-loading.conf')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('  blacklist nvme\n', done.stdout)
        self.assertNotIn('blacklist e1000e', done.stdout)
        self.assertGreater(len(answer['install']), 8)
        path = f'{self.root.path}/tmp/real.case'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(done.stdout)
        self.assertLess(len(done.stdout), 1 << 20)
        expected = {f'  install {i["name"]}-{i["evr"]} from test' for i in answer['install']}
        self.assertEqual({line for line in done.stdout.splitlines() if line.startswith('  install ')}, expected)
        runner = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'resolve', 'case.py')
        judged = subprocess.run([sys.executable, runner, path], capture_output=True, text=True, check=False)
        self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def test_global_options_stand_before_and_after_the_verb(self):
        command = [os.path.abspath(r.MODFETCH)]
        options = ['--root', self.root.path, '--kernel=' + self.root.kver, '--json']
        for args in (options + ['lookup', r.NIC], ['lookup'] + options + [r.NIC], ['lookup', r.NIC] + options,
                     options[:2] + ['lookup', r.NIC] + options[2:]):
            done = subprocess.run(command + args, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)['kernel'], self.root.kver)

    def test_only_json_goes_to_stdout_and_failures_to_stderr(self):
        for args in (['lookup', r.NIC], ['lookup', r.NOBODY], ['-v', 'lookup', r.NIC], ['status'], ['refresh'],
                     ['refresh', '--force'], ['--dry-run', 'install', f'e1000e-kmp-{r.tag(self.root.kver)}']):
            done = self.root.run('--json', *args)
            json.loads(done.stdout)
        for args in (['lookup', 'x' * 3000], ['lookup'], ['nosuchverb'], ['install', 'no-such-package']):
            done = self.root.run('--json', *args)
            self.assertRegex(done.stderr, rf"^modfetch: .*\[{json.loads(done.stdout)['error']['code']}\]\n$")

    def test_usage_errors_are_64_with_one_line(self):
        for args in (['nosuchverb'], ['lookup'], ['probe'], ['install'], ['remove'], ['install', '--nosuch'],
                     ['lookup', '--nosuch', 'x'], ['coldplug', 'x'], ['search'], ['info'], ['search', ''],
                     ['info', '--nosuch'], ['coldplug', '--sysfs'], ['history', '-n', 'x'],
                     ['status', 'x'], ['refresh', '--nosuch'], ['lookup', 'x', '--root'], ['--kernel', '', 'lookup', 'x'],
                     ['--kernel', '../x', 'lookup', 'x'], ['--root', '', 'lookup', 'x'],
                     ['--root', '/no/such/directory', 'lookup', 'x'], ['--dry-run', 'refresh']):
            done = self.root.run(*args)
            self.assertEqual(done.returncode, 64, (args, done.stdout, done.stderr))
            self.assertEqual(len(done.stderr.splitlines()), 1, (args, done.stderr))
            self.assertIn('[USAGE]', done.stderr)

    def test_results_that_cannot_be_written_are_a_failure(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            done = subprocess.run(self.root.command('--json', 'lookup', r.NIC), stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('[ENOSPC]', done.stderr)

    def test_root_may_be_relative_or_a_link(self):
        directory, name = os.path.split(self.root.path)
        link = self.root.path + '-link'
        os.symlink(self.root.path, link)
        try:
            for where in (name, f'./{name}/', link, f'../{os.path.basename(directory)}/{name}'):
                done = self.root.run('--json', 'lookup', r.NIC, root=where, cwd=directory)
                self.assertEqual(done.returncode, 0, (where, done.stderr))
        finally:
            os.unlink(link)

    def test_the_only_kernel_of_a_root_is_found(self):
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', self.root.path, '--json', 'lookup', r.NIC],
                              capture_output=True, text=True, check=False)
        self.assertEqual(json.loads(done.stdout)['kernel'], self.root.kver)
        os.mkdir(f'{self.root.path}/lib/modules/6.9.9-amd64')
        try:
            done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', self.root.path, 'lookup', r.NIC],
                                  capture_output=True, text=True, check=False)
        finally:
            os.rmdir(f'{self.root.path}/lib/modules/6.9.9-amd64')
        self.assertEqual(done.returncode, 64)
        self.assertIn('--kernel', done.stderr)

    def test_a_machine_without_sysfs_has_a_status(self):
        done = self.root.run('status', '--all')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('repository test', done.stdout)
        status, answer = self.root.json('status')
        self.assertEqual(status, 0)
        self.assertEqual(answer['repositories'][0]['id'], 'test')
        self.assertIs(answer['repositories'][0]['metadata'], True)
        self.assertEqual(self.root.run('coldplug').returncode, 2)

    def test_quiet_is_quiet(self):
        done = self.root.run('-q', 'lookup', r.NIC)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))

    def test_help_and_version(self):
        for args in (['--help'], ['-h'], ['--version'], ['lookup', '--help']):
            done = self.root.run(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('modfetch', done.stdout)


class Installed(unittest.TestCase):
    """The list of installed packages is cached between runs, and used only as long as the database is unchanged."""

    def setUp(self):
        self.root = r.Root()
        self.root.repo('file://' + r.repository())
        done = self.root.run('--no-load', 'probe', r.NIC)
        assert done.returncode == 0, done.stderr
        self.directory = f'{self.root.path}/var/cache/modfetch/.installed'

    def tearDown(self):
        self.root.close()

    def kept(self):
        return [n for n in os.listdir(self.directory) if n.endswith('.solv')] if os.path.isdir(self.directory) else []

    def clock(self, after):
        """A clock this many seconds after the last change of the database (a busy machine adds a few)."""
        database = f'{self.root.path}/var/lib/rpm/rpmdb.sqlite'
        return r.clock_at(after + max(os.stat(path).st_ctime for path in (database, database + '-wal') if os.path.exists(path)))

    def installed(self, after=None):
        """The version in the output of a run; AFTER: with such a clock."""
        env = self.clock(after) if after is not None else {}
        return json.loads(self.root.run('--json', 'info', 'e1000e', env=env).stdout)[0]['installed']

    def rpm(self, *args):
        subprocess.run(['rpm', '--root', self.root.path, '--dbpath', '/var/lib/rpm', *args], check=True,
                       stderr=subprocess.PIPE)

    def test_what_another_program_changes_is_seen_at_once(self):
        before = self.kept()
        self.assertIsNotNone(self.installed(after=-60))
        # a database that was just written might still change without another time stamp
        self.assertLessEqual(set(self.kept()), set(before))
        evr = self.installed(after=5)
        self.assertEqual(len(self.kept()), 1)
        first = self.kept()
        self.assertEqual(self.installed(), evr)
        self.assertEqual(self.kept(), first, 'a lookup must not invalidate it')
        name = subprocess.run(['rpm', '--root', self.root.path, '--dbpath', '/var/lib/rpm', '-qa', 'e1000e-kmp*'],
                              check=True, capture_output=True, text=True).stdout.strip()
        self.assertEqual(self.installed(), evr)
        self.rpm('-e', '--justdb', '--nodeps', name)
        self.assertIsNone(self.installed())
        self.assertIsNone(self.installed(after=5))
        self.assertEqual(len(self.kept()), 1, 'earlier states are not kept')
        self.assertNotEqual(self.kept(), first)

    def test_a_refresh_and_a_boot_read_it_before_the_next_device(self):
        evr = self.installed(after=5)
        for arguments, status in (('refresh',), 2), (('coldplug', '--boot', '--no-load'), 2):
            shutil.rmtree(self.directory)
            done = self.root.run(*arguments, env=self.clock(after=5))
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertEqual({n.rpartition('.')[2] for n in os.listdir(self.directory)}, {'plan', 'solv'})
            self.assertEqual(self.installed(), evr)

    def test_a_damaged_list_is_read_anew(self):
        evr = self.installed(after=5)
        path = f'{self.directory}/{self.kept()[0]}'
        with open(path, 'rb') as f:
            whole = f.read()
        for damage in (whole[:len(whole) // 2], b'', whole[:100] + b'\xff' * 40 + whole[140:], b'x' * len(whole)):
            with open(path, 'wb') as f:
                f.write(damage)
            self.assertEqual(self.installed(), evr)


class Coldplug(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.root.repo('file://' + r.repository())

    def tearDown(self):
        self.root.close()

    def device(self, path, modalias):
        os.makedirs(f'{self.root.path}/sys/devices/{path}')
        with open(f'{self.root.path}/sys/devices/{path}/modalias', 'w', encoding='latin-1') as f:
            f.write(modalias + '\n')

    def test_all_devices_of_a_tree_are_one_transaction(self):
        self.device('pci0000:00/0000:00:02.0', r.NIC)
        self.device('pci0000:00/0000:00:03.0', r.HDA)
        self.device('pci0000:00/0000:00:04.0', r.NIC)
        self.device('pci0000:00/0000:00:05.0', r.NOBODY)
        self.device('platform/odd', 'bad\x01alias')
        os.symlink('..', f'{self.root.path}/sys/devices/platform/loop')
        done = self.root.run('coldplug', '--no-load')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual({'e1000e.ko', 'snd-hda-intel.ko', 'snd-pcm.ko'}, set(self.root.on_disk()))
        history = self.root.history()
        self.assertEqual(len(history), 1)
        self.assertEqual([q['query'] for q in history[0]['queries']].count(r.NIC), 1)
        self.assertEqual(self.root.run('coldplug').returncode, 2, 'a second run has nothing to do')

    def test_coldplug_wants_what_udevs_rules_load_by_name(self):
        rules = f'{self.root.path}/usr/lib/udev/rules.d'
        device = f'{self.root.path}/recorded/devices/host0/0:0:0:0'
        for directory in (rules, device):
            os.makedirs(directory, exist_ok=True)
        with open(f'{rules}/80-debian-compat.rules', 'w', encoding='ascii') as f:
            f.write('SUBSYSTEM=="scsi", ENV{DEVTYPE}=="scsi_device", TEST!="[module/sg]", RUN{builtin}+="kmod load sg"\n')
        with open(f'{device}/uevent', 'w', encoding='ascii') as f:
            f.write('DEVTYPE=scsi_device\n')
        os.symlink('../../../bus/scsi', f'{device}/subsystem')
        self.assertEqual(self.root.run('refresh').returncode, 0)
        _, answer = self.root.json('--dry-run', 'coldplug', '--sysfs', f'{self.root.path}/recorded')
        self.assertEqual([one['query'] for one in answer['results']], ['sg'])

    def test_a_recorded_tree_and_a_list_give_the_same_plan(self):
        self.device('a/b/c', r.NIC)
        self.device('a/b/d', r.XHCI)
        done = self.root.run('--dry-run', 'coldplug')
        self.assertEqual(done.returncode, 1, 'a dry run does not even refresh')
        self.assertIn('[NO-METADATA]', done.stderr)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        _, by_tree = self.root.json('--dry-run', 'coldplug')
        _, by_directory = self.root.json('--dry-run', 'coldplug', '--sysfs', f'{self.root.path}/sys')
        path = f'{self.root.path}/tmp/list'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'{r.XHCI}\n\n{r.NIC}\r\nbroken[\n{r.NIC}\n')
        _, by_list = self.root.json('--dry-run', 'coldplug', '--sysfs', path)
        self.assertEqual(by_tree['install'], by_directory['install'])
        self.assertEqual(by_tree['install'], by_list['install'])
        self.assertGreater(len(by_tree['install']), 1)
        states = {one['query']: one['state'] for one in by_list['results']}
        self.assertEqual(states, {r.NIC: 'available', r.XHCI: 'available', 'broken[': 'invalid'})

    def test_a_name_out_of_bounds_is_one_line_and_the_others_are_installed(self):
        self.device('a', r.NIC)
        self.device('platform/odd', 'bad\x01alias')
        self.device('platform/long', 'x' * 3000)
        dmi = 'dmi:bvnLENOVO:bvr-[TBE132I-2.50]-:bd10/14/2020:svn<NULL>:pn@(x)#1:'
        self.device('virtual/dmi/id', dmi)
        done = self.root.run('coldplug', '--no-load')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('e1000e.ko', self.root.on_disk())
        bad = sorted(line for line in done.stderr.splitlines() if '[BAD-MODALIAS]' in line)
        self.assertEqual(len(bad), 2, done.stderr)
        self.assertIn('/sys/devices/platform/long: xxx', bad[0])
        self.assertIn('it is longer than 2048 bytes', bad[0])
        self.assertIn('/sys/devices/platform/odd: bad?alias: it has a byte that is not printable ASCII', bad[1])
        queries = {q['query']: q for q in self.root.history()[0]['queries']}
        self.assertEqual(queries[dmi]['state'], 'unknown', 'kmod could match it, but no module does')
        self.assertEqual(queries['bad?alias']['state'], 'invalid')
        self.assertEqual(queries['bad?alias']['code'], 'BAD-MODALIAS')
        self.assertEqual(queries['bad?alias']['device'], '/sys/devices/platform/odd')
        self.assertEqual(self.root.run('coldplug').returncode, 2, 'a second run has nothing to do')

    def test_a_device_that_says_it_in_its_uevent_alone_is_found(self):
        for directory, text in (('virtual/mdio', 'DRIVER=\nMODALIAS=' + r.NIC + '\n'), ('virtual/none', 'OF_MODALIAS=' + r.HDA + '\n')):
            os.makedirs(f'{self.root.path}/sys/devices/{directory}')
            with open(f'{self.root.path}/sys/devices/{directory}/uevent', 'w', encoding='utf-8') as f:
                f.write(text)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        _, answer = self.root.json('lookup', '--device', '/sys/devices/virtual/mdio')
        self.assertEqual(answer['results'][0]['modules'], ['e1000e'])
        done = self.root.run('lookup', '--device', '/sys/devices/virtual/none')
        self.assertEqual(done.returncode, 3)
        self.assertIn('it has no modalias', done.stderr)
        self.assertEqual(self.root.run('coldplug', '--no-load').returncode, 0)
        self.assertIn('e1000e.ko', self.root.on_disk())
        self.assertNotIn('snd-hda-intel.ko', self.root.on_disk())

    def test_sources_that_are_not_there_are_failures(self):
        for source in ('/no/such', f'{self.root.path}/tmp/no'):
            done = self.root.run('coldplug', '--sysfs', source)
            self.assertEqual(done.returncode, 1)
            self.assertIn(source, done.stderr)

    def test_one_driver_that_cannot_be_had_does_not_cost_the_others(self):
        self.device('a', r.NIC)
        self.device('b', 'dmi:' + 'x' * 1500)
        self.assertEqual(self.root.run('coldplug').returncode, 0)
        self.assertIn('e1000e.ko', self.root.on_disk())

    def test_status_tells_devices_and_what_would_come(self):
        self.device('a', r.NIC)
        self.device('b', r.NOBODY)
        os.makedirs(f'{self.root.path}/sys/bus/pci/drivers/some')
        os.symlink('../../bus/pci/drivers/some', f'{self.root.path}/sys/devices/b/driver')
        self.root.run('refresh')
        _, answer = self.root.json('status')
        by = {one['device']: one for one in answer['results']}
        self.assertEqual(by['/sys/devices/a']['state'], 'available')
        self.assertIsNone(by['/sys/devices/a']['driver'])
        self.assertEqual(by['/sys/devices/b']['driver'], 'some')
        text = self.root.run('status').stdout
        self.assertIn('1 package would be installed', text)

    def test_a_device_is_asked_for_by_its_path(self):
        self.device('pci0000:00/0000:00:02.0', r.NIC)
        os.makedirs(f'{self.root.path}/sys/devices/dumb')
        self.root.run('refresh')
        status, answer = self.root.json('lookup', '--device', '/sys/devices/pci0000:00/0000:00:02.0')
        self.assertEqual((status, answer['results'][0]['state']), (0, 'available'))
        self.assertEqual(answer['results'][0]['device'], '/sys/devices/pci0000:00/0000:00:02.0')
        self.assertEqual(self.root.run('probe', '--device', '/sys/devices/dumb').returncode, 3)
        for path in ('/etc/passwd', '/sys/../etc', '/sys/devices/../../etc/passwd'):
            self.assertEqual(self.root.run('probe', '--device', path).returncode, 64, path)


class Check(unittest.TestCase):
    def test_a_machine_is_sound_until_somebody_touches_a_driver(self):
        root = r.Root()
        self.addCleanup(root.close)
        root.repo('file://' + r.repository())
        self.assertEqual(root.run('--no-load', 'probe', r.NIC, r.XHCI).returncode, 0)
        before = root.state()
        status, found = root.json('check')
        self.assertEqual((status, found['findings'], found['modules']), (0, [], len(root.on_disk())))
        self.assertEqual(found['owned'], len([name for name in root.names() if '-kmp-' in name]))
        self.assertEqual(root.state(), before, 'it only looks')
        nic = next(os.path.join(at, 'e1000e.ko') for at, _, files in os.walk(root.modules) if 'e1000e.ko' in files)
        with open(nic, 'ab') as f:
            f.write(b'x')
        done = root.run('check')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'e1000e\.ko: it was changed after .* \(e1000e-kmp-.*\) \[ALTERED\]')
        os.unlink(nic)
        codes = [f['code'] for f in root.json('check')[1]['findings']]
        self.assertEqual(codes, ['ALTERED'])
        self.assertEqual(root.run('check', 'x').returncode, 64)

    def test_a_whole_kernel_has_nothing_to_be_found(self):
        tree = r.full_tree()
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', tree, '--json', 'check'], stdout=subprocess.PIPE, check=False)
        found = json.loads(done.stdout)
        self.assertEqual((done.returncode, found['findings']), (0, []))
        self.assertGreater(found['modules'], 3000)


if __name__ == '__main__':
    unittest.main()
