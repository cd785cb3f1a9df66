/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real modules of a real kernel, and copies with one thing changed for which the kernel would refuse
 * them: each copy has its own verdict. All kernels and modules together: tests/fit/matrix.py.
 */
#include "tests/unit.h"
#include "modfetch/fit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "tests/shell.h"
#include "tests/trees.h"

#define DRIVERS "kernel/drivers/usb/storage"

struct machine {
	struct mf_context ctx;
	char *scratch, kver[128];
	char *user; /* ums-karma.ko: uses two symbols of usb-storage.ko, in its namespace */
	size_t len;
};

/* A root with usb-storage.ko, its two dependencies, the kernel's configuration and symvers. */
static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	const char *tree = tree_of("default");
	_cleanup_free_ char *base = strndup(tree, (size_t)(strstr(tree, "/lib/modules/") - tree));

	m->scratch = enter_scratch();
	snprintf(m->kver, sizeof(m->kver), "%s", strrchr(tree, '/') + 1);
	run("k=%s t=%s b=%s; mkdir -p root/lib/modules/$k/" DRIVERS " root/boot "
	    "root/usr/src/linux-headers-$k && cd root/lib/modules/$k && "
	    "for f in drivers/usb/common/usb-common drivers/usb/core/usbcore "
	    "drivers/scsi/scsi_common drivers/scsi/scsi_mod drivers/usb/storage/usb-storage; do "
	    "mkdir -p kernel/$(dirname $f); cp $t/kernel/$f.ko kernel/$f.ko; "
	    "done && cp $b/boot/config-$k ../../../boot/ && cp $b/usr/src/linux-headers-$k/"
	    "Module.symvers ../../../usr/src/linux-headers-$k/ && depmod -b ../../.. $k",
	    m->kver, tree, base);
	run("cp %s/" DRIVERS "/ums-karma.ko user.ko", tree);
	assert_int_equal(mf_file_read_at(AT_FDCWD, "user.ko", 1 << 20, &m->user, &m->len), 0);
	assert_int_equal(mf_context_init(&m->ctx, "root", m->kver), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	mf_context_done(&m->ctx);
	free(m->user);
	*state = m->scratch;
	free(m);
	return remove_scratch(state);
}

#define FIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct mf_fit judge(struct machine *m, const char *name, const void *buf, size_t len)
{
	struct mf_fit_kernel *kernel = NULL;
	struct mf_modinfo info = { 0 };
	struct mf_fit fit = { 0 };

	assert_int_equal(mf_modinfo_parse(buf, len, len, &info), 0);
	assert_int_equal(mf_fit_kernel_new(&m->ctx, m->kver, MF_FIT_THOROUGH, &kernel), 0);
	assert_int_equal(mf_fit(kernel, name, &info, &fit), 0);
	mf_fit_kernel_free(kernel);
	mf_modinfo_done(&info);
	return fit;
}

/* A copy of the module in which every OLD (of LEN bytes) is NEW; *RET_N is their number. */
static char *changed(const struct machine *m, const void *old, const void *new, size_t len,
		     size_t *ret_n)
{
	char *copy = malloc(m->len);

	memcpy(copy, m->user, m->len);
	*ret_n = 0;
	for (char *at = copy; (at = memmem(at, m->len - (size_t)(at - copy), old, len));
	     at += len) {
		memcpy(at, new, len);
		++*ret_n;
	}
	return copy;
}

static void assert_verdict(struct machine *m, const char *old, const char *new,
			   enum mf_fit_verdict verdict, const char *symbol)
{
	size_t n;
	_cleanup_free_ char *copy = changed(m, old, new, strlen(old), &n);
	struct mf_fit fit = judge(m, "ums_karma", copy, m->len);

