#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples for hooks.d: a notification on the desktop of the users at the machine, and metrics for node_exporter.

The programs that the notification starts are stand-ins, which record their arguments; in one test notify-send is the real one, on a
real session bus. The parser of Prometheus' own client reads the metrics.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

EXAMPLES = os.path.join(r.HERE, '..', 'examples')
RTL8153 = 'usb:v0BDAp8153d3100dc00dsc00dp00icFFiscFFip00in00'
SESSIONS = {
    '2': {'User': 1000, 'Type': 'wayland', 'Class': 'user', 'Active': 'yes', 'Remote': 'no'},
    '3': {'User': 1000, 'Type': 'x11', 'Class': 'user', 'Active': 'yes', 'Remote': 'no'},
    'c1': {'User': 117, 'Type': 'wayland', 'Class': 'greeter', 'Active': 'yes', 'Remote': 'no'},
    '4': {'User': 1001, 'Type': 'tty', 'Class': 'user', 'Active': 'yes', 'Remote': 'yes'},
    '5': {'User': 1002, 'Type': 'x11', 'Class': 'user', 'Active': 'no', 'Remote': 'no'},
    '6': {'User': 0, 'Type': 'x11', 'Class': 'user', 'Active': 'yes', 'Remote': 'no'},
}


def record(*modaliases, **changes):
    """A line of the history."""
    queries = [{'query': modalias, 'device': f'/sys/devices/{i}', 'state': 'available', 'modules': ['r8152'], 'packages': ['r8152-kmp-amd64-6.1.0_57'],
                'loaded': ['r8152'], 'driver': 'r8152'} for i, modalias in enumerate(modaliases)]
    return {'id': 7, 'time': 1796068042, 'verb': 'queue', 'outcome': 'done', 'queries': queries, 'ms': {'fetched': 12},
            'packages': [{'name': 'r8152-kmp-amd64-6.1.0_57', 'evr': '6.1.0-57', 'size': 1000}], **changes}

PARSER = '''
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(sys.stdin.read())
print(json.dumps([[f.name, f.type, f.documentation, len(f.samples)] for f in families]))
'''


class Notification(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix='hooks-')
        self.addCleanup(shutil.rmtree, self.scratch)
        self.database = 'ID_VENDOR_FROM_DATABASE=Realtek\nID_MODEL_FROM_DATABASE=RTL8153\n'
        self.program('loginctl', f'''
            sessions = {SESSIONS!r}
            if sys.argv[1] == 'list-sessions':
                print(''.join(f'{{name}} {{one["User"]}} user seat0\\n' for name, one in sessions.items()), end='')
            else:
                print(''.join(f'{{key}}={{value}}\\n' for key, value in sessions[sys.argv[2]].items()), end='')''')
        self.program('systemd-run', f'json.dump(sys.argv[1:], open("{self.scratch}/ran." + str(os.getpid()), "w"))')

    def program(self, name, text):
        with open(f'{self.scratch}/{name}', 'w', encoding='utf-8') as f:
            f.write('#!/usr/bin/env python3\nimport json, os, sys\n' + textwrap.dedent(text) + '\n')
        os.chmod(f'{self.scratch}/{name}', 0o755)

    def hook(self, line):
        """Runs the example; returns the command of each unit that it started."""
        self.program('systemd-hwdb', f'assert sys.argv[1:3] == ["query", "--"] and len(sys.argv) == 4\nprint({self.database!r}, end="")')
        # the environment of a hook
        subprocess.run([f'{EXAMPLES}/desktop-notification'], input=json.dumps(line) + '\n', text=True, check=True,
                       env={'PATH': f'{self.scratch}:/usr/sbin:/usr/bin:/sbin:/bin'})
        ran = [name for name in sorted(os.listdir(self.scratch)) if name.startswith('ran.')]
        commands = []
        for name in ran:
            with open(f'{self.scratch}/{name}', encoding='utf-8') as f:
                commands.append(json.load(f))
            os.unlink(f'{self.scratch}/{name}')
        return commands

    def shown(self, line):
        """The title and the text of the one notification."""
        [command] = self.hook(line)
        self.assertEqual(command[-3], '--')
        return command[-2:]

    def test_the_user_of_an_active_graphical_session_gets_it_once(self):
        [command] = self.hook(record(RTL8153))
        options, words = command[:command.index('--')], command[command.index('--') + 1:]
        self.assertIn('--uid=1000', options)
        self.assertIn('--setenv=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus', options)
        self.assertEqual(words[0], 'notify-send')
        self.assertEqual(words[-3:], ['--', 'Driver for Realtek RTL8153 installed', 'r8152-kmp-amd64-6.1.0_57 6.1.0-57'])

    def test_several_devices_are_one_notification(self):
        packages = [{'name': f'p{i}', 'evr': '1'} for i in range(5)]
        self.assertEqual(self.shown(record(RTL8153, 'pci:x', packages=packages)),
                         ['Drivers for 2 devices installed', 'p0 1, p1 1, p2 1 and 2 more packages'])

    def test_a_device_without_a_name_is_its_driver(self):
        self.database = ''
        self.assertEqual(self.shown(record(RTL8153))[0], 'Driver for r8152 installed')

    def test_a_run_that_gave_no_device_a_driver_shows_nothing(self):
        for line in (record(), record(RTL8153, packages=[]), record(RTL8153, outcome='failed'), {'event': 'usage', 'drivers': []},
                     record(RTL8153, queries=[{**record(RTL8153)['queries'][0], 'state': 'present'}]),
                     record(RTL8153, queries=[{'query': 'xfs', 'packages': ['xfs-kmp']}])):
            self.assertEqual(self.hook(line), [], line)

    def test_a_hostile_name_is_an_argument_without_a_meaning(self):
        for name in ('<a href="file:///x">free</a>', '$(reboot)`id`${HOME}%h', '--hint=x', 'a\x1b[31m\tb', 'x' * 500, '\u202eevil'):
            self.database = f'ID_MODEL_FROM_DATABASE={name}\n'
            title, text = self.shown(record(RTL8153, packages=[{'name': name, 'evr': '&1'}]))
            self.assertRegex(title, r'^Driver for [\w .,:+/()\[\]?-]{1,100} installed$')
            self.assertRegex(text, r'^[\w .,:+/()\[\]?-]{1,100}$')

    @unittest.skipUnless(shutil.which('dbus-run-session') and shutil.which('notify-send'), 'D-Bus or notify-send is not installed')
    def test_a_real_session_bus_gets_it(self):
        # systemd's part: the environment and the command of the unit
        self.program('systemd-run', '''
            at = sys.argv.index('--')
            os.execvp(sys.argv[at + 1], sys.argv[at + 1:])''')
        self.program('systemd-hwdb', f'print({self.database!r}, end="")')
        script = f'''
            {sys.executable} {r.HERE}/lib/notifications.py {self.scratch}/seen &
            until [ -e {self.scratch}/seen ]; do sleep 0.02; done
            PATH={self.scratch}:$PATH {EXAMPLES}/desktop-notification
            kill $!'''
        # a background process has no standard input, the hook has that of the script
        subprocess.run(['dbus-run-session', '--', 'bash', '-c', script], input=json.dumps(record(RTL8153)) + '\n', text=True, timeout=60,
                       check=False)
        with open(f'{self.scratch}/seen', encoding='utf-8') as f:
            self.assertEqual(json.loads(f.read()), ['modfetch', 'Driver for Realtek RTL8153 installed', 'r8152-kmp-amd64-6.1.0_57 6.1.0-57'])


