#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest gets a new kernel from apt and boots it: from a disk whose drivers come from a repository.

The reference is a guest with the same hardware and Debian's whole kernel. The other guest has kernels without modules. It boots the
old one, with an initrd that Debian's generator made; there apt installs the new one, with the package's own scripts, hooks and
initrd; and the new one boots from it and must have loaded the same modules as the reference.

With MODFETCH_TEST_ALL=1 the guest is made and booted twice; without it, the test is skipped."""

import os
import subprocess
import sys
import unittest

import debian
import guest
import image
import server
from image import put, run
from test_debs import make_repository

BUILD = os.environ["MODFETCH_BUILD"]
UNITS = ["modfetch.service", "modfetch-coldplug.service", "modfetch-fetch.socket"]
# The kernel asks for these by name, for a netlink family that systemd looks for: any user can cause it, so they are not fetched.
REQUESTED = {"cfg80211", "rfkill"}
LISTED = "cut -d' ' -f1 /proc/modules"
DEVICES = "find /sys/devices -name uevent -exec sed -n 's/^MODALIAS=//p' {} + | sort -u"


class Reboot:
    """One generator of initrds, and one kind of disk."""

    packages, disk, device = (), (), ""
    unasked = set()  # what the scripts of the initrd load on every machine, whether it has such a device or not

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(guest.Workdir())
        cls.old, cls.new = debian.Package("default-1"), debian.Package("default")
        cls.reference, cls.aliases = cls.boot_reference()
        names = set(cls.reference) | cls.drivers()
        (cls.directory / "packages").mkdir()
        make_repository(cls.directory / "packages", [cls.old.kernel, cls.new.kernel], sorted(names & set(cls.new.kernel.paths)))
        cls.server = cls.enterClassContext(server.Server(cls.directory / "packages", cls.directory / "www"))

    @classmethod
    def drivers(cls):
        """The modules that match the devices."""
        found = set()
        for alias in cls.aliases:
            done = subprocess.run(["modprobe", "-d", cls.new.kernel.indexed(), "-S", cls.new.release, "-R", alias],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            found |= {name.replace("-", "_") for name in done.stdout.split()}
        return found

    @classmethod
    def make(cls, name, debs, urls):
        """A Debian that will be a guest, in a directory of its own."""
        place = cls.directory / name
        place.mkdir()
        machine = debian.Debian(place / "root", BUILD, [*cls.packages, "linux-base", "zstd"], debs, urls)
        put(machine.root, "etc/fstab", 0o644, f"{cls.device} / ext4 rw 0 1\n")
        return place, machine

    @classmethod
    def finish(cls, place, machine, release, enable=()):
        """Makes the disk; returns the kernel and the initrd to boot."""
        for name in ("vmlinuz", "initrd.img"):
            run("cp", machine.root / f"boot/{name}-{release}", place / name)
        image.customize(machine.root, [("etc/fstab", 0o644, f"{cls.device} / ext4 rw 0 1\n")], enable)
        image.make_disk(machine.root, place / "disk.img", "2G")

    @classmethod
    def boot(cls, place, **more):
        return guest.Guest(place, cls.new.kernel, boot=(place / "vmlinuz", place / "initrd.img"), disk=cls.disk,
                           cmdline=f"root={cls.device} rw", **more)

    @classmethod
    def boot_reference(cls):
        place, machine = cls.make("reference", [cls.new.original()], {})
        status, text = machine.install(cls.new.name, 1500)
        assert status == 0, text
        cls.finish(place, machine, cls.new.release)
        with cls.boot(place) as vm:
            vm.wait_ready(600)
            vm.wait_booted(600)
            vm.run("udevadm settle", 120)
            return vm.run(LISTED).split(), vm.run(DEVICES).splitlines()

    def take_from_disk(self, place, release):
        """Replaces the kernel and the initrd by those of a release on the disk."""
        for name in ("vmlinuz", "initrd.img"):
            (place / name).unlink()
            run("debugfs", "-R", f"dump /boot/{name}-{release} {place / name}", place / "disk.img", stderr=subprocess.DEVNULL)
            self.assertGreater((place / name).stat().st_size, 1 << 20)

    def test_the_new_kernel_boots_and_loads_what_a_whole_kernel_loads(self):
        port = self.server.port
        place, machine = self.make("modular", [self.old.modular(), self.new.modular()],
                                   {"drivers": f"http://127.0.0.1:{port}/ http://10.0.2.2:{port}/"})
        put(machine.root, "root/devices", 0o644, "\n".join(self.aliases) + "\n")
        status, text = machine.install(self.old.name)
        self.assertEqual(status, 0, text)
        options = f"--kernel {self.old.release} --no-load"
        machine.modfetch("refresh", f"{options} coldplug --sysfs /root/devices", f"{options} probe ext4")
        machine.run(self.generate.format(self.old.release), 1500)
        self.assertLess(len(machine.modules(self.old.release)), 300)
        self.finish(place, machine, self.old.release, UNITS)
        with self.boot(place, snapshot=False, name="old") as vm:
            vm.wait_ready(600)
            vm.wait_booted(600)
            self.assertEqual(vm.run("uname -r").strip(), self.old.release)
            text = vm.run(f"apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install {self.new.name} 2>&1", 2400)
            self.assertNotIn("lacks", text)
            vm.run(f"modfetch ready {self.new.release}", 120)
            vm.run("sync; systemctl --no-block poweroff")
            vm.process.wait(120)
        self.take_from_disk(place, self.new.release)
        with self.boot(place, name="new") as vm:
            vm.wait_ready(600)
            vm.wait_booted(600)
            vm.run("udevadm settle", 120)
            self.assertEqual(vm.run("uname -r").strip(), self.new.release)
            self.assertIn(f"{self.device} / ext4", vm.run("cat /proc/mounts"))
            loaded = vm.run(LISTED).split()
            print(f"{len(loaded)} modules loaded, {len(self.reference)} by the whole kernel", flush=True)
            self.assertEqual(set(loaded) - set(self.reference), set())
            self.assertEqual(set(self.reference) - set(loaded) - REQUESTED - self.unasked, set())


class Scsi(Reboot, unittest.TestCase):
    packages = ("initramfs-tools",)
    generate = "update-initramfs -u -k {}"
    disk = ("-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,drive=root,bus=scsi.0")
    device = "/dev/sda"


class Nvme(Reboot, unittest.TestCase):
    packages = ("dracut",)
    generate = "dracut --force --kver {0} /boot/initrd.img-{0}"
    disk = ("-device", "nvme,drive=root,serial=root")
    device = "/dev/nvme0n1"
    unasked = {"dm_log", "dm_mirror", "dm_region_hash"}


if __name__ == "__main__":
    if os.environ.get("MODFETCH_TEST_ALL") != "1":
        sys.exit(77)
    unittest.main(verbosity=2)
