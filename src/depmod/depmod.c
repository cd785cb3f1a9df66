/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The depmod stage: the order of its steps.
 *
 *	config	depmod.d: which directories and files win
 *	scan	the tree: which files are there, in depmod's order
 *	select	one file for each module name, and the modules' order
 *	state	what the last run knew of these files
 *	match	which of it still holds; the rest is to be read
 *	read	the files that the state does not know
 *	graph	symbols to their owners, dependencies, their order
 *	text	the indexes as bytes
 *	publish	the bytes as files, all or none
 *
 * Reading a module is expensive, deriving all indexes from what was read is cheap. So the state
 * keeps what each module said, every file is looked at, only files that are new or differ are read,
 * and everything else is made again in memory. Where nothing has changed and the indexes are as
 * they were published, nothing is written.
 *
 * One run at a time works on a directory. Nothing of the old set is touched before all of the new
 * one is on disk. The state is written last and without fsync: it is worth nothing after a crash,
 * and its digests show that. Never runs anything.
 */
#include "modfetch/depmod.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "graph.h"
#include "match.h"
#include "publish.h"
#include "read.h"
#include "report.h"
#include "text.h"

enum job {
	JOB_GRAPH,
	JOB_ALIAS_BIN,
	JOB_ALIAS,
	JOB_REST,
	JOB_BUILTIN,
	JOB_DEP,
	JOB_SYMBOLS,
	N_JOBS
};

/* How indexes are made. Those before JOB_DEP do not need the graph; the longest come first. */
static const struct {
	int (*make)(const struct dm_source *src, struct dm_buf *indexes);
	size_t n;
	enum dm_index indexes[3];
} jobs[N_JOBS] = {
	[JOB_GRAPH] = { 0 },
	[JOB_ALIAS_BIN] = { dm_text_alias_bin, 1, { DM_ALIAS_BIN } },
	[JOB_ALIAS] = { dm_text_alias, 1, { DM_ALIAS } },
	[JOB_REST] = { dm_text_rest, 3, { DM_SOFTDEP, DM_WEAKDEP, DM_DEVNAME } },
	[JOB_BUILTIN] = { dm_text_builtin, 2, { DM_BUILTIN_BIN, DM_BUILTIN_ALIAS_BIN } },
	[JOB_DEP] = { dm_text_dep, 2, { DM_DEP, DM_DEP_BIN } },
	[JOB_SYMBOLS] = { dm_text_symbols, 2, { DM_SYMBOLS, DM_SYMBOLS_BIN } },
};

/* All that the steps hand each other, in the order it is filled in. */
struct run {
	struct mf_context *ctx;
	const struct mf_depmod_options *options;
	struct dm_tree tree;
	struct dm_state state; /* of the last run, or empty */
	bool known;	       /* it is not empty */
	struct dm_flavor flavor;
	struct dm_config config;
	struct dm_input order, builtin, builtin_modinfo;
	uint64_t scan_rules;
	struct dm_scan scan;
	struct dm_modules modules;
	struct dm_match match;
	const struct dm_segment *base; /* the state's, or an empty one where a new base begins */
	struct dm_fresh fresh;
	size_t n_read;
	bool facts_changed;
	uint64_t inputs;
	struct dm_graph graph;
	struct dm_buf indexes[DM_N_OUTPUTS];
	struct dm_publish publish;
	enum job first_job; /* of those that run at the same time */
	int codes[N_JOBS];
};

static int depmod_fail(struct run *run, int code, const char *what)
{
	return mf_fail(run->ctx, MF_STAGE_DEPMOD, code, what, NULL);
}

static uint64_t chain(uint64_t digest, const void *bytes, size_t len)
{
	uint64_t both[2] = { digest, mf_hash(bytes, len) };

	return mf_hash(both, sizeof(both));
}

static uint64_t chain_strings(uint64_t digest, const struct mf_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		digest = chain(digest, list->v[i], strlen(list->v[i]));
	return chain(digest, &list->n, sizeof(list->n));
}

/* What, besides the tree itself, decides which files a scan finds. */
static void digest_scan_rules(struct run *run)
{
	uint64_t d = chain(0, &run->flavor.endings, sizeof(run->flavor.endings));

	d = chain(d, run->tree.dirname, strlen(run->tree.dirname));
	d = chain_strings(d, &run->config.externals);
	run->scan_rules = chain_strings(d, &run->config.excludes);
}

