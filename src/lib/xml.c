/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of expat.
 *
 * Expat calls back for each element. A function of the reader cannot return through it, so its code
 * is kept here, and the parser is stopped. A declaration of an entity stops it too: an entity could
 * expand to gigabytes, and an external one would name a file. Memory is bounded by the depth of the
 * text and the length of one tag.
 */
#include "modfetch/xml.h"
#include <errno.h>
#include <expat.h>
#include <string.h>

#define PIECE ((size_t)1 << 20) /* expat counts in int */

struct xml {
	XML_Parser parser;
	const struct mf_xml_reader *reader;
	void *arg;
	int result;
};

static void xml_result(struct xml *x, int r)
{
	if (r >= 0 || x->result < 0)
		return;
	x->result = r;
	XML_StopParser(x->parser, XML_FALSE);
}

/* The name of an element without its namespace. */
static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct xml *x = arg;

	if (x->result == 0)
		xml_result(x, x->reader->start(x->arg, local_name(name),
					       (const char *const *)attributes));
}

static void on_text(void *arg, const char *text, int len)
{
	struct xml *x = arg;

	if (x->result == 0)
		xml_result(x, x->reader->text(x->arg, text, (size_t)len));
}

static void on_end(void *arg, const char *name)
{
	struct xml *x = arg;

	if (x->result == 0)
		xml_result(x, x->reader->end(x->arg, local_name(name)));
}

static void on_entity(void *arg, const char *name, int is_parameter, const char *value,
		      int value_len, const char *base, const char *system_id, const char *public_id,
		      const char *notation)
{
	xml_result(arg, -EBADMSG);
}

static int xml_feed(struct xml *x, const char *buf, size_t len)
{
	size_t done = 0;

	do {
		size_t n = len - done < PIECE ? len - done : PIECE;

		if (XML_Parse(x->parser, buf + done, (int)n, done + n == len) != XML_STATUS_OK) {
			if (x->result < 0)
				return x->result;
			return XML_GetErrorCode(x->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM
										  : -EBADMSG;
		}
		done += n;
	} while (done < len);
	return 0;
}

int mf_xml_read(const void *buf, size_t len, const struct mf_xml_reader *reader, void *arg)
{
	struct xml x = { XML_ParserCreate(NULL), reader, arg, 0 };
	int r;

	if (!x.parser)
		return -ENOMEM;
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, on_start, on_end);
	XML_SetCharacterDataHandler(x.parser, on_text);
	XML_SetEntityDeclHandler(x.parser, on_entity);
	r = xml_feed(&x, buf, len);
	XML_ParserFree(x.parser);
	return r;
}

const char *mf_xml_attribute(const char *const *attributes, const char *name)
{
	for (size_t i = 0; attributes[i]; i += 2)
		if (!strcmp(attributes[i], name))
			return attributes[i + 1];
	return NULL;
}
