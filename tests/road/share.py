#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One repository for several kernels, with pack --share: what is published, and what a machine with each kernel gets from it.

The small kernels are real modules whose release was changed, as another build has it; one module has another author in one of them.
With MODFETCH_TEST_ALL=1 two whole kernels of Debian are packed, the newest two of an ABI.
"""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

MODULES = ('e1000e', 'bonding', 'nf_conntrack_ftp', 'xfs', 'dummy')
OWN_MB = 5  # what a second kernel may cost, without the package of the kernel itself
SEED = int(os.environ.get('MODFETCH_SEED', '20261130'))


def pack(repository, tree, *options, status=0):
    """Packs a kernel into a repository; returns the figures and what pack printed on stderr."""
    keys = r.test_keys()
    done = subprocess.run([r.MODFETCH, '--json', 'pack', '--sign', f'{keys}/repo.key', '--cert', f'{keys}/repo.crt',
                           '--output', repository, *options, tree],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout), done.stderr


def published(repository):
    """Path → digest of every file that clients can get."""
    found = {}
    for directory, directories, files in os.walk(repository):
        directories[:] = [d for d in directories if d != '.pack']
        for name in files:
            with open(os.path.join(directory, name), 'rb') as f:
                found[os.path.relpath(f.name, repository)] = hashlib.sha256(f.read()).hexdigest()
    return found


def packages(repository, kver):
    """Modules in packages that are named after this kernel."""
    suffix = f'-kmp-{r.tag(kver)}-'
    return {path.split('/')[-1].split(suffix)[0] for path in published(repository) if suffix in path}


def cost(repository, before):
    """Bytes of the files that are not in BEFORE, without the package of the kernel."""
    return sum(os.path.getsize(f'{repository}/{path}') for path in set(published(repository)) - set(before) if '-image-' not in path)


class Machine(r.Root):
    """A root with the kernel KVER, which is that of a directory BASE, without modules."""

    def __init__(self, base, kver, repository):
        super().__init__(modules=())
        self.kver, self.modules = kver, f'{self.path}/lib/modules/{kver}'
        os.makedirs(self.modules, exist_ok=True)
        source = f'{base}/lib/modules/{kver}'
        for name in os.listdir(source):
            if name.startswith('modules.builtin') or name == 'modules.order':
                shutil.copy(f'{source}/{name}', self.modules)
        headers = f'usr/src/linux-headers-{kver}'
        os.makedirs(f'{self.path}/{headers}', exist_ok=True)
        shutil.copy(f'{base}/{headers}/Module.symvers', f'{self.path}/{headers}')
        os.makedirs(f'{self.path}/boot', exist_ok=True)
        shutil.copy(f'{base}/boot/config-{kver}', f'{self.path}/boot')
        subprocess.run(['depmod', '-b', self.path, kver], check=True)
        self.repo('file://' + repository)
        self.refresh()

    def refresh(self):
        done = self.run('refresh')
        assert done.returncode == 0, done.stderr

    def lookup(self, queries):
        """Query → state and modules."""
        answers = {}
        for i in range(0, len(queries), 400):
            _, answer = self.json('lookup', *queries[i:i + 400])
            answers.update({one['query']: (one['state'], sorted(one['modules'])) for one in answer['results']})
        return answers

    def plan(self, query):
        """Modules that would be installed for a query."""
        _, answer = self.json('lookup', query)
        return sorted(item['name'].split('-kmp-')[0] for item in answer['install'])


def aliases(base, kver):
    """Every alias that depmod finds in the modules of a directory."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(['cp', '-a', '--parents', f'lib/modules/{kver}', scratch], cwd=base, check=True)
        subprocess.run(['depmod', '-b', scratch, kver], check=True)
        with open(f'{scratch}/lib/modules/{kver}/modules.alias', encoding='utf-8') as f:
            return sorted({line.split(' ', 1)[1].rsplit(' ', 1)[0] for line in f if line.startswith('alias ')})


