#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks calls, public names, variables and libraries in the objects, independent of #include lines.

- A function is called from its own directory or from one that comes after it. No stage calls the entry of another stage; it may
  only read the values that it gets. There are no cycles of calls between files.
- No object has a writable variable: persistent data is on disk, everything else is passed in arguments.
- Every public name is used by another file. It begins with mf_ or, within a directory, with the name of the directory, because
  plain names like queue_free() belong to libraries.
- The programs link only the allowed libraries: the event helper none, the fetch helper none for packages, modfetch none that is
  slow to start, its verbs none for networks.
"""

import pathlib
import re
import subprocess
import sys

from layers import LAYERS, layer_of
from tree import ROOT, Findings, build_root, read

# The stages in the order of the pipeline; src/STAGE/STAGE.c has the entry, which only the pipeline calls.
STAGES = ["match", "resolve", "fetch", "verify", "install", "load"]
# Functions in the entry file of a stage that another stage may call: constructors, readers and destructors of values.
VALUE_CALLS = re.compile(r"mf_(want|wants|match|plan|fetched|proof|receipt)_\w+")

# program: libraries that it may link, in addition to the C library
LIBRARIES = {
    "src/event/helper/event": set(),
    "src/event/modprobe/modprobe": set(),
    "src/fetch/helper/fetch": {"libcurl", "libseccomp"},
    "src/cmd/modfetch": {"libz", "liblzma", "liblz4", "libzstd"},
    "src/cmd/modfetch-verbs-*.so": {
        "libkmod", "libseccomp", "libsolv", "libsolvext", "libcrypto", "librpm", "librpmio", "libexpat", "libjson-c", "libz", "liblzma",
        "liblz4", "libzstd",
    },
    "src/cmd/modfetch-pack-*.so": {"libsolv", "libsolvext", "libcrypto", "libexpat", "libjson-c", "libz", "liblzma", "liblz4", "libzstd"},
    "src/cmd/modfetch-build-*.so": {
        "libkmod", "libseccomp", "libsolv", "libsolvext", "libcrypto", "librpm", "librpmio", "libexpat", "libjson-c", "libz", "liblzma",
        "liblz4", "libzstd",
    },
}
C_LIBRARY = {"libc", "libm", "libpthread", "libdl", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64", "linux-vdso"}

# The prefix of names that are shared within a directory, if it is not the name of the directory.
PREFIXES = {"depmod": "dm"}
# Called only by the C library.
NOT_CALLED = {"main"}

findings = Findings()


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


class Object:
    """One compiled source of src/."""

    def __init__(self, path):
        # build/src/base/libbase.a.p/context.c.o
        directory = path.parent.parent.relative_to(build_root())
        self.source = pathlib.Path(directory) / path.name.removesuffix(".o")
        self.layer = layer_of(self.source)
        self.defines, self.needs = set(), set()
        self.variables = []  # in sections that are written at run time; .data.rel.ro is made read-only by the linker

    def add_symbol(self, kind, name):
        if kind == "U":
            self.needs.add(name)
        elif kind in "TDBRVW":
            self.defines.add(name)

    def add_entry(self, line):
        """A line of objdump's table of symbols."""
        m = re.match(r"\S+ (?=.{7} ).{6}O\s+(\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        if m and re.match(r"\.(data|bss|tbss|tdata)(?!\.rel\.ro)|\*COM\*", m[1]) and int(m[2], 16):
            self.variables.append(m[3])


def objects():
    """The objects of existing sources; a build directory may contain objects of removed ones."""
    paths = [path for path in sorted((build_root() / "src").rglob("*.c.o"))
             if (ROOT / path.parent.parent.relative_to(build_root()) / path.name.removesuffix(".o")).exists()]
    found = {str(path): Object(path) for path in paths}
    for line in run("nm", "--print-file-name", *paths).splitlines():
        path, symbol = line.split(":", 1)
        found[path].add_symbol(*symbol.split()[-2:])
    current = None
    for line in run("objdump", "-t", *paths).splitlines():
        if (path := line.split(":")[0]) in found:
            current = found[path]
        elif current:
            current.add_entry(line)
    return list(found.values())


def check_call(caller, callee, name):
    if LAYERS.index(callee.layer) > LAYERS.index(caller.layer):
        findings.add(caller.source, f"calls {name}() of {callee.source}, which is above it")
    elif caller.layer in STAGES and callee.layer in STAGES and caller.layer != callee.layer:
        if callee.source.stem == callee.layer and not VALUE_CALLS.fullmatch(name):
            findings.add(caller.source, f"calls {name}() of the stage {callee.layer}")


def circles(edges):
    """The sets of files that call each other in a cycle (Tarjan's strongly connected components)."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(edges.get(v, ())):
            if w not in index:
                visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            circle = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(circle) > 1:
                found.append(sorted(circle))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return found


def family(source):
    """The allowed prefixes of a public name of a source: libraries have names too."""
    stem, dash, _ = source.stem.partition("-")
    return {"mf", source.parts[1], PREFIXES.get(source.parts[1], "mf")} | ({stem} if dash else set())


def check_libraries(program, allowed):
    path = next(build_root().glob(program), None)
    if not path:
        findings.add(program, "it was not built")
        return
    needed = re.findall(r"\(NEEDED\).*\[([\w+-]+?)(?:-[\d.]+)?\.so", run("readelf", "-d", path))
    for library in sorted(set(needed) - allowed - C_LIBRARY):
        findings.add(program, f"needs {library}, which is not allowed")


def main():
    found = objects()
    owner = {name: o for o in found for name in o.defines}
    used, edges = set(), {}
    calls = 0
    for o in found:
        for name in o.needs & owner.keys():
            if owner[name].source != o.source:
                used.add(name)
                calls += 1
                check_call(o, owner[name], name)
                edges.setdefault(str(o.source), set()).add(str(owner[name].source))
        for name in o.variables:
            findings.add(o.source, f"{name} is a variable that outlives its function")
    for circle in circles(edges):
        findings.add(circle[0], f"calls in a cycle with {', '.join(circle[1:])}")
    tests = "\n".join(read(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.c"))
    for name, o in owner.items():
        if name not in used | NOT_CALLED and not re.search(rf"\b{re.escape(name)}\b", tests):
            findings.note(o.source, f"{name} is public, but no other file uses it")
        if name not in NOT_CALLED and name.partition("_")[0] not in family(o.source):
            findings.add(o.source, f"{name} is public, but begins with none of {', '.join(sorted(family(o.source)))}")
    for program, allowed in LIBRARIES.items():
        check_libraries(program, allowed)
    if len(found) < 40 or calls < 100:
        findings.add(build_root(), f"only {len(found)} objects and {calls} calls: this is no build of the tree")
    findings.end(f"symbols: {len(found)} objects, {calls} calls between files, {len(owner)} public names")


if __name__ == "__main__":
    sys.exit(main())
