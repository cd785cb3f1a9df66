#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One rule for names: what each verb takes for a package, a module or a device, and what none of them may take for one."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

ASKED = 'var/lib/modfetch/asked'


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        self.done('refresh')
        self.tag = r.tag(self.root.kver)

    def done(self, *args, status=0):
        run = self.root.run(*args)
        self.assertEqual(run.returncode, status, (args, run.stdout, run.stderr))
        return run

    def kmps(self):
        return {name.split('-kmp-')[0] for name in self.root.names() if '-kmp-' in name}

    def asked(self):
        """KIND WHAT of each line of the ledger, without the day."""
        with open(f'{self.root.path}/{ASKED}', encoding='utf-8') as f:
            return {line.rsplit(' ', 1)[0] for line in f.read().splitlines()}

    def vendor(self, name, *spec, files=(), version='1'):
        """A repository of another origin with one package, beside that of the kernel."""
        directory = tempfile.mkdtemp(prefix='names-vendor-')
        self.addCleanup(shutil.rmtree, directory)
        r.rpmbuild(directory, name, list(spec), list(files), version=version)
        r.createrepo(directory, key=None)
        self.root.repo('file://' + directory, name='vendor', keys_line='trust=none')
        self.done('refresh')

    def module(self, name):
        for directory, _, files in os.walk(f'{self.root.base}/lib/modules'):
            if f'{name}.ko' in files:
                with open(f'{directory}/{name}.ko', 'rb') as f:
                    return f.read()
        raise FileNotFoundError(name)

    def device(self, path, modalias, *links):
        """A device below /sys, and links to its directory."""
        directory = f'{self.root.path}/sys/devices/{path}'
        os.makedirs(directory)
        with open(f'{directory}/modalias', 'w', encoding='utf-8') as f:
            f.write(modalias + '\n')
        for link in links:
            where = f'{self.root.path}/sys/{link}'
            os.makedirs(os.path.dirname(where), exist_ok=True)
            os.symlink(os.path.relpath(directory, os.path.dirname(where)), where)


class Misspelled(Case):
    def test_a_similar_word_is_offered(self):
        for args, status, text in ((['probee', 'x'], 64, 'no such verb; did you mean probe? see modfetch --help [USAGE]'),
                                   (['frobnicate'], 64, 'no such verb; see modfetch --help [USAGE]'),
                                   (['lookup', 'e1000ee'], 3, 'no package for e1000ee; did you mean e1000e? [NOT-FOUND]'),
                                   (['lookup', 'snd-hda-intle'], 3, 'did you mean snd_hda_intel? [NOT-FOUND]'),
                                   (['probe', 'frobnicate'], 3, 'no package for frobnicate [NOT-FOUND]')):
            self.assertIn(text, self.done(*args, status=status).stderr, args)


class Help(Case):
    def test_help_is_a_result(self):
        verb = self.done('help', 'probe')
        self.assertIn('Usage: modfetch [GLOBAL OPTION...] probe QUERY...', verb.stdout)
        self.assertEqual(verb.stderr, '')
        for args in ('probe', '--help'), ('--help', 'probe'), ('probe', 'xfs', '-h'):
            self.assertEqual(self.done(*args).stdout, verb.stdout, args)
        for args in ('help',), ('--help',), ('help', '--help'):
            self.assertIn('coldplug', self.done(*args).stdout, args)
        self.assertEqual(self.done('-V').stdout, self.done('--version').stdout)
        self.assertIn('did you mean probe?', self.done('help', 'probee', status=64).stderr)
        self.assertEqual(self.root.names(), ['bystander'])


class Rules(Case):
    def test_what_can_refuse_nothing_is_not_written(self):
        admin = f'{self.root.path}/etc/modfetch/policy.d/00-admin.conf'
        for args, status, text in ((['e1000ee'], 3, 'did you mean e1000e? [NOT-FOUND]'), (['usb'], 3, '[NOT-FOUND]'),
                                   (['class', 'zz'], 64, 'a class is one to six hexadecimal digits'),
                                   (['class', '02000000'], 64, 'a class is one to six hexadecimal digits'),
                                   (['bus', 'x/y'], 64, 'a bus is a word')):
            for verb in ('deny', 'allow'):
                self.assertIn(text, self.done(verb, *args, status=status).stderr, args)
        self.assertFalse(os.path.exists(admin))
        # in full it is the admin's word
        for args in (['module', 'e1000ee'], ['class', '0280'], ['bus', 'usb'], ['e1000e'], ['xfs-kmp'], ['loop'], ['serio'], ['e10*'],
                     ['fs-nothing*'], ['bystander'], ['usb:v0781*']):
            self.done('deny', *args)
        with open(admin, encoding='utf-8') as f:
            self.assertIn('deny package bystander\n', f.read())

    def test_without_metadata_any_name_may_be_denied(self):
        shutil.rmtree(f'{self.root.path}/var/cache/modfetch')
        self.done('deny', 'anything')


