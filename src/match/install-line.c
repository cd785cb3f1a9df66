/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An install line of modprobe.d runs instead of the load. "/bin/false" is how admins say never, but
 * so are "exit 1", "/dev/null" and any other command that does not load the module: there is no end
 * of them. So the question is the other one: does the command load it? That takes a modprobe or
 * insmod that names the module, at a place the shell can get to.
 *
 * The command is read as a shell would: words and quotes, comments, lists with ; & && || and |,
 * assignments, "sh -c TEXT". Commands whose status is known (true, false, :, exit) decide what can
 * be reached; any other may do either. Nothing is expanded, except that $MODPROBE_MODULE is the
 * module, as kmod sets it. What is in doubt is no load: then nothing is fetched, and the line says
 * so. A script of the admin's that loads the module is in doubt as well.
 */
#include "install-line.h"
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define TEXT_MAX  4096 /* bytes of a command that are looked at; a longer one is in doubt */
#define WORDS_MAX 64   /* words of a simple command */
#define DEPTH_MAX 3    /* of "sh -c" within "sh -c" */

enum status { MAY_DO_EITHER, SUCCEEDS, FAILS, ENDS, LOADS };
enum operator{ OP_END, OP_NEXT, OP_AND, OP_OR };

struct shell {
	const char *at; /* what is left to read */
	const char *module;
	int depth;
	char words[TEXT_MAX];
	char *v[WORDS_MAX + 1];
	size_t n;
	bool overlong;
};

static bool install_line_is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static const char *install_line_base_of(const char *word)
{
	const char *slash = strrchr(word, '/');

	return slash ? slash + 1 : word;
}

/* ---- words ---- */

/* Copies one word without its quotes to OUT. Returns the byte after its NUL. */
static char *read_word(struct shell *sh, char *out)
{
	char quote = '\0';

	for (; *sh->at; sh->at++) {
		char c = *sh->at;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (!quote && strchr(" \t\r\n;&|()", c))
			break;
		if (c == '\\' && quote != '\'' && sh->at[1])
			c = *++sh->at;
		*out++ = c;
	}
	*out = '\0';
	return out + 1;
}

static enum operator read_operator(struct shell *sh)
{
	static const struct {
		const char *text;
		enum operator op;
	} operators[] = { { "&&", OP_AND }, { "||", OP_OR },  { ";", OP_NEXT }, { "&", OP_NEXT },
			  { "|", OP_NEXT }, { "(", OP_NEXT }, { ")", OP_NEXT }, { "\n", OP_NEXT } };

	for (size_t i = 0; i < MF_ARRAY_SIZE(operators); i++)
		if (mf_starts_with(sh->at, operators[i].text)) {
			sh->at += strlen(operators[i].text);
			return operators[i].op;
		}
	return OP_END;
}

/* The words of the next simple command; returns what stands after it. */
static enum operator read_command(struct shell *sh)
{
	char *out = sh->words;

	sh->n = 0;
	for (;;) {
		sh->at += strspn(sh->at, " \t\r");
		if (*sh->at == '#')
			sh->at += strcspn(sh->at, "\n");
		if (!*sh->at || strchr(";&|()\n", *sh->at))
			break;
		if (sh->n == WORDS_MAX) {
			sh->overlong = true;
			break;
		}
		sh->v[sh->n++] = out;
		out = read_word(sh, out);
	}
	sh->v[sh->n] = NULL;
	return read_operator(sh);
}

/* ---- one command ---- */

static bool install_line_is_module(const struct shell *sh, const char *word)
{
	char name[MF_MODULE_NAME_SIZE];

	if (!strcmp(word, "$MODPROBE_MODULE") || !strcmp(word, "${MODPROBE_MODULE}"))
		return true;
	return mf_module_name(word, name, sizeof(name)) && !strcmp(name, sh->module);
}

/* Options with which modprobe loads nothing: it removes, shows or only pretends. */
static bool loads_nothing(const char *option)
{
	static const char *const long_ones[] = { "--remove",
						 "--dry-run",
						 "--show",
						 "--show-depends",
						 "--showconfig",
						 "--show-config",
						 "--show-exports",
						 "--show-modversions",
						 "--dump-modversions",
						 "--resolve-alias",
						 "--version",
						 "--help",
						 NULL };

	return option[1] == '-' ? install_line_is_one_of(option, long_ones)
				: strpbrk(option, "rnDRcVh") != NULL;
}

static bool has_argument(const char *option)
{
	static const char *const options[] = { "-C",	   "-d",	"-S",
					       "--config", "--dirname", "--set-version",
					       NULL };

	return install_line_is_one_of(option, options);
}

