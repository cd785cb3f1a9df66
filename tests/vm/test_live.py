#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that has booted: a card that comes and goes a thousand times, and what its boot waited for."""

import os
import unittest

import scene

BUILD = os.environ["MODFETCH_BUILD"]
CARD = "ls -d /sys/bus/pci/drivers/e1000e/0000:* >/dev/null"


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD))
        cls.vm = cls.scene.boot()
        scene.wait_idle(cls.vm)

    def test_a_thousand_replugs_are_one_transaction(self):
        vm = self.vm
        before = len(scene.history(vm))
        scene.plug_card(vm)
        vm.wait_for("grep -lqs 0x10d3 /sys/bus/pci/devices/*/device", 20)
        vm.run("u=$(dirname $(grep -ls 0x10d3 /sys/bus/pci/devices/*/device))/uevent; "
               "for i in {1..1000}; do echo remove >$u; echo add >$u; done; udevadm settle --timeout=240", 300)
        vm.wait_for(CARD, 60)
        scene.wait_idle(vm)
        runs = [run for run in scene.history(vm)[before:] if run["outcome"] == "done"]
        self.assertEqual(len(runs), 1, runs)
        print(f"1,000 replugs: 1 transaction of {len(scene.history(vm)) - before} runs; its moments {runs[0]['us']}")

    def test_nothing_of_ours_is_in_the_critical_chain(self):
        self.assertNotIn("modfetch", self.vm.run("systemd-analyze critical-chain"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
