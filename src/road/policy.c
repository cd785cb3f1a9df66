/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules that say no, as a table in the order in which they are asked. Each returns the rule
 * that refused, in words, or NULL. What the running kernel refuses counts only when that kernel is
 * the one we work for.
 */
#include "modfetch/policy.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

struct question {
	const struct mf_context *ctx;
	struct mf_kmod *kmod;
	const char *module;
	bool device;
};

typedef const char *rule(const struct question *q);

static char *read_small(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	char *text = NULL;
	size_t len;

	return fd >= 0 && mf_file_read(fd, 65536, &text, &len) == 0 ? text : NULL;
}

static const char *modules_disabled(const struct question *q)
{
	_cleanup_free_ char *text = NULL;

	if (!q->ctx->kernel_running)
		return NULL;
	text = read_small(q->ctx, "proc/sys/kernel/modules_disabled");
	return text && text[0] == '1' ? "kernel.modules_disabled is set" : NULL;
}

static bool listed(const char *list, const char *module)
{
	for (;;) {
		size_t len = strcspn(list, ", \t\n");
		_cleanup_free_ char *word = strndup(list, len);
		char name[256];

		if (word && mf_module_name(word, name, sizeof(name)) && !strcmp(name, module))
			return true;
		if (list[len] != ',')
			return false;
		list += len + 1;
	}
}

static const char *kernel_command_line(const struct question *q)
{
	static const char key[] = "module_blacklist=";
	_cleanup_free_ char *text = NULL;

	if (!q->ctx->kernel_running)
		return NULL;
	text = read_small(q->ctx, "proc/cmdline");
	for (char *p = text; p && (p = strstr(p, key)); p += strlen(key))
		if ((p == text || p[-1] == ' ') && listed(p + strlen(key), q->module))
			return "module_blacklist= of the kernel command line names it";
	return NULL;
}

static const char *blacklist(const struct question *q)
{
	return q->device && mf_kmod_blacklisted(q->kmod, q->module)
		       ? "a blacklist line of modprobe.d names it"
		       : NULL;
}

/* "install foo /bin/false" is how admins say never; any other command is theirs to run. */
static const char *install_line(const struct question *q)
{
	static const char *const refusals[] = {
		"/bin/false", "/usr/bin/false", "false", "/bin/true", "/usr/bin/true", "true", ":"};
	const char *command = mf_kmod_install_command(q->kmod, q->module);
	size_t len;

	if (!command)
		return NULL;
	command += strspn(command, " \t");
	len = strcspn(command, " \t;#");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (strlen(refusals[i]) == len && !memcmp(command, refusals[i], len))
			return "an install line of modprobe.d refuses it";
	return NULL;
}

static rule *const rules[] = {modules_disabled, kernel_command_line, blacklist, install_line};

int mf_policy_check(const struct mf_context *ctx, struct mf_kmod *kmod, const char *module,
		    bool device, char **ret_why)
{
	const struct question q = {ctx, kmod, module, device};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const char *why = rules[i](&q);

		if (why) {
			char *text;

			if (asprintf(&text, "%s: %s", module, why) < 0)
				return -ENOMEM;
			*ret_why = text;
			return 1;
		}
	}
	return 0;
}
