#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modules of one kernel in another: a guest that gets its drivers from a repository of pack --share, and the kernel as judge of the judge.

The guests boot the default kernel. The other modules are those of the kernel before it, which has the same ABI if the distribution
kept it, and those of the third before.
With MODFETCH_TEST_ALL=1 the guest runs, also with modules that dkms built. Without, it is skipped.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import unittest

import guest
import image
import scene

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    sys.exit(77)  # skipped, for meson

BUILD = os.environ["MODFETCH_BUILD"]
SEED = int(os.environ.get("MODFETCH_SEED", "20261130"))
CARD = "ls -d /sys/bus/pci/drivers/e1000e/0000:* >/dev/null"
ONLY = "e1000e,igb,xfs,nf_conntrack_ftp"

# Directories whose modules register a driver and wait for devices; others probe for old hardware, or test the kernel.
HARMLESS = tuple(f"/kernel/{at}/" for at in ("drivers/net", "drivers/usb", "drivers/hid", "drivers/input", "drivers/i2c", "drivers/iio",
                                             "drivers/scsi", "drivers/media", "net", "fs", "sound/pci", "sound/usb", "sound/soc", "crypto"))


def boot_files(kernel):
    """What Debian's kernel package puts into /boot."""
    return [(f"boot/{kind}-{kernel.release}", 0o644, kernel.root / "boot" / f"{kind}-{kernel.release}")
            for kind in ("vmlinuz", "config", "System.map")]


def share(directory, kernel):
    """Packs a few drivers of the kernel before, and then KERNEL beside them."""
    modfetch = next(pathlib.Path(BUILD).glob("src/**/modfetch"))
    keys = image.output(image.TESTS / "lib/keys")
    before = image.Kernel("default-1")
    for tree, options in ((before.root / "lib/modules" / before.release, []),
                          (kernel.root / "lib/modules" / kernel.release, ["--share"])):
        image.quietly(modfetch, "pack", "--sign", f"{keys}/repo.key", "--cert", f"{keys}/repo.crt", "--only", ONLY, *options,
                      "--output", directory / "shared", tree)
    return directory / "shared"


class Shared(unittest.TestCase):
    def test_the_drivers_of_the_kernel_before_serve_a_guest(self):
        before = image.Kernel("default-1")
        kernel = image.Kernel()
        with scene.Scene(BUILD, kind=share, files=boot_files(kernel)) as stage, stage.boot() as vm:
            scene.wait_idle(vm)

            def linked(name):
                """The file that modprobe loads, if it is a module of the kernel before that is linked in weak-updates."""
                [path] = vm.run(f"modinfo -n {name}").split()
                self.assertIn("/weak-updates/", path)
                self.assertIn(f"/{before.release}/", vm.run(f"readlink -f {path}"))
                vm.run(f"lsmod | grep -q '^{name} '")
            scene.plug_card(vm)
            vm.wait_for(CARD, 90)
            scene.wait_idle(vm)
            linked("e1000e")
            vm.run("modfetch probe igb", 90)
            linked("igb")
            vm.run("modprobe xfs", 90)
            linked("xfs")
            # nf_conntrack has numbers of BTF types, so it is of the guest's kernel
            vm.run("modfetch probe nf_conntrack_ftp", 90)
            linked("nf_conntrack_ftp")
            self.assertNotIn("weak-updates", vm.run("modinfo -n nf_conntrack"))
            self.assertEqual(vm.run("modfetch check --all || :", 90).splitlines()[-1], "0 findings")
            # without us: kmod and udev find the links
            known = len(scene.history(vm))
            vm.qmp.remove("card")
            vm.run("modprobe -r e1000e && ! lsmod | grep -q ^e1000e")
            scene.plug_card(vm, "port4")
            vm.wait_for(CARD, 30)
            scene.wait_idle(vm)
            self.assertEqual(len(scene.history(vm)), known)


# name, module of another build, module of this kernel, what it depends on: tries both, and prints what insmod says of each.
# A module that fails with both builds' files has no hardware here; the loader took it if the errors are equal.
TRY = r"""
while read -r name other own needs; do
    [ -z "$needs" ] || modprobe -qa $needs
    said=
    for file in $other $own; do
        if [ -e /sys/module/$name ]; then
            one=busy
        elif error=$(insmod $file 2>&1); then
            one=loaded
            rmmod $name 2>/dev/null
        else
            one=${error##*: }
        fi
        said+=$'\t'$one
    done
    echo "$name$said"
    [ -z "$needs" ] || modprobe -qr $needs
done <<'LIST'
"""
# What insmod says if the loader refused a module before it called it.
REFUSED = ("Invalid module format", "Unknown symbol in module", "Invalid parameters")


class Sample:
    """A module of another build, with the judge's verdict, and the file of this kernel that it is compared with."""

    def __init__(self, number, name, path, verdict, own, needs):
        self.name, self.path, self.verdict, self.own = name, path, verdict, own
        self.needs = needs  # modules of this kernel
        self.place = f"sample/{number}"

    def files(self):
        return [(f"{self.place}/other/{self.path.name}", 0o644, self.path), (f"{self.place}/own/{self.own.name}", 0o644, self.own)]

    def line(self):
        return " ".join([self.name, *("/" + place for place, _, _ in self.files()), *self.needs])


