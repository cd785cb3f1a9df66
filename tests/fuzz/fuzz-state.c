/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of accepted metadata, and the deny list, of any bytes: an accepted state is equal after
 * writing and reading it; a damaged file is never treated as an empty one.
 */
#include "fuzz-root.h"
#include "modfetch/deny.h"
#include "modfetch/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_digits(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] > ' ' && data[i] < 0x7f)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hex[] =
		"0000000000000000000000000000000000000000000000000000000000000003";
	struct mf_context *ctx = fuzz_root();
	struct mf_repo_state state, again;
	int r;

	fuzz_put(ctx, "var/lib/modfetch/repos", "fuzz.state", data, size);
	r = mf_repo_state_read(ctx, "fuzz", &state);
	assert(r == 0 || (r == -MFE_ROLLBACK && ctx->failure.code == r));
	if (r == 0) {
		assert(state.accepted.signing_time > 0);
		fuzz_put(ctx, "var/lib/modfetch/repos", "again.state", (const uint8_t *)"", 0);
		assert(!mf_repo_state_write(ctx, "again", &state));
		assert(!mf_repo_state_read(ctx, "again", &again));
		assert(again.accepted.signing_time == state.accepted.signing_time &&
		       again.used.signing_time == state.used.signing_time &&
		       again.revision == state.revision && again.n_marks == state.n_marks);
		assert(!memcmp(again.accepted.digest, state.accepted.digest,
			       sizeof(state.accepted.digest)));
		for (size_t i = 0; i < state.n_marks; i++)
			assert(!strcmp(again.marks[i].key, state.marks[i].key) &&
			       again.marks[i].revision == state.marks[i].revision);
	}
	fuzz_put(ctx, "etc/modfetch/keys/deny.d", "fuzz", data, size);
	ctx->failure = (struct mf_failure){ 0 };
	r = mf_deny_check(ctx, "fuzz", "key", hex);
	assert(r == 0 || r == -MFE_REVOKED || r == -MFE_CONFIG);
	if (r == -MFE_REVOKED)
		assert(has_digits(data, size));
	return 0;
}
