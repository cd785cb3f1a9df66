/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Remembers which driver crashed the machine.
 *
 * A driver that crashes the machine when it is loaded would do so at each boot: it is on disk now,
 * its device is still there, and udev loads it before anything of modfetch runs. So a module that
 * is about to be loaded is recorded first, in a file that udev reads, and removed from it after the
 * load.
 *
 * This file decides which attempts count: one that began in another boot, never ended, and whose
 * module file has not changed. An attempt that was still waiting for its turn does not count. A
 * power cut at that very moment cannot be distinguished from a crash, and counts as one. A changed
 * file is detected by its digest: another version of the package clears the attempt, and so does
 * the removal of the kernel; the removal of the file does not, since the next event would fetch it
 * again.
 *
 * On disk: /etc/modprobe.d/modfetch-loading.conf, two lines per module:
 * 	#modfetch begun|waits BOOT-ID SHA256 KERNEL PATH SUBJECT
 * 	blacklist MODULE
 * The second line is for udev; modfetch itself does not pass the file to libkmod. A line that cannot
 * be parsed counts for nothing and is removed with the next change.
 */
#include "modfetch/pending-loads.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/machine.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define SHOWN_PATH "/" MF_PENDING_LOADS_DIRECTORY "/" MF_PENDING_LOADS_FILE
#define FILE_MAX   (4U << 20)

static const char file_header[] = "# Drivers that modfetch is about to load. If this file outlives "
				  "the load, the machine went\n"
				  "# down during it: unattended runs then do not load these "
				  "drivers again. \"modfetch status\"\n"
				  "# lists them; \"modfetch allow MODULE\" permits one again.\n";
static const char line_prefix[] = "#modfetch ";

static void attempt_done(struct mf_pending_load *a)
{
	free(a->boot);
	free(a->digest);
	free(a->kernel);
	free(a->path);
	free(a->module);
	free(a->subject);
	*a = (struct mf_pending_load){ 0 };
}

void mf_pending_loads_done(struct mf_pending_loads *attempts)
{
	for (size_t i = 0; i < attempts->n; i++)
		attempt_done(&attempts->v[i]);
	free(attempts->v);
	*attempts = (struct mf_pending_loads){ 0 };
}

/* ---- the list ---- */

/* Appends ATTEMPT and takes ownership of it. 0 or -ENOMEM. */
static int pending_add(struct mf_pending_loads *attempts, struct mf_pending_load *attempt)
{
	struct mf_pending_load *v = reallocarray(attempts->v, attempts->n + 1, sizeof(*v));

	if (!v || !attempt->boot || !attempt->digest || !attempt->kernel || !attempt->path ||
	    !attempt->module || !attempt->subject) {
		attempts->v = v ? v : attempts->v;
		attempt_done(attempt);
		return -ENOMEM;
	}
	attempts->v = v;
	v[attempts->n++] = *attempt;
	return 0;
}

typedef bool pending_test(const struct mf_pending_loads *attempts,
			  const struct mf_pending_load *attempt, const void *arg);

/* Removes the attempts for which TEST is true. Returns their number. */
static int pending_drop(struct mf_pending_loads *attempts, pending_test *test, const void *arg)
{
	size_t kept = 0, n = attempts->n;

	for (size_t i = 0; i < n; i++) {
		if (test(attempts, &attempts->v[i], arg))
			attempt_done(&attempts->v[i]);
		else
			attempts->v[kept++] = attempts->v[i];
	}
	attempts->n = kept;
	attempts->changed |= kept < n;
	return (int)(n - kept);
}

static bool of_this_boot(const struct mf_pending_loads *attempts,
			 const struct mf_pending_load *attempt, const void *arg)
{
	return !strcmp(attempt->boot, attempts->boot);
}

static bool began_for(const struct mf_pending_loads *attempts,
		      const struct mf_pending_load *attempt, const void *arg)
{
	return attempt->begun && of_this_boot(attempts, attempt, NULL) &&
	       !strcmp(attempt->subject, arg);
}

struct module_file {
	const char *kernel, *path;
};

static bool pending_has_file(const struct mf_pending_loads *attempts,
			     const struct mf_pending_load *attempt, const void *arg)
{
	const struct module_file *file = arg;

	return !strcmp(attempt->kernel, file->kernel) && !strcmp(attempt->path, file->path);
}

