/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A second check for kernel code, with keys of its own.
 *
 * A repository's key states which files belong to it; a module's key states who built the code. The
 * two sets are disjoint, so one stolen key cannot load a module. module-signature= in modfetch.conf:
 *	require   every module must be signed by a key in keys/module.d
 *	if-keys   the same as soon as that directory has a key; else as "kernel". The key of this
 *		  machine, for modules that are built on it, is accepted and does not count for this
 *		  (modfetch/module-keys.h)
 *	kernel    only the kernel checks, when it loads the module
 * The signature is the one appended to the file (decompressed). It is verified with OpenSSL before
 * anything reaches /lib/modules, even if the running kernel does not demand signatures.
 *
 * A module must also fit the kernel in whose directory it is (modfetch/fit.h): the context's, or
 * another that is installed. Symbols that nobody on the machine exports are no reason to refuse it
 * if it was built for that release, or if the CRC of another symbol could be compared: the modules
 * that it depends on may come in the same transaction, and the resolver has found them. For the
 * directory of a kernel that is not installed a module must be built for that release: nothing else
 * is known about that kernel.
 */
#include "modfetch/verify.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "modfetch/kernel-keys.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-keys.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/deny.h"
#include "verify-module.h"

/* A kernel for whose directory a module was checked. */
struct judged_kernel {
	char *release;
	struct mf_fit_kernel *fit[2]; /* by enum mf_fit_effort; NULL: not needed yet */
};

struct mf_module_verifier {
	struct mf_module_keys keys;
	bool required;
	struct judged_kernel *kernels;
	size_t n_kernels;
};

/* ---- the kernels ---- */

static struct judged_kernel *find_kernel(struct mf_module_verifier *v, const char *release)
{
	struct judged_kernel *kernels;

	for (size_t i = 0; i < v->n_kernels; i++)
		if (!strcmp(v->kernels[i].release, release))
			return &v->kernels[i];
	kernels = reallocarray(v->kernels, v->n_kernels + 1, sizeof(*kernels));
	if (!kernels)
		return NULL;
	v->kernels = kernels;
	kernels[v->n_kernels] = (struct judged_kernel){ .release = strdup(release) };
	return kernels[v->n_kernels].release ? &kernels[v->n_kernels++] : NULL;
}

static int judge_with(struct mf_context *ctx, struct judged_kernel *kernel,
		      enum mf_fit_effort effort, const char *path, const struct mf_modinfo *info,
		      struct mf_fit *ret_fit)
{
	char name[MF_MODULE_NAME_SIZE];
	int r = kernel->fit[effort]
			? 0
			: mf_fit_kernel_new(ctx, kernel->release, effort, &kernel->fit[effort]);

	if (r < 0)
		return r;
	return mf_fit(kernel->fit[effort], mf_module_name(path, name, sizeof(name)) ? name : path,
		      info, ret_fit);
}

/*
 * Judges a module for a kernel. What its own kernel's package says is enough for a module of that
 * kernel; for another one, the kernel's image may have to be read.
 */
static int judge_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *release,
			const char *path, const struct mf_modinfo *info, struct mf_fit *ret_fit)
{
	struct judged_kernel *kernel = find_kernel(v, release);
	int r = kernel ? judge_with(ctx, kernel, MF_FIT_QUICK, path, info, ret_fit)
		       : mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, path, NULL);

	if (!r && ret_fit->verdict == MF_FIT_UNKNOWN && !ret_fit->same_release)
		r = judge_with(ctx, kernel, MF_FIT_THOROUGH, path, info, ret_fit);
	return r;
}

/* ---- the verifier ---- */

static void module_verifier_cleanup(struct mf_module_verifier **v)
{
	mf_module_verifier_free(*v);
}

