/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For which kernels a source is not built: BUILD_EXCLUSIVE_KERNEL and _ARCH are regular
 * expressions, _KERNEL_MIN and _MAX versions, and _CONFIG names of options, each with '!' if it
 * must not be set.
 *
 * An expression comes from a file that is not trusted, and the C library needs memory and time that
 * grow with its repetitions and references, and recursion with its parentheses. So an expression
 * has at most 1 KiB, 16 parentheses, repetitions whose product is at most 255, and no reference to
 * a group. It is POSIX extended, as bash takes it; one that is not valid matches nothing, so it
 * excludes all kernels: files use this ("REQUIRES CONFIG_X" is a valid one with the same effect).
 *
 * dkms compares versions as texts whose numbers have three digits; here numbers are compared. A
 * kernel 6.12.5 is above a maximum of 6.12 for both.
 */
#include "exclusive.h"
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

#define PATTERN_MAX	1024
#define PARENTHESES_MAX 16
#define REPEATS_MAX	255

/* Is an expression so small that it can be compiled and matched? */
static bool pattern_is_bounded(const char *pattern)
{
	unsigned long repeats = 1;
	size_t parentheses = 0;

	if (strlen(pattern) > PATTERN_MAX)
		return false;
	for (const char *p = pattern; *p; p++) {
		parentheses += *p == '(';
		if (*p == '\\' && p[1] >= '1' && p[1] <= '9')
			return false;
		if (*p == '{') {
			unsigned long number = 0, largest = 1;

			for (p++; *p && *p != '}'; p++) {
				number = *p >= '0' && *p <= '9'
						 ? number * 10 + (unsigned long)(*p - '0')
						 : 0;
				if (number > largest)
					largest = number;
				if (largest > REPEATS_MAX)
					return false;
			}
			repeats *= largest;
			if (repeats > REPEATS_MAX || !*p)
				return false;
		}
	}
	return parentheses <= PARENTHESES_MAX;
}

int source_pattern_matches(const char *pattern, const char *text, bool *ret_matches)
{
	regex_t regex;
	int r;

	if (!pattern_is_bounded(pattern))
		return -E2BIG;
	r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r == REG_ESPACE)
		return -ENOMEM;
	if (r != 0) {
		*ret_matches = false;
		return 0;
	}
	*ret_matches = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return 0;
}

/* One that says which kernels it is for: 1 if not this one. */
static int pattern_excludes(const struct values *values, const char *name, const char *text)
{
	const char *pattern = source_values_text(values, name, 0);
	bool matches = true;
	int r = *pattern ? source_pattern_matches(pattern, text, &matches) : 0;

	return r < 0 ? r : !matches;
}

/* Is NAME=y or NAME=m a line of CONFIG? */
static bool config_sets(const char *config, const char *name, size_t len)
{
	for (const char *line = config; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == '=' &&
		    (line[len + 1] == 'y' || line[len + 1] == 'm'))
			return true;
	}
	return false;
}

/*
 * The first word of BUILD_EXCLUSIVE_CONFIG that CONFIG does not fulfil; NULL: none. Its end is
 * RET_END.
 */
static const char *config_excludes(const char *words, const char *config, const char **ret_end)
{
	for (const char *p = words; *p; p = *ret_end) {
		bool unset;

		p += strspn(p, " \t\n");
		*ret_end = p + strcspn(p, " \t\n");
		if (p == *ret_end)
			break;
		unset = *p == '!';
		if (config_sets(config, p + unset, (size_t)(*ret_end - p) - unset) == unset)
			return p;
	}
	return NULL;
}

int source_exclusive_check(const struct values *values, const struct mf_recipe_kernel *kernel,
			   char **ret_why, const char **ret_bad)
{
	const struct {
		const char *name, *text;
	} patterns[] = { { "BUILD_EXCLUSIVE_KERNEL", kernel->release },
			 { "BUILD_EXCLUSIVE_ARCH", kernel->arch } };
	const char *min = source_values_text(values, "BUILD_EXCLUSIVE_KERNEL_MIN", 0);
	const char *max = source_values_text(values, "BUILD_EXCLUSIVE_KERNEL_MAX", 0);
	const char *words = source_values_text(values, "BUILD_EXCLUSIVE_CONFIG", 0), *end, *word;
	_cleanup_free_ char *why = NULL;

	for (size_t i = 0; i < 2; i++) {
		int r = pattern_excludes(values, patterns[i].name, patterns[i].text);

		if (r == -E2BIG)
			*ret_bad = patterns[i].name;
		if (r < 0)
			return r;
		if (r > 0) {
			why = mf_format("%s is \"%s\"", patterns[i].name,
					source_values_text(values, patterns[i].name, 0));
			goto excluded;
		}
	}
	word = kernel->config ? config_excludes(words, kernel->config, &end) : NULL;
	if (*min && strverscmp(kernel->release, min) < 0)
		why = mf_format("BUILD_EXCLUSIVE_KERNEL_MIN is \"%s\"", min);
	else if (*max && strverscmp(kernel->release, max) > 0)
		why = mf_format("BUILD_EXCLUSIVE_KERNEL_MAX is \"%s\"", max);
	else if (word && *word == '!')
		why = mf_format("it needs a kernel without %.*s", (int)(end - word - 1), word + 1);
	else if (word)
		why = mf_format("it needs a kernel with %.*s", (int)(end - word), word);
	else
		return 0;
excluded:
	if (!why)
		return -ENOMEM;
	mf_text_sanitize(why);
	*ret_why = MF_STEAL(why);
	return 0;
}
