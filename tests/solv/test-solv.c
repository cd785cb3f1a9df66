/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libsolv makes of metadata, and what is made of libsolv's answers. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "nics.h"

static void what_a_package_is_can_be_asked(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	struct mf_package p;
	int *ids;
	size_t n;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	assert_int_equal(n, 3);
	free(ids);
	mf_pool_package(pool, primary_provider(pool, "ptp-kmp", NULL), &p);
	assert_string_equal(p.name, "ptp-kmp");
	assert_string_equal(p.evr, "2:1-1");
	assert_string_equal(p.arch, "x86_64");
	assert_string_equal(p.location, "x86_64/ptp-kmp.rpm");
	assert_string_equal(p.summary, "of ptp-kmp");
	assert_int_equal(p.origin, 0);
	assert_int_equal(p.size, 1000);
	assert_int_equal(p.install_size, 5000);
	assert_true(p.has_sha256);
	assert_int_equal(p.sha256[MF_SHA256_LEN - 1], strlen("ptp-kmp"));
	/* an epoch of 0 is not said */
	mf_pool_package(pool, primary_provider(pool, "e1000e-kmp", NULL), &p);
	assert_string_equal(p.evr, "1-1");
	mf_pool_free(pool);
}

static void providers_are_distinguished_by_version(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));

	mf_pool_ready(pool);
	assert_true(primary_provider(pool, "ksym(amd64:ptp)", NULL) > 0);
	assert_true(primary_provider(pool, "ksym(amd64:ptp)", "abcd") > 0);
	assert_int_equal(primary_provider(pool, "ksym(amd64:ptp)", "abce"), 0);
	assert_int_equal(primary_provider(pool, "ksym(default:ptp)", "abcd"), 0);
	assert_int_equal(primary_provider(pool, "no such thing", NULL), 0);
	mf_pool_free(pool);
}

static int note(void *arg, const char *name, const char *evr)
{
	char *text = arg;

	snprintf(text + strlen(text), 500 - strlen(text), "%s%s%s;", name, evr ? "=" : "",
		 evr ? evr : "");
	return 0;
}

static void dependencies_come_as_text(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	char text[500] = "";
	int id;

	mf_pool_ready(pool);
	id = primary_provider(pool, "e1000e-kmp", NULL);
	mf_pool_deps(pool, id, MF_REQUIRES, note, text);
	assert_string_equal(text, "ksym(amd64:printk)=1f2e;ksym(amd64:ptp)=abcd;");
	*text = '\0';
	mf_pool_deps(pool, id, MF_SUPPLEMENTS, note, text);
	assert_string_equal(text, "kernel-amd64-6.1.0_56:pci:v00008086d*;usb:v1234p*;");
	*text = '\0';
	mf_pool_deps(pool, primary_provider(pool, "ptp-kmp", NULL), MF_RECOMMENDS, note, text);
	assert_string_equal(text, "extra-kmp;");
	mf_pool_free(pool);
}

static void the_system_takes_over_what_packages_provide(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	struct mf_package p;
	int ptp, *ids;
	size_t n;

	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	ptp = ids[1];
	free(ids);
	assert_int_equal(mf_pool_add_system(pool, NULL, 0, &ptp, 1, "ksym("), 0);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_providers(pool, "kmod(ptp.ko)", "7", &ids, &n), 0);
	assert_int_equal(n, 2);
	mf_pool_package(pool, ids[0], &p);
	if (p.origin >= 0)
		mf_pool_package(pool, ids[1], &p);
	assert_int_equal(p.origin, MF_POOL_SYSTEM);
	free(ids);
	/* but for what is left out */
	assert_int_equal(mf_pool_providers(pool, "ksym(amd64:ptp)", NULL, &ids, &n), 0);
	assert_int_equal(n, 1);
	free(ids);
	mf_pool_free(pool);
}

static void a_cache_keeps_what_a_plan_needs(void **state)
{
	struct mf_pool *again = primary_cached_pool(nics, N(nics), 5);
	struct mf_package p;
	char text[500] = "";

	mf_pool_ready(again);
	mf_pool_package(again, primary_provider(again, "ptp-kmp", NULL), &p);
	assert_string_equal(p.evr, "2:1-1");
	assert_string_equal(p.location, "x86_64/ptp-kmp.rpm");
	assert_int_equal(p.origin, 5);
	assert_int_equal(p.size, 1000);
	assert_true(p.has_sha256);
	mf_pool_deps(again, primary_provider(again, "e1000e-kmp", NULL), MF_REQUIRES, note, text);
	assert_string_equal(text, "ksym(amd64:printk)=1f2e;ksym(amd64:ptp)=abcd;");
	/* the alias index has those */
	*text = '\0';
	mf_pool_deps(again, primary_provider(again, "e1000e-kmp", NULL), MF_SUPPLEMENTS, note,
		     text);
	assert_string_equal(text, "");
	mf_pool_free(again);
}

static int with_bytes(const char *bytes, size_t len, int (*use)(struct mf_pool *, int))
{
	int fd = mf_memfile_new("bytes"), r;
	struct mf_pool *pool;

	assert_int_equal(mf_file_write(fd, bytes, len), 0);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	r = use(pool, fd);
	mf_pool_free(pool);
	close(fd);
	return r;
}