class Metrics(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.history = f'{self.root.path}/var/lib/modfetch/history'
        self.file = f'{self.root.path}/var/lib/modfetch/metrics.prom'
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)

    def hook(self):
        """Runs the example; returns the value of each sample."""
        subprocess.run([f'{EXAMPLES}/node-exporter-metrics', self.history, self.file], input='{}\n', text=True, check=True)
        with open(self.file, encoding='utf-8') as f:
            text = f.read()
        # Debian's module is for its own Python
        done = subprocess.run(['/usr/bin/python3', '-c', PARSER], input=text, stdout=subprocess.PIPE, text=True, check=True)
        families = json.loads(done.stdout)
        self.assertTrue(families)
        for name, kind, help_text, samples in families:
            self.assertTrue(help_text and samples, name)
            self.assertIn(kind, ('counter', 'gauge'), name)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) )?modfetch_\w+')
        return {m[1]: float(m[2]) for m in re.finditer(r'^(modfetch\S+) (\S+)$', text, re.M)}

    def test_runs_are_counted_once(self):
        self.assertEqual(self.hook()['modfetch_runs_total{outcome="done"}'], 0)
        self.assertEqual(self.root.run('install', 'e1000e').returncode, 0)
        first = self.hook()
        [run] = self.root.history()
        self.assertEqual(first['modfetch_runs_total{outcome="done"}'], 1)
        self.assertEqual(first['modfetch_packages_installed_total'], len(run['packages']))
        self.assertEqual(first['modfetch_package_bytes_total'], sum(package['size'] for package in run['packages']))
        self.assertEqual(first['modfetch_last_success_timestamp_seconds'], run['time'])
        self.assertEqual(self.hook(), first)
        self.assertEqual(self.root.run('install', 'xfs').returncode, 0)
        self.assertEqual(self.hook()['modfetch_runs_total{outcome="done"}'], 2)

    def test_a_failed_run_and_a_torn_line_count_as_what_they_are(self):
        os.makedirs(os.path.dirname(self.history), exist_ok=True)
        with open(self.history, 'w', encoding='utf-8') as f:
            f.write(json.dumps(record(RTL8153)) + '\n{"id":8,"outco\n' + json.dumps(record(id=9, outcome='failed', packages=[])) + '\n')
        found = self.hook()
        self.assertEqual(found['modfetch_runs_total{outcome="failed"}'], 1)
        self.assertEqual(found['modfetch_runs_total{outcome="done"}'], 1)
        self.assertEqual((found['modfetch_package_bytes_total'], found['modfetch_last_run_id']), (1000, 9))
        self.assertEqual(found['modfetch_run_seconds_total'], 0.024)

    def test_a_reader_sees_a_whole_file_that_anyone_may_read(self):
        self.hook()
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o644)
        before = os.stat(self.file).st_ino
        self.hook()
        self.assertNotEqual(os.stat(self.file).st_ino, before)
        self.assertEqual([name for name in os.listdir(os.path.dirname(self.file)) if 'partial' in name], [])


if __name__ == '__main__':
    unittest.main()
