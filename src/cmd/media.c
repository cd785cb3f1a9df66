/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * media: installs the drivers that devices of this machine lack from a stick, a disc or a directory.
 *
 * It is coldplug with one source: repositories that are not on the medium have no part in it, and
 * nothing is fetched from a network. A device is mounted read-only where only this process sees it
 * (src/mount/mount.c). modfetch-media@.service runs it for a medium with one of the labels that the udev
 * rule lists.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/media.h"
#include "modfetch/mount.h"
#include "modfetch/pipeline.h"
#include "modfetch/want.h"
#include "cmd.h"

enum {
	/* for the whole verb, when no person waits for it: a broken stick may answer slowly and for ever */
	MEDIA_SECONDS = 900,
	ROUNDS_MAX = 8, /* a controller, a hub, another hub: each round has new devices */
	QUIET_MS = 500, /* udev has had nothing to do for so long */
	SETTLE_MS = 10000,
	POLL_MS = 100,
};

/* What of the medium was used, for JSON. */
static struct mf_json *medium_json(const char *source, const struct mf_media *media)
{
	struct mf_json *o = mf_json_object(), *layouts = mf_json_array();
	struct mf_json *repositories = mf_json_array(), *refused = mf_json_array();

	mf_json_set_string(o, "source", source);
	for (unsigned int bit = 1; bit <= MF_LAYOUT_DUD; bit <<= 1)
		if (media->found.layouts & bit)
			mf_json_add_string(layouts, mf_layout_name((enum mf_layout)bit));
	mf_json_set(o, "layouts", layouts);
	for (size_t i = 0; i < media->n_locals; i++)
		if (media->locals[i].repository)
			mf_json_add_string(repositories, media->locals[i].repository);
	mf_json_set(o, "repositories", repositories);
	mf_json_set_int(o, "packages", (int64_t)media->packages);
	for (size_t i = 0; i < media->n_refusals; i++) {
		const struct mf_media_refusal *refusal = &media->refusals[i];
		struct mf_json *r = mf_json_object();

		mf_json_set_string(r, "path", refusal->path);
		mf_json_set_string(r, "code", mf_error_name(refusal->why.code));
		mf_json_set_string(r, "reason",
				   *refusal->why.why ? refusal->why.why
						     : mf_error_sentence(refusal->why.code));
		mf_json_add(refused, r);
	}
	mf_json_set(o, "refused", refused);
	return o;
}

/* Runs for all devices of this machine with what MEDIA has. An exit status or a recorded failure. */
static int media_run(struct cmd *cmd, const char *source, const struct mf_media *media,
		     bool *ret_installed)
{
	_cleanup_free_ char *reason = mf_format("from the medium %s", source);
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "media",
						     .locals = media->locals,
						     .n_locals = media->n_locals,
						     .reason = reason,
						     /* no network is asked */
						     .metadata_asked = true };
	int r = reason ? mf_devices_read(&cmd->ctx, NULL, false, &run.wants)
		       : mf_fail(&cmd->ctx, MF_STAGE_MEDIA, -ENOMEM, source, NULL);

	if (r >= 0)
		r = mf_boot_wants(&cmd->ctx, &run.wants);
	if (r < 0)
		return r;
	if (cmd->json)
		return cmd_run_with(cmd, &run, "medium", medium_json(source, media));
	r = cmd_run(cmd, &run);
	*ret_installed = r >= 0 && run.stamp[MF_INSTALLED];
	if (cmd->ctx.unattended && r >= 0)
		mf_report_run(&cmd->ctx, &run);
	return r;
}

/* Waits until udev has handled the devices that new drivers have brought, at most SETTLE_MS. */
static void wait_for_devices(const struct mf_context *ctx)
{
	for (int waited = 0, quiet = 0; quiet < QUIET_MS && waited < SETTLE_MS; waited += POLL_MS) {
		_cleanup_close_ int busy = -1;

		usleep(POLL_MS * 1000);
		/* the file that udevadm settle looks for */
		busy = mf_context_open(ctx, "run/udev/queue", O_PATH);
		quiet = busy < 0 ? quiet + POLL_MS : 0;
	}
}

/*
 * Runs until the medium has nothing more for this machine: a controller gets its driver, then what is
 * connected to it. Nothing but the medium brings that where there is no network.
 */
static int run_for_all(struct cmd *cmd, const char *source, const struct mf_media *media)
{
	/* a person sees what was brought, and calls again; JSON is one object */
	bool repeat = cmd->ctx.unattended && !cmd->json && !cmd->dry_run;
	bool installed = false;
	int r = media_run(cmd, source, media, &installed);

	for (int round = 1; repeat && installed && round < ROUNDS_MAX; round++) {
		int next;

		installed = false;
		wait_for_devices(&cmd->ctx);
		next = media_run(cmd, source, media, &installed);
		/* that it has no more is no failure */
		if (next < 0)
			r = next;
	}
	return r;
}

/* The directory of the medium, absolute. 0 or a recorded failure. */
static int find_medium(struct cmd *cmd, const char *device, const char *directory, char **ret_path)
{
	char *path;

	if (device)
		return mf_mount_device(&cmd->ctx, device, NULL, ret_path);
	path = realpath(directory, NULL);
	if (!path)
		return mf_fail(&cmd->ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, directory,
			       "%s; name the directory of a medium, or --device",
			       mf_error_sentence(-errno));
	*ret_path = path;
	return 0;
}

/*
 * A stick that was pulled out has no more entries for some file systems, and no error: then what was
 * found is not all. R: the outcome so far, which stays if something was installed.
 */
static int check_device(struct cmd *cmd, const char *device, int r)
{
	_cleanup_close_ int fd = -1;

	if (!device || r == CMD_DONE || r == -MFE_USAGE || r == -ENOMEM)
		return r;
	fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 || (errno != ENOENT && errno != ENXIO && errno != ENODEV && errno != ENOMEDIUM))
		return r;
	return mf_fail(
		&cmd->ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, device,
		"it was removed while it was read, and no driver was installed; insert it again");
}

int cmd_media(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "device", required_argument, NULL, 'd' },
						 { 0 } };
	struct mf_media media = { 0 };
	_cleanup_free_ char *path = NULL;
	const char *device = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'd')
			return cmd_usage(cmd, "media", "the option is --device DEVICE");
		device = optarg;
	}
	if (argc - optind != !device)
		return cmd_usage(cmd, "media", "name a directory, or --device DEVICE");
	if (cmd->ctx.unattended) {
		alarm(MEDIA_SECONDS);
		/* the journal gets a line for each device that got a driver */
		cmd->quiet |= !cmd->dry_run;
	}
	/* a medium is older than a mirror by its nature */
	cmd->ctx.settings.max_age_days = cmd->ctx.settings.media_max_age_days;
	r = find_medium(cmd, device, argv[optind], &path);
	if (!r)
		r = mf_media_read(&cmd->ctx, path, cmd->dry_run, &media);
	if (!r)
		r = run_for_all(cmd, device ? device : argv[optind], &media);
	mf_media_done(&cmd->ctx, &media);
	return check_device(cmd, path ? device : NULL, r);
}
