/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_QUEUE_H
#define MODFETCH_FETCH_QUEUE_H
/* The requests of the download helper; decides which mirror is next for each. */
#include <stdbool.h>
#include <stdint.h>
#include "../fetch-wire.h"

struct queue;

/*
 * Reads packets up to GO from the socket. 0 and the queue; 1 if the other side closed before; or
 * -errno.
 */
int fetch_queue_read(int sock, struct queue **ret_queue);
void fetch_queue_free(struct queue *queue);

/* The text of SETUP: the user to become. Borrowed from the queue. */
const char *fetch_queue_user(const struct queue *queue);
/* The largest MAX of all requests, in bytes. */
uint64_t fetch_queue_max_size(const struct queue *queue);

/* Fetches until the other side closes the socket. 0 or -errno. */
int fetch_queue_run(struct queue *queue);

#endif
