/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exchange of the metadata in one step, with the real createrepo_c and without packages. */
#include "tests/unit.h"
#include "tests/packs.h"
#include "tests/rpms.h"
#include "tests/syscalls.h"

static struct packs *begin(void)
{
	struct packs *p = packs_new();

	packs_open(p);
	packs_kernel(p, NULL, 0);
	return p;
}

static char *read_text(const struct packs *p, const char *name)
{
	char *text;
	size_t len;

	assert_int_equal(mf_file_read_at(p->pack.repo_fd, name, 1 << 20, &text, &len), 0);
	return text;
}

static void metadata_are_put_in_place_with_primary_alone(void **state)
{
	struct packs *p = begin();
	char *repomd;

	assert_int_equal(pack_publish(&p->pack), 0);
	repomd = read_text(p, "repodata/repomd.xml");
	assert_non_null(strstr(repomd, "type=\"primary\""));
	/* whatever createrepo_c would choose: zypper and dnf of older systems read no zstd */
	assert_non_null(strstr(repomd, "primary.xml.gz\""));
	assert_null(strstr(repomd, "filelists"));
	assert_null(strstr(repomd, "\"other\""));
	assert_true(packs_has(p, ".pack/md/repodata/repomd.xml"));
	assert_true(packs_has(p, ".pack/published"));
	assert_true(p->pack.result.primary_bytes > 0);
	free(repomd);
	packs_free(p);
}

static void what_the_old_metadata_name_stays_and_what_older_ones_named_goes(void **state)
{
	struct packs *p = begin();

	packs_write(p, "repodata/repomd.xml", "<repomd>old-primary.xml.gz</repomd>");
	packs_write(p, "repodata/old-primary.xml.gz", "");
	packs_write(p, "repodata/older-filelists.xml.gz", "");
	packs_write(p, "repodata/repomd.xml.p7s", "signature of before");
	packs_write(p, ".pack/published", "x86_64/before.rpm\n");
	packs_write(p, "x86_64/before.rpm", "");
	packs_write(p, "x86_64/long-before.rpm", "");
	assert_int_equal(pack_publish(&p->pack), 0);
	assert_true(packs_has(p, "repodata/old-primary.xml.gz"));
	assert_false(packs_has(p, "repodata/older-filelists.xml.gz"));
	assert_false(packs_has(p, "repodata/repomd.xml.p7s"));
	assert_true(packs_has(p, "x86_64/before.rpm"));
	assert_false(packs_has(p, "x86_64/long-before.rpm"));
	packs_free(p);
}

static void a_signature_that_fails_leaves_all_as_it_was(void **state)
{
	struct packs *p = begin();
	char *repomd;

	packs_write(p, "repodata/repomd.xml", "<repomd>old</repomd>");
	p->options.key = "/nonexistent.key";
	p->options.cert = "/nonexistent.crt";
	assert_true(pack_publish(&p->pack) < 0);
	assert_string_equal(p->ctx.failure.what, "/nonexistent.key");
	repomd = read_text(p, "repodata/repomd.xml");
	assert_string_equal(repomd, "<repomd>old</repomd>");
	assert_false(packs_has(p, ".pack/published"));
	free(repomd);
	packs_free(p);
}

/* Or the next run would treat packages as published that no metadata names. */
static void what_could_not_be_published_is_not_remembered(void **state)
{
	static const char list[] = ".pack/6.1.0-56-amd64 amd64.list";
	struct packs *p = begin();
	struct pack_package *package = packs_package(p, "paper", "x86_64");

	close(rpm_build(p->dir, &(struct rpm_spec){
					.name = "paper", .version = "1", .files = "/etc/paper" }));
	pack_package_set_fingerprint(package);
	package->href = strdup("paper.rpm");
	p->options.key = "/nonexistent.key";
	p->options.cert = "/nonexistent.crt";
	assert_true(pack_publish(&p->pack) < 0);
	assert_string_equal(p->ctx.failure.what, "/nonexistent.key");
	assert_false(packs_has(p, list));
	p->options.key = p->options.cert = NULL;
	assert_int_equal(pack_publish(&p->pack), 0);
	assert_true(packs_has(p, list));
	packs_free(p);
}

static int publish(void *arg)
{
	return pack_publish(arg);
}

static void all_is_on_the_disk_before_the_metadata_that_name_it(void **state)
{
	struct packs *p = begin();
	char *calls = syscalls_of(publish, &p->pack);

	assert_true(comes_before(calls, "syncfs ", " repodata\n"));
	assert_true(comes_before(calls, " repodata\n", "fsync modfetch-test-"));
	free(calls);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(metadata_are_put_in_place_with_primary_alone),
		UNIT(what_the_old_metadata_name_stays_and_what_older_ones_named_goes),
		UNIT(a_signature_that_fails_leaves_all_as_it_was),
		UNIT(what_could_not_be_published_is_not_remembered),
		UNIT(all_is_on_the_disk_before_the_metadata_that_name_it),
	};

	return UNIT_RUN(tests);
}
