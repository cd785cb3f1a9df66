/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The udev RUN helper: libexec/modfetch/event, started by udev/81-modfetch.rules.
 *
 * Reads the event from the environment that udev sets, judges it (src/event/event.c), and adds an
 * entry to the spool if a driver is missing. It has no arguments and uses no other variables, so a
 * user cannot influence it; opens no INET socket, starts no child process. Linked statically if the
 * C library permits, because the dynamic linker would take half of its millisecond.
 *
 * Exit status: 0 decided, 1 failed (udev logs it; the device's other rules are not affected).
 */
#include <stdio.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/journal.h"
#include "modfetch/process.h"
#include "../event.h"

static void report(const struct mf_context *ctx, const struct mf_event *event, const char *message)
{
	const struct mf_journal_field fields[] = {
		{ "MODALIAS", event->modalias },
		{ "DEVPATH", event->devpath },
		{ "SUBSYSTEM", event->subsystem },
	};

	if (mf_journal_send(MF_LOG_WARNING, MF_MESSAGE_REFUSED, message, fields,
			    MF_ARRAY_SIZE(fields)) < 0)
		mf_log(ctx, MF_LOG_WARNING, "%s", message);
}

int main(void)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	enum mf_event_verdict verdict;
	struct mf_event event;
	char line[1024];
	int r;

	mf_bus_errors();
	mf_event_parse(environ, &event);
	r = mf_context_init(&ctx, NULL, NULL);
	if (r == 0)
		r = mf_event(&ctx, &event, &verdict);
	if (r) {
		const struct mf_failure *f = &ctx.failure;

		snprintf(line, sizeof(line), "%s: %s: %s [%s]", mf_stage_name(f->stage), f->what,
			 f->why, mf_error_name(r));
		report(&ctx, &event, line);
		return 1;
	}
	if (verdict == MF_EVENT_REFUSED)
		report(&ctx, &event,
		       "event: dropped: its modalias or path is invalid [BAD-MODALIAS]");
	return 0;
}
