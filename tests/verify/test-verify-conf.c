/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines that a package may have in depmod.d. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/verify/verify-conf.h"

#define CONF "/etc/depmod.d/x.conf"
#define K    "/lib/modules/" KERNEL "/"

static struct mf_rpm_file files[] = {
	{ .path = (char *)K "extra/drivers/snd-x.ko", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/usr" K "updates/y.ko.xz", .mode = S_IFREG | 0644 },
	{ .path = (char *)K "kernel/net/z.ko", .mode = S_IFREG | 0644 },
	{ .path = (char *)K "extra/w.ko", .mode = S_IFDIR | 0755 },
	{ .path = (char *)"/lib/firmware/x/v.bin", .mode = S_IFREG | 0644 },
	{ .path = (char *)CONF, .mode = S_IFREG | 0644 },
	{ .path = (char *)"/etc/depmod.d/y.conf", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/usr/lib/depmod.d/y.conf", .mode = S_IFREG | 0644 },
};

static int judge_bytes(struct root *r, const char *path, const char *text, size_t len)
{
	const struct mf_rpm_header h = { .name = (char *)"x-kmp",
					 .files = files,
					 .n_files = MF_ARRAY_SIZE(files) };

	return mf_verify_conf(&r->ctx, &h, path, text, len);
}

static int judge(struct root *r, const char *text)
{
	return judge_bytes(r, CONF, text, strlen(text));
}

static void lines_of_distribution_drivers_are_accepted(void **state)
{
	static const char *const good[] = {
		"",
		"\n\n",
		"# a comment of any kind: external * /tmp ((((\n",
		"override snd-x * weak-updates/drivers\n",
		"override snd_x\t*  weak-updates/extra/drivers\n",
		"override y * weak-updates\n",
		/* as written by Red Hat's driver update program */
		"override snd-x 4\\.18\\.0-193.* weak-updates/drivers\n",
		"override y ^6\\.1\\.0-.*\\+$ updates",
		"override snd-x * extra/drivers\noverride y * weak-updates/updates\n",
		"override z * kernel/net\n",
		"search updates\n",
		"search updates extra/drivers\n",
		"search\tupdates  extra/drivers \n",
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(good); i++)
		assert_int_equal(judge(r, good[i]), 0);
}

static void everything_else_is_refused_by_file_and_line(void **state)
{
	static const char *const bad[] = {
		"external * /lib/firmware\n",
		"exclude loop\n",
		"include /etc\n",
		"make_map_files yes\n",
		"make_map_links yes\n",
		"Override y * updates\n",
		" # no comment\n",
		"override other * updates\n",
		"override v * updates\n",
		"override w * extra\n",
		"override y.ko * updates\n",
		"override ../y * updates\n",
		"override y *\n",
		"override y\n",
		"override y * updates more\n",
		"override y * kernel/net\n",
		"override y * /lib/firmware\n",
		"override y * updates/../../../firmware\n",
		"override y * updates//x\n",
		"override y * updatesx\n",
		"override y * extra\n",
		"override y * updates/x\n",
		"override snd-x * weak-updates\n",
		"override snd-x * weak-updates/other\n",
		"override snd-x * weak-updatesdrivers\n",
		"override snd-x * extra\n",
		"override y (a*)*b updates\n",
		"override y \\(a\\)\\{9999\\} updates\n",
		"override y [a] updates\n",
		"override y a|b updates\n",
		"override y .*.*.*.*.* updates\n",
		"override y a+b+c+d+e+ updates\n",
		"override y 12345678901234567890123456789012345678901234567890123456789012345 "
		"updates\n",
		"search external updates\n",
		"search updates external\n",
		"search built-in updates\n",
		"search updates built-in\n",
		"search updates extra\n",
		"search updates kernel/net\n",
		"search updates extra/other\n",
		"search updates weak-updates/x\n",
		"search extra/drivers\n",
		"search\n",
		"override y * up\\\ndates\n",
		"# comment \\\nexternal * /tmp\n",
		"override y * updates\r\n",
		"override y * upd\x01tes\n",
		"override y * updates\\",
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		assert_int_equal(judge(r, bad[i]), -MFE_FORBIDDEN_FILE);
		assert_string_equal(r->ctx.failure.what, "x-kmp");
		assert_non_null(strstr(r->ctx.failure.why, CONF ":1: "));
	}
	assert_int_equal(judge(r, "# fine\n\noverride y * updates\nexclude y\n"),
			 -MFE_FORBIDDEN_FILE);
	assert_non_null(strstr(r->ctx.failure.why, CONF ":4: "));
	assert_int_equal(judge_bytes(r, CONF, "#\0\nexclude y\n", 14), -MFE_FORBIDDEN_FILE);
}

static void a_search_must_not_change_an_existing_order(void **state)
{
	struct root *r = *state;

	assert_int_equal(judge(r, "search updates extra/drivers\n"), 0);
	/* no file, and the package's own file of an older version */
	root_write(r, "etc/depmod.d/a.conf", "# search x\noverride search * updates\nsearchx\n");
	root_write(r, "etc/depmod.d/notes", "search extra\n");
	root_write(r, &CONF[1], "search updates\n");
	assert_int_equal(judge(r, "search updates\n"), 0);
	root_write(r, "usr/lib/depmod.d/dist.conf", "\n \tsearch\tupdates extra built-in\n");
	assert_int_equal(judge(r, "search updates\n"), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge(r, "override y * updates\n"), 0);
}

static void lengths_are_limited(void **state)
{
	static char text[70000];
	struct root *r = *state;

	memset(text, '\n', 1024);
	assert_int_equal(judge_bytes(r, CONF, text, 1024), 0);
	text[1024] = '\n';
	assert_int_equal(judge_bytes(r, CONF, text, 1025), -MFE_FORBIDDEN_FILE);
	memset(text, '#', sizeof(text));
	assert_int_equal(judge_bytes(r, CONF, text, 511), 0);
	assert_int_equal(judge_bytes(r, CONF, text, 512), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge_bytes(r, CONF, text, sizeof(text)), -MFE_FORBIDDEN_FILE);
}

static void a_file_must_not_hide_an_existing_one(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/lib/depmod.d/other.conf", "search updates\n");
	root_write(r, "etc/depmod.d/x.conf", "");
	/* its own file of an older version */
	assert_int_equal(judge(r, "# fine\n"), 0);
	root_write(r, "lib/depmod.d/x.conf", "search extra built-in\n");
	assert_int_equal(judge(r, "# fine\n"), -MFE_FORBIDDEN_FILE);
	assert_non_null(strstr(r->ctx.failure.why, "/lib/depmod.d/x.conf"));
	/* both are in the package */
	root_write(r, "lib/depmod.d/y.conf", "");
	assert_int_equal(judge_bytes(r, "/etc/depmod.d/y.conf", "", 0), 0);
	/* an admin's file in an earlier directory may hide the package's */
	root_link(r, "/dev/null", "etc/depmod.d/z.conf");
	assert_int_equal(judge_bytes(r, "/usr/lib/depmod.d/z.conf", "", 0), 0);
}

static void only_what_depmod_would_read_is_its_configuration(void **state)
{
	static const struct {
		const char *path;
		bool is;
	} cases[] = {
		{ "/etc/depmod.d/x.conf", true },      { "/usr/lib/depmod.d/x.conf", true },
		{ "/lib/depmod.d/.conf", true },       { "/etc/depmod.d/deep/x.conf", false },
		{ "/etc/depmod.d/x.txt", false },      { "/etc/modprobe.d/x.conf", false },
		{ "/usr/etc/depmod.d/x.conf", false }, { "x.conf", false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		assert_int_equal(mf_is_depmod_conf(cases[i].path), cases[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(lines_of_distribution_drivers_are_accepted),
		ROOTED(everything_else_is_refused_by_file_and_line),
		ROOTED(a_search_must_not_change_an_existing_order),
		ROOTED(lengths_are_limited),
		ROOTED(a_file_must_not_hide_an_existing_one),
		UNIT(only_what_depmod_would_read_is_its_configuration),
	};

	return UNIT_RUN(tests);
}
