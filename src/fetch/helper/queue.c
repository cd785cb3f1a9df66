/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The requests of the download helper, each with the URLs to try in order.
 *
 * This file decides which mirror is tried when. Mirrors are tried in the order of the list, but a
 * mirror that was unreachable or stalled is tried last from then on, for all requests: a dead
 * mirror costs its timeout once, not once per file. An interrupted transfer is resumed at the same
 * mirror as long as each try makes progress; another mirror starts from zero, so that a bad mirror
 * cannot leave its bytes in the file of a good one. If the other side reports wrong bytes, the next
 * mirror is tried. After all mirrors, those whose failure may be gone are tried again (again.c). Then
 * the request fails with the failure of the mirror that got furthest.
 *
 * An exchange slower than MIN_RATE bytes a second over the time that a mirror may be slow is
 * stopped in any phase: resolving, connecting, sending headers or a body.
 */
#include "queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "../portal.h"
#include "access.h"
#include "again.h"
#include "curl.h"

#define PARALLEL     6
#define MIN_RATE     512 /* bytes a second */
#define MAX_RESUMES  8
#define MAX_REQUESTS 65536
#define TICK_MS	     100

struct job {
	struct mf_exchange exchange;
	struct mf_strings urls;
	char *etag; /* of the file that the other side has */
	uint64_t size, max;
	bool optional, running, ended, absent;
	bool worst_is_absent; /* "worst" is a missing file */
	const struct mf_curl_access *access;
	bool *own;	     /* of each URL: its server gets the user's password and certificate */
	bool *tried, *again; /* of each URL; "again": its failure may be gone a moment later */
	unsigned int rounds; /* begun after the first one */
	uint64_t retry_after, not_before; /* of the next round: seconds, and microseconds */
	size_t current;			  /* index into urls */
	unsigned int resumes;
	uint64_t slow_since,
		slow_bytes; /* the time and size at which the measurement of the speed began */
	uint32_t index, worst_mirror;
	int worst;
	char why[256];
};

struct queue {
	int sock;
	char user[64];
	uint64_t timeout_ms, max_size;
	struct job **jobs;
	size_t n, running;
	struct mf_strings bad_hosts;
	struct accesses accesses;
	struct mf_curl *curl;
	uint64_t finished_bytes, progress_us;
};

/* ---- reading the requests ---- */

static int add_request(struct queue *q, const struct mf_wire *packet, const char *text)
{
	struct job **jobs, *job;

	if (packet->index != q->n || q->n >= MAX_REQUESTS)
		return -EBADMSG;
	jobs = reallocarray(q->jobs, q->n + 1, sizeof(*jobs));
	if (!jobs)
		return -ENOMEM;
	q->jobs = jobs;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	q->jobs[q->n++] = job;
	job->exchange.fd = -1;
	job->index = packet->index;
	job->size = packet->size;
	job->max = packet->max;
	job->optional = packet->flags & MF_WIRE_OPTIONAL;
	job->access = fetch_access_find(&q->accesses, packet->mirror);
	job->etag = *text ? strdup(text) : NULL;
	return *text && !job->etag ? -ENOMEM : 0;
}

static int queue_add_url(struct queue *q, const struct mf_wire *packet, const char *text)
{
	struct job *job = q->n && packet->index == q->n - 1 ? q->jobs[q->n - 1] : NULL;
	bool *own = job ? reallocarray(job->own, job->urls.n + 1, sizeof(*own)) : NULL;

	if (!own)
		return job ? -ENOMEM : -EBADMSG;
	job->own = own;
	own[job->urls.n] = packet->flags & MF_WIRE_OWN;
	return mf_strings_add(&job->urls, text);
}

static int queue_on_packet(struct queue *q, const struct mf_wire *packet, const char *text, int fd)
{
	switch (packet->type) {
	case MF_WIRE_SETUP:
		if (strlen(text) >= sizeof(q->user))
			return -EBADMSG;
		strcpy(q->user, text);
		q->timeout_ms = packet->size;
		q->max_size = packet->max;
		return 0;
	case MF_WIRE_REQUEST:
		return add_request(q, packet, text);
	case MF_WIRE_URL:
		return queue_add_url(q, packet, text);
	case MF_WIRE_GO:
		return 1;
	}
	return fetch_access_on_packet(&q->accesses, packet, text, fd);
}

