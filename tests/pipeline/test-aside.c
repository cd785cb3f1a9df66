/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries set aside: until when, and how they come back. */
#include "tests/unit.h"
#include "tests/root.h"
#include <dirent.h>
#include "modfetch/array.h"
#include "modfetch/drain.h"

static void put(struct root *r, const char *modalias, const char *devpath)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { .uevent_us = 1,
								   .decided_us = 2 };

	e.modalias = strdup(modalias);
	assert_int_equal(mf_strings_add(&e.devpaths, devpath), 0);
	assert_int_equal(mf_aside_put(&r->ctx, &e), 0);
}

static size_t waiting(struct root *r)
{
	_cleanup_close_ int fd = mf_spool_open(&r->ctx);
	struct mf_spool_entry *entries;
	size_t n, damaged;

	assert_int_equal(mf_spool_read(fd, &entries, &n, &damaged), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(entries[i].uevent_us, 0);
		mf_spool_entry_done(&entries[i]);
	}
	free(entries);
	return n;
}

/* The number of entries set aside; are they due? */
static size_t count(struct root *r, bool due)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };

	assert_int_equal(mf_aside_read(&r->ctx, &aside), 0);
	for (size_t i = 0; i < aside.n; i++)
		assert_int_equal(aside.v[i].due, due);
	return aside.n;
}

static void devices_are_added_and_the_time_stays(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	const struct mf_aside_entry *found;
	char words[160];

	assert_int_equal(count(r, false), 0);
	put(r, "pci:v1", "/devices/a");
	put(r, "usb:v2", "/devices/b");
	put(r, "pci:v1", "/devices/c");
	put(r, "pci:v1", "/devices/a");
	assert_int_equal(mf_aside_read(&r->ctx, &aside), 0);
	assert_int_equal(aside.n, 2);
	found = mf_aside_find(&aside, "pci:v1");
	assert_non_null(found);
	assert_int_equal(found->entry.devpaths.n, 2);
	assert_true(found->since > 1600000000);
	mf_aside_describe(found, words, sizeof(words));
	assert_non_null(strstr(words, "modfetch queue --retry"));
	assert_null(mf_aside_find(&aside, "pci:v"));
}

static void it_comes_back_on_request(void **state)
{
	struct root *r = *state;

	put(r, "pci:v1", "/devices/a");
	assert_int_equal(mf_aside_retry(&r->ctx, false), 0);
	assert_int_equal(waiting(r), 0);
	assert_int_equal(count(r, false), 1);
	assert_int_equal(mf_aside_retry(&r->ctx, true), 1);
	assert_int_equal(waiting(r), 1);
	assert_int_equal(count(r, false), 0);
	assert_int_equal(mf_aside_retry(&r->ctx, true), 0);
}

static void it_is_due_after_a_change_of_repositories(void **state)
{
	struct root *r = *state;

	put(r, "pci:v1", "/devices/a");
	root_write(r, "etc/modfetch/repos.d/t.repo", "[t]\nbaseurl=file:///x\ntrust=none\n");
	assert_int_equal(count(r, true), 1);
	/* another device does not change that */
	put(r, "pci:v1", "/devices/b");
	assert_int_equal(count(r, true), 1);
	assert_int_equal(mf_aside_retry(&r->ctx, false), 1);
	assert_int_equal(waiting(r), 1);
	put(r, "pci:v1", "/devices/a");
	assert_int_equal(count(r, false), 1);
	root_write(r, "etc/modfetch/repos.d/t.repo",
		   "[t]\nbaseurl=file:///x\ntrust=none\nenabled=0\n");
	assert_int_equal(count(r, true), 1);
}

static void it_is_due_for_another_kernel(void **state)
{
	struct root *r = *state;

	put(r, "pci:v1", "/devices/a");
	free(r->ctx.kernel);
	r->ctx.kernel = strdup("6.1.0-57-amd64");
	assert_int_equal(count(r, true), 1);
}

