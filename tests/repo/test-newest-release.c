/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The newest kernel of a flavor that a cache has packages for. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/repo/newest-release.h"

/* Of the cache in "c", for the kernel of the root. "": none. */
static const char *newest(struct root *r)
{
	static char text[100];
	struct mf_release release;
	int fd = openat(r->fd, "c", O_RDONLY | O_DIRECTORY);
	char *found;

	assert_true(fd >= 0);
	assert_int_equal(mf_release_parse(KERNEL, NULL, &release), 0);
	found = repo_newest_release(fd, &release);
	snprintf(text, sizeof(text), "%s", found ? found : "");
	free(found);
	close(fd);
	return text;
}

static void the_newest_of_the_flavor_counts(void **state)
{
	static const char *const others[] = {
		"c/packages-cloud-amd64-6.9.0_1.solv",
		"c/packages-amd64-6.2.0_1.bin",
		"c/plan-amd64-6.3.0_1.solv",
		"c/packages-other.solv",
		"c/packages-amd64.solv",
		"c/packages-rt-6.4.0_1.solv",
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		root_write(r, others[i], "");
	assert_string_equal(newest(r), "");
	root_write(r, "c/packages-amd64-6.1.0_9.solv", "");
	assert_string_equal(newest(r), "6.1.0-9-amd64");
	root_write(r, "c/packages-amd64-6.1.0_10.solv", "");
	assert_string_equal(newest(r), "6.1.0-10-amd64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_newest_of_the_flavor_counts),
	};

	return UNIT_RUN(tests);
}
