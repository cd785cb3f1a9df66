/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FIT_H
#define MODFETCH_FIT_H
/*
 * The judge: would an installed kernel load a module? The answer is that of the kernel's own loader
 * (kernel/module/main.c, version.c) and of modprobe, for any pair of a module and an installed
 * kernel: machine, vermagic, the CRC of every import, namespaces, the license of the module, and its
 * BTF (kernel/bpf/btf.c). A kernel without MODVERSIONS wants its whole vermagic, and that each
 * symbol exists.
 *
 * In one case the answer is stricter: a module that refers to types by number (.BTF_ids) fits only the
 * build that it was made for. A kernel with MODULE_ALLOW_BTF_MISMATCH may load it all the same, and
 * then takes these numbers for those of its own types.
 *
 * Not judged here: signatures, the deny list, and whether the module does what it should.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/modinfo.h"

/* What is known of a kernel: what it exports, and what its own modules look like. */
struct mf_fit_kernel;

/*
 * How much the answer may cost. QUICK reads no source that takes seconds: on a machine without
 * symvers the verdict is then MF_FIT_UNKNOWN where vermagic and license fit, unless the cache of an
 * earlier thorough question is there. Enough for a module that was built for this very kernel.
 */
enum mf_fit_effort { MF_FIT_THOROUGH, MF_FIT_QUICK };

/*
 * Prepares to judge modules for KERNEL, an installed kernel or one of which only the directory or
 * symvers is there. Opens its directory and reads modules.dep; anything else is read when a
 * question needs it, and kept. Exports of the kernel come from the first of these:
 *	- its symvers (modfetch/symvers.h),
 *	- the tables in its image, /boot/vmlinuz-K and others (modfetch/ksymtab.h),
 *	- what the modules of its own that are on disk state of the symbols that they import, and the
 *	  names in /boot/System.map-K.
 * The last two take up to seconds, so their result is kept in /var/cache/modfetch/.exports/K. The
 * exports of a module are those of the file that the kernel's index names, since modprobe would load
 * that. The context must outlive the result. 0, or -errno, recorded. The caller frees it.
 */
int mf_fit_kernel_new(struct mf_context *ctx, const char *kernel, enum mf_fit_effort effort,
		      struct mf_fit_kernel **ret_kernel);
void mf_fit_kernel_free(struct mf_fit_kernel *kernel);

/* The file of a module in the kernel's index, below its directory; NULL: none. Borrowed. */
const char *mf_fit_kernel_path(const struct mf_fit_kernel *kernel, const char *name);

/*
 * From now on a module counts as one of the kernel's index: its exports come before those of
 * a module of the same name. For modules that will be installed or linked together. NAME: as kmod
 * spells it. 0 or -ENOMEM.
 */
int mf_fit_kernel_add(struct mf_fit_kernel *kernel, const char *name,
		      const struct mf_modinfo *module);

enum mf_fit_verdict {
	MF_FIT_YES,
	MF_FIT_MACHINE,	    /* built for another architecture or word size */
	MF_FIT_VERMAGIC,    /* built for another release, or with other flags */
	MF_FIT_NO_VERSIONS, /* it has no CRCs, and this kernel wants them */
	MF_FIT_CRC,	    /* an import has another CRC */
	MF_FIT_NAMESPACE,   /* an import is in a namespace that it does not import */
	MF_FIT_LICENSE,	    /* an import is for GPL modules only */
	MF_FIT_BTF,	    /* its BTF numbers the types of another build */
	MF_FIT_NO_SYMBOL,   /* neither the kernel nor a module of its index exports an import */
	MF_FIT_NO_MODULE,   /* a module of the kernel exports an import, but is not on disk */
	MF_FIT_UNKNOWN,	    /* nobody states the CRC of an import, or whether it is exported */
};

/* The answer. */
struct mf_fit {
	enum mf_fit_verdict verdict; /* the first in the order above that is found */
	bool same_release;	     /* its vermagic has the kernel's release */
	size_t compared;	     /* imports whose CRCs were compared and are equal */
	char symbol[128];	     /* the import, of the verdicts about one; or "" */
	char why[320]; /* a clause, "" if it fits; the subject is the module: "it needs …" */
};

/*
 * Judges a module. 0: RET_FIT is the answer, which is the same each time; -MFE_BAD_MODULE: it has
 * no vermagic; -ENOMEM or another -errno. Those are recorded.
 *
 * MF_FIT_YES is only given where all is known: "unknown" is no leave to make a link. A caller that knows more may decide
 * otherwise: a package's dependencies can guarantee the symbols of MF_FIT_NO_SYMBOL,
 * MF_FIT_NO_MODULE and MF_FIT_UNKNOWN.
 */
int mf_fit(struct mf_fit_kernel *kernel, const char *name, const struct mf_modinfo *module,
	   struct mf_fit *ret_fit);

/* The same for a file below a directory; the name is that of its path. -EBADMSG: no module. */
int mf_fit_file(struct mf_fit_kernel *kernel, int dirfd, const char *path, struct mf_fit *ret_fit);

/* "crc": a stable word for a verdict, for --json. Static. */
const char *mf_fit_name(enum mf_fit_verdict verdict);

#endif
