/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a modalias says of its device: the bus, the numbers, the class in words.
 *
 * Every machine has dozens of devices for which no module exists and none is missed: host bridges, memory
 * controllers, entries of the firmware's tables. The class distinguishes them from a network card without a
 * driver, in the tables below: PCI by class and subclass, USB by the class of the interface, all other buses as
 * a whole. A class that is not listed may need a driver, so that nothing is hidden by ignorance. A
 * device that some module matches is never asked about here.
 */
#include "modfetch/device-names.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"

#define ANY (-1)

struct class_row {
	int class, subclass; /* ANY: each */
	bool needs_driver;
	const char *words;
};

/* The first row that fits counts. */
static const struct class_row pci_classes[] = {
	{ 0x01, 0x00, true, "SCSI controller" },
	{ 0x01, 0x01, true, "IDE controller" },
	{ 0x01, 0x04, true, "RAID controller" },
	{ 0x01, 0x06, true, "SATA controller" },
	{ 0x01, 0x07, true, "SAS controller" },
	{ 0x01, 0x08, true, "NVMe controller" },
	{ 0x01, ANY, true, "storage controller" },
	{ 0x02, 0x00, true, "Ethernet controller" },
	{ 0x02, 0x07, true, "InfiniBand controller" },
	{ 0x02, ANY, true, "network controller" },
	{ 0x03, ANY, true, "graphics controller" },
	{ 0x04, 0x00, true, "video controller" },
	{ 0x04, 0x01, true, "sound controller" },
	{ 0x04, 0x03, true, "sound controller" },
	{ 0x04, ANY, true, "multimedia controller" },
	{ 0x05, 0x02, true, "CXL memory" },
	{ 0x05, ANY, false, "memory controller" },
	{ 0x06, 0x05, true, "PCMCIA bridge" },
	{ 0x06, 0x07, true, "CardBus bridge" },
	{ 0x06, ANY, false, "bridge" },
	{ 0x07, 0x00, true, "serial port" },
	{ 0x07, 0x01, true, "parallel port" },
	{ 0x07, 0x02, true, "serial ports" },
	{ 0x07, 0x03, true, "modem" },
	{ 0x07, ANY, true, "communication controller" },
	{ 0x08, 0x05, true, "SD card controller" },
	{ 0x08, ANY, false, "system peripheral" },
	{ 0x09, ANY, true, "input controller" },
	{ 0x0a, ANY, false, "docking station" },
	{ 0x0b, 0x40, true, "coprocessor" },
	{ 0x0b, ANY, false, "processor" },
	{ 0x0c, 0x00, true, "FireWire controller" },
	{ 0x0c, 0x03, true, "USB controller" },
	{ 0x0c, 0x04, true, "Fibre Channel controller" },
	{ 0x0c, 0x05, false, "SMBus controller" },
	{ 0x0c, 0x07, true, "IPMI interface" },
	{ 0x0c, 0x09, true, "CAN controller" },
	{ 0x0c, ANY, true, "serial bus controller" },
	{ 0x0d, ANY, true, "wireless controller" },
	{ 0x10, ANY, true, "encryption controller" },
	{ 0x11, ANY, true, "signal processing controller" },
	{ 0x12, ANY, true, "accelerator" },
	{ 0x13, ANY, false, "instrumentation" },
};

/* Of the interface. Cameras, printers and card readers of false are served by programs. */
static const struct class_row usb_classes[] = {
	{ 0x01, ANY, true, "sound device" },
	{ 0x02, ANY, true, "communication device" },
	{ 0x03, ANY, true, "input device" },
	{ 0x06, ANY, false, "camera" },
	{ 0x07, ANY, false, "printer" },
	{ 0x08, ANY, true, "storage device" },
	{ 0x09, ANY, true, "hub" },
	{ 0x0a, ANY, false, "data interface" },
	{ 0x0b, ANY, false, "smart card reader" },
	{ 0x0d, ANY, false, "content protection" },
	{ 0x0e, ANY, true, "video device" },
	{ 0x0f, ANY, false, "health device" },
	{ 0x11, ANY, false, "billboard" },
	{ 0x12, ANY, false, "USB-C bridge" },
	{ 0xdc, ANY, false, "diagnostic interface" },
	{ 0xe0, 0x01, true, "wireless adapter" },
	{ 0xfe, 0x01, false, "firmware update interface" },
	{ 0xfe, 0x02, true, "infrared adapter" },
};

