#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest with the kernel of Debian sid: modules compressed with xz, no symbol versions. Four devices get their drivers.

With MODFETCH_TEST_ALL=1 the guest runs. Without, it is skipped.
"""

import os
import sys
import unittest

import demo

if os.environ.get("MODFETCH_TEST_ALL") != "1":
    print("MODFETCH_TEST_ALL is not set")
    sys.exit(77)  # skipped, for meson


class Sid(unittest.TestCase):
    def test_every_device_gets_its_driver(self):
        sys.argv[1:] = [os.environ["MODFETCH_BUILD"], "sid"]
        self.assertEqual(demo.main(), 0)


if __name__ == "__main__":
    unittest.main()
