/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KSYMTAB_H
#define MODFETCH_KSYMTAB_H
/*
 * The export tables in a kernel image and in a module: not only which symbols are exported and with
 * which CRC, but also to whom. Pure: bytes in, names out; trusts no byte. Sources: the kernel's
 * include/linux/export-internal.h and Documentation/arch/x86/boot.rst, ELF gABI.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One export; the strings are valid during the call. */
struct mf_ksym {
	const char *name;
	const char *ns; /* the namespace a user must import, or "" */
	uint32_t crc;
	bool has_crc;
	bool gpl_only; /* only for modules with a license that is compatible with the GPL */
};

/* Gets an export. A return that is not 0 ends the walk. */
typedef int mf_ksym_visit(void *arg, const struct mf_ksym *symbol);

/*
 * Visits the exports of a kernel image: an ELF object (vmlinux), the same compressed, or a bzImage
 * of x86 with a payload that mf_inflate() reads. Inflating takes about 100 MB of memory, and up to
 * seconds. RET_VERMAGIC is the vermagic of RELEASE in the image, the caller's to free; NULL: none.
 * 0; the visitor's return; 1: the image has no export tables that can be read (another form or
 * compression, an architecture whose images are no ELF objects, a kernel before 4.19); -ENOMEM.
 */
int mf_ksymtab_image(const void *buf, size_t len, const char *release, mf_ksym_visit *visit,
		     void *arg, char **ret_vermagic);

/*
 * Visits the exports of a module of which the symbol table says more than the name: BUF is an
 * inflated module, as in struct mf_modinfo. CRCs are not set; struct mf_modinfo has them. 0, the
 * visitor's return, or -EBADMSG: no ELF object.
 */
int mf_ksymtab_module(const void *buf, size_t len, mf_ksym_visit *visit, void *arg);

#endif
