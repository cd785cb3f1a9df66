/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has what lists for planning leave out, and when hashes cannot tell. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "modfetch/table.h"
#include "tests/primary.h"

#define IMAGE "kernel-amd64-image-6.1.0_56"

static const struct primary kernel[] = {
	{ .name = IMAGE,
	  .evr = "1-1",
	  .provides = IMAGE " ksym(amd64:printk)=12 ksym(amd64:kfree)=34 ksym(amd64:idle)=1" },
	{ .name = "ptp-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "ptp-kmp-" TAG " kmod(ptp.ko) ksym(amd64:ptp_a)=5 ksym(amd64:ptp_b)=6 "
		      "ksym(amd64:ptp_c)=7" },
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp nic-kmp-" TAG " kmod(nic.ko)",
	  .requires = "ksym(amd64:printk)=12 ksym(amd64:kfree)=34 ksym(amd64:ptp_a)=5 "
		      "ksym(amd64:ptp_b)=6" },
};

static void add_list(struct mf_pool *pool, const struct primary *packages, size_t n, int origin)
{
	struct mf_pool *from = primary_pool(packages, n);
	int fd = mf_memfile_new("list"), *ids;
	size_t count;

	mf_pool_ready(from);
	assert_int_equal(mf_pool_list(from, 0, &ids, &count), 0);
	assert_int_equal(mf_pool_write_plan(from, ids, count, fd), 0);
	assert_int_equal(mf_pool_add_plan(pool, fd, origin, 99), 0);
	free(ids);
	mf_pool_free(from);
	close(fd);
}

static struct mf_pool *pool_of(const struct primary *vendor, size_t n)
{
	struct mf_pool *pool;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	add_list(pool, kernel, N(kernel), 0);
	if (n)
		add_list(pool, vendor, n, 1);
	return pool;
}

/* On a machine that exports what the kernel's image does. */
static bool settles(struct mf_pool *pool)
{
	mf_pool_export(pool, "ksym(amd64:printk)", "12");
	mf_pool_export(pool, "ksym(amd64:kfree)", "34");
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, NULL, 0, NULL), 0);
	if (!mf_pool_settle(pool))
		return false;
	mf_pool_ready(pool);
	return true;
}

struct needs {
	size_t n, met;
	size_t most; /* packages that have one need */
};

static int count_needs(void *arg, const char *need, const int *ids, size_t n)
{
	struct needs *needs = arg;

	needs->n++;
	needs->met += n > 0;
	/* what the image has, the system has as well */
	needs->most = n > needs->most ? n : needs->most;
	return 0;
}

static struct needs needs_of(struct mf_pool *pool, const char *name)
{
	struct needs needs = { 0 };

	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, name, NULL), MF_REQUIRES,
				       count_needs, &needs),
			 0);
	return needs;
}

static bool is_unclear(const struct primary *vendor)
{
	struct mf_pool *pool = pool_of(vendor, 1);
	bool settled = settles(pool);

	mf_pool_free(pool);
	return !settled;
}

static void the_kernel_and_packages_get_what_is_asked_for(void **state)
{
	static const struct primary vendor[] = {
		{ .name = "far-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "far-kmp-" TAG,
		  .requires = "ksym(amd64:ptp_c)=7 nic-kmp ksym(amd64:idle)=2" },
	};
	struct mf_pool *pool = pool_of(vendor, N(vendor));
	struct needs nic, far;

	assert_true(settles(pool));
	nic = needs_of(pool, "nic-kmp-" TAG);
	assert_int_equal(nic.n, 4);
	assert_int_equal(nic.met, 4);
	assert_int_equal(nic.most, 2);
	/* of another list; another CRC is another symbol */
	far = needs_of(pool, "far-kmp-" TAG);
	assert_int_equal(far.n, 3);
	assert_int_equal(far.met, 2);
	/* nothing for a provide that is not asked for */
	assert_int_equal(primary_provider(pool, "ksym(amd64:idle)", NULL), 0);
	mf_pool_free(pool);
}

