#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: metadata.py MODFETCH N        prints the parts of N kernels

The metadata of real kernels without their packages: that of `modfetch pack` for a kernel from Debian's archive, derived from
the specs that it writes, so that a kernel takes ten seconds instead of two minutes. The entries of rpmbuild and createrepo_c
are added here; sizes are those of the files, digests are those of names, since no package is ever fetched. The part of a kernel
in primary.xml is kept in the tests' cache; its tree is not.
"""
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape, quoteattr

FORMAT = 1  # version of the cached format; increase it when its generator changes
CACHE = pathlib.Path(os.environ.get('MODFETCH_TEST_CACHE', '/var/cache/modfetch-tests'))
KINDS = ('provides', 'requires', 'conflicts', 'obsoletes', 'recommends', 'supplements')
FLAGS = {'=': 'EQ', '<': 'LT', '>': 'GT', '<=': 'LE', '>=': 'GE'}


def entry(dep):
    name, *rest = [dep] if dep.startswith('(') else dep.split(' ')  # a boolean dependency is one name
    if not rest:
        return f'<rpm:entry name={quoteattr(name)}/>'
    version, dash, release = rest[1].partition('-')
    return (f'<rpm:entry name={quoteattr(name)} flags="{FLAGS[rest[0]]}" epoch="0" ver={quoteattr(version)}'
            + (f' rel={quoteattr(release)}' if dash else '') + '/>')


def package_xml(package, size):
    name, evr = package['name'], f'{package["Version"]}-{package["Release"]}'
    arch = package.get('BuildArch', 'x86_64')
    label = f'{name}-{evr}.{arch}'
    deps = package['deps']
    deps['provides'] += [f'{name} = {evr}'] + [f'{name}(x86-64) = {evr}'] * (arch == 'x86_64')
    lists = ''.join(f'<rpm:{kind}>' + ''.join(entry(d) for d in sorted(set(deps[kind]))) + f'</rpm:{kind}>'
                    for kind in KINDS if deps[kind])
    return (f'<package type="rpm"><name>{name}</name><arch>{arch}</arch>'
            f'<version epoch="0" ver="{package["Version"]}" rel="{package["Release"]}"/>'
            f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(label.encode()).hexdigest()}</checksum>'
            f'<summary>{escape(package["Summary"])}</summary><description>{escape(package["description"])}</description>'
            f'<packager/><url/><time file="1" build="1"/><size package="{size}" installed="{size}" archive="{size}"/>'
            f'<location href="{arch}/{label}.rpm"/><format><rpm:license>{escape(package["License"])}</rpm:license>'
            f'<rpm:vendor/><rpm:group/><rpm:buildhost/><rpm:sourcerpm/>{lists}</format></package>\n')


def packages_of(spec):
    """The packages of one spec: preamble, dependencies, description and files."""
    found, package, section = {}, None, None
    preamble = {}
    for line in spec.splitlines():
        m = re.match(r'%(package|description|files) -n (\S+)', line)
        if m:
            section, name = m[1], m[2]
            if section == 'package':
                found[name] = {'name': name, 'deps': {kind: [] for kind in KINDS}, 'description': '', 'files': [], **preamble}
            package = found[name]
        elif re.match(r'%(install|description)', line):
            section = None
        elif section == 'files' and line.startswith('/'):
            package['files'].append(line)
        elif section == 'description' and line:
            package['description'] += line
        elif section == 'package' and ': ' in line:
            key, _, value = line.partition(': ')
            if key.lower() in KINDS:
                package['deps'][key.lower()].append(value.replace('%%', '%'))
            else:
                package[key] = value.replace('%%', '%')
        elif package is None and line.startswith('BuildArch: '):
            preamble['BuildArch'] = line.split()[1]
    return found.values()


def describe(program, root, release):
    """A kernel's part of primary.xml, and the number of packages in it."""
    specs = pathlib.Path(tempfile.mkdtemp(prefix='metadata-'))
    try:
        # without a Module.symvers it reports that and exits with 1, but the specs are complete
        subprocess.run([program, '-q', 'pack', '--spec-only', specs, f'{root}/lib/modules/{release}'], check=False,
                       stdout=subprocess.DEVNULL)
        parts = []
        for spec in sorted(specs.glob('*.spec')):
            for package in packages_of(spec.read_text(encoding='utf-8')):
                size = sum(os.path.getsize(root + f) for f in package['files'] if os.path.isfile(root + f))
                parts.append(package_xml(package, size))
        return ''.join(sorted(parts)), len(parts)
    finally:
        shutil.rmtree(specs)


def newest(n):
    """N kernel packages of the archive, the tests' default kernel first, of two versions and three flavors."""
    done = subprocess.run(['apt-cache', '--names-only', 'search', '^linux-image-6[.].*[0-9](|[+]deb12)-(rt-|cloud-|)amd64$'],
                          check=True, stdout=subprocess.PIPE, text=True)
    names = [line.split()[0] for line in done.stdout.splitlines()]
    # "6.12-amd64" without a third number is a name for the newest one
    names = [name for name in names if re.match(r'linux-image-6[.]\d+[.]\d', name)]
    names.sort(key=lambda name: [int(part) for part in re.findall(r'\d+', name)], reverse=True)

    def of(version, flavor):
        return [name for name in names if re.match(rf'linux-image-6[.]{version}[.][0-9.+deb-]*-{flavor}amd64$', name)]
    groups = [of(1, ''), of(12, ''), of(1, 'rt-'), of(12, 'rt-'), of(1, 'cloud-')]
    # as in a repository that keeps old kernels: most are of the common flavor, few of the others
    order = [0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 4, 0, 1, 2, 0, 1, 0, 3, 0, 1]
    chosen = []
    for group in order:
        left = [name for name in groups[group] if name not in chosen] or [name for name in names if name not in chosen]
        if left:
            chosen.append(left[0])
    return chosen[:n]


