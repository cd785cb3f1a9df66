/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modfetch.conf: what each key sets, and that nothing wrong passes for right. */
#include "tests/unit.h"
#include "tests/root.h"

static int read_conf(struct root *r, const char *text)
{
	root_write(r, "etc/modfetch/modfetch.conf", text);
	r->ctx.failure = (struct mf_failure){ 0 };
	return mf_settings_read(&r->ctx);
}

static void without_a_file_the_built_in_ones_hold(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_settings_read(&r->ctx), 0);
	assert_null(r->ctx.settings.rpmdb);
	assert_string_equal(r->ctx.settings.fetch_user, "modfetch");
	assert_string_equal(r->ctx.settings.module_signature, "if-keys");
	assert_string_equal(r->ctx.settings.auto_update, "no");
	assert_int_equal(r->ctx.settings.lock_timeout, 60);
	assert_int_equal(r->ctx.settings.max_age_days, 14);
	assert_int_equal(r->ctx.settings.max_metadata, 512ULL << 20);
	assert_int_equal(r->ctx.settings.max_transactions, 20);
}

static void each_key_sets_its_setting(void **state)
{
	struct root *r = *state;
	const struct mf_settings *s = &r->ctx.settings;

	assert_int_equal(
		read_conf(r,
			  "# a comment\n[modfetch]\nrpmdb=/opt/rpm\nfetch-user=nobody\n"
			  "module-signature=require\nregenerate-initrd=never\nauto-update="
			  "security\nmax-metadata=3\nmax-"
			  "package=4\nmax-age=5\n"
			  "fetch-timeout=6\nlock-timeout=0\nbind-timeout=7\nmax-transactions=8\n"),
		0);
	assert_string_equal(s->rpmdb, "/opt/rpm");
	assert_string_equal(s->fetch_user, "nobody");
	assert_string_equal(s->module_signature, "require");
	assert_string_equal(s->regenerate_initrd, "never");
	assert_string_equal(s->auto_update, "security");
	assert_int_equal(s->max_metadata, 3ULL << 20);
	assert_int_equal(s->max_package, 4ULL << 20);
	assert_int_equal(s->max_age_days, 5);
	assert_int_equal(s->fetch_timeout, 6);
	assert_int_equal(s->lock_timeout, 0);
	assert_int_equal(s->bind_timeout, 7);
	assert_int_equal(s->max_transactions, 8);
	assert_int_equal(read_conf(r, "[modfetch]\nauto-update=all\n"), 0);
	assert_string_equal(s->auto_update, "all");
	/* said twice: the last one counts, and nothing leaks */
	assert_int_equal(read_conf(r, "[modfetch]\nrpmdb=/a\nrpmdb=/b\n"), 0);
	assert_string_equal(s->rpmdb, "/b");
}

static void what_is_wrong_is_an_error(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[modfetch]\nlock-timout=5\n", "did you mean lock-timeout?" },
		{ "[modfetch]\nfrobnicate=5\n", "no such setting; see" },
		{ "lock-timeout=5\n", "section" },
		{ "[other]\nlock-timeout=5\n", "section" },
		{ "[modfetch]\nlock-timeout=\n", "not a number" },
		{ "[modfetch]\nlock-timeout=5x\n", "not a number" },
		{ "[modfetch]\nlock-timeout=-5\n", "not a number" },
		{ "[modfetch]\nlock-timeout=99999\n", "not a number from 0 to 3600" },
		{ "[modfetch]\nmax-package=0\n", "not a number from 1" },
		{ "[modfetch]\nmax-package=18446744073709551616\n", "not a number" },
		{ "[modfetch]\nrpmdb=var/lib/rpm\n", "absolute" },
		{ "[modfetch]\nrpmdb=/var/../../rpm\n", "absolute" },
		{ "[modfetch]\nmodule-signature=sometimes\n", "neither" },
		{ "[modfetch]\nregenerate-initrd=dracut\n", "neither" },
		{ "[modfetch]\nauto-update=yes\n", "neither no, security nor all" },
		{ "[modfetch]\nauto-update=\n", "neither no, security nor all" },
		{ "[modfetch]\nwhat is this\n", "line 2" },
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_conf(r, bad[i].text), -MFE_CONFIG);
		assert_int_equal(r->ctx.failure.code, -MFE_CONFIG);
		assert_string_equal(r->ctx.failure.what, "/etc/modfetch/modfetch.conf");
		assert_non_null(strstr(r->ctx.failure.why, bad[i].why));
	}
}

static void a_file_that_hides_its_end_is_refused(void **state)
{
	struct root *r = *state;

	root_write_bytes(r, "etc/modfetch/modfetch.conf",
			 "[modfetch]\n\0module-signature=require\n", 37);
	assert_int_equal(mf_settings_read(&r->ctx), -MFE_CONFIG);
}

static void one_that_cannot_be_read_is_an_error(void **state)
{
	struct root *r = *state;
	char *big = malloc(100000);

	root_mkdir(r, "etc/modfetch/modfetch.conf");
	assert_int_equal(mf_settings_read(&r->ctx), -EISDIR);
	assert_int_equal(mf_tree_remove(r->fd, "etc"), 0);
	memset(big, '#', 99999);
	big[99999] = '\0';
	assert_int_equal(read_conf(r, big), -EFBIG);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_a_file_the_built_in_ones_hold),
		ROOTED(each_key_sets_its_setting),
		ROOTED(what_is_wrong_is_an_error),
		ROOTED(a_file_that_hides_its_end_is_refused),
		ROOTED(one_that_cannot_be_read_is_an_error),
	};

	return UNIT_RUN(tests);
}