static void queue_cleanup(struct queue **queue)
{
	fetch_queue_free(*queue);
}

int fetch_queue_read(int sock, struct queue **ret_queue)
{
	_cleanup_(queue_cleanup) struct queue *q = calloc(1, sizeof(*q));
	char text[MF_WIRE_TEXT + 1];
	int r;

	if (!q)
		return -ENOMEM;
	q->sock = sock;
	r = mf_curl_new(&q->curl);
	while (r == 0) {
		struct mf_wire packet;
		_cleanup_close_ int fd = -1;

		r = mf_wire_receive(sock, &packet, text, &fd, 0);
		if (r == 0)
			return 1;
		if (r > 0)
			r = queue_on_packet(q, &packet, text, fd);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < q->n; i++) {
		q->jobs[i]->tried = calloc(q->jobs[i]->urls.n + 1, sizeof(bool));
		q->jobs[i]->again = calloc(q->jobs[i]->urls.n + 1, sizeof(bool));
		if (!q->jobs[i]->tried || !q->jobs[i]->again)
			return -ENOMEM;
	}
	*ret_queue = MF_STEAL(q);
	return 0;
}

const char *fetch_queue_user(const struct queue *q)
{
	return q->user;
}

uint64_t fetch_queue_max_size(const struct queue *q)
{
	return q->max_size;
}

static void close_file(struct job *job)
{
	if (job->exchange.fd >= 0)
		close(mf_steal_fd(&job->exchange.fd));
	job->exchange.size = 0;
}

void fetch_queue_free(struct queue *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n; i++) {
		struct job *job = q->jobs[i];

		if (job->running)
			mf_curl_stop(q->curl, &job->exchange);
		close_file(job);
		mf_strings_done(&job->urls);
		free(job->etag);
		free(job->own);
		free(job->tried);
		free(job->again);
		free(job);
	}
	free(q->jobs);
	mf_strings_done(&q->bad_hosts);
	mf_curl_free(q->curl);
	fetch_accesses_done(&q->accesses);
	free(q);
}

/* ---- mirrors ---- */

/* The length of "scheme://host:port". */
static size_t host_len(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/");
}

static bool is_bad_host(const struct queue *q, const char *url)
{
	size_t len = host_len(url);

	for (size_t i = 0; i < q->bad_hosts.n; i++)
		if (strlen(q->bad_hosts.v[i]) == len && !strncmp(q->bad_hosts.v[i], url, len))
			return true;
	return false;
}

/* Finds the next mirror to try. False: all have been tried. */
static bool next_mirror(const struct queue *q, const struct job *job, size_t *ret_mirror)
{
	for (int bad_too = 0; bad_too < 2; bad_too++)
		for (size_t i = 0; i < job->urls.n; i++)
			if (!job->tried[i] && (bad_too || !is_bad_host(q, job->urls.v[i]))) {
				*ret_mirror = i;
				return true;
			}
	return false;
}

static int job_start(struct queue *q, struct job *job, bool resume)
{
	struct mf_exchange *x = &job->exchange;
	int r;

	if (!resume) {
		close_file(job);
		x->fd = mf_memfile_new("modfetch");
		if (x->fd < 0)
			return x->fd;
		*x->etag = '\0';
		job->resumes = 0;
	}
	x->url = job->urls.v[job->current];
	x->if_none_match = job->etag;
	x->offset = x->size;
	x->cap = job->max;
	x->access = job->access;
	x->own = job->own[job->current];
	x->connect_ms = fetch_access_number(job->access, MF_WIRE_TIMEOUT, q->timeout_ms);
	r = mf_curl_start(q->curl, x);
	if (r < 0)
		return r;
	job->running = true;
	job->slow_since = mf_now_us();
	job->slow_bytes = x->size;
	q->running++;
	return 0;
}

/* ---- reporting ---- */

