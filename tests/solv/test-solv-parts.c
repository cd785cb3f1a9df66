/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Some packages of a list in place of all of them: the plan is the same, with the same ids and the
 * same reasons. The whole list is the oracle, over thousands of small repositories at random.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include <stdarg.h>
#include "modfetch/solv-parts.h"
#include "modfetch/solve.h"
#include "modfetch/table.h"
#include "tests/primary.h"

#define IMAGE "kernel-amd64-image-6.1.0_56"
#define MANY  14

/* ---- one machine, twice ---- */

/* Descriptors of a repository's lists and of what is installed. */
struct lists {
	int plan, parts, others, installed;
};

static void write_list(const struct primary *packages, size_t n, int fd)
{
	struct mf_pool *pool = primary_pool(packages, n);
	size_t count;
	int *ids;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &count), 0);
	assert_int_equal(mf_pool_write(pool, ids, count, fd), 0);
	free(ids);
	mf_pool_free(pool);
}

/* The first N_OWN packages are the kernel's, the first of these its image; the rest are loose. */
static struct lists make_lists(const struct primary *packages, size_t n_own, size_t n,
			       const struct primary *installed, size_t n_installed)
{
	struct lists l = { mf_memfile_new("plan"), mf_memfile_new("parts"),
			   mf_memfile_new("others"), mf_memfile_new("installed") };
	struct mf_pool *pool = primary_pool(packages, n);
	size_t count;
	int *ids;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &count), 0);
	assert_int_equal(mf_pool_write_plan(pool, ids, n_own, ids[0], l.plan), 0);
	assert_int_equal(mf_pool_write_parts(pool, l.plan, ids + n_own, n - n_own, l.parts), 0);
	assert_int_equal(mf_pool_write(pool, ids + n_own, n - n_own, l.others), 0);
	free(ids);
	mf_pool_free(pool);
	write_list(installed, n_installed, l.installed);
	return l;
}

static void close_lists(struct lists *l)
{
	close(l->plan);
	close(l->parts);
	close(l->others);
	close(l->installed);
}

/* A pool for a plan that has WANTED; NULL: parts will not do. */
static struct mf_pool *make_pool(const struct lists *l, bool parts, const char *const *wanted,
				 size_t n, const char *on_disk)
{
	struct mf_pool *pool;
	int copies[MANY + 1], *ids;
	size_t n_ids, n_copies = 0;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	if (parts)
		assert_int_equal(mf_pool_add_parts(pool, l->parts, 0, 99, wanted, n), 0);
	else
		assert_int_equal(mf_pool_add_cache(pool, l->plan, 0, 99), 0);
	assert_int_equal(mf_pool_add_cache(pool, l->others, 0, 99), 0);
	assert_int_equal(mf_pool_add_installed_cache(pool, l->installed), 0);
	if (parts && mf_pool_load(pool, wanted, n)) {
		mf_pool_free(pool);
		return NULL;
	}
	assert_int_equal(mf_pool_bring(pool, &on_disk, 1), 0);
	/* as the system has the exports of the image, and of a module on disk */
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n_ids), 0);
	for (size_t i = 0; i < n_ids; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		if (!strcmp(p.name, IMAGE) || !strcmp(p.name, on_disk))
			copies[n_copies++] = ids[i];
	}
	free(ids);
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, copies, n_copies, NULL), 0);
	assert_true(mf_pool_settle(pool));
	mf_pool_ready(pool);
	return pool;
}

static int solve(struct mf_pool *pool, const char *const *wanted, size_t n,
		 struct mf_solution *ret_solution)
{
	struct mf_job jobs[MANY] = { 0 };
	size_t n_jobs = 0;
	int r, *ids[MANY];

