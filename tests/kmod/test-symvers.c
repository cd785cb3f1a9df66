/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Symbol versions, in every place and compression that distributions use. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/symvers.h"
#include "tests/trees.h"

#define TEXT                                                                                       \
	"0x92997ed8\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n"                                          \
	"0x0000abcd\tusb_hcd_poll_rh_status\tdrivers/usb/core/usbcore\tEXPORT_SYMBOL_GPL\t\n"      \
	"0x00000000\tno_crc\tsound/core/snd-pcm\tEXPORT_SYMBOL\tNS\n"

struct seen {
	char text[1000];
	size_t n, stop_at;
};

static int note(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s %s %s;", symbol, crc, module);
	return ++s->n == s->stop_at ? 42 : 0;
}

#define SEEN "_printk 92997ed8 vmlinux;usb_hcd_poll_rh_status abcd usbcore;no_crc 0 snd_pcm;"

static void parse(const char *text, int want, const char *seen, size_t stop_at)
{
	struct seen s = { .stop_at = stop_at };
	char copy[1000];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(mf_symvers_parse(copy, note, &s), want);
	assert_string_equal(s.text, seen);
}

static void lines_say_symbol_crc_and_module(void **state)
{
	parse(TEXT, 0, SEEN, 0);
	parse("", 0, "", 0);
	/* the last line may lack its end; the old form lacks the namespace */
	parse("0x1\ta\tvmlinux\tEXPORT_SYMBOL", 0, "a 1 vmlinux;", 0);
	parse("0x1\ta\tvmlinux", 0, "a 1 vmlinux;", 0);
	parse(TEXT, 42, "_printk 92997ed8 vmlinux;", 1);
}

/* The module of a line is compared with that of the line before. */
static void each_line_has_its_own_module(void **state)
{
	parse("0x1\ta\tx/b-c\n0x2\tb\tx/b-c\n0x3\tc\t\n0x4\td\ty/d\n0x5\te\tx/b-c\n", 0,
	      "a 1 b_c;b 2 b_c;d 4 d;e 5 b_c;", 0);
}

static void lines_in_another_form_are_passed_over(void **state)
{
	parse("garbage\n\n\t\t\t\n0x1\n0x1\ta\n0x1\t\tvmlinux\n12345678\ta\tvmlinux\n0x\ta\tc\n0x2"
	      "\tb\tc\n",
	      0, "b 2 c;", 0);
}

static void check_place(struct root *r, const char *path, const char *command)
{
	struct seen s = { 0 };
	char line[600];

	root_write(r, "plain", TEXT);
	root_write(r, path, "");
	snprintf(line, sizeof(line), "cd %s && %s < plain > %s", r->path, command, path);
	assert_int_equal(system(line), 0);
	assert_int_equal(mf_symvers_read(&r->ctx, note, &s), 0);
	assert_string_equal(s.text, SEEN);
	assert_int_equal(unlinkat(r->fd, path, 0), 0);
}

static void every_place_and_compression_is_known(void **state)
{
	struct root *r = *state;
	struct seen s = { 0 };

	assert_int_equal(mf_symvers_read(&r->ctx, note, &s), 1);
	assert_string_equal(s.text, "");
	check_place(r, "lib/modules/" KERNEL "/symvers", "cat");
	check_place(r, "lib/modules/" KERNEL "/symvers.gz", "gzip");
	check_place(r, "lib/modules/" KERNEL "/symvers.xz", "xz");
	check_place(r, "lib/modules/" KERNEL "/symvers.zst", "zstd -q");
	check_place(r, "lib/modules/" KERNEL "/build/Module.symvers", "cat");
	check_place(r, "boot/symvers-" KERNEL ".gz", "gzip");
	check_place(r, "boot/symvers-" KERNEL ".xz", "xz");
	check_place(r, "usr/src/linux-headers-" KERNEL "/Module.symvers", "cat");
}

static void the_first_place_is_believed(void **state)
{
	struct root *r = *state;
	struct seen s = { 0 };

	root_write(r, "usr/src/linux-headers-" KERNEL "/Module.symvers", "0x1\tfar\tvmlinux\n");
	root_write(r, "lib/modules/" KERNEL "/symvers", "0x2\tnear\tvmlinux\n");
	assert_int_equal(mf_symvers_read(&r->ctx, note, &s), 0);
	assert_string_equal(s.text, "near 2 vmlinux;");
}

static void one_that_is_damaged_is_a_failure(void **state)
{
	struct root *r = *state;
	struct seen s = { 0 };

	root_write_bytes(r, "lib/modules/" KERNEL "/symvers.gz", "\x1f\x8b\x08\x00garbage", 11);
	assert_true(mf_symvers_read(&r->ctx, note, &s) < 0);
	assert_non_null(strstr(r->ctx.failure.what, "symvers.gz"));
	assert_string_equal(s.text, "");
}

static int count(void *arg, const char *symbol, const char *crc, const char *module)
{
	size_t *n = arg;

	assert_true(*symbol && *crc && *module);
	assert_true(strlen(crc) <= 8 && strspn(crc, "0123456789abcdef") == strlen(crc));
	assert_true(crc[0] != '0' || !crc[1]);
	n[0]++;
	n[1] += !strcmp(module, "vmlinux");
	return 0;
}

static void a_real_kernels_are_all_understood(void **state)
{
	struct mf_context ctx;
	size_t n[2] = { 0, 0 };
	char root[512], *lib;

	snprintf(root, sizeof(root), "%s", tree_of("default"));
	lib = strstr(root, "/lib/modules/");
	assert_non_null(lib);
	*lib = '\0';
	assert_int_equal(mf_context_init(&ctx, root, lib + strlen("/lib/modules/")), 0);
	assert_int_equal(mf_symvers_read(&ctx, count, n), 0);
	assert_true(n[0] > 20000 && n[1] > 8000 && n[1] < n[0]);
	mf_context_done(&ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_say_symbol_crc_and_module),
		UNIT(each_line_has_its_own_module),
		UNIT(lines_in_another_form_are_passed_over),
		ROOTED(every_place_and_compression_is_known),
		ROOTED(the_first_place_is_believed),
		ROOTED(one_that_is_damaged_is_a_failure),
		UNIT(a_real_kernels_are_all_understood),
	};

	return UNIT_RUN(tests);
}
