/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of udev's rules are used, and the result of parsing their lines. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/udev-device.h"

static struct mf_udev_rules *rules_of(struct root *r, const char *text)
{
	struct mf_udev_rules *rules = mf_udev_rules_new();

	assert_non_null(rules);
	assert_int_equal(mf_udev_rules_parse(&r->ctx, rules, "t.rules", text, strlen(text)), 0);
	return rules;
}

/* Each line as "conditions: modules >go_to; ". */
static const char *describe(const struct mf_udev_rules *rules)
{
	static char text[4000];
	size_t n;
	const struct mf_udev_line *lines = mf_udev_rules_lines(rules, &n);
	FILE *f = fmemopen(text, sizeof(text), "w");

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < lines[i].n_conditions; k++) {
			const struct mf_udev_condition *c = &lines[i].conditions[k];

			fprintf(f, "%d", (int)c->key);
			if (c->attribute)
				fprintf(f, "{%s}", c->attribute);
			fprintf(f, "%s%s%s ", c->negated ? "!=" : "==", c->ignore_case ? "i" : "",
				c->value);
		}
		for (size_t k = 0; k < lines[i].modules.n; k++)
			fprintf(f, "+%s", lines[i].modules.v[k]);
		if (lines[i].go_to)
			fprintf(f, ">%zu", lines[i].go_to);
		fputs("; ", f);
	}
	fputc('\0', f);
	fclose(f);
	return text;
}

static const char *parsed(struct root *r, const char *text)
{
	struct mf_udev_rules *rules = rules_of(r, text);
	const char *output = describe(rules);

	mf_udev_rules_free(rules);
	return output;
}

static const char *machine(struct root *r)
{
	struct mf_udev_rules *rules = NULL;
	const char *output;

	assert_int_equal(mf_udev_rules_read(&r->ctx, &rules), 0);
	output = describe(rules);
	mf_udev_rules_free(rules);
	return output;
}

#define LOAD(name) "RUN{builtin}+=\"kmod load " name "\""

static void a_line_has_conditions_and_modules(void **state)
{
	assert_string_equal(
		parsed(*state, "SUBSYSTEM==\"memstick\", " LOAD("ms_block mspro_block")),
		"3==memstick +ms_block+mspro_block; ");
	assert_string_equal(
		parsed(*state, "KERNEL!=\"a\" ENV{X}==\"y\",TEST{0644}==\"z\", " LOAD("m")),
		"2!=a 5{X}==y 7{0644}==z +m; ");
	assert_string_equal(parsed(*state, "\tATTR {a}==\"1\""), "");
	assert_string_equal(parsed(*state, "ATTRS{idVendor} == \"1\" ,\t" LOAD("m")),
			    "11{idVendor}==1 +m; ");
	/* every operator that adds to the list of programs */
	assert_string_equal(
		parsed(*state, "RUN{builtin}=\"kmod load a\", RUN{builtin}:=\"kmod  load b a\""),
		"+a+b; ");
}

static void other_lines_are_not_kept(void **state)
{
	static const char *const texts[] = {
		"ENV{MODALIAS}==\"?*\", RUN{builtin}+=\"kmod load\"",
		"KERNEL==\"kmod\", MODE=\"0640\"",
		"RUN{builtin}+=\"uaccess kmod load\"",
		"RUN{program}+=\"kmod load x\"",
		"RUN+=\"kmod load x\"",
		"# " LOAD("x"),
		"ACTION!=\"add\", GOTO=\"end\"\nRUN{builtin}+=\"kmod load\"\nLABEL=\"end\"",
		/* not a valid rule */
		"KERNEL=\"x\", " LOAD("x"),
		"KERNEL{x}==\"x\", " LOAD("x"),
		"ENV==\"x\", " LOAD("x"),
		"KERNEL==\"x, " LOAD("x"),
		"KERNEL==x, " LOAD("x"),
		"==\"x\", " LOAD("x"),
		"ATTR{x==\"x\", " LOAD("x"),
		"KERNEL==e\"\\q\", " LOAD("x"),
		/* only udev can evaluate this */
		"PROGRAM=\"/bin/true\", " LOAD("x"),
		"IMPORT{program}=\"/bin/true\", " LOAD("x"),
		"TAG==\"t\", " LOAD("x"),
		"RESULT!=\"t\", " LOAD("x"),
		"ATTR{$env{X}}==\"1\", " LOAD("x"),
		"TEST==\"/sys$devpath/x\", " LOAD("x"),
		LOAD("$env{MODALIAS}"),
		LOAD("x%k"),
		LOAD("-x"),
		"",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++)
		assert_string_equal(parsed(*state, texts[i]), "");
}

