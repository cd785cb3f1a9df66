#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Text from metadata is only data: it must not control a terminal, reverse a line or look like a line of modfetch.

A real package is made by rpmbuild and createrepo_c; then special characters are put into every field of its metadata that a
command prints, and the metadata is signed. Every command that prints a part of it runs, with text and with JSON output.
"""
import gzip
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

BASE, KVER = r.kernel()
ABI, FLAVOR = KVER.rsplit('-', 1)
TAG = f'{FLAVOR}-{ABI.replace("-", "_")}'
ALIAS = 'usb:v1111p0001d0000dc00dsc00dp00ic00isc00ip00in00'

# Characters that control a terminal, change the writing direction, end a line, or are invisible.
ODD = [*range(0x80, 0xa0), 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, *range(0x2028, 0x202f), *range(0x2060, 0x2070), 0xfeff,
       0xfff9, 0xfffb, 0xe0001, 0xe0020, 0xe007f]
FORBIDDEN = {*map(chr, ODD), *map(chr, range(0x20)), '\x7f'} - {'\n'}
STRANGE = ''.join(f'&#x{c:x};' for c in ODD)
KEPT = 'äöü€→漢🐧'
FAKE = '\ninstalled    yes, and signed\n'


def text(*words):
    """As it is written in primary.xml."""
    return f'{words[0]}{STRANGE}{KEPT}{FAKE if "fake" in words else ""}'


def change(primary):
    """Special characters in every text of the package, and in the names of a second package."""
    for tag, words in ('summary', ('S',)), ('description', ('D', 'fake')), ('rpm:license', ('L', 'fake')), ('rpm:vendor', ('V', 'fake')):
        primary, n = re.subn(f'<{tag}>.*?</{tag}>|<{tag}/>', lambda _, t=tag, w=words: f'<{t}>{text(*w)}</{t}>', primary, flags=re.S)
        assert n == 1, tag
    primary = primary.replace('<rpm:provides>', '<rpm:provides>'
                              f'<rpm:entry name="kmod(x{STRANGE}.ko)"/><rpm:entry name="odd{STRANGE}"/>')
    package = re.search(r'<package .*</package>', primary, re.S).group(0)
    second = package.replace(f'<name>odd-kmp-{TAG}', f'<name>{text("N", "fake")}odd-kmp-{TAG}')
    second = second.replace('<arch>x86_64', f'<arch>x86_64{STRANGE}').replace('rel="1"', f'rel="1{STRANGE}"')
    second = second.replace('usb:v1111', 'usb:v2222').replace('<file>', f'<file>{STRANGE}')
    assert second != package
    return primary.replace(package, package + second).replace('packages="1"', 'packages="2"')


def rewrite(directory):
    path = f'{directory}/repodata/primary.xml.gz'
    with gzip.open(path, 'rt', encoding='utf-8') as f:
        new = change(f.read()).encode()
    packed = gzip.compress(new)
    with open(path, 'wb') as f:
        f.write(packed)
    with open(f'{directory}/repodata/repomd.xml', encoding='utf-8') as f:
        repomd = f.read()

    def entry(match):
        block = match.group(0)
        for tag, data in ('checksum', packed), ('open-checksum', new):
            block = re.sub(f'(<{tag} type="sha256">)[0-9a-f]+', lambda m, d=data: m.group(1) + hashlib.sha256(d).hexdigest(), block)
        block = re.sub(r'(<size>)\d+', lambda m: m.group(1) + str(len(packed)), block)
        return re.sub(r'(<open-size>)\d+', lambda m: m.group(1) + str(len(new)), block)

    repomd = re.sub(r'<data type="primary">.*?</data>', entry, repomd, flags=re.S)
    repomd = repomd.replace('<data ', f'<tags><repo>{STRANGE}identity</repo></tags><data ', 1)
    with open(f'{directory}/repodata/repomd.xml', 'w', encoding='utf-8') as f:
        f.write(repomd)
    r.sign(directory)


class Output(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='modfetch-output-')
        self.addCleanup(shutil.rmtree, self.directory)
        source = r.output('find', f'{BASE}/lib/modules/{KVER}/kernel', '-name', 'ccm.ko').strip()
        with open(source, 'rb') as f:
            code = f.read()
        r.rpmbuild(self.directory, f'odd-kmp-{TAG}', [
            'Provides: kmod(odd.ko)', f'Provides: kalias({TAG}:fs-odd)',
            f'Supplements: modalias(kernel-{TAG}:usb:v1111p*d*dc*dsc*dp*ic*isc*ip*in*)'],
            [(f'/lib/modules/{KVER}/updates/odd.ko', code)])
        r.createrepo(self.directory, key=None)
        rewrite(self.directory)
        self.root = r.Root(('loop',))
        self.addCleanup(self.root.close)
        self.root.repo('file://' + self.directory)
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(done)
        device = f'{self.root.path}/sys/devices/usb1/1-1:1.0'
        os.makedirs(device)
        with open(f'{device}/modalias', 'w', encoding='utf-8') as f:
            f.write(ALIAS + '\n')

    COMMANDS = [
        ('search', 'odd'), ('search', ALIAS), ('search', ALIAS.replace('1111', '2222')), ('info', 'odd'),
        ('-v', 'info', f'odd-kmp-{TAG}'), ('lookup', 'odd'), ('lookup', ALIAS), ('-v', 'lookup', ALIAS.replace('1111', '2222')),
        ('lookup', '--dot', ALIAS), ('lookup', '--case', ALIAS.replace('1111', '2222')), ('status',), ('-v', 'status'),
        ('--dry-run', 'install', f'odd-kmp-{TAG}'), ('--no-load', 'probe', ALIAS.replace('1111', '2222')),
        ('--no-load', 'probe', ALIAS), ('history',), ('check',), ('refresh', '--force'), ('coldplug',),
        ('search', 'x\u202e\u009by'), ('info', 'x\u009b'), ('lookup', 'x\u202ey'), ('refresh', 'x\u009b'), ('deny', 'x\u202e'),
        ('queue', '\u009b'), ('no\u009bverb',), ('remove', '\u202e'),
    ]

    def check(self, done):
        """No such character is printed, and no line begins with text from the metadata."""
        for said in done.stdout, done.stderr:
            self.assertEqual(set(said) & FORBIDDEN, set(), (done.args, said))
            self.assertNotRegex(said, r'(?m)^installed    yes, and signed')

    def test_no_command_prints_what_steers_a_terminal(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                self.check(self.root.run(*command))

    def test_as_json_neither_and_it_can_be_read_back(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                done = self.root.run('--json', *command)
                self.check(done)
                if command[0] != 'history' and done.stdout.startswith(('{', '[')) and '--case' not in command:
                    json.loads(done.stdout)
        _, found = self.root.json('search', 'odd')
        summaries = [package['summary'] for package in found]
        self.assertTrue(any(set(map(chr, ODD)) <= set(summary) for summary in summaries), summaries)
        self.assertIn('\\u009b', self.root.run('--json', 'search', 'odd').stdout)

    def test_what_can_be_read_stays(self):
        for command in ('search', 'odd'), ('info', 'odd'):
            self.assertIn(KEPT, self.root.run(*command).stdout)

    def test_what_the_history_and_the_journal_of_a_run_hold(self):
        self.root.run('--no-load', 'probe', ALIAS.replace('1111', '2222'))
        self.root.run('--no-load', 'probe', ALIAS)
        with open(f'{self.root.path}/var/lib/modfetch/history', encoding='utf-8') as f:
            said = f.read()
        self.assertTrue(said)
        self.assertEqual(set(said) & FORBIDDEN, set())


if __name__ == '__main__':
    unittest.main(verbosity=2)
