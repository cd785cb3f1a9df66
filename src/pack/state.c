/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages of a repository, recorded for the next run: REPO/.pack/<owner>.list, one file for
 * each kernel (its release and flavor) and one for firmware. A text file, one line for each
 * package:
 *
 *	modfetch-pack-state 2
 *	<fingerprint> <bytes of the rpm> <share key, or -> <file below REPO>
 *
 * A list of the drivers of a source (option "drivers") has the name of the source after the flavor. Version 1 had no
 * share keys. A kernel's list also has the packages of other kernels that serve it
 * (share.c): they stay in the repository when the list of their own kernel is removed.
 *
 * A run rewrites only the lists of its own kernels; the repository consists of the packages of all
 * lists. A list that cannot be parsed is an error, not an empty list: its packages would vanish
 * from the repository. A package is reused if a list has its fingerprint and the file is there with
 * the recorded size.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "model.h"

#define STATE_HEAD   "modfetch-pack-state 2"
#define STATE_HEAD_1 "modfetch-pack-state 1"
#define STATE_MAX    ((size_t)256 << 20)
#define NO_KEY	     "-"

void pack_entries_done(struct pack_entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		free(entries->v[i].href);
		free(entries->v[i].name);
		free(entries->v[i].owner);
	}
	free(entries->v);
	*entries = (struct pack_entries){ 0 };
}

/* The name of a package, from NAME-VERSION-RELEASE.ARCH.rpm; new memory or NULL. */
static char *name_of_href(const char *href)
{
	const char *slash = strrchr(href, '/'), *name = slash ? slash + 1 : href;
	size_t len = strlen(name);

	for (int dashes = 0; len && dashes < 2; dashes += name[len] == '-')
		len--;
	return strndup(name, len);
}

/* Adds a zeroed entry. NULL: no memory. */
static struct pack_entry *state_add_entry(struct pack_entries *entries)
{
	struct pack_entry *e;

	if (mf_array_reserve(&entries->v, &entries->room, entries->n + 1, sizeof(*entries->v)) < 0)
		return NULL;
	e = &entries->v[entries->n++];
	*e = (struct pack_entry){ 0 };
	return e;
}

static bool copy_digest(const char *hex, char ret_hex[MF_SHA256_HEX])
{
	if (!hex || strlen(hex) != MF_SHA256_HEX - 1)
		return false;
	memcpy(ret_hex, hex, MF_SHA256_HEX);
	return true;
}

static int state_parse_line(char *line, const char *owner, bool has_keys,
			    struct pack_entries *entries)
{
	char *save = NULL, *end;
	const char *fingerprint = strtok_r(line, " ", &save);
	const char *size = strtok_r(NULL, " ", &save);
	const char *key = has_keys ? strtok_r(NULL, " ", &save) : NO_KEY;
	const char *href = strtok_r(NULL, "", &save);
	struct pack_entry *e = state_add_entry(entries);

	if (!e)
		return -ENOMEM;
	if (!size || !key || !href || *href == '/' || strstr(href, "..") ||
	    !copy_digest(fingerprint, e->fingerprint) ||
	    (strcmp(key, NO_KEY) != 0 && !copy_digest(key, e->share_key)))
		return -EBADMSG;
	errno = 0;
	e->size = strtoull(size, &end, 10);
	if (errno || *end)
		return -EBADMSG;
	e->href = strdup(href);
	e->name = name_of_href(href);
	e->owner = strdup(owner);
	return e->href && e->name && e->owner ? 0 : -ENOMEM;
}

