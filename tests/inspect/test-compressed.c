/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compressed modules that the kernel or kmod cannot read. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void the_header_decides(void **state)
{
	static const struct {
		const char *head;
		int code;
	} cases[] = {
		/* none, CRC32, CRC64, SHA-256, an unknown one */
		{ "\xfd"
		  "7zXZ\0\0\0",
		  -MFE_BAD_MODULE },
		{ "\xfd"
		  "7zXZ\0\0\1",
		  -MFE_BAD_MODULE },
		{ "\xfd"
		  "7zXZ\0\0\4",
		  -MFE_COMPRESSION },
		{ "\xfd"
		  "7zXZ\0\0\12",
		  -MFE_COMPRESSION },
		{ "\xfd"
		  "7zXZ\0\0\2",
		  -MFE_COMPRESSION },
		/* no size; one of 1, of 2 and of 8 bytes */
		{ "\x28\xb5\x2f\xfd\x04\0\0\0", -MFE_COMPRESSION },
		{ "\x28\xb5\x2f\xfd\x20\0\0\0", -MFE_BAD_MODULE },
		{ "\x28\xb5\x2f\xfd\x40\0\0\0", -MFE_BAD_MODULE },
		{ "\x28\xb5\x2f\xfd\xc0\0\0\0", -MFE_BAD_MODULE },
	};
	struct machine *m = installed(state);

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		root_write_bytes(&m->root, in_kernel(m, "updates/x.ko"), cases[i].head, 8);
		index_all(m);
		assert_found(m, in_kernel(m, "updates/x.ko"), cases[i].code, false);
	}
}

static void the_kernel_reads_what_it_was_built_for(void **state)
{
	struct machine *m = installed(state);
	char config[200];

	snprintf(config, sizeof(config), "boot/config-%s", m->kver);
	root_write(&m->root, config, "CONFIG_MODULE_COMPRESS_XZ=y\n");
	root_write_bytes(&m->root, in_kernel(m, "updates/x.ko"),
			 "\xfd"
			 "7zXZ\0\0\1",
			 8);
	index_all(m);
	assert_found(m, in_kernel(m, "updates/x.ko"), -MFE_BAD_MODULE, false);
	root_write(&m->root, config, "CONFIG_MODULE_COMPRESS_ZSTD=y\n");
	assert_found(m, in_kernel(m, "updates/x.ko"), -MFE_COMPRESSION, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(the_header_decides),
		MACHINE(the_kernel_reads_what_it_was_built_for),
	};

	return UNIT_RUN(tests);
}
