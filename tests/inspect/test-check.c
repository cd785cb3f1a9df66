/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The findings of check: none, or each kind of difference, by its stable code. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/depmod.h"
#include "modfetch/inspect.h"
#include "modfetch/file.h"
#include "modfetch/install.h"
#include "tests/machine.h"

/* Brings the indexes up to date. */
static void index_all(struct machine *m)
{
	assert_int_equal(
		mf_depmod(&m->root.ctx, &(struct mf_depmod_options){ .no_sync = true }, NULL), 0);
}

/* The package of the machine, installed, and an index that names its module. */
static struct machine *installed(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };
	struct mf_proof *proof;

	assert_int_equal(machine_verify(m, fcntl(m->package, F_DUPFD_CLOEXEC, 0), &proof), 0);
	assert_int_equal(mf_install(&m->root.ctx, &proof, 1, NULL, &receipt), 0);
	mf_proof_free(proof);
	mf_receipt_done(&receipt);
	index_all(m);
	return m;
}

/* Exactly one finding: on PATH, with CODE. */
static void assert_found(struct machine *m, const char *path, int code, bool owned)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	for (size_t i = 0; i < check.n_findings; i++)
		print_message("%s: %s\n", check.findings[i].path, check.findings[i].reason);
	assert_int_equal(check.n_findings, 1);
	assert_string_equal(check.findings[0].path + 1, path);
	assert_int_equal(check.findings[0].code, code);
	assert_true(owned == !!check.findings[0].package);
	if (owned)
		assert_string_equal(check.findings[0].package, "sound-kmp-1-1.x86_64");
	/* it is a finding, not a failure of the run */
	assert_int_equal(m->root.ctx.failure.code, 0);
	mf_check_done(&check);
}

static void flip(struct machine *m, const char *path)
{
	char byte;
	int fd = openat(m->root.fd, path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	close(fd);
}

static void what_is_as_it_came_is_no_finding(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.kernels[0].modules, 1);
	assert_int_equal(check.kernels[0].owners[MF_OWNER_RPM], 1);
	assert_int_equal(check.kernels[0].packages, 1);
	assert_false(check.kernels[0].signatures);
	mf_check_done(&check);
}

static void a_changed_byte_is_found(void **state)
{
	struct machine *m = installed(state);

	flip(m, m->module);
	assert_found(m, m->module, -MFE_ALTERED, true);
	flip(m, m->module);
	flip(m, m->firmware);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
}

static void firmware_that_is_gone_or_a_link_is_found(void **state)
{
	struct machine *m = installed(state);

	assert_int_equal(unlinkat(m->root.fd, m->firmware, 0), 0);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
	root_link(&m->root, "/etc/passwd", m->firmware);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
}

static void a_module_that_others_may_write_is_found(void **state)
{
	struct machine *m = installed(state);

	static const mode_t modes[] = { 0666, 0664, 0646, 0620, 0602 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, true);
	}
	assert_int_equal(fchmodat(m->root.fd, m->module, 0600, 0), 0);
	assert_found(m, m->module, -MFE_ALTERED, true);
	/* without a package there is no mode to compare with */
	assert_int_equal(mf_tree_remove(m->root.fd, "var/lib/rpm"), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, false);
	}
}

static void an_index_that_lags_behind_is_found(void **state)
{
	struct machine *m = installed(state);
	char dep[300], bin[300], ghost[300];

	snprintf(dep, sizeof(dep), "lib/modules/%s/modules.dep", m->kver);
	snprintf(bin, sizeof(bin), "lib/modules/%s/modules.dep.bin", m->kver);
	snprintf(ghost, sizeof(ghost), "lib/modules/%s/kernel/ghost.ko", m->kver);
	root_write(&m->root, dep, "");
	assert_found(m, m->module, -MFE_BAD_INDEX, true);
	root_write(&m->root, dep, "updates/soundcore.ko:\nkernel/ghost.ko: updates/soundcore.ko\n");
	assert_found(m, ghost, -MFE_BAD_INDEX, false);
	assert_int_equal(unlinkat(m->root.fd, dep, 0), 0);
	assert_found(m, dep, -MFE_BAD_INDEX, false);
	index_all(m);
	flip(m, bin);
	assert_found(m, bin, -MFE_BAD_INDEX, false);
}

