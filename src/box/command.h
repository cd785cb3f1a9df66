/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_COMMAND_H
#define BOX_COMMAND_H
#include <sys/types.h>
#include "modfetch/box.h"

/* The descriptors that the command inherits, by number; only the first three reach the build. */
enum box_fd {
	BOX_FD_IN,	/* /dev/null */
	BOX_FD_OUT,	/* the log */
	BOX_FD_ERR,	/* the log */
	BOX_FD_CONTROL, /* a socket: the box writes a line when it is made, and waits for one */
	BOX_FD_FILTER,	/* the filter of system calls */
	BOX_FD_PASSWD,	/* /etc/passwd of the box */
	BOX_FD_GROUP,	/* /etc/group */
	BOX_FDS,
};

/*
 * Where the file system of the box is mounted while bwrap makes the box, in a namespace of its own.
 */
#define BOX_MOUNT "/mnt"

/*
 * Appends the command that makes the box and runs the script in it: ARGV[0] is a path. 0;
 * -MFE_TOOL, -EINVAL, -ENOMEM or another -errno, recorded.
 */
int box_command(struct mf_context *ctx, const struct mf_box *box, uid_t uid, gid_t gid,
		struct mf_strings *argv);

#endif
