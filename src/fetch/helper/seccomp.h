/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SECCOMP_H
#define MODFETCH_SECCOMP_H
/* The system call filter of the download helper, by libseccomp. */

/*
 * Restricts this process to sockets, memory, memory files and files opened for reading; it can
 * start threads but no process, run no program, and change nothing on disk. All other calls fail
 * with EPERM. Cannot be undone. 0 or -errno.
 */
int mf_seccomp_confine(void);

#endif
