/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Export tables of any bytes, as an image and as a module: each string ends, and the first table
 * that makes no sense ends the walk.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/ksymtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_symbol(void *arg, const struct mf_ksym *symbol)
{
	size_t *n = arg;

	assert(*symbol->name);
	*n += strlen(symbol->name) + strlen(symbol->ns);
	return *n > (1 << 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *vermagic = NULL;
	size_t n = 0;
	int r = mf_ksymtab_image(data, size, "6.1.0", on_symbol, &n, &vermagic);

	assert(r >= 0);
	assert(!vermagic || !strncmp(vermagic, "6.1.0 ", 6));
	free(vermagic);
	n = 0;
	(void)mf_ksymtab_module(data, size, on_symbol, &n);
	return 0;
}
