/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The installed packages with the rules that hold them, from the rpm database.
 *
 * The files of a package say which modules it has: many foreign packages do not list them among
 * their provides.
 */
#include "modfetch/held.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"

struct walk {
	const struct mf_rules *rules;
	mf_installed_visit *visit;
	void *arg;
};

static int held_modules_of(const struct mf_rpm_header *header, struct mf_strings *ret_modules)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];
		char name[MF_MODULE_NAME_SIZE];

		if (!S_ISDIR(file->mode) && !file->left_out && mf_is_module(file->path) &&
		    mf_module_name(file->path, name, sizeof(name)))
			r = mf_strings_add_unique(ret_modules, name);
	}
	mf_strings_sort(ret_modules);
	return r;
}

static int on_header(void *arg, void *data)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header header = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	const struct walk *walk = arg;
	struct mf_installed package = { .modules = &modules };
	int r = mf_rpm_header(data, &header);

	/* what is no package for us is none to be held */
	if (r == -MFE_BAD_PACKAGE)
		return 0;
	/* a kernel is held by its name alone, see held.c */
	if (!r && !header.uname_r.n)
		r = held_modules_of(&header, &modules);
	if (r < 0)
		return r;
	package.name = header.name;
	package.evr = header.evr;
	package.arch = header.arch;
	package.rule = mf_rules_find_package(
		walk->rules, MF_RULE_HOLD, &(struct mf_facts){ .package = header.name }, &modules);
	return walk->visit(walk->arg, &package);
}

int mf_installed_each(struct mf_context *ctx, const struct mf_rules *rules,
		      mf_installed_visit *visit, void *arg)
{
	struct walk walk = { rules, visit, arg };

	return mf_rpm_each_installed(ctx, NULL, on_header, &walk);
}

int mf_installed_find(struct mf_context *ctx, const struct mf_rules *rules, const char *label,
		      mf_installed_visit *visit, void *arg)
{
	const struct mf_strings one = { (char **)&label, 1, 0 };
	struct walk walk = { rules, visit, arg };

	return mf_rpm_each_installed(ctx, &one, on_header, &walk);
}

/* May a shell get the word as it is? */
static bool is_plain_word(const char *word, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.+:@%,=";

	return strspn(word, plain) >= len;
}

char *mf_held_way_out(const struct mf_rule *rule)
{
	static const char prefix[] = "hold ";
	const char *p = rule->text + strlen(prefix), *value = strchr(p, ' ') + 1;
	char *text = strdup("modfetch unhold");

	if (strcmp(rule->file, MF_RULES_ADMIN) != 0 || strchr(p, '\'')) {
		free(text);
		return mf_format("remove that line of /" MF_RULES_DIRECTORY "/%s", rule->file);
	}
	/* of one condition its value is enough */
	if (!strchr(value, ' '))
		p = value;
	while (text && *p) {
		_cleanup_free_ char *before = text;
		size_t len = strcspn(p, " ");
		const char *quote = is_plain_word(p, len) ? "" : "'";

		text = mf_format("%s %s%.*s%s", before, quote, (int)len, p, quote);
		p += len + (p[len] == ' ');
	}
	return text;
}
