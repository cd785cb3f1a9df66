#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A list there and back: a machine with many devices and no network says what it lacks, another one fetches that to a stick, and the
stick brings the drivers of all devices without a word at the console or another download.

With MODFETCH_TEST_ALL=1 the guest runs. Without, it is skipped.
"""

import os
import pathlib
import subprocess
import sys
import unittest

import guest
import image
import scene
import test_equal
import test_media

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("skipped: a guest with many devices takes minutes; MODFETCH_TEST_ALL=1 runs it")
    sys.exit(77)  # skipped, for meson

BUILD = os.environ["MODFETCH_BUILD"]
# what reads a stick is on the disk; the driver of the network is not
MODULES = [*image.BOOT, "xhci_pci", "usb_storage", "uas", "sd_mod", "vfat", "nls_cp437", "nls_ascii"]
PATIENCE = 600  # seconds: a busy machine takes minutes


class Lists(unittest.TestCase):
    def test_twenty_devices_there_and_back(self):
        stage = self.enterContext(scene.Scene(BUILD, kind="full", modules=MODULES))
        vm = stage.boot(devices=[test_equal.DEVICES], memory=2048, wait=False)
        vm.wait_booted(600)
        vm.run("modprobe i801_smbus && exit 1; ! grep -qsx up /sys/class/net/*/operstate", 60)
        before = self.bound(vm)
        text = vm.run("modfetch want", 60)
        self.fetch(stage, text)
        vm.qmp.execute("blockdev-add", node_name="list", driver="file", filename=str(stage.directory / "list.img"), read_only=True, locking="off")
        vm.qmp.add("usb-storage", "carrier", bus="xhci.0", drive="list")
        try:
            vm.wait_for("journalctl -b -q -u 'modfetch-media@*' | grep -q 'drivers installed'", PATIENCE)
        except guest.GuestError as error:
            self.fail(f"{error}\n{vm.run('lsblk -o NAME,LABEL,FSTYPE; journalctl -b -q -o cat -t modfetch -t systemd | tail -40', 60)}")
        vm.wait_for("! systemctl list-units --no-legend 'modfetch-media@*' | grep -E 'running|activating|deactivating'", 300)
        runs = [run for run in scene.history(vm) if run["verb"] == "media" and run["outcome"] == "done"]
        brought = sum(len(run["packages"]) for run in runs)
        self.assertGreaterEqual(brought, 100)
        gained = self.bound(vm) - before
        print(f"{len(text.splitlines())} lines, {brought} packages in {len(runs)} runs, {len(gained)} devices have drivers: "
              + " ".join(sorted({driver for _, driver in gained})))
        self.assertGreaterEqual(len(gained), 20)
        # nothing is missing that the repository has: without a network this would fail
        vm.run("modfetch --detailed-exit --no-load coldplug; [ $? = 2 ]", 300)
        self.assertEqual(stage.server.log(), "")

    @staticmethod
    def bound(vm):
        return {tuple(line.split(" ", 1)) for line in vm.run(test_equal.BOUND, 180).splitlines()}

    @staticmethod
    def fetch(stage, text):
        """What the other machine does, which is this one: in an empty root, as an ordinary user."""
        keys = pathlib.Path(image.output(image.TESTS / "lib/keys"))
        work, tree, root = (stage.directory / name for name in ("list", "list.tree", "elsewhere"))
        root.mkdir()
        work.write_text(text)
        subprocess.run([next(pathlib.Path(BUILD).glob("src/**/modfetch")), "--root", root, "fetch-for", work, "--output", tree,
                        "--repo", f"file:{stage.packages}", "--key", keys / "repo.crt"], check=True,
                       env={**os.environ, "MODFETCH_LIBEXECDIR": str(pathlib.Path(BUILD) / "src/fetch/helper")})
        test_media.vfat(stage.directory / "list.img", tree, "MODFETCH")


if __name__ == "__main__":
    unittest.main(verbosity=2)
