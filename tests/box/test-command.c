/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/error.h"
#include "modfetch/strings.h"
#include "src/box/command.h"

static const struct mf_box a_box = {
	.place = "/build/x",
	.script = "make; echo $(id)",
	.seconds = 7,
	.processes = 10,
	.memory = 1000,
	.space = 2000,
};

static void need_programs(void)
{
	struct mf_strings missing = { 0 };
	size_t n;

	assert_int_equal(mf_box_missing(&missing), 0);
	n = missing.n;
	mf_strings_done(&missing);
	if (n)
		skip();
}

/* The index of WORD in a command; their number: it is not in it. */
static size_t find(const struct mf_strings *argv, const char *word)
{
	size_t i = 0;

	while (i < argv->n && strcmp(argv->v[i], word))
		i++;
	return i;
}

static void the_script_is_one_word_at_the_end(void **state)
{
	struct root *root = *state;
	_cleanup_(mf_strings_done) struct mf_strings argv = { 0 };

	need_programs();
	assert_int_equal(box_command(&root->ctx, &a_box, 11, 12, &argv), 0);
	assert_string_equal(argv.v[argv.n - 1], "make; echo $(id)");
	assert_string_equal(argv.v[argv.n - 2], "-c");
	assert_int_equal(*argv.v[0], '/');
}

static void user_and_limits_are_those_of_the_box(void **state)
{
	struct root *root = *state;
	_cleanup_(mf_strings_done) struct mf_strings argv = { 0 };
	static const char *const words[] = {
		"--reuid=11",	  "--regid=12",	       "--clear-groups", "--as=1000",
		"--fsize=2000",	  "--cpu=7",	       "--nproc=40",	 "--core=0",
		"--no-new-privs", "--unshare-net",     "--unshare-pid",	 "--unshare-ipc",
		"--seccomp",	  "--die-with-parent", "--new-session"
	};

	need_programs();
	assert_int_equal(box_command(&root->ctx, &a_box, 11, 12, &argv), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
		assert_true(find(&argv, words[i]) < argv.n);
	/* nothing is mounted writable but the two directories of its own file system */
	for (size_t i = 0; i < argv.n; i++)
		if (!strcmp(argv.v[i], "--bind"))
			assert_true(mf_starts_with(argv.v[i + 1], BOX_MOUNT "/"));
}

static void directories_of_another_root_have_the_same_place(void **state)
{
	struct root *root = *state;
	_cleanup_(mf_strings_done) struct mf_strings argv = { 0 }, read_only = { 0 };
	struct mf_box box = a_box;
	char real[128];
	size_t at;

	need_programs();
	root_mkdir(root, "opt/headers-1");
	root_link(root, "/opt/headers-1", "opt/headers");
	assert_int_equal(mf_strings_add(&read_only, "/opt/headers"), 0);
	box.read_only = &read_only;
	assert_int_equal(box_command(&root->ctx, &box, 11, 12, &argv), 0);
	snprintf(real, sizeof(real), "%s/opt/headers-1", root->path);
	at = find(&argv, real);
	assert_true(at < argv.n);
	assert_string_equal(argv.v[at - 1], "--ro-bind");
	assert_string_equal(argv.v[at + 1], "/opt/headers");
}

static void paths_that_are_not_normal_are_refused(void **state)
{
	struct root *root = *state;
	static const char *const paths[] = { "",      "x",     "/",	 "/x/",	  "//x",
					     "/x/..", "/../x", "/x/./y", "/x//y", "/." };

	need_programs();
	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++) {
		_cleanup_(mf_strings_done) struct mf_strings argv = { 0 }, read_only = { 0 };
		struct mf_box box = a_box;

		box.place = paths[i];
		assert_int_equal(box_command(&root->ctx, &box, 11, 12, &argv), -EINVAL);
		box.place = "/...";
		assert_int_equal(mf_strings_add(&read_only, paths[i]), 0);
		box.read_only = &read_only;
		assert_int_equal(box_command(&root->ctx, &box, 11, 12, &argv), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_script_is_one_word_at_the_end),
		ROOTED(user_and_limits_are_those_of_the_box),
		ROOTED(directories_of_another_root_have_the_same_place),
		ROOTED(paths_that_are_not_normal_are_refused),
	};

	return UNIT_RUN(tests);
}