	assert_int_equal(strlen(old), strlen(new));
	assert_true(n > 0);
	if (fit.verdict != verdict || !mf_starts_with(fit.symbol, symbol))
		fail_msg("%s → %s: %s %s (%s)", old, new, mf_fit_name(fit.verdict), fit.symbol,
			 fit.why);
	assert_int_equal(verdict != MF_FIT_YES, strlen(fit.why) > 0);
}

static void a_module_of_the_kernel_fits_it(void **state)
{
	struct machine *m = *state;
	struct mf_fit fit = judge(m, "ums_karma", m->user, m->len);

	assert_int_equal(fit.verdict, MF_FIT_YES);
	assert_true(fit.same_release);
	assert_true(fit.compared > 8);
	assert_string_equal(fit.why, "");
}

static void each_difference_that_the_loader_refuses_has_its_verdict(void **state)
{
	struct machine *m = *state;

	assert_verdict(m, " mod_unload ", " mod_upload ", MF_FIT_VERMAGIC, "");
	assert_verdict(m, "import_ns=USB", "import_nx=USB", MF_FIT_NAMESPACE, "usb_stor_");
	assert_verdict(m, "license=GPL", "license=MIT", MF_FIT_LICENSE, "usb_");
	assert_verdict(m, "usb_stor_resume", "usb_stor_rename", MF_FIT_NO_SYMBOL,
		       "usb_stor_rename");
	/* without symbol versions the release counts again */
	assert_verdict(m, "__versions", "__Versions", MF_FIT_YES, "");
	run("sed -i /FORCE_LOAD/d root/boot/config-*");
	assert_verdict(m, "__versions", "__Versions", MF_FIT_NO_VERSIONS, "");
}

static void with_symbol_versions_the_release_does_not_matter(void **state)
{
	struct machine *m = *state;
	char old[160], new[160];
	size_t n;
	_cleanup_free_ char *copy = NULL;
	struct mf_fit fit;

	snprintf(old, sizeof(old), "vermagic=%s ", m->kver);
	snprintf(new, sizeof(new), "vermagic=9%s ", m->kver + 1);
	copy = changed(m, old, new, strlen(old), &n);
	fit = judge(m, "ums_karma", copy, m->len);
	assert_int_equal(fit.verdict, MF_FIT_YES);
	assert_false(fit.same_release);
	/* but without them it does */
	for (char *at = copy; (at = memmem(at, m->len - (size_t)(at - copy), "__versions", 10));)
		*at = '-';
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_VERMAGIC);
}

static void btf_of_another_build_fits_where_the_kernel_ignores_it(void **state)
{
	struct machine *m = *state;
	char old[160], new[160];
	size_t n;
	char *at;
	_cleanup_free_ char *copy = NULL;

	snprintf(old, sizeof(old), "vermagic=%s ", m->kver);
	snprintf(new, sizeof(new), "vermagic=9%s ", m->kver + 1);
	copy = changed(m, old, new, strlen(old), &n);
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_YES);
	run("sed -i /ALLOW_BTF_MISMATCH/d root/boot/config-*");
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_BTF);
	assert_int_equal(judge(m, "ums_karma", m->user, m->len).verdict, MF_FIT_YES);
	/* a kernel that does not read the BTF of modules */
	run("sed -i /DEBUG_INFO_BTF_MODULES/d root/boot/config-*");
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_YES);
	run("echo CONFIG_DEBUG_INFO_BTF_MODULES=y >>$(echo root/boot/config-*)");
	run("echo CONFIG_MODULE_ALLOW_BTF_MISMATCH=y >>$(echo root/boot/config-*)");
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_YES);
	/* numbers of types are of no use without that BTF */
	at = memmem(copy, m->len, "\0.comment", 10);
	assert_non_null(at);
	memcpy(at + 1, ".BTF_ids", 8);
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_BTF);
	run("rm root/boot/config-*");
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_UNKNOWN);
}

