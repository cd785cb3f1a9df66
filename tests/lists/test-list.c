/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists as text: what is accepted, what is refused with which line, and that what is written is read. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/list.h"
#include "modfetch/strings.h"

#define HEAD "modfetch-list 1\nkernel 6.1.0-56-amd64\nmachine x86_64\n"
#define NIC  "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"

static int parse(struct mf_context *ctx, const char *text, struct mf_lists *ret_lists)
{
	*ret_lists = (struct mf_lists){ 0 };
	ctx->failure = (struct mf_failure){ 0 };
	return mf_lists_parse(ctx, "LIST", text, strlen(text), ret_lists);
}

/* The text must be refused, with WHY in the reason. */
static void refuse(struct mf_context *ctx, const char *text, const char *why)
{
	struct mf_lists lists;

	assert_int_equal(parse(ctx, text, &lists), -MFE_BAD_LIST);
	assert_int_equal(lists.n, 0);
	if (!strstr(ctx->failure.why, why))
		fail_msg("%s: no \"%s\" in: %s", text, why, ctx->failure.why);
}

static void a_list_is_read(void **state)
{
	struct root *r = *state;
	struct mf_lists lists;
	const struct mf_list *list;

	assert_int_equal(parse(&r->ctx,
			       HEAD
			       "releasever 12\n# a comment\n\nmissing " NIC
			       "\nmissing platform:Fixed MDIO bus\nname xfs\npresent loop\r\n"
			       "firmware a/b.fw\nfile /usr/sbin/depmod\nexport 1a2b foo vmlinux\n"
			       "later-kind x\nend 11\n",
			       &lists),
			 0);
	assert_int_equal(lists.n, 1);
	list = &lists.v[0];
	assert_string_equal(list->kernel, KERNEL);
	assert_string_equal(list->machine, "x86_64");
	assert_string_equal(list->releasever, "12");
	assert_int_equal(list->lines[MF_LIST_MISSING].n, 2);
	assert_string_equal(list->lines[MF_LIST_MISSING].v[1], "platform:Fixed MDIO bus");
	assert_string_equal(list->lines[MF_LIST_PRESENT].v[0], "loop");
	assert_string_equal(list->lines[MF_LIST_FIRMWARE].v[0], "a/b.fw");
	assert_string_equal(list->lines[MF_LIST_EXPORT].v[0], "1a2b foo vmlinux");
	mf_lists_done(&lists);
}

static void several_lists_follow_each_other(void **state)
{
	struct root *r = *state;
	struct mf_lists lists;

	assert_int_equal(parse(&r->ctx, HEAD "end 2\n" HEAD "name xfs\nend\n", &lists), 0);
	assert_int_equal(lists.n, 2);
	assert_int_equal(lists.v[0].lines[MF_LIST_NAME].n, 0);
	assert_int_equal(lists.v[1].lines[MF_LIST_NAME].n, 1);
	mf_lists_done(&lists);
}

static void a_text_that_is_no_list_is_refused_with_its_line(void **state)
{
	struct root *r = *state;
	struct mf_context *ctx = &r->ctx;

	refuse(ctx, "", "empty");
	refuse(ctx, "\n# nothing\n", "empty");
	refuse(ctx, "hello\n", "line 1: it is not");
	refuse(ctx, "modfetch-list 2\nend\n", "another version");
	refuse(ctx, HEAD, "before its last line");
	refuse(ctx, HEAD "name xfs\nend 2\n", "line 5: lines of the list are missing");
	refuse(ctx, HEAD "end 2\nname xfs\n", "line 5: it is not");
	refuse(ctx, "modfetch-list 1\nkernel 6.1.0-56-amd64\nend\n", "no machine");
	refuse(ctx, HEAD "machine x86_64\nend\n", "line 4: it stands twice");
}

static void a_value_out_of_bounds_is_refused(void **state)
{
	static const char *const lines[] = {
		"missing ",
		"missing pci:[",
		"name \x1b[31m",
		"present ../x",
		"present a/b",
		"present e1000e.evil",
		"present a-b",
		"builtin ",
		"firmware /etc/passwd",
		"firmware ../../etc/passwd",
		"firmware a/../b",
		"firmware a//b",
		"firmware a/.",
		"firmware .",
		"firmware ..",
		"firmware a b",
		"file etc/passwd",
		"file /etc/modfetch/repos.d/x.repo",
		"file /usr/bin/../../etc/x",
		"file /usr/bin/",
		"export foo",
		"export 1a2b foo",
		"export 123456789 foo vmlinux",
		"export xyz foo vmlinux",
		"export 1a2b foo a/b",
		"releasever ../..",
		"releasever 12\nreleasever 13",
	};
	static const char *const kernels[] = { "../..", "", "x", "6.1/0", "6.1.0 amd64" };
	struct root *r = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text), HEAD "%s\nend\n", lines[i]);
		refuse(&r->ctx, text, "line ");
	}
	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++) {
		snprintf(text, sizeof(text), "modfetch-list 1\nkernel %s\nmachine m\nend\n",
			 kernels[i]);
		refuse(&r->ctx, text, "line 2");
	}
}

static void sizes_are_bounded(void **state)
{
	struct root *r = *state;
	char *long_line = calloc(1, 8192), *many = NULL;
	size_t len;
	FILE *f;

	snprintf(long_line, 64, HEAD "name ");
	memset(long_line + strlen(long_line), 'x', 4000);
	strcat(long_line, "\nend\n");
	refuse(&r->ctx, long_line, "too long");
	free(long_line);
	f = open_memstream(&many, &len);
	fputs(HEAD, f);
	for (int i = 0; i < 16385; i++)
		fprintf(f, "missing pci:v%08X\n", (unsigned int)i);
	fputs("end\n", f);
	fclose(f);
	refuse(&r->ctx, many, "line 16388: there are too many");
	free(many);
	f = open_memstream(&many, &len);
	for (int i = 0; i < 65; i++)
		fputs(HEAD "end 2\n", f);
	fclose(f);
	refuse(&r->ctx, many, "more than 64 lists");
	free(many);
}

static void a_nul_is_no_end_of_the_text(void **state)
{
	static const char text[] = HEAD "name xfs\0\nend 3\n";
	struct root *r = *state;
	struct mf_lists lists = { 0 };

	assert_int_equal(mf_lists_parse(&r->ctx, "LIST", text, sizeof(text) - 1, &lists),
			 -MFE_BAD_LIST);
	assert_non_null(strstr(r->ctx.failure.why, "not printable"));
}

static void files_are_read_and_added(void **state)
{
	struct root *r = *state;
	struct mf_lists lists = { 0 };
	char path[128];

	root_write(r, "one", HEAD "end 2\n");
	snprintf(path, sizeof(path), "%s/one", r->path);
	assert_int_equal(mf_lists_read(&r->ctx, path, &lists), 0);
	assert_int_equal(mf_lists_read(&r->ctx, path, &lists), 0);
	assert_int_equal(lists.n, 2);
	mf_lists_done(&lists);
	snprintf(path, sizeof(path), "%s/none", r->path);
	assert_int_equal(mf_lists_read(&r->ctx, path, &lists), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_list_is_read),
		ROOTED(several_lists_follow_each_other),
		ROOTED(a_text_that_is_no_list_is_refused_with_its_line),
		ROOTED(a_value_out_of_bounds_is_refused),
		ROOTED(sizes_are_bounded),
		ROOTED(a_nul_is_no_end_of_the_text),
		ROOTED(files_are_read_and_added),
	};

	return UNIT_RUN(tests);
}
