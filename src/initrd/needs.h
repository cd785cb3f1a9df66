/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_NEEDS_H
#define INITRD_NEEDS_H
/* The modules that the early boot needs, while they are collected. */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/strings.h"

/* How much the boot depends on a module. */
enum mf_need { MF_NEED_REQUIRED, MF_NEED_USEFUL };

/* Zeroed but for CTX and KMOD: empty. */
struct mf_needs {
	struct mf_context *ctx;
	struct mf_kmod *kmod;
	struct mf_strings required; /* the boot fails without them: they must be in the initrd */
	struct mf_strings useful;   /* they must be on disk, the generator decides about them */
	struct mf_strings visited;  /* devices below the root that were looked at */
	enum mf_need drivers;	    /* what the driver of a device counts as, now */
	bool encrypted;		    /* a device needs a passphrase */
};

/*
 * Adds a module unless it is built in. NAME comes from a link or a configuration file: one that no
 * module can have is left out. 0 or -ENOMEM.
 */
int mf_needs_add(struct mf_needs *needs, enum mf_need need, const char *name);
/*
 * Adds the modules on disk that an alias matches, but for those that a blacklist names. 0 (some
 * matched, or a built-in module did); 1: none did; or -ENOMEM.
 */
int mf_needs_add_alias(struct mf_needs *needs, enum mf_need need, const char *alias);

/* Adds all that the early boot needs. 0 or a recorded failure. */
int mf_needs_collect(struct mf_needs *needs);
void mf_needs_done(struct mf_needs *needs);

/*
 * The parts of it. All paths are below the root, without a leading slash. Files that are missing or
 * cannot be read count as empty. 0 or -ENOMEM.
 */

/* mounts.c: the types of file systems; DEVICES: also the block devices that they are on. */
int mf_needs_mounts(struct mf_needs *needs, bool devices);
/* block.c: the block device with this number, "8:1", and all below it. */
int mf_needs_block(struct mf_needs *needs, const char *number);
/* block.c: the devices of the btrfs that has this device as one of them. */
int mf_needs_btrfs(struct mf_needs *needs, const char *number);
/* device.c: the drivers of a device, a directory of sysfs without links, and those above it. */
int mf_needs_device(struct mf_needs *needs, const char *directory);
/* passphrase.c: keyboards for a passphrase, and ciphers in use. */
int mf_needs_passphrase(struct mf_needs *needs);
/* generators.c: the modules in the configuration of the generator. */
int mf_needs_generator(struct mf_needs *needs);

/*
 * The directory that a link of sysfs leads to, LINK in DIRECTORY, as a path without links; new
 * memory. Only the text of the link is used, and it cannot leave sysfs. NULL: no link, or no memory.
 */
char *mf_sysfs_follow(const struct mf_context *ctx, const char *directory, const char *link);
/* The first line of an attribute in a directory of sysfs, new memory; NULL: none. */
char *mf_sysfs_read(const struct mf_context *ctx, const char *directory, const char *attribute);

#endif
