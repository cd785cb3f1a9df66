/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool as one transaction: the entries that run together, stay for later, or are finished.
 *
 * An entry is removed after the run wrote the history, and only if no event has changed the entry
 * since: a crash at any point repeats work, but never loses a device.
 *
 * If a run for all entries fails because of a package or one repository, it is repeated for one
 * modalias at a time, without another request for metadata or to an unreachable repository. Before
 * a run begins, its entries are recorded (src/pipeline/tries.h), so that after a crash each of them
 * runs alone, after the others, and is set aside if it crashes again. A pass over the spool counts
 * as one attempt of the hour, unless it only found that it has to wait.
 */
#include "modfetch/drain.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/journal.h"
#include "modfetch/pipeline.h"
#include "modfetch/spool.h"
#include "modfetch/strings.h"
#include "modfetch/want.h"
#include "spool-filter.h"
#include "tries.h"

enum { RUN_SECONDS = 900 }; /* for all but downloads and locks */

/* ---- entries and wants ---- */

struct spool {
	int fd;
	struct mf_spool_entry *v;
	size_t n;
};

static void spool_done(struct spool *spool)
{
	for (size_t i = 0; i < spool->n; i++)
		mf_spool_entry_done(&spool->v[i]);
	free(spool->v);
	if (spool->fd >= 0)
		close(spool->fd);
	*spool = (struct spool){ .fd = -1 };
}

static int spool_read(struct mf_context *ctx, struct spool *ret_spool)
{
	size_t damaged;
	int r;

	ret_spool->fd = mf_spool_open(ctx);
	if (ret_spool->fd < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, ret_spool->fd, "/" MF_SPOOL_DIR, NULL);
	r = mf_spool_read(ret_spool->fd, &ret_spool->v, &ret_spool->n, &damaged);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, r, "/" MF_SPOOL_DIR, NULL);
	if (damaged)
		mf_log(ctx, MF_LOG_WARNING, "event: deleted %zu damaged entries of the spool",
		       damaged);
	return 0;
}

uint64_t mf_drain_pace(struct mf_context *ctx)
{
	_cleanup_(spool_done) struct spool spool = { .fd = -1 };
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	uint64_t slowest = 0;

	if (spool_read(ctx, &spool) < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < spool.n; i++) {
		const struct mf_spool_entry *e = &spool.v[i];

		if (!e->uevent_us || e->decided_us < e->uevent_us)
			return UINT64_MAX;
		if (e->decided_us - e->uevent_us > slowest)
			slowest = e->decided_us - e->uevent_us;
	}
	return slowest;
}

static int remove_entry(struct mf_context *ctx, const struct spool *spool, size_t i)
{
	int r = mf_spool_remove(spool->fd, &spool->v[i]);

	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, spool->v[i].name, NULL) : 0;
}

static bool drain_is_there(const struct mf_context *ctx, const char *devpath)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	path = mf_format("sys%s", devpath);
	if (!path)
		return true;
	fd = mf_context_open(ctx, path, O_PATH);
	return fd != -ENOENT;
}

static int drain_add_want(struct mf_context *ctx, const struct mf_spool_entry *entry,
			  const char *devpath, struct mf_wants *wants)
{
	_cleanup_free_ char *syspath = NULL;
	struct mf_want want;
	int r;

	syspath = devpath ? mf_format("/sys%s", devpath) : NULL;
	if (devpath && !syspath)
		return mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, entry->modalias, NULL);
	r = mf_want_init(ctx, entry->modalias, syspath, &want);
	if (r < 0)
		return r;
	/* a name without a device is a request of modprobe, to which blacklists do not apply */
	if (syspath && mf_device_describe(ctx, syspath, &want) < 0) {
		mf_want_done(&want);
		return mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, entry->modalias, NULL);
	}
	want.uevent_us = entry->uevent_us;
	want.decided_us = entry->decided_us;
	r = mf_wants_add(wants, &want);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, entry->modalias, NULL) : 0;
}

/* Adds one want for each device that still exists. 0; 1: none does; or a recorded failure. */
static int add_wants(struct mf_context *ctx, const struct mf_spool_entry *entry,
		     struct mf_wants *wants)
{
	bool any = !entry->devpaths.n;
	int r = any ? drain_add_want(ctx, entry, NULL, wants) : 0;

	for (size_t i = 0; r == 0 && i < entry->devpaths.n; i++) {
		if (!drain_is_there(ctx, entry->devpaths.v[i]))
			continue;
		any = true;
		r = drain_add_want(ctx, entry, entry->devpaths.v[i], wants);
	}
	return r < 0 ? r : !any;
}

/* ---- the runs ---- */

/* An entry without a device may be the kernel's request, which any user can provoke again. */
static void record_failed(struct mf_context *ctx, const struct spool *spool, size_t first,
			  size_t end)
{
	for (size_t i = first; i < end; i++)
		if (!spool->v[i].devpaths.n)
			(void)mf_failed_note(ctx, spool->v[i].modalias);
}

