#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest of arm64 with programs built for it: its four devices get their drivers, as in the demo.

With MODFETCH_TEST_ALL=1 the guest runs. Without, it is skipped: an emulated arm64 boots for minutes.
"""

import os
import sys
import unittest

import demo

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("skipped: an emulated arm64 takes minutes; MODFETCH_TEST_ALL=1 runs it")
    sys.exit(77)  # for meson


class Arm64(unittest.TestCase):
    def test_every_device_gets_its_driver(self):
        sys.argv[1:] = [os.environ["MODFETCH_BUILD"], "arm64"]
        self.assertEqual(demo.main(), 0)


if __name__ == "__main__":
    unittest.main()
