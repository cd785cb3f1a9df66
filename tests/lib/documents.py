# SPDX-License-Identifier: LGPL-2.1-or-later
"""Documents that show what the program prints: written by a test, and compared with what it prints now.

Sizes, times, versions, fingerprints and the widths of columns differ between kernels and runs: they do not count.
"""
import os
import re
import sys

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')

PASSED = [
    # downloads run at the same time: which one fails first is chance
    (r'repomd\.xml(?:\.p7s)?', 'repomd.xml'),
    (r'[\w-]+-kmp-[\w.%-]+\.rpm', 'KMP.rpm'),
    # curl's words, of which newer versions have others
    ("Couldn't", 'Could not'),
    (r'\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?', 'DATE'),
    (r'\b(?:[0-9A-Fa-f]{2}:){7,}[0-9A-Fa-f]{2}\b|\b[0-9A-Fa-f]{32,}\b|(?:\b[0-9A-Fa-f]{4}\b ?){8,}', 'DIGEST'),
    (r'\b\d+(?:\.\d+){2}(?:[-_.+~]\w+)*', 'VERSION'),
    (r'\b\d+(?:[.,]\d+)* ?(?:bytes|B|[kKMG]B)\b', 'SIZE'),
    (r'\b\d+(?:\.\d+)? ?(?:ms|s|seconds|minutes|days)\b', 'TIME'),
    (r'\b\d+ (packages|modules|aliases)\b', r'N \1'),
    (r'\b(decided|planned|resolved|fetched|verified|installed|indexed|loaded|bound) \d+', r'\1 N'),
    (r'[ \t]+', ' '),
    (r'-{3,}|─+', '---'),
]


def comparable(text):
    for pattern, instead in PASSED:
        text = re.sub(pattern, instead, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def kept(name):
    with open(f'{TREE}/docs/{name}', encoding='utf-8') as f:
        return f.read()


def write(name, text):
    with open(f'{TREE}/docs/{name}', 'w', encoding='utf-8') as f:
        f.write(text)


def compare(test, name, text):
    """Fails if the program prints something else than the document says."""
    command = f'python3 {os.path.relpath(sys.argv[0], TREE)} --write'
    test.assertEqual(comparable(kept(name)), comparable(text), f'docs/{name} differs from what the program prints; write it again: {command}')
