/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three sources of a real kernel's exports agree, and the cache is used only while they do. */
#include "tests/unit.h"
#include "src/fit/exports.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "tests/shell.h"
#include "tests/trees.h"

struct machine {
	struct mf_context ctx;
	char *scratch, kver[128], tree[400], base[400];
	struct fit_index index;
};

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	_cleanup_free_ char *path = NULL;

	snprintf(m->tree, sizeof(m->tree), "%s", tree_of("default"));
	snprintf(m->base, sizeof(m->base), "%.*s",
		 (int)(strstr(m->tree, "/lib/modules/") - m->tree), m->tree);
	m->scratch = enter_scratch();
	snprintf(m->kver, sizeof(m->kver), "%s", strrchr(m->tree, '/') + 1);
	/* enough modules to know most of what modules import */
	run("k=%s t=%s; mkdir -p root/lib/modules/$k/kernel root/boot && "
	    "cp -r $t/kernel/net $t/kernel/lib root/lib/modules/$k/kernel/ && depmod -b root $k",
	    m->kver, m->tree);
	assert_int_equal(mf_context_init(&m->ctx, "root", m->kver), 0);
	path = mf_kernel_path(m->kver, NULL);
	assert_int_equal(fit_index_init(&m->index, &m->ctx, path), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	fit_index_done(&m->index);
	mf_context_done(&m->ctx);
	*state = m->scratch;
	free(m);
	return remove_scratch(state);
}

#define EXPORTS(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void add_image(const struct machine *m)
{
	run("cp %s/boot/vmlinuz-%s root/boot/", m->base, m->kver);
}

static void add_symvers(const struct machine *m)
{
	run("mkdir -p root/usr/src/linux-headers-%s && "
	    "cp %s/usr/src/linux-headers-%s/Module.symvers root/usr/src/linux-headers-%s/",
	    m->kver, m->base, m->kver, m->kver);
}

static void the_image_says_what_symvers_says(void **state)
{
	struct machine *m = *state;
	_cleanup_(fit_exports_done) struct fit_exports symvers = { 0 }, image = { 0 };
	size_t vmlinux = 0;

	assert_int_equal(fit_exports_symvers(&m->ctx, m->kver, &symvers), 1);
	add_symvers(m);
	add_image(m);
	assert_int_equal(fit_exports_symvers(&m->ctx, m->kver, &symvers), 0);
	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &image), 0);
	assert_true(symvers.complete && image.complete);
	for (size_t i = 0; i <= symvers.by_name.mask; i++) {
		const struct mf_table_slot *slot = &symvers.by_name.slots[i];
		const struct fit_export *a = slot->key ? &symvers.v[slot->value] : NULL, *b;

		if (!a || a->module)
			continue;
		b = fit_exports_get(&image, slot->key);
		assert_non_null(b);
		assert_int_equal(a->crc, b->crc);
		assert_int_equal(a->gpl_only, b->gpl_only);
		assert_string_equal(a->ns, b->ns);
		vmlinux++;
	}
	assert_true(vmlinux > 9000);
	assert_int_equal(image.n, vmlinux);
}

static void without_an_image_the_modules_say_what_they_import(void **state)
{
	struct machine *m = *state;
	_cleanup_(fit_exports_done) struct fit_exports symvers = { 0 }, modules = { 0 };
	size_t n = 0;

	add_symvers(m);
	assert_int_equal(fit_exports_symvers(&m->ctx, m->kver, &symvers), 0);
	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &modules), 0);
	assert_false(modules.complete);
	for (size_t i = 0; i <= modules.by_name.mask; i++) {
		const struct mf_table_slot *slot = &modules.by_name.slots[i];
		const struct fit_export *a, *b = slot->key ? &modules.v[slot->value] : NULL;

		if (!b)
			continue;
		a = fit_exports_get(&symvers, slot->key);
		assert_non_null(a);
		assert_true(b->has_crc);
		assert_int_equal(a->crc, b->crc);
		n++;
	}
	assert_true(n > 1000);
	assert_null(fit_exports_get(&modules, "no_such_symbol"));
}

