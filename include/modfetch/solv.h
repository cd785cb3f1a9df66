/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLV_H
#define MODFETCH_SOLV_H
/*
 * What modfetch asks of libsolv: a pool of packages, its providers, and a plan without
 * contradictions. A package is identified by an id (> 0) that is valid as long as the pool. Metadata
 * given to it has been verified before. libsolv ends the program when memory runs out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/crypto.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"

/* Where a package of the pool comes from: the number given when it was added, or one of these. */
#define MF_POOL_INSTALLED (-1) /* the rpm database */
#define MF_POOL_SYSTEM	  (-2) /* the solvable that stands for what no package owns */

struct mf_pool;

/* MACHINE as uname -m says it; NULL: packages for any machine count as providers. 0 or -ENOMEM. */
int mf_pool_new(const char *machine, struct mf_pool **ret_pool);
void mf_pool_free(struct mf_pool *pool);

/* ---- repomd.xml ---- */

/* A metadata file that repomd.xml names. */
struct mf_repomd_file {
	char *location;		       /* below the repository, unchecked; NULL: no such file */
	bool has_sha256;	       /* else SHA256 has no meaning */
	uint8_t sha256[MF_SHA256_LEN]; /* of the file as it lies there */
	uint64_t size;		       /* bytes of it; 0: not said */
};

struct mf_repomd {
	struct mf_repomd_file primary;	  /* always with a SHA-256 */
	struct mf_repomd_file updateinfo; /* advisories */
	struct mf_repomd_file filelists;  /* all files of the packages */
	char revision[64];
	char *identity; /* which repository it says it is, see mf_repomd_parse(), or NULL */
};

/*
 * Parses repomd.xml from a descriptor. Which repository it is, the first kind of its <tags> says
 * (the first that it has): <repo>, <distro> (its cpeid, or its text), <content>; several of a kind with a
 * blank between them. 0, or -EBADMSG where it names no primary with a SHA-256.
 */
int mf_repomd_parse(int fd, struct mf_repomd *ret_repomd);
void mf_repomd_done(struct mf_repomd *repomd);

/* ---- updateinfo.xml ---- */

/* A package that an advisory names. The strings live until the visitor returns. */
struct mf_updateinfo {
	const char *id;	      /* of the advisory */
	const char *type;     /* "security", "bugfix", …; NULL or empty: not said */
	const char *severity; /* "Important", …; NULL or empty: not said */
	const char *name, *evr, *arch;
};
/* A non-zero return ends the walk. */
typedef int mf_updateinfo_visit(void *arg, const struct mf_updateinfo *entry);
/*
 * Parses an inflated updateinfo.xml from a descriptor and visits the packages of its advisories, one
 * advisory after the other; one that was retracted is left out. 0, the visitor's return, -EBADMSG
 * (nothing was visited) or another -errno.
 */
int mf_updateinfo_parse(int fd, mf_updateinfo_visit *visit, void *arg);

/* ---- filling the pool ---- */

/* Inflated primary.xml. 0 or -EBADMSG. */
int mf_pool_add_primary(struct mf_pool *pool, int fd, int origin);
/*
 * Adds an inflated filelists.xml to the packages of ORIGIN, which mf_pool_add_primary() has added: a
 * file that another package of the pool needs becomes a provide of its owner. 0 or -EBADMSG.
 */
int mf_pool_add_filelists(struct mf_pool *pool, int fd, int origin);
/* A cache file mf_pool_write() wrote. PRIORITY: lower wins, as in a .repo file. 0 or -EBADMSG. */
int mf_pool_add_cache(struct mf_pool *pool, int fd, int origin, int priority);
/*
 * A file that mf_pool_write_plan() wrote; it must stay as it is as long as the pool. Plans over such
 * a pool are those over the whole lists, if it settles. 0, -EBADMSG or -ENOMEM.
 */
int mf_pool_add_plan(struct mf_pool *pool, int fd, int origin, int priority);
/* Another priority for all that was added with ORIGIN. */
void mf_pool_set_priority(struct mf_pool *pool, int origin, int priority);
/* Removes the packages of ORIGIN for which TEST is true from a pool of whole lists, before it is ready. */
typedef bool mf_pool_test(void *arg, int id);
void mf_pool_drop(struct mf_pool *pool, int origin, mf_pool_test *test, void *arg);
/*
 * An installed package, a librpm Header as mf_rpm_each_installed() hands it out. RET_ID: its id. 0 or
 * -EBADMSG.
 */
