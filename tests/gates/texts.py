#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Texts that no file of the tree may contain: promises for later, how it was written, absolute paths of one machine."""

import re
import sys

from tree import ROOT, Findings, files

# Written in pieces, so that this file is not a finding itself.
FORBIDDEN = {
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!X)": "a promise for later: do it, or say what is",
    r"(?<![\w.])/wo" r"rk/\w": "a path of one machine",
    r"(?i)\b(chat" r"gpt|clau" r"de|anthro" r"pic|open" r"ai|copi" r"lot|language mo" r"del|ll" r"m)\b": "no word of this tree",
    r"\b(A" r"I)\b": "no word of this tree",
    r"(?i)\b(he" r"lper agent|sub" r"agent|work" r"tree|bri" r"ef\.md|issue #?\d|session (of|brief))": "about how it was written",
    r"(?i)^<<<<<<<|^>>>>>>> ": "what a merge left",
}
LICENSES = {"LICENSE"}

findings = Findings()


def main():
    n = 0
    for path in files():
        data = (ROOT / path).read_bytes()
        n += 1
        if b"\0" in data[:4096] or path.name in LICENSES:
            continue
        for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), 1):
            for pattern, why in FORBIDDEN.items():
                m = re.search(pattern, line)
                if m:
                    findings.add(f"{path}:{number}", f"{m[0]!r}: {why}")
        if data and not data.endswith(b"\n") and path.parts[:2] != ("tests", "fuzz"):
            findings.add(path, "its last line does not end")
    if n < 100:
        findings.add("texts", f"only {n} files: this is not the tree")
    findings.end(f"texts: {n} files")


if __name__ == "__main__":
    sys.exit(main())
