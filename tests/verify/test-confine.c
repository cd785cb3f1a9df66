/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that a driver package may contain, path by path. Hostile packages: road/hostile.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/verify/confine.h"

static int judge_as(struct root *r, const struct mf_plan_item *item, const char *uname_r,
		    struct mf_rpm_file file)
{
	struct mf_rpm_header h = { .name = item->name, .files = &file, .n_files = 1 };
	struct mf_repo repo = { .id = (char *)"test" };
	int err;

	if (uname_r)
		assert_int_equal(mf_strings_add(&h.uname_r, uname_r), 0);
	if (!file.user)
		file.user = (char *)"root";
	if (!file.group)
		file.group = (char *)"root";
	if (!file.link)
		file.link = (char *)"";
	if (!file.mode)
		file.mode = S_IFREG | 0644;
	err = mf_confine(&r->ctx, &repo, item, &h);
	mf_strings_done(&h.uname_r);
	return err;
}

static int judge(struct root *r, const char *package, struct mf_rpm_file file)
{
	const struct mf_plan_item item = { .name = (char *)package };

	return judge_as(r, &item, NULL, file);
}

static int path(struct root *r, const char *name)
{
	return judge(r, "x-kmp-" TAG, (struct mf_rpm_file){ .path = (char *)name });
}

static void drivers_firmware_and_documentation_are_accepted(void **state)
{
	static const char *const good[] = {
		"/lib/modules/" KERNEL "/kernel/drivers/net/x.ko",
		"/lib/modules/" KERNEL "/updates/x.ko.xz",
		"/usr/lib/modules/" KERNEL "/extra/deep/er/x.ko.zst",
		"/lib/modules/6.9.9-other/extra/x.ko",
		"/lib/firmware/vendor/x.bin",
		"/usr/lib/firmware/x.bin.xz",
		"/lib/firmware/vendor/with a blank: \xc3\xa4.bin",
		"/usr/share/doc/x/README",
		"/usr/share/licenses/x/COPYING",
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(good); i++)
		assert_int_equal(path(r, good[i]), 0);
}

static void other_paths_are_refused(void **state)
{
	static const char *const bad[] = {
		"/etc/passwd",
		"/usr/bin/x",
		"/lib/systemd/system/x.service",
		"/lib/modulesx/y",
		"/lib/modules",
		"/lib/modules/",
		"lib/modules/" KERNEL "/x.ko",
		"/lib/modules/" KERNEL "/../../../etc/x.ko",
		"/lib/modules/./" KERNEL "/x.ko",
		"/lib/modules/..",
		"/usr/share/doc/../../bin/x",
		"/boot/vmlinuz",
		"/etc/modprobe.d/x.conf",
		"/lib/modules/" KERNEL "/updates/a b.ko",
		"/lib/modules/" KERNEL "/updates/a:b.ko",
		"/lib/modules/" KERNEL "/updates/a\nb.ko",
		"/lib/modules/" KERNEL "/up\tdates/b.ko",
		"/lib/modules/" KERNEL "/updates/\xc3\xa4.ko",
		"/usr/lib/modules/a b/updates/b.ko",
		"/lib/firmware/a\nb",
		"/usr/share/doc/a\033[2J/README",
		"/lib/firmware/\177",
		"/lib/firmware",
		"/",
		"",
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		assert_int_equal(path(r, bad[i]), -MFE_FORBIDDEN_FILE);
		assert_int_equal(r->ctx.failure.code, -MFE_FORBIDDEN_FILE);
	}
}

#define KO "/lib/modules/" KERNEL "/updates/x.ko"

static void special_files_and_permissions_are_refused(void **state)
{
	static const uint32_t bad[] = { S_IFCHR | 0600,	 S_IFBLK | 0600,  S_IFIFO | 0600,
					S_IFSOCK | 0600, S_IFREG | 04755, S_IFREG | 02755,
					S_IFREG | 01644, S_IFREG | 0666,  S_IFREG | 0646,
					S_IFREG | 0664 };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(judge(r, "x-kmp",
				       (struct mf_rpm_file){ .path = (char *)KO, .mode = bad[i] }),
				 -MFE_FORBIDDEN_FILE);
	assert_int_equal(
		judge(r, "x-kmp", (struct mf_rpm_file){ .path = (char *)KO, .has_caps = true }),
		-MFE_FORBIDDEN_FILE);
}

