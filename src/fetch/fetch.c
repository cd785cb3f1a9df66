/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The privileged side of the fetch stage: sends requests, receives descriptors, measures them.
 *
 * This file decides what is requested and when it has taken too long; the helper decides which
 * mirror is next. This process never opens an internet socket and never parses data of a server.
 *
 * The helper is treated as hostile, since a server may have compromised it. A descriptor from it
 * must be a memory file with all seals, of a size within the limit and, if signed metadata has
 * them, of the expected size and digest. It is opened again, so that the helper shares nothing with
 * this process, not even a file position. Texts of the helper are bounded, and printed with control
 * characters replaced. The helper is killed when the time is over.
 */
#include "modfetch/fetch.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "fetch-private.h"
#include "fetch-wire.h"
#include "portal.h"

#define PROGRESS_US 100000
#define LOG_MAX	    64 /* lines; a helper that sends more floods the journal */

struct job {
	const struct mf_fetch_request *request;
	struct mf_strings urls; /* the URLs for the helper */
	size_t *own;		/* of each: see fetch_access_own() */
	struct mf_fetched result;
	uint64_t cap;
	bool done, absent;
	int code; /* the failure, if this job made the whole call fail */
	unsigned int retries;
	uint32_t access; /* its number in the protocol; 0: none */
};

struct fetch {
	struct mf_context *ctx;
	struct job *jobs;
	size_t n, done, remote;
	uint64_t progress_us, total, local_bytes;
	unsigned int seconds, logged;
	uint64_t deadline;
	struct fetch_helper helper;
};

static void fetch_done(struct fetch *f)
{
	for (size_t i = 0; i < f->n; i++) {
		mf_strings_done(&f->jobs[i].urls);
		free(f->jobs[i].own);
		mf_fetched_done(&f->jobs[i].result);
	}
	free(f->jobs);
	fetch_helper_stop(&f->helper, NULL, 0);
}

/* Reports about the first job that is not finished; NOW: whenever the last report was. */
static void fetch_report_progress(struct fetch *f, uint64_t bytes, bool now)
{
	uint64_t at = mf_now_us();
	const struct mf_fetch_request *request;
	size_t i = 0;

	if (!f->ctx->display || !f->n || (!now && at - f->progress_us < PROGRESS_US))
		return;
	f->progress_us = at;
	while (i + 1 < f->n && f->jobs[i].done)
		i++;
	request = f->jobs[i].request;
	mf_progress(f->ctx, &(const struct mf_progress){ .step = "fetching",
							 .label = request ? request->label : NULL,
							 .file = request ? request->path : NULL,
							 .bytes = bytes,
							 .total = f->total,
							 .done = f->done,
							 .n = f->n });
}

static int fail_url(struct mf_context *ctx, int code, const char *url, const char *why)
{
	return mf_fail(ctx, MF_STAGE_FETCH, code, url, why && *why ? "%s" : NULL, why);
}

/* ---- repositories on disk ---- */

/* Compares the file with the expected digest, if any. 0, -MFE_BAD_DIGEST or -errno. */
static int check_digest(const struct job *job, int fd)
{
	uint8_t digest[MF_SHA256_LEN];
	int r;

	if (!job->request->sha256)
		return 0;
	r = mf_sha256_fd(fd, digest);
	if (r < 0)
		return r;
	return memcmp(digest, job->request->sha256, sizeof(digest)) ? -MFE_BAD_DIGEST : 0;
}

/*
 * Tries the file: mirrors of a job. 0: done, or there are mirrors for the helper; or the failure of
 * the last one.
 */
static int try_files(struct fetch *f, struct job *job)
{
	const struct mf_strings *mirrors = job->request->mirrors;
	int worst = 0;

	for (size_t i = 0; i < mirrors->n && !job->done; i++) {
		_cleanup_(mf_fetched_done) struct mf_fetched got = { .fd = -1 };
		int r;

		if (!fetch_is_file_url(mirrors->v[i]))
			continue;
		r = fetch_file(job->request, mirrors->v[i], job->cap, &got);
		if (r == 0 && !got.not_modified)
			r = check_digest(job, got.fd);
		if (r == 0) {
			job->result = got;
			got = (struct mf_fetched){ .fd = -1 };
			job->done = true;
			f->local_bytes += job->result.size;
		} else {
			_cleanup_free_ char *url = NULL;

			worst = r;
			(void)mf_href_join(mirrors->v[i], job->request->path, &url);
			fail_url(f->ctx, r, url ? url : mirrors->v[i],
				 r == -MFE_HTTP_STATUS ? "there is no such file" : NULL);
		}
	}
	if (!job->done && !job->urls.n && job->request->optional && worst == -MFE_HTTP_STATUS)
		job->done = true;
	if (job->done || job->urls.n)
		return 0;
	job->code = worst;
	job->absent = worst == -MFE_HTTP_STATUS;
	return worst;
}

