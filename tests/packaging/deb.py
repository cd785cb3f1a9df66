#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""modfetch in Debian: the files of the packages, their dependencies, units after installation, and a purge without a trace.

packaging/build-deb builds the packages; apt installs them into a Debian in a directory (tests/vm/base), with the scripts of dpkg.
With MODFETCH_TEST_ALL=1 Debian 12 and 13 build them with nothing but their build dependencies, and install them into minimal systems.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from package import BUILD, TREE, below, merged, run

sys.path.insert(0, str(TREE / "tests/vm"))
import debian  # noqa: E402
from image import CACHE, output, put  # noqa: E402

# Paths that dpkg, apt and their triggers write for any package; libc's tools write the backups of passwd and group.
OF_DPKG = re.compile(r"/(var/(lib/(dpkg|apt|systemd/catalog)|cache|log)|dev|proc|tmp)/(?!modfetch)|/etc/(ld\.so\.cache|\w+-)$"
                     r"|/etc/\.pwd\.lock$")
ENABLED = {"enable": "enabled", "disable": "disabled"}
CCACHE = next((d for d in (pathlib.Path.home() / ".ccache", pathlib.Path.home() / ".cache/ccache") if d.is_dir()), None)

# Files that modfetch and the admin create: those that go when the package is removed, and those that stay until its purge.
GONE = ["run/modfetch/queue/1", "run/modfetch/lock", "run/modprobe.d/zz-modfetch.conf", "usr/lib/modules/6.1/modules.modfetch",
        "usr/lib/modules/6.1/modules.modfetch.recent"]
KEPT = ["etc/modprobe.d/modfetch-loading.conf", "etc/modprobe.d/modfetch-trials", "run/modprobe.d/modfetch-trials.conf",
        "etc/modfetch/modfetch.conf", "etc/modfetch/repos.d/x.repo", "etc/modfetch/policy.d/50-x", "var/lib/modfetch/history",
        "var/lib/modfetch/packages/x.rpm", "var/cache/modfetch/x/solv"]
# A driver and a file of others, which no removal may touch.
OTHERS = ["usr/lib/modules/6.1/updates/x.ko", "etc/modprobe.d/x.conf", "etc/modprobe.d/modfetch-site.conf"]


def build(target):
    """Builds the packages into TARGET; a compiler cache serves although debhelper changes HOME."""
    environment = {**os.environ, "DEB_BUILD_OPTIONS": "parallel=2"}
    if CCACHE:
        environment.setdefault("CCACHE_DIR", str(CCACHE))
    run(TREE / "packaging/build-deb", target, env=environment)
    return {deb.name.split("_")[0]: deb for deb in target.glob("*.deb")}


def snapshot(root):
    """path: kind, mode and content of everything in ROOT, except what dpkg writes for any package."""
    found = {}
    for at, directories, files in os.walk(root):
        for name in directories + files:
            path = pathlib.Path(at, name)
            key = f"/{path.relative_to(root)}"
            if OF_DPKG.search(key):
                continue
            content = ""
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file() and key.startswith(("/etc/", "/var/")):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[key] = path.lstat().st_mode, content
    return found


class Machine(debian.Debian):
    """A Debian in the directory ROOT whose apt knows only DEBS."""

    def __init__(self, root, debs):
        self.root = root
        base = pathlib.Path(output(TREE / "tests/vm/base", "createrepo-c", "openssl"))
        run("cp", "-al", base, root)
        for name in ("etc", "var"):
            shutil.rmtree(root / name)
            run("cp", "-a", base / name, root / name)
        for file in (root / "etc/apt/sources.list.d").glob("*"):
            file.unlink()
        debian.apt_repository(root / "srv/debs", debs)
        put(root, "etc/apt/sources.list", 0o644, "deb [trusted=yes] file:/srv/debs ./\n")
        for path in OTHERS:
            put(root, path, 0o644, "x")
        self.run("apt-get -q update")

    def apt(self, words):
        return self.run(f"apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 {words}")

    def state(self, unit):
        done = subprocess.run(["systemctl", f"--root={self.root}", "is-enabled", unit], stdout=subprocess.PIPE, text=True,
                              check=False)
        return done.stdout.strip()


