#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch build where systemd runs: a driver is built in a scope of modfetch.slice and loaded; hostile sources meet the limits of the
scope, and the machine goes on; a kernel that demands signed modules refuses the driver, and modfetch says what to do.

With MODFETCH_TEST_ALL=1 the guest runs. Without, it is skipped: an emulated compiler takes minutes."""

import json
import os
import pathlib
import shutil
import sys
import unittest

import guest
import image

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("skipped: an emulated compiler takes minutes; MODFETCH_TEST_ALL=1 runs it")
    sys.exit(77)  # for meson

BUILD = os.environ["MODFETCH_BUILD"]
MEMORY = 2048  # MB
SLICE = "/sys/fs/cgroup/modfetch.slice"
SCOPES = "journalctl -b -o cat -t systemd | grep -c '^Started .* - Build of a driver'"

# Makefiles of sources that never become a driver: four processes which together take all memory, each of them within its own limit;
# children that stay; and a tree of shells that grows again wherever a branch of it dies.
HOSTILE = {
    "hog": "all: a b c d\na b c d:\n\tperl -e '$$i++, push @a, \"$$i\" x (1 << 24) while 1'\n",
    "forks": "all:\n\tperl -e 'while (defined($$p = fork)) { $$p or sleep 1000 } die \"fork: $$!\\n\"'\n",
    "bomb": "all:\n\tbomb() { bomb & bomb & wait; }; while :; do bomb; done\n",
}
CONF = 'PACKAGE_NAME="{0}"\nPACKAGE_VERSION="1"\nMAKE[0]="make -j4"\nBUILT_MODULE_NAME[0]="{0}"\nDEST_MODULE_LOCATION[0]="/extra"\n'


class Build(unittest.TestCase):
    """One after the other on one machine."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = image.Kernel()
        cls.directory = cls.enterClassContext(guest.Workdir())
        headers = f"linux-headers-{cls.kernel.release}"
        files = [(f"usr/src/{name}-1/{file}", 0o644, text) for name, makefile in HOSTILE.items()
                 for file, text in (("Makefile", makefile), ("dkms.conf", CONF.format(name)))]
        image.build(cls.directory, cls.kernel, build_dir=BUILD, packages=[headers, "make", "patch", "binutils", "bubblewrap", "rpm"],
                    enable=["modfetch.service", "modfetch-coldplug.service"], files=files, prepare=cls.add_source, size="1600M")
        cls.vm = cls.boot("first")

    @classmethod
    def add_source(cls, root):
        """The smallest driver of Debian that loads on any PC with ACPI. Without dkms, its AUTOINSTALL speaks to modfetch."""
        [source] = pathlib.Path(image.output(image.TESTS / "lib/dkms-sources")).glob("usr/src/acpi-call-*")
        shutil.copytree(source, root / "usr/src" / source.name)

    @classmethod
    def boot(cls, name, **options):
        vm = cls.enterClassContext(guest.Guest(cls.directory, cls.kernel, memory=MEMORY, name=name, **options))
        vm.wait_ready(600)
        vm.wait_booted(600)
        return vm

    def start(self, name):
        """Starts a build, and waits until its makefile runs. Returns the only control group that its processes are in."""
        self.vm.run(f"rm -f /run/status; (modfetch build {name} >/run/out 2>&1; echo $? >/run/status) &")
        groups = self.vm.wait_for("[ ! -e /run/status ] || exit 0; pids=$(pgrep -u modfetch-build) && "
                                  "for pid in $pids; do cat /proc/$pid/cgroup; done 2>/dev/null | sort -u | grep .", 600).split()
        if len(groups) != 1:
            self.fail(f"{groups}: {self.vm.run('cat /run/out')}")
        return groups[0].split("::")[1]

    def finish(self, timeout=1200):
        self.vm.wait_for("[ -e /run/status ]", timeout)
        return int(self.vm.run("cat /run/status")), self.vm.run("cat /run/out")

    def assert_well(self):
        """Nothing of a build is left, and the machine does not miss what it took."""
        self.vm.wait_for(f"! pgrep -u modfetch-build && ! pgrep bwrap && [ -z \"$(ls -d {SLICE}/*.scope 2>/dev/null)\" ]", 30)
        self.assertEqual(self.vm.run("systemctl is-system-running").strip(), "running")
        self.assertEqual(self.vm.run("systemctl list-units --all --no-legend 'run-*.scope'"), "")
        self.assertEqual(self.vm.run("grep ' /mnt\\| /var/lib/dkms' /proc/mounts || :"), "")
        self.assertEqual(self.vm.run("dmesg | grep CONSTRAINT_NONE || :"), "", "the whole machine was short of memory")
        self.vm.run("systemctl is-active modfetch.service && ls /var/lib/modfetch/build/work 2>&1 | grep -q 'No such'")

    def test_1_the_services_build_nothing(self):
        self.vm.wait_for("! systemctl is-active modfetch-coldplug.service", 120)
        self.vm.run("systemctl is-active modfetch.service")
        self.assertEqual(self.vm.try_run(SCOPES)[1], "0\n")
        self.vm.run("! find /lib/modules -name 'acpi_call*' | grep .; ! test -e /var/lib/modfetch/build")

    def test_2_a_driver_is_built_in_a_scope_and_loads(self):
        group = self.start("acpi-call")
        self.assertRegex(group, r"^/modfetch[.]slice/run-[^/]*[.]scope$")
        read = self.vm.run(f"cd /sys/fs/cgroup{group} && cat memory.max memory.swap.max pids.max ../cpu.weight ../memory.max "
                           "../memory.swap.max; cat /proc/$(pgrep -u modfetch-build | head -n 1)/oom_score_adj; "
                           "grep MemTotal /proc/meminfo")
        *limits, _, total, _ = read.split()
        page, memory = 4096, int(total) * 1024
        self.assertEqual(limits[:4], [str(memory * 3 // 4 // page * page), "0", "1028", "50"])
        self.assertAlmostEqual(int(limits[4]), memory * 3 // 4, delta=page)
        self.assertEqual(limits[5:], ["0", "1000"])
        status, text = self.finish()
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"acpi-call/\S+ built for \S+ in [0-9.]+ s: acpi_call-kmp-")
        print(text.strip())
        lines = [line for line in text.splitlines() if not line.startswith("modfetch: fetched ")]
        self.assertEqual(len(lines), 1, "this kernel demands no signature, so there is nothing to do")
        self.vm.run("grep -q '/updates/acpi_call.ko\\|^updates/acpi_call.ko' /lib/modules/$(uname -r)/modules.dep")
        self.vm.run("modfetch probe acpi_call && lsmod | grep '^acpi_call ' && test -e /proc/acpi/call", 120)
        self.vm.run("modprobe -r acpi_call && modprobe acpi_call && modprobe -r acpi_call")
        self.assert_well()

    def test_3_the_hook_of_a_new_kernel_builds_what_was_built_before(self):
        before = int(self.vm.run(SCOPES))
        self.assertGreater(before, 0)
        self.vm.run("modfetch remove acpi_call && ! find /lib/modules -name 'acpi_call*' | grep .", 120)
        # as dpkg calls it, from a service that an update runs in
        self.vm.run("systemd-run --wait --quiet --pipe --setenv=DEB_MAINT_PARAMS=configure "
                    "/etc/kernel/postinst.d/download-modfetch $(uname -r)", 1200)
        self.assertEqual(int(self.vm.run(SCOPES)), before + 1)
        self.vm.run("modprobe acpi_call && modprobe -r acpi_call")
        self.assert_well()

    def test_4_four_processes_that_take_all_memory_end_alone(self):
        self.start("hog")
        status, text = self.finish()
        self.assertEqual(status, 1)
        self.assertRegex(text, r"^modfetch: build: hog/1: the build used up the memory it may have: .*; the log is /\S+/hog-1-\S+ \[ENOMEM\]\n$")
        self.assertRegex(self.vm.run("dmesg"), r"constraint=CONSTRAINT_MEMCG,.*oom_memcg=/modfetch[.]slice")
        self.assert_well()

    def test_5_children_without_end_are_counted(self):
        self.start("forks")
        status, text = self.finish()
        self.assertEqual(status, 1)
        self.assertRegex(text, r"^modfetch: build: forks/1: fork: Resource temporarily unavailable; .*; the log is \S+ \[BUILD\]\n$")
        self.assert_well()

    def test_6_a_bomb_is_no_danger_while_it_lasts_and_goes_with_modfetch(self):
        group = self.start("bomb")
        self.vm.wait_for(f"grep -v '^max 0$' /sys/fs/cgroup{group}/pids.events", 120)
        self.assertLessEqual(int(self.vm.run(f"cat /sys/fs/cgroup{group}/pids.current")), 1028)
        # the rest of the machine works, and starts programs
        self.assertEqual(self.vm.run("systemctl is-system-running", 120).strip(), "running")
        self.vm.run("modfetch status", 240)
        self.vm.run("pkill -KILL -x -f 'modfetch build bomb'")
        self.assert_well()

    def test_7_a_kernel_that_demands_signatures_refuses_it_and_we_say_why(self):
        self.vm.kill()
        type(self).vm = self.boot("signed", cmdline="module.sig_enforce=1")
        status, text = self.vm.try_run("modfetch build acpi-call 2>&1", 1200)
        self.assertEqual(status, 0, text)
        self.assertRegex(text, "built for .*\nthis machine has no EFI, so no key can be added to its kernel: boot it without the "
                               "setting that demands signatures (.*sig_enforce.*)\n$")
        status, text = self.vm.try_run("modfetch probe acpi_call 2>&1", 120)
        self.assertEqual(status, 1, text)
        self.assertIn("Key was rejected by service", text)
        self.assertIn("modfetch doctor says what to do", text)
        self.vm.run("! test -d /sys/module/acpi_call")
        checks = json.loads(self.vm.try_run("modfetch --json doctor --offline", 120)[1])["checks"]
        [found] = [check for check in checks if check["check"] == "build-key"]
        self.assertEqual(found["state"], "failed")
        self.assertIn("so it refuses them", found["text"])
        self.assert_well()


if __name__ == "__main__":
    unittest.main(verbosity=2)
