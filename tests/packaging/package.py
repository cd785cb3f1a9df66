#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch in a distribution: the installed files of meson, the files of the package, and complete removal of both.

The package is built by rpmbuild from the sources alone and installed into a root that has a shell of busybox, so that its
scriptlets run. MODFETCH_BUILD: the build directory to install from.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests"))
import commands  # noqa: E402, F401: a failing test prints what it ran

BUILD = pathlib.Path(os.environ.get("MODFETCH_BUILD", TREE / "build"))


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def below(directory):
    """Paths of all files and empty directories, from the directory."""
    found = set()
    for at, directories, files in os.walk(directory):
        found.update(os.path.join(at, name) for name in files)
        found.update(os.path.join(at, name) for name in directories if not os.listdir(os.path.join(at, name)))
    return {"/" + os.path.relpath(path, directory) for path in found}


def merged(paths):
    """Paths as on a system with a merged /usr and one lib directory; manual pages without the compression that rpm adds."""
    paths = {re.sub(r"^(/usr)?/lib(64|/\w+-linux-gnu\w*)?/", "/usr/lib/", path) for path in paths}
    return {re.sub(r"(/man/.*)\.(gz|zst|xz|bz2)$", r"\1", path) for path in paths}


class Scratch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="packaging-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)

    @classmethod
    def meson_install(cls, name):
        where = cls.scratch / name
        run("meson", "install", "-C", BUILD, "--no-rebuild", env={**os.environ, "DESTDIR": str(where)})
        return where


class Meson(Scratch):
    def test_ninja_uninstall_leaves_no_file(self):
        where = self.meson_install("uninstall")
        self.assertGreater(len(below(where)), 20)
        run("ninja", "-C", BUILD, "uninstall")
        self.assertEqual([p for p in below(where) if not (where / p[1:]).is_dir()], [])

    def test_every_piece_that_explains_itself_is_there(self):
        names = {os.path.basename(p) for p in below(self.meson_install("pieces"))}
        for name in ("81-modfetch.rules", "modfetch.service", "modfetch-coldplug.service",
                     "modfetch-refresh.timer", "modfetch-fetch.socket", "modfetch-fetch@.service", "modfetch.catalog",
                     "modfetch-initrd.service", "modfetch-initrd.path", "modfetch-usage.timer", "usage-report", "usage-table", "zypp-commit-plugin", "dnf.action", "dnf5.actions", "desktop-notification", "node-exporter-metrics",
                     "module-setup.sh", "modfetch",
                     "_modfetch", "modfetch.fish", "modfetch.8", "modfetch-errors.7", "repos.d"):
            self.assertIn(name, names)


class Units(Scratch):
    """systemd's own check of the installed units; tests/road/units.py checks their privileges."""

    def test_systemd_finds_no_fault(self):
        root = self.meson_install("units")
        (root / "etc/systemd").mkdir(parents=True, exist_ok=True)
        units = sorted(p for p in next(root.glob("**/modfetch.service")).parent.iterdir() if p.name.startswith("modfetch"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={root}",
                               *(f"/{p.relative_to(root)}".replace("@.", "@x.") for p in units)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        # other units that they name do not exist there
        faults = [line for line in done.stdout.splitlines() if "modfetch" in line and "not found" not in line]
        self.assertEqual(faults, [], done.stdout)


class Package(Scratch):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        version = re.search(r"^Version:\s*(\S+)", (TREE / "packaging/modfetch.spec").read_text(), re.M)[1]
        cls.name = f"modfetch-{version}"
        archive = cls.scratch / f"{cls.name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(TREE, cls.name, filter=cls.is_source)
        cls.told = run("rpmbuild", "-tb", "--nodeps", "--define", f"_topdir {cls.scratch}/top", "--define",
                       "debug_package %{nil}", "--define", "_build_id_links none", archive)
        cls.packages = sorted(cls.scratch.glob("top/RPMS/*/*.rpm"))

    @staticmethod
    def is_source(member):
        parts = pathlib.PurePath(member.name).parts[1:]
        return None if parts and (parts[0].startswith(("build", ".git")) or "__pycache__" in parts) else member

    def test_the_version_is_the_projects(self):
        told = re.search(r"^\s*version: '([^']+)'", (TREE / "meson.build").read_text(), re.M)[1]
        self.assertEqual(self.name, f"modfetch-{told}")

    def test_no_file_is_forgotten_or_doubled(self):
        self.assertEqual(len(self.packages), 2, self.told)
        files = []
        for package in self.packages:
            files += run("rpm", "-qlp", package).split()
        doubled = {f for f in files if files.count(f) > 1}
        self.assertEqual(doubled, set())
        here = merged(below(self.meson_install("list")))
        there = merged(f for f in files if "/licenses/" not in f and "/share/doc/" not in f)
        self.assertEqual(here - there, set(), "meson installs them, the package has them not")
        directories = {f for f in there if any(g.startswith(f + "/") for g in there | here)}
        self.assertEqual(there - here - directories, set())

    def test_it_comes_and_goes_without_a_trace(self):
        root = self.scratch / "root"
        for directory in ("bin", "var/lib/rpm", "var/tmp", "usr/lib", "etc", "run/modprobe.d", "lib/modules/6.1"):
            (root / directory).mkdir(parents=True)
        for name in ("sh", "rm"):
            shutil.copy(shutil.which("busybox"), root / "bin" / name)
        rpm = ["rpm", "--root", root, "--dbpath", "/var/lib/rpm"]
        run(*rpm, "--initdb")
        before = below(root)
        run(*rpm, "-i", "--nodeps", "--noplugins", *self.packages)
        self.assertTrue(os.access(root / "usr/sbin/modfetch", os.X_OK))
        self.assertIn("modfetch", run(root / "usr/sbin/modfetch", "--version"))
        # files that modfetch creates at run time
        for path in ("var/cache/modfetch/x/solv", "var/lib/modfetch/history", "run/modfetch/lock", "run/modprobe.d/zz-modfetch.conf",
                     "lib/modules/6.1/modules.modfetch", "etc/modprobe.d/modfetch-trials", "run/modprobe.d/modfetch-trials.conf"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("x")
        (root / "etc/modprobe.d/modfetch-loading.conf").write_text("# text\n#modfetch begun x y z\nblacklist igb\n")
        # an admin's, with a name like one of ours
        (root / "etc/modprobe.d/modfetch-site.conf").write_text("options igb x=1\n")
        run(*rpm, "-e", "--nodeps", "--noplugins", "modfetch-pack")
        self.assertNotIn("modfetch-pack", " ".join(below(root)))
        self.assertTrue(list(root.glob("usr/lib*/modfetch/modfetch-verbs-*.so")))
        said = run(*rpm, "-e", "--nodeps", "--noplugins", "modfetch")
        self.assertIn('modfetch: the load of igb crashed this machine. From now on nothing blocks it', said)
        self.assertTrue((root / "etc/modprobe.d/modfetch-site.conf").exists())
        (root / "etc/modprobe.d/modfetch-site.conf").unlink()
        left = {p for p in below(root) ^ before if not p.startswith("/var/lib/rpm/")}
        # directories that exist on every system do not count
        self.assertEqual({p for p in left if not (root / p[1:]).is_dir() or "modfetch" in p}, set())


if __name__ == "__main__":
    if os.geteuid():
        sys.exit("package.py: installing into a root needs root")
    unittest.main()
