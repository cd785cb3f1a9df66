/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONTENTS_H
#define MODFETCH_CONTENTS_H
/*
 * Do the paths of the packages of a plan lead where their text says? What a package may hold is
 * judged by the text of its paths (src/verify/confine.h), so no directory of a path may be a link.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"

/*
 * Checks N packages that are to come in one transaction, against each other and against the
 * machine; nothing is changed. A path through a link is refused, be the link the machine's, a
 * package's own or another package's; but /lib may be a link to /usr/lib. So is a path through
 * anything else that a package brings and that is no directory; and a directory that is there with
 * another owner or mode than root's 0755, which rpm would change. 0; -MFE_FORBIDDEN_FILE;
 * -MFE_FILE_EXISTS where the machine is in the way; or -errno; recorded.
 */
int mf_contents_check(struct mf_context *ctx, const struct mf_rpm_header *const *headers, size_t n);

#endif
