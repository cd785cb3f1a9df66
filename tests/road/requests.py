#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests of the kernel at run time, with real packages: from the metadata to modprobe's lines and the decision of its helper.

The packages are made by rpmbuild from a real kernel's modules. loop represents a driver: its package recommends ccm and
suggests cmac. The real helper program runs in a root without /proc: there it must assume that its caller is the kernel.
If it cannot start modfetch, it prints to stderr what it would have done, which shows each decision.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

HELPER = os.environ.get('MODFETCH_MODPROBE', os.path.join(r.HERE, '..', 'build', 'src', 'event', 'modprobe', 'modprobe'))
CHROOT = shutil.which('chroot', path='/usr/sbin:/usr/bin:/sbin:/bin')
BASE, KVER = r.kernel()
ABI, FLAVOR = KVER.rsplit('-', 1)
TAG = f'{FLAVOR}-{ABI.replace("-", "_")}'

# module: aliases without a bus, recommendations and suggestions of its package
MODULES = {
    'loop': ([], ['ccm'], ['cmac']),
    'ccm': (['crypto-ccm', 'crypto-rfc4309'], ['gcm'], []),
    'gcm': (['crypto-gcm'], [], []),
    'cmac': (['crypto-cmac'], [], ['seqiv']),
    'seqiv': (['crypto-seqiv'], [], []),
    'xcbc': (['crypto-xcbc'], [], []),
}


def package(name):
    return f'{name}-kmp-{TAG}'


