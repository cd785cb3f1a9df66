/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_DOCTOR_EXAMINATION_H
#define SRC_DOCTOR_EXAMINATION_H
/*
 * Shared by the checks: what they look at, and how they say what they found.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/doctor.h"
#include "modfetch/repo.h"
#include "modfetch/setup.h"

struct examination {
	struct mf_context *ctx;
	bool offline;
	const char *check; /* the name of the one that runs */
	struct mf_repos repos;
	struct mf_key_list keys;
	struct mf_diagnoses found;
	int r; /* -ENOMEM: a diagnosis was lost */
};

/* Adds a diagnosis. REMEDY: a copy is made; NULL: none is needed. */
void doctor_diagnose(struct examination *x, enum mf_health health, const char *remedy,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Is there a file or directory of this path below the root? A dead link is none. */
bool doctor_exists(const struct examination *x, const char *path);

/* The checks; each adds one diagnosis or more. */
void doctor_check_clock(struct examination *x);	       /* clock.c */
void doctor_check_repositories(struct examination *x); /* repositories.c */
void doctor_check_kernels(struct examination *x);
void doctor_check_keys(struct examination *x); /* keys.c */
void doctor_check_sqv(struct examination *x);
void doctor_check_signed_modules(struct examination *x); /* signed-modules.c */
void doctor_check_build_key(struct examination *x);
void doctor_check_prefetched(struct examination *x); /* prefetch.c */
void doctor_check_user(struct examination *x);	     /* system.c */
void doctor_check_udev(struct examination *x);
void doctor_check_hooks(struct examination *x);
void doctor_check_space(struct examination *x);
void doctor_check_left_over(struct examination *x);
void doctor_check_modprobe(struct examination *x);
void doctor_check_media(struct examination *x);	   /* media.c */
void doctor_check_services(struct examination *x); /* services.c */

#endif
