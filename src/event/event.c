/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stage event: maps a uevent to one of seven verdicts.
 *
 * Decides only what can be decided in a millisecond without a library: does the event concern a
 * driver, are events disabled, are its strings within bounds, is a driver installed, does a
 * repository have one that is not. In doubt (no index yet, a damaged one) the verdict is "missing":
 * the service has time for a closer look, udev's queue has not.
 *
 * Trusts the environment because udev created it, but checks every string nevertheless. Never
 * reads a repository's configuration, and of the policy only its main switch: the match stage
 * applies blacklists and deny lists before anything is fetched.
 */
#include "event.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/builtin.h"
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/spool.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"
#include "modfetch/udev-device.h"

/* 0 for NULL or no decimal number. */
static uint64_t event_parse_number(const char *s)
{
	char *end;
	unsigned long long n;

	if (!s || *s < '0' || *s > '9')
		return 0;
	errno = 0;
	n = strtoull(s, &end, 10);
	return errno || *end ? 0 : n;
}

void mf_event_parse(char *const *env, struct mf_event *ret_event)
{
	static const char *const keys[] = { "ACTION=",	  "MODALIAS=", "DEVPATH=",
					    "SUBSYSTEM=", "SEQNUM=",   "USEC_INITIALIZED=" };
	const char *value[MF_ARRAY_SIZE(keys)] = { 0 };
	char *const *first = env;

	for (; *env; env++)
		for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
			if (!value[i] && !strncmp(*env, keys[i], strlen(keys[i])))
				value[i] = *env + strlen(keys[i]);
	*ret_event = (struct mf_event){
		.action = value[0],
		.modalias = value[1],
		.devpath = value[2],
		.subsystem = value[3],
		.seqnum = event_parse_number(value[4]),
		.uevent_us = event_parse_number(value[5]),
		.properties = first,
	};
}

/* ---- the rules, each returns a verdict, or 0: ask the next rule ---- */

static int rule_ours(const struct mf_context *ctx, const struct mf_event *event)
{
	if (!event->modalias || !*event->modalias || !event->action || !event->devpath)
		return MF_EVENT_NOT_OURS;
	return strcmp(event->action, "add") && strcmp(event->action, "remove") ? MF_EVENT_NOT_OURS
									       : 0;
}

/* Reads the first bytes of a small file below the root as a string; "" if it cannot be read. */
static void event_read_text(const struct mf_context *ctx, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	ssize_t got = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[got > 0 ? got : 0] = '\0';
}

static bool is_disabled_at_boot(const struct mf_context *ctx)
{
	char line[4096], *save = NULL;

	event_read_text(ctx, "proc/cmdline", line, sizeof(line));
	for (char *word = strtok_r(line, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save))
		if (!strcmp(word, "modfetch=off"))
			return true;
	return false;
}

static int rule_off(const struct mf_context *ctx, const struct mf_event *event)
{
	char disabled[4];

	if (mf_context_exists(ctx, "etc/initrd-release") ||
	    mf_context_exists(ctx, "etc/modfetch/policy.d/off"))
		return MF_EVENT_OFF;
	event_read_text(ctx, "proc/sys/kernel/modules_disabled", disabled, sizeof(disabled));
	return disabled[0] == '1' || is_disabled_at_boot(ctx) ? MF_EVENT_OFF : 0;
}

static int rule_bounds(const struct mf_context *ctx, const struct mf_event *event)
{
	return mf_modalias_valid(event->modalias, strlen(event->modalias)) &&
			       mf_devpath_valid(event->devpath, strlen(event->devpath))
		       ? 0
		       : MF_EVENT_REFUSED;
}

static int rule_removed(const struct mf_context *ctx, const struct mf_event *event)
{
	return strcmp(event->action, "remove") ? 0 : MF_EVENT_REMOVED;
}

static void event_trie_free(struct mf_trie **trie)
{
	mf_trie_free(*trie);
}

