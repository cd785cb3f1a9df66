/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Would the kernel load the drivers that come, or does it demand signatures by keys that it does not know?
 *
 * What the kernel enforces counts (module.sig_enforce, lockdown), and not what the firmware says; Secure
 * Boot is reported because it is what turns lockdown on. The keys that sign the drivers are those of
 * keys/module.d; the kernel's are in its keyrings, which /proc/keys shows, and with them the machine
 * owner's keys (MOK).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/kernel-keys.h"
#include "examination.h"

#define MODULE_KEYS "etc/modfetch/keys/module.d"
/* four bytes of attributes, then the value */
#define SECURE_BOOT "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ENROLL                                                                                     \
	"openssl x509 -outform DER -in /" MODULE_KEYS "/KEY.pem -out key.der; mokutil --import "   \
	"key.der; restart, and confirm the key"

/* "on", "off", or "not known" where there is no EFI. */
static const char *secure_boot(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, SECURE_BOOT, O_RDONLY);
	_cleanup_free_ char *value = NULL;
	size_t len = 0;

	if (fd < 0 || mf_file_read(fd, 64, &value, &len) < 0 || len != 5)
		return "not known";
	return value[4] == 1 ? "on" : "off";
}

static void keyring_end(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

void doctor_check_signed_modules(struct examination *x)
{
	_cleanup_(keyring_end) struct mf_keyring *keyring = NULL;
	_cleanup_close_ int dirfd = mf_context_open(x->ctx, MODULE_KEYS, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *bad = NULL;
	const char *boot = secure_boot(x->ctx), *why = NULL;
	int r = mf_keyring_read(dirfd, NULL, 0, &keyring, &bad);

	if (r < 0) {
		doctor_diagnose(x, MF_HEALTH_FAILED, "replace or remove the file",
				"/" MODULE_KEYS "/%s cannot be read, so no driver is installed",
				bad ? bad : "");
		return;
	}
	switch (mf_kernel_keys_check(x->ctx, keyring, &why)) {
	case MF_KERNEL_TAKES_ANY:
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"the kernel does not demand signed modules; Secure Boot: %s", boot);
		break;
	case MF_KERNEL_KNOWS_A_KEY:
		doctor_diagnose(
			x, MF_HEALTH_OK, NULL,
			"the kernel demands signed modules (%s) and knows a key of /" MODULE_KEYS
			"; Secure Boot: %s",
			why, boot);
		break;
	case MF_KERNEL_KNOWS_NONE:
		if (mf_keyring_size(keyring))
			doctor_diagnose(
				x, MF_HEALTH_FAILED, ENROLL,
				"the kernel demands signed modules (%s) and knows no key of "
				"/" MODULE_KEYS "; Secure Boot: %s",
				why, boot);
		else
			doctor_diagnose(
				x, MF_HEALTH_WARNING,
				"put the certificate that signs the drivers into /" MODULE_KEYS
				", and see that the kernel knows it: " ENROLL,
				"the kernel demands signed modules (%s), and no key of a publisher "
				"is in /" MODULE_KEYS "; Secure Boot: %s",
				why, boot);
		break;
	}
}
