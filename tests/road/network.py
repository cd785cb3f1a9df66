#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers and machines as networks have them: IPv6, HTTP/2, a user namespace with one id."""
import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

N_PACKAGES = 12


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
    except OSError:
        return False
    return True


def has_user_namespaces():
    return subprocess.run(['unshare', '--user', '--map-root-user', 'true'], capture_output=True, check=False).returncode == 0


class Case(unittest.TestCase):
    def setUp(self):
        self.root = r.Root(modules=('loop',), kind='default-1')
        self.addCleanup(self.root.close)
        self.tag = r.tag(self.root.kver)
        self.repository = tempfile.mkdtemp(prefix='network-')
        self.addCleanup(shutil.rmtree, self.repository)

    def publish(self, *names):
        for name in names:
            content = b'' if name != 'dca' else self.module('dca')
            files = [(f'/lib/modules/{self.root.kver}/updates/{name}.ko', content)] if content else []
            r.rpmbuild(self.repository, f'{name}-kmp-{self.tag}', [f'Provides: {name}-kmp', f'Provides: kmod({name}.ko)'], files)
        r.createrepo(self.repository)

    def module(self, name):
        tree = f'{r.full_tree("default-1")}/lib/modules'
        path = next(f'{d}/{name}.ko' for d, _, files in os.walk(tree) if f'{name}.ko' in files)
        with open(path, 'rb') as f:
            return f.read()

    def done(self, *args, status=0, **options):
        run = self.root.run('--no-load', *args, **options)
        self.assertEqual(run.returncode, status, (args, run.stdout, run.stderr))
        return run


class Addresses(Case):
    @unittest.skipUnless(has_ipv6(), 'no IPv6 here')
    def test_an_ipv6_literal_with_and_without_a_zone(self):
        self.publish('dca')
        server = r.Server(self.repository, '::1')
        self.addCleanup(server.close)
        port = server.http.server_port
        for host in '[::1]', '[0:0:0:0:0:0:0:1]', '[::1%25lo]':
            self.root.repo(f'http://{host}:{port}')
            self.done('refresh', '--force')
        self.done('install', 'dca')
        self.assertIn(f'dca-kmp-{self.tag}', self.root.names())
        # a mirror that is dead is named as a whole, and so is the port of a wrong one
        self.root.repo('http://[::1]:1')
        self.assertIn('http://[::1]:1/repodata', self.done('refresh', '--force', status=1).stderr)
        self.root.repo('http://[::1')
        self.assertRegex(self.done('refresh', '--force', status=1).stderr.splitlines()[-1], r'\[[A-Z-]+\]$')
        # also for the command that writes a .repo file
        os.unlink(f'{self.root.path}/etc/modfetch/repos.d/test.repo')
        key = f'{self.root.path}/etc/modfetch/keys/repo.d/repo.pem'
        self.done('repo', 'add', f'http://[::1]:{port}/', '--id', 'six', '--key', key)
        self.assertIn(f'http://[::1]:{port}', self.done('repo', 'list').stdout)


class Nginx:
    """A directory over TLS, with or without HTTP/2. Each request is a line: protocol, connection, path."""

    def __init__(self, directory, http2):
        self.scratch = tempfile.mkdtemp(prefix='nginx-')
        os.chmod(self.scratch, 0o755)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                        '-keyout', f'{self.scratch}/key', '-out', f'{self.scratch}/ca.pem', '-subj', '/CN=127.0.0.1',
                        '-addext', 'subjectAltName=IP:127.0.0.1'], check=True, capture_output=True)
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        with open(f'{self.scratch}/conf', 'w', encoding='utf-8') as f:
            f.write(f'''daemon off; pid {self.scratch}/pid; error_log {self.scratch}/errors; user root;
events {{ }}
http {{
    log_format short "$server_protocol $connection $uri"; access_log {self.scratch}/log short;
    client_body_temp_path {self.scratch}/1; proxy_temp_path {self.scratch}/2; fastcgi_temp_path {self.scratch}/3;
    uwsgi_temp_path {self.scratch}/4; scgi_temp_path {self.scratch}/5;
    server {{
        listen 127.0.0.1:{port} ssl{' http2' if http2 else ''}; root {directory};
        ssl_certificate {self.scratch}/ca.pem; ssl_certificate_key {self.scratch}/key;
    }}
}}
''')
        self.url = f'https://127.0.0.1:{port}'
        self.process = subprocess.Popen(['nginx', '-c', f'{self.scratch}/conf', '-e', f'{self.scratch}/errors'])
        for _ in range(300):
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError('nginx does not listen')

    def requests(self):
        with open(f'{self.scratch}/log', encoding='utf-8') as f:
            return [line.split() for line in f]

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.scratch)


