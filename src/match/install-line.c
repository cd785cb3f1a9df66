/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modprobe runs the command of an install line instead of loading the module. "/bin/false" is how
 * administrators forbid a module, but "exit 1", "/dev/null" and any other command that does not
 * load it work as well; they cannot be listed. So this file decides the opposite question: does the
 * command load the module? It does if it calls modprobe or insmod for the module, at a place that
 * the shell can reach.
 *
 * The command is parsed as a shell would: words and quotes, comments, lists with ; & && || and |,
 * assignments, "sh -c TEXT". Commands with a known status (true, false, :, exit) decide what can be
 * reached; all others may succeed or fail. Nothing is expanded, except that $MODPROBE_MODULE is the
 * module, as kmod sets it. In doubt the answer is "does not load": then nothing is fetched, and the
 * reason names the line. A script of the administrator's that loads the module is such a doubt.
 */
#include "install-line.h"
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define TEXT_MAX  4096 /* bytes of a command that are parsed; a longer one is a doubt */
#define WORDS_MAX 64   /* words of a simple command */
#define DEPTH_MAX 3    /* of nested "sh -c" */

enum status { MAY_DO_EITHER, SUCCEEDS, FAILS, ENDS, LOADS };
enum operator{ OP_END, OP_NEXT, OP_AND, OP_OR };

struct shell {
	const char *at; /* the rest of the text */
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
static char *shell_read_word(struct shell *sh, char *out)
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

static enum operator shell_read_operator(struct shell *sh)
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

/* Reads the words of the next simple command. Returns the operator after it. */
static enum operator shell_read_command(struct shell *sh)
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
		out = shell_read_word(sh, out);
	}
	sh->v[sh->n] = NULL;
	return shell_read_operator(sh);
}

/* ---- one command ---- */

static bool install_line_is_module(const struct shell *sh, const char *word)
{
	char name[MF_MODULE_NAME_SIZE];

	if (!strcmp(word, "$MODPROBE_MODULE") || !strcmp(word, "${MODPROBE_MODULE}"))
		return true;
	return mf_module_name(word, name, sizeof(name)) && !strcmp(name, sh->module);
}

/* Options that make modprobe load nothing: it removes, prints or only pretends. */
static bool is_no_load_option(const char *option)
{
	static const char *const long_options[] = { "--remove",
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

	return option[1] == '-' ? install_line_is_one_of(option, long_options)
				: strpbrk(option, "rnDRcVh") != NULL;
}

static bool has_argument(const char *option)
{
	static const char *const options[] = { "-C",	   "-d",	"-S",
					       "--config", "--dirname", "--set-version",
					       NULL };

	return install_line_is_one_of(option, options);
}

/*
 * The words after "modprobe": it loads the first one that is not an option, or with -a all of them.
 */
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
			if (is_no_load_option(*v))
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

/* Words that run the command after them, or that only belong to the syntax of the shell. */
static bool is_prefix(const char *word)
{
	static const char *const prefixes[] = { "!",	"{",	 "if",	  "then", "else",    "elif",
						"do",	"while", "until", "exec", "command", "env",
						"nice", "nohup", "time",  "kmod", "busybox", NULL };

	return install_line_is_one_of(install_line_base_of(word), prefixes);
}

/*
 * Words that make it unknown whether the command after them runs: the status of the list is then
 * unknown.
 */
static bool is_conditional(const char *word)
{
	static const char *const words[] = { "!",  "if",    "then",  "else", "elif",
					     "do", "while", "until", NULL };

	return install_line_is_one_of(word, words);
}

static enum status shell_run_command(const struct shell *sh)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", NULL };
	static const struct {
		const char *program;
		enum status status;
	} programs[] = { { "true", SUCCEEDS },
			 { ":", SUCCEEDS },
			 { "false", FAILS },
			 { "exit", ENDS },
			 { "return", ENDS } };
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
	for (size_t i = 0; known && i < MF_ARRAY_SIZE(programs); i++)
		if (!strcmp(program, programs[i].program))
			return programs[i].status;
	return MAY_DO_EITHER;
}

/* ---- the list ---- */

/* The status of a list so far: that of LAST, an operator, and that of the next command. */
static enum status install_line_join(enum status last, enum operator op, enum status status)
{
	if (op == OP_NEXT || last != MAY_DO_EITHER)
		return status;
	/* a command that ends the shell says nothing of the case that it was skipped */
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

		after = shell_read_command(&sh);
		if (sh.overlong)
			return false;
		/* skipped: the status is still that of the command before */
		if ((before == OP_AND && last == FAILS) || (before == OP_OR && last == SUCCEEDS)) {
			before = after;
			continue;
		}
		status = sh.n ? shell_run_command(&sh) : before == OP_NEXT ? last : MAY_DO_EITHER;
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
