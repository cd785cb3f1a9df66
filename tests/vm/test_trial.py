#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P36: a driver in versions, good and bad ones: whatever an update brings, the device works again after at most one reboot,
without network."""

import os
import pathlib
import shutil
import time
import unittest

import broken
import image
import scene

BUILD = os.environ["MODFETCH_BUILD"]
CARD = ["-device", "e1000e,bus=port0,id=card,romfile="]
BOUND = "ls -d /sys/bus/pci/drivers/e1000e/0000:* >/dev/null 2>&1"
UNITS = scene.UNITS + ["modfetch-trials-begin.service", "modfetch-trials-judge.service"]
# version of the package: what is wrong with its e1000e
VERSIONS = {"1.0": None, "1.1": broken.unsigned,
            "1.2": lambda data: broken.replace_begin(data, "e1000_probe", broken.RETURN_EIO),
            "1.3": lambda data: broken.replace_begin(data, "e1000_probe", broken.RETURN_EIO) + b"\0",
            "1.4": lambda data: broken.replace_begin(data, "init_module", broken.INVALID)}


class Versions:
    """Packages of the card's driver and what it needs, in several versions; a repository has some of them."""

    def __init__(self, directory, kernel):
        self.built = directory / "versions"
        self.served = directory / "repository"
        self.keys = pathlib.Path(image.output(image.TESTS / "lib/keys"))
        self.built.mkdir()
        self.served.mkdir()
        for version, change in VERSIONS.items():
            self.build(directory / f"tree-{version}", kernel, version, change)
        self.publish("1.0")

    def build(self, tree, kernel, version, change):
        image.run("cp", "-al", kernel.root, tree)
        modules = tree / "lib/modules" / kernel.release
        module = modules / kernel.paths["e1000e"]
        data = module.read_bytes()
        if change:
            module.unlink()  # a link to the cache
            module.write_bytes(change(data))
        image.run(next(pathlib.Path(BUILD).glob("src/**/modfetch")), "-q", "pack", "--output", self.built / version,
                  "--version", version, "--release", "1", "--only", "e1000e", modules)
        shutil.rmtree(tree)

    def publish(self, version):
        """The repository has this version of e1000e, and the first one of what it needs."""
        for old in self.served.glob("**/*.rpm"):
            old.unlink()
        for path in list((self.built / "1.0").glob("**/*.rpm")) + list((self.built / version).glob("**/e1000e-kmp-*.rpm")):
            if not path.name.startswith("e1000e-") or version in path.name:
                shutil.copy(path, self.served)
        image.quietly("createrepo_c", "-q", "--no-database", "--simple-md-filenames", self.served)
        repomd = self.served / "repodata/repomd.xml"
        image.quietly("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-nosmimecap", "-signer",
                      self.keys / "repo.crt", "-inkey", self.keys / "repo.key", "-in", repomd, "-out", f"{repomd}.p7s")


class Trial(unittest.TestCase):
    def make(self, directory, kernel):
        self.versions = Versions(directory, kernel)
        return self.versions.served

    def boot(self, name, **kwargs):
        return self.scene.boot(name=name, snapshot=False, cmdline="oops=panic", devices=[CARD], **kwargs)

    def installed(self, vm):
        return vm.run("modfetch list --installed | sed -n 's/^e1000e-kmp-[^ ]*  \\([^-]*\\)-.*/\\1/p'").strip()

    def is_at(self, vm, version):
        vm.wait_for(BOUND, 60)
        self.assertEqual(self.installed(vm), version)

    def update(self, vm, version, *options, status=0):
        self.versions.publish(version)
        vm.run("modfetch -q refresh", 60)
        code, text = vm.try_run(f"modfetch update {' '.join(options)} 2>&1", 120)
        self.assertEqual(code, status, text)
        return text

    def shut_down(self, vm):
        vm.run("sync; systemctl --no-block poweroff")
        vm.process.wait(120)

    def dies(self, vm):
        deadline = time.monotonic() + 120
        while vm.process.poll() is None:
            self.assertLess(time.monotonic(), deadline, "the guest is still alive")
            time.sleep(0.1)
        self.assertIn("Kernel panic", vm.console.read_text(errors="replace"))

    def test_good_and_bad_versions(self):
        self.scene = self.enterContext(scene.Scene(BUILD, kind=self.make, enable=UNITS))
        with self.boot("boot1") as vm:
            scene.wait_idle(vm)
            self.is_at(vm, "1.0")
            self.good_now(vm)
            self.bad_now(vm)
            self.bad_later(vm)
        with self.boot("boot2") as vm:
            self.taken_back_after_boot(vm)
            self.deadly(vm)
        with self.boot("boot3", wait=False) as vm:
            self.dies(vm)
        with self.boot("boot4") as vm:
            self.taken_back_after_crash(vm)

    def good_now(self, vm):
        self.assertIn("works", self.update(vm, "1.1", "--reload"))
        self.is_at(vm, "1.1")
        self.assertEqual(vm.run("modfetch trials").strip(), "")

    def bad_now(self, vm):
        text = self.update(vm, "1.2", "--reload", status=1)
        self.assertIn("has no driver with it; the version before is back", text)
        self.is_at(vm, "1.1")
        # it is not offered again
        for _ in range(3):
            vm.run("modfetch -q refresh --force; modfetch --detailed-exit update; [ $? = 2 ]", 120)
        self.is_at(vm, "1.1")

    def bad_later(self, vm):
        self.assertIn("until the next boot", self.update(vm, "1.3"))
        vm.run(BOUND)
        self.assertEqual(self.installed(vm), "1.3")
        self.scene.server.stop()
        self.shut_down(vm)

    def taken_back_after_boot(self, vm):
        vm.wait_for("! [ -e /etc/modprobe.d/modfetch-trials ]", 120)
        self.is_at(vm, "1.1")
        self.assertRegex(vm.run("modfetch trials"), r"e1000e-kmp 1\.3-1  taken back: the device /sys/\S+ has no driver with it")
        self.scene.server.start()

    def deadly(self, vm):
        self.update(vm, "1.4")
        self.assertEqual(self.installed(vm), "1.4")
        self.scene.server.stop()
        self.shut_down(vm)

    def taken_back_after_crash(self, vm):
        vm.wait_for("! [ -e /etc/modprobe.d/modfetch-trials ]", 120)
        self.is_at(vm, "1.1")
        self.assertRegex(vm.run("modfetch trials"), r"e1000e-kmp 1\.4-1  taken back: the machine went down with it")
        vm.run("[ ! -e /run/modprobe.d/modfetch-trials.conf ]")
        verbs = [(h["verb"], h["outcome"]) for h in scene.history(vm)]
        self.assertEqual([v for v in verbs if v[0] in ("update", "take-back")],
                         [("update", "done"), ("update", "done"), ("take-back", "done"), ("update", "done"), ("take-back", "done"),
                          ("update", "done"), ("take-back", "done")])
        self.assertEqual(vm.run("modfetch history | grep -c '  because the '").strip(), "3")
        print("\n" + vm.run("modfetch history | grep -v '  unknown$'; modfetch trials"), flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
