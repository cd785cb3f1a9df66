/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, names and duplicates among a package's files. Packages and modprobe: road/judged.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/verify/confine-modules.h"

#define K     "/lib/modules/" KERNEL "/"
#define OTHER "/lib/modules/6.9.9-other/"
#define FILES 3

struct file {
	const char *path, *link; /* link: NULL, it is a file; "/": a directory */
	uint32_t links;
};

static int judge(struct root *r, const struct file *files)
{
	struct mf_rpm_file list[FILES];
	struct mf_rpm_header h = { .name = (char *)"x-kmp", .files = list };

	for (; h.n_files < FILES && files[h.n_files].path; h.n_files++) {
		const struct file *f = &files[h.n_files];
		bool dir = f->link && !strcmp(f->link, "/");

		list[h.n_files] = (struct mf_rpm_file){
			.path = (char *)f->path,
			.link = (char *)(f->link ?: ""),
			.mode = dir	  ? S_IFDIR | 0755
				: f->link ? S_IFLNK | 0777
					  : S_IFREG | 0644,
			.links = f->links ?: 1,
		};
	}
	return mf_confine_modules(&r->ctx, "x-kmp", &h);
}

static void files_that_kmod_reads_as_checked_are_accepted(void **state)
{
	static const struct file good[][FILES] = {
		{ { K "updates/x.ko" }, { K "updates/y.ko", "x.ko" } },
		{ { K "updates/y.ko.xz", "deep/x.ko" }, { K "updates/deep/x.ko" } },
		{ { "/usr" K "updates/x.ko.zst" }, { "/usr" K "updates/y.ko.zst", "x.ko.zst" } },
		{ { K "updates/x.ko" }, { OTHER "updates/x.ko" } },
		{ { K "x.ko", "/" }, { K "x.ko/y.ko" } },
		{ { "/lib/firmware/a.bin", "b.bin" } }, /* in another package */
		{ { "/lib/firmware/a.b.bin", NULL, 2 }, { "/lib/firmware/c.bin", NULL, 2 } },
		{ { "/etc/depmod.d/x.conf" } },
		{ { K "vmlinuz-x" }, { K "vmlinuz", "vmlinuz-x" } },
		{ { "/usr/share/doc/x/a.ko.txt" } },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(good); i++)
		assert_int_equal(judge(*state, good[i]), 0);
}

static void links_to_unchecked_files_are_refused(void **state)
{
	static const struct file bad[][FILES] = {
		{ { K "updates/x.ko", "vmlinuz-x" }, { K "updates/vmlinuz-x" } },
		{ { K "updates/x.ko", "y.ko" } },
		{ { K "updates/x.ko", "y.ko" }, { OTHER "updates/y.ko" } },
		{ { K "updates/x.ko", "y.ko" },
		  { K "updates/y.ko", "z.ko" },
		  { K "updates/z.ko" } },
		{ { K "updates/x.ko", "x.ko" } },
		{ { K "updates/x.ko", "deep" }, { K "updates/deep", "/" } },
		{ { K "updates/x.ko", "deep.ko" }, { K "updates/deep.ko", "/" } },
		{ { K "updates/x.ko", "./y.ko" }, { K "updates/y.ko" } },
		{ { K "updates/x.ko", "/lib/firmware/y.ko" } },
		{ { K "vmlinuz-x", "updates/y.ko" }, { K "updates/y.ko" } },
		{ { K "vmlinuz-x", "build" } },
		{ { K "vmlinuz-x", "updates" }, { K "updates", "/" } },
		{ { "/lib/firmware/x.ko", "x.bin" }, { "/lib/firmware/x.bin" } },
		{ { "/lib/firmware/x.bin", "x.ko.xz" } },
		{ { "/usr/share/doc/x/x.ko", "README" }, { "/usr/share/doc/x/README" } },
		{ { "/etc/depmod.d/x.conf", "y.conf" }, { "/etc/depmod.d/y.conf" } },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		assert_int_equal(judge(r, bad[i]), -MFE_FORBIDDEN_FILE);
		assert_int_equal(r->ctx.failure.code, -MFE_FORBIDDEN_FILE);
	}
}

static void names_that_kmod_reads_differently_are_refused(void **state)
{
	static const struct file bad[][FILES] = {
		{ { K "updates/e1000e.evil.ko" } },
		{ { K "updates/x.ko.ko" } },
		{ { K "updates/a.ko.xz.ko" } },
		{ { K "updates/.x.ko" } },
		{ { K "updates/x.y.ko", "x.ko" }, { K "updates/x.ko" } },
		{ { "/lib/firmware/x.y.ko" } },
		/* two files with one name */
		{ { K "updates/x.ko" }, { K "extra/x.ko" } },
		{ { K "updates/x-y.ko" }, { K "updates/x_y.ko.xz" } },
		{ { K "updates/x.ko" }, { "/usr" K "updates/x.ko" } },
		{ { K "updates/x.ko" }, { K "extra/x.ko", "y.ko" }, { K "extra/y.ko" } },
		/* the bytes of another file */
		{ { K "updates/x.ko", NULL, 2 }, { "/usr/share/doc/x/README", NULL, 2 } },
		{ { "/usr/lib/depmod.d/x.conf", NULL, 2 } },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(judge(*state, bad[i]), -MFE_FORBIDDEN_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(files_that_kmod_reads_as_checked_are_accepted),
		ROOTED(links_to_unchecked_files_are_refused),
		ROOTED(names_that_kmod_reads_differently_are_refused),
	};

	return UNIT_RUN(tests);
}