static void who_has_all_exports_has_the_bundle(void **state)
{
	static const struct primary more[] = {
		{ .name = "ptp2-kmp-" TAG,
		  .evr = "9-1",
		  .provides = "ptp2-kmp-" TAG " ksym(amd64:ptp_b)=6 ksym(amd64:ptp_a)=5 "
			      "ksym(amd64:ptp_d)=8" },
	};
	static const struct primary less[] = {
		{ .name = "ptp2-kmp-" TAG,
		  .evr = "9-1",
		  .provides = "ptp2-kmp-" TAG " ksym(amd64:ptp_b)=6 ksym(amd64:ptp_a)=55" },
	};
	static const struct primary unrelated[] = {
		{ .name = "ptp2-kmp-" TAG,
		  .evr = "9-1",
		  .provides = "ptp2-kmp-" TAG " ksym(amd64:ptp_b)=66 ksym(amd64:ptp_a)=55" },
	};
	struct mf_pool *pool = pool_of(more, N(more));

	assert_true(settles(pool));
	/* ptp and ptp2 */
	assert_int_equal(needs_of(pool, "nic-kmp-" TAG).met, 4);
	assert_int_equal(needs_of(pool, "nic-kmp-" TAG).most, 2);
	mf_pool_free(pool);
	assert_true(is_unclear(less));
	assert_false(is_unclear(unrelated));
}

static void what_is_installed_counts_too(void **state)
{
	static const char *const exports[] = {
		"ksym(amd64:ptp_a)=5 ksym(amd64:ptp_b)=6",
		"ksym(amd64:ptp_a)=5",
	};

	/* in either form */
	for (size_t i = 0; i < 2 * N(exports); i++) {
		struct primary here = { .name = "old-ptp",
					.evr = "1-1",
					.provides = exports[i % 2] };
		struct mf_pool *from = primary_pool(&here, 1), *pool = pool_of(NULL, 0);
		int fd = mf_memfile_new("installed"), *ids;
		size_t n;

		mf_pool_ready(from);
		assert_int_equal(mf_pool_list(from, 0, &ids, &n), 0);
		assert_int_equal(
			(i / 2 ? mf_pool_write_installed_plan : mf_pool_write)(from, ids, n, fd),
			0);
		assert_int_equal((i / 2 ? mf_pool_add_installed_plan
					: mf_pool_add_installed_cache)(pool, fd),
				 0);
		assert_int_equal(settles(pool), !(i % 2));
		if (!(i % 2))
			assert_int_equal(needs_of(pool, "nic-kmp-" TAG).most, 2);
		free(ids);
		mf_pool_free(from);
		mf_pool_free(pool);
		close(fd);
	}
}

static void a_kernel_of_another_build_does_not_settle_it(void **state)
{
	struct mf_pool *pool = pool_of(NULL, 0);

	mf_pool_export(pool, "ksym(amd64:printk)", "12");
	mf_pool_export(pool, "ksym(amd64:kfree)", "35");
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, NULL, 0, NULL), 0);
	assert_false(mf_pool_settle(pool));
	mf_pool_free(pool);
}

static void what_is_copied_has_its_exports_unless_they_are_skipped(void **state)
{
	for (int skip = 0; skip < 2; skip++) {
		struct mf_pool *pool = pool_of(NULL, 0);
		int copies[2] = { 0 }, *ids;
		size_t n;

		assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
		for (size_t i = 0; i < 2; i++)
			copies[i] = ids[i];
		free(ids);
		assert_int_equal(
			mf_pool_add_system(pool, NULL, 0, copies, 2, skip ? "ksym(" : NULL), 0);
		assert_true(mf_pool_settle(pool));
		mf_pool_ready(pool);
		/* the image and ptp themselves; and the system */
		assert_int_equal(needs_of(pool, "nic-kmp-" TAG).most, skip ? 1 : 2);
		mf_pool_free(pool);
	}
}

static void other_relations_are_for_the_whole_lists(void **state)
{
	static const struct primary any_crc[] = {
		{ .name = "far", .evr = "1-1", .requires = "ksym(amd64:ptp_c)" },
	};
	static const struct primary any_name[] = {
		{ .name = "far", .evr = "1-1", .requires = "nic-kmp=2" },
	};
	static const struct primary no_such[] = {
		{ .name = "far", .evr = "1-1", .requires = "ksym(amd64:ptp_x) other-kmp=2" },
	};

	assert_true(is_unclear(any_crc));
	assert_true(is_unclear(any_name));
	assert_false(is_unclear(no_such));
}

static void versions_are_for_the_whole_lists_unless_they_are_the_same(void **state)
{
	static const char *const asked[] = { "far-kmp=1-1", "far-kmp=1", "far-kmp=2-1" };

	for (size_t i = 0; i < N(asked); i++) {
		const struct primary far = { .name = "far-kmp-" TAG,
					     .evr = "1-1",
					     .provides = "far-kmp=1-1" };
		const struct primary other = { .name = "other",
					       .evr = "1-1",
					       .requires = asked[i] };
		struct mf_pool *pool = pool_of(&far, 1);

		add_list(pool, &other, 1, 2);
		assert_int_equal(settles(pool), !i);
		if (!i)
			assert_int_equal(needs_of(pool, "other").met, 1);
		mf_pool_free(pool);
	}
}

