/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of this machine's own key, below /etc/modfetch/keys:
 *
 *	build.key	the private key: PEM, without a passphrase, root's alone (mode 0600)
 *	build.der	its certificate, as mokutil takes it; says which one in module.d is our own
 *	module.d/build.der	the same, where each key lies that may sign modules; removing this file
 *				revokes the key
 *
 * They are written in the order build.der, module.d/build.der, build.key, each with a sync of the file
 * and of its directory. So the private key is there only when all of it is there, and at no moment is
 * a certificate in module.d that would count as another's (modfetch/module-keys.h). After a power
 * cut, certificates without a private key are left: they are of a key that nobody has, and are replaced.
 *
 * A private key is used only if nobody else can have read it. Any other state is refused, and never
 * repaired here: a lost certificate may have been taken away on purpose.
 */
#include "pair.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-keys.h"
#include "modfetch/strings.h"

#define KEY_MAX	  (64 << 10)
#define CN_PREFIX "modfetch build key of "
#define CN_MAX	  64
#define NEW_KEY	  "to have a new key made, remove /" KEYS "/" PRIVATE_KEY

/* ---- reading ---- */

/* Opens the private key if it is a file of its user that nobody else may read. */
static int open_private_key(struct mf_context *ctx, int dirfd)
{
	int fd = openat(dirfd, PRIVATE_KEY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT
				       : mf_fail(ctx, MF_STAGE_SIGN, -errno,
						 "/" KEYS "/" PRIVATE_KEY, NULL);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & 077))
		return fd;
	close(fd);
	return mf_fail(
		ctx, MF_STAGE_SIGN, -MFE_CONFIG, "/" KEYS "/" PRIVATE_KEY,
		"it is not a file that only root can read, so others may have the key; " NEW_KEY);
}

static bool has_fingerprint(void *arg, const char *key_id, const char *fingerprint)
{
	return !strcmp(fingerprint, arg);
}

/* Is the certificate one of module.d, and not revoked there? 0, or recorded. */
static int check_module_keys(struct mf_context *ctx, const struct mf_key_pair *pair)
{
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	char fingerprint[MF_SHA256_HEX];
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_module_keys_read(ctx, &keys);

	if (r < 0)
		return r;
	r = mf_sha256(pair->certificate, pair->certificate_len, digest);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SIGN, r, "/" MF_BUILD_CERTIFICATE, NULL);
	mf_sha256_hex(digest, fingerprint);
	if (mf_keyring_any(keys.accepted, has_fingerprint, fingerprint))
		return 0;
	return mf_fail(ctx, MF_STAGE_SIGN, -MFE_CONFIG, "/" KEYS "/" PRIVATE_KEY,
		       "its certificate is not in /" MF_MODULE_KEYS " or is revoked there, so "
		       "nothing is signed with it; to accept it: cp /" MF_BUILD_CERTIFICATE
		       " /" MF_MODULE_KEYS "; " NEW_KEY);
}

int sign_pair_read(struct mf_context *ctx, int dirfd, struct mf_key_pair *ret_pair)
{
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	_cleanup_close_ int fd = open_private_key(ctx, dirfd);
	_cleanup_free_ char *certificate = NULL;
	int r = fd < 0 ? fd : mf_file_read(fd, KEY_MAX, &pair.key, &pair.key_len);

	if (fd == -ENOENT)
		return 1;
	if (r < 0)
		return fd < 0 ? r : mf_fail(ctx, MF_STAGE_SIGN, r, "/" KEYS "/" PRIVATE_KEY, NULL);
	r = mf_file_read_at(dirfd, CERTIFICATE, CERTIFICATE_MAX, &certificate,
			    &pair.certificate_len);
	pair.certificate = MF_STEAL(certificate);
	if (r == -ENOENT)
		return mf_fail(ctx, MF_STAGE_SIGN, -MFE_CONFIG, "/" KEYS "/" PRIVATE_KEY,
			       "its certificate /" MF_BUILD_CERTIFICATE
			       " is missing; restore it, or " NEW_KEY);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SIGN, r, "/" MF_BUILD_CERTIFICATE, NULL);
	r = mf_key_pair_check(&pair);
	if (r < 0)
		return mf_fail(
			ctx, MF_STAGE_SIGN, -MFE_CONFIG, "/" KEYS "/" PRIVATE_KEY,
			r == -EBADMSG
				? "/" MF_BUILD_CERTIFICATE
				  " is not the certificate of this key; restore it, or " NEW_KEY
				: "the key is of a kind or size that is too weak; " NEW_KEY);
	r = check_module_keys(ctx, &pair);
	if (r < 0)
		return r;
	*ret_pair = pair;
	pair = (struct mf_key_pair){ 0 };
	return 0;
}

