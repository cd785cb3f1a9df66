#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest without systemd: busybox is its init, udevd runs alone, and init starts examples/without-systemd.

udevd is that of systemd; it needs no systemd, as eudev does not.
"""

import os
import shutil
import unittest

import image
import scene

BUILD = os.environ["MODFETCH_BUILD"]
EXAMPLE = image.TESTS.parent / "examples/without-systemd"

INITTAB = """::sysinit:/etc/rcS
::respawn:/usr/local/bin/agent
::respawn:/usr/local/sbin/modfetch-watch
"""
RCS = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=0755 run /run
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle
ip link set lo up
for card in /sys/bus/virtio/drivers/virtio_net/virtio*/net/*; do
    ip addr add 10.0.2.15/24 dev ${card##*/} && ip link set ${card##*/} up
done
"""


class WithoutSystemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        busybox = image.pathlib.Path(shutil.which("busybox") or "/bin/busybox")
        files = [("usr/local/lib/busybox/init", 0o755, busybox), ("etc/inittab", 0o644, INITTAB), ("etc/rcS", 0o755, RCS),
                 ("usr/local/sbin/modfetch-watch", 0o755, EXAMPLE)]
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, files=files))
        cls.vm = cls.scene.boot(wait=False, cmdline="guest_init=/usr/local/lib/busybox/init", devices=[
            ["-device", "nvme,bus=port3,drive=nvme,serial=modfetch,id=ssd"]])
        cls.vm.wait_for("pgrep -f 'modfetch queue --watch'", 120)

    def test_what_was_there_and_what_comes_get_their_drivers(self):
        self.assertEqual(self.vm.run("cat /proc/1/comm; ls -d /run/systemd/system 2>/dev/null || :").split(), ["init"])
        # it was there at boot
        self.vm.wait_for("[ -b /dev/nvme0n1 ]", 180)
        scene.plug_card(self.vm)
        self.vm.wait_for("ls /sys/bus/pci/drivers/e1000e/0000:*/net", 180)
        # the waiting process is killed: init starts it again, and nothing is loaded twice
        self.vm.run("pkill -9 -f 'modfetch queue --watch'")
        scene.plug_stick(self.vm, "port1")
        self.vm.wait_for("[ -b /dev/sda ]", 180)
        self.assertEqual(self.vm.run("stat -c '%a %U' /run/modfetch/queue").split(), ["700", "root"])
        outcomes = [run["outcome"] for run in scene.history(self.vm) if run["packages"]]
        self.assertEqual(set(outcomes), {"done"})


if __name__ == "__main__":
    unittest.main()
