/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses the dependencies of packages: does one name a module, a symbol of the kernel, a driver?
 * The forms are those of SUSE's and RHEL's KMPs: "kmod(NAME.ko)" is a module, "ksym(FLAVOR:SYMBOL)"
 * and "kernel(SYMBOL)" are exported symbols. Only the text is parsed, nothing is looked up.
 */
#include <stdio.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

const char *mf_dep_symbol(const char *dep, size_t *ret_len)
{
	bool ksym = mf_starts_with(dep, "ksym("), kernel = mf_starts_with(dep, "kernel(");
	const char *symbol = dep + (ksym ? strlen("ksym(") : strlen("kernel("));
	size_t len, flavor;

	if (!ksym && !kernel)
		return NULL;
	len = strcspn(symbol, ")");
	flavor = strcspn(symbol, ":)") + 1;
	if (flavor <= len) {
		if (kernel)
			return NULL;
		symbol += flavor;
		len -= flavor;
	}
	if (ret_len)
		*ret_len = len;
	return symbol;
}

bool mf_dep_module(const char *dep, char *ret_name, size_t size)
{
	char file[MF_MODULE_NAME_SIZE];

	if (!mf_starts_with(dep, "kmod("))
		return false;
	dep += strlen("kmod(");
	/* a provide may have a version: "kmod(x.ko) = 1.2" */
	return snprintf(file, sizeof(file), "%.*s", (int)strcspn(dep, ")"), dep) <
		       (int)sizeof(file) &&
	       mf_module_name(file, ret_name, size);
}

bool mf_dep_is_uname_r(const char *dep)
{
	size_t len = strcspn(dep, " ");

	return mf_starts_with(dep, "kernel-") && len >= strlen("kernel-uname-r") &&
	       !strncmp(dep + len - strlen("-uname-r"), "-uname-r", strlen("-uname-r"));
}

bool mf_dep_is_side_by_side(const char *dep)
{
	static const char *const provides[] = { "multiversion(kernel)", "installonlypkg(kernel)",
						"installonlypkg(kernel-module)" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(provides); i++)
		if (mf_starts_with(dep, provides[i]))
			return true;
	return false;
}

bool mf_dep_is_driver(const char *dep)
{
	static const char *const prefixes[] = { "kmod(", "kalias(", "kernel-firmware" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(prefixes); i++)
		if (mf_starts_with(dep, prefixes[i]))
			return true;
	return strstr(dep, "-kmp") != NULL || strstr(dep, "-firmware") != NULL;
}
