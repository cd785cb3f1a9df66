#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vendor's package whose scriptlets make an initrd and keep a state, installed by the service for a device: under the confinement of its unit,
with the drop-in of examples/ and without it."""

import os
import subprocess
import sys
import unittest

import scene

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import root as r  # noqa: E402

BUILD = os.environ["MODFETCH_BUILD"]
# The device of QEMU that each driver is for.
DRIVERS = {"e1000e": "e1000e", "vmxnet3": "vmxnet3", "e1000": "e1000"}
# As weak-modules and dracut do: temporary files, a lock, a state, and a file that takes the place of another.
TOOL = """#!/bin/sh
set -e
read -r module
depmod "$(uname -r)"
work=$(mktemp -d /var/tmp/dracut.XXXXXX)
echo "$module" >"$work/list"
: >/run/dracut.lock
mkdir -p /var/lib/rpm-state/kmod-dups
cp "$work/list" /var/lib/rpm-state/kmod-dups/modules
cp "$work/list" "/boot/initramfs-$(uname -r).tmp"
mv "/boot/initramfs-$(uname -r).tmp" "/boot/initramfs-$(uname -r).img"
rm -r "$work"
"""


def repository(directory, kernel):
    """A package for each driver; that of vmxnet3 has a scriptlet that fails after its work."""
    where = directory / "vendor"
    where.mkdir()
    for driver in DRIVERS:
        path = kernel.tree / kernel.paths[driver]
        aliases = subprocess.run(["modinfo", "-F", "alias", path], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        target = f"/lib/modules/{kernel.release}/extra/{driver}.ko"
        post = f"%post\necho {target} | /usr/sbin/weak-modules" + ("\necho no space for it >&2\nexit 3" if driver == "vmxnet3" else "")
        r.rpmbuild(str(where), f"kmod-{driver}", [f"Provides: kmod({driver}.ko)", *(f"Provides: modalias({alias}) = 1" for alias in aliases),
                                                  "Requires(post): /usr/sbin/weak-modules", post], [(target, path.read_bytes())])
    r.createrepo(str(where))
    return where


def prepare(_, root):
    (root / "var/lib/rpm-state").mkdir(parents=True, exist_ok=True)
    (root / "boot").mkdir(exist_ok=True)


class Scriptlets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(r.HERE, "..", "examples/vendor-packages.conf"), encoding="utf-8") as f:
            drop_in = f.read()
        cls.scene = cls.enterClassContext(scene.Scene(
            BUILD, kind=repository, repo="scriptlets=1\n", prepare=prepare,
            files=[("usr/sbin/weak-modules", 0o755, TOOL),
                   *((f"etc/systemd/system/{unit}.service.d/vendor-packages.conf", 0o644, drop_in) for unit in ("modfetch", "modfetch-coldplug"))]))
        cls.vm = cls.scene.boot()
        scene.wait_idle(cls.vm)

    def plug(self, driver):
        """The line of the history about a device that was plugged in."""
        before = len(scene.history(self.vm))
        self.vm.qmp.add(DRIVERS[driver], driver, bus=f"port{list(DRIVERS).index(driver)}", romfile="")
        self.vm.wait_for(f"ls -d /sys/bus/pci/drivers/{driver}/0000:* >/dev/null", 90)
        scene.wait_idle(self.vm)
        [run] = [run for run in scene.history(self.vm)[before:] if any(package["name"] == f"kmod-{driver}" for package in run.get("packages", []))]
        return run

    def test_they_work_as_by_hand_and_a_failure_is_reported(self):
        vm = self.vm
        self.assertEqual(self.plug("e1000e")["outcome"], "done")
        made = "cat /boot/initramfs-$(uname -r).img /var/lib/rpm-state/kmod-dups/modules; ls /run/dracut.lock; ls /var/tmp | grep -c dracut || :"
        path = f"/lib/modules/{self.scene.kernel.release}/extra/e1000e.ko"
        self.assertEqual(vm.run(made).split(), [path, path, "/run/dracut.lock", "0"])

        run = self.plug("vmxnet3")
        self.assertEqual((run["outcome"], run["error"]["code"]), ("failed", "SCRIPTLET-FAILED"))
        self.assertRegex(run["error"]["why"], r"%post failed: exit status 3; it printed: .*no space for it")
        self.assertIn("vmxnet3.ko", vm.run("cat /boot/initramfs-$(uname -r).img"))
        self.assertRegex(vm.run("journalctl -o cat -u modfetch.service"), r"kmod-vmxnet3.*\[SCRIPTLET-FAILED\]")
        # the service works on, and a repeat does not run it again
        self.assertEqual(vm.run("systemctl is-active modfetch.service").strip(), "active")
        self.assertEqual(vm.try_run("modfetch --detailed-exit --no-load install vmxnet3")[0], 2)

        # without the drop-in the unit may not write there: the driver works, and the line says what failed
        vm.run("rm -r /etc/systemd/system/modfetch*.service.d && systemctl daemon-reload && systemctl restart modfetch.service")
        scene.wait_idle(vm)
        run = self.plug("e1000")
        self.assertEqual(run["error"]["code"], "SCRIPTLET-FAILED")
        self.assertRegex(run["error"]["why"], r"it printed: .*Read-only file system")
        self.assertNotIn("e1000.ko", vm.run("cat /boot/initramfs-$(uname -r).img"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
