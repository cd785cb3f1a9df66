/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PACK_MODEL_H
#define PACK_MODEL_H
/*
 * What the files of src/pack/ pass to each other: kernels with their modules (read by tree.c,
 * related by deps.c), then packages (made by kmp.c, image.c, pattern.c, firmware.c), then the files
 * of a repository (build.c, publish.c). Everything hangs off one struct pack; there is no other
 * state.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "modfetch/compression.h"
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/pack.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

struct pack;
struct pack_entry;
struct pack_firmware;

/* ---- map.c: names to numbers ---- */

struct pack_map {
	struct mf_table table;
};

#define PACK_NONE SIZE_MAX

/* Sets KEY (borrowed) to VALUE (below 2^32), replacing an older value. 0 or -ENOMEM. */
int pack_map_set(struct pack_map *map, const char *key, size_t value);
/* The value of KEY, or PACK_NONE. */
size_t pack_map_get(const struct pack_map *map, const char *key);
void pack_map_done(struct pack_map *map);

/* A list of numbers that grows. */
struct pack_list {
	size_t *v;
	size_t n, room;
};

/* Appends VALUE. 0 or -ENOMEM. */
int pack_list_add(struct pack_list *list, size_t value);
/* Sorts the list and removes duplicates. */
void pack_list_unique(struct pack_list *list);
/* Is VALUE in the list? The list must be sorted. */
bool pack_list_has(const struct pack_list *list, size_t value);
void pack_list_done(struct pack_list *list);

/* ---- module.c: one module ---- */

struct pack_symbol {
	const char *name;
	uint32_t crc;
	bool has_crc;
	bool weak;
};

/* The fields of .modinfo that a module may have several times; their keys are in module.c. */
enum pack_field {
	PACK_ALIAS,
	PACK_SOFTDEP,
	PACK_WEAKDEP,
	PACK_FIRMWARE,
	PACK_N_FIELDS,
};

struct pack_module {
	char *path;	/* below the tree: kernel/drivers/… */
	char name[128]; /* '-' turned into '_' */
	char *arena;	/* holds every string below */
	uint64_t size;	/* of the file */
	int64_t mtime;
	uint8_t digest[MF_SHA256_LEN]; /* of the file, as it is on disk */
	uint8_t code[MF_SHA256_LEN];   /* of what it does, see mf_module_code() */
	uint8_t signer[MF_SHA256_LEN]; /* of who signed it, likewise */
	bool has_btf, has_btf_ids;
	struct mf_compression compression;
	int error; /* the code if it cannot be read or packed; it is then in no package */
	const char *description, *license, *version, *vermagic; /* NULL: not in .modinfo */
	bool intree, has_versions, is_signed;
	const char *arch; /* rpm's name of the machine it is built for; NULL: rpm has none */
	struct pack_symbol *exports, *imports;
	size_t n_exports, n_imports;
	const char **fields[PACK_N_FIELDS];
	size_t n_fields[PACK_N_FIELDS];
	/*
	 * strings of its read-only data that may be requests; empty if it calls no function that
	 * requests modules
	 */
	struct mf_strings strings;
	/* deps.c: modules of the same kernel, as places in its list */
	struct pack_list needs; /* direct hard dependencies: exporters of the symbols it imports */
	struct pack_list wants; /* softdeps, weakdeps and exporters of weak symbols */
	/* requests.c: modules it asks the kernel to load while it runs */
	struct pack_list requests;    /* it cannot work without them */
	struct pack_list may_request; /* it asks for them in some configurations only */
	/* "symbol:NAME" for its exports without a CRC that another module requests so */
	struct mf_strings requested_symbols;
	bool picked; /* selected to be packed */
	/* share.c */
	char share_key[MF_SHA256_HEX]; /* equal keys: one can serve for the other; "": none can */
	struct pack_entry *served_by;  /* the package of another kernel that has it; or NULL */
	struct mf_strings also; /* names of packages of other kernels that its own stands for */
	size_t package;		/* number of its package in the pack */
};