class Scratch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # beside the cache, for hard links
        CACHE.mkdir(parents=True, exist_ok=True)
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="deb-", dir=CACHE))
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", cls.scratch], check=True)


class Packages(Scratch):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.debs = build(cls.scratch / "debs")
        cls.files = {}
        for name in ("modfetch", "modfetch-pack"):
            run("dpkg-deb", "-x", cls.debs[name], cls.scratch / name)
            cls.files[name] = below(cls.scratch / name)

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.debs[package], name)

    def test_the_version_is_the_projects(self):
        version = re.search(r"^\s*version: '([^']+)'", (TREE / "meson.build").read_text(), re.M)[1]
        self.assertEqual({self.field(name, "Version").strip() for name in self.files}, {version})

    def test_no_file_is_forgotten_or_doubled(self):
        run("meson", "install", "-C", BUILD, "--no-rebuild", env={**os.environ, "DESTDIR": str(self.scratch / "list")})
        here = {path.replace("/zsh/site-functions/", "/zsh/vendor-completions/") for path in merged(below(self.scratch / "list"))}
        there = [path for files in self.files.values() for path in merged(files) if not re.search("/share/(doc|lintian)/", path)]
        self.assertEqual({path for path in there if there.count(path) > 1}, set())
        self.assertEqual(set(there) ^ here, set())
        pack = {path for path in merged(self.files["modfetch-pack"]) if not re.search("/share/(doc|lintian)/", path)}
        self.assertEqual({re.sub(r"-[\d.]+\.so$", ".so", path) for path in pack},
                         {"/usr/share/man/man8/modfetch-build.8", "/usr/lib/modfetch/modfetch-build.so",
                          "/usr/share/man/man8/modfetch-pack.8", "/usr/lib/modfetch/modfetch-pack.so"})

    def test_files_of_etc_are_conffiles(self):
        conffiles = set(run("dpkg-deb", "--info", self.debs["modfetch"], "conffiles").split())
        root = self.scratch / "modfetch"
        self.assertEqual(conffiles, {p for p in self.files["modfetch"] if p.startswith("/etc/") and (root / p[1:]).is_file()})
        self.assertIn("/etc/kernel/postinst.d/download-modfetch", conffiles)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_finds_the_completions(self):
        searched = run("zsh", "-fc", "print -l $fpath").split()
        [path] = [path for path in self.files["modfetch"] if path.endswith("/_modfetch")]
        self.assertIn(os.path.dirname(path), searched)

    def test_programs_and_libraries_of_the_project_are_dependencies(self):
        depends = "".join(self.field(package, field) for package in self.files for field in ("Depends", "Recommends"))
        needs = (TREE / "packaging/debian/control").read_text().split("\n\n", maxsplit=1)[0]
        # in build-essential, or a dependency of meson
        present = {"gcc", "libc6-dev", "ninja-build", "-"}
        for row in (TREE / "dependencies.tsv").read_text().splitlines():
            use, name = row.split("\t")[:2] if "\t" in row else ("", "")
            if use in ("run", "build") and name not in present:
                self.assertRegex(depends if use == "run" else needs, rf"(?<![\w-]){re.escape(name)}(?![\w-])")

    def test_dpkg_starts_no_unit_of_the_boot(self):
        """Nor does it stop a timer that it does not start again."""
        control = self.scratch / "control"
        run("dpkg-deb", "-e", self.debs["modfetch"], control)
        script = {"preinst": "", **{path.name: path.read_text() for path in control.iterdir()}}
        started = re.findall(r"deb-systemd-invoke \$_dh_action (.*)", script["postinst"])
        self.assertIn("'modfetch.service'", " ".join(started))
        self.assertNotRegex(" ".join(started), "coldplug|trials")
        self.assertNotIn("deb-systemd-invoke", script["preinst"])
        self.assertNotRegex(script["prerm"], r"upgrade.*\n.*stop")

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed; the test of a clean Debian has it")
    def test_lintian_has_no_objection(self):
        run("lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", *(self.debs[name] for name in self.files))

    @unittest.skipUnless(shutil.which("mmdebstrap"), "mmdebstrap is not installed")
    def test_it_comes_and_goes_without_a_trace(self):
        machine = Machine(self.scratch / "root", self.debs.values())
        before = snapshot(machine.root)
        machine.apt("install modfetch-pack")
        self.assertIn("modfetch", machine.run("modfetch --version && getent passwd modfetch modfetch-build && [ -d /run/modfetch/queue ]"))
        self.check_units(machine)
        for path in GONE + KEPT:
            put(machine.root, path, 0o644, "x")
        self.check_upgrade(machine)
        machine.apt("remove modfetch")
        self.assertEqual([path for path in GONE if (machine.root / path).exists()], [])
        self.assertEqual([path for path in KEPT if not (machine.root / path).exists()], [])
        put(machine.root, KEPT[0], 0o644, "#modfetch begun\nblacklist igb\n")
        self.assertIn("modfetch: the load of igb crashed this machine", machine.apt("purge modfetch modfetch-pack"))
        after = snapshot(machine.root)
        self.assertEqual({path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}, set())

    def check_units(self, machine):
        preset = dict(reversed(line.split()) for line in (TREE / "systemd/81-modfetch.preset").read_text().splitlines()
                      if line.startswith(tuple(ENABLED)))
        units = {path.name for path in machine.root.glob("usr/lib/systemd/system/modfetch*") if "[Install]" in path.read_text()}
        self.assertEqual(units, set(preset))
        self.assertEqual({unit: machine.state(unit) for unit in units}, {unit: ENABLED[word] for unit, word in preset.items()})

    def check_upgrade(self, machine):
        """An admin's choice of units and files stays."""
        machine.run("systemctl enable modfetch-usage.timer && systemctl disable modfetch-refresh.timer")
        machine.apt("install --reinstall modfetch")
        self.assertEqual(machine.state("modfetch-usage.timer"), "enabled")
        self.assertEqual(machine.state("modfetch-refresh.timer"), "disabled")
        self.assertEqual([path for path in KEPT + GONE if not (machine.root / path).exists()], [])


