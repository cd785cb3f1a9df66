/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts that the box runs.
 *
 * dkms runs MAKE and CLEAN by eval, in the shell that has read the file: so a text may use any
 * variable of the file or of dkms. A text with a '$' or '`' therefore gets assignments of all
 * variables in front; without one it stands as it is. A value that has expansions for a shell
 * (values.c) is assigned to a variable first, which expands it, and then run by eval, as dkms does.
 *
 * A MAKE that begins with "make" gets the number of jobs and KERNELRELEASE as its first arguments.
 * One for a kernel built by clang gets CC and LD at its end.
 *
 * PRE_BUILD and POST_BUILD name a program of the source and its arguments, separated by blanks,
 * without quotes. If it is missing or not executable, dkms warns and goes on.
 */
#include "recipe-make.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "directives.h"
#include "modfetch/cleanup.h"
#include "modfetch/kernel-config.h"

void mf_recipe_done(struct mf_recipe *recipe)
{
	free(recipe->place);
	free(recipe->make);
	free(recipe->clean);
	free(recipe->pre_build);
	free(recipe->post_build);
	mf_strings_done(&recipe->patches);
	for (size_t i = 0; i < recipe->n; i++) {
		free(recipe->modules[i].built);
		free(recipe->modules[i].name);
	}
	free(recipe->modules);
	free(recipe->package);
	free(recipe->excluded);
	mf_strings_done(&recipe->depends);
	mf_strings_done(&recipe->notes);
	*recipe = (struct mf_recipe){ 0 };
}

/*
 * A variable that a text may name. Of the source_directives, those that only a shell can expand: it
 * does so once, here.
 */
static bool text_may_name(const struct value *value)
{
	return value->index == 0 && (value->shell || !source_directive_is(value->name) ||
				     !strncmp(value->name, "PACKAGE_", 8));
}

static int text_add_string(struct text *text, const char *s)
{
	return source_text_add(text, s, strlen(s));
}

/* "NAME='value'" and a newline. */
static int text_add_assignment(struct text *text, const char *name, const struct value *value)
{
	int r = text_add_string(text, name);

	if (r == 0)
		r = text_add_string(text, value->shell ? "=\"" : "=");
	if (r == 0)
		r = value->shell ? text_add_string(text, value->text)
				 : source_text_add_quoted(text, value->text);
	if (r == 0)
		r = text_add_string(text, value->shell ? "\"\n" : "\n");
	return r;
}

static int text_add_variables(struct text *text, const struct values *values)
{
	int r = 0;

	for (size_t i = 0; i < values->n && r == 0; i++)
		if (text_may_name(&values->v[i]))
			r = text_add_assignment(text, values->v[i].name, &values->v[i]);
	return r;
}

/* "CC=clang" and "LD=ld.lld", for a kernel that was built with them. */
static const char *compiler_of(const char *config)
{
	bool clang = mf_kernel_config_has(config, "CONFIG_CC_IS_CLANG");
	bool lld = mf_kernel_config_has(config, "CONFIG_LD_IS_LLD");

	return clang && lld ? " CC=clang LD=ld.lld" : clang ? " CC=clang" : lld ? " LD=ld.lld" : "";
}

/*
 * "modfetch_text=value" and a newline, after text_add_variables() if the value is one for a shell.
 */
static int text_add_text(struct text *text, const struct value *value)
{
	int r = 0;

	if (!value->shell || value->index)
		return text_add_assignment(text, "modfetch_text", value);
	r = text_add_string(text, "modfetch_text=$");
	if (r == 0)
		r = text_add_string(text, value->name);
	return r ? r : text_add_string(text, "\n");
}

/* The arguments that dkms gives to make. */
static char *make_words(const struct mf_recipe_kernel *kernel)
{
	return mf_format("make -j%u KERNELRELEASE=%s", kernel->jobs ? kernel->jobs : 1,
			 kernel->release);
}

