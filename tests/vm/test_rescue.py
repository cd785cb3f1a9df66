#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The driver of the root disk is neither in the initrd nor on any disk: it comes from a stick, by a line in the emergency shell.

Both generators make the initrd of a Debian kernel whose package lost the driver of the disk. An unsigned stick is refused.

With MODFETCH_TEST_ALL=1 both generators run; without it, initramfs-tools alone."""

import os
import shutil
import time
import unittest

import debian
import guest
import image
import scene
from image import put, run

BUILD = os.environ["MODFETCH_BUILD"]
ALL = os.environ.get("MODFETCH_TEST_ALL") == "1"
# what a stick needs, and the root file system; not nvme
MODULES = [*debian.KEPT, "ext4", "crc32c_generic", "virtio_pci", "virtio_net", "xhci_pci", "usb_storage", "uas", "sd_mod"]
# exit status 0: the medium is not mounted; an initrd may have no grep
MOUNTED = "n=0; while read -r a b c; do [ $b != /run/modfetch/medium ] || n=1; done </proc/mounts; [ $n = 0 ]"


class Rescue:
    packages, generate, cmdline, prompt, password = (), "", "", "", ""

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(guest.Workdir())
        cls.package = debian.Package("default")
        machine = debian.Debian(cls.directory / "root", BUILD, [*cls.packages, "linux-base", "zstd"],
                                [cls.package.modular(tuple(MODULES))], {"drivers": "http://127.0.0.1:1/"})
        put(machine.root, "etc/fstab", 0o644, "/dev/nvme0n1 / ext4 rw 0 1\n")
        # the shell of dracut asks for root's password, which goes into the initrd
        machine.run("passwd --delete root")
        status, text = machine.install(cls.package.name)
        assert status == 0, text
        initrd = machine.root / f"boot/initrd.img-{cls.package.release}"
        machine.run(cls.generate.format(cls.package.release), 1500)
        without = initrd.stat().st_size
        put(machine.root, "etc/modfetch/modfetch.conf", 0o644, "[modfetch]\nrescue=yes\n")
        cls.text = machine.run(cls.generate.format(cls.package.release), 1500)
        cls.added = (without, initrd.stat().st_size)
        for name in ("vmlinuz", "initrd.img"):
            run("cp", machine.root / f"boot/{name}-{cls.package.release}", cls.directory / name)
        image.customize(machine.root, [("etc/fstab", 0o644, "/dev/nvme0n1 / ext4 rw 0 1\n")])
        image.make_disk(machine.root, cls.directory / "disk.img", "2G")
        cls.stick("signed")
        cls.stick("unsigned", unsigned=True)

    @classmethod
    def stick(cls, name, unsigned=False):
        """A file system with a repository in a directory."""
        source = cls.directory / f"stick-{name}"
        shutil.copytree(scene.repository("small", BUILD), source / "drivers")
        if unsigned:
            (source / "drivers/repodata/repomd.xml.p7s").unlink()
        image.make_disk(source, cls.directory / f"{name}.img", "64M")

    def plug(self, vm, name):
        vm.qmp.execute("blockdev-add", **{"driver": "raw", "node-name": name, "read-only": True,
                                          "file": {"driver": "file", "filename": str(self.directory / f"{name}.img")}})
        vm.qmp.add("usb-storage", name, bus="xhci.0", drive=name)

    def ask(self, vm, line, timeout=180):
        """Types a line into the shell; returns what it printed, and its exit status."""
        vm.type(line + "; echo status: $? ':end'")
        text = vm.wait_console(" :end\n", timeout)
        return text, int(text.rsplit("status: ", 1)[1].split()[0])

    def test_the_root_disk_gets_its_driver_from_a_signed_stick_only(self):
        print(f"initrd: {self.added[0]} bytes, with rescue=yes {self.added[1]}: {self.added[1] - self.added[0]} more", flush=True)
        with guest.Guest(self.directory, self.package.kernel, name="guest", typed=True,
                         boot=(self.directory / "vmlinuz", self.directory / "initrd.img"),
                         disk=("-device", "nvme,drive=root,serial=root", "-device", "qemu-xhci,id=xhci"),
                         cmdline=f"root=/dev/nvme0n1 rw {self.cmdline}") as vm:
            vm.wait_console(self.prompt, 600)
            time.sleep(1)
            if self.password:
                vm.wait_console(self.password)
                vm.type("")
                time.sleep(5)
            text, status = self.ask(vm, "modfetch media")
            self.assertEqual(status, 3, text)
            self.plug(vm, "unsigned")
            self.ask(vm, "until [ -b /dev/sda ]; do sleep 1; done", 300)
            text, status = self.ask(vm, "modfetch media")
            self.assertEqual(status, 4, text)
            self.assertIn("[NO-SIGNATURE]", text)
            text, status = self.ask(vm, "[ -d /sys/module/nvme ]")
            self.assertEqual(status, 1)
            vm.qmp.remove("unsigned")
            self.plug(vm, "signed")
            self.ask(vm, "until [ -b /dev/sdb ] || [ -b /dev/sda ]; do sleep 1; done", 300)
            started = time.monotonic()
            text, status = self.ask(vm, "modfetch media", 600)
            self.assertEqual(status, 0, text)
            self.assertIn("loaded nvme\n", text)
            print(text, f"{time.monotonic() - started:.1f} s", sep="", flush=True)
            # nothing of the stick stays mounted
            self.assertEqual(self.ask(vm, MOUNTED)[1], 0)
            vm.type("exit")
            vm.wait_ready(600)
            self.assertIn("/dev/nvme0n1 / ext4", vm.run("cat /proc/mounts"))


class InitramfsTools(Rescue, unittest.TestCase):
    packages = ("initramfs-tools", "busybox")
    generate = "update-initramfs -u -k {}"
    cmdline = "rootdelay=5"
    prompt = "(initramfs) "


@unittest.skipUnless(ALL, "it takes minutes; MODFETCH_TEST_ALL=1 runs it")
class Dracut(Rescue, unittest.TestCase):
    packages = ("dracut",)
    generate = "dracut --force --kver {0} /boot/initrd.img-{0}"
    cmdline = "rd.retry=10 rd.timeout=20"
    prompt = "Exit the shell to continue."
    password = "for maintenance"


if __name__ == "__main__":
    unittest.main(verbosity=2)
