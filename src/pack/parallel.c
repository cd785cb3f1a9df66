/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A loop spread over threads. The work must touch nothing but its own item: no context, no log, no
 * list that grows; what it finds out is gathered when all are done, in the order of the items, so
 * that a run with eight threads says the same as one with one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "src/pack/model.h"

struct loop {
	pack_work *work;
	void *arg;
	size_t n;
	atomic_size_t next;
};

static void *run(void *p)
{
	struct loop *loop = p;
	size_t i;

	while ((i = atomic_fetch_add(&loop->next, 1)) < loop->n)
		loop->work(loop->arg, i);
	return NULL;
}

int pack_parallel(unsigned int jobs, size_t n, pack_work *work, void *arg)
{
	struct loop loop = { .work = work, .arg = arg, .n = n };
	_cleanup_free_ pthread_t *threads = NULL;
	unsigned int made = 0;

	if (jobs > n)
		jobs = (unsigned int)n;
	/* this thread is one of them: with no other to be had, the work is done all the same */
	threads = calloc(jobs ? jobs : 1, sizeof(*threads));
	if (!threads)
		return -ENOMEM;
	while (made + 1 < jobs && !pthread_create(&threads[made], NULL, run, &loop))
		made++;
	run(&loop);
	while (made)
		pthread_join(threads[--made], NULL);
	return 0;
}
