/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads repomd.xml, whose signature was verified: where the list of packages is, and its digest.
 *
 *	<repomd><data type="primary"><checksum type="sha256">…</checksum><location href="…"/><size>…</size></data>
 *
 * Only the first file of the type "primary" counts, and only SHA-256.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/xml.h"
#include "rescue.h"

#define TEXT_MAX 128

struct repomd {
	struct rescue_file file;
	char text[TEXT_MAX + 1];
	size_t len;
	bool in_primary, sha256, has_size, found;
};

void rescue_file_done(struct rescue_file *file)
{
	free(file->location);
	*file = (struct rescue_file){ 0 };
}

static void repomd_done(struct repomd *m)
{
	rescue_file_done(&m->file);
}

static int repomd_start(void *arg, const char *name, const char *const *attributes)
{
	const char *type = mf_xml_attribute(attributes, "type");
	const char *href = mf_xml_attribute(attributes, "href");
	struct repomd *m = arg;

	m->len = 0;
	if (!strcmp(name, "data"))
		m->in_primary = !m->found && type && !strcmp(type, "primary");
	m->sha256 = !strcmp(name, "checksum") && type && !strcmp(type, "sha256");
	if (m->in_primary && !strcmp(name, "location") && href && !m->file.location) {
		m->file.location = strdup(href);
		return m->file.location ? 0 : -ENOMEM;
	}
	return 0;
}

static int repomd_text(void *arg, const char *text, size_t len)
{
	struct repomd *m = arg;

	/* the texts of other elements may be longer; a part of a number or digest is none */
	if (len > TEXT_MAX - m->len)
		return m->in_primary ? -EBADMSG : 0;
	memcpy(m->text + m->len, text, len);
	m->len += len;
	return 0;
}

static int repomd_end(void *arg, const char *name)
{
	struct repomd *m = arg;
	char *end;

	m->text[m->len] = '\0';
	if (m->in_primary && m->sha256 && !strcmp(name, "checksum"))
		m->file.has_sha256 = mf_sha256_parse(m->text, m->file.sha256);
	if (m->in_primary && !strcmp(name, "size")) {
		m->file.size = strtoumax(m->text, &end, 10);
		m->has_size = end > m->text && !*end;
	}
	if (!strcmp(name, "data")) {
		m->found |= m->in_primary;
		m->in_primary = false;
	}
	m->sha256 = false;
	m->len = 0;
	return 0;
}

int rescue_repomd_parse(const void *buf, size_t len, struct rescue_file *ret_primary)
{
	static const struct mf_xml_reader reader = { repomd_start, repomd_text, repomd_end };
	_cleanup_(repomd_done) struct repomd m = { 0 };
	int r = mf_xml_read(buf, len, &reader, &m);

	if (r < 0)
		return r;
	if (!m.file.location || !m.file.has_sha256 || !m.has_size)
		return -EBADMSG;
	*ret_primary = m.file;
	m.file = (struct rescue_file){ 0 };
	return 0;
}