int mf_module_verifier_new(struct mf_context *ctx, struct mf_module_verifier **ret_verifier)
{
	_cleanup_(module_verifier_cleanup) struct mf_module_verifier *v = calloc(1, sizeof(*v));
	const char *policy = ctx->settings.module_signature;
	int r;

	if (!v)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, "modules", NULL);
	r = mf_module_keys_read(ctx, &v->keys);
	if (r < 0)
		return r;
	v->required = !strcmp(policy, "require") ||
		      (!strcmp(policy, "if-keys") && mf_keyring_size(v->keys.configured));
	if (v->required && !mf_keyring_size(v->keys.accepted))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, "/" MF_MODULE_KEYS,
			       "module-signature=require, but there is no key in it");
	*ret_verifier = MF_STEAL(v);
	return 0;
}

void mf_module_verifier_free(struct mf_module_verifier *v)
{
	if (!v)
		return;
	mf_module_keys_done(&v->keys);
	for (size_t i = 0; i < v->n_kernels; i++) {
		mf_fit_kernel_free(v->kernels[i].fit[MF_FIT_QUICK]);
		mf_fit_kernel_free(v->kernels[i].fit[MF_FIT_THOROUGH]);
		free(v->kernels[i].release);
	}
	free(v->kernels);
	free(v);
}

bool mf_module_verifier_requires(const struct mf_module_verifier *v)
{
	return v->required;
}

void mf_module_verifier_warn(const struct mf_context *ctx, const struct mf_module_verifier *v)
{
	const char *why;

	if (mf_kernel_keys_check(ctx, v->keys.configured, &why) != MF_KERNEL_KNOWS_NONE)
		return;
	if (mf_keyring_size(v->keys.configured))
		mf_log(ctx, MF_LOG_WARNING,
		       "the running kernel loads only signed modules (%s) and knows none of the "
		       "keys in /" MF_MODULE_KEYS ": it will refuse modules signed by them",
		       why);
	else
		mf_log(ctx, MF_LOG_INFO,
		       "the running kernel loads only signed modules (%s); to check before a "
		       "download whether it knows their key, put that key into /" MF_MODULE_KEYS,
		       why);
}

/* ---- one module ---- */

static int module_check_signature(struct mf_context *ctx, const struct mf_module_verifier *v,
				  const char *path, const struct mf_modinfo *info)
{
	struct mf_signer signer;
	const char *form;
	int r;

	if (!v->required)
		return 0;
	if (!info->signature)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_MODULE_UNSIGNED, path,
			       "it has no signature, but needs one by a key in /" MF_MODULE_KEYS);
	r = mf_module_signature_verify(v->keys.accepted, info->data, info->elf_len, info->signature,
				       info->signature_len, &signer);
	form = r == -MFE_BAD_SIGNATURE || r == -MFE_WEAK_SIGNATURE
		       ? mf_signature_form(info->signature, info->signature_len)
		       : NULL;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, path, "the module: %s%s%s",
			       mf_error_sentence(r), form ? ": " : "", form ? form : "");
	return mf_deny_check(ctx, path, "module's key", signer.fingerprint);
}

/*
 * depmod copies these fields into lines of its indexes, and modules.softdep is read with the
 * grammar of modprobe.d: a second line in a field could be an "install" with a command.
 */
static int check_index_fields(struct mf_context *ctx, const char *path,
			      const struct mf_modinfo *info)
{
	static const char *const keys[] = { "alias", "softdep", "weakdep", "depends", "name" };

	for (size_t i = 0; i < info->n_fields; i++) {
		const struct mf_modinfo_field *field = &info->fields[i];

		for (size_t k = 0; k < MF_ARRAY_SIZE(keys); k++)
			for (const char *p = field->value; !strcmp(field->key, keys[k]) && *p; p++)
				if ((unsigned char)*p < ' ' || *p == 0x7f)
					return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE,
						       path, "its %s has a control character: %s",
						       keys[k], field->value);
	}
	return 0;
}

