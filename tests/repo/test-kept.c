/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kept packages: what is kept, for how long, and that no line of the list leads elsewhere. */
#include "tests/unit.h"
#include "tests/root.h"
#include <time.h>
#include "modfetch/crypto.h"
#include "modfetch/kept.h"

#define LIST	MF_KEPT_DIRECTORY "/list"
#define DIGEST	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_OF "igb-kmp-1.0-1.x86_64.aaaaaaaa.rpm"

/* A package with these bytes, for KERNEL. */
static int keep(struct root *r, const char *name, const char *evr, const char *bytes)
{
	_cleanup_free_ char *label = mf_format("%s-%s.x86_64", name, evr);
	struct mf_rpm_header header = { .name = (char *)name };
	struct mf_kept_new package = { .label = label, .repo = "vendor", .header = &header };
	uint8_t digest[MF_SHA256_LEN];
	int err;

	assert_int_equal(mf_strings_add(&header.kernels, KERNEL), 0);
	package.fd = mf_memfile_new("package");
	assert_int_equal(mf_file_write(package.fd, bytes, strlen(bytes)), 0);
	assert_int_equal(mf_memfile_seal(package.fd), 0);
	assert_int_equal(mf_sha256_fd(package.fd, digest), 0);
	package.sha256 = digest;
	err = mf_kept_add(&r->ctx, &package, 1);
	close(package.fd);
	mf_strings_done(&header.kernels);
	return err;
}

static struct mf_kept kept_of(struct root *r)
{
	struct mf_kept kept = { 0 };

	assert_int_equal(mf_kept_read(&r->ctx, &kept), 0);
	return kept;
}

static void a_package_is_kept_with_its_bytes_and_its_origin(void **state)
{
	struct root *r = *state;
	struct mf_kept kept;

	assert_int_equal(keep(r, "igb-kmp", "2:1.0-1", "the bytes"), 0);
	kept = kept_of(r);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].label, "igb-kmp-2:1.0-1.x86_64");
	assert_string_equal(kept.v[0].repo, "vendor");
	assert_string_equal(kept.v[0].kernels, KERNEL);
	assert_int_equal(kept.v[0].size, 9);
	assert_true(mf_kept_is_there(&r->ctx, &kept.v[0]));
	assert_ptr_equal(mf_kept_find(&kept, "igb-kmp-2:1.0-1.x86_64"), &kept.v[0]);
	assert_null(mf_kept_find(&kept, "igb-kmp-1.0-1.x86_64"));
	{
		_cleanup_free_ char *name = mf_kept_file_name(&kept.v[0]);
		_cleanup_free_ char *path = mf_format(MF_KEPT_DIRECTORY "/%s", name);
		_cleanup_free_ char *bytes = root_read(r, path);

		assert_null(strchr(name, ':'));
		assert_string_equal(bytes, "the bytes");
	}
	mf_kept_done(&kept);
}

static void as_many_versions_stay_as_the_setting_says(void **state)
{
	struct root *r = *state;
	struct mf_kept kept;

	r->ctx.settings.keep_versions = 1;
	for (int i = 1; i <= 4; i++) {
		_cleanup_free_ char *evr = mf_format("%d-1", i);

		assert_int_equal(keep(r, "igb-kmp", evr, evr), 0);
		assert_int_equal(keep(r, "e1000e-kmp", "1-1", "the same"), 0);
	}
	kept = kept_of(r);
	assert_int_equal(kept.n, 3);
	assert_string_equal(kept.v[0].label, "igb-kmp-3-1.x86_64");
	assert_string_equal(kept.v[1].label, "igb-kmp-4-1.x86_64");
	mf_kept_done(&kept);
	/* an older one that is installed again is the last one */
	assert_int_equal(keep(r, "igb-kmp", "3-1", "3-1"), 0);
	kept = kept_of(r);
	assert_string_equal(kept.v[kept.n - 1].label, "igb-kmp-3-1.x86_64");
	assert_int_equal(kept.n, 3);
	mf_kept_done(&kept);
	r->ctx.settings.keep_versions = 0;
	assert_int_equal(keep(r, "igb-kmp", "5-1", "5-1"), 0);
	kept = kept_of(r);
	assert_int_equal(kept.n, 0);
	mf_kept_done(&kept);
}

static void a_kernel_is_not_kept(void **state)
{
	struct root *r = *state;
	struct mf_rpm_header header = { .name = (char *)"kernel-amd64-image" };
	const uint8_t digest[MF_SHA256_LEN] = { 1 };
	struct mf_kept_new package = { .fd = -1,
				       .label = "kernel-amd64-image-1-1.x86_64",
				       .repo = "distribution",
				       .sha256 = digest,
				       .header = &header };
	struct mf_kept kept;

	assert_int_equal(mf_strings_add(&header.uname_r, KERNEL), 0);
	assert_int_equal(mf_kept_add(&r->ctx, &package, 1), 0);
	kept = kept_of(r);
	assert_int_equal(kept.n, 0);
	mf_kept_done(&kept);
	mf_strings_done(&header.uname_r);
}

