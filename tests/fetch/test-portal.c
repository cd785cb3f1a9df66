/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests bodies from portals and from servers. */
#include "tests/unit.h"
#include <stdio.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "src/fetch/portal.h"

#define RPM	 "\xed\xab\xee\xdb\x03\x00"
#define XML	 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define XHTML	 "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x.dtd\">"
#define NO_WHERE "http://h/"

static const struct {
	const char *name, *body;
	bool broken, portal;
} cases[] = {
	/* web pages, instead of any file */
	{ "repodata/repomd.xml", "<!DOCTYPE html>\n<html><body>Log in</body></html>", false, true },
	{ "repodata/repomd.xml", "<html>", false, true },
	{ "repodata/repomd.xml", "\xef\xbb\xbf\r\n <HTML lang=en>", false, true },
	{ "repodata/repomd.xml", XML XHTML "<html>", false, true },
	{ "repodata/repomd.xml", "<!-- portal -->\n<head>", false, true },
	{ "repodata/repomd.xml", "<script>location='https://login'</script>", false, true },
	{ "repodata/repomd.xml", "<meta http-equiv=refresh content=0>", false, true },
	{ "repodata/repomd.xml.p7s", "<!doctype HTML>", false, true },
	{ "repodata/repomd.xml.asc", "\n\n<html>", false, true },
	{ "repodata/primary.xml.gz", "<body>", false, true },
	{ "x86_64/a.rpm", "<html>", false, true },
	{ "mirrorlist", "<html>", false, true },
	/* other text instead of repomd.xml */
	{ "repodata/repomd.xml", "{\"captive\":true}", false, true },
	{ "repodata/repomd.xml", "Please log in", false, true },
	{ "repodata/repomd.xml", XML "<WISPAccessGatewayParam>", false, true },
	{ "repodata/repomd.xml", "\x1f\x8b\x08", false, true },
	/* a package known to be wrong */
	{ "x86_64/a.rpm", "Please log in", true, true },
	{ "x86_64/a.rpm", "{}", true, false },
	{ "x86_64/a.rpm", "{\"a\":1}", true, true },
	{ "x86_64/a.rpm", "Please log in", false, false },
	{ "x86_64/a.rpm", RPM "x", true, false },
	/* from servers */
	{ "repodata/repomd.xml", XML "<repomd xmlns=\"http://linux.duke.edu/\">", false, false },
	{ "repodata/repomd.xml", "<repomd>", false, false },
	{ "repodata/repomd.xml", XML "<!-- made by\n us -->\n<r:repomd>", false, false },
	{ "repodata/repomd.xml", "<!DOCTYPE repomd>\n<repomd/>", false, false },
	{ "repodata/repomd.xml", "", false, false },
	{ "repodata/repomd.xml", "<!-- a comment that does not end here", false, false },
	{ "repodata/repomd.xml.p7s", "\x30\x82\x01\x00", false, false },
	{ "repodata/repomd.xml.asc", "-----BEGIN PGP SIGNATURE-----", false, false },
	{ "repodata/primary.xml", XML "<metadata>", false, false },
	{ "repodata/primary.xml", "<package>", true, false },
	{ "mirrorlist", "# a comment\nhttp://a/\n", false, false },
	{ "mirrorlist", XML "<metalink>", false, false },
	{ "x86_64/a.rpm", RPM, false, false },
};

static void a_portal_is_distinguished_from_a_server(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char url[128];

		snprintf(url, sizeof(url), NO_WHERE "%s", cases[i].name);
		if (mf_portal_body(url, cases[i].body, strlen(cases[i].body), cases[i].broken) !=
		    cases[i].portal)
			fail_msg("%s: %s", cases[i].name, cases[i].body);
	}
}

static void every_beginning_of_a_body_is_read_within_its_bounds(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		for (size_t len = 0; len <= strlen(cases[i].body); len++) {
			_cleanup_free_ char *exact = malloc(len + !len);

			assert_non_null(exact);
			memcpy(exact, cases[i].body, len);
			(void)mf_portal_body(cases[i].name, exact, len, cases[i].broken);
		}
}

static void the_position_of_a_file_does_not_move(void **state)
{
	_cleanup_close_ int fd = mf_memfile_new("test");

	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, "<html>", 6), 0);
	assert_true(mf_portal_file("a.rpm", fd, false));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
	assert_false(mf_portal_file("a.rpm", -1, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_portal_is_distinguished_from_a_server),
		UNIT(every_beginning_of_a_body_is_read_within_its_bounds),
		UNIT(the_position_of_a_file_does_not_move),
	};

	return UNIT_RUN(tests);
}
