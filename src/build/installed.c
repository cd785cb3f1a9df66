/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages of a source that were built here and are installed now.
 *
 * The ledger says what was built, rpm's database what is still there: an admin who removes the packages of a source does not want
 * it any more, and a kernel that is gone took its packages with it.
 */
#include <errno.h>
#include <string.h>
#include "builder.h"
#include "modfetch/cleanup.h"
#include "modfetch/release.h"
#include "modfetch/rpm.h"

static int add_packages(const struct build_entry *e, struct mf_strings *names)
{
	struct mf_release release;
	int r = 0;

	if (mf_release_parse(e->kernel, NULL, &release) < 0)
		return 0;
	for (size_t i = 0; !r && i < e->modules.n; i++) {
		_cleanup_free_ char *name = mf_release_kmp(&release, e->modules.v[i]);

		r = name ? mf_strings_add(names, name) : -ENOMEM;
	}
	return r;
}

int build_installed(struct mf_context *ctx, const struct build_ledger *ledger, const char *name,
		    struct mf_strings *ret_packages)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < ledger->n; i++)
		if (!ledger->v[i].code && !strcmp(ledger->v[i].name, name))
			r = add_packages(&ledger->v[i], &names);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, name, NULL);
	return names.n ? mf_rpm_installed(ctx, &names, ret_packages) : 0;
}
