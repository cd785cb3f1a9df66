/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The oracle is libkmod, for lookups in depmod's indexes of a real kernel. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/process.h"
#include "modfetch/trie.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/trees.h"

/* alias lines of modules.alias, and the open index beside it */
struct real {
	char dir[64];
	struct mf_trie *alias;
	char **patterns;
	size_t n;
};

static void normalise(char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '[')
			pattern += strcspn(pattern, "]");
		else if (*pattern == '-')
			*pattern = '_';
	}
}

static void read_patterns(struct real *real)
{
	char path[128], pattern[4096], module[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/modules.alias", real->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	real->patterns = calloc(100000, sizeof(char *));
	assert_int_equal(fscanf(f, "# %*[^\n]\n"), 0);
	while (fscanf(f, "alias %4095s %127s\n", pattern, module) == 2) {
		char *line;

		normalise(pattern);
		assert_true(asprintf(&line, "%s %s", pattern, module) > 0);
		real->patterns[real->n++] = line;
		assert_true(real->n < 100000);
	}
	assert_true(feof(f));
	fclose(f);
	assert_true(real->n > 20000);
}

static int set_up(void **state)
{
	struct real *real = calloc(1, sizeof(*real));
	char command[1024], *scratch = strdup("/tmp/test-trie.XXXXXX");
	int fd;

	assert_non_null(mkdtemp(scratch));
	snprintf(command, sizeof(command),
		 "mkdir -p %s/lib/modules && cp -as %s %s/lib/modules/1.2.3 && depmod -b %s 1.2.3",
		 scratch, tree_of("default"), scratch, scratch);
	assert_int_equal(system(command), 0);
	snprintf(real->dir, sizeof(real->dir), "%s/lib/modules/1.2.3", scratch);
	fd = open(real->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mf_trie_open_at(fd, "modules.alias.bin", &real->alias), 0);
	close(fd);
	read_patterns(real);
	snprintf(command, sizeof(command), "rm -rf %s", scratch);
	assert_int_equal(system(command), 0);
	free(scratch);
	*state = real;
	return 0;
}

static int tear_down(void **state)
{
	struct real *real = *state;

	mf_trie_free(real->alias);
	for (size_t i = 0; i < real->n; i++)
		free(real->patterns[i]);
	free(real->patterns);
	free(real);
	return 0;
}

struct found {
	char lines[512][256];
	size_t n;
};

static int collect(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct found *found = arg;

	assert_true(found->n < 512);
	snprintf(found->lines[found->n++], 256, "%s %s", key, value);
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The matches of NAME in the text file, sorted. */
static void expect(const struct real *real, const char *name, struct found *found)
{
	found->n = 0;
	for (size_t i = 0; i < real->n; i++) {
		char pattern[4096];

		snprintf(pattern, sizeof(pattern), "%s", real->patterns[i]);
		*strchr(pattern, ' ') = '\0';
		if (!fnmatch(pattern, name, 0))
			snprintf(found->lines[found->n++], 256, "%s", real->patterns[i]);
	}
	qsort(found->lines, found->n, sizeof(*found->lines), by_line);
}

/* A name the pattern matches: wildcards become a letter or nothing. */
static void instance(const char *pattern, size_t seed, char *name)
{
	for (; *pattern && *pattern != ' '; pattern++) {
		if (*pattern == '*') {
			if (seed & 1)
				*name++ = '0';
		} else if (*pattern == '[') {
			*name++ = pattern[1];
			pattern += strcspn(pattern, "]");
		} else {
			*name++ = *pattern == '?' ? 'x' : *pattern;
		}
	}
	*name = '\0';
}

static void a_name_finds_the_patterns_that_match_it(void **state)
{
	struct real *real = *state;
	struct found *want = malloc(sizeof(*want)), *got = malloc(sizeof(*got));
	size_t with_many = 0;

	for (size_t i = 0; i < real->n; i += 17) {
		char name[4096];

		instance(real->patterns[i], i, name);
		expect(real, name, want);
		got->n = 0;
		assert_int_equal(mf_trie_match(real->alias, name, collect, got), 0);
		qsort(got->lines, got->n, sizeof(*got->lines), by_line);
		assert_true(want->n > 0);
		assert_int_equal(got->n, want->n);
		for (size_t k = 0; k < want->n; k++)
			assert_string_equal(got->lines[k], want->lines[k]);
		with_many += want->n > 1;
	}
	assert_true(with_many > 20);
	got->n = 0;
	assert_int_equal(mf_trie_match(real->alias, "pci:nothing", collect, got), 0);
	assert_int_equal(mf_trie_match(real->alias, "", collect, got), 0);
	assert_int_equal(got->n, 0);
	free(want);
	free(got);
}

static void a_key_finds_its_own_values_only(void **state)
{
	struct real *real = *state;
	struct found *got = malloc(sizeof(*got));

	for (size_t i = 0; i < real->n; i += 13) {
		char key[4096];
		bool seen = false;

		snprintf(key, sizeof(key), "%s", real->patterns[i]);
		*strchr(key, ' ') = '\0';
		got->n = 0;
		assert_int_equal(mf_trie_find(real->alias, key, collect, got), 0);
		for (size_t k = 0; k < got->n; k++) {
			assert_int_equal(strncmp(got->lines[k], key, strlen(key)), 0);
			assert_int_equal(got->lines[k][strlen(key)], ' ');
			seen |= !strcmp(got->lines[k], real->patterns[i]);
		}
		assert_true(seen);
	}
	got->n = 0;
	assert_int_equal(mf_trie_find(real->alias, "fs_xf", collect, got), 0);
	assert_int_equal(mf_trie_find(real->alias, "fs_xfss", collect, got), 0);
	assert_int_equal(got->n, 0);
	free(got);
}

static int count(void *arg, const char *key, const char *value, uint32_t priority)
{
	++*(size_t *)arg;
	return 0;
}

static void a_walk_sees_everything(void **state)
{
	struct real *real = *state;
	size_t n = 0;

	assert_int_equal(mf_trie_walk(real->alias, count, &n), 0);
	assert_int_equal(n, real->n);
}

/* Counts the keys, which have no colon. */
static int count_words(void *arg, const char *key, const char *value, uint32_t priority)
{
	assert_null(strchr(key, ':'));
	return count(arg, key, value, priority);
}

static int count_without_colon(void *arg, const char *key, const char *value, uint32_t priority)
{
	*(size_t *)arg += !strchr(key, ':');
	return 0;
}

static void a_walk_without_a_byte_sees_all_other_keys(void **state)
{
	struct real *real = *state;
	size_t n = 0, wanted = 0;

	assert_int_equal(mf_trie_walk(real->alias, count_without_colon, &wanted), 0);
	assert_uint_in_range(wanted, 1, real->n - 1);
	assert_int_equal(mf_trie_walk_without(real->alias, ':', count_words, &n), 0);
	assert_int_equal(n, wanted);
}

static int end_walk(void *arg, const char *key, const char *value, uint32_t priority)
{
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void a_visitor_can_end_the_walk(void **state)
{
	struct real *real = *state;
	int n = 0;

	assert_int_equal(mf_trie_walk(real->alias, end_walk, &n), 42);
	assert_int_equal(n, 3);
}

#define HEAD "\xb0\x07\xf4\x57\0\2\0\1"

static void damaged_files_are_refused_or_end_as_damage(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		/* a node that is its own child; the budget ends the walk */
		{ HEAD "\x20\0\0\x0c"
		       "aa\x20\0\0\x0c",
		  18 },
		{ HEAD "\x80\0\0\x0c"
		       "abc",
		  15 }, /* a prefix without a final NUL */
		{ HEAD "\x20\0\0\x0c"
		       "az\0\0\0\0",
		  18 }, /* 26 children in 4 bytes */
		{ HEAD "\x20\0\0\x0c"
		       "za\0\0\0\0",
		  18 }, /* last before first */
		{ HEAD "\x40\0\0\x0c"
		       "\0\0\0\2\0\0\0\0v\0",
		  22 }, /* a count of two values, but only one */
		{ HEAD "\x40\0\0\x0c"
		       "\xff\xff\xff\xff",
		  16 },
		{ HEAD "\x4f\xff\xff\xff", 12 }, /* a root outside of the file */
		{ HEAD "\x40\0\0\0", 12 },	 /* a root in the header */
	};
	struct mf_trie *trie;
	size_t n = 0;

	assert_int_equal(mf_trie_new(HEAD, 8, &trie), -EBADMSG);
	assert_int_equal(mf_trie_new("\xb0\x07\xf4\x57\0\3\0\1\0\0\0\x0c", 12, &trie), -EBADMSG);
	assert_int_equal(mf_trie_new("\xb0\x07\xfa\x57\0\2\0\1\0\0\0\x0c", 12, &trie), -EBADMSG);
	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		assert_int_equal(mf_trie_new(bad[i].bytes, bad[i].len, &trie), 0);
		assert_int_equal(mf_trie_walk(trie, count, &n), -EBADMSG);
		mf_trie_free(trie);
	}
	assert_int_equal(mf_trie_open_at(AT_FDCWD, "/nowhere", &trie), -ENOENT);
	assert_int_equal(mf_trie_open_at(AT_FDCWD, "/dev/null", &trie), -EBADMSG);
	assert_int_equal(mf_trie_open_at(AT_FDCWD, "/", &trie), -EBADMSG);
}

static int count_some(void *arg, const char *key, const char *value, uint32_t priority)
{
	size_t *n = arg;

	return ++*n > 1000;
}

/* Nodes that share their children are many keys in few bytes: as many are visited as fit the file. */
static void shared_nodes_cost_no_more_than_the_file_is_long(void **state)
{
	enum { LEVELS = 40, NODE = 10 };
	uint8_t file[12 + LEVELS * NODE + 10] = HEAD "\x20\0\0\x0c";
	struct mf_trie *trie;
	size_t n = 0;

	for (size_t i = 0; i < LEVELS; i++) {
		uint8_t *node = file + 12 + i * NODE;
		size_t next = 12 + (i + 1) * NODE;

		memcpy(node, "ab", 2);
		for (size_t child = 0; child < 2; child++) {
			uint8_t *ref = node + 2 + 4 * child;

			ref[0] = i + 1 < LEVELS ? 0x20 : 0x40;
			ref[2] = (uint8_t)(next >> 8);
			ref[3] = (uint8_t)next;
		}
	}
	memcpy(file + 12 + LEVELS * NODE, "\0\0\0\1\0\0\0\0v", 10);
	assert_int_equal(mf_trie_new(file, sizeof(file), &trie), 0);
	assert_int_equal(mf_trie_walk(trie, count_some, &n), -EBADMSG);
	assert_uint_in_range(n, 1, sizeof(file));
	assert_int_equal(
		mf_trie_match(trie, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", count_some, &n), 0);
	mf_trie_free(trie);
}

static void a_file_that_is_cut_meanwhile_is_damaged(void **state)
{
	char path[] = "/tmp/test-trie-cut.XXXXXX";
	int fd = mkstemp(path);
	struct mf_trie *trie;
	size_t n = 0;

	/* cmocka replaces the handler before each test */
	mf_bus_errors();
	/* the root lies in the third page */
	assert_int_equal(pwrite(fd, HEAD "\x40\0\x20\0", 12, 0), 12);
	assert_int_equal(ftruncate(fd, 12288), 0);
	assert_int_equal(mf_trie_open_at(AT_FDCWD, path, &trie), 0);
	assert_int_equal(mf_trie_walk(trie, count, &n), 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(mf_trie_walk(trie, count, &n), -EBADMSG);
	assert_int_equal(mf_trie_match(trie, "pci", count, &n), -EBADMSG);
	assert_int_equal(mf_trie_find(trie, "pci", count, &n), -EBADMSG);
	mf_trie_free(trie);
	/* even its first page */
	assert_int_equal(ftruncate(fd, 12288), 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_name_finds_the_patterns_that_match_it),
		UNIT(a_key_finds_its_own_values_only),
		UNIT(a_walk_sees_everything),
		UNIT(a_walk_without_a_byte_sees_all_other_keys),
		UNIT(a_visitor_can_end_the_walk),
		UNIT(damaged_files_are_refused_or_end_as_damage),
		UNIT(shared_nodes_cost_no_more_than_the_file_is_long),
		UNIT(a_file_that_is_cut_meanwhile_is_damaged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
