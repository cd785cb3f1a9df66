/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PACK_H
#define MODFETCH_PACK_H
/*
 * modfetch pack: from the module trees of kernels to a repository of driver packages. Names,
 * provides and requires of the packages are a contract with resolve and with zypper, dnf and rpm;
 * modfetch-pack(8) has it. Calls rpmbuild and createrepo_c (and gpg for an OpenPGP signature);
 * everything they are given is made here.
 *
 * REPO/<arch>/ holds packages, REPO/repodata/ the metadata, REPO/.pack/ what the next run wants to
 * know; a web server need not show the last. A reader of REPO sees the old repository or the new
 * one: no file of the old is changed or removed before the new is in place, nor in that run.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* STEP is a word; DONE of N things of it are done. Called at most ten times a second, and at the
 * end. */
typedef void mf_pack_progress(void *arg, const char *step, size_t done, size_t n);

struct mf_pack_options {
	const struct mf_strings *trees; /* paths of lib/modules/KVER, one a kernel */
	const char *output;		/* the repository's directory; made if it is not there */
	const char *firmware;		/* directory of a firmware tree, or NULL */
	const struct mf_strings *only;	/* modules (fnmatch patterns) to pack with all they need and
					   want; NULL or empty: all */
	const char *spec_only; /* write specs into this directory, build nothing; or NULL */

	/* these speak of one kernel: with more than one tree they are refused. NULL: found out */
	const char *flavor;
	const char *symvers, *image, *system_map, *config;
	const char *version, *release;

	const char *key, *cert; /* PEM files: sign repomd.xml with CMS; both or none */
	const char *gpg_key;	/* sign it with this OpenPGP key too; or NULL */
	const char
		*identity; /* which repository its metadata says it is; NULL: as before, or new */
	unsigned int jobs; /* threads, and rpmbuilds side by side; 0: as many as processors */
	bool incremental;  /* take over packages of the repository that would come out the same */

	mf_pack_progress *progress; /* or NULL */
	void *progress_arg;
};

/* What a primary.xml spends its bytes on. */
enum mf_pack_share {
	MF_PACK_SHARE_KSYM_REQUIRES,
	MF_PACK_SHARE_KSYM_PROVIDES,
	MF_PACK_SHARE_MODALIAS,
	MF_PACK_SHARE_KALIAS,
	MF_PACK_SHARE_RELATIONS, /* every other dependency */
	MF_PACK_SHARE_TEXT,	 /* summaries, descriptions */
	MF_PACK_SHARE_FRAME,	 /* the rest: names, sizes, checksums, the XML around */
	MF_PACK_N_SHARES,
};

enum mf_pack_step {
	MF_PACK_STEP_READ,    /* every module, its digest included */
	MF_PACK_STEP_RELATE,  /* dependencies, package texts, fingerprints */
	MF_PACK_STEP_BUILD,   /* rpmbuild */
	MF_PACK_STEP_PUBLISH, /* createrepo_c, signatures, the exchange */
	MF_PACK_N_STEPS,
};

struct mf_pack_pattern {
	char *name;
	size_t members; /* by its rules */
	size_t closed;	/* with what they need */
	uint64_t size;	/* bytes of the closed set, installed */
};

struct mf_pack_result {
	size_t modules;	       /* .ko files found */
	size_t modules_signed; /* of those packed, how many carry a signature */
	size_t packages;       /* of this run's kernels, built, reused or written as spec */
	size_t reused;
	size_t in_repository;
	size_t firmware_missing; /* files that modules ask for and the tree does not have */
	size_t problems;	 /* lines told; the run then ends with -MFE_PACK */
	uint64_t rpm_bytes;
	uint64_t primary_packed, primary_bytes; /* primary.xml as sent, and inflated */
	uint64_t shares[MF_PACK_N_SHARES];
	uint64_t step_us[MF_PACK_N_STEPS];
	struct mf_pack_pattern *patterns;
	size_t n_patterns;
};

/*
 * Packs. 0; -MFE_PACK when some of it could not be packed, each with a line of its own, while the
 * rest was published; -MFE_USAGE, -MFE_TOOL, -MFE_LOCKED (another pack works on REPO) or -errno
 * when nothing was published; recorded. RET_RESULT is filled for 0 and -MFE_PACK and then to be
 * given to mf_pack_result_done().
 */
int mf_pack(struct mf_context *ctx, const struct mf_pack_options *options,
	    struct mf_pack_result *ret_result);
void mf_pack_result_done(struct mf_pack_result *result);

#endif