/* The data that the runs of one pass share. */
struct pass {
	struct spool spool;
	struct mf_strings unreachable; /* repositories that get no further request in this pass */
	bool metadata_asked;
	bool attempted; /* a run did more than find that it has to wait */
	bool stop;	/* the remaining entries would fail for the same reason */
	struct mf_drained drained;
};

static void pass_done(struct pass *pass)
{
	spool_done(&pass->spool);
	mf_strings_done(&pass->unreachable);
}

/* If this fails, as on a full /run, a crash does not count; the runs go on all the same. */
static void write_tries(struct mf_context *ctx, const struct pass *pass)
{
	int r = mf_tries_write(ctx, pass->spool.v, pass->spool.n);

	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "event: /" MF_TRIES_FILE ": %s", mf_error_sentence(r));
}

/* The time limit of a run. A run that takes longer is killed, which counts as a crash. */
static unsigned int run_seconds(const struct mf_context *ctx)
{
	return 2 * ctx->settings.fetch_timeout + ctx->settings.lock_timeout + RUN_SECONDS;
}

/* Runs the pipeline for the entries FIRST to END, with their tries recorded before and after. */
static int run_pipeline(struct mf_context *ctx, struct pass *pass, struct mf_run *run, size_t first,
			size_t end)
{
	int r;

	run->unreachable = &pass->unreachable;
	run->metadata_asked = pass->metadata_asked;
	for (size_t i = first; i < end; i++)
		pass->spool.v[i].tries++;
	write_tries(ctx, pass);
	if (ctx->unattended)
		alarm(run_seconds(ctx));
	r = mf_pipeline_run(ctx, run);
	alarm(0);
	for (size_t i = first; i < end; i++)
		pass->spool.v[i].tries--;
	write_tries(ctx, pass);
	pass->metadata_asked = run->metadata_asked;
	pass->attempted |= r == 0 || (r < 0 && !mf_fault_only_waited(r));
	return r;
}

/* Removes the entries FIRST to END from the spool, after success or a final failure. */
static int finish_entries(struct mf_context *ctx, struct pass *pass, size_t first, size_t end,
			  bool failed)
{
	int r = 0;

	if (failed) {
		pass->drained.failed += end - first;
		record_failed(ctx, &pass->spool, first, end);
	}
	for (size_t i = first; r == 0 && i < end; i++) {
		pass->spool.v[i].tries = 0;
		r = remove_entry(ctx, &pass->spool, i);
	}
	write_tries(ctx, pass);
	return r;
}

/*
 * Runs the pipeline for the entries FIRST to END; finished entries leave the spool. RET_SPLIT: a run
 * for fewer of them may succeed, so all of them stay.
 */
static int run_entries(struct mf_context *ctx, struct pass *pass, size_t first, size_t end,
		       bool *ret_split)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "queue" };
	size_t gone = 0;
	int r = 0, removed;
	bool later;

	for (size_t i = first; i < end; i++) {
		r = add_wants(ctx, &pass->spool.v[i], &run.wants);
		if (r < 0)
			return r;
		gone += (size_t)r;
	}
	r = run.wants.n ? run_pipeline(ctx, pass, &run, first, end) : 1;
	/* a web page instead of a package may come from a filter: only this package waits */
	later = r < 0 && mf_fault_is_transient(r) &&
		(run.fault != MF_FAULT_PACKAGE || r == -MFE_PORTAL);
	if (r == 0)
		mf_report_run(ctx, &run);
	if (r < 0)
		mf_spool_report_failure(
			ctx, end - first == 1 ? pass->spool.v[first].modalias : NULL, r, later);
	*ret_split =
		r < 0 && end - first > 1 && (run.fault || (!later && mf_fault_is_of_package(r)));
	if (*ret_split)
		return r;
	pass->drained.gone += gone;
	if (later) {
		pass->drained.kept += end - first;
		pass->stop = !mf_fault_is_of_repository(r);
		return r;
	}
	removed = finish_entries(ctx, pass, first, end, r < 0);
	return removed < 0 ? removed : r;
}

/* Runs each entry alone. Returns the last failure, else 0 if one of them was served, else 1. */
static int run_each(struct mf_context *ctx, struct pass *pass, size_t first, size_t end)
{
	int worst = 1;

	for (size_t i = first; i < end; i++) {
		bool split;
		int r;

		if (pass->stop) {
			pass->drained.kept += end - i;
			break;
		}
		r = run_entries(ctx, pass, i, i + 1, &split);
		if (r < 0 || (r == 0 && worst > 0))
			worst = r;
	}
	return worst;
}

