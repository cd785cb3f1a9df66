#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch check --all: each planted fault is exactly one finding, and a machine without a fault has none.

The machine is a directory with two kernels, modules of rpm, dpkg and dkms, links as weak-modules makes them, firmware, and a
device. Each fault is planted in a copy of it.
With MODFETCH_TEST_ALL=1 also whole kernels, plain and compressed, are checked.
"""
import hashlib
import json
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
ALL = os.environ.get('MODFETCH_TEST_ALL') == '1'
DEVICE = 'pci:v00008086d00001229sv00008086sd00000001bc02sc00i00'  # e100, which has three firmware files
GONE = '5.10.0-1-amd64'


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)  # it may be a hard link to the cache
    with open(path, 'wb') as f:
        f.write(content.encode() if isinstance(content, str) else content)


def flip(path, at=-1):
    content = bytearray(read(path))
    content[at] ^= 1
    mode = os.stat(path).st_mode
    write(path, bytes(content))
    os.chmod(path, mode)


def openssl(*args):
    return subprocess.run(['openssl', *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def compress(content, *command):
    return subprocess.run(command, input=content, check=True, stdout=subprocess.PIPE).stdout


class Machine:
    """The paths of a machine in a directory. K is its kernel, OTHER a second one."""

    def __init__(self, path, k, other):
        self.path, self.k, self.other = path, k, other
        self.modules = f'{path}/lib/modules/{k}'

    def check(self, *args):
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', self.path, '--json', *args], capture_output=True,
                              text=True, check=False, timeout=120)
        if done.returncode not in (0, 1) or not done.stdout:
            raise AssertionError(f'{args}: {done.returncode}: {done.stdout}{done.stderr}')
        answer = json.loads(done.stdout)
        if isinstance(answer, dict) and 'findings' in answer and done.returncode != bool(answer['findings']):
            raise AssertionError(f'exit status {done.returncode} with {answer["findings"]}')
        return answer

    def findings(self):
        return [(f['file'], f['code']) for f in self.check('check', '--all')['findings']]

    def state(self):
        """Path → content of everything but caches and what programs keep about themselves."""
        found = {}
        for directory, directories, files in os.walk(self.path):
            at = os.path.relpath(directory, self.path)
            directories[:] = [d for d in directories if f'{at}/{d}' not in ('var/cache', 'var/lib', './run')]
            for name in directories + files:
                found[f'{at}/{name}'] = r.fingerprint(f'{directory}/{name}')
        return found

    def depmod(self, kver=None):
        subprocess.run(['depmod', '-b', self.path, kver or self.k], check=True, stderr=subprocess.DEVNULL)

    def own_depmod(self):
        """Below a root, depmod follows an absolute link out of it."""
        self.check('--kernel', self.k, 'depmod')

    def module(self, name):
        for directory, _, files in os.walk(self.modules):
            for file in files:
                if file.split('.')[0].replace('-', '_') == name and '.ko' in file:
                    return os.path.join(directory, file)
        raise KeyError(name)

    def where(self, path):
        return path.removeprefix(self.path)


def add_dpkg(path, package, files):
    """FILES: absolute paths on the machine."""
    info = f'{path}/var/lib/dpkg/info/{package}'
    write(info + '.list', ''.join(f'{file}\n' for file in ['/.', '/lib', '/lib/modules', *files]))
    write(info + '.md5sums', ''.join(f'{hashlib.md5(read(path + file)).hexdigest()}  {file[1:]}\n' for file in files))


def add_dkms(path, k, name, content):
    directory = f'{path}/var/lib/dkms/{name}/1.0/{k}/x86_64/module'
    write(f'{directory}/{name}.ko', content)
    os.symlink(f'1.0/{k}/x86_64', f'{path}/var/lib/dkms/{name}/kernel-{k}-x86_64')
    write(f'{path}/lib/modules/{k}/updates/dkms/{name}.ko', content)


def add_device(path, modalias):
    write(f'{path}/sys/devices/pci0000:00/0000:00:19.0/modalias', modalias + '\n')


def make_machine(path):
    """Two kernels with loop, vfat, e100 (all of dpkg), e1000e (of rpm); mii also as dkms built it; a weak link."""
    root = r.Root(modules=('loop', 'vfat', 'e100'), path=path)
    k, other = root.kver, r.Root(modules=(), kind='default-1', path=path + '-other').kver
    machine = Machine(path, k, other)
    root.repo('file://' + r.repository('small'))
    for args in ('refresh',), ('--no-load', 'probe', 'e1000e'):
        done = root.run(*args)
        assert done.returncode == 0, done.stderr
    add_dpkg(path, f'linux-image-{k}', [machine.where(machine.module(m)) for m in ('loop', 'vfat', 'fat', 'e100', 'mii')])
    add_dkms(path, k, 'mii', read(machine.module('mii')))
    for name in 'd101m', 'd101s', 'd102e':
        write(f'{path}/lib/firmware/e100/{name}_ucode.bin', b'x')
    add_device(path, DEVICE)
    # the other kernel has the same CRCs or not: its own module fits in any case
    base, _ = r.kernel('default-1')
    loop = 'kernel/drivers/block/loop.ko'
    for name in 'modules.order', 'modules.builtin', 'modules.builtin.modinfo', loop:
        write(f'{path}/lib/modules/{other}/{name}', read(f'{base}/lib/modules/{other}/{name}'))
    shutil.rmtree(path + '-other')
    shutil.copytree(f'{r.kernel()[0]}/boot', f'{path}/boot', dirs_exist_ok=True)
    # an absolute link, as weak-modules makes it, to a module of another directory of the same release
    write(f'{path}/lib/modules/{other}/extra/weak.ko', read(f'{base}/lib/modules/{other}/{loop}'))
    machine.depmod()
    machine.depmod(other)
    return machine


# ---- the faults: each plants one and returns the file of the finding and its code ----

FAULTS = {}


def fault(function):
    FAULTS[function.__name__] = function
    return function


@fault
def a_changed_byte_in_a_module_of_rpm(m):
    flip(m.module('e1000e'))
    return m.module('e1000e'), 'ALTERED'


@fault
def a_missing_module_of_rpm(m):
    path = m.module('e1000e')
    os.unlink(path)
    return path, 'ALTERED'


@fault
def a_missing_module_of_rpm_after_depmod(m):
    path = m.module('e1000e')
    os.unlink(path)
    m.depmod()
    return path, 'ALTERED'


@fault
def a_module_of_rpm_that_became_a_link(m):
    path = m.module('e1000e')
    os.rename(path, m.path + '/opt.ko')
    os.symlink('/opt.ko', path)
    return path, 'ALTERED'


@fault
def a_module_that_others_may_write(m):
    os.chmod(m.module('loop'), 0o666)
    return m.module('loop'), 'ALTERED'


@fault
def a_directory_that_others_may_write(m):
    os.chmod(f'{m.modules}/updates', 0o777)
    return f'{m.modules}/updates', 'ALTERED'


@fault
def a_changed_byte_in_a_module_of_dpkg(m):
    flip(m.module('loop'))
    return m.module('loop'), 'ALTERED'


@fault
def a_missing_module_of_dpkg(m):
    path = m.module('loop')
    os.unlink(path)
    return path, 'ALTERED'


@fault
def a_missing_module_of_dpkg_that_others_need(m):
    path = m.module('fat')
    os.unlink(path)
    m.depmod()
    return path, 'ALTERED'


@fault
def a_module_that_dkms_did_not_build_like_this(m):
    flip(f'{m.modules}/updates/dkms/mii.ko')
    return f'{m.modules}/updates/dkms/mii.ko', 'ALTERED'


@fault
def a_missing_module_of_dkms(m):
    os.unlink(f'{m.modules}/updates/dkms/mii.ko')
    return f'{m.modules}/updates/dkms/mii.ko', 'ALTERED'


@fault
def an_empty_module(m):
    write(f'{m.modules}/updates/empty.ko', '')
    m.depmod()
    return f'{m.modules}/updates/empty.ko', 'BAD-MODULE'


@fault
def a_truncated_module(m):
    path = f'{m.modules}/updates/short.ko'
    write(path, read(m.module('e100'))[:700])
    m.depmod()
    return path, 'BAD-MODULE'


@fault
def a_module_for_another_release(m):
    """One whose kernel was built with other options, too: only that forbids a module with symbol versions."""
    path = f'{m.modules}/updates/foreign.ko'
    release = os.path.basename(m.modules).encode()
    content = read(m.module('loop'))
    assert content.count(b'vermagic=' + release) == content.count(b' mod_unload ') == 1
    write(path, content.replace(b'vermagic=' + release, b'vermagic=' + b'9' + release[1:]).replace(b' mod_unload ', b' mod_reload '))
    m.depmod()
    return path, 'WRONG-KERNEL'


def with_wrong_crc(m):
    """The module loop with another CRC of a symbol."""
    content = bytearray(read(m.module('loop')))
    at = content.index(b'\0' * 4 + b'fput\0') - 4
    content[at] ^= 1
    return bytes(content)


@fault
def a_module_with_a_wrong_crc(m):
    write(f'{m.modules}/updates/crc.ko', with_wrong_crc(m))
    m.depmod()
    return f'{m.modules}/updates/crc.ko', 'WRONG-KERNEL'


@fault
def a_link_to_a_module_that_does_not_fit(m):
    write(f'{m.path}/lib/modules/{GONE}/extra/crc.ko', with_wrong_crc(m))
    os.makedirs(f'{m.modules}/weak-updates')
    os.symlink(f'/lib/modules/{GONE}/extra/crc.ko', f'{m.modules}/weak-updates/crc.ko')
    m.depmod()
    return f'{m.modules}/weak-updates/crc.ko', 'WRONG-KERNEL'


@fault
def a_link_to_a_damaged_module_of_another_kernel(m):
    """The module has the finding, in its own kernel; the link has none."""
    path = f'{m.path}/lib/modules/{m.other}/extra/weak.ko'
    write(path, 'x')
    os.makedirs(f'{m.modules}/weak-updates')
    os.symlink(m.where(path), f'{m.modules}/weak-updates/weak.ko')
    m.depmod()
    m.depmod(m.other)
    return path, 'BAD-MODULE'


@fault
def a_dead_link(m):
    os.makedirs(f'{m.modules}/weak-updates')
    os.symlink('/lib/modules/nowhere/x.ko', f'{m.modules}/weak-updates/x.ko')
    return f'{m.modules}/weak-updates/x.ko', 'DEAD-LINK'


@fault
def a_link_whose_target_went_after_depmod(m):
    path = f'{m.modules}/weak-updates/weak.ko'
    os.makedirs(f'{m.modules}/weak-updates')
    os.symlink(f'/lib/modules/{m.other}/extra/weak.ko', path)
    m.depmod()
    os.unlink(f'{m.path}/lib/modules/{m.other}/extra/weak.ko')
    m.depmod(m.other)
    return path, 'DEAD-LINK'


@fault
def a_link_to_itself(m):
    os.symlink('self.ko', f'{m.modules}/updates/self.ko')
    return f'{m.modules}/updates/self.ko', 'DEAD-LINK'


@fault
def a_link_out_of_the_kernels_directories(m):
    write(f'{m.path}/opt/out.ko', read(m.module('loop')))
    os.symlink('../../../../opt/out.ko', f'{m.modules}/updates/out.ko')
    m.depmod()
    return f'{m.modules}/updates/out.ko', 'FORBIDDEN-FILE'


def with_keys(m):
    """All modules that are on the machine now are signed by a key of it."""
    directory = f'{m.path}/keys'
    keys = f'{m.path}/etc/modfetch/keys/module.d'
    os.makedirs(directory)
    os.makedirs(keys)
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{directory}/key', '-out', f'{keys}/key.pem', '-subj',
            '/CN=modules', '-days', '30')
    for name in 'rpm', 'dpkg', 'dkms':
        shutil.rmtree(f'{m.path}/var/lib/{name}')
    for directory_, _, files in os.walk(f'{m.path}/lib/modules'):
        for file in files:
            if file.endswith('.ko'):
                sign(m, os.path.join(directory_, file))


def bare(content):
    at = content.rfind(MARKER)
    return content[: at - 12 - struct.unpack('>I', content[at - 4 : at])[0]] if at > 0 else content


def sign(m, path):
    write(f'{m.path}/keys/content', bare(read(path)))
    signature = openssl('cms', '-sign', '-binary', '-noattr', '-nocerts', '-outform', 'DER', '-md', 'sha256', '-in',
                        f'{m.path}/keys/content', '-signer', f'{m.path}/etc/modfetch/keys/module.d/key.pem', '-inkey',
                        f'{m.path}/keys/key')
    write(path, read(f'{m.path}/keys/content') + signature +
          struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, len(signature)) + MARKER)


@fault
def an_unsigned_module(m):
    with_keys(m)
    write(m.module('loop'), bare(read(m.module('loop'))))
    return m.module('loop'), 'MODULE-UNSIGNED'


@fault
def an_unsigned_module_with_an_odd_name(m):
    with_keys(m)
    write(f'{m.modules}/updates/odd.name.ko', bare(read(m.module('loop'))))
    m.depmod()
    return f'{m.modules}/updates/odd.name.ko', 'MODULE-UNSIGNED'


@fault
def an_unsigned_module_behind_a_link(m):
    with_keys(m)
    write(f'{m.path}/lib/modules/{GONE}/extra/x.ko', bare(read(m.module('loop'))))
    os.symlink(f'/lib/modules/{GONE}/extra/x.ko', f'{m.modules}/updates/x.ko')
    m.depmod()
    return f'{m.modules}/updates/x.ko', 'MODULE-UNSIGNED'


@fault
def a_signature_of_other_bytes(m):
    with_keys(m)
    flip(m.module('loop'), 2000)
    return m.module('loop'), 'BAD-SIGNATURE'


@fault
def a_module_on_the_deny_list(m):
    write(f'{m.path}/etc/modfetch/keys/deny.d/x', hashlib.sha256(read(m.module('loop'))).hexdigest() + '\n')
    os.unlink(f'{m.path}/lib/modules/{m.other}/extra/weak.ko')
    m.depmod(m.other)
    return m.module('loop'), 'REVOKED'


@fault
def a_module_that_depmod_has_not_seen(m):
    write(f'{m.modules}/updates/new.ko', read(m.module('loop')))
    return f'{m.modules}/updates/new.ko', 'BAD-INDEX'


@fault
def a_module_that_overrides_and_that_depmod_has_not_seen(m):
    write(f'{m.modules}/updates/loop.ko', read(m.module('loop')))
    return f'{m.modules}/updates/loop.ko', 'BAD-INDEX'


@fault
def several_modules_that_depmod_has_not_seen(m):
    for name in 'one', 'two', 'three':
        write(f'{m.modules}/updates/{name}.ko', read(m.module('loop')))
    return f'{m.modules}/modules.dep', 'BAD-INDEX'


@fault
def a_file_of_the_index_that_is_missing(m):
    write(f'{m.modules}/updates/new.ko', read(m.module('loop')))
    m.depmod()
    os.unlink(f'{m.modules}/updates/new.ko')
    return f'{m.modules}/updates/new.ko', 'BAD-INDEX'


@fault
def an_index_without_an_alias(m):
    path = f'{m.modules}/modules.alias'
    write(path, b''.join(line for line in read(path).splitlines(True) if b'e1000e' not in line))
    return path, 'BAD-INDEX'


@fault
def an_index_without_a_dependency(m):
    path = f'{m.modules}/modules.dep'
    write(path, read(path).replace(b'vfat.ko: kernel/fs/fat/fat.ko', b'vfat.ko:'))
    return path, 'BAD-INDEX'


@fault
def a_damaged_binary_index(m):
    path = f'{m.modules}/modules.alias.bin'
    content = bytearray(read(path))
    content[len(content) // 2] ^= 1
    write(path, bytes(content))
    return path, 'BAD-INDEX'


@fault
def no_binary_index(m):
    os.unlink(f'{m.modules}/modules.dep.bin')
    return f'{m.modules}/modules.dep.bin', 'BAD-INDEX'


@fault
def no_index_at_all(m):
    for name in os.listdir(m.modules):
        if name.startswith(('modules.dep', 'modules.alias', 'modules.sym', 'modules.softdep', 'modules.devname')):
            os.unlink(f'{m.modules}/{name}')
    return f'{m.modules}/modules.dep', 'BAD-INDEX'


@fault
def a_missing_module_that_another_needs(m):
    shutil.rmtree(f'{m.path}/var/lib/dpkg')
    os.unlink(m.module('fat'))
    m.depmod()
    return m.module('vfat'), 'NO-DEPENDENCY'


@fault
def a_missing_module_that_two_need(m):
    shutil.rmtree(f'{m.path}/var/lib/dpkg')
    os.unlink(m.module('fat'))
    write(f'{m.modules}/updates/again.ko', read(m.module('vfat')))
    m.depmod()
    return m.module('vfat'), 'NO-DEPENDENCY'


@fault
def missing_firmware_of_a_device(m):
    shutil.rmtree(f'{m.path}/lib/firmware')
    return m.module('e100'), 'NO-FIRMWARE'


@fault
def firmware_that_this_kernel_cannot_decompress(m):
    config = f'{m.path}/boot/config-{os.path.basename(m.modules)}'
    text = read(config).replace(b'CONFIG_FW_LOADER_COMPRESS_ZSTD=y', b'# CONFIG_FW_LOADER_COMPRESS_ZSTD is not set')
    write(config, text)
    for name in 'd101m', 'd101s', 'd102e':
        path = f'{m.path}/lib/firmware/e100/{name}_ucode.bin'
        os.rename(path, path + '.zst')
    return m.module('e100'), 'NO-FIRMWARE'


@fault
def xz_with_crc64(m):
    path = f'{m.modules}/updates/packed.ko.xz'
    write(path, compress(read(m.module('loop')), 'xz', '-c', '--check=crc64'))
    m.depmod()
    return path, 'COMPRESSION'


@fault
def zstd_without_the_size(m):
    path = f'{m.modules}/updates/packed.ko.zst'
    write(path, compress(read(m.module('loop')), 'zstd', '-c', '-q'))
    m.depmod()
    return path, 'COMPRESSION'


@fault
def zstd_that_the_kernel_does_not_have(m):
    path = f'{m.modules}/updates/packed.ko.zst'
    subprocess.run(['zstd', '-q', m.module('loop'), '-o', path], check=True)
    m.depmod()
    return path, 'COMPRESSION'


@fault
def a_package_of_a_kernel_that_is_gone(m):
    with tempfile.TemporaryDirectory() as directory:
        package = r.rpmbuild(directory, 'old-kmp', [], [(f'/lib/modules/{GONE}/updates/old.ko', read(m.module('loop')))])
        subprocess.run(['rpm', '--root', m.path, '--dbpath', '/var/lib/rpm', '-i', '--nodeps', *r.FORCE, package], check=True)
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def a_package_of_dpkg_of_a_kernel_that_is_gone(m):
    path = f'/lib/modules/{GONE}/kernel-extra/old.ko'
    write(m.path + path, 'x')
    add_dpkg(m.path, 'old-modules', [path])
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def a_package_of_a_kernel_whose_directory_is_gone(m):
    a_package_of_a_kernel_that_is_gone(m)
    shutil.rmtree(f'{m.path}/lib/modules/{GONE}')
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def what_a_kernel_left(m):
    for name in 'modules.dep', 'modules.dep.bin', 'modules.modfetch':
        write(f'{m.path}/lib/modules/{GONE}/{name}', 'x')
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def a_module_that_a_kernel_left(m):
    write(f'{m.path}/lib/modules/{GONE}/updates/dkms/old.ko', 'x')
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def a_package_of_a_kernel_without_modules_that_is_gone(m):
    with tempfile.TemporaryDirectory() as directory:
        package = r.rpmbuild(directory, 'old-image', [], [(f'/lib/modules/{GONE}/symvers', b'x')])
        subprocess.run(['rpm', '--root', m.path, '--dbpath', '/var/lib/rpm', '-i', '--nodeps', *r.FORCE, package], check=True)
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


@fault
def two_links_to_a_damaged_module(m):
    write(f'{m.path}/lib/modules/{GONE}/extra/x.ko', 'x')
    for name in 'a', 'b':
        os.symlink(f'/lib/modules/{GONE}/extra/x.ko', f'{m.modules}/updates/{name}.ko')
    m.depmod()
    return f'{m.modules}/updates/a.ko', 'BAD-MODULE'


@fault
def a_damaged_module_with_a_colon_in_its_name(m):
    write(f'{m.modules}/updates/a:b.ko', 'x')
    m.depmod()
    return f'{m.modules}/updates/a:b.ko', 'BAD-MODULE'


@fault
def a_module_of_dpkg_that_became_a_link(m):
    path = m.module('loop')
    os.rename(path, m.path + '/opt.ko')
    os.symlink('/opt.ko', path)
    return path, 'ALTERED'


@fault
def a_changed_file_of_dpkg_that_is_no_module(m):
    path = f'{m.modules}/modules.builtin.modinfo'
    info = f'{m.path}/var/lib/dpkg/info/linux-image-{m.k}'
    for ending, line in ('.list', f'{m.where(path)}\n'), ('.md5sums', f'{"0" * 32}  {m.where(path)[1:]}\n'):
        with open(info + ending, 'a', encoding='ascii') as f:
            f.write(line)
    return path, 'ALTERED'


@fault
def a_signature_that_cannot_be_read(m):
    path = f'{m.modules}/updates/trailer.ko'
    write(path, bare(read(m.module('loop'))) + struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, 0x7fffffff) + MARKER)
    m.depmod()
    return path, 'BAD-SIGNATURE'


@fault
def what_dkms_installed_for_a_kernel_that_is_gone(m):
    add_dkms(m.path, GONE, 'old', 'x')
    return f'{m.path}/lib/modules/{GONE}', 'KERNEL-GONE'


def copy_or_link(source, path):
    """Files that no fault changes are not copied."""
    if '/boot/' in source or '/usr/src/' in source:
        os.link(source, path)
    else:
        shutil.copy2(source, path)


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='check-')
        cls.machine = make_machine(f'{cls.directory}/machine')
        cls.n = 0

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def copy(self):
        Base.n = getattr(Base, 'n', 0) + 1
        path = f'{self.directory}/{Base.n}'
        shutil.copytree(self.machine.path, path, symlinks=True, copy_function=copy_or_link)
        return Machine(path, self.machine.k, self.machine.other)


class Faults(Base):
    def test_the_machine_has_none(self):
        answer = self.machine.check('check', '--all')
        self.assertEqual(answer['findings'], [])
        kernels = {kernel['kernel']: kernel for kernel in answer['kernels']}
        self.assertEqual(sorted(kernels), sorted([self.machine.k, self.machine.other]))
        owners = kernels[self.machine.k]['owners']
        self.assertGreaterEqual(owners['rpm'], 1)
        self.assertEqual((owners['dpkg'], owners['dkms'], owners['nobody']), (5, 1, owners['nobody']))
        self.assertEqual(sum(owners.values()), kernels[self.machine.k]['modules'])

    def test_each_is_exactly_one_finding(self):
        self.assertGreaterEqual(len(FAULTS), 24)
        for name, plant in FAULTS.items():
            with self.subTest(name):
                machine = self.copy()
                path, code = plant(machine)
                self.assertEqual(machine.findings(), [(machine.where(path), code)])
                shutil.rmtree(machine.path)


def move_below_usr(machine):
    os.makedirs(f'{machine.path}/usr/lib', exist_ok=True)
    for name in 'modules', 'firmware':
        os.rename(f'{machine.path}/lib/{name}', f'{machine.path}/usr/lib/{name}')


class Clean(Base):
    def test_what_dkms_built_and_left_out_since_the_kernel_has_it(self):
        """dkms does not replace a module of the kernel that is not older; tp_smapi's hdaps is one. Its copy stays."""
        machine = self.copy()
        os.unlink(f'{machine.modules}/updates/dkms/mii.ko')
        self.assertEqual(machine.findings(), [(f'/lib/modules/{machine.k}/updates/dkms/mii.ko', 'ALTERED')])
        machine.own_depmod()
        self.assert_clean(machine)
        # but a newer one would have been installed
        copy = f'{machine.path}/var/lib/dkms/mii/1.0/{machine.k}/x86_64/module/mii.ko'
        write(copy, read(copy).replace(b'\0author=Jeff', b'\0version=9\0\0', 1))
        self.assertEqual(machine.findings(), [(f'/lib/modules/{machine.k}/updates/dkms/mii.ko', 'ALTERED')])

    def assert_clean(self, machine, **figures):
        answer = machine.check('check', '--all')
        self.assertEqual(answer['findings'], [])
        kernel = [kernel for kernel in answer['kernels'] if kernel['kernel'] == machine.k][0]
        self.assertEqual({key: kernel[key] for key in figures}, figures)

    def test_a_minimal_tree_without_any_owner(self):
        for symvers in True, False:
            root = r.Root(modules=('loop',), symvers=symvers)
            try:
                self.assert_clean(Machine(root.path, root.kver, None), modules=1, owned=0)
            finally:
                root.close()

    def test_links_as_weak_modules_makes_them(self):
        machine = self.copy()
        os.makedirs(f'{machine.modules}/weak-updates')
        os.symlink(f'/lib/modules/{machine.other}/extra/weak.ko', f'{machine.modules}/weak-updates/weak.ko')
        machine.own_depmod()
        self.assert_clean(machine, links=1)

    def test_a_package_of_a_gone_kernel_that_a_link_needs(self):
        machine = self.copy()
        a_package_of_a_kernel_that_is_gone(machine)
        os.makedirs(f'{machine.modules}/weak-updates')
        os.symlink(f'/lib/modules/{GONE}/updates/old.ko', f'{machine.modules}/weak-updates/old.ko')
        machine.own_depmod()
        self.assert_clean(machine, links=1)
        self.assertEqual([kernel['owners']['rpm'] for kernel in machine.check('check', '--all')['kernels']
                          if kernel['kernel'] == machine.k], [2])

    def test_a_tree_below_usr_alone(self):
        machine = self.copy()
        move_below_usr(machine)
        shutil.rmtree(f'{machine.path}/lib')
        self.assert_clean(machine, modules=7)

    def test_a_merged_usr(self):
        machine = self.copy()
        move_below_usr(machine)
        shutil.rmtree(f'{machine.path}/lib')
        os.symlink('usr/lib', f'{machine.path}/lib')
        self.assert_clean(machine, modules=7)

    def test_headers_without_their_kernel(self):
        machine = self.copy()
        os.makedirs(f'{machine.path}/usr/src/linux-headers-{GONE}')
        os.makedirs(f'{machine.path}/lib/modules/{GONE}')
        os.symlink(f'/usr/src/linux-headers-{GONE}', f'{machine.path}/lib/modules/{GONE}/build')
        self.assert_clean(machine)

    def test_a_kernel_of_dpkg_that_was_reduced_on_purpose(self):
        machine = self.copy()
        info = f'{machine.path}/var/lib/dpkg/info/linux-image-{machine.k}.list'
        write(info, read(info) + b''.join(b'/lib/modules/%s/kernel/%d.ko\n' % (machine.k.encode(), i) for i in range(20)))
        self.assert_clean(machine)

    def test_a_newer_layout_of_the_binary_indexes(self):
        """Other versions of kmod write the same entries in another order."""
        machine = self.copy()
        for name in 'modules.dep', 'modules.alias', 'modules.symbols':
            path = f'{machine.modules}/{name}'
            lines = read(path).splitlines(True)
            write(path, b''.join(reversed(lines)))
        self.assert_clean(machine)

    def whole(self, kind):
        base, k = r.kernel(kind)
        path = tempfile.mkdtemp(dir=self.directory)
        subprocess.run(['cp', '-al', f'{base}/lib', f'{base}/boot', f'{base}/usr', path], check=True)
        machine = Machine(path, k, None)
        machine.depmod()
        files = [machine.where(os.path.join(directory, name)) for directory, _, names in os.walk(f'{machine.modules}/kernel')
                 for name in names]
        add_dpkg(path, f'linux-image-{k}', files)
        self.assert_clean(machine, modules=len(files), owned=len(files))
        return machine

    @unittest.skipUnless(ALL, 'MODFETCH_TEST_ALL is not set')
    def test_a_whole_kernel(self):
        self.whole('default')

    @unittest.skipUnless(ALL, 'MODFETCH_TEST_ALL is not set')
    def test_a_whole_compressed_kernel(self):
        self.whole('xz')


