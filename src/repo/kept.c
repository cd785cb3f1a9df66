/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of kept packages.
 *
 * On disk: the files, and "list", a line for each, in the order in which they were installed last:
 *	SHA256 SIZE DATE REPOSITORY KERNELS NAME LABEL
 * A file is named as rpm names packages, with the first digits of its digest, so that two builds of
 * one version do not share a name. The list is published after the files are written and before files
 * that left it are deleted: a file without an entry is rest of a killed run and goes with the next
 * change; an entry whose file is missing or damaged is found when it is used.
 */
#include "modfetch/kept.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/file.h"

#define LIST	 "list"
#define LIST_MAX ((size_t)16 << 20)
#define N_FIELDS 7

static int kept_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_INSTALL, r, "/" MF_KEPT_DIRECTORY, NULL);
}

static void package_done(struct mf_kept_package *package)
{
	free(package->repo);
	free(package->kernels);
	free(package->name);
	free(package->label);
	*package = (struct mf_kept_package){ 0 };
}

void mf_kept_done(struct mf_kept *kept)
{
	for (size_t i = 0; i < kept->n; i++)
		package_done(&kept->v[i]);
	free(kept->v);
	*kept = (struct mf_kept){ 0 };
}

const struct mf_kept_package *mf_kept_find(const struct mf_kept *kept, const char *label)
{
	for (size_t i = kept->n; i > 0; i--)
		if (!strcmp(kept->v[i - 1].label, label))
			return &kept->v[i - 1];
	return NULL;
}

bool mf_kept_is_there(const struct mf_context *ctx, const struct mf_kept_package *package)
{
	_cleanup_free_ char *name = mf_kept_file_name(package), *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	path = name ? mf_format(MF_KEPT_DIRECTORY "/%s", name) : NULL;
	fd = path ? mf_context_open(ctx, path, O_PATH | O_NOFOLLOW) : -ENOMEM;
	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == package->size;
}

char *mf_kept_file_name(const struct mf_kept_package *package)
{
	const char *evr = package->label + strlen(package->name), *colon = strchr(evr, ':');
	char hex[MF_SHA256_HEX];

	mf_sha256_hex(package->sha256, hex);
	return mf_format("%s-%s.%.8s.rpm", package->name, colon ? colon + 1 : evr + 1, hex);
}

/* ---- the list ---- */

/* Can the label become a file name and a part of a URL, and is NAME its beginning? */
static bool label_is_plain(const char *name, const char *label)
{
	size_t len = strlen(name);

	return len && !strncmp(name, label, len) && label[len] == '-' && *label != '.' &&
	       strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-+~"
			     "^:") == strlen(label);
}

/* Takes ownership of the strings of PACKAGE. 0 or -ENOMEM. */
static int kept_append(struct mf_kept *kept, struct mf_kept_package *package)
{
	if (!package->repo || !package->kernels || !package->name || !package->label ||
	    mf_array_reserve(&kept->v, &kept->room, kept->n + 1, sizeof(*kept->v)) < 0) {
		package_done(package);
		return -ENOMEM;
	}
	kept->v[kept->n++] = *package;
	*package = (struct mf_kept_package){ 0 };
	return 0;
}

/* 0; 1: the line is no entry; or -ENOMEM. */
static int kept_parse(struct mf_kept *kept, char *line)
{
	char *field[N_FIELDS], *save = NULL, *end;
	struct mf_kept_package package = { 0 };
	size_t n = 0;

	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == N_FIELDS)
			return 1;
		field[n++] = word;
	}
	if (n < N_FIELDS || !mf_sha256_parse(field[0], package.sha256) ||
	    !label_is_plain(field[5], field[6]))
		return 1;
	package.size = strtoull(field[1], &end, 10);
	if (*end || !package.size)
		return 1;
	package.day = strtol(field[2], &end, 10);
	if (*end || package.day < 0)
		return 1;
	package.repo = strdup(field[3]);
	package.kernels = strdup(field[4]);
	package.name = strdup(field[5]);
	package.label = strdup(field[6]);
	return kept_append(kept, &package);
}

struct kept_reading {
	struct mf_kept *kept;
	size_t damaged;
};

