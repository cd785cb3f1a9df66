#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole pipeline in a guest, with faults: many devices at once, a dead network, a dead server, a power cut."""

import os
import time
import unittest

import scene

BUILD = os.environ["MODFETCH_BUILD"]
CARD = "readlink -f /sys/bus/pci/drivers/e1000e/0000:*/driver | grep -q e1000e$"

DEVICES = "echo $(ls /sys/bus/pci/devices)"

# Ten devices of ten kinds, with the expected driver of each.
TEN = [("e1000e", "e1000e"), ("vmxnet3", "vmxnet3"), ("rtl8139", "8139cp"), ("ne2k_pci", "ne2k-pci"),
       ("pcnet", "pcnet32"), ("i82559er", "e100"), ("megasas", "megaraid_sas"), ("lsi53c895a", "sym53c8xx"),
       ("pvscsi", "vmw_pvscsi"), ("qemu-xhci", "xhci_hcd")]


def done(vm, since=0):
    """The runs that changed something."""
    return [run for run in scene.history(vm)[since:] if run["outcome"] == "done"]


class Swarm(unittest.TestCase):
    """Against the repository of the whole kernel."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, kind="full"))
        cls.vm = cls.scene.boot()
        scene.wait_idle(cls.vm)

    def test_ten_devices_at_once_are_one_transaction_and_replugs_none(self):
        vm = self.vm
        before = len(scene.history(vm))
        devices = vm.run(DEVICES).strip()
        for port, (device, _) in enumerate(TEN):
            vm.qmp.add(device, f"swarm{port}", bus=f"port{port}")
        drivers = [driver for _, driver in TEN]
        bound = " && ".join(f"ls -d /sys/bus/pci/drivers/{driver}/0000:* >/dev/null" for driver in drivers)
        vm.wait_for(bound, 120)
        scene.wait_idle(vm)
        runs = done(vm, before)
        wanted = {query["query"] for query in runs[0]["queries"] if query["query"].startswith("pci:")}
        self.assertEqual(len(wanted), len(TEN), runs[0]["queries"])
        # later transactions are for child devices of these (an xHCI's bus, a SCSI host), not for plugged devices
        for run in runs[1:]:
            self.assertFalse([q for q in run["queries"] if q["query"].startswith("pci:")], run["queries"])
        print(f"ten devices: {len(runs)} transactions, the first with {len(runs[0]['packages'])} packages, "
              f"stages {runs[0]['ms']} ms")

        # ask the guest, not QEMU: 7.2 sends no event for a removed xHCI
        for port in range(len(TEN)):
            vm.qmp.execute("device_del", id=f"swarm{port}")
        vm.wait_for(f"[ \"$({DEVICES})\" = '{devices}' ]", 120)
        scene.wait_idle(vm)
        before = len(scene.history(vm))
        for turn in range(10):
            vm.qmp.add("e1000e", f"again{turn}", bus="port0")
            vm.wait_for(CARD, 30)
            vm.qmp.remove(f"again{turn}")
        scene.wait_idle(vm)
        self.assertEqual(len(scene.history(vm)), before)

    def test_indexes_are_what_the_systems_depmod_writes(self):
        self.vm.run("cp -a /lib/modules /tmp/m && mkdir -p /tmp/m/lib && mv /tmp/m/[0-9]* /tmp/x && "
                    "mkdir -p /tmp/m/lib/modules && mv /tmp/x /tmp/m/lib/modules/$(uname -r) && "
                    "depmod -b /tmp/m $(uname -r) && cd /lib/modules/$(uname -r) && for f in modules.*; do "
                    "cmp $f /tmp/m/lib/modules/$(uname -r)/$f || exit 1; done; rm -rf /tmp/m", 120)

    def test_an_admin_fetches_by_modprobe_and_the_kernel_only_what_is_listed(self):
        vm = self.vm
        scene.wait_idle(vm)
        before = len(scene.history(vm))

        def fetched():
            return [package["name"].split("-kmp-")[0] for run in done(vm, before) for package in run["packages"]]
        # options are passed on; an installed module has no install line any more
        vm.run("modprobe brd rd_nr=1 rd_size=4096 && [ $(cat /sys/block/ram0/size) = 8192 ] && [ ! -e /dev/ram1 ]", 60)
        vm.run("! grep -q 'install brd ' /run/modprobe.d/zz-modfetch.conf && modprobe -r brd && modprobe brd rd_nr=2 && "
               "[ -e /sys/block/ram1 ] && modprobe -r brd && modprobe brd rd_nr=1 rd_size=4096")
        self.assertEqual(fetched(), ["brd"])
        # with all it needs, and its softdep by another line of ours
        vm.run("modprobe xfs && lsmod | grep -q ^libcrc32c && lsmod | grep -q ^xfs && modprobe -r xfs && ! lsmod | grep -q ^xfs",
               60)
        self.assertIn("libcrc32c", fetched())
        # showing, removing, or requesting an unknown name fetches nothing
        known = len(scene.history(vm))
        self.assertIn("libexec/modfetch/modprobe", vm.run("modprobe -n -v hfsplus; modprobe --show-depends hfsplus"))
        vm.try_run("modprobe -r hfsplus; modprobe no-such-module-at-all")
        # the kernel asks: for a file system, for a congestion control by a module's very name, for a user's socket
        self.assertIn("unknown filesystem type", vm.try_run("mkfs.minix /dev/ram0 >&2; mount -t minix /dev/ram0 /mnt 2>&1")[1])
        self.assertNotEqual(vm.try_run("echo bbr >/proc/sys/net/ipv4/tcp_congestion_control")[0], 0)
        self.assertNotEqual(vm.try_run("setpriv --reuid=nobody --regid=nogroup --clear-groups -- "
                                       "perl -e 'socket(S, 38, 5, 0) or exit 1'")[0], 0)
        self.assertEqual(len(scene.history(vm)), known)
        self.assertEqual(vm.run("lsmod | grep -E '^(minix|tcp_bbr|af_alg) ' || :"), "")
        # but it fetches the names that the admin lists
        vm.run("printf '[modfetch]\\nkernel-requests=fs-* tcp_bbr\\n' >/etc/modfetch/modfetch.conf && "
               "{ modfetch -q refresh || [ $? = 2 ]; } && mount -t minix /dev/ram0 /mnt && echo works >/mnt/x && umount /mnt", 60)
        vm.run("echo bbr >/proc/sys/net/ipv4/tcp_congestion_control && rm /etc/modfetch/modfetch.conf", 60)
        self.assertEqual([name for name in fetched() if name in ("minix", "tcp_bbr", "af_alg")], ["minix", "tcp_bbr"])


class Trouble(unittest.TestCase):
    """With the small repository; each case boots the same image."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD))

    def plug_and_wait(self, vm, timeout=60):
        scene.plug_card(vm)
        vm.wait_for(CARD, timeout)

    def test_a_dead_network_delays_nothing_and_is_made_up_for(self):
        with self.scene.boot(wait=False, name="nonet", paused=True) as vm:
            vm.qmp.execute("set_link", name="nic", up=False)
            vm.qmp.execute("cont")
            vm.wait_ready()
            self.assertEqual(vm.wait_booted(), "running")
            self.assertNotIn("modfetch", vm.run("systemd-analyze critical-chain"))
            scene.plug_card(vm)
            waiting = vm.wait_for("systemctl show -P StatusText modfetch.service | grep 'entries wait'", 30)
            settle = int(vm.run("s=${EPOCHREALTIME/.}; udevadm settle; echo $(( ${EPOCHREALTIME/.} - s ))"))
            self.assertLess(settle, 2_000_000)
            self.assertEqual(vm.run("grep -l 10D3 /run/modfetch/queue/* | wc -l").strip(), "1")
            print(f"dead network: {waiting.strip()}")
            # until it has been dead for so long that the pauses have grown
            vm.wait_for("systemctl show -P StatusText modfetch.service | grep -E 'next try in ([4-9]|[1-9][0-9]+) s'", 60)
            before = time.monotonic()
            vm.qmp.execute("set_link", name="nic", up=True)
            vm.wait_for(CARD, 60)
            print(f"dead network: driver {time.monotonic() - before:.1f} s after the link came up")
            scene.wait_idle(vm)
            self.assertEqual(vm.run("ls -A /run/modfetch/queue"), "")

    def test_a_helper_waits_long_before_the_first_device(self):
        started = "journalctl -o cat -u 'modfetch-fetch@*' | grep -c '^Started' || :"
        with self.scene.boot(name="helper") as vm:
            scene.wait_idle(vm)
            vm.run("systemctl restart modfetch.service")
            before = int(vm.run(started))
            vm.wait_for("systemctl --quiet is-active 'modfetch-fetch@*'", 90)
            memory = vm.run("systemctl show -P MemoryCurrent 'modfetch-fetch@*' modfetch.service").split()
            print(f"waiting: helper and service {', '.join(f'{int(n) // 1024} kB' for n in memory)}")
            self.plug_and_wait(vm)
            # the waiting one did it; the next one is started when the work is done
            scene.wait_idle(vm)
            self.assertIn(int(vm.run(started)) - before, (1, 2))

    def test_a_server_killed_in_the_middle_is_asked_again(self):
        server = self.scene.server
        try:
            with self.scene.boot(name="noserver") as vm:
                scene.wait_idle(vm)
                server.restart(rate=30000)
                scene.plug_card(vm)
                vm.wait_for("systemctl show -P StatusText modfetch.service | grep -q '^Fetching'", 60)
                time.sleep(2)
                server.stop()
                vm.wait_for("systemctl show -P StatusText modfetch.service | grep -q 'entries wait'", 90)
                self.assertNotEqual(vm.try_run(CARD)[0], 0)
                server.restart()
                vm.wait_for(CARD, 90)
        finally:
            server.restart()


