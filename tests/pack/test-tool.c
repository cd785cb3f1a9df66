/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that succeed, fail, print much and do not exist. */
#include "tests/unit.h"
#include "tests/packs.h"

static void count(void *arg, const char *line)
{
	size_t *lines = arg;

	assert_null(strchr(line, '\n'));
	++*lines;
}

static int run(struct packs *p, const char *script, pack_tool_line *line, void *arg)
{
	char log[128];
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct pack_tool tool = { .argv = argv, .log = log, .on_line = line, .arg = arg };

	snprintf(log, sizeof(log), "%s/log", p->dir);
	return pack_tool_check(&p->pack, &tool, pack_tool_run(&tool));
}

static void lines_are_told_one_by_one(void **state)
{
	struct packs *p = packs_new();
	size_t lines = 0;

	assert_int_equal(
		run(p, "echo a; echo; printf b; yes err | head -100000 >&2", count, &lines), 0);
	assert_int_equal(lines, 3);
	assert_int_equal(run(p, "yes | head -100000", NULL, NULL), 0);
	packs_free(p);
}

static void the_last_word_of_one_that_fails_is_the_reason(void **state)
{
	struct packs *p = packs_new();

	assert_int_equal(
		run(p, "echo first >&2; echo the reason >&2; echo >&2; exit 3", NULL, NULL),
		-MFE_TOOL);
	assert_string_equal(p->ctx.failure.what, "sh");
	assert_non_null(strstr(p->ctx.failure.why, "the reason (more in "));
	assert_int_equal(run(p, "exit 1", NULL, NULL), -MFE_TOOL);
	assert_non_null(strstr(p->ctx.failure.why, "without a message"));
	assert_int_equal(run(p, "kill -9 $$", NULL, NULL), -MFE_TOOL);
	packs_free(p);
}

static void one_that_is_not_there_is_named(void **state)
{
	struct packs *p = packs_new();
	const char *const argv[] = { "modfetch-no-such-program", NULL };
	struct pack_tool tool = { .argv = argv, .log = "/dev/null" };
	int r = pack_tool_run(&tool);

	assert_int_equal(r, -ENOENT);
	assert_int_equal(pack_tool_check(&p->pack, &tool, r), -MFE_TOOL);
	assert_string_equal(p->ctx.failure.what, "modfetch-no-such-program");
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_are_told_one_by_one),
		UNIT(the_last_word_of_one_that_fails_is_the_reason),
		UNIT(one_that_is_not_there_is_named),
	};

	return UNIT_RUN(tests);
}
