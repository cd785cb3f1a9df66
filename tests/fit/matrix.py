#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every module of several kernels, judged for each of these kernels, against kmod.

Usage: matrix.py DRIVER. The oracles share no code with the judge: kmod's depmod -e -E checks trees in which modules of one
kernel stand in the tree of another, and for modules that others depend on, modprobe --dump-modversions prints the CRCs that
are compared with Module.symvers here. A module of another build with .BTF_ids does not fit, which kmod does not know. The judge must say the same in three machines: with symvers, with only the image, and
with neither (there "unknown" is permitted where the oracle says yes, and nothing else).

With MODFETCH_TEST_ALL=1 all modules of the four newest kernels of the series, and the 6.12 kernel; otherwise every 100th module
of three kernels.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = bool(os.environ.get('MODFETCH_TEST_ALL'))
DRIVER = os.path.abspath(sys.argv.pop(1))


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def kernel(kind):
    base, kver = output(os.path.join(HERE, '..', 'lib', 'kernel'), kind).split()
    return base, kver


class Machine:
    """A root with a kernel, indexed by depmod."""

    def __init__(self, top, name, base, kver, parts):
        self.root, self.kver = os.path.join(top, name), kver
        self.modules = f'{self.root}/lib/modules/{kver}'
        os.makedirs(f'{self.root}/lib/modules')
        subprocess.run(['cp', '-al', f'{base}/lib/modules/{kver}', f'{self.root}/lib/modules/'], check=True)
        if 'boot' in parts:
            subprocess.run(['cp', '-al', f'{base}/boot', self.root], check=True)
        self.symvers = f'{base}/usr/src/linux-headers-{kver}/Module.symvers'
        if 'symvers' in parts:
            os.makedirs(f'{self.root}/usr/src/linux-headers-{kver}')
            shutil.copy(self.symvers, f'{self.root}/usr/src/linux-headers-{kver}')
        subprocess.run(['depmod', '-b', self.root, kver], check=True)

    def judge(self, paths):
        """Path → verdict, symbol."""
        text = output(DRIVER, self.root, self.kver, input=''.join(path + '\n' for path in paths))
        answers = (line.split(' ', 2) for line in text.splitlines())
        return {path: (verdict, symbol) for verdict, symbol, path in answers}


def modules(base, kver):
    found = [os.path.join(d, f) for d, _, names in os.walk(f'{base}/lib/modules/{kver}/kernel')
             for f in names if '.ko' in f]
    return sorted(found)


def exports(symvers):
    with open(symvers, encoding='ascii') as f:
        return {fields[1]: int(fields[0], 16) for fields in (line.rstrip('\n').split('\t') for line in f)}


def dumped(path):
    """The symbol versions of a module, as modprobe prints them."""
    text = output('modprobe', '--dump-modversions', path)
    return {symbol: int(crc, 16) for crc, symbol in (line.split() for line in text.splitlines())}


def by_versions(path, symvers):
    """Does every version that the module states stand in symvers?"""
    return all(symvers.get(symbol) == crc for symbol, crc in dumped(path).items())


def exporting(machine):
    """Names of modules that other modules depend on."""
    with open(f'{machine.modules}/modules.dep', encoding='ascii') as f:
        return {os.path.basename(path) for line in f for path in line.split(':')[1].split()}


def by_depmod(top, machine, paths):
    """The modules among PATHS, none of which another needs, about which depmod has nothing to say in the machine's tree."""
    tree = tempfile.mkdtemp(dir=top)
    where = f'{tree}/lib/modules/{machine.kver}'
    os.makedirs(f'{tree}/lib/modules')
    subprocess.run(['cp', '-al', machine.modules, where], check=True)
    os.mkdir(f'{where}/updates')
    for path in paths:
        os.link(path, f'{where}/updates/{os.path.basename(path)}')
    done = subprocess.run(['depmod', '-n', '-e', '-E', machine.symvers, '-b', tree, machine.kver], check=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    blamed = set(re.findall(r'/updates/(\S+) (?:needs unknown symbol|disagrees about version)', done.stderr))
    shutil.rmtree(tree)
    return {path for path in paths if os.path.basename(path) not in blamed}


def refers_to_types(path):
    """Does an uncompressed module have a section .BTF_ids?"""
    with open(path, 'rb') as f:
        return b'\0.BTF_ids\0' in f.read()


class Matrix(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix='modfetch-matrix-', dir=os.environ.get('MODFETCH_TEST_CACHE',
                                                                                 '/var/cache/modfetch-tests'))
        kinds = ['default', 'default-1', 'default-2', 'default-3'] if ALL else ['default', 'default-1', 'default-3']
        self.kernels = [kernel(kind) for kind in kinds]

    def tearDown(self):
        shutil.rmtree(self.top)

    def machines(self, base, kver):
        return {name: Machine(self.top, f'{name}-{kver}', base, kver, parts)
                for name, parts in (('symvers', ('symvers', 'boot')), ('image', ('boot',)), ('neither', ()))}

    def compare(self, machines, paths):
        """Compares the judge's answers for PATHS with the oracles'; returns how many fit."""
        machine = machines['symvers']
        symvers = exports(machine.symvers)
        needed = exporting(machine)
        leaves = [path for path in paths if os.path.basename(path) not in needed]
        fits = by_depmod(self.top, machine, leaves)
        fits |= {path for path in paths if os.path.basename(path) in needed and by_versions(path, symvers)}
        foreign = {path for path in paths if f'/{machine.kver}/' not in path and refers_to_types(path)}
        for name, one in machines.items():
            for path, (verdict, symbol) in one.judge(paths).items():
                wanted = ['yes'] if path in fits - foreign else ['crc', 'no-symbol', 'unknown']
                if path in foreign:
                    wanted.append('btf')
                if name == 'neither':
                    wanted.append('unknown')
                self.assertIn(verdict, wanted, f'{path} for {one.kver} with {name}: {symbol}')
        return len(fits - foreign)

    def test_every_module_for_every_kernel_as_kmod_says(self):
        fits = refused = 0
        for base, kver in self.kernels:
            machines = self.machines(base, kver)
            for other_base, other in self.kernels:
                paths = modules(other_base, other)[::1 if ALL else 100]
                n = self.compare(machines, paths)
                if other == kver:
                    self.assertEqual(n, len(paths), kver)
                fits += n
                refused += len(paths) - n
            for machine in machines.values():
                shutil.rmtree(machine.root)
        print(f'matrix: {fits} fit, {refused} do not', file=sys.stderr)
        self.assertTrue(fits)

    @unittest.skipUnless(ALL, 'a compressed tree takes long')
    def test_the_compressed_modules_of_another_series_fit_their_own_kernel_only(self):
        base, kver = kernel('xz')
        own = Machine(self.top, 'own', base, kver, ('boot',))
        paths = modules(base, kver)
        self.assertEqual({verdict for verdict, _ in own.judge(paths).values()}, {'yes'})
        old = Machine(self.top, 'old', *self.kernels[0], ('boot',))
        self.assertEqual({verdict for verdict, _ in old.judge(paths).values()}, {'crc'})


if __name__ == '__main__':
    unittest.main()
