/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in a header: their times, ghosts and links. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/rpm.h"
#include "tests/rpms.h"

#define DEPMOD "/etc/depmod.d/x.conf"
#define GHOST  "/etc/depmod.d/later.conf"
#define LINK   "/lib/firmware/x.bin"

static int package(void)
{
	char directory[] = "/tmp/modfetch-rpms.XXXXXX";
	const struct rpm_spec spec = {
		.name = "odd-kmp",
		.version = "0:1",
		.files = DEPMOD,
		.install = "touch -d @1500000000 %{buildroot}" DEPMOD
			   "; mkdir -p %{buildroot}/lib/firmware; ln -s y.bin %{buildroot}" LINK,
		.sections = LINK "\n%ghost " GHOST,
	};
	int fd;

	assert_non_null(mkdtemp(directory));
	fd = rpm_build(directory, &spec);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	return fd;
}

static const struct mf_rpm_file *find(const struct mf_rpm_header *h, const char *path)
{
	static const struct mf_rpm_file none;

	for (size_t i = 0; i < h->n_files; i++)
		if (!strcmp(h->files[i].path, path))
			return &h->files[i];
	fail_msg("%s is not listed", path);
	return &none;
}

static void files_have_a_time_and_ghosts_are_distinguished(void **state)
{
	_cleanup_close_ int fd = package();
	struct mf_rpm_header h = { 0 };
	const struct mf_rpm_file *conf, *ghost, *link;

	assert_int_equal(mf_rpm_read(fd, &h), 0);
	/* no epoch of 0, as in libsolv */
	assert_string_equal(h.evr, "1-1");
	assert_int_equal(h.n_files, 3);
	conf = find(&h, DEPMOD);
	ghost = find(&h, GHOST);
	link = find(&h, LINK);
	assert_int_equal(conf->mtime, 1500000000);
	assert_true(conf->checksum.len == MF_SHA256_LEN && !conf->ghost && !conf->left_out);
	assert_true(ghost->ghost && !ghost->left_out);
	assert_int_equal(link->checksum.len, 0);
	assert_string_equal(link->link, "y.bin");
	mf_rpm_header_done(&h);
	/* a second call does no harm */
	mf_rpm_header_done(&h);
}

/* A package that provides PROVIDES, nothing else. */
static void read_provides(const char *provides, struct mf_rpm_header *ret_header)
{
	char directory[] = "/tmp/modfetch-rpms.XXXXXX";
	const struct rpm_spec spec = {
		.name = "odd-kmp", .version = "1", .files = DEPMOD, .preamble = provides
	};
	int fd;

	assert_non_null(mkdtemp(directory));
	fd = rpm_build(directory, &spec);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	assert_int_equal(mf_rpm_read(fd, ret_header), 0);
	close(fd);
}

static void accounts_and_kernels_are_told_by_what_is_provided(void **state)
{
	static const char *const accounts[] = {
		"Provides: user(x)", "Provides: group(x) = 1",
		"Provides: kmod(x.ko)\nProvides: groupmember(x/y)"
	};
	struct mf_rpm_header h = { 0 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(accounts); i++) {
		read_provides(accounts[i], &h);
		assert_int_equal(h.scriptlets.n, 1);
		assert_int_equal(h.uname_r.n, 0);
		mf_rpm_header_done(&h);
	}
	read_provides("Provides: kernel-uname-r = 6.1.0-56.amd64\nProvides: kernel-uname-r\n"
		      "Provides: kernel = 5\nProvides: user-manual",
		      &h);
	assert_int_equal(h.scriptlets.n, 0);
	assert_int_equal(h.uname_r.n, 2);
	assert_true(mf_strings_has(&h.uname_r, "6.1.0-56.amd64"));
	assert_true(mf_strings_has(&h.uname_r, ""));
	mf_rpm_header_done(&h);
}

static void a_header_says_which_kernels_it_is_for(void **state)
{
	static const struct {
		struct rpm_spec spec;
		const char *kernel; /* NULL: none */
		bool side_by_side, directory;
	} rows[] = {
		{ { "a", "1", "/lib/modules/6.1.0/updates/x.ko" }, "6.1.0", false, true },
		{ { "a", "1", "/usr/lib/modules/6.1.0/vmlinuz", "Provides: kernel-uname-r = 9" },
		  "6.1.0",
		  false,
		  true },
		{ { "a", "1", "/etc/x", "Requires: kernel-uname-r = 9" }, "9", false, false },
		{ { "kernel-extra", "1", "/etc/x", "Requires: kernel-core-uname-r = 9" },
		  "9",
		  true,
		  false },
		{ { "kernel-tools", "1", "/etc/x", "Requires: kernel-uname-r" }, NULL },
		{ { "a-kmp-b", "1_k6.1.0", "/etc/x", "Provides: multiversion(kernel)" },
		  "_k6.1.0",
		  true,
		  false },
		{ { "a", "1", "/etc/x", "Provides: installonlypkg(kernel-module)" }, NULL, true },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(rows); i++) {
		char directory[] = "/tmp/modfetch-rpms.XXXXXX";
		struct mf_rpm_header h = { 0 };
		int fd;

		assert_non_null(mkdtemp(directory));
		fd = rpm_build(directory, &rows[i].spec);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
		assert_int_equal(mf_rpm_read(fd, &h), 0);
		assert_int_equal(h.side_by_side, rows[i].side_by_side);
		assert_int_equal(h.has_module_directory, rows[i].directory);
		assert_int_equal(h.kernels.n, rows[i].kernel != NULL);
		if (rows[i].kernel)
			assert_string_equal(h.kernels.v[0], rows[i].kernel);
		mf_rpm_header_done(&h);
		close(fd);
	}
}

static void a_version_for_another_kernel_is_not_replaced(void **state)
{
	char first[] = "1-1", second[] = "2-1", arch[] = "x86_64", a[] = "6.1.0-1", b[] = "6.1.0-2";
	char *one[] = { a }, *two[] = { b };
	struct mf_rpm_header package = { .evr = second, .arch = arch, .kernels = { one, 1, 1 } };
	struct mf_rpm_header installed = { .evr = first, .arch = arch, .kernels = { two, 1, 1 } };

	assert_true(mf_rpm_replaces(&package, &installed));
	package.side_by_side = true;
	assert_false(mf_rpm_replaces(&package, &installed));
	installed.kernels.v = one;
	assert_true(mf_rpm_replaces(&package, &installed));
	installed.kernels.n = 0;
	assert_false(mf_rpm_replaces(&package, &installed));
	installed.evr = package.evr;
	assert_true(mf_rpm_replaces(&package, &installed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_header_says_which_kernels_it_is_for),
		UNIT(a_version_for_another_kernel_is_not_replaced),
		UNIT(files_have_a_time_and_ghosts_are_distinguished),
		UNIT(accounts_and_kernels_are_told_by_what_is_provided),
	};

	return UNIT_RUN(tests);
}
