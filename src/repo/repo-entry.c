/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of an entry in a .repo file.
 *
 * One table has all keys that dnf.conf(5) and zypper document for a repository, and our own. A key is
 * acted on; or it is neutral, since modfetch does the same without it; or it is unused, which a refresh
 * reports, as it reports a key that is not in the table; or it is refused: to ignore it would take away
 * a protection that the admin asked for. A value that is wrong (trust=none for a network URL, a
 * priority that is no number, no URL at all) or refused makes the whole entry unusable. The rest of
 * such an entry is still read, since it may say that it is disabled.
 */
#include "repo-entry.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/repo.h"
#include "modfetch/similar.h"
#include "modfetch/strings.h"
#include "base-url.h"
#include "values.h"

/* ---- values ---- */

/*
 * Each of these reads one value into WHERE, a member of the draft's repository. 0, also where the
 * value is wrong and the entry unusable, or -ENOMEM.
 */

static int refuse(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return repo_spoil_key(rd, d,
			      "= is not supported, and ignoring it would drop a protection; "
			      "remove the line if you can do without it");
}

static int add_words(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return mf_strings_split(where, value);
}

/* A group (@NAME) has no meaning here: to pass over an exclusion is refused. */
static int add_patterns(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, value);

	for (size_t i = 0; !r && i < words.n; i++) {
		if (*words.v[i] == '@' || strchr(words.v[i], '(') || *words.v[i] == '/')
			return repo_spoil(rd, d, "not a pattern for names of packages", words.v[i]);
		r = mf_strings_add(where, words.v[i]);
	}
	return r;
}

static int set_yes_no(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "1", true },	{ "yes", true }, { "true", true },   { "on", true },
		{ "0", false }, { "no", false }, { "false", false }, { "off", false },
	};
	bool *flag = where;

	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++) {
		if (!strcasecmp(value, words[i].word)) {
			*flag = words[i].value;
			return 0;
		}
	}
	return repo_spoil(rd, d, "neither yes nor no", value);
}

/* A check that modfetch always makes: to turn it off is refused. */
static int require_yes(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	bool yes = true;
	int r = set_yes_no(rd, d, &yes, value);

	return r < 0 || yes
		       ? r
		       : repo_spoil_key(rd, d,
					"=0 is not possible: certificates of servers are always "
					"checked; name their CA with sslcacert=");
}

/* A check that modfetch does not make: to ask for it is refused. */
static int require_no(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	bool yes = false;
	int r = set_yes_no(rd, d, &yes, value);

	return r < 0 || !yes ? r : refuse(rd, d, where, value);
}

static int set_number(const struct reading *rd, struct draft *d, int *where, const char *value,
		      int min, int max, const char *why)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (*end || end == value || n < min || n > max)
		return repo_spoil(rd, d, why, value);
	*where = (int)n;
	return 0;
}

static int set_priority(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return set_number(rd, d, where, value, 1, 200, "priority is not a number from 1 to 200");
}

static int set_cost(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return set_number(rd, d, where, value, 0, 1000000,
			  "cost is not a number from 0 to 1000000");
}

static const struct {
	const char *name;
	enum mf_allow kind;
} allow_kinds[] = {
	{ "modprobe.d", MF_ALLOW_MODPROBE },	{ "modules-load.d", MF_ALLOW_MODULES_LOAD },
	{ "dracut.conf.d", MF_ALLOW_DRACUT },	{ "udev-rules", MF_ALLOW_UDEV },
	{ "uefi-certificates", MF_ALLOW_UEFI }, { "build-id", MF_ALLOW_BUILD_ID },
};

unsigned int mf_allow_parse(const char *word)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(allow_kinds); i++)
		if (!strcmp(word, allow_kinds[i].name))
			return allow_kinds[i].kind;
	return 0;
}

const char *mf_allow_name(enum mf_allow kind)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(allow_kinds); i++)
		if (allow_kinds[i].kind == kind)
			return allow_kinds[i].name;
	return "";
}

