/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PROCESS_H
#define MODFETCH_PROCESS_H
/* Processes, threads and signals: what a program starts, inherits and survives. */
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

/*
 * What a process inherits from whoever started it, and what of that is left to count. Libc only.
 * The first two are to be called before anything else is, while there is one thread.
 */

/*
 * Occupies the descriptors 0 to 2 where they are closed, so that no file opened later becomes what
 * somebody writes messages to. Reading and writing them fails as before, with EBADF. 0 or -errno.
 */
int mf_process_occupy_stdio(void);

/* Takes all variables out of the environment but those that are documented to count. */
void mf_process_clean_environment(void);

/*
 * Is the running program in a build directory, one that has a build.ninja at it or above it? Only
 * there MODFETCH_LIBEXECDIR counts: an installed program starts the helper it was installed with.
 * False where that cannot be found out, or where the program has raised rights.
 */
bool mf_process_in_build_tree(void);

/*
 * For a program that is about to be started: all signals as if nobody had touched them, and none
 * blocked. FLAGS: further ones of posix_spawnattr_setflags(3), or 0. 0 or -ENOMEM.
 */
int mf_process_reset_signals(posix_spawnattr_t *attributes, int flags);

/*
 * Work in a process of its own: for a library that keeps state for the whole process, which a
 * failure may leave unusable.
 */

typedef int mf_child_work(struct mf_context *ctx, void *arg);

/*
 * Forks, calls WORK in the child and waits for it. Returns what WORK returned, and takes over the
 * failure it recorded; nothing else it changes in memory comes back. -ECHILD, recorded: the child
 * ended without an answer. To be called while there is one thread.
 */
int mf_child_run(struct mf_context *ctx, const char *stage, mf_child_work *work, void *arg);

/*
 * Threads that share loops over numbered jobs. They are started once and wait between two loops: a
 * new thread costs as much as a good deal of work, and begins where its creator is running.
 */

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

/*
 * A file that is mapped is read when its bytes are looked at, and what cannot be read then (the
 * disk fails, somebody has cut the file) is a signal, SIGBUS, not an error code. Libc only.
 */

/*
 * To be called by main(), before anything is mapped. From then on such a failure is one line on
 * standard error that names the file. Outside of mf_bus_guarded() the process then ends with status
 * 1, as if it had been killed: what it had begun is undone by whoever waits for it, or by the next
 * run.
 */
void mf_bus_errors(void);

/* Returns 0, a positive outcome or a negative code, as its caller has it. */
typedef int mf_bus_work(void *arg);
/*
 * Does WORK, which reads LEN mapped bytes at MAP. If some of them cannot be read, returns -EIO, and
 * what WORK was about to do is left as it stood: it must not hold what has to be given back. Any
 * other return is WORK's. Guards may be nested, and each thread has its own. The handler is there from
 * the first call on, also without mf_bus_errors().
 */
int mf_bus_guarded(const void *map, size_t len, mf_bus_work *work, void *arg);

/*
 * Has the kernel read all of a map now: 0, or -errno where part of it cannot be. Where the kernel
 * does not know how (before Linux 5.14), 0.
 */
int mf_bus_populate(void *map, size_t len);

#endif
