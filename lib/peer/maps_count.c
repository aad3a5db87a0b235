/* SPDX-License-Identifier: Apache-2.0 */
/* What the filter counted, and whom its checks saw. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "peer/maps_priv.h"

static int fp_counter_read(int fd, uint32_t key, struct fp_counter *per_cpu,
			   int cpus, struct fp_counter *out)
{
	*out = (struct fp_counter){ 0 };
	if (bpf_map_lookup_elem(fd, &key, per_cpu))
		return -errno;
	for (int i = 0; i < cpus; i++) {
		out->packets += per_cpu[i].packets;
		out->bytes += per_cpu[i].bytes;
	}
	return 0;
}

/* Those who add up what was dropped must know.  v: zero. */
static int fp_counters_note(int fd, unsigned int nic, struct fp_counter *v)
{
	uint32_t key = nic * FP_REASON_ROW + FP_C_ZEROED;

	v->packets = (uint64_t)fp_clock_us() * 1000;
	return bpf_map_update_elem(fd, &key, v, BPF_ANY) ? -errno : 0;
}

/* All reasons of a NIC; out NULL: set them to zero.  FP_C_SEEN_NEW stays, as what
 * it counts does. */
static int fp_counters_walk(int fd, unsigned int nic, struct fp_counter *out,
			    struct fp_err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct fp_counter *v;

	if (cpus < 1)
		return fp_err_sys(e, cpus, "counting CPUs");
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < FP_R_N && !r; i++) {
		uint32_t key = nic * FP_REASON_ROW + i;

		if (out)
			r = fp_counter_read(fd, key, v, cpus, &out[i]);
		else if (bpf_map_update_elem(fd, &key, v, BPF_ANY))
			r = -errno;
	}
	if (!r && !out)
		r = fp_counters_note(fd, nic, v);
	free(v);
	return r ? fp_err_sys(e, r, "reading the counters") : 0;
}

int fp_counters_read(int fd, unsigned int nic, struct fp_counter *out,
		     struct fp_err *e)
{
	return fp_counters_walk(fd, nic, out, e);
}

static int fp_maps_counters_walk(struct fp_maps *m, unsigned int nic,
				 struct fp_counter *out, struct fp_err *e)
{
	int fd = fp_pin_get(m->dir, "counters", e), r;

	if (fd < 0)
		return fd;
	r = fp_counters_walk(fd, nic, out, e);
	close(fd);
	return r;
}

int fp_maps_counters(struct fp_maps *m, unsigned int nic,
		     struct fp_counter *out, struct fp_err *e)
{
	return fp_maps_counters_walk(m, nic, out, e);
}

int fp_maps_counters_reset(struct fp_maps *m, unsigned int nic,
			   struct fp_err *e)
{
	return fp_maps_counters_walk(m, nic, NULL, e);
}

/* Which of one CPU's came on the day of now_s or the one before. */
static uint64_t fp_seen_lately(const struct fp_seen_news *c, uint64_t now_s)
{
	uint64_t day = now_s / FP_SEEN_DAY_S;

	if (c->day == day)
		return (uint64_t)c->today + c->before;
	return c->day + 1 == day ? c->today : 0;
}

/* The rows of all NICs, also of those that are gone: what they saw is there. */
static int fp_seen_new_walk(int fd, uint64_t now_s, struct fp_seen_new *out,
			    struct fp_err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct fp_seen_news *v;

	if (cpus < 1)
		return fp_err_sys(e, cpus, "counting CPUs");
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	*out = (struct fp_seen_new){ 0 };
	for (uint32_t i = 0; i < FP_NICS && !r; i++) {
		uint32_t key = i * FP_REASON_ROW + FP_C_SEEN_NEW;

		if (bpf_map_lookup_elem(fd, &key, v))
			r = fp_err_sys(e, -errno, "reading the counters");
		for (int cpu = 0; cpu < cpus && !r; cpu++) {
			out->ever += v[cpu].ever;
			out->lately += fp_seen_lately(&v[cpu], now_s);
		}
	}
	free(v);
	return r;
}

int fp_maps_seen_new(struct fp_maps *m, uint64_t now_s, struct fp_seen_new *out,
		     struct fp_err *e)
{
	int fd = fp_pin_get(m->dir, "counters", e), r;

	if (fd < 0)
		return fd;
	r = fp_seen_new_walk(fd, now_s, out, e);
	close(fd);
	return r;
}

#define FP_SEEN_BATCH 1024 /* more than stand in any one bucket */

struct fp_seen_batch {
	struct fp_seen_key key[FP_SEEN_BATCH];
	struct fp_seen seen[FP_SEEN_BATCH];
};

/* By buckets and not from key to key: a key that was forgotten meanwhile would
 * begin the walk anew (BPF_MAP_GET_NEXT_KEY, htab_map_get_next_key). */
static int fp_seen_walk(int fd, struct fp_seen_batch *b,
			int (*each)(void *ctx, const struct fp_seen_key *key,
				    const struct fp_seen *seen),
			void *ctx, struct fp_err *e)
{
	uint64_t at, *from = NULL; /* the kernel wants 4 bytes, or a key */
	bool is_end = false;
	int r = 0;

	while (!r && !is_end) {
		uint32_t n = FP_SEEN_BATCH;

		if (bpf_map_lookup_batch(fd, from, &at, b->key, b->seen, &n,
					 NULL)) {
			if (errno != ENOENT)
				return fp_err_sys(e, -errno,
						  "reading whom it saw");
			is_end = true;
		}
		from = &at;
		for (uint32_t i = 0; i < n && !r; i++)
			r = each(ctx, &b->key[i], &b->seen[i]);
	}
	return r;
}

int fp_maps_seen(struct fp_maps *m,
		 int (*each)(void *ctx, const struct fp_seen_key *key,
			     const struct fp_seen *seen),
		 void *ctx, struct fp_err *e)
{
	struct fp_seen_batch *b = malloc(sizeof(*b));
	int fd, r;

	if (!b)
		return fp_err(e, -ENOMEM, "out of memory");
	fd = fp_pin_get(m->dir, "seen", e);
	r = fd;
	if (fd >= 0) {
		r = fp_seen_walk(fd, b, each, ctx, e);
		close(fd);
	}
	free(b);
	return r;
}
