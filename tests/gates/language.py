#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Comments, messages and documents use the terms of the field: a table of words to avoid, with the word to use instead.

It reads comments and strings of C, comments and docstrings of Python, comments of scripts, units and build files, manual pages,
and *.md without their code. The table has only words without a second meaning here, so that a finding is never a false alarm.
The share of relative clauses without a noun ("what was read", "who reads it") is printed, but is not a finding.
"""

import ast
import io
import re
import sys
import tokenize

from tree import Findings, files, interpreter, read

# regular expression: what to write instead
WORDS = {
    r"folders?": "directory",
    r"(?<!-)flavours?": "flavor",
    r"told|tells? apart": "reported; distinguished",
    r"behind(?! (?:a|an|the) (?:proxy|bridge|hub|firewall))": "after, below",
    r"mend(?:s|ed|ing)?": "repair",
    r"fore(?:see|sees|seen|saw|seeing)": "predict, expect",
    r"shel(?:f|ves)": "cache, pool",
    r"vouch(?:es|ed|ing)?": "sign, verify",
    r"tame[ds]?|taming": "sanitize",
    r"surroundings": "environment, context",
    r"spare[ds]?|sparing": "omit, save, avoid",
    r"heed(?:s|ed|ing)?": "obey, apply, respect",
    r"ails?|ailing": "affect",
    r"befalls?|befell": "happen to",
    r"anew": "again",
    r"hearsay|affairs?|cargo|kinsm[ae]n": "a term of the field",
    r"sieves?": "filter",
    r"who(?:m|so)?ever|whatsoever": "the caller, the user, any process",
    r"somebody|anybody": "a user, another process, any process",
    r"(?:the|this|same|whole) road(?! (?:tests?|suite))|go(?:es)? the road": "the pipeline",
}
PATTERN = re.compile("|".join(rf"(?P<w{i}>\b(?:{word})\b)" for i, word in enumerate(WORDS)), re.I)
INSTEAD = list(WORDS.values())
RELATIVE = re.compile(r"\b(?:who|whom|whose|whoever|what|whatever|whichever|those (?:that|who|which)|that which)\b", re.I)

C_TOKEN = re.compile(r"^[ \t]*#[ \t]*include[^\n]*|//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S | re.M)
CODE = re.compile(r"^```.*?^```$|^(?: {4}|\t)[^\n]*|`[^`\n]*`", re.S | re.M)
HASH = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.M)
HASH_FILES = {"meson.build", "meson_options.txt", "dependencies.tsv", "modfetch.spec", ".clang-tidy", ".clang-format"}
HASH_SUFFIXES = {".in", ".conf", ".service", ".socket", ".path", ".timer", ".preset", ".sysusers", ".tmpfiles", ".bash", ".fish"}


def of_c(text):
    """(line, text) of each comment and each string."""
    for m in C_TOKEN.finditer(text):
        if m[0][0] in "/\"":
            yield text.count("\n", 0, m.start()) + 1, m[0]


def of_python(text):
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            yield node.body[0].lineno, ast.get_docstring(node, clean=False)


def of_document(text):
    """The whole text; code is replaced by empty lines."""
    yield 1, CODE.sub(lambda m: "\n" * m[0].count("\n"), text)


def of_script(text):
    for m in HASH.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m[0]


def reader(path):
    """The function that reads this kind of file, or None."""
    if path.suffix in (".c", ".h"):
        return of_c
    if path.suffix == ".py" or interpreter(path) == "python3":
        return of_python
    if path.suffix == ".md":
        return of_document
    if path.suffix in (".scd", ".catalog"):
        return lambda text: [(1, text)]
    if path.name in HASH_FILES or path.suffix in HASH_SUFFIXES or interpreter(path) in ("sh", "bash"):
        return of_script
    return None


def main():
    findings = Findings()
    n = words = clauses = 0
    for path in files():
        parts = reader(path) if path.name != "LICENSE" else None
        if not parts:
            continue
        n += 1
        try:
            found = list(parts(read(path)))
        except (SyntaxError, tokenize.TokenError):  # python.py reports it
            continue
        for line, text in found:
            for m in PATTERN.finditer(text):
                where = f"{path}:{line + text.count(chr(10), 0, m.start())}"
                findings.add(where, f"{m[0]!r}: write {INSTEAD[int(m.lastgroup[1:])]}")
            if path.suffix in (".c", ".h") and not text.startswith('"'):
                words += len(re.findall(r"[A-Za-z']+", text))
                clauses += len(RELATIVE.findall(text))
    if n < 100:
        findings.add("language", f"only {n} files: this is not the tree")
    share = 10000 * clauses / max(words, 1)
    findings.end(f"language: {n} files; {words} words of comments in C, {share:.0f} relative clauses in 10,000")


if __name__ == "__main__":
    sys.exit(main())