class PowerCut(unittest.TestCase):
    """With a separate image: the next boot finds the files of the previous one."""

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD))

    def test_a_guest_killed_in_the_middle_finishes_at_its_next_boot(self):
        """The power is cut twice: while packages are fetched, and while they are installed or indexed."""
        server = self.scene.server
        with self.scene.boot(name="power0", snapshot=False) as vm:
            scene.wait_idle(vm)
            vm.run("sync")
            server.restart(rate=30000)
            scene.plug_card(vm)
            vm.wait_for("systemctl show -P StatusText modfetch.service | grep -q '^Fetching'", 60)
            vm.kill()
        server.restart()
        card = [["-device", "e1000e,bus=port0,id=card,romfile="]]
        with self.scene.boot(name="power1", snapshot=False, devices=card, wait=False) as vm:
            vm.wait_for("ls /lib/modules/*/*/ -d; ls /lib/modules/$(uname -r)/kernel/drivers/net/ethernet/intel", 90)
            vm.kill()
        with self.scene.boot(name="power2", snapshot=False, devices=card) as vm:
            # a power cut in the very moment of the load counts as the driver's fault
            vm.run("! modfetch status | grep -q 'BROUGHT THE MACHINE DOWN' || modfetch probe e1000e", 60)
            vm.wait_for(CARD, 90)
            scene.wait_idle(vm)
            vm.run("rpm --dbpath $(rpm -E %_dbpath) -qa >/dev/null; modfetch status >/dev/null")
            vm.run("rm -rf /tmp/m; mkdir -p /tmp/m/lib/modules && cp -a /lib/modules/$(uname -r) /tmp/m/lib/modules && "
                   "depmod -b /tmp/m $(uname -r) && cmp /lib/modules/$(uname -r)/modules.dep.bin "
                   "/tmp/m/lib/modules/$(uname -r)/modules.dep.bin", 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
