#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A booted machine: a card that is plugged in and out many times, the duration of its boot, and wrong clocks.

With MODFETCH_TEST_ALL=1 a thousand times instead of two hundred."""

import json
import os
import unittest

import scene

BUILD = os.environ["MODFETCH_BUILD"]
REPLUGS = 1000 if os.environ.get("MODFETCH_TEST_ALL") == "1" else 200
CARD = "ls -d /sys/bus/pci/drivers/e1000e/0000:* >/dev/null"


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, files=[
            ("etc/modfetch/hooks.d/50-note", 0o755, "#!/bin/sh\n"
             "flock --wait 10 /run/modfetch/lock echo free >>/run/modfetch/arrived-lock || echo held >>/run/modfetch/arrived-lock\n"
             "cat >>/run/modfetch/arrived\n")]))
        cls.vm = cls.scene.boot()
        scene.wait_idle(cls.vm)

    def test_many_replugs_are_one_transaction(self):
        vm = self.vm
        before = len(scene.history(vm))
        scene.plug_card(vm)
        vm.wait_for("grep -lqs 0x10d3 /sys/bus/pci/devices/*/device", 20)
        # the kernel needs a quarter of a second for each, so it does some, and for the others the helper is called directly
        vm.run("d=$(readlink -f $(dirname $(grep -ls 0x10d3 /sys/bus/pci/devices/*/device))); "
               "export MODALIAS=$(cat $d/modalias) DEVPATH=${d#/sys} SUBSYSTEM=pci; "
               f"for i in {{1..{REPLUGS}}}; do ACTION=remove /usr/libexec/modfetch/event; ACTION=add /usr/libexec/modfetch/event; done; "
               "for i in {1..10}; do echo 1 >$d/remove; echo 1 >/sys/bus/pci/rescan; done; udevadm settle --timeout=240", 300)
        vm.wait_for(CARD, 60)
        scene.wait_idle(vm)
        runs = [run for run in scene.history(vm)[before:] if run["outcome"] == "done"]
        self.assertEqual(len(runs), 1, runs)
        said = [json.loads(line) for line in
                vm.run("journalctl -b --no-pager -o json MESSAGE_ID=46c429560b964cff9fa285f104e6b423").splitlines()]
        self.assertEqual([(line["MODULE"], line["PACKAGE"].split("-kmp-")[0], line["DEVPATH"].split("/")[1]) for line in said
                          if "v00008086d000010D3" in line["MODALIAS"]], [("e1000e", "e1000e", "devices")])
        # and the admin's hooks ran once
        heard = [json.loads(line) for line in vm.run("cat /run/modfetch/arrived").splitlines()]
        self.assertEqual([run for run in heard if run["verb"] == "queue"], runs)
        # and they could have called modfetch: its run had released the lock
        self.assertEqual(set(vm.run("cat /run/modfetch/arrived-lock").split()), {"free"})
        print(f"{REPLUGS} replugs: 1 transaction of {len(scene.history(vm)) - before} runs; its moments {runs[0]['us']}")

    def test_nothing_of_ours_is_in_the_critical_chain(self):
        self.assertNotIn("modfetch", self.vm.run("systemd-analyze critical-chain"))


class Clocks(unittest.TestCase):
    """The metadata was signed today, and the clock of the machine shows another day. systemd corrects wrong clocks during the
    boot, so they are set after it."""

    def test_an_impossible_clock_stops_nothing_and_a_late_one_what_nobody_watches(self):
        with scene.Scene(BUILD) as stage, stage.boot(name="clocks") as vm:
            scene.wait_idle(vm)
            now = int(vm.run("date +%s"))
            for day, plug, bound in (("1970-01-02", scene.plug_card, CARD),
                                     ("2099-01-01", scene.plug_stick, "ls -d /sys/bus/pci/drivers/xhci_hcd/0000:*")):
                vm.run(f"date -s '{day} 00:00:00'")
                plug(vm)
                vm.wait_for(bound, 60)
                scene.wait_idle(vm)
            vm.run(f"date -s @{now + 40 * 86400}")
            scene.plug_nvme(vm)
            vm.wait_for("journalctl -b --no-pager | grep -q '\\[STALE\\]'", 60)
            self.assertNotEqual(vm.try_run("lsmod | grep -q ^nvme")[0], 0)
            self.assertIn("TOO OLD", vm.run("modfetch status"))
            # by hand it works, with a warning
            vm.run("modfetch probe nvme && lsmod | grep -q ^nvme", 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