static int report_failed(struct queue *q, struct job *job)
{
	const struct mf_wire packet = {
		.type = MF_WIRE_FAILED,
		.index = job->index,
		.mirror = job->worst_mirror,
		.flags = job->worst_is_absent ? MF_WIRE_ABSENT : 0,
		.code = job->worst,
	};

	return mf_wire_send(q->sock, &packet, job->why, -1, 0);
}

static int report_done(struct queue *q, struct job *job)
{
	struct mf_exchange *x = &job->exchange;
	struct mf_wire packet = {
		.type = MF_WIRE_DONE,
		.index = job->index,
		.mirror = (uint32_t)job->current,
		.size = x->size,
	};
	int r;

	if (job->absent || x->not_modified) {
		packet.flags = job->absent ? MF_WIRE_ABSENT : MF_WIRE_NOT_MODIFIED;
		return mf_wire_send(q->sock, &packet, x->etag, -1, 0);
	}
	r = mf_memfile_seal(x->fd);
	if (r == 0)
		r = mf_wire_send(q->sock, &packet, x->etag, x->fd, 0);
	q->finished_bytes += x->size;
	/* the other side has its own descriptor now */
	close_file(job);
	return r;
}

static int queue_report_progress(struct queue *q)
{
	struct mf_wire packet = { .type = MF_WIRE_PROGRESS, .size = q->finished_bytes };
	uint64_t now = mf_now_us();

	if (now - q->progress_us < TICK_MS * 1000ULL)
		return 0;
	q->progress_us = now;
	for (size_t i = 0; i < q->n; i++)
		packet.size += q->jobs[i]->ended ? 0 : q->jobs[i]->exchange.size;
	return mf_wire_send(q->sock, &packet, NULL, -1, 0);
}

/* ---- the states of a request ---- */

static int job_end(struct queue *q, struct job *job)
{
	job->ended = true;
	return job->worst && !job->absent ? report_failed(q, job) : report_done(q, job);
}

/* Records the failure of the current mirror. */
static int mirror_failed(struct queue *q, struct job *job, int code, const char *why)
{
	const char *url = job->urls.v[job->current];
	bool gone = code == -MFE_HTTP_STATUS &&
		    (job->exchange.status == 404 || job->exchange.status == 410);

	job->tried[job->current] = true;
	job->again[job->current] = fetch_again(&job->exchange, code);
	if (job->again[job->current] && job->exchange.retry_after > job->retry_after)
		job->retry_after = job->exchange.retry_after;
	job->absent |= job->optional && gone;
	if (!job->worst || fetch_failure_rank(code) > fetch_failure_rank(job->worst)) {
		job->worst = code;
		job->worst_mirror = (uint32_t)job->current;
		job->worst_is_absent = gone;
		snprintf(job->why, sizeof(job->why), "%s", why);
	}
	close_file(job);
	if ((code == -MFE_UNREACHABLE || code == -MFE_TIMEOUT) && !is_bad_host(q, url))
		return mf_strings_addn(&q->bad_hosts, url, host_len(url));
	return 0;
}

/* The result of an exchange for a request whose size is known. */
static int judge_size(const struct job *job)
{
	const struct mf_exchange *x = &job->exchange;

	if (x->code || x->not_modified || !job->size || x->size == job->size)
		return x->code;
	return x->size < job->size ? -MFE_TRUNCATED : -MFE_TOO_LARGE;
}

/* A web page instead of a file is the answer of a portal; the transfer must not be resumed. */
static bool is_portal(const struct job *job, int code)
{
	const struct mf_exchange *x = &job->exchange;

	return x->status == 511 || (code == -MFE_TOO_LARGE && x->page) ||
	       (x->size && mf_portal_file(x->url, x->fd, code != 0));
}