class EachKernel(Base):
    def run_all(self, *args, machine=None):
        return subprocess.run([os.path.abspath(r.MODFETCH), '--root', (machine or self.machine).path, '--kernel', 'all', *args],
                              capture_output=True, text=True, check=False, timeout=60)

    def test_an_array_with_an_object_for_each(self):
        kernels = sorted([self.machine.k, self.machine.other])
        for args, key in ((('list', '--unowned'), 'modules'), (('check',), 'findings'), (('lookup', 'loop'), 'results'),
                          (('depmod',), 'read'), (('search', 'e1000e'), 'results'), (('install', '--dry-run', 'e1000e-kmp'), None)):
            with self.subTest(args):
                done = self.run_all('--json', *args)
                answer = json.loads(done.stdout)
                self.assertEqual([o['kernel'] for o in answer], kernels)
                self.assertTrue(all(key is None or key in o or 'error' in o for o in answer), answer)

    def test_a_failure_is_an_object_too_and_the_worst_status_counts(self):
        machine = self.copy()
        flip(machine.module('loop'))
        done = self.run_all('--json', 'check', machine=machine)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([len(o['findings']) for o in json.loads(done.stdout)], [0, 1])
        done = self.run_all('--json', 'probe', '--no-load', 'no-such-module')
        self.assertEqual(done.returncode, 3)
        os.chmod(machine.modules, 0o755)
        shutil.rmtree(f'{machine.path}/var/lib/rpm')
        write(f'{machine.path}/etc/modfetch/modfetch.conf', '[modfetch]\nmodule-signature=require\n')
        done = self.run_all('--json', 'check', machine=machine)
        self.assertEqual(done.returncode, 4)
        self.assertEqual([o['error']['code'] for o in json.loads(done.stdout)], ['NO-KEYS'] * 2)

    def test_as_text_each_has_a_heading(self):
        done = self.run_all('list', '--unowned')
        self.assertEqual(done.returncode, 0)
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith('kernel ')],
                         [f'kernel {k}:' for k in sorted([self.machine.k, self.machine.other])])
        self.assertNotIn('kernel ', self.run_all('-q', 'list', '--unowned').stdout)

    def test_what_is_not_about_a_kernel_refuses_it(self):
        for args in ('deny', 'x'), ('allow', 'x'), ('queue',), ('history',), ('pack', 'x'), ('depmod', self.machine.k), ('check', '--all'):
            done = self.run_all(*args)
            self.assertEqual(done.returncode, 64, args)
            self.assertEqual(len(set(done.stderr.splitlines())), 1, done.stderr)

    def test_without_a_kernel_it_says_so(self):
        with tempfile.TemporaryDirectory() as path:
            done = self.run_all('check', machine=Machine(path, None, None))
            self.assertEqual((done.returncode, done.stdout), (3, ''))
            self.assertIn('no kernel is installed', done.stderr)

    def test_the_unowned_modules(self):
        machine = self.copy()
        write(f'{machine.modules}/updates/mine.ko', read(machine.module('loop')))
        write(f'{machine.path}/opt/far.ko', read(machine.module('loop')))
        os.symlink('/opt/far.ko', f'{machine.modules}/updates/far.ko')
        os.symlink(machine.where(machine.module('e1000e')), f'{machine.modules}/updates/near.ko')
        answer = machine.check('--kernel', machine.k, 'list', '--unowned')
        directory = machine.where(machine.modules)
        self.assertEqual(answer, {'kernel': machine.k, 'modules': [
            {'file': f'{directory}/updates/far.ko', 'target': '/opt/far.ko'},
            {'file': f'{directory}/updates/mine.ko', 'target': None}]})