/* The state of a lookup; the lists of installed modules are opened at the first use. */
struct lookup {
	const struct mf_context *ctx;
	int kernel;		     /* its directory, if the lists were opened, or -errno */
	struct mf_trie *lists[2];    /* modules.dep.bin, modules.builtin.bin; NULL: not readable */
	struct mf_builtins builtins; /* if there is no modules.builtin.bin yet */
	bool lists_opened;
	bool by_name;  /* look up a module's name from udev's rules, not an alias */
	bool is_known; /* some repository has a match */
};

static void event_lookup_done(struct lookup *lookup)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(lookup->lists); i++)
		mf_trie_free(lookup->lists[i]);
	if (lookup->lists_opened && lookup->kernel >= 0)
		close(lookup->kernel);
	mf_builtins_done(&lookup->builtins);
}

/* The kernel's directory, or -errno. */
static int open_kernel(const struct mf_context *ctx)
{
	_cleanup_free_ char *path = mf_kernel_path(ctx->kernel, NULL);

	return path ? mf_context_open(ctx, path, O_PATH | O_DIRECTORY) : -ENOMEM;
}

static void open_lists(struct lookup *lookup)
{
	static const char *const names[] = { "modules.dep.bin", "modules.builtin.bin" };
	int fd = open_kernel(lookup->ctx);

	lookup->kernel = fd;
	lookup->lists_opened = true;
	for (size_t i = 0; fd >= 0 && i < MF_ARRAY_SIZE(names); i++)
		if (mf_trie_open_at(fd, names[i], &lookup->lists[i]) < 0)
			lookup->lists[i] = NULL;
	/* modules of an unreadable list count as missing: the service takes a closer look */
	if (fd >= 0 && !lookup->lists[1])
		(void)mf_builtins_read_names(fd, &lookup->builtins);
}

static int event_on_builtin(void *arg, const char *key, const char *value, uint32_t priority)
{
	return 1;
}

/*
 * A module of modules.dep.bin, "PATH: …": 1, unless its file is gone or a link that others made, which
 * is absolute. Such a link may lead to a module that does not fit: the service judges it.
 */
static int event_on_file(void *arg, const char *key, const char *value, uint32_t priority)
{
	const struct lookup *lookup = arg;
	size_t len = strcspn(value, ":");
	char path[PATH_MAX], text[2];
	ssize_t n;

	/* depmod.d can name directories elsewhere */
	if (*value == '/' || len >= sizeof(path))
		return 1;
	memcpy(path, value, len);
	path[len] = '\0';
	n = readlinkat(lookup->kernel, path, text, sizeof(text));
	return n < 0 ? errno == EINVAL : n && *text != '/';
}

static bool is_installed(const struct lookup *lookup, const char *module)
{
	static mf_trie_visit *const visits[] = { event_on_file, event_on_builtin };

	for (size_t i = 0; i < MF_ARRAY_SIZE(visits); i++)
		if (lookup->lists[i] && mf_trie_find(lookup->lists[i], module, visits[i],
						     (void *)(uintptr_t)lookup) == 1)
			return true;
	return mf_strings_has(&lookup->builtins.names, module);
}

/* One module of a repository: 1, which ends the walk, if it is neither on disk nor built in. */
static int event_on_offer(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct lookup *lookup = arg;
	char name[MF_MODULE_NAME_SIZE];

	lookup->is_known = true;
	if (!mf_module_name(lookup->by_name ? key : value, name, sizeof(name)))
		return 0;
	if (!lookup->lists_opened)
		open_lists(lookup);
	return !is_installed(lookup, name);
}

/* The number of a repository's indexes for this kernel. */
#define INDEXES 3

/* 1: a module is missing; 0: none is; -ENOENT: there is no index; another -errno: damaged. */
static int look_into(struct lookup *lookup, const char *repo, char *const index[INDEXES],
		     const char *wanted)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int result = -ENOENT;

	path = mf_format(MF_CACHE_DIRECTORY "/%s/" MF_CACHE_CURRENT, repo);
	if (!path)
		return -ENOMEM;
	fd = mf_context_open(lookup->ctx, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	for (size_t i = 0; i < INDEXES; i++) {
		_cleanup_(event_trie_free) struct mf_trie *trie = NULL;
		int r = mf_trie_open_at(fd, index[i], &trie);

		if (r == 0)
			r = lookup->by_name ? mf_trie_find(trie, wanted, event_on_offer, lookup)
					    : mf_trie_match(trie, wanted, event_on_offer, lookup);
		if (r && r != -ENOENT)
			return r;
		if (r == 0)
			result = 0;
	}
	return result;
}

