/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes this machine's own key at first use, and finds out whether the running kernel knows it.
 *
 * A kernel that loads only signed modules (module.sig_enforce, lockdown) looks for the signer in its
 * keyrings. A key of this machine comes there by way of shim: "mokutil --import" leaves the
 * certificate and a password's hash in EFI variables, MokManager asks for the password at the next
 * boot and adds the certificate to shim's list, and the kernel reads that list when it starts. So the
 * key is in one of these states:
 *	known	/proc/keys lists its identifier
 *	waits	the EFI variable MokNew has it: the next boot asks
 *	unknown	neither
 * Nothing is enrolled from here: only a person at the console can confirm a key, and must choose the
 * password. Where no signature is demanded, the key has no effect and nothing is to be done.
 *
 * What EFI and /proc say is advice; the kernel decides when it loads a module.
 */
#include "modfetch/module-key.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kernel-keys.h"
#include "modfetch/module-keys.h"
#include "modfetch/strings.h"
#include "pair.h"

#define EFI	"sys/firmware/efi"
#define MOK_NEW EFI "/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23"
#define EFI_MAX (1 << 20)
#define CONFIRM                                                                                    \
	"at the next boot a blue screen asks for a key within ten seconds, then choose \"Enroll "  \
	"MOK\", \"Continue\", \"Yes\", type the password, and choose \"Reboot\""

int mf_module_key_ensure(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, KEYS);
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	int r;

	/* two builds may begin at once; the lock ends with the descriptor */
	while (dirfd >= 0 && flock(dirfd, LOCK_EX) < 0)
		if (errno != EINTR)
			return mf_fail(ctx, MF_STAGE_SIGN, -errno, "/" KEYS, NULL);
	if (dirfd < 0)
		return mf_fail(ctx, MF_STAGE_SIGN, dirfd, "/" KEYS, NULL);
	r = sign_pair_read(ctx, dirfd, &pair);
	if (r > 0) {
		r = sign_pair_make(ctx, dirfd);
		return r < 0 ? r : 1;
	}
	return r;
}

/* ---- its state ---- */

static bool root_has(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH);

	return fd >= 0;
}

