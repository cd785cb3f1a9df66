/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LIST_H
#define MODFETCH_LIST_H
/*
 * Lists that travel: what a machine without a network needs and has, as a text that a stick carries to
 * a machine with one. modfetch-list(5) documents the format. A list is untrusted input: anyone
 * with the stick may have written it. It selects packages, and never says from where they come or which key
 * signs them.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_LIST_SIZE_MAX ((size_t)16 << 20) /* bytes of a file with lists */
#define MF_LISTS_MAX	 64		    /* lists in a file */

/* The kinds of lines that a list may have any number of, in the order in which they are written. */
enum mf_list_kind {
	MF_LIST_DEVICE,	  /* the modalias of a device; a module on disk, or built in, is for it */
	MF_LIST_MISSING,  /* the same of a device for which nothing is on disk */
	MF_LIST_BOOT,	  /* a module that the system itself requests by name */
	MF_LIST_NAME,	  /* a module, alias or symbol that the admin asked for */
	MF_LIST_BUILTIN,  /* a module that is built into the kernel */
	MF_LIST_PRESENT,  /* a module on disk, as kmod spells it */
	MF_LIST_FIRMWARE, /* a file below /lib/firmware */
	MF_LIST_FILE,	  /* a program that packages may need, an absolute path */
	MF_LIST_EXPORT,	  /* "CRC SYMBOL MODULE": a symbol that the kernel exports */
	MF_N_LIST_KINDS,
};
/* The first word of a line of this kind: "missing". Static. */
const char *mf_list_word(enum mf_list_kind kind);

/* The list of one machine, for one kernel. */
struct mf_list {
	char *kernel;	  /* release; never NULL after parsing */
	char *machine;	  /* architecture as uname -m says it; never NULL after parsing */
	char *releasever; /* $releasever of its repositories: VERSION_ID of os-release; or NULL */
	struct mf_strings lines[MF_N_LIST_KINDS];
};
void mf_list_done(struct mf_list *list);

struct mf_lists {
	struct mf_list *v;
	size_t n;
};
void mf_lists_done(struct mf_lists *lists);

/*
 * Is VALUE one that a line of this kind may have? Lines are printable ASCII. A firmware file is a path
 * below its directory, a program an absolute one, both without "." and "..". Pure.
 */
bool mf_list_value_valid(enum mf_list_kind kind, const char *value);

/*
 * Parses one or more lists, one after the other, from LEN bytes of TEXT. SOURCE is their name in
 * messages. A line of an unknown kind is skipped: a later version may have it. 0; -MFE_BAD_LIST, with
 * the line, for a text that is no list, is cut off, or has a value out of bounds; or -ENOMEM; recorded.
 */
int mf_lists_parse(struct mf_context *ctx, const char *source, const char *text, size_t len,
		   struct mf_lists *ret_lists);
/*
 * The same for a file of this machine (not below the root); "-" is standard input. Adds its lists to
 * LISTS. Returns as above, or another -errno, recorded.
 */
int mf_lists_read(struct mf_context *ctx, const char *path, struct mf_lists *lists);

/*
 * The text of a list, which mf_lists_parse() accepts, if its kernel, machine and lines are valid. The
 * caller's to free. NULL: no memory. Pure.
 */
char *mf_list_text(const struct mf_list *list);

#endif
