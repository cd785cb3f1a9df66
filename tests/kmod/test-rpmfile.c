/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real package, built here: complete, truncated at every byte, and with wrong lengths. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <endian.h>
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
	    "--define '_rpmformat 4' "
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
	assert_int_equal(mf_cpio_each(file.payload, file.payload_len, NULL, gather, f), 0);
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
	assert_int_equal(mf_cpio_each(file.payload, file.payload_len, NULL, stop_at_second, &calls),
			 77);
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
			assert_int_not_equal(mf_cpio_each(file.payload, file.payload_len, NULL,
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
		assert_int_equal(
			mf_cpio_each(bad[i], strlen(bad[i]) + 1, NULL, stop_at_second, &calls),
			-EBADMSG);
	assert_int_equal(mf_cpio_each("", 0, NULL, stop_at_second, &calls), -EBADMSG);
	assert_int_equal(calls, 0);
}

static void files_of_an_archive_with_numbers_have_names_and_sizes_from_the_list(void **state)
{
	static const struct mf_cpio_file files[] = { { "/a/dir", 040755, 4096 },
						     { "/a/one", 0100644, 5 },
						     { "/a/link", 0120777, 3 } };
	static const char archive[] =
		"07070X00000002\0\0one\0"
		"07070X00000000\0\0"
		"07070X00000001\0\0fiver\0\0\0"
		"070701000000000000000000000000000000000000000100000000"
		"00000000000000000000000000000000000000000000000b00000000TRAILER!!!";
	const struct mf_cpio_list list = { files, MF_ARRAY_SIZE(files) };
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(mf_cpio_each(archive, sizeof(archive), &list, gather, f), 0);
	fclose(f);
	assert_string_equal(text, "/a/link 120777 one\n/a/dir 40755 \n/a/one 100644 fiver\n");
	/* without the list no number has a name */
	assert_int_equal(mf_cpio_each(archive, sizeof(archive), NULL, gather, NULL), -EBADMSG);
}

static void numbers_that_lie_are_refused(void **state)
{
	/* not in the list, too short, no number; data that would end after the archive */
	static const char *const bad[] = { "07070X00000002", "07070X0000000", "07070X0000000g",
					   "07070X00000000xxabc" };
	static const struct mf_cpio_file files[] = { { "/a", 0100644, 7 }, { "/b", 0100644, 0 } };
	const struct mf_cpio_list list = { files, MF_ARRAY_SIZE(files) };
	int calls = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(
			mf_cpio_each(bad[i], strlen(bad[i]) + 1, &list, stop_at_second, &calls),
			-EBADMSG);
	assert_int_equal(calls, 0);
}

/* A file with nothing but a signature header of one entry, and an empty header. */
static size_t signed_file(uint8_t *buf, uint32_t tag, uint32_t type, uint32_t count,
			  const char *data, uint32_t data_len)
{
	static const uint8_t lead[96] = { 0xed, 0xab, 0xee, 0xdb };
	const uint32_t intro[] = { htobe32(0x8eade801), 0, htobe32(1), htobe32(data_len) };
	const uint32_t entry[] = { htobe32(tag), htobe32(type), 0, htobe32(count) };
	size_t len = sizeof(lead);

	memset(buf, 0, 512);
	memcpy(buf, lead, sizeof(lead));
	for (int i = 0; i < 2; i++) {
		memcpy(buf + len, intro, sizeof(intro));
		memcpy(buf + len + sizeof(intro), entry, sizeof(entry));
		memcpy(buf + len + sizeof(intro) + sizeof(entry), data, data_len);
		len = (len + sizeof(intro) + sizeof(entry) + data_len + 7) & ~(size_t)7;
	}
	return len;
}

static void signatures_of_both_kinds_are_found(void **state)
{
	struct mf_rpmfile file;
	uint8_t buf[512];
	size_t len = signed_file(buf, 268, 7, 3, "\1\0\2", 3);

	assert_int_equal(mf_rpmfile_parse(buf, len, &file), 0);
	assert_int_equal(file.signature_len, 3);
	assert_memory_equal(file.signature, "\1\0\2", 3);
	assert_int_equal(file.n_encoded, 0);
	len = signed_file(buf, 278, 8, 2, "QUJD\0RA==", 10);
	assert_int_equal(mf_rpmfile_parse(buf, len, &file), 0);
	assert_null(file.signature);
	assert_int_equal(file.n_encoded, 2);
	assert_memory_equal(file.encoded, "QUJD\0RA==", 10);
	/* of a wrong type, or without an end, it is none */
	len = signed_file(buf, 278, 7, 2, "QUJD\0RA==", 10);
	assert_int_equal(mf_rpmfile_parse(buf, len, &file), 0);
	assert_null(file.encoded);
	len = signed_file(buf, 278, 8, 2, "QUJD\0RA==", 9);
	assert_int_equal(mf_rpmfile_parse(buf, len, &file), 0);
	assert_null(file.encoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_parts_of_a_package_are_found),
		UNIT(a_visitor_can_end_the_walk),
		UNIT(cut_anywhere_it_is_no_package_or_no_archive),
		UNIT(lengths_that_lie_are_refused),
		UNIT(archives_that_lie_are_refused),
		UNIT(files_of_an_archive_with_numbers_have_names_and_sizes_from_the_list),
		UNIT(numbers_that_lie_are_refused),
		UNIT(signatures_of_both_kinds_are_found),
	};

	return cmocka_run_group_tests(tests, build_package, remove_package);
}
