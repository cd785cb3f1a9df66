/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The result of the fetch stage: a sealed memory file, the URL it came from, and the etag of the
 * server.
 *
 * It has a file of its own, since its users need nothing else of the stage. The receiver owns the
 * descriptor and the two strings.
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
