/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running kernel says no to. Rules and modprobe.d over a real repository: road/denied.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/kmod.h"
#include "modfetch/policy.h"

/* Is the module refused with that kernel command line and that switch? */
static bool refused(struct root *r, const char *cmdline, const char *disabled, const char *module)
{
	const struct mf_request request = { .module = module, .package = "x-kmp" };
	_cleanup_free_ char *why = NULL;
	struct mf_policy *policy;
	struct mf_kmod *kmod;
	int is;

	root_write(r, "proc/cmdline", cmdline);
	root_write(r, "proc/sys/kernel/modules_disabled", disabled);
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(mf_policy_new(&r->ctx, kmod, &policy), 0);
	is = mf_policy_check(policy, &request, &why);
	assert_true(is == 0 || is == 1);
	if (is) {
		assert_non_null(strstr(why, module));
		assert_non_null(
			strstr(why, strstr(why, "modules_disabled") ? "is set" : "names it"));
	}
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	return is;
}

static void the_command_line_of_the_kernel_counts(void **state)
{
	static const char *const no[] = {
		"module_blacklist=e1000e\n",
		"quiet module_blacklist=e1000e ro\n",
		"module_blacklist=x,snd-hda-intel,e1000e\n",
		"module_blacklist=x module_blacklist=e1000e",
	};
	static const char *const nothing[] = {
		"quiet\n",
		"module_blacklist=e1000\n",
		"xmodule_blacklist=e1000e\n",
		"module_blacklist= e1000e\n",
		"",
	};
	struct root *r = *state;

	r->ctx.kernel_running = true;
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_true(refused(r, no[i], "0\n", "e1000e"));
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
		assert_false(refused(r, nothing[i], "0\n", "e1000e"));
	assert_true(refused(r, no[2], "0\n", "snd_hda_intel"));
}

static void a_kernel_that_takes_no_modules_gets_none(void **state)
{
	struct root *r = *state;

	r->ctx.kernel_running = true;
	assert_true(refused(r, "", "1\n", "e1000e"));
	assert_false(refused(r, "", "0\n", "e1000e"));
	assert_false(refused(r, "", "", "e1000e"));
}

static void another_kernel_is_not_asked(void **state)
{
	struct root *r = *state;

	r->ctx.kernel_running = false;
	assert_false(refused(r, "module_blacklist=e1000e", "1\n", "e1000e"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_command_line_of_the_kernel_counts),
		ROOTED(a_kernel_that_takes_no_modules_gets_none),
		ROOTED(another_kernel_is_not_asked),
	};

	return UNIT_RUN(tests);
}