/* ---- making ---- */

/* The name of the machine: of the running system, or what an image will be called. */
static void read_host(const struct mf_context *ctx, char *ret, size_t size)
{
	_cleanup_close_ int fd = *ctx->root ? mf_context_open(ctx, "etc/hostname", O_RDONLY) : -1;
	_cleanup_free_ char *text = NULL;
	size_t len;

	*ret = '\0';
	if (*ctx->root && fd >= 0 && mf_file_read(fd, 4096, &text, &len) == 0) {
		strncpy(ret, text, size - 1);
		ret[size - 1] = '\0';
	} else if (!*ctx->root && gethostname(ret, size) == 0) {
		ret[size - 1] = '\0';
	}
}

/* The common name: letters, digits and "-_." of the machine's name, as far as there is room. */
static void common_name(const struct mf_context *ctx, char ret[CN_MAX + 1])
{
	char host[256];
	size_t n = strlen(strcpy(ret, CN_PREFIX)), at = n;

	read_host(ctx, host, sizeof(host));
	for (const char *p = host; *p && *p != '\n' && n < CN_MAX; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *p))
			ret[n++] = *p;
	ret[n] = '\0';
	if (n == at)
		strcpy(ret + at, "this machine");
}

/*
 * Makes room in module.d: what an interrupted run left there goes, another file of that name
 * is a key of another machine and stays.
 */
static int clear_module_keys(struct mf_context *ctx, int dirfd, int module_keys)
{
	_cleanup_free_ char *theirs = NULL, *ours = NULL;
	size_t their_len, our_len;
	int r = mf_file_read_at(module_keys, CERTIFICATE, CERTIFICATE_MAX, &theirs, &their_len);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && mf_file_read_at(dirfd, CERTIFICATE, CERTIFICATE_MAX, &ours, &our_len) == 0 &&
	    our_len == their_len && !memcmp(ours, theirs, our_len)) {
		r = unlinkat(module_keys, CERTIFICATE, 0) < 0 || fsync(module_keys) < 0 ? -errno
											: 0;
		return r < 0 ? mf_fail(ctx, MF_STAGE_SIGN, r, "/" MF_MODULE_KEYS "/" CERTIFICATE,
				       NULL)
			     : 0;
	}
	return mf_fail(ctx, MF_STAGE_SIGN, -MFE_FILE_EXISTS, "/" MF_MODULE_KEYS "/" CERTIFICATE,
		       "the certificate of this machine's own key would get this name; rename the "
		       "file, it counts under any name that ends in .der");
}

int sign_pair_make(struct mf_context *ctx, int dirfd)
{
	_cleanup_close_ int module_keys = mf_context_mkdir(ctx, MF_MODULE_KEYS);
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	char name[CN_MAX + 1];
	int r;

	if (module_keys < 0)
		return mf_fail(ctx, MF_STAGE_SIGN, module_keys, "/" MF_MODULE_KEYS, NULL);
	r = clear_module_keys(ctx, dirfd, module_keys);
	if (r < 0)
		return r;
	common_name(ctx, name);
	r = mf_key_pair_make(name, &pair);
	if (!r)
		r = mf_file_publish(dirfd, CERTIFICATE, 0644, pair.certificate,
				    pair.certificate_len);
	if (!r)
		r = mf_file_publish(module_keys, CERTIFICATE, 0644, pair.certificate,
				    pair.certificate_len);
	if (!r)
		r = mf_file_publish(dirfd, PRIVATE_KEY, 0600, pair.key, pair.key_len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_SIGN, r, "/" KEYS,
			       "the key for modules that are built here could not be written: %s",
			       mf_error_sentence(r))
		     : 0;
}
