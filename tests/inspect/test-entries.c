/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files are checked: links, linked directories, and directories outside of the tree. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void a_link_is_judged_by_what_it_leads_to(void **state)
{
	static const struct {
		const char *file; /* below the root; a leading '+' makes it a valid module */
		const char *target;
		int code; /* 0: no finding */
	} cases[] = {
		/* as weak-modules makes them */
		{ "+lib/modules/6.1.0-other/extra/x.ko", "/lib/modules/6.1.0-other/extra/x.ko", 0 },
		{ "+lib/modules/6.1.0-other/extra/x.ko", "../../6.1.0-other/extra/x.ko", 0 },
		{ "lib/modules/6.1.0-other/extra/x.ko", "../../6.1.0-other/extra/x.ko",
		  -MFE_BAD_MODULE },
		{ "+opt/x.ko", "/opt/x.ko", -MFE_FORBIDDEN_FILE },
		{ "opt/x.ko", "/opt/x.ko", -MFE_BAD_MODULE },
		{ "+lib/firmware/x.bin", "../../../firmware/x.bin", -MFE_FORBIDDEN_FILE },
		{ "+lib/modules/6.1.0-other/vmlinuz-x", "../../6.1.0-other/vmlinuz-x",
		  -MFE_FORBIDDEN_FILE },
		{ "opt/x", "/nowhere.ko", -MFE_DEAD_LINK },
		{ "opt/x", "/var/empty", 0 },
	};
	struct machine *m = installed(state);
	char link[300];

	snprintf(link, sizeof(link), "lib/modules/%s/weak-updates", m->kver);
	root_mkdir(&m->root, link);
	root_mkdir(&m->root, "var/empty");
	strcat(link, "/x.ko");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		bool sound = *cases[i].file == '+', leads = strcmp(cases[i].file, "opt/x");

		if (sound)
			copy_module(m, cases[i].file + 1);
		else
			root_write(&m->root, cases[i].file, "not an ELF file");
		index_all(m);
		root_link(&m->root, cases[i].target, link);
		if (!cases[i].code && leads)
			assert_found(m, link, -MFE_BAD_INDEX, false);
		index_all(m);
		if (cases[i].code)
			assert_found(m, link, cases[i].code, false);
		else
			assert_nothing(m, leads ? 2 : 1);
		assert_int_equal(unlinkat(m->root.fd, link, 0), 0);
	}
	/* a second name in the same tree: the file is judged at its own path */
	root_link(&m->root, "../updates/soundcore.ko", link);
	index_all(m);
	assert_nothing(m, 1);
}

static void what_lies_below_a_linked_directory_or_outside_is_judged(void **state)
{
	struct machine *m = installed(state);
	char link[300], module[320];

	snprintf(link, sizeof(link), "lib/modules/%s/more", m->kver);
	snprintf(module, sizeof(module), "%s/x.ko", link);
	root_mkdir(&m->root, "opt/modules");
	root_link(&m->root, "/opt/modules", link);
	copy_module(m, "opt/modules/x.ko");
	index_all(m);
	assert_found(m, module, -MFE_FORBIDDEN_FILE, false);
	root_write(&m->root, "opt/modules/x.ko", "not an ELF file");
	assert_found(m, module, -MFE_BAD_MODULE, false);
	assert_int_equal(unlinkat(m->root.fd, "opt/modules/x.ko", 0), 0);
	assert_found(m, module, -MFE_BAD_INDEX, false);
	/* a directory that an admin names as "external" */
	assert_int_equal(unlinkat(m->root.fd, link, 0), 0);
	root_write(&m->root, "opt/modules/x.ko", "not an ELF file");
	root_write(&m->root, "etc/depmod.d/x.conf", "external * /opt/modules\n");
	index_all(m);
	assert_found(m, "opt/modules/x.ko", -MFE_BAD_MODULE, false);
	copy_module(m, "opt/modules/x.ko");
	index_all(m);
	assert_nothing(m, 2);
	assert_int_equal(fchmodat(m->root.fd, "opt/modules/x.ko", 0666, 0), 0);
	assert_found(m, "opt/modules/x.ko", -MFE_ALTERED, false);
}

static void hidden_directories_are_depmods_too_and_build_is_not(void **state)
{
	struct machine *m = installed(state);
	char hidden[300], build[300];

	snprintf(hidden, sizeof(hidden), "lib/modules/%s/.hidden/x.ko", m->kver);
	snprintf(build, sizeof(build), "lib/modules/%s/build/x.ko", m->kver);
	root_write(&m->root, build, "not an ELF file");
	assert_nothing(m, 1);
	root_write(&m->root, hidden, "not an ELF file");
	index_all(m);
	assert_found(m, hidden, -MFE_BAD_MODULE, false);
}

static void a_directory_that_others_may_write_is_found(void **state)
{
	struct machine *m = installed(state);

	assert_int_equal(fchmodat(m->root.fd, in_kernel(m, "updates"), 0777, 0), 0);
	assert_found(m, in_kernel(m, "updates"), -MFE_ALTERED, false);
	/* others cannot remove a file of root from it */
	assert_int_equal(fchmodat(m->root.fd, in_kernel(m, "updates"), 01777, 0), 0);
	assert_nothing(m, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_link_is_judged_by_what_it_leads_to),
		MACHINE(what_lies_below_a_linked_directory_or_outside_is_judged),
		MACHINE(hidden_directories_are_depmods_too_and_build_is_not),
		MACHINE(a_directory_that_others_may_write_is_found),
	};

	return UNIT_RUN(tests);
}
