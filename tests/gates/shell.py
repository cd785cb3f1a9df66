#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""shellcheck over every shell script of the tree, found by its first line or its name."""

import shutil
import subprocess
import sys

from tree import ROOT, Findings, files, interpreter


def main():
    findings = Findings()
    program = shutil.which("shellcheck")
    if not program:
        print("no shellcheck here")
        sys.exit(77)
    scripts = [f for f in files() if interpreter(f) in ("sh", "bash", "dash") or f.suffix in (".sh", ".bash")]
    # -x: follow what a script sources
    command = [program, "-x", "-f", "gcc", *map(str, scripts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        where, _, text = line.partition(": ")
        findings.add(where, text)
    if len(scripts) < 5:
        findings.add("shell", f"only {len(scripts)} scripts: this is not the tree")
    findings.end(f"shell: {len(scripts)} scripts")


if __name__ == "__main__":
    main()
