#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verb queue without systemd: its notifications to the manager, its waiting, and its exit on request."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import root as r  # noqa: E402

MODFETCH = os.environ["MODFETCH"]
ENTRY = "modfetch-event 1\nmodalias={0}\ndevpath=/devices/{1}\nseqnum=1\nuevent_us=1\ndecided_us={2}\n"


def spool_name(modalias):
    value = 0x6c62272e07bb014262b821756295c58d
    for byte in modalias.encode():
        value = (value ^ byte) * ((1 << 88) | 0x13b) % (1 << 128)
    return f"{value:032x}"


class Queue(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for directory in ("lib/modules/6.1.0-56-amd64", "sys/devices/x", "run/modfetch/queue", "etc/modfetch/repos.d"):
            (self.root / directory).mkdir(parents=True)
        self.spool = self.root / "run/modfetch/queue"
        self.spool.chmod(0o700)
        self.manager = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.manager.bind(str(self.root / "notify"))
        self.manager.settimeout(20)

    def command(self, *arguments):
        return [MODFETCH, "--root", str(self.root), "--detailed-exit", "queue", *arguments]

    def start(self, *arguments, program=MODFETCH):
        process = subprocess.Popen([program, *self.command(*arguments)[1:]], stderr=subprocess.DEVNULL,
                                   env=dict(os.environ, NOTIFY_SOCKET=str(self.root / "notify")))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.hear("READY=1")
        return process

    def hear(self, text):
        """Waits for a notification that contains TEXT."""
        while True:
            said = self.manager.recv(4096).decode()
            if text in said:
                return said

    def put(self, modalias):
        name = self.spool / spool_name(modalias)
        partial = self.spool / ".partial"
        partial.write_text(ENTRY.format(modalias, "x", 2))
        partial.rename(name)
        return name

    def dead_repository(self):
        (self.root / "etc/modfetch/repos.d/t.repo").write_text(
            "[t]\nname=t\nbaseurl=file:///nonexistent\nenabled=1\ntrust=none\n")

    def test_an_empty_spool_is_nothing_to_do(self):
        for arguments in ((), ("--until-empty",)):
            self.assertEqual(subprocess.run(self.command(*arguments), timeout=30, check=False).returncode, 2)

    def test_an_unknown_word_is_a_usage_error(self):
        for word in ("--forever", "pci:x"):
            done = subprocess.run(self.command(word), timeout=30, check=False, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 64)
            self.assertIn(b"[USAGE]", done.stderr)

    def test_while_no_repository_can_be_reached_it_waits_with_the_entries(self):
        self.dead_repository()
        name = self.put("pci:v1")
        process = self.start("--until-empty")
        first = self.hear("1 entries wait")
        self.assertIn("next try in 1 s", first)
        self.hear("1 entries wait")
        self.assertIsNone(process.poll())
        self.assertTrue(name.exists())
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        self.assertLess(time.monotonic() - before, 5)
        self.assertTrue(name.exists())
        history = (self.root / "var/lib/modfetch/history").read_text()
        self.assertGreaterEqual(history.count('"outcome":"failed"'), 1)

    def test_a_new_device_does_not_hurry_a_dead_network(self):
        self.dead_repository()
        self.put("pci:v1")
        self.start("--until-empty")
        self.hear("1 entries wait")
        tries = 0
        end = time.monotonic() + 4
        self.manager.settimeout(0.2)
        while time.monotonic() < end:
            self.put(f"pci:v{time.monotonic_ns()}")
            with contextlib.suppress(TimeoutError):
                tries += "entries wait" in self.manager.recv(4096).decode()
        # pauses of 1, 2 and 4 seconds, at most a quarter shorter
        self.assertLessEqual(tries, 3)

    def test_it_stays_ready_for_a_while_because_devices_seldom_come_alone(self):
        process = self.start("--watch", "--linger", "60")
        self.assertFalse(self.has_libraries(process))
        self.put("pci:v1")
        self.hear("STATUS=Fetching")
        self.hear("STATUS=Waiting for devices")
        name = self.put("usb:v2")
        self.hear("STATUS=Fetching")
        self.hear("STATUS=Waiting for devices")
        self.assertFalse(name.exists())
        self.assertTrue(self.has_libraries(process))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)

    @staticmethod
    def has_libraries(process):
        return "librpm" in pathlib.Path(f"/proc/{process.pid}/maps").read_text()

    def test_after_that_it_is_a_small_process_again(self):
        process = self.start("--watch", "--linger", "1")
        for modalias in ("pci:v1", "usb:v2"):
            name = self.put(modalias)
            self.hear("STATUS=Fetching")
            self.hear("READY=1")
            self.assertFalse(name.exists())
            self.assertFalse(self.has_libraries(process))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), -signal.SIGTERM)

    def test_an_entry_that_is_there_already_is_taken_at_once(self):
        name = self.put("pci:v1")
        self.start("--watch", "--linger", "60")
        self.hear("STATUS=Waiting for devices")
        self.assertFalse(name.exists())

    def test_changed_settings_count_for_the_next_device(self):
        settings = self.root / "etc/modfetch/modfetch.conf"
        process = self.start("--watch", "--linger", "60")
        for change in (lambda: settings.write_text("[modfetch]\nlock-timeout=5\n"), settings.unlink):
            self.put("pci:v1")
            self.hear("STATUS=Fetching")
            self.hear("STATUS=Waiting for devices")
            change()
            name = self.put("usb:v2")
            self.hear("READY=1")
            self.hear("STATUS=Fetching")
            self.hear("STATUS=Waiting for devices")
            self.assertFalse(name.exists())
        self.put("pci:v1")
        self.hear("STATUS=Waiting for devices")
        settings.write_text("[modfetch]\nlock-timeout=never\n")
        self.put("usb:v2")
        self.assertEqual(process.wait(20), 1)

    def test_a_replaced_program_is_started_for_the_next_device(self):
        program = self.root / "modfetch"
        shutil.copy(MODFETCH, program)
        process = self.start("--watch", program=program)
        mark = self.root / "mark"
        new = self.root / "new"
        new.write_text(f"#!/bin/sh\necho $* >{mark}\n")
        new.chmod(0o755)
        new.rename(program)
        self.put("pci:v1")
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(mark.read_text(), f"--root {self.root} --detailed-exit queue --watch\n")

    def test_how_long_it_stays_is_checked(self):
        for words in (("--linger", "60"), ("--watch", "--linger", "3601"), ("--watch", "--linger", "-1"),
                      ("--watch", "--linger", "5m"), ("--until-empty", "--linger", "5")):
            done = subprocess.run(self.command(*words), timeout=30, check=False, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 64, words)

    def test_watching_takes_what_comes_and_goes_on(self):
        process = self.start("--watch")
        for modalias in ("pci:v1", "usb:v2"):
            name = self.put(modalias)
            self.hear("STATUS=Fetching")
            self.hear("STATUS=Waiting for devices")
            # no repository is configured: the driver is not found, and that is the final result
            self.assertFalse(name.exists())
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0)


