/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_RPM_PRIVATE_H
#define LIB_RPM_PRIVATE_H
/* librpm's headers, for its adapter only: rpm.c runs transactions,
 * rpm-relocate.c says which files it leaves out or moves, rpm-installed.c reads the database,
 * rpm-package.c package files, rpm-header.c headers. */
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
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

/*
 * librpm's state with the context's root and database, for one thing to do at a time. The last error
 * message goes to LAST_MESSAGE, 256 bytes, until the end.
 */
rpmts mf_rpm_begin(const struct mf_context *ctx, char *last_message);
void mf_rpm_end(rpmts ts);
/*
 * Is in librpm's only sign that it cannot read the database's format: it uses an empty one then. Our
 * programs set no locale, so messages are not translated.
 */
#define MF_RPM_NO_DATABASE "using dummy database"
/*
 * Opens the database, for MODE as open(2). 0, or -MFE_INSTALL, recorded: it cannot be read, or librpm does
 * not know its format.
 */
int mf_rpm_open_database(struct mf_context *ctx, rpmts ts, int mode, const char *last_message);
/* Reads librpm's configuration, once; its messages go to LAST_MESSAGE as above. */
void mf_rpm_configure(char *last_message);

/* An rpm stream over a copy of FD, from its start. NULL: an error, in errno. */
FD_t mf_rpm_open_copy(int fd);

/* Where files of a package go instead, or that they are left out. */
struct mf_rpm_relocations {
	rpmRelocation *v; /* the last one is empty; NULL: none */
	struct mf_strings paths;
};

/* Those of a package with this header, for rpmtsAddInstallElement(). 0 or -ENOMEM. */
int mf_rpm_relocations(const struct mf_context *ctx, const struct mf_rpm_install *install,
		       Header header, struct mf_rpm_relocations *ret_relocations);
void mf_rpm_relocations_done(struct mf_rpm_relocations *relocations);

#endif
