/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of a package are modules that a link may lead to. */
#include "tests/unit.h"
#include "src/links/origins.h"
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

static struct mf_rpm_file file(const char *path, uint32_t mode)
{
	return (struct mf_rpm_file){ .path = (char *)path,
				     .mode = mode,
				     .checksum.len = MF_SHA256_LEN };
}

static void only_regular_modules_of_a_kernel_are_origins(void **state)
{
	_cleanup_(links_origins_done) struct links_origins origins = { 0 };
	struct mf_rpm_file files[] = {
		file("/lib/modules/K/updates/a-b.ko", S_IFREG | 0644),
		file("/usr/lib/modules/K/kernel/c.ko.xz", S_IFREG | 0644),
		file("/lib/modules/K/weak-updates/d.ko", S_IFLNK | 0777),
		file("/lib/modules/K/directory.ko", S_IFDIR | 0755),
		file("/lib/modules/K/text", S_IFREG | 0644),
		file("/lib/modules/x.ko", S_IFREG | 0644),
		file("/lib/firmware/x.ko", S_IFREG | 0644),
		file("/lib/modules/K/ghost.ko", S_IFREG | 0644),
		file("/lib/modules/K/left.ko", S_IFREG | 0644),
		file("/lib/modules/K/nodigest.ko", S_IFREG | 0644),
	};
	struct mf_rpm_header header = { .name = (char *)"p",
					.files = files,
					.n_files = MF_ARRAY_SIZE(files) };

	files[7].ghost = true;
	files[8].left_out = true;
	files[9].checksum.len = 0;
	assert_int_equal(links_origins_add(&origins, &header), 0);
	assert_int_equal(origins.n, 2);
	assert_string_equal(origins.v[0].path, "/lib/modules/K/updates/a-b.ko");
	assert_string_equal(origins.v[0].module, "a_b");
	assert_string_equal(origins.v[0].below, "updates/a-b.ko");
	assert_string_equal(origins.v[0].package, "p");
	assert_false(links_origin_in_box(&origins.v[0]));
	assert_string_equal(origins.v[1].path, "/lib/modules/K/kernel/c.ko.xz");
	assert_true(links_origin_in_box(&origins.v[1]));
	assert_ptr_equal(links_origins_find(&origins, "K", "c"), &origins.v[1]);
	assert_null(links_origins_find(&origins, "L", "c"));
	assert_null(links_origins_find(&origins, "K", "d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { UNIT(only_regular_modules_of_a_kernel_are_origins) };

	return UNIT_RUN(tests);
}