/* VALUE as dkms runs it: MAKE with its arguments, other texts with "" for BEFORE and AFTER. */
static int text_command(struct text *text, const struct values *values, const struct value *value,
			const char *make, const char *after)
{
	bool is_make = make && mf_starts_with(value->text, "make");
	int r = 0;

	if (value->shell || strpbrk(value->text, "$`"))
		r = text_add_variables(text, values);
	if (r < 0)
		return r;
	if (!value->shell) {
		r = is_make ? text_add_string(text, make) : 0;
		if (r == 0)
			r = text_add_string(text, value->text + (is_make ? strlen("make") : 0));
		return r ? r : text_add_string(text, after);
	}
	r = text_add_text(text, value);
	if (r == 0 && make)
		r = text_add_string(text, "case $modfetch_text in\nmake*) modfetch_text='");
	if (r == 0 && make)
		r = text_add_string(text, make);
	if (r == 0 && make)
		r = text_add_string(text, "'\"${modfetch_text#make}\" ;;\nesac\n");
	if (r == 0)
		r = text_add_string(text, "eval \"$modfetch_text\"");
	if (r == 0 && *after) {
		text->n--;
		r = text_add_string(text, after);
		r = r ? r : text_add_string(text, "\"");
	}
	return r;
}

/* A program of the source. */
static int text_program(struct text *text, const struct values *values, const struct value *value)
{
	int r = value->shell ? text_add_variables(text, values) : 0;

	if (r == 0)
		r = text_add_assignment(text, "modfetch_text", value);
	return r ? r
		 : text_add_string(text,
				   "if [ -x \"./${modfetch_text%% *}\" ]; then ./$modfetch_text; "
				   "else echo \"${modfetch_text%% *}: not executable\"; fi");
}

static int text_of(const struct values *values, const char *name, bool is_program, char **ret_text)
{
	_cleanup_(source_text_done) struct text text = { 0 };
	const struct value *value = source_values_find(values, name, 0);
	int r;

	if (!value || !*value->text)
		return 0;
	r = is_program ? text_program(&text, values, value)
		       : text_command(&text, values, value, NULL, "");
	if (r == 0)
		*ret_text = MF_STEAL(text.v);
	return r;
}

/* "make -C HEADERS M=PLACE": the words of a shell. */
static char *default_make(const struct mf_recipe_kernel *kernel, const char *place,
			  const char *target)
{
	_cleanup_(source_text_done) struct text text = { 0 };

	if (text_add_string(&text, "make -C ") < 0 ||
	    source_text_add_quoted(&text, kernel->headers) < 0 ||
	    text_add_string(&text, " M=") < 0 || source_text_add_quoted(&text, place) < 0 ||
	    text_add_string(&text, target) < 0)
		return NULL;
	return MF_STEAL(text.v);
}

int recipe_texts(const struct values *values, const struct mf_recipe_kernel *kernel,
		 unsigned int index, struct mf_recipe *recipe)
{
	_cleanup_(source_text_done) struct text text = { 0 };
	_cleanup_free_ char *words = make_words(kernel),
			    *usual = default_make(kernel, recipe->place, "");
	const struct value *value = source_values_find(values, "MAKE", index);
	struct value standard = { .text = usual };
	int r;

	if (!words || !usual)
		return -ENOMEM;
	r = text_command(&text, values, value && *value->text ? value : &standard, words,
			 compiler_of(kernel->config));
	if (r == 0)
		r = text_of(values, "CLEAN", false, &recipe->clean);
	if (r == 0)
		r = text_of(values, "PRE_BUILD", true, &recipe->pre_build);
	if (r == 0)
		r = text_of(values, "POST_BUILD", true, &recipe->post_build);
	if (r == 0 && !recipe->clean &&
	    !(recipe->clean = default_make(kernel, recipe->place, " clean")))
		return -ENOMEM;
	if (r == 0)
		recipe->make = MF_STEAL(text.v);
	return r;
}
