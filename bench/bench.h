/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BENCH_H
#define FP_BENCH_H

/* What the benchmark programs share.  They print figures, one a line:
 *
 *	NAME ROUND VALUE
 *
 * and judge nothing: report.awk takes medians and ratios of figures that were
 * measured in the same round, and holds them against datapath.goals. */

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

__attribute__((format(printf, 1, 2), noreturn)) static inline void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(2);
}

/* A library call that must succeed; e says why it did not. */
#define MUST(CALL, E)                                                          \
	do {                                                                   \
		if ((CALL) < 0)                                                \
			die("%s", (E)->text);                                  \
	} while (0)

static inline void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

static inline double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64: the same numbers in every run. */
static inline uint64_t bench_rand(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 8;
}

static inline void figure(const char *name, int round, double value)
{
	printf("%s %d %.6g\n", name, round, value);
	fflush(stdout);
}

static inline int option_rounds(void)
{
	const char *s = getenv("ROUNDS");

	return s ? atoi(s) : 7;
}

/* ---- frames ---- */

#define FRAME_MAX 2048
#define FRAME_UDP_PORT 5060
#define FRAME_TO 0x0a580002 /* 10.88.0.2, which is at 02:00:00:00:00:02 */

struct frame {
	uint8_t data[FRAME_MAX];
	uint32_t len;
};

static inline uint16_t ip_checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void frame_udp(struct frame *f, size_t at, const void *payload,
			     size_t n)
{
	put16(f->data + at, FRAME_UDP_PORT);
	put16(f->data + at + 2, FRAME_UDP_PORT);
	put16(f->data + at + 4, (unsigned int)(8 + n));
	put16(f->data + at + 6, 0);
	memcpy(f->data + at + 8, payload, n);
	f->len = (uint32_t)(at + 8 + n);
}

/* Ethernet, IPv4, UDP to port 5060.  src: host order. */
static inline void frame_ipv4(struct frame *f, uint32_t src,
			      const void *payload, size_t n)
{
	uint8_t *ip = f->data + 14;

	memset(f, 0, sizeof(*f));
	f->data[0] = f->data[5] = f->data[6] = 2;
	put16(f->data + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)(28 + n));
	ip[8] = 64;
	ip[9] = 17;
	put16(ip + 12, src >> 16);
	put16(ip + 14, src);
	put16(ip + 16, FRAME_TO >> 16);
	put16(ip + 18, FRAME_TO & 0xffff);
	put16(ip + 10, ip_checksum(ip, 20));
	frame_udp(f, 34, payload, n);
}

/* The same over IPv6; src: the first 64 bits of the source. */
static inline void frame_ipv6(struct frame *f, uint64_t src,
			      const void *payload, size_t n)
{
	uint8_t *ip = f->data + 14;

	memset(f, 0, sizeof(*f));
	f->data[0] = f->data[5] = f->data[6] = 2;
	put16(f->data + 12, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, (unsigned int)(8 + n));
	ip[6] = 17;
	ip[7] = 64;
	for (int i = 0; i < 8; i++)
		ip[8 + i] = (uint8_t)(src >> (56 - 8 * i));
	ip[15 + 8] = 1;
	ip[24] = 0x20;
	ip[25] = 0x01;
	ip[39] = 1;
	frame_udp(f, 54, payload, n);
}

/* ---- BPF_PROG_TEST_RUN ---- */

/* Nanoseconds a packet: this thread's own CPU time, so that others on the same
 * core do not count.  *verdict: the last one (may be NULL). */
static inline double test_run(int prog_fd, const struct frame *f,
			      uint32_t repeat, uint32_t *verdict)
{
	static uint8_t out[FRAME_MAX + 512];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->data,
		    .data_size_in = f->len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = (int)repeat);
	double t = seconds(CLOCK_THREAD_CPUTIME_ID);

	if (bpf_prog_test_run_opts(prog_fd, &o))
		die("BPF_PROG_TEST_RUN: %s", strerror(errno));
	t = seconds(CLOCK_THREAD_CPUTIME_ID) - t;
	if (verdict)
		*verdict = o.retval;
	return t / repeat * 1e9;
}

#endif
