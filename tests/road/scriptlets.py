#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of packages: which ones run, how a failure is reported, and that those of other packages never run."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

LOG = '/ran'
SHELL = os.path.realpath('/bin/sh')


def says(word, status=0):
    return f'echo "{word} $1" >>{LOG}; echo "{word} prints this"; echo "and on stderr this" >&2; exit {status}'


def note(word, status=0):
    """The four scriptlets of a package, each of which logs its name; the one that is called WORD fails."""
    return [f'%{kind}\n{says(kind, status if kind == word else 0)}' for kind in ('pre', 'post', 'preun', 'postun')]


class Scriptlets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='scriptlets-')
        module = f'/lib/modules/{r.kernel()[1]}/updates/NAME.ko'
        with open(f'{r.full_tree()}/lib/modules/{r.kernel()[1]}/kernel/drivers/net/dummy.ko', 'rb') as f:
            ko = f.read()

        def package(directory, name, spec, version='1', module_name='mine'):
            os.makedirs(directory, exist_ok=True)
            return r.rpmbuild(directory, name, [f'Provides: kmod({module_name}.ko)', *spec], [(module.replace('NAME', module_name), ko)], version=version)
        cls.package = staticmethod(package)
        for version in '1', '2':
            package(f'{cls.directory}/{version}', 'good-kmp', note(''), version=version)
        package(f'{cls.directory}/2', 'newer-kmp', ['Requires: good-kmp = 2'], module_name='newer')
        for word in 'pre', 'post', 'preun', 'postun':
            package(f'{cls.directory}/1', f'bad{word}-kmp', note(word, 3), module_name=f'bad{word}')
        package(f'{cls.directory}/1', 'long-kmp', ['%post\ni=0; while [ $i -lt 1000 ]; do i=$((i + 1)); echo "line $i"; done; printf "\\033[31mred"; kill -9 $$'], module_name='long')
        package(f'{cls.directory}/1', 'lua-kmp', ['%post -p <lua>\nprint("lua prints") error("lua fails")'], module_name='lua')
        altered = f'/lib/modules/{r.kernel()[1]}/updates/altering.ko'
        package(f'{cls.directory}/1', 'altering-kmp', [f'%post\necho more >>{altered}'], module_name='altering')
        package(f'{cls.directory}/1', 'silent-kmp', [], module_name='silent')
        for version in '1', '2':
            r.createrepo(f'{cls.directory}/{version}')
        cls.shell = r.rpmbuild(cls.directory, 'shell', ['Provides: /bin/sh'], [('/usr/share/doc/shell/README', b'x')], arch='noarch')
        marks = [f'%{kind} -p <lua> -- {what}\nlocal f = io.open("{LOG}", "a") f:write("{kind}\\n") f:close()' for kind, what in (
            ('triggerin', 'silent-kmp'), ('triggerun', 'silent-kmp'), ('triggerpostun', 'silent-kmp'), ('filetriggerin', '/lib/modules'),
            ('filetriggerun', '/lib/modules'), ('transfiletriggerin', '/lib/modules'), ('transfiletriggerun', '/lib/modules'))]
        cls.triggers = r.rpmbuild(cls.directory, 'watcher', marks, [('/usr/share/doc/watcher/README', b'x')], arch='noarch')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        os.makedirs(f'{self.root.path}/bin', exist_ok=True)
        os.makedirs(f'{self.root.path}/var/tmp', exist_ok=True)  # where librpm writes the script
        shutil.copy(SHELL, f'{self.root.path}/bin/sh')
        for path in re.findall(r'(/\S+) \(', subprocess.run(['ldd', SHELL], capture_output=True, text=True, check=True).stdout):
            os.makedirs(os.path.dirname(self.root.path + path), exist_ok=True)
            shutil.copy(path, self.root.path + path)
        self.root.rpm('-i', '--nodeps', *r.FORCE, self.shell)
        self.use('1')

    def use(self, version, *extra):
        self.root.repo(f'file://{self.directory}/{version}', extra=extra or ['scriptlets=1'])
        done = self.root.run('refresh', '--force')
        self.assertEqual(done.returncode, 0, done.stderr)

    def ran(self):
        """The scriptlets that have run since the last call."""
        path = self.root.path + LOG
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as f:
            lines = f.read().splitlines()
        os.unlink(path)
        return lines

    def done(self, *args, status=0):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        self.assertNotIn('prints this', done.stdout)
        return done

    def test_they_run_when_it_comes_is_replaced_and_goes(self):
        self.done('--no-load', 'install', 'good-kmp')
        self.assertEqual(self.ran(), ['pre 1', 'post 1'])
        self.use('2')
        self.done('--no-load', 'install', 'newer-kmp')
        self.assertEqual(self.ran(), ['pre 2', 'post 2', 'preun 1', 'postun 1'])
        self.done('remove', 'good-kmp')
        self.assertEqual(self.ran(), ['preun 0', 'postun 0'])

    def test_none_runs_where_no_repository_may_have_them(self):
        self.done('--no-load', 'install', 'good-kmp')
        self.ran()
        self.use('1', 'scriptlets=0')
        self.done('--no-load', 'install', 'silent-kmp')
        done = self.done('remove', 'good-kmp')
        self.assertEqual(self.ran(), [])
        for name in '%preun', '%postun':
            self.assertIn(f'good-kmp: its {name} scriptlet does not run', done.stderr)

    def failed(self, done, package, name, why):
        line = done.stderr.splitlines()[-1]
        self.assertRegex(line, rf'^modfetch: install: {package}-kmp-1-1\.x86_64: its {name} failed: {why}.* \[SCRIPTLET-FAILED\]$')
        entry = self.root.history()[-1]
        self.assertEqual((entry['outcome'], entry['error']['code']), ('failed', 'SCRIPTLET-FAILED'))
        self.assertIn(name, entry['error']['why'])
        return entry

    def test_one_that_stops_nothing_is_reported_and_the_driver_is_there(self):
        done = self.done('--no-load', 'install', 'badpost-kmp', status=1)
        entry = self.failed(done, 'badpost', '%post', 'exit status 3; it printed: post prints this and on stderr this')
        self.assertEqual([p['name'] for p in entry['packages']], ['badpost-kmp'])
        self.assertIn('badpost-kmp', self.root.names())
        with open(f'{self.root.modules}/modules.dep', encoding='utf-8') as f:
            self.assertIn('updates/badpost.ko:', f.read())
        self.assertEqual(self.ran(), ['pre 1', 'post 1'])
        self.done('--no-load', 'install', 'badpost-kmp', status=2)
        self.done('check')
        self.done('remove', 'badpost-kmp')
        self.done('--no-load', 'install', 'badpostun-kmp')
        self.failed(self.done('remove', 'badpostun-kmp', status=1), 'badpostun', '%postun', 'exit status 3')
        self.assertNotIn('badpostun-kmp', self.root.names())

    def test_one_that_stops_it_leaves_all_as_it_was(self):
        before = self.root.state()
        done = self.done('--no-load', 'install', 'badpre-kmp', status=1)
        entry = self.failed(done, 'badpre', '%pre', 'exit status 3')
        self.assertEqual([p['name'] for p in entry['planned']], ['badpre-kmp'])
        self.ran()
        self.assertEqual(self.root.state(), before)
        self.done('--no-load', 'install', 'badpreun-kmp')
        self.ran()
        before = self.root.on_disk(), self.root.packages()
        self.failed(self.done('remove', 'badpreun-kmp', status=1), 'badpreun', '%preun', 'exit status 3')
        self.assertEqual((self.root.on_disk(), self.root.packages()), before)

    def test_what_changed_while_it_was_installed_is_found_when_it_is_read_back(self):
        done = self.done('--no-load', 'install', 'altering-kmp', status=4)
        self.assertRegex(done.stderr, r'altering\.ko: the file on the disk is not the one that was verified \[BAD-DIGEST\]')
        self.assertEqual([name for name in self.root.names() if 'altering' in name], [])
        with open(f'{self.root.modules}/modules.dep', encoding='utf-8') as f:
            self.assertNotIn('altering', f.read())

    def test_its_output_is_bounded_and_cannot_steer_a_terminal(self):
        done = self.done('--no-load', 'install', 'long-kmp', status=1)
        self.failed(done, 'long', '%post', 'signal 9; it printed: ')
        self.assertIn('line 1000', done.stderr)
        self.assertNotIn('line 100 ', done.stderr)
        self.assertNotIn('\x1b', done.stderr)
        done = self.done('--no-load', 'install', 'lua-kmp', status=1)
        self.failed(done, 'lua', '%post', '.*')
        self.assertNotIn('lua prints', done.stdout)

    def test_results_are_not_mixed_with_what_they_print(self):
        status, answer = self.root.json('--no-load', 'install', 'good-kmp')
        self.assertEqual((status, [p['name'] for p in answer['install']]), (0, ['good-kmp']))

    def test_triggers_of_other_packages_do_not_run(self):
        self.root.rpm('-i', '--nodeps', *r.FORCE, '--notriggers', self.triggers)
        for extra in 'scriptlets=1', 'scriptlets=0':
            self.use('1', extra)
            self.done('--no-load', 'install', 'silent-kmp')
            self.done('remove', 'silent-kmp')
            self.assertEqual(self.ran(), [])
        # they would run otherwise
        self.root.rpm('-i', '--nodeps', *r.FORCE, f'{self.directory}/1/silent-kmp-1-1.x86_64.rpm')
        self.root.rpm('-e', '--nodeps', *r.FORCE, 'silent-kmp')
        self.assertLessEqual({'triggerin', 'filetriggerin', 'triggerun', 'filetriggerun'}, set(self.ran()))


if __name__ == '__main__':
    unittest.main()
