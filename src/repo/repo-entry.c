/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of an entry in a .repo file.
 *
 * A key that is not understood is passed over as zypper and dnf do, but a value that is wrong
 * (trust=none for a network URL, a priority that is no number, no URL at all) makes the whole entry
 * unusable: a repository that silently means less than it says would be a hole. The rest of a
 * spoiled entry is still read, since it may say that it is disabled.
 */
#include "repo-entry.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/release.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"

int repo_spoil_at(struct draft *d, const char *file, unsigned int line, const char *why,
		  const char *value)
{
	_cleanup_free_ char *shown = mf_secret_hide_copy(value);
	const char *id = d->repo.id;

	if (d->why)
		return 0;
	if (!shown)
		return -ENOMEM;
	d->where = !line ? mf_format("%s", file)
		   : *id ? mf_format("%s line %u [%s]", file, line, id)
			 : mf_format("%s line %u", file, line);
	if (!d->where)
		return -ENOMEM;
	d->why = mf_format("%s%s%s", why, *shown ? ": " : "", shown);
	if (!d->why)
		return -ENOMEM;
	mf_text_sanitize(d->where);
	mf_text_sanitize(d->why);
	return 0;
}

int repo_spoil(const struct reading *rd, struct draft *d, const char *why, const char *value)
{
	return repo_spoil_at(d, rd->file, rd->line, why, value);
}

/* ---- values ---- */

char *mf_repo_url_expand(const struct mf_context *ctx, const char *url)
{
	struct mf_release release;
	struct utsname uts;
	_cleanup_free_ char *out = NULL;
	size_t len = 0, room = 0;
	_cleanup_fclose_ FILE *f = open_memstream(&out, &room);
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "$basearch", uts.machine },
		{ "$kernel", ctx->kernel ? ctx->kernel : "" },
		{ "$flavor", release.flavor },
	};

	if (!f || uname(&uts) < 0)
		return NULL;
	/* a release of another form has no flavor: then the word stays as it is */
	if (!ctx->kernel || mf_release_parse(ctx->kernel, NULL, &release) < 0)
		release.flavor[0] = '\0';
	while (*url) {
		bool found = false;

		for (size_t i = 0; i < MF_ARRAY_SIZE(variables); i++) {
			if (!*variables[i].value || !mf_starts_with(url, variables[i].name))
				continue;
			fputs(variables[i].value, f);
			url += strlen(variables[i].name);
			found = true;
			break;
		}
		if (!found)
			fputc(*url++, f);
	}
	fflush(f);
	len = out ? strlen(out) : 0;
	while (len && out[len - 1] == '/')
		out[--len] = '\0';
	return out ? strdup(out) : NULL;
}

static bool is_url(const char *s)
{
	return mf_starts_with(s, "http://") || mf_starts_with(s, "https://") ||
	       mf_starts_with(s, "file:/");
}

/*
 * Each of these reads one value into WHERE, a member of the draft's repository. 0, also where the
 * value is wrong and the entry unusable, or -ENOMEM.
 */

static int add_urls(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	struct mf_strings *urls = where;
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, value);

	for (size_t i = 0; !r && i < words.n; i++) {
		_cleanup_free_ char *url = mf_repo_url_expand(rd->ctx, words.v[i]);

		if (!url)
			return -ENOMEM;
		if (!is_url(url))
			return repo_spoil(rd, d, "neither http:, https: nor file:", url);
		r = mf_strings_add_unique(urls, url);
	}
	return r;
}

static int add_words(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return mf_strings_split(where, value);
}

static int set_text(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	char **text = where;

	free(*text);
	*text = strdup(value);
	return *text ? 0 : -ENOMEM;
}

static int set_url(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	char **url = where;

	free(*url);
	*url = mf_repo_url_expand(rd->ctx, value);
	return *url ? 0 : -ENOMEM;
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

static int set_priority(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	int *priority = where;
	char *end;
	long n = strtol(value, &end, 10);

	if (*end || end == value || n < 1 || n > 200)
		return repo_spoil(rd, d, "priority is not a number from 1 to 200", value);
	*priority = (int)n;
	return 0;
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

/* The keys that count, and the member of struct mf_repo that each sets; all others are ignored. */
static const struct {
	const char *name;
	int (*set)(const struct reading *rd, struct draft *d, void *where, const char *value);
	size_t offset;
} keys[] = {
#define KEY(name, set, member)                                                                     \
	{                                                                                          \
		name, set, offsetof(struct mf_repo, member)                                        \
	}
	KEY("name", set_text, name),
	KEY("baseurl", add_urls, baseurls),
	KEY("mirrorlist", set_url, mirrorlist),
	KEY("enabled", set_yes_no, enabled),
	KEY("gpgcheck", set_yes_no, gpgcheck),
	KEY("scriptlets", set_yes_no, scriptlets),
	KEY("allow-files", set_allow_files, allow_files),
	KEY("prefer", set_yes_no, prefer),
	KEY("priority", set_priority, priority),
	KEY("trust", set_trust, trust),
	KEY("identity", set_text, identity),
	KEY("keys", add_words, keys),
	KEY("gpgkey", add_words, gpgkeys),
#undef KEY
};

int repo_entry_set(const struct reading *rd, struct draft *d, const char *key, const char *value)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
		if (!strcmp(key, keys[i].name))
			return keys[i].set(rd, d, (char *)&d->repo + keys[i].offset, value);
	return 0;
}

/* ---- a whole entry ---- */

int repo_entry_check(const struct reading *rd, struct draft *d)
{
	struct mf_repo *repo = &d->repo;
	const char *list = repo->mirrorlist;

	if (list && (!is_url(list) || strchr(list, '?') || mf_starts_with(list, "file:")))
		return repo_spoil(rd, d, "mirrorlist is no plain http: or https: URL", list);
	if (!repo->baseurls.n && !list)
		return repo_spoil(rd, d, "no baseurl: a repository needs one", "");
	if (list && mf_mirrors_read(rd->ctx, repo->id, &repo->baseurls) < 0)
		return -ENOMEM;
	if (repo->trust == MF_TRUST_SIGNED)
		return 0;
	if (list)
		return repo_spoil(rd, d, "trust=none is for file: only", list);
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (!mf_starts_with(repo->baseurls.v[i], "file:"))
			return repo_spoil(rd, d, "trust=none is for file: only",
					  repo->baseurls.v[i]);
	return 0;
}
