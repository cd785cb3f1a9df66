/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A .repo file of any bytes: a recorded error, or repositories whose ids are valid names of
 * directories, that have a URL, and that are unsigned only with file: URLs.
 */
#include "fuzz-root.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_repo(const struct mf_repo *repo)
{
	assert(*repo->id && *repo->id != '.' && !strchr(repo->id, '/') && strlen(repo->id) < 200);
	assert(repo->baseurls.n || repo->mirrorlist);
	assert(repo->trust == MF_TRUST_SIGNED || repo->trust == MF_TRUST_NONE);
	if (repo->trust == MF_TRUST_SIGNED)
		return;
	assert(!repo->mirrorlist);
	for (size_t i = 0; i < repo->baseurls.n; i++)
		assert(mf_starts_with(repo->baseurls.v[i], "file:"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_context *ctx = fuzz_root();
	struct mf_repos repos = { 0 };
	int r;

	fuzz_put(ctx, "etc/modfetch/repos.d", "fuzz.repo", data, size);
	r = mf_repos_read(ctx, &repos);
	assert(r <= 0 && (r == 0 || ctx->failure.code == r));
	for (size_t i = 0; r == 0 && i < repos.n; i++)
		check_repo(&repos.v[i]);
	mf_repos_done(&repos);
	return 0;
}
