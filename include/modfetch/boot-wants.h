/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BOOT_WANTS_H
#define MODFETCH_BOOT_WANTS_H
/*
 * What this machine's user space asks for by name when it boots, as wants.
 */
#include "modfetch/context.h"
#include "modfetch/want.h"

/*
 * Adds a want for each row of modfetch/boot-requests.h whose files exist below the root, and for
 * each line of modules-load.d(5). Blacklists count for them, as they do for systemd and for
 * modprobe@.service. What is no name is passed over with a debug line. 0, or -ENOMEM, recorded.
 */
int mf_boot_wants(struct mf_context *ctx, struct mf_wants *wants);

#endif
