/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds rpm files with rpmbuild, in parallel batches.
 *
 * A batch is one spec: for one architecture, with at most 200 packages, since the time of rpmbuild
 * grows faster than the number of packages. The largest packages are distributed first, so that
 * batches end at about the same time. Every path that rpmbuild writes to, its database included, is
 * in the pack's work directory. Build host and build time are fixed (SOURCE_DATE_EPOCH: the time of
 * the newest module), so that equal input gives equal bytes.
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
	struct pack_tool tool; /* has the last line of its log */
	char *log;
	int r;
};

struct build {
	struct pack *pack;
	struct batch *batches;
	size_t n_batches, n_packages;
	pthread_mutex_t mutex; /* protects DONE and the progress callback */
	size_t done;
};

static void batches_done(struct build *build)
{
	for (size_t i = 0; i < build->n_batches; i++) {
		pack_list_done(&build->batches[i].packages);
		free(build->batches[i].log);
		free(build->batches[i].tool.last_line);
	}
	free(build->batches);
}

/* rpmbuild prints "Wrote: FILE" for each package. */
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

/* Formats an argument of the command line and stores it in WORDS. NULL: no memory. */
static const char *__attribute__((format(printf, 2, 3)))
add_argument(struct mf_strings *words, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = mf_vformat(fmt, ap);
	va_end(ap);
	return !s || mf_strings_add(words, s) < 0 ? NULL : words->v[words->n - 1];
}

static int run_rpmbuild(struct build *build, struct batch *batch, const char *top, const char *spec)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	const char *const argv[] = {
		"rpmbuild",
		"-bb",
		"--nodeps",
		"--target",
		add_argument(&words, "%s-linux", batch->arch),
		"-D",
		add_argument(&words, "_topdir %s", top),
		"-D",
		add_argument(&words, "_tmppath %s", top),
		"-D",
		add_argument(&words, "_dbpath %s/db", top),
		"-D",
		add_argument(&words, "_rpmdir %s/rpms", build->pack->work),
		"-D",
		"_rpmfilename %%{ARCH}/%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
		"-D",
		"_buildhost localhost",
		"--buildroot",
		add_argument(&words, "%s/root", top),
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
	_cleanup_free_ char *top = mf_format("%s/%s", build->pack->work, batch->label);
	_cleanup_free_ char *spec = top ? mf_format("%s/batch.spec", top) : NULL;
	int r;

	batch->log = top ? mf_format("%s/log", top) : NULL;
	if (!spec || !batch->log)
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

/* A package still to be built. */
struct unbuilt {
	size_t number;
	uint64_t size;
};

static int by_size(const void *a, const void *b)
{
	const struct unbuilt *x = a, *y = b;

	return x->size != y->size ? (x->size < y->size) - (x->size > y->size)
				  : (x->number > y->number) - (x->number < y->number);
}

/* Lists the unbuilt packages of ARCH, the largest first. Returns their number. */
static size_t list_unbuilt(const struct pack *pack, const char *arch, struct unbuilt *unbuilt)
{
	size_t n = 0;

	for (size_t i = 0; i < pack->n_packages; i++)
		if (!pack->packages[i].href && !strcmp(pack->packages[i].arch, arch))
			unbuilt[n++] = (struct unbuilt){ i, pack->packages[i].size };
	qsort(unbuilt, n, sizeof(*unbuilt), by_size);
	return n;
}

/* Distributes the unbuilt packages of one architecture over new batches. */
static int add_batches(struct build *build, const char *arch, struct unbuilt *unbuilt)
{
	size_t n = list_unbuilt(build->pack, arch, unbuilt);
	size_t batches = (n + BATCH_MAX - 1) / BATCH_MAX;
	struct batch *more;

	/* two batches of 100 end sooner than one of 200 */
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
				      unbuilt[i].number);

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
	_cleanup_free_ struct unbuilt *unbuilt =
		calloc(pack->n_packages ? pack->n_packages : 1, sizeof(*unbuilt));
	_cleanup_(mf_strings_done) struct mf_strings arches = { 0 };
	int r;

	if (!unbuilt)
		return -ENOMEM;
	for (size_t i = 0; i < pack->n_packages; i++) {
		const char *arch = pack->packages[i].arch;

		if (mf_strings_has(&arches, arch))
			continue;
		r = mf_strings_add(&arches, arch);
		if (r >= 0)
			r = add_batches(build, arch,
					unbuilt); /* borrows the string of the package */
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reports the first batch that failed. */
static int check_batches(struct build *build)
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
	/* a build service may have set it already */
	setenv("SOURCE_DATE_EPOCH", text, 0);
}

int pack_build(struct pack *pack)
{
	_cleanup_(batches_done) struct build build = { .pack = pack };
	struct mf_workers *workers = NULL;
	int r = make_batches(&build);

	if (r >= 0)
		r = mf_workers_new(pack->options->jobs, &workers);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "batches", NULL);
	set_build_time(pack);
	pthread_mutex_init(&build.mutex, NULL);
	mf_workers_run(workers, build.n_batches, build_batch, &build);
	mf_workers_free(workers);
	pthread_mutex_destroy(&build.mutex);
	return check_batches(&build);
}

int pack_build_specs(struct pack *pack, const char *directory)
{
	_cleanup_(batches_done) struct build build = { .pack = pack };
	int r = make_batches(&build);

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "batches", NULL);
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, directory, NULL);
	for (size_t i = 0; i < build.n_batches; i++) {
		_cleanup_free_ char *path =
			mf_format("%s/modfetch-pack-%s.spec", directory, build.batches[i].label);

		if (!path)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, directory, NULL);
		r = write_spec(&build, &build.batches[i], path);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, path, NULL);
	}
	return 0;
}
