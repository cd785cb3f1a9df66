/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base URLs of media, as zypper documents them, and what is wrong with others. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/mount.h"

static void what_urls_mean(void **state)
{
	static const struct {
		const char *url, *path, *devices, *filesystem, *iso, *outer;
	} cases[] = {
		{ "hd:/?device=/dev/sda1", "", "/dev/sda1", NULL, NULL, NULL },
		{ "hd:///sub/dir/?device=/dev/sda1&filesystem=vfat", "/sub/dir", "/dev/sda1",
		  "vfat", NULL, NULL },
		{ "hd:/a%20b?device=/dev/disk/by-label/MY%5Cx20S&filesystem=auto", "/a b",
		  "/dev/disk/by-label/MY\\x20S", NULL, NULL, NULL },
		{ "hd:?device=/dev/sda1", "", "/dev/sda1", NULL, NULL, NULL },
		{ "cd:/", "", "/dev/sr0 /dev/sr1 /dev/sr2 /dev/sr3", NULL, NULL, NULL },
		{ "dvd:/x?devices=/dev/sr1,/dev/sr0", "/x", "/dev/sr1 /dev/sr0", NULL, NULL, NULL },
		{ "cd:/?devices=/dev/sr1%2C/dev/sr0", "", "/dev/sr1 /dev/sr0", NULL, NULL, NULL },
		{ "iso:/?iso=a.iso&url=dir:/srv/images", "", NULL, NULL, "a.iso",
		  "file:///srv/images" },
		{ "iso:/x?iso=a.iso&url=hd:/?device=/dev/sda1&filesystem=ext4", "/x", NULL, NULL,
		  "a.iso", "hd:/?device=/dev/sda1&filesystem=ext4" },
		{ "iso:/?url=dir:///a%20b&iso=d/a.iso", NULL, NULL, NULL, NULL, NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_(mf_media_url_done) struct mf_media_url url = { 0 };
		const char *fault = mf_media_url_parse(cases[i].url, &url);
		char devices[256] = "";

		if (!cases[i].path) {
			/* url= takes the rest, so iso= is missing */
			assert_non_null(fault);
			continue;
		}
		if (fault)
			fail_msg("%s: %s", cases[i].url, fault);
		assert_string_equal(url.path, cases[i].path);
		for (size_t j = 0; j < url.devices.n; j++)
			snprintf(devices + strlen(devices), sizeof(devices) - strlen(devices),
				 "%s%s", j ? " " : "", url.devices.v[j]);
		if (cases[i].devices)
			assert_string_equal(devices, cases[i].devices);
		assert_string_equal(url.filesystem ? url.filesystem : "",
				    cases[i].filesystem ? cases[i].filesystem : "");
		assert_string_equal(url.iso ? url.iso : "", cases[i].iso ? cases[i].iso : "");
		assert_string_equal(url.outer ? url.outer : "",
				    cases[i].outer ? cases[i].outer : "");
		assert_true(mf_media_url_is(cases[i].url));
	}
}

static void what_is_refused(void **state)
{
	static const char *const urls[] = {
		"http://b/",
		"hd:/",
		"hd:/?device=sda1",
		"hd:/?device=/etc/passwd",
		"hd:/?device=/dev/../etc/passwd",
		"hd:/?device=/dev/",
		"hd:/?device=/dev/sda1,/dev/sdb1",
		"hd:/?device",
		"hd:/?device=",
		"hd:/?devise=/dev/sda1",
		"hd:/?device=/dev/sda1&filesystem=btrfs",
		"hd:/?device=/dev/sda1&iso=x.iso",
		"hd:/../etc?device=/dev/sda1",
		"hd:/a/%2e%2e/b?device=/dev/sda1",
		"hd:/a%0Ab?device=/dev/sda1",
		"hd:/a%00b?device=/dev/sda1",
		"hd://server/a?device=/dev/sda1",
		"hd:relative?device=/dev/sda1",
		"cd:/?devices=/dev/sr0,sr1",
		"iso:/?iso=a.iso",
		"iso:/?url=dir:/srv",
		"iso:/?iso=&url=dir:/srv",
		"iso:/?iso=../a.iso&url=dir:/srv",
		"iso:/?iso=a.iso&url=http://b/",
		"iso:/?iso=a.iso&url=nfs://b/",
		"iso:/?iso=a.iso&url=dir:srv",
		"iso:/?iso=a.iso&url=dir:/srv/../etc",
		"iso:/?iso=a.iso&url=iso:/?iso=b.iso&url=dir:/srv",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(urls); i++) {
		struct mf_media_url url = { 0 };

		if (!mf_media_url_parse(urls[i], &url))
			fail_msg("%s is accepted", urls[i]);
		assert_null(url.path);
	}
}

static void a_bad_url_cannot_be_mounted(void **state)
{
	struct root *r = *state;
	char *path = NULL;

	assert_int_equal(mf_mount_url(&r->ctx, "hd:/", &path), -MFE_MEDIUM);
	assert_int_equal(mf_mount_url(&r->ctx, "hd:/?device=/dev/null", &path), -MFE_MEDIUM);
	assert_non_null(strstr(r->ctx.failure.why, "no block device"));
	assert_int_equal(mf_mount_url(&r->ctx, "iso:/?iso=null&url=dir:/dev", &path), -MFE_MEDIUM);
	assert_non_null(strstr(r->ctx.failure.why, "not a regular file"));
	assert_null(path);
}

static void a_path_as_a_url(void **state)
{
	_cleanup_free_ char *url = mf_file_url("/a b/\xff%?#+~.rpm");

	assert_string_equal(url, "file:///a%20b/%FF%25%3F%23+~.rpm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_urls_mean),
		cmocka_unit_test(what_is_refused),
		ROOTED(a_bad_url_cannot_be_mounted),
		cmocka_unit_test(a_path_as_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
