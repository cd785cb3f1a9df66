/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_SYSCALLS_H
#define TESTS_SYSCALLS_H
/*
 * The system calls of a function, in order: without a power cut, the only evidence of an fsync().
 * syscalls_of() runs the function in a traced child process, and returns a line for each successful
 * call of the list below: "fsync DIRECTORY", "rename DIRECTORY NAME" (the new name). Only the last
 * component of a path is given, since tests use directories with random names.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The numbers of the arguments with a descriptor and a name below it; -1: none. */
struct syscall_form {
	uint64_t number;
	const char *name;
	int fd, path;
};

static const struct syscall_form syscall_forms[] = {
	{ SYS_fsync, "fsync", 0, -1 },	    { SYS_syncfs, "syncfs", 0, -1 },
	{ SYS_unlinkat, "unlinkat", 0, 1 },
#ifdef SYS_renameat
	{ SYS_renameat, "rename", 2, 3 },
#endif
	{ SYS_renameat2, "rename", 2, 3 },
};

static inline const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static inline void write_call(FILE *out, pid_t pid, const struct syscall_form *form,
			      const uint64_t args[6])
{
	char link[64], place[PATH_MAX] = "", name[NAME_MAX + 1] = "";
	struct iovec to = { name, sizeof(name) - 1 };

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)args[form->fd]);
	assert_true(readlink(link, place, sizeof(place) - 1) > 0);
	fprintf(out, "%s %s", form->name, last_part(place));
	if (form->path >= 0) {
		struct iovec from = { (void *)(uintptr_t)args[form->path], to.iov_len };

		/* up to the end of the page, if the next one is not mapped */
		if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0) {
			from.iov_len = 4096 - args[form->path] % 4096;
			assert_true(process_vm_readv(pid, &to, 1, &from, 1, 0) > 0);
		}
		fprintf(out, " %s", last_part(name));
	}
	fputc('\n', out);
}

/* A stop at the end of a call writes the call that was recorded at its start. */
static inline void see_stop(FILE *out, pid_t pid, const struct syscall_form **form,
			    uint64_t args[6])
{
	struct __ptrace_syscall_info info;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		*form = NULL;
		for (size_t i = 0; i < sizeof(syscall_forms) / sizeof(*syscall_forms); i++)
			if (syscall_forms[i].number == info.entry.nr)
				*form = &syscall_forms[i];
		memcpy(args, info.entry.args, sizeof(info.entry.args));
	} else if (*form && info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error) {
		write_call(out, pid, *form, args);
	}
}

/* CALL returns 0; the caller frees the lines. If inlined, gcc 12 reports them as dangling. */
static __attribute__((noinline)) char *syscalls_of(int (*call)(void *arg), void *arg)
{
	const struct syscall_form *form = NULL;
	uint64_t args[6];
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int status, signal_number;
	pid_t pid = fork();

	assert_non_null(out);
	assert_true(pid >= 0);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP))
			_exit(99);
		_exit(call(arg) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(
		ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	for (signal_number = 0;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, signal_number), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		signal_number = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (!signal_number)
			see_stop(out, pid, &form, args);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Whether one line of the calls comes before another one; both must exist. */
static inline bool comes_before(const char *calls, const char *first, const char *second)
{
	const char *a = strstr(calls, first);

	return a && strstr(a + strlen(first), second);
}

#endif
