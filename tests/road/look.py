#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looking at a machine: status in groups with names of devices, the lines of the journal, list, info and search, and what an ordinary
user may see."""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402
import drain  # noqa: E402
import terminal  # noqa: E402
import versions  # noqa: E402

REALTEK = 'usb:v0BDAp8153d3100dc00dsc00dp00icFFiscFFip00in00'
BRIDGE = 'pci:v00008086d00001237sv00000000sd00000000bc06sc00i00'
MEMORY = 'pci:v00008086d00001903sv00000000sd00000000bc05sc80i00'
PLAIN = [BRIDGE, MEMORY, 'acpi:PNP0C09:', 'acpi:LNXSYBUS:', 'platform:serial8250', 'cpu:type:x86,ven0000fam0006mod009E:feature:,0000',
         'pnp:dPNP0C02', 'input:b0019v0000p0001e0000-e0,1,k74,ramlsfw', 'wmi:05901221-D566-11D1-B2F0-00A0C9062910',
         'usb:v1050p0407d0526dc00dsc00dp00ic0Bisc00ip00in02']
PCI_IDS = """8086  Intel Corporation
	10d3  82574L Gigabit Network Connection
	2668  82801FB High Definition Audio Controller
1b36  Red Hat, Inc.
	0010  QEMU NVM Express Controller
"""
USB_IDS = """0bda  Realtek Semiconductor Corp.
	8153  RTL8153 Gigabit Ethernet Adapter
