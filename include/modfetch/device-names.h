/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DEVICE_NAMES_H
#define MODFETCH_DEVICE_NAMES_H
/*
 * What a device is, for people: its bus, its class in words, its name, and whether a device of this kind
 * needs a driver of its own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"

#define MF_BUS_SIZE 16

/* The parts of a modalias that tell what the device is. */
struct mf_device_id {
	char bus[MF_BUS_SIZE]; /* "pci", "usb", "acpi"; "" if it is no modalias */
	bool numbered;	       /* VENDOR and PRODUCT are known */
	uint32_t vendor, product;
	/* the class of a PCI device or a USB interface, or the type of a virtio device; -1: unknown */
	int class, subclass, interface;
};

/* Parses a modalias as the kernel writes it. Accepts any text; pure. */
struct mf_device_id mf_device_id_parse(const char *modalias);

/* The class in words, "Ethernet controller"; static. Never NULL: of an unknown class "device". */
const char *mf_device_class(const struct mf_device_id *id);

/*
 * May a device of this kind need a driver that this machine lacks? True for the devices that a person
 * would miss; false for bridges, memory controllers and others that the firmware or the kernel's own
 * code drives, for what programs use without a driver, and for the buses of which every machine has
 * dozens of entries without one (acpi, platform, pnp, …).
 */
bool mf_device_needs_driver(const struct mf_device_id *id);

/* "usb 0bda:8153", or the bus and the rest of the modalias, "acpi PNP0C09:"; new memory, or NULL. */
char *mf_device_numbers(const char *modalias);

/* A device in question, and its answer. */
struct mf_device_name {
	const char *modalias; /* borrowed */
	char *name;	      /* "Realtek RTL8153 Gigabit Ethernet Adapter"; owned */
};

/*
 * Names N devices with one look into pci.ids and usb.ids of the root: only then. A device that they do not
 * have gets its class, "Ethernet controller"; one of a vendor that they have, "Realtek Ethernet
 * controller". Names may have any printable characters. Without memory a name stays NULL. The caller passes the
 * array to mf_device_names_done().
 */
void mf_device_names_read(const struct mf_context *ctx, struct mf_device_name *v, size_t n);
void mf_device_names_done(struct mf_device_name *v, size_t n);

#endif
