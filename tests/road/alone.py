#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fault affects only its own device: a bad entry of each kind waits in the spool beside a good device.

Packages, metadata and signatures are made by rpmbuild, createrepo_c and openssl, and served over loopback. The spool is
the real one, and `modfetch queue` handles it. The driver of the good device must be installed, and nothing of the bad entry.
"""
import http.server
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

BASE, KVER = r.kernel()
ABI, FLAVOR = KVER.rsplit('-', 1)
TAG = f'{FLAVOR}-{ABI.replace("-", "_")}'
GOOD = 0x1111
HTML = b'<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>Please log in.</body></html>\n'
PAGE = (200, [('Content-Type', 'text/html')], HTML)


def source(name):
    return r.output('find', f'{BASE}/lib/modules/{KVER}/kernel', '-name', f'{name}.ko').strip()


def module(name):
    with open(source(name), 'rb') as f:
        return f.read()


def alias(vendor):
    return f'usb:v{vendor:04X}p0001d0000dc00dsc00dp00ic00isc00ip00in00'


def place(name):
    return f'/lib/modules/{KVER}/updates/{name}.ko'


def make(directory, name, vendor, spec=(), files=None):
    """A package for the devices of a vendor, with the module of a real kernel under another name."""
    path = r.rpmbuild(directory, f'{name}-kmp-{TAG}', [
        f'Provides: kmod({name}.ko)', f'Supplements: modalias(kernel-{TAG}:usb:v{vendor:04X}p*d*dc*dsc*dp*ic*isc*ip*in*)', *spec],
        files or [(place(name), module('ccm'))])
    return os.path.basename(path)


# kind → (vendor, lines of the spec, files): packages with bad content or bad requirements
BAD_PACKAGES = {
    'needs-what-nobody-has': (0x2001, ['Requires: nobody-has-this'], None),
    'scriptlet': (0x2002, ['%post\ntrue'], None),
    'other-path': (0x2003, [], [(place('otherpath'), module('ccm')), ('/etc/cron.d/evil', b'x\n')]),
    'no-module': (0x2004, [], [(place('nomodule'), b'\x7fELF' + bytes(100))]),
    'conflicts-with-disk': (0x2005, [], None),
    'file-in-the-way': (0x2006, [], None),
}


def names_of(kind):
    return kind.replace('-', '')


def repository(directory):
    packages = {'good': make(directory, 'good', GOOD)}
    for kind, (vendor, spec, files) in BAD_PACKAGES.items():
        packages[kind] = make(directory, names_of(kind), vendor, spec, files)
    packages['evil'] = make(directory, 'evil', 0x2222)
    packages['eviltwo'] = make(directory, 'eviltwo', 0x2223)
    r.createrepo(directory)
    return packages


def spool_name(modalias):
    value = 0x6c62272e07bb014262b821756295c58d
    for byte in modalias.encode():
        value = (value ^ byte) * ((1 << 88) | 0x13b) % (1 << 128)
    return f'{value:032x}'


class Machine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp(prefix='modfetch-alone-')
        cls.packages = repository(cls.made)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.made)

    def setUp(self):
        self.start()

    def start(self):
        """A machine and a server with a copy of the repository, both new."""
        self.directory = tempfile.mkdtemp(prefix='modfetch-alone-')
        self.addCleanup(shutil.rmtree, self.directory)
        shutil.copytree(self.made, self.directory, dirs_exist_ok=True)
        self.server = r.Server(self.directory)
        self.addCleanup(self.server.close)
        self.root = r.Root(('loop',))
        self.addCleanup(self.root.close)
        self.root.repo(self.server.url)
        self.spool = f'{self.root.path}/run/modfetch/queue'
        os.makedirs(self.spool, mode=0o700)
        self.devices = 0

    def plug(self, *vendors):
        for vendor in vendors:
            self.devices += 1
            device = f'/devices/usb1/1-{self.devices}:1.0'
            os.makedirs(f'{self.root.path}/sys{device}', exist_ok=True)
            with open(f'{self.root.path}/sys{device}/modalias', 'w', encoding='utf-8') as f:
                f.write(alias(vendor) + '\n')
            with open(f'{self.spool}/.partial', 'w', encoding='utf-8') as f:
                f.write(f'modfetch-event 1\nmodalias={alias(vendor)}\ndevpath={device}\nseqnum=1\nuevent_us=1\n'
                        f'decided_us={self.devices + 1}\n')
            os.rename(f'{self.spool}/.partial', f'{self.spool}/{spool_name(alias(vendor))}')

    def waiting(self):
        return sorted(os.listdir(self.spool))

    def queue(self, *arguments):
        return self.root.run('--unattended', 'queue', *arguments)

    def refresh(self):
        done = self.root.run('refresh')
        self.assertIn(done.returncode, (0, 2), done.stderr)

    def has(self, name):
        return f'{name}-kmp-{TAG}' in self.root.names() and f'{name}.ko' in self.root.on_disk()

    def codes(self):
        return [record['error']['code'] for record in self.root.history() if 'error' in record]

    def innocent_works(self, poison, *vendors):
        """The good device has its driver, and the bad one has not."""
        self.assertTrue(self.has('good'), (self.root.names(), self.codes()))
        self.assertFalse(self.has(poison))
        for vendor in vendors:
            self.assertNotIn(spool_name(alias(vendor)), self.waiting())


class Packages(Machine):
    def test_a_package_that_is_bad_by_itself(self):
        for kind, (vendor, _, _) in BAD_PACKAGES.items():
            with self.subTest(kind):
                self.start()
                self.refresh()
                if kind in ('file-in-the-way', 'conflicts-with-disk'):
                    os.makedirs(f'{self.root.modules}/updates', exist_ok=True)
                    with open(f'{self.root.modules}/updates/{names_of(kind)}.ko', 'wb') as f:
                        f.write(b'not the same bytes')
                self.plug(vendor, GOOD)
                done = self.queue()
                self.assertTrue(self.has('good'), (done.stderr, self.root.names()))
                self.assertNotIn(f'{names_of(kind)}-kmp-{TAG}', self.root.names())
                self.assertEqual(self.waiting(), [])

    def test_a_package_that_its_server_spoils(self):
        def damage(path):
            with open(path, 'r+b') as f:
                f.seek(-100, os.SEEK_END)
                f.write(b'damaged')

        def append(path):
            with open(path, 'ab') as f:
                f.write(b'more')

        kinds = {
            'gone-404': lambda path: self.server.refuse.update({'evil': 404}),
            'gone-410': lambda path: self.server.refuse.update({'evil': 410}),
            'removed': os.remove,
            'other-digest': damage,
            'longer': append,
        }
        for kind, spoil in kinds.items():
            with self.subTest(kind):
                self.start()
                self.refresh()
                spoil(f'{self.directory}/{self.packages["evil"]}')
                self.plug(0x2222, GOOD)
                done = self.queue()
                self.assertLess(done.returncode, 128)
                self.innocent_works('evil', 0x2222, GOOD)

    def test_a_package_of_a_bad_signature_among_good_ones(self):
        """gpgcheck=1, and no package has a signature: each device fails, none twice."""
        self.root.repo(self.server.url, keys_line='keys=repo', extra=['gpgcheck=1'])
        second = tempfile.mkdtemp(prefix='modfetch-alone-')
        self.addCleanup(shutil.rmtree, second)
        make(second, 'other', 0x3333)
        r.createrepo(second)
        self.root.repo('file://' + second, name='second')
        self.refresh()
        self.plug(0x2222, 0x3333)
        self.queue()
        self.assertTrue(self.has('other'), self.codes())
        self.assertFalse(self.has('evil'))
        self.assertEqual(self.waiting(), [])

    def test_a_package_that_is_gone_is_looked_for_in_newer_metadata_once(self):
        self.refresh()
        self.server.refuse['evil'] = 404
        self.plug(0x2222, GOOD)
        before = len(self.server.requests)
        self.queue()
        asked = [path for path in self.server.requests[before:] if path.endswith('repomd.xml')]
        self.assertEqual(len(asked), 1, self.server.requests[before:])

    def test_a_package_that_was_replaced_comes_in_its_newer_version(self):
        self.refresh()
        os.remove(f'{self.directory}/{self.packages["evil"]}')
        r.rpmbuild(self.directory, f'evil-kmp-{TAG}', [
            'Provides: kmod(evil.ko)', f'Supplements: modalias(kernel-{TAG}:usb:v2222p*d*dc*dsc*dp*ic*isc*ip*in*)'],
            [(place('evil'), module('cmac'))], version='2')
        r.createrepo(self.directory)
        self.plug(0x2222, GOOD)
        done = self.queue()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.has('good') and self.has('evil'), self.root.names())

    def test_attempts_count_and_not_successes_alone(self):
        self.root.conf(max_transactions=3)
        self.refresh()
        self.server.refuse['evil'] = 404
        for _ in range(5):
            self.plug(0x2222)
            self.queue()
        asked = [path for path in self.server.requests if 'evil' in path]
        self.assertEqual(len(asked), 3)
        self.assertEqual(len(self.waiting()), 1)


class Crashes(Machine):
    """A signal ends the process while it fetches the bad package, like a crash at that point."""

    def crashing(self, *arguments, sign=signal.SIGSEGV):
        """A run that gets a signal as soon as it asks for the package."""
        process = None
        started = threading.Event()

        def crash():
            started.wait(30)
            process.send_signal(sign)
            process.wait(30)

        self.server.before['evil'] = crash
        process = self.root.start('--unattended', *arguments, preexec_fn=no_core)
        started.set()
        _, stderr = process.communicate(timeout=90)
        self.server.before.pop('evil', None)
        # a request of this run that is answered late must not end the next one
        self.server.http.settle()
        return process.returncode, stderr

    def set_aside(self):
        path = f'{self.root.path}/var/lib/modfetch/aside'
        return sorted(os.listdir(path)) if os.path.exists(path) else []

    def poison(self, sign=signal.SIGSEGV):
        """Runs until the spool is empty; returns the number of crashes."""
        crashes = 0
        while self.waiting() and crashes < 9:
            status, _ = self.crashing('queue', sign=sign)
            # a sanitizer turns some signals into an abort
            crashes += status < 0
            if status >= 0:
                break
        return crashes

    def test_what_crashes_is_set_aside_after_two_tries(self):
        for sign in signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGALRM, signal.SIGBUS:
            for vendors in (0x2222, GOOD), (GOOD, 0x2222), (0x2222,), (0x2001, 0x2222, GOOD):
                with self.subTest(sign=sign, vendors=vendors):
                    self.start()
                    self.refresh()
                    self.plug(*vendors)
                    self.assertEqual(self.poison(sign), 2)
                    self.assertEqual(self.waiting(), [])
                    self.assertEqual(self.set_aside(), [spool_name(alias(0x2222))])
                    self.assertEqual(self.has('good'), GOOD in vendors)
                    self.assertIn('SET-ASIDE', self.codes())

    def test_it_is_shown_and_tried_again_when_somebody_says_so(self):
        self.refresh()
        self.plug(0x2222, GOOD)
        self.poison()
        for arguments in ('status',), ('queue',):
            done = self.root.run(*arguments)
            self.assertIn(alias(0x2222), done.stdout + done.stderr)
            self.assertIn('modfetch queue --retry', done.stdout + done.stderr)
        _, status = self.root.json('status')
        self.assertEqual([(a['query'], a['code']) for a in status['set_aside']], [(alias(0x2222), 'SET-ASIDE')])
        # a new event does not change that
        before = len(self.server.requests)
        self.plug(0x2222)
        self.queue()
        self.assertEqual(len(self.server.requests), before)
        self.assertEqual(self.waiting(), [])
        done = self.root.run('queue', '--retry')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.has('evil'))
        self.assertEqual(self.set_aside(), [])

    def test_it_is_tried_again_after_new_metadata(self):
        self.refresh()
        self.plug(0x2222)
        self.poison()
        self.refresh()
        self.assertEqual(self.waiting(), [])
        make(self.directory, 'another', 0x4444)
        r.createrepo(self.directory)
        self.refresh()
        self.assertEqual(self.waiting(), [spool_name(alias(0x2222))])
        self.assertEqual(self.set_aside(), [])
        self.queue()
        self.assertTrue(self.has('evil'))

    def test_several_are_found_one_by_one(self):
        self.refresh()
        self.plug(0x2222, GOOD, 0x2223)
        self.assertEqual(self.poison(), 3)
        self.assertEqual(self.set_aside(), sorted(spool_name(alias(vendor)) for vendor in (0x2222, 0x2223)))
        self.assertTrue(self.has('good'))
        self.assertEqual(self.waiting(), [])

    def test_a_run_that_is_interrupted_once_is_no_crash_for_ever(self):
        """A successful try also clears the record of the one before."""
        self.refresh()
        self.plug(0x2222)
        self.crashing('queue')
        self.server.refuse['evil'] = 503
        self.queue()
        self.assertEqual(len(self.waiting()), 1)
        self.server.refuse.clear()
        self.assertEqual(self.queue().returncode, 0)
        self.assertTrue(self.has('evil'))
        self.assertFalse(os.path.exists(f'{self.root.path}/run/modfetch/tries'))

    def test_coldplug_that_crashes_leaves_each_device_to_itself(self):
        self.refresh()
        self.plug(0x2222, GOOD)
        for name in self.waiting():
            os.remove(f'{self.spool}/{name}')
        process = self.root.start('coldplug', '--boot', preexec_fn=no_core)
        children = f'/proc/{process.pid}/task/{process.pid}/children'

        def crash():
            with open(children, encoding='utf-8') as f:
                for pid in f.read().split():
                    os.kill(int(pid), signal.SIGSEGV)

        self.server.before['evil'] = crash
        process.communicate(timeout=90)
        self.assertEqual(process.returncode, 1)
        self.assertIn(spool_name(alias(0x2222)), self.waiting())
        self.assertEqual(self.poison(), 1)
        self.assertTrue(self.has('good'))
        # neither the next boot nor any other run tries the bad package again
        before = [path for path in self.server.requests if 'evil' in path]
        done = self.root.run('coldplug', '--boot')
        self.assertIn('[SET-ASIDE]', done.stderr)
        self.assertEqual([path for path in self.server.requests if 'evil' in path], before)


def no_core():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Portals(Machine):
    """A network that answers instead of the server: waiting devices keep waiting."""

    def answers(self):
        """The answers of portals: name → behavior of the server."""
        login = r.Server(self.directory)
        self.addCleanup(login.close)
        login.instead[''] = PAGE
        xhtml = b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x" "y">\n<html xmlns="http://www.w3.org/1999/xhtml"></html>'
        moved = [('Location', f'{login.url}/login')]
        return {
            'page': {'': PAGE},
            'page without a type': {'': (200, [], HTML)},
            'page called a file': {'': (200, [('Content-Type', 'application/octet-stream')], HTML)},
            'xhtml': {'': (200, [('Content-Type', 'application/xhtml+xml')], xhtml)},
            'large page': {'': (200, [('Content-Type', 'text/html')], HTML + b' ' * 3_000_000)},
            'script': {'': (200, [], b"<script>location='http://login/'</script>")},
            'moved': {'': (302, moved, b'')},
            'moved for good': {'': (307, moved, b'')},
            'login required': {'': (511, [('Content-Type', 'text/html')], HTML)},
            'forbidden': {'': (403, [], HTML)},
            'unavailable': {'': (503, [], HTML)},
            'not found': {'': (404, [('Content-Type', 'text/html')], HTML)},
            'words': {'': (200, [('Content-Type', 'text/plain')], b'please log in')},
            'json': {'': (200, [('Content-Type', 'application/json')], b'{"captive":true}')},
            'packages alone': {'.rpm': PAGE},
            'the signature alone': {'.p7s': PAGE, '.rpm': PAGE},
            'metadata alone': {'repomd.xml': PAGE},
        }

    def test_devices_wait_with_metadata_and_without(self):
        for kind in self.answers():
            for known in True, False:
                if kind == 'metadata alone' and known:
                    continue
                with self.subTest(kind, known=known):
                    self.start()
                    if known:
                        self.refresh()
                    self.server.instead.update(self.answers()[kind])
                    self.plug(0x2222, GOOD)
                    done = self.queue()
                    self.assertEqual(len(self.waiting()), 2, (done.stderr, self.root.history()))
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertFalse(self.has('good'))
                    self.server.instead.clear()
                    done = self.queue()
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(self.has('good') and self.has('evil'))
                    self.assertEqual(self.waiting(), [])

    def test_it_is_said_what_it_is(self):
        self.refresh()
        self.server.instead[''] = PAGE
        for arguments in ('refresh',), ('--no-load', 'probe', 'good'):
            done = self.root.run(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn('[PORTAL]', done.stderr)
        self.server.instead.clear()
        self.refresh()

    def test_coldplug_leaves_the_devices_to_the_service(self):
        for known in True, False:
            with self.subTest(known=known):
                self.start()
                if known:
                    self.refresh()
                self.plug(GOOD)
                os.remove(f'{self.spool}/{spool_name(alias(GOOD))}')
                self.server.instead[''] = PAGE
                self.assertEqual(self.root.run('coldplug', '--boot').returncode, 2)
                self.assertEqual(self.waiting(), [spool_name(alias(GOOD))])

    def test_tls_that_somebody_intercepts(self):
        keys = tempfile.mkdtemp(prefix='modfetch-alone-')
        self.addCleanup(shutil.rmtree, keys)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2',
                        '-keyout', f'{keys}/key', '-out', f'{keys}/crt'], check=True, stderr=subprocess.DEVNULL)

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(HTML)

            def log_message(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f'{keys}/crt', f'{keys}/key')
        portal = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Page)
        portal.handle_error = lambda *args: None
        portal.socket = context.wrap_socket(portal.socket, server_side=True)
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        self.addCleanup(portal.server_close)
        self.addCleanup(portal.shutdown)
        self.root.repo(f'https://localhost:{portal.server_port}')
        self.plug(GOOD)
        self.queue()
        self.assertEqual(len(self.waiting()), 1, self.root.history())
        self.assertEqual(self.codes(), ['UNREACHABLE'])


class Repositories(Machine):
    """A second repository fails; drivers of the first are installed, and those of the second when it is reachable again."""

    def setUp(self):
        pass

    def second(self):
        self.start()
        directory = tempfile.mkdtemp(prefix='modfetch-alone-')
        self.addCleanup(shutil.rmtree, directory)
        make(directory, 'other', 0x3333)
        r.createrepo(directory)
        other = r.Server(directory)
        self.addCleanup(other.close)
        self.root.repo(other.url, name='other')
        return other, directory

    def test_one_that_cannot_be_had_keeps_nobody(self):
        kinds = {
            'closed': lambda other, directory: other.refuse.update({'': 503}),
            'portal': lambda other, directory: other.instead.update({'': PAGE}),
            'cut off': lambda other, directory: other.truncate.update({'.rpm': 100}),
            'not found': lambda other, directory: other.refuse.update({'': 404}),
        }
        for kind, spoil in kinds.items():
            with self.subTest(kind):
                other, directory = self.second()
                self.refresh()
                spoil(other, directory)
                self.plug(0x3333, GOOD)
                self.queue()
                self.assertTrue(self.has('good'), self.codes())
                self.assertFalse(self.has('other'))
                self.assertEqual(self.waiting(), [spool_name(alias(0x3333))])
                other.refuse, other.instead, other.truncate = {}, {}, {}
                done = self.queue()
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(self.has('other'))

    def test_one_that_never_was_there_keeps_nobody(self):
        def unsign(other, directory):
            os.remove(f'{directory}/repodata/repomd.xml.p7s')

        kinds = {
            'closed': lambda other, directory: other.refuse.update({'': 503}),
            'unsigned': unsign,
            'signed by another': lambda other, directory: r.sign(directory, 'other'),
            'portal': lambda other, directory: other.instead.update({'': PAGE}),
        }
        for kind, spoil in kinds.items():
            with self.subTest(kind):
                other, directory = self.second()
                spoil(other, directory)
                self.assertIn(self.root.run('refresh').returncode, (1, 4))
                for verb in ('--no-load', 'probe', alias(GOOD)), ('coldplug',):
                    self.plug(GOOD)
                    done = self.root.run(*verb)
                    self.assertIn(done.returncode, (0, 2), done.stderr)
                    self.assertTrue(self.has('good'))
                self.queue()
                self.assertEqual(self.waiting(), [])

    def test_its_devices_are_asked_for_once_a_pass(self):
        other, _ = self.second()
        self.refresh()
        other.refuse[''] = 503
        self.plug(0x3333, GOOD)
        before = len(other.requests)
        self.queue()
        # once, and three times more after a pause each, since a 503 may be gone by then; not so for each device
        self.assertLessEqual(len([path for path in other.requests[before:] if path.endswith('.rpm')]), 4)


class Stale(Repositories):
    """The same for a repository with old metadata: the clock of the machine is three weeks ahead."""

    LATER = int(time.time()) + 21 * 86400

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shim = f'{cls.made}.clock.so'
        subprocess.run(['cc', '-shared', '-fPIC', '-D_GNU_SOURCE', '-o', cls.shim, os.path.join(r.HERE, 'lib', 'clock.c')], check=True)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        os.remove(cls.shim)

    def clock(self, at):
        return {'LD_PRELOAD': self.shim, 'TEST_CLOCK': str(at), 'ASAN_OPTIONS': 'verify_asan_link_order=0'}

    def sign_later(self, directory):
        code = 'import sys; sys.path.insert(0, sys.argv[1]); import root; root.sign(sys.argv[2])'
        subprocess.run([sys.executable, '-c', code, r.HERE, directory], check=True,
                       env={**os.environ, **self.clock(self.LATER - 3600)})

    def test_one_that_cannot_be_had_keeps_nobody(self):
        _, directory = self.second()
        self.sign_later(self.directory)
        env = self.clock(self.LATER)
        self.assertEqual(self.root.run('refresh', env=env).returncode, 0)
        self.plug(0x3333, GOOD)
        self.root.run('--unattended', 'queue', env=env)
        self.assertTrue(self.has('good'), self.codes())
        self.assertFalse(self.has('other'))
        self.assertEqual(self.waiting(), [spool_name(alias(0x3333))])
        self.sign_later(directory)
        done = self.root.run('--unattended', 'queue', env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.has('other'))

    test_one_that_never_was_there_keeps_nobody = None
    test_its_devices_are_asked_for_once_a_pass = None


if __name__ == '__main__':
    unittest.main(verbosity=2)
