/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BOX_H
#define MODFETCH_BOX_H
/*
 * Runs the build of a foreign source where it can do no harm: as the user MF_BOX_USER without
 * capabilities, without a network, in a file system of its own that ends with the build, under
 * limits and a deadline. Only the named result files and a bounded log leave it.
 *
 * The programs of the box (compiler, make, shell) and its user are those of the running system.
 * With another root, the source and the directories of READ_ONLY come from that root; each of these
 * needs a directory of the same name on the running system if it lies below /usr or /lib.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_BOX_USER "modfetch-build"

/* What is run; everything is borrowed. */
struct mf_box {
	/* directory below the root whose copy is built; NULL: an empty one */
	const char *source;
	/*
	 * Absolute path of the copy in the box: compilers write it into their output. The build may
	 * write here and to /tmp, and nowhere else.
	 */
	const char *place;
	/* text for /bin/sh, in PLACE, with LC_ALL=C */
	const char *script;
	/* absolute paths of directories of the root that the box has at the same place; or NULL */
	const struct mf_strings *read_only;
	/* paths below PLACE, or NULL */
	const struct mf_strings *results;
	/* file below the root for the output, without control characters, mode 0600; or NULL */
	const char *log;
	unsigned int seconds;	/* until all is killed */
	unsigned int processes; /* at the same time, threads included */
	uint64_t memory;	/* bytes of each process; with systemd, of all and of their files */
	uint64_t space;		/* bytes of the copy, and of all that the build writes */
	uint64_t result_max;	/* bytes of one result */
};

/* Why a build ended; all but MF_BOX_DEADLINE follow from its status and its output. */
enum mf_box_outcome {
	MF_BOX_DONE,	 /* status 0 */
	MF_BOX_FAILED,	 /* another status */
	MF_BOX_DEADLINE, /* killed when its time was over */
	MF_BOX_MEMORY,	 /* a kill by the kernel, or its output says that memory ran out */
	MF_BOX_SPACE,	 /* another status, and its output says that SPACE was used up */
};

/* A zeroed struct is empty; the caller passes it to mf_box_result_done(). */
struct mf_box_result {
	enum mf_box_outcome outcome;
	int status;	   /* of the script: 0 to 255, 128 + N after signal N */
	char *first_error; /* see mf_box_first_error(); NULL: there was no output, or status 0 */
	int *fds; /* sealed memory files at their start, one for each of RESULTS; -1: not made */
	size_t n;
};

/*
 * Copies the source, runs the script, waits until every process of the box has ended, then takes
 * the results. If the calling thread ends, so does the box.
 *
 * 0: it ran, see RET_RESULT->outcome; results are taken only from MF_BOX_DONE. Recorded failures:
 * -MFE_NOT_ROOT; -MFE_TOOL (a program or the user of the box is missing, or the box could not be
 * made); -MFE_TOO_LARGE (a result has more than RESULT_MAX bytes); -MFE_BAD_MODULE (a result is a
 * link, a directory or another special file, or its path leads through a link); -ENOSPC (the source
 * alone is larger than SPACE); -EINVAL (PLACE or a path of READ_ONLY is not absolute, or not
 * normal); another -errno.
 */
int mf_box_run(struct mf_context *ctx, const struct mf_box *box, struct mf_box_result *ret_result);
void mf_box_result_done(struct mf_box_result *result);

/*
 * Appends the names of the programs that a box needs and this machine lacks ("bwrap", "setpriv"),
 * not those of a build (make, a compiler). 0 or -ENOMEM.
 */
int mf_box_missing(struct mf_strings *programs);

/*
 * The line of a build's output that says best why it failed: the first error of a compiler, of
 * modpost, the linker or the shell, else the first of make, else the last line. It is the caller's
 * to free, printable and at most 300 bytes long. NULL: there is no line, or no memory. Pure.
 */
char *mf_box_first_error(const char *log, size_t len);

#endif
