#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds of foreign sources: real modules, and makefiles of an attacker, in a real box (src/box).

Each hostile build is run for real. The attack says in its output what it could do; the test looks at the outside itself: mounts,
processes of the box's user, and files. The user of the box is given to the tests by a passwd file that only they see.
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

DRIVER = os.path.join(os.environ.get('MODFETCH_BUILD', 'build'), 'tests/box-driver')
USER, UID = 'modfetch-build', 64242
PLACE = '/build/x'
MIB = 1 << 20
HELLO = '''#include <linux/module.h>
MODULE_LICENSE("GPL");
static int __init hello_init(void) { pr_info("%s\\n", __FILE__); return 0; }
module_init(hello_init);
'''
# each attack of more than a line begins with it
PYTHON = 'import os, socket\n'


def headers():
    """The build directory of an installed kernel's headers, or None."""
    found = [os.path.realpath(path) for path in glob.glob('/lib/modules/*/build')]
    return next((path for path in sorted(found, reverse=True) if os.path.exists(f'{path}/Module.symvers')), None)


def processes():
    """Of a box: of its user, and of root around it."""
    out = []
    for path in glob.glob('/proc/[0-9]*'):
        try:
            with open(f'{path}/cmdline', 'rb') as f:
                words = f.read()
            if os.stat(path).st_uid == UID or b'/bwrap' in words and PLACE.encode() in words:
                out.append(path)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return out


def mounts(top):
    """Those that only a box makes."""
    with open('/proc/self/mounts', encoding='utf-8') as f:
        return [line for line in f if top in line or PLACE in line or line.split()[1] == '/mnt']


class Result:
    def __init__(self, out, log):
        self.log = log
        self.fields = dict(line.split(' ', 1) for line in out.splitlines() if not line.startswith('result '))
        self.results = [line.split(' ')[2:] for line in out.splitlines() if line.startswith('result ')]
        self.outcome = self.fields.get('outcome') or self.fields.get('failure')


@unittest.skipIf(os.geteuid(), 'a box needs root')
@unittest.skipUnless(shutil.which('bwrap'), 'a box needs bwrap')
class BoxTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix='modfetch-box.')
        self.addCleanup(shutil.rmtree, self.top)
        self.root = f'{self.top}/root'
        self.source = f'{self.root}/usr/src/x-1'
        os.makedirs(self.source)
        os.makedirs(f'{self.root}/lib/modules')
        os.makedirs(f'{self.top}/out')
        os.chmod(self.top, 0o755)
        self.account(f'{USER}:x:{UID}:{UID}::/:/usr/sbin/nologin\n')
        self.mounts = mounts(self.top)

    def tearDown(self):
        self.assertEqual(processes(), [], 'a process of the box is left')
        self.assertEqual(mounts(self.top), self.mounts, 'a mount of the box is left')
        self.assertEqual(sorted(os.listdir(f'{self.root}/usr/src')), ['x-1'])

    def account(self, line):
        for name, text in (('passwd', line), ('group', f'{USER}:x:{UID}:\n')):
            with open(f'/etc/{name}', encoding='utf-8') as f:
                others = [each for each in f if not each.startswith(f'{USER}:')]
            with open(f'{self.top}/{name}', 'w', encoding='utf-8') as f:
                f.writelines([*others, text])

    def write(self, name, text):
        with open(f'{self.source}/{name}', 'w', encoding='utf-8') as f:
            f.write(text)

    def command(self, script, results=(), read_only=(), **options):
        options = {'source': 'usr/src/x-1', 'place': PLACE, 'log': 'var/log/x.log', 'out': f'{self.top}/out', **options}
        words = [f'{key}={value}' for key, value in options.items() if value is not None]
        words += [f'results={name}' for name in results] + [f'read_only={path}' for path in read_only]
        see = f'mount --bind {self.top}/passwd /etc/passwd && mount --bind {self.top}/group /etc/group && exec "$@"'
        return ['unshare', '--mount', 'sh', '-c', see, 'sh', DRIVER, options.get('root', self.root), *words, f'script={script}']

    def box(self, script, *args, **options):
        """Runs a build to its end."""
        log = f'{self.root}/var/log/x.log'
        if os.path.exists(log):
            os.remove(log)
        done = subprocess.run(self.command(script, *args, **options), stdout=subprocess.PIPE, check=True, timeout=300)
        text = ''
        if os.path.exists(log):
            with open(log, encoding='utf-8') as f:
                text = f.read()
        return Result(done.stdout.decode(), text)

    def python(self, script, **options):
        """Runs a Python program in the box."""
        self.write('attack.py', PYTHON + script)
        return self.box('python3 attack.py', **options)

    def out(self, number=0):
        with open(f'{self.top}/out/{number}', 'rb') as f:
            return f.read()


