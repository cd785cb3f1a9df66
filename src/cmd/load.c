/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads the modules of verbs.
 *
 * Most verbs need libsolv, librpm, libcurl or OpenSSL, whose relocation takes longer than many a
 * lookup. So they are in modules beside the program, which has only verbs that need none of them. A
 * module is never unloaded: its libraries have handlers that run at exit.
 */
#include <dlfcn.h>
#include "cmd.h"

void *cmd_load(enum cmd_module module)
{
	static const char *const files[] = {
		[CMD_VERBS] = MF_VERBS, [CMD_PACK] = MF_PACK, [CMD_BUILD] = MF_BUILD
	};

	return dlopen(files[module], RTLD_NOW | RTLD_LOCAL);
}
