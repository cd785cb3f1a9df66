#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch depmod compared with depmod: options, cycles, the order of publishing, the lock, and a very large tree."""
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ko
import trees

PROGRAM = os.path.abspath(os.environ["MODFETCH"])
STATES = {"modules.modfetch", "modules.modfetch.recent"}


class WithTree(unittest.TestCase):
    def setUp(self):
        self.tree = trees.Tree()
        self.addCleanup(self.tree.close)

    def ours(self, *more, **options):
        return self.tree.ours(PROGRAM, *more, **options)

    def real(self, every=40):
        """Some modules of a real kernel."""
        source = trees.kernel("default")
        for name in trees.modules_of(source)[::every] + ["modules.order", "modules.builtin", "modules.builtin.modinfo"]:
            self.tree.put(name, os.path.join(source, name))

    def assertSame(self):
        """Runs ours, with output beside the tree, and theirs, with output in it."""
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(self.ours().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), trees.read(self.tree.out_dir)), [])


class Options(WithTree):
    def test_show_prints_what_depmod_prints_and_writes_nothing(self):
        self.real()
        before = sorted(os.listdir(self.tree.dir))
        theirs = self.tree.depmod("-n")
        for option in ("-n", "--show"):
            shown = self.ours(option, out=False)
            self.assertEqual((shown.returncode, shown.stdout), (0, theirs.stdout))
        self.assertEqual(sorted(os.listdir(self.tree.dir)), before)

    def test_outdir_leaves_the_tree_alone(self):
        self.real()
        before = sorted(os.listdir(self.tree.dir))
        self.assertEqual(self.ours().returncode, 0)
        self.assertEqual(sorted(os.listdir(self.tree.dir)), before)
        self.assertLessEqual(set(trees.INDEXES) | {"modules.modfetch"}, set(os.listdir(self.tree.out_dir)))

    def test_configuration_is_taken_from_files_and_folders_in_their_order(self):
        self.real()
        name = next(n for n in self.tree.modules() if n.startswith("kernel/drivers"))
        for directory in ("alpha", "beta"):
            self.tree.put(f"{directory}/{os.path.basename(name)}", self.tree.path(name))
        paths = []
        for number, directory in enumerate(("alpha", "beta")):
            paths.append(os.path.join(self.tree.root, f"{number}.conf"))
            with open(paths[-1], "w", encoding="ascii") as f:
                f.write(f"search {directory} built-in\n")
        winners = set()
        for order in (paths, paths[::-1], paths[:1], paths[1:]):
            options = [word for path in order for word in ("-C", path)]
            out = os.path.join(self.tree.root, "again")
            subprocess.run(["depmod", "-b", self.tree.root, *options, trees.KVER], check=True)
            subprocess.run([PROGRAM, "depmod", "-b", self.tree.root, "-o", out, *options, trees.KVER], check=True)
            got = trees.read(os.path.join(out, "lib/modules", trees.KVER))
            self.assertEqual(trees.differences(trees.read(self.tree.dir), got), [])
            winners.add(re.search(rb"^(\w+)/" + os.path.basename(name).encode(), got["modules.dep"], re.M)[1])
        self.assertEqual(winners, {b"alpha", b"beta"})

    def test_verbose_says_who_needs_whom_for_which_symbol(self):
        self.real(15)
        needs = re.compile(r'(\S+) needs "(\S+)": (\S+)')
        theirs = self.tree.depmod("-v", "-n").stdout
        # an unchanged tree leads to no messages, but --show always prints everything
        wanted = {tuple(word.removeprefix(self.tree.dir + "/") for word in m.groups()) for m in needs.finditer(theirs)}
        self.assertGreater(len(wanted), 20)
        for option in ("-v", "--verbose"):
            told = {m.groups() for m in needs.finditer(self.ours(option, "-n").stderr)}
            # depmod prints it once for each symbol, we once for each module
            self.assertLessEqual(told, wanted)
            self.assertEqual({(a, b) for a, _, b in told}, {(a, b) for a, _, b in wanted})

    def test_what_depmod_takes_for_old_scripts_is_taken(self):
        self.real()
        for option in ("-a", "--all", "-A", "--quick"):
            self.assertEqual(self.ours(option).returncode, 0)
        self.assertSame()

    def run_in_tree(self, *more):
        done = subprocess.run([PROGRAM, "--json", "depmod", "-b", self.tree.root, "-C", self.tree.conf, trees.KVER, *more],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def put_another(self):
        """A module of the kernel that real(10) left out; returns its path in the tree."""
        source = trees.kernel("default")
        name = trees.modules_of(source)[1]
        self.tree.put(name, os.path.join(source, name))
        return name

    def test_learning_spares_the_next_run_the_reading_and_touches_no_index(self):
        self.real(10)
        self.assertEqual(self.tree.depmod().returncode, 0)
        before = {name: os.stat(self.tree.path(name)) for name in trees.INDEXES if os.path.exists(self.tree.path(name))}
        first = self.run_in_tree("--learn")
        self.assertEqual(first["read"], first["modules"])
        for name, was in before.items():
            now = os.stat(self.tree.path(name))
            self.assertEqual((now.st_ino, now.st_mtime_ns, now.st_ctime_ns), (was.st_ino, was.st_mtime_ns, was.st_ctime_ns), name)
        self.assertTrue(self.run_in_tree("--learn")["unchanged"])
        self.assertTrue(self.run_in_tree()["unchanged"])
        # one module that came: only it is read, also where only that path is looked at
        name = self.put_another()
        self.assertEqual(self.run_in_tree("--changed", name)["read"], 1)
        got = trees.read(self.tree.dir)
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), got), [])

    def test_learning_does_not_take_an_old_index_for_a_current_one(self):
        self.real(10)
        self.assertEqual(self.tree.depmod().returncode, 0)
        name = self.put_another()
        before = trees.read(self.tree.dir)
        self.run_in_tree("--learn")
        self.assertEqual(trees.differences(before, trees.read(self.tree.dir)), [])
        self.assertFalse(self.run_in_tree("--changed", "kernel/nothing.ko")["unchanged"])
        got = trees.read(self.tree.dir)
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), got), [])

    def test_what_is_not_understood_is_refused(self):
        for more in (("--no-such",), ("-o",), ("kernel/x.ko",)):
            done = subprocess.run([PROGRAM, "depmod", "-b", self.tree.root, trees.KVER, *more], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 64, done.stderr)
        done = subprocess.run([PROGRAM, "depmod", "-b", self.tree.root, "6.1.98-none"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("6.1.98-none", done.stderr)


class Cycles(WithTree):
    """Pairs of modules: importer and exporter of a symbol."""

    def put(self, **needs):
        for name, others in needs.items():
            self.tree.put(f"kernel/{name}.ko", ko.make([("license", "GPL")], [f"of_{name}"], [f"of_{o}" for o in others]))

    @staticmethod
    def cycles(text):
        """The reported cycles; the start of a cycle is irrelevant, and depmod has no rule for it."""
        found = []
        for line in text.splitlines():
            if m := re.search(r"Cycle detected: (.*)", line):
                ring = m[1].split(" -> ")
                assert ring[0] == ring[-1] and len(ring) > 1, line
                at = ring.index(min(ring))
                found.append(ring[at:-1] + ring[:at])
            elif m := re.search(r"Found \d+ modules in dependency cycles!", line):
                found.append(m[0].split())
        return sorted(found)

    def test_they_are_told_as_depmod_tells_them(self):
        for needs in ({"a": "b", "b": "c", "c": "a", "x": "a"}, {"a": "b", "b": "a", "c": "d", "d": "c", "e": ""},
                      {"a": "b", "b": "c", "c": "d", "d": "e", "e": "a"}):
            with self.subTest(needs=needs):
                for name in self.tree.modules():
                    os.unlink(self.tree.path(name))
                self.put(**needs)
                theirs, ours = self.tree.depmod(), self.ours()
                self.assertEqual(*(self.cycles(run.stderr) for run in (theirs, ours)))
                self.assertEqual((theirs.returncode, ours.returncode), (1, 1))
                self.assertIn(f"modfetch: depmod: {trees.KVER}: modules in dependency cycles [DEPMOD]", ours.stderr)

    def test_the_old_indexes_stay(self):
        self.put(a="b", b="", c="a")
        self.assertSame()
        before = trees.read(self.tree.out_dir)
        self.put(b="c")
        self.assertEqual(self.ours().returncode, 1)
        self.assertEqual(trees.read(self.tree.out_dir), before)
        self.put(b="")
        self.assertSame()

    def test_a_symbol_without_an_exporter_is_no_dependency(self):
        self.put(a="b", b=["nobody"])
        self.assertSame()


class Publishing(WithTree):
    """In the order of system calls."""

    def trace(self, *more):
        path = os.path.join(self.tree.root, "trace")
        done = self.ours(*more, wrap=("strace", "-f", "-y", "-qq", "-o", path, "-e",
                                      "trace=fsync,fdatasync,renameat,renameat2,rename,flock,openat,unlinkat"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8") as f:
            return f.read().splitlines()

    def test_all_is_on_disk_before_the_first_name_changes_and_modules_dep_bin_is_last(self):
        self.real()
        lines = self.trace()
        renames = [i for i, line in enumerate(lines) if "rename" in line and "modfetch" not in line]
        names = [re.search(r'"(modules\.[\w.]+)"', lines[i])[1] for i in renames]
        # each may need a second call if there was no file to exchange with
        self.assertEqual(set(names), set(trees.INDEXES))
        self.assertEqual(names[-1], "modules.dep.bin")
        synced = [i for i, line in enumerate(lines) if "fsync(" in line and ".partial>" in line]
        self.assertEqual(len(synced), len(trees.INDEXES))
        self.assertLess(max(synced), renames[0])
        directory = [i for i, line in enumerate(lines) if "fsync(" in line and f"{trees.KVER}>" in line]
        self.assertGreater(directory[-1], renames[-1])
        locked = [i for i, line in enumerate(lines) if "flock(" in line][0]
        self.assertLess(locked, next(i for i, line in enumerate(lines) if ".partial" in line))
        self.assertTrue(any("modules.modfetch" in line for line in lines[renames[-1]:]), "the state comes last")

    def test_without_sync_nothing_waits_for_the_disk(self):
        self.real()
        self.assertFalse([line for line in self.trace("--no-sync") if "sync(" in line])

    def test_what_has_not_changed_is_not_written_again(self):
        self.real()
        # a file that was just created is read twice, and its record written twice
        time.sleep(0.1)
        self.ours()
        self.assertFalse([line for line in self.trace() if "rename" in line])

    def test_a_run_waits_for_the_one_before(self):
        self.real()
        self.assertEqual(self.ours().returncode, 0)
        fd = os.open(self.tree.out_dir, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        started = time.monotonic()
        threading.Timer(0.5, os.close, (fd,)).start()
        self.assertEqual(self.ours().returncode, 0)
        self.assertGreater(time.monotonic() - started, 0.4)

    def test_a_lock_that_is_never_released_ends_in_a_line(self):
        self.real()
        etc = os.path.join(self.tree.root, "etc/modfetch")
        os.makedirs(etc)
        with open(os.path.join(etc, "modfetch.conf"), "w", encoding="ascii") as f:
            f.write("[modfetch]\nlock-timeout=0\n")
        fd = os.open(self.tree.dir, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        done = subprocess.run([PROGRAM, "--root", self.tree.root, "depmod", trees.KVER], capture_output=True, text=True,
                              check=False, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^modfetch: depmod: .*\[LOCKED\]")
        self.assertFalse(os.path.exists(self.tree.path("modules.dep")))


class Alone(WithTree):
    """The verb is in the program itself; the module of the other verbs is loaded only for them."""

    def setUp(self):
        super().setUp()
        self.alone = os.path.join(self.tree.root, "alone")
        with open(PROGRAM, "rb") as f:
            program = f.read()
        self.assertIn(b"modfetch-verbs-", program)
        with open(self.alone, "wb") as f:
            f.write(program.replace(b"modfetch-verbs-", b"modfetch-absent"))
        os.chmod(self.alone, 0o755)

    def run_alone(self, *arguments):
        return subprocess.run([self.alone, *arguments], capture_output=True, text=True, check=False)

    def test_depmod_needs_no_other_file(self):
        self.real()
        done = self.run_alone("depmod", "-b", self.tree.root, "-C", self.tree.conf, "-o", self.tree.out, trees.KVER)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), trees.read(self.tree.out_dir)), [])

    def test_any_other_verb_fails_in_one_line(self):
        done = self.run_alone("--root", self.tree.root, "lookup", "e1000e")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^modfetch: command: lookup: modfetch-absent\S+: .* \[ELIBACC\]\n$")


    def test_pack_without_its_package_names_that(self):
        # no other file has the name of this one, so the module cannot be found
        with open(self.alone, "r+b") as f:
            program = f.read()
            f.seek(0)
            f.write(program.replace(b"modfetch-pack-", b"modfetch-away-"))
        done = self.run_alone("--root", self.tree.root, "pack", "-o", self.tree.out, self.tree.dir)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^modfetch: command: pack: modfetch-away-\S+: .*; the package modfetch-pack has this verb, "
                         r"install it \[ELIBACC\]\n$")


class Large(WithTree):
    """As many aliases as 60,000 modules of a real kernel."""

    def test_sixty_thousand_modules(self):
        for i in range(60000):
            directory = f"kernel/drivers/d{i // 100}"
            if i % 100 == 0:
                os.makedirs(self.tree.path(directory))
            aliases = [("alias", f"pci:v{i:08X}d{k:08X}sv*sd*bc*sc*i*") for k in range(6)]
            with open(self.tree.path(f"{directory}/m{i}.ko"), "wb") as f:
                f.write(ko.make([("license", "GPL"), *aliases], [f"of_{i}"], [f"of_{i // 7}"] if i else []))
        with open(self.tree.path("modules.order"), "w", encoding="ascii") as f:
            f.writelines(f"kernel/drivers/d{i // 100}/m{i}.ko\n" for i in range(0, 60000, 3))
        self.assertSame()
        os.unlink(self.tree.path("kernel/drivers/d7/m777.ko"))
        self.assertEqual(self.tree.depmod().returncode, 0)
        self.assertEqual(self.ours(changed=["kernel/drivers/d7/m777.ko"]).returncode, 0)
        self.assertEqual(trees.differences(trees.read(self.tree.dir), trees.read(self.tree.out_dir)), [])


if __name__ == "__main__":
    unittest.main()
