/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_PARTS_H
#define DEPMOD_PARTS_H
/*
 * What the parts of the depmod stage hand each other, in the order they run:
 *
 *	config	depmod.d: which folders and files win
 *	scan	the tree: which files are there, in depmod's order
 *	select	one file a module name, and the modules' order
 *	state	what the last run knew of these files: segment BASE
 *	read	the files it did not know: segment FRESH
 *	graph	symbols to their owners, dependencies, their order
 *	text	the indexes as bytes
 *	publish	the bytes as files, all or none: depmod-publish.h
 *
 * Nothing here is known outside the stage; the stage's contract is modfetch/depmod.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/depmod.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "src/depmod/depmod-tree.h"

#define DM_NONE UINT32_MAX
#define DM_FEW	16 /* files to be read for which the rest of the work need not wait */

/* A growing buffer. Once FAILED (no memory) it takes nothing more. */
struct dm_buf {
	char *p;
	size_t len, room;
	bool failed;
};

/* Room for N more bytes: where they go, or NULL. The caller advances LEN. */
char *dm_buf_reserve(struct dm_buf *buf, size_t n);
void dm_buf_add(struct dm_buf *buf, const void *bytes, size_t n);
void dm_buf_adds(struct dm_buf *buf, const char *s);
void dm_buf_done(struct dm_buf *buf);

/* ---- which depmod is installed ---- */

/* What the installed depmod does; decided by its version and build. */
struct dm_flavour {
	unsigned int version;
	bool gz, xz, zst;    /* the endings it knows besides .ko */
	bool weakdep;	     /* writes modules.weakdep */
	bool first_in_order; /* of two equal lines in modules.order the first counts */
	uint64_t id;	     /* of the program's file: when it changes, ask again */
};

/* KNOWN (may be NULL) is what was found last time. Never fails: a guess where there is no depmod.
 */
void dm_flavour_find(const struct dm_flavour *known, struct dm_flavour *ret_flavour);

/* ---- config ---- */

enum dm_search_kind { DM_SEARCH_FOLDER, DM_SEARCH_BUILTIN, DM_SEARCH_EXTERNAL };

/* All lists are in depmod's order of looking at them: the last line read comes first. */
struct dm_search {
	enum dm_search_kind kind;
	const char *folder;
	size_t len;
};

struct dm_config {
	struct dm_search *searches;
	size_t n_searches;
	struct mf_strings overrides; /* "folder/name", no ending */
	struct mf_strings externals;
	struct mf_strings excludes;
	struct mf_arena arena;
};

/*
 * Reads PATHS of the running system (NULL: depmod's own folders below the context's root). 0,
 * -ENOMEM; bad lines are only told.
 */
int dm_config_read(struct mf_context *ctx, const struct mf_strings *paths, const char *kernel,
		   struct dm_config *ret_config);
void dm_config_done(struct dm_config *config);

/* ---- scan ---- */

/* One module file. PATH is relative to the tree, or absolute below an external folder. */
struct dm_file {
	const char *path;
	uint32_t path_len, base; /* of its last component */
	uint64_t size, inode;
	int64_t mtime, ctime; /* ns since 1970 */
	bool external;
	bool linked; /* a link, or below one: it can change without its folder or name being told */
	uint32_t known; /* as numbered by struct dm_match, plus one; 0: has not been asked;
			   DM_NONE: the state does not know it */
	const struct dm_notes *notes; /* NULL: has not been read yet */
};

/* What a module says, strings with a letter in front: see depmod-read.c. */
struct dm_notes {
	const char *text;
	size_t len;
	int failed; /* why it could not be read */
};

/* A folder as it was when its entries were asked for. */
struct dm_folder {
	const char *path; /* relative to the tree; "" the tree itself */
	uint32_t path_len;
	uint64_t inode;
	int64_t mtime, ctime; /* DM_UNSURE: its entries may be others with the same numbers */
};

#define DM_UNSURE INT64_MIN

struct dm_scan {
	struct dm_file *files; /* in the order depmod comes by them */
	size_t n;
	struct dm_folder *folders; /* those of the tree, not of external ones */
	size_t n_folders;
	bool loose; /* a link leads to a folder or nowhere, or a folder could not be looked into:
		       files may come without their own path changing */
	struct mf_arena arenas[16];
};

struct dm_state;

void dm_take_numbers(const struct stat *st, struct dm_file *file);
/*
 * Was something with this change time changed so shortly before or while it was looked at that
 * another change may have left the same time? NOW is the clock after the look.
 */
