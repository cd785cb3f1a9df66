#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P20: states of a disk after a power cut at any of its writes: each is mounted and checked, and the next run is tried on it.

QEMU's storage daemon serves the disk of a loop device and logs each write and each flush of a run. A state is everything that
was flushed and a part of the later writes: all up to some write, or any subset. POWERCUT_STATES is the number of states for
each run (40; a thousand take five minutes), a third of it for an update. The control is the system's depmod, which flushes nothing: it must fail.
"""

import hashlib
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ["MODFETCH_BUILD"])
os.environ.setdefault("MODFETCH", str(BUILD / "src/cmd/modfetch"))
os.environ.setdefault("MODFETCH_LIBEXECDIR", str(BUILD / "src/fetch/helper"))
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "road")]
import root as r  # noqa: E402
import versions  # noqa: E402

STATES = int(os.environ.get("POWERCUT_STATES", "40"))
GO_ON = 8  # every so many states the next run finishes or undoes the work
SIZE = 80 << 20
FLUSH, DISCARD = 1, 4
MAGIC = 0x6A736677736872


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def wait_until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


class Disk:
    """A mounted image; with LOG, all later writes are logged there."""

    def __init__(self, directory, image, options="", log=None):
        self.mount, self.daemon, self.loop = directory / "mount", None, None
        self.mount.mkdir(exist_ok=True)
        device = image
        try:
            if log:
                device = self.logged(directory, image, log)
            self.loop = run("losetup", "-f", "--show", device)
            run("mount", "-o", ",".join(filter(None, ["noatime", options])), self.loop, self.mount)
        except BaseException:
            self.close()
            raise

    def logged(self, directory, image, log):
        export = directory / "export"
        export.touch()
        with open(log, "wb") as f:
            f.truncate(1 << 30)
        self.daemon = subprocess.Popen([
            "qemu-storage-daemon", "--blockdev", f"driver=file,node-name=disk,filename={image}", "--blockdev",
            f"driver=file,node-name=log,filename={log}", "--blockdev",
            "driver=blklogwrites,node-name=both,file=disk,log=log,log-sector-size=512", "--export",
            f"type=fuse,id=x,node-name=both,mountpoint={export},writable=on"])
        wait_until(lambda: os.stat(export).st_size == SIZE)
        return export

    def close(self):
        subprocess.run(["umount", "-q", self.mount], check=False)
        if self.loop:
            run("losetup", "-d", self.loop)
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()

    def __enter__(self):
        return self.mount

    def __exit__(self, *_):
        self.close()


def entries(log):
    """(flags, position, bytes) of each logged write."""
    with open(log, "rb") as f:
        magic, _, count, sector = struct.unpack("<QQQI", f.read(28))
        assert magic == MAGIC, magic
        f.seek(sector)
        for _ in range(count):
            place, sectors, flags, _ = struct.unpack("<QQQQ", f.read(sector)[:32])
            data = b"" if flags & DISCARD else f.read(sectors * sector)
            yield flags, place * sector, bytes(sectors * sector) if flags & DISCARD else data


def states(log, count, dice):
    """The writes of COUNT states, as (writes that are on disk for sure, writes that may be): lists of (position, bytes)."""
    noted = list(entries(log))
    cuts = [dice.randrange(1, len(noted) + 1) for _ in range(count)]
    sure, since = [], []
    wanted = {}
    for cut in cuts:
        wanted[cut] = wanted.get(cut, 0) + 1
    for at, (flags, place, data) in enumerate(noted, 1):
        if flags & FLUSH:
            sure, since = sure + since, []
        if data:
            since = [*since, (place, data)]
        for turn in range(wanted.get(at, 0)):
            yield sure, since if not turn else [w for w in since if dice.random() < 0.5]


def machine(path, kind=r.Root):
    """The existing machine, as an object of tests/root.py."""
    found = object.__new__(kind)
    found.base, found.kver = r.kernel()
    found.directory, found.path = None, str(path)
    found.modules = f"{path}/lib/modules/{found.kver}"
    return found


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def indexes(root):
    """The digest of each index, except for our own file, which has its own checksum."""
    return {p.name: digest(p) for p in pathlib.Path(root.modules).glob("modules.*") if "modfetch" not in p.name}


class Case(unittest.TestCase):
    machine = r.Root

    def make(self, kind):
        """A machine on a separate file system."""
        # images are written completely for each state: in memory, if there is enough
        memory = pathlib.Path("/dev/shm")
        roomy = memory.is_dir() and shutil.disk_usage(memory).free > 12 * SIZE
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir=memory if roomy else None)))
        self.base, self.log, self.state = (self.directory / name for name in ("base.img", "log", "state.img"))
        with open(self.base, "wb") as f:
            f.truncate(SIZE)
        run("mke2fs", "-q", "-F", "-t", kind, "-E", "lazy_itable_init=0,lazy_journal_init=0", self.base)
        with Disk(self.directory, self.base) as mount:
            root = self.machine(path=str(mount))
            self.prepare(root)
            self.before = indexes(root)
        self.known = {name: {value, None} for name, value in self.before.items()}

    def ok(self, root, *args, also=()):
        done = root.run(*args)
        self.assertIn(done.returncode, (0, *also), done.stderr)

    def record(self, work, options):
        """Does WORK on a copy of the disk and logs all its writes."""
        shutil.copy(self.base, self.state)
        with Disk(self.directory, self.state, options, self.log) as mount:
            root = machine(mount, self.machine)
            for step in work:
                step(root)
                for name, value in indexes(root).items():
                    self.known.setdefault(name, {None}).add(value)
            return root.tree(), root.packages()

    def each_state(self, count, seed):
        for sure, perhaps in states(self.log, count, random.Random(seed)):
            shutil.copy(self.base, self.state)
            with open(self.state, "r+b") as f:
                for place, data in [*sure, *perhaps]:
                    f.seek(place)
                    f.write(data)
            with Disk(self.directory, self.state) as mount:
                yield mount


class PowerCut(Case):
    def prepare(self, root):
        root.repo("file://" + r.repository())
        self.ok(root, "refresh")
        self.ok(root, "--no-load", "probe", "loop", also=(2,))
        self.ok(root, "depmod")
        self.kmp = next(p for p in root.json("lookup", r.NIC)[1]["results"][0]["packages"] if p.startswith("e1000e-kmp"))

    def look(self, mount):
        """The error of a disk, or None."""
        root = machine(mount)
        there = indexes(root)
        for name, versions in self.known.items():
            if there.get(name) not in versions or (name in self.before and name not in there):
                return f"{name} is neither the old one nor the new one"
        listed = (pathlib.Path(root.modules) / "modules.dep").read_text(encoding="ascii").splitlines()
        for path in (line.split(":")[0] for line in listed):
            module, original = (pathlib.Path(tree, "lib/modules", root.kver, path) for tree in (root.path, root.base))
            # a removed module may be listed for a moment longer; an existing file must be the right one
            if module.exists() and original.exists() and digest(module) != digest(original):
                return f"{path} is in the indexes and is not what was verified"
        return None

    def cut(self, kind, options):
        self.make(kind)

        def probe(root):
            self.assertEqual(root.run("--no-load", "probe", r.NIC).returncode, 0)

        def remove(root):
            self.assertEqual(root.run("remove", self.kmp).returncode, 0)
        end = self.record((probe, remove, probe), options)
        looked = went_on = 0
        for mount in self.each_state(STATES, kind + options):
            self.assertIsNone(self.look(mount))
            looked += 1
            if looked % GO_ON == 0:
                root = machine(mount)
                done = root.run("--no-load", "probe", r.NIC)
                self.assertIn(done.returncode, (0, 2), done.stderr)
                self.assertEqual((root.tree(), root.packages()), end)
                self.assertFalse((mount / "var/lib/modfetch/undo").exists())
                went_on += 1
        print(f"{kind} {options or 'as it is'}: {len(list(entries(self.log)))} writes, {looked} states, {went_on} gone on with")

    def test_ext4(self):
        self.cut("ext4", "")

    def test_ext4_that_allocates_late(self):
        self.cut("ext4", "noauto_da_alloc")

    def test_ext3(self):
        self.cut("ext3", "")

    def test_who_flushes_nothing_is_found_out(self):
        """The control: plain depmod, and an fsync of an unrelated file."""
        def depmod(root):
            shutil.copy(next(pathlib.Path(root.modules).rglob("*.ko")), f"{root.modules}/kernel/another.ko")
            run("depmod", "-b", root.path, root.kver)
            with open(f"{root.path}/tmp/x", "wb") as f:
                f.write(b"x")
                os.fsync(f.fileno())
        self.make("ext4")
        self.record((depmod,), "noauto_da_alloc")
        # the state of the extra module does not matter
        wrong = {text for text in map(self.look, self.each_state(30, "control")) if text}
        self.assertTrue([text for text in wrong if "neither the old" in text], wrong)


class UpdateCut(Case):
    """An update of two drivers: after the next run, both have the old version, or both the new one."""

    machine = versions.Machine

    def repository(self, version):
        """A repository with this version, and the one before."""
        directory = self.directory / f"repository-{version}"
        directory.mkdir()
        root = versions.Machine()
        built = r.made_once(f"versions-1-{root.kver}", root.build)
        root.close()
        for path in pathlib.Path(built, version).glob("*.rpm"):
            shutil.copy(path, directory)
        r.createrepo(directory)
        return f"file://{directory}"

    def prepare(self, root):
        root.conf(keep_versions=2)
        root.repo(self.repository("1.0"))
        self.ok(root, "refresh")
        self.ok(root, "install", *(f"{name}-kmp" for name in root.NAMES))
        root.repo(self.repository("1.1"))
        self.ok(root, "refresh")

    def found(self, root):
        return {(root.installed().get(name), root.on_disk_version(name)) for name in root.NAMES}

    def cut(self, kind, options):
        self.make(kind)
        self.record((lambda root: self.ok(root, "update"),), options)
        seen = {"1.0": 0, "1.1": 0}
        for mount in self.each_state(STATES // 3, "update" + kind + options):
            root = machine(mount, self.machine)
            self.ok(root, "--no-load", "probe", "loop", also=(2,))
            found = self.found(root)
            self.assertIn(found, ({("1.0", "1.0")}, {("1.1", "1.1")}))
            self.assertEqual(len(root.names()), 3)
            self.ok(root, "check")
            seen[next(iter(found))[0]] += 1
        print(f"{kind} {options or 'as it is'}: {len(list(entries(self.log)))} writes, {STATES // 3} states of an update: {seen}")

    def test_ext4(self):
        self.cut("ext4", "")

    def test_ext4_that_allocates_late(self):
        self.cut("ext4", "noauto_da_alloc")


if __name__ == "__main__":
    unittest.main(verbosity=2)
