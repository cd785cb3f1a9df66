/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the names in a kernel's module indexes.
 *
 * libkmod answers whether a module exists from the same indexes. But it resolves the dependencies
 * of the module first, and calls stat() for the file of each; for all modules of a repository
 * that is twelve thousand calls for eight hundred files. Here modules.dep.bin and
 * modules.builtin.bin are read once, and only their keys count. A damaged index is treated as
 * libkmod treats it: what cannot be read is not there.
 */
#include "module-names.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/trie.h"

struct names_reading {
	struct mf_module_names *names;
	enum mf_presence presence;
};

static int names_add(struct mf_module_names *names, const char *name, enum mf_presence presence)
{
	size_t len = strlen(name);
	uint32_t *value = mf_table_get(&names->presence, name, len);
	char *key = value ? NULL : mf_arena_copy(&names->arena, name, len);

	/* a module on disk counts before a built-in one: it is added first */
	if (value)
		return 0;
	return key && mf_table_put(&names->presence, key, len, presence, &value) >= 0 ? 0 : -ENOMEM;
}

static int on_index_key(void *arg, const char *key, const char *value, uint32_t priority)
{
	const struct names_reading *reading = arg;

	return names_add(reading->names, key, reading->presence);
}

static void names_trie_cleanup(struct mf_trie **trie)
{
	mf_trie_free(*trie);
}

/* 1: there is such an index; 0: there is none; or an error. */
static int names_read_index(int dirfd, const char *file, enum mf_presence presence,
			    struct mf_module_names *names)
{
	_cleanup_(names_trie_cleanup) struct mf_trie *trie = NULL;
	struct names_reading reading = { names, presence };
	int r = mf_trie_open_at(dirfd, file, &trie);

	if (r == -ENOENT)
		return 0;
	if (!r)
		r = mf_trie_walk(trie, on_index_key, &reading);
	return r < 0 && r != -EBADMSG ? r : 1;
}

/* The text file, for a kernel without an index of its built-in modules. */
static int names_read_text(int dirfd, struct mf_module_names *names)
{
	_cleanup_(mf_builtins_done) struct mf_builtins builtins = { 0 };
	int r = mf_builtins_read_names(dirfd, &builtins);

	for (size_t i = 0; !r && i < builtins.names.n; i++)
		r = names_add(names, builtins.names.v[i], MF_BUILTIN);
	return r;
}

int mf_module_names_read(const struct mf_kmod *kmod, struct mf_module_names *names)
{
	int dirfd = mf_kmod_directory(kmod), r;

	if (dirfd < 0)
		return 0;
	r = names_read_index(dirfd, "modules.dep.bin", MF_ON_DISK, names);
	if (r >= 0)
		r = names_read_index(dirfd, "modules.builtin.bin", MF_BUILTIN, names);
	return r ? (r < 0 ? r : 0) : names_read_text(dirfd, names);
}

enum mf_presence mf_module_names_get(const struct mf_module_names *names, const char *name)
{
	const uint32_t *presence = mf_table_get(&names->presence, name, strlen(name));

	return presence ? (enum mf_presence) * presence : MF_ABSENT;
}

void mf_module_names_done(struct mf_module_names *names)
{
	mf_table_done(&names->presence);
	mf_arena_done(&names->arena);
}