/* May a package have a module with this verdict? See the top of this file. */
static bool verdict_is_acceptable(const struct mf_fit *fit)
{
	switch (fit->verdict) {
	case MF_FIT_YES:
		return true;
	case MF_FIT_NO_VERSIONS:
	case MF_FIT_NO_SYMBOL:
	case MF_FIT_NO_MODULE:
	case MF_FIT_UNKNOWN:
		return fit->same_release || fit->compared;
	case MF_FIT_MACHINE:
	case MF_FIT_VERMAGIC:
	case MF_FIT_CRC:
	case MF_FIT_NAMESPACE:
	case MF_FIT_LICENSE:
	case MF_FIT_BTF:
		break;
	}
	return false;
}

static int module_check_kernel(struct mf_context *ctx, struct mf_module_verifier *v,
			       const char *path, const char *kernel, const struct mf_modinfo *info)
{
	const char *vermagic = mf_modinfo_get(info, "vermagic");
	size_t release_len = vermagic ? strcspn(vermagic, " ") : 0;
	struct mf_fit fit = { 0 };
	int r = 0;

	if (!vermagic)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_MODULE, path,
			       "it has no vermagic, so its kernel is not known");
	if (strcmp(kernel, ctx->kernel) != 0 && !mf_kernel_is_installed(ctx, kernel)) {
		fit.verdict = MF_FIT_UNKNOWN;
		fit.same_release =
			strlen(kernel) == release_len && !memcmp(vermagic, kernel, release_len);
		snprintf(fit.why, sizeof(fit.why), "it was built for %.*s, not for %s",
			 (int)release_len, vermagic, kernel);
	} else {
		r = judge_module(ctx, v, kernel, path, info, &fit);
	}
	if (r < 0 || verdict_is_acceptable(&fit))
		return r;
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_WRONG_KERNEL, path, "%s", fit.why);
}

/* KVER of "/lib/modules/KVER/…" or "/usr/lib/…"; NULL for another path. */
static const char *module_kernel_of(const char *path, size_t *ret_len)
{
	const char *kernel = mf_kernel_tree_path(path);

	*ret_len = kernel ? strcspn(kernel, "/") : 0;
	return *ret_len && kernel[*ret_len] ? kernel : NULL;
}

static int check_parsed(struct mf_context *ctx, const struct mf_module_verifier *v,
			const char *path, const struct mf_modinfo *info)
{
	int r = module_check_signature(ctx, v, path, info);

	return r < 0 ? r : check_index_fields(ctx, path, info);
}

int mf_verify_parsed_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
			    const struct mf_modinfo *info, const uint8_t digest[MF_SHA256_LEN])
{
	int r = mf_deny_check_digest(ctx, path, "module", digest);

	return r < 0 ? r : check_parsed(ctx, v, path, info);
}

int verify_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
		  const void *buf, size_t len, const uint8_t digest[MF_SHA256_LEN],
		  struct mf_modinfo *ret_info)
{
	size_t kernel_len;
	const char *kernel_path = module_kernel_of(path, &kernel_len);
	_cleanup_free_ char *kernel = kernel_path ? strndup(kernel_path, kernel_len) : NULL;
	int r;

	if (!kernel_path)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_MODULE, path,
			       "it is not in the module directory of a kernel");
	if (!kernel)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, path, NULL);
	r = mf_deny_check_digest(ctx, path, "module", digest);
	if (r < 0)
		return r;
	r = mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, ret_info);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY,
			       r == -EBADMSG ? -MFE_BAD_MODULE
			       : r == -EFBIG ? -MFE_TOO_LARGE
					     : r,
			       path, NULL);
	r = check_parsed(ctx, v, path, ret_info);
	return r < 0 ? r : module_check_kernel(ctx, v, path, kernel, ret_info);
}

int mf_verify_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
		     const void *buf, size_t len)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_sha256(buf, len, digest);

	return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, r, path, NULL)
		     : verify_module(ctx, v, path, buf, len, digest, &info);
}
