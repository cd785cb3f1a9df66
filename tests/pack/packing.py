# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the tests of modfetch pack: real trees, runs of the program, and a reader of repositories."""

import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import commands  # noqa: E402, F401: a failing test prints what it ran

LIB = HERE.parent / "lib"
BUILD = pathlib.Path(os.environ.get("MODFETCH_BUILD", HERE.parent.parent / "build"))
MODFETCH = os.environ.get("MODFETCH", str(BUILD / "src/cmd/modfetch"))

NS = {"c": "http://linux.duke.edu/metadata/common", "r": "http://linux.duke.edu/metadata/rpm"}
REPO_NS = "{http://linux.duke.edu/metadata/repo}"


def call(*argv, **more):
    """Runs a program to its end; its output is text."""
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, **more)


def library(name, *args):
    """The words that a script of tests/lib prints."""
    done = subprocess.run([LIB / name, *args], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


class Kernel:
    """An unpacked Debian kernel; read-only."""

    def __init__(self, kind):
        root, self.release = library("kernel", kind)
        self.root = pathlib.Path(root)
        self.tree = self.root / "lib/modules" / self.release
        self.symvers = self.root / f"usr/src/linux-headers-{self.release}/Module.symvers"

    def modules(self):
        """Paths below the tree."""
        return sorted(p.relative_to(self.tree) for p in self.tree.rglob("*.ko*") if not p.is_symlink())

    def find(self, name):
        """The path below the tree of a module by file name."""
        found = [m for m in self.modules() if m.name.split(".ko")[0] == name]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]


def name_of(path):
    return pathlib.Path(path).name.split(".ko")[0].replace("-", "_")


class Package:
    """One <package> of primary.xml."""

    def __init__(self, element):
        version = element.find("c:version", NS)
        self.name = element.findtext("c:name", "", NS)
        self.arch = element.findtext("c:arch", "", NS)
        self.version, self.release = version.get("ver"), version.get("rel")
        self.summary = element.findtext("c:summary", "", NS)
        self.description = element.findtext("c:description", "", NS)
        self.license = element.findtext(".//r:license", "", NS)
        self.href = element.find("c:location", NS).get("href")
        self.sha256 = element.findtext("c:checksum", "", NS)
        self.size = int(element.find("c:size", NS).get("package"))
        for kind in ("provides", "requires", "recommends", "supplements"):
            entries = element.findall(f".//r:{kind}/r:entry", NS)
            setattr(self, kind, {(e.get("name"), e.get("ver") and self.evr(e)) for e in entries})

    @staticmethod
    def evr(entry):
        return entry.get("ver") + (f"-{entry.get('rel')}" if entry.get("rel") else "")

    def names(self, kind):
        return {name for name, _ in getattr(self, kind)}

    def devices(self):
        """The supplements by a modalias."""
        return {name for name in self.names("supplements") if name.startswith("modalias(")}


class Repository:
    """The content of the repository at PATH, for a client that reads its repomd.xml once."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.repomd = (self.path / "repodata/repomd.xml").read_bytes()
        data = {d.get("type"): d for d in ET.fromstring(self.repomd).findall(f"{REPO_NS}data")}
        self.types = set(data)
        href = data["primary"].find(f"{REPO_NS}location").get("href")
        packed = (self.path / href).read_bytes()
        assert hashlib.sha256(packed).hexdigest() == data["primary"].findtext(f"{REPO_NS}checksum")
        self.primary = gzip.decompress(packed)
        self.packages = {}
        for element in ET.fromstring(self.primary).findall("c:package", NS):
            package = Package(element)
            assert package.name not in self.packages, f"{package.name} twice"
            self.packages[package.name] = package

    def __getitem__(self, name):
        return self.packages[name]

    def kmp(self, module, suffix):
        return self.packages[f"{module}-kmp-{suffix}"]

    def closure(self, start):
        """Names of all packages that START (names) requires, also indirectly; fails on a dependency without a provider."""
        providers = {}
        for package in self.packages.values():
            for provide in package.provides:
                providers.setdefault(provide, set()).add(package.name)
        for package in self.packages.values():  # any version satisfies an unversioned dependency
            for name, _ in package.provides:
                providers.setdefault((name, None), set()).add(package.name)
        done, todo, choices = set(), list(start), []
        while todo or choices:
            if not todo:  # first dependencies with a single provider; then the first provider of each open one
                todo = [sorted(p)[0] for p in choices if not p & done][:1]
                choices = [p for p in choices if not p & done]
                continue
            name = todo.pop()
            if name in done:
                continue
            done.add(name)
            for need in self.packages[name].requires:
                if need[0].startswith("rpmlib("):
                    continue
                assert need in providers, f"{name} requires {need}, which nothing provides"
                if len(providers[need]) == 1:
                    todo.extend(providers[need])
                else:
                    choices.append(providers[need])
        return done


class PackCase(unittest.TestCase):
    """A scratch directory, and modfetch pack in it."""

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="modfetch-pack-"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.repo = self.scratch / "repo"

    def pack(self, *args, status=0, output=None, **more):
        """Runs pack; returns its result, with its lines on stderr."""
        done = call(MODFETCH, "pack", "--output", output or self.repo, *args, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def tree(self, kernel, *modules, builtin=True):
        """A tree with a few modules of a real kernel, in a separate root with the other files of a kernel."""
        root = self.scratch / "root"
        tree = root / "lib/modules" / kernel.release
        for module in modules:
            path = kernel.find(module)
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kernel.tree / path, tree / path)
        tree.mkdir(parents=True, exist_ok=True)
        if builtin:
            for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
                shutil.copy2(kernel.tree / name, tree / name)
        (root / "boot").mkdir(exist_ok=True)
        for name in ("vmlinuz", "System.map", "config"):
            shutil.copy2(kernel.root / f"boot/{name}-{kernel.release}", root / "boot")
        headers = root / f"usr/src/linux-headers-{kernel.release}"
        headers.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kernel.symvers, headers)
        return tree

    @staticmethod
    def edit_modinfo(module, *lines):
        """Adds lines to the .modinfo section of a module."""
        section = module.with_suffix(".modinfo")
        subprocess.run(["objcopy", "-O", "binary", "--only-section=.modinfo", "--set-section-flags", ".modinfo=alloc",
                        module, section], check=True)
        data = section.read_bytes() + b"".join(line + b"\0" for line in lines)
        section.write_bytes(data)
        subprocess.run(["objcopy", "--update-section", f".modinfo={section}", module], check=True)
        section.unlink()


def rpm_query(path, *args):
    done = call("rpm", "-qp", *args, path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