class Remove(Case):
    def test_each_form_removes_the_package_and_nothing_else(self):
        evr = None
        for form in ('e1000e-kmp-{tag}', 'e1000e-kmp-amd64', 'e1000e-kmp', 'e1000e', 'e1000e.ko', './dir/e1000e.ko.xz',
                     'e1000e-kmp-{tag}-{evr}', 'e1000e-kmp-{tag}-{version}', 'e1000e-kmp-{tag}-{evr}.x86_64'):
            self.done('--no-load', 'probe', r.NIC, r.NVME)
            if not evr:
                evr = [line for line in self.root.ask('%{NAME} %{VERSION}-%{RELEASE}') if line.startswith('e1000e-kmp')][0].split()[1]
            before = self.kmps()
            self.done('remove', form.format(tag=self.tag, evr=evr, version=evr.rsplit('-', 1)[0]))
            self.assertEqual(before - self.kmps(), {'e1000e'}, form)

    def test_a_module_is_spelled_with_dash_or_underscore(self):
        self.done('--no-load', 'probe', 'snd_hda_intel')
        self.done('remove', 'snd-hda-intel')
        self.assertNotIn('snd_hda_intel', {name.replace('-', '_') for name in self.kmps()})

    def test_no_name_is_a_pattern_and_no_provide_a_name(self):
        self.done('--no-load', 'probe', r.NIC)
        before = self.root.state()
        # "something-else" is a provide of an installed package, "bystander" is its name
        for name in ('e1000e*', '*', '?1000e', 'e1000e-kmp-*', '[e]1000e', 'something-else', 'bystande', 'e1000e-kmp-', 'e1000e-kmp-amd',
                     'e1000', 'kmod(e1000e.ko)', f'e1000e-kmp-{self.tag}-0', ''):
            run = self.done('remove', name, status=3)
            self.assertIn('[NOT-FOUND]', run.stderr)
        self.assertEqual(self.root.state(), before)

    def test_a_module_that_no_package_has_stays(self):
        before = self.root.state()
        run = self.done('remove', 'loop', status=3)
        self.assertIn('its file is on disk, but no installed package has it', run.stderr)
        self.assertEqual(self.root.state(), before)

    def test_a_kernel_is_not_removed_by_a_module_of_it(self):
        files = [('/boot/vmlinuz-6.0.0-1-amd64', b'x')]
        self.root.rpm('-i', '--nodeps', *r.FORCE, r.rpmbuild(
            f'{self.root.path}/tmp', 'kernel-amd64-image-6.0.0_1',
            ['Provides: kernel-uname-r = 6.0.0-1.amd64', 'Provides: kmod(ext9.ko)'], files))
        self.root.rpm('-i', '--nodeps', *r.FORCE, r.rpmbuild(
            f'{self.root.path}/tmp', 'ext8-kmp-amd64', ['Provides: kmod(ext8.ko)'], [('/usr/share/doc/ext8', b'x')]))
        self.done('remove', 'ext9', status=3)
        self.done('remove', 'ext8')
        self.assertIn('kernel-amd64-image-6.0.0_1', self.root.names())
        self.assertNotIn('ext8-kmp-amd64', self.root.names())

    def test_a_held_package_stays_whatever_it_is_called(self):
        self.done('--no-load', 'probe', r.NIC)
        self.done('hold', 'e1000e')
        before = self.root.state()
        for name in ('e1000e', 'e1000e-kmp', f'e1000e-kmp-{self.tag}'):
            self.assertIn('[DENIED]', self.done('remove', name, status=4).stderr)
        self.assertEqual(self.root.state(), before)

    def test_it_is_forgotten_by_any_of_its_names(self):
        for install, remove in (('xfs-kmp', 'xfs'), ('xfs', 'xfs-kmp'), (f'xfs-kmp-{self.tag}', 'xfs'), ('xfs', 'xfs')):
            self.done('install', install)
            self.assertTrue(self.asked() & {'name xfs', 'package xfs-kmp'}, install)
            self.done('remove', remove)
            self.assertFalse(self.asked() & {'name xfs', 'package xfs-kmp'}, (install, remove))


