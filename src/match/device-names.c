/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of devices from pci.ids and usb.ids.
 *
 * All devices are looked up in one pass over each file (base/ids-file.c). If neither file has a device, its
 * class is its name. Long names of vendors are shortened by rules, so that a line of text has room for the
 * name of the device. Any bytes are accepted; what is printed is sanitized there.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/columns.h"
#include "modfetch/device-names.h"
#include "modfetch/ids-file.h"
#include "modfetch/strings.h"

#define NAME_MAX_COLUMNS 100

struct answer {
	struct mf_device_id id;
	char *vendor, *product;
};

struct lookup {
	const char *bus; /* of the file */
	struct answer *v;
	size_t n;
};

static bool is_of_file(const struct mf_device_id *id, const char *bus)
{
	return id->numbered &&
	       (!strcmp(id->bus, bus) || (!strcmp(bus, "usb") && !strcmp(id->bus, "hid")));
}

static void names_on_id(void *arg, uint32_t vendor, int32_t device, const char *name)
{
	const struct lookup *lookup = arg;

	for (size_t i = 0; i < lookup->n; i++) {
		struct answer *a = &lookup->v[i];

		if (a->id.vendor != vendor || !is_of_file(&a->id, lookup->bus))
			continue;
		if (device == MF_IDS_VENDOR && !a->vendor)
			a->vendor = strdup(name);
		else if (device >= 0 && a->id.product == (uint32_t)device && !a->product)
			a->product = strdup(name);
	}
}

static void look_up(const struct mf_context *ctx, const char *bus, struct answer *v, size_t n)
{
	struct lookup lookup = { .bus = bus, .v = v, .n = n };
	bool any = false;

	for (size_t i = 0; !any && i < n; i++)
		any = is_of_file(&v[i].id, bus);
	if (any)
		mf_ids_each(ctx, bus, names_on_id, &lookup);
}

/* ---- short names ---- */

/* Is it a word of a company's name that says nothing of the device? */
static bool is_legal_word(const char *word, size_t len)
{
	static const char *const words[] = {
		"AG",
		"B.V.",
		"Co",
		"Co.",
		"Corp",
		"Corp.",
		"Corporation",
		"Electronics",
		"GmbH",
		"Inc",
		"Inc.",
		"Incorporated",
		"International",
		"Limited",
		"LLC",
		"Ltd",
		"Ltd.",
		"Semiconductor",
		"Semiconductors",
		"Technologies",
		"Technology",
	};

	while (len && word[len - 1] == ',')
		len--;
	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !strncasecmp(words[i], word, len))
			return true;
	return false;
}

/* "Realtek" of "Realtek Semiconductor Co., Ltd.", "AMD" of "Advanced Micro Devices, Inc. [AMD]". */
static void shorten_vendor(char *vendor)
{
	size_t len = strlen(vendor);
	char *open = strrchr(vendor, '[');

	if (open && len > 2 && vendor[len - 1] == ']' && open[1] != ']') {
		vendor[len - 1] = '\0';
		memmove(vendor, open + 1, strlen(open + 1) + 1);
		return;
	}
	for (char *blank = strchr(vendor, ' '); blank; blank = strchr(blank + 1, ' '))
		if (is_legal_word(blank + 1, strcspn(blank + 1, " "))) {
			*blank = '\0';
			break;
		}
	for (len = strlen(vendor); len > 1 && vendor[len - 1] == ','; len--)
		vendor[len - 1] = '\0';
}

static char *compose_name(struct answer *a)
{
	const char *what = a->product ? a->product : mf_device_class(&a->id);
	_cleanup_free_ char *name = NULL;

	if (a->vendor)
		shorten_vendor(a->vendor);
	if (!a->vendor || !strncasecmp(what, a->vendor, strlen(a->vendor)))
		name = strdup(what);
	else
		name = mf_format("%s %s", a->vendor, what);
	return name ? mf_text_fit(name, NAME_MAX_COLUMNS) : NULL;
}

void mf_device_names_read(const struct mf_context *ctx, struct mf_device_name *v, size_t n)
{
	_cleanup_free_ struct answer *answers = calloc(n + 1, sizeof(*answers));

	for (size_t i = 0; answers && i < n; i++)
		answers[i].id = mf_device_id_parse(v[i].modalias ? v[i].modalias : "");
	if (answers) {
		look_up(ctx, "pci", answers, n);
		look_up(ctx, "usb", answers, n);
	}
	for (size_t i = 0; answers && i < n; i++) {
		v[i].name = compose_name(&answers[i]);
		free(answers[i].vendor);
		free(answers[i].product);
	}
}

void mf_device_names_done(struct mf_device_name *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		v[i].name = NULL;
	}
}