static int as_cache(struct mf_pool *pool, int fd)
{
	return mf_pool_add_cache(pool, fd, 0, 99);
}

static int as_primary(struct mf_pool *pool, int fd)
{
	return mf_pool_add_primary(pool, fd, 0);
}

static void what_is_damaged_is_said_to_be(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	_cleanup_free_ char *bytes = NULL;
	int *ids, fd = mf_memfile_new("cache");
	size_t n, len;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	assert_int_equal(mf_pool_write(pool, ids, n, fd), 0);
	free(ids);
	mf_pool_free(pool);
	assert_int_equal(mf_file_read(fd, 1 << 20, &bytes, &len), 0);
	close(fd);
	assert_int_equal(with_bytes(bytes, len, as_cache), 0);
	for (size_t cut = 0; cut < len; cut += len / 37 + 1)
		assert_int_equal(with_bytes(bytes, cut, as_cache), -EBADMSG);
	assert_int_equal(with_bytes("<metadata><package", 18, as_primary), -EBADMSG);
	assert_int_equal(with_bytes("no xml", 6, as_primary), -EBADMSG);
}

#define REPOMD(type, digest)                                                                       \
	"<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1234</revision>"          \
	"<data type=\"filelists\"><checksum type=\"sha256\">" Z64                                  \
	"</checksum><location href=\"x\"/></data>"                                                 \
	"<data type=\"primary\"><checksum type=\"" type "\">" digest "</checksum>"                 \
	"<location href=\"repodata/primary.xml.gz\"/><size>77</size></data></repomd>"
#define Z64 "0000000000000000000000000000000000000000000000000000000000000000"
#define A64 "00000000000000000000000000000000000000000000000000000000000000ab"

static int repomd(const char *text, struct mf_repomd *ret)
{
	int fd = mf_memfile_new("repomd"), r;

	assert_int_equal(mf_file_write(fd, text, strlen(text)), 0);
	r = mf_repomd_parse(fd, ret);
	close(fd);
	return r;
}

static void repomd_names_its_primary(void **state)
{
	struct mf_repomd md = { 0 };

	assert_int_equal(repomd(REPOMD("sha256", A64), &md), 0);
	assert_string_equal(md.primary.location, "repodata/primary.xml.gz");
	assert_int_equal(md.primary.sha256[31], 0xab);
	assert_int_equal(md.primary.size, 77);
	assert_string_equal(md.revision, "1234");
	assert_null(md.updateinfo.location);
	mf_repomd_done(&md);
	/* a weak digest is none, and so is half of one */
	assert_int_equal(repomd(REPOMD("sha", "00000000000000000000000000000000000000ab"), &md),
			 -EBADMSG);
	assert_int_equal(repomd(REPOMD("md5", "000000000000000000000000000000ab"), &md), -EBADMSG);
	assert_int_equal(repomd(REPOMD("sha256", "ab"), &md), -EBADMSG);
	assert_int_equal(repomd("<repomd/>", &md), -EBADMSG);
	assert_int_equal(repomd("<repomd", &md), -EBADMSG);
	assert_int_equal(repomd("", &md), -EBADMSG);
	assert_null(md.primary.location);
}

#define UPDATEINFO(type, digest)                                                                   \
	"<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">"                                   \
	"<data type=\"updateinfo\"><checksum type=\"" type "\">" digest "</checksum>"              \
	"<location href=\"repodata/updateinfo.xml.xz\"/><size>88</size></data>"                    \
	"<data type=\"primary\"><checksum type=\"sha256\">" Z64                                    \
	"</checksum><location href=\"p\"/></data></repomd>"

static void repomd_may_name_an_updateinfo(void **state)
{
	struct mf_repomd md = { 0 };

	assert_int_equal(repomd(UPDATEINFO("sha256", A64), &md), 0);
	assert_string_equal(md.updateinfo.location, "repodata/updateinfo.xml.xz");
	assert_true(md.updateinfo.has_sha256);
	assert_int_equal(md.updateinfo.sha256[31], 0xab);
	assert_int_equal(md.updateinfo.size, 88);
	assert_string_equal(md.primary.location, "p");
	mf_repomd_done(&md);
	/* that it cannot be verified is no fault of the repository */
	assert_int_equal(repomd(UPDATEINFO("md5", "000000000000000000000000000000ab"), &md), 0);
	assert_non_null(md.updateinfo.location);
	assert_false(md.updateinfo.has_sha256);
	mf_repomd_done(&md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_a_package_is_can_be_asked),
		UNIT(providers_are_distinguished_by_version),
		UNIT(dependencies_come_as_text),
		UNIT(the_system_takes_over_what_packages_provide),
		UNIT(a_cache_keeps_what_a_plan_needs),
		UNIT(what_is_damaged_is_said_to_be),
		UNIT(repomd_names_its_primary),
		UNIT(repomd_may_name_an_updateinfo),
	};

	return UNIT_RUN(tests);
}
