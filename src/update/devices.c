/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that a newer version of a driver would lose.
 *
 * A newer version may have dropped an alias: the device that has it would be without a driver after
 * the update. The devices are those of this machine, and those that were seen lately; a module serves a
 * device if the index of the kernel leads from one to the other. What a version has, its repository says:
 * exactly where its versions differ, else all of them have the alias or none. A repository whose metadata
 * has no alias of the module at all says nothing, and is believed to serve all.
 *
 * The devices are read once, and only if there is a newer version of anything.
 */
#include "devices.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/match.h"

/* ---- the devices ---- */

static int add_seen_lately(struct search *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->asked.n; i++) {
		_cleanup_(mf_want_done) struct mf_want want = { 0 };

		if (s->asked.v[i].kind != MF_ASKED_DEVICE)
			continue;
		r = mf_want_init_any(s->ctx, s->asked.v[i].what, NULL, &want);
		if (!r)
			r = mf_wants_add(&s->devices, &want);
	}
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_MATCH, r, "devices", NULL) : 0;
}

/* Finds the modules on disk of each device. 0 or a recorded failure. */
static int match_devices(struct search *s)
{
	struct mf_policy *policy = NULL;
	struct mf_kmod *kmod = NULL;
	int r = mf_kmod_new(s->ctx, &kmod);

	if (!r)
		r = mf_policy_new(s->ctx, kmod, &policy);
	if (!r)
		r = mf_match(s->ctx, NULL, kmod, policy, s->devices.v, s->devices.n);
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	return r;
}

static int read_devices(struct search *s)
{
	int r = s->devices_read ? 0 : mf_devices_read(s->ctx, NULL, false, &s->devices);

	if (!r && !s->devices_read)
		r = add_seen_lately(s);
	if (!r && !s->devices_read)
		r = match_devices(s);
	s->devices_read |= !r;
	return r;
}

static bool serves(const struct mf_want *device, const char *module)
{
	for (size_t i = 0; i < device->n_matches; i++)
		if (device->matches[i].on_disk && !strcmp(device->matches[i].module, module))
			return true;
	return false;
}

/* ---- what a repository says ---- */

struct saying {
	const char *module, *label;
	size_t origin;
	bool any;    /* some package of the module is bound to the alias, and others are not */
	bool has;    /* this one is */
	bool speaks; /* the metadata has any alias of the module */
};

static int saying_on_carrier(void *arg, const char *module, const char *label, size_t repo)
{
	struct saying *s = arg;

	if (repo != s->origin || strcmp(module, s->module) != 0)
		return 0;
	s->any = true;
	s->has |= !strcmp(label, s->label);
	return 0;
}

static int saying_on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct saying *s = arg;

	s->has |= repo == s->origin && !strcmp(module, s->module);
	return 0;
}

static int saying_on_any_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct saying *s = arg;

	s->speaks |= repo == s->origin && !strcmp(module, s->module);
	return s->speaks;
}

/* Has the package of a repository no alias for the device? 1, 0 or -MFE_BAD_INDEX. */
static int lacks_alias(const struct search *search, const char *device, struct saying *s)
{
	int r;

	s->any = s->has = s->speaks = false;
	r = mf_catalog_carriers(search->catalog, device, saying_on_carrier, s);
	if (r < 0 || s->any)
		return r < 0 ? r : !s->has;
	r = mf_catalog_aliases(search->catalog, device, saying_on_alias, s);
	if (!r && !s->has)
		r = mf_catalog_walk(search->catalog, saying_on_any_alias, s);
	return r < 0 ? r : !s->has && s->speaks;
}

/* ---- all ---- */

static int devices_on_module(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module)) ? mf_strings_add_unique(arg, module) : 0;
}

/* A device that MODULE serves and the package of S lacks; NULL: none. RET_ERROR: 0 or -MFE_BAD_INDEX. */
static const struct mf_want *find_lost(const struct search *search, struct saying *s,
				       int *ret_error)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < search->devices.n; i++) {
		const struct mf_want *device = &search->devices.v[i];

		if (device->kind != MF_WANT_ALIAS || !serves(device, s->module))
			continue;
		r = lacks_alias(search, device->name, s);
		if (r > 0)
			return device;
	}
	*ret_error = r;
	return NULL;
}

int update_loses_device(struct search *s, int installed, int id, char **ret_why)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	_cleanup_free_ char *label = NULL;
	const struct mf_want *lost = NULL;
	struct mf_package package;
	struct saying saying = { 0 };
	int r = read_devices(s), error = 0;

	if (r < 0)
		return r;
	mf_pool_package(s->pool, id, &package);
	label = mf_package_label(&package);
	if (!label ||
	    mf_pool_deps(s->pool, installed, MF_PROVIDES, devices_on_module, &modules) < 0)
		return mf_fail(s->ctx, MF_STAGE_RESOLVE, -ENOMEM, "updates", NULL);
	saying.label = label;
	saying.origin = (size_t)package.origin;
	for (size_t i = 0; !error && !lost && i < modules.n; i++) {
		saying.module = modules.v[i];
		lost = find_lost(s, &saying, &error);
	}
	if (error || !lost)
		return error ? mf_fail(s->ctx, MF_STAGE_RESOLVE, error, "updates", NULL) : 0;
	*ret_why = mf_format("%s has no alias for %s, which %s serves; to install it all the same: "
			     "modfetch install %s-%s",
			     package.evr, lost->query, saying.module, package.name, package.evr);
	return *ret_why ? 1 : mf_fail(s->ctx, MF_STAGE_RESOLVE, -ENOMEM, "updates", NULL);
}
