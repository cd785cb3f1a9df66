/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LIBKMOD_H
#define MODFETCH_LIBKMOD_H
/*
 * What modfetch asks of libkmod: what is on disk, what modprobe.d says, and the load itself. A name
 * or alias that mf_modalias_valid() refuses is never handed to libkmod, which before 35 overflows
 * its stack on some of them: to all questions here it is nothing's name.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * What modfetch writes for others below modprobe.d, and what a lookup here passes over: modprobe's
 * lines (modfetch/stubs.h) sort behind what admins write, as kmod takes the first install line for
 * a name; the other is udev's (modfetch/pending-loads.h).
 */
#define MF_STUBS_DIRECTORY   "run/modprobe.d"
#define MF_STUBS_FILE	     "zz-modfetch.conf"
#define MF_ATTEMPT_DIRECTORY "etc/modprobe.d"
#define MF_ATTEMPT_FILE	     "modfetch-loading.conf"

struct mf_kmod;

/* Reads the indexes and modprobe.d below the context's root. 0 or -errno, recorded. */
int mf_kmod_new(struct mf_context *ctx, struct mf_kmod **ret_kmod);
void mf_kmod_free(struct mf_kmod *kmod);

enum mf_presence { MF_ABSENT, MF_ON_DISK, MF_BUILTIN };
/*
 * Is there a module of that name? From the indexes: what depmod has not seen is absent. What is
 * built in is known without them, from the kernel's own text files (modfetch/builtin.h).
 */
enum mf_presence mf_kmod_presence(struct mf_kmod *kmod, const char *name);

/*
 * Visits what modprobe would find for a name or alias: modules on disk, or builtin ones if there
 * are none. 0, the visitor's return, or -errno.
 */
typedef int mf_kmod_visit(void *arg, const char *name, enum mf_presence presence);
int mf_kmod_lookup(struct mf_kmod *kmod, const char *name, mf_kmod_visit *visit, void *arg);

/*
 * Visits the modules that alias lines of modprobe.d name for NAME, be they anywhere or nowhere.
 * Where there are any, kmod asks nothing else. 0 or the visitor's return.
 */
typedef int mf_kmod_alias_visit(void *arg, const char *module);
int mf_kmod_config_alias(struct mf_kmod *kmod, const char *name, mf_kmod_alias_visit *visit,
			 void *arg);

/* Does a blacklist line of modprobe.d, or modprobe.blacklist= of the command line, name it? */
bool mf_kmod_blacklisted(struct mf_kmod *kmod, const char *name);
/* The command of an install line for that name, or NULL. Borrowed. */
const char *mf_kmod_install_command(struct mf_kmod *kmod, const char *name);

/* Who is told of a load. */
struct mf_kmod_watch {
	/*
	 * Before a module goes into the kernel: the files below its directory that will, what it needs
	 * included and itself last; those that are in the kernel are not among them. What is
	 * negative stands for the load.
	 */
	int (*before)(void *arg, const struct mf_strings *paths);
	/* The name of each module that was asked for and is in the kernel now. */
	void (*loaded)(void *arg, const char *name);
	void *arg;
};
/*
 * Loads what a name or alias stands for, dependencies first, as udev (DEVICE: blacklists apply to
 * all) or modprobe (they apply to what an alias stands for) would. Returns 0; 1 when nothing was there to load; -EPERM when a
 * blacklist forbids it; what the watcher said; or the kernel's -errno (-ENODEV: no such hardware,
 * -EKEYREJECTED: signature).
 */
int mf_kmod_load(struct mf_kmod *kmod, const char *name, bool device,
		 const struct mf_kmod_watch *watch);
/* Is the module in the kernel now, and initialised? */
bool mf_kmod_live(struct mf_kmod *kmod, const char *name);

#endif
