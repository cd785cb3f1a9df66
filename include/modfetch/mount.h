/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MOUNT_H
#define MODFETCH_MOUNT_H
/*
 * File systems of sticks, discs and images, mounted read-only in a mount namespace of this process: no
 * other process but its children sees them, and they go with the process.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_FILESYSTEM_HEAD 65536 /* bytes of a device that tell its file system */

/*
 * The file system in the first LEN bytes of a device or image, as mount(8) calls it: "vfat", "exfat",
 * "iso9660", "udf" or "ext4". NULL: none of these. Static. Pure.
 */
const char *mf_filesystem_of(const void *head, size_t len);
/* Is NAME one of these? */
bool mf_filesystem_known(const char *name);

/*
 * Mounts the block device DEVICE, or the image in the regular file IMAGE, unless this process has done so
 * before. The file system must be one of settings.media_filesystems and, unless it is NULL, FILESYSTEM.
 * RET_PATH is the caller's to free: the directory, which only this process and its children see. 0;
 * -MFE_MEDIUM or -ENOMEM, recorded.
 */
int mf_mount_device(struct mf_context *ctx, const char *device, const char *filesystem,
		    char **ret_path);
int mf_mount_image(struct mf_context *ctx, const char *image, char **ret_path);

/*
 * Adds the names of the modules that must be on disk or built in before a USB stick with vfat can be read, and
 * with DISCS those for a disc. 0 or -ENOMEM.
 */
int mf_media_modules(const struct mf_context *ctx, bool discs, struct mf_strings *ret_modules);

/* A base URL of a medium, as zypper knows them: hd:, cd:, dvd: or iso:; and media=LABEL, which is of hd:. */
struct mf_media_url {
	char *path;		   /* below the medium, "" or "/sub/directory" */
	struct mf_strings devices; /* hd: one, cd: those that are tried in order; iso: none */
	char *filesystem;	   /* of hd:, or NULL */
	char *iso;		   /* iso: the image, below the directory of OUTER */
	char *outer;		   /* iso: where it is: a file: URL, or an hd: or cd: URL */
};

/* Is it of one of these schemes? */
bool mf_media_url_is(const char *url);
/*
 * Parses such a URL. The caller passes the result to mf_media_url_done(). NULL and a result; or a clause
 * that says what is wrong with it, static, and none.
 */
const char *mf_media_url_parse(const char *url, struct mf_media_url *ret_url);
void mf_media_url_done(struct mf_media_url *url);
/*
 * Mounts the medium of a URL. RET_PATH, the caller's to free, is the directory that the URL names; it
 * may not exist. 0; -MFE_MEDIUM or -ENOMEM, recorded.
 */
int mf_mount_url(struct mf_context *ctx, const char *url, char **ret_path);
/* "file:" URL of an absolute path, with bytes encoded that no URL has; the caller's. NULL: no memory. */
char *mf_file_url(const char *path);

#endif
