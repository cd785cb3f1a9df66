/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The depmod stage: the order of its steps.
 *
 * Reading a module is dear, deriving all indexes from what was read is cheap. So the state file
 * keeps what each module said (depmod-state.c), the tree is looked at file by file, only files that
 * are new or differ are read, and everything else is made again in memory. Where nothing has
 * changed and the indexes are as they were published, nothing is written.
 *
 * One run at a time works on a folder: the lock is on the folder itself, and goes with the process.
 * Nothing of the old set is touched before all of the new one is on disk. The state is written last
 * and without fsync: it is worth nothing after a crash, and its digests say so.
 *
 * Trusts the modules' bytes no further than modinfo.c does, and the state file no further than its
 * checks. Never runs anything but depmod --version.
 */
#include "modfetch/depmod.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "src/depmod/depmod-run.h"

static int fail(struct dm_run *run, int code, const char *what)
{
	return mf_fail(run->ctx, "depmod", code, what, NULL);
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
static void digest_scan_rules(struct dm_run *run)
{
	const uint8_t endings[] = { run->flavour.gz, run->flavour.xz, run->flavour.zst };
	uint64_t d = chain(0, endings, sizeof(endings));

	d = chain(d, run->tree.dirname, strlen(run->tree.dirname));
	d = chain_strings(d, &run->config.externals);
	run->scan_rules = chain_strings(d, &run->config.excludes);
}

static int prepare(struct dm_run *run)
{
	int r;

	run->known = dm_state_read(run->tree.out_fd, run->tree.workers, &run->state) == 0;
	dm_flavour_find(run->known ? &run->state.done.flavour : NULL, &run->flavour);
	r = dm_config_read(run->ctx, run->options->config, run->tree.kernel, &run->config);
	if (r < 0)
		return fail(run, r, "depmod.d");
	digest_scan_rules(run);
	r = dm_tree_read(run->ctx, &run->tree, "modules.order", &run->order);
	if (r >= 0)
		r = dm_tree_read(run->ctx, &run->tree, "modules.builtin", &run->builtin);
	if (r >= 0)
		r = dm_tree_read(run->ctx, &run->tree, "modules.builtin.modinfo",
				 &run->builtin_modinfo);
	return r;
}

static bool all_intact(const struct dm_run *run)
{
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++)
		if (dm_is_written(run, i) && !dm_is_intact(run, i))
			return false;
	return true;
}

/* From paths alone: what the files' numbers are does not matter yet. */
static int select_and_sort(struct dm_run *run, const struct dm_scan *scan)
{
	int r = dm_select(run->ctx, &run->tree, &run->config, scan, &run->modules);

	return r < 0 ? r
		     : dm_sort(run->ctx, &run->flavour, run->order.p, run->order.len,
			       &run->modules);
}

/* Each way to scan: 0, a failure, or 1: it cannot be done that way. */
static int scan_all(struct dm_run *run)
{
	int r = dm_scan(run->ctx, &run->tree, &run->config, &run->flavour, &run->scan);

	return r < 0 ? r : select_and_sort(run, &run->scan);
}

static int while_looking(void *arg, const struct dm_scan *scan, bool news)
{
	struct dm_run *run = arg;
	int r = select_and_sort(run, scan);

	/* of two files of one name the whole scan decides */
	if (r >= 0 && news && run->modules.n == scan->n)
		dm_make_ahead(run);
	return r;
}

static int scan_known(struct dm_run *run)
{
	const struct dm_meanwhile meanwhile = { while_looking, run };

	return dm_scan_known(run->ctx, &run->tree, &run->config, &run->flavour, &run->state,
			     &meanwhile, &run->scan);
}

static int scan_changed(struct dm_run *run)
{
	int r = dm_scan_changed(&run->tree, &run->config, &run->flavour, &run->state,
				run->options->changed, &run->scan);

	return r ? r : select_and_sort(run, &run->scan);
}

/* Does the state know the files that a scan with these rules would find? */
static bool can_recall(const struct dm_run *run)
{
	const struct dm_done *done = &run->state.done;

	return run->known && !done->loose && !run->config.externals.n &&
	       run->scan_rules == done->scan_rules;
}

/*
 * Is what the state knows of the tree as good as what the caller knew before the changes? Whoever
 * else indexed the tree since saw more than the state has. Of external folders nobody tells.
 */
static bool can_spare_scan(const struct dm_run *run)
{
	return run->options->changed && can_recall(run) && all_intact(run);
}

static int scan(struct dm_run *run)
{
	/* from the cheapest to the one that is always right */
	const struct {
		bool possible;
		int (*scan)(struct dm_run *run);
		bool in_order; /* as depmod comes by the files */
	} ways[] = {
		{ can_spare_scan(run), scan_changed, false },
		{ can_recall(run), scan_known, false },
		{ true, scan_all, true },
	};
	int r = 1;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (!ways[i].possible)
			continue;
		r = ways[i].scan(run);
		/* between two files of one name the order decides */
		if (r < 0 || (!r && (ways[i].in_order || run->modules.n == run->scan.n)))
			break;
		dm_make_forget(run);
		dm_modules_done(&run->modules);
		dm_scan_done(&run->scan);
		r = 1;
	}
	return r < 0 ? fail(run, r, run->tree.dirname) : 0;
}

