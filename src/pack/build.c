/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rpm files by rpmbuild, in batches side by side.
 *
 * A batch is one spec: of one architecture, at most 200 packages, since rpmbuild's time grows
 * faster than their number; the largest packages are dealt out first, so that batches end together.
 * Every path rpmbuild writes to, its database included, lies in the pack's work directory. Build host
 * and build time are fixed (SOURCE_DATE_EPOCH: the newest module's time), so that the same input
 * gives the same bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"
#include "model.h"

#define BATCH_MAX 200

struct batch {
	struct pack_list packages;
	char label[32];
	const char *arch;
	struct pack_tool tool; /* its end: what to tell */
	char *log;
	int r;
};

struct build {
	struct pack *pack;
	struct batch *batches;
	size_t n_batches, n_packages;
	pthread_mutex_t mutex; /* over DONE and the progress callback */
	size_t done;
};

static void build_pack_build_done(struct build *build)
{
	for (size_t i = 0; i < build->n_batches; i++) {
		pack_list_done(&build->batches[i].packages);
		free(build->batches[i].log);
		free(build->batches[i].tool.said);
	}
	free(build->batches);
}

/* rpmbuild says "Wrote: FILE" for each package. */
static void count_written(void *arg, const char *line)
{
	struct build *build = arg;

	if (!mf_starts_with(line, "Wrote: "))
		return;
	pthread_mutex_lock(&build->mutex);
	pack_progress(build->pack, "building", ++build->done, build->n_packages);
	pthread_mutex_unlock(&build->mutex);
}

static int write_spec(const struct build *build, const struct batch *batch, const char *path)
{
	_cleanup_fclose_ FILE *out = fopen(path, "we");
	int r;

	if (!out)
		return -errno;
	r = pack_spec_write(build->pack, &batch->packages, batch->label, out);
	if (r < 0)
		return r;
	return fflush(out) ? -errno : 0;
}

/* A formatted word of the command line, kept until the batch is done. */
static const char *word(struct mf_strings *words, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static const char *word(struct mf_strings *words, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (r < 0) {
		s = NULL;
		return NULL;
	}
	return mf_strings_add(words, s) < 0 ? NULL : words->v[words->n - 1];
}

static int run_rpmbuild(struct build *build, struct batch *batch, const char *top, const char *spec)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	const char *const argv[] = {
		"rpmbuild",
		"-bb",
		"--nodeps",
		"--target",
		word(&words, "%s-linux", batch->arch),
		"-D",
		word(&words, "_topdir %s", top),
		"-D",
		word(&words, "_tmppath %s", top),
		"-D",
		word(&words, "_dbpath %s/db", top),
		"-D",
		word(&words, "_rpmdir %s/rpms", build->pack->work),
		"-D",
		"_rpmfilename %%{ARCH}/%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
		"-D",
		"_buildhost localhost",
		"--buildroot",
		word(&words, "%s/root", top),
		spec,
		NULL,
	};

	for (size_t i = 0; i + 1 < MF_ARRAY_SIZE(argv); i++)
		if (!argv[i])
			return -ENOMEM;
	batch->tool = (struct pack_tool){ argv, batch->log, count_written, build, NULL };
	return pack_tool_run(&batch->tool);
}

static int build_one(struct build *build, struct batch *batch)
{
	_cleanup_free_ char *top = NULL, *spec = NULL;
	int r;

	top = mf_format("%s/%s", build->pack->work, batch->label);
	if (!top)
		return -ENOMEM;
	if (asprintf(&spec, "%s/batch.spec", top) < 0 || asprintf(&batch->log, "%s/log", top) < 0)
		return -ENOMEM;
	if (mkdir(top, 0755) < 0)
		return -errno;
	r = write_spec(build, batch, spec);
	return r < 0 ? r : run_rpmbuild(build, batch, top, spec);
}

static void build_batch(void *arg, size_t i, unsigned int worker)
{
	struct build *build = arg;

	build->batches[i].r = build_one(build, &build->batches[i]);
}

/* What is still to be built, the largest first. */
struct waiting {
	size_t number;
	uint64_t size;
};

static int by_size(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return x->size != y->size ? (x->size < y->size) - (x->size > y->size)
				  : (x->number > y->number) - (x->number < y->number);
}

static size_t list_waiting(const struct pack *pack, const char *arch, struct waiting *waiting)
{
	size_t n = 0;

	for (size_t i = 0; i < pack->n_packages; i++)
		if (!pack->packages[i].href && !strcmp(pack->packages[i].arch, arch))
			waiting[n++] = (struct waiting){ i, pack->packages[i].size };
	qsort(waiting, n, sizeof(*waiting), by_size);
	return n;
}

/* Deals the packages of one architecture out to new batches. */
static int deal(struct build *build, const char *arch, struct waiting *waiting)
{
	size_t n = list_waiting(build->pack, arch, waiting);
	size_t batches = (n + BATCH_MAX - 1) / BATCH_MAX;
	struct batch *more;

	/* two of a hundred are done sooner than one of two hundred */
	if (batches && batches < build->pack->options->jobs && n > 40)
		batches = build->pack->options->jobs;
	more = reallocarray(build->batches, build->n_batches + batches + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	build->batches = more;
	for (size_t i = 0; i < batches; i++) {
		struct batch *batch = &build->batches[build->n_batches + i];

		*batch = (struct batch){ .arch = arch };
		snprintf(batch->label, sizeof(batch->label), "batch-%zu", build->n_batches + i);
	}
	for (size_t i = 0, b = 0; i < n; i++, b = b + 1 < batches ? b + 1 : 0) {
		int r = pack_list_add(&build->batches[build->n_batches + b].packages,
				      waiting[i].number);

		if (r < 0)
			return r;
	}
	build->n_batches += batches;
	build->n_packages += n;
	return 0;
}

static int make_batches(struct build *build)
{
	struct pack *pack = build->pack;
	_cleanup_free_ struct waiting *waiting =
		calloc(pack->n_packages ? pack->n_packages : 1, sizeof(*waiting));
	_cleanup_(mf_strings_done) struct mf_strings arches = { 0 };
	int r;

	if (!waiting)
		return -ENOMEM;
	for (size_t i = 0; i < pack->n_packages; i++) {
		const char *arch = pack->packages[i].arch;

		if (mf_strings_has(&arches, arch))
			continue;
		r = mf_strings_add(&arches, arch);
		if (r >= 0)
			r = deal(build, arch, waiting); /* borrows the package's own string */
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each batch's end, in order; the first failure is the run's. */
static int build_judge(struct build *build)
{
	for (size_t i = 0; i < build->n_batches; i++) {
		struct batch *batch = &build->batches[i];
		static const char *const rpmbuild[] = { "rpmbuild", NULL };

		batch->tool.argv = rpmbuild;
		batch->tool.log = batch->log;
		if (batch->r < 0)
			return pack_tool_check(build->pack, &batch->tool, batch->r);
	}
	return 0;
}

static void set_build_time(const struct pack *pack)
{
	int64_t newest = 0;
	char text[32];

	for (size_t k = 0; k < pack->n_kernels; k++)
		for (size_t m = 0; m < pack->kernels[k].n_modules; m++)
			if (pack->kernels[k].modules[m].mtime > newest)
				newest = pack->kernels[k].modules[m].mtime;
	snprintf(text, sizeof(text), "%lld", (long long)newest);
	/* a build service that has set one knows better */
	setenv("SOURCE_DATE_EPOCH", text, 0);
}

int pack_build(struct pack *pack)
{
	_cleanup_(build_pack_build_done) struct build build = { .pack = pack };
	struct mf_workers *workers = NULL;
	int r = make_batches(&build);

	if (r >= 0)
		r = mf_workers_new(pack->options->jobs, &workers);
	if (r < 0)
		return mf_fail(pack->ctx, "pack", r, "batches", NULL);
	set_build_time(pack);
	pthread_mutex_init(&build.mutex, NULL);
	mf_workers_run(workers, build.n_batches, build_batch, &build);
	mf_workers_free(workers);
	pthread_mutex_destroy(&build.mutex);
	return build_judge(&build);
}

int pack_build_specs(struct pack *pack, const char *directory)
{
	_cleanup_(build_pack_build_done) struct build build = { .pack = pack };
	int r = make_batches(&build);

	if (r < 0)
		return mf_fail(pack->ctx, "pack", r, "batches", NULL);
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return mf_fail(pack->ctx, "pack", -errno, directory, NULL);
	for (size_t i = 0; i < build.n_batches; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/modfetch-pack-%s.spec", directory, build.batches[i].label) <
		    0) {
			path = NULL;
			return mf_fail(pack->ctx, "pack", -ENOMEM, directory, NULL);
		}
		r = write_spec(&build, &build.batches[i], path);
		if (r < 0)
			return mf_fail(pack->ctx, "pack", r, path, NULL);
	}
	return 0;
}
