/* SPDX-License-Identifier: Apache-2.0 */
/* A capture from anybody: libpcap, the link layers, headers, first lines, what a
 * cut leaves open, and the table of sources. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/rehearse_priv.h"

#define PACKETS_MAX 20000 /* of one input: time, not memory */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void claim(int is_so)
{
	if (!is_so)
		abort();
}

static void look(const struct fp_packet *p, struct fp_sources *s)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	unsigned char *copy = malloc(p->len);
	struct fp_rehearse_look k;

	claim(copy != NULL);
	memcpy(copy, p->frame, p->len);
	fp_rehearse_look(&k, copy, p->len);
	claim(k.keep >= 14 && k.keep <= p->len && k.line_len <= p->len);
	if (k.is_ip && k.frame.payload)
		claim(k.frame.payload >= copy &&
		      k.frame.payload + k.frame.payload_len <= copy + p->len);
	for (int reason = 0; reason < FP_R_N; reason++) {
		const struct fp_rehearsal_verdict v = {
			.reason = (enum fp_reason)reason, .observed = FP_R_N
		};
		const struct fp_sources_packet one = {
			.src = k.frame.src,
			.reason = v.reason,
			.is_dropped = reason & 1,
			.is_dialog = k.is_dialog,
			.unix_s = p->unix_s,
		};

		fp_rehearse_is_open(&k, &v, p->len, p->wire_len + 1, true);
		if (k.is_ip)
			fp_sources_add(s, &one);
	}
	free(copy);
}

static void check_sources(struct fp_sources *s, uint64_t n_ip)
{
	uint64_t sum = fp_sources_others(s)->packets;
	const struct fp_sources_row *const *row;
	size_t n;

	row = fp_sources_sorted(s, &n);
	claim(n <= 2 * FP_SOURCES_MAX && fp_sources_count(s) <= n);
	for (size_t i = 0; i < n; i++) {
		sum += row[i]->packets;
		claim(row[i]->first_s <= row[i]->last_s);
		claim(!i || row[i]->has_dialog || row[i - 1]->has_dialog ||
		      row[i - 1]->dropped >= row[i]->dropped);
	}
	claim(sum == n_ip * FP_R_N);
}

static void read_all(struct fp_capture *c, struct fp_sources *s)
{
	uint64_t done, total, n_ip = 0;
	struct fp_frame f;
	struct fp_packet p;
	struct fp_err e;

	for (int i = 0; i < PACKETS_MAX && fp_capture_next(c, &p, &e) == 1;
	     i++) {
		claim(p.wire_len >= p.len);
		if (p.len < 14)
			continue;
		look(&p, s);
		n_ip += !fp_frame_parse(&f, p.frame, p.len);
	}
	fp_capture_place(c, &done, &total);
	check_sources(s, n_ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	FILE *f = n ? fmemopen((void *)(uintptr_t)data, n, "rb") : NULL;
	struct fp_sources *s = fp_sources_new(1);
	struct fp_capture *c;
	struct fp_err e;

	claim(s != NULL);
	if (f && !fp_capture_open_stream(&c, f, "fuzz", &e)) {
		read_all(c, s);
		fp_capture_close(c);
	}
	fp_sources_free(s);
	return 0;
}
