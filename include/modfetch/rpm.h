/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPM_H
#define MODFETCH_RPM_H
/*
 * What modfetch asks of librpm: the installed packages, what a package file says, and one
 * transaction. The database's directory is always explicit and below the root: the setting "rpmdb",
 * else the one of /usr/lib/sysimage/rpm and /var/lib/rpm that is there, else /var/lib/rpm. Never
 * $HOME.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/strings.h"

/* What the header of a package says, of a file or of an installed one. */

struct mf_rpm_file {
	char *path;
	char *link;	 /* target of a symbolic link, or "" */
	bool has_sha256; /* false for what is no regular file */
	uint8_t sha256[MF_SHA256_LEN];
	uint64_t size;
	uint32_t mode; /* type and permissions, as st_mode */
	char *user, *group;
	bool has_caps;	/* file capabilities */
	uint32_t links; /* names that the package gives this file; more than 1: hard links */
	uint32_t mtime; /* seconds; rpm gives it to the file */
	bool ghost;	/* listed, but not in the package: it may be made later, by anybody */
	bool left_out;	/* of an installed package: rpm does not count the file as brought by it */
};

struct mf_rpm_header {
	char *name, *evr, *arch; /* evr as libsolv writes it: epoch only where it is not 0 */
	struct mf_rpm_file *files;
	size_t n_files;
	struct mf_strings scriptlets; /* tags present: "%post", "%triggerin", "%pre -p <lua>" … */
	struct mf_strings obsoletes;  /* names */
	struct mf_strings
		uname_r; /* versions of "kernel-uname-r" it provides: a kernel's package */
};

/*
 * Reads a librpm Header, as mf_rpm_each_installed() hands it out. 0, -MFE_BAD_PACKAGE or -ENOMEM;
 * records nothing.
 */
int mf_rpm_header(void *header, struct mf_rpm_header *ret_header);
void mf_rpm_header_done(struct mf_rpm_header *header);

/* Told each installed package as a librpm Header, valid during the call. Non-zero ends it. */
typedef int mf_rpm_visit(void *arg, void *header);
/*
 * Those called NAMES, or all (NULL). No database is no package. 0, the visitor's return, or
 * -MFE_INSTALL recorded.
 */
int mf_rpm_each_installed(struct mf_context *ctx, const struct mf_strings *names,
			  mf_rpm_visit *visit, void *arg);

/*
 * Reads the header of the package in FD (read through a copy; its digests are checked, signatures
 * are the verify stage's affair). 0, -MFE_BAD_PACKAGE or -ENOMEM; records nothing.
 */
int mf_rpm_read(int fd, struct mf_rpm_header *ret_header);

struct mf_rpm_install {
	int fd;		   /* sealed memory file */
	const char *nevra; /* "name-evr.arch" */
	/* paths of its files that it is installed without, see left_out; NULL: none */
	const struct mf_strings *without;
};

/*
 * One transaction: installs (or updates to) all of INSTALL, removes the packages named in ERASE.
 * Dependencies are not asked about: the resolve stage has, and knows of kernels no rpm owns. Waits
 * for another rpm at most settings.lock_timeout seconds, and says so. A transaction that fails may
 * have done part of its work: see mf_undo(). With ctx->scriptlets the packages' own scriptlets run,
 * of those that come and of those that go; triggers, which are other packages', never do. 0; 1: it is
 * done, but a scriptlet failed that could not stop it, recorded as -MFE_SCRIPTLET_FAILED;
 * -MFE_SCRIPTLET_FAILED (one that stopped it), -MFE_LOCKED, -MFE_INSTALL or -ECHILD, recorded.
 */
int mf_rpm_transaction(struct mf_context *ctx, const struct mf_rpm_install *install, size_t n,
		       const struct mf_strings *erase);

/*
 * Appends those of LABELS ("name" or "name-evr.arch") that are installed. 0, -ENOMEM, or
 * -MFE_INSTALL where the database cannot be read; recorded.
 */
int mf_rpm_installed(struct mf_context *ctx, const struct mf_strings *labels,
		     struct mf_strings *found);
/* Removes those of LABELS that are installed, as a transaction. As mf_rpm_transaction(). */
int mf_rpm_take_out(struct mf_context *ctx, const struct mf_strings *labels);
/* The same in the database alone: no file is touched. */
int mf_rpm_forget(struct mf_context *ctx, const struct mf_strings *labels);

/*
 * Where the database of installed packages is below a root, and whether it has changed, told
 * without opening it: opening costs more than a lookup.
 */

/*
 * The directory as a path below the root in which no link is left, so that whoever opens it by name
 * stays below the root: "/var/lib/rpm". Where none exists, the one where it will be made; MAKE: the
 * directory is made. RET_THERE: is there a database? NULL: out of memory, or it cannot be made.
 */
char *mf_rpmdb_directory(const struct mf_context *ctx, bool make, bool *ret_there);

struct mf_rpmdb {
	bool exists;
	/*
	 * Another one for every change: inode, size and times of the database's file and of the
	 * log beside it; letters, digits and '-'. "" where there is no database.
	 */
	char key[160];
	time_t changed; /* the latest of those times */
};

void mf_rpmdb_stat(const struct mf_context *ctx, struct mf_rpmdb *ret_db);

#endif