/*
 * Reads the file module->path below TREE_FD into a module that is zeroed but for its path. The code
 * of a failure is stored in module->error.
 */
void pack_module_read(int tree_fd, struct pack_module *module);
void pack_module_done(struct pack_module *module);

/* ---- kernel.c, exports.c, tree.c: a kernel ---- */

enum pack_part { /* files of the kernel-image package that are outside the tree */
		 PACK_IMAGE,
		 PACK_SYSTEM_MAP,
		 PACK_CONFIG,
		 PACK_SYMVERS,
		 PACK_N_PARTS,
};

struct pack_kernel {
	char *tree; /* path of lib/modules/KVER */
	int tree_fd;
	char *install_dir; /* where packages install it: {,/usr}/lib/modules/KVER */
	struct mf_release release;
	char *version, *revision;	   /* of the packages of in-tree drivers and of the image */
	char *parts[PACK_N_PARTS];	   /* paths; NULL: not found */
	struct mf_strings builtins;	   /* names of modules.builtin, normalised, sorted */
	struct mf_strings builtin_aliases; /* of modules.builtin.modinfo, normalised, sorted */
	struct mf_strings extras;	   /* modules.builtin*, modules.order below the tree */
	struct pack_symbol *vmlinux;	   /* the exports of vmlinux; the names are owned */
	size_t n_vmlinux;
	struct pack_module *modules; /* sorted by path */
	size_t n_modules;
	const char *arch;      /* of the majority of modules */
	struct pack_map names; /* module names to their numbers */
};

/*
 * Opens a tree and finds the files of its kernel. 0 or a recorded error; the caller calls
 * pack_kernel_done() in either case.
 */
int pack_kernel_open(struct pack *pack, const char *tree, struct pack_kernel *ret_kernel);
void pack_kernel_done(struct pack_kernel *kernel);
/*
 * Reads the exports of vmlinux from parts[PACK_SYMVERS], or derives them from the imports of its
 * modules. 0 or a recorded error.
 */
int pack_exports_read(struct pack *pack, struct pack_kernel *kernel);
void pack_exports_done(struct pack_kernel *kernel);
/* Finds and reads every module of the tree, and reports each problem. 0 or a recorded error. */
int pack_tree_read(struct pack *pack, struct pack_kernel *kernel);

/* ---- names.c: the modules that a name or alias means in a kernel ---- */

struct pack_names {
	const struct pack_kernel *kernel;
	struct pack_name *v; /* names and aliases of all modules */
	size_t n;
	char *arena;		 /* the text of all entries */
	struct pack_map exact;	 /* entries without wildcards: each text to its first entry */
	struct pack_list wild;	 /* entries with wildcards */
	struct pack_map symbols; /* each symbol to the module that exports it */
};

int pack_names_init(struct pack_names *names, const struct pack_kernel *kernel);
void pack_names_done(struct pack_names *names);
/*
 * Adds the modules that modprobe would load for WORD, by the rules of libkmod: the module of that
 * name, else the exporter ("symbol:NAME"), else all modules with a matching alias. A word that
 * means only a built-in module adds none. 0 or -ENOMEM.
 */
int pack_names_lookup(const struct pack_names *names, const char *word, struct pack_list *list);
/*
 * Adds the modules that a request of the kernel for WORD loads. As above, except that a name or
 * alias of a built-in module adds none, and that aliases with wildcards are ignored. 0 or -ENOMEM.
 */
int pack_names_request(const struct pack_names *names, const char *word, struct pack_list *list);
/* Adds the modules with a normalised name or alias for which FITS returns true. 0 or -ENOMEM. */
int pack_names_fitting(const struct pack_names *names, const char *pattern,
		       bool fits(const char *pattern, const char *name), struct pack_list *list);
