#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole kernels of other machines: 32 bits, big-endian, other relocations. The indexes are those that depmod writes.

With MODFETCH_TEST_ALL=1 kernels of arm64, armhf, riscv64 and s390x are indexed. Without, it is skipped.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trees import INDEXES, kernel, modules_of  # noqa: E402

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("MODFETCH_TEST_ALL is not set")
    sys.exit(77)  # skipped, for meson

MODFETCH = os.path.abspath(os.environ["MODFETCH"])


class Machines(unittest.TestCase):
    def test_indexes(self):
        for kind in "arm64", "armhf", "riscv64", "s390x":
            with self.subTest(kind=kind), tempfile.TemporaryDirectory() as directory:
                tree = kernel(kind)
                kver = os.path.basename(tree)
                roots = [os.path.join(directory, name) for name in ("kmod", "ours")]
                for root in roots:
                    os.makedirs(f"{root}/lib/modules")
                    subprocess.run(["cp", "-a", os.path.realpath(tree), f"{root}/lib/modules/{kver}"], check=True)
                self.assertGreater(len(modules_of(f"{roots[1]}/lib/modules/{kver}")), 500 if kind == "s390x" else 3000)
                subprocess.run(["depmod", "-b", roots[0], kver], check=True)
                subprocess.run([MODFETCH, "--root", roots[1], "depmod", kver], check=True)
                for name in INDEXES:
                    kmods, ours = (pathlib.Path(f"{root}/lib/modules/{kver}/{name}").read_bytes() for root in roots)
                    self.assertTrue(ours == kmods, f"{name} of {kver} differs")


if __name__ == "__main__":
    unittest.main()
