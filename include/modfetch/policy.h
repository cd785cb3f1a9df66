/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_POLICY_H
#define MODFETCH_POLICY_H
/*
 * What the administrator has refused, checked before any packet is sent: kernel.modules_disabled,
 * module_blacklist= of the kernel command line, the rules of policy.d, blacklists and install lines
 * of modprobe.d; and, in unattended runs, modules that crashed the machine.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/pending-loads.h"
#include "modfetch/rules.h"
#include "modfetch/want.h"

struct mf_policy;

/*
 * Reads all of it once. KMOD is borrowed and must outlive the policy. 0, -MFE_CONFIG or -errno,
 * recorded.
 */
int mf_policy_new(struct mf_context *ctx, struct mf_kmod *kmod, struct mf_policy **ret_policy);
void mf_policy_free(struct mf_policy *policy);
/* The rules of policy.d, among them those to hold and to prefer. They belong to the policy. */
const struct mf_rules *mf_policy_rules(const struct mf_policy *policy);

/* The package and module to fetch, and the want they are for; NULL where a part is unknown. */
struct mf_request {
	const struct mf_want *want; /* NULL: the user named packages */
	const char *module;
	const char *package;
	const char *repository;
	bool by_alias; /* the module was found by an alias (mf_match_by_alias) */
};

/*
 * Checks whether a module or package may be fetched. The sources are checked in the order above;
 * the first refusal is reported. Blacklists apply to wants of devices, also to the modules that
 * their drivers need, and, as in modprobe, to modules found by an alias; a module that is requested
 * by its own name ignores them. Returns 0: allowed; 1: refused, and RET_WHY (the caller's) is one
 * clause that names the rule; -ENOMEM.
 */
int mf_policy_check(const struct mf_policy *policy, const struct mf_request *request,
		    char **ret_why);
/*
 * The record of an earlier boot that crashed while it loaded this module; NULL: there is none.
 * Borrowed.
 */
const struct mf_pending_load *mf_policy_crashed(const struct mf_policy *policy, const char *module);

#endif
