/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests what the running kernel refuses. For rules and modprobe.d with a real repository see
 * road/denied.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/libkmod.h"
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

static void the_kernel_command_line_is_obeyed(void **state)
{
	static const char *const no[] = {
		"module_blacklist=e1000e\n",
		"quiet module_blacklist=e1000e ro\n",
		"module_blacklist=x,snd-hda-intel,e1000e\n",
		"module_blacklist=x module_blacklist=e1000e",
		"module_blacklist=e1000e module_blacklist=x",
		"module_blacklist=\"e1000e\"",
		"module_blacklist=\"x,e1000e\" ro",
		"module_blacklist=\"x, e1000e\" ro",
		"\"module_blacklist=e1000e\"",
		"module-blacklist=e1000e",
		"quiet\tmodule_blacklist=e1000e",
		"quiet\xa0module_blacklist=e1000e",
		"a=\"b c\" module_blacklist=e1000e",
		"--x module_blacklist=e1000e -- init",
		"module_blacklist=e1000e.ko",
		"module_blacklist=,,e1000e,",
	};
	static const char *const nothing[] = {
		"quiet\n",
		"module_blacklist=e1000\n",
		"xmodule_blacklist=e1000e\n",
		"module_blacklist= e1000e\n",
		"kernel.module_blacklist=e1000e",
		"a=\"b module_blacklist=e1000e\"",
		"quiet -- module_blacklist=e1000e",
		"module_blacklist",
		"module_blacklist=E1000E",
		"module_blacklist=e1000e-x",
		"modprobe.blacklist=e1000e", /* blacklists apply to devices and aliases only */
		"",
	};
	struct root *r = *state;

	r->ctx.kernel_running = true;
	for (size_t i = 0; i < MF_ARRAY_SIZE(no); i++)
		assert_true(refused(r, no[i], "0\n", "e1000e"));
	for (size_t i = 0; i < MF_ARRAY_SIZE(nothing); i++)
		assert_false(refused(r, nothing[i], "0\n", "e1000e"));
	assert_true(refused(r, no[2], "0\n", "snd_hda_intel"));
}

/* Is e1000e refused by modprobe.d and this kernel command line? */
static bool blocked(struct root *r, const char *cmdline, const char *conf, bool by_alias)
{
	const struct mf_request request = { .module = "e1000e", .by_alias = by_alias };
	_cleanup_free_ char *why = NULL;
	struct mf_policy *policy;
	struct mf_kmod *kmod;
	int is;

	root_write(r, "proc/cmdline", cmdline);
	root_write(r, "etc/modprobe.d/x.conf", conf);
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(mf_policy_new(&r->ctx, kmod, &policy), 0);
	is = mf_policy_check(policy, &request, &why);
	assert_true(is == 0 || is == 1);
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	return is;
}

static void modprobe_blacklists_apply_to_aliases(void **state)
{
	static const char *const lines[] = {
		"modprobe.blacklist=e1000e",
		"modprobe.blacklist=x,e1000e ro",
		"modprobe.blacklist=\"e1000e\"",
		"modprobe.blacklist=\"x,e1000e\"",
		"\"modprobe.blacklist=e1000e\"",
		"quiet\tmodprobe.blacklist=e1000e",
		"modprobe.blacklist=x modprobe.blacklist=e1000e",
	};
	static const char *const confs[] = {
		"blacklist e1000e\n",	"blacklist \t e1000e  \n", "\tblacklist e1000e",
		"blacklist\te1000e\n",	"blacklist \\\ne1000e\n",  "blacklist e1000e # not\n",
		"blacklist e1000e\r\n", "# x\nblacklist e1000e\n", "black\\\nlist e1000e\n",
	};
	struct root *r = *state;

	r->ctx.kernel_running = true;
	for (size_t i = 0; i < MF_ARRAY_SIZE(lines); i++) {
		if (!blocked(r, lines[i], "", true))
			fail_msg("passed over: %s", lines[i]);
		assert_false(blocked(r, lines[i], "", false));
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(confs); i++) {
		if (!blocked(r, "", confs[i], true))
			fail_msg("passed over: %s", confs[i]);
		assert_false(blocked(r, "", confs[i], false));
	}
	assert_false(blocked(r, "modprobe.blacklist=x", "blacklist x\n#blacklist e1000e\n", true));
	assert_false(blocked(r, "", "# a \\\nblacklist e1000e\n", true));
}

static void install_lines_apply_to_names_and_aliases(void **state)
{
	static const char *const no[] = {
		"install e1000e /bin/false\n",
		"install e1000e exit 1\n",
		"install\te1000e\t/bin/false\r\n",
		"install e1000e \\\n/bin/false\n",
		"install e1000e /bin/false # modprobe -i e1000e\n",
		"install e1000e\r /bin/false\n",
		"install e1000e /bin/false\ninstall e1000e modprobe -i e1000e\n",
	};
	static const char *const yes[] = {
		"install e1000e /sbin/modprobe --ignore-install e1000e\n",
		"install e1000e modprobe -i \\\ne1000e && true\n",
		"install e1000 /bin/false\n",
		"remove e1000e /bin/false\n",
		"options e1000e install=/bin/false\n",
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(no); i++)
		if (!blocked(r, "", no[i], true) || !blocked(r, "", no[i], false))
			fail_msg("passed over: %s", no[i]);
	for (size_t i = 0; i < MF_ARRAY_SIZE(yes); i++)
		if (blocked(r, "", yes[i], true) || blocked(r, "", yes[i], false))
			fail_msg("refused: %s", yes[i]);
}

static void modules_disabled_refuses_all_modules(void **state)
{
	struct root *r = *state;

	r->ctx.kernel_running = true;
	assert_true(refused(r, "", "1\n", "e1000e"));
	assert_false(refused(r, "", "0\n", "e1000e"));
	assert_false(refused(r, "", "", "e1000e"));
}

static void the_running_kernel_does_not_restrict_another(void **state)
{
	struct root *r = *state;

	r->ctx.kernel_running = false;
	assert_false(refused(r, "module_blacklist=e1000e", "1\n", "e1000e"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_kernel_command_line_is_obeyed),
		ROOTED(modprobe_blacklists_apply_to_aliases),
		ROOTED(install_lines_apply_to_names_and_aliases),
		ROOTED(modules_disabled_refuses_all_modules),
		ROOTED(the_running_kernel_does_not_restrict_another),
	};

	return UNIT_RUN(tests);
}
