/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collects the modules that the early boot of a kernel needs.
 *
 * The names come from this machine (sysfs, the table of mounts), which runs one kernel, and are for
 * another one: a built-in module of that kernel is left out, and an alias is looked up in its
 * indexes. Dependencies are not listed: who installs a module, or copies it into an initrd, takes
 * them along.
 *
 * Trusts nothing that it reads: a name that kmod's rules do not accept is left out.
 */
#include "needs.h"
#include <errno.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

int mf_needs_add(struct mf_needs *needs, enum mf_need need, const char *name)
{
	char module[MF_MODULE_NAME_SIZE];

	if (!mf_is_plain_name(name) || !mf_module_name(name, module, sizeof(module)) ||
	    mf_kmod_presence(needs->kmod, module) == MF_BUILTIN)
		return 0;
	return mf_strings_add_unique(need == MF_NEED_REQUIRED ? &needs->required : &needs->useful,
				     module);
}

struct needs_alias {
	struct mf_needs *needs;
	enum mf_need need;
	bool found;
};

static int needs_on_module(void *arg, const char *name, enum mf_presence presence)
{
	struct needs_alias *a = arg;

	a->found |= presence != MF_ABSENT;
	if (presence != MF_ON_DISK || mf_kmod_blacklisted(a->needs->kmod, name))
		return 0;
	return mf_needs_add(a->needs, a->need, name);
}

int mf_needs_add_alias(struct mf_needs *needs, enum mf_need need, const char *alias)
{
	struct needs_alias a = { needs, need, false };
	char spelled[MF_MODALIAS_MAX + 1];
	int r;

	if (!mf_modalias_valid(alias, strlen(alias)) ||
	    mf_alias_normalize(alias, spelled, sizeof(spelled)) < 0)
		return 1;
	r = mf_kmod_lookup(needs->kmod, spelled, needs_on_module, &a);
	return r == -ENOMEM ? r : !a.found;
}

void mf_needs_done(struct mf_needs *needs)
{
	mf_strings_done(&needs->required);
	mf_strings_done(&needs->useful);
	mf_strings_done(&needs->visited);
	mf_kmod_free(MF_STEAL(needs->kmod));
}
