#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P32: every source of a refusal, and every way to install a package: requested by a device, a name or an admin, as a
dependency, as a recommendation. One of two modules of a package is refused, so that every way must check all modules.

tests/match/test-policy.c tests settings of the running kernel: a root in a directory has another kernel.
"""
import glob
import os
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402
from drain import ENTRY, spool_name  # noqa: E402

TAG = r.tag(r.kernel('default')[1])
TWO, NEEDS, LIKES = f'two-kmp-{TAG}', f'needs-kmp-{TAG}', f'likes-kmp-{TAG}'
FOREIGN, NEEDS_FOREIGN, LIKES_FOREIGN = f'foreign-kmp-{TAG}', f'needs-foreign-kmp-{TAG}', f'likes-foreign-kmp-{TAG}'
# package: its modules, its provides, its requirements and recommendations
PACKAGES = {
    TWO: (['e1000', 'dummy'], True, []),
    NEEDS: (['pcspkr'], True, [f'Requires: {TWO}']),
    LIKES: (['floppy'], True, [f'Recommends: {TWO}']),
    FOREIGN: (['veth'], False, []),
    NEEDS_FOREIGN: (['nlmon'], True, [f'Requires: {FOREIGN}']),
    LIKES_FOREIGN: (['ifb'], True, [f'Recommends: {FOREIGN}']),
}


def alias(package):
    return f'pci:v0000FFF0d{list(PACKAGES).index(package):08X}sv00000000sd00000000bc02sc00i00'


# The ways to which a rule applies: all; those that start with an alias or a device; those that start with a device of sysfs.
ALL, ALIAS, SYSFS = range(3)

POLICY = [
    (ALL, 'deny module dummy'), (ALL, 'deny module e1000'), (ALL, 'deny module dum*'), (ALL, 'deny module d?mmy'),
    (ALL, '\tdeny  module\tdummy # why'), (ALL, 'deny module dummy\r'), (ALL, f'deny package {TWO}'),
    (ALL, 'deny package two-kmp-* module dummy'), (ALL, 'deny repository t* module dummy'), (ALL, 'deny repository test'),
    (ALL, 'allow module e1000\ndeny module dummy'), (ALL, 'allow bus usb\ndeny module dummy\nallow module dummy'),
    (ALIAS, 'deny bus pci'), (ALIAS, 'deny bus PCI'), (ALIAS, 'deny class 02'), (ALIAS, 'deny class 0200'),
    (ALIAS, 'deny modalias pci:v0000FFF0*'), (ALIAS, 'deny bus pci module dummy'),
    (SYSFS, 'deny removable'), (SYSFS, 'deny removable bus pci'), (SYSFS, 'deny removable module dummy'),
]
MODPROBE = [
    (ALIAS, 'blacklist dummy'), (ALIAS, 'blacklist e1000'), (ALIAS, '\tblacklist \t dummy  '), (ALIAS, 'blacklist dummy\r'),
    (ALIAS, 'black\\\nlist dummy'), (ALIAS, '# no\nblacklist dummy'),
    (ALL, 'install e1000 exit 1'), (ALL, 'install dummy /bin/false'), (ALL, 'install dummy exit 1'), (ALL, 'install dummy /dev/null'),
    (ALL, 'install dummy "/bin/false"'), (ALL, 'install dummy sh -c false'), (ALL, "install dummy /bin/sh -c 'exit 1'"),
    (ALL, 'install dummy /usr/bin/false'), (ALL, 'install dummy /bin/true'), (ALL, 'install dummy true'), (ALL, 'install dummy :'),
    (ALL, 'install dummy /bin/false # modprobe -i dummy'), (ALL, 'install dummy /bin/false --modprobe dummy'),
    (ALL, 'install dummy echo modprobe dummy'), (ALL, 'install dummy modprobe --ignore-install loop'),
    (ALL, 'install dummy false && modprobe -i dummy'), (ALL, 'install \\\n dummy \\\n false'), (ALL, 'install dummy /bin/false\r'),
]
DIRECTORIES = ['run/modprobe.d', 'usr/local/lib/modprobe.d', 'usr/lib/modprobe.d', 'lib/modprobe.d']
CONFIGURATIONS = ([('etc/modfetch/policy.d', *c) for c in POLICY] + [('etc/modprobe.d', *c) for c in MODPROBE] +
                  [(directory, ALL, 'install dummy exit 1\nblacklist dummy') for directory in DIRECTORIES])
# And these do not refuse it.
HARMLESS = [
    ('etc/modfetch/policy.d', 'deny module dumm'), ('etc/modfetch/policy.d', 'allow module dummy\ndeny module dummy'),
    ('etc/modfetch/policy.d', '# deny module dummy'), ('etc/modfetch/policy.d', 'deny bus usb\ndeny fixed\ndeny class 03'),
    ('etc/modprobe.d', 'blacklist dumm'), ('etc/modprobe.d', 'install dummy modprobe --ignore-install dummy'),
    ('etc/modprobe.d', 'install dummy /sbin/modprobe -i dummy && /usr/local/sbin/after'), ('etc/modprobe.d', 'remove dummy /bin/false'),
]


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=('loop',))
        cls.directory = tempfile.mkdtemp(prefix='policy-')
        for name, (modules, said, lines) in PACKAGES.items():
            provides = [f'Provides: kmod({m}.ko)' for m in modules if said]
            supplements = f'Supplements: modalias(kernel-{TAG}:{alias(name)[:22]}sv*sd*bc*sc*i*)'
            r.rpmbuild(cls.directory, name, [*provides, supplements, *lines], [cls.file(m) for m in modules])
        r.createrepo(cls.directory)
        cls.server = r.Server(cls.directory)
        cls.root.repo(cls.server.url)
        for name in (TWO, NEEDS):
            cls.plug(f'sys/devices/pci0/{name}', name)
        cls.plug(f'sys/elsewhere/{LIKES}', LIKES)
        os.makedirs(f'{cls.root.path}/run/modfetch/queue')
        os.chmod(f'{cls.root.path}/run/modfetch/queue', 0o700)
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr
        # the first run caches the list of installed packages, if the database has not changed for some seconds
        deadline = time.monotonic() + 30
        while not glob.glob(f'{cls.root.path}/var/cache/modfetch/.installed/*.solv') and time.monotonic() < deadline:
            cls.root.run('lookup', alias(NEEDS))
            time.sleep(0.5)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.root.close()
        r.shutil.rmtree(cls.directory)

    @classmethod
    def file(cls, module):
        """Path and content of a module of the kernel."""
        path, = cls.root.needed([module])
        with open(f'{cls.root.base}/lib/modules/{cls.root.kver}/{path}', 'rb') as f:
            return f'/lib/modules/{cls.root.kver}/{path}', f.read()

    @classmethod
    def plug(cls, path, package):
        os.makedirs(f'{cls.root.path}/{path}')
        for name, text in ('modalias', alias(package)), ('removable', 'removable'):
            with open(f'{cls.root.path}/{path}/{name}', 'w', encoding='utf-8') as f:
                f.write(text + '\n')

    def put(self, directory, text):
        path = f'{self.root.path}/{directory}/x.conf'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', newline='') as f:
            f.write(text + '\n')
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return path

    def written(self):
        """Everything that a write to the disk would change, except the auxiliary files of rpm beside its database."""
        found = {}
        for directory, directories, files in os.walk(self.root.path):
            if directory == self.root.path:
                directories.remove('run')
            for name in files + directories:
                st = os.lstat(os.path.join(directory, name))
                if not directory.endswith('var/lib/rpm') and name != 'rpm':
                    found[os.path.join(directory, name)] = st.st_ino, st.st_mtime_ns, st.st_size
        return found

    def spool(self, *packages):
        for name in packages:
            with open(f'{self.root.path}/run/modfetch/queue/{spool_name(alias(name))}', 'w', encoding='utf-8') as f:
                f.write(ENTRY.format(alias(name), f'pci0/{name}', 2))

    def ways(self, kind):
        """(command, statuses) of each way to which a rule of that kind applies."""
        self.spool(TWO, NEEDS)
        yield ('--no-load', 'queue'), (2, 4)
        yield ('--no-load', '--unattended', 'coldplug'), (2, 4)
        yield ('--no-load', 'probe', *(word for p in (TWO, NEEDS) for word in ('--device', f'/sys/devices/pci0/{p}'))), (4,)
        if kind <= ALIAS:
            yield ('--no-load', '--unattended', 'probe', alias(TWO), alias(NEEDS)), (4,)
        if kind == ALL:
            yield ('--no-load', '--from-modprobe', 'probe', 'e1000', 'pcspkr'), (4,)
            yield ('install', TWO), (4,)
            yield ('install', NEEDS), (4,)

    def refused(self, kind):
        before, asked = self.written(), len(self.server.requests)
        for command, statuses in self.ways(kind):
            done = self.root.run(*command)
            self.assertIn(done.returncode, statuses, (command, done.stdout, done.stderr))
            self.assertEqual(len(self.server.requests), asked, command)
            after = self.written()
            self.assertEqual({p for p in {**before, **after} if before.get(p) != after.get(p)}, set(), command)
            if statuses == (4,):
                self.assertIn('[DENIED]', done.stderr, command)
                self.assertTrue(TWO in done.stderr or NEEDS in done.stderr, command)

    def left_out(self, kind):
        """A package that recommends it is installed without it, or not at all if the rule applies to this package as well."""
        query = ('--device', f'/sys/elsewhere/{LIKES}') if kind == SYSFS else (alias(LIKES),)
        _, answer = self.root.json('lookup', *query)
        plan = [item['name'] for item in answer['install']]
        self.assertEqual(plan, [LIKES] if answer['results'][0]['state'] == 'available' else [])
        return plan

    def test_nothing_comes_whichever_way(self):
        without = 0
        for directory, kind, text in CONFIGURATIONS:
            with self.subTest(directory=directory, text=text):
                where = self.put(directory, text)
                self.refused(kind)
                without += bool(self.left_out(kind))
                os.unlink(where)
        self.assertGreater(without, 20)

    def test_what_says_nothing_about_it_keeps_nothing_away(self):
        for directory, text in HARMLESS:
            with self.subTest(directory=directory, text=text):
                where = self.put(directory, text)
                for query, plan in (alias(TWO), [TWO]), (alias(NEEDS), [NEEDS, TWO]), (alias(LIKES), [LIKES, TWO]), ('e1000', [TWO]):
                    _, answer = self.root.json('lookup', query)
                    self.assertEqual([item['name'] for item in answer['install']], plan, answer)
                os.unlink(where)

    def test_a_refusal_names_module_package_and_rule(self):
        self.put('etc/modfetch/policy.d', 'allow bus usb\ndeny module dummy')
        rule = 'dummy: the rule deny module dummy (x.conf, line 2) refuses it'
        self.assertIn(f'{TWO} has {rule}', self.root.run('lookup', alias(TWO)).stderr)
        self.assertIn(f'{NEEDS}: needs {TWO}, and {rule}', self.root.run('lookup', alias(NEEDS)).stderr)
        self.assertIn(f'{TWO} is left out: {rule} [DENIED]', self.root.run('lookup', alias(LIKES)).stderr)
        self.assertRegex(self.root.run('install', TWO).stderr, f'{re.escape(TWO)}: .*{rule[7:20]}')

    def kmps(self):
        return [name for name in self.root.names() if '-kmp-' in name]

    def test_what_metadata_does_not_name_is_judged_by_the_files(self):
        for directory, kind, text in (('etc/modfetch/policy.d', ALL, 'deny module veth'), ('etc/modprobe.d', ALL, 'install veth exit 1'),
                                   ('etc/modprobe.d', ALIAS, 'blacklist veth'), ('etc/modfetch/policy.d', ALIAS, 'deny bus pci module veth')):
            with self.subTest(text=text):
                where = self.put(directory, text)
                before = self.root.state()[:2], self.root.history()
                for command in ('--no-load', 'probe', alias(NEEDS_FOREIGN)), ('install', FOREIGN), ('install', NEEDS_FOREIGN):
                    if kind == ALL or 'probe' in command:
                        done = self.root.run(*command)
                        self.assertEqual(done.returncode, 4, (command, done.stdout, done.stderr))
                        self.assertIn(FOREIGN, done.stderr)
                        self.assertIn('veth: ', done.stderr)
                        self.assertIn('[DENIED]', done.stderr)
                self.assertEqual((self.root.state()[:2], self.root.history()), before)
                # other devices still get their drivers, and packages that only recommend it are installed without it
                done = self.root.run('--no-load', 'probe', alias(LIKES_FOREIGN), alias(NEEDS_FOREIGN))
                self.assertEqual(done.returncode, 4, (done.stdout, done.stderr))
                self.assertIn(f'{FOREIGN} is left out: veth: ', done.stderr)
                self.assertEqual(self.kmps(), [LIKES_FOREIGN])
                self.assertEqual(self.root.run('remove', LIKES_FOREIGN).returncode, 0)
                os.unlink(where)
        # the control of all rows
        done = self.root.run('--no-load', 'probe', alias(NEEDS_FOREIGN))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.kmps(), [FOREIGN, NEEDS_FOREIGN])
        self.assertEqual(self.root.run('remove', NEEDS_FOREIGN, FOREIGN).returncode, 0)


if __name__ == '__main__':
    unittest.main()
