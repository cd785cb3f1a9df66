/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state that a run writes for the next one. */
#include "tests/unit.h"
#include "tests/packs.h"

/* A pack with a kernel and two packages that are in the repository. */
static struct packs *published(void)
{
	struct packs *p = packs_new();

	packs_open(p);
	p->options.incremental = true;
	packs_kernel(p, NULL, 0);
	for (int i = 0; i < 2; i++) {
		struct pack_package *package = packs_package(p, i ? "b" : "a", "x86_64");

		pack_package_set_fingerprint(package);
		package->href = strdup(i ? "x86_64/b c.rpm" : "x86_64/a.rpm");
		package->rpm_size = 4;
		packs_write(p, package->href, "rpm\n");
	}
	p->pack.packages[1].kernel = NULL; /* as that of firmware */
	assert_int_equal(pack_state_write(&p->pack), 0);
	return p;
}

static void forget(struct packs *p)
{
	for (size_t i = 0; i < p->pack.n_packages; i++) {
		free(p->pack.packages[i].href);
		p->pack.packages[i].href = NULL;
		p->pack.packages[i].reused = false;
	}
}

static void what_was_published_is_taken_over(void **state)
{
	struct packs *p = published();

	assert_true(packs_has(p, ".pack/6.1.0-56-amd64 amd64.list"));
	assert_true(packs_has(p, ".pack/firmware.list"));
	forget(p);
	assert_int_equal(pack_state_reuse(&p->pack), 0);
	assert_int_equal(p->pack.result.reused, 2);
	assert_string_equal(p->pack.packages[1].href, "x86_64/b c.rpm");
	assert_int_equal(p->pack.packages[1].rpm_size, 4);
	assert_true(p->pack.packages[0].reused);
	packs_free(p);
}

static void what_changed_is_gone_or_has_another_size_is_not(void **state)
{
	struct packs *p = published();
	char path[128];

	forget(p);
	packs_write(p, "x86_64/a.rpm", "longer than before");
	snprintf(path, sizeof(path), "%s/x86_64/b c.rpm", p->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pack_state_reuse(&p->pack), 0);
	assert_int_equal(p->pack.result.reused, 0);
	packs_write(p, "x86_64/a.rpm", "rpm\n");
	free(p->pack.packages[0].summary);
	p->pack.packages[0].summary = strdup("changed");
	pack_package_set_fingerprint(&p->pack.packages[0]);
	assert_int_equal(pack_state_reuse(&p->pack), 0);
	assert_int_equal(p->pack.result.reused, 0);
	packs_free(p);
}

static void the_repository_is_this_run_and_other_kernels_lists(void **state)
{
	static const char fingerprint[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct packs *p = published();
	struct mf_strings hrefs = { 0 };
	char list[512];

	snprintf(list, sizeof(list),
		 "modfetch-pack-state 1\n%s 4 x86_64/other.rpm\n%s 4 x86_64/gone.rpm\n",
		 fingerprint, fingerprint);
	packs_write(p, ".pack/6.2-amd64 amd64.list", list);
	packs_write(p, "x86_64/other.rpm", "rpm\n");
	/* the list of this run has the packages of this run, not those on disk */
	packs_write(p, ".pack/firmware.list", "not a list");
	assert_int_equal(pack_state_hrefs(&p->pack, &hrefs), 0);
	assert_int_equal(hrefs.n, 3);
	assert_string_equal(hrefs.v[0], "x86_64/a.rpm");
	assert_string_equal(hrefs.v[2], "x86_64/other.rpm");
	mf_strings_done(&hrefs);
	packs_free(p);
}

static void a_list_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"modfetch-pack-state 3\n",
		"modfetch-pack-state 1\nshort 4 a.rpm\n",
		"modfetch-pack-state "
		"1\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 4\n",
		"modfetch-pack-state "
		"1\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef x a\n",
		"modfetch-pack-state "
		"1\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 4 /a\n",
		"modfetch-pack-state "
		"1\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 4 ../a\n",
		"modfetch-pack-state "
		"2\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 4 a\n",
		"modfetch-pack-state "
		"2\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 4 key a\n",
	};
	struct packs *p = published();

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		packs_write(p, ".pack/firmware.list", bad[i]);
		assert_int_equal(pack_state_reuse(&p->pack), -EBADMSG);
		assert_string_equal(p->ctx.failure.what, "firmware.list");
	}
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_was_published_is_taken_over),
		UNIT(what_changed_is_gone_or_has_another_size_is_not),
		UNIT(the_repository_is_this_run_and_other_kernels_lists),
		UNIT(a_list_that_is_none_is_refused),
	};

	return UNIT_RUN(tests);
}
