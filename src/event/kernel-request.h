/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_REQUEST_H
#define MODFETCH_KERNEL_REQUEST_H
/*
 * The kernel requests a module itself, by a name or an alias without a bus: may it be fetched? Any
 * user can provoke such a request, so only modules that an installed or loaded module lists may be.
 * Answered from indexes only, within milliseconds: libc, no pool, no network.
 *
 * Files below the context's root:
 *   etc/modfetch/policy.d/off                         exists: nothing is fetched
 *   lib/modules/KVER/modules.{dep,alias}.bin          is it installed, is its requester installed?
 *   sys/module/NAME/initstate                         or is its requester in the kernel?
 *   var/cache/modfetch/REPO/current/{name,alias,request}-TAG.bin
 */
#include <stdbool.h>
#include "modfetch/context.h"

#define MF_KERNEL_REQUEST_MAX 255 /* bytes of a name */

enum mf_kernel_request {
	MF_REQUEST_REFUSED, /* no installed module lists it, or that is unknown */
	MF_REQUEST_PRESENT, /* modules on disk match: nothing needs to be fetched */
	MF_REQUEST_LISTED, /* not on disk, and listed by a module of this machine: may be fetched */
};

/*
 * Judges NAME in kmod's order: a module's name first, then aliases. Never fails: REFUSED for a name
 * out of bounds, a damaged or missing index, and without memory.
 */
enum mf_kernel_request mf_kernel_request_judge(const struct mf_context *ctx, const char *name);

/*
 * Visits the names of the modules on disk that have an alias. 0, the visitor's first non-zero
 * return, or -errno.
 */
typedef int mf_kernel_request_visit(void *arg, const char *module);
int mf_kernel_request_present(const struct mf_context *ctx, const char *name,
			      mf_kernel_request_visit *visit, void *arg);

/*
 * Is a run of modfetch loading modules now? A process that may serve a request of one of these
 * modules must not wait for that run. Never waits.
 */
bool mf_kernel_request_loading(const struct mf_context *ctx);

#endif
