/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the list of packages is, and metadata that do not say it. */
#include "tests/unit.h"
#include <errno.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "src/rescue/rescue.h"

#define DIGEST	 "fce4367b7984caed81ca98cfe5fc77a62677b005863d3ff63bbc878035a698c9"
#define SUM	 "<checksum type=\"sha256\">" DIGEST "</checksum>"
#define OTHER	 "<open-checksum type=\"sha256\">00</open-checksum><open-size>9</open-size>"
#define LOCATION "<location href=\"repodata/p.xml.gz\"/>"
#define SIZE	 "<size>226063</size>"
#define PRIMARY(x)                                                                                 \
	"<repomd xmlns=\"u\"><revision>1</revision><data type=\"other\"><size>1</size></data>"     \
	"<data type=\"primary\">" x "</data></repomd>"

static int parse(const char *text, struct rescue_file *file)
{
	return rescue_repomd_parse(text, strlen(text), file);
}

static void the_first_primary_counts(void **state)
{
	_cleanup_(rescue_file_done) struct rescue_file file = { 0 };
	char hex[MF_SHA256_HEX];

	assert_int_equal(
		parse(PRIMARY(SUM OTHER LOCATION SIZE "</data><data type=\"primary\">"
						      "<location href=\"x\"/><size>1</size>"),
		      &file),
		0);
	assert_string_equal(file.location, "repodata/p.xml.gz");
	assert_int_equal(file.size, 226063);
	mf_sha256_hex(file.sha256, hex);
	assert_string_equal(hex, DIGEST);
}

static void without_one_of_its_parts_it_says_nothing(void **state)
{
	static const char *const bad[] = {
		PRIMARY(SUM LOCATION),
		PRIMARY(SUM SIZE),
		PRIMARY(LOCATION SIZE),
		PRIMARY(SUM LOCATION "<size>12x</size>"),
		PRIMARY(SUM LOCATION "<size/>"),
		PRIMARY("<checksum type=\"sha512\">" DIGEST "</checksum>" LOCATION SIZE),
		PRIMARY("<checksum type=\"sha256\">" DIGEST "00</checksum>" LOCATION SIZE),
		"<repomd><data type=\"other\">" SUM LOCATION SIZE "</data></repomd>",
		"<repomd/>",
		"",
		"<data type=\"primary\">" SUM LOCATION SIZE,
	};
	struct rescue_file file = { .location = NULL, .size = 7 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(parse(bad[i], &file), -EBADMSG);
	assert_int_equal(file.size, 7);
	assert_null(file.location);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_first_primary_counts),
		UNIT(without_one_of_its_parts_it_says_nothing),
	};

	return UNIT_RUN(tests);
}
