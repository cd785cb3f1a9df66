#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernel packages of Debian on a machine whose drivers come from a repository: apt installs and purges them with their own
scripts, and modfetch's hooks run among those of initramfs-tools. No guest: a chroot, as in an image build.

The old kernel has 35 drivers: 30 of devices of a real machine, and five that were asked for by name. The kernels are Debian's
packages without their modules; their symbol versions differ, so a driver of one does not fit the other.

With MODFETCH_TEST_ALL=1 the chroot is made. Without, it is skipped."""

import collections
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

import debian
import guest
import image
import server
import root as roots
from image import output, put

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    sys.exit(77)  # skipped, for meson

BUILD = os.environ["MODFETCH_BUILD"]
MACHINE = image.TESTS / "resolve/machines/lenovo-yoga-tigerlake"
NAMES = ["xfs", "btrfs", "wireguard", "dm_crypt", "nfs"]
DEVICES = 30
POINTS = 10  # at which a hook is killed

# A hook between modfetch's and those of the initrd generators: what is there before the initrd is made?
SPY = """#!/bin/sh
find /lib/modules/$1 -name '*.ko*' >/var/log/before-initrd
[ ! -e /boot/initrd.img-$1 ] || echo late >>/var/log/before-initrd
"""
RPM = "rpm --dbpath /var/lib/rpm"
INSTALLED = f"{RPM} -qa --qf '%{{NAME}}\\n'"


def choose_devices(kernel):
    """Modaliases of the machine until they have DEVICES drivers, and the drivers."""
    chosen, drivers = [], set()
    for alias in MACHINE.read_text(encoding="utf-8").splitlines()[1:]:
        done = subprocess.run(["modprobe", "-d", kernel.indexed(), "-S", kernel.release, "-R", alias], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
        found = {name.replace("-", "_") for name in done.stdout.split()} & set(kernel.paths)
        if found and len(drivers | found) <= DEVICES:
            chosen.append(alias)
            drivers |= found
    assert len(drivers) == DEVICES, drivers
    return chosen, drivers


def make_repository(directory, kernels, modules):
    """Packages of MODULES, for each kernel, in one signed repository."""
    keys = pathlib.Path(output(image.TESTS / "lib/keys"))
    for kernel in kernels:
        image.quietly(pathlib.Path(BUILD) / "src/cmd/modfetch", "-q", "pack", "--output", directory, "--incremental",
                      "--sign", keys / "repo.key", "--cert", keys / "repo.crt", "--only", ",".join(modules),
                      kernel.root / "lib/modules" / kernel.release)
    directory.chmod(0o755)


class Debs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(guest.Workdir())
        cls.old, cls.new = debian.Package("default-3"), debian.Package("default")
        cls.aliases, drivers = choose_devices(cls.old.kernel)
        cls.drivers = drivers | set(NAMES)
        cls.packages = cls.directory / "packages"
        make_repository(cls.packages, [cls.old.kernel, cls.new.kernel], sorted(cls.drivers))
        cls.server = cls.enterClassContext(server.Server(cls.packages, cls.directory / "www"))
        cls.machine = cls.make_machine()

    @classmethod
    def make_machine(cls):
        """With the old kernel, its drivers, and the new one not installed yet."""
        machine = debian.Debian(cls.directory / "root", BUILD, ["initramfs-tools", "linux-base", "zstd"],
                                [cls.old.modular(), cls.new.modular()],
                                {"drivers": f"http://127.0.0.1:{cls.server.port}/"})
        put(machine.root, "etc/kernel/postinst.d/dp-spy", 0o755, SPY)
        status, text = machine.install(cls.old.name)
        assert status == 0, text
        probe = f"--kernel {cls.old.release} --no-load probe"
        machine.modfetch("refresh", f"{probe} {shlex.join(cls.aliases)}", f"{probe} {' '.join(NAMES)}")
        return machine

    def lacks(self, release):
        return self.drivers - self.machine.modules(release)

    def test_1_the_drivers_are_there_before_the_initrd_is_made(self):
        self.assertEqual(self.lacks(self.old.release), set())
        status, text = self.machine.install(self.new.name)
        self.assertEqual(status, 0, text)
        before = (self.machine.root / "var/log/before-initrd").read_text(encoding="utf-8").split()
        self.assertEqual(self.drivers - {image.Kernel.name_of(path) for path in before}, set())
        self.assertNotIn("late", before)
        self.assertTrue((self.machine.root / f"boot/initrd.img-{self.new.release}").exists())
        self.machine.run(f"modfetch ready {self.new.release}")
        self.assertEqual(self.lacks(self.old.release), set())

    def test_2_an_upgrade_of_the_same_release_keeps_the_drivers(self):
        status, text = self.machine.install(f"--reinstall {self.new.name}")
        self.assertEqual(status, 0, text)
        self.assertEqual(self.lacks(self.new.release), set())

    def test_3_a_purged_kernel_leaves_nothing(self):
        self.purge(self.new)
        self.assertEqual(self.lacks(self.old.release), set())

    def purge(self, package):
        status, text = self.machine.purge(package.name)
        self.assertEqual(status, 0, text)
        self.assertNotIn("not empty", text)
        left = self.machine.run(f"find /boot /usr/lib/modules /var/lib/modfetch -path '*{package.release}*'; "
                                f"grep -rsl {package.release} /var/lib/modfetch/links /var/lib/modfetch/kernels-pending; :")
        self.assertEqual(left, "")
        self.assertNotIn(self.abi(package), self.machine.run(INSTALLED))

    @staticmethod
    def abi(package):
        return package.release.rsplit("-", 1)[0].replace("-", "_")

    def test_4_without_the_repository_the_kernel_is_installed_and_the_gaps_are_named(self):
        self.server.stop()
        self.addCleanup(self.server.start)
        status, text = self.machine.install(self.new.name)
        self.assertEqual(status, 0, text)
        status, text = self.machine.try_run(f"modfetch ready {self.new.release}")
        self.assertEqual(status, 1, text)
        named = {line.split(":")[0].split("-kmp-")[0] for line in text.splitlines()}
        self.assertGreaterEqual(len(named), len(NAMES), text)
        self.assertLessEqual(set(NAMES), named)
        # the admin may want the status
        self.assertEqual(self.machine.try_run(self.hook())[0], 0)
        put(self.machine.root, "etc/modfetch/modfetch.conf", 0o644, "[modfetch]\nrequire-ready=yes\n")
        self.assertEqual(self.machine.try_run(self.hook())[0], 1)
        (self.machine.root / "etc/modfetch/modfetch.conf").unlink()
        self.doCleanups()
        self.machine.modfetch("queue --retry")
        self.assertEqual(self.lacks(self.new.release), set())
        self.machine.run(f"modfetch ready {self.new.release}")

    def hook(self):
        return f"DEB_MAINT_PARAMS=configure /etc/kernel/postinst.d/download-modfetch {self.new.release} /boot/vmlinuz-{self.new.release}"

    def without_drivers(self):
        """The state in which apt calls the hooks, and a function that restores it."""
        self.server.stop()
        self.machine.purge(self.new.name)
        status, text = self.machine.install(self.new.name)
        self.assertEqual(status, 0, text)
        self.server.start()
        self.machine.run("rm -f /var/lib/modfetch/kernels-pending")
        kept = self.directory / "kept"
        places = [self.machine.root / name for name in (f"usr/lib/modules/{self.new.release}", "var/lib", "run", "etc/modprobe.d")]

        def copy(source, target):
            shutil.rmtree(target, ignore_errors=True)
            image.run("cp", "-a", source, target)
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for i, place in enumerate(places):
            copy(place, kept / str(i))
        return lambda: [copy(kept / str(i), place) for i, place in enumerate(places)]

    def test_5_a_hook_that_is_killed_anywhere_is_finished_later(self):
        restore = self.without_drivers()
        status, text, seconds = self.machine.processor_time(self.hook())
        self.assertEqual((status, self.lacks(self.new.release)), (0, set()), text)
        print(f"the hook brings {len(self.drivers)} drivers in {seconds:.2f} s of processor time", flush=True)
        restore()
        self.machine.run(f"kernel-install add {self.new.release} /boot/vmlinuz-{self.new.release}")
        self.assertEqual(self.lacks(self.new.release), set())
        trace = "strace -f -qq -e trace=rename,renameat,renameat2,fsync -o /root/trace"
        restore()
        self.machine.run(f"{trace} sh -c '{self.hook()}'")
        # strace counts the calls of each process on its own
        lines = (self.machine.root / "root/trace").read_text(encoding="utf-8").splitlines()
        calls = collections.Counter(line.split()[0] for line in lines).most_common(1)[0][1]
        self.assertGreater(calls, POINTS)
        interrupted = 0
        for point in range(POINTS):
            restore()
            when = 1 + point * calls // POINTS
            kill = f"strace -f -qq -e trace=rename,renameat,renameat2,fsync -e inject=all:signal=KILL:when={when}"
            self.machine.try_run(f"{kill} -o /root/trace sh -c '{self.hook()}'")
            interrupted += bool(self.lacks(self.new.release))
            with self.subTest(point=point):
                # as at boot, and when the network comes; dpkg repeats a script that was killed before it had written anything
                pending = (self.machine.root / "var/lib/modfetch/kernels-pending").exists()
                self.assertTrue(pending or point == 0 or not self.lacks(self.new.release))
                self.machine.modfetch("queue --retry")
                if not pending:
                    self.machine.run(self.hook())
                self.assertEqual(self.lacks(self.new.release), set())
                self.machine.run(f"modfetch ready {self.new.release}")
                self.machine.modfetch(f"--kernel {self.new.release} check")
        self.assertGreater(interrupted, 2)

    def test_6_the_old_kernel_goes_and_the_new_one_keeps_its_drivers(self):
        self.purge(self.old)
        self.assertEqual(self.lacks(self.new.release), set())

    def test_7_a_kernel_from_rpm_gets_its_drivers_after_the_transaction(self):
        """The old kernel again, as a package of the repository, and the file triggers of modfetch's own package."""
        text = (image.TESTS.parent / "packaging/modfetch.spec").read_text(encoding="utf-8")
        triggers = re.findall(r"^%transfiletrigger.*?(?=\n\n)", text, re.M | re.S)
        self.assertEqual(len(triggers), 2)
        roots.rpmbuild(str(self.machine.root / "srv"), "triggers", [t.replace("%{_libexecdir}", "/usr/libexec") for t in triggers],
                         arch="noarch")
        [image_package] = self.packages.glob(f"*/kernel-*-image-{self.abi(self.old)}-*.rpm")
        shutil.copy(image_package, self.machine.root / "srv/image.rpm")
        rpm = f"{RPM} --force-debian --nosignature"
        self.machine.run(f"{rpm} -i --nodeps /srv/triggers*.rpm && timeout 50 {rpm} -i --nodeps /srv/image.rpm")
        self.assertIn(self.old.release, (self.machine.root / "var/lib/modfetch/kernels-pending").read_text(encoding="ascii"))
        self.machine.modfetch("queue --retry")
        self.assertEqual(self.lacks(self.old.release), set())
        self.machine.run(f"{rpm} -e --nodeps $({INSTALLED} | grep {self.abi(self.old)})")
        self.assertFalse((self.machine.root / "usr/lib/modules" / self.old.release).exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
