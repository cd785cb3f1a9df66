/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * To whom a symbol is exported, and whether a module is one of them.
 *
 * The loader's rules: a symbol in a namespace is for modules with a field import_ns of that name. A
 * namespace "module:a,b*" is a list of modules by name, with a star for any end. A symbol of
 * EXPORT_SYMBOL_GPL is for modules whose first license field is one of a list.
 */
#include "terms.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

bool fit_has_gpl_license(const struct mf_modinfo *module)
{
	/* the kernel's include/linux/license.h */
	static const char *const licenses[] = { "GPL",		"GPL v2",
						"Dual BSD/GPL", "GPL and additional rights",
						"Dual MIT/GPL", "Dual MPL/GPL" };
	const char *license = mf_modinfo_get(module, "license");

	for (size_t i = 0; license && i < MF_ARRAY_SIZE(licenses); i++)
		if (!strcmp(license, licenses[i]))
			return true;
	return false;
}

/* Does a namespace "module:a,b*" name the module? */
static bool namespace_names(const char *ns, const char *module)
{
	const char *list = ns + strlen("module:");

	while (*list) {
		size_t len = strcspn(list, ","), n = len;
		bool glob = len && list[len - 1] == '*';
		_cleanup_free_ char *one = NULL;

		n -= glob;
		one = strndup(list, n);
		for (char *c = one; c && *c; c++)
			if (*c == '-')
				*c = '_';
		if (one && !strncmp(one, module, n) && (glob || !module[n]))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

bool fit_imports_namespace(const struct mf_modinfo *module, const char *name, const char *ns)
{
	if (mf_starts_with(ns, "module:"))
		return namespace_names(ns, name);
	for (size_t i = 0; i < module->n_fields; i++)
		if (!strcmp(module->fields[i].key, "import_ns") &&
		    !strcmp(module->fields[i].value, ns))
			return true;
	return false;
}
