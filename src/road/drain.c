/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spool as one transaction.
 *
 * Decides which entries become wants of one run, which stay for later and which are done with. An
 * entry is removed after the run wrote the history, and only if no event has changed it meanwhile:
 * a crash at any point repeats work, and never forgets a device.
 *
 * A run for all that fails for good is repeated one modalias at a time; a network that is down is
 * not asked again for each. Counts the runs that changed something, in a file of one decimal number
 * (seconds of CLOCK_BOOTTIME) a line: a device that comes and goes all day starts so many
 * transactions an hour and no more.
 */
#include "modfetch/drain.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/devices.h"
#include "modfetch/failed-names.h"
#include "modfetch/file.h"
#include "modfetch/journal.h"
#include "modfetch/pipeline.h"
#include "modfetch/spool.h"

enum { RUNS_MAX = 1024 };

#define DEVICES "/sys/devices/" /* where a device of the spool is */

bool mf_drain_passes(int code)
{
	static const int codes[] = {
		-MFE_UNREACHABLE,  -MFE_HTTP_STATUS, -MFE_TIMEOUT, -MFE_TRUNCATED,
		-MFE_NO_METADATA,  -MFE_STALE,	     -MFE_LOCKED,  -MFE_KERNEL_CHANGED,
		-MFE_FETCH_HELPER, -ENOMEM,	     -EAGAIN,	   -EMFILE,
		-ENFILE,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* May a run for fewer modaliases fare better? What ails one package does, what ails a repository
 * not. */
static bool spoils(int code)
{
	static const int codes[] = {
		-MFE_UNSOLVABLE,   -MFE_NO_SYMBOL,	 -MFE_BAD_SIZE,	 -MFE_BAD_DIGEST,
		-MFE_BAD_PACKAGE,  -MFE_FORBIDDEN_FILE,	 -MFE_SCRIPTLET, -MFE_BAD_MODULE,
		-MFE_WRONG_KERNEL, -MFE_MODULE_UNSIGNED, -MFE_INSTALL,	 -MFE_TOO_LARGE,
		-MFE_BAD_HREF,	   -MFE_DENIED,		 -MFE_NOT_FOUND, -MFE_BAD_MODALIAS,
		-MFE_FILE_EXISTS,  -MFE_ALTERED,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* ---- the limit ---- */

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* The times of the runs within the window, oldest first; returns how many. */
static size_t read_runs(const struct mf_context *ctx, uint64_t now, uint64_t runs[RUNS_MAX])
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_DRAIN_RUNS, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len, n = 0;

	if (fd < 0 || mf_file_read(fd, (size_t)RUNS_MAX * 21, &text, &len) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && n < RUNS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		uint64_t at = strtoull(line, NULL, 10);

		if (at <= now && now - at < MF_DRAIN_WINDOW)
			runs[n++] = at;
	}
	return n;
}

int mf_drain_count(const struct mf_context *ctx)
{
	_cleanup_close_ int dir = mf_context_mkdir(ctx, "run/modfetch");
	_cleanup_free_ char *text = NULL;
	uint64_t now = now_s(), runs[RUNS_MAX];
	size_t n = read_runs(ctx, now, runs), len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	for (size_t i = n == RUNS_MAX; i < n; i++)
		fprintf(f, "%llu\n", (unsigned long long)runs[i]);
	fprintf(f, "%llu\n", (unsigned long long)now);
	if (fclose(f))
		return -ENOMEM;
	return dir < 0 ? dir : mf_file_publish(dir, "runs", 0600, text, len);
}

/* Seconds until one more run is allowed, of MAX an hour; 0: now. */
static unsigned int limit(const struct mf_context *ctx, size_t max)
{
	uint64_t now = now_s(), runs[RUNS_MAX];
	size_t n = read_runs(ctx, now, runs);

	if (n < max || !max)
		return 0;
	return (unsigned int)(runs[n - max] + MF_DRAIN_WINDOW - now);
}

bool mf_drain_kernel_may(const struct mf_context *ctx)
{
	return !limit(ctx, (ctx->settings.max_transactions + 1) / 2);
}

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
}

static int spool_read(struct mf_context *ctx, struct spool *ret_spool)
{
	size_t damaged;
	int r;

	ret_spool->fd = mf_spool_open(ctx);
	if (ret_spool->fd < 0)
		return mf_fail(ctx, "event", ret_spool->fd, "/" MF_SPOOL_DIR, NULL);
	r = mf_spool_read(ret_spool->fd, &ret_spool->v, &ret_spool->n, &damaged);
	if (r < 0)
		return mf_fail(ctx, "event", r, "/" MF_SPOOL_DIR, NULL);
	if (damaged)
		mf_log(ctx, MF_LOG_WARNING, "event: threw %zu damaged entries of the spool away",
		       damaged);
	return 0;
}

uint64_t mf_drain_pace(struct mf_context *ctx)
{
	_cleanup_(spool_done) struct spool spool = { .fd = -1 };
	struct mf_failure before = ctx->failure;
	uint64_t slowest = 0;

	if (spool_read(ctx, &spool) < 0) {
		ctx->failure = before;
		return UINT64_MAX;
	}
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

	return r < 0 ? mf_fail(ctx, "event", r, spool->v[i].name, NULL) : 0;
}

static bool is_there(const struct mf_context *ctx, const char *devpath)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "sys%s", devpath) < 0) {
		path = NULL;
		return true;
	}
	fd = mf_context_open(ctx, path, O_PATH);
	return fd != -ENOENT;
}

