/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_REQUEST_H
#define MODFETCH_KERNEL_REQUEST_H
/*
 * The kernel asks for a module by itself, by a name or an alias without a bus: may it be fetched?
 * Any user can provoke such a request, so only what a module of this machine lists may be. Answered
 * from indexes alone, within milliseconds: libc, no pool, no network.
 *
 * Files below the context's root:
 *   etc/modfetch/policy.d/off                         then nothing is fetched
 *   lib/modules/KVER/modules.{dep,alias}.bin          is it here, is who asks here?
 *   sys/module/NAME/initstate                         or is who asks in the kernel?
 *   var/cache/modfetch/REPO/current/{name,alias,request}-TAG.bin
 */
#include <stdbool.h>
#include "modfetch/context.h"

#define MF_KERNEL_REQUEST_MAX 255 /* bytes of a name */

enum mf_kernel_request {
	MF_REQUEST_REFUSED, /* no module here lists it, or nobody can tell */
	MF_REQUEST_PRESENT, /* modules on disk answer: there is nothing to fetch */
	MF_REQUEST_LISTED,  /* it is not on disk, and a module here lists it: it may be fetched */
};

/*
 * Judges NAME as kmod would look for it: a module's name first, then aliases. Never fails: a name
 * out of bounds, a damaged or missing index and no memory are REFUSED.
 */
enum mf_kernel_request mf_kernel_request_judge(const struct mf_context *ctx, const char *name);

/*
 * Visits the names of the modules on disk that an alias stands for. Returns the visitor's first
 * return that is not 0, or 0.
 */
typedef int mf_kernel_request_visit(void *arg, const char *module);
int mf_kernel_request_present(const struct mf_context *ctx, const char *name,
			      mf_kernel_request_visit *visit, void *arg);

/*
 * Is a run of modfetch loading modules at this moment? It must not be waited for by who may be
 * asked for on behalf of one of these modules. Never waits.
 */
bool mf_kernel_request_loading(const struct mf_context *ctx);

#endif
