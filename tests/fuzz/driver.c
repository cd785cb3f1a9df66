/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without libFuzzer: driver SECONDS FILE… gives it every file, then mutants of
 * them made by a fixed sequence of random numbers, until the time is over. With clang, the targets
 * are linked with -fsanitize=fuzzer instead and this file is not used. Like libFuzzer, it passes
 * memory of exactly the input's size, so that sanitizers detect reads beyond it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEEDS = 256, SIZE = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static size_t mutate(uint8_t *buf, size_t len, uint64_t *state)
{
	static const uint8_t odd[] = { 0,   1,	 '\n', ' ', '*',  '-',	'.',
				       '/', '=', '[',  ']', 0x7f, 0x80, 0xff };
	size_t edits = 1 + next(state) % 8;

	while (edits--) {
		uint64_t r = next(state);
		size_t at = len ? r / 8 % len : 0, n = 1 + next(state) % 64;

		switch (r % 6) {
		case 0: /* flip a bit */
			if (len)
				buf[at] ^= (uint8_t)(1u << (n % 8));
			break;
		case 1: /* insert an unusual byte */
			if (len)
				buf[at] = odd[n % sizeof(odd)];
			break;
		case 2: /* remove a piece */
			n = n > len - at ? len - at : n;
			memmove(buf + at, buf + at + n, len - at - n);
			len -= n;
			break;
		case 3: /* double a piece */
			n = n > len - at ? len - at : n;
			if (len + n <= SIZE) {
				memmove(buf + at + n, buf + at, len - at);
				len += n;
			}
			break;
		case 4: /* double it all */
			if (2 * len <= SIZE) {
				memcpy(buf + len, buf, len);
				len *= 2;
			}
			break;
		case 5: /* truncate it */
			len = at;
			break;
		}
	}
	return len;
}

static void run(const uint8_t *data, size_t size)
{
	/* also for an empty input: no byte of malloc(0) may be read */
	uint8_t *exact = malloc(size);

	if (!exact) {
		fprintf(stderr, "driver: out of memory\n");
		exit(1);
	}
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t seed[SEEDS][SIZE], work[SIZE];
	static size_t size[SEEDS];
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);
	uint64_t state = 0x9e3779b97f4a7c15, runs = 0;
	size_t n = 0;

	for (int i = 2; i < argc && n < SEEDS; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		size[n] = fread(seed[n], 1, SIZE, f);
		fclose(f);
		run(seed[n], size[n]);
		n++;
	}
	if (!n) {
		fprintf(stderr, "driver: no seed\n");
		return 1;
	}
	while (time(NULL) < end) {
		size_t which = next(&state) % n, len = size[which];

		memcpy(work, seed[which], len);
		len = mutate(work, len, &state);
		run(work, len);
		runs++;
	}
	printf("%zu seeds, %llu mutants\n", n, (unsigned long long)runs);
	return 0;
}
