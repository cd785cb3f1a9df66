/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the changed modules of a transaction to the program that makes an initrd. */
#include "tests/unit.h"
#include "archive.h"
#include "modfetch/initrd.h"
#include "src/initrd/outdated.h"
#include "src/initrd/rebuild.h"
#include "tests/root.h"
#include "tests/shell.h"
#include "tests/trees.h"

#define IMAGE "boot/initrd.img-" KERNEL
#define MARK  MF_INITRD_PENDING "/" KERNEL

/* A kernel with fat, vfat and isofs on disk, and fat and vfat in its initrd. */
static int setup(void **state)
{
	const char *tree = tree_of("default");
	struct root *r = calloc(1, sizeof(*r));
	struct archive a = { 0 };

	assert_non_null(r);
	root_init(r);
	run("t=%s/kernel/fs d=%s/lib/modules/" KERNEL "/kernel; mkdir $d && "
	    "cp $t/fat/fat.ko $t/fat/vfat.ko $t/isofs/isofs.ko $d && depmod -b %s " KERNEL,
	    tree, r->path, r->path);
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *path =
			mf_format("lib/modules/" KERNEL "/kernel/%s.ko", i ? "vfat" : "fat");
		_cleanup_free_ char *bytes = NULL;
		size_t len;

		assert_int_equal(mf_file_read_at(r->fd, path, 1 << 24, &bytes, &len), 0);
		archive_entry(&a, path, S_IFREG, bytes, len);
	}
	archive_end(&a);
	root_write_bytes(r, IMAGE, a.bytes, a.len);
	free(a.bytes);
	*state = r;
	return 0;
}

#define MACHINE(f) cmocka_unit_test_setup_teardown(f, setup, root_teardown)

static int outdated(struct root *r, const char *name, char **ret_why)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	assert_int_equal(mf_strings_add(&names, name), 0);
	*ret_why = NULL;
	return mf_initrd_outdated(&r->ctx, &names, ret_why);
}

static void only_a_change_of_the_content_counts(void **state)
{
	struct root *r = *state;
	char *why;

	assert_int_equal(outdated(r, "fat", &why), 0);
	assert_int_equal(outdated(r, "isofs", &why), 0);
	assert_int_equal(outdated(r, "unheard_of", &why), 0);
	/* nothing is different: what has a new time has not changed */
	run("touch %s/lib/modules/" KERNEL "/kernel/fat.ko", r->path);
	assert_int_equal(mf_initrd_outdated(&r->ctx, NULL, &why), 0);
	run("echo x >>%s/lib/modules/" KERNEL "/kernel/fat.ko", r->path);
	assert_int_equal(outdated(r, "vfat", &why), 0);
	assert_int_equal(outdated(r, "fat", &why), 1);
	assert_non_null(strstr(why, "another copy"));
	free(why);
}

static int on_other_copy(void *arg, const char *initrd, const char *path, bool older)
{
	_cleanup_free_ char *line = mf_format("%s %s %d;", initrd, path, older);

	strcat(arg, line);
	return 0;
}

/* Stripped, other bytes; another build, other statements: only that is certain. */
static void another_build_is_no_other_form(void **state)
{
	struct root *r = *state;
	char seen[512] = "";

	run("objcopy --strip-debug --remove-section=.comment %s/lib/modules/" KERNEL
	    "/kernel/vfat.ko",
	    r->path);
	assert_int_equal(mf_initrd_each_other_copy(&r->ctx, on_other_copy, seen), 0);
	assert_string_equal(seen, "");
	run("touch -d 2020-01-01 %s/" IMAGE
	    " && sed -i s/vermagic=6/vermagic=7/ %s/lib/modules/" KERNEL "/kernel/fat.ko",
	    r->path, r->path);
	assert_int_equal(mf_initrd_each_other_copy(&r->ctx, on_other_copy, seen), 0);
	assert_string_equal(seen, IMAGE " kernel/fat.ko 1;");
	*seen = '\0';
	run("touch -d '1 hour' %s/" IMAGE, r->path);
	assert_int_equal(mf_initrd_each_other_copy(&r->ctx, on_other_copy, seen), 0);
	assert_string_equal(seen, IMAGE " kernel/fat.ko 0;");
}

static void a_module_that_is_gone_counts(void **state)
{
	struct root *r = *state;
	char *why;

	run("rm %s/lib/modules/" KERNEL "/kernel/vfat.ko && depmod -b %s " KERNEL, r->path,
	    r->path);
	assert_int_equal(outdated(r, "vfat", &why), 1);
	assert_non_null(strstr(why, "not on disk any more"));
	free(why);
}