static int job_finish(struct queue *q, struct job *job)
{
	struct mf_exchange *x = &job->exchange;
	int code = judge_size(job);

	if (is_portal(job, code)) {
		code = -MFE_PORTAL;
		snprintf(x->why, sizeof(x->why),
			 "a web page came instead of the file; does this "
			 "network want a login?");
	}

	job->running = false;
	q->running--;
	if (!code) {
		job->worst = 0;
		job->absent = false;
		return job_end(q, job);
	}
	if (code == -MFE_TRUNCATED && x->size > x->offset && job->resumes < MAX_RESUMES) {
		job->resumes++;
		return job_start(q, job, true);
	}
	return mirror_failed(q, job, code, x->why);
}

static int check_speed(struct queue *q, struct job *job)
{
	struct mf_exchange *x = &job->exchange;
	uint64_t now = mf_now_us(), elapsed = now - job->slow_since;
	uint64_t rate = fetch_access_number(job->access, MF_WIRE_MIN_RATE, MIN_RATE);
	char why[128];

	if (elapsed < fetch_access_number(job->access, MF_WIRE_TIMEOUT, q->timeout_ms) * 1000)
		return 0;
	/* a restarted file is smaller than before: that counts as progress */
	if (x->size < job->slow_bytes || (x->size - job->slow_bytes) * 1000000 >= rate * elapsed) {
		job->slow_since = now;
		job->slow_bytes = x->size;
		return 0;
	}
	snprintf(why, sizeof(why), "less than %llu bytes a second for %.1f s",
		 (unsigned long long)rate, (double)elapsed / 1e6);
	mf_curl_stop(q->curl, x);
	job->running = false;
	q->running--;
	return mirror_failed(q, job, -MFE_TIMEOUT, why);
}

/* Schedules another round over the mirrors that may work again. False: there is none. */
static bool schedule_round(struct job *job)
{
	uint64_t rounds = fetch_access_number(job->access, MF_WIRE_RETRIES, FETCH_ROUNDS);
	bool some = false;

	for (size_t i = 0; job->rounds < rounds && i < job->urls.n; i++) {
		some |= job->again[i];
		job->tried[i] &= !job->again[i];
		job->again[i] = false;
	}
	if (some)
		job->not_before = mf_now_us() + fetch_again_pause(job->rounds++, job->retry_after);
	job->retry_after = 0;
	return some;
}

static int job_advance(struct queue *q, struct job *job)
{
	if (job->running)
		return check_speed(q, job);
	if (job->ended || q->running >= PARALLEL || mf_now_us() < job->not_before)
		return 0;
	if (next_mirror(q, job, &job->current))
		return job_start(q, job, false);
	return schedule_round(job) ? 0 : job_end(q, job);
}

static int on_retry(struct queue *q, const struct mf_wire *packet)
{
	struct job *job = packet->index < q->n ? q->jobs[packet->index] : NULL;

	if (packet->type != MF_WIRE_RETRY || !job || !job->ended || job->worst)
		return -EBADMSG;
	q->finished_bytes -= packet->size < q->finished_bytes ? packet->size : q->finished_bytes;
	job->ended = false;
	return mirror_failed(q, job, packet->code, "");
}

/* Handles the packets of the other side. 1: it has closed; 0; or -errno. */
static int queue_receive(struct queue *q)
{
	char text[MF_WIRE_TEXT + 1];

	for (;;) {
		struct mf_wire packet;
		_cleanup_close_ int fd = -1;
		int r = mf_wire_receive(q->sock, &packet, text, &fd, MF_WIRE_NOW);

		if (r == -EAGAIN)
			return 0;
		if (r == 0)
			return 1;
		if (r > 0)
			r = on_retry(q, &packet);
		if (r < 0)
			return r;
	}
}

int fetch_queue_run(struct queue *q)
{
	int r = 0;

	while (r == 0) {
		struct mf_exchange *x;

		for (size_t i = 0; r == 0 && i < q->n; i++)
			r = job_advance(q, q->jobs[i]);
		if (r == 0)
			r = mf_curl_run(q->curl, q->sock, TICK_MS);
		while (r == 0 && (x = mf_curl_finished(q->curl)))
			r = job_finish(q, (struct job *)x); /* its first member */
		if (r == 0)
			r = queue_report_progress(q);
		if (r == 0)
			r = queue_receive(q);
	}
	return r > 0 || r == -EPIPE ? 0 : r;
}