static void all_belongs_to_root_and_its_group(void **state)
{
	/* names like those of accounts, and impossible ones: rpm looks up any name but root */
	static const char *const others[] = { "daemon", "",	  "root ", " root", "Root", "0",
					      "+0",	"root\n", "toor",  "wheel", "UID_0" };
	static const struct mf_rpm_file kinds[] = {
		{ .path = (char *)KO },
		{ .path = (char *)KO, .ghost = true },
		{ .path = (char *)"/lib/modules/" KERNEL "/updates", .mode = S_IFDIR | 0755 },
		{ .path = (char *)"/lib/firmware/x.bin",
		  .mode = S_IFLNK | 0777,
		  .link = (char *)"y.bin" },
		{ .path = (char *)"/usr/share/doc/x" },
	};
	struct root *r = *state;

	for (size_t k = 0; k < MF_ARRAY_SIZE(kinds); k++) {
		assert_int_equal(judge(r, "x-kmp", kinds[k]), 0);
		for (size_t i = 0; i < MF_ARRAY_SIZE(others); i++) {
			struct mf_rpm_file user = kinds[k], group = kinds[k];

			user.user = group.group = (char *)others[i];
			assert_int_equal(judge(r, "x-kmp", user), -MFE_FORBIDDEN_FILE);
			assert_int_equal(judge(r, "x-kmp", group), -MFE_FORBIDDEN_FILE);
		}
	}
}

static void directories_must_have_mode_0755(void **state)
{
	static const uint32_t bad[] = { 0,    0700,  0555,  0711,  0775,  0777,
					0757, 01755, 02755, 04755, 01777, 07777 };
	static const char *const paths[] = { "/usr", "/etc", "/lib/modules", "/lib/firmware/x",
					     "/lib/modules/" KERNEL };
	struct root *r = *state;

	for (size_t p = 0; p < MF_ARRAY_SIZE(paths); p++) {
		struct mf_rpm_file file = { .path = (char *)paths[p], .mode = S_IFDIR | 0755 };

		assert_int_equal(judge(r, "x-kmp", file), 0);
		for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
			file.mode = S_IFDIR | bad[i];
			assert_int_equal(judge(r, "x-kmp", file), -MFE_FORBIDDEN_FILE);
		}
	}
}

static int link_to(struct root *r, const char *at, const char *target)
{
	return judge(r, "x-kmp",
		     (struct mf_rpm_file){
			     .path = (char *)at, .mode = S_IFLNK | 0777, .link = (char *)target });
}

static void links_stay_in_their_directory(void **state)
{
	static const char *const bad[] = { "/etc/shadow", "..", "../x", "a/../../x", "a/..", "" };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(link_to(r, "/lib/firmware/vendor/x.bin", bad[i]),
				 -MFE_FORBIDDEN_FILE);
	assert_int_equal(link_to(r, "/lib/firmware/vendor/x.bin", "y.bin"), 0);
	assert_int_equal(link_to(r, "/lib/firmware/vendor/x.bin", "sub/y.bin"), 0);
}

static void only_a_named_kernel_has_files_in_boot(void **state)
{
	static const struct mf_rpm_file boot = { .path = (char *)"/boot/vmlinuz-" KERNEL },
					order = { .path = (char *)"/lib/modules/" KERNEL
								  "/modules.order" },
					loader = { .path = (char *)"/boot/loader/entries/x.conf" },
					directory = { .path = (char *)"/boot/loader",
						      .mode = S_IFDIR | 0755 };
	const struct mf_plan_item named = { .name = (char *)"a-kernel", .named = true },
				  needed = { .name = (char *)"kernel-amd64-image-6.1.0_56" };
	static const char uname_r[] = "6.1.0-56.amd64";
	struct root *r = *state;

	assert_int_equal(judge_as(r, &named, uname_r, boot), 0);
	assert_int_equal(judge_as(r, &named, uname_r, order), 0);
	/* it is not a kernel, or of another release, or the admin has not named it */
	assert_int_equal(judge_as(r, &named, NULL, boot), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge_as(r, &named, "6.1.0-57.amd64", boot), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge_as(r, &needed, uname_r, boot), -MFE_FORBIDDEN_FILE);
	assert_non_null(strstr(r->ctx.failure.why, "modfetch install"));
	assert_int_equal(judge_as(r, &needed, uname_r, order), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge_as(r, &needed, NULL, boot), -MFE_FORBIDDEN_FILE);
	/* and a file that is not a kernel's is always refused */
	assert_int_equal(judge_as(r, &named, uname_r, loader), -MFE_FORBIDDEN_FILE);
	assert_int_equal(judge_as(r, &named, uname_r, directory), -MFE_FORBIDDEN_FILE);
}

