/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that an encrypted device needs besides its own: a keyboard for the passphrase, and the
 * ciphers.
 *
 * A keyboard is an input device that has the first 31 keys, as for udev's ID_INPUT_KEYBOARD. Which
 * ciphers a device uses is known to device mapper only; proc_crypto(5) lists all that are in use:
 *	name         : xts(aes)
 *	module       : xts
 *	refcnt       : 2			1: nothing uses it
 *	type         : skcipher
 * with an empty line after each. More modules than necessary do no harm in the initrd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "needs.h"

#define CIPHERS_MAX	((size_t)4 << 20)
#define KEYS_OF_LETTERS 0xfffffffeUL

static bool passphrase_is_keyboard(const struct mf_needs *needs, const char *device)
{
	_cleanup_free_ char *keys = mf_sysfs_read(needs->ctx, device, "capabilities/key");
	const char *last = keys ? strrchr(keys, ' ') : NULL;

	if (!keys)
		return false;
	return (strtoul(last ? last + 1 : keys, NULL, 16) & KEYS_OF_LETTERS) == KEYS_OF_LETTERS;
}

static int passphrase_add_keyboards(struct mf_needs *needs)
{
	_cleanup_close_ int fd =
		mf_context_open(needs->ctx, "sys/class/input", O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir))) {
		_cleanup_free_ char *device =
			mf_starts_with(e->d_name, "input")
				? mf_sysfs_follow(needs->ctx, "sys/class/input", e->d_name)
				: NULL;

		if (device && passphrase_is_keyboard(needs, device))
			r = mf_needs_device(needs, device);
	}
	return r;
}

struct cipher {
	struct mf_needs *needs;
	char module[64], type[32];
	long uses;
};

static int cipher_finish(struct cipher *c)
{
	static const char *const types[] = { "skcipher", "lskcipher", "cipher",
					     "aead",	 "shash",     "ahash" };
	bool known = false;
	int r = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(types); i++)
		known |= !strcmp(c->type, types[i]);
	if (known && c->uses > 1 && *c->module && strcmp(c->module, "kernel") != 0)
		r = mf_needs_add(c->needs, MF_NEED_USEFUL, c->module);
	*c = (struct cipher){ .needs = c->needs };
	return r;
}

static int cipher_on_line(void *arg, char *line)
{
	struct cipher *c = arg;
	const char *value = strchr(line, ':');

	if (!value)
		return cipher_finish(c);
	value += 1 + strspn(value + 1, " ");
	if (mf_starts_with(line, "module "))
		snprintf(c->module, sizeof(c->module), "%s", value);
	else if (mf_starts_with(line, "type "))
		snprintf(c->type, sizeof(c->type), "%s", value);
	else if (mf_starts_with(line, "refcnt "))
		c->uses = strtol(value, NULL, 10);
	return 0;
}

static int passphrase_add_ciphers(struct mf_needs *needs)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, "proc/crypto", O_RDONLY);
	struct cipher c = { .needs = needs };
	int r = fd < 0 ? 0 : mf_file_each_line(fd, CIPHERS_MAX, cipher_on_line, &c);

	if (!r)
		r = cipher_finish(&c);
	return r == -ENOMEM ? r : 0;
}

int mf_needs_passphrase(struct mf_needs *needs)
{
	const enum mf_need before = needs->drivers;
	int r;

	needs->drivers = MF_NEED_USEFUL;
	r = passphrase_add_keyboards(needs);
	needs->drivers = before;
	return r ? r : passphrase_add_ciphers(needs);
}
