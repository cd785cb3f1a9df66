/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_METALINK_H
#define MODFETCH_METALINK_H
/*
 * Lists of mirrors as XML: Metalink 3.0 as Fedora's mirror manager writes it, and Metalink 4 (RFC 5854).
 * What else they say (digests, sizes, times) is not used, since the repository's own signature says it.
 */
#include <stdbool.h>

/*
 * Does a text look like XML: is the first byte after blanks and a mark of the byte order a '<'? A list that does not has a
 * URL on each line.
 */
bool mf_looks_like_xml(const char *text);

/*
 * The base URLs of the mirrors that have repomd.xml, one a line, the preferred ones first, each once; of any
 * scheme. RET_LIST is the caller's to free. 0; -EBADMSG: it is no metalink, damaged, or has entities of
 * its own; -ENOMEM. Records nothing.
 */
int mf_metalink_list(const char *text, char **ret_list);

#endif
