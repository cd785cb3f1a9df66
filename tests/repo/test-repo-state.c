/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/cache.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GOOD                                                                                       \
	"modfetch-state 1\nrevision 7\nsigned 1763697600\npublished 1763000000\ndigest " DIGITS    \
	"\nkeys " DIGITS "\nkey abc\nsigner CN = x\nurl http://a/b\netag \"e\"\n"

static int make_root(void **state)
{
	char dir[] = "/tmp/test-repo-state.XXXXXX";
	struct mf_context *ctx = calloc(1, sizeof(*ctx));

	assert_non_null(mkdtemp(dir));
	assert_int_equal(mf_context_init(ctx, dir, "1"), 0);
	*state = ctx;
	return 0;
}

static int remove_root(void **state)
{
	struct mf_context *ctx = *state;

	assert_int_equal(mf_tree_remove(AT_FDCWD, ctx->root), 0);
	mf_context_done(ctx);
	free(ctx);
	return 0;
}

static void put(const struct mf_context *ctx, const char *text, size_t len)
{
	_cleanup_close_ int fd = mf_context_mkdir(ctx, "var/lib/modfetch/repos");

	assert_int_equal(mf_file_publish(fd, "a.state", 0644, text, len), 0);
}

static void nothing_accepted_yet_is_an_empty_state(void **state)
{
	struct mf_repo_state got;

	memset(&got, 0xff, sizeof(got));
	assert_int_equal(mf_repo_state_read(*state, "never", &got), 0);
	assert_int_equal(got.accepted.signing_time, 0);
	assert_int_equal(got.used.signing_time, 0);
	assert_string_equal(got.etag, "");
}

static void what_is_written_is_read_again(void **state)
{
	struct mf_repo_state put_in = {
		.revision = UINT64_MAX,
		.accepted = { .signing_time = 4102444800, .key = "abc", .signer = "CN = a, O = b" },
		.used = { .signing_time = 1, .key = "def", .signer = "CN = c" },
		.marks = { { .key = "abc", .revision = UINT64_MAX, .signing_time = 4102444800 },
			   { .key = "def", .revision = 0, .signing_time = 1, .keyring = { 7 } } },
		.n_marks = 2,
		.identity = "drivers/stable, of ours",
		.url = "https://a/b c",
		.etag = "W/\"x\"",
	};
	struct mf_repo_state got;

	memset(put_in.accepted.digest, 0xa5, sizeof(put_in.accepted.digest));
	memset(put_in.used.keys, 0x5a, sizeof(put_in.used.keys));
	assert_int_equal(mf_repo_state_write(*state, "a", &put_in), 0);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_memory_equal(&got, &put_in, sizeof(got));
	/* text that came from elsewhere makes no line of its own */
	strcpy(put_in.accepted.signer, "CN = x\nsigned 9999999999");
	assert_int_equal(mf_repo_state_write(*state, "a", &put_in), 0);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_int_equal(got.accepted.signing_time, 4102444800);
	assert_string_equal(got.accepted.signer, "CN = x?signed 9999999999");
}

static void what_an_older_version_wrote_is_understood(void **state)
{
	static const char other[] =
		"modfetch-state 1\nrevision 7\nsigned 9\npublished 8\ndigest " DIGITS
		"\nkeys " DIGITS "\nkey abc\nsigner CN = x\n";
	static const char same[] =
		"modfetch-state 1\nrevision 7\nsigned 9\npublished 9\ndigest " DIGITS
		"\nkeys " DIGITS "\nkey abc\nsigner CN = x\n";
	struct mf_repo_state got;

	put(*state, same, sizeof(same) - 1);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_string_equal(got.used.key, "abc");
	assert_int_equal(got.n_marks, 1);
	assert_string_equal(got.marks[0].key, "abc");
	assert_int_equal(got.marks[0].revision, 7);
	assert_int_equal(got.marks[0].signing_time, 9);
	/* what is in use is another one, of which nothing is known */
	put(*state, other, sizeof(other) - 1);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_int_equal(got.used.signing_time, 0);
	assert_int_equal(got.marks[0].signing_time, 9);
}

