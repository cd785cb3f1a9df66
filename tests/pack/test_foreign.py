#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels of other machines, packed on this one: arm64, and s390x, which is big-endian."""

import hashlib
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from packing import MODFETCH, Kernel, PackCase, Repository, call, library, name_of, rpm_query  # noqa: E402

ARCH = {"arm64": "aarch64", "s390x": "s390x"}


def symvers(kernel):
    """(symbol, CRC as packages write it): the exporting module."""
    exports = {}
    with open(kernel.symvers, encoding="ascii") as lines:
        for line in lines:
            crc, symbol, owner = line.split("\t")[:3]
            exports[symbol, f"{int(crc, 16):x}"] = name_of(owner)
    return exports


class Foreign(PackCase):
    def check_specs(self, kind):
        """Checks every relation of every module against the kernel's own Module.symvers."""
        kernel = Kernel(kind)
        specs = self.scratch / "specs"
        done = call(MODFETCH, "--json", "pack", "--spec-only", specs, kernel.tree)
        self.assertEqual(done.returncode, 0, done.stderr)
        exports, text = symvers(kernel), "".join(p.read_text() for p in specs.glob("*.spec"))
        packages = dict(re.findall(r"^%package -n (\S+)$(.*?)^%description", text, re.M | re.S))
        modules = {name_of(m) for m in kernel.modules()}
        self.assertEqual({n.split("-kmp-")[0] for n in packages if "-kmp-" in n}, modules)
        wrong, required, provided = [], 0, 0
        for name, lines in packages.items():
            owner = name.split("-kmp-")[0] if "-kmp-" in name else "vmlinux"
            for kind_of, symbol, crc in re.findall(r"^(Provides|Requires): ksym\([^:]+:([^)]+)\) = (\S+)$", lines, re.M):
                exporter = exports.get((symbol, crc))
                required += kind_of == "Requires"
                provided += kind_of == "Provides"
                if exporter is None or (kind_of == "Provides" and exporter != owner):
                    wrong.append((name, kind_of, symbol, crc, exporter))
        self.assertEqual(wrong, [])
        self.assertGreater(required, 50000)
        self.assertEqual(provided, len(exports))
        return packages

    def test_every_symbol_of_an_arm64_kernel_is_read_right(self):
        packages = self.check_specs("arm64")
        aliases = [name for lines in packages.values() for name in re.findall(r"^Supplements: (modalias.*)$", lines, re.M)]
        devicetree = [a for a in aliases if ":of:N*T*C" in a]
        self.assertGreater(len(devicetree), 1000)
        self.assertTrue(all("," not in a and " " not in a and "(" not in a[9:] for a in aliases))

    def test_every_symbol_of_a_big_endian_kernel_is_read_right(self):
        self.check_specs("s390x")

    def test_packages_are_of_the_kernels_machine_and_dnf_resolves_them(self):
        packed = Repository(library("repository", "arm64")[0])
        self.assertEqual({p.arch for p in packed.packages.values()}, {"aarch64"})
        for package in packed.packages.values():
            packed.closure([package.name])
        [driver] = [n for n in packed.packages if n.startswith("xfs-kmp-")]
        self.assertIn("aarch64", packed[driver].href)
        self.assertEqual(rpm_query(packed.path / packed[driver].href, "--qf", "%{ARCH}"), ["aarch64"])
        done = call("dnf", "-y", f"--installroot={self.scratch}/root", f"--repofrompath=t,file://{packed.path}", "--repo=t",
                    "--nogpgcheck", "--releasever=1", "--setopt=reposdir=/dev/null", f"--setopt=cachedir={self.scratch}/cache",
                    "--forcearch=aarch64", "--setopt=install_weak_deps=False", "--assumeno", "install", driver)
        listed = {line.split()[0] for line in done.stdout.splitlines() if " aarch64 " in line}
        self.assertEqual(listed, packed.closure([driver]), done.stdout + done.stderr)

    def test_a_module_of_another_machine_in_the_tree_is_told(self):
        kernel, other = Kernel("default"), Kernel("arm64")
        tree = self.tree(kernel, "dummy", "e1000e")
        stranger = tree / "kernel/stranger.ko"
        data = (other.tree / other.find("ifb")).read_bytes()
        same = f"vermagic={kernel.release} ".encode()
        stranger.write_bytes(data.replace(f"vermagic={other.release} ".encode(), same.ljust(len(other.release) + 10)))
        self.assertIn(same, stranger.read_bytes())
        done = self.pack(tree, status=1)
        self.assertRegex(done.stderr, r"kernel/stranger\.ko: it is for aarch64, the kernel for x86_64 \[WRONG-KERNEL\]")
        self.assertNotIn("stranger", " ".join(Repository(self.repo).packages))

    def test_compressed_modules_of_every_kind_go_in_as_they_are(self):
        kernel = Kernel("default")
        tree = self.tree(kernel, "dummy", "ifb", "nlmon", "veth")
        for module, command in {"dummy": ["gzip"], "ifb": ["xz", "--check=crc32"], "nlmon": ["zstd", "--rm"]}.items():
            subprocess.run([*command, "-q", tree / kernel.find(module)], check=True)
        self.pack(tree)
        packed = Repository(self.repo)
        for module, suffix in {"dummy": ".gz", "ifb": ".xz", "nlmon": ".zst", "veth": ""}.items():
            [package] = [p for n, p in packed.packages.items() if n.startswith(module + "-kmp-")]
            path = f"{kernel.find(module)}{suffix}"
            [line] = rpm_query(self.repo / package.href, "--dump")
            digest = hashlib.sha256((tree / path).read_bytes()).hexdigest()
            self.assertEqual((line.split()[0], line.split()[3]), (f"/lib/modules/{kernel.release}/{path}", digest))
            self.assertIn(f"kmod({module}.ko)", package.names("provides"))
            self.assertTrue([r for r in package.names("requires") if r.startswith("ksym(")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