class Install(Case):
    def test_each_form_installs_what_probe_would(self):
        self.done('--no-load', 'probe', 'e1000e')
        want = self.kmps()
        for form in ('e1000e', 'e1000e.ko', '/lib/modules/x/e1000e.ko.zst', r.NIC, '8086:10d3', '8086:10D3',
                     'e1000e-kmp', f'e1000e-kmp-{self.tag}'):
            self.done('remove', *[name for name in self.root.names() if '-kmp-' in name])
            self.done('install', form)
            self.assertEqual(self.kmps(), want, form)
            self.done('install', form, status=2)

    def test_names_of_several_kinds_are_one_transaction(self):
        self.done('install', 'e1000e', 'xfs-kmp', r.NVME)
        self.assertLessEqual({'e1000e', 'xfs', 'nvme'}, self.kmps())
        self.assertEqual([entry['verb'] for entry in self.root.history()], ['install'])

    def test_one_name_of_nothing_installs_nothing(self):
        before = self.root.state()
        for name in ('nosuchmodule', 'ffff:ffff', 'usb:ffff:ffff', 'nosuch.ko', 'eth7', '0000:00:1f.7', '/sys/devices/none', 'x[1-'):
            run = self.done('install', 'e1000e', name, status=3)
            self.assertIn(f'{name}: no configured repository has a package for it', run.stderr)
        self.assertEqual(self.root.state(), before)

    def test_a_denied_module_is_not_installed_by_any_name(self):
        self.done('deny', 'e1000e')
        before = self.root.state()
        for name in ('e1000e', 'e1000e.ko', r.NIC, '8086:10d3', 'e1000e-kmp'):
            self.assertIn('[DENIED]', self.done('install', name, status=4).stderr, name)
        self.assertEqual(self.root.state(), before)

    def test_a_module_on_disk_is_there(self):
        run = self.done('install', 'loop', status=2)
        self.assertIn('loop: already installed', run.stdout)

    def test_a_provide_of_another_repository_is_not_the_module(self):
        self.vendor('hijack', 'Provides: e1000e', files=[('/usr/share/doc/hijack', b'x')], version='99')
        self.done('install', 'e1000e')
        self.assertIn('e1000e', self.kmps())
        self.assertNotIn('hijack', self.root.names())

    def test_a_module_is_not_the_full_name_of_a_package(self):
        """P28: only the full name of a package lets it take the place of a module of the machine."""
        kmp = f'/lib/modules/{self.root.kver}/updates/loop.ko'
        self.vendor('loop-vendor', 'Provides: kmod(loop.ko)', files=[(kmp, self.module('loop'))])
        before = self.root.state()
        self.done('install', 'loop', status=2)
        self.assertEqual(self.root.state(), before)
        self.done('install', 'loop-vendor')
        self.assertIn('loop-vendor', self.root.names())


