#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P21: a disk error below a mapped file. The read error arrives as a signal, and must be reported in one line.

The disk is a loop device whose backing file was truncated: beyond its end each read is EIO. A file on it is mounted over the
one that the command maps. Its first block is readable, so it is opened without an error.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

BLOCK = 4096
MIB = 1 << 20
BUILD = os.path.join(os.path.dirname(os.path.abspath(r.MODFETCH)), '..')
STATIC = b'interpreter' not in subprocess.run(['readelf', '-l', f'{BUILD}/event/helper/event'], capture_output=True, check=True).stdout


class BadDisk:
    """A file system with a copy of PATH, of which the first KEEP blocks can be read."""

    def __init__(self, path, keep):
        self.directory, self.over = tempfile.mkdtemp(prefix='unreadable-'), []
        image, self.at = f'{self.directory}/image', f'{self.directory}/at'
        os.mkdir(self.at)
        with open(image, 'wb') as f:
            f.truncate(24 * MIB)
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-b', str(BLOCK), '-m', '0', image], check=True)
        self.mount('-o', 'loop', image, self.at)
        with open(f'{self.at}/filler', 'wb') as f:
            f.write(bytes(12 * MIB))
        shutil.copy(path, f'{self.at}/file')
        self.unmount(self.at)
        blocks = subprocess.run(['debugfs', '-R', 'blocks /file', image], capture_output=True, text=True, check=True).stdout.split()
        blocks = [int(b) for b in blocks]
        # in one piece, and after the blocks of the file system itself
        assert blocks == sorted(blocks) and len(blocks) > keep and blocks[0] * BLOCK > 4 * MIB, blocks
        self.mount('-o', 'loop,ro', image, self.at)
        os.listdir(self.at)
        os.stat(f'{self.at}/file')
        os.truncate(image, blocks[keep] * BLOCK)
        self.lay_over(path)

    def mount(self, *arguments):
        subprocess.run(['mount', *arguments], check=True)

    def unmount(self, where):
        subprocess.run(['umount', where], check=True)

    def lay_over(self, path):
        self.mount('--bind', f'{self.at}/file', path)
        self.over.append(path)

    def close(self):
        for path in self.over:
            self.unmount(path)
        self.unmount(self.at)
        shutil.rmtree(self.directory)


@unittest.skipUnless(os.geteuid() == 0, 'loop devices need root')
@unittest.skipUnless(os.path.exists('/dev/loop-control'), 'no loop devices here')
class Unreadable(unittest.TestCase):
    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        done = self.root.run('refresh')
        self.assertEqual(done.returncode, 0, done.stderr)

    def current(self):
        return os.path.realpath(f'{self.root.path}/var/cache/modfetch/test/current')

    def index(self, kind):
        """The largest file of its kind."""
        names = [f'{self.current()}/{name}' for name in os.listdir(self.current()) if name.startswith(kind)]
        return max(names, key=os.path.getsize)

    def bad(self, path, keep=1):
        disk = BadDisk(path, keep)
        self.addCleanup(disk.close)
        return path

    def has_line(self, done):
        """One line that names the file; the process is not killed by a signal."""
        self.assertGreater(done.returncode, 0, (done.returncode, done.stdout, done.stderr))
        self.assertRegex(done.stderr, r'(?m)^modfetch: read: /.*: cannot be read: Input/output error \[EIO\]$')

    def test_the_disk_is_as_bad_as_it_should_be(self):
        path = self.bad(f'{self.root.modules}/modules.builtin.modinfo')
        with open(path, 'rb') as f:
            self.assertEqual(len(f.read(100)), 100)
            f.seek(8 * BLOCK)
            with self.assertRaises(OSError):
                f.read(100)

    def test_an_index_of_a_kernel(self):
        """libkmod maps it and reads it at arbitrary positions."""
        path = f'{self.root.modules}/modules.symbols.bin'
        shutil.copy(f'{r.full_tree()}/lib/modules/{self.root.kver}/modules.symbols.bin', path)
        self.bad(path)
        before = self.root.on_disk(), self.root.packages()
        for args in ('lookup', 'symbol:snd_card_new'), ('--no-load', 'probe', 'symbol:snd_card_new'):
            with self.subTest(args=args):
                self.has_line(self.root.run(*args))
                self.assertEqual((self.root.on_disk(), self.root.packages()), before)

    def test_an_index_of_a_repository_is_a_damaged_one(self):
        self.bad(self.index('alias'))
        before = self.root.state()
        done = self.root.run('--dry-run', 'probe', r.NIC)
        self.has_line(done)
        self.assertIn('[BAD-INDEX]', done.stderr)
        self.assertEqual(self.root.state(), before)

    def test_udevs_helper_leaves_the_device_to_the_service(self):
        if not STATIC:
            self.skipTest('with sanitizers the helper is not alone in its root')
        shutil.copy(f'{BUILD}/event/helper/event', f'{self.root.path}/event')
        running = os.uname().release
        if running != self.root.kver:
            os.symlink(self.root.kver, f'{self.root.path}/lib/modules/{running}')
        index = f'{self.current()}/alias-any.bin'
        shutil.copy(self.index('alias'), index)
        for name in os.listdir(self.current()):
            if name.startswith('alias-') and name != 'alias-any.bin':
                os.unlink(f'{self.current()}/{name}')
        queue = f'{self.root.path}/run/modfetch/queue'
        event = {'ACTION': 'add', 'SUBSYSTEM': 'pci', 'DEVPATH': '/devices/pci0000:00/0000:00:19.0', 'MODALIAS': r.NOBODY}

        def run():
            return subprocess.run([shutil.which('chroot', path='/usr/sbin:/usr/bin:/sbin:/bin'), self.root.path, '/event'], env=event, capture_output=True, text=True, timeout=30, check=False)
        # no repository has a driver for it: this can be decided without the damaged blocks
        done = run()
        self.assertEqual((done.returncode, os.path.isdir(queue) and os.listdir(queue)), (0, False), done.stderr)
        self.bad(index)
        done = run()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(os.listdir(queue)), 1)
        self.assertIn('cannot be read: Input/output error [EIO]', done.stderr)

    def test_what_depmod_remembers_is_done_without(self):
        self.assertEqual(self.root.run('depmod').returncode, 0)
        good = self.root.run('depmod', '-n')
        # larger than its header, because of the data of a few modules
        self.bad(f'{self.root.modules}/modules.modfetch')
        done = self.root.run('depmod', '-n')
        self.assertEqual((done.returncode, done.stdout), (0, good.stdout), done.stderr)
        self.assertIn('alias block-major-7-* loop', done.stdout)


if __name__ == '__main__':
    unittest.main()