/* Looks into all repositories. A verdict or -ENOMEM. */
static int look_everywhere(struct lookup *lookup, DIR *dir, char *const index[INDEXES],
			   const char *wanted)
{
	bool any = false;
	struct dirent *e;

	while ((e = readdir(dir))) {
		int r;

		if (e->d_name[0] == '.')
			continue;
		r = look_into(lookup, e->d_name, index, wanted);
		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		if (r)
			return r == -ENOMEM ? r : MF_EVENT_MISSING;
		any = true;
	}
	if (!any)
		return MF_EVENT_MISSING;
	return lookup->is_known ? MF_EVENT_PRESENT : MF_EVENT_UNKNOWN;
}

static int look_for(const struct mf_context *ctx, DIR *dir, const char *wanted, bool by_name)
{
	_cleanup_(event_lookup_done) struct lookup lookup = { .ctx = ctx, .by_name = by_name };
	_cleanup_free_ char *any = NULL, *flavor = NULL, *kernel = NULL;
	const char *kind = by_name ? MF_CACHE_MODULES : MF_CACHE_ALIASES;
	struct mf_release release;

	if (mf_release_parse(ctx->kernel, NULL, &release) < 0)
		return MF_EVENT_MISSING;
	any = mf_format(MF_CACHE_INDEX, kind, MF_CACHE_ANY);
	if (!any)
		return -ENOMEM;
	flavor = mf_format(MF_CACHE_INDEX, kind, release.flavor);
	if (!flavor)
		return -ENOMEM;
	kernel = mf_format(MF_CACHE_KERNEL_INDEX, kind, release.flavor, release.abi);
	if (!kernel)
		return -ENOMEM;
	return look_everywhere(&lookup, dir, (char *[INDEXES]){ kernel, flavor, any }, wanted);
}

static int event_look_up(const struct mf_context *ctx, const char *query, bool by_name)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char wanted[MF_MODALIAS_MAX + 1];
	int fd;

	if (mf_alias_normalize(query, wanted, sizeof(wanted)) < 0)
		return MF_EVENT_REFUSED;
	fd = mf_context_open(ctx, MF_CACHE_DIRECTORY, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return MF_EVENT_MISSING;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	return look_for(ctx, dir, wanted, by_name);
}

static int rule_indexes(const struct mf_context *ctx, const struct mf_event *event)
{
	return event_look_up(ctx, event->modalias, false);
}

int mf_event_judge(struct mf_context *ctx, const struct mf_event *event,
		   enum mf_event_verdict *ret_verdict)
{
	static int (*const rules[])(const struct mf_context *, const struct mf_event *) = {
		rule_ours, rule_off, rule_bounds, rule_removed, rule_indexes,
	};
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(rules); i++)
		r = rules[i](ctx, event);
	if (r < 0)
		return r;
	*ret_verdict = (enum mf_event_verdict)r;
	return 0;
}

static int event_put(int spool, const struct mf_event *event, const char *wanted)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = {
		.seqnum = event->seqnum,
		.uevent_us = event->uevent_us,
		.decided_us = mf_now_us(),
	};
	const char *subsystem = event->subsystem;
	int r = 0;

	/* udev handles a loaded module as a device too, but without a path below /devices */
	if (mf_devpath_valid(event->devpath, strlen(event->devpath)))
		r = mf_strings_add(&entry.devpaths, event->devpath);
	if (r < 0)
		return r;
	entry.modalias = strdup(wanted);
	if (!entry.modalias)
		return -ENOMEM;
	if (subsystem && mf_modalias_valid(subsystem, strlen(subsystem))) {
		entry.subsystem = strdup(subsystem);
		if (!entry.subsystem)
			return -ENOMEM;
	}
	return mf_spool_put(spool, &entry);
}

