/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the header of a compressed file says to the kernel and to kmod. */
#include "tests/unit.h"
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/compression.h"

static void the_header_decides(void **state)
{
	static const struct {
		const char *head, *name, *fault;
	} cases[] = {
		{ "\x1f\x8b\x08\0\0\0\0\0", "gzip", NULL },
		/* no check, CRC32, CRC64, SHA-256, one without a name */
		{ "\xfd\x37zXZ\0\0\0", "xz", NULL },
		{ "\xfd\x37zXZ\0\0\1", "xz", NULL },
		{ "\xfd\x37zXZ\0\0\4", "xz", "CRC64" },
		{ "\xfd\x37zXZ\0\0\12", "xz", "a checksum that the kernel does not have" },
		{ "\xfd\x37zXZ\0\0\2", "xz", "a checksum that the kernel does not have" },
		/* no size; one of 1, of 2 and of 8 bytes */
		{ "\x28\xb5\x2f\xfd\x04\0\0\0", "zstd", "without the size of its content" },
		{ "\x28\xb5\x2f\xfd\x20\0\0\0", "zstd", NULL },
		{ "\x28\xb5\x2f\xfd\x40\0\0\0", "zstd", NULL },
		{ "\x28\xb5\x2f\xfd\xc0\0\0\0", "zstd", NULL },
		{ "\x7f"
		  "ELF\2\1\1\0",
		  NULL, NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_compression is = mf_compression_of(cases[i].head, MF_COMPRESSION_HEAD);

		assert_int_equal(!is.name, !cases[i].name);
		assert_int_equal(!is.option, !cases[i].name);
		assert_int_equal(!is.fault, !cases[i].fault);
		if (is.name)
			assert_string_equal(is.name, cases[i].name);
		if (is.fault)
			assert_non_null(strstr(is.fault, cases[i].fault));
		/* too short for a file with content */
		assert_null(mf_compression_of(cases[i].head, MF_COMPRESSION_HEAD - 1).name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_header_decides),
	};

	return UNIT_RUN(tests);
}
