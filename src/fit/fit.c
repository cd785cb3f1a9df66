/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides whether a kernel would load a module.
 *
 * The rules are those of the kernel's loader. With symbol versions on both sides the release in the
 * vermagic does not matter and its flags must be equal; every import that the kernel exports with a
 * CRC must have that CRC; an import without a CRC of its own is accepted. Otherwise the whole
 * vermagic must be equal. A symbol in a namespace is for modules that import the namespace ("module:…" names
 * the modules themselves), unless the kernel only warns. A symbol of EXPORT_SYMBOL_GPL does not
 * exist for a module with another license. A weak import may be missing.
 *
 * What modprobe does counts too: an export of a module counts only if that module is in the index,
 * as the index has it.
 *
 * What nobody states is never taken for a yes.
 */
#include "modfetch/fit.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kernel-config.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "exports.h"
#include "index.h"
#include "terms.h"

#define SAMPLES 32 /* modules of the kernel that are looked at for its vermagic */

struct mf_fit_kernel {
	struct mf_context *ctx;
	char *release;
	struct fit_index index;
	struct fit_exports exports; /* with those of modules if they come from symvers */
	bool quick, exports_read;
	bool sample_read;
	char *vermagic;	  /* of one of its own modules, or of its image; or NULL */
	uint16_t machine; /* of one of its own modules; 0: there is none */
	bool is_64bit;
	bool config_read;
	char *config; /* NULL: there is none */
};

/* ---- the kernel ---- */

/* Is an option on? Without a configuration it is off: then the loader is strict. 0 or -ENOMEM. */
static int fit_config_has(struct mf_fit_kernel *k, const char *option, bool *ret_on)
{
	int r = k->config_read ? 0 : mf_kernel_config_read(k->ctx, k->release, &k->config);

	if (r < 0)
		return r;
	k->config_read = true;
	*ret_on = mf_kernel_config_has(k->config, option);
	return 0;
}

/* Fills in a zeroed kernel. 0 or -errno. */
static int fit_kernel_init(struct mf_context *ctx, const char *kernel, struct mf_fit_kernel *k)
{
	_cleanup_free_ char *directory = NULL;
	_cleanup_close_ int fd = -1;

	k->ctx = ctx;
	/* the release is the name of a directory and of a file */
	if (!*kernel || *kernel == '.' || strchr(kernel, '/'))
		return -EINVAL;
	k->release = strdup(kernel);
	if (!k->release)
		return -ENOMEM;
	directory = mf_kernel_path(kernel, NULL);
	fd = directory ? mf_context_open(ctx, directory, O_PATH | O_DIRECTORY) : -ENOMEM;
	if (fd < 0 && fd != -ENOENT)
		return fd;
	/* without a directory there may be symvers or an image */
	return fit_index_init(&k->index, ctx, fd < 0 ? NULL : directory);
}

int mf_fit_kernel_new(struct mf_context *ctx, const char *kernel, enum mf_fit_effort effort,
		      struct mf_fit_kernel **ret_kernel)
{
	struct mf_fit_kernel *k = calloc(1, sizeof(*k));
	int r = k ? fit_kernel_init(ctx, kernel, k) : -ENOMEM;

	if (r < 0) {
		mf_fit_kernel_free(k);
		return mf_fail(ctx, MF_STAGE_VERIFY, r, kernel, NULL);
	}
	k->quick = effort == MF_FIT_QUICK;
	*ret_kernel = k;
	return 0;
}

void mf_fit_kernel_free(struct mf_fit_kernel *kernel)
{
	if (!kernel)
		return;
	fit_index_done(&kernel->index);
	fit_exports_done(&kernel->exports);
	free(kernel->release);
	free(kernel->vermagic);
	free(kernel->config);
	free(kernel);
}

const char *mf_fit_kernel_path(const struct mf_fit_kernel *kernel, const char *name)
{
	return fit_index_path(&kernel->index, name);
}

int mf_fit_kernel_add(struct mf_fit_kernel *kernel, const char *name,
		      const struct mf_modinfo *module)
{
	return fit_index_add(&kernel->index, name, module);
}

static int fit_read_exports(struct mf_fit_kernel *k)
{
	int r;

	if (k->exports_read)
		return 0;
	r = fit_exports_symvers(k->ctx, k->release, &k->exports);
	if (r > 0)
		r = fit_exports_other(k->ctx, k->release, &k->index, k->quick, &k->exports);
	k->exports_read = r == 0;
	return r;
}

