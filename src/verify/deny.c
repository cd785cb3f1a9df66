/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and files that this machine refuses despite a valid signature.
 *
 * Each check reads every file in the directory without a leading dot in its name, so an added line
 * takes effect with the next check. A line is a digest or fingerprint in hexadecimal digits of
 * either case, with or without the spaces or colons that programs print between them, and a comment
 * after a '#'. Any other line is an error: a mistyped revocation must not look like a working one.
 */
#include "modfetch/deny.h"
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

/* Copies the digits of a line in lower case. Their number, 0 for an empty line, -1 for a bad one. */
static int parse_digits(const char *line, size_t len, char digits[MAX_DIGITS + 1])
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

/* 1: the list has it; 0: it has not; -EBADMSG: a line is malformed. */
static int deny_search_text(const char *text, const char *hex)
{
	char digits[MAX_DIGITS + 1];
	int found = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");
		int n = parse_digits(p, len, digits);

		if (n < 0)
			return -EBADMSG;
		if (n && !strcasecmp(digits, hex))
			found = 1;
		p += len + (p[len] == '\n');
	}
	return found;
}

static int deny_search_directory(DIR *dir, const char *hex)
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
			r = strlen(text) == len ? deny_search_text(text, hex) : -EBADMSG;
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
	r = dir ? (mf_steal_fd(&fd), deny_search_directory(dir, hex)) : fd < 0 ? fd : -errno;
	if (r > 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_REVOKED, what,
			       "its %s %.16s… is on the list in /" DIRECTORY, kind, hex);
	return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, -MFE_CONFIG, "/" DIRECTORY,
			       "a list in this directory cannot be used: %s", mf_error_sentence(r))
		     : 0;
}

int mf_deny_check_digest(struct mf_context *ctx, const char *what, const char *kind,
			 const uint8_t digest[MF_SHA256_LEN])
{
	char hex[MF_SHA256_HEX];

	mf_sha256_hex(digest, hex);
	return mf_deny_check(ctx, what, kind, hex);
}
