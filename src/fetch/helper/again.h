/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_AGAIN_H
#define MODFETCH_FETCH_AGAIN_H
/* Which failures of a mirror may be gone a moment later, and how long that moment is. */
#include <stdbool.h>
#include <stdint.h>
#include "curl.h"

#define FETCH_ROUNDS   3  /* further rounds over the mirrors that may work again, by default */
#define FETCH_WAIT_MAX 30 /* seconds; a server that asks for more is not waited for */

/* Is the same request to the same mirror worth another try? CODE: its failure. */
bool fetch_again(const struct mf_exchange *exchange, int code);
/* The pause before round ROUND, from 0: microseconds. RETRY_AFTER: seconds, as servers asked for. */
uint64_t fetch_again_pause(unsigned int round, uint64_t retry_after);
/* How far a mirror got that failed with CODE, from 1; of all failures the furthest is reported. */
int fetch_failure_rank(int code);

#endif
