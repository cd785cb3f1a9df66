/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real packages in a real database: read, installed, updated, erased. */
#include "tests/unit.h"
#include "tests/root.h"
#include <signal.h>
#include <sys/wait.h>
#include "modfetch/rpm.h"
#include "tests/rpms.h"

#define DRIVER "/lib/modules/" KERNEL "/updates/x.ko"

enum { ONE, NEWER, EPOCH, CLASH, SCRIPT, BESIDE_1, BESIDE_2, BESIDE_3, N_PACKAGES };

static const struct rpm_spec specs[N_PACKAGES] = {
	[ONE] = { .name = "one-kmp",
		  .version = "1",
		  .files = DRIVER " /usr/share/doc/one/README",
		  .preamble = "Obsoletes: ancient-kmp\nObsoletes: elder-kmp < 3" },
	[NEWER] = { .name = "one-kmp", .version = "2", .files = DRIVER },
	[EPOCH] = { .name = "epoch-kmp",
		    .version = "3:1",
		    .files = "/lib/modules/" KERNEL "/updates/e.ko" },
	[CLASH] = { .name = "clash-kmp", .version = "1", .files = DRIVER },
	[SCRIPT] = { .name = "script-kmp",
		     .version = "1",
		     .files = "/lib/modules/" KERNEL "/updates/s.ko",
		     .sections = "%post\necho x > /tmp/was-here\n%triggerin -- "
				 "one-kmp\ntrue\n%pretrans -p <lua>\nreturn 1" },
	[BESIDE_1] = { .name = "beside-kmp",
		       .version = "1",
		       .files = "/lib/modules/1/updates/b.ko" },
	[BESIDE_2] = { .name = "beside-kmp",
		       .version = "2",
		       .files = "/lib/modules/2/updates/b.ko" },
	[BESIDE_3] = { .name = "beside-kmp",
		       .version = "3",
		       .files = "/lib/modules/1/updates/b.ko" },
};

struct packages {
	char directory[64];
	int fd[N_PACKAGES];
};

/* Building them takes a moment: once for all tests. */
static struct packages *packages(void)
{
	static struct packages all;

	if (!*all.directory) {
		snprintf(all.directory, sizeof(all.directory), "/tmp/modfetch-rpms.XXXXXX");
		assert_non_null(mkdtemp(all.directory));
		for (size_t i = 0; i < N_PACKAGES; i++)
			all.fd[i] = rpm_build(all.directory, &specs[i]);
		assert_int_equal(mf_tree_remove(AT_FDCWD, all.directory), 0);
	}
	return &all;
}

static int transaction(struct root *r, size_t which, const char *nevra,
		       const struct mf_strings *erase)
{
	const struct mf_rpm_install install = { packages()->fd[which], nevra, NULL };

	return mf_rpm_transaction(&r->ctx, &install, nevra ? 1 : 0, erase);
}

static bool installed(struct root *r, const char *label)
{
	struct mf_strings labels = { 0 }, found = { 0 };
	bool is;

	assert_int_equal(mf_strings_add(&labels, label), 0);
	assert_int_equal(mf_rpm_installed(&r->ctx, &labels, &found), 0);
	is = found.n == 1;
	mf_strings_done(&labels);
	mf_strings_done(&found);
	return is;
}

static int take_out(struct root *r, const char *label)
{
	struct mf_strings labels = { 0 };
	int err;

	assert_int_equal(mf_strings_add(&labels, label), 0);
	err = mf_rpm_erase(&r->ctx, &labels);
	mf_strings_done(&labels);
	return err;
}

static void a_header_says_what_will_come(void **state)
{
	struct mf_rpm_header h = { 0 };
	const struct mf_rpm_file *f;

	assert_int_equal(mf_rpm_read(packages()->fd[ONE], &h), 0);
	assert_string_equal(h.name, "one-kmp");
	assert_string_equal(h.evr, "1-1");
	assert_string_equal(h.arch, "x86_64");
	assert_int_equal(h.n_files, 2);
	assert_int_equal(h.scriptlets.n, 0);
	assert_int_equal(h.obsoletes.n, 2);
	assert_true(mf_strings_has(&h.obsoletes, "elder-kmp"));
	f = !strcmp(h.files[0].path, DRIVER) ? &h.files[0] : &h.files[1];
	assert_string_equal(f->path, DRIVER);
	assert_string_equal(f->user, "root");
	assert_string_equal(f->link, "");
	assert_true(S_ISREG(f->mode));
	assert_true(f->checksum.len == MF_SHA256_LEN && !f->has_caps);
	assert_int_equal(f->size, strlen("one-kmp-1 " DRIVER "\n"));
	mf_rpm_header_done(&h);
	/* twice from one descriptor */
	assert_int_equal(mf_rpm_read(packages()->fd[ONE], &h), 0);
	mf_rpm_header_done(&h);
}

