/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables of zypper and dnf in URLs. */
#include "tests/unit.h"
#include "tests/root.h"
#include <sys/utsname.h>
#include "modfetch/array.h"
#include "modfetch/repo.h"
#include "src/repo/variables.h"

/* TEXT with its variables replaced; "?$NAME": that one is unknown. */
static char *expanded(struct root *r, const char *text)
{
	char *result = NULL, *unknown = NULL;
	int n = repo_variables_expand(&r->ctx, text, &result, &unknown);

	assert_uint_in_range(n, 0, 1);
	if (!n)
		return result;
	assert_true(asprintf(&result, "?%s", unknown) > 0);
	free(unknown);
	return result;
}

static void variables_are_replaced_in_all_forms(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "http://a/x/", "http://a/x" },
		{ "http://a/$releasever/y", "http://a/15.6/y" },
		{ "http://a/${releasever}y", "http://a/15.6y" },
		{ "http://a/$releasever_major-$releasever_minor", "http://a/15-6" },
		{ "$kernel|$flavor", KERNEL "|amd64" },
		{ "http://$contentdir/x", "http://centos/x" },
		{ "http://$stream/x", "http://9-stream/x" },
		{ "http://a/$zyppvar", "http://a/of zypp" },
		{ "http://a/$nothing/x", "?$nothing" },
		{ "http://a/${nothing}/x", "?$nothing" },
		/* the whole name counts, not its beginning */
		{ "http://a/$releasevers", "?$releasevers" },
		{ "http://a/${nothing:-else}/x", "http://a/else/x" },
		{ "http://a/${releasever:-else}/x", "http://a/15.6/x" },
		{ "http://a/${releasever:+there}/x", "http://a/there/x" },
		{ "http://a/${nothing:+there}/x", "http://a//x" },
		{ "http://a/$", "http://a/$" },
		{ "http://a/${releasever", "http://a/${releasever" },
		{ "http://a/${}x$-", "http://a/${}x$-" },
		{ "http://a/${../../../etc/passwd}", "http://a/${../../../etc/passwd}" },
	};
	struct root *r = *state;

	root_write(r, "etc/os-release", "NAME=\"x\"\nVERSION_ID=\"15.6\"\n");
	root_write(r, "etc/dnf/vars/contentdir", "centos\n");
	root_write(r, "etc/yum/vars/contentdir", "other\n");
	root_write(r, "etc/yum/vars/stream", "9-stream  \nsecond\n");
	root_write(r, "etc/zypp/vars.d/zyppvar", "of zypp");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = expanded(r, cases[i].text);

		assert_string_equal(got, cases[i].result);
	}
}

static void the_admin_overrides_the_system_but_not_the_kernel(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *before = NULL, *after = NULL;

	root_write(r, "usr/lib/os-release", "VERSION_ID=12\n");
	before = expanded(r, "$releasever $flavor");
	assert_string_equal(before, "12 amd64");
	root_write(r, "etc/dnf/vars/releasever", "13\n");
	root_write(r, "etc/dnf/vars/flavor", "none\n");
	after = expanded(r, "$releasever $flavor $releasever_major");
	assert_string_equal(after, "13 amd64 13");
}

static void the_machine_has_a_family(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *got = expanded(r, "$arch");
	struct utsname uts;

	uname(&uts);
	assert_string_equal(got, uts.machine);
}

static void an_entry_with_an_unknown_variable_costs_itself_alone(void **state)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://a/$releasever\n[b]\nbaseurl=http://b\n"
		   "[c]\nbaseurl=http://c\npath=/$nothing\n");
	assert_int_equal(mf_repos_read(&r->ctx, &repos), 0);
	assert_int_equal(repos.n, 1);
	assert_string_equal(repos.v[0].id, "b");
	assert_string_equal(repos.faults[0].where, "a.repo line 2 [a]");
	assert_non_null(strstr(repos.faults[0].why, "$releasever"));
	assert_non_null(strstr(repos.faults[1].why, "$nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(variables_are_replaced_in_all_forms),
		ROOTED(the_admin_overrides_the_system_but_not_the_kernel),
		ROOTED(the_machine_has_a_family),
		ROOTED(an_entry_with_an_unknown_variable_costs_itself_alone),
	};

	return UNIT_RUN(tests);
}
