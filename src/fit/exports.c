/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exports of a kernel, from the best source that this machine has.
 *
 * symvers is the text that the kernel's build wrote, with the exports of its modules. Most machines have
 * none: it is part of the packages for building modules. The image itself has the tables that the
 * loader uses. Where they cannot be read, each module of the kernel states the CRC of every symbol
 * that it imports; and System.map names all exports, unless the distribution emptied it. From
 * modules the list is not complete, and namespaces are not known.
 *
 * On disk: /var/cache/modfetch/.exports/KVER, what the image or the modules said. The first line is
 * the format's name and the image (inode, size and time). The second begins with 'i' for an image,
 * and has its vermagic; with 'm' for modules or 'c' for modules and System.map, and has the numbers
 * of modules.dep. Then come lines as in Module.symvers, and one with a dot. Any other file is not
 * used. Only root writes it, who could write the modules as well.
 */
#include "exports.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "index.h"

#define DIRECTORY MF_CACHE_DIRECTORY "/.exports"
#define MAGIC	  "modfetch exports 1"
#define TEXT_MAX  ((size_t)64 << 20)
#define IMAGE_MAX ((size_t)256 << 20)
#define N_EXPORTS 32000 /* more than most kernels have */

/* ---- Module.symvers ---- */

/* Returns the field at *LINE, which ends at a tab, and skips it. */
static char *exports_field(char **line)
{
	char *start = *line;

	*line = strchrnul(start, '\t');
	if (**line)
		*(*line)++ = '\0';
	return start;
}

/* The lines of a module stand together. */
struct symvers {
	struct fit_exports *exports;
	const char *file, *module; /* of the last line; NULL: of the kernel itself */
};

/* Notes the module of a file of symvers, "drivers/a/x-y". 0; 1: it has no name; -ENOMEM. */
static int symvers_module(struct symvers *s, const char *file)
{
	char name[MF_MODULE_NAME_SIZE];

	if (s->file && !strcmp(file, s->file))
		return 0;
	s->module = NULL;
	s->file = NULL;
	if (strcmp(file, "vmlinux") != 0) {
		if (!mf_module_name(file, name, sizeof(name)))
			return 1;
		s->module = mf_arena_copy(&s->exports->texts, name, strlen(name));
		if (!s->module)
			return -ENOMEM;
	}
	s->file = file;
	return 0;
}

/* A line of symvers: CRC, symbol, module, type, namespace. A line of another form is skipped. */
static int symvers_line(struct symvers *s, char *line)
{
	char *crc = exports_field(&line), *symbol = exports_field(&line);
	char *file = exports_field(&line), *type = exports_field(&line);
	char *ns = exports_field(&line);
	struct mf_ksym new = { .name = symbol, .ns = ns };
	int r = mf_starts_with(crc, "0x") && *symbol ? symvers_module(s, file) : 1;

	if (r)
		return r < 0 ? r : 0;
	new.crc = (uint32_t)strtoul(crc + 2, NULL, 16);
	/* a kernel without symbol versions has a zero for each symbol */
	new.has_crc = new.crc != 0;
	new.gpl_only = mf_ends_with(type, "_GPL");
	return fit_exports_borrow(s->exports, &new, s->module);
}

/* TEXT must live as long as the list. */
static int symvers_lines(struct fit_exports *exports, char *text)
{
	struct symvers s = { .exports = exports };
	int r = mf_table_reserve(&exports->by_name, N_EXPORTS);

	while (!r && *text) {
		char *end = strchrnul(text, '\n');
		bool last = !*end;

		*end = '\0';
		r = symvers_line(&s, text);
		text = last ? end : end + 1;
	}
	return r;
}

int fit_exports_symvers(struct mf_context *ctx, const char *kernel, struct fit_exports *exports)
{
	/* the contract of symvers is about the kernel of a context */
	struct mf_context of_kernel = *ctx;
	_cleanup_free_ char *name = strdup(kernel);
	int r;

	if (!name)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, kernel, NULL);
	of_kernel.kernel = name;
	r = mf_symvers_text(&of_kernel, &exports->text);
	if (r) {
		ctx->failure = of_kernel.failure;
		return r;
	}
	if (symvers_lines(exports, exports->text) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, kernel, NULL);
	exports->complete = exports->n > 0;
	return exports->n ? 0 : 1;
}

