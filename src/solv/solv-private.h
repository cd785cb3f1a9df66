/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_SOLV_PRIVATE_H
#define LIB_SOLV_PRIVATE_H
/*
 * What the two halves of libsolv's adapter share; the one file that includes it. solv.c fills a
 * pool and answers what is in it, solve.c makes plans of it.
 */
#include <solv/evr.h>
#include <solv/pool.h>
#include <solv/poolarch.h>
#include <solv/problems.h>
#include <solv/repo.h>
#include <solv/repo_repomdxml.h>
#include <solv/repo_rpmdb.h>
#include <solv/repo_rpmmd.h>
#include <solv/repo_solv.h>
#include <solv/repo_updateinfoxml.h>
#include <solv/repo_write.h>
#include <solv/solver.h>
#include <stdint.h>
#include "modfetch/solv.h"

/* A key of our own: libsolv keeps its own kind in pages that it reads later, and wrongly where the
 * file was opened by descriptor. */
#define DESCRIPTION "modfetch:description"
/* What a cache calls suggests: libsolv's own would count in its choice between equal packages. */
#define SUGGESTS "modfetch:suggests"

/* The digest of an installed package's header: which one it is, without reading it. */
#define HEADER_DIGEST "modfetch:header"

/*
 * What a cache ends in. libsolv trusts a .solv file as it trusts its own memory: one in which a
 * byte has changed is not to be given to it.
 */
struct mf_solv_end {
	char mark[24]; /* "modfetch packages end" */
	uint64_t hash; /* mf_hash() of all before, as this machine writes numbers */
};

void mf_solv_end_of(const void *buf, size_t len, struct mf_solv_end *ret_end);
int mf_solv_write_sealed(int fd, const char *text, size_t len);
/* A sealed file mapped into memory, LEN bytes before its end; NULL: it is not whole. */
char *mf_solv_map_sealed(int fd, size_t *ret_len);
void mf_solv_unmap(char *map, size_t len);

/* ---- the form for planning: see solv-plan.c ---- */

/* Begins the name that stands for several exports of a package. */
#define BUNDLE "modfetch-exports("

/*
 * A provide as a hash: 40 bits of what stands before " = ", 24 of what stands after it, which are
 * zero where nothing does.
 */
typedef uint64_t mf_provide;
#define MF_PROVIDE_EVR 0xffffffU
/* Where in a hash table of SIZE, a power of two, it belongs: by what stands before " = ". */
#define MF_PROVIDE_SLOT(provide, size) ((uint32_t)((provide) >> 24) & ((size)-1))

/* What the file says of each package; its provides stand one after the other. */
struct mf_solv_list_package {
	uint32_t n_provides; /* that are not in the .solv file */
	uint32_t n_bundled;  /* of these, the first ones: what its bundle stands for */
};

struct mf_solv_list_foot {
	uint32_t n_packages, n_provides;
	uint32_t n_slots; /* a power of two, from 2 on */
	uint32_t zero;
};

/* A package list for planning that is in a pool. */
struct mf_solv_list {
	char *map; /* the file; the rest points into it */
	size_t len;
	const struct mf_solv_list_package *packages;
	const mf_provide *provides;
	const uint32_t *slots; /* hash table of what is bundled: places in provides, from 1 */
	uint32_t n_slots;
	uint32_t *starts;  /* of each package: the first of its provides; and the end */
	uint32_t *found;   /* of each package: how much of its bundle the holder at hand has */
	uint32_t *holders; /* of each provide: the last one that has it, where it is bundled */
	uint32_t last;	   /* package that was looked up */
	Id first;	   /* package, in the pool */
	uint32_t n;
};

struct mf_pool {
	Pool *pool;
	Repo *installed;
	Id system;
	void *rpm_state;     /* of repo_add_rpm_handle() */
	bool adds_installed; /* its repodata was begun */
	bool any_version;    /* mf_pool_allow_versions() */
	struct mf_solv_list *lists;
	size_t n_lists;
	struct mf_exports *exports;    /* solv-exports.c; NULL: not asked for yet */
	struct mf_pool_kernel *kernel; /* solv-kernels.c; NULL: all kernels count */
	Queue system_exports;	       /* what mf_pool_export() was given and is asked for */
};

/* "ksym(FLAVOR:NAME) = CRC", or "ksym(FLAVOR:NAME)" where the kernel has no CRCs. */
bool mf_solv_is_export(const Pool *pool, Id dep);
#define EXPORT "ksym("
/* EVR: NULL: none. */
mf_provide mf_solv_hash(const char *name, const char *evr);
/* Of one with "=", or without a relation. */
mf_provide mf_solv_hash_provide(const Pool *pool, Id dep);

/* Before providers are looked for: see solv-copies.c. Without memory it hides nothing. */
void mf_pool_hide_copies(struct mf_pool *pool);

/* How needs and exports of one list are bundled (solv-plan.c); PLACE is a package's place in it. */
struct mf_bundles;
/*
 * Of a list that is about to be written; IDS is borrowed. INSTALLED: they are all that is installed.
 * 0 or -ENOMEM.
 */
int mf_bundles_new(struct mf_pool *pool, const int *ids, size_t n, bool installed,
		   struct mf_bundles **ret_bundles);
void mf_bundles_free(struct mf_bundles *bundles);
static inline void mf_bundles_cleanup(struct mf_bundles **bundles)
{
	mf_bundles_free(*bundles);
}
/* Writes the list's .solv file and what stands after it to FD, sealed. 0 or -errno. */
int mf_bundles_write(const struct mf_bundles *bundles, const char *text, size_t len, int fd);
void mf_bundles_needs(const struct mf_bundles *bundles, size_t place, Queue *requires);
void mf_bundles_provides(const struct mf_bundles *bundles, size_t place, Queue *provides);

/* The system has all that a package of such a list provides; TO gets those that are asked for. */
void mf_exports_copy(struct mf_pool *pool, Id from, Queue *to);
/* Ends what the system exports: adds the bundles that it has to TO. */
void mf_exports_end_system(struct mf_pool *pool, Queue *to);
void mf_pool_kernel_free(struct mf_pool_kernel *kernel);
/* Adds jobs to JOBS that let packages for two kernels stay beside each other. */
void mf_solv_beside_jobs(const struct mf_pool *pool, Queue *jobs);

void mf_solv_list_done(struct mf_solv_list *list);
void mf_exports_free(struct mf_exports *exports);

/* A stream over a copy of FD from its start, so that closing it leaves FD alone. */
FILE *mf_solv_stream(int fd, const char *mode);
/* Adds a package's dependencies to Q; SUGGESTS are found under either name. */
void mf_solv_deps(Pool *pool, Id id, enum mf_dep_kind kind, Queue *q);
int mf_solv_origin(const struct mf_pool *pool, Id id);
Repo *mf_solv_new_repo(struct mf_pool *pool, int origin, int priority);
/* Reads a .solv file that was found whole. 0, -EBADMSG or -errno. */
int mf_solv_read(Repo *repo, int fd);

#endif
