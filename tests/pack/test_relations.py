#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: test_relations.py RELATIONS [TEST...]

Relations between modules that the packer finds, on whole kernels: softdeps compared with libkmod, requests compared with
requests.tsv, which was extracted from the kernel's source.
With MODFETCH_TEST_ALL=1 the kernel with .ko.xz is tested as well.
"""

import collections
import fnmatch
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from packing import HERE, Kernel, call  # noqa: E402

RELATIONS = sys.argv.pop(1)
KINDS = ["default", "xz"] if os.environ.get("MODFETCH_TEST_ALL") else ["default"]


class Related:
    """A kernel, its tree with indexes, and the relations that the packer finds."""

    def __init__(self, kind, scratch):
        self.kernel = Kernel(kind)
        self.release = self.kernel.release
        (scratch / kind / "lib/modules").mkdir(parents=True)
        self.full = scratch / kind / "lib/modules" / self.release
        if call("cp", "-al", self.kernel.tree, self.full).returncode:
            shutil.copytree(self.kernel.tree, self.full, symlinks=True)
        for index in self.full.glob("modules.*"):  # a link: depmod would write to the shared tree
            if index.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
                index.unlink()
        subprocess.run(["depmod", "-b", scratch / kind, self.release], check=True)
        self.lists = {kind: collections.defaultdict(set) for kind in ("needs", "wants", "asks", "may")}
        for line in self.run().splitlines():
            module, relation, target = line.split()
            self.lists[relation][module].add(target)
        self.words = self.read_words()

    def run(self, *more):
        return subprocess.run([RELATIONS, self.kernel.tree, *more], check=True, stdout=subprocess.PIPE, text=True).stdout

    def read_words(self):
        """Name or alias, '-' turned into '_': the modules that modprobe would load for it."""
        words = collections.defaultdict(set)
        for index in ("modules.alias", "modules.symbols"):
            for line in (self.full / index).read_text(encoding="ascii").splitlines():
                if line.startswith("alias "):
                    word, module = line[len("alias "):].rsplit(" ", 1)
                    words[word.replace("-", "_") if index == "modules.alias" else word].add(module)
        for line in (self.full / "modules.dep").read_text(encoding="ascii").splitlines():
            name = pathlib.Path(line.partition(":")[0]).name.split(".ko")[0].replace("-", "_")
            words[name] = {name}
        return words

    def builtin(self):
        """Names and aliases of built-in modules: the kernel has them and requests nothing."""
        for line in (self.full / "modules.builtin").read_text(encoding="ascii").splitlines():
            yield pathlib.Path(line).name.split(".ko")[0].replace("-", "_")
        for field in (self.full / "modules.builtin.modinfo").read_bytes().decode("latin-1").split("\0"):
            key, _, value = field.partition("=")
            if key.endswith(".alias"):
                yield value.replace("-", "_")

    def closure(self, start, *relations):
        done, todo = set(), list(start)
        while todo:
            module = todo.pop()
            if module not in done:
                done.add(module)
                for relation in relations:
                    todo += self.lists[relation][module]
        return done


class Relations(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="modfetch-relations-", dir=os.environ.get("MODFETCH_TEST_CACHE")))
        cls.addClassCleanup(shutil.rmtree, scratch, ignore_errors=True)
        cls.kernels = [Related(kind, scratch) for kind in KINDS]

    def test_softdeps_and_needs_bring_what_modprobe_would_load(self):
        for related in self.kernels:
            shown = {}
            for line in related.run(related.full).splitlines():
                module, *loaded = line.split()
                shown[module] = set(loaded)
            self.assertGreater(len(shown), 3500)
            # libkmod uses one of several softdep lines of a module; the packer uses all
            lines = collections.Counter(line.split()[1] for line in (related.full / "modules.softdep").read_text(
                encoding="ascii").splitlines() if line.startswith("softdep "))
            several = {module for module, n in lines.items() if n > 1}
            self.assertLess(len(several), 10)
            differences = {}
            for module, loaded in shown.items():
                found = related.closure([module], "needs", "wants")
                if loaded - found or (found - loaded and not found & several):
                    differences[module] = (loaded - found, found - loaded)
            self.assertEqual(differences, {}, related.release)

    def truth(self, related):
        """From requests.tsv: module -> {target: sort}, if the kernel has both."""
        builtin = set(related.builtin())
        rows = collections.defaultdict(dict)
        for line in (HERE / "requests.tsv").read_text(encoding="ascii").splitlines():
            if line.startswith("#"):
                continue
            module, word, sort, _ = line.split("\t")
            if module not in related.words:
                continue
            rows[module].update({})
            pattern = word if word.startswith("symbol:") else word.replace("-", "_")
            targets = set()
            for name in [pattern] if pattern in related.words else fnmatch.filter(related.words, pattern):
                if name not in builtin:
                    targets |= related.words[name]
            for target in targets - related.closure([module], "needs", "wants"):
                if rows[module].get(target) != "needed":
                    rows[module][target] = sort
        return rows

    def test_requests_are_those_of_the_kernels_source(self):
        for related in self.kernels[:1]:
            truth = self.truth(related)
            self.assertGreaterEqual(len(truth), 40)
            wanted = {(m, t) for m, targets in truth.items() for t in targets}
            needed = {(m, t) for m, targets in truth.items() for t, sort in targets.items() if sort == "needed"}
            found = {(m, t) for m in truth for kind in ("asks", "may") for t in related.lists[kind][m]}
            asked = {(m, t) for m in truth for t in related.lists["asks"][m]}
            print(f"{related.release}: {len(truth)} modules with {len(wanted)} targets, {len(needed)} of them needed; "
                  f"precision {len(found & wanted) / len(found):.3f}, recall {len(found & wanted) / len(wanted):.3f}; "
                  f"of the needed ones: precision {len(asked & needed) / len(asked):.3f}, "
                  f"recall {len(asked & needed) / len(needed):.3f}")
            self.assertEqual(needed - asked, set(), "needed, and not found")
            wrong = f"missing {sorted(wanted - found)}, too many {sorted(found - wanted)}"
            self.assertGreaterEqual(len(found & wanted) / len(found), 0.97, wrong)
            self.assertGreaterEqual(len(found & wanted) / len(wanted), 0.97, wrong)
            self.assertGreaterEqual(len(asked & needed) / len(asked), 0.95, sorted(asked - needed))

    def test_no_module_has_an_absurd_number_of_recommends(self):
        for related in self.kernels:
            for kind, most in (("asks", 60), ("may", 150)):
                sizes = {m: len(t) for m, t in related.lists[kind].items() if t}
                print(f"{related.release}: {kind}: {sum(sizes.values())} of {len(sizes)} modules, median "
                      f"{statistics.median(sizes.values())}, most {sorted(sizes.items(), key=lambda s: -s[1])[:5]}")
                self.assertLessEqual(max(sizes.values()), most)

    def test_common_drivers_grow_by_what_they_ask_for_alone(self):
        for related in self.kernels:
            for module, most in (("iwlwifi", 30), ("e1000e", 0), ("snd_hda_intel", 6)):
                before = related.closure([module], "needs", "wants")
                after = related.closure([module], "needs", "wants", "asks")
                print(f"{related.release}: {module}: {len(before)} modules with softdeps, {len(after)} with requests: "
                      f"{' '.join(sorted(after - before))}")
                self.assertLessEqual(len(after - before), most, after - before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
