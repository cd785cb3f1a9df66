/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger of links.
 *
 * It is written before a link is made and after one is removed, so no link of ours is ever missing
 * in it. An entry may lack its link after a crash: then the file says "pending", and the next run
 * compares. Entries are data: a line with another form, or a path that leaves its directory, is skipped, and a
 * link is only removed if it is exactly the one that the entry describes (place.c).
 *
 * On disk: /var/lib/modfetch/links, lines of words. The first is "modfetch links 1", with "pending"
 * after it; then "l KERNEL PATH TARGET PACKAGE" for a link and "d DIRECTORY" for a directory that was
 * made for links; the last is ".": without it the file is not complete.
 */
#include "ledger.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "links"
#define MAGIC	  "modfetch links 1"
#define PENDING	  " pending"
#define MAX	  ((size_t)16 << 20)

static void link_done(struct mf_link *link)
{
	free(link->kernel);
	free(link->path);
	free(link->target);
	free(link->package);
	*link = (struct mf_link){ 0 };
}

void mf_links_done(struct mf_links *links)
{
	for (size_t i = 0; i < links->n; i++)
		link_done(&links->v[i]);
	free(links->v);
	mf_strings_done(&links->directories);
	*links = (struct mf_links){ 0 };
}

/* A path without a component that leads up, and with nothing that ends a word. */
static bool ledger_is_path(const char *path)
{
	return mf_is_word(path, strlen(path)) && !strstr(path, "..") && !strstr(path, "//");
}

static bool link_is_valid(const struct mf_link *link)
{
	return mf_is_word(link->kernel, strlen(link->kernel)) && !strchr(link->kernel, '/') &&
	       *link->kernel != '.' && mf_starts_with(link->path, "weak-updates/") &&
	       ledger_is_path(link->path) && mf_starts_with(link->target, "/lib/modules/") &&
	       ledger_is_path(link->target) && mf_is_module(link->path) &&
	       mf_is_word(link->package, strlen(link->package));
}

int links_ledger_add(struct mf_links *links, const struct mf_link *link)
{
	struct mf_link copy = { 0 };

	if (!link_is_valid(link))
		return 0;
	if (mf_array_reserve(&links->v, &links->room, links->n + 1, sizeof(*links->v)) < 0)
		return -ENOMEM;
	copy.kernel = strdup(link->kernel);
	copy.path = strdup(link->path);
	copy.target = strdup(link->target);
	copy.package = strdup(link->package);
	if (!copy.kernel || !copy.path || !copy.target || !copy.package) {
		link_done(&copy);
		return -ENOMEM;
	}
	links->v[links->n++] = copy;
	return 1;
}

void links_ledger_drop(struct mf_links *links, size_t i)
{
	link_done(&links->v[i]);
	links->v[i] = links->v[--links->n];
	links->v[links->n] = (struct mf_link){ 0 };
}

struct mf_link *links_ledger_find(const struct mf_links *links, const char *kernel,
				  const char *module)
{
	char name[MF_MODULE_NAME_SIZE];

	for (size_t i = 0; i < links->n; i++)
		if (!strcmp(links->v[i].kernel, kernel) &&
		    mf_module_name(links->v[i].path, name, sizeof(name)) && !strcmp(name, module))
			return &links->v[i];
	return NULL;
}

/* ---- on disk ---- */

static int ledger_line(struct mf_links *links, char *line)
{
	char *words[5] = { NULL }, *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == MF_ARRAY_SIZE(words))
			return 0;
		words[n++] = word;
	}
	if (n == 2 && !strcmp(words[0], "d") && ledger_is_path(words[1]) && *words[1] != '/')
		return mf_strings_add(&links->directories, words[1]);
	if (n == 5 && !strcmp(words[0], "l"))
		return links_ledger_add(
			links, &(struct mf_link){ words[1], words[2], words[3], words[4] });
	return 0;
}

static int ledger_parse(char *text, size_t len, struct mf_links *links)
{
	char *line = text, *save = NULL;
	int r = 0;

	if (!mf_starts_with(text, MAGIC) || len < 3 || strcmp(text + len - 3, "\n.\n") != 0)
		return -EBADMSG;
	line = strtok_r(text, "\n", &save);
	links->pending = !strcmp(line + strlen(MAGIC), PENDING);
	while (r >= 0 && (line = strtok_r(NULL, "\n", &save)))
		r = ledger_line(links, line);
	return r < 0 ? r : 0;
}

int mf_links_read(struct mf_context *ctx, struct mf_links *ret_links)
{
	_cleanup_close_ int fd = mf_context_open(ctx, DIRECTORY "/" NAME, O_RDONLY | O_NOFOLLOW);
	_cleanup_(mf_links_done) struct mf_links links = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, MAX, &text, &len);

	if (!r)
		r = ledger_parse(text, len, &links);
	if (r == -EBADMSG) {
		/* it is replaced by a rename: another process has written to it */
		mf_log(ctx, MF_LOG_WARNING,
		       "install: /" DIRECTORY "/" NAME " is damaged; links to modules of other "
		       "kernels that it named stay");
		mf_links_done(&links);
		r = 0;
	}
	if (r < 0 && r != -ENOENT)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "/" DIRECTORY "/" NAME, NULL);
	*ret_links = links;
	links = (struct mf_links){ 0 };
	return 0;
}

static int ledger_remove(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	if (unlinkat(dirfd, NAME, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dirfd) < 0 ? -errno : 0;
}

static int ledger_publish(struct mf_context *ctx, const struct mf_links *links)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (dirfd < 0)
		return dirfd;
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	fprintf(f, MAGIC "%s\n", links->pending ? PENDING : "");
	for (size_t i = 0; i < links->directories.n; i++)
		fprintf(f, "d %s\n", links->directories.v[i]);
	for (size_t i = 0; i < links->n; i++)
		fprintf(f, "l %s %s %s %s\n", links->v[i].kernel, links->v[i].path,
			links->v[i].target, links->v[i].package);
	fprintf(f, ".\n");
	return fclose(f) ? -ENOMEM : mf_file_publish(dirfd, NAME, 0644, text, len);
}

int links_ledger_write(struct mf_context *ctx, const struct mf_links *links)
{
	bool empty = !links->n && !links->directories.n && !links->pending;
	int r = empty ? ledger_remove(ctx) : ledger_publish(ctx, links);

	return r < 0 ? mf_fail(ctx, MF_STAGE_INSTALL, r, "/" DIRECTORY "/" NAME, NULL) : 0;
}
