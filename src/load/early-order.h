/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LOAD_EARLY_ORDER_H
#define LOAD_EARLY_ORDER_H
/* The order of an early load, see mf_load_early(). */
#include "modfetch/libkmod.h"
#include "modfetch/load.h"
#include "modfetch/strings.h"
#include "modfetch/want.h"

/* Zeroed: empty. */
struct early_order {
	struct early_step {
		size_t image;
		const char *subject; /* the syspath of the want that it is loaded for; borrowed */
	} * v;			     /* dependencies first */
	size_t n;
	struct mf_strings needs; /* modules on disk that have to be loaded before them */
};

/*
 * Orders all of the N images. 0; 1: they cannot be loaded early; -ENOMEM, not recorded. The caller
 * passes RET_ORDER to early_order_done() in any case.
 */
int early_order_make(struct mf_kmod *kmod, const struct mf_want *wants, size_t n_wants,
		     const struct mf_load_image *images, size_t n, struct early_order *ret_order);
void early_order_done(struct early_order *order);

#endif
