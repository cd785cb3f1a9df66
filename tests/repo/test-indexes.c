/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which alias goes into which index, whatever packages say of themselves and of others. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/trie.h"
#include "tests/primary.h"

#define OTHER "amd64-6.9.0_1"

static int note(void *arg, const char *key, const char *value, uint32_t priority)
{
	char *text = arg;

	snprintf(text + strlen(text), 1000 - strlen(text), "%s=%s;", key, value);
	return 0;
}

/* All of an index: "pattern=module;…", by pattern. "none": there is no such file. */
static const char *content(struct root *r, const char *name)
{
	static char text[1000];
	int dirfd = mf_cache_open(&r->ctx, "test", NULL), err;
	struct mf_trie *trie;

	*text = '\0';
	assert_true(dirfd >= 0);
	err = mf_trie_open_at(dirfd, name, &trie);
	close(dirfd);
	if (err == -ENOENT)
		return "none";
	assert_int_equal(err, 0);
	assert_int_equal(mf_trie_walk(trie, note, text), 0);
	mf_trie_free(trie);
	return text;
}

static void build(struct root *r, const struct primary *packages, size_t n)
{
	assert_int_equal(primary_cache(&r->ctx, "test", packages, n, 1), 0);
}

static void aliases_are_spelt_as_kmod_does(void **state)
{
	static const struct primary packages[] = {
		{ .name = "snd-hda-kmp-" TAG,
		  .evr = "1-1",
		  .provides =
			  "kmod(snd-hda.ko) kalias(" TAG ":char-major-14) kalias(" TAG ":a%2Cb)",
		  .supplements = "modalias(kernel-" TAG ":usb:v%5B0-9%5Dx-y*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-" TAG ".bin"),
			    "a,b=snd_hda;char_major_14=snd_hda;usb:v[0-9]x_y*=snd_hda;");
	assert_string_equal(content(r, "name-" TAG ".bin"), "snd_hda=snd-hda-kmp-" TAG ";");
}