static int prepare(struct run *run)
{
	int r;

	run->known = !run->options->no_state && dm_state_read(run->tree.out_fd, &run->state) == 0;
	dm_flavor_find(run->ctx, run->known ? &run->state.done.flavor : NULL, &run->flavor);
	run->flavor.symbol_prefix = run->options->symbol_prefix;
	/* another version may read other things in the same files */
	if (run->known &&
	    (run->state.done.flavor.version != run->flavor.version || run->flavor.symbol_prefix)) {
		dm_state_done(&run->state);
		run->known = false;
	}
	r = dm_config_read(run->ctx, run->options->config, run->tree.kernel, &run->config);
	if (r < 0)
		return depmod_fail(run, r, "depmod.d");
	digest_scan_rules(run);
	r = dm_tree_read(run->ctx, &run->tree, "modules.order", &run->order);
	if (r >= 0)
		r = dm_tree_read(run->ctx, &run->tree, "modules.builtin", &run->builtin);
	if (r >= 0)
		r = dm_tree_read(run->ctx, &run->tree, "modules.builtin.modinfo",
				 &run->builtin_modinfo);
	return r;
}

/* Does this run write the index at all? */
static bool is_written(const struct run *run, enum dm_index index)
{
	return index != DM_WEAKDEP || run->flavor.weakdep;
}

/* Is the index the file that the last run published? */
static bool is_intact(const struct run *run, enum dm_index index)
{
	return dm_output_is(run->tree.out_fd, index, &run->state.done.outputs[index]);
}

static bool all_intact(const struct run *run)
{
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++)
		if (is_written(run, i) && !is_intact(run, i))
			return false;
	return true;
}

/*
 * Is what the state knows of the tree as good as what the caller knew before the changes? Another
 * program that indexed the tree since saw more than the state has, and changes are never reported for external
 * directories.
 */
static bool can_scan_changed(const struct run *run)
{
	const struct dm_done *done = &run->state.done;

	return run->options->changed && run->known && !done->loose && !run->config.externals.n &&
	       run->scan_rules == done->scan_rules && all_intact(run);
}

/* 0; 1: the whole tree has to be scanned; -ENOMEM. */
static int scan_changed(struct run *run)
{
	int r = can_scan_changed(run)
			? dm_scan_changed(&run->tree, &run->config, &run->flavor, &run->state,
					  run->options->changed, &run->scan)
			: 1;

	if (!r)
		r = dm_select(run->ctx, &run->tree, &run->config, &run->scan, &run->modules);
	/* between two files of one name the order of a scan decides */
	return r ? r : run->modules.n != run->scan.n;
}

static int scan(struct run *run)
{
	int r = scan_changed(run);

	if (r > 0) {
		dm_modules_done(&run->modules);
		dm_scan_done(&run->scan);
		r = dm_scan(run->ctx, &run->tree, &run->config, &run->flavor, &run->scan);
		if (r >= 0)
			r = dm_select(run->ctx, &run->tree, &run->config, &run->scan,
				      &run->modules);
	}
	dm_tree_report_missing(run->ctx, &run->tree, "modules.order", &run->order);
	if (r >= 0)
		r = dm_sort(run->ctx, &run->flavor, run->order.p, run->order.len, &run->modules);
	return r < 0 ? depmod_fail(run, r, run->tree.dirname) : 0;
}

/* Does anything that was read say other things than it did? */
static void compare_facts(struct run *run)
{
	for (size_t i = 0; i < run->modules.n; i++) {
		const struct dm_module *m = &run->modules.v[i];

		if (m->segment != &run->fresh.segment || m->recalled)
			continue;
		run->n_read++;
		if (!m->old || !(m->old->flags & DM_READ) || m->old->said != m->record->said)
			run->facts_changed = true;
	}
}

static int learn(struct run *run)
{
	static const struct dm_segment nothing = { 0 };
	int r = dm_match(&run->state, &run->scan, &run->modules, &run->match);

	run->base = run->match.new_base ? &nothing : &run->state.base;
	if (r >= 0)
		r = dm_read(run->ctx, &run->tree, &run->flavor, &run->scan, run->base->n_records,
			    &run->modules, &run->fresh);
	if (r < 0)
		return depmod_fail(run, r, run->tree.dirname);
	compare_facts(run);
	return 0;
}

/* All that the indexes come from, except what the modules say. */
static void digest_inputs(struct run *run)
{
	uint64_t d = chain(0, &run->flavor.version, sizeof(run->flavor.version));

	for (size_t i = 0; i < run->modules.n; i++)
		d = chain(d, run->modules.v[i].file->path, run->modules.v[i].file->path_len);
	d = chain(d, run->builtin.p ? run->builtin.p : "-", run->builtin.len);
	run->inputs = chain(d, run->builtin_modinfo.p ? run->builtin_modinfo.p : "-",
			    run->builtin_modinfo.len);
}