/* ---- the helper ---- */

static int send_job(struct fetch *f, const struct job *job, uint32_t index)
{
	const struct mf_wire request = {
		.type = MF_WIRE_REQUEST,
		.index = index,
		.size = job->request->size,
		.max = job->cap,
		.flags = job->request->optional ? MF_WIRE_OPTIONAL : 0,
		.mirror = job->access,
	};
	int r;

	r = mf_wire_send(f->helper.sock, &request, job->request->etag, -1, f->deadline);
	for (size_t i = 0; r == 0 && i < job->urls.n; i++) {
		const struct mf_wire url = { .type = MF_WIRE_URL,
					     .index = index,
					     .flags = job->own[i] ? MF_WIRE_OWN : 0 };

		r = fetch_access_send_url(f->helper.sock, &url, job->urls.v[i],
					  fetch_access_query(job->request->access, job->own[i]),
					  f->deadline);
	}
	return r;
}

/* Sends the access of a job, unless that of one of the N jobs before it is the same. */
static int send_access(struct fetch *f, struct job *const *remote, size_t n, uint32_t *sent)
{
	const struct mf_access *access = remote[n]->request->access;
	int r;

	if (!access)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (remote[i]->request->access == access) {
			remote[n]->access = remote[i]->access;
			return 0;
		}
	r = fetch_access_send(f->ctx, access, f->helper.sock, f->deadline);
	remote[n]->access = ++*sent;
	return r;
}

/* REMOTE maps the indexes of the helper to jobs. */
static int send_all(struct fetch *f, struct job *const *remote)
{
	const struct mf_settings *s = &f->ctx->settings;
	struct mf_wire setup = {
		.type = MF_WIRE_SETUP,
		.size = (uint64_t)s->mirror_timeout * 1000,
	};
	const struct mf_wire go = { .type = MF_WIRE_GO };
	uint32_t sent = 0;
	int r;

	for (size_t i = 0; i < f->remote; i++) {
		assert(remote[i]);
		if (remote[i]->cap > setup.max)
			setup.max = remote[i]->cap;
	}
	r = mf_wire_send(f->helper.sock, &setup, s->fetch_user, -1, f->deadline);
	if (r == 0)
		r = fetch_access_send_variables(f->ctx, f->helper.sock, f->deadline);
	for (size_t i = 0; r == 0 && i < f->remote; i++) {
		r = send_access(f, remote, i, &sent);
		if (r == 0)
			r = send_job(f, remote[i], (uint32_t)i);
	}
	return r < 0 ? r : mf_wire_send(f->helper.sock, &go, NULL, -1, f->deadline);
}

/*
 * Accepts a descriptor if it is a sealed file of an allowed size: 0, and RESULT has a new
 * descriptor of it. Anything else means that the helper is compromised: -MFE_FETCH_HELPER; or
 * -errno.
 */
static int accept_file(const struct job *job, int fd, struct mf_fetched *result)
{
	char path[64];
	struct stat st;
	int own;

	if (fd < 0 || !mf_memfile_is_sealed(fd) || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < 0 || (uint64_t)st.st_size > job->cap ||
	    (job->request->size && (uint64_t)st.st_size != job->request->size))
		return -MFE_FETCH_HELPER;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	result->fd = own;
	result->size = (uint64_t)st.st_size;
	return 0;
}

static int on_done(struct fetch *f, struct job *job, const struct mf_wire *packet, const char *etag,
		   int fd)
{
	_cleanup_(mf_fetched_done) struct mf_fetched got = { .fd = -1 };
	const char *url = packet->mirror < job->urls.n ? job->urls.v[packet->mirror] : NULL;
	int r = 0;

	if (job->done || !url)
		return -MFE_FETCH_HELPER;
	got.not_modified = packet->flags == MF_WIRE_NOT_MODIFIED && job->request->etag;
	if (!got.not_modified && !(packet->flags == MF_WIRE_ABSENT && job->request->optional)) {
		r = accept_file(job, fd, &got);
		if (r == 0)
			r = check_digest(job, got.fd);
		if (r == -MFE_BAD_DIGEST && mf_portal_file(url, got.fd, true))
			r = -MFE_PORTAL;
	}
	if ((r == -MFE_BAD_DIGEST || r == -MFE_PORTAL) && job->retries++ < job->urls.n) {
		const struct mf_wire retry = {
			.type = MF_WIRE_RETRY,
			.index = packet->index,
			.code = r,
			.size = got.size,
		};

		return mf_wire_send(f->helper.sock, &retry, NULL, -1, f->deadline);
	}
	if (r < 0)
		return r;
	got.url = mf_secret_hide_copy(url);
	got.etag = *etag ? strndup(etag, 255) : NULL;
	if (!got.url || (*etag && !got.etag))
		return -ENOMEM;
	job->result = got;
	got = (struct mf_fetched){ .fd = -1 };
	job->done = true;
	f->done++;
	return 0;
}