class EachForItself(unittest.TestCase):
    """A package with a wrong digest makes the whole run fail; then each device is tried alone, as long as the network is up."""

    DEVICES = {name: f"pci:v0000F4CEd0000000{i}sv00000000sd00000000bcFFscFFiFF" for i, name in enumerate("abc")}

    def setUp(self):
        self.root = r.Root(modules=())
        self.addCleanup(self.root.close)
        repo = tempfile.mkdtemp(prefix="drain-")
        self.addCleanup(shutil.rmtree, repo)
        tag = "amd64-" + self.root.kver.removesuffix("-amd64").replace("-", "_")
        for name, modalias in self.DEVICES.items():
            path = r.rpmbuild(repo, f"{name}-kmp-{tag}", [f"Provides: kmod({name}.ko)", f"Supplements: modalias(kernel-{tag}:{modalias})"],
                              [(f"/usr/share/doc/{name}/README", b"x")])
            if name == "a":
                with open(path, "rb") as f:
                    self.other = f.read()[:-1] + b"x"  # a package of the same length, but not the signed one
            self.device(name, modalias)
        r.createrepo(repo)
        self.server = r.Server(repo)
        self.addCleanup(self.server.close)
        self.root.repo(self.server.url)
        self.assertEqual(self.root.run("refresh").returncode, 0)
        self.server.requests.clear()

    def device(self, name, modalias):
        sysfs, spool = (pathlib.Path(self.root.path) / directory for directory in (f"sys/devices/{name}", "run/modfetch/queue"))
        sysfs.mkdir(parents=True)
        (sysfs / "modalias").write_text(modalias + "\n")
        spool.mkdir(parents=True, exist_ok=True)
        spool.chmod(0o700)
        (spool / spool_name(modalias)).write_text(ENTRY.format(modalias, name, 2 + ord(name)))

    def waiting(self):
        return len(list((pathlib.Path(self.root.path) / "run/modfetch/queue").iterdir()))

    def answer(self, name, *answers):
        """The first answers for a package: bytes to be sent instead, or a function to be called before it is served."""
        def next_one():
            first, *rest = answers
            if rest:
                self.answer(name, *rest)
            if callable(first):
                first()
            else:
                self.server.once[f"/{name}-kmp"] = first
        self.server.before[f"/{name}-kmp"] = next_one

    def test_one_bad_package_costs_the_others_nothing(self):
        self.answer("a", self.other, self.other)
        done = self.root.run("queue")
        self.assertEqual(self.waiting(), 0, done.stderr)
        self.assertEqual([name[0] for name in self.root.names() if "-kmp-" in name], ["b", "c"])

    def test_when_the_network_goes_meanwhile_nothing_more_is_asked_for(self):
        seen = []

        def down():
            seen.extend(self.server.requests[:-1])
            self.server.refuse["/"] = 503
        self.answer("a", self.other, down)
        done = self.root.run("queue")
        self.assertEqual(self.waiting(), 3, done.stderr)
        self.assertTrue(seen)
        later = self.server.requests[len(seen):]
        self.assertEqual([path for path in later if "/a-kmp" not in path], [])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
