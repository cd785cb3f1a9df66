/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that uses libcurl. It runs in the download helper, which has no rights.
 *
 * It sets how an HTTP exchange works: http and https only, also after a redirect, which may not lead
 * from https to http, at most five redirects; no cookies, no netrc, no HTTP/0.9; certificates of servers are verified against those
 * of the system. Bytes are counted as they arrive, since libcurl's own limit does not stop a
 * running transfer: no byte is written beyond the limit.
 *
 * An interrupted file is resumed by a Range, bound to the same version by If-Range if the server
 * sent a strong etag. If a server sends the whole file again, it is written from zero.
 *
 * Nothing that is received is trusted; other code decides whether the bytes are the right ones.
 */
#include "curl.h"
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

#define MAX_REDIRECTS 5L
#define MAX_HEADERS   (64 << 10)

struct mf_curl {
	CURLM *multi;
};

struct mf_exchange_private {
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	size_t header_bytes;
	bool accepted; /* the body of the response is kept */
	int stopped;   /* the code for which a callback stopped it, or 0 */
};

/* The codes of failed exchanges. All others mean that the server could not be reached. */
static const struct {
	CURLcode curl;
	int code;
} codes[] = {
	{ CURLE_OK, 0 },
	{ CURLE_OPERATION_TIMEDOUT, -MFE_TIMEOUT },
	{ CURLE_PARTIAL_FILE, -MFE_TRUNCATED },
	{ CURLE_RECV_ERROR, -MFE_TRUNCATED },
	{ CURLE_HTTP2, -MFE_TRUNCATED },
	{ CURLE_HTTP2_STREAM, -MFE_TRUNCATED },
	{ CURLE_FILESIZE_EXCEEDED, -MFE_TOO_LARGE },
	{ CURLE_HTTP_RETURNED_ERROR, -MFE_HTTP_STATUS },
	{ CURLE_TOO_MANY_REDIRECTS, -MFE_HTTP_STATUS },
	{ CURLE_UNSUPPORTED_PROTOCOL, -MFE_HTTP_STATUS },
	{ CURLE_WEIRD_SERVER_REPLY, -MFE_HTTP_STATUS },
	{ CURLE_BAD_CONTENT_ENCODING, -MFE_HTTP_STATUS },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM },
};

/* Was the connection made, and did it end too early? */
static bool is_dropped(CURLcode curl)
{
	static const CURLcode dropped[] = {
		CURLE_GOT_NOTHING,  CURLE_RECV_ERROR, CURLE_SEND_ERROR,
		CURLE_PARTIAL_FILE, CURLE_HTTP2,      CURLE_HTTP2_STREAM
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(dropped); i++)
		if (dropped[i] == curl)
			return true;
	return false;
}

static int code_of(CURLcode curl)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(codes); i++)
		if (codes[i].curl == curl)
			return codes[i].code;
	return -MFE_UNREACHABLE;
}

int mf_curl_new(struct mf_curl **ret_curl)
{
	struct mf_curl *curl = calloc(1, sizeof(*curl));

	if (!curl || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(curl);
		return -ENOMEM;
	}
	curl->multi = curl_multi_init();
	if (!curl->multi) {
		mf_curl_free(curl);
		return -ENOMEM;
	}
	*ret_curl = curl;
	return 0;
}

void mf_curl_free(struct mf_curl *curl)
{
	if (!curl)
		return;
	curl_multi_cleanup(curl->multi);
	curl_global_cleanup();
	free(curl);
}

/* Stops the exchange from a callback. */
static size_t stop_for(struct mf_exchange *x, int code)
{
	x->priv->stopped = code;
	return 0;
}

