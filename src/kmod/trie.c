/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of kmod's binary index.
 *
 * All numbers are 32 bits, big-endian. The file begins with the magic B007F457, the version (major
 * in the high half; this reader supports 2) and a reference to the root node. A reference has the
 * node's offset in its low 28 bits; its high bits declare the parts of the node, in this order:
 *	0x80000000	a prefix: the common bytes of all keys below, NUL-terminated
 *	0x20000000	children: the first and last byte (one byte each), then a reference for each
 *			byte from first to last, 0: no child
 *	0x40000000	values: their count, then for each its priority and its bytes and a NUL
 * A child adds its byte and then its own prefix to the key.
 *
 * Needs only libc, since it is linked into the helper that udev runs for each event. Trusts no
 * byte: every part is checked against the file's end, keys are bounded, and a walk visits at most
 * as many nodes as the file has bytes, so that a circle of references is detected as damage. A read
 * error during a walk counts as damage too.
 */
#include "modfetch/trie.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/process.h"

#define MAGIC	     0xB007F457u
#define MAJOR	     2
#define HAS_PREFIX   0x80000000u
#define HAS_VALUES   0x40000000u
#define HAS_CHILDREN 0x20000000u
#define OFFSET	     0x0FFFFFFFu
#define HEADER_LEN   12

struct mf_trie {
	const uint8_t *p;
	size_t len;
	uint32_t root;
	bool mapped;
};

/* One node; its parts were checked to be inside the file. */
struct node {
	const char *prefix;
	size_t prefix_len;
	uint8_t first, last;
	const uint8_t *children; /* NULL: none */
	const uint8_t *values;	 /* NULL: none */
	uint32_t n_values;
};

/* The state of a walk: the key so far, and how many more nodes it may visit. */
struct walk {
	const struct mf_trie *trie;
	mf_trie_visit *visit;
	void *arg;
	const char *wanted;
	unsigned char without; /* keys with this byte are left out; 0: none are */
	size_t budget;
	size_t key_len;
	char key[MF_TRIE_KEY_MAX + 1];
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int mf_trie_new(const void *buf, size_t len, struct mf_trie **ret_trie)
{
	const uint8_t *p = buf;
	struct mf_trie *trie;

	if (len < HEADER_LEN || get32(p) != MAGIC || get32(p + 4) >> 16 != MAJOR)
		return -EBADMSG;
	trie = malloc(sizeof(*trie));
	if (!trie)
		return -ENOMEM;
	*trie = (struct mf_trie){ p, len, get32(p + 8), false };
	*ret_trie = trie;
	return 0;
}

/* Arguments of open_mapped(), which reads the header only. */
struct opening {
	const void *p;
	size_t len;
	struct mf_trie **ret_trie;
};

static int open_mapped(void *arg)
{
	struct opening *o = arg;

	return mf_trie_new(o->p, o->len, o->ret_trie);
}

static int map_file(int fd, struct mf_trie **ret_trie)
{
	struct opening o = { .ret_trie = ret_trie };
	struct stat st;
	void *p;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < HEADER_LEN)
		return -EBADMSG;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	o.p = p;
	o.len = (size_t)st.st_size;
	r = mf_bus_guarded(p, o.len, open_mapped, &o);
	if (r < 0) {
		munmap(p, (size_t)st.st_size);
		return r;
	}
	(*ret_trie)->mapped = true;
	return 0;
}

int mf_trie_open_at(int dirfd, const char *name, struct mf_trie **ret_trie)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	if (fd < 0)
		return -errno;
	r = map_file(fd, ret_trie);
	close(fd);
	return r;
}

void mf_trie_free(struct mf_trie *trie)
{
	if (!trie)
		return;
	if (trie->mapped)
		munmap((void *)(uintptr_t)trie->p, trie->len);
	free(trie);
}

