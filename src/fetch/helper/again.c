/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges the failures of mirrors: which are gone a moment later, and which one is worth to be reported.
 *
 * A server that is overloaded or restarts answers 503, 429 or 408, a gateway in front of it 502 or 504;
 * a connection is reset, or ends before the file does. The next mirror is tried first. When all have
 * been tried, those that failed in this way are tried again, after half a second, one, two …; if one of
 * them has sent Retry-After, not before that time. A server that asks for more than FETCH_WAIT_MAX
 * seconds is not asked again: the deadline of the whole download is more important.
 *
 * A refused connection, an unknown name, a missing file, a web page and wrong bytes are not of this
 * kind: they would be the same a moment later.
 */
#include "again.h"
#include <stddef.h>
#include "modfetch/array.h"
#include "modfetch/error.h"

#define FIRST_PAUSE_US 500000

bool fetch_again(const struct mf_exchange *x, int code)
{
	static const long statuses[] = { 408, 429, 502, 503, 504 };

	if (x->retry_after > FETCH_WAIT_MAX)
		return false;
	if (code == -MFE_TRUNCATED || (code == -MFE_UNREACHABLE && x->dropped))
		return true;
	for (size_t i = 0; code == -MFE_HTTP_STATUS && i < MF_ARRAY_SIZE(statuses); i++)
		if (x->status == statuses[i])
			return true;
	return false;
}

uint64_t fetch_again_pause(unsigned int round, uint64_t retry_after)
{
	uint64_t pause = FIRST_PAUSE_US << (round < 5 ? round : 5);

	return retry_after * 1000000 > pause ? retry_after * 1000000 : pause;
}

int fetch_failure_rank(int code)
{
	static const int order[] = { -MFE_UNREACHABLE, -MFE_PORTAL,    -MFE_TIMEOUT,
				     -MFE_HTTP_STATUS, -MFE_TRUNCATED, -MFE_TOO_LARGE,
				     -MFE_BAD_SIZE,    -MFE_BAD_DIGEST };

	for (size_t i = 0; i < MF_ARRAY_SIZE(order); i++)
		if (order[i] == code)
			return (int)i + 1;
	return (int)(MF_ARRAY_SIZE(order)) + 1;
}
