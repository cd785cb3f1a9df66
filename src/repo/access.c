/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the servers of a repository are reached, and the values for that in .repo files.
 *
 * A number has a unit of one letter at its end. What does not parse as a whole is no value: a limit
 * that is read as another one would be worse than an entry that is not used.
 */
#include "modfetch/access.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "values.h"

/* Not in the freed memory any more, which a later core dump would have. */
static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void mf_access_done(struct mf_access *access)
{
	mf_strings_done(&access->own);
	free_secret(access->username);
	free_secret(access->password);
	free_secret(access->proxy);
	free_secret(access->proxy_username);
	free_secret(access->proxy_password);
	free(access->ca);
	free(access->client_cert);
	free(access->client_key);
	*access = (struct mf_access){ 0 };
}

/* A number with an optional unit of UNITS, each SCALES times the base. False: none, or beyond MAX. */
static bool parse_scaled(const char *text, const char *units, const double *scales, double max,
			 double *ret_number)
{
	char *end;
	double number;
	const char *unit;

	/* strtod() would also take "inf", "0x1p3" and a sign */
	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.")] == 'x')
		return false;
	number = strtod(text, &end);
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (*end && (!unit || end[1]))
		return false;
	number *= unit ? scales[unit - units] : 1;
	if (number > max)
		return false;
	*ret_number = number;
	return true;
}

bool repo_value_seconds(const char *text, unsigned int *ret_seconds)
{
	static const double scales[] = { 1, 60, 3600, 86400 };
	double number;

	if (!parse_scaled(text, "smhd", scales, 366.0 * 86400, &number))
		return false;
	*ret_seconds = (unsigned int)number;
	return true;
}

bool repo_value_bytes(const char *text, uint64_t *ret_bytes)
{
	static const double scales[] = { 1 << 10, 1 << 20, 1 << 30 };
	double number;

	if (!parse_scaled(text, "kmg", scales, 1e15, &number))
		return false;
	*ret_bytes = (uint64_t)number;
	return true;
}
