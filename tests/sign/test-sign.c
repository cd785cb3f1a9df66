/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real module, signed here and by the kernel's own sign-file, and read by the tools of kmod. */
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
#include "modfetch/module-key.h"
#include "modfetch/module-keys.h"
#include "tests/verify/real-module.h"

#define KEYS "root/etc/modfetch/keys"

static int build(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	struct machine *m;

	build_machine(state);
	m = *state;
	run("rm -r " KEYS);
	assert_int_equal(mf_context_init(&ctx, "root", m->kver), 0);
	assert_int_equal(mf_module_key_ensure(&ctx), 1);
	return 0;
}

/* The module in BUF, signed; a negative return: the failure. */
static int sign(const struct machine *m, const char *config, const void *buf, size_t len,
		char **ret_signed, size_t *ret_len)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	void *out;
	int r;

	assert_int_equal(mf_context_init(&ctx, "root", m->kver), 0);
	r = mf_module_sign(&ctx, "loop.ko", config, buf, len, &out, ret_len);
	if (r < 0)
		assert_int_equal(ctx.failure.code, r);
	else
		*ret_signed = out;
	return r;
}

/* The program of the kernel's build; NULL: it is not installed here. */
static const char *sign_file(void)
{
	static char path[256];
	FILE *p =
		popen("ls -d /usr/lib/linux-kbuild-*/scripts/sign-file 2>/dev/null | tail -1", "r");

	assert_non_null(p);
	*path = '\0';
	if (fgets(path, sizeof(path), p))
		path[strcspn(path, "\n")] = '\0';
	pclose(p);
	return *path ? path : NULL;
}

static const struct {
	const char *config, *digest;
} digests[] = {
	{ NULL, "sha256" },
	{ "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_SHA256=y\n", "sha256" },
	{ "CONFIG_MODULE_SIG_SHA384=y\n", "sha384" },
	{ "CONFIG_MODULE_SIG_SHA512=y\nCONFIG_MODULE_SIG_HASH=\"sha512\"\n", "sha512" },
	{ "# CONFIG_MODULE_SIG_SHA512 is not set\nCONFIG_MODULE_SIG_SHA1=y\n", "sha256" },
	{ "CONFIG_MODULE_SIG_SHA3_512=y\nCONFIG_MODULE_SIG_HASH=\"sha3-512\"\n", "sha256" },
};

static void it_is_what_the_kernels_sign_file_makes(void **state)
{
	const struct machine *m = *state;
	const char *program = sign_file();

	if (!program)
		skip();
	for (size_t i = 0; i < MF_ARRAY_SIZE(digests); i++) {
		_cleanup_free_ char *out = NULL;
		size_t len;

		assert_int_equal(sign(m, digests[i].config, m->module, m->len, &out, &len), 0);
		write_out("signed.ko", out, len);
		write_out("plain.ko", m->module, m->len);
		run("%s %s " KEYS "/build.key " KEYS "/build.der plain.ko oracle.ko && cmp "
		    "signed.ko oracle.ko",
		    program, digests[i].digest);
	}
}

static void modinfo_shows_who_signed_it_and_how(void **state)
{
	const struct machine *m = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(digests); i++) {
		_cleanup_free_ char *out = NULL;
		size_t len;

		assert_int_equal(sign(m, digests[i].config, m->module, m->len, &out, &len), 0);
		write_out("signed.ko", out, len);
		run("modinfo ./signed.ko >info && grep -qx 'sig_id: *PKCS#7' info && "
		    "grep -qx 'sig_hashalgo: *%s' info && "
		    "grep -q 'signer: *modfetch build key of ' info",
		    digests[i].digest);
		run("openssl x509 -inform DER -in " KEYS "/build.der -noout -serial | "
		    "sed 's/serial=//' >serial && sed -n 's/^sig_key: *//p' info | tr -d ':\\n' | "
		    "grep -qix $(cat serial)");
	}
}

/* Accepted by the check of a package's modules with no other key configured than this one. */
static void the_verify_stage_accepts_it(void **state)
{
	const struct machine *m = *state;
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_free_ char *out = NULL;
	struct mf_signer signer;
	size_t len;

	assert_int_equal(mf_context_init(&ctx, "root", m->kver), 0);
	assert_int_equal(sign(m, NULL, m->module, m->len, &out, &len), 0);
	assert_int_equal(mf_modinfo_parse(out, len, len, &info), 0);
	assert_int_equal(info.elf_len, m->len);
	assert_memory_equal(info.data, m->module, m->len);
	assert_int_equal(mf_module_keys_read(&ctx, &keys), 0);
	assert_int_equal(mf_module_signature_verify(keys.accepted, info.data, info.elf_len,
						    info.signature, info.signature_len, &signer),
			 0);
	((char *)info.data)[1000] ^= 1;
	assert_int_equal(mf_module_signature_verify(keys.accepted, info.data, info.elf_len,
						    info.signature, info.signature_len, &signer),
			 -MFE_BAD_SIGNATURE);
}

