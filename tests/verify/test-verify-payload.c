/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real module in a package: header and payload must agree, and what is kept is what was checked. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/verify.h"
#include "real-module.h"

/* ---- the modules of a package ---- */

/* One entry of a cpio archive, "newc"; its data and its name are padded to four bytes. */
static void add_entry(FILE *f, const char *name, uint32_t mode, const void *data, size_t len)
{
	size_t name_len = strlen(name) + 1;
	/* inode, mode, owner, group, links, time, length, 4 numbers of devices, the name's length, sum */
	const size_t fields[13] = { 1, mode, [4] = 1, [6] = len, [11] = name_len };

	fputs("070701", f);
	for (size_t i = 0; i < 13; i++)
		fprintf(f, "%08zx", fields[i]);
	fwrite(name, 1, name_len, f);
	fwrite("\0\0\0", 1, -(110 + name_len) & 3, f);
	fwrite(data, 1, len, f);
	fwrite("\0\0\0", 1, -len & 3, f);
}

/* A package of COPIES of the module, with zeros after the end of its archive, packed by gzip. */
static int make_package(const struct machine *m, int copies, size_t zeros)
{
	/* only the parts that are parsed here: a lead, and two headers of one entry each */
	static const uint8_t lead[96] = { 0xed, 0xab, 0xee, 0xdb };
	static const uint8_t header[32] = { 0x8e, 0xad, 0xe8, 1, [11] = 1 };
	_cleanup_free_ char *name = NULL, *zero = calloc(1, zeros + 1);
	FILE *f = fopen("archive", "we");

	assert_non_null(f);
	assert_non_null(zero);
	assert_true(asprintf(&name, ".%s", m->path) > 0);
	while (copies--)
		add_entry(f, name, S_IFREG | 0644, m->module, m->len);
	add_entry(f, "TRAILER!!!", 0, "", 0);
	fwrite(zero, 1, zeros, f);
	assert_int_equal(fclose(f), 0);
	f = fopen("package", "we");
	assert_non_null(f);
	fwrite(lead, 1, sizeof(lead), f);
	fwrite(header, 1, sizeof(header), f);
	fwrite(header, 1, sizeof(header), f);
	assert_int_equal(fclose(f), 0);
	run("gzip -c archive >>package");
	return open("package", O_RDONLY | O_CLOEXEC);
}

struct claims {
	size_t listed, packed; /* how often */
	bool no_digest, other_digest;
	size_t zeros, max_package;
	uint64_t size;
	int code;
};

/* MODULES: those that are kept, or NULL. */
static int judge_package(const struct machine *m, const struct claims *c,
			 struct mf_proof_modules *modules)
{
	struct mf_rpm_file files[2] = { 0 };
	const struct mf_rpm_header header = { .files = files, .n_files = c->listed };
	_cleanup_close_ int fd = make_package(m, (int)c->packed, c->zeros);
	_cleanup_(mf_context_done) struct mf_context ctx;
	struct mf_module_verifier *verifier = NULL;
	_cleanup_free_ char *second = NULL;
	int r;

	assert_true(fd >= 0);
	assert_true(asprintf(&second, "%s/../more/loop.ko", m->path) > 0);
	for (size_t i = 0; i < c->listed; i++) {
		files[i] = (struct mf_rpm_file){ .path = i ? second : (char *)m->path,
						 .mode = S_IFREG | 0644,
						 .size = c->size ? c->size : m->len,
						 .checksum.len = c->no_digest ? 0 : MF_SHA256_LEN };
		assert_int_equal(mf_sha256(m->module, m->len, files[i].checksum.bytes), 0);
		files[i].checksum.bytes[5] ^= c->other_digest;
	}
	assert_int_equal(mf_context_init(&ctx, "root", m->kver), 0);
	free(ctx.settings.module_signature);
	ctx.settings.module_signature = strdup("kernel");
	if (c->max_package)
		ctx.settings.max_package = c->max_package;
	assert_int_equal(mf_module_verifier_new(&ctx, &verifier), 0);
	r = mf_verify_modules(&ctx, verifier, "package", fd, &header, modules);
	mf_module_verifier_free(verifier);
	return r;
}

static void header_and_payload_must_agree(void **state)
{
	const struct machine *m = *state;
	const struct claims cases[] = {
		{ .listed = 1, .packed = 1, .code = 0 },
		{ .listed = 0, .packed = 0, .code = 0 },
		{ .listed = 2, .packed = 1, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1, .packed = 0, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1, .packed = 2, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1, .packed = 1, .no_digest = true, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1, .packed = 1, .other_digest = true, .code = -MFE_BAD_PACKAGE },
		/* a payload much longer than the listed files, or than the limit of a package */
		{ .listed = 1, .packed = 1, .zeros = 1000, .code = 0 },
		{ .listed = 1, .packed = 1, .zeros = 1 << 20, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1, .packed = 1, .max_package = m->len + 4096, .code = 0 },
		{ .listed = 1, .packed = 1, .max_package = m->len, .code = -MFE_BAD_PACKAGE },
		{ .listed = 1,
		  .packed = 1,
		  .max_package = m->len,
		  .size = UINT64_MAX,
		  .code = -MFE_BAD_PACKAGE },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		int r = judge_package(m, &cases[i], NULL);

		if (r != cases[i].code)
			fail_msg("case %zu: %s", i, r ? mf_error_name(r) : "accepted");
	}
}

/* The early load takes the bytes from there, and its record has the digest. */
static void kept_modules_are_the_files_of_the_package(void **state)
{
	const struct machine *m = *state;
	const struct claims good = { .listed = 1, .packed = 1 },
			    bad = { .listed = 1, .packed = 1, .other_digest = true };
	struct mf_proof_modules modules = { 0 };
	uint8_t sha256[MF_SHA256_LEN];

	assert_int_equal(judge_package(m, &good, &modules), 0);
	assert_int_equal(modules.n, 1);
	assert_string_equal(modules.v[0].path, m->path);
	assert_int_equal(mf_sha256(m->module, m->len, sha256), 0);
	assert_memory_equal(modules.v[0].sha256, sha256, sizeof(sha256));
	assert_int_equal(modules.v[0].info.data_len, m->len);
	assert_memory_equal(modules.v[0].info.data, m->module, m->len);
	mf_proof_modules_done(&modules);
	assert_int_equal(judge_package(m, &bad, &modules), -MFE_BAD_PACKAGE);
	assert_int_equal(modules.n, 0);
	mf_proof_modules_done(&modules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(header_and_payload_must_agree),
		UNIT(kept_modules_are_the_files_of_the_package),
	};

	return cmocka_run_group_tests(tests, build_machine, remove_machine);
}
