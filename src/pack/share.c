/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Equal modules once: packages of other kernels that serve for the modules of a kernel.
 *
 * When a distribution rebuilds a kernel without changing its exports, nearly all modules do what
 * they did before, but no two files are equal: each has the release in it. A module is then not
 * packed again. The published package of the other kernel serves for it, and modfetch makes a link
 * from the directory of the new kernel to the module of the old one. All of these must hold:
 *
 *	- the two modules do the same (modfetch/modinfo.h), and their packages would have the same
 *	  relations but for the ABI in names: the same exports and imports with the same CRCs, devices,
 *	  dependencies, firmware. The kernel accepts its own module, so it accepts the other one;
 *	- symbol versions bind the module, for then the kernel ignores the release in vermagic;
 *	- the kernel accepts a module whose BTF does not fit its own (CONFIG_MODULE_ALLOW_BTF_MISMATCH),
 *	  if the module has BTF, and the module refers to no type by its number: without its BTF such a
 *	  module cannot register what it has for BPF, and nf_conntrack, for one, then fails to load;
 *	- the same key signed both, if the kernel is built to load nothing else
 *	  (CONFIG_MODULE_SIG_FORCE). Lockdown demands that at run time too, which cannot be known
 *	  here: the manual says so.
 *
 * A package of its own kernel, kernel-shared-driver-F-A, lists them, with the first bytes of the
 * digest of each: "Provides: shared-kmp(NAME) = DIGEST". That package is in primary.xml like any other:
 * its signature covers the list, and published packages need not change. Names in relations of other
 * packages are those of the packages that serve. The other way round, a serving package may need a
 * module by the name of the other kernel's package, while this kernel has its own: that package
 * then also provides the other name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kernel-config.h"
#include "modfetch/strings.h"
#include "model.h"

/* To be changed when what the keys are made of changes. */
#define FORMAT	   "modfetch-share 1"
#define DIGEST_LEN 16 /* hexadecimal digits in the list */

/* ---- keys ---- */

/* What a kernel accepts. */
struct accepts {
	bool other_btf;	   /* a module whose BTF was made for another build */
	bool other_signer; /* a module that it has no key for */
};

static struct accepts read_config(const struct pack_kernel *kernel)
{
	_cleanup_free_ char *config = NULL;
	size_t len;

	if (!kernel->parts[PACK_CONFIG] ||
	    mf_file_read_at(AT_FDCWD, kernel->parts[PACK_CONFIG], 16U << 20, &config, &len) < 0)
		return (struct accepts){ false, false };
	return (struct accepts){
		.other_btf = mf_kernel_config_has(config, "CONFIG_MODULE_ALLOW_BTF_MISMATCH") ||
			     !mf_kernel_config_has(config, "CONFIG_DEBUG_INFO_BTF_MODULES"),
		.other_signer = !mf_kernel_config_has(config, "CONFIG_MODULE_SIG_FORCE"),
	};
}

static bool may_share(const struct pack_module *module, const struct accepts *accepts)
{
	bool is_bound = false;

	for (size_t i = 0; !is_bound && i < module->n_imports; i++)
		is_bound = module->imports[i].has_crc;
	return !module->error && module->picked && is_bound && module->has_versions &&
	       strstr(module->vermagic, " modversions ") && !module->has_btf_ids &&
	       (accepts->other_btf || !module->has_btf);
}

static int share_set_key(struct pack *pack, const struct pack_kernel *plain,
			 const struct accepts *accepts, struct pack_module *module)
{
	_cleanup_free_ char *text = NULL;
	char hex[MF_SHA256_HEX];
	uint8_t digest[MF_SHA256_LEN];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return -ENOMEM;
	mf_sha256_hex(module->code, hex);
	fprintf(out, FORMAT "\n%s\n%s\n%s\n%s\n", module->path, module->name, module->arch, hex);
	if (!accepts->other_signer) {
		mf_sha256_hex(module->signer, hex);
		fprintf(out, "%s\n", hex);
	}
	r = pack_kmp_put_relations(pack, plain, module, out);
	if (fclose(out) && r >= 0)
		r = -ENOMEM;
	if (r >= 0)
		r = mf_sha256(text, len, digest);
	if (r >= 0)
		mf_sha256_hex(digest, module->share_key);
	return r;
}

