/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process inherits more than its arguments: open descriptors and the environment. This file
 * decides which of these it keeps.
 *
 * Variables control libraries: HOME and RPM_CONFIGDIR set the directories of librpm's macros, and
 * macros may run programs; OPENSSL_CONF and OPENSSL_MODULES set the code that checks a signature. A
 * root shell by sudo or su may contain such variables from the user's session. So the table below
 * does not list the dangerous variables but the permitted ones; the manual page has the same list.
 *
 * Never assumes that 0, 1 and 2 are open: a warning would be written into a lock file or database
 * that got the number 2.
 */
#include "modfetch/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define ANCESTORS_MAX 64

static const char *const permitted[] = {
	"PATH",		       /* for sqv and the programs of install lines */
	"TZ",		       /* for the times that history prints */
	"NOTIFY_SOCKET",       /* systemd's */
	"MODFETCH_LIBEXECDIR", /* directory of the fetch helper, in a build tree only */
	"http_proxy",
	"https_proxy",
	"HTTPS_PROXY",
	"all_proxy",
	"ALL_PROXY",
	"no_proxy",
	"NO_PROXY",
	"GCOV_PREFIX", /* directory of the coverage data that an instrumented build writes */
};

static bool is_permitted(const char *line)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(permitted); i++) {
		size_t len = strlen(permitted[i]);

		if (!strncmp(line, permitted[i], len) && line[len] == '=')
			return true;
	}
	return false;
}

int mf_process_occupy_stdio(void)
{
	for (;;) {
		/* an O_PATH descriptor can be neither read nor written, and "/" always exists */
		int fd = open("/", O_PATH | O_DIRECTORY);

		if (fd < 0)
			return -errno;
		if (fd > STDERR_FILENO) {
			close(fd);
			return 0;
		}
	}
}

int mf_process_program(char *ret_path, bool *ret_replaced)
{
	static const char deleted[] = " (deleted)"; /* the kernel adds it to the name */
	ssize_t len = readlink("/proc/self/exe", ret_path, PATH_MAX);
	bool replaced;

	if (len < 0 || len >= PATH_MAX)
		return len < 0 ? -errno : -ENAMETOOLONG;
	ret_path[len] = '\0';
	replaced = mf_ends_with(ret_path, deleted);
	if (replaced)
		ret_path[len - (ssize_t)strlen(deleted)] = '\0';
	if (ret_replaced)
		*ret_replaced = replaced;
	return 0;
}

bool mf_process_in_build_tree(void)
{
	char path[PATH_MAX + sizeof("/build.ninja")];
	char *slash;

	if (mf_process_program(path, NULL) < 0 || getauxval(AT_SECURE))
		return false;
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
		if (is_permitted(environ[i]))
			environ[kept++] = environ[i];
	if (environ)
		environ[kept] = NULL;
}

/* The parent of PID, field 4 of /proc/PID/stat; 0 if there is none, or it cannot be read. */
static pid_t process_parent(pid_t pid)
{
	char path[64], text[1024], *paren;
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* the name, field 2, may contain parentheses: the last one in the line ends it */
	paren = strrchr(text, ')');
	return paren && sscanf(paren + 1, " %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

bool mf_process_is_below(pid_t pid)
{
	pid_t above = getppid();

	for (int i = 0; i < ANCESTORS_MAX && above > 0; i++) {
		if (above == pid)
			return true;
		above = process_parent(above);
	}
	return false;
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

char *mf_process_find(const char *name)
{
	static const char *const directories[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		char *path = mf_format("%s/%s", directories[i], name);

		if (!path || !access(path, X_OK))
			return path;
		free(path);
	}
	return NULL;
}

int mf_process_start(const char *const *argv, int in, int out, int err, pid_t *ret_pid)
{
	char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	/* a process group of its own, so that its children are killed with it */
	r = -mf_process_reset_signals(&attributes, POSIX_SPAWN_SETPGROUP);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (!r)
		r = posix_spawn(ret_pid, argv[0], &actions, &attributes, (char *const *)argv,
				environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int mf_process_wait_for(pid_t pid, unsigned int seconds)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t end = mf_now_us() + seconds * 1000000ULL, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool ended = fd < 0;
	int status = 0;

	while (!ended && (now = mf_now_us()) < end)
		ended = poll(&p, 1, (int)((end - now) / 1000) + 1) > 0;
	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return ended ? status : -ETIMEDOUT;
}
