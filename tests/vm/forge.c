/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An attack by an ordinary user: forged uevents. Sends COUNT of them to every listener of the uevent
 * netlink family: to the kernel's group, to udev's, and to each port in /proc/net/netlink; alternately
 * in the format of the kernel and of udev. Linked statically, since it runs in guests. Prints how many
 * of them the kernel delivered.
 *
 *	forge COUNT MODALIAS DEVPATH
 */
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS = 64, SIZE = 8192 };

/* The ports of NETLINK_KOBJECT_UEVENT, and 0 with either group. */
static size_t targets(struct sockaddr_nl addr[PORTS])
{
	FILE *f = fopen("/proc/net/netlink", "r");
	size_t n = 0;
	char line[256];

	for (unsigned int group = 1; group <= 2; group++)
		addr[n++] = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_groups = group };
	while (f && n < PORTS && fgets(line, sizeof(line), f)) {
		unsigned int family, port;

		if (sscanf(line, "%*s %u %u", &family, &port) == 2 &&
		    family == NETLINK_KOBJECT_UEVENT && port)
			addr[n++] = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = port };
	}
	if (f)
		fclose(f);
	return n;
}

/* The header of libudev before the properties; it checks the magic and the offsets. */
struct udev_header {
	char prefix[8];
	uint32_t magic, header_size, properties_off, properties_len;
	uint32_t subsystem_hash, devtype_hash, tag_hi, tag_lo;
};

static size_t message(char *buf, int form, const char *modalias, const char *devpath, int seqnum)
{
	struct udev_header header = { .prefix = "libudev",
				      .magic = __builtin_bswap32(0xfeedcafe),
				      .header_size = sizeof(header),
				      .properties_off = sizeof(header) };
	char *p = buf;

	if (form)
		p += sizeof(header);
	else
		p += sprintf(p, "add@%s", devpath) + 1;
	p += sprintf(p, "ACTION=add") + 1;
	p += sprintf(p, "DEVPATH=%s", devpath) + 1;
	p += sprintf(p, "SUBSYSTEM=pci") + 1;
	p += sprintf(p, "MODALIAS=%s", modalias) + 1;
	p += sprintf(p, "SEQNUM=%d", seqnum) + 1;
	if (form) {
		header.properties_len = (uint32_t)((size_t)(p - buf) - sizeof(header));
		memcpy(buf, &header, sizeof(header));
	}
	return (size_t)(p - buf);
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl addr[PORTS];
	size_t n = targets(addr), sent = 0;
	char buf[SIZE];

	if (argc != 4 || fd < 0 || strlen(argv[2]) + strlen(argv[3]) * 2 > SIZE - 256) {
		fprintf(stderr, "forge: COUNT MODALIAS DEVPATH\n");
		return 2;
	}
	for (int i = 0; i < atoi(argv[1]); i++) {
		size_t len = message(buf, i % 2, argv[2], argv[3], 100000 + i);
		const struct sockaddr_nl *to = &addr[(size_t)i / 2 % n];

		sent += sendto(fd, buf, len, 0, (const struct sockaddr *)to, sizeof(*to)) >= 0;
	}
	printf("%zu\n", sent);
	return 0;
}
