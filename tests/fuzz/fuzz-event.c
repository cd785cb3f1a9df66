/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Promise P2: for an event of any bytes, the verdict is one of the seven, nothing out of bounds is
 * spooled, and spool entries are read back unchanged; an event is dropped if and only if it is out
 * of bounds. The input is an environment, NUL between its strings; the root has a real index
 * of one card and one machine's worth of odd patterns.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/event/event.h"
#include "modfetch/file.h"
#include "modfetch/spool.h"
#include "modfetch/trie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mf_context *context(void);

static void remove_root(void)
{
	mf_tree_remove(AT_FDCWD, context()->root);
}

static void make_index(const struct mf_context *ctx)
{
	static const char *const patterns[] = {
		"pci:v00008086d000010D3sv*sd*bc*sc*i*",
		"usb:v1234p*d*dc*dsc*dp*ic08isc06ip50in*",
		"of:N*T*Cvendor,part_1C*",
		"dmi*:bvn*:pnX1*:*",
		"*a*b*c*d*",
		"acpi*:PNP0C0?:*",
		"dmi*:bvr?\\[TBE[0-9]*\\]*",
		"x[[]*[]-]",
	};
	_cleanup_close_ int fd = mf_context_mkdir(ctx, "var/cache/modfetch/repo/current");
	struct mf_trie_builder *builder;
	_cleanup_free_ void *buf = NULL;
	size_t len;

	assert(fd >= 0 && !mf_trie_builder_new(&builder));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		assert(!mf_trie_builder_add(builder, patterns[i], "module", 0));
	assert(!mf_trie_builder_finish(builder, &buf, &len));
	mf_trie_builder_free(builder);
	assert(!mf_file_publish(fd, "alias-amd64-6.1.0_56.bin", 0644, buf, len));
}

static struct mf_context *context(void)
{
	static struct mf_context ctx;
	char root[] = "/tmp/fuzz-event.XXXXXX";

	if (ctx.root)
		return &ctx;
	assert(mkdtemp(root) && !mf_context_init(&ctx, root, "6.1.0-56-amd64"));
	atexit(remove_root);
	make_index(&ctx);
	return &ctx;
}

static void check_spool(int spool, const struct mf_event *event, size_t want)
{
	struct mf_spool_entry *entries;
	size_t n, damaged;

	assert(!mf_spool_read(spool, &entries, &n, &damaged));
	assert(n == want && !damaged);
	if (n) {
		assert(!strcmp(entries[0].modalias, event->modalias));
		assert(entries[0].devpaths.n == 1 &&
		       !strcmp(entries[0].devpaths.v[0], event->devpath));
		assert(!mf_spool_remove(spool, &entries[0]));
		mf_spool_entry_done(&entries[0]);
	}
	free(entries);
}

/* Whether libkmod can pair its brackets, implemented in another way than in the product. */
static bool has_pairs(const char *s)
{
	while ((s = strpbrk(s, "[]"))) {
		if (*s == ']' || !(s = strchr(s, ']')))
			return false;
		s++;
	}
	return true;
}

static bool within_bounds(const struct mf_event *event)
{
	size_t len = strlen(event->modalias);

	for (size_t i = 0; i < len; i++)
		if (event->modalias[i] < ' ' || event->modalias[i] > '~')
			return false;
	return len <= 2048 && has_pairs(event->modalias) &&
	       mf_devpath_valid(event->devpath, strlen(event->devpath));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_context *ctx = context();
	_cleanup_free_ char *copy = malloc(size + 1);
	_cleanup_free_ char **env = calloc(size + 2, sizeof(*env));
	_cleanup_close_ int spool = mf_spool_open(ctx);
	enum mf_event_verdict verdict = 0;
	struct mf_event event;
	size_t n = 0;

	memcpy(copy, data, size);
	copy[size] = '\0';
	for (char *p = copy; p < copy + size; p += strlen(p) + 1)
		env[n++] = p;
	mf_event_parse(env, &event);
	assert(!mf_event(ctx, &event, &verdict));
	assert(verdict >= MF_EVENT_NOT_OURS && verdict <= MF_EVENT_MISSING);
	if (verdict != MF_EVENT_NOT_OURS && verdict != MF_EVENT_OFF)
		assert((verdict == MF_EVENT_REFUSED) == !within_bounds(&event));
	check_spool(spool, &event, verdict == MF_EVENT_MISSING);
	return 0;
}