static const char *response_header(struct mf_exchange *x, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(x->priv->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK
		       ? h->value
		       : NULL;
}

/*
 * Called for the first bytes of a body: is the response a file, and does it begin where ours ends?
 */
static int accept_response(struct mf_exchange *x)
{
	uint64_t begin = 0;
	const char *range;

	curl_easy_getinfo(x->priv->easy, CURLINFO_RESPONSE_CODE, &x->status);
	switch (x->status) {
	case 206:
		range = response_header(x, "Content-Range");
		if (!range || sscanf(range, "bytes %lu-", &begin) != 1 || begin != x->size)
			return -MFE_HTTP_STATUS;
		return 0;
	case 200:
		if (x->size && (ftruncate(x->fd, 0) < 0 || lseek(x->fd, 0, SEEK_SET) < 0))
			return -errno;
		x->size = 0;
		return 0;
	}
	return -MFE_HTTP_STATUS;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
	struct mf_exchange *x = arg;
	int r;

	if (!x->priv->accepted) {
		r = accept_response(x);
		if (r < 0)
			return stop_for(x, r);
		x->priv->accepted = true;
	}
	if (len > x->cap - x->size)
		return stop_for(x, -MFE_TOO_LARGE);
	r = mf_file_write(x->fd, data, len);
	if (r < 0)
		return stop_for(x, r == -EFBIG ? -MFE_TOO_LARGE : r);
	x->size += len;
	return len;
}

static size_t on_header(char *data, size_t one, size_t len, void *arg)
{
	struct mf_exchange *x = arg;

	x->priv->header_bytes += len;
	return x->priv->header_bytes > MAX_HEADERS ? stop_for(x, -MFE_HTTP_STATUS) : len;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x21 || *s > 0x7e)
			return false;
	return true;
}

static int add_header(struct mf_exchange_private *p, const char *name, const char *value)
{
	char line[MF_ETAG_MAX + 32];
	struct curl_slist *longer;

	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(p->headers, line);
	if (!longer)
		return -ENOMEM;
	p->headers = longer;
	return 0;
}

static int set_conditions(struct mf_exchange *x)
{
	char range[32];
	int r = 0;

	if (x->offset) {
		snprintf(range, sizeof(range), "%lu-", x->offset);
		if (curl_easy_setopt(x->priv->easy, CURLOPT_RANGE, range) != CURLE_OK)
			return -ENOMEM;
		/* a weak etag must not be used here, RFC 9110 13.1.5 */
		if (*x->etag == '"')
			r = add_header(x->priv, "If-Range", x->etag);
	} else if (x->if_none_match && is_printable(x->if_none_match)) {
		r = add_header(x->priv, "If-None-Match", x->if_none_match);
	}
	return r;
}

static CURLcode set_options(struct mf_exchange *x)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_FOLLOWLOCATION, 1 },
		{ CURLOPT_MAXREDIRS, MAX_REDIRECTS },
		{ CURLOPT_FAILONERROR, 1 },
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_HTTP09_ALLOWED, 0 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_QUICK_EXIT, 1 },
		/* with HTTP/2, one connection to a server for all files */
		{ CURLOPT_PIPEWAIT, 1 },
		{ CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_ms },
	};
	const struct {
		CURLoption option;
		const void *value;
	} pointers[] = {
		{ CURLOPT_URL, x->url },
		{ CURLOPT_PROTOCOLS_STR, "http,https" },
		/* what was asked for over TLS is not fetched without it */
		{ CURLOPT_REDIR_PROTOCOLS_STR,
		  strncasecmp(x->url, "https:", strlen("https:")) ? "http,https" : "https" },
		{ CURLOPT_USERAGENT, "modfetch/" MF_VERSION },
		{ CURLOPT_HTTPHEADER, x->priv->headers },
		{ CURLOPT_ERRORBUFFER, x->priv->error },
		{ CURLOPT_WRITEDATA, x },
		{ CURLOPT_HEADERDATA, x },
		{ CURLOPT_PRIVATE, x },
	};
	CURL *easy = x->priv->easy;
	CURLcode r = CURLE_OK;

	for (size_t i = 0; r == CURLE_OK && i < MF_ARRAY_SIZE(numbers); i++)
		r = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; r == CURLE_OK && i < MF_ARRAY_SIZE(pointers); i++)
		r = curl_easy_setopt(easy, pointers[i].option, pointers[i].value);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	/* avoids the download of a file whose header says that it is too large */
	if (r == CURLE_OK && !x->offset)
		r = curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->cap);
	return r;
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *value)
{
	return value ? curl_easy_setopt(easy, option, value) : CURLE_OK;
}

