/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of Debian packages, from the text files of dpkg. */
#include "tests/unit.h"
#include "tests/inspect/ownership.h"

#define INFO "var/lib/dpkg/info/"
#define MD5  "00112233445566778899aabbccddeeff"

static void lists_and_digests_are_read(void **state)
{
	struct root *r = *state;
	struct ownership o = { 0 };
	struct owned *file;

	root_write(r, INFO "image.list",
		   "/.\n/lib/modules\n/lib/modules/5/kernel/a.ko\n/usr/lib/modules/5/kernel/b.ko\n"
		   "/boot/vmlinuz-5\n/lib/modules/5/modules.order\n");
	root_write(r, INFO "image.md5sums",
		   MD5 "  lib/modules/5/kernel/a.ko\nshort  lib/modules/5/kernel/b.ko\n" MD5
		       "  usr/share/doc/x\n");
	root_write(r, INFO "other:amd64.list", "/usr/lib/modules/6/c.ko");
	root_write(r, INFO "nothing.list", "/usr/bin/x\n");
	root_write(r, INFO "image.postinst", "/lib/modules/5/kernel/z.ko\n");
	assert_int_equal(owned_read_dpkg(&r->ctx, &o), 0);
	file = assert_owner(&o, "lib/modules/5/kernel/a.ko", "image");
	assert_true(file->has_md5);
	assert_true(file->md5[0] == 0 && file->md5[1] == 0x11 && file->md5[15] == 0xff);
	assert_int_equal(file->owner->kind, MF_OWNER_DPKG);
	assert_int_equal(file->owner->modules, 2);
	assert_false(assert_owner(&o, "lib/modules/5/kernel/b.ko", "image")->has_md5);
	assert_owner(&o, "lib/modules/5/modules.order", "image");
	assert_owner(&o, "lib/modules/6/c.ko", "other:amd64");
	assert_owner(&o, "lib/modules/5/kernel/z.ko", NULL);
	assert_owner(&o, "boot/vmlinuz-5", NULL);
	owned_done(&o);
}

static void a_diverted_file_has_no_digest(void **state)
{
	struct root *r = *state;
	struct ownership o = { 0 };

	root_write(r, INFO "image.list", "/lib/modules/5/a.ko\n");
	root_write(r, INFO "image.md5sums", MD5 "  lib/modules/5/a.ko\n");
	root_write(
		r, "var/lib/dpkg/diversions",
		"/bin/x\n/bin/x.real\nother\n/lib/modules/5/a.ko\n/lib/modules/5/a.ko.real\nnv\n");
	assert_int_equal(owned_read_dpkg(&r->ctx, &o), 0);
	assert_false(assert_owner(&o, "lib/modules/5/a.ko", "image")->has_md5);
	assert_int_equal(o.diverted.n, 1);
	owned_done(&o);
}

static void without_dpkg_nobody_owns_a_file(void **state)
{
	struct root *r = *state;
	struct ownership o = { 0 };

	assert_int_equal(owned_read_dpkg(&r->ctx, &o), 0);
	assert_int_equal(o.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(lists_and_digests_are_read),
		ROOTED(a_diverted_file_has_no_digest),
		ROOTED(without_dpkg_nobody_owns_a_file),
	};

	return UNIT_RUN(tests);
}
