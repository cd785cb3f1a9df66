# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images for guests: a cached Debian user space, a module tree of a real kernel, our build, a small initramfs.

The tree is made of hard links to the cache and becomes an ext4 image by `mke2fs -d`; nothing is mounted.
"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import fcntl

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path.insert(0, str(TESTS))
import commands  # noqa: E402, F401: a failing test prints what it ran

CACHE = pathlib.Path(os.environ.get("MODFETCH_TEST_CACHE", "/var/cache/modfetch-tests"))

# Modules for the root disk and the network, and modules that systemd itself requests from libkmod.
MINIMAL = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "virtio_net", "autofs4", "binfmt_misc"]
BOOT = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
OPTIONAL = {"crc32c_generic"}  # newer kernels have one crc32c, which is built in


# Kinds of tests/lib/kernel that are architectures: their guests are of tests/vm/base --arch, and no program of theirs runs here.
MACHINES = ("arm64",)


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, **kwargs)


def quietly(*command, **kwargs):
    """Runs a program and suppresses its output, unless it fails."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **kwargs)
    if done.returncode:
        raise RuntimeError(f"exit status {done.returncode} of: {' '.join(map(str, command))}\n{done.stdout}")


def output(*command):
    return run(*command, stdout=subprocess.PIPE, text=True).stdout.strip()


def output_env(env, *command):
    return run(*command, stdout=subprocess.PIPE, text=True, env=env).stdout.strip()


class Kernel:
    """A Debian kernel unpacked in the cache, with indexes of its whole module tree beside it."""

    def __init__(self, kind="default"):
        self.arch = kind if kind in MACHINES else None
        root, self.release = output(TESTS / "lib/kernel", kind).rsplit(" ", 1)
        self.root = pathlib.Path(root)
        self.image = self.root / "boot" / f"vmlinuz-{self.release}"
        if not self.image.exists():  # Debian's of 7.x
            self.image = self.root / "lib/modules" / self.release / "vmlinuz"
        self.tree = self.indexed() / "lib/modules" / self.release
        self.depends = {}
        for line in (self.tree / "modules.dep").read_text().splitlines():
            path, deps = line.split(":", 1)
            self.depends[path] = deps.split()
        self.paths = {self.name_of(path): path for path in self.depends}
        self.builtin = {self.name_of(path) for path in (self.tree / "modules.builtin").read_text().split()}

    def indexed(self):
        """A hard-linked copy of the tree on which depmod has run; the unpacked one stays untouched."""
        directory = CACHE / f"indexed-{self.release}"
        with open(CACHE / ".indexed.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():
                partial = directory.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                modules = partial / "lib/modules"
                modules.mkdir(parents=True)
                run("cp", "-al", self.root / "lib/modules" / self.release, modules)
                run("depmod", "-b", partial, self.release)
                partial.rename(directory)
        return directory

    @staticmethod
    def name_of(path):
        return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")

    def closure(self, names):
        """The files of modules and all they depend on, dependencies first; none for what is built in, or what this kernel lacks."""
        files = []
        for name in names:
            if name in self.builtin | (OPTIONAL - self.paths.keys()):
                continue
            path = self.paths[name.replace("-", "_")]
            for file in [*reversed(self.depends[path]), path]:
                if file not in files:
                    files.append(file)
        return files

    def install(self, root, names):
        """Puts modules (None: all) and the kernel's own lists into ROOT and indexes them there."""
        target = pathlib.Path(root) / "usr/lib/modules" / self.release
        target.mkdir(parents=True, exist_ok=True)  # the headers of a kernel are in it too
        for file in self.depends if names is None else self.closure(names):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            os.link(self.tree / file, target / file)
        for file in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            os.link(self.tree / file, target / file)
        run("depmod", "-b", root, self.release)