/* 0 or -EBADMSG. */
static int read_node(struct walk *w, uint32_t ref, struct node *ret_node)
{
	const uint8_t *file = w->trie->p;
	size_t at = ref & OFFSET, len = w->trie->len;
	struct node node = { .first = 1 };

	if (at < HEADER_LEN || at > len || !w->budget)
		return -EBADMSG;
	w->budget--;
	if (ref & HAS_PREFIX) {
		node.prefix = (const char *)file + at;
		node.prefix_len = strnlen(node.prefix, len - at);
		if (node.prefix_len == len - at)
			return -EBADMSG;
		at += node.prefix_len + 1;
	}
	if (ref & HAS_CHILDREN) {
		if (len - at < 2 || file[at] > file[at + 1])
			return -EBADMSG;
		node.first = file[at];
		node.last = file[at + 1];
		at += 2;
		if ((len - at) / 4 < (size_t)(node.last - node.first) + 1)
			return -EBADMSG;
		node.children = file + at;
		at += ((size_t)(node.last - node.first) + 1) * 4;
	}
	if (ref & HAS_VALUES) {
		if (len - at < 4)
			return -EBADMSG;
		node.n_values = get32(file + at);
		node.values = file + at + 4;
	}
	*ret_node = node;
	return 0;
}

/* 0: no such child. */
static uint32_t child_ref(const struct node *node, unsigned int byte)
{
	if (!node->children || byte < node->first || byte > node->last)
		return 0;
	return get32(node->children + 4 * (size_t)(byte - node->first));
}

/* Visits the values of a node, whose key is the walk's. */
static int visit_values(struct walk *w, const struct node *node)
{
	const uint8_t *p = node->values, *end = w->trie->p + w->trie->len;

	w->key[w->key_len] = '\0';
	for (uint32_t i = 0; i < node->n_values; i++) {
		size_t n;
		int r;

		if (end - p < 4)
			return -EBADMSG;
		n = strnlen((const char *)p + 4, (size_t)(end - p) - 4);
		if (n == (size_t)(end - p) - 4)
			return -EBADMSG;
		r = w->visit(w->arg, w->key, (const char *)p + 4, get32(p));
		if (r)
			return r;
		p += 4 + n + 1;
	}
	return 0;
}

/* Appends N bytes to the key. 0 or -EBADMSG. */
static int push(struct walk *w, const char *bytes, size_t n)
{
	if (n > MF_TRIE_KEY_MAX - w->key_len)
		return -EBADMSG;
	if (n)
		memcpy(w->key + w->key_len, bytes, n);
	w->key_len += n;
	return 0;
}

/*
 * fnmatch(3) without flags. Nearly all patterns of devices have only stars as wildcards; for these
 * it is enough to backtrack to the last star, whereas fnmatch() backtracks to every star.
 */
static bool is_match(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	if (strpbrk(pattern, "[\\?"))
		return !fnmatch(pattern, name, 0);
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*name && *pattern == *name) {
			pattern++;
			name++;
		} else if (!*name && !*pattern) {
			return true;
		} else if (star && *from) {
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
}

/* Can a pattern that begins with the bytes of the key from FROM on match? True if unknown. */
static bool may_match(struct walk *w, size_t from, const char *name)
{
	bool may;

	if (w->key_len >= MF_TRIE_KEY_MAX || strpbrk(w->key + from, "[\\?"))
		return true;
	memcpy(w->key + w->key_len, "*", 2);
	may = is_match(w->key + from, name);
	w->key[w->key_len] = '\0';
	return may;
}

/*
 * Visits all values below a node; SKIP bytes of its prefix are in the key already. With REST, only
 * values for which the key from FROM on, as a pattern, matches REST.
 */
static int walk_all(struct walk *w, const struct node *node, size_t skip, const char *rest,
		    size_t from)
{
	size_t old_len = w->key_len;
	int r = push(w, node->prefix + skip, node->prefix_len - skip);

	if (r < 0)
		return r;
	if (w->without && memchr(w->key + old_len, w->without, w->key_len - old_len)) {
		w->key_len = old_len;
		return 0;
	}
	w->key[w->key_len] = '\0';
	if (node->n_values && (!rest || is_match(w->key + from, rest))) {
		r = visit_values(w, node);
		if (r)
			return r;
	}
	if (rest && node->children && !may_match(w, from, rest)) {
		w->key_len = old_len;
		return 0;
	}
	for (unsigned int byte = node->first; node->children && byte <= node->last; byte++) {
		uint32_t ref = child_ref(node, byte);
		size_t here = w->key_len;
		char c = (char)byte;
		struct node child;

		if (!ref || (w->without && byte == w->without))
			continue;
		r = read_node(w, ref, &child);
		if (r >= 0)
			r = push(w, &c, 1);
		if (r >= 0)
			r = walk_all(w, &child, 0, rest, from);
		if (r)
			return r;
		w->key_len = here;
	}
	w->key_len = old_len;
	return 0;
}

