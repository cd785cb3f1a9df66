# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees cut from real kernels, the two programs that index them, and how results are compared."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import commands  # noqa: E402, F401: a failing test prints what it ran

KVER = "6.1.99-test"
INDEXES = ["modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin", "modules.softdep",
           "modules.symbols", "modules.symbols.bin", "modules.builtin.bin",
           "modules.builtin.alias.bin", "modules.devname"]
ENDINGS = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")


def version():
    text = subprocess.run(["depmod", "--version"], capture_output=True, text=True, check=True).stdout
    return int(text.split()[2].split(".")[0])


if version() >= 33:
    INDEXES.insert(5, "modules.weakdep")


def kernel(kind):
    """The directory lib/modules/KVER of a real kernel."""
    out = subprocess.run([os.path.join(HERE, "../lib/kernel"), kind], capture_output=True, text=True,
                         check=True).stdout.split()
    return os.path.join(out[0], "lib/modules", out[1])


def modules_of(directory):
    """All module files below a directory, as relative paths, sorted."""
    found = []
    for path, _, files in os.walk(directory):
        found += [os.path.relpath(os.path.join(path, f), directory) for f in files
                  if f.endswith(ENDINGS)]
    return sorted(found)


class Tree:
    """A root with lib/modules/KVER, and beside it one for our indexes."""

    def __init__(self, parent=None):
        self.root = tempfile.mkdtemp(prefix="depmod-", dir=parent)
        self.dir = os.path.join(self.root, "lib/modules", KVER)
        self.out = os.path.join(self.root, "out")
        self.out_dir = os.path.join(self.out, "lib/modules", KVER)
        self.conf = os.path.join(self.root, "conf")
        self.external = os.path.join(self.root, "external")
        for path in (self.dir, self.out_dir, self.conf, self.external):
            os.makedirs(path)

    def close(self):
        shutil.rmtree(self.root)

    def path(self, name):
        return os.path.join(self.dir, name)

    def put(self, name, source):
        """Copies a file (or writes bytes) into the tree."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(source, bytes):
            with open(path, "wb") as f:
                f.write(source)
        else:
            shutil.copyfile(source, path)

    def modules(self):
        return modules_of(self.dir)

    def depmod(self, *more, timeout=120):
        return subprocess.run(["depmod", "-b", self.root, "-C", self.conf, *more, KVER],
                              capture_output=True, text=True, timeout=timeout, check=False,
                              errors="replace")

    def ours(self, program, *more, out=True, changed=None, wrap=()):
        args = [*wrap, program, "depmod", "-b", self.root, "-C", self.conf]
        args += ["-o", self.out] if out else []
        args += [*more, KVER]
        if changed is not None:
            args[-1:-1] = ["--changed"]
            args += changed
        return subprocess.run(args, capture_output=True, text=True, timeout=120, check=False,
                              errors="replace")


def read(directory):
    """The bytes of each index in a directory; None: it does not exist."""
    result = {}
    for name in INDEXES:
        try:
            with open(os.path.join(directory, name), "rb") as f:
                result[name] = f.read()
        except FileNotFoundError:
            result[name] = None
    return result


def differences(want, got):
    """Names and the first different line, as text."""
    found = []
    for name in INDEXES:
        if want[name] == got[name]:
            continue
        a, b = (want[name] or b"").split(b"\n"), (got[name] or b"").split(b"\n")
        only_a, only_b = [x for x in a if x not in b][:2], [x for x in b if x not in a][:2]
        found.append(f"{name}: depmod has {only_a!r:.300}, ours {only_b!r:.300}")
    return found
