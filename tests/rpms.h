/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_RPMS_H
#define TESTS_RPMS_H
/* Packages made by rpmbuild at test time, as sealed memory files. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/file.h"

struct rpm_spec {
	const char *name, *version; /* "1", or "2:1" with an epoch */
	const char *files;    /* paths, separated by blanks; each is made with its own path in it */
	const char *preamble; /* lines before %description, or NULL */
	const char *sections; /* %post and similar, or NULL */
	const char *install;  /* more commands of %install, or NULL */
};

/* The package file of SPEC, built below DIRECTORY. */
static inline int rpm_build(const char *directory, const struct rpm_spec *spec)
{
	const char *colon = strchr(spec->version, ':'),
		   *version = colon ? colon + 1 : spec->version;
	char path[300], command[1200];
	int from, to;
	size_t len;
	char *bytes = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.spec", directory, spec->name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
		"Name: %s\nVersion: %s\nRelease: 1\nSummary: test\nLicense: none\nAutoReqProv: "
		"no\n",
		spec->name, version);
	if (colon)
		fprintf(f, "Epoch: %.*s\n", (int)(colon - spec->version), spec->version);
	fprintf(f, "%s\n%%description\ntest\n%%install\nfor f in %s; do\n",
		spec->preamble ? spec->preamble : "", *spec->files ? spec->files : "''");
	fprintf(f,
		"[ -z \"$f\" ] && continue\nmkdir -p %%{buildroot}$(dirname $f)\necho %s-%s $f > "
		"%%{buildroot}$f\ndone\n",
		spec->name, version);
	fprintf(f, "%s\n%%files\n", spec->install ? spec->install : "");
	for (const char *p = spec->files; *(p += strspn(p, " ")); p += strcspn(p, " "))
		fprintf(f, "%.*s\n", (int)strcspn(p, " "), p);
	fprintf(f, "%s\n", spec->sections ? spec->sections : "");
	fclose(f);
	snprintf(command, sizeof(command),
		 "rpmbuild -bb --quiet --target x86_64 --define '_topdir %s' --define '_rpmdir %s' "
		 "--define '_rpmfilename %%{NAME}.rpm' --define 'debug_package %%{nil}' --define "
		 "'_build_id_links none' "
		 "--define '__os_install_post %%{nil}' --define '_binary_filedigest_algorithm 8' "
		 "--define '_rpmformat 4' "
		 "%s >%s/log 2>&1 || "
		 "{ cat %s/log >&2; false; }",
		 directory, directory, path, directory, directory);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/%s.rpm", directory, spec->name);
	from = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(from >= 0);
	to = mf_memfile_new(spec->name);
	assert_int_equal(mf_file_read(from, 1 << 24, &bytes, &len), 0);
	assert_int_equal(mf_file_write(to, bytes, len), 0);
	assert_int_equal(mf_memfile_seal(to), 0);
	free(bytes);
	close(from);
	return to;
}

#endif
