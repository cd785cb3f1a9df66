/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a medium and their record: on one that is new, known, torn or hostile. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/crypto.h"
#include "modfetch/strings.h"
#include "src/travel/medium.h"

struct place {
	struct root *r;
	char path[128];
};

static struct place in(struct root *r)
{
	struct place p = { .r = r };

	snprintf(p.path, sizeof(p.path), "%s/stick", r->path);
	return p;
}

static int expect(const struct place *p, struct travel_medium *m, const char *path,
		  const char *text)
{
	uint8_t digest[MF_SHA256_LEN];

	assert_int_equal(mf_sha256(text, strlen(text), digest), 0);
	return travel_medium_expect(&p->r->ctx, m, path, strlen(text), digest);
}

static int put(const struct place *p, struct travel_medium *m, const char *path, const char *text)
{
	int fd = mf_memfile_new("test"), r;

	assert_int_equal(mf_file_write(fd, text, strlen(text)), 0);
	r = travel_medium_write(&p->r->ctx, m, path, fd);
	close(fd);
	return r;
}

/* A run that writes FILE, or has it. Returns whether it had it. */
static int run(const struct place *p, const char *file, const char *text, size_t *ret_removed)
{
	struct travel_medium m;
	int had;

	assert_int_equal(travel_medium_open(&p->r->ctx, p->path, false, &m), 0);
	had = expect(p, &m, file, text);
	assert_true(had == 0 || had == 1);
	assert_int_equal(travel_medium_begin(&p->r->ctx, &m), 0);
	if (!had)
		assert_int_equal(put(p, &m, file, text), 0);
	assert_int_equal(travel_medium_finish(&p->r->ctx, &m), 0);
	*ret_removed = m.removed;
	travel_medium_done(&m);
	return had;
}

static void what_is_there_is_not_written_again(void **state)
{
	struct place p = in(*state);
	size_t removed;
	char *text;

	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 0);
	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 1);
	assert_int_equal(removed, 0);
	/* a file of the same size with other bytes is not the file */
	root_write(p.r, "stick/repo/a.rpm", "aab");
	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 0);
	text = root_read(p.r, "stick/repo/a.rpm");
	assert_string_equal(text, "aaa");
	free(text);
}

static void files_of_a_run_before_go_and_others_stay(void **state)
{
	struct place p = in(*state);
	size_t removed;

	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 0);
	root_write(p.r, "stick/repo/mine", "x");
	root_write(p.r, "stick/letter", "x");
	assert_int_equal(run(&p, "repo/b.rpm", "bbb", &removed), 0);
	assert_int_equal(removed, 1);
	assert_false(root_has(p.r, "stick/repo/a.rpm"));
	assert_true(root_has(p.r, "stick/repo/mine"));
	assert_true(root_has(p.r, "stick/letter"));
}

static void a_run_that_ends_early_leaves_a_medium_that_says_so(void **state)
{
	struct place p = in(*state);
	struct travel_medium m;
	size_t removed;
	char *text;

	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 0);
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	assert_true(m.was_whole);
	assert_int_equal(expect(&p, &m, "repo/b.rpm", "bbb"), 0);
	assert_int_equal(travel_medium_begin(&p.r->ctx, &m), 0);
	assert_int_equal(put(&p, &m, "repo/b.rpm", "bbb"), 0);
	travel_medium_done(&m);
	text = root_read(p.r, "stick/modfetch-medium");
	assert_non_null(strstr(text, "\nstate incomplete\n"));
	free(text);
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	assert_false(m.was_whole);
	travel_medium_done(&m);
	root_write(p.r, "stick/repo/.c.rpm.1.partial", "cc");
	/* both are known, so neither stays for ever */
	assert_int_equal(run(&p, "repo/c.rpm", "ccc", &removed), 0);
	assert_int_equal(removed, 2);
	assert_false(root_has(p.r, "stick/repo/.c.rpm.1.partial"));
	text = root_read(p.r, "stick/modfetch-medium");
	assert_non_null(strstr(text, "\nstate complete\n"));
	free(text);
}

