/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PREFETCHED_H
#define MODFETCH_PREFETCHED_H
/*
 * The packages that were fetched before a device needs them (modfetch/prefetch.h). They lie in the directory of
 * the kept packages (modfetch/kept.h) and have a list of their own, so that nothing takes a package that
 * was never installed for a version to go back to. An entry has the kernels that it is for and the words
 * of prefetch= that it came for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/kept.h"

/* As mf_kept_read(), for this list. */
int mf_prefetched_read(struct mf_context *ctx, struct mf_kept *ret_kept);
/* Is an entry for KERNEL, a release? */
bool mf_prefetched_is_for(const struct mf_kept_package *package, const char *kernel);

/* A package of the current plan; all borrowed. */
struct mf_prefetched_new {
	int fd; /* the sealed file, which was verified; -1: its file is in the directory already, or
		   the package is left out */
	const char *name, *label, *repo;
	const char *words; /* with commas */
	const uint8_t *sha256;
	uint64_t size; /* bytes */
};
/*
 * Adds N packages for KERNEL, and writes their files. Names that can be no file name are left out. All of
 * it is on the disk at the end. Only with the lock held. 0 or -errno, recorded: then the list is as it was.
 */
int mf_prefetched_add(struct mf_context *ctx, const char *kernel,
		      const struct mf_prefetched_new *packages, size_t n);
/*
 * Drops what is for KERNEL and not among these N packages, and what is for kernels that are not installed.
 * If all together have more than settings.prefetch_size bytes, packages of other kernels go too. Only with
 * the lock held. RET_DROPPED: how many entries went. 0 or -errno, recorded.
 */
int mf_prefetched_settle(struct mf_context *ctx, const char *kernel,
			 const struct mf_prefetched_new *packages, size_t n, size_t *ret_dropped);
/* Drops the packages that are for this kernel only. Only with the lock held. 0 or -errno, recorded. */
int mf_prefetched_drop_kernel(struct mf_context *ctx, const char *kernel);
/* Drops all. Only with the lock held. RET_DROPPED as above. 0 or -errno, recorded. */
int mf_prefetched_clear(struct mf_context *ctx, size_t *ret_dropped);

#endif
