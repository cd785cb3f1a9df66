#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The exposure of the units as rated by systemd: 0 is minimal, 10 is maximal."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

UNITS = os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..', 'systemd')
LIMITS = {'modfetch-fetch@.service': 1.5, 'modfetch.service': 3.0, 'modfetch-coldplug.service': 3.0, 'modfetch-refresh.service': 3.0,
          'modfetch-trials-begin.service': 3.0, 'modfetch-trials-judge.service': 3.0,
          'modfetch-usage.service': 3.0,
          # it mounts sticks
          'modfetch-media@.service': 4.5,
          # it runs a program that reads the whole system and writes to /boot
          'modfetch-initrd.service': 8.0}


class Units(unittest.TestCase):
    def exposure(self, unit):
        text = r.output('systemd-analyze', 'security', '--offline=true', '--no-pager', f'{UNITS}/{unit}', stderr=subprocess.STDOUT)
        return float(re.search(r'exposure level for \S+: ([0-9.]+)', text)[1])

    def lines(self, unit):
        with open(f'{UNITS}/{unit}', encoding='utf-8') as f:
            return [line.strip() for line in f]

    def test_none_may_do_more_than_it_needs(self):
        for unit, limit in LIMITS.items():
            self.assertLessEqual(self.exposure(unit), limit, unit)

    def test_all_of_them_are_looked_at(self):
        self.assertEqual({name for name in os.listdir(UNITS) if name.endswith('.service')}, LIMITS.keys())

    def test_only_the_one_without_rights_has_a_network(self):
        for unit in LIMITS:
            lines = self.lines(unit)
            families = ' '.join(line for line in lines if line.startswith('RestrictAddressFamilies='))
            if unit == 'modfetch-fetch@.service':
                self.assertIn('AF_INET', families)
                self.assertIn('User=modfetch', lines)
                self.assertIn('CapabilityBoundingSet=', lines)
                self.assertIn('NoNewPrivileges=yes', lines)
            else:
                self.assertNotIn('AF_INET', families)
                self.assertIn('IPAddressDeny=any', lines)
                self.assertNotIn('CAP_NET', ' '.join(lines))


if __name__ == '__main__':
    unittest.main()