static void scriptlets_need_the_admins_permission(void **state)
{
	struct root *r = *state;
	const struct mf_plan_item item = { .name = (char *)"x-kmp" };
	struct mf_repo repo = { .id = (char *)"test" };
	struct mf_rpm_header h = { 0 };

	assert_int_equal(mf_strings_add(&h.scriptlets, "%post"), 0);
	assert_int_equal(mf_strings_add(&h.scriptlets, "%preun"), 0);
	assert_int_equal(mf_strings_add(&h.scriptlets, "%post -p"), 0);
	assert_int_equal(mf_confine(&r->ctx, &repo, &item, &h), -MFE_SCRIPTLET);
	/* all at once, and the way out */
	assert_non_null(strstr(r->ctx.failure.why, "it has %post, %preun, which"));
	assert_non_null(strstr(r->ctx.failure.why, "scriptlets=1 in its section [test]"));
	repo.scriptlets = true;
	assert_int_equal(mf_confine(&r->ctx, &repo, &item, &h), 0);
	mf_strings_done(&h.scriptlets);
}

static void only_drivers_may_be_obsoleted(void **state)
{
	static const char *const others[] = { "bash", "kmod", "kmod-libs" };
	struct root *r = *state;
	const struct mf_plan_item item = { .name = (char *)"x-kmp" };
	struct mf_repo repo = { .id = (char *)"test" };
	struct mf_rpm_header h = { 0 };

	assert_int_equal(mf_strings_add(&h.obsoletes, "older-kmp-default"), 0);
	assert_int_equal(mf_confine(&r->ctx, &repo, &item, &h), 0);
	assert_int_equal(mf_strings_add(&h.obsoletes, "kmod-old"), 0);
	assert_int_equal(mf_strings_add(&h.obsoletes, "old-kmod"), 0);
	assert_int_equal(mf_confine(&r->ctx, &repo, &item, &h), 0);
	mf_strings_done(&h.obsoletes);
	for (size_t i = 0; i < MF_ARRAY_SIZE(others); i++) {
		assert_int_equal(mf_strings_add(&h.obsoletes, others[i]), 0);
		assert_int_equal(mf_confine(&r->ctx, &repo, &item, &h), -MFE_FORBIDDEN_FILE);
		assert_non_null(strstr(r->ctx.failure.why, others[i]));
		mf_strings_done(&h.obsoletes);
	}
}

struct permission {
	const char *path;
	enum mf_allow kind;
};

static const struct permission vendors[] = {
	{ "/usr/lib/modprobe.d/x.conf", MF_ALLOW_MODPROBE },
	{ "/etc/modprobe.d/x.conf", MF_ALLOW_MODPROBE },
	{ "/etc/modules-load.d/x.conf", MF_ALLOW_MODULES_LOAD },
	{ "/etc/dracut.conf.d/x.conf", MF_ALLOW_DRACUT },
	{ "/usr/lib/udev/rules.d/60-x.rules", MF_ALLOW_UDEV },
	{ "/etc/uefi/certs/1A2B3C4D.crt", MF_ALLOW_UEFI },
	{ "/usr/lib/.build-id/ab/cdef", MF_ALLOW_BUILD_ID },
};

static int with_permission(struct root *r, unsigned int kinds, struct mf_rpm_file file)
{
	const struct mf_plan_item item = { .name = (char *)"kmod-x" };
	struct mf_repo repo = { .id = (char *)"test", .allow_files = kinds };
	struct mf_rpm_file files[] = {
		file,
		{ .path = (char *)"/lib/modules/6/extra/x.ko", .mode = S_IFREG | 0644 },
	};
	struct mf_rpm_header h = { .files = files, .n_files = 2 };

	for (size_t i = 0; i < 2; i++) {
		files[i].user = files[i].group = (char *)"root";
		if (!files[i].link)
			files[i].link = (char *)"";
	}
	return mf_confine(&r->ctx, &repo, &item, &h);
}

