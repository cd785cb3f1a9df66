/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state: what each module said when it was last read, in two files beside the indexes.
 *
 * modules.modfetch is the base. What was read since it was written is in modules.modfetch.recent,
 * together with which of the base's records are out of use: so the cost of one more module is not
 * that of writing down thousands. When the recent part has grown, a new base takes in both.
 *
 * Both are caches: without one, or with a damaged one, a run writes new ones. Layout:
 *	struct head	magic, version, byte order, length of the file, digests of the head and of
 *			the rest, the digest of the base that a recent part belongs to, how many
 *			items each part has, and what the last run did: which depmod it followed,
 *			could files come unseen over links, its inputs' digests, what it published
 *	records		struct dm_record: a file of the tree, in the order of the scan; its numbers,
 *			and which of the items below are its own
 *	symbols		struct dm_symbol: every name exported or imported, sorted by name
 *	aliases		struct dm_alias: each as the module has it and as the index has it
 *	exports		uint32_t: a symbol
 *	imports		uint32_t: a symbol; the top bit: weak
 *	extras		struct dm_extra: soft and weak dependencies
 *	alias_order	uint32_t: the aliases an index can have, sorted; alias_owner: their records
 *	gone		uint32_t: records of the base that are out of use, rising
 *	folders		struct dm_folder_record: all of the tree, a recent part's instead of the
 *			base's; and in a part of their own their paths
 *	strings		what the other offsets point to; each is NUL-ended
 * Numbers are in the machine's byte order, parts begin at multiples of eight. Each index and offset
 * is checked when a file is read, though the digest says it is ours: others can write there too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "src/depmod/depmod-state.h"

/* The bits of flags. */
enum { FLAG_GZ = 1, FLAG_XZ = 2, FLAG_ZST = 4, FLAG_WEAKDEP = 8, FLAG_FIRST = 16, FLAG_LOOSE = 32 };

static uint64_t head_digest(const struct head *head)
{
	return mf_hash(head, offsetof(struct head, head_digest));
}

static bool is_head(const struct head *head, size_t len)
{
	return !memcmp(head->magic, DM_STATE_MAGIC, sizeof(DM_STATE_MAGIC)) &&
	       head->version == DM_STATE_VERSION && head->byte_order == DM_STATE_BYTE_ORDER &&
	       head->len == len && head->head_digest == head_digest(head) &&
	       part_at(head, N_PARTS) == len;
}

/* [at, at + n) lies in [0, room). */
static bool inside(uint32_t at, uint32_t n, uint32_t room)
{
	return at <= room && n <= room - at;
}

/* A string of N bytes and its NUL. */
static bool is_string(const struct dm_segment *s, uint32_t at, uint32_t n)
{
	return at < s->n_strings && n < s->n_strings - at && !s->strings[at + n];
}

static bool below(const uint32_t *v, uint32_t n, uint32_t mask, uint32_t limit)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < n; i++)
		bad |= (v[i] & mask) >= limit;
	return !bad;
}

static bool check_record(const struct dm_segment *s, const struct dm_record *r)
{
	return is_string(s, r->path, r->path_len) && r->path_len &&
	       inside(r->exports, r->n_exports, s->n_exports) &&
	       inside(r->imports, r->n_imports, s->n_imports) &&
	       inside(r->aliases, r->n_aliases, s->n_aliases) &&
	       inside(r->extras, r->n_extras, s->n_extras);
}

static bool check_segment(const struct dm_segment *s)
{
	bool good = below(s->exports, s->n_exports, UINT32_MAX, s->n_symbols) &&
		    below(s->imports, s->n_imports, ~DM_WEAK, s->n_symbols) &&
		    below(s->alias_order, s->n_alias_order, UINT32_MAX, s->n_aliases) &&
		    below(s->alias_owner, s->n_aliases, UINT32_MAX, s->n_records);

	/* what is looked up below has to be there */
	if (!good)
		return false;
	for (uint32_t i = 0; i < s->n_records; i++)
		good &= check_record(s, &s->records[i]);
	for (uint32_t i = 0; i < s->n_symbols; i++)
		good &= is_string(s, s->symbols[i].name, s->symbols[i].len);
	for (uint32_t i = 0; i < s->n_aliases; i++) {
		const struct dm_alias *a = &s->aliases[i];

		good &= is_string(s, a->raw, a->raw_len) &&
			(a->norm_len == DM_NONE || is_string(s, a->norm, a->norm_len) ||
			 (a->norm == a->raw && a->norm_len <= a->raw_len));
	}
	for (uint32_t i = 0; i < s->n_alias_order; i++)
		good &= s->aliases[s->alias_order[i]].norm_len != DM_NONE;
	for (uint32_t i = 0; i < s->n_extras; i++)
		good &= is_string(s, s->extras[i].text, s->extras[i].len);
	return good;
}

