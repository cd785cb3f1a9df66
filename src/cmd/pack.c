/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch pack: the command line, progress, and the figures at the end.
 *
 * Progress is written to stderr: one line that is replaced on a terminal, else a line for each step. Figures are
 * written to stdout, as text or with --json as one object.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/advisory.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/inflate.h"
#include "modfetch/pack.h"
#include "modfetch/page.h"
#include "cmd.h"

enum { /* long options without a letter */
       OPT_FLAVOR = 256,
       OPT_SYMVERS,
       OPT_IMAGE,
       OPT_SYSTEM_MAP,
       OPT_CONFIG,
       OPT_FIRMWARE,
       OPT_VERSION,
       OPT_RELEASE,
       OPT_SIGN,
       OPT_CERT,
       OPT_GPG_KEY,
       OPT_IDENTITY,
       OPT_UPDATEINFO,
       OPT_INCREMENTAL,
       OPT_SHARE,
       OPT_ONLY,
       OPT_SPEC_ONLY,
       OPT_SUBSET,
       OPT_DRIVERS,
       OPT_PAGE,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "flavor", required_argument, NULL, OPT_FLAVOR },
	{ "symvers", required_argument, NULL, OPT_SYMVERS },
	{ "image", required_argument, NULL, OPT_IMAGE },
	{ "system-map", required_argument, NULL, OPT_SYSTEM_MAP },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "firmware", required_argument, NULL, OPT_FIRMWARE },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "release", required_argument, NULL, OPT_RELEASE },
	{ "sign", required_argument, NULL, OPT_SIGN },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "gpg-key", required_argument, NULL, OPT_GPG_KEY },
	{ "identity", required_argument, NULL, OPT_IDENTITY },
	{ "updateinfo", required_argument, NULL, OPT_UPDATEINFO },
	{ "incremental", no_argument, NULL, OPT_INCREMENTAL },
	{ "share", no_argument, NULL, OPT_SHARE },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "spec-only", required_argument, NULL, OPT_SPEC_ONLY },
	{ "subset", required_argument, NULL, OPT_SUBSET },
	{ "drivers", required_argument, NULL, OPT_DRIVERS },
	{ "page", no_argument, NULL, OPT_PAGE },
	{ 0 },
};

struct arguments {
	struct mf_pack_options options;
	struct mf_strings trees, only;
	struct mf_lists subset;
	bool page;
};

static void pack_arguments_done(struct arguments *a)
{
	mf_strings_done(&a->trees);
	mf_strings_done(&a->only);
	mf_lists_done(&a->subset);
}

static int pack_parse_jobs(struct cmd *cmd, struct arguments *a, const char *text)
{
	char *end;
	unsigned long jobs = strtoul(text, &end, 10);

	if (!*text || *end || !jobs || jobs > 1024)
		return mf_fail(&cmd->ctx, MF_STAGE_PACK, -MFE_USAGE, text,
			       "not a number of jobs from 1 to 1024");
	a->options.jobs = (unsigned int)jobs;
	return 0;
}

static int pack_parse_option(struct cmd *cmd, struct arguments *a, int option, const char *value)
{
	const struct {
		int option;
		const char **to;
	} strings[] = {
		{ 'o', &a->options.output },
		{ OPT_FLAVOR, &a->options.flavor },
		{ OPT_SYMVERS, &a->options.symvers },
		{ OPT_IMAGE, &a->options.image },
		{ OPT_SYSTEM_MAP, &a->options.system_map },
		{ OPT_CONFIG, &a->options.config },
		{ OPT_FIRMWARE, &a->options.firmware },
		{ OPT_VERSION, &a->options.version },
		{ OPT_RELEASE, &a->options.release },
		{ OPT_SIGN, &a->options.key },
		{ OPT_CERT, &a->options.cert },
		{ OPT_GPG_KEY, &a->options.gpg_key },
		{ OPT_IDENTITY, &a->options.identity },
		{ OPT_UPDATEINFO, &a->options.updateinfo },
		{ OPT_SPEC_ONLY, &a->options.spec_only },
		{ OPT_DRIVERS, &a->options.drivers },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(strings); i++)
		if (strings[i].option == option) {
			*strings[i].to = value;
			return 0;
		}
	switch (option) {
	case 'j':
		return pack_parse_jobs(cmd, a, value);
	case OPT_INCREMENTAL:
		a->options.incremental = true;
		return 0;
	case OPT_SHARE:
		a->options.share = true;
		return 0;
	case OPT_PAGE:
		a->page = true;
		return 0;
	case OPT_SUBSET:
		a->options.subset = &a->subset;
		return mf_lists_read(&cmd->ctx, value, &a->subset);
	case OPT_ONLY:
		return mf_strings_split(&a->only, value);
	default:
		return mf_fail(&cmd->ctx, MF_STAGE_PACK, -MFE_USAGE, "option",
			       "see modfetch-pack(8) for the options there are");
	}
}

