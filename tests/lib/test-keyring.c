/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "tests/shell.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"

static int make_keys(void **state)
{
	*state = enter_scratch();
	run("mkdir keys && for n in one two three; do openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout $n.key -subj /CN=$n -out $n.pem 2>err; done");
	run("cp one.pem keys/ && openssl x509 -in two.pem -outform DER -out keys/two.der && "
	    "(echo words before; cat two.pem three.pem) >keys/both.crt");
	run("cp one.key keys/ && echo not a key >keys/README && cp one.pem keys/.hidden.pem");
	return 0;
}

/* The number of certificates read, or the code; the name of the bad file in BAD. */
static int count(const char *directory, char *const *names, size_t n, char **bad)
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY);
	struct mf_keyring *ring = NULL;
	int r = mf_keyring_read(fd, names, n, &ring, bad);

	if (r == 0)
		r = (int)mf_keyring_size(ring);
	mf_keyring_free(ring);
	return r;
}

static void a_folder_gives_all_its_certificates_and_nothing_else(void **state)
{
	assert_int_equal(count("keys", NULL, 0, NULL), 4);
	assert_int_equal(count("absent", NULL, 0, NULL), 0);
}

static void names_choose_with_and_without_their_ending(void **state)
{
	char *one[] = { (char *)"one" }, *both[] = { (char *)"both.crt", (char *)"two" };

	assert_int_equal(count("keys", one, 1, NULL), 1);
	assert_int_equal(count("keys", both, 2, NULL), 3);
}

static void a_name_that_is_not_there_or_leaves_the_folder_is_told(void **state)
{
	static const char *const names[] = { "four",	"four.pem", "../one",	"../one.pem",
					     ".hidden", "",	    "keys/one", "README" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *bad = NULL;
		char *list[] = { (char *)"one", (char *)names[i] };

		assert_int_equal(count("keys", list, 2, &bad), -ENOENT);
		assert_string_equal(bad, names[i]);
	}
	{
		_cleanup_free_ char *bad = NULL;
		char *list[] = { (char *)"one" };

		assert_int_equal(count("absent", list, 1, &bad), -ENOENT);
		assert_string_equal(bad, "one");
	}
}

static void one_damaged_file_fails_the_whole(void **state)
{
	static const char *const commands[] = {
		"head -c 200 one.pem >bad/x.pem",
		": >bad/x.pem",
		"cp one.key bad/x.pem",
		"openssl x509 -in one.pem -outform DER | head -c 100 >bad/x.der",
		"(openssl x509 -in one.pem -outform DER; echo more) >bad/x.der",
		"echo nothing >bad/x.crl",
		"cp one.pem bad/x.crl",
		"(cat one.pem; head -c 300 two.pem) >bad/x.pem",
		"for i in $(seq 500); do cat one.pem; done >bad/x.pem",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(commands); i++) {
		_cleanup_free_ char *bad = NULL;

		run("rm -rf bad && mkdir bad && cp one.pem bad/");
		run("%s", commands[i]);
		if (count("bad", NULL, 0, &bad) != -EBADMSG)
			fail_msg("accepted: %s", commands[i]);
		assert_memory_equal(bad, "x.", 2);
	}
}

static void revocation_lists_are_read_even_when_keys_are_named(void **state)
{
	_cleanup_free_ char *bad = NULL;
	char *one[] = { (char *)"one" };

	run("rm -rf bad && mkdir bad && cp one.pem bad/ && echo nothing >bad/list.crl");
	assert_int_equal(count("bad", one, 1, &bad), -EBADMSG);
	assert_string_equal(bad, "list.crl");
}

static void a_fingerprint_changes_with_each_file_of_the_choice_and_no_other(void **state)
{
	static const char *const changes[] = {
		"cp two.pem choice/one.pem",
		"cat two.pem >>choice/one.pem",
		"cp x.crl choice/y.crl",
		"rm choice/x.crl",
	};
	char *one[] = { (char *)"one" };

	run("touch index.txt && echo 01 >number && printf "
	    "'[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt"
	    "\ncrlnumber=number\ndefault_md=sha256\n' >ca.conf && openssl ca -config ca.conf "
	    "-gencrl "
	    "-crldays 1 -keyfile one.key -cert one.pem -out x.crl 2>err");
	for (size_t i = 0; i < MF_ARRAY_SIZE(changes); i++) {
		uint8_t before[MF_SHA256_LEN], after[MF_SHA256_LEN];
		_cleanup_close_ int fd = -1;

		run("rm -rf choice && mkdir choice && cp one.pem x.crl choice/");
		fd = open("choice", O_RDONLY | O_DIRECTORY);
		assert_int_equal(mf_keyring_fingerprint(fd, one, 1, before, NULL), 0);
		run("cp two.pem choice/ && touch choice/README");
		assert_int_equal(mf_keyring_fingerprint(fd, one, 1, after, NULL), 0);
		assert_memory_equal(before, after, sizeof(before));
		run("%s", changes[i]);
		assert_int_equal(mf_keyring_fingerprint(fd, one, 1, after, NULL), 0);
		assert_memory_not_equal(before, after, sizeof(before));
	}
}

static void a_file_named_twice_is_not_a_file_not_named(void **state)
{
	char *ones[] = { (char *)"one", (char *)"one" }, *twos[] = { (char *)"two", (char *)"two" };
	uint8_t first[MF_SHA256_LEN], second[MF_SHA256_LEN], other[MF_SHA256_LEN];
	_cleanup_close_ int fd = -1;

	run("rm -rf twice && mkdir twice && cp one.pem two.pem twice/");
	fd = open("twice", O_RDONLY | O_DIRECTORY);
	assert_int_equal(mf_keyring_fingerprint(fd, ones, 1, first, NULL), 0);
	assert_int_equal(mf_keyring_fingerprint(fd, ones, 2, second, NULL), 0);
	assert_int_equal(mf_keyring_fingerprint(fd, twos, 2, other, NULL), 0);
	assert_memory_not_equal(first, second, sizeof(first));
	assert_memory_not_equal(second, other, sizeof(second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_folder_gives_all_its_certificates_and_nothing_else),
		UNIT(names_choose_with_and_without_their_ending),
		UNIT(a_name_that_is_not_there_or_leaves_the_folder_is_told),
		UNIT(one_damaged_file_fails_the_whole),
		UNIT(revocation_lists_are_read_even_when_keys_are_named),
		UNIT(a_fingerprint_changes_with_each_file_of_the_choice_and_no_other),
		UNIT(a_file_named_twice_is_not_a_file_not_named),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_scratch);
}
