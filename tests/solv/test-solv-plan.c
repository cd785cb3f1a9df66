/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The form of a package list that is for planning: what it leaves out, and that plans over it are
 * those over the whole list. The whole list is the oracle, over thousands of small repositories at
 * random.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "modfetch/solve.h"
#include "modfetch/table.h"
#include "tests/primary.h"

#define IMAGE "kernel-amd64-image-6.1.0_56"
#define MANY  14

typedef int writer(struct mf_pool *pool, const int *ids, size_t n, int fd);

/* A list of N packages in a file. */
static int write_list(const struct primary *packages, size_t n, writer *write)
{
	struct mf_pool *pool = primary_pool(packages, n);
	int fd = mf_memfile_new("list"), *ids;
	size_t count;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &count), 0);
	assert_int_equal(write(pool, ids, count, fd), 0);
	free(ids);
	mf_pool_free(pool);
	return fd;
}

/* ---- one machine, twice ---- */

enum { WHOLE, PLAN, N_FORMS };
enum { OWN, OTHERS, VENDOR, INSTALLED, N_LISTS };

/* Descriptors of lists in both forms. */
struct lists {
	int v[N_LISTS][N_FORMS];
};

static void close_lists(struct lists *l)
{
	for (int i = 0; i < N_LISTS; i++)
		for (int form = 0; form < N_FORMS; form++)
			close(l->v[i][form]);
}

/* A pool for plans on a machine that has the image and another package; NULL: it is unclear. */
static struct mf_pool *make_pool(const struct lists *l, int form, const char *on_disk)
{
	int copies[2 * MANY], *ids;
	size_t n_ids, n_copies = 0;
	struct mf_pool *pool;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	for (int i = 0; i < INSTALLED; i++)
		assert_int_equal((form == PLAN ? mf_pool_add_plan : mf_pool_add_cache)(
					 pool, l->v[i][form], i == VENDOR, 99 + (i == VENDOR)),
				 0);
	assert_int_equal((form == PLAN ? mf_pool_add_installed_plan
				       : mf_pool_add_installed_cache)(pool, l->v[INSTALLED][form]),
			 0);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n_ids), 0);
	for (size_t i = 0; i < n_ids; i++)
		if (!strcmp(mf_pool_name(pool, ids[i]), IMAGE) ||
		    !strcmp(mf_pool_name(pool, ids[i]), on_disk))
			copies[n_copies++] = ids[i];
	free(ids);
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, copies, n_copies, NULL), 0);
	if (!mf_pool_settle(pool)) {
		assert_int_equal(form, PLAN);
		mf_pool_free(pool);
		return NULL;
	}
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

static const struct mf_step *find_step(const struct mf_solution *solution, int id)
{
	size_t i = 0;

	while (i < solution->n && solution->steps[i].id != id)
		i++;
	assert_true(i < solution->n);
	return &solution->steps[i];
}

/* Reasons may differ where there are several: libsolv goes through needs in the order of a file. */
static void expect_same(struct mf_pool *pool, const struct mf_solution *a, struct mf_pool *pool_b,
			const struct mf_solution *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct mf_step *x = &a->steps[i], *y = find_step(b, x->id);
		struct mf_package p, q;

		assert_int_equal(x->erase, y->erase);
		assert_int_equal(x->recommended, y->recommended);
		assert_int_equal(!x->needed_by, !y->needed_by);
		assert_int_equal(!x->dep, !y->dep);
		assert_null(y->dep ? strstr(y->dep, "modfetch-exports") : NULL);
		mf_pool_package(pool, x->id, &p);
		mf_pool_package(pool_b, y->id, &q);
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
	char *texts[16 * MANY];
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

/* Needs: symbols of the image and of others, most of one package at once, names and modules. */
static const char *some_needs(struct chance *c, unsigned int most)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	for (unsigned int n = pick(c, most + 1); n; n--) {
		unsigned int which = pick(c, MANY), crc = pick(c, 30) / 29;

		switch (pick(c, 7)) {
		case 0:
			fprintf(f, " ksym(amd64:i%u)=%u ksym(amd64:i0)=10", pick(c, 4),
				10 + pick(c, 21) / 20);
			break;
		case 1:
			fprintf(f, " kmod(m%u.ko)", which);
			break;
		case 2:
			fprintf(f, " p%u-kmp", which);
			break;
		case 3:
			fprintf(f, pick(c, 9) ? " p%u-kmp-" TAG : " ksym(amd64:s%ua)", which);
			break;
		default:
			fprintf(f, " ksym(amd64:s%ua)=%u ksym(amd64:s%u%c)=%u", which, crc, which,
				'b' + (int)pick(c, 2), crc);
		}
	}
	fclose(f);
	return keep(c, text);
}