/* By the type of the device. */
static const struct class_row virtio_types[] = {
	{ 1, ANY, true, "virtual network card" },  { 2, ANY, true, "virtual disk" },
	{ 3, ANY, true, "virtual console" },	   { 4, ANY, true, "random number generator" },
	{ 5, ANY, true, "memory balloon" },	   { 8, ANY, true, "virtual SCSI controller" },
	{ 9, ANY, true, "shared directory" },	   { 16, ANY, true, "virtual graphics card" },
	{ 18, ANY, true, "virtual input device" }, { 19, ANY, true, "virtual socket" },
	{ 25, ANY, true, "virtual sound card" },   { 26, ANY, true, "shared directory" },
};

/* All others. A bus that is not listed: a "device", which needs no driver of its own. */
static const struct {
	const char *bus;
	bool needs_driver;
	const char *words;
} buses[] = {
	{ "acpi", false, "firmware device" },
	{ "auxiliary", false, "part of a device" },
	{ "bcma", true, "part of a wireless card" },
	{ "cpu", false, "processor" },
	{ "dmi", false, "mainboard" },
	{ "hdaudio", true, "sound codec" },
	{ "hid", false, "input device" },
	{ "i2c", false, "I2C device" },
	{ "ieee1394", true, "FireWire device" },
	{ "input", false, "input device" },
	{ "mdio", false, "network PHY" },
	{ "of", false, "on-board device" },
	{ "pcmcia", true, "PC card" },
	{ "platform", false, "on-board device" },
	{ "pnp", false, "on-board device" },
	{ "scsi", false, "SCSI device" },
	{ "sdio", true, "SD card device" },
	{ "serio", false, "input port" },
	{ "ssb", true, "part of a wireless card" },
	{ "vmbus", true, "Hyper-V device" },
	{ "wmi", false, "firmware device" },
	{ "xen", true, "Xen device" },
};

/* ---- parsing ---- */

static bool is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* Takes KEY and a number of DIGITS digits, in upper case as the kernel writes them. */
static bool id_take(const char **text, const char *key, size_t digits, uint32_t *ret_value)
{
	const char *p = *text;
	uint32_t value = 0;

	if (!mf_starts_with(p, key))
		return false;
	p += strlen(key);
	for (size_t i = 0; i < digits; i++, p++) {
		if (!is_upper_hex(*p))
			return false;
		value = value << 4 | (uint32_t)mf_hex_digit(*p);
	}
	*text = p;
	*ret_value = value;
	return true;
}

static void parse_pci(const char *p, struct mf_device_id *id)
{
	uint32_t skipped, class, subclass, interface;

	id->numbered = id_take(&p, "v", 8, &id->vendor) && id_take(&p, "d", 8, &id->product);
	if (!id->numbered || !id_take(&p, "sv", 8, &skipped) || !id_take(&p, "sd", 8, &skipped) ||
	    !id_take(&p, "bc", 2, &class) || !id_take(&p, "sc", 2, &subclass) ||
	    !id_take(&p, "i", 2, &interface))
		return;
	id->class = (int)class;
	id->subclass = (int)subclass;
	id->interface = (int)interface;
}

