/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_SOLV_PARTS_H
#define LIB_SOLV_PARTS_H
/*
 * The form of a package list from which a few packages are taken; solv-parts-write.c writes it,
 * solv-parts.c reads it. Numbers as this machine writes them, one after the other:
 *
 *   struct mf_parts_head
 *   struct mf_parts_package  [n_packages]  in the order of the plan's list
 *   struct mf_parts_string   [n_strings]   0: none
 *   struct mf_parts_rel      [n_rels]      0: none
 *   uint32_t slots           [n_slots]     a power of two; a string that somebody has, by mf_hash()
 *   uint32_t words           [n_words]     lists: a count, and as many numbers; the first is empty
 *   char text                [n_text]      NUL-terminated; the last byte is NUL
 *   struct mf_solv_end
 *
 * A dependency is a string's number, or with MF_PARTS_REL that of a struct mf_parts_rel. Lists are
 * given as their place in words.
 */
#include "solv-private.h"

#define MF_PARTS_MARK	"modfetch parts 1"
#define MF_PARTS_REL	0x80000000U
#define MF_PARTS_FLAGS	7U
#define MF_PARTS_SYMBOL 8U

struct mf_parts_head {
	char mark[24];
	uint32_t n_packages, n_strings, n_rels, n_slots, n_words, n_text;
	uint32_t names;	  /* list: strings that are names of packages, ascending; empty where all
			   * packages of the repository are in this file */
	uint32_t image;	  /* the kernel's own package, from 1; 0: there is none */
	uint32_t exports; /* list: what the image provides and its record leaves out */
	uint32_t zero;
};

enum {
	PARTS_PROVIDES,
	PARTS_REQUIRES,
	PARTS_CONFLICTS,
	PARTS_OBSOLETES,
	PARTS_RECOMMENDS,
	N_PARTS
};

struct mf_parts_package {
	uint64_t size, install_size;
	uint8_t sha256[MF_SHA256_LEN];
	uint32_t has_sha256;
	uint32_t name, evr, arch, vendor; /* strings */
	uint32_t location;		  /* in text; 0: none */
	uint32_t deps[N_PARTS];		  /* lists */
	uint32_t zero;
};

struct mf_parts_string {
	uint32_t text;	 /* its place there */
	uint32_t owners; /* list: packages that provide or obsolete what begins with it */
};

struct mf_parts_rel {
	uint32_t name, evr; /* strings */
	uint32_t flags;	    /* libsolv's for <, =, >, and MF_PARTS_SYMBOL of a ksym() */
};

/* It is in the queue; it has something that others have too. */
enum { PART_QUEUED = 1, PART_RIVAL = 2 };

struct mf_parts {
	char *map;
	size_t len;
	const struct mf_parts_head *head;
	const struct mf_parts_package *packages;
	const struct mf_parts_string *strings;
	const struct mf_parts_rel *rels;
	const uint32_t *slots, *words;
	const char *text;
	Repo *repo;
	Id start;	     /* of the list's packages in the pool */
	Id *ids, *rel_ids;   /* in the pool, of what has one already */
	uint32_t *queue;     /* packages in the order they came up */
	uint32_t n;	     /* of the queue */
	uint32_t n_followed; /* of these, whose needs are in the queue too */
	uint32_t n_added;    /* and which are in the pool */
	uint8_t *marks;	     /* of packages: PART_… */
	bool *asked;	     /* strings of the list whose owners are queued */
	Map asked_names;     /* the same of the pool's strings */
	Map reached;	     /* packages of other lists that may be needed */
	bool others;	     /* the repository has packages in other lists */
	bool granted;	     /* the system has all that the image has */
	bool damaged;	     /* the file says what cannot be */
};

/* What stands there; empty, and the file said to be damaged, where nothing can. */
const char *mf_parts_text_at(struct mf_parts *parts, uint32_t at);
const uint32_t *mf_parts_list_at(struct mf_parts *parts, uint32_t at, uint32_t *ret_n);
/* The pool's number of a dependency of the file. */
Id mf_parts_dep_id(struct mf_parts *parts, uint32_t dep);

/* Of a pool to which parts were added; no other pool has such a package. */
bool mf_solv_is_part(const struct mf_pool *pool, Id id);
void mf_parts_package(const struct mf_pool *pool, Id id, struct mf_package *package);
/* What the image exports and the pool speaks of, but for names that begin with SKIP. */
void mf_parts_copy_exports(struct mf_pool *pool, const char *skip, Queue *to);
/* Is all that the image exports in HERE, a map of relations? */
bool mf_parts_are_here(const struct mf_pool *pool, const Map *here);
void mf_parts_free(struct mf_parts *parts);

/* Marks the strings that dependencies begin with; a list as a Solvable has it. */
void mf_solv_note_deps(const Solvable *s, Offset deps, Map *names);
/* Does one of them begin with a marked string? */
bool mf_solv_has_noted(const Solvable *s, Offset deps, const Map *names);
/* Could a plan change what is installed, given the packages that may be in it? */
bool mf_parts_touch(struct mf_pool *pool);

#endif
