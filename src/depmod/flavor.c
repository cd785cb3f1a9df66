/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which depmod a root has: its indexes are the ones to be equal to.
 *
 * The root's own kmod decides (modfetch/kmod-program.h), so that the indexes of an image are those
 * that it would write itself. Its file is searched once; as long as it is the same file, what was
 * found holds. Where there is none, the version that this was built with decides: the readers of all
 * versions take the indexes of all versions. Which versions differ is known from kmod's history:
 *	33	modules.weakdep
 *	34	of two equal lines in modules.order the first counts; in a trie, a node comes
 *		before its children; a module in zstd whose size is not stated says nothing
 */
#include <stdbool.h>
#include <string.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/kmod-program.h"
#include "modfetch/module-name.h"
#include "flavor.h"

/* The endings that a build with these features reads. */
static uint8_t find_endings(const char *features)
{
	/* a build that does not list a compression is one of kmod's that cannot lack it */
	static const struct {
		const char *lacks;
		enum mf_module_ending ending;
	} compressions[] = {
		{ "-ZLIB", MF_MODULE_KO_GZ },
		{ "-XZ", MF_MODULE_KO_XZ },
		{ "-ZSTD", MF_MODULE_KO_ZST },
	};
	uint8_t endings = 1 << MF_MODULE_KO;

	for (size_t i = 0; i < MF_ARRAY_SIZE(compressions); i++)
		if (!strstr(features, compressions[i].lacks))
			endings |= (uint8_t)(1U << compressions[i].ending);
	return endings;
}

void dm_flavor_find(const struct mf_context *ctx, const struct dm_flavor *known,
		    struct dm_flavor *ret_flavor)
{
	struct mf_kmod_program program = { .version = MF_KMOD_VERSION };
	uint64_t id = known && known->version ? known->id : 0;

	if (!mf_kmod_program_find(ctx, id, &program) && !program.version) {
		*ret_flavor = *known;
		return;
	}
	*ret_flavor = (struct dm_flavor){
		.id = program.id,
		.version = program.version,
		.endings = find_endings(program.features),
		.weakdep = program.version >= 33,
		.first_in_order = program.version >= 34,
		.parents_first = program.version >= 34,
		.sized_zstd = program.version >= 34,
	};
}
