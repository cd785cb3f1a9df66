/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of installed rpms. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"
#include "modfetch/rpm.h"
#include "tests/inspect/ownership.h"

static void the_files_of_a_package_have_its_digests(void **state)
{
	struct machine *m = installed(state);
	struct ownership o = { 0 };
	struct owned *file;

	assert_int_equal(owned_read_rpm(&m->root.ctx, &o), 0);
	file = assert_owner(&o, m->module, "sound-kmp-1-1.x86_64");
	assert_int_equal(file->checksum.len, MF_SHA256_LEN);
	assert_int_equal(file->mode, S_IFREG | 0644);
	assert_int_equal(file->owner->kind, MF_OWNER_RPM);
	assert_string_equal(file->owner->name, "sound-kmp");
	assert_ptr_equal(assert_owner(&o, m->firmware, "sound-kmp-1-1.x86_64")->owner, file->owner);
	assert_int_equal(file->owner->modules, 1);
	owned_done(&o);
}

/* Installs a package called NAME with a file for the kernel 5.0-1.x86_64. */
static void install_as(struct machine *m, const char *name)
{
	char directory[] = "/tmp/modfetch-rpms.XXXXXX";
	const struct rpm_spec spec = { .name = name,
				       .version = "1",
				       .files = "/lib/modules/5.0-1.x86_64/extra/x.ko" };
	struct mf_rpm_install install = { .nevra = name };

	assert_non_null(mkdtemp(directory));
	install.fd = rpm_build(directory, &spec);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	assert_int_equal(mf_rpm_transaction(&m->root.ctx, &install, 1, NULL), 0);
	close(install.fd);
}

static void akmods_puts_the_release_into_the_name(void **state)
{
	static const struct {
		const char *name;
		enum mf_owner owner;
	} cases[] = {
		{ "kmod-nv-5.0-1.x86_64", MF_OWNER_AKMODS },
		{ "kmod-nv-340xx-5.0-1", MF_OWNER_AKMODS },
		{ "kmod-nv", MF_OWNER_RPM },
		{ "kmod-nv-5.0", MF_OWNER_RPM },
		{ "nv-5.0-1.x86_64", MF_OWNER_RPM },
	};
	struct machine *m = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct ownership o = { 0 };

		install_as(m, cases[i].name);
		assert_int_equal(owned_read_rpm(&m->root.ctx, &o), 0);
		assert_int_equal(owned_find(&o, "lib/modules/5.0-1.x86_64/extra/x.ko")->owner->kind,
				 cases[i].owner);
		owned_done(&o);
		assert_int_equal(mf_tree_remove(m->root.fd, "var/lib/rpm"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(the_files_of_a_package_have_its_digests),
		MACHINE(akmods_puts_the_release_into_the_name),
	};

	return UNIT_RUN(tests);
}
