#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A driver that crashed the machine in another boot: unattended runs refuse it, before a packet is sent, until an admin permits it.

The record is written here in the format of tests/match/test-pending-loads.c; tests/vm/test_crash.py has a driver that panics.
"""
import hashlib
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

NEEDED = 'soundcore'  # required by the driver of the sound card


class Crashed(unittest.TestCase):
    def setUp(self):
        self.root = r.Root(modules=('loop', 'snd_hda_intel'))
        self.addCleanup(self.root.close)
        self.server = r.Server(r.repository())
        self.addCleanup(self.server.close)
        self.root.repo(self.server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.file = f'{self.root.path}/etc/modprobe.d/modfetch-loading.conf'

    def path_of(self, name):
        return next(p for p in self.root.needed([name]) if p.rsplit('/', 1)[-1] == name.replace('_', '-') + '.ko' or
                    p.rsplit('/', 1)[-1] == name + '.ko')

    def crash(self, name, device='/sys/devices/pci0/x'):
        """Writes the record of a crash during the load of NAME."""
        path = self.path_of(name)
        digest = '0' * 64
        if os.path.exists(f'{self.root.modules}/{path}'):
            with open(f'{self.root.modules}/{path}', 'rb') as f:
                digest = hashlib.sha256(f.read()).hexdigest()
        with open(self.file, 'w', encoding='utf-8') as f:
            f.write(f'#modfetch begun another-boot {digest} {self.root.kver} {path} {device}\nblacklist {name}\n')

    def refused(self, *query):
        """An unattended run refuses it in one line, without a packet and without a write."""
        before, asked = self.root.state(), len(self.server.requests)
        for verb in ('--unattended', 'lookup'), ('--unattended', '--no-load', 'probe'):
            done = self.root.run(*verb, *query)
            self.assertEqual(done.returncode, 4, (done.stdout, done.stderr))
            self.assertEqual(done.stderr.count('['), 1, done.stderr)
            self.assertIn('[CRASHED]', done.stderr)
        self.assertEqual(len(self.server.requests), asked)
        self.assertEqual(self.root.state(), before)

    def test_one_that_is_not_on_disk_is_not_fetched(self):
        self.crash('e1000e')
        self.refused(r.NIC)
        # by hand it is installed; the load would remove the record, but this test loads nothing
        done = self.root.run('--no-load', 'probe', r.NIC)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_one_that_is_on_disk_is_refused_and_said_to_be_by_hand(self):
        self.crash('snd_hda_intel')
        self.refused(r.HDA)
        done = self.root.run('lookup', r.HDA)
        self.assertIn('the machine went down', done.stdout)
        code, plan = self.root.json('lookup', r.HDA)
        self.assertEqual((code, plan['results'][0]['state'], plan['results'][0]['crashed']), (0, 'present', 'snd_hda_intel'))
        self.assertEqual(self.root.json('--unattended', 'lookup', r.HDA)[1]['results'][0]['state'], 'denied')

    def test_one_that_a_driver_needs_holds_for_the_driver(self):
        bare = self.root
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.file = f'{self.root.path}/etc/modprobe.d/modfetch-loading.conf'
        self.root.repo(self.server.url)
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.crash(NEEDED)
        before, asked = self.root.state(), len(self.server.requests)
        done = self.root.run('--unattended', '--no-load', 'probe', r.HDA)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('the machine went down', done.stderr)
        self.assertEqual((len(self.server.requests), self.root.state()), (asked, before))
        self.root = bare

    def test_nobody_else_is_refused_with_it(self):
        self.crash('snd_hda_intel')
        self.assertEqual(self.root.json('--unattended', 'lookup', r.NIC)[1]['results'][0]['state'], 'available')

    def test_status_tells_of_it(self):
        self.crash('snd_hda_intel', '/sys/devices/pci0000:00/0000:00:1b.0')
        text = self.root.run('status').stdout
        self.assertRegex(text, r'(?m)^snd_hda_intel BROUGHT THE MACHINE DOWN .*0000:00:1b\.0.*modfetch allow snd_hda_intel$')
        told = self.root.json('status')[1]['crashed']
        self.assertEqual([(c['module'], c['boot']) for c in told], [('snd_hda_intel', 'another-boot')])

    def test_the_admins_word(self):
        for words in ('allow', 'snd_hda_intel'), ('allow', 'snd-hda-intel'), ('allow', 'module', 'snd*'):
            self.crash('snd_hda_intel')
            done = self.root.run(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertFalse(os.path.exists(self.file))
            self.assertEqual(self.root.json('--unattended', 'lookup', r.HDA)[1]['results'][0]['state'], 'present')
        self.crash('snd_hda_intel')
        for words in ('allow', 'e1000e'), ('deny', 'module', 'e1000e'), ('deny', 'snd_hda_codec'):
            self.root.run(*words)
            self.assertTrue(os.path.exists(self.file), words)

    def test_an_install_by_hand_is_the_admins_word_and_an_unattended_one_is_not(self):
        self.crash('e1000e')
        name = next(p for p in self.root.json('lookup', r.NIC)[1]['results'][0]['packages'] if p.startswith('e1000e-kmp'))
        self.assertNotEqual(self.root.run('--unattended', 'install', name).returncode, 0)
        self.assertTrue(os.path.exists(self.file))
        self.root.run('--dry-run', 'install', name)
        self.assertTrue(os.path.exists(self.file))
        self.assertEqual(self.root.run('install', name).returncode, 0)
        self.assertFalse(os.path.exists(self.file))

    def test_another_version_of_it_ends_the_matter(self):
        self.crash('snd_hda_intel')
        self.refused(r.HDA)
        with open(f'{self.root.modules}/{self.path_of("snd_hda_intel")}', 'ab') as f:
            f.write(b'\0')
        # a lookup does not change the record, the next run does
        self.assertEqual(self.root.json('--unattended', 'lookup', r.HDA)[1]['results'][0]['state'], 'present')
        self.assertTrue(os.path.exists(self.file))
        self.assertEqual(self.root.json('status')[1]['crashed'], [])
        self.root.run('--unattended', '--no-load', 'probe', r.HDA)
        self.assertFalse(os.path.exists(self.file))


if __name__ == '__main__':
    unittest.main()
