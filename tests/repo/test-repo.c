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

static void kinds_of_files_are_words_of_a_list(void **state)
{
	struct root *r = *state;
	struct mf_repos repos;

	root_write(
		r, "etc/modfetch/repos.d/a.repo",
		"[a]\nbaseurl=https://a\nallow-files=modprobe.d build-id\n[b]\nbaseurl=https://b\n"
		"[c]\nbaseurl=https://c\nallow-files=modprobe.d cron.d\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 2);
	assert_int_equal(mf_repos_find(&repos, "a")->allow_files,
			 MF_ALLOW_MODPROBE | MF_ALLOW_BUILD_ID);
	assert_int_equal(mf_repos_find(&repos, "b")->allow_files, 0);
	assert_int_equal(repos.n_faults, 1);
	assert_non_null(strstr(repos.faults[0].why, "cron.d"));
	mf_repos_done(&repos);
	for (unsigned int kind = 1; kind <= MF_ALLOW_BUILD_ID; kind *= 2)
		assert_int_equal(mf_allow_parse(mf_allow_name((enum mf_allow)kind)), kind);
}

static void scriptlets_are_those_of_enabled_repositories(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=https://a\n[b]\nbaseurl=https://b\nenabled=0\nscriptlets=1\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 2);
	assert_false(mf_repos_have_scriptlets(&repos));
	repos.v[1].enabled = true;
	assert_true(mf_repos_have_scriptlets(&repos));
	mf_repos_done(&repos);
}

static void none_configured_is_none(void **state)
{
	struct root *r = *state;
	struct mf_repos repos = { .n = 7 };

	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 0);
	mf_repos_done(&repos);
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

static void what_is_wrong_makes_no_repository_and_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *where, *why;
	} bad[] = {
		{ "[a]\nname=x\n", "a.repo line 1 [a]", "no baseurl" },
		{ "[a]\nbaseurl=ftp://a\n", "line 2 [a]", "neither http:, https:, file:" },
		{ "[a]\nbaseurl=/srv/repo\n", "line 2 [a]", "neither http:, https:, file:" },
		{ "[a]\nbaseurl=http://a\npriority=0\n", "line 3 [a]", "priority" },
		{ "[a]\nbaseurl=http://a\npriority=high\n", "line 3 [a]", "priority" },
		{ "[a]\nbaseurl=http://a\nenabled=maybe\n", "line 3 [a]", "neither yes nor no" },
		{ "[a]\nbaseurl=http://a\nprefer=\n", "line 3 [a]", "neither yes nor no" },
		{ "[a]\nbaseurl=http://a\ntrust=all\n", "line 3", "neither signed nor none" },
		{ "[a]\nbaseurl=http://a\ntrust=none\n", "line 1 [a]", "file: only" },
		{ "[a]\nbaseurl=file:/a http://b\ntrust=none\n", "line 1 [a]", "file: only" },
		{ "[a]\nbaseurl=file:/a\nmirrorlist=http://b\ntrust=none\n", "[a]", "file: only" },
		{ "[a]\nbaseurl=http://a\nmirrorlist=file:///b\n", "[a]",
		  "no http: or https: URL" },
		{ "[a]\nbaseurl=http://a/?k=1,s3cret\n", "line 2 [a]", "hd:, cd: nor iso:" },
		{ "[a]\nbaseurl=http://a/?k=1 s3cret\n", "line 2 [a]", "hd:, cd: nor iso:" },
		{ "[../a]\nbaseurl=http://a\n", "[../a]", "not usable as a repository's id" },
		{ "[.a]\nbaseurl=http://a\n", "[.a]", "not usable as a repository's id" },
		{ "[a b]\nbaseurl=http://a\n", "[a b]", "not usable as a repository's id" },
		{ "[a.mirrors]\nbaseurl=http://a\n", "[a.m", "not usable as a repository's id" },
		{ "baseurl=http://a\n", "a.repo line 1", "before the first section" },
		{ "[]\nbaseurl=http://a\n", "a.repo line 2", "before the first section" },
		{ "[a]\nbaseurl=http://a\nwhat\n", "line 3 [a]", "neither '=' nor ':'" },
		{ "[a]\nbaseurl=ftp://user:s3cret@a\n", "line 2 [a]", ": ftp://a" },
	};
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/b.repo", "[b]\nbaseurl=http://b\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

		root_write(r, "etc/modfetch/repos.d/a.repo", bad[i].text);
		assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
		/* and the innocent one is not touched */
		assert_int_equal(repos.n, 1);
		assert_string_equal(repos.v[0].id, "b");
		assert_int_equal(mf_repos_check_any(&r->ctx, &repos), 0);
		assert_int_equal(repos.n_faults, 1);
		assert_non_null(strstr(repos.faults[0].where, bad[i].where));
		assert_non_null(strstr(repos.faults[0].why, bad[i].why));
		assert_null(strstr(repos.faults[0].why, "s3cret"));
	}
}