static struct dm_segment segment_in(const uint8_t *p, const struct head *head)
{
	return (struct dm_segment){
		.records = (const void *)(p + part_at(head, RECORDS)),
		.symbols = (const void *)(p + part_at(head, SYMBOLS)),
		.aliases = (const void *)(p + part_at(head, ALIASES)),
		.exports = (const void *)(p + part_at(head, EXPORTS)),
		.imports = (const void *)(p + part_at(head, IMPORTS)),
		.extras = (const void *)(p + part_at(head, EXTRAS)),
		.alias_order = (const void *)(p + part_at(head, ALIAS_ORDER)),
		.alias_owner = (const void *)(p + part_at(head, ALIAS_OWNER)),
		.strings = (const void *)(p + part_at(head, STRINGS)),
		.n_records = head->counts[RECORDS],
		.n_symbols = head->counts[SYMBOLS],
		.n_aliases = head->counts[ALIASES],
		.n_exports = head->counts[EXPORTS],
		.n_imports = head->counts[IMPORTS],
		.n_extras = head->counts[EXTRAS],
		.n_alias_order = head->counts[ALIAS_ORDER],
		.n_strings = head->counts[STRINGS],
	};
}

static struct dm_folders folders_in(const uint8_t *p, const struct head *head)
{
	return (struct dm_folders){
		.v = (const void *)(p + part_at(head, FOLDERS)),
		.paths = (const void *)(p + part_at(head, FOLDER_PATHS)),
		.n = head->counts[FOLDERS],
		.n_paths = head->counts[FOLDER_PATHS],
	};
}

static bool check_folders(const struct dm_folders *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t at = f->v[i].path, len = f->v[i].path_len;

		if (at >= f->n_paths || len >= f->n_paths - at || f->paths[at + len])
			return false;
	}
	return true;
}

static struct dm_done done_in(const struct head *head)
{
	struct dm_done done = {
		.flavour =
			{
				.version = head->flavour_version,
				.gz = head->flags & FLAG_GZ,
				.xz = head->flags & FLAG_XZ,
				.zst = head->flags & FLAG_ZST,
				.weakdep = head->flags & FLAG_WEAKDEP,
				.first_in_order = head->flags & FLAG_FIRST,
				.id = head->flavour_id,
			},
		.inputs = head->inputs,
		.scan_rules = head->scan_rules,
		.loose = head->flags & FLAG_LOOSE,
	};

	memcpy(done.outputs, head->outputs, sizeof(done.outputs));
	return done;
}

static bool check_gone(const uint32_t *gone, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (gone[i] <= gone[i - 1])
			return false;
	return true;
}

/* What of a file is looked at side by side. */
struct checks {
	const struct head *head;
	size_t len;
	const struct dm_state_file *file;
	bool right, good;
};

static void check(void *arg, size_t i, unsigned int worker)
{
	struct checks *c = arg;

	if (!i)
		c->right = mf_hash(c->head + 1, c->len - sizeof(*c->head)) == c->head->digest;
	else
		c->good = check_segment(&c->file->segment) && check_folders(&c->file->folders) &&
			  check_gone(c->file->gone, c->file->n_gone);
}

int dm_state_parse(const void *buf, size_t len, struct mf_workers *workers,
		   struct dm_state_file *ret_file)
{
	const uint8_t *p = buf;
	const struct head *head = buf;
	struct dm_state_file file = { 0 };
	struct checks checks = { .head = head, .len = len, .file = &file };