bool dm_is_racy(const struct dm_tree *tree, int64_t ctime, int64_t now);
/* The clock, ns since 1970. */
int64_t dm_now(void);
/* Is a folder or file of this name passed over, wherever it is? */
bool dm_is_excluded(const struct dm_config *config, const char *name);
/* Fills in the numbers of a file of the tree, by its path. 0 or -errno. */
int dm_file_stat(const struct dm_tree *tree, struct dm_file *file);
bool dm_is_module_name(const struct dm_flavour *flavour, const char *name, size_t len);
/* 0, -ENOMEM, or -errno where the tree itself cannot be read; lesser trouble is only told. */
int dm_scan(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	    const struct dm_flavour *flavour, struct dm_scan *ret_scan);
/*
 * Adds to SCAN what is in N folders of the tree and below them; folders that are in KNOWN, by their
 * paths, are not entered. 0 or -ENOMEM; trouble is told, and makes the scan loose.
 */
int dm_scan_folders(struct mf_context *ctx, const struct dm_tree *tree,
		    const struct dm_config *config, const struct dm_flavour *flavour,
		    const struct dm_folder *tops, size_t n, const struct mf_table *known,
		    struct dm_scan *scan);
/*
 * What can be done as soon as the files' paths are known, and each file's KNOWN, but not yet their
 * numbers. NEWS: some file is sure to be read.
 */
struct dm_meanwhile {
	int (*call)(void *arg, const struct dm_scan *scan, bool news); /* 0 or a negative code */
	void *arg;
};

/*
 * The same as dm_scan() from what STATE knows: only folders that have changed are listed, every
 * file is looked at, MEANWHILE is called once from some thread, or not at all. The files' order is
 * not that of a scan. 0; 1: the tree has to be looked at as a whole; -ENOMEM or MEANWHILE's code.
 */
int dm_scan_known(struct mf_context *ctx, const struct dm_tree *tree,
		  const struct dm_config *config, const struct dm_flavour *flavour,
		  const struct dm_state *state, const struct dm_meanwhile *meanwhile,
		  struct dm_scan *ret_scan);
/* The files and folders that STATE knows, as they were: their memory is the scan's. 0 or -ENOMEM.
 */
int dm_scan_recall(const struct dm_state *state, size_t more, struct dm_scan *scan);
/*
 * The files that STATE knows, but for those CHANGED names, which are looked at again. Their order
 * is not that of a scan. STATE must be of the indexes as they are now. 0; 1: the tree has to be
 * looked at as a whole; -ENOMEM.
 */
int dm_scan_changed(const struct dm_tree *tree, const struct dm_config *config,
		    const struct dm_flavour *flavour, const struct dm_state *state,
		    const struct mf_strings *changed, struct dm_scan *ret_scan);
void dm_scan_done(struct dm_scan *scan);

/* ---- facts: what modules say, as it is in the state file ---- */

/* Offsets go into the segment's strings. */
struct dm_symbol {
	uint32_t name, len;
	uint32_t bucket; /* its place in depmod's hash: the order of modules.symbols */
};

struct dm_alias {
	uint32_t raw, raw_len;	 /* as the module says it */
	uint32_t norm, norm_len; /* as the index has it; norm_len DM_NONE: it cannot */
};

enum dm_extra_kind { DM_SOFTDEP_EXTRA, DM_WEAKDEP_EXTRA };

struct dm_extra {
	uint32_t kind, text, len;
};

#define DM_WEAK 0x80000000u /* in an import: the symbol may be missing */

enum dm_record_flag {
	DM_READ = 1, /* the facts are there; otherwise the file is only known to exist */
	DM_RACY = 2, /* the file may change without its times changing: read it again */
	DM_EXTERNAL = 4,
	DM_UNREADABLE = 8, /* it is no module: its facts are empty */
	DM_LINKED = 16,	   /* a link leads to it */
};

struct dm_record {
	uint64_t size, inode;
	int64_t mtime, ctime;
	uint32_t path, path_len;
	uint32_t exports, n_exports;
	uint32_t imports, n_imports;
	uint32_t aliases, n_aliases;
	uint32_t extras, n_extras;
	uint32_t flags, reserved;
};

/* A struct dm_folder in the state; PATH goes into the folders' own strings. */
struct dm_folder_record {
	uint64_t inode;
	int64_t mtime, ctime;
	uint32_t path, path_len;
};

struct dm_folders {
	const struct dm_folder_record *v;
	const char *paths;
	uint32_t n, n_paths;
};

