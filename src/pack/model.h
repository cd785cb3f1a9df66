/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PACK_MODEL_H
#define PACK_MODEL_H
/*
 * What the files of src/pack/ hand to each other: kernels with their modules (read by tree.c,
 * related by deps.c), then packages (made by kmp.c, image.c, pattern.c, firmware.c), then files of
 * a repository (build.c, publish.c). Everything hangs off one struct pack; nothing is kept
 * elsewhere.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/pack.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"

struct pack;
struct pack_firmware;

/* ---- map.c: names to numbers ---- */

struct pack_map {
	struct pack_map_slot *slots;
	size_t n, room;
};

#define PACK_NONE SIZE_MAX

/* Sets KEY (borrowed) to VALUE, over an older one. 0 or -ENOMEM. */
int pack_map_set(struct pack_map *map, const char *key, size_t value);
/* The value of KEY, or PACK_NONE. */
size_t pack_map_get(const struct pack_map *map, const char *key);
void pack_map_done(struct pack_map *map);

/* A growing list of numbers. */
struct pack_list {
	size_t *v;
	size_t n, room;
};

int pack_list_add(struct pack_list *list, size_t value);
/* Sorts and drops what is there twice. */
void pack_list_unique(struct pack_list *list);
bool pack_list_has(const struct pack_list *list, size_t value);
void pack_list_done(struct pack_list *list);

/* ---- module.c: one module ---- */

struct pack_symbol {
	const char *name;
	uint32_t crc;
	bool has_crc;
	bool weak;
};

/* The lists a module's .modinfo gives, in the order of their keys' table in module.c. */
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
	char *arena;	/* every string below */
	uint64_t size;	/* of the file */
	int64_t mtime;
	uint8_t digest[MF_SHA256_LEN]; /* of the file, as it is on disk */
	int error;		       /* reading it failed: the code; it is in no package */
	const char *description, *license, *version, *vermagic, *built_as; /* NULL: it says none */
	bool intree, has_versions, is_signed;
	const char *arch; /* rpm's name of the machine */
	struct pack_symbol *exports, *imports;
	size_t n_exports, n_imports;
	const char **fields[PACK_N_FIELDS];
	size_t n_fields[PACK_N_FIELDS];
	/* read-only strings that may be requests; none where it calls nothing that asks for modules
	 */
	struct mf_strings strings;
	/* deps.c: modules of the same kernel */
	struct pack_list needs; /* hard dependencies, direct ones */
	struct pack_list wants; /* softdeps, weakdeps, and who exports a weak symbol */
	/* requests.c: what it asks the kernel to load while it runs */
	struct pack_list asks;	  /* and cannot work without */
	struct pack_list may_ask; /* in some configurations only */
	bool picked;		  /* to be packed */
	size_t package;		  /* number of its package in the pack */
};

/* Reads PATH below TREE_FD into a zeroed module whose path is set; a failure goes to module->error.
 */
void pack_module_read(int tree_fd, struct pack_module *module);
void pack_module_done(struct pack_module *module);

/* ---- kernel.c, exports.c, tree.c: a kernel ---- */

enum pack_part { /* files of the kernel-image package that lie outside the tree */
		 PACK_IMAGE,
		 PACK_SYSTEM_MAP,
		 PACK_CONFIG,
		 PACK_SYMVERS,
		 PACK_N_PARTS,
};

struct pack_kernel {
	char *tree; /* path of lib/modules/KVER */
	int tree_fd;
	char *install_dir; /* where packages put it: /lib/modules/KVER or /usr/lib/modules/KVER */
	struct mf_release release;
	char *version, *revision;	   /* of in-tree drivers and the image */
	char *parts[PACK_N_PARTS];	   /* paths; NULL: there is none */
	struct mf_strings builtins;	   /* normalised names of modules.builtin, sorted */
	struct mf_strings builtin_aliases; /* of modules.builtin.modinfo, normalised, sorted */
	struct mf_strings extras;	   /* modules.builtin*, modules.order below the tree */
	struct pack_symbol *vmlinux;	   /* what it exports; owns the names */
	size_t n_vmlinux;
	struct pack_module *modules; /* sorted by path */
	size_t n_modules;
	const char *arch;      /* of the majority of modules */
	struct pack_map names; /* module names to their numbers */
};

int pack_kernel_open(struct pack *pack, const char *tree, struct pack_kernel *ret_kernel);
void pack_kernel_done(struct pack_kernel *kernel);
/* Reads the exports of vmlinux from parts[PACK_SYMVERS], or derives them from what modules import.
 */
