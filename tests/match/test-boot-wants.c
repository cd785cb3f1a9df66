/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the requests by name that user space makes at boot. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/want.h"

static bool has(const struct mf_wants *wants, const char *query)
{
	for (size_t i = 0; i < wants->n; i++)
		if (!strcmp(wants->v[i].query, query))
			return true;
	return false;
}

static void a_machine_without_systemd_asks_for_nothing(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_int_equal(wants.n, 0);
}

static void the_table_applies_if_the_requester_exists(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	/* as on Debian: /lib is a link, which is followed inside the root */
	root_write(r, "usr/lib/systemd/systemd", "");
	root_link(r, "/usr/lib/systemd", "lib/systemd");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_true(has(&wants, "autofs4") && has(&wants, "ip_tables"));
	assert_false(has(&wants, "fuse") || has(&wants, "efivarfs") || has(&wants, "dmi_sysfs"));
	for (size_t i = 0; i < wants.n; i++) {
		assert_int_equal(wants.v[i].kind, MF_WANT_NAME);
		/* blacklists apply */
		assert_true(wants.v[i].device);
	}
	mf_wants_done(&wants);

	root_write(r, "usr/lib/systemd/system/sys-fs-fuse-connections.mount", "");
	root_write(r, "usr/lib/systemd/system/systemd-pstore.service", "");
	root_mkdir(r, "sys/firmware/dmi");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_true(has(&wants, "fuse") && has(&wants, "dmi_sysfs"));
	assert_false(has(&wants, "efivarfs") || has(&wants, "efi_pstore"));
	mf_wants_done(&wants);

	root_mkdir(r, "sys/firmware/efi/efivars");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_true(has(&wants, "efivarfs") && has(&wants, "efi_pstore"));
	mf_wants_done(&wants);
}

static void each_line_of_modules_load_d_is_a_name(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	root_write(
		r, "etc/modules-load.d/a.conf",
		"# a comment\n\n  ; another\n  br_netfilter \t\r\noverlay\noverlay\nbad\x01name\n"
		"last");
	root_write(r, "usr/lib/modules-load.d/b.conf", "fs-xfs\n");
	root_write(r, "etc/modules-load.d/README", "readme\n");
	root_write(r, "etc/modules-load.d/.hidden.conf", "hidden\n");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_true(has(&wants, "br_netfilter") && has(&wants, "overlay") && has(&wants, "last") &&
		    has(&wants, "fs-xfs"));
	assert_int_equal(wants.n, 4);
	mf_wants_done(&wants);
}

static void the_earlier_directory_wins(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	root_write(r, "etc/modules-load.d/a.conf", "ours\n");
	root_write(r, "run/modules-load.d/a.conf", "theirs\n");
	root_write(r, "usr/local/lib/modules-load.d/b.conf", "local\n");
	root_write(r, "usr/lib/modules-load.d/b.conf", "vendor\n");
	root_write(r, "usr/lib/modules-load.d/c.conf", "masked\n");
	root_link(r, "/dev/null", "etc/modules-load.d/c.conf");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_int_equal(wants.n, 2);
	assert_true(has(&wants, "ours") && has(&wants, "local"));
	mf_wants_done(&wants);
}

static void only_files_of_a_sane_size_are_read(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char big[70000];

	memset(big, '\n', sizeof(big));
	memcpy(big, "first", 5);
	root_write_bytes(r, "etc/modules-load.d/big.conf", big, sizeof(big));
	root_mkdir(r, "etc/modules-load.d/directory.conf");
	/* no process writes to the pipe: a read would block for ever */
	assert_int_equal(mkfifoat(r->fd, "etc/modules-load.d/pipe.conf", 0600), 0);
	/* the target does not exist inside the root */
	root_link(r, "/proc/self/environ", "etc/modules-load.d/link.conf");
	root_write(r, "etc/modules-load.d/z.conf", "after\n");
	assert_int_equal(mf_boot_wants(&r->ctx, &wants), 0);
	assert_int_equal(wants.n, 1);
	assert_true(has(&wants, "after"));
	mf_wants_done(&wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_machine_without_systemd_asks_for_nothing),
		ROOTED(the_table_applies_if_the_requester_exists),
		ROOTED(each_line_of_modules_load_d_is_a_name),
		ROOTED(the_earlier_directory_wins),
		ROOTED(only_files_of_a_sane_size_are_read),
	};

	return UNIT_RUN(tests);
}