/* Was anything read that says other things than it did, or that others may import? */
static void compare_facts(struct dm_run *run)
{
	for (size_t i = 0; i < run->modules.n; i++) {
		const struct dm_module *m = &run->modules.v[i];

		if (m->segment != &run->fresh.segment || m->recalled)
			continue;
		run->n_read++;
		run->exports_read |= m->record->n_exports || (m->old && m->old->n_exports);
		if (!m->old || !dm_same_facts(m->old_segment, m->old, m->segment, m->record))
			run->facts_changed = true;
	}
}

static int while_reading(void *arg, const struct dm_scan *scan, bool news)
{
	dm_make_ahead(arg);
	return 0;
}

static int learn(struct dm_run *run)
{
	const struct dm_meanwhile meanwhile = { while_reading, run };
	int r = dm_match(&run->state, &run->scan, &run->modules, &run->match);

	if (r >= 0)
		r = dm_read(run->ctx, &run->tree, &run->scan, &run->match,
			    run->state.base.n_records, &meanwhile, &run->modules, &run->fresh);
	if (r < 0)
		return fail(run, r, run->tree.dirname);
	compare_facts(run);
	return 0;
}

/* All the indexes come from, but what the modules say. */
static void digest_inputs(struct dm_run *run)
{
	uint64_t d = chain(0, &run->flavour.version, sizeof(run->flavour.version));

	for (size_t i = 0; i < run->modules.n; i++) {
		const struct dm_file *f = run->modules.v[i].file;
		uint64_t both[2] = { d, mf_hash(f->path, f->path_len) };

		d = mf_hash(both, sizeof(both));
	}
	d = chain(d, run->builtin.p ? run->builtin.p : "-", run->builtin.len);
	run->inputs = chain(d, run->builtin_modinfo.p ? run->builtin_modinfo.p : "-",
			    run->builtin_modinfo.len);
}

/*
 * A file that came or went without a difference to any index still makes the run write: else a
 * state that could not be written would look like one of these indexes, and lack that file.
 */
static bool is_current(const struct dm_run *run)
{
	return run->known && !run->facts_changed && !run->match.news &&
	       run->inputs == run->state.done.inputs && all_intact(run);
}

/* A state that cannot be written costs the next run its time, and nothing else. */
static void write_state(struct dm_run *run)
{
	const char *name = run->new_base ? DM_STATE_NAME : DM_RECENT_NAME;
	struct dm_done done = {
		.flavour = run->flavour,
		.inputs = run->inputs,
		.scan_rules = run->scan_rules,
		.loose = run->scan.loose,
	};
	int r;

	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++) {
		done.outputs[i].digest = run->state.done.outputs[i].digest;
		if (dm_is_written(run, i))
			(void)dm_output_stat(run->tree.out_fd, i, &done.outputs[i]);
	}
	dm_state_seal(&run->new_state, &done, run->new_base ? 0 : run->state.id);
	r = dm_state_write(run->tree.out_fd, name, &run->new_state);
	if (r >= 0 && run->new_base)
		(void)unlinkat(run->tree.out_fd, DM_RECENT_NAME, 0);
	if (r < 0)
		mf_log(run->ctx, MF_LOG_WARNING, "%s/%s: %s", run->tree.dirname, name,
		       mf_error_sentence(r));
}

/* The indexes are right; the state may be told new times of files that say the same as before. */
static int refresh_state(struct dm_run *run)
{
	int r;

	if (!run->n_read)
		return 0;
	r = dm_graph_build(run->ctx, &run->modules, &run->state, &run->fresh, &run->graph);
	if (r >= 0)
		r = dm_make_state(run);
	if (r < 0)
		return r;
	write_state(run);
	return 0;
}

/* What is left when the indexes are published. */
static void write_or_clean(void *arg, size_t i, unsigned int worker)
{
	struct dm_run *run = arg;

	if (i)
		dm_publish_done(&run->publish);
	else
		write_state(run);
}

static int work(struct dm_run *run, struct mf_depmod_result *result)
{
	int r = dm_tree_open(run->ctx, run->options, &run->tree);

	if (r >= 0 && !run->options->print) {
		r = dm_tree_lock(run->ctx, &run->tree);
		if (r >= 0)
			dm_publish_sweep(run->tree.out_fd);
	}
	if (r >= 0)
		r = prepare(run);
	if (r >= 0)
		r = scan(run);
	if (r >= 0)
		r = learn(run);
	if (r < 0)
		return r;
	digest_inputs(run);
	result->modules = run->modules.n;
	result->read = run->n_read;
	if (!run->options->print && is_current(run)) {
		result->unchanged = true;
		return refresh_state(run);
	}
	r = dm_make_all(run);
	if (r >= 0 && run->options->print)
		return dm_print(run->ctx, run->options->print, &run->flavour, run->indexes);
	if (r >= 0)
		r = dm_publish_commit(&run->publish);
	if (r >= 0)
		mf_workers_run(run->tree.workers, 2, write_or_clean, run);
	return r;
}

static void run_done(struct dm_run *run)
{
	dm_publish_done(&run->publish);
	for (size_t i = 0; i < DM_N_OUTPUTS; i++)
		dm_buf_done(&run->indexes[i]);
	dm_buf_done(&run->new_state);
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
	struct dm_run run = {
		.ctx = ctx,
		.options = options,
		.tree = { .fd = -1, .out_fd = -1 },
		.publish = { .fd = -1 },
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
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