def unpack(package, root):
    directory = tempfile.mkdtemp(dir=CACHE, prefix='download.')
    try:
        # apt's own user cannot write to a private directory
        subprocess.run(['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', package], cwd=directory, check=True)
        for deb in os.listdir(directory):
            subprocess.run(['dpkg', '-x', f'{directory}/{deb}', root], check=True)
    finally:
        shutil.rmtree(directory)


def part_of(release):
    """Where the part of a kernel is kept, and the number of packages in it."""
    project = pathlib.Path(__file__).resolve().parents[2]
    sources = hashlib.sha256(str(FORMAT).encode())
    for path in sorted(project.glob('src/pack/*.c')):
        sources.update(path.read_bytes())
    part = CACHE / f'metadata-{release}-{sources.hexdigest()[:12]}.gz'
    return part, part.with_suffix('.count')


def keep(text, n, part, count):
    with gzip.open(part, 'wt', compresslevel=1, encoding='utf-8') as f:
        f.write(text)
    count.write_text(str(n), encoding='ascii')


def unpacked(program, root, release):
    """As kernel(), for one that lies below ROOT."""
    part, count = part_of(release)
    if not count.exists():
        keep(*describe(program, root, release), part, count)
    return part, int(count.read_text(encoding='ascii'))


def kernel(program, package):
    """(path of the part, packages in it) for a kernel package of the archive."""
    release = package[len('linux-image-'):]
    part, count = part_of(release)
    if not count.exists():
        print(f'metadata: {release}', file=sys.stderr, flush=True)
        root = tempfile.mkdtemp(dir=CACHE, prefix='metadata.')
        try:
            unpack(package, root)
            try:
                unpack(package.replace('image', 'headers', 1), root)
            except subprocess.CalledProcessError:
                print(f'metadata: no headers of {release}: exports are those that modules ask for', file=sys.stderr)
            text, n = describe(program, root, release)
        finally:
            shutil.rmtree(root)
        keep(text, n, part, count)
    return part, int(count.read_text(encoding='ascii'))


def packages_in(part):
    with gzip.open(part[0], 'rt', encoding='utf-8') as f:
        return re.findall(r'<package type.*?</package>\n', f.read(), re.S)


def write_part(path, packages):
    keep(''.join(packages), len(packages), pathlib.Path(path), pathlib.Path(path).with_suffix('.count'))
    return path, len(packages)


def renamed(part, release, number, path):
    """The same kernel as another one of its flavor, whose ABI ends in NUMBER."""
    version, abi, _ = release.split('-', 2)
    return write_part(path, [p.replace(f'{version}_{abi}', f'{version}_{number}').replace(f'{version}-{abi}', f'{version}-{number}')
                             for p in packages_in(part)])


def vendor(part, path):
    """Each fortieth driver under a name of its own, as who builds drivers elsewhere has them."""
    drivers = [p for p in packages_in(part)[3::40] if '-kmp-' in p and '-image-' not in p]
    return write_part(path, [p.replace('-kmp-', '-vendor-kmp-') for p in drivers])


def updates(part, path):
    """Each fortieth driver, of a later release."""
    drivers = [p for p in packages_in(part)[17::40] if '-kmp-' in p and '-image-' not in p]
    return write_part(path, [re.sub(r'(<version [^>]*rel=")', r'\g<1>9', p) for p in drivers])


def write_repository(directory, parts):
    """A repository's metadata from parts of (path, packages)."""
    os.makedirs(f'{directory}/repodata')
    primary, opened, size = f'{directory}/repodata/primary.xml.gz', hashlib.sha256(), 0
    with gzip.open(primary, 'wb', compresslevel=1) as out:
        def write(data):
            nonlocal size
            out.write(data)
            opened.update(data)
            size += len(data)
        write(('<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
               'xmlns:rpm="http://linux.duke.edu/metadata/rpm" '
               f'packages="{sum(n for _, n in parts)}">\n').encode())
        for path, _ in parts:
            with gzip.open(path, 'rb') as part:
                while chunk := part.read(1 << 20):
                    write(chunk)
        write(b'</metadata>\n')
    packed = pathlib.Path(primary).read_bytes()
    with open(f'{directory}/repodata/repomd.xml', 'w', encoding='utf-8') as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">'
                '<revision>1</revision><data type="primary">'
                f'<checksum type="sha256">{hashlib.sha256(packed).hexdigest()}</checksum>'
                f'<open-checksum type="sha256">{opened.hexdigest()}</open-checksum>'
                f'<location href="repodata/primary.xml.gz"/><timestamp>1</timestamp><size>{len(packed)}</size>'
                f'<open-size>{size}</open-size></data></repomd>\n')


if __name__ == '__main__':
    for one in newest(int(sys.argv[2])):
        print(*kernel(os.path.abspath(sys.argv[1]), one))
