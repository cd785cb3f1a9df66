#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device gets a version of its driver that has its alias: neither a newer version that dropped it, nor the package of another
repository that does not know it."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402
import vendors as v  # noqa: E402

OLD = 'pci:v00001022d00007443sv00001022sd00007443bc05sc00i00'  # another device of amd-rng
NAME = 'amd-rng-kmp-amd64'


def without(code, device):
    """The module without the alias of a device, "0000746B": it has that of a device of no machine in its place."""
    made = code.replace(b'd0000' + device.encode(), b'd0000FFFE')
    assert made != code
    return made


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='bound-')
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = r.Root()
        self.addCleanup(self.root.close)

    def build(self, version, *lacks, repository='one', name=NAME, silent=False, spec=()):
        """A version of the driver that lacks some devices. SILENT: its metadata has no alias at all."""
        code, aliases = v.module('amd-rng')
        for device in lacks:
            code = without(code, device)
            aliases = [alias.replace(f'd0000{device}', 'd0000FFFE') for alias in aliases]
        directory = f'{self.directory}/{repository}'
        os.makedirs(directory, exist_ok=True)
        r.rpmbuild(directory, name, ['Provides: kmod(amd-rng.ko)', *spec, *([] if silent else (f'Supplements: modalias(kernel-amd64:{a})' for a in aliases))],
                   [(f'/lib/modules/{v.KVER}/updates/amd-rng.ko', code)], version=version)

    def publish(self, *lines, repository='one'):
        directory = f'{self.directory}/{repository}'
        r.next_second()
        r.createrepo(directory)
        self.root.repo(f'file://{directory}', name=repository, extra=lines)
        self.done('refresh')

    def done(self, *args, status=0):
        done = self.root.run(*args)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def chosen(self, query):
        """(state, the versions that would be installed for it)."""
        _, answer = self.root.json('lookup', query)
        return answer['results'][0]['state'], [(p['repo'], p['evr']) for p in answer['install']]

    def installed(self):
        return [line.split()[1] for line in self.root.ask('%{NAME} %{VERSION}') if line.startswith(('amd', 'kmod'))]


class Choice(Case):
    def test_of_several_versions_the_newest_that_has_the_alias_is_chosen(self):
        self.build('1', '7443')
        self.build('2')
        self.build('3', '746B')
        self.build('4', '746B', '7443')
        self.publish()
        self.assertEqual(self.chosen(v.RNG), ('available', [('one', '2-1')]))
        self.assertEqual(self.chosen(OLD), ('available', [('one', '3-1')]))
        # by its name it is the newest
        self.assertEqual(self.chosen('amd-rng'), ('available', [('one', '4-1')]))
        self.done('--no-load', 'install', v.RNG)
        self.assertEqual(self.installed(), ['2'])
        self.assertEqual(self.chosen(v.RNG)[0], 'present')

    def test_versions_with_the_same_aliases_differ_in_nothing(self):
        for version in '1', '2':
            self.build(version)
        self.publish()
        self.assertEqual(self.chosen(v.RNG), ('available', [('one', '2-1')]))
        cache = f'{self.root.path}/var/cache/modfetch/one/current'
        self.assertEqual([name for name in os.listdir(cache) if name.startswith('carrier')], [])

    def test_a_newer_one_is_not_taken_where_the_older_one_may_not_be(self):
        self.build('1')
        self.build('2', '746B')
        self.publish(f'excludepkgs={NAME}-1*')
        status, answer = self.root.json('lookup', v.RNG)
        self.assertEqual((status, answer['results'][0]['state'], answer['install']), (4, 'denied', []), answer)
        self.assertEqual(answer['results'][0]['reason'], f'{NAME} has amd_rng, but no version of it that may be installed has an alias for it')
        self.assertEqual(self.chosen(OLD), ('available', [('one', '2-1')]))

    def test_another_repository_that_does_not_know_the_device_is_passed_over(self):
        self.build('1')
        self.build('9', '746B', repository='two', name='kmod-amd-rng')
        self.publish()
        self.publish('priority=1', repository='two')
        self.assertEqual(self.chosen(v.RNG), ('available', [('one', '1-1')]))
        self.assertEqual(self.chosen(OLD), ('available', [('two', '9-1')]))

    def test_metadata_without_any_alias_says_nothing_against_a_package(self):
        self.build('1')
        self.build('9', repository='two', name='kmod-amd-rng', silent=True)
        self.publish()
        self.publish('priority=1', repository='two')
        self.assertEqual(self.chosen(v.RNG), ('available', [('two', '9-1')]))


    def test_a_symbol_is_no_alias_of_a_device(self):
        """Of a kernel without symbol versions, packages say by an alias which symbols can be asked for."""
        tag = r.tag(self.root.kver)
        name = f'amd-rng-kmp-{tag}'
        self.build('1', name=name, spec=[f'Provides: kalias({tag}:symbol:xyz)'])
        self.publish()
        self.assertEqual(self.chosen('symbol:xyz'), ('available', [('one', '1-1')]))
        self.done('--no-load', 'install', name)
        self.assertEqual(self.chosen('symbol:xyz'), ('present', []))


