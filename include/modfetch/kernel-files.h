/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_FILES_H
#define MODFETCH_KERNEL_FILES_H
/*
 * The files of a kernel itself: what its package may bring, and that the package of the running
 * kernel stays. A kernel's package is known by what it provides, "kernel-uname-r = KVER", and not
 * by its name.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/rpm-header.h"
#include "modfetch/strings.h"

/*
 * Is PATH a file of one of the kernels UNAME_R (as versions of "kernel-uname-r" have them)?
 * /boot/NAME-KVER, or NAME in the directory of that kernel's modules. Pure.
 */
bool mf_kernel_file(const char *path, const struct mf_strings *uname_r);

/*
 * May an installed package be removed? Not the one of the kernel that this machine runs. 0, or
 * -MFE_DENIED, recorded.
 */
int mf_kernel_may_leave(struct mf_context *ctx, const struct mf_rpm_header *header);

#endif
