/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A real module of a real kernel, signed like sign-file does, and modified copies of it. Each copy
 * is one that a careless loader would accept.
 */
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
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/verify.h"
#include "real-module.h"

#define MARKER "~Module signature appended~\n"

static char last_reason[512]; /* of judge(); "": it was accepted */

/* The return value for BUF as the file PATH under a policy. */
static int judge(const struct machine *m, const char *policy, const char *path, const void *buf,
		 size_t len)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	struct mf_module_verifier *verifier = NULL;
	int r = mf_context_init(&ctx, "root", m->kver);

	assert_int_equal(r, 0);
	free(ctx.settings.module_signature);
	ctx.settings.module_signature = strdup(policy);
	r = mf_module_verifier_new(&ctx, &verifier);
	if (r == 0)
		r = mf_verify_module(&ctx, verifier, path, buf, len);
	mf_module_verifier_free(verifier);
	if (r < 0)
		assert_int_equal(ctx.failure.code, r);
	snprintf(last_reason, sizeof(last_reason), "%s", r < 0 ? ctx.failure.why : "");
	return r;
}

#define assert_judged(m, buf, len, code)                                                           \
	do {                                                                                       \
		int r_ = judge(m, "if-keys", (m)->path, buf, len);                                 \
		if (r_ != (code))                                                                  \
			fail_msg("%s:%d: %s, not %s", __FILE__, __LINE__,                          \
				 r_ ? mf_error_name(r_) : "accepted",                              \
				 (code) ? mf_error_name(code) : "accepted");                       \
	} while (0)

/* BUF with a signature by a key and the trailer; OPTIONS of openssl cms. */
static char *sign(const void *buf, size_t len, const char *key, const char *options,
		  size_t *ret_len)
{
	unsigned char trailer[12] = { 0, 0, 2 };
	_cleanup_free_ char *sig = NULL;
	size_t sig_len;
	char *out, *p;

	write_out("content", buf, len);
	run("openssl cms -sign -binary -noattr -nocerts -outform DER -in content -signer $(ls "
	    "root/etc/modfetch/keys/module.d/%s.pem others/%s.pem 2>/dev/null) -inkey %s.key %s "
	    "-out "
	    "sig 2>err || { cat err; false; }",
	    key, key, key, options);
	sig = slurp("sig", &sig_len);
	for (int i = 0; i < 4; i++)
		trailer[8 + i] = (unsigned char)(sig_len >> (24 - 8 * i));
	*ret_len = len + sig_len + sizeof(trailer) + strlen(MARKER);
	out = malloc(*ret_len);
	assert_non_null(out);
	p = mempcpy(out, buf, len);
	p = mempcpy(p, sig, sig_len);
	p = mempcpy(p, trailer, sizeof(trailer));
	memcpy(p, MARKER, strlen(MARKER));
	return out;
}

static void a_signed_module_of_this_kernel_is_accepted_in_any_compression(void **state)
{
	static const char *const tools[] = { "cat", "gzip -c", "xz --check=crc32 -c", "zstd -qc" };
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "-md sha256", &len);

	write_out("good.ko", good, len);
	for (size_t i = 0; i < MF_ARRAY_SIZE(tools); i++) {
		_cleanup_free_ char *packed = NULL;
		size_t packed_len;

		run("%s good.ko >packed", tools[i]);
		packed = slurp("packed", &packed_len);
		assert_judged(m, packed, packed_len, 0);
		if (i)
			assert_judged(m, packed, packed_len - 20, -MFE_BAD_MODULE);
	}
	{
		/* signed again over the whole file, as a second build step may do */
		_cleanup_free_ char *twice = sign(good, len, "mine", "-md sha512", &len);

		assert_judged(m, twice, len, 0);
	}
}

