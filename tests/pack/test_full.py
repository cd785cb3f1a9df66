#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole kernel as packages: nothing is missing, nothing is duplicate, and zypper, dnf and rpm can use it.

The oracle is the original tree: the output of depmod and modprobe, and its content.
With MODFETCH_TEST_ALL=1 the kernel with .ko.xz is packed too. Without, it is skipped.
"""

import collections
import filecmp
import hashlib
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from packing import Kernel, Repository, call, library, name_of, rpm_query  # noqa: E402

SEED = int(os.environ.get("MODFETCH_SEED", "20240607"))
KIND = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "default"
if KIND != "default" and os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("MODFETCH_TEST_ALL is not set")
    sys.exit(77)  # skipped, for meson


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="modfetch-whole-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.kernel = Kernel(KIND)
        cls.packed = Repository(library("repository", {"default": "full"}.get(KIND, KIND))[0])
        cls.abi, cls.flavor = cls.kernel.release.rsplit("-", 1)
        cls.abi = cls.abi.replace("-", "_")
        cls.suffix = f"{cls.flavor}-{cls.abi}"
        cls.kmps = {n: p for n, p in cls.packed.packages.items() if "-kmp-" in n}
        # the whole tree with its indexes, as on a machine with the full kernel
        cls.full = cls.scratch / "full"
        (cls.full / "lib/modules").mkdir(parents=True)
        if call("cp", "-al", cls.kernel.tree, cls.full / "lib/modules").returncode:
            shutil.copytree(cls.kernel.tree, cls.full / "lib/modules" / cls.kernel.release, symlinks=True)
        done = call("depmod", "-b", cls.full, cls.kernel.release)
        assert done.returncode == 0, done.stderr

    def index(self, name):
        return (self.full / "lib/modules" / self.kernel.release / name).read_text(encoding="ascii").splitlines()

    def deps(self):
        """Module → its dependencies in modules.dep."""
        deps = {}
        for line in self.index("modules.dep"):
            module, _, needs = line.partition(":")
            deps[name_of(module)] = {name_of(n) for n in needs.split()}
        return deps

    def test_every_module_is_in_exactly_one_package_byte_for_byte(self):
        modules = self.kernel.modules()
        self.assertGreater(len(modules), 3500)
        self.assertEqual(set(self.kmps), {f"{name_of(m)}-kmp-{self.suffix}" for m in modules})
        wanted = {f"/lib/modules/{self.kernel.release}/{m}" for m in modules}
        held = collections.Counter()
        done = call("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEDIGESTS} %{FILEMODES:octal}\n]",
                    *(self.packed.path / p.href for p in self.packed.packages.values()))
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stdout.splitlines():
            path, digest, mode = line.rsplit(" ", 2)
            held[path] += 1
            if path in wanted:
                data = (self.kernel.root / path.lstrip("/")).read_bytes()
                self.assertEqual((hashlib.sha256(data).hexdigest(), mode), (digest, "100644"), path)
        self.assertLessEqual(wanted, set(held))
        self.assertEqual([p for p, n in held.items() if n > 1], [])

    def test_any_one_package_brings_all_that_modules_dep_says(self):
        deps = self.deps()
        self.assertEqual(len(deps), len(self.kmps))
        weak = 0
        for module, needs in deps.items():
            # only by name, so that the package manager has no choice
            todo, found = [f"{module}-kmp-{self.suffix}"], set()
            while todo:
                name = todo.pop()
                if name not in found:
                    found.add(name)
                    todo += [r for r in self.kmps[name].names("requires") if r in self.kmps]
            missing = {f"{n}-kmp-{self.suffix}" for n in needs} - found
            self.assertEqual({n for n in found if n.split("-kmp-")[0] not in needs | {module}}, set(), module)
            # depmod counts the exporter of a weak symbol as a dependency; the package only recommends it
            for name in missing:
                self.assertTrue(any(name in self.kmps[f].names("recommends") for f in found | missing), (module, name))
            weak += len(missing)
        self.assertLess(weak, 50)

    def test_every_symbol_asked_for_is_provided_with_that_crc(self):
        provided = {p for package in self.packed.packages.values() for p in package.provides}
        asked = {r for package in self.kmps.values() for r in package.requires if r[0].startswith("ksym(")}
        self.assertGreater(len(asked), 15000)
        self.assertEqual(asked - provided, set())
        for _, crc in asked:
            self.assertRegex(crc, "^[1-9a-f][0-9a-f]{0,7}$")

    def test_every_alias_of_the_kernel_is_in_the_metadata(self):
        found = set()
        pattern = re.compile(rf"(?:modalias\(kernel-|kalias\(){re.escape(self.suffix)}:(.*)\)")
        for package in self.kmps.values():
            module = package.name.split("-kmp-")[0]
            for name in package.names("supplements") | package.names("provides"):
                if match := pattern.fullmatch(name):
                    alias = re.sub("%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), match[1])
                    found.add((alias, module))
        # depmod writes an alias as it is, but leaves out devname: ones
        wanted = {tuple(line.split(" ", 1)[1].rsplit(" ", 1)) for line in self.index("modules.alias") if line.startswith("alias ")}
        self.assertGreater(len(wanted), 20000)
        self.assertEqual(wanted - found, set())
        self.assertEqual({(a, m) for a, m in found - wanted if not a.startswith("devname:")}, set())

    def test_texts_are_there_and_short(self):
        length = 0
        for package in self.packed.packages.values():
            self.assertTrue(package.summary.strip() and package.description.strip() and package.license.strip(), package.name)
            length += len(package.summary) + len(package.description)
        self.assertLess(length / len(self.packed.packages), 250)
        self.assertLess(len(self.packed.primary) / len(self.packed.packages), 9000)
        self.assertNotIn(b"changelog", self.packed.primary)

    def modalias_samples(self, count):
        """Names that devices of every bus could have: the patterns of the kernel with their wildcards filled in."""
        chosen = random.Random(SEED)
        buses = collections.defaultdict(list)
        for line in self.index("modules.alias"):
            alias, _, _ = line[len("alias "):].rpartition(" ")
            if line.startswith("alias ") and ":" in alias:
                buses[alias.split(":")[0].rstrip("*")].append(alias)
        per_bus = max(2, count // len(buses))
        for bus in sorted(buses):
            for alias in chosen.sample(buses[bus], min(per_bus, len(buses[bus]))):
                alias = re.sub(r"\[(.)[^]]*\]", r"\1", alias)
                yield alias.replace("*", chosen.choice(["", "0", "00"])).replace("?", "x")

    def loaded_by(self, modalias):
        """The modules that a full kernel loads for it, with their dependencies."""
        done = call("modprobe", "-d", self.full, "-S", self.kernel.release, "-R", modalias)
        return {name_of(m) for m in done.stdout.split()}

    def zypper(self, modaliases):
        root = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        (root / "etc/zypp/repos.d").mkdir(parents=True)
        (root / "etc/zypp/repos.d/t.repo").write_text(
            f"[t]\nname=t\nenabled=1\ngpgcheck=0\nbaseurl=file://{self.packed.path}\n")
        machine = root / "machine"
        machine.write_text("".join(m + "\n" for m in modaliases))
        done = call("zypper", "--root", root, "--non-interactive", "--no-gpg-checks", "--xmlout", "install", "--dry-run",
                    "--no-recommends", f"kernel-{self.flavor}-image-{self.abi}",
                    env=dict(os.environ, ZYPP_MODALIAS_SYSFS=str(machine)))
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
        return {m.split("-kmp-")[0] for m in done.stdout.split('"') if "-kmp-" in m}

    def test_zypper_picks_exactly_what_a_full_kernel_would_load(self):
        deps = self.deps()
        samples = sorted(set(self.modalias_samples(400)))
        self.assertGreater(len(samples), 150)
        by_alias = {s: self.loaded_by(s) for s in samples}
        matched = [s for s in samples if by_alias[s]]
        self.assertGreater(len(matched), 100)

        def wanted(names):
            """By the requires of the packages: weak symbols have none."""
            return {n.split("-kmp-")[0] for n in self.packed.closure(f"{m}-kmp-{self.suffix}" for a in names for m in by_alias[a])
                    if "-kmp-" in n}

        self.assertEqual(self.zypper(samples), wanted(samples), f"seed {SEED}")
        chosen = random.Random(SEED).sample(matched, 6)
        for alias in chosen:
            picked = self.zypper([alias])
            self.assertEqual(picked, wanted([alias]), alias)
            self.assertLessEqual(picked, {d for m in by_alias[alias] for d in deps[m] | {m}}, alias)

    def test_dnf_resolves_a_driver_with_what_it_needs(self):
        for module, with_recommends in (("xfs", True), ("igb", False)):
            name = f"{module}-kmp-{self.suffix}"
            root = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
            done = call("dnf", "-y", f"--installroot={root}", f"--repofrompath=t,file://{self.packed.path}", "--repo=t",
                        "--nogpgcheck", "--releasever=1", "--setopt=reposdir=/dev/null", f"--setopt=cachedir={root}/cache",
                        f"--setopt=install_weak_deps={with_recommends}", "--assumeno", "install", name)
            listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith(" ") and len(line.split()) >= 5}
            wanted = self.packed.closure([name])
            if with_recommends:
                self.assertLessEqual(wanted | {f"crc32c_generic-kmp-{self.suffix}"}, listed, done.stdout + done.stderr)
            else:
                self.assertEqual(listed & set(self.packed.packages), wanted, done.stdout + done.stderr)

    def test_rpm_installs_all_of_it_and_the_tree_is_the_original(self):
        root = self.scratch / "installed"
        (root / "var/lib/rpm").mkdir(parents=True)
        chosen = [p for n, p in self.packed.packages.items() if n in self.kmps or n == f"kernel-{self.flavor}-image-{self.abi}"]
        done = call("rpm", "--root", root, "--dbpath", "/var/lib/rpm", "-i", "--nosignature",
                    *(self.packed.path / p.href for p in chosen))
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        count = call("rpm", "--root", root, "--dbpath", "/var/lib/rpm", "-qa").stdout.count("\n")
        self.assertEqual(count, len(self.kmps) + 1)
        tree = root / "lib/modules" / self.kernel.release
        installed = {p.relative_to(tree) for p in tree.rglob("*") if p.is_file()}
        original = {p.relative_to(self.kernel.tree) for p in self.kernel.tree.rglob("*") if p.is_file() and not p.is_symlink()
                    and not {"build", "source"} & set(p.relative_to(self.kernel.tree).parts)}
        self.assertEqual(installed, original | {pathlib.Path("symvers.gz")})
        _, different, errors = filecmp.cmpfiles(self.kernel.tree, tree, original, shallow=False)
        self.assertEqual((different, errors), ([], []))
        for name in ("vmlinuz", "System.map", "config"):
            path = f"boot/{name}-{self.kernel.release}"
            self.assertTrue(filecmp.cmp(self.kernel.root / path, root / path, shallow=False))
        done = call("depmod", "-b", root, "-e", "-E", self.kernel.symvers, self.kernel.release)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        for index in ("modules.dep", "modules.alias", "modules.symbols", "modules.softdep"):
            self.assertEqual((tree / index).read_bytes(), (self.full / "lib/modules" / self.kernel.release / index).read_bytes())

    def test_patterns_name_only_packages_and_every_network_card(self):
        patterns = [p for n, p in self.packed.packages.items() if n.startswith("kernel-") and "-image-" not in n]
        self.assertGreaterEqual(len(patterns), 12)
        for pattern in patterns:
            members = {r for r in pattern.names("requires") if not r.startswith("rpmlib(")}
            self.assertTrue(members and members <= set(self.kmps), pattern.name)
            self.assertEqual(rpm_query(self.packed.path / pattern.href, "-l"), ["(contains no files)"])
        network = self.packed[f"kernel-network-driver-all-{self.suffix}"].names("requires")
        cards = {name_of(m) for m in self.kernel.modules() if m.parts[:4] == ("kernel", "drivers", "net", "ethernet")}
        self.assertLessEqual({f"{m}-kmp-{self.suffix}" for m in cards}, network)


if __name__ == "__main__":
    unittest.main(verbosity=2)
