/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_WIRE_H
#define MODFETCH_FETCH_WIRE_H
/*
 * The protocol between the fetch stage and the download helper: packets over an AF_UNIX
 * SOCK_SEQPACKET socket, which is the standard input of the helper. Both sides are from the same
 * build on the same machine, so a packet is this struct followed by text without a NUL; it may
 * carry a descriptor.
 *
 *   stage → helper
 *     SETUP     size = milliseconds that a mirror may be silent or slow; max = the largest MAX of all
 *               requests; text = the user to become, for a helper that runs as root
 *     VARIABLE  text = NAME=VALUE, a variable of MF_WIRE_VARIABLES
 *     ACCESS    begins another way to reach servers; they are numbered from 1
 *     OPTION    of the last ACCESS: index = enum mf_wire_option; size, text or the descriptor of a memory
 *               file = its value
 *     REQUEST   index; size, max in bytes (size 0: unknown); flags; mirror = its ACCESS (0: none);
 *               text = etag
 *     URL       index; text = the next URL to try, in order of preference; flags
 *     GO        no more requests
 *     RETRY     index: the bytes were wrong (code); try the next URL
 *
 *   helper → stage
 *     PROGRESS  size = bytes of all requests so far
 *     DONE      index; mirror = the URL that was used; size; flags; text = etag; a sealed memory file,
 *               unless flags has NOT_MODIFIED or ABSENT
 *     FAILED    index; mirror; code; text = the reason
 *     LOG       code = level; text = a line
 *
 * The stage sends everything up to GO before it reads; the helper reads up to GO before it sends.
 * Either side ends the conversation by closing the socket. The stage does not trust the packets: it
 * measures the descriptor. The packet bounds the size of each message.
 */
#include <stddef.h>
#include <stdint.h>

#define MF_WIRE_TEXT	 4096
#define MF_WIRE_ONE_USER 77 /* exit status of a helper of root that cannot become another user */
/* A service manager starts a helper for each connection. */
#define MF_WIRE_SOCKET "/run/modfetch/fetch.socket"

enum mf_wire_type {
	MF_WIRE_SETUP,
	MF_WIRE_REQUEST,
	MF_WIRE_URL,
	MF_WIRE_GO,
	MF_WIRE_RETRY,
	MF_WIRE_PROGRESS,
	MF_WIRE_DONE,
	MF_WIRE_FAILED,
	MF_WIRE_LOG,
	MF_WIRE_VARIABLE,
	MF_WIRE_ACCESS,
	MF_WIRE_OPTION,
};

/* Of an ACCESS; see struct mf_access. */
enum mf_wire_option {
	MF_WIRE_USERNAME,
	MF_WIRE_PASSWORD,
	MF_WIRE_PROXY,
	MF_WIRE_PROXY_USERNAME,
	MF_WIRE_PROXY_PASSWORD,
	MF_WIRE_N_TEXTS,
	MF_WIRE_CA = MF_WIRE_N_TEXTS, /* the files: descriptors */
	MF_WIRE_CLIENT_CERT,
	MF_WIRE_CLIENT_KEY,
	MF_WIRE_N_FILES,
	MF_WIRE_TIMEOUT = MF_WIRE_N_FILES, /* milliseconds; the numbers: size */
	MF_WIRE_RETRIES,
	MF_WIRE_MIN_RATE,
	MF_WIRE_IP_VERSION,
	MF_WIRE_N_OPTIONS,
};

#define MF_WIRE_FILE_MAX (1U << 20) /* bytes of each file */

/* The variables of libcurl that name proxies; NULL ends them. */
extern const char *const mf_wire_variables[];

enum {
	MF_WIRE_OPTIONAL = 1,	  /* REQUEST: a missing file is a result, not a failure */
	MF_WIRE_ABSENT = 2,	  /* DONE, FAILED: the file does not exist */
	MF_WIRE_NOT_MODIFIED = 4, /* DONE: the etag still holds */
	MF_WIRE_OWN = 8,	  /* URL: it gets the password and the certificate of the user */
};

struct mf_wire {
	uint32_t type;
	uint32_t index;
	uint32_t mirror;
	uint32_t flags;
	int32_t code;
	uint64_t size;
	uint64_t max;
};

/*
 * Sends one packet; waits for room until the deadline (in the clock of mf_now_us(); 0: none). TEXT
 * may be NULL and is truncated at MF_WIRE_TEXT; PASS is a descriptor that stays the caller's, or
 * -1. 0, -ETIMEDOUT, -EPIPE or another -errno.
 */
int mf_wire_send(int fd, const struct mf_wire *packet, const char *text, int pass,
		 uint64_t deadline);

#define MF_WIRE_NOW 1 /* a deadline in the past: do not wait */

/*
 * Receives one packet; waits until the deadline (0: none). 1 and the packet; 0 if the other side
 * has closed; -EAGAIN if none came in time; -EBADMSG for a malformed packet; or another -errno.
 * RET_TEXT gets at most MF_WIRE_TEXT + 1 bytes, with a NUL; RET_FD the descriptor, close-on-exec
 * and the caller's, or -1.
 */
int mf_wire_receive(int fd, struct mf_wire *ret_packet, char ret_text[MF_WIRE_TEXT + 1],
		    int *ret_fd, uint64_t deadline);

#endif
