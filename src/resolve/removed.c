/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the installed packages that a plan removes or replaces.
 *
 * The rpm database is read when the first file is asked about, since hardly any plan needs it.
 */
#include "removed.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

static int on_installed_package(void *arg, void *header)
{
	struct resolve_removed *s = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < s->plan->n; i++)
		if (!strcmp(s->plan->items[i].name, h.name) && !mf_rpm_replaces(s->headers[i], &h))
			return 0;
	for (size_t i = 0; !r && i < h.n_files; i++)
		if (!S_ISDIR(h.files[i].mode) && !h.files[i].left_out)
			r = mf_strings_add(&s->paths, mf_without_usr(h.files[i].path));
	return r;
}

static int read_removed(struct resolve_removed *s)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < s->plan->n; i++)
		r = mf_strings_add(&names, s->plan->items[i].name);
	for (size_t i = 0; !r && i < s->plan->erase.n; i++)
		r = mf_strings_add(&names, s->plan->erase.v[i]);
	if (!r)
		r = mf_rpm_each_installed(s->ctx, &names, on_installed_package, s);
	mf_strings_sort(&s->paths);
	s->read = r >= 0;
	return r;
}

int resolve_removed_has(struct resolve_removed *s, const char *path)
{
	int r = s->read ? 0 : read_removed(s);

	if (r < 0)
		return r;
	return mf_strings_sorted_has(&s->paths, path);
}

void resolve_removed_done(struct resolve_removed *s)
{
	mf_strings_done(&s->paths);
}
