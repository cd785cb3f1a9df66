/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INSTALLED_H
#define MODFETCH_INSTALLED_H
/*
 * The installed packages, for a pool. Reading the rpm database takes a tenth of a second for some
 * hundred packages; so what it said is kept in /var/cache/modfetch/.installed, in files whose names
 * begin with the state the database was in.
 */
#include "modfetch/context.h"
#include "modfetch/solv.h"

enum mf_installed_form {
	MF_INSTALLED_PLAN,  /* for plans that remove nothing */
	MF_INSTALLED_WHOLE, /* all that the packages say */
};

/*
 * Adds them to a pool that has no installed package yet, in that form at least: from the cache if it
 * is of the database as it is now, else from the database, and then the cache is written where that
 * is possible. 0 or a recorded error.
 */
int mf_installed_add(struct mf_context *ctx, struct mf_pool *pool, enum mf_installed_form form);

#endif
