/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages of a plan that are on this machine already, since they were installed before or were
 * prefetched.
 *
 * The file is found by its name, which is in the signed metadata: no list has to be read. For the plan its
 * size is enough; when it is taken, its digest is compared with that of the signed metadata, over a sealed
 * copy, as with a download. The directory is not trusted: a file that is damaged or forged costs a
 * download, or the run if there is no network.
 */
#include "stored-step.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

struct mf_kept_package mf_stored_package(const struct mf_plan_item *item)
{
	struct mf_kept_package package = { .size = item->size,
					   .name = item->name,
					   .label = mf_plan_item_label(item) };

	memcpy(package.sha256, item->sha256, sizeof(package.sha256));
	return package;
}

void mf_stored_step(const struct mf_context *ctx, struct mf_run *run)
{
	for (size_t i = 0; i < run->plan.n; i++) {
		struct mf_plan_item *item = &run->plan.items[i];
		struct mf_kept_package package = mf_stored_package(item);
		_cleanup_free_ char *label = package.label;

		if (!label || item->taken_from == MF_TAKEN_FROM_STORE ||
		    !mf_kept_is_there(ctx, &package))
			continue;
		item->taken_from = MF_TAKEN_FROM_STORE;
		run->plan.download -= item->size;
	}
}

int mf_stored_take(struct mf_context *ctx, struct mf_plan_item *item,
		   struct mf_fetched *ret_fetched)
{
	struct mf_kept_package package = mf_stored_package(item);
	_cleanup_free_ char *label = package.label;
	_cleanup_free_ char *name = label ? mf_kept_file_name(&package) : NULL;
	_cleanup_free_ char *url = name ? mf_format("/" MF_KEPT_DIRECTORY "/%s", name) : NULL;
	int fd = url ? mf_kept_open(ctx, &package) : -ENOMEM;

	if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
		return mf_fail(ctx, MF_STAGE_FETCH, fd, item->name, NULL);
	if (fd >= 0) {
		ret_fetched->fd = fd;
		ret_fetched->size = item->size;
		ret_fetched->url = MF_STEAL(url);
		return 0;
	}
	mf_log(ctx, MF_LOG_WARNING, "fetch: %s is damaged or cannot be read, so %s is fetched: %s",
	       url, item->name, mf_error_sentence(fd));
	item->taken_from = MF_TAKEN_FROM_REPOSITORY;
	return 1;
}