const struct mf_pending_load *mf_pending_loads_find(const struct mf_context *ctx,
						    const struct mf_pending_loads *attempts,
						    const char *module)
{
	for (size_t i = 0; i < attempts->n; i++) {
		const struct mf_pending_load *a = &attempts->v[i];

		if (!of_this_boot(attempts, a, NULL) && !strcmp(a->kernel, ctx->kernel) &&
		    !strcmp(a->module, module))
			return a;
	}
	return NULL;
}

const struct mf_pending_load *mf_pending_loads_find_any(const struct mf_context *ctx,
							const struct mf_pending_loads *attempts,
							const struct mf_strings *paths)
{
	const struct mf_pending_load *found = NULL;
	char name[MF_MODULE_NAME_SIZE];

	for (size_t i = 0; !found && i < paths->n; i++)
		if (mf_module_name(paths->v[i], name, sizeof(name)))
			found = mf_pending_loads_find(ctx, attempts, name);
	return found;
}

/* ---- on disk ---- */

/* The digest of a file below lib/modules/KERNEL, in hex. 0, -ENOENT or another -errno. */
static int pending_digest(const struct mf_context *ctx, const char *kernel, const char *path,
			  char ret_hex[MF_SHA256_HEX])
{
	_cleanup_free_ char *file_path = NULL;
	_cleanup_close_ int fd = -1;
	uint8_t digest[MF_SHA256_LEN];
	int r;

	file_path = mf_kernel_path(kernel, path);
	if (!file_path)
		return -ENOMEM;
	fd = mf_context_open(ctx, file_path, O_RDONLY);
	r = fd < 0 ? fd : mf_sha256_fd(fd, digest);
	if (!r)
		mf_sha256_hex(digest, ret_hex);
	return r;
}

/* Parses a line after its prefix. 0; 1: it is malformed; -ENOMEM. */
static int pending_parse(struct mf_pending_loads *attempts, const char *line)
{
	char state[8], boot[40], digest[MF_SHA256_HEX], kernel[256], path[1024];
	char name[MF_MODULE_NAME_SIZE];
	struct mf_pending_load attempt;
	int end = 0;

	if (sscanf(line, "%7s %39s %64s %255s %1023s %n", state, boot, digest, kernel, path,
		   &end) != 5 ||
	    !end || !line[end] || strchr(kernel, '/') || !mf_module_name(path, name, sizeof(name)))
		return 1;
	attempt = (struct mf_pending_load){
		.begun = !strcmp(state, "begun"),
		.boot = strdup(boot),
		.digest = strdup(digest),
		.kernel = strdup(kernel),
		.path = strdup(path),
		.module = strdup(name),
		.subject = strdup(line + end),
	};
	return pending_add(attempts, &attempt);
}

