/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool of modaliases that wait for their driver.
 *
 * Decides the format of an entry and how several writers and one reader share the directory: a
 * process that changes it holds a lock on the directory itself, a file is replaced by rename and
 * never edited, and the reader removes a file only if it is the file that it has read. A writer
 * that does not get the lock within 50 ms continues without it: in the worst case one of two
 * devices with the same modalias is missing from the entry, and its driver is installed
 * nevertheless.
 *
 * Trusts no byte: the directory must belong to this user and have no permissions for others, and an
 * entry that cannot be parsed is removed. Durability does not matter: the spool is in /run, and the
 * next boot handles every device anyway.
 */
#include "modfetch/spool.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"

static const char magic[] = "modfetch-event 1\n";

enum { LOCK_TRIES = 50, LOCK_PAUSE_NS = 1000000 };

void mf_spool_entry_done(struct mf_spool_entry *entry)
{
	free(entry->modalias);
	free(entry->subsystem);
	mf_strings_done(&entry->devpaths);
	*entry = (struct mf_spool_entry){ 0 };
}

void mf_spool_name(const char *modalias, char ret_name[MF_SPOOL_NAME])
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) | 0x13b;
	unsigned __int128 hash = ((unsigned __int128)0x6c62272e07bb0142 << 64) | 0x62b821756295c58d;

	for (; *modalias; modalias++) {
		hash ^= (unsigned char)*modalias;
		hash *= prime;
	}
	snprintf(ret_name, MF_SPOOL_NAME, "%016llx%016llx", (unsigned long long)(hash >> 64),
		 (unsigned long long)hash);
}

int mf_spool_format(const struct mf_spool_entry *entry, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	fprintf(f, "%smodalias=%s\n", magic, entry->modalias);
	for (size_t i = 0; i < entry->devpaths.n; i++)
		fprintf(f, "devpath=%s\n", entry->devpaths.v[i]);
	if (entry->subsystem)
		fprintf(f, "subsystem=%s\n", entry->subsystem);
	fprintf(f, "seqnum=%llu\nuevent_us=%llu\ndecided_us=%llu\n",
		(unsigned long long)entry->seqnum, (unsigned long long)entry->uevent_us,
		(unsigned long long)entry->decided_us);
	if (fclose(f))
		return -ENOMEM;
	*ret_text = MF_STEAL(text);
	*ret_len = len;
	return 0;
}

/* ---- one parser per type of value; VALUE has LEN bytes, none of them NUL ---- */

static int spool_parse_number(const char *value, size_t len, void *ret)
{
	uint64_t n = 0;

	if (!len || len > 19)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -EBADMSG;
		n = n * 10 + (uint64_t)(value[i] - '0');
	}
	*(uint64_t *)ret = n;
	return 0;
}

static int spool_parse_text(const char *value, size_t len, void *ret)
{
	char **text = ret;

	if (*text || !mf_modalias_valid(value, len))
		return -EBADMSG;
	*text = strndup(value, len);
	return *text ? 0 : -ENOMEM;
}

static int parse_devpath(const char *value, size_t len, void *ret)
{
	struct mf_strings *list = ret;

	if (!mf_devpath_valid(value, len) || list->n == MF_SPOOL_DEVICES)
		return -EBADMSG;
	return mf_strings_addn(list, value, len);
}

static const struct {
	const char *key;
	int (*parse)(const char *value, size_t len, void *ret);
	size_t offset;
} fields[] = {
	{ "modalias=", spool_parse_text, offsetof(struct mf_spool_entry, modalias) },
	{ "devpath=", parse_devpath, offsetof(struct mf_spool_entry, devpaths) },
	{ "subsystem=", spool_parse_text, offsetof(struct mf_spool_entry, subsystem) },
	{ "seqnum=", spool_parse_number, offsetof(struct mf_spool_entry, seqnum) },
	{ "uevent_us=", spool_parse_number, offsetof(struct mf_spool_entry, uevent_us) },
	{ "decided_us=", spool_parse_number, offsetof(struct mf_spool_entry, decided_us) },
};

static int spool_parse_line(const char *line, size_t len, struct mf_spool_entry *entry)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(fields); i++) {
		size_t key = strlen(fields[i].key);

		if (len >= key && !memcmp(line, fields[i].key, key))
			return fields[i].parse(line + key, len - key,
					       (char *)entry + fields[i].offset);
	}
	return -EBADMSG;
}

int mf_spool_parse(const char *text, size_t len, struct mf_spool_entry *ret_entry)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = { 0 };
	const char *end = text + len;

	if (len > MF_SPOOL_SIZE || len < sizeof(magic) - 1 || memchr(text, '\0', len) ||
	    memcmp(text, magic, sizeof(magic) - 1))
		return -EBADMSG;
	for (const char *line = text + sizeof(magic) - 1; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		int r;

		if (!stop) /* the file is truncated */
			return -EBADMSG;
		r = spool_parse_line(line, (size_t)(stop - line), &entry);
		if (r < 0)
			return r;
		line = stop + 1;
	}
	if (!entry.modalias)
		return -EBADMSG;
	*ret_entry = entry;
	entry = (struct mf_spool_entry){ 0 };
	return 0;
}

int mf_spool_open(const struct mf_context *ctx)
{
	_cleanup_close_ int parent = mf_context_mkdir(ctx, "run/modfetch");
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (parent < 0)
		return parent;
	if (mkdirat(parent, "queue", 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, "queue", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return -EPERM;
	return mf_steal_fd(&fd);
}

/* The lock belongs to the open file, so each change opens the directory; closing it unlocks. */
static int lock_directory(int dirfd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int tries = 0; fd >= 0 && tries < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB); tries++)
		nanosleep(&pause, NULL);
	return fd;
}