/* What the package of that number is expected to have; now and then more or less. */
static const char *some_provides(struct chance *c, unsigned int i)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "p%u-kmp p%u-kmp-" TAG " kmod(m%u.ko)", i, i, pick(c, 6) ? i : pick(c, MANY));
	for (int j = 'a'; j < 'd'; j++)
		if (pick(c, 12))
			fprintf(f, " ksym(amd64:s%u%c)=%u", i, j, pick(c, 40) / 39);
	if (!pick(c, 12))
		fprintf(f, " ksym(amd64:s%ua)=0", pick(c, MANY));
	if (!pick(c, 12))
		fprintf(f, " p%u-kmp-" TAG, pick(c, MANY));
	fclose(f);
	return keep(c, text);
}

static struct primary some_package(struct chance *c, unsigned int i)
{
	static const char *const evrs[] = { "1-1", "1-1", "1-1", "2-1" };
	char *name;

	assert_true(asprintf(&name, "p%u-kmp-" TAG, i) > 0);
	return (struct primary){
		.name = keep(c, name),
		.evr = evrs[pick(c, 4)],
		.provides = some_provides(c, i),
		.requires = some_needs(c, 3),
		.recommends = pick(c, 3) ? NULL : some_needs(c, 2),
		.obsoletes = pick(c, 40) ? NULL : some_needs(c, 1),
	};
}

static struct lists some_lists(struct chance *c, const struct primary *packages, size_t n)
{
	struct primary vendor[3], installed[4];
	size_t n_own = n - pick(c, 4), n_vendor = pick(c, 4), n_installed = pick(c, 4);
	struct lists l;

	for (size_t i = 0; i < n_vendor; i++)
		vendor[i] = some_package(c, pick(c, MANY + 2));
	/* often one that the repository has too, whole or with other needs */
	for (size_t i = 0; i < n_installed; i++) {
		installed[i] = pick(c, 3) ? packages[1 + pick(c, MANY)]
					  : some_package(c, pick(c, MANY + 5));
		if (!pick(c, 3))
		installed[i].requires = some_needs(c, 2);
	}
	for (int form = 0; form < N_FORMS; form++) {
		writer *write = form == PLAN ? mf_pool_write_plan : mf_pool_write;

		l.v[OWN][form] = write_list(packages, n_own, write);
		l.v[OTHERS][form] = write_list(packages + n_own, n - n_own, write);
		l.v[VENDOR][form] = write_list(vendor, n_vendor, write);
		l.v[INSTALLED][form] =
			write_list(installed, n_installed,
				   form == PLAN ? mf_pool_write_installed_plan : mf_pool_write);
	}
	return l;
}

struct tally {
	size_t plans, planned, no_plan, unclear, replacing, other;
};

static void compare(const struct lists *l, const char *const *wanted, size_t n, const char *on_disk,
		    struct tally *tally)
{
	struct mf_pool *plan = make_pool(l, PLAN, on_disk), *whole;
	struct mf_solution a = { 0 }, b = { 0 };

	if (!plan) {
		tally->unclear++;
		return;
	}
	whole = make_pool(l, WHOLE, on_disk);
	assert_int_equal(solve(whole, wanted, n, &a), solve(plan, wanted, n, &b));
	/* lists for planning are not for this: mf_resolve() uses the whole lists then */
	if (mf_solution_replaces(&a) || mf_solution_replaces(&b)) {
		tally->replacing++;
		tally->other += !mf_solution_replaces(&b);
	} else if (a.solved) {
		assert_true(b.solved);
		expect_same(whole, &a, plan, &b);
	} else {
		assert_false(b.solved);
		tally->no_plan++;
	}
	tally->plans++;
	tally->planned += a.n;
	mf_solution_done(&a);
	mf_solution_done(&b);
	mf_pool_free(whole);
	mf_pool_free(plan);
}

static void try_repository(struct chance *c, struct tally *tally)
{
	struct primary packages[MANY + 1] = {
		{ .name = IMAGE,
		  .evr = "1-1",
		  .provides = IMAGE " kernel-uname-r=6.1.0 kmod(m3.ko) ksym(amd64:i0)=10 "
				    "ksym(amd64:i1)=10 ksym(amd64:i2)=10 ksym(amd64:s7a)=0" },
	};
	size_t n = 1 + pick(c, 3);
	const char *wanted[3];
	struct lists l;

	for (unsigned int i = 1; i <= MANY; i++)
		packages[i] = some_package(c, i - 1);
	for (size_t i = 0; i < n; i++)
		wanted[i] = packages[1 + pick(c, MANY)].name;
	l = some_lists(c, packages, MANY + 1);
	compare(&l, wanted, n, packages[1 + pick(c, MANY)].name, tally);
	close_lists(&l);
}

