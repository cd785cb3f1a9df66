/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The questions about the content of each module, in their order: the first answer that is a
 * finding ends them, since a damaged file needs no further faults.
 *
 * Threads read, hash and parse the files in batches; the questions are asked one at a time, in the
 * order of the paths, so that the findings do not depend on the number of threads. A batch is
 * bounded by bytes too: modules reach tens of megabytes.
 *
 * A link is judged by its target, as a module of this kernel, since modprobe would load that: weak-
 * modules makes links to modules of other kernels, which must fit this one. If a link leads out of
 * the kernels' directories, or to a file that is not a module by its name, its target was not
 * verified when its package was installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "modfetch/module-name.h"
#include "modfetch/process.h"
#include "inspection.h"

#define BATCH_FILES 128
#define BATCH_BYTES ((size_t)64 << 20)

/* ---- reading, in threads ---- */

struct batch {
	const struct inspection *in;
	const struct entry *entries; /* the first one */
	struct content contents[BATCH_FILES];
};

static int content_open(const struct inspection *in, const struct entry *e)
{
	int fd;

	if (e->link || e->external)
		return mf_context_open(in->ctx, e->path, O_RDONLY | O_NONBLOCK);
	fd = openat(in->fd, e->path + strlen(in->directory),
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Compares with the checksum of the package; SHA-256, the usual one, is known already. 0 or -ENOMEM. */
static int content_compare(struct content *c, const struct mf_checksum *checksum)
{
	int r = checksum->len == sizeof(c->sha256)
			? memcmp(c->sha256, checksum->bytes, sizeof(c->sha256)) != 0
			: mf_checksum_differs(checksum, c->buf, c->len);

	c->altered = r > 0;
	return r < 0 ? r : 0;
}

static void content_read(void *arg, size_t i, unsigned int worker)
{
	struct batch *batch = arg;
	const struct entry *e = &batch->entries[i];
	struct content *c = &batch->contents[i];
	_cleanup_close_ int fd = content_open(batch->in, e);

	(void)worker;
	*c = (struct content){ .parsed = -EBADMSG };
	if (fd < 0)
		c->code = fd;
	else if (fstat(fd, &c->st) < 0)
		c->code = -errno;
	else
		c->code = mf_file_read(fd, MF_MODULE_FILE_MAX, &c->buf, &c->len);
	if (c->code)
		return;
	c->code = mf_sha256(c->buf, c->len, c->sha256);
	if (!c->code && e->owned && e->owned->checksum.len)
		c->code = content_compare(c, &e->owned->checksum);
	/* where MD5 is not permitted there is nothing to compare */
	if (e->owned && e->owned->has_md5 && mf_md5(c->buf, c->len, c->md5) < 0)
		memcpy(c->md5, e->owned->md5, sizeof(c->md5));
	c->parsed = mf_modinfo_parse(c->buf, c->len, MF_MODULE_FILE_MAX, &c->info);
}

static void content_done(struct content *c)
{
	free(c->buf);
	mf_modinfo_done(&c->info);
}

/* ---- the questions ---- */

static const char *content_copy(struct inspection *in, const char *text)
{
	return text ? mf_arena_copy(&in->arena, text, strlen(text)) : NULL;
}

static int ask_readable(struct inspection *in, struct entry *e, const struct content *c)
{
	return c->code ? inspect_find_entry(in, e, c->code, "%s", mf_error_sentence(c->code)) : 0;
}

static int ask_mode(struct inspection *in, struct entry *e, const struct content *c)
{
	const char *fault = inspect_mode_fault(&c->st, e->target ? NULL : e->owned);

	return fault ? inspect_find_entry(in, e, -MFE_ALTERED, "%s", fault) : 0;
}

/* Are the bytes those that the owner installed? */
static int ask_intact(struct inspection *in, struct entry *e, const struct content *c)
{
	const struct owned *o = e->owned;

	if (!o)
		return 0;
	if (c->altered || (o->has_md5 && memcmp(c->md5, o->md5, sizeof(c->md5)) != 0))
		return inspect_find_entry(in, e, -MFE_ALTERED,
					  "it was changed after its package was installed");
	if (o->copy) {
		_cleanup_close_ int fd = mf_context_open(in->ctx, o->copy, O_RDONLY);

		if (fd >= 0 && !mf_file_equals(fd, c->buf, c->len))
			return inspect_find_entry(in, e, -MFE_ALTERED,
						  "it was changed after dkms built it");
	}
	return 0;
}

static int ask_module(struct inspection *in, struct entry *e, const struct content *c)
{
	int code = c->parsed == -EBADMSG ? -MFE_BAD_MODULE
		   : c->parsed == -EFBIG ? -MFE_TOO_LARGE
					 : c->parsed;

	return code ? inspect_find_entry(in, e, code, "%s", mf_error_sentence(code)) : 0;
}

/*
 * A kernel that knows signatures refuses a module that ends in the marker of one which cannot be
 * read, whatever it demands of modules without a signature.
 */
static int ask_trailer(struct inspection *in, struct entry *e, const struct content *c)
{
	static const char marker[] = "~Module signature appended~\n";
	const size_t len = sizeof(marker) - 1;
	const char *end = (const char *)c->info.data + c->info.data_len;

	if (c->info.signature || c->info.data_len < len || memcmp(end - len, marker, len) != 0)
		return 0;
	return inspect_find_entry(in, e, -MFE_BAD_SIGNATURE, "the signature at its end is damaged");
}

/* Is it signed as it must be, and not on the deny list? */
static int ask_trust(struct inspection *in, struct entry *e, const struct content *c)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(in->ctx);
	_cleanup_free_ char *absolute = mf_format("/%s", e->path);
	int r = absolute ? mf_verify_parsed_module(in->ctx, in->verifier, absolute, &c->info,
						   c->sha256)
			 : -ENOMEM;

	if (!r || r == -ENOMEM)
		return r;
	return inspect_find_entry(in, e, r, "%s", in->ctx->failure.why);
}

/* Would the kernel load it? Missing modules are a question of their own. */
static int ask_fit(struct inspection *in, struct entry *e, const struct content *c)
{
	static const int codes[] = {
		[MF_FIT_YES] = 0,
		[MF_FIT_MACHINE] = -MFE_WRONG_KERNEL,
		[MF_FIT_VERMAGIC] = -MFE_WRONG_KERNEL,
		[MF_FIT_NO_VERSIONS] = -MFE_WRONG_KERNEL,
		[MF_FIT_CRC] = -MFE_WRONG_KERNEL,
		[MF_FIT_NAMESPACE] = -MFE_WRONG_KERNEL,
		[MF_FIT_LICENSE] = -MFE_WRONG_KERNEL,
		[MF_FIT_BTF] = -MFE_WRONG_KERNEL,
		[MF_FIT_NO_SYMBOL] = 0, /* dependencies.c */
		[MF_FIT_NO_MODULE] = 0,
		[MF_FIT_UNKNOWN] = 0,
	};
	/* for another release, and nothing could be compared: the verify stage refuses that too */
	bool foreign;
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(in->ctx);
	struct mf_fit fit;
	int r = mf_fit(in->fit, e->name, &c->info, &fit);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return inspect_find_entry(in, e, r, "%s", in->ctx->failure.why);
	foreign = fit.verdict == MF_FIT_UNKNOWN && !fit.same_release && !fit.compared;
	if (fit.verdict == MF_FIT_NO_SYMBOL) {
		e->no_symbol = content_copy(in, fit.why);
		return e->no_symbol ? 0 : -ENOMEM;
	}
	if (codes[fit.verdict] || foreign)
		return inspect_find_entry(in, e, foreign ? -MFE_WRONG_KERNEL : codes[fit.verdict],
					  "%s", fit.why);
	return 0;
}

/* Does a link lead to a file that was never judged? */
static int ask_place(struct inspection *in, struct entry *e, const struct content *c)
{
	const char *fault = NULL;

	(void)c;
	if (!e->target || e->external)
		return 0;
	if (!mf_starts_with(e->target, "lib/modules/"))
		fault = "outside of the kernels' directories";
	else if (!mf_is_module(e->target))
		fault = "which is not a module by its name";
	return fault ? inspect_find_entry(
			       in, e, -MFE_FORBIDDEN_FILE,
			       "it leads to /%s, %s: that file was not verified when it was "
			       "installed",
			       e->target, fault)
		     : 0;
}

typedef int content_question(struct inspection *in, struct entry *entry,
			     const struct content *content);

static content_question *const questions[] = {
	ask_readable, ask_mode,	 ask_intact, inspect_compression, ask_module,
	ask_trailer,  ask_trust, ask_fit,    ask_place,
};

/* ---- what later questions need ---- */

/* Keeps the names of the modules and the firmware that a module needs. */
static int content_keep(struct inspection *in, struct entry *e, const struct mf_modinfo *info)
{
	const char *depends = mf_modinfo_get(info, "depends");
	const char **firmware;
	size_t n = 0;

	e->depends = content_copy(in, depends);
	for (size_t i = 0; i < info->n_fields; i++)
		n += !strcmp(info->fields[i].key, "firmware");
	firmware = n ? mf_arena_alloc(&in->arena, n * sizeof(*firmware)) : NULL;
	if ((n && !firmware) || (depends && !e->depends))
		return -ENOMEM;
	for (size_t i = 0; n && i < info->n_fields; i++) {
		if (strcmp(info->fields[i].key, "firmware") != 0)
			continue;
		firmware[e->n_firmware] = content_copy(in, info->fields[i].value);
		if (!firmware[e->n_firmware++])
			return -ENOMEM;
	}
	e->firmware = firmware;
	return 0;
}

static int content_ask(struct inspection *in, struct entry *e, const struct content *c)
{
	int r = 0;

	if (c->code == -ENOMEM || c->parsed == -ENOMEM)
		return -ENOMEM;
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(questions); i++)
		r = questions[i](in, e, c);
	if (r < 0)
		return r;
	return c->parsed ? 0 : content_keep(in, e, &c->info);
}

