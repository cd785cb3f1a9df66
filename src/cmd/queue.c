/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch queue: processes the spool that udev's helper fills.
 *
 *	modfetch queue			once: the entries that are there now
 *	modfetch queue --until-empty	until the spool is empty
 *	modfetch queue --watch		for ever; modfetch.service runs this. See wait.c and linger()
 *	modfetch queue --retry		once, with the entries that were set aside
 *
 * Decides when to run: devices come in groups (a dock, a hub), so it waits until the queue of udev
 * is empty and no entry has come for twice the time that one of them takes. After a transient
 * failure it waits with doubled pauses of up to five minutes, a random quarter shorter so that a
 * hall of machines does not retry at the same moment, and continues early when an address or a
 * route appears. It keeps no state of its own: it may be killed at any point, and the next run
 * finds the spool as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/journal.h"
#include "modfetch/process.h"
#include "modfetch/spool.h"
#include "modfetch/strings.h"
#include "modfetch/upkeep.h"
#include "cmd.h"

enum {
	QUIET_MIN_MS = 20,   /* no entry for this long: the group is complete */
	QUIET_MAX_MS = 100,  /* the same on a slow or busy machine */
	GROUP_MAX_MS = 2000, /* the longest wait for a group to be complete */
	HOLD_MS = 5000,	     /* after a failure, a new device starts no attempt before */
	PAUSE_MIN_MS = 1000,
	PAUSE_MAX_MS = 300000,
};

struct queue {
	enum cmd_queue_mode mode;
	int linger_ms;
	struct stat settings; /* modfetch.conf as this process has read it */
};

/* The descriptors to wait for. poll(2) ignores closed ones (-1). */
struct watch {
	int spool;   /* the spool, by inotify */
	int network; /* addresses and routes */
	int signals; /* SIGTERM, SIGINT */
	int memory;  /* pressure on it, while there is nothing to do */
	bool stop;
	bool short_of_memory;
};

static void watch_done(struct watch *w)
{
	const int fds[] = { w->spool, w->network, w->signals, w->memory };

	for (size_t i = 0; i < MF_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int watch_open(struct cmd *cmd, struct watch *w)
{
	_cleanup_free_ char *path = mf_context_path(&cmd->ctx, "/%s", MF_SPOOL_DIR);
	_cleanup_close_ int spool = mf_spool_open(&cmd->ctx);
	sigset_t stop_signals;

	if (!path)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -ENOMEM, MF_SPOOL_DIR, NULL);
	if (spool < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, spool, path, NULL);
	w->spool = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->spool < 0 || inotify_add_watch(w->spool, path, IN_MOVED_TO | IN_ONLYDIR) < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -errno, path, NULL);
	/* without it only the pauses decide */
	w->network = mf_netwatch_open();
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGTERM);
	sigaddset(&stop_signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &stop_signals, NULL) < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -errno, "signals", NULL);
	w->signals = signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -errno, "signals", NULL) : 0;
}

/*
 * Waits for a signal, for the descriptors in WAKE_ON, or for the time to pass (< 0: no limit).
 * True: an event came first; after a signal w->stop is set, after pressure on memory
 * w->short_of_memory.
 */
enum { WAKE_SPOOL = 1, WAKE_NETWORK = 2, WAKE_MEMORY = 4 };

