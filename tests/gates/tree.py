# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the gates: the files of the project, the build directory, and the report of findings."""

import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def build_root():
    return pathlib.Path(os.environ.get("MODFETCH_BUILD", ROOT / "build"))


def files(*tops):
    """Every file of the project below TOPS (default: all of it), as paths relative to ROOT; built and hidden ones are not."""
    for top in tops or ["."]:
        for directory, directories, names in os.walk(ROOT / top):
            here = pathlib.Path(directory).relative_to(ROOT)
            directories[:] = sorted(
                d
                for d in directories
                if d != "__pycache__" and d != ".git" and not (here == pathlib.Path(".") and d.startswith("build"))
            )
            yield from (here / name for name in sorted(names) if name != ".git")


def c_files(*tops):
    return [f for f in files(*tops) if f.suffix in (".c", ".h")]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def interpreter(path):
    """"bash", "python3", … from a script's first line; "" for anything else."""
    with open(ROOT / path, "rb") as f:
        first = f.readline(200)
    m = re.match(rb"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(\w+)", first)
    return m.group(1).decode() if m else ""


class Findings:
    """Collects findings, prints them, ends the program: 1 if there were any."""

    def __init__(self):
        self.lines = []
        self.notes = 0

    def note(self, where, text):
        """Prints a note, which is not a failure."""
        self.notes += 1
        print(f"note: {where}: {text}")

    def add(self, where, text):
        self.lines.append(f"{where}: {text}")

    def end(self, summary):
        for line in self.lines:
            print(line)
        print(f"{summary}; {len(self.lines)} findings")
        sys.exit(1 if self.lines else 0)