int mf_pool_add_installed(struct mf_pool *pool, void *header, int *ret_id);

/* A package file that is in no list of a repository. */
struct mf_pool_file {
	const char *name; /* becomes the location */
	uint64_t size;	  /* bytes */
	uint8_t sha256[MF_SHA256_LEN];
};
/*
 * Adds the package of FILE with its librpm Header to the packages of ORIGIN, before the pool is
 * ready; only to a pool of whole lists. 0 or -EBADMSG.
 */
int mf_pool_add_header(struct mf_pool *pool, void *header, int origin,
		       const struct mf_pool_file *file);
/* The same with the names of its files, see mf_pool_each_file(). */
int mf_pool_add_header_with_files(struct mf_pool *pool, void *header, int origin,
				  const struct mf_pool_file *file);
/* Notes the digest of a package's header (hex SHA-1), which mf_pool_write() writes. */
void mf_pool_set_header_digest(struct mf_pool *pool, int id, const char *digest);
/*
 * The digest that was noted, or read from a cache file; valid until the next question. NULL: none, or
 * the package comes from a list for planning.
 */
const char *mf_pool_header_digest(struct mf_pool *pool, int id);
/* Takes an installed package out of a pool that is not ready yet. */
void mf_pool_forget_installed(struct mf_pool *pool, int id);
/* Notes that an installed package has files in the module directory of KERNEL, a release. */
void mf_pool_mark_kernel(struct mf_pool *pool, int id, const char *kernel);

/* A cache file of installed packages, written by mf_pool_write(). 0, or -EBADMSG: nothing was
 * added.
 */
int mf_pool_add_installed_cache(struct mf_pool *pool, int fd);
/*
 * The same for a file that mf_pool_write_installed_plan() wrote, which must stay as it is as long as
 * the pool. Plans that remove nothing are those over the whole list, if the pool settles. 0, or
 * -EBADMSG or -ENOMEM: nothing was added.
 */
int mf_pool_add_installed_plan(struct mf_pool *pool, int fd);

/*
 * Does the index of the kernel have MODULE as a link into the directory of another one?
 * RET_RELEASE: the release of that one.
 */
typedef bool mf_pool_link(void *arg, const char *module, char ret_release[MF_RELEASE_MAX]);
/*
 * To be called before the first mf_pool_export(), once all lists and what is installed are added:
 * the pool answers for this kernel. Installed packages of other kernels are taken out of it; those
 * that a plan could replace or contradict keep their names and nothing else. KEEP_OTHERS: all of
 * them stay as they are, and are only known by mf_pool_is_of_other(). 0 or -ENOMEM.
 */
int mf_pool_set_kernel(struct mf_pool *pool, const struct mf_release *release, bool keep_others,
		       mf_pool_link *link, void *arg);
/* Does a provide of PACKAGE say which kernel it belongs to, or that it stays beside others? */
bool mf_pool_is_kernel_mark(const char *provide, const char *package);
/*
 * Is the provide the mark that mf_pool_mark_kernel() adds? RET_LEN: of the release. Borrowed, or
 * NULL.
 */
const char *mf_pool_marked_kernel(const char *provide, size_t *ret_len);
/* Is it an installed package of another kernel, see mf_pool_set_kernel()? */
bool mf_pool_is_of_other(const struct mf_pool *pool, int id);
/*
 * An installed package of another kernel: what the pool still knows of it after
 * mf_pool_set_kernel(). Strings live as long as the pool.
 */
struct mf_other_package {
	const char *name, *evr, *arch;
	const struct mf_strings *modules; /* that it says it provides, as kmod spells them */
};
typedef int mf_pool_other_visit(void *arg, const struct mf_other_package *package);
/* Visits each of them. The visitor's return that is not 0, 0, or -ENOMEM. */
int mf_pool_each_other(const struct mf_pool *pool, mf_pool_other_visit *visit, void *arg);
/*
 * The packages of repositories that are installed for another kernel, so that to install them again
 * would change nothing. RET_IDS is the caller's. 0 or -ENOMEM.
 */
int mf_pool_elsewhere(const struct mf_pool *pool, int **ret_ids, size_t *ret_n);
/* Was a package built for this very kernel? False without mf_pool_set_kernel(). */
bool mf_pool_is_built_for(const struct mf_pool *pool, int id);
/*
 * For a pool that is ready: the packages that were built for another kernel while the same or a
 * better repository has one of that name for this kernel. RET_IDS is the caller's. 0 or -ENOMEM.
 */
