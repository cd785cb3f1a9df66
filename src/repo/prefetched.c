/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of prefetched packages: what comes in, and what leaves it.
 *
 * A package is known by its label and its digest: another build of the same version is another package.
 * One package may be for several kernels, as firmware is; it stays until the last of them does not
 * want it any more. Files are synced before the list names them, since they are for a machine that may be
 * switched off and come up without a network; stored.c has their form. An entry is no proof that the
 * package may be installed: it is verified again when it is.
 */
#include "modfetch/prefetched.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/strings.h"
#include "stored.h"

int mf_prefetched_read(struct mf_context *ctx, struct mf_kept *ret_kept)
{
	return repo_stored_read(ctx, STORED_PREFETCHED, ret_kept);
}

bool mf_prefetched_is_for(const struct mf_kept_package *package, const char *kernel)
{
	size_t len = strlen(kernel);

	for (const char *at = package->kernels; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, kernel, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

static bool is_same(const struct mf_kept_package *entry, const struct mf_prefetched_new *package)
{
	return !strcmp(entry->label, package->label) &&
	       !memcmp(entry->sha256, package->sha256, sizeof(entry->sha256));
}

/* ---- what comes ---- */

static struct mf_kept_package *find_entry(const struct mf_kept *kept,
					  const struct mf_prefetched_new *package)
{
	for (size_t i = 0; i < kept->n; i++)
		if (is_same(&kept->v[i], package))
			return &kept->v[i];
	return NULL;
}

/* Puts VALUE, new memory, in the place of a text of an entry. 0 or -ENOMEM. */
static int replace_text(char **text, char *value)
{
	if (!value)
		return -ENOMEM;
	free(*text);
	*text = value;
	return 0;
}

static int update_entry(struct mf_kept_package *entry, const char *kernel,
			const struct mf_prefetched_new *package)
{
	int r = 0;

	entry->day = mf_day_today();
	if (!mf_prefetched_is_for(entry, kernel))
		r = replace_text(&entry->kernels, mf_format("%s,%s", entry->kernels, kernel));
	return r < 0 ? r : replace_text(&entry->words, strdup(package->words));
}

static int new_entry(struct mf_kept *kept, const char *kernel,
		     const struct mf_prefetched_new *package)
{
	struct mf_kept_package entry = { .day = mf_day_today(), .size = package->size };

	memcpy(entry.sha256, package->sha256, sizeof(entry.sha256));
	entry.name = strdup(package->name);
	entry.label = strdup(package->label);
	entry.repo = strdup(package->repo);
	entry.kernels = strdup(kernel);
	entry.words = strdup(package->words);
	if (!entry.words) {
		repo_stored_package_done(&entry);
		return -ENOMEM;
	}
	return repo_stored_append(kept, &entry);
}

static bool file_is_there(const struct mf_context *ctx, const struct mf_prefetched_new *package)
{
	struct mf_kept_package known = { .size = package->size,
					 .name = (char *)package->name,
					 .label = (char *)package->label };

	memcpy(known.sha256, package->sha256, sizeof(known.sha256));
	return mf_kept_is_there(ctx, &known);
}

static int add_one(const struct mf_context *ctx, int dirfd, struct mf_kept *kept,
		   const char *kernel, const struct mf_prefetched_new *package)
{
	struct mf_kept_package *entry = find_entry(kept, package);
	int r;

	if (!package->size || !repo_stored_label_is_plain(package->name, package->label) ||
	    !mf_is_word(package->repo, strlen(package->repo)) ||
	    !mf_is_word(package->words, strlen(package->words)) ||
	    !mf_is_word(kernel, strlen(kernel)))
		return 0;
	if (package->fd < 0 && !file_is_there(ctx, package))
		return 0;
	r = entry ? update_entry(entry, kernel, package) : new_entry(kept, kernel, package);
	if (r < 0 || package->fd < 0)
		return r;
	return repo_stored_copy(ctx, dirfd, package->fd, find_entry(kept, package));
}

int mf_prefetched_add(struct mf_context *ctx, const char *kernel,
		      const struct mf_prefetched_new *packages, size_t n)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int dirfd = -1;
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0 || !n)
		return r;
	dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	r = dirfd < 0 ? dirfd : 0;
	for (size_t i = 0; !r && i < n; i++)
		r = add_one(ctx, dirfd, &kept, kernel, &packages[i]);
	if (!r && syncfs(dirfd) < 0)
		r = -errno;
	return r < 0 ? repo_stored_fail(ctx, r)
		     : repo_stored_publish(ctx, dirfd, STORED_PREFETCHED, &kept);
}