static void a_package_of_several_modules_gives_each_all_aliases(void **state)
{
	static const struct primary packages[] = {
		{ .name = "two-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(a.ko)=1.2 kmod(b.ko.xz) other",
		  .supplements = "modalias(kernel-" TAG ":pci:x*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_non_null(strstr(content(r, "alias-" TAG ".bin"), "pci:x*=a;"));
	assert_non_null(strstr(content(r, "alias-" TAG ".bin"), "pci:x*=b;"));
	assert_string_equal(content(r, "name-" TAG ".bin"), "a=two-kmp-" TAG ";b=two-kmp-" TAG ";");
}

static void what_names_no_kernel_is_sorted_by_flavor(void **state)
{
	static const struct primary packages[] = {
		{ .name = "suse-kmp-default",
		  .evr = "1-1",
		  .provides = "kmod(suse.ko)",
		  .supplements = "modalias(kernel-default:pci:s*)" },
		{ .name = "kmod-rhel",
		  .evr = "1-1",
		  .provides = "kmod(rhel.ko)",
		  .supplements = "modalias(pci:r*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-default.bin"), "pci:s*=suse;");
	assert_string_equal(content(r, "alias-any.bin"), "pci:r*=rhel;");
	assert_string_equal(content(r, "name-other.bin"), "rhel=kmod-rhel;suse=suse-kmp-default;");
}

/* RHEL's generator: '_' for a byte it does not like, no bus for what is no device's. */
static void provided_aliases_match_as_the_kernels_own(void **state)
{
	static const struct primary packages[] = {
		{ .name = "kmod-x",
		  .evr = "1-1",
		  .provides =
			  "kmod(x.ko) modalias(fs-xfs)=1 modalias(dmi:bvn_a[-_]b[_-]c)=1 "
			  "modalias(pci:v[0-9]_[a_b][^_]d*)=1 modalias(un[closed_)=1 modalias()" },
	};
	static const struct {
		const char *name;
		bool found;
	} devices[] = {
		{ "fs_xfs", true },	   { "fs_xfsd", false },       { "dmi:bvn-a_b_c", true },
		{ "dmi:bvn.a-b_c", true }, { "dmi:bvn.a.b_c", false }, { "dmi:bvnaa_b.c", false },
		{ "pci:v7/b.d00", true },  { "pci:va/b.d00", false },
	};
	struct root *r = *state;
	struct mf_trie *trie;
	int dirfd;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-any.bin"),
			    "dmi:bvn?a[-_]b[_-]c=x;fs_xfs=x;pci:v[0-9]???d*=x;");
	dirfd = mf_cache_open(&r->ctx, "test", NULL);
	assert_int_equal(mf_trie_open_at(dirfd, "alias-any.bin", &trie), 0);
	close(dirfd);
	for (size_t i = 0; i < N(devices); i++) {
		char text[1000] = "";

		assert_int_equal(mf_trie_match(trie, devices[i].name, note, text), 0);
		assert_int_equal(*text != '\0', devices[i].found);
	}
	mf_trie_free(trie);
}

/* A file that is written twice would lose what was written first. */
static void nobody_takes_another_kernels_aliases_away(void **state)
{
	static const struct primary packages[] = {
		{ .name = "a-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(a.ko)",
		  .supplements = "modalias(kernel-" TAG ":pci:a*)" },
		{ .name = "b-kmp-" OTHER,
		  .evr = "1-1",
		  .provides = "kmod(b.ko) kalias(" TAG ":evil) kalias(" OTHER ":good)",
		  .supplements =
			  "modalias(kernel-" OTHER ":pci:b*) modalias(kernel-" TAG ":pci:evil*)" },
		{ .name = "loose-kmp-default",
		  .evr = "1-1",
		  .provides = "kmod(loose.ko) kalias(" TAG ":loose)",
		  .supplements =
			  "modalias(kernel-" TAG ":pci:l*) modalias(kernel-default:pci:d*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-" TAG ".bin"), "loose=loose;pci:a*=a;pci:l*=loose;");
	assert_string_equal(content(r, "alias-" OTHER ".bin"), "good=b;pci:b*=b;");
	assert_string_equal(content(r, "alias-default.bin"), "pci:d*=loose;");
	assert_string_equal(content(r, "name-" TAG ".bin"), "a=a-kmp-" TAG ";");
	assert_string_equal(content(r, "name-other.bin"), "loose=loose-kmp-default;");
}

static void a_kernels_package_need_not_name_its_kernel(void **state)
{
	static const struct primary packages[] = {
		{ .name = "a-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(a.ko)",
		  .supplements = "modalias(pci:plain*) modalias(kernel-amd64:pci:flavor*) "
				 "modalias(kernel-default:pci:no*)" },
		{ .name = "b-kmp-" OTHER,
		  .evr = "1-1",
		  .provides = "kmod(b.ko)",
		  .supplements = "modalias(pci:b*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-" TAG ".bin"), "pci:flavor*=a;pci:plain*=a;");
	assert_string_equal(content(r, "alias-" OTHER ".bin"), "pci:b*=b;");
	assert_string_equal(content(r, "alias-any.bin"), "none");
}

static void hostile_labels_become_no_file_names(void **state)
{
	static const struct primary packages[] = {
		{ .name = "x-kmp-default",
		  .evr = "1-1",
		  .provides = "kmod(x.ko) kalias(../../../tmp/x:a) kalias(:b) kalias(.:c)",
		  .supplements = "modalias(kernel-../../x:pci:a*) modalias(kernel-.hidden:pci:b*) "
				 "modalias(kernel-:pci:c*)" },
		{ .name = "y-kmp-../../etc-1", .evr = "1-1", .provides = "kmod(y.ko)" },
		{ .name = "z-kmp-a/b-1.2",
		  .evr = "1-1",
		  .provides = "kmod(../../z.ko) kmod() kmod(.ko)" },
	};
	struct root *r = *state;
	DIR *dir;
	struct dirent *e;
	int fd;

	build(r, packages, N(packages));
	fd = mf_cache_open(&r->ctx, "test", NULL);
	dir = fdopendir(fd);
	while ((e = readdir(dir)))
		assert_true(e->d_name[0] == '.' || !strcmp(e->d_name, "stamp") ||
			    !strcmp(e->d_name, "repomd.xml") || !strcmp(e->d_name, "kernels") ||
			    !strcmp(e->d_name, "packages-other.solv") ||
			    !strcmp(e->d_name, "plan-other.solv") ||
			    !strcmp(e->d_name, "name-other.bin"));
	closedir(dir);
	assert_false(root_has(r, "tmp"));
	assert_false(root_has(r, "etc"));
}

static void aliases_no_index_can_hold_are_left_out(void **state)
{
	static char supplements[20000];
	struct primary packages[] = {
		{ .name = "x-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(x.ko)",
		  .supplements = supplements },
	};
	struct root *r = *state;
	size_t len;

	strcpy(supplements, "modalias(kernel-" TAG ":pci:");
	len = strlen(supplements);
	memset(supplements + len, 'l', 9000);
	strcpy(supplements + len + 9000,
	       "*) modalias(kernel-" TAG ":pci:un[closed) modalias(kernel-" TAG
	       ":pci:%zz) modalias(kernel-" TAG ":pci:good*)");
	build(r, packages, N(packages));
	assert_string_equal(content(r, "alias-" TAG ".bin"), "pci:%zz=x;pci:good*=x;");
}

/* Only where packages of a module differ: of each of its packages the aliases that it has. */
static void packages_that_differ_are_noted_with_their_aliases(void **state)
{
	static const struct primary packages[] = {
		{ .name = "nic-kmp-amd64",
		  .evr = "1-1",
		  .provides = "kmod(nic.ko)",
		  .supplements =
			  "modalias(kernel-amd64:pci:old*) modalias(kernel-amd64:pci:both*)" },
		{ .name = "nic-kmp-amd64",
		  .evr = "2-1",
		  .provides = "kmod(nic.ko) modalias(fs-nic)",
		  .supplements = "modalias(kernel-amd64:pci:both*)" },
		{ .name = "same-kmp-amd64",
		  .evr = "1-1",
		  .provides = "kmod(same.ko)",
		  .supplements = "modalias(kernel-amd64:pci:same*)" },
		{ .name = "same-kmp-amd64",
		  .evr = "2-1",
		  .provides = "kmod(same.ko)",
		  .supplements = "modalias(kernel-amd64:pci:same*)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "carrier-amd64.bin"),
			    "pci:both*=nic nic-kmp-amd64-1-1.x86_64;pci:both*=nic "
			    "nic-kmp-amd64-2-1.x86_64;pci:old*=nic nic-kmp-amd64-1-1.x86_64;");
	assert_string_equal(content(r, "carrier-any.bin"), "fs_nic=nic nic-kmp-amd64-2-1.x86_64;");
	build(r, packages + 2, 2);
	assert_string_equal(content(r, "carrier-amd64.bin"), "none");
}

static void what_is_built_in_is_not_to_be_fetched(void **state)
{
	static const struct primary packages[] = {
		{ .name = "a-kmp-" TAG, .evr = "1-1", .provides = "kmod(a.ko)" },
		{ .name = "kernel-amd64-image-6.1.0_56",
		  .evr = "1-1",
		  .provides = "kmod(ext4.ko)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "name-" TAG ".bin"), "a=a-kmp-" TAG ";");
}

static void who_recommends_or_suggests_a_module_asks_for_it(void **state)
{
	static const struct primary packages[] = {
		{ .name = "a-kmp-" TAG,
		  .evr = "1-1",
		  .provides = "kmod(a.ko)",
		  .recommends = "b-kmp-" TAG " kernel-firmware-a absent",
		  .suggests = "kmod(c-d.ko)" },
		{ .name = "b-kmp-" TAG, .evr = "1-1", .provides = "kmod(b.ko)" },
		{ .name = "c-kmp-" TAG, .evr = "1-1", .provides = "kmod(c-d.ko)" },
		{ .name = "c-kmp-" OTHER,
		  .evr = "1-1",
		  .provides = "kmod(c-d.ko)",
		  .recommends = "a-kmp-" TAG },
		{ .name = "kernel-firmware-a", .evr = "1-1" },
		{ .name = "pattern", .evr = "1-1", .recommends = "b-kmp-" TAG },
		{ .name = "loose-kmp-default",
		  .evr = "1-1",
		  .provides = "kmod(loose.ko)",
		  .suggests = "kmod(b.ko) kmod(loose2.ko)" },
		{ .name = "loose2-kmp-default", .evr = "1-1", .provides = "kmod(loose2.ko)" },
	};
	struct root *r = *state;

	build(r, packages, N(packages));
	assert_string_equal(content(r, "request-" TAG ".bin"), "b=a;b=loose;c_d=a;loose2=loose;");
	assert_string_equal(content(r, "request-" OTHER ".bin"), "loose2=loose;");
	assert_string_equal(content(r, "request-other.bin"), "loose2=loose;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(aliases_are_spelt_as_kmod_does),
		ROOTED(a_package_of_several_modules_gives_each_all_aliases),
		ROOTED(what_names_no_kernel_is_sorted_by_flavor),
		ROOTED(provided_aliases_match_as_the_kernels_own),
		ROOTED(nobody_takes_another_kernels_aliases_away),
		ROOTED(a_kernels_package_need_not_name_its_kernel),
		ROOTED(hostile_labels_become_no_file_names),
		ROOTED(aliases_no_index_can_hold_are_left_out),
		ROOTED(packages_that_differ_are_noted_with_their_aliases),
		ROOTED(what_is_built_in_is_not_to_be_fetched),
		ROOTED(who_recommends_or_suggests_a_module_asks_for_it),
	};

	return UNIT_RUN(tests);
}
