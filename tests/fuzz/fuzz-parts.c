/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A package list in parts, of any bytes under a right hash: it is refused, or a plan can be made of
 * it, and what is told of its packages is in memory.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/file.h"
#include "modfetch/solv-parts.h"
#include "modfetch/solve.h"
#include "modfetch/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What ends the file, as src/solv/solv-private.h has it. */
static int sealed(const uint8_t *data, size_t size)
{
	struct {
		char mark[24];
		uint64_t hash;
	} end = { .mark = "modfetch packages end", .hash = mf_hash(data, size) };
	int fd = mf_memfile_new("parts");

	assert(fd >= 0 && !mf_file_write(fd, data, size));
	assert(!mf_file_write(fd, &end, sizeof(end)));
	return fd;
}

static size_t look(struct mf_pool *pool, const int *ids, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		bytes += strlen(p.name) + strlen(p.evr) + strlen(p.arch);
		bytes += p.location ? strlen(p.location) : 0;
	}
	return bytes;
}

static void plan(struct mf_pool *pool, const int *ids, size_t n)
{
	struct mf_solution solution = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct mf_job job = { false, &ids[i], 1 };

		assert(!mf_pool_solve(pool, &job, 1, &solution));
		for (size_t j = 0; j < solution.n; j++)
			look(pool, &solution.steps[j].id, 1);
		mf_solution_done(&solution);
		solution = (struct mf_solution){ 0 };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "nic-kmp-amd64-6.1.0_56", "kmod(far.ko)" };
	int fd = sealed(data, size), *ids = NULL, r;
	struct mf_pool *pool;
	size_t n = 0;

	assert(!mf_pool_new("x86_64", &pool));
	r = mf_pool_add_parts(pool, fd, 0, 99, names, 1);
	close(fd);
	assert(r == 0 || r == -EBADMSG);
	if (!r)
		r = mf_pool_load(pool, names, 1);
	if (!r)
		r = mf_pool_bring(pool, names, 2);
	assert(r == 0 || r == 1 || r == -EBADMSG);
	if (!r) {
		assert(!mf_pool_list(pool, 0, &ids, &n));
		assert(!mf_pool_add_system(pool, NULL, 0, ids, n, NULL));
		(void)mf_pool_settle(pool);
		mf_pool_ready(pool);
		look(pool, ids, n);
		plan(pool, ids, n);
		free(ids);
	}
	mf_pool_free(pool);
	return 0;
}
