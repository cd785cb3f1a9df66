#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A refusal in any file: no request reaches the server, and nothing is changed. Dependencies of a driver are refused too.

tests/match/test-policy.c tests settings of the running kernel: a root in a directory has another kernel.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

# source of the refusal: file, text; the device is a sound card, whose driver needs soundcore and more
SAYS_NO = [
    ('etc/modprobe.d/x.conf', 'blacklist snd_hda_intel'),
    ('etc/modprobe.d/x.conf', 'blacklist snd-hda-intel'),
    ('usr/lib/modprobe.d/x.conf', 'blacklist snd_hda_intel'),
    ('usr/local/lib/modprobe.d/x.conf', 'blacklist snd_hda_intel'),
    ('run/modprobe.d/x.conf', 'blacklist snd_hda_intel'),
    ('etc/modprobe.d/x.conf', 'blacklist soundcore'),
    ('run/modprobe.d/x.conf', 'blacklist snd_pcm'),
    ('etc/modprobe.d/x.conf', 'install snd_hda_intel /bin/false'),
    ('etc/modprobe.d/x.conf', 'install snd-hda-intel /bin/true'),
    ('usr/lib/modprobe.d/x.conf', 'install snd_hda_intel :'),
    ('etc/modprobe.d/x.conf', 'install soundcore /usr/bin/false'),
    ('etc/modfetch/policy.d/x.conf', 'deny module snd_hda_intel'),
    ('etc/modfetch/policy.d/x.conf', 'deny module snd*'),
    ('etc/modfetch/policy.d/x.conf', 'deny module soundcore'),
    ('etc/modfetch/policy.d/x.conf', 'deny package soundcore-kmp-*'),
    ('etc/modfetch/policy.d/x.conf', 'deny class 04'),
    ('etc/modfetch/policy.d/x.conf', 'allow class 02\ndeny bus pci'),
    ('etc/modfetch/policy.d/x.conf', 'deny repository test'),
    ('etc/modfetch/policy.d/x.conf', 'deny modalias pci:v00008086d00002668*'),
    ('etc/modfetch/policy.d/x.conf', 'deny package snd_hda_intel-kmp-*'),
]


class Denied(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root()
        cls.server = r.Server(r.repository())
        cls.root.repo(cls.server.url)
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.root.close()

    def put(self, path, text):
        path = f'{self.root.path}/{path}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text + '\n')
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return path

    def test_twenty_and_more(self):
        self.assertGreaterEqual(len(SAYS_NO), 20)

    def test_a_device_whose_driver_is_refused_costs_nothing(self):
        for path, text in SAYS_NO:
            with self.subTest(path=path, text=text):
                where = self.put(path, text)
                before, asked = self.root.state(), len(self.server.requests)
                for verb in ('lookup',), ('--no-load', 'probe'), ('--no-load', '--unattended', 'probe'):
                    done = self.root.run(*verb, r.HDA)
                    self.assertEqual(done.returncode, 4, (verb, done.stdout, done.stderr))
                    self.assertIn('[DENIED]', done.stderr)
                self.assertEqual(len(self.server.requests), asked)
                self.assertEqual(self.root.state(), before)
                os.unlink(where)

    def test_a_blacklist_holds_back_what_an_alias_stands_for(self):
        """mount(2) and request_module() ask by alias: "fs-xfs". As with modprobe, a request by the name of the module is not refused."""
        for line in 'blacklist xfs', 'alias fs-xfs xfs\nblacklist xfs', 'alias my-disk xfs\nblacklist xfs':
            query = 'my-disk' if 'my-disk' in line else 'fs-xfs'
            with self.subTest(line=line):
                where = self.put('etc/modprobe.d/x.conf', line)
                before, asked = self.root.state(), len(self.server.requests)
                for verb in ('lookup',), ('--no-load', 'probe'), ('--no-load', '--unattended', '--from-modprobe', 'probe'):
                    done = self.root.run(*verb, query)
                    self.assertEqual(done.returncode, 4, (verb, done.stdout, done.stderr))
                    self.assertIn('[DENIED]', done.stderr)
                self.assertEqual(len(self.server.requests), asked)
                self.assertEqual(self.root.state(), before)
                self.assertEqual(self.root.json('lookup', 'xfs')[1]['results'][0]['state'], 'available')
                os.unlink(where)
        self.assertEqual(self.root.json('lookup', 'fs-xfs')[1]['results'][0]['state'], 'available')

    def test_nobody_else_is_refused_with_it(self):
        self.put('etc/modprobe.d/x.conf', 'blacklist soundcore')
        self.assertEqual(self.root.json('lookup', r.NIC)[1]['results'][0]['state'], 'available')

    def test_without_a_word_against_it_it_comes(self):
        """The control: without any refusal it is installed."""
        done = self.root.run('--no-load', 'probe', r.HDA)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.root.run('remove', *[n for n in self.root.names() if '-kmp-' in n]).returncode, 0)


if __name__ == '__main__':
    unittest.main()
