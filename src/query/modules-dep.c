/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modules.dep as a set of files: lines of "PATH: PATH…", of which the first path is the module.
 *
 * Paths are relative to the kernel's directory; modules of depmod's "external" directories have
 * absolute ones. Of two files of one name depmod takes one, so a file whose name is in the index
 * and whose path is not was ignored by depmod on purpose. The dependencies in a line are not read.
 */
#include "modules-dep.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/file.h"
#include "modfetch/module-name.h"

#define DEP_MAX ((size_t)256 << 20)

static int add_path(struct mf_modules_dep *dep, const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len), *base = slash ? slash + 1 : path;
	size_t base_len = len - (size_t)(base - path);
	char *name = mf_arena_alloc(&dep->arena, base_len + 1);
	uint32_t *place;
	int r;

	if (!name)
		return -ENOMEM;
	r = mf_table_put(&dep->paths, path, len, 0, &place);
	if (r >= 0)
		r = mf_table_put(&dep->names, name, mf_module_spell(base, base_len, name), 0,
				 &place);
	return r < 0 ? r : 0;
}

int mf_modules_dep_read(int dirfd, struct mf_modules_dep *ret_dep)
{
	struct mf_modules_dep dep = { 0 };
	size_t len;
	int r = mf_file_read_at(dirfd, "modules.dep", DEP_MAX, &dep.text, &len);

	for (char *line = dep.text, *next; r >= 0 && line && *line; line = next) {
		size_t n = strcspn(line, ":\n");

		next = strchr(line, '\n');
		next = next ? next + 1 : NULL;
		if (n && line[n] == ':')
			r = add_path(&dep, line, n);
	}
	if (r < 0)
		mf_modules_dep_done(&dep);
	*ret_dep = dep;
	return r < 0 && r != -ENOENT ? r : 0;
}

bool mf_modules_dep_mark(struct mf_modules_dep *dep, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	uint32_t *found = mf_table_get(&dep->paths, path, strlen(path));
	char name[MF_MODULE_NAME_SIZE];
	size_t len = strlen(base);

	if (found)
		*found = 1;
	return found || (len < sizeof(name) &&
			 mf_table_get(&dep->names, name, mf_module_spell(base, len, name)));
}

int mf_modules_dep_each_unmarked(const struct mf_modules_dep *dep, mf_modules_dep_fn *fn, void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && dep->paths.slots && i <= dep->paths.mask; i++) {
		const struct mf_table_slot *slot = &dep->paths.slots[i];

		if (slot->key && !slot->value)
			r = fn(arg, slot->key, slot->len);
	}
	return r;
}

void mf_modules_dep_done(struct mf_modules_dep *dep)
{
	free(dep->text);
	mf_table_done(&dep->paths);
	mf_table_done(&dep->names);
	mf_arena_done(&dep->arena);
	*dep = (struct mf_modules_dep){ 0 };
}
