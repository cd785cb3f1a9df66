/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRAVEL_REPLICA_H
#define TRAVEL_REPLICA_H
/* A temporary root that stands for the machine of a list. */
#include "modfetch/context.h"
#include "modfetch/list.h"
#include "modfetch/travel.h"

struct travel_replica {
	char *path;	       /* of its root */
	struct mf_context ctx; /* for its kernel; its settings are those of this machine */
};

/*
 * Makes a replica of the machine of LIST, which must outlive it, with the configuration of repositories of
 * the context's root; WITHOUT_REPOSITORIES: only with the settings. 0 or a recorded failure; the caller
 * passes RET_REPLICA, which is zeroed, to travel_replica_done() in any case.
 */
int travel_replica_make(struct mf_context *ctx, const struct mf_list *list,
			bool without_repositories, struct travel_replica *ret_replica);
/* Removes it. */
void travel_replica_done(struct travel_replica *replica);

#endif
