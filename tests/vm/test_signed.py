#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A driver signed by the machine's own key, on a PC with Secure Boot: refused, enrolled as our messages say, and loaded.

Nothing stands in for shim: mokutil asks in the guest, MokManager asks at the next boot, and keys are pressed as a person would.
With MODFETCH_TEST_ALL=1 the guest runs: it boots three times through EFI, which takes minutes.
"""

import json
import os
import subprocess
import sys
import unittest

import efi
import guest
import image

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("skipped: three boots through EFI take minutes; MODFETCH_TEST_ALL=1 runs it")
    sys.exit(77)  # for meson

BUILD = os.environ["MODFETCH_BUILD"]
PASSWORD = "secret123"
CERTIFICATE = "/etc/modfetch/keys/build.der"
# what MokManager shows, and the keys that choose what our guidance names
DIALOG = [
    ("Press any key to perform MOK management", ["ret"], None),
    ("Enroll MOK", ["down", "ret"], "Enroll MOK"),
    ("View key 0", ["down", "ret"], "Continue"),
    ("Enroll the key(s)?", ["down", "ret"], "Yes"),
    ("Password:", [*PASSWORD, "ret"], "password"),
    ("Reboot", ["ret"], "Reboot"),
]


class Signed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kernel = image.Kernel()
        cls.directory = cls.enterClassContext(guest.Workdir())
        release = cls.kernel.release
        image.build(cls.directory, cls.kernel, [*image.MINIMAL, "efivarfs"], build_dir=BUILD, packages=["mokutil"], prepare=cls.sign_dummy,
                    files=[(f"boot/config-{release}", 0o644, cls.kernel.root / f"boot/config-{release}")])
        cls.firmware = efi.build(cls.directory, cls.kernel, "module.sig_enforce=1")

    @classmethod
    def sign_dummy(cls, root):
        """Signs a module that is in no other way in the guest, in place of Debian's signature."""
        updates = root / "usr/lib/modules" / cls.kernel.release / "updates"
        updates.mkdir()
        subprocess.run([f"{BUILD}/tests/sign-driver", root, cls.kernel.release, cls.kernel.tree / cls.kernel.paths["dummy"],
                        updates / "dummy.ko"], check=True)
        image.run("depmod", "-b", root, cls.kernel.release)

    def boot(self, name):
        return guest.Guest(self.directory, self.kernel, firmware=self.firmware, name=name, snapshot=False)

    def build_key(self, vm):
        return json.loads(vm.run("modfetch --json status", 120))["build_key"]

    def diagnosis(self, vm):
        checks = json.loads(vm.try_run("modfetch --json doctor --offline", 120)[1])["checks"]
        return next((check["state"], check["text"], check["remedy"]) for check in checks if check["check"] == "build-key")

    def restart(self, vm):
        vm.try_run("systemctl --no-block reboot")
        vm.process.wait(240)  # QEMU ends where the machine would start again

    def refused_and_imported(self):
        with self.boot("first") as vm:
            vm.wait_ready(600)
            vm.wait_booted(600)
            self.assertIn("enabled", vm.run("mokutil --sb-state"))
            # the kernel's message and ours
            status, text = vm.try_run("modfetch probe dummy 2>&1", 120)
            self.assertEqual(status, 1, text)
            self.assertIn("Key was rejected by service", text)
            self.assertIn("modfetch doctor says what to do", text)
            self.assertIn("Loading of module with unavailable key is rejected", vm.run("dmesg"))
            vm.run("! test -d /sys/module/dummy")
            state, text, remedy = self.diagnosis(vm)
            self.assertEqual(state, "failed")
            self.assertIn("does not know the key that signs the drivers built here, so it refuses them", text)
            self.assertIn(f"mokutil --import {CERTIFICATE}", remedy)
            words = [word for _, _, word in DIALOG if word]
            places = [remedy.index(word, remedy.index("then choose") if word != "password" else remedy.index("type the")) for word in words]
            self.assertEqual(places, sorted(places), remedy)
            self.assertEqual(self.build_key(vm)["state"], "unknown")
            vm.run(f"printf '{PASSWORD}\\n{PASSWORD}\\n' | mokutil --import {CERTIFICATE}")
            self.assertIn("modfetch build key of guest", vm.run("mokutil --list-new"))
            self.assertEqual(self.build_key(vm)["state"], "waits")
            self.assertIn("waits for a reboot", vm.run("modfetch status", 120))
            self.restart(vm)

    def confirmed(self):
        with self.boot("confirm") as vm:
            for shown, keys, _ in DIALOG:
                vm.wait_console(shown, 300)
                for key in keys:
                    vm.press(key)
            vm.process.wait(240)

    def loaded(self):
        with self.boot("last") as vm:
            vm.wait_ready(600)
            self.assertEqual(self.build_key(vm)["state"], "known")
            self.assertEqual(self.diagnosis(vm)[0::2], ("ok", None))
            vm.run("modfetch probe dummy && test -d /sys/module/dummy", 120)
            # neither forced nor without a signature: the kernel has marked it as out of its tree at most
            self.assertNotIn("E", vm.run("cat /sys/module/dummy/taint").strip())
            self.assertIn("modfetch build key of guest", vm.run("modinfo -F signer dummy"))
            # a byte later it is refused again
            vm.run("rmmod dummy && cp /lib/modules/$(uname -r)/updates/dummy.ko /tmp/bad.ko && "
                   "printf x | dd of=/tmp/bad.ko bs=1 seek=2000 conv=notrunc status=none && ! insmod /tmp/bad.ko")

    def test_refused_then_enrolled_as_we_say_then_loaded(self):
        self.refused_and_imported()
        self.confirmed()
        self.loaded()


if __name__ == "__main__":
    unittest.main()