/* ---- what goes ---- */

/* Takes a kernel from those of an entry; "" is left if it was the only one. 0 or -ENOMEM. */
static int drop_kernel(struct mf_kept_package *entry, const char *kernel)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	char *left = strdup("");
	int r = left ? mf_strings_split(&kernels, entry->kernels) : -ENOMEM;

	for (size_t i = 0; !r && i < kernels.n; i++)
		if (strcmp(kernels.v[i], kernel) != 0)
			r = replace_text(&left,
					 mf_format("%s%s%s", left, *left ? "," : "", kernels.v[i]));
	if (r < 0) {
		free(left);
		return r;
	}
	return replace_text(&entry->kernels, left);
}

static int drop_kernels_not_in(struct mf_kept_package *entry, const struct mf_strings *installed)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = mf_strings_split(&kernels, entry->kernels);

	for (size_t i = 0; !r && i < kernels.n; i++)
		if (!mf_strings_has(installed, kernels.v[i]))
			r = drop_kernel(entry, kernels.v[i]);
	return r;
}

static size_t drop_unused(struct mf_kept *kept)
{
	size_t before = kept->n;

	for (size_t i = kept->n; i > 0; i--)
		if (!*kept->v[i - 1].kernels)
			repo_stored_drop(kept, i - 1);
	return before - kept->n;
}

/* Drops packages of other kernels until all together are within the limit, the last ones first. */
static size_t drop_beyond(const struct mf_context *ctx, struct mf_kept *kept, const char *kernel)
{
	uint64_t bytes = 0;
	size_t before = kept->n;

	for (size_t i = 0; i < kept->n; i++)
		bytes += kept->v[i].size;
	for (size_t i = kept->n; i > 0 && bytes > ctx->settings.prefetch_size; i--) {
		if (mf_prefetched_is_for(&kept->v[i - 1], kernel))
			continue;
		bytes -= kept->v[i - 1].size;
		repo_stored_drop(kept, i - 1);
	}
	return before - kept->n;
}

static bool is_among(const struct mf_kept_package *entry, const struct mf_prefetched_new *packages,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(entry, &packages[i]))
			return true;
	return false;
}

static int publish_list(struct mf_context *ctx, const struct mf_kept *kept)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);

	return dirfd < 0 ? repo_stored_fail(ctx, dirfd)
			 : repo_stored_publish(ctx, dirfd, STORED_PREFETCHED, kept);
}

int mf_prefetched_settle(struct mf_context *ctx, const char *kernel,
			 const struct mf_prefetched_new *packages, size_t n, size_t *ret_dropped)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings installed = { 0 };
	size_t dropped;
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0)
		return r;
	r = mf_kernels_list(ctx, &installed);
	if (!r)
		r = mf_strings_add_unique(&installed, kernel);
	for (size_t i = 0; !r && i < kept.n; i++) {
		if (!is_among(&kept.v[i], packages, n))
			r = drop_kernel(&kept.v[i], kernel);
		if (!r)
			r = drop_kernels_not_in(&kept.v[i], &installed);
	}
	if (r < 0)
		return repo_stored_fail(ctx, r);
	dropped = drop_unused(&kept) + drop_beyond(ctx, &kept, kernel);
	r = kept.n || dropped ? publish_list(ctx, &kept) : 0;
	if (!r)
		*ret_dropped = dropped;
	return r;
}

int mf_prefetched_drop_kernel(struct mf_context *ctx, const char *kernel)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	bool any = false;
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < kept.n; i++) {
		if (!mf_prefetched_is_for(&kept.v[i], kernel))
			continue;
		any = true;
		r = drop_kernel(&kept.v[i], kernel);
	}
	if (r < 0)
		return repo_stored_fail(ctx, r);
	(void)drop_unused(&kept);
	return any ? publish_list(ctx, &kept) : 0;
}

int mf_prefetched_clear(struct mf_context *ctx, size_t *ret_dropped)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	const struct mf_kept none = { 0 };
	int r = mf_prefetched_read(ctx, &kept);

	if (!r && kept.n)
		r = publish_list(ctx, &none);
	if (!r)
		*ret_dropped = kept.n;
	return r;
}
