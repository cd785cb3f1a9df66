/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages are kept for a kernel, and what of them. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/rescue/rescue.h"

#define KERNEL "6.1.0-56-amd64"
#define DIGEST "fce4367b7984caed81ca98cfe5fc77a62677b005863d3ff63bbc878035a698c9"
#define SUM    "<checksum type=\"sha256\" pkgid=\"YES\">" DIGEST "</checksum>"
#define FILE_  SUM "<size package=\"56428\" installed=\"1\"/><location href=\"a/p.rpm\"/>"
#define PACKAGE(name, rest)                                                                        \
	"<package type=\"rpm\"><name>" name "</name>" FILE_ "<format>" rest "</format></package>"
#define LIST(kind, entries) "<rpm:" kind ">" entries "</rpm:" kind ">"
#define ENTRY(name)	    "<rpm:entry name=\"" name "\" flags=\"EQ\"/>"
#define ALL(packages)	    "<metadata xmlns:rpm=\"u\">" packages "</metadata>"

static void parse(const char *text, const char *kernel, struct rescue_repo *repo)
{
	assert_int_equal(rescue_primary_parse(text, strlen(text), kernel, repo), 0);
}

static void a_driver_is_kept_with_what_matters(void **state)
{
	_cleanup_(rescue_repo_done) struct rescue_repo repo = { 0 };
	const struct rescue_package *p;

	parse(ALL(PACKAGE(
		      "nvme-kmp-amd64-6.1.0_56",
		      LIST("provides", ENTRY("kmod(nvme-x.ko)") ENTRY("ksym(amd64:f)")) LIST(
			      "requires", ENTRY("ksym(amd64:g)") ENTRY("core-kmp-amd64-6.1.0_56"))
			      LIST("recommends", ENTRY("v-firmware"))
				      LIST("supplements",
					   ENTRY("modalias(kernel-amd64-6.1.0_56:pci:v%2DA*)")
						   ENTRY("modalias(kernel-amd64:of:N*)")
							   ENTRY("modalias(acpi*:X:*)")))),
	      KERNEL, &repo);
	assert_int_equal(repo.n, 1);
	p = &repo.v[0];
	assert_string_equal(p->name, "nvme-kmp-amd64-6.1.0_56");
	assert_string_equal(p->file.location, "a/p.rpm");
	assert_int_equal(p->file.size, 56428);
	assert_int_equal(p->modules.n, 1);
	assert_string_equal(p->modules.v[0], "nvme_x");
	assert_int_equal(p->drivers.n, 2);
	assert_string_equal(p->drivers.v[0], "core-kmp-amd64-6.1.0_56");
	assert_int_equal(p->patterns.n, 3);
	assert_string_equal(p->patterns.v[0], "pci:v_A*");
	assert_string_equal(p->patterns.v[2], "acpi*:X:*");
}

static void another_kernels_packages_and_patterns_are_left_out(void **state)
{
	_cleanup_(rescue_repo_done) struct rescue_repo repo = { 0 };

	parse(ALL(PACKAGE("a-kmp-amd64-6.1.0_55", "") PACKAGE("b-kmp-rt-6.1.0_56", "") PACKAGE(
		      "c-kmp-amd64", "") PACKAGE("d-kmp-tool-kmp-amd64-6.1.0_56", "")
			  PACKAGE("kmod-e", LIST("provides", ENTRY("modalias(pci:v1*)") ENTRY(
								     "modalias(kernel-rt:pci:v2*)")
								     ENTRY("modalias(pci:[v*)")
									     ENTRY("modalias(")))),
	      KERNEL, &repo);
	assert_int_equal(repo.n, 3);
	assert_string_equal(repo.v[0].name, "c-kmp-amd64");
	assert_string_equal(repo.v[1].name, "d-kmp-tool-kmp-amd64-6.1.0_56");
	assert_int_equal(repo.v[2].patterns.n, 1);
	assert_string_equal(repo.v[2].patterns.v[0], "pci:v1*");
}

static void a_package_without_its_digest_or_place_is_left_out(void **state)
{
	_cleanup_(rescue_repo_done) struct rescue_repo repo = { 0 };
	static const char text[] =
		ALL("<package><name>a</name>" SUM "</package>"
		    "<package><name>b</name><location href=\"b\"/></package>"
		    "<package><name>c</name><checksum type=\"md5\">" DIGEST
		    "</checksum><location href=\"c\"/></package>"
		    "<package>" SUM "<location href=\"d\"/></package>" PACKAGE("e", ""));

	parse(text, KERNEL, &repo);
	assert_int_equal(repo.n, 1);
	assert_string_equal(repo.v[0].name, "e");
	assert_int_equal(rescue_primary_parse(text, sizeof(text) - 20, KERNEL, &repo), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_driver_is_kept_with_what_matters),
		UNIT(another_kernels_packages_and_patterns_are_left_out),
		UNIT(a_package_without_its_digest_or_place_is_left_out),
	};

	return UNIT_RUN(tests);
}
