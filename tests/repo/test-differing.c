/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages have other aliases than others of their module or name. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/repo/differing.h"
#include "tests/primary.h"

#define A1 "modalias(kernel-default:pci:a1*) "
#define A2 "modalias(kernel-default:pci:a2*) "

/* The versions of the packages that differ: "1 2 ". */
static const char *differing(const struct primary *packages, size_t n)
{
	static char text[100];
	struct mf_pool *pool = primary_pool(packages, n);
	struct repo_differing found = { 0 };
	size_t n_ids = 0, count = 0;
	int *ids = NULL;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n_ids), 0);
	assert_int_equal(repo_differing_find(pool, ids, n_ids, &found), 0);
	*text = '\0';
	for (size_t i = 0; i < n_ids; i++) {
		struct mf_package p;

		if (!repo_differing_has(&found, ids[i]))
			continue;
		mf_pool_package(pool, ids[i], &p);
		strncat(text, p.evr, strcspn(p.evr, "-"));
		strcat(text, " ");
		count++;
	}
	assert_false(repo_differing_has(&found, 1 << 20));
	assert_true(found.n >= count);
	repo_differing_done(&found);
	assert_null(found.ids);
	free(ids);
	mf_pool_free(pool);
	return text;
}

static void versions_with_other_aliases_differ(void **state)
{
	static const struct primary same[] = {
		{ "x", "1-1", "kmod(x.ko)", .supplements = A1 A2 },
		{ "x", "2-1", "kmod(x.ko)", .supplements = A2 A1 },
		{ "x", "3-1", "kmod(x.ko)", .supplements = A1 A2 },
	};
	static const struct primary lost[] = {
		{ "x", "1-1", "kmod(x.ko)", .supplements = A1 A2 },
		{ "x", "2-1", "kmod(x.ko)", .supplements = A1 A2 },
		{ "x", "3-1", "kmod(x.ko)", .supplements = A1 },
		{ "y", "4-1", "kmod(y.ko)", .supplements = A2 },
	};

	assert_string_equal(differing(same, N(same)), "");
	assert_string_equal(differing(lost, N(lost)), "1 2 3 ");
	assert_string_equal(differing(lost, 0), "");
}

static void so_do_packages_of_other_names_with_the_same_module(void **state)
{
	static const struct primary packages[] = {
		{ "x", "1-1", "kmod(m.ko) kmod(n.ko)", .supplements = A1 },
		{ "y", "2-1", "kmod(m.ko.xz)", .supplements = A2 },
		{ "z", "3-1", "kmod(n-.ko)", .supplements = A2 },
		{ "w", "4-1", "m other(m.ko)", .supplements = A2 },
	};

	assert_string_equal(differing(packages, N(packages)), "1 2 ");
}

/* Old packages of SUSE name no module, and those of RHEL have their aliases among the provides. */
static void a_package_needs_no_module_and_no_supplement_for_it(void **state)
{
	static const struct primary nameless[] = {
		{ "x-kmp-default", "1-1", .supplements = A1 },
		{ "x-kmp-default", "2-1", .supplements = A2 },
	};
	static const struct primary provided[] = {
		{ "x", "1-1", "kmod(x.ko) modalias(pci:a*)=1" },
		{ "x", "2-1", "kmod(x.ko) modalias(pci:a*)=2" },
		{ "y", "3-1", "kmod(y.ko) modalias(pci:a*)=1" },
		{ "y", "4-1", "kmod(y.ko) modalias(pci:a*)=1 modalias(fs-y)=1" },
		{ "z", "5-1", "kmod(z.ko) kalias(amd64-1:z)" },
		{ "z", "6-1", "kmod(z.ko) other(z)" },
	};

	assert_string_equal(differing(nameless, N(nameless)), "1 2 ");
	assert_string_equal(differing(provided, N(provided)), "3 4 5 6 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(versions_with_other_aliases_differ),
		UNIT(so_do_packages_of_other_names_with_the_same_module),
		UNIT(a_package_needs_no_module_and_no_supplement_for_it),
	};

	return UNIT_RUN(tests);
}
