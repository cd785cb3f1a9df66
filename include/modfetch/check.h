/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CHECK_H
#define MODFETCH_CHECK_H
/*
 * Is every driver on this disk what its package brought, signed by who may sign, made for the
 * kernel it lies with, and known to the indexes? Looks; changes and repairs nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

struct mf_finding {
	char *what;    /* path of the file, "/lib/…" */
	char *package; /* name-evr.arch of whose it is; NULL: nobody's */
	char *why;     /* one clause */
	int code;      /* -MFE_*: its name is stable */
};

struct mf_check {
	struct mf_finding *findings; /* in the order of their paths */
	size_t n_findings;
	size_t modules;	 /* files of modules that were looked at */
	size_t owned;	 /* of them, those that a package brought */
	size_t packages; /* with files of this kernel, or firmware */
	bool signatures; /* whether modules had to be signed: settings.module_signature and keys */
};

/*
 * Checks what the context's kernel has. 0, findings or none; -MFE_NOT_FOUND where the kernel has no
 * folder; -MFE_INSTALL, -MFE_CONFIG, -MFE_NO_KEYS or -errno, recorded: then nothing is known.
 */
int mf_check(struct mf_context *ctx, struct mf_check *ret_check);
void mf_check_done(struct mf_check *check);

#endif
