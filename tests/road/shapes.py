# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shapes of vendors' packages and repositories: names, dependencies, files and scriptlets as the generators of each vendor write them.

They are described in words of our own and made by rpmbuild and createrepo_c. The dependencies of openSUSE's rpm-config-SUSE, of
kernel-srpm-macros and of kmodtool were compared with ours by running these programs over the modules of a kernel, those of ELRepo with
its specs; of CentOS' SIG and of SUSE's partners only packages were seen.
"""
import lzma
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

KVER = r.kernel()[1]
UNAME = KVER.rpartition('-')[0] + '.amd64'  # a release as RHEL's packages write it
STATE = '/var/lib/rpm-state/kmod-dups'
MODULE = f'/lib/modules/{KVER}/extra/amd-rng/amd-rng.ko'


def module(name):
    """The bytes of a real module, and its aliases."""
    path = r.output('modprobe', '-d', r.full_tree(), '-S', KVER, '-C', '/nowhere', '--show-depends', name).split()[1]
    aliases = r.output('modinfo', '-F', 'alias', path).split()
    with open(path, 'rb') as f:
        return f.read(), aliases


def symbols(name, form):
    """A requires for each symbol that a module imports, FORM % (symbol, crc)."""
    path = r.output('modprobe', '-d', r.full_tree(), '-S', KVER, '-C', '/nowhere', '--show-depends', name).split()[1]
    pairs = [line.split() for line in r.output('modprobe', '--dump-modversions', path).splitlines()]
    return ['Requires: ' + form % (symbol, int(crc, 16)) for crc, symbol in pairs]


def mangled(alias):
    return ''.join(c if c.isalnum() or c in '][._:*?/-' else '_' for c in alias)


def provided(aliases):
    return ['Provides: kmod(amd-rng.ko)', *(f'Provides: modalias({mangled(alias)}) = 1.0' for alias in aliases)]


TOOLS = [f'Requires({when}): /usr/sbin/{tool}' for tool in ('depmod', 'weak-modules') for when in ('post', 'postun')]
# kmodtool of RHEL, and what ELRepo adds for the initrd
RHEL_SCRIPTS = [f'%post\nif [ -x /usr/sbin/weak-modules ]; then echo {MODULE} | /usr/sbin/weak-modules --add-modules; fi',
                f'%preun\necho {MODULE} >/var/run/rpm-kmod-amd-rng-modules',
                '%postun\nif [ -x /usr/sbin/weak-modules ]; then /usr/sbin/weak-modules --remove-modules </var/run/rpm-kmod-amd-rng-modules; fi\n'
                'rm -f /var/run/rpm-kmod-amd-rng-modules']
ELREPO_SCRIPTS = [f'%post\necho {MODULE} | /usr/sbin/weak-modules --add-modules --no-initramfs\nmkdir -p {STATE}\ntouch {STATE}/initrd\nexit 0',
                  f'%posttrans\nif [ -f {STATE}/initrd ]; then /usr/bin/dracut -f /boot/initramfs.tmp; rm -f {STATE}/initrd; fi\nexit 0',
                  f'%preun\nmkdir -p {STATE}\necho {MODULE} >{STATE}/rpm-kmod-amd-rng-modules',
                  f'%postun\n/usr/sbin/weak-modules --remove-modules <{STATE}/rpm-kmod-amd-rng-modules\nrm -f {STATE}/rpm-kmod-amd-rng-modules\nexit 0']
DEPMOD_SCRIPTS = [f'%{when}\n/usr/sbin/depmod -aF /boot/System.map-{KVER} {KVER} >/dev/null || :' for when in ('post', 'postun')]


class Shape:
    """What one vendor's repository has. TITLE: for the table. FOUND: the state of the device before anything is installed."""
    title, package, found = '', 'kmod-amd-rng', 'available'
    scriptlets = hidden = filelists = False  # has it such; is it said that no device finds it; is the list of all files fetched
    directory, compress = f'/lib/modules/{KVER}/extra/amd-rng', False
    release = '1.el9'
    link = None  # of /lib on its machines
    others, others_of_module = (), ()  # packages beside the one with the module; those of them that come with it

    def spec(self, aliases, version):
        raise NotImplementedError

    def files(self):
        return []

    def build(self, directory, version='1.0'):
        code, aliases = module('amd-rng')
        path = f'{self.directory}/amd-rng.ko'
        if self.compress:
            path, code = path + '.xz', lzma.compress(code, check=lzma.CHECK_CRC32)
        r.rpmbuild(directory, self.package, self.spec(aliases, version), [(path, code), *self.files()], version=version, release=self.release)


class ElrepoOld(Shape):
    """Neither kmod() nor modalias(): only the list of files has a module."""
    title, found, hidden, scriptlets, filelists = 'ELRepo el8, el9', 'unknown', True, True, True

    def spec(self, aliases, version):
        return [f'Provides: kernel-modules >= {UNAME}', 'Requires: kernel >= 5.14', f'Requires: kernel-core-uname-r >= {UNAME}',
                *symbols('amd-rng', 'kernel(%s) = 0x%08x'), *TOOLS, *ELREPO_SCRIPTS]

    def files(self):
        return [('/etc/depmod.d/kmod-amd-rng.conf', b'override amd-rng * weak-updates/amd-rng\n'), ('/usr/share/doc/kmod-amd-rng/greylist.txt', b'')]


