/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_START_H
#define BOX_START_H
#include <sys/types.h>
#include "modfetch/strings.h"
#include "command.h"

/*
 * Starts ARGV with the file system TREE at BOX_MOUNT, in a mount namespace of its own, with FDS as
 * its descriptors 0 to BOX_FDS - 1 and no other. The caller waits for RET_PID. 0 or -errno. A step
 * that fails after the fork is a line on BOX_FD_ERR, and exit status 127.
 */
int box_start(const struct mf_strings *argv, int tree, const int fds[BOX_FDS], pid_t *ret_pid);

#endif
