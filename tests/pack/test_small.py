#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch pack on small trees from a real kernel: the contract of packages, bad input, rebuilds, concurrent readers."""

import gzip
import hashlib
import json
import lzma
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from packing import MODFETCH, REPO_NS, Kernel, PackCase, Repository, call, library, name_of, rpm_query  # noqa: E402

KERNEL = Kernel("default")
ABI, FLAVOR = KERNEL.release.rsplit("-", 1)
ABI = ABI.replace("-", "_")
SUFFIX = f"{FLAVOR}-{ABI}"
SYMVERS = {}
with open(KERNEL.symvers, encoding="ascii") as lines:
    for line in lines:
        crc, symbol, owner = line.split("\t")[:3]
        SYMVERS[symbol] = (f"{int(crc, 16):x}", owner)


def modinfo(path, field):
    return call("modinfo", "-F", field, path).stdout.splitlines()


class Contract(PackCase):
    """The contract of packages in modfetch-pack(8), checked on a package of every kind."""

    @classmethod
    def setUpClass(cls):
        cls.packed = Repository(library("repository", "small")[0])

    def test_a_driver_provides_its_names_and_exports_and_requires_its_imports(self):
        e1000e, usbcore = self.packed.kmp("e1000e", SUFFIX), self.packed.kmp("usbcore", SUFFIX)
        self.assertEqual((e1000e.version, e1000e.release), tuple(ABI.split("_")))
        self.assertEqual(e1000e.arch, "x86_64")
        self.assertLessEqual({"kmod(e1000e.ko)", "e1000e-kmp", f"e1000e-kmp-{FLAVOR}"}, e1000e.names("provides"))
        exports = {(f"ksym({FLAVOR}:{s})", crc) for s, (crc, o) in SYMVERS.items() if o == "drivers/usb/core/usbcore"}
        self.assertGreater(len(exports), 100)
        self.assertEqual({p for p in usbcore.provides if p[0].startswith("ksym(")}, exports)
        nm = call("nm", "-u", KERNEL.tree / KERNEL.find("e1000e")).stdout.split()
        imports = {(f"ksym({FLAVOR}:{s})", SYMVERS[s][0]) for s in nm if s in SYMVERS}
        self.assertGreater(len(imports), 100)
        self.assertLessEqual(imports, e1000e.requires)
        self.assertNotIn("kernel-uname-r", e1000e.names("requires"))
        self.assertIn(f"usb_common-kmp-{SUFFIX}", usbcore.names("requires"))

    def test_aliases_with_a_bus_are_supplements_and_others_provides(self):
        e1000e, xfs = self.packed.kmp("e1000e", SUFFIX), self.packed.kmp("xfs", SUFFIX)
        aliases = modinfo(KERNEL.tree / KERNEL.find("e1000e"), "alias")
        self.assertEqual(e1000e.devices(), {f"modalias(kernel-{SUFFIX}:{a})" for a in aliases})
        self.assertIn(f"kalias({SUFFIX}:fs-xfs)", xfs.names("provides"))
        self.assertEqual(xfs.devices(), set())

    def test_a_driver_comes_with_a_kernel_if_another_kernel_has_it(self):
        for package in self.packed.packages.values():
            module = package.name.split("-kmp-")[0]
            other = {f"(kernel-{FLAVOR}-image-{ABI} and {module}-kmp-{FLAVOR})"} if "-kmp-" in package.name else set()
            self.assertEqual(package.names("supplements") - package.devices(), other)

    def test_a_softdep_recommends_every_module_of_that_alias(self):
        libcrc32c = self.packed.kmp("libcrc32c", SUFFIX)
        self.assertEqual(modinfo(KERNEL.tree / KERNEL.find("libcrc32c"), "softdep"), ["pre: crc32c"])
        carriers = {p.name for p in self.packed.packages.values() if f"kalias({SUFFIX}:crc32c)" in p.names("provides")}
        self.assertGreater(len(carriers), 1)
        self.assertEqual(libcrc32c.names("recommends"), carriers)

    def test_a_package_holds_its_module_and_nothing_else(self):
        e1000e = self.packed.kmp("e1000e", SUFFIX)
        path = KERNEL.find("e1000e")
        [line] = rpm_query(self.packed.path / e1000e.href, "--dump")
        name, size, _, digest, mode, user, group = line.split()[:7]
        data = (KERNEL.tree / path).read_bytes()
        self.assertEqual(name, f"/lib/modules/{KERNEL.release}/{path}")
        self.assertEqual((int(size), digest), (len(data), hashlib.sha256(data).hexdigest()))
        self.assertEqual((mode, user, group), ("0100644", "root", "root"))
        self.assertEqual(rpm_query(self.packed.path / e1000e.href, "--scripts", "--triggers", "--changelog"), [])

    def test_the_text_comes_from_the_module_and_is_short(self):
        for package in self.packed.packages.values():
            self.assertTrue(package.summary and package.description and package.license, package.name)
            self.assertLess(len(package.description), 400)
        e1000e = self.packed.kmp("e1000e", SUFFIX)
        self.assertEqual(e1000e.summary, "Intel(R) PRO/1000 Network Driver")
        count = len(modinfo(KERNEL.tree / KERNEL.find("e1000e"), "alias"))
        self.assertIn(f"{count} pci", e1000e.description)
        self.assertEqual(e1000e.license, "GPL v2")

    def test_the_image_provides_the_kernel_its_exports_and_builtins(self):
        image = self.packed[f"kernel-{FLAVOR}-image-{ABI}"]
        with open(KERNEL.tree / "modules.builtin", encoding="ascii") as f:
            builtins = {f"kmod({name_of(line.strip())}.ko)" for line in f}
        self.assertIn("kmod(rng_core.ko)", builtins)
        self.assertLessEqual({f"kernel-{FLAVOR}", f"kernel-{SUFFIX}"}, image.names("provides"))
        # all of them, by their names, and no other module
        self.assertEqual({name for name in image.names("provides") if name.startswith("kmod(")}, builtins)
        exports = {(f"ksym({FLAVOR}:{s})", crc) for s, (crc, owner) in SYMVERS.items() if owner == "vmlinux"}
        self.assertEqual({p for p in image.provides if p[0].startswith("ksym(")}, exports)
        uname = [version for name, version in image.provides if name == "kernel-uname-r"]
        self.assertEqual(uname, [KERNEL.release.replace("-", "\0", 1).replace("-", ".").replace("\0", "-")])
        with open(KERNEL.tree / "modules.builtin", encoding="ascii") as f:
            builtin = {f"kmod({pathlib.Path(line.strip()).name.replace('-', '_')})" for line in f}
        self.assertLessEqual(builtin, image.names("provides"))
        files = {line.split()[0] for line in rpm_query(self.packed.path / image.href, "--dump")}
        tree = f"/lib/modules/{KERNEL.release}/"
        self.assertEqual(files, {f"/boot/{n}-{KERNEL.release}" for n in ("vmlinuz", "System.map", "config")} |
                         {tree + n for n in ("modules.builtin", "modules.builtin.modinfo", "modules.order", "symvers.gz")})

    def test_a_pattern_requires_its_members(self):
        usb = self.packed[f"kernel-usb-driver-all-{SUFFIX}"]
        self.assertLessEqual({f"{m}-kmp-{SUFFIX}" for m in ("usbcore", "xhci_pci", "usb_storage", "uas")}, usb.names("requires"))
        self.assertNotIn(f"nvme-kmp-{SUFFIX}", usb.names("requires"))
        self.assertIn("kernel-usb-driver-all", usb.names("provides"))

    def test_every_package_finds_what_it_requires(self):
        for name in self.packed.packages:
            self.assertIn(name, self.packed.closure([name]))

    def test_the_metadata_are_signed_and_hold_primary_alone(self):
        self.assertEqual(self.packed.types, {"primary"})
        keys = pathlib.Path(library("keys")[0])
        done = call("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", self.packed.path / "repodata/repomd.xml.p7s",
                    "-content", self.packed.path / "repodata/repomd.xml", "-certfile", keys / "repo.crt", "-CAfile",
                    keys / "repo.crt", "-purpose", "any", "-out", os.devnull)
        self.assertEqual(done.returncode, 0, done.stderr)


