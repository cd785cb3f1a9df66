/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PACK_H
#define MODFETCH_PACK_H
/*
 * modfetch pack: makes a repository of driver packages from the module trees of kernels. Names,
 * provides and requires of the packages are a contract with resolve and with zypper, dnf and rpm;
 * modfetch-pack(8) documents it. Calls rpmbuild, createrepo_c and modifyrepo_c (and gpg for an
 * OpenPGP signature); modfetch generates all their input.
 *
 * REPO/<arch>/ holds the packages, REPO/repodata/ the metadata, REPO/.pack/ the state for the next
 * run, which a web server need not serve. A reader of REPO sees the old repository or the new one:
 * no file of the old one is changed or removed before the new one is in place, nor in that run.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/list.h"
#include "modfetch/strings.h"

/* Files in the root of a repository that is signed with CMS (src/pack/introduce.c). */
#define MF_PACK_CERTIFICATE "modfetch.pem"
#define MF_PACK_SECTION	    "modfetch.repo"

/*
 * STEP is one word; DONE of its N items are done. Called at most ten times a second, and at the end
 * of a step.
 */
typedef void mf_pack_progress(void *arg, const char *step, size_t done, size_t n);

struct mf_pack_options {
	const struct mf_strings *trees; /* paths of lib/modules/KVER, one for each kernel */
	const char *output;		/* the repository's directory; created if missing */
	const char *firmware;		/* directory of a firmware tree, or NULL */
	/* modules (fnmatch patterns) to pack, with all that they need, want and request; NULL or
	 * empty: all */
	const struct mf_strings *only;
	/* likewise the modules for the machines of lists, besides those of ONLY; NULL: no lists */
	const struct mf_lists *subset;
	/*
	 * The trees have the drivers of this source and are no kernels: only they are packed, what they
	 * import is looked up in the symvers of the kernel, and their list is beside that of the kernel.
	 * Letters, digits and any of "_+.-"; NULL: the trees are kernels.
	 */
	const char *drivers;
	const char *spec_only; /* write specs into this directory and build nothing; or NULL */
	bool build_only;       /* build the packages into OUTPUT/<arch>/ and publish nothing */

	/* about one kernel: refused with more than one tree. NULL: detected */
	const char *flavor;
	const char *symvers, *image, *system_map, *config;
	const char *version, *release;

	const char *key, *cert; /* PEM files to sign repomd.xml with CMS; both or none */
	const char *gpg_key;	/* OpenPGP key to sign repomd.xml with too; or NULL */
	const char *identity; /* identity in the metadata; NULL: the published one, or a new one */
	const char *updateinfo; /* an updateinfo.xml to publish; NULL: the published one, if any */
	unsigned int jobs;	/* threads and parallel rpmbuilds; 0: the number of processors */
	bool incremental; /* reuse packages of the repository that would be built identically */
	bool share; /* let packages of other kernels serve for modules that do the same; one tree */

	mf_pack_progress *progress; /* or NULL */
	void *progress_arg;
};

/* The parts of a primary.xml, for the statistics of its size. */
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
	MF_PACK_STEP_READ,    /* reading every module, with its digest */
	MF_PACK_STEP_RELATE,  /* dependencies, package texts, fingerprints */
	MF_PACK_STEP_BUILD,   /* rpmbuild */
	MF_PACK_STEP_PUBLISH, /* createrepo_c, signatures, the exchange of the metadata */
	MF_PACK_N_STEPS,
};

struct mf_pack_pattern {
	char *name;
	size_t members; /* by its rules */
	size_t closed;	/* members and the modules they need */
	uint64_t size;	/* installed size of these in bytes */
};

struct mf_pack_result {
	size_t modules;		 /* .ko files found */
	size_t modules_signed;	 /* packed modules that carry a signature */
	size_t packages;	 /* of this run's kernels: built, reused or written as specs */
	struct mf_strings built; /* with build_only: the packages, below OUTPUT */
	size_t reused;
	size_t shared; /* modules that packages of other kernels serve */
	size_t in_repository;
	size_t firmware_missing; /* firmware files that modules name and the firmware tree lacks */
	size_t problems;	 /* problems reported; if any, the run ends with -MFE_PACK */
	uint64_t rpm_bytes;
	uint64_t primary_packed, primary_bytes; /* bytes of primary.xml, compressed and inflated */
	uint64_t shares[MF_PACK_N_SHARES];
	uint64_t step_us[MF_PACK_N_STEPS];
	struct mf_pack_pattern *patterns;
	size_t n_patterns;
};

/*
 * Makes or updates the repository. 0; -MFE_PACK if some modules or files cannot be packed: each is
 * reported in a line of its own, and the rest is published; -MFE_USAGE, -MFE_TOOL, -MFE_LOCKED
 * (another run of modfetch pack works on REPO) or -errno, recorded, if nothing is published. With 0
 * and -MFE_PACK, RET_RESULT is filled, and the caller passes it to mf_pack_result_done().
 */
int mf_pack(struct mf_context *ctx, const struct mf_pack_options *options,
	    struct mf_pack_result *ret_result);
/* VERSION with each byte that rpm does not take in one replaced; the caller's. NULL: no memory. */
char *mf_pack_version(const char *version);
void mf_pack_result_done(struct mf_pack_result *result);

/*
 * The name of the file of a type ("primary") in a repodata directory, from its repomd.xml; new memory.
 * NULL: there is none, or no memory.
 */
char *mf_pack_metadata_find(int repodata_fd, const char *type);

#endif
