# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: exact.py ORACLE      lookup compared with kmod on the full tree, name by name

A machine with only built-in modules uses the repository of a whole kernel; libkmod uses the tree of the whole kernel. The
queries are every id of pci.ids and usb.ids, every alias of the kernel with its wildcards filled in and as it is, every module
name, every symbol, and recorded machines. The results of lookup and of modprobe -R must be equal for each query.
"""
import json
import os
import random
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import root as machine  # noqa: E402

ORACLE = None
IDS = ('/usr/share/misc', '/usr/share/hwdata', '/var/lib/usbutils')


def id_lines(name):
    for directory in IDS:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            with open(path, encoding='utf-8', errors='replace') as f:
                return f.read().splitlines()
    raise FileNotFoundError(f'{name}: install it (dependencies.tsv)')


def classes(lines):
    """(class, subclass, interface) triples from the end of pci.ids or usb.ids."""
    found, top, sub = [], '00', '00'
    for line in lines:
        m = re.match(r'C ([0-9a-f]{2})  |\t([0-9a-f]{2})  |\t\t([0-9a-f]{2})  ', line)
        if line[:1] not in ('C', '\t') and found:
            break
        if not m or (not found and line[:1] != 'C'):
            continue
        if m[1]:
            top, sub = m[1], '00'
        elif m[2]:
            sub = m[2]
        found.append((top, sub, m[3] or '00'))
    return found


def pci_modaliases(rng):
    lines = id_lines('pci.ids')
    kinds = classes(lines)
    vendor = device = None
    for line in lines:
        if line.startswith('C '):
            return
        m = re.match(r'(\t{0,2})([0-9a-f]{4})(?: ([0-9a-f]{4}))?  ', line)
        if not m:
            continue
        top, sub, interface = rng.choice(kinds)
        if not m[1]:
            vendor = m[2]
            continue
        subsystem = ('00000000', '00000000')
        if m[1] == '\t':
            device = m[2]
        elif m[3]:
            subsystem = ('0000' + m[2], '0000' + m[3])
        vendor, device = vendor.upper(), device.upper()
        yield (f'pci:v0000{vendor}d0000{device}sv{subsystem[0].upper()}sd{subsystem[1].upper()}'
               f'bc{top.upper()}sc{sub.upper()}i{interface.upper()}')


def usb_modaliases(rng):
    lines = id_lines('usb.ids')
    kinds = classes(lines)
    vendor = None
    for line in lines:
        if line.startswith('C '):
            return
        m = re.match(r'(\t?)([0-9a-f]{4})  ', line)
        if not m:
            continue
        if not m[1]:
            vendor = m[2]
            continue
        top, sub, protocol = (x.upper() for x in rng.choice(kinds))
        device = ('00', '00', '00') if rng.random() < 0.7 else (top, sub, protocol)
        yield (f'usb:v{vendor.upper()}p{m[2].upper()}d{rng.randrange(0x10000):04X}dc{device[0]}dsc{device[1]}'
               f'dp{device[2]}ic{top}isc{sub}ip{protocol}in{rng.randrange(3):02X}')


def filled(pattern, rng):
    """A name that matches PATTERN, which may have '*', '?' and brackets."""
    def one(m):
        if m[0] == '*':
            return rng.choice(('', '0', 'FF', 'ab1'))
        if m[0] == '?':
            return rng.choice('0Az')
        members = m[0][1:-1]
        low, high = (members[0], members[2]) if len(members) == 3 and members[1] == '-' else (members[0], members[-1])
        return rng.choice((low, high))
    return re.sub(r'\*|\?|\[[^]]*\]', one, pattern)


def words_of(path, column):
    with open(path, encoding='utf-8') as f:
        return [line.split()[column] for line in f if not line.startswith('#')]


def queries_of(tree, rng):
    """Name of a group → queries."""
    names = [re.sub(r'\.ko.*', '', os.path.basename(line)) for line in words_of(f'{tree}/modules.dep', 0)]
    names += [re.sub(r'\.ko.*', '', os.path.basename(line)) for line in words_of(f'{tree}/modules.builtin', 0)]
    aliases = words_of(f'{tree}/modules.alias', 1)
    bare = [filled(a, rng) for a in aliases if ':' not in a]
    groups = {
        'pci.ids': list(pci_modaliases(rng)),
        'usb.ids': list(usb_modaliases(rng)),
        'aliases with a bus': [filled(a, rng) for a in aliases if ':' in a],
        'aliases as they are': [a for a in aliases if ':' in a],
        'odd names': odd_names(aliases, rng),
        'aliases without': bare + [a.replace('_', '-') for a in bare],
        'module names': names + [n.replace('_', '-') for n in names],
        'symbols': words_of(f'{tree}/modules.symbols', 1) + ['symbol:printk', 'symbol:no_such_symbol'],
    }
    for name in sorted(os.listdir(f'{HERE}/machines')):
        with open(f'{HERE}/machines/{name}', encoding='utf-8') as f:
            groups[f'machine {name}'] = [s for s in f.read().splitlines() if s and not s.startswith('#')]
    return groups


def odd_names(aliases, rng):
    """Names with brackets and other glob characters, which are ordinary bytes in a name, alone and in the place of a '*'."""
    odd = ['bvr-[TBE132I-2.50]-', '[]', '[a-z]', '[[x]', '<NULL>', 'a b', '@#(-)', '\\', '?', '*', '[!a]', '[^-]']
    wild = rng.sample([a for a in aliases if '*' in a and ':' in a and '[' not in a], 400)
    names = [f'dmi:bvnLENOVO:{text}:bd10/14/2020:pnX1:' for text in odd]
    for head, tail in (re.sub(r'\?', 'a', a).split('*', 1) for a in wild):
        names += [head + rng.choice(odd) + tail.replace('*', 'a'), head + '[x-y]' + tail.replace('*', '[x-y]')]
    return names


def usable(query):
    """Names that lookup accepts: printable, each bracket with its pair, at most 2 KiB."""
    return re.fullmatch(r'(?=.{1,2048}$)(?:[ -Z\\^-~]|\[[ -\\^-~]*\])*', query)


def ask_oracle(queries, *mode, config='/nowhere'):
    tree = f'{machine.full_tree()}/lib/modules/{machine.kernel()[1]}'
    done = subprocess.run([ORACLE, tree, config, *mode], input='\n'.join(queries) + '\n', check=True,
                          stdout=subprocess.PIPE, text=True)
    answers = {}
    for line in done.stdout.splitlines():
        query, _, names = line.partition('\t')
        answers[query] = set(names.split())
    return answers


class Exact(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = machine.Root(modules=(), symvers=False)
        cls.addClassCleanup(cls.root.close)
        cls.root.repo('file:' + machine.repository('full'), keys_line='keys=repo.pem')
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr
        cls.tree = f'{machine.full_tree()}/lib/modules/{cls.root.kver}'

    def written(self, queries):
        path = f'{self.root.path}/tmp/queries'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(queries) + '\n')
        return path

    def lookup(self, queries):
        done = self.root.run('--json', 'lookup', '--file', self.written(queries))
        self.assertEqual('', done.stderr)
        return json.loads(done.stdout)

    def test_every_query_is_answered_as_kmod_answers_on_the_full_tree(self):
        differences = 0
        for group, queries in queries_of(self.tree, random.Random(6)).items():
            queries = sorted({q for q in queries if usable(q)})
            expected = ask_oracle(queries)
            got = {r['query']: r for r in self.lookup(queries)['results']}
            self.assertEqual(set(queries), set(got))
            wrong = [q for q in queries if set(got[q]['modules']) != expected[q]]
            differences += len(wrong)
            matched = sum(1 for q in queries if expected[q])
            print(f'{group}: {len(queries)} queries, {matched} with modules, {len(wrong)} differences')
            for query in wrong[:5]:
                print(f'  {query}: kmod {sorted(expected[query])}, lookup {sorted(got[query]["modules"])}')
            for query in queries:
                with self.subTest(query=query):
                    self.check_state(got[query], expected[query])
        print(f'differences: {differences}')
        self.assertEqual(0, differences)

    def check_state(self, result, expected):
        """Nothing is on disk: a match is available or built in, or there is no match."""
        states = ('available', 'builtin') if expected else ('unknown',)
        if result['state'] not in states:
            self.fail(f'{result["state"]}, {result["reason"]}')

    def test_what_is_on_disk_is_named_too_but_not_planned(self):
        here = machine.Root(modules=('e1000e', 'xfs', 'snd_hda_intel', 'iwlwifi', 'crc32c_generic'), symvers=False)
        self.addCleanup(here.close)
        here.repo('file:' + machine.repository('full'), keys_line='keys=repo.pem')
        self.assertEqual(0, here.run('refresh').returncode)
        on_disk = {re.sub(r'\.ko.*', '', name).replace('-', '_') for name in here.on_disk()}
        queries = ['crc32c', 'fs-xfs', 'e1000e', 'iwlwifi']
        for name in os.listdir(f'{HERE}/machines'):
            with open(f'{HERE}/machines/{name}', encoding='utf-8') as f:
                queries += [q for q in f.read().splitlines() if q and usable(q) and q[0] != '#']
        expected = ask_oracle(queries)
        done = here.run('--json', 'lookup', *queries)
        answer = json.loads(done.stdout)
        missing = set()
        for result in answer['results']:
            modules = expected[result['query']]
            self.assertEqual(modules, set(result['modules']), result['query'])
            if modules and modules <= on_disk:
                self.assertEqual('present', result['state'], result['query'])
            if result['state'] == 'available':
                missing |= modules - on_disk
        planned = {item['name'].split('-kmp-')[0].replace('-', '_') for item in answer['install']}
        self.assertFalse(planned & on_disk)
        self.assertTrue(missing <= planned)

    def test_lines_of_modprobe_d_come_first_as_with_kmod(self):
        config = f'{self.root.path}/etc/modprobe.d'
        with open(f'{config}/test.conf', 'w', encoding='utf-8') as f:
            f.write('alias eth0 e1000e\nalias my-* xfs\nalias my-disk-* nvme\nalias fs-btrfs ext4\n'
                    'alias pci:v00008086d000010D3* igb\nalias net-pf-10 off\nalias nobody no_such_module\n'
                    'install no-module /bin/true\ninstall net-pf-31 /bin/true\ninstall vfat /bin/true\n'
                    'blacklist e1000e\noptions igb x=1\n')
        self.addCleanup(os.unlink, f'{config}/test.conf')
        queries = ['eth0', 'my-x', 'my-disk-1', 'fs-btrfs', 'btrfs', machine.NIC, 'net-pf-10', 'nobody', 'no-module',
                   'net-pf-31', 'net-pf-31-proto-0', 'vfat', 'fs-vfat']
        expected = ask_oracle(queries, config=config)
        for result in self.lookup(queries)['results']:
            self.assertEqual(expected[result['query']], set(result['modules']), result['query'])

    def test_the_oracle_says_what_modprobe_says(self):
        queries = [q for group in queries_of(self.tree, random.Random(7)).values() for q in group if usable(q)]
        queries = random.Random(8).sample(queries, 150)
        expected = ask_oracle(queries)
        for query in queries:
            done = subprocess.run(['modprobe', '-d', machine.full_tree(), '-S', self.root.kver, '-C', '/nowhere', '-R',
                                   query], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            self.assertEqual(set(done.stdout.split()), expected[query], query)

    def test_kmod_refuses_the_same_names(self):
        rng = random.Random(10)
        queries = sorted({'x' + ''.join(rng.choice('[]ab-*') for _ in range(rng.randrange(12))) for _ in range(3000)})
        refused = {q for q, names in ask_oracle(queries).items() if names == {'(refused)'}}
        self.assertTrue(300 < len(refused) < len(queries) - 300, len(refused))
        done = self.root.run('--json', 'lookup', '--file', self.written(queries))
        self.assertEqual(4, done.returncode)
        invalid = {r['query'] for r in json.loads(done.stdout)['results'] if r['state'] == 'invalid'}
        self.assertEqual(refused, invalid)
        self.assertEqual({q for q in queries if not usable(q)}, invalid)

    def test_what_is_built_in_is_known_before_the_first_depmod(self):
        new = machine.Root(modules=(), symvers=False)
        self.addCleanup(new.close)
        for name in os.listdir(new.modules):
            if name.startswith('modules.') and name not in ('modules.builtin', 'modules.builtin.modinfo', 'modules.order'):
                os.unlink(f'{new.modules}/{name}')
        new.repo('file:' + machine.repository('full'), keys_line='keys=repo.pem')
        self.assertEqual(0, new.run('refresh').returncode)
        names = [re.sub(r'\.ko.*', '', os.path.basename(line)) for line in words_of(f'{self.tree}/modules.builtin', 0)]
        with open(f'{self.tree}/modules.builtin.modinfo', encoding='utf-8') as f:
            aliases = re.findall(r'\0[^.\0]+\.alias=([^\0]+)', f.read())
        self.assertTrue(len(names) > 100 and len(aliases) > 30)
        rng = random.Random(11)
        queries = sorted({q for q in names + [filled(a, rng) for a in aliases] + ['e1000e', 'loop', machine.NIC] if usable(q)})
        expected = ask_oracle(queries)
        self.assertGreater(sum(1 for q in queries if expected[q]), 100)
        for where in ('lib', 'usr/lib'):
            if where != 'lib':
                os.makedirs(f'{new.path}/usr', exist_ok=True)
                os.rename(f'{new.path}/lib', f'{new.path}/usr/lib')
            done = new.run('--json', 'lookup', '--file', self.written(queries))
            for result in json.loads(done.stdout)['results']:
                self.assertEqual(expected[result['query']], set(result['modules']), (where, result['query']))
                if expected[result['query']] == {result['query']} and result['query'] in names:
                    self.assertEqual('builtin', result['state'], (where, result['query']))

    def test_a_plan_is_the_module_and_all_it_needs(self):
        """For some modules, each alone: the required (not recommended) packages of the plan are the modules that kmod would load first."""
        names = [re.sub(r'\.ko.*', '', os.path.basename(p)).replace('-', '_')
                 for p in words_of(f'{self.tree}/modules.dep', 0)]
        names = random.Random(9).sample(names, 100)
        expected = ask_oracle(names, 'needs')
        for name in names:
            plan = self.lookup([name])['install']
            got = {item['name'].split('-kmp-')[0].replace('-', '_') for item in plan
                   if not item['why'].startswith('recommended')}
            # dependencies of a recommended package are not required by the module
            extra = got - expected[name]
            self.assertFalse(expected[name] - got, name)
            if extra:
                self.assertTrue(any(i['why'].startswith('recommended') for i in plan), (name, extra))

    def test_everything_at_once_is_the_whole_tree(self):
        names = [re.sub(r'\.ko.*', '', os.path.basename(p)).replace('-', '_')
                 for p in words_of(f'{self.tree}/modules.dep', 0)]
        answer = self.lookup(names)
        got = {item['name'].split('-kmp-')[0].replace('-', '_') for item in answer['install'] if '-kmp-' in item['name']}
        self.assertEqual(set(names), got)


if __name__ == '__main__':
    ORACLE = sys.argv.pop(1)
    unittest.main()