class Good(BoxTest):
    @unittest.skipUnless(headers(), 'the headers of no kernel are installed')
    def test_a_module_is_built_as_outside(self):
        self.write('hello.c', HELLO)
        self.write('Makefile', 'obj-m := hello.o\n')
        make = f'make -C {headers()} M={PLACE} modules'
        b = self.box(make, results=['hello.ko', 'other.ko'], result_max=4 * MIB)
        self.assertEqual((b.outcome, b.fields['status']), ('done', '0'), b.log)
        self.assertEqual(b.results[0][1], 'sealed')
        self.assertEqual(b.results[1], ['none'])
        self.assertIn(b'vermagic=', self.out())
        self.assertFalse(os.path.exists(f'{self.source}/hello.ko'))
        # the same source at the same place, without a box
        place = f'{self.top}/same'
        shutil.copytree(self.source, place)
        subprocess.run(['make', '-s', '-C', headers(), f'M={place}', 'modules'], check=True, stdout=subprocess.DEVNULL)
        b = self.box(f'make -C {headers()} M={place} modules', place=place, results=['hello.ko'], result_max=4 * MIB)
        self.assertEqual(b.outcome, 'done', b.log)
        with open(f'{place}/hello.ko', 'rb') as f:
            self.assertEqual(self.out(), f.read())

    @unittest.skipUnless(headers(), 'the headers of no kernel are installed')
    def test_a_driver_of_the_distribution_is_built(self):
        got = subprocess.run(['apt-get', 'download', 'v4l2loopback-dkms'], cwd=self.top, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if got.returncode:
            self.skipTest('v4l2loopback-dkms cannot be downloaded')
        subprocess.run(['dpkg', '-x', *glob.glob(f'{self.top}/*.deb'), f'{self.top}/deb'], check=True)
        shutil.copytree(glob.glob(f'{self.top}/deb/usr/src/v4l2loopback-*')[0], self.source, dirs_exist_ok=True)
        release = os.path.basename(os.path.dirname(glob.glob('/lib/modules/*/build')[0]))
        b = self.box(f'make KERNELRELEASE={release} -C {headers()} M={PLACE} v4l2loopback.ko || make -C {headers()} M={PLACE} modules',
                     results=['v4l2loopback.ko'], result_max=16 * MIB, memory=2 << 30)
        self.assertEqual(b.outcome, 'done', b.log[-2000:])
        self.assertIn(b'vermagic=', self.out())

    def test_times_modes_and_links_are_copied_and_devices_are_not(self):
        self.write('old', 'x')
        self.write('tool', '#!/bin/sh\necho it runs\n')
        os.chmod(f'{self.source}/tool', 0o755)
        os.utime(f'{self.source}/old', (1000000000, 1000000000))
        os.makedirs(f'{self.source}/sub/deep')
        os.symlink('../../old', f'{self.source}/sub/deep/link')
        os.symlink('/etc/shadow', f'{self.source}/outside')
        os.mkfifo(f'{self.source}/fifo')
        os.mknod(f'{self.source}/device', 0o600 | 0o20000, os.makedev(1, 3))
        b = self.box('./tool; stat -c %Y old; cat sub/deep/link; cat outside; ls; touch sub/deep/new && echo written')
        self.assertIn('it runs\n1000000000\nx', b.log)
        self.assertIn('outside: No such file', b.log)
        self.assertIn('written', b.log)
        self.assertNotRegex(b.log, 'fifo|device')

    def test_a_source_of_another_root_is_built_with_the_tools_of_this_machine(self):
        os.makedirs(f'{self.root}/opt/headers')
        with open(f'{self.root}/opt/headers/one.h', 'w', encoding='utf-8') as f:
            f.write('#define ONE 1\n')
        self.write('x.c', '#include <one.h>\nint one = ONE;\n')
        b = self.box('cc -I/opt/headers -c x.c && touch /opt/headers/two.h', read_only=['/opt/headers'], results=['x.o'])
        self.assertEqual(b.outcome, 'failed')
        self.assertRegex(b.log, 'two.h.*Read-only')
        b = self.box('cc -I/opt/headers -c x.c', read_only=['/opt/headers'], results=['x.o'])
        self.assertEqual(b.outcome, 'done', b.log)
        self.assertTrue(self.out().startswith(b'\x7fELF'))


class Outside(BoxTest):
    """What a build can reach."""

    def test_it_writes_nowhere_else(self):
        b = self.box('find / -path /proc -prune -o -path /dev -prune -o ! -type l -writable -print 2>/dev/null; find /dev -type d -writable; '
                     'find /dev -type b; id -u; umask')
        self.assertEqual(b.log.split(), [PLACE, '/tmp', str(UID), '0022'])

    def test_it_reads_nothing_of_the_machine(self):
        secret = f'{self.top}/secret'
        with open(secret, 'w', encoding='utf-8') as f:
            f.write('key')
        paths = f'/etc/shadow /etc/modfetch /etc/ssh /etc/ssl /root /home /var /run /sys /boot /srv /mnt /opt {self.top} {secret}'
        b = self.box(f'for p in {paths}; do [ ! -e $p ] || echo there: $p; done; cat /proc/1/environ /proc/1/root/etc/shadow; '
                     'ls /proc/1/cwd/ /proc/1/fd; ls /proc/self/fd; cat /dev/mem /proc/kcore; ls /etc')
        self.assertNotIn('there:', b.log)
        self.assertEqual(len(re.findall('/proc/1.*Permission denied', b.log)), 4, b.log)
        self.assertNotRegex(b.log, 'shadow$|:\\$')

    def test_it_has_no_descriptor_but_three_and_no_rights(self):
        with open(f'{self.top}/leak', 'w', encoding='utf-8') as leak:
            os.dup2(leak.fileno(), 63)
        os.set_inheritable(63, True)
        self.addCleanup(os.close, 63)
        self.write('attack.py', PYTHON + 'print("fds", sorted(os.listdir("/proc/self/fd")))\nprint(open("/proc/self/status").read())\n'
                   'print(os.readlink("/proc/self/fd/0"), dict(os.environ))')
        command = self.command('python3 attack.py')
        subprocess.run(command, pass_fds=[63], stdout=subprocess.DEVNULL, check=True, env={'SECRET': 'x', 'PATH': os.environ['PATH']})
        with open(f'{self.root}/var/log/x.log', encoding='utf-8') as f:
            log = f.read()
        # the fourth is the directory that is read
        self.assertIn("fds ['0', '1', '2', '3']\n", log)
        self.assertEqual(re.findall(r'Cap\w+:\s+(\d+)', log), ['0' * 16] * 5)
        self.assertRegex(log, r'NoNewPrivs:\s+1')
        self.assertRegex(log, r'Seccomp:\s+2')
        self.assertRegex(log, rf'Uid:\s+{UID}\s+{UID}\s+{UID}\s+{UID}\n')
        self.assertRegex(log, r'Groups:[\t ]*\n')
        self.assertIn('/dev/null', log)
        self.assertNotIn('SECRET', log)

    def test_it_reaches_no_network(self):
        with socket.create_server(('127.0.0.1', 0)) as server, socket.socket(socket.AF_UNIX) as local:
            local.bind('\0modfetch-box-test')
            local.listen()
            b = self.python(f'''
for attempt in (lambda: socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 2),
                lambda: socket.socket(socket.AF_INET6), lambda: socket.socket(socket.AF_NETLINK),
                lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), lambda: socket.socket(40, socket.SOCK_STREAM),
                lambda: socket.socket(socket.AF_UNIX).connect("\\0modfetch-box-test")):
    try:
        attempt()
        print("reached")
    except OSError as e:
        print("refused:", e)
a, b = socket.socketpair()
a.send(b"inside")
print(b.recv(10))
''')
            server.setblocking(False)
            self.assertRaises(BlockingIOError, server.accept)
        self.assertEqual(b.log.count('refused:'), 6, b.log)
        self.assertNotIn('reached', b.log)
        self.assertIn("b'inside'", b.log)

    def test_it_gains_nothing_from_setuid_programs(self):
        b = self.box('su -c "id -u" root </dev/null; find /usr/bin -perm -4000 | head -1; cp /bin/sh s; chmod 6755 s; ./s -p -c "id -u"; '
                     'unshare -U id; mount -t tmpfs none /tmp; mknod d c 1 1')
        self.assertNotRegex(b.log, '(?m)^0$')
        self.assertEqual(b.log.count('Operation not permitted') + b.log.count('must be superuser') + b.log.count('permission denied'), 3, b.log)

    def test_system_calls_that_no_build_needs_are_refused(self):
        # name and number by the headers; ENOSYS would be the kernel's answer, hence clone3 alone
        names = 'mount bpf keyctl add_key ptrace unshare setns perf_event_open userfaultfd io_uring_setup init_module kexec_load'.split()
        self.write('n.h', '\n'.join(f'"{name}": SYS_{name},' for name in names))
        b = self.box('''(echo "#include <sys/syscall.h>"; cat n.h) | cc -E -P - | tr -d '\\n' >calls
python3 - <<END
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
text = open("calls").read()
for name, number in eval("{" + text[text.index('"'):] + "}").items():
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0)
    print(name, result, os.strerror(ctypes.get_errno()))
END''')
        for name in names:
            self.assertIn(f'{name} -1 Operation not permitted', b.log)

    def test_it_cannot_touch_the_parent_or_another_box(self):
        other = subprocess.Popen(self.command('echo $$ >/tmp/mine; sleep 20; cat /tmp/mine; ls /tmp', log='var/log/other.log', seconds=60),
                                 stdout=subprocess.PIPE)
        time.sleep(1)
        # what is written last is lost where the shell that waits for the program is killed too
        b = self.python(f'''
import functools
print = functools.partial(print, flush=True)
print(sorted(int(p) for p in os.listdir("/proc") if p.isdigit()) <= list(range(1, 6)))
for pid in (1, {other.pid}, {os.getpid()}):
    for attempt in (lambda: os.kill(pid, 9), lambda: open(f"/proc/{{pid}}/mem", "rb+")):
        try:
            attempt()
            print("done", pid)
        except OSError as e:
            print("refused", e)
try:
    os.kill(-1, 9)
except OSError as e:
    print("refused", e)
print(os.listdir("/tmp"))
open("/proc/sys/kernel/core_pattern", "w")
''')
        self.assertEqual(other.wait(60), 0)
        out = other.stdout.read()
        other.stdout.close()
        self.assertIn(b'outcome done', out)
        self.assertNotIn('done', b.log)
        self.assertGreaterEqual(b.log.count('refused'), 6, b.log)
        self.assertIn('[]', b.log)
        self.assertRegex(b.log, 'core_pattern')


class Limits(BoxTest):
    """A build that takes without end."""

    def test_an_endless_loop_ends_at_the_deadline(self):
        start = time.monotonic()
        b = self.box('trap "" TERM INT HUP; while :; do :; done', seconds=2)
        self.assertEqual(b.outcome, 'deadline')
        self.assertLess(time.monotonic() - start, 15)

    def test_a_sleep_ends_at_the_deadline_with_its_children(self):
        b = self.box('setsid sleep 1000 & (setsid sh -c "exec >&- 2>&-; trap \\"\\" TERM; sleep 1000" &) ; sleep 1000', seconds=2, results=['x'])
        self.assertEqual((b.outcome, b.results), ('deadline', [['none']]))

    def test_a_process_that_stays_ends_with_the_build(self):
        b = self.box('(setsid sh -c "exec >&- 2>&- <&-; trap \\"\\" TERM HUP; while :; do echo evil >result; done" &) ; sleep 1; echo good >result', results=['result'])
        self.assertEqual(b.outcome, 'done')
        self.assertEqual(b.results[0][1], 'sealed')

    def test_a_fork_bomb_is_bounded(self):
        most = []
        # each process makes others until it cannot
        self.write('attack.py', PYTHON + 'import time\ntry:\n    while True:\n        os.fork()\nexcept OSError:\n    time.sleep(3)\n')
        child = subprocess.Popen(self.command('python3 attack.py; f() { f | f & }; f; echo end', processes=50, seconds=30), stdout=subprocess.PIPE)
        while child.poll() is None:
            most.append(len(processes()))
            time.sleep(0.1)
        out = child.stdout.read().decode()
        child.stdout.close()
        self.assertRegex(out, 'outcome')
        self.assertLessEqual(max(most), 4 * 50 + 4)
        self.assertGreater(max(most), 20)

    def test_a_file_of_100_gigabytes_fills_its_space_alone(self):
        before = shutil.disk_usage('/')
        b = self.box('dd if=/dev/zero of=big bs=1M count=102400; head -c 100G /dev/zero >/tmp/big; ls -s big /tmp/big; rm big /tmp/big; '
                     'exit 1', space=16 * MIB, seconds=60)
        self.assertEqual(b.outcome, 'space', b.log[-500:])
        self.assertIn('File size limit exceeded', b.log)
        self.assertLess(abs(shutil.disk_usage('/').used - before.used), 1 << 30)

    def test_files_without_end_are_bounded(self):
        b = self.python('for i in range(1 << 20):\n    open(f"/tmp/{i}", "w")', seconds=60)
        self.assertEqual(b.outcome, 'space', b.log[-500:])
        self.assertLess(int(re.search(r"/tmp/(\d+)'", b.log)[1]), 65536)

    def test_a_source_larger_than_its_space_is_refused(self):
        self.write('big', 'x' * (2 * MIB))
        b = self.box('true', space=MIB)
        self.assertEqual(b.outcome, 'ENOSPC')
        self.assertIn('larger than the space', b.fields['why'])

    def test_memory_is_bounded(self):
        b = self.python('x = bytearray(1 << 30)\nprint("taken")', memory=512 * MIB)
        self.assertNotIn('taken', b.log)
        self.assertEqual(b.outcome, 'failed')
        b = self.box('echo "cc1: out of memory allocating 65536 bytes" >&2; exit 1')
        self.assertEqual(b.outcome, 'memory')
        # as the kernel kills: the script, or what it runs
        self.assertEqual(self.box('kill -KILL $$').outcome, 'memory')
        self.write('Makefile', 'all:\n\t@sh -c "kill -KILL \\$$\\$$"; exit $$?\n')
        self.assertEqual(self.box('make').outcome, 'memory')

    def test_the_kernel_takes_memory_from_it_first(self):
        self.assertEqual(self.box('cat /proc/1/oom_score_adj /proc/self/oom_score_adj').log, '1000\n1000\n')

    def test_output_without_end_is_a_log_with_an_end(self):
        b = self.box('echo first; yes "x.c:1: error: not the first"; true', seconds=3)
        self.assertEqual(b.outcome, 'deadline')
        self.assertTrue(b.log.startswith('first\n'))
        self.assertRegex(b.log, r'\n\[\d+ bytes of output are left out here\]\n')
        self.assertLess(len(b.log), MIB + 200)

    def test_output_is_printable(self):
        b = self.box(r'''printf 'x.c:3:1: error: \033]0;evil\007\033[31m \302\233 \342\200\256 end\n'; printf 'a\0\033b\n'; exit 3''')
        self.assertEqual((b.outcome, b.fields['status']), ('failed', '3'))
        self.assertRegex(b.fields['error'], r'^x\.c:3:1: error: [ -~]*end$')
        self.assertRegex(b.log, r'^[\n -~]*$')

    def test_a_killed_modfetch_leaves_nothing(self):
        # while the box is made too: none of its processes waits for one that is gone
        for delay in (*(i * 0.008 for i in range(25)), 0.5, 1):
            child = subprocess.Popen(self.command('setsid sleep 100 & while :; do :; done'), stdout=subprocess.DEVNULL)
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
            child.wait()
            for _ in range(200):
                if not processes():
                    break
                time.sleep(0.05)
            self.assertEqual(processes(), [], delay)

    def test_builds_run_side_by_side(self):
        self.write('x.c', 'int x;\n')
        all_of_them = [subprocess.Popen(self.command(f'cc -c x.c && echo {i} >>x.o && sleep 1', log=f'l{i}', out=None, results=['x.o']),
                                        stdout=subprocess.PIPE) for i in range(4)]
        for child in all_of_them:
            out = child.communicate()[0].decode()
            self.assertIn('outcome done', out)
            self.assertIn('sealed', out)


class Results(BoxTest):
    """What a build leaves where its result should be."""

    def bad(self, script, code, why, **options):
        b = self.box(script, results=['r'], **options)
        self.assertEqual(b.outcome, code, b.log)
        self.assertRegex(b.fields['why'], why)
        self.assertEqual(os.listdir(f'{self.top}/out'), [])

    def test_links_are_not_followed(self):
        for target in ('/etc/passwd', 'own', '/proc/self/environ', '/proc/1/root/etc/shadow', '/dev/zero', 'r'):
            self.bad(f'echo own >own; ln -s {target} r', 'BAD-MODULE', 'link')

    def test_a_link_in_the_path_is_not_followed(self):
        b = self.box('mkdir d; echo x >d/r; ln -s d l; ln -s / up', results=['l/r'])
        self.assertEqual(b.outcome, 'BAD-MODULE')
        b = self.box('ln -s / up', results=['up/etc/passwd'])
        self.assertEqual(b.outcome, 'BAD-MODULE')
        for path in ('../../etc/passwd', '/etc/passwd'):
            b = self.box('true', results=[path])
            self.assertEqual(b.outcome, 'BAD-MODULE', path)

    def test_other_kinds_are_refused(self):
        self.bad('mkfifo r', 'BAD-MODULE', 'regular')
        self.bad('mkdir r', 'BAD-MODULE', 'regular')
        self.bad('''python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("r")' ''', 'BAD-MODULE', 'socket')

    def test_large_ones_are_refused(self):
        self.bad('truncate -s 60M r', 'TOO-LARGE', '62914560 bytes, the limit is 1048576')
        self.bad('head -c 1048577 /dev/zero >r', 'TOO-LARGE', '1048577 bytes')
        self.bad('truncate -s 100G r || truncate -s 8M r', 'TOO-LARGE', 'limit')
        b = self.box('head -c 1048576 /dev/zero >r', results=['r'])
        self.assertEqual(b.results, [['1048576', 'sealed']])

    def test_modes_and_hard_links_do_not_matter(self):
        b = self.box('echo x >r; ln r s; chmod 0 r; chmod 0 .', results=['r', 'missing', 'r/below'])
        self.assertEqual(b.results, [['2', 'sealed'], ['none'], ['none']])

    def test_a_failed_build_has_no_result(self):
        b = self.box('echo x >r; exit 1', results=['r'])
        self.assertEqual((b.outcome, b.results), ('failed', [['none']]))


class Refused(BoxTest):
    """A machine that has no box."""

    def test_there_is_no_build_without_the_user(self):
        for line in ('', f'{USER}:x:0:0::/:/bin/sh\n', f'{USER}:x:{UID}:0::/:/bin/sh\n'):
            self.account(line)
            b = self.box('touch built', results=['built'])
            self.assertEqual(b.outcome, 'TOOL')
            self.assertIn('systemd-sysusers', b.fields['why'])

    def test_places_are_absolute_and_normal(self):
        for place in ('build', '/', '/build/../usr', '/build//x', '/build/', '/./x'):
            self.assertEqual(self.box('true', place=place).outcome, 'EINVAL', place)
        self.assertEqual(self.box('true', read_only=['usr']).outcome, 'EINVAL')
        self.assertEqual(self.box('true', read_only=['/usr/missing']).outcome, 'ENOENT')

    def test_a_box_that_cannot_be_made_is_no_failed_build(self):
        b = self.box('true', place='/usr/is/read-only')
        self.assertEqual(b.outcome, 'TOOL')
        self.assertRegex(b.fields['why'], 'bwrap: ')


if __name__ == '__main__':
    unittest.main()
