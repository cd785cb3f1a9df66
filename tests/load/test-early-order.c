/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which modules can be loaded before they are installed, and in which order. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/libkmod.h"
#include "modfetch/trie.h"
#include "src/load/early-order.h"

#define MODULES 4

/* A module in memory: its name, and its fields depends and softdep. NULL: it has none. */
struct module {
	const char *name, *depends, *softdep;
};

struct row {
	const char *why;
	struct module modules[MODULES]; /* the packages of the plan */
	const char *wanted;		/* modules that match, with blanks */
	const char *conf;		/* of modprobe.d */
	const char *order;		/* with blanks; NULL: they cannot be loaded early */
	const char *needs;
};

static const struct row rows[] = {
	{ .why = "one", .modules = { { "card" } }, .wanted = "card", .order = "card" },
	{ .why = "dependencies come first, each once",
	  .modules = { { "card", "clock,bus" },
		       { "clock", "pulse" },
		       { "bus", "pulse" },
		       { "pulse" } },
	  .wanted = "card",
	  .order = "pulse clock bus card" },
	{ .why = "one that is on disk",
	  .modules = { { "card", "on-disk" } },
	  .wanted = "card",
	  .order = "card",
	  .needs = "on_disk" },
	{ .why = "a dependency that is nowhere",
	  .modules = { { "card", "nowhere" } },
	  .wanted = "card" },
	{ .why = "a module that nothing needs",
	  .modules = { { "card" }, { "requested" } },
	  .wanted = "card" },
	{ .why = "two devices",
	  .modules = { { "card", "bus" }, { "disk", "bus" }, { "bus", "" } },
	  .wanted = "card disk",
	  .order = "bus card disk" },
	{ .why = "no module is wanted", .modules = { { "card" } }, .wanted = "other" },
	{ .why = "a cycle", .modules = { { "a", "b" }, { "b", "a" } }, .wanted = "a" },
	{ .why = "a softdep of its own",
	  .modules = { { "card", NULL, "pre: phy" } },
	  .wanted = "card" },
	{ .why = "a softdep of a dependency",
	  .modules = { { "card", "bus" }, { "bus", NULL, "post: phy" } },
	  .wanted = "card" },
	{ .why = "a softdep of the admin",
	  .modules = { { "card" } },
	  .wanted = "card",
	  .conf = "softdep card pre: phy\n" },
	{ .why = "an install line",
	  .modules = { { "card", "bus" }, { "bus" } },
	  .wanted = "card",
	  .conf = "install bus /bin/true\n" },
	{ .why = "lines for others",
	  .modules = { { "card" } },
	  .wanted = "card",
	  .conf = "softdep cards pre: phy\ninstall car /bin/true\noptions card debug=1\n",
	  .order = "card" },
};

static void put_module(struct root *r, const char *name)
{
	struct mf_trie_builder *builder;
	char path[128], line[128];
	void *bytes;
	size_t len;

	snprintf(path, sizeof(path), "lib/modules/" KERNEL "/kernel/%s.ko", name);
	root_write(r, path, "x");
	snprintf(line, sizeof(line), "kernel/%s.ko:", name);
	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, name, line, 0), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &bytes, &len), 0);
	root_write_bytes(r, "lib/modules/" KERNEL "/modules.dep.bin", bytes, len);
	free(bytes);
	mf_trie_builder_free(builder);
}

struct memory {
	char paths[MODULES][64];
	struct mf_modinfo_field fields[MODULES][2];
	struct mf_modinfo infos[MODULES];
	struct mf_load_image images[MODULES];
	size_t n;
};

static void make_images(const struct row *row, struct memory *m)
{
	for (; m->n < MODULES && row->modules[m->n].name; m->n++) {
		const struct module *module = &row->modules[m->n];
		struct mf_modinfo_field *fields = m->fields[m->n];
		size_t n = 0;

		if (module->depends)
			fields[n++] = (struct mf_modinfo_field){ "depends", module->depends };
		if (module->softdep)
			fields[n++] = (struct mf_modinfo_field){ "softdep", module->softdep };
		snprintf(m->paths[m->n], sizeof(m->paths[0]), "kernel/%s.ko.xz", module->name);
		m->infos[m->n] = (struct mf_modinfo){ .fields = fields, .n_fields = n };
		m->images[m->n] = (struct mf_load_image){ m->paths[m->n], NULL, &m->infos[m->n] };
	}
}

/* A want for each module, with a device of its name. */
static size_t make_wants(struct root *r, const char *modules, struct mf_want *wants)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	assert_int_equal(mf_strings_split(&names, modules), 0);
	for (size_t i = 0; i < names.n; i++) {
		struct mf_match *match;

		assert_int_equal(mf_want_init(&r->ctx, "pci:v1", names.v[i], &wants[i]), 0);
		match = mf_want_add(&wants[i], names.v[i], NULL);
		assert_non_null(match);
		assert_int_equal(mf_strings_add(&match->packages, "a-package"), 0);
	}
	return names.n;
}

static void expect_row(struct root *r, const struct row *row)
{
	_cleanup_(early_order_done) struct early_order order = { 0 };
	struct mf_want wants[MODULES];
	struct memory m = { .n = 0 };
	size_t n = make_wants(r, row->wanted, wants);
	struct mf_kmod *kmod;
	char text[256] = "";
	int result;

	root_write(r, "etc/modprobe.d/x.conf", row->conf ? row->conf : "");
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	make_images(row, &m);
	result = early_order_make(kmod, wants, n, m.images, m.n, &order);
	if (result != (row->order ? 0 : 1))
		fail_msg("%s: %d", row->why, result);
	for (size_t i = 0; row->order && i < order.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 row->modules[order.v[i].image].name);
	if (row->order)
		assert_string_equal(text, row->order);
	assert_int_equal(row->order ? order.needs.n : 0, row->needs ? 1 : 0);
	if (row->needs)
		assert_string_equal(order.needs.v[0], row->needs);
	mf_kmod_free(kmod);
	while (n)
		mf_want_done(&wants[--n]);
}

static void all_modules_have_a_place_or_none_is_loaded(void **state)
{
	put_module(*state, "on_disk");
	for (size_t i = 0; i < MF_ARRAY_SIZE(rows); i++)
		expect_row(*state, &rows[i]);
}

/* What policy or a blacklist refuses is in memory because something else needs it: it is not loaded for the device. */
static void what_is_refused_is_not_wanted(void **state)
{
	const struct row row = { .modules = { { "card" } } };
	_cleanup_(early_order_done) struct early_order order = { 0 };
	struct root *r = *state;
	struct memory m = { .n = 0 };
	struct mf_want want;
	struct mf_kmod *kmod;

	make_images(&row, &m);
	assert_int_equal(make_wants(r, "card", &want), 1);
	want.matches[0].refused = strdup("by a blacklist");
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(early_order_make(kmod, &want, 1, m.images, m.n, &order), 1);
	mf_kmod_free(kmod);
	mf_want_done(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(all_modules_have_a_place_or_none_is_loaded),
		ROOTED(what_is_refused_is_not_wanted),
	};

	return UNIT_RUN(tests);
}
