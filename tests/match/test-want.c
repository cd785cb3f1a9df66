/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which queries become wants, and which are refused. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/want.h"

static void check(struct root *r, const char *query, enum mf_want_kind kind, const char *name,
		  bool device)
{
	struct mf_want w = { 0 };

	assert_int_equal(mf_want_init(&r->ctx, query, NULL, &w), 0);
	assert_int_equal(w.kind, kind);
	assert_string_equal(w.query, query);
	assert_string_equal(w.name, name);
	assert_null(w.syspath);
	assert_int_equal(w.device, device);
	assert_int_equal(w.state, MF_UNKNOWN);
	mf_want_done(&w);
}

static void queries_are_of_three_kinds(void **state)
{
	struct root *r = *state;

	check(r, "e1000e", MF_WANT_NAME, "e1000e", false);
	check(r, "snd-hda-intel", MF_WANT_NAME, "snd_hda_intel", false);
	check(r, "fs-xfs", MF_WANT_NAME, "fs_xfs", false);
	check(r, "pci:v00008086d-x", MF_WANT_ALIAS, "pci:v00008086d_x", true);
	check(r, "symbol:usb-register", MF_WANT_SYMBOL, "usb-register", false);
}

static void ids_are_a_query_for_all_aliases_that_begin_with_them(void **state)
{
	static const struct {
		const char *query, *name;
		size_t known;
	} cases[] = {
		{ "pci:v00008086d000010D3*",
		  "pci:v00008086d000010D3sv00000000sd00000000bc00sc00i00", 22 },
		{ "usb:v0BDAp8153*", "usb:v0BDAp8153d0000dc00dsc00dp00ic00isc00ip00in00", 14 },
		{ "pci:v00008086d000010d3*", "pci:v00008086d000010d3*", 0 },
		{ "pci:v00008086d000010D3", "pci:v00008086d000010D3", 0 },
		{ "pci:v00008086d000010D3**", "pci:v00008086d000010D3**", 0 },
		{ "pci:v*", "pci:v*", 0 },
		{ "usb:v0BDAp815*", "usb:v0BDAp815*", 0 },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_want w = { 0 };

		assert_int_equal(mf_want_init(&r->ctx, cases[i].query, NULL, &w), 0);
		assert_string_equal(w.query, cases[i].query);
		assert_string_equal(w.name, cases[i].name);
		assert_int_equal(w.known, cases[i].known);
		assert_int_equal(w.kind, MF_WANT_ALIAS);
		mf_want_done(&w);
	}
}

/* One of several invalid queries keeps its place, with a reason. */
static void check_bad(struct root *r, const char *query)
{
	struct mf_want w = { 0 };

	assert_int_equal(mf_want_init_any(&r->ctx, query, "/sys/devices/x", &w), 0);
	assert_int_equal(w.kind, MF_WANT_BAD);
	assert_int_equal(w.state, MF_INVALID);
	assert_int_equal(mf_want_code(&w), -MFE_BAD_MODALIAS);
	assert_string_equal(w.syspath, "/sys/devices/x");
	assert_true(strlen(w.query) <= 128 && !strpbrk(w.query, "\t\n\x7f\x80"));
	assert_string_equal(w.reason, r->ctx.failure.why);
	mf_want_clear_matches(&w);
	assert_int_equal(w.state, MF_INVALID);
	assert_non_null(w.reason);
	mf_want_done(&w);
}

static void bytes_that_no_alias_has_are_refused(void **state)
{
	struct root *r = *state;
	char big[3000];
	const char *const bad[] = { "", "a[b", "a]", "tab\there", "line\n", "\x80", "\x7f", big };

	memset(big, 'x', sizeof(big));
	big[2049] = '\0';
	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		struct mf_want w = { .query = (char *)"untouched" };

		assert_int_equal(mf_want_init(&r->ctx, bad[i], NULL, &w), -MFE_BAD_MODALIAS);
		assert_string_equal(w.query, "untouched");
		assert_int_equal(r->ctx.failure.code, -MFE_BAD_MODALIAS);
		assert_null(strpbrk(r->ctx.failure.what, "\t\n\x7f"));
		check_bad(r, bad[i]);
	}
	big[2048] = '\0';
	check(r, big, MF_WANT_NAME, big, false);
}

static int device(struct root *r, const char *path, struct mf_want *w)
{
	return mf_want_init_device(&r->ctx, path, w);
}

static void a_device_is_known_by_its_modalias(void **state)
{
	struct root *r = *state;
	struct mf_want w = { 0 };

	root_write(r, "sys/devices/pci0/modalias", "pci:v1\n");
	root_write(r, "sys/devices/bad/modalias", "bad[\n");
	root_write(r, "etc/modalias", "pci:outside\n");
	root_mkdir(r, "sys/devices/none");
	assert_int_equal(device(r, "/sys/devices/pci0", &w), 0);
	assert_string_equal(w.query, "pci:v1");
	assert_string_equal(w.syspath, "/sys/devices/pci0");
	assert_true(w.device);
	mf_want_done(&w);
	assert_int_equal(device(r, "/sys/devices/none", &w), -MFE_NOT_FOUND);
	assert_int_equal(device(r, "/sys/devices/missing", &w), -MFE_NOT_FOUND);
	assert_int_equal(device(r, "/sys/devices/bad", &w), 0);
	assert_int_equal(w.kind, MF_WANT_BAD);
	assert_int_equal(w.state, MF_INVALID);
	mf_want_done(&w);
	assert_int_equal(device(r, "/etc", &w), -MFE_USAGE);
	assert_int_equal(device(r, "/sys/devices/../../etc", &w), -MFE_USAGE);
	assert_int_equal(device(r, "sys/devices/pci0", &w), -MFE_USAGE);
}

