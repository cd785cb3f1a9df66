/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESCUE_H
#define RESCUE_H
/*
 * The drivers of a medium for a machine that is still in its initrd: there is no package database,
 * no network and nothing to install. The modules come into the initrd's own directory, and kmod loads
 * them from there.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* A file of a repository, as signed metadata describe it. */
struct rescue_file {
	char *location; /* below the repository; NULL: not described */
	uint64_t size;
	uint8_t sha256[MF_SHA256_LEN];
	bool has_sha256;
};
void rescue_file_done(struct rescue_file *file);

struct rescue_package {
	char *name;
	struct rescue_file file;
	struct mf_strings modules;  /* names, as kmod spells them */
	struct mf_strings patterns; /* of modaliases, of the kernel in question only */
	struct mf_strings drivers;  /* the names of other drivers and firmware that it asks for */
	bool seen;		    /* it was looked at, and is not looked at again */
};

/* A repository whose signature was verified. */
struct rescue_repo {
	struct mf_context tree; /* the repository as a root, so that no link leaves it */
	char *label;		/* for messages: its directory on the medium */
	char signer[192];
	int64_t signing_time; /* seconds since 1970 */
	struct rescue_package *v;
	size_t n, room;
};
void rescue_repo_done(struct rescue_repo *repo);

/*
 * Reads the description of the file of the type "primary" from a verified repomd.xml. 0; -EBADMSG:
 * no XML, or it has no such file, or one without size or SHA-256; or -ENOMEM. Pure.
 */
int rescue_repomd_parse(const void *buf, size_t len, struct rescue_file *ret_primary);

/*
 * Adds the packages of a verified primary.xml that may have drivers or firmware for KERNEL, a release.
 * 0; -EBADMSG; or -ENOMEM. Pure.
 */
int rescue_primary_parse(const void *buf, size_t len, const char *kernel, struct rescue_repo *repo);

/*
 * Reads FILE of a repository, at most CAP bytes, and compares it with its description: the bytes that
 * were compared are those returned, whatever the medium does afterwards. The caller frees the buffer.
 * 0; -MFE_BAD_SIZE, -MFE_BAD_DIGEST, -MFE_TOO_LARGE or -errno, recorded.
 */
int rescue_file_read(struct mf_context *ctx, const struct rescue_repo *repo,
		     const struct rescue_file *file, size_t cap, char **ret_buf, size_t *ret_len);

/*
 * Opens the directory NAME ("." for the medium itself) below MEDIUM as a repository: verifies the
 * signature of its repomd.xml by a certificate in /etc/modfetch/keys/repo.d, and reads its list of
 * packages. 0; 1: it is no repository; -MFE_NO_KEYS, -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_BAD_METADATA, a code of
 * rescue_file_read() or -errno, recorded.
 */
int rescue_repo_open(struct mf_context *ctx, int medium, const char *name,
		     struct rescue_repo *ret_repo);

/* All of a medium. */
struct rescue_medium {
	struct rescue_repo *v;
	size_t n;
	size_t refused; /* repositories that were not opened; the reason of each was printed */
};
void rescue_medium_done(struct rescue_medium *medium);

/*
 * Reads the settings, and opens all repositories of the directory PATH: itself, or its first-level directories. Those that
 * are refused are warned of. 0 if there is one; -MFE_NOT_FOUND, recorded: there is none; or the
 * failure of the first that was refused.
 */
int rescue_medium_open(struct mf_context *ctx, const char *path, struct rescue_medium *ret_medium);

/*
 * The modaliases of the devices of this machine (the context's root) that have no driver, each once.
 * Left out are displays and sound cards: no disk hangs on them, and a driver of a display without its
 * firmware may blank the console. 0 or -errno, recorded.
 */
int rescue_devices(struct mf_context *ctx, struct mf_strings *ret_modaliases);

/* What was brought into the initrd. */
struct rescue_result {
	struct mf_strings packages; /* names */
	struct mf_strings modules;  /* names, of modules with a file */
	struct mf_strings queries;  /* for modprobe: modaliases and names of modules */
};
void rescue_result_done(struct rescue_result *result);

/*
 * Brings the modules of the medium that match one of MODALIASES or have one of the NAMES, and the
 * modules and firmware that those need, into the root's directory of the context's kernel, and
 * updates the indexes of it. Each package is verified; one that fails costs itself and is warned of. A module of which the
 * root has a file already is not replaced. RET_RESULT gets what this call brought, and is empty if
 * nothing of the medium is of use. 0; -MFE_NOT_FOUND, recorded, for one of NAMES that is nowhere; or
 * a recorded failure.
 */
int rescue_bring(struct mf_context *ctx, struct rescue_medium *medium,
		 const struct mf_strings *modaliases, const struct mf_strings *names,
		 struct rescue_result *ret_result);

/*
 * Unpacks a verified package: its modules for the context's kernel are checked
 * (mf_verify_module()) and written, and its firmware. RET_MODULES: the names of the modules.
 * RET_NEEDS: the names of modules that they depend on. 0 or a recorded failure.
 */
struct mf_module_verifier;
int rescue_unpack(struct mf_context *ctx, struct mf_module_verifier *verifier, const char *label,
		  const void *buf, size_t len, struct mf_strings *ret_modules,
		  struct mf_strings *ret_needs);

/*
 * Gives the queries of a result to modprobe, as udev would have (blacklists count). RET_LOADED gets
 * those modules of the result that the kernel has afterwards. 0; -MFE_TOOL: there is no modprobe; or
 * -errno, recorded. What modprobe itself could not load it has printed.
 */
int rescue_load(struct mf_context *ctx, const struct rescue_result *result,
		struct mf_strings *ret_loaded);

/*
 * The block devices that may be a medium, "/dev/sdb1": those of USB and those that can be taken out.
 * Sorted. 0 or -errno, recorded.
 */
int rescue_find_disks(struct mf_context *ctx, struct mf_strings *ret_disks);

/*
 * Mounts a block device read-only, for this process and its children only. Its file system is one of a
 * short list. RET_PATH: where, static. 0; -MFE_NOT_FOUND, recorded: it has none of these; or -errno,
 * recorded.
 */
int rescue_mount(struct mf_context *ctx, const char *device, const char **ret_path);
void rescue_unmount(void);

#endif
