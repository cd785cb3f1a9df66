/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STUB_REQUEST_H
#define MODFETCH_STUB_REQUEST_H
/*
 * Who asks, when modprobe runs an install line of ours? Both questions are answered from files
 * below ROOT ("/" but in tests) and from nothing else; libc only.
 */
#include <stdbool.h>
#include <sys/types.h>

/*
 * Did the kernel start the modprobe whose child PARENT is, or which it is? PARENT may be the shell
 * that modprobe runs its lines with. What cannot be read counts as the kernel: then nothing is
 * fetched.
 */
bool mf_stub_kernel_asks(const char *root, pid_t parent);
/*
 * Is PARENT or a process above it udev? Its "kmod load" builtin runs the install lines in the
 * process that handles the device, and a rule may start modprobe: nobody may wait there.
 */
bool mf_stub_udev_asks(const char *root, pid_t parent);
/* False in an initrd, and with modfetch=off on the kernel's command line. */
bool mf_stub_system_ready(const char *root);

#endif