/* ---- the image ---- */

static const struct {
	const char *prefix, *suffix; /* of the kernel's release */
} images[] = {
	{ "boot/vmlinuz-", "" }, { "lib/modules/", "/vmlinuz" }, { "usr/lib/modules/", "/vmlinuz" },
	{ "boot/vmlinux-", "" }, { "lib/modules/", "/vmlinux" }, { "usr/lib/modules/", "/vmlinux" },
};

static int open_image(const struct mf_context *ctx, const char *kernel)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(images); i++) {
		_cleanup_free_ char *path =
			mf_format("%s%s%s", images[i].prefix, kernel, images[i].suffix);
		int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;

		if (fd >= 0 || fd == -ENOMEM)
			return fd;
	}
	return -ENOENT;
}

static int on_image_export(void *arg, const struct mf_ksym *symbol)
{
	return fit_exports_add(arg, symbol, NULL, false);
}

/* 0; 1: there is nothing to be read; -ENOMEM. */
static int exports_read_image(int fd, const char *kernel, struct fit_exports *exports)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, IMAGE_MAX, &buf, &len);

	if (r < 0)
		return r == -ENOMEM ? r : 1;
	r = mf_ksymtab_image(buf, len, kernel, on_image_export, exports, &exports->vermagic);
	if (r)
		return r;
	exports->complete = true;
	return 0;
}

/* ---- the kernel's modules, and System.map ---- */

struct modules_read {
	const struct fit_index *index;
	struct fit_exports *exports;
};

/* What a module imports and the kernel's other modules do not export is the kernel's. */
static int on_in_box_module(void *arg, const char *path)
{
	const struct modules_read *m = arg;
	_cleanup_close_ int fd = fit_index_open(m->index, path);
	struct mf_modinfo info;
	int r = fd < 0 ? fd : mf_modinfo_scan(fd, &info);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; !r && i < info.n_imports; i++) {
		const struct mf_symbol *s = &info.imports[i];
		const struct mf_ksym symbol = {
			.name = s->name, .ns = "", .crc = s->crc, .has_crc = s->has_crc
		};

		if (!s->weak)
			r = fit_exports_add(m->exports, &symbol, NULL, false);
	}
	mf_modinfo_done(&info);
	return r;
}

/* "ffffffff82462390 r __ksymtab_IO_APIC_get_PCI_irq_vector" */
static int on_map_line(void *arg, char *line)
{
	struct fit_exports *exports = arg;
	char *name = strstr(line, " __ksymtab_");
	const struct mf_ksym symbol = { .name = name ? name + strlen(" __ksymtab_") : "",
					.ns = "" };

	if (!*symbol.name)
		return 0;
	exports->complete = true;
	return fit_exports_add(exports, &symbol, NULL, false);
}

static int exports_read_map(const struct mf_context *ctx, const char *kernel,
			    struct fit_exports *exports)
{
	_cleanup_free_ char *path = mf_format("boot/System.map-%s", kernel);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;
	int r = fd < 0 ? fd : mf_file_each_line(fd, TEXT_MAX, on_map_line, exports);

	return r == -ENOMEM ? r : 0;
}

/* ---- the cache ---- */

static void add_numbers(FILE *f, int fd)
{
	struct stat st = { 0 };

	if (fd < 0 || fstat(fd, &st) < 0)
		fprintf(f, " -");
	else
		fprintf(f, " %" PRIu64 ":%" PRIu64 ":%" PRId64 ".%ld", (uint64_t)st.st_ino,
			(uint64_t)st.st_size, (int64_t)st.st_mtime, st.st_mtim.tv_nsec);
}