static int state_parse(char *text, const char *owner, struct pack_entries *entries)
{
	char *save = NULL;
	const char *head = strtok_r(text, "\n", &save);
	bool has_keys = head && !strcmp(head, STATE_HEAD);

	if (!head || (!has_keys && strcmp(head, STATE_HEAD_1) != 0))
		return -EBADMSG;
	for (char *line = strtok_r(NULL, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int r = state_parse_line(line, owner, has_keys, entries);

		if (r < 0)
			return r;
	}
	return 0;
}

char *pack_state_tag(const struct pack_entry *entry)
{
	const char *space = strchr(entry->owner, ' ');
	_cleanup_free_ char *release = NULL, *flavor = NULL;
	struct mf_release parsed;

	if (!space || !mf_ends_with(space, ".list"))
		return NULL;
	release = strndup(entry->owner, (size_t)(space - entry->owner));
	flavor = strndup(space + 1, strlen(space + 1) - strlen(".list"));
	if (!release || !flavor || mf_release_parse(release, flavor, &parsed) < 0)
		return NULL;
	return mf_format("%s-%s", parsed.flavor, parsed.abi);
}

/* The name of the list of a kernel; new memory or NULL. */
static char *state_list_of(const struct pack *pack, const struct pack_kernel *kernel)
{
	const char *drivers = pack->options->drivers;

	return mf_format("%s %s%s%s.list", kernel->release.release, kernel->release.flavor,
			 drivers ? " " : "", drivers ? drivers : "");
}

/* The name of the list of a package; new memory or NULL. */
static char *state_owner_of(const struct pack *pack, const struct pack_package *package)
{
	return package->kernel ? state_list_of(pack, package->kernel) : strdup("firmware.list");
}

/* Reads every list but those named in SKIP. */
static int state_read_lists(struct pack *pack, const struct mf_strings *skip,
			    struct pack_entries *entries)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(pack->private_fd);
	struct dirent *e;

	if (!dir)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, ".pack", NULL);
	while ((errno = 0, e = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		size_t len;
		int r;

		if (e->d_name[0] == '.' || !mf_ends_with(e->d_name, ".list") ||
		    mf_strings_has(skip, e->d_name))
			continue;
		r = mf_file_read_at(pack->private_fd, e->d_name, STATE_MAX, &text, &len);
		if (r >= 0)
			r = state_parse(text, e->d_name, entries);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, e->d_name,
				       r == -EBADMSG
					       ? "the list of packages of a kernel is damaged; "
						 "remove it and pack that kernel again"
					       : NULL);
	}
	return errno ? mf_fail(pack->ctx, MF_STAGE_PACK, -errno, ".pack", NULL) : 0;
}

bool pack_state_is_there(const struct pack *pack, const struct pack_entry *entry)
{
	struct stat st;

	return !fstatat(pack->repo_fd, entry->href, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == entry->size;
}

/*
 * The names of the lists of this run's kernels and packages; before there are packages, that of
 * firmware is not among them.
 */
static int own_lists(const struct pack *pack, struct mf_strings *ret_owners)
{
	for (size_t k = 0; k < pack->n_kernels; k++) {
		_cleanup_free_ char *owner = state_list_of(pack, &pack->kernels[k]);
		int r = owner ? mf_strings_add_unique(ret_owners, owner) : -ENOMEM;

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < pack->n_packages; i++) {
		_cleanup_free_ char *owner = state_owner_of(pack, &pack->packages[i]);
		int r = owner ? mf_strings_add_unique(ret_owners, owner) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

int pack_state_entries(struct pack *pack, bool others, struct pack_entries *ret_entries)
{
	_cleanup_(mf_strings_done) struct mf_strings owners = { 0 };
	int r = others ? own_lists(pack, &owners) : 0;

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack", NULL);
	return state_read_lists(pack, &owners, ret_entries);
}

static bool state_reuse_one(struct pack *pack, const struct pack_entry *entry,
			    struct pack_package *package)
{
	if (!pack_state_is_there(pack, entry))
		return true;
	package->href = strdup(entry->href);
	package->rpm_size = entry->size;
	package->reused = true;
	pack->result.reused++;
	return package->href != NULL;
}

int pack_state_reuse(struct pack *pack)
{
	_cleanup_(pack_entries_done) struct pack_entries entries = { 0 };
	_cleanup_(pack_map_done) struct pack_map map = { 0 };
	int r = pack_state_entries(pack, !pack->options->incremental, &entries);
	bool complete = true;

	if (r < 0)
		return r;
	for (size_t i = 0; complete && i < entries.n; i++)
		complete = pack_map_set(&map, entries.v[i].fingerprint, i) >= 0;
	for (size_t i = 0; complete && i < pack->n_packages; i++) {
		struct pack_package *package = &pack->packages[i];
		size_t at = pack_map_get(&map, package->fingerprint);

		if (at < entries.n)
			complete = state_reuse_one(pack, &entries.v[at], package);
	}
	return complete ? 0 : mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, ".pack", NULL);
}

/* A line for an entry or a package. */
static void state_put_line(const char *fingerprint, uint64_t size, const char *key,
			   const char *href, FILE *out)
{
	fprintf(out, "%s %llu %s %s\n", fingerprint, (unsigned long long)size, *key ? key : NO_KEY,
		href);
}

/* The packages of other kernels that serve a kernel: they stay as long as its list has them. */
static void state_put_served(const struct pack_kernel *kernel, FILE *out)
{
	for (size_t m = 0; m < kernel->n_modules; m++) {
		const struct pack_entry *e = kernel->modules[m].served_by;

		if (e)
			state_put_line(e->fingerprint, e->size, e->share_key, e->href, out);
	}
}

static int state_write_list(struct pack *pack, const char *owner)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	fputs(STATE_HEAD "\n", out);
	for (size_t i = 0; i < pack->n_packages; i++) {
		const struct pack_package *p = &pack->packages[i];
		_cleanup_free_ char *of = state_owner_of(pack, p);

		if (of && !strcmp(of, owner))
			state_put_line(p->fingerprint, p->rpm_size, p->share_key, p->href, out);
	}
	for (size_t k = 0; k < pack->n_kernels; k++) {
		_cleanup_free_ char *of = state_list_of(pack, &pack->kernels[k]);

		if (of && !strcmp(of, owner))
			state_put_served(&pack->kernels[k], out);
	}
	if (fclose(out))
		return -ENOMEM;
	return mf_file_publish(pack->private_fd, owner, 0644, text, len);
}

int pack_state_write(struct pack *pack)
{
	_cleanup_(mf_strings_done) struct mf_strings owners = { 0 };
	int r = own_lists(pack, &owners);

	for (size_t i = 0; r >= 0 && i < owners.n; i++)
		r = state_write_list(pack, owners.v[i]);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack",
			       "the list of packages cannot be written")
		     : 0;
}

