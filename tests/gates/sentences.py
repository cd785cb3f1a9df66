#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The messages of the programs: --list prints all of them with their places, to be read as their user reads them.

A message is the text given to a function that reports: mf_fail(), mf_log(), a usage error, the reason of a want, a finding of check,
a line of standard error. Checked is what a machine can check: no final full stop, no exclamation, no riddles of a short table; and a
failure that the user can end says how: its text has a second clause, after ";" or ":", or names a command."""

import re
import sys

from tree import Findings, c_files, read

REPORTERS = re.compile(
    r"\b(mf_fail|mf_log|cmd_usage|cmd_nothing|cmd_ask|mf_want_reason|pack_problem|inspect_find\w*|packages_report|mf_refusals_add|fprintf)\("
)
# phrases that leave the reader with a question: what to write instead
RIDDLES = {
    r"\b(?:nobody|somebody|things?)\b": "the program, package or user that is meant",
    r"bytes are not": "it was changed after …",
    r"^that is|^this is no ": "the file or package by its name",
    r"stands? in": "is in",
    r"is not a word": "what the word has that it must not have",
    r"\b(?:something|somehow|somewhere)\b": "what, how and where",
    r"went wrong|oops|sorry": "what failed",
}
RIDDLE = re.compile("|".join(f"(?P<r{i}>{phrase})" for i, phrase in enumerate(RIDDLES)), re.I)
# failures that the user can end
WITH_WAY_OUT = {"-MFE_FILE_EXISTS", "-MFE_ROLLBACK", "-MFE_IDENTITY", "-MFE_NO_METADATA", "-MFE_NOT_CONFIRMED", "-ENOSPC", "-EROFS", "-MFE_LOCKED"}
# depmod reports cycles with these words, and scripts look for them
AS_KMOD = "src/depmod/graph.c"
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def arguments(text, start):
    """The text between the parenthesis that ends before START and the one that closes it."""
    depth, at = 1, start
    while depth and at < len(text):
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start : at - 1]


def messages():
    """(place, function, its arguments without the texts, text) of each message."""
    for path in c_files("src"):
        text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), read(path))
        text = re.sub(r"'(?:\\.|[^'\\])'", "0", text)
        for call in REPORTERS.finditer(text):
            given = arguments(text, call.end())
            if call[1] == "fprintf" and not given.startswith("stderr"):
                continue
            joined = re.sub(r'"\s*\n?\s*"', "", given)
            # a text with a format in the middle: "%" PRIu64 " bytes"
            joined = re.sub(r'"\s*(PRI\w+|MF_\w+)\s*"', r"<\1>", joined)
            where = f"{path}:{text.count(chr(10), 0, call.start()) + 1}"
            for literal in LITERAL.findall(joined):
                if " " in literal.strip():
                    yield where, call[1], LITERAL.sub("", joined), literal


def main():
    findings = Findings()
    n = 0
    for where, function, given, text in messages():
        n += 1
        if function == "mf_log" and where.startswith(f"{AS_KMOD}:"):
            continue
        if "--list" in sys.argv:
            print(f"{where}: {text}")
            continue
        plain = re.sub(r"\\n$", "", text)
        if re.search(r"[a-z][.!]$", plain):
            findings.add(where, f'"{plain[-40:]}": a message is one clause, without a full stop')
        riddle = RIDDLE.search(plain)
        if riddle:
            instead = list(RIDDLES.values())[[f"r{i}" for i in range(len(RIDDLES))].index(riddle.lastgroup)]
            findings.add(where, f'"{riddle[0]}" in "{plain[:60]}": say {instead}')
        code = re.search(r"-(?:MFE_)?[A-Z_]+\b", given)
        if function == "mf_fail" and code and code[0] in WITH_WAY_OUT and not re.search(r"[;:] |modfetch |%s", plain):
            findings.add(where, f'"{plain[:70]}" of {code[0]} does not say what to do')
    if "--list" in sys.argv:
        return
    if n < 400:
        findings.add("src", f"only {n} messages were found: this gate no longer understands the sources")
    findings.end(f"sentences: {n} messages")


main()
