/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CLEANUP_H
#define MODFETCH_CLEANUP_H
/*
 * Ownership by attribute: an owned local is declared with _cleanup_(…) and always initialised;
 * MF_STEAL() or mf_steal_fd() passes ownership on. Every mf_X_done() accepts a zeroed value, every
 * mf_X_free() accepts NULL.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void mf_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void mf_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void mf_cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void mf_cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_free_	   _cleanup_(mf_cleanup_free)
#define _cleanup_close_	   _cleanup_(mf_cleanup_close)
#define _cleanup_fclose_   _cleanup_(mf_cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(mf_cleanup_closedir)

/* Returns the pointer P and sets P to NULL. */
#define MF_STEAL(p)                                                                                \
	__extension__({                                                                            \
		__typeof__(p) mf_stolen_ = (p);                                                    \
		(p) = NULL;                                                                        \
		mf_stolen_;                                                                        \
	})

/* Returns the descriptor *FD and sets *FD to -1. */
static inline int mf_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