/* Copies LEN bytes of WORD, with '-' replaced by '_' except in brackets. False: it does not fit. */
bool pack_name_normalise(const char *word, size_t len, char *ret_name, size_t size);

/* ---- requests.c: the modules that a module requests while it runs ---- */

struct mf_modinfo;
/*
 * Copies the candidate strings of a module that calls a function which requests modules. 0 or a
 * negative code.
 */
int pack_requests_read(struct pack_module *module, const struct mf_modinfo *info);
/* Fills requests and may_request of module M; its needs and wants are known. 0 or -ENOMEM. */
int pack_requests_relate(const struct pack_names *names, struct pack_kernel *kernel, size_t m);
/*
 * Can the printf format produce NAME? "%s" stands for one or more bytes; a '?' of an alias stands
 * for a digit.
 */
bool pack_requests_format_fits(const char *format, const char *name);

/* ---- deps.c ---- */

/* Fills the needs, wants and requests of all modules. 0 or a recorded error. */
int pack_deps(struct pack *pack, struct pack_kernel *kernel);
/*
 * Picks the modules named in the options, and all that these need, want and request; all modules if
 * none is named. 0 or a recorded error.
 */
int pack_deps_pick(struct pack *pack, struct pack_kernel *kernel);

/* ---- subset.c ---- */

/*
 * Adds the modules for the devices and names of the lists in the options, some of them more than once. 0;
 * -MFE_NOT_FOUND: there is none; or -ENOMEM, recorded.
 */
int pack_subset_pick(struct pack *pack, const struct pack_kernel *kernel,
		     struct pack_list *ret_named);

/* ---- closure.c ---- */

/*
 * The modules of START and all they need, with WANTS_TOO also all they want and request; sorted. 0
 * or -ENOMEM.
 */
int pack_closure(const struct pack_kernel *kernel, const struct pack_list *start, bool wants_too,
		 struct pack_list *ret_closure);

/* ---- packages ---- */

enum pack_kind { PACK_KIND_MODULE, PACK_KIND_IMAGE, PACK_KIND_PATTERN, PACK_KIND_FIRMWARE };

struct pack_file {
	char *base;		 /* directory on this machine that holds it */
	char *source;		 /* path below BASE */
	char *target;		 /* absolute path where it is installed */
	char hex[MF_SHA256_HEX]; /* digest of its content */
	bool gzip;		 /* compressed when the package is built */
};

struct pack_package {
	enum pack_kind kind;
	const struct pack_kernel *kernel; /* NULL: for no single kernel */
	char *name, *version, *revision, *summary, *license, *description;
	const char *arch;
	char *relations; /* lines of the spec, with '%' doubled */
	struct pack_file *files;
	size_t n_files;
	uint64_t size;			 /* of the files */
	char fingerprint[MF_SHA256_HEX]; /* of all members above except version and revision */
	char share_key[MF_SHA256_HEX];	 /* that of its module, or "" */
	char *href;			 /* path below the repository, NULL until it is there */
	uint64_t rpm_size;
	bool reused;
};

/* A new zeroed package of the pack, or NULL: no memory. Valid until the next one is made. */
struct pack_package *pack_package_new(struct pack *pack);
/* Adds a file; if HEX is NULL, the file is read for its digest and size. 0 or -errno. */
int pack_package_file(struct pack_package *package, const char *base, const char *source,
		      const char *target, const char *hex, uint64_t size);
/*
 * Computes the fingerprint of a package that is complete; "" if there is no memory, and the package
 * is then built.
 */
void pack_package_set_fingerprint(struct pack_package *package);
void pack_package_done(struct pack_package *package);

/* Each of these makes its packages of a kernel. 0 or a recorded error. */
int pack_kmp_make(struct pack *pack, struct pack_kernel *kernel);
int pack_image_make(struct pack *pack, struct pack_kernel *kernel);
int pack_pattern_make(struct pack *pack, struct pack_kernel *kernel);
/* Writes "TAG: NAME-kmp-FLAVOR-ABI" for each module of the list. */
void pack_kmp_put_names(const struct pack_kernel *kernel, const char *tag,
			const struct pack_list *modules, FILE *out);
