/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All proofs become files, or none; the undo record is written before. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/install.h"
#include "tests/machine.h"

static struct mf_proof *prove(struct machine *m)
{
	struct mf_proof *proof;
	int fd = fcntl(m->package, F_DUPFD_CLOEXEC, 0);

	assert_int_equal(machine_verify(m, fd, &proof), 0);
	return proof;
}

static int install(struct machine *m, const char *erase, struct mf_receipt *receipt)
{
	struct mf_proof *proof = erase ? NULL : prove(m);
	struct mf_strings names = { 0 };
	int r;

	if (erase)
		assert_int_equal(mf_strings_add(&names, erase), 0);
	r = install_all(&m->root.ctx, &proof, proof ? 1 : 0, &names, receipt);
	mf_proof_free(proof);
	mf_strings_done(&names);
	return r;
}

static bool is_installed(struct machine *m)
{
	struct mf_strings labels = { 0 }, found = { 0 };
	bool is;

	assert_int_equal(mf_strings_add(&labels, "sound-kmp"), 0);
	assert_int_equal(mf_rpm_installed(&m->root.ctx, &labels, &found), 0);
	is = found.n == 1;
	mf_strings_done(&labels);
	mf_strings_done(&found);
	return is;
}

static void a_receipt_lists_the_changed_files(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };

	assert_int_equal(install(m, NULL, &receipt), 0);
	assert_true(root_has(&m->root, m->module) && root_has(&m->root, m->firmware));
	assert_int_equal(receipt.kernels.n, 1);
	assert_string_equal(receipt.kernels.v[0], m->kver);
	assert_int_equal(receipt.changed[0].n, 1);
	assert_string_equal(receipt.changed[0].v[0], "updates/soundcore.ko");
	/* until the indexes are right */
	assert_true(root_has(&m->root, "var/lib/modfetch/undo"));
	mf_receipt_done(&receipt);
}

static void a_removal_leaves_no_empty_directory(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };

	assert_int_equal(install(m, NULL, &receipt), 0);
	mf_receipt_done(&receipt);
	assert_int_equal(install(m, "sound-kmp", &receipt), 0);
	assert_string_equal(receipt.kernels.v[0], m->kver);
	assert_string_equal(receipt.changed[0].v[0], "updates/soundcore.ko");
	assert_false(root_has(&m->root, m->module));
	assert_false(root_has(&m->root, "lib/firmware/vendor"));
	{
		char directory[300];

		snprintf(directory, sizeof(directory), "lib/modules/%s/updates", m->kver);
		assert_false(root_has(&m->root, directory));
		*strrchr(directory, '/') = '\0';
		assert_true(root_has(&m->root, directory));
	}
	mf_receipt_done(&receipt);
}

/* A second version of the package, with its module in another directory. */
static struct mf_proof *prove_newer(struct machine *m)
{
	char directory[] = "/tmp/modfetch-rpms.XXXXXX", command[900], file[300];
	struct rpm_spec spec = {
		.name = "sound-kmp", .version = "2", .files = file, .install = command
	};
	struct mf_proof *proof;
	struct stat st;
	int fd;

	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "/lib/modules/%s/extra/soundcore.ko", m->kver);
	snprintf(command, sizeof(command), "cp %s/kernel/sound/soundcore.ko %%{buildroot}%s",
		 tree_of("default"), file);
	fd = rpm_build(directory, &spec);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	assert_int_equal(fstat(fd, &st), 0);
	m->item.evr = (char *)"2-1";
	m->item.size = (uint64_t)st.st_size;
	assert_int_equal(mf_sha256_fd(fd, m->item.sha256), 0);
	assert_int_equal(machine_verify(m, fd, &proof), 0);
	return proof;
}

static void an_update_lists_the_files_of_the_old_version(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };
	struct mf_proof *proof;
	char directory[200];

	assert_int_equal(install(m, NULL, &receipt), 0);
	mf_receipt_done(&receipt);
	proof = prove_newer(m);
	assert_int_equal(install_all(&m->root.ctx, &proof, 1, NULL, &receipt), 0);
	mf_proof_free(proof);
	assert_false(root_has(&m->root, m->module));
	snprintf(directory, sizeof(directory), "lib/modules/%s/updates", m->kver);
	assert_false(root_has(&m->root, directory));
	assert_int_equal(receipt.kernels.n, 1);
	assert_true(mf_strings_has(&receipt.changed[0], "updates/soundcore.ko"));
	assert_true(mf_strings_has(&receipt.changed[0], "extra/soundcore.ko"));
	/* a removed package cannot be restored */
	assert_int_equal(receipt.undo.packages.n, 0);
	mf_receipt_done(&receipt);
}

static void an_install_can_be_undone(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };

	assert_int_equal(install(m, NULL, &receipt), 0);
	mf_fail(&m->root.ctx, MF_STAGE_DEPMOD, -MFE_DEPMOD, "x", NULL);
	mf_install_undo(&m->root.ctx, &receipt);
	assert_false(root_has(&m->root, m->module));
	assert_false(root_has(&m->root, "lib/firmware"));
	assert_false(is_installed(m));
	assert_false(root_has(&m->root, "var/lib/modfetch/undo"));
	/* the first failure stays on record */
	assert_int_equal(m->root.ctx.failure.code, -MFE_DEPMOD);
	mf_receipt_done(&receipt);
}

static void a_failed_write_is_undone(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };

	/* a file where a directory must be */
	root_write(&m->root, "lib/firmware/vendor", "in the way");
	assert_true(install(m, NULL, &receipt) < 0);
	assert_false(root_has(&m->root, m->module));
	assert_false(is_installed(m));
	assert_false(root_has(&m->root, "var/lib/modfetch/undo"));
	assert_int_equal(receipt.kernels.n, 0);
}

static void a_package_not_installed_cannot_be_removed(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };

	assert_int_equal(install(m, "no-such-kmp", &receipt), -MFE_INSTALL);
	assert_false(root_has(&m->root, "var/lib/modfetch/undo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_receipt_lists_the_changed_files),
		MACHINE(a_removal_leaves_no_empty_directory),
		MACHINE(an_update_lists_the_files_of_the_old_version),
		MACHINE(an_install_can_be_undone),
		MACHINE(a_failed_write_is_undone),
		MACHINE(a_package_not_installed_cannot_be_removed),
	};

	return UNIT_RUN(tests);
}
