/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_IDS_FILE_H
#define MODFETCH_IDS_FILE_H
/*
 * The names of vendors and their devices in pci.ids and usb.ids, which packages of distributions install.
 */
#include <stdint.h>
#include "modfetch/context.h"

/* Of a line that names the vendor itself. */
#define MF_IDS_VENDOR (-1)

/*
 * NAME is what the file calls the vendor, or the device with the id DEVICE of this vendor; any bytes but
 * newlines, gone after the call. A vendor comes before its devices.
 */
typedef void mf_ids_visit(void *arg, uint32_t vendor, int32_t device, const char *name);

/*
 * Visits all names in the file of a bus, "pci" or "usb", below the root. A file that is missing or cannot
 * be read has none, of one that is too long the beginning counts.
 */
void mf_ids_each(const struct mf_context *ctx, const char *bus, mf_ids_visit *visit, void *arg);

#endif