/*
 * Writes the lines by which the package of a module is related to others. A kernel without an ABI
 * gives what all ABIs have in common. 0 or -ENOMEM.
 */
int pack_kmp_put_relations(struct pack *pack, const struct pack_kernel *kernel,
			   const struct pack_module *module, FILE *out);
/* Is the module at PATH (below the tree) a member of the pattern? */
bool pack_pattern_has(const char *stem, const char *path);

/*
 * firmware.c: finds the firmware that the picked modules of all kernels name. 0 or a recorded
 * error.
 */
int pack_firmware_plan(struct pack *pack);
/* Writes the lines by which a module's package recommends its firmware. 0. */
int pack_firmware_recommend(const struct pack *pack, const struct pack_module *module, FILE *out);
/* Makes the firmware packages. 0 or a recorded error. */
int pack_firmware_make(struct pack *pack);
void pack_firmware_free(struct pack_firmware *firmware);

/* ---- share.c: modules that packages of other kernels serve ---- */

/*
 * Sets the share keys of all modules; with the option "share", finds the published packages of other
 * kernels that serve for them. The firmware is planned. 0 or a recorded error.
 */
int pack_share_find(struct pack *pack);
/* Makes the package that lists those which serve a kernel, if any does. 0 or a recorded error. */
int pack_share_make(struct pack *pack, struct pack_kernel *kernel);

/* ---- plain.c: names that need no quoting in a spec ---- */

/* Part of a package's name, as the name of a module is: letters, digits and any of "_+." */
bool pack_plain_name(const char *name);
/* The name of a source: as of a module, or any of "-" too. */
bool pack_plain_source(const char *name);
/* A symbol in a dependency: letters, digits and any of "_." */
bool pack_plain_symbol(const char *symbol);
/* A file below a tree: no control character, and no '%', which rpm expands twice in %files. */
bool pack_plain_path(const char *path);
/* The directory of a tree, which becomes a macro that the spec's shell script quotes. */
bool pack_plain_base(const char *path);

/* ---- describe.c ---- */

/*
 * Texts of a package from .modinfo: one line of UTF-8 with '%' doubled. The caller frees them.
 * NULL: no memory.
 */

/* FIELD, shortened to about MAX bytes. */
char *pack_describe_text(const char *field, size_t max);
char *pack_describe_summary(const struct pack_module *module);
char *pack_describe_long(const struct pack_module *module);

/* ---- spec.c ---- */

/* Writes a spec that builds the packages of LIST (places in pack->packages). 0 or -errno. */
int pack_spec_write(const struct pack *pack, const struct pack_list *list, const char *label,
		    FILE *out);
/* NAME-VERSION-RELEASE.ARCH.rpm; the caller frees it. NULL: no memory. */
char *pack_spec_rpm_name(const struct pack_package *package);

/* Writes TEXT with '%' doubled, so that rpm prints it as it is. */
void pack_spec_put_text(const char *text, FILE *out);

/* ---- tool.c ---- */

typedef void pack_tool_line(void *arg, const char *line);

struct pack_tool {
	const char *const *argv;
	const char *log;	 /* path of the file that gets its stderr */
	pack_tool_line *on_line; /* called for each line of its stdout; or NULL */
	void *arg;
	char *last_line; /* out: the last line of the log of a program that failed; owned */
};

/*
 * Runs a program and waits for its end. 0, -ENOENT (no such program), -MFE_TOOL (it failed) or
 * -errno. Records nothing, so that threads can call it: pass the result to pack_tool_check().
 */
int pack_tool_run(struct pack_tool *tool);
/*
 * Records the result R of a run as a failure of the pack, and frees tool->last_line. 0, -MFE_TOOL
 * or -errno.
 */
