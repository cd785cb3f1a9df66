/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger of builds: for each source and kernel the last good build, and the one that failed after it.
 *
 * It answers three questions. Was this source built here before, so that a new kernel gets it too? Is the module on disk of this
 * source, or of an older one? Did the same build fail before, so that it need not fail again? A failure counts only as long as source, kernel
 * and compiler are the same: each has a digest here.
 *
 * It decides nothing about files: what is installed is in rpm's database, what is linked in the ledger of links.
 *
 * On disk: /var/lib/modfetch/build/ledger, replaced as a whole. The first line is "modfetch builds 1", the last ".";
 * between them a line of words for each entry:
 *	NAME VERSION KERNEL <digest of the source> <digest of the tools> <code, or "-"> MODULE...
 */
#include "ledger.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define NAME  "ledger"
#define MAGIC "modfetch builds 1"
#define MAX   ((size_t)16 << 20)

static void entry_done(struct build_entry *e)
{
	free(e->name);
	free(e->version);
	free(e->kernel);
	mf_strings_done(&e->modules);
	*e = (struct build_entry){ 0 };
}

void build_ledger_done(struct build_ledger *ledger)
{
	for (size_t i = 0; i < ledger->n; i++)
		entry_done(&ledger->v[i]);
	free(ledger->v);
	*ledger = (struct build_ledger){ 0 };
}

struct build_entry *build_ledger_find(const struct build_ledger *ledger, const char *name,
				      const char *kernel, bool failed)
{
	for (size_t i = 0; i < ledger->n; i++)
		if (!strcmp(ledger->v[i].name, name) && !strcmp(ledger->v[i].kernel, kernel) &&
		    (ledger->v[i].code != 0) == failed)
			return &ledger->v[i];
	return NULL;
}

static void ledger_drop_failed(struct build_ledger *ledger, const char *name, const char *kernel)
{
	struct build_entry *failed = build_ledger_find(ledger, name, kernel, true);

	if (!failed)
		return;
	entry_done(failed);
	*failed = ledger->v[--ledger->n];
}

static int entry_copy(const struct build_entry *from, struct build_entry *ret_entry)
{
	struct build_entry copy = *from;
	int r = 0;

	copy.name = strdup(from->name);
	copy.version = strdup(from->version);
	copy.kernel = strdup(from->kernel);
	copy.modules = (struct mf_strings){ 0 };
	for (size_t i = 0; !r && i < from->modules.n; i++)
		r = mf_strings_add(&copy.modules, from->modules.v[i]);
	if (r < 0 || !copy.name || !copy.version || !copy.kernel) {
		entry_done(&copy);
		return -ENOMEM;
	}
	*ret_entry = copy;
	return 0;
}

int build_ledger_set(struct build_ledger *ledger, const struct build_entry *entry)
{
	struct build_entry copy, *old;
	int r = entry_copy(entry, &copy);

	if (r < 0)
		return r;
	if (!entry->code)
		ledger_drop_failed(ledger, entry->name, entry->kernel);
	old = build_ledger_find(ledger, entry->name, entry->kernel, entry->code != 0);
	if (old) {
		entry_done(old);
		*old = copy;
		return 0;
	}
	if (mf_array_reserve(&ledger->v, &ledger->room, ledger->n + 1, sizeof(*ledger->v)) < 0) {
		entry_done(&copy);
		return -ENOMEM;
	}
	ledger->v[ledger->n++] = copy;
	return 0;
}

void build_ledger_drop(struct build_ledger *ledger, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < ledger->n; i++) {
		if (!strcmp(ledger->v[i].name, name)) {
			entry_done(&ledger->v[i]);
			continue;
		}
		ledger->v[kept++] = ledger->v[i];
	}
	ledger->n = kept;
}

/* ---- on disk ---- */

/* The code of a name; 0 for "-". -1: another error, which is no reason to try again. */
static int code_of(const char *name)
{
	if (!strcmp(name, "-"))
		return 0;
	for (int code = MFE_FIRST + 1; code < MFE_END; code++)
		if (!strcmp(mf_error_name(-code), name))
			return -code;
	return -EIO;
}

static int ledger_parse_line(struct build_ledger *ledger, char *line)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	char *words[6] = { NULL }, *save = NULL;
	struct build_entry e = { 0 };
	size_t n = 0;
	int r = 0;

	for (char *word = strtok_r(line, " ", &save); !r && word; word = strtok_r(NULL, " ", &save))
		if (n < MF_ARRAY_SIZE(words))
			words[n++] = word;
		else
			r = mf_strings_add(&modules, word);
	if (r < 0 || n < MF_ARRAY_SIZE(words) || !mf_sha256_parse(words[3], e.source) ||
	    !mf_sha256_parse(words[4], e.tools))
		return r;
	e.name = words[0];
	e.version = words[1];
	e.kernel = words[2];
	e.code = code_of(words[5]);
	e.modules = modules;
	return build_ledger_set(ledger, &e);
}

static int ledger_parse(char *text, size_t len, struct build_ledger *ledger)
{
	char *line, *save = NULL;
	int r = 0;

	if (!mf_starts_with(text, MAGIC "\n") || len < 3 || strcmp(text + len - 3, "\n.\n") != 0)
		return -EBADMSG;
	strtok_r(text, "\n", &save);
	while (!r && (line = strtok_r(NULL, "\n", &save)))
		r = ledger_parse_line(ledger, line);
	return r;
}

int build_ledger_read(struct mf_context *ctx, struct build_ledger *ret_ledger)
{
	_cleanup_close_ int fd =
		mf_context_open(ctx, BUILD_DIRECTORY "/" NAME, O_RDONLY | O_NOFOLLOW);
	_cleanup_(build_ledger_done) struct build_ledger ledger = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, MAX, &text, &len);

	if (!r)
		r = ledger_parse(text, len, &ledger);
	if (r == -EBADMSG) {
		mf_log(ctx, MF_LOG_WARNING,
		       "build: /" BUILD_DIRECTORY "/" NAME " is damaged: name the drivers that "
		       "modfetch build shall build for new kernels again");
		r = 0;
	}
	if (r < 0 && r != -ENOENT)
		return mf_fail(ctx, MF_STAGE_BUILD, r, "/" BUILD_DIRECTORY "/" NAME, NULL);
	*ret_ledger = ledger;
	ledger = (struct build_ledger){ 0 };
	return 0;
}

static char *ledger_text(const struct build_ledger *ledger, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	if (!f)
		return NULL;
	fputs(MAGIC "\n", f);
	for (size_t i = 0; i < ledger->n; i++) {
		const struct build_entry *e = &ledger->v[i];
		char source[MF_SHA256_HEX], tools[MF_SHA256_HEX];

		mf_sha256_hex(e->source, source);
		mf_sha256_hex(e->tools, tools);
		fprintf(f, "%s %s %s %s %s %s", e->name, e->version, e->kernel, source, tools,
			e->code ? mf_error_name(e->code) : "-");
		for (size_t m = 0; m < e->modules.n; m++)
			fprintf(f, " %s", e->modules.v[m]);
		fputc('\n', f);
	}
	fputs(".\n", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

int build_ledger_write(struct mf_context *ctx, const struct build_ledger *ledger)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, BUILD_DIRECTORY);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = dirfd < 0 ? dirfd : 0;

	if (!r) {
		text = ledger_text(ledger, &len);
		r = text ? mf_file_publish(dirfd, NAME, 0644, text, len) : -ENOMEM;
	}
	return r < 0 ? mf_fail(ctx, MF_STAGE_BUILD, r, "/" BUILD_DIRECTORY "/" NAME, NULL) : 0;
}
