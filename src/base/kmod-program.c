/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kmod of a root is: its version, its features and its module directory.
 *
 * kmod has the line that "--version" prints, the list of its features and its module directory as
 * strings. They are searched for in the file: that costs less than to run it, and is as right for
 * an image, whose program may be hostile, for another processor, or without its libraries. kmod's
 * own name comes before that of depmod, in whose place this project's may stand. The bytes decide
 * only how indexes are written and which of two directories is meant; a lie harms its own root.
 */
#include "modfetch/kmod-program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/table.h"
#include "root-open.h"

#define PROGRAM_MAX ((size_t)8 << 20)

static const char *const places[] = {
	"usr/bin/kmod", "bin/kmod", "usr/sbin/depmod", "sbin/depmod", "usr/local/sbin/depmod",
};

static uint64_t program_id(const struct stat *st)
{
	const uint64_t numbers[] = {
		st->st_ino,
		(uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};

	return mf_hash(numbers, sizeof(numbers));
}

/* Copies the string at TEXT, unless it is too long or not printable. */
static void copy_features(const char *text, char ret[MF_KMOD_FEATURES_SIZE])
{
	size_t len = strnlen(text, MF_KMOD_FEATURES_SIZE);

	if (len == MF_KMOD_FEATURES_SIZE)
		return;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return;
	memcpy(ret, text, len + 1);
}

/* The string that has one of these beginnings; the file ends in a NUL. NULL: there is none. */
static const char *find_features(const char *file, size_t len)
{
	static const char *const heads[] = { "+ZSTD ", "-ZSTD ", "+XZ ", "-XZ " };
	const char *found = NULL;

	for (size_t i = 0; !found && i < MF_ARRAY_SIZE(heads); i++)
		found = memmem(file, len, heads[i], strlen(heads[i]));
	return found;
}

/* Is the directory there, as a string or at the beginning of one? BEFORE: not after these bytes. */
static bool has_directory(const char *file, size_t len, const char *directory, const char *before)
{
	size_t before_len = strlen(before), directory_len = strlen(directory);
	const char *at = file, *end = file + len;

	while ((at = memmem(at, (size_t)(end - at), directory, directory_len))) {
		if (!before_len || (size_t)(at - file) < before_len ||
		    memcmp(at - before_len, before, before_len) != 0)
			return true;
		at += directory_len;
	}
	return false;
}

/* The first SIZE bytes of the file, and a NUL. NULL: it has fewer, or an error. */
static char *program_read(int fd, size_t size)
{
	_cleanup_free_ char *bytes = malloc(size + 1);
	size_t len = 0;

	while (bytes && len < size) {
		ssize_t n = pread(fd, bytes + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	if (bytes)
		bytes[size] = '\0';
	return MF_STEAL(bytes);
}

static bool program_examine(int fd, size_t len, struct mf_kmod_program *program)
{
	static const char head[] = "kmod version ";
	_cleanup_free_ char *file = len <= PROGRAM_MAX ? program_read(fd, len) : NULL;
	const char *found, *features;

	if (!file)
		return false;
	found = memmem(file, len, head, strlen(head));
	if (!found || sscanf(found + strlen(head), "%6u", &program->version) != 1 ||
	    !program->version)
		return false;
	features = find_features(file, len);
	if (features)
		copy_features(features, program->features);
	program->lib = has_directory(file, len, "/lib/modules", "/usr");
	program->usr_lib = has_directory(file, len, "/usr/lib/modules", "");
	return true;
}

int mf_kmod_program_find(const struct mf_context *ctx, uint64_t known,
			 struct mf_kmod_program *ret_program)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = root_open(ctx, places[i], O_RDONLY);
		struct mf_kmod_program program = { 0 };
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		program.id = program_id(&st);
		if (program.id != known && !program_examine(fd, (size_t)st.st_size, &program))
			continue;
		*ret_program = program;
		return 0;
	}
	return 1;
}
