/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A detached signature of any bytes: if the changed bytes are irrelevant, it may verify over its own
 * content, but never over other content, and only by the single key.
 */
#include <assert.h>
#include <string.h>
#include "fuzz-key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char content[] = "fuzzed content\n", other[] = "other content!\n";
	const struct mf_keyring *keyring = fuzz_keyring();
	struct mf_signer signer = { 0 };
	int r = mf_cms_verify(keyring, content, sizeof(content) - 1, data, size, &signer);

	assert(r <= 0 && (r == 0) == (*signer.fingerprint != '\0'));
	assert(r != 0 || (signer.signing_time > 0 && !strcmp(signer.subject, "CN = fuzz")));
	assert(mf_cms_verify(keyring, other, sizeof(other) - 1, data, size, NULL) < 0);
	r = mf_module_signature_verify(keyring, content, sizeof(content) - 1, data, size, NULL);
	assert(r <= 0);
	assert(mf_module_signature_verify(keyring, other, sizeof(other) - 1, data, size, NULL) < 0);
	return 0;
}