@unittest.skipUnless(shutil.which('nginx'), 'no nginx')
class Connections(Case):
    def serve(self, http2):
        names = [f'part{i}' for i in range(N_PACKAGES)]
        self.publish('dca', *names)
        server = Nginx(self.repository, http2)
        self.addCleanup(server.close)
        shutil.copy(f'{server.scratch}/ca.pem', f'{self.root.path}/etc/ca.pem')
        self.root.repo(server.url, extra=['sslcacert=/etc/ca.pem'])
        self.done('refresh')
        self.done('install', *(f'{name}-kmp-{self.tag}' for name in names))
        return [request for request in server.requests() if request[2].endswith('.rpm')]

    def test_with_http_2_all_packages_come_over_one_connection(self):
        requests = self.serve(True)
        self.assertEqual(len(requests), N_PACKAGES, requests)
        self.assertEqual({request[0] for request in requests}, {'HTTP/2.0'})
        self.assertEqual(len({request[1] for request in requests}), 1, requests)

    def test_without_http_2_a_connection_is_used_for_one_package_after_the_other(self):
        requests = self.serve(False)
        self.assertEqual(len(requests), N_PACKAGES, requests)
        self.assertEqual({request[0] for request in requests}, {'HTTP/1.1'})
        self.assertLessEqual(len({request[1] for request in requests}), 6, requests)


class Bases(Case):
    """Packages that the metadata places elsewhere, by xml:base."""

    def setUp(self):
        super().setUp()
        self.publish('dca')
        self.elsewhere = tempfile.mkdtemp(prefix='network-')
        self.addCleanup(shutil.rmtree, self.elsewhere)
        for name in os.listdir(self.repository):
            if name.endswith('.rpm'):
                os.rename(f'{self.repository}/{name}', f'{self.elsewhere}/{name}')
        self.there, self.server = r.Server(self.elsewhere), r.Server(self.repository)
        self.addCleanup(self.there.close)
        self.addCleanup(self.server.close)

    def place(self, base):
        path = f'{self.repository}/repodata/primary.xml.gz'
        with gzip.open(path, 'rt') as f:
            text = re.sub('<location (xml:base="[^"]*" )?', f'<location xml:base="{base}" ', f.read())
        subprocess.run(['modifyrepo_c', '--remove', 'primary', f'{self.repository}/repodata'], capture_output=True, check=True)
        with gzip.open(path, 'wt') as f:
            f.write(text)
        subprocess.run(['modifyrepo_c', '--simple-md-filenames', '--compress-type=gz', '--mdtype=primary', path,
                        f'{self.repository}/repodata'], capture_output=True, check=True)
        r.sign(self.repository)
        self.done('refresh')

    def test_a_package_comes_from_the_base_of_its_metadata_without_password_and_query(self):
        self.root.repo(f'{self.server.url}?token', extra=['username=me', 'password=word'])
        self.place(f'{self.there.url}/')
        self.done('install', 'dca')
        self.assertIn(f'dca-kmp-{self.tag}', self.root.names())
        self.assertEqual([path for path in self.there.requests if '?' in path], [])
        self.assertEqual(len(self.there.requests), 1)
        self.assertFalse([path for path in self.server.requests if '.rpm' in path])

    def test_digests_decide_there_too(self):
        self.root.repo(self.server.url)
        self.place(self.there.url)
        name = os.listdir(self.elsewhere)[0]
        with open(f'{self.elsewhere}/{name}', 'r+b') as f:
            f.seek(-1, os.SEEK_END)
            f.write(b'?')
        self.assertIn('[BAD-DIGEST]', self.done('install', 'dca', status=4).stderr)

    def test_a_base_that_a_redirect_could_not_have_is_refused(self):
        self.root.repo(self.server.url)
        for base in f'file://{self.elsewhere}', '../pool', 'ftp://host/', 'http://', f'{self.there.url}/?a', \
                f'http://me:word@127.0.0.1:{self.there.http.server_port}':
            with self.subTest(base):
                self.place(base)
                error = self.done('install', 'dca', status=4).stderr
                self.assertIn('[BAD-HREF]', error)
                self.assertIn('xml:base', error)
                self.assertNotIn('word', error)
        self.assertEqual(self.there.requests, [])

    def test_a_repository_on_disk_may_name_another_directory(self):
        self.root.repo(f'file://{self.repository}')
        self.place(f'file://{self.elsewhere}')
        self.done('install', 'dca')
        self.assertIn(f'dca-kmp-{self.tag}', self.root.names())

    def test_without_trust_nothing_comes_from_a_server(self):
        self.root.repo(f'file://{self.repository}', keys_line='trust=none')
        self.place(self.there.url)
        self.assertIn('[BAD-HREF]', self.done('install', 'dca', status=4).stderr)
        self.assertEqual(self.there.requests, [])


