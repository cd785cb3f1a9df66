/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sign-driver ROOT KERNEL IN OUT: signs a module with the own key of the machine in ROOT, which is made
 * if there is none, and writes it to OUT, compressed as the modules of KERNEL are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kernel-config.h"
#include "modfetch/module-key.h"

static int sign(struct mf_context *ctx, const char *from, const char *to)
{
	_cleanup_free_ char *module = NULL, *config = NULL;
	_cleanup_free_ void *out = NULL, *file = NULL;
	_cleanup_close_ int fd = -1;
	size_t len, out_len, file_len;
	int r = mf_file_read_at(AT_FDCWD, from, 64 << 20, &module, &len);

	if (!r)
		r = mf_module_key_ensure(ctx);
	if (r < 0)
		return r;
	(void)mf_kernel_config_read(ctx, ctx->kernel, &config);
	r = mf_module_sign(ctx, from, config, module, len, &out, &out_len);
	if (!r)
		r = mf_module_compress(mf_module_format(ctx, ctx->kernel), out, out_len, &file,
				       &file_len);
	if (r < 0)
		return r;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : mf_file_write(fd, file, file_len);
}

int main(int argc, char **argv)
{
	struct mf_context ctx;
	int r;

	if (argc != 5)
		return 64;
	r = mf_context_init(&ctx, argv[1], argv[2]);
	if (!r)
		r = sign(&ctx, argv[3], argv[4]);
	if (r < 0)
		fprintf(stderr, "sign-driver: %s: %s [%s]\n", ctx.failure.what, ctx.failure.why,
			mf_error_name(r));
	mf_context_done(&ctx);
	return r < 0;
}
