#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a verb says of its work: one line in the past tense, the exit status, the object of --json against its schema, and the
question before a large plan or a removal."""
import copy
import functools
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../schema/modfetch.schema.json')
# Debian's module is for its own Python
VALIDATOR = '''
import json, sys, jsonschema
work = json.load(sys.stdin)
schema = work["schema"]
jsonschema.Draft202012Validator.check_schema(schema)
for name, document in work["documents"]:
    whole = {**schema, "anyOf": [{"$ref": "#/$defs/" + name}, {"$ref": "#/$defs/failure"}]}
    for error in jsonschema.Draft202012Validator(whole).iter_errors(document):
        best = jsonschema.exceptions.best_match([error])
        print(name, "/".join(map(str, best.absolute_path)), best.message[:300])
'''


def strict(node):
    """The schema with no keys but those that it names: programs ignore others, this test does not."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: strict(value) for key, value in node.items()}
    if node.get('type') == 'object' and 'properties' in node:
        node['additionalProperties'] = False
    return node


@functools.cache
def schema():
    with open(SCHEMA, encoding='utf-8') as f:
        return strict(json.load(f))


def faults(documents, schema):
    done = subprocess.run(['/usr/bin/python3', '-c', VALIDATOR], input=json.dumps({'schema': schema, 'documents': documents}),
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        self.kmp = f'-kmp-{r.tag(self.root.kver)}'
        self.line('refresh')

    def line(self, *args, status=0):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done.stdout.rstrip('\n')

    def refused(self, *args, status, code):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        self.assertIn(f'[{code}]', done.stderr)
        return done.stderr


class Lines(Case):
    def test_one_line_says_what_is_so_now(self):
        kver = self.root.kver
        self.assertRegex(self.line('install', 'e1000e'), rf'^installed e1000e{re.escape(self.kmp)}-\S+ \(\d+ kB\) for {re.escape(kver)}$')
        self.assertEqual(self.line('install', 'e1000e', status=2), f'e1000e: already installed for {kver}')
        self.assertRegex(self.line('--no-load', 'probe', 'xfs'), rf'^installed 4 packages \(\d+ kB\) for {re.escape(kver)}$')
        self.assertEqual(self.line('--no-load', 'probe', 'xfs', status=2), f'xfs: already installed for {kver}')
        self.assertRegex(self.line('remove', 'e1000e', 'xfs'), rf'^removed 2 packages \(\d.* MB\) for {re.escape(kver)}$')
        self.assertEqual(self.line('remove', 'e1000e', status=2), 'e1000e: not installed')
        self.assertEqual(self.line('update', status=2), f'no driver of {kver} has an update')
        self.assertIn('no update to take back', self.line('rollback', status=2))

    def test_quiet_is_quiet(self):
        for args in ('install', 'xfs'), ('install', 'xfs'), ('remove', 'xfs'), ('remove', 'xfs'), ('update',), ('rollback',), ('coldplug',):
            done = self.root.run('-q', *args)
            self.assertEqual((done.stdout, done.stderr), ('', ''), args)

    def test_verbose_adds_the_plan(self):
        self.assertIn('xfs: available', self.line('-v', '--no-load', 'probe', 'xfs'))

    def test_a_plan_is_printed_where_nothing_is_done(self):
        done = self.line('lookup', 'xfs')
        self.assertIn('4 packages,', done)
        self.assertIn(' on disk', done)
        self.assertNotIn('installed', done)
        self.assertEqual(done, self.line('--dry-run', 'install', 'xfs'))

    def test_a_large_plan_is_a_number_and_a_list_with_v(self):
        modules = sorted(name.split('-kmp-')[0] for name in self.known())[:25]
        short = self.line('--dry-run', 'install', *modules)
        self.assertNotIn('\ninstall ', short)
        self.assertIn('; -v lists them', short)
        self.assertIn('\ninstall ', self.line('-v', '--dry-run', 'install', *modules))

    def known(self):
        return [package['name'] for package in self.root.json('search', 'kmp')[1] if '-kmp-' in package['name']]

    def test_a_slip_of_the_pen_gets_the_name_that_was_meant(self):
        for verb in 'install', 'probe', 'remove':
            self.assertIn('did you mean e1000e?', self.refused('--no-load', verb, 'e1000f', status=3, code='NOT-FOUND'))
        self.assertIn('modfetch search', self.refused('install', 'nonsense', status=3, code='NOT-FOUND'))


class Status(Case):
    """0: what was asked for is so. With --detailed-exit, as all other tests run, 2: it was so before."""

    def plain(self, *args):
        command = [word for word in self.root.command(*args) if word != '--detailed-exit']
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
        return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def test_it_is_0_whether_it_was_so_before_or_not(self):
        for args in (('refresh',), ('install', 'xfs'), ('--no-load', 'probe', 'xfs'), ('remove', 'xfs'), ('update',), ('rollback',),
                     ('coldplug',), ('deny', 'xfs'), ('hold', 'xfs'), ('unhold', 'xfs'), ('autoremove', '--yes')):
            for _ in range(2):
                done = self.plain(*args)
                self.assertEqual(done.returncode, 0, (args, done.stdout, done.stderr))
        self.assertEqual(self.plain('install', 'nonsense').returncode, 3)
        self.assertEqual(self.plain('--kernel', 'all', 'update').returncode, 0)

    def test_a_shell_script_that_ends_at_an_error_comes_to_its_end(self):
        command = ' '.join(word for word in self.root.command('install', 'xfs') if word != '--detailed-exit')
        script = f'set -e; {command}; {command}; echo end'
        done = subprocess.run(['sh', '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})
        self.assertTrue(done.stdout.endswith('end\n'), done.stdout)

    def test_changed_says_it_in_json(self):
        for verb, name in (('install', 'xfs'), ('remove', 'xfs'), ('deny', 'xfs'), ('hold', 'e1000e'), ('unhold', 'e1000e')):
            for status, changed in (0, True), (2, False):
                self.assertEqual((status, changed), (lambda code, o: (code, o['changed']))(*self.root.json(verb, name)), verb)
            self.assertEqual(self.root.json('--dry-run', verb, name)[1]['changed'], False)


class Schema(Case):
    """Every verb prints one object that its schema describes, whatever happens."""
    RUNS = [
        ('refresh', ('refresh',)), ('refresh', ('refresh', '--force')), ('refresh', ('refresh', 'other')),
        ('lookup', ('lookup', 'xfs', 'nonsense', r.NIC)), ('why', ('why', 'xfs')), ('install', ('--dry-run', 'install', 'xfs')),
        ('install', ('install', 'xfs')), ('install', ('install', 'xfs')), ('install', ('install', 'nonsense')), ('install', ('install',)),
        ('probe', ('--no-load', 'probe', r.NIC, 'nonsense')), ('probe', ('--no-load', 'probe', 'x' * 9000)), ('coldplug', ('coldplug',)),
        ('media', ('media', '/nothing/there')), ('media', ('media',)),
        ('search', ('search', 'xfs')), ('search', ('search', 'nonsense')), ('info', ('info', 'xfs')), ('info', ('info', 'nonsense')),
        ('status', ('status',)), ('usage', ('status', '--usage')), ('list', ('list', '--installed')), ('list', ('list', '--updates')),
        ('list', ('list', '--patterns')), ('list', ('list', '--unowned')), ('list', ('list', '--initrd')), ('hold', ('hold', 'xfs')),
        ('list', ('list', '--held')), ('unhold', ('unhold', 'xfs')), ('prefer', ('prefer', 'xfs')), ('prefer', ('prefer', '--remove', 'xfs')),
        ('deny', ('deny', 'xfs')), ('probe', ('--no-load', 'probe', 'xfs')), ('allow', ('allow', 'xfs')), ('update', ('update',)),
        ('update', ('update', '--check')), ('remove', ('--assume-no', 'remove', 'xfs')), ('remove', ('remove', 'xfs')),
        ('remove', ('remove', 'xfs')), ('undo', ('undo', '1')), ('undo', ('undo', '999')), ('rollback', ('rollback',)),
        ('trials', ('trials',)), ('check', ('check',)), ('check', ('check', '--all', '--fix')), ('ready', ('ready', '9.9.9-no')),
        ('autoremove', ('autoremove',)), ('autoremove', ('autoremove', '--yes')), ('initrd', ('initrd',)),
        ('kernel-added', ('kernel-added', '9.9.9-no')), ('kernel-removed', ('kernel-removed', '9.9.9-no')),
        ('depmod', ('depmod',)), ('pack', ('pack', '--output', 'NEW', 'TREE')), ('repo', ('repo', 'list')),
        ('repo', ('repo', 'add', 'URL', '--id', 'other', '--key', 'KEY')), ('repo', ('repo', 'disable', 'other')),
        ('repo', ('repo', 'enable', 'other')), ('key', ('key', 'list')), ('key', ('key', 'import', 'other', 'KEY')),
        ('repo', ('repo', 'remove', 'other')), ('repo', ('repo', 'remove', 'other')), ('doctor', ('doctor', '--offline')),
        ('failure', ('frobnicate',)), ('failure', ('install', '--nonsense')), ('failure', ('undo', 'x')),
    ]

    def documents(self):
        found = []
        server = r.Server(r.repository())
        self.addCleanup(server.close)
        places = {'URL': server.url, 'KEY': f'{r.test_keys()}/repo.crt', 'NEW': tempfile.mkdtemp(prefix='results-'),
                  'TREE': f'{self.root.path}/lib/modules/{self.root.kver}'}
        self.addCleanup(shutil.rmtree, places['NEW'])
        for name, args in self.RUNS:
            args = [places.get(word, word) for word in args]
            done = self.root.run('--json', *args)
            with self.subTest(args):
                found.append((name, json.loads(done.stdout)))
                self.assertEqual(done.stdout.count('\n}\n') + done.stdout.count('\n]\n') <= 1, True, 'one object')
                # these have the reasons in their results, 3 is said of an empty list too
                if done.returncode not in (0, 2, 3) and args[0] not in ('check', 'ready', 'pack', 'doctor', '--no-load'):
                    self.assertIn('error', found[-1][1], args)
        history = self.root.run('--json', 'history').stdout.splitlines()
        self.assertGreater(len(history), 4)
        return found + [('history', json.loads(line)) for line in history]

    def test_the_output_of_each_verb_is_as_described(self):
        documents = self.documents()
        self.assertEqual(faults(documents, schema()), '')
        # a description that all fits would prove nothing: any key that is missing or of another type is found
        for name, document in documents:
            if isinstance(document, dict) and 'changed' in document:
                broken = copy.deepcopy(document)
                broken['changed'] = 'yes'
                self.assertNotEqual(faults([(name, broken)], schema()), '', name)
                break

    def test_each_verb_is_described(self):
        known = set(schema()['$defs'])
        listed = self.root.run('help').stdout
        verbs = {line.split()[0] for line in listed.splitlines() if re.match('  [a-z]', line)}
        silent = {'queue', 'complete', 'help'}  # they print no object
        self.assertEqual(verbs - silent - known, set())

    def test_all_kernels_are_one_array(self):
        code, whole = self.root.json('--kernel', 'all', 'install', 'nonsense')
        self.assertEqual(code, 3)
        self.assertEqual(faults([('install', document) for document in whole], schema()), '')
        self.assertEqual([document['error']['code'] for document in whole], ['NOT-FOUND'])


class Questions(Case):
    """On a terminal of its own, as a user sees it."""

    def on_terminal(self, *args, answer=None, **options):
        """Runs it on a terminal and types ANSWER at the question. Its status and all that the terminal showed."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.root.command(*args), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                   env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}, **options)
        os.close(theirs)
        shown = b''
        try:
            while True:
                try:
                    piece = os.read(ours, 4096)
                except OSError:
                    break
                shown += piece
                if b'[y/N] ' in piece and answer is not None:
                    os.write(ours, answer() if callable(answer) else answer)
        finally:
            os.close(ours)
        return process.wait(timeout=60), shown.decode()

    def test_a_removal_is_asked_for_with_its_size(self):
        self.line('install', 'xfs')
        before = self.root.names()
        status, shown = self.on_terminal('remove', 'xfs', answer=b'n\n')
        self.assertEqual((status, self.root.names()), (1, before), shown)
        self.assertRegex(shown, r'remove 1 package \(\d\.\d MB\) for kernel \S+\? \[y/N\]')
        self.assertIn(f'xfs{self.kmp}', shown)
        self.assertIn('NOT-CONFIRMED', shown)
        status, shown = self.on_terminal('remove', 'xfs', answer=b'\n')
        self.assertEqual((status, self.root.names()), (1, before), shown)
        status, shown = self.on_terminal('remove', 'xfs', answer=b'y\n')
        self.assertEqual(status, 0, shown)
        self.assertNotIn(f'xfs{self.kmp}', self.root.names())
        self.assertEqual(shown.count('[y/N]'), 1)

    def test_what_else_goes_is_named(self):
        self.line('install', 'xfs')
        _, shown = self.on_terminal('remove', 'libcrc32c', answer=b'n\n')
        self.assertRegex(shown, rf'xfs{re.escape(self.kmp)}\S+, which needs one of these')

    def test_a_small_plan_is_not_asked_for_and_yes_asks_nothing(self):
        status, shown = self.on_terminal('install', 'xfs')
        self.assertEqual(status, 0, shown)
        self.assertNotIn('[y/N]', shown)
        status, shown = self.on_terminal('--yes', 'remove', 'xfs')
        self.assertEqual(status, 0, shown)
        self.assertNotIn('[y/N]', shown)

    def test_a_large_plan_is_asked_for(self):
        modules = [name.split('-kmp-')[0] for name in Lines.known(self)]
        self.assertGreater(len(modules), 20)
        status, shown = self.on_terminal('install', *modules, answer=b'n\n')
        self.assertEqual((status, [n for n in self.root.names() if '-kmp-' in n]), (1, []), shown)
        self.assertRegex(shown, r'install \d+ packages \([^)]* to fetch, [^)]* on disk\)')
        self.assertEqual(self.on_terminal('install', *modules, answer=b'y\n')[0], 0)

    def test_the_drivers_of_a_removed_pattern_are_offered(self):
        pattern = f'kernel-network-driver-all-{r.tag(self.root.kver)}'

        def drivers():
            return [name for name in self.root.names() if '-kmp-' in name]
        self.line('install', pattern)
        before = drivers()
        self.assertGreater(len(before), 0)
        # no to the second question: the pattern is gone, its drivers stay
        answers = iter((b'y\n', b'n\n'))
        status, shown = self.on_terminal('remove', pattern, answer=lambda: next(answers))
        self.assertEqual((status, drivers(), pattern in self.root.names()), (0, before, False), shown)
        self.assertIn(f'remove {len(before)} packages too', shown)
        self.line('install', pattern)
        status, shown = self.on_terminal('remove', pattern, answer=b'y\n')
        self.assertEqual((status, drivers(), shown.count('[y/N]')), (0, [], 2), shown)
        self.line('install', pattern)
        done = self.root.run('remove', pattern)
        self.assertEqual((done.returncode, drivers()), (0, before))
        self.assertIn('modfetch autoremove removes them', done.stderr)

    def test_a_pattern_of_another_name_is_one_too(self):
        pattern = f'kernel-filesystem-all-{r.tag(self.root.kver)}'
        self.line('install', pattern)
        self.assertIn('modfetch autoremove removes them', self.root.run('remove', pattern).stderr)

    def test_without_a_terminal_nothing_is_asked_and_assume_no_is_a_no(self):
        self.line('install', 'xfs')
        before = self.root.state()
        self.refused('--assume-no', 'remove', 'xfs', status=1, code='NOT-CONFIRMED')
        self.refused('--assume-no', 'install', 'e1000e', status=1, code='NOT-CONFIRMED')
        self.assertEqual(self.root.state(), before)
        self.line('remove', 'xfs')

    def test_a_question_leaves_no_line_in_the_history(self):
        self.line('install', 'xfs')
        before = self.root.run('history').stdout
        self.on_terminal('remove', 'xfs', answer=b'n\n')
        self.assertEqual(self.root.run('history').stdout, before)

    def test_a_device_does_not_wait_for_the_answer(self):
        """The lock is free while the user thinks; what was not confirmed is asked for again."""
        self.line('install', 'libcrc32c')
        done = []

        def answer():
            if not done:
                done.append(self.root.run('--no-load', 'probe', 'xfs', timeout=20))
            return b'y\n'

        status, shown = self.on_terminal('remove', 'libcrc32c', answer=answer)
        self.assertEqual(done[0].returncode, 0, done[0].stderr)
        self.assertEqual(status, 0, shown)
        self.assertEqual(shown.count('[y/N]'), 2, shown)
        self.assertNotIn(f'xfs{self.kmp}', self.root.names())

    def test_autoremove_without_a_terminal_needs_yes(self):
        self.line('install', 'xfs')
        self.line('remove', 'xfs')
        self.assertIn('--yes', self.refused('autoremove', status=1, code='NOT-CONFIRMED'))
        self.line('autoremove', '--yes')


class Room(Case):
    """A file system that is too small, or read-only, is found before the download."""

    def test_a_full_disk(self):
        directory = f'{self.root.path}/lib/modules'
        size = sum(os.path.getsize(os.path.join(where, name)) for where, _, files in os.walk(directory) for name in files)
        with tempfile.TemporaryDirectory() as saved:
            subprocess.run(['cp', '-a', directory + '/.', saved], check=True)
            subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size // 1024 + 1500}k', 'tmpfs', directory], check=True)
            self.addCleanup(subprocess.run, ['umount', directory], check=True)
            subprocess.run(['cp', '-a', saved + '/.', directory], check=True)
        server = r.Server(r.repository())
        self.addCleanup(server.close)
        self.root.repo(server.url)
        self.line('refresh', status=2)
        before, tree = len(server.requests), self.root.tree()
        said = self.refused('install', 'xfs', status=1, code='ENOSPC')
        self.assertEqual([path for path in server.requests[before:] if path.endswith('.rpm')], [])
        self.assertRegex(said, r'\d+ kB are needed, \d+ kB are free')
        self.assertEqual(self.root.tree(), tree)

    def test_a_read_only_system(self):
        directory = f'{self.root.path}/lib/modules'
        subprocess.run(['mount', '--bind', directory, directory], check=True)
        self.addCleanup(subprocess.run, ['umount', directory], check=True)
        subprocess.run(['mount', '-o', 'remount,bind,ro', directory], check=True)
        said = self.refused('install', 'xfs', status=1, code='EROFS')
        self.assertIn('read-only', said)
        self.assertNotIn('needs', said)


if __name__ == '__main__':
    unittest.main()
