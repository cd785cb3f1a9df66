#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who calls whom, and who keeps state: asked of the objects, which an #include line cannot hide anything from.

- A function is called from its own layer or from above it; a stage calls no stage, it only looks at the values it is given.
- No object has a variable that can change: what lasts is on disk, what travels is passed.
- Nothing is public that nobody else uses, and what is public begins with mf_ or, within a folder, with its name:
  plain names like queue_free() are those of libraries.
- The programs need no other libraries than they may: the event helper none, the fetch helper nothing that knows of
  packages, modfetch nothing that takes long to start, its verbs nothing that speaks to a network.
"""

import pathlib
import re
import subprocess
import sys

from layers import APART, LAYERS, layer_of
from tree import ROOT, Findings, build_root, read

# What a stage may call of another: makers, readers and destructors of the values that travel.
VALUE_CALLS = re.compile(r"mf_(want|wants|match|plan|fetched|proof|receipt)_\w+")

# program: libraries it may name, beside the C library's own
LIBRARIES = {
    "src/event/event": set(),
    "src/fetch/fetch": {"libcurl", "libseccomp"},
    "src/cmd/modfetch": {"libz", "liblzma", "libzstd"},
    "src/cmd/modfetch-verbs-*.so": {
        "libkmod", "libsolv", "libsolvext", "libcrypto", "librpm", "librpmio", "libjson-c", "libz", "liblzma",
        "libzstd",
    },
}
C_LIBRARY = {"libc", "libm", "libpthread", "libdl", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64", "linux-vdso"}

# What files of one stem call what they share, where that is not the stem itself.
PREFIXES = {"depmod": "dm"}
# Called by the C library alone.
NOT_CALLED = {"main"}

findings = Findings()


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


class Object:
    """One compiled source of src/."""

    def __init__(self, path):
        # build/src/base/libbase.a.p/context.c.o
        self.path = path
        folder = path.parent.parent.relative_to(build_root())
        self.source = pathlib.Path(folder) / path.name.removesuffix(".o")
        self.layer = layer_of(self.source)
        self.defines, self.needs = set(), set()
        for line in run("nm", path).splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                self.needs.add(name)
            elif kind in "TDBRVW":
                self.defines.add(name)

    def variables(self):
        """Objects in sections that are written at run time; .data.rel.ro is made read-only by the linker."""
        for line in run("objdump", "-t", self.path).splitlines():
            m = re.match(r"\S+ (?=.{7} ).{6}O\s+(\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
            if m and re.match(r"\.(data|bss|tbss|tdata)(?!\.rel\.ro)|\*COM\*", m[1]) and int(m[2], 16):
                yield m[3]


def objects():
    """Those of the sources that are there; a build folder may keep objects of others."""
    for path in sorted((build_root() / "src").rglob("*.c.o")):
        if (ROOT / path.parent.parent.relative_to(build_root()) / path.name.removesuffix(".o")).exists():
            yield Object(path)


def check_call(caller, callee, name):
    if LAYERS.index(callee.layer) > LAYERS.index(caller.layer):
        findings.add(caller.source, f"calls {name}() of {callee.source}, which is above it")
    elif callee.layer in APART.get(caller.layer, ()):
        findings.add(caller.source, f"calls {name}() of {callee.source}, which is beside it")
    elif caller.layer == callee.layer == "stage" and not VALUE_CALLS.fullmatch(name):
        if not same_family(caller.source, callee.source):
            findings.add(caller.source, f"a stage, calls {name}() of the stage {callee.source}")


def same_family(a, b):
    """fetch.c, fetch-file.c and fetch-helper.c are one stage."""
    return a.parent == b.parent and a.stem.partition("-")[0] == b.stem.partition("-")[0]


def family(source):
    """What a public name of a source may begin with: libraries have names too."""
    stem = source.stem.partition("-")
    return {"mf", source.parts[1]} | ({stem[0], PREFIXES.get(stem[0], stem[0])} if stem[1] else set())


def check_libraries(program, allowed):
    path = next(build_root().glob(program), None)
    if not path:
        findings.add(program, "it was not built")
        return
    needed = re.findall(r"\(NEEDED\).*\[([\w+-]+?)(?:-[\d.]+)?\.so", run("readelf", "-d", path))
    for library in sorted(set(needed) - allowed - C_LIBRARY):
        findings.add(program, f"needs {library}, which it must not")


def main():
    found = list(objects())
    owner = {name: o for o in found for name in o.defines}
    used = set()
    calls = 0
    for o in found:
        for name in o.needs & owner.keys():
            if owner[name].source != o.source:
                used.add(name)
                calls += 1
                check_call(o, owner[name], name)
        for name in o.variables():
            findings.add(o.source, f"{name} is a variable that outlives its function")
    tests = "\n".join(read(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.c"))
    for name, o in owner.items():
        if name not in used | NOT_CALLED and not re.search(rf"\b{re.escape(name)}\b", tests):
            findings.note(o.source, f"{name} is public, but nobody else uses it")
        if name not in NOT_CALLED and name.partition("_")[0] not in family(o.source):
            findings.add(o.source, f"{name} is public, but begins with none of {', '.join(sorted(family(o.source)))}")
    for program, allowed in LIBRARIES.items():
        check_libraries(program, allowed)
    if len(found) < 40 or calls < 100:
        findings.add(build_root(), f"only {len(found)} objects and {calls} calls: this is no build of the tree")
    findings.end(f"symbols: {len(found)} objects, {calls} calls between files, {len(owner)} public names")


if __name__ == "__main__":
    sys.exit(main())
