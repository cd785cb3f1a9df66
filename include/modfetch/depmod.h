/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DEPMOD_H
#define MODFETCH_DEPMOD_H
/*
 * Stage depmod: after modules came or went, updates modules.{dep,alias,symbols,…}[.bin] of one
 * kernel. The result is what the system's depmod writes for the same tree.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* Gets an index by the name of its file, as depmod would write it; valid during the call. */
typedef int mf_depmod_visit(void *arg, const char *name, const void *bytes, size_t len);

struct mf_depmod_options {
	const char *basedir; /* NULL: the context's root; as depmod -b */
	const char *outdir;  /* NULL: the basedir; as depmod -o */
	/* NULL: lib/modules; as depmod -m: in its place below basedir and outdir */
	const char *moduledir;
	const char *kernel; /* NULL: the context's kernel */
	const struct mf_strings *
		config; /* NULL: depmod's own directories; as depmod -C, a file or directory each */
	/*
	 * All paths below lib/modules/KVER that changed since the last run, however spelled, or
	 * their directories; NULL: scan the whole tree. That is also done if another program made the
	 * indexes since, and where there are external directories or links to directories.
	 */
	const struct mf_strings *changed;
	FILE *print; /* as depmod -n: the text files go here, nothing else is written */
	/*
	 * Instead of writing anything, gets each index in turn; a negative return, which need not be
	 * recorded, ends the run.
	 */
	mf_depmod_visit *visit;
	void *visit_arg;
	/*
	 * As depmod -E and -F: the kernel's own symbols, from a Module.symvers or a System.map; the
	 * first one counts, NULL: none. With report_unknown (-e) symbols that a module needs and nothing
	 * has are logged as warnings, and with symvers those with another CRC, for which all modules
	 * are read.
	 */
	const char *symvers, *system_map;
	bool report_unknown;
	bool report_duplicates; /* as depmod -w: aliases that a module has twice are logged */
	FILE *show;		/* as depmod -v: which module needs which one, for which symbol */
	/*
	 * As depmod -P, only with no_state: the first byte of a symbol's name is left out if it is this
	 * one; 0: none is.
	 */
	char symbol_prefix;
	bool no_state; /* read and write no state file: for a tree that will be packed or thrown away */
	bool no_sync; /* leave out fsync: for image builds, where the image is synced once */
	/*
	 * Only read all modules and write the state file, so that a later run reads the changed ones
	 * only. No index is written, also if one is out of date. Nothing is done if there is a state
	 * file already.
	 */
	bool learn;
};

struct mf_depmod_result {
	size_t modules; /* in the tree */
	size_t read;	/* of them, read because they were new or had changed */
	bool unchanged; /* nothing had changed; nothing was written */
};

/*
 * Returns 0; -MFE_DEPMOD, -MFE_LOCKED or -errno, recorded. On failure the indexes are those of
 * before. RET_RESULT may be NULL.
 */
int mf_depmod(struct mf_context *ctx, const struct mf_depmod_options *options,
	      struct mf_depmod_result *ret_result);

/*
 * Would depmod surely take PATH, not OTHER, if both are files of one module below the directory of KERNEL? From
 * its configuration below the context's root. 0 or -ENOMEM.
 */
int mf_depmod_prefers(struct mf_context *ctx, const char *kernel, const char *path,
		      const char *other, bool *ret_prefers);

#endif
