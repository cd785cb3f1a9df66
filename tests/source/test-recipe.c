/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recipe from the file, and from the values that a shell has written. With bash and real files:
 * oracle.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/source.h"

#define CONF "usr/src/name-1/dkms.conf"

static const struct mf_recipe_kernel kernel = { KERNEL, "x86_64", "/headers", NULL, 1 };
static char source_name[] = "name", source_version[] = "1", source_path[] = "usr/src/name-1";
static const struct mf_source source = { MF_SOURCE_DKMS, source_name, source_version, source_path };

static void refused(struct root *r, int code, const char *what, const char *why)
{
	struct mf_recipe recipe = { 0 };

	assert_int_equal(mf_recipe_read(&r->ctx, &source, &kernel, &recipe), code);
	assert_string_equal(r->ctx.failure.what, what);
	if (!strstr(r->ctx.failure.why, why))
		fail_msg("%s", r->ctx.failure.why);
}

static void a_file_becomes_a_recipe(void **state)
{
	struct root *r = *state;
	struct mf_recipe recipe = { 0 };

	root_write(r, CONF, "BUILT_MODULE_NAME=$module\nMAKE=\"make K=$kernelver\"\n");
	assert_int_equal(mf_recipe_read(&r->ctx, &source, &kernel, &recipe), 0);
	assert_string_equal(recipe.modules[0].built, "name");
	assert_string_equal(recipe.make, "make -j1 KERNELRELEASE=" KERNEL " K=" KERNEL);
	mf_recipe_done(&recipe);
}

static void what_cannot_be_read_is_refused_with_its_place(void **state)
{
	struct root *r = *state;
	char *large = malloc(70000);

	assert_non_null(large);
	refused(r, -ENOENT, CONF, "No such file");
	root_write(r, CONF, "A=1\nif \x1b[ x ]; then\n");
	refused(r, -MFE_SOURCE, CONF ":2",
		"\"if ?[ x ]; then\": only a shell can run it; trust-dkms-conf=yes");
	memset(large, '\n', 70000);
	root_write_bytes(r, CONF, large, 70000);
	refused(r, -MFE_SOURCE, CONF, "64 KiB");
	free(large);
	assert_int_equal(unlinkat(r->fd, CONF, 0), 0);
	assert_int_equal(mkfifoat(r->fd, CONF, 0644), 0);
	refused(r, -EINVAL, CONF, "Invalid");
}

static int from_values(struct root *r, const char *buf, size_t len, struct mf_recipe *recipe)
{
	*recipe = (struct mf_recipe){ 0 };
	return mf_recipe_from_values(&r->ctx, &source, &kernel, buf, len, recipe);
}

static void values_of_a_shell_become_a_recipe(void **state)
{
	static const char values[] = "BUILT_MODULE_NAME[0]=a=b\0MAKE[1]=x";
	static const char good[] = "BUILT_MODULE_NAME[0]=a\0MAKE[0]=make '$(x)'\0PATCH[3]=";
	struct mf_recipe recipe;

	assert_int_equal(from_values(*state, values, sizeof(values), &recipe), -MFE_SOURCE);
	assert_int_equal(from_values(*state, good, sizeof(good), &recipe), 0);
	assert_string_equal(recipe.modules[0].name, "a");
	assert_non_null(strstr(recipe.make, "\nmake -j1 KERNELRELEASE=" KERNEL " '$(x)'"));
	mf_recipe_done(&recipe);
}

static void other_lists_of_values_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "BUILT_MODULE_NAME[0]=a", 22 },     { "kernelver[0]=a", 15 },
		{ "BUILT_MODULE_NAME[0]", 21 },	      { "BUILT_MODULE_NAME[]=a", 22 },
		{ "BUILT_MODULE_NAME[1024]=a", 26 },  { "BUILT_MODULE_NAME[00000]=a", 27 },
		{ "BUILT_MODULE_NAME=a", 20 },	      { "[0]=a", 6 },
		{ "BUILT_MODULE_NAME[0]=a\0\0", 24 }, { "", 0 },
		{ "BUILT_MODULE_NAME[0]=../a", 26 },  { "BUILT_MODULE_NAME[0", 20 },
	};
	struct mf_recipe recipe;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (from_values(*state, bad[i].text, bad[i].len, &recipe) != -MFE_SOURCE)
			fail_msg("%s is accepted", bad[i].text);
}

static void the_shell_writes_what_the_parser_reads(void **state)
{
	struct root *r = *state;
	struct mf_recipe recipe;
	char *text = mf_recipe_shell(&source, &kernel, "it's"), *values = NULL;
	size_t len;

	root_write(r, CONF,
		   "echo noise\nif [ $kernelver = " KERNEL
		   " ]; then BUILT_MODULE_NAME[2]='x\ny'; fi\n"
		   "BUILT_MODULE_NAME[0]=a\nSTRIP=(no yes)\nUNKNOWN=1\n");
	assert_non_null(text);
	assert_int_equal(fchdir(r->fd), 0);
	assert_int_equal(chdir("usr/src/name-1"), 0);
	assert_int_equal(setenv("TEXT", text, 1), 0);
	/* a directive of the environment is none of the file */
	assert_int_equal(setenv("CLEAN", "x", 1), 0);
	assert_int_equal(system("exec bash -c \"$TEXT\" 2>/dev/null"), 0);
	assert_int_equal(mf_file_read_at(AT_FDCWD, "it's", 4096, &values, &len), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(len, sizeof("BUILT_MODULE_NAME[0]=a\0BUILT_MODULE_NAME[2]=x\ny\0STRIP[0]="
				     "no\0STRIP[1]=yes"));
	assert_memory_equal(
		values,
		"BUILT_MODULE_NAME[0]=a\0BUILT_MODULE_NAME[2]=x\ny\0STRIP[0]=no\0STRIP[1]=yes",
		len);
	/* two names, of which the second is missing */
	assert_int_equal(from_values(r, values, len, &recipe), -MFE_SOURCE);
	free(values);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_file_becomes_a_recipe),
		ROOTED(what_cannot_be_read_is_refused_with_its_place),
		ROOTED(values_of_a_shell_become_a_recipe),
		ROOTED(other_lists_of_values_are_refused),
		ROOTED(the_shell_writes_what_the_parser_reads),
	};

	return UNIT_RUN(tests);
}
