/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a .repo file may say, and what it becomes. */
#include "tests/unit.h"
#include "tests/root.h"
#include <sys/utsname.h>
#include "modfetch/repo.h"

static void all_files_are_read_in_order_of_priority(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/b.repo",
		   "[late]\nbaseurl=http://late\npriority=150\n[b]\nbaseurl=http://b\n");
	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nname=The A\nbaseurl=https://a/\nenabled=0\n");
	root_write(r, "etc/modfetch/repos.d/z.repo",
		   "[first]\nbaseurl=file:/srv\npriority=1\ngpgcheck=yes\n");
	root_write(r, "etc/modfetch/repos.d/README", "no repository");
	root_write(r, "etc/modfetch/repos.d/.hidden.repo", "nonsense");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 4);
	assert_string_equal(repos.v[0].id, "first");
	assert_string_equal(repos.v[1].id, "a");
	assert_string_equal(repos.v[2].id, "b");
	assert_string_equal(repos.v[3].id, "late");
	assert_string_equal(repos.v[1].name, "The A");
	assert_string_equal(repos.v[1].baseurls.v[0], "https://a");
	assert_false(repos.v[1].enabled);
	assert_true(repos.v[2].enabled);
	assert_true(repos.v[0].gpgcheck && !repos.v[2].gpgcheck);
	assert_int_equal(repos.v[2].priority, 99);
	assert_int_equal(repos.v[2].trust, MF_TRUST_SIGNED);
	assert_false(repos.v[2].scriptlets);
	assert_ptr_equal(mf_repos_find(&repos, "b"), &repos.v[2]);
	assert_null(mf_repos_find(&repos, "none"));
	mf_repos_done(&repos);
}

static void none_configured_is_none(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { .n = 7 };

	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 0);
	root_mkdir(r, "etc/modfetch/repos.d");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 0);
	mf_repos_done(&repos);
}

static void urls_are_a_list_with_variables(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };
	_cleanup_free_ char *arch = NULL;
	struct utsname uts;

	uname(&uts);
	assert_true(asprintf(&arch, "https://a/%s/x", uts.machine) > 0);
	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=https://a/$basearch/x/// https://b/$kernel\n\tfile:///c/$flavor\n "
		   "https://b/$kernel\n"
		   "keys=one.pem, two.pem\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.v[0].baseurls.n, 3);
	assert_string_equal(repos.v[0].baseurls.v[0], arch);
	assert_string_equal(repos.v[0].baseurls.v[1], "https://b/" KERNEL);
	assert_string_equal(repos.v[0].baseurls.v[2], "file:///c/amd64");
	assert_int_equal(repos.v[0].keys.n, 2);
	assert_string_equal(repos.v[0].keys.v[1], "two.pem");
	mf_repos_done(&repos);
}

static void what_other_tools_need_is_passed_over(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://"
		   "a\nautorefresh=1\ntype=rpm-md\nkeeppackages=0\nmetadata_expire=6h\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 1);
	mf_repos_done(&repos);
}

static void what_is_wrong_is_an_error_with_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[a]\nname=x\n", "no baseurl" },
		{ "[a]\nbaseurl=ftp://a\n", "neither http:, https: nor file:" },
		{ "[a]\nbaseurl=/srv/repo\n", "neither http:, https: nor file:" },
		{ "[a]\nbaseurl=http://a\npriority=0\n", "priority" },
		{ "[a]\nbaseurl=http://a\npriority=high\n", "priority" },
		{ "[a]\nbaseurl=http://a\nenabled=maybe\n", "neither yes nor no" },
		{ "[a]\nbaseurl=http://a\ntrust=all\n", "neither signed nor none" },
		{ "[a]\nbaseurl=http://a\ntrust=none\n", "file: only" },
		{ "[a]\nbaseurl=file:/a http://b\ntrust=none\n", "file: only" },
		{ "[a]\nbaseurl=file:/a\nmirrorlist=http://b\ntrust=none\n", "file: only" },
		{ "[../a]\nbaseurl=http://a\n", "not usable as a repository's id" },
		{ "[.a]\nbaseurl=http://a\n", "not usable as a repository's id" },
		{ "[a b]\nbaseurl=http://a\n", "not usable as a repository's id" },
		{ "baseurl=http://a\n", "not usable as a repository's id" },
		{ "[a]\nbaseurl=http://a\nwhat\n", "line 3" },
	};
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		root_write(r, "etc/modfetch/repos.d/a.repo", bad[i].text);
		assert_int_equal(mf_repos_read(&r->ctx, &repos), -MFE_CONFIG);
		assert_int_equal(r->ctx.failure.code, -MFE_CONFIG);
		assert_non_null(strstr(r->ctx.failure.what, "a.repo"));
		assert_non_null(strstr(r->ctx.failure.why, bad[i].why));
		assert_int_equal(repos.n, 0);
	}
}

static void what_one_file_begins_another_does_not_make_worse(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=file:///a\ntrust=none\n");
	root_write(r, "etc/modfetch/repos.d/b.repo", "[a]\nbaseurl=http://b\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), -MFE_CONFIG);
	assert_non_null(strstr(r->ctx.failure.what, "b.repo [a]"));
	root_write(r, "etc/modfetch/repos.d/b.repo", "[a]\nbaseurl=file:///b\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 1);
	assert_int_equal(repos.v[0].baseurls.n, 2);
}

static void a_file_that_hides_its_end_is_refused(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	root_write_bytes(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=http://a\n\0trust=none\n",
			 33);
	assert_int_equal(mf_repos_read(&r->ctx, &repos), -MFE_CONFIG);
	assert_non_null(strstr(r->ctx.failure.why, "NUL"));
}

static void a_kernel_without_a_flavor_is_no_failure(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=http://a/$kernel/$flavor\n");
	free(r->ctx.kernel);
	r->ctx.kernel = strdup("custom kernel");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_string_equal(repos.v[0].baseurls.v[0], "http://a/custom kernel/$flavor");
	mf_repos_done(&repos);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(all_files_are_read_in_order_of_priority),
		ROOTED(none_configured_is_none),
		ROOTED(urls_are_a_list_with_variables),
		ROOTED(what_other_tools_need_is_passed_over),
		ROOTED(what_is_wrong_is_an_error_with_its_place),
		ROOTED(what_one_file_begins_another_does_not_make_worse),
		ROOTED(a_file_that_hides_its_end_is_refused),
		ROOTED(a_kernel_without_a_flavor_is_no_failure),
	};

	return UNIT_RUN(tests);
}
