/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSPECT_INSPECTION_H
#define INSPECT_INSPECTION_H
/* The state of a check, and the questions that it asks. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/inspect.h"
#include "modfetch/links.h"
#include "modfetch/modinfo.h"
#include "modfetch/table.h"
#include "modfetch/verify.h"
#include "owned.h"

/* A module file that depmod can find. */
struct entry {
	const char *path; /* below the root, without /usr */
	const char *name; /* as kmod spells it */
	const char *
		target; /* the file that the path leads to, spelled likewise; NULL: itself, or unknown */
	struct owned *owned;	     /* of the file itself or of the target; NULL: nobody */
	bool link;		     /* the path is a link, or leads over one */
	bool external;		     /* outside of the tree: depmod.d names its directory */
	bool found;		     /* it has a finding */
	const char *depends;	     /* the field of that name, or NULL */
	const char *no_symbol;	     /* what the judge says of a symbol that nobody exports; NULL */
	const char *const *firmware; /* its firmware names */
	size_t n_firmware;
};

/* The content of an entry, during the questions about it. */
struct content {
	int code; /* why it could not be read, or 0 */
	struct stat st;
	char *buf;
	size_t len;
	uint8_t sha256[MF_SHA256_LEN];
	bool altered; /* differs from the checksum of its package */
	uint8_t md5[MF_MD5_LEN];
	int parsed; /* of mf_modinfo_parse() */
	struct mf_modinfo info;
};

/* What all kernels of the machine have in common. */
struct machine {
	struct mf_context *ctx;
	struct ownership ownership;
	struct mf_strings kernels; /* that are installed */
	struct mf_check *check;
	size_t findings_room;
	struct mf_table findings;      /* paths of findings */
	struct mf_links links;	       /* that modfetch made */
	struct mf_table targets;       /* of links of installed kernels */
	const struct owned_walk *walk; /* of mf_owned_each(), or NULL */
	struct mf_arena arena;
};

/* The check of one kernel. */
struct inspection {
	struct machine *machine;
	struct mf_context *ctx; /* for this kernel */
	struct mf_checked_kernel *kernel;
	char *directory;       /* "lib/modules/KVER/" */
	int fd;		       /* of it */
	struct entry *entries; /* sorted by path */
	size_t n_entries, room;
	struct mf_table by_path; /* to places in ENTRIES + 1; 0: only known */
	struct mf_table by_name; /* to places in ENTRIES: one of the files of that name */
	struct mf_table bad;	 /* names of modules that have a finding, or are missing */
	struct mf_module_verifier *verifier;
	struct mf_fit_kernel *fit;
	char *config;		 /* mf_kernel_config_read(), or NULL */
	bool stale;		 /* there is a finding about an index */
	struct indexes *indexes; /* as depmod would write them; NULL: it cannot */
	struct mf_arena arena;
};

/* ---- findings: findings.c ---- */

/* What a finding is about; members may be NULL. */
struct about {
	const char *path;
	const char *target;
	const struct owner *owner;
	const char *subject;
	enum mf_remedy remedy;
};
/*
 * Adds a finding, unless the path has one. IN may be NULL: about no kernel. 1: there is a finding
 * now, or there was; -ENOMEM.
 */
int inspect_find(struct machine *machine, const struct inspection *in, const struct about *about,
		 int code, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same about an entry, which is marked, and its name. */
int inspect_find_entry(struct inspection *in, struct entry *entry, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Remembers that a module needs no further finding. 0 or -ENOMEM. */
int inspect_excuse(struct inspection *in, const char *name);
bool inspect_is_excused(const struct inspection *in, const char *name);

/* ---- the entries: entries.c ---- */

/* Finds all module files of the kernel. 0, or -errno; findings about the tree are added. */
int inspect_read_entries(struct inspection *in);
/* Why the owner or mode of a file is not safe, or NULL. */
const char *inspect_mode_fault(const struct stat *st, const struct owned *owned);

/* ---- the questions: a file each ---- */

/* Each returns 1: there is a finding now; 0; or -errno, -ENOMEM. */
int inspect_compression(struct inspection *in, struct entry *entry, const struct content *content);

/* These are asked once for a kernel. 0 or -errno. */
int inspect_contents(struct inspection *in);	 /* contents.c: every file for itself */
int inspect_packages(struct inspection *in);	 /* packages.c: are files missing? */
int inspect_dependencies(struct inspection *in); /* dependencies.c */
int inspect_indexes(struct inspection *in);	 /* indexes.c */
int inspect_firmware(struct inspection *in);	 /* firmware.c */
int inspect_initrd(struct inspection *in);	 /* initrd-copies.c */

/* And this one for the machine. */
int inspect_gone_kernels(struct machine *machine); /* gone.c */

/*
 * The indexes as depmod would write them: made before the entries are read, which include the files
 * in them. Without memory or with modules in a cycle there are none, and a finding. 0 or -errno.
 */
int inspect_make_indexes(struct inspection *in);
void inspect_free_indexes(struct indexes *indexes);
/* Visits the paths of modules.dep, as it would be. */
typedef int inspect_path_visit(void *arg, const char *path, size_t len);
int inspect_each_path(const struct indexes *indexes, inspect_path_visit *visit, void *arg);
/* Would the index have a module of this name? */
bool inspect_index_has(const struct indexes *indexes, const char *name);

#endif
