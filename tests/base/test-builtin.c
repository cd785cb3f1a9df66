/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The built-in modules of a kernel, from its text files; the oracle is depmod's index of them. */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "tests/root.h"
#include "tests/trees.h"

struct seen {
	char text[256];
	size_t n;
};

static int see(void *arg, const char *module)
{
	struct seen *seen = arg;

	seen->n++;
	snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%s ",
		 module);
	return 0;
}

static void check(const struct mf_builtins *b, const char *name, const char *want)
{
	struct seen seen = { 0 };

	assert_int_equal(mf_builtins_lookup(b, name, see, &seen), 0);
	assert_string_equal(seen.text, want);
}

static int read_both(const struct root *r, struct mf_builtins *b)
{
	_cleanup_close_ int fd = mf_context_open(&r->ctx, ".", O_PATH | O_DIRECTORY);
	int ret = mf_builtins_read_names(fd, b);

	return ret ? ret : mf_builtins_read_aliases(fd, b);
}

static void a_name_comes_before_an_alias(void **state)
{
	struct root *r = *state;
	static const char modinfo[] = "ext4.alias=fs-ext4\0ext4.license=GPL\0"
				      "crc32c-generic.alias=crypto-crc32c\0"
				      "other.alias=ext4\0rtc_cmos.alias=pnp:dPNP0b0[0-2]*\0"
				      "usbcore.alias=usb:*\0ehci_hcd.alias=usb:*ic09*";
	struct mf_builtins b = { 0 };

	root_write(r, "modules.builtin",
		   "kernel/fs/ext4/ext4.ko\r\nkernel/crypto/crc32c-generic.ko.xz\n\nplain\n");
	root_write_bytes(r, "modules.builtin.modinfo", modinfo, sizeof(modinfo) - 1);
	assert_int_equal(read_both(r, &b), 0);
	assert_int_equal(b.names.n, 3);
	check(&b, "ext4", "ext4 ");
	check(&b, "plain", "plain ");
	check(&b, "fs_ext4", "ext4 ");
	check(&b, "crypto_crc32c", "crc32c_generic ");
	check(&b, "pnp:dPNP0b01", "rtc_cmos ");
	check(&b, "pnp:dPNP0b03", "");
	check(&b, "usb:v1ic09", "usbcore ehci_hcd ");
	check(&b, "GPL", "");
	mf_builtins_done(&b);
}

static void what_is_missing_or_no_name_has_nothing_in_it(void **state)
{
	struct root *r = *state;
	static const char modinfo[] = ".alias=a\0x.alias=\0no-dot\0x.alias=open[\0x.alias=]\0"
				      "two words.alias=b\0\0x.alias=good";
	struct mf_builtins b = { 0 };

	assert_int_equal(read_both(r, &b), 0);
	assert_int_equal(b.names.n + b.patterns.n, 0);
	root_write(r, "modules.builtin", "kernel/\nkernel/two words.ko\n\x01\n");
	root_write_bytes(r, "modules.builtin.modinfo", modinfo, sizeof(modinfo) - 1);
	assert_int_equal(read_both(r, &b), 0);
	assert_int_equal(b.names.n, 0);
	assert_int_equal(b.patterns.n, 1);
	assert_int_equal(b.modules.n, 1);
	check(&b, "good", "x ");
	mf_builtins_done(&b);
}

static void a_visitor_ends_it(void **state)
{
	struct root *r = *state;
	static const char modinfo[] = "a.alias=x*\0b.alias=x*";
	struct mf_builtins b = { 0 };
	struct seen seen = { 0 };

	root_write_bytes(r, "modules.builtin.modinfo", modinfo, sizeof(modinfo));
	assert_int_equal(read_both(r, &b), 0);
	assert_int_equal(mf_builtins_lookup(&b, "xy", see, &seen), 0);
	assert_int_equal(seen.n, 2);
	mf_builtins_done(&b);
}

/* Every name and every alias of a real kernel that kmod has. */
static void a_real_kernels_are_all_there(void **state)
{
	char path[600];
	_cleanup_close_ int fd = -1;
	struct mf_builtins b = { 0 };

	snprintf(path, sizeof(path), "%s", tree_of("default"));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(mf_builtins_read_names(fd, &b), 0);
	assert_int_equal(mf_builtins_read_aliases(fd, &b), 0);
	assert_true(b.names.n > 100 && b.patterns.n > 20);
	assert_int_equal(b.patterns.n, b.modules.n);
	check(&b, "crc32c_generic", "");
	check(&b, "ext4", "");
	for (size_t i = 0; i < b.modules.n; i++)
		assert_true(mf_strings_has(&b.names, b.modules.v[i]) || *b.modules.v[i]);
	mf_builtins_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_name_comes_before_an_alias),
		ROOTED(what_is_missing_or_no_name_has_nothing_in_it),
		ROOTED(a_visitor_ends_it),
		ROOTED(a_real_kernels_are_all_there),
	};

	return UNIT_RUN(tests);
}
