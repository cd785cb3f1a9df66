/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRIE_H
#define MODFETCH_TRIE_H
/*
 * kmod's binary index: a radix trie from keys, which may be patterns, to values with a priority.
 * The format of modules.alias.bin and its siblings, version 2.1, written byte for byte as depmod
 * does (libkmod/libkmod-index.h and tools/depmod.c of kmod describe it); also the form of
 * modfetch's own alias index. The reader needs nothing but libc and never trusts an offset in the
 * file.
 */
#include <stddef.h>
#include <stdint.h>

/* ---- reading ---- */

/* Bytes of the longest key; depmod cuts patterns at as many. */
#define MF_TRIE_KEY_MAX 4095

struct mf_trie; /* an open index: the file, mapped read-only */

/*
 * Opens NAME below DIRFD. 0, -ENOENT, -EBADMSG (not such a file) or another -errno. A file whose
 * bytes cannot be read later, when a walk comes to them, is then found damaged; a visitor that came
 * upon that is left where it was.
 */
int mf_trie_open_at(int dirfd, const char *name, struct mf_trie **ret_trie);
/* Over bytes of the caller's, which must outlive it. 0, -EBADMSG or -ENOMEM. */
int mf_trie_new(const void *buf, size_t len, struct mf_trie **ret_trie);
void mf_trie_free(struct mf_trie *trie);

/*
 * Told one value. KEY is the full key or pattern the value stands under. A non-zero return ends the
 * walk and is handed on. Both strings are valid during the call only.
 */
typedef int mf_trie_visit(void *arg, const char *key, const char *value, uint32_t priority);

/*
 * Visits the values of every pattern that matches NAME as fnmatch(3) does without flags, as kmod's
 * wildcard search does; in the order of the file, not of priority. NAME must hold no '['. Returns
 * 0, the visitor's return, or -EBADMSG for a damaged file.
 */
int mf_trie_match(const struct mf_trie *trie, const char *name, mf_trie_visit *visit, void *arg);
/* Visits the values under exactly KEY. */
int mf_trie_find(const struct mf_trie *trie, const char *key, mf_trie_visit *visit, void *arg);
/* Visits everything. */
int mf_trie_walk(const struct mf_trie *trie, mf_trie_visit *visit, void *arg);

/* ---- writing ---- */

/* One value under one key: bytes 1..127, no NUL needed at the end, not owned. */
struct mf_trie_entry {
	const char *key;
	const char *value;
	uint32_t key_len;
	uint32_t value_len;
	uint32_t priority;
};

/*
 * The index of N entries as bytes, the caller's to free. The entries are sorted by key (bytewise,
 * the shorter first), those of one key in the order their values are to have. For who has them
 * sorted already: nothing is copied or checked. 0, -EFBIG (over 256 MiB) or -ENOMEM.
 */
int mf_trie_write(const struct mf_trie_entry *sorted, size_t n, void **ret_buf, size_t *ret_len);

/* Entries in any order. Values of one key are put in order of priority, the later added first. */
struct mf_trie_builder;

int mf_trie_builder_new(struct mf_trie_builder **ret_builder);
void mf_trie_builder_free(struct mf_trie_builder *builder);
/* Copies a value under a key. 0; -EINVAL for a byte or length no index can hold; -ENOMEM. */
int mf_trie_builder_add(struct mf_trie_builder *builder, const char *key, const char *value,
			uint32_t priority);
/* The whole index as bytes; the buffer is the caller's. As mf_trie_write(). */
int mf_trie_builder_finish(struct mf_trie_builder *builder, void **ret_buf, size_t *ret_len);

#endif
