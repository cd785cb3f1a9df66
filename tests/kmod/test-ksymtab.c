/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of a real kernel's image and modules say what its Module.symvers says; damaged ones say
 * nothing, or something, and never crash.
 */
#include "tests/unit.h"
#include "modfetch/ksymtab.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "tests/trees.h"

struct image {
	char *base, *kver;
	char *buf;
	size_t len;
};

static int read_image(void **state)
{
	struct image *image = calloc(1, sizeof(*image));
	const char *tree = tree_of("default");
	_cleanup_free_ char *path = NULL;

	image->base = strndup(tree, (size_t)(strstr(tree, "/lib/modules/") - tree));
	image->kver = strdup(strrchr(tree, '/') + 1);
	path = mf_format("%s/boot/vmlinuz-%s", image->base, image->kver);
	assert_int_equal(mf_file_read_at(AT_FDCWD, path, 256 << 20, &image->buf, &image->len), 0);
	*state = image;
	return 0;
}

static int free_image(void **state)
{
	struct image *image = *state;

	free(image->base);
	free(image->kver);
	free(image->buf);
	free(image);
	return 0;
}

/* Writes a line as Module.symvers has it. */
static int on_symbol(void *arg, const struct mf_ksym *s)
{
	FILE *f = arg;

	assert_true(s->has_crc);
	fprintf(f, "0x%08x\t%s\tvmlinux\tEXPORT_SYMBOL%s\t%s\n", s->crc, s->name,
		s->gpl_only ? "_GPL" : "", s->ns);
	return 0;
}

static void the_image_has_what_symvers_has(void **state)
{
	const struct image *image = *state;
	_cleanup_free_ char *compare = NULL, *vermagic = NULL;
	FILE *f = popen("sort >/tmp/modfetch-ksymtab.$PPID", "w");

	assert_non_null(f);
	assert_int_equal(
		mf_ksymtab_image(image->buf, image->len, image->kver, on_symbol, f, &vermagic), 0);
	assert_int_equal(pclose(f), 0);
	compare = mf_format("grep -P '\\tvmlinux\\t' %s/usr/src/linux-headers-%s/Module.symvers | "
			    "sort | cmp - /tmp/modfetch-ksymtab.$PPID; r=$?; "
			    "rm /tmp/modfetch-ksymtab.$PPID; exit $r",
			    image->base, image->kver);
	assert_int_equal(system(compare), 0);
	assert_true(mf_starts_with(vermagic, image->kver));
	assert_non_null(strstr(vermagic, " modversions "));
}

static int count(void *arg, const struct mf_ksym *s)
{
	++*(size_t *)arg;
	return 0;
}

static void an_image_that_cannot_be_read_has_no_tables(void **state)
{
	const struct image *image = *state;
	_cleanup_free_ char *copy = malloc(image->len);
	char *vermagic = NULL;
	size_t n = 0;

	memcpy(copy, image->buf, image->len);
	for (size_t len = 0; len < 1024; len += 17)
		assert_int_equal(mf_ksymtab_image(copy, len, "x", count, &n, &vermagic), 1);
	/* a payload that is longer than the file, or in a compression that is not known */
	memset(copy + 0x24c, 0xff, 4);
	assert_int_equal(mf_ksymtab_image(copy, image->len, "x", count, &n, &vermagic), 1);
	memcpy(copy + 0x24c, image->buf + 0x24c, 4);
	copy[image->len / 2] = (char)(copy[image->len / 2] ^ 0x55);
	assert_int_equal(mf_ksymtab_image(copy, image->len, "x", count, &n, &vermagic), 1);
	assert_null(vermagic);
	assert_int_equal(n, 0);
}

struct found {
	size_t n, gpl, ns;
};

static int on_module_symbol(void *arg, const struct mf_ksym *s)
{
	struct found *found = arg;

	found->n++;
	found->gpl += s->gpl_only;
	found->ns += !strcmp(s->ns, "USB_STORAGE");
	return 0;
}

static char *read_module(const char *name, size_t *ret_len)
{
	_cleanup_free_ char *path = mf_format("%s/kernel/%s", tree_of("default"), name);
	char *buf;

	assert_int_equal(mf_file_read_at(AT_FDCWD, path, 64 << 20, &buf, ret_len), 0);
	return buf;
}

