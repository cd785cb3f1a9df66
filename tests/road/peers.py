#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other machines as mirrors of packages, over a real web server with the configuration that the manual shows."""
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import prefetch  # noqa: E402
import root as r  # noqa: E402


@unittest.skipUnless(shutil.which('nginx'), 'nginx is not installed')
class Peers(prefetch.Case):
    """The machine of setUp() serves its packages with the configuration that the manual shows."""

    def setUp(self):
        super().setUp()
        self.prefetch(prefetch='network xfs', share_packages='yes')
        self.directory = tempfile.mkdtemp(prefix='prefetch-nginx-')
        self.addCleanup(shutil.rmtree, self.directory)
        os.chmod(self.directory, 0o755)
        for path in self.machine.path, f'{self.machine.path}/var', f'{self.machine.path}/var/lib':
            os.chmod(path, 0o755)
        self.url = self.serve(self.manual_configuration())
        self.server.requests.clear()
        self.other = self.make_machine()

    def manual_configuration(self):
        with open(os.path.join(r.HERE, '..', 'man', 'modfetch.8.scd'), encoding='utf-8') as f:
            text = f.read()
        begin = text.index('server {\n')
        return text[begin:text.index('```', begin)]

    def serve(self, site):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        self.assertIn('listen 80;', site)
        self.assertIn('/var/lib/modfetch/packages/', site)
        site = site.replace('listen 80;', f'listen 127.0.0.1:{port};').replace('/var/lib/modfetch', f'{self.machine.path}/var/lib/modfetch')
        with open(f'{self.directory}/nginx.conf', 'w', encoding='utf-8') as f:
            f.write(f'daemon off;\npid {self.directory}/pid;\nerror_log {self.directory}/error.log;\n'
                    + ('user www-data;\n' if os.geteuid() == 0 else '')
                    + 'events { }\nhttp {\naccess_log ' + f'{self.directory}/access.log;\n'
                    + ''.join(f'{what}_temp_path {self.directory}/{what};\n' for what in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
                    + site + '}\n')
        self.nginx = subprocess.Popen(['nginx', '-c', f'{self.directory}/nginx.conf', '-e', f'{self.directory}/error.log'])
        self.addCleanup(self.stop)
        for _ in range(600):
            try:
                socket.create_connection(('127.0.0.1', port)).close()
                break
            except OSError:
                self.assertIsNone(self.nginx.poll())
                time.sleep(0.05)
        return f'http://127.0.0.1:{port}/packages'

    def stop(self):
        if self.nginx.poll() is None:
            self.nginx.terminate()
        self.nginx.wait()

    def status_of(self, name):
        """Of a request with exactly this path."""
        host, port = self.url.split('/')[2].split(':')
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.putrequest('GET', f'/packages/{name}')
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def test_a_peer_gives_the_packages_and_not_its_lists(self):
        name = os.path.basename(self.machine.file_of('e1000e'))
        self.assertEqual(self.status_of(name), 200)
        for other in 'prefetched', 'list', '', '../history', '%2e%2e/history', f'x/../{name}/../list':
            self.assertIn(self.status_of(other), (400, 403, 404), other)
        self.assertEqual(oct(os.stat(f'{self.machine.path}/{prefetch.STORE}/prefetched').st_mode & 0o777), '0o600')
        self.other.conf(peers=self.url)
        done = self.other.run('--no-load', 'probe', 'xfs')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.packages_requested(), [])
        self.assertEqual({p['source'] for p in self.last(self.other)['packages']}, {'peer'})
        # so does prefetch, and what no peer has comes from the repository
        self.prefetch(machine=self.other, peers=self.url, prefetch='network nvme')
        self.assertEqual({path.split('/')[-1].split('-kmp')[0] for path in self.packages_requested()} & {'e1000e', 'nvme'}, {'nvme'})

    def test_without_leave_the_web_server_reads_nothing(self):
        if os.geteuid():
            self.skipTest('only root has a web server of another user')
        self.machine.conf(prefetch='network nvme')
        self.prefetch()
        name = os.path.basename(self.machine.file_of('e1000e'))
        self.assertEqual(self.status_of(name), 403)
        self.other.conf(peers=self.url)
        done = self.other.run('--no-load', 'probe', 'e1000e')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([p['source'] for p in self.last(self.other)['packages']], ['repository'])

    def test_a_peer_that_lies_or_is_gone_costs_nothing_but_time(self):
        path = self.machine.file_of('e1000e')
        prefetch.flip(path)
        self.other.conf(peers=f'{self.url} http://127.0.0.1:1/packages')
        done = self.other.run('--no-load', 'probe', 'e1000e', 'xfs')
        self.assertEqual(done.returncode, 0, done.stderr)
        sources = {p['name'].split('-kmp')[0]: p['source'] for p in self.last(self.other)['packages']}
        self.assertEqual({name for name in sources if sources[name] != 'peer'}, {'e1000e'})
        self.assertEqual((sources['e1000e'], sources['xfs']), ('repository', 'peer'))
        self.stop()
        done = self.other.run('--no-load', 'probe', 'nvme')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn('packages', done.stderr)

    def test_a_peer_gets_no_password_and_no_other_form_of_url(self):
        port = self.server.http.server_port
        self.other.repo(f'http://user:secret@127.0.0.1:{port}', extra=('username=user', 'password=secret'))
        self.other.conf(peers=self.url)
        self.assertIn(self.other.run('refresh').returncode, (0, 2))
        self.assertEqual(self.other.run('--no-load', 'probe', 'e1000e').returncode, 0)
        with open(f'{self.directory}/access.log', encoding='utf-8') as f:
            log = f.read()
        self.assertIn('e1000e-kmp', log)
        self.assertNotIn(' - user ', log)
        for bad in 'file:///tmp', 'http://user:secret@host/', 'ftp://host/', 'http://host/?x', 'host':
            self.other.conf(peers=bad)
            done = self.other.run('--no-load', 'probe', 'xfs')
            self.assertEqual(done.returncode, 1)
            self.assertIn('[CONFIG]', done.stderr)
            self.assertNotIn('secret', done.stderr)


if __name__ == '__main__':
    unittest.main()
