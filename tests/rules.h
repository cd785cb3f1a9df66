/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_RULES_H
#define TESTS_RULES_H
/* A root with rules in policy.d, for the tests of rules. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/rules.h"

struct rules_machine {
	char root[64];
	struct mf_context ctx;
};

static inline int rules_setup(void **state)
{
	struct rules_machine *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/test-rules-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, "6.1.0-1-test"), 0);
	f->ctx.log_level = MF_LOG_ERROR;
	*state = f;
	return 0;
}

static inline int rules_teardown(void **state)
{
	struct rules_machine *f = *state;

	assert_int_equal(mf_tree_remove(AT_FDCWD, f->root), 0);
	mf_context_done(&f->ctx);
	free(f);
	return 0;
}

static inline void rules_put(struct rules_machine *f, const char *name, const char *text)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&f->ctx, MF_RULES_DIRECTORY);

	assert_true(dirfd >= 0);
	assert_int_equal(mf_file_publish(dirfd, name, 0644, text, strlen(text)), 0);
}

static inline char *rules_get(struct rules_machine *f, const char *name)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&f->ctx, MF_RULES_DIRECTORY);
	char *text = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(dirfd, name, 65536, &text, &len), 0);
	return text;
}

static inline struct mf_rules *rules_read(struct rules_machine *f)
{
	struct mf_rules *rules = NULL;

	assert_int_equal(mf_rules_read(&f->ctx, &rules), 0);
	return rules;
}

#endif