static void a_signature_that_is_there_is_replaced(void **state)
{
	const struct machine *m = *state;
	_cleanup_free_ char *once = NULL, *twice = NULL, *packed = NULL, *unpacked = NULL;
	size_t once_len, twice_len, packed_len, unpacked_len;

	assert_int_equal(sign(m, NULL, m->module, m->len, &once, &once_len), 0);
	assert_int_equal(sign(m, NULL, m->module, m->full_len, &twice, &twice_len), 0);
	assert_int_equal(once_len, twice_len);
	assert_memory_equal(once, twice, once_len);
	/* and what is compressed is signed as what it contains */
	write_out("once.ko", once, once_len);
	run("xz --check=crc32 -c once.ko >once.ko.xz");
	packed = slurp("once.ko.xz", &packed_len);
	assert_int_equal(sign(m, NULL, packed, packed_len, &unpacked, &unpacked_len), 0);
	assert_int_equal(once_len, unpacked_len);
	assert_memory_equal(once, unpacked, once_len);
}

static void what_is_no_module_is_not_signed(void **state)
{
	const struct machine *m = *state;
	char *out = NULL;
	size_t len;

	assert_int_equal(sign(m, NULL, "#!/bin/sh\n", 10, &out, &len), -MFE_BAD_MODULE);
	assert_int_equal(sign(m, NULL, m->module, 100, &out, &len), -MFE_BAD_MODULE);
	assert_int_equal(sign(m, NULL, "", 0, &out, &len), -MFE_BAD_MODULE);
	run("mv " KEYS "/build.key k");
	assert_int_equal(sign(m, NULL, m->module, m->len, &out, &len), -MFE_CONFIG);
	run("mv k " KEYS "/build.key && mv " KEYS " away");
	assert_int_equal(sign(m, NULL, m->module, m->len, &out, &len), -MFE_CONFIG);
	run("mv away " KEYS);
	assert_null(out);
}

/* ---- compression ---- */

static const char *format_of(const struct machine *m)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	const char *format;

	assert_int_equal(mf_context_init(&ctx, "root", m->kver), 0);
	format = mf_module_format(&ctx, m->kver);
	return format ? format : "none";
}

static void a_module_is_compressed_as_those_of_its_kernel(void **state)
{
	static const struct {
		const char *command, *format;
	} forms[] = {
		{ "cat", "none" },
		{ "gzip -c", "gzip" },
		{ "xz --check=crc32 -c", "xz" },
		{ "zstd -qc", "zstd" },
	};
	const struct machine *m = *state;

	/* one of another kind that dkms brought, and a line of one that is gone, come before */
	run("cd root/lib/modules/%s && cp -a . ../saved && mkdir -p updates && "
	    "echo nothing | xz -c >updates/a.ko.xz && printf '%%s\\n' 'updates/a.ko.xz:' "
	    "'kernel/gone.ko.zst:' 'kernel/loop.ko: kernel/x.ko' >modules.dep",
	    m->kver);
	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++) {
		/* the first bytes decide, as for the kernel */
		run("cd root/lib/modules/%s && %s <../saved/kernel/loop.ko >kernel/loop.ko",
		    m->kver, forms[i].command);
		assert_string_equal(format_of(m), forms[i].format);
	}
	/* a tree without a module of its own: the configuration says what its modules will be */
	run("cd root/lib/modules/%s && echo 'updates/a.ko.xz:' >modules.dep && "
	    "echo CONFIG_MODULE_COMPRESS_ZSTD=y >config",
	    m->kver);
	assert_string_equal(format_of(m), "zstd");
	run("cd root/lib/modules/%s && rm modules.dep && echo CONFIG_MODULE_COMPRESS_XZ=y >config",
	    m->kver);
	assert_string_equal(format_of(m), "xz");
	run("cd root/lib/modules/%s && echo CONFIG_MODULE_COMPRESS_NONE=y >config", m->kver);
	assert_string_equal(format_of(m), "none");
	run("cd root/lib/modules && rm -r %s && mv saved %s", m->kver, m->kver);
}

/* gzip is not in the kmod of Debian, so its own tool reads that one. */
static void kmod_and_the_tools_read_each_form_of_a_signed_module(void **state)
{
	static const struct {
		const char *format, *ending, *tool;
		bool kmod;
	} forms[] = {
		{ NULL, ".ko", "cat", true },
		{ "gzip", ".ko.gz", "gzip -dc", false },
		{ "xz", ".ko.xz", "xz -dc", true },
		{ "zstd", ".ko.zst", "zstd -qdc", true },
	};
	const struct machine *m = *state;
	_cleanup_free_ char *out = NULL;
	size_t len;

	assert_int_equal(sign(m, NULL, m->module, m->len, &out, &len), 0);
	write_out("signed.ko", out, len);
	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++) {
		_cleanup_free_ void *file = NULL;
		size_t file_len;
		char name[64];

		assert_string_equal(mf_module_format_ending(forms[i].format), forms[i].ending);
		assert_int_equal(mf_module_compress(forms[i].format, out, len, &file, &file_len),
				 0);
		snprintf(name, sizeof(name), "packed%s", forms[i].ending);
		write_out(name, file, file_len);
		run("%s %s | cmp - signed.ko", forms[i].tool, name);
		if (forms[i].kmod)
			run("modinfo -F signer ./%s | grep -q 'modfetch build key'", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(it_is_what_the_kernels_sign_file_makes),
		UNIT(modinfo_shows_who_signed_it_and_how),
		UNIT(the_verify_stage_accepts_it),
		UNIT(a_signature_that_is_there_is_replaced),
		UNIT(what_is_no_module_is_not_signed),
		UNIT(a_module_is_compressed_as_those_of_its_kernel),
		UNIT(kmod_and_the_tools_read_each_form_of_a_signed_module),
	};

	return cmocka_run_group_tests(tests, build, remove_machine);
}
