/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process keeps of what it inherits. Each case runs in a child: it cannot be undone. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/process.h"

/* The exit status of a child that does WORK. */
static int in_a_child(int (*work)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(work());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int without_any(void)
{
	int next;

	close(0);
	close(1);
	close(2);
	if (mf_process_occupy_stdio() < 0)
		return 1;
	next = open("/", O_RDONLY);
	if (next != 3)
		return 2;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 || write(fd, "x", 1) >= 0 || errno != EBADF)
			return 3 + fd;
	return 0;
}

static int with_a_gap(void)
{
	close(1);
	return mf_process_occupy_stdio() < 0 || open("/", O_RDONLY) <= 2 || fcntl(0, F_GETFD) < 0 ||
	       write(2, "", 0) < 0;
}

static void closed_descriptors_stay_useless_and_are_not_given_to_files(void **state)
{
	assert_int_equal(in_a_child(without_any), 0);
	assert_int_equal(in_a_child(with_a_gap), 0);
}

static int open_ones(void)
{
	int next = dup(0);

	close(next);
	return mf_process_occupy_stdio() < 0 || dup(0) != next;
}

static void open_descriptors_are_left_alone(void **state)
{
	assert_int_equal(in_a_child(open_ones), 0);
}

static int environment(void)
{
	static const char *const gone[] = {
		"HOME",
		"RPM_CONFIGDIR",
		"OPENSSL_CONF",
		"OPENSSL_MODULES",
		"XDG_CONFIG_HOME",
		"LD_PRELOAD",
		"SQLITE_TMPDIR",
		"BASH_ENV",
		"PATHX",
		"http_proxy_",
		"OPENSSL_ENGINES",
		"KMOD_CONFIG",
		"TMPDIR",
		"MAGIC",
	};

	clearenv();
	for (size_t i = 0; i < MF_ARRAY_SIZE(gone); i++)
		setenv(gone[i], "/tmp/theirs", 1);
	setenv("PATH", "/bin", 1);
	setenv("https_proxy", "http://proxy", 1);
	setenv("TZ", "", 1);
	mf_process_clean_environment();
	for (size_t i = 0; i < MF_ARRAY_SIZE(gone); i++)
		if (getenv(gone[i]))
			return 1 + (int)i;
	if (!getenv("TZ") || !getenv("https_proxy") || strcmp(getenv("PATH"), "/bin") || environ[3])
		return 100;
	/* a second call, and one without an environment */
	mf_process_clean_environment();
	if (!getenv("PATH"))
		return 101;
	clearenv();
	mf_process_clean_environment();
	return getenv("PATH") != NULL;
}

static void variables_that_are_not_in_the_table_are_gone(void **state)
{
	assert_int_equal(in_a_child(environment), 0);
}

static int start_with_touched_signals(void)
{
	/* glibc itself leaves the two signals ignored that it keeps for its threads, 32 and 33 */
	const char *as_new = "SigBlk:[[:space:]]0{16}[[:space:]]SigIgn:[[:space:]]0{7}[01][08]0{7}";
	char *const argv[] = { (char *)"grep", (char *)"-qzE", (char *)as_new,
			       (char *)"/proc/self/status", NULL };
	posix_spawnattr_t attributes;
	sigset_t some;
	int status;
	pid_t pid;

	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &some, NULL) < 0 || posix_spawnattr_init(&attributes) ||
	    mf_process_reset_signals(&attributes, POSIX_SPAWN_SETPGROUP) ||
	    posix_spawnp(&pid, "grep", NULL, &attributes, argv, environ))
		return 1;
	posix_spawnattr_destroy(&attributes);
	if (getpgid(pid) != pid)
		return 2;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 3;
}

static void a_program_is_started_with_default_signals(void **state)
{
	assert_int_equal(in_a_child(start_with_touched_signals), 0);
}

