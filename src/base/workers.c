/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool of threads that share loops.
 *
 * The caller runs jobs too. At the end it waits only for threads that are running a job; a thread
 * that has not woken up by then is not needed. Jobs must only write to their own item, or do their
 * own locking; the caller should collect the results after the loop, in the order of the items, so
 * that they do not depend on the number of threads.
 */
#include "modfetch/process.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

#define THREADS_MAX 16u

struct mf_workers {
	pthread_mutex_t mutex; /* protects all members except NEXT */
	pthread_cond_t wake;   /* a loop has started, or the pool is being freed */
	pthread_cond_t idle;   /* no thread runs a job */
	void (*job)(void *arg, size_t i, unsigned int worker);
	void *arg;
	size_t n;
	atomic_size_t next;
	uint64_t loop;	  /* the number of the loop */
	bool is_joinable; /* threads may join the loop */
	bool stopping;
	unsigned int busy;	/* threads in the loop, without the caller */
	unsigned int n_threads; /* threads that were started, without the caller */
	unsigned int n_known;	/* threads that have entered their id in IDS */
	cpu_set_t allowed;	/* the processors of this process */
	pid_t *ids;
	pthread_t threads[];
};

unsigned int mf_threads(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	if (n < 1)
		return 1;
	return (unsigned int)n > THREADS_MAX ? THREADS_MAX : (unsigned int)n;
}

static void workers_work(struct mf_workers *workers, unsigned int worker)
{
	for (;;) {
		size_t i = atomic_fetch_add(&workers->next, 1);

		if (i >= workers->n)
			return;
		workers->job(workers->arg, i, worker);
	}
}

/*
 * The scheduler often puts a thread on the processor of the thread that woke or started it, where
 * it waits for milliseconds although another processor is idle: longer than most of these loops
 * take. So the threads are kept off the caller's processor until they run. False: there is no
 * other.
 */
static bool other_processors(const struct mf_workers *workers, cpu_set_t *ret_set)
{
	int cpu = sched_getcpu();

	*ret_set = workers->allowed;
	if (cpu >= 0)
		CPU_CLR((size_t)cpu, ret_set);
	return CPU_COUNT(ret_set) > 0;
}

static void *wait_and_work(void *arg)
{
	struct mf_workers *workers = arg;
	unsigned int worker;
	uint64_t seen = 0;

	pthread_mutex_lock(&workers->mutex);
	workers->ids[workers->n_known] = gettid();
	worker = ++workers->n_known;
	for (;;) {
		while (!workers->stopping && (!workers->is_joinable || workers->loop == seen))
			pthread_cond_wait(&workers->wake, &workers->mutex);
		if (workers->stopping)
			break;
		seen = workers->loop;
		workers->busy++;
		pthread_mutex_unlock(&workers->mutex);
		/* jobs may start programs, which inherit the affinity */
		(void)sched_setaffinity(0, sizeof(workers->allowed), &workers->allowed);
		workers_work(workers, worker);
		pthread_mutex_lock(&workers->mutex);
		if (!--workers->busy)
			pthread_cond_signal(&workers->idle);
	}
	pthread_mutex_unlock(&workers->mutex);
	return NULL;
}

static int workers_start(struct mf_workers *workers, pthread_t *thread)
{
	pthread_attr_t attributes;
	cpu_set_t set;
	int r;

	if (!other_processors(workers, &set) || pthread_attr_init(&attributes))
		return pthread_create(thread, NULL, wait_and_work, workers);
	r = pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	if (!r)
		r = pthread_create(thread, &attributes, wait_and_work, workers);
	pthread_attr_destroy(&attributes);
	return r ? pthread_create(thread, NULL, wait_and_work, workers) : 0;
}

int mf_workers_new(unsigned int threads, struct mf_workers **ret_workers)
{
	struct mf_workers *workers =
		calloc(1, sizeof(*workers) + threads * sizeof(*workers->threads));

	if (workers)
		workers->ids = calloc(threads + 1, sizeof(*workers->ids));
	if (!workers || !workers->ids) {
		free(workers);
		return -ENOMEM;
	}
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_cond_init(&workers->wake, NULL);
	pthread_cond_init(&workers->idle, NULL);
	if (sched_getaffinity(0, sizeof(workers->allowed), &workers->allowed) < 0)
		CPU_ZERO(&workers->allowed);
	while (workers->n_threads + 1 < threads &&
	       !workers_start(workers, &workers->threads[workers->n_threads]))
		workers->n_threads++;
	*ret_workers = workers;
	return 0;
}

void mf_workers_free(struct mf_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->mutex);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->mutex);
	for (unsigned int i = 0; i < workers->n_threads; i++)
		pthread_join(workers->threads[i], NULL);
	pthread_cond_destroy(&workers->idle);
	pthread_cond_destroy(&workers->wake);
	pthread_mutex_destroy(&workers->mutex);
	free(workers->ids);
	free(workers);
}

void mf_workers_run(struct mf_workers *workers, size_t n,
		    void (*job)(void *arg, size_t i, unsigned int worker), void *arg)
{
	cpu_set_t set;

	if (!workers || !workers->n_threads || n < 2) {
		for (size_t i = 0; i < n; i++)
			job(arg, i, 0);
		return;
	}
	pthread_mutex_lock(&workers->mutex);
	workers->job = job;
	workers->arg = arg;
	workers->n = n;
	atomic_store(&workers->next, 0);
	workers->loop++;
	workers->is_joinable = true;
	for (unsigned int i = 0; i < workers->n_known && other_processors(workers, &set); i++)
		(void)sched_setaffinity(workers->ids[i], sizeof(set), &set);
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->mutex);
	workers_work(workers, 0);
	pthread_mutex_lock(&workers->mutex);
	workers->is_joinable = false;
	while (workers->busy)
		pthread_cond_wait(&workers->idle, &workers->mutex);
	pthread_mutex_unlock(&workers->mutex);
}