struct sampling {
	struct mf_fit_kernel *kernel;
	size_t n;
};

/* Keeps what a module of the kernel says of it. 1: that is enough. */
static int on_sample(void *arg, const char *path)
{
	struct sampling *s = arg;
	struct mf_fit_kernel *k = s->kernel;
	const char *vermagic;
	_cleanup_close_ int fd = -1;
	struct mf_modinfo info;
	size_t len = strlen(k->release);
	int r;

	if (++s->n > SAMPLES)
		return 1;
	fd = fit_index_open(&k->index, path);
	r = fd < 0 ? fd : mf_modinfo_scan(fd, &info);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	vermagic = mf_modinfo_get(&info, "vermagic");
	r = 0;
	if (vermagic && mf_starts_with(vermagic, k->release) && vermagic[len] == ' ') {
		k->machine = info.elf_machine;
		k->is_64bit = info.is_64bit;
		k->vermagic = strdup(vermagic);
		r = k->vermagic ? 1 : -ENOMEM;
	}
	mf_modinfo_done(&info);
	return r;
}

/* Without modules the vermagic may be in the image; that is read only for a module of another one. */
static int fit_read_sample(struct mf_fit_kernel *k, bool try_image)
{
	struct sampling s = { .kernel = k };
	_cleanup_(fit_exports_done) struct fit_exports image = { 0 };
	int r = 0;

	if (!k->sample_read)
		r = fit_index_each_in_box(&k->index, on_sample, &s);
	if (r < 0)
		return r;
	k->sample_read = true;
	if (k->vermagic || !try_image)
		return 0;
	if (k->exports.vermagic) {
		k->vermagic = strdup(k->exports.vermagic);
		return k->vermagic ? 0 : -ENOMEM;
	}
	r = fit_exports_other(k->ctx, k->release, &k->index, k->quick, &image);
	if (!r)
		k->vermagic = MF_STEAL(image.vermagic);
	return r;
}

/* ---- one module ---- */

struct fit {
	struct mf_fit_kernel *kernel;
	const struct mf_modinfo *module;
	const char *name;
	const char *vermagic;
	bool versions; /* CRCs decide: both have them */
	bool gpl;
	struct mf_fit result;
};

/* Records a verdict, unless a more important one is recorded already. */
__attribute__((format(printf, 4, 5))) static void fit_verdict(struct fit *f,
							      enum mf_fit_verdict verdict,
							      const char *symbol, const char *fmt,
							      ...)
{
	struct mf_fit *result = &f->result;
	va_list ap;

	if (result->verdict && result->verdict <= verdict)
		return;
	result->verdict = verdict;
	snprintf(result->symbol, sizeof(result->symbol), "%s", symbol);
	va_start(ap, fmt);
	vsnprintf(result->why, sizeof(result->why), fmt, ap);
	va_end(ap);
}

/* The flags of a vermagic, with the blank before them. */
static const char *flags_of(const char *vermagic)
{
	return strchrnul(vermagic, ' ');
}

static void fit_check_vermagic(struct fit *f)
{
	const struct mf_fit_kernel *k = f->kernel;
	int release = (int)(flags_of(f->vermagic) - f->vermagic);
	const char *flags = k->vermagic ? flags_of(k->vermagic) : NULL;

	if (k->machine &&
	    (k->machine != f->module->elf_machine || k->is_64bit != f->module->is_64bit))
		fit_verdict(f, MF_FIT_MACHINE, "",
			    "it was built for another processor than kernel %s", k->release);
	/* a kernel of which nothing is known may have versions */
	if (!f->versions && !f->result.same_release &&
	    (k->vermagic || k->exports.n || !f->module->has_versions))
		fit_verdict(f, MF_FIT_VERMAGIC, "", "it was built for %.*s, not for %s", release,
			    f->vermagic, k->release);
	if (flags && strcmp(flags_of(f->vermagic), flags) != 0)
		fit_verdict(f, MF_FIT_VERMAGIC, "",
			    "its vermagic has \"%s\", but the kernel's own modules have \"%s\"",
			    flags_of(f->vermagic), flags);
	if (!flags && !f->result.same_release)
		fit_verdict(f, MF_FIT_UNKNOWN, "",
			    "it was built for %.*s, and no module of kernel %s is on disk to "
			    "compare its vermagic with",
			    release, f->vermagic, k->release);
}