@unittest.skipUnless(os.environ.get("MODFETCH_TEST_ALL") == "1", "makes two build environments and two minimal systems")
class Clean(Scratch):
    """Needs a mirror of Debian."""

    MIRROR = "http://deb.debian.org/debian"

    def bootstrap(self, suite, root, packages, *mirrors):
        run("mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(packages)}", suite, root, self.MIRROR, *mirrors)
        machine = debian.Debian.__new__(debian.Debian)
        machine.root = root
        return machine

    def check(self, suite):
        control = (TREE / "packaging/debian/control").read_text().split("\n\n", maxsplit=1)[0]
        needs = re.search(r"^Build-Depends:((?:.|\n )*)", control, re.M)[1]
        needs = [re.sub(r"\(.*\)", "", need).strip() for need in needs.split(",")]
        builder = self.bootstrap(suite, self.scratch / f"build-{suite}", ["build-essential", "lintian", *needs])
        shutil.copytree(TREE, builder.root / "src", ignore=lambda at, names: [
            name for name in names if name in (".git", "__pycache__") or at == str(TREE) and name.startswith("build")])
        builder.run("/src/packaging/build-deb /out", timeout=1800)
        # debhelper copies a field that lintian of Debian 12 does not know to the packages of debug symbols, and no override to them
        builder.run("lintian --no-cfg --allow-root --fail-on error,warning $(ls /out/*.deb | grep -v dbgsym)")
        repository = self.scratch / f"debs-{suite}"
        debian.apt_repository(repository, (builder.root / "out").glob("modfetch*.deb"))
        machine = self.bootstrap(suite, self.scratch / suite, ["modfetch", "modfetch-pack"],
                                 f"deb [trusted=yes] copy:{repository} ./")
        self.assertIn("modfetch", machine.run("modfetch --version && getent passwd modfetch modfetch-build"))

    def test_debian_12(self):
        self.check("bookworm")

    def test_debian_13(self):
        self.check("trixie")


if __name__ == "__main__":
    if os.geteuid():
        sys.exit("deb.py: installing into a root needs root")
    if not (shutil.which("dpkg-buildpackage") and shutil.which("dh")):
        print("no dpkg-buildpackage and debhelper here")
        sys.exit(77)
    unittest.main()
