/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The share of each kind of content in a primary.xml. */
#include "tests/unit.h"
#include "tests/packs.h"

static const char primary[] = "<?xml version=\"1.0\"?>\n"
			      "<package type=\"rpm\">\n"
			      "  <name>x</name>\n"
			      "  <summary>What it is</summary>\n"
			      "  <format>\n"
			      "    <rpm:provides>\n"
			      "      <rpm:entry name=\"ksym(amd64:a)\" ver=\"1\"/>\n"
			      "      <rpm:entry name=\"kalias(amd64-1:fs-x)\"/>\n"
			      "    </rpm:provides>\n"
			      "    <rpm:requires>\n"
			      "      <rpm:entry name=\"ksym(amd64:b)\" ver=\"2\"/>\n"
			      "      <rpm:entry name=\"other\"/>\n"
			      "    </rpm:requires>\n"
			      "    <rpm:supplements>\n"
			      "      <rpm:entry name=\"modalias(kernel-x:pci:*)\"/>\n"
			      "    </rpm:supplements>\n"
			      "  </format>\n"
			      "</package>";

static size_t line_with(const char *part)
{
	const char *at = strstr(primary, part), *start = at, *end = strchr(at, '\n');

	while (start > primary && start[-1] != '\n')
		start--;
	return (size_t)(end - start) + 1;
}

static void each_line_counts_once_for_what_it_is(void **state)
{
	uint64_t shares[MF_PACK_N_SHARES], sum = 0;

	pack_metadata_shares(primary, strlen(primary), shares);
	assert_int_equal(shares[MF_PACK_SHARE_KSYM_PROVIDES], line_with("amd64:a"));
	assert_int_equal(shares[MF_PACK_SHARE_KSYM_REQUIRES], line_with("amd64:b"));
	assert_int_equal(shares[MF_PACK_SHARE_KALIAS], line_with("kalias"));
	assert_int_equal(shares[MF_PACK_SHARE_MODALIAS], line_with("modalias"));
	assert_int_equal(shares[MF_PACK_SHARE_RELATIONS], line_with("other"));
	assert_int_equal(shares[MF_PACK_SHARE_TEXT], line_with("<summary>"));
	for (size_t i = 0; i < MF_PACK_N_SHARES; i++)
		sum += shares[i];
	assert_int_equal(sum, strlen(primary));
}

static void any_bytes_are_counted_without_reading_beyond(void **state)
{
	static const char *const texts[] = { "",      "<",	     "   ",
					     "<rpm:", "  <rpm:entr", "<rpm:entry \n",
					     "\n\n" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		uint64_t shares[MF_PACK_N_SHARES], sum = 0;
		size_t len = strlen(texts[i]);
		char *exact = malloc(len + 1); /* for the sanitizers: no NUL after it */

		memcpy(exact, texts[i], len);
		pack_metadata_shares(exact, len, shares);
		for (size_t s = 0; s < MF_PACK_N_SHARES; s++)
			sum += shares[s];
		assert_int_equal(sum, len);
		free(exact);
	}
}

static void a_repository_without_primary_is_the_tools_failure(void **state)
{
	struct packs *p = packs_new();

	packs_open(p);
	packs_write(p, "repodata/repomd.xml", "<repomd></repomd>");
	assert_int_equal(pack_metadata_measure(&p->pack, p->pack.repo_fd), -MFE_TOOL);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_line_counts_once_for_what_it_is),
		UNIT(any_bytes_are_counted_without_reading_beyond),
		UNIT(a_repository_without_primary_is_the_tools_failure),
	};

	return UNIT_RUN(tests);
}
