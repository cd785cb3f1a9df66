/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order can modules in memory be loaded, so that the effect is that of libkmod?
 *
 * The field "depends" of each says what must be loaded before: another module in memory, one that is in the
 * kernel, or one on disk. A softdep or an install line makes libkmod do more than that, and a module that
 * nothing here needs was installed for something else, such as a request of the kernel: then there is no
 * order. The graph has no cycle in valid modules; an invalid one has no order either.
 */
#include "early-order.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

#define NEEDS_MAX 64 /* dependencies of a module; more are no driver of a device */

enum visit { UNSEEN, OPEN, DONE };

struct ordering {
	struct mf_kmod *kmod;
	const struct mf_load_image *images;
	size_t n;
	enum visit *visits; /* of each image */
	struct early_order *order;
};

/* The image of a module; the number of images: none. */
static size_t find_image(const struct ordering *o, const char *module)
{
	char name[MF_MODULE_NAME_SIZE];
	size_t i = 0;

	while (i < o->n &&
	       !(mf_module_name(o->images[i].path, name, sizeof(name)) && !strcmp(name, module)))
		i++;
	return i;
}

static bool visit_image(struct ordering *o, size_t image, const char *subject);

static bool visit_need(struct ordering *o, const char *need, const char *subject)
{
	char name[MF_MODULE_NAME_SIZE];
	size_t image;

	if (!mf_module_name(need, name, sizeof(name)))
		return false;
	image = find_image(o, name);
	if (image < o->n)
		return visit_image(o, image, subject);
	if (mf_kmod_live(o->kmod, name))
		return true;
	return mf_kmod_presence(o->kmod, name) == MF_ON_DISK &&
	       mf_strings_add_unique(&o->order->needs, name) >= 0;
}

static bool visit_needs(struct ordering *o, const struct mf_load_image *image, const char *subject)
{
	_cleanup_(mf_strings_done) struct mf_strings needs = { 0 };
	const char *depends = mf_modinfo_get(image->info, "depends");

	if (mf_strings_split(&needs, depends ? depends : "") < 0 || needs.n > NEEDS_MAX)
		return false;
	for (size_t i = 0; i < needs.n; i++)
		if (!visit_need(o, needs.v[i], subject))
			return false;
	return true;
}

/* Adds an image to the order, after those that it needs. False: this is no case for an early load. */
static bool visit_image(struct ordering *o, size_t image, const char *subject)
{
	const struct mf_load_image *x = &o->images[image];
	char name[MF_MODULE_NAME_SIZE];

	if (o->visits[image] != UNSEEN)
		return o->visits[image] == DONE;
	if (!mf_module_name(x->path, name, sizeof(name)) || mf_modinfo_get(x->info, "softdep") ||
	    mf_kmod_has_softdeps(o->kmod, name) || mf_kmod_install_command(o->kmod, name))
		return false;
	o->visits[image] = OPEN;
	if (!visit_needs(o, x, subject))
		return false;
	o->visits[image] = DONE;
	o->order->v[o->order->n].subject = subject;
	o->order->v[o->order->n++].image = image;
	return true;
}

/* The same for all modules that the wants need. True: every image is in the order. */
static bool visit_wants(struct ordering *o, const struct mf_want *wants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mf_want *want = &wants[i];

		for (size_t j = 0; j < want->n_matches; j++) {
			size_t image = find_image(o, want->matches[j].module);

			if (image < o->n && mf_match_wanted(&want->matches[j]) &&
			    !visit_image(o, image, want->syspath))
				return false;
		}
	}
	return o->order->n == o->n;
}

int early_order_make(struct mf_kmod *kmod, const struct mf_want *wants, size_t n_wants,
		     const struct mf_load_image *images, size_t n, struct early_order *ret_order)
{
	_cleanup_free_ enum visit *visits = calloc(n + 1, sizeof(*visits));
	struct ordering o = { kmod, images, n, visits, ret_order };

	ret_order->v = calloc(n + 1, sizeof(*ret_order->v));
	if (!visits || !ret_order->v)
		return -ENOMEM;
	return visit_wants(&o, wants, n_wants) ? 0 : 1;
}

void early_order_done(struct early_order *order)
{
	free(order->v);
	mf_strings_done(&order->needs);
	*order = (struct early_order){ 0 };
}
