/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TYPED_H
#define MODFETCH_TYPED_H
/*
 * The forms in which a person may write a query, besides those of mf_want_init(): a file of a module
 * ("e1000e.ko", with or without directory), the ids of a device ("8086:10d3", "usb:0bda:8153"), and a
 * device of this machine: a PCI address ("0000:00:03.0"), a path below /sys, a network interface. Only
 * the command uses them: what the kernel or udev asks for has one form.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/want.h"

/*
 * Adds the wants that TEXT means. The ids of connected devices mean these devices, each with its
 * syspath; other ids each alias with them (mf_want_init()). The name of an interface counts only if
 * neither the disk nor a repository has a module or an alias of this name. All other texts are passed
 * to mf_want_init_any(). A want of another form keeps TEXT in "given". 0 or a recorded failure.
 */
int mf_wants_add_typed(struct mf_context *ctx, const char *text, struct mf_wants *wants);

/*
 * A pattern for the modaliases that TEXT means, if it is the ids of a device or a device of this
 * machine, interfaces as above included; a byte with a meaning of its own in a pattern or a rule becomes "?".
 * RET_PATTERN is the caller's. 0; 1: it is no such form, or there is no such device; or -ENOMEM or
 * -errno, recorded.
 */
int mf_typed_pattern(struct mf_context *ctx, const char *text, char **ret_pattern);

/* The parts of the above that are pure. */

/*
 * Writes the pattern of the ids of a device, "pci:v00008086d000010D3*" or "usb:v0BDAp8153*". False: TEXT
 * is not "VVVV:DDDD" or "usb:VVVV:PPPP", each four hexadecimal digits.
 */
#define MF_IDS_PATTERN_SIZE 32
bool mf_typed_ids(const char *text, char ret_pattern[MF_IDS_PATTERN_SIZE]);
/* Writes the PCI address in full, "0000:00:03.0". False: TEXT is no address. */
#define MF_PCI_ADDRESS_SIZE 16
bool mf_typed_pci_address(const char *text, char ret_address[MF_PCI_ADDRESS_SIZE]);
/* Writes the name of the module whose file TEXT is, "snd_pcm" of "/tmp/snd-pcm.ko.xz". False: it is no such file. */
bool mf_typed_module(const char *text, char *ret_name, size_t size);

#endif
