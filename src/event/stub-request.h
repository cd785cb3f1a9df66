/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STUB_REQUEST_H
#define MODFETCH_STUB_REQUEST_H
/*
 * Finds the process that requested a module, when modprobe runs one of modfetch's install lines.
 * The functions only read files below ROOT ("/" except in tests); libc only.
 */
#include <stdbool.h>
#include <sys/types.h>

/*
 * Did the kernel start modprobe? PARENT is the process of modprobe, or the shell in which modprobe
 * runs its install lines. If that cannot be read, the answer is true: then nothing is fetched.
 */
bool mf_stub_kernel_asks(const char *root, pid_t parent);
/*
 * Is PARENT or one of its ancestors udev? udev's "kmod load" builtin runs the install lines in the
 * process that handles the device, and a rule may start modprobe: these must not wait for a fetch.
 */
bool mf_stub_udev_asks(const char *root, pid_t parent);
/* False in an initrd, and with modfetch=off on the kernel's command line. */
bool mf_stub_system_ready(const char *root);

#endif
