/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry of a .repo file while it is read: what is wrong with it, and the values that need no check.
 *
 * What is noted first counts, since a later fault is often a consequence. Texts come from a file that may
 * hold a password, and are printed on a terminal.
 */
#include "repo-entry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

int repo_spoil_at(struct draft *d, const char *file, unsigned int line, const char *why,
		  const char *value)
{
	_cleanup_free_ char *shown = mf_secret_hide_copy(value);
	const char *id = d->repo.id;

	if (d->why)
		return 0;
	if (!shown)
		return -ENOMEM;
	d->where = !line ? mf_format("%s", file)
		   : *id ? mf_format("%s line %u [%s]", file, line, id)
			 : mf_format("%s line %u", file, line);
	if (!d->where)
		return -ENOMEM;
	d->why = mf_format("%s%s%s", why, *shown ? ": " : "", shown);
	if (!d->why)
		return -ENOMEM;
	mf_text_sanitize(d->where);
	mf_text_sanitize(d->why);
	return 0;
}

int repo_spoil(const struct reading *rd, struct draft *d, const char *why, const char *value)
{
	return repo_spoil_at(d, rd->file, rd->line, why, value);
}

int repo_spoil_key(const struct reading *rd, struct draft *d, const char *why)
{
	_cleanup_free_ char *text = mf_format("%s%s", rd->key, why);

	return text ? repo_spoil(rd, d, text, "") : -ENOMEM;
}

int repo_set_text(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	char **text = where;

	free(*text);
	*text = strdup(value);
	return *text ? 0 : -ENOMEM;
}
