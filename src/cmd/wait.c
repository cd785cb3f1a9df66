/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue --watch, while there is nothing to do: waits for an entry of the spool in this program, before
 * the module with all other verbs and its libraries is loaded.
 *
 * To start a confined service takes systemd longer than a driver takes to arrive. So the service is
 * always there, and costs next to nothing: two descriptors, and no timer. Half a minute later, when
 * a boot has ended, it starts a download helper, which waits as well, and loads the module: most of
 * that is pages of files, which the kernel may take back at any time. When there is an entry the
 * process becomes the real queue, which some minutes after its last work starts this program again
 * in its own place: same process, same confinement, little memory, and the settings and the program
 * as they are then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/journal.h"
#include "modfetch/process.h"
#include "modfetch/spool.h"
#include "cmd.h"

#define HELPER_MS 30000

static bool wait_has_entry(int spool)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return false;
	}
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			return true;
	return false;
}

/* Waits until there is an entry. Returns early if that cannot be found out: the verb reports why. */
static void wait_for_entry(struct cmd *cmd)
{
	_cleanup_free_ char *path = mf_context_path(&cmd->ctx, "/%s", MF_SPOOL_DIR);
	_cleanup_close_ int spool = path ? mf_spool_open(&cmd->ctx) : -ENOMEM;
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC);
	struct pollfd p = { .fd = watch, .events = POLLIN };
	int timeout_ms = HELPER_MS;
	char events[4096];

	if (spool < 0 || watch < 0 || inotify_add_watch(watch, path, IN_MOVED_TO | IN_ONLYDIR) < 0)
		return;
	mf_notify("READY=1\nSTATUS=Waiting for devices");
	while (!wait_has_entry(spool)) {
		int n = poll(&p, 1, timeout_ms);

		if (n == 0) {
			mf_fetch_start_helper(&cmd->ctx);
			/* where this fails, the verb's start says why */
			(void)!cmd_load(CMD_VERBS);
			timeout_ms = -1;
		} else if (n > 0 ? read(watch, events, sizeof(events)) < 0 : errno != EINTR) {
			return;
		}
	}
}

int cmd_wait(struct cmd *cmd, int argc, char **argv)
{
	enum cmd_queue_mode mode = CMD_QUEUE_ONCE;
	char path[PATH_MAX];
	bool replaced = false;
	int linger_ms, r = cmd_queue_parse(cmd, argc, argv, &mode, &linger_ms);

	optind = 0;
	if (r < 0 || mode != CMD_QUEUE_WATCH)
		return r;
	wait_for_entry(cmd);
	/* the module of this version may be gone */
	return !mf_process_program(path, &replaced) && replaced ? cmd_restart(cmd) : 0;
}
