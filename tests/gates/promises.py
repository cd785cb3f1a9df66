#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SECURITY.md lists the sources and tests of each promise: checks that all of them exist and that every test is run."""

import re

from tree import ROOT, Findings, read

PAGE = "SECURITY.md"
findings = Findings()
text = read(PAGE)
PROMISES = 43
rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| P\d+ ", line)]
numbers = [row[0] for row in rows]
missing = set(re.findall(r"\bP\d+\b", text.split("## What is missing", 1)[1]))
registered = "".join(read(f"tests/{f}meson.build") for f in ("", "road/", "fuzz/", "gates/", "vm/", "pack/", "depmod/", "resolve/"))

for n in range(1, PROMISES + 1):
    if f"P{n}" not in numbers and f"P{n}" not in missing:
        findings.add(PAGE, f"P{n} is neither in the table nor listed as missing")
for row in rows:
    if len(row) != 4 or "`" not in row[2] or "`tests/" not in row[3]:
        findings.add(PAGE, f"{row[0]} lacks a source or a test")
names = re.findall(r"`((?:src|tests|include|systemd|udev)/[^`]+)`", text)
for name in names:
    path, _, what = name.partition(":")
    if not (ROOT / path).exists():
        findings.add(PAGE, f"{path} is not there")
    elif what and not re.search(rf"\b{re.escape(what)}\b", read(path)):
        findings.add(PAGE, f"{path} has no {what}")
    elif path.startswith("tests/") and not path.startswith("tests/cases/"):
        stem = re.sub(r"^(test|fuzz)[-_]", "", path.rsplit("/", 1)[1].rsplit(".", 1)[0])
        if not re.search(rf"['_/-]{re.escape(stem)}['.]", registered):
            findings.add(PAGE, f"{path} is not run by tests/check")
findings.end(f"promises: {len(set(numbers))} of {PROMISES}, {len(set(names))} sources and tests")