class BadInput(PackCase):
    """One clear line for each, the rest continues, exit status 1."""

    def test_what_is_no_module_of_this_kernel_is_told_and_left_out(self):
        tree = self.tree(KERNEL, "e1000e", "dummy", "xfs", "libcrc32c")
        dummy = tree / KERNEL.find("dummy")
        xfs = (tree / KERNEL.find("xfs")).read_bytes()
        (tree / "kernel/cut.ko").write_bytes(xfs[: len(xfs) // 2])
        (tree / "kernel/empty.ko").write_bytes(b"")
        (tree / "kernel/text.ko").write_text("not a module\n")
        (tree / "kernel/torn.ko.xz").write_bytes(b"\xfd7zXZ\0" + bytes(40))
        other = tree / "kernel/other.ko"
        other.write_bytes(dummy.read_bytes().replace(KERNEL.release.encode() + b" ", b"9" * len(KERNEL.release) + b" "))
        (tree / "kernel/bad,name.ko").write_bytes(dummy.read_bytes())
        shutil.copy2(dummy, tree / "kernel/e1000e.ko")
        (tree / "updates").mkdir()
        shutil.copy2(tree / KERNEL.find("e1000e"), tree / "updates/lib-crc32c.ko")
        (tree / "updates/lib-crc32c.ko").rename(tree / "updates/libcrc32c.ko")
        done = self.pack(tree, status=1)
        lines = {line.split(": ")[2]: line for line in done.stderr.splitlines() if line.count(": ") > 2}
        for name, code in {"kernel/cut.ko": "BAD-MODULE", "kernel/empty.ko": "BAD-MODULE", "kernel/text.ko": "BAD-MODULE",
                           "kernel/torn.ko.xz": "BAD-MODULE", "kernel/other.ko": "WRONG-KERNEL",
                           "kernel/bad,name.ko": "BAD-MODULE", "kernel/e1000e.ko": "PACK",
                           str(KERNEL.find("libcrc32c")): "PACK"}.items():
            self.assertIn(name, lines, done.stderr)
            self.assertTrue(lines[name].endswith(f"[{code}]"), lines[name])
        self.assertIn("updates/libcrc32c.ko", lines[str(KERNEL.find("libcrc32c"))])
        packed = Repository(self.repo)
        self.assertEqual({n.split("-kmp-")[0] for n in packed.packages if "-kmp-" in n},
                         {"e1000e", "dummy", "xfs", "libcrc32c"})
        self.assertEqual(rpm_query(self.repo / packed.kmp("libcrc32c", SUFFIX).href, "-l"),
                         [f"/lib/modules/{KERNEL.release}/updates/libcrc32c.ko"])
        # xfs needs the symbol that the module in updates/ does not export
        self.assertRegex(done.stderr, r"xfs\.ko: it needs crc32c .*which nothing exports.*\[NO-SYMBOL\]")

    def test_two_spellings_of_one_name_are_one_module(self):
        tree = self.tree(KERNEL, "usb-common", "dummy")
        (tree / "updates").mkdir()
        shutil.copy2(tree / KERNEL.find("usb-common"), tree / "updates/usb_common.ko")
        done = self.pack(tree, status=1)
        self.assertRegex(done.stderr, rf"{KERNEL.find('usb-common')}: .*updates/usb_common\.ko.* \[PACK\]")
        packed = Repository(self.repo)
        self.assertEqual({n.split("-kmp-")[0] for n in packed.packages if "-kmp-" in n}, {"usb_common", "dummy"})
        # depmod would use that one too
        self.assertEqual(rpm_query(self.repo / packed.kmp("usb_common", SUFFIX).href, "-l"),
                         [f"/lib/modules/{KERNEL.release}/updates/usb_common.ko"])

    def test_without_symvers_the_exports_are_derived_and_that_is_told(self):
        tree = self.tree(KERNEL, "e1000e", "xfs", "libcrc32c")
        shutil.rmtree(tree.parent.parent.parent / "usr")
        done = self.pack(tree)
        self.assertRegex(done.stderr, r"no Module\.symvers was found.*--symvers")
        packed = Repository(self.repo)
        image = packed[f"kernel-{FLAVOR}-image-{ABI}"]
        derived = {p for p in image.provides if p[0].startswith("ksym(")}
        self.assertTrue(derived)
        for symbol, crc in derived:
            self.assertEqual(SYMVERS[symbol.split(":")[1][:-1]], (crc, "vmlinux"))
        packed.closure(packed.packages)

    def test_parts_given_by_name_are_taken_and_have_to_be_there(self):
        tree = self.tree(KERNEL, "dummy")
        image = self.scratch / "my-image"
        image.write_bytes(b"image")
        self.pack("--image", image, "--flavor", "mine", "--version", "7", "--release", "3", tree)
        packed = Repository(self.repo)
        self.assertEqual({p.version + "-" + p.release for p in packed.packages.values()}, {"7-3"})
        package = packed[f"kernel-mine-image-{ABI}"]
        dump = {line.split()[0]: line.split()[3] for line in rpm_query(self.repo / package.href, "--dump")}
        self.assertEqual(dump[f"/boot/vmlinuz-{KERNEL.release}"], hashlib.sha256(b"image").hexdigest())
        self.pack("--config", self.scratch / "absent", tree, status=1)

    def test_missing_boot_files_are_told_and_the_rest_goes_on(self):
        tree = self.tree(KERNEL, "dummy")
        shutil.rmtree(tree.parent.parent.parent / "boot")
        done = self.pack(tree, status=1)
        self.assertEqual(done.stderr.count("was found beside the tree"), 3)
        self.assertIn(f"dummy-kmp-{SUFFIX}", Repository(self.repo).packages)

    def test_usage_is_refused_before_anything_is_written(self):
        tree = self.tree(KERNEL, "dummy")
        key = pathlib.Path(library("keys")[0]) / "repo.key"
        for args in ([], [tree, "--sign", key], [tree, "--jobs", "0"], [tree, "--nonsense"], [tree, tree, "--flavor", "x"],
                     [self.scratch], [tree, "--flavor", "a b"]):
            self.pack(*args, status=64)
        self.pack(tree, "--only", "nosuchmodule", status=3)
        self.pack(self.scratch / "absent/6.1", status=1)
        self.assertFalse((self.repo / "repodata").exists())

    def test_a_key_that_cannot_sign_publishes_nothing(self):
        tree = self.tree(KERNEL, "dummy")
        keys = pathlib.Path(library("keys")[0])
        self.pack(tree, "--sign", keys / "repo.key", "--cert", keys / "other.crt", status=1)
        self.assertFalse((self.repo / "repodata").exists())

    def test_a_missing_or_failing_tool_is_named(self):
        tree = self.tree(KERNEL, "dummy")
        tools = self.scratch / "bin"
        tools.mkdir()
        env = dict(os.environ, PATH=str(tools))
        done = self.pack(tree, status=1, env=env)
        self.assertRegex(done.stderr, r"rpmbuild: there is no such program \[TOOL\]")
        (tools / "rpmbuild").write_text("#!/bin/sh\necho the disk is on fire >&2\nexit 3\n")
        (tools / "rpmbuild").chmod(0o755)
        done = self.pack(tree, status=1, env=env)
        self.assertRegex(done.stderr, r"rpmbuild: the disk is on fire .*\[TOOL\]")
        self.assertFalse((self.repo / "repodata").exists())


class Aliases(PackCase):
    """Patterns of every bus, through rpm and libsolv, to zypper's own matching."""

    CASES = {  # alias of the module: modalias of a device that has it
        b"of:N*T*Cvendor,chip-1.2C*": "of:NfooT<NULL>Cvendor,chip-1.2Csimple,bus",
        b"acpi*:MOFE0001:*": "acpi:MOFE0001:PNP0C02:",
        b"cpu:type:x86,ven*fam*mod*:feature:*00C0*": "cpu:type:x86,ven0000fam0006mod008E:feature:,0000,00C0,0100",
        b"dmi*:svnAcme(R)Inc.:pn*Wonder,Book*:": "dmi:bvn1:svnAcme(R)Inc.:pnTheWonder,Book9:",
        b"input:b*v*p*e*-e*1,*14,*k*74,*": "input:b0003v046DpC31Ce0110-e0,1,4,11,14,k71,72,74,75,",
        b"wmi:0123[4-6]ABC": "wmi:01235ABC",
        b"usb:v1D6Bp00[A-F]*d*dc*dsc*dp*ic*isc*ip*in*": "usb:v1D6Bp00Cdd1dc00dsc00dp00ic00isc00ip00in00",
        b"platform:my dev%20ice": "platform:my dev%20ice",
        b"spi:mtd-data_flash?x": "spi:mtd-data_flash_x",
    }

    def zypper(self, aliases):
        """The drivers zypper wants for a machine with these devices."""
        root = self.scratch / "zypper"
        (root / "etc/zypp/repos.d").mkdir(parents=True, exist_ok=True)
        (root / "etc/zypp/repos.d/t.repo").write_text(f"[t]\nname=t\nenabled=1\ngpgcheck=0\nbaseurl=file://{self.repo}\n")
        machine = self.scratch / "machine"
        machine.write_text("".join(a + "\n" for a in aliases))
        done = call("zypper", "--root", root, "--non-interactive", "--no-gpg-checks", "--xmlout", "install", "--dry-run",
                    "--no-recommends", f"kernel-{FLAVOR}-image-{ABI}", env=dict(os.environ, ZYPP_MODALIAS_SYSFS=str(machine)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return {name for name in done.stdout.split('"') if "-kmp-" in name}

    def test_zypper_matches_each_of_them_and_only_it(self):
        modules = dict(zip(self.CASES, ("dummy", "ifb", "nlmon", "vcan", "brd", "macvlan", "veth", "ipvlan", "tun")))
        tree = self.tree(KERNEL, *modules.values(), "can-dev")
        for alias, module in modules.items():
            self.edit_modinfo(tree / KERNEL.find(module), b"alias=" + alias)
        self.pack(tree, "--only", ",".join(modules.values()), status=0)
        packed = Repository(self.repo)
        for alias, module in modules.items():
            package = packed.kmp(module, SUFFIX)
            self.assertEqual(len([s for s in package.devices() if not s.endswith(":devname:net%2Ftun)")]), 1)
            wanted = self.zypper([self.CASES[alias]])
            self.assertIn(package.name, wanted, alias)
            self.assertEqual({n.split("-kmp-")[0] for n in wanted} & set(modules.values()), {module}, alias)

    def test_one_too_long_for_libsolv_is_listed_and_still_written(self):
        tree = self.tree(KERNEL, "dummy")
        alias = b"of:N*T*C" + b"v,-" * 300
        self.edit_modinfo(tree / KERNEL.find("dummy"), b"alias=" + alias, b"alias=")
        done = self.pack(tree)
        self.assertRegex(done.stderr, r"dummy\.ko: an alias of 908 bytes .*too long for libsolv")
        [supplement] = Repository(self.repo).kmp("dummy", SUFFIX).devices()
        self.assertEqual(supplement, f"modalias(kernel-{SUFFIX}:{alias.decode().replace(',', '%2C').replace('-', '%2D')})")

    def test_text_of_any_bytes_becomes_a_package(self):
        tree = self.tree(KERNEL, "dummy")
        path = tree / KERNEL.find("dummy")
        said = b"100%{nil} caf\xe9\n%files \xf0\x9f\x98\x80 %(touch " + bytes(self.scratch) + b"/pwned)"
        self.edit_modinfo(path, b"description=" + said)
        self.pack(tree)
        self.assertFalse((self.scratch / "pwned").exists())
        package = Repository(self.repo).kmp("dummy", SUFFIX)
        self.assertTrue(package.summary.startswith("100%{nil} caf\u00e9 %files \U0001f600 %(touch "), package.summary)

    def assemble(self, path, text=""):
        """A module of this kernel without code."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f'.section .modinfo,"a"\n.asciz "vermagic={KERNEL.release} SMP "\n.asciz "license=GPL"\n'
        subprocess.run(["as", "-o", str(path)], input=head + text, text=True, check=True)

    def export(self, symbol):
        return f'.set "__crc_{symbol}", 1\n.globl "__crc_{symbol}"\n'

    def test_no_name_is_run_and_an_odd_one_costs_itself_alone(self):
        ran = self.scratch / "ran"
        command = f"%(touch {ran})"
        tree = self.tree(KERNEL, "dummy")
        self.assemble(tree / "kernel/crc.ko", self.export(command))
        self.assemble(tree / "kernel/lua.ko", self.export(f"%{{lua:os.execute('touch {ran}')}}"))
        self.assemble(tree / "kernel/list.ko", self.export("q = 1"))
        self.assemble(tree / "kernel/%(touch$IFS$RAN)/dir.ko")
        self.assemble(tree / "kernel/good.ko", self.export("fine"))
        with open(tree / "modules.builtin", "a", encoding="utf-8") as f:
            f.write("kernel/%(touch$IFS$RAN).ko\n")
        symvers = self.scratch / "symvers"
        symvers.write_text(f"0x1\t{command.replace(' ', '$IFS')}\tvmlinux\tEXPORT_SYMBOL\t\n"
                           "0x2\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")
        done = self.pack(tree, "--symvers", symvers, status=1, env={**os.environ, "RAN": str(ran)})
        self.assertFalse(ran.exists(), done.stderr)
        for what in ("kernel/crc.ko", "kernel/lua.ko", "kernel/list.ko", "kernel/%(touch$IFS$RAN)/dir.ko", "modules.builtin",
                     str(symvers)):
            self.assertIn(f"pack: {what}: no package can", done.stderr)
        packed = Repository(self.repo)
        self.assertEqual({n.split("-kmp-")[0] for n in packed.packages if "-kmp-" in n}, {"dummy", "good"})
        self.assertIn(f"ksym({FLAVOR}:printk)", packed.packages[f"kernel-{FLAVOR}-image-{ABI}"].names("provides"))

    def test_a_kernel_without_symbol_versions(self):
        """Exports are names in a section, with namespaces among them; a requested one is an alias of its module."""
        tree = self.tree(KERNEL, "dummy")
        strings = "".join(f'.asciz "{s}"\n' for s in ("tuner_attach", "module:kvm-amd,kvm-intel", "quiet_attach", "TUNERS"))
        self.assemble(tree / "kernel/tuner.ko", f'.section __ksymtab_strings,"aMS",@progbits,1\n{strings}')
        self.assemble(tree / "kernel/bridge.ko", '.section .rodata.str1.1,"aMS",@progbits,1\n.asciz "symbol:tuner_attach"\n'
                                                 '.asciz "symbol:absent_attach"\n.text\n.globl use\nuse:\ncall __request_module\n')
        self.pack(tree)
        packed = Repository(self.repo)
        self.assertEqual([p for p in packed.kmp("tuner", SUFFIX).names("provides") if "symbol" in p],
                         [f"kalias({SUFFIX}:symbol:tuner_attach)"])
        self.assertEqual([p for p in packed.kmp("bridge", SUFFIX).names("recommends") if "kmp" in p], [f"tuner-kmp-{SUFFIX}"])

    def test_what_the_kernel_or_kmod_cannot_decompress_is_not_packed(self):
        tree = self.tree(KERNEL, "e1000e", "dummy", "xfs", "libcrc32c")
        paths = {name: tree / KERNEL.find(name) for name in ("e1000e", "dummy", "libcrc32c")}
        subprocess.run(["xz", "--check=crc64", paths["e1000e"]], check=True)
        subprocess.run(["xz", "--check=crc32", paths["libcrc32c"]], check=True)
        paths["dummy"].with_suffix(".ko.zst").write_bytes(
            subprocess.run(["zstd", "-q", "-c"], input=paths["dummy"].read_bytes(), stdout=subprocess.PIPE, check=True).stdout)
        paths["dummy"].unlink()
        done = self.pack(tree, status=1)
        self.assertRegex(done.stderr, r"e1000e\.ko\.xz: .*CRC64.*\[COMPRESSION\]")
        self.assertRegex(done.stderr, r"dummy\.ko\.zst: .*without the size of its content.*\[COMPRESSION\]")
        self.assertEqual({n.split("-kmp-")[0] for n in Repository(self.repo).packages if "-kmp-" in n}, {"xfs", "libcrc32c"})

    def test_a_path_that_a_spec_cannot_hold_is_refused(self):
        ran = self.scratch / "ran"
        tree = self.tree(KERNEL, "dummy")
        odd = self.scratch / "%(touch$IFS$RAN)" / "lib/modules"
        odd.mkdir(parents=True)
        tree.rename(odd / KERNEL.release)
        done = call(MODFETCH, "pack", "-o", self.repo, odd / KERNEL.release, env={**os.environ, "RAN": str(ran)})
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertIn("has bytes that a spec cannot hold", done.stderr)
        self.assertFalse(ran.exists())

    def test_firmware_whose_name_ends_a_list_ends_nothing(self):
        ran = self.scratch / "ran"
        tree, firmware = self.tree(KERNEL, "dummy"), self.scratch / "firmware"
        firmware.mkdir()
        self.assemble(tree / "kernel/loud.ko", "".join(f'.asciz "firmware={n}"\n' for n in ("END", "touch $RAN", "100%.bin")))
        for name in ("END", "touch $RAN", "100%.bin"):
            (firmware / name).write_bytes(b"x")
        done = self.pack(tree, "--firmware", firmware, status=1, env={**os.environ, "RAN": str(ran)})
        self.assertFalse(ran.exists())
        self.assertIn("pack: 100%.bin: no package can hold firmware of that name", done.stderr)
        self.assertEqual(sorted(rpm_query(self.repo / Repository(self.repo).packages["kmp-firmware-loud"].href, "-l")),
                         ["/lib/firmware/END", "/lib/firmware/touch $RAN"])

    def test_a_foreign_driver_has_a_version_of_its_own_and_no_symbols_bind_by_release(self):
        tree = self.tree(KERNEL, "e1000e", "dummy")
        path = tree / KERNEL.find("dummy")
        self.edit_modinfo(path, b"version=2.0-rc1")
        path.write_bytes(path.read_bytes().replace(b"intree=Y", b"outree=Y"))
        subprocess.run(["objcopy", "--rename-section", "__versions=.gone", path], check=True)
        self.pack(tree)
        package = Repository(self.repo).kmp("dummy", SUFFIX)
        self.assertEqual(package.version, "2.0_rc1")
        self.assertIn("kernel-uname-r", package.names("requires"))
        self.assertFalse([r for r in package.names("requires") if r.startswith("ksym(")])


class Rebuilding(PackCase):
    """Only changed packages are built; published ones stay until they are replaced."""

    def state(self):
        return {p.relative_to(self.repo): (p.stat().st_ino, p.stat().st_mtime_ns) for p in self.repo.glob("*/**/*.rpm")}

    def figures(self, *args, **more):
        return json.loads(self.pack("--json", *args, **more).stdout)

    def test_an_unchanged_tree_reuses_everything(self):
        tree = self.tree(KERNEL, "e1000e", "xfs", "libcrc32c")
        first = self.figures("--incremental", tree)
        before, repomd = self.state(), Repository(self.repo).repomd
        second = self.figures("--incremental", tree)
        self.assertEqual((first["reused"], second["reused"]), (0, second["packages"]))
        self.assertEqual((self.state(), Repository(self.repo).repomd), (before, repomd))

    def identity(self):
        tags = re.findall(rb"<repo>([^<]*)</repo>", Repository(self.repo).repomd)
        self.assertEqual(len(tags), 1)
        return tags[0].decode()

    def test_the_metadata_say_which_repository_it_is_and_go_on_to(self):
        tree = self.tree(KERNEL, "xfs", "libcrc32c")
        self.pack(tree)
        first = self.identity()
        self.assertRegex(first, r"^uuid:[0-9a-f-]{36}$")
        self.pack(tree)
        self.assertEqual(self.identity(), first)
        # also if the state of the packer is missing
        shutil.rmtree(self.repo / ".pack")
        self.pack("--incremental", tree)
        self.assertEqual(self.identity(), first)
        self.pack("--incremental", "--identity", "drivers/stable 2", tree)
        self.assertEqual(self.identity(), "drivers/stable 2")
        self.pack("--incremental", tree)
        self.assertEqual(self.identity(), "drivers/stable 2")
        shutil.rmtree(self.repo)
        self.pack(tree)
        self.assertNotIn(self.identity(), (first, "drivers/stable 2"))
        for bad in "", " x", "x ", "a<b", "a&b", "x" * 129, "a\nb", "gr\u00fcn":
            self.assertIn("[USAGE]", self.pack("--identity", bad, tree, status=64).stderr)

    def advisories(self):
        """The updateinfo.xml that the metadata name; None: none."""
        for data in ET.fromstring(Repository(self.repo).repomd).findall(f"{REPO_NS}data"):
            if data.get("type") == "updateinfo":
                packed = (self.repo / data.find(f"{REPO_NS}location").get("href")).read_bytes()
                self.assertEqual(hashlib.sha256(packed).hexdigest(), data.findtext(f"{REPO_NS}checksum"))
                return gzip.decompress(packed).decode()
        return None

    def test_advisories_are_published_and_go_on_to(self):
        tree, xml = self.tree(KERNEL, "xfs", "libcrc32c"), self.scratch / "-advisories.xml"
        text = ('<updates><update type="security"><id>V-%d</id><pkglist><collection><package name="xfs" version="1" '
                'release="1" arch="x86_64"/></collection></pkglist></update></updates>')
        self.pack("--incremental", tree)
        self.assertIsNone(self.advisories())
        xml.write_text(text % 1, encoding="utf-8")
        before = Repository(self.repo).repomd
        old = self.scratch / "old"
        old.mkdir()
        os.link(self.repo / "repodata/repomd.xml", old / "repomd.xml")
        self.assertIn("name 1 packages", self.pack("--incremental", "--updateinfo", xml.name, tree, cwd=self.scratch).stderr)
        self.assertEqual(self.advisories(), text % 1)
        self.assertEqual((old / "repomd.xml").read_bytes(), before, "what was published is never changed in place")
        # with nothing to do, with other packages, and from nothing: they stay
        self.pack("--incremental", tree)
        self.assertEqual(self.advisories(), text % 1)
        self.edit_modinfo(tree / KERNEL.find("xfs"), b"alias=fs-other")
        self.pack("--incremental", tree)
        self.assertEqual(self.advisories(), text % 1)
        shutil.rmtree(self.repo / ".pack")
        self.pack(tree)
        self.assertEqual(self.advisories(), text % 1)
        # another file replaces them
        packed = self.scratch / "new.xml.xz"
        packed.write_bytes(lzma.compress((text % 2).encode()))
        self.pack("--updateinfo", packed, tree)
        self.assertEqual(self.advisories(), text % 2)
        self.assertEqual(Repository(self.repo).repomd.count(b'type="updateinfo"'), 1)
        # one that cannot be parsed is refused, and the published one stays
        xml.write_text("<updates><update", encoding="utf-8")
        before = Repository(self.repo).repomd
        self.assertIn("[BAD-METADATA]", self.pack("--updateinfo", xml, tree, status=1).stderr)
        self.assertIn("[ENOENT]", self.pack("--updateinfo", self.scratch / "absent", tree, status=1).stderr)
        self.assertEqual(Repository(self.repo).repomd, before)

    def test_a_changed_module_alone_is_built_again_and_never_in_place(self):
        tree = self.tree(KERNEL, "e1000e", "xfs", "libcrc32c")
        self.pack("--incremental", tree)
        old, before = Repository(self.repo), self.state()
        self.edit_modinfo(tree / KERNEL.find("xfs"), b"alias=fs-other")
        figures = self.figures("--incremental", tree)
        new, after = Repository(self.repo), self.state()
        self.assertEqual(figures["packages"] - figures["reused"], 1)
        self.assertIn(f"kalias({SUFFIX}:fs-other)", new.kmp("xfs", SUFFIX).names("provides"))
        self.assertNotEqual(old.kmp("xfs", SUFFIX).href, new.kmp("xfs", SUFFIX).href)
        self.assertEqual({k: after.get(k) for k in before}, before, "what was published is still there")
        self.figures("--incremental", tree)
        self.assertEqual(len(self.state()), figures["packages"], "and gone in the run after")

    def test_a_new_release_of_the_kernel_keeps_what_is_byte_identical(self):
        tree = self.tree(KERNEL, "e1000e", "xfs", "libcrc32c")
        self.pack("--incremental", "--release", "1", tree)
        self.edit_modinfo(tree / KERNEL.find("xfs"), b"alias=fs-other")
        self.pack("--incremental", "--release", "2", tree)
        packed = Repository(self.repo)
        self.assertEqual(packed.kmp("xfs", SUFFIX).release, "2")
        self.assertEqual(packed.kmp("e1000e", SUFFIX).release, "1")

    def test_two_runs_give_the_same_bytes(self):
        tree = self.tree(KERNEL, "e1000e", "dummy")
        other = self.scratch / "other"
        self.pack(tree)
        time.sleep(1.1)
        self.pack(tree, output=other)
        one, two = Repository(self.repo), Repository(other)
        self.assertEqual({n: p.sha256 for n, p in one.packages.items()}, {n: p.sha256 for n, p in two.packages.items()})

    def test_kernels_live_side_by_side_in_one_repository(self):
        newer = Kernel("xz")
        suffix = f"{FLAVOR}-{newer.release.rsplit('-', 1)[0].replace('-', '_')}"
        tree, other = self.tree(KERNEL, "e1000e", "dummy"), self.tree(newer, "e1000e", "dummy")
        self.pack(tree, other)
        both = {f"{m}-kmp-{s}" for m in ("e1000e", "dummy") for s in (SUFFIX, suffix)}
        packed = Repository(self.repo)
        self.assertEqual({n for n in packed.packages if "-kmp-" in n}, both)
        for name in both:  # no package of one kernel requires the other kernel
            self.assertEqual({n.rsplit("-", 1)[1] for n in packed.closure([name])}, {name.rsplit("-", 1)[1]})
        # packing one kernel again keeps the packages of the other, and removes its own obsolete ones
        (tree / KERNEL.find("dummy")).unlink()
        self.pack("--incremental", tree)
        self.assertEqual({n for n in Repository(self.repo).packages if "-kmp-" in n}, both - {f"dummy-kmp-{SUFFIX}"})

    def test_a_tree_with_nothing_to_pack_is_refused(self):
        tree = self.tree(KERNEL, "dummy")
        other = tree.parent / "6.1.0-99-cloud-amd64"
        tree.rename(other)
        done = self.pack(other, status=1)
        self.assertIn("none of its files is a module of this kernel [BAD-MODULE]", done.stderr)
        self.assertFalse((self.repo / "repodata").exists())

    def test_a_damaged_list_of_packages_is_refused_not_forgotten(self):
        tree = self.tree(KERNEL, "dummy")
        self.pack(tree)
        [state] = (self.repo / ".pack").glob("*.list")
        state.write_text(state.read_text().replace(" ", "", 1))
        done = self.pack("--incremental", tree, status=1)
        self.assertIn("damaged", done.stderr)

    def test_a_second_pack_at_the_same_time_is_refused(self):
        tree = self.tree(KERNEL, "dummy")
        self.pack(tree)
        with open(self.repo / ".pack/lock", "r", encoding="ascii") as lock:
            subprocess.run(["flock", "-x", str(lock.fileno())], pass_fds=[lock.fileno()], check=True)
            done = self.pack(tree, status=1)
        self.assertIn("[LOCKED]", done.stderr)


class Publishing(PackCase):
    """A reader sees the old or the new repository, even if the writer fails."""

    def read_all(self):
        """Reads everything that a client reads, and checks each file against its digest."""
        for _ in range(3):  # two runs may finish between its request for repomd.xml and the next request
            try:
                packed = Repository(self.repo)
                break
            except FileNotFoundError:
                continue
        for package in packed.packages.values():
            data = (self.repo / package.href).read_bytes()
            self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (package.size, package.sha256), package.name)
        return {a.rsplit(":", 1)[1] for p in packed.packages.values() for a in p.names("provides") if ":round-" in a}

    def test_readers_meet_whole_repositories_while_it_is_packed_over_and_over(self):
        tree = self.tree(KERNEL, "dummy", "e1000e")
        self.pack(tree)
        seen, failures, over = set(), [], threading.Event()

        def read():
            while not over.is_set():
                try:
                    seen.update(self.read_all())
                except Exception as e:  # noqa: BLE001
                    failures.append(repr(e))
                    return

        reader = threading.Thread(target=read)
        reader.start()
        for turn in range(6):
            self.edit_modinfo(tree / KERNEL.find("dummy"), f"alias=round-{turn}".encode())
            self.pack("--incremental", tree)
            time.sleep(0.1)
        over.set()
        reader.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(seen), 3)

    def test_a_killed_run_leaves_the_old_repository_and_the_next_one_finishes(self):
        tree = self.tree(KERNEL, "dummy", "e1000e")
        self.pack(tree)
        repomd = Repository(self.repo).repomd
        kept = 0
        for turn in range(8):
            self.edit_modinfo(tree / KERNEL.find("dummy"), f"alias=round-{turn}".encode())
            process = subprocess.Popen([MODFETCH, "pack", "--incremental", "--output", str(self.repo), str(tree)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(0.05 * (turn + 1))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.read_all()
            kept += Repository(self.repo).repomd == repomd
        self.assertGreater(kept, 0)
        self.pack("--incremental", tree)
        self.assertEqual(len(self.read_all()), 8)
        self.assertFalse((self.repo / ".pack/work").exists())

    def test_a_full_disk_leaves_the_old_repository(self):
        tree = self.tree(KERNEL, "dummy", "e1000e")
        image = self.scratch / "disk"
        self.repo.mkdir()
        with open(image, "wb") as f:
            f.truncate(48 << 20)
        subprocess.run(["mke2fs", "-q", "-F", image], check=True)
        if call("mount", "-o", "loop", image, self.repo).returncode:
            self.skipTest("no loop mounts here")
        try:
            self.pack(tree)
            before = self.read_all()
            with open(self.repo / "ballast", "wb") as ballast:
                try:
                    while True:
                        ballast.write(bytes(1 << 16))
                        ballast.flush()
                except OSError:
                    pass
            self.edit_modinfo(tree / KERNEL.find("dummy"), b"alias=round-1")
            self.pack(tree, status=1)
            self.assertEqual(self.read_all(), before)
            (self.repo / "ballast").unlink()
            self.pack(tree)
            self.assertEqual(self.read_all(), {"round-1)"})
        finally:
            call("umount", self.repo)


class Others(PackCase):
    """Specs for a build service, OpenPGP, firmware."""

    def test_specs_alone_build_the_same_packages_elsewhere(self):
        tree = self.tree(KERNEL, "dummy", "e1000e")
        specs = self.scratch / "specs"
        done = call(MODFETCH, "pack", "--spec-only", specs, tree)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.repo.exists())
        self.pack(tree)
        moved = self.scratch / "moved"
        shutil.move(tree.parent.parent.parent, moved)
        [spec] = specs.glob("*.spec")
        top = self.scratch / "top"
        sources = [line.split()[2].rstrip("}") for line in spec.read_text().splitlines() if line.startswith("%{!?source_")]
        defines = []
        for number, source in enumerate(sources, 1):
            defines += ["-D", f"source_{number} {source.replace(str(self.scratch / 'root'), str(moved))}"]
        done = call("rpmbuild", "-bb", "--nodeps", "-D", f"_topdir {top}", "-D", f"_dbpath {top}/db", *defines, spec)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        packed = Repository(self.repo)
        built = {p.name: p for p in top.rglob("*.rpm")}
        self.assertEqual(len(built), len(packed.packages))
        query = ["--provides", "--requires", "--recommends", "--supplements", "--dump"]
        for package in packed.packages.values():
            path = self.repo / package.href
            self.assertEqual(rpm_query(path, *query), rpm_query(built[path.name], *query))

    def test_an_openpgp_key_signs_too(self):
        tree = self.tree(KERNEL, "dummy")
        home = self.scratch / "gpg"
        home.mkdir(mode=0o700)
        env = dict(os.environ, GNUPGHOME=str(home))
        subprocess.run(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "packer@example.org", "rsa3072", "sign",
                        "never"], env=env, check=True, capture_output=True)
        try:
            self.pack("--gpg-key", "packer@example.org", tree, env=env)
            repodata = self.repo / "repodata"
            done = call("gpg", "--verify", repodata / "repomd.xml.asc", repodata / "repomd.xml", env=env)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.pack("--gpg-key", "nobody@example.org", tree, env=env, status=1)
        finally:
            call("gpgconf", "--kill", "all", env=env)

    def test_signing_anew_replaces_the_signature_alone(self):
        tree = self.tree(KERNEL, "dummy")
        keys = pathlib.Path(library("keys")[0])
        self.pack("--incremental", "--sign", keys / "repo.key", "--cert", keys / "repo.crt", tree)
        first, repomd = (self.repo / "repodata/repomd.xml.p7s").read_bytes(), Repository(self.repo).repomd
        self.pack("--incremental", "--sign", keys / "rsa.key", "--cert", keys / "rsa.crt", tree)
        self.assertNotEqual((self.repo / "repodata/repomd.xml.p7s").read_bytes(), first)
        self.assertEqual(Repository(self.repo).repomd, repomd)
        self.pack("--incremental", tree)
        self.assertFalse((self.repo / "repodata/repomd.xml.p7s").exists(), "no old signature is left on an unsigned repository")

    def test_firmware_goes_into_a_package_a_driver_and_shared_files_into_one(self):
        tree = self.tree(KERNEL, "dummy", "ifb", "nlmon", "veth")
        firmware = self.scratch / "firmware"
        (firmware / "acme").mkdir(parents=True)
        for name in ("acme/one.bin", "acme/shared.bin", "acme/glob-1.bin", "acme/glob 2 [x].bin", "acme/real.bin", "unasked.bin"):
            (firmware / name).write_text(name)
        (firmware / "packed.bin.xz").write_text("packed")
        (firmware / "acme/link.bin").symlink_to("real.bin")
        (firmware / "outside.bin").symlink_to("/etc/hostname")
        asks = {"dummy": ["acme/one.bin", "acme/shared.bin", "absent.bin", "../escape.bin"], "ifb": ["acme/shared.bin", "packed.bin"],
                "nlmon": ["acme/glob*.bin", "acme/link.bin"]}
        for module, names in asks.items():
            self.edit_modinfo(tree / KERNEL.find(module), *(f"firmware={n}".encode() for n in names))
        figures = json.loads(self.pack("--json", "--firmware", firmware, tree).stdout)
        packed = Repository(self.repo)
        holds = {n: {line[len("/lib/firmware/"):] for line in rpm_query(self.repo / p.href, "-l")}
                 for n, p in packed.packages.items() if n.startswith("kmp-firmware-")}
        [shared] = [n for n in holds if n.startswith("kmp-firmware-shared-")]
        self.assertEqual(holds, {"kmp-firmware-dummy": {"acme/one.bin"}, shared: {"acme/shared.bin"},
                                 "kmp-firmware-ifb": {"packed.bin.xz"},
                                 "kmp-firmware-nlmon": {"acme/glob-1.bin", "acme/glob 2 [x].bin", "acme/link.bin", "acme/real.bin"}})
        recommends = {m: packed.kmp(m, SUFFIX).names("recommends") for m in ("dummy", "ifb", "nlmon", "veth")}
        self.assertEqual(recommends, {"dummy": {"kmp-firmware-dummy", shared}, "ifb": {"kmp-firmware-ifb", shared},
                                      "nlmon": {"kmp-firmware-nlmon"}, "veth": set()})
        self.assertIn("firmware(acme/one.bin)", packed["kmp-firmware-dummy"].names("provides"))
        self.assertEqual(figures["firmware_missing"], 2)
        # without a tree, the files are required from their providers
        self.pack(tree)
        self.assertIn("firmware(absent.bin)", Repository(self.repo).kmp("dummy", SUFFIX).names("recommends"))

    def test_on_a_terminal_no_line_of_the_progress_stays(self):
        """What is drawn meanwhile is for tests/road/terminal.py: a short run draws nothing."""
        tree = self.tree(KERNEL, "dummy")
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        done = subprocess.run([MODFETCH, "pack", "--output", self.repo, tree], stdout=subprocess.PIPE, stderr=theirs,
                              check=False, env={**os.environ, "TERM": "xterm"})
        os.close(theirs)
        shown = b""
        try:
            while True:
                shown += os.read(ours, 4096)
        except OSError:
            pass
        self.assertEqual(done.returncode, 0, shown)
        lines = [line.rsplit(b"\r", 1)[-1].replace(b"\x1b[K", b"").strip() for line in shown.replace(b"\r\n", b"\n").split(b"\n")]
        self.assertEqual([line for line in lines if line], [], shown)

    def test_progress_is_a_line_a_step_in_a_log(self):
        tree = self.tree(KERNEL, "dummy")
        done = self.pack(tree)
        for step in ("reading", "building", "describing"):
            self.assertRegex(done.stderr, rf"pack: {step}: \d+ done")
        self.assertRegex(done.stdout, r"metadata: [\d.]+ MB, \d+ bytes a package; .*ksym-provides \d+%")


class Drivers(PackCase):
    """pack --drivers: a tree of drivers of a vendor, built for a kernel, beside the packages of the kernel itself."""

    def setUp(self):
        super().setUp()
        self.repo = self.scratch / "repo"
        shutil.copytree(library("repository", "small")[0], self.repo)
        self.before = set(Repository(self.repo).packages)

    def tree(self, name, *modules):
        tree = self.scratch / name / "lib/modules" / KERNEL.release
        (tree / "updates").mkdir(parents=True, exist_ok=True)
        for module in modules:
            self.assertNotIn(f"{module}-kmp-{SUFFIX}", self.before)
            shutil.copy(KERNEL.tree / KERNEL.find(module), tree / "updates")
        return tree

    def pack(self, source, tree, symvers=KERNEL.symvers):
        return call(MODFETCH, "pack", "--drivers", source, "--symvers", symvers, "-o", self.repo, tree)

    def test_they_are_published_beside_the_kernel_and_the_next_run_replaces_them(self):
        done = self.pack("vendor-1", self.tree("a", "ixgbe", "mdio"))
        self.assertEqual((done.returncode, done.stderr.count("problem")), (0, 0), done.stderr)
        done = self.pack("other", self.tree("b", "dummy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        packed = Repository(self.repo)
        names = {f"{m}-kmp-{SUFFIX}" for m in ("ixgbe", "mdio", "dummy")}
        self.assertEqual(set(packed.packages), self.before | names)
        ixgbe = packed.kmp("ixgbe", SUFFIX)
        self.assertIn(f"mdio-kmp-{SUFFIX}", ixgbe.names("requires"))
        # dca is the kernel's: only the symbol says so
        self.assertIn((f"ksym({FLAVOR}:dca_add_requester)", SYMVERS["dca_add_requester"][0]), ixgbe.requires)
        self.assertNotIn(f"dca-kmp-{SUFFIX}", ixgbe.names("requires"))
        self.assertIn(f"/lib/modules/{KERNEL.release}/updates/ixgbe.ko",
                      rpm_query(packed.path / ixgbe.href, "--list"))
        done = self.pack("vendor-1", self.tree("c", "mdio"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(Repository(self.repo).packages), self.before | names - {f"ixgbe-kmp-{SUFFIX}"})

    def test_a_driver_that_the_kernel_does_not_fit_is_reported(self):
        symvers = self.scratch / "Module.symvers"
        text = KERNEL.symvers.read_text(encoding="ascii")
        symvers.write_text(re.sub(r"^0x[0-9a-f]{8}(?=\tdca_add_requester\t)", "0x00000001", text, flags=re.M), encoding="ascii")
        done = self.pack("vendor", self.tree("a", "ixgbe"), symvers)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "needs dca_add_requester with another CRC.*NO-SYMBOL")

    def test_a_name_that_a_file_could_misunderstand_is_refused(self):
        for name in ("a b", "../x", "", "-x", "a%b"):
            done = self.pack(name, self.tree("a", "dummy"))
            self.assertEqual(done.returncode, 64, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
