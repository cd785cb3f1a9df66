/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is chosen, and what prevents it: a real kernel, and its own modules in the directory of
 * another one, so that all of them fit. Several kernels: tests/road/weak.py.
 */
#include "tests/unit.h"
#include "src/links/choose.h"
#include <fcntl.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "tests/shell.h"
#include "tests/trees.h"

struct machine {
	struct mf_context ctx;
	char *scratch, kver[128];
	struct mf_module_verifier *verifier;
	struct links_origins origins;
	struct mf_links ledger, gone;
};

static void add_origin(struct machine *m, const char *path, const char *package)
{
	struct mf_rpm_file file = { .path = (char *)path,
				    .mode = S_IFREG | 0644,
				    .checksum.len = MF_SHA256_LEN };
	const struct mf_rpm_header header = { .name = (char *)package,
					      .files = &file,
					      .n_files = 1 };
	_cleanup_free_ char *buf = NULL, *where = mf_format("root%s", path);
	size_t len;

	assert_int_equal(mf_file_read_at(AT_FDCWD, where, 64 << 20, &buf, &len), 0);
	assert_int_equal(mf_sha256(buf, len, file.checksum.bytes), 0);
	assert_int_equal(links_origins_add(&m->origins, &header), 0);
}

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	const char *tree = tree_of("default");

	m->scratch = enter_scratch();
	snprintf(m->kver, sizeof(m->kver), "%s", strrchr(tree, '/') + 1);
	run("k=%s t=%s; mkdir -p root/lib/modules/$k/kernel root/lib/modules/other/updates "
	    "root/usr/src/linux-headers-$k && cp $t/kernel/net/rfkill/rfkill.ko "
	    "root/lib/modules/$k/kernel/ && cp $t/kernel/fs/fat/*fat.ko "
	    "root/lib/modules/other/updates/ && "
	    "cp ${t%%/lib/modules/*}/usr/src/linux-headers-$k/Module.symvers "
	    "root/usr/src/linux-headers-$k/ && depmod -b root $k",
	    m->kver, tree);
	assert_int_equal(mf_context_init(&m->ctx, "root", m->kver), 0);
	m->ctx.log_level = MF_LOG_ERROR;
	assert_int_equal(mf_module_verifier_new(&m->ctx, &m->verifier), 0);
	add_origin(m, "/lib/modules/other/updates/vfat.ko", "fat-kmp");
	add_origin(m, "/lib/modules/other/updates/fat.ko", "fat-kmp");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	mf_module_verifier_free(m->verifier);
	links_origins_done(&m->origins);
	mf_context_done(&m->ctx);
	*state = m->scratch;
	free(m);
	return remove_scratch(state);
}

#define CHOICE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The names of the chosen modules, with a blank after each. */
static char *chosen(struct machine *m, size_t n)
{
	struct links_choice choice = { .ctx = &m->ctx,
				       .kernel = m->kver,
				       .ledger = &m->ledger,
				       .gone = &m->gone,
				       .verifier = m->verifier };
	static char names[256];

	for (size_t i = 0; i < n; i++)
		assert_int_equal(links_choice_add(&choice, &m->origins.v[i]), 0);
	assert_int_equal(links_choose(&choice), 0);
	*names = '\0';
	for (size_t i = 0; i < choice.n; i++)
		if (choice.v[i].chosen)
			strcat(strcat(names, choice.v[i].origin->module), " ");
	links_choice_done(&choice);
	return names;
}

static void modules_count_for_each_other_in_any_order(void **state)
{
	struct machine *m = *state;

	assert_string_equal(chosen(m, 2), "vfat fat ");
	/* vfat alone lacks what fat exports */
	assert_string_equal(chosen(m, 1), "");
}

