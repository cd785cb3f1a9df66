/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The modules for the devices of lists. Whole repositories: tests/road/lists.py. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/e1000e.ko",
	  .fields = { [PACK_ALIAS] = { "pci:v00008086d000010D3sv*sd*bc*sc*i*" } } },
	{ "kernel/snd-hda-intel.ko",
	  .fields = { [PACK_ALIAS] = { "pci:v00008086d00002668sv*sd*bc*sc*i*" } } },
	{ "kernel/xfs.ko", .fields = { [PACK_ALIAS] = { "fs-xfs" } } },
};

enum { NIC, SOUND, XFS, N_MADE };

struct fixture {
	struct packs *p;
	struct pack_kernel *kernel;
	struct mf_lists lists;
	struct mf_list list[2];
	struct mf_pack_options options;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .p = packs_new() };
	f->kernel = packs_kernel(f->p, made, N_MADE);
	f->lists = (struct mf_lists){ f->list, 2 };
	f->options = *f->p->pack.options;
	f->options.subset = &f->lists;
	f->p->pack.options = &f->options;
}

static void fixture_done(struct fixture *f)
{
	for (size_t i = 0; i < 2; i++)
		mf_list_done(&f->list[i]);
	packs_free(f->p);
}

static void want(struct fixture *f, size_t list, enum mf_list_kind kind, const char *value)
{
	assert_int_equal(mf_strings_add(&f->list[list].lines[kind], value), 0);
}

/* The picked modules as bits. */
static unsigned int picked(struct fixture *f)
{
	struct pack_list named = { 0 };
	unsigned int bits = 0;

	assert_int_equal(pack_subset_pick(&f->p->pack, f->kernel, &named), 0);
	for (size_t i = 0; i < named.n; i++)
		bits |= 1U << named.v[i];
	pack_list_done(&named);
	return bits;
}

static void devices_and_names_of_all_lists_count(void **state)
{
	struct fixture f;

	fixture_init(&f);
	want(&f, 0, MF_LIST_MISSING, "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00");
	want(&f, 0, MF_LIST_DEVICE, "pci:v0000FFFFd0000FFFFsv00000000sd00000000bcFFscFFiFF");
	want(&f, 0, MF_LIST_PRESENT, "snd_hda_intel");
	assert_int_equal(picked(&f), 1U << NIC);
	want(&f, 1, MF_LIST_NAME, "xfs");
	assert_int_equal(picked(&f), 1U << NIC | 1U << XFS);
	fixture_done(&f);
}

static void the_ids_of_a_device_count(void **state)
{
	struct fixture f;

	fixture_init(&f);
	want(&f, 0, MF_LIST_NAME, "pci:v00008086d00002668*");
	assert_int_equal(picked(&f), 1U << SOUND);
	fixture_done(&f);
}

static void lists_for_no_module_of_the_tree_are_refused(void **state)
{
	struct pack_list named = { 0 };
	struct fixture f;

	fixture_init(&f);
	want(&f, 0, MF_LIST_NAME, "no_such_module");
	assert_int_equal(pack_subset_pick(&f.p->pack, f.kernel, &named), -MFE_NOT_FOUND);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(devices_and_names_of_all_lists_count),
		UNIT(the_ids_of_a_device_count),
		UNIT(lists_for_no_module_of_the_tree_are_refused),
	};

	return UNIT_RUN(tests);
}