struct dm_segment {
	const char *strings;
	const struct dm_record *records;
	const struct dm_symbol *symbols; /* sorted by name, each once */
	const struct dm_alias *aliases;	 /* those of a record together, in its order */
	const uint32_t *exports;	 /* symbols, in the order of the module */
	const uint32_t *imports;	 /* symbols, maybe with DM_WEAK; likewise */
	const struct dm_extra *extras;
	const uint32_t *alias_order; /* aliases that an index can have, sorted by norm */
	const uint32_t *alias_owner; /* record of each alias */
	uint32_t n_strings, n_records, n_symbols, n_aliases, n_exports, n_imports, n_extras,
		n_alias_order;
};

/* ---- select ---- */

struct dm_module {
	const struct dm_file *file;
	const char *name;
	uint32_t name_len, bucket;
	int32_t line;			  /* of modules.order; INT32_MAX: not there */
	const struct dm_segment *segment; /* where its facts are */
	const struct dm_record *record;	  /* NULL: still to be read */
	const struct dm_segment *old_segment;
	const struct dm_record *old; /* what the state knows of it, or NULL */
	bool recalled;		     /* from the recent part of the state: not read again */
	const uint32_t *symbol_ids;  /* of the segment's symbols in the graph; NULL: the same */
	uint32_t *deps;		     /* modules, those it needs itself */
	uint32_t n_deps;
	uint32_t users;
	uint32_t rank; /* in dependency order: a module's dependencies have higher ones */
};

/* The modules in their order: an index into it is a module's number and its priority. */
struct dm_modules {
	struct dm_module *v;
	size_t n;
	struct mf_table by_name; /* until they are sorted */
	struct mf_arena arena;
};

int dm_select(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	      const struct dm_scan *scan, struct dm_modules *ret_modules);
/* ORDER: the bytes of modules.order, or NULL. */
int dm_sort(struct mf_context *ctx, const struct dm_flavour *flavour, const char *order, size_t len,
	    struct dm_modules *modules);
void dm_modules_done(struct dm_modules *modules);
/* The hash by which depmod orders what has no other order. */
uint32_t dm_kmod_hash(const char *key, size_t len);

/* ---- state ---- */

struct dm_graph;

/* One index as it was published. */
struct dm_output {
	uint64_t size, inode, digest;
	int64_t mtime, ctime;
};

#define DM_N_OUTPUTS 11

/* What the last run did. */
struct dm_done {
	struct dm_flavour flavour;
	uint64_t inputs;     /* digest of all that the indexes came from but the facts */
	uint64_t scan_rules; /* digest of what decided which files were found */
	bool loose;	     /* as the scan's */
	struct dm_output outputs[DM_N_OUTPUTS];
};

/* One of the two files. */
struct dm_state_file {
	struct dm_segment segment;
	struct dm_folders folders;
	const uint32_t *gone; /* records of the base that are out of use */
	uint32_t n_gone;
	uint64_t id;   /* of a base */
	uint64_t base; /* 0, or the id of the base it adds to */
	struct dm_done done;
};

struct dm_state {
	struct dm_segment base, recent;
	struct dm_folders folders; /* of the later of the two */
	const uint32_t *gone;
	uint32_t n_gone;
	uint64_t id;
	struct dm_done done;
	struct {
		void *p;
		size_t len;
	} maps[2];
};

#define DM_STATE_NAME  "modules.modfetch"
#define DM_RECENT_NAME "modules.modfetch.recent"

/*
 * WORKERS, of this and the next one, may be NULL. 0; 1: there is none that can be used, RET_STATE
 * is empty.
 */
int dm_state_read(int dirfd, struct mf_workers *workers, struct dm_state *ret_state);
/* Either file, from bytes (aligned as malloc's) that must outlive it. 0; 1: it cannot be used. */
int dm_state_parse(const void *buf, size_t len, struct mf_workers *workers,
		   struct dm_state_file *ret_file);
void dm_state_done(struct dm_state *state);
/*
 * The bytes of a new base: the facts of MODULES (each has some), and that the other files of SCAN
 * exist. What the run did is filled in by dm_state_seal() when it is known.
 */
int dm_state_build(const struct dm_scan *scan, const struct dm_modules *modules,
		   const struct dm_graph *graph, struct dm_buf *ret_state);
/*
 * The bytes of what to add to the base: a segment, which records of the base it replaces, and all
 * folders of SCAN.
 */
int dm_recent_build(const struct dm_scan *scan, const struct dm_segment *fresh,
		    const uint32_t *gone, uint32_t n_gone, struct dm_buf *ret_state);
/* BASE: the id of the base it adds to; 0: it is one itself. */
void dm_state_seal(struct dm_buf *state, const struct dm_done *done, uint64_t base);
/* Puts it in place of the old one. 0 or -errno; then there may be none. */
int dm_state_write(int dirfd, const char *name, const struct dm_buf *state);
/* Do two records, each of its segment, say the same of a module? */
bool dm_same_facts(const struct dm_segment *s, const struct dm_record *a,
		   const struct dm_segment *t, const struct dm_record *b);