static void keyring_cleanup(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

/* Is the certificate in the list that shim gets at the next boot? */
static bool enrolment_waits(const struct mf_context *ctx, const char *der, size_t len)
{
	_cleanup_close_ int fd = mf_context_open(ctx, MOK_NEW, O_RDONLY);
	_cleanup_free_ char *list = NULL;
	size_t list_len;

	return fd >= 0 && mf_file_read(fd, EFI_MAX, &list, &list_len) == 0 &&
	       memmem(list, list_len, der, len);
}

/* A certificate that can be read decides between the last three states. */
static int look_at_certificate(const struct mf_context *ctx, const char *der, size_t len,
			       struct mf_module_key *key)
{
	_cleanup_(keyring_cleanup) struct mf_keyring *own = NULL;
	int r = mf_keyring_new(&own);

	if (!r)
		r = mf_keyring_add(own, der, len, false);
	if (r < 0)
		return r;
	mf_keyring_describe(own, 0, &key->certificate);
	key->state = mf_kernel_keys_know(ctx, own)    ? MF_MODULE_KEY_KNOWN
		     : enrolment_waits(ctx, der, len) ? MF_MODULE_KEY_WAITS
						      : MF_MODULE_KEY_UNKNOWN;
	return 0;
}

/* The key is refused: FAULT, or the failure that was recorded. */
static int set_fault(const struct mf_context *ctx, const char *fault, struct mf_module_key *key)
{
	key->state = MF_MODULE_KEY_UNUSABLE;
	key->fault =
		fault ? strdup(fault) : mf_format("%s: %s", ctx->failure.what, ctx->failure.why);
	return key->fault ? 0 : -ENOMEM;
}

/* Reads the certificate; where this user may, the private key is checked too. */
static int look(struct mf_context *ctx, struct mf_module_key *key)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEYS, O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	_cleanup_free_ char *der = NULL;
	size_t len;
	int r;

	if (dirfd < 0 || faccessat(dirfd, PRIVATE_KEY, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (geteuid() == 0) {
		r = sign_pair_read(ctx, dirfd, &pair);
		if (r)
			return r > 0 ? 0 : set_fault(ctx, NULL, key);
	}
	r = mf_file_read_at(dirfd, CERTIFICATE, CERTIFICATE_MAX, &der, &len);
	if (!r)
		r = look_at_certificate(ctx, der, len, key);
	return r == -ENOMEM ? r
	       : r < 0	    ? set_fault(ctx, "/" MF_BUILD_CERTIFICATE " cannot be read", key)
			    : 0;
}

int mf_module_key_look(struct mf_context *ctx, struct mf_module_key *ret_key)
{
	const struct mf_failure before = ctx->failure;
	struct mf_module_key key = { .demanded_by = mf_kernel_keys_demand(ctx),
				     .efi = root_has(ctx, EFI),
				     .mokutil = root_has(ctx, "usr/bin/mokutil") };
	int r = look(ctx, &key);

	ctx->failure = before;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SIGN, r, "/" KEYS, NULL);
	*ret_key = key;
	return 0;
}

void mf_module_key_done(struct mf_module_key *key)
{
	free(key->fault);
	*key = (struct mf_module_key){ 0 };
}

const char *mf_module_key_state_name(enum mf_module_key_state state)
{
	static const char *const names[] = {
		[MF_MODULE_KEY_NONE] = "none",	     [MF_MODULE_KEY_UNUSABLE] = "unusable",
		[MF_MODULE_KEY_KNOWN] = "known",     [MF_MODULE_KEY_WAITS] = "waits",
		[MF_MODULE_KEY_UNKNOWN] = "unknown",
	};

	return names[state];
}

/* ---- in words ---- */

char *mf_module_key_describe(const struct mf_module_key *key)
{
	switch (key->state) {
	case MF_MODULE_KEY_NONE:
		return strdup("no driver was built on this machine, so it has no key to sign one");
	case MF_MODULE_KEY_UNUSABLE:
		return mf_format("no driver that is built here can be signed: %s", key->fault);
	case MF_MODULE_KEY_KNOWN:
		return strdup("the kernel knows the key that signs the drivers built here");
	case MF_MODULE_KEY_WAITS:
	case MF_MODULE_KEY_UNKNOWN:
		break;
	}
	if (!key->demanded_by)
		return strdup("the kernel does not know the key that signs the drivers built here, "
			      "and does not demand signed modules");
	return mf_format("the kernel demands signed modules (%s) and does not know the key that "
			 "signs the drivers built here, so it refuses them%s",
			 key->demanded_by,
			 key->state == MF_MODULE_KEY_WAITS ? "; the enrolment waits for a reboot"
							   : "");
}

char *mf_module_key_guidance(const struct mf_module_key *key)
{
	switch (key->state) {
	case MF_MODULE_KEY_NONE:
	case MF_MODULE_KEY_KNOWN:
		return NULL;
	case MF_MODULE_KEY_UNUSABLE:
		return strdup("put this file in order, or remove /" KEYS "/" PRIVATE_KEY
			      ": the next build then makes another key, which has to be enrolled "
			      "again where the kernel demands signed modules");
	case MF_MODULE_KEY_WAITS:
		return strdup("restart this machine at its console: " CONFIRM
			      " (the password is the one that mokutil asked for)");
	case MF_MODULE_KEY_UNKNOWN:
		break;
	}
	if (!key->demanded_by)
		return NULL;
	if (!key->efi)
		return mf_format("this machine has no EFI, so no key can be added to its kernel: "
				 "boot it without the setting that demands signatures (%s)",
				 key->demanded_by);
	return mf_format("%smokutil --import /" MF_BUILD_CERTIFICATE " (it asks for a new "
			 "password, which is needed once), then restart this machine at its "
			 "console: " CONFIRM,
			 key->mokutil ? "" : "install the package mokutil; ");
}
