/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPM_H
#define MODFETCH_RPM_H
/*
 * The functions that use librpm: installed packages, headers of package files, and transactions.
 * The database's directory is always explicit and below the root: the setting "rpmdb", else the
 * first of /usr/lib/sysimage/rpm and /var/lib/rpm that has a database, else /var/lib/rpm. Never
 * $HOME.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/strings.h"

/* The header of a package file or of an installed package. */

struct mf_rpm_file {
	char *path;
	char *link;		     /* target of a symbolic link, or "" */
	struct mf_checksum checksum; /* none for all but regular files */
	uint64_t size;
	uint32_t mode; /* type and permissions, as st_mode */
	char *user, *group;
	bool has_caps;	/* file capabilities */
	uint32_t links; /* number of names of this file in the package; more than 1: hard links */
	uint32_t mtime; /* seconds since 1970; rpm sets it on the installed file */
	bool ghost;	/* listed, but not in the package: any program may create it later */
	bool left_out;	/* installed packages: rpm did not install this file or gave it away */
};

struct mf_rpm_header {
	char *name, *evr, *arch; /* evr in libsolv's form: an epoch only if it is not 0 */
	struct mf_rpm_file *files;
	size_t n_files;
	struct mf_strings scriptlets; /* kinds present: "%post", "%trigger", "%pre -p", … */
	struct mf_strings obsoletes;  /* names */
	struct mf_strings uname_r;    /* versions of "kernel-uname-r", which a kernel provides */
	/*
	 * Versions of it stay beside each other: it provides multiversion(kernel) or a kind of
	 * installonlypkg(), or is a part of one kernel
	 */
	bool side_by_side;
	/*
	 * The kernels that it is for, by what says most: the releases in whose module directories it
	 * has files, those that it provides or needs as kernel-uname-r, or the build in its version
	 */
	struct mf_strings kernels;
	bool has_module_directory; /* that is the first of these */
};

/*
 * Reads a librpm Header, as mf_rpm_each_installed() passes it to the visitor. The caller calls
 * mf_rpm_header_done(). 0, -MFE_BAD_PACKAGE or -ENOMEM; records nothing.
 */
int mf_rpm_header(void *header, struct mf_rpm_header *ret_header);
void mf_rpm_header_done(struct mf_rpm_header *header);
/* "name-evr.arch"; the caller's to free. NULL: no memory. */
char *mf_rpm_label(const struct mf_rpm_header *header);
/*
 * Adds the kernels in whose module directories a package, a librpm Header, has files: releases, each
 * once. 0 or -ENOMEM.
 */
int mf_rpm_kernels(void *header, struct mf_strings *kernels);

/*
 * Does the installation of a package replace INSTALLED, another version of it, or is that for another
 * kernel and stays?
 */
bool mf_rpm_replaces(const struct mf_rpm_header *package, const struct mf_rpm_header *installed);

/* Gets one installed package as a librpm Header, valid during the call. Non-zero ends the walk. */
typedef int mf_rpm_visit(void *arg, void *header);
/*
 * Visits the installed packages with these NAMES ("name": all versions, or "name-evr.arch"), or all
 * (NULL). Without a database there are none.
 * 0, the visitor's return, or -MFE_INSTALL, recorded.
 */
int mf_rpm_each_installed(struct mf_context *ctx, const struct mf_strings *names,
			  mf_rpm_visit *visit, void *arg);

/* Gets the DIGEST of an installed package's header (hex SHA-1). True: the caller knows the package. */
typedef bool mf_rpm_known(void *arg, const char *digest);
/* Gets one that is not known; DIGEST: NULL where the database has none of it. */
typedef int mf_rpm_visit_unknown(void *arg, void *header, const char *digest);
/*
 * Visits the installed packages that KNOWN says false of, or that have no digest. What is known is
 * not read: a header has kilobytes, and its digest stands in an index. Returns as
 * mf_rpm_each_installed().
 */
