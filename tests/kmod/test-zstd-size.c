/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The oracle is the zstd tool, and how kmod 34 and later read what it writes. */
#include "tests/unit.h"
#include "modfetch/modinfo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

/* What a shell command prints, with the size of the plain text in $n. */
static bool states(const char *command)
{
	_cleanup_free_ char *text = NULL;
	FILE *f = popen(command, "r");
	size_t len;
	bool result;

	assert_non_null(f);
	assert_int_equal(mf_file_read(fileno(f), 8 << 20, &text, &len), 0);
	assert_int_equal(pclose(f), 0);
	assert_true(len > 4);
	result = mf_zstd_states_size(text, len);
	/* whatever is cut off, nothing after the end is read, and a part is never enough */
	for (size_t n = 0; n < len && n < 64; n++) {
		_cleanup_free_ void *part = malloc(n + !n);

		memcpy(part, text, n);
		assert_false(mf_zstd_states_size(part, n));
	}
	return result;
}

static void a_file_states_its_size_and_a_pipe_does_not(void **state)
{
	static const char *const sizes[] = {
		"1", "255", "256", "300", "65792", "70000", "3000000"
	};
	char command[512];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (unsigned int options = 0; options < 4; options++) {
			snprintf(command, sizeof(command),
				 "t=$(mktemp); head -c %s /dev/urandom >$t; zstd -q -c %s%s $t; rm "
				 "$t",
				 sizes[i], options & 1 ? "--no-check " : "",
				 options & 2 ? "--ultra -22" : "-1");
			assert_true(states(command));
			snprintf(command, sizeof(command), "head -c %s /dev/zero | zstd -q -c",
				 sizes[i]);
			assert_false(states(command));
		}
}

static void an_empty_file_states_nothing_of_use(void **state)
{
	assert_false(states("t=$(mktemp); zstd -q -c $t; rm $t"));
}

static void frames_after_the_first_must_fit_into_it(void **state)
{
	assert_false(states("t=$(mktemp); head -c 9000 /dev/urandom >$t; zstd -q -c $t $t; rm $t"));
	/* nothing more, or what is skipped */
	assert_true(states(
		"t=$(mktemp); e=$(mktemp); head -c 9000 /dev/urandom >$t; "
		"zstd -q -c $t $e; printf '\\120\\052\\115\\030\\002\\0\\0\\0ab'; rm $t $e"));
	assert_false(states("t=$(mktemp); head -c 9000 /dev/urandom >$t; "
			    "zstd -q -c $t; printf '\\120\\052\\115\\030\\003\\0\\0\\0ab'; rm $t"));
	assert_false(
		states("t=$(mktemp); head -c 9000 /dev/urandom >$t; zstd -q -c $t; echo x; rm $t"));
}

static void other_formats_state_nothing(void **state)
{
	assert_false(states("gzip -c /bin/sh"));
	assert_false(states("cat /bin/sh"));
}

/* A module as kmod before 34 and since then reads it. */
static void a_module_from_a_pipe_is_none_for_newer_readers(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		char path[] = "/tmp/test-zstd.XXXXXX", module[] = "/tmp/test-zstd.XXXXXX",
		     line[256];
		int fd = mkstemp(path), plain = mkstemp(module), r;
		struct mf_modinfo info = { 0 };

		/* 20 bytes that are no module show which of the two errors it is: none before 34 */
		assert_true(fd >= 0 && plain >= 0);
		snprintf(line, sizeof(line), "head -c 4096 /bin/sh >%s", module);
		assert_int_equal(system(line), 0);
		snprintf(line, sizeof(line), "zstd -q -c %s %s >%s", i ? "<" : "", module, path);
		assert_int_equal(system(line), 0);
		r = mf_modinfo_scan(fd, &info);
		mf_modinfo_done(&info);
		info = (struct mf_modinfo){ 0 };
		if (i)
			assert_int_equal(mf_modinfo_scan_sized(fd, &info), -EBADMSG);
		else
			assert_int_equal(mf_modinfo_scan_sized(fd, &info), r);
		mf_modinfo_done(&info);
		close(fd);
		close(plain);
		unlink(path);
		unlink(module);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_states_its_size_and_a_pipe_does_not),
		cmocka_unit_test(an_empty_file_states_nothing_of_use),
		cmocka_unit_test(frames_after_the_first_must_fit_into_it),
		cmocka_unit_test(other_formats_state_nothing),
		cmocka_unit_test(a_module_from_a_pipe_is_none_for_newer_readers),
	};

	return UNIT_RUN(tests);
}