static void any_changed_byte_of_a_module_is_found(void **state)
{
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "-md sha256", &len);

	for (size_t i = 0; i < 20; i++) {
		size_t at = 64 + i * (m->len - 128) / 20;

		good[at] ^= 1;
		assert_true(judge(m, "if-keys", m->path, good, len) < 0);
		good[at] ^= 1;
	}
	/* in the RSA signature itself, the last 256 bytes before the trailer */
	for (size_t i = 0; i < 10; i++) {
		size_t at = len - strlen(MARKER) - 12 - 256 + i * 25;

		good[at] ^= 1;
		assert_judged(m, good, len, -MFE_BAD_SIGNATURE);
		good[at] ^= 1;
	}
	assert_judged(m, good, len, 0);
}

static void wrong_trailers_are_no_signatures(void **state)
{
	/* offset from the end of the file's trailer struct, byte to put there */
	static const struct {
		int back;
		unsigned char byte;
	} lies[] = {
		{ 12, 1 },	       /* algo */
		{ 11, 4 },	       /* hash */
		{ 10, 0 },	       /* id_type: OpenPGP */
		{ 10, 1 },	       /* id_type: X.509 */
		{ 10, 3 },	       /* id_type: unknown */
		{ 9, 1 },	       /* signer_len */
		{ 8, 1 },	       /* key_id_len */
		{ 7, 1 },	       /* padding */
		{ 5, 0xff },	       /* padding */
		{ 4, 0xff },	       /* sig_len beyond the file */
		{ 4, 0x80 },	       /* negative */
		{ 3, 0xff }, { 2, 0 }, /* shorter */
		{ 2, 0xff },	       /* longer */
		{ 1, 0 },    { 1, 0xff },
	};
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "-md sha256", &len);

	for (size_t i = 0; i < MF_ARRAY_SIZE(lies); i++) {
		size_t at = len - strlen(MARKER) - (size_t)lies[i].back;
		char was = good[at];
		int r;

		assert_int_not_equal((unsigned char)was, lies[i].byte);
		good[at] = (char)lies[i].byte;
		r = judge(m, "if-keys", m->path, good, len);
		if (r != -MFE_MODULE_UNSIGNED && r != -MFE_BAD_SIGNATURE && r != -MFE_BAD_MODULE)
			fail_msg("lie %zu: %s", i, r ? mf_error_name(r) : "accepted");
		good[at] = was;
	}
	assert_judged(m, good, len, 0);
}

static void missing_and_added_bytes_are_found(void **state)
{
	const struct machine *m = *state;
	size_t len, other_len, marker = strlen(MARKER);
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "-md sha256", &len);
	_cleanup_free_ char *room = malloc(2 * len), *other = NULL, *other_signed = NULL;

	assert_judged(m, m->module, m->len, -MFE_MODULE_UNSIGNED);	 /* stripped */
	assert_judged(m, good, len - 1, -MFE_MODULE_UNSIGNED);		 /* marker cut */
	assert_judged(m, good, len - marker, -MFE_MODULE_UNSIGNED);	 /* no marker */
	assert_judged(m, good, len - marker - 12, -MFE_MODULE_UNSIGNED); /* no struct */
	assert_judged(m, good, m->len / 2, -MFE_BAD_MODULE);
	assert_judged(m, MARKER, marker, -MFE_BAD_MODULE);
	assert_judged(m, "", 0, -MFE_BAD_MODULE);
	assert_judged(m, "\177ELF", 4, -MFE_BAD_MODULE);
	/* bytes after it and before it */
	memcpy(room, good, len);
	room[len] = '\n';
	assert_judged(m, room, len + 1, -MFE_MODULE_UNSIGNED);
	room[0] = '\n';
	memcpy(room + 1, good, len);
	assert_true(judge(m, "if-keys", m->path, room, len + 1) < 0);
	/* bytes between module and signature */
	memcpy(room, good, m->len);
	memset(room + m->len, 0, 16);
	memcpy(room + m->len + 16, good + m->len, len - m->len);
	assert_judged(m, room, len + 16, -MFE_BAD_SIGNATURE);
	/* the signature of another module */
	other = slurp("other.ko", &other_len);
	other_signed = sign(other, other_len, "mine", "-md sha256", &other_len);
	memcpy(room, m->module, m->len);
	memcpy(room + m->len, other_signed + other_len - (len - m->len), len - m->len);
	assert_judged(m, room, len, -MFE_BAD_SIGNATURE);
}

