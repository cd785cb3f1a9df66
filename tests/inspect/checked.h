/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INSPECT_CHECKED_H
#define TESTS_INSPECT_CHECKED_H
/* A machine with an installed package, and what a check says of it. */
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/depmod.h"
#include "modfetch/inspect.h"
#include "modfetch/file.h"
#include "tests/install.h"
#include "tests/machine.h"

/* Brings the indexes up to date. */
static inline void index_all(struct machine *m)
{
	assert_int_equal(
		mf_depmod(&m->root.ctx, &(struct mf_depmod_options){ .no_sync = true }, NULL), 0);
}

/* The package of the machine, installed, and an index that names its module. */
static inline struct machine *installed(void **state)
{
	struct machine *m = *state;
	struct mf_receipt receipt = { 0 };
	struct mf_proof *proof;

	assert_int_equal(machine_verify(m, fcntl(m->package, F_DUPFD_CLOEXEC, 0), &proof), 0);
	assert_int_equal(install_all(&m->root.ctx, &proof, 1, NULL, &receipt), 0);
	mf_proof_free(proof);
	mf_receipt_done(&receipt);
	index_all(m);
	return m;
}

/* Exactly one finding: on PATH, with CODE, and the PACKAGE that owns the file. */
static inline void assert_found_in(struct machine *m, const char *path, int code,
				   const char *package)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	for (size_t i = 0; i < check.n_findings; i++)
		print_message("%s: %s\n", check.findings[i].path, check.findings[i].reason);
	assert_int_equal(check.n_findings, 1);
	assert_string_equal(check.findings[0].path + 1, path);
	assert_int_equal(check.findings[0].code, code);
	assert_true(!package == !check.findings[0].package);
	if (package)
		assert_string_equal(check.findings[0].package, package);
	/* it is a finding, not a failure of the run */
	assert_int_equal(m->root.ctx.failure.code, 0);
	mf_check_done(&check);
}

/* The same, of the package of the machine, or of none. */
static inline void assert_found(struct machine *m, const char *path, int code, bool owned)
{
	assert_found_in(m, path, code, owned ? "sound-kmp-1-1.x86_64" : NULL);
}

static inline void flip(struct machine *m, const char *path)
{
	char byte;
	int fd = openat(m->root.fd, path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	close(fd);
}

/* Another copy of the machine's module, at a path below the root. */
static inline void copy_module(struct machine *m, const char *path)
{
	char *bytes = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(m->root.fd, m->module, 64 << 20, &bytes, &len), 0);
	root_write_bytes(&m->root, path, bytes, len);
	free(bytes);
}

static inline void assert_nothing(struct machine *m, size_t modules)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.kernels[0].modules, modules);
	mf_check_done(&check);
}

/* A copy of NAME, a module of the real kernel, at PATH. */
static inline void real_module(struct machine *m, const char *name, const char *path)
{
	char source[700], *bytes = NULL;
	size_t len;

	snprintf(source, sizeof(source), "%s/%s", tree_of("default"), name);
	assert_int_equal(mf_file_read_at(AT_FDCWD, source, 64 << 20, &bytes, &len), 0);
	root_write_bytes(&m->root, path, bytes, len);
	free(bytes);
}

/* PATH below the kernel's directory; static. */
static inline const char *in_kernel(const struct machine *m, const char *path)
{
	static char buf[4][300];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "lib/modules/%s/%s", m->kver, path);
	return buf[n];
}

#endif