class ElrepoNew(ElrepoOld):
    """Provides for modules and aliases."""
    title, found, hidden, filelists = 'ELRepo el10', 'available', False, False

    def spec(self, aliases, version):
        return [*provided(aliases), *super().spec(aliases, version)]


class RhelKmp(Shape):
    title, scriptlets = 'RHEL `%kernel_module_package`', True

    def spec(self, aliases, version):
        return [*provided(aliases), f'Provides: kernel-modules >= {UNAME}', f'Provides: amd-rng-kmod = {version}-{self.release}',
                *symbols('amd-rng', 'kernel(%s) = 0x%08x'), *TOOLS, *RHEL_SCRIPTS]


class DriverDisk(RhelKmp):
    """Built without the macro's scriptlets."""
    title, scriptlets = 'the same without scriptlets', False

    def spec(self, aliases, version):
        return super().spec(aliases, version)[:-3]


class CentosSig(Shape):
    """Modules are compressed, and a range of kernels is named."""
    title, scriptlets, compress = 'CentOS kmods SIG', True, True

    def spec(self, aliases, version):
        return [*provided(aliases), f'Provides: kernel-modules >= {UNAME}', f'Requires: kernel-uname-r >= {UNAME}', *symbols('amd-rng', 'kernel(%s) = 0x%08x'),
                *TOOLS, *RHEL_SCRIPTS]


class RpmFusion(Shape):
    """A package for each kernel release, below /usr/lib/modules where no generator looks, a common one, and one that needs the newest."""
    title, found, hidden, scriptlets, filelists = 'RPM Fusion', 'unknown', True, True, True
    package, directory, link = f'kmod-amd-rng-{KVER}', f'/usr/lib/modules/{KVER}/extra/amd-rng', 'usr/lib'
    others, others_of_module = ('amd-rng-kmod-common', 'kmod-amd-rng'), ('amd-rng-kmod-common',)

    def spec(self, aliases, version):
        return [f'Provides: amd-rng-kmod = {version}', f'Provides: kernel-modules-for-kernel = {UNAME}', f'Requires: kernel-uname-r = {UNAME}',
                f'Requires: amd-rng-kmod-common >= {version}', *TOOLS[:2], *DEPMOD_SCRIPTS]

    def build(self, directory, version='1.0'):
        super().build(directory, version)
        r.rpmbuild(directory, 'kmod-amd-rng', [f'Provides: amd-rng-kmod = {version}', f'Requires: {self.package} >= {version}'], version=version, release=self.release)
        r.rpmbuild(directory, 'amd-rng-kmod-common', [f'Requires: amd-rng-kmod >= {version}'], [('/usr/share/doc/amd-rng/README', b'x')],
                   version=version, release=self.release, arch='noarch')


class Copr(RpmFusion):
    """The same built by kmodtool in a COPR, where generators find it, with the sources for akmods beside it."""
    title, found, hidden, filelists = 'COPR, kmodtool', 'available', False, False
    directory, link = f'/lib/modules/{KVER}/extra/amd-rng', None
    others = (*RpmFusion.others, 'akmod-amd-rng')

    def spec(self, aliases, version):
        return [*provided(aliases), *super().spec(aliases, version)]

    def build(self, directory, version='1.0'):
        super().build(directory, version)
        r.rpmbuild(directory, 'akmod-amd-rng', ['Requires: akmods', f'Requires: amd-rng-kmod-common >= {version}', f'Provides: amd-rng-kmod = {version}'],
                   [('/usr/src/akmods/amd-rng-kmod.src.rpm', b'x')], version=version, release=self.release)


class SolidDriver(Shape):
    """Several versions side by side, scriptlets of the macros."""
    title, package, scriptlets = 'SUSE SolidDriver', 'amd-rng-kmp-amd64', True
    directory, release = f'/lib/modules/{KVER}/updates', '1_k6.1.0'

    def spec(self, aliases, version):
        return ['Provides: kmod(amd-rng.ko)', 'Provides: multiversion(kernel)', f'Provides: amd-rng-kmp = {version}', 'Enhances: kernel-amd64',
                *(f'Supplements: modalias(kernel-amd64:{a})' for a in aliases), *symbols('amd-rng', 'ksym(amd64:%s) = %x'), *RHEL_SCRIPTS]


class OpenSuse(SolidDriver):
    title, scriptlets = 'openSUSE Leap, Tumbleweed KMP', False

    def spec(self, aliases, version):
        return super().spec(aliases, version)[:-3]


class OldSuse(OpenSuse):
    """Aliases and no kmod(); the name of the package is not the module's."""
    title, package, filelists = 'SUSE KMP before 2018', 'vendor-crypto-kmp-amd64', True

    def spec(self, aliases, version):
        return super().spec(aliases, version)[1:]


SHAPES = {shape.__name__: shape() for shape in (OpenSuse, OldSuse, SolidDriver, RhelKmp, DriverDisk, ElrepoOld, ElrepoNew, CentosSig, RpmFusion, Copr)}
