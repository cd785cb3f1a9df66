# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest with modfetch on a minimal module tree, and a repository of its kernel on a real web server."""

import contextlib
import functools
import json
import os
import pathlib
import re

import guest
import image
import server

UNITS = ["modfetch.service", "modfetch-coldplug.service", "modfetch-fetch.socket"]

# The content of the disks of plugged devices; a guest that can read it has a working driver.
PATTERN = bytes(range(256)) * 4096


def repository(kind, build):
    """A directory with a packed, signed repository."""
    env = dict(os.environ, MODFETCH=str(next(pathlib.Path(build).glob("src/**/modfetch"))))
    return image.output_env(env, image.TESTS / "lib/repository", kind)


class Scene(contextlib.ExitStack):
    """Builds everything in a work directory. boot() may be called several times, with the original or the modified image.

    KIND: one of tests/lib/repository, or a function that makes a repository: it is called with a directory and the kernel.
    BASE: Debian packages in addition to those of tests/vm/base. PREPARE: called with the scene and the root of the image.
    KERNEL: one of tests/lib/kernel.
    """

    def __init__(self, build, kind="small", rate=None, modules=tuple(image.MINIMAL), enable=tuple(UNITS), files=(),
                 repo="", size="900M", base=(), prepare=None, kernel="default"):
        super().__init__()
        try:
            self.kernel = image.Kernel(kernel)
            self.directory = self.enter_context(guest.Workdir())
            self.packages = kind(self.directory, self.kernel) if callable(kind) else repository(kind, build)
            self.server = self.enter_context(server.Server(self.packages, self.directory / "www", rate=rate))
            keys = pathlib.Path(image.output(image.TESTS / "lib/keys"))
            # what the guest runs; packing is the work of this machine
            installed = image.output(image.HERE / "cross", self.kernel.arch) if self.kernel.arch else build
            image.build(self.directory, self.kernel, modules, build_dir=installed, enable=enable, size=size, packages=base,
                        prepare=prepare and functools.partial(prepare, self), files=[
                ("etc/modfetch/repos.d/test.repo", 0o644,
                 f"[test]\nname=Drivers\nbaseurl={self.server.guest_url}\nenabled=1\nkeys=repo.crt\n{repo}"),
                ("etc/modfetch/keys/repo.d/repo.crt", 0o644, keys / "repo.crt"),
                *files])
            for name in ("stick", "nvme"):
                with open(self.directory / f"{name}.img", "wb") as disk:
                    disk.write(PATTERN)
                    disk.truncate(64 << 20)
        except BaseException:
            self.close()
            raise

    def boot(self, *, wait=True, **kwargs):
        devices = list(kwargs.pop("devices", []))
        devices.append(["-audiodev", "none,id=sound"])
        for name in ("stick", "nvme"):
            devices.append(["-blockdev", f"driver=file,node-name={name}-file,filename={self.directory}/{name}.img,"
                                         f"locking=off",
                            "-blockdev", f"driver=raw,node-name={name},file={name}-file,read-only=on"])
        vm = self.enter_context(guest.Guest(self.directory, self.kernel, devices=devices, **kwargs))
        if not kwargs.get("paused"):
            vm.wait_ready()
        if wait:
            vm.wait_booted()
        return vm


def plug_card(vm, port="port0"):
    vm.qmp.add("e1000e", "card", bus=port, romfile="")


def plug_stick(vm, port="port1"):
    vm.qmp.add("qemu-xhci", "xhci", bus=port)
    vm.qmp.add("usb-storage", "stick", bus="xhci.0", drive="stick")


def plug_sound(vm, port="port2"):
    """QEMU can plug in codecs only before the machine runs, because their bus has no hotplug handler. A codec needs no
    work by a handler, so any handler is sufficient, for example the USB bus."""
    vm.qmp.add("ich9-intel-hda", "hda", bus=port)
    vm.qmp.execute("qom-set", path="/machine/peripheral/hda/hda.0", property="hotplug-handler",
                   value="/machine/peripheral/xhci/xhci.0")
    vm.qmp.add("hda-duplex", "codec", bus="hda.0", audiodev="sound")


def plug_nvme(vm, port="port3"):
    vm.qmp.add("nvme", "ssd", bus=port, drive="nvme", serial="modfetch")


def history(vm):
    """The history of the guest, one dictionary for each run."""
    text = vm.run("modfetch history --json 2>/dev/null || :")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


KERNEL_LINE = re.compile(r"KERNEL\[(\d+)\.(\d+)\] (\w+)\s+(\S+) \((\S+)\)")


def watch_kernel(vm):
    """Records every uevent of the kernel from now on."""
    vm.run("udevadm monitor --kernel >/run/kernel-events 2>&1 & disown; "
           "until grep -q 'KERNEL - ' /run/kernel-events; do sleep .05; done")


def kernel_events(vm):
    """(microseconds of CLOCK_MONOTONIC, action, devpath) of every uevent since watch_kernel()."""
    return [(int(s) * 1000000 + int(us.ljust(6, "0")), action, devpath)
            for s, us, action, devpath, _ in KERNEL_LINE.findall(vm.run("cat /run/kernel-events"))]


def wait_idle(vm, timeout=120):
    """Waits until udev and the services have nothing left to do."""
    vm.wait_for("udevadm settle --timeout=20 && [ -z \"$(ls /run/modfetch/queue)\" ] && "
                "! systemctl is-active modfetch-coldplug.service | grep -qx 'active\\|activating' && "
                "case $(systemctl is-active modfetch.service) in activating) false ;; "
                "active) [ \"$(systemctl show -P StatusText modfetch.service)\" = 'Waiting for devices' ] ;; esac", timeout)