int mf_pool_other_builds(struct mf_pool *pool, int **ret_ids, size_t *ret_n);

/*
 * To be called before mf_pool_add_system(), once all lists and what is installed are added: the
 * system exports NAME ("ksym(FLAVOR:printk)") with that CRC, or NULL. It is forgotten unless a
 * package speaks of it, so that a kernel's twenty thousand cost no memory.
 */
void mf_pool_export(struct mf_pool *pool, const char *name, const char *crc);

struct mf_dep {
	const char *name;
	const char *evr; /* NULL: any */
};
/*
 * The solvable that stands for the kernel and modules no package owns: it provides DEPS, what
 * mf_pool_export() was given, and all that the packages COPY_IDS provide, but for names that begin
 * with SKIP (NULL: nothing is left out; or "ksym("). Counts as installed and cannot be removed. One
 * a pool.
 */
int mf_pool_add_system(struct mf_pool *pool, const struct mf_dep *deps, size_t n_deps,
		       const int *copy_ids, size_t n_copy, const char *skip);
/*
 * Does any package of the pool speak of a name that begins with OPEN and has no ':' after that? For
 * callers that would otherwise ask thousands of times.
 */
bool mf_pool_knows_form(const struct mf_pool *pool, const char *open);
/*
 * Before the pool is ready, unlike mf_pool_providers(): visits the packages of ORIGIN with that name,
 * and those that provide any name that begins with OPEN. The visitor's return that is not 0, or 0.
 */
typedef int mf_pool_visit(void *arg, int id);
int mf_pool_each_named(struct mf_pool *pool, int origin, const char *name, mf_pool_visit *visit,
		       void *arg);
int mf_pool_each_form(struct mf_pool *pool, int origin, const char *open, mf_pool_visit *visit,
		      void *arg);

/*
 * Visits each name that any package of the pool provides or asks for and that begins with OPEN, in no
 * order. The visitor's return that is not 0, or 0.
 */
typedef int mf_pool_name_visit(void *arg, const char *name);
int mf_pool_each_name(struct mf_pool *pool, const char *open, mf_pool_name_visit *visit, void *arg);

/*
 * Visits the paths of a package's files, as far as primary.xml and filelists.xml say them; a path lives
 * until the visitor returns. The visitor's return that is not 0, or 0.
 */
int mf_pool_each_file(struct mf_pool *pool, int id, mf_pool_name_visit *visit, void *arg);
/* Adds a provide without a version to a package, unless it has it. The pool is ready again after
 * mf_pool_ready(). */
void mf_pool_add_provide(struct mf_pool *pool, int id, const char *name);
/*
 * The name of the source package of a package that mf_pool_add_primary() has added; lives as long as
 * the pool. NULL: it is not said.
 */
const char *mf_pool_source(struct mf_pool *pool, int id);

/*
 * Names of a pool that the caller has numbered, from 1 on: of thousands of provides it gets those that
 * matter to it, and need not look at names again. Valid until a package is added.
 */
struct mf_numbered;
/* The number of a name; 0: it does not matter. */
typedef uint32_t mf_number_name(void *arg, const char *name);
/* Numbers the names that begin with OPEN. 0 or -ENOMEM. */
int mf_numbered_new(struct mf_pool *pool, const char *open, mf_number_name *number, void *arg,
		    struct mf_numbered **ret_numbered);
void mf_numbered_free(struct mf_numbered *numbered);
/* Visits each provide of the packages of ORIGIN whose name has a number. Returns as above. */
typedef int mf_numbered_visit(void *arg, int id, uint32_t number);
int mf_numbered_each(const struct mf_numbered *numbered, int origin, mf_numbered_visit *visit,
		     void *arg);
/*
 * To be called between mf_pool_add_system() and mf_pool_ready(): gives the packages of lists for
 * planning, what is installed and the system the exports that others ask for. False: hashes cannot
 * tell all of it, and the lists written whole must be used instead.
 */
bool mf_pool_settle(struct mf_pool *pool);
/*
 * To be called before mf_pool_ready(), if at all: what packages of the caches suggest counts as
 * recommended from now on.
 */
void mf_pool_promote_suggests(struct mf_pool *pool);
/* To be called once all is added and before anything below is asked. */
void mf_pool_ready(struct mf_pool *pool);

