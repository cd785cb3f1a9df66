/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Only modules that a module of this machine lists may be fetched for the kernel. */
#include "tests/unit.h"
#include "tests/root.h"
#include <sys/file.h>
#include "src/event/kernel-request.h"
#include "modfetch/file.h"
#include "modfetch/trie.h"
#include "tests/primary.h"

#define CURRENT "var/cache/modfetch/main/current/"

static const struct primary packages[] = {
	{ .name = "mac80211-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(mac80211.ko)",
	  .recommends = "ccm-kmp-" TAG " kmod(ctr.ko)" },
	{ .name = "ccm-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(ccm.ko) kalias(" TAG ":crypto-ccm)" },
	{ .name = "ctr-kmp-" TAG, .evr = "1-1", .provides = "kmod(ctr.ko)" },
	{ .name = "af-alg-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(af_alg.ko) kalias(" TAG ":net-pf-38)" },
	{ .name = "other-kmp-amd64-6.9.0_1",
	  .evr = "1-1",
	  .provides = "kmod(other.ko)",
	  .recommends = "af-alg-kmp-" TAG },
};

/* An index of the disk: KEY=VALUE words. */
static void disk(struct root *r, const char *file, const char *words)
{
	struct mf_trie_builder *builder;
	char text[500], *save, path[100];
	void *buf;
	size_t len;
	int fd;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *value = strchr(w, '=');

		*value++ = '\0';
		assert_int_equal(mf_trie_builder_add(builder, w, value, 0), 0);
	}
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	snprintf(path, sizeof(path), "lib/modules/%s", r->ctx.kernel);
	fd = mf_context_mkdir(&r->ctx, path);
	assert_int_equal(mf_file_publish(fd, file, 0644, buf, len), 0);
	close(fd);
	free(buf);
	mf_trie_builder_free(builder);
}

static struct root *machine(void **state)
{
	struct root *r = *state;

	assert_int_equal(primary_cache(&r->ctx, "main", packages, N(packages), 1), 0);
	return r;
}

static enum mf_kernel_request judge(struct root *r, const char *name)
{
	return mf_kernel_request_judge(&r->ctx, name);
}

static void what_a_module_on_disk_lists_may_be_fetched(void **state)
{
	struct root *r = machine(state);

	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
	disk(r, "modules.dep.bin", "mac80211=x other=x");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_LISTED);
	assert_int_equal(judge(r, "ctr"), MF_REQUEST_LISTED);
	assert_int_equal(judge(r, "crypto-ccm"), MF_REQUEST_LISTED);
	assert_int_equal(judge(r, "crypto_ccm"), MF_REQUEST_LISTED);
	/* of another kernel, not listed, and not in a repository */
	assert_int_equal(judge(r, "af_alg"), MF_REQUEST_REFUSED);
	assert_int_equal(judge(r, "net-pf-38"), MF_REQUEST_REFUSED);
	assert_int_equal(judge(r, "mac80212"), MF_REQUEST_REFUSED);
	/* removed again */
	disk(r, "modules.dep.bin", "other=x");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
}

static void what_a_module_in_the_kernel_lists_may_be_fetched(void **state)
{
	struct root *r = machine(state);

	root_write(r, "sys/module/mac80211/initstate", "going\n");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
	root_write(r, "sys/module/mac80211/initstate", "coming\n");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_LISTED);
	root_write(r, "sys/module/mac80211/initstate", "live\n");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_LISTED);
	root_write(r, "etc/modfetch/policy.d/off", "");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
}

static int note(void *arg, const char *module)
{
	strcat(strcat(arg, module), ";");
	return 0;
}

static void what_is_on_disk_is_present(void **state)
{
	struct root *r = machine(state);
	char text[100] = "";

	disk(r, "modules.dep.bin", "mac80211=x ccm=y");
	disk(r, "modules.alias.bin", "crypto_ccm=ccm net_pf_38=af_alg");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_PRESENT);
	assert_int_equal(judge(r, "crypto-ccm"), MF_REQUEST_PRESENT);
	assert_int_equal(mf_kernel_request_present(&r->ctx, "crypto-ccm", note, text), 0);
	assert_string_equal(text, "ccm;");
	/* a name in a repository has precedence over an alias on the disk */
	disk(r, "modules.alias.bin", "af_alg=ccm");
	assert_int_equal(judge(r, "af_alg"), MF_REQUEST_REFUSED);
}

static void hostile_names_are_refused(void **state)
{
	static const char *const names[] = { "",	 "-ccm",   ".",	      "../ccm",
					     "ccm/..",	 "ccm;id", "$(id)",   "ccm ctr",
					     "ccm\nctr", "cc*",	   "pci:v1*", "ccm(aes)",
					     "[a-z]ccm", "c?m",	   "\\ccm" };
	struct root *r = machine(state);
	char big[400];

	disk(r, "modules.dep.bin", "mac80211=x");
	for (size_t i = 0; i < N(names); i++)
		assert_int_equal(judge(r, names[i]), MF_REQUEST_REFUSED);
	memset(big, 'c', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(judge(r, big), MF_REQUEST_REFUSED);
}

static void a_damaged_index_refuses(void **state)
{
	struct root *r = machine(state);
	char *text;

	disk(r, "modules.dep.bin", "mac80211=x");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_LISTED);
	text = root_read(r, CURRENT "request-" TAG ".bin");
	free(text);
	root_write(r, CURRENT "request-" TAG ".bin", "not an index, but long enough to be one");
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
	assert_int_equal(judge(r, "crypto-ccm"), MF_REQUEST_REFUSED);
	assert_int_equal(unlinkat(r->fd, CURRENT "request-" TAG ".bin", 0), 0);
	assert_int_equal(judge(r, "ccm"), MF_REQUEST_REFUSED);
}

static void a_run_counts_as_loading_while_it_holds_the_lock(void **state)
{
	struct root *r = *state;
	int lock;

	assert_false(mf_kernel_request_loading(&r->ctx));
	lock = mf_lock(&r->ctx);
	assert_true(lock >= 0);
	assert_false(mf_kernel_request_loading(&r->ctx));
	root_write(r, MF_LOADING_FILE, "");
	assert_true(mf_kernel_request_loading(&r->ctx));
	/* the helper of modprobe does not wait then, although others would */
	r->ctx.settings.lock_timeout = 3600;
	r->ctx.from_modprobe = true;
	assert_int_equal(mf_lock(&r->ctx), -MFE_LOCKED);
	close(lock);
	assert_false(mf_kernel_request_loading(&r->ctx));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_a_module_on_disk_lists_may_be_fetched),
		ROOTED(what_a_module_in_the_kernel_lists_may_be_fetched),
		ROOTED(what_is_on_disk_is_present),
		ROOTED(hostile_names_are_refused),
		ROOTED(a_damaged_index_refuses),
		ROOTED(a_run_counts_as_loading_while_it_holds_the_lock),
	};

	return UNIT_RUN(tests);
}
