/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replaces the clock of a program that is started with this library preloaded: TEST_CLOCK is the
 * time at the start, in seconds since 1970. Read at once, since a program may empty its
 * environment.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t offset;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static __attribute__((constructor)) void begin(void)
{
	const char *clock = getenv("TEST_CLOCK");
	struct timespec now;

	real_clock_gettime =
		(int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	if (clock && !real_clock_gettime(CLOCK_REALTIME, &now))
		offset = (time_t)atoll(clock) - now.tv_sec;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = real_clock_gettime(id, ts);

	if (!r && id == CLOCK_REALTIME)
		ts->tv_sec += offset;
	return r;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
