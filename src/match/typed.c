/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The forms in which a person may write a query.
 *
 * What a device is called on the command line leads to its directory in sysfs, and that to its
 * modalias, which is a query like any other: nothing after this file knows the other forms. The
 * directory of a class ("/sys/class/net/eth0") has no modalias, so its "device" link is followed; all
 * links stay in the root. The path of a want is the real one below /sys/devices, because the policy
 * looks for properties of the device in the directories above it.
 */
#include "modfetch/typed.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define DEVICES	       "/sys/devices/"
#define INTERFACE_SIZE 16 /* IFNAMSIZ */

/* ---- pure ---- */

/* Copies N hexadecimal digits in upper case; false: there are others, or the text goes on with another byte than END. */
static bool take_hex(const char **text, size_t n, char end, char *ret_digits)
{
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)(*text)[i]))
			return false;
		ret_digits[i] = (char)toupper((unsigned char)(*text)[i]);
	}
	ret_digits[n] = '\0';
	if ((*text)[n] != end)
		return false;
	*text += n + (end != '\0');
	return true;
}

bool mf_typed_ids(const char *text, char ret_pattern[MF_IDS_PATTERN_SIZE])
{
	bool usb = mf_starts_with(text, "usb:");
	char vendor[5], product[5];

	text += usb ? strlen("usb:") : 0;
	if (!take_hex(&text, 4, ':', vendor) || !take_hex(&text, 4, '\0', product))
		return false;
	snprintf(ret_pattern, MF_IDS_PATTERN_SIZE, usb ? "usb:v%sp%s*" : "pci:v0000%sd0000%s*",
		 vendor, product);
	return true;
}

bool mf_typed_pci_address(const char *text, char ret_address[MF_PCI_ADDRESS_SIZE])
{
	char domain[5] = "0000", bus[3], slot[3], function[2];
	const char *p = text;

	if (!take_hex(&p, 4, ':', domain)) {
		p = text;
		memcpy(domain, "0000", sizeof(domain));
	}
	if (!take_hex(&p, 2, ':', bus) || !take_hex(&p, 2, '.', slot) ||
	    !take_hex(&p, 1, '\0', function))
		return false;
	snprintf(ret_address, MF_PCI_ADDRESS_SIZE, "%s:%s:%s.%s", domain, bus, slot, function);
	for (char *c = ret_address; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return true;
}

bool mf_typed_module(const char *text, char *ret_name, size_t size)
{
	return !strchr(text, ':') && mf_is_module(text) && mf_module_name(text, ret_name, size);
}

/* ---- devices of this machine ---- */

/* The path of an open directory below the root; new memory. NULL: unknown. */
static char *typed_real_path(const struct mf_context *ctx, int fd)
{
	char link[64], root[PATH_MAX], real[PATH_MAX];
	ssize_t root_len, len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", ctx->root_fd);
	root_len = *ctx->root ? readlink(link, root, sizeof(root) - 1) : 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (root_len < 0 || len <= root_len || strncmp(real, root, (size_t)root_len) != 0)
		return NULL;
	real[len] = '\0';
	return strdup(real + root_len);
}

/* 0: the directory of a device with a modalias; 1: there is none; or -errno. */
static int open_device(const struct mf_context *ctx, const char *path, char **ret_syspath,
		       char **ret_modalias)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *modalias = NULL, *syspath = NULL;
	int r;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 1 : fd;
	syspath = typed_real_path(ctx, fd);
	if (!syspath || !mf_starts_with(syspath, DEVICES))
		return 1;
	r = mf_device_modalias(fd, &modalias);
	if (r)
		return r;
	if (!*modalias)
		return 1;
	*ret_syspath = MF_STEAL(syspath);
	*ret_modalias = MF_STEAL(modalias);
	return 0;
}

/* The same for the directory of a class too. */
static int open_device_of(const struct mf_context *ctx, const char *path, char **ret_syspath,
			  char **ret_modalias)
{
	_cleanup_free_ char *device = mf_format("%s/device", path);
	int r = device ? open_device(ctx, path, ret_syspath, ret_modalias) : -ENOMEM;

	return r == 1 ? open_device(ctx, device, ret_syspath, ret_modalias) : r;
}

