/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/fetch.h"

#define BASE "https://mirror.example/driver/15"

static void names_that_could_leave_the_repository_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/etc/passwd",
		"//other.example/x",
		"..",
		"../x",
		"x/..",
		"x/../y",
		"a/b/../../../c",
		".",
		"./x",
		"x/.",
		"x/./y",
		"x//y",
		"x/",
		"http://other.example/x",
		"https:x",
		"file:///etc/passwd",
		"FILE:/etc/passwd",
		"javascript:alert",
		"%2e%2e/x",
		"%2E%2E/x",
		".%2e/x",
		"x/%2e%2e/y",
		"..%2fx",
		"..%2Fx",
		"x%2f..%2f..%2fy",
		"%2fetc%2fpasswd",
		"%252e%252e/x",
		"x%00.rpm",
		"x%0d%0aHost: y",
		"x%0ay",
		"x%7fy",
		"..\\x",
		"x\\..\\y",
		"..%5cx",
		"x?y",
		"x%3fy",
		"x#y",
		"x%23y",
		"c%3a/x",
		"x\ny",
		"x\ry",
		"x\ty",
		"x\x7fy",
		"x\x01y",
		"x%",
		"x%2",
		"x%zz",
		"x%2/y",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		char *url = (char *)"untouched";

		if (mf_href_check(bad[i]) != -MFE_BAD_HREF ||
		    mf_href_join(BASE, bad[i], &url) != -MFE_BAD_HREF)
			fail_msg("accepted: %s", bad[i]);
		assert_string_equal(url, "untouched");
	}
}

static void names_that_stay_are_joined(void **state)
{
	static const struct {
		const char *base, *href, *url;
	} good[] = {
		{ BASE, "repodata/repomd.xml", BASE "/repodata/repomd.xml" },
		{ BASE "/", "repodata/repomd.xml", BASE "/repodata/repomd.xml" },
		{ BASE "//", "x", BASE "/x" },
		{ BASE, "x86_64/e1000e-kmp-amd64-6.1.0_56-3.2.6-1.x86_64.rpm",
		  BASE "/x86_64/e1000e-kmp-amd64-6.1.0_56-3.2.6-1.x86_64.rpm" },
		{ BASE, "a..b", BASE "/a..b" },
		{ BASE, "...", BASE "/..." },
		{ BASE, "..a/b..", BASE "/..a/b.." },
		{ BASE, ".hidden", BASE "/.hidden" },
		{ BASE, "a/x-1:2.rpm", BASE "/a/x-1:2.rpm" },
		{ BASE, "libstdc++~1^2.rpm", BASE "/libstdc%2B%2B~1%5E2.rpm" },
		{ BASE, "a b", BASE "/a%20b" },
		{ BASE, "a%20b", BASE "/a%20b" },
		{ BASE, "a%2Bb", BASE "/a%2Bb" },
		{ BASE, "\xc3\xbc.rpm", BASE "/%C3%BC.rpm" },
		{ "http://[::1]:8080", "x", "http://[::1]:8080/x" },
		{ "http://me:secret@host/p", "x", "http://me:secret@host/p/x" },
		{ "file:///srv/repo", "x", "file:///srv/repo/x" },
		{ "file:/srv/repo", "x", "file:/srv/repo/x" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(good); i++) {
		_cleanup_free_ char *url = NULL;

		if (mf_href_join(good[i].base, good[i].href, &url) != 0)
			fail_msg("refused: %s", good[i].href);
		assert_string_equal(url, good[i].url);
	}
}

static void unsupported_base_urls_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"/srv/repo",
		"ftp://host/x",
		"http:/x",
		"http://",
		"http:///x",
		"https:///x",
		"http://h?q",
		"http://h/#f",
		"http://h/a b",
		"http://h/\r\nX: y",
		"HTTP",
		"gopher://h/",
		"file:relative",
		"file",
		"data:x",
		"smb://host/x",
		"http\\://h",
		" http://h/",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		char *url;

		if (mf_href_join(bad[i], "x", &url) != -MFE_BAD_HREF)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void the_length_is_bounded(void **state)
{
	char href[MF_HREF_MAX + 2];
	_cleanup_free_ char *url = NULL;

	memset(href, 'a', sizeof(href));
	href[MF_HREF_MAX + 1] = '\0';
	assert_int_equal(mf_href_check(href), -MFE_BAD_HREF);
	href[MF_HREF_MAX] = '\0';
	assert_int_equal(mf_href_check(href), 0);
	memset(href, '\xff', MF_HREF_MAX); /* each takes three bytes */
	assert_int_equal(mf_href_join(BASE, href, &url), 0);
	assert_int_equal(strlen(url), strlen(BASE) + 1 + 3 * MF_HREF_MAX);
}

static void decoding_is_the_other_way(void **state)
{
	_cleanup_free_ char *path = NULL, *bad = NULL;

	assert_int_equal(mf_href_decode("/a%20b/%C3%bc", &path), 0);
	assert_string_equal(path, "/a b/\xc3\xbc");
	assert_int_equal(mf_href_decode("a%00b", &bad), -MFE_BAD_HREF);
	assert_int_equal(mf_href_decode("a%0", &bad), -MFE_BAD_HREF);
	assert_int_equal(mf_href_decode("a%", &bad), -MFE_BAD_HREF);
	assert_null(bad);
}

static void metadata_names_only_places_that_a_redirect_could(void **state)
{
	static char https[] = "https://a/r", http[] = "http://b/r", file[] = "file:///r";
	static char *urls[] = { http, https }, *files[] = { file, file }, *mixed[] = { file, http };
	static const struct mf_strings plain = { urls, 1, 0 }, both = { urls, 2, 0 },
				       secure = { urls + 1, 1, 0 }, local = { files, 2, 0 },
				       some = { mixed, 2, 0 };

	assert_null(mf_base_fault("http://c/r/", &plain));
	assert_null(mf_base_fault("https://c", &plain));
	assert_null(mf_base_fault("https://c/r", &secure));
	assert_null(mf_base_fault("http://c/@scope", &plain));
	assert_null(mf_base_fault("file:///x", &local));
	assert_null(mf_base_fault("http://c/r", &local));
	assert_non_null(mf_base_fault("http://c/r", &secure));
	assert_non_null(mf_base_fault("http://c/r", &both));
	assert_non_null(mf_base_fault("file:///x", &plain));
	assert_non_null(mf_base_fault("file:///x", &some));
	assert_non_null(mf_base_fault("HTTPS://c", &plain));
	assert_non_null(mf_base_fault("http:///r", &plain));
	assert_non_null(mf_base_fault("http://u:p@c/r", &plain));
	assert_non_null(mf_base_fault("http://c/r?q", &plain));
	assert_non_null(mf_base_fault("http://c/r#f", &plain));
	assert_non_null(mf_base_fault("../r", &plain));
	assert_non_null(mf_base_fault("", &local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(metadata_names_only_places_that_a_redirect_could),
		UNIT(names_that_could_leave_the_repository_are_refused),
		UNIT(names_that_stay_are_joined),
		UNIT(unsupported_base_urls_are_refused),
		UNIT(the_length_is_bounded),
		UNIT(decoding_is_the_other_way),
	};

	return UNIT_RUN(tests);
}
