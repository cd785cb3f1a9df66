/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as a graph, and the same plan as a case. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/query.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(nic.ko) nic-kmp-" TAG,
	  .requires = "ksym(amd64:a)=1 ksym(amd64:b)=2 ksym(amd64:printk)=12",
	  .recommends = "extra-kmp-" TAG,
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = "ptp-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(ptp.ko) ksym(amd64:a)=1 ksym(amd64:b)=2 ksym(amd64:unused)=3 "
		      "ptp-kmp-" TAG },
	{ .name = "extra-kmp-" TAG, .evr = "1-1", .provides = "kmod(extra.ko) extra-kmp-" TAG },
	{ .name = "other-kmp-" TAG, .evr = "1-1", .provides = "kmod(other.ko) other-kmp-" TAG },
};

static int setup(void **state)
{
	int r = primary_setup(state, packages, N(packages));

	root_write(*state, "etc/modprobe.d/x.conf", "# secret\nblacklist floppy\n");
	root_write(*state, "proc/cmdline", "root=/dev/secret module_blacklist=pcspkr quiet\n");
	root_write(*state, "lib/modules/" KERNEL "/symvers",
		   "0x00000012\tprintk\tvmlinux\tEXPORT\t\n0x00000013\tmutex\tvmlinux\tEXPORT\t\n");
	return r;
}

static char *output_of(struct root *r, const char *query, bool dot)
{
	struct mf_run run = { .verb = "lookup", .dry_run = true };
	struct mf_failure failure;
	struct mf_want want;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int done;

	assert_int_equal(mf_want_init(&r->ctx, query, NULL, &want), 0);
	assert_int_equal(mf_wants_add(&run.wants, &want), 0);
	done = mf_pipeline_run(&r->ctx, &run);
	failure = r->ctx.failure;
	assert_non_null(run.catalog);
	if (dot)
		assert_int_equal(mf_dot_write(&r->ctx, &run, out), 0);
	else
		assert_int_equal(mf_case_write(&r->ctx, &run, done < 0 ? &failure : NULL, out), 0);
	fclose(out);
	mf_run_done(&run);
	return text;
}

#define HAS(text, part)	  assert_non_null(strstr(text, part))
#define LACKS(text, part) assert_null(strstr(text, part))

static void a_plan_is_drawn_with_the_symbols_that_need_it(void **state)
{
	char *text = output_of(*state, "pci:v8086d1", true);

	assert_int_equal(strncmp(text, "digraph ", 8), 0);
	HAS(text, "\"q:pci:v8086d1\" -> \"m:nic\" [label=\"pci:v8086*\"];\n");
	HAS(text, "\"m:nic\" -> \"p:nic-kmp-" TAG "\";\n");
	HAS(text,
	    "\"p:nic-kmp-" TAG "\" -> \"p:ptp-kmp-" TAG "\" [label=\"symbol a and 1 more\"];\n");
	HAS(text, "\"p:nic-kmp-" TAG "\" -> \"p:extra-kmp-" TAG "\" [label=\"extra-kmp-" TAG
		  "\", style=dashed];\n");
	LACKS(text, "other-kmp");
	LACKS(text, "printk");
	free(text);
}

static void quotes_in_names_do_not_end_the_graph(void **state)
{
	char *text = output_of(*state, "pci:x\"; evil \\", true);

	HAS(text, "\"q:pci:x\\\"; evil \\\\\" [");
	free(text);
}

static void a_case_has_what_the_plan_depends_on_and_no_more(void **state)
{
	char *text = output_of(*state, "pci:v8086d1", false);

	HAS(text, "kernel " KERNEL "\n");
	HAS(text, "repository main priority=");
	HAS(text, "  package nic-kmp-" TAG " 1-1 x86_64\n");
	HAS(text, "    requires ksym(amd64:printk) = 12\n");
	HAS(text, "    supplements modalias(kernel-" TAG ":pci:v8086*)\n");
	HAS(text, "    provides ksym(amd64:b) = 2\n");
	HAS(text, "  package extra-kmp-" TAG " 1-1");
	HAS(text, "symvers\n  printk 12 vmlinux\n");
	HAS(text, "file etc/modprobe.d/x.conf\n  blacklist floppy\n");
	HAS(text, "file proc/cmdline\n  module_blacklist=pcspkr\n");
	HAS(text, "query pci:v8086d1\n");
	HAS(text, "  pci:v8086d1 is available nic\n");
	HAS(text, "  install ptp-kmp-" TAG "-1-1 from main\n");
	LACKS(text, "other");
	LACKS(text, "unused");
	LACKS(text, "mutex");
	LACKS(text, "secret");
	LACKS(text, "fails");
	free(text);
}

static void a_case_says_how_a_run_failed(void **state)
{
	static const struct primary broken[] = {
		{ .name = "nic-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(nic.ko) nic-kmp-" TAG,
		  .requires = "ksym(amd64:gone)=1",
		  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	};
	struct root *r = *state;
	char *text;

	assert_int_equal(primary_cache(&r->ctx, "main", broken, N(broken), 2), 0);
	text = output_of(r, "pci:v8086d1", false);
	HAS(text, "    requires ksym(amd64:gone) = 1\n");
	HAS(text, "  fails NO-SYMBOL\n");
	free(text);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, root_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_plan_is_drawn_with_the_symbols_that_need_it),
		CASE(quotes_in_names_do_not_end_the_graph),
		CASE(a_case_has_what_the_plan_depends_on_and_no_more),
		CASE(a_case_says_how_a_run_failed),
	};

	return UNIT_RUN(tests);
}
