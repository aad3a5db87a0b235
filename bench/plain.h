/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BENCH_PLAIN_H
#define FP_BENCH_PLAIN_H

/* The plain hash + LPM filter of peers.bpf.c, holding a set. */

#include "bench/rig.h"

#define PLAIN_BATCH 65536u

struct plain {
	struct bpf_object *obj;
	struct peer_keys *keys;
	int hosts, prefixes, filter; /* filter: what the random sources meet */
};

static inline int plain_map(struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

static inline void plain_size(struct bpf_object *obj, const char *name,
			      size_t n)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (!map || bpf_map__set_max_entries(map, n ? (uint32_t)n : 1))
		die("no map %s", name);
}

static inline void plain_batch(int fd, const void *key, size_t key_size,
			       const uint32_t *value, size_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, o);

	while (n) {
		uint32_t some = n < PLAIN_BATCH ? (uint32_t)n : PLAIN_BATCH;

		if (bpf_map_update_batch(fd, key, value, &some, &o))
			die("filling a peer's map: %s", strerror(errno));
		key = (const char *)key + some * key_size;
		value += some;
		n -= some;
	}
}

/* Single addresses (IPv4) or /64s (IPv6) go to the hash. */
static inline bool plain_is_host(const struct set *s, size_t i)
{
	return s->v[i].len == s->bits;
}

static inline uint64_t plain_swap(uint64_t v)
{
	return (uint64_t)htonl((uint32_t)v) << 32 | htonl((uint32_t)(v >> 32));
}

static inline void plain_fill_hosts(struct plain *p, const struct set *s)
{
	uint32_t *value = must_alloc(s->n, sizeof(*value));
	uint64_t *key6 = must_alloc(s->n, sizeof(*key6));
	uint32_t *key4 = (uint32_t *)key6;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!plain_is_host(s, i))
			continue;
		if (s->bits == 64)
			key6[n++] = plain_swap(s->v[i].at);
		else
			key4[n++] = htonl((uint32_t)s->v[i].at);
	}
	plain_batch(p->hosts, key6, s->bits / 8, value, n);
	free(key6);
	free(value);
}

static inline void plain_fill_prefixes(struct plain *p, const struct set *s)
{
	uint32_t value = 1;

	for (size_t i = 0; i < s->n; i++) {
		const struct set_entry *x = &s->v[i];
		struct peer_lpm4 four = { x->len, htonl((uint32_t)x->at) };
		struct peer_lpm6 six = { x->len,
					 { htonl((uint32_t)(x->at >> 32)),
					   htonl((uint32_t)x->at), 0, 0 } };
		const void *key = &four;

		if (plain_is_host(s, i))
			continue;
		if (s->bits == 64)
			key = &six;
		if (bpf_map_update_elem(p->prefixes, key, &value, BPF_ANY))
			die("filling a peer's map: %s", strerror(errno));
	}
}

static inline void plain_fill(struct plain *p, const struct set *s)
{
	plain_fill_hosts(p, s);
	plain_fill_prefixes(p, s);
}

/* Room for n times the set, and the set in it. */
static inline void plain_open(struct plain *p, const struct set *s, size_t n)
{
	size_t hosts = 0;

	for (size_t i = 0; i < s->n; i++)
		hosts += plain_is_host(s, i);
	p->obj = rig_object("peers");
	plain_size(p->obj, s->bits == 64 ? "nets6" : "hosts",
		   n * hosts + s->n / 100);
	plain_size(p->obj, s->bits == 64 ? "prefixes6" : "prefixes",
		   n * (s->n - hosts) + s->n / 100);
	rig_object_load(p->obj);
	p->hosts = plain_map(p->obj, s->bits == 64 ? "nets6" : "hosts");
	p->prefixes =
		plain_map(p->obj, s->bits == 64 ? "prefixes6" : "prefixes");
	p->filter = plain_map(p->obj, "filter");
	p->keys = rig_keys(p->obj);
	plain_fill(p, s);
}

static inline void plain_close(struct plain *p)
{
	munmap(p->keys, sizeof(*p->keys));
	bpf_object__close(p->obj);
}

/* Which filter the random sources meet from now on. */
static inline void plain_aim(const struct plain *p, int filter_fd)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(p->filter, &zero, &filter_fd, BPF_ANY))
		die("the filter's place: %s", strerror(errno));
}

static inline uint64_t plain_memory(const struct plain *p)
{
	return map_memory(p->hosts) + map_memory(p->prefixes);
}

#endif
