/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiler and the headers of a kernel, and the packages that have them. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/build.h"
#include "src/build/tools.h"

#define HEADERS "usr/src/headers"
#define CONFIG	HEADERS "/include/config/auto.conf"

static void make_headers(struct root *r, const char *config)
{
	root_write(r, HEADERS "/Makefile", "");
	root_write(r, CONFIG, config);
	if (!root_has(r, "lib/modules/" KERNEL "/build"))
		root_link(r, "/" HEADERS, "lib/modules/" KERNEL "/build");
}

static void assert_compiler(struct root *r, const char *config, const char *compiler)
{
	struct build_tools tools;

	make_headers(r, config);
	assert_int_equal(build_tools_find(&r->ctx, &tools), 0);
	assert_string_equal(tools.headers, "/lib/modules/" KERNEL "/build");
	if (compiler)
		assert_string_equal(tools.compiler, compiler);
	else
		assert_null(tools.compiler);
	build_tools_done(&tools);
}

static void the_compiler_is_the_one_that_built_the_kernel(void **state)
{
	struct root *r = *state;

	assert_compiler(r, "CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n",
			"gcc-12");
	/* the headers of Debian have no quotes */
	assert_compiler(r, "CONFIG_X=y\nCONFIG_CC_VERSION_TEXT=gcc-12 (Debian) 12.2.0\n", "gcc-12");
	assert_compiler(
		r, "CONFIG_CC_IS_CLANG=y\nCONFIG_CC_VERSION_TEXT=\"Debian clang version 14\"\n",
		"clang");
	assert_compiler(r, "CONFIG_CC_VERSION_TEXT=\"../../evil (x) 1\"\n", NULL);
	assert_compiler(r, "CONFIG_CC_VERSION_TEXTS=\"gcc-12 x\"\n", NULL);
	assert_compiler(r, "", NULL);
}

static void a_change_of_the_headers_changes_the_digest(void **state)
{
	struct root *r = *state;
	struct build_tools a, b, c;

	make_headers(r, "CONFIG_CC_VERSION_TEXT=\"gcc (GCC) 13\"\n");
	assert_int_equal(build_tools_find(&r->ctx, &a), 0);
	assert_int_equal(build_tools_find(&r->ctx, &b), 0);
	assert_memory_equal(a.digest, b.digest, sizeof(a.digest));
	root_write(r, HEADERS "/Module.symvers", "0x1\tx\tvmlinux\tEXPORT_SYMBOL\t\n");
	assert_int_equal(build_tools_find(&r->ctx, &c), 0);
	assert_memory_not_equal(a.digest, c.digest, sizeof(a.digest));
	build_tools_done(&a);
	build_tools_done(&b);
	build_tools_done(&c);
}

static void missing_headers_are_named_with_their_package(void **state)
{
	struct root *r = *state;
	struct mf_build_missing missing;
	struct build_tools tools;

	assert_int_equal(build_tools_find(&r->ctx, &tools), 0);
	assert_null(tools.headers);
	build_tools_done(&tools);
	assert_int_equal(mf_build_missing(&r->ctx, &missing), 0);
	assert_true(mf_strings_has(&missing.things, "the headers of " KERNEL));
	/* the names depend on the package manager of this machine */
	if (!access("/usr/bin/apt-get", X_OK)) {
		assert_true(mf_strings_has(&missing.packages, "linux-headers-" KERNEL));
		assert_string_equal(missing.command.v[0], "apt-get");
	}
	assert_int_equal(build_tools_check(&r->ctx), -MFE_TOOL);
	assert_non_null(strstr(r->ctx.failure.what, "the headers of " KERNEL));
	mf_build_missing_done(&missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_compiler_is_the_one_that_built_the_kernel),
		ROOTED(a_change_of_the_headers_changes_the_digest),
		ROOTED(missing_headers_are_named_with_their_package),
	};

	return UNIT_RUN(tests);
}