int pack_tool_check(struct pack *pack, struct pack_tool *tool, int r);

/* ---- build.c, state.c, place.c, publish.c ---- */

/*
 * Builds the packages without an href; leaves the files in REPO/.pack/work/rpms. 0 or a recorded
 * error.
 */
int pack_build(struct pack *pack);
/* Writes the specs of all packages into a directory and builds nothing. 0 or a recorded error. */
int pack_build_specs(struct pack *pack, const char *directory);

/* A line of a list: one published package. */
struct pack_entry {
	char fingerprint[MF_SHA256_HEX];
	char share_key[MF_SHA256_HEX]; /* "": its content serves no other kernel */
	char *href, *name;
	char *owner; /* the file name of the list */
	uint64_t size;
};

struct pack_entries {
	struct pack_entry *v;
	size_t n, room;
};

/*
 * Reads the lists of the repository, OTHERS: without those of this run's kernels and of firmware. 0
 * or a recorded error.
 */
int pack_state_entries(struct pack *pack, bool others, struct pack_entries *ret_entries);
void pack_entries_done(struct pack_entries *entries);
/* Is the file of an entry still in the repository? */
bool pack_state_is_there(const struct pack *pack, const struct pack_entry *entry);
/* The tag of a kernel's list, "amd64-6.1.0_56"; new memory, or NULL: of no kernel. */
char *pack_state_tag(const struct pack_entry *entry);
/*
 * Reuses published packages with the same fingerprint: with the option "incremental" all, otherwise
 * those that serve other kernels. 0 or a recorded error.
 */
int pack_state_reuse(struct pack *pack);
/* Writes the lists of this run's packages. 0 or a recorded error. */
int pack_state_write(struct pack *pack);
/* All packages of the repository, sorted. 0 or a recorded error. */
int pack_state_hrefs(struct pack *pack, struct mf_strings *ret_hrefs);
/* place.c: moves built packages to their places, and sets their hrefs. 0 or a recorded error. */
int pack_place(struct pack *pack);
/* May TEXT be a repository's identity? It goes into XML, an argument and a printed line. */
bool pack_identity_valid(const char *text);
/*
 * introduce.c: with a key, writes the certificate and the section of a .repo file beside the
 * metadata. A file of the publisher stays, which is logged. 0 or a recorded error.
 */
int pack_introduce(struct pack *pack);
/* Removes the packages that are in neither list; both are sorted. */
void pack_place_prune(struct pack *pack, const struct mf_strings *now,
		      const struct mf_strings *before);
/* Publishes the repository with its metadata. 0 or a recorded error. */
int pack_publish(struct pack *pack);
/* metadata.c: fills the result's figures about metadata. 0 or a recorded error. */
int pack_metadata_measure(struct pack *pack, int repodata_fd);
void pack_metadata_shares(const char *text, size_t len, uint64_t ret_shares[MF_PACK_N_SHARES]);

/* ---- pack.c ---- */

struct pack {
	struct mf_context *ctx;
	const struct mf_pack_options *options;
	struct mf_pack_result result;
	struct pack_kernel *kernels;
	size_t n_kernels;
	struct pack_package *packages;
	size_t n_packages, room_packages;
	struct pack_firmware *firmware; /* NULL: no tree was given */
	int repo_fd;			/* REPO */
	int private_fd;			/* REPO/.pack */
	int work_fd;			/* REPO/.pack/work */
	int lock_fd;
	char *output;			    /* path of REPO */
	char *work;			    /* path of REPO/.pack/work */
	uint64_t last_progress, step_began; /* microseconds */
};

/* ---- report.c ---- */

/* Reports one thing that cannot be packed; the run goes on and ends with -MFE_PACK. Returns 0. */
int pack_problem(struct pack *pack, int code, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Reports the progress of a step through the callback of the options. */
void pack_progress(struct pack *pack, const char *step, size_t done, size_t n);

#endif
