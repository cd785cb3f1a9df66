/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A package file or an archive of any bytes: every part found lies inside it. */
#include <assert.h>
#include <string.h>
#include "modfetch/modinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
	const uint8_t *begin, *end;
};

static void check(const struct bounds *b, const void *part, size_t len)
{
	const uint8_t *p = part;

	assert(p >= b->begin && p <= b->end && len <= (size_t)(b->end - p));
}

static int visit(void *arg, const char *name, uint32_t mode, const void *data, size_t len)
{
	check(arg, name, strlen(name) + 1);
	check(arg, data, len);
	return 0;
}

/* A name may be one of the list. */
static int visit_listed(void *arg, const char *name, uint32_t mode, const void *data, size_t len)
{
	check(arg, data, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mf_cpio_file files[] = { { "/a", 0100644, 3 }, { "/b", 040755, 4096 } };
	const struct mf_cpio_list list = { files, 2 };
	const char *encoded;
	struct bounds bounds = { data, data + size };
	struct mf_rpmfile file;

	(void)mf_cpio_each(data, size, &list, visit_listed, &bounds);
	if (mf_rpmfile_parse(data, size, &file) < 0)
		return 0;
	check(&bounds, file.header, file.header_len);
	check(&bounds, file.payload, file.payload_len);
	assert(file.payload + file.payload_len == bounds.end);
	if (file.signature)
		check(&bounds, file.signature, file.signature_len);
	encoded = file.encoded;
	for (size_t i = 0; i < file.n_encoded; i++) {
		check(&bounds, encoded, strlen(encoded) + 1);
		encoded += strlen(encoded) + 1;
	}
	(void)mf_cpio_each(file.payload, file.payload_len, NULL, visit, &bounds);
	return 0;
}
