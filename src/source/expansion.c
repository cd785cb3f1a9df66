/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an expansion of a shell ends: $(command), $((sum)), ${name...} and `command`.
 *
 * Their content is not understood, only its quotes and parentheses are paired, so that its last
 * byte is found. Each opening one is kept on a stack of fixed size with the byte that closes it;
 * nothing calls itself. The parenthesis of a pattern in "case" or a comment within has no partner:
 * an expansion with one ends too early or never. The first is a syntax error for the shell in the
 * box and harms nothing else, as no byte of the file reaches another shell.
 */
#include "expansion.h"
#include <stdbool.h>

#define DEPTH_MAX 32

struct stack {
	char closers[DEPTH_MAX];
	size_t n;
};

static bool stack_push(struct stack *stack, char closer)
{
	if (stack->n == DEPTH_MAX)
		return false;
	stack->closers[stack->n++] = closer;
	return true;
}

/*
 * The byte that closes what begins at S; 0: nothing begins there. RET_LEN: bytes of its beginning.
 */
static char closer_of(const char *s, size_t len, char within, size_t *ret_len)
{
	bool dollar = *s == '$' && len > 1;

	*ret_len = 1;
	if (dollar && (s[1] == '(' || s[1] == '{')) {
		*ret_len = 2;
		return s[1] == '(' ? ')' : '}';
	}
	if (*s == '`' || *s == '"')
		return *s;
	if (within == '"')
		return '\0';
	if (*s == '\'')
		return *s;
	return *s == '(' && within == ')' ? ')' : '\0';
}

size_t source_expansion_length(const char *s, size_t len)
{
	struct stack stack = { 0 };

	for (size_t i = 0; i < len;) {
		char within = stack.n ? stack.closers[stack.n - 1] : '\0', closer;
		size_t step;

		if (within && s[i] == within) {
			stack.n--;
			i++;
			if (!stack.n)
				return i;
			continue;
		}
		if (within == '\'') {
			i++;
			continue;
		}
		if (s[i] == '\\') {
			i += 2;
			continue;
		}
		closer = closer_of(s + i, len - i, within, &step);
		if (closer && !stack_push(&stack, closer))
			return 0;
		i += step;
		if (!stack.n)
			return 0;
	}
	return 0;
}

size_t source_variable_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (s[n] == '_' || (s[n] >= 'A' && s[n] <= 'Z') ||
			   (s[n] >= 'a' && s[n] <= 'z') || (n && s[n] >= '0' && s[n] <= '9')))
		n++;
	return n;
}
