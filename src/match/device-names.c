/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of devices from pci.ids and usb.ids.
 *
 * The files are text: a line "8086  Intel Corporation" for a vendor, and after it a line with a tab for each
 * of its devices ("<TAB>10d3  82574L Gigabit Network Connection"); two tabs begin a subsystem, '#' a
 * comment, any other line another list. They come from a package of the machine and have thirty thousand
 * lines: all devices are looked up in one pass that keeps no more than a line in memory and only
 * compares the lines of wanted vendors. Any bytes are accepted; what is printed is sanitized there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/columns.h"
#include "modfetch/device-names.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define IDS_MAX		 (8U << 20)
#define NAME_MAX_COLUMNS 100

struct answer {
	struct mf_device_id id;
	char *vendor, *product;
};

struct lookup {
	const char *bus; /* of the file */
	struct answer *v;
	size_t n;
	bool wanted; /* of the vendor whose devices come now */
	uint32_t vendor;
};

static bool is_of_file(const struct mf_device_id *id, const char *bus)
{
	return id->numbered &&
	       (!strcmp(id->bus, bus) || (!strcmp(bus, "usb") && !strcmp(id->bus, "hid")));
}

/* "8086  Intel Corporation": 8086, and the text. False: no such line. */
static bool split_line(const char *line, uint32_t *ret_number, const char **ret_text)
{
	uint32_t number = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = mf_hex_digit(line[i]);

		if (digit < 0)
			return false;
		number = number << 4 | (uint32_t)digit;
	}
	if (line[4] != ' ' || line[5] != ' ' || !line[6])
		return false;
	*ret_number = number;
	*ret_text = line + 6;
	return true;
}

static void on_vendor(struct lookup *lookup, uint32_t number, const char *text)
{
	lookup->wanted = false;
	for (size_t i = 0; i < lookup->n; i++) {
		struct answer *a = &lookup->v[i];

		if (a->id.vendor != number || !is_of_file(&a->id, lookup->bus))
			continue;
		lookup->wanted = true;
		lookup->vendor = number;
		if (!a->vendor)
			a->vendor = strdup(text);
	}
}

static void on_product(struct lookup *lookup, uint32_t number, const char *text)
{
	for (size_t i = 0; i < lookup->n; i++) {
		struct answer *a = &lookup->v[i];

		if (a->id.vendor == lookup->vendor && a->id.product == number && !a->product &&
		    is_of_file(&a->id, lookup->bus))
			a->product = strdup(text);
	}
}

static int names_on_line(void *arg, char *line)
{
	struct lookup *lookup = arg;
	const char *text;
	uint32_t number;

	if (*line == '#' || !*line || (line[0] == '\t' && line[1] == '\t'))
		return 0;
	if (*line != '\t') {
		if (split_line(line, &number, &text))
			on_vendor(lookup, number, text);
		else
			lookup->wanted = false;
	} else if (lookup->wanted && split_line(line + 1, &number, &text)) {
		on_product(lookup, number, text);
	}
	return 0;
}

/* Opens NAME where distributions have it. A descriptor of a regular file, or -1. */
static int open_ids(const struct mf_context *ctx, const char *bus)
{
	static const char *const directories[] = { "usr/share/hwdata", "usr/share/misc" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = mf_format("%s/%s.ids", directories[i], bus);
		_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -1;
		struct stat st;

		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
			return mf_steal_fd(&fd);
	}
	return -1;
}

static void look_up(const struct mf_context *ctx, const char *bus, struct answer *v, size_t n)
{
	struct lookup lookup = { .bus = bus, .v = v, .n = n };
	_cleanup_close_ int fd = -1;
	bool any = false;

	for (size_t i = 0; !any && i < n; i++)
		any = is_of_file(&v[i].id, bus);
	if (any)
		fd = open_ids(ctx, bus);
	/* of a file that is too long the beginning counts */
	if (fd >= 0)
		(void)mf_file_each_line(fd, IDS_MAX, names_on_line, &lookup);
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
