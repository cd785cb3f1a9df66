#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A minimal Debian in which this program takes the place of depmod: the kernel's package, initramfs-tools, dracut and dkms run on it.

Only with MODFETCH_TEST_ALL=1: it downloads some hundred megabytes. MODFETCH_NEWEST_SUITE names the release. diverted.sh is what runs in there.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(os.environ["MODFETCH"])
SUITE = os.environ.get("MODFETCH_NEWEST_SUITE", "trixie")
# with a /dev and a /proc of its own, which end with the namespace
INSIDE = """
set -euo pipefail
root=$1
mount --make-rprivate /
mount -t tmpfs diverted "$root/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
mount -t proc diverted "$root/proc"
chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /tmp/diverted.sh
"""


@unittest.skipUnless(os.environ.get("MODFETCH_TEST_ALL") == "1", "makes a minimal Debian and installs a kernel into it")
@unittest.skipUnless(shutil.which("mmdebstrap"), "mmdebstrap is not installed")
class Diverted(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="diverted-")
        os.chmod(self.root, 0o755)
        self.addCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", self.root], check=True)
        subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", "--include=kmod,initramfs-tools,dracut-core,dkms,zstd", SUITE, self.root,
                        "http://deb.debian.org/debian"], check=True)
        for name in "resolv.conf", "hosts":
            shutil.copy(f"/etc/{name}", f"{self.root}/etc/{name}")
        with open(f"{self.root}/etc/apt/apt.conf.d/90-as-the-machine", "w", encoding="ascii") as f:
            f.write(subprocess.run(["apt-config", "dump", "--no-empty", "Acquire"], capture_output=True, text=True, check=True).stdout)
        with open(f"{self.root}/etc/dpkg/dpkg.cfg.d/90-fast", "w", encoding="ascii") as f:
            f.write("force-unsafe-io\n")
        os.makedirs(f"{self.root}/usr/libexec/modfetch")
        shutil.copy(PROGRAM, f"{self.root}/usr/sbin/modfetch")
        os.symlink("/usr/sbin/modfetch", f"{self.root}/usr/libexec/modfetch/depmod")
        shutil.copy(f"{HERE}/diverted.sh", f"{self.root}/tmp/diverted.sh")

    def test_all_that_call_depmod_get_its_indexes(self):
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", INSIDE, "-", self.root], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-4000:])
        expected = ["kernel postinst", "mkinitramfs", "dracut", "dkms install", "dkms remove", "all"]
        self.assertEqual([line.removeprefix("ok ") for line in done.stdout.splitlines() if line.startswith("ok ")], expected)


if __name__ == "__main__":
    unittest.main()
