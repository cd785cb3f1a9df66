/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In each shape of a root, files come to the module directory in which its kmod looks. */
#include "tests/unit.h"
#include "tests/root.h"

#define LIB "%s/lib/modules/%s"
#define USR "%s/usr/lib/modules/%s"

/* A root of its own: what it has, and where the module directory of KERNEL must be. */
static const struct shape {
	const char *directories[4];
	const char *link; /* of /lib */
	const char *kmod; /* a string of it */
	bool below_usr;
} shapes[] = {
	/* one directory, whatever a kmod says */
	{ { "usr/lib/modules/" KERNEL }, "usr/lib", LIB, false },
	{ { "usr/lib/modules/" KERNEL }, "usr/lib", USR, false },
	{ { "usr/lib/modules" }, "/usr/lib", NULL, false },
	/* two: kmod's */
	{ { "lib/modules/" KERNEL, "usr/lib/modules/" KERNEL }, NULL, LIB, false },
	{ { "lib/modules/" KERNEL, "usr/lib/modules/" KERNEL }, NULL, USR, true },
	{ { "lib/modules/" KERNEL, "usr/lib" }, NULL, USR, true },
	{ { "lib", "usr/lib/modules/" KERNEL }, NULL, LIB, false },
	/* no kmod, or it does not say: where the kernel is */
	{ { "lib/modules/" KERNEL, "usr/lib/modules/" KERNEL }, NULL, NULL, false },
	{ { "lib/modules", "usr/lib/modules/" KERNEL }, NULL, NULL, true },
	{ { "lib/modules/" KERNEL, "usr/lib/modules" }, NULL, LIB "\n" USR, false },
	/* it is nowhere yet: with the others */
	{ { "lib/modules", "usr/lib/modules" }, NULL, NULL, false },
	{ { "lib", "usr/lib/modules" }, NULL, NULL, true },
	{ { "lib", "usr/lib" }, NULL, NULL, false },
	/* the link of /lib is still to come */
	{ { "usr/lib/modules/" KERNEL }, NULL, LIB, true },
	{ { "usr/lib" }, NULL, NULL, true },
};

static void make(const struct shape *shape, struct root *r)
{
	char text[128] = "kmod version 34\n";

	*r = (struct root){ .fd = -1 };
	snprintf(r->path, sizeof(r->path), "/tmp/modfetch-unit.XXXXXX");
	assert_non_null(mkdtemp(r->path));
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < 4 && shape->directories[i]; i++)
		root_mkdir(r, shape->directories[i]);
	if (shape->link)
		root_link(r, shape->link, "lib");
	if (shape->kmod) {
		strcat(text, shape->kmod);
		root_write(r, "usr/bin/kmod", text);
	}
	assert_int_equal(mf_context_init(&r->ctx, r->path, KERNEL), 0);
}

static void put(struct root *r, const char *directory, const char *name)
{
	int fd = mf_context_mkdir(&r->ctx, directory);
	int file;

	assert_true(fd >= 0);
	file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(file >= 0);
	close(file);
	close(fd);
}

static void each_root_has_one_place(void **state)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		static const char *const paths[] = { "lib/modules/" KERNEL "/updates",
						     "/usr/lib/modules/" KERNEL "/updates" };
		const char *place = shapes[i].below_usr || shapes[i].link
					    ? "usr/lib/modules/" KERNEL
					    : "lib/modules/" KERNEL;
		struct root r;

		make(&shapes[i], &r);
		assert_int_equal(mf_modules_below_usr(&r.ctx, KERNEL), shapes[i].below_usr);
		for (size_t k = 0; k < 2; k++) {
			char file[128], name[] = { 'a', (char)('0' + k), '\0' };
			int fd;

			put(&r, paths[k], name);
			snprintf(file, sizeof(file), "%s/updates/%s", place, name);
			assert_true(root_has(&r, file));
			/* either spelling leads there */
			for (size_t m = 0; m < 2; m++) {
				snprintf(file, sizeof(file), "%s/%s", paths[m], name);
				fd = mf_context_open(&r.ctx, file, O_PATH);
				assert_true(fd >= 0);
				close(fd);
			}
		}
		/* nothing has come to the other one, and no /lib where there was none */
		if (!shapes[i].link)
			assert_false(root_has(&r, shapes[i].below_usr
							  ? "lib/modules/" KERNEL "/updates"
							  : "usr/lib/modules/" KERNEL "/updates"));
		root_done(&r);
	}
}

static void other_paths_are_as_they_are_said(void **state)
{
	struct root r;

	make(&(struct shape){ { "lib/modules/" KERNEL, "usr/lib" }, NULL, USR, true }, &r);
	put(&r, "lib/modules-load.d", "x.conf");
	put(&r, "usr/lib/modulesx", "y");
	put(&r, "lib", "modules.z");
	put(&r, "srv/lib/modules/" KERNEL, "z");
	assert_true(root_has(&r, "lib/modules-load.d/x.conf"));
	assert_true(root_has(&r, "usr/lib/modulesx/y"));
	assert_true(root_has(&r, "lib/modules.z"));
	assert_true(root_has(&r, "srv/lib/modules/" KERNEL "/z"));
	root_done(&r);
}

/* An image whose kernels are in both, and no kmod: all are found. */
static void kernels_of_a_root_without_kmod_are_all_listed(void **state)
{
	struct mf_strings kernels = { 0 };
	struct root r;

	make(&(struct shape){ { "lib/modules/6.1.0/kernel", "usr/lib/modules/6.2.0/kernel" },
			      NULL,
			      NULL,
			      0 },
	     &r);
	assert_int_equal(mf_kernels_list(&r.ctx, &kernels), 0);
	assert_int_equal(kernels.n, 2);
	assert_true(mf_modules_below_usr(&r.ctx, "6.2.0"));
	assert_false(mf_modules_below_usr(&r.ctx, "6.1.0"));
	mf_strings_done(&kernels);
	root_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_root_has_one_place),
		cmocka_unit_test(other_paths_are_as_they_are_said),
		cmocka_unit_test(kernels_of_a_root_without_kmod_are_all_listed),
	};

	return UNIT_RUN(tests);
}
