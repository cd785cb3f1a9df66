#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk with f2fs, on a machine that has no driver for it.

f2fs requests "crc32" from the kernel's crypto interface when it mounts, and lists it as a soft dependency. The kernel has a
built-in library of that name, which does not help: the request means the modules with the alias "crc32". The guest has an old
processor without PCLMULQDQ, so crc32_pclmul does not work and crc32_generic must be installed.

With MODFETCH_TEST_ALL=1 the guest runs. Without, it is skipped."""

import os
import sys
import unittest

import image
import scene

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    sys.exit(77)  # skipped, for meson

BUILD = os.environ["MODFETCH_BUILD"]

CRC32 = ["crc32_generic", "crc32_pclmul"]  # the modules with the alias crypto-crc32
MOUNT = "mount -t f2fs /dev/vdb /mnt"
WORKS = f"{MOUNT} && echo works >/mnt/file && sync && umount /mnt && {MOUNT} && grep -qx works /mnt/file && umount /mnt"
# modprobe -r also removes soft dependencies that are not used otherwise
AWAY = "modprobe -r f2fs crc32_generic; modprobe -r crc32_generic; ! grep -E '^(f2fs|crc32_generic) ' /proc/modules"


def settings(text):
    """Writes modfetch.conf, or removes it (""), and updates modprobe's install lines."""
    conf = "/etc/modfetch/modfetch.conf"
    change = f"printf '[modfetch]\\n{text}\\n' >{conf}" if text else f"rm -f {conf}"
    return f"{change} && {{ modfetch -q refresh || [ $? = 2 ]; }}"


class F2fs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, kind="full"))
        disk = cls.scene.directory / "f2fs.img"
        with open(disk, "wb") as file:
            file.truncate(64 << 20)
        image.run("mkfs.f2fs", "-q", disk)
        cls.vm = cls.scene.boot(cpu="qemu64", devices=[
            ["-drive", f"file={disk},if=none,id=f2fs,format=raw,snapshot=on", "-device", "virtio-blk-pci,drive=f2fs"]])
        scene.wait_idle(cls.vm, 300)

    def setUp(self):
        """As after the boot: nothing of f2fs on disk or in the kernel, nothing configured."""
        self.vm.run(settings(""), 60)
        self.vm.try_run(AWAY, 60)
        self.vm.try_run(f"modfetch remove {self.package('f2fs')}; modfetch remove {self.package('crc32_generic')}", 120)
        self.vm.run("! find /lib/modules | grep -E '/(f2fs|crc32_generic)[.]ko'")
        self.before = len(scene.history(self.vm))

    def package(self, module):
        abi, flavor = self.scene.kernel.release.rsplit("-", 1)
        return f"{module}-kmp-{flavor}-{abi.replace('-', '_')}"

    def fetched(self):
        return [package["name"].split("-kmp-")[0] for run in scene.history(self.vm)[self.before:]
                if run["outcome"] == "done" for package in run["packages"]]

    def test_what_was_probed_can_be_mounted(self):
        self.vm.run("modfetch probe f2fs", 120)
        self.assertLessEqual({"f2fs", "crc32_generic"}, set(self.fetched()))
        self.vm.run(WORKS, 60)
        self.assertIn("crc32_generic ", self.vm.run("cat /proc/modules"))

    def test_the_kernel_asks_in_vain_unless_the_file_system_is_listed(self):
        self.assertIn("unknown filesystem type", self.vm.try_run(f"{MOUNT} 2>&1", 60)[1])
        self.assertEqual(self.fetched(), [])
        self.vm.run(settings("kernel-requests=fs-*"), 60)
        self.vm.run(WORKS, 120)
        self.assertLessEqual({"f2fs", "crc32_generic"}, set(self.fetched()))

    def test_what_a_driver_on_disk_asks_for_is_fetched(self):
        """f2fs is installed without crc32: a module on disk lists the request of the kernel."""
        self.vm.run("modfetch probe f2fs", 120)
        self.vm.run(AWAY, 60)
        # all modules with the alias crypto-crc32: if one of them is on disk, no other is fetched
        gone = " ".join(self.package(name) for name in CRC32)
        self.vm.run(f"modfetch remove {gone} && ! find /lib/modules | grep -E '/(crc32_generic|crc32-pclmul)[.]ko'", 120)
        before = len(self.fetched())
        self.vm.run(WORKS, 120)
        self.assertEqual(sorted(self.fetched()[before:]), CRC32)
        # and no other: f2fs does not list this one
        self.assertNotEqual(self.vm.try_run("mount -t minix /dev/vdb /mnt", 60)[0], 0)
        self.assertEqual(sorted(self.fetched()[before:]), CRC32)


if __name__ == "__main__":
    unittest.main(verbosity=2)