/*
 * A file that came or went without a difference to any index still makes the run write: else a
 * state that could not be written would look like one of these indexes, and lack that file.
 */
static bool is_current(const struct run *run)
{
	return run->known && !dm_report_wanted(run->options) && !run->facts_changed &&
	       !run->match.news && run->inputs == run->state.done.inputs && all_intact(run);
}

/* An index in place that is what this run would write is kept in the state as if it had been. */
static void learn_output(struct run *run, enum dm_index index)
{
	const struct dm_buf *buf = &run->indexes[index];
	struct dm_output *output = &run->state.done.outputs[index];

	*output = (struct dm_output){ 0 };
	if (dm_output_same(run->tree.out_fd, index, buf, output))
		output->digest = mf_hash(buf->p ? buf->p : "", buf->len);
}

/*
 * Stages an index, unless the one in place is the same. modules.dep is always new: others (depmod
 * -A) take its time for the time of the last look at the tree.
 */
static int stage(struct run *run, enum dm_index index)
{
	const struct dm_buf *buf = &run->indexes[index];
	uint64_t *last = &run->state.done.outputs[index].digest, digest;

	if (!is_written(run, index))
		return 0;
	if (run->options->learn) {
		learn_output(run, index);
		return 0;
	}
	if (index != DM_DEP && index != DM_DEP_BIN) {
		digest = mf_hash(buf->p ? buf->p : "", buf->len);
		if (run->known && *last == digest && is_intact(run, index))
			return 0;
		*last = digest;
	}
	return dm_publish_stage(&run->publish, index, buf);
}

/* Does the caller want to see the indexes, and nothing to be written? */
static bool only_shows(const struct run *run)
{
	return run->options->print || run->options->visit;
}

static int make_indexes(struct run *run, enum job job)
{
	const struct dm_source src = {
		.ctx = run->ctx,
		.flavor = &run->flavor,
		.modules = &run->modules,
		.base = run->base,
		.fresh = &run->fresh.segment,
		.graph = &run->graph,
		.builtin = run->builtin,
		.builtin_modinfo = run->builtin_modinfo,
	};
	int r = jobs[job].make(&src, run->indexes);

	if (only_shows(run))
		return r;
	for (size_t i = 0; i < jobs[job].n && r >= 0; i++)
		r = stage(run, jobs[job].indexes[i]);
	/* memory that has been written to once is cheaper than new memory */
	for (size_t i = 0; i < jobs[job].n; i++)
		dm_buf_done(&run->indexes[jobs[job].indexes[i]]);
	return r;
}

static void do_job(void *arg, size_t i, unsigned int worker)
{
	struct run *run = arg;
	enum job job = run->first_job + (enum job)i;

	run->codes[job] = job == JOB_GRAPH ? dm_graph_build(run->ctx, &run->modules, run->base,
							    &run->fresh.segment, &run->graph)
					   : make_indexes(run, job);
}

/* Makes all indexes, and stages those that differ. 0, or a code that is recorded. */
static int make_all(struct run *run)
{
	dm_publish_init(&run->publish, run->ctx, run->tree.out_fd, !run->options->no_sync);
	mf_workers_run(run->tree.workers, JOB_DEP, do_job, run);
	run->first_job = JOB_DEP;
	if (run->codes[JOB_GRAPH] >= 0) {
		int r = dm_report(run->ctx, run->options, &run->tree, &run->modules, &run->graph);

		if (r < 0)
			return r;
		dm_tree_report_missing(run->ctx, &run->tree, "modules.builtin", &run->builtin);
		dm_tree_report_missing(run->ctx, &run->tree, "modules.builtin.modinfo",
				       &run->builtin_modinfo);
		mf_workers_run(run->tree.workers, N_JOBS - JOB_DEP, do_job, run);
	}
	for (enum job i = 0; i < N_JOBS; i++)
		if (run->codes[i] == -MFE_DEPMOD)
			return mf_fail(run->ctx, MF_STAGE_DEPMOD, -MFE_DEPMOD, run->tree.kernel,
				       "modules in dependency cycles");
		else if (run->codes[i] < 0)
			return depmod_fail(run, run->codes[i], run->tree.dirname);
	return 0;
}