/* Does the kernel have symbol versions? Its vermagic says so, or its exports have CRCs. */
static bool kernel_has_versions(const struct mf_fit_kernel *k)
{
	if (k->vermagic)
		return strstr(flags_of(k->vermagic), " modversions ");
	for (size_t i = 0; i < k->exports.n; i++)
		if (k->exports.v[i].has_crc)
			return true;
	return false;
}

/* Compares what is exported with what the module wants. */
static int fit_check_export(struct fit *f, const struct mf_symbol *import,
			    const struct fit_export *export)
{
	struct mf_fit_kernel *k = f->kernel;
	/* where all exports are known, one without a CRC has the CRC 0 */
	bool known = export->has_crc || (k->exports.complete && !export->module);
	bool tolerant = false;
	int r = 0;

	if (f->versions && import->has_crc && known) {
		if (import->crc != export->crc)
			fit_verdict(f, MF_FIT_CRC, import->name,
				    "it needs %s with CRC %08" PRIx32
				    ", but kernel %s has %08" PRIx32,
				    import->name, import->crc, k->release, export->crc);
		else
			f->result.compared++;
	} else if (f->versions && import->has_crc && !export->module) {
		fit_verdict(f, MF_FIT_UNKNOWN, import->name,
			    "it needs %s with CRC %08" PRIx32
			    ", and nothing on this machine says which CRC kernel %s has",
			    import->name, import->crc, k->release);
	}
	if (*export->ns && !fit_imports_namespace(f->module, f->name, export->ns)) {
		r = fit_config_has(k, "CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS", &tolerant);
		if (!r && !tolerant)
			fit_verdict(f, MF_FIT_NAMESPACE, import->name,
				    "it needs %s of the namespace %s, which it does not import",
				    import->name, export->ns);
	}
	if (export->gpl_only && !f->gpl)
		fit_verdict(f, MF_FIT_LICENSE, import->name,
			    "it needs %s, which kernel %s exports only to modules with a GPL "
			    "license",
			    import->name, k->release);
	return r;
}

/*
 * Finds who exports a symbol on this machine: the kernel itself, or the module that modprobe would
 * load. 0: *RET_EXPORT, NULL if nobody does; *RET_ABSENT is the name of a module that does, but is
 * not on disk. Or -ENOMEM.
 */
static int find_export(struct mf_fit_kernel *k, const char *symbol,
		       const struct fit_export **ret_export, const char **ret_absent)
{
	const struct fit_export *listed = fit_exports_get(&k->exports, symbol), *found = NULL;
	const char *by = listed ? listed->module : NULL;
	int r;

	*ret_absent = NULL;
	*ret_export = listed;
	if (listed && !by)
		return 0;
	found = fit_exports_get(&k->index.exports, symbol);
	if (!found && by && fit_index_in_box(&k->index, by))
		return 0;
	/* a module that hides the kernel's own speaks for itself; of a missing one, another may do */
	if (!found) {
		r = fit_index_export(&k->index, symbol,
				     by && fit_index_path(&k->index, by) ? by : NULL, &found);
		if (r < 0)
			return r;
	}
	if (!found && by && !fit_index_path(&k->index, by))
		*ret_absent = by;
	else
		*ret_export = found;
	return 0;
}

static int fit_check_import(struct fit *f, const struct mf_symbol *import)
{
	struct mf_fit_kernel *k = f->kernel;
	const struct fit_export *export;
	const char *absent;
	int r = find_export(k, import->name, &export, &absent);

	if (r < 0)
		return r;
	if (absent)
		fit_verdict(f, MF_FIT_NO_MODULE, import->name,
			    "it needs %s of %s, which is not on disk for kernel %s", import->name,
			    absent, k->release);
	if (export)
		return fit_check_export(f, import, export);
	if (import->weak)
		return 0;
	if (k->exports.complete)
		fit_verdict(f, MF_FIT_NO_SYMBOL, import->name,
			    "it needs %s, which neither kernel %s nor a module on disk for it "
			    "exports",
			    import->name, k->release);
	else
		fit_verdict(f, MF_FIT_UNKNOWN, import->name,
			    "it needs %s, and nothing on this machine says whether kernel %s "
			    "exports it",
			    import->name, k->release);
	return 0;
}

