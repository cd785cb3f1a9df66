/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the install lines for modprobe: one for each module that can be fetched, and no others. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/strings.h"
#include "modfetch/libkmod.h"
#include "modfetch/stubs.h"
#include "modfetch/trie.h"
#include "tests/primary.h"

#define FILE_PATH MF_STUBS_DIRECTORY "/" MF_STUBS_FILE

static const struct primary packages[] = {
	{ .name = "xfs-kmp-" TAG, .evr = "1-1", .provides = "kmod(xfs.ko) kalias(" TAG ":fs-xfs)" },
	{ .name = "af-alg-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(af-alg.ko) kalias(" TAG ":net-pf-38) kalias(" TAG ":fs-odd%2Ax)" },
	{ .name = "evil-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(a;reboot.ko) kmod($PATH.ko) kalias(" TAG ":fs-$%28id%29) "
		      "kalias(" TAG ":.hidden)" },
	{ .name = "other-kmp-amd64-6.9.0_1", .evr = "1-1", .provides = "kmod(other.ko)" },
};

static struct root *configured(void **state)
{
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\n");
	assert_int_equal(primary_cache(&r->ctx, "main", packages, N(packages), 1), 0);
	return r;
}

static void ask_kernel(struct root *r, const char *patterns)
{
	free(r->ctx.settings.kernel_requests);
	r->ctx.settings.kernel_requests = strdup(patterns);
}

/* The lines without the header comment, each without the common command. */
static char *lines(struct root *r)
{
	static char text[2000];
	char *all, *line;

	*text = '\0';
	assert_int_equal(mf_stubs_update(&r->ctx), 0);
	if (!root_has(r, FILE_PATH))
		return text;
	all = root_read(r, FILE_PATH);
	for (line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		char name[100], *k = strstr(line, "/modprobe -k $CMDLINE_OPTS");

		if (*line == '#')
			continue;
		assert_int_equal(sscanf(line, "install %99s", name), 1);
		assert_true(k || mf_ends_with(line, "/modprobe $CMDLINE_OPTS"));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s;", name,
			 k ? " -k" : "");
	}
	free(all);
	return text;
}

static void each_module_that_could_be_fetched_has_a_line(void **state)
{
	struct root *r = configured(state);

	assert_false(mf_stubs_current(&r->ctx));
	assert_string_equal(lines(r), "af_alg;xfs;");
	assert_true(mf_stubs_current(&r->ctx));
}

static void names_with_shell_syntax_are_not_written(void **state)
{
	struct root *r = configured(state);
	char *text;

	ask_kernel(r, "*");
	lines(r);
	text = root_read(r, FILE_PATH);
	assert_null(strstr(text, "reboot"));
	assert_null(strstr(text, "PATH"));
	assert_null(strstr(text, "$(id"));
	assert_null(strstr(text, "hidden"));
	free(text);
}

static void the_kernel_may_request_names_that_match_the_setting(void **state)
{
	struct root *r = configured(state);

	ask_kernel(r, "fs-*, xf?");
	assert_string_equal(lines(r), "af_alg;xfs -k;fs_xfs -k;");
	ask_kernel(r, "net-pf-*");
	assert_string_equal(lines(r), "af_alg;xfs;net_pf_38 -k;");
}

static const struct primary requests[] = {
	{ .name = "mac80211-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(mac80211.ko)",
	  .suggests = "ccm-kmp-" TAG },
	{ .name = "ccm-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(ccm.ko) kalias(" TAG ":crypto-ccm) kalias(" TAG ":crypto-x%3Breboot)" },
	{ .name = "vmac-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(vmac.ko) kalias(" TAG ":crypto-vmac)" },
};

/* A tree with an index of one module, NAME, and the aliases of another. */
static void put_on_disk(struct root *r, const char *file, const char *key, const char *value)
{
	struct mf_trie_entry entry = { key, value, (uint32_t)strlen(key), (uint32_t)strlen(value),
				       0 };
	char path[100];
	void *buf;
	size_t len;
	int fd;

	snprintf(path, sizeof(path), "lib/modules/%s", r->ctx.kernel);
	fd = mf_context_mkdir(&r->ctx, path);
	assert_int_equal(mf_trie_write(&entry, 1, &buf, &len), 0);
	assert_int_equal(mf_file_publish(fd, file, 0644, buf, len), 0);
	close(fd);
	free(buf);
}

static void a_request_of_a_module_on_disk_has_a_line(void **state)
{
	struct root *r = configured(state);

	assert_int_equal(primary_cache(&r->ctx, "main", requests, N(requests), 2), 0);
	assert_string_equal(lines(r), "ccm;mac80211;vmac;");
	/* libkmod opens all of its indexes or none */
	put_on_disk(r, "modules.dep.bin", "mac80211", "kernel/mac80211.ko:");
	put_on_disk(r, "modules.alias.bin", "x", "mac80211");
	put_on_disk(r, "modules.symbols.bin", "symbol:x", "mac80211");
	put_on_disk(r, "modules.builtin.bin", "x", "x");
	put_on_disk(r, "modules.builtin.alias.bin", "x", "x");
	assert_string_equal(lines(r), "ccm;vmac;crypto_ccm;");
	/* a line would hide the module on disk */
	put_on_disk(r, "modules.alias.bin", "crypto_ccm", "mac80211");
	assert_string_equal(lines(r), "ccm;vmac;");
}