static int add_want(struct mf_context *ctx, const struct mf_spool_entry *entry, const char *devpath,
		    struct mf_wants *wants)
{
	_cleanup_free_ char *syspath = NULL;
	struct mf_want want;
	int r;

	if (devpath && asprintf(&syspath, "/sys%s", devpath) < 0) {
		syspath = NULL;
		return mf_fail(ctx, "event", -ENOMEM, entry->modalias, NULL);
	}
	r = mf_want_init(ctx, entry->modalias, syspath, &want);
	if (r < 0)
		return r;
	/* a name without a device is what modprobe was asked for, which blacklists do not hold back */
	if (syspath && mf_device_describe(ctx, syspath, &want) < 0) {
		mf_want_done(&want);
		return mf_fail(ctx, "event", -ENOMEM, entry->modalias, NULL);
	}
	want.uevent_us = entry->uevent_us;
	want.decided_us = entry->decided_us;
	r = mf_wants_add(wants, &want);
	return r < 0 ? mf_fail(ctx, "event", r, entry->modalias, NULL) : 0;
}

/* One want for each device that is still there. 0, 1: none is, or a recorded failure. */
static int add_wants(struct mf_context *ctx, const struct mf_spool_entry *entry,
		     struct mf_wants *wants)
{
	bool any = !entry->devpaths.n;
	int r = any ? add_want(ctx, entry, NULL, wants) : 0;

	for (size_t i = 0; r == 0 && i < entry->devpaths.n; i++) {
		if (!is_there(ctx, entry->devpaths.v[i]))
			continue;
		any = true;
		r = add_want(ctx, entry, entry->devpaths.v[i], wants);
	}
	return r < 0 ? r : !any;
}

/* ---- the runs ---- */

/* The package of this run that brought the module, or NULL: it was here before. */
static const char *brought_by(const struct mf_run *run, const struct mf_match *match)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (mf_strings_has(&match->packages, run->plan.items[i].name))
			return run->plan.items[i].name;
	return NULL;
}

static void say_brought(struct mf_context *ctx, const struct mf_want *want, const char *module,
			const char *package)
{
	_cleanup_free_ char *message = NULL;

	if (asprintf(&message, "%s: loaded %s from %s", want->query, module, package) < 0) {
		message = NULL;
		return;
	}
	if (mf_journal_send(MF_LOG_INFO, MF_MESSAGE_INSTALLED, message,
			    (const struct mf_journal_field[]){
				    { "MODALIAS", want->query },
				    { "DEVPATH", want->syspath ? want->syspath + 4 : NULL },
				    { "PACKAGE", package },
				    { "MODULE", module },
				    { "DRIVER", want->driver },
			    },
			    5) < 0)
		mf_log(ctx, MF_LOG_INFO, "%s", message);
}

static void say_installed(struct mf_context *ctx, const struct mf_run *run)
{
	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];

		for (size_t m = 0; m < want->n_matches; m++) {
			const char *module = want->matches[m].module;
			const char *package = brought_by(run, &want->matches[m]);

			if (package && mf_strings_has(&want->loaded, module))
				say_brought(ctx, want, module, package);
		}
	}
}

static void say_failed(struct mf_context *ctx, const char *modalias, int code)
{
	const struct mf_failure *f = &ctx->failure;
	bool later = mf_drain_passes(code);
	char message[768];

	snprintf(message, sizeof(message), "%s: %s: %s [%s]%s", f->stage, f->what, f->why,
		 mf_error_name(code), later ? ", will be tried again" : "");
	if (mf_journal_send(later ? MF_LOG_INFO : MF_LOG_WARNING,
			    later ? MF_MESSAGE_DEFERRED : MF_MESSAGE_FAILED, message,
			    (const struct mf_journal_field[]){
				    { "MODALIAS", modalias },
				    { "MODFETCH_STAGE", f->stage },
				    { "MODFETCH_CODE", mf_error_name(code) },
			    },
			    3) < 0)
		mf_log(ctx, MF_LOG_WARNING, "%s", message);
}