/* ML-DSA by its number, in place of RSA: as a build of Linux 7.0 may sign. */
static void a_signature_that_openssl_cannot_verify_is_named(void **state)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 },
			     ml_dsa[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12 };
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *module = sign(m->module, m->len, "mine", "-md sha512", &len);
	char *at = memmem(module + m->len, len - m->len, rsa, sizeof(rsa));

	assert_non_null(at);
	memcpy(at, ml_dsa, sizeof(ml_dsa));
	assert_judged(m, module, len, -MFE_WEAK_SIGNATURE);
	assert_non_null(strstr(last_reason, "it is ML-DSA"));
	assert_non_null(strstr(last_reason, "sign with"));
}

static void the_distributions_signature_is_untrusted(void **state)
{
	const struct machine *m = *state;

	const int code = m->full_len > m->len ? -MFE_UNTRUSTED_KEY : -MFE_MODULE_UNSIGNED;

	assert_judged(m, m->module, m->full_len, code);
	assert_int_equal(judge(m, "kernel", m->path, m->module, m->full_len), 0);
}

static void only_strong_keys_of_the_directory_are_valid(void **state)
{
	static const struct {
		const char *key, *options;
		int code;
	} cases[] = {
		{ "mine", "-md sha384", 0 },
		{ "mine", "-md sha512", 0 },
		{ "mine", "-keyid", 0 },
		{ "repo", "", -MFE_UNTRUSTED_KEY },
		{ "repo", "-keyid", -MFE_UNTRUSTED_KEY },
		{ "twin", "", -MFE_BAD_SIGNATURE },
		{ "mine", "-md sha1", -MFE_WEAK_SIGNATURE },
		{ "mine", "-md md5", -MFE_WEAK_SIGNATURE },
		{ "small", "-md sha256", -MFE_WEAK_SIGNATURE },
		{ "mine", "-nodetach", -MFE_BAD_SIGNATURE },
		{ "mine", "-signer others/repo.pem -inkey repo.key", -MFE_BAD_SIGNATURE },
	};
	const struct machine *m = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		size_t len;
		_cleanup_free_ char *signed_ =
			sign(m->module, m->len, cases[i].key, cases[i].options, &len);

		/* the content inside has the length of the module: too long for a signature */
		assert_judged(m, signed_, len, cases[i].code);
	}
}

