/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vmlinux exports: from a Module.symvers, or failing that from its own modules.
 *
 * Without the file, a symbol that modules import and no module exports must be an export of
 * vmlinux, with the CRC they ask for: enough to install every package of this build, not enough for
 * a foreign driver, so it is told as a problem.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

struct growing {
	struct pack_kernel *kernel;
	size_t room, n_odd;
	char *odd; /* the first name that no package can list */
};

/* Names stay where they are, in the kernel's copy of the text. */
static int exports_note(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct growing *growing = arg;
	struct pack_kernel *kernel = growing->kernel;
	uint32_t value = (uint32_t)strtoul(crc, NULL, 16);

	if (strcmp(module, "vmlinux"))
		return 0;
	if (!pack_plain_symbol(symbol)) {
		if (!growing->n_odd++)
			growing->odd = strdup(symbol);
		return 0;
	}
	if (kernel->n_vmlinux == growing->room) {
		size_t room = growing->room ? 2 * growing->room : 4096;
		struct pack_symbol *more =
			reallocarray(kernel->vmlinux, room, sizeof(*kernel->vmlinux));

		if (!more)
			return -ENOMEM;
		kernel->vmlinux = more;
		growing->room = room;
	}
	/* zeros for all: the kernel was built without symbol versions */
	kernel->vmlinux[kernel->n_vmlinux++] =
		(struct pack_symbol){ strdup(symbol), value, value != 0, false };
	return kernel->vmlinux[kernel->n_vmlinux - 1].name ? 0 : -ENOMEM;
}

static int note_modules(const struct pack_kernel *kernel, struct pack_map *seen)
{
	for (size_t m = 0; m < kernel->n_modules; m++)
		for (size_t i = 0; i < kernel->modules[m].n_exports; i++) {
			int r = pack_map_set(seen, kernel->modules[m].exports[i].name, m);

			if (r < 0)
				return r;
		}
	return 0;
}

/* What is imported and by no module exported. */
static int derive(struct pack_kernel *kernel)
{
	_cleanup_(pack_map_done) struct pack_map seen = { 0 };
	struct growing growing = { .kernel = kernel };
	int r = note_modules(kernel, &seen);

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
				r = exports_note(&growing, s->name, crc, "vmlinux");
		}
	}
	return r;
}

int pack_exports_read(struct pack *pack, struct pack_kernel *kernel)
{
	const char *path = kernel->parts[PACK_SYMVERS];
	struct growing growing = { .kernel = kernel };
	_cleanup_free_ char *text = NULL;
	int r = 0;

	if (path) {
		r = exports_read_text(path, &text);
		if (r >= 0)
			r = mf_symvers_parse(text, exports_note, &growing);
		if (growing.n_odd)
			pack_problem(pack, -MFE_PACK, path,
				     "no package can name %zu of its symbols, the first is %s",
				     growing.n_odd, growing.odd ? growing.odd : "?");
		free(MF_STEAL(growing.odd));
		if (r >= 0 && kernel->n_vmlinux)
			return 0;
		pack_problem(pack, r < 0 ? r : -MFE_PACK, path,
			     "no symbol versions of vmlinux can be read from it; they are taken "
			     "from what the modules import");
	} else {
		pack_problem(pack, -MFE_PACK, kernel->release.release,
			     "no Module.symvers was found (--symvers names one): what vmlinux "
			     "exports is taken from what the modules import");
	}
	pack_exports_done(kernel);
	r = derive(kernel);
	return r < 0 ? mf_fail(pack->ctx, "pack", r, "symvers", NULL) : 0;
}

void pack_exports_done(struct pack_kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_vmlinux; i++)
		free((char *)(uintptr_t)kernel->vmlinux[i].name);
	free(kernel->vmlinux);
	kernel->vmlinux = NULL;
	kernel->n_vmlinux = 0;
}
