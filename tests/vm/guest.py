# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest: QEMU without KVM, a monitor, a console in a file, and an agent that runs commands in it."""

import base64
import dataclasses
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import image
from image import commands
from qmp import QMP

PORTS = 12  # root ports for devices, named port0, port1, …


@dataclasses.dataclass
class Machine:
    """What QEMU emulates. PATIENCE: how many times as long as for a PC everything may take, also for systemd."""
    qemu: list
    cpu: str
    console: str
    agent: list  # the second serial line
    patience: int = 1
    cmdline: str = ""


MACHINES = {
    # on a busy machine the timer comes too late for the kernel, which then panics
    None: Machine(["qemu-system-x86_64", "-machine", "q35"], "max", "ttyS0", ["-serial", "chardev:agent"], cmdline="no_timer_check"),
    # "max" has pointer authentication, whose emulation takes half of the time; this machine has one serial line only
    "arm64": Machine(["qemu-system-aarch64", "-machine", "virt"], "cortex-a72", "ttyAMA0",
                     ["-device", "pci-serial,chardev=agent"],
                     patience=5, cmdline="systemd.default_timeout_start_sec=600"),
}


class GuestError(Exception):
    """The guest did not finish a request in time."""


class Workdir:
    """A directory beside the cache (hard links need that), removed at the end."""

    def __enter__(self):
        image.CACHE.mkdir(parents=True, exist_ok=True)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="vm-", dir=image.CACHE))
        self.path.chmod(0o755)  # the web server runs as nobody
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Guest:
    """Boots DIRECTORY/disk.img with a kernel; a context manager that ends all its processes.

    CPU: QEMU's name of the processor, for a processor that lacks some features ("qemu64"). The machine is that of the KERNEL.
    SNAPSHOT keeps the image unchanged, so that one image can be booted several times. COUNTED: the clock counts instructions,
    one for each nanosecond, so that times do not depend on the load of the host; QEMU supports this for one processor. While the
    guest waits, its clock is that of the host: else it would jump to the next timer during each access to a disk.
    BOOT: (kernel, initrd) to boot instead of the files of KERNEL and DIRECTORY. DISK: the devices of the root disk. TYPED: the
    console takes input, see type(), and an initrd that cannot go on opens a shell there. FIRMWARE: options for QEMU with which the
    machine starts from a disk of its own (efi.py), in place of the kernel, its initrd and CMDLINE.
    """

    def __init__(self, directory, kernel, devices=(), cmdline="", snapshot=True, memory=1024, name="guest",
                 paused=False, counted=False, cpu=None,
                 typed=False, boot=None, firmware=None, disk=("-device", "virtio-blk-pci,drive=root")):
        self.directory = pathlib.Path(directory)
        self.console = self.directory / f"{name}.console"
        sockets = {kind: self.directory / f"{name}.{kind}" for kind in ("qmp", "agent", "keyboard")}
        for path in sockets.values():
            path.unlink(missing_ok=True)
        machine = MACHINES[kernel.arch]
        self.patience = machine.patience
        kernel_file, initrd = boot or (kernel.image, self.directory / "initramfs")
        command = [
            *machine.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-cpu", cpu or machine.cpu, "-m", str(memory),
            *(["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0,sleep=on"] if counted else
              ["-accel", "tcg,thread=multi", "-smp", "2"]),
            *(firmware or ["-kernel", kernel_file, "-initrd", initrd, "-append",
                           f"console={machine.console} {'' if typed else 'panic=-1'} quiet loglevel=4 systemd.show_status=0 "
                           f"{machine.cmdline} {cmdline}"]),
            "-chardev", f"socket,id=console,path={sockets['keyboard']},server=on,wait=off,logfile={self.console}" if typed else
                        f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=agent,path={sockets['agent']},server=on,wait=off", *machine.agent,
            "-chardev", f"socket,id=qmp,path={sockets['qmp']},server=on,wait=off", "-mon", "chardev=qmp,mode=control",
            "-drive", f"file={self.directory}/disk.img,if=none,id=root,format=raw,cache=unsafe"
                      + (",snapshot=on" if snapshot else ""),
            *disk,
            "-netdev", "user,id=lan", "-device", "virtio-net-pci,netdev=lan,id=nic,romfile=",
        ]
        for port in range(PORTS):
            command += ["-device", f"pcie-root-port,id=port{port},chassis={port + 1},slot={port + 1},bus=pcie.0"]
        command += [str(arg) for device in devices for arg in device]
        command += ["-S"] if paused else []
        self.log = open(self.directory / f"{name}.qemu", "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        self.qmp = self.agent = self.keyboard = None
        self.buffer = b""
        self.count = 0
        self.read = 0  # of the console
        try:
            self.qmp = QMP(sockets["qmp"])
            self.agent = socket.socket(socket.AF_UNIX)
            self.agent.connect(str(sockets["agent"]))
            if typed:
                self.keyboard = socket.socket(socket.AF_UNIX)
                self.keyboard.connect(str(sockets["keyboard"]))
                threading.Thread(target=self.drain_console, daemon=True).start()
        except OSError as error:
            self.kill()
            raise GuestError(f"QEMU does not run: {(self.directory / f'{name}.qemu').read_text(errors='replace')}") from error
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """Pulls the power cord."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for thing in (self.qmp, self.agent, self.keyboard, self.log):
            if thing:
                thing.close()

    def line(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                tail = self.console.read_text(errors="replace")[-3000:]
                raise GuestError(f"no answer from the guest; its console ends:\n{tail}")
            self.agent.settimeout(min(left, 1))
            try:
                self.buffer += self.agent.recv(65536)
            except TimeoutError:
                pass
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.strip()

    def drain_console(self):
        """Reads what QEMU has written to its log already, so that the guest never waits for a reader."""
        try:
            while self.keyboard.recv(65536):
                pass
        except OSError:
            pass

    def press(self, key):
        """Presses a key of the keyboard, and waits until the program that reads it has had the time to."""
        self.qmp.execute("human-monitor-command", command_line=f"sendkey {key}")
        time.sleep(1)

    def type(self, text):
        """Types a line on the console."""
        self.keyboard.sendall(text.encode() + b"\n")

    def wait_console(self, text, timeout=240):
        """Waits for a text on the console; returns all that was printed before its end, and forgets it."""
        deadline = time.monotonic() + timeout * self.patience
        while True:
            printed = self.console.read_text(errors="replace")[self.read:]
            if text in printed:
                end = printed.index(text) + len(text)
                self.read += end
                return printed[:end]
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise GuestError(f"{text!r} is not on the console; it ends:\n{printed[-3000:]}")
            time.sleep(0.2)

    def wait_ready(self, timeout=240):
        """Waits until the agent accepts commands, which is early in the boot."""
        deadline = time.monotonic() + timeout * self.patience
        while self.line(deadline) != b"ready":
            pass

    def wait_booted(self, timeout=240):
        """Waits until systemd has no jobs; returns its state ("running", "degraded")."""
        return self.run("systemctl is-system-running --wait || :", timeout).strip()

    def try_run(self, script, timeout=60):
        """Runs a shell script in the guest; returns its exit status and output."""
        timeout *= self.patience
        self.count += 1
        ident = b"c%d" % self.count
        self.agent.settimeout(timeout)
        self.agent.sendall(ident + b" " + base64.b64encode(script.encode()) + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            words = self.line(deadline).split(b" ")
            if words[0] == ident:
                text = base64.b64decode(words[2]) if len(words) > 2 else b""
                commands.record(f"in the guest: {script}", int(words[1]), text)
                return int(words[1]), text.decode(errors="replace")

    def run(self, script, timeout=60):
        status, text = self.try_run(script, timeout)
        if status:
            raise GuestError(f"in the guest, exit status {status}: {script}\n{text}")
        return text

    def wait_for(self, script, timeout=30):
        """Repeats a script until it succeeds; returns its last output."""
        deadline = time.monotonic() + timeout * self.patience
        while True:
            status, text = self.try_run(script, timeout)
            if not status:
                return text
            if time.monotonic() > deadline:
                raise GuestError(f"not in {timeout} s: {script}\n{text}")
            time.sleep(0.2)
