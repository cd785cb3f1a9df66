/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module of any bytes, read in both ways: completely from memory, and only its names from a file.
 * Both find the same, or both refuse it; every name is terminated.
 */
#include "fuzz-root.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_names(const struct mf_symbol *a, size_t n, const struct mf_symbol *b, size_t m)
{
	assert(n == m);
	for (size_t i = 0; i < n; i++)
		assert(!strcmp(a[i].name, b[i].name) && a[i].weak == b[i].weak);
}

static void compare(const struct mf_modinfo *whole, const struct mf_modinfo *names)
{
	assert(whole->n_fields == names->n_fields);
	for (size_t i = 0; i < whole->n_fields; i++) {
		assert(!strcmp(whole->fields[i].key, names->fields[i].key));
		assert(!strcmp(whole->fields[i].value, names->fields[i].value));
	}
	same_names(whole->exports, whole->n_exports, names->exports, names->n_exports);
	assert(whole->is_64bit == names->is_64bit && whole->is_big_endian == names->is_big_endian);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_context *ctx = fuzz_root();
	struct mf_modinfo whole, names;
	int r = mf_modinfo_parse(data, size, 1 << 24, &whole), s;

	fuzz_put(ctx, "modules", "x.ko", data, size);
	s = mf_modinfo_scan_at(ctx->root_fd, "modules/x.ko", &names);
	if (r >= 0) {
		assert(whole.elf_len <= whole.data_len);
		for (size_t i = 0; i < whole.n_imports; i++)
			assert(strlen(whole.imports[i].name) <= whole.data_len);
	}
	/* if a signature is removed, the file may end earlier for one of the two */
	if (r >= 0 && s >= 0 && !whole.signature)
		compare(&whole, &names);
	assert(r < 0 || s >= 0 || whole.signature);
	if (r >= 0)
		mf_modinfo_done(&whole);
	if (s >= 0)
		mf_modinfo_done(&names);
	return 0;
}
