/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRIE_H
#define MODFETCH_TRIE_H
/*
 * kmod's binary index: a radix trie from keys, which may be patterns, to values with a priority.
 * The format of modules.alias.bin and its siblings, version 2.1, written byte for byte as depmod
 * does (libkmod/libkmod-index.h and tools/depmod.c of kmod describe it); modfetch's own alias index
 * has this format too. The reader needs only libc and checks every offset in the file.
 */
#include <stddef.h>
#include <stdint.h>

/* ---- reading ---- */

/* Bytes of the longest key; depmod truncates longer patterns. */
#define MF_TRIE_KEY_MAX 4095

struct mf_trie; /* an open index: the file, mapped read-only */

/*
 * Opens NAME below DIRFD. 0, -ENOENT, -EBADMSG (no index) or another -errno. If a later walk hits
 * bytes that cannot be read, it returns -EBADMSG; a visitor that reads such bytes is then left by a
 * jump and does not return.
 */
int mf_trie_open_at(int dirfd, const char *name, struct mf_trie **ret_trie);
/* Opens an index in the caller's memory, which must outlive it. 0, -EBADMSG or -ENOMEM. */
int mf_trie_new(const void *buf, size_t len, struct mf_trie **ret_trie);
void mf_trie_free(struct mf_trie *trie);

/*
 * Gets one value and its full key or pattern. A non-zero return ends the walk and becomes its
 * result. Both strings are valid during the call only.
 */
typedef int mf_trie_visit(void *arg, const char *key, const char *value, uint32_t priority);

/*
 * Visits the values of every pattern that matches NAME as fnmatch(3) does without flags, as kmod's
 * wildcard search does; in the order of the file, not of priority. NAME must hold no '['. Returns
 * 0, the visitor's return, or -EBADMSG for a damaged file.
 */
int mf_trie_match(const struct mf_trie *trie, const char *name, mf_trie_visit *visit, void *arg);
/* Visits the values of KEY itself. Returns as above. */
int mf_trie_find(const struct mf_trie *trie, const char *key, mf_trie_visit *visit, void *arg);
/* Visits all values. Returns as above. */
int mf_trie_walk(const struct mf_trie *trie, mf_trie_visit *visit, void *arg);
/* The same for the keys that do not have BYTE (not NUL), without a look at the others. */
int mf_trie_walk_without(const struct mf_trie *trie, char byte, mf_trie_visit *visit, void *arg);

/* ---- writing ---- */

/* One value of one key: bytes 1..127, borrowed, need not end in a NUL. */
struct mf_trie_entry {
	const char *key;
	const char *value;
	uint32_t key_len;
	uint32_t value_len;
	uint32_t priority;
};

/*
 * The index of N entries as bytes, the caller's to free. The caller has sorted the entries by key
 * (bytewise, the shorter first), and those of one key in the order of their values in the index.
 * Nothing is copied or checked. 0, -EFBIG (over 256 MiB) or -ENOMEM.
 */
int mf_trie_write(const struct mf_trie_entry *sorted, size_t n, void **ret_buf, size_t *ret_len);

/*
 * Puts the nodes of an index that mf_trie_write() has made into the order of depmod since kmod 34: each node
 * before its children, where older versions have it after them. The content is the same, and every
 * reader takes both. *BUF, of LEN bytes, is the caller's; it is freed and replaced by one of the same
 * length. 0 or -ENOMEM; then *BUF is as it was.
 */
int mf_trie_parents_first(void **buf, size_t len);

/* Takes entries in any order. Sorts the values of one key by priority, the last added first. */
struct mf_trie_builder;

int mf_trie_builder_new(struct mf_trie_builder **ret_builder);
void mf_trie_builder_free(struct mf_trie_builder *builder);
/* Adds a copy of a value. 0; -EINVAL: an index cannot hold its bytes or length; -ENOMEM. */
int mf_trie_builder_add(struct mf_trie_builder *builder, const char *key, const char *value,
			uint32_t priority);
/* The index as bytes, the caller's to free. Returns as mf_trie_write(). */
int mf_trie_builder_finish(struct mf_trie_builder *builder, void **ret_buf, size_t *ret_len);

#endif
