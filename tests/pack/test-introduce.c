/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificate and the section of a .repo file that pack puts beside the metadata. */
#include "tests/unit.h"
#include "tests/packs.h"
#include "tests/shell.h"
#include "modfetch/cleanup.h"
#include "modfetch/pack.h"

/* A repository with a key, whose file of the certificate has the private key too. */
static struct packs *begin(const char *name, char key[128], char both[128])
{
	struct packs *p = packs_new();

	packs_open(p);
	snprintf(key, 128, "%s/%s.key", p->dir, name);
	snprintf(both, 128, "%s/%s.both", p->dir, name);
	run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
	    "%s.key "
	    "-out %s.crt -subj /CN=%s -days 9 2>err && cat %s.key %s.crt >%s.both",
	    p->dir, name, name, name, name, name, name);
	p->options.key = key;
	p->options.cert = both;
	return p;
}

static char *text_of(const struct packs *p, const char *name)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(p->pack.repo_fd, name, 1 << 20, &text, &len), 0);
	return text;
}

static void the_certificate_is_written_without_the_key(void **state)
{
	char key[128], both[128];
	struct packs *p = begin("one", key, both);
	_cleanup_free_ char *pem = NULL, *crt = text_of(p, "one.crt"), *section = NULL;

	assert_int_equal(pack_introduce(&p->pack), 0);
	pem = text_of(p, MF_PACK_CERTIFICATE);
	assert_non_null(strstr(pem, crt));
	assert_null(strstr(pem, "PRIVATE"));
	run("openssl x509 -in %s/" MF_PACK_CERTIFICATE " -noout", p->dir);
	section = text_of(p, MF_PACK_SECTION);
	assert_non_null(strstr(section, strrchr(p->dir, '/') + 1));
	packs_free(p);
}

static void a_renewed_certificate_replaces_the_one_of_the_run_before(void **state)
{
	char key[128], both[128];
	struct packs *p = begin("one", key, both);
	_cleanup_free_ char *crt = NULL, *pem = NULL;

	assert_int_equal(pack_introduce(&p->pack), 0);
	run("cd %s && openssl req -x509 -key one.key -out one.both -subj /CN=renewed -days 9 2>err",
	    p->dir);
	assert_int_equal(pack_introduce(&p->pack), 0);
	crt = text_of(p, "one.both");
	pem = text_of(p, MF_PACK_CERTIFICATE);
	assert_non_null(strstr(pem, crt));
	packs_free(p);
}

static void files_of_the_publisher_stay(void **state)
{
	char key[128], both[128];
	struct packs *p = begin("one", key, both);
	_cleanup_free_ char *pem = NULL, *section = NULL, *target = NULL;

	packs_write(p, MF_PACK_CERTIFICATE, "mine\n");
	packs_write(p, MF_PACK_SECTION, "[mine]\n");
	assert_int_equal(pack_introduce(&p->pack), 0);
	pem = text_of(p, MF_PACK_CERTIFICATE);
	section = text_of(p, MF_PACK_SECTION);
	assert_string_equal(pem, "mine\n");
	assert_string_equal(section, "[mine]\n");

	/* a link, even to a file of an earlier run: what it leads to is not ours to know */
	run("cd %s && rm " MF_PACK_CERTIFICATE " && ln -s target " MF_PACK_CERTIFICATE, p->dir);
	packs_write(p, "target",
		    "# Written by modfetch pack: the certificate of this repository.\n");
	assert_int_equal(pack_introduce(&p->pack), 0);
	target = text_of(p, "target");
	assert_null(strstr(target, "BEGIN"));
	run("test -L %s/" MF_PACK_CERTIFICATE, p->dir);
	packs_free(p);
}

static void without_a_key_nothing_is_written(void **state)
{
	struct packs *p = packs_new();

	packs_open(p);
	assert_int_equal(pack_introduce(&p->pack), 0);
	assert_false(packs_has(p, MF_PACK_CERTIFICATE));
	assert_false(packs_has(p, MF_PACK_SECTION));
	packs_free(p);
}

static void an_odd_name_of_the_directory_becomes_an_id(void **state)
{
	char key[128], both[128];
	struct packs *p = begin("one", key, both);
	_cleanup_free_ char *section = NULL;

	free(p->pack.output);
	p->pack.output = strdup("/srv/..a]\n[b;c");
	assert_int_equal(pack_introduce(&p->pack), 0);
	section = text_of(p, MF_PACK_SECTION);
	assert_non_null(strstr(section, "\n[a---b-c]\nname=a---b-c\n"));
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_certificate_is_written_without_the_key),
		UNIT(a_renewed_certificate_replaces_the_one_of_the_run_before),
		UNIT(files_of_the_publisher_stay),
		UNIT(without_a_key_nothing_is_written),
		UNIT(an_odd_name_of_the_directory_becomes_an_id),
	};

	return UNIT_RUN(tests);
}
