/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_WORKERS_H
#define MODFETCH_WORKERS_H
/*
 * Threads that share loops over numbered jobs. They are started once and wait between two loops: a
 * new thread costs as much as a good deal of work, and begins where its creator is running.
 */
#include <stddef.h>

struct mf_workers;

/* How many threads are worth having: the processors this process may use, at most 16. */
unsigned int mf_threads(void);

/*
 * Threads for up to THREADS at a time, the caller's own among them. Where some cannot be started
 * the others do the work. 0 or -ENOMEM.
 */
int mf_workers_new(unsigned int threads, struct mf_workers **ret_workers);
/* Ends the threads. Not from a job; NULL: nothing. */
void mf_workers_free(struct mf_workers *workers);

/*
 * Calls JOB for each i < N, in no order but begun in this one; WORKER < THREADS tells apart who is
 * at work. Returns when all are done. One loop at a time. WORKERS may be NULL: nobody helps.
 */
void mf_workers_run(struct mf_workers *workers, size_t n,
		    void (*job)(void *arg, size_t i, unsigned int worker), void *arg);

#endif
