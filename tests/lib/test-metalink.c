/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both versions of metalinks, and texts that are none. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/metalink.h"

#define THREE(urls)                                                                                \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<metalink version=\"3.0\" "                   \
	"xmlns=\"http://www.metalinker.org/\" "                                                    \
	"xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">"                                     \
	"<files><file name=\"repomd.xml\"><mm0:timestamp>1</mm0:timestamp><size>9</size>"          \
	"<resources maxconnections=\"1\">" urls "</resources></file></files></metalink>"

static void expect(const char *text, const char *expected)
{
	_cleanup_free_ char *list = NULL;

	assert_true(mf_looks_like_xml(text));
	assert_int_equal(mf_metalink_list(text, &list), 0);
	assert_string_equal(list, expected);
}

static void the_preferred_mirrors_come_first(void **state)
{
	expect(THREE("<url protocol=\"http\" preference=\"90\">http://c/r/repodata/repomd.xml</url>"
		     "<url protocol=\"https\" preference=\"100\">\n "
		     "https://a/r/repodata/repomd.xml "
		     "</url>"
		     "<url preference=\"90\">https://d/r&amp;d/repodata/repomd.xml</url>"
		     "<url protocol=\"rsync\" "
		     "preference=\"95\">rsync://b/r/repodata/repomd.xml</url>"
		     "<url preference=\"10\">https://a/r/repodata/repomd.xml</url>"
		     "<url preference=\"99\">https://e/r/other.iso</url>"),
	       "https://a/r\nrsync://b/r\nhttp://c/r\nhttps://d/r&d\n");
	expect("\xef\xbb\xbf <metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file "
	       "name=\"repomd.xml\"><url priority=\"2\">http://b/repodata/repomd.xml</url>"
	       "<url location=\"de\" priority=\"1\">http://a/repodata/repomd.xml</url></file>"
	       "</metalink>",
	       "http://a\nhttp://b\n");
	expect(THREE(""), "");
	/* numbers that no mirror manager writes */
	expect(THREE("<url preference=\"-2147483648\">http://a/repodata/repomd.xml</url>"
		     "<url preference=\"99999999999999999999\">http://b/repodata/repomd.xml</url>"),
	       "http://b\nhttp://a\n");
}

static void what_is_no_metalink_has_no_mirrors(void **state)
{
	static const char *const bad[] = {
		"<!DOCTYPE html><html><body>Please log in</body></html>",
		"<html><url>http://a/repodata/repomd.xml</url></html>",
		"<metalink><url>http://a/repodata/repomd.xml</url>",
		"<!DOCTYPE m [<!ENTITY a \"http://a/repodata/repomd.xml\">]>"
		"<metalink><url>&a;</url></metalink>",
		"<",
	};
	_cleanup_free_ char *list = NULL;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_metalink_list(bad[i], &list), -EBADMSG);
	assert_false(mf_looks_like_xml("# mirrors\nhttp://a/\n"));
	assert_false(mf_looks_like_xml(""));
}

static void a_long_url_or_a_long_list_costs_itself_alone(void **state)
{
	_cleanup_free_ char *text = NULL, *list = NULL;
	size_t len, lines = 0;
	FILE *f = open_memstream(&text, &len);

	fputs("<metalink><url>http://", f);
	for (int i = 0; i < 600; i++)
		fputc('x', f);
	fputs("/repodata/repomd.xml</url>", f);
	for (int i = 0; i < 1500; i++)
		fprintf(f, "<url>http://m%d/repodata/repomd.xml</url>", i);
	fputs("</metalink>", f);
	fclose(f);
	assert_int_equal(mf_metalink_list(text, &list), 0);
	assert_true(!strncmp(list, "http://m0\n", 10));
	for (const char *p = list; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_preferred_mirrors_come_first),
		UNIT(what_is_no_metalink_has_no_mirrors),
		UNIT(a_long_url_or_a_long_list_costs_itself_alone),
	};

	return UNIT_RUN(tests);
}
