#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hold, unhold and prefer with the whole command: what is held stays whatever asks for another version, and for a new kernel; a
preferred driver comes before that of the kernel's own repository, and without a preference it does not.

Packages are made by rpmbuild from real modules of a real kernel, their metadata by createrepo_c.
"""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

ADMIN = 'etc/modfetch/policy.d/00-admin.conf'
NIC = 'pci:v00008086d00001521sv00008086sd00000001bc02sc00i00'


class Case(unittest.TestCase):
    kernel = 'default-1'

    def setUp(self):
        self.root = r.Root(modules=('loop',), kind=self.kernel)
        self.addCleanup(self.root.close)
        self.kver = self.root.kver
        self.tag = r.tag(self.kver)
        self.repositories = {}

    def repository(self, name, *extra):
        directory = tempfile.mkdtemp(prefix=f'hold-{name}-')
        self.addCleanup(shutil.rmtree, directory)
        self.repositories[name] = directory
        self.root.repo('file://' + directory, name=name, keys_line='trust=none', extra=extra)
        return directory

    def module(self, name, kind=None):
        tree = r.full_tree(kind or self.kernel)
        for directory, _, files in os.walk(f'{tree}/lib/modules'):
            if f'{name}.ko' in files:
                with open(f'{directory}/{name}.ko', 'rb') as f:
                    return f.read()
        raise FileNotFoundError(name)

    def driver(self, repository, module, version, *spec, kind=None, name=None, modules=None, where='updates'):
        """A package of a driver, as "modfetch pack" names it."""
        kver = r.kernel(kind or self.kernel)[1]
        r.rpmbuild(self.repositories[repository], name or f'{module}-kmp-{r.tag(kver)}',
                   [*[f'Provides: kmod({m}.ko)' for m in modules or [module]], f'Provides: {module}-kmp', *spec],
                   [(f'/lib/modules/{kver}/{where}/{m}.ko', self.module(m, kind)) for m in modules or [module]], version=version)

    def refresh(self):
        for directory in self.repositories.values():
            r.createrepo(directory, key=None)
        self.done('refresh', '--force')

    def done(self, *args, status=0):
        run = self.root.run('--no-load', *args)
        self.assertEqual(run.returncode, status, (args, run.stdout, run.stderr))
        return run

    def refused(self, *args, code='DENIED', status=4):
        """Nothing changes, and the failure is one line. Returns it."""
        before = self.root.state()
        line = self.done(*args, status=status).stderr.splitlines()[-1]
        self.assertTrue(line.endswith(f'[{code}]'), line)
        self.assertEqual(self.root.state(), before)
        return line

    def versions(self, module):
        """{kernel's tag: version} of the installed packages of a driver."""
        lines = [line.split() for line in self.root.ask('%{NAME} %{VERSION}')]
        return {name.split('-kmp-')[1]: version for name, version in lines if name.startswith(f'{module}-kmp-')}

    def rules(self, text=None):
        path = f'{self.root.path}/{ADMIN}'
        if text is None:
            try:
                with open(path, encoding='utf-8') as f:
                    return f.read()
            except FileNotFoundError:
                return ''
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return text


class Hold(Case):
    """A driver of version 1 is installed; then 2 is published, and a package that needs it."""

    def setUp(self):
        super().setUp()
        self.repository('vendor')
        self.driver('vendor', 'dummy', '1')
        self.refresh()
        self.done('install', f'dummy-kmp-{self.tag}')
        self.driver('vendor', 'dummy', '2')
        self.driver('vendor', 'ifb', '1', f'Requires: dummy-kmp-{self.tag} >= 2')
        self.driver('vendor', 'nlmon', '1', f'Recommends: dummy-kmp-{self.tag} >= 2')
        self.refresh()

    def test_the_control(self):
        """Without a hold, the version that is needed comes, and the driver can be removed."""
        self.done('probe', 'ifb')
        self.assertEqual(self.versions('dummy'), {self.tag: '2'})
        self.done('remove', f'dummy-kmp-{self.tag}')
        self.assertEqual((self.versions('dummy'), self.versions('ifb')), ({}, {}))

    def test_no_way_replaces_or_removes_it(self):
        forms = ('dummy', 'dummy-kmp', f'dummy-kmp-{self.tag}', 'dum?y', 'dummy-kmp*')
        for form in forms:
            with self.subTest(form):
                run = self.done('hold', form)
                self.assertIn(f'dummy-kmp-{self.tag}-1-1.x86_64 is held', run.stdout)
                rule = self.rules().strip()
                self.assertEqual(rule, f'hold {"package" if "-kmp" in form else "module"} {form}')
                for args in ('probe', 'ifb'), ('--unattended', 'probe', 'ifb'), ('install', f'ifb-kmp-{self.tag}'), ('lookup', 'ifb'):
                    line = self.refused(*args)
                    self.assertIn(f'needs dummy-kmp-{self.tag}, and it is held ({rule}, 00-admin.conf line 1)', line)
                line = self.refused('remove', f'dummy-kmp-{self.tag}')
                quoted = f"'{form}'" if set(form) & set('*?') else form
                self.assertIn(f'it is held ({rule}, 00-admin.conf line 1); to change it: modfetch unhold {quoted} [', line)
                self.assertIn(f'dummy-kmp-{self.tag}-1-1.x86_64  {rule} (00-admin.conf, line 1)', self.done('list', '--held').stdout)
                # a recommendation is no reason; the others come
                self.done('probe', 'nlmon')
                self.assertEqual(self.versions('dummy'), {self.tag: '1'})
                self.done('remove', f'nlmon-kmp-{self.tag}')
                self.done('unhold', form)
                self.assertEqual(self.rules(), '')
        self.done('probe', 'ifb')
        self.assertEqual(self.versions('dummy'), {self.tag: '2'})

    def test_what_needs_it_is_held_with_it(self):
        self.done('probe', 'ifb')
        self.done('hold', 'ifb')
        line = self.refused('remove', f'dummy-kmp-{self.tag}')
        self.assertIn(f'ifb-kmp-{self.tag}: it is held (hold module ifb, 00-admin.conf line 1)', line)
        self.refused('remove', f'ifb-kmp-{self.tag}')

    def test_it_outlives_refreshes_and_what_they_bring(self):
        self.done('hold', 'dummy')
        for version in ('3', '4', '5'):
            self.driver('vendor', 'dummy', version)
            self.refresh()
            self.refused('probe', 'ifb')
            self.done('coldplug', status=2)
            self.assertEqual(self.versions('dummy'), {self.tag: '1'})

    def test_a_repair_installs_the_same_version_again(self):
        self.done('hold', 'dummy')
        path = f'{self.root.modules}/updates/dummy.ko'
        content = self.module('dummy')
        with open(path, 'r+b') as f:
            f.write(b'\0')
        self.assertIn('installed', self.done('check', '--fix').stdout)
        with open(path, 'rb') as f:
            self.assertEqual(f.read(), content)
        self.assertEqual(self.versions('dummy'), {self.tag: '1'})

    def test_autoremove_keeps_it(self):
        self.done('probe', 'nlmon')
        self.root.rpm('-e', '--nodeps', f'nlmon-kmp-{self.tag}')
        os.unlink(f'{self.root.path}/var/lib/modfetch/asked')
        self.done('hold', 'dummy-kmp')
        self.assertNotIn('dummy', self.done('autoremove', '--yes', status=2).stdout)
        self.done('unhold', 'dummy-kmp')
        self.assertIn('dummy', self.done('autoremove', '--yes').stdout)
        self.assertEqual(self.versions('dummy'), {})

    def test_a_package_that_does_not_name_its_modules(self):
        """Its files do."""
        r.rpmbuild(self.repositories['vendor'], 'kmod-veth', [], [(f'/lib/modules/{self.kver}/extra/veth.ko', self.module('veth'))])
        self.refresh()
        self.done('install', 'kmod-veth')
        r.rpmbuild(self.repositories['vendor'], 'kmod-veth', [], [(f'/lib/modules/{self.kver}/extra/veth.ko', self.module('veth'))],
                   version='2')
        self.driver('vendor', 'tap', '1', 'Requires: kmod-veth >= 2')
        self.refresh()
        self.assertIn('kmod-veth-1-1.x86_64 is held', self.done('hold', 'veth').stdout)
        self.assertIn('hold module veth', self.refused('probe', 'tap'))
        self.assertIn('hold module veth', self.refused('remove', 'kmod-veth'))


class NewKernel(Case):
    """The machine gets another kernel, whose modules have other checksums."""
    new = 'default'

    def arrive(self):
        base, kver = r.kernel(self.new)
        tree = f'{self.root.path}/lib/modules/{kver}'
        os.makedirs(f'{tree}/kernel')
        for name in os.listdir(f'{base}/lib/modules/{kver}'):
            if name.startswith('modules.builtin') or name == 'modules.order':
                shutil.copy(f'{base}/lib/modules/{kver}/{name}', tree)
        self.done('--kernel', kver, 'depmod')
        return kver

    def setUp(self):
        super().setUp()
        self.new_tag = r.tag(r.kernel(self.new)[1])
        self.repository('vendor')
        self.driver('vendor', 'dummy', '1')
        self.refresh()
        self.done('install', f'dummy-kmp-{self.tag}')

    def publish_for_new(self):
        for version in ('1', '2'):
            self.driver('vendor', 'dummy', version, kind=self.new)
        self.refresh()

    def test_the_held_version_comes_for_it(self):
        for way in ('dummy', 'dummy-kmp', None):
            with self.subTest(way):
                self.publish_for_new()
                kver = self.arrive()
                if way:
                    self.done('hold', way)
                # as a request for the module, and as the name that was asked for
                for args in (('lookup', 'dummy'), ('--dry-run', 'install', 'dummy-kmp')):
                    _, answer = self.root.json('--kernel', kver, *args)
                    self.assertEqual([(i['name'], i['evr']) for i in answer['install']],
                                     [(f'dummy-kmp-{self.new_tag}', '1-1' if way else '2-1')], args)
                self.done('--kernel', kver, 'install', 'dummy-kmp')
                self.assertEqual(self.versions('dummy'), {self.tag: '1', self.new_tag: '1' if way else '2'})
                if way:
                    for _ in range(3):
                        self.refresh()
                        self.done('--kernel', kver, 'install', 'dummy-kmp', status=2)
                    self.refused('--kernel', kver, 'remove', f'dummy-kmp-{self.new_tag}')
                    self.assertEqual(len(self.done('list', '--held').stdout.splitlines()), 2)
                    self.done('unhold', way)
                self.done('--kernel', kver, 'remove', f'dummy-kmp-{self.new_tag}')
                shutil.rmtree(f'{self.root.path}/lib/modules/{kver}')

    def test_with_its_kernel_it_goes(self):
        self.publish_for_new()
        kver = self.arrive()
        self.done('hold', 'dummy')
        self.done('--kernel', kver, 'install', 'dummy-kmp')
        shutil.rmtree(f'{self.root.path}/lib/modules/{kver}/kernel')
        self.assertIn(f'dummy-kmp-{self.new_tag}', self.done('kernel-removed', kver).stdout)
        self.assertEqual(self.versions('dummy'), {self.tag: '1'})
        self.assertEqual(self.rules(), 'hold module dummy\n')


class Prefer(Case):
    """igb of the kernel's own repository, and a newer one of a vendor."""

    def setUp(self):
        super().setUp()
        self.repository('base')
        self.repository('vendor')
        flavor, abi = self.tag.split('-')
        alias = f'Supplements: modalias(kernel-{self.tag}:pci:v00008086d00001521sv*sd*bc*sc*i*)'
        r.rpmbuild(self.repositories['base'], f'kernel-{flavor}-image-{abi}', [], [('/usr/share/doc/kernel', b'')], version='6.1')
        self.driver('base', 'igb', '6.1', alias, where='kernel/drivers/net')
        self.driver('vendor', 'igb', '99', name='igb-kmp-vendor', modules=['igb', 'dca'])
        self.driver('vendor', 'ifb', '99', name='ifb-kmp-vendor')
        self.driver('base', 'ifb', '6.1', where='kernel/drivers/net')
        self.refresh()

    def plan(self, query=NIC):
        _, answer = self.root.json('lookup', query)
        return [i['name'] for i in answer['install']]

    def test_without_a_rule_the_kernels_own_comes(self):
        self.assertEqual(self.plan(), [f'igb-kmp-{self.tag}'])
        self.done('probe', NIC)
        self.assertIn(f'igb-kmp-{self.tag}', self.root.names())

    def test_each_form_of_a_preference(self):
        for args, rule, both in ((('vendor',), 'repository vendor', True), (('igb-kmp-vendor',), 'package igb-kmp-vendor', False),
                                 (('module', 'igb', 'repository', 'vendor'), 'module igb repository vendor', False),
                                 (('igb-kmp-v*',), 'package igb-kmp-v*', False), (('repository', 'v*'), 'repository v*', True)):
            with self.subTest(rule):
                self.done('prefer', *args)
                self.assertEqual(self.rules(), f'prefer {rule}\n')
                self.assertEqual(self.plan(), ['igb-kmp-vendor'])
                self.assertEqual(self.plan('ifb'), ['ifb-kmp-vendor' if both else f'ifb-kmp-{self.tag}'])
                self.done('prefer', *args, status=2)
                self.done('prefer', '--remove', *args)
                self.done('prefer', '--remove', *args, status=2)
                self.assertEqual((self.rules(), self.plan()), ('', [f'igb-kmp-{self.tag}']))

    def test_a_preferred_package_may_take_the_place_of_the_kernels_own(self):
        self.driver('vendor', 'nlmon', '1', 'Requires: igb-kmp-vendor')
        self.refresh()
        self.assertIn('modfetch prefer igb-kmp-vendor', self.refused('probe', 'nlmon', code='FORBIDDEN-FILE'))
        self.done('prefer', 'igb-kmp-vendor')
        self.done('probe', 'nlmon')
        self.assertIn('igb-kmp-vendor', self.root.names())

    def test_a_module_is_preferred_without_the_rest_of_its_package(self):
        self.driver('base', 'dca', '6.1', where='kernel/drivers')
        self.refresh()
        self.done('prefer', 'module', 'igb', 'repository', 'vendor')
        line = self.refused('probe', NIC, code='FORBIDDEN-FILE')
        self.assertIn('updates/dca.ko would replace', line)
        self.done('prefer', 'module', 'dca', 'repository', 'vendor')
        self.done('probe', NIC)
        self.assertIn('igb-kmp-vendor', self.root.names())

    def test_another_repository_gains_nothing_by_it(self):
        self.repository('evil')
        self.driver('evil', 'igb', '100', name='igb-kmp-evil')
        self.driver('evil', 'nlmon', '1', 'Requires: igb-kmp-evil')
        self.refresh()
        self.done('prefer', 'module', 'igb', 'repository', 'vendor')
        self.assertEqual(self.plan(), ['igb-kmp-vendor'])
        self.refused('probe', 'nlmon', code='FORBIDDEN-FILE')


class Rules(Case):
    """What the verbs write, and what they refuse to write."""

    def setUp(self):
        super().setUp()
        self.repository('vendor')
        self.driver('vendor', 'dummy', '1')
        self.driver('vendor', 'snd-pcm', '1')
        self.refresh()

    def test_a_name_that_nothing_has_is_not_written(self):
        for verb in 'hold', 'prefer':
            for words in ('dumy',), ('dummy', 'dumy'), ('dummy-kmp-x',), ('kmp',), ('vendr',), ('dummy.ko',):
                self.assertIn(words[-1], self.refused(verb, *words, code='NOT-FOUND', status=3))
        self.refused('hold', 'vendor', code='NOT-FOUND', status=3)
        self.assertEqual(self.rules(), '')

    def test_what_is_no_rule_is_not_written(self):
        for args in (('hold',), ('unhold',), ('prefer',), ('prefer', '--remove'), ('hold', '--all'), ('hold', ''), ('hold', 'bus', 'usb'),
                     ('hold', 'dummy', '-x'), ('hold', 'module'), ('prefer', 'removable'), ('hold', 'repository', 'vendor'),
                     ('hold', 'x*\ndeny module y'), ('hold', 'x* y'), ('hold', 'x*#'), ('prefer', '--add', 'dummy')):
            self.refused(*args, code='USAGE', status=64)
        self.assertEqual(self.rules(), '')

    def test_a_dry_run_writes_nothing(self):
        for args in ('hold', 'dummy'), ('prefer', 'vendor'), ('deny', 'dummy'):
            self.assertIn('would be written', self.done('--dry-run', *args).stdout)
            self.assertEqual(self.rules(), '')
        self.rules('hold module dummy\n')
        self.assertIn('would be removed', self.done('--dry-run', 'unhold', 'dummy').stdout)
        self.assertEqual(self.rules(), 'hold module dummy\n')

    def test_a_repeat_has_nothing_to_do(self):
        self.done('hold', 'dummy', 'snd_pcm', 'snd-pcm-kmp')
        self.assertEqual(self.rules(), 'hold package snd-pcm-kmp\nhold module snd_pcm\nhold module dummy\n')
        self.done('hold', 'dummy', 'snd-pcm', status=2)
        self.done('unhold', 'dummy', 'snd-pcm-kmp')
        self.assertEqual(self.rules(), 'hold module snd_pcm\n')
        self.done('unhold', 'dummy', status=2)

    def test_json(self):
        code, answer = self.root.json('hold', 'dummy')
        self.assertEqual((code, answer), (0, {'verb': 'hold', 'file': '/' + ADMIN, 'added': ['hold module dummy'], 'held': [],
                                              'changed': True}))
        self.done('install', f'dummy-kmp-{self.tag}')
        code, answer = self.root.json('hold', 'dummy')
        self.assertEqual((code, answer['added'], answer['held'], answer['changed']),
                         (2, [], [f'dummy-kmp-{self.tag}-1-1.x86_64'], False))
        _, answer = self.root.json('list', '--held')
        self.assertEqual(answer, {'packages': [{'name': f'dummy-kmp-{self.tag}', 'evr': '1-1', 'arch': 'x86_64',
                                                'rule': 'hold module dummy', 'file': '00-admin.conf', 'line': 1}]})
        code, answer = self.root.json('unhold', 'dummy')
        self.assertEqual((code, answer['removed'], answer['changed']), (0, ['hold module dummy'], True))
        code, answer = self.root.json('prefer', 'vendor')
        self.assertEqual((code, answer['added']), (0, ['prefer repository vendor']))

    def test_unhold_says_which_other_rule_holds_it(self):
        self.done('install', f'dummy-kmp-{self.tag}')
        other = f'{self.root.path}/etc/modfetch/policy.d/50-site.conf'
        self.rules('hold package dum*\nhold module dummy\n')
        with open(other, 'w', encoding='utf-8') as f:
            f.write('\nhold package dummy-kmp\n')
        line = self.done('unhold', 'dummy', status=4).stderr
        self.assertIn("it is still held (hold package dum*, 00-admin.conf line 1); to change it: modfetch unhold 'dum*' [DENIED]", line)
        line = self.done('unhold', 'dum*', status=4).stderr
        self.assertIn('(hold package dummy-kmp, 50-site.conf line 2); to change it: remove that line of /etc/modfetch/policy.d/50-site.conf', line)
        os.unlink(other)
        self.done('unhold', 'dummy', status=2)
        self.assertEqual(self.done('list', '--held').stdout, '')

    def test_without_repositories_what_is_installed_counts(self):
        self.done('install', f'dummy-kmp-{self.tag}')
        os.unlink(f'{self.root.path}/etc/modfetch/repos.d/vendor.repo')
        self.assertIn('is held', self.done('hold', 'dummy').stdout)
        self.refused('hold', 'snd-pcm', code='NOT-FOUND', status=3)

    def test_a_line_that_is_no_rule_stops_every_verb(self):
        self.rules('# mine\nhold removable\n')
        for args in ('hold', 'dummy'), ('prefer', 'vendor'), ('list', '--held'), ('probe', 'dummy'), ('unhold', 'dummy'):
            self.assertIn('line 2 is not a rule: hold and prefer are about packages', self.refused(*args, code='CONFIG', status=1))
        self.assertEqual(self.rules(), '# mine\nhold removable\n')


if __name__ == '__main__':
    unittest.main()
