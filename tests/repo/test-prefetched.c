/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of prefetched packages: kernels, what replaces what, and the limit. */
#include "tests/unit.h"
#include "tests/root.h"
#include <string.h>
#include "modfetch/crypto.h"
#include "modfetch/prefetched.h"

#define OTHER "6.1.0-57-amd64"

struct sample {
	char label[64];
	uint8_t sha256[MF_SHA256_LEN];
	struct mf_prefetched_new new;
};

/* A package whose file has these bytes. */
static void sample_init(struct sample *s, const char *name, const char *bytes)
{
	*s = (struct sample){ 0 };
	snprintf(s->label, sizeof(s->label), "%s-1-1.x86_64", name);
	mf_sha256(bytes, strlen(bytes), s->sha256);
	s->new = (struct mf_prefetched_new){ .fd = mf_memfile_new("package"),
					     .name = name,
					     .label = s->label,
					     .repo = "vendor",
					     .words = "network",
					     .sha256 = s->sha256,
					     .size = strlen(bytes) };
	assert_int_equal(mf_file_write(s->new.fd, bytes, strlen(bytes)), 0);
}

/* Adds it for KERNEL, with its file or, later, without. */
static void add(struct root *r, const char *kernel, struct sample *s)
{
	assert_int_equal(mf_prefetched_add(&r->ctx, kernel, &s->new, 1), 0);
	if (s->new.fd >= 0)
		close(s->new.fd);
	s->new.fd = -1;
}

static struct mf_kept list_of(struct root *r)
{
	struct mf_kept kept = { 0 };

	assert_int_equal(mf_prefetched_read(&r->ctx, &kept), 0);
	return kept;
}

static size_t settle(struct root *r, const char *kernel, const struct sample *s)
{
	size_t dropped = 99;

	assert_int_equal(
		mf_prefetched_settle(&r->ctx, kernel, s ? &s->new : NULL, s ? 1 : 0, &dropped), 0);
	return dropped;
}

static void a_package_is_for_the_kernels_that_want_it(void **state)
{
	struct root *r = *state;
	struct sample s;
	struct mf_kept kept;

	root_mkdir(r, "lib/modules/" OTHER "/kernel");
	sample_init(&s, "igb-kmp", "bytes");
	add(r, KERNEL, &s);
	add(r, OTHER, &s);
	kept = list_of(r);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].kernels, KERNEL "," OTHER);
	assert_string_equal(kept.v[0].words, "network");
	assert_true(mf_kept_is_intact(&r->ctx, &kept.v[0]));
	assert_true(mf_prefetched_is_for(&kept.v[0], OTHER));
	assert_false(mf_prefetched_is_for(&kept.v[0], "6.1.0-5"));
	assert_false(mf_prefetched_is_for(&kept.v[0], "6.1.0-57"));
	mf_kept_done(&kept);
	assert_int_equal(mf_prefetched_drop_kernel(&r->ctx, KERNEL), 0);
	kept = list_of(r);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].kernels, OTHER);
	mf_kept_done(&kept);
	assert_int_equal(mf_prefetched_drop_kernel(&r->ctx, OTHER), 0);
	kept = list_of(r);
	assert_int_equal(kept.n, 0);
}

static void what_the_plan_has_not_goes_and_so_does_a_kernel_that_is_gone(void **state)
{
	struct root *r = *state;
	struct sample old, new, gone;
	struct mf_kept kept;

	root_mkdir(r, "lib/modules/" KERNEL "/kernel");
	sample_init(&old, "igb-kmp", "old");
	sample_init(&new, "igb-kmp", "newer");
	sample_init(&gone, "xfs-kmp", "gone");
	add(r, KERNEL, &old);
	add(r, KERNEL, &new);
	add(r, "6.0.0-1-amd64", &gone);
	kept = list_of(r);
	/* another build of the same version is another package */
	assert_int_equal(kept.n, 3);
	mf_kept_done(&kept);
	assert_int_equal(settle(r, KERNEL, &new), 2);
	kept = list_of(r);
	assert_int_equal(kept.n, 1);
	assert_memory_equal(kept.v[0].sha256, new.sha256, MF_SHA256_LEN);
	assert_true(mf_kept_is_intact(&r->ctx, &kept.v[0]));
	mf_kept_done(&kept);
	assert_int_equal(settle(r, KERNEL, &new), 0);
	assert_int_equal(settle(r, KERNEL, NULL), 1);
}

static void beyond_the_limit_other_kernels_lose(void **state)
{
	struct root *r = *state;
	struct sample mine, other;
	struct mf_kept kept;

	root_mkdir(r, "lib/modules/" OTHER "/kernel");
	sample_init(&mine, "igb-kmp", "0123456789");
	sample_init(&other, "xfs-kmp", "0123456789x");
	add(r, KERNEL, &mine);
	add(r, OTHER, &other);
	r->ctx.settings.prefetch_size = 21;
	assert_int_equal(settle(r, KERNEL, &mine), 0);
	r->ctx.settings.prefetch_size = 20;
	assert_int_equal(settle(r, KERNEL, &mine), 1);
	kept = list_of(r);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].name, "igb-kmp");
	mf_kept_done(&kept);
}

static void a_package_without_a_file_or_with_an_odd_name_is_left_out(void **state)
{
	struct root *r = *state;
	struct sample s;
	struct mf_kept kept;

	sample_init(&s, "igb-kmp", "bytes");
	close(s.new.fd);
	s.new.fd = -1;
	add(r, KERNEL, &s);
	s.new.name = "../igb";
	s.new.label = "../igb-1-1.x86_64";
	s.new.fd = mf_memfile_new("package");
	add(r, KERNEL, &s);
	s.new.name = "igb-kmp";
	s.new.label = s.label;
	s.new.words = "a b";
	s.new.fd = mf_memfile_new("package");
	add(r, KERNEL, &s);
	kept = list_of(r);
	assert_int_equal(kept.n, 0);
}

static void nothing_is_left_after_a_clear(void **state)
{
	struct root *r = *state;
	struct sample s;
	size_t dropped = 7;

	assert_int_equal(mf_prefetched_clear(&r->ctx, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_false(root_has(r, MF_KEPT_DIRECTORY));
	sample_init(&s, "igb-kmp", "bytes");
	add(r, KERNEL, &s);
	assert_int_equal(mf_prefetched_clear(&r->ctx, &dropped), 0);
	assert_int_equal(dropped, 1);
	assert_int_equal(mf_prefetched_clear(&r->ctx, &dropped), 0);
	assert_int_equal(dropped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_is_for_the_kernels_that_want_it),
		ROOTED(what_the_plan_has_not_goes_and_so_does_a_kernel_that_is_gone),
		ROOTED(beyond_the_limit_other_kernels_lose),
		ROOTED(a_package_without_a_file_or_with_an_odd_name_is_left_out),
		ROOTED(nothing_is_left_after_a_clear),
	};

	return UNIT_RUN(tests);
}
