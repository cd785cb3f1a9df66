/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program "modfetch" of an initrd, with one verb: media.
 *
 *	modfetch media [--no-load] [DIRECTORY|DEVICE] [NAME…]
 *
 * It takes the drivers of this machine's devices from a medium, for a root disk whose driver is missing:
 * see rescue.h. Without a directory or device it looks at each disk that can be plugged in. NAME: a
 * module that no device asks for, as that of a file system. Loading goes in rounds, because a controller
 * shows its disks only when it has a driver. The rest of modfetch is not in an initrd.
 *
 * --root, --kernel: as for modfetch, for tests; another root than / implies --no-load.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "config.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/process.h"
#include "../rescue.h"

#define ROUNDS 10
#define SETTLE 5 /* seconds for new devices to appear after a round */

struct rescue {
	struct mf_context ctx;
	struct rescue_medium medium;
	struct mf_strings names, loaded;
	size_t n_brought;
	const char *place; /* where the medium is, for messages */
	bool no_load, mounted;
	bool queried; /* modprobe was started */
};

static void rescue_done(struct rescue *r)
{
	rescue_medium_done(&r->medium);
	mf_strings_done(&r->names);
	mf_strings_done(&r->loaded);
	if (r->mounted)
		rescue_unmount();
	mf_context_done(&r->ctx);
}

static int usage(FILE *f)
{
	fputs("usage: modfetch media [--no-load] [DIRECTORY|DEVICE] [NAME…]\n"
	      "Loads drivers from a driver medium, see modfetch-media(7). NAME: further modules.\n"
	      "This is the initrd's own modfetch; it has no other verb.\n",
	      f);
	return f == stdout ? 0 : 64;
}

/* ---- the medium ---- */

static int open_directory(struct rescue *r, const char *path, const char *place)
{
	int result = rescue_medium_open(&r->ctx, path, &r->medium);

	if (!result)
		r->place = place;
	return result;
}

static int open_device(struct rescue *r, const char *device)
{
	const char *path;
	int result = rescue_mount(&r->ctx, device, &path);

	if (result < 0)
		return result;
	result = open_directory(r, path, device);
	if (result < 0)
		rescue_unmount();
	else
		r->mounted = true;
	return result;
}

/* Opens the first disk with a repository that is not refused; one that is refused stays the failure. */
static int open_any(struct rescue *r, struct mf_strings *disks)
{
	struct mf_failure refused = { 0 };
	int result = rescue_find_disks(&r->ctx, disks);

	for (size_t i = 0; !result && i < disks->n; i++) {
		if (!open_device(r, disks->v[i]))
			return 0;
		if (mf_error_status(r->ctx.failure.code) == 4)
			refused = r->ctx.failure;
	}
	if (result < 0)
		return result;
	if (refused.code) {
		r->ctx.failure = refused;
		return refused.code;
	}
	return mf_fail(&r->ctx, MF_STAGE_FETCH, -MFE_NOT_FOUND, "medium",
		       "no disk that can be plugged in has a repository; plug it in, wait some "
		       "seconds, or name its device or directory");
}

/* Takes the argument that names the medium, if there is one. */
static int open_named(struct rescue *r, char **argv, int *at, struct mf_strings *disks)
{
	const char *medium = argv[*at];
	struct stat st;

	if (!medium || !strchr(medium, '/'))
		return open_any(r, disks);
	if (stat(medium, &st) < 0)
		return mf_fail(&r->ctx, MF_STAGE_FETCH, -errno, medium, NULL);
	(*at)++;
	return S_ISBLK(st.st_mode) ? open_device(r, medium) : open_directory(r, medium, medium);
}

static void print_medium(const struct rescue *r)
{
	for (size_t i = 0; i < r->medium.n; i++) {
		const struct rescue_repo *repo = &r->medium.v[i];
		time_t at = (time_t)repo->signing_time;
		struct tm tm;
		char day[32];

		if (!gmtime_r(&at, &tm) || !strftime(day, sizeof(day), "%Y-%m-%d", &tm))
			strcpy(day, "an unknown day");
		printf("%s, directory %s: %zu packages, signed by %s on %s\n", r->place,
		       repo->label, repo->n, repo->signer, day);
	}
	fflush(stdout);
}

