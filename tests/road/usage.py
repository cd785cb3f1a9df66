#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which packaged drivers are used: status --usage, its ledger and hook, and the table of several machines."""
import datetime
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LEDGER = 'var/lib/modfetch/usage'


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d')


class Machine(r.Root):
    """A machine with the drivers of packages, and a /proc and /sys of its own."""

    def __init__(self, *packages):
        super().__init__(modules=('loop',))
        self.repo('file://' + r.repository())
        os.makedirs(f'{self.path}/sys/devices')
        os.makedirs(f'{self.path}/proc')
        self.load()
        if packages:
            done = self.run('--no-load', 'install', *packages)
            assert done.returncode == 0, done.stderr

    def load(self, *modules):
        """These are the loaded modules, and no device is bound."""
        shutil.rmtree(f'{self.path}/sys/module', ignore_errors=True)
        with open(f'{self.path}/proc/modules', 'w', encoding='ascii') as f:
            for module in modules:
                os.makedirs(f'{self.path}/sys/module/{module}')
                f.write(f'{module} 16384 0 - Live 0x0000000000000000\n')

    def bind(self, module, bus, *devices):
        driver = f'{self.path}/sys/bus/{bus}/drivers/{module}'
        shutil.rmtree(driver, ignore_errors=True)
        os.makedirs(driver)
        os.makedirs(f'{self.path}/sys/module/{module}/drivers')
        os.symlink(f'../../../bus/{bus}/drivers/{module}', f'{self.path}/sys/module/{module}/drivers/{bus}:{module}')
        os.symlink(f'../../../../module/{module}', f'{driver}/module')
        for device in devices:
            os.symlink(f'../../../../devices/{device}', f'{driver}/{device}')

    def usage(self, *args):
        done = self.run('--json', *args, 'status', '--usage')
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('\n') == 1, done.stdout
        return json.loads(done.stdout)

    def ledger(self):
        try:
            with open(f'{self.path}/{LEDGER}', encoding='ascii') as f:
                return {line.split()[0]: line.split()[1:] for line in f}
        except FileNotFoundError:
            return None

    def write_ledger(self, text):
        with open(f'{self.path}/{LEDGER}', 'w', encoding='ascii') as f:
            f.write(text)


def of(report, module):
    found = [d for d in report['drivers'] if d['module'] == module]
    assert len(found) == 1, report
    return found[0]


