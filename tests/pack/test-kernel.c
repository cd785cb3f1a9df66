/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the files of a kernel, in the layouts of three distributions. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct layout {
	const char *tree, *install_dir, *files[PACK_N_PARTS];
} layouts[] = {
	{ "lib/modules/6.1.0-56-amd64",
	  "/lib/modules/6.1.0-56-amd64",
	  { "boot/vmlinuz-6.1.0-56-amd64", "boot/System.map-6.1.0-56-amd64",
	    "boot/config-6.1.0-56-amd64", "usr/src/linux-headers-6.1.0-56-amd64/Module.symvers" } },
	{ "usr/lib/modules/6.4.0-150600.21-default",
	  "/usr/lib/modules/6.4.0-150600.21-default",
	  { "usr/lib/modules/6.4.0-150600.21-default/vmlinuz",
	    "usr/lib/modules/6.4.0-150600.21-default/System.map",
	    "usr/lib/modules/6.4.0-150600.21-default/config",
	    "usr/src/linux-6.4.0-150600.21-obj/x86_64/default/Module.symvers" } },
	{ "usr/lib/modules/6.11.4-301.fc41.x86_64",
	  "/usr/lib/modules/6.11.4-301.fc41.x86_64",
	  { "boot/vmlinuz-6.11.4-301.fc41.x86_64", "boot/System.map-6.11.4-301.fc41.x86_64",
	    "usr/lib/modules/6.11.4-301.fc41.x86_64/config",
	    "usr/lib/modules/6.11.4-301.fc41.x86_64/symvers.xz" } },
};

static struct packs *laid_out(const struct layout *layout, char tree[256])
{
	struct packs *p = packs_new();
	char name[256];

	for (size_t i = 0; i < PACK_N_PARTS; i++)
		if (layout->files[i])
			packs_write(p, layout->files[i], "");
	snprintf(name, sizeof(name), "%s/modules.builtin", layout->tree);
	packs_write(p, name, "kernel/fs/ext4/ext4.ko\nkernel/a-b.ko\n");
	snprintf(tree, 256, "%s/%s", p->dir, layout->tree);
	p->pack.kernels = calloc(1, sizeof(*p->pack.kernels));
	p->pack.n_kernels = 1;
	return p;
}

static void parts_are_found_where_distributions_put_them(void **state)
{
	for (size_t l = 0; l < MF_ARRAY_SIZE(layouts); l++) {
		char tree[256];
		struct packs *p = laid_out(&layouts[l], tree);
		struct pack_kernel *k = p->pack.kernels;

		assert_int_equal(pack_kernel_open(&p->pack, tree, k), 0);
		for (size_t i = 0; i < PACK_N_PARTS; i++) {
			assert_non_null(k->parts[i]);
			assert_true(mf_ends_with(k->parts[i], layouts[l].files[i]));
		}
		assert_string_equal(k->install_dir, layouts[l].install_dir);
		assert_int_equal(k->builtins.n, 2);
		assert_string_equal(k->builtins.v[0], "a_b");
		assert_int_equal(k->extras.n, 1);
		assert_int_equal(p->pack.result.problems, 0);
		packs_free(p);
	}
}

static void what_the_command_line_names_comes_first(void **state)
{
	char tree[256], config[256];
	struct packs *p = laid_out(&layouts[0], tree);

	packs_write(p, "my-config", "");
	snprintf(config, sizeof(config), "%s/my-config", p->dir);
	p->options.config = config;
	p->options.version = "7";
	p->options.release = "8";
	p->options.flavor = "mine";
	assert_int_equal(pack_kernel_open(&p->pack, tree, p->pack.kernels), 0);
	assert_string_equal(p->pack.kernels->parts[PACK_CONFIG], config);
	assert_string_equal(p->pack.kernels->version, "7");
	assert_string_equal(p->pack.kernels->revision, "8");
	assert_string_equal(p->pack.kernels->release.flavor, "mine");
	packs_free(p);
}

static void what_is_missing_is_told_once_each(void **state)
{
	static const struct layout bare = { .tree = "somewhere/6.1.0-56-amd64" };
	char tree[256];
	struct packs *p = laid_out(&bare, tree);

	assert_int_equal(pack_kernel_open(&p->pack, tree, p->pack.kernels), 0);
	assert_int_equal(p->pack.result.problems, 3);
	assert_string_equal(p->pack.kernels->install_dir, "/lib/modules/6.1.0-56-amd64");
	packs_free(p);
}

static void a_folder_that_names_no_release_is_refused(void **state)
{
	static const struct layout wrong = { .tree = "lib/modules/new kernel" };
	char tree[256];
	struct packs *p = laid_out(&wrong, tree);

	assert_int_equal(pack_kernel_open(&p->pack, tree, p->pack.kernels), -MFE_USAGE);
	pack_kernel_done(p->pack.kernels);
	assert_int_equal(pack_kernel_open(&p->pack, "/nonexistent/6.1", p->pack.kernels), -ENOENT);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(parts_are_found_where_distributions_put_them),
		UNIT(what_the_command_line_names_comes_first),
		UNIT(what_is_missing_is_told_once_each),
		UNIT(a_folder_that_names_no_release_is_refused),
	};

	return UNIT_RUN(tests);
}
