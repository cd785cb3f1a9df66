/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_RPM_PRIVATE_H
#define LIB_RPM_PRIVATE_H
/* librpm's headers, for its adapter only: rpm.c runs transactions,
 * rpm-installed.c reads the database, rpm-header.c headers. */
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmfiles.h>
#include <rpm/rpmio.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmps.h>
#include <rpm/rpmte.h>
#include <rpm/rpmts.h>
#include "modfetch/context.h"

/*
 * librpm's state with the context's root and database, for one thing to do at a time. The last error
 * message goes to LAST_MESSAGE, 256 bytes, until the end.
 */
rpmts mf_rpm_begin(const struct mf_context *ctx, char *last_message);
void mf_rpm_end(rpmts ts);

#endif