/* modprobe's words after its name: what is loaded is the first that is no option, or with -a all. */
static bool modprobe_loads(const struct shell *sh, char *const *v)
{
	bool all = false, options = true, found = false;
	size_t n = 0;

	for (; *v; v++) {
		if (options && !strcmp(*v, "--")) {
			options = false;
		} else if (options && **v == '-') {
			if (has_argument(*v)) {
				v += v[1] != NULL;
				continue;
			}
			if (loads_nothing(*v))
				return false;
			all |= !strcmp(*v, "--all") || ((*v)[1] != '-' && strchr(*v, 'a'));
		} else {
			found |= (all || !n) && install_line_is_module(sh, *v);
			n++;
		}
	}
	return found;
}

static bool text_loads(const char *text, const char *module, int depth);

static bool shell_loads(const struct shell *sh, char *const *v)
{
	for (; *v && **v == '-'; v++)
		if ((*v)[1] != '-' && strchr(*v, 'c'))
			return v[1] && text_loads(v[1], sh->module, sh->depth + 1);
	return false;
}

static bool is_assignment(const char *word)
{
	const char *equals = strchr(word, '=');

	return equals && equals > word &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
		       (size_t)(equals - word);
}

/* What runs the words after it, and what only belongs to the shell's grammar. */
static bool is_prefix(const char *word)
{
	static const char *const prefixes[] = { "!",	"{",	 "if",	  "then", "else",    "elif",
						"do",	"while", "until", "exec", "command", "env",
						"nice", "nohup", "time",  "kmod", "busybox", NULL };

	return install_line_is_one_of(install_line_base_of(word), prefixes);
}

/* Both decide where a command of an unknown one's branch goes: then nothing is known of a list. */
static bool is_conditional(const char *word)
{
	static const char *const words[] = { "!",  "if",    "then",  "else", "elif",
					     "do", "while", "until", NULL };

	return install_line_is_one_of(word, words);
}

static enum status install_line_run(const struct shell *sh)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", NULL };
	static const char *const truths[] = { "true", ":", NULL };
	static const char *const ends[] = { "exit", "return", NULL };
	bool known = true, loads;
	char *const *v = sh->v;
	const char *program;

	while (*v && (is_assignment(*v) || is_prefix(*v)))
		known &= !is_conditional(*v++);
	if (!*v)
		return MAY_DO_EITHER;
	program = install_line_base_of(*v++);
	if (!strcmp(program, "modprobe"))
		loads = modprobe_loads(sh, v);
	else if (!strcmp(program, "insmod"))
		loads = *v && install_line_is_module(sh, *v);
	else
		loads = install_line_is_one_of(program, shells) && shell_loads(sh, v);
	if (loads)
		return LOADS;
	if (!known)
		return MAY_DO_EITHER;
	return install_line_is_one_of(program, truths) ? SUCCEEDS
	       : !strcmp(program, "false")	       ? FAILS
	       : install_line_is_one_of(program, ends) ? ENDS
						       : MAY_DO_EITHER;
}

/* ---- the list ---- */

/* The status of a list that goes on: LAST, an operator, and the command's own. */
static enum status install_line_join(enum status last, enum operator op, enum status status)
{
	if (op == OP_NEXT || last != MAY_DO_EITHER)
		return status;
	/* whoever ends the shell leaves the case that it was passed over */
	if (op == OP_AND)
		return status == FAILS || status == ENDS ? FAILS : MAY_DO_EITHER;
	return status == SUCCEEDS || status == ENDS ? SUCCEEDS : MAY_DO_EITHER;
}

static bool text_loads(const char *text, const char *module, int depth)
{
	struct shell sh = { .at = text, .module = module, .depth = depth };
	enum status last = MAY_DO_EITHER;
	enum operator before = OP_NEXT, after;

	if (strlen(text) >= TEXT_MAX || depth > DEPTH_MAX)
		return false;
	do {
		enum status status;

		after = read_command(&sh);
		if (sh.overlong)
			return false;
		/* passed over: the status stays that of the command before */
		if ((before == OP_AND && last == FAILS) || (before == OP_OR && last == SUCCEEDS)) {
			before = after;
			continue;
		}
		status = sh.n ? install_line_run(&sh) : before == OP_NEXT ? last : MAY_DO_EITHER;
		if (status == LOADS)
			return true;
		if (status == ENDS && (before == OP_NEXT || last != MAY_DO_EITHER))
			return false;
		last = install_line_join(last, before, status);
		before = after;
	} while (after != OP_END);
	return false;
}

bool mf_install_line_loads(const char *command, const char *module)
{
	return text_loads(command, module, 0);
}
