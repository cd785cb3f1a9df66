/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* src/fetch/helper/landlock.c: what a restricted process can still open. Each case runs in a child process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "src/fetch/helper/landlock.h"
#include "tests/unit.h"
#include "tests/shell.h"

enum { SKIPPED = 77 };

static int make_files(void **state)
{
	*state = enter_scratch();
	run("echo listed >listed; echo other >other; mkdir -p directory/below hidden; "
	    "echo deep >directory/below/file; echo secret >hidden/file; ln -s hidden/file way");
	return 0;
}

/* Restricts a child to the paths below and calls BODY there, which returns the line that failed, or 0. */
static void in_a_child(int (*body)(void))
{
	static const char *const paths[] = { "listed", "directory", "/dev/null", "missing",
					     "listed/no-directory" };
	pid_t pid = fork();
	int status;

	if (!pid) {
		int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

		if (r == 0)
			r = fetch_landlock(paths, sizeof(paths) / sizeof(*paths));
		if (r == -EOPNOTSUPP || r == -ENOSYS)
			_exit(SKIPPED);
		_exit(r < 0 ? 255 : body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("SKIP: this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int open_result(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int read_what_is_listed(void)
{
	if (open_result("listed", O_RDONLY))
		return 1;
	if (open_result("directory/below/file", O_RDONLY) ||
	    open_result("directory", O_RDONLY | O_DIRECTORY))
		return 2;
	if (open_result("/dev/null", O_WRONLY))
		return 3;
	return 0;
}

static int try_other_files(void)
{
	if (open_result("other", O_RDONLY) != EACCES || open_result("way", O_RDONLY) != EACCES)
		return 1;
	if (open_result("/etc/passwd", O_RDONLY) != EACCES ||
	    open_result("/proc/self/status", O_RDONLY) != EACCES)
		return 2;
	if (open_result(".", O_RDONLY | O_DIRECTORY) != EACCES)
		return 3;
	return 0;
}

static int try_to_change(void)
{
	if (open_result("listed", O_WRONLY) != EACCES ||
	    open_result("directory/below/file", O_RDWR) != EACCES)
		return 1;
	if (open_result("directory/new", O_WRONLY | O_CREAT) != EACCES ||
	    mkdir("directory/new", 0700) == 0 || symlink("x", "directory/new") == 0)
		return 2;
	if (unlink("directory/below/file") == 0 || rename("listed", "directory/listed") == 0)
		return 3;
	if (execl("/bin/true", "true", NULL) == 0 || errno != EACCES)
		return 4;
	return 0;
}

static void listed_files_and_all_below_listed_directories_can_be_read(void **state)
{
	in_a_child(read_what_is_listed);
}

static void no_other_file_can_be_read_nor_a_link_to_one_followed(void **state)
{
	in_a_child(try_other_files);
}

static void nothing_can_be_written_made_removed_or_run(void **state)
{
	in_a_child(try_to_change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(listed_files_and_all_below_listed_directories_can_be_read),
		UNIT(no_other_file_can_be_read_nor_a_link_to_one_followed),
		UNIT(nothing_can_be_written_made_removed_or_run),
	};

	return cmocka_run_group_tests(tests, make_files, remove_scratch);
}
