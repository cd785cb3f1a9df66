/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libexec/modfetch/modprobe: what modprobe runs for a module that is not on disk, by the install
 * lines that src/load/stubs.c writes. Fetches, then lets modprobe load as if nothing had been.
 *
 * The module's name is MODPROBE_MODULE, which modprobe sets; the arguments are the options for it,
 * behind "-k" where the kernel may have this name fetched. Whether the kernel asks is read from
 * /proc: modprobe is then the child of a kernel thread, which nobody else can be. Such a request
 * can be provoked by any user (socket(AF_ALG, …)): without "-k" and unless a module of this machine
 * lists what is asked for (kernel-request.c) it ends here, in silence and at once. What is on disk
 * already is loaded for whoever asks; modfetch removes its lines only after it has loaded drivers.
 *
 * A driver that modfetch is loading may ask, and modfetch waits for that driver: then the name is
 * remembered in the spool and the request fails at once; the service fetches it when that run ends.
 * What waits in the spool is not fetched for the kernel a second time, and what has failed for good
 * is not tried again for the kernel within an hour.
 *
 * udev runs install lines too, for its rules that load by name: while it handles a device, so that
 * "udevadm settle" and the device's other rules would wait for a network. Such a request is left in
 * the spool, as the event helper's are, and the module is loaded by modfetch.service.
 *
 * Nothing here parses what came from a network; libc only.
 * Exit status: modprobe's own, or 1 where nothing could be fetched (modfetch has said why).
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

/* Fetches and installs; loads nothing. Returns modfetch's exit status. */
static int main_fetch(const char *name, bool kernel)
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
		/* results are for who asked modfetch, not for who asked modprobe */
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

/* Leaves it to the service. Nothing was loaded, so this is no success either. */
static int leave_to_service(struct mf_context *ctx, const char *name)
{
	int r = mf_event_request(ctx, name);

	if (r < 0)
		fprintf(stderr, "modfetch: modprobe: %s: %s: %s [%s]\n", name, ctx->failure.what,
			ctx->failure.why, mf_error_name(r));
	return 1;
}

/* Becomes modprobe; the line that led here is passed over. */
static int main_load(const char *name, bool blacklist, int n_options, char **options)
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
	fprintf(stderr, "modfetch: modprobe: %s was fetched, but there is no modprobe: %m\n", name);
	free(argv);
	return 1;
}

/* Loads a module that an alias stands for, as modprobe does for an alias: unless it is blacklisted. */
static int load_alias(void *arg, const char *module)
{
	bool *done = arg;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(main_load(module, true, 0, NULL));
	*done |= pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		 !WEXITSTATUS(status);
	return 0;
}

/* What is on disk. Returns modprobe's status, if it does not become modprobe. */
static int load_present(const struct mf_context *ctx, const char *name, int n_options,
			char **options)
{
	bool any = false;

	(void)mf_kernel_request_present(ctx, name, load_alias, &any);
	return any ? 0 : main_load(name, false, n_options, options);
}

/* True: it will be fetched later, or is being so. */
static bool is_left_to_others(const struct mf_context *ctx, const char *name, bool kernel)
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

/* Decides and acts; ARGS are modprobe's options for the module. */
static int serve(struct mf_context *ctx, const char *name, bool listed, int n, char **args)
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
		return leave_to_service(ctx, name);
	if (is_left_to_others(ctx, name, kernel))
		return 1;
	status = main_fetch(name, kernel);
	/* 2: it is on disk already, brought by somebody else meanwhile */
	if (status != 0 && status != 2)
		return 1;
	return main_load(name, false, n, args);
}

/*
 * The kernel starts modprobe without any descriptor: a file opened later must not become stderr,
 * and what is started here must find it can write its results, be it to nowhere.
 */
static bool have_standard_files(void)
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
	bool kernel_may = argc > 1 && !strcmp(argv[1], "-k");
	_cleanup_(mf_context_done) struct mf_context ctx = { .root_fd = -1, .helper = -1 };
	int first = 1 + kernel_may;

	if (!have_standard_files())
		return 1;
	mf_bus_errors();
	if (!name || !*name || *name == '-') {
		fputs("modfetch: modprobe: to be started by modprobe alone, by its install "
		      "lines\n",
		      stderr);
		return 1;
	}
	if (!mf_stub_system_ready("/") || mf_context_init(&ctx, NULL, NULL) < 0)
		return 1;
	return serve(&ctx, name, kernel_may, argc - first, argv + first);
}
