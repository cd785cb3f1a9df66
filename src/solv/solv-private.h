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
#include <solv/repo_write.h>
#include <solv/solver.h>
#include <stdint.h>
#include "modfetch/solv.h"

/* A key of our own: libsolv keeps its own kind in pages that it reads later, and wrongly where the
 * file was opened by descriptor. */
#define DESCRIPTION "modfetch:description"
/* What a cache calls suggests: libsolv's own would count in its choice between equal packages. */
#define SUGGESTS "modfetch:suggests"

/*
 * What a cache ends in. libsolv trusts a .solv file as it trusts its own memory: one in which a
 * byte has changed is not to be given to it.
 */
struct mf_solv_end {
	char mark[24]; /* "modfetch packages end" */
	uint64_t hash; /* mf_hash() of all before, as this machine writes numbers */
};

int mf_solv_write_sealed(int fd, const char *text, size_t len);
/* A sealed file as it lies in memory, LEN bytes before its end; NULL: it is not whole. */
char *mf_solv_map_sealed(int fd, size_t *ret_len);
void mf_solv_unmap(char *map, size_t len);
void mf_solv_end_of(const void *buf, size_t len, struct mf_solv_end *ret_end);
/* Begins the word that stands for all exports of a kernel's image. */
#define BUNDLE "modfetch-exports("

struct mf_pool {
	Pool *pool;
	Repo *installed;
	Id system;
	void *rpm_state; /* of repo_add_rpm_handle() */
	struct mf_parts *parts;
};

/* A stream over a copy of FD from its start, so that closing it leaves FD alone. */
FILE *mf_solv_stream(int fd, const char *mode);
/* Adds a package's dependencies to Q; SUGGESTS are found under either name. */
void mf_solv_deps(Pool *pool, Id id, enum mf_dep_kind kind, Queue *q);
int mf_solv_origin(const struct mf_pool *pool, Id id);
Repo *mf_solv_new_repo(struct mf_pool *pool, int origin, int priority);
/* The word that stands for its exports, of an image; 0: it is none. */
Id mf_solv_word_of(Pool *pool, const Solvable *s);

#endif
