/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the clock right enough?
 *
 * Nothing of modfetch needs a right clock to verify a CMS signature, but the age of metadata, OpenPGP
 * signatures and certificates of https servers do. A clock that is before the newest accepted signature,
 * or before this program was written, is wrong for certain. Whether it is right is not known here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "modfetch/cache.h"
#include "modfetch/trust.h"
#include "examination.h"

#define SET_CLOCK "set the clock, for example by: timedatectl set-ntp true"

static void clock_format(int64_t at, char ret[24])
{
	time_t seconds = at;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(ret, 24, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(ret, 24, "%" PRId64, at);
}

void doctor_check_clock(struct examination *x)
{
	const struct mf_saved_failure saved = mf_failure_save(x->ctx);
	int64_t now = time(NULL), newest = 1;
	const char *id = NULL;
	char is[24], was[24];

	for (size_t i = 0; i < x->repos.n; i++) {
		struct mf_repo_state state = { 0 };

		if (mf_repo_state_read(x->ctx, x->repos.v[i].id, &state) < 0)
			continue;
		if (state.accepted.signing_time > newest) {
			newest = state.accepted.signing_time;
			id = x->repos.v[i].id;
		}
	}
	mf_failure_restore(&saved);
	clock_format(now, is);
	clock_format(newest, was);
	if (mf_trust_seconds_since(newest, now) >= 0)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "it is %s", is);
	else if (id && now < newest)
		doctor_diagnose(x, MF_HEALTH_FAILED, SET_CLOCK,
				"the clock says %s, but the metadata of %s was signed %s", is, id,
				was);
	else
		doctor_diagnose(x, MF_HEALTH_FAILED, SET_CLOCK, "the clock is not set: it says %s",
				is);
}
