/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests in the strings of modules made by hand: each rule on the smallest kernel that shows it.
 */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/asker.ko", .imports = { "__request_module" } },
	{ "kernel/mute.ko", .imports = { "printk" } },
	{ "kernel/cipher-user.ko", .imports = { "crypto_alloc_aead" } },
	{ "kernel/iwlmvm.ko", .exports = { "mvm_attach" } },
	{ "kernel/core.ko" },
	{ "kernel/overlay.ko" },
	{ "kernel/snd-one.ko", .fields = { [PACK_ALIAS] = { "snd-card-0", "snd-card-x" } } },
	{ "kernel/snd-two.ko", .fields = { [PACK_ALIAS] = { "snd-card-?", "i2c:chip" } } },
	{ "kernel/ccm.ko", .fields = { [PACK_ALIAS] = { "crypto-ccm" } } },
	{ "kernel/aes-a.ko", .fields = { [PACK_ALIAS] = { "crypto-aes" } } },
	{ "kernel/aes-b.ko", .fields = { [PACK_ALIAS] = { "crypto-aes" } } },
	{ "kernel/brcmfmac.ko" },
	{ "kernel/brcmfmac-wcc.ko" },
};

enum { ASKER, MUTE, USER, MVM, CORE, OVERLAY, ONE, TWO, CCM, AES_A, AES_B, BRCM, WCC, N_MADE };

static void relate(struct packs *p, size_t m, const char *const *strings)
{
	struct pack_kernel *k = packs_kernel(p, made, N_MADE);
	struct pack_names names;

	for (; *strings; strings++)
		mf_strings_add(&k->modules[m].strings, *strings);
	assert_int_equal(pack_names_init(&names, k), 0);
	assert_int_equal(pack_requests_relate(&names, k, m), 0);
	pack_names_done(&names);
}

static void check(size_t m, const char *const *strings, size_t n_asks, const size_t *asks,
		  size_t n_may, const size_t *may)
{
	struct packs *p = packs_new();
	const struct pack_module *module;

	relate(p, m, strings);
	module = &p->pack.kernels[0].modules[m];
	assert_int_equal(module->requests.n, n_asks);
	assert_int_equal(module->may_request.n, n_may);
	for (size_t i = 0; i < n_asks; i++)
		assert_int_equal(module->requests.v[i], asks[i]);
	for (size_t i = 0; i < n_may; i++)
		assert_int_equal(module->may_request.v[i], may[i]);
	packs_free(p);
}

static void a_name_is_needed_and_a_format_optional(void **state)
{
	const char *const strings[] = { "iwlmvm", "snd-card-%i", NULL };

	check(ASKER, strings, 1, (size_t[]){ MVM }, 2, (size_t[]){ ONE, TWO });
}

static void a_symbol_stands_for_its_exporter(void **state)
{
	const char *const strings[] = { "symbol:mvm_attach", NULL };

	check(ASKER, strings, 1, (size_t[]){ MVM }, 0, NULL);
}

static void common_words_and_open_formats_ask_for_nothing(void **state)
{
	const char *const strings[] = { "core", "%s", "%s-%s", "sn%s", "i2c:chip", "i2c:%s", NULL };

	check(ASKER, strings, 0, NULL, 0, NULL);
}

static void a_module_that_calls_no_such_function_asks_for_nothing(void **state)
{
	const char *const strings[] = { "iwlmvm", "ccm(aes)", NULL };

	check(MUTE, strings, 0, NULL, 0, NULL);
}

static void an_algorithm_asks_for_each_of_its_parts(void **state)
{
	const char *const strings[] = { "ccm(aes)", "iwlmvm", NULL };

	check(USER, strings, 3, (size_t[]){ CCM, AES_A, AES_B }, 0, NULL);
}

static void a_template_with_a_format_asks_for_itself(void **state)
{
	const char *const strings[] = { "ccm(%s)", NULL };

	check(USER, strings, 1, (size_t[]){ CCM }, 0, NULL);
}

static void the_table_corrects_what_strings_cannot_say(void **state)
{
	const char *const none[] = { NULL };

	check(BRCM, none, 1, (size_t[]){ WCC }, 0, NULL);
}

static void formats_fit_what_printf_makes(void **state)
{
	assert_true(pack_requests_format_fits("a-%d-b-%s", "a_12_b_cd"));
	assert_true(pack_requests_format_fits("nft-expr-%.*s", "nft_expr_ct"));
	assert_true(pack_requests_format_fits("w1-family-0x%02X", "w1_family_0x1D"));
	assert_true(pack_requests_format_fits("sound-service-%i-%i", "sound_service_?_0"));
	assert_false(pack_requests_format_fits("a-%d", "a_"));
	assert_false(pack_requests_format_fits("a-%d", "a_x"));
	assert_false(pack_requests_format_fits("a-%s-b", "a_x_c"));
	assert_false(pack_requests_format_fits("a-%p", "a_1"));
	assert_false(pack_requests_format_fits("a-%", "a_1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_name_is_needed_and_a_format_optional),
		UNIT(a_symbol_stands_for_its_exporter),
		UNIT(common_words_and_open_formats_ask_for_nothing),
		UNIT(a_module_that_calls_no_such_function_asks_for_nothing),
		UNIT(an_algorithm_asks_for_each_of_its_parts),
		UNIT(a_template_with_a_format_asks_for_itself),
		UNIT(the_table_corrects_what_strings_cannot_say),
		UNIT(formats_fit_what_printf_makes),
	};

	return UNIT_RUN(tests);
}
