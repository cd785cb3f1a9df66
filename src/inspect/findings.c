/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The findings of a check.
 *
 * A path has at most one: the questions are asked in an order in which the first answer explains
 * the others. A module with a finding is excused from later questions: what follows from its fault,
 * such as an index without it, or users that cannot be loaded, is not reported again.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "inspection.h"

static bool finding_is_complete(const struct mf_finding *f, const struct inspection *in,
				const struct about *about)
{
	return f->path && f->reason && (!in || f->kernel) && (!about->owner || f->package) &&
	       (!about->subject || f->subject) && (!about->target || f->target);
}

static char *copy_of(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int __attribute__((format(printf, 5, 0)))
finding_add_v(struct machine *m, const struct inspection *in, const struct about *about, int code,
	      const char *fmt, va_list ap)
{
	struct mf_check *check = m->check;
	struct mf_finding *f;
	size_t len = strlen(about->path);
	char *key = mf_arena_copy(&m->arena, about->path, len - (about->path[len - 1] == '/'));
	uint32_t *value;
	int r;

	if (!key || mf_array_reserve(&check->findings, &m->findings_room, check->n_findings + 1,
				     sizeof(*f)) < 0)
		return -ENOMEM;
	r = mf_table_put(&m->findings, key, strlen(key), 0, &value);
	if (r <= 0)
		return r ? r : 1;
	f = &check->findings[check->n_findings++];
	*f = (struct mf_finding){
		.kernel = in ? strdup(in->ctx->kernel) : NULL,
		.path = mf_format("/%s", key),
		.target = about->target ? mf_format("/%s", about->target) : NULL,
		.package = about->owner ? strdup(about->owner->label) : NULL,
		.reason = mf_vformat(fmt, ap),
		.subject = copy_of(about->subject),
		.code = code,
		.remedy = about->remedy,
	};
	return finding_is_complete(f, in, about) ? 1 : -ENOMEM;
}

int inspect_find(struct machine *machine, const struct inspection *in, const struct about *about,
		 int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = finding_add_v(machine, in, about, code, fmt, ap);
	va_end(ap);
	return r;
}

/* A damaged file of an rpm can be installed again; a wrong one would be wrong again. */
static enum mf_remedy remedy_of(const struct entry *e, int code)
{
	bool damaged = code == -MFE_ALTERED || code == -MFE_BAD_MODULE || code == -EIO;

	return damaged && !e->target && e->owned && e->owned->owner->kind == MF_OWNER_RPM
		       ? MF_REMEDY_REINSTALL
		       : MF_REMEDY_NONE;
}

int inspect_find_entry(struct inspection *in, struct entry *e, int code, const char *fmt, ...)
{
	const struct about about = {
		.path = e->path,
		.target = e->target,
		.owner = e->owned ? e->owned->owner : NULL,
		.remedy = remedy_of(e, code),
	};
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = finding_add_v(in->machine, in, &about, code, fmt, ap);
	va_end(ap);
	e->found = true;
	return r > 0 && inspect_excuse(in, e->name) < 0 ? -ENOMEM : r;
}

int inspect_excuse(struct inspection *in, const char *name)
{
	char *copy = mf_arena_copy(&in->arena, name, strlen(name));
	uint32_t *value;
	int r = copy ? mf_table_put(&in->bad, copy, strlen(copy), 0, &value) : -ENOMEM;

	return r < 0 ? r : 0;
}

bool inspect_is_excused(const struct inspection *in, const char *name)
{
	return mf_table_get(&in->bad, name, strlen(name));
}
