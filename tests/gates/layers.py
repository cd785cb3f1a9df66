#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who includes whom: calls go down only, and each third-party library has one adapter.

Reads nothing but the #include lines of src/ and include/; symbols.py asks the objects for the same.
"""

import re
import sys

from tree import Findings, c_files, files, read

# Lower layers first; a file includes headers of its own layer and of those below.
LAYERS = ["base", "lib", "kmod", "depmod", "repo", "part", "stage", "pipeline", "pack", "event", "fetch", "modprobe", "cmd"]
# The packer stands beside the road, not above it.
APART = {"pack": {"repo", "part", "stage", "pipeline"}}
# Small programs see the base and these contracts, nothing else: two start in a millisecond, one has no rights.
ONLY = {"event": {"event", "spool"}, "fetch": {"curl", "seccomp"},
        "modprobe": {"event", "stub-request", "kernel-request", "failed-names", "alias", "release", "spool", "trie"}}

# src/road holds three layers. A part serves one stage or is a value that travels; a stage is one step of the road;
# the pipeline alone knows their order.
ROAD = {
    "stage": {"event", "match", "resolve", "fetch", "fetch-file", "fetch-helper", "fetch-room", "verify", "install", "load"},
    "pipeline": {"pipeline", "fault", "renew", "record", "refresh", "drain", "sieve", "coldplug", "dot", "case", "case-files", "scope"},
}
# What one stage hands to the next is declared in the maker's header; these alone are seen by other stages.
VALUES = {"resolve": "the plan", "fetch": "the fetched file", "verify": "the proof", "install": "the receipt"}

# third-party header: the one file that includes it
ADAPTERS = {
    r"openssl/": "src/lib/crypto.c",
    r"curl/": "src/fetch/helper/curl.c",
    r"json-c/": "src/lib/json.c",
    r"libkmod\.h": "src/lib/kmod.c",
    r"(lzma|zlib|zstd)\.h": "src/lib/inflate.c",
    r"rpm/": "src/lib/rpm-private.h",
    r"seccomp\.h": "src/fetch/helper/seccomp.c",
    r"solv/": "src/solv/solv-private.h",
}
# Headers of the C library and of the kernel's interface: anybody's.
SYSTEM = re.compile(
    r"(sys|linux|asm|net|netinet|arpa)/[\w/-]+\.h|(assert|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|fnmatch|fts|ftw|getopt|"
    r"glob|grp|inttypes|limits|locale|poll|pthread|pwd|sched|search|semaphore|signal|spawn|stdalign|stdarg|stdatomic|stdbool|"
    r"stddef|stdint|stdio|stdlib|string|strings|syslog|termios|time|unistd|wchar|byteswap|ifaddrs|malloc|math|regex|setjmp|"
    r"langinfo|locale|mntent|netdb|paths|utime)\.h"
)

# include/modfetch/X.h is the contract of src/*/X.c, but for these:
CONTRACTS = {
    "cleanup": ("base", "inline functions and attributes alone: there is nothing to compile"),
}

findings = Findings()


def layer_of(path):
    """Of a source or a private header in src/."""
    folder, stem = path.parts[1], path.stem.removesuffix("-private")
    if folder != "road":
        return folder
    return next((layer for layer, stems in ROAD.items() if stem in stems), "part")


def contracts():
    """stem: (layer, source) of each header in include/modfetch/."""
    owners = {}
    sources = [f for f in files("src") if f.suffix == ".c" and f.parts[1] not in ("cmd", "event", "fetch")]
    for header in c_files("include"):
        stem = header.stem
        found = [s for s in sources if s.stem == stem]
        if len(found) == 1:
            owners[stem] = layer_of(found[0])
        elif stem in CONTRACTS:
            owners[stem] = CONTRACTS[stem][0]
        else:
            findings.add(header, f"it belongs to {len(found)} sources src/*/{stem}.c, not to one")
    return owners


def check_third_party(path, name, where):
    for pattern, owner in ADAPTERS.items():
        if re.match(pattern, name):
            if str(path) != owner:
                findings.add(where, f"<{name}> is for {owner} alone")
            return
    if not SYSTEM.fullmatch(name):
        findings.add(where, f"<{name}> is neither the C library's nor in the table of adapters")


def check_private(path, name, where):
    """Headers in src/ are for the files beside them."""
    beside = path.parent / name.rpartition("/")[2]
    if str(beside) not in (name, str(path.parent / name)):
        findings.add(where, f'"{name}" is private to its own folder')
    elif beside.stem.endswith("-private") and not path.stem.startswith(beside.stem.removesuffix("-private")):
        findings.add(where, f'"{name}" is private to {beside.stem.removesuffix("-private")}*.c')


def check_contract(path, stem, owners, where):
    if stem not in owners:
        findings.add(where, f'"modfetch/{stem}.h" has no owner')
        return
    # a contract may name only what its source may
    mine = owners.get(path.stem, "base") if path.parts[0] == "include" else layer_of(path)
    theirs = owners[stem]
    if LAYERS.index(theirs) > LAYERS.index(mine):
        findings.add(where, f"{mine} is below {theirs}: modfetch/{stem}.h is not for it")
    elif mine in ONLY and theirs != "base" and stem not in ONLY[mine]:
        findings.add(where, f"src/{mine} is not to know modfetch/{stem}.h")
    elif theirs in APART.get(mine, ()):
        findings.add(where, f"{mine} stands beside {theirs}: modfetch/{stem}.h is not for it")
    elif mine == theirs == "stage" and stem not in VALUES and path.stem.partition("-")[0] != stem:
        findings.add(where, f"a stage does not see the stage {stem}: only the pipeline does")


def main():
    owners = contracts()
    edges = 0
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
                check_contract(path, m[2].removeprefix("modfetch/").removesuffix(".h"), owners, where)
            elif m[2] != "config.h":
                check_private(path, m[2], where)
    findings.end(f"layers: {edges} includes, {len(owners)} contracts, {len(ADAPTERS)} adapters")


if __name__ == "__main__":
    sys.exit(main())
