/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command line that is not understood, told the same way by every verb: what is wrong with it,
 * and where it says what would be right. One line and the status for it; the help itself is never
 * printed unasked.
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
	return mf_fail(&cmd->ctx, "command", -MFE_USAGE, verb, "%s; see modfetch --help", text);
}