/* The failures that a helper may report. */
static bool is_fetch_failure(int code)
{
	static const int codes[] = { -MFE_UNREACHABLE, -MFE_HTTP_STATUS, -MFE_TOO_LARGE,
				     -MFE_TRUNCATED,   -MFE_TIMEOUT,	 -MFE_BAD_DIGEST,
				     -MFE_PORTAL };

	for (size_t i = 0; i < MF_ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return code < 0 && code > -MFE_FIRST;
}

/*
 * A run may start several helpers; a repeated line about the state of the machine is logged at
 * debug level.
 */
static void log_helper_line(struct fetch *f, int level, const char *text)
{
	struct mf_context *ctx = f->ctx;
	bool repeated = !strncmp(ctx->helper_message, text, sizeof(ctx->helper_message) - 1);

	mf_log(ctx, repeated && level == MF_LOG_INFO ? MF_LOG_DEBUG : (enum mf_log_level)level,
	       "fetch: %s", text);
	snprintf(ctx->helper_message, sizeof(ctx->helper_message), "%.127s", text);
}

static int fetch_on_packet(struct fetch *f, struct job *const *remote, const struct mf_wire *packet,
			   const char *text, int fd)
{
	struct job *job = packet->index < f->remote ? remote[packet->index] : NULL;

	switch (packet->type) {
	case MF_WIRE_PROGRESS:
		fetch_report_progress(f, f->local_bytes + packet->size, false);
		return 0;
	case MF_WIRE_LOG:
		if (packet->code < MF_LOG_ERROR || packet->code > MF_LOG_DEBUG ||
		    f->logged++ == LOG_MAX)
			break;
		log_helper_line(f, packet->code, text);
		return 0;
	case MF_WIRE_DONE:
		return job ? on_done(f, job, packet, text, fd) : -MFE_FETCH_HELPER;
	case MF_WIRE_FAILED:
		if (!job || packet->mirror >= job->urls.n || !is_fetch_failure(packet->code))
			break;
		job->code = packet->code;
		job->absent = packet->flags == MF_WIRE_ABSENT;
		return fail_url(f->ctx, packet->code, job->urls.v[packet->mirror], text);
	}
	return -MFE_FETCH_HELPER;
}

/* Records why the helper failed: its deadline, its death, or a malformed packet. */
static int fail_helper(struct fetch *f, int r)
{
	char why[192];

	if (r == -ETIMEDOUT || r == -EAGAIN)
		return mf_fail(f->ctx, MF_STAGE_FETCH, -MFE_TIMEOUT, "downloads",
			       "%zu of %zu were not finished in %u s", f->n - f->done, f->n,
			       f->seconds);
	fetch_helper_stop(&f->helper, why, sizeof(why));
	if (r == 0 || r == -EPIPE)
		return mf_fail(f->ctx, MF_STAGE_FETCH, -MFE_FETCH_HELPER, "helper", "%s", why);
	return mf_fail(f->ctx, MF_STAGE_FETCH, -MFE_FETCH_HELPER, "helper",
		       "it sent a malformed or unexpected packet");
}

static int run_helper(struct fetch *f, struct job *const *remote)
{
	char text[MF_WIRE_TEXT + 1];
	size_t end = f->done + f->remote;
	int r;

	r = fetch_helper_start(f->ctx, &f->helper);
	if (r < 0)
		return r;
	r = send_all(f, remote);
	if (r < 0)
		return f->ctx->failure.code == r && r == -MFE_CONFIG ? r : fail_helper(f, r);
	while (f->done < end) {
		struct mf_wire packet;
		_cleanup_close_ int fd = -1;

		r = mf_wire_receive(f->helper.sock, &packet, text, &fd, f->deadline);
		if (r <= 0)
			return fail_helper(f, r);
		r = fetch_on_packet(f, remote, &packet, text, fd);
		if (r == -MFE_FETCH_HELPER || r == -EPIPE || r == -ETIMEDOUT)
			return fail_helper(f, r);
		if (r < 0)
			return f->ctx->failure.code == r
				       ? r
				       : mf_fail(f->ctx, MF_STAGE_FETCH, r, "downloads", NULL);
	}
	return 0;
}

/* ---- the whole call ---- */

static int prepare_job(struct fetch *f, struct job *job, const struct mf_fetch_request *request)
{
	job->request = request;
	job->own = calloc(request->mirrors->n + 1, sizeof(*job->own));
	if (!job->own)
		return mf_fail(f->ctx, MF_STAGE_FETCH, -ENOMEM, request->path, NULL);
	job->cap = request->max_size ? request->max_size : request->size;
	if (!job->cap)
		job->cap = f->ctx->settings.max_metadata;
	if (__builtin_add_overflow(f->total, request->size, &f->total))
		f->total = UINT64_MAX;
	for (size_t i = 0; i < request->mirrors->n; i++) {
		const char *base = request->mirrors->v[i];
		size_t own = fetch_access_own(request->access, base);
		_cleanup_free_ char *url = NULL;
		int r = mf_href_join(base, request->path, &url);

		if (r == 0 && strlen(url) + 1 + strlen(fetch_access_query(request->access, own)) >
				      MF_WIRE_TEXT)
			r = -MFE_BAD_HREF;
		if (r == 0 && !fetch_is_file_url(base)) {
			job->own[job->urls.n] = own;
			r = mf_strings_add(&job->urls, url);
		}
		if (r == -MFE_BAD_HREF)
			return mf_fail(f->ctx, MF_STAGE_FETCH, r, request->path,
				       mf_href_check(request->path) < 0
					       ? NULL
					       : "the URL of the repository is not supported");
		if (r < 0)
			return mf_fail(f->ctx, MF_STAGE_FETCH, r, request->path, NULL);
	}
	if (!request->mirrors->n)
		return mf_fail(f->ctx, MF_STAGE_FETCH, -MFE_UNREACHABLE, request->path,
			       "the repository has no URL");
	return 0;
}

static int fetch_run(struct fetch *f, const struct mf_fetch_request *requests, struct job **remote)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n; i++)
		r = prepare_job(f, &f->jobs[i], &requests[i]);
	if (r == 0)
		r = fetch_room(f->ctx, f->n, f->total);
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		r = try_files(f, &f->jobs[i]);
		if (f->jobs[i].done)
			f->done++;
		else
			remote[f->remote++] = &f->jobs[i];
		fetch_report_progress(f, f->local_bytes, false);
	}
	return r == 0 && f->remote ? run_helper(f, remote) : r;
}