static void a_kernel_without_checksums_has_names(void **state)
{
	static const struct primary plain[] = {
		{ .name = IMAGE, .evr = "1-1", .provides = IMAGE " ksym(amd64:a) ksym(amd64:b)" },
		{ .name = "nic-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "nic-kmp-" TAG,
		  .requires = "ksym(amd64:a) ksym(amd64:b)" },
	};
	struct mf_pool *pool;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	add_list(pool, plain, N(plain), 0);
	mf_pool_export(pool, "ksym(amd64:a)", NULL);
	mf_pool_export(pool, "ksym(amd64:b)", NULL);
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, NULL, 0, NULL), 0);
	assert_true(mf_pool_settle(pool));
	mf_pool_ready(pool);
	assert_int_equal(needs_of(pool, "nic-kmp-" TAG).n, 2);
	assert_int_equal(needs_of(pool, "nic-kmp-" TAG).most, 2);
	mf_pool_free(pool);
}

/* ---- damage ---- */

static int read_bytes(const char *bytes, size_t len)
{
	struct mf_pool *pool;
	int fd = mf_memfile_new("bytes"), r;

	assert_int_equal(mf_file_write(fd, bytes, len), 0);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	r = mf_pool_add_plan(pool, fd, 0, 99);
	mf_pool_free(pool);
	close(fd);
	return r;
}

static void what_is_damaged_is_said_to_be(void **state)
{
	struct mf_pool *from = primary_pool(kernel, N(kernel));
	int fd = mf_memfile_new("list"), *ids;
	_cleanup_free_ char *bytes = NULL;
	size_t n, len;

	mf_pool_ready(from);
	assert_int_equal(mf_pool_list(from, 0, &ids, &n), 0);
	assert_int_equal(mf_pool_write_plan(from, ids, n, fd), 0);
	free(ids);
	mf_pool_free(from);
	assert_int_equal(mf_file_read(fd, 1 << 20, &bytes, &len), 0);
	assert_int_equal(read_bytes(bytes, len), 0);
	for (size_t cut = 0; cut < len; cut += len / 97 + 1)
		assert_int_equal(read_bytes(bytes, cut), -EBADMSG);
	for (size_t i = 0; i < len; i += 13) {
		bytes[i] = (char)(bytes[i] ^ 4);
		assert_int_equal(read_bytes(bytes, len), -EBADMSG);
		bytes[i] = (char)(bytes[i] ^ 4);
	}
	close(fd);
}

/* Numbers that do not fit, under a right hash: what ends the file is as src/lib has it. */
static void numbers_that_do_not_fit_are_refused(void **state)
{
	struct {
		char mark[24];
		uint64_t hash;
	} end = { .mark = "modfetch packages end" };
	/* packages, provides, slots */
	static const uint32_t counts[][4] = {
		{ 0, 1, 2 },	       { 1, 0, 2 },
		{ 2, 0, 2 },	       { UINT32_MAX, 0, 2 },
		{ 0, UINT32_MAX, 2 },  { 0, 0, 0 },
		{ 0, 0, 1 },	       { 0, 0, 3 },
		{ 0, 0, 0x80000000U }, { UINT32_MAX, UINT32_MAX, 2 },
	};

	for (size_t i = 0; i < N(counts); i++) {
		char bytes[16 + 16 + sizeof(end)] = "SOLV";

		memcpy(bytes + 16, counts[i], 16);
		end.hash = mf_hash(bytes, 32);
		memcpy(bytes + 32, &end, sizeof(end));
		assert_int_equal(read_bytes(bytes, sizeof(bytes)), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_kernel_and_packages_get_what_is_asked_for),
		UNIT(who_has_all_exports_has_the_bundle),
		UNIT(what_is_installed_counts_too),
		UNIT(a_kernel_of_another_build_does_not_settle_it),
		UNIT(what_is_copied_has_its_exports_unless_they_are_skipped),
		UNIT(other_relations_are_for_the_whole_lists),
		UNIT(versions_are_for_the_whole_lists_unless_they_are_the_same),
		UNIT(a_kernel_without_checksums_has_names),
		UNIT(what_is_damaged_is_said_to_be),
		UNIT(numbers_that_do_not_fit_are_refused),
	};

	return UNIT_RUN(tests);
}
