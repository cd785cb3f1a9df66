#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The newest kmod of Debian (34 and later): its indexes of whole kernels, and its own test suite with this program as its depmod.

Only with MODFETCH_TEST_ALL=1: packages and the source of kmod come from the archive of the next release, with package lists of their own,
which are kept in the cache. kmod's depmod runs with the libraries of that release. MODFETCH_NEWEST_SUITE names another release (sid).
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trees

PROGRAM = os.path.abspath(os.environ["MODFETCH"])
SUITE = os.environ.get("MODFETCH_NEWEST_SUITE", "trixie")
CACHE = os.environ.get("MODFETCH_TEST_CACHE", "/var/cache/modfetch-tests")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LIBRARIES = ("libc6", "libssl3t64", "liblzma5", "libzstd1", "zlib1g", "libkmod2")


def run(*args, **kwargs):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kwargs)


class Archive:
    """Package lists of a release, and what is downloaded with them."""

    def __init__(self):
        self.at = f"{CACHE}/apt-{SUITE}"
        for name in "lists/partial", "cache/archives/partial":
            os.makedirs(f"{self.at}/{name}", exist_ok=True)
        with open(f"{self.at}/sources.list", "w", encoding="ascii") as f:
            f.writelines(f"{kind} [signed-by={KEYRING}] http://deb.debian.org/debian {SUITE} main\n" for kind in ("deb", "deb-src"))
        open(f"{self.at}/status", "w", encoding="ascii").close()
        self.get("update")

    def get(self, *args, cwd=None):
        run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", f"Dir::Etc::SourceList={self.at}/sources.list", "-o", "Dir::Etc::SourceParts=-",
            "-o", f"Dir::State::Lists={self.at}/lists", "-o", f"Dir::State::Status={self.at}/status", "-o", f"Dir::Cache={self.at}/cache",
            "-o", "Acquire::Languages=none", *args, cwd=cwd)

    def unpack(self, root, *packages):
        with tempfile.TemporaryDirectory() as download:
            self.get("download", *packages, cwd=download)
            for deb in glob.glob(f"{download}/*.deb"):
                run("dpkg", "-x", deb, root)


@unittest.skipUnless(os.environ.get("MODFETCH_TEST_ALL") == "1", "downloads packages of another release and builds kmod")
class Newest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="newest-")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.archive = Archive()
        cls.root = f"{cls.work}/root"
        cls.archive.unpack(cls.root, "kmod", *LIBRARIES)
        cls.libraries = f"{cls.root}/usr/lib/x86_64-linux-gnu"

    def newest(self, *args):
        """kmod's depmod of that release."""
        return subprocess.run([f"{self.libraries}/ld-linux-x86-64.so.2", "--argv0", "depmod", "--library-path", self.libraries,
                               f"{self.root}/usr/bin/kmod", *args], capture_output=True, text=True, check=False)


class Bytes(Newest):
    def tree(self, name, source):
        """A root with a kernel of links to the files of another, without its indexes."""
        kver = os.path.basename(source)
        directory = f"{self.work}/{name}/lib/modules/{kver}"
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        run("cp", "-as", source, directory)
        for path in glob.glob(f"{directory}/modules.*"):
            os.unlink(path)
        for path in "modules.order", "modules.builtin", "modules.builtin.modinfo":
            shutil.copy(f"{source}/{path}", f"{directory}/{path}")
        return directory

    def assertSame(self, theirs, ours):
        kver = os.path.basename(theirs)
        conf = f"{self.work}/conf"
        os.makedirs(conf, exist_ok=True)
        done = self.newest("-b", theirs.split("/lib/modules")[0], "-C", conf, kver)
        self.assertEqual(done.returncode, 0, done.stderr)
        # below a root that has this kmod
        run(PROGRAM, "--root", self.root, "depmod", "-b", ours.split("/lib/modules")[0], "-C", conf, kver)
        indexes = set(trees.INDEXES) | {"modules.weakdep"}
        for name in sorted(indexes):
            with open(f"{theirs}/{name}", "rb") as a, open(f"{ours}/{name}", "rb") as b:
                self.assertTrue(a.read() == b.read(), name)
        return done

    def test_whole_kernels_have_the_same_bytes(self):
        for kind in "default", "xz":
            source = trees.kernel(kind)
            with self.subTest(kernel=source):
                self.assertSame(self.tree("theirs", source), self.tree("ours", source))

    def test_its_own_kernel_too(self):
        kernel = f"{self.work}/kernel"
        depends = run("apt-cache", "-o", f"Dir::State::Lists={self.archive.at}/lists", "-o", f"Dir::State::Status={self.archive.at}/status",
                      "-o", f"Dir::Etc::SourceList={self.archive.at}/sources.list", "-o", "Dir::Etc::SourceParts=-", "-o", f"Dir::Cache={self.archive.at}/cache",
                      "depends", "linux-image-amd64").stdout
        package = next(line.split()[1] for line in depends.splitlines() if "Depends: linux-image-" in line)
        self.archive.unpack(kernel, package)
        source = glob.glob(f"{kernel}/usr/lib/modules/*") + glob.glob(f"{kernel}/lib/modules/*")
        self.assertSame(self.tree("theirs-own", source[0]), self.tree("ours-own", source[0]))

    def test_a_module_in_zstd_without_its_size_says_nothing(self):
        source = trees.kernel("default")
        both = []
        for name in "theirs-zst", "ours-zst":
            directory = self.tree(name, source)
            shutil.rmtree(f"{directory}/kernel")
            for number, module in enumerate(trees.modules_of(source)[::80]):
                target = f"{directory}/{module}.zst"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                words = {0: "zstd -q -c {} >{}", 1: "zstd -q -c <{} >{}", 2: "zstd -q -c {0} {0} >{1}"}[number % 3]
                subprocess.run(words.format(f"{source}/{module}", target), shell=True, check=True)
            both.append(directory)
        done = self.assertSame(*both)
        self.assertIn("failed to load symbols", done.stderr)


