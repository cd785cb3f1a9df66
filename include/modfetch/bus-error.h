/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BUS_ERROR_H
#define MODFETCH_BUS_ERROR_H
/*
 * A file that is mapped is read when its bytes are looked at, and what cannot be read then (the
 * disk fails, somebody has cut the file) is a signal, SIGBUS, not an error code. Libc only.
 */
#include <stddef.h>

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