/* Adds an entry for WANTED, or removes the device from its entry. 0 or a recorded failure. */
static int update_spool(struct mf_context *ctx, const struct mf_event *event, const char *wanted,
			enum mf_event_verdict verdict)
{
	_cleanup_close_ int spool = mf_spool_open(ctx);
	int r;

	if (spool < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, spool, "/" MF_SPOOL_DIR, NULL);
	r = verdict == MF_EVENT_MISSING ? event_put(spool, event, wanted)
					: mf_spool_retract(spool, wanted, event->devpath);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, wanted, NULL) : 0;
}

/* Is it "/module/NAME", udev's path of a loaded module? */
static bool event_is_module(const char *devpath)
{
	static const char prefix[] = "/module/";
	char name[64];

	return devpath && mf_starts_with(devpath, prefix) &&
	       !strchr(devpath + sizeof(prefix) - 1, '/') &&
	       mf_module_name(devpath + sizeof(prefix) - 1, name, sizeof(name));
}

/* May udev's rules load modules by name for this event: is a device added, and events enabled? */
static bool may_load_by_name(const struct mf_context *ctx, const struct mf_event *event)
{
	size_t len = event->devpath ? strlen(event->devpath) : 0;

	return event->properties && event->action && !strcmp(event->action, "add") &&
	       len <= MF_DEVPATH_MAX &&
	       (mf_devpath_valid(event->devpath, len) || event_is_module(event->devpath)) &&
	       !rule_off(ctx, event);
}

/*
 * Adds entries for the missing modules that udev's rules load by name for this device. 0,
 * MF_EVENT_MISSING, or a recorded failure.
 */
static int spool_rule_modules(struct mf_context *ctx, const struct mf_event *event)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	const struct mf_udev_device device = { .tree = ctx,
					       .sysfs = "sys",
					       .devpath = event->devpath,
					       .properties = event->properties };
	struct mf_udev_rules *rules = NULL;
	int r, missing = 0;

	if (!may_load_by_name(ctx, event))
		return 0;
	r = mf_udev_rules_read(ctx, &rules);
	if (r == 0)
		r = mf_udev_device_modules(&device, rules, &names);
	mf_udev_rules_free(rules);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		r = event_look_up(ctx, names.v[i], true);
		if (r != MF_EVENT_MISSING)
			continue;
		missing = MF_EVENT_MISSING;
		r = update_spool(ctx, event, names.v[i], MF_EVENT_MISSING);
		if (r < 0)
			return r;
	}
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, event->devpath, NULL) : missing;
}

int mf_event(struct mf_context *ctx, const struct mf_event *event,
	     enum mf_event_verdict *ret_verdict)
{
	enum mf_event_verdict verdict;
	int r = mf_event_judge(ctx, event, &verdict);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, r, event->modalias, NULL);
	if (verdict == MF_EVENT_MISSING || verdict == MF_EVENT_REMOVED)
		r = update_spool(ctx, event, event->modalias, verdict);
	if (r == 0)
		r = spool_rule_modules(ctx, event);
	if (r < 0)
		return r;
	*ret_verdict =
		r == MF_EVENT_MISSING && verdict != MF_EVENT_REFUSED ? MF_EVENT_MISSING : verdict;
	return 0;
}

int mf_event_request(struct mf_context *ctx, const char *name)
{
	const struct mf_event event = { .devpath = "" };

	if (!mf_modalias_valid(name, strlen(name)))
		return mf_fail(ctx, MF_STAGE_EVENT, -MFE_BAD_MODALIAS, name, NULL);
	return rule_off(ctx, &event) ? 0 : update_spool(ctx, &event, name, MF_EVENT_MISSING);
}

const char *mf_event_verdict_name(enum mf_event_verdict verdict)
{
	static const char *const names[] = {
		[MF_EVENT_NOT_OURS] = "not ours", [MF_EVENT_OFF] = "off",
		[MF_EVENT_REFUSED] = "refused",	  [MF_EVENT_REMOVED] = "removed",
		[MF_EVENT_PRESENT] = "present",	  [MF_EVENT_UNKNOWN] = "unknown",
		[MF_EVENT_MISSING] = "missing",
	};

	return names[verdict];
}
