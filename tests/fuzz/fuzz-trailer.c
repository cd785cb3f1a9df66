/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module file of any bytes: its signature is inside the file, and only the signed module itself
 * verifies.
 */
#include <assert.h>
#include <string.h>
#include "fuzz-key.h"
#include "modfetch/strings.h"
#include "modfetch/modinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The only module that the key of the seeds has signed. */
#define SIGNED_LEN 552

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_modinfo info;
	const char *begin, *sig;

	if (mf_modinfo_parse(data, size, 1 << 20, &info) < 0)
		return 0;
	begin = info.data;
	sig = info.signature;
	assert(info.elf_len <= info.data_len);
	if (sig) {
		assert(sig == begin + info.elf_len);
		assert(info.signature_len < info.data_len - info.elf_len);
		if (!mf_module_signature_verify(fuzz_keyring(), info.data, info.elf_len, sig,
						info.signature_len, NULL)) {
			assert(info.elf_len == SIGNED_LEN);
			assert(!strcmp(mf_modinfo_get(&info, "license"), "GPL"));
		}
	}
	mf_modinfo_done(&info);
	return 0;
}
