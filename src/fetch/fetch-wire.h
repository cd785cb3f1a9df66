/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_WIRE_H
#define MODFETCH_FETCH_WIRE_H
/*
 * What the fetch stage and the download helper say to each other: packets over an AF_UNIX
 * SOCK_SEQPACKET socket, which is the helper's standard input. Both sides are the same build on the
 * same machine, so a packet is this struct and then text without a NUL; a descriptor may ride
 * along.
 *
 *   stage → helper   SETUP     size = milliseconds a mirror may be silent or slow; max = the
 * largest MAX of all requests; text = the user to become, for a helper that runs as root REQUEST
 * index; size, max in bytes (size 0: unknown); flags; text = etag URL       index; text = the next
 * place to ask for it, in order of preference GO        no more requests RETRY     index: those
 * bytes were wrong (code); go on with the next place helper → stage   PROGRESS  size = bytes of all
 * requests so far DONE      index; mirror = which URL; size; flags; text = etag; a sealed memory
 *                              file, unless flags has NOT_MODIFIED or ABSENT
 *                    FAILED    index; mirror; code; text = why
 *                    LOG       code = level; text = a line
 *
 * The stage sends everything up to GO before it reads; the helper reads up to GO before it sends.
 * Whoever closes the socket ends the conversation. The stage believes nothing it is told: it
 * measures the descriptor. Sizes of what it is sent are bounded by the packet.
 */
#include <stddef.h>
#include <stdint.h>

#define MF_WIRE_TEXT 4096
#define MF_WIRE_SOCKET                                                                             \
	"/run/modfetch/fetch.socket" /* a service manager starts helpers behind it                 \
				      */

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
};

enum {
	MF_WIRE_OPTIONAL = 1,	  /* REQUEST: that it is not there is an answer */
	MF_WIRE_ABSENT = 2,	  /* DONE: that was the answer; FAILED: it is not there */
	MF_WIRE_NOT_MODIFIED = 4, /* DONE: the etag still holds */
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
 * Sends one packet, waiting until the deadline (mf_now_us(); 0: none) for room. TEXT may be NULL
 * and is cut at MF_WIRE_TEXT; PASS is a descriptor that stays the caller's, or -1. 0, -ETIMEDOUT,
 * -EPIPE or another -errno.
 */
int mf_wire_send(int fd, const struct mf_wire *packet, const char *text, int pass,
		 uint64_t deadline);

#define MF_WIRE_NOW 1 /* a deadline long past */

/*
 * Receives one packet, waiting until the deadline (0: none). 1 and the packet; 0 when the other
 * side has closed; -EAGAIN when there was none in time; -EBADMSG for what is no packet. RET_TEXT
 * gets MF_WIRE_TEXT + 1 bytes at most, with a NUL; RET_FD the descriptor, close-on-exec, or -1.
 */
int mf_wire_receive(int fd, struct mf_wire *ret_packet, char ret_text[MF_WIRE_TEXT + 1],
		    int *ret_fd, uint64_t deadline);

#endif
