/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recipe of values: modules, choices by the release, and names that would leave the source. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/source/conf.h"
#include "src/source/recipe-make.h"

static const struct mf_recipe_kernel kernel = { "6.1.0-57-amd64", "x86_64", "/headers", NULL, 1 };
static char source_name[] = "name", source_version[] = "1", source_path[] = "usr/src/name-1";
static const struct mf_source source = { MF_SOURCE_DKMS, source_name, source_version, source_path };

static int make(struct root *r, const char *conf, struct mf_recipe *recipe)
{
	struct values values = { 0 };
	struct conf_fault fault;
	int code;

	*recipe = (struct mf_recipe){ 0 };
	assert_int_equal(source_conf_parse(conf, strlen(conf), &values, &fault), 0);
	code = recipe_make(&r->ctx, "FILE", &source, &kernel, &values, recipe);
	source_values_done(&values);
	return code;
}

static void refuse(struct root *r, const char *conf, const char *what, const char *why)
{
	struct mf_recipe recipe;

	assert_int_equal(make(r, conf, &recipe), -MFE_SOURCE);
	assert_string_equal(r->ctx.failure.what, what);
	if (!strstr(r->ctx.failure.why, why))
		fail_msg("%s: %s", conf, r->ctx.failure.why);
}

static void modules_have_their_paths_and_names(void **state)
{
	struct mf_recipe recipe;

	assert_int_equal(
		make(*state,
		     "BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[1]=b-c\n"
		     "BUILT_MODULE_LOCATION[1]=./src//d/\nDEST_MODULE_NAME[1]=e\nSTRIP[1]=No\n"
		     "AUTOINSTALL=YES\n",
		     &recipe),
		0);
	assert_int_equal(recipe.n, 2);
	assert_string_equal(recipe.modules[0].built, "a");
	assert_string_equal(recipe.modules[0].name, "a");
	assert_true(recipe.modules[0].strip);
	assert_string_equal(recipe.modules[1].built, "src/d/b-c");
	assert_string_equal(recipe.modules[1].name, "e");
	assert_false(recipe.modules[1].strip);
	assert_true(recipe.autoinstall);
	assert_false(recipe.no_weak_modules);
	assert_string_equal(recipe.place, "/var/lib/dkms/name/1/build");
	mf_recipe_done(&recipe);
}

static void a_single_module_without_a_name_has_that_of_the_package(void **state)
{
	struct mf_recipe recipe;

	assert_int_equal(make(*state, "PACKAGE_NAME=p\nDEST_MODULE_LOCATION=/extra\n", &recipe), 0);
	assert_string_equal(recipe.modules[0].built, "p");
	mf_recipe_done(&recipe);
	refuse(*state, "PACKAGE_NAME=p\nDEST_MODULE_LOCATION[0]=/a\nDEST_MODULE_LOCATION[1]=/a\n",
	       "FILE", "BUILT_MODULE_NAME[0]");
	refuse(*state, "PACKAGE_NAME=p\n", "FILE", "names no module");
}

static void the_release_chooses_make_and_patches(void **state)
{
	struct mf_recipe recipe;

	assert_int_equal(
		make(*state,
		     "BUILT_MODULE_NAME=m\nMAKE[0]=zero\nMAKE[1]=one\nMAKE_MATCH[1]=^6\n"
		     "MAKE[2]=two\nMAKE_MATCH[2]=^5\n"
		     "PATCH[0]=a\nPATCH[1]=b/c\nPATCH_MATCH[1]=^5\nPATCH[2]=d\nPATCH_MATCH[2]=57\n",
		     &recipe),
		0);
	assert_string_equal(recipe.make, "one");
	assert_int_equal(recipe.patches.n, 2);
	assert_string_equal(recipe.patches.v[0], "patches/a");
	assert_string_equal(recipe.patches.v[1], "patches/d");
	mf_recipe_done(&recipe);
	assert_int_equal(make(*state, "BUILT_MODULE_NAME=m\nMAKE=zero\nMAKE_MATCH=^5\n", &recipe),
			 0);
	assert_true(mf_starts_with(recipe.make, "make -j1 "));
	mf_recipe_done(&recipe);
}

