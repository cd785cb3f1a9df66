/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches: their number and size, and the packages in each. The Python tests of tests/pack run the
 * real rpmbuild.
 */
#include "tests/unit.h"
#include "tests/packs.h"

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void batches_are_small_even_and_of_one_machine(void **state)
{
	struct packs *p = packs_new();
	size_t packages = 0, batches = 0;
	char directory[128];

	for (size_t i = 0; i < 500; i++) {
		char name[32];
		struct pack_package *package;

		snprintf(name, sizeof(name), "p%zu", i);
		package = packs_package(p, name, i % 100 ? "x86_64" : "noarch");
		package->size = i;
	}
	p->pack.packages[1].href = strdup("is there already");
	snprintf(directory, sizeof(directory), "%s/specs", p->dir);
	assert_int_equal(pack_build_specs(&p->pack, directory), 0);
	for (;; batches++) {
		char name[256], *text;
		size_t len, n, noarch;

		snprintf(name, sizeof(name), "specs/modfetch-pack-batch-%zu.spec", batches);
		if (!packs_has(p, name))
			break;
		snprintf(name, sizeof(name), "%s/modfetch-pack-batch-%zu.spec", directory, batches);
		assert_int_equal(mf_file_read_at(AT_FDCWD, name, 1 << 20, &text, &len), 0);
		n = count(text, "\n%package -n ");
		noarch = count(text, "\nBuildArch: noarch\n");
		assert_uint_in_range(n, 1, 200);
		assert_true(!noarch || noarch == n);
		packages += n;
		free(text);
	}
	assert_int_equal(packages, 499);
	assert_int_equal(batches, 4);
	packs_free(p);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	struct packs *p = packs_new();

	packs_package(p, "x", "x86_64");
	assert_int_equal(pack_build_specs(&p->pack, "/proc/specs"), -ENOENT);
	assert_string_equal(p->ctx.failure.what, "/proc/specs");
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(batches_are_small_even_and_of_one_machine),
		UNIT(a_folder_that_cannot_be_made_is_told),
	};

	return UNIT_RUN(tests);
}