static int kept_on_line(void *arg, char *line)
{
	struct kept_reading *reading = arg;
	int r = *line ? kept_parse(reading->kept, line) : 0;

	reading->damaged += r > 0;
	return r < 0 ? r : 0;
}

int mf_kept_read(struct mf_context *ctx, struct mf_kept *ret_kept)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	struct kept_reading reading = { .kept = &kept };
	int r = mf_file_each_line_of(ctx, MF_KEPT_DIRECTORY "/" LIST, LIST_MAX, kept_on_line,
				     &reading);

	/* a user may look at what is installed all the same */
	if (r == -EACCES && geteuid()) {
		mf_log(ctx, MF_LOG_INFO,
		       "only root can read the list of kept packages, /" MF_KEPT_DIRECTORY "/" LIST
		       ": the repository of an installed package is found by its version");
		r = 0;
	}
	if (r < 0)
		return kept_fail(ctx, r);
	if (reading.damaged)
		mf_log(ctx, MF_LOG_WARNING,
		       "install: /" MF_KEPT_DIRECTORY "/" LIST
		       ": %zu lines are no entries and have no effect",
		       reading.damaged);
	*ret_kept = kept;
	kept = (struct mf_kept){ 0 };
	return 0;
}

static int kept_write(int dirfd, const struct mf_kept *kept)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < kept->n; i++) {
		const struct mf_kept_package *p = &kept->v[i];
		char hex[MF_SHA256_HEX];

		mf_sha256_hex(p->sha256, hex);
		fprintf(f, "%s %" PRIu64 " %ld %s %s %s %s\n", hex, p->size, p->day, p->repo,
			p->kernels, p->name, p->label);
	}
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, LIST, 0600, text, len);
}

/* ---- what goes ---- */

static void kept_drop(struct mf_kept *kept, size_t i)
{
	package_done(&kept->v[i]);
	memmove(&kept->v[i], &kept->v[i + 1], (--kept->n - i) * sizeof(*kept->v));
}

static bool kept_same_series(const struct mf_kept_package *a, const struct mf_kept_package *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->kernels, b->kernels);
}

/* How many versions of the same package for the same kernels stand after entry I? */
static size_t count_after(const struct mf_kept *kept, size_t i)
{
	size_t n = 0;

	for (size_t j = i + 1; j < kept->n; j++)
		n += kept_same_series(&kept->v[i], &kept->v[j]);
	return n;
}

static bool is_old(const struct mf_kept *kept, size_t i)
{
	return mf_day_today() - kept->v[i].day > MF_KEPT_DAYS && !count_after(kept, i);
}

/* The labels of old entries that are still installed. 0 or a recorded failure. */
static int find_installed(struct mf_context *ctx, const struct mf_kept *kept,
			  struct mf_strings *installed)
{
	_cleanup_(mf_strings_done) struct mf_strings old = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < kept->n; i++)
		if (is_old(kept, i))
			r = mf_strings_add(&old, kept->v[i].label);
	if (r < 0)
		return kept_fail(ctx, r);
	return old.n ? mf_rpm_installed(ctx, &old, installed) : 0;
}

/* What the setting says, or its default on a machine. */
static unsigned int kept_versions(const struct mf_context *ctx)
{
	return ctx->settings.keep_versions == MF_KEEP_DEFAULT ? 2 : ctx->settings.keep_versions;
}

static int kept_limit(struct mf_context *ctx, struct mf_kept *kept)
{
	_cleanup_(mf_strings_done) struct mf_strings installed = { 0 };
	int r = find_installed(ctx, kept, &installed);

	for (size_t i = kept->n; !r && i > 0; i--)
		if (!kept_versions(ctx) || count_after(kept, i - 1) > kept_versions(ctx) ||
		    (is_old(kept, i - 1) && !mf_strings_has(&installed, kept->v[i - 1].label)))
			kept_drop(kept, i - 1);
	return r;
}

/* Deletes the files that no entry has; a failure only leaves them to the next time. */
static void delete_others(int dirfd, const struct mf_kept *kept)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;

	for (size_t i = 0; i < kept->n; i++) {
		_cleanup_free_ char *name = mf_kept_file_name(&kept->v[i]);

		if (!name || mf_strings_add(&names, name) < 0)
			return;
	}
	while (dir && (e = readdir(dir)))
		if ((mf_ends_with(e->d_name, ".rpm") || mf_ends_with(e->d_name, ".partial")) &&
		    !mf_strings_has(&names, e->d_name))
			(void)unlinkat(dirfd, e->d_name, 0);
}