static int build_state(struct run *run, struct dm_buf *ret_state)
{
	struct dm_done done = {
		.flavor = run->flavor,
		.inputs = run->inputs,
		.scan_rules = run->scan_rules,
		.loose = run->scan.loose,
	};
	int r;

	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++) {
		done.outputs[i] = run->state.done.outputs[i];
		if (is_written(run, i) && !run->options->learn)
			(void)dm_output_stat(run->tree.out_fd, i, &done.outputs[i]);
	}
	dm_buf_add(&run->fresh.parts[DM_PART_GONE], run->match.gone,
		   run->match.n_gone * sizeof(*run->match.gone));
	r = dm_state_build(run->fresh.parts, ret_state);
	if (r >= 0)
		dm_state_seal(ret_state, &done, run->match.new_base ? 0 : run->state.id);
	return r;
}

static int show(struct run *run)
{
	const struct mf_depmod_options *options = run->options;
	int r = 0;

	if (options->print)
		return dm_print(run->ctx, options->print, &run->flavor, run->indexes);
	for (enum dm_index i = 0; r >= 0 && i < DM_N_OUTPUTS; i++) {
		const struct dm_buf *buf = &run->indexes[i];

		if (is_written(run, i))
			r = options->visit(options->visit_arg, dm_index_name(i),
					   buf->p ? buf->p : "", buf->len);
	}
	return r < 0 ? depmod_fail(run, r, run->tree.dirname) : 0;
}

/* A state that cannot be written costs the next run its time, and nothing else. */
static void write_state(struct run *run)
{
	const char *name = run->match.new_base ? DM_STATE_NAME : DM_RECENT_NAME;
	_cleanup_(dm_buf_done) struct dm_buf state = { 0 };
	int r = build_state(run, &state);

	if (r >= 0)
		r = dm_state_write(run->tree.out_fd, name, &state);
	if (r >= 0 && run->match.new_base)
		(void)unlinkat(run->tree.out_fd, DM_RECENT_NAME, 0);
	if (r < 0)
		mf_log(run->ctx, MF_LOG_WARNING, "%s/%s: %s", run->tree.dirname, name,
		       mf_error_sentence(r));
}

static int work(struct run *run, struct mf_depmod_result *result)
{
	int r = dm_tree_open(run->ctx, run->options, &run->tree);

	if (r >= 0 && !only_shows(run)) {
		r = dm_tree_lock(run->ctx, &run->tree);
		if (r >= 0)
			dm_publish_sweep(run->tree.out_fd);
	}
	if (r >= 0)
		r = prepare(run);
	if (r >= 0 && run->options->learn && run->known) {
		result->unchanged = true;
		return 0;
	}
	if (r >= 0)
		r = scan(run);
	if (r >= 0)
		r = learn(run);
	if (r < 0)
		return r;
	digest_inputs(run);
	result->modules = run->modules.n;
	result->read = run->n_read;
	if (!only_shows(run) && is_current(run)) {
		result->unchanged = true;
		/* files that say the same as before may have new times */
		if (run->n_read)
			write_state(run);
		return 0;
	}
	r = make_all(run);
	if (r >= 0 && only_shows(run))
		return show(run);
	if (r >= 0)
		r = dm_publish_commit(&run->publish);
	if (r >= 0 && !run->options->no_state)
		write_state(run);
	return r;
}

static void run_done(struct run *run)
{
	dm_publish_done(&run->publish);
	for (size_t i = 0; i < DM_N_OUTPUTS; i++)
		dm_buf_done(&run->indexes[i]);
	dm_graph_done(&run->graph);
	dm_fresh_done(&run->fresh);
	dm_match_done(&run->match);
	dm_modules_done(&run->modules);
	dm_scan_done(&run->scan);
	dm_config_done(&run->config);
	dm_state_done(&run->state);
	free(run->order.p);
	free(run->builtin.p);
	free(run->builtin_modinfo.p);
	dm_tree_done(&run->tree);
}

int mf_depmod(struct mf_context *ctx, const struct mf_depmod_options *options,
	      struct mf_depmod_result *ret_result)
{
	struct mf_depmod_result result = { 0 };
	struct run run = {
		.ctx = ctx,
		.options = options,
		.tree = { .fd = -1, .out_fd = -1 },
		.publish = { .fd = -1 },
	};
	int r;

	for (size_t i = 0; i < DM_N_OUTPUTS; i++)
		run.publish.files[i].fd = -1;
	r = work(&run, &result);
	run_done(&run);
	if (r >= 0 && ret_result)
		*ret_result = result;
	return r < 0 ? r : 0;
}