/* Runs a copy of this program outside of any build directory, which reports where it is. */
static int elsewhere(void)
{
	char directory[] = "/tmp/test-process-XXXXXX", path[64], ninja[64];
	char *const argv[] = { path, (char *)"where", NULL };
	int status[2];

	if (!mkdtemp(directory))
		return 10;
	snprintf(path, sizeof(path), "%s/program", directory);
	snprintf(ninja, sizeof(ninja), "%s/build.ninja", directory);
	for (int i = 0; i < 2; i++) {
		int fd = i ? open(ninja, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
		_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);
		pid_t pid = fork();

		if (!pid) {
			execlp("cp", "cp", self, path, NULL);
			_exit(20);
		}
		if (waitpid(pid, &status[i], 0) != pid || status[i])
			return 11;
		pid = fork();
		if (!pid) {
			execv(path, argv);
			_exit(21);
		}
		if (waitpid(pid, &status[i], 0) != pid || !WIFEXITED(status[i]))
			return 12;
		status[i] = WEXITSTATUS(status[i]);
		if (fd >= 0)
			close(fd);
	}
	unlink(path);
	unlink(ninja);
	rmdir(directory);
	return status[0] * 2 + status[1];
}

static void only_a_program_of_a_build_tree_is_in_one(void **state)
{
	assert_true(mf_process_in_build_tree());
	/* without a build.ninja it is no build directory, with one it is */
	assert_int_equal(in_a_child(elsewhere), 0 * 2 + 1);
}

static int drops_the_directory(void)
{
	setenv("MODFETCH_LIBEXECDIR", "/tmp", 1);
	mf_process_clean_environment();
	return !getenv("MODFETCH_LIBEXECDIR");
}

static void the_program_has_a_path_and_is_not_replaced(void **state)
{
	_cleanup_free_ char *expected = realpath("/proc/self/exe", NULL);
	char path[PATH_MAX];
	bool replaced = true;

	assert_int_equal(mf_process_program(path, &replaced), 0);
	assert_string_equal(path, expected);
	assert_false(replaced);
	assert_int_equal(mf_process_program(path, NULL), 0);
}

static pid_t first;

static int grandchild(void)
{
	return mf_process_is_below(first) && mf_process_is_below(getppid()) &&
	       !mf_process_is_below(getpid());
}

static int child(void)
{
	return in_a_child(grandchild);
}

static int other_branch(void)
{
	return !mf_process_is_below(first);
}

static void ancestors_are_known_and_siblings_are_none(void **state)
{
	first = getpid();
	assert_int_equal(in_a_child(child), 1);
	first = fork();
	assert_true(first >= 0);
	if (!first) {
		pause();
		_exit(0);
	}
	assert_int_equal(in_a_child(other_branch), 1);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
}

static void the_helpers_folder_counts_in_a_build_tree(void **state)
{
	assert_int_equal(in_a_child(drops_the_directory), 0);
}

static void a_program_is_found_by_its_name(void **state)
{
	char *sh = mf_process_find("sh");

	(void)state;
	assert_non_null(sh);
	assert_int_equal(*sh, '/');
	assert_int_equal(access(sh, X_OK), 0);
	free(sh);
	assert_null(mf_process_find("no-such-program-here"));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "where"))
		return mf_process_in_build_tree();
	const struct CMUnitTest tests[] = {
		UNIT(closed_descriptors_stay_useless_and_are_not_given_to_files),
		UNIT(open_descriptors_are_left_alone),
		UNIT(variables_that_are_not_in_the_table_are_gone),
		UNIT(a_program_is_started_with_default_signals),
		UNIT(only_a_program_of_a_build_tree_is_in_one),
		UNIT(the_program_has_a_path_and_is_not_replaced),
		UNIT(a_program_is_found_by_its_name),
		UNIT(ancestors_are_known_and_siblings_are_none),
		UNIT(the_helpers_folder_counts_in_a_build_tree),
	};

	return UNIT_RUN(tests);
}