class Fix(Base):
    def fixed(self, plant, *, left=()):
        machine = self.copy()
        plant(machine)
        before = machine.state()
        planned = machine.check('--dry-run', 'check', '--all', '--fix')
        self.assertEqual(before, machine.state(), 'a dry run changed something')
        self.assertTrue(planned['findings'])
        answer = machine.check('check', '--all', '--fix')
        self.assertEqual([(f['file'], f['code']) for f in answer['findings']], list(left))
        self.assertEqual([line.removeprefix('would ') for line in planned['fixed']],
                         [line.replace('installed', 'install').replace('updated', 'update').replace('removed', 'remove')
                          for line in answer['fixed']][:len(planned['fixed'])])
        return machine, answer['fixed']

    def test_a_damaged_or_missing_file_of_a_package_is_installed_again(self):
        for name in ('a_changed_byte_in_a_module_of_rpm', 'a_missing_module_of_rpm', 'a_missing_module_of_rpm_after_depmod',
                     'a_module_of_rpm_that_became_a_link'):
            with self.subTest(name):
                machine, done = self.fixed(FAULTS[name])
                self.assertRegex(done[0], '^installed e1000e-kmp-.* again$')
                path = machine.module('e1000e')
                self.assertEqual(read(path), read(self.machine.module('e1000e')))
                self.assertEqual(machine.findings(), [])

    def test_an_index_is_made_again(self):
        for name in ('a_module_that_depmod_has_not_seen', 'a_damaged_binary_index', 'no_index_at_all', 'an_index_without_an_alias'):
            with self.subTest(name):
                machine, done = self.fixed(FAULTS[name])
                self.assertEqual(done, [f'updated the module indexes of kernel {machine.k}'])

    def test_what_gone_kernels_left_is_removed(self):
        machine, done = self.fixed(a_package_of_a_kernel_that_is_gone)
        self.assertEqual(done, ['removed the package old-kmp', f'removed the indexes of kernel {GONE}'])
        self.assertFalse(os.path.exists(f'{machine.path}/lib/modules/{GONE}'))
        machine, done = self.fixed(what_a_kernel_left)
        self.assertEqual(done, [f'removed the indexes of kernel {GONE}'])
        self.assertFalse(os.path.exists(f'{machine.path}/lib/modules/{GONE}'))

    def test_a_file_that_nobody_owns_is_never_touched(self):
        for name in 'a_module_that_a_kernel_left', 'a_dead_link', 'a_truncated_module', 'a_changed_byte_in_a_module_of_dpkg':
            with self.subTest(name):
                machine = self.copy()
                FAULTS[name](machine)
                before = machine.state()
                answer = machine.check('check', '--all', '--fix')
                self.assertEqual((len(answer['findings']), answer['fixed']), (1, []))
                self.assertEqual(before, machine.state())

    def test_what_cannot_be_fixed_is_reported_and_stays(self):
        machine = self.copy()
        path, code = a_changed_byte_in_a_module_of_rpm(machine)
        shutil.rmtree(f'{machine.path}/etc/modfetch/repos.d')
        done = subprocess.run([os.path.abspath(r.MODFETCH), '--root', machine.path, 'check', '--all', '--fix'], check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('is not fixed', done.stderr)
        self.assertEqual(machine.findings(), [(machine.where(path), code)])


if __name__ == '__main__':
    unittest.main(verbosity=2 if sys.stdout.isatty() else 1)
