/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory of packages, /var/lib/modfetch/packages: its files, and what its two lists have in common.
 *
 * "list" has the packages that were installed (kept.c), "prefetched" those that only wait to be
 * (prefetched.c); a file may be in both. An entry is a line:
 *	SHA256 SIZE DAY REPOSITORY KERNELS NAME LABEL [WORDS]
 * with the words of prefetch= that a prefetched package is for. A file is named as rpm names packages,
 * with the first digits of its digest, so that two builds of one version do not share a name, and so that
 * the fetch stage, and other machines, have the name of the file from the signed metadata.
 *
 * A list is published after its files are written and before files that left it are deleted: a file
 * without an entry is the rest of a killed run and goes with the next change; an entry whose file is
 * missing or damaged is found when it is used. Neither a list nor a file is trusted: the digest of signed
 * metadata decides. The lists are readable for root only; the files too, unless share-packages= says that
 * a web server may read them.
 */
#include "stored.h"
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
#include "modfetch/crypto.h"
#include "modfetch/file.h"

#define LIST_MAX ((size_t)16 << 20)

enum { N_FIELDS = 7, FIELDS_MAX = 8 };

static const struct {
	const char *path;
	size_t n_fields;
} lists[STORED_N_LISTS] = {
	[STORED_KEPT] = { MF_KEPT_DIRECTORY "/list", N_FIELDS },
	[STORED_PREFETCHED] = { MF_KEPT_DIRECTORY "/prefetched", FIELDS_MAX },
};

int repo_stored_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_INSTALL, r, "/" MF_KEPT_DIRECTORY, NULL);
}

void repo_stored_package_done(struct mf_kept_package *package)
{
	free(package->repo);
	free(package->kernels);
	free(package->name);
	free(package->label);
	free(package->words);
	*package = (struct mf_kept_package){ 0 };
}

void mf_kept_done(struct mf_kept *kept)
{
	for (size_t i = 0; i < kept->n; i++)
		repo_stored_package_done(&kept->v[i]);
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

/* ---- the files ---- */

char *mf_kept_file_name(const struct mf_kept_package *package)
{
	const char *evr = package->label + strlen(package->name), *colon = strchr(evr, ':');
	char hex[MF_SHA256_HEX];

	mf_sha256_hex(package->sha256, hex);
	return mf_format("%s-%s.%.8s.rpm", package->name, colon ? colon + 1 : evr + 1, hex);
}

/* A descriptor of the file of a package, or -errno; -ENOENT also if it does not have the size. */
static int open_file(const struct mf_context *ctx, const struct mf_kept_package *package, int flags)
{
	_cleanup_free_ char *name = NULL, *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!repo_stored_label_is_plain(package->name, package->label))
		return -ENOENT;
	name = mf_kept_file_name(package);
	path = name ? mf_format(MF_KEPT_DIRECTORY "/%s", name) : NULL;
	fd = path ? mf_context_open(ctx, path, flags | O_NOFOLLOW) : -ENOMEM;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == package->size ? mf_steal_fd(&fd)
									    : -ENOENT;
}

bool mf_kept_is_there(const struct mf_context *ctx, const struct mf_kept_package *package)
{
	_cleanup_close_ int fd = open_file(ctx, package, O_PATH);

	return fd >= 0;
}

bool mf_kept_is_intact(const struct mf_context *ctx, const struct mf_kept_package *package)
{
	_cleanup_close_ int fd = open_file(ctx, package, O_RDONLY);
	uint8_t digest[MF_SHA256_LEN];

	return fd >= 0 && !mf_sha256_fd(fd, digest) &&
	       !memcmp(digest, package->sha256, sizeof(digest));
}

