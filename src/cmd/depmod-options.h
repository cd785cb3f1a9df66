/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_DEPMOD_OPTIONS_H
#define CMD_DEPMOD_OPTIONS_H
/* The options of depmod(8), for the verb and for the program that stands in for depmod. */
#include <stdbool.h>
#include "modfetch/depmod.h"

struct depmod_arguments {
	struct mf_depmod_options options;
	struct mf_strings config;
	bool quick; /* -A */
};

/* Takes an option by its letter in depmod(8), with its argument. 0; 1: it is none of them; -EINVAL: of -P; or -ENOMEM. */
int depmod_take_option(struct depmod_arguments *args, int c, char *argument);
/* -e does nothing without -E or -F. False: it is so, and is to be reported. */
bool depmod_options_complete(struct depmod_arguments *args);
/* A release as depmod takes it: it begins with two numbers. */
bool depmod_is_release(const char *s);
/* Prints the version of the kmod below the context's root, as its own --version does. */
void depmod_print_version(const struct mf_context *ctx);
/*
 * Memory that is returned and requested again costs as much as writing it: a run this short keeps
 * it.
 */
void depmod_tune_malloc(void);
void depmod_arguments_done(struct depmod_arguments *args);

/* ---- stand-in.c ---- */

/* The whole program under the name of depmod. The exit status. */
int cmd_stand_in(int argc, char **argv);

#endif