static void parse_usb(const char *p, struct mf_device_id *id)
{
	uint32_t skipped, class, subclass, interface;

	id->numbered = id_take(&p, "v", 4, &id->vendor) && id_take(&p, "p", 4, &id->product);
	if (!id->numbered || !id_take(&p, "d", 4, &skipped) || !id_take(&p, "dc", 2, &skipped) ||
	    !id_take(&p, "dsc", 2, &skipped) || !id_take(&p, "dp", 2, &skipped) ||
	    !id_take(&p, "ic", 2, &class) || !id_take(&p, "isc", 2, &subclass) ||
	    !id_take(&p, "ip", 2, &interface))
		return;
	id->class = (int)class;
	id->subclass = (int)subclass;
	id->interface = (int)interface;
}

static void parse_hid(const char *p, struct mf_device_id *id)
{
	uint32_t skipped;

	id->numbered = id_take(&p, "b", 4, &skipped) && id_take(&p, "g", 4, &skipped) &&
		       id_take(&p, "v", 8, &id->vendor) && id_take(&p, "p", 8, &id->product);
}

static void parse_virtio(const char *p, struct mf_device_id *id)
{
	uint32_t type;

	if (id_take(&p, "d", 8, &type) && type < 0x10000)
		id->class = (int)type;
}

struct mf_device_id mf_device_id_parse(const char *modalias)
{
	struct mf_device_id id = { .class = -1, .subclass = -1, .interface = -1 };
	size_t len = strcspn(modalias, ":");

	if (!modalias[len] || !len || len >= sizeof(id.bus))
		return id;
	memcpy(id.bus, modalias, len);
	modalias += len + 1;
	if (!strcmp(id.bus, "pci"))
		parse_pci(modalias, &id);
	else if (!strcmp(id.bus, "usb"))
		parse_usb(modalias, &id);
	else if (!strcmp(id.bus, "hid"))
		parse_hid(modalias, &id);
	else if (!strcmp(id.bus, "virtio"))
		parse_virtio(modalias, &id);
	return id;
}

/* ---- the class ---- */

static const struct class_row *find_row(const struct mf_device_id *id)
{
	const struct {
		const char *bus;
		const struct class_row *rows;
		size_t n;
	} tables[] = { { "pci", pci_classes, MF_ARRAY_SIZE(pci_classes) },
		       { "usb", usb_classes, MF_ARRAY_SIZE(usb_classes) },
		       { "virtio", virtio_types, MF_ARRAY_SIZE(virtio_types) } };
	static const struct class_row other = { ANY, ANY, true, "device" };

	for (size_t t = 0; t < MF_ARRAY_SIZE(tables); t++) {
		if (strcmp(id->bus, tables[t].bus) != 0)
			continue;
		for (size_t i = 0; i < tables[t].n; i++) {
			const struct class_row *row = &tables[t].rows[i];

			if (row->class == id->class &&
			    (row->subclass == ANY || row->subclass == id->subclass))
				return row;
		}
		return &other;
	}
	return NULL;
}

const char *mf_device_class(const struct mf_device_id *id)
{
	const struct class_row *row = find_row(id);

	for (size_t i = 0; !row && i < MF_ARRAY_SIZE(buses); i++)
		if (!strcmp(buses[i].bus, id->bus))
			return buses[i].words;
	return row ? row->words : "device";
}

bool mf_device_needs_driver(const struct mf_device_id *id)
{
	const struct class_row *row = find_row(id);

	for (size_t i = 0; !row && i < MF_ARRAY_SIZE(buses); i++)
		if (!strcmp(buses[i].bus, id->bus))
			return buses[i].needs_driver;
	return row && row->needs_driver;
}

char *mf_device_numbers(const char *modalias)
{
	struct mf_device_id id = mf_device_id_parse(modalias);

	if (id.numbered)
		return mf_format("%s %04x:%04x", id.bus, id.vendor, id.product);
	return *id.bus ? mf_format("%s %.60s", id.bus, modalias + strlen(id.bus) + 1)
		       : mf_format("%.60s", modalias);
}
