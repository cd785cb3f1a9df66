# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that starts with Secure Boot, as a PC does: OVMF with Microsoft's keys, Debian's shim, GRUB and kernel.

Its EFI variables are a file that lasts from one boot to the next, so what mokutil asks of shim happens at the next one.
"""

import os
import shutil
import subprocess

import image

FIRMWARE = "/usr/share/OVMF"
PACKAGES = ["shim-signed", "shim-helpers-amd64-signed", "grub-efi-amd64-signed"]
# path on the EFI partition: path in the packages
PROGRAMS = {
    "EFI/BOOT/BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed",
    "EFI/BOOT/mmx64.efi": "usr/lib/shim/mmx64.efi.signed",
    "EFI/BOOT/grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
}


def programs():
    """The signed programs of Debian, unpacked in the cache; their packages are not installed, because they would look for a boot disk."""
    directory = image.CACHE / "efi"
    if not directory.exists():
        partial = directory.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        image.quietly("apt-get", "-o", "APT::Sandbox::User=root", "download", *PACKAGES, cwd=partial)
        for package in partial.glob("*.deb"):
            image.quietly("dpkg", "-x", package, partial)
        partial.rename(directory)
    return directory


def mtools(program, partition, *arguments):
    subprocess.run([program, "-i", str(partition), *map(str, arguments)], check=True, env=dict(os.environ, MTOOLS_SKIP_CHECK="1"))


def build(directory, kernel, cmdline):
    """Makes DIRECTORY/esp.img and DIRECTORY/vars.fd, for a guest whose disk and initramfs are there. Returns options for QEMU."""
    partition, variables = directory / "esp.img", directory / "vars.fd"
    config = directory / "grub.cfg"
    config.write_text(f"linux /vmlinuz console=ttyS0 panic=-1 loglevel=4 no_timer_check systemd.show_status=0 {cmdline}\n"
                      "initrd /initramfs\nboot\n", encoding="ascii")
    with open(partition, "wb") as f:
        f.truncate(128 << 20)
    mtools("mformat", partition, "-F", "::")
    mtools("mmd", partition, "::/EFI", "::/EFI/BOOT", "::/EFI/debian")
    files = {to: programs() / path for to, path in PROGRAMS.items()}
    files |= {"EFI/debian/grub.cfg": config, "vmlinuz": kernel.image, "initramfs": directory / "initramfs"}
    for to, path in files.items():
        mtools("mcopy", partition, path, f"::/{to}")
    shutil.copyfile(f"{FIRMWARE}/OVMF_VARS_4M.ms.fd", variables)
    return ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.secboot.fd",
            "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
            "-drive", f"file={partition},if=none,id=esp,format=raw,snapshot=on", "-device", "virtio-blk-pci,drive=esp,bootindex=1,addr=0x1e"]  # after the root disk, which is vda