/* ---- rounds ---- */

/* One round. 1: something was brought; 0; or a failure. */
static int one_round(struct rescue *r)
{
	_cleanup_(mf_strings_done) struct mf_strings modaliases = { 0 };
	_cleanup_(rescue_result_done) struct rescue_result result = { 0 };
	int status = rescue_devices(&r->ctx, &modaliases);

	if (!status)
		status = rescue_bring(&r->ctx, &r->medium, &modaliases, &r->names, &result);
	/* the first round has brought them, or they were there */
	mf_strings_done(&r->names);
	r->names = (struct mf_strings){ 0 };
	if (status < 0)
		return status;
	for (size_t i = 0; i < result.packages.n; i++)
		printf("brought %s\n", result.packages.v[i]);
	fflush(stdout);
	r->n_brought += result.modules.n;
	if (!r->no_load && result.queries.n) {
		r->queried = true;
		status = rescue_load(&r->ctx, &result, &r->loaded);
	}
	return status < 0 ? status : result.packages.n > 0;
}

/* Rounds until nothing new comes for some seconds. */
static int all_rounds(struct rescue *r)
{
	unsigned int quiet = 0;
	int status = one_round(r);

	for (int i = 1;
	     status >= 0 && r->n_brought && !r->no_load && i < ROUNDS && quiet < SETTLE;) {
		sleep(1);
		status = one_round(r);
		quiet = status > 0 ? 0 : quiet + 1;
		i += status > 0;
	}
	return status < 0 ? status : 0;
}

static int finish(struct rescue *r)
{
	if (!r->n_brought && r->queried) {
		puts("brought nothing: the initrd had these modules; gave their names to modprobe");
		return 0;
	}
	if (!r->n_brought)
		return mf_fail(&r->ctx, MF_STAGE_MATCH, -MFE_NOT_FOUND, r->place,
			       "no device without a driver matches a package there for %s; to name "
			       "a module: modfetch media %s NAME",
			       r->ctx.kernel, r->place);
	if (r->no_load) {
		printf("brought %zu modules, loaded none\n", r->n_brought);
		return 0;
	}
	for (size_t i = 0; i < r->loaded.n; i++)
		printf("loaded %s\n", r->loaded.v[i]);
	if (!r->loaded.n)
		return mf_fail(&r->ctx, MF_STAGE_LOAD, -MFE_LOAD, r->place,
			       "none of %zu modules could be loaded; modprobe and the kernel's log "
			       "(dmesg) say why",
			       r->n_brought);
	printf("loaded %zu of %zu modules; leave the shell (exit) to continue the boot\n",
	       r->loaded.n, r->n_brought);
	return 0;
}

static int run_media(struct rescue *r, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings disks = { 0 };
	int at = 0, status = open_named(r, argv, &at, &disks);

	for (; status >= 0 && argv[at]; at++)
		if (mf_strings_add(&r->names, argv[at]) < 0)
			status = mf_fail(&r->ctx, MF_STAGE_COMMAND, -ENOMEM, "media", NULL);
	if (status < 0)
		return status;
	print_medium(r);
	status = all_rounds(r);
	return status < 0 ? status : finish(r);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-load", no_argument, NULL, 'n' },
		{ "root", required_argument, NULL, 'r' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(rescue_done) struct rescue r = { .ctx = { .root_fd = -1, .helper = -1 } };
	const char *root = NULL, *kernel = NULL;
	const struct mf_failure *f = &r.ctx.failure;
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'r')
			root = optarg;
		else if (c == 'k')
			kernel = optarg;
		else if (c == 'n')
			r.no_load = true;
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind >= argc || strcmp(argv[optind], "media"))
		return usage(stderr);
	mf_bus_errors();
	r.no_load |= root && strcmp(root, "/");
	status = mf_context_init(&r.ctx, root, kernel);
	if (!status)
		status = run_media(&r, argv + optind + 1);
	if (status >= 0)
		return 0;
	fflush(stdout);
	fprintf(stderr, "modfetch: %s: %s%s%s [%s]\n", mf_stage_name(f->stage), f->what,
		*f->what ? ": " : "", *f->why ? f->why : mf_error_sentence(status),
		mf_error_name(status));
	return mf_error_status(status);
}
