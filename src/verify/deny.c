/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this machine refuses, whoever signed it.
 *
 * Every file in the directory whose name does not begin with a dot is read, each time it matters: a
 * line added counts for the very next thing verified. A line is a digest or fingerprint in
 * hexadecimal digits of either case, with or without spaces or colons between them as programs
 * print them, and what it is for behind a '#'. A line that is anything else is an error: a typing
 * mistake in a revocation must not pass for a revocation.
 */
#include "deny.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define DIRECTORY  "etc/modfetch/keys/deny.d"
#define LIST_MAX   (1 << 20)
#define MIN_DIGITS 40 /* an OpenPGP fingerprint of version 4 */
#define MAX_DIGITS 128

/* The digits of a line, lower case; their number, 0 for an empty line, or -1 for a wrong one. */
static int digits_of(const char *line, size_t len, char digits[MAX_DIGITS + 1])
{
	int n = 0;

	for (size_t i = 0; i < len && line[i] != '#'; i++) {
		unsigned char c = (unsigned char)line[i];

		if (isspace(c) || c == ':')
			continue;
		if (!isxdigit(c) || n == MAX_DIGITS)
			return -1;
		digits[n++] = (char)tolower(c);
	}
	digits[n] = '\0';
	return n && n < MIN_DIGITS ? -1 : n;
}

/* 1: the list names it; 0: not; -EBADMSG: a line makes no sense. */
static int search(const char *text, const char *hex)
{
	char digits[MAX_DIGITS + 1];
	int found = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");
		int n = digits_of(p, len, digits);

		if (n < 0)
			return -EBADMSG;
		if (n && !strcasecmp(digits, hex))
			found = 1;
		p += len + (p[len] == '\n');
	}
	return found;
}

static int search_directory(DIR *dir, const char *hex)
{
	struct dirent *e;
	int found = 0;

	while ((errno = 0, e = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		size_t len;
		int r;

		if (*e->d_name == '.')
			continue;
		r = mf_file_read_at(dirfd(dir), e->d_name, LIST_MAX, &text, &len);
		if (r == 0)
			r = strlen(text) == len ? search(text, hex) : -EBADMSG;
		if (r < 0)
			return r;
		found |= r;
	}
	return errno ? -errno : found;
}

int mf_deny_check(struct mf_context *ctx, const char *what, const char *kind, const char *hex)
{
	_cleanup_close_ int fd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = NULL;
	int r;

	if (fd == -ENOENT)
		return 0;
	dir = fd < 0 ? NULL : fdopendir(fd);
	r = dir ? (mf_steal_fd(&fd), search_directory(dir, hex)) : fd < 0 ? fd : -errno;
	if (r > 0)
		return mf_fail(ctx, "verify", -MFE_REVOKED, what,
			       "its %s %.16s… is on the list in /" DIRECTORY, kind, hex);
	return r < 0 ? mf_fail(ctx, "verify", -MFE_CONFIG, "/" DIRECTORY,
			       "a list in it cannot be used: %s", mf_error_sentence(r))
		     : 0;
}

int mf_deny_check_digest(struct mf_context *ctx, const char *what, const char *kind,
			 const uint8_t digest[MF_SHA256_LEN])
{
	char hex[MF_SHA256_HEX];

	mf_sha256_hex(digest, hex);
	return mf_deny_check(ctx, what, kind, hex);
}
