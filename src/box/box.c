/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One build in a box, from the copy of its source to its results.
 *
 * A makefile of a driver is code of a stranger, as its driver is; but the driver is read, signed
 * and judged before a kernel runs it, the makefile runs at once. So it runs as a user that owns
 * nothing, sees only programs and headers, reaches no network and ends with its box: nothing that
 * it writes stays but the results, and these are bytes.
 *
 * The order is what makes it safe: the source is copied before a process of the box exists, and
 * results are opened after the last one has ended. A build without the user or the programs of the
 * box is refused; nothing is ever built as root.
 */
#include "modfetch/box.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "command.h"
#include "output.h"
#include "start.h"
#include "syscalls.h"
#include "tree.h"
#include "watch.h"

#define LOG_MODE 0600

/* ---- what it needs ---- */

/* 0, or -ENOENT: there is no such user, or it is root by another name. */
static int find_user(uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *pw = getpwnam(MF_BOX_USER);

	if (!pw || !pw->pw_uid || !pw->pw_gid)
		return -ENOENT;
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	return 0;
}

static int check_rights(struct mf_context *ctx, uid_t *ret_uid, gid_t *ret_gid)
{
	if (geteuid())
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_NOT_ROOT, "build",
			       "only root can build a driver as the user " MF_BOX_USER);
	if (find_user(ret_uid, ret_gid) < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOOL, "user " MF_BOX_USER,
			       "a driver is built only as this user, which does not exist; "
			       "systemd-sysusers creates it, or: useradd --system --shell "
			       "/usr/sbin/nologin " MF_BOX_USER);
	return 0;
}

/* ---- descriptors ---- */

struct ends {
	int theirs[BOX_FDS]; /* of the box */
	int log, control;    /* ours */
};

static void ends_close_theirs(struct ends *ends)
{
	for (int i = 0; i < BOX_FDS; i++)
		if (ends->theirs[i] >= 0 && i != BOX_FD_ERR)
			close(ends->theirs[i]);
	for (int i = 0; i < BOX_FDS; i++)
		ends->theirs[i] = -1;
}

static void ends_done(struct ends *ends)
{
	ends_close_theirs(ends);
	mf_cleanup_close(&ends->log);
	mf_cleanup_close(&ends->control);
}

static int open_pipe(struct ends *ends)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ends->log = fds[0];
	/* one pipe for output and errors */
	ends->theirs[BOX_FD_OUT] = ends->theirs[BOX_FD_ERR] = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_control(struct ends *ends)
{
	const int on = 1;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ends->control = fds[0];
	ends->theirs[BOX_FD_CONTROL] = fds[1];
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ||
	    setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int text_file(char *text)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *owned = text;
	int r;

	if (!owned)
		return -ENOMEM;
	fd = mf_memfile_new("box");
	r = fd < 0 ? fd : mf_file_write(fd, owned, strlen(owned));
	if (!r && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : mf_steal_fd(&fd);
}

static int ends_init(struct ends *ends, uid_t uid, gid_t gid)
{
	int *theirs = ends->theirs;
	int r = open_pipe(ends);

	if (!r)
		r = open_control(ends);
	if (r < 0)
		return r;
	theirs[BOX_FD_IN] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (theirs[BOX_FD_IN] < 0)
		return -errno;
	theirs[BOX_FD_FILTER] = box_syscalls_filter();
	theirs[BOX_FD_PASSWD] = text_file(mf_format("root:x:0:0:root:/:/bin/sh\n" MF_BOX_USER
						    ":x:%u:%u::/tmp:/bin/sh\n",
						    (unsigned int)uid, (unsigned int)gid));
	theirs[BOX_FD_GROUP] =
		text_file(mf_format("root:x:0:\n" MF_BOX_USER ":x:%u:\n", (unsigned int)gid));
	for (int i = 0; i < BOX_FDS; i++)
		if (theirs[i] < 0)
			return theirs[i];
	return 0;
}

/* ---- the run ---- */

static int run(struct mf_context *ctx, const struct mf_box *box, const struct mf_strings *argv,
	       int tree, struct ends *ends, struct box_watch *ret_watch, struct box_output *output)
{
	struct box_watch watch = { .outer = -1, .init = -1 };
	int r = box_start(argv, tree, ends->theirs, &watch.pid);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, "box", NULL);
	/* theirs are open in the box alone, so that each pipe has an end */
	ends_close_theirs(ends);
	watch.log = ends->log;
	watch.control = ends->control;
	watch.end = mf_now_us() + box->seconds * 1000000ULL;
	r = box_watch(&watch, output);
	mf_cleanup_close(&watch.outer);
	mf_cleanup_close(&watch.init);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, "build", NULL);
	*ret_watch = watch;
	return 0;
}

