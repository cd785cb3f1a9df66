/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds compressed modules that the kernel or kmod cannot decompress.
 *
 * What no kernel reads is always a finding. Which formats this one reads is in its configuration:
 * without that nothing is said about it.
 */
#include "modfetch/compression.h"
#include "modfetch/kernel-config.h"
#include "inspection.h"

int inspect_compression(struct inspection *in, struct entry *entry, const struct content *content)
{
	struct mf_compression is = mf_compression_of(content->buf, content->len);

	if (is.fault)
		return inspect_find_entry(in, entry, -MFE_COMPRESSION, "%s", is.fault);
	if (!is.name || !in->config || mf_kernel_config_has(in->config, is.option))
		return 0;
	return inspect_find_entry(in, entry, -MFE_COMPRESSION,
				  "it is compressed with %s, and kernel %s was built without %s",
				  is.name, in->ctx->kernel, is.option);
}
