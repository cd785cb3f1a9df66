/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PAGE_MODEL_H
#define PAGE_MODEL_H
/*
 * What the files of src/page share: the repository as the page sees it, and the tables that are made
 * of it. Most text is owned by the arena.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

struct mf_json;

/* Kernels of a page: a set of them is a number with a bit for each. */
#define PAGE_KERNELS_MAX 64

struct page_package {
	const char *name, *arch, *href, *summary;
	char *version;		    /* VERSION-RELEASE; owned */
	uint64_t size, installed;   /* bytes to download, bytes on disk */
	struct mf_strings modules;  /* by the kernel's names */
	struct mf_strings patterns; /* aliases of all its modules, as kmod's indexes spell them */
	struct mf_strings requires, recommends, firmware; /* names of packages; of files too */
	bool is_image;	  /* its modules are built into the kernel */
	uint64_t kernels; /* that it is for */
};

struct page_driver {
	const char *name, *summary;
	size_t *packages; /* places in the repository's packages; owned */
	size_t n_packages, room_packages;
	uint64_t kernels, builtin; /* that have it as a package; that have it inside */
};

/* A pattern that leads to a driver in some kernels. */
struct page_alias {
	const char *pattern;
	char *key; /* of the record: "pci:8086", see page_alias_key(); in the arena */
	uint32_t driver;
	uint64_t kernels;
};

struct page_repo {
	struct mf_arena arena;
	struct mf_strings kernels; /* releases, the newest first; at most PAGE_KERNELS_MAX */
	struct mf_table by_href;   /* the path of a package: its place in KERNELS_OF */
	uint64_t *kernels_of;
	size_t n_kernels_of, room_kernels_of;
	struct page_package *packages;
	size_t n_packages, room_packages;
	struct page_driver
		*drivers; /* in the order of BY_NAME until page_drivers_make() sorts them */
	size_t n_drivers, room_drivers;
	struct mf_table by_name;
	struct page_alias *aliases;
	size_t n_aliases, room_aliases;
};

void page_repo_done(struct page_repo *repo);

/* ---- kernels.c ---- */

/*
 * Reads from the lists of modfetch pack which kernels each package is for. Of more than
 * PAGE_KERNELS_MAX kernels the newest count, and a warning is logged. 0 or a recorded error.
 */
int page_kernels_read(struct mf_context *ctx, int private_fd, struct page_repo *repo);
/* The kernels of a package; 0: none. */
uint64_t page_kernels_of(const struct page_repo *repo, const char *href);

/* ---- packages.c ---- */

/* Adds all packages of a primary.xml. 0, -EBADMSG or -ENOMEM. */
int page_packages_parse(const void *buf, size_t len, struct page_repo *repo);

/* ---- the tables ---- */

/* A record of a table: KEY is ASCII; VALUE belongs to the table. */
struct page_record {
	const char *key;
	struct mf_json *value;
};

struct page_records {
	struct page_record *v;
	size_t n, room;
};

/* Adds a record, which takes over VALUE. 0 or -ENOMEM; VALUE is gone then. */
int page_records_add(struct page_records *records, const char *key, struct mf_json *value);
void page_records_done(struct page_records *records);

/*
 * drivers.c: one record for each driver, by its name. Sorts the drivers, and adds to WORDS the words of
 * their texts. 0 or -ENOMEM.
 */
struct page_words;
int page_drivers_make(struct page_repo *repo, struct page_words *words,
		      struct page_records *ret_records);
/* The numbers of the kernels of a set, as an array. */
struct mf_json *page_kernels_json(uint64_t kernels);

/*
 * devices.c: one record for each vendor or bus with all patterns, and with the names of devices. The
 * drivers are sorted. Adds to WORDS the words of the names. 0 or -ENOMEM.
 */
int page_devices_make(const struct mf_context *ctx, struct page_repo *repo,
		      struct page_words *words, struct page_records *ret_records);
/*
 * The key of the record that has a pattern, at most SIZE bytes with the NUL: a PCI or USB vendor
 * ("pci:8086", "usb:0BDA"), else the bus ("acpi:"), or "=" and the pattern, if it names no bus. A
 * pattern with a wildcard in its bus has "acpi*", with the bytes before the wildcard; one with wildcards and
 * without a bus has "=". The latter two also have what would not fit.
 */
#define PAGE_KEY_SIZE 80
void page_alias_key(const char *pattern, char ret_key[PAGE_KEY_SIZE]);
/* How many bytes at the beginning of a pattern the key says: they are left out in its record. */
size_t page_key_prefix(const char *key);

/* ---- words.c: which drivers and devices a word leads to ---- */

struct page_words {
	struct mf_arena arena;
	struct mf_table by_word;
	struct page_word {
		const char *word;
		struct mf_json *targets;
		const char *last; /* target: not added twice */
	} * v;
	size_t n, room;
};

void page_words_done(struct page_words *words);
/*
 * Adds TARGET to each word of a text: two or more ASCII letters and digits, in lower case. TARGET is
 * "m:NAME" of a driver, "pci:8086" of a vendor or "pci:8086:10D3" of a device. 0 or -ENOMEM.
 */
int page_words_add(struct page_words *words, const char *text, const char *target);
/* Moves them into records by word. 0 or -ENOMEM. */
int page_words_make(struct page_words *words, struct page_records *ret_records);

/* ---- pieces.c: files by digest ---- */

struct page_files {
	struct mf_context *ctx;
	int dirfd;		 /* REPO/page */
	struct mf_strings names; /* of the page that is written */
};

#define PAGE_FILE_SIZE 40 /* bytes of a file name with its NUL */

/* Writes a file with this ending ("css") unless it is there; syncs nothing. 0 or a recorded error. */
int page_file_write(struct page_files *files, const char *ending, const char *text, size_t len,
		    char ret_name[PAGE_FILE_SIZE]);
/* Is it the name of such a file? */
bool page_file_is_ours(const char *name);
/*
 * Sorts the records, cuts them into pieces and writes them. RET_PIECES is the caller's: [first key,
 * file], …, in order. 0 or a recorded error.
 */
int page_pieces_write(struct page_files *files, struct page_records *records,
		      struct mf_json **ret_pieces);

/* ---- the texts of the page (embed.py) ---- */

extern const char page_html[], page_css[], page_js[];

#endif
