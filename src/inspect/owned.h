/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSPECT_OWNED_H
#define INSPECT_OWNED_H
/* Which package or tool owns a file below /lib/modules or /lib/firmware. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/crypto.h"
#include "modfetch/inspect.h"
#include "modfetch/table.h"

/* A package, or a module source of dkms. */
struct owner {
	enum mf_owner kind;
	const char *label; /* as in a finding */
	const char *name;  /* of an rpm; else NULL */
	size_t modules;	   /* files of it that are modules by their names */
	size_t missing;	   /* of them, those that mf_check() found missing */
	size_t used;	   /* of them, those that an installed kernel has or links to */
};

struct owned {
	const char *path; /* "lib/…": below the root, without /usr */
	struct owner *owner;
	struct mf_checksum checksum; /* of an rpm */
	bool has_md5;		     /* of a package of dpkg */
	uint8_t md5[MF_MD5_LEN];
	uint32_t mode;	  /* type and permissions; 0: not known */
	const char *copy; /* path of dkms's own copy, which must be equal; or NULL */
	bool seen;	  /* its module was found in the tree of its kernel */
};

struct ownership {
	struct mf_arena arena;
	struct owned *files;
	size_t n, room;
	struct mf_table by_path; /* to places in FILES */
	/* "KVER/NAME.ko" of modules that dkms built for a kernel to places in FILES */
	struct mf_table by_build;
	struct mf_table diverted; /* paths that dpkg-divert gave to another package */
};

void owned_done(struct ownership *ownership);

/*
 * Add what one manager knows: a manager that is not there owns nothing. rpm comes first: of a path
 * with two owners the first one counts. 0, or a recorded failure.
 */
int owned_read_rpm(struct mf_context *ctx, struct ownership *ownership);
int owned_read_dpkg(struct mf_context *ctx, struct ownership *ownership);
int owned_read_dkms(struct mf_context *ctx, struct ownership *ownership);

/* The owner of the file PATH, below the root and without /usr; NULL: nobody. */
struct owned *owned_find(const struct ownership *ownership, const char *path);

/* The absolute PATH as it is spelled here: below the root, without /usr. */
const char *owned_path(const char *path);
/* Is it below lib/modules/ or lib/firmware/? */
bool owned_is_relevant(const char *path);
/* KVER of "lib/modules/KVER/…", with its length; NULL: another path. */
const char *owned_kernel(const char *path, size_t *ret_len);

/* New ones; the strings are copied. NULL: no memory. */
struct owner *owned_add_owner(struct ownership *ownership, enum mf_owner kind, const char *label);
/* The file, valid until the next one is added. A second owner of a path is ignored. */
struct owned *owned_add(struct ownership *ownership, struct owner *owner, const char *path);

/* Calls VISIT with each entry of a directory but "." and "..", until it returns non-zero. */
typedef int owned_entry_visit(void *arg, int dirfd, const char *name);
/* 0 (also if there is no such directory), the visitor's return, or -errno. */
int owned_each_entry(const struct mf_context *ctx, const char *directory, owned_entry_visit *visit,
		     void *arg);

#endif
