/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each key that zypper and dnf document for a repository, and what becomes of it. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/repo.h"

enum outcome { ACCEPTED, UNUSED, REFUSED };

static const struct {
	const char *line;
	enum outcome outcome;
} lines[] = {
	{ "async=1", ACCEPTED },
	{ "autorefresh=0", ACCEPTED },
	{ "bandwidth=1M", UNUSED },
	{ "cost=500", ACCEPTED },
	{ "cost=-1", REFUSED },
	{ "cost=", REFUSED },
	{ "countme=1", ACCEPTED },
	{ "deltarpm=1", ACCEPTED },
	{ "enabled=always", REFUSED },
	{ "enabled=1 # yes", REFUSED },
	{ "enabled=2", REFUSED },
	{ "enabled=", REFUSED },
	{ "enabled=True", ACCEPTED },
	{ "enabled_metadata=1", ACCEPTED },
	{ "enablegroups=0", ACCEPTED },
	{ "exclude=e1000e*", ACCEPTED },
	{ "excludepkgs=e1000e* xfs-kmp", ACCEPTED },
	{ "excludepkgs=@group", REFUSED },
	{ "excludepkgs=kmod(e1000e.ko)", REFUSED },
	{ "failovermethod=priority", UNUSED },
	{ "fastestmirror=1", UNUSED },
	{ "gpgcakey=http://a/ca", UNUSED },
	{ "gpgcheck=maybe", REFUSED },
	{ "includepkgs=e1000e*", ACCEPTED },
	{ "ip_resolve=4", ACCEPTED },
	{ "keeppackages=1", ACCEPTED },
	{ "max_parallel_downloads=3", UNUSED },
	{ "metadata_expire=6h", ACCEPTED },
	{ "metadata_expire=never", ACCEPTED },
	{ "metadata_expire=-1", ACCEPTED },
	{ "metadata_expire=soon", REFUSED },
	{ "metalink=http://a/metalink?repo=a&arch=b", ACCEPTED },
	{ "minrate=1k", ACCEPTED },
	{ "mirrorlist_expire=1d", UNUSED },
	{ "module_hotfixes=1", ACCEPTED },
	{ "password=secret", ACCEPTED },
	{ "path=/x/", ACCEPTED },
	{ "pkg_gpgcheck=1", ACCEPTED },
	{ "pkg_gpgcheck=perhaps", REFUSED },
	{ "priority=1.5", REFUSED },
	{ "proxy=http://proxy:3128", ACCEPTED },
	{ "proxy=_none_", ACCEPTED },
	{ "proxy=me:secret@proxy", REFUSED },
	{ "ip_resolve=5", REFUSED },
	{ "minrate=fast", REFUSED },
	{ "retries=many", REFUSED },
	{ "retries=0", ACCEPTED },
	{ "timeout=never", REFUSED },
	{ "proxy_auth_method=digest", REFUSED },
	{ "proxy_password=secret", ACCEPTED },
	{ "proxy_sslcacert=/ca.pem", REFUSED },
	{ "proxy_sslclientcert=/c.pem", REFUSED },
	{ "proxy_sslclientkey=/k.pem", REFUSED },
	{ "proxy_sslverify=0", REFUSED },
	{ "proxy_sslverify=1", ACCEPTED },
	{ "proxy_username=me", ACCEPTED },
	{ "repo_gpgcheck=0", ACCEPTED },
	{ "repo_gpgcheck=1", ACCEPTED },
	{ "retries=3", ACCEPTED },
	{ "service=x", ACCEPTED },
	{ "skip_if_unavailable=1", ACCEPTED },
	{ "sslcacert=/ca.pem", ACCEPTED },
	{ "sslcacert=ca.pem", REFUSED },
	{ "sslclientcert=/c.pem\nsslclientkey=/k.pem", ACCEPTED },
	{ "sslclientcert=c.pem", REFUSED },
	{ "sslverify=0", REFUSED },
	{ "sslverify=off", REFUSED },
	{ "sslverify=1", ACCEPTED },
	{ "sslverifystatus=0", ACCEPTED },
	{ "sslverifystatus=1", REFUSED },
	{ "throttle=1k", UNUSED },
	{ "timeout=30", ACCEPTED },
	{ "type=rpm-md", ACCEPTED },
	{ "type=yast2", REFUSED },
	{ "type=plaindir", REFUSED },
	{ "user_agent=x", UNUSED },
	{ "username=me", ACCEPTED },
	{ "vendor-extra=1", UNUSED },
	{ "zchunk=1", ACCEPTED },
};

