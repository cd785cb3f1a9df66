#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clang-tidy over src/, with the checks of .clang-tidy. Usage: tidy.py [--list | FILE…]

The analyzer takes about a second for each file and processor; a clean file is not checked again until the file, one of our
headers, the checks or the program change.
With MODFETCH_TEST_ALL=1 all sources are checked, without it those that the last eight commits changed. --list prints these. A copy of
the tree has no history: MODFETCH_TIDY names them there (tests/lib/within).
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tree import ROOT, Findings, build_root, c_files

CACHE = pathlib.Path(os.environ.get("MODFETCH_TEST_CACHE", "/var/cache/modfetch-tests")) / "tidy"


def common_key(program):
    """Everything that a result depends on in addition to the file itself."""
    h = hashlib.sha256(subprocess.run([program, "--version"], capture_output=True, check=True).stdout)
    for path in [pathlib.Path(".clang-tidy"), *(f for f in c_files("include", "src") if f.suffix == ".h")]:
        h.update((ROOT / path).read_bytes())
    return h


def look_at(program, path, key):
    """Lines of findings of one file."""
    key = key.copy()
    key.update(str(path).encode() + (ROOT / path).read_bytes())
    clean = CACHE / key.hexdigest()
    if clean.exists():
        return []
    command = [program, "-p", str(build_root()), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(ROOT / path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = sorted(set(re.findall(r"^.*?(src/\S+:\d+:\d+: (?:error|warning): .*)$", done.stdout, re.M)))
    if done.returncode and not found:
        found = [f"{path}: clang-tidy ended with {done.returncode}: {done.stderr.strip()[-300:]}"]
    if not found:
        CACHE.mkdir(parents=True, exist_ok=True)
        clean.touch()
    return found


def changed():
    """The sources of the last commits; all, where there is no history."""
    sources = [f for f in c_files("src") if f.suffix == ".c"]
    if os.environ.get("MODFETCH_TEST_ALL") == "1":
        return sources
    if "MODFETCH_TIDY" in os.environ:
        named = os.environ["MODFETCH_TIDY"].split()
        return [f for f in sources if str(f) in named]
    done = subprocess.run(["git", "log", "-n", "8", "-m", "--first-parent", "--name-only", "--format=", "--", "src"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    names = set(done.stdout.split())
    return [f for f in sources if str(f) in names] if done.returncode == 0 else sources


def main():
    if sys.argv[1:] == ["--list"]:
        print(*changed())
        return
    findings = Findings()
    program = shutil.which("clang-tidy")
    if not program:
        print("no clang-tidy here")
        sys.exit(77)
    paths = [pathlib.Path(a) for a in sys.argv[1:]] or changed()
    key = common_key(program)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for lines in pool.map(lambda path: look_at(program, path, key), paths):
            for line in lines:
                where, _, text = line.partition(": ")
                findings.add(where, text)
    findings.end(f"tidy: {len(paths)} sources")


if __name__ == "__main__":
    main()
