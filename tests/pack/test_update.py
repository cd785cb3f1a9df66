#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new kernel beside an old one, by zypper and by dnf alone: the drivers that the old one has come for the new one in the same
transaction, as both read the packages of two real kernels in one repository."""

import os
import pathlib
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from packing import MODFETCH, Kernel, call, name_of  # noqa: E402

DRIVERS = ["e1000e", "igb", "nvme", "usb_storage", "xfs"]
OTHERS = ["btrfs", "snd_hda_intel", "8139too"]  # in the repository, and not on the machine


class Machine:
    """A root whose packages are installed by a package manager."""

    def __init__(self, path, repository):
        self.path, self.repository = path, repository
        (path / "etc/zypp/repos.d").mkdir(parents=True)
        (path / "etc/zypp/repos.d/t.repo").write_text(f"[t]\nname=t\nenabled=1\ngpgcheck=0\nbaseurl=file://{repository}\n")
        (path / "hardware").write_text("")

    def zypper(self, verb, *names):
        return call("zypper", "--root", self.path, "--non-interactive", "--no-gpg-checks", verb, *names,
                    env=dict(os.environ, ZYPP_MODALIAS_SYSFS=str(self.path / "hardware")))

    def dnf(self, verb, *names):
        return call("dnf", "-y", f"--installroot={self.path}", f"--repofrompath=t,file://{self.repository}", "--repo=t",
                    "--nogpgcheck", "--releasever=1", "--setopt=reposdir=/dev/null", f"--setopt=cachedir={self.path}/cache",
                    verb, *names)

    def names(self):
        """Names of the installed packages; where the database is depends on the host's rpm."""
        [database] = {p.parent for name in ("rpmdb.sqlite", "Packages", "Packages.db") for p in self.path.rglob(name)}
        done = call("rpm", "--root", self.path, "--dbpath", f"/{database.relative_to(self.path)}", "-qa", "--qf", "%{NAME}\n")
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())


class Update(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="modfetch-update-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.repo = cls.scratch / "repo"
        cls.old, cls.new = Kernel("default-1"), Kernel("default")
        for kernel in (cls.old, cls.new):
            done = call(MODFETCH, "pack", "--output", cls.repo, "--incremental", "--only", ",".join(DRIVERS + OTHERS), kernel.tree)
            assert done.returncode == 0, done.stderr

    @staticmethod
    def suffix(kernel):
        abi, flavor = kernel.release.rsplit("-", 1)
        return f"{flavor}-{abi.replace('-', '_')}"

    def image(self, kernel):
        flavor, abi = self.suffix(kernel).split("-")
        return f"kernel-{flavor}-image-{abi}"

    def of_new(self, names):
        """The packages of the new kernel for these packages of the old one."""
        return {re.sub(f"{self.suffix(self.old)}$", self.suffix(self.new), name)
                .replace(self.image(self.old), self.image(self.new)) for name in names}

    def change(self, machine, manager, verb, *names):
        """Runs the package manager; returns the packages that came and those that left."""
        before = machine.names()
        done = getattr(machine, manager)(verb, *names)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        after = machine.names()
        return after - before, before - after

    def start(self, manager):
        """A machine with the old kernel and five drivers."""
        machine = Machine(self.scratch / manager, self.repo)
        done = getattr(machine, manager)("install", self.image(self.old), *(f"{d}-kmp-{self.suffix(self.old)}" for d in DRIVERS))
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        return machine

    def follow(self, manager):
        machine = self.start(manager)
        had = machine.names()
        self.assertEqual(had & self.of_new(had), set())
        came, left = self.change(machine, manager, "install", self.image(self.new))
        self.assertEqual((came, left), (self.of_new(had), set()))
        for driver in DRIVERS:
            [path] = [m for m in self.new.modules() if name_of(m) == driver]
            self.assertEqual((machine.path / "lib/modules" / self.new.release / path).read_bytes(),
                             (self.new.tree / path).read_bytes())
        return machine

    def test_zypper_brings_the_drivers_of_a_new_kernel_with_it(self):
        machine = self.follow("zypper")
        # a driver that was removed from one kernel stays away, whatever is installed later
        gone = f"igb-kmp-{self.suffix(self.old)}"
        self.change(machine, "zypper", "remove", gone)
        came, _ = self.change(machine, "zypper", "install", f"8139too-kmp-{self.suffix(self.new)}")
        self.assertIn(f"8139too-kmp-{self.suffix(self.new)}", came)
        self.assertNotIn(gone, came)

    def test_dnf_brings_the_drivers_of_a_new_kernel_with_it(self):
        machine = self.follow("dnf")
        # a driver that is installed for one kernel comes for the others too
        came, _ = self.change(machine, "dnf", "install", f"8139too-kmp-{self.suffix(self.new)}")
        self.assertLessEqual({f"8139too-kmp-{self.suffix(kernel)}" for kernel in (self.old, self.new)}, came)

    def test_a_kernel_alone_brings_no_driver(self):
        machine = Machine(self.scratch / "bare", self.repo)
        done = machine.zypper("install", self.image(self.old), self.image(self.new))
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        self.assertEqual(machine.names(), {self.image(self.old), self.image(self.new)})


if __name__ == "__main__":
    unittest.main(verbosity=2)
