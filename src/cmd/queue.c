/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch queue: drains the spool that udev's helper fills.
 *
 *	modfetch queue			once: what is there now
 *	modfetch queue --until-empty	until the spool is empty; what modfetch.service runs
 *	modfetch queue --watch		for ever: what modfetch.path does, without systemd
 *	modfetch queue --retry		once, with what was set aside
 *
 * Decides when: devices come in swarms (a dock, a hub), so it waits until udev has nothing in its
 * queue and nothing came for twice as long as it needed for one of them; after a failure that passes it waits with doubled
 * pauses up to five minutes, a random quarter shorter so that a hall of machines does not come back
 * at once, and goes on early when an address or a route appears. It keeps no state of its own:
 * ended at any point, the next one finds the spool as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/journal.h"
#include "modfetch/spool.h"
#include "cmd.h"

enum {
	QUIET_MIN_MS = 20,  /* nothing came for so long: the swarm is complete */
	QUIET_MAX_MS = 100, /* on a machine that is slow or busy */
	SETTLE_MS = 2000,   /* but no swarm is waited for longer */
	PATIENCE_MS = 5000, /* after a failure, a new device starts no new try before */
	PAUSE_MIN_MS = 1000,
	PAUSE_MAX_MS = 300000,
};

enum mode { ONCE, UNTIL_EMPTY, WATCH, RETRY };

/* What is waited for. Closed descriptors (-1) are passed over by poll(2). */
struct watch {
	int spool;   /* the spool, by inotify */
	int network; /* addresses and routes */
	int signals; /* SIGTERM, SIGINT */
	bool stop;
};

static void watch_done(struct watch *w)
{
	const int fds[] = { w->spool, w->network, w->signals };

	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int watch_open(struct cmd *cmd, struct watch *w)
{
	_cleanup_free_ char *path = mf_context_path(&cmd->ctx, "/%s", MF_SPOOL_DIR);
	_cleanup_close_ int spool = mf_spool_open(&cmd->ctx);
	sigset_t ends;

	if (!path)
		return mf_fail(&cmd->ctx, "queue", -ENOMEM, MF_SPOOL_DIR, NULL);
	if (spool < 0)
		return mf_fail(&cmd->ctx, "queue", spool, path, NULL);
	w->spool = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->spool < 0 || inotify_add_watch(w->spool, path, IN_MOVED_TO | IN_ONLYDIR) < 0)
		return mf_fail(&cmd->ctx, "queue", -errno, path, NULL);
	/* without it the pauses alone decide */
	w->network = mf_netwatch_open();
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
		return mf_fail(&cmd->ctx, "queue", -errno, "signals", NULL);
	w->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? mf_fail(&cmd->ctx, "queue", -errno, "signals", NULL) : 0;
}

/*
 * Waits for any of the descriptors in WHAT, or the time. True: something happened before the time
 * was over; if it is the end, w->stop says so.
 */
enum { HEED_SPOOL = 1, HEED_NETWORK = 2 };

static bool watch_wait(struct watch *w, int timeout_ms, unsigned int heed)
{
	struct pollfd p[] = {
		{ .fd = w->signals, .events = POLLIN },
		{ .fd = heed & HEED_SPOOL ? w->spool : -1, .events = POLLIN },
		{ .fd = heed & HEED_NETWORK ? w->network : -1, .events = POLLIN },
	};
	uint64_t end = mf_now_us() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000;

	for (;;) {
		uint64_t now = mf_now_us();
		int left = timeout_ms < 0 ? -1 : now >= end ? 0 : (int)((end - now + 999) / 1000);
		char events[4096];
		int n = poll(p, MF_ARRAY_SIZE(p), left);

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n < 0)
			continue;
		if (p[0].revents)
			w->stop = true;
		if (p[1].revents)
			while (read(w->spool, events, sizeof(events)) > 0)
				;
		/* an address that goes is no reason */
		if (w->stop || p[1].revents || (p[2].revents && mf_netwatch_read(w->network) > 0))
			return true;
	}
}

static int quiet_ms(struct cmd *cmd)
{
	uint64_t pace_ms = mf_drain_pace(&cmd->ctx) / 1000;

	return pace_ms > QUIET_MAX_MS / 2   ? QUIET_MAX_MS
	       : pace_ms < QUIET_MIN_MS / 2 ? QUIET_MIN_MS
					    : (int)pace_ms * 2;
}

/* Until the swarm is complete: udev's own queue is empty and the spool quiet. */
static void settle(struct cmd *cmd, struct watch *w)
{
	uint64_t end = mf_now_us() + (uint64_t)SETTLE_MS * 1000;

	do {
		_cleanup_close_ int busy = -1;

		if (watch_wait(w, quiet_ms(cmd), HEED_SPOOL))
			continue;
		busy = mf_context_open(&cmd->ctx, "run/udev/queue", O_PATH);
		if (busy < 0)
			return;
	} while (!w->stop && mf_now_us() < end);
}

static int shortened(int pause_ms)
{
	unsigned int random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return pause_ms - (int)(random % ((unsigned int)pause_ms / 4 + 1));
}

