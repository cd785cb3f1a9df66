#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch depmod with faults: failing system calls, a kill, a concurrent run, a wrong state file.

The indexes must be the old or the new ones, each file complete; one clear line is printed; and the next run is correct.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trees

PROGRAM = os.path.abspath(os.environ["MODFETCH"])
STATES = ["modules.modfetch", "modules.modfetch.recent"]


class WithTree(unittest.TestCase):
    """An indexed tree of a hundred real modules, and one more module to be added."""

    @classmethod
    def setUpClass(cls):
        cls.source = trees.kernel("default")
        names = trees.modules_of(cls.source)[::40]
        cls.names, cls.extra = names[:-1], names[-1]

    def setUp(self):
        self.tree = trees.Tree()
        self.addCleanup(self.tree.close)
        for name in self.names:
            self.tree.put(name, os.path.join(self.source, name))
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            self.tree.put(name, os.path.join(self.source, name))
        self.assertEqual(self.ours().returncode, 0)

    def ours(self, *more, **options):
        return self.tree.ours(PROGRAM, *more, out=False, **options)

    def indexes(self):
        return trees.read(self.tree.dir)

    def wanted(self):
        """The output of depmod for the current tree, in a copy made of hard links; depmod replaces files and edits none."""
        shutil.rmtree(self.tree.out_dir)
        subprocess.run(["cp", "-al", self.tree.dir, self.tree.out_dir], check=True)
        subprocess.run(["depmod", "-b", self.tree.out, "-C", self.tree.conf, trees.KVER], check=True)
        return trees.read(self.tree.out_dir)

    def assertRight(self):
        self.assertEqual(trees.differences(self.wanted(), self.indexes()), [])

    def states(self):
        """The existing files of the state: the base, the recent part, or both."""
        found = [name for name in STATES if os.path.exists(self.tree.path(name))]
        self.assertTrue(found)
        return found

    def add(self):
        self.tree.put(self.extra, os.path.join(self.source, self.extra))


class State(WithTree):
    """The state file is only a cache; a wrong one must not lead to a wrong index."""

    def test_a_missing_state_is_made_anew(self):
        self.add()
        for name in self.states():
            os.unlink(self.tree.path(name))
        self.assertEqual(self.ours().returncode, 0)
        self.assertRight()
        self.states()

    def test_a_damaged_state_is_noticed_wherever_the_damage_is(self):
        chance = random.Random(1)
        for _ in range(15):
            name = chance.choice(self.states())
            with open(self.tree.path(name), "rb") as f:
                whole = f.read()
            data = bytearray(whole)
            at = chance.randrange(len(data))
            kind = chance.randrange(3)
            if kind == 0:
                data[at] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del data[at:]
            else:
                data[at:at + 16] = bytes(16)
            with open(self.tree.path(name), "wb") as f:
                f.write(data)
            with self.subTest(kind=kind, at=at, name=name):
                self.assertEqual(self.ours().returncode, 0)
                self.assertRight()

    def test_a_state_of_another_tree_is_not_believed(self):
        other = trees.Tree()
        self.addCleanup(other.close)
        other.put(self.extra, os.path.join(self.source, self.extra))
        other.ours(PROGRAM, out=False)
        for name in STATES:
            if os.path.exists(other.path(name)):
                self.tree.put(name, other.path(name))
        self.assertEqual(self.ours().returncode, 0)
        self.assertRight()

    def test_plain_depmod_in_between(self):
        self.add()
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(self.ours().returncode, 0)
        self.assertRight()
        os.unlink(self.tree.path(self.extra))
        self.assertEqual(self.ours().returncode, 0)
        self.assertRight()

    def test_an_index_that_was_damaged_or_deleted_is_written_again(self):
        for name in trees.INDEXES:
            with open(self.tree.path(name), "ab") as f:
                f.write(b"x")
            self.assertEqual(self.ours().returncode, 0, name)
            self.assertRight()
            os.unlink(self.tree.path(name))
            self.assertEqual(self.ours().returncode, 0, name)
            self.assertRight()

    def test_no_modules_at_all(self):
        for name in self.tree.modules():
            os.unlink(self.tree.path(name))
        self.assertEqual(self.ours().returncode, 0)
        self.assertRight()


class Faults(WithTree):
    """One system call fails: the old set of files stays complete, and one line gives the reason."""

    def inject(self, call, error, when):
        self.add()
        before = self.indexes()
        trace = os.path.join(self.tree.root, "trace")
        done = self.ours(wrap=("strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e",
                               f"inject={call}:error={error}:when={when}"))
        after = self.indexes()
        with open(trace, encoding="utf-8") as f:
            told = any("write(2, " in line and "INJECTED" in line for line in f)
        if done.returncode == 0:
            self.assertRight()
            return False
        lines = [line for line in done.stderr.splitlines() if line.startswith("modfetch:")]
        if not told:  # the line itself could not be written
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertRegex(lines[0], r" \[[A-Z-]+\]$")
        self.assertEqual(before, after, f"{call} {error} {when}: {done.stderr}")
        return True

    def sweep(self, call, error, last):
        failed = 0
        for when in range(1, last + 1):
            with self.subTest(call=call, error=error, when=when):
                failed += self.inject(call, error, when)
            os.unlink(self.tree.path(self.extra))
            self.assertEqual(self.ours().returncode, 0)
            self.assertRight()
        self.assertGreater(failed, 0, f"no {call} was ever made to fail")

    def test_no_space(self):
        self.sweep("write,pwrite64,writev", "ENOSPC", 8)

    def test_a_disk_that_cannot_sync(self):
        self.sweep("fsync,fdatasync,syncfs", "EIO", 4)

    def test_a_rename_that_fails(self):
        self.sweep("rename,renameat,renameat2", "EIO", 8)


class Kills(WithTree):
    """kill -9: each index is the old or the new one, never a part of one."""

    def test_at_random_moments(self):
        chance = random.Random(2)
        started = time.monotonic()
        self.ours()
        whole = time.monotonic() - started
        cut = 0
        for turn in range(20):
            before = self.indexes()
            if os.path.exists(self.tree.path(self.extra)):
                os.unlink(self.tree.path(self.extra))
            else:
                self.add()
            after = self.wanted()
            with subprocess.Popen([PROGRAM, "depmod", "-b", self.tree.root, "-C", self.tree.conf, trees.KVER],
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(chance.random() * whole * 1.5)
                process.send_signal(signal.SIGKILL)
                process.wait()
                cut += process.returncode < 0
            for name, data in self.indexes().items():
                self.assertIn(data, (before[name], after[name]), f"turn {turn}: {name}")
            self.assertEqual(self.ours().returncode, 0)
            self.assertRight()
        self.assertGreater(cut, 2, "almost no run was killed before its end")
        left = [name for name in os.listdir(self.tree.dir) if name.startswith(".")]
        self.assertLessEqual(len(left), 1, left)

    def test_two_at_once(self):
        for _ in range(4):
            self.add()
            runs = [subprocess.Popen([PROGRAM, "depmod", "-b", self.tree.root, "-C", self.tree.conf, trees.KVER])
                    for _ in range(4)]
            self.assertEqual([run.wait() for run in runs], [0] * 4)
            self.assertRight()
            os.unlink(self.tree.path(self.extra))
            self.assertEqual(self.ours().returncode, 0)


if __name__ == "__main__":
    unittest.main()
