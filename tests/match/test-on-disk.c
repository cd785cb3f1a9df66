/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files and links of a real kernel's directory, as they are and as they should not be. */
#include "tests/unit.h"
#include "src/match/on-disk.h"
#include "tests/shell.h"
#include "tests/trees.h"

struct machine {
	struct mf_context ctx;
	char *scratch, kver[128];
};

/* fat.ko in a directory of another kernel, and a link to it as weak-modules makes it. */
static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	const char *tree = tree_of("default");

	m->scratch = enter_scratch();
	snprintf(m->kver, sizeof(m->kver), "%s", strrchr(tree, '/') + 1);
	run("k=%s t=%s; mkdir -p root/lib/modules/$k/kernel root/lib/modules/$k/weak-updates "
	    "root/lib/modules/other/extra root/usr/src/linux-headers-$k && "
	    "cp $t/kernel/fs/fat/vfat.ko $t/kernel/net/rfkill/rfkill.ko "
	    "root/lib/modules/$k/kernel/ && "
	    "cp $t/kernel/fs/fat/fat.ko root/lib/modules/other/extra/ && "
	    "ln -s ../../other/extra/fat.ko root/lib/modules/$k/weak-updates/fat.ko && "
	    "cp ${t%%/lib/modules/*}/usr/src/linux-headers-$k/Module.symvers "
	    "root/usr/src/linux-headers-$k/ && depmod -b root $k && "
	    "ln -sf /lib/modules/other/extra/fat.ko root/lib/modules/$k/weak-updates/fat.ko",
	    m->kver, tree);
	assert_int_equal(mf_context_init(&m->ctx, "root", m->kver), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	mf_context_done(&m->ctx);
	*state = m->scratch;
	free(m);
	return remove_scratch(state);
}

#define DISK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static enum mf_presence presence(struct machine *m, const char *module)
{
	struct mf_kmod *kmod = NULL;
	enum mf_presence answer = MF_ABSENT;
	struct mf_on_disk d = { .ctx = &m->ctx };

	assert_int_equal(mf_kmod_new(&m->ctx, &kmod), 0);
	d.kmod = kmod;
	assert_int_equal(mf_on_disk_presence(&d, module, &answer), 0);
	mf_on_disk_done(&d);
	mf_kmod_free(kmod);
	return answer;
}

static void files_and_links_that_fit_are_present(void **state)
{
	struct machine *m = *state;

	assert_int_equal(presence(m, "vfat"), MF_ON_DISK);
	assert_int_equal(presence(m, "fat"), MF_ON_DISK);
	assert_int_equal(presence(m, "ext4"), MF_ABSENT);
}

static void a_file_that_is_gone_is_absent(void **state)
{
	struct machine *m = *state;

	run("rm root/lib/modules/%s/kernel/rfkill.ko", m->kver);
	assert_int_equal(presence(m, "rfkill"), MF_ABSENT);
	run("rm root/lib/modules/other/extra/fat.ko");
	assert_int_equal(presence(m, "fat"), MF_ABSENT);
}

static void a_link_to_a_module_that_does_not_fit_is_absent(void **state)
{
	struct machine *m = *state;

	run("sed -i 's/ mod_unload / mod_upload /' root/lib/modules/other/extra/fat.ko");
	assert_int_equal(presence(m, "fat"), MF_ABSENT);
	run("echo nonsense >root/lib/modules/other/extra/fat.ko");
	assert_int_equal(presence(m, "fat"), MF_ABSENT);
}

static void a_linked_directory_is_a_link_too(void **state)
{
	struct machine *m = *state;

	run("cd root/lib/modules/%s && rm -r weak-updates && ln -s ../other/extra weak-updates && "
	    "depmod -b ../../.. %s && sed -i 's/ mod_unload / mod_upload /' ../other/extra/fat.ko",
	    m->kver, m->kver);
	assert_int_equal(presence(m, "fat"), MF_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK(files_and_links_that_fit_are_present),
		DISK(a_file_that_is_gone_is_absent),
		DISK(a_link_to_a_module_that_does_not_fit_is_absent),
		DISK(a_linked_directory_is_a_link_too),
	};

	return UNIT_RUN(tests);
}
