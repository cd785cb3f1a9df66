/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root that stands for another machine: its content, its configuration, and its end. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/libkmod.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "src/travel/replica.h"

static void list_init(struct mf_list *list)
{
	static const struct {
		enum mf_list_kind kind;
		const char *value;
	} lines[] = {
		{ MF_LIST_PRESENT, "loop" },	      { MF_LIST_PRESENT, "vfat" },
		{ MF_LIST_BUILTIN, "ext4" },	      { MF_LIST_FIRMWARE, "a" },
		{ MF_LIST_FIRMWARE, "a/b" },	      { MF_LIST_FIRMWARE, "c/d" },
		{ MF_LIST_FILE, "/usr/sbin/depmod" }, { MF_LIST_EXPORT, "1a2b foo vmlinux" },
	};

	*list = (struct mf_list){ .kernel = strdup("6.9.9-arm64"),
				  .machine = strdup("aarch64"),
				  .releasever = strdup("13") };
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(mf_strings_add(&list->lines[lines[i].kind], lines[i].value), 0);
}

static int on_symbol(void *arg, const char *symbol, const char *crc, const char *module)
{
	assert_string_equal(symbol, "foo");
	assert_string_equal(crc, "1a2b");
	assert_string_equal(module, "vmlinux");
	(*(int *)arg)++;
	return 0;
}

static void the_machine_of_the_list_is_there_and_goes(void **state)
{
	struct root *r = *state;
	struct travel_replica replica = { 0 };
	struct mf_kmod *kmod;
	struct mf_list list;
	struct stat st;
	char *path, *url;
	int symbols = 0;

	list_init(&list);
	assert_int_equal(travel_replica_make(&r->ctx, &list, false, &replica), 0);
	assert_string_equal(replica.ctx.kernel, "6.9.9-arm64");
	assert_true(replica.ctx.is_replica);
	assert_int_equal(mf_kmod_new(&replica.ctx, &kmod), 0);
	assert_int_equal(mf_kmod_presence(kmod, "loop"), MF_ON_DISK);
	assert_int_equal(mf_kmod_presence(kmod, "vfat"), MF_ON_DISK);
	assert_int_equal(mf_kmod_presence(kmod, "ext4"), MF_BUILTIN);
	assert_int_equal(mf_kmod_presence(kmod, "xfs"), MF_ABSENT);
	mf_kmod_free(kmod);
	assert_int_equal(mf_symvers_read(&replica.ctx, on_symbol, &symbols), 0);
	assert_int_equal(symbols, 1);
	for (const char *const *name = (const char *const[]){ "lib/firmware/a", "lib/firmware/c/d",
							      "usr/sbin/depmod", NULL };
	     *name; name++) {
		int fd = mf_context_open(&replica.ctx, *name, O_PATH);

		assert_true(fd >= 0);
		close(fd);
	}
	url = mf_repo_url_expand(&replica.ctx, "http://h/$releasever/$basearch");
	assert_string_equal(url, "http://h/13/aarch64");
	free(url);
	path = strdup(replica.path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	travel_replica_done(&replica);
	assert_int_equal(stat(path, &st), -1);
	free(path);
	mf_list_done(&list);
}

static size_t configured(struct root *r, bool without)
{
	struct travel_replica replica = { 0 };
	struct mf_repos repos = { 0 };
	struct mf_list list;
	size_t n;

	list_init(&list);
	assert_int_equal(travel_replica_make(&r->ctx, &list, without, &replica), 0);
	assert_int_equal(replica.ctx.settings.fetch_timeout, 77);
	assert_int_equal(mf_repos_read(&replica.ctx, &repos), 0);
	n = repos.n;
	mf_repos_done(&repos);
	travel_replica_done(&replica);
	mf_list_done(&list);
	return n;
}

static void it_has_the_repositories_and_settings_of_this_machine(void **state)
{
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/t.repo", "[t]\nbaseurl=http://h/\nkeys=t.pem\n");
	root_write(r, "etc/modfetch/modfetch.conf", "[modfetch]\nfetch-timeout=77\n");
	assert_int_equal(configured(r, false), 1);
	assert_int_equal(configured(r, true), 0);
}

static void a_path_of_the_list_replaces_no_configuration(void **state)
{
	struct root *r = *state;
	struct travel_replica replica = { 0 };
	struct mf_list list;
	struct stat st;
	int fd;

	/* not of the parser: the second line of defence */
	root_write(r, "etc/modfetch/modfetch.conf", "[modfetch]\nfetch-timeout=77\n");
	list_init(&list);
	assert_int_equal(mf_strings_add(&list.lines[MF_LIST_FILE], "/etc/modfetch/modfetch.conf"),
			 0);
	assert_int_equal(travel_replica_make(&r->ctx, &list, false, &replica), 0);
	fd = mf_context_open(&replica.ctx, "etc/modfetch/modfetch.conf", O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_not_equal(st.st_size, 0);
	close(fd);
	travel_replica_done(&replica);
	mf_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_machine_of_the_list_is_there_and_goes),
		ROOTED(it_has_the_repositories_and_settings_of_this_machine),
		ROOTED(a_path_of_the_list_replaces_no_configuration),
	};

	return UNIT_RUN(tests);
}