/* Writes the list, then deletes what is not in it. 0 or -errno, recorded. */
static int kept_publish(struct mf_context *ctx, int dirfd, const struct mf_kept *kept)
{
	int r = kept_write(dirfd, kept);

	if (r < 0)
		return kept_fail(ctx, r);
	delete_others(dirfd, kept);
	return 0;
}

/* ---- what comes ---- */

static char *join_kernels(const struct mf_strings *kernels)
{
	char *all = strdup(kernels->n ? kernels->v[0] : "-");

	for (size_t i = 1; all && i < kernels->n; i++) {
		char *longer = mf_format("%s,%s", all, kernels->v[i]);

		free(all);
		all = longer;
	}
	return all;
}

/* Copies the file to its name, unless it is there. The size is set. 0 or -errno. */
static int store_file(int dirfd, int fd, struct mf_kept_package *package)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_free_ char *name = mf_kept_file_name(package);
	struct stat st, there;
	off_t at = 0;
	int r;

	if (!name)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	package->size = (uint64_t)st.st_size;
	if (!fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) && S_ISREG(there.st_mode) &&
	    there.st_size == st.st_size)
		return 0;
	r = mf_staged_init(&staged, dirfd, name, 0600);
	while (!r && at < st.st_size) {
		ssize_t n = sendfile(staged.fd, fd, &at, (size_t)(st.st_size - at));

		if (n <= 0 && errno != EINTR)
			r = n < 0 ? -errno : -EIO;
	}
	/* a copy that a power cut damages is found by its digest: not worth a sync for each */
	return r < 0 ? r : mf_staged_publish_volatile(&staged);
}

static int kept_add_one(int dirfd, struct mf_kept *kept, const struct mf_kept_new *new)
{
	struct mf_kept_package package = { .day = mf_day_today() };
	const struct mf_kept_package *before = mf_kept_find(kept, new->label);
	int r;

	if (new->header->uname_r.n || !label_is_plain(new->header->name, new->label) ||
	    !mf_is_word(new->repo, strlen(new->repo)))
		return 0;
	memcpy(package.sha256, new->sha256, sizeof(package.sha256));
	package.name = strdup(new->header->name);
	package.label = strdup(new->label);
	package.kernels = join_kernels(&new->header->kernels);
	/* one that comes back from here keeps its origin */
	package.repo = strdup(before && *new->repo == '@' ? before->repo : new->repo);
	r = package.name && package.label ? store_file(dirfd, new->fd, &package) : -ENOMEM;
	if (r < 0) {
		package_done(&package);
		return r;
	}
	for (size_t i = kept->n; i > 0; i--)
		if (!strcmp(kept->v[i - 1].label, new->label))
			kept_drop(kept, i - 1);
	return kept_append(kept, &package);
}

int mf_kept_add(struct mf_context *ctx, const struct mf_kept_new *packages, size_t n)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int dirfd = -1;
	bool keeps = kept_versions(ctx) > 0;
	int r = mf_kept_read(ctx, &kept);

	if (r < 0 || (!keeps && !kept.n))
		return r;
	dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	r = dirfd < 0 ? dirfd : 0;
	for (size_t i = 0; !r && keeps && i < n; i++)
		r = kept_add_one(dirfd, &kept, &packages[i]);
	if (r < 0)
		return kept_fail(ctx, r);
	r = kept_limit(ctx, &kept);
	return r < 0 ? r : kept_publish(ctx, dirfd, &kept);
}

int mf_kept_drop_kernel(struct mf_context *ctx, const char *kernel)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int dirfd = -1;
	int r = mf_kept_read(ctx, &kept);
	size_t before = kept.n;

	if (r < 0)
		return r;
	for (size_t i = kept.n; i > 0; i--)
		if (!strcmp(kept.v[i - 1].kernels, kernel))
			kept_drop(&kept, i - 1);
	if (kept.n == before)
		return 0;
	dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	return dirfd < 0 ? kept_fail(ctx, dirfd) : kept_publish(ctx, dirfd, &kept);
}
