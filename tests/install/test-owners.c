/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owners of existing files at a package's paths. Real packages in a real database. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/install/owners.h"
#include "tests/rpms.h"

#define TREE	 "lib/modules/" KERNEL "/"
#define MODULE	 TREE "updates/x.ko"
#define CONF	 "etc/depmod.d/x.conf"
#define FIRMWARE "lib/firmware/x.bin"
#define README	 "usr/share/doc/x/README"
#define LINK	 "lib/firmware/link.bin"
#define GHOST	 "etc/depmod.d/later.conf"

enum { ONE, TWO, N_PACKAGES };

static struct {
	int fd[N_PACKAGES];
	struct mf_rpm_header header[N_PACKAGES];
} packages;

static const char *const nevras[] = { "one-kmp-1-1.x86_64", "one-kmp-2-1.x86_64" };

/* Building them takes time: once for all tests. */
static const struct mf_rpm_header *header_of(size_t which)
{
	/* two files with one name, in different directories */
	static const char files[] =
		"/" MODULE " /" CONF " /" FIRMWARE " /lib/firmware/a/x.bin /" README;
	const struct rpm_spec spec = {
		.name = "one-kmp",
		.version = which == ONE ? "1" : "2",
		.files = files,
		.install = "ln -s x.bin %{buildroot}/" LINK "; echo ghost > %{buildroot}/" GHOST,
		.sections = "/" LINK "\n%ghost /" GHOST,
	};
	char directory[] = "/tmp/modfetch-rpms.XXXXXX";

	if (!packages.header[which].name) {
		assert_non_null(mkdtemp(directory));
		packages.fd[which] = rpm_build(directory, &spec);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
		assert_int_equal(mf_rpm_read(packages.fd[which], &packages.header[which]), 0);
	}
	return &packages.header[which];
}

static void install(struct root *r, size_t which, const struct mf_strings *without)
{
	const struct mf_rpm_install install = { packages.fd[which], nevras[which], without };

	assert_int_equal(mf_rpm_transaction(&r->ctx, &install, 1, NULL), 0);
}

static int leaves(void *arg, void *header)
{
	struct mf_rpm_header *h = calloc(1, sizeof(*h));
	int err;

	assert_non_null(h);
	assert_int_equal(mf_rpm_header(header, h), 0);
	err = mf_owners_note_removal(arg, h);
	mf_rpm_header_done(h);
	free(h);
	return err;
}

/* Checks the installation of one package (or N_PACKAGES: none) and the removal of its name. */
static int ask(struct root *r, size_t which, struct mf_strings *ret_kept)
{
	struct mf_owners *owners;
	struct mf_strings names = { 0 };
	int err = mf_owners_new(&r->ctx, &owners);

	assert_int_equal(err, 0);
	assert_int_equal(mf_strings_add(&names, "one-kmp"), 0);
	if (which < N_PACKAGES)
		err = mf_owners_note_install(owners, nevras[which], header_of(which));
	if (!err)
		err = mf_rpm_each_installed(&r->ctx, &names, leaves, owners);
	if (!err)
		err = mf_owners_decide(owners);
	for (size_t i = 0; !err && ret_kept && i < mf_owners_kept(owners, 0)->n; i++)
		assert_int_equal(mf_strings_add(ret_kept, mf_owners_kept(owners, 0)->v[i]), 0);
	mf_owners_free(owners);
	mf_strings_done(&names);
	return err;
}

/* The same bytes as package WHICH has for a file. */
static void write_as_packaged(struct root *r, size_t which, const char *path)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text, "one-kmp-%s /%s\n", which == ONE ? "1" : "2", path) > 0);
	root_write(r, path, text);
}

static void a_package_without_conflicts_is_accepted(void **state)
{
	struct root *r = *state;
	struct mf_strings kept = { 0 };

	assert_int_equal(ask(r, ONE, &kept), 0);
	assert_int_equal(kept.n, 0);
	install(r, ONE, NULL);
	/* the same again, another version, and its removal */
	assert_int_equal(ask(r, ONE, &kept), 0);
	assert_int_equal(ask(r, TWO, &kept), 0);
	assert_int_equal(ask(r, N_PACKAGES, NULL), 0);
	assert_int_equal(kept.n, 0);
}