class OnDisk(Case):
    """The version that is installed does not serve the device."""

    def installed_by_name(self, version, *lacks, others=()):
        self.build(version, *lacks)
        self.publish()
        self.done('--no-load', 'install', NAME)
        for args in others:
            self.build(*args)
        self.publish()

    def not_served(self, label):
        """The device is not said to have its driver, and the line says which version has."""
        status, answer = self.root.json('lookup', v.RNG)
        result = answer['results'][0]
        self.assertEqual((status, result['state'], answer['install']), (3, 'unknown', []))
        self.assertEqual(result['reason'], f'amd_rng is on disk in a version without an alias for it; {label} has one: modfetch install {label}')
        for verb in 'install', 'probe':
            done = self.done(verb, v.RNG, status=3)
            self.assertRegex(done.stderr, rf'modfetch: match: {v.RNG}: amd_rng is on disk .* modfetch install {label} \[NOT-FOUND\]$')
        # the module itself is there, and the other device has its driver
        for query in 'amd-rng', OLD:
            self.assertEqual(self.chosen(query), ('present', []))
        self.done('--no-load', 'install', label)
        self.assertEqual(self.chosen(v.RNG), ('present', []))

    def test_a_newer_version_that_has_the_alias_is_named(self):
        self.installed_by_name('1', '746B', others=[['2']])
        self.not_served(f'{NAME}-2-1')

    def test_so_is_an_older_one(self):
        self.installed_by_name('2', '746B', others=[['1']])
        self.not_served(f'{NAME}-1-1')

    def test_the_kernels_own_module_does_not_count_for_a_device_that_it_does_not_know(self):
        self.build('1')
        self.publish()
        code, _ = v.module('amd-rng')
        with open(f'{self.root.modules}/kernel/amd-rng.ko', 'wb') as f:
            f.write(without(code, '746B'))
        self.done('depmod', self.root.kver)
        _, answer = self.root.json('lookup', v.RNG)
        self.assertEqual(answer['results'][0]['reason'], f'amd_rng is on disk in a version without an alias for it; {NAME} has one: modfetch install {NAME}, or modfetch update {NAME}')
        self.done('--no-load', 'install', NAME)
        self.assertEqual(self.chosen(v.RNG), ('present', []))

    def test_another_module_that_is_there_for_the_device_is_enough(self):
        self.installed_by_name('1', '746B', others=[['2']])
        code, _ = v.module('alim1535_wdt')
        with open(f'{self.root.modules}/kernel/other.ko', 'wb') as f:
            f.write(code.replace(b'v000010B9d00001535', b'v00001022d0000746B'))
        self.done('depmod', self.root.kver)
        self.assertEqual(self.chosen(v.RNG), ('present', []))


class Updates(Case):
    def device(self, number, modalias):
        where = f'{self.root.path}/sys/devices/pci0000:00/0000:00:0{number}.0'
        os.makedirs(where)
        with open(f'{where}/modalias', 'w', encoding='ascii') as f:
            f.write(modalias + '\n')

    def updates(self):
        _, answer = self.root.json('update', '--check')
        return [(u['installed'], u['evr'], u.get('blocked')) for u in answer['updates']]

    def start(self, *builds):
        self.build('1')
        self.publish()
        self.done('--no-load', 'install', 'amd-rng')
        for args in builds:
            self.build(*args)
        self.publish()

    def test_a_version_that_loses_a_device_of_the_machine_is_not_installed(self):
        self.start(['2', '746B'])
        self.assertEqual(self.updates(), [('1-1', '2-1', None)], 'no device has it')
        self.device(1, v.RNG)
        why = f'2-1 has no alias for {v.RNG}, which amd_rng serves; to install it all the same: modfetch install {NAME}-2-1'
        self.assertEqual(self.updates(), [('1-1', '2-1', why)])
        done = self.done('update', status=2)
        self.assertIn(f'{NAME} stays at 1-1: {why}', done.stdout)
        self.assertEqual(self.installed(), ['1'])
        self.done('--no-load', 'install', f'{NAME}-2-1')
        self.assertEqual(self.installed(), ['2'])

    def test_the_newest_version_that_keeps_it_is_installed(self):
        self.start(['2'], ['3', '7443'], ['4', '746B'])
        self.device(1, v.RNG)
        self.device(2, OLD)
        done = self.done('update')
        self.assertRegex(done.stderr, rf'{NAME}: not the newest version: 4-1 has no alias for {v.RNG}')
        self.assertEqual(self.installed(), ['2'])

    def test_a_repository_with_the_newest_version_alone_loses_it_too(self):
        self.start()
        self.device(1, v.RNG)
        os.unlink(f'{self.directory}/one/{NAME}-1-1.x86_64.rpm')
        self.build('2', '746B')
        self.publish()
        [(_, _, blocked)] = self.updates()
        self.assertRegex(blocked, '^2-1 has no alias')
        # without any alias in the metadata nothing is known against it
        os.unlink(f'{self.directory}/one/{NAME}-2-1.x86_64.rpm')
        self.build('3', silent=True)
        self.publish()
        self.assertEqual(self.updates(), [('1-1', '3-1', None)])

    def test_a_device_that_was_seen_lately_counts(self):
        self.build('1')
        self.publish()
        self.device(1, v.RNG)
        self.done('--no-load', 'coldplug')
        self.assertEqual(self.installed(), ['1'])
        shutil.rmtree(f'{self.root.path}/sys')
        self.build('2', '746B')
        self.publish()
        [(_, _, blocked)] = self.updates()
        self.assertIn(v.RNG, blocked)


if __name__ == '__main__':
    unittest.main()