"""
USER = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
NO_JOURNAL = unittest.skipIf(os.path.exists('/run/systemd/journal/socket'), 'the lines would go to the journal of this machine')


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


class Case(unittest.TestCase):
    """A machine with names for devices, and a repository that it has metadata of."""

    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        write(f'{self.root.path}/usr/share/hwdata/pci.ids', PCI_IDS)
        write(f'{self.root.path}/usr/share/hwdata/usb.ids', USB_IDS)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        os.makedirs(f'{self.root.path}/sys/devices')

    def device(self, name, modalias, driver=None):
        where = f'{self.root.path}/sys/devices/{name}'
        write(f'{where}/modalias', modalias + '\n')
        if driver:
            os.makedirs(f'{self.root.path}/sys/bus/x/drivers/{driver}', exist_ok=True)
            os.symlink(f'../../bus/x/drivers/{driver}', f'{where}/driver')

    def status(self, *args):
        done = self.root.run('status', *args)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def group(self, text, heading):
        """The rows below a heading of status."""
        match = re.search(rf'(?m)^\d+ devices? {heading}:\n((?:  .*\n)*)', text)
        self.assertIsNotNone(match, f'{heading} is not in:\n{text}')
        return [re.split(' {2,}', row.strip()) for row in match.group(1).splitlines()]

    def groups(self):
        _, answer = self.root.json('status')
        return {one['device'].rsplit('/', 1)[-1]: one for one in answer['results']}


class Status(Case):
    def test_devices_are_named_and_grouped(self):
        self.device('works', r.HDA, 'snd_hda_intel')
        self.device('nic', r.NIC)
        self.device('realtek', REALTEK)
        self.device('disk', r.NVME)
        self.root.run('deny', 'module', 'nvme')
        text = self.status()
        self.assertEqual(self.group(text, 'without a driver; a repository has one'),
                         [['Intel 82574L Gigabit Network Connection', 'pci 8086:10d3', f'e1000e from e1000e-kmp-{r.tag(self.root.kver)}']])
        self.assertEqual(self.group(text, 'without a driver; no repository has one'),
                         [['Realtek RTL8153 Gigabit Ethernet Adapter', 'usb 0bda:8153']])
        (name, numbers, rule), = self.group(text, 'blocked by a rule')
        self.assertEqual((name, numbers), ('Red Hat QEMU NVM Express Controller', 'pci 1b36:0010'))
        self.assertIn('deny module nvme (00-admin.conf, line 1)', rule)
        # what works is counted, not listed
        self.assertIn('1 device works\n', text)
        self.assertNotIn('Audio', text)
        self.assertLess(len(text.splitlines()), 12)
        found = {name: (one['group'], one['class']) for name, one in self.groups().items()}
        self.assertEqual(found, {'works': ('works', 'sound controller'), 'nic': ('available', 'Ethernet controller'),
                                 'realtek': ('needs-driver', 'device'), 'disk': ('blocked', 'NVMe controller')})
        self.assertEqual(self.groups()['works']['name'], 'Intel 82801FB High Definition Audio Controller')

    def test_devices_of_every_machine_do_not_lack_a_driver(self):
        for i, modalias in enumerate(PLAIN):
            self.device(f'plain{i}', modalias)
        text = self.status()
        self.assertNotIn('without a driver', text)
        self.assertIn(f'0 devices work, {len(PLAIN)} need no driver\n', text)
        self.assertEqual({one['group'] for one in self.groups().values()}, {'plain'})

    def test_interfaces_of_one_device_are_one_line(self):
        for i in range(3):
            self.device(f'dock/1-1:1.{i}', REALTEK[:-2] + f'{i:02X}')
        self.assertEqual(self.group(self.status(), 'without a driver; no repository has one'),
                         [['Realtek RTL8153 Gigabit Ethernet Adapter (3)', 'usb 0bda:8153']])

    def test_a_long_list_is_cut(self):
        for i in range(30):
            self.device(f'nic{i}', f'pci:v00001234d0000{i:04X}sv00000000sd00000000bc02sc00i00')
        rows = self.group(self.status(), 'without a driver; no repository has one')
        self.assertEqual((len(rows), rows[-1]), (21, ['and 10 more: modfetch status --all']))
        self.assertEqual(len(self.group(self.status('--all'), 'without a driver; no repository has one')), 30)

    def test_without_names_the_class_is_told(self):
        shutil.rmtree(f'{self.root.path}/usr/share/hwdata')
        self.device('nic', r.NIC)
        self.device('other', 'pci:v00001234d00005678sv00000000sd00000000bc02sc80i00')
        text = self.status()
        self.assertEqual(self.group(text, 'without a driver; a repository has one')[0][:2], ['Ethernet controller', 'pci 8086:10d3'])
        self.assertEqual(self.group(text, 'without a driver; no repository has one'), [['network controller', 'pci 1234:5678']])

    def test_all_lists_every_device_with_its_driver(self):
        self.device('works', r.HDA, 'snd_hda_intel')
        self.device('nic', r.NIC)
        self.device('bridge', BRIDGE)
        rows = {row.split()[-1]: row for row in self.status('--all').splitlines() if '/sys/devices/' in row}
        self.assertEqual(len(rows), 3)
        self.assertRegex(rows['/sys/devices/works'], r'Audio Controller +pci 8086:2668 +works +snd_hda_intel +/')
        self.assertRegex(rows['/sys/devices/nic'], r'Connection +pci 8086:10d3 +available +- +/')
        self.assertRegex(rows['/sys/devices/bridge'], r'Intel bridge +pci 8086:1237 +plain +- +/')
        self.assertEqual(self.root.run('status', '--all', '--usage').returncode, 64)

    def test_a_device_in_the_spool_waits_and_says_for_what(self):
        self.device('nic', r.NIC)
        shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
        self.root.repo('http://127.0.0.1:1/')
        self.root.run('--unattended', 'coldplug')
        spool = f'{self.root.path}/run/modfetch/queue'
        os.makedirs(spool, mode=0o700, exist_ok=True)
        write(f'{spool}/{drain.spool_name(r.NIC)}', drain.ENTRY.format(r.NIC, 'nic', 2))
        done = self.root.run('status')
        (name, _, why), = self.group(done.stdout, 'waiting')
        self.assertEqual(name, 'Intel 82574L Gigabit Network Connection')
        self.assertRegex(why, r'until modfetch\.service tries again, or modfetch queue$')
        self.assertEqual(self.groups()['nic']['group'], 'waits')

    def test_a_driver_on_disk_that_is_not_bound(self):
        self.device('nic', r.NIC)
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 0)
        self.assertEqual(self.group(self.status(), 'without a driver, although one is here')[0][2], 'e1000e is on disk')

    def test_only_a_repository_with_a_problem_has_a_line(self):
        self.assertIn('repositories in use: test\n', self.status())
        self.assertNotIn('repository test', self.status())
        self.assertIn('repository test: enabled', self.status('--all'))
        self.root.repo('file:///nonexistent', name='empty')
        self.root.repo('file:///nonexistent', name='off', extra=['enabled=0'])
        done = self.root.run('status')
        self.assertIn('repository empty: enabled, no metadata yet', done.stdout)
        self.assertNotIn('repository off', done.stdout)
        self.assertIn('repository off: disabled', self.root.run('status', '--all').stdout)

    def test_a_problem_is_one_line(self):
        self.root.repo('ftp://x', name='bad')
        self.root.repo('file:///nonexistent', name='empty')
        done = self.root.run('status')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        for line in r'^repository bad: NOT USED: bad\.repo .*ftp://x$', r'^repository empty: .*modfetch refresh':
            self.assertEqual(len(re.findall(f'(?m){line}', done.stdout)), 1, done.stdout)
        # a verb that does not list repositories says it on standard error
        self.assertIn('bad.repo', self.root.run('search', 'hda').stderr)
        self.assertIn('modfetch refresh', self.root.run('search', 'hda').stderr)

    def test_without_a_repository_nothing_is_said_of_repositories(self):
        os.unlink(f'{self.root.path}/etc/modfetch/repos.d/test.repo')
        self.device('nic', r.NIC)
        done = self.root.run('status')
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(self.group(done.stdout, 'without a driver; there is no repository to search')), 1)

    def test_names_cannot_control_the_terminal(self):
        write(f'{self.root.path}/usr/share/hwdata/usb.ids', '0bda  Evil\033[2J\u202eCo\n\t8153  \033]0;x\007\u009b\n')
        self.device('realtek', REALTEK)
        for args in ((), ('--all',)):
            self.assertIsNone(re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]', self.status(*args)))


class Colors(Case):
    def setUp(self):
        super().setUp()
        self.device('realtek', REALTEK)
        self.device('works', r.HDA, 'snd_hda_intel')

    def on_terminal(self, *args, **options):
        return terminal.Terminal(self.root.command(*args), **options)

    def test_color_is_for_terminals_and_by_wish(self):
        self.assertIn('\033[1;31m1 device without', self.on_terminal('status').raw)
        self.assertIn('\033[32m1 device works\033[0m', self.on_terminal('status').raw)
        for options in ({'env': {'NO_COLOR': '1'}}, {'env': {'TERM': 'dumb'}}):
            self.assertNotIn('\033', self.on_terminal('status', **options).raw)
        self.assertNotIn('\033', self.on_terminal('--color=never', 'status').raw)
        self.assertNotIn('\033', self.root.run('status').stdout)
        self.assertIn('\033[', self.root.run('--color', 'always', 'status').stdout)
        done = self.root.run('--color=purple', 'status')
        self.assertEqual(done.returncode, 64)
        self.assertIn('--color: purple is no such value', done.stderr)

    def test_without_color_the_words_are_the_same(self):
        plain = self.root.run('status').stdout
        colored = self.root.run('--color=always', 'status').stdout
        self.assertEqual(re.sub(r'\033\[[0-9;]*m', '', colored), plain)

    def test_json_has_no_color(self):
        self.assertNotIn('\033', self.root.run('--json', '--color=always', 'status').stdout)

    def test_a_table_fits_the_terminal(self):
        # a name has the kernel's release in it, and so has the version
        wide = 80 + 2 * max(0, len(self.root.kver) - len('6.1.0-57-amd64'))
        for columns in 60, wide:
            done = self.on_terminal('search', 'hda', columns=columns)
            rows = [line for line in done.screen if 'snd_hda' in line]
            self.assertGreater(len(rows), 3)
            longest = max(rows, key=len)
            # the name is not shortened: only the summary is
            self.assertTrue(all(f'-kmp-{r.tag(self.root.kver)}' in row for row in rows), rows)
            if columns == wide:
                self.assertLessEqual(len(longest), columns)
                self.assertTrue([row for row in rows if row.endswith('…')], rows)
        self.assertNotIn('…', self.root.run('search', 'hda').stdout)


class Journal(Case):
    """The lines of a run without a user; without a journal they go to stderr."""

    def plug(self, name, modalias):
        self.device(name, modalias)
        spool = f'{self.root.path}/run/modfetch/queue'
        os.makedirs(spool, mode=0o700, exist_ok=True)
        write(f'{spool}/{drain.spool_name(modalias)}', drain.ENTRY.format(modalias, name, 2))

    @NO_JOURNAL
    def test_a_run_leaves_a_line_for_each_device_and_one_for_itself(self):
        self.plug('nic', r.NIC)
        self.plug('disk', r.NVME)
        self.plug('nobody', r.NOBODY)
        self.plug('bridge', BRIDGE)
        self.root.run('deny', 'bus', 'usb')
        self.plug('stick', r.STICK)
        done = self.root.run('--unattended', 'queue')
        self.assertEqual((done.returncode, done.stdout), (0, ''), done.stderr)
        lines = sorted(line.removeprefix('modfetch: ') for line in done.stderr.splitlines() if 'downloading as' not in line)
        self.assertEqual(len(lines), 3, done.stderr)
        self.assertRegex(lines[0], r'^Intel 82574L Gigabit Network Connection \(pci 8086:10d3\): e1000e installed in \d+\.\d s$')
        self.assertRegex(lines[1], r'^Red Hat QEMU NVM Express Controller \(pci 1b36:0010\): nvme installed in \d+\.\d s$')
        self.assertRegex(lines[2], r'^queue: 5 devices: 2 drivers installed \(\d+ packages, \d+\.\d MB\), 1 not found, 1 denied, in \d+\.\d s$')

    @NO_JOURNAL
    def test_the_first_boot_too(self):
        self.device('a/nic', r.NIC)
        self.device('b/nic', r.NIC)
        self.device('bridge', BRIDGE)
        done = self.root.run('coldplug', '--boot')
        self.assertEqual((done.returncode, done.stdout), (0, ''), done.stderr)
        lines = sorted(line.removeprefix('modfetch: ') for line in done.stderr.splitlines() if 'downloading as' not in line)
        self.assertEqual(len(lines), 2, done.stderr)
        self.assertRegex(lines[0], r'^Intel 82574L .*: e1000e installed in ')
        self.assertRegex(lines[1], r'^coldplug: 3 devices(, \d+ names)?: 1 driver installed \(\d+ packages?, .* MB\)(, \d+ not found)?, in ')


class Packages(Case):
    def names(self, *words):
        status, hits = self.root.json('search', *words)
        self.assertIn(status, (0, 3))
        return [hit['name'].split('-kmp')[0] for hit in hits]

    def test_the_best_hit_comes_first(self):
        self.assertEqual(self.names('snd_hda_codec')[0], 'snd_hda_codec')
        self.assertEqual(self.names('snd-hda-codec-kmp')[0], 'snd_hda_codec')
        self.assertTrue(all(name.startswith('snd_hda_codec_') for name in self.names('snd_hda_codec')[1:5]))
        # a word of a summary
        self.assertIn('e1000e', self.names('network'))
        self.assertEqual(self.names('fs-xfs'), ['xfs'])

    def test_generated_texts_are_not_searched(self):
        # all descriptions have it
        for word in 'license', 'patterns:', 'module':
            self.assertLess(len(self.names(word)), 5, word)
        self.assertNotIn('e1000e', self.names('pci'))
        self.assertEqual(self.names('gpl'), [])

    def test_what_is_installed_and_in_the_repository_is_one_block(self):
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 0)
        name = f'e1000e-kmp-{r.tag(self.root.kver)}'
        for word in 'e1000e', name, 'e1000e-kmp', '8086:10d3':
            text = self.root.run('info', word).stdout
            self.assertEqual(re.findall(r'(?m)^package +(\S+)', text), [name], word)
            self.assertRegex(text, r'(?m)^installed +\S*\d')
            self.assertRegex(text, r'(?m)^repository +test$')
        listed = self.root.run('list', '--installed').stdout.splitlines()
        self.assertEqual(len(listed), len({line.split()[0] for line in listed}))
        self.assertIn(name, [line.split()[0] for line in listed])

    def test_what_is_not_there_is_said_once(self):
        for args in ('search', 'nosuchthing'), ('info', 'nosuchthing'), ('history', '77'):
            done = self.root.run(*args)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (3, '', 1), args)


class Versions(versions.Case):
    def test_an_update_is_shown_with_its_device(self):
        self.install_first()
        write(f'{self.machine.path}/sys/devices/x/modalias', 'dummy\n')
        os.makedirs(f'{self.machine.path}/sys/bus/x/drivers/dummy')
        os.symlink('../../bus/x/drivers/dummy', f'{self.machine.path}/sys/devices/x/driver')
        self.assertNotIn('update', self.ok('status').stdout)
        self.publish('1.0', '1.1')
        text = self.ok('status').stdout
        self.assertRegex(text, r'(?m)^1 device working; there is an update:$')
        self.assertRegex(text, r'(?m)^2 updates: modfetch update$')
        self.assertRegex(text, r'(?m)^  dummy-kmp\S* +1\.0-1 -> 1\.1-1 +test$')
        _, answer = self.machine.json('status')
        self.assertEqual([u['evr'] for u in answer['updates']], ['1.1-1', '1.1-1'])
        self.assertEqual(answer['results'][0]['group'], 'update')


@unittest.skipIf(os.geteuid(), 'only root can become another user')
class User(Case):
    READING = [['status'], ['status', '--all'], ['lookup', r.HDA], ['search', 'hda'], ['info', 'xfs'], ['list', '--installed'],
               ['list', '--updates'], ['list', '--patterns'], ['list', '--held'], ['list', '--unowned'], ['history'],
               ['help'], ['help', 'install'], ['repo', 'list'], ['key', 'list'], ['complete', 'packages,installed'], ['complete', 'history'], ['--version'], ['trials'], ['update', '--check'], ['--dry-run', 'install', 'xfs-kmp']]
    CHANGING = [['install', 'xfs-kmp'], ['probe', r.HDA], ['remove', 'e1000e'], ['deny', 'floppy'], ['allow', 'floppy'], ['hold', 'e1000e'],
                ['unhold', 'e1000e'], ['prefer', 'test'], ['refresh'], ['coldplug'], ['queue'], ['update'], ['rollback'], ['undo', '1'],
                ['repo', 'disable', 'test'], ['repo', 'remove', 'test'], ['key', 'import', 'test', '/dev/null'],
                ['initrd'], ['kernel-added', 'x'], ['kernel-removed', 'x']]

    def setUp(self):
        super().setUp()
        self.root.conf(keep_versions=2)
        self.device('nic', r.NIC)
        self.assertEqual(self.root.run('--no-load', 'probe', r.NIC).returncode, 0)
        os.chmod(self.root.path, 0o755)

    def as_user(self, *args):
        return subprocess.run([*USER, *self.root.command(*args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=60)

    def test_a_user_can_look_at_all(self):
        before = self.root.state()
        for args in self.READING:
            with self.subTest(args=args):
                root, user = self.root.run(*args), self.as_user(*args)
                said = [line for line in user.stderr.splitlines() if 'only root can read the list of kept packages' not in line]
                self.assertEqual((user.returncode, user.stdout, said), (root.returncode, root.stdout, root.stderr.splitlines()))
        self.assertEqual(self.root.state(), before)

    def test_a_verb_that_changes_the_machine_says_so_before_it_does_anything(self):
        before = self.root.state(), self.root.history()
        for args in self.CHANGING:
            with self.subTest(args=args):
                done = self.as_user(*args)
                self.assertEqual((done.returncode, done.stdout), (4, ''))
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(f'modfetch {args[0]} must run as root', done.stderr)
                self.assertIn('[NOT-ROOT]', done.stderr)
        self.assertEqual((self.root.state(), self.root.history()), before)

    def test_a_file_that_only_root_can_read_is_named(self):
        self.root.repo('http://user:secret-word@127.0.0.1:1/', name='private')
        os.chmod(f'{self.root.path}/etc/modfetch/repos.d/private.repo', 0o600)
        for args in ['status'], ['search', 'hda'], ['lookup', r.HDA], ['info', 'xfs'], ['list', '--installed']:
            with self.subTest(args=args):
                done = self.as_user(*args)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((done.stdout + done.stderr).count('private.repo: only root can read it'), 1)
                self.assertNotIn('secret-word', done.stdout + done.stderr)
        self.assertIn('NOT USED: private.repo: only root can read it', self.as_user('status').stdout)
        os.chmod(f'{self.root.path}/etc/modfetch/policy.d', 0o700) if os.path.isdir(f'{self.root.path}/etc/modfetch/policy.d') else \
            os.mkdir(f'{self.root.path}/etc/modfetch/policy.d', 0o700)
        done = self.as_user('lookup', r.HDA)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.splitlines()[-1], r"policy\.d: Permission denied; it is root's \[EACCES\]$")

    def test_packages_that_are_kept_stay_root_s(self):
        kept = f'{self.root.path}/var/lib/modfetch/packages'
        modes = {name: os.stat(f'{kept}/{name}').st_mode & 0o777 for name in os.listdir(kept)}
        self.assertGreater(len(modes), 1)
        self.assertEqual(set(modes.values()), {0o600})


if __name__ == '__main__':
    unittest.main()