static void a_request_of_a_module_in_the_running_kernel_has_a_line(void **state)
{
	struct root *r = configured(state);

	assert_int_equal(primary_cache(&r->ctx, "main", requests, N(requests), 2), 0);
	put_on_disk(r, "modules.builtin.bin", "mac80211", "kernel/mac80211.ko");
	assert_string_equal(lines(r), "ccm;vmac;");
	r->ctx.kernel_running = true;
	assert_string_equal(lines(r), "ccm;vmac;crypto_ccm;");
}

static void no_line_is_added_to_one_of_the_admin(void **state)
{
	struct root *r = configured(state);

	root_write(r, "etc/modprobe.d/local.conf", "install xfs /bin/false\n");
	assert_string_equal(lines(r), "af_alg;");
	/* a file in the same directory counts, ours does not */
	root_write(r, "run/modprobe.d/other.conf", "install af_alg /bin/true\n");
	assert_string_equal(lines(r), "");
	assert_true(root_has(r, "run/modprobe.d/other.conf"));
}

static void a_file_without_lines_says_that_none_are_needed(void **state)
{
	struct root *r = configured(state);
	struct stat before, after;

	root_write(r, "etc/modprobe.d/local.conf", "install xfs a\ninstall af_alg a\n");
	assert_string_equal(lines(r), "");
	assert_int_equal(fstatat(r->fd, FILE_PATH, &before, 0), 0);
	assert_true(mf_stubs_current(&r->ctx));
	mf_stubs_refresh(&r->ctx, false);
	assert_int_equal(fstatat(r->fd, FILE_PATH, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_file_that_is_not_current_is_written_again(void **state)
{
	struct root *r = configured(state);
	char *text;

	lines(r);
	root_write(r, "etc/modprobe.d/local.conf", "install xfs a\n");
	assert_false(mf_stubs_current(&r->ctx));
	mf_stubs_refresh(&r->ctx, false);
	assert_true(mf_stubs_current(&r->ctx));
	text = root_read(r, FILE_PATH);
	assert_null(strstr(text, "install xfs "));
	free(text);
	/* and one that an admin has cut short */
	root_write(r, FILE_PATH, "#");
	assert_false(mf_stubs_current(&r->ctx));
}

static void a_file_that_is_up_to_date_is_not_written(void **state)
{
	struct root *r = configured(state);
	struct stat before, after;

	lines(r);
	assert_int_equal(fstatat(r->fd, FILE_PATH, &before, 0), 0);
	lines(r);
	assert_int_equal(fstatat(r->fd, FILE_PATH, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	ask_kernel(r, "xfs");
	lines(r);
	assert_int_equal(fstatat(r->fd, FILE_PATH, &after, 0), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
}

static void without_a_repository_the_file_is_removed(void **state)
{
	struct root *r = configured(state);

	lines(r);
	assert_int_equal(unlinkat(r->fd, "etc/modfetch/repos.d/a.repo", 0), 0);
	assert_string_equal(lines(r), "");
	assert_false(root_has(r, FILE_PATH));
	/* and no file is made if there was none */
	assert_int_equal(unlinkat(r->fd, MF_STUBS_DIRECTORY, AT_REMOVEDIR), 0);
	assert_string_equal(lines(r), "");
	assert_false(root_has(r, MF_STUBS_DIRECTORY));
}

static void in_an_initrd_and_with_modfetch_off_there_is_no_file(void **state)
{
	struct root *r = configured(state);

	root_write(r, "proc/cmdline", "quiet modfetch=off");
	assert_string_equal(lines(r), "");
	root_write(r, "proc/cmdline", "quiet");
	assert_string_equal(lines(r), "af_alg;xfs;");
	root_write(r, "etc/initrd-release", "");
	assert_string_equal(lines(r), "");
}

static void a_file_in_place_of_the_directory_is_a_failure(void **state)
{
	struct root *r = configured(state);

	root_write(r, MF_STUBS_DIRECTORY, "");
	assert_true(mf_stubs_update(&r->ctx) < 0);
	assert_int_equal(r->ctx.failure.stage, MF_STAGE_STUBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(each_module_that_could_be_fetched_has_a_line),
		ROOTED(names_with_shell_syntax_are_not_written),
		ROOTED(the_kernel_may_request_names_that_match_the_setting),
		ROOTED(a_request_of_a_module_on_disk_has_a_line),
		ROOTED(a_request_of_a_module_in_the_running_kernel_has_a_line),
		ROOTED(no_line_is_added_to_one_of_the_admin),
		ROOTED(a_file_without_lines_says_that_none_are_needed),
		ROOTED(a_file_that_is_not_current_is_written_again),
		ROOTED(a_file_that_is_up_to_date_is_not_written),
		ROOTED(without_a_repository_the_file_is_removed),
		ROOTED(in_an_initrd_and_with_modfetch_off_there_is_no_file),
		ROOTED(a_file_in_place_of_the_directory_is_a_failure),
	};

	return UNIT_RUN(tests);
}