static int parse_arguments(struct cmd *cmd, int argc, char **argv, struct arguments *a)
{
	int option, r;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "o:j:", long_options, NULL)) >= 0) {
		if (option == '?')
			return mf_fail(&cmd->ctx, MF_STAGE_PACK, -MFE_USAGE, argv[optind - 1],
				       "no such option, or its value is missing");
		r = pack_parse_option(cmd, a, option, optarg);
		if (r < 0)
			return r;
	}
	for (; optind < argc; optind++) {
		r = mf_strings_add(&a->trees, argv[optind]);
		if (r < 0)
			return mf_fail(&cmd->ctx, MF_STAGE_PACK, r, argv[optind], NULL);
	}
	a->options.trees = &a->trees;
	a->options.only = &a->only;
	return 0;
}

/* What machines cannot parse is not published. 0 or a recorded error. */
static int check_updateinfo(struct cmd *cmd, const char *path)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC), xml = -1;
	size_t packages = 0;
	int r = file < 0 ? -errno : 0;

	if (!r) {
		xml = mf_inflate_fd(file, cmd->ctx.settings.max_metadata);
		r = xml < 0 ? xml : mf_advisories_check(xml, &packages);
	}
	if (r == -EBADMSG || r == -MFE_BAD_METADATA)
		return mf_fail(&cmd->ctx, MF_STAGE_PACK, -MFE_BAD_METADATA, path,
			       "it is no updateinfo.xml that can be parsed");
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_PACK, r, path, NULL);
	mf_log(&cmd->ctx, MF_LOG_INFO, "pack: the advisories in %s name %zu packages", path,
	       packages);
	return 0;
}

static void show_bar(void *arg, const char *step, size_t done, size_t n)
{
	const struct cmd *cmd = arg;

	mf_progress(&cmd->ctx, &(const struct mf_progress){
				       .step = step,
				       .unit = strcmp(step, "reading") ? "packages" : "modules",
				       .done = done,
				       .n = n });
}

static void show_line(void *arg, const char *step, size_t done, size_t n)
{
	const struct cmd *cmd = arg;

	if (n && done == n)
		mf_log(&cmd->ctx, MF_LOG_INFO, "pack: %s: %zu done", step, n);
}

static const char *const step_names[MF_PACK_N_STEPS] = {
	[MF_PACK_STEP_READ] = "read",
	[MF_PACK_STEP_RELATE] = "relate",
	[MF_PACK_STEP_BUILD] = "build",
	[MF_PACK_STEP_PUBLISH] = "publish",
};

static const char *const share_names[MF_PACK_N_SHARES] = {
	[MF_PACK_SHARE_KSYM_REQUIRES] = "ksym-requires",
	[MF_PACK_SHARE_KSYM_PROVIDES] = "ksym-provides",
	[MF_PACK_SHARE_MODALIAS] = "modalias",
	[MF_PACK_SHARE_KALIAS] = "kalias",
	[MF_PACK_SHARE_RELATIONS] = "other-relations",
	[MF_PACK_SHARE_TEXT] = "text",
	[MF_PACK_SHARE_FRAME] = "frame",
};

