/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An installed package with a module that the indexes do not have. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/install.h"
#include "modfetch/rpm.h"
#include "tests/rpms.h"
#include "tests/trees.h"

#define MODULE "lib/modules/" KERNEL "/updates/soundcore.ko"

/* A real module in a package of its own, installed; nothing is indexed. */
static void install(struct root *r)
{
	static int package = -1;
	const struct mf_rpm_install item = { .nevra = "soundcore-kmp-1-1.x86_64" };
	struct mf_rpm_install copy = item;

	if (package < 0) {
		char directory[] = "/tmp/modfetch-rpms.XXXXXX", command[700];
		const struct rpm_spec spec = { .name = "soundcore-kmp",
					       .version = "1",
					       .files = "/" MODULE,
					       .install = command };

		assert_non_null(mkdtemp(directory));
		snprintf(command, sizeof(command),
			 "cp %s/kernel/sound/soundcore.ko %%{buildroot}/" MODULE,
			 tree_of("default"));
		package = rpm_build(directory, &spec);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	}
	copy.fd = package;
	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	root_write(r, "lib/modules/" KERNEL "/modules.builtin", "");
	assert_int_equal(mf_rpm_transaction(&r->ctx, &copy, 1, NULL), 0);
}

static void want(struct root *r, struct mf_wants *wants, const char *module, const char *package)
{
	struct mf_want w;
	struct mf_match *m;

	assert_int_equal(mf_want_init(&r->ctx, module, NULL, &w), 0);
	m = mf_want_add(&w, module, NULL);
	assert_int_equal(mf_strings_add(&m->packages, package), 0);
	w.state = MF_AVAILABLE;
	assert_int_equal(mf_wants_add(wants, &w), 0);
}

static void a_package_not_installed_needs_no_repair(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	want(r, &wants, "soundcore", "soundcore-kmp");
	assert_int_equal(mf_repair_indexes(&r->ctx, &wants), 0);
	assert_false(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
	mf_wants_done(&wants);
	assert_int_equal(mf_repair_indexes(&r->ctx, &wants), 0);
}

static void wrong_indexes_are_rebuilt(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	_cleanup_free_ char *dep = NULL;

	install(r);
	want(r, &wants, "soundcore", "soundcore-kmp");
	assert_int_equal(mf_repair_indexes(&r->ctx, &wants), 1);
	dep = root_read(r, "lib/modules/" KERNEL "/modules.dep");
	assert_string_equal(dep, "updates/soundcore.ko:\n");
	/* all its files exist: installing it again would be useless */
	assert_int_equal(mf_repair_mark(&r->ctx, &wants), 0);
	assert_false(wants.v[0].matches[0].broken);
	mf_wants_done(&wants);
}

static void a_package_with_a_missing_file_is_marked(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	install(r);
	want(r, &wants, "soundcore", "soundcore-kmp");
	want(r, &wants, "other", "other-kmp");
	assert_int_equal(unlinkat(r->fd, MODULE, 0), 0);
	assert_int_equal(mf_repair_indexes(&r->ctx, &wants), 1);
	assert_int_equal(mf_repair_mark(&r->ctx, &wants), 0);
	assert_true(wants.v[0].matches[0].broken);
	assert_false(wants.v[1].matches[0].broken);
	/* a truncated file counts as missing, too */
	root_write(r, MODULE, "cut");
	wants.v[0].matches[0].broken = false;
	assert_int_equal(mf_repair_mark(&r->ctx, &wants), 0);
	assert_true(wants.v[0].matches[0].broken);
	mf_wants_done(&wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_not_installed_needs_no_repair),
		ROOTED(wrong_indexes_are_rebuilt),
		ROOTED(a_package_with_a_missing_file_is_marked),
	};

	return UNIT_RUN(tests);
}
