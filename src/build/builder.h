/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BUILD_BUILDER_H
#define BUILD_BUILDER_H
/* What the steps of a build pass to each other. build.c knows their order. */
#include <stdbool.h>
#include <stddef.h>
#include "ledger.h"
#include "modfetch/build.h"
#include "modfetch/inspect.h"
#include "modfetch/source.h"
#include "tools.h"

/* A module of the kernel that is not the kernel's own. All strings are owned. */
struct build_module {
	char *name;   /* as kmod spells it */
	char *kernel; /* of a link: the release of the kernel that has the file; NULL: no link */
	char *label;  /* of its owner; NULL: none */
	enum mf_owner owner;
};
struct build_modules {
	struct build_module *v;
	size_t n, room;
};

/* One source for one kernel. */
struct build_job {
	const struct mf_source *source;
	struct mf_recipe recipe;
	bool has_recipe;
	struct mf_built built;	       /* becomes an entry of the result */
	uint8_t digest[MF_SHA256_LEN]; /* of the source */
	bool done;		       /* its state is decided */
	bool tried;		       /* it was given to the box */
	/* of a build, for each module of the recipe: a sealed memory file with it; or -1 */
	int *fds;
};

/* A run of mf_build(). */
struct builder {
	struct mf_context *ctx;
	const struct mf_build_options *options;
	struct mf_sources sources;
	struct build_ledger ledger;
	struct build_tools tools;
	struct build_modules on_disk;
	struct build_job *jobs;
	size_t n_jobs;
	int lock; /* no other run builds */
};

/* ---- job.c ---- */

/* Takes the failure out of the context as that of JOB, whose state is then decided. */
void build_job_fail(struct builder *b, struct build_job *job);
/* Decides the state of JOB. REASON may be NULL; it is the job's then. 0 or -ENOMEM. */
int build_job_settle(struct build_job *job, enum mf_build_state state, char *reason);

/* ---- installed.c ---- */

/* The names of the packages that were built here from the source NAME and are installed. 0 or a recorded failure. */
int build_installed(struct mf_context *ctx, const struct build_ledger *ledger, const char *name,
		    struct mf_strings *ret_packages);

/* ---- choose.c: which sources ---- */

/* Fills the jobs. 0 or a recorded failure. */
int build_choose(struct builder *b);

/* ---- present.c: what is on disk already ---- */

/* Reads the modules of the kernel that are not its own. 0 or a recorded failure. */
int build_modules_read(struct mf_context *ctx, struct build_modules *ret_modules);
void build_modules_done(struct build_modules *modules);
/* Settles the job if its modules are there, or are another's. 0 or -ENOMEM. */
int build_judge(struct builder *b, struct build_job *job);
/*
 * Tries what is cheaper than a build: a package of a repository, unless the source was asked for, and a link
 * to a module that was built for another kernel. Settles the job if that is enough. 0 or a recorded failure.
 */
int build_find_elsewhere(struct builder *b, struct build_job *job);

/* ---- compile.c: the box ---- */

/* Reads the recipe of a job, in the box if the admin trusts its conf. A failure is the job's. */
void build_read_recipe(struct builder *b, struct build_job *job);
/* Builds the modules of JOB into its memory files. CTX: of this thread. A failure is recorded in it. 0 or a negative code. */
int build_compile(const struct builder *b, struct mf_context *ctx, struct build_job *job);

/* ---- unpack.c ---- */

/* Takes the modules out of an rpm into the recipe and the memory files of JOB. 0 or a recorded failure. */
int build_unpack(struct mf_context *ctx, struct build_job *job, int fd);

/* ---- package.c, deliver.c: what was built ---- */

/* The tree of a job with its modules, as they are to be installed, and the packages of it. */
struct build_tree {
	char *work;		 /* below the root: …/build/work/NAME */
	char *modules;		 /* absolute: WORK/lib/modules/KVER */
	char *packages;		 /* absolute: WORK/packages, with the packages below it */
	struct mf_strings files; /* of the packages, below PACKAGES */
};
void build_tree_done(struct mf_context *ctx, struct build_tree *tree);
/* Signs and compresses the modules of JOB. 0 or a recorded failure. */
int build_tree_make(struct builder *b, struct build_job *job, struct build_tree *ret_tree);
/* Makes its packages, or publishes them. 0 or a recorded failure. */
int build_package(struct builder *b, struct build_job *job, struct build_tree *tree);
/* Keeps the packages, in place of those of the build before. 0 or a recorded failure. */
int build_keep(struct builder *b, const struct build_job *job, const struct build_tree *tree);
/* Is LABEL, "name-evr.arch", a package that is kept of the source NAME for KERNEL? */
bool build_is_kept(const struct mf_context *ctx, const char *kernel, const char *name,
		   const char *label);
/*
 * Installs the kept packages of SOURCE for the context's kernel; if that fails, they are removed. Adds
 * their labels, "name-evr.arch". 0 or a recorded failure.
 */
int build_install_kept(struct mf_context *ctx, const struct mf_source *source,
		       struct mf_strings *labels);

#endif
