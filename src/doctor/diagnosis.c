/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the checks found: a list of diagnoses.
 *
 * Their texts name files, servers and reasons of failures, so each one passes through the function that
 * removes passwords of URLs. A check cannot fail: without memory a diagnosis is lost, and the whole run
 * fails at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "examination.h"

const char *mf_health_name(enum mf_health health)
{
	static const char *const names[] = {
		[MF_HEALTH_OK] = "ok",
		[MF_HEALTH_WARNING] = "warning",
		[MF_HEALTH_FAILED] = "failed",
	};

	return names[health];
}

void mf_diagnoses_done(struct mf_diagnoses *diagnoses)
{
	for (size_t i = 0; i < diagnoses->n; i++) {
		free(diagnoses->v[i].text);
		free(diagnoses->v[i].remedy);
	}
	free(diagnoses->v);
	*diagnoses = (struct mf_diagnoses){ 0 };
}

void doctor_diagnose(struct examination *x, enum mf_health health, const char *remedy,
		     const char *fmt, ...)
{
	struct mf_diagnosis *v = reallocarray(x->found.v, x->found.n + 1, sizeof(*v));
	struct mf_diagnosis d = { .check = x->check, .health = health };
	va_list ap;

	if (v)
		x->found.v = v;
	va_start(ap, fmt);
	d.text = mf_vformat(fmt, ap);
	va_end(ap);
	d.remedy = remedy ? mf_secret_hide_copy(remedy) : NULL;
	if (!v || !d.text || (remedy && !d.remedy)) {
		x->r = -ENOMEM;
		free(d.text);
		free(d.remedy);
		return;
	}
	mf_secret_hide(d.text);
	v[x->found.n++] = d;
	x->found.n_warnings += health == MF_HEALTH_WARNING;
	x->found.n_failed += health == MF_HEALTH_FAILED;
}

bool doctor_exists(const struct examination *x, const char *path)
{
	return mf_context_exists(x->ctx, path);
}
