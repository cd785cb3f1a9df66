/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --kernel all: a verb for each installed kernel in turn.
 *
 * Each run has a context of its own, as if the command had been called for that kernel; one that
 * fails does not stop the others. As JSON the results are one array with an object for each kernel.
 * A verb prints to standard output, so that is a memory file during the runs: an object is taken
 * over as it is, any other value becomes "results" of an object, and a failure without a result
 * becomes "error". The exit status is that of the worst run.
 */
#include "all-kernels.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define RESULT_MAX ((size_t)1 << 30)

/* The worse one of two exit statuses. A kernel with nothing to do is no worse than one that is done. */
static int worse(int a, int b)
{
	static const int order[] = { CMD_USAGE,	    CMD_FAILED, CMD_REFUSED,
				     CMD_NOT_FOUND, CMD_DONE,	CMD_NOTHING };

	for (size_t i = 0; i < MF_ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

/* ---- JSON ---- */

/* Prints a string with its quotes. */
static void put_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s >= ' ')
			putchar(*s);
	}
	putchar('"');
}

void cmd_put_error(const char *kernel, const struct mf_failure *f)
{
	const struct {
		const char *key, *value;
	} members[] = {
		{ "code", mf_error_name(f->code) },
		{ "stage", mf_stage_name(f->stage) },
		{ "subject", f->what },
		{ "reason", *f->why ? f->why : mf_error_sentence(f->code) },
	};

	putchar('{');
	if (kernel) {
		fputs("\"kernel\":", stdout);
		put_string(kernel);
		putchar(',');
	}
	fputs("\"error\":{", stdout);
	for (size_t i = 0; i < MF_ARRAY_SIZE(members); i++) {
		printf("%s\"%s\":", i ? "," : "", members[i].key);
		put_string(members[i].value);
	}
	fputs("}}", stdout);
}

/* Prints the element of the array for one kernel. */
static void put_result(const char *kernel, const char *text, const struct mf_failure *failure)
{
	text += strspn(text, " \n");
	if (!*text) {
		cmd_put_error(kernel, failure);
	} else if (*text == '{') {
		fputs(text, stdout);
	} else {
		fputs("{\"kernel\":", stdout);
		put_string(kernel);
		printf(",\"results\":%s}", text);
	}
}

/* Runs the verb with its output in a new file. The file, or -errno; the status in RET_STATUS. */
static int run_captured(const struct all_kernels *all, const char *kernel,
			struct mf_failure *ret_failure, int *ret_status)
{
	_cleanup_close_ int saved = dup(STDOUT_FILENO), file = mf_memfile_new("results");

	if (saved < 0 || file < 0)
		return saved < 0 ? -errno : file;
	if (fflush(stdout) || dup2(file, STDOUT_FILENO) < 0)
		return -errno;
	*ret_status = all->run(all->arg, kernel, ret_failure);
	(void)fflush(stdout);
	return dup2(saved, STDOUT_FILENO) < 0 ? -errno : mf_steal_fd(&file);
}

static int run_as_json(const struct all_kernels *all, const struct mf_strings *kernels)
{
	int worst = CMD_NOTHING;

	for (size_t i = 0; i < kernels->n; i++) {
		struct mf_failure failure = { 0 };
		_cleanup_free_ char *text = NULL;
		int status = CMD_FAILED;
		_cleanup_close_ int file = run_captured(all, kernels->v[i], &failure, &status);
		size_t len;
		int r = file < 0 ? file : mf_file_read(file, RESULT_MAX, &text, &len);

		if (r < 0) {
			failure = (struct mf_failure){ .code = r, .stage = MF_STAGE_OUTPUT };
			status = CMD_FAILED;
		}
		fputs(i ? "," : "[", stdout);
		put_result(kernels->v[i], text ? text : "", &failure);
		worst = worse(worst, status);
	}
	puts(kernels->n ? "]" : "[]");
	return worst;
}

/* ---- text ---- */

static int run_as_text(const struct all_kernels *all, const struct mf_strings *kernels)
{
	int worst = CMD_NOTHING;

	for (size_t i = 0; i < kernels->n; i++) {
		struct mf_failure failure;

		if (!all->quiet)
			printf("kernel %s:\n", kernels->v[i]);
		(void)fflush(stdout);
		worst = worse(worst, all->run(all->arg, kernels->v[i], &failure));
	}
	return worst;
}

int cmd_for_all_kernels(struct mf_context *ctx, const struct all_kernels *all)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = mf_kernels_list(ctx, &kernels);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_KERNEL, r, "/lib/modules", NULL);
	if (!kernels.n)
		return mf_fail(ctx, MF_STAGE_KERNEL, -MFE_NOT_FOUND, "/lib/modules",
			       "no kernel is installed");
	r = all->json ? run_as_json(all, &kernels) : run_as_text(all, &kernels);
	if (fflush(stdout) || ferror(stdout))
		return mf_fail(ctx, MF_STAGE_OUTPUT, errno ? -errno : -EIO, "stdout", NULL);
	return r;
}
