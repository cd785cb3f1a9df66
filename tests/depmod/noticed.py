#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes to a tree that hardly show in any time stamp are noticed all the same."""
import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ko
import trees

PROGRAM = os.path.abspath(os.environ["MODFETCH"])
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def module(name):
    """A module with its name in it, always of the same length."""
    return ko.make([("license", "GPL"), ("alias", f"noticed:{name:_<8}")], [f"of_{name:_<8}"])


class WithTree(unittest.TestCase):
    def setUp(self):
        self.tree = trees.Tree()
        self.addCleanup(self.tree.close)
        for directory in ("alpha", "beta", "beta/deep", "gamma"):
            for name in ("one", "two"):
                self.put(f"kernel/{directory}/{directory.replace('/', '_')}_{name}.ko")
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            self.tree.put(name, b"")
        # so that files are believed, and not read again because they are new
        time.sleep(0.03)
        self.assertNoticed()

    def put(self, path, says=None):
        self.tree.put(path, module(says or os.path.basename(path).split(".")[0]))

    def put_link(self, says):
        """A link to a module outside the tree, which is returned."""
        os.makedirs(self.tree.path("weak-updates"))
        outside = os.path.join(self.tree.root, "outside.ko")
        with open(outside, "wb") as f:
            f.write(module(says))
        os.symlink(outside, self.tree.path("weak-updates/outside.ko"))
        return outside

    def ours(self):
        done = self.tree.ours(PROGRAM)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def report(self):
        """The report of a run."""
        done = self.tree.ours(PROGRAM, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assertNoticed(self):
        """Ours first: depmod's run would take the time in which changes are too new."""
        self.ours()
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), trees.read(self.tree.out_dir)), [])


class Times(WithTree):
    def edit(self, path, says):
        """Writes other bytes to the same file."""
        data = module(says)
        with open(self.tree.path(path), "r+b") as f:
            f.write(data)

    def test_an_edit_in_place_leaves_the_folder_as_it_was(self):
        for path in ("kernel/alpha/alpha_one.ko", "kernel/beta/deep/beta_deep_two.ko"):
            times = os.stat(self.tree.path(path))
            self.edit(path, "edited")
            os.utime(self.tree.path(path), ns=(times.st_atime_ns, times.st_mtime_ns))
            self.assertEqual(os.stat(self.tree.path(path)).st_size, times.st_size)
            self.assertNoticed()

    def test_a_folder_whose_time_was_set_back(self):
        for path in ("kernel/alpha", "kernel/beta/deep", "kernel"):
            times = os.stat(self.tree.path(path))
            self.put(f"{path}/added.ko", f"in{path.count('/')}")
            os.utime(self.tree.path(path), ns=(times.st_atime_ns, times.st_mtime_ns))
            self.assertNoticed()
            os.unlink(self.tree.path(f"{path}/added.ko"))
            os.utime(self.tree.path(path), ns=(times.st_atime_ns, times.st_mtime_ns))
            self.assertNoticed()

    def test_folders_and_files_of_another_time(self):
        for when in (0, 1, 2**31, 2**33):
            os.utime(self.tree.path("kernel/alpha"), (when, when))
            self.put("kernel/alpha/then.ko", f"t{when % 1000}")
            os.utime(self.tree.path("kernel/alpha/then.ko"), (when, when))
            os.utime(self.tree.path("kernel/alpha"), (when, when))
            self.assertNoticed()

    def test_many_changes_within_one_tick_of_the_clock(self):
        for i in range(60):
            self.put(f"kernel/alpha/quick{i}.ko")
            self.ours()
            # mostly in the same tick as the change before it, and that run has already read the directory
            self.put(f"kernel/alpha/quicker{i}.ko", f"q{i}")
            self.edit(f"kernel/alpha/quick{i}.ko", f"e{i}")
            if i % 2:
                os.unlink(self.tree.path("kernel/alpha/quick%d.ko" % (i - 1)))
            if i % 5:
                self.ours()
            else:
                self.assertNoticed()
        self.assertNoticed()

    def test_a_file_replaced_by_another_of_the_same_size_at_once(self):
        for i in range(30):
            self.put("kernel/beta/new.ko", f"n{i}")
            os.rename(self.tree.path("kernel/beta/new.ko"), self.tree.path("kernel/beta/beta_one.ko"))
            self.ours()
            self.put("kernel/beta/new.ko", f"m{i}")
            os.rename(self.tree.path("kernel/beta/new.ko"), self.tree.path("kernel/beta/beta_one.ko"))
            self.assertNoticed()


