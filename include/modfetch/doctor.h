/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DOCTOR_H
#define MODFETCH_DOCTOR_H
/*
 * Looks at everything that must be right before a driver can come by itself, and says what to do about
 * what is not. Changes nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

enum mf_health { MF_HEALTH_OK, MF_HEALTH_WARNING, MF_HEALTH_FAILED };

struct mf_diagnosis {
	const char *check; /* its stable name: "clock"; static */
	enum mf_health health;
	char *text; /* a clause; may hold texts of files and servers, and no password */
	char *remedy; /* what an admin can do, a command where there is one; NULL: nothing is needed */
};

struct mf_diagnoses {
	struct mf_diagnosis *v; /* in the order of the checks, each of which has one or more */
	size_t n;
	size_t n_warnings, n_failed;
};

/*
 * Runs all checks. OFFLINE: sends nothing; otherwise a small file of each enabled repository is fetched,
 * and thrown away. 0, or -ENOMEM, recorded. The caller passes the result to mf_diagnoses_done().
 */
int mf_doctor(struct mf_context *ctx, bool offline, struct mf_diagnoses *ret_diagnoses);
void mf_diagnoses_done(struct mf_diagnoses *diagnoses);
/* "ok", "warning" or "failed"; static. */
const char *mf_health_name(enum mf_health health);

#endif