static void a_plan_is_that_over_the_whole_list(void **state)
{
	struct tally tally = { 0 };

	for (unsigned int seed = 0; seed < 4000; seed++) {
		struct chance c = { .state = seed };

		try_repository(&c, &tally);
		while (c.n_texts)
			free(c.texts[--c.n_texts]);
	}
	print_message("%zu plans of %zu packages, %zu without, %zu unclear, %zu that replace, and "
		      "%zu instead\n",
		      tally.plans, tally.planned, tally.no_plan, tally.unclear, tally.replacing,
		      tally.other);
	/* it has been asked */
	assert_true(tally.plans > 1500 && tally.planned > 2000);
	assert_true(tally.no_plan > 100 && tally.unclear > 300 && tally.replacing > 5);
}

/* ---- what is left out ---- */

static const struct primary packages[] = {
	{ .name = IMAGE,
	  .evr = "1-1",
	  .provides = IMAGE " ksym(amd64:printk)=12 ksym(amd64:kfree)=34" },
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp nic-kmp-" TAG " kmod(nic.ko) firmware(nic.bin) kalias(" TAG ":nic)",
	  .requires = "ksym(amd64:printk)=12 ksym(amd64:kfree)=34 ksym(amd64:ptp)=56" },
	{ .name = "odd-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "odd-kmp-" TAG,
	  .requires = "ksym(amd64:printk)=99 ksym(amd64:kfree)=34" },
};

static int count_need(void *arg, const char *need, const int *ids, size_t n)
{
	size_t *counts = arg;

	counts[strncmp(need, "modfetch-exports(", 17) ? 0 : 1]++;
	return 0;
}

static void several_symbols_of_one_package_are_one_need(void **state)
{
	int fd = write_list(packages, N(packages), mf_pool_write_plan);
	size_t nic[2] = { 0 }, odd[2] = { 0 };
	struct mf_pool *pool;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_plan(pool, fd, 0, 99), 0);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, "nic-kmp-" TAG, NULL),
				       MF_REQUIRES, count_need, nic),
			 0);
	/* the first of the image's two, and ptp, which no package has */
	assert_int_equal(nic[0], 2);
	assert_int_equal(nic[1], 1);
	/* another CRC is another symbol, and one is one */
	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, "odd-kmp-" TAG, NULL),
				       MF_REQUIRES, count_need, odd),
			 0);
	assert_int_equal(odd[0], 2);
	assert_int_equal(odd[1], 0);
	mf_pool_free(pool);
	close(fd);
}

static void what_the_pool_is_asked_for_stays(void **state)
{
	int fd = write_list(packages, N(packages), mf_pool_write_plan);
	struct mf_package p;
	struct mf_pool *pool;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_plan(pool, fd, 3, 99), 0);
	mf_pool_ready(pool);
	assert_true(primary_provider(pool, "kmod(nic.ko)", NULL) > 0);
	assert_true(primary_provider(pool, "firmware(nic.bin)", NULL) > 0);
	assert_true(primary_provider(pool, IMAGE, NULL) > 0);
	assert_int_equal(primary_provider(pool, "nic-kmp", NULL), 0);
	assert_int_equal(primary_provider(pool, "kalias(" TAG ":nic)", NULL), 0);
	assert_int_equal(primary_provider(pool, "ksym(amd64:printk)", NULL), 0);
	mf_pool_package(pool, primary_provider(pool, "nic-kmp-" TAG, NULL), &p);
	assert_string_equal(p.location, "x86_64/nic-kmp-" TAG ".rpm");
	assert_int_equal(p.size, 1000);
	assert_true(p.has_sha256);
	assert_int_equal(p.origin, 3);
	assert_null(p.summary);
	mf_pool_free(pool);
	close(fd);
}

/* It stays as it is. */
static void what_installed_packages_need_is_left_out(void **state)
{
	static const struct primary installed[] = {
		{ .name = "ptp-kmp-" TAG, .evr = "1-1", .provides = "ksym(amd64:ptp)=56" },
		{ .name = "nic-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "nic-kmp-" TAG,
		  .requires = "ksym(amd64:printk)=12 ksym(amd64:ptp)=57 tool" },
	};
	static const char damaged[200] = "no list";
	int fd = write_list(installed, N(installed), mf_pool_write_installed_plan);
	int bad = mf_memfile_new("list");
	size_t counts[2] = { 0 };
	struct mf_pool *pool;

	assert_int_equal(mf_file_write(bad, damaged, sizeof(damaged)), 0);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	/* and after a list that is none there is none */
	assert_int_equal(mf_pool_add_installed_plan(pool, bad), -EBADMSG);
	assert_int_equal(mf_pool_add_installed_plan(pool, fd), 0);
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, NULL, 0, NULL), 0);
	assert_true(mf_pool_settle(pool));
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, "nic-kmp-" TAG, NULL),
				       MF_REQUIRES, count_need, counts),
			 0);
	assert_int_equal(counts[0] + counts[1], 0);
	mf_pool_free(pool);
	close(fd);
	close(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_plan_is_that_over_the_whole_list),
		UNIT(several_symbols_of_one_package_are_one_need),
		UNIT(what_the_pool_is_asked_for_stays),
		UNIT(what_installed_packages_need_is_left_out),
	};

	return UNIT_RUN(tests);
}