/* Without CRCs a kernel that wants them loads the module only if it was built to load by force. */
static int fit_check_versions(struct fit *f, bool wanted)
{
	struct mf_fit_kernel *k = f->kernel;
	bool force = false;
	int r;

	if (!wanted || f->module->has_versions || !f->module->n_imports)
		return 0;
	r = fit_config_has(k, "CONFIG_MODULE_FORCE_LOAD", &force);
	if (!r && !force)
		fit_verdict(f, MF_FIT_NO_VERSIONS, "",
			    "it has no symbol versions, and kernel %s wants them", k->release);
	return r;
}

/*
 * A module of another build numbers types of that build's kernel. The kernel refuses such BTF, or
 * ignores it; what refers to types by their numbers then fails to initialize.
 */
static int fit_check_btf(struct fit *f)
{
	struct mf_fit_kernel *k = f->kernel;
	bool used = false, mismatch = false;
	int r;

	if (f->result.same_release || (!f->module->has_btf && !f->module->has_btf_ids))
		return 0;
	r = fit_config_has(k, "CONFIG_DEBUG_INFO_BTF_MODULES", &used);
	if (!r)
		r = fit_config_has(k, "CONFIG_MODULE_ALLOW_BTF_MISMATCH", &mismatch);
	if (r < 0)
		return r;
	if (!k->config)
		fit_verdict(f, MF_FIT_UNKNOWN, "",
			    "it has BTF of another build, and the configuration of kernel %s is "
			    "not there to say whether it accepts that",
			    k->release);
	else if (used && (f->module->has_btf_ids || !mismatch))
		fit_verdict(f, MF_FIT_BTF, "",
			    "its BTF was made for another build, whose types have other numbers");
	return 0;
}

static int fit_judge(struct fit *f)
{
	struct mf_fit_kernel *k = f->kernel;
	bool wanted;
	int r = fit_read_exports(k);

	if (!r)
		r = fit_read_sample(k, !f->result.same_release);
	if (r < 0)
		return r;
	wanted = kernel_has_versions(k);
	f->versions = wanted && f->module->has_versions;
	f->gpl = fit_has_gpl_license(f->module);
	fit_check_vermagic(f);
	r = fit_check_versions(f, wanted);
	if (k->quick && !k->exports.n) {
		fit_verdict(f, MF_FIT_UNKNOWN, "", "what kernel %s exports was not looked up",
			    k->release);
		return r;
	}
	for (size_t i = 0; !r && i < f->module->n_imports; i++)
		r = fit_check_import(f, &f->module->imports[i]);
	return r ? r : fit_check_btf(f);
}

int mf_fit(struct mf_fit_kernel *kernel, const char *name, const struct mf_modinfo *module,
	   struct mf_fit *ret_fit)
{
	struct mf_context *ctx = kernel->ctx;
	struct fit f = {
		.kernel = kernel,
		.module = module,
		.name = name,
		.vermagic = mf_modinfo_get(module, "vermagic"),
	};
	size_t release;
	int r;

	if (!f.vermagic)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_MODULE, name,
			       "it has no vermagic, so its kernel is not known");
	release = strcspn(f.vermagic, " ");
	f.result.same_release =
		release == strlen(kernel->release) && !memcmp(f.vermagic, kernel->release, release);
	r = fit_judge(&f);
	if (r < 0)
		return ctx->failure.code == r ? r : mf_fail(ctx, MF_STAGE_VERIFY, r, name, NULL);
	*ret_fit = f.result;
	return 0;
}

int mf_fit_file(struct mf_fit_kernel *kernel, int dirfd, const char *path, struct mf_fit *ret_fit)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	char name[MF_MODULE_NAME_SIZE];
	int r = mf_module_name(path, name, sizeof(name)) ? mf_modinfo_scan_at(dirfd, path, &info)
							 : -EBADMSG;

	return r < 0 ? r : mf_fit(kernel, name, &info, ret_fit);
}

const char *mf_fit_name(enum mf_fit_verdict verdict)
{
	static const char *const names[] = {
		[MF_FIT_YES] = "yes",
		[MF_FIT_MACHINE] = "machine",
		[MF_FIT_VERMAGIC] = "vermagic",
		[MF_FIT_NO_VERSIONS] = "no-versions",
		[MF_FIT_CRC] = "crc",
		[MF_FIT_NAMESPACE] = "namespace",
		[MF_FIT_LICENSE] = "license",
		[MF_FIT_BTF] = "btf",
		[MF_FIT_NO_SYMBOL] = "no-symbol",
		[MF_FIT_NO_MODULE] = "no-module",
		[MF_FIT_UNKNOWN] = "unknown",
	};

	return names[verdict];
}