static int pending_read_file(const struct mf_context *ctx, struct mf_pending_loads *attempts)
{
	_cleanup_close_ int fd = mf_context_open(
		ctx, MF_PENDING_LOADS_DIRECTORY "/" MF_PENDING_LOADS_FILE, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, FILE_MAX, &text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	attempts->on_disk = true;
	for (rest = text; r >= 0 && (line = strsep(&rest, "\n"));)
		if (mf_starts_with(line, line_prefix))
			r = pending_parse(attempts, line + strlen(line_prefix));
	return r < 0 ? r : 0;
}

static char *pending_format(const struct mf_pending_loads *attempts, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	if (!f)
		return NULL;
	fputs(file_header, f);
	for (size_t i = 0; i < attempts->n; i++) {
		const struct mf_pending_load *a = &attempts->v[i];

		fprintf(f, "%s%s %s %s %s %s %s\nblacklist %s\n", line_prefix,
			a->begun ? "begun" : "waits", a->boot, a->digest, a->kernel, a->path,
			a->subject, a->module);
	}
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

static int pending_unlink(const struct mf_context *ctx, struct mf_pending_loads *attempts)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, MF_PENDING_LOADS_DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	if (unlinkat(dirfd, MF_PENDING_LOADS_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	attempts->on_disk = false;
	/* if a power cut restored the file, it would refuse a good driver */
	return fsync(dirfd) < 0 ? -errno : 0;
}

static int pending_publish(struct mf_context *ctx, struct mf_pending_loads *attempts)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dirfd = -1;
	size_t len;
	int r;

	if (!attempts->n) {
		r = attempts->on_disk ? pending_unlink(ctx, attempts) : 0;
	} else {
		text = pending_format(attempts, &len);
		dirfd = mf_context_mkdir(ctx, MF_PENDING_LOADS_DIRECTORY);
		r = !text ? -ENOMEM : dirfd;
		if (r >= 0)
			r = mf_file_publish(dirfd, MF_PENDING_LOADS_FILE, 0644, text, len);
		attempts->on_disk |= !r;
	}
	attempts->changed &= r < 0;
	return r < 0 ? mf_fail(ctx, MF_STAGE_LOAD, r, SHOWN_PATH, NULL) : 0;
}

/*
 * In attended runs a failed write is only a warning: the user sees which driver crashed the
 * machine. In unattended runs nothing but the record knows.
 */
static int pending_publish_first(struct mf_context *ctx, struct mf_pending_loads *attempts)
{
	struct mf_failure before = ctx->failure;
	int r = pending_publish(ctx, attempts);

	if (r >= 0 || ctx->unattended)
		return r;
	mf_log(ctx, MF_LOG_WARNING, "load: %s: %s; going on without", SHOWN_PATH, ctx->failure.why);
	ctx->failure = before;
	return 0;
}

/* ---- which attempts count ---- */

static bool kernel_exists(const struct mf_context *ctx, const char *kernel)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	path = mf_kernel_path(kernel, NULL);
	if (!path)
		return true;
	fd = mf_context_open(ctx, path, O_PATH | O_DIRECTORY);
	return fd != -ENOENT;
}

static bool does_not_count(const struct mf_pending_loads *attempts,
			   const struct mf_pending_load *attempt, const void *arg)
{
	const struct mf_context *ctx = arg;
	char digest[MF_SHA256_HEX];
	int r;

	if (!attempt->begun || of_this_boot(attempts, attempt, NULL) ||
	    !kernel_exists(ctx, attempt->kernel))
		return true;
	r = pending_digest(ctx, attempt->kernel, attempt->path, digest);
	return !r && strcmp(digest, attempt->digest) != 0;
}

int mf_pending_loads_read(struct mf_context *ctx, struct mf_pending_loads *ret_attempts)
{
	struct mf_pending_loads attempts = { 0 };
	int r;

	mf_boot_id(ctx, attempts.boot);
	r = pending_read_file(ctx, &attempts);
	if (r < 0) {
		mf_pending_loads_done(&attempts);
		return mf_fail(ctx, MF_STAGE_LOAD, r, SHOWN_PATH, NULL);
	}
	pending_drop(&attempts, does_not_count, ctx);
	attempts.changed |= attempts.on_disk && !attempts.n;
	*ret_attempts = attempts;
	return 0;
}

int mf_pending_loads_prune(struct mf_context *ctx, struct mf_pending_loads *ret_attempts)
{
	struct mf_pending_loads attempts = { 0 };
	int r = mf_pending_loads_read(ctx, &attempts);

	if (r < 0)
		return r;
	/* a failed removal must not stop the run: these attempts do not count */
	if (attempts.changed && pending_publish(ctx, &attempts) < 0) {
		mf_log(ctx, MF_LOG_WARNING, "load: %s: %s", SHOWN_PATH, ctx->failure.why);
		ctx->failure = (struct mf_failure){ 0 };
	}
	*ret_attempts = attempts;
	return 0;
}

/* ---- the states of an attempt ---- */

/* SUBJECT as it can be written at the end of a line. NULL: no memory. */
static char *subject_text(const char *subject)
{
	char *text = strdup(*subject ? subject : "-");

	if (text)
		mf_text_sanitize(text);
	/* to kmod a backslash at the end of a line joins the next one, also in a comment */
	for (char *p = text; p && (p = strchr(p, '\\')); *p = '?')
		;
	return text;
}

/* SHA256: NULL, or the digest of a file that is not on disk yet. */
static int pending_note(struct mf_context *ctx, struct mf_pending_loads *attempts, const char *path,
			const uint8_t *sha256, bool begun, const char *subject)
{
	const struct module_file file = { ctx->kernel, path };
	struct mf_pending_load attempt;
	char digest[MF_SHA256_HEX], name[MF_MODULE_NAME_SIZE];
	int r = mf_module_name(path, name, sizeof(name)) && !path[strcspn(path, " \t\n")] ? 0 : 1;

	if (!r && sha256)
		mf_sha256_hex(sha256, digest);
	else if (!r)
		r = pending_digest(ctx, ctx->kernel, path, digest);
	/* a file that is missing, or whose name is not that of a module, cannot be loaded */
	if (r)
		return r == -ENOMEM ? r : 0;
	pending_drop(attempts, pending_has_file, &file);
	attempt = (struct mf_pending_load){
		.begun = begun,
		.boot = strdup(attempts->boot),
		.digest = strdup(digest),
		.kernel = strdup(ctx->kernel),
		.path = strdup(path),
		.module = strdup(name),
		.subject = subject_text(subject),
	};
	return pending_add(attempts, &attempt);
}

static int pending_note_all(struct mf_context *ctx, struct mf_pending_loads *attempts,
			    const struct mf_strings *paths, const uint8_t *const *sha256,
			    bool begun, const char *subject)
{
	int r = 0;

	for (size_t i = 0; !r && i < paths->n; i++)
		r = pending_note(ctx, attempts, paths->v[i], sha256 ? sha256[i] : NULL, begun,
				 subject);
	return r < 0 ? mf_fail(ctx, MF_STAGE_LOAD, r, SHOWN_PATH, NULL)
		     : pending_publish_first(ctx, attempts);
}

int mf_pending_loads_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
			    const struct mf_strings *paths)
{
	return pending_note_all(ctx, attempts, paths, NULL, false, "-");
}

