/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_LIBKMOD_PRIVATE_H
#define LIB_LIBKMOD_PRIVATE_H
/* libkmod's header, for its adapter only: libkmod.c looks up and loads, libkmod-config.c asks modprobe.d. */
#include <libkmod.h>
#include <string.h>
#include "modfetch/builtin.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"

struct mf_kmod {
	struct kmod_ctx *kmod;
	int directory;		     /* the kernel's, O_PATH; -1: it does not exist */
	struct mf_builtins builtins; /* of a kernel without indexes of them */
};

/* May NAME be passed to libkmod? */
static inline bool libkmod_is_safe_name(const char *name)
{
	return mf_modalias_valid(name, strlen(name));
}

#endif
