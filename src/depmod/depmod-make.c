/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the indexes: which jobs there are, and who waits for whom.
 *
 * Some of the work is done ahead, while a new module is read: a compressed one takes longer to
 * inflate than everything else, and for all that time the other processors had nothing to do.
 */
#include "src/depmod/depmod-run.h"
#include <stdlib.h>
#include "modfetch/cleanup.h"

static const struct job {
	int (*make)(const struct dm_source *src, struct dm_buf *indexes);
	size_t n;
	enum dm_index indexes[3];
	bool needs_graph;
} jobs[DM_N_JOBS] = {
	[DM_JOB_GRAPH] = { 0 },
	[DM_JOB_ALIAS_BIN] = { dm_text_alias_bin, 1, { DM_ALIAS_BIN }, false },
	[DM_JOB_DEP] = { dm_text_dep, 2, { DM_DEP, DM_DEP_BIN }, true },
	[DM_JOB_SYMBOLS] = { dm_text_symbols, 2, { DM_SYMBOLS, DM_SYMBOLS_BIN }, true },
	[DM_JOB_ALIAS] = { dm_text_alias, 1, { DM_ALIAS }, false },
	[DM_JOB_REST] = { dm_text_rest, 3, { DM_SOFTDEP, DM_WEAKDEP, DM_DEVNAME }, false },
	[DM_JOB_BUILTIN] = { dm_text_builtin, 2, { DM_BUILTIN_BIN, DM_BUILTIN_ALIAS_BIN }, false },
	[DM_JOB_STATE] = { .needs_graph = true },
};

bool dm_is_written(const struct dm_run *run, enum dm_index index)
{
	return index != DM_WEAKDEP || run->flavour.weakdep;
}

bool dm_is_intact(const struct dm_run *run, enum dm_index index)
{
	return dm_output_is(run->tree.out_fd, index, &run->state.done.outputs[index]);
}

/*
 * Stages an index, unless the one in place is the same. modules.dep is always new: its time tells
 * others (depmod -A) when the tree was last looked at.
 */
static int stage(struct dm_run *run, enum dm_index index)
{
	const struct dm_buf *buf = &run->indexes[index];
	uint64_t *last = &run->state.done.outputs[index].digest, digest;

	if (!dm_is_written(run, index))
		return 0;
	if (index != DM_DEP && index != DM_DEP_BIN) {
		digest = mf_hash(buf->p ? buf->p : "", buf->len);
		if (run->known && *last == digest && dm_is_intact(run, index))
			return 0;
		*last = digest;
	}
	return dm_publish_stage(&run->publish, index, buf);
}

static void drop_indexes(struct dm_run *run, const struct job *job)
{
	for (size_t i = 0; i < job->n; i++)
		dm_buf_done(&run->indexes[job->indexes[i]]);
}

static struct dm_source source_of(const struct dm_run *run)
{
	return (struct dm_source){
		.ctx = run->ctx,
		.modules = &run->modules,
		.graph = &run->graph,
		.base = &run->state.base,
		.fresh = &run->fresh.segment,
		.builtin = run->builtin,
		.builtin_modinfo = run->builtin_modinfo,
	};
}

/* ---- ahead ---- */

static int guess_symbols(struct dm_run *run)
{
	_cleanup_(dm_graph_done) struct dm_graph graph = { 0 };
	struct dm_source src = source_of(run);
	int r = dm_graph_guess(&run->modules, &run->state, &graph);

	src.graph = &graph;
	return r < 0 ? r : dm_text_symbols(&src, run->indexes);
}

/* What failed leaves nothing behind: it is made again with the others. */
static void keep(struct dm_run *run, enum dm_job job, int r)
{
	run->ahead[job] = r >= 0;
	if (r < 0)
		drop_indexes(run, &jobs[job]);
}

void dm_make_ahead(struct dm_run *run)
{
	const struct dm_source src = source_of(run);

	if (run->ahead[DM_JOB_SYMBOLS] || run->ahead[DM_JOB_BUILTIN])
		return;
	keep(run, DM_JOB_SYMBOLS, guess_symbols(run));
	keep(run, DM_JOB_BUILTIN, dm_text_builtin(&src, run->indexes));
}

void dm_make_forget(struct dm_run *run)
{
	drop_indexes(run, &jobs[DM_JOB_SYMBOLS]);
	drop_indexes(run, &jobs[DM_JOB_BUILTIN]);
	run->ahead[DM_JOB_SYMBOLS] = run->ahead[DM_JOB_BUILTIN] = false;
}

/* ---- all ---- */

static int make_indexes(struct dm_run *run, const struct job *job, bool made)
{
	const struct dm_source src = source_of(run);
	int r = made ? 0 : job->make(&src, run->indexes);

	if (run->options->print)
		return r;
	for (size_t i = 0; i < job->n && r >= 0; i++)
		r = stage(run, job->indexes[i]);
	/* memory that has been written to once is cheaper than new memory */
	drop_indexes(run, job);
	return r;
}

/* A new base where there was none, or where much has come since. */
int dm_make_state(struct dm_run *run)
{
	const struct dm_segment *base = &run->state.base, *fresh = &run->fresh.segment;
	int r = dm_match_gone(&run->state, &run->scan, &run->modules, &run->match);

	if (r < 0)
		return r;
	run->new_base = !run->known || fresh->n_records > base->n_records / 8 + 16 ||
			run->match.n_gone > base->n_records / 4 + 16;
	if (run->new_base)
		return dm_state_build(&run->scan, &run->modules, &run->graph, &run->new_state);
	return dm_recent_build(&run->scan, fresh, run->match.gone, run->match.n_gone,
			       &run->new_state);
}

static int make_graph(struct dm_run *run)
{
	int r = dm_graph_build(run->ctx, &run->modules, &run->state, &run->fresh, &run->graph);

	pthread_mutex_lock(&run->mutex);
	run->graph_done = true;
	run->graph_failed = r < 0;
	pthread_cond_broadcast(&run->cond);
	pthread_mutex_unlock(&run->mutex);
	return r;
}

/* False: there is none. */
static bool wait_for_graph(struct dm_run *run)
{
	bool there;

	pthread_mutex_lock(&run->mutex);
	while (!run->graph_done)
		pthread_cond_wait(&run->cond, &run->mutex);
	there = !run->graph_failed;
	pthread_mutex_unlock(&run->mutex);
	return there;
}

static void do_job(void *arg, size_t i, unsigned int worker)
{
	struct dm_run *run = arg;
	const struct job *job = &jobs[i];

	if (i == DM_JOB_GRAPH)
		run->codes[i] = make_graph(run);
	else if (job->needs_graph && !run->ahead[i] && !wait_for_graph(run))
		return;
	else if (i != DM_JOB_STATE)
		run->codes[i] = make_indexes(run, job, run->ahead[i]);
	else if (!run->options->print)
		run->codes[i] = dm_make_state(run);
}

int dm_make_all(struct dm_run *run)
{
	if (run->exports_read)
		dm_make_forget(run);
	dm_publish_init(&run->publish, run->ctx, run->tree.out_fd, !run->options->no_sync);
	mf_workers_run(run->tree.workers, DM_N_JOBS, do_job, run);
	for (size_t i = 0; i < DM_N_JOBS; i++)
		if (run->codes[i] == -MFE_DEPMOD)
			return mf_fail(run->ctx, "depmod", -MFE_DEPMOD, run->tree.kernel,
				       "modules in dependency cycles");
		else if (run->codes[i] < 0)
			return mf_fail(run->ctx, "depmod", run->codes[i], run->tree.dirname, NULL);
	return 0;
}
