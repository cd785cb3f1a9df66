/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packages of a plan come from the mirrors of their repositories, with the known size and digest. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/strings.h"
#include "modfetch/pipeline.h"
#include "tests/root.h"

#define TEXT "a package"

struct scene {
	struct mf_repo repo[2];
	struct mf_repos repos;
	struct mf_plan_item items[2];
	struct mf_fetched fetched[2];
	struct mf_run run;
};

/* Two packages, each of a repository in a directory of its own; only the first has its file. */
static void scene_init(struct root *r, struct scene *s)
{
	static char name[] = "one", other[] = "two", location[] = "one.rpm", missing[] = "two.rpm";

	*s = (struct scene){
		.items = { { .name = name, .location = location, .size = strlen(TEXT) },
			   { .name = other, .location = missing, .repo = 1, .size = 1 } }
	};
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *url = mf_format("file://%s/repo%zu", r->path, i);

		assert_non_null(url);
		assert_int_equal(mf_strings_add(&s->repo[i].baseurls, url), 0);
	}
	s->repos = (struct mf_repos){ .v = s->repo, .n = 2 };
	s->run.plan = (struct mf_plan){ .items = s->items, .n = 1 };
	mf_sha256(TEXT, strlen(TEXT), s->items[0].sha256);
	root_write(r, "repo0/one.rpm", TEXT);
	root_write(r, "repo1/other", "");
	r->ctx.settings.max_package = 1 << 20;
}

static void scene_done(struct scene *s)
{
	for (size_t i = 0; i < 2; i++) {
		mf_fetched_done(&s->fetched[i]);
		mf_strings_done(&s->repo[i].baseurls);
	}
}

static void a_package_comes_from_its_repository(void **state)
{
	struct root *r = *state;
	struct scene s;
	char text[32] = "";

	scene_init(r, &s);
	assert_int_equal(mf_download(&r->ctx, &s.repos, &s.run, s.fetched), 0);
	assert_int_equal(s.fetched[0].size, strlen(TEXT));
	assert_int_equal(pread(s.fetched[0].fd, text, sizeof(text), 0), strlen(TEXT));
	assert_string_equal(text, TEXT);
	assert_int_equal(s.run.fault, MF_FAULT_NONE);
	scene_done(&s);
}

static void a_missing_or_changed_one_is_a_fault_of_the_package(void **state)
{
	struct root *r = *state;
	struct scene s;

	scene_init(r, &s);
	s.run.plan.n = 2;
	assert_int_equal(mf_download(&r->ctx, &s.repos, &s.run, s.fetched), -MFE_HTTP_STATUS);
	assert_int_equal(s.run.fault, MF_FAULT_PACKAGE);
	assert_int_equal(s.run.fault_repo, 1);
	scene_done(&s);
	scene_init(r, &s);
	s.items[0].sha256[0] ^= 1;
	assert_int_equal(mf_download(&r->ctx, &s.repos, &s.run, s.fetched), -MFE_BAD_DIGEST);
	assert_int_equal(s.run.fault, MF_FAULT_PACKAGE);
	assert_int_equal(s.fetched[0].fd, -1);
	scene_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_comes_from_its_repository),
		ROOTED(a_missing_or_changed_one_is_a_fault_of_the_package),
	};

	return UNIT_RUN(tests);
}