@unittest.skipUnless(has_user_namespaces(), 'no user namespaces here')
class OneId(Case):
    def test_a_user_namespace_with_one_id_is_named_with_the_ways_out(self):
        self.publish('dca')
        server = r.Server(self.repository)
        self.addCleanup(server.close)
        self.root.repo(server.url)
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(r.LIBEXECDIR)}
        run = subprocess.run(['unshare', '--user', '--map-root-user', *self.root.command('refresh')], env=env,
                             capture_output=True, text=True, timeout=90, check=False)
        lines = [line for line in run.stderr.splitlines() if 'no metadata yet' not in line and 'no user' not in line]
        self.assertEqual(run.returncode, 1, run)
        self.assertEqual(len(lines), 1, run.stderr)
        self.assertIn('root cannot become another user', lines[0])
        self.assertTrue(lines[0].endswith('[FETCH-HELPER]'), lines)
        self.assertEqual(server.requests, [], 'it has the rights of root, and has opened a connection')
        # the way out: a repository on disk needs no helper
        self.root.repo(f'file://{self.repository}')
        subprocess.run(['unshare', '--user', '--map-root-user', *self.root.command('refresh')], env=env, timeout=90,
                       capture_output=True, check=True)


class Lists(Case):
    """Lists of mirrors: a metalink, as the value of either key, with a query that only its server gets."""
    METALINK = ('<?xml version="1.0"?>\n<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml">'
                '<resources>{}</resources></file></files></metalink>')

    def setUp(self):
        super().setUp()
        self.publish('one', 'two')
        self.good, self.dead, self.lists = (r.Server(self.repository) for _ in range(3))
        for server in self.good, self.dead, self.lists:
            self.addCleanup(server.close)
        self.dead.refuse['/'] = 404

    def answer(self, text):
        self.lists.instead['/list'] = 200, [('Content-Type', 'application/metalink+xml')], text.encode()

    def url(self, server, preference):
        return f'<url protocol="http" preference="{preference}">{server.url}/repodata/repomd.xml</url>'

    def configure(self, key):
        self.root.repo(name='lists', extra=[f'{key}={self.lists.url}/list?repo=a&token=secret'])
        path = f'{self.root.path}/etc/modfetch/repos.d/lists.repo'
        with open(path, encoding='utf-8') as f:
            text = f.read().replace('baseurl=\n', '')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)

    def test_mirrors_come_in_the_order_of_their_preference(self):
        for key in 'metalink', 'mirrorlist':
            with self.subTest(key=key):
                shutil.rmtree(f'{self.root.path}/var/cache/modfetch', ignore_errors=True)
                shutil.rmtree(f'{self.root.path}/var/lib/modfetch', ignore_errors=True)
                for server in self.good, self.dead, self.lists:
                    server.requests.clear()
                self.answer(self.METALINK.format(self.url(self.good, 50) + self.url(self.dead, 100)))
                self.configure(key)
                done = self.done('refresh')
                self.assertEqual(self.lists.requests, ['/list?repo=a&token=secret'])
                # the preferred one was asked first, and has nothing
                self.assertTrue(self.dead.requests)
                self.assertIn('/repodata/repomd.xml', self.good.requests)
                self.assertFalse([p for p in self.good.requests + self.dead.requests if 'secret' in p])
                shown = done.stdout + done.stderr + self.done('repo', 'list').stdout + self.done('status').stdout
                self.assertNotIn('secret', shown)
                for directory, _, names in os.walk(f'{self.root.path}/var'):
                    for name in names:
                        with open(f'{directory}/{name}', 'rb') as f:
                            self.assertNotIn(b'token=secret', f.read())

    def test_a_page_of_a_portal_is_no_list_and_the_known_mirrors_stay(self):
        self.answer(self.METALINK.format(self.url(self.good, 50)))
        self.configure('metalink')
        self.done('refresh')
        for text, why in (('<html><body>Please log in</body></html>', 'a web page came'), ('<?xml version="1.0"?><mirrors/>', 'no metalink')):
            self.answer(text)
            done = self.done('refresh', status=2)
            self.assertIn('known mirrors', done.stderr)
            cache = f'{self.root.path}/var/cache/modfetch'
            os.rename(cache, cache + '.away')
            done = self.done('refresh', status=1)
            self.assertRegex(done.stderr, rf'{why}.*\[PORTAL\]')
            shutil.rmtree(cache, ignore_errors=True)
            os.rename(cache + '.away', cache)

    def test_of_two_repositories_with_the_same_the_cheaper_one_is_used(self):
        for costs in ((1, 500), (2000, 500)):
            with self.subTest(costs=costs):
                for name, server, cost in zip('ab', (self.good, self.lists), costs):
                    server.requests.clear()
                    self.root.repo(server.url, name=name, extra=[f'cost={cost}'])
                self.root.run('refresh')
                self.done('install', f'one-kmp-{self.tag}')
                asked = [any(p.endswith('.rpm') for p in server.requests) for server in (self.good, self.lists)]
                self.assertEqual(asked, [costs[0] < costs[1], costs[0] > costs[1]])
                self.done('remove', f'one-kmp-{self.tag}')


if __name__ == '__main__':
    unittest.main()
