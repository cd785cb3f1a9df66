/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SETUP_H
#define MODFETCH_SETUP_H
/*
 * Adds, changes and removes repositories and their keys: the files of repos.d and keys/repo.d. A key is
 * written only after the admin has confirmed it; these functions never decide that: they fetch an
 * offer, describe it, and write what the caller says was accepted.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/refresh.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"

#define MF_KEY_DIRECTORY "etc/modfetch/keys/repo.d"

/* ---- keys: src/setup/key-offer.c ---- */

/* A file with keys that is not trusted yet. */
struct mf_key_offer {
	char *source;	    /* its path or URL, without a password */
	bool named;	    /* a file that the admin named: no question is needed */
	bool keyring;	    /* an OpenPGP keyring; else certificates */
	const char *ending; /* of the file that it becomes: ".pem", ".asc" or ".gpg"; static */
	/* a keyring is one entry, with the SHA-256 of the file as its fingerprint and no subject */
	struct mf_certificate *v;
	size_t n;
	char *text; /* what would be written, LEN bytes: of certificates nothing but these */
	size_t len;
};

/*
 * Reads the file PATH of this machine (not below the root: the admin names it as for any program). 0;
 * -EBADMSG: it holds no certificate and no keyring; -MFE_WEAK_SIGNATURE: the key of a certificate is
 * too weak; -MFE_DENIED: it holds a private key of OpenPGP; or another -errno; recorded.
 */
int mf_key_offer_read(struct mf_context *ctx, const char *path, struct mf_key_offer *ret_offer);
/*
 * Fetches URL (http:, https: or file:), at most 256 KiB. Returns as above, or a code of mf_fetch(),
 * recorded. LABEL: the name for the user.
 */
int mf_key_offer_fetch(struct mf_context *ctx, const char *url, const char *label,
		       struct mf_key_offer *ret_offer);
/*
 * Drops all keys of an offer but the one with this SHA-256 fingerprint, in hexadecimal digits of either
 * case, with or without colons. 0; -MFE_USAGE: it is no fingerprint; -MFE_UNTRUSTED_KEY: no key of the
 * offer has it; -ENOMEM; recorded.
 */
int mf_key_offer_choose(struct mf_context *ctx, struct mf_key_offer *offer,
			const char *fingerprint);
void mf_key_offer_done(struct mf_key_offer *offer);
/* "AB:CD:…", as openssl x509 -fingerprint prints it. */
#define MF_FINGERPRINT_SIZE (3 * MF_SHA256_LEN)
void mf_fingerprint_format(const char hex[MF_SHA256_HEX], char ret[MF_FINGERPRINT_SIZE]);

/* ---- a new repository: src/setup/repo-new.c ---- */

struct mf_repo_new {
	char *id;
	char *name;    /* NULL: none */
	char *baseurl; /* as it will be written, with a password perhaps */
	struct mf_key_offer key;
};
/*
 * Finds out what "repo add URL" means, and writes nothing. URL: of a repository, or of a .repo file. ID:
 * NULL for the last part of the URL that can be an id; it is never taken from a fetched file. KEY: path
 * of a file with its key, or NULL: modfetch.pem beside the metadata is fetched. Of a .repo file only the
 * name and a baseurl on the same server count. 0; -MFE_USAGE: URL or ID are not valid; -EEXIST: the id
 * is in use; -MFE_DENIED: the baseurl of the file is on another server; -MFE_NO_KEYS: no certificate is
 * published there; or a failure of mf_key_offer_read() or mf_fetch(), recorded.
 */
int mf_repo_new_prepare(struct mf_context *ctx, const char *url, const char *id, const char *key,
			struct mf_repo_new *ret_repo);
/*
 * Writes the key, fetches and verifies the metadata, and then writes the .repo file, under the lock. If
 * anything fails nothing of it stays. The state of an earlier repository of this id counts: older
 * metadata by the same key is refused. 0, -EEXIST, or a failure of mf_refresh(), recorded.
 */
int mf_repo_new_add(struct mf_context *ctx, const struct mf_repo_new *repo,
		    struct mf_refresh_result *ret_result);
void mf_repo_new_done(struct mf_repo_new *repo);
/*
 * The id that URL would have, the last part of it that can be one; new memory. NULL: none can, it is
 * no URL of a repository, or no memory. Pure.
 */
char *mf_repo_id_of_url(const char *url);
/*
 * The base URL that a .repo file fetched from URL means by OFFERED (NULL: it has none, then the
 * directory of the file): on the same server only, with the user and password of URL; new memory. NULL:
 * it is on another server, or no memory. Pure.
 */
char *mf_repo_base_of_file(const char *url, const char *offered);

/* ---- repositories that exist: src/setup/repo-change.c ---- */

/*
 * Sets enabled= of a repository; every other byte of its file stays. 0; 1: it is so already;
 * -MFE_NOT_FOUND; -MFE_CONFIG: the entry is not usable, or its file cannot be changed this way;
 * -MFE_LOCKED or -errno, recorded.
 */
int mf_repo_enable(struct mf_context *ctx, const char *id, bool enabled);
/*
 * Removes a repository: its section, its metadata, and the key files named after it that no other
 * repository uses. The state that it must not fall back from stays. RET_KEPT gets the key files that
 * stay, as paths. 0, or as above.
 */
int mf_repo_remove(struct mf_context *ctx, const char *id, struct mf_strings *ret_kept);
/*
 * Writes the keys of an accepted offer for a repository and adds them to its keys=. RET_FILE gets the
 * name of the file, the caller's to free. 0; 1: the repository has this very file already; or as above.
 */
int mf_repo_add_key(struct mf_context *ctx, const char *id, const struct mf_key_offer *offer,
		    char **ret_file);

/* ---- the keys that exist: src/setup/key-list.c ---- */

struct mf_key_entry {
	char *file;   /* in keys/repo.d; or the name in keys=, if there is no such file */
	bool keyring; /* as in an offer */
	struct mf_certificate certificate;
	char *why;		   /* the file cannot be used, and why; NULL: it can */
	struct mf_strings used_by; /* ids of repositories, disabled ones included */
};
struct mf_key_list {
	struct mf_key_entry *v; /* by file; a file of several certificates has several entries */
	size_t n;
};
/*
 * Lists the files of keys/repo.d and what the repositories name and is not there. 0 or -errno,
 * recorded.
 */
int mf_keys_list(struct mf_context *ctx, const struct mf_repos *repos,
		 struct mf_key_list *ret_list);
void mf_key_list_done(struct mf_key_list *list);
/*
 * The file that NAME of keys= means, in a directory; new memory. NULL: there is none, or no memory.
 */
char *mf_key_file_find(int dirfd, const char *name);

/* ---- the keys of an initrd: src/setup/rescue-files.c ---- */

/*
 * Copies into DIRECTORY, the root of a new initrd, what its rescue program trusts: the certificates of the
 * enabled repositories, the revocation and deny lists, the keys of modules, and module-signature=. No
 * password is among it. 0; -MFE_NO_KEYS: no enabled repository has a certificate; or another recorded
 * failure.
 */
int mf_rescue_files(struct mf_context *ctx, const char *directory);

#endif
