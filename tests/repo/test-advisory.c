/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an update of a package repairs. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/primary.h"
#include "tests/updateinfo.h"
#include "modfetch/advisory.h"
#include "modfetch/table.h"

#define IGB  "igb-kmp-" TAG
#define LIST "var/cache/modfetch/test/current/advisories"

#define IGB_AT(epoch, version) OF(IGB, epoch, version, "1", "x86_64")

static const char updates[] = UPDATES(
	UPDATE("V-2", "security", "Low", IGB_AT("0", "2")) UPDATE("V-3", "security", "Critical",
								  IGB_AT("0", "3"))
		UPDATE("V-4", "bugfix", "Critical", IGB_AT("0", "4"))
			UPDATE("V-5", "security", "", IGB_AT("0", "5"))
				UPDATE("V-6", "security", "Low", IGB_AT("0", "6"))
					UPDATE("V-10", "enhancement", "", IGB_AT("0", "10"))
						UPDATE("V-E", "bugfix", "", IGB_AT("1", "1")));

/* The cache of a repository with these advisories for a package. */
static void build(struct root *r, const char *text)
{
	static const struct primary package = { .name = IGB, .evr = "2-1" };
	struct mf_cache_source source = { .repomd = mf_memfile_new("repomd.xml"),
					  .primary = primary_file(&package, 1),
					  .updateinfo = updateinfo_file(text) };
	struct mf_cache_content content;

	assert_int_equal(mf_cache_build(&r->ctx, "test", &source, &content), 0);
	close(source.repomd);
	close(source.primary);
	close(source.updateinfo);
}

static struct mf_advisories *advisories(struct root *r)
{
	struct mf_advisories *a = NULL;

	build(r, updates);
	assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), 0);
	return a;
}

static void the_most_severe_of_the_versions_between_is_found(void **state)
{
	static const struct {
		const char *from, *to, *id;
	} rows
		[] = {
			{ "1-1", "2-1", "V-2" },
			{ "1-1", "4-1", "V-3" },  /* the version between has it */
			{ "3-1", "4-1", "V-4" },  /* what is installed has it already */
			{ "2-1", "2-1", NULL },	  /* no update */
			{ "4-1", "3-1", NULL },	  /* an older one brings nothing */
			{ "3-1", "6-1", "V-6" },  /* low is more than nothing said */
			{ "1-1", "2-0.9", NULL }, /* the release counts */
			{ "1.9-1", "2-1", "V-2" },
			{ "4-1", "5-1", "V-5" }, /* security without a severity */
			{ "3-1", "5-1", "V-5" }, /* is more than a critical bugfix */
			{ "6-1", "9-1", NULL },
			{ "6-1", "10-1", "V-10" },  /* as numbers, not as text */
			{ "10-1", "1:1-1", "V-E" }, /* the epoch is first */
			{ "0:1-1", "2-1", "V-2" },
			{ NULL, "1:9-1", "V-3" },
			{ NULL, "1-1", NULL },
		};
	struct root *r = *state;
	struct mf_advisories *a = advisories(r);

	for (size_t i = 0; i < N(rows); i++) {
		const struct mf_advisory *found =
			mf_advisories_find(a, IGB, "x86_64", rows[i].from, rows[i].to);

		if (rows[i].id)
			assert_string_equal(found ? found->id : "none", rows[i].id);
		else
			assert_null(found);
	}
	assert_int_equal(mf_advisories_count(a), 7);
	mf_advisories_free(a);
}

static void another_name_or_architecture_has_none(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = advisories(r);

	assert_null(mf_advisories_find(a, IGB, "aarch64", "1-1", "9-1"));
	assert_null(mf_advisories_find(a, "igb-kmp", "x86_64", "1-1", "9-1"));
	assert_null(mf_advisories_find(a, "zz", "x86_64", "1-1", "9-1"));
	assert_null(mf_advisories_find(a, "", "", "1-1", "9-1"));
	mf_advisories_free(a);
}