/* The numbers of a file. NULL: no memory. */
static char *numbers_of(int fd)
{
	char *numbers = NULL;
	size_t len;
	FILE *f = open_memstream(&numbers, &len);

	if (!f)
		return NULL;
	add_numbers(f, fd);
	return fclose(f) ? NULL : numbers;
}

/* What a list is made from. */
struct source {
	char *image; /* numbers of the image, and of modules.dep */
	char *dep;
	bool is_image;
};

static void source_done(struct source *source)
{
	free(source->image);
	free(source->dep);
}

/* 0; 1: there is none that can be used; -ENOMEM. */
static int cache_read(const struct mf_context *ctx, const char *kernel, const struct source *source,
		      struct fit_exports *exports)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *text = NULL, *head = mf_format("%s%s\n", MAGIC, source->image);
	char *kind, *lines;
	size_t len;
	int r = dirfd < 0 ? dirfd : mf_file_read_at(dirfd, kernel, TEXT_MAX, &text, &len);

	if (!head || r == -ENOMEM)
		return -ENOMEM;
	/* the last line, "." alone: nothing of it is missing */
	if (r < 0 || !mf_starts_with(text, head) || len < 3 || strcmp(text + len - 3, "\n.\n") != 0)
		return 1;
	kind = text + strlen(head);
	lines = strchr(kind, '\n');
	if (!lines)
		return 1;
	*lines++ = '\0';
	if (*kind != 'i' && strcmp(kind + 1, source->dep) != 0)
		return 1;
	exports->complete = *kind != 'm';
	if (*kind == 'i' && kind[1] && !(exports->vermagic = strdup(kind + 1)))
		return -ENOMEM;
	exports->text = MF_STEAL(text);
	return symvers_lines(exports, lines);
}

/* A cache that cannot be written costs the next run its time, and nothing else. */
static void cache_write(const struct mf_context *ctx, const char *kernel,
			const struct source *source, const struct fit_exports *exports)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	const char *vermagic = exports->vermagic ? exports->vermagic : "";
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = dirfd < 0 ? NULL : open_memstream(&text, &len);

	if (!f)
		return;
	fprintf(f, "%s%s\n%c%s\n", MAGIC, source->image,
		source->is_image    ? 'i'
		: exports->complete ? 'c'
				    : 'm',
		source->is_image ? vermagic : source->dep);
	for (size_t i = 0; exports->n && i <= exports->by_name.mask; i++) {
		const struct mf_table_slot *slot = &exports->by_name.slots[i];
		const struct fit_export *e = slot->key ? &exports->v[slot->value] : NULL;

		if (e)
			fprintf(f, "0x%08" PRIx32 "\t%s\tvmlinux\tEXPORT_SYMBOL%s\t%s\n", e->crc,
				slot->key, e->gpl_only ? "_GPL" : "", e->ns);
	}
	fputs(".\n", f);
	if (!fclose(f))
		(void)mf_file_publish(dirfd, kernel, 0644, text, len);
}

int fit_exports_other(struct mf_context *ctx, const char *kernel, const struct fit_index *index,
		      bool cache_only, struct fit_exports *exports)
{
	_cleanup_close_ int image = open_image(ctx, kernel);
	_cleanup_close_ int dep = fit_index_open(index, "modules.dep");
	struct modules_read m = { index, exports };
	_cleanup_(source_done) struct source source = {
		.image = numbers_of(image),
		.dep = numbers_of(dep),
	};
	int r = source.image && source.dep ? cache_read(ctx, kernel, &source, exports) : -ENOMEM;

	if (r <= 0)
		return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, r, kernel, NULL) : 0;
	if (cache_only)
		return 0;
	r = exports_read_image(image, kernel, exports);
	source.is_image = !r;
	if (r > 0) {
		fit_exports_done(exports);
		r = fit_index_each_in_box(index, on_in_box_module, &m);
		if (!r)
			r = exports_read_map(ctx, kernel, exports);
	}
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, kernel, "its exports cannot be read: %s",
			       mf_error_sentence(r));
	cache_write(ctx, kernel, &source, exports);
	return 0;
}
