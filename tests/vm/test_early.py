#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A driver that is loaded from memory before it is installed: the device works first, and all else is as if it had been loaded from its file."""

import os
import unittest

import scene
import test_crash

BUILD = os.environ["MODFETCH_BUILD"]
CONF = "/etc/modprobe.d/test.conf"
DRIVER = "readlink /sys/bus/pci/devices/0000:*/driver | grep -q /e1000e$"
RPM = "rpm --dbpath /var/lib/rpm"


class Early(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stage = cls.enterClassContext(scene.Scene(BUILD))
        cls.kernel = stage.kernel
        cls.vm = stage.boot()

    def setUp(self):
        scene.wait_idle(self.vm)

    def tearDown(self):
        """As before the test: no card, no driver."""
        self.vm.qmp.remove("card")
        scene.wait_idle(self.vm)
        self.vm.run(f"modprobe -r e1000e || rmmod e1000e; modfetch -q remove e1000e-kmp; rm -f {CONF}; ! modinfo e1000e")

    def plug(self):
        """Plugs the card in. Returns the run that brought its driver."""
        before = len(scene.history(self.vm))
        scene.plug_card(self.vm)
        self.vm.wait_for(DRIVER, 120)
        scene.wait_idle(self.vm)
        return scene.history(self.vm)[before:][0]

    def is_installed(self):
        # the file that the kernel's package had, in rpm's database and in the index
        self.vm.run(f"{RPM} -V --nodeps $({RPM} -q --whatprovides e1000e-kmp) && modinfo e1000e >/dev/null")
        self.vm.run("modprobe -r e1000e && modprobe e1000e")
        self.vm.wait_for(DRIVER, 60)

    def test_a_device_does_not_wait_for_the_installation(self):
        # the admin's parameters count, as for a module on disk
        self.vm.run(f"echo 'options e1000e copybreak=200' >{CONF}")
        run = self.plug()
        self.assertEqual(run["outcome"], "done")
        us = run["us"]
        self.assertTrue(us["verified"] < us["loaded_early"] < us["installed"] < us["loaded"], us)
        self.assertEqual([query["loaded"] for query in run["queries"]], [["e1000e"]])
        self.assertEqual(self.vm.run("cat /sys/module/e1000e/parameters/copybreak").strip(), "200")
        self.assertEqual(self.vm.run("ls /etc/modprobe.d").split(), ["test.conf"])  # no load is pending
        self.is_installed()

    def test_what_libkmod_would_load_with_it_is_waited_for(self):
        self.vm.run(f"echo 'softdep e1000e pre: loop' >{CONF}")
        us = self.plug()["us"]
        self.assertNotIn("loaded_early", us)
        self.assertLess(us["installed"], us["loaded"])
        self.is_installed()

    def test_if_the_installation_fails_the_device_works_and_the_log_says_so(self):
        place = f"/lib/modules/{self.kernel.release}/{os.path.dirname(self.kernel.paths['e1000e'])}"
        self.vm.run(f"mkdir -p {place} && mount -t tmpfs -o size=16k none {place}")
        run = self.plug()
        self.assertEqual((run["outcome"], "loaded_early" in run["us"], "installed" in run["us"]), ("failed", True, False))
        self.vm.run("journalctl -b --no-pager | grep 'load: the driver is in the kernel, but not installed'")
        self.vm.run(f"! {RPM} -q --whatprovides e1000e-kmp && ! modinfo e1000e")
        # with room, a run brings it
        self.vm.run(f"umount {place} && modfetch -q probe e1000e", 60)
        self.is_installed()


class Crash(test_crash.Guests):
    """A driver that panics before it is installed: it is not there at the next boot, and is not fetched again."""

    def test_it_is_not_tried_again(self):
        with self.boot("boot1") as vm:
            scene.wait_idle(vm)
            scene.plug_card(vm)
            self.dies(vm)
        with self.boot("boot2", devices=[test_crash.CARD], wait=False) as vm:
            vm.wait_for("systemctl is-active basic.target", 90)
            scene.wait_idle(vm)
            vm.run(f"! {RPM} -q --whatprovides e1000e-kmp && ! modinfo e1000e && grep -q e1000e {test_crash.RECORD}")
            vm.run("udevadm trigger --action=add --subsystem-match=pci --settle; modfetch -q --unattended coldplug; "
                   f"! grep -q '^e1000e ' /proc/modules && ! {RPM} -q --whatprovides e1000e-kmp", 60)
            vm.run("journalctl -b --no-pager | grep 'e1000e: .*\\[CRASHED\\]'")
            vm.run("modfetch check")


if __name__ == "__main__":
    unittest.main(verbosity=2)
