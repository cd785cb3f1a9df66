#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two quick starts of the README: their commands are taken from the page and run, the publisher's and then the machine's."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'README.md')
MARK = '<!-- tests/road/quickstart.py runs these commands -->\n```sh\n'


def commands(title):
    """The commands below a heading."""
    with open(README, encoding='utf-8') as f:
        section = f.read().split(f'\n## {title}\n', 1)[1].split('\n## ', 1)[0]
    return section.split(MARK, 1)[1].split('```', 1)[0]


class QuickStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='quickstart-')
        cls.root = r.Root(modules=('loop',))
        os.unlink(f'{cls.root.path}/etc/modfetch/keys/repo.d/repo.pem')
        # a device whose driver is in the repository
        cls.device = f'{cls.root.path}/sys/devices/pci0000:00/0000:00:03.0'
        os.makedirs(cls.device)
        for name, text in ('modalias', r.NIC + '\n'), ('uevent', f'MODALIAS={r.NIC}\n'):
            with open(f'{cls.device}/{name}', 'w', encoding='ascii') as f:
                f.write(text)
        cls.bin = f'{cls.directory}/bin'
        os.mkdir(cls.bin)

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.directory)

    def install(self, *options):
        """A command "modfetch" for the shell, with global options."""
        path = f'{self.bin}/modfetch'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'#!/bin/sh\nverb=$1\nshift\nexec {os.path.abspath(r.MODFETCH)} {" ".join(options)} "$verb" "$@"\n')
        os.chmod(path, 0o755)

    def sh(self, script, **variables):
        env = {**os.environ, 'PATH': f'{self.bin}:{os.environ["PATH"]}', 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR), **variables}
        return subprocess.run(['sh', '-c', script], cwd=self.directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=600, check=False)

    def published(self):
        """Runs the publisher's commands for a kernel with a few modules. Returns their output."""
        tree = f'{self.directory}/kernel/lib/modules/{self.root.kver}'
        os.makedirs(tree)
        source = f'{self.root.base}/lib/modules/{self.root.kver}'
        for path in [*self.root.needed(['e1000e']), *[name for name in os.listdir(source) if name.startswith('modules.builtin') or name == 'modules.order']]:
            os.makedirs(os.path.dirname(f'{tree}/{path}'), exist_ok=True)
            shutil.copy(f'{source}/{path}', f'{tree}/{path}')
        for path in 'boot', f'usr/src/linux-headers-{self.root.kver}/Module.symvers':
            where = f'{self.directory}/kernel/{path}'
            os.makedirs(os.path.dirname(where), exist_ok=True)
            (shutil.copytree if os.path.isdir(f'{self.root.base}/{path}') else shutil.copy)(f'{self.root.base}/{path}', where)
        script = commands('I publish a repository').replace('/srv/drivers', f'{self.directory}/srv/drivers')
        script = script.replace('/lib/modules/$KERNEL', tree)
        self.assertIn(tree, script)
        os.mkdir(f'{self.directory}/srv')
        self.install()
        done = self.sh('set -e\n' + script, KERNEL=self.root.kver)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_publisher_publishes_and_the_machine_gets_its_driver(self):
        fingerprint = re.search(r'(?i)sha256 fingerprint=([0-9A-F:]+)', self.published())[1]
        self.assertEqual([name for name in os.listdir(f'{self.directory}/srv/drivers') if '.key' in name or 'key.' in name], [])
        server = r.Server(f'{self.directory}/srv')
        self.addCleanup(server.close)
        self.install('--root', self.root.path, '--kernel', self.root.kver)
        lines = [line for line in commands('I have the URL of a repository').splitlines() if line]
        self.assertEqual([line.split()[1] for line in lines], ['repo', 'repo', 'doctor', 'coldplug', 'status'])
        for line in lines:
            done = self.sh(line.replace('https://example.org', server.url), FINGERPRINT=fingerprint)
            # this machine in a directory has no udev and no units
            self.assertEqual(done.returncode, 1 if ' doctor' in line else 0, line + '\n' + done.stdout + done.stderr)
            if ' doctor' in line:
                failed = [text for text in done.stdout.splitlines() if text.startswith('failed')]
                self.assertEqual([text.split()[1] for text in failed], ['udev:'], done.stdout)
        self.assertIn('e1000e.ko', ' '.join(self.root.on_disk()))

    def test_without_the_fingerprint_it_is_asked_for_and_not_taken(self):
        server = r.Server(r.repository('small'))
        self.addCleanup(server.close)
        self.install('--root', self.root.path, '--kernel', self.root.kver)
        line = commands('I have the URL of a repository').splitlines()[0]
        done = self.sh(line.split(' --key-fingerprint')[0].replace('https://example.org/drivers', server.url + ' --id other'))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('[UNTRUSTED-KEY]', done.stderr)


if __name__ == '__main__':
    unittest.main()
