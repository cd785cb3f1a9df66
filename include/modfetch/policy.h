/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_POLICY_H
#define MODFETCH_POLICY_H
/*
 * What the admin has refused, before any packet is sent: kernel.modules_disabled, module_blacklist=
 * of the kernel's command line, the rules of policy.d, blacklists and install lines of modprobe.d;
 * and, unattended, what brought the machine down.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/pending-loads.h"
#include "modfetch/want.h"

struct mf_policy;

/* Reads what is said; KMOD is borrowed and must live as long. 0, -MFE_CONFIG or -errno, recorded.
 */
int mf_policy_new(struct mf_context *ctx, struct mf_kmod *kmod, struct mf_policy **ret_policy);
void mf_policy_free(struct mf_policy *policy);

/* What would be fetched, and for whom; NULL where there is no such thing. */
struct mf_request {
	const struct mf_want *want; /* NULL: packages were asked for by name */
	const char *module;
	const char *package;
	const char *repository;
	bool by_alias; /* the module was found by an alias (mf_match_by_alias) */
};

/*
 * May it be fetched? The rules are asked in the order above, and the first one that says no is
 * told. Blacklists count where a device asks, for what its driver needs too, and, as with modprobe,
 * for the modules that an alias stands for; a module that is asked for by its own name is not held
 * back by them. Returns 0: it may; 1: it may not, and RET_WHY (the caller's) is
 * one clause with the rule; -ENOMEM.
 */
int mf_policy_check(const struct mf_policy *policy, const struct mf_request *request,
		    char **ret_why);
/* What is known of a module that brought the machine down; NULL: it did not. Borrowed. */
const struct mf_pending_load *mf_policy_crashed(const struct mf_policy *policy, const char *module);

#endif