/* "/sys/…" of a path that a person typed. NULL: it is none, or no memory. */
static char *typed_syspath(const char *text)
{
	static const char *const tops[] = { "devices/", "bus/", "class/", "block/" };
	const char *below = text + (*text == '/');

	if (mf_starts_with(below, "sys/"))
		return mf_format("/%s", below);
	for (size_t i = 0; i < MF_ARRAY_SIZE(tops); i++)
		if (mf_starts_with(below, tops[i]))
			return mf_format("/sys/%s", below);
	return NULL;
}

/* The directory of the device that TEXT is the address or path of, or NULL. */
static char *typed_device_path(const char *text)
{
	char address[MF_PCI_ADDRESS_SIZE];

	if (mf_typed_pci_address(text, address))
		return mf_format("/sys/bus/pci/devices/%s", address);
	return typed_syspath(text);
}

/* The directory of a network interface, or NULL. */
static char *typed_interface_path(const char *text)
{
	if (!*text || strlen(text) >= INTERFACE_SIZE || strpbrk(text, "/:") || *text == '.')
		return NULL;
	return mf_format("/sys/class/net/%s", text);
}

/* ---- wants ---- */

/* Adds WANT, which TEXT means. 0 or a recorded failure; WANT is gone. */
static int typed_add(struct mf_context *ctx, const char *text, struct mf_want *want,
		     struct mf_wants *wants)
{
	int r = 0;

	if (strcmp(want->query, text) != 0 && want->kind != MF_WANT_BAD) {
		want->given = strdup(text);
		r = want->given ? 0 : -ENOMEM;
	}
	if (!r)
		r = mf_wants_add(wants, want);
	if (r < 0)
		mf_want_done(want);
	return r < 0 ? mf_fail(ctx, MF_STAGE_COMMAND, r, "query", NULL) : 0;
}

static int typed_add_query(struct mf_context *ctx, const char *text, const char *query,
			   struct mf_wants *wants)
{
	struct mf_want want = { 0 };
	int r = mf_want_init_any(ctx, query, NULL, &want);

	return r < 0 ? r : typed_add(ctx, text, &want, wants);
}

/* Adds the device at PATH. 0; 1: there is none; or a recorded failure. */
static int typed_add_device(struct mf_context *ctx, const char *text, const char *path,
			    struct mf_wants *wants)
{
	_cleanup_free_ char *syspath = NULL, *modalias = NULL;
	struct mf_want want = { 0 };
	int r = open_device_of(ctx, path, &syspath, &modalias);

	if (r)
		return r < 0 ? mf_fail(ctx, MF_STAGE_COMMAND, r, path, NULL) : 1;
	r = mf_want_init_device(ctx, syspath, &want);
	return r < 0 ? r : typed_add(ctx, text, &want, wants);
}

/* The names in a directory, sorted. One that does not exist has none. */
static int list_names(const struct mf_context *ctx, const char *path, struct mf_strings *ret_names)
{
	int fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY), r = 0;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory && fd >= 0)
		close(fd);
	while (!r && directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			r = mf_strings_add(ret_names, entry->d_name);
	if (directory)
		closedir(directory);
	mf_strings_sort(ret_names);
	return r;
}

/* Adds the connected devices with these ids. Their number, or a recorded failure. */
static int add_connected(struct mf_context *ctx, const char *text, const char *pattern,
			 struct mf_wants *wants)
{
	_cleanup_free_ char *bus =
		mf_format("/sys/bus/%.*s/devices", (int)strcspn(pattern, ":"), pattern);
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	size_t len = strlen(pattern) - 1; /* without the star */
	int r = bus ? list_names(ctx, bus, &names) : -ENOMEM, found = 0;

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_COMMAND, r, text, NULL);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = mf_format("%s/%s", bus, names.v[i]);
		_cleanup_free_ char *syspath = NULL, *modalias = NULL;

		if (!path)
			return mf_fail(ctx, MF_STAGE_COMMAND, -ENOMEM, text, NULL);
		/* a device that has just gone */
		if (open_device(ctx, path, &syspath, &modalias) != 0 ||
		    strncmp(modalias, pattern, len) != 0)
			continue;
		r = typed_add_device(ctx, text, path, wants);
		if (r < 0)
			return r;
		found += !r;
	}
	return found;
}