static void lines_are_joined_and_comments_left_out(void **state)
{
	assert_string_equal(
		parsed(*state, "  KERNEL==\"a\", \\\n  # between\n  " LOAD("m") "\n\n# end"),
		"2==a +m; ");
	/* udev drops an unfinished line */
	assert_string_equal(parsed(*state, LOAD("a") "\\"), "");
}

static void a_line_longer_than_udevs_is_ignored(void **state)
{
	char text[40000];

	memset(text, ' ', sizeof(text));
	memcpy(text, "KERNEL==\"a\",", 12);
	strcpy(text + 17000, LOAD("m") "\n" LOAD("n"));
	assert_string_equal(parsed(*state, text), "+n; ");
}

static void a_goto_leads_to_its_label_further_down(void **state)
{
	assert_string_equal(parsed(*state, "LABEL=\"end\"\nACTION!=\"add\", GOTO=\"end\"\n" LOAD(
						   "a") "\n"
							"GOTO=\"none\"\n" LOAD(
								"b") "\nLABEL=\"end\"\n" LOAD("c")),
			    "0!=add >4; +a; ; +b; +c; ");
	/* a GOTO whose conditions only udev can evaluate is kept */
	assert_string_equal(
		parsed(*state, "PROGRAM==\"x\", GOTO=\"end\"\n" LOAD("a") "\nLABEL=\"end\""),
		"12==x >2; +a; ");
}

static void one_file_of_a_name_counts(void **state)
{
	struct root *r = *state;

	assert_string_equal(machine(r), "");
	root_write(r, "usr/lib/udev/rules.d/50-a.rules", LOAD("vendor"));
	root_write(r, "usr/lib/udev/rules.d/40-b.rules", LOAD("first"));
	root_write(r, "usr/lib/udev/rules.d/60-c.conf", LOAD("not_rules"));
	assert_string_equal(machine(r), "+first; +vendor; ");
	root_write(r, "run/udev/rules.d/50-a.rules", LOAD("volatile"));
	assert_string_equal(machine(r), "+first; +volatile; ");
	root_write(r, "etc/udev/rules.d/50-a.rules", LOAD("admin"));
	assert_string_equal(machine(r), "+first; +admin; ");
	root_link(r, "/dev/null", "etc/udev/rules.d/40-b.rules");
	assert_string_equal(machine(r), "+admin; ");
	root_write(r, "etc/udev/rules.d/50-a.rules", "");
	assert_string_equal(machine(r), "");
}

static void a_link_to_a_file_is_followed_inside_the_root(void **state)
{
	struct root *r = *state;

	root_write(r, "opt/rules", LOAD("linked"));
	root_mkdir(r, "etc/udev/rules.d");
	root_link(r, "/opt/rules", "etc/udev/rules.d/50-a.rules");
	assert_string_equal(machine(r), "+linked; ");
}

static void what_others_could_write_is_ignored(void **state)
{
	struct root *r = *state;

	r->ctx.log_level = MF_LOG_ERROR;
	root_write(r, "etc/udev/rules.d/50-a.rules", LOAD("a"));
	assert_int_equal(fchmodat(r->fd, "etc/udev/rules.d/50-a.rules", 0666, 0), 0);
	assert_string_equal(machine(r), "");
	assert_int_equal(fchmodat(r->fd, "etc/udev/rules.d/50-a.rules", 0644, 0), 0);
	assert_string_equal(machine(r), "+a; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_line_has_conditions_and_modules),
		ROOTED(other_lines_are_not_kept),
		ROOTED(lines_are_joined_and_comments_left_out),
		ROOTED(a_line_longer_than_udevs_is_ignored),
		ROOTED(a_goto_leads_to_its_label_further_down),
		ROOTED(one_file_of_a_name_counts),
		ROOTED(a_link_to_a_file_is_followed_inside_the_root),
		ROOTED(what_others_could_write_is_ignored),
	};

	return UNIT_RUN(tests);
}