/* What no device asks for may be the kernel's request, which any user can provoke again. */
static void note_failed(struct mf_context *ctx, const struct spool *spool, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (!spool->v[i].devpaths.n)
			(void)mf_failed_note(ctx, spool->v[i].modalias);
}

/* Goes the road for the entries FIRST to END; those that are done with leave the spool. */
static int run_entries(struct mf_context *ctx, const struct spool *spool, size_t first, size_t end,
		       struct mf_drained *drained)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "queue" };
	int r = 0, removed = 0;

	for (size_t i = first; i < end; i++) {
		r = add_wants(ctx, &spool->v[i], &run.wants);
		if (r < 0)
			return r;
		drained->gone += (size_t)r;
	}
	r = run.wants.n ? mf_road(ctx, &run) : 1;
	if (r == 0) {
		say_installed(ctx, &run);
		(void)mf_drain_count(ctx);
	}
	if (r < 0)
		say_failed(ctx, end - first == 1 ? spool->v[first].modalias : NULL, r);
	if (r < 0 && mf_drain_passes(r)) {
		drained->kept += end - first;
		return r;
	}
	if (r < 0 && end - first > 1 && spoils(r))
		return r;
	if (r < 0) {
		drained->failed += end - first;
		note_failed(ctx, spool, first, end);
	}
	for (size_t i = first; removed == 0 && i < end; i++)
		removed = remove_entry(ctx, spool, i);
	return removed < 0 ? removed : r;
}

/* The run for all has failed for good: each for itself. */
static int run_each(struct mf_context *ctx, const struct spool *spool, struct mf_drained *drained)
{
	int worst = 1;

	for (size_t i = 0; i < spool->n; i++) {
		int r = run_entries(ctx, spool, i, i + 1, drained);

		if (r < 0 && mf_drain_passes(r)) {
			drained->kept += spool->n - i - 1;
			return r;
		}
		if (r < 0 || (r == 0 && worst > 0))
			worst = r;
	}
	return worst;
}

int mf_drain(struct mf_context *ctx, struct mf_drained *ret_drained)
{
	_cleanup_(spool_done) struct spool spool = { .fd = -1 };
	struct mf_drained drained = { 0 };
	int r = spool_read(ctx, &spool);

	*ret_drained = drained;
	if (r < 0)
		return r;
	if (!spool.n)
		return 1;
	drained.entries = spool.n;
	drained.wait_s = ctx->unattended ? limit(ctx, ctx->settings.max_transactions) : 0;
	if (drained.wait_s) {
		drained.kept = spool.n;
		r = 1;
	} else {
		r = run_entries(ctx, &spool, 0, spool.n, &drained);
		if (r < 0 && spoils(r) && spool.n > 1) {
			drained.gone = 0;
			r = run_each(ctx, &spool, &drained);
		}
	}
	*ret_drained = drained;
	return r;
}

/* The devices that a want is for, of this machine. */
static int add_devpaths(const struct mf_want *want, struct mf_strings *devpaths)
{
	int r = 0;

	if (want->syspath && mf_starts_with(want->syspath, DEVICES))
		r = mf_strings_add(devpaths, want->syspath + strlen("/sys"));
	for (size_t i = 0; !r && i < want->devices.n; i++)
		if (mf_starts_with(want->devices.v[i], DEVICES))
			r = mf_strings_add(devpaths, want->devices.v[i] + strlen("/sys"));
	return r;
}

int mf_drain_defer(struct mf_context *ctx, const struct mf_wants *wants)
{
	_cleanup_close_ int fd = mf_spool_open(ctx);

	if (fd < 0)
		return mf_fail(ctx, "event", fd, "/" MF_SPOOL_DIR, NULL);
	for (size_t i = 0; i < wants->n; i++) {
		const struct mf_want *want = &wants->v[i];
		_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = {
			.uevent_us = want->uevent_us,
			.decided_us = want->decided_us ? want->decided_us : mf_now_us(),
		};
		int r = 0;

		if (want->kind == MF_WANT_BAD)
			continue;
		entry.modalias = strdup(want->query);
		if (!entry.modalias)
			r = -ENOMEM;
		else
			r = add_devpaths(want, &entry.devpaths);
		if (r == 0)
			r = mf_spool_put(fd, &entry);
		if (r < 0)
			return mf_fail(ctx, "event", r, want->query, NULL);
	}
	return 0;
}