static int write_log(struct mf_context *ctx, const char *path, const char *text, size_t len)
{
	_cleanup_free_ char *directory = strdup(path);
	_cleanup_close_ int dirfd = -1;
	char *slash = directory ? strrchr(directory, '/') : NULL;
	int r;

	if (!directory)
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, path, NULL);
	if (slash)
		*slash = '\0';
	dirfd = mf_context_mkdir(ctx, slash ? directory : ".");
	r = dirfd < 0 ? dirfd
		      : mf_file_publish(dirfd, slash ? slash + 1 : directory, LOG_MODE, text, len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_BUILD, r, path, NULL) : 0;
}

static int judge(struct mf_context *ctx, const struct box_watch *watch, const char *text,
		 size_t len, struct mf_box_result *ret_result)
{
	if (!watch->status && watch->init >= 0)
		return 0;
	ret_result->first_error = mf_box_first_error(text, len);
	ret_result->status = watch->status;
	if (watch->late)
		ret_result->outcome = MF_BOX_DEADLINE;
	else if (watch->init < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOOL, "box", "it could not be made: %s",
			       ret_result->first_error ? ret_result->first_error
						       : "bwrap gives no reason");
	else if (watch->status == 128 + SIGKILL)
		ret_result->outcome = MF_BOX_MEMORY;
	else
		ret_result->outcome = box_output_reason(text);
	return 0;
}

static int take_results(struct mf_context *ctx, const struct mf_strings *paths, int tree,
			struct mf_box_result *result, uint64_t max)
{
	result->fds = calloc(paths->n + 1, sizeof(*result->fds));
	if (!result->fds)
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, "results", NULL);
	for (; result->n < paths->n; result->n++) {
		int fd = result->outcome == MF_BOX_DONE
				 ? box_tree_take(ctx, tree, paths->v[result->n], max)
				 : -ENOENT;

		if (fd < 0 && fd != -ENOENT)
			return fd;
		result->fds[result->n] = fd < 0 ? -1 : fd;
	}
	return 0;
}

static int run_and_collect(struct mf_context *ctx, const struct mf_box *box,
			   const struct mf_strings *argv, int tree, struct ends *ends,
			   struct mf_box_result *result)
{
	_cleanup_(box_output_done) struct box_output output = { 0 };
	_cleanup_free_ char *text = NULL;
	struct box_watch watch = { .init = -1 };
	size_t len;
	int r = run(ctx, box, argv, tree, ends, &watch, &output);

	if (r < 0)
		return r;
	r = box_output_text(&output, &text, &len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, "log", NULL);
	r = judge(ctx, &watch, text, len, result);
	if (r >= 0 && box->log)
		r = write_log(ctx, box->log, text, len);
	return r;
}

int mf_box_run(struct mf_context *ctx, const struct mf_box *box, struct mf_box_result *ret_result)
{
	_cleanup_(mf_box_result_done) struct mf_box_result result = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings argv = { 0 };
	_cleanup_(ends_done) struct ends ends = { { -1, -1, -1, -1, -1, -1, -1 }, -1, -1 };
	_cleanup_close_ int tree = -1;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = check_rights(ctx, &uid, &gid);

	if (!r)
		r = box_command(ctx, box, uid, gid, &argv);
	if (r < 0)
		return r;
	tree = box_tree_new(box->space, uid, gid);
	r = tree < 0 ? tree : ends_init(&ends, uid, gid);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, "box", NULL);
	if (box->source)
		r = box_tree_fill(ctx, tree, box->source, uid, gid);
	if (!r)
		r = run_and_collect(ctx, box, &argv, tree, &ends, &result);
	if (!r && box->results)
		r = take_results(ctx, box->results, tree, &result, box->result_max);
	if (r < 0)
		return r;
	*ret_result = result;
	result = (struct mf_box_result){ 0 };
	return 0;
}

void mf_box_result_done(struct mf_box_result *result)
{
	for (size_t i = 0; i < result->n; i++)
		mf_cleanup_close(&result->fds[i]);
	free(result->fds);
	free(result->first_error);
	*result = (struct mf_box_result){ 0 };
}