static void an_import_with_another_crc_is_found(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ char *copy = malloc(m->len);
	char *entry;
	struct mf_fit fit;

	/* the name is after the word with the CRC */
	memcpy(copy, m->user, m->len);
	entry = memmem(copy, m->len, "\0\0\0\0usb_stor_suspend", 20);
	assert_non_null(entry);
	entry[0] = (char)(entry[0] ^ 1);
	entry[-1] = (char)(entry[-1] ^ 1);
	fit = judge(m, "ums_karma", copy, m->len);
	assert_int_equal(fit.verdict, MF_FIT_CRC);
	assert_string_equal(fit.symbol, "usb_stor_suspend");
	assert_non_null(strstr(fit.why, m->kver));
}

static void another_machine_does_not_fit(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ char *copy = malloc(m->len);

	memcpy(copy, m->user, m->len);
	copy[18] = (char)183; /* arm64 */
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_MACHINE);
}

/* In place of usb-storage.ko: a file in updates/ that exports other CRCs, or the file is missing. */
static void the_module_that_modprobe_would_load_speaks_for_its_exports(void **state)
{
	struct machine *m = *state;
	struct mf_fit fit;

	run("cd root/lib/modules/* && mkdir updates && cp " DRIVERS "/usb-storage.ko updates/ && "
	    "depmod -b ../../.. %s",
	    m->kver);
	assert_int_equal(judge(m, "ums_karma", m->user, m->len).verdict, MF_FIT_YES);
	/* the same names, but none of these symbols has its CRC in the table of this build */
	run("cd root/lib/modules/* && f=updates/usb-storage.ko && o=$(readelf -SW $f | "
	    "sed -n 's/.* __kcrctab_gpl *PROGBITS *[0-9a-f]* \\([0-9a-f]*\\) .*/\\1/p') && "
	    "printf "
	    "12341234123412341234123412341234123412341234123412341234123412341234123412341234"
	    "12341234123412341234 | "
	    "dd conv=notrunc of=$f bs=1 seek=$((0x$o)) 2>../../../../err && depmod -b ../../.. %s",
	    m->kver);
	fit = judge(m, "ums_karma", m->user, m->len);
	assert_int_equal(fit.verdict, MF_FIT_CRC);
	run("cd root/lib/modules/* && rm updates/*.ko " DRIVERS "/*.ko && depmod -b ../../.. %s",
	    m->kver);
	fit = judge(m, "ums_karma", m->user, m->len);
	assert_int_equal(fit.verdict, MF_FIT_NO_MODULE);
	assert_non_null(strstr(fit.why, "usb_storage"));
}

static void a_module_that_is_added_counts_as_one_of_the_index(void **state)
{
	struct machine *m = *state;
	struct mf_modinfo storage = { 0 }, user = { 0 };
	struct mf_fit_kernel *kernel = NULL;
	struct mf_fit fit;

	run("cd root/lib/modules/* && mv " DRIVERS "/usb-storage.ko ../../../.. && "
	    "depmod -b ../../.. %s",
	    m->kver);
	assert_int_equal(mf_modinfo_read_at(AT_FDCWD, "usb-storage.ko", &storage), 0);
	assert_int_equal(mf_modinfo_parse(m->user, m->len, m->len, &user), 0);
	assert_int_equal(mf_fit_kernel_new(&m->ctx, m->kver, MF_FIT_THOROUGH, &kernel), 0);
	assert_int_equal(mf_fit(kernel, "ums_karma", &user, &fit), 0);
	assert_int_equal(fit.verdict, MF_FIT_NO_MODULE);
	assert_int_equal(mf_fit_kernel_add(kernel, "usb_storage", &storage), 0);
	assert_int_equal(mf_fit(kernel, "ums_karma", &user, &fit), 0);
	assert_int_equal(fit.verdict, MF_FIT_YES);
	mf_fit_kernel_free(kernel);
	mf_modinfo_done(&storage);
	mf_modinfo_done(&user);
}

