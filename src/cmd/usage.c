/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An invalid command line, reported the same way by every verb: one line with the error and where
 * to find the correct usage, and the exit status for it. The help itself is printed only on
 * request.
 */
#include <stdarg.h>
#include <stdio.h>
#include "cmd.h"

int cmd_usage(struct cmd *cmd, const char *verb, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_USAGE, verb, "%s; see modfetch %s --help",
		       text, verb);
}
