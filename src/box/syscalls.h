/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_SYSCALLS_H
#define BOX_SYSCALLS_H

/* A memory file with the filter of system calls, as a program for the kernel. Or -errno. */
int box_syscalls_filter(void);

#endif
