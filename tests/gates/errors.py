#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the list of codes in the manual: each code of include/modfetch/error.h has an entry in modfetch-errors(7), with the
same exit status, which begins with the same sentence; and there is no other entry."""

import re

from tree import Findings, read

HEADER, PAGE = "include/modfetch/error.h", "man/modfetch-errors.7.scd"

findings = Findings()
text = re.sub(r"\\\n\s*", " ", read(HEADER))
codes = {name: (status, sentence) for name, status, sentence in re.findall(r'X\(\w+, "([A-Z-]+)", (\d+), *"([^"]+)"\)', text)}
entries = {
    name: (status, " ".join(body.split()))
    for name, status, body in re.findall(r"^\*([A-Z-]+)\* \((\d+)\)\n((?:\t.*\n)+)", read(PAGE), re.M)
}
if len(codes) < 40:
    findings.add(HEADER, f"only {len(codes)} codes were found: this gate no longer understands it")
for name in sorted(codes.keys() - entries.keys()):
    findings.add(PAGE, f"{name} is missing")
for name in sorted(entries.keys() - codes.keys()):
    findings.add(PAGE, f"{name} is no code of the program")
for name in sorted(codes.keys() & entries.keys()):
    (status, sentence), (page_status, body) = codes[name], entries[name]
    if status != page_status:
        findings.add(PAGE, f"{name}: exit status {page_status}, the program's is {status}")
    begin = sentence[0].upper() + sentence[1:]
    if not body.startswith(begin) or body[len(begin)] not in ".,:;":
        findings.add(PAGE, f'{name} does not begin with "{begin}"')
findings.end(f"errors: {len(codes)} codes")
