# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian in a directory with real kernel packages, apt, an initrd generator and our build; programs run in it as on a machine.

The packages of kernels are Debian's own, with their scripts. A modular one is such a package without its modules, except a few:
those come from a repository of drivers. All of it is hard links to the cache, except /etc and /var, whose files are edited.
"""

import fcntl
import hashlib
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

import image
from image import CACHE, TESTS, output, put, quietly, run

# Modules that are never missing: the initrd's tools and systemd want them.
KEPT = ["autofs4", "loop"]

# The first process of new mount and pid namespaces, outside of the root, so that it is a chroot and not a container.
ENTER = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 dev "$1/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$1/dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd "$1/dev/fd"
mount -t proc proc "$1/proc"
chroot "$1" /usr/bin/env -i HOME=/root LANG=C DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c "$2"
"""


class Package:
    """The package of a kernel, from Debian's archive."""

    def __init__(self, kind):
        self.kernel = image.Kernel(kind)
        self.release = self.kernel.release
        self.name = f"linux-image-{self.release}"

    def original(self):
        """The .deb as it is in the archive."""
        return self.cached(CACHE / f"{self.name}.deb", self.download)

    def modular(self, modules=tuple(KEPT)):
        """The same without its modules, except MODULES and those they depend on."""
        key = hashlib.sha256("\n".join(modules).encode()).hexdigest()[:8]
        return self.cached(CACHE / f"{self.name}-modular-{key}.deb", lambda target: self.strip(modules, target))

    def cached(self, target, make):
        with open(CACHE / ".debs.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                partial = target.with_suffix(".partial")
                make(partial)
                partial.rename(target)
        return target

    def download(self, target):
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            quietly("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", self.name, cwd=directory)
            [deb] = pathlib.Path(directory).iterdir()
            deb.rename(target)

    def strip(self, modules, target):
        """Makes the package from the files of the unpacked kernel and the original's control files."""
        original = CACHE / f"{self.name}.deb"
        if not original.exists():
            self.download(original)
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            root, control = pathlib.Path(directory), pathlib.Path(directory) / "DEBIAN"
            run("dpkg-deb", "--control", original, control)
            kept, lines = {f"lib/modules/{self.release}/{path}" for path in self.kernel.closure(modules)}, []
            for line in (control / "md5sums").read_text(encoding="utf-8").splitlines():
                path = line.split(maxsplit=1)[1]
                if path in kept or not path.endswith((".ko", ".ko.xz")):
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    os.link(self.kernel.root / path, root / path)
                    lines.append(line)
            (control / "md5sums").write_text("\n".join(lines) + "\n", encoding="utf-8")
            quietly("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, target)


def apt_repository(directory, debs):
    """A repository of .deb files, as apt reads it from a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "Packages", "w", encoding="utf-8") as packages:
        for deb in debs:
            os.link(deb, directory / deb.name)
            data = deb.read_bytes()
            packages.write(f"{output('dpkg-deb', '--field', deb)}\nFilename: ./{deb.name}\nSize: {len(data)}\n"
                           f"SHA256: {hashlib.sha256(data).hexdigest()}\n\n")


class Debian:
    """The directory ROOT becomes a Debian with PACKAGES besides those of tests/vm/base, and with the files of BUILD."""

    def __init__(self, root, build, packages, debs, repositories):
        self.root = pathlib.Path(root)
        base = pathlib.Path(output(image.HERE / "base", *packages))
        run("cp", "-al", base, self.root)
        for name in ("etc", "var"):  # programs append to files there
            shutil.rmtree(self.root / name)
            run("cp", "-a", base / name, self.root / name)
        for file in (self.root / "var/log").rglob("*.log"):
            file.unlink()
        apt_repository(self.root / "srv/debs", debs)
        keys = pathlib.Path(output(TESTS / "lib/keys"))
        for path, data in [("etc/apt/sources.list", "deb [trusted=yes] file:/srv/debs ./\n"),
                           ("etc/kernel-img.conf", "do_symlinks = no\n"),
                           ("etc/modfetch/keys/repo.d/repo.crt", keys / "repo.crt"),
                           *((f"etc/modfetch/repos.d/{name}.repo", f"[{name}]\nbaseurl={url}\nkeys=repo.crt\n")
                             for name, url in repositories.items())]:
            put(self.root, path, 0o644, data)
        (self.root / "etc/apt/sources.list.d/debian.sources").unlink(missing_ok=True)
        image.install(build, self.root)
        self.run("systemd-tmpfiles --create modfetch.conf && apt-get -q update")

    def try_run(self, script, timeout=900):
        """(exit status, output) of a shell script in the root. Its processes end with it."""
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, "-",
                               str(self.root), script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, check=False)
        return done.returncode, done.stdout

    def run(self, script, timeout=900):
        status, text = self.try_run(script, timeout)
        if status:
            raise RuntimeError(f"exit status {status} of: {script}\n{text}")
        return text

    def modfetch(self, *commands, timeout=900):
        """Runs commands of modfetch; 2, nothing to do, is success too."""
        return self.run("; ".join(f"modfetch {command} || [ $? = 2 ] || exit" for command in commands), timeout)

    def install(self, package, timeout=1500):
        return self.try_run(f"apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install {package}", timeout)

    def purge(self, package):
        return self.try_run(f"apt-get -q -y -o Dpkg::Use-Pty=0 purge {package}", 900)

    def modules(self, release):
        """Names of the modules in the tree of a kernel."""
        return {image.Kernel.name_of(str(path)) for path in (self.root / "usr/lib/modules" / release).rglob("*.ko*")}

    def processor_time(self, script):
        """Seconds of processor time that a script and its children take."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status, text = self.try_run(script)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return status, text, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
