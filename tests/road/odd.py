#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Unusual repositories and caches: empty, with dependency cycles, with many alternatives, huge, damaged, half written.

Each leads to the correct answer or to one clear line, in bounded time and bounded memory.
"""
import importlib.util
import os
import random
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
# tests/resolve/case.py, imported by its path
SPEC = importlib.util.spec_from_file_location('resolver_case', f'{HERE}/../resolve/case.py')
case = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(case)

KERNEL, TAG = '6.1.0-56-amd64', 'amd64-6.1.0_56'
NIC = 'pci:v00008086d00001521sv00008086sd00000001bc02sc00i00'
IMAGE = f'''  package kernel-amd64-image-6.1.0_56 6.1.0-56
    provides kernel-amd64
    provides kernel-uname-r = 6.1.0-56.amd64
    provides ksym(amd64:printk) = 1a2b
'''


def driver(name, *lines, evr='6.1.0-56'):
    return (f'  package {name}-kmp-{TAG} {evr}\n    provides kmod({name}.ko)\n    requires ksym(amd64:printk) = 1a2b\n'
            + ''.join(f'    {line}\n' for line in lines))


def supplements(device='00001521'):
    return f'supplements modalias(kernel-{TAG}:pci:v00008086d{device}sv*sd*bc*sc*i*)'


class Odd(unittest.TestCase):
    def machine(self, packages):
        text = f'kernel {KERNEL}\nrepository base\n{packages}'
        there = case.Machine(case.Case(text))
        self.addCleanup(there.close)
        return there

    def lookup(self, there, *queries, quick=10):
        started = time.monotonic()
        there.case.queries = [[query] for query in queries]
        done, answer = there.ask()
        self.assertLess(time.monotonic() - started, quick)
        self.assertGreaterEqual(done.returncode, 0, 'it was killed')
        return done, answer

    def cache(self, there):
        return os.path.realpath(f'{there.path}/var/cache/modfetch/base/current')


class Repositories(Odd):
    def test_without_a_package(self):
        done, answer = self.lookup(self.machine(''), NIC, 'igb')
        self.assertEqual(done.returncode, 3)
        self.assertEqual({one['state'] for one in answer['results']}, {'unknown'})
        self.assertEqual(answer['install'], [])

    def test_with_packages_that_need_each_other_in_a_circle(self):
        names = [f'ring{i}' for i in range(300)]
        ring = ''.join(driver(name, f'requires {names[i - 1]}-kmp-{TAG}', f'requires ksym(amd64:{names[i - 1]}) = 77',
                              f'provides ksym(amd64:{name}) = 77', *([supplements()] if not i else []))
                       for i, name in enumerate(names))
        done, answer = self.lookup(self.machine(IMAGE + ring), NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({i['name'] for i in answer['install']}, {f'{name}-kmp-{TAG}' for name in names})

    def test_with_a_thousand_candidates_for_one_alias(self):
        crowd = ''.join(driver(f'nic{i}', supplements()) for i in range(1000))
        there = self.machine(IMAGE + crowd)
        done, answer = self.lookup(there, NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        # all of them match, as in the output of modprobe -R
        self.assertEqual(len(answer['results'][0]['modules']), 1000)
        self.assertEqual(len(answer['install']), 1000)

    def test_with_a_thousand_packages_of_one_module(self):
        crowd = ''.join(f'  package nic-v{i}-kmp-{TAG} {i}-1\n    provides kmod(nic.ko)\n    requires ksym(amd64:printk) = 1a2b\n'
                        f'    {supplements()}\n' for i in range(1000))
        there = self.machine(IMAGE + crowd)
        done, answer = self.lookup(there, NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([i['evr'] for i in answer['install']], ['999-1'])
        self.assertEqual(self.lookup(there, NIC)[1], answer, 'the same one every time')


class Huge(Odd):
    """A hundred megabytes of metadata."""

    def test_is_answered_or_refused_within_bounds(self):
        there = self.machine(IMAGE + driver('igb', supplements()))
        directory = f'{there.path}/repositories/base'
        package = case.Package('filler-NUMBER-kmp-amd64-6.9.0_1', '1-1')
        package.deps['requires'] = [f'ksym(amd64:symbol_{i}) = {i:x}' for i in range(80)]
        filler = case.package_xml(package)
        n = (101 << 20) // len(filler) + 1
        own = [p for _, _, packages in there.case.repositories for p in packages]
        with open(f'{directory}/repodata/primary.xml', 'w', encoding='utf-8') as f:
            f.write('<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
                    f'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{n + len(own)}">\n')
            f.writelines(case.package_xml(p) for p in own)
            f.writelines(filler.replace('NUMBER', str(i)) for i in range(n))
            f.write('</metadata>\n')
        size = os.path.getsize(f'{directory}/repodata/primary.xml')
        self.assertGreater(size, 100 << 20)
        digest = subprocess.run(['sha256sum', f'{directory}/repodata/primary.xml'], check=True, capture_output=True,
                                text=True).stdout.split()[0]
        with open(f'{directory}/repodata/repomd.xml', encoding='utf-8') as f:
            text = f.read()
        text = re.sub('>[0-9a-f]{64}<', f'>{digest}<', re.sub('<size>[0-9]+<', f'<size>{size}<', text))
        with open(f'{directory}/repodata/repomd.xml', 'w', encoding='utf-8') as f:
            f.write(text.replace('<revision>1<', '<revision>2<'))
        peak, started = self.refresh(there), time.monotonic()
        done, answer = self.lookup(there, NIC)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([i['name'] for i in answer['install']], [f'igb-kmp-{TAG}'])
        self.assertLess(time.monotonic() - started, 5, 'packages of other kernels must not slow down a lookup')
        self.assertLess(peak, 800 << 20)

    def refresh(self, there):
        """Memory of the largest process; whether it accepted the metadata or printed a reason."""
        done = subprocess.run([sys.executable, '-I', '-S', '-c', 'import os,sys;p=os.posix_spawn(sys.argv[1],sys.argv[1:],os.environ);'
                               '_,s,u=os.wait4(p,0);print(u.ru_maxrss,u.ru_utime+u.ru_stime);sys.exit(os.waitstatus_to_exitcode(s))',
                               os.path.abspath(case.machine.MODFETCH), '--root', there.path, '--kernel', KERNEL, '-q', 'refresh'],
                              env={**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(case.machine.LIBEXECDIR)},
                              capture_output=True, text=True, check=False)
        peak, seconds = done.stdout.split()[-2:]
        # of a processor: sanitizers at idle priority take much longer
        self.assertLess(float(seconds), 120)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        if done.returncode:
            self.assertIn('[TOO-LARGE]', done.stderr)
        return int(peak) << 10


class Caches(Odd):
    """Damage is reported, or the answer is still correct; nothing crashes."""

    def setUp(self):
        self.there = self.machine(IMAGE + driver('igb', supplements(), f'requires ptp-kmp-{TAG}') + driver('ptp')
                                  + ''.join(driver(f'other{i}', supplements(f'{i:08X}')) for i in range(200)))
        _, self.right = self.lookup(self.there, NIC)
        self.assertEqual(len(self.right['install']), 2)

    def judge(self, what):
        done, answer = self.lookup(self.there, NIC)
        if done.returncode:
            self.assertRegex(done.stderr, r'\[(BAD-INDEX|NO-METADATA|NOT-FOUND|UNSOLVABLE|NO-SYMBOL|BAD-METADATA)\]', what)
        else:
            self.assertLessEqual({i['name'] for i in self.right['install'][:1]}, {i['name'] for i in answer['install']}, what)
        return done.returncode

    def files(self):
        directory = self.cache(self.there)
        return [os.path.join(directory, n) for n in sorted(os.listdir(directory)) if TAG in n]

    def test_files_that_end_too_soon(self):
        for path in self.files():
            with open(path, 'rb') as f:
                whole = f.read()
            for length in (0, 1, 11, len(whole) // 3, len(whole) - 1):
                with open(path, 'wb') as f:
                    f.write(whole[:length])
                self.judge((path, length))
            with open(path, 'wb') as f:
                f.write(whole)
        self.assertEqual(self.judge('whole again'), 0)

    def test_a_generation_that_was_never_finished_is_none(self):
        os.unlink(f'{self.cache(self.there)}/stamp')
        done, _ = self.lookup(self.there, NIC)
        self.assertEqual(done.returncode, 1)
        self.assertIn('[NO-METADATA]', done.stderr)
        self.assertEqual(self.there.run('refresh').returncode, 0, 'the next refresh makes it again')
        self.assertEqual(self.lookup(self.there, NIC)[1], self.right)

    def test_bytes_that_have_changed(self):
        chance = random.Random(6)
        for path in self.files():
            with open(path, 'rb') as f:
                whole = f.read()
            for _ in range(25):
                hurt = bytearray(whole)
                for _ in range(chance.choice((1, 3, 20))):
                    hurt[chance.randrange(len(hurt))] = chance.randrange(256)
                with open(path, 'wb') as f:
                    f.write(hurt)
                done, _ = self.lookup(self.there, NIC)
                self.assertIn(done.returncode, (0, 1, 3, 4), (path, done.stderr))
            with open(path, 'wb') as f:
                f.write(whole)


if __name__ == '__main__':
    unittest.main()
