/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names and sentences of the error codes, and the failure record.
 *
 * Text in the record may come from a network or a hostile package, and is printed on a terminal and
 * into the journal, so all of it is sanitized here. It may also be a URL with a password: the
 * password is removed before the text is truncated, since a truncated URL is not recognized.
 */
#include "modfetch/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
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

static const struct error_entry *error_find(int code)
{
	int e = -code;

	return e > MFE_FIRST && e < MFE_END ? &errors[e - MFE_FIRST] : NULL;
}

const char *mf_error_name(int code)
{
	const struct error_entry *e = error_find(code);
	const char *name = e ? e->name : strerrorname_np(-code);

	return name ? name : "UNKNOWN";
}

const char *mf_error_sentence(int code)
{
	const struct error_entry *e = error_find(code);
	const char *text = e ? e->sentence : strerrordesc_np(-code);

	return text ? text : "an unknown error";
}

int mf_error_status(int code)
{
	const struct error_entry *e = error_find(code);

	return e ? e->status : 1;
}

/* Copies TEXT, sanitized and truncated to SIZE; "" if there is no memory for the whole. */
static void put_text(char *ret, size_t size, const char *text)
{
	_cleanup_free_ char *clean = mf_secret_hide_copy(text);

	snprintf(ret, size, "%s", clean ? clean : "");
	mf_text_sanitize(ret);
}

const char *mf_stage_name(enum mf_stage stage)
{
	static const char *const names[] = {
#define MF_STAGE_ENTRY(symbol, name) [MF_STAGE_##symbol] = (name),
		MF_STAGES(MF_STAGE_ENTRY)
#undef MF_STAGE_ENTRY
	};

	return names[stage];
}

int mf_fail(struct mf_context *ctx, enum mf_stage stage, int code, const char *what,
	    const char *fmt, ...)
{
	_cleanup_free_ char *why = NULL;
	struct mf_failure *f = &ctx->failure;
	va_list ap;

	/* format first: the arguments may point into the record that is overwritten below */
	if (fmt) {
		va_start(ap, fmt);
		why = mf_vformat(fmt, ap);
		va_end(ap);
	}
	f->code = code;
	f->stage = stage;
	put_text(f->what, sizeof(f->what), what ? what : "");
	put_text(f->why, sizeof(f->why), why ? why : mf_error_sentence(code));
	return code;
}