int mf_rpm_each_unknown(struct mf_context *ctx, mf_rpm_known *known, mf_rpm_visit_unknown *visit,
			void *arg);

/*
 * Reads the header of the package in FD, through a copy of the descriptor. Its digests are checked;
 * the verify stage checks signatures. 0, -MFE_BAD_PACKAGE, -ENOMEM or another -errno; records
 * nothing.
 */
int mf_rpm_read(int fd, struct mf_rpm_header *ret_header);
/*
 * The same, for a visitor that gets the librpm Header. 0, the visitor's return, or a failure as above;
 * records nothing.
 */
int mf_rpm_visit_package(int fd, mf_rpm_visit *visit, void *arg);

struct mf_rpm_install {
	int fd;		   /* sealed memory file */
	const char *nevra; /* "name-evr.arch" */
	/* paths of its files that are not installed, see left_out; NULL: none */
	const struct mf_strings *without;
	bool side_by_side; /* its other versions stay; those to replace must be erased by label */
};

/*
 * One transaction: installs (or updates to) all of INSTALL, erases the packages in ERASE ("name" or
 * "name-evr.arch"; of several versions the first, so the second form is better). One of them may be
 * a package of INSTALL itself, which is installed again.
 * Dependencies are not checked: the resolve stage has done this, with kernels that no package owns.
 * Waits for another rpm at most settings.lock_timeout seconds and logs that it waits. A transaction
 * that fails may have done part of its work: see mf_undo(). With ctx->scriptlets the scriptlets of
 * the installed and erased packages run; triggers, which belong to other packages, never do. 0; 1:
 * done, but a scriptlet failed that could not stop the transaction, recorded as
 * -MFE_SCRIPTLET_FAILED; -MFE_SCRIPTLET_FAILED (a scriptlet stopped the transaction), -MFE_LOCKED,
 * -MFE_BAD_PACKAGE, -MFE_INSTALL, -ECHILD or another -errno, recorded.
 */
int mf_rpm_transaction(struct mf_context *ctx, const struct mf_rpm_install *install, size_t n,
		       const struct mf_strings *erase);

/*
 * Appends the LABELS ("name" or "name-evr.arch") that are installed to FOUND. 0, -ENOMEM, or
 * -MFE_INSTALL if the database cannot be read; recorded.
 */
int mf_rpm_installed(struct mf_context *ctx, const struct mf_strings *labels,
		     struct mf_strings *found);
/* Erases the LABELS that are installed, without scriptlets. Returns as mf_rpm_transaction(). */
int mf_rpm_erase(struct mf_context *ctx, const struct mf_strings *labels);
/* The same in the database only: no file is removed. */
int mf_rpm_forget(struct mf_context *ctx, const struct mf_strings *labels);

/*
 * The place of the database of installed packages below a root, and whether it has changed. The
 * database is not opened, which would cost more than a lookup.
 */

/*
 * The database's directory as a path below the root without links, so that an open by name stays
 * below the root: "/var/lib/rpm". The caller frees it. If none exists, the directory in which rpm
 * will create the database; with MAKE it is created. RET_THERE: is there a database? NULL: no
 * memory, the directory cannot be created, or it is not below the root.
 */
char *mf_rpmdb_directory(const struct mf_context *ctx, bool make, bool *ret_there);

/*
 * What librpm calls the format of the database in that directory, a path below the root: "sqlite",
 * "ndb" or "bdb_ro". Static; NULL: there is none.
 */
const char *mf_rpmdb_backend(const struct mf_context *ctx, const char *directory);

struct mf_rpmdb {
	bool exists;
	/*
	 * Changes with every change of the database: inode, size and times of its file and of its
	 * log; letters, digits and '-'. "" if there is no database.
	 */
	char key[160];
	struct timespec changed; /* the latest of those times */
};

/* Never fails: a database that cannot be found does not exist. */
void mf_rpmdb_stat(const struct mf_context *ctx, struct mf_rpmdb *ret_db);

#endif
