/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The package of a module: its name, provides, requires, recommends and supplements.
 *
 * The section PACKAGES of modfetch-pack(8) is the contract; each function here writes one row of
 * it. Relations are written as lines of a spec with '%' doubled. kmod/escape.c defines how an alias
 * is spelled for rpm and libsolv; an alias that libsolv cannot handle is reported here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/symvers.h"
#include "model.h"

/* libsolv does not split a longer dependency, so that zypper would not find the device */
#define SOLV_TOKEN_MAX 1023

static void put_symbols(const struct pack_kernel *kernel, const char *tag,
			const struct pack_symbol *symbols, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++)
		if (symbols[i].has_crc && !symbols[i].weak)
			fprintf(out, "%s: ksym(%s:%s) = %x\n", tag, kernel->release.flavor,
				symbols[i].name, symbols[i].crc);
}

static void put_escaped(const struct mf_release *r, bool supplements, const char *escaped,
			FILE *out)
{
	fprintf(out,
		supplements ? "Supplements: modalias(kernel-%s-%s:" : "Provides: kalias(%s-%s:",
		r->flavor, r->abi);
	pack_spec_put_text(escaped, out);
	fputs(")\n", out);
}

/* Writes one alias: a supplements if it has a bus, else a provides. */
static int kmp_put_alias(struct pack *pack, const struct pack_kernel *kernel,
			 const struct pack_module *module, const char *alias, FILE *out)
{
	const struct mf_release *r = &kernel->release;
	bool has_bus = strchr(alias, ':') != NULL;
	_cleanup_free_ char *escaped =
		mf_alias_escape(has_bus ? MF_ESCAPE_MODALIAS : MF_ESCAPE_KALIAS, alias);
	size_t len;

	if (!escaped)
		return -ENOMEM;
	if (!*alias)
		return 0;
	len = strlen(escaped) + strlen("modalias(kernel--:)") + strlen(r->flavor) + strlen(r->abi);
	/* without an ABI the text is only compared */
	if (has_bus && *r->abi && len > SOLV_TOKEN_MAX)
		mf_log(pack->ctx, MF_LOG_WARNING,
		       "pack: %s: an alias of %zu bytes is too long for libsolv: modfetch finds "
		       "the driver by it, zypper does not: %.60s…",
		       module->path, strlen(alias), alias);
	put_escaped(r, has_bus, escaped, out);
	return 0;
}

