/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules on disk in a version that does not serve the device.
 *
 * A repository says that a module has an alias, and a module of that name is on disk, but the index
 * of the kernel does not lead to it: the version on disk has no such alias. It may be older or newer
 * than the one that has, or be the kernel's own. The device stays without a driver, so the module does
 * not count as present. It is not replaced unasked either, since other devices may use it: the reason
 * names the package that has the alias.
 */
#include "unbound.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

bool match_is_bound(const struct mf_want *want, const struct mf_match *match)
{
	/* of ids alone the index does not know all aliases, and symbols are looked up by another name */
	if (want->known || want->kind == MF_WANT_SYMBOL)
		return true;
	return !match->on_disk || !match->pattern || match->by_index ||
	       !mf_match_by_alias(want, match);
}

struct carrier {
	const char *module;
	char *label; /* the newest, without the architecture; NULL: none yet */
};

static int unbound_on_carrier(void *arg, const char *module, const char *label, size_t repo)
{
	struct carrier *c = arg;
	const char *dot = strrchr(label, '.');
	char *copy;

	if (strcmp(module, c->module) != 0 || !dot)
		return 0;
	copy = strndup(label, (size_t)(dot - label));
	if (!copy || (c->label && strverscmp(copy, c->label) < 0)) {
		free(copy);
		return 0;
	}
	free(c->label);
	c->label = copy;
	return 0;
}

bool match_explain_unbound(const struct mf_catalog *catalog, struct mf_want *want)
{
	for (size_t i = 0; catalog && i < want->n_matches; i++) {
		const struct mf_match *match = &want->matches[i];
		struct carrier carrier = { match->module, NULL };
		_cleanup_free_ char *label = NULL;
		const char *name;

		if (match_is_bound(want, match) || !match->packages.n)
			continue;
		/* a damaged index was noticed before */
		(void)mf_catalog_carriers(catalog, want->name, unbound_on_carrier, &carrier);
		label = carrier.label;
		want->state = MF_UNKNOWN;
		name = label ? label : match->packages.v[0];
		mf_want_reason(want,
			       "%s is on disk in a version without an alias for it; %s has one: "
			       "modfetch install %s%s%s",
			       match->module, name, name, label ? "" : ", or modfetch update ",
			       label ? "" : name);
		return true;
	}
	return false;
}
