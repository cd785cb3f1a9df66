/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements, attributes and texts in their order; what is refused; and a reader that stops. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/xml.h"

struct log {
	char text[512];
	const char *stop; /* the element whose start or end is a failure */
};

static int log_start(void *arg, const char *name, const char *const *attributes)
{
	const char *a = mf_xml_attribute(attributes, "a");
	struct log *log = arg;
	size_t at = strlen(log->text);

	snprintf(log->text + at, sizeof(log->text) - at, "<%s%s%s>", name, a ? " " : "",
		 a ? a : "");
	return log->stop && !strcmp(name, log->stop) ? -EIO : 0;
}

static int log_text(void *arg, const char *text, size_t len)
{
	struct log *log = arg;

	strncat(log->text, text, len);
	return 0;
}

static int log_end(void *arg, const char *name)
{
	struct log *log = arg;

	strcat(log->text, "</>");
	return 0;
}

static int read_text(const char *text, struct log *log)
{
	static const struct mf_xml_reader reader = { log_start, log_text, log_end };

	*log->text = '\0';
	return mf_xml_read(text, strlen(text), &reader, log);
}

static void elements_come_in_their_order_without_namespace(void **state)
{
	struct log log = { 0 };

	assert_int_equal(
		read_text("<r xmlns:p='u' b='0' a='1'><p:e p:a='2'>x&amp;y</p:e>z</r>", &log), 0);
	assert_string_equal(log.text, "<r 1><e>x&y</>z</>");
}

static void a_reader_stops_at_its_own_failure(void **state)
{
	struct log log = { .stop = "b" };

	assert_int_equal(read_text("<a><b><c/></b></a>", &log), -EIO);
	assert_string_equal(log.text, "<a><b>");
}

static void what_is_not_well_formed_or_grows_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"text",
		"<a>",
		"<a></b>",
		"<a/><b/>",
		"<!DOCTYPE a [<!ENTITY e \"ha\">]><a>&e;</a>",
		"<!DOCTYPE a [<!ENTITY e \"ha\">]><a/>",
		"<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a/>",
		"<a>&unknown;</a>",
	};
	struct log log = { 0 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(read_text(bad[i], &log), -EBADMSG);
}

/* expat counts in int, so a text is fed in pieces of a megabyte */
static void a_text_of_several_pieces_is_one(void **state)
{
	static const struct mf_xml_reader reader = { log_start, log_text, log_end };
	const size_t blanks = (3 << 20) + 5;
	_cleanup_free_ char *text = malloc(blanks + 16);
	struct log log = { 0 };

	assert_non_null(text);
	memcpy(text, "<a", 2);
	memset(text + 2, ' ', blanks);
	memcpy(text + 2 + blanks, "a='1'/>", 7);
	assert_int_equal(mf_xml_read(text, blanks + 9, &reader, &log), 0);
	assert_string_equal(log.text, "<a 1></>");
	assert_int_equal(mf_xml_read(text, blanks + 8, &reader, &log), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(elements_come_in_their_order_without_namespace),
		UNIT(a_reader_stops_at_its_own_failure),
		UNIT(what_is_not_well_formed_or_grows_is_refused),
		UNIT(a_text_of_several_pieces_is_one),
	};

	return UNIT_RUN(tests);
}
