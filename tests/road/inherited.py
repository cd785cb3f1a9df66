#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run inherits from whoever started it, or finds in its root, and must not be steered by."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.folder = tempfile.mkdtemp(prefix='inherited-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.root.repo('file://' + r.repository())

    def write(self, name, text):
        path = f'{self.folder}/{name}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path


class Environment(Case):
    def works(self, **env):
        for args in ('refresh',), ('--no-load', 'probe', r.NIC), ('status',):
            done = self.root.run(*args, env=env)
            self.assertEqual(done.returncode, 0, (args, done.stderr))
        self.assertIn('e1000e.ko', self.root.on_disk())

    def test_macros_of_a_home_folder_run_no_program(self):
        for name in '.rpmmacros', '.config/rpm/macros':
            self.write(name, f'%_dbpath %(touch {self.folder}/ran)/var/lib/rpm\n%_netsharedpath %(touch {self.folder}/ran)\n')
        self.write('.rpmrc', f'macrofiles: {self.folder}/.rpmmacros\n')
        self.works(HOME=self.folder, XDG_CONFIG_HOME=f'{self.folder}/.config')
        self.assertFalse(os.path.exists(f'{self.folder}/ran'))

    def test_another_configuration_of_rpm_is_not_read(self):
        self.write('macros', f'%_netsharedpath %(touch {self.folder}/ran)\n')
        self.write('rpmrc', f'macrofiles: {self.folder}/macros\n')
        self.works(RPM_CONFIGDIR=self.folder)
        self.assertFalse(os.path.exists(f'{self.folder}/ran'))

    def test_another_configuration_of_openssl_is_not_read(self):
        conf = self.write('openssl.cnf', 'openssl_conf = all\n[all]\nproviders = providers\n[providers]\nnull = null\n'
                                         '[null]\nactivate = 1\n')
        self.works(OPENSSL_CONF=conf)


class Descriptors(Case):
    def test_messages_do_not_land_in_files(self):
        """Closed 0, 1 and 2 would be the first numbers of the files that are opened."""
        before = self.files()
        for args in ('-v refresh', f'-v --no-load probe {r.NIC}', f'-v --json lookup {r.HDA}', 'remove bystander'):
            words = ' '.join(self.root.command(*args.split()))
            for closed in ('2>&-', '<&- >&- 2>&-', '<&- 2>&-', '>&- 2>&-'):
                subprocess.run(['bash', '-c', f'exec {words} {closed}'], check=False, timeout=60,
                               env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)})
        self.assertIn('e1000e.ko', self.root.on_disk())
        for path in self.files() - before:
            with open(path, 'rb') as f:
                content = f.read()
            self.assertNotIn(b'modfetch: ', content, path)
            self.assertFalse(path.endswith('/lock') and content, path)
        self.root.rpm('-qa')

    def files(self):
        return {os.path.join(folder, name) for folder, _, names in os.walk(self.root.path) for name in names
                if not os.path.islink(os.path.join(folder, name))}


if __name__ == '__main__':
    unittest.main()
