/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the fetch stage for tests/fetch.py. Usage: fetch-driver TOTAL_SECONDS MIRROR_SECONDS USER
 * Each line of standard input is a request, of words "key=value": path, size, max, etag, optional,
 * sha256, mirror (several), out (a file for the result); early=MS: before the requests, starts a
 * helper and lets it wait so long; username, password, proxy, proxy_username, proxy_password, ca, cert,
 * clientkey, timeout, retries, minrate, ip; own (several): a base URL of the configuration. Prints a line of JSON for each
 * request, or one for the failure, whose exit status is 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"

#define MAX_REQUESTS 256

struct line {
	struct mf_strings mirrors;
	char path[4096], etag[300], out[4096];
	uint8_t sha256[MF_SHA256_LEN];
	struct mf_access access;
};

/* A display that counts. */
struct calls {
	struct mf_display display; /* first */
	unsigned int n;
	uint64_t bytes, last_us, shortest_us;
};

static void count_call(struct mf_display *display, const struct mf_progress *progress)
{
	struct calls *calls = (struct calls *)display;
	uint64_t now = mf_now_us();

	if (!progress)
		return;
	if (calls->n && now - calls->last_us < calls->shortest_us)
		calls->shortest_us = now - calls->last_us;
	calls->last_us = now;
	calls->n++;
	calls->bytes = progress->bytes;
}

static void ignore_line(struct mf_display *display)
{
	(void)display;
}

static int early_ms;

/* A word about the access to servers. False: it is none. */
static bool parse_access(const char *word, const char *value, struct mf_access *access)
{
	const struct {
		const char *word;
		char **text;
	} texts[] = {
		{ "username", &access->username },
		{ "password", &access->password },
		{ "proxy", &access->proxy },
		{ "proxy_username", &access->proxy_username },
		{ "proxy_password", &access->proxy_password },
		{ "ca", &access->ca },
		{ "cert", &access->client_cert },
		{ "clientkey", &access->client_key },
	};
	const struct {
		const char *word;
		unsigned int *number;
	} numbers[] = {
		{ "timeout", &access->timeout },
		{ "retries", &access->retries },
		{ "ip", &access->ip_version },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(word, texts[i].word))
			return (*texts[i].text = strdup(value));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(word, numbers[i].word)) {
			*numbers[i].number = (unsigned int)atoi(value);
			return true;
		}
	if (!strcmp(word, "minrate"))
		return (access->min_rate = strtoull(value, NULL, 10));
	return !strcmp(word, "own") && !mf_strings_add(&access->own, value);
}

static void parse_word(char *word, struct line *line, struct mf_fetch_request *request)
{
	char *value = strchr(word, '=');

	if (!value)
		exit(64);
	*value++ = '\0';
	if (!strcmp(word, "path"))
		request->path = strcpy(line->path, value);
	else if (!strcmp(word, "size"))
		request->size = strtoull(value, NULL, 10);
	else if (!strcmp(word, "max"))
		request->max_size = strtoull(value, NULL, 10);
	else if (!strcmp(word, "etag"))
		request->etag = strcpy(line->etag, value);
	else if (!strcmp(word, "optional"))
		request->optional = true;
	else if (!strcmp(word, "mirror"))
		mf_strings_add(&line->mirrors, value);
	else if (!strcmp(word, "early"))
		early_ms = atoi(value);
	else if (!strcmp(word, "out"))
		strcpy(line->out, value);
	else if (!strcmp(word, "sha256") && mf_sha256_parse(value, line->sha256))
		request->sha256 = line->sha256;
	else if (parse_access(word, value, &line->access))
		request->access = &line->access;
	else
		exit(64);
}

static void print_string(const char *s)
{
	putchar('"');
	for (; s && *s; s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else
			putchar(*s);
	putchar('"');
}

static int copy_out(const struct mf_fetched *fetched, const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	_cleanup_free_ char *buf = NULL;
	size_t len;

	if (fd < 0 || lseek(fetched->fd, 0, SEEK_CUR) != 0 || !mf_memfile_is_sealed(fetched->fd) ||
	    (fcntl(fetched->fd, F_GETFL) & O_ACCMODE) == O_WRONLY ||
	    mf_file_read(fetched->fd, 1 << 30, &buf, &len) < 0)
		return -1;
	return mf_file_write(fd, buf, len);
}

static int run(struct mf_context *ctx)
{
	static struct line lines[MAX_REQUESTS];
	static struct mf_fetch_request requests[MAX_REQUESTS];
	static struct mf_fetched fetched[MAX_REQUESTS];
	struct calls calls = { .display = { count_call, ignore_line, ignore_line },
			       .shortest_us = UINT64_MAX };
	char text[65536];
	size_t n = 0;
	int r;

	for (; n < MAX_REQUESTS && fgets(text, sizeof(text), stdin); n++) {
		char *save = NULL;

		requests[n].mirrors = &lines[n].mirrors;
		for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
			parse_word(w, &lines[n], &requests[n]);
	}
	if (early_ms) {
		mf_fetch_start_helper(ctx);
		usleep((useconds_t)early_ms * 1000);
	}
	ctx->display = &calls.display;
	r = mf_fetch(ctx, requests, n, fetched);
	ctx->display = NULL;
	if (r < 0) {
		printf("{\"code\": \"%s\", \"what\": ", mf_error_name(r));
		print_string(ctx->failure.what);
		printf(", \"why\": ");
		print_string(ctx->failure.why);
		printf(", \"recorded\": %s}\n", ctx->failure.code == r ? "true" : "false");
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (*lines[i].out && fetched[i].fd >= 0 && copy_out(&fetched[i], lines[i].out) < 0)
			return 2;
		printf("{\"code\": null, \"size\": %lu, \"not_modified\": %s, \"absent\": %s, "
		       "\"etag\": ",
		       fetched[i].size, fetched[i].not_modified ? "true" : "false",
		       fetched[i].fd < 0 && !fetched[i].not_modified ? "true" : "false");
		print_string(fetched[i].etag);
		printf(", \"url\": ");
		print_string(fetched[i].url);
		printf(", \"calls\": %u, \"called_bytes\": %lu, \"shortest_us\": %lu}\n", calls.n,
		       calls.bytes, calls.shortest_us);
		mf_fetched_done(&fetched[i]);
		mf_strings_done(&lines[i].mirrors);
		mf_access_done(&lines[i].access);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct mf_context ctx;
	int r;

	if (argc != 4)
		return 64;
	if (mf_context_init(&ctx, NULL, "0-test") < 0)
		return 2;
	ctx.settings.fetch_timeout = (unsigned int)atoi(argv[1]);
	ctx.settings.mirror_timeout = (unsigned int)atoi(argv[2]);
	free(ctx.settings.fetch_user);
	ctx.settings.fetch_user = strdup(argv[3]);
	r = run(&ctx);
	mf_context_done(&ctx);
	return r;
}