static int share_set_keys(struct pack *pack, struct pack_kernel *kernel)
{
	struct pack_kernel plain = *kernel; /* borrows all but the names */
	const struct accepts accepts = read_config(kernel);

	plain.release.abi[0] = plain.release.uname_r[0] = '\0';
	for (size_t m = 0; m < kernel->n_modules; m++) {
		int r = may_share(&kernel->modules[m], &accepts)
				? share_set_key(pack, &plain, &accepts, &kernel->modules[m])
				: 0;

		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->modules[m].path, NULL);
	}
	return 0;
}

/* ---- packages that serve ---- */

static int share_copy_entry(const struct pack_entry *from, struct pack_entry **ret_entry)
{
	/* one block, so that free() is enough */
	size_t href = strlen(from->href) + 1, name = strlen(from->name) + 1;
	struct pack_entry *to = malloc(sizeof(*to) + href + name);

	if (!to)
		return -ENOMEM;
	*to = *from;
	to->owner = NULL;
	to->href = memcpy(to + 1, from->href, href);
	to->name = memcpy(to->href + href, from->name, name);
	*ret_entry = to;
	return 0;
}

/* Maps each key to a package that is there; of several to the one of the newest kernel. */
static int map_keys(struct pack *pack, const struct pack_entries *entries, struct pack_map *map)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < entries->n; i++) {
		const struct pack_entry *e = &entries->v[i];
		size_t other = *e->share_key ? pack_map_get(map, e->share_key) : PACK_NONE;

		if (!*e->share_key || !pack_state_is_there(pack, e) ||
		    (other != PACK_NONE && strverscmp(entries->v[other].name, e->name) >= 0))
			continue;
		r = pack_map_set(map, e->share_key, i);
	}
	return r;
}

static int share_serve(struct pack *pack, struct pack_kernel *kernel,
		       const struct pack_entries *entries, const struct pack_map *keys)
{
	for (size_t m = 0; m < kernel->n_modules; m++) {
		struct pack_module *module = &kernel->modules[m];
		size_t at = *module->share_key ? pack_map_get(keys, module->share_key) : PACK_NONE;
		_cleanup_free_ char *own = NULL;
		int r;

		if (at == PACK_NONE)
			continue;
		own = mf_release_kmp(&kernel->release, module->name);
		if (!own)
			return -ENOMEM;
		/* its own package, which serves others */
		if (!strcmp(own, entries->v[at].name))
			continue;
		r = share_copy_entry(&entries->v[at], &module->served_by);
		if (r < 0)
			return r;
		pack->result.shared++;
	}
	return 0;
}

/* ---- modules of this kernel that serving packages need ---- */

/* "amd64-6.1.0_56" of "e1000e-kmp-amd64-6.1.0_56", or NULL. */
static const char *tag_of_name(const char *name)
{
	const char *kmp = strstr(name, "-kmp-");

	return kmp ? kmp + strlen("-kmp-") : NULL;
}

/*
 * The kernels whose packages serve, and those whose packages serve these: their names are in the
 * relations of serving packages.
 */
static int list_tags(const struct pack_kernel *kernel, const struct pack_entries *entries,
		     struct mf_strings *tags)
{
	size_t before;
	int r = 0;

	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++) {
		const struct pack_entry *e = kernel->modules[m].served_by;

		r = e ? mf_strings_add_unique(tags, tag_of_name(e->name)) : 0;
	}
	do {
		before = tags->n;
		for (size_t i = 0; r >= 0 && i < entries->n; i++) {
			const char *tag = tag_of_name(entries->v[i].name);
			_cleanup_free_ char *owner = pack_state_tag(&entries->v[i]);

			if (tag && owner && mf_strings_has(tags, owner))
				r = mf_strings_add_unique(tags, tag);
		}
	} while (r >= 0 && tags->n > before);
	return r;
}

static void share_mark(const struct pack_list *list, bool *asked)
{
	for (size_t i = 0; i < list->n; i++)
		asked[list->v[i]] = true;
}