/* The timeout of the whole call, in seconds. */
static unsigned int call_timeout(const struct mf_context *ctx,
				 const struct mf_fetch_request *requests, size_t n)
{
	unsigned int longest = n ? 0 : 1;

	for (size_t i = 0; i < n; i++) {
		if (!requests[i].timeout)
			return ctx->settings.fetch_timeout;
		if (requests[i].timeout > longest)
			longest = requests[i].timeout;
	}
	return longest < ctx->settings.fetch_timeout ? longest : ctx->settings.fetch_timeout;
}

int fetch_from_urls(struct mf_context *ctx, const struct mf_fetch_request *requests, size_t n,
		    struct mf_fetched *ret_fetched)
{
	_cleanup_(fetch_done) struct fetch f = {
		.ctx = ctx,
		.seconds = call_timeout(ctx, requests, n),
		.helper = FETCH_HELPER_INIT,
	};
	_cleanup_free_ struct job **remote = calloc(n + 1, sizeof(*remote));
	uint64_t bytes = 0;
	int r;

	f.jobs = calloc(n + 1, sizeof(*f.jobs));
	if (!f.jobs || !remote)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "downloads", NULL);
	f.deadline = mf_now_us() + (uint64_t)f.seconds * 1000000;
	for (; f.n < n; f.n++)
		f.jobs[f.n].result.fd = -1;
	r = fetch_run(&f, requests, remote);
	for (size_t i = 0; i < n; i++)
		bytes += f.jobs[i].result.size;
	if (r >= 0)
		fetch_report_progress(&f, bytes, true);
	mf_progress(ctx, NULL);
	for (size_t i = 0; r < 0 && i < n; i++) {
		ret_fetched[i].code = f.jobs[i].code;
		ret_fetched[i].absent = f.jobs[i].absent;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		ret_fetched[i] = f.jobs[i].result;
		f.jobs[i].result = (struct mf_fetched){ .fd = -1 };
	}
	return 0;
}