/* A kernel without symbol versions has no provides for symbols: those that are requested get one. */
static int put_requested_symbols(const struct pack_kernel *kernel, const struct pack_module *module,
				 FILE *out)
{
	for (size_t i = 0; i < module->requested_symbols.n; i++) {
		_cleanup_free_ char *escaped =
			mf_alias_escape(MF_ESCAPE_KALIAS, module->requested_symbols.v[i]);

		if (!escaped)
			return -ENOMEM;
		put_escaped(&kernel->release, false, escaped, out);
	}
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int put_aliases(struct pack *pack, const struct pack_kernel *kernel,
		       const struct pack_module *module, FILE *out)
{
	const char **aliases = module->fields[PACK_ALIAS];
	size_t n = module->n_fields[PACK_ALIAS];

	qsort(aliases, n, sizeof(*aliases), compare_strings);
	for (size_t i = 0; i < n; i++) {
		int r;

		if (i && !strcmp(aliases[i], aliases[i - 1]))
			continue;
		r = kmp_put_alias(pack, kernel, module, aliases[i], out);
		if (r < 0)
			return r;
	}
	return 0;
}

void pack_kmp_put_names(const struct pack_kernel *kernel, const char *tag,
			const struct pack_list *modules, FILE *out)
{
	for (size_t i = 0; i < modules->n; i++) {
		const struct pack_module *module = &kernel->modules[modules->v[i]];

		if (module->served_by)
			fprintf(out, "%s: %s\n", tag, module->served_by->name);
		else
			fprintf(out, "%s: %s-kmp-%s-%s\n", tag, module->name,
				kernel->release.flavor, kernel->release.abi);
	}
}

/* Do symbol versions bind the module to its kernel? */
static bool is_bound_by_symbols(const struct pack_module *module)
{
	for (size_t i = 0; i < module->n_imports; i++)
		if (module->imports[i].has_crc)
			return true;
	return false;
}

int pack_kmp_put_relations(struct pack *pack, const struct pack_kernel *kernel,
			   const struct pack_module *module, FILE *out)
{
	const struct mf_release *r = &kernel->release;
	int e;

	fprintf(out, "Provides: kmod(%s.ko)\nProvides: %s-kmp\nProvides: %s-kmp-%s\n", module->name,
		module->name, module->name, r->flavor);
	for (size_t i = 0; i < module->also.n; i++)
		fprintf(out, "Provides: %s\n", module->also.v[i]);
	put_symbols(kernel, "Provides", module->exports, module->n_exports, out);
	put_symbols(kernel, "Requires", module->imports, module->n_imports, out);
	if (!is_bound_by_symbols(module))
		fprintf(out, "Requires: kernel-uname-r = %s\n", r->uname_r);
	pack_kmp_put_names(kernel, "Requires", &module->needs, out);
	pack_kmp_put_names(kernel, "Recommends", &module->wants, out);
	pack_kmp_put_names(kernel, "Recommends", &module->requests, out);
	pack_kmp_put_names(kernel, "Suggests", &module->may_request, out);
	e = pack_firmware_recommend(pack, module, out);
	if (e < 0)
		return e;
	/* a new kernel's image brings this package if another kernel has the driver */
	fprintf(out, "Supplements: (kernel-%s-image-%s and %s-kmp-%s)\n", r->flavor, r->abi,
		module->name, r->flavor);
	e = put_requested_symbols(kernel, module, out);
	return e < 0 ? e : put_aliases(pack, kernel, module, out);
}

/*
 * The version of the package: that of a foreign driver, as far as rpm allows it; an in-tree driver
 * has that of its kernel.
 */
static char *package_version(const struct pack_kernel *kernel, const struct pack_module *module)
{
	if (module->intree || !module->version || !*module->version)
		return strdup(kernel->version);
	return mf_pack_version(module->version);
}

static int kmp_fill(struct pack *pack, const struct pack_kernel *kernel,
		    const struct pack_module *module, struct pack_package *package)
{
	_cleanup_free_ char *target = NULL;
	char hex[MF_SHA256_HEX];
	size_t len;
	FILE *out;
	int r;

	package->kind = PACK_KIND_MODULE;
	package->kernel = kernel;
	package->arch = module->arch;
	package->name = mf_release_kmp(&kernel->release, module->name);
	target = mf_format("%s/%s", kernel->install_dir, module->path);
	package->version = package_version(kernel, module);
	package->revision = strdup(kernel->revision);
	package->summary = pack_describe_summary(module);
	package->description = pack_describe_long(module);
	package->license = pack_describe_text(
		module->license && *module->license ? module->license : "not stated", 64);
	if (!package->name || !package->version || !package->revision || !package->summary ||
	    !package->description || !package->license || !target)
		return -ENOMEM;
	out = open_memstream(&package->relations, &len);
	if (!out)
		return -ENOMEM;
	r = pack_kmp_put_relations(pack, kernel, module, out);
	if (fclose(out) || r < 0)
		return r < 0 ? r : -ENOMEM;
	memcpy(package->share_key, module->share_key, sizeof(package->share_key));
	mf_sha256_hex(module->digest, hex);
	return pack_package_file(package, kernel->tree, module->path, target, hex, module->size);
}

int pack_kmp_make(struct pack *pack, struct pack_kernel *kernel)
{
	for (size_t m = 0; m < kernel->n_modules; m++) {
		struct pack_module *module = &kernel->modules[m];
		struct pack_package *package;
		int r;

		if (module->error || !module->picked || module->served_by)
			continue;
		package = pack_package_new(pack);
		if (!package)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, module->path, NULL);
		r = kmp_fill(pack, kernel, module, package);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, module->path, NULL);
		pack_package_set_fingerprint(package);
		module->package = pack->n_packages - 1;
		pack->result.modules_signed += module->is_signed;
	}
	return 0;
}
