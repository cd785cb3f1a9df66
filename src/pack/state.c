/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages of a repository, recorded for the next run: REPO/.pack/<owner>.list, one file for
 * each kernel (its release and flavor) and one for firmware. A text file, one line for each
 * package:
 *
 *	modfetch-pack-state 1
 *	<fingerprint> <bytes of the rpm> <file below REPO>
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

#define STATE_HEAD "modfetch-pack-state 1"
#define STATE_MAX  ((size_t)256 << 20)

struct entry {
	char *fingerprint, *href;
	uint64_t size;
};

struct entries {
	struct entry *v;
	size_t n, room;
};

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		free(entries->v[i].fingerprint);
		free(entries->v[i].href);
	}
	free(entries->v);
}

static int state_add_entry(struct entries *entries, const char *fingerprint, const char *href,
			   uint64_t size)
{
	struct entry *e;

	if (mf_array_reserve(&entries->v, &entries->room, entries->n + 1, sizeof(*entries->v)) < 0)
		return -ENOMEM;
	e = &entries->v[entries->n++];
	*e = (struct entry){ strdup(fingerprint), strdup(href), size };
	return e->fingerprint && e->href ? 0 : -ENOMEM;
}

static int state_parse_line(char *line, struct entries *entries)
{
	char *save = NULL, *end;
	const char *fingerprint = strtok_r(line, " ", &save);
	const char *size = strtok_r(NULL, " ", &save);
	const char *href = strtok_r(NULL, "", &save);
	unsigned long long bytes;

	if (!fingerprint || !size || !href || strlen(fingerprint) != MF_SHA256_HEX - 1)
		return -EBADMSG;
	if (*href == '/' || strstr(href, ".."))
		return -EBADMSG;
	errno = 0;
	bytes = strtoull(size, &end, 10);
	if (errno || *end)
		return -EBADMSG;
	return state_add_entry(entries, fingerprint, href, bytes);
}

static int state_parse(char *text, struct entries *entries)
{
	char *save = NULL;
	const char *head = strtok_r(text, "\n", &save);

	if (!head || strcmp(head, STATE_HEAD))
		return -EBADMSG;
	for (char *line = strtok_r(NULL, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int r = state_parse_line(line, entries);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The name of the list of a package; new memory or NULL. */
static char *state_owner_of(const struct pack_package *package)
{
	const struct pack_kernel *kernel = package->kernel;

	return kernel ? mf_format("%s %s.list", kernel->release.release, kernel->release.flavor)
		      : strdup("firmware.list");
}

/* Reads every list but those named in SKIP. */
static int state_read_lists(struct pack *pack, const struct mf_strings *skip,
			    struct entries *entries)
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
			r = state_parse(text, entries);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, e->d_name,
				       r == -EBADMSG
					       ? "the list of packages of a kernel is damaged; "
						 "remove it and pack that kernel again"
					       : NULL);
	}
	return errno ? mf_fail(pack->ctx, MF_STAGE_PACK, -errno, ".pack", NULL) : 0;
}

static bool state_is_there(const struct pack *pack, const struct entry *entry)
{
	struct stat st;

	return !fstatat(pack->repo_fd, entry->href, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == entry->size;
}

int pack_state_reuse(struct pack *pack)
{
	_cleanup_(entries_done) struct entries entries = { 0 };
	_cleanup_(pack_map_done) struct pack_map map = { 0 };
	const struct mf_strings none = { 0 };
	int r = state_read_lists(pack, &none, &entries);

	if (r < 0)
		return r;
	for (size_t i = 0; i < entries.n; i++)
		if (pack_map_set(&map, entries.v[i].fingerprint, i) < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, ".pack", NULL);
	for (size_t i = 0; i < pack->n_packages; i++) {
		struct pack_package *package = &pack->packages[i];
		size_t at = pack_map_get(&map, package->fingerprint);

		if (at == PACK_NONE || !state_is_there(pack, &entries.v[at]))
			continue;
		package->href = MF_STEAL(entries.v[at].href);
		entries.v[at].href = strdup(package->href);
		package->rpm_size = entries.v[at].size;
		package->reused = true;
		pack->result.reused++;
	}
	return 0;
}

/* The names of the lists of this run. */
static int own_lists(const struct pack *pack, struct mf_strings *ret_owners)
{
	for (size_t i = 0; i < pack->n_packages; i++) {
		_cleanup_free_ char *owner = state_owner_of(&pack->packages[i]);
		int r = owner ? mf_strings_add_unique(ret_owners, owner) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
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
		_cleanup_free_ char *of = state_owner_of(p);

		if (of && !strcmp(of, owner))
			fprintf(out, "%s %llu %s\n", p->fingerprint,
				(unsigned long long)p->rpm_size, p->href);
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

int pack_state_hrefs(struct pack *pack, struct mf_strings *ret_hrefs)
{
	_cleanup_(entries_done) struct entries entries = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings owners = { 0 };
	int r = own_lists(pack, &owners);

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack", NULL);
	r = state_read_lists(pack, &owners, &entries);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < pack->n_packages; i++)
		r = mf_strings_add(ret_hrefs, pack->packages[i].href);
	for (size_t i = 0; r >= 0 && i < entries.n; i++)
		if (state_is_there(pack, &entries.v[i]))
			r = mf_strings_add(ret_hrefs, entries.v[i].href);
	mf_strings_sort(ret_hrefs);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, ".pack", NULL) : 0;
}
