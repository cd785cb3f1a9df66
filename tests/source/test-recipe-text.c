/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts for the box, run by bash where their effect counts. */
#include "tests/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "src/source/conf.h"
#include "src/source/recipe-make.h"

static struct mf_recipe_kernel kernel = { "6.1.0", "x86_64", "/h's", NULL, 2 };

static void texts(const char *conf, unsigned int index, struct mf_recipe *recipe)
{
	struct values values = { 0 };
	struct conf_fault fault;

	*recipe = (struct mf_recipe){ .place = strdup("/var/lib/dkms/n/1/build") };
	assert_int_equal(source_conf_parse(conf, strlen(conf), &values, &fault), 0);
	assert_int_equal(recipe_texts(&values, &kernel, index, recipe), 0);
	source_values_done(&values);
}

/* What bash prints for a text. */
static void prints(const char *text, const char *expected)
{
	char output[512] = "";
	FILE *f;

	assert_int_equal(setenv("TEXT", text, 1), 0);
	f = popen("exec bash -c \"$TEXT\"", "re");
	assert_non_null(f);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	pclose(f);
	assert_string_equal(output, expected);
}

static void without_a_make_it_is_the_usual_one(void **state)
{
	struct mf_recipe recipe;

	texts("", 0, &recipe);
	assert_string_equal(recipe.make, "make -j2 KERNELRELEASE=6.1.0 -C '/h'\\''s' "
					 "M='/var/lib/dkms/n/1/build'");
	assert_string_equal(recipe.clean, "make -C '/h'\\''s' M='/var/lib/dkms/n/1/build' clean");
	assert_null(recipe.pre_build);
	assert_null(recipe.post_build);
	mf_recipe_done(&recipe);
}

static void only_a_make_gets_its_arguments(void **state)
{
	struct mf_recipe recipe;

	texts("MAKE='make all'\nMAKE[1]='env make all'\nCLEAN='make clean'\n", 0, &recipe);
	assert_string_equal(recipe.make, "make -j2 KERNELRELEASE=6.1.0 all");
	assert_string_equal(recipe.clean, "make clean");
	mf_recipe_done(&recipe);
	texts("MAKE='make all'\nMAKE[1]='env make all'\n", 1, &recipe);
	assert_string_equal(recipe.make, "env make all");
	mf_recipe_done(&recipe);
}

static void a_kernel_of_clang_is_built_for_by_clang(void **state)
{
	struct mf_recipe recipe;

	kernel.config = "CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n";
	texts("MAKE='make all'\n", 0, &recipe);
	assert_string_equal(recipe.make, "make -j2 KERNELRELEASE=6.1.0 all CC=clang LD=ld.lld");
	mf_recipe_done(&recipe);
	texts("MAKE=\"make $(echo x)\"\n", 0, &recipe);
	assert_non_null(strstr(recipe.make, "eval \"$modfetch_text CC=clang LD=ld.lld\""));
	mf_recipe_done(&recipe);
	kernel.config = NULL;
}

static void a_shell_expands_what_only_it_can(void **state)
{
	struct mf_recipe recipe;

	/* once, in its order, with the quotes of the file */
	texts("A='a  b'\nB=$(echo \"[$A]\"; echo x >&2)\nMAKE=\"echo '$B' \\\"$A\\\" $B\"\n", 0,
	      &recipe);
	prints(recipe.make, "[a  b] a  b [a b]\n");
	mf_recipe_done(&recipe);
}

static void single_quotes_leave_it_to_the_second_look(void **state)
{
	struct mf_recipe recipe;

	texts("A=b\nMAKE='echo $A'\nA=c\nCLEAN='echo `echo $A`'\n", 0, &recipe);
	prints(recipe.make, "c\n");
	prints(recipe.clean, "c\n");
	mf_recipe_done(&recipe);
}

static void a_program_of_the_source_is_run_by_its_words(void **state)
{
	struct mf_recipe recipe;

	texts("PRE_BUILD='no-such a'\nPOST_BUILD=\"$(echo none)\"\n", 0, &recipe);
	prints(recipe.pre_build, "no-such: not executable\n");
	prints(recipe.post_build, "none: not executable\n");
	mf_recipe_done(&recipe);
	/* neither its quotes nor its expansions mean anything */
	assert_int_equal(chdir("/bin"), 0);
	texts("PRE_BUILD='echo a \"$(x)\" ;b'\n", 0, &recipe);
	prints(recipe.pre_build, "a \"$(x)\" ;b\n");
	mf_recipe_done(&recipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(without_a_make_it_is_the_usual_one),
		UNIT(only_a_make_gets_its_arguments),
		UNIT(a_kernel_of_clang_is_built_for_by_clang),
		UNIT(a_shell_expands_what_only_it_can),
		UNIT(single_quotes_leave_it_to_the_second_look),
		UNIT(a_program_of_the_source_is_run_by_its_words),
	};

	return UNIT_RUN(tests);
}
