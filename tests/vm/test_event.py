#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The udev side in a guest with real systemd: which events start a run, and which do not."""

import os
import re
import unittest

import guest
import image

BUILD = os.environ["MODFETCH_BUILD"]
NIC = "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"
ENTRIES = "cat /run/modfetch/queue/* 2>/dev/null | grep -c ^modalias= || :"
# the SMBus of the machine, which is not needed and has no driver on its disk
SMBUS = "/sys/bus/pci/devices/0000:00:1f.3"


class Events(unittest.TestCase):
    """One guest: a minimal tree, the rule and the helper, but no service that handles the spool."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = image.Kernel()
        workdir = guest.Workdir()
        cls.directory = cls.enterClassContext(workdir)
        image.build(cls.directory, cls.kernel, build_dir=BUILD, mask=["modfetch.service"],
                    files=[("usr/local/bin/forge", 0o755, image.pathlib.Path(BUILD, "tests/vm/forge"))])
        cls.guest = cls.enterClassContext(guest.Guest(cls.directory, cls.kernel))
        cls.guest.wait_ready()
        cls.state = cls.guest.wait_booted()
        cls.at_boot = cls.guest.run("cat /run/modfetch/queue/* 2>/dev/null || :")

    def clear(self):
        self.guest.run("udevadm settle; rm -rf /run/modfetch/queue/*")

    def entry_of(self, modalias):
        return self.guest.wait_for(f"cat $(grep -lxF 'modalias={modalias}' /run/modfetch/queue/*) </dev/null | grep .", 10)

    def test_boot_is_running_and_its_replay_starts_nothing(self):
        """The coldplug service handles the devices that are older than udevd, all at once."""
        self.assertEqual(self.state, "running")
        self.assertTrue(self.guest.run(f"cat {SMBUS}/modalias").startswith("pci:"))
        self.assertNotIn("modalias=pci:", self.at_boot)

    def test_hot_plugged_card_waits_in_the_spool_until_it_goes(self):
        self.clear()
        self.guest.qmp.add("e1000e", "card", bus="port0")
        text = self.entry_of(NIC)
        self.assertEqual(self.guest.run("stat -c '%U %a' /run/modfetch/queue").strip(), "root 700")
        self.assertRegex(text, r"(?m)^modfetch-event 1\n")
        devpath = re.search(r"(?m)^devpath=(/devices/pci0000:00/\S+)$", text).group(1)
        self.assertEqual(self.guest.run(f"cat /sys{devpath}/modalias").strip(), NIC)
        times = dict(re.findall(r"(?m)^(\w+_us)=(\d+)$", text))
        took = int(times["decided_us"]) - int(times["uevent_us"])
        self.assertTrue(0 < took < 2_000_000, times)
        self.guest.qmp.remove("card")
        self.guest.wait_for(f"! grep -qs {NIC} /run/modfetch/queue/*", 10)

    def test_forged_uevents_of_a_user_start_nothing(self):
        """P1: 10,000 messages to every listener of the uevent family, in both forms."""
        self.guest.run("udevadm settle")
        before = self.guest.run("ls -la --time-style=full-iso /run/modfetch/queue | sort")
        self.guest.run("setpriv --reuid=nobody --regid=nogroup --clear-groups -- "
                       "forge 10000 pci:v00001AF4d00001053sv0sd0bc0sc0i0 /devices/pci0000:00/0000:00:1f.0", 120)
        self.guest.run("setpriv --reuid=nobody --regid=nogroup --clear-groups -- bash -c "
                       "'for f in /sys/bus/pci/devices/*/uevent; do echo add >$f; done' 2>/dev/null; udevadm settle; sleep 1")
        self.assertEqual(self.guest.run("ls -la --time-style=full-iso /run/modfetch/queue | sort"), before)

    def test_a_user_cannot_steer_the_helper_or_the_spool(self):
        as_user = "setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs --"
        self.clear()
        self.guest.run(f"{as_user} env ACTION=add MODALIAS=pci:x DEVPATH=/devices/x MODFETCH_ROOT=/tmp "
                       "/usr/libexec/modfetch/event; :")
        for attempt in ("touch /run/modfetch/queue/x", "mv /run/modfetch/queue /tmp/q", "ls /run/modfetch/queue"):
            self.assertNotEqual(self.guest.try_run(f"{as_user} {attempt}")[0], 0)
        self.assertEqual(self.guest.run("ls -A /run/modfetch/queue"), "")

    def test_an_out_of_bounds_name_is_one_journal_line(self):
        self.clear()
        self.guest.run("ACTION=add MODALIAS='usb:[' DEVPATH=/devices/x /usr/libexec/modfetch/event")
        line = self.guest.wait_for("journalctl -b -q MESSAGE_ID=40e50110e55e472fa5f51d55625c5f19 -o json", 10)
        self.assertIn('"MODALIAS":"usb:["', line)
        self.assertEqual(self.guest.run("ls -A /run/modfetch/queue"), "")

    def test_a_device_that_comes_again_is_one_entry_and_a_replay_none(self):
        """The control for the forged events: an event of the kernel for a new device does start a run."""
        self.clear()
        self.guest.run(f"for i in {{1..50}}; do echo add >{SMBUS}/uevent; done; udevadm settle")
        self.assertEqual(int(self.guest.run(ENTRIES)), 0)
        self.guest.run(f"for i in {{1..20}}; do echo 1 >{SMBUS}/remove; echo 1 >/sys/bus/pci/rescan; done; udevadm settle")
        self.assertEqual(int(self.guest.run(ENTRIES)), 1)


class SwitchedOff(unittest.TestCase):
    def test_modfetch_off_on_the_command_line_leaves_no_trace(self):
        kernel = image.Kernel()
        with guest.Workdir() as directory:
            image.build(directory, kernel, build_dir=BUILD, enable=["modfetch.service"])
            with guest.Guest(directory, kernel, cmdline="modfetch=off") as vm:
                vm.wait_ready()
                vm.wait_booted()
                vm.qmp.add("e1000e", "card", bus="port0")
                vm.wait_for("grep -rqs 0x10d3 /sys/bus/pci/devices/*/device", 20)
                vm.run("udevadm settle; sleep 1; [ -z \"$(ls -A /run/modfetch/queue)\" ]")
                self.assertEqual(vm.run("systemctl is-active modfetch.service || :").strip(), "inactive")


if __name__ == "__main__":
    unittest.main(verbosity=2)
