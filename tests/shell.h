/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_SHELL_H
#define TESTS_SHELL_H
/*
 * Shell commands for unit tests: what openssl, cp and sed prepare. Include it after "tests/unit.h".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs a command with sh; the test fails if the command does. */
static inline void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void run(const char *fmt, ...)
{
	char command[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/*
 * A private key NAME.key and its self-signed certificate DIRECTORY/NAME.pem. ALGORITHM and OPTIONS
 * are those of openssl req: "rsa:2048", "-addext …".
 */
static inline void make_key(const char *name, const char *algorithm, const char *directory,
			    const char *options)
{
	run("openssl req -x509 -newkey %s -nodes -keyout %s.key -out %s/%s.pem -subj '/CN=%s' "
	    "-days 3650 %s 2>err || { cat err; false; }",
	    algorithm, name, directory, name, name, options);
}

/* Has the openssl program ML-DSA? Since version 3.5; its library, which the code under test uses, has the same. */
static inline bool openssl_has_ml_dsa(void)
{
	return system("openssl list -public-key-algorithms | grep -q ML-DSA-65") == 0;
}

/* Enters a new temporary directory; its path is the caller's to free. */
static inline char *enter_scratch(void)
{
	char path[] = "/tmp/modfetch-unit.XXXXXX";

	assert_non_null(mkdtemp(path));
	assert_return_code(chdir(path), errno);
	return strdup(path);
}

/* Removes the directory. A teardown function where the state is the path. */
static inline int remove_scratch(void **state)
{
	run("rm -rf %s", (char *)*state);
	free(*state);
	return 0;
}

#endif
