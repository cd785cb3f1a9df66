/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONTENTS_H
#define MODFETCH_CONTENTS_H
/*
 * Do the paths of a plan's packages lead to the places in their text? The files of a package are
 * checked by the text of their paths (src/verify/confine.h), so no directory of a path may be a
 * link.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"

/*
 * Checks the N packages of one transaction against each other and against the machine; changes
 * nothing. Refuses a path through a link of the machine, of the package or of another package, but
 * /lib may be a link to /usr/lib. Refuses a path through any other file of a package; and an
 * existing directory with another owner than root or another mode than 0755, which rpm would
 * change. 0; -MFE_FORBIDDEN_FILE; -MFE_FILE_EXISTS if a file or directory of the machine is in the
 * way; or -errno; recorded.
 */
int mf_contents_check(struct mf_context *ctx, const struct mf_rpm_header *const *headers, size_t n);

#endif
