/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STUBS_STATE_H
#define MODFETCH_STUBS_STATE_H
#include <stdint.h>
#include "modfetch/context.h"

/*
 * A number for all that the install lines depend on: settings, repositories, module indexes and
 * modprobe.d. It changes if one of them changes, and costs some dozens of system calls. 0, -ENOMEM
 * or another -errno; records nothing.
 */
int mf_stubs_state(const struct mf_context *ctx, uint64_t *ret_state);

#endif
