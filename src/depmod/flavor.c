/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which depmod is installed here: its indexes are the ones to be equal to.
 *
 * It is asked once, by running it with --version; as long as its file has the same inode, size and
 * times the answer of last time holds. Where there is none, the libkmod this was built with
 * decides. Which versions differ is known from kmod's history:
 *	33	modules.weakdep
 *	34	of two equal lines in modules.order the first counts
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/module-name.h"
#include "modfetch/table.h"
#include "flavor.h"

static const char *const places[] = {
	"/usr/sbin/depmod", "/sbin/depmod",	      "/usr/bin/depmod",
	"/bin/depmod",	    "/usr/local/sbin/depmod",
};

/* Its path, and a number that changes with the file; NULL: there is none. */
static const char *find_program(uint64_t *ret_id)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		struct stat st;
		uint64_t numbers[5];

		if (stat(places[i], &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		numbers[0] = st.st_ino;
		numbers[1] = (uint64_t)st.st_size;
		numbers[2] = (uint64_t)st.st_mtim.tv_sec;
		numbers[3] = (uint64_t)st.st_mtim.tv_nsec;
		numbers[4] = (uint64_t)st.st_ctim.tv_sec;
		*ret_id = mf_hash(numbers, sizeof(numbers));
		return places[i];
	}
	return NULL;
}

/* At most SIZE - 1 bytes of what "PROGRAM --version" prints. False: it could not be run. */
static bool run(const char *program, char *ret_text, size_t size)
{
	char name[] = "depmod", option[] = "--version";
	char *const argv[] = { name, option, NULL };
	char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	size_t len = 0;
	int fds[2], status = -1;
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	if (posix_spawn(&pid, program, &actions, NULL, argv, envp))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (pid > 0 && len < size - 1) {
		got = read(fds[0], ret_text + len, size - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	close(fds[0]);
	ret_text[len] = '\0';
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && !status;
}

void dm_flavor_find(const struct dm_flavor *known, struct dm_flavor *ret_flavor)
{
	/* the compressions that a build may lack, as "depmod --version" has them: "+ZSTD -XZ" */
	static const struct {
		const char *feature;
		enum mf_module_ending ending;
	} compressions[] = {
		{ "+ZLIB", MF_MODULE_KO_GZ },
		{ "+XZ", MF_MODULE_KO_XZ },
		{ "+ZSTD", MF_MODULE_KO_ZST },
	};
	struct dm_flavor f = { .version = MF_KMOD_VERSION };
	const char *program = find_program(&f.id);
	bool answered = false;
	char text[512];

	if (known && known->version && known->id == f.id) {
		*ret_flavor = *known;
		return;
	}
	if (program && run(program, text, sizeof(text)) &&
	    sscanf(text, "kmod version %u", &f.version) == 1) {
		answered = true;
	}
	f.endings = 1 << MF_MODULE_KO;
	for (size_t i = 0; i < MF_ARRAY_SIZE(compressions); i++)
		if (!answered || strstr(text, compressions[i].feature))
			f.endings |= (uint8_t)(1U << compressions[i].ending);
	f.weakdep = f.version >= 33;
	f.first_in_order = f.version >= 34;
	*ret_flavor = f;
}
