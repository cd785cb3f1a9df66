/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ACCESS_H
#define MODFETCH_ACCESS_H
/*
 * How the servers of a repository are reached: the keys of a .repo file for passwords, proxies,
 * certificates and speed. All secrets of a repository but the passwords in its URLs are in this struct; they go
 * to the download helper, and to no file, message or command line.
 */
#include <stddef.h>
#include <stdint.h>
#include "modfetch/strings.h"

struct mf_access {
	/* Base URLs of the configuration: only they get the user's password and certificate, while the
	 * mirrors of a list do not */
	struct mf_strings own;
	/* The query of each of OWN, encoded, without its '?'; "": it has none. A token is a secret: it is
	 * added to the URL of each file when the helper gets it, and is part of no other URL. */
	struct mf_strings queries;
	char *username, *password;
	char *proxy; /* NULL: that of the settings or of the environment; "": none */
	char *proxy_username, *proxy_password;
	char *ca, *client_cert,
		*client_key;  /* absolute paths of PEM files below the root, or NULL */
	unsigned int timeout; /* seconds that a mirror may be silent or slow; 0: mirror-timeout */
	unsigned int retries; /* further tries after a fault that may pass; 0: the default */
	uint64_t min_rate;    /* bytes a second: less is too slow; 0: the default */
	unsigned int ip_version; /* 4 or 6; 0: both */
};

/* Frees what the struct owns, and zeroes it. */
void mf_access_done(struct mf_access *access);

#endif
