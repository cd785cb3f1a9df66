/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch depmod: the depmod stage as a command, with the options of depmod(8) that it supports.
 *
 * An index that is up to date is a success here, status 0, so that a script can call this in place
 * of depmod. Paths after --changed may be absolute, or relative to lib/modules/KVER.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/strings.h"
#include "cmd.h"

struct arguments {
	struct mf_depmod_options options;
	struct mf_strings config, changed;
	bool only_changed;
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },	     { "quick", no_argument, NULL, 'A' },
	{ "basedir", required_argument, NULL, 'b' }, { "config", required_argument, NULL, 'C' },
	{ "outdir", required_argument, NULL, 'o' },  { "show", no_argument, NULL, 'n' },
	{ "no-sync", no_argument, NULL, 'S' },	     { "changed", no_argument, NULL, 'c' },
	{ "learn", no_argument, NULL, 'l' },	     { NULL, 0, NULL, 0 },
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
	switch (c) {
	case 'a':
	case 'A': /* both check everything and write only if needed */
		return 0;
	case 'b':
		args->options.basedir = optarg;
		return 0;
	case 'C':
		args->options.config = &args->config;
		return mf_strings_add(&args->config, optarg);
	case 'o':
		args->options.outdir = optarg;
		return 0;
	case 'n':
		args->options.print = stdout;
		return 0;
	case 'S':
		args->options.no_sync = true;
		return 0;
	case 'l':
		args->options.learn = true;
		return 0;
	case 'c':
		args->only_changed = true;
		return 0;
	default:
		return cmd_usage(cmd, "depmod", "unknown option or missing argument");
	}
}

static bool is_release(const char *s)
{
	unsigned int major, minor;

	return sscanf(s, "%u.%u", &major, &minor) == 2;
}

/* [KVER] [PATH…] */
static int depmod_parse_rest(struct cmd *cmd, struct arguments *args, int argc, char **argv)
{
	int i = optind, r = 0;

	if (cmd->one_of_all && (args->options.basedir || (i < argc && is_release(argv[i]))))
		return cmd_usage(
			cmd, "depmod",
			"--kernel all is for the kernels of --root: leave out KVER and -b");
	if (i < argc && is_release(argv[i]))
		args->options.kernel = argv[i++];
	if (!args->options.kernel && !cmd->ctx.kernel)
		return cmd_usage(cmd, "depmod", "name a kernel release");
	if (i < argc && !args->only_changed)
		return cmd_usage(cmd, "depmod", "not a kernel release: %s", argv[i]);
	for (; i < argc && r >= 0; i++)
		r = depmod_add_changed(
			args, args->options.kernel ? args->options.kernel : cmd->ctx.kernel,
			argv[i]);
	if (args->only_changed)
		args->options.changed = &args->changed;
	return r;
}

static int depmod_parse(struct cmd *cmd, struct arguments *args, int argc, char **argv)
{
	int c, r = 0;

	opterr = 0;
	while (r >= 0 && (c = getopt_long(argc, argv, "aAb:C:o:n", long_options, NULL)) != -1)
		r = depmod_parse_option(cmd, args, c);
	return r < 0 ? r : depmod_parse_rest(cmd, args, argc, argv);
}

/*
 * Memory that is returned and requested again costs as much as writing it: a run this short keeps
 * it.
 */
static void tune_malloc(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	(void)mallopt(M_TOP_PAD, 4 << 20);
}

static void depmod_arguments_done(struct arguments *args)
{
	mf_strings_done(&args->config);
	mf_strings_done(&args->changed);
}

int cmd_depmod(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(depmod_arguments_done) struct arguments args = { 0 };
	struct mf_depmod_result result;
	int r = depmod_parse(cmd, &args, argc, argv);

	if (r == -ENOMEM)
		return mf_fail(&cmd->ctx, MF_STAGE_DEPMOD, r, "arguments", NULL);
	tune_malloc();
	if (r >= 0)
		r = mf_depmod(&cmd->ctx, &args.options, &result);
	if (r < 0)
		return r;
	if (cmd->json && !args.options.print)
		printf("{\"kernel\":\"%s\",\"modules\":%zu,\"read\":%zu,\"unchanged\":%s}\n",
		       args.options.kernel ? args.options.kernel : cmd->ctx.kernel, result.modules,
		       result.read, result.unchanged ? "true" : "false");
	mf_log(&cmd->ctx, MF_LOG_DEBUG, "depmod: %zu modules, %zu read%s", result.modules,
	       result.read, result.unchanged ? ", nothing to write" : "");
	return CMD_DONE;
}
