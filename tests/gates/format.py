#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that every C file is formatted as by clang-format of version 14, that of Debian 12.

Each version formats some lines differently. With another one the test is skipped, and the output says so.
"""

import re
import shutil
import subprocess
import sys

from tree import ROOT, Findings, c_files

VERSION = "14"


def main():
    findings = Findings()
    program = shutil.which("clang-format")
    if not program:
        print("no clang-format here")
        sys.exit(77)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if not re.search(rf"version {VERSION}\.", version):
        print(f"the format is that of clang-format {VERSION}; here is {version}")
        sys.exit(77)
    paths = c_files("src", "include", "tests")
    done = subprocess.run([program, "--dry-run", *map(str, paths)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and "clang-format-violations" not in done.stderr:
        findings.add("clang-format", done.stderr.strip())
    places = {}
    for m in re.finditer(r"^([^:\n]+):(\d+):\d+: (?:warning|error): ", done.stderr, re.M):
        places.setdefault(m[1], set()).add(int(m[2]))
    for path, lines in sorted(places.items()):
        findings.add(f"{path}:{min(lines)}", f"{len(lines)} lines to format; run clang-format -i {path}")
    findings.end(f"format: {len(paths)} files, {len(places)} of them to be formatted")


if __name__ == "__main__":
    main()