static void pack_print_json(const struct mf_pack_result *r)
{
	printf("{\"modules\":%zu,\"modules_signed\":%zu,\"packages\":%zu,\"reused\":%zu,\"shared\":"
	       "%zu,\"in_"
	       "repository\":%zu,"
	       "\"problems\":%zu,\"rpm_bytes\":%" PRIu64 ",\"primary_packed\":%" PRIu64
	       ",\"primary_bytes\":%" PRIu64 ",\"firmware_missing\":%zu",
	       r->modules, r->modules_signed, r->packages, r->reused, r->shared, r->in_repository,
	       r->problems, r->rpm_bytes, r->primary_packed, r->primary_bytes, r->firmware_missing);
	for (size_t i = 0; i < MF_PACK_N_SHARES; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : ",\"shares\":{", share_names[i],
		       r->shares[i]);
	for (size_t i = 0; i < MF_PACK_N_STEPS; i++)
		printf("%s\"%s\":%.3f", i ? "," : "},\"seconds\":{", step_names[i],
		       (double)r->step_us[i] / 1e6);
	fputs("},\"patterns\":[", stdout);
	for (size_t i = 0; i < r->n_patterns; i++)
		printf("%s{\"name\":\"%s\",\"members\":%zu,\"closed\":%zu,\"size\":%" PRIu64 "}",
		       i ? "," : "", r->patterns[i].name, r->patterns[i].members,
		       r->patterns[i].closed, r->patterns[i].size);
	puts("]}");
}

static void print_metadata(const struct mf_pack_result *r)
{
	if (!r->in_repository || !r->primary_bytes)
		return;
	printf("metadata: %.2f MB, %" PRIu64 " bytes a package; of the %.1f MB inflated:",
	       (double)r->primary_packed / 1e6, r->primary_packed / r->in_repository,
	       (double)r->primary_bytes / 1e6);
	for (size_t i = 0; i < MF_PACK_N_SHARES; i++)
		printf(" %s %.0f%%", share_names[i],
		       100.0 * (double)r->shares[i] / (double)r->primary_bytes);
	putchar('\n');
}

static void pack_print_text(const struct mf_pack_result *r)
{
	printf("%zu modules, %zu of the packed ones signed, in %zu packages, %zu of them reused, "
	       "%.1f MB; %zu packages in the repository\n",
	       r->modules, r->modules_signed, r->packages, r->reused, (double)r->rpm_bytes / 1e6,
	       r->in_repository);
	if (r->shared)
		printf("%zu modules are in packages of other kernels\n", r->shared);
	for (size_t i = 0; i < r->n_patterns; i++)
		printf("pattern %-45s %5zu modules, %5zu with what they need, %6.1f MB\n",
		       r->patterns[i].name, r->patterns[i].members, r->patterns[i].closed,
		       (double)r->patterns[i].size / 1e6);
	print_metadata(r);
	fputs("seconds:", stdout);
	for (size_t i = 0; i < MF_PACK_N_STEPS; i++)
		printf(" %s %.1f", step_names[i], (double)r->step_us[i] / 1e6);
	putchar('\n');
}

/* Writes the page after the repository was published: if it is asked for, or there is one to be renewed. */
static int pack_write_page(struct cmd *cmd, const struct arguments *a)
{
	const char *output = a->options.output;

	if (a->options.spec_only || (!a->page && !mf_page_exists(output)))
		return 0;
	return mf_page_write(&cmd->ctx, output);
}

int cmd_pack(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(pack_arguments_done) struct arguments a = { 0 };
	_cleanup_(mf_pack_result_done) struct mf_pack_result result = { 0 };
	int r = parse_arguments(cmd, argc, argv, &a), page;

	if (!r && a.options.updateinfo)
		r = check_updateinfo(cmd, a.options.updateinfo);
	if (r < 0)
		return r;
	if (!cmd->quiet)
		a.options.progress = cmd->ctx.display ? show_bar : show_line;
	a.options.progress_arg = cmd;
	r = mf_pack(&cmd->ctx, &a.options, &result);
	mf_progress(&cmd->ctx, NULL);
	if (r < 0 && r != -MFE_PACK)
		return r;
	page = pack_write_page(cmd, &a);
	r = page < 0 ? page : r;
	if (cmd->json)
		pack_print_json(&result);
	cmd->printed = cmd->json;
	if (!cmd->json && !cmd->quiet)
		pack_print_text(&result);
	return r;
}