static void epochs_and_scripts_are_seen(void **state)
{
	struct mf_rpm_header h = { 0 };

	assert_int_equal(mf_rpm_read(packages()->fd[EPOCH], &h), 0);
	assert_string_equal(h.evr, "3:1-1");
	mf_rpm_header_done(&h);
	assert_int_equal(mf_rpm_read(packages()->fd[SCRIPT], &h), 0);
	assert_true(mf_strings_has(&h.scriptlets, "%post"));
	assert_true(mf_strings_has(&h.scriptlets, "%trigger"));
	assert_true(mf_strings_has(&h.scriptlets, "%pretrans"));
	mf_rpm_header_done(&h);
}

static void what_is_no_package_is_refused(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	struct mf_rpm_header h = { 0 };
	size_t len;

	assert_int_equal(mf_file_read(packages()->fd[ONE], 1 << 24, &bytes, &len), 0);
	for (size_t cut = 0; cut < len; cut += len / 23 + 1) {
		_cleanup_close_ int fd = mf_memfile_new("cut");

		assert_int_equal(mf_file_write(fd, bytes, cut), 0);
		/* a truncated payload is detected by the digest in the metadata */
		if (cut < 96 + 200)
			assert_int_equal(mf_rpm_read(fd, &h), -MFE_BAD_PACKAGE);
		else if (!mf_rpm_read(fd, &h))
			mf_rpm_header_done(&h);
	}
	for (size_t at = 100; at < len && at < 3000; at += 97) {
		_cleanup_close_ int fd = mf_memfile_new("flipped");

		bytes[at] ^= 0x20;
		assert_int_equal(mf_file_write(fd, bytes, len), 0);
		bytes[at] ^= 0x20;
		if (!mf_rpm_read(fd, &h))
			mf_rpm_header_done(&h);
	}
}

static int count(void *arg, void *header)
{
	++*(int *)arg;
	return 0;
}

static int end_walk(void *arg, void *header)
{
	return ++*(int *)arg;
}