static void a_module_that_the_early_boot_needs_counts(void **state)
{
	struct root *r = *state;
	char *why;

	root_write(r, "etc/fstab", "UUID=1 / iso9660 ro 0 0\n");
	assert_int_equal(outdated(r, "isofs", &why), 1);
	assert_non_null(strstr(why, "the initrd lacks it"));
	free(why);
	/* not on disk: a new initrd would not have it either */
	root_write(r, "etc/fstab", "UUID=1 / xfs ro 0 0\n");
	assert_int_equal(outdated(r, "xfs", &why), 0);
}

static void an_unreadable_initrd_counts_for_those_only(void **state)
{
	struct root *r = *state;
	char *why;

	r->ctx.log_level = (enum mf_log_level) - 1;
	root_write(r, IMAGE, "BZh9");
	root_write(r, "etc/fstab", "UUID=1 / iso9660 ro 0 0\n");
	assert_int_equal(outdated(r, "fat", &why), 0);
	assert_int_equal(outdated(r, "isofs", &why), 1);
	free(why);
	assert_int_equal(unlinkat(r->fd, IMAGE, 0), 0);
	assert_int_equal(outdated(r, "isofs", &why), 0);
}

static void note(struct root *r, const char *path)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };

	assert_int_equal(mf_strings_add(&paths, path), 0);
	mf_initrd_note(&r->ctx, KERNEL, &paths);
}

static void notes_of_several_transactions_add_up(void **state)
{
	struct root *r = *state;
	char *text;

	note(r, "kernel/modules.dep");
	assert_false(root_has(r, MARK));
	note(r, "kernel/vfat.ko");
	note(r, "updates/isofs-x.ko.xz");
	note(r, "kernel/vfat.ko");
	text = root_read(r, MARK);
	assert_string_equal(text, "isofs_x\nvfat\n");
	free(text);
}

static void nothing_is_noted_without_an_initrd_or_if_not_wanted(void **state)
{
	struct root *r = *state;

	free(r->ctx.settings.regenerate_initrd);
	r->ctx.settings.regenerate_initrd = strdup("never");
	note(r, "kernel/fat.ko");
	assert_false(root_has(r, MARK));
	strcpy(r->ctx.settings.regenerate_initrd, "auto");
	assert_int_equal(unlinkat(r->fd, IMAGE, 0), 0);
	note(r, "kernel/fat.ko");
	assert_false(root_has(r, MARK));
}

static void what_is_right_is_forgotten(void **state)
{
	struct root *r = *state;

	note(r, "kernel/fat.ko");
	assert_int_equal(mf_initrd_settle(&r->ctx), 0);
	assert_false(root_has(r, MARK));
	/* a kernel that is gone, and lines that are no names */
	root_write(r, MF_INITRD_PENDING "/5.0-gone", "fat\n");
	root_write(r, MARK, "../../etc/passwd\n\x01\n");
	assert_int_equal(mf_initrd_settle(&r->ctx), 0);
	assert_false(root_has(r, MARK) || root_has(r, MF_INITRD_PENDING "/5.0-gone"));
}

/* The programs of an image would run with the rights of this machine. */
static void an_image_waits_for_its_boot(void **state)
{
	struct root *r = *state;

	r->ctx.log_level = (enum mf_log_level) - 1;
	run("printf '#!/bin/sh\\ntouch %s/ran\\n' >%s/generator && chmod +x %s/generator", r->path,
	    r->path, r->path);
	free(r->ctx.settings.regenerate_initrd);
	r->ctx.settings.regenerate_initrd = mf_format("%s/generator", r->path);
	run("echo x >>%s/lib/modules/" KERNEL "/kernel/fat.ko", r->path);
	note(r, "kernel/fat.ko");
	assert_int_equal(mf_initrd_settle(&r->ctx), 0);
	assert_true(root_has(r, MARK));
	assert_false(root_has(r, "ran"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(only_a_change_of_the_content_counts),
		MACHINE(another_build_is_no_other_form),
		MACHINE(a_module_that_is_gone_counts),
		MACHINE(a_module_that_the_early_boot_needs_counts),
		MACHINE(an_unreadable_initrd_counts_for_those_only),
		MACHINE(notes_of_several_transactions_add_up),
		MACHINE(nothing_is_noted_without_an_initrd_or_if_not_wanted),
		MACHINE(what_is_right_is_forgotten),
		MACHINE(an_image_waits_for_its_boot),
	};

	return UNIT_RUN(tests);
}
