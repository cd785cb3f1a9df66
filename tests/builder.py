# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that builds drivers: a copy of the Debian of tests/lib/builder, in which programs run as on a machine of their own."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

import root as r

CACHE = os.environ.get('MODFETCH_TEST_CACHE', '/var/cache/modfetch-tests')
BUILD = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..', '..'))
# A root of its own: mounts, processes and /dev end with the command. The build of modfetch is at its own path there.
INSIDE = '''set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t tmpfs dev dev
mount -t tmpfs run run
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
mkdir -p ".$2"
mount --bind "$2" ".$2"
pivot_root . mnt
umount -l mnt
exec chroot . /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin MODFETCH="$3" bash -c "$4"'''


ALL = os.environ.get('MODFETCH_TEST_ALL') == '1'


def debian():
    """The directory of the Debian, and the releases of its kernels, in the order of tests/lib/builder."""
    path, *kernels = r.output(os.path.join(r.HERE, 'lib', 'builder'), 'all' if ALL else 'small').split()
    return path, kernels


class Builder:
    """Hard links: files are replaced and never edited in place."""

    def __init__(self):
        source, self.kernels = debian()
        self.answers = []  # of modfetch build, as JSON
        self.path = tempfile.mkdtemp(prefix='builder-copy-', dir=CACHE)
        subprocess.run(['cp', '-al', f'{source}/.', self.path], check=True)
        self.append('etc/passwd', 'modfetch-build:x:980:980::/:/usr/sbin/nologin\nmodfetch:x:981:981::/:/usr/sbin/nologin\n')
        # many a conf has an if
        self.write('etc/modfetch/modfetch.conf', '[modfetch]\ntrust-dkms-conf=yes\n')
        self.append('etc/group', 'modfetch-build:x:980:\nmodfetch:x:981:\n')

    def close(self):
        subprocess.run(['rm', '-rf', '--one-file-system', self.path], check=True)

    def write(self, path, content):
        at = f'{self.path}/{path}'
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if os.path.lexists(at):
            os.unlink(at)
        with open(at, 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return at

    def read(self, path):
        with open(f'{self.path}/{path}', 'rb') as f:
            return f.read()

    def append(self, path, text):
        self.write(path, self.read(path) + text.encode())

    def sh(self, script, status=0, timeout=900):
        done = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', INSIDE, '-', self.path, BUILD,
                               os.path.realpath(r.MODFETCH), script],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=timeout)
        if status is not None:
            assert done.returncode == status, f'{script}: {done.returncode}: {done.stdout}{done.stderr}'
        return done

    def modfetch(self, arguments, status=0, **options):
        return self.sh(f'"$MODFETCH" --detailed-exit {arguments}', status, **options)

    def build(self, arguments, status=0, **options):
        """The results of modfetch build, by name of the source."""
        done = self.modfetch(f'--json {arguments}', status, **options)
        answer = json.loads(done.stdout)
        self.answers += answer if isinstance(answer, list) else [answer]
        if isinstance(answer, list):
            return [{x['source'].split('/')[0]: x for x in a['results']} for a in answer]
        return {x['source'].split('/')[0]: x for x in answer['results']}

    def source(self, name):
        """Its directory below /usr/src, and its version."""
        [found] = [d for d in os.listdir(f'{self.path}/usr/src') if re.match(re.escape(name) + r'-[0-9]', d)]
        return f'usr/src/{found}', found[len(name) + 1:]

    def module(self, kernel, name):
        """The path of a module outside of kernel/, below the root; None: there is none."""
        top = f'{self.path}/lib/modules/{kernel}'
        for where, _, files in os.walk(top):
            for file in files:
                if re.sub('[.]ko.*', '', file).replace('-', '_') == name and '/kernel/' not in where[len(top):] + '/':
                    return os.path.join(where, file)[len(self.path) + 1:]
        return None


def sections(path):
    """What a module does: its sections but for notes, names of files and what a signature adds. Section name: digest.

    The release of the kernel in .modinfo counts by itself, as "vermagic": in a link, it is that of another kernel.
    """
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        plain = f'{scratch}/m.ko'
        unpack = {'.xz': ['xz', '-dc'], '.zst': ['zstd', '-dcq'], '.gz': ['gzip', '-dc']}.get(os.path.splitext(path)[1], ['cat'])
        with open(plain, 'wb') as out:
            subprocess.run([*unpack, path], stdout=out, check=True)
        text = r.output('readelf', '-SW', plain)
        for name in re.findall(r'^ *\[ *\d+\] (\.\S+)', text, re.M):
            if name.startswith(('.note', '.symtab', '.strtab', '.shstrtab', '.debug', '.rela.debug', '.BTF')):
                continue
            subprocess.run(['objcopy', '-O', 'binary', '--only-section', name, '--set-section-flags', f'{name}=alloc', plain,
                            f'{scratch}/s'], stderr=subprocess.DEVNULL, check=False)
            if os.path.exists(f'{scratch}/s'):
                with open(f'{scratch}/s', 'rb') as f:
                    data = f.read()
                if name == '.modinfo':
                    release = re.search(rb'(?<=vermagic=)\S+', data)
                    found['vermagic'] = release[0].decode()
                    data = data.replace(release[0], b'', 1)
                found[name] = hashlib.sha256(data).hexdigest()
                os.unlink(f'{scratch}/s')
    return found


def remove_tree(path):
    shutil.rmtree(path, ignore_errors=True)
