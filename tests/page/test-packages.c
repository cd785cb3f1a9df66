/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the page keeps of primary.xml. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "tests/page.h"

#define ENTRY(name) "<rpm:entry name=\"" name "\"/>"
#define PACKAGE(head, provides, requires, recommends, supplements)                                 \
	"<metadata xmlns=\"c\" xmlns:rpm=\"r\"><package type=\"rpm\">" head                        \
	"<arch>x86_64</arch><version epoch=\"0\" ver=\"6.1.0\" rel=\"57\"/>"                       \
	"<size package=\"100\" installed=\"200\" archive=\"300\"/>"                                \
	"<location href=\"x86_64/a.rpm\"/><format><rpm:provides>" provides                         \
	"</rpm:provides><rpm:requires>" requires "</rpm:requires><rpm:recommends>" recommends      \
						 "</rpm:recommends><rpm:supplements>" supplements  \
						 "</rpm:supplements></format></package></"         \
						 "metadata>"

static void parse(const char *xml, struct page_repo *repo)
{
	assert_int_equal(page_packages_parse(xml, strlen(xml), repo), 0);
	assert_int_equal(repo->n_packages, 1);
}

static void assert_list(const struct mf_strings *list, const char *expected)
{
	_cleanup_free_ char *joined = mf_strings_join(list, " ");

	assert_string_equal(joined, expected);
}

static void names_are_kept_and_symbols_are_not(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };
	const struct page_package *package;

	parse(PACKAGE("<name>a-kmp</name><summary>A driver</summary>",
		      ENTRY("kmod(snd-a.ko)") ENTRY("a-kmp") ENTRY("kalias(amd64-6.1.0_57:fs-a%2E)")
			      ENTRY("ksym(amd64:f)"),
		      ENTRY("ksym(amd64:g)") ENTRY("b-kmp-x") ENTRY("rpmlib(X)")
			      ENTRY("kernel-uname-r"),
		      ENTRY("c-kmp-x") ENTRY("firmware(a%2Fb.bin)") ENTRY("kmp-firmware-a"),
		      ENTRY("modalias(kernel-amd64-6.1.0_57:pci:v00008086d*sv%2Da)")
			      ENTRY("(kernel-amd64-image-6.1.0_57 and a-kmp-amd64)")),
	      &repo);
	package = &repo.packages[0];
	assert_string_equal(package->name, "a-kmp");
	assert_string_equal(package->summary, "A driver");
	assert_string_equal(package->version, "6.1.0-57");
	assert_string_equal(package->arch, "x86_64");
	assert_string_equal(package->href, "x86_64/a.rpm");
	assert_int_equal(package->size, 100);
	assert_int_equal(package->installed, 200);
	assert_false(package->is_image);
	assert_list(&package->modules, "snd_a");
	assert_list(&package->patterns, "fs_a. pci:v00008086d*sv_a");
	assert_list(&package->requires, "b-kmp-x");
	assert_list(&package->recommends, "c-kmp-x");
	assert_list(&package->firmware, "a/b.bin kmp-firmware-a");
}

static void a_kernel_has_its_modules_inside(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };

	parse(PACKAGE("<name>kernel-amd64-image</name>",
		      ENTRY("kernel-uname-r") ENTRY("kmod(loop.ko)"), "", "", ""),
	      &repo);
	assert_true(repo.packages[0].is_image);
}

static void hostile_texts_are_printable(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };

	/* a change of the writing direction; an alias with a newline or without its bracket */
	parse(PACKAGE("<name>a</name><summary>x\xe2\x80\xaey&lt;b&gt;</summary>", "", "",
		      ENTRY("firmware(a\xe2\x80\xae.bin)"),
		      ENTRY("modalias(k:pci:%0A)") ENTRY("modalias(k:pci:%5Ba)") ENTRY(
			      "modalias(k:pci:%C3%A4)") ENTRY("modalias(k:)") ENTRY("modalias(k)")),
	      &repo);
	assert_string_equal(repo.packages[0].summary, "x???y<b>");
	assert_list(&repo.packages[0].patterns, "");
	assert_list(&repo.packages[0].firmware, "a???.bin");
}

static void an_incomplete_package_is_an_error(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };
	static const char nameless[] = PACKAGE("", "", "", "", ""), torn[] = "<metadata><package>";

	assert_int_equal(page_packages_parse(nameless, strlen(nameless), &repo), -EBADMSG);
	assert_int_equal(page_packages_parse(torn, strlen(torn), &repo), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(names_are_kept_and_symbols_are_not),
		UNIT(a_kernel_has_its_modules_inside),
		UNIT(hostile_texts_are_printable),
		UNIT(an_incomplete_package_is_an_error),
	};

	return UNIT_RUN(tests);
}
