/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HELD_H
#define MODFETCH_HELD_H
/*
 * The installed packages that a rule of policy.d holds, for all kernels of the machine.
 */
#include "modfetch/context.h"
#include "modfetch/rules.h"
#include "modfetch/strings.h"

struct mf_installed {
	const char *name, *evr, *arch;
	/* those among its files, as kmod spells them, sorted; of a kernel none */
	const struct mf_strings *modules;
	const struct mf_rule *rule; /* the rule that holds it, or NULL */
};

typedef int mf_installed_visit(void *arg, const struct mf_installed *package);
/*
 * Visits every installed package, in no particular order. Reads the header of each, which takes half
 * a second for a few thousand: for verbs only. RULES: NULL holds none. 0, the visitor's return that
 * is not 0, or a recorded failure.
 */
int mf_installed_each(struct mf_context *ctx, const struct mf_rules *rules,
		      mf_installed_visit *visit, void *arg);

/* The same for the packages with LABEL, "name-evr.arch" or "name". */
int mf_installed_find(struct mf_context *ctx, const struct mf_rules *rules, const char *label,
		      mf_installed_visit *visit, void *arg);

/*
 * The command that ends a hold, as a clause: "modfetch unhold igb-kmp", or "remove that line of
 * /etc/modfetch/policy.d/20-x.conf" for a rule that modfetch does not write. New memory; NULL: no
 * memory.
 */
char *mf_held_way_out(const struct mf_rule *rule);

#endif
