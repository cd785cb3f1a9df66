/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_XML_H
#define MODFETCH_XML_H
/*
 * Reads XML from memory, element by element. Entities cannot be declared, so no text grows, and
 * nothing outside of the text is read.
 */
#include <stddef.h>

/* Each returns 0, or a negative code that ends the reading. NAME has no namespace. */
struct mf_xml_reader {
	/* ATTRIBUTES: name, value, name, value, …, NULL; a name has its namespace */
	int (*start)(void *arg, const char *name, const char *const *attributes);
	/* a part of the text of an element, which comes in several */
	int (*text)(void *arg, const char *text, size_t len);
	int (*end)(void *arg, const char *name);
};

/*
 * Reads all LEN bytes. 0; -EBADMSG: not well-formed, or it declares an entity; -ENOMEM; or the code
 * of a function of READER, which gets ARG.
 */
int mf_xml_read(const void *buf, size_t len, const struct mf_xml_reader *reader, void *arg);

/* The value of an attribute, or NULL. */
const char *mf_xml_attribute(const char *const *attributes, const char *name);

#endif
