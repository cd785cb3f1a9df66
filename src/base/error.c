/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names and sentences of the error codes, and the failure record.
 *
 * Whatever text reaches the record may come from a network or a hostile package; it is printed on a
 * terminal and into the journal, so control bytes are replaced here, once, for everybody.
 */
#include "modfetch/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct error_entry {
	const char *name;
	int status;
	const char *sentence;
};

static const struct error_entry errors[] = {
#define ERROR_ENTRY(symbol, name, status, sentence)                                                \
	[MFE_##symbol - MFE_FIRST] = { name, status, sentence },
	MF_ERRORS(ERROR_ENTRY)
#undef ERROR_ENTRY
};

static const struct error_entry *find(int code)
{
	int e = -code;

	return e > MFE_FIRST && e < MFE_END ? &errors[e - MFE_FIRST] : NULL;
}

const char *mf_error_name(int code)
{
	const struct error_entry *e = find(code);
	const char *name = e ? e->name : strerrorname_np(-code);

	return name ? name : "UNKNOWN";
}

const char *mf_error_sentence(int code)
{
	const struct error_entry *e = find(code);
	const char *text = e ? e->sentence : strerrordesc_np(-code);

	return text ? text : "an unknown error";
}

int mf_error_status(int code)
{
	const struct error_entry *e = find(code);

	return e ? e->status : 1;
}

int mf_fail(struct mf_context *ctx, const char *stage, int code, const char *what, const char *fmt,
	    ...)
{
	struct mf_failure *f = &ctx->failure;
	va_list ap;

	f->code = code;
	snprintf(f->stage, sizeof(f->stage), "%s", stage);
	snprintf(f->what, sizeof(f->what), "%s", what ? what : "");
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(f->why, sizeof(f->why), fmt, ap);
		va_end(ap);
	} else {
		snprintf(f->why, sizeof(f->why), "%s", mf_error_sentence(code));
	}
	mf_text_tame(f->what);
	mf_text_tame(f->why);
	return code;
}
