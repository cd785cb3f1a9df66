/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries set aside, so that a device whose package crashes modfetch itself does not delay other
 * devices and does not cause a crash every hour.
 *
 * One file per entry, named as in the spool:
 *   modfetch-aside 1
 *   since=1700000000          the time, seconds of CLOCK_REALTIME
 *   stamp=HEX                 SHA-256 of all that the outcome depends on, at that time
 * and after that the entry in the format of the spool. The stamp covers modfetch's version and the
 * time its program was installed, the kernel, and each enabled repository's id and the digest of
 * its repomd.xml. That is coarse: a refresh with any new metadata gives the entries one more try,
 * and MF_TRIES_MAX limits the cost of that.
 *
 * Only root can write to the directory; a file that does not parse is skipped all the same. The
 * spool's parser checks the bytes of a modalias.
 */
#include "modfetch/drain.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"
#include "tries.h"

static const char magic[] = "modfetch-aside 1\n";

enum { FILE_MAX = MF_SPOOL_SIZE + 256 };

static void entry_done(struct mf_aside_entry *entry)
{
	mf_spool_entry_done(&entry->entry);
}

void mf_aside_done(struct mf_aside *aside)
{
	for (size_t i = 0; i < aside->n; i++)
		entry_done(&aside->v[i]);
	free(aside->v);
	*aside = (struct mf_aside){ 0 };
}

static int aside_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_EVENT, r, "/" MF_ASIDE_DIR, NULL);
}

/* ---- the stamp ---- */

static void aside_print_program(FILE *f)
{
	struct stat st = { 0 };

	(void)stat("/proc/self/exe", &st);
	fprintf(f, "%s %lld %lld\n", MF_VERSION, (long long)st.st_mtime, (long long)st.st_size);
}

static void aside_print_repos(const struct mf_context *ctx, const struct mf_repos *repos, FILE *f)
{
	for (size_t i = 0; i < repos->n; i++) {
		uint8_t digest[MF_SHA256_LEN] = { 0 };
		char hex[MF_SHA256_HEX];
		_cleanup_close_ int cache = -1;

		if (!repos->v[i].enabled)
			continue;
		cache = mf_cache_open(ctx, repos->v[i].id, digest);
		mf_sha256_hex(digest, hex);
		fprintf(f, "%s %s\n", repos->v[i].id, cache < 0 ? "none" : hex);
	}
}

static int aside_stamp(struct mf_context *ctx, char ret_hex[MF_SHA256_HEX])
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	uint8_t digest[MF_SHA256_LEN];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return -ENOMEM;
	aside_print_program(f);
	fprintf(f, "%s\n", ctx->kernel);
	/* a configuration that cannot be read is a distinct state, too */
	if (mf_repos_read(ctx, &repos) == 0)
		aside_print_repos(ctx, &repos, f);
	if (fclose(f))
		return -ENOMEM;
	r = mf_sha256(text, len, digest);
	if (!r)
		mf_sha256_hex(digest, ret_hex);
	return r;
}

/* ---- the files ---- */

/*
 * Parses a line "KEY=VALUE" at *TEXT: terminates VALUE, moves *TEXT after the line and returns
 * VALUE. NULL: it is no such line.
 */
