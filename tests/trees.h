/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_TREES_H
#define TESTS_TREES_H
/* Shared by unit tests that use real kernels: the path of an unpacked kernel, and its modules. */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The directory lib/modules/KVER of the kernel that tests/lib/kernel names KIND; static storage. */
static inline const char *tree_of(const char *kind)
{
	static char dir[512];
	char command[256], root[256], kver[128];
	FILE *pipe;

	snprintf(command, sizeof(command), "%s/lib/kernel %s", TESTS_DIR, kind);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%255s %127s", root, kver), 2);
	assert_int_equal(pclose(pipe), 0);
	snprintf(dir, sizeof(dir), "%s/lib/modules/%s", root, kver);
	return dir;
}

/* Calls VISIT with ARG for every EVERYth module below DIR; returns how many that were. */
static inline size_t each_module(const char *dir, size_t every,
				 void (*visit)(void *arg, const char *path), void *arg)
{
	char copy[512];
	char *const roots[] = { copy, NULL };
	size_t seen = 0, visited = 0;
	FTSENT *e;
	FTS *fts;

	snprintf(copy, sizeof(copy), "%s", dir);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(fts);
	while ((e = fts_read(fts))) {
		const char *ko = strstr(e->fts_name, ".ko");

		if (e->fts_info != FTS_F || !ko || (ko[3] && ko[3] != '.') || seen++ % every)
			continue;
		visit(arg, e->fts_path);
		visited++;
	}
	fts_close(fts);
	return visited;
}

#endif
