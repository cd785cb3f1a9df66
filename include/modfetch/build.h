/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BUILD_H
#define MODFETCH_BUILD_H
/*
 * Builds drivers from their sources, for the context's kernel, where no package has them: in a box (modfetch/box.h),
 * signed with this machine's key (modfetch/module-key.h), as packages that the pipeline installs. A driver that was built for another
 * kernel and fits this one is linked instead.
 *
 * The sources are those of modfetch/source.h. A source that dkms or akmods has in use is theirs.
 *
 * Kept on disk: packages in /var/lib/modfetch/build/packages, logs in …/build/log, and the ledger
 * (src/build/ledger.c): what was built from which source with which compiler, and what failed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

enum mf_build_state {
	MF_BUILD_BUILT,		/* it was built, and its packages were installed or published */
	MF_BUILD_LINKED,	/* modules that were built for another kernel were linked */
	MF_BUILD_PRESENT,	/* its modules are there, from this source */
	MF_BUILD_NEEDED,	/* of a dry run: it would be built */
	MF_BUILD_EXCLUDED,	/* the source says that it is not for this kernel */
	MF_BUILD_OWNED,		/* dkms, akmods or another package has its modules: they stay */
	MF_BUILD_FAILED,	/* now: CODE */
	MF_BUILD_FAILED_BEFORE, /* with the same source, kernel and compiler: not tried again */
	MF_N_BUILD_STATES,
};
/* "built": the name in --json; static. */
const char *mf_build_state_name(enum mf_build_state state);

/* What became of one source. All strings are owned. */
struct mf_built {
	char *source; /* "v4l2loopback/0.12.7" */
	enum mf_build_state state;
	int code;		   /* of a failure, negative; 0: none */
	char *reason;		   /* a clause: why it is in this state; NULL: nothing to add */
	char *log;		   /* path of the log of the build; NULL: there is none */
	struct mf_strings modules; /* as kmod spells them */
	struct mf_strings labels; /* "name-evr.arch" of packages that were installed or published */
	uint64_t us;		  /* the time of the build */
};

struct mf_built_list {
	struct mf_built *v;
	size_t n, room;
};
void mf_built_done(struct mf_built_list *list);

struct mf_build_options {
	/*
	 * NAME or NAME/VERSION of sources; NULL or empty: those that are built without being asked for. Of these a
	 * driver is installed, for any kernel, that was built here; or their conf says AUTOINSTALL and there is
	 * no dkms.
	 */
	const struct mf_strings *names;
	/* build although dkms has the source, and keep the packages instead of installing them */
	bool keep_only;
	bool again;   /* build what is present, and what failed before, too */
	bool dry_run; /* find out what would be built, and change nothing */
	/*
	 * Not NULL: publish the packages in this repository (modfetch/pack.h) and install none; KEY and CERT
	 * sign it, both or none.
	 */
	const char *publish, *key, *cert;
};

/*
 * Builds for the context's kernel. 0: RET_LIST has an entry for each source, failed ones too, and the caller
 * passes it to mf_built_done(). -MFE_NOT_FOUND (no source of a name), -MFE_TOOL (a program or the headers are missing:
 * mf_build_missing() says which packages have them), -MFE_LOCKED (another build runs), or another
 * recorded failure: nothing was built.
 */
int mf_build(struct mf_context *ctx, const struct mf_build_options *options,
	     struct mf_built_list *ret_list);

/* What a build for the context's kernel lacks, and the command that installs it. Zeroed: nothing. */
struct mf_build_missing {
	struct mf_strings things;   /* "make", "the headers of 6.1.0-56-amd64" */
	struct mf_strings packages; /* of this distribution; empty: it is not known */
	struct mf_strings command;  /* "apt-get", "install", …, packages; empty likewise */
};
void mf_build_missing_done(struct mf_build_missing *missing);
/* 0 (also with RET_MISSING not empty) or -ENOMEM, recorded. */
int mf_build_missing(struct mf_context *ctx, struct mf_build_missing *ret_missing);

/*
 * Moves the source NAME from dkms to modfetch: builds it for each kernel for which dkms has it installed, then
 * dkms removes it from its tree, then the packages are installed; if that fails, dkms gets it back. Or, with
 * BACK, removes the packages and lets dkms add, build and install it for the same kernels. The source
 * stays where it is. RET_DONE: a line in the past tense for each thing that was done. 0 or a recorded failure.
 */
int mf_build_take_over(struct mf_context *ctx, const char *name, bool back,
		       struct mf_strings *ret_done);

#endif