static char *aside_parse_line(char **text, const char *key)
{
	char *value = *text + strlen(key), *end;

	if (!mf_starts_with(*text, key))
		return NULL;
	end = strchr(value, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return value;
}

static int aside_parse(char *text, size_t len, struct mf_aside_entry *ret_entry)
{
	char *at = text + strlen(magic), *since, *hex, *end;
	struct mf_aside_entry entry = { 0 };
	uint8_t digest[MF_SHA256_LEN];
	int r;

	if (memchr(text, '\0', len) || !mf_starts_with(text, magic))
		return -EBADMSG;
	since = aside_parse_line(&at, "since=");
	hex = since ? aside_parse_line(&at, "stamp=") : NULL;
	if (!hex || !mf_sha256_parse(hex, digest) || *since < '0' || *since > '9')
		return -EBADMSG;
	errno = 0;
	entry.since = strtoll(since, &end, 10);
	if (errno || *end)
		return -EBADMSG;
	mf_sha256_hex(digest, entry.stamp);
	r = mf_spool_parse(at, len - (size_t)(at - text), &entry.entry);
	if (r < 0)
		return r;
	*ret_entry = entry;
	return 0;
}

static int aside_read_one(int dirfd, const char *name, struct mf_aside_entry *ret_entry)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = mf_file_read(fd, FILE_MAX, &text, &len);
	if (r < 0)
		return r;
	r = aside_parse(text, len, ret_entry);
	if (r < 0)
		return r;
	mf_spool_name(ret_entry->entry.modalias, ret_entry->entry.name);
	if (!strcmp(ret_entry->entry.name, name))
		return 0;
	entry_done(ret_entry);
	return -EBADMSG;
}

static int aside_by_age(const void *a, const void *b)
{
	const struct mf_aside_entry *x = a, *y = b;

	return x->since != y->since ? (x->since > y->since) - (x->since < y->since)
				    : strcmp(x->entry.name, y->entry.name);
}

static int aside_add_file(int dirfd, const char *name, struct mf_aside *aside)
{
	struct mf_aside_entry entry, *v;
	int r = aside_read_one(dirfd, name, &entry);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	v = reallocarray(aside->v, aside->n + 1, sizeof(*v));
	if (!v) {
		entry_done(&entry);
		return -ENOMEM;
	}
	aside->v = v;
	aside->v[aside->n++] = entry;
	return 0;
}

int mf_aside_read(struct mf_context *ctx, struct mf_aside *ret_aside)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	int fd = mf_context_open(ctx, MF_ASIDE_DIR, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char now[MF_SHA256_HEX];
	struct dirent *e;
	int r = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return fd == -ENOENT ? 0 : aside_fail(ctx, fd < 0 ? fd : -ENOMEM);
	}
	while (r == 0 && aside.n < MF_ASIDE_MAX && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = aside_add_file(dirfd(dir), e->d_name, &aside);
	/* usually there is no entry: then no stamp is needed */
	if (r == 0 && aside.n)
		r = aside_stamp(ctx, now);
	if (r < 0)
		return aside_fail(ctx, r);
	for (size_t i = 0; i < aside.n; i++)
		aside.v[i].due = strcmp(aside.v[i].stamp, now) != 0;
	if (aside.n)
		qsort(aside.v, aside.n, sizeof(*aside.v), aside_by_age);
	*ret_aside = aside;
	aside = (struct mf_aside){ 0 };
	return 0;
}

const struct mf_aside_entry *mf_aside_find(const struct mf_aside *aside, const char *modalias)
{
	for (size_t i = 0; i < aside->n; i++)
		if (!strcmp(aside->v[i].entry.modalias, modalias))
			return &aside->v[i];
	return NULL;
}

static int write_one(int dirfd, const struct mf_spool_entry *entry, int64_t since,
		     const char *stamp)
{
	_cleanup_free_ char *spooled = NULL, *text = NULL;
	char name[MF_SPOOL_NAME];
	size_t len;
	int r = mf_spool_format(entry, &spooled, &len);

	if (r < 0)
		return r;
	text = mf_format("%ssince=%" PRId64 "\nstamp=%s\n%s", magic, since, stamp, spooled);
	if (!text)
		return -ENOMEM;
	mf_spool_name(entry->modalias, name);
	return mf_file_publish(dirfd, name, 0600, text, strlen(text));
}

static int aside_add_devices(struct mf_spool_entry *old, const struct mf_spool_entry *entry)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < entry->devpaths.n; i++)
		if (old->devpaths.n < MF_SPOOL_DEVICES)
			r = mf_strings_add_unique(&old->devpaths, entry->devpaths.v[i]);
	return r;
}