static void modules_and_configuration_are_not_left_out(void **state)
{
	static const char *const paths[] = { MODULE, CONF, GHOST };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++) {
		root_write(r, paths[i], "of another");
		assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
		assert_non_null(strstr(r->ctx.failure.why, paths[i]));
		assert_string_equal(r->ctx.failure.what, nevras[ONE]);
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
		/* a link or a directory in its place is refused, too */
		root_link(r, "/dev/null", paths[i]);
		assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
		root_mkdir(r, paths[i]);
		assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
		assert_int_equal(unlinkat(r->fd, paths[i], AT_REMOVEDIR), 0);
	}
	assert_int_equal(ask(r, ONE, NULL), 0);
	/* with the size of the package's file */
	write_as_packaged(r, TWO, MODULE);
	assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
	assert_int_equal(unlinkat(r->fd, MODULE, 0), 0);
	/* the package only knows a ghost's bytes */
	root_write(r, GHOST, "ghost\n");
	assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
}

static void firmware_and_documentation_stay(void **state)
{
	struct root *r = *state;
	struct mf_strings kept = { 0 };
	_cleanup_free_ char *text = NULL;

	root_write(r, FIRMWARE, "of another");
	root_link(r, "elsewhere", LINK);
	root_mkdir(r, README);
	assert_int_equal(ask(r, ONE, &kept), 0);
	assert_int_equal(kept.n, 3);
	install(r, ONE, &kept);
	text = root_read(r, FIRMWARE);
	assert_string_equal(text, "of another");
	/* the package does not own them afterwards: they may be changed */
	root_write(r, FIRMWARE, "another version");
	assert_int_equal(ask(r, N_PACKAGES, NULL), 0);
	mf_strings_done(&kept);
	assert_int_equal(ask(r, TWO, &kept), 0);
	assert_int_equal(kept.n, 3);
	mf_strings_done(&kept);
}

static void an_equal_file_of_any_kind_stays(void **state)
{
	struct root *r = *state;
	struct mf_strings kept = { 0 };

	header_of(ONE);
	write_as_packaged(r, ONE, MODULE);
	write_as_packaged(r, ONE, CONF);
	root_mkdir(r, "lib/firmware");
	root_link(r, "x.bin", LINK);
	assert_int_equal(ask(r, ONE, &kept), 0);
	assert_int_equal(kept.n, 3);
	assert_true(mf_strings_has(&kept, "/" MODULE));
	/* nor does the package own it after it was installed without it */
	install(r, ONE, &kept);
	mf_strings_done(&kept);
	assert_int_equal(ask(r, ONE, &kept), 0);
	assert_int_equal(kept.n, 3);
	mf_strings_done(&kept);
	assert_int_equal(ask(r, TWO, NULL), -MFE_FILE_EXISTS);
	/* a link with another target is another link */
	assert_int_equal(unlinkat(r->fd, CONF, 0), 0);
	root_link(r, "x.conf.real", CONF);
	assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
}

static void two_paths_may_be_the_same_directory(void **state)
{
	struct root *r = *state;
	struct mf_strings kept = { 0 };

	header_of(ONE);
	assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
	root_mkdir(r, "usr/lib/modules/" KERNEL);
	root_link(r, "usr/lib", "lib");
	root_write(r, "usr/" MODULE, "of another");
	assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
	assert_int_equal(unlinkat(r->fd, "usr/" MODULE, 0), 0);
	install(r, ONE, NULL);
	assert_int_equal(ask(r, TWO, &kept), 0);
	assert_int_equal(kept.n, 0);
}

