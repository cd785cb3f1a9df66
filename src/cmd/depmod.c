/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch depmod: the depmod stage as a command, with the options of depmod(8) and some of its own.
 *
 * An index that is up to date is a success here, status 0, so that a script can call this in place
 * of depmod. Paths after --changed may be absolute, or relative to lib/modules/KVER.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/strings.h"
#include "cmd.h"
#include "depmod-options.h"

struct arguments {
	struct depmod_arguments depmod;
	struct mf_strings changed;
	bool only_changed, version;
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "quick", no_argument, NULL, 'A' },
	{ "basedir", required_argument, NULL, 'b' },
	{ "moduledir", required_argument, NULL, 'm' },
	{ "outdir", required_argument, NULL, 'o' },
	{ "config", required_argument, NULL, 'C' },
	{ "symvers", required_argument, NULL, 'E' },
	{ "filesyms", required_argument, NULL, 'F' },
	{ "errsyms", no_argument, NULL, 'e' },
	{ "show", no_argument, NULL, 'n' },
	{ "symbol-prefix", required_argument, NULL, 'P' },
	{ "warn", no_argument, NULL, 'w' },
	{ "no-sync", no_argument, NULL, 'S' },
	{ "changed", no_argument, NULL, 'c' },
	{ "learn", no_argument, NULL, 'l' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Adds a path as the stage expects it: below the directory of the kernel. */
static int depmod_add_changed(struct arguments *args, const char *kernel, const char *path)
{
	_cleanup_free_ char *directory = NULL;
	const char *found;

	directory = mf_format("/lib/modules/%s/", kernel);
	if (!directory)
		return -ENOMEM;
	found = *path == '/' ? strstr(path, directory) : NULL;
	return mf_strings_add(&args->changed, found ? found + strlen(directory) : path);
}

static int depmod_parse_option(struct cmd *cmd, struct arguments *args, int c)
{
	int r = depmod_take_option(&args->depmod, c, optarg);

	if (r == -EINVAL)
		return cmd_usage(cmd, "depmod", "-P takes a single byte");
	if (r <= 0)
		return r;
	switch (c) {
	case 'S':
		args->depmod.options.no_sync = true;
		return 0;
	case 'l':
		args->depmod.options.learn = true;
		return 0;
	case 'c':
		args->only_changed = true;
		return 0;
	case 'V':
		args->version = true;
		return 0;
	}
	return cmd_usage(cmd, "depmod", "unknown option or missing argument");
}

/* [KVER] [PATH…] */
static int depmod_parse_rest(struct cmd *cmd, struct arguments *args, int argc, char **argv)
{
	int i = optind, r = 0;

	if (cmd->one_of_all &&
	    (args->depmod.options.basedir || (i < argc && depmod_is_release(argv[i]))))
		return cmd_usage(
			cmd, "depmod",
			"--kernel all is for the kernels of --root: leave out KVER and -b");
	if (i < argc && depmod_is_release(argv[i]))
		args->depmod.options.kernel = argv[i++];
	if (!args->depmod.options.kernel && !cmd->ctx.kernel)
		return cmd_usage(cmd, "depmod", "name a kernel release");
	if (i < argc && !args->only_changed)
		return cmd_usage(cmd, "depmod", "not a kernel release: %s", argv[i]);
	for (; i < argc && r >= 0; i++)
		r = depmod_add_changed(args,
				       args->depmod.options.kernel ? args->depmod.options.kernel
								   : cmd->ctx.kernel,
				       argv[i]);
	if (!depmod_options_complete(&args->depmod))
		return cmd_usage(cmd, "depmod", "-e needs -E or -F");
	if (args->only_changed)
		args->depmod.options.changed = &args->changed;
	return r;
}

static int depmod_parse(struct cmd *cmd, struct arguments *args, int argc, char **argv)
{
	int c, r = 0;

	opterr = 0;
	while (r >= 0 &&
	       (c = getopt_long(argc, argv, "aAb:m:o:C:E:F:enP:wV", long_options, NULL)) != -1)
		r = depmod_parse_option(cmd, args, c);
	return r < 0 || args->version ? r : depmod_parse_rest(cmd, args, argc, argv);
}

static void arguments_done(struct arguments *args)
{
	depmod_arguments_done(&args->depmod);
	mf_strings_done(&args->changed);
}

int cmd_depmod(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(arguments_done) struct arguments args = { 0 };
	struct mf_depmod_result result;
	int r = depmod_parse(cmd, &args, argc, argv);

	if (r == -ENOMEM)
		return mf_fail(&cmd->ctx, MF_STAGE_DEPMOD, r, "arguments", NULL);
	if (r >= 0 && args.version) {
		depmod_print_version(&cmd->ctx);
		return CMD_DONE;
	}
	depmod_tune_malloc();
	if (r >= 0)
		r = mf_depmod(&cmd->ctx, &args.depmod.options, &result);
	if (r < 0)
		return r;
	if (cmd->json && !args.depmod.options.print)
		printf("{\"kernel\":\"%s\",\"modules\":%zu,\"read\":%zu,\"unchanged\":%s}\n",
		       args.depmod.options.kernel ? args.depmod.options.kernel : cmd->ctx.kernel,
		       result.modules, result.read, result.unchanged ? "true" : "false");
	mf_log(&cmd->ctx, MF_LOG_DEBUG, "depmod: %zu modules, %zu read%s", result.modules,
	       result.read, result.unchanged ? ", nothing to write" : "");
	return CMD_DONE;
}