static CURLcode set_file(CURL *easy, CURLoption option, const struct mf_curl_file *file)
{
	struct curl_blob blob = { file->data, file->len, CURL_BLOB_NOCOPY };

	return file->data ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

/* What only the servers of the configuration get; libcurl does not send it to the target of a redirect. */
static CURLcode set_identity(CURL *easy, const struct mf_curl_access *a)
{
	CURLcode r = set_text(easy, CURLOPT_USERNAME, a->texts[MF_WIRE_USERNAME]);

	if (r == CURLE_OK)
		r = set_text(easy, CURLOPT_PASSWORD, a->texts[MF_WIRE_PASSWORD]);
	if (r == CURLE_OK)
		r = set_file(easy, CURLOPT_SSLCERT_BLOB,
			     &a->files[MF_WIRE_CLIENT_CERT - MF_WIRE_CA]);
	if (r == CURLE_OK)
		r = set_file(easy, CURLOPT_SSLKEY_BLOB, &a->files[MF_WIRE_CLIENT_KEY - MF_WIRE_CA]);
	return r;
}

/* A proxy of the .repo file is not evaded by a no_proxy variable. */
static CURLcode set_proxy(CURL *easy, const struct mf_curl_access *a)
{
	CURLcode r = set_text(easy, CURLOPT_PROXY, a->texts[MF_WIRE_PROXY]);

	if (r == CURLE_OK && a->texts[MF_WIRE_PROXY])
		r = curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (r == CURLE_OK)
		r = set_text(easy, CURLOPT_PROXYUSERNAME, a->texts[MF_WIRE_PROXY_USERNAME]);
	if (r == CURLE_OK)
		r = set_text(easy, CURLOPT_PROXYPASSWORD, a->texts[MF_WIRE_PROXY_PASSWORD]);
	return r;
}

static CURLcode set_access(struct mf_exchange *x)
{
	const struct mf_curl_access *a = x->access;
	CURL *easy = x->priv->easy;
	uint64_t version;
	CURLcode r;

	if (!a)
		return CURLE_OK;
	version = a->numbers[MF_WIRE_IP_VERSION - MF_WIRE_TIMEOUT];
	r = set_proxy(easy, a);
	if (r == CURLE_OK && x->own)
		r = set_identity(easy, a);
	/* this CA in place of those of the system, not beside them */
	if (r == CURLE_OK && a->files[0].data)
		r = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (r == CURLE_OK)
		r = set_file(easy, CURLOPT_CAINFO_BLOB, &a->files[0]);
	if (r == CURLE_OK && version)
		r = curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
				     (long)(version == 4 ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_V6));
	return r;
}

static void exchange_release(struct mf_curl *curl, struct mf_exchange *x)
{
	if (!x->priv)
		return;
	if (x->priv->easy) {
		curl_multi_remove_handle(curl->multi, x->priv->easy);
		curl_easy_cleanup(x->priv->easy);
	}
	curl_slist_free_all(x->priv->headers);
	free(MF_STEAL(x->priv));
}

int mf_curl_start(struct mf_curl *curl, struct mf_exchange *x)
{
	x->priv = calloc(1, sizeof(*x->priv));
	if (!x->priv)
		return -ENOMEM;
	x->code = 0;
	x->status = 0;
	x->size = x->offset;
	x->not_modified = false;
	*x->why = '\0';
	x->priv->easy = curl_easy_init();
	if (!x->priv->easy || set_conditions(x) < 0 || set_options(x) != CURLE_OK ||
	    set_access(x) != CURLE_OK ||
	    curl_multi_add_handle(curl->multi, x->priv->easy) != CURLM_OK) {
		exchange_release(curl, x);
		return -ENOMEM;
	}
	return 0;
}

