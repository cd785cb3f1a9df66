/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests that a package cannot shadow files of the machine, with a real package of a module and of
 * firmware. Whole commands, and packages of other files: road/contents.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/release.h"
#include "modfetch/resolve.h"
#include "tests/machine.h"
#include "tests/primary.h"

static const struct primary vendor_repo[] = {
	{ .name = "sound-kmp", .evr = "1-1", .provides = "kmod(soundcore.ko)" }
};

/* Makes "vendor" the repository of the package; KEYS are added to its .repo file. */
static int check_with(struct machine *m, const struct primary *packages, size_t n, const char *keys,
		      bool named)
{
	struct mf_plan_item item = m->item;
	struct mf_plan plan = { .items = &item, .n = 1 };
	struct mf_catalog *catalog = NULL;
	struct mf_policy *policy = NULL;
	struct mf_kmod *kmod = NULL;
	const struct mf_rpm_header *header;
	struct mf_proof *proof;
	char text[200];
	int r;

	snprintf(text, sizeof(text), "[vendor]\nbaseurl=http://v\n%s\n", keys);
	root_write(&m->root, "etc/modfetch/repos.d/vendor.repo", text);
	assert_int_equal(primary_cache(&m->root.ctx, "vendor", packages, n, (unsigned char)n), 0);
	assert_int_equal(machine_verify(m, fcntl(m->package, F_DUPFD_CLOEXEC, 0), &proof), 0);
	assert_int_equal(mf_kmod_new(&m->root.ctx, &kmod), 0);
	assert_int_equal(mf_policy_new(&m->root.ctx, kmod, &policy), 0);
	assert_int_equal(mf_catalog_open(&m->root.ctx, &catalog), 0);
	header = mf_proof_header(proof);
	item.named = named;
	item.repo = strcmp(mf_catalog_repos(catalog)->v[0].id, "vendor") ? 1 : 0;
	r = mf_shadow_check(&m->root.ctx, catalog, policy, &plan, &header);
	mf_catalog_free(catalog);
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	mf_proof_free(proof);
	return r;
}

static int check(struct machine *m, const char *keys, bool named)
{
	return check_with(m, vendor_repo, 1, keys, named);
}

/* PATH with the release of the kernel for a "K" between slashes. */
static const char *path_of(struct machine *m, const char *path)
{
	static char buf[400];
	const char *k = strstr(path, "/K/");

	if (!k)
		return path;
	snprintf(buf, sizeof(buf), "%.*s/%s%s", (int)(k - path), path, m->kver, k + 2);
	return buf;
}

static void files_of_the_machine_are_not_shadowed(void **state)
{
	static const struct {
		const char *path;
		bool shadowed;
	} cases[] = {
		{ "lib/modules/K/kernel/sound/soundcore.ko", true },
		{ "lib/modules/K/kernel/sound/soundcore.ko.xz", true },
		{ "lib/modules/K/kernel/sound/soundcore.ko.zst", true },
		{ "lib/modules/K/soundcore.ko.gz", true },
		{ "lib/modules/K/extra/a/b/c/soundcore.ko", true },
		{ "lib/modules/K/updates/dkms/soundcore.ko", true },
		{ "lib/modules/K/updates/soundcore.ko.xz", true },
		{ "lib/modules/K/.hidden/soundcore.ko", true },
		{ "lib/firmware/vendor/x.bin.xz", true },
		{ "lib/firmware/vendor/x.bin.zst", true },
		/* the same file, another name, another kernel, another directory: no shadow */
		{ "lib/modules/K/updates/soundcore.ko", false },
		{ "lib/modules/K/kernel/sound/sound-core.ko", false },
		{ "lib/modules/K/kernel/sound/soundcore2.ko", false },
		{ "lib/modules/K/kernel/sound/soundcore", false },
		{ "lib/modules/6.9.9-other/kernel/sound/soundcore.ko", false },
		{ "lib/firmware/vendor/x.bin", false },
		{ "lib/firmware/x.bin.xz", false },
		{ "lib/firmware/vendor/x.bin.gz", false },
		{ "lib/firmware/vendor/x", false },
	};
	struct machine *m = *state;

	assert_int_equal(check(m, "", false), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		const char *path = path_of(m, cases[i].path);

		root_write(&m->root, path, "of the machine");
		if (check(m, "", false) != (cases[i].shadowed ? -MFE_FORBIDDEN_FILE : 0))
			fail_msg("%s", path);
		if (cases[i].shadowed) {
			assert_non_null(strstr(m->root.ctx.failure.why, path));
			assert_non_null(strstr(m->root.ctx.failure.why, "prefer=1"));
			assert_non_null(strstr(m->root.ctx.failure.why, "install sound-kmp"));
		}
		assert_int_equal(unlinkat(m->root.fd, path, 0), 0);
	}
}

static void a_link_in_the_tree_counts_as_a_module(void **state)
{
	struct machine *m = *state;

	root_mkdir(&m->root, path_of(m, "lib/modules/K/weak-updates"));
	root_link(&m->root, "/lib/modules/other/extra/soundcore.ko",
		  path_of(m, "lib/modules/K/weak-updates/soundcore.ko"));
	assert_int_equal(check(m, "", false), -MFE_FORBIDDEN_FILE);
}

