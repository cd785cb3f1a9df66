/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: an initrd, a sequence of archives and of compressed streams. Each module in it is
 * parsed too.
 */
#include <stdint.h>
#include <stdlib.h>
#include "modfetch/module-name.h"
#include "src/initrd/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_entry(void *arg, const struct mf_cpio_entry *entry)
{
	return mf_is_module(entry->name);
}

static int on_content(void *arg, const void *bytes, size_t len)
{
	struct mf_image_module module = { 0 };

	return mf_image_digest(bytes, len, &module);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mf_cpio_visitor visitor = { on_entry, on_content, NULL };
	struct mf_cpio *cpio = mf_cpio_new(&visitor, 1 << 20);

	if (cpio && !mf_image_parse(cpio, (const char *)data, size) && !mf_cpio_complete(cpio))
		abort();
	mf_cpio_free(cpio);
	return 0;
}
