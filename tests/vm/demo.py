#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main part of tests/demo: plugs four devices into a running guest that has no driver for any of them.

usage: demo.py BUILD-DIRECTORY [sid|arm64]

With "sid" the kernel of the guest and its repository are those of Debian sid; with "arm64" the whole guest is of this architecture.
Prints the time of each step of the pipeline for each driver, and the result in the guest. Exit status 0: every device
works, with a driver that was not on the disk before.
"""

import hashlib
import sys
import time

import scene

DIGEST = hashlib.sha256(scene.PATTERN).hexdigest()
READ = "dd if={} bs=1M count=1 status=none | sha256sum | cut -d' ' -f1"

# label, how it is plugged in, the module that must be missing before, and the check in the guest at the end
DEVICES = [
    ("e1000e network card", scene.plug_card, "e1000e",
     "d=$(echo /sys/bus/pci/drivers/e1000e/0000:*); i=$(ls $d/net) && "
     "echo \"driver $(basename $(readlink -f $d/driver)), interface $i: $(ip -br link show $i)\""),
    ("xHCI, USB storage stick", scene.plug_stick, "usb_storage",
     "[ -b /dev/sda ] && [ $(" + READ.format("/dev/sda") + ") = " + DIGEST + " ] && "
     "echo \"driver $(basename $(readlink -f /sys/bus/usb/drivers/usb-storage/*-*/driver)), block device "
     "$(lsblk -dno NAME,SIZE,TRAN,MODEL /dev/sda), its bytes are the stick's\""),
    ("Intel HDA sound card", scene.plug_sound, "snd_hda_intel",
     "d=$(echo /sys/bus/pci/drivers/snd_hda_intel/0000:*); [ -c /dev/snd/pcmC0D0p ] && "
     "echo \"driver $(basename $(readlink -f $d/driver)), sound card $(sed -n 1p /proc/asound/cards), "
     "codec $(sed -n 's/Codec: //p' /proc/asound/card0/codec#0)\""),
    ("NVMe disk", scene.plug_nvme, "nvme",
     "[ -b /dev/nvme0n1 ] && [ $(" + READ.format("/dev/nvme0n1") + ") = " + DIGEST + " ] && "
     "echo \"driver $(basename $(readlink -f /sys/class/nvme/nvme0/device/driver)), block device "
     "$(lsblk -dno NAME,SIZE,SERIAL /dev/nvme0n1), its bytes are the disk's\""),
]

PATIENCE = 180  # seconds for a device: a busy machine takes a minute
STAGES = ["decided", "resolved", "fetched", "verified", "installed", "indexed", "loaded", "bound"]


def rows(label, runs, events):
    """One row for each driver of a device: the moments since the kernel's uevent, in milliseconds."""
    out = []
    for run in runs:
        for query in run["queries"]:
            device = query.get("device", "").removeprefix("/sys")
            if not query.get("loaded") or not device:
                continue
            uevent = max((at for at, action, path in events if action == "add" and path == device), default=None)
            if uevent is None:
                continue
            times = dict(run["us"], decided=query.get("decided_us") or run["us"]["decided"])
            # the kernel's own time for the last step
            bound = [at for at, action, path in events if action == "bind" and path == device and at >= uevent]
            if bound:
                times["bound"] = min(bound)
            out.append((uevent, label, query["loaded"][-1],
                        [(times[s] - uevent) / 1000 if times.get(s) else None for s in STAGES]))
    return sorted(out)


def print_table(table):
    print(f"\n{'device':24} {'driver':16} uevent " + " ".join(f"{s:>9}" for s in STAGES) + "   (ms)")
    for _, label, module, times in table:
        print(f"{label:24} {module:16} {0:6} "
              + " ".join(f"{t:9.0f}" if t is not None else f"{'-':>9}" for t in times))


def plug(vm, label, how, module, proof):
    """One device: its driver is missing, it is plugged in, its driver arrives. Returns the runs and the output of the check."""
    status, text = vm.try_run(f"modinfo -n {module}")
    if status == 0:
        raise scene.guest.GuestError(f"{module} is on the guest's disk already: {text}")
    before = len(scene.history(vm))
    started = time.monotonic()
    how(vm)
    shown = vm.wait_for(proof, PATIENCE).strip()
    took = time.monotonic() - started
    scene.wait_idle(vm)
    print(f"plugged in: {label}: works after {took:.1f} s", flush=True)
    return scene.history(vm)[before:], shown


def main():
    build, *kinds = sys.argv[1:]
    kinds = {"kernel": kinds[0], "kind": kinds[0]} if kinds else {}
    start = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - start:5.1f} s] {text}", flush=True)

    say("packing the kernel's modules, building the guest")
    with scene.Scene(build, **kinds) as stage:
        count = sum(1 for _ in stage.server.root.rglob("*.rpm"))
        say(f"serving {count} packages of {stage.kernel.release} at {stage.server.guest_url}, booting the guest")
        vm = stage.boot()
        scene.wait_idle(vm)
        modules = vm.run(f"find /lib/modules/{stage.kernel.release} -name '*.ko*' | wc -l").strip()
        say(f"booted, {modules} modules on its disk")
        scene.watch_kernel(vm)
        table, proofs = [], []
        try:
            for label, how, module, proof in DEVICES:
                runs, shown = plug(vm, label, how, module, proof)
                table += rows(label, runs, scene.kernel_events(vm))
                proofs.append((label, shown))
        except scene.guest.GuestError as error:
            print(f"\n{error}\n\n--- the guest's journal:", file=sys.stderr)
            print(vm.try_run("journalctl -b --no-pager -t modfetch -u 'modfetch*' | tail -40; "
                             "modfetch history | tail -30")[1], file=sys.stderr)
            return 1
        print_table(table)
        print("\nthe guest's own proof:")
        for label, shown in proofs:
            print(f"  {label}: {shown}")
        ok = len(proofs) == len(DEVICES) and all(any(row[1] == label for row in table) for label, *_ in DEVICES)
        say("every device got its driver" if ok else "a device has no timeline")
        return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