static void no_link_of_the_stick_is_followed(void **state)
{
	struct place p = in(*state);
	struct travel_medium m;
	char *text;

	root_write(p.r, "outside/victim", "victim");
	root_mkdir(p.r, "stick/repo");
	root_link(p.r, "../outside", "stick/linked");
	root_link(p.r, "../../outside/victim", "stick/repo/a.rpm");
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	assert_int_equal(expect(&p, &m, "linked/victim", "victim"), 0);
	assert_true(put(&p, &m, "linked/victim", "new") < 0);
	assert_int_equal(expect(&p, &m, "repo/a.rpm", "victim"), 0);
	/* the link itself is replaced */
	assert_int_equal(put(&p, &m, "repo/a.rpm", "victim"), 0);
	travel_medium_done(&m);
	text = root_read(p.r, "outside/victim");
	assert_string_equal(text, "victim");
	free(text);
}

static void a_record_that_leads_out_is_not_followed(void **state)
{
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct place p = in(*state);
	char record[1024];
	size_t removed;

	root_write(p.r, "outside/victim", "victim");
	root_mkdir(p.r, "stick");
	root_link(p.r, "../outside", "stick/linked");
	root_write(p.r, "stick/letter", "x");
	snprintf(record, sizeof(record),
		 "modfetch-medium 1\nstate complete\nfile 6 %s ../outside/victim\n"
		 "file 6 %s a/../../outside/victim\nfile 6 %s letter\n",
		 zeros, zeros, zeros);
	root_write(p.r, "stick/modfetch-medium", record);
	assert_int_equal(run(&p, "repo/a.rpm", "aaa", &removed), 0);
	assert_int_equal(removed, 0);
	assert_true(root_has(p.r, "outside/victim"));
	assert_true(root_has(p.r, "stick/letter"));
	/* a path over a link of the stick */
	snprintf(record, sizeof(record), "state complete\nfile 6 %s linked/victim\n", zeros);
	root_write(p.r, "stick/modfetch-medium", record);
	{
		struct travel_medium m;

		assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
		assert_true(travel_medium_finish(&p.r->ctx, &m) < 0);
		travel_medium_done(&m);
	}
	assert_true(root_has(p.r, "outside/victim"));
}

static void a_directory_of_others_is_not_used(void **state)
{
	struct place p = in(*state);
	struct travel_medium m;
	size_t removed;

	root_write(p.r, "stick/drivers/mine", "x");
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	assert_int_equal(travel_medium_check_name(&p.r->ctx, &m, "drivers"), -EEXIST);
	assert_int_equal(travel_medium_check_name(&p.r->ctx, &m, "new"), 0);
	travel_medium_done(&m);
	assert_int_equal(run(&p, "ours/a.rpm", "aaa", &removed), 0);
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	assert_int_equal(travel_medium_check_name(&p.r->ctx, &m, "ours"), 0);
	assert_int_equal(travel_medium_check_name(&p.r->ctx, &m, "our"), 0);
	travel_medium_done(&m);
}

static void two_runs_do_not_share_a_medium(void **state)
{
	struct place p = in(*state);
	struct travel_medium one, two;

	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &one), 0);
	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &two), -MFE_LOCKED);
	travel_medium_done(&two);
	travel_medium_done(&one);
}

static void a_path_that_no_medium_can_have_is_refused(void **state)
{
	static const char *const paths[] = { "a.rpm", "../a/b.rpm", "/a/b.rpm", "a/../b.rpm",
					     "a b/c" };
	struct place p = in(*state);
	struct travel_medium m;

	assert_int_equal(travel_medium_open(&p.r->ctx, p.path, false, &m), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_int_equal(expect(&p, &m, paths[i], "x"), -MFE_BAD_HREF);
	travel_medium_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_is_there_is_not_written_again),
		ROOTED(files_of_a_run_before_go_and_others_stay),
		ROOTED(a_run_that_ends_early_leaves_a_medium_that_says_so),
		ROOTED(no_link_of_the_stick_is_followed),
		ROOTED(a_record_that_leads_out_is_not_followed),
		ROOTED(a_directory_of_others_is_not_used),
		ROOTED(two_runs_do_not_share_a_medium),
		ROOTED(a_path_that_no_medium_can_have_is_refused),
	};

	return UNIT_RUN(tests);
}
