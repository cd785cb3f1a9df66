/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LIBKMOD_H
#define MODFETCH_LIBKMOD_H
/*
 * The functions that use libkmod: lookups of modules on disk, the configuration in modprobe.d, and
 * the load itself. A name or alias that mf_modalias_valid() refuses is never passed to libkmod,
 * which before version 35 overflows its stack on some of them: all functions here treat it as a
 * name that no module has.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * The files that modfetch writes below modprobe.d, which a lookup here ignores. modprobe's install
 * lines (modfetch/stubs.h) sort after an admin's files, as kmod uses the first install line for a
 * name; the other files are for udev (modfetch/pending-loads.h, modfetch/trials.h).
 */
#define MF_STUBS_DIRECTORY	   "run/modprobe.d"
#define MF_STUBS_FILE		   "zz-modfetch.conf"
#define MF_PENDING_LOADS_DIRECTORY "etc/modprobe.d"
#define MF_PENDING_LOADS_FILE	   "modfetch-loading.conf"
#define MF_TRIALS_CONF		   "modfetch-trials.conf"

struct mf_kmod;

/* Reads the indexes and modprobe.d below the context's root. 0 or -errno, recorded. */
int mf_kmod_new(struct mf_context *ctx, struct mf_kmod **ret_kmod);
void mf_kmod_free(struct mf_kmod *kmod);

/* The directory whose indexes it reads, O_PATH, owned by KMOD; negative: there is none. */
int mf_kmod_directory(const struct mf_kmod *kmod);

/*
 * Visits the files of modprobe.d that mf_kmod_new() would read, in no order: a lookup gives another
 * answer only if one of them or an index has changed. DIRECTORY is below the root. A non-zero
 * return of the visitor ends the walk. 0, the visitor's return, or -errno.
 */
struct stat;
typedef int mf_kmod_config_visit(void *arg, const char *directory, const char *file,
				 const struct stat *st);
int mf_kmod_config_files(const struct mf_context *ctx, mf_kmod_config_visit *visit, void *arg);

enum mf_presence { MF_ABSENT, MF_ON_DISK, MF_BUILTIN };
/*
 * Is there a module of that name? Answered from the indexes: a module that depmod has not indexed
 * is absent. Built-in modules are also found without indexes, in the kernel's text files
 * (modfetch/builtin.h).
 */
enum mf_presence mf_kmod_presence(struct mf_kmod *kmod, const char *name);

/*
 * Visits the modules that modprobe would find for a name or alias: modules on disk, or built-in
 * ones if there are none. A non-zero return of the visitor ends the walk. 0, the visitor's return,
 * or -errno.
 */
typedef int mf_kmod_visit(void *arg, const char *name, enum mf_presence presence);
int mf_kmod_lookup(struct mf_kmod *kmod, const char *name, mf_kmod_visit *visit, void *arg);

/*
 * The same for the names alone, on disk or not: libkmod finds names in modprobe.d too. To find out
 * whether a module is on disk it calls stat() for each module that it depends on.
 */
typedef int mf_kmod_name_visit(void *arg, const char *module);
int mf_kmod_lookup_names(struct mf_kmod *kmod, const char *name, mf_kmod_name_visit *visit,
			 void *arg);

/*
 * Visits the modules that alias lines of modprobe.d name for NAME, on disk or not. If there are
 * any, kmod does not search the indexes. 0 or the visitor's first non-zero return.
 */
int mf_kmod_config_alias(struct mf_kmod *kmod, const char *name, mf_kmod_name_visit *visit,
			 void *arg);

/* Does a blacklist line of modprobe.d, or modprobe.blacklist= of the command line, name it? */
bool mf_kmod_blacklisted(struct mf_kmod *kmod, const char *name);
/* The command of an install line for that name, or NULL. Borrowed. */
const char *mf_kmod_install_command(struct mf_kmod *kmod, const char *name);

/* Does a softdep line of modprobe.d, or of the indexes, name other modules for it? */
bool mf_kmod_has_softdeps(struct mf_kmod *kmod, const char *name);
/*
 * The parameters that modprobe.d and the kernel's command line set for a module, on disk or not: with blanks
 * between them, "" if there are none. The caller's to free. NULL: no memory.
 */
char *mf_kmod_parameters(struct mf_kmod *kmod, const char *name);

/* Callbacks during a load. */
struct mf_kmod_watch {
	/*
	 * Called before a module is loaded, with the files below the kernel's directory that will
	 * be loaded: the dependencies first, the module last; modules that are in the kernel
	 * already are left out. A negative return prevents the load and becomes its result.
	 */
	int (*before)(void *arg, const struct mf_strings *paths);
	/* Called with the name of each requested module that is in the kernel after the load. */
	void (*loaded)(void *arg, const char *name);
	void *arg;
};
/*
 * Loads the modules of a name or alias, dependencies first, as udev (DEVICE: blacklists apply to
 * all) or modprobe (blacklists apply to modules found by an alias) would. Returns 0; 1: there is no
 * such module; -EPERM: a blacklist forbids it; the negative return of BEFORE; or the kernel's
 * -errno (-ENODEV: no such hardware, -EKEYREJECTED: signature).
 */
int mf_kmod_load(struct mf_kmod *kmod, const char *name, bool device,
		 const struct mf_kmod_watch *watch);
/* Is the module in the kernel and initialized, or built in? */
bool mf_kmod_live(struct mf_kmod *kmod, const char *name);

#endif