/* Its names are more than one call to the kernel returns. */
static void a_large_directory_is_read_to_its_end(void **state)
{
	struct machine *m = *state;
	char path[600];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "lib/modules/%s/extra/%0200d.ko", m->kver, i);
		root_write(&m->root, path, "");
	}
	assert_int_equal(check(m, "", false), 0);
	/* wherever the file system lists it */
	for (int i = 0; i < 300; i += 60) {
		snprintf(path, sizeof(path), "lib/modules/%s/extra/%0200d.ko", m->kver, i);
		assert_int_equal(unlinkat(m->root.fd, path, 0), 0);
		root_write(&m->root, path_of(m, "lib/modules/K/extra/soundcore.ko"), "");
		assert_int_equal(check(m, "", false), -MFE_FORBIDDEN_FILE);
		assert_int_equal(
			unlinkat(m->root.fd, path_of(m, "lib/modules/K/extra/soundcore.ko"), 0), 0);
		root_write(&m->root, path, "");
	}
}

static void built_in_modules_are_not_shadowed(void **state)
{
	struct machine *m = *state;

	root_write(&m->root, path_of(m, "lib/modules/K/modules.builtin"),
		   "kernel/sound/sound.ko\nkernel/sound/soundcore.ko\n");
	assert_int_equal(check(m, "", false), -MFE_FORBIDDEN_FILE);
	assert_non_null(strstr(m->root.ctx.failure.why, "built into"));
}

static void the_admin_can_allow_shadowing(void **state)
{
	static const struct {
		const char *keys;
		bool named, may;
	} cases[] = {
		{ "", false, false },
		{ "", true, true },
		{ "prefer=1", false, true },
		{ "prefer=0", false, false },
		{ "priority=99", false, false },
		{ "priority=98", false, true },
		{ "priority=100", false, false },
	};
	struct machine *m = *state;

	root_write(&m->root, path_of(m, "lib/modules/K/kernel/soundcore.ko"), "of the kernel");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		if (check(m, cases[i].keys, cases[i].named) !=
		    (cases[i].may ? 0 : -MFE_FORBIDDEN_FILE))
			fail_msg("case %zu", i);
}

/* A repository with the kernel and its soundcore, which is not fetched yet. */
static void have_home(struct machine *m, const char *keys)
{
	struct mf_release release;
	char image[300], module[300], text[400];
	const struct primary packages[] = {
		{ .name = image, .evr = "6-1", .provides = "kernel-uname-r" },
		{ .name = module, .evr = "6-1", .provides = "kmod(soundcore.ko)" },
	};

	assert_int_equal(mf_release_parse(m->kver, NULL, &release), 0);
	snprintf(image, sizeof(image), "kernel-%s-image-%s", release.flavor, release.abi);
	snprintf(module, sizeof(module), "soundcore-kmp-%s-%s", release.flavor, release.abi);
	snprintf(text, sizeof(text), "[home]\nbaseurl=http://h\n%s\n", keys);
	root_write(&m->root, "etc/modfetch/repos.d/home.repo", text);
	assert_int_equal(primary_cache(&m->root.ctx, "home", packages, 2, 2), 0);
	snprintf(text, sizeof(text), "deny package %s\n", module);
	root_write(&m->root, "etc/modfetch/policy.d/later", text);
}

static void modules_of_the_kernels_repository_are_not_shadowed(void **state)
{
	struct machine *m = *state;

	have_home(m, "");
	assert_int_equal(check(m, "", false), -MFE_FORBIDDEN_FILE);
	assert_non_null(strstr(m->root.ctx.failure.why, "the kernel's own"));
	assert_int_equal(check(m, "prefer=1", false), 0);
	assert_int_equal(check(m, "priority=98", false), 0);
	assert_int_equal(check(m, "", true), 0);
	/* denying the driver of the kernel is a choice as well */
	assert_int_equal(renameat(m->root.fd, "etc/modfetch/policy.d/later", m->root.fd,
				  "etc/modfetch/policy.d/now.conf"),
			 0);
	assert_int_equal(check(m, "", false), 0);
	assert_int_equal(unlinkat(m->root.fd, "etc/modfetch/policy.d/now.conf", 0), 0);
	/* better than the default, but not than that of the kernel's repository */
	have_home(m, "priority=50");
	assert_int_equal(check(m, "priority=60", false), -MFE_FORBIDDEN_FILE);
	assert_int_equal(check(m, "priority=49", false), 0);
}

/* The only repository names a package as the image of the kernel. */
static void having_an_image_is_not_a_preference(void **state)
{
	static const struct {
		const char *path;
		int expected;
	} cases[] = {
		{ "lib/modules/K/kernel/soundcore.ko", -MFE_FORBIDDEN_FILE },
		{ "lib/firmware/vendor/x.bin.xz", 0 },
	};
	struct machine *m = *state;
	struct mf_release release;
	char image[300];
	const struct primary packages[] = {
		vendor_repo[0],
		{ .name = image, .evr = "1-1", .provides = "kernel-uname-r" },
	};

	assert_int_equal(mf_release_parse(m->kver, NULL, &release), 0);
	snprintf(image, sizeof(image), "kernel-%s-image-%s", release.flavor, release.abi);
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		root_write(&m->root, path_of(m, cases[i].path), "of the machine");
		assert_int_equal(check_with(m, packages, 2, "", false), cases[i].expected);
		assert_int_equal(check_with(m, packages, 1, "", false), -MFE_FORBIDDEN_FILE);
		assert_int_equal(unlinkat(m->root.fd, path_of(m, cases[i].path), 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(files_of_the_machine_are_not_shadowed),
		MACHINE(a_link_in_the_tree_counts_as_a_module),
		MACHINE(a_large_directory_is_read_to_its_end),
		MACHINE(built_in_modules_are_not_shadowed),
		MACHINE(the_admin_can_allow_shadowing),
		MACHINE(modules_of_the_kernels_repository_are_not_shadowed),
		MACHINE(having_an_image_is_not_a_preference),
	};

	return UNIT_RUN(tests);
}
