/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splits a kernel release into flavor and ABI, for the names of packages.
 *
 * Decides where the version of a release ends and its flavor begins. A release is a list of words
 * separated by '-'; the words of the version begin with a digit, the words after them are the
 * flavor:
 *
 *	6.1.0-56-cloud-amd64		6.1.0_56	cloud-amd64
 *	6.12.117+deb12-amd64		6.12.117+deb12	amd64
 *	6.4.0-150600.21-default		6.4.0_150600.21	default
 *	6.11.4-301.fc41.x86_64+rt	6.11.4_301.fc41	x86_64+rt	(the machine is its flavor)
 *	6.6.0-rc7-amd64			6.6.0_rc7	amd64
 *	6.18.2				6.18.2		default
 *
 * A few flavors begin with a digit and are listed by name. Never decides whether a module fits a
 * kernel: symbol versions do that.
 */
#include "modfetch/release.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"

/* Debian's 686, 686-pae, 4kc-malta and 5kc-malta */
static const char *const digit_flavors[] = { "686", "4kc", "5kc" };

/* The last part of a release without a flavor, as Fedora and RHEL write it. */
static const char *const machines[] = { "x86_64",  "aarch64", "ppc64le", "s390x",
					"riscv64", "i686",    "armv7hl" };

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

static bool is_release_candidate(const char *s, size_t len)
{
	if (len < 3 || s[0] != 'r' || s[1] != 'c')
		return false;
	for (size_t i = 2; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return true;
}

static bool begins_flavor(const char *s, size_t len)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(digit_flavors); i++)
		if (is_word(s, len, digit_flavors[i]))
			return true;
	return !isdigit((unsigned char)*s) && !is_release_candidate(s, len);
}

/* The '-' before the flavor, or NULL. */
static const char *find_flavor(const char *release)
{
	const char *dash = strchr(release, '-');

	while (dash && !begins_flavor(dash + 1, strcspn(dash + 1, "-")))
		dash = strchr(dash + 1, '-');
	return dash;
}

/* The '.' before the machine, or NULL; a "+variant" may follow the machine. */
static const char *find_machine(const char *release)
{
	for (const char *dot = strchr(release, '.'); dot; dot = strchr(dot + 1, '.'))
		for (size_t i = 0; i < MF_ARRAY_SIZE(machines); i++)
			if (is_word(dot + 1, strcspn(dot + 1, "+"), machines[i]))
				return dot;
	return NULL;
}

bool mf_release_tag_valid(const char *tag, size_t len)
{
	if (!len || len >= MF_RELEASE_MAX || *tag == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)tag[i]) && (!tag[i] || !strchr("._+~-", tag[i])))
			return false;
	return true;
}

static void split_abi(struct mf_release *r)
{
	char *mark = strchr(r->abi, '_');

	if (mark) {
		memcpy(r->version, r->abi, (size_t)(mark - r->abi));
		strcpy(r->revision, mark + 1);
	} else {
		strcpy(r->version, r->abi);
		strcpy(r->revision, "1");
	}
}

static void write_uname_r(struct mf_release *r)
{
	char *dash;

	strcpy(r->uname_r, r->release);
	dash = strchr(r->uname_r, '-');
	while (dash && (dash = strchr(dash + 1, '-')))
		*dash = '.';
}

int mf_release_parse(const char *release, const char *flavor, struct mf_release *ret_release)
{
	struct mf_release r = { 0 };
	const char *end;

	if (!isdigit((unsigned char)*release) || !mf_release_tag_valid(release, strlen(release)))
		return -EINVAL;
	if (flavor &&
	    (!isalnum((unsigned char)*flavor) || !mf_release_tag_valid(flavor, strlen(flavor))))
		return -EINVAL;
	end = find_flavor(release);
	if (!end)
		end = find_machine(release);
	strcpy(r.release, release);
	strcpy(r.flavor, flavor ? flavor : end && end[1] ? end + 1 : "default");
	memcpy(r.abi, release, end ? (size_t)(end - release) : strlen(release));
	for (char *c = r.abi; *c; c++)
		if (*c == '-')
			*c = '_';
	split_abi(&r);
	write_uname_r(&r);
	*ret_release = r;
	return 0;
}

char *mf_release_kmp(const struct mf_release *release, const char *stem)
{
	return mf_format("%s-kmp-%s-%s", stem, release->flavor, release->abi);
}
