/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULE_KEY_H
#define MODFETCH_MODULE_KEY_H
/*
 * The key of this machine that signs the modules built on it: makes it at first use, signs and
 * compresses a module as those of its kernel are, and says what the admin has to do so that the
 * kernel accepts the key.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"

/*
 * Makes the key and its certificate if there are none; a second call changes nothing. Nothing is
 * overwritten: a key whose certificate is missing, belongs to another key or is not in keys/module.d,
 * and one that others may read, is refused with the way out. Waits for another process that makes the
 * key. 1: made now; 0: it was there; -MFE_CONFIG, -MFE_FILE_EXISTS or -errno, recorded.
 */
int mf_module_key_ensure(struct mf_context *ctx);

/*
 * Signs a module, which may be compressed, with that key; a signature that it has already is replaced.
 * NAME is for messages. CONFIG (NULL: not known) is the configuration of the kernel that it was built
 * for, whose digest for signatures is taken. RET_MODULE gets the module, not compressed, with its
 * signature; it is the caller's to free. 0; -MFE_BAD_MODULE, -MFE_TOO_LARGE, -MFE_CONFIG (no key, or
 * as above) or -errno, recorded.
 */
int mf_module_sign(struct mf_context *ctx, const char *name, const char *config, const void *module,
		   size_t len, void **ret_module, size_t *ret_len);

/*
 * How the modules of a kernel are compressed: "gzip", "xz", "zstd" (as in struct mf_compression), or
 * NULL: not at all. By the first module of the kernel itself that its index lists; without one, by
 * the kernel's configuration. Static. Records nothing.
 */
const char *mf_module_format(const struct mf_context *ctx, const char *kernel);
/* The ending of a file name in this format: ".ko", ".ko.xz", … Static. */
const char *mf_module_format_ending(const char *format);
/*
 * Compresses a module in FORMAT so that kernel and kmod read it; NULL: copies it. RET_FILE is the
 * caller's to free. 0, -EINVAL (unknown format), -EFBIG or -ENOMEM; records nothing.
 */
int mf_module_compress(const char *format, const void *module, size_t len, void **ret_file,
		       size_t *ret_len);

enum mf_module_key_state {
	MF_MODULE_KEY_NONE,	/* nothing was built here: it is made at first use */
	MF_MODULE_KEY_UNUSABLE, /* mf_module_key_ensure() refuses it */
	MF_MODULE_KEY_KNOWN,	/* the running kernel has it in a keyring */
	MF_MODULE_KEY_WAITS,	/* its enrolment is to be confirmed at the next boot */
	MF_MODULE_KEY_UNKNOWN,	/* the running kernel does not know it */
};

struct mf_module_key {
	enum mf_module_key_state state;
	char *fault; /* why it is unusable, a clause with the way out; owned */
	/* the certificate; empty in the states before KNOWN */
	struct mf_certificate certificate;
	const char *demanded_by; /* why the kernel refuses unsigned modules; NULL: it takes any */
	bool efi;		 /* the machine has EFI, so that a key can be enrolled */
	bool mokutil;		 /* the program that does it is installed */
};

/*
 * Looks at the key and at the running kernel; needs no privileges, but only root sees a private key
 * that does not belong to its certificate. 0, or -ENOMEM, recorded. For mf_module_key_done().
 */
int mf_module_key_look(struct mf_context *ctx, struct mf_module_key *ret_key);
void mf_module_key_done(struct mf_module_key *key);
/* "none", "unusable", "known", "waits" or "unknown": for JSON. Static. */
const char *mf_module_key_state_name(enum mf_module_key_state state);

/* What the state means for the drivers that are built here, in one clause; the caller's. NULL: no memory. */
char *mf_module_key_describe(const struct mf_module_key *key);
/*
 * What an admin has to do so that the key can be used and the kernel accepts it, and what will be asked
 * at the next boot: plain words on one line, the caller's to free. NULL: nothing is to be done, or no
 * memory.
 */
char *mf_module_key_guidance(const struct mf_module_key *key);

#endif
