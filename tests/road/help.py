#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Help describes each verb, fits a terminal of 80 columns, and its examples are command lines that the program accepts."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

KERNEL = '6.1.0-56-amd64'
USAGE = 64


def modfetch(*args, **options):
    return subprocess.run([r.MODFETCH, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, **options)


def verbs():
    """The verbs in the list of help, without the global options after it."""
    listed = modfetch('help').stdout.split('\nGlobal options')[0]
    return re.findall(r'^  ([a-z][a-z-]*) +\S', listed, re.M)


def examples(verb):
    return re.findall(r'^  (modfetch .*)\n {6}\S', modfetch(verb, '--help').stdout, re.M)


class Help(unittest.TestCase):
    def test_it_lists_each_verb_once(self):
        listed = verbs()
        self.assertEqual(len(listed), len(set(listed)))
        self.assertGreaterEqual(len(listed), 30)
        for verb in listed:
            self.assertEqual(modfetch('help', verb).returncode, 0, verb)

    def test_it_fits_80_columns_and_says_all(self):
        for text in [modfetch('help').stdout] + [modfetch(verb, '--help').stdout for verb in verbs()]:
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)
            self.assertRegex(text, r'\nExit status: 0 .*\nSee modfetch[\w-]*\(8\)\.\n$')

    def test_the_help_of_a_verb_has_its_options_and_the_global_ones_that_matter(self):
        text = modfetch('refresh', '--help').stdout
        self.assertRegex(text, r'(?s)Options:\n  -f, --force .*--accept-older.*Global options .*--root DIR.*--json')
        for option in '--no-load', '--dry-run', '--thorough', '--version':
            self.assertNotIn(option, text)
        text = modfetch('search', '--help').stdout
        self.assertNotIn('\nOptions:', text)
        self.assertIn('--no-load', modfetch('install', '--help').stdout)

    def test_a_usage_error_names_the_help_of_its_verb(self):
        for verb, args in ('probe', ()), ('check', ('--everything',)), ('list', ()), ('deny', ()):
            done = modfetch('--root', '/', '--kernel', KERNEL, verb, *args)
            self.assertEqual(done.returncode, USAGE, done)
            self.assertRegex(done.stderr, rf'^modfetch: .*; see modfetch {verb} --help \[USAGE\]\n$')


class Examples(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='help-')
        self.addCleanup(shutil.rmtree, self.root)
        os.makedirs(f'{self.root}/lib/modules/{KERNEL}/kernel')
        with open(f'{self.root}/laptop.list', 'w', encoding='utf-8') as f:
            f.write('pci:v00008086d000010D3sv00000000sd00000000bc02sc00i00\n')

    def arguments(self, example):
        """What the shell passes, with the directories of the example below the root."""
        words = shlex.split(re.split(r' [|>] ', example)[0])[1:]
        words = [self.root if word == '/mnt/image' else word for word in words]
        return [re.sub(r'^(?=/(?:srv|lib/modules)/)', self.root, word) for word in words]

    def test_each_is_accepted(self):
        for verb in verbs():
            found = examples(verb)
            self.assertEqual(len(found), 2, verb)
            for example in found:
                done = modfetch('--root', self.root, *self.arguments(example), cwd=self.root)
                self.assertIn(done.returncode, (0, 1, 2, 3, 4), (example, done.stderr))
                self.assertNotIn('[USAGE]', done.stderr, example)

    def test_one_that_is_wrong_would_be_seen(self):
        for wrong in 'modfetch status --everything', 'modfetch history twelve', 'modfetch ready':
            done = modfetch('--root', self.root, *self.arguments(wrong), cwd=self.root)
            self.assertEqual(done.returncode, USAGE, wrong)


if __name__ == '__main__':
    unittest.main()
