/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of ASan for a program that has given away what looking for leaks needs: tracing itself
 * and reading /proc. Linked into sanitized builds alone.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
