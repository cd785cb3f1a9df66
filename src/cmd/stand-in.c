/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This program under the name of depmod: it takes the place of /usr/sbin/depmod, so that packages of
 * kernels, dkms, makers of initrds and "make modules_install" get indexes from it.
 *
 * It takes the options and arguments of the depmod of this root's kmod, prints its messages
 * ("depmod: WARNING: …"), and has its exit status, 0 or 1. What differs between versions: since 34 -m
 * names the module directory, and an argument that is no release is an error; before, -m, -u, -q and
 * -r were taken without effect. Where there is no kmod, the newest form is taken. A list of modules
 * after the release is refused: depmod would write indexes of these alone over those of all.
 *
 * With -b or -o it writes no state file (modules.modfetch): such a tree is packed, into an initrd or a
 * package. None of the other verbs and global options exist under this name, and modfetch.conf is not read.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "depmod-options.h"
#include "cmd.h"
#include "modfetch/cleanup.h"
#include "modfetch/kmod-program.h"

#define OLD_MODULEDIR 34 /* before this version of kmod -m is another option, without effect */

static const struct option newest[] = {
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
	{ "verbose", no_argument, NULL, 'v' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct option before_34[] = {
	{ "map", no_argument, NULL, 'i' },
	{ "unresolved-error", no_argument, NULL, 'i' },
	{ "quiet", no_argument, NULL, 'i' },
	{ "root", no_argument, NULL, 'i' },
	{ "all", no_argument, NULL, 'a' },
	{ "quick", no_argument, NULL, 'A' },
	{ "basedir", required_argument, NULL, 'b' },
	{ "outdir", required_argument, NULL, 'o' },
	{ "config", required_argument, NULL, 'C' },
	{ "symvers", required_argument, NULL, 'E' },
	{ "filesyms", required_argument, NULL, 'F' },
	{ "errsyms", no_argument, NULL, 'e' },
	{ "show", no_argument, NULL, 'n' },
	{ "symbol-prefix", required_argument, NULL, 'P' },
	{ "warn", no_argument, NULL, 'w' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct stand_in {
	struct mf_context *ctx;
	struct depmod_arguments args;
	bool old; /* the form before version 34 */
};

static void stand_in_help(void)
{
	puts("Usage: depmod [-aAenvw] [-b DIR] [-m DIR] [-o DIR] [-C PATH] [-E FILE] [-F FILE] [-P "
	     "BYTE] [RELEASE]\n"
	     "This depmod is that of modfetch: see modfetch-depmod(8) and depmod(8).");
}

/* 0; 1: the program ends, with status 0; -EINVAL, reported; or -ENOMEM. */
static int stand_in_take(struct stand_in *s, int c, const char *word)
{
	int r = depmod_take_option(&s->args, c, optarg);

	if (r == -EINVAL)
		mf_log(s->ctx, MF_LOG_ERROR, "-P only takes a single char");
	if (r <= 0)
		return r;
	switch (c) {
	case 'v':
		s->args.options.show = stdout;
		return 0;
	case 'i':
		mf_log(s->ctx, MF_LOG_WARNING, "Ignored deprecated option %s", word);
		return 0;
	case 'V':
		depmod_print_version(s->ctx);
		return 1;
	case 'h':
		stand_in_help();
		return 1;
	}
	/* getopt has named the option */
	return -EINVAL;
}

static int stand_in_parse(struct stand_in *s, int argc, char **argv)
{
	int c, r = 0;

	while (!r) {
		int index = optind;

		c = getopt_long(argc, argv,
				s->old ? "aAb:o:C:E:F:euqrvnP:wmVh" : "aAb:m:o:C:E:F:evnP:wVh",
				s->old ? before_34 : newest, NULL);
		if (c == -1)
			break;
		if (s->old && strchr("uqrm", c))
			c = 'i';
		r = stand_in_take(s, c, index < argc ? argv[index] : "");
	}
	if (r)
		return r;
	if (optind < argc && depmod_is_release(argv[optind]))
		s->args.options.kernel = argv[optind++];
	else if (optind < argc && !s->old) {
		mf_log(s->ctx, MF_LOG_ERROR, "Bad version passed %s", argv[optind]);
		return -EINVAL;
	}
	if (optind == argc)
		return 0;
	mf_log(s->ctx, MF_LOG_ERROR,
	       "%s: a list of modules is not supported; name the release only, or use modfetch "
	       "depmod --changed",
	       argv[optind]);
	return -EINVAL;
}

static int stand_in_run(struct stand_in *s)
{
	int r;

	if (s->args.quick && s->args.options.print)
		return 0;
	if (!depmod_options_complete(&s->args))
		mf_log(s->ctx, MF_LOG_WARNING, "-e needs -E or -F");
	/* an initrd, an image, a package: the state would be a part of it, and is of no use there */
	s->args.options.no_state |= s->args.options.basedir || s->args.options.outdir;
	r = mf_depmod(s->ctx, &s->args.options, NULL);
	/* cycles are reported one by one */
	if (r < 0 && r != -MFE_DEPMOD)
		mf_log(s->ctx, MF_LOG_ERROR, "%s: %s", s->ctx->failure.what,
		       *s->ctx->failure.why ? s->ctx->failure.why : mf_error_sentence(r));
	return r;
}

int cmd_stand_in(int argc, char **argv)
{
	struct mf_context ctx;
	struct stand_in s = { .ctx = &ctx };
	struct mf_kmod_program program;
	int r = mf_context_init(&ctx, NULL, NULL);

	ctx.stands_in_for = "depmod";
	ctx.log_level = MF_LOG_WARNING;
	if (r < 0)
		mf_log(&ctx, MF_LOG_ERROR, "%s: %s", ctx.failure.what, ctx.failure.why);
	else if (!mf_kmod_program_find(&ctx, 0, &program))
		s.old = program.version < OLD_MODULEDIR;
	if (!r)
		r = stand_in_parse(&s, argc, argv);
	depmod_tune_malloc();
	if (!r)
		r = stand_in_run(&s);
	if (fflush(stdout) || ferror(stdout)) {
		mf_log(&ctx, MF_LOG_ERROR, "stdout: %s", mf_error_sentence(-EIO));
		r = -EIO;
	}
	depmod_arguments_done(&s.args);
	mf_context_done(&ctx);
	return r < 0 ? CMD_FAILED : CMD_DONE;
}