static void a_package_comes_and_goes(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	struct mf_strings names = { 0 };
	int n = 0;

	assert_int_equal(mf_rpm_each_installed(&r->ctx, NULL, count, &n), 0);
	assert_int_equal(n, 0);
	assert_false(installed(r, "one-kmp"));
	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_true(root_has(r, "var/lib/rpm/rpmdb.sqlite"));
	text = root_read(r, DRIVER + 1);
	assert_string_equal(text, "one-kmp-1 " DRIVER "\n");
	assert_true(installed(r, "one-kmp"));
	assert_true(installed(r, "one-kmp-1-1.x86_64"));
	assert_false(installed(r, "one-kmp-2-1.x86_64"));
	assert_int_equal(transaction(r, EPOCH, "epoch-kmp-3:1-1.x86_64", NULL), 0);
	assert_true(installed(r, "epoch-kmp-3:1-1.x86_64"));
	assert_int_equal(mf_rpm_each_installed(&r->ctx, NULL, count, &n), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(mf_strings_add(&names, "epoch-kmp"), 0);
	assert_int_equal(mf_rpm_each_installed(&r->ctx, &names, count, &n), 0);
	assert_int_equal(n, 1);
	n = 6;
	assert_int_equal(mf_rpm_each_installed(&r->ctx, NULL, end_walk, &n), 7);
	assert_int_equal(mf_rpm_transaction(&r->ctx, NULL, 0, &names), 0);
	assert_false(installed(r, "epoch-kmp"));
	assert_int_equal(take_out(r, "one-kmp-1-1.x86_64"), 0);
	assert_false(root_has(r, DRIVER + 1));
	/* not installed any more: nothing to do */
	assert_int_equal(take_out(r, "one-kmp-1-1.x86_64"), 0);
	mf_strings_done(&names);
}

static void a_newer_version_takes_the_place_of_the_older(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_int_equal(transaction(r, NEWER, "one-kmp-2-1.x86_64", NULL), 0);
	assert_false(installed(r, "one-kmp-1-1.x86_64"));
	assert_true(installed(r, "one-kmp-2-1.x86_64"));
	text = root_read(r, DRIVER + 1);
	assert_string_equal(text, "one-kmp-2 " DRIVER "\n");
	/* a downgrade, and a reinstallation: the plan decides, not rpm */
	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_true(installed(r, "one-kmp-1-1.x86_64"));
	assert_int_equal(unlinkat(r->fd, DRIVER + 1, 0), 0);
	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_true(root_has(r, DRIVER + 1));
}

static void what_rpm_refuses_is_a_failure_with_its_reason(void **state)
{
	struct root *r = *state;
	struct mf_strings none = { 0 };

	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_int_equal(transaction(r, CLASH, "clash-kmp-1-1.x86_64", NULL), -MFE_INSTALL);
	assert_int_equal(r->ctx.failure.code, -MFE_INSTALL);
	assert_non_null(strstr(r->ctx.failure.why, "conflicts"));
	assert_false(installed(r, "clash-kmp"));
	assert_true(installed(r, "one-kmp"));
	assert_int_equal(mf_strings_add(&none, "no-such-package"), 0);
	assert_int_equal(mf_rpm_transaction(&r->ctx, NULL, 0, &none), -MFE_INSTALL);
	assert_non_null(strstr(r->ctx.failure.why, "not installed"));
	mf_strings_done(&none);
}

static int find_left_out(void *arg, void *header)
{
	struct mf_rpm_header h = { 0 };

	assert_int_equal(mf_rpm_header(header, &h), 0);
	for (size_t i = 0; i < h.n_files; i++)
		if (h.files[i].left_out)
			assert_int_equal(mf_strings_add(arg, h.files[i].path), 0);
	mf_rpm_header_done(&h);
	return 0;
}

static void a_file_that_is_left_out_is_nobodys_business_afterwards(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct mf_strings without = { 0 }, left_out = { 0 };
	const struct mf_rpm_install install = { packages()->fd[ONE], "one-kmp-1-1.x86_64",
						&without };

	root_write(r, DRIVER + 1, "of another");
	assert_int_equal(mf_strings_add(&without, DRIVER), 0);
	assert_int_equal(mf_rpm_transaction(&r->ctx, &install, 1, NULL), 0);
	before = root_read(r, DRIVER + 1);
	assert_string_equal(before, "of another");
	assert_true(root_has(r, "usr/share/doc/one/README"));
	assert_int_equal(mf_rpm_each_installed(&r->ctx, NULL, find_left_out, &left_out), 0);
	assert_int_equal(left_out.n, 1);
	assert_string_equal(left_out.v[0], DRIVER);
	assert_int_equal(take_out(r, "one-kmp"), 0);
	after = root_read(r, DRIVER + 1);
	assert_string_equal(after, "of another");
	assert_false(root_has(r, "usr/share/doc/one/README"));
	mf_strings_done(&without);
	mf_strings_done(&left_out);
}

static void a_package_can_be_forgotten_without_its_files(void **state)
{
	struct root *r = *state;
	struct mf_strings labels = { 0 };

	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_int_equal(mf_strings_add(&labels, "one-kmp-1-1.x86_64"), 0);
	assert_int_equal(mf_rpm_forget(&r->ctx, &labels), 0);
	assert_false(installed(r, "one-kmp"));
	assert_true(root_has(r, DRIVER + 1));
	assert_int_equal(mf_rpm_forget(&r->ctx, &labels), 0);
	mf_strings_done(&labels);
}

static void no_script_runs_unless_it_is_allowed(void **state)
{
	struct root *r = *state;

	/* there is no shell in this root: a script that ran would fail the transaction */
	root_mkdir(r, "tmp");
	assert_int_equal(transaction(r, SCRIPT, "script-kmp-1-1.x86_64", NULL), 0);
	assert_false(root_has(r, "tmp/was-here"));
	assert_false(!access("/tmp/was-here", F_OK));
}

static void a_held_lock_is_waited_for(void **state)
{
	struct root *r = *state;
	int ends[2];
	char c;
	pid_t pid;

	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		struct flock lock = { .l_type = F_WRLCK };
		int fd = openat(r->fd, "var/lib/rpm/.rpm.lock", O_RDWR);

		if (fd < 0 || fcntl(fd, F_SETLK, &lock) || write(ends[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	r->ctx.settings.lock_timeout = 1;
	assert_int_equal(transaction(r, EPOCH, "epoch-kmp-3:1-1.x86_64", NULL), -MFE_LOCKED);
	assert_false(installed(r, "epoch-kmp"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(transaction(r, EPOCH, "epoch-kmp-3:1-1.x86_64", NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

static void a_package_manager_that_waits_for_us_is_not_waited_for(void **state)
{
	struct root *r = *state;
	struct flock lock = { .l_type = F_WRLCK };
	int status, fd;
	pid_t pid;

	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	fd = openat(r->fd, "var/lib/rpm/.rpm.lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	/* as a trigger: with the time limit of the test, longer waiting is noticed */
	r->ctx.settings.lock_timeout = 3600;
	pid = fork();
	if (!pid)
		_exit(transaction(r, EPOCH, "epoch-kmp-3:1-1.x86_64", NULL) != -MFE_LOCKED ||
		      !strstr(r->ctx.failure.why, "repeat it"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	assert_false(installed(r, "epoch-kmp"));
}

static void the_database_is_where_the_root_has_it(void **state)
{
	struct root *r = *state;

	r->ctx.settings.rpmdb = strdup("/opt/packages");
	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), 0);
	assert_true(root_has(r, "opt/packages/rpmdb.sqlite"));
	assert_false(root_has(r, "var/lib/rpm"));
	assert_true(installed(r, "one-kmp"));
	free(MF_STEAL(r->ctx.settings.rpmdb));
	assert_false(installed(r, "one-kmp"));
}

static void a_database_that_is_none_is_a_failure(void **state)
{
	struct root *r = *state;
	int n = 0;

	root_write(r, "var/lib/rpm/rpmdb.sqlite",
		   "this is no database at all, not even a small one");
	assert_int_equal(mf_rpm_each_installed(&r->ctx, NULL, count, &n), -MFE_INSTALL);
	assert_int_equal(n, 0);
	assert_int_equal(transaction(r, ONE, "one-kmp-1-1.x86_64", NULL), -MFE_INSTALL);
	assert_false(root_has(r, DRIVER + 1));
}

static int install_beside(struct root *r, size_t which, const char *nevra, const char *erase)
{
	const struct mf_rpm_install install = { .fd = packages()->fd[which],
						.nevra = nevra,
						.side_by_side = true };
	struct mf_strings labels = { 0 };
	int err;

	if (erase)
		assert_int_equal(mf_strings_add(&labels, erase), 0);
	err = mf_rpm_transaction(&r->ctx, &install, 1, &labels);
	mf_strings_done(&labels);
	return err;
}

static void versions_stay_side_by_side_until_one_is_erased(void **state)
{
	struct root *r = *state;

	assert_int_equal(transaction(r, EPOCH, "epoch-kmp-3:1-1.x86_64", NULL), 0);
	assert_int_equal(install_beside(r, BESIDE_1, "beside-kmp-1-1.x86_64", NULL), 0);
	assert_int_equal(install_beside(r, BESIDE_2, "beside-kmp-2-1.x86_64", NULL), 0);
	assert_true(installed(r, "beside-kmp-1-1.x86_64"));
	assert_true(installed(r, "beside-kmp-2-1.x86_64"));
	/* again: it replaces itself alone */
	assert_int_equal(unlinkat(r->fd, "lib/modules/2/updates/b.ko", 0), 0);
	assert_int_equal(
		install_beside(r, BESIDE_2, "beside-kmp-2-1.x86_64", "beside-kmp-2-1.x86_64"), 0);
	assert_true(root_has(r, "lib/modules/2/updates/b.ko"));
	assert_true(installed(r, "beside-kmp-1-1.x86_64"));
	/* a newer one of the same directory, and the one it replaces */
	assert_int_equal(
		install_beside(r, BESIDE_3, "beside-kmp-3-1.x86_64", "beside-kmp-1-1.x86_64"), 0);
	assert_false(installed(r, "beside-kmp-1-1.x86_64"));
	assert_true(installed(r, "beside-kmp-2-1.x86_64"));
	assert_true(installed(r, "beside-kmp-3-1.x86_64"));
	assert_true(root_has(r, "lib/modules/1/updates/b.ko"));
	assert_int_equal(take_out(r, "beside-kmp-3-1.x86_64"), 0);
	assert_true(root_has(r, "lib/modules/2/updates/b.ko"));
	assert_false(root_has(r, "lib/modules/1/updates/b.ko"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_header_says_what_will_come),
		UNIT(epochs_and_scripts_are_seen),
		UNIT(what_is_no_package_is_refused),
		ROOTED(a_package_comes_and_goes),
		ROOTED(a_newer_version_takes_the_place_of_the_older),
		ROOTED(what_rpm_refuses_is_a_failure_with_its_reason),
		ROOTED(a_file_that_is_left_out_is_nobodys_business_afterwards),
		ROOTED(versions_stay_side_by_side_until_one_is_erased),
		ROOTED(a_package_can_be_forgotten_without_its_files),
		ROOTED(no_script_runs_unless_it_is_allowed),
		ROOTED(a_held_lock_is_waited_for),
		ROOTED(a_package_manager_that_waits_for_us_is_not_waited_for),
		ROOTED(the_database_is_where_the_root_has_it),
		ROOTED(a_database_that_is_none_is_a_failure),
	};

	return UNIT_RUN(tests);
}