def make_repository(directory):
    for name, (aliases, recommends, suggests) in MODULES.items():
        source = r.output('find', f'{BASE}/lib/modules/{KVER}/kernel', '-name', f'{name}.ko').strip()
        with open(source, 'rb') as f:
            code = f.read()
        spec = [f'Provides: kmod({name}.ko)', *(f'Provides: kalias({TAG}:{alias})' for alias in aliases),
                *(f'Recommends: {package(other)}' for other in recommends),
                *(f'Suggests: {package(other)}' for other in suggests)]
        r.rpmbuild(directory, package(name), spec, [(source.replace(BASE, ''), code)])
    r.createrepo(directory)


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp(prefix='modfetch-requests-')
        make_repository(cls.made)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.made)

    def machine(self, modules=('loop', 'vfat')):
        """A root with its own copy of the repository."""
        self.directory = tempfile.mkdtemp(prefix='modfetch-requests-')
        shutil.copytree(self.made, self.directory, dirs_exist_ok=True)
        self.addCleanup(shutil.rmtree, self.directory)
        self.server = r.Server(self.directory)
        self.addCleanup(self.server.close)
        self.root = r.Root(modules)
        self.addCleanup(self.root.close)
        self.root.repo(self.server.url)
        self.done(0, 'refresh')

    def done(self, status, *arguments):
        done = self.root.run(*arguments)
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        return done

    def lines(self):
        with open(f'{self.root.path}/run/modprobe.d/zz-modfetch.conf', encoding='utf-8') as f:
            return set(re.findall(r'^install (\S+)', f.read(), re.M))

    def index(self, kind='request'):
        return f'{self.root.path}/var/cache/modfetch/test/current/{kind}-{TAG}.bin'

    def ask(self, name, *arguments):
        """The decision of the helper about a request of the kernel: fetch, load, or nothing, with its output."""
        self.pass_for_this_kernel()
        libexec = f'{self.root.path}/usr/libexec/modfetch'
        os.makedirs(libexec, exist_ok=True)
        shutil.copy(HELPER, libexec)
        os.makedirs(f'{self.root.path}/dev', exist_ok=True)
        open(f'{self.root.path}/dev/null', 'w', encoding='utf-8').close()  # a regular file is sufficient: it is only opened
        copy_libraries(HELPER, self.root.path)
        # Without /proc a build with sanitizers cannot check for leaks, prints a warning, and reads its options only from this file.
        os.makedirs(f'{self.root.path}/proc/self', exist_ok=True)
        with open(f'{self.root.path}/proc/self/environ', 'w', encoding='utf-8') as f:
            f.write('ASAN_OPTIONS=abort_on_error=1:detect_leaks=0\0')
        done = subprocess.run([CHROOT, self.root.path, '/usr/libexec/modfetch/modprobe', *arguments], check=False, timeout=30,
                              env={'MODPROBE_MODULE': name}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 1)
        output = re.sub(r'^==\d+==WARNING: .*\n', '', done.stdout, flags=re.M)
        words = {'/modfetch: No such file': 'fetch', 'cannot start modprobe': 'load'}
        return next((word for text, word in words.items() if text in output), 'nothing'), output

    def pass_for_this_kernel(self):
        """The helper works for the running kernel: files of the root's kernel get its names too."""
        running = os.uname().release
        words = running.split('-')
        flavor = next((i for i, w in enumerate(words) if i and not re.match(r'\d|rc\d', w)), None)
        self.assertIsNotNone(flavor, f'{running} has no flavor')
        tag = f'{"-".join(words[flavor:])}-{"_".join(words[:flavor])}'
        if running == KVER:
            return
        link = f'{self.root.path}/lib/modules/{running}'
        if not os.path.islink(link):
            os.symlink(KVER, link)
        for kind in 'name', 'alias', 'request':
            if os.path.exists(self.index(kind)):
                shutil.copy(self.index(kind), self.index(kind).replace(f'-{TAG}.bin', f'-{tag}.bin'))

    def kernel_requests(self, name):
        """The command line with which the helper starts modfetch for the kernel."""
        return self.root.run('--no-load', '--from-modprobe', '--unattended', 'probe', '--', name)

    def runs(self):
        try:
            with open(f'{self.root.path}/run/modfetch/runs', encoding='utf-8') as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    # ---- the lists, and modprobe's lines ----

    def test_lines_are_for_names_and_for_the_aliases_of_what_a_module_here_lists(self):
        self.machine()
        self.assertTrue(os.path.getsize(self.index()))
        names = {name for name in MODULES if name != 'loop'}
        self.assertEqual(self.lines(), names | {'crypto_ccm', 'crypto_rfc4309', 'crypto_cmac'})

    def test_without_the_module_that_lists_them_there_are_none(self):
        self.machine(('vfat',))
        self.assertEqual(self.lines(), set(MODULES))
        self.done(0, '--no-load', 'probe', 'loop')
        self.assertIn('crypto_cmac', self.lines())
        # ccm was recommended and is on disk: its own list, gcm, counts as well
        self.assertNotIn('crypto_ccm', self.lines())
        self.done(0, 'remove', package('loop'))
        self.assertNotIn('crypto_cmac', self.lines())

    # ---- the plan ----

    def test_recommended_modules_come_along_and_suggested_ones_with_thorough(self):
        for options, expected in ((), {'loop', 'ccm', 'gcm'}), (('--thorough',), {'loop', 'ccm', 'gcm', 'cmac', 'seqiv'}):
            with self.subTest(options=options):
                self.machine(('vfat',))
                self.done(0, *options, '--no-load', 'probe', 'loop')
                self.assertEqual({n for n in self.root.names() if '-kmp-' in n}, {package(name) for name in expected})

    def test_a_rule_against_a_suggested_module_wins(self):
        self.machine()
        os.makedirs(f'{self.root.path}/etc/modfetch/policy.d')
        with open(f'{self.root.path}/etc/modfetch/policy.d/x.conf', 'w', encoding='utf-8') as f:
            f.write('deny module cmac\n')
        asked = len(self.server.requests)
        self.assertIn('[DENIED]', self.kernel_requests('crypto-cmac').stderr)
        self.assertEqual(len(self.server.requests), asked)
        # nothing was downloaded, and so nothing is counted
        self.assertEqual(self.runs(), 0)
        self.machine(('vfat',))
        with open(f'{self.root.path}/etc/modfetch/modfetch.conf', 'w', encoding='utf-8') as f:
            f.write('[modfetch]\nthorough=yes\n')
        os.makedirs(f'{self.root.path}/etc/modfetch/policy.d')
        with open(f'{self.root.path}/etc/modfetch/policy.d/x.conf', 'w', encoding='utf-8') as f:
            f.write('deny module cmac\n')
        self.done(0, '--no-load', 'probe', 'loop')
        self.assertNotIn(package('cmac'), self.root.names())
        self.assertIn(package('ccm'), self.root.names())

    # ---- the helper ----

    def test_the_helper_fetches_what_is_listed_and_is_silent_else(self):
        self.machine()
        for name in 'crypto_ccm', 'crypto-ccm', 'ccm', 'cmac', 'crypto-cmac':
            self.assertEqual(self.ask(name)[0], 'fetch', name)
        for name in 'seqiv', 'crypto-seqiv', 'xcbc', 'crypto-xcbc', 'no-such', 'crypto-c*', '../ccm':
            self.assertEqual(self.ask(name), ('nothing', ''), name)
        # the admin's pattern
        self.assertEqual(self.ask('xcbc', '-k')[0], 'fetch')
        self.assertEqual(self.ask('loop')[0], 'load')
        os.makedirs(f'{self.root.path}/etc/modfetch/policy.d')
        open(f'{self.root.path}/etc/modfetch/policy.d/off', 'w', encoding='utf-8').close()
        self.assertEqual(self.ask('ccm'), ('nothing', ''))

    def test_a_damaged_index_lists_nothing(self):
        self.machine()
        self.assertEqual(self.ask('ccm')[0], 'fetch')
        with open(self.index(), 'rb') as f:
            whole = f.read()
        for damaged in b'', b'x' * 64, whole[:len(whole) // 2], whole[:12] + b'\xff' * (len(whole) - 12):
            with open(self.index(), 'wb') as f:
                f.write(damaged)
            for name in 'ccm', 'crypto-ccm', 'cmac':
                self.assertEqual(self.ask(name), ('nothing', ''), (name, len(damaged)))
        os.unlink(self.index())
        tag = os.path.basename(self.index())
        for name in os.listdir(os.path.dirname(self.index())):
            if name.startswith('request-') and name != tag:
                os.unlink(f'{os.path.dirname(self.index())}/{name}')
        self.assertEqual(self.ask('ccm'), ('nothing', ''))

    # ---- while modfetch loads ----

    def loading(self):
        """Simulates a run that loads a driver: its mark and its lock. Returns the lock."""
        run = f'{self.root.path}/run/modfetch'
        open(f'{run}/loading', 'w', encoding='utf-8').close()
        lock = open(f'{run}/lock', 'w', encoding='utf-8')  # pylint: disable=consider-using-with
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(lock.close)
        return lock

    def test_what_is_asked_for_while_a_driver_loads_comes_with_the_next_run(self):
        self.machine()
        lock = self.loading()
        before = time.monotonic()
        self.assertEqual(self.ask('crypto_ccm'), ('nothing', ''))
        self.assertLess(time.monotonic() - before, 10)
        self.assertEqual(len(os.listdir(f'{self.root.path}/run/modfetch/queue')), 1)
        lock.close()
        # it waits in the spool: no second fetch for the kernel during that time
        self.assertEqual(self.ask('crypto_ccm'), ('nothing', ''))
        self.done(0, 'queue', '--until-empty')
        self.assertEqual(os.listdir(f'{self.root.path}/run/modfetch/queue'), [])
        self.assertIn(package('ccm'), self.root.names())

    def test_a_probe_for_modprobe_does_not_wait_for_who_may_wait_for_it(self):
        self.machine()
        lock = self.loading()
        before = time.monotonic()
        done = self.kernel_requests('crypto-ccm')
        self.assertIn('[LOCKED]', done.stderr)
        self.assertLess(time.monotonic() - before, 10)
        lock.close()
        self.done(0, 'queue', '--until-empty')
        self.assertIn(package('ccm'), self.root.names())

    # ---- failures ----

    def test_what_failed_for_good_is_not_downloaded_for_the_kernel_again(self):
        def damage():
            path = f'{self.directory}/{package("ccm")}-1-1.x86_64.rpm'
            with open(path, 'r+b') as f:
                f.seek(-100, os.SEEK_END)
                f.write(b'x' * 100)

        def lose():
            self.server.refuse[package('ccm')] = 404

        for break_it, code in (damage, '[BAD-DIGEST]'), (lose, '[HTTP-STATUS]'):
            with self.subTest(code=code):
                self.machine()
                break_it()
                self.assertEqual(self.ask('crypto_ccm')[0], 'fetch')
                done = self.kernel_requests('crypto_ccm')
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(code, done.stderr)
                self.assertEqual(self.ask('crypto_ccm'), ('nothing', ''))
                self.assertEqual(self.ask('crypto-ccm'), ('nothing', ''))
                self.assertEqual(self.ask('cmac')[0], 'fetch')
                self.assertEqual(self.runs(), 1)
                # a request of an admin is always tried
                asked = len(self.server.requests)
                self.root.run('--no-load', 'probe', 'ccm')
                self.assertGreater(len(self.server.requests), asked)

    def test_the_kernel_has_half_of_the_transactions_and_the_service_the_rest(self):
        self.machine()
        self.root.conf(max_transactions=2)
        self.assertEqual(self.kernel_requests('crypto_cmac').returncode, 0)
        asked = len(self.server.requests)
        self.assertEqual(self.kernel_requests('crypto_ccm').returncode, 1)
        self.assertEqual(len(self.server.requests), asked)
        self.assertEqual(len(os.listdir(f'{self.root.path}/run/modfetch/queue')), 1)
        self.done(0, 'queue', '--until-empty')
        self.assertIn(package('ccm'), self.root.names())


def copy_libraries(program, root):
    """Copies the files that a dynamically linked program needs to start in ROOT."""
    done = subprocess.run(['ldd', program], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for path in re.findall(r'(/\S+) \(0x', done.stdout):
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, root + path)


if __name__ == '__main__':
    unittest.main()
