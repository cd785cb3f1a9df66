/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base URLs and lists of mirrors: what may be in them, and where their queries go. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/repo.h"

/* WHY: what the entry is refused for; NULL: it is taken. */
static void read_entry(struct root *r, const char *lines, const char *why,
		       struct mf_repos *ret_repos)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text, "[a]\n%s\n[b]\nbaseurl=http://b\n", lines) > 0);
	root_write(r, "etc/modfetch/repos.d/a.repo", text);
	assert_int_equal(mf_repos_read(&r->ctx, ret_repos), 0);
	/* the innocent entry is not affected */
	assert_non_null(mf_repos_find(ret_repos, "b"));
	assert_int_equal(ret_repos->n_faults, why != NULL);
	if (!why)
		return;
	if (!strstr(ret_repos->faults[0].why, why))
		fail_msg("%s: %s", lines, ret_repos->faults[0].why);
	assert_null(strstr(ret_repos->faults[0].why, "secret"));
}

static void what_a_url_may_have(void **state)
{
	static const struct {
		const char *lines, *why;
	} cases[] = {
		{ "baseurl=https://b/r?token=a&b=%20", NULL },
		{ "baseurl=https://b/r?a https://c/r?b", NULL },
		{ "baseurl=https://b/r?a https://b/r/?a", NULL },
		{ "baseurl=https://b/r?a https://b/r?secret", "two query strings" },
		{ "baseurl=https://b/r https://b/r?secret", "two query strings" },
		{ "baseurl=https://b/r?", "empty query" },
		{ "baseurl=https://b/r?secret#b", "'#'" },
		{ "baseurl=file:///r?secret", "no query string" },
		{ "baseurl=https://user:s3?secret@b/r", "'@'" },
		{ "baseurl=ftp://b/r", "neither http:" },
		{ "baseurl=dir:/srv/drivers", NULL },
		{ "baseurl=dir:srv", "neither http:" },
		{ "baseurl=hd:/x?device=/dev/sda1&filesystem=vfat", NULL },
		{ "baseurl=hd:/x?device=sda1", "below /dev" },
		{ "baseurl=cd:/?devices=/dev/sr0,/dev/sr1 dvd:/", NULL },
		{ "baseurl=iso:/?iso=a.iso&url=dir:/srv", NULL },
		{ "baseurl=iso:/?iso=a.iso", "needs iso= and url=" },
		{ "baseurl=hd:/x?device=/dev/sda1\ntrust=none", "file: only" },
		{ "baseurl=dir:/srv/drivers\ntrust=none", NULL },
		{ "media=MODFETCH", NULL },
		{ "media=../sda", "not the label" },
		{ "media=A&filesystem=ext4", "not the label" },
		{ "mirrorlist=http://b/list", NULL },
		{ "mirrorlist=https://b/list?repo=a&arch=b", NULL },
		{ "mirrorlist=https://b/list?", "empty query" },
		{ "mirrorlist=https://b/list?secret@b", "'@'" },
		{ "mirrorlist=file:///list", "no http:" },
		{ "metalink=https://b/metalink?repo=a", NULL },
		{ "metalink=/metalink", "no http:" },
		{ "enabled=1", "no baseurl" },
		{ "mirrorlist=https://b/list\ntrust=none", "file: only" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

		read_entry(*state, cases[i].lines, cases[i].why, &repos);
	}
}

static void a_query_is_kept_apart_in_the_order_of_the_urls(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	const struct mf_repo *repo;

	read_entry(*state,
		   "mirrorlist=https://l/x/list?repo=a b\nbaseurl=https://b/r?q=1 https://c/r",
		   NULL, &repos);
	repo = mf_repos_find(&repos, "a");
	assert_string_equal(repo->mirrorlist, "https://l/x/list");
	assert_int_equal(repo->access.own.n, 3);
	assert_int_equal(repo->access.queries.n, 3);
	assert_string_equal(repo->access.own.v[0], "https://b/r");
	assert_string_equal(repo->access.queries.v[0], "q=1");
	assert_string_equal(repo->access.queries.v[1], "");
	assert_string_equal(repo->access.own.v[2], "https://l/x");
	assert_string_equal(repo->access.queries.v[2], "repo=a%20b");
}

static void media_have_the_urls_of_zypper(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	const struct mf_repo *repo;

	read_entry(*state,
		   "baseurl=dir:///srv/a https://b/r?q=1 hd:/x/?device=/dev/sda1 "
		   "cd:/?devices=/dev/sr0,/dev/sr1\npath=/below/\nmedia=STICK",
		   NULL, &repos);
	repo = mf_repos_find(&repos, "a");
	assert_int_equal(repo->baseurls.n, 5);
	assert_string_equal(repo->baseurls.v[0], "file:///srv/a/below");
	assert_string_equal(repo->baseurls.v[1], "https://b/r/below");
	assert_string_equal(repo->baseurls.v[2], "hd:/x/below?device=/dev/sda1");
	assert_string_equal(repo->baseurls.v[3], "cd:/below?devices=/dev/sr0,/dev/sr1");
	assert_string_equal(repo->baseurls.v[4], "hd:/below?device=/dev/disk/by-label/STICK");
	/* only a server has a query, and each URL has its own */
	assert_int_equal(repo->access.queries.n, 5);
	assert_string_equal(repo->access.queries.v[1], "q=1");
	assert_string_equal(repo->access.queries.v[2], "");
}

static void of_both_lists_the_metalink_is_used(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

	read_entry(*state, "metalink=https://m/metalink?repo=a\nmirrorlist=https://l/list", NULL,
		   &repos);
	assert_string_equal(mf_repos_find(&repos, "a")->mirrorlist, "https://m/metalink");
	assert_string_equal(mf_repos_find(&repos, "a")->access.own.v[0], "https://m");
}

static void a_path_is_below_each_url(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

	root_write(
		r, "etc/modfetch/repos.d/a.repo",
		"[a]\npath=/x/y/\nbaseurl=http://a/ http://b/c\n[b]\nbaseurl=http://b\npath=/\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_string_equal(repos.v[0].baseurls.v[0], "http://a/x/y");
	assert_string_equal(repos.v[0].baseurls.v[1], "http://b/c/x/y");
	assert_string_equal(repos.v[1].baseurls.v[0], "http://b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_a_url_may_have),
		ROOTED(a_query_is_kept_apart_in_the_order_of_the_urls),
		ROOTED(media_have_the_urls_of_zypper),
		ROOTED(of_both_lists_the_metalink_is_used),
		ROOTED(a_path_is_below_each_url),
	};

	return UNIT_RUN(tests);
}
