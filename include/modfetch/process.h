/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PROCESS_H
#define MODFETCH_PROCESS_H
/* Processes, threads and signals. */
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "modfetch/context.h"

/*
 * The descriptors and the environment that a process inherits, and which of them it uses. Libc
 * only. The program calls the first two functions before all others, while it has one thread.
 */

/*
 * Opens the descriptors 0 to 2 if they are closed, so that no file opened later becomes standard
 * output or error. Reading and writing them still fails with EBADF. 0 or -errno.
 */
int mf_process_occupy_stdio(void);

/* Removes all variables from the environment except the documented ones. */
void mf_process_clean_environment(void);

/*
 * Is the running program in a build directory, with a build.ninja in its directory or above it?
 * Only there MODFETCH_LIBEXECDIR has an effect: an installed program starts the helper it was
 * installed with. False if that cannot be determined, or if the program runs with raised rights.
 */
bool mf_process_in_build_tree(void);

/*
 * The path of the running program's file in RET_PATH (PATH_MAX bytes), without a final " (deleted)";
 * RET_REPLACED (may be NULL): that file was replaced or removed since the program was started.
 * 0 or -errno.
 */
int mf_process_program(char *ret_path, bool *ret_replaced);

/*
 * Was this process started by PID, or by a process that PID started, and so on? A process whose
 * parent is outside of this pid namespace counts as started by nobody. False also without /proc.
 */
bool mf_process_is_below(pid_t pid);

/*
 * Sets the attributes for a new program so that all signals have their default action and none is
 * blocked. FLAGS: additional flags of posix_spawnattr_setflags(3), or 0. 0 or -ENOMEM.
 */
int mf_process_reset_signals(posix_spawnattr_t *attributes, int flags);

/*
 * Work in a child process: for a library whose state is global to the process and may be unusable
 * after a failure.
 */

typedef int mf_child_work(struct mf_context *ctx, void *arg);

/*
 * Forks, calls WORK in the child process and waits for it. Returns the return of WORK and copies
 * the failure that it recorded; its other changes in memory are lost. -ECHILD, recorded: the child
 * process exited without an answer; another -errno, recorded: it could not be started. To be called
 * while the process has one thread.
 */
int mf_child_run(struct mf_context *ctx, enum mf_stage stage, mf_child_work *work, void *arg);

/*
 * A pool of threads that share loops over numbered jobs. The threads are started once and wait
 * between two loops: starting a thread is expensive, and it starts on its creator's processor.
 */

struct mf_workers;

/* The useful number of threads: the processors this process may use, at least 1, at most 16. */
unsigned int mf_threads(void);

/*
 * Starts a pool of THREADS threads, the caller's own included. If some cannot be started, the
 * others do the work. The caller frees the pool. 0 or -ENOMEM.
 */
int mf_workers_new(unsigned int threads, struct mf_workers **ret_workers);
/* Ends the threads and frees the pool. Not to be called from a job. NULL: does nothing. */
void mf_workers_free(struct mf_workers *workers);

/*
 * Calls JOB for each i < N; jobs are started in this order and finish in any. WORKER < THREADS is
 * the number of the thread that runs the job. Returns when all jobs are done. One loop at a time.
 * With WORKERS NULL the caller runs all jobs.
 */
void mf_workers_run(struct mf_workers *workers, size_t n,
		    void (*job)(void *arg, size_t i, unsigned int worker), void *arg);

/*
 * The kernel reads a mapped file when the process accesses its bytes. A read error (the disk fails,
 * the file was truncated) is then a signal, SIGBUS, instead of an error code. Libc only.
 */

/*
 * Installs the SIGBUS handler; main() calls it before anything is mapped. From then on such an
 * error prints one line with the file's name to standard error. Outside of mf_bus_guarded() the
 * process then exits with status 1 at once, as if it had been killed: its parent or the next run
 * undoes the work it had started.
 */
void mf_bus_errors(void);

/* Returns 0, a positive outcome or a negative code, as the caller of the guard defines. */
typedef int mf_bus_work(void *arg);
/*
 * Calls WORK, which reads LEN mapped bytes at MAP. If some of them cannot be read, returns -EIO;
 * WORK is then left by a jump in the middle, so it must not own memory, descriptors or locks. Any
 * other return is WORK's. Guards may be nested, and each thread has its own. The first call
 * installs the handler if mf_bus_errors() was not called.
 */
int mf_bus_guarded(const void *map, size_t len, mf_bus_work *work, void *arg);

/*
 * Makes the kernel read all of a map now. 0, or -errno if part of it cannot be read. A kernel
 * before Linux 5.14 cannot do this: 0 without a read.
 */
int mf_bus_populate(void *map, size_t len);

/*
 * The path of a program of the running system, in the directories of programs; the caller's to free.
 * NULL: there is none, or no memory.
 */
char *mf_process_find(const char *name);
/*
 * Starts a program, ARGV[0] with its path, in a process group of its own, with signals at their
 * defaults and nothing but PATH in its environment. IN, OUT and ERR become its standard descriptors
 * and stay the caller's. 0 or -errno.
 */
int mf_process_start(const char *const *argv, int in, int out, int err, pid_t *ret_pid);
/*
 * Waits for its end. The status of wait(2); -ETIMEDOUT: it took more than SECONDS and was killed
 * with its children; or another -errno.
 */
int mf_process_wait_for(pid_t pid, unsigned int seconds);

#endif