/* Moves entries with a crashed run to the end. Returns the number of the others. */
static size_t move_suspects_last(struct spool *spool)
{
	size_t unsuspected = 0;

	for (size_t i = 0; i < spool->n; i++)
		if (!spool->v[i].tries) {
			struct mf_spool_entry entry = spool->v[i];

			memmove(&spool->v[unsuspected + 1], &spool->v[unsuspected],
				(i - unsuspected) * sizeof(*spool->v));
			spool->v[unsuspected++] = entry;
		}
	return unsuspected;
}

/* Runs all entries at once, and after them each one with a crashed run alone: it may crash again. */
static int run_all(struct mf_context *ctx, struct pass *pass)
{
	size_t unsuspected = move_suspects_last(&pass->spool);
	bool split = false;
	int r = unsuspected ? run_entries(ctx, pass, 0, unsuspected, &split) : 1, each;
	struct mf_saved_failure first;

	if (split)
		r = run_each(ctx, pass, 0, unsuspected);
	first = mf_failure_save(ctx);
	each = run_each(ctx, pass, unsuspected, pass->spool.n);
	if (each < 0 || (each == 0 && r > 0))
		return each;
	mf_failure_restore(&first);
	return r;
}

/* Runs the entries if the hourly limit allows it; all their runs count as one attempt. */
static int drain_attempt(struct mf_context *ctx, struct pass *pass)
{
	uint64_t at;
	int counted, r;

	pass->drained.wait_s =
		ctx->unattended ? mf_runs_wait(ctx, ctx->settings.max_transactions) : 0;
	if (pass->drained.wait_s) {
		pass->drained.kept = pass->spool.n;
		return 1;
	}
	counted = mf_runs_count(ctx, &at);
	r = run_all(ctx, pass);
	if (counted == 0 && !pass->attempted)
		(void)mf_runs_uncount(ctx, at);
	return r;
}

static int drain_locked(struct mf_context *ctx, struct pass *pass)
{
	struct mf_saved_failure set_aside;
	size_t aside;
	int r = mf_aside_retry(ctx, false);

	if (r >= 0)
		r = spool_read(ctx, &pass->spool);
	if (r < 0)
		return r;
	pass->drained.entries = pass->spool.n;
	mf_tries_read(ctx, pass->spool.v, pass->spool.n);
	r = mf_spool_filter(ctx, pass->spool.fd, pass->spool.v, &pass->spool.n, &aside);
	if (r < 0)
		return r;
	/* an entry that was set aside starts with no tries when it returns */
	write_tries(ctx, pass);
	pass->drained.failed += aside;
	set_aside = mf_failure_save(ctx);
	r = pass->spool.n ? drain_attempt(ctx, pass) : 1;
	if (r < 0 || !aside)
		return r;
	mf_failure_restore(&set_aside);
	return ctx->failure.code;
}

int mf_drain(struct mf_context *ctx, struct mf_drained *ret_drained)
{
	_cleanup_(pass_done) struct pass pass = { .spool = { .fd = -1 } };
	_cleanup_close_ int lock = -1;
	int r = spool_read(ctx, &pass.spool);

	*ret_drained = pass.drained;
	if (r < 0)
		return r;
	if (!pass.spool.n)
		return 1;
	lock = mf_lock_spool(ctx);
	if (lock < 0) {
		ret_drained->entries = ret_drained->kept = pass.spool.n;
		return lock;
	}
	spool_done(&pass.spool);
	r = drain_locked(ctx, &pass);
	*ret_drained = pass.drained;
	return r;
}

static int spool_want(struct mf_context *ctx, int fd, const struct mf_want *want)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = { 0 };
	int r = mf_want_entry(want, &entry);

	if (r == 0)
		r = mf_spool_put(fd, &entry);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, want->query, NULL) : 0;
}

/* At least one of the waiting entries crashed the run: each gets a try, as it may be any of them. */
static int mark_all_suspect(struct mf_context *ctx)
{
	_cleanup_(spool_done) struct spool spool = { .fd = -1 };
	int r = spool_read(ctx, &spool);

	if (r < 0)
		return r;
	mf_tries_read(ctx, spool.v, spool.n);
	for (size_t i = 0; i < spool.n; i++)
		spool.v[i].tries += !spool.v[i].tries;
	r = mf_tries_write(ctx, spool.v, spool.n);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, "/" MF_TRIES_FILE, NULL) : 0;
}

int mf_drain_defer(struct mf_context *ctx, const struct mf_wants *wants, bool crashed)
{
	_cleanup_close_ int fd = mf_spool_open(ctx), lock = -1;
	int r = 0;

	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, fd, "/" MF_SPOOL_DIR, NULL);
	/* modfetch.service starts as soon as there is an entry, and must see its tries */
	if (crashed)
		lock = mf_lock_spool(ctx);
	for (size_t i = 0; r == 0 && i < wants->n; i++)
		if (wants->v[i].kind != MF_WANT_BAD)
			r = spool_want(ctx, fd, &wants->v[i]);
	return r == 0 && crashed ? mark_all_suspect(ctx) : r;
}