static void names_that_leave_the_source_or_their_word_are_refused(void **state)
{
	static const char *const names[] = { "../a",   "a/b",	  "a.ko", "a.b", "'a b'",
					     "'a\nb'", "%a",	  "'$x'", "-a",	 ".a",
					     "''",     "'a\x1b'", "a%{x}" };
	static const char *const paths[] = { "..",    "a/../b", "/a",	"'a b'", "'a\nb'", "a%b",
					     "'a;b'", "-a",	"a/-b", "'a*'",	 "'a\x1b'" };
	char conf[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(conf, sizeof(conf), "\nBUILT_MODULE_NAME=%s\n", names[i]);
		refuse(*state, conf, "FILE:2", "BUILT_MODULE_NAME[0]");
		snprintf(conf, sizeof(conf), "BUILT_MODULE_NAME=m\nDEST_MODULE_NAME=%s\n",
			 names[i]);
		if (strcmp(names[i], "''") != 0)
			refuse(*state, conf, "FILE:2", "DEST_MODULE_NAME[0]");
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		snprintf(conf, sizeof(conf), "BUILT_MODULE_NAME=m\nBUILT_MODULE_LOCATION=%s\n",
			 paths[i]);
		refuse(*state, conf, "FILE:2", "BUILT_MODULE_LOCATION[0]");
		snprintf(conf, sizeof(conf), "BUILT_MODULE_NAME=m\nPATCH=%s\n", paths[i]);
		refuse(*state, conf, "FILE:2", "PATCH[0]");
	}
	refuse(*state, "BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[1]=a\n", "FILE", "two modules");
}

static void what_decides_is_not_left_to_a_shell(void **state)
{
	refuse(*state, "BUILT_MODULE_NAME=$(x)\n", "FILE:1", "only a shell");
	refuse(*state, "BUILT_MODULE_NAME=a\nSTRIP[3]=`x`\n", "FILE:2", "trust-dkms-conf=yes");
	refuse(*state, "BUILT_MODULE_NAME=a\nBUILD_EXCLUSIVE_KERNEL='a{999}'\n", "FILE:2",
	       "too large");
	refuse(*state, "BUILT_MODULE_NAME=a\nMAKE=x\nMAKE_MATCH='a{999}'\n", "FILE:3", "too large");
}

static void what_has_no_effect_is_noted(void **state)
{
	struct mf_recipe recipe;

	assert_int_equal(make(*state,
			      "BUILT_MODULE_NAME=a\nPOST_INSTALL=x\nREMAKE_INITRD=yes\n"
			      "BUILD_DEPENDS[0]='b c'\nBUILD_DEPENDS[1]=d\nNO_WEAK_MODULES=yes\n"
			      "BUILD_EXCLUSIVE_ARCH=arm\n",
			      &recipe),
			 0);
	assert_int_equal(recipe.notes.n, 2);
	assert_string_equal(recipe.notes.v[0],
			    "POST_INSTALL has no effect: packages of drivers run nothing");
	assert_int_equal(recipe.depends.n, 3);
	assert_string_equal(recipe.depends.v[2], "d");
	assert_true(recipe.no_weak_modules);
	assert_non_null(strstr(recipe.excluded, "arm"));
	mf_recipe_done(&recipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(modules_have_their_paths_and_names),
		ROOTED(a_single_module_without_a_name_has_that_of_the_package),
		ROOTED(the_release_chooses_make_and_patches),
		ROOTED(names_that_leave_the_source_or_their_word_are_refused),
		ROOTED(what_decides_is_not_left_to_a_shell),
		ROOTED(what_has_no_effect_is_noted),
	};

	return UNIT_RUN(tests);
}
