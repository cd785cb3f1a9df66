/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real package, built here: complete, truncated at every byte, and with wrong lengths. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"

struct package {
	char dir[64];
	uint8_t *data;
	size_t len;
};

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int build_package(void **state)
{
	struct package *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/test-rpmfile.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_return_code(chdir(p->dir), errno);
	run("mkdir files && printf one >files/one && printf three >files/three && ln -s one "
	    "files/link");
	run("printf 'Name: t\\nVersion: 1\\nRelease: 1\\nSummary: t\\nLicense: "
	    "none\\n%%description\\nt\\n"
	    "%%install\\nmkdir -p %%{buildroot}/srv\\ncp -a '$PWD'/files "
	    "%%{buildroot}/srv/\\n%%files\\n"
	    "/srv/files\\n' >t.spec");
	run("rpmbuild -bb --quiet --define \"_topdir $PWD/top\" --define '_binary_payload w.ufdio' "
	    "--target noarch t.spec >log 2>&1 || { cat log; false; }; mv top/RPMS/*/*.rpm t.rpm");
	assert_int_equal(mf_file_read_at(AT_FDCWD, "t.rpm", 1 << 20, (char **)&p->data, &p->len),
			 0);
	*state = p;
	return 0;
}

static int remove_package(void **state)
{
	struct package *p = *state;

	assert_int_equal(mf_tree_remove(AT_FDCWD, p->dir), 0);
	free(p->data);
	free(p);
	return 0;
}

static int gather(void *arg, const char *name, uint32_t mode, const void *data, size_t len)
{
	FILE *f = arg;

	fprintf(f, "%s %o %.*s\n", name, mode, (int)len, (const char *)data);
	return 0;
}

static void the_parts_of_a_package_are_found(void **state)
{
	const struct package *p = *state;
	_cleanup_free_ char *text = NULL;
	struct mf_rpmfile file;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(mf_rpmfile_parse(p->data, p->len, &file), 0);
	assert_null(file.signature);
	assert_ptr_equal(file.payload, file.header + file.header_len);
	assert_ptr_equal(file.payload + file.payload_len, p->data + p->len);
	assert_int_equal(mf_cpio_each(file.payload, file.payload_len, gather, f), 0);
	fclose(f);
	assert_string_equal(text, "./srv/files 40755 \n./srv/files/link 120777 one\n"
				  "./srv/files/one 100644 one\n./srv/files/three 100644 three\n");
}

static int stop_at_second(void *arg, const char *name, uint32_t mode, const void *data, size_t len)
{
	return ++*(int *)arg == 2 ? 77 : 0;
}

static void a_visitor_can_end_the_walk(void **state)
{
	const struct package *p = *state;
	struct mf_rpmfile file;
	int calls = 0;

	assert_int_equal(mf_rpmfile_parse(p->data, p->len, &file), 0);
	assert_int_equal(mf_cpio_each(file.payload, file.payload_len, stop_at_second, &calls), 77);
	assert_int_equal(calls, 2);
}

/* Each truncation has its own buffer, so that a sanitizer detects a read past its end. */
static void cut_anywhere_it_is_no_package_or_no_archive(void **state)
{
	const struct package *p = *state;
	struct mf_rpmfile file;
	size_t payload;

	assert_int_equal(mf_rpmfile_parse(p->data, p->len, &file), 0);
	payload = (size_t)(file.payload - p->data);
	for (size_t len = 0; len < p->len; len++) {
		_cleanup_free_ uint8_t *cut = malloc(len + 1);
		int calls = 0, r;

		memcpy(cut, p->data, len);
		r = mf_rpmfile_parse(cut, len, &file);
		assert_int_equal(r, len < payload ? -EBADMSG : 0);
		/* rpm pads the archive's end: bytes after the trailer are not needed */
		if (r == 0 && len < p->len - 512)
			assert_int_not_equal(mf_cpio_each(file.payload, file.payload_len,
							  stop_at_second, &calls),
					     0);
	}
}

static void lengths_that_lie_are_refused(void **state)
{
	/* offset in the file, bytes to put there: counts and lengths of both headers */
	static const size_t at[] = { 96 + 8, 96 + 12 };
	const struct package *p = *state;
	struct mf_rpmfile file;

	for (size_t i = 0; i < MF_ARRAY_SIZE(at); i++) {
		for (unsigned int byte = 0; byte < 4; byte++) {
			_cleanup_free_ uint8_t *copy = malloc(p->len);

			memcpy(copy, p->data, p->len);
			copy[at[i] + byte] = 0xff;
			assert_int_equal(mf_rpmfile_parse(copy, p->len, &file), -EBADMSG);
		}
	}
}

static void archives_that_lie_are_refused(void **state)
{
	/* magic, ino … rdevminor, name size, check; then the name */
	static const char *const bad[] = {
		"070701"
		"zz",
		"070707"
		"00000000"
		"000081a4",
		"07070X"
		"00000000",
		"070701"
		"00000001"
		"000081a4"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"ffffffff"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000002"
		"00000000"
		"a",
		"070701"
		"00000001"
		"000081a4"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"ffffffff"
		"00000000"
		"a",
		"070701"
		"00000001"
		"000081a4"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"a",
		"070701"
		"0000000g"
		"0000g1a4"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000002"
		"00000000"
		"a",
	};
	int calls = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_cpio_each(bad[i], strlen(bad[i]) + 1, stop_at_second, &calls),
				 -EBADMSG);
	assert_int_equal(mf_cpio_each("", 0, stop_at_second, &calls), -EBADMSG);
	assert_int_equal(calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_parts_of_a_package_are_found),
		UNIT(a_visitor_can_end_the_walk),
		UNIT(cut_anywhere_it_is_no_package_or_no_archive),
		UNIT(lengths_that_lie_are_refused),
		UNIT(archives_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, build_package, remove_package);
}