class Small(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix='modfetch-share-')
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        whole = r.Root(modules=MODULES)
        cls.addClassCleanup(whole.close)
        # the digit before the flavor
        at = whole.kver.rindex('-') - 1
        digit = int(whole.kver[at])
        cls.kvers = [whole.kver] + [f'{whole.kver[:at]}{(digit + n) % 10}{whole.kver[at + 1:]}' for n in (1, 2)]
        cls.bases = [cls.build(whole, n, kver) for n, kver in enumerate(cls.kvers)]
        cls.first = f'{cls.scratch}/first'
        pack(cls.first, cls.tree(0))
        cls.before = published(cls.first)
        cls.second = f'{cls.scratch}/second'
        shutil.copytree(cls.first, cls.second)
        cls.figures, _ = pack(cls.second, cls.tree(1), '--share')

    @classmethod
    def tree(cls, n):
        return f'{cls.bases[n]}/lib/modules/{cls.kvers[n]}'

    @classmethod
    def build(cls, whole, n, kver):
        """A directory with the kernel under another release; from the second on, libcrc32c differs."""
        base = f'{cls.scratch}/kernel-{n}'
        tree = f'{base}/lib/modules/{kver}'
        shutil.copytree(whole.modules, tree)
        os.makedirs(f'{base}/boot')
        os.makedirs(f'{base}/usr/src/linux-headers-{kver}')
        shutil.copy(f'{whole.base}/usr/src/linux-headers-{whole.kver}/Module.symvers', f'{base}/usr/src/linux-headers-{kver}')
        for name in ('vmlinuz', 'System.map', 'config'):
            shutil.copy(f'{whole.base}/boot/{name}-{whole.kver}', f'{base}/boot/{name}-{kver}')
        for directory, _, files in os.walk(tree):
            for name in files:
                path = os.path.join(directory, name)
                if name.endswith('.ko'):
                    with open(path, 'rb') as f:
                        data = f.read().replace(whole.kver.encode(), kver.encode())
                    if n and name == 'libcrc32c.ko':
                        data = data.replace(b'author=', b'Author=')
                    with open(path, 'wb') as f:
                        f.write(data)
                elif name.startswith('modules.') and not name.startswith('modules.builtin') and name != 'modules.order':
                    os.remove(path)
        return base

    def machine(self, n, repository):
        machine = Machine(self.bases[n], self.kvers[n], repository)
        self.addCleanup(machine.close)
        return machine

    def test_what_does_the_same_is_published_once(self):
        self.assertEqual(packages(self.second, self.kvers[1]), {'libcrc32c', 'nf_conntrack'})
        everything = packages(self.first, self.kvers[0])
        self.assertLessEqual({'e1000e', 'bonding', 'nf_conntrack_ftp', 'xfs'}, everything)
        self.assertEqual(self.figures['shared'], len(everything) - 2)
        after = published(self.second)
        self.assertEqual({path: digest for path, digest in after.items() if path.endswith('.rpm') and path in self.before},
                         {path: digest for path, digest in self.before.items() if path.endswith('.rpm')})

    def test_each_kernel_has_the_modules_of_a_repository_of_its_own(self):
        own = f'{self.scratch}/own'
        pack(own, self.tree(1))
        for kernel, reference in ((1, own), (0, self.first)):
            shared, alone = self.machine(kernel, self.second), self.machine(kernel, reference)
            queries = aliases(self.bases[kernel], self.kvers[kernel]) + list(packages(own, self.kvers[1]))
            self.assertGreater(len(queries), 50)
            answers = shared.lookup(queries)
            self.assertEqual(answers, alone.lookup(queries))
            self.assertIn(('available', ['e1000e']), answers.values())
            for query in (r.NIC, 'nf_conntrack_ftp', 'xfs', 'libcrc32c'):
                self.assertEqual(shared.plan(query), alone.plan(query))

    def test_a_module_of_its_own_comes_with_the_shared_ones_that_need_it(self):
        machine = self.machine(1, self.second)
        _, answer = machine.json('lookup', 'nf_conntrack_ftp')
        names = {item['name'] for item in answer['install']}
        old, new = r.tag(self.kvers[0]), r.tag(self.kvers[1])
        self.assertLessEqual({f'nf_conntrack_ftp-kmp-{old}', f'nf_conntrack-kmp-{new}', f'libcrc32c-kmp-{new}'}, names)
        self.assertFalse({f'nf_conntrack-kmp-{old}', f'libcrc32c-kmp-{old}'} & names)

    def test_a_shared_driver_is_linked_where_it_serves(self):
        machine = self.machine(1, self.second)
        # the flags of the kernel's vermagic; a real kernel's image says them too
        self.assertEqual(machine.run('--no-load', 'probe', 'libcrc32c').returncode, 0)
        for _ in 'first', 'again, after its removal':
            done = machine.run('--no-load', 'probe', 'e1000e')
            self.assertEqual(done.returncode, 0, done.stderr)
            links = [os.path.join(at, name) for at, _, names in os.walk(machine.modules) for name in names
                     if os.path.islink(os.path.join(at, name))]
            self.assertIn('e1000e.ko', [os.path.basename(path) for path in links])
            self.assertTrue(all(self.kvers[0] in os.path.realpath(path) for path in links), links)
            self.assertEqual(machine.json('lookup', 'e1000e')[1]['results'][0]['state'], 'present')
            self.assertNotIn('modules.order', done.stderr)
            name = next(n for n in machine.names() if n.startswith('e1000e-kmp-'))
            self.assertEqual(machine.run('remove', name).returncode, 0)
            self.assertFalse(any(map(os.path.lexists, links)), links)

    def test_a_third_kernel_shares_with_both(self):
        repository = f'{self.scratch}/third'
        shutil.copytree(self.second, repository)
        pack(repository, self.tree(2), '--share')
        self.assertEqual(packages(repository, self.kvers[2]), {'nf_conntrack'})
        machine = self.machine(2, repository)
        _, answer = machine.json('lookup', 'nf_conntrack_ftp')
        names = {item['name'] for item in answer['install']}
        tags = [r.tag(kver) for kver in self.kvers]
        self.assertLessEqual({f'nf_conntrack_ftp-kmp-{tags[0]}', f'libcrc32c-kmp-{tags[1]}', f'nf_conntrack-kmp-{tags[2]}'}, names)
        self.assertEqual(len([name for name in names if name.startswith(('libcrc32c-', 'nf_conntrack-'))]), 2)

    def test_what_serves_stays_when_its_kernel_goes_and_is_packed_again_without_it(self):
        repository = f'{self.scratch}/left'
        shutil.copytree(self.second, repository)
        [old] = [name for name in os.listdir(f'{repository}/.pack') if name.startswith(self.kvers[0])]
        os.remove(f'{repository}/.pack/{old}')
        # the kernel that is left is not packed in this run
        pack(repository, self.tree(2))
        machine = self.machine(1, repository)
        self.assertEqual(machine.lookup([r.NIC])[r.NIC], ('available', ['e1000e']))
        self.assertNotIn('dummy', packages(repository, self.kvers[1]))
        # without a kernel to share with
        shutil.rmtree(repository)
        shutil.copytree(self.second, repository)
        os.remove(f'{repository}/.pack/{old}')
        figures, _ = pack(repository, self.tree(1), '--share', '--incremental')
        self.assertEqual(figures['shared'], 0)
        self.assertEqual(packages(repository, self.kvers[1]), packages(self.first, self.kvers[0]))

    def test_a_package_that_changes_serves_no_more(self):
        repository = f'{self.scratch}/changed'
        shutil.copytree(self.second, repository)
        tree = f'{self.scratch}/changed-kernel/lib/modules/{self.kvers[0]}'
        shutil.copytree(self.bases[0], f'{self.scratch}/changed-kernel')
        path = next(os.path.join(d, 'e1000e.ko') for d, _, files in os.walk(tree) if 'e1000e.ko' in files)
        with open(path, 'r+b') as f:
            data = f.read()
            f.seek(0)
            self.assertIn(b'description=', data)
            f.write(data.replace(b'description=', b'Description='))
        _, said = pack(repository, tree, '--incremental', status=1)
        self.assertIn(f'can no longer serve {self.kvers[1]}', said)
        machine = self.machine(1, repository)
        self.assertEqual(machine.lookup([r.NIC])[r.NIC][0], 'unknown')
        self.assertEqual(machine.lookup(['xfs'])['xfs'], ('available', ['xfs']))
        # and after its kernel was packed again it has one of its own
        pack(repository, self.tree(1), '--share', '--incremental')
        machine.refresh()
        self.assertEqual(machine.lookup([r.NIC])[r.NIC], ('available', ['e1000e']))
        self.assertIn('e1000e', packages(repository, self.kvers[1]))

    def test_the_same_again_changes_nothing(self):
        repository = f'{self.scratch}/again'
        shutil.copytree(self.second, repository)
        before = {p: d for p, d in published(repository).items() if not p.endswith('.p7s')}
        figures, _ = pack(repository, self.tree(1), '--share', '--incremental')
        self.assertEqual((figures['reused'], figures['shared']), (figures['packages'], self.figures['shared']))
        pack(repository, self.tree(0), '--incremental')
        self.assertEqual({p: d for p, d in published(repository).items() if not p.endswith(('.p7s', '.xml.gz'))},
                         {p: d for p, d in before.items() if not p.endswith('.xml.gz')})

    def test_several_kernels_at_once_are_refused(self):
        done = subprocess.run([r.MODFETCH, 'pack', '--share', '--output', f'{self.scratch}/none', self.tree(0), self.tree(1)],
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn('--share', done.stderr)


@unittest.skipUnless(os.environ.get('MODFETCH_TEST_ALL') == '1', 'packs two whole kernels')
class Whole(unittest.TestCase):
    """Two kernels of Debian."""

    def test_a_second_kernel_costs_little_and_has_all_its_modules(self):
        (old_base, old), (base, kver) = r.kernel('default-1'), r.kernel()
        symvers = []
        for directory, release in ((old_base, old), (base, kver)):
            with open(f'{directory}/usr/src/linux-headers-{release}/Module.symvers', 'rb') as f:
                symvers.append(f.read())
        if symvers[0] != symvers[1]:
            self.skipTest(f'{kver} has other CRCs than {old}')
        scratch = tempfile.mkdtemp(prefix='modfetch-share-')
        self.addCleanup(shutil.rmtree, scratch)
        repository = f'{scratch}/repository'
        pack(repository, f'{old_base}/lib/modules/{old}')
        before = published(repository)
        figures, _ = pack(repository, f'{base}/lib/modules/{kver}', '--share')
        self.assertGreater(figures['shared'], 0.95 * figures['modules'])
        self.assertLess(cost(repository, before), OWN_MB * 1000 * 1000)
        shared, alone = Machine(base, kver, repository), Machine(base, kver, r.repository('full'))
        self.addCleanup(shared.close)
        self.addCleanup(alone.close)
        queries = aliases(base, kver)
        self.assertGreater(len(queries), 20000)
        self.assertEqual(shared.lookup(queries), alone.lookup(queries))
        modules = sorted(packages(repository, old))
        for module in random.Random(SEED).sample(modules, 60) + ['nf_conntrack_ftp', 'iwlwifi', 'amdgpu']:
            self.assertEqual(shared.plan(module), alone.plan(module), module)


if __name__ == '__main__':
    unittest.main()