/* Reports once for each list that this run has replaced a package that served its kernel. */
static int state_report_replaced(struct pack *pack, const struct pack_entry *entry,
				 struct mf_strings *reported)
{
	if (mf_strings_has(reported, entry->owner))
		return 0;
	pack_problem(pack, -MFE_PACK, entry->name,
		     "it has changed and can no longer serve %.*s: pack that kernel again",
		     (int)strcspn(entry->owner, " "), entry->owner);
	return mf_strings_add(reported, entry->owner);
}

/* Adds what served this run's kernels, and what other lists have. */
static int add_hrefs(struct pack *pack, const struct pack_entries *entries,
		     struct mf_strings *hrefs)
{
	_cleanup_(mf_strings_done) struct mf_strings reported = { 0 };
	_cleanup_(pack_map_done) struct pack_map names = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < pack->n_packages; i++)
		r = pack_map_set(&names, pack->packages[i].name, i);
	for (size_t i = 0; r >= 0 && i < entries->n; i++) {
		const struct pack_entry *e = &entries->v[i];
		size_t own = pack_map_get(&names, e->name);

		if (!pack_state_is_there(pack, e))
			continue;
		if (own == PACK_NONE)
			r = mf_strings_add(hrefs, e->href);
		else if (strcmp(pack->packages[own].href, e->href) != 0)
			r = state_report_replaced(pack, e, &reported);
	}
	for (size_t k = 0; k < pack->n_kernels; k++)
		for (size_t m = 0; r >= 0 && m < pack->kernels[k].n_modules; m++) {
			const struct pack_entry *e = pack->kernels[k].modules[m].served_by;

			r = e ? mf_strings_add(hrefs, e->href) : 0;
		}
	return r;
}

/* Removes duplicates from a sorted list. */
static void strings_unique(struct mf_strings *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (kept && !strcmp(list->v[i], list->v[kept - 1])) {
			free(list->v[i]);
			continue;
		}
		list->v[kept++] = list->v[i];
	}
	if (list->n)
		list->v[kept] = NULL;
	list->n = kept;
}

int pack_state_hrefs(struct pack *pack, struct mf_strings *ret_hrefs)
{
	_cleanup_(pack_entries_done) struct pack_entries entries = { 0 };
	int r = pack_state_entries(pack, true, &entries);

	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < pack->n_packages; i++)
		r = mf_strings_add(ret_hrefs, pack->packages[i].href);
	if (r >= 0)
		r = add_hrefs(pack, &entries, ret_hrefs);
	mf_strings_sort(ret_hrefs);
	strings_unique(ret_hrefs);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack", NULL) : 0;
}