static void each_key_acts_or_is_reported_or_is_refused_by_name(void **state)
{
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
		_cleanup_free_ char *text = NULL, *key = NULL;

		assert_true(asprintf(&text, "[a]\nbaseurl=http://a\n%s\n[b]\nbaseurl=http://b\n",
				     lines[i].line) > 0);
		key = strndup(lines[i].line, strcspn(lines[i].line, "="));
		root_write(r, "etc/modfetch/repos.d/a.repo", text);
		assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
		print_message("%-32s %s\n", lines[i].line,
			      repos.n_faults	    ? repos.faults[0].why
			      : repos.v[0].unused.n ? "has no effect, which refresh reports"
						    : "accepted");
		assert_int_equal(repos.n_faults, lines[i].outcome == REFUSED);
		/* the innocent entry is not affected */
		assert_non_null(mf_repos_find(&repos, "b"));
		if (lines[i].outcome == REFUSED) {
			assert_string_equal(repos.faults[0].where, "a.repo line 3 [a]");
			assert_null(strstr(repos.faults[0].why, "secret"));
			continue;
		}
		assert_int_equal(repos.v[0].unused.n, lines[i].outcome == UNUSED);
		if (lines[i].outcome == UNUSED)
			assert_ptr_equal(strstr(repos.v[0].unused.v[0], key),
					 repos.v[0].unused.v[0]);
	}
}

static void a_refusal_names_the_key(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://a\nproxy_auth_method=ntlm\n[b]\nbaseurl=http://b\n"
		   "sslverify=0\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 0);
	assert_non_null(strstr(repos.faults[0].why, "proxy_auth_method= is not supported"));
	assert_non_null(strstr(repos.faults[1].why, "sslverify=0 is not possible"));
}

static void a_misspelled_key_is_reported_with_the_right_one(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=http://a\nexcludepkg=x\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.v[0].unused.n, 1);
	assert_non_null(strstr(repos.v[0].unused.v[0], "excludepkgs"));
}

static void checks_can_be_turned_on_and_not_off(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://a\npkg_gpgcheck=1\ngpgcheck=0\n"
		   "[b]\nbaseurl=http://b\ngpgcheck=1\npkg_gpgcheck=0\n"
		   "[c]\nbaseurl=http://c\npkg_gpgcheck=0\n"
		   "[d]\nbaseurl=file:/d\ntrust=none\nrepo_gpgcheck=1\n"
		   "[e]\nbaseurl=file:/e\ntrust=none\nrepo_gpgcheck=0\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_true(mf_repos_find(&repos, "a")->gpgcheck);
	assert_true(mf_repos_find(&repos, "b")->gpgcheck);
	assert_false(mf_repos_find(&repos, "c")->gpgcheck);
	assert_null(mf_repos_find(&repos, "d"));
	assert_non_null(strstr(repos.faults[0].why, "contradicts"));
	assert_non_null(mf_repos_find(&repos, "e"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(each_key_acts_or_is_reported_or_is_refused_by_name),
		ROOTED(a_refusal_names_the_key),
		ROOTED(a_misspelled_key_is_reported_with_the_right_one),
		ROOTED(checks_can_be_turned_on_and_not_off),
	};

	return UNIT_RUN(tests);
}
