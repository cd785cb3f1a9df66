/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of packages of other kernels: which they are, and which packages they mean. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/primary.h"
#include "modfetch/trie.h"
#include "src/repo/shared.h"

#define OLD "amd64-6.1.0_55"

/* primary.h gives each package a digest that begins with zeros */
#define LIST "kernel-shared-driver-" TAG

static void a_list_is_known_by_its_name(void **state)
{
	static const char *const none[] = {
		"kernel-shared-driver-",	"kernel-shared-driver-amd64",
		"kernel-shared-driver-a/b-1",	"e1000e-kmp-" TAG,
		"my-kernel-shared-driver-" TAG,
	};

	assert_string_equal(mf_shared_tag(LIST), TAG);
	for (size_t i = 0; i < N(none); i++)
		assert_null(mf_shared_tag(none[i]));
}

/* The packages that the last one, a list with these provides, names. */
static size_t served(const char *provides, const char **ret_name)
{
	static char name[100];
	const struct primary packages[] = {
		{ .name = "e1000e-kmp-" OLD, .evr = "1-1", .provides = "kmod(e1000e.ko)" },
		{ .name = "other-kmp-" OLD, .evr = "1-1", .provides = "e1000e-kmp-" OLD },
		{ .name = LIST, .evr = "1-1", .provides = provides },
	};
	struct mf_pool *pool = primary_pool(packages, N(packages));
	struct mf_package package;
	int *ids = NULL;
	size_t n = 0;

	mf_pool_ready(pool);
	assert_int_equal(mf_shared_packages(pool, primary_provider(pool, LIST, NULL), &ids, &n), 0);
	if (n) {
		mf_pool_package(pool, ids[0], &package);
		snprintf(name, sizeof(name), "%s", package.name);
		*ret_name = name;
	}
	free(ids);
	mf_pool_free(pool);
	return n;
}

static void a_package_counts_with_its_name_and_digest(void **state)
{
	static const char *const none[] = {
		"shared-kmp(e1000e-kmp-" OLD ")",
		"shared-kmp(e1000e-kmp-" OLD ")=1000000000000000",
		"shared-kmp(e1000e-kmp-" OLD ")=00000000", /* too short to tell */
		"shared-kmp(nobody-kmp-" OLD ")=0000000000000000",
		"shared-kmp(e1000e-kmp-" OLD "=0000000000000000",
		"kmod(e1000e.ko)=0000000000000000",
	};
	const char *name;

	assert_int_equal(served("shared-kmp(e1000e-kmp-" OLD ")=0000000000000000", &name), 1);
	assert_string_equal(name, "e1000e-kmp-" OLD);
	for (size_t i = 0; i < N(none); i++)
		assert_int_equal(served(none[i], &name), 0);
}

static const struct primary machine[] = {
	{ .name = "e1000e-kmp-" OLD,
	  .evr = "1-1",
	  .provides = "kmod(e1000e.ko) kalias(" OLD ":nic)",
	  .suggests = "ptp-kmp-" OLD,
	  .supplements = "modalias(kernel-" OLD ":pci:v8086*)" },
	{ .name = "ptp-kmp-" OLD, .evr = "1-1", .provides = "kmod(ptp.ko)" },
	{ .name = "igb-kmp-" OLD,
	  .evr = "1-1",
	  .provides = "kmod(igb.ko)",
	  .supplements = "modalias(kernel-" OLD ":pci:v9999*)" },
	{ .name = LIST,
	  .evr = "1-1",
	  .provides = "shared-kmp(e1000e-kmp-" OLD ")=0000000000000000 "
		      "shared-kmp(ptp-kmp-" OLD ")=0000000000000000" },
};

static int note(void *arg, const char *key, const char *value, uint32_t priority)
{
	char *text = arg;

	snprintf(text + strlen(text), 1000 - strlen(text), "%s=%s;", key, value);
	return 0;
}

static const char *content(struct root *r, const char *name)
{
	static char text[1000];
	int dirfd = mf_cache_open(&r->ctx, "test", NULL);
	struct mf_trie *trie;

	*text = '\0';
	assert_true(dirfd >= 0);
	assert_int_equal(mf_trie_open_at(dirfd, name, &trie), 0);
	close(dirfd);
	assert_int_equal(mf_trie_walk(trie, note, text), 0);
	mf_trie_free(trie);
	return text;
}

static void a_kernel_without_packages_of_its_own_has_those_of_its_list(void **state)
{
	struct root *r = *state;

	assert_int_equal(primary_cache(&r->ctx, "test", machine, N(machine), 1), 0);
	assert_string_equal(content(r, "alias-" TAG ".bin"), "nic=e1000e;pci:v8086*=e1000e;");
	assert_string_equal(content(r, "name-" TAG ".bin"),
			    "e1000e=e1000e-kmp-" OLD ";ptp=ptp-kmp-" OLD ";");
	assert_string_equal(content(r, "request-" TAG ".bin"), "ptp=e1000e;");
	/* the other kernel has what it had */
	assert_string_equal(content(r, "alias-" OLD ".bin"),
			    "nic=e1000e;pci:v8086*=e1000e;pci:v9999*=igb;");
	assert_non_null(strstr(content(r, "name-" OLD ".bin"), "igb=igb-kmp-" OLD ";"));
}

static void the_pool_of_the_kernel_has_them(void **state)
{
	static const struct {
		const char *file;
		size_t n;
	} lists[] = {
		{ "packages-" TAG ".solv", 3 },
		{ "plan-" TAG ".solv", 3 },
		{ "packages-" OLD ".solv", 3 },
	};
	struct root *r = *state;

	assert_int_equal(primary_cache(&r->ctx, "test", machine, N(machine), 1), 0);
	for (size_t i = 0; i < N(lists); i++) {
		int dirfd = mf_cache_open(&r->ctx, "test", NULL), *ids;
		int fd = openat(dirfd, lists[i].file, O_RDONLY | O_CLOEXEC);
		struct mf_pool *pool;
		size_t n;

		assert_true(fd >= 0);
		assert_int_equal(mf_pool_new("x86_64", &pool), 0);
		assert_int_equal(strstr(lists[i].file, "plan") ? mf_pool_add_plan(pool, fd, 0, 99)
							       : mf_pool_add_cache(pool, fd, 0, 99),
				 0);
		assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
		assert_int_equal(n, lists[i].n);
		free(ids);
		mf_pool_free(pool);
		close(fd);
		close(dirfd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_list_is_known_by_its_name),
		UNIT(a_package_counts_with_its_name_and_digest),
		ROOTED(a_kernel_without_packages_of_its_own_has_those_of_its_list),
		ROOTED(the_pool_of_the_kernel_has_them),
	};

	return UNIT_RUN(tests);
}