static void damaged_files_are_skipped(void **state)
{
	static const char *const texts[] = {
		"",
		"modfetch-aside 1\n",
		"modfetch-aside 2\nsince=1\n",
		"modfetch-aside 1\nsince=-1\nstamp=",
		"modfetch-aside 1\nsince=1\nstamp=00\nmodfetch-event 1\nmodalias=pci:v1\n",
		"modfetch-aside 1\nsince=1",
	};
	struct root *r = *state;
	char path[128];

	put(r, "usb:v2", "/devices/b");
	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		snprintf(path, sizeof(path), MF_ASIDE_DIR "/%032zx", i);
		root_write(r, path, texts[i]);
	}
	root_link(r, "/etc/passwd", MF_ASIDE_DIR "/link");
	root_mkdir(r, MF_ASIDE_DIR "/directory");
	assert_int_equal(count(r, false), 1);
}

/* The only entry: its file is good but for one byte. */
static void a_file_of_another_version_or_with_a_nul_is_skipped(void **state)
{
	struct root *r = *state;
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct dirent *e;

	put(r, "usb:v2", "/devices/b");
	dir = fdopendir(openat(r->fd, MF_ASIDE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_non_null(dir);
	while (!path && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			path = mf_format(MF_ASIDE_DIR "/%s", e->d_name);
	text = root_read(r, path);
	assert_true(mf_starts_with(text, "modfetch-aside 1\n"));
	text[strlen("modfetch-aside ")] = '2';
	root_write(r, path, text);
	assert_int_equal(count(r, false), 0);
	text[strlen("modfetch-aside ")] = '1';
	root_write_bytes(r, path, text, strlen(text) + 1);
	assert_int_equal(count(r, false), 0);
	root_write(r, path, text);
	assert_int_equal(count(r, false), 1);
}

static void wants_set_aside_are_removed_and_their_devices_kept(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	struct mf_wants wants = { 0 };
	struct mf_want want;

	put(r, "pci:v1", "/devices/a");
	assert_int_equal(mf_want_init(&r->ctx, "pci:v1", "/sys/devices/b", &want), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_want_init(&r->ctx, "usb:v2", "/sys/devices/c", &want), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_aside_filter(&r->ctx, &wants), 0);
	assert_int_equal(wants.n, 1);
	assert_string_equal(wants.v[0].query, "usb:v2");
	assert_int_equal(mf_aside_read(&r->ctx, &aside), 0);
	assert_int_equal(aside.v[0].entry.devpaths.n, 2);
	mf_wants_done(&wants);
}

/* A want for many equal devices, as coldplug makes them. */
static void all_devices_of_a_want_are_kept(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	struct mf_wants wants = { 0 };
	struct mf_want want;

	put(r, "pci:v1", "/devices/a");
	assert_int_equal(mf_want_init(&r->ctx, "pci:v1", NULL, &want), 0);
	assert_int_equal(mf_strings_add(&want.devices, "/sys/devices/b"), 0);
	assert_int_equal(mf_strings_add(&want.devices, "/elsewhere/c"), 0);
	assert_int_equal(mf_strings_add(&want.devices, "/sys/devices/d"), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_aside_filter(&r->ctx, &wants), 0);
	assert_int_equal(wants.n, 0);
	assert_int_equal(mf_aside_read(&r->ctx, &aside), 0);
	assert_int_equal(aside.v[0].entry.devpaths.n, 3);
	assert_string_equal(aside.v[0].entry.devpaths.v[2], "/devices/d");
	mf_wants_done(&wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(devices_are_added_and_the_time_stays),
		ROOTED(it_comes_back_on_request),
		ROOTED(it_is_due_after_a_change_of_repositories),
		ROOTED(it_is_due_for_another_kernel),
		ROOTED(damaged_files_are_skipped),
		ROOTED(a_file_of_another_version_or_with_a_nul_is_skipped),
		ROOTED(wants_set_aside_are_removed_and_their_devices_kept),
		ROOTED(all_devices_of_a_want_are_kept),
	};

	return UNIT_RUN(tests);
}