static int aside_put(struct mf_context *ctx, int dirfd, const struct mf_spool_entry *entry)
{
	struct mf_aside_entry old = { 0 };
	char name[MF_SPOOL_NAME], hex[MF_SHA256_HEX];
	size_t before;
	int r;

	mf_spool_name(entry->modalias, name);
	if (aside_read_one(dirfd, name, &old) < 0 || !old.entry.modalias ||
	    strcmp(old.entry.modalias, entry->modalias) != 0) {
		entry_done(&old);
		r = aside_stamp(ctx, hex);
		return r < 0 ? r : write_one(dirfd, entry, (int64_t)time(NULL), hex);
	}
	before = old.entry.devpaths.n;
	r = aside_add_devices(&old.entry, entry);
	if (r == 0 && old.entry.devpaths.n != before)
		r = write_one(dirfd, &old.entry, old.since, old.stamp);
	entry_done(&old);
	return r;
}

int mf_aside_put(struct mf_context *ctx, const struct mf_spool_entry *entry)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, MF_ASIDE_DIR);
	int r = dirfd < 0 ? dirfd : aside_put(ctx, dirfd, entry);

	return r < 0 ? aside_fail(ctx, r) : 0;
}

int mf_aside_retry(struct mf_context *ctx, bool all)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	_cleanup_close_ int dirfd = -1, spool = -1;
	int r = mf_aside_read(ctx, &aside), n = 0;

	if (r < 0 || !aside.n)
		return r;
	dirfd = mf_context_mkdir(ctx, MF_ASIDE_DIR);
	spool = mf_spool_open(ctx);
	if (dirfd < 0 || spool < 0)
		return aside_fail(ctx, dirfd < 0 ? dirfd : spool);
	for (size_t i = 0; i < aside.n; i++) {
		struct mf_spool_entry *entry = &aside.v[i].entry;

		if (!all && !aside.v[i].due)
			continue;
		/* the event's time may be on the clock of another boot */
		entry->uevent_us = 0;
		entry->decided_us = mf_now_us();
		r = mf_spool_put(spool, entry);
		if (r == 0 && unlinkat(dirfd, entry->name, 0) < 0 && errno != ENOENT)
			r = -errno;
		if (r < 0)
			return aside_fail(ctx, r);
		n++;
	}
	return n;
}

/* ---- wants ---- */

static int aside_put_want(struct mf_context *ctx, const struct mf_want *want)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = { 0 };
	int r = mf_want_entry(want, &entry);

	return r < 0 ? aside_fail(ctx, r) : mf_aside_put(ctx, &entry);
}

int mf_aside_filter(struct mf_context *ctx, struct mf_wants *wants)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	_cleanup_(mf_wants_done) struct mf_wants left = { 0 };
	int r = mf_aside_read(ctx, &aside);

	if (r < 0 || !aside.n)
		return r;
	for (size_t i = 0; r == 0 && i < wants->n; i++) {
		struct mf_want *want = &wants->v[i];
		const struct mf_aside_entry *found = mf_aside_find(&aside, want->query);

		if (found && !found->due) {
			char words[160];

			mf_aside_describe(found, words, sizeof(words));
			mf_log(ctx, MF_LOG_WARNING, "event: %.256s: %s [%s]", want->query, words,
			       mf_error_name(-MFE_SET_ASIDE));
			r = aside_put_want(ctx, want);
		} else if (mf_wants_add(&left, want) < 0) {
			r = aside_fail(ctx, -ENOMEM);
		}
	}
	if (r < 0)
		return r;
	mf_wants_done(wants);
	*wants = left;
	left = (struct mf_wants){ 0 };
	return 0;
}

void mf_aside_describe(const struct mf_aside_entry *entry, char *ret_text, size_t size)
{
	time_t since = (time_t)entry->since;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&since, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	snprintf(ret_text, size,
		 "set aside since %s, because %d runs for it crashed or were killed; to try it "
		 "again: modfetch queue --retry",
		 when, MF_TRIES_MAX);
}
