/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages with the source of a driver: their files, and that no other package has such files. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/verify/confine.h"
#include "src/verify/confine-source.h"

#define PACKAGE "v4l2loopback-kmod-source"
#define SOURCE	"/usr/src/v4l2loopback-0.12.7"

static int judge_with(struct root *r, const char *package, const char *path, uint32_t mode,
		      const char *scriptlet, bool scriptlets)
{
	const struct mf_plan_item item = { .name = (char *)package };
	struct mf_rpm_file file = { .path = (char *)path,
				    .mode = mode,
				    .user = (char *)"root",
				    .group = (char *)"root",
				    .link = (char *)(S_ISLNK(mode) ? "file.c" : "") };
	struct mf_rpm_header h = {
		.name = (char *)package, .evr = (char *)"1:0.12.7-3", .files = &file, .n_files = 1
	};
	struct mf_repo repo = { .id = (char *)"test",
				.scriptlets = scriptlets,
				.allow_files = ~0U };
	int err;

	if (scriptlet)
		assert_int_equal(mf_strings_add(&h.scriptlets, scriptlet), 0);
	err = mf_confine(&r->ctx, &repo, &item, &h);
	mf_strings_done(&h.scriptlets);
	return err;
}

static int judge(struct root *r, const char *package, const char *path, uint32_t mode)
{
	return judge_with(r, package, path, mode, NULL, false);
}

static void files_and_directories_of_its_own_source_are_accepted(void **state)
{
	struct root *r = *state;

	assert_int_equal(judge(r, PACKAGE, SOURCE, S_IFDIR | 0755), 0);
	assert_int_equal(judge(r, PACKAGE, SOURCE "/src/deep", S_IFDIR | 0755), 0);
	assert_int_equal(judge(r, PACKAGE, SOURCE "/dkms.conf", S_IFREG | 0644), 0);
	assert_int_equal(judge(r, PACKAGE, SOURCE "/configure", S_IFREG | 0755), 0);
}

static void all_else_is_refused(void **state)
{
	static const struct {
		const char *path;
		uint32_t mode;
	} bad[] = {
		{ SOURCE, S_IFREG | 0644 },
		{ SOURCE "/link", S_IFLNK | 0777 },
		{ SOURCE "/setuid", S_IFREG | 04755 },
		{ SOURCE "/writable", S_IFREG | 0666 },
		{ SOURCE "/pipe", S_IFIFO | 0644 },
		{ SOURCE "/private", S_IFDIR | 0700 },
		{ SOURCE "/../other/file.c", S_IFREG | 0644 },
		{ SOURCE "/a\nb", S_IFREG | 0644 },
		{ SOURCE "1/file.c", S_IFREG | 0644 },
		{ "/usr/src/v4l2loopback-0.12.8/file.c", S_IFREG | 0644 },
		{ "/usr/src/v4l2loopback/file.c", S_IFREG | 0644 },
		{ "/usr/src/other-0.12.7/file.c", S_IFREG | 0644 },
		{ "/usr/src/linux-headers-" KERNEL "/Makefile", S_IFREG | 0644 },
		{ "/usr/src", S_IFDIR | 0755 },
		{ "/usr/bin/x", S_IFREG | 0755 },
		/* what a driver package may have */
		{ "/lib/modules/" KERNEL "/updates/x.ko", S_IFREG | 0644 },
		{ "/lib/firmware/x.bin", S_IFREG | 0644 },
		{ "/usr/share/doc/x/README", S_IFREG | 0644 },
		{ "/etc/modprobe.d/x.conf", S_IFREG | 0644 },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		if (judge(r, PACKAGE, bad[i].path, bad[i].mode) != -MFE_FORBIDDEN_FILE)
			fail_msg("%s is accepted", bad[i].path);
}

static void no_other_package_has_a_source(void **state)
{
	static const char *const names[] = { "v4l2loopback-kmp-" TAG,	   "v4l2loopback-source",
					     "v4l2loopback-kmod-source-x", "-kmod-source",
					     "v4l2loopback-kmod",	   "other-kmod-source" };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++)
		if (judge(r, names[i], SOURCE "/dkms.conf", S_IFREG | 0644) != -MFE_FORBIDDEN_FILE)
			fail_msg("%s is accepted", names[i]);
}

static void it_never_has_scriptlets(void **state)
{
	struct root *r = *state;

	assert_int_equal(judge_with(r, PACKAGE, SOURCE "/x", S_IFREG | 0644, "%post", true),
			 -MFE_SCRIPTLET);
	assert_int_equal(judge_with(r, PACKAGE, SOURCE "/x", S_IFREG | 0644, "%post", false),
			 -MFE_SCRIPTLET);
	/* a repository with permission for them may have them in a driver package */
	assert_int_equal(judge_with(r, "x-kmp", "/lib/firmware/x", S_IFREG | 0644, "%post", true),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(files_and_directories_of_its_own_source_are_accepted),
		ROOTED(all_else_is_refused),
		ROOTED(no_other_package_has_a_source),
		ROOTED(it_never_has_scriptlets),
	};

	return UNIT_RUN(tests);
}
