# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: whole_machines.py ORACLE      coldplug for ten real machines without any driver, compared with kmod on the full tree

Each list of machines/ with a source in its header is the devices of one machine, with a modalias on each line. A machine with
only built-in modules runs coldplug for it. Then all modules that modprobe would load for these devices on the full tree must be
on its disk, including soft dependencies, and otherwise only modules that their packages recommend.
With MODFETCH_TEST_ALL=1 the same with the other kernel, whose modules are compressed.
"""
import glob
import gzip
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import root as machine  # noqa: E402

ORACLE = None

# Modules that drivers request by name at run time, from the kernel's sources: none of them follows from symbols. If the driver is
# on disk, those that the kernel has as modules must be there too. intel_lpss uses a soft dependency, "platform:idma64".
REQUESTS = {
    'intel_lpss': ['idma64'],
    'iwlwifi': ['iwlmvm', 'iwldvm'],
    'mac80211': ['ccm', 'ctr', 'gcm', 'cmac'],
    'bluetooth': ['cmac'],
    'brcmfmac': ['brcmfmac_wcc', 'brcmfmac_cyw', 'brcmfmac_bca'],
    'mlx4_core': ['mlx4_en', 'mlx4_ib'],
    'snd_hda_codec': ['snd_hda_codec_generic'],
}


def module_of(path):
    return re.sub(r'\.ko.*', '', os.path.basename(path)).replace('-', '_')


def lists():
    """Name → modaliases of each completely recorded machine."""
    found = {}
    for path in sorted(glob.glob(f'{HERE}/machines/*')):
        with open(path, encoding='utf-8') as f:
            lines = f.read().splitlines()
        if lines[0].startswith('# source: '):
            found[os.path.basename(path)] = [line for line in lines[1:] if line]
    return found


def recommendations(repository):
    """Module → modules of the packages that its own package recommends."""
    path, = glob.glob(f'{repository}/repodata/*-primary.xml.gz')
    with gzip.open(path, 'rt', encoding='utf-8') as f:
        packages = f.read().split('<package type="rpm">')[1:]
    found = {}
    for text in packages:
        name = re.search(r'<name>(.*?)-kmp-', text)
        block = re.search(r'<rpm:recommends>(.*?)</rpm:recommends>', text, re.DOTALL)
        if name and block:
            found[module_of(name[1])] = {module_of(m) for m in re.findall(r'name="([^"]*?)-kmp-', block[1])}
    return found


class Kernel:
    """A kernel's full tree as kmod sees it, and the repository made from it."""

    def __init__(self, kind, repository):
        self.kind = kind
        self.repository = machine.repository(repository)
        self.tree, self.kver = machine.full_tree(kind), machine.kernel(kind)[1]
        self.recommended = recommendations(self.repository)
        with open(f'{self.tree}/lib/modules/{self.kver}/modules.dep', encoding='utf-8') as f:
            self.modules = {module_of(line.split(':')[0]) for line in f}
        self.loads = {}

    def matches(self, modaliases):
        """Modalias → names that kmod has for it."""
        done = subprocess.run([ORACLE, f'{self.tree}/lib/modules/{self.kver}', '/nowhere'], check=True, text=True,
                              input='\n'.join(modaliases) + '\n', stdout=subprocess.PIPE)
        return {query: set(names.split()) for query, _, names in (line.partition('\t') for line in done.stdout.splitlines())}

    def loaded_for(self, name):
        """The modules that modprobe would insert for a module, including soft dependencies."""
        if name not in self.loads:
            text = machine.output('modprobe', '-d', self.tree, '-S', self.kver, '-C', '/nowhere', '--show-depends', name)
            self.loads[name] = {module_of(line.split()[1]) for line in text.splitlines() if line.startswith('insmod')}
        return self.loads[name]

    def with_recommended(self, modules):
        """The modules, those that their packages recommend, and all modules that modprobe would insert for these."""
        whole, new = set(), set(modules)
        while new:
            whole |= new
            named = set().union(*(self.recommended.get(m, ()) for m in new)) - whole
            new = set().union(*(self.loaded_for(m) for m in named & self.modules)) - whole
        return whole


class Machines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kinds = [('default', 'full')] + [('xz', 'xz')] * (os.environ.get('MODFETCH_TEST_ALL') == '1')
        cls.kernels = [Kernel(*kind) for kind in kinds]
        cls.done = {}

    def equipped(self, kernel, name):
        """Modules on the disk of a machine after coldplug for a list, and the result of lookup before."""
        if (kernel, name) in self.done:
            return self.done[kernel, name]
        root = machine.Root(modules=(), symvers=False, kind=kernel.kind)
        try:
            root.repo('file:' + kernel.repository, keys_line='keys=repo.pem')
            self.assertEqual(0, root.run('refresh').returncode)
            path = f'{HERE}/machines/{name}'
            named = {r['query']: set(r['modules']) for r in root.json('lookup', '--file', path)[1]['results']}
            done = root.run('coldplug', '--sysfs', path, timeout=300)
            self.assertIn(done.returncode, (0, 2), done.stderr)
            self.assertNotIn('[', done.stderr, 'nothing is out of bounds, or fails')
            again = root.run('--dry-run', 'coldplug', '--sysfs', path)
            self.assertEqual(2, again.returncode, 'a second run has nothing to do: ' + again.stdout)
            self.done[kernel, name] = {module_of(module) for module in root.on_disk()}, named
        finally:
            root.close()
        return self.done[kernel, name]

    def test_everything_that_kmod_would_load_is_there_and_nothing_else(self):
        self.assertEqual(10, len(lists()))
        for kernel in self.kernels:
            driven = 0
            for name, modaliases in lists().items():
                with self.subTest(kernel=kernel.kver, machine=name):
                    expected = kernel.matches(modaliases)
                    on_disk, named = self.equipped(kernel, name)
                    self.assertEqual(expected, named)
                    drivers = set().union(*expected.values()) & kernel.modules
                    loaded = set().union(*(kernel.loaded_for(m) for m in drivers))
                    requested = set().union(*(REQUESTS.get(m, ()) for m in on_disk))
                    self.assertEqual(set(), loaded - on_disk - requested, 'modprobe would load it, and it is not there')
                    self.assertEqual(set(), on_disk - kernel.with_recommended(loaded), 'nothing asks for it')
                    driven += len(drivers) > 10
            self.assertGreaterEqual(driven, 6)

    def test_what_drivers_ask_for_at_run_time_is_there(self):
        checked, missing = set(), {}
        for kernel in self.kernels:
            for name in lists():
                on_disk, _ = self.equipped(kernel, name)
                for driver in on_disk & REQUESTS.keys():
                    checked.add(driver)
                    lacking = set(REQUESTS[driver]) & kernel.modules - on_disk
                    if lacking:
                        missing[kernel.kver, name, driver] = lacking
        self.assertLessEqual({'iwlwifi', 'mac80211', 'bluetooth', 'snd_hda_codec'}, checked)
        self.assertEqual({}, missing)


if __name__ == '__main__':
    ORACLE = sys.argv.pop(1)
    unittest.main()