static void each_kind_of_file_has_a_permission_of_its_own(void **state)
{
	struct root *r = *state;
	const unsigned int all = MF_ALLOW_BUILD_ID * 2 - 1;

	for (size_t i = 0; i < MF_ARRAY_SIZE(vendors); i++) {
		struct mf_rpm_file file = { .path = (char *)vendors[i].path,
					    .mode = S_IFREG | 0644 };
		char hint[100];

		assert_int_equal(with_permission(r, vendors[i].kind, file), 0);
		assert_int_equal(with_permission(r, all & ~vendors[i].kind, file),
				 -MFE_FORBIDDEN_FILE);
		assert_int_equal(with_permission(r, 0, file), -MFE_FORBIDDEN_FILE);
		snprintf(hint, sizeof(hint), "allow-files=%s in its section [test]",
			 mf_allow_name(vendors[i].kind));
		assert_non_null(strstr(r->ctx.failure.why, hint));
		/* and nothing else there */
		file.mode = S_IFREG | 04755;
		assert_int_equal(with_permission(r, all, file), -MFE_FORBIDDEN_FILE);
	}
	assert_int_equal(with_permission(r, all,
					 (struct mf_rpm_file){ .path = (char *)"/etc/modprobe.d/x",
							       .mode = S_IFREG | 0644 }),
			 -MFE_FORBIDDEN_FILE);
	assert_int_equal(with_permission(r, MF_ALLOW_MODPROBE,
					 (struct mf_rpm_file){ .path = (char *)"/etc/modprobe.d",
							       .mode = S_IFDIR | 0755 }),
			 0);
	assert_int_equal(with_permission(r, all,
					 (struct mf_rpm_file){ .path = (char *)"/etc/cron.d",
							       .mode = S_IFDIR | 0755 }),
			 -MFE_FORBIDDEN_FILE);
}

static void a_build_id_may_link_to_a_module_alone(void **state)
{
	static const struct {
		const char *path, *link;
		int want;
	} links[] = {
		{ "/usr/lib/.build-id/ab/c", "../../../../lib/modules/6/extra/x.ko", 0 },
		{ "/usr/lib/.build-id/ab/c", "../../../../usr/lib/modules/6/extra/x.ko",
		  -MFE_FORBIDDEN_FILE },
		{ "/usr/lib/.build-id/ab/c.ko", "../../../../lib/modules/6/extra/x.ko",
		  -MFE_FORBIDDEN_FILE },
		{ "/usr/lib/.build-id/ab/c", "../../../lib/modules/6/extra/x.ko",
		  -MFE_FORBIDDEN_FILE },
		{ "/usr/lib/.build-id/ab/c", "../../../../lib/modules/../x.ko",
		  -MFE_FORBIDDEN_FILE },
		{ "/usr/lib/.build-id/ab/c", "../../../../etc/passwd", -MFE_FORBIDDEN_FILE },
		{ "/usr/lib/.build-id/ab/c", "../../../../lib/modules/6/x", -MFE_FORBIDDEN_FILE },
		{ "/lib/modules/6/extra/y.ko", "../../../../lib/modules/6/extra/x.ko",
		  -MFE_FORBIDDEN_FILE },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(links); i++)
		assert_int_equal(
			with_permission(*state, MF_ALLOW_BUILD_ID,
					(struct mf_rpm_file){ .path = (char *)links[i].path,
							      .link = (char *)links[i].link,
							      .mode = S_IFLNK | 0777 }),
			links[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(drivers_firmware_and_documentation_are_accepted),
		ROOTED(other_paths_are_refused),
		ROOTED(special_files_and_permissions_are_refused),
		ROOTED(all_belongs_to_root_and_its_group),
		ROOTED(directories_must_have_mode_0755),
		ROOTED(links_stay_in_their_directory),
		ROOTED(only_a_named_kernel_has_files_in_boot),
		ROOTED(scriptlets_need_the_admins_permission),
		ROOTED(only_drivers_may_be_obsoleted),
		ROOTED(each_kind_of_file_has_a_permission_of_its_own),
		ROOTED(a_build_id_may_link_to_a_module_alone),
	};

	return UNIT_RUN(tests);
}