int mf_kept_open(const struct mf_context *ctx, const struct mf_kept_package *package)
{
	_cleanup_close_ int from = open_file(ctx, package, O_RDONLY), to = -1;
	uint8_t digest[MF_SHA256_LEN];
	off_t at = 0;
	int r = 0;

	if (from < 0)
		return from;
	to = mf_memfile_new("modfetch");
	if (to < 0)
		return to;
	while (!r && at < (off_t)package->size) {
		ssize_t n = sendfile(to, from, &at, (size_t)package->size - (size_t)at);

		/* a file that became shorter has not the digest */
		if (n <= 0 && errno != EINTR)
			r = n < 0 ? -errno : -MFE_BAD_DIGEST;
	}
	if (!r)
		r = mf_memfile_seal(to);
	if (!r)
		r = mf_sha256_fd(to, digest);
	if (!r && memcmp(digest, package->sha256, sizeof(digest)) != 0)
		r = -MFE_BAD_DIGEST;
	return r < 0 ? r : mf_steal_fd(&to);
}

static unsigned int file_mode(const struct mf_context *ctx)
{
	return ctx->settings.share_packages ? 0644 : 0600;
}

/* Is there a file of that name with the size and the digest of PACKAGE? */
static bool has_file(int dirfd, const char *name, const struct mf_kept_package *package)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t digest[MF_SHA256_LEN];
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == package->size && !mf_sha256_fd(fd, digest) &&
	       !memcmp(digest, package->sha256, sizeof(digest));
}

int repo_stored_copy(const struct mf_context *ctx, int dirfd, int fd,
		     struct mf_kept_package *package)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_free_ char *name = mf_kept_file_name(package);
	struct stat st;
	off_t at = 0;
	int r;

	if (!name)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	package->size = (uint64_t)st.st_size;
	if (has_file(dirfd, name, package))
		return 0;
	r = mf_staged_init(&staged, dirfd, name, file_mode(ctx));
	while (!r && at < st.st_size) {
		ssize_t n = sendfile(staged.fd, fd, &at, (size_t)(st.st_size - at));

		if (n <= 0 && errno != EINTR)
			r = n < 0 ? -errno : -EIO;
	}
	/* a copy that a power cut damages is found by its digest: not worth a sync for each */
	return r < 0 ? r : mf_staged_publish_volatile(&staged);
}

/* ---- the lists ---- */

bool repo_stored_label_is_plain(const char *name, const char *label)
{
	size_t len = strlen(name);

	return len && !strncmp(name, label, len) && label[len] == '-' && *label != '.' &&
	       strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-+~"
			     "^:") == strlen(label);
}

int repo_stored_append(struct mf_kept *kept, struct mf_kept_package *package)
{
	if (!package->repo || !package->kernels || !package->name || !package->label ||
	    mf_array_reserve(&kept->v, &kept->room, kept->n + 1, sizeof(*kept->v)) < 0) {
		repo_stored_package_done(package);
		return -ENOMEM;
	}
	kept->v[kept->n++] = *package;
	*package = (struct mf_kept_package){ 0 };
	return 0;
}

void repo_stored_drop(struct mf_kept *kept, size_t i)
{
	repo_stored_package_done(&kept->v[i]);
	memmove(&kept->v[i], &kept->v[i + 1], (--kept->n - i) * sizeof(*kept->v));
}

struct reading {
	struct mf_kept *kept;
	size_t n_fields;
	size_t damaged;
};

/* 0; 1: the line is no entry; or -ENOMEM. */
static int parse_entry(const struct reading *reading, char *line)
{
	char *field[FIELDS_MAX] = { NULL }, *save = NULL, *end;
	struct mf_kept_package package = { 0 };
	size_t n = 0;

	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == reading->n_fields)
			return 1;
		field[n++] = word;
	}
	if (n < N_FIELDS || n < reading->n_fields || !mf_sha256_parse(field[0], package.sha256) ||
	    !repo_stored_label_is_plain(field[5], field[6]))
		return 1;
	package.size = strtoull(field[1], &end, 10);
	if (*end || !package.size)
		return 1;
	package.day = strtol(field[2], &end, 10);
	if (*end || package.day < 0)
		return 1;
	if (n > N_FIELDS && !(package.words = strdup(field[N_FIELDS])))
		return -ENOMEM;
	package.repo = strdup(field[3]);
	package.kernels = strdup(field[4]);
	package.name = strdup(field[5]);
	package.label = strdup(field[6]);
	return repo_stored_append(reading->kept, &package);
}

