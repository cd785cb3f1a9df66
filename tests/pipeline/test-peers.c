/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When no peer is asked, and that a peer without an answer is no failure. With a real web server:
 * tests/road/prefetch.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include <string.h>
#include "src/pipeline/peers.h"

static struct mf_plan_item item = {
	.name = (char *)"one", .evr = (char *)"1-1", .arch = (char *)"x86_64", .size = 5
};

static void without_a_peer_nothing_happens(void **state)
{
	struct root *r = *state;
	struct mf_fetched fetched = { .fd = -1 };
	struct mf_run run = { .plan = { .items = &item, .n = 1 } };

	mf_peers_fetch(&r->ctx, &run, &fetched);
	assert_int_equal(fetched.fd, -1);
	assert_int_equal(item.taken_from, MF_TAKEN_FROM_REPOSITORY);
}

static void a_peer_without_an_answer_is_no_failure(void **state)
{
	struct root *r = *state;
	struct mf_fetched fetched = { .fd = -1 };
	struct mf_run run = { .plan = { .items = &item, .n = 1 } };

	r->ctx.settings.peers = strdup("http://127.0.0.1:1/packages");
	r->ctx.settings.max_package = 100;
	mf_fail(&r->ctx, MF_STAGE_FETCH, -MFE_STALE, "before", NULL);
	mf_peers_fetch(&r->ctx, &run, &fetched);
	assert_int_equal(fetched.fd, -1);
	assert_int_equal(item.taken_from, MF_TAKEN_FROM_REPOSITORY);
	assert_int_equal(r->ctx.failure.code, -MFE_STALE);
}

static void what_is_there_is_not_asked_for(void **state)
{
	struct root *r = *state;
	struct mf_fetched fetched = { .fd = mf_memfile_new("package"), .size = 5 };
	struct mf_run run = { .plan = { .items = &item, .n = 1 } };
	int fd = fetched.fd;

	r->ctx.settings.peers = strdup("http://127.0.0.1:1/packages");
	mf_peers_fetch(&r->ctx, &run, &fetched);
	assert_int_equal(fetched.fd, fd);
	mf_fetched_done(&fetched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_a_peer_nothing_happens),
		ROOTED(a_peer_without_an_answer_is_no_failure),
		ROOTED(what_is_there_is_not_asked_for),
	};

	return UNIT_RUN(tests);
}
