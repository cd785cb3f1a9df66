/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PREFETCH_H
#define MODFETCH_PREFETCH_H
/*
 * Fetches packages before a device needs them, for a machine that will have no network then. The setting
 * prefetch= names them with words: a class of drivers ("network"), "hotplug", which is what could be
 * plugged into this machine, or the name of a module, a package or a pattern, or an alias. All functions
 * are about the context's kernel; the packages are listed in modfetch/prefetched.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* Words with a meaning of their own, in the order of the manual; NULL after the last. Static. */
const char *mf_prefetch_class(size_t i);

enum mf_prefetch_state {
	MF_PREFETCH_MISSING, /* it was not fetched: only a plan was made, or it failed */
	MF_PREFETCH_THERE,   /* its file was on this machine, intact */
	MF_PREFETCH_FETCHED, /* now */
};
/* "missing", "there" or "fetched", as in JSON; static. */
const char *mf_prefetch_state_name(enum mf_prefetch_state state);

struct mf_prefetch_package {
	char *name, *evr, *arch;
	char *label;   /* name-evr.arch */
	char *repo;    /* id */
	char *words;   /* that it is for, with commas */
	uint64_t size; /* bytes */
	uint8_t sha256[MF_SHA256_LEN];
	enum mf_prefetch_state state;
};

/* Zeroed: empty. */
struct mf_prefetch {
	struct mf_prefetch_package *v; /* by name */
	size_t n;
	uint64_t bytes;		/* of all of them */
	uint64_t fetched_bytes; /* and of those that were fetched */
	size_t n_fetched, n_missing;
	size_t n_drivers; /* modules that the packages were chosen for */
	struct mf_strings
		left_out; /* modules that do not fit into settings.prefetch_size, in order */
	struct mf_strings no_driver; /* words for which no repository has a driver */
	size_t dropped;		     /* entries of the list that are gone */
};
void mf_prefetch_done(struct mf_prefetch *prefetch);

/*
 * Brings what settings.prefetch names up to date: plans as for a device, fetches the packages that are
 * neither installed nor on this machine, verifies each as the pipeline does, and keeps it. Packages that
 * the plan does not have any more are dropped; without a word all are. What does not fit into
 * settings.prefetch_size is left out, in the order of the words and of the modules in each. Takes the lock
 * only to write. With PLAN_ONLY nothing is fetched and nothing changes.
 *
 * RET_PREFETCH is filled also on failure, as far as it came, and is for mf_prefetch_done(). Returns 0: packages
 * were fetched or dropped, or with PLAN_ONLY would be fetched; 1: all was so before; or a recorded
 * failure: -ENOSPC where the file system would become too full, one of mf_fetch() or mf_verify_package(): what
 * was fetched before it is kept, and nothing is dropped.
 */
int mf_prefetch(struct mf_context *ctx, bool plan_only, struct mf_prefetch *ret_prefetch);
/* Drops all prefetched packages, for all kernels. RET_DROPPED: how many. 0 or a recorded failure. */
int mf_prefetch_remove(struct mf_context *ctx, size_t *ret_dropped);

/* What is there for one kernel. */
struct mf_prefetch_kernel {
	char *kernel; /* its release */
	size_t packages;
	uint64_t bytes;
	long day; /* since 1970: when the oldest of them was found to be up to date */
	struct mf_strings words; /* sorted */
};
/* Zeroed: nothing. */
struct mf_prefetch_coverage {
	struct mf_prefetch_kernel *v;
	size_t n, room;
};
/*
 * Reads what is prefetched; nothing for a user who cannot read the list. The caller passes the result to
 * mf_prefetch_coverage_done(). 0 or -errno, recorded.
 */
int mf_prefetch_coverage_read(struct mf_context *ctx, struct mf_prefetch_coverage *ret_coverage);
void mf_prefetch_coverage_done(struct mf_prefetch_coverage *coverage);

#endif
