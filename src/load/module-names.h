/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULE_NAMES_H
#define MODFETCH_MODULE_NAMES_H
/*
 * The names of all modules of a kernel, on disk and built in, read once: for a caller that asks for
 * thousands of names. libkmod answers for one name, and checks the file of each module that it
 * depends on every time.
 */
#include "modfetch/libkmod.h"
#include "modfetch/table.h"

/* Zeroed: no modules. */
struct mf_module_names {
	struct mf_table presence; /* name: enum mf_presence */
	struct mf_arena arena;	  /* the names */
};

/*
 * Reads the indexes that KMOD reads; a missing one counts as empty, and of a damaged one what can
 * be read counts. 0, -ENOMEM or another -errno; records nothing.
 */
int mf_module_names_read(const struct mf_kmod *kmod, struct mf_module_names *names);
/* Answers as mf_kmod_presence(). NAME is spelled as kmod does. */
enum mf_presence mf_module_names_get(const struct mf_module_names *names, const char *name);
void mf_module_names_done(struct mf_module_names *names);

#endif
