/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_CPIO_H
#define INITRD_CPIO_H
/* The archives in an initrd, read in pieces. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An entry; the strings are valid during the call. */
struct mf_cpio_entry {
	const char *name; /* as in the archive */
	uint32_t mode;	  /* as st_mode */
	uint64_t size;
};

struct mf_cpio_visitor {
	/* Called for each entry. > 0: the visitor wants its content; 0: it does not; or -errno. */
	int (*entry)(void *arg, const struct mf_cpio_entry *entry);
	/* Gets the whole content of such an entry. 0 or -errno. */
	int (*content)(void *arg, const void *bytes, size_t len);
	void *arg;
};

struct mf_cpio;

/*
 * A reader of archives in the format newc. Content that a visitor wants is limited to CONTENT_MAX
 * bytes. NULL: no memory. The caller frees it.
 */
struct mf_cpio *mf_cpio_new(const struct mf_cpio_visitor *visitor, size_t content_max);
void mf_cpio_free(struct mf_cpio *cpio);

/*
 * Reads the next LEN bytes. Between two archives it skips NUL bytes, and stops at the first other
 * byte that begins no archive: RET_USED is where, or LEN. 0; -EBADMSG: damaged; -EFBIG: a limit is
 * exceeded; or a visitor's -errno.
 */
int mf_cpio_push(struct mf_cpio *cpio, const void *bytes, size_t len, size_t *ret_used);
/* Is the reader between two archives, after at least one? Else the input is truncated. */
bool mf_cpio_complete(const struct mf_cpio *cpio);

#endif
