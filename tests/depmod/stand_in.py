#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""This program under the name of depmod, compared with the installed depmod: options, messages, exit status, indexes."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ko
import trees

PROGRAM = os.path.abspath(os.environ["MODFETCH"])


class StandIn(unittest.TestCase):
    def setUp(self):
        self.tree = trees.Tree()
        self.addCleanup(self.tree.close)
        self.link = os.path.join(self.tree.root, "depmod")
        os.symlink(PROGRAM, self.link)

    def put(self, name, *args):
        self.tree.put(f"kernel/{name}.ko", ko.make(*args))

    def real(self, every=40):
        source = trees.kernel("default")
        for name in trees.modules_of(source)[::every] + ["modules.order", "modules.builtin", "modules.builtin.modinfo"]:
            self.tree.put(name, os.path.join(source, name))

    def file(self, name, text):
        path = os.path.join(self.tree.root, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def symvers(self):
        """Of the kernel; those of its modules are in it too."""
        base = trees.kernel("default").split("/lib/modules/")
        with open(f"{base[0]}/usr/src/linux-headers-{base[1]}/Module.symvers", encoding="ascii") as f:
            return f.read()

    def run_both(self, *args, kver=(trees.KVER,), base=True, cwd=None):
        """Both, theirs first, with their indexes."""
        results = []
        for program in "depmod", self.link:
            for name in trees.INDEXES:
                if os.path.exists(self.tree.path(name)):
                    os.unlink(self.tree.path(name))
            options = ["-b", self.tree.root, "-C", self.tree.conf] if base else []
            done = subprocess.run([program, *options, *args, *kver], capture_output=True, text=True, check=False, errors="replace", cwd=cwd)
            results.append((done, trees.read(self.tree.dir)))
        return results

    @staticmethod
    def lines(text):
        """Without what the C library says, and the words of a missing file: they name it in their own way."""
        return [line for line in text.replace(":\n", ": ").splitlines()
                if not re.search(r"there is none|could not fstatat|could not open modules\.|could not open .*modules\.|unrecognized|invalid option|requires an arg", line)]

    def assertSame(self, *args, messages=True, **kwargs):
        (theirs, want), (ours, got) = self.run_both(*args, **kwargs)
        self.assertEqual(theirs.returncode, ours.returncode, (theirs, ours))
        self.assertEqual(theirs.stdout, ours.stdout)
        if messages:
            self.assertEqual(self.lines(theirs.stderr), self.lines(ours.stderr))
        self.assertEqual(trees.differences(want, got), [])
        return theirs

    def test_common_calls(self):
        self.real()
        for args in ([], ["-a"], ["--all"], ["-A"], ["--quick"], ["-n"], ["--show"], ["--dry-run"], ["-an"], ["-A", "-n"], ["-q"] * (trees.version() < 34),
                     ["-w"], ["--warn"]):
            with self.subTest(args=args):
                self.assertSame(*args)

    def test_a_release_is_the_running_one_by_default_and_must_be_one(self):
        self.real()
        os.rename(self.tree.dir, os.path.join(os.path.dirname(self.tree.dir), os.uname().release))
        self.tree.dir = os.path.join(os.path.dirname(self.tree.dir), os.uname().release)
        self.assertSame(kver=())
        if trees.version() >= 34:
            self.assertSame(kver=("nothing",))
        # a list of modules would replace all indexes by theirs alone
        before = trees.read(self.tree.dir)
        done = subprocess.run([self.link, "-b", self.tree.root, "1.2.3", "/x.ko"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, trees.read(self.tree.dir)), (1, before))
        self.assertIn("depmod: ERROR: /x.ko: a list of modules is not supported", done.stderr)

    def test_unknown_symbols_by_a_system_map(self):
        self.real(20)
        names = [line.split("\t")[1] for line in self.symvers().splitlines() if "\tvmlinux\t" in line]
        everything = "".join(f"ffffffff81000000 R __ksymtab_{name}\n" for name in names)
        for name, text in ("map", everything), ("half", everything[:len(everything) // 2]), ("empty", ""), ("odd", "x\n\ny z\n"):
            with self.subTest(map=name):
                path = self.file(name, text)
                done = self.assertSame("-ae", "-F", path, messages=name != "odd")
                if name == "half":
                    self.assertGreater(done.stderr.count("needs unknown symbol"), 100)
        self.assertSame("--errsyms", f"--filesyms={path}", messages=False)
        self.assertSame("-F", self.file("unused", ""))
        self.assertSame("-e")

    def test_unknown_symbols_and_other_crcs_by_a_module_symvers(self):
        self.real(20)
        text = self.symvers()
        self.assertSame("-e", "-E", self.file("all", text))
        # every tenth CRC of the kernel is another one, every eleventh symbol is missing
        lines = ["0x00000001" + line[10:] if i % 10 == 0 else line for i, line in enumerate(text.splitlines()) if i % 11]
        done = self.assertSame("-e", "-E", self.file("other", "\n".join(lines) + "\n"))
        self.assertIn("disagrees about version of symbol", done.stderr)
        self.assertIn("needs unknown symbol", done.stderr)
        self.assertSame("--errsyms", "--symvers", self.file("all", text), "-F", "/nonexistent")

    def test_a_list_that_cannot_be_read_is_an_error_before_anything_is_written(self):
        self.real()
        for option in "-E", "-F":
            (theirs, want), (ours, got) = self.run_both(option, "/nonexistent")
            self.assertEqual((theirs.returncode, ours.returncode), (1, 1))
            self.assertIn("/nonexistent", ours.stderr)
            self.assertEqual(got, want)
            self.assertEqual(set(got.values()), {None})

    def test_weak_symbols_and_the_loaders_own_are_never_unknown(self):
        self.put("a", [("license", "GPL")], ["exported"], ["nowhere", "__this_module", "_GLOBAL_OFFSET_TABLE_"])
        self.put("b", [("license", "GPL")], [], ["exported", "nowhere"])
        done = self.assertSame("-e", "-F", self.file("map", ""))
        self.assertEqual(done.stderr.count("unknown symbol nowhere"), 2)
        self.assertNotIn("__this_module", done.stderr)

    def test_aliases_that_a_module_has_twice(self):
        self.put("a", [("alias", "pci:v-1"), ("alias", "pci:v_1"), ("alias", "x"), ("alias", "x"), ("alias", "x")])
        self.put("b", [("alias", "x")])
        done = self.assertSame("-w")
        self.assertEqual(done.stderr.count("duplicate module alias"), 3)
        self.assertSame()

    def test_verbose_says_who_needs_whom_on_standard_output(self):
        self.real(15)
        (theirs, want), (ours, got) = self.run_both("-v")
        needs = [[line for line in run.stdout.splitlines() if " needs " in line] for run in (theirs, ours)]
        # before 34 depmod prints it for each symbol, which is more than anyone reads
        seen = set()
        first = [line for line in needs[0] if (pair := (line.split(' needs "')[0], line.split('": ')[1])) not in seen and not seen.add(pair)]
        self.assertEqual(needs[1], first)
        self.assertGreater(len(first), 20)
        self.assertEqual(trees.differences(want, got), [])

    def test_a_byte_at_the_beginning_of_symbols_is_left_out(self):
        self.put("a", [("license", "GPL")], ["_one", "two", "__three"])
        self.put("b", [("license", "GPL")], [], ["one", "_two", "__three", "___four"])
        for args in (["-P", "_"], ["--symbol-prefix=_"], ["-P", "o"], []):
            with self.subTest(args=args):
                self.assertSame(*args)
                # the messages have the shortened names
                self.assertSame(*args, "-e", "-F", self.file("map", "1 T ___ksymtab___four\n1 T __ksymtab_two\n"), messages=args[-1:] != ["o"])
        self.assertSame("-P", "ab", messages=False)

    def test_cycles_are_told_word_for_word_in_its_order(self):
        rings = [dict(zip("abcdefgh", ring)) for ring in ("bcadxedd", "badcfexx", "bcdeaxxx", "axxxxxxx", "bcdefgha", "bacdbxxx")]
        for number, ring in enumerate(rings):
            with self.subTest(ring=number):
                for name in self.tree.modules():
                    os.unlink(self.tree.path(name))
                for order in (sorted(ring), sorted(ring, reverse=True)):
                    for name in order:
                        self.put(name, [("license", "GPL")], [f"of_{name}"], [] if ring[name] == "x" else [f"of_{ring[name]}"])
                    self.tree.put("modules.order", "".join(f"kernel/{name}.ko\n" for name in order).encode())
                    done = self.assertSame()
                    self.assertEqual(done.returncode, 1 if any(v != "x" for v in ring.values()) else 0)

    def test_another_module_directory(self):
        self.real()
        if trees.version() < 34:
            self.assertSame("-m", messages=False)
            return
        other = os.path.join(self.tree.root, "mods")
        os.rename(os.path.join(self.tree.root, "lib/modules"), other)
        self.tree.dir = os.path.join(other, trees.KVER)
        for name in "/mods", "mods", "//mods":
            self.assertSame("-m", name)

    def test_relative_directories_and_output_elsewhere(self):
        self.real()
        parent, name = os.path.split(self.tree.root)
        for base in name, f"{name}/", f"./{name}//":
            self.assertSame("-b", base, "-C", self.tree.conf, base=False, cwd=parent)
        outs = [self.assertSame() and trees.read(self.tree.dir)]
        # since 31 depmod has -o
        for program in ("depmod", self.link)[trees.version() < 31:]:
            out = os.path.join(self.tree.root, f"out-{os.path.basename(program)}-{len(outs)}")
            os.makedirs(os.path.join(out, "lib/modules", trees.KVER))
            subprocess.run([program, "-b", self.tree.root, "-C", self.tree.conf, "-o", out, trees.KVER], check=True)
            outs.append(trees.read(os.path.join(out, "lib/modules", trees.KVER)))
        for out in outs[1:]:
            self.assertEqual(trees.differences(outs[0], out), [])

    def test_mistakes_have_its_exit_status(self):
        for args in (["--no-such"], ["-x"], ["-b"], ["-b", "/nonexistent"], ["-h"], ["--help"]):
            with self.subTest(args=args):
                (theirs, _), (ours, _) = self.run_both(*args)
                self.assertEqual(theirs.returncode, ours.returncode, ours)
                self.assertNotIn("modfetch:", ours.stderr)

    def test_version_begins_as_its(self):
        for option in "-V", "--version":
            theirs = subprocess.run(["depmod", option], capture_output=True, text=True, check=True).stdout.splitlines()
            for words in ([self.link, option], [PROGRAM, "depmod", option]):
                ours = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
                self.assertEqual(ours[0].split(".")[0], theirs[0].split(".")[0])
                self.assertEqual(ours[1], theirs[1])

    def test_the_verb_takes_the_same_options(self):
        self.real(40)
        path = self.file("map", "")
        done = subprocess.run([PROGRAM, "depmod", "-b", self.tree.root, "-ae", "-F", path, "-w", trees.KVER], capture_output=True, text=True, check=True)
        self.assertRegex(done.stderr, r"modfetch: \S+/kernel/\S+ needs unknown symbol \w+\n")
        self.assertEqual(subprocess.run([PROGRAM, "depmod", "-b", self.tree.root, "-e", trees.KVER], check=False, capture_output=True).returncode, 64)


if __name__ == "__main__":
    unittest.main()
