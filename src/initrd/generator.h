/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_GENERATOR_H
#define INITRD_GENERATOR_H
/* The program that makes the initrds of this machine. */
#include "modfetch/context.h"

enum mf_generator { MF_GENERATOR_NONE, MF_GENERATOR_INITRAMFS_TOOLS, MF_GENERATOR_DRACUT };

/* The one that is installed below the root; initramfs-tools if both are. */
enum mf_generator mf_generator_find(const struct mf_context *ctx);
/* Its path below the root, with a leading slash; NULL for MF_GENERATOR_NONE. Static. */
const char *mf_generator_program(enum mf_generator generator);

#endif