static bool is_wild(char c)
{
	return c == '*' || c == '?' || c == '[';
}

/* Visits the children of a node that begin with a wildcard; NAME is the rest of the name. */
static int match_wild_children(struct walk *w, const struct node *node, const char *name)
{
	static const char wild[] = "*?[";
	size_t here = w->key_len;

	for (const char *c = wild; *c; c++) {
		uint32_t ref = child_ref(node, (unsigned char)*c);
		struct node child;
		int r;

		if (!ref)
			continue;
		r = read_node(w, ref, &child);
		if (r >= 0)
			r = push(w, c, 1);
		if (r >= 0)
			r = walk_all(w, &child, 0, name, here);
		if (r)
			return r;
		w->key_len = here;
	}
	return 0;
}

/*
 * Follows the name byte by byte. If the trie has a wildcard there, all keys below it are matched as
 * patterns against the rest of the name.
 */
static int trie_match(void *arg)
{
	struct walk *w = arg;
	const char *name = w->wanted;
	uint32_t ref = w->trie->root;

	for (;;) {
		struct node node;
		int r = read_node(w, ref, &node);

		if (r < 0)
			return r;
		for (size_t i = 0; i < node.prefix_len; i++) {
			if (is_wild(node.prefix[i]))
				return walk_all(w, &node, i, name, w->key_len);
			if (*name != node.prefix[i])
				return 0;
			r = push(w, name++, 1);
			if (r < 0)
				return r;
		}
		r = match_wild_children(w, &node, name);
		if (r)
			return r;
		if (!*name)
			return visit_values(w, &node);
		ref = child_ref(&node, (unsigned char)*name);
		if (!ref)
			return 0;
		r = push(w, name++, 1);
		if (r < 0)
			return r;
	}
}

static int trie_find(void *arg)
{
	struct walk *w = arg;
	const char *key = w->wanted;
	uint32_t ref = w->trie->root;

	for (;;) {
		struct node node;
		size_t n;
		int r = read_node(w, ref, &node);

		if (r < 0)
			return r;
		n = node.prefix_len;
		if (n && strncmp(key, node.prefix, n) != 0)
			return 0;
		r = push(w, key, n);
		if (r < 0)
			return r;
		key += n;
		if (!*key)
			return visit_values(w, &node);
		ref = child_ref(&node, (unsigned char)*key);
		if (!ref)
			return 0;
		r = push(w, key++, 1);
		if (r < 0)
			return r;
	}
}

/* The root of an empty index has no parts. */
static bool is_empty(const struct mf_trie *trie)
{
	return !(trie->root & ~OFFSET);
}

static int walk_whole(void *arg)
{
	struct walk *w = arg;
	struct node root;
	int r = read_node(w, w->trie->root, &root);

	return r < 0 ? r : walk_all(w, &root, 0, NULL, 0);
}

/* Runs WALK, guarded against read errors of a mapped file. */
static int run_walk(const struct mf_trie *trie, mf_bus_work *walk, const char *wanted, char without,
		    mf_trie_visit *visit, void *arg)
{
	struct walk w; /* no zeroes for the key, which takes longer than to find one */
	int r;

	w.trie = trie;
	w.visit = visit;
	w.arg = arg;
	w.wanted = wanted;
	w.without = (unsigned char)without;
	w.budget = trie->len;
	w.key_len = 0;
	w.key[0] = '\0';
	if (is_empty(trie))
		return 0;
	r = trie->mapped ? mf_bus_guarded(trie->p, trie->len, walk, &w) : walk(&w);
	return r == -EIO ? -EBADMSG : r;
}

int mf_trie_match(const struct mf_trie *trie, const char *name, mf_trie_visit *visit, void *arg)
{
	return run_walk(trie, trie_match, name, '\0', visit, arg);
}

int mf_trie_find(const struct mf_trie *trie, const char *key, mf_trie_visit *visit, void *arg)
{
	return run_walk(trie, trie_find, key, '\0', visit, arg);
}

int mf_trie_walk(const struct mf_trie *trie, mf_trie_visit *visit, void *arg)
{
	return run_walk(trie, walk_whole, NULL, '\0', visit, arg);
}

int mf_trie_walk_without(const struct mf_trie *trie, char byte, mf_trie_visit *visit, void *arg)
{
	return run_walk(trie, walk_whole, NULL, byte, visit, arg);
}
