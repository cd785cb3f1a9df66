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

const char *cmd_bytes(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 999.5 && unit < 4) {
		n /= 1000;
		unit++;
	}
	snprintf(buf, 16, unit && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return buf;
}
