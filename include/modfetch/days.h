/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DAYS_H
#define MODFETCH_DAYS_H
/*
 * Days, for ledgers: the number of days since 1970-01-01, in UTC, and its text "2026-11-30".
 */
#include <stdbool.h>

#define MF_DAY_TEXT 16 /* size of a buffer for the text */

/* By the clock of the machine, which may be wrong. */
long mf_day_today(void);
/* "" for a day that has no such text. */
void mf_day_format(long day, char ret_text[MF_DAY_TEXT]);
/* False: the text is no day from 1970 on, or something comes after it. */
bool mf_day_parse(const char *text, long *ret_day);

#endif