void mf_curl_stop(struct mf_curl *curl, struct mf_exchange *x)
{
	exchange_release(curl, x);
}

int mf_curl_run(struct mf_curl *curl, int fd, int ms)
{
	struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int running;
	CURLMcode r;

	r = curl_multi_perform(curl->multi, &running);
	if (r == CURLM_OK)
		r = curl_multi_poll(curl->multi, &extra, 1, ms, NULL);
	if (r == CURLM_OK)
		r = curl_multi_perform(curl->multi, &running);
	return r == CURLM_OK ? 0 : r == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

/* Converts the result of libcurl. */
static void exchange_set_result(struct mf_exchange *x, CURLcode result)
{
	const char *etag, *type;
	curl_off_t wait = 0;

	curl_easy_getinfo(x->priv->easy, CURLINFO_RESPONSE_CODE, &x->status);
	curl_easy_getinfo(x->priv->easy, CURLINFO_RETRY_AFTER, &wait);
	x->retry_after = wait > 0 ? (uint64_t)wait : 0;
	x->dropped = !x->priv->stopped && is_dropped(result);
	x->code = x->priv->stopped ? x->priv->stopped : code_of(result);
	if (x->code == -MFE_TRUNCATED && !x->priv->accepted)
		x->code = -MFE_UNREACHABLE;
	x->not_modified = !x->code && x->status == 304 && x->if_none_match && !x->offset;
	/* an empty body makes no callback: 200 is an empty file, any other status is not a file */
	if (!x->code && !x->not_modified && !x->priv->accepted)
		x->code = accept_response(x);
	type = response_header(x, "Content-Type");
	x->page = type && !strncasecmp(type, "text/html", strlen("text/html"));
	etag = response_header(x, "ETag");
	if (etag && strlen(etag) < sizeof(x->etag) && is_printable(etag))
		strcpy(x->etag, etag);
	else
		*x->etag = '\0';
	if (x->code == -MFE_HTTP_STATUS && x->status >= 400 && x->retry_after)
		snprintf(x->why, sizeof(x->why),
			 "the server answered %ld, and asks to wait %llu seconds", x->status,
			 (unsigned long long)x->retry_after);
	else if (x->code == -MFE_HTTP_STATUS && x->status >= 400)
		snprintf(x->why, sizeof(x->why), "the server answered %ld%s", x->status,
			 x->status == 404 ? ", it has no such file; is the URL of the repository "
					    "right, or has it changed since modfetch refresh?"
					  : "");
	else if (result == CURLE_UNSUPPORTED_PROTOCOL && x->status >= 300)
		snprintf(x->why, sizeof(x->why),
			 "it redirects to a URL that is not %shttps, which is not followed",
			 strncasecmp(x->url, "https:", strlen("https:")) ? "http or " : "");
	else if (x->code == -MFE_HTTP_STATUS && result == CURLE_WRITE_ERROR)
		snprintf(x->why, sizeof(x->why), "status %ld is not a response to this request",
			 x->status);
	else if (!x->priv->stopped && result != CURLE_OK)
		snprintf(x->why, sizeof(x->why), "%s",
			 *x->priv->error ? x->priv->error : curl_easy_strerror(result));
}

struct mf_exchange *mf_curl_finished(struct mf_curl *curl)
{
	struct mf_exchange *x;
	CURLMsg *msg;
	int left;

	do
		msg = curl_multi_info_read(curl->multi, &left);
	while (msg && msg->msg != CURLMSG_DONE);
	if (!msg)
		return NULL;
	curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
	exchange_set_result(x, msg->data.result);
	exchange_release(curl, x);
	return x;
}
