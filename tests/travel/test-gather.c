/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a list says of a machine, and what it does not say. Whole machines: tests/road/lists.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/strings.h"
#include "modfetch/travel.h"
#include "modfetch/trie.h"

#define TREE "lib/modules/" KERNEL

static void add_device(const struct root *r, const char *name, const char *modalias)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "sys/devices/%s/modalias", name);
	snprintf(text, sizeof(text), "%s\n", modalias);
	root_write(r, path, text);
}

/* An index with the modules a file for "here", a link for "linked" and nothing for "gone". */
static void make_index(const struct root *r)
{
	static const char *const names[] = { "gone", "here", "linked" };
	struct mf_trie_builder *builder;
	char value[64];
	void *buf;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(value, sizeof(value), "kernel/%s.ko:", names[i]);
		assert_int_equal(mf_trie_builder_add(builder, names[i], value, 0), 0);
	}
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	mf_trie_builder_free(builder);
	root_write_bytes(r, TREE "/modules.dep.bin", buf, len);
	free(buf);
	root_write(r, TREE "/kernel/here.ko", "");
	root_link(r, "here.ko", TREE "/kernel/linked.ko");
}

static void make_alias_index(const struct root *r)
{
	struct mf_trie_builder *builder;
	void *buf;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, "pci:here*", "here", 0), 0);
	assert_int_equal(mf_trie_builder_add(builder, "pci:gone*", "gone", 0), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	mf_trie_builder_free(builder);
	root_write_bytes(r, TREE "/modules.alias.bin", buf, len);
	free(buf);
}

static void devices_are_distinguished_by_the_files_on_disk(void **state)
{
	struct root *r = *state;
	struct mf_list list = { 0 };

	make_index(r);
	make_alias_index(r);
	add_device(r, "a", "pci:here1");
	add_device(r, "b", "pci:gone1");
	add_device(r, "c", "pci:other");
	add_device(r, "d", "pci:other");
	assert_int_equal(mf_list_gather(&r->ctx, &(struct mf_gather){ 0 }, &list), 0);
	assert_string_equal(list.kernel, KERNEL);
	assert_int_equal(list.lines[MF_LIST_PRESENT].n, 1);
	assert_string_equal(list.lines[MF_LIST_PRESENT].v[0], "here");
	assert_int_equal(list.lines[MF_LIST_DEVICE].n, 1);
	assert_string_equal(list.lines[MF_LIST_DEVICE].v[0], "pci:here1");
	assert_int_equal(list.lines[MF_LIST_MISSING].n, 2);
	assert_string_equal(list.lines[MF_LIST_MISSING].v[0], "pci:gone1");
	assert_string_equal(list.lines[MF_LIST_MISSING].v[1], "pci:other");
	mf_list_done(&list);
	assert_int_equal(
		mf_list_gather(&r->ctx, &(struct mf_gather){ .missing_only = true }, &list), 0);
	assert_int_equal(list.lines[MF_LIST_DEVICE].n, 0);
	assert_int_equal(list.lines[MF_LIST_MISSING].n, 2);
	mf_list_done(&list);
}

static void a_modalias_out_of_bounds_is_left_out(void **state)
{
	struct root *r = *state;
	struct mf_list list = { 0 };

	add_device(r, "a", "pci:[");
	add_device(r, "b", "pci:good");
	assert_int_equal(mf_list_gather(&r->ctx, &(struct mf_gather){ 0 }, &list), 0);
	assert_int_equal(list.lines[MF_LIST_MISSING].n, 1);
	mf_list_done(&list);
}

static void firmware_is_listed_with_links_that_lead_to_files(void **state)
{
	struct root *r = *state;
	struct mf_list list = { 0 };

	root_write(r, "lib/firmware/a/b.fw", "");
	root_link(r, "a/b.fw", "lib/firmware/link.fw");
	root_link(r, "nowhere", "lib/firmware/dead.fw");
	root_link(r, "..", "lib/firmware/up");
	assert_int_equal(mf_list_gather(&r->ctx, &(struct mf_gather){ 0 }, &list), 0);
	assert_int_equal(list.lines[MF_LIST_FIRMWARE].n, 2);
	assert_string_equal(list.lines[MF_LIST_FIRMWARE].v[0], "a/b.fw");
	assert_string_equal(list.lines[MF_LIST_FIRMWARE].v[1], "link.fw");
	mf_list_done(&list);
}

static void exports_come_only_if_asked_for(void **state)
{
	struct root *r = *state;
	struct mf_list list = { 0 };

	root_write(r, TREE "/symvers",
		   "0x00001a2b\tfoo\tvmlinux\tEXPORT_SYMBOL\t\n"
		   "0x00001a2c\tbar\tkernel/absent\tEXPORT_SYMBOL\t\n");
	assert_int_equal(mf_list_gather(&r->ctx, &(struct mf_gather){ 0 }, &list), 0);
	assert_int_equal(list.lines[MF_LIST_EXPORT].n, 0);
	mf_list_done(&list);
	assert_int_equal(mf_list_gather(&r->ctx, &(struct mf_gather){ .exports = true }, &list), 0);
	assert_int_equal(list.lines[MF_LIST_EXPORT].n, 1);
	assert_string_equal(list.lines[MF_LIST_EXPORT].v[0], "1a2b foo vmlinux");
	mf_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(devices_are_distinguished_by_the_files_on_disk),
		ROOTED(a_modalias_out_of_bounds_is_left_out),
		ROOTED(firmware_is_listed_with_links_that_lead_to_files),
		ROOTED(exports_come_only_if_asked_for),
	};

	return UNIT_RUN(tests);
}
