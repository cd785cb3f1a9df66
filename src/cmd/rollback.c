/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rollback and undo: the way back.
 *
 * undo reverses a run of the history. rollback takes a driver back to the version before, or reverses
 * the last update, and remembers the versions that go: they are not offered again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/update.h"
#include "cmd.h"

/* 0: it is a number, in RET_ID. */
static int parse_id(const char *text, int64_t *ret_id)
{
	char *end;

	errno = 0;
	*ret_id = strtoll(text, &end, 10);
	return errno || *end || end == text || *ret_id < 1 ? -EINVAL : 0;
}

static int go_back(struct cmd *cmd, const char *verb, const struct mf_way_back *way)
{
	_cleanup_(mf_run_done) struct mf_run run = {
		.verb = verb,
		.selection.versions = way->versions,
		.selection.n_versions = way->labels.n,
		.selection.remove = way->remove.n ? &way->remove : NULL,
		.locals = &way->kept,
		.n_locals = 1,
		.undoes = way->id,
		.no_load = true,
		.metadata_asked = true,
	};

	return cmd_run(cmd, &run);
}

/* A run of another kernel is undone for that kernel. */
static int select_kernel(struct cmd *cmd, const struct mf_way_back *way)
{
	char *kernel;

	if (!strcmp(way->kernel, cmd->ctx.kernel))
		return 0;
	kernel = strdup(way->kernel);
	if (!kernel)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, way->kernel, NULL);
	free(cmd->ctx.kernel);
	cmd->ctx.kernel = kernel;
	cmd->ctx.kernel_running = false;
	return 0;
}

static int carry_out(struct cmd *cmd, const char *verb, const struct mf_way_back *way, bool note)
{
	int r = select_kernel(cmd, way);

	if (!r)
		r = go_back(cmd, verb, way);
	if (r < 0 || cmd->dry_run || !note)
		return r;
	/* the version that goes is the bad one only if it has gone */
	return r == CMD_DONE && mf_way_back_note(&cmd->ctx, way) < 0 ? cmd->ctx.failure.code : r;
}

int cmd_undo(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_way_back_done) struct mf_way_back way = { 0 };
	int64_t id;
	int r;

	if (argc != 2 || parse_id(argv[1], &id) < 0)
		return cmd_usage(cmd, "undo",
				 "name a run by its number; modfetch history lists them");
	r = mf_way_back_from_run(&cmd->ctx, id, &way);
	if (r > 0) {
		_cleanup_free_ char *why =
			mf_format("nothing that run %" PRId64 " did is still there", id);

		return cmd_nothing(cmd, "undo", why ? why : "");
	}
	return r < 0 ? r : carry_out(cmd, "undo", &way, false);
}

int cmd_rollback(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_way_back_done) struct mf_way_back way = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int64_t id;
	int r = 0;

	if (argc > 1 && argv[1][0] == '-')
		return cmd_usage(cmd, "rollback", "there is no option %s", argv[1]);
	for (int i = 1; !r && i < argc; i++)
		r = mf_strings_add_unique(&names, argv[i]);
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, "rollback", NULL);
	if (!names.n)
		r = mf_way_back_last_update(&cmd->ctx, &way);
	else if (names.n == 1 && !parse_id(names.v[0], &id))
		r = mf_way_back_from_run(&cmd->ctx, id, &way);
	else
		r = mf_way_back_to_older(&cmd->ctx, &names, &way);
	if (r > 0)
		return cmd_nothing(cmd, "rollback", "there is no update to take back");
	return r < 0 ? r : carry_out(cmd, "rollback", &way, true);
}
