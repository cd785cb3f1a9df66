/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Days as numbers and as text. A ledger that says on which day something happened is written once a
 * day at most, and a person can read it. A day that no calendar has (February 31) is not accepted:
 * such a line was written by a hand, or is damaged.
 */
#include "modfetch/days.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S	   86400
#define FIRST_YEAR 1970

long mf_day_today(void)
{
	return (long)(time(NULL) / DAY_S);
}

void mf_day_format(long day, char ret_text[MF_DAY_TEXT])
{
	time_t at = (time_t)day * DAY_S;
	struct tm tm = { 0 };

	gmtime_r(&at, &tm);
	if (!strftime(ret_text, MF_DAY_TEXT, "%Y-%m-%d", &tm))
		*ret_text = '\0';
}

bool mf_day_parse(const char *text, long *ret_day)
{
	struct tm tm = { 0 };
	char again[MF_DAY_TEXT];
	int end = 0;
	time_t at;
	long day;

	if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3 ||
	    text[end] || tm.tm_year < FIRST_YEAR)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	at = timegm(&tm);
	if (at < 0)
		return false;
	day = (long)(at / DAY_S);
	/* timegm() accepts February 31 */
	mf_day_format(day, again);
	if (strcmp(again, text) != 0)
		return false;
	*ret_day = day;
	return true;
}