/* The limit of transactions: no event shortens it, else a storm would be heard after all. */
static void wait_for_limit(struct cmd *cmd, struct watch *w, const struct mf_drained *drained)
{
	char message[160];

	snprintf(message, sizeof(message),
		 "queue: %u attempts within an hour; %zu entries wait %u s",
		 cmd->ctx.settings.max_transactions, drained->kept, drained->wait_s);
	if (mf_journal_send(MF_LOG_WARNING, MF_MESSAGE_LIMITED, message, NULL, 0) < 0)
		mf_log(&cmd->ctx, MF_LOG_WARNING, "%s", message);
	mf_notify("STATUS=%s", message);
	watch_wait(w, (int)drained->wait_s * 1000, 0);
}

/* The network is down, or a lock is held: the next try. A new device may not hurry it much. */
static void wait_for_better(struct cmd *cmd, struct watch *w, const struct mf_drained *drained,
			    int *pause_ms)
{
	int ms = shortened(*pause_ms), first = ms < PATIENCE_MS ? ms : PATIENCE_MS;

	mf_notify("STATUS=%s; %zu entries wait, next try in %d s", cmd->ctx.failure.why,
		  drained->kept, (ms + 999) / 1000);
	*pause_ms = *pause_ms < PAUSE_MAX_MS / 2 ? *pause_ms * 2 : PAUSE_MAX_MS;
	if (watch_wait(w, first, HEED_NETWORK))
		*pause_ms = PAUSE_MIN_MS;
	else if (ms > first)
		watch_wait(w, ms - first, HEED_NETWORK | HEED_SPOOL);
}

static int queue_drain(struct cmd *cmd, struct watch *w, enum mode mode)
{
	int pause_ms = PAUSE_MIN_MS, worst = 1;
	bool woken = true;

	while (!w->stop) {
		struct mf_drained drained;
		int r;

		/* what is waited for now is not waited for later */
		if (woken)
			mf_fetch_start_helper(&cmd->ctx);
		settle(cmd, w);
		mf_notify("STATUS=Fetching and loading drivers");
		r = mf_drain(&cmd->ctx, &drained);
		mf_fetch_stop_helper(&cmd->ctx);
		if (r <= 0)
			worst = r;
		if (mode == ONCE)
			return r;
		/* not even looked at, or not taken out: the next one would not fare better */
		if (r < 0 && !drained.kept && !drained.failed)
			return r;
		if (drained.wait_s)
			wait_for_limit(cmd, w, &drained);
		else if (drained.kept)
			wait_for_better(cmd, w, &drained, &pause_ms);
		else
			pause_ms = PAUSE_MIN_MS;
		woken = !drained.entries;
		if (drained.entries)
			continue;
		if (mode == UNTIL_EMPTY) /* what failed is in the history and the journal */
			return worst < 0 ? 0 : worst;
		mf_notify("STATUS=Waiting for devices");
		watch_wait(w, -1, HEED_SPOOL);
	}
	return 0;
}

/* Who looks at the spool by hand is to know what is not in it. */
static int queue_print_aside(struct cmd *cmd)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	struct mf_failure before = cmd->ctx.failure;
	int r = mf_aside_read(&cmd->ctx, &aside);

	for (size_t i = 0; i < aside.n; i++) {
		char words[160];

		mf_aside_describe(&aside.v[i], words, sizeof(words));
		mf_log(&cmd->ctx, MF_LOG_WARNING, "queue: %.256s: %s [%s]",
		       aside.v[i].entry.modalias, words, mf_error_name(-MFE_SET_ASIDE));
	}
	if (r >= 0)
		cmd->ctx.failure = before;
	return r;
}

static int drain_once(struct cmd *cmd, struct watch *w, enum mode mode)
{
	int r = mode == RETRY ? mf_aside_retry(&cmd->ctx, true) : 0, printed;

	if (r < 0)
		return r;
	r = queue_drain(cmd, w, ONCE);
	printed = queue_print_aside(cmd);
	return r < 0 ? r : printed < 0 ? printed : r;
}

int cmd_queue(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "until-empty", no_argument, NULL, UNTIL_EMPTY },
		{ "watch", no_argument, NULL, WATCH },
		{ "retry", no_argument, NULL, RETRY },
		{ 0 },
	};
	_cleanup_(watch_done) struct watch w = { .spool = -1, .network = -1, .signals = -1 };
	enum mode mode = ONCE;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != UNTIL_EMPTY && opt != WATCH && opt != RETRY)
			return cmd_usage(cmd, "queue",
					 "it takes --until-empty, --watch or --retry");
		mode = (enum mode)opt;
	}
	if (optind < argc)
		return cmd_usage(cmd, "queue", "%s is not expected", argv[optind]);
	/* its entries come from devices, whoever started it */
	cmd->ctx.unattended |= mode == UNTIL_EMPTY || mode == WATCH;
	r = watch_open(cmd, &w);
	if (r < 0)
		return r;
	mf_notify("READY=1");
	r = mode == ONCE || mode == RETRY ? drain_once(cmd, &w, mode) : queue_drain(cmd, &w, mode);
	return r < 0 ? r : r ? CMD_NOTHING : CMD_DONE;
}
