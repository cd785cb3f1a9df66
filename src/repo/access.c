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
#include "modfetch/array.h"
#include "values.h"

#define SECRET_MAX  1024 /* bytes */
#define RETRIES_MAX 10

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
	for (size_t i = 0; i < access->queries.n; i++)
		explicit_bzero(access->queries.v[i], strlen(access->queries.v[i]));
	mf_strings_done(&access->queries);
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

/* ---- keys of an entry ---- */

/* A user name or a password; it is in no message. */
int repo_set_secret(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	if (strlen(value) > SECRET_MAX)
		return repo_spoil_key(rd, d, "= is too long");
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return repo_spoil_key(rd, d, "= has a control character");
	return repo_set_text(rd, d, where, value);
}

int repo_set_proxy(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	static const char *const schemes[] = { "http://",    "https://",  "socks4://",
					       "socks4a://", "socks5://", "socks5h://" };

	if (!*value || !strcmp(value, "_none_"))
		return repo_set_text(rd, d, where, "");
	for (size_t i = 0; i < MF_ARRAY_SIZE(schemes); i++)
		if (mf_starts_with(value, schemes[i]))
			return repo_set_secret(rd, d, where, value);
	return repo_spoil_key(rd, d, "= is no URL of a proxy, as http://proxy.example:3128 is one");
}

int repo_set_file(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	if (*value != '/')
		return repo_spoil(rd, d, "not an absolute path", value);
	return repo_set_text(rd, d, where, value);
}

int repo_set_seconds(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return repo_value_seconds(value, where)
		       ? 0
		       : repo_spoil(rd, d, "not a time, as 30 is one", value);
}

/* Metadata are asked for at any time but by the timer, which leaves out a repository that says never. */
int repo_set_expiry(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	bool *never = where;
	unsigned int seconds;

	*never = !strcasecmp(value, "never") || !strcmp(value, "-1");
	return *never ? 0 : repo_set_seconds(rd, d, &seconds, value);
}

int repo_set_bytes(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	return repo_value_bytes(value, where)
		       ? 0
		       : repo_spoil(rd, d, "not a number of bytes, as 64k is one", value);
}

int repo_set_retries(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	unsigned int *retries = where;

	/* dnf tries for ever with 0 */
	if (strspn(value, "0123456789") != strlen(value) || !*value)
		return repo_spoil(rd, d, "not a number", value);
	*retries = strlen(value) > 2 ? RETRIES_MAX : (unsigned int)atoi(value);
	if (!*retries || *retries > RETRIES_MAX)
		*retries = RETRIES_MAX;
	return 0;
}

int repo_set_ip(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	static const struct {
		const char *word;
		unsigned int version;
	} words[] = { { "4", 4 },    { "ipv4", 4 }, { "6", 6 },
		      { "ipv6", 6 }, { "", 0 },	    { "whatever", 0 } };
	unsigned int *version = where;

	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
		if (!strcasecmp(value, words[i].word)) {
			*version = words[i].version;
			return 0;
		}
	return repo_spoil(rd, d, "neither 4 nor 6", value);
}
