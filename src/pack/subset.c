/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules for the machines of some lists (modfetch-list(5)): those that modprobe would load for
 * their devices and names on the full tree.
 *
 * The kernel of a list does not matter, and neither does what its machine has on disk: the publisher
 * may pack the next kernel for it, and a repository must not depend on what was there once. Names in a
 * list that no module has are no failure, as a list also has the devices that no driver is for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "model.h"

/* The ids of a device, "pci:v00008086d000010D3*": every alias that begins with them. */
static bool subset_begins(const char *pattern, const char *name)
{
	return !strncmp(name, pattern, strlen(pattern) - 1);
}

static int subset_add(const struct pack_names *names, const char *word, struct pack_list *list)
{
	size_t len = strlen(word);

	return len && word[len - 1] == '*' ? pack_names_fitting(names, word, subset_begins, list)
					   : pack_names_lookup(names, word, list);
}

int pack_subset_pick(struct pack *pack, const struct pack_kernel *kernel,
		     struct pack_list *ret_named)
{
	static const enum mf_list_kind kinds[] = { MF_LIST_DEVICE, MF_LIST_MISSING, MF_LIST_BOOT,
						   MF_LIST_NAME };
	_cleanup_(pack_names_done) struct pack_names names = { 0 };
	const struct mf_lists *lists = pack->options->subset;
	int r = pack_names_init(&names, kernel);

	for (size_t i = 0; r >= 0 && i < lists->n; i++)
		for (size_t k = 0; r >= 0 && k < MF_ARRAY_SIZE(kinds); k++) {
			const struct mf_strings *words = &lists->v[i].lines[kinds[k]];

			for (size_t j = 0; r >= 0 && j < words->n; j++)
				r = subset_add(&names, words->v[j], ret_named);
		}
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->tree, NULL);
	return ret_named->n ? 0
			    : mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_NOT_FOUND, "--subset",
				      "no module of %s is for a device or name of the lists",
				      kernel->tree);
}
