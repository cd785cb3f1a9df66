/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of depmod(8), in one table for the verb depmod and for the program under the name of
 * depmod (stand-in.c). They mean what depmod's manual says, in its newest form; what differs between
 * versions of kmod is in stand-in.c. Decides nothing about the order of the remaining arguments.
 */
#include "depmod-options.h"
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "modfetch/kmod-program.h"

int depmod_take_option(struct depmod_arguments *args, int c, char *argument)
{
	const struct {
		int option;
		const char **text;
	} texts[] = {
		{ 'b', &args->options.basedir },    { 'm', &args->options.moduledir },
		{ 'o', &args->options.outdir },	    { 'E', &args->options.symvers },
		{ 'F', &args->options.system_map },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].option == c) {
			*texts[i].text = argument;
			return 0;
		}
	switch (c) {
	case 'a': /* everything is checked in any case, and written only if needed */
		return 0;
	case 'A':
		args->quick = true;
		return 0;
	case 'C':
		args->options.config = &args->config;
		return mf_strings_add(&args->config, argument);
	case 'e':
		args->options.report_unknown = true;
		return 0;
	case 'n':
		args->options.print = stdout;
		return 0;
	case 'P':
		if (strlen(argument) != 1)
			return -EINVAL;
		args->options.symbol_prefix = *argument;
		/* names without their prefix are no facts for another run */
		args->options.no_state = true;
		return 0;
	case 'w':
		args->options.report_duplicates = true;
		return 0;
	}
	return 1;
}

bool depmod_options_complete(struct depmod_arguments *args)
{
	const struct mf_depmod_options *options = &args->options;

	return !options->report_unknown || options->symvers || options->system_map;
}

bool depmod_is_release(const char *s)
{
	unsigned int major, minor;

	return sscanf(s, "%u.%u", &major, &minor) == 2;
}

void depmod_print_version(const struct mf_context *ctx)
{
	struct mf_kmod_program program = { .version = MF_KMOD_VERSION };

	(void)mf_kmod_program_find(ctx, 0, &program);
	printf("kmod version %u\n%s\nmodfetch " MF_VERSION "\n", program.version,
	       *program.features ? program.features : "+ZSTD +XZ +ZLIB");
}

void depmod_tune_malloc(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	(void)mallopt(M_TOP_PAD, 4 << 20);
}

void depmod_arguments_done(struct depmod_arguments *args)
{
	mf_strings_done(&args->config);
}
