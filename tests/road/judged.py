#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modprobe can only load verified files: packages that try to circumvent this, with module keys configured.

The oracle is the system's own depmod and modprobe. First the files of a package are unpacked into a copy of the machine's
tree. If modprobe then prints a file that is not signed by the module key, or a file of another name than the requested one, the
attack works, which proves that the row can fail. Then modfetch is called to install the package, and modprobe once more.
"""
import hashlib
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

MARKER = b'~Module signature appended~\n'
ENDINGS = '.ko', '.ko.gz', '.ko.xz', '.ko.zst'
CODES = 'FORBIDDEN-FILE', 'BAD-PACKAGE', 'MODULE-UNSIGNED', 'BAD-MODULE'

# The content of a file: one of these, the text of a configuration, or the target of a link. K is the kernel's directory, C the
# row's name; each row has its own directory, so that all packages are built from one tree.
GOOD, BAD, PACKED = object(), object(), object()
D = 'K/updates/C'


def link(target):
    return 'link', target


def hard(path):
    return 'hard', path


CONF = '/etc/depmod.d/C.conf'
FIRST = '/etc/depmod.d/a-C.conf'  # directories of the file that is read first are searched first
IMAGE = 'kernel-C-image'
OUTSIDE = 'external * WORK/firmware/C\n'  # a link to /lib/firmware of this machine

# (row, files, does the attack work without modfetch): a name that begins with "image" is a package of a kernel
WAYS = [
    ('unsigned', {f'{D}/e1000e.ko': BAD}, True),
    ('compressed', {f'{D}/e1000e.ko.xz': PACKED}, True),
    ('compressed-under-a-plain-name', {f'{D}/e1000e.ko': PACKED}, True),
    ('plain-under-a-compressed-name', {f'{D}/e1000e.ko.zst': BAD}, True),
    ('in-a-hidden-directory', {f'{D}/.x/e1000e.ko': BAD}, True),
    ('in-a-directory-like-a-module', {f'{D}/x.ko/e1000e.ko': BAD}, True),
    ('at-the-top', {'K/C/e1000e.ko': BAD}, True),
    # file names that kmod maps to another module name
    ('dot', {f'{D}/e1000e.evil.ko': GOOD}, True),
    ('dot-unsigned', {f'{D}/e1000e.evil.ko': BAD}, True),
    ('two-endings', {f'{D}/e1000e.ko.ko': GOOD}, True),
    ('three-endings', {f'{D}/e1000e.ko.xz.ko': GOOD}, True),
    ('dots', {f'{D}/e1000e..ko': GOOD}, True),
    ('capitals', {f'{D}/e1000e.KO': BAD}, False),
    ('unknown-compression', {f'{D}/e1000e.ko.bz2': BAD}, False),
    ('backup', {f'{D}/e1000e.ko~': BAD}, False),
    ('two-files', {f'{D}/a/e1000e.ko': GOOD, f'{D}/b/e1000e.ko': BAD}, None),
    ('two-endings-of-a-name', {f'{D}/e1000e.ko': GOOD, f'{D}/e1000e.ko.xz': PACKED}, None),
    ('two-spellings', {f'{D}/snd-x.ko': GOOD, f'{D}/snd_x.ko': GOOD}, None),
    # links
    ('image-link', {f'{D}/vmlinuz-x': BAD, f'{D}/e1000e.ko': link('vmlinuz-x')}, True),
    ('image-link-below', {f'{D}/d/vmlinuz-x': BAD, f'{D}/e1000e.ko': link('d/vmlinuz-x')}, True),
    ('image-chain', {f'{D}/vmlinuz-x': BAD, f'{D}/y.ko': link('vmlinuz-x'), f'{D}/e1000e.ko': link('y.ko')}, True),
    ('image-chain-of-parts',
     {f'{D}/vmlinuz-x': BAD, f'{D}/vmlinuz-y': link('vmlinuz-x'), f'{D}/e1000e.ko': link('vmlinuz-y')}, True),
    ('image-compressed', {f'{D}/vmlinuz-x': PACKED, f'{D}/e1000e.ko.xz': link('vmlinuz-x')}, True),
    ('link', {f'{D}/e1000e.bin': BAD, f'{D}/e1000e.ko': link('e1000e.bin')}, True),
    ('link-to-a-file-of-the-machine', {'K/e1000e.ko': link('build/out.bin')}, True),
    ('link-to-a-module-of-the-machine', {'K/e1000e.ko': link('build/out.ko')}, True),
    ('image-link-to-a-directory-of-the-machine', {'K/vmlinuz-C': link('build')}, True),
    ('link-to-a-directory-of-the-machine', {'K/C.ko': link('build')}, True),
    ('link-by-another-name', {f'{D}/x.ko': GOOD, f'{D}/e1000e.ko.xz': link('./x.ko')}, None),
    ('link-to-the-parent', {f'{D}/e1000e.ko': link('../../build/out.bin')}, True),
    ('absolute-link', {f'{D}/e1000e.ko': link('ROOTK/build/out.bin')}, True),
    ('hard-link', {f'{D}/e1000e.ko': BAD, '/usr/share/doc/C/README': hard(f'{D}/e1000e.ko')}, True),
    ('hard-link-of-two', {f'{D}/e1000e.ko': GOOD, f'{D}/x.ko': hard(f'{D}/e1000e.ko')}, None),
    # depmod.d
    ('external', {'/lib/firmware/C/e1000e.ko': BAD, CONF: OUTSIDE}, True),
    ('external-link', {'/lib/firmware/C/b.bin': BAD, '/lib/firmware/C/e1000e.ko': link('b.bin'), CONF: OUTSIDE}, True),
    ('external-of-the-machine', {CONF: 'external * ROOTK/build\n'}, True),
    ('external-after-a-comment', {f'{D}/x.ko': GOOD, CONF: '# about x\n\nexternal * ROOT/srv\n'}, True),
    ('external-in-two-lines', {f'{D}/x.ko': GOOD, CONF: 'exter\\\nnal * ROOT/srv\n'}, True),
    ('external-in-usr', {'/usr/lib/depmod.d/C.conf': 'external * ROOT/srv\n'}, True),
    ('override-of-another', {CONF: 'override dummy * stash\n'}, True),
    ('override-beside-its-own', {f'{D}/x.ko': GOOD, CONF: 'override x * updates/C\noverride dummy * stash\n'}, True),
    ('search', {FIRST: 'search stash updates\n'}, True),
    ('search-beside-its-own', {f'{D}/x.ko': GOOD, FIRST: 'search stash updates/C updates\n'}, True),
    ('search-of-the-default', {FIRST: 'search updates\n'}, None),
    ('override-to-another-file', {f'{D}/dummy.ko': GOOD, CONF: 'override dummy * extra\n'}, True),
    ('exclude', {CONF: 'exclude updates\n'}, True),
    ('conf-link', {CONF: link('notes')}, True),
    ('conf-hides-another', {'/etc/depmod.d/dist.conf': '# nothing\n'}, True),
    ('old-line', {CONF: 'make_map_files yes\n'}, False),
    ('no-line', {CONF: 'no such line\n'}, False),
    ('nested-expression', {f'{D}/x.ko': GOOD, CONF: f'override x {"(" * 60}{")" * 60} updates/C\n'}, None),
    ('repeated-expression', {f'{D}/x.ko': GOOD, CONF: 'override x .*.*.*.*.*x updates/C\n'}, None),
    ('counted-expression', {f'{D}/x.ko': GOOD, CONF: 'override x (a{99}){99} updates/C\n'}, None),
    ('long-expression', {f'{D}/x.ko': GOOD, CONF: f'override x {"a" * 4000} updates/C\n'}, None),
    ('many-lines', {f'{D}/x.ko': GOOD, CONF: 'override x * updates/C\n' * 2000}, None),
]

# two packages that are harmless alone
HALVES = [
    ('image-part', {'K/updates/halves/d/vmlinuz-x': BAD}, None),
    ('link-to-a-part', {'K/updates/halves/e1000e.ko': link('d/vmlinuz-x')}, None),
]

# (row, files, names that modprobe must know afterwards)
HARMLESS = [
    ('signed', {f'{D}/e1000e.ko': GOOD}, ['e1000e']),
    ('a-dash', {f'{D}/snd-hda-intel.ko': GOOD}, ['snd_hda_intel', 'snd-hda-intel']),
    ('a-link-to-its-own', {f'{D}/e1000e.ko': GOOD, f'{D}/old-name.ko': link('e1000e.ko')}, ['e1000e']),
    ('firmware-links', {'/lib/firmware/C/b.bin': 'x', '/lib/firmware/C/a.bin': link('b.bin'),
                        '/lib/firmware/C/d.bin': link('of-another-package.bin')}, []),
    ('its-own-override', {'K/extra/C/e1000e.ko': GOOD, CONF: '# ours\noverride e1000e * extra/C\n'}, ['e1000e']),
    ('weak-override', {'K/extra/C/e1000e.ko': GOOD, CONF: 'override e1000e 6\\.1\\.0-56.* weak-updates/C\n'}, ['e1000e']),
]

ODD = {  # a file name, and kmod's name for it; None: it is no module
    'e1.evil.ko': 'e1', 'x.ko.ko': 'x', 'a.ko.xz.ko': 'a', '.ko': None, 'b.KO': None, 'c.ko.bz2': None, 'd-y_z.ko': 'd_y_z',
    'f.tar.ko': 'f', 'g..ko': 'g', 'h.ko.': None, 'i-.j.ko': 'i_', 'kok.kox': None, 'mko': None, 'n.ko~': None, 'p.ko.xz': 'p',
    'q.x.ko.xz': 'q', 'r.ko.XZ': None, 's.ko.lzma': None, 't.Ko': None, 'l' * 252 + '.ko': 'l' * 252, 'u.ko.xz.zst': None,
    'v': None, 'w.o': None,
}


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def signed(data, directory):
    with open(f'{directory}/content', 'wb') as f:
        f.write(data)
    sig = subprocess.run(['openssl', 'cms', '-sign', '-binary', '-noattr', '-nocerts', '-outform', 'DER', '-md', 'sha256', '-in',
                          f'{directory}/content', '-signer', f'{r.test_keys()}/module.crt', '-inkey',
                          f'{r.test_keys()}/module.key'], check=True, stdout=subprocess.PIPE).stdout
    return data + sig + struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, len(sig)) + MARKER


def package_of(row):
    return IMAGE.replace('C', row) if row.startswith('image') else f'{row}-kmp-test'


class Judged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = r.Root(modules=('loop',))
        cls.top = f'/lib/modules/{cls.root.kver}'
        os.makedirs(f'{cls.root.path}/etc/modfetch/keys/module.d')
        shutil.copy(f'{r.test_keys()}/module.crt', f'{cls.root.path}/etc/modfetch/keys/module.d/module.pem')
        cls.work = tempfile.mkdtemp(prefix='judged-')
        line = cls.root.show_depends(r.full_tree(), 'dummy')[-1]
        data = read(line.split()[1])
        at = data.rfind(b'~Module signature')
        bare = data[: at - 12 - struct.unpack('>I', data[at - 4 : at])[0]] if at > 0 else data
        cls.bytes = {GOOD: signed(bare, cls.work), BAD: bare,
                     PACKED: lzma.compress(bare, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32)}
        cls.machine()
        os.mkdir(f'{cls.work}/repo')
        cls.build()
        r.createrepo(f'{cls.work}/repo')
        cls.root.repo(f'file://{cls.work}/repo')
        done = cls.root.run('refresh')
        assert done.returncode == 0, done.stderr
        cls.before = cls.root.state()

    @classmethod
    def tearDownClass(cls):
        cls.root.close()
        shutil.rmtree(cls.work)

    @classmethod
    def machine(cls):
        """Unverified modules of an admin, in directories that modprobe does not search."""
        tree = cls.root.modules
        for path, content in {
                f'{tree}/updates/dummy.ko': cls.bytes[GOOD], f'{tree}/stash/dummy.ko': cls.bytes[BAD],
                f'{tree}/build/out.bin': cls.bytes[BAD], f'{tree}/build/out.ko': cls.bytes[BAD],
                f'{tree}/build/e1000e.ko': cls.bytes[BAD], f'{cls.root.path}/srv/e1000e.ko': cls.bytes[BAD],
                f'{cls.root.path}/etc/depmod.d/notes': b'override dummy * stash\n',
                f'{cls.root.path}/usr/lib/depmod.d/dist.conf': b'search updates built-in\noverride guard * kernel\n',
        }.items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(content)
        os.mkdir(f'{cls.root.path}/lib/firmware')
        os.mkdir(f'{tree}/extra')
        cls.index(cls.root.path)

    # ---- the packages ----

    @classmethod
    def text(cls, row, text):
        return text.replace('ROOT', cls.root.path).replace('WORK', cls.work).replace('K/', cls.top + '/').replace('/C', '/' + row).replace('-C', '-' + row)

    @classmethod
    def put(cls, top, row, path, content):
        where = top + cls.text(row, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if content in cls.bytes:
            with open(where, 'wb') as f:
                f.write(cls.bytes[content])
        elif isinstance(content, str):
            with open(where, 'w', encoding='utf-8') as f:
                f.write(cls.text(row, content))
        elif content[0] == 'link':
            os.symlink(cls.text(row, content[1]), where)
        else:
            os.link(top + cls.text(row, content[1]), where)

    @classmethod
    def build(cls):
        """One rpmbuild for all rows; rows with the same path have separate trees."""
        spec = ['Name: judged', 'Version: 1', 'Release: 1', 'Summary: test', 'License: none', 'AutoReqProv: no',
                '%description', 'test']
        shared = {'K/e1000e.ko', '/etc/depmod.d/dist.conf'}
        top = f'{cls.work}/root'
        for row, files, _ in WAYS + HALVES + HARMLESS:
            if shared & set(files):
                continue
            for path, content in files.items():
                cls.put(top, row, path, content)
            spec += [f'%package -n {package_of(row)}', 'Summary: test', 'AutoReqProv: no',
                     f'%description -n {package_of(row)}', 'test', f'%files -n {package_of(row)}']
            spec += [cls.text(row, path) for path in files]
        spec += ['%install', 'mkdir -p %{buildroot}', f'cp -a {top}/. %{{buildroot}}/']
        with open(f'{cls.work}/judged.spec', 'w', encoding='utf-8') as f:
            f.write('\n'.join(spec) + '\n')
        done = subprocess.run(
            ['rpmbuild', '-bb', '--quiet', '--define', f'_topdir {cls.work}/build', '--define', f'_rpmdir {cls.work}/repo',
             '--define', '_rpmfilename %%{NAME}.rpm', '--define', '_build_id_links none', '--define',
             '__os_install_post %{nil}', '--define', 'debug_package %{nil}', '--define', '_binary_filedigest_algorithm 8',
             '--define', f'buildroot {cls.work}/buildroot', f'{cls.work}/judged.spec'],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        for row, files, _ in WAYS + HALVES + HARMLESS:
            if shared & set(files):
                contents = [(cls.text(row, path), cls.text(row, content[1]) if isinstance(content, tuple) else
                             content.encode()) for path, content in files.items()]
                path = r.rpmbuild(f'{cls.work}/repo', package_of(row), [], contents)
                os.rename(path, f'{cls.work}/repo/{package_of(row)}.rpm')

    # ---- the oracle ----

    @classmethod
    def index(cls, top):
        directories = [f'{top}/{name}/depmod.d' for name in ('etc', 'usr/lib')]
        subprocess.run(['depmod', '-b', top, *[word for f in directories for word in ('-C', f)], cls.root.kver], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def firmware_of(self, top):
        if os.path.lexists(f'{self.work}/firmware'):
            os.unlink(f'{self.work}/firmware')
        os.symlink(f'{top}/lib/firmware', f'{self.work}/firmware')

    @classmethod
    def unverified(cls, top):
        """The files that modprobe prints and that have another name or no signature."""
        found = []
        known = {hashlib.sha256(data).digest() for data in (cls.bytes[GOOD], read(f'{cls.root.modules}/kernel/drivers/block/loop.ko'))}
        for name in 'e1000e', 'dummy', 'loop', 'x', 'y', 'vmlinuz', 'snd_x', 'out', 'guard', 'old_name':
            done = subprocess.run(['modprobe', '-d', top, '-S', cls.root.kver, '-C', '/nowhere', '--show-depends', name],
                                  check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for path in [line.split()[1] for line in done.stdout.splitlines() if line.startswith('insmod')]:
                base = os.path.basename(path).replace('-', '_')
                if base not in [name + e for e in ENDINGS] or hashlib.sha256(read(path)).digest() not in known:
                    found.append((name, path))
        return found

    def unpacked(self, row):
        """A copy of the machine with the unverified files of the package."""
        top = tempfile.mkdtemp(dir=self.work)
        for name in 'lib', 'etc', 'usr/lib', 'srv', 'var/lib/rpm':
            shutil.copytree(f'{self.root.path}/{name}', f'{top}/{name}', symlinks=True)
        subprocess.run(['rpm', '--root', top, '--dbpath', '/var/lib/rpm', '-i', '--nodeps', *r.FORCE,
                        f'{self.work}/repo/{package_of(row)}.rpm'], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.firmware_of(top)
        # a module in a directory that depmod.d of the distribution does not search, and one after another module of that name
        for place, kind in ('kernel/guard', GOOD), ('updates/guard', BAD), ('extra/dummy', BAD):
            with open(f'{top}{self.top}/{place}.ko', 'wb') as f:
                f.write(self.bytes[kind])
        self.index(top)
        return top

    # ---- the tests ----

    maxDiff = 4000

    def test_the_machine_itself_answers_with_what_is_signed(self):
        self.assertEqual(self.unverified(self.root.path), [])

    def test_no_way_to_a_file_that_was_not_verified(self):
        for row, _, is_open in WAYS:
            with self.subTest(row=row):
                if is_open is not None:
                    self.assertEqual(bool(self.unverified(self.unpacked(row))), is_open)
                self.firmware_of(self.root.path)
                done = self.root.run('--no-load', 'install', package_of(row))
                self.assertIn(done.returncode, (1, 4), done.stderr)
                line = done.stderr.strip().splitlines()[-1]
                self.assertIn(line.rsplit('[', 1)[1][:-1], CODES, line)
                self.assertEqual(self.root.state(), self.before)
        self.index(self.root.path)
        self.assertEqual(self.unverified(self.root.path), [])

    def test_a_link_to_what_another_package_brings(self):
        """Neither of the two is a module alone: a file of a kernel, and a link to it."""
        done = self.root.run('--no-load', 'install', package_of('image-part'), package_of('link-to-a-part'))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn('[FORBIDDEN-FILE]', done.stderr)
        self.assertEqual(self.root.state(), self.before)

    def test_a_line_is_refused_with_its_file_and_number(self):
        done = self.root.run('--no-load', 'install', package_of('external-after-a-comment'))
        self.assertIn('external-after-a-comment-kmp-test: /etc/depmod.d/external-after-a-comment.conf:3: ', done.stderr)

    def test_what_is_judged_by_the_same_name_comes_and_goes(self):
        for row, _, names in HARMLESS:
            with self.subTest(row=row):
                done = self.root.run('--no-load', 'install', package_of(row))
                self.assertEqual(done.returncode, 0, done.stderr)
                for name in names:
                    self.assertTrue(self.root.show_depends(self.root.path, name), name)
                done = self.root.run('remove', package_of(row))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.root.state(), self.before)

    def test_depmod_and_modprobe_know_odd_names_as_the_table_says(self):
        """kmod's, and ours, over one tree."""
        top = tempfile.mkdtemp(dir=self.work)
        tree = f'{top}{self.top}/updates'
        os.makedirs(tree)
        for name in ODD:
            with open(f'{tree}/{name}', 'wb') as f:
                f.write(self.bytes[PACKED if name.endswith('.xz') else BAD])
        for program in ['depmod', '-b', top, self.root.kver], [r.MODFETCH, 'depmod', '-b', top, self.root.kver]:
            with self.subTest(program=program[0]):
                subprocess.run(program, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                with open(f'{top}{self.top}/modules.dep', encoding='utf-8') as f:
                    known = {os.path.basename(line.split(':')[0]) for line in f}
                self.assertEqual(known, {name for name, module in ODD.items() if module})
                for name, module in ODD.items():
                    if module:
                        self.assertEqual([os.path.basename(line.split()[1]) for line in self.root.show_depends(top, module)],
                                         [name])


if __name__ == '__main__':
    unittest.main()