int mf_pending_loads_begin(struct mf_context *ctx, struct mf_pending_loads *attempts,
			   const struct mf_strings *paths, const char *subject)
{
	return pending_note_all(ctx, attempts, paths, NULL, true, subject);
}

int mf_pending_loads_begin_early(struct mf_context *ctx, struct mf_pending_loads *attempts,
				 const struct mf_strings *paths, const uint8_t *const *sha256,
				 const char *subject)
{
	return pending_note_all(ctx, attempts, paths, sha256, true, subject);
}

void mf_pending_loads_drop_subject(struct mf_pending_loads *attempts, const char *subject)
{
	_cleanup_free_ char *text = subject_text(subject);

	if (text)
		pending_drop(attempts, began_for, text);
}

static bool pending_has_module(const struct mf_pending_loads *attempts,
			       const struct mf_pending_load *attempt, const void *arg)
{
	const struct module_file *file = arg;

	return !of_this_boot(attempts, attempt, NULL) && !strcmp(attempt->kernel, file->kernel) &&
	       !strcmp(attempt->module, file->path);
}

void mf_pending_loads_drop_module(const struct mf_context *ctx, struct mf_pending_loads *attempts,
				  const char *module)
{
	pending_drop(attempts, pending_has_module,
		     &(const struct module_file){ ctx->kernel, module });
}

int mf_pending_loads_finish(struct mf_context *ctx, struct mf_pending_loads *attempts)
{
	pending_drop(attempts, of_this_boot, NULL);
	return attempts->changed ? pending_publish(ctx, attempts) : 0;
}

static bool pending_matches_glob(const struct mf_pending_loads *attempts,
				 const struct mf_pending_load *attempt, const void *arg)
{
	_cleanup_free_ char *stem = strdup(arg);
	char *kmp = stem ? strstr(stem, "-kmp") : NULL;

	if (!stem)
		return false;
	if (kmp)
		*kmp = '\0';
	for (char *p = stem; (p = strchr(p, '-')); *p = '_')
		;
	return !fnmatch(stem, attempt->module, 0);
}

int mf_pending_loads_clear(struct mf_context *ctx, const char *glob)
{
	_cleanup_(mf_pending_loads_done) struct mf_pending_loads attempts = { 0 };
	int n, r = mf_pending_loads_read(ctx, &attempts);

	if (r < 0)
		return r;
	n = pending_drop(&attempts, pending_matches_glob, glob);
	r = attempts.changed ? pending_publish(ctx, &attempts) : 0;
	return r < 0 ? r : n;
}
