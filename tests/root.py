# SPDX-License-Identifier: LGPL-2.1-or-later
"""A minimal machine in a directory, and the command run on it.

A Root has the directory of a real kernel with a few of its modules, indexed by the system's depmod, an rpm database with one
package, and a configured repository. tree() and packages() return content that a test must not change, for comparison.
Servers and hostile repositories are made here too. Everything is in one temporary directory, which close() removes.
"""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import commands  # noqa: F401: a failing test prints what it ran

HERE = os.path.dirname(os.path.abspath(__file__))
MODFETCH = os.environ.get('MODFETCH', os.path.join(HERE, '..', 'build', 'src', 'cmd', 'modfetch'))
LIBEXECDIR = os.environ.get('MODFETCH_LIBEXECDIR', os.path.join(HERE, '..', 'build', 'src', 'fetch', 'helper'))

NIC = 'pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00'
XHCI = 'pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30'
HDA = 'pci:v00008086d00002668sv00001AF4sd00001100bc04sc03i00'
NVME = 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02'
STICK = 'usb:v0000F4CEp00000001d0002dc00dsc00dp00ic08isc06ip50in00'
NOBODY = 'pci:v0000FFFFd0000FFFFsv00000000sd00000000bcFFscFFiFF'


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


# rpm of Debian 12 installs into no root without it, rpm of Debian 13 does not know it
FORCE = ['--force-debian'][:not subprocess.run(['rpm', '--force-debian', '--version'], capture_output=True, check=False).returncode]


def kernel(kind='default'):
    """(directory, release) of a real kernel."""
    directory, release = output(os.path.join(HERE, 'lib', 'kernel'), kind).split()
    return directory, release


def tag(kver):
    """The suffix of package names for a kernel: amd64-6.1.0_56 for 6.1.0-56-amd64."""
    version, flavor = kver.rsplit('-', 1)
    return f'{flavor}-{version.replace("-", "_")}'


def evr(kver):
    """Version and release of the packages that pack makes from a kernel: 6.1.0-56 for 6.1.0-56-amd64, 6.12.118+deb13-1 for the
    release 6.12.118+deb13-amd64, which has no number of its own."""
    version, _ = kver.rsplit('-', 1)
    return version if '-' in version else version + '-1'


def repository(kind='small'):
    return output(os.path.join(HERE, 'lib', 'repository'), kind,
                  env={**os.environ, 'MODFETCH': os.path.abspath(MODFETCH)}).strip()


def test_keys():
    return output(os.path.join(HERE, 'lib', 'keys')).strip()


def sign(directory, name='repo'):
    """Signs repodata/repomd.xml of a repository with one of the test keys."""
    repomd = os.path.join(directory, 'repodata', 'repomd.xml')
    subprocess.run(['openssl', 'cms', '-sign', '-binary', '-outform', 'DER', '-md', 'sha256', '-nosmimecap',
                    '-signer', f'{test_keys()}/{name}.crt', '-inkey', f'{test_keys()}/{name}.key', '-in', repomd,
                    '-out', repomd + '.p7s'], check=True, stdin=subprocess.DEVNULL)


def createrepo(directory, key='repo'):
    # tests edit the metadata; createrepo_c from 1.0 on would take zstd
    subprocess.run(['createrepo_c', '-q', '--no-database', '--simple-md-filenames', '--general-compress-type=gz', directory], check=True)
    if key:
        sign(directory, key)


