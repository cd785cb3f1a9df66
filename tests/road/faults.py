#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults of a network that last, and the outcome of each: docs/network.md says what the program prints.

Usage: faults.py [--write]      with --write: writes docs/network.md again

A package is fetched from a server with the fault, by an entry with retries=1.
"""
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import documents  # noqa: E402
import root as r  # noqa: E402

HEAD = """# Faults of a network, and the outcome of each

The faults last; a package is fetched by an entry with `retries=1`. This is what modfetch prints;
`python3 tests/road/faults.py --write` writes it again. modfetch-errors(7) explains the codes.

| Fault | Requests | Exit status | Line |
|---|---|---|---|
"""


def answers(status, *headers, body=b''):
    def make(machine):
        machine.server.instead['.rpm'] = (status, headers, body)
    return make


def has_bytes(change):
    def make(machine):
        machine.server.instead['.rpm'] = (200, (), change(machine.package))
    return make


def redirects_to_itself(machine):
    machine.server.instead['.rpm'] = (302, [('Location', f'{machine.server.url}/x.rpm')], b'')


def is_cut(machine):
    machine.server.truncate['.rpm'] = 0


def entry(url=None, *lines):
    def make(machine):
        machine.root.repo(url or machine.server.url, extra=['retries=1', 'timeout=5', *lines])
    return make


FAULTS = [
    ('the name does not exist', entry('http://name.invalid')),
    ('the connection is refused', entry('http://127.0.0.1:1')),
    ('the proxy is down', entry(None, 'proxy=http://127.0.0.1:1')),
    *((f'status {status}', answers(status)) for status in (401, 403, 404, 407, 408, 416, 429, 500, 503)),
    ('status 503, Retry-After: 1', answers(503, ('Retry-After', '1'))),
    ('a redirect to itself', redirects_to_itself),
    ('a redirect to file:', answers(302, ('Location', 'file:///etc/passwd'))),
    ('the connection ends before the body', is_cut),
    ('a body that is too short', has_bytes(lambda content: content[:-9])),
    ('a body that is too long', has_bytes(lambda content: content + b'x')),
    ('a body of other bytes', has_bytes(lambda content: content[:-1] + bytes([content[-1] ^ 1]))),
    ('a web page', answers(200, ('Content-Type', 'text/html'), body=b'<html><body>login</body></html>')),
]


class Machine:
    def __init__(self):
        self.root = r.Root(modules=('loop',), kind='default-1')
        self.root.conf(fetch_user='nobody')
        self.repository = tempfile.mkdtemp(prefix='faults-')
        tree = f'{r.full_tree("default-1")}/lib/modules'
        path = next(f'{d}/dca.ko' for d, _, files in os.walk(tree) if 'dca.ko' in files)
        with open(path, 'rb') as f:
            module = f.read()
        package = r.rpmbuild(self.repository, f'dca-kmp-{r.tag(self.root.kver)}', ['Provides: kmod(dca.ko)'],
                             [(f'/lib/modules/{self.root.kver}/updates/dca.ko', module)])
        with open(package, 'rb') as f:
            self.package = f.read()
        r.createrepo(self.repository)
        self.server = r.Server(self.repository)
        entry()(self)
        done = self.root.run('refresh')
        assert done.returncode == 0, done.stderr

    def close(self):
        self.server.close()
        self.root.close()
        shutil.rmtree(self.repository)


def outcome(make):
    """(requests, exit status, lines on standard error) of a fault."""
    machine = Machine()
    try:
        make(machine)
        done = machine.root.run('--no-load', 'install', 'dca')
        requests = sum(path.endswith('.rpm') for path in machine.server.requests)
        assert not any(name.startswith('dca') for name in machine.root.names())
        text = re.sub(r':\d{4,5}\b', ':PORT', done.stderr)
        # libcurl's words, which differ between its versions
        text = re.sub(r'(?:Failed to|Could not) connect to .*(?= \[)', 'no connection', text)
        text = re.sub(r'(?:transfer closed|end of response) with .*(?= \[)', 'it ended too early', text)
        return requests, done.returncode, text.splitlines()
    finally:
        machine.close()


def document(outcomes):
    return HEAD + ''.join(f'| {title} | {requests} | {status} | `{" / ".join(lines)}` |\n'
                          for (title, _), (requests, status, lines) in zip(FAULTS, outcomes))


class Faults(unittest.TestCase):
    def test_each_ends_with_one_line_and_the_document_is_true(self):
        outcomes = [outcome(make) for _, make in FAULTS]
        for (title, _), (_, status, lines) in zip(FAULTS, outcomes):
            with self.subTest(title):
                self.assertNotIn(status, (0, 2))
                self.assertEqual(len(lines), 1, lines)
                self.assertNotIn('No error', lines[0])
                self.assertRegex(lines[0], r'^modfetch: [\w-]+: .* \[[A-Z-]+\]$')
        documents.compare(self, 'network.md', document(outcomes))


if __name__ == '__main__':
    if sys.argv[1:] == ['--write']:
        documents.write('network.md', document([outcome(make) for _, make in FAULTS]))
    else:
        unittest.main()