int pack_exports_read(struct pack *pack, struct pack_kernel *kernel);
void pack_exports_done(struct pack_kernel *kernel);
/* Finds and reads every module of the tree; problems are told one by one. */
int pack_tree_read(struct pack *pack, struct pack_kernel *kernel);

/* ---- names.c: what a word stands for in a kernel ---- */

struct pack_names {
	const struct pack_kernel *kernel;
	struct pack_name *v; /* names and aliases of all modules */
	size_t n;
	char *arena;		 /* their text */
	struct pack_map exact;	 /* those without wildcards, to the first of each text */
	struct pack_list wild;	 /* the others */
	struct pack_map symbols; /* to the module that exports it */
};

int pack_names_init(struct pack_names *names, const struct pack_kernel *kernel);
void pack_names_done(struct pack_names *names);
/*
 * Adds the modules that modprobe would load for WORD: as libkmod has it, the module of that name,
 * else the exporter ("symbol:…"), else all with such an alias; what is only built in gives none.
 * 0 or -ENOMEM.
 */
int pack_names_lookup(const struct pack_names *names, const char *word, struct pack_list *list);
/*
 * Adds the modules that a request of the kernel for WORD loads: as above, but what is built in
 * (under that name or alias) is there already and asks for nothing, and aliases with wildcards do
 * not count. 0 or -ENOMEM.
 */
int pack_names_request(const struct pack_names *names, const char *word, struct pack_list *list);
/* Adds the modules with a name or alias (normalised) for which FITS holds. */
int pack_names_fitting(const struct pack_names *names, const char *pattern,
		       bool fits(const char *pattern, const char *name), struct pack_list *list);
/* Copies LEN bytes of WORD with '-' turned into '_' but in brackets. False: it does not fit. */
bool pack_name_normalise(const char *word, size_t len, char *ret_name, size_t size);
/* Is NAME in the sorted LIST? */
bool pack_strings_sorted_has(const struct mf_strings *list, const char *name);

/* ---- requests.c: what modules ask for while they run ---- */

struct mf_modinfo;
/* Keeps the strings of a module that calls a function by which modules are asked for. */
int pack_requests_read(struct pack_module *module, const struct mf_modinfo *info);
/* Fills asks and may_ask of module M; its needs and wants are known. 0 or -ENOMEM. */
int pack_requests_relate(const struct pack_names *names, struct pack_kernel *kernel, size_t m);
/*
 * Could NAME be what the printf format makes? "%s" stands for one or more bytes; a '?' of an alias is
 * a digit.
 */
bool pack_requests_format_fits(const char *format, const char *name);

/* ---- deps.c ---- */

int pack_deps(struct pack *pack, struct pack_kernel *kernel);
/* Picks the modules named in the options, and all they need and want; all when none are named. */
int pack_deps_pick(struct pack *pack, struct pack_kernel *kernel);

/* ---- closure.c ---- */

/* The modules of START and all they need, with WANTS_TOO also all they want and ask for; sorted. 0 or -ENOMEM. */
int pack_closure(const struct pack_kernel *kernel, const struct pack_list *start, bool wants_too,
		 struct pack_list *ret_closure);

/* ---- packages ---- */

enum pack_kind { PACK_KIND_MODULE, PACK_KIND_IMAGE, PACK_KIND_PATTERN, PACK_KIND_FIRMWARE };

struct pack_file {
	char *base;		 /* directory it lies below, a path of this machine */
	char *source;		 /* below BASE */
	char *target;		 /* absolute, as installed */
	char hex[MF_SHA256_HEX]; /* digest of its content */
	bool gzip;		 /* it is compressed on its way into the package */
};

struct pack_package {
	enum pack_kind kind;
	const struct pack_kernel *kernel; /* NULL: of no one kernel */
	char *name, *version, *revision, *summary, *license, *description;
	const char *arch;
	char *relations; /* spec lines, '%' doubled */
	struct pack_file *files;
	size_t n_files;
	uint64_t size;			 /* of the files */
	char fingerprint[MF_SHA256_HEX]; /* of all of the above but version and revision */
	char *href;			 /* below the repository, once it is there */
	uint64_t rpm_size;
	bool reused;
};

