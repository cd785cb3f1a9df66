/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out whether the running kernel will accept modules signed by our keys.
 *
 * The kernel demands signatures with module.sig_enforce, and in lockdown, which Secure Boot turns
 * on. Its keys are in its keyrings; /proc/keys shows each of type "asymmetri" with a description
 * that ends in the subject key identifier: "Subject: 0123…ef". Fetched modules must be signed by a
 * module key configured here, so if the kernel knows none of these keys it will refuse every
 * module. The answer is only advice: the kernel decides when it loads the module.
 */
#include "modfetch/kernel-keys.h"
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define KEYS_MAX (4 << 20)

/* The text of a file below the root, the caller's to free; NULL if it cannot be read. */
static char *read_at_root(const struct mf_context *ctx, const char *path, size_t max)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	char *text;
	size_t len;

	return fd >= 0 && mf_file_read(fd, max, &text, &len) == 0 ? text : NULL;
}

const char *mf_kernel_keys_demand(const struct mf_context *ctx)
{
	_cleanup_free_ char *enforce =
		read_at_root(ctx, "sys/module/module/parameters/sig_enforce", 64);
	_cleanup_free_ char *lockdown = read_at_root(ctx, "sys/kernel/security/lockdown", 256);

	if (enforce && *enforce == 'Y')
		return "sig_enforce";
	/* "none [integrity] confidentiality": the value in brackets is in force */
	if (lockdown && strchr(lockdown, '[') && !strstr(lockdown, "[none]"))
		return "lockdown";
	return NULL;
}

/* Is there a line of an asymmetric key with this identifier? */
static bool is_in_keys(void *arg, const char *key_id, const char *fingerprint)
{
	const char *keys = arg;

	for (const char *line = keys; *key_id && *line;) {
		size_t len = strcspn(line, "\n");
		const char *type = memmem(line, len, " asymmetri ", strlen(" asymmetri "));

		for (const char *p = type; p && p + strlen(key_id) <= line + len; p++)
			if (!strncasecmp(p, key_id, strlen(key_id)))
				return true;
		line += len + (line[len] == '\n');
	}
	return false;
}

/* Is one of the certificates in the list of the kernel's keys? False if it cannot be read. */
bool mf_kernel_keys_know(const struct mf_context *ctx, const struct mf_keyring *keyring)
{
	_cleanup_free_ char *keys = read_at_root(ctx, "proc/keys", KEYS_MAX);

	return keys && mf_keyring_any(keyring, is_in_keys, keys);
}

enum mf_kernel_enforces mf_kernel_keys_check(const struct mf_context *ctx,
					     const struct mf_keyring *keyring, const char **ret_why)
{
	const char *why = mf_kernel_keys_demand(ctx);
	_cleanup_free_ char *keys = why ? read_at_root(ctx, "proc/keys", KEYS_MAX) : NULL;

	if (!keys)
		return MF_KERNEL_TAKES_ANY;
	*ret_why = why;
	return mf_keyring_any(keyring, is_in_keys, keys) ? MF_KERNEL_KNOWS_A_KEY
							 : MF_KERNEL_KNOWS_NONE;
}
