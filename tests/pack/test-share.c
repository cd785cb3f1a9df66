/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which modules packages of other kernels serve, and what is published for them. */
#include "tests/unit.h"
#include "modfetch/cleanup.h"
#include "tests/packs.h"

#define LIST   ".pack/6.1.0-55-amd64 amd64.list"
#define OTHER  "amd64-6.1.0_55"
#define FINGER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { NIC, NEEDED, CHANGED, UNBOUND };

static const struct made made[] = {
	[NIC] = { "kernel/nic.ko", .imports = { "in=ff", "need=1", "change=2" },
		  .fields = { [PACK_ALIAS] = { "pci:v1*", "nic" } } },
	[NEEDED] = { "kernel/needed.ko", .exports = { "need=1" },
		     .imports = { "in=ff", "change=2" } },
	[CHANGED] = { "kernel/changed.ko", .exports = { "change=2" }, .imports = { "in=ff" } },
	[UNBOUND] = { "kernel/unbound.ko" },
};

/* The kernel 6.1.0-56 with these modules; its configuration has TEXT. */
static struct packs *kernel_with(const char *text)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, made, MF_ARRAY_SIZE(made));

	packs_open(p);
	packs_write(p, "config", text);
	k->parts[PACK_CONFIG] = mf_format("%s/config", p->dir);
	k->vmlinux = calloc(1, sizeof(*k->vmlinux));
	k->vmlinux[0] = (struct pack_symbol){ strdup("in"), 0xff, true, false };
	k->n_vmlinux = 1;
	for (size_t m = 0; m < k->n_modules; m++) {
		k->modules[m].vermagic = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
		k->modules[m].has_versions = k->modules[m].has_btf = true;
		k->modules[m].code[0] = (uint8_t)m;
	}
	assert_int_equal(pack_deps(&p->pack, k), 0);
	return p;
}

#define CONFIG "#\nCONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"

static const char *key_of(const struct packs *p, size_t m)
{
	return p->pack.kernels[0].modules[m].share_key;
}

static void a_key_is_for_what_the_kernel_would_load_from_another_build(void **state)
{
	static const struct {
		const char *config;
		bool with_btf;
	} configs[] = {
		{ CONFIG, true },
		{ "#\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n", false },
		{ "#\n# CONFIG_DEBUG_INFO_BTF_MODULES is not set\n", true },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(configs); i++) {
		struct packs *p = kernel_with(configs[i].config);
		struct pack_module *modules = p->pack.kernels[0].modules;

		modules[NEEDED].has_btf = false;
		modules[CHANGED].has_btf_ids = true;
		assert_int_equal(pack_share_find(&p->pack), 0);
		assert_int_equal(strlen(key_of(p, NIC)), configs[i].with_btf ? 64 : 0);
		assert_int_equal(strlen(key_of(p, NEEDED)), 64);
		assert_string_equal(key_of(p, CHANGED), "");
		assert_string_equal(key_of(p, UNBOUND), "");
		packs_free(p);
	}
}

static void without_modversions_no_module_serves_another_kernel(void **state)
{
	struct packs *p = kernel_with(CONFIG);

	p->pack.kernels[0].modules[NIC].vermagic = "6.1.0-56-amd64 SMP mod_unload ";
	p->pack.kernels[0].modules[NEEDED].has_versions = false;
	p->pack.kernels[0].modules[CHANGED].picked = false;
	assert_int_equal(pack_share_find(&p->pack), 0);
	assert_string_equal(key_of(p, NIC), "");
	assert_string_equal(key_of(p, NEEDED), "");
	assert_string_equal(key_of(p, CHANGED), "");
	packs_free(p);
}

/* The key of NIC after CHANGE. */
static void key_after(void change(struct packs *p), const char *config, char key[MF_SHA256_HEX])
{
	struct packs *p = kernel_with(config);

	if (change)
		change(p);
	assert_int_equal(pack_share_find(&p->pack), 0);
	snprintf(key, MF_SHA256_HEX, "%s", key_of(p, NIC));
	assert_int_equal(strlen(key), 64);
	packs_free(p);
}

static void other_release(struct packs *p)
{
	assert_int_equal(mf_release_parse("6.1.0-57-amd64", NULL, &p->pack.kernels[0].release), 0);
	for (size_t m = 0; m < MF_ARRAY_SIZE(made); m++)
		p->pack.kernels[0].modules[m].vermagic =
			"6.1.0-57-amd64 SMP preempt mod_unload modversions ";
}

static void other_code(struct packs *p)
{
	p->pack.kernels[0].modules[NIC].code[31] = 9;
}

static void other_signer(struct packs *p)
{
	p->pack.kernels[0].modules[NIC].signer[31] = 9;
}

