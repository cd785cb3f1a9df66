/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has every repository a key that can verify its next metadata, and the program for it?
 *
 * An expired certificate still verifies what it signed before, so it fails only where a repository has no
 * other key. gpgkey= of a .repo file for zypper or dnf is not followed; the remedy is the command that an
 * admin can run to import that key.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "examination.h"

#define SOON (30LL * 86400) /* seconds */

enum key_state { KEY_GOOD, KEY_ENDS_SOON, KEY_BAD };

static bool is_key_of(const struct mf_key_entry *key, const struct mf_repo *repo)
{
	return mf_strings_has(&key->used_by, repo->id);
}

/* Judges a key. RET_WHY: what is wrong with it. */
static enum key_state judge_key(const struct mf_key_entry *key, const char **ret_why)
{
	int64_t left = key->certificate.not_after - time(NULL);

	if (key->why) {
		*ret_why = key->why;
		return KEY_BAD;
	}
	if (key->keyring)
		return KEY_GOOD;
	if (key->certificate.revoked) {
		*ret_why = "a revocation list names it";
		return KEY_BAD;
	}
	if (left < 0) {
		*ret_why = "it has expired";
		return KEY_BAD;
	}
	*ret_why = "it expires within 30 days";
	return left < SOON ? KEY_ENDS_SOON : KEY_GOOD;
}

/* The command that brings another key: from gpgkey=, or as pack publishes it. */
static char *import_command(const struct mf_repo *repo)
{
	if (repo->gpgkeys.n)
		return mf_format("modfetch key import %s %s", repo->id, repo->gpgkeys.v[0]);
	return mf_format("modfetch key import %s %s%s", repo->id,
			 repo->baseurls.n ? repo->baseurls.v[0] : "FILE",
			 repo->baseurls.n ? "/modfetch.pem" : "");
}

static void check_keys_of(struct examination *x, const struct mf_repo *repo)
{
	_cleanup_free_ char *import = import_command(repo);
	const char *why = NULL;
	size_t usable = 0;

	for (size_t i = 0; i < x->keys.n; i++)
		if (is_key_of(&x->keys.v[i], repo))
			usable += judge_key(&x->keys.v[i], &why) != KEY_BAD;
	for (size_t i = 0; i < x->keys.n; i++) {
		const struct mf_key_entry *key = &x->keys.v[i];
		enum key_state state;

		if (!is_key_of(key, repo))
			continue;
		state = judge_key(key, &why);
		if (state != KEY_GOOD)
			doctor_diagnose(x, usable ? MF_HEALTH_WARNING : MF_HEALTH_FAILED, import,
					"the key %s of %s: %s", key->file, repo->id, why);
		else
			doctor_diagnose(x, MF_HEALTH_OK, NULL, "the key %s of %s can be used",
					key->file, repo->id);
	}
	if (!repo->keys.n)
		doctor_diagnose(x, MF_HEALTH_FAILED, import,
				repo->gpgkeys.n
					? "%s has gpgkey=, which is not used unasked, and no keys="
					: "%s names no key (keys=)",
				repo->id);
}

void doctor_check_keys(struct examination *x)
{
	size_t before = x->found.n;

	for (size_t i = 0; i < x->repos.n; i++)
		if (x->repos.v[i].enabled && x->repos.v[i].trust == MF_TRUST_SIGNED)
			check_keys_of(x, &x->repos.v[i]);
	if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "no enabled repository needs one");
}

void doctor_check_sqv(struct examination *x)
{
	const char *id = NULL;

	for (size_t i = 0; !id && i < x->keys.n; i++)
		for (size_t k = 0; !id && x->keys.v[i].keyring && k < x->repos.n; k++)
			if (x->repos.v[k].enabled && is_key_of(&x->keys.v[i], &x->repos.v[k]))
				id = x->repos.v[k].id;
	if (!id)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "no repository has an OpenPGP key");
	else if (doctor_exists(x, "usr/bin/sqv") || doctor_exists(x, "bin/sqv"))
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"sqv is installed, which the key of %s needs", id);
	else
		doctor_diagnose(x, MF_HEALTH_FAILED, "install the package sqv",
				"the program sqv is missing, which the OpenPGP key of %s needs",
				id);
}