class Places(WithTree):
    def exchange(self, a, b):
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.renameat2(AT_FDCWD, self.tree.path(a).encode(), AT_FDCWD, self.tree.path(b).encode(),
                                        RENAME_EXCHANGE), 0, os.strerror(ctypes.get_errno()))

    def test_folders_change_places(self):
        self.exchange("kernel/alpha", "kernel/beta")
        self.assertNoticed()
        self.exchange("kernel/alpha/deep", "kernel/gamma")
        self.assertNoticed()
        os.rename(self.tree.path("kernel/alpha"), self.tree.path("updates"))
        self.assertNoticed()

    def test_a_folder_is_replaced_by_a_copy_with_its_times(self):
        subprocess.run(["cp", "-a", self.tree.path("kernel/beta"), self.tree.path("copy")], check=True)
        shutil.rmtree(self.tree.path("kernel/beta"))
        os.rename(self.tree.path("copy"), self.tree.path("kernel/beta"))
        self.put("kernel/beta/deep/hidden.ko")
        subprocess.run(["touch", "-r", self.tree.path("kernel/beta"), self.tree.path("kernel/beta/deep")], check=True)
        self.assertNoticed()

    def test_a_file_comes_with_its_old_times(self):
        away = os.path.join(self.tree.root, "away.ko")
        os.rename(self.tree.path("kernel/gamma/gamma_one.ko"), away)
        self.assertNoticed()
        os.rename(away, self.tree.path("kernel/alpha/gamma_one.ko"))
        self.assertNoticed()
        os.link(self.tree.path("kernel/alpha/gamma_one.ko"), self.tree.path("kernel/beta/linked.ko"))
        self.assertNoticed()

    def test_another_file_of_a_name_comes_and_goes(self):
        for path in ("updates/alpha_one.ko", "kernel/gamma/alpha_one.ko", "extra/sub/alpha_one.ko"):
            self.put(path, "other")
            self.assertNoticed()
            time.sleep(0.03)
            self.assertNoticed()
        os.unlink(self.tree.path("kernel/alpha/alpha_one.ko"))
        self.assertNoticed()

    def test_a_file_that_another_one_of_its_name_hides_is_news_too(self):
        """It is in no index. But a state that lacks it, or still has it, does not belong to this tree."""
        self.put("updates/alpha_one.ko", "hides")
        self.assertNoticed()
        time.sleep(0.03)
        self.assertTrue(self.report()["unchanged"])
        self.put("kernel/gamma/alpha_one.ko", "hidden")
        self.assertFalse(self.report()["unchanged"])
        time.sleep(0.03)
        self.ours()
        self.assertTrue(self.report()["unchanged"])
        os.unlink(self.tree.path("kernel/gamma/alpha_one.ko"))
        self.assertFalse(self.report()["unchanged"])
        self.assertNoticed()

    def test_many_new_modules_begin_a_new_base_of_the_state(self):
        recent = os.path.join(self.tree.out_dir, "modules.modfetch.recent")
        self.put("kernel/gamma/more.ko")
        self.assertNoticed()
        self.assertTrue(os.path.exists(recent))
        for i in range(40):
            self.put(f"kernel/gamma/many{i}.ko")
        self.assertNoticed()
        self.assertFalse(os.path.exists(recent))
        time.sleep(0.03)
        self.ours()
        self.assertTrue(self.report()["unchanged"])
        # facts that went through a base, its recent part and the next base are still those of the files
        for i in range(40):
            os.unlink(self.tree.path(f"kernel/gamma/many{i}.ko"))
            if i % 8 == 0:
                self.assertNoticed()
        self.assertNoticed()

    def test_links_to_files_and_directories(self):
        outside = self.put_link("outside1")
        self.assertNoticed()
        time.sleep(0.03)
        self.assertNoticed()
        with open(outside, "r+b") as f:  # the target of a link changes, the link and its directory do not
            f.write(module("outside2"))
        self.assertNoticed()
        os.unlink(outside)
        self.assertEqual(self.tree.ours(PROGRAM).returncode, 0)
        with open(outside, "wb") as f:
            f.write(module("outside3"))
        self.assertNoticed()
        os.symlink(self.tree.path("kernel/alpha"), self.tree.path("weak-updates/directory"))
        self.assertNoticed()
        self.put("kernel/alpha/behind.ko")
        self.assertNoticed()

    def test_what_a_link_leads_to_goes_as_another_module_comes(self):
        outside = self.put_link("outside")
        time.sleep(0.03)
        self.assertNoticed()
        os.unlink(outside)
        self.tree.put("kernel/alpha/comes.ko", ko.make([("license", "GPL")], []))
        self.assertEqual(self.tree.ours(PROGRAM).returncode, 0)
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), trees.read(self.tree.out_dir)), [])

    def test_a_folder_that_is_mounted_over(self):
        other = os.path.join(self.tree.root, "other")
        os.makedirs(other)
        with open(os.path.join(other, "mounted.ko"), "wb") as f:
            f.write(module("mounted"))
        mount = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
        if mount.returncode:
            self.skipTest("no mounts here")
        theirs = ["depmod", "-b", self.tree.root, "-C", self.tree.conf, trees.KVER]
        ours = [PROGRAM, "depmod", "-b", self.tree.root, "-C", self.tree.conf, "-o", self.tree.out, trees.KVER]
        mounted = 'mount --bind "$0" "$1"; shift; exec "$@"'
        for run in (theirs, ours):
            subprocess.run(["unshare", "--mount", "sh", "-c", mounted, other, self.tree.path("kernel/beta"), *run], check=True)
        found = trees.read(self.tree.out_dir)
        self.assertIn(b"kernel/beta/mounted.ko", found["modules.dep"])
        self.assertEqual(trees.differences(trees.read(self.tree.dir), found), [])
        self.assertNoticed()


if __name__ == "__main__":
    unittest.main()