/* Gives the packages of modules that serving packages name the names that these use. */
static int share_name(struct pack_kernel *kernel, const struct mf_strings *tags)
{
	_cleanup_free_ bool *asked = calloc(kernel->n_modules + 1, sizeof(*asked));
	_cleanup_free_ char *own = mf_format("%s-%s", kernel->release.flavor, kernel->release.abi);
	int r = asked && own ? 0 : -ENOMEM;

	for (size_t m = 0; !r && m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		if (!module->served_by)
			continue;
		share_mark(&module->needs, asked);
		share_mark(&module->wants, asked);
		share_mark(&module->requests, asked);
		share_mark(&module->may_request, asked);
	}
	for (size_t m = 0; !r && m < kernel->n_modules; m++) {
		struct pack_module *module = &kernel->modules[m];

		for (size_t i = 0; !r && asked[m] && !module->served_by && i < tags->n; i++) {
			_cleanup_free_ char *name =
				mf_format("%s-kmp-%s", module->name, tags->v[i]);

			if (strcmp(tags->v[i], own) != 0)
				r = name ? mf_strings_add(&module->also, name) : -ENOMEM;
		}
	}
	return r;
}

int pack_share_find(struct pack *pack)
{
	_cleanup_(pack_entries_done) struct pack_entries entries = { 0 };
	_cleanup_(pack_map_done) struct pack_map keys = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings tags = { 0 };
	struct pack_kernel *kernel = pack->kernels;
	int r = 0;

	for (size_t k = 0; r >= 0 && k < pack->n_kernels; k++)
		r = share_set_keys(pack, &pack->kernels[k]);
	if (r >= 0 && pack->options->share)
		r = pack_state_entries(pack, true, &entries);
	if (r < 0 || !pack->options->share)
		return r;
	r = map_keys(pack, &entries, &keys);
	if (r >= 0)
		r = share_serve(pack, kernel, &entries, &keys);
	if (r >= 0)
		r = list_tags(kernel, &entries, &tags);
	if (r >= 0)
		r = share_name(kernel, &tags);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, "share", NULL) : 0;
}

/* ---- the package that lists them ---- */

static int put_served(const struct pack *pack, const struct pack_entry *entry, FILE *out)
{
	_cleanup_close_ int fd = openat(pack->repo_fd, entry->href, O_RDONLY | O_CLOEXEC);
	uint8_t digest[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX];
	int r = fd < 0 ? -errno : mf_sha256_fd(fd, digest);

	if (r < 0)
		return r;
	mf_sha256_hex(digest, hex);
	fprintf(out, "Provides: shared-kmp(%s) = %.*s\n", entry->name, DIGEST_LEN, hex);
	return 0;
}

static int share_put_relations(const struct pack *pack, const struct pack_kernel *kernel,
			       struct pack_package *package)
{
	size_t len;
	FILE *out = open_memstream(&package->relations, &len);
	int r = 0;

	if (!out)
		return -ENOMEM;
	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++)
		if (kernel->modules[m].served_by)
			r = put_served(pack, kernel->modules[m].served_by, out);
	return fclose(out) && r >= 0 ? -ENOMEM : r;
}

static int share_fill(const struct pack *pack, const struct pack_kernel *kernel,
		      struct pack_package *package)
{
	const struct mf_release *r = &kernel->release;

	package->kind = PACK_KIND_PATTERN;
	package->kernel = kernel;
	package->arch = kernel->arch;
	package->name = mf_format("kernel-shared-driver-%s-%s", r->flavor, r->abi);
	package->version = strdup(kernel->version);
	package->revision = strdup(kernel->revision);
	package->summary = mf_format("List of drivers of other kernels for Linux %s", r->release);
	package->license = strdup("GPL-2.0-only");
	package->description = mf_format("Lists %zu packages of other kernels whose modules serve "
					 "this kernel. It need not be installed.",
					 pack->result.shared);
	if (!package->name || !package->version || !package->revision || !package->summary ||
	    !package->license || !package->description)
		return -ENOMEM;
	return share_put_relations(pack, kernel, package);
}

int pack_share_make(struct pack *pack, struct pack_kernel *kernel)
{
	struct pack_package *package;
	int r;

	if (!pack->result.shared)
		return 0;
	package = pack_package_new(pack);
	r = package ? share_fill(pack, kernel, package) : -ENOMEM;
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "share", NULL);
	pack_package_set_fingerprint(package);
	return 0;
}