static void a_wrong_entry_costs_itself_alone(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;
	char text[2000];

	/* a comment may be longer than a library's buffer, and a key longer than all there are */
	snprintf(text, sizeof(text),
		 "[first]\nbaseurl=http://first\n# %0600d\n%0300d=odd\n"
		 "[off]\nenabled=0\nbaseurl=rsync://off\n"
		 "[wrong\ntrust=none\nbaseurl=file:///wrong\n"
		 "[last]\nbaseurl=http://last\n",
		 7, 7);
	root_write(r, "etc/modfetch/repos.d/a.repo", text);
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 2);
	assert_string_equal(repos.v[0].id, "first");
	assert_int_equal(repos.v[0].trust, MF_TRUST_SIGNED);
	assert_int_equal(repos.v[0].baseurls.n, 1);
	assert_string_equal(repos.v[1].id, "last");
	assert_int_equal(repos.n_faults, 2);
	assert_string_equal(repos.faults[0].id, "off");
	assert_false(repos.faults[0].enabled);
	assert_null(repos.faults[1].id);
	assert_true(repos.faults[1].enabled);
}

static void with_nothing_but_faults_the_first_is_the_failure(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[off]\nenabled=0\n[on]\nname=x\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(mf_repos_check_any(&r->ctx, &repos), -MFE_CONFIG);
	assert_string_equal(r->ctx.failure.what, "a.repo line 3 [on]");
	mf_repos_done(&repos);
	root_write(r, "etc/modfetch/repos.d/a.repo", "[off]\nenabled=0\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(mf_repos_check_any(&r->ctx, &repos), -MFE_NO_REPOSITORY);
}

static void ids_are_taken_whole(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;
	char text[1000];

	/* two of COPR's that have the first 49 bytes in common; one of 128, and one of 129 */
	snprintf(text, sizeof(text),
		 "[copr:copr.fedorainfracloud.org:someone-long:drivers-stable]\nbaseurl=file:/s\n"
		 "trust=none\n"
		 "[copr:copr.fedorainfracloud.org:someone-long:drivers-testing]\n"
		 "baseurl=http://t\nenabled=0\n"
		 "[%0128d]\nbaseurl=http://long\n[%0129d]\nbaseurl=http://longer\n",
		 1, 1);
	root_write(r, "etc/modfetch/repos.d/a.repo", text);
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 3);
	assert_int_equal(strlen(repos.v[0].id), MF_REPO_ID_MAX);
	assert_string_equal(repos.v[1].id + 44, "drivers-stable");
	assert_int_equal(repos.v[1].trust, MF_TRUST_NONE);
	assert_true(repos.v[1].enabled);
	assert_string_equal(repos.v[2].id + 44, "drivers-testing");
	assert_int_equal(repos.v[2].trust, MF_TRUST_SIGNED);
	assert_false(repos.v[2].enabled);
	assert_int_equal(repos.n_faults, 1);
}

static void an_id_that_stands_twice_names_no_repository(void **state)
{
	static const char *const seconds[] = {
		"[a]\nbaseurl=http://b\n",
		"[a]\nkeys=other\n",
		"[a]\nenabled=0\n",
		"[c]\nbaseurl=http://c\n[a]\n",
	};
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=file:///a\ntrust=none\n");
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

		root_write(r, "etc/modfetch/repos.d/b.repo", seconds[i]);
		assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
		assert_null(mf_repos_find(&repos, "a"));
		assert_int_equal(repos.n, seconds[i][1] == 'c');
		assert_int_equal(repos.n_faults, 2);
		assert_non_null(strstr(repos.faults[0].why, "a.repo line 1"));
		assert_non_null(strstr(repos.faults[0].why, "b.repo line"));
	}
	root_write(r, "etc/modfetch/repos.d/b.repo", "[b]\nbaseurl=http://1\n[b]\n");
	{
		_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

		assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
		assert_int_equal(repos.n, 1);
		assert_string_equal(repos.v[0].id, "a");
	}
}

static void a_file_that_hides_its_end_is_refused(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write_bytes(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=http://a\n\0trust=none\n",
			 33);
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 0);
	assert_int_equal(repos.n_faults, 1);
	assert_string_equal(repos.faults[0].where, "a.repo");
	assert_non_null(strstr(repos.faults[0].why, "NUL"));
}

static void a_file_that_cannot_be_read_does_not_stop_the_others(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/b.repo", "[b]\nbaseurl=http://b\n");
	root_mkdir(r, "etc/modfetch/repos.d/a.repo");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 1);
	assert_int_equal(repos.n_faults, 1);
	assert_string_equal(repos.faults[0].where, "a.repo");
}

static void identity_and_preference_are_the_admins(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://a\n[b]\nbaseurl=http://b\nidentity=drivers/"
		   "stable\nprefer=yes\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_null(repos.v[0].identity);
	assert_false(repos.v[0].prefer);
	assert_string_equal(repos.v[1].identity, "drivers/stable");
	assert_true(repos.v[1].prefer);
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
		ROOTED(kinds_of_files_are_words_of_a_list),
		ROOTED(scriptlets_are_those_of_enabled_repositories),
		ROOTED(none_configured_is_none),
		ROOTED(urls_are_a_list_with_variables),
		ROOTED(what_other_tools_need_is_passed_over),
		ROOTED(what_is_wrong_makes_no_repository_and_is_named_with_its_place),
		ROOTED(a_wrong_entry_costs_itself_alone),
		ROOTED(with_nothing_but_faults_the_first_is_the_failure),
		ROOTED(ids_are_taken_whole),
		ROOTED(an_id_that_stands_twice_names_no_repository),
		ROOTED(a_file_that_hides_its_end_is_refused),
		ROOTED(a_file_that_cannot_be_read_does_not_stop_the_others),
		ROOTED(identity_and_preference_are_the_admins),
		ROOTED(a_kernel_without_a_flavor_is_no_failure),
	};

	return UNIT_RUN(tests);
}