static void what_nobody_states_is_unknown(void **state)
{
	struct machine *m = *state;
	struct mf_fit fit;

	run("cd root/lib/modules/* && rm -r ../../../usr && "
	    "find kernel -name '*.ko' ! -name usb-storage.ko -delete && depmod -b ../../.. %s",
	    m->kver);
	fit = judge(m, "ums_karma", m->user, m->len);
	assert_int_equal(fit.verdict, MF_FIT_UNKNOWN);
	assert_non_null(strstr(fit.why, "nothing on this machine says"));
}

static enum mf_fit_verdict judge_quickly(struct machine *m)
{
	struct mf_fit_kernel *kernel = NULL;
	struct mf_modinfo info = { 0 };
	struct mf_fit fit = { 0 };

	assert_int_equal(mf_modinfo_parse(m->user, m->len, m->len, &info), 0);
	assert_int_equal(mf_fit_kernel_new(&m->ctx, m->kver, MF_FIT_QUICK, &kernel), 0);
	assert_int_equal(mf_fit(kernel, "ums_karma", &info, &fit), 0);
	mf_fit_kernel_free(kernel);
	mf_modinfo_done(&info);
	return fit.verdict;
}

static void a_quick_answer_comes_from_symvers_or_the_cache(void **state)
{
	struct machine *m = *state;

	assert_int_equal(judge_quickly(m), MF_FIT_YES);
	run("rm -r root/usr");
	assert_int_equal(judge_quickly(m), MF_FIT_UNKNOWN);
	assert_int_equal(access("root/var/cache/modfetch/.exports", F_OK), -1);
	assert_int_equal(judge(m, "ums_karma", m->user, m->len).verdict, MF_FIT_YES);
	assert_int_equal(judge_quickly(m), MF_FIT_YES);
}

static void a_kernel_without_modules_is_known_by_its_image(void **state)
{
	struct machine *m = *state;
	char old[160], new[160];
	size_t n;
	_cleanup_free_ char *copy = NULL;

	snprintf(old, sizeof(old), "vermagic=%s ", m->kver);
	snprintf(new, sizeof(new), "vermagic=9%s ", m->kver + 1);
	copy = changed(m, old, new, strlen(old), &n);
	run("cd root/lib/modules/* && find kernel -name '*.ko' ! -name usb-storage.ko "
	    "! -name usbcore.ko -delete && mv kernel updates && rm -r ../../../usr && "
	    "depmod -b ../../.. %s",
	    m->kver);
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_UNKNOWN);
	run("b=$(echo %s | sed 's|/lib/modules/.*||') && cp $b/boot/vmlinuz-%s root/boot/",
	    tree_of("default"), m->kver);
	assert_int_equal(judge(m, "ums_karma", copy, m->len).verdict, MF_FIT_YES);
}

static void names_are_no_paths(void **state)
{
	struct machine *m = *state;
	static const char *const bad[] = { "", "..", "a/b", "../x" };
	struct mf_fit_kernel *kernel = NULL;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_fit_kernel_new(&m->ctx, bad[i], MF_FIT_QUICK, &kernel),
				 -EINVAL);
	assert_null(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIT(a_module_of_the_kernel_fits_it),
		FIT(each_difference_that_the_loader_refuses_has_its_verdict),
		FIT(with_symbol_versions_the_release_does_not_matter),
		FIT(btf_of_another_build_fits_where_the_kernel_ignores_it),
		FIT(an_import_with_another_crc_is_found),
		FIT(another_machine_does_not_fit),
		FIT(the_module_that_modprobe_would_load_speaks_for_its_exports),
		FIT(a_module_that_is_added_counts_as_one_of_the_index),
		FIT(what_nobody_states_is_unknown),
		FIT(a_quick_answer_comes_from_symvers_or_the_cache),
		FIT(a_kernel_without_modules_is_known_by_its_image),
		FIT(names_are_no_paths),
	};

	return UNIT_RUN(tests);
}
