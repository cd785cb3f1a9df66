/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FILELISTS_H
#define TESTS_FILELISTS_H
/* filelists.xml for the packages of tests/primary.h, which have the length of their name for a digest. */
#include <stdio.h>
#include <string.h>
#include "modfetch/file.h"

struct filelist {
	const char *name;
	const char *files; /* separated by blanks */
};

/* A memory file with the lists of N packages. */
static inline int filelists_file(const struct filelist *lists, size_t n)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int fd = mf_memfile_new("filelists.xml");

	assert_non_null(f);
	assert_true(fd >= 0);
	fprintf(f,
		"<?xml version=\"1.0\"?><filelists "
		"xmlns=\"http://linux.duke.edu/metadata/filelists\" packages=\"%zu\">",
		n);
	for (size_t i = 0; i < n; i++) {
		const char *file = lists[i].files;

		fprintf(f,
			"<package pkgid=\"%064x\" name=\"%s\" arch=\"x86_64\"><version "
			"epoch=\"0\" ver=\"1\" rel=\"1\"/>",
			(unsigned int)strlen(lists[i].name), lists[i].name);
		while (*(file += strspn(file, " "))) {
			size_t size = strcspn(file, " ");

			fprintf(f, "<file>%.*s</file>", (int)size, file);
			file += size;
		}
		fputs("</package>", f);
	}
	fputs("</filelists>", f);
	fclose(f);
	assert_int_equal(mf_file_write(fd, text, len), 0);
	free(text);
	return fd;
}

#endif