class Judge(unittest.TestCase):
    """What the judge says of modules of other kernels and of dkms, and what the kernel does with them."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = image.Kernel()
        cls.directory = cls.enterClassContext(guest.Workdir())
        cls.root = cls.directory / "judge"
        (cls.root / "lib/modules").mkdir(parents=True)
        image.run("cp", "-al", cls.kernel.tree, cls.root / "lib/modules")
        image.run("cp", "-al", cls.kernel.root / "boot", cls.root)
        cls.samples = []
        cls.choose("default-1", 70, lambda verdict: verdict == "yes")
        cls.choose("default-1", 40, lambda verdict: verdict == "btf")
        cls.choose("default-3", 35, lambda verdict: verdict != "yes")
        cls.choose_dkms()
        shutil.rmtree(cls.root)
        files = [file for sample in cls.samples for file in sample.files()]
        needs = {name for sample in cls.samples for name in sample.needs}
        image.build(cls.directory, cls.kernel, [*image.MINIMAL, *sorted(needs)], files=files, mask=["systemd-udevd.service"])

    @classmethod
    def judge(cls, paths):
        """Path → verdict of modules of any build for the guest's kernel."""
        done = subprocess.run([f"{BUILD}/tests/fit-driver", cls.root, cls.kernel.release], check=True, stdout=subprocess.PIPE, text=True,
                              input="".join(f"{path}\n" for path in paths))
        return {pathlib.Path(path): verdict for verdict, _, path in (line.split(" ", 2) for line in done.stdout.splitlines())}

    @classmethod
    def add(cls, path, verdict, own, needs):
        name = image.Kernel.name_of(str(path))
        cls.samples.append(Sample(len(cls.samples), name, path, verdict, own, [image.Kernel.name_of(file) for file in needs]))

    @classmethod
    def choose(cls, kind, n, wanted):
        """Adds up to N modules of another kernel that this one has too and whose verdict is WANTED."""
        other = image.Kernel(kind)
        tree = other.root / "lib/modules" / other.release
        paths = [tree / path for path in sorted(other.depends) if any(at in f"/{path}" for at in HARMLESS)]
        verdicts = cls.judge([path for path in paths if image.Kernel.name_of(str(path)) in cls.kernel.paths])
        fit = sorted(path for path, verdict in verdicts.items() if wanted(verdict))
        for path in random.Random(SEED).sample(fit, min(n, len(fit))):
            *needs, own = cls.kernel.closure([image.Kernel.name_of(str(path))])
            cls.add(path, verdicts[path], cls.kernel.tree / own, needs)

    @classmethod
    def choose_dkms(cls):
        """Adds the modules that dkms built for this kernel and for another one, but those that need another module of dkms."""
        debian, *kernels = image.output(image.TESTS / "lib/dkms").split()
        own = pathlib.Path(debian) / "lib/modules" / cls.kernel.release / "updates/dkms"
        for kver in kernels:
            built = pathlib.Path(debian) / "lib/modules" / kver / "updates/dkms"
            for path, verdict in sorted(cls.judge(built.iterdir()).items()):
                depends = [name for name in image.output("modinfo", "-F", "depends", path).split(",") if name]
                if all(name in cls.kernel.paths for name in depends):
                    cls.add(path, verdict, own / path.name, cls.kernel.closure(depends))

    def tried(self, vm):
        """What insmod says of each sample: of the other build's file, and of this kernel's own."""
        said = []
        for at in range(0, len(self.samples), 20):
            lines = "\n".join(sample.line() for sample in self.samples[at:at + 20])
            said += vm.run(f"{TRY}{lines}\nLIST\nexit 0", 180).splitlines()
        return [line.split("\t") for line in said]

    def test_the_kernel_takes_what_fits_and_refuses_what_does_not(self):
        with guest.Guest(self.directory, self.kernel, name="judge") as vm:
            vm.wait_ready()
            said = self.tried(vm)
        self.assertEqual([line[0] for line in said], [sample.name for sample in self.samples])
        counts, wrong = {"taken": 0, "refused": 0, "not tried": 0}, []
        for sample, (_, other, own) in zip(self.samples, said):
            # it was loaded already, or a module that it needs is not there
            if other != "loaded" and (other == "busy" or own == "busy" or own in REFUSED):
                counts["not tried"] += 1
                continue
            taken = other in ("loaded", own)
            counts["taken" if taken else "refused"] += 1
            # this kernel does not compare the numbers of types, and gives BPF programs the wrong ones: there the judge is stricter
            if taken != (sample.verdict in ("yes", "btf")):
                wrong.append(f"{sample.path}: the judge says {sample.verdict}, insmod {other!r}, and {own!r} of {sample.own}")
        print(f"samples: {counts}; with this kernel: {', '.join(sorted({line[2] for line in said}))}")
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(counts["taken"], 60)
        self.assertGreaterEqual(counts["refused"], 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