	for (size_t i = 0; i < n; i++) {
		size_t count, best = 0;

		assert_int_equal(mf_pool_providers(pool, wanted[i], NULL, &ids[n_jobs], &count), 0);
		/* what is installed is taken first, as by mf_choice_sort() */
		for (size_t j = 0; j < count; j++) {
			struct mf_package p;

			mf_pool_package(pool, ids[n_jobs][j], &p);
			if (p.origin == MF_POOL_INSTALLED)
				best = j;
		}
		if (!count) {
			free(ids[n_jobs]);
			continue;
		}
		jobs[n_jobs] = (struct mf_job){ false, ids[n_jobs] + best, 1 };
		n_jobs++;
	}
	r = mf_pool_solve(pool, jobs, n_jobs, ret_solution);
	for (size_t i = 0; i < n_jobs; i++)
		free(ids[i]);
	return r;
}

static void expect_same(struct mf_pool *pool, const struct mf_solution *a, struct mf_pool *pool_b,
			const struct mf_solution *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		struct mf_package p, q;

		assert_int_equal(a->steps[i].id, b->steps[i].id);
		assert_int_equal(a->steps[i].needed_by, b->steps[i].needed_by);
		assert_int_equal(a->steps[i].erase, b->steps[i].erase);
		assert_int_equal(a->steps[i].recommended, b->steps[i].recommended);
		assert_int_equal(!a->steps[i].dep, !b->steps[i].dep);
		if (a->steps[i].dep)
			assert_string_equal(a->steps[i].dep, b->steps[i].dep);
		mf_pool_package(pool, a->steps[i].id, &p);
		mf_pool_package(pool_b, b->steps[i].id, &q);
		assert_string_equal(p.name, q.name);
		assert_string_equal(p.evr, q.evr);
		assert_int_equal(p.origin, q.origin);
		assert_int_equal(p.size, q.size);
		assert_int_equal(!p.location, !q.location);
		if (p.location)
			assert_string_equal(p.location, q.location);
		assert_memory_equal(p.sha256, q.sha256, sizeof(p.sha256));
	}
}

/* ---- repositories at random ---- */

struct chance {
	uint64_t state;
	char *texts[6 * 3 * MANY];
	size_t n_texts;
};

static unsigned int pick(struct chance *c, unsigned int n)
{
	c->state = mf_hash(&c->state, sizeof(c->state));
	return (unsigned int)(c->state >> 20) % n;
}

static const char *keep(struct chance *c, char *text)
{
	c->texts[c->n_texts++] = text;
	return text;
}

/* Up to MOST dependencies: exports of the image and of others, names, modules; often of nobody. */
static const char *some_deps(struct chance *c, unsigned int most, bool needs)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	for (unsigned int n = pick(c, most + 1); n; n--) {
		unsigned int which = pick(c, MANY);

		switch (pick(c, 6)) {
		case 0:
			if (needs)
				fprintf(f, " ksym(amd64:i%u)=%u", pick(c, 5),
					10 + pick(c, 11) / 10);
			break;
		case 1:
			fprintf(f, " kmod(m%u.ko)", which);
			break;
		case 2:
			fprintf(f, " p%u-kmp-" TAG, which);
			break;
		default:
			fprintf(f, " ksym(amd64:s%u)=%u", pick(c, 8), pick(c, 12) / 11);
		}
	}
	fclose(f);
	return keep(c, text);
}

static struct primary some_package(struct chance *c, unsigned int i)
{
	static const char *const evrs[] = { "1-1", "1-1", "1-1", "2-1" };
	char *name, *provides;
	struct primary p;

	assert_true(asprintf(&name, "p%u-kmp-" TAG, i) > 0);
	assert_true(asprintf(&provides, "%s kmod(m%u.ko)%s", name, pick(c, 4) ? i : pick(c, MANY),
			     some_deps(c, 2, false)) > 0);
	p = (struct primary){
		.name = keep(c, name),
		.evr = evrs[pick(c, 4)],
		.provides = keep(c, provides),
		.requires = some_deps(c, 2, true),
		.recommends = pick(c, 3) ? NULL : some_deps(c, 2, false),
		.obsoletes = pick(c, 40) ? NULL : some_deps(c, 1, false),
	};
	return p;
}