class Devices(Case):
    def setUp(self):
        super().setUp()
        self.device('pci0000:00/0000:00:03.0', r.NIC, 'bus/pci/devices/0000:00:03.0')
        os.makedirs(f'{self.root.path}/sys/devices/pci0000:00/0000:00:03.0/net/eth0')
        os.symlink('../..', f'{self.root.path}/sys/devices/pci0000:00/0000:00:03.0/net/eth0/device')
        os.makedirs(f'{self.root.path}/sys/class/net')
        os.symlink('../../devices/pci0000:00/0000:00:03.0/net/eth0', f'{self.root.path}/sys/class/net/eth0')
        os.symlink('../../devices/pci0000:00/0000:00:03.0/net/eth0', f'{self.root.path}/sys/class/net/loop')
        os.symlink('../../devices/pci0000:00/0000:00:03.0/net/eth0', f'{self.root.path}/sys/class/net/xfs')

    def test_each_form_of_a_device_is_its_modalias(self):
        for form in ('0000:00:03.0', '00:03.0', '/sys/bus/pci/devices/0000:00:03.0', 'bus/pci/devices/0000:00:03.0',
                     '/devices/pci0000:00/0000:00:03.0', '/sys/class/net/eth0', 'class/net/eth0', 'eth0', '8086:10d3'):
            status, answer = self.root.json('lookup', form)
            self.assertEqual(status, 0, form)
            [one] = answer['results']
            self.assertEqual((one['query'], one['given'], one['device'], one['modules'], one['state']),
                             (r.NIC, form, '/sys/devices/pci0000:00/0000:00:03.0', ['e1000e'], 'available'), form)

    def test_a_module_comes_before_an_interface(self):
        for name, state in (('loop', 'present'), ('xfs', 'available')):
            _, answer = self.root.json('lookup', name)
            self.assertEqual([(one['query'], one['state']) for one in answer['results']], [(name, state)])

    def test_ids_without_a_device_find_each_alias_that_has_them(self):
        _, answer = self.root.json('lookup', '8086:10ea')
        [one] = answer['results']
        self.assertEqual((one['query'], one['given'], one['modules'], one['state']),
                         ('pci:v00008086d000010EA*', '8086:10ea', ['e1000e'], 'available'))

    def test_ids_find_aliases_that_ask_for_more_than_the_ids(self):
        self.vendor('r8152-kmp', 'Provides: kmod(r8152.ko)', *[
            f'Supplements: modalias(kernel-{self.tag}:usb:v0BDAp{product}d*dc*dsc*dp*icFFisc*ip*in*)' for product in ('8153', '815A')],
            files=[(f'/lib/modules/{self.root.kver}/updates/r8152.ko', b'x')])
        for query, modules in (('usb:0bda:8153', ['r8152']), ('usb:0bda:815a', ['r8152']), ('usb:0bda:815b', []), ('usb:0bda:0153', [])):
            _, answer = self.root.json('lookup', query)
            self.assertEqual([one['modules'] for one in answer['results']], [modules], query)

    def test_links_do_not_leave_the_root(self):
        os.symlink('/../../../../../../sys/devices', f'{self.root.path}/sys/class/net/out')
        os.symlink('../../../etc', f'{self.root.path}/sys/class/net/etc')
        for name in ('out', 'etc', '/sys/class/net/etc', '/sys/../etc', 'class/net/../../../etc'):
            _, answer = self.root.json('lookup', name)
            self.assertEqual([one['state'] for one in answer['results']], ['unknown'], name)

    def test_policy_sees_the_device(self):
        with open(f'{self.root.path}/sys/devices/pci0000:00/0000:00:03.0/removable', 'w', encoding='utf-8') as f:
            f.write('removable\n')
        os.makedirs(f'{self.root.path}/etc/modfetch/policy.d', exist_ok=True)
        with open(f'{self.root.path}/etc/modfetch/policy.d/x.conf', 'w', encoding='utf-8') as f:
            f.write('deny removable\n')
        for form in ('eth0', '00:03.0', '/sys/class/net/eth0', '8086:10d3'):
            self.assertIn('[DENIED]', self.done('lookup', form, status=4).stderr, form)
            self.assertIn('[DENIED]', self.done('install', form, status=4).stderr, form)

    def test_info_takes_aliases_and_has_a_suggestion(self):
        for name, module in ((r.NIC, 'e1000e'), ('fs-xfs', 'xfs')):
            self.assertEqual([one['name'] for one in self.root.json('info', name)[1]], [f'{module}-kmp-{self.tag}'])
        for name, hint in (('e1000f', 'did you mean e1000e?'), ('pci:vnothing', 'no package and no module has this name')):
            self.assertIn(hint, self.root.run('info', name).stderr)

    def test_search_and_info_find_the_driver_of_a_device(self):
        for form in ('eth0', '00:03.0', '/sys/class/net/eth0', '8086:10d3'):
            for verb in ('search', 'info'):
                status, found = self.root.json(verb, form)
                self.assertEqual((status, [one['name'] for one in found]), (0, [f'e1000e-kmp-{self.tag}']), (verb, form))
        self.assertEqual([one['name'] for one in self.root.json('info', 'e1000e.ko')[1]], [f'e1000e-kmp-{self.tag}'])
        for verb in ('search', 'info'):
            self.assertIn('[NOT-FOUND]', self.done(verb, 'ffff:ffff', status=3).stderr)

    def test_a_rule_about_a_device_is_one_about_its_modalias(self):
        admin = f'{self.root.path}/etc/modfetch/policy.d/00-admin.conf'
        for form, rule in (('eth0', r.NIC), ('00:03.0', r.NIC), ('class/net/eth0', r.NIC), ('8086:10d3', 'pci:v00008086d000010D3*'),
                           ('usb:0bda:8153', 'usb:v0BDAp8153*')):
            self.done('deny', form)
            with open(admin, encoding='utf-8') as f:
                self.assertEqual(f.readline(), f'deny modalias {rule}\n')
            if form != 'usb:0bda:8153':
                self.assertIn('[DENIED]', self.done('lookup', r.NIC, status=4).stderr, form)
            self.done('allow', form)
            self.done('lookup', r.NIC)
        self.done('deny', 'xfs')
        with open(admin, encoding='utf-8') as f:
            self.assertEqual(f.readline(), 'deny module xfs\n', 'an interface has this name too')

    def test_install_brings_the_driver_of_a_device(self):
        for form in ('eth0', '00:03.0', '/sys/class/net/eth0'):
            self.done('install', form)
            self.assertIn('e1000e', self.kmps(), form)
            self.done('remove', 'e1000e')

    def test_what_is_remembered_is_known_to_the_next_kernel(self):
        self.done('install', '8086:10ea')
        self.assertIn('device pci:v00008086d000010EA*', self.asked())


if __name__ == '__main__':
    unittest.main()