/* Replaces the first occurrence of a string in a copy of the module by one of the same length. */
static char *patched(const struct machine *m, const char *from, const char *to)
{
	char *copy = malloc(m->len), *at;

	assert_int_equal(strlen(from), strlen(to));
	memcpy(copy, m->module, m->len);
	at = memmem(copy, m->len, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	return copy;
}

static void a_signature_does_not_make_it_fit_another_kernel(void **state)
{
	const struct machine *m = *state;
	char from[256], to[256], elsewhere[256];
	size_t len;

	/* in another kernel's directory it must be built for that kernel */
	snprintf(elsewhere, sizeof(elsewhere), "/lib/modules/5.9.0-1-other/updates/loop.ko");
	{
		_cleanup_free_ char *good = sign(m->module, m->len, "mine", "", &len);

		assert_int_equal(judge(m, "if-keys", elsewhere, good, len), -MFE_WRONG_KERNEL);
		assert_int_equal(judge(m, "if-keys", "/etc/loop.ko", good, len), -MFE_BAD_MODULE);
	}
	/* other flags */
	snprintf(from, sizeof(from), "vermagic=%s SMP", m->kver);
	snprintf(to, sizeof(to), "vermagic=%s UMP", m->kver);
	{
		_cleanup_free_ char *other = patched(m, from, to);
		_cleanup_free_ char *signed_ = sign(other, m->len, "mine", "", &len);

		assert_judged(m, signed_, len, -MFE_WRONG_KERNEL);
	}
	/* no vermagic at all */
	{
		_cleanup_free_ char *other = patched(m, "vermagic=", "vermagix=");
		_cleanup_free_ char *signed_ = sign(other, m->len, "mine", "", &len);

		assert_judged(m, signed_, len, -MFE_BAD_MODULE);
	}
	/* another release, but all CRCs are equal, as in weak-updates */
	snprintf(from, sizeof(from), "vermagic=%s", m->kver);
	snprintf(to, sizeof(to), "vermagic=%s", m->kver);
	to[strlen("vermagic=")] = '9';
	{
		_cleanup_free_ char *other = patched(m, from, to);
		_cleanup_free_ char *signed_ = sign(other, m->len, "mine", "", &len);

		assert_judged(m, signed_, len, 0);
	}
	/* one CRC differs: the word before a symbol's name in __versions */
	{
		_cleanup_free_ char *other = malloc(m->len), *signed_ = NULL;
		char *at;

		memcpy(other, m->module, m->len);
		at = memmem(other, m->len, "module_layout\0\0\0\0\0\0\0\0\0", 22);
		assert_non_null(at);
		at[-8] ^= 1;
		signed_ = sign(other, m->len, "mine", "", &len);
		assert_judged(m, signed_, len, -MFE_WRONG_KERNEL);
	}
}

static void a_line_end_in_what_becomes_a_line_is_refused(void **state)
{
	static const char *const keys[] = { "alias", "softdep", "weakdep", "depends", "name" };
	static const char *const values[] = { "x\ninstall a b", "a\rb", "a\033[2J", "a\177",
					      "\ta" };
	static const char from[] = "alias=devname:loop-control";
	const struct machine *m = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
		for (size_t k = 0; k < MF_ARRAY_SIZE(values); k++) {
			_cleanup_free_ char *to = NULL, *other = NULL;

			assert_true(asprintf(&to, "%s=%s%s", keys[i], values[k],
					     "__________________________") > 0);
			to[strlen(from)] = '\0';
			other = patched(m, from, to);
			assert_int_equal(judge(m, "kernel", m->path, other, m->len),
					 -MFE_FORBIDDEN_FILE);
		}
	/* fields for people may have several lines */
	{
		_cleanup_free_ char *other =
			patched(m, "alias=devname:loop-control", "description=several\nlines.");

		assert_int_equal(judge(m, "kernel", m->path, other, m->len), 0);
	}
}

static void policies_decide_if_a_signature_is_needed(void **state)
{
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "", &len);

	assert_int_equal(judge(m, "kernel", m->path, m->module, m->len), 0);
	assert_int_equal(judge(m, "require", m->path, m->module, m->len), -MFE_MODULE_UNSIGNED);
	assert_int_equal(judge(m, "require", m->path, good, len), 0);
	run("mv root/etc/modfetch/keys/module.d keys.away");
	assert_int_equal(judge(m, "if-keys", m->path, m->module, m->len), 0);
	assert_int_equal(judge(m, "kernel", m->path, m->module, m->len), 0);
	assert_int_equal(judge(m, "require", m->path, good, len), -MFE_NO_KEYS);
	run("mkdir root/etc/modfetch/keys/module.d");
	assert_int_equal(judge(m, "if-keys", m->path, m->module, m->len), 0);
	assert_int_equal(judge(m, "require", m->path, good, len), -MFE_NO_KEYS);
	run("echo no key >root/etc/modfetch/keys/module.d/x.pem");
	assert_int_equal(judge(m, "if-keys", m->path, good, len), -MFE_CONFIG);
	run("rm -r root/etc/modfetch/keys/module.d && mv keys.away "
	    "root/etc/modfetch/keys/module.d");
	/* under any policy: a module for another kernel is refused */
	{
		_cleanup_free_ char *other = patched(m, "vermagic=", "vermagix=");

		assert_int_equal(judge(m, "kernel", m->path, other, m->len), -MFE_BAD_MODULE);
	}
}

