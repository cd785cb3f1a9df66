/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UPDATEINFO_H
#define TESTS_UPDATEINFO_H
/* An updateinfo.xml in a memory file. */
#include "modfetch/file.h"

#define UPDATES(text) "<?xml version=\"1.0\" encoding=\"UTF-8\"?><updates>" text "</updates>"
#define UPDATE(id, type, severity, packages)                                                       \
	"<update from=\"test@example.org\" status=\"final\" type=\"" type                          \
	"\" version=\"1\"><id>" id "</id><title>of " id "</title><severity>" severity              \
	"</severity><pkglist><collection short=\"c\"><name>c</name>" packages                      \
	"</collection></pkglist></update>"
#define OF(name, epoch, version, release, arch)                                                    \
	"<package name=\"" name "\" epoch=\"" epoch "\" version=\"" version                        \
	"\" release=\"" release "\" arch=\"" arch "\"><filename>" name ".rpm</filename></package>"

static inline int updateinfo_file(const char *text)
{
	int fd = mf_memfile_new("updateinfo.xml");

	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, text, strlen(text)), 0);
	return fd;
}

#endif