static int on_line(void *arg, char *line)
{
	struct reading *reading = arg;
	int r = *line ? parse_entry(reading, line) : 0;

	reading->damaged += r > 0;
	return r < 0 ? r : 0;
}

int repo_stored_read(struct mf_context *ctx, enum stored_list list, struct mf_kept *ret_kept)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	struct reading reading = { .kept = &kept, .n_fields = lists[list].n_fields };
	int r = mf_file_each_line_of(ctx, lists[list].path, LIST_MAX, on_line, &reading);

	/* a user may look at what is installed all the same */
	if (r == -EACCES && geteuid()) {
		mf_log(ctx, MF_LOG_INFO,
		       "only root can read the list of kept packages, /%s: the repository of an "
		       "installed package is found by its version",
		       lists[list].path);
		r = 0;
	}
	if (r < 0)
		return repo_stored_fail(ctx, r);
	if (reading.damaged)
		mf_log(ctx, MF_LOG_WARNING,
		       "install: /%s: %zu lines are no entries and have no effect",
		       lists[list].path, reading.damaged);
	*ret_kept = kept;
	kept = (struct mf_kept){ 0 };
	return 0;
}

static int write_list(int dirfd, enum stored_list list, const struct mf_kept *kept)
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
		fprintf(f, "%s %" PRIu64 " %ld %s %s %s %s", hex, p->size, p->day, p->repo,
			p->kernels, p->name, p->label);
		if (list == STORED_PREFETCHED)
			fprintf(f, " %s", p->words ? p->words : "-");
		fputc('\n', f);
	}
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, strrchr(lists[list].path, '/') + 1, 0600, text, len);
}

static int add_names(struct mf_strings *names, const struct mf_kept *kept)
{
	int r = 0;

	for (size_t i = 0; !r && i < kept->n; i++) {
		_cleanup_free_ char *name = mf_kept_file_name(&kept->v[i]);

		r = name ? mf_strings_add(names, name) : -ENOMEM;
	}
	return r;
}

/* A file that keeps another mode is as useful for this machine. */
static void set_mode(const struct mf_context *ctx, int dirfd, const char *name)
{
	mode_t mode = file_mode(ctx);
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool differs =
		fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_mode & 07777) != mode;

	if (differs && fchmod(fd, mode) < 0)
		mf_log(ctx, MF_LOG_DEBUG, "install: /" MF_KEPT_DIRECTORY "/%s: the mode stays: %s",
		       name, mf_error_sentence(-errno));
}

/* Deletes the files that no list has; a failure only leaves them to the next time. */
static void tidy_files(struct mf_context *ctx, int dirfd, const struct mf_kept *kept,
		       const struct mf_kept *other)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;

	if (add_names(&names, kept) < 0 || add_names(&names, other) < 0)
		return;
	mf_strings_sort(&names);
	while (dir && (e = readdir(dir))) {
		const char *name = e->d_name;

		if (!mf_ends_with(name, ".rpm") && !mf_ends_with(name, ".partial"))
			continue;
		if (mf_strings_sorted_has(&names, name))
			set_mode(ctx, dirfd, name);
		else
			(void)unlinkat(dirfd, name, 0);
	}
}

int repo_stored_publish(struct mf_context *ctx, int dirfd, enum stored_list list,
			const struct mf_kept *kept)
{
	_cleanup_(mf_kept_done) struct mf_kept other = { 0 };
	int r = repo_stored_read(ctx, list == STORED_KEPT ? STORED_PREFETCHED : STORED_KEPT,
				 &other);

	if (r < 0)
		return r;
	r = write_list(dirfd, list, kept);
	if (r < 0)
		return repo_stored_fail(ctx, r);
	tidy_files(ctx, dirfd, kept, &other);
	return 0;
}
