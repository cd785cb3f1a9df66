/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics of the size of the metadata: clients download it for every kernel, so the packer
 * prints how many bytes each kind of content takes. Reads the primary.xml that createrepo_c has
 * just written, line by line, and relies on one element in each line, for statistics only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "model.h"

#define PRIMARY_MAX ((size_t)1 << 32)

/* The first match counts. SECTION: the element that contains the line, or NULL for any. */
static const struct {
	const char *section, *prefix;
	enum mf_pack_share share;
} share_rules[] = {
	{ "rpm:requires", "<rpm:entry name=\"ksym(", MF_PACK_SHARE_KSYM_REQUIRES },
	{ "rpm:provides", "<rpm:entry name=\"ksym(", MF_PACK_SHARE_KSYM_PROVIDES },
	{ NULL, "<rpm:entry name=\"modalias(", MF_PACK_SHARE_MODALIAS },
	{ NULL, "<rpm:entry name=\"kalias(", MF_PACK_SHARE_KALIAS },
	{ NULL, "<rpm:entry ", MF_PACK_SHARE_RELATIONS },
	{ NULL, "<summary>", MF_PACK_SHARE_TEXT },
	{ NULL, "<description>", MF_PACK_SHARE_TEXT },
};

static enum mf_pack_share share_of(const char *section, size_t section_len, const char *line,
				   size_t len)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(share_rules); i++) {
		size_t n = strlen(share_rules[i].prefix);

		if (len < n || memcmp(line, share_rules[i].prefix, n))
			continue;
		if (!share_rules[i].section ||
		    (section_len == strlen(share_rules[i].section) &&
		     !memcmp(section, share_rules[i].section, section_len)))
			return share_rules[i].share;
	}
	return MF_PACK_SHARE_FRAME;
}

void pack_metadata_shares(const char *text, size_t len, uint64_t ret_shares[MF_PACK_N_SHARES])
{
	const char *end = text + len, *section = "";
	size_t section_len = 0;

	memset(ret_shares, 0, MF_PACK_N_SHARES * sizeof(*ret_shares));
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline ? newline + 1 : end, *p = text;

		while (p < next && *p == ' ')
			p++;
		if (next - p > 5 && !memcmp(p, "<rpm:", 5) &&
		    memcmp(p, "<rpm:entry", 10 > next - p ? (size_t)(next - p) : 10)) {
			section = p + 1;
			section_len = 0;
			while (section + section_len < next && section[section_len] != '>' &&
			       section[section_len] != ' ')
				section_len++;
		}
		ret_shares[share_of(section, section_len, p, (size_t)(next - p))] +=
			(uint64_t)(next - text);
		text = next;
	}
}

char *mf_pack_metadata_find(int repodata_fd, const char *type)
{
	_cleanup_free_ char *repomd = NULL, *open = mf_format("<data type=\"%s\">", type);
	_cleanup_free_ char *name = NULL;
	const char *data, *href, *end;
	size_t len;

	if (!open || mf_file_read_at(repodata_fd, "repomd.xml", 1U << 24, &repomd, &len) < 0)
		return NULL;
	data = strstr(repomd, open);
	href = data ? strstr(data, "href=\"repodata/") : NULL;
	if (!href)
		return NULL;
	href += strlen("href=\"repodata/");
	end = strchr(href, '"');
	name = end ? strndup(href, (size_t)(end - href)) : NULL;
	return name && mf_is_plain_name(name) ? MF_STEAL(name) : NULL;
}

int pack_metadata_measure(struct pack *pack, int repodata_fd)
{
	_cleanup_free_ char *name = mf_pack_metadata_find(repodata_fd, "primary"), *packed = NULL;
	_cleanup_free_ void *text = NULL;
	size_t packed_len, len;
	int r;

	if (!name)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_TOOL, "createrepo_c",
			       "it wrote no primary metadata");
	r = mf_file_read_at(repodata_fd, name, PRIMARY_MAX, &packed, &packed_len);
	if (r >= 0)
		r = mf_inflate(packed, packed_len, PRIMARY_MAX, &text, &len);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, name, NULL);
	pack->result.primary_packed = packed_len;
	pack->result.primary_bytes = len;
	pack_metadata_shares(text, len, pack->result.shares);
	return 0;
}
