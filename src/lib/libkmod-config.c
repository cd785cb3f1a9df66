/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the configuration of modprobe says of a module: aliases, blacklists, commands, parameters.
 *
 * libkmod has read modprobe.d and the kernel's command line when its context was made. A module need
 * not be on disk.
 */
#include "modfetch/libkmod.h"
#include <fnmatch.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "libkmod-private.h"

static void lines_free(struct kmod_config_iter **it)
{
	if (*it)
		kmod_config_iter_free_iter(*it);
}

int mf_kmod_config_alias(struct mf_kmod *kmod, const char *name, mf_kmod_name_visit *visit,
			 void *arg)
{
	_cleanup_(lines_free) struct kmod_config_iter *it = kmod_config_get_aliases(kmod->kmod);
	int r = 0;

	while (it && !r && kmod_config_iter_next(it))
		if (!fnmatch(kmod_config_iter_get_key(it), name, 0))
			r = visit(arg, kmod_config_iter_get_value(it));
	return r;
}

/* Compares without a carriage return, which kmod takes for a part of the name on the line. */
static bool is_name_of_line(const char *key, const char *name)
{
	size_t len = strlen(key);

	while (len && key[len - 1] == '\r')
		len--;
	return strlen(name) == len && !memcmp(key, name, len);
}

/* Moves to the first line for a name. False: there is none. IT: the lines of one kind, or NULL. */
static bool find_line(struct kmod_config_iter *it, const char *name)
{
	while (it && kmod_config_iter_next(it))
		if (is_name_of_line(kmod_config_iter_get_key(it), name))
			return true;
	return false;
}

bool mf_kmod_blacklisted(struct mf_kmod *kmod, const char *name)
{
	_cleanup_(lines_free) struct kmod_config_iter *it = kmod_config_get_blacklists(kmod->kmod);

	return find_line(it, name);
}

const char *mf_kmod_install_command(struct mf_kmod *kmod, const char *name)
{
	_cleanup_(lines_free) struct kmod_config_iter *it =
		kmod_config_get_install_commands(kmod->kmod);

	return find_line(it, name) ? kmod_config_iter_get_value(it) : NULL;
}

bool mf_kmod_has_softdeps(struct mf_kmod *kmod, const char *name)
{
	_cleanup_(lines_free) struct kmod_config_iter *it = kmod_config_get_softdeps(kmod->kmod);

	return find_line(it, name);
}

char *mf_kmod_parameters(struct mf_kmod *kmod, const char *name)
{
	struct kmod_module *mod = NULL;
	const char *text = NULL;
	char *parameters;

	if (libkmod_is_safe_name(name) && kmod_module_new_from_name(kmod->kmod, name, &mod) == 0)
		text = kmod_module_get_options(mod);
	parameters = strdup(text ? text : "");
	if (mod)
		kmod_module_unref(mod);
	return parameters;
}
