/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SURROUNDINGS_H
#define MODFETCH_SURROUNDINGS_H
/*
 * What a process inherits from whoever started it, and what of that is left to count. Libc only.
 * The first two are to be called before anything else is, while there is one thread.
 */
#include <spawn.h>
#include <stdbool.h>

/*
 * Occupies the descriptors 0 to 2 where they are closed, so that no file opened later becomes what
 * somebody writes messages to. Reading and writing them fails as before, with EBADF. 0 or -errno.
 */
int mf_surroundings_descriptors(void);

/* Takes all variables out of the environment but those that are documented to count. */
void mf_surroundings_environment(void);

/*
 * Is the running program in a build directory, one that has a build.ninja at it or above it? Only
 * there MODFETCH_LIBEXECDIR counts: an installed program starts the helper it was installed with.
 * False where that cannot be found out, or where the program has raised rights.
 */
bool mf_surroundings_build_tree(void);

/*
 * For a program that is about to be started: all signals as if nobody had touched them, and none
 * blocked. FLAGS: further ones of posix_spawnattr_setflags(3), or 0. 0 or -ENOMEM.
 */
int mf_surroundings_signals(posix_spawnattr_t *attributes, int flags);

#endif
