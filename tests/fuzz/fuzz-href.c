/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name from metadata, of any bytes: an accepted name stays below its base, both literally and
 * decoded, and is sent as one line of printable ASCII.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/strings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_components(const char *path)
{
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");

		assert(len && !(len == 1 && *p == '.') &&
		       !(len == 2 && p[0] == '.' && p[1] == '.'));
		p += len;
		if (!*p)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] = "http://mirror.example/repo";
	_cleanup_free_ char *href = malloc(size + 1), *url = NULL, *path = NULL, *again = NULL;
	int r;

	memcpy(href, data, size);
	href[size] = '\0';
	r = mf_href_check(href);
	assert(mf_href_join(base, href, &url) == r);
	/* as a base it may be refused or not, but must not be misread */
	(void)mf_href_join(href, "x", &again);
	assert(!again || mf_ends_with(again, "/x"));
	if (r < 0)
		return 0;
	assert(!strncmp(url, base, sizeof(base) - 1) && url[sizeof(base) - 1] == '/');
	for (const char *p = url; *p; p++)
		assert(*p > 0x20 && *p < 0x7f && !strchr("?#\\", *p));
	check_components(href);
	assert(!mf_href_decode(href, &path));
	check_components(path);
	return 0;
}
