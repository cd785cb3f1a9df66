#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Equality: a machine with many devices, booted once with the kernel's whole module tree and once with a minimal tree,
modfetch and a repository of that kernel, ends with the same modules loaded and the same drivers bound. Known differences are
listed below with their reasons; any other difference fails."""

import os
import re
import unittest

import guest
import image
import scene

BUILD = os.environ["MODFETCH_BUILD"]

# There is no TPM: Debian's kernel has the drivers of all of QEMU's TPMs built in, so there is nothing to compare.
DEVICES = """
-device e1000e,bus=port0 -device vmxnet3,bus=port1 -device rtl8139,bus=port2 -device nvme,bus=port3,drive=nvme,serial=x
-device qemu-xhci,id=xhci,bus=port4,p2=8 -device usb-storage,bus=xhci.0,drive=stick -device usb-tablet,bus=xhci.0
-device usb-audio,bus=xhci.0,audiodev=sound -device usb-net,bus=xhci.0,netdev=usblan -netdev user,id=usblan
-chardev null,id=n0 -chardev null,id=n1 -device usb-serial,bus=xhci.0,chardev=n0
-device usb-hub,bus=xhci.0,port=8 -device usb-hub,bus=xhci.0,port=8.1 -device usb-kbd,bus=xhci.0,port=8.1.1
-device usb-hub,bus=xhci.0,port=8.1.2 -device usb-wacom-tablet,bus=xhci.0,port=8.1.2.1
-device usb-uas,id=uas,bus=xhci.0 -device scsi-hd,bus=uas.0,drive=zero0
-device ich9-intel-hda,id=hda,bus=port5 -device hda-duplex,bus=hda.0,audiodev=sound
-device megasas,bus=port6 -device lsi53c895a,bus=port7 -device pvscsi,bus=port8 -device sdhci-pci,bus=port9 -device sd-card,drive=card
-blockdev driver=null-co,node-name=card,size=67108864,read-zeroes=on
-blockdev driver=null-co,node-name=zero0,size=67108864,read-zeroes=on
-device i6300esb,bus=port10 -device pci-serial,bus=port11,chardev=n1
-device virtio-rng-pci -device virtio-balloon-pci -device virtio-serial-pci -device virtio-scsi-pci
-device virtio-keyboard-pci -device virtio-gpu-pci -device pci-bridge,id=old,chassis_nr=40
-device ES1370,audiodev=sound,bus=old,addr=1 -device AC97,audiodev=sound,bus=old,addr=2 -device pci-ohci,bus=old,addr=3
-object cryptodev-backend-builtin,id=cipher -device virtio-crypto-pci,cryptodev=cipher
-fsdev local,id=share,path=/usr/share,security_model=none,readonly=on -device virtio-9p-pci,fsdev=share,mount_tag=share
-device ich9-usb-ehci1,id=ehci -device ich9-usb-uhci1,masterbus=ehci.0,firstport=0
-device mptsas1068,bus=old,addr=4 -device ide-cd,bus=ide.0 -device bochs-display
-device pvpanic-pci -device ipmi-bmc-sim,id=bmc -device isa-ipmi-kcs,bmc=bmc
-device vmgenid -device edu
""".split()

# The SMBus of the board has the EEPROM of a memory module, but cannot enumerate it: it is announced to the kernel by hand.
I2C = """
bus=$(grep -l "SMBus I801" /sys/bus/i2c/devices/i2c-*/name) && cd "${bus%/name}" && echo spd 0x50 >new_device
"""

# Modules for the root disk and a network: modfetch has to install everything else.
SMALLEST = [*image.BOOT, "virtio_net"]

# Loaded only from the whole tree: the requester, and the reason why modfetch does not install it.
BY_SOCKET = ("systemd-networkd asks generic netlink for nl80211, and the kernel calls modprobe; any user can provoke that, so "
             "it fetches nothing. A machine with a wireless card gets it as a dependency of the card's driver")
EXPLAINED = {
    "cfg80211": BY_SOCKET, "rfkill": BY_SOCKET + " (cfg80211 needs it)",
}

# The modules that systemd requests by name during the boot of this machine.
BY_NAME = {"autofs4", "binfmt_misc", "configfs", "dm_mod", "drm", "fuse", "ip_tables", "loop", "x_tables"}

# Two drivers match QEMU's USB network adapter, and on any tree the one that is loaded first is bound to it.
RACING = ("cdc_ether", "cdc_subset")

LOADED = "lsmod | awk 'NR > 1 { print $1 }'"
BOUND = "find /sys/bus/*/devices/*/driver -maxdepth 0 -printf '%p %l\\n'"


# "usb2 /sys/devices/pci0000:00/0000:00:05.0/0000:06:00.0/usb2": which controller a bus belongs to
BUSES = "for b in /sys/bus/usb/devices/usb*; do echo ${b##*/} $(readlink -f $b); done"


def usb_buses(vm):
    """The number of each USB bus → its controller, and its number on this controller: buses are numbered in order of appearance."""
    buses = [line.split() for line in vm.run(BUSES, 60).splitlines()]
    buses.sort(key=lambda bus: int(bus[0].removeprefix("usb")))
    names, of_controller = {}, {}
    for bus, path in buses:
        controller = path.split("/")[-2]
        of_controller[controller] = of_controller.get(controller, 0) + 1
        names[bus.removeprefix("usb")] = f"{controller}:{of_controller[controller]}"
    return names


def look(vm):
    """The loaded modules and the bound drivers, when nothing changes any more."""
    vm.wait_for("[ -e /sys/bus/pci/drivers/i801_smbus ]", 180)
    vm.run(I2C)
    scene.wait_idle(vm, 600)
    vm.wait_for("a=$(" + LOADED + " | sort); sleep 4; udevadm settle; [ \"$a\" = \"$(" + LOADED + " | sort)\" ]", 180)
    bound = [f"{path.removeprefix('/sys/bus/').removesuffix('/driver')} {link.rsplit('/', 1)[-1]}"
             for path, link in (line.split(" ", 1) for line in vm.run(BOUND, 180).splitlines())
             if not link.endswith(RACING)]
    # sound cards, SCSI hosts, USB buses and HID devices are numbered in order of appearance
    buses = usb_buses(vm)
    bound = [re.sub(r"(?<=usb/devices/)(usb)?(\d+)(?=[- ])", lambda m: f"{m[1] or ''}{buses[m[2]]}", line) for line in bound]
    return set(vm.run(LOADED, 180).split()), {re.sub(r"hdaudioC\d|(?<=scsi/devices/)\d+", "#", numbered(line)) for line in bound}


def numbered(line):
    """A HID device without its number: "hid/devices/0003:0627:0001.0003"."""
    return re.sub(r"(?<=hid/devices/)([0-9A-F]{4}:[0-9A-F]{4}:[0-9A-F]{4})\.[0-9A-F]{4}", r"\1", line)


def done(vm):
    """The runs that installed something, also those of earlier boots."""
    return [run for run in scene.history(vm) if run["outcome"] == "done" and run["packages"]]


class Equality(unittest.TestCase):
    def whole(self, kernel, stage):
        """Boots with the whole tree, in a separate directory."""
        with guest.Workdir() as directory:
            image.build(directory, kernel, None, size="1800M")
            for name in ("stick", "nvme"):
                os.link(stage.directory / f"{name}.img", directory / f"{name}.img")
            small, stage.directory = stage.directory, directory
            with stage.boot(devices=[DEVICES], memory=2048, name="whole") as vm:
                stage.directory = small
                return look(vm)

    def compare(self, whole, ours, journal):
        for what, one, other in (("modules, whole tree only", whole[0] - set(EXPLAINED), ours[0]),
                                 ("modules, modfetch only", ours[0], whole[0]),
                                 ("bound, whole tree only", whole[1], ours[1]),
                                 ("bound, modfetch only", ours[1], whole[1])):
            with self.subTest(what):
                self.assertEqual(sorted(one - other), [], journal)

    def boot_again(self, stage, runs):
        """The same disk, without the devices: systemd finds the modules that it requests by name."""
        with stage.boot(name="again") as vm:
            scene.wait_idle(vm, 600)
            self.assertLessEqual(BY_NAME, set(vm.run(LOADED, 60).split()))
            self.assertEqual(vm.run("journalctl -b --no-pager | grep 'Failed to find module' || :", 60), "")
            vm.run("findmnt -t configfs /sys/kernel/config && findmnt /sys/fs/fuse/connections", 60)
            self.assertEqual(done(vm)[len(runs):], [])

    def test_coldplug_ends_where_the_whole_tree_does(self):
        with scene.Scene(BUILD, kind="full", modules=SMALLEST) as stage:
            whole = self.whole(stage.kernel, stage)
            with stage.boot(devices=[DEVICES], memory=2048, name="minimal", snapshot=False) as vm:
                scene.wait_idle(vm, 600)
                ours = look(vm)
                runs = done(vm)
                journal = vm.run("journalctl -b --no-pager -t modfetch -p warning | tail -30")
                vm.run("sync", 60)
            print(f"modules: {len(whole[0])} with the whole tree, {len(ours[0])} with modfetch; "
                  f"bound: {len(whole[1])} and {len(ours[1])}; transactions: {len(runs)}, "
                  f"packages: {sum(len(run['packages']) for run in runs)}")
            for name in sorted((whole[0] - ours[0]) & set(EXPLAINED)):
                print(f"  only with the whole tree: {name}: {EXPLAINED[name]}")
            self.compare(whole, ours, journal)
            self.boot_again(stage, runs)


if __name__ == "__main__":
    unittest.main(verbosity=2)