def rpmbuild(directory, name, spec, files=(), version='1', release='1', arch='x86_64', digest=8):
    """Makes a package: SPEC are lines of its preamble, FILES (path, bytes or link target as str). DIGEST: of the files, 8 SHA-256,
    9 SHA-384, 10 SHA-512. Returns its path."""
    top = tempfile.mkdtemp(prefix='rpmbuild-')
    try:
        listed = []
        for path, content in files:
            where = os.path.join(top, 'root' + path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            if isinstance(content, str):
                os.symlink(content, where)
            else:
                with open(where, 'wb') as f:
                    f.write(content)
            listed.append(path)
        text = '\n'.join([
            f'Name: {name}', f'Version: {version}', f'Release: {release}', 'Summary: test', 'License: none',
            f'BuildArch: {arch}' if arch == 'noarch' else '', 'AutoReqProv: no', *spec, '%description', 'test',
            '%install', 'mkdir -p %{buildroot}', f'cp -a {top}/root/. %{{buildroot}}/ 2>/dev/null || :',
            '%files', *listed])
        # the "%" sections in SPEC (scriptlets) and all following lines must come after the preamble
        head = [s for s in spec if not s.startswith('%')]
        tail = [s for s in spec if s.startswith('%')]
        if tail:
            text = text.replace('\n'.join(spec), '\n'.join(head)) + '\n' + '\n'.join(tail)
        path = os.path.join(top, 'test.spec')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text + '\n')
        subprocess.run(['rpmbuild', '-bb', '--quiet', '--define', f'_topdir {top}', '--define', f'_rpmdir {directory}',
                        '--define', '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
                        '--define', '_build_id_links none', '--define', '__os_install_post %{nil}',
                        '--define', 'debug_package %{nil}', '--define', f'_binary_filedigest_algorithm {digest}',
                        '--define', f'buildroot {top}/buildroot', '--target', arch, path],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return os.path.join(directory, f'{name}-{version}-{release}.{arch}.rpm')
    except subprocess.CalledProcessError as e:
        raise RuntimeError(e.stderr.decode()) from e
    finally:
        shutil.rmtree(top)


class Http(ThreadingHTTPServer):
    """Knows which connections it has accepted, and how many of them are not finished."""

    def __init__(self, *args):
        self.accepted, self.open, self.changed = set(), 0, threading.Condition()
        super().__init__(*args)

    def process_request(self, request, client_address):
        with self.changed:
            self.accepted.add(client_address[1])
            self.open += 1
            self.changed.notify_all()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.changed:
                self.open -= 1
                self.changed.notify_all()

    def settle(self):
        """Waits until all connections that were made so far are finished: they are accepted in their order."""
        with socket.create_connection(self.server_address) as last:
            port = last.getsockname()[1]
        with self.changed:
            assert self.changed.wait_for(lambda: port in self.accepted and not self.open, 30), 'a client keeps its connection'


class Http6(Http):
    address_family = socket.AF_INET6


class Server:
    """A directory over HTTP on a free port of loopback. DELAY: seconds before each answer; REFUSE: path → status;
    ONCE: path → body of the first answer only; INSTEAD: path → (status, headers, body) of all answers;
    BEFORE: path → function to be called before the first answer."""

    def __init__(self, directory, address='127.0.0.1'):
        server = self
        self.requests, self.refuse, self.truncate, self.once, self.before, self.delay = [], {}, {}, {}, {}, 0
        self.instead = {}

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def __init__(self, *args):
                super().__init__(*args, directory=directory)

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.requests.append(self.path)
                time.sleep(server.delay)
                # "+" of a version is %2B in a path
                asked = self.path + ' ' + unquote(self.path)
                for part in [part for part in server.before if part in asked]:
                    server.before.pop(part)()
                for part, status in server.refuse.items():
                    if part in asked:
                        self.send_error(status)
                        return
                for part, (status, headers, body) in server.instead.items():
                    if part in asked:
                        self.answer(body, status, headers)
                        return
                for part, keep in server.truncate.items():
                    if part in asked:
                        self.cut(keep)
                        return
                for part in list(server.once):
                    if part in asked:
                        self.answer(server.once.pop(part))
                        return
                super().do_GET()

            def answer(self, body, status=200, headers=()):
                self.send_response(status)
                for header in headers:
                    self.send_header(*header)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def cut(self, keep):
                with open(self.translate_path(self.path), 'rb') as f:
                    body = f.read()
                self.send_response(200)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body[:keep])
                self.close_connection = True

        self.http = (Http6 if ':' in address else Http)((address, 0), Handler)
        self.url = f'http://127.0.0.1:{self.http.server_port}'
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class Root:
    """MODULES: names of modules to be put on disk with their dependencies. SYMVERS: the kernel has its own."""

    def __init__(self, modules=('loop', 'vfat'), symvers=True, kind='default', path=None, link=None):
        self.kind = kind
        self.base, self.kver = kernel(kind)
        self.directory = None if path else tempfile.mkdtemp(prefix='modfetch-root-')
        self.path = path or self.directory
        if link:
            os.makedirs(f'{self.path}/usr/lib', exist_ok=True)
            os.symlink(link, f'{self.path}/lib')
        self.modules = f'{self.path}/lib/modules/{self.kver}'
        os.makedirs(self.modules)
        for name in ('etc/modfetch/repos.d', 'etc/modfetch/keys/repo.d', 'etc/modprobe.d', 'var/lib/rpm', 'tmp'):
            os.makedirs(f'{self.path}/{name}')
        self.copy_modules(modules)
        if symvers:
            os.makedirs(f'{self.path}/usr/src/linux-headers-{self.kver}')
            shutil.copy(f'{self.base}/usr/src/linux-headers-{self.kver}/Module.symvers',
                        f'{self.path}/usr/src/linux-headers-{self.kver}/Module.symvers')
        self.rpm('--initdb')
        self.rpm('-i', '--nodeps', *FORCE, own_package())
        shutil.copy(f'{test_keys()}/repo.crt', f'{self.path}/etc/modfetch/keys/repo.d/repo.pem')

    def copy_modules(self, names):
        source = f'{self.base}/lib/modules/{self.kver}'
        for name in os.listdir(source):
            if name.startswith('modules.builtin') or name == 'modules.order':
                shutil.copy(f'{source}/{name}', self.modules)
        for path in self.needed(names):
            where = os.path.join(self.modules, path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            shutil.copy2(f'{source}/{path}', where)
        subprocess.run(['depmod', '-b', self.path, self.kver], check=True)

    def needed(self, names):
        """Paths of modules and of all they depend on."""
        paths = []
        for name in names:
            for line in self.show_depends(full_tree(self.kind), name):
                path = line.split()[1]
                paths.append(path.split(f'/lib/modules/{self.kver}/')[-1])
        return sorted(set(paths))

    def show_depends(self, tree, name):
        """The modules that modprobe would insert, as lines "insmod PATH"."""
        text = output('modprobe', '-d', tree, '-S', self.kver, '-C', '/nowhere', '--show-depends', name)
        return [line for line in text.splitlines() if line.startswith('insmod')]

    # ---- the configuration ----

    def repo(self, *urls, name='test', keys_line='keys=repo', extra=()):
        lines = [f'[{name}]', 'baseurl=' + '\n '.join(urls), *([keys_line] if keys_line else []), *extra]
        with open(f'{self.path}/etc/modfetch/repos.d/{name}.repo', 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')

    def conf(self, **settings):
        with open(f'{self.path}/etc/modfetch/modfetch.conf', 'w', encoding='utf-8') as f:
            f.write('[modfetch]\n')
            for key, value in settings.items():
                f.write(f'{key.replace("_", "-")}={value}\n')

    # ---- the command ----

    def command(self, *args, root=None):
        # the status says whether anything was changed: 2 where all was so before
        return [os.path.abspath(MODFETCH), '--root', root or self.path, '--kernel', self.kver, '--detailed-exit', *args]

    def run(self, *args, root=None, **options):
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(LIBEXECDIR), **options.pop('env', {})}
        options.setdefault('timeout', 90)
        return subprocess.run(self.command(*args, root=root), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env=env, check=False, **options)

    def start(self, *args, **options):
        env = {**os.environ, 'MODFETCH_LIBEXECDIR': os.path.abspath(LIBEXECDIR)}
        return subprocess.Popen(self.command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=env, **options)

    def json(self, *args):
        done = self.run('--json', *args)
        return done.returncode, json.loads(done.stdout)

    # ---- the state of the machine ----

    def rpm(self, *args):
        return output('rpm', '--root', self.path, '--dbpath', '/var/lib/rpm', *args)

    def ask(self, form):
        """A line for each package, from a copy of the database: rpm creates -shm and -wal files even for a query."""
        with tempfile.TemporaryDirectory() as copy:
            # closing the lock file would release a lock that this process may hold on it
            shutil.copytree(f'{self.path}/var/lib/rpm', copy, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns('.rpm.lock'))
            return sorted(output('rpm', '--dbpath', copy, '-qa', '--qf', form + '\n').splitlines())

    def packages(self):
        """Every installed package with the digest of its header."""
        return self.ask('%{NEVRA} %{SHA256HEADER}')

    def names(self):
        return self.ask('%{NAME}')

    def tree(self):
        """Path → content, for all files except modfetch's own files and the content of the database."""
        passed = ('var/cache/modfetch', 'var/lib/modfetch', 'var/lib/rpm', 'run')
        found = {}
        for directory, directories, files in os.walk(self.path):
            at = os.path.relpath(directory, self.path)
            directories[:] = [d for d in directories if os.path.normpath(f'{at}/{d}') not in passed]
            for name in directories + files:
                if name in ('modules.modfetch', 'modules.modfetch.recent'):
                    continue
                path = os.path.join(directory, name)
                found[os.path.normpath(f'{at}/{name}')] = fingerprint(path)
        return found

    def state(self):
        return self.tree(), self.packages(), self.database()

    def database(self):
        """The files beside the database. rpm leaves a -shm and an empty -wal after each use; these are ignored."""
        directory = f'{self.path}/var/lib/rpm'
        return sorted(name for name in os.listdir(directory) if not name.endswith('-shm') and
                      not (name.endswith('-wal') and not os.path.getsize(f'{directory}/{name}')))

    def on_disk(self):
        """Names of the modules in the tree."""
        return sorted(name for _, _, files in os.walk(self.modules) for name in files if '.ko' in name)

    def history(self):
        try:
            with open(f'{self.path}/var/lib/modfetch/history', encoding='utf-8') as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def close(self):
        if self.directory:
            shutil.rmtree(self.directory)


def fingerprint(path):
    st = os.lstat(path)
    if os.path.islink(path):
        return 'link', os.readlink(path)
    if os.path.isdir(path):
        return 'directory', st.st_mode
    with open(path, 'rb') as f:
        return 'file', st.st_mode, hashlib.sha256(f.read()).hexdigest()


def cache_directory():
    directory = os.environ.get('MODFETCH_TEST_CACHE', '/var/cache/modfetch-tests')
    os.makedirs(directory, exist_ok=True)
    return directory


def made_once(name, make):
    """A file or directory of the cache; MAKE(partial) creates it if it is missing."""
    path = os.path.join(cache_directory(), name)
    if not os.path.exists(path):
        partial = tempfile.mkdtemp(prefix='.' + name, dir=cache_directory())
        try:
            make(partial)
            os.chmod(partial, 0o755)
            os.rename(partial, path)
        except OSError:
            shutil.rmtree(partial)
            if not os.path.exists(path):
                raise
    return path


def own_package():
    """A package that is unrelated to modfetch and must survive everything."""
    def make(directory):
        rpmbuild(directory, 'bystander', ['Provides: something-else'], [('/usr/share/doc/bystander/README', b'here\n')],
                 arch='noarch')
    return made_once('road-bystander-1', make) + '/bystander-1-1.noarch.rpm'


def next_second():
    """Waits for the next second of the clock: signing times are whole seconds."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.01)


def clock_at(at):
    """Environment variables that make the clock of a program show this time at its start."""
    source = os.path.join(HERE, 'lib', 'clock.c')
    with open(source, 'rb') as f:
        name = 'clock-' + hashlib.sha256(f.read()).hexdigest()[:12]

    def make(directory):
        subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', f'{directory}/clock.so', source], check=True)
    return {'LD_PRELOAD': made_once(name, make) + '/clock.so', 'TEST_CLOCK': str(int(at)), 'ASAN_OPTIONS': 'verify_asan_link_order=0'}


def full_tree(kind='default'):
    """A root with the whole kernel, indexed by the system's depmod: the oracle."""
    base, kver = kernel(kind)

    def make(directory):
        subprocess.run(['cp', '-al', '--parents', f'lib/modules/{kver}/kernel', directory], cwd=base, check=True)
        for name in os.listdir(f'{base}/lib/modules/{kver}'):
            if name.startswith('modules.builtin') or name == 'modules.order':
                shutil.copy(f'{base}/lib/modules/{kver}/{name}', f'{directory}/lib/modules/{kver}')
        subprocess.run(['depmod', '-b', directory, kver], check=True)
    return made_once(f'road-full-{kver}', make)