static void what_the_transaction_has_installed_counts_before_it_is_indexed(void **state)
{
	struct machine *m = *state;
	char path[256];
	struct links_origin fat = m->origins.v[1];
	const struct links_origins fresh = { .v = &fat, .n = 1 };
	struct links_choice choice = { .ctx = &m->ctx,
				       .kernel = m->kver,
				       .ledger = &m->ledger,
				       .gone = &m->gone,
				       .fresh = &fresh,
				       .verifier = m->verifier };

	assert_string_equal(fat.module, "fat");
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/fat.ko", m->kver);
	run("cp root%s root%s", fat.path, path);
	fat.path = path;
	fat.kernel = m->kver;
	assert_int_equal(links_choice_add(&choice, &m->origins.v[0]), 0);
	assert_int_equal(links_choose(&choice), 0);
	assert_true(choice.v[0].chosen);
	/* of another kernel, or not as the package has it, it does not */
	fat.kernel = "elsewhere";
	assert_int_equal(links_choose(&choice), 0);
	assert_false(choice.v[0].chosen);
	fat.kernel = m->kver;
	run("echo x >>root%s", path);
	assert_int_equal(links_choose(&choice), 0);
	assert_false(choice.v[0].chosen);
	links_choice_done(&choice);
}

static void what_is_missing_is_named(void **state)
{
	struct machine *m = *state;
	struct links_choice choice = { .ctx = &m->ctx,
				       .kernel = m->kver,
				       .ledger = &m->ledger,
				       .gone = &m->gone,
				       .verifier = m->verifier };
	_cleanup_(mf_strings_done) struct mf_strings needs = { 0 };

	assert_int_equal(links_choice_add(&choice, &m->origins.v[0]), 0);
	assert_int_equal(links_choose(&choice), 0);
	assert_true(choice.lacks);
	assert_int_equal(links_choice_needs(&choice, &needs), 0);
	assert_int_equal(needs.n, 1);
	assert_string_equal(needs.v[0], "fat");
	links_choice_done(&choice);
}

static void a_file_that_is_not_the_packages_or_not_safe_is_not_chosen(void **state)
{
	struct machine *m = *state;

	run("chmod g+w root/lib/modules/other/updates/fat.ko");
	assert_string_equal(chosen(m, 2), "");
	run("chmod 644 root/lib/modules/other/updates/fat.ko");
	assert_string_equal(chosen(m, 2), "vfat fat ");
	run("echo x >>root/lib/modules/other/updates/vfat.ko");
	assert_string_equal(chosen(m, 2), "fat ");
	run("cd root/lib/modules/other/updates && mv fat.ko real && ln -s real fat.ko");
	assert_string_equal(chosen(m, 2), "");
}

static void what_others_have_in_the_way_stays(void **state)
{
	struct machine *m = *state;

	run("mkdir -p root/lib/modules/%s/weak-updates/updates && "
	    "ln -s /nowhere root/lib/modules/%s/weak-updates/updates/fat.ko",
	    m->kver, m->kver);
	assert_string_equal(chosen(m, 2), "");
}

static void a_module_of_the_kernel_itself_comes_first(void **state)
{
	struct machine *m = *state;

	run("cp root/lib/modules/other/updates/fat.ko root/lib/modules/%s/kernel/ && "
	    "depmod -b root %s",
	    m->kver, m->kver);
	assert_string_equal(chosen(m, 2), "vfat ");
	/* if the file is gone since depmod ran, the link counts */
	run("rm root/lib/modules/%s/kernel/fat.ko", m->kver);
	assert_string_equal(chosen(m, 2), "vfat fat ");
}

static void a_module_that_the_verify_stage_refuses_is_not_chosen(void **state)
{
	struct machine *m = *state;

	mf_module_verifier_free(m->verifier);
	run("mkdir -p root/etc/modfetch/keys/module.d");
	make_key("mine", "rsa:2048", "root/etc/modfetch/keys/module.d", "");
	assert_int_equal(mf_module_verifier_new(&m->ctx, &m->verifier), 0);
	assert_string_equal(chosen(m, 2), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHOICE(modules_count_for_each_other_in_any_order),
		CHOICE(what_the_transaction_has_installed_counts_before_it_is_indexed),
		CHOICE(what_is_missing_is_named),
		CHOICE(a_file_that_is_not_the_packages_or_not_safe_is_not_chosen),
		CHOICE(what_others_have_in_the_way_stays),
		CHOICE(a_module_of_the_kernel_itself_comes_first),
		CHOICE(a_module_that_the_verify_stage_refuses_is_not_chosen),
	};

	return UNIT_RUN(tests);
}
