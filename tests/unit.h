/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H
/* Every unit test includes this: cmocka needs these headers in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* cmocka 2 has one for each kind of number, and warns of the one before */
#ifndef assert_uint_in_range
#define assert_uint_in_range assert_in_range
#endif

#define UNIT(f)		cmocka_unit_test(f)
#define UNIT_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
