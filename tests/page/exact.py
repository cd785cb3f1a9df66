#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: exact.py ORACLE WRITE      the page of a whole kernel's repository, asked with node, compared with libkmod and with lookup

The page and libkmod on the tree of the whole kernel must lead to the same modules for each modalias, alias and name. A module
that is built in is no package: the page knows its name, not its aliases. For ids alone, the page answers as modfetch lookup.
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / 'resolve')]
import exact  # noqa: E402
import root as machine  # noqa: E402

WRITE = None
LOOKUP = HERE.parent.parent / 'src/page/lookup.js'
EACH = 400  # queries of a group


def ask(page, requests):
    """The answers of ask.js."""
    done = subprocess.run(['node', HERE / 'ask.js', LOOKUP, page], input=json.dumps(requests), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


@unittest.skipUnless(os.environ.get('MODFETCH_TEST_ALL') == '1', 'thousands of queries: with MODFETCH_TEST_ALL=1')
class Exact(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = pathlib.Path(tempfile.mkdtemp(prefix='modfetch-page-'))
        cls.addClassCleanup(shutil.rmtree, scratch)
        cls.repository = scratch / 'repository'
        # links: a page adds files and changes none
        subprocess.run(['cp', '-al', machine.repository('full'), cls.repository], check=True)
        subprocess.run([WRITE, cls.repository], check=True)
        cls.page = cls.repository / 'page'
        cls.tree = f'{machine.full_tree()}/lib/modules/{machine.kernel()[1]}'
        cls.builtin = {re.sub(r'\.ko.*', '', os.path.basename(line)).replace('-', '_')
                       for line in exact.words_of(f'{cls.tree}/modules.builtin', 0)}

    def test_the_page_matches_as_kmod_does(self):
        rng = random.Random(6)
        compared = matched = 0
        for group, queries in exact.queries_of(self.tree, rng).items():
            if group == 'symbols':
                continue
            queries = sorted({q for q in queries if exact.usable(q) and q.strip() == q})
            queries = rng.sample(queries, min(EACH, len(queries)))
            expected = exact.ask_oracle(queries)
            for query, answer in zip(queries, ask(self.page, [['lookup', q] for q in queries])):
                named = query.replace('-', '_') in self.builtin
                with self.subTest(group=group, query=query):
                    self.assertEqual(1, len(answer))
                    self.assertEqual(expected[query] - (set() if named else self.builtin), set(answer[0]))
                compared += 1
                matched += bool(answer[0])
        print(f'{compared} queries, {matched} with drivers')
        self.assertGreater(matched, 1000)

    def test_ids_alone_are_answered_as_lookup_answers(self):
        root = machine.Root(modules=(), symvers=False)
        self.addCleanup(root.close)
        root.repo(f'file:{self.repository}', keys_line='keys=repo.pem')
        self.assertEqual(0, root.run('refresh').returncode)
        rng = random.Random(7)
        found = set()
        for alias in exact.words_of(f'{self.tree}/modules.alias', 1) + list(exact.pci_modaliases(rng)) + list(exact.usb_modaliases(rng)):
            pci, usb = re.match(r'pci:v0000(.{4})d0000([0-9A-F]{4})', alias), re.match(r'usb:v(.{4})p([0-9A-F]{4})', alias)
            if pci:
                found.add(f'{pci[1]}:{pci[2]}'.lower())
            elif usb:
                found.add(f'usb:{usb[1]}:{usb[2]}'.lower())
        ids = rng.sample(sorted(i for i in found if re.fullmatch('[0-9a-fusb:]*', i)), 600)
        done = root.run('--json', 'lookup', *ids)
        # of several results of a query, that of the ids has the query as it was given
        expected = {r['given'] if r.get('given') else r['query']: set(r['modules']) for r in json.loads(done.stdout)['results']}
        drivers = 0
        for query, answer in zip(ids, ask(self.page, [['lookup', q] for q in ids])):
            with self.subTest(query=query):
                self.assertEqual(expected[query] - self.builtin, set(answer[0]))
            drivers += bool(answer[0])
        self.assertGreater(drivers, 150)

    def test_patterns_match_as_with_fnmatch(self):
        rng = random.Random(8)

        def text(letters):
            return ''.join(rng.choice(letters) for _ in range(rng.randrange(9)))
        pairs = [(text('ab*?[]!-^\\'), text('ab-]!')) for _ in range(20000)]
        lines = ''.join(f'{pattern}\n{subject}\n' for pattern, subject in pairs)
        done = subprocess.run([WRITE, '--fnmatch'], input=lines, stdout=subprocess.PIPE, text=True, check=True)
        expected = [line == '0' for line in done.stdout.splitlines()]
        self.assertEqual(len(pairs), len(expected))
        self.assertGreater(sum(expected), 500)
        got = ask(self.page, [['matches', pair] for pair in pairs])
        wrong = [pair for pair, e, g in zip(pairs, expected, got) if e != g]
        self.assertEqual([], wrong)


if __name__ == '__main__':
    exact.ORACLE, WRITE = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
