/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From fetched bytes to a proof, or to the failure record. Hostile packages:
 * road/hostile.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/machine.h"

/* A copy of the package with one byte changed, or cut off, sealed or not. */
static int copy(const struct machine *m, long flip, size_t cut, bool seal)
{
	_cleanup_free_ char *bytes = NULL;
	size_t len;
	int fd = mf_memfile_new("copy");

	assert_int_equal(mf_file_read(m->package, 1 << 24, &bytes, &len), 0);
	if (flip >= 0)
		bytes[flip] ^= 1;
	assert_int_equal(mf_file_write(fd, bytes, len - cut), 0);
	if (seal)
		assert_int_equal(mf_memfile_seal(fd), 0);
	return fd;
}

static void the_signed_package_gets_a_proof(void **state)
{
	struct machine *m = *state;
	struct mf_proof *proof;

	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), 0);
	assert_string_equal(mf_proof_nevra(proof), "sound-kmp-1-1.x86_64");
	assert_string_equal(mf_proof_header(proof)->name, "sound-kmp");
	assert_int_equal(mf_proof_header(proof)->n_files, 2);
	assert_true(mf_memfile_is_sealed(mf_proof_fd(proof)));
	mf_proof_free(proof);
}

static void any_changed_byte_is_found(void **state)
{
	struct machine *m = *state;
	struct mf_proof *proof;

	for (long at = 0; at < (long)m->item.size; at += 397) {
		assert_int_equal(machine_verify(m, copy(m, at, 0, true), &proof), -MFE_BAD_DIGEST);
		assert_null(proof);
	}
}

static void a_wrong_size_is_found_before_reading(void **state)
{
	struct machine *m = *state;
	struct mf_proof *proof;

	assert_int_equal(machine_verify(m, copy(m, -1, 1, true), &proof), -MFE_BAD_SIZE);
	assert_int_equal(m->root.ctx.failure.code, -MFE_BAD_SIZE);
	/* without a size in the metadata only the digest decides */
	m->item.size = 0;
	assert_int_equal(machine_verify(m, copy(m, -1, 1, true), &proof), -MFE_BAD_DIGEST);
}

static void what_could_still_be_changed_is_refused(void **state)
{
	struct machine *m = *state;
	struct mf_proof *proof;

	assert_int_equal(machine_verify(m, copy(m, -1, 0, false), &proof), -MFE_FETCH_HELPER);
}

static void a_package_with_another_identity_is_refused(void **state)
{
	struct machine *m = *state;
	const struct mf_plan_item right = m->item;
	struct mf_proof *proof;

	m->item.name = (char *)"other-kmp";
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), -MFE_BAD_PACKAGE);
	assert_non_null(strstr(m->root.ctx.failure.why, "its name is sound-kmp"));
	m->item = right;
	m->item.evr = (char *)"2-1";
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), -MFE_BAD_PACKAGE);
	m->item = right;
	m->item.arch = (char *)"aarch64";
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), -MFE_BAD_PACKAGE);
}

static void a_module_missing_in_the_metadata_is_refused(void **state)
{
	char *others[] = { (char *)"snd", (char *)"soundcore_other", NULL };
	char *right[] = { (char *)"snd", (char *)"soundcore", (char *)"xfs", NULL };
	struct machine *m = *state;
	struct mf_proof *proof;

	m->item.modules = (struct mf_strings){ others, 2, 0 };
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), -MFE_BAD_PACKAGE);
	assert_non_null(
		strstr(m->root.ctx.failure.why, "soundcore.ko: the metadata does not name"));
	m->item.modules = (struct mf_strings){ right, 3, 0 };
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), 0);
	mf_proof_free(proof);
}

static void a_package_for_another_kernel_is_accepted(void **state)
{
	struct machine *m = *state;
	struct mf_proof *proof;

	/* its module is in the directory of its own kernel: a driver for the next kernel */
	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup("5.4.0-1-amd64");
	assert_int_equal(machine_verify(m, copy(m, -1, 0, true), &proof), 0);
	mf_proof_free(proof);
}

static void size_and_digest_are_compared(void **state)
{
	struct machine *m = *state;
	uint8_t wrong[MF_SHA256_LEN] = { 1 };
	_cleanup_close_ int fd = copy(m, -1, 0, true);

	assert_int_equal(mf_verify_bytes(&m->root.ctx, "x", fd, m->item.size, m->item.sha256), 0);
	assert_int_equal(mf_verify_bytes(&m->root.ctx, "x", fd, 0, m->item.sha256), 0);
	assert_int_equal(mf_verify_bytes(&m->root.ctx, "x", fd, m->item.size, wrong),
			 -MFE_BAD_DIGEST);
	assert_non_null(strstr(m->root.ctx.failure.why, "0100000000000000"));
	assert_int_equal(mf_verify_bytes(&m->root.ctx, "x", fd, 1, m->item.sha256), -MFE_BAD_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(the_signed_package_gets_a_proof),
		MACHINE(any_changed_byte_is_found),
		MACHINE(a_wrong_size_is_found_before_reading),
		MACHINE(what_could_still_be_changed_is_refused),
		MACHINE(a_package_with_another_identity_is_refused),
		MACHINE(a_module_missing_in_the_metadata_is_refused),
		MACHINE(a_package_for_another_kernel_is_accepted),
		MACHINE(size_and_digest_are_compared),
	};

	return UNIT_RUN(tests);
}