static void a_file_that_is_no_module_is_found_whoever_brought_it(void **state)
{
	struct machine *m = installed(state);
	char path[300];

	snprintf(path, sizeof(path), "lib/modules/%s/extra/x.ko", m->kver);
	root_write(&m->root, path, "not an ELF file");
	index_all(m);
	assert_found(m, path, -MFE_BAD_MODULE, false);
}

static void a_module_of_another_kernel_is_found(void **state)
{
	struct machine *m = installed(state);
	char here[300], there[300];

	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup(KERNEL "-other");
	snprintf(here, sizeof(here), "lib/modules/%s", m->kver);
	snprintf(there, sizeof(there), "lib/modules/" KERNEL "-other");
	assert_int_equal(renameat(m->root.fd, here, m->root.fd, there), 0);
	snprintf(there, sizeof(there), "lib/modules/" KERNEL "-other/updates/soundcore.ko");
	assert_found(m, there, -MFE_WRONG_KERNEL, false);
}

/* Another copy of the machine's module, at a path below the root. */
static void copy_module(struct machine *m, const char *path)
{
	char *bytes = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(m->root.fd, m->module, 64 << 20, &bytes, &len), 0);
	root_write_bytes(&m->root, path, bytes, len);
	free(bytes);
}

static void assert_nothing(struct machine *m, size_t modules)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.kernels[0].modules, modules);
	mf_check_done(&check);
}

static void a_module_that_another_of_its_name_overrides_is_no_finding(void **state)
{
	struct machine *m = installed(state);
	char path[300];

	snprintf(path, sizeof(path), "lib/modules/%s/kernel/soundcore.ko", m->kver);
	copy_module(m, path);
	index_all(m);
	assert_nothing(m, 2);
	/* but its bytes are checked */
	root_write(&m->root, path, "not an ELF file");
	assert_found(m, path, -MFE_BAD_MODULE, false);
}

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

static void a_kernel_that_has_no_folder_is_a_failure(void **state)
{
	struct machine *m = *state;
	struct mf_check check;

	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup("no-such-kernel");
	assert_int_equal(mf_check(&m->root.ctx, false, &check), -MFE_NOT_FOUND);
	assert_string_equal(m->root.ctx.failure.what, "lib/modules/no-such-kernel/");
}

static void without_the_keys_asked_for_nothing_is_judged(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	free(m->root.ctx.settings.module_signature);
	m->root.ctx.settings.module_signature = strdup("require");
	/* no key could have signed it: there is no result */
	assert_int_equal(mf_check(&m->root.ctx, false, &check), -MFE_NO_KEYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(what_is_as_it_came_is_no_finding),
		MACHINE(a_changed_byte_is_found),
		MACHINE(firmware_that_is_gone_or_a_link_is_found),
		MACHINE(a_module_that_others_may_write_is_found),
		MACHINE(an_index_that_lags_behind_is_found),
		MACHINE(a_file_that_is_no_module_is_found_whoever_brought_it),
		MACHINE(a_module_of_another_kernel_is_found),
		MACHINE(a_module_that_another_of_its_name_overrides_is_no_finding),
		MACHINE(a_link_is_judged_by_what_it_leads_to),
		MACHINE(what_lies_below_a_linked_directory_or_outside_is_judged),
		MACHINE(hidden_directories_are_depmods_too_and_build_is_not),
		MACHINE(a_kernel_that_has_no_folder_is_a_failure),
		MACHINE(without_the_keys_asked_for_nothing_is_judged),
	};

	return UNIT_RUN(tests);
}