static int read_entry(int dirfd, const char *name, struct mf_spool_entry *ret_entry)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct mf_spool_entry entry;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	r = mf_file_read(fd, MF_SPOOL_SIZE, &text, &len);
	if (r == 0)
		r = mf_spool_parse(text, len, &entry);
	if (r)
		return r == -ENOMEM ? r : -EBADMSG;
	mf_spool_name(entry.modalias, entry.name);
	if (strcmp(entry.name, name)) {
		mf_spool_entry_done(&entry);
		return -EBADMSG;
	}
	entry.inode = st.st_ino;
	*ret_entry = entry;
	return 0;
}

static int write_entry(int dirfd, const struct mf_spool_entry *entry)
{
	_cleanup_free_ char *text = NULL;
	char name[MF_SPOOL_NAME];
	size_t len;
	int r = mf_spool_format(entry, &text, &len);

	mf_spool_name(entry->modalias, name);
	return r < 0 ? r : mf_file_publish(dirfd, name, 0600, text, len);
}

/* Adds the devices of ENTRY to OLD, which keeps its times. */
static int spool_merge(struct mf_spool_entry *old, const struct mf_spool_entry *entry)
{
	for (size_t i = 0; i < entry->devpaths.n; i++) {
		int r;

		if (old->devpaths.n == MF_SPOOL_DEVICES)
			break;
		r = mf_strings_add_unique(&old->devpaths, entry->devpaths.v[i]);
		if (r < 0)
			return r;
	}
	if (entry->seqnum > old->seqnum)
		old->seqnum = entry->seqnum;
	return 0;
}

int mf_spool_put(int dirfd, const struct mf_spool_entry *entry)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry old = { 0 };
	_cleanup_close_ __attribute__((unused)) int lock = lock_directory(dirfd);
	char name[MF_SPOOL_NAME];
	int r;

	mf_spool_name(entry->modalias, name);
	r = read_entry(dirfd, name, &old);
	/* an entry that cannot be read, or collides, is replaced by the new one */
	if (r < 0 || strcmp(old.modalias, entry->modalias))
		return write_entry(dirfd, entry);
	r = spool_merge(&old, entry);
	return r < 0 ? r : write_entry(dirfd, &old);
}

/* Counts entries, at most LIMIT. */
static size_t count_entries(int dirfd, size_t limit)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;
	size_t n = 0;

	while (dir && n < limit && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	return n;
}

bool mf_spool_waits(int dirfd, const char *name)
{
	char file[MF_SPOOL_NAME];

	mf_spool_name(name, file);
	return !faccessat(dirfd, file, F_OK, AT_SYMLINK_NOFOLLOW);
}

int mf_spool_put_name(int dirfd, const char *name)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = { .decided_us = mf_now_us() };
	size_t len = strlen(name);

	if (mf_spool_waits(dirfd, name))
		return 0;
	if (len > 255 || !mf_modalias_valid(name, len) ||
	    count_entries(dirfd, MF_SPOOL_NAMES) >= MF_SPOOL_NAMES)
		return 1;
	entry.modalias = strdup(name);
	return entry.modalias ? mf_spool_put(dirfd, &entry) : -ENOMEM;
}

int mf_spool_retract(int dirfd, const char *modalias, const char *devpath)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry old = { 0 };
	_cleanup_close_ __attribute__((unused)) int lock = lock_directory(dirfd);
	struct mf_spool_entry left;
	struct mf_strings devpaths = { 0 };
	char name[MF_SPOOL_NAME];
	int r;

	mf_spool_name(modalias, name);
	r = read_entry(dirfd, name, &old);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (strcmp(old.modalias, modalias) || !mf_strings_has(&old.devpaths, devpath))
		return 0;
	for (size_t i = 0; r == 0 && i < old.devpaths.n; i++)
		if (strcmp(old.devpaths.v[i], devpath))
			r = mf_strings_add(&devpaths, old.devpaths.v[i]);
	if (r == 0 && !devpaths.n)
		r = unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
	else if (r == 0) {
		left = old;
		left.devpaths = devpaths;
		r = write_entry(dirfd, &left);
	}
	mf_strings_done(&devpaths);
	return r;
}

int mf_spool_remove(int dirfd, const struct mf_spool_entry *entry)
{
	_cleanup_close_ __attribute__((unused)) int lock = lock_directory(dirfd);
	struct stat st;

	if (fstatat(dirfd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_ino != entry->inode)
		return 0;
	return unlinkat(dirfd, entry->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int spool_by_age(const void *a, const void *b)
{
	const struct mf_spool_entry *x = a, *y = b;

	return (x->decided_us > y->decided_us) - (x->decided_us < y->decided_us);
}

int mf_spool_read(int dirfd, struct mf_spool_entry **ret_entries, size_t *ret_n,
		  size_t *ret_damaged)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct mf_spool_entry *entries = NULL;
	size_t n = 0, room = 0, damaged = 0;
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		if (e->d_name[0] == '.') /* a partial file, "." or ".." */
			continue;
		r = mf_array_reserve(&entries, &room, n + 1, sizeof(*entries));
		if (r == 0)
			r = read_entry(dirfd, e->d_name, &entries[n]);
		if (r == 0) {
			n++;
		} else if (r != -ENOMEM) {
			/* removed concurrently, or not written by modfetch */
			damaged += r != -ENOENT && !mf_tree_remove(dirfd, e->d_name);
			r = 0;
		}
	}
	if (r < 0) {
		while (n)
			mf_spool_entry_done(&entries[--n]);
		free(entries);
		return r;
	}
	if (n)
		qsort(entries, n, sizeof(*entries), spool_by_age);
	*ret_entries = entries;
	*ret_n = n;
	*ret_damaged = damaged;
	return 0;
}
