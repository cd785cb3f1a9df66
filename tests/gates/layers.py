#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the order of the layers: calls only go down, and each third-party library has one adapter.

It reads only the #include lines of src/ and include/; symbols.py checks the same in the objects.
"""

import re
import sys

from tree import ROOT, Findings, c_files, files, read

# The directories of src/ in the order of src/meson.build: a file includes contracts of its own directory and of those before it.
LAYERS = re.findall(r"^subdir\('(.*)'\)", read("src/meson.build"), re.M)

# third-party header: the one file that includes it; libseccomp has two filters with nothing in common, and the libraries of
# compression have one for each direction
ADAPTERS = {
    r"openssl/": "src/lib/crypto-private.h",
    r"curl/": "src/fetch/helper/curl.c",
    r"json-c/": "src/lib/json.c",
    r"expat\.h": "src/lib/xml.c",
    r"libkmod\.h": "src/lib/libkmod-private.h",
    r"(lz4|lzma|zlib|zstd)\.h": "src/lib/inflate.c src/lib/deflate.c",
    r"rpm/": "src/lib/rpm-private.h",
    r"seccomp\.h": "src/fetch/helper/seccomp.c src/box/syscalls.c",
    r"solv/": "src/solv/solv-private.h",
}
# Contracts of inline functions and attributes, which have no source.
INLINE = {"cleanup": "base", "cache-names": "base"}
# Headers of the C library and of the kernel's interface: every file may include them.
SYSTEM = re.compile(
    r"(sys|linux|asm|net|netinet|arpa)/[\w/-]+\.h|(assert|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|fnmatch|fts|ftw|getopt|"
    r"glob|grp|inttypes|limits|locale|poll|pthread|pwd|sched|search|semaphore|signal|spawn|stdalign|stdarg|stdatomic|stdbool|"
    r"stddef|stdint|stdio|stdlib|string|strings|syslog|termios|time|unistd|wchar|byteswap|ifaddrs|malloc|math|regex|setjmp|"
    r"langinfo|locale|mntent|netdb|paths|utime)\.h"
)

findings = Findings()


def layer_of(path):
    """The directory of src/ that a source or private header is in."""
    return path.parts[1]


def contracts():
    """stem: the directory that owns include/modfetch/STEM.h: the one that is called STEM, else the one that has STEM.c."""
    owners = {}
    sources = [f for f in files("src") if f.suffix == ".c" and f.parts[1] != "cmd"]
    for header in c_files("include"):
        found = {header.stem} & set(LAYERS) or {f.parts[1] for f in sources if f.stem == header.stem and len(f.parts) == 3}
        if header.stem in INLINE:
            found = {INLINE[header.stem]}
        if len(found) != 1:
            findings.add(header, f"it belongs to {len(found)} directories of src/, not to one")
        owners[header.stem] = min(found, default="base")
    return owners


def check_used_elsewhere(owners, users):
    """A contract that no other directory includes is private."""
    for stem, owner in owners.items():
        if not users.get(stem, set()) - {owner}:
            findings.add(f"include/modfetch/{stem}.h", f"only src/{owner} includes it: it belongs there")


def check_third_party(path, name, where):
    for pattern, owner in ADAPTERS.items():
        if re.match(pattern, name):
            if str(path) not in owner.split():
                findings.add(where, f"<{name}> is for {owner} alone")
            return
    if not SYSTEM.fullmatch(name):
        findings.add(where, f"<{name}> is neither the C library's nor in the table of adapters")


def check_private(path, name, where):
    """Headers in src/ are for the files beside them, and for the program in a subdirectory."""
    parent = path.parent.parent if name.startswith("../") else path.parent
    beside = parent / name.removeprefix("../")
    if "/" in name.removeprefix("../") or not (ROOT / beside).exists() or len(beside.parts) < 3:
        findings.add(where, f'"{name}" is private to its own directory')
    elif beside.stem.endswith("-private") and not path.stem.startswith(beside.stem.removesuffix("-private")):
        findings.add(where, f'"{name}" is private to {beside.stem.removesuffix("-private")}*.c')


def check_contract(path, stem, owners, where):
    if stem not in owners:
        findings.add(where, f'"modfetch/{stem}.h" has no owner')
        return
    # a contract may include only what its directory may
    mine = owners[path.stem] if path.parts[0] == "include" else layer_of(path)
    theirs = owners[stem]
    if LAYERS.index(theirs) > LAYERS.index(mine):
        findings.add(where, f"{mine} is below {theirs}: modfetch/{stem}.h is not for it")
    elif len(path.parts) > 3 and theirs not in ("base", mine):
        findings.add(where, f"the program in {path.parent} is not to know modfetch/{stem}.h")


def main():
    owners = contracts()
    edges = 0
    users = {}
    for path in c_files("src", "include"):
        for number, line in enumerate(read(path).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            edges += 1
            where = f"{path}:{number}"
            if m[1] == "<":
                check_third_party(path, m[2], where)
            elif m[2].startswith("modfetch/"):
                stem = m[2].removeprefix("modfetch/").removesuffix(".h")
                check_contract(path, stem, owners, where)
                users.setdefault(stem, set()).add(layer_of(path) if path.parts[0] == "src" else owners.get(path.stem))
            elif m[2] != "config.h":
                check_private(path, m[2], where)
    check_used_elsewhere(owners, users)
    findings.end(f"layers: {edges} includes, {len(owners)} contracts of {len(LAYERS)} directories, {len(ADAPTERS)} adapters")


if __name__ == "__main__":
    sys.exit(main())
