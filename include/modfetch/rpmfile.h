/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPMFILE_H
#define MODFETCH_RPMFILE_H
/*
 * The parts of a package file, so that what it holds can be looked at before librpm unpacks it, and
 * the cpio archive that is its payload. Pure: bytes in, places in them out. Sources: rpm's
 * docs/manual/format.md; cpio(5), "New ASCII Format".
 */
#include <stddef.h>
#include <stdint.h>

struct mf_rpmfile {
	const uint8_t *header; /* what a header signature is made over */
	size_t header_len;
	const uint8_t *payload; /* the archive, most often compressed */
	size_t payload_len;
	const uint8_t *signature; /* OpenPGP, binary, over the header; NULL: there is none */
	size_t signature_len;
};

/* 0, or -EBADMSG for what is no package or a truncated one. */
int mf_rpmfile_parse(const void *buf, size_t len, struct mf_rpmfile *ret_file);

/* Told one file of an archive: its name as it stands there, its mode, its bytes. */
typedef int mf_cpio_visit(void *arg, const char *name, uint32_t mode, const void *data, size_t len);
/* 0, the visitor's return if that is not 0, or -EBADMSG for what is no whole archive. */
int mf_cpio_each(const void *buf, size_t len, mf_cpio_visit *visit, void *arg);

#endif