static void a_link_to_a_device_stays_in_the_root(void **state)
{
	struct root *r = *state;
	struct mf_want w = { 0 };

	root_write(r, "sys/devices/pci0/modalias", "pci:v1\n");
	root_mkdir(r, "sys/class/net");
	root_link(r, "../../devices/pci0", "sys/class/net/eth0");
	root_link(r, "/../../../../etc", "sys/class/net/evil");
	assert_int_equal(device(r, "/sys/class/net/eth0", &w), 0);
	assert_string_equal(w.query, "pci:v1");
	mf_want_done(&w);
	assert_int_equal(device(r, "/sys/class/net/evil", &w), -MFE_NOT_FOUND);
}

static int add(struct root *r, struct mf_wants *wants, const char *query, const char *syspath)
{
	struct mf_want w = { 0 };

	assert_int_equal(mf_want_init(&r->ctx, query, syspath, &w), 0);
	assert_int_equal(mf_wants_add(wants, &w), 0);
	assert_null(w.query);
	return (int)wants->n;
}

static void the_same_want_is_added_once(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	assert_int_equal(add(r, &wants, "pci:a", NULL), 1);
	assert_int_equal(add(r, &wants, "pci:a", NULL), 1);
	assert_int_equal(add(r, &wants, "pci:b", NULL), 2);
	/* two devices of one kind are two wants */
	assert_int_equal(add(r, &wants, "pci:a", "/sys/1"), 3);
	assert_int_equal(add(r, &wants, "pci:a", "/sys/2"), 4);
	assert_int_equal(add(r, &wants, "pci:a", "/sys/1"), 4);
	mf_wants_done(&wants);
	assert_int_equal(wants.n, 0);
	assert_null(wants.v);
}

static void thousands_of_wants_are_fast(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	uint64_t start = mf_now_us();
	char query[64];

	for (int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 30000; i++) {
			snprintf(query, sizeof(query),
				 "pci:v%08Xd00000000sv00000000sd00000000bc02sc00i00", i);
			add(r, &wants, query, NULL);
		}
	assert_int_equal(wants.n, 30000);
	assert_true(mf_now_us() - start < 20000000);
	mf_wants_done(&wants);
}

static void matches_are_distinguished_by_module(void **state)
{
	struct mf_want w = { 0 };
	struct mf_match *m = mf_want_add(&w, "a", NULL);

	assert_non_null(m);
	assert_false(mf_match_wanted(m));
	assert_int_equal(mf_strings_add(&m->packages, "a-kmp"), 0);
	assert_true(mf_match_wanted(m));
	m->on_disk = true;
	assert_false(mf_match_wanted(m));
	m->on_disk = false;
	m->builtin = true;
	assert_false(mf_match_wanted(m));
	m->builtin = false;
	m->refused = strdup("no");
	assert_false(mf_match_wanted(m));
	assert_non_null(mf_want_add(&w, "b", "pci:*"));
	assert_int_equal(w.n_matches, 2);
	assert_ptr_equal(mf_want_add(&w, "a", "pci:x*"), &w.matches[0]);
	assert_int_equal(w.n_matches, 2);
	mf_want_reason(&w, "%s and %d", "this", 7);
	assert_string_equal(w.reason, "this and 7");
	mf_want_reason(&w, "that");
	assert_string_equal(w.reason, "that");
	w.state = MF_AVAILABLE;
	mf_want_clear_matches(&w);
	assert_int_equal(w.n_matches, 0);
	assert_int_equal(w.state, MF_UNKNOWN);
	mf_want_done(&w);
}

static void a_module_that_crashed_is_found_at_any_place(void **state)
{
	for (size_t crashed = 0; crashed < 3; crashed++) {
		static const char *const names[] = { "a", "b", "c" };
		struct mf_want w = { 0 };

		for (size_t i = 0; i < 3; i++)
			assert_non_null(mf_want_add(&w, names[i], NULL));
		assert_null(mf_want_crashed(&w));
		w.matches[crashed].crashed = true;
		assert_string_equal(mf_want_crashed(&w), names[crashed]);
		mf_want_done(&w);
	}
}

static void states_have_stable_names(void **state)
{
	assert_string_equal(mf_state_name(MF_PRESENT), "present");
	assert_string_equal(mf_state_name(MF_BUILTIN_STATE), "builtin");
	assert_string_equal(mf_state_name(MF_AVAILABLE), "available");
	assert_string_equal(mf_state_name(MF_DENIED), "denied");
	assert_string_equal(mf_state_name(MF_UNKNOWN), "unknown");
	assert_string_equal(mf_state_name(MF_INVALID), "invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(queries_are_of_three_kinds),
		ROOTED(ids_are_a_query_for_all_aliases_that_begin_with_them),
		ROOTED(bytes_that_no_alias_has_are_refused),
		ROOTED(a_device_is_known_by_its_modalias),
		ROOTED(a_link_to_a_device_stays_in_the_root),
		ROOTED(the_same_want_is_added_once),
		ROOTED(thousands_of_wants_are_fast),
		UNIT(matches_are_distinguished_by_module),
		UNIT(a_module_that_crashed_is_found_at_any_place),
		UNIT(states_have_stable_names),
	};

	return UNIT_RUN(tests);
}
