/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All text output to stdout.
 *
 * Names, versions and descriptions come from metadata, from devices and from files. They are data,
 * which may contain terminal escapes, characters that change the direction of writing, or a line
 * end followed by a forged line. So no verb formats a line end: a piece of a line is sanitized as a
 * whole, including its line ends, and the line is ended here. modfetch/json.h escapes JSON.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "cmd.h"

static void __attribute__((format(printf, 1, 0))) put(const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	/* without memory the text is left out */
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return;
	}
	mf_text_sanitize(text);
	fputs(text, stdout);
}

void cmd_put(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(fmt, ap);
	va_end(ap);
}

void cmd_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void cmd_styled(const struct cmd *cmd, enum cmd_style style, const char *fmt, ...)
{
	va_list ap;

	fputs(cmd_style_begin(&cmd->terminal, style), stdout);
	va_start(ap, fmt);
	put(fmt, ap);
	va_end(ap);
	fputs(cmd_style_end(&cmd->terminal, style), stdout);
}

void cmd_lines(char *text)
{
	mf_text_sanitize_lines(text);
	fputs(text, stdout);
}

void cmd_json(struct cmd *cmd, struct mf_json *value, bool pretty)
{
	puts(mf_json_text(value, pretty));
	cmd->printed = true;
}

void cmd_json_error(const struct cmd *cmd, struct mf_json *object)
{
	const struct mf_failure *f = &cmd->ctx.failure;
	struct mf_json *error = mf_json_object();

	mf_json_set_string(error, "code", mf_error_name(f->code));
	mf_json_set_string(error, "stage", mf_stage_name(f->stage));
	mf_json_set_string(error, "subject", f->what);
	mf_json_set_string(error, "reason", *f->why ? f->why : mf_error_sentence(f->code));
	mf_json_set(object, "error", error);
}
