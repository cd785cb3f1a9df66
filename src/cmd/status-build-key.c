/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of status about this machine's own key, which signs the drivers that are built here: a line
 * if the kernel will refuse them, or if they cannot be signed, and what to do. Nothing where no driver
 * was built; and where all is in order, a line with --all only.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-key.h"
#include "cmd.h"

int cmd_print_build_key(struct cmd *cmd, bool all)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
	_cleanup_free_ char *words = NULL, *guidance = NULL;
	int r = mf_module_key_look(&cmd->ctx, &key);

	if (r < 0 || key.state == MF_MODULE_KEY_NONE)
		return r;
	words = mf_module_key_describe(&key);
	guidance = mf_module_key_guidance(&key);
	if (!words)
		return mf_fail(&cmd->ctx, MF_STAGE_OUTPUT, -ENOMEM, "status", NULL);
	if (!all && !guidance)
		return 0;
	cmd_styled(cmd, guidance ? CMD_WARNING : CMD_PLAIN, "build key");
	cmd_line(": %s%s%s", words, guidance ? ": " : "", guidance ? guidance : "");
	return 0;
}

int cmd_build_key_json(struct cmd *cmd, struct mf_json *o)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
	_cleanup_free_ char *guidance = NULL;
	struct mf_json *k;
	int r = mf_module_key_look(&cmd->ctx, &key);

	if (r < 0)
		return r;
	guidance = mf_module_key_guidance(&key);
	k = mf_json_object();
	mf_json_set_string(k, "state", mf_module_key_state_name(key.state));
	mf_json_set_string(k, "fingerprint",
			   *key.certificate.fingerprint ? key.certificate.fingerprint : NULL);
	mf_json_set_string(k, "subject", *key.certificate.subject ? key.certificate.subject : NULL);
	mf_json_set_string(k, "demanded_by", key.demanded_by);
	mf_json_set_string(k, "fault", key.fault);
	mf_json_set_string(k, "remedy", guidance);
	mf_json_set(o, "build_key", k);
	return 0;
}
