/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_POLICY_H
#define MODFETCH_POLICY_H
/*
 * What the admin has refused, before any packet is sent: blacklists and install lines of
 * modprobe.d, module_blacklist= of the kernel's command line, kernel.modules_disabled.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/kmod.h"

/*
 * May a module be fetched? DEVICE: a device or alias asks, so that blacklists count; a module that
 * an admin names is not held back by them, as with modprobe. Returns 0: it may; 1: it may not, and
 * RET_WHY (the caller's) is one clause with the rule; -ENOMEM.
 */
int mf_policy_check(const struct mf_context *ctx, struct mf_kmod *kmod, const char *module,
		    bool device, char **ret_why);

#endif
