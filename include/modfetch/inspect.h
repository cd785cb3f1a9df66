/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INSPECT_H
#define MODFETCH_INSPECT_H
/*
 * Inspects the modules on this machine: who owns each, and is it as its owner installed it, signed
 * by a trusted key, fit for its kernel, complete, readable and indexed? Changes nothing, except for
 * mf_check_fix().
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* Who put a module where it is. A link belongs to the owner of its target. */
enum mf_owner {
	MF_OWNER_NOBODY,
	MF_OWNER_RPM,
	MF_OWNER_DPKG,
	MF_OWNER_DKMS,	 /* built on this machine by dkms */
	MF_OWNER_AKMODS, /* an rpm that akmods built on this machine */
	MF_N_OWNERS,
};
/* "rpm": the name in --json; static. */
const char *mf_owner_name(enum mf_owner owner);

/* The ways in which mf_check_fix() can handle a finding. */
enum mf_remedy {
	MF_REMEDY_NONE,	     /* only the admin knows */
	MF_REMEDY_DEPMOD,    /* make the indexes again */
	MF_REMEDY_REINSTALL, /* install the package of the file again */
	MF_REMEDY_INSTALL,   /* install the module that is missing */
	MF_REMEDY_LINKS,     /* move or remove links that modfetch made */
	MF_REMEDY_REMOVE,    /* remove the package of a kernel that is gone */
	MF_REMEDY_CLEAN,     /* remove the indexes of a kernel that is gone */
};

struct mf_finding {
	char *kernel;  /* its release; NULL: it is about no installed kernel; owned */
	char *path;    /* path of the file, "/lib/…"; owned */
	char *target;  /* of a link: the file that it leads to; else NULL; owned */
	char *package; /* name-evr.arch (dpkg: name, dkms: name/version) of the owner of the file;
			  NULL: nobody; owned */
	char *reason;  /* one clause; owned */
	char *subject; /* the missing module or the name of the package, for the remedy; or NULL */
	int code;      /* -MFE_* or -errno; its printed name is stable */
	enum mf_remedy remedy;
};

/* The figures of one kernel. */
struct mf_checked_kernel {
	char *release;
	size_t modules;		    /* module files that were checked, links included */
	size_t owners[MF_N_OWNERS]; /* how many of them belong to each kind of owner */
	size_t links;		    /* how many of them are links */
	size_t packages;	    /* rpm packages with files of this kernel, or firmware */
	size_t no_firmware; /* modules without any of their firmware, whose device is not here */
	bool signatures;    /* modules must be signed (settings.module_signature and keys) */
};

struct mf_check {
	struct mf_checked_kernel *kernels; /* sorted by release */
	size_t n_kernels;
	struct mf_finding *findings; /* sorted by path */
	size_t n_findings;
};

/*
 * Checks the modules of the context's kernel; with ALL those of each installed kernel, and also
 * what no kernel has: packages and files of kernels that are gone. A file has at most one finding.
 * 0: RET_CHECK has the findings, if any, and the caller passes it to mf_check_done().
 * -MFE_NOT_FOUND (the kernel has no directory; with ALL: there is no kernel), -MFE_INSTALL,
 * -MFE_CONFIG, -MFE_NO_KEYS or -errno, recorded: there is no result.
 */
int mf_check(struct mf_context *ctx, bool all, struct mf_check *ret_check);
void mf_check_done(struct mf_check *check);

/*
 * Handles the findings that have a remedy, by runs of the pipeline as far as packages are concerned;
 * with DRY_RUN only finds out what could be done. RET_DONE gets a line in the past tense for each
 * thing that was done; a failure of one is logged. Check again afterwards to see what is left. 0 or
 * -ENOMEM, recorded.
 */
int mf_check_fix(struct mf_context *ctx, const struct mf_check *check, bool dry_run,
		 struct mf_strings *ret_done);

/*
 * Removes the directories that are empty in the directory of KERNEL, which stays. Never fails: what
 * cannot be removed stays.
 */
void mf_empty_directories_remove(struct mf_context *ctx, const char *kernel);
/*
 * Removes the indexes in the directory of KERNEL, which is not installed, and the directories in it,
 * and itself, that are empty then. 0 or -errno, recorded.
 */
int mf_indexes_remove(struct mf_context *ctx, const char *kernel);

/* A module as mf_owned_each() sees it. */
struct mf_owned {
	const char *path;   /* "/lib/modules/…" */
	const char *target; /* of a link: the file that it leads to; NULL: no link, or unknown */
	const char *label;  /* as the package of a finding; NULL: nobody */
	enum mf_owner owner;
};
typedef int mf_owned_visit(void *arg, const struct mf_owned *module);
/*
 * Visits each module of the context's kernel, sorted by path, without reading its content. 0, the
 * visitor's return that is not 0, or a code as of mf_check(), recorded.
 */
int mf_owned_each(struct mf_context *ctx, mf_owned_visit *visit, void *arg);

#endif
