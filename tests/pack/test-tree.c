/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees of one real module under several names. */
#include "tests/unit.h"
#include "tests/packs.h"
#include "tests/trees.h"

/* Copies the first small module of the default kernel to NAME below the scratch tree. */
static void put_module(const struct packs *p, const char *name)
{
	char command[1024];

	packs_write(p, name, "");
	snprintf(command, sizeof(command), "cp %s/kernel/drivers/net/dummy.ko '%s/%s'",
		 tree_of("default"), p->dir, name);
	assert_int_equal(system(command), 0);
}

static struct pack_kernel *begin(struct packs *p)
{
	struct pack_kernel *k = packs_kernel(p, NULL, 0);

	free(k->modules);
	k->modules = NULL;
	k->arch = NULL;
	k->tree_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mf_release_parse(strrchr(tree_of("default"), '/') + 1, NULL, &k->release),
			 0);
	return k;
}

static const struct pack_module *find(const struct pack_kernel *k, const char *path)
{
	for (size_t m = 0; m < k->n_modules; m++)
		if (!strcmp(k->modules[m].path, path))
			return &k->modules[m];
	fail_msg("no module %s", path);
	abort();
}

static void modules_are_found_in_order_and_links_are_not(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = begin(p);
	char link[256];

	put_module(p, "kernel/z/b.ko");
	put_module(p, "kernel/a/a.ko");
	put_module(p, "extra/c-d.ko");
	packs_write(p, "kernel/readme.txt", "");
	packs_write(p, "kernel/.hidden.ko", "");
	snprintf(link, sizeof(link), "%s/kernel/link.ko", p->dir);
	assert_int_equal(symlink("a/a.ko", link), 0);
	assert_int_equal(pack_tree_read(&p->pack, k), 0);
	assert_int_equal(p->pack.result.problems, 0);
	assert_int_equal(k->n_modules, 3);
	assert_string_equal(k->modules[0].path, "extra/c-d.ko");
	assert_string_equal(k->modules[0].name, "c_d");
	assert_string_equal(k->modules[2].path, "kernel/z/b.ko");
	assert_string_equal(k->arch, "x86_64");
	assert_int_equal(pack_map_get(&k->names, "c_d"), 0);
	packs_free(p);
}

static void of_two_files_of_a_name_updates_win_then_the_first(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = begin(p);

	put_module(p, "kernel/one-two.ko");
	put_module(p, "updates/one_two.ko");
	put_module(p, "kernel/a/x.ko");
	put_module(p, "kernel/b/x.ko");
	assert_int_equal(pack_tree_read(&p->pack, k), 0);
	assert_int_equal(p->pack.result.problems, 2);
	assert_int_equal(find(k, "kernel/one-two.ko")->error, -MFE_PACK);
	assert_int_equal(find(k, "updates/one_two.ko")->error, 0);
	assert_int_equal(find(k, "kernel/a/x.ko")->error, 0);
	assert_int_equal(find(k, "kernel/b/x.ko")->error, -MFE_PACK);
	assert_ptr_equal(&k->modules[pack_map_get(&k->names, "one_two")],
			 find(k, "updates/one_two.ko"));
	packs_free(p);
}

static void what_is_no_module_is_marked_and_told(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = begin(p);

	put_module(p, "kernel/good.ko");
	put_module(p, "kernel/bad name.ko");
	/* kmod reads it as another file of the good module */
	put_module(p, "updates/good.evil.ko");
	packs_write(p, "kernel/text.ko", "text");
	assert_int_equal(pack_tree_read(&p->pack, k), 0);
	assert_int_equal(p->pack.result.problems, 3);
	assert_int_equal(find(k, "kernel/good.ko")->error, 0);
	assert_int_equal(find(k, "updates/good.evil.ko")->error, -MFE_BAD_MODULE);
	assert_int_equal(find(k, "kernel/text.ko")->error, -MFE_BAD_MODULE);
	assert_int_equal(find(k, "kernel/bad name.ko")->error, -MFE_BAD_MODULE);
	packs_free(p);
}

static void a_tree_without_a_module_of_its_kernel_is_refused(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = begin(p);

	assert_int_equal(pack_tree_read(&p->pack, k), -MFE_USAGE);
	put_module(p, "kernel/good.ko");
	strcpy(k->release.release, "6.1.0-5");
	assert_int_equal(pack_tree_read(&p->pack, k), -MFE_BAD_MODULE);
	assert_int_equal(k->modules[0].error, -MFE_WRONG_KERNEL);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(modules_are_found_in_order_and_links_are_not),
		UNIT(of_two_files_of_a_name_updates_win_then_the_first),
		UNIT(what_is_no_module_is_marked_and_told),
		UNIT(a_tree_without_a_module_of_its_kernel_is_refused),
	};

	return UNIT_RUN(tests);
}