static bool watch_wait(struct watch *w, int timeout_ms, unsigned int wake_on)
{
	struct pollfd p[] = {
		{ .fd = w->signals, .events = POLLIN },
		{ .fd = wake_on & WAKE_SPOOL ? w->spool : -1, .events = POLLIN },
		{ .fd = wake_on & WAKE_NETWORK ? w->network : -1, .events = POLLIN },
		{ .fd = wake_on & WAKE_MEMORY ? w->memory : -1, .events = POLLPRI },
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
		w->stop |= p[0].revents != 0;
		w->short_of_memory |= p[3].revents != 0;
		if (p[1].revents)
			while (read(w->spool, events, sizeof(events)) > 0)
				;
		/* a lost address is not an event */
		if (w->stop || w->short_of_memory || p[1].revents ||
		    (p[2].revents && mf_netwatch_read(w->network) > 0))
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

/* Waits until the group of devices is complete: the queue of udev is empty and the spool quiet. */
static void wait_for_group(struct cmd *cmd, struct watch *w)
{
	uint64_t end = mf_now_us() + (uint64_t)GROUP_MAX_MS * 1000;

	do {
		_cleanup_close_ int busy = -1;

		if (watch_wait(w, quiet_ms(cmd), WAKE_SPOOL))
			continue;
		busy = mf_context_open(&cmd->ctx, "run/udev/queue", O_PATH);
		if (busy < 0)
			return;
	} while (!w->stop && mf_now_us() < end);
}

static int randomize_pause(int pause_ms)
{
	unsigned int random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return pause_ms - (int)(random % ((unsigned int)pause_ms / 4 + 1));
}

/*
 * Waits for the hourly limit of transactions: no event shortens this wait, or a storm of events
 * would have no limit.
 */
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

/*
 * Waits for the next attempt after a failure of the network or a lock. A new device shortens the
 * wait only a little.
 */
static void wait_for_retry(struct cmd *cmd, struct watch *w, const struct mf_drained *drained,
			   int *pause_ms)
{
	int ms = randomize_pause(*pause_ms), first = ms < HOLD_MS ? ms : HOLD_MS;

	mf_notify("STATUS=%s; %zu entries wait, next try in %d s", cmd->ctx.failure.why,
		  drained->kept, (ms + 999) / 1000);
	*pause_ms = *pause_ms < PAUSE_MAX_MS / 2 ? *pause_ms * 2 : PAUSE_MAX_MS;
	if (watch_wait(w, first, WAKE_NETWORK))
		*pause_ms = PAUSE_MIN_MS;
	else if (ms > first)
		watch_wait(w, ms - first, WAKE_NETWORK | WAKE_SPOOL);
}

/* Has the program or its configuration been replaced since the process started? */
static bool is_outdated(struct cmd *cmd, const struct queue *queue)
{
	char path[PATH_MAX];
	bool replaced = false;
	struct stat now = mf_settings_stat(&cmd->ctx);

	(void)mf_process_program(path, &replaced);
	return replaced || now.st_ino != queue->settings.st_ino ||
	       now.st_ctim.tv_sec != queue->settings.st_ctim.tv_sec ||
	       now.st_ctim.tv_nsec != queue->settings.st_ctim.tv_nsec;
}

/*
 * Waits for more devices. People plug in one device after the other, so the libraries, the caches
 * and a connected fetch helper are kept ready for some time. The helper is started now, and the
 * memory of the last run goes back to the kernel. False: no device came, memory is short, or the
 * program or its settings have changed.
 */
static bool linger(struct cmd *cmd, struct watch *w, const struct queue *queue)
{
	bool woken;

	mf_fetch_start_helper(&cmd->ctx);
	malloc_trim(0);
	mf_notify("STATUS=Waiting for devices");
	w->memory = mf_memory_pressure_open();
	woken = watch_wait(w, queue->linger_ms, WAKE_SPOOL | WAKE_MEMORY);
	if (w->memory >= 0)
		close(w->memory);
	w->memory = -1;
	if (woken && !w->stop && !w->short_of_memory && !is_outdated(cmd, queue))
		return true;
	mf_fetch_stop_helper(&cmd->ctx);
	return false;
}

/* Becomes the small process of wait.c again. Returns only a recorded failure. */
static int become_small(struct cmd *cmd)
{
	sigset_t none;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -errno, "signals", NULL);
	return cmd_restart(cmd);
}

static int queue_drain(struct cmd *cmd, struct watch *w, const struct queue *queue)
{
	int pause_ms = PAUSE_MIN_MS, worst = 1;
	enum cmd_queue_mode mode = queue->mode;
	bool woken = true;

	while (!w->stop) {
		struct mf_drained drained;
		int r;

		/* start the fetch helper during the wait, not after it */
		if (woken)
			mf_fetch_start_helper(&cmd->ctx);
		wait_for_group(cmd, w);
		mf_notify("STATUS=Fetching and loading drivers");
		r = mf_drain(&cmd->ctx, &drained);
		mf_fetch_stop_helper(&cmd->ctx);
		if (r <= 0)
			worst = r;
		if (mode == CMD_QUEUE_ONCE)
			return r;
		/*
		 * the spool could not be read, or its entries not removed: a retry would fail too
		 */
		if (r < 0 && !drained.kept && !drained.failed)
			return r;
		if (drained.wait_s)
			wait_for_limit(cmd, w, &drained);
		else if (drained.kept)
			wait_for_retry(cmd, w, &drained, &pause_ms);
		else
			pause_ms = PAUSE_MIN_MS;
		/* the network is there: a kernel may have waited for it */
		if (drained.entries && !drained.kept)
			(void)mf_kernels_retry(&cmd->ctx);
		woken = !drained.entries;
		if (drained.entries)
			continue;
		/* failures are in the history and the journal */
		if (mode == CMD_QUEUE_UNTIL_EMPTY)
			return worst < 0 ? 0 : worst;
		if (!linger(cmd, w, queue) && !w->stop)
			return become_small(cmd);
	}
	return 0;
}

/* Prints the entries that are set aside, which a user of the command would else not see. */
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

static int drain_once(struct cmd *cmd, struct watch *w, enum cmd_queue_mode mode)
{
	int r = mode == CMD_QUEUE_RETRY ? mf_aside_retry(&cmd->ctx, true) : 0, printed;

	if (r < 0)
		return r;
	r = queue_drain(cmd, w, &(struct queue){ .mode = CMD_QUEUE_ONCE });
	printed = queue_print_aside(cmd);
	if (mode == CMD_QUEUE_RETRY)
		(void)mf_kernels_retry(&cmd->ctx);
	return r < 0 ? r : printed < 0 ? printed : r;
}

int cmd_queue(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(watch_done) struct watch w = { -1, -1, -1, -1, false, false };
	struct queue queue = { .settings = mf_settings_stat(&cmd->ctx) };
	int r = cmd_queue_parse(cmd, argc, argv, &queue.mode, &queue.linger_ms);

	if (r != 0)
		return r;
	/* its entries come from devices, not from the caller */
	cmd->ctx.unattended |= queue.mode == CMD_QUEUE_UNTIL_EMPTY || queue.mode == CMD_QUEUE_WATCH;
	r = watch_open(cmd, &w);
	if (r < 0)
		return r;
	mf_notify("READY=1");
	r = queue.mode == CMD_QUEUE_ONCE || queue.mode == CMD_QUEUE_RETRY
		    ? drain_once(cmd, &w, queue.mode)
		    : queue_drain(cmd, &w, &queue);
	return r < 0 ? r : r ? CMD_NOTHING : CMD_DONE;
}
