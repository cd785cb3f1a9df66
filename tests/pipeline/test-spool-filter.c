/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The entries of the spool that a pass leaves out. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/drain.h"
#include "src/pipeline/spool-filter.h"
#include "src/pipeline/tries.h"

struct spool {
	int fd;
	struct mf_spool_entry *v;
	size_t n;
};

static void put(int fd, const char *modalias, uint64_t at, const char *devpath)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { .decided_us = at };

	e.modalias = strdup(modalias);
	assert_int_equal(mf_strings_add(&e.devpaths, devpath), 0);
	assert_int_equal(mf_spool_put(fd, &e), 0);
}

static void read_all(struct spool *s)
{
	size_t damaged;

	assert_int_equal(mf_spool_read(s->fd, &s->v, &s->n, &damaged), 0);
}

static void done(struct spool *s)
{
	for (size_t i = 0; i < s->n; i++)
		mf_spool_entry_done(&s->v[i]);
	free(s->v);
	*s = (struct spool){ .fd = s->fd };
}

static void only_an_entry_that_crashed_twice_is_set_aside(void **state)
{
	struct root *r = *state;
	struct spool s = { .fd = mf_spool_open(&r->ctx) };
	_cleanup_free_ char *history = NULL;
	size_t aside;

	put(s.fd, "pci:v1", 1, "/devices/a");
	put(s.fd, "pci:v2", 2, "/devices/b");
	put(s.fd, "pci:v3", 3, "/devices/c");
	read_all(&s);
	s.v[0].tries = MF_TRIES_MAX - 1;
	s.v[1].tries = MF_TRIES_MAX;
	assert_int_equal(mf_spool_filter(&r->ctx, s.fd, s.v, &s.n, &aside), 0);
	assert_int_equal(aside, 1);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[0].modalias, "pci:v1");
	assert_string_equal(s.v[1].modalias, "pci:v3");
	assert_int_equal(r->ctx.failure.code, -MFE_SET_ASIDE);
	assert_string_equal(r->ctx.failure.what, "pci:v2");
	history = root_read(r, "var/lib/modfetch/history");
	assert_non_null(strstr(history, "\"code\":\"SET-ASIDE\""));
	assert_non_null(strstr(history, "\"query\":\"pci:v2\""));
	done(&s);
	read_all(&s);
	assert_int_equal(s.n, 2);
	done(&s);
	close(s.fd);
}

static void a_new_event_does_not_run_an_entry_set_aside(void **state)
{
	struct root *r = *state;
	struct spool s = { .fd = mf_spool_open(&r->ctx) };
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	size_t n;

	put(s.fd, "pci:v2", 2, "/devices/b");
	read_all(&s);
	s.v[0].tries = MF_TRIES_MAX;
	assert_int_equal(mf_spool_filter(&r->ctx, s.fd, s.v, &s.n, &n), 0);
	done(&s);
	put(s.fd, "pci:v2", 3, "/devices/again");
	read_all(&s);
	assert_int_equal(mf_spool_filter(&r->ctx, s.fd, s.v, &s.n, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(s.n, 0);
	done(&s);
	assert_int_equal(mf_aside_read(&r->ctx, &aside), 0);
	assert_int_equal(aside.n, 1);
	assert_int_equal(aside.v[0].entry.devpaths.n, 2);
	close(s.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(only_an_entry_that_crashed_twice_is_set_aside),
		ROOTED(a_new_event_does_not_run_an_entry_set_aside),
	};

	return UNIT_RUN(tests);
}