class Usage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine('e1000e-kmp', 'xfs-kmp')

    @classmethod
    def tearDownClass(cls):
        cls.machine.close()

    def setUp(self):
        self.machine.load()
        path = f'{self.machine.path}/{LEDGER}'
        if os.path.exists(path):
            os.unlink(path)

    def test_a_driver_is_loaded_bound_and_remembered(self):
        m, day = self.machine, today()
        report = m.usage()
        self.assertEqual((report['event'], report['kernel'], report['observed']), ('usage', m.kver, True))
        # in-box modules that no rpm has are not in it
        self.assertNotIn('loop', {d['module'] for d in report['drivers']})
        never = of(report, 'e1000e')
        self.assertTrue(never['package'].startswith('e1000e-kmp-'), never)
        self.assertEqual((never['loaded'], never['devices'], never['first'], never['last_loaded'], never['last_bound']),
                         (False, 0, day, None, None))
        m.load('e1000e', 'xfs', 'loop')
        m.bind('e1000e', 'pci', '0000:00:03.0', '0000:00:04.0')
        report = m.usage()
        bound, loaded = of(report, 'e1000e'), of(report, 'xfs')
        self.assertEqual((bound['loaded'], bound['devices'], bound['last_loaded'], bound['last_bound']), (True, 2, day, day))
        self.assertEqual((loaded['loaded'], loaded['devices'], loaded['last_loaded'], loaded['last_bound']), (True, 0, day, None))
        self.assertEqual(m.ledger()['e1000e'], [day, day, day])
        self.assertEqual(m.ledger()['xfs'], [day, day, '-'])
        m.load()
        gone = of(m.usage(), 'e1000e')
        self.assertEqual((gone['loaded'], gone['devices'], gone['last_bound']), (False, 0, day))

    def test_the_text_says_the_same(self):
        m = self.machine
        m.usage()
        m.load('xfs')
        text = m.run('status', '--usage').stdout
        self.assertRegex(text, r'\ne1000e \(e1000e-kmp-\S+\): never loaded since ' + today() + '\n')
        self.assertRegex(text, r'\nxfs \(xfs-kmp-\S+\): loaded, 0 devices\n')
        self.assertRegex(text, r'\n\d+ packaged drivers for \S+: 1 loaded, 0 bound to a device, \d+ never loaded\n$')
        m.write_ledger('xfs 2026-01-02 2026-01-04 2026-01-03\n')
        m.load()
        self.assertIn('not loaded, last on 2026-01-04, last bound to a device on 2026-01-03\n', m.run('status', '--usage').stdout)

    def test_a_dry_run_writes_nothing(self):
        self.machine.usage('--dry-run')
        self.assertIsNone(self.machine.ledger())

    @unittest.skipIf(os.geteuid(), 'only root can become another user')
    def test_a_user_can_read_it_and_writes_nothing(self):
        m = self.machine
        m.load('xfs')
        os.chmod(m.path, 0o755)
        done = subprocess.run(['setpriv', '--reuid', '65534', '--clear-groups', *m.command('status', '--usage')],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn(': loaded, 0 devices', done.stdout)
        self.assertIsNone(m.ledger())

    def test_the_refresh_of_the_timer_takes_a_sample(self):
        m = self.machine
        m.load('e1000e')
        m.run('refresh')
        self.assertIsNone(m.ledger())
        self.assertIn(m.run('--unattended', 'refresh').returncode, (0, 2))
        self.assertEqual(m.ledger()['e1000e'], [today(), today(), '-'])
        self.assertEqual(m.ledger()['xfs'], [today(), '-', '-'])

    def test_the_boot_takes_a_sample_of_known_drivers(self):
        m = self.machine
        m.load('e1000e', 'loop')
        m.bind('e1000e', 'pci', '0000:00:03.0')
        m.run('coldplug', '--boot')
        self.assertIsNone(m.ledger())
        m.write_ledger('e1000e 2026-01-02 2026-01-04 -\nxfs 2026-01-02 - -\n')
        m.run('coldplug', '--boot')
        self.assertEqual(m.ledger(), {'e1000e': ['2026-01-02', today(), today()], 'xfs': ['2026-01-02', '-', '-']})

    def test_a_clock_that_was_never_set_writes_no_day(self):
        m = self.machine
        m.write_ledger('e1000e 2026-01-02 2026-01-04 -\n')
        m.load('e1000e')
        for verb in ('status', '--usage'), ('coldplug', '--boot'), ('--unattended', 'refresh'):
            m.run(*verb, env=r.clock_at(5))
        self.assertEqual(m.ledger(), {'e1000e': ['2026-01-02', '2026-01-04', '-']})

    def test_a_report_for_the_hooks(self):
        m = self.machine
        hooks, kept = f'{m.path}/etc/modfetch/hooks.d', f'{m.path}/var/lib/modfetch/usage.json'
        self.addCleanup(shutil.rmtree, hooks)
        self.assertEqual(m.run('status', '--usage', '--hooks').returncode, 2)
        os.makedirs(hooks)
        # the example, with its file below this root
        with open(f'{TREE}/examples/usage-report', encoding='utf-8') as f:
            text = f.read().replace('/var/lib/modfetch/', f'{m.path}/var/lib/modfetch/')
        with open(f'{hooks}/usage-report', 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(f'{hooks}/usage-report', 0o755)
        m.load('xfs')
        done = m.run('status', '--usage', '--hooks')
        self.assertEqual((done.returncode, done.stdout), (0, '1 programs in /etc/modfetch/hooks.d got the report\n'), done.stderr)
        with open(kept, encoding='utf-8') as f:
            line = f.read()
        self.assertEqual(line.count('\n'), 1)
        self.assertTrue(of(json.loads(line), 'xfs')['loaded'])
        # nothing in it says which machine it is
        for word in os.uname().nodename, m.path:
            self.assertNotIn(word, line)
        # the record of a run is another line, which the example passes over
        os.unlink(kept)
        with subprocess.Popen([f'{hooks}/usage-report'], stdin=subprocess.PIPE, text=True) as hook:
            hook.communicate('{"time":1,"verb":"probe","usage":"event"}\n')
        self.assertEqual(hook.returncode, 0)
        self.assertFalse(os.path.exists(kept))
        os.chmod(f'{hooks}/usage-report', 0o777)
        self.assertEqual(m.run('status', '--usage', '--hooks').returncode, 2)

    def test_usage_of_the_options(self):
        for args in ('--hooks',), ('--usage', 'x'), ('--other',):
            done = self.machine.run('status', *args)
            self.assertEqual(done.returncode, 64, args)
            self.assertIn('[USAGE]', done.stderr)


class Fleet(unittest.TestCase):
    """The table of reports of real machines."""

    @classmethod
    def setUpClass(cls):
        cls.machines = [Machine('e1000e-kmp', 'xfs-kmp'), Machine('xfs-kmp'), Machine()]
        cls.directory = f'{cls.machines[0].path}/tmp'

    @classmethod
    def tearDownClass(cls):
        for machine in cls.machines:
            machine.close()

    def table(self, *paths):
        done = subprocess.run([sys.executable, f'{TREE}/tools/usage-table', *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        return done.returncode, [line.split() for line in done.stdout.splitlines()], done.stderr

    def reports(self):
        paths = []
        for i, machine in enumerate(self.machines):
            paths.append(f'{self.directory}/{i}.json')
            with open(paths[-1], 'a', encoding='utf-8') as f:
                f.write(machine.run('--json', 'status', '--usage').stdout)
        return paths

    def test_drivers_are_summed_over_machines(self):
        first, second, _ = self.machines
        # reports of before, which do not count
        self.reports()
        first.load('e1000e', 'xfs')
        first.bind('e1000e', 'pci', '0000:00:03.0')
        second.load()
        status, lines, errors = self.table(*self.reports())
        self.assertEqual((status, errors), (0, ''))
        self.assertEqual(lines[0], ['driver', 'machines', 'loaded', 'bound', 'never', 'used'])
        rows = {line[0]: [int(n) for n in line[1:]] for line in lines[1:]}
        self.assertEqual(rows['e1000e'], [1, 1, 1, 0])
        self.assertEqual(rows['xfs'], [2, 1, 0, 1])

    def test_what_is_no_report_is_named_and_passed_over(self):
        good = self.reports()[1]
        path = f'{self.directory}/bad.json'
        for text in ('', 'no json', '{}', '[]', '{"event":"usage"}', '{"event":"usage","observed":true,"drivers":[7]}', '{"time":1,"verb":"probe"}',
                     '{"event":"usage","observed":true,"drivers":[{"module":"\\u001b[2J"}]}', '[' * 100000,
                     '{"event":"usage","observed":false,"drivers":[]}', '\x80'):
            with self.subTest(text=text[:40]):
                with open(path, 'w', encoding='latin-1') as f:
                    f.write(text)
                status, lines, errors = self.table(path, good)
                self.assertEqual(status, 1)
                self.assertIn('bad.json', errors)
                self.assertNotIn('Traceback', errors)
                self.assertNotIn('\x1b', errors)
                self.assertIn('xfs', [line[0] for line in lines])
        self.assertEqual(self.table()[0], 64)


if __name__ == '__main__':
    unittest.main()
