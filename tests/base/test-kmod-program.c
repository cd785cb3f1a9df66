/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found in the file of a kmod, which is never run. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/kmod-program.h"

/* Strings as the program of Debian 13 has them. */
#define DEBIAN_13                                                                                  \
	"ELF\0could not open %s\0kmod version 34.2\0+ZSTD +XZ -ZLIB +OPENSSL\0%s/lib/modules/%s\0"

static void put(struct root *r, const char *path, const char *bytes, size_t len)
{
	root_write_bytes(r, path, bytes, len);
}

static void version_features_and_directory_are_strings_of_it(void **state)
{
	struct root *r = *state;
	struct mf_kmod_program program;

	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 1);
	put(r, "usr/bin/kmod", DEBIAN_13, sizeof(DEBIAN_13));
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_int_equal(program.version, 34);
	assert_string_equal(program.features, "+ZSTD +XZ -ZLIB +OPENSSL");
	assert_true(program.lib && !program.usr_lib);
	/* with another moduledir each of the strings has it */
	put(r, "usr/bin/kmod", "kmod version 31\0%s/usr/lib/modules/%s\0/usr/lib/modules", 51);
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_int_equal(program.version, 31);
	assert_string_equal(program.features, "");
	assert_true(!program.lib && program.usr_lib);
}

static void an_unchanged_file_is_not_read_again(void **state)
{
	struct root *r = *state;
	struct mf_kmod_program first, again;

	put(r, "bin/kmod", DEBIAN_13, sizeof(DEBIAN_13));
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &first), 0);
	assert_int_equal(mf_kmod_program_find(&r->ctx, first.id, &again), 0);
	assert_true(again.id == first.id && !again.version);
	put(r, "bin/kmod", "kmod version 30", 16);
	assert_int_equal(mf_kmod_program_find(&r->ctx, first.id, &again), 0);
	assert_true(again.id != first.id);
	assert_int_equal(again.version, 30);
}

static void what_is_not_kmod_is_passed_over(void **state)
{
	struct root *r = *state;
	struct mf_kmod_program program;

	/* this project's own depmod, or a script, in the place of one */
	put(r, "usr/sbin/depmod", "kmod version 34", 16);
	put(r, "bin/kmod", "kmod version x", 15);
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_int_equal(program.version, 34);
	/* a link that leads out of the root does not */
	assert_int_equal(unlinkat(r->fd, "usr/sbin/depmod", 0), 0);
	root_link(r, "../../../../../../../../bin/kmod", "usr/sbin/depmod");
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 1);
}

static void features_that_no_build_has_are_none(void **state)
{
	struct root *r = *state;
	struct mf_kmod_program program;
	char bytes[256];

	/* a control character, or too long */
	put(r, "bin/kmod", "kmod version 34\0+ZSTD \x1b[2J", 26);
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_string_equal(program.features, "");
	memcpy(bytes, "kmod version 34\0+ZSTD ", 22);
	memset(bytes + 22, '+', sizeof(bytes) - 22);
	put(r, "bin/kmod", bytes, sizeof(bytes));
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_string_equal(program.features, "");
	/* the string may end with the file */
	put(r, "bin/kmod", "+XZ \0/lib/modules\0kmod version 34", 33);
	assert_int_equal(mf_kmod_program_find(&r->ctx, 0, &program), 0);
	assert_int_equal(program.version, 34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(version_features_and_directory_are_strings_of_it),
		ROOTED(an_unchanged_file_is_not_read_again),
		ROOTED(what_is_not_kmod_is_passed_over),
		ROOTED(features_that_no_build_has_are_none),
	};

	return UNIT_RUN(tests);
}
