/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads repositories with a file: URL, without a helper and without a socket.
 *
 * The base is set by the administrator and opened as it is. The name below it comes from metadata:
 * it is opened by openat2 with RESOLVE_BENEATH, so that neither the name nor a link in the
 * repository can leave it. Only regular files are copied, up to the limit, into a sealed memory
 * file: later changes in the repository then have no effect.
 *
 * The etag is made of inode, size and change time, so that an unchanged file is not copied again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "fetch-private.h"

bool fetch_is_file_url(const char *url)
{
	return mf_starts_with(url, "file:");
}

/* The path of file:/path, file:///path or file://localhost/path; NULL for another host. */
static const char *url_path(const char *url)
{
	const char *p = url + strlen("file:");

	if (mf_starts_with(p, "//localhost/"))
		return p + strlen("//localhost");
	if (mf_starts_with(p, "///"))
		return p + 2;
	return *p == '/' && p[1] != '/' ? p : NULL;
}

static int open_beneath(int base, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, base, name, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

static int open_request(const struct mf_fetch_request *request, const char *base)
{
	_cleanup_free_ char *directory = NULL, *name = NULL;
	_cleanup_close_ int dir = -1;
	const char *encoded = url_path(base);
	int r;

	r = mf_href_check(request->path);
	if (r == 0)
		r = encoded ? mf_href_decode(encoded, &directory) : -MFE_UNREACHABLE;
	if (r == 0)
		r = mf_href_decode(request->path, &name);
	if (r)
		return r;
	dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -MFE_UNREACHABLE;
	r = open_beneath(dir, name);
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
		return -MFE_HTTP_STATUS;
	case -EXDEV: /* a link that leaves the repository */
	case -ELOOP:
		return -MFE_BAD_HREF;
	}
	return r;
}

/* Copies all of FROM, at most CAP bytes, to TO. 0, -MFE_TOO_LARGE or -errno. */
static int copy_limited(int from, int to, uint64_t cap, uint64_t *ret_size)
{
	_cleanup_free_ char *buf = malloc(256 << 10);
	uint64_t size = 0;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t got = read(from, buf, 256 << 10);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		if ((uint64_t)got > cap - size)
			return -MFE_TOO_LARGE;
		r = mf_file_write(to, buf, (size_t)got);
		if (r < 0)
			return r;
		size += (uint64_t)got;
	}
	*ret_size = size;
	return 0;
}

int fetch_file(const struct mf_fetch_request *request, const char *base, uint64_t cap,
	       struct mf_fetched *ret_fetched)
{
	_cleanup_close_ int from = open_request(request, base), to = -1;
	_cleanup_(mf_fetched_done) struct mf_fetched f = { .fd = -1 };
	struct stat st;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -MFE_HTTP_STATUS;
	if ((uint64_t)st.st_size > cap)
		return -MFE_TOO_LARGE;
	f.etag = mf_format("\"%lx-%lx-%lx.%lx\"", (unsigned long)st.st_ino,
			   (unsigned long)st.st_size, (unsigned long)st.st_ctim.tv_sec,
			   (unsigned long)st.st_ctim.tv_nsec);
	if (!f.etag)
		return -ENOMEM;
	r = mf_href_join(base, request->path, &f.url);
	if (r < 0)
		return r;
	f.not_modified = request->etag && !strcmp(request->etag, f.etag);
	if (!f.not_modified) {
		to = mf_memfile_new("modfetch");
		r = to < 0 ? to : copy_limited(from, to, cap, &f.size);
		if (r == 0 && request->size && f.size < request->size)
			r = -MFE_TRUNCATED;
		if (r == 0)
			r = mf_memfile_seal(to);
		if (r < 0)
			return r;
		f.fd = mf_steal_fd(&to);
	}
	*ret_fetched = f;
	f = (struct mf_fetched){ .fd = -1 };
	return 0;
}
