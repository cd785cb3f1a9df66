/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exports of vmlinux: from a Module.symvers, else derived from the modules of the kernel.
 *
 * Without the file, a symbol that modules import and no module exports must be an export of
 * vmlinux, with the CRC of the import. That is enough to install every package of this build, but
 * not for a foreign driver, so it is reported as a problem.
 *
 * With the option "drivers" there are no modules of the kernel to look at: the exports are then those of
 * its modules too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/symvers.h"
#include "model.h"

#define SYMVERS_MAX ((size_t)256 << 20)

static int exports_read_text(const char *path, char **ret_text)
{
	_cleanup_free_ char *packed = NULL;
	_cleanup_free_ void *text = NULL;
	size_t len, text_len;
	int r = mf_file_read_at(AT_FDCWD, path, SYMVERS_MAX, &packed, &len);

	if (r < 0)
		return r;
	if (!mf_inflate_known(packed, len)) {
		*ret_text = MF_STEAL(packed);
		return 0;
	}
	r = mf_inflate(packed, len, SYMVERS_MAX, &text, &text_len);
	if (r < 0)
		return r;
	*ret_text = strndup(text, text_len);
	return *ret_text ? 0 : -ENOMEM;
}

struct reading {
	struct pack_kernel *kernel;
	bool modules_too;
	size_t room, n_unusable;
	char *unusable; /* the first name that no dependency can contain; owned */
};

/* Adds one symbol of vmlinux; those of modules are ignored. */
static int exports_add_export(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct reading *reading = arg;
	struct pack_kernel *kernel = reading->kernel;
	uint32_t value = (uint32_t)strtoul(crc, NULL, 16);

	if (strcmp(module, "vmlinux") && !reading->modules_too)
		return 0;
	if (!pack_plain_symbol(symbol)) {
		if (!reading->n_unusable++)
			reading->unusable = strdup(symbol);
		return 0;
	}
	if (mf_array_reserve(&kernel->vmlinux, &reading->room, kernel->n_vmlinux + 1,
			     sizeof(*kernel->vmlinux)) < 0)
		return -ENOMEM;
	/* a kernel without symbol versions has a zero for each symbol */
	kernel->vmlinux[kernel->n_vmlinux++] =
		(struct pack_symbol){ strdup(symbol), value, value != 0, false };
	return kernel->vmlinux[kernel->n_vmlinux - 1].name ? 0 : -ENOMEM;
}

static int index_modules(const struct pack_kernel *kernel, struct pack_map *seen)
{
	for (size_t m = 0; m < kernel->n_modules; m++)
		for (size_t i = 0; i < kernel->modules[m].n_exports; i++) {
			int r = pack_map_set(seen, kernel->modules[m].exports[i].name, m);

			if (r < 0)
				return r;
		}
	return 0;
}

/* Adds the symbols that modules import and no module exports. */
static int derive_exports(struct pack_kernel *kernel)
{
	_cleanup_(pack_map_done) struct pack_map seen = { 0 };
	struct reading reading = { .kernel = kernel };
	int r = index_modules(kernel, &seen);

	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		for (size_t i = 0; r >= 0 && !module->error && i < module->n_imports; i++) {
			const struct pack_symbol *s = &module->imports[i];
			char crc[16];

			if (s->weak || pack_map_get(&seen, s->name) != PACK_NONE)
				continue;
			snprintf(crc, sizeof(crc), "%x", s->has_crc ? s->crc : 0);
			r = pack_map_set(&seen, s->name, m);
			if (r >= 0)
				r = exports_add_export(&reading, s->name, crc, "vmlinux");
		}
	}
	return r;
}

int pack_exports_read(struct pack *pack, struct pack_kernel *kernel)
{
	const char *path = kernel->parts[PACK_SYMVERS];
	struct reading reading = { .kernel = kernel,
				   .modules_too = pack->options->drivers != NULL };
	_cleanup_free_ char *text = NULL;
	int r = 0;

	if (path) {
		r = exports_read_text(path, &text);
		if (r >= 0)
			r = mf_symvers_parse(text, exports_add_export, &reading);
		if (reading.n_unusable)
			pack_problem(pack, -MFE_PACK, path,
				     "no package can name %zu of its symbols, the first is %s",
				     reading.n_unusable, reading.unusable ? reading.unusable : "?");
		free(MF_STEAL(reading.unusable));
		if (r >= 0 && kernel->n_vmlinux)
			return 0;
		pack_problem(pack, r < 0 ? r : -MFE_PACK, path,
			     "it has no symbol versions of vmlinux that can be read, so drivers of "
			     "others find only the symbols that modules of this tree use");
	} else {
		mf_log(pack->ctx, MF_LOG_WARNING,
		       "pack: %s: no Module.symvers was found, so drivers of others find only the "
		       "symbols that modules of this tree use; name the file with --symvers",
		       kernel->release.release);
	}
	pack_exports_done(kernel);
	r = derive_exports(kernel);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, "symvers", NULL) : 0;
}

void pack_exports_done(struct pack_kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_vmlinux; i++)
		free((char *)(uintptr_t)kernel->vmlinux[i].name);
	free(kernel->vmlinux);
	kernel->vmlinux = NULL;
	kernel->n_vmlinux = 0;
}