/* The number of entries from FROM on that make a batch. */
static size_t batch_size(const struct inspection *in, size_t from)
{
	size_t bytes = 0, n = 0;

	while (n < BATCH_FILES && from + n < in->n_entries && bytes < BATCH_BYTES) {
		const struct entry *e = &in->entries[from + n];
		struct stat st;

		if (!e->link && !e->external &&
		    fstatat(in->fd, e->path + strlen(in->directory), &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (size_t)st.st_size;
		n++;
	}
	return n;
}

int inspect_contents(struct inspection *in)
{
	_cleanup_free_ struct batch *batch = calloc(1, sizeof(*batch));
	struct mf_workers *workers = NULL;
	int r = batch ? mf_workers_new(mf_threads(), &workers) : -ENOMEM;

	if (r < 0)
		return r;
	batch->in = in;
	for (size_t from = 0, n; r >= 0 && from < in->n_entries; from += n) {
		n = batch_size(in, from);
		batch->entries = &in->entries[from];
		mf_workers_run(workers, n, content_read, batch);
		for (size_t i = 0; i < n; i++) {
			if (r >= 0)
				r = content_ask(in, &in->entries[from + i], &batch->contents[i]);
			content_done(&batch->contents[i]);
		}
	}
	mf_workers_free(workers);
	return r < 0 ? r : 0;
}