/* ---- an interface, or a module ---- */

/* Records a failure, unless its origin has. */
static int typed_fail(struct mf_context *ctx, const char *text, int r)
{
	return ctx->failure.code == r ? r : mf_fail(ctx, MF_STAGE_MATCH, r, text, NULL);
}

static int on_any(void *arg, const char *pattern, const char *value, size_t repo)
{
	return 1;
}

static int on_any_on_disk(void *arg, const char *name, enum mf_presence presence)
{
	return 1;
}

/* Does the disk or a repository have a module or an alias called so? 1, 0 or a recorded failure. */
static int is_module_or_alias(struct mf_context *ctx, const char *text)
{
	struct mf_catalog *catalog = NULL;
	struct mf_kmod *kmod = NULL;
	char name[MF_MODALIAS_MAX + 1];
	int r = mf_alias_normalize(text, name, sizeof(name)) < 0 ? 1 : mf_kmod_new(ctx, &kmod);

	if (!r)
		r = mf_kmod_lookup(kmod, name, on_any_on_disk, NULL);
	mf_kmod_free(kmod);
	if (r)
		return r > 0 ? 1 : typed_fail(ctx, text, r);
	r = mf_catalog_open(ctx, &catalog);
	if (r == -MFE_NO_REPOSITORY || r == -MFE_NO_METADATA) {
		ctx->failure = (struct mf_failure){ 0 };
		return 0;
	}
	if (!r)
		r = mf_catalog_module(catalog, name, on_any, NULL);
	if (!r)
		r = mf_catalog_aliases(catalog, name, on_any, NULL);
	mf_catalog_free(catalog);
	return r < 0 ? typed_fail(ctx, text, r) : r;
}

/* 0; 1: it is no interface; or a recorded failure. */
static int add_interface(struct mf_context *ctx, const char *text, struct mf_wants *wants)
{
	_cleanup_free_ char *path = typed_interface_path(text), *syspath = NULL, *modalias = NULL;
	int r = path ? open_device_of(ctx, path, &syspath, &modalias) : 1;

	if (r)
		return 1;
	r = is_module_or_alias(ctx, text);
	return r ? r : typed_add_device(ctx, text, path, wants);
}

int mf_wants_add_typed(struct mf_context *ctx, const char *text, struct mf_wants *wants)
{
	char pattern[MF_IDS_PATTERN_SIZE], module[MF_MODULE_NAME_SIZE];
	_cleanup_free_ char *path = typed_device_path(text);
	int r = 1;

	if (mf_typed_ids(text, pattern)) {
		r = add_connected(ctx, text, pattern, wants);
		return r ? (r < 0 ? r : 0) : typed_add_query(ctx, text, pattern, wants);
	}
	if (path)
		r = typed_add_device(ctx, text, path, wants);
	else if (mf_typed_module(text, module, sizeof(module)))
		r = typed_add_query(ctx, text, module, wants);
	else
		r = add_interface(ctx, text, wants);
	return r == 1 ? typed_add_query(ctx, text, text, wants) : r;
}

int mf_typed_pattern(struct mf_context *ctx, const char *text, char **ret_pattern)
{
	char pattern[MF_IDS_PATTERN_SIZE];
	_cleanup_free_ char *path = NULL, *syspath = NULL, *modalias = NULL;
	bool is_interface;
	int r;

	if (mf_typed_ids(text, pattern)) {
		*ret_pattern = strdup(pattern);
		return *ret_pattern ? 0 : mf_fail(ctx, MF_STAGE_COMMAND, -ENOMEM, text, NULL);
	}
	path = typed_device_path(text);
	is_interface = !path;
	if (is_interface)
		path = typed_interface_path(text);
	r = path ? open_device_of(ctx, path, &syspath, &modalias) : 1;
	if (r)
		return r < 0 ? mf_fail(ctx, MF_STAGE_COMMAND, r, text, NULL) : 1;
	r = is_interface ? is_module_or_alias(ctx, text) : 0;
	if (r)
		return r;
	for (char *p = modalias; *p; p++)
		if (strchr("*?[]\\# ", *p) || !isprint((unsigned char)*p))
			*p = '?';
	*ret_pattern = MF_STEAL(modalias);
	return 0;
}
