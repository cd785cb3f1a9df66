/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "src/fit/export-list.h"
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"

static void it_owns_what_it_is_given(void **state)
{
	_cleanup_(fit_exports_done) struct fit_exports list = { 0 };
	char name[] = "symbol", ns[] = "SPACE", module[] = "owner";
	const struct mf_ksym symbol = { name, ns, 7, true, true };
	const struct fit_export *e;

	assert_int_equal(fit_exports_add(&list, &symbol, module, false), 0);
	memset(name, 'x', strlen(name));
	memset(ns, 'x', strlen(ns));
	memset(module, 'x', strlen(module));
	e = fit_exports_get(&list, "symbol");
	assert_non_null(e);
	assert_string_equal(e->ns, "SPACE");
	assert_string_equal(e->module, "owner");
	assert_true(e->has_crc && e->gpl_only && e->crc == 7);
	assert_null(fit_exports_get(&list, "symbo"));
}

static void the_first_stays_unless_it_is_replaced(void **state)
{
	_cleanup_(fit_exports_done) struct fit_exports list = { 0 };
	const struct mf_ksym one = { "symbol", "", 1, true, false };
	const struct mf_ksym two = { "symbol", "", 2, true, false };

	assert_int_equal(fit_exports_add(&list, &one, NULL, false), 0);
	assert_int_equal(fit_exports_add(&list, &two, "m", false), 0);
	assert_int_equal(fit_exports_get(&list, "symbol")->crc, 1);
	assert_null(fit_exports_get(&list, "symbol")->module);
	assert_int_equal(fit_exports_add(&list, &two, "m", true), 0);
	assert_int_equal(fit_exports_get(&list, "symbol")->crc, 2);
	assert_string_equal(fit_exports_get(&list, "symbol")->module, "m");
	assert_int_equal(list.n, 1);
}

static void thousands_are_found_again(void **state)
{
	_cleanup_(fit_exports_done) struct fit_exports list = { 0 };
	char name[32];

	for (uint32_t i = 0; i < 20000; i++) {
		const struct mf_ksym symbol = { name, "", i, true, false };

		snprintf(name, sizeof(name), "symbol_%u", i);
		assert_int_equal(fit_exports_add(&list, &symbol, NULL, false), 0);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "symbol_%u", i);
		assert_int_equal(fit_exports_get(&list, name)->crc, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(it_owns_what_it_is_given),
		UNIT(the_first_stays_unless_it_is_replaced),
		UNIT(thousands_are_found_again),
	};

	return UNIT_RUN(tests);
}
