/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libexec/modfetch/modprobe: what modprobe runs for a module that is not on disk, by the install
 * lines that src/road/stubs.c writes. Fetches, then lets modprobe load as if nothing had been.
 *
 * The module's name is MODPROBE_MODULE, which modprobe sets; the arguments are the options for it,
 * behind "-k" where the kernel may have this name fetched. Whether the kernel asks is read from
 * /proc: modprobe is then the child of a kernel thread, which nobody else can be. Such a request
 * can be provoked by any user (socket(AF_ALG, …)), so without "-k" it ends here, in silence and at
 * once. It also ends where modfetch itself is loading: the lock it holds would be waited for.
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
#include "modfetch/event.h"
#include "modfetch/stub-request.h"

/* Fetches and installs; loads nothing. Returns modfetch's exit status. */
static int fetch(const char *name)
{
	char *const argv[] = { (char *)"modfetch", (char *)"--no-load", (char *)"probe",
			       (char *)"--",	   (char *)name,	NULL };
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
static int leave(const char *name)
{
	struct mf_context ctx;
	int r = mf_context_init(&ctx, NULL, NULL);

	if (r == 0)
		r = mf_event_request(&ctx, name);
	if (r < 0)
		fprintf(stderr, "modfetch: modprobe: %s: %s: %s [%s]\n", name, ctx.failure.what,
			ctx.failure.why, mf_error_name(r));
	mf_context_done(&ctx);
	return 1;
}

/* Becomes modprobe; the line that led here is passed over. */
static int load(const char *name, int n_options, char **options)
{
	static const char *const paths[] = { "/usr/sbin/modprobe", "/sbin/modprobe",
					     "/usr/bin/modprobe" };
	char **argv = calloc((size_t)n_options + 5, sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return 1;
	argv[n++] = (char *)"modprobe";
	argv[n++] = (char *)"--ignore-install";
	argv[n++] = (char *)"--";
	argv[n++] = (char *)name;
	memcpy(&argv[n], options, (size_t)n_options * sizeof(*argv));
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		execv(paths[i], argv);
	fprintf(stderr, "modfetch: modprobe: %s was fetched, but there is no modprobe: %m\n", name);
	free(argv);
	return 1;
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
	int first = 1 + kernel_may, status;

	if (!have_standard_files())
		return 1;
	if (!name || !*name || *name == '-') {
		fputs("modfetch: modprobe: to be started by modprobe alone, by its install "
		      "lines\n",
		      stderr);
		return 1;
	}
	if (getenv("MODFETCH_LOADING") || !mf_stub_system_ready("/"))
		return 1;
	if (!kernel_may && mf_stub_kernel_asks("/", getppid()))
		return 1;
	if (mf_stub_udev_asks("/", getppid()))
		return leave(name);
	status = fetch(name);
	/* 2: it is on disk already, brought by somebody else meanwhile */
	if (status != 0 && status != 2)
		return 1;
	return load(name, argc - first, argv + first);
}