static void no_password_is_written(void **state)
{
	struct mf_repo_state put_in = { .accepted = { .signing_time = 1, .key = "abc" },
					.url = "http://user:s3cret@host/repo",
					.etag = "x" };
	struct mf_repo_state got;

	assert_int_equal(mf_repo_state_write(*state, "a", &put_in), 0);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_string_equal(got.url, "http://host/repo");
}

static void any_cut_and_any_nonsense_is_a_damaged_state(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"modfetch-state 1\n",
		"modfetch-state 2\nsigned 1\n",
		"signed 1\nmodfetch-state 1\n",
		"modfetch-state 1\nsigned 0\n",
		"modfetch-state 1\nsigned -1\n",
		"modfetch-state 1\nsigned 1x\n",
		"modfetch-state 1\nsigned\n",
		"modfetch-state 1\nsigned 99999999999999999999\n",
		"modfetch-state 1\nsigned 9223372036854775808\n",
		"modfetch-state 1\nsigned 1\nrevision 18446744073709551616\n",
		"modfetch-state 1\nsigned 1\nrevision +1\n",
		"modfetch-state 1\nsigned 1\ndigest 00\n",
		"modfetch-state 1\nsigned 1",
		"modfetch-state 1\nsigned 1\nused-digest 00\n",
		"modfetch-state 1\nsigned 1\nmark abc 1 1\n",
		"modfetch-state 1\nsigned 1\nmark abc -1 1 -\n",
		"modfetch-state 1\nsigned 1\nmark abc 1 x -\n",
		"modfetch-state 1\nsigned 1\nmark abc 1 1 00\n",
		"modfetch-state 1\nsigned 1\n"
		"mark a 1 1 -\nmark a 1 1 -\nmark a 1 1 -\nmark a 1 1 -\nmark a 1 1 -\n"
		"mark a 1 1 -\nmark a 1 1 -\nmark a 1 1 -\nmark a 1 1 -\n",
	};
	struct mf_repo_state got;
	char longer[400];

	put(*state, GOOD, sizeof(GOOD) - 1);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), 0);
	assert_int_equal(got.revision, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put(*state, bad[i], strlen(bad[i]));
		if (mf_repo_state_read(*state, "a", &got) != -MFE_ROLLBACK)
			fail_msg("accepted: %s", bad[i]);
	}
	/* a cut in the middle of a line, wherever, is seen; whole lines may go from the end */
	for (size_t len = 0; len + 1 < sizeof(GOOD); len++) {
		put(*state, GOOD, len);
		if (len && GOOD[len - 1] == '\n')
			continue;
		assert_int_equal(mf_repo_state_read(*state, "a", &got), -MFE_ROLLBACK);
	}
	put(*state, "modfetch-state 1\nsigned 1\0\n", 27);
	assert_int_equal(mf_repo_state_read(*state, "a", &got), -MFE_ROLLBACK);
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "modfetch-state 1\nsigned 1\netag ", 31);
	longer[sizeof(longer) - 1] = '\n';
	put(*state, longer, sizeof(longer));
	assert_int_equal(mf_repo_state_read(*state, "a", &got), -MFE_ROLLBACK);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct mf_context *ctx = *state;
	_cleanup_close_ int fd = mf_context_mkdir(ctx, "var/lib/modfetch/repos");
	struct mf_repo_state got;

	assert_int_equal(symlinkat("a.state", fd, "link.state"), 0);
	assert_int_equal(mf_repo_state_read(ctx, "link", &got), -MFE_ROLLBACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(nothing_accepted_yet_is_an_empty_state),
		UNIT(what_is_written_is_read_again),
		UNIT(what_an_older_version_wrote_is_understood),
		UNIT(no_password_is_written),
		UNIT(any_cut_and_any_nonsense_is_a_damaged_state),
		UNIT(a_link_in_its_place_is_not_followed),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
