#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P22: a real driver that panics as soon as it is loaded, and the boots after that."""

import os
import pathlib
import time
import unittest

import broken
import image
import scene

BUILD = os.environ["MODFETCH_BUILD"]
CARD = ["-device", "e1000e,bus=port0,id=card,romfile="]
RECORD = "/etc/modprobe.d/modfetch-loading.conf"


def repository(directory, kernel):
    """A signed repository with a broken driver for the card."""
    image.run("cp", "-al", kernel.root, directory / "bad")
    tree = directory / "bad/lib/modules" / kernel.release
    module = tree / kernel.paths["e1000e"]
    data = module.read_bytes()
    module.unlink()  # a link to the cache
    module.write_bytes(broken.replace_begin(data, "init_module", broken.INVALID))
    keys = pathlib.Path(image.output(image.TESTS / "lib/keys"))
    image.run(next(pathlib.Path(BUILD).glob("src/**/modfetch")), "-q", "pack", "--output", directory / "repository", "--sign",
              keys / "repo.key", "--cert", keys / "repo.crt", "--only", "e1000e", tree)
    return directory / "repository"


class Guests(unittest.TestCase):
    FILES = ()

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(scene.Scene(BUILD, kind=repository, files=cls.FILES))

    def boot(self, name, **kwargs):
        return self.scene.boot(name=name, snapshot=False, cmdline="oops=panic", **kwargs)

    def dies(self, vm):
        deadline = time.monotonic() + 90
        while vm.process.poll() is None:
            self.assertLess(time.monotonic(), deadline, "the guest is still alive")
            time.sleep(0.1)
        self.assertIn("Kernel panic", vm.console.read_text(errors="replace"))


class Crash(Guests):
    # a driver with a softdep is loaded when it is installed
    FILES = [("etc/modprobe.d/test.conf", 0o644, "softdep e1000e pre: loop\n")]

    def test_a_driver_that_panics_is_tried_once_and_not_at_the_next_boots(self):
        with self.boot("boot1") as vm:
            scene.wait_idle(vm)
            scene.plug_card(vm)
            self.dies(vm)
        for name in ("boot2", "boot3"):
            with self.boot(name, devices=[CARD], wait=False) as vm:
                vm.wait_for("systemctl is-active basic.target", 90)
                scene.wait_idle(vm)
                # it is on disk and its device is there, but neither udev nor modfetch loads it
                vm.run("modinfo e1000e >/dev/null && grep -qs 0x10d3 /sys/bus/pci/devices/*/device")
                vm.run("udevadm trigger --action=add --subsystem-match=pci --settle; modfetch -q --unattended coldplug; "
                       "! grep -q '^e1000e ' /proc/modules", 60)
                vm.run("journalctl -b --no-pager | grep 'e1000e: .*\\[CRASHED\\]'")
                self.assertRegex(vm.run("modfetch status"), r"(?m)^e1000e BROUGHT THE MACHINE DOWN .*/0000:")
                if name == "boot3":
                    # the control: without the record udev loads it, and the machine panics; udev checks for new
                    # configuration every three seconds at most
                    vm.run(f"rm {RECORD}; (while sleep 4; do udevadm trigger --action=add --subsystem-match=pci; done) "
                           ">/dev/null 2>&1 & disown")
                    self.dies(vm)


if __name__ == "__main__":
    unittest.main(verbosity=2)