def cpio(entries):
    """A newc archive of (name, mode, bytes)."""
    out = bytearray()

    def pad():
        out.extend(b"\0" * (-len(out) % 4))

    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        out.extend(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        pad()
        out.extend(data)
        pad()
    return bytes(out)


INIT = """#!/bin/busybox sh
# loads the modules for the root disk, mounts it, and starts systemd
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do
    /bin/busybox insmod /modules/$module || echo "init: $module failed"
done
tries=0
until [ -b /dev/vda ] || [ $tries = 100 ]; do
    /bin/busybox usleep 50000
    tries=$((tries + 1))
done
/bin/busybox mount -t ext4 -o rw /dev/vda /root || exec /bin/busybox sh
/bin/busybox mount -o move /dev /root/dev
# the kernel passes words of its command line on as variables
exec /bin/busybox switch_root /root ${{guest_init:-/lib/systemd/systemd}}
"""


def initramfs(kernel, target, busybox=None):
    """Writes an uncompressed initramfs that mounts /dev/vda. BUSYBOX: a static one, else that of this machine."""
    busybox = pathlib.Path(busybox or shutil.which("busybox") or "/bin/busybox").read_bytes()
    files = kernel.closure(BOOT)
    names = [file.rsplit("/", 1)[-1].split(".ko")[0] + ".ko" for file in files]
    directory, regular = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o755
    entries = [(name, directory, b"") for name in ("bin", "dev", "modules", "root")]
    entries.append(("bin/busybox", regular, busybox))
    entries.append(("init", regular, INIT.format(modules=" ".join(names)).encode()))
    for file, name in zip(files, names):
        data = (kernel.tree / file).read_bytes()
        if file.endswith(".xz"):
            data = subprocess.run(["xz", "-dc"], input=data, check=True, capture_output=True).stdout
        entries.append((f"modules/{name}", regular, data))
    pathlib.Path(target).write_bytes(cpio(entries))


# The files of a guest that are not from Debian's packages: path, mode, text.
SETTINGS = [
    ("etc/machine-id", 0o444, "5d6e0f7a3b1c4c2e9f8a7b6c5d4e3f21\n"),
    ("etc/hostname", 0o644, "guest\n"),
    ("etc/fstab", 0o644, "/dev/vda / ext4 rw 0 1\n"),
    ("etc/systemd/network/10-test.network", 0o644,
     "[Match]\nDriver=virtio_net\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
     "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"),
    ("etc/systemd/system/agent.service", 0o644,
     "[Unit]\nDefaultDependencies=no\nAfter=systemd-tmpfiles-setup-dev.service\n"
     "[Service]\nExecStart=/usr/local/bin/agent\nRestart=always\nOOMScoreAdjust=-900\n"
     "[Install]\nWantedBy=sysinit.target\n"),
    ("etc/systemd/journald.conf.d/test.conf", 0o644,
     "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nForwardToConsole=no\n"),
]
# Debian enables them; a guest that runs for two minutes does not need them.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
          "e2scrub_reap.service", "fstrim.timer", "systemd-timesyncd.service", "getty@tty1.service",
          "systemd-networkd-wait-online.service", "systemd-pstore.service", "wpa_supplicant.service"]


def put(root, path, mode, data):
    """Writes a new file; never into one that is a link to the cache."""
    target = pathlib.Path(root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if isinstance(data, pathlib.Path):
        shutil.copyfile(data, target)
    else:
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
    target.chmod(mode)


def build(directory, kernel, modules=tuple(MINIMAL), files=(), build_dir=None, enable=(), mask=(), size="900M", packages=(),
          prepare=None):
    """Makes DIRECTORY/disk.img and DIRECTORY/initramfs.

    MODULES: names (their dependencies come along), or None for the whole tree. FILES: (path, mode, text, bytes or a
    Path). BUILD_DIR: a meson build directory with prefix /usr, whose `meson install` goes into the guest. ENABLE, MASK: units.
    PACKAGES: of Debian, besides those of tests/vm/base. PREPARE: called with the directory that becomes the file system.
    """
    directory = pathlib.Path(directory)
    root = directory / "root"
    options = ["--arch", kernel.arch, "busybox-static"] if kernel.arch else []
    base = pathlib.Path(output(HERE / "base", *options, *packages))
    run("cp", "-al", base, root)
    kernel.install(root, None if modules is None else list(modules))
    if build_dir:
        install(build_dir, root, kernel.arch)
    customize(root, files, enable, mask, kernel.arch)
    if prepare:
        prepare(root)
    make_disk(root, directory / "disk.img", size)
    initramfs(kernel, directory / "initramfs", base / "bin/busybox" if kernel.arch else None)


def administer(root, foreign, program, *arguments):
    """Runs a program of systemd for a root: the one of the root, or of this machine if it is FOREIGN."""
    quietly(*([program, f"--root={root.resolve()}"] if foreign else ["chroot", root, program]), *arguments)


def install(build_dir, root, foreign=None):
    """Installs a build, with the users that it needs."""
    quietly("meson", "install", "-C", build_dir, "--no-rebuild", "--quiet", env=dict(os.environ, DESTDIR=str(root.resolve())))
    administer(root, foreign, "systemd-sysusers")


def customize(root, files=(), enable=(), mask=(), foreign=None):
    """Makes a Debian a guest: the files and units that tests need. FOREIGN: its programs do not run on this machine."""
    for path, mode, data in [*SETTINGS, ("usr/local/bin/agent", 0o755, HERE / "agent"), *files]:
        put(root, path, mode, data)
    administer(root, foreign, "systemctl", "--quiet", "enable", "agent.service", "systemd-networkd.service", *enable)
    administer(root, foreign, "systemctl", "--quiet", "mask", *MASKED, *mask)


def make_disk(root, disk, size):
    """Turns a directory into the image of a file system."""
    quietly("mke2fs", "-q", "-F", "-t", "ext4", "-E",
            "lazy_itable_init=1,lazy_journal_init=1", "-d", root, disk, size)
    shutil.rmtree(root)