/* "repo" is the key of this machine here, and "mine" that of a publisher. */
static void the_own_key_of_a_machine_is_accepted_and_demands_nothing(void **state)
{
	const struct machine *m = *state;
	size_t own_len, other_len;
	_cleanup_free_ char *own = sign(m->module, m->len, "repo", "", &own_len);
	_cleanup_free_ char *other = sign(m->module, m->len, "mine", "", &other_len);

	run("mv root/etc/modfetch/keys/module.d keys.away && mkdir root/etc/modfetch/keys/module.d "
	    "&& "
	    "openssl x509 -in others/repo.pem -outform DER -out root/etc/modfetch/keys/build.der "
	    "&& "
	    "cp root/etc/modfetch/keys/build.der root/etc/modfetch/keys/module.d");
	/* a machine without keys: as before for all others */
	assert_judged(m, m->module, m->len, 0);
	assert_judged(m, other, other_len, 0);
	assert_judged(m, own, own_len, 0);
	/* the admin demands signatures: this one is enough */
	assert_int_equal(judge(m, "require", m->path, own, own_len), 0);
	assert_int_equal(judge(m, "require", m->path, m->module, m->len), -MFE_MODULE_UNSIGNED);
	assert_int_equal(judge(m, "require", m->path, other, other_len), -MFE_UNTRUSTED_KEY);
	/* a machine with keys: the demand stays, and this one passes */
	run("cp keys.away/mine.pem root/etc/modfetch/keys/module.d");
	assert_judged(m, m->module, m->len, -MFE_MODULE_UNSIGNED);
	assert_judged(m, other, other_len, 0);
	assert_judged(m, own, own_len, 0);
	own[1000] ^= 1;
	assert_judged(m, own, own_len, -MFE_BAD_SIGNATURE);
	own[1000] ^= 1;
	/* taken out of the directory, it is revoked */
	run("rm root/etc/modfetch/keys/module.d/build.der");
	assert_judged(m, own, own_len, -MFE_UNTRUSTED_KEY);
	/* the key of another machine that builds is one like any other */
	run("mv root/etc/modfetch/keys/build.der root/etc/modfetch/keys/module.d/build.der && "
	    "rm root/etc/modfetch/keys/module.d/mine.pem");
	assert_judged(m, m->module, m->len, -MFE_MODULE_UNSIGNED);
	assert_judged(m, own, own_len, 0);
	run("rm -r root/etc/modfetch/keys/module.d && mv keys.away "
	    "root/etc/modfetch/keys/module.d");
}

static void the_deny_list_wins(void **state)
{
	const struct machine *m = *state;
	size_t len;
	_cleanup_free_ char *good = sign(m->module, m->len, "mine", "", &len);

	write_out("good.ko", good, len);
	run("sha256sum <good.ko | cut -c1-64 >root/etc/modfetch/keys/deny.d/list");
	assert_judged(m, good, len, -MFE_REVOKED);
	run("openssl x509 -in root/etc/modfetch/keys/module.d/mine.pem -outform DER | sha256sum | "
	    "cut -c1-64 >root/etc/modfetch/keys/deny.d/list");
	assert_judged(m, good, len, -MFE_REVOKED);
	run("rm root/etc/modfetch/keys/deny.d/list");
	assert_judged(m, good, len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_signed_module_of_this_kernel_is_accepted_in_any_compression),
		UNIT(any_changed_byte_of_a_module_is_found),
		UNIT(wrong_trailers_are_no_signatures),
		UNIT(missing_and_added_bytes_are_found),
		UNIT(a_signature_that_openssl_cannot_verify_is_named),
		UNIT(the_distributions_signature_is_untrusted),
		UNIT(only_strong_keys_of_the_directory_are_valid),
		UNIT(a_signature_does_not_make_it_fit_another_kernel),
		UNIT(a_line_end_in_what_becomes_a_line_is_refused),
		UNIT(policies_decide_if_a_signature_is_needed),
		UNIT(the_own_key_of_a_machine_is_accepted_and_demands_nothing),
		UNIT(the_deny_list_wins),
	};

	return cmocka_run_group_tests(tests, build_machine, remove_machine);
}
