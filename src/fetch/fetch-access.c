/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sends the download helper what it must know to reach servers: proxies, passwords, certificates.
 *
 * The helper has no configuration, no files, and perhaps not the environment of this process, since a
 * service manager may have started it. So everything goes through the socket: files are read here, below
 * the root and with the rights of this process, and passed as memory files. A proxy of the .repo file
 * has precedence over the one of modfetch.conf, and that over the environment of the caller.
 *
 * Nothing of this is in a message, a file or an argument of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "fetch-private.h"
#include "fetch-wire.h"

/* The value of a variable for the helper, or NULL. */
static const char *variable_value(const struct mf_context *ctx, const char *name)
{
	bool is_exception = mf_ends_with(name, "no_proxy") || mf_ends_with(name, "NO_PROXY");

	return ctx->settings.proxy && !is_exception ? ctx->settings.proxy : getenv(name);
}

int fetch_access_send_variables(const struct mf_context *ctx, int sock, uint64_t deadline)
{
	const struct mf_wire packet = { .type = MF_WIRE_VARIABLE };
	int r = 0;

	for (size_t i = 0; r == 0 && mf_wire_variables[i]; i++) {
		const char *value = variable_value(ctx, mf_wire_variables[i]);
		_cleanup_free_ char *line = NULL;

		if (!value)
			continue;
		line = mf_format("%s=%s", mf_wire_variables[i], value);
		r = line ? mf_wire_send(sock, &packet, line, -1, deadline) : -ENOMEM;
	}
	return r;
}

/* A memory file with the bytes of a file below the root, or a recorded error. */
static int read_file(struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path + strspn(path, "/"), O_RDONLY);
	_cleanup_close_ int memory = -1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = fd < 0 ? fd : mf_file_read(fd, MF_WIRE_FILE_MAX, &text, &len);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, -MFE_CONFIG, path,
			       "a .repo file names it, and it cannot be read: %s",
			       mf_error_sentence(r));
	memory = mf_memfile_new("modfetch");
	r = memory < 0 ? memory : mf_file_write(memory, text, len);
	if (r >= 0)
		r = mf_memfile_seal(memory);
	explicit_bzero(text, len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_FETCH, r, path, NULL) : mf_steal_fd(&memory);
}

static int send_texts(const struct mf_access *access, int sock, uint64_t deadline)
{
	const char *const texts[] = {
		[MF_WIRE_USERNAME] = access->username,
		[MF_WIRE_PASSWORD] = access->password,
		[MF_WIRE_PROXY] = access->proxy,
		[MF_WIRE_PROXY_USERNAME] = access->proxy_username,
		[MF_WIRE_PROXY_PASSWORD] = access->proxy_password,
	};
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < MF_ARRAY_SIZE(texts); i++) {
		const struct mf_wire packet = { .type = MF_WIRE_OPTION, .index = i };

		if (texts[i])
			r = mf_wire_send(sock, &packet, texts[i], -1, deadline);
	}
	return r;
}

static int send_files(struct mf_context *ctx, const struct mf_access *access, int sock,
		      uint64_t deadline)
{
	const char *const paths[] = { access->ca, access->client_cert, access->client_key };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < MF_ARRAY_SIZE(paths); i++) {
		const struct mf_wire packet = { .type = MF_WIRE_OPTION, .index = MF_WIRE_CA + i };
		_cleanup_close_ int fd = -1;

		if (!paths[i])
			continue;
		fd = read_file(ctx, paths[i]);
		r = fd < 0 ? fd : mf_wire_send(sock, &packet, NULL, fd, deadline);
	}
	return r;
}

int fetch_access_send(struct mf_context *ctx, const struct mf_access *access, int sock,
		      uint64_t deadline)
{
	const struct mf_wire begin = { .type = MF_WIRE_ACCESS };
	const uint64_t numbers[] = {
		[MF_WIRE_TIMEOUT - MF_WIRE_TIMEOUT] = (uint64_t)access->timeout * 1000,
		[MF_WIRE_RETRIES - MF_WIRE_TIMEOUT] = access->retries,
		[MF_WIRE_MIN_RATE - MF_WIRE_TIMEOUT] = access->min_rate,
		[MF_WIRE_IP_VERSION - MF_WIRE_TIMEOUT] = access->ip_version,
	};
	int r = mf_wire_send(sock, &begin, NULL, -1, deadline);

	if (r == 0)
		r = send_texts(access, sock, deadline);
	if (r == 0)
		r = send_files(ctx, access, sock, deadline);
	for (uint32_t i = 0; r == 0 && i < MF_ARRAY_SIZE(numbers); i++) {
		const struct mf_wire packet = { .type = MF_WIRE_OPTION,
						.index = MF_WIRE_TIMEOUT + i,
						.size = numbers[i] };

		if (numbers[i])
			r = mf_wire_send(sock, &packet, NULL, -1, deadline);
	}
	return r;
}

/* ---- one URL ---- */

size_t fetch_access_own(const struct mf_access *access, const char *base)
{
	for (size_t i = 0; access && i < access->own.n; i++)
		if (!strcmp(access->own.v[i], base))
			return i + 1;
	return 0;
}

const char *fetch_access_query(const struct mf_access *access, size_t own)
{
	return own && own <= access->queries.n ? access->queries.v[own - 1] : "";
}

int fetch_access_send_url(int sock, const struct mf_wire *packet, const char *url,
			  const char *query, uint64_t deadline)
{
	char *whole;
	int r;

	if (!*query)
		return mf_wire_send(sock, packet, url, -1, deadline);
	whole = mf_format("%s?%s", url, query);
	if (!whole)
		return -ENOMEM;
	r = mf_wire_send(sock, packet, whole, -1, deadline);
	explicit_bzero(whole, strlen(whole));
	free(whole);
	return r;
}