static void security_is_a_type(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = advisories(r);

	assert_true(mf_advisory_is_security(mf_advisories_find(a, IGB, "x86_64", "1-1", "2-1")));
	assert_false(mf_advisory_is_security(mf_advisories_find(a, IGB, "x86_64", "3-1", "4-1")));
	mf_advisories_free(a);
}

static void a_repository_without_any_has_none(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = NULL;

	assert_int_equal(mf_advisories_read(&r->ctx, "absent", &a), 0);
	assert_int_equal(mf_advisories_count(a), 0);
	assert_null(mf_advisories_find(a, IGB, "x86_64", "1-1", "9-1"));
	mf_advisories_free(a);
	mf_advisories_free(NULL);
}

/* Every cut, and every changed byte, must be noticed: half of a list hides an update. */
static void a_damaged_list_is_an_error(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = NULL;
	_cleanup_free_ char *text = NULL, *copy = NULL;
	size_t len;

	build(r, updates);
	text = root_read(r, LIST);
	len = strlen(text);
	copy = strdup(text);
	for (size_t i = 0; i < len; i++) {
		root_write_bytes(r, LIST, text, i);
		assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), -MFE_BAD_INDEX);
		assert_int_equal(r->ctx.failure.code, -MFE_BAD_INDEX);
		copy[i] ^= 1;
		root_write_bytes(r, LIST, copy, len);
		assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), -MFE_BAD_INDEX);
		copy[i] = text[i];
	}
	copy[30] = '\0';
	root_write_bytes(r, LIST, copy, len);
	assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), -MFE_BAD_INDEX);
	assert_null(a);
	root_write_bytes(r, LIST, text, len);
	assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), 0);
	mf_advisories_free(a);
}

/* Writes a list of LEN bytes with the right hash at its end. */
static void write_sealed(struct root *r, const char *text, size_t len)
{
	char buf[400];
	int n;

	memcpy(buf, text, len);
	n = snprintf(buf + len, sizeof(buf) - len, "end %016llx\n",
		     (unsigned long long)mf_hash(text, len));
	root_write_bytes(r, LIST, buf, len + (size_t)n);
}

/* What another version wrote, perhaps. */
static void a_list_of_another_form_is_an_error(void **state)
{
	static const struct {
		const char *lines;
		size_t len;
		int result;
	} rows[] = {
#define ROW(lines, result) { lines, sizeof(lines) - 1, result }
		ROW("modfetch-advisories 1\na x86_64 1-1 security low V-1\n", 0),
		ROW("modfetch-advisories 1\n", 0),
		ROW("modfetch-advisories 2\na x86_64 1-1 security low V-1\n", -MFE_BAD_INDEX),
		ROW("modfetch-advisories 1\na x86_64 1-1 security low\n", -MFE_BAD_INDEX),
		ROW("modfetch-advisories 1\na x86_64 1-1 security low V-1 x\n", -MFE_BAD_INDEX),
		ROW("modfetch-advisories 1\na x86_64 1-1 security low V-1\n\0\n", -MFE_BAD_INDEX),
#undef ROW
	};
	struct root *r = *state;

	build(r, updates);
	for (size_t i = 0; i < N(rows); i++) {
		struct mf_advisories *a = NULL;

		write_sealed(r, rows[i].lines, rows[i].len);
		assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), rows[i].result);
		mf_advisories_free(a);
	}
}

static void a_file_is_checked_before_it_is_published(void **state)
{
	int good = updateinfo_file(updates), bad = updateinfo_file("<updates><update");
	size_t n = 0;

	assert_int_equal(mf_advisories_check(good, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(mf_advisories_check(bad, &n), -MFE_BAD_METADATA);
	close(good);
	close(bad);
	assert_int_equal(mf_advisories_check(-1, &n), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_most_severe_of_the_versions_between_is_found),
		ROOTED(another_name_or_architecture_has_none),
		ROOTED(security_is_a_type),
		ROOTED(a_repository_without_any_has_none),
		ROOTED(a_damaged_list_is_an_error),
		ROOTED(a_list_of_another_form_is_an_error),
		UNIT(a_file_is_checked_before_it_is_published),
	};

	return UNIT_RUN(tests);
}
