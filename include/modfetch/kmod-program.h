/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KMOD_PROGRAM_H
#define MODFETCH_KMOD_PROGRAM_H
/*
 * Facts about the kmod of a root: depmod, modprobe and the rest of it are one program. They are strings in its
 * file, which is read and never run: the program of an image may be hostile, or for another processor.
 */
#include <stdbool.h>
#include <stdint.h>
#include "modfetch/context.h"

#define MF_KMOD_FEATURES_SIZE 96

struct mf_kmod_program {
	uint64_t id;	      /* a number that changes with the file */
	unsigned int version; /* 34; 0: the file has KNOWN's id and was not read */
	/* as --version prints them, "+ZSTD +XZ -ZLIB …"; "": it has no such list */
	char features[MF_KMOD_FEATURES_SIZE];
	/* the module directories that it was built with: one, or (where it is not known) both or none */
	bool lib, usr_lib; /* /lib/modules, /usr/lib/modules */
};

/*
 * Finds and reads the program below the context's root. KNOWN: an id from an earlier call, 0: none.
 * 0; 1: there is none, RET_PROGRAM is not set.
 */
int mf_kmod_program_find(const struct mf_context *ctx, uint64_t known,
			 struct mf_kmod_program *ret_program);

#endif