/* A new zeroed package of the pack, or NULL; valid until the next one is made. */
struct pack_package *pack_package_new(struct pack *pack);
/* Adds a file; HEX NULL: it is read and digested. 0 or -errno. */
int pack_package_file(struct pack_package *package, const char *base, const char *source,
		      const char *target, const char *hex, uint64_t size);
/* Computes the fingerprint, when the package is complete; "" without memory: it is then built. */
void pack_package_seal(struct pack_package *package);
void pack_package_done(struct pack_package *package);

int pack_kmp_make(struct pack *pack, struct pack_kernel *kernel);
int pack_image_make(struct pack *pack, struct pack_kernel *kernel);
int pack_pattern_make(struct pack *pack, struct pack_kernel *kernel);
/* Is the module at PATH (below the tree) a member of the pattern? */
bool pack_pattern_has(const char *stem, const char *path);

/* firmware.c: what of the firmware tree the picked modules of all kernels ask for. */
int pack_firmware_plan(struct pack *pack);
/* Writes the lines with which a module's package recommends its firmware. */
int pack_firmware_recommend(const struct pack *pack, const struct pack_module *module, FILE *out);
int pack_firmware_make(struct pack *pack);
void pack_firmware_free(struct pack_firmware *firmware);

/* ---- plain.c: names that may stand in a spec ---- */

/* Part of a package's name, as a module's is: letters, digits and any of "_+." */
bool pack_plain_name(const char *name);
/* A symbol in a dependency: letters, digits and any of "_." */
bool pack_plain_symbol(const char *symbol);
/* A file below a tree: no control character, and no '%', which rpm expands once more in %files. */
bool pack_plain_path(const char *path);
/* The directory of a tree, which becomes a macro that the spec's shell script has in quotes. */
bool pack_plain_base(const char *path);

/* ---- describe.c: text from what a module says; '%' doubled, UTF-8, one line ---- */

char *pack_describe_text(const char *said, size_t max);
char *pack_describe_summary(const struct pack_module *module);
char *pack_describe_long(const struct pack_module *module);

/* ---- spec.c ---- */

/* Writes a spec that builds the packages numbered in LIST. 0 or -errno. */
int pack_spec_write(const struct pack *pack, const struct pack_list *list, const char *label,
		    FILE *out);
char *pack_spec_rpm_name(const struct pack_package *package); /* NAME-V-R.ARCH.rpm */

/* ---- tool.c ---- */

typedef void pack_tool_line(void *arg, const char *line);

struct pack_tool {
	const char *const *argv;
	const char *log;      /* file that takes its stderr */
	pack_tool_line *line; /* told each line of its stdout, or NULL */
	void *arg;
	char *said; /* out: the last line of the log, when it failed */
};

/*
 * Runs a program to its end. 0, -ENOENT (there is none), -MFE_TOOL (it failed) or -errno. Records
 * nothing, so that threads can call it; what it returned is then given to pack_tool_check().
 */
int pack_tool_run(struct pack_tool *tool);
/* Records what a run returned as a failure of the pack; returns 0, -MFE_TOOL or -errno. */
int pack_tool_check(struct pack *pack, struct pack_tool *tool, int r);

/* ---- build.c, state.c, place.c, publish.c ---- */

/* Builds what has no href yet; leaves the files in REPO/.pack/work/rpms. */
int pack_build(struct pack *pack);
/* Writes the specs of all packages into a directory instead. */
int pack_build_specs(struct pack *pack, const char *directory);
/* Takes over packages whose fingerprint an earlier run left. */
int pack_state_reuse(struct pack *pack);
/* Writes what this run's kernels consist of; RET_HREFS gets all packages of the repository. */
int pack_state_write(struct pack *pack);
int pack_state_hrefs(struct pack *pack, struct mf_strings *ret_hrefs);
/* place.c: moves built packages to where they stay, and sets their hrefs. */
int pack_place(struct pack *pack);
/* May the text be a repository's identity? It becomes XML, an argument and a line for people. */
bool pack_identity_valid(const char *text);
/* Removes the packages that neither list (sorted) names. */
void pack_place_prune(struct pack *pack, const struct mf_strings *now,
		      const struct mf_strings *before);
int pack_publish(struct pack *pack);
/* metadata.c: fills the result's figures. */
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

/* Reports one thing that could not be packed; the run goes on and ends with -MFE_PACK. Returns 0. */
int pack_problem(struct pack *pack, int code, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Reports how far a step has got, through the options' callback. */
void pack_progress(struct pack *pack, const char *step, size_t done, size_t n);

#endif
