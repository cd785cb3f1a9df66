/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which changes of a source change its digest, and its bounds. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/source.h"

static char source_name[] = "a", source_version[] = "1", source_path[] = "usr/src/a-1";
static const struct mf_source source = { MF_SOURCE_DKMS, source_name, source_version, source_path };
static uint8_t before[MF_SHA256_LEN];

static void take(struct root *r, uint8_t digest[MF_SHA256_LEN])
{
	assert_int_equal(mf_source_digest(&r->ctx, &source, digest), 0);
}

static void changed(struct root *r, bool expected, const char *what)
{
	uint8_t now[MF_SHA256_LEN];

	take(r, now);
	if ((memcmp(now, before, sizeof(now)) != 0) != expected)
		fail_msg("%s", what);
	memcpy(before, now, sizeof(now));
}

static void all_that_a_build_reads_counts(void **state)
{
	struct root *r = *state;
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	root_write(r, "usr/src/a-1/x.c", "one");
	root_write(r, "usr/src/a-1/d/y.c", "two");
	take(r, before);
	changed(r, false, "nothing");
	assert_int_equal(utimensat(r->fd, "usr/src/a-1/x.c", times, 0), 0);
	changed(r, false, "times");
	root_write(r, "usr/src/a-1/x.c", "eno");
	changed(r, true, "content");
	assert_int_equal(fchmodat(r->fd, "usr/src/a-1/d/y.c", 0755, 0), 0);
	changed(r, true, "mode");
	assert_int_equal(renameat(r->fd, "usr/src/a-1/d/y.c", r->fd, "usr/src/a-1/d/z.c"), 0);
	changed(r, true, "name");
	root_mkdir(r, "usr/src/a-1/e");
	changed(r, true, "an empty directory");
	root_link(r, "x.c", "usr/src/a-1/l");
	changed(r, true, "a link");
	assert_int_equal(unlinkat(r->fd, "usr/src/a-1/l", 0), 0);
	root_link(r, "d/z.c", "usr/src/a-1/l");
	changed(r, true, "the target of a link");
	root_write(r, "usr/src/a-1/.hidden", "");
	changed(r, true, "a hidden file");
}

static void a_link_out_of_the_source_is_not_followed(void **state)
{
	struct root *r = *state;

	root_write(r, "etc/file", "one");
	root_mkdir(r, "usr/src/a-1");
	root_link(r, "/etc", "usr/src/a-1/etc");
	take(r, before);
	root_write(r, "etc/file", "two");
	changed(r, false, "a file outside");
	assert_int_equal(mkfifoat(r->fd, "usr/src/a-1/pipe", 0644), 0);
	changed(r, true, "a pipe");
}

static void the_depth_is_bounded(void **state)
{
	struct root *r = *state;
	uint8_t digest[MF_SHA256_LEN];
	char path[256] = "usr/src/a-1";

	for (int i = 0; i < 32; i++)
		strcat(path, "/d");
	root_mkdir(r, path);
	take(r, before);
	strcat(path, "/d");
	root_mkdir(r, path);
	assert_int_equal(mf_source_digest(&r->ctx, &source, digest), -MFE_TOO_LARGE);
	assert_string_equal(r->ctx.failure.what, source.path);
}

static void a_large_file_is_not_read(void **state)
{
	struct root *r = *state;
	uint8_t digest[MF_SHA256_LEN];
	int fd;

	root_write(r, "usr/src/a-1/x", "");
	fd = openat(r->fd, "usr/src/a-1/x", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, ((off_t)4 << 30) + 1), 0);
	close(fd);
	assert_int_equal(mf_source_digest(&r->ctx, &source, digest), -MFE_TOO_LARGE);
}

static void a_source_rpm_is_its_bytes(void **state)
{
	struct root *r = *state;
	struct mf_source rpm = { MF_SOURCE_RPM, source_name, source_version, NULL };
	uint8_t one[MF_SHA256_LEN], two[MF_SHA256_LEN];

	rpm.path = strdup("a.src.rpm");
	root_write(r, "a.src.rpm", "one");
	assert_int_equal(mf_source_digest(&r->ctx, &rpm, one), 0);
	root_write(r, "a.src.rpm", "two");
	assert_int_equal(mf_source_digest(&r->ctx, &rpm, two), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(unlinkat(r->fd, "a.src.rpm", 0), 0);
	assert_int_equal(mf_source_digest(&r->ctx, &rpm, two), -ENOENT);
	free(rpm.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(all_that_a_build_reads_counts),
		ROOTED(a_link_out_of_the_source_is_not_followed),
		ROOTED(the_depth_is_bounded),
		ROOTED(a_large_file_is_not_read),
		ROOTED(a_source_rpm_is_its_bytes),
	};

	return UNIT_RUN(tests);
}