	if (len < sizeof(*head) || !is_head(head, len) ||
	    head->counts[ALIAS_OWNER] != head->counts[ALIASES])
		return 1;
	file.segment = segment_in(p, head);
	file.folders = folders_in(p, head);
	file.gone = (const void *)(p + part_at(head, GONE));
	file.n_gone = head->counts[GONE];
	mf_workers_run(workers, 2, check, &checks);
	if (!checks.right || !checks.good)
		return 1;
	file.id = head->digest;
	file.base = head->base;
	file.done = done_in(head);
	*ret_file = file;
	return 0;
}

/* Maps and parses one file. 0, or 1: it cannot be used. */
static int read_file(int dirfd, const char *name, struct mf_workers *workers,
		     struct dm_state_file *ret_file, void **ret_map, size_t *ret_len)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)sizeof(struct head))
		return 1;
	/* only we write it, and never in place: it cannot shrink under us, but its disk can fail */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return 1;
	if (mf_bus_populate(map, (size_t)st.st_size) < 0 ||
	    dm_state_parse(map, (size_t)st.st_size, workers, ret_file)) {
		munmap(map, (size_t)st.st_size);
		return 1;
	}
	*ret_map = map;
	*ret_len = (size_t)st.st_size;
	return 0;
}

int dm_state_read(int dirfd, struct mf_workers *workers, struct dm_state *ret_state)
{
	struct dm_state state = { 0 };
	struct dm_state_file base, recent;

	*ret_state = state;
	if (read_file(dirfd, DM_STATE_NAME, workers, &base, &state.maps[0].p, &state.maps[0].len))
		return 1;
	if (base.base || base.n_gone) {
		dm_state_done(&state);
		return 1;
	}
	state.base = base.segment;
	state.folders = base.folders;
	state.id = base.id;
	state.done = base.done;
	if (!read_file(dirfd, DM_RECENT_NAME, NULL, &recent, &state.maps[1].p,
		       &state.maps[1].len) &&
	    recent.base == base.id &&
	    (!recent.n_gone || recent.gone[recent.n_gone - 1] < base.segment.n_records)) {
		state.recent = recent.segment;
		state.folders = recent.folders;
		state.gone = recent.gone;
		state.n_gone = recent.n_gone;
		state.done = recent.done;
	}
	*ret_state = state;
	return 0;
}

void dm_state_done(struct dm_state *state)
{
	for (size_t i = 0; i < 2; i++)
		if (state->maps[i].p)
			munmap(state->maps[i].p, state->maps[i].len);
	*state = (struct dm_state){ 0 };
}

void dm_state_seal(struct dm_buf *state, const struct dm_done *done, uint64_t base)
{
	struct head *head = (struct head *)(void *)state->p;
	const struct dm_flavour *f = &done->flavour;

	head->flavour_id = f->id;
	head->flavour_version = f->version;
	head->flags = (f->gz ? FLAG_GZ : 0) | (f->xz ? FLAG_XZ : 0) | (f->zst ? FLAG_ZST : 0) |
		      (f->weakdep ? FLAG_WEAKDEP : 0) | (f->first_in_order ? FLAG_FIRST : 0) |
		      (done->loose ? FLAG_LOOSE : 0);
	head->inputs = done->inputs;
	head->scan_rules = done->scan_rules;
	head->base = base;
	memcpy(head->outputs, done->outputs, sizeof(head->outputs));
	head->digest = mf_hash(state->p + sizeof(*head), state->len - sizeof(*head));
	head->head_digest = head_digest(head);
}

int dm_state_write(int dirfd, const char *name, const struct dm_buf *state)
{
	_cleanup_close_ int fd = -1;
	char partial[64];
	int r;

	snprintf(partial, sizeof(partial), ".%s.partial", name);
	(void)unlinkat(dirfd, partial, 0);
	fd = openat(dirfd, partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	r = mf_file_write(fd, state->p, state->len);
	if (r >= 0 && close(mf_steal_fd(&fd)) < 0)
		r = -errno;
	/* a rename over a file makes some file systems write it out at once: take the old one away
	 */
	if (r >= 0 && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r >= 0 && renameat(dirfd, partial, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, partial, 0);
	return r;
}
