/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What check finds on a disk: nothing, or each thing that is not as it came, by its stable code. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/check.h"
#include "modfetch/file.h"
#include "modfetch/install.h"
#include "tests/machine.h"

/* The machine's package, installed; and an index that names its module. */
static struct machine *installed(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };
	struct mf_proof *proof;
	char dep[300];

	assert_int_equal(machine_verify(m, fcntl(m->package, F_DUPFD_CLOEXEC, 0), &proof), 0);
	assert_int_equal(mf_install(&m->root.ctx, &proof, 1, NULL, &receipt), 0);
	mf_proof_free(proof);
	mf_receipt_done(&receipt);
	snprintf(dep, sizeof(dep), "lib/modules/%s/modules.dep", m->kver);
	root_write(&m->root, dep, "updates/soundcore.ko:\n");
	return m;
}

/* Exactly one finding: on PATH, with CODE. */
static void assert_found(struct machine *m, const char *path, int code, bool owned)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, &check), 0);
	assert_int_equal(check.n_findings, 1);
	assert_string_equal(check.findings[0].what + 1, path);
	assert_int_equal(check.findings[0].code, code);
	assert_true(owned == !!check.findings[0].package);
	if (owned)
		assert_string_equal(check.findings[0].package, "sound-kmp-1-1.x86_64");
	/* it is told, not recorded as the failure of the run */
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

	assert_int_equal(mf_check(&m->root.ctx, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.modules, 1);
	assert_int_equal(check.owned, 1);
	assert_int_equal(check.packages, 1);
	assert_false(check.signatures);
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

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, true);
	}
	assert_int_equal(fchmodat(m->root.fd, m->module, 0600, 0), 0);
	assert_found(m, m->module, -MFE_ALTERED, true);
	/* nobody's module has no package to say what its mode should be */
	assert_int_equal(mf_tree_remove(m->root.fd, "var/lib/rpm"), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, false);
	}
}

static void an_index_that_lags_behind_is_found(void **state)
{
	struct machine *m = installed(state);
	char dep[300], ghost[300];

	snprintf(dep, sizeof(dep), "lib/modules/%s/modules.dep", m->kver);
	snprintf(ghost, sizeof(ghost), "lib/modules/%s/kernel/ghost.ko", m->kver);
	root_write(&m->root, dep, "");
	assert_found(m, m->module, -MFE_BAD_INDEX, true);
	root_write(&m->root, dep, "updates/soundcore.ko:\nkernel/ghost.ko: updates/soundcore.ko\n");
	assert_found(m, ghost, -MFE_BAD_INDEX, false);
	assert_int_equal(unlinkat(m->root.fd, dep, 0), 0);
	assert_found(m, m->module, -MFE_BAD_INDEX, true);
}

static void a_file_that_is_no_module_is_found_whoever_brought_it(void **state)
{
	struct machine *m = installed(state);
	char path[300], dep[300];

	snprintf(path, sizeof(path), "lib/modules/%s/extra/x.ko", m->kver);
	snprintf(dep, sizeof(dep), "lib/modules/%s/modules.dep", m->kver);
	root_write(&m->root, path, "not an ELF file");
	root_write(&m->root, dep, "updates/soundcore.ko:\nextra/x.ko:\n");
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

static void a_kernel_that_has_no_folder_is_a_failure(void **state)
{
	struct machine *m = *state;
	struct mf_check check;

	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup("no-such-kernel");
	assert_int_equal(mf_check(&m->root.ctx, &check), -MFE_NOT_FOUND);
	assert_string_equal(m->root.ctx.failure.what, "lib/modules/no-such-kernel/");
}

static void without_the_keys_asked_for_nothing_is_judged(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	free(m->root.ctx.settings.module_signature);
	m->root.ctx.settings.module_signature = strdup("require");
	/* none could have signed it: nothing can be said */
	assert_int_equal(mf_check(&m->root.ctx, &check), -MFE_NO_KEYS);
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
		MACHINE(a_kernel_that_has_no_folder_is_a_failure),
		MACHINE(without_the_keys_asked_for_nothing_is_judged),
	};

	return UNIT_RUN(tests);
}