static int set_allow_files(const struct reading *rd, struct draft *d, void *where,
			   const char *value)
{
	unsigned int *kinds = where;
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, value);

	for (size_t i = 0; !r && i < words.n; i++) {
		unsigned int kind = mf_allow_parse(words.v[i]);

		if (!kind)
			return repo_spoil(rd, d, "no kind of file in allow-files", words.v[i]);
		*kinds |= kind;
	}
	return r;
}

static int set_trust(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	enum mf_trust *trust = where;

	if (!strcmp(value, "signed"))
		*trust = MF_TRUST_SIGNED;
	else if (!strcmp(value, "none"))
		*trust = MF_TRUST_NONE;
	else
		return repo_spoil(rd, d, "trust is neither signed nor none", value);
	return 0;
}

static int set_type(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	static const char *const names[] = { "rpm-md", "rpm_md", "rpmmd", "rpm",
					     "repomd", "yum",	 "none" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++)
		if (!strcasecmp(value, names[i]))
			return 0;
	return repo_spoil(rd, d, "the only supported type is rpm-md", value);
}

static int ignore(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return 0;
}

static int note_unused(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return mf_strings_add_unique(&d->repo.unused, rd->key);
}

static const struct {
	const char *name;
	int (*set)(const struct reading *rd, struct draft *d, void *where, const char *value);
	size_t offset; /* of the member of struct mf_repo that it sets */
} keys[] = {
#define KEY(name, set, member)                                                                     \
	{                                                                                          \
		name, set, offsetof(struct mf_repo, member)                                        \
	}
#define NEUTRAL(name)                                                                              \
	{                                                                                          \
		name, ignore, 0                                                                    \
	}
#define UNUSED(name)                                                                               \
	{                                                                                          \
		name, note_unused, 0                                                               \
	}
#define REFUSED(name, set)                                                                         \
	{                                                                                          \
		name, set, 0                                                                       \
	}
	KEY("name", repo_set_text, name),
	KEY("baseurl", repo_add_urls, baseurls),
	KEY("media", repo_add_media, baseurls),
	KEY("mirrorlist", repo_set_url, mirrorlist),
	KEY("metalink", repo_set_url, metalink),
	KEY("enabled", set_yes_no, enabled),
	KEY("gpgcheck", set_yes_no, gpgcheck),
	KEY("scriptlets", set_yes_no, scriptlets),
	KEY("allow-files", set_allow_files, allow_files),
	KEY("prefer", set_yes_no, prefer),
	KEY("priority", set_priority, priority),
	KEY("cost", set_cost, cost),
	KEY("trust", set_trust, trust),
	KEY("identity", repo_set_text, identity),
	KEY("keys", add_words, keys),
	KEY("gpgkey", add_words, gpgkeys),
	KEY("pkg_gpgcheck", set_yes_no, pkg_gpgcheck),
	KEY("repo_gpgcheck", set_yes_no, repo_gpgcheck),
	KEY("type", set_type, id),
	KEY("path", repo_set_url, path),
	KEY("excludepkgs", add_patterns, exclude),
	KEY("exclude", add_patterns, exclude),
	KEY("includepkgs", add_patterns, include),
	KEY("username", repo_set_secret, access.username),
	KEY("password", repo_set_secret, access.password),
	KEY("proxy", repo_set_proxy, access.proxy),
	KEY("proxy_username", repo_set_secret, access.proxy_username),
	KEY("proxy_password", repo_set_secret, access.proxy_password),
	KEY("sslcacert", repo_set_file, access.ca),
	KEY("sslclientcert", repo_set_file, access.client_cert),
	KEY("sslclientkey", repo_set_file, access.client_key),
	KEY("timeout", repo_set_seconds, access.timeout),
	KEY("retries", repo_set_retries, access.retries),
	KEY("metadata_expire", repo_set_expiry, never_expires),
	KEY("minrate", repo_set_bytes, access.min_rate),
	KEY("ip_resolve", repo_set_ip, access.ip_version),
	KEY("skip_if_unavailable", set_yes_no, skip_if_unavailable),
	REFUSED("sslverify", require_yes),
	REFUSED("proxy_sslverify", require_yes),
	REFUSED("sslverifystatus", require_no),
	REFUSED("sslcertstatus", require_no),
	REFUSED("proxy_auth_method", refuse),
	REFUSED("proxy_sslcacert", refuse),
	REFUSED("proxy_sslclientcert", refuse),
	REFUSED("proxy_sslclientkey", refuse),
	UNUSED("bandwidth"),
	UNUSED("failovermethod"),
	UNUSED("fastestmirror"),
	UNUSED("gpgcakey"),
	UNUSED("max_parallel_downloads"),
	UNUSED("mirrorlist_expire"),
	UNUSED("throttle"),
	UNUSED("user_agent"),
	NEUTRAL("async"),
	NEUTRAL("autorefresh"),
	NEUTRAL("build_cache"),
	NEUTRAL("check_config_file_age"),
	NEUTRAL("compare_providers_priority"),
	NEUTRAL("countme"),
	NEUTRAL("deltarpm"),
	NEUTRAL("deltarpm_metadata_percentage"),
	NEUTRAL("deltarpm_percentage"),
	NEUTRAL("enabled_metadata"),
	NEUTRAL("enablegroups"),
	NEUTRAL("gpgkey_dns_verification"),
	NEUTRAL("http_caching"),
	NEUTRAL("keepalive"),
	NEUTRAL("keepcache"),
	NEUTRAL("keeppackages"),
	NEUTRAL("mdpolicy"),
	NEUTRAL("metadata_expire_filter"),
	NEUTRAL("module_hotfixes"),
	NEUTRAL("optional_metadata_types"),
	NEUTRAL("service"),
	NEUTRAL("ui_repoid_vars"),
	NEUTRAL("zchunk"),
#undef KEY
#undef NEUTRAL
#undef UNUSED
#undef REFUSED
};

