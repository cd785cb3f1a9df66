/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Would the kernel load the drivers that come, or does it demand signatures by keys that it does not know?
 *
 * What the kernel enforces counts (module.sig_enforce, lockdown), and not what the firmware says; Secure
 * Boot is reported because it is what turns lockdown on. The keys that sign the drivers are those of
 * keys/module.d; the kernel's are in its keyrings, which /proc/keys shows, and with them the machine
 * owner's keys (MOK). This machine's own key, for the drivers that are built on it, is a check of its own:
 * drivers of a repository do not depend on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/kernel-keys.h"
#include "modfetch/module-key.h"
#include "modfetch/module-keys.h"
#include "examination.h"

/* four bytes of attributes, then the value */
#define SECURE_BOOT "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ENROLL                                                                                     \
	"openssl x509 -outform DER -in /" MF_MODULE_KEYS                                           \
	"/KEY.pem -out key.der; mokutil --import "                                                 \
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

void doctor_check_signed_modules(struct examination *x)
{
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	const char *boot = secure_boot(x->ctx), *why = NULL;

	if (mf_module_keys_read(x->ctx, &keys) < 0) {
		doctor_diagnose(x, MF_HEALTH_FAILED, "replace or remove the file",
				"%s cannot be read, so no driver is installed",
				x->ctx->failure.what);
		return;
	}
	switch (mf_kernel_keys_check(x->ctx, keys.configured, &why)) {
	case MF_KERNEL_TAKES_ANY:
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"the kernel does not demand signed modules; Secure Boot: %s", boot);
		break;
	case MF_KERNEL_KNOWS_A_KEY:
		doctor_diagnose(
			x, MF_HEALTH_OK, NULL,
			"the kernel demands signed modules (%s) and knows a key of /" MF_MODULE_KEYS
			"; Secure Boot: %s",
			why, boot);
		break;
	case MF_KERNEL_KNOWS_NONE:
		if (mf_keyring_size(keys.configured))
			doctor_diagnose(
				x, MF_HEALTH_FAILED, ENROLL,
				"the kernel demands signed modules (%s) and knows no key of "
				"/" MF_MODULE_KEYS "; Secure Boot: %s",
				why, boot);
		else
			doctor_diagnose(
				x, MF_HEALTH_WARNING,
				"put the certificate that signs the drivers into /" MF_MODULE_KEYS
				", and see that the kernel knows it: " ENROLL,
				"the kernel demands signed modules (%s), and no key of a publisher "
				"is in /" MF_MODULE_KEYS "; Secure Boot: %s",
				why, boot);
		break;
	}
}

void doctor_check_build_key(struct examination *x)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
	_cleanup_free_ char *words = NULL, *guidance = NULL;
	enum mf_health health = MF_HEALTH_OK;

	if (mf_module_key_look(x->ctx, &key) < 0 || !(words = mf_module_key_describe(&key))) {
		x->r = -ENOMEM;
		return;
	}
	guidance = mf_module_key_guidance(&key);
	if (guidance)
		health = key.state == MF_MODULE_KEY_WAITS ? MF_HEALTH_WARNING : MF_HEALTH_FAILED;
	doctor_diagnose(x, health, guidance, "%s", words);
}