static void system_map_completes_the_names(void **state)
{
	struct machine *m = *state;
	_cleanup_(fit_exports_done) struct fit_exports exports = { 0 };
	const struct fit_export *e;

	run("printf 'ffffffff81000000 T _text\\nffffffff82462390 r __ksymtab_only_in_map\\n' "
	    ">root/boot/System.map-%s",
	    m->kver);
	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &exports), 0);
	assert_true(exports.complete);
	e = fit_exports_get(&exports, "only_in_map");
	assert_non_null(e);
	assert_false(e->has_crc);
	e = fit_exports_get(&exports, "module_layout");
	assert_true(e && e->has_crc);
}

/* Puts one symbol more into the cache: it is seen if the cache is read. */
static bool cache_is_used(struct machine *m)
{
	_cleanup_(fit_exports_done) struct fit_exports exports = { 0 };

	run("sed -i '/planted/d; 3i 0x00000007\\tplanted\\tvmlinux\\tEXPORT_SYMBOL\\t' "
	    "root/var/cache/modfetch/.exports/%s",
	    m->kver);
	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &exports), 0);
	assert_true(fit_exports_get(&exports, "module_layout") != NULL);
	return fit_exports_get(&exports, "planted");
}

static void the_cache_is_of_the_same_files(void **state)
{
	struct machine *m = *state;
	_cleanup_(fit_exports_done) struct fit_exports first = { 0 }, again = { 0 };

	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &first), 0);
	assert_true(cache_is_used(m));
	/* a module came */
	run("touch -d '1 hour ago' root/lib/modules/*/modules.dep");
	assert_false(cache_is_used(m));
	assert_true(cache_is_used(m));
	/* an image came: then the modules do not matter */
	add_image(m);
	assert_false(cache_is_used(m));
	run("touch -d '2 hours ago' root/lib/modules/*/modules.dep");
	assert_true(cache_is_used(m));
	run("touch -d '1 hour ago' root/boot/vmlinuz-*");
	assert_false(cache_is_used(m));
	/* the end is missing */
	run("sed -i '$d' root/var/cache/modfetch/.exports/*");
	assert_int_equal(fit_exports_other(&m->ctx, m->kver, &m->index, false, &again), 0);
	assert_true(again.n > 9000);
}

static void a_line_of_another_form_is_skipped(void **state)
{
	struct machine *m = *state;
	_cleanup_(fit_exports_done) struct fit_exports exports = { 0 };

	run("mkdir -p root/usr/src/linux-headers-%s && printf '%%s\\n' nonsense "
	    "'0x1\tno_module' '1\tb\tvmlinux\tEXPORT_SYMBOL\t' "
	    "'0x00000005\tbefore\tvmlinux\tEXPORT_SYMBOL' "
	    "'0x00000006\tnew\tdrivers/a-b\tEXPORT_SYMBOL_GPL\tSPACE' "
	    "'0x00000009\tnew\tdrivers/c\tEXPORT_SYMBOL\t' "
	    ">root/usr/src/linux-headers-%s/Module.symvers",
	    m->kver, m->kver);
	assert_int_equal(fit_exports_symvers(&m->ctx, m->kver, &exports), 0);
	assert_int_equal(exports.n, 2);
	assert_int_equal(fit_exports_get(&exports, "before")->crc, 5);
	assert_null(fit_exports_get(&exports, "before")->module);
	assert_int_equal(fit_exports_get(&exports, "new")->crc, 6);
	assert_string_equal(fit_exports_get(&exports, "new")->module, "a_b");
	assert_string_equal(fit_exports_get(&exports, "new")->ns, "SPACE");
	assert_true(fit_exports_get(&exports, "new")->gpl_only);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPORTS(the_image_says_what_symvers_says),
		EXPORTS(without_an_image_the_modules_say_what_they_import),
		EXPORTS(system_map_completes_the_names),
		EXPORTS(the_cache_is_of_the_same_files),
		EXPORTS(a_line_of_another_form_is_skipped),
	};

	return UNIT_RUN(tests);
}
