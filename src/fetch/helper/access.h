/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_ACCESS_H
#define MODFETCH_FETCH_ACCESS_H
/* The ways to reach servers that the other side has sent: proxies, passwords, certificates, limits. */
#include <stddef.h>
#include "../fetch-wire.h"
#include "curl.h"

struct accesses {
	struct mf_curl_access **v;
	size_t n;
};

/*
 * Handles a packet of type VARIABLE, ACCESS or OPTION; FD stays the caller's. 0, -EBADMSG, -ENOMEM or
 * another -errno.
 */
int fetch_access_on_packet(struct accesses *accesses, const struct mf_wire *packet,
			   const char *text, int fd);
/* The access of that number, from 1. NULL: there is none. */
const struct mf_curl_access *fetch_access_find(const struct accesses *accesses, uint32_t number);
/* The value of a numeric option; FALLBACK if ACCESS is NULL or has none. */
uint64_t fetch_access_number(const struct mf_curl_access *access, enum mf_wire_option option,
			     uint64_t fallback);
void fetch_accesses_done(struct accesses *accesses);

#endif