struct tally {
	size_t plans, planned, no_plan, touched, parts, whole;
};

static void count_packages(struct mf_pool *pool, size_t *count)
{
	size_t n;
	int *ids;

	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	free(ids);
	*count += n;
}

static void compare(const struct lists *l, const char *const *wanted, size_t n, const char *on_disk,
		    struct tally *tally)
{
	struct mf_pool *parts = make_pool(l, true, wanted, n, on_disk), *whole;
	struct mf_solution a = { 0 }, b = { 0 };

	if (!parts) {
		tally->touched++;
		return;
	}
	whole = make_pool(l, false, wanted, n, on_disk);
	assert_int_equal(solve(whole, wanted, n, &a), solve(parts, wanted, n, &b));
	assert_int_equal(a.solved, b.solved);
	if (a.solved)
		expect_same(whole, &a, parts, &b);
	else
		tally->no_plan++;
	tally->plans++;
	tally->planned += a.n;
	count_packages(parts, &tally->parts);
	count_packages(whole, &tally->whole);
	mf_solution_done(&a);
	mf_solution_done(&b);
	mf_pool_free(whole);
	mf_pool_free(parts);
}

static void try_repository(struct chance *c, struct tally *tally)
{
	struct primary packages[MANY + 1] = {
		{ .name = IMAGE,
		  .evr = "1-1",
		  .provides = IMAGE " kernel-uname-r=6.1.0 kmod(m3.ko) ksym(amd64:i0)=10 "
				    "ksym(amd64:i1)=10 ksym(amd64:i2)=10 ksym(amd64:s7)=0" },
	};
	struct primary installed[4];
	size_t n_own = MANY + 1 - pick(c, 4), n_installed = pick(c, 4), n = 1 + pick(c, 3);
	const char *wanted[3];
	struct lists l;

	for (unsigned int i = 1; i <= MANY; i++)
		packages[i] = some_package(c, i - 1);
	/* often one that the repository has too, whole or with other needs */
	for (size_t i = 0; i < n_installed; i++) {
		installed[i] = pick(c, 3) ? packages[1 + pick(c, MANY)]
					  : some_package(c, pick(c, MANY + 5));
		if (!pick(c, 3))
		installed[i].requires = some_deps(c, 2, true);
	}
	for (size_t i = 0; i < n; i++)
		wanted[i] = packages[1 + pick(c, MANY)].name;
	l = make_lists(packages, n_own, MANY + 1, installed, n_installed);
	compare(&l, wanted, n, packages[1 + pick(c, MANY)].name, tally);
	close_lists(&l);
}

static void a_plan_of_parts_is_the_plan_of_all(void **state)
{
	struct tally tally = { 0 };

	for (unsigned int seed = 0; seed < 4000; seed++) {
		struct chance c = { .state = seed };

		try_repository(&c, &tally);
		while (c.n_texts)
			free(c.texts[--c.n_texts]);
	}
	print_message(
		"%zu plans of %zu packages, %zu without, %zu not for parts; %zu of %zu read\n",
		tally.plans, tally.planned, tally.no_plan, tally.touched, tally.parts, tally.whole);
	/* it has been asked */
	assert_true(tally.plans > 1500 && tally.planned > 2000);
	assert_true(tally.no_plan > 100 && tally.touched > 300);
	assert_true(tally.parts < tally.whole * 2 / 3);
}

/* ---- what is read ---- */