static void other_crc(struct packs *p)
{
	p->pack.kernels[0].modules[NIC].imports[0].crc++;
}

static void other_need(struct packs *p)
{
	p->pack.kernels[0].modules[NIC].needs.n--;
}

static void other_alias(struct packs *p)
{
	p->pack.kernels[0].modules[NIC].fields[PACK_ALIAS][0] = "pci:v2*";
}

static void other_flavor(struct packs *p)
{
	assert_int_equal(mf_release_parse("6.1.0-56-cloud", NULL, &p->pack.kernels[0].release), 0);
}

static void a_key_is_of_code_and_relations_but_not_of_the_abi(void **state)
{
	static void (*const changes[])(struct packs * p) = { other_code, other_crc, other_need,
							     other_alias, other_flavor };
	char key[MF_SHA256_HEX], other[MF_SHA256_HEX];

	key_after(NULL, CONFIG, key);
	key_after(other_release, CONFIG, other);
	assert_string_equal(key, other);
	key_after(other_signer, CONFIG, other);
	assert_string_equal(key, other);
	for (size_t i = 0; i < MF_ARRAY_SIZE(changes); i++) {
		key_after(changes[i], CONFIG, other);
		assert_string_not_equal(key, other);
	}
	/* a kernel that loads nothing of another key */
	key_after(NULL, CONFIG "CONFIG_MODULE_SIG_FORCE=y\n", key);
	key_after(other_signer, CONFIG "CONFIG_MODULE_SIG_FORCE=y\n", other);
	assert_string_not_equal(key, other);
}

/* A pack into a repository with packages of 6.1.0-55 for NIC and NEEDED. */
static struct packs *beside_another(void)
{
	struct packs *keys = kernel_with(CONFIG), *p = kernel_with(CONFIG);
	char list[1024];

	assert_int_equal(pack_share_find(&keys->pack), 0);
	snprintf(list, sizeof(list),
		 "modfetch-pack-state 2\n" FINGER " 4 %s x86_64/nic-kmp-" OTHER
		 "-6.1.0-55.x86_64.rpm\n" FINGER " 4 %s x86_64/needed-kmp-" OTHER
		 "-6.1.0-55.x86_64.rpm\n" FINGER " 4 " FINGER " x86_64/changed-kmp-" OTHER
		 "-6.1.0-55.x86_64.rpm\n",
		 key_of(keys, NIC), key_of(keys, NEEDED));
	packs_free(keys);
	packs_write(p, LIST, list);
	packs_write(p, "x86_64/nic-kmp-" OTHER "-6.1.0-55.x86_64.rpm", "rpm\n");
	packs_write(p, "x86_64/needed-kmp-" OTHER "-6.1.0-55.x86_64.rpm", "rpm\n");
	packs_write(p, "x86_64/changed-kmp-" OTHER "-6.1.0-55.x86_64.rpm", "rpm\n");
	p->options.share = true;
	return p;
}

static void share(struct packs *p)
{
	assert_int_equal(pack_share_find(&p->pack), 0);
	assert_int_equal(pack_kmp_make(&p->pack, p->pack.kernels), 0);
	assert_int_equal(pack_share_make(&p->pack, p->pack.kernels), 0);
}

static void packages_of_another_kernel_serve_where_the_keys_are_equal(void **state)
{
	struct packs *p = beside_another();
	struct pack_module *modules = p->pack.kernels[0].modules;
	struct pack_package *changed, *list;

	share(p);
	assert_int_equal(p->pack.result.shared, 2);
	assert_string_equal(modules[NIC].served_by->name, "nic-kmp-" OTHER);
	assert_null(modules[CHANGED].served_by);
	assert_int_equal(p->pack.n_packages, 3);
	/* the module that both serving packages need by its other name */
	changed = &p->pack.packages[0];
	assert_string_equal(changed->name, "changed-kmp-amd64-6.1.0_56");
	assert_non_null(strstr(changed->relations, "Provides: changed-kmp-" OTHER "\n"));
	assert_null(strstr(p->pack.packages[1].relations, OTHER));
	/* SHA-256 of "rpm\n" begins like this */
	list = &p->pack.packages[2];
	assert_string_equal(list->name, "kernel-shared-driver-amd64-6.1.0_56");
	assert_string_equal(list->relations,
			    "Provides: shared-kmp(nic-kmp-" OTHER ") = 1b940bb6e5563537\n"
			    "Provides: shared-kmp(needed-kmp-" OTHER ") = 1b940bb6e5563537\n");
	assert_int_equal(list->n_files, 0);
	packs_free(p);
}

