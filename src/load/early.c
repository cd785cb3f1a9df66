/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads the modules of a device from the verified package in memory, before they are installed.
 *
 * A device waits for its driver, and not for the rpm database or an index: together they take as long
 * as all stages before them. The load after the installation is the rule; this one happens only where
 * it does exactly what libkmod would do then (early-order.c). What cannot be loaded here is no failure:
 * the load after the installation tries again, and reports it. So a kernel that takes modules only from
 * files of a certain file system works as before.
 *
 * The record of attempts (modfetch/pending-loads.h) is made as always, with the digest that the file
 * will have.
 */
#include "modfetch/load.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "early-order.h"

struct early {
	struct mf_context *ctx;
	struct mf_kmod *kmod;
	struct mf_pending_loads *attempts;
	const struct mf_load_image *images;
	struct early_order order;
};

static void early_done(struct early *e)
{
	early_order_done(&e->order);
}

static int on_need(void *arg, const struct mf_strings *paths)
{
	struct early *e = arg;

	if (e->ctx->unattended && mf_pending_loads_find_any(e->ctx, e->attempts, paths))
		return -MFE_CRASHED;
	return mf_pending_loads_begin(e->ctx, e->attempts, paths, e->order.v[0].subject);
}

static void on_need_loaded(void *arg, const char *name)
{
}

static int load_needs(struct early *e)
{
	const struct mf_kmod_watch watch = { on_need, on_need_loaded, e };
	int r = 0;

	for (size_t i = 0; !r && i < e->order.needs.n; i++)
		r = mf_kmod_load(e->kmod, e->order.needs.v[i], false, &watch);
	return r;
}

/* Records the images FROM to END of the order, which have one subject. */
static int early_record(struct early *e, size_t from, size_t end)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	_cleanup_free_ const uint8_t **sha256 = calloc(end - from + 1, sizeof(*sha256));
	int r = sha256 ? 0 : -ENOMEM;

	for (size_t i = from; !r && i < end; i++) {
		const struct mf_load_image *image = &e->images[e->order.v[i].image];

		sha256[i - from] = image->sha256;
		r = mf_strings_add(&paths, image->path);
	}
	return r < 0 ? mf_fail(e->ctx, MF_STAGE_LOAD, r, "early load", NULL)
		     : mf_pending_loads_begin_early(e->ctx, e->attempts, &paths, sha256,
						    e->order.v[from].subject);
}

static int load_image(struct early *e, const struct mf_load_image *image)
{
	_cleanup_free_ char *parameters = NULL;
	char name[MF_MODULE_NAME_SIZE];

	if (!mf_module_name(image->path, name, sizeof(name)))
		return -EINVAL;
	parameters = mf_kmod_parameters(e->kmod, name);
	if (!parameters)
		return -ENOMEM;
	if (!syscall(SYS_init_module, image->info->data, image->info->data_len, parameters) ||
	    errno == EEXIST)
		return 0;
	mf_log(e->ctx, MF_LOG_DEBUG, "load: %s: not before it is installed: %m", name);
	return -errno;
}

static int load_images(struct early *e)
{
	int r = load_needs(e);

	for (size_t i = 0, end; !r && i < e->order.n; i = end) {
		for (end = i + 1;
		     end < e->order.n && e->order.v[end].subject == e->order.v[i].subject;)
			end++;
		r = early_record(e, i, end);
		for (size_t j = i; !r && j < end; j++)
			r = load_image(e, &e->images[e->order.v[j].image]);
	}
	return r;
}

bool mf_load_early(struct mf_context *ctx, struct mf_kmod *kmod, struct mf_pending_loads *attempts,
		   const struct mf_want *wants, size_t n_wants, const struct mf_load_image *images,
		   size_t n)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(early_done) struct early e = {
		.ctx = ctx, .kmod = kmod, .attempts = attempts, .images = images
	};

	return n && !early_order_make(kmod, wants, n_wants, images, n, &e.order) &&
	       load_images(&e) >= 0;
}
