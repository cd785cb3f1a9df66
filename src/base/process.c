/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The starter of a process decides more about it than its arguments say: which descriptors are open
 * and what the environment holds. Here is decided what of it is let through.
 *
 * Variables steer libraries: HOME and RPM_CONFIGDIR tell librpm where macros are, and macros may
 * run programs; OPENSSL_CONF and OPENSSL_MODULES say what a signature is checked with. Whoever is
 * root by way of sudo or su may have brought such variables along from a user's session. So it is
 * not said which are dangerous, but which count, in the table below; the manual page has the same
 * list.
 *
 * Never trusts that 0, 1 and 2 are open: a lock or a database that became number 2 would be written
 * to by the next warning.
 */
#include "modfetch/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "modfetch/array.h"

static const char *const counting[] = {
	"PATH",		       /* where sqv is, and the programs of install lines */
	"TZ",		       /* in which history shows its times */
	"NOTIFY_SOCKET",       /* systemd's */
	"MODFETCH_LIBEXECDIR", /* where the download helper is, for a build tree alone */
	"http_proxy",
	"https_proxy",
	"HTTPS_PROXY",
	"all_proxy",
	"ALL_PROXY",
	"no_proxy",
	"NO_PROXY",
	"GCOV_PREFIX", /* where a program built to be measured leaves its figures */
};

static bool counts(const char *line)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(counting); i++) {
		size_t len = strlen(counting[i]);

		if (!strncmp(line, counting[i], len) && line[len] == '=')
			return true;
	}
	return false;
}

int mf_process_occupy_stdio(void)
{
	for (;;) {
		/* of that kind a descriptor can be neither read nor written; and "/" is everywhere
		 */
		int fd = open("/", O_PATH | O_DIRECTORY);

		if (fd < 0)
			return -errno;
		if (fd > STDERR_FILENO) {
			close(fd);
			return 0;
		}
	}
}

bool mf_process_in_build_tree(void)
{
	char path[PATH_MAX + sizeof("/build.ninja")];
	/* of a program that was replaced since, this ends in " (deleted)": its directory counts */
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	if (len <= 0 || len >= PATH_MAX || getauxval(AT_SECURE))
		return false;
	path[len] = '\0';
	while ((slash = strrchr(path, '/')) && slash != path) {
		strcpy(slash, "/build.ninja");
		if (!access(path, F_OK))
			return true;
		*slash = '\0';
	}
	return false;
}

void mf_process_clean_environment(void)
{
	size_t kept = 0;

	if (!mf_process_in_build_tree())
		unsetenv("MODFETCH_LIBEXECDIR");
	for (size_t i = 0; environ && environ[i]; i++)
		if (counts(environ[i]))
			environ[kept++] = environ[i];
	if (environ)
		environ[kept] = NULL;
}

int mf_process_reset_signals(posix_spawnattr_t *attributes, int flags)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	flags |= POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	if (posix_spawnattr_setsigdefault(attributes, &all) ||
	    posix_spawnattr_setsigmask(attributes, &none) ||
	    posix_spawnattr_setflags(attributes, (short)flags))
		return -ENOMEM;
	return 0;
}