static void relations_name_the_packages_that_serve(void **state)
{
	struct packs *p = beside_another();
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct pack_list all = { 0 };

	share(p);
	for (size_t m = 0; m < 3; m++)
		assert_int_equal(pack_list_add(&all, m), 0);
	pack_kmp_put_names(p->pack.kernels, "Requires", &all, out);
	fclose(out);
	assert_string_equal(text, "Requires: nic-kmp-" OTHER "\nRequires: needed-kmp-" OTHER
				  "\nRequires: changed-kmp-amd64-6.1.0_56\n");
	pack_list_done(&all);
	packs_free(p);
}

static void nothing_serves_that_is_gone_or_was_not_asked_for(void **state)
{
	struct packs *p = beside_another();
	char path[256];

	snprintf(path, sizeof(path), "%s/x86_64/nic-kmp-" OTHER "-6.1.0-55.x86_64.rpm", p->dir);
	assert_int_equal(unlink(path), 0);
	share(p);
	assert_int_equal(p->pack.result.shared, 1);
	assert_null(p->pack.kernels[0].modules[NIC].served_by);
	packs_free(p);

	p = beside_another();
	p->options.share = false;
	share(p);
	assert_int_equal(p->pack.result.shared, 0);
	assert_int_equal(p->pack.n_packages, 4);
	packs_free(p);
}

static void a_kernel_does_not_serve_itself(void **state)
{
	struct packs *p = beside_another();

	/* its packages are in the list of a kernel that they serve, too */
	assert_int_equal(mf_release_parse("6.1.0-55-amd64", NULL, &p->pack.kernels[0].release), 0);
	packs_write(p, ".pack/6.1.0-57-amd64 amd64.list", "modfetch-pack-state 2\n");
	share(p);
	assert_int_equal(p->pack.result.shared, 0);
	packs_free(p);
}

static void what_serves_stays_as_long_as_it_is_used(void **state)
{
	struct packs *p = beside_another();
	struct mf_strings hrefs = { 0 };
	char path[256];

	share(p);
	for (size_t i = 0; i < p->pack.n_packages; i++) {
		p->pack.packages[i].href = mf_format("x86_64/%s.rpm", p->pack.packages[i].name);
		packs_write(p, p->pack.packages[i].href, "rpm\n");
		p->pack.packages[i].rpm_size = 4;
		pack_package_set_fingerprint(&p->pack.packages[i]);
	}
	assert_int_equal(pack_state_hrefs(&p->pack, &hrefs), 0);
	assert_int_equal(hrefs.n, 6); /* each once */
	mf_strings_done(&hrefs);
	assert_int_equal(pack_state_write(&p->pack), 0);
	/* the other kernel is removed; another run does not pack this one */
	snprintf(path, sizeof(path), "%s/" LIST, p->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mf_release_parse("6.1.0-58-amd64", NULL, &p->pack.kernels[0].release), 0);
	for (size_t i = 0; i < p->pack.n_packages; i++)
		pack_package_done(&p->pack.packages[i]);
	p->pack.n_packages = 0;
	for (size_t m = 0; m < p->pack.kernels[0].n_modules; m++) {
		free(p->pack.kernels[0].modules[m].served_by);
		p->pack.kernels[0].modules[m].served_by = NULL;
	}
	assert_int_equal(pack_state_hrefs(&p->pack, &hrefs), 0);
	assert_int_equal(hrefs.n, 5); /* all but changed-kmp of the other kernel */
	mf_strings_done(&hrefs);
	packs_free(p);
}

static void a_package_that_served_and_was_replaced_is_reported(void **state)
{
	struct packs *p = beside_another();
	struct pack_package *package;
	struct mf_strings hrefs = { 0 };

	/* 6.1.0-56 in this run; nic-kmp of 6.1.0-55 is in its list, as if that served it */
	package = packs_package(p, "nic-kmp-" OTHER, "x86_64");
	package->href = strdup("x86_64/0123/nic-kmp-" OTHER "-6.1.0-55.x86_64.rpm");
	packs_write(p, package->href, "new\n");
	assert_int_equal(pack_state_hrefs(&p->pack, &hrefs), 0);
	assert_int_equal(p->pack.result.problems, 1);
	assert_int_equal(hrefs.n, 3);
	assert_string_equal(hrefs.v[0], package->href);
	mf_strings_done(&hrefs);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_key_is_for_what_the_kernel_would_load_from_another_build),
		UNIT(without_modversions_no_module_serves_another_kernel),
		UNIT(a_key_is_of_code_and_relations_but_not_of_the_abi),
		UNIT(packages_of_another_kernel_serve_where_the_keys_are_equal),
		UNIT(relations_name_the_packages_that_serve),
		UNIT(nothing_serves_that_is_gone_or_was_not_asked_for),
		UNIT(a_kernel_does_not_serve_itself),
		UNIT(what_serves_stays_as_long_as_it_is_used),
		UNIT(a_package_that_served_and_was_replaced_is_reported),
	};

	return UNIT_RUN(tests);
}