/* ---- match ---- */

/* What the state knows of each file of the scan, and what it knows in vain. */
struct dm_match {
	uint32_t *by_file; /* record of the base; from its number of records on: of the recent */
	uint32_t *gone; /* records of the base that are out of use; filled in by dm_match_gone() */
	uint32_t n_gone;
	bool news; /* a file came or went */
};

/* Each file is asked for that has not been. 0 or -ENOMEM. */
int dm_match(const struct dm_state *state, struct dm_scan *scan, struct dm_modules *modules,
	     struct dm_match *ret_match);
/* What the state knows by this number, and in which segment. */
const struct dm_segment *dm_match_record(const struct dm_state *state, uint32_t number,
					 const struct dm_record **ret_record);
/* When all facts are there: tells what has become useless. 0 or -ENOMEM. */
int dm_match_gone(const struct dm_state *state, const struct dm_scan *scan,
		  const struct dm_modules *modules, struct dm_match *match);
void dm_match_done(struct dm_match *match);

/* ---- read ---- */

/* A segment under construction. */
struct dm_fresh {
	struct dm_segment segment;
	uint32_t *symbol_ids;
	struct dm_buf buffers[8];
	struct mf_table symbols;
	struct mf_arena arenas[16];
};

/* Reads one module, as the file FILE says it is; the text is the arena's. */
struct dm_notes dm_notes_read(const struct dm_tree *tree, const struct dm_file *file,
			      struct mf_arena *arena);
/*
 * Reads the facts of all modules that have none, or recalls them. The segment also gets a record of
 * each file of SCAN that is no module's and that MATCH finds in none of the base's N_BASE records.
 * MEANWHILE is called beside the reading of a few files: where there are none there is nothing to
 * wait for, and many leave nobody idle. 0, -ENOMEM or its code.
 */
int dm_read(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_scan *scan,
	    const struct dm_match *match, uint32_t n_base, const struct dm_meanwhile *meanwhile,
	    struct dm_modules *modules, struct dm_fresh *ret_fresh);
void dm_fresh_done(struct dm_fresh *fresh);
/* Sets NORM (room for LEN bytes) to the alias as an index has it; its length, or -EINVAL. */
int64_t dm_alias_normalise(const char *alias, size_t len, char *norm);

/* ---- graph ---- */

struct dm_graph {
	uint32_t *owner; /* module that exports a symbol, by symbol id; DM_NONE: none does */
	uint32_t n_symbols;
	uint32_t n_base; /* ids below are the base's symbols, the rest the fresh ones' */
	const struct dm_segment *base, *fresh;
	const uint32_t *fresh_ids;
	struct mf_arena arena;
};

/* 0, -ENOMEM, or -MFE_DEPMOD for dependency cycles, which are told. */
int dm_graph_build(struct mf_context *ctx, struct dm_modules *modules, const struct dm_state *state,
		   const struct dm_fresh *fresh, struct dm_graph *ret_graph);
/*
 * The part of it that tells who exports what, as it is if no file has changed and those that the
 * state does not know export nothing. Its fresh segment is the state's recent one. Every file must
 * have been asked for. 0 or -ENOMEM.
 */
int dm_graph_guess(const struct dm_modules *modules, const struct dm_state *state,
		   struct dm_graph *ret_graph);
void dm_graph_done(struct dm_graph *graph);

/* ---- text ---- */

/* The indexes in the order depmod writes them; modules.dep.bin is published last all the same. */
enum dm_index {
	DM_DEP,
	DM_DEP_BIN,
	DM_ALIAS,
	DM_ALIAS_BIN,
	DM_SOFTDEP,
	DM_WEAKDEP,
	DM_SYMBOLS,
	DM_SYMBOLS_BIN,
	DM_BUILTIN_BIN,
	DM_BUILTIN_ALIAS_BIN,
	DM_DEVNAME,
};

/* What all indexes are made from. */
struct dm_source {
	struct mf_context *ctx;
	const struct dm_modules *modules;
	const struct dm_graph *graph;
	const struct dm_segment *base, *fresh;
	struct dm_input builtin, builtin_modinfo;
};

/* Each makes some of the indexes: 0, -ENOMEM or -EFBIG. They may run at the same time. */
int dm_text_dep(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_alias(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_alias_bin(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_symbols(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_builtin(const struct dm_source *src, struct dm_buf *indexes);
/* The aliases of a module, and how many. */
const struct dm_alias *dm_aliases_of(const struct dm_module *m, uint32_t *ret_n);
int dm_text_rest(const struct dm_source *src, struct dm_buf *indexes);

#endif