/*
 * Writes the packages IDS as a cache file: name, evr, arch, location, digest, sizes, summary and
 * dependencies, without supplements (the alias index has them) and without recommends and suggests
 * other than of drivers and firmware. 0 or -errno.
 */
int mf_pool_write(struct mf_pool *pool, const int *ids, size_t n, int fd);

/*
 * The same for planning: without texts for people, and with exports ("ksym(…)") as hashes that
 * mf_pool_settle() works with.
 */
int mf_pool_write_plan(struct mf_pool *pool, const int *ids, size_t n, int fd);
/*
 * The same where IDS are all that is installed, without what they need: only for plans that neither
 * remove nor replace any of them.
 */
int mf_pool_write_installed_plan(struct mf_pool *pool, const int *ids, size_t n, int fd);

/* ---- asking ---- */

struct mf_package { /* strings live as long as the pool */
	const char *name, *evr, *arch;
	const char *location; /* below the repository, unchecked; NULL for installed ones */
	const char *base;     /* xml:base: the URL that LOCATION is below, unchecked; or NULL */
	const char *summary;  /* or NULL */
	int origin;
	uint64_t size, install_size; /* bytes */
	bool has_sha256;
	uint8_t sha256[MF_SHA256_LEN];
};

/*
 * The program that runs a scriptlet of a package, "/bin/sh", as the metadata says it: a shell or the like
 * that the package needs while it is installed. NULL: none is known. Lives as long as the pool.
 */
const char *mf_pool_interpreter(const struct mf_pool *pool, int id);
/* Lives as long as the pool. */
const char *mf_pool_name(const struct mf_pool *pool, int id);
void mf_pool_package(struct mf_pool *pool, int id, struct mf_package *ret_package);
/* "name-evr.arch" of a package; the caller's to free. NULL: no memory. */
char *mf_package_label(const struct mf_package *package);
/* All ids that were added with ORIGIN; RET_IDS is the caller's to free. 0 or -ENOMEM. */
int mf_pool_list(struct mf_pool *pool, int origin, int **ret_ids, size_t *ret_n);
/* Who provides DEP ("kmod(igb.ko)", a package's name)? As mf_pool_list(). EVR as in struct mf_dep.
 */
int mf_pool_providers(struct mf_pool *pool, const char *dep, const char *evr, int **ret_ids,
		      size_t *ret_n);

enum mf_dep_kind {
	MF_PROVIDES,
	MF_REQUIRES,
	MF_RECOMMENDS,
	MF_SUGGESTS, /* a cache keeps those of drivers and firmware alone, as of recommends */
	MF_CONFLICTS,
	MF_OBSOLETES,
	MF_SUPPLEMENTS,
};
const char *mf_dep_kind_name(enum mf_dep_kind kind); /* "provides" */
/*
 * The dependencies of one package as text, "name = evr"; a supplement as "kernel-flavor:bus:…" or
 * "bus:…", the way it stood inside modalias(). A non-zero return of the visitor ends it.
 */
typedef int mf_dep_visit(void *arg, const char *name, const char *evr);
int mf_pool_deps(struct mf_pool *pool, int id, enum mf_dep_kind kind, mf_dep_visit *visit,
		 void *arg);

/* Compares versions as rpm does, of any two packages: below 0, 0, above 0. */
int mf_pool_compare(struct mf_pool *pool, int a, int b);
/* The same for two versions as text, "1:2.3-4". The pool need not be ready. */
int mf_pool_compare_evr(const struct mf_pool *pool, const char *a, const char *b);

/*
 * What a package of a pool says of itself to people, and who has what it needs. For a pool that is
 * ready.
 */

struct mf_text { /* strings live until the next question or as long as the pool; or NULL */
	const char *license, *description;
};
void mf_pool_text(struct mf_pool *pool, int id, struct mf_text *ret_text);

/*
 * Called for one dependency of a package, as libsolv writes it ("ksym(amd64:foo) = 1f2e"), and the N
 * packages that have it: none, or in the pool's order. A non-zero return ends it.
 */
typedef int mf_need_visit(void *arg, const char *need, const int *ids, size_t n);
/* KIND: any but MF_PROVIDES and MF_SUPPLEMENTS. 0, the visitor's return, or -ENOMEM. */
int mf_pool_needs(struct mf_pool *pool, int id, enum mf_dep_kind kind, mf_need_visit *visit,
		  void *arg);

#endif
