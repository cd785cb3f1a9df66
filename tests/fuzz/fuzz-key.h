/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FUZZ_KEY_H
#define TESTS_FUZZ_KEY_H
/* The certificate of the seeds of cms/ and trailer/; its private key was deleted. */
#include <assert.h>
#include <string.h>
#include "modfetch/crypto.h"

static inline const struct mf_keyring *fuzz_keyring(void)
{
	static const char pem[] =
		"-----BEGIN CERTIFICATE-----\n"
		"MIIBdjCCARugAwIBAgIUUPSQdUgbDRqYsHTVDicwv2T2GNYwCgYIKoZIzj0EAwIw\n"
		"DzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjEwNDQ0MDBaGA8yMTI2MTAyODA0NDQw\n"
		"MFowDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCk1\n"
		"4z6jfzRBuHKSS5pnikpn3iNu3HXDKxLcDEiE1y/4Q6VDm06Ox6aVOjbygEnNrWon\n"
		"pf9/kbSx8SMGWMZUdFujUzBRMB0GA1UdDgQWBBTMSNzP67gRwoeU2eDgOXhdqEJa\n"
		"ajAfBgNVHSMEGDAWgBTMSNzP67gRwoeU2eDgOXhdqEJaajAPBgNVHRMBAf8EBTAD\n"
		"AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDv/SjroP2GQsKi7ONHegGKziBur3VVn8IJ\n"
		"5vZFNSHPRwIhAOQ/FP9TvU4shQUdc8NQ4JYvCLYqft5k0vf9s5eRZ/pj\n"
		"-----END CERTIFICATE-----\n";
	static struct mf_keyring *keyring;

	if (!keyring)
		assert(!mf_keyring_new(&keyring) &&
		       !mf_keyring_add(keyring, pem, sizeof(pem) - 1, false));
	return keyring;
}

#endif
