/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_OPENPGP_H
#define MODFETCH_OPENPGP_H
/*
 * Detached OpenPGP signatures, checked by the program sqv with the keyrings given to it and no
 * others. Its policy refuses weak algorithms, expired and revoked keys; ours is to ask nobody else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_openpgp_signer {
	char fingerprint[129]; /* of the certificate, hexadecimal digits */
	int64_t signing_time;  /* seconds since 1970; 0 where it was not asked for */
};

/*
 * Is the file SIG a signature over the file DATA by a key of the N keyrings? All are descriptors of
 * files, read from their start. TIMED: finds out when it was made, at the cost of some milliseconds
 * more. WHY gets one line of what sqv said where it refused. 0;
 * -MFE_NO_SQV; -MFE_UNTRUSTED_KEY; -MFE_BAD_SIGNATURE; -MFE_TIMEOUT; or -errno. Records nothing.
 */
int mf_openpgp_verify(const int *keyrings, size_t n, int data, int sig, bool timed,
		      struct mf_openpgp_signer *ret_signer, char *why, size_t why_size);

#endif
