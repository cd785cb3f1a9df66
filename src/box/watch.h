/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_WATCH_H
#define BOX_WATCH_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "output.h"

/* A running box. The caller fills in the first four, and closes the descriptors. */
struct box_watch {
	pid_t pid;    /* the started process */
	int log;      /* what the box prints; not blocking */
	int control;  /* our end of BOX_FD_CONTROL; not blocking */
	uint64_t end; /* of mf_now_us(), when all is killed */
	int outer;    /* a pidfd of PID, from box_watch() */
	int init;     /* a pidfd of the first process in the box; -1: the box was not made */
	int status;   /* of the script, as in struct mf_box_result */
	bool late;    /* it was killed at END */
};

/*
 * Starts the build as soon as the box is made, collects its output, and waits until no process of
 * the box is left: by itself, or killed at the deadline. PID is then waited for. 0 or -errno; also
 * after an error all have been killed.
 */
int box_watch(struct box_watch *watch, struct box_output *output);

#endif
