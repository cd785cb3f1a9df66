#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Equality: a machine with many devices, booted once with the kernel's whole module tree and once with a minimal tree,
modfetch and a repository of that kernel, ends with the same modules loaded and the same drivers bound. What differs is
named below with its reason; anything else fails."""

import os
import re
import unittest

import guest
import image
import scene

BUILD = os.environ["MODFETCH_BUILD"]

DEVICES = """
-device e1000e,bus=port0 -device vmxnet3,bus=port1 -device rtl8139,bus=port2 -device nvme,bus=port3,drive=nvme,serial=x
-device qemu-xhci,id=xhci,bus=port4 -device usb-storage,bus=xhci.0,drive=stick -device usb-tablet,bus=xhci.0
-device usb-audio,bus=xhci.0,audiodev=sound -device usb-net,bus=xhci.0,netdev=usblan -netdev user,id=usblan
-chardev null,id=n0 -chardev null,id=n1 -device usb-serial,bus=xhci.0,chardev=n0
-device ich9-intel-hda,id=hda,bus=port5 -device hda-duplex,bus=hda.0,audiodev=sound
-device megasas,bus=port6 -device lsi53c895a,bus=port7 -device pvscsi,bus=port8 -device sdhci-pci,bus=port9 -device sd-card,drive=card
-blockdev driver=null-co,node-name=card,size=67108864,read-zeroes=on
-device i6300esb,bus=port10 -device pci-serial,bus=port11,chardev=n1
-device virtio-rng-pci -device virtio-balloon-pci -device virtio-serial-pci -device virtio-scsi-pci
-device virtio-keyboard-pci -device virtio-gpu-pci -device ES1370,audiodev=sound -device AC97,audiodev=sound
-device ich9-usb-ehci1,id=ehci -device pvpanic-pci -device ipmi-bmc-sim,id=bmc -device isa-ipmi-kcs,bmc=bmc
-device vmgenid -device edu
""".split()

# Loaded from the whole tree only, since no device asks for them: who does.
BY_NAME = "a unit of systemd asks modprobe for it by name (modprobe@.service), no device does"
BY_SOCKET = "the kernel asks for it by name when a program opens a socket, which fetches nothing by policy"
EXPLAINED = {
    "configfs": BY_NAME, "dm_mod": BY_NAME, "fuse": BY_NAME, "loop": BY_NAME,
    "cfg80211": BY_SOCKET, "rfkill": BY_SOCKET + " (cfg80211 needs it)",
    "ip_tables": BY_SOCKET, "x_tables": BY_SOCKET + " (ip_tables needs it)",
}

# Two drivers match QEMU's USB network stick, and on any tree the one that is loaded first takes it.
RACING = ("cdc_ether", "cdc_subset")

LOADED = "lsmod | awk 'NR > 1 { print $1 }'"
BOUND = "find /sys/bus/*/devices/*/driver -maxdepth 0 -printf '%p %l\\n'"


# "usb2 /sys/devices/pci0000:00/0000:00:05.0/0000:06:00.0/usb2": which controller a bus belongs to
BUSES = "for b in /sys/bus/usb/devices/usb*; do echo ${b##*/} $(readlink -f $b); done"


def usb_buses(vm):
    """The number of each USB bus → its controller, and which of that one's buses it is: they are numbered as they come."""
    buses = [line.split() for line in vm.run(BUSES, 60).splitlines()]
    buses.sort(key=lambda bus: int(bus[0].removeprefix("usb")))
    names, of_controller = {}, {}
    for bus, path in buses:
        controller = path.split("/")[-2]
        of_controller[controller] = of_controller.get(controller, 0) + 1
        names[bus.removeprefix("usb")] = f"{controller}:{of_controller[controller]}"
    return names


def look(vm):
    """The modules loaded and the drivers bound, once nothing changes any more."""
    vm.wait_for("a=$(" + LOADED + " | sort); sleep 4; udevadm settle; [ \"$a\" = \"$(" + LOADED + " | sort)\" ]", 180)
    bound = [f"{path.removeprefix('/sys/bus/').removesuffix('/driver')} {link.rsplit('/', 1)[-1]}"
             for path, link in (line.split(" ", 1) for line in vm.run(BOUND, 180).splitlines())
             if not link.endswith(RACING)]
    # sound cards and SCSI hosts are numbered in the order they come, and so are USB buses
    buses = usb_buses(vm)
    bound = [re.sub(r"(?<=usb/devices/)(usb)?(\d+)(?=[- ])", lambda m: f"{m[1] or ''}{buses[m[2]]}", line) for line in bound]
    return set(vm.run(LOADED, 180).split()), {re.sub(r"hdaudioC\d|(?<=scsi/devices/)\d+", "#", line) for line in bound}


class Equality(unittest.TestCase):
    def test_coldplug_ends_where_the_whole_tree_does(self):
        with guest.Workdir() as folder, scene.Scene(BUILD, kind="full") as stage:
            kernel = stage.kernel
            image.build(folder, kernel, None, size="1800M")
            for name in ("stick", "nvme"):
                os.link(stage.folder / f"{name}.img", folder / f"{name}.img")
            small, stage.folder = stage.folder, folder
            with stage.boot(devices=[DEVICES], memory=2048, name="whole") as vm:
                whole, whole_bound = look(vm)
            stage.folder = small
            with stage.boot(devices=[DEVICES], memory=2048, name="minimal") as vm:
                scene.wait_idle(vm, 300)
                ours, our_bound = look(vm)
                runs = [run for run in scene.history(vm) if run["outcome"] == "done"]
                journal = vm.run("journalctl -b --no-pager -t modfetch -p warning | tail -30")
        print(f"modules: {len(whole)} with the whole tree, {len(ours)} with modfetch; "
              f"bound: {len(whole_bound)} and {len(our_bound)}; transactions: {len(runs)}, "
              f"packages: {sum(len(run['packages']) for run in runs)}")
        for name in sorted((whole - ours) & set(EXPLAINED)):
            print(f"  only with the whole tree: {name}: {EXPLAINED[name]}")
        for what, one, other in (("modules, whole tree only", whole - set(EXPLAINED), ours),
                                 ("modules, modfetch only", ours, whole),
                                 ("bound, whole tree only", whole_bound, our_bound),
                                 ("bound, modfetch only", our_bound, whole_bound)):
            with self.subTest(what):
                self.assertEqual(sorted(one - other), [], journal)


if __name__ == "__main__":
    unittest.main(verbosity=2)
