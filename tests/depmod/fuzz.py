#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: fuzz.py MODFETCH [--steps N] [--seed S] [--seconds T]

Random sequences of changes to a module tree. After each step the real depmod indexes the tree and
modfetch updates its own indexes, and every file must be equal byte for byte. Our indexes are written
to a separate directory (-o), so that depmod's run does not change the state; sometimes this is done on
purpose. In half of the steps the caller passes the changed paths (--changed), in one of the ways of
telling.py. Each sequence has one seed; a failed sequence is printed with its steps.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ko
import telling
import trees

SEQUENCE = 40  # steps before a new tree


class Sequence:
    """One tree and the changes to it."""

    def __init__(self, program, pools, seed):
        self.program, self.seed = program, seed
        self.random = random.Random(seed)
        self.kind = self.random.choice(sorted(pools))
        self.source, self.pool = pools[self.kind]
        self.tree = trees.Tree()
        self.log = []
        self.changed, self.failed = None, False
        self.told = 0  # steps with --changed
        self.made = 0
        self.older = {}
        for name in self.random.sample(self.pool, self.random.choice((0, 1, 15, 60, 100))):
            self.tree.put(name, os.path.join(self.source, name))
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copyfile(os.path.join(self.source, name), self.tree.path(name))

    # ---- the changes ----

    def any_module(self):
        names = self.tree.modules()
        return self.random.choice(names) if names else None

    def touched(self, *names):
        if self.changed is not None:
            self.changed += names

    def op_add(self):
        for name in self.random.sample(self.pool, self.random.choice((1, 1, 1, 5, 20))):
            self.tree.put(name, os.path.join(self.source, name))
            self.touched(name)
        return name

    def op_remove(self):
        names = self.tree.modules()
        gone = self.random.sample(names, min(len(names), self.random.choice((1, 1, 2, 10))))
        for name in gone:
            os.unlink(self.tree.path(name))
            self.touched(name)
        return gone[:3]

    def op_remove_all(self):
        if self.random.random() < 0.7:
            return None
        for name in self.tree.modules():
            os.unlink(self.tree.path(name))
            self.touched(name)
        return "everything"

    def op_replace(self):
        name = self.any_module()
        if not name:
            return None
        other = self.random.choice(self.pool)
        path = self.tree.path(name)
        os.unlink(path)
        shutil.copyfile(os.path.join(self.source, other), path)
        self.touched(name)
        return name, other

    def plain(self, name):
        """The uncompressed bytes of a module."""
        path = self.tree.path(name)
        for ending, tool in ((".xz", "xz"), (".zst", "zstd")):
            if name.endswith(ending):
                return subprocess.run([tool, "-dcq", path], capture_output=True, check=False).stdout
        with open(path, "rb") as f:
            return f.read()

    def write(self, name, data):
        """Writes in place, compressed according to the file name."""
        for ending, tool in ((".xz", "xz"), (".zst", "zstd")):
            if name.endswith(ending):
                data = subprocess.run([tool, "-1cq"], input=data, capture_output=True,
                                      check=True).stdout
        with open(self.tree.path(name), "r+b") as f:
            f.write(data)
            f.truncate()
        self.touched(name)

    def op_edit(self):
        """Writes another alias of the same length in place, sometimes with the old times."""
        name = self.any_module()
        if not name or os.path.islink(self.tree.path(name)):
            return None
        data = bytearray(self.plain(name))
        places = [i for i in range(len(data) - 8) if data[i:i + 6] == b"alias="][:50]
        if not places:
            return None
        at = self.random.choice(places) + 6
        if not data[at]:
            return None
        data[at] = self.random.choice(b"abcxyz_-0123456789*?[]")
        before = os.stat(self.tree.path(name))
        self.write(name, bytes(data))
        if self.random.random() < 0.5:
            os.utime(self.tree.path(name), ns=(before.st_atime_ns, before.st_mtime_ns))
        return name

    def op_times(self):
        """Sets times as with a wrong clock, or only touches a file."""
        name = self.any_module()
        if not name:
            return None
        when = self.random.choice((0, 1, 10**9, 4 * 10**9)) * 10**9 + self.random.randrange(10**9)
        os.utime(self.tree.path(name), ns=(when, when))
        self.touched(name)
        return name, when

    def op_override(self):
        """Adds a second file with the name of a module: elsewhere, sometimes with another spelling or suffix."""
        name = self.any_module() or self.random.choice(self.pool)
        base = os.path.basename(name)
        if self.random.random() < 0.2:
            base = base.replace("_", "-") if self.random.random() < 0.5 else base.replace("-", "_")
        directory = self.random.choice(("updates", "extra", "updates/dkms", "weak-updates", "kernel/x",
                                     "alpha/beta", "kernel"))
        source = self.random.choice(self.pool) if self.random.random() < 0.3 else name
        path = os.path.join(self.source, source)
        if not os.path.exists(path):
            path = os.path.join(self.source, self.random.choice(self.pool))
        ending = path[path.index(".ko"):]
        target = os.path.join(directory, base[:base.index(".ko")] + ending)
        if os.path.lexists(self.tree.path(target)):
            os.unlink(self.tree.path(target))
        self.tree.put(target, path)
        self.touched(target)
        return target

    def op_compress(self):
        name = self.any_module()
        if not name or os.path.islink(self.tree.path(name)):
            return None
        stem = name[:name.index(".ko")] + ".ko"
        target = stem + self.random.choice(("", ".xz", ".zst", ".gz"))
        if os.path.lexists(self.tree.path(target)):
            return None
        data = self.plain(name) if not name.endswith(".gz") else b""
        os.unlink(self.tree.path(name))
        self.tree.put(target, b"")
        self.write(target, data)
        self.touched(name, target)
        return name, target

    def op_link(self):
        """Adds a link as in weak-updates, or a link to a directory, or a dangling link."""
        name = self.any_module()
        target = self.random.choice(("weak-updates/", "extra/linked-")) + \
            os.path.basename(name or "none.ko")
        if os.path.lexists(self.tree.path(target)):
            os.unlink(self.tree.path(target))
        os.makedirs(os.path.dirname(self.tree.path(target)), exist_ok=True)
        kind = self.random.random()
        if kind < 0.2:
            os.symlink("/nowhere/x.ko", self.tree.path(target))
        elif name and not os.path.islink(self.tree.path(name)):
            os.symlink(os.path.relpath(self.tree.path(name), os.path.dirname(self.tree.path(target))),
                       self.tree.path(target))
        self.touched(target)
        return target

    def op_link_directory(self):
        """A directory of the tree gets a second name; changes of its files are not reported under this name."""
        target = self.random.choice(("extra/second", "updates/second", "kernel/second"))
        path = self.tree.path(target)
        if os.path.lexists(path):
            os.unlink(path)
            names = []
        else:
            directories = sorted({os.path.dirname(name) for name in self.tree.modules()
                              # a link to its own directory keeps depmod busy for ever
                              if name.startswith("kernel/") and "second" not in name})
            directories = [name for name in directories if name != "kernel"]
            if not directories:
                return None
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(self.tree.path(self.random.choice(directories)), path)
            names = [name for name in self.tree.modules() if name.startswith(target)]
        self.touched(target, *names)
        return target, len(names)

    def op_link_early(self):
        """Adds a link to a module that does not exist yet, or adds that module."""
        name = self.random.choice(self.pool)
        link = "weak-updates/" + os.path.basename(name)
        if not os.path.lexists(self.tree.path(link)) and not os.path.exists(self.tree.path(name)):
            os.makedirs(self.tree.path("weak-updates"), exist_ok=True)
            os.symlink(self.tree.path(name), self.tree.path(link))
            self.touched(link)
            self.early = name
        elif getattr(self, "early", None):
            self.tree.put(self.early, os.path.join(self.source, self.early))
            self.touched(self.early)
            return self.early, "has come"
        return link

    def op_remove_winner(self):
        """Removes the indexed one of two files with the same name; the other one must get into the index."""
        by_name = {}
        for name in self.tree.modules():
            by_name.setdefault(os.path.basename(name).split(".")[0].replace("-", "_"), []).append(name)
        twice = [names for names in by_name.values() if len(names) > 1]
        if not twice:
            return None
        names = self.random.choice(twice)
        with open(os.path.join(self.tree.dir, "modules.dep"), encoding="ascii") as f:
            winners = {line.split(":")[0] for line in f}
        for name in names:
            if name in winners:
                os.unlink(self.tree.path(name))
                self.touched(name)
        return names

    def op_directory(self):
        """Removes or renames a whole directory, or replaces it by a file."""
        directories = sorted({os.path.dirname(name) for name in self.tree.modules()} - {""})
        directories = [f for f in directories if not os.path.islink(self.tree.path(f))]
        if not directories or self.random.random() < 0.5:
            return None
        directory = self.random.choice(directories)
        names = [name for name in self.tree.modules() if name.startswith(directory + "/")]
        target = "extra/moved"
        how = self.random.randrange(3)
        if how == 0 or os.path.lexists(self.tree.path(target)) or target.startswith(directory):
            shutil.rmtree(self.tree.path(directory))
            self.touched(*self.random.choice((names, [directory])))
        elif how == 1:
            os.makedirs(self.tree.path("extra"), exist_ok=True)
            os.rename(self.tree.path(directory), self.tree.path(target))
            self.touched(directory, target)
        else:
            shutil.rmtree(self.tree.path(directory))
            shutil.copyfile(os.path.join(self.source, self.pool[0]), self.tree.path(directory))
            self.touched(directory)
        return directory, how

    def op_plain(self):
        """Another program adds and removes modules and runs plain depmod; modfetch is not notified."""
        told, self.changed = self.changed, None
        log = [self.random.choice((self.op_add, self.op_remove, self.op_override, self.op_link,
                                   self.op_remove_winner))() for _ in range(2)]
        try:
            if self.tree.depmod(timeout=20).returncode == 0:
                self.changed = told
                for name in set(trees.INDEXES) & set(os.listdir(self.tree.dir)):
                    shutil.copyfile(self.tree.path(name), os.path.join(self.tree.out_dir, "new"))
                    os.rename(os.path.join(self.tree.out_dir, "new"), os.path.join(self.tree.out_dir, name))
        except subprocess.TimeoutExpired:
            pass
        return log, self.changed is told

    def op_stale(self):
        """Replaces the state, or half of it, by an old one."""
        back = []
        for name in ("modules.modfetch", "modules.modfetch.recent"):
            path = os.path.join(self.tree.out_dir, name)
            how = self.random.randrange(4)
            if how == 0 and self.older.get(name):
                with open(path, "wb") as f:
                    f.write(self.older[name])
                back.append(name)
            elif how == 1 and os.path.exists(path):
                with open(path, "rb") as f:
                    self.older[name] = f.read()
            elif how == 2 and name.endswith("recent") and os.path.exists(path):
                os.unlink(path)
                back.append("none")
        return back

    def op_damage(self):
        """Truncates or empties a module, or fills it with random bytes."""
        name = self.any_module()
        if not name or os.path.islink(self.tree.path(name)):
            return None
        with open(self.tree.path(name), "r+b") as f:
            size = os.fstat(f.fileno()).st_size
            how = self.random.randrange(3)
            if how == 0:
                f.truncate(self.random.randrange(size + 1))
            elif how == 1:
                f.truncate(0)
            else:
                f.write(self.random.randbytes(min(size, 64)))
        self.touched(name)
        return name, how

    def op_made(self):
        """Adds a synthetic module: odd names, aliases, exports that other modules have too."""
        self.made += 1
        spelling = self.random.choice(("made{}", "made-up-{}", "made.dotted.{}", "made_{}.1", "M{}"))
        name = "extra/" + spelling.format(self.made % 7) + ".ko"
        pick = lambda what, n: self.random.sample(what, self.random.randrange(n))
        symbols = [f"made_symbol_{i}" for i in range(6)]
        info = [("license", "GPL")]
        info += [("alias", a) for a in pick(
            ["made:v*", "made-dash-[0-9a-f-]*", "made]", "made[", "char-major-10-7", "devname:made",
             "block-major-8-*", "block-major-9-3", "a b", "", "fs-made", "fs-made"], 6)]
        info += [("softdep", "pre: a post: b-c")] * self.random.randrange(3)
        exports = pick(symbols[:4], 3)
        # imports from higher numbers only would never make a cycle; a few do
        imports = [s for s in pick(symbols, 4) if s not in exports]
        self.tree.put(name, ko.make(info, exports, imports, pick(symbols, 2),
                                    self.random.random() < 0.5))
        self.touched(name)
        return name, exports, imports

    def op_cycle(self):
        """Adds a dependency cycle, which cannot be indexed, for one step."""
        if self.random.random() < 0.5:
            return None
        n = self.random.randrange(2, 5)
        names = [f"extra/ring{i}.ko" for i in range(n)]
        for i, name in enumerate(names):
            self.tree.put(name, ko.make([], [f"ring_{i}"], [f"ring_{(i + 1) % n}"]))
        self.touched(*names)
        self.compare()
        for name in names:
            os.unlink(self.tree.path(name))
        self.touched(*names)
        return n

    def op_config(self):
        lines = []
        for _ in range(self.random.randrange(4)):
            directories = ["updates", "extra", "built-in", "external", "weak-updates", "kernel",
                       "updates/dkms", "alpha"]
            base = os.path.basename(self.any_module() or "x.ko").split(".")[0].replace("-", "_")
            lines.append(self.random.choice((
                "search " + " ".join(self.random.sample(directories, self.random.randrange(1, 6))),
                f"override {base} {self.random.choice(('*', '6.1.*', '5.*', trees.KVER))} "
                f"{self.random.choice(('updates', 'extra', 'weak-updates', 'kernel/x'))}",
                f"external {self.random.choice(('*', '^6', 'nomatch'))} {self.tree.external}",
                "exclude " + self.random.choice(("alpha", "dkms", "drivers weak-updates")),
                "# nothing", "nonsense here", "search \\\n  updates", "override too few")))
        name = self.random.choice(("10-a.conf", "20-b.conf", "c.conf", "ignored.txt"))
        with open(os.path.join(self.tree.conf, name), "w", encoding="ascii") as f:
            f.write("\n".join(lines) + self.random.choice(("\n", "")))
        if self.random.random() < 0.3:
            os.unlink(os.path.join(self.tree.conf, name))
        return lines

    def op_external(self):
        name = self.random.choice(self.pool)
        target = os.path.join(self.tree.external, self.random.choice(("", "sub/")),
                              os.path.basename(name))
        if os.path.exists(target):
            os.unlink(target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(os.path.join(self.source, name), target)
        return target

    def op_order(self):
        path = self.tree.path("modules.order")
        how = self.random.randrange(6)
        with open(os.path.join(self.source, "modules.order"), encoding="ascii") as f:
            lines = f.read().splitlines()
        if how == 0:
            if os.path.exists(path):
                os.unlink(path)
            return "none"
        if how == 1:
            self.random.shuffle(lines)
        elif how == 2:
            lines = lines[:self.random.randrange(len(lines))]
        elif how == 3:
            lines += self.random.sample(lines, 50)
        text = "\n".join(lines) + ("" if how == 4 else "\n")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return how

    def op_builtin(self):
        name = self.random.choice(("modules.builtin", "modules.builtin.modinfo"))
        path = self.tree.path(name)
        with open(os.path.join(self.source, name), "rb") as f:
            data = bytearray(f.read())
        how = self.random.randrange(5)
        if how == 0:
            if os.path.exists(path):
                os.unlink(path)
            return name, "none"
        if how == 1:
            data = data[:self.random.randrange(len(data))]
        elif how == 2 and name.endswith("modinfo"):
            data += b"made.alias=made:-*\0made.alias=made:-*\0nokey\0odd.alias=x[\0z.alias=y\0"
        elif how == 3:
            data += b"\n1 odd line\nkernel/a/made-up.ko\nkernel/last"
        with open(path, "wb") as f:
            f.write(data)
        return name, how

    def op_disturb(self):
        """Changes our own files: the next run must notice."""
        names = [n for n in os.listdir(self.tree.out_dir) if n.startswith("modules.")]
        if not names:
            return None
        name = self.random.choice(names + ["modules.modfetch"] * 5)
        path = os.path.join(self.tree.out_dir, name)
        if not os.path.exists(path):
            return None
        how = self.random.choice(("delete", "cut", "flip", "copy", "foreign"))
        with open(path, "rb") as f:
            data = bytearray(f.read())
        if how == "delete":
            os.unlink(path)
            return name, how
        if how == "copy":  # the same bytes in a new file, as plain depmod might write it
            os.unlink(path)
        elif how == "cut":
            data = data[:self.random.randrange(len(data) + 1)]
        elif how == "foreign":
            data = bytearray(b"something else entirely\n" * 40)
        elif data:
            at = self.random.randrange(len(data))
            data[at] ^= 1 << self.random.randrange(8)
        with open(path, "wb") as f:
            f.write(data)
        return name, how

    def op_nothing(self):
        return "-"

    # ---- the comparison ----

    def compare(self):
        theirs = subprocess.CompletedProcess([], -1)
        try:
            theirs = self.tree.depmod(timeout=20)
        except subprocess.TimeoutExpired:
            pass  # some cycles make depmod run for ever
        before = trees.read(self.tree.out_dir)
        changed = self.changed
        if changed is not None:
            changed = telling.tell(self.random, self.tree, changed)
            self.told += 1
            self.log.append(("--changed", changed))
        result = self.tree.ours(self.program, changed=changed)
        got = trees.read(self.tree.out_dir)
        if theirs.returncode:
            assert result.returncode == 1, f"depmod failed, ours did not: {theirs.stderr}"
            assert got == before, "a failed run changed the indexes"
            self.failed = True  # the changes up to now are still new for the next run
            return
        self.failed = False
        assert result.returncode == 0, f"ours failed: {result.returncode} {result.stderr}"
        want = trees.read(self.tree.dir)
        found = trees.differences(want, got)
        assert not found, "\n".join(found)

    def step(self):
        ops = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("op_")]
        if not self.failed:
            self.changed = [] if self.random.random() < 0.5 else None
        for _ in range(self.random.choice((1, 1, 2, 4))):
            op = self.random.choice(ops)
            try:
                self.log.append((op.__name__, op()))
            except OSError as e:  # a dangling link, or a file in the place of a directory
                self.log.append((op.__name__, str(e)))
                self.changed = None
        self.compare()


def run(program, pools, seed, steps):
    sequence = Sequence(program, pools, seed)
    try:
        for _ in range(steps):
            sequence.step()
    except (AssertionError, subprocess.SubprocessError) as e:
        print(f"seed {seed} ({sequence.kind}, tree left in {sequence.tree.root}): {e}")
        for line in sequence.log[-8:]:
            print("   ", str(line)[:300])
        return None
    sequence.tree.close()
    return sequence.told


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=1e9)
    args = parser.parse_args()
    pools = {}
    for kind, every in (("default", 9), ("xz", 30)):
        directory = trees.kernel(kind)
        pools[kind] = (directory, trees.modules_of(directory)[::every])
    seed = args.seed if args.seed is not None else int(time.time())
    print(f"first seed {seed}", flush=True)
    done, told, end = 0, 0, time.monotonic() + args.seconds
    while done < args.steps and time.monotonic() < end:
        more = run(args.program, pools, seed, min(SEQUENCE, args.steps - done))
        if more is None:
            return 1
        told += more
        done += SEQUENCE
        seed += 1
    print(f"{min(done, args.steps)} steps, every index equal to depmod's; {told} runs with --changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