/* A key that is not in the table, perhaps misspelled. */
static int note_unknown(struct draft *d, const char *key)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = key };
	_cleanup_free_ char *hint = NULL, *text = NULL;

	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
		mf_similar_offer(&similar, keys[i].name);
	hint = mf_similar_text(&similar);
	text = mf_format("%s (unknown%s%s)", key, hint ? "; " : "", hint ? hint : "");
	if (!text)
		return -ENOMEM;
	mf_text_sanitize(text);
	return mf_strings_add_unique(&d->repo.unused, text);
}

int repo_entry_set(struct reading *rd, struct draft *d, const char *key, const char *value)
{
	rd->key = key;
	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
		if (!strcmp(key, keys[i].name))
			return keys[i].set(rd, d, (char *)&d->repo + keys[i].offset, value);
	return note_unknown(d, key);
}

/* ---- a whole entry ---- */

int repo_entry_check(const struct reading *rd, struct draft *d)
{
	struct mf_repo *repo = &d->repo;
	int r = repo_check_urls(rd, d);
	const char *list = repo->mirrorlist;

	if (r < 0 || d->where)
		return r;
	repo->gpgcheck |= repo->pkg_gpgcheck;
	if (!repo->access.client_cert != !repo->access.client_key)
		return repo_spoil(rd, d, "sslclientcert= and sslclientkey= need each other", "");
	if (list && mf_mirrors_read(rd->ctx, repo->id, &repo->baseurls) < 0)
		return -ENOMEM;
	if (repo->trust == MF_TRUST_SIGNED)
		return 0;
	if (repo->repo_gpgcheck)
		return repo_spoil(rd, d, "trust=none contradicts repo_gpgcheck=1", "");
	if (list)
		return repo_spoil(rd, d, "trust=none is for file: only", list);
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (!mf_starts_with(repo->baseurls.v[i], "file:"))
			return repo_spoil(rd, d, "trust=none is for file: only",
					  repo->baseurls.v[i]);
	return 0;
}
