/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state: what each module said when it was last read, in two files beside the indexes.
 *
 * modules.modfetch is the base. What was read since the base was written is in
 * modules.modfetch.recent, together with the list of the base's records that are out of use: so one
 * more module costs a small file, not the facts of thousands written again. When the recent part
 * has grown (match.c says when), a run writes a new base of all facts.
 *
 * Both are caches: without one, or with a damaged one, a run writes new ones. Layout:
 *	struct dm_state_head	digests of the head and of the rest, the digest of the base that a
 *			recent part belongs to, how many items each part has, what the last run did
 *	records		struct dm_record: a file of the tree, its numbers, and which of the items
 *			below are its own
 *	symbols		struct dm_symbol: every name exported or imported, sorted by name
 *	aliases		struct dm_alias: each as the module has it and as the index has it
 *	exports, imports	uint32_t: a symbol; of an import the top bit: weak
 *	extras		struct dm_extra: soft and weak dependencies
 *	alias_order	uint32_t: the aliases that an index can have, sorted
 *	gone		uint32_t: records of the base that are out of use, rising
 *	strings		the target of all other offsets; each is NUL-ended
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
#include "modfetch/table.h"
#include "state.h"

static uint64_t part_bytes(const struct dm_state_head *head, enum dm_part part)
{
	return ((uint64_t)head->counts[part] * dm_part_size(part) + 7) / 8 * 8;
}

/* Where a part begins; of DM_N_PARTS: where the file ends. */
static uint64_t part_at(const struct dm_state_head *head, enum dm_part part)
{
	uint64_t at = sizeof(*head);

	for (enum dm_part p = DM_PART_RECORDS; p < part; p++)
		at += part_bytes(head, p);
	return at;
}

static uint64_t head_digest(const struct dm_state_head *head)
{
	return mf_hash(head, offsetof(struct dm_state_head, head_digest));
}

static bool is_head(const struct dm_state_head *head, size_t len)
{
	return !memcmp(head->magic, DM_STATE_MAGIC, sizeof(DM_STATE_MAGIC)) &&
	       head->version == DM_STATE_VERSION && head->byte_order == DM_STATE_BYTE_ORDER &&
	       head->len == len && head->head_digest == head_digest(head) &&
	       part_at(head, DM_N_PARTS) == len;
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
		    below(s->alias_order, s->n_alias_order, UINT32_MAX, s->n_aliases);

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

static struct dm_segment segment_in(const uint8_t *p, const struct dm_state_head *head)
{
	const void *parts[DM_N_PARTS];

	for (enum dm_part part = DM_PART_RECORDS; part < DM_N_PARTS; part++)
		parts[part] = p + part_at(head, part);
	return dm_segment_of(parts, head->counts);
}

static bool check_gone(const uint32_t *gone, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (gone[i] <= gone[i - 1])
			return false;
	return true;
}

int dm_state_parse(const void *buf, size_t len, struct dm_state_file *ret_file)
{
	const struct dm_state_head *head = buf;
	struct dm_state_file file = { .head = head };

	if (len < sizeof(*head) || !is_head(head, len) ||
	    mf_hash(head + 1, len - sizeof(*head)) != head->digest)
		return 1;
	file.segment = segment_in(buf, head);
	file.gone = (const void *)((const char *)buf + part_at(head, DM_PART_GONE));
	file.n_gone = head->counts[DM_PART_GONE];
	if (!check_segment(&file.segment) || !check_gone(file.gone, file.n_gone))
		return 1;
	*ret_file = file;
	return 0;
}

/* Maps and parses one file. 0, or 1: it cannot be used. */
static int state_read_file(int dirfd, const char *name, struct dm_state_file *ret_file,
			   void **ret_map, size_t *ret_len)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)sizeof(struct dm_state_head))
		return 1;
	/* only we write it, and never in place: it cannot shrink under us, but its disk can fail */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return 1;
	if (mf_bus_populate(map, (size_t)st.st_size) < 0 ||
	    dm_state_parse(map, (size_t)st.st_size, ret_file)) {
		munmap(map, (size_t)st.st_size);
		return 1;
	}
	*ret_map = map;
	*ret_len = (size_t)st.st_size;
	return 0;
}

int dm_state_read(int dirfd, struct dm_state *ret_state)
{
	struct dm_state state = { 0 };
	struct dm_state_file base, recent;

	*ret_state = state;
	if (state_read_file(dirfd, DM_STATE_NAME, &base, &state.maps[0].p, &state.maps[0].len))
		return 1;
	if (base.head->base || base.n_gone) {
		dm_state_done(&state);
		return 1;
	}
	state.base = base.segment;
	state.id = base.head->digest;
	state.done = base.head->done;
	if (!state_read_file(dirfd, DM_RECENT_NAME, &recent, &state.maps[1].p,
			     &state.maps[1].len) &&
	    recent.head->base == state.id &&
	    (!recent.n_gone || recent.gone[recent.n_gone - 1] < base.segment.n_records)) {
		state.recent = recent.segment;
		state.gone = recent.gone;
		state.n_gone = recent.n_gone;
		state.done = recent.head->done;
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

int dm_state_build(const struct dm_buf parts[DM_N_PARTS], struct dm_buf *ret_state)
{
	struct dm_state_head head = {
		.magic = DM_STATE_MAGIC,
		.version = DM_STATE_VERSION,
		.byte_order = DM_STATE_BYTE_ORDER,
	};
	static const char zeros[8] = { 0 };
	struct dm_buf buf = { 0 };

	for (enum dm_part p = DM_PART_RECORDS; p < DM_N_PARTS; p++) {
		if (parts[p].failed || parts[p].len > UINT32_MAX)
			return -ENOMEM;
		head.counts[p] = (uint32_t)(parts[p].len / dm_part_size(p));
	}
	head.len = part_at(&head, DM_N_PARTS);
	if (!dm_buf_reserve(&buf, head.len))
		return -ENOMEM;
	dm_buf_add(&buf, &head, sizeof(head));
	for (enum dm_part p = DM_PART_RECORDS; p < DM_N_PARTS; p++) {
		dm_buf_add(&buf, parts[p].p, parts[p].len);
		dm_buf_add(&buf, zeros, part_bytes(&head, p) - parts[p].len);
	}
	*ret_state = buf;
	return 0;
}

void dm_state_seal(struct dm_buf *state, const struct dm_done *done, uint64_t base)
{
	struct dm_state_head *head = (struct dm_state_head *)(void *)state->p;

	head->done = *done;
	head->base = base;
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
