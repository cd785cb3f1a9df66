/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage: write REPOSITORY          writes the page of a repository that was published before
 *        write --fnmatch <LINES    LINES: a pattern, a subject, …; prints the result of fnmatch() for each pair
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/context.h"
#include "modfetch/page.h"

static void chomp(char *line)
{
	line[strcspn(line, "\n")] = '\0';
}

static int compare_lines(void)
{
	char pattern[256], subject[256];

	while (fgets(pattern, sizeof(pattern), stdin) && fgets(subject, sizeof(subject), stdin)) {
		chomp(pattern);
		chomp(subject);
		printf("%d\n", fnmatch(pattern, subject, 0));
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct mf_context ctx;
	int r;

	if (argc != 2)
		return 64;
	if (!strcmp(argv[1], "--fnmatch"))
		return compare_lines();
	r = mf_context_init(&ctx, "/", "6.1.0-1-amd64");
	if (!r)
		r = mf_page_write(&ctx, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", ctx.failure.what, ctx.failure.why);
	mf_context_done(&ctx);
	return r < 0;
}
