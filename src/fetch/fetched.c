/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The value that the fetch stage hands on: a sealed memory file, the address it came from, and what
 * the server said of its version.
 * Whoever receives it owns the descriptor and the two strings.
 */
#include "modfetch/fetch.h"
#include <stdlib.h>
#include <unistd.h>

void mf_fetched_done(struct mf_fetched *fetched)
{
	if (fetched->fd >= 0)
		close(fetched->fd);
	free(fetched->etag);
	free(fetched->url);
	*fetched = (struct mf_fetched){ .fd = -1 };
}
