/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libexec/modfetch/modprobe: the program that modprobe runs for a module that is not on disk, by
 * the install lines that src/load/stubs.c writes. Fetches the module, then starts modprobe to load
 * it.
 *
 * The module's name is in MODPROBE_MODULE, which modprobe sets; the arguments are its options,
 * after "-k" if this name may be fetched for the kernel. /proc shows whether the kernel has made
 * the request: modprobe is then the child of a kernel thread, which no other process can be. Any
 * user can provoke such a request (socket(AF_ALG, …)): without "-k", and unless a module of this
 * machine lists the name (kernel-request.c), the program exits at once without a message. A module
 * that is on disk already is loaded for any requester; modfetch removes its install lines only
 * after it has loaded drivers.
 *
 * A driver that modfetch is loading may make a request, while modfetch waits for that driver: then
 * the name is added to the spool and the request fails at once; the service fetches it after that
 * run. A name in the spool is not fetched for the kernel a second time, and a name whose fetch has
 * failed permanently is not retried for the kernel within an hour.
 *
 * udev runs install lines too, for its rules that load by name, while it handles a device: a fetch
 * would block "udevadm settle" and the device's other rules. Such a name is added to the spool, as
 * by the event helper, and modfetch.service loads the module.
 *
 * Parses no data from a network; libc only.
 * Exit status: modprobe's own, or 1 if nothing could be fetched (modfetch has printed the reason).
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/process.h"
#include "modfetch/spool.h"
#include "../event.h"
#include "../kernel-request.h"
#include "../stub-request.h"

/* Runs modfetch to fetch and install without a load. Returns modfetch's exit status. */
static int run_modfetch(const char *name, bool kernel)
{
	char *const argv[] = { (char *)"modfetch",
			       (char *)"--no-load",
			       (char *)"--from-modprobe",
			       (char *)(kernel ? "--unattended" : "--no-load"),
			       (char *)"probe",
			       (char *)"--",
			       (char *)name,
			       NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* modprobe's caller does not expect modfetch's results on standard output */
		if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			_exit(1);
		execv(MF_SBINDIR "/modfetch", argv);
		fprintf(stderr, "modfetch: modprobe: " MF_SBINDIR "/modfetch: %m\n");
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Adds the name to the spool, for the service. Returns 1: the module was not loaded. */
static int request_from_service(struct mf_context *ctx, const char *name)
{
	int r = mf_event_request(ctx, name);

	if (r < 0)
		fprintf(stderr, "modfetch: modprobe: %s: %s: %s [%s]\n", name, ctx->failure.what,
			ctx->failure.why, mf_error_name(r));
	return 1;
}

/* Replaces this process by modprobe, which ignores the install line. Returns 1 if that fails. */
static int exec_modprobe(const char *name, bool blacklist, int n_options, char **options)
{
	static const char *const paths[] = { "/usr/sbin/modprobe", "/sbin/modprobe",
					     "/usr/bin/modprobe" };
	char **argv = calloc((size_t)n_options + 6, sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return 1;
	argv[n++] = (char *)"modprobe";
	argv[n++] = (char *)"--ignore-install";
	if (blacklist)
		argv[n++] = (char *)"--use-blacklist";
	argv[n++] = (char *)"--";
	argv[n++] = (char *)name;
	for (int i = 0; i < n_options; i++)
		argv[n++] = options[i];
	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++)
		execv(paths[i], argv);
	fprintf(stderr, "modfetch: modprobe: %s: cannot start modprobe to load it: %m\n", name);
	free(argv);
	return 1;
}

/* Loads a module found by an alias, as modprobe does: unless it is blacklisted. */
static int on_alias(void *arg, const char *module)
{
	bool *loaded = arg;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(exec_modprobe(module, true, 0, NULL));
	*loaded |= pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		   !WEXITSTATUS(status);
	return 0;
}

/* Loads modules that are on disk: those with the alias NAME, else the module NAME. */
static int load_present(const struct mf_context *ctx, const char *name, int n_options,
			char **options)
{
	bool loaded = false;

	(void)mf_kernel_request_present(ctx, name, on_alias, &loaded);
	return loaded ? 0 : exec_modprobe(name, false, n_options, options);
}

/* True: another process fetches the module, now or later. */
static bool is_fetched_by_others(const struct mf_context *ctx, const char *name, bool kernel)
{
	_cleanup_close_ int spool = -1;
	bool loading = mf_kernel_request_loading(ctx);

	if (!kernel && !loading)
		return false;
	spool = mf_spool_open(ctx);
	if (loading && spool >= 0)
		(void)mf_spool_put_name(spool, name);
	return loading || (spool >= 0 && mf_spool_waits(spool, name));
}

/* Serves one request; ARGS are modprobe's options for the module. Returns the exit status. */
static int serve_request(struct mf_context *ctx, const char *name, bool listed, int n, char **args)
{
	bool kernel = mf_stub_kernel_asks("/", getppid()), loading = getenv("MODFETCH_LOADING");
	bool udev = mf_stub_udev_asks("/", getppid());
	int status;

	if (kernel || loading || udev) {
		enum mf_kernel_request verdict = mf_kernel_request_judge(ctx, name);

		if (verdict == MF_REQUEST_PRESENT)
			return load_present(ctx, name, n, args);
		if (loading || (kernel && !listed && verdict != MF_REQUEST_LISTED))
			return 1;
		if (kernel && mf_failed_recently(ctx, name))
			return 1;
	}
	if (udev)
		return request_from_service(ctx, name);
	if (is_fetched_by_others(ctx, name, kernel))
		return 1;
	status = run_modfetch(name, kernel);
	/* 2: it is on disk already, another process has installed it */
	if (status != 0 && status != 2)
		return 1;
	return exec_modprobe(name, false, n, args);
}

/*
 * Opens missing standard files on /dev/null. The kernel starts modprobe without any descriptor: a
 * file opened later must not become stderr, and a child process must be able to write its results.
 */
static bool open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* not close-on-exec */
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	const char *name = getenv("MODPROBE_MODULE");
	bool may_fetch_for_kernel = argc > 1 && !strcmp(argv[1], "-k");
	_cleanup_(mf_context_done) struct mf_context ctx = { .root_fd = -1, .helper = -1 };
	int first = 1 + may_fetch_for_kernel;

	if (!open_standard_files())
		return 1;
	mf_bus_errors();
	if (!name || !*name || *name == '-') {
		fputs("modfetch: modprobe: MODPROBE_MODULE is not set: only modprobe may start "
		      "this program, from an install line\n",
		      stderr);
		return 1;
	}
	if (!mf_stub_system_ready("/") || mf_context_init(&ctx, NULL, NULL) < 0)
		return 1;
	return serve_request(&ctx, name, may_fetch_for_kernel, argc - first, argv + first);
}
