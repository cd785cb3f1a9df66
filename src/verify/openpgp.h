/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_OPENPGP_H
#define MODFETCH_OPENPGP_H
/*
 * Detached OpenPGP signatures, verified by the program sqv with the given keyrings and no others.
 * Its policy refuses weak algorithms, expired and revoked keys; modfetch has no parser of its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_openpgp_signer {
	char fingerprint[129]; /* of the certificate, hexadecimal digits */
	int64_t signing_time;  /* seconds since 1970; 0 if not requested */
};

/*
 * Is the file SIG a signature over the file DATA by a key of the N keyrings? All are borrowed
 * descriptors of files, read from their start. TIMED: also finds the signing time, which takes some
 * milliseconds more. If sqv refuses, WHY gets the first line of its output. 0; -MFE_NO_SQV;
 * -MFE_UNTRUSTED_KEY; -MFE_BAD_SIGNATURE; -MFE_FUTURE (made half an hour or more after now);
 * -MFE_TIMEOUT; or -errno. Records nothing.
 */
int mf_openpgp_verify(const int *keyrings, size_t n, int data, int sig, bool timed,
		      struct mf_openpgp_signer *ret_signer, char *why, size_t why_size);

#endif
