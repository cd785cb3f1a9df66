#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network card breaks. A guest has prefetched network drivers; it is switched off, gets another card, has no network, and is
switched on: the new card has its driver and a link."""

import os
import unittest

import scene

BUILD = os.environ["MODFETCH_BUILD"]
# the new card is on a network of its own, without the server of the repository
CARD = ["-netdev", "user,id=island,restrict=on", "-device", "e1000e,netdev=island,id=card,bus=port0,romfile="]
BOUND = "ls -d /sys/bus/pci/drivers/e1000e/0000:*/net/*"


class OtherCard(unittest.TestCase):
    """The guest keeps its disk over the boots."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, files=[
            ("etc/modfetch/modfetch.conf", 0o644, "[modfetch]\nprefetch=network\n")]))

    def switch_off(self, vm):
        vm.run("sync; systemctl --no-block poweroff")
        self.assertEqual(vm.process.wait(120), 0)

    def test_a_prefetched_driver_serves_another_card_without_a_network(self):
        with self.scene.boot(snapshot=False, name="before") as vm:
            vm.run("modfetch refresh && modfetch prefetch", 120)
            self.assertIn("complete: ", vm.run("modfetch prefetch --check"))
            self.assertIn("e1000e-kmp", vm.run("ls /var/lib/modfetch/packages"))
            self.assertEqual(vm.run("find /lib/modules/ -name 'e1000e.ko*'"), "")
            scene.wait_idle(vm)
            self.switch_off(vm)
        requests = self.scene.server.log()
        with self.scene.boot(snapshot=False, name="after", devices=[CARD], paused=True, wait=False) as vm:
            vm.qmp.execute("set_link", name="nic", up=False)
            vm.qmp.execute("cont")
            vm.wait_ready(480)
            name = vm.wait_for(BOUND, 60).split("/")[-1].strip()
            uptime = vm.run("cut -d' ' -f1 /proc/uptime").strip()
            vm.wait_booted()
            vm.run(f"ip link set {name} up")
            vm.wait_for(f"grep -qx 1 /sys/class/net/{name}/carrier", 30)
            [run] = [run for run in scene.history(vm) if any(p["name"].startswith("e1000e-kmp") for p in run.get("packages", []))]
            self.assertEqual({p["source"] for p in run["packages"]}, {"store"})
            self.assertEqual(run["outcome"], "done")
            print(f"another card: {name} is bound {uptime} s after power on, the run took {sum(run['ms'].values())} ms")
            scene.wait_idle(vm)
        self.assertEqual(self.scene.server.log(), requests)


if __name__ == "__main__":
    unittest.main(verbosity=2)
