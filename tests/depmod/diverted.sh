#!/bin/bash
# Runs in a chroot with Debian's kmod, initramfs-tools, dracut-core and dkms: this program takes the place of depmod, and all that call it
# (the kernel's package, dkms, the makers of initrds) get the indexes that kmod's own depmod makes. Usage: diverted.sh
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

die() {
    echo "diverted: $*" >&2
    exit 1
}

indexes=(dep dep.bin alias alias.bin softdep weakdep symbols symbols.bin builtin.bin builtin.alias.bin devname)

same() { # two directories with indexes of one kernel
    local name n=0
    for name in "${indexes[@]}"; do
        if [ -e "$1/modules.$name" ] || [ -e "$2/modules.$name" ]; then
            cmp "$1/modules.$name" "$2/modules.$name" || die "$1 and $2: modules.$name differs"
            n=$((n + 1))
        fi
    done
    [ "$n" -ge 10 ] || die "$1: only $n indexes"
}

check() { # the indexes of the kernel are those of kmod
    rm -rf /tmp/theirs
    /opt/kmod/depmod -a -o /tmp/theirs "$kernel"
    same "/lib/modules/$kernel" "/tmp/theirs/lib/modules/$kernel"
    # only this program writes it
    [ -s "/lib/modules/$kernel/modules.modfetch" ] || die "$1 did not run modfetch"
    echo "ok $1"
}

mkdir -p /opt/kmod
ln -s /usr/bin/kmod /opt/kmod/depmod
dpkg-divert --local --rename --divert /usr/sbin/depmod.kmod --add /usr/sbin/depmod
ln -s /usr/libexec/modfetch/depmod /usr/sbin/depmod

apt-get -qq -o APT::Sandbox::User=root update
# the kernel's package: its postinst runs depmod, and initramfs-tools makes an initrd
apt-get -qq -o APT::Sandbox::User=root install --no-install-recommends linux-image-amd64 >/tmp/apt.log 2>&1 || {
    cat /tmp/apt.log
    die "apt-get install linux-image-amd64"
}
kernel=$(basename /lib/modules/*)
check "kernel postinst"
[ -s "/boot/initrd.img-$kernel" ] || die "there is no initrd"

# an update of kmod leaves it in place
apt-get -qq -o APT::Sandbox::User=root install --reinstall kmod >/tmp/apt.log 2>&1 || die "apt-get install --reinstall kmod"
[ "$(readlink /usr/sbin/depmod)" = /usr/libexec/modfetch/depmod ] || die "an update of kmod replaced it"

initrd() { # a maker of an initrd, and its command up to the file
    local maker=$1 who
    shift
    for who in ours theirs; do
        PATH=$([ $who = ours ] || echo /opt/kmod:)$PATH "$@" "/tmp/$maker-$who" "$kernel" >/tmp/initrd.log 2>&1 || {
            cat /tmp/initrd.log
            die "$maker"
        }
        mkdir "/tmp/$maker-$who.d"
        unmkinitramfs "/tmp/$maker-$who" "/tmp/$maker-$who.d"
    done
    local ours theirs
    ours=$(find "/tmp/$maker-ours.d" -path "*/lib/modules/$kernel" -type d | head -n 1)
    theirs=$(find "/tmp/$maker-theirs.d" -path "*/lib/modules/$kernel" -type d | head -n 1)
    same "$ours" "$theirs"
    [ "$(cd "$ours" && find . | sort)" = "$(cd "$theirs" && find . | sort)" ] || die "$maker: other files"
    echo "ok $maker"
}

initrd mkinitramfs mkinitramfs -o
initrd dracut dracut --force --no-hostonly --no-compress --quiet
update-initramfs -u -k "$kernel" >/tmp/initrd.log 2>&1 || die "update-initramfs"

# dkms, with a module that is built by a copy
module=$(find "/lib/modules/$kernel/" -name 'dummy.ko*' | head -n 1)
mkdir -p /usr/src/copied-1 "/lib/modules/$kernel/build/include"
xz -dc "$module" >/usr/src/copied-1/source.bin
cat >/usr/src/copied-1/dkms.conf <<'END'
PACKAGE_NAME=copied
PACKAGE_VERSION=1
BUILT_MODULE_NAME[0]=copied
DEST_MODULE_LOCATION[0]=/updates/dkms
MAKE[0]="cp source.bin copied.ko"
CLEAN=true
AUTOINSTALL=yes
END
dkms install -m copied/1 -k "$kernel" --force >/tmp/dkms.log 2>&1 || {
    cat /tmp/dkms.log
    die "dkms install"
}
grep -q '^updates/dkms/copied' "/lib/modules/$kernel/modules.dep" || die "dkms: its module is in no index"
check "dkms install"
dkms remove -m copied/1 --all >/tmp/dkms.log 2>&1 || die "dkms remove"
! grep -q copied "/lib/modules/$kernel/modules.dep" || die "dkms: its module is still in the index"
check "dkms remove"

# back to kmod's own
rm /usr/sbin/depmod
dpkg-divert --local --rename --remove /usr/sbin/depmod
[ "$(readlink /usr/sbin/depmod)" = ../bin/kmod ] || die "depmod is not kmod's again"
depmod -a "$kernel"
same "/lib/modules/$kernel" "/tmp/theirs/lib/modules/$kernel"
echo "ok all"
