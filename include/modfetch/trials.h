/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRIALS_H
#define MODFETCH_TRIALS_H
/*
 * Updates of drivers that are on trial: which device must be bound again with the new version, and
 * which package comes back if it is not. The list is /etc/modprobe.d/modfetch-trials, which kmod does
 * not read: on the root file system, so that an early unit of the boot can read it before /var is
 * mounted, and where the service may write.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/strings.h"

#define MF_TRIALS_FILE "etc/modprobe.d/modfetch-trials"
/* Keeps udev from the modules of a trial in which a boot went down; gone with that boot. */
#define MF_TRIALS_BLACKLIST MF_STUBS_DIRECTORY "/" MF_TRIALS_CONF

struct mf_trial {
	char *kernel;		   /* the release that the modules are for */
	char *old_label;	   /* "name-evr.arch" of the package that was replaced */
	char *new_label;	   /* of the package on trial */
	char *name, *evr;	   /* of the latter; the name without its kernel */
	struct mf_strings modules; /* of the new package */
	struct mf_strings devices; /* paths below /sys that were bound to a driver of them */
	char *boot;		   /* the boot in which it was installed */
	char *begun; /* the boot that loads, or loaded, the new modules; NULL: none yet */
};

/* Zeroed: none. */
struct mf_trials {
	struct mf_trial *v;
	size_t n, room;
};

/* Reads the list; a line that is no entry has no effect. 0 or -errno, recorded. */
int mf_trials_read(struct mf_context *ctx, struct mf_trials *ret_trials);
/* Writes the list; an empty one removes the file. Only with the lock held, or before udev starts. 0 or -errno, recorded. */
int mf_trials_write(struct mf_context *ctx, const struct mf_trials *trials);
void mf_trials_done(struct mf_trials *trials);
/*
 * Appends TRIAL and takes ownership, in place of entries for the same package. 0, or -ENOMEM: it is
 * freed.
 */
int mf_trials_add(struct mf_trials *trials, struct mf_trial *trial);
/* Removes entry I. */
void mf_trials_drop(struct mf_trials *trials, size_t i);
void mf_trial_done(struct mf_trial *trial);

/*
 * For the early unit of the boot, before udev handles devices: a trial that began in another boot and
 * has no end brought the machine down, so the modules of it are kept from udev in this boot; all
 * others begin now. 0 or -errno, recorded.
 */
int mf_trials_begin_boot(struct mf_context *ctx);
/* Did a boot other than this one go down during the trial? */
bool mf_trial_went_down(const struct mf_context *ctx, const struct mf_trial *trial);
/* Lets udev load all modules again. */
void mf_trials_unblock(const struct mf_context *ctx);

/*
 * The devices that are bound to a driver of MODULE: paths of their directories, "/sys/devices/…",
 * sorted, at most MAX more. 0 or -ENOMEM.
 */
int mf_module_devices(const struct mf_context *ctx, const char *module, size_t max,
		      struct mf_strings *ret_paths);
/* Is a module loaded? */
bool mf_module_is_loaded(const struct mf_context *ctx, const char *module);
/*
 * Removes a module from the running kernel. 0 (also if it was not loaded); -EBUSY: it is in use;
 * another -errno. Records nothing.
 */
int mf_module_unload(const struct mf_context *ctx, const char *module);

#endif
