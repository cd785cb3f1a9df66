/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a list: the text that `modfetch want` prints.
 *
 *	modfetch-list 1
 *	kernel 6.1.0-56-amd64
 *	machine x86_64
 *	releasever 12
 *	missing pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00
 *	present loop
 *	end 5
 *
 * Lines of a kind stand together and are sorted, so that two lists of a machine can be compared with
 * diff(1). The number of lines in the last one reveals a list that was cut off on its way.
 */
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/list.h"

static size_t put_field(FILE *f, const char *word, const char *value)
{
	if (!value)
		return 0;
	fprintf(f, "%s %s\n", word, value);
	return 1;
}

char *mf_list_text(const struct mf_list *list)
{
	char *text = NULL;
	size_t len, n = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fputs("modfetch-list 1\n", f);
	n += put_field(f, "kernel", list->kernel);
	n += put_field(f, "machine", list->machine);
	n += put_field(f, "releasever", list->releasever);
	for (size_t kind = 0; kind < MF_N_LIST_KINDS; kind++)
		for (size_t i = 0; i < list->lines[kind].n; i++)
			n += put_field(f, mf_list_word((enum mf_list_kind)kind),
				       list->lines[kind].v[i]);
	fprintf(f, "end %zu\n", n);
	if (ferror(f) | fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