class Suite(Newest):
    """kmod's depmod tests, and the other ones that run a depmod: each in a root that has the kmod of that source."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.archive.get("source", "--tar-only", "kmod", cwd=cls.work)
        os.makedirs(f"{cls.work}/source")
        run("tar", "-xf", glob.glob(f"{cls.work}/kmod_*.orig.tar.*")[0], "-C", f"{cls.work}/source", "--strip-components=1")
        cls.build = f"{cls.work}/build"
        run("meson", "setup", cls.build, f"{cls.work}/source", "-Dmanpages=false", "-Dbuild-tests=true")
        # since meson 1.7, "all" does not build the tests
        run("ninja", "-C", cls.build, "all", "meson-test-prereq", env={**os.environ, "KDIR": cls.headers()})
        for directory in glob.glob(f"{cls.build}/testsuite/rootfs/test-depmod/*/"):
            os.makedirs(f"{directory}/usr/bin")
            shutil.copy(f"{cls.build}/kmod", f"{directory}/usr/bin")

    @classmethod
    def headers(cls):
        """The headers of the kernel of this machine's release, which its modules are built with."""
        kver = os.path.basename(trees.kernel("default"))
        flavor = kver.rsplit("-", 1)[1]
        download, root = f"{cls.work}/download", f"{cls.work}/headers"
        os.makedirs(download)
        run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", f"linux-headers-{kver}", f"linux-headers-{kver.removesuffix('-' + flavor)}-common",
            f"linux-kbuild-{'.'.join(kver.split('.')[:2])}", cwd=download)
        for deb in glob.glob(f"{download}/*.deb"):
            run("dpkg", "-x", deb, root)
        makefile = f"{root}/usr/src/linux-headers-{kver}/Makefile"
        with open(makefile, encoding="utf-8") as f:
            text = f.read()
        with open(makefile, "w", encoding="utf-8") as f:
            f.write(text.replace("/usr/src/", f"{root}/usr/src/"))
        return os.path.dirname(makefile)

    def passed(self, test):
        # the suite wants no directory to be newer than this
        run("touch", f"{self.build}/testsuite/stamp-rootfs")
        done = subprocess.run([f"{self.build}/testsuite/{test}"], capture_output=True, text=True, check=False, cwd=self.build)
        good = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if " PASSED: " in line or "EXPECTED FAIL: " in line]
        return good, done

    def test_its_depmod_tests_pass_with_this_program(self):
        theirs, _ = self.passed("test-depmod")
        self.assertGreaterEqual(len(theirs), 11)
        os.unlink(f"{self.build}/depmod")
        os.symlink(PROGRAM, f"{self.build}/depmod")
        ours, done = self.passed("test-depmod")
        self.assertEqual(sorted(ours), sorted(theirs), done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0)
        # it was this program: nothing else writes this file
        states = glob.glob(f"{self.build}/testsuite/rootfs/test-depmod/*/lib/modules/*/modules.modfetch")
        self.assertGreaterEqual(len(states), 6)
        # the indexes of its other trees are read by its own programs
        for test in "test-modprobe", "test-dependencies", "test-modinfo", "test-weakdep":
            with self.subTest(test=test):
                _, done = self.passed(test)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_modules_install_calls_it(self):
        """As the kernel's own Makefile does: depmod.sh, with -ae -F System.map."""
        playground = f"{self.build}/testsuite/module-playground"
        headers = self.headers_of_playground()
        with open(f"{headers}/System.map", "w", encoding="ascii") as f:
            f.write("ffffffff81000000 R __ksymtab__printk\n")
        # without those that need each other in a ring
        with open(f"{playground}/modules.order", encoding="ascii") as f:
            lines = [line for line in f if "loop" not in line]
        with open(f"{playground}/modules.order", "w", encoding="ascii") as f:
            f.writelines(lines)
        for name, depmod in ("theirs", "depmod"), ("ours", self.link()):
            run("make", "-C", headers, f"M={playground}", f"INSTALL_MOD_PATH={self.work}/{name}-installed", f"DEPMOD={depmod}", "modules_install")
        directories = [glob.glob(f"{self.work}/{name}-installed/lib/modules/*")[0] for name in ("theirs", "ours")]
        self.assertEqual(trees.differences(*(trees.read(directory) for directory in directories)), [])
        self.assertTrue(trees.read(directories[1])["modules.dep"])
        # a tree that is packed has nothing of ours in it
        self.assertEqual(glob.glob(f"{directories[1]}/modules.modfetch*"), [])

    def headers_of_playground(self):
        return glob.glob(f"{self.work}/headers/usr/src/linux-headers-*-*[!n]")[0]

    def link(self):
        path = f"{self.work}/link/depmod"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.lexists(path):
            os.symlink(PROGRAM, path)
        return path


if __name__ == "__main__":
    unittest.main()