static void what_is_gone_goes_after_its_time(void **state)
{
	struct root *r = *state;
	long now = time(NULL) / 86400;
	_cleanup_free_ char *text =
		mf_format(DIGEST " 9 %ld vendor - igb-kmp igb-kmp-1.0-1.x86_64\n" DIGEST
				 " 9 %ld vendor - ixgbe-kmp ixgbe-kmp-1.0-1.x86_64\n",
			  now - MF_KEPT_DAYS - 1, now - MF_KEPT_DAYS);
	struct mf_kept kept;

	root_write(r, LIST, text);
	assert_int_equal(keep(r, "e1000e-kmp", "1-1", "x"), 0);
	kept = kept_of(r);
	assert_int_equal(kept.n, 2);
	assert_string_equal(kept.v[0].name, "ixgbe-kmp");
	mf_kept_done(&kept);
}

static void a_kernel_that_is_gone_takes_its_packages_along(void **state)
{
	struct root *r = *state;
	struct mf_kept kept;

	root_write(r, LIST,
		   DIGEST " 9 20000 vendor " KERNEL " igb-kmp igb-kmp-1.0-1.x86_64\n" DIGEST
			  " 9 20000 vendor " KERNEL ",6.9 both-kmp both-kmp-1.0-1.x86_64\n");
	root_write(r, MF_KEPT_DIRECTORY "/" FILE_OF, "123456789");
	assert_int_equal(mf_kept_drop_kernel(&r->ctx, "6.9"), 0);
	assert_true(root_has(r, MF_KEPT_DIRECTORY "/" FILE_OF));
	assert_int_equal(mf_kept_drop_kernel(&r->ctx, KERNEL), 0);
	assert_false(root_has(r, MF_KEPT_DIRECTORY "/" FILE_OF));
	kept = kept_of(r);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].name, "both-kmp");
	mf_kept_done(&kept);
}

static void a_line_that_is_no_entry_counts_for_nothing(void **state)
{
	static const char *const lines[] = {
		DIGEST " 9 20000 vendor - igb-kmp igb-kmp-1.0-1.x86_64 more\n",
		DIGEST " 9 20000 vendor - igb-kmp\n",
		"a" DIGEST " 9 20000 vendor - igb-kmp igb-kmp-1.0-1.x86_64\n",
		DIGEST " 0 20000 vendor - igb-kmp igb-kmp-1.0-1.x86_64\n",
		DIGEST " 9x 20000 vendor - igb-kmp igb-kmp-1.0-1.x86_64\n",
		DIGEST " 9 -1 vendor - igb-kmp igb-kmp-1.0-1.x86_64\n",
		DIGEST " 9 20000 vendor - igb-kmp ixgbe-kmp-1.0-1.x86_64\n",
		DIGEST " 9 20000 vendor - ../igb ../igb-1.0-1.x86_64\n",
		DIGEST " 9 20000 vendor - igb igb-1/../../x\n",
		DIGEST " 9 20000 vendor - .igb .igb-1.0-1.x86_64\n",
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct mf_kept kept;

		root_write(r, LIST, lines[i]);
		kept = kept_of(r);
		assert_int_equal(kept.n, 0);
		mf_kept_done(&kept);
	}
}

static void a_file_without_an_entry_and_a_link_are_nothing(void **state)
{
	struct root *r = *state;
	struct mf_kept kept;

	root_write(r, LIST, DIGEST " 9 20000 vendor - igb-kmp igb-kmp-1.0-1.x86_64\n");
	root_write(r, MF_KEPT_DIRECTORY "/rest.rpm", "x");
	root_write(r, "elsewhere", "123456789");
	root_link(r, "../../../../elsewhere", MF_KEPT_DIRECTORY "/" FILE_OF);
	kept = kept_of(r);
	assert_int_equal(kept.n, 1);
	assert_false(mf_kept_is_there(&r->ctx, &kept.v[0]));
	mf_kept_done(&kept);
	assert_int_equal(keep(r, "e1000e-kmp", "1-1", "x"), 0);
	assert_false(root_has(r, MF_KEPT_DIRECTORY "/rest.rpm"));
	assert_true(root_has(r, "elsewhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_is_kept_with_its_bytes_and_its_origin),
		ROOTED(as_many_versions_stay_as_the_setting_says),
		ROOTED(a_kernel_is_not_kept),
		ROOTED(what_is_gone_goes_after_its_time),
		ROOTED(a_kernel_that_is_gone_takes_its_packages_along),
		ROOTED(a_line_that_is_no_entry_counts_for_nothing),
		ROOTED(a_file_without_an_entry_and_a_link_are_nothing),
	};

	return UNIT_RUN(tests);
}
