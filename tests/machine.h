/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H
/* A root for the release of a real kernel, and a package with one of its real modules and firmware.
 */
#include "modfetch/crypto.h"
#include "modfetch/plan.h"
#include "modfetch/verify.h"
#include "tests/rpms.h"
#include "tests/trees.h"

struct machine {
	struct root root;
	char kver[128], module[300], firmware[64];
	int package; /* borrowed */
	struct mf_plan_item item;
	struct mf_repo repo;
	struct mf_verifier *verifier;
};

/* rpmbuild is slow: run it once in a program. */
static inline int machine_package(const struct machine *m)
{
	static int package = -1;

	if (package < 0) {
		char directory[] = "/tmp/modfetch-rpms.XXXXXX", command[900], files[500];
		const struct rpm_spec spec = {
			.name = "sound-kmp", .version = "1", .files = files, .install = command
		};

		assert_non_null(mkdtemp(directory));
		snprintf(files, sizeof(files), "/%s /%s", m->module, m->firmware);
		snprintf(command, sizeof(command),
			 "cp %s/kernel/sound/soundcore.ko %%{buildroot}/%s", tree_of("default"),
			 m->module);
		package = rpm_build(directory, &spec);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	}
	return package;
}

static inline int machine_setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct stat st;

	root_init(&m->root);
	snprintf(m->kver, sizeof(m->kver), "%s", strrchr(tree_of("default"), '/') + 1);
	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup(m->kver);
	snprintf(m->module, sizeof(m->module), "lib/modules/%s/updates/soundcore.ko", m->kver);
	snprintf(m->firmware, sizeof(m->firmware), "lib/firmware/vendor/x.bin");
	m->package = machine_package(m);
	assert_int_equal(fstat(m->package, &st), 0);
	m->item = (struct mf_plan_item){ .name = (char *)"sound-kmp",
					 .evr = (char *)"1-1",
					 .arch = (char *)"x86_64",
					 .size = (uint64_t)st.st_size };
	assert_int_equal(mf_sha256_fd(m->package, m->item.sha256), 0);
	m->repo.id = (char *)"test";
	assert_int_equal(mf_verifier_new(&m->root.ctx, &m->verifier), 0);
	*state = m;
	return 0;
}

static inline int machine_teardown(void **state)
{
	struct machine *m = *state;

	mf_verifier_free(m->verifier);
	root_done(&m->root);
	free(m);
	return 0;
}

/* Verifies FD (taken over) as the item; the proof is NULL on failure. */
static inline int machine_verify(struct machine *m, int fd, struct mf_proof **ret_proof)
{
	struct mf_fetched fetched = { .fd = fd };
	int r;

	*ret_proof = NULL;
	r = mf_verify_package(&m->root.ctx, m->verifier, &m->repo, &m->item, &fetched, ret_proof);
	mf_fetched_done(&fetched);
	return r;
}

#define MACHINE(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)

#endif
