/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_SOLV_NICS_H
#define TESTS_SOLV_NICS_H
/* A driver of a network card, a driver that it requires, and one that this one recommends. */
#include "tests/primary.h"

static const struct primary nics[] = {
	{ .name = "e1000e-kmp",
	  .evr = "1-1",
	  .provides = "e1000e-kmp kmod(e1000e.ko)",
	  .requires = "ksym(amd64:printk)=1f2e ksym(amd64:ptp)=abcd",
	  .supplements = "modalias(kernel-amd64-6.1.0_56:pci:v00008086d*) modalias(usb:v1234p*) "
			 "something-else" },
	{ .name = "ptp-kmp",
	  .evr = "2:1-1",
	  .provides = "ptp-kmp ksym(amd64:ptp)=abcd kmod(ptp.ko)=7",
	  .requires = "ksym(amd64:printk)=1f2e",
	  .recommends = "extra-kmp" },
	{ .name = "extra-kmp", .evr = "1-1", .provides = "extra-kmp" },
};

#endif