static void a_module_says_to_whom_it_exports(void **state)
{
	size_t len;
	_cleanup_free_ char *storage = read_module("drivers/usb/storage/usb-storage.ko", &len);
	_cleanup_free_ char *library = NULL;
	struct found found = { 0 };

	assert_int_equal(mf_ksymtab_module(storage, len, on_module_symbol, &found), 0);
	assert_true(found.n > 20);
	assert_int_equal(found.ns, found.n);
	assert_int_equal(found.gpl, found.n);
	found = (struct found){ 0 };
	library = read_module("net/rfkill/rfkill.ko", &len);
	assert_int_equal(mf_ksymtab_module(library, len, on_module_symbol, &found), 0);
	assert_true(found.n > 10 && !found.ns && found.gpl < found.n);
}

static int on_flagged(void *arg, const struct mf_ksym *s)
{
	char *text = arg;

	strcat(strcat(strcat(text, s->name), s->gpl_only ? "+" : "-"), s->ns);
	return 0;
}

/* Since 7.0: one table, and flags beside it. */
static void flags_say_what_sections_said(void **state)
{
	static const char source[] = ".section __ksymtab_strings,\"aMS\",@progbits,1\n"
				     "sa: .asciz \"a\"\n__kstrtabns_a: .asciz \"\"\n"
				     "sb: .asciz \"b\"\n__kstrtabns_b: .asciz \"SPACE\"\n"
				     ".section __ksymtab,\"a\"\n"
				     "__ksymtab_a: .long a - ., sa - ., __kstrtabns_a - .\n"
				     "__ksymtab_b: .long b - ., sb - ., __kstrtabns_b - .\n"
				     ".section __kflagstab,\"a\"\n"
				     "__flags_a: .byte 0\n__flags_b: .byte 1\n"
				     ".text\na: nop\nb: nop\n.globl _start\n_start: nop\n";
	char directory[] = "/tmp/modfetch-ksymtab.XXXXXX", command[400], text[64] = "";
	_cleanup_free_ char *object = NULL, *image = NULL;
	char *vermagic = NULL;
	size_t len;
	FILE *f;

	assert_non_null(mkdtemp(directory));
	snprintf(command, sizeof(command),
		 "cd %s && cat >x.s && cc -c x.s -o x.o && ld -o x x.o 2>err", directory);
	f = popen(command, "w");
	assert_non_null(f);
	fputs(source, f);
	assert_int_equal(pclose(f), 0);
	snprintf(command, sizeof(command), "%s/x.o", directory);
	assert_int_equal(mf_file_read_at(AT_FDCWD, command, 1 << 20, &object, &len), 0);
	assert_int_equal(mf_ksymtab_module(object, len, on_flagged, text), 0);
	assert_string_equal(text, "a-b+SPACE");
	*text = '\0';
	snprintf(command, sizeof(command), "%s/x", directory);
	assert_int_equal(mf_file_read_at(AT_FDCWD, command, 1 << 20, &image, &len), 0);
	assert_int_equal(mf_ksymtab_image(image, len, "x", on_flagged, text, &vermagic), 0);
	assert_string_equal(text, "a-b+SPACE");
	assert_null(vermagic);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
}

static void a_damaged_module_is_read_without_harm(void **state)
{
	size_t len;
	_cleanup_free_ char *good = read_module("drivers/usb/storage/usb-storage.ko", &len);
	struct found found = { 0 };

	srand(7);
	for (size_t i = 0; i < 300; i++) {
		/* its own memory, so that a read beyond the end is found */
		_cleanup_free_ char *bad = malloc(len);
		size_t short_len = i % 3 ? len : (size_t)rand() % len;

		memcpy(bad, good, len);
		for (size_t k = 0; k < 40; k++)
			bad[(size_t)rand() % len] = (char)rand();
		(void)mf_ksymtab_module(bad, short_len, on_module_symbol, &found);
	}
	assert_int_equal(mf_ksymtab_module(good, 32, on_module_symbol, &found), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_image_has_what_symvers_has),
		UNIT(an_image_that_cannot_be_read_has_no_tables),
		UNIT(a_module_says_to_whom_it_exports),
		UNIT(flags_say_what_sections_said),
		UNIT(a_damaged_module_is_read_without_harm),
	};

	return cmocka_run_group_tests(tests, read_image, free_image);
}
