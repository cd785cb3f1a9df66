/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sources of refusals, as a table in the order in which they are checked. Each function returns
 * the refusal in words, or NULL. What the running kernel refuses counts only if that kernel is the
 * target. All files are read once; a check reads nothing from disk.
 */
#include "modfetch/policy.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/rules.h"
#include "modfetch/strings.h"
#include "install-line.h"
#include "kernel-cmdline.h"

struct mf_policy {
	const struct mf_context *ctx;
	struct mf_kmod *kmod;
	struct mf_rules *rules;
	bool modules_disabled;
	struct mf_strings blacklist;	   /* module_blacklist= */
	struct mf_strings alias_blacklist; /* modprobe.blacklist= */
	struct mf_pending_loads attempts;  /* of other boots */
};

typedef const char *policy_check(const struct mf_policy *policy, const struct mf_request *request);

/* ---- the running kernel ---- */

static char *policy_read_file(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	char *text = NULL;
	size_t len;

	return fd >= 0 && mf_file_read(fd, 65536, &text, &len) == 0 ? text : NULL;
}

/* "a,b-c", the value of a blacklist */
static int policy_add_names(struct mf_strings *names, const char *list)
{
	_cleanup_(mf_strings_done) struct mf_strings listed = { 0 };
	int r = mf_strings_split(&listed, list);

	for (size_t i = 0; !r && i < listed.n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (mf_module_name(listed.v[i], name, sizeof(name)))
			r = mf_strings_add(names, name);
	}
	return r;
}

/*
 * Of several module_blacklist= parameters the kernel uses the last, and kmod takes quotes around
 * the names of modprobe.blacklist= for a part of them. The administrator meant all of these names,
 * so all count here.
 */
static int policy_on_parameter(void *arg, const char *key, const char *value)
{
	struct mf_policy *policy = arg;

	if (value && mf_cmdline_is(key, "module_blacklist"))
		return policy_add_names(&policy->blacklist, value);
	if (value && !strcmp(key, "modprobe.blacklist"))
		return policy_add_names(&policy->alias_blacklist, value);
	return 0;
}

static int policy_read_kernel(struct mf_policy *policy)
{
	_cleanup_free_ char *disabled =
		policy_read_file(policy->ctx, "proc/sys/kernel/modules_disabled");
	_cleanup_free_ char *line = policy_read_file(policy->ctx, "proc/cmdline");

	policy->modules_disabled = disabled && disabled[0] == '1';
	return line ? mf_cmdline_each(line, policy_on_parameter, policy) : 0;
}

void mf_policy_free(struct mf_policy *policy)
{
	if (!policy)
		return;
	mf_rules_free(policy->rules);
	mf_strings_done(&policy->blacklist);
	mf_strings_done(&policy->alias_blacklist);
	mf_pending_loads_done(&policy->attempts);
	free(policy);
}

int mf_policy_new(struct mf_context *ctx, struct mf_kmod *kmod, struct mf_policy **ret_policy)
{
	struct mf_policy *policy = calloc(1, sizeof(*policy));
	int r = policy ? 0 : -ENOMEM;

	if (policy)
		*policy = (struct mf_policy){ .ctx = ctx, .kmod = kmod };
	if (!r && ctx->kernel_running)
		r = policy_read_kernel(policy);
	if (r < 0)
		mf_fail(ctx, MF_STAGE_POLICY, r, "policy", NULL);
	else
		r = mf_rules_read(ctx, &policy->rules);
	if (!r)
		r = mf_pending_loads_read(ctx, &policy->attempts);
	if (r < 0) {
		mf_policy_free(policy);
		return r;
	}
	*ret_policy = policy;
	return 0;
}

const struct mf_rules *mf_policy_rules(const struct mf_policy *policy)
{
	return policy->rules;
}

/* ---- the checks ---- */

static const char *check_modules_disabled(const struct mf_policy *policy,
					  const struct mf_request *request)
{
	return policy->modules_disabled ? "kernel.modules_disabled is set" : NULL;
}

static const char *check_kernel_cmdline(const struct mf_policy *policy,
					const struct mf_request *request)
{
	return request->module && mf_strings_has(&policy->blacklist, request->module)
		       ? "module_blacklist= of the kernel command line names it"
		       : NULL;
}

static const char *check_rules(const struct mf_policy *policy, const struct mf_request *request)
{
	const struct mf_want *want = request->want;
	const struct mf_facts facts = {
		.modalias = want ? want->name : NULL,
		.device = want ? want->modalias : NULL,
		.removable = want ? want->removable : MF_REMOVABLE_UNKNOWN,
		.module = request->module,
		.package = request->package,
		.repository = request->repository,
	};
	const char *text;

	return mf_rules_ask(policy->rules, &facts, &text) ? text : NULL;
}

static const char *check_blacklist(const struct mf_policy *policy, const struct mf_request *request)
{
	bool applies = request->by_alias || (request->want && request->want->device);

	if (!applies || !request->module)
		return NULL;
	if (mf_strings_has(&policy->alias_blacklist, request->module))
		return "modprobe.blacklist= of the kernel command line names it";
	return mf_kmod_blacklisted(policy->kmod, request->module)
		       ? "a blacklist line of modprobe.d names it"
		       : NULL;
}

/*
 * "install foo /bin/false" is how administrators forbid a module; a command that loads foo does
 * not.
 */
static const char *check_install_line(const struct mf_policy *policy,
				      const struct mf_request *request)
{
	const char *command =
		request->module ? mf_kmod_install_command(policy->kmod, request->module) : NULL;

	return command && !mf_install_line_loads(command, request->module)
		       ? "an install line of modprobe.d refuses it: its command does not load it"
		       : NULL;
}

const struct mf_pending_load *mf_policy_crashed(const struct mf_policy *policy, const char *module)
{
	return mf_pending_loads_find(policy->ctx, &policy->attempts, module);
}

static const char *check_crashed(const struct mf_policy *policy, const struct mf_request *request)
{
	return policy->ctx->unattended && request->module &&
			       mf_policy_crashed(policy, request->module)
		       ? "the machine went down when it was loaded"
		       : NULL;
}

static policy_check *const checks[] = {
	check_modules_disabled, check_kernel_cmdline, check_rules,
	check_blacklist,	check_install_line,   check_crashed
};

int mf_policy_check(const struct mf_policy *policy, const struct mf_request *request,
		    char **ret_why)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(checks); i++) {
		const char *why = checks[i](policy, request);
		char *text;

		if (!why)
			continue;
		text = mf_format(checks[i] == check_rules ? "%s: the rule %s refuses it" : "%s: %s",
				 request->module ? request->module : request->package, why);
		if (!text)
			return -ENOMEM;
		*ret_why = text;
		return 1;
	}
	return 0;
}