static const struct primary chain[] = {
	{ .name = IMAGE, .evr = "1-1", .provides = IMAGE " ksym(amd64:printk)=12" },
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp-" TAG " kmod(nic.ko)",
	  .requires = "ksym(amd64:printk)=12 ksym(amd64:phy)=7",
	  .recommends = "kmod(crc.ko)" },
	{ .name = "phy-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "phy-kmp-" TAG " kmod(phy.ko) ksym(amd64:phy)=7 ksym(amd64:idle)=8" },
	{ .name = "crc-kmp-" TAG, .evr = "1-1", .provides = "crc-kmp-" TAG " kmod(crc.ko)" },
	{ .name = "far-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "far-kmp-" TAG " kmod(far.ko)",
	  .requires = "ksym(amd64:phy)=7" },
};
static const char *const nic[] = { "nic-kmp-" TAG };

static void only_what_may_be_needed_is_read(void **state)
{
	struct lists l = make_lists(chain, N(chain), N(chain), NULL, 0);
	struct mf_pool *pool = make_pool(&l, true, nic, 1, "none");
	size_t n = 0;

	count_packages(pool, &n);
	assert_int_equal(n, 4);
	assert_int_equal(primary_provider(pool, "far-kmp-" TAG, NULL), 0);
	assert_true(primary_provider(pool, "ksym(amd64:phy)", "7") > 0);
	mf_pool_free(pool);
	/* what is only looked at comes without its needs */
	pool = make_pool(&l, true, NULL, 0, "far-kmp-" TAG);
	n = 0;
	count_packages(pool, &n);
	assert_int_equal(n, 2);
	mf_pool_free(pool);
	close_lists(&l);
}

static void what_would_change_what_is_installed_is_for_the_whole_list(void **state)
{
	static const struct primary here[] = {
		{ .name = "phy-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "phy-kmp-" TAG " kmod(phy.ko) ksym(amd64:phy)=7" },
		{ .name = "phy-kmp-" TAG,
		  .evr = "0-1",
		  .provides = "phy-kmp-" TAG " kmod(phy.ko) ksym(amd64:phy)=7" },
		{ .name = "phy-kmp-" TAG, .evr = "1-1", .provides = "phy-kmp-" TAG },
		{ .name = "other", .evr = "1-1", .obsoletes = "crc-kmp-" TAG },
	};
	/* the very package; another version; one that lacks what is asked; one that keeps it out */
	static const bool serves[] = { true, false, false, false };

	for (size_t i = 0; i < N(here); i++) {
		struct lists l = make_lists(chain, N(chain), N(chain), &here[i], 1);
		struct mf_pool *pool = make_pool(&l, true, nic, 1, "none");

		assert_int_equal(pool != NULL, serves[i]);
		mf_pool_free(pool);
		close_lists(&l);
	}
}

/* ---- damage ---- */

static int read_bytes(const char *bytes, size_t len)
{
	struct mf_pool *pool;
	int fd = mf_memfile_new("bytes"), r;

	assert_int_equal(mf_file_write(fd, bytes, len), 0);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	r = mf_pool_add_parts(pool, fd, 0, 99, nic, 1);
	mf_pool_free(pool);
	close(fd);
	return r;
}

static void what_is_damaged_is_said_to_be(void **state)
{
	struct lists l = make_lists(chain, N(chain), N(chain), NULL, 0);
	_cleanup_free_ char *bytes = NULL;
	size_t len;

	assert_int_equal(mf_file_read(l.parts, 1 << 20, &bytes, &len), 0);
	assert_int_equal(read_bytes(bytes, len), 0);
	for (size_t cut = 0; cut < len; cut += len / 97 + 1)
		assert_int_equal(read_bytes(bytes, cut), -EBADMSG);
	for (size_t i = 0; i < len; i += 13) {
		bytes[i] = (char)(bytes[i] ^ 4);
		assert_int_equal(read_bytes(bytes, len), -EBADMSG);
		bytes[i] = (char)(bytes[i] ^ 4);
	}
	close_lists(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_plan_of_parts_is_the_plan_of_all),
		UNIT(only_what_may_be_needed_is_read),
		UNIT(what_would_change_what_is_installed_is_for_the_whole_list),
		UNIT(what_is_damaged_is_said_to_be),
	};

	return UNIT_RUN(tests);
}