static void a_file_changed_since_is_not_removed(void **state)
{
	static const char *const paths[] = { MODULE, CONF, FIRMWARE, README };
	struct root *r = *state;

	header_of(ONE);
	install(r, ONE, NULL);
	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *before = root_read(r, paths[i]);

		root_write(r, paths[i], "edited");
		assert_int_equal(ask(r, N_PACKAGES, NULL), -MFE_ALTERED);
		assert_non_null(strstr(r->ctx.failure.why, paths[i]));
		assert_int_equal(ask(r, TWO, NULL), -MFE_ALTERED);
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
		root_link(r, "/dev/null", paths[i]);
		assert_int_equal(ask(r, N_PACKAGES, NULL), -MFE_ALTERED);
		/* a missing file is no problem to the removal */
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
		assert_int_equal(ask(r, N_PACKAGES, NULL), 0);
		assert_int_equal(ask(r, ONE, NULL), 0);
		root_write(r, paths[i], before);
	}
	assert_int_equal(ask(r, TWO, NULL), 0);
	/* rpm would remove the file at the path of a ghost */
	root_write(r, GHOST, "made later");
	assert_int_equal(ask(r, N_PACKAGES, NULL), -MFE_ALTERED);
}

static void files_left_by_an_update_or_a_power_cut_are_replaced(void **state)
{
	struct root *r = *state;
	struct mf_strings kept = { 0 };

	header_of(ONE);
	install(r, ONE, NULL);
	header_of(TWO);
	/* the new bytes, the old version in the database */
	write_as_packaged(r, TWO, CONF);
	root_write(r, MODULE, "");
	assert_int_equal(ask(r, TWO, &kept), 0);
	assert_int_equal(kept.n, 0);
	/* an empty configuration file may be intended */
	root_write(r, CONF, "");
	assert_int_equal(ask(r, TWO, NULL), -MFE_ALTERED);
}

static void a_file_where_a_directory_must_be_is_refused(void **state)
{
	static const char *const paths[] = { "lib/firmware", "etc", TREE "updates" };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++) {
		root_write(r, paths[i], "in the way");
		assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
		assert_non_null(strstr(r->ctx.failure.why, paths[i]));
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
		root_link(r, "/nowhere", paths[i]);
		assert_int_equal(ask(r, ONE, NULL), -MFE_FILE_EXISTS);
		assert_int_equal(unlinkat(r->fd, paths[i], 0), 0);
	}
	/* a link to a directory is accepted */
	root_mkdir(r, "srv/firmware");
	root_link(r, "/srv/firmware", "lib/firmware");
	assert_int_equal(ask(r, ONE, NULL), 0);
}

static void only_unchanged_packages_can_be_removed(void **state)
{
	struct root *r = *state;
	struct mf_strings names = { 0 }, go = { 0 };

	header_of(ONE);
	install(r, ONE, NULL);
	r->ctx.log_level = MF_LOG_ERROR;
	assert_int_equal(mf_strings_add(&names, "one-kmp"), 0);
	assert_int_equal(mf_owners_removable(&r->ctx, &names, &go), 0);
	assert_int_equal(go.n, 1);
	mf_strings_done(&go);
	root_write(r, MODULE, "dkms");
	assert_int_equal(mf_owners_removable(&r->ctx, &names, &go), 0);
	assert_int_equal(go.n, 0);
	/* that is logged, and is no failure */
	assert_int_equal(r->ctx.failure.code, 0);
	mf_strings_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_without_conflicts_is_accepted),
		ROOTED(modules_and_configuration_are_not_left_out),
		ROOTED(firmware_and_documentation_stay),
		ROOTED(an_equal_file_of_any_kind_stays),
		ROOTED(two_paths_may_be_the_same_directory),
		ROOTED(a_file_changed_since_is_not_removed),
		ROOTED(files_left_by_an_update_or_a_power_cut_are_replaced),
		ROOTED(a_file_where_a_directory_must_be_is_refused),
		ROOTED(only_unchanged_packages_can_be_removed),
	};

	return UNIT_RUN(tests);
}
