/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BENCH_RIG_H
#define FP_BENCH_RIG_H

/* A filter of one's own: maps in a directory of $BENCH_BPFFS, lists in one of
 * $BENCH_STATE, every check enforced. */

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bench/sets.h"
#include "io/clock.h"
#include "node/node.h"
#include "peer/xdp.h"

struct rig {
	char pins[PATH_MAX], dir[PATH_MAX], state[PATH_MAX];
	struct fp_xdp *xdp;
	struct fp_node node;
	struct bpf_object *look; /* lookup.bpf.c on these maps */
	struct peer_keys *keys;
	int filter_fd;
};

/* ---- BPF objects of the benchmark ---- */

static inline const char *rig_env(const char *name)
{
	const char *s = getenv(name);

	if (!s)
		die("%s is not set: run it by run-datapath.sh", name);
	return s;
}

static inline struct bpf_object *rig_object(const char *name)
{
	struct bpf_object *obj;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bench/%s.bpf.o", rig_env("FP_BUILD"),
		 name);
	obj = bpf_object__open_file(path, NULL);
	if (!obj)
		die("%s: %s", path, strerror(errno));
	return obj;
}

static inline void rig_object_load(struct bpf_object *obj)
{
	if (bpf_object__load(obj))
		die("loading %s: %s", bpf_object__name(obj), strerror(errno));
}

static inline int rig_prog(struct bpf_object *obj, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	if (!p)
		die("no program %s", name);
	return bpf_program__fd(p);
}

/* Its .bss, which is one struct peer_keys. */
static inline struct peer_keys *rig_keys(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss");
	void *p = MAP_FAILED;

	if (map)
		p = mmap(NULL, sizeof(struct peer_keys), PROT_READ | PROT_WRITE,
			 MAP_SHARED, bpf_map__fd(map), 0);
	if (p == MAP_FAILED)
		die("mapping the keys: %s", strerror(errno));
	return p;
}

/* Bytes of kernel memory. */
static inline uint64_t map_memory(int fd)
{
	unsigned long long v = 0;
	char path[64], text[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(text, sizeof(text), f))
		if (sscanf(text, "memlock: %llu", &v) == 1)
			break;
	if (f)
		fclose(f);
	return v;
}

/* ---- the filter ---- */

static inline void rig_ports(struct fp_maps *m)
{
	struct fp_err e;
	struct fp_ports *p = fp_maps_ports(m, &e);

	if (!p)
		die("%s", e.text);
	for (unsigned int port = 5060; port <= 5061; port++) {
		p->sip_udp[port / 32] |= 1u << port % 32;
		p->sip_tcp[port / 32] |= 1u << port % 32;
	}
}

static inline void rig_enforce(struct fp_maps *m)
{
	struct fp_conf *c = fp_maps_conf(m);

	c->lists = c->stealth = c->malformed = FP_ENFORCE;
	c->sample_ticks = 1;
	c->max_hashed = 16000000;
}

/* The look-up programs on the rig's own maps, whose pins fp_xdp_load names. */
static inline void rig_open_look_ups(struct rig *r)
{
	struct bpf_program *p;
	struct bpf_map *map;
	char path[PATH_MAX + 64];

	r->look = rig_object("lookup");
	bpf_object__for_each_map(map, r->look)
	{
		const char *name = bpf_map__name(map);

		if (!strncmp(name, ".data.", 6))
			name += 6;
		snprintf(path, sizeof(path), "%s/%s", r->dir, name);
		if (!strchr(name, '.') && strcmp(name, "xsk"))
			bpf_map__set_pin_path(map, path);
	}
	bpf_object__for_each_program(p, r->look)
		bpf_program__set_autoload(p, !strncmp(bpf_program__name(p),
						      "look_up", 7));
	rig_object_load(r->look);
	r->keys = rig_keys(r->look);
}

/* Attached to the loopback of a namespace of its own, where nothing is sent. */
static inline int rig_attach(struct rig *r)
{
	struct fp_xdp_link link;
	bool is_generic;
	struct fp_err e;
	char path[PATH_MAX];
	int fd;

	MUST(fp_xdp_attach(r->xdp, r->dir, "lo", (int)if_nametoindex("lo"),
			   FP_WANT_GENERIC, &is_generic, &e),
	     &e);
	fp_maps_nic_path(r->dir, "links", "lo", path, sizeof(path));
	MUST(fp_xdp_link_info(path, &link, &e), &e);
	fd = bpf_prog_get_fd_by_id(link.prog_id);
	if (fd < 0)
		die("the filter's program: %s", strerror(errno));
	return fd;
}

/* name: of its directories. */
static inline void rig_open(struct rig *r, const char *name)
{
	struct fp_node_opts o = { .state_dir = r->state,
				  .pins = r->pins,
				  .access = FP_NODE_WRITE };
	struct fp_err e;

	memset(r, 0, sizeof(*r));
	snprintf(r->pins, sizeof(r->pins), "%s/%s", rig_env("BENCH_BPFFS"),
		 name);
	snprintf(r->state, sizeof(r->state), "%s/%s", rig_env("BENCH_STATE"),
		 name);
	fp_maps_dir(r->pins, r->dir, sizeof(r->dir));
	if (mkdir(r->pins, 0700) || mkdir(r->dir, 0700))
		die("%s: %s", r->dir, strerror(errno));
	MUST(fp_xdp_load(&r->xdp, r->dir, 0, "lo", &e), &e);
	MUST(fp_maps_init_dir(r->dir, &e), &e);
	MUST(fp_node_open(&r->node, &o, &e), &e);
	rig_ports(r->node.maps);
	rig_enforce(r->node.maps);
	rig_open_look_ups(r);
	r->filter_fd = rig_attach(r);
}

/* Maps live as long as their pins: these go with the mount. */
static inline void rig_unpin(const char *dir)
{
	static const char *const pins[] = {
		"conf",   "ports",    "gate4",    "dir4", "gate6",
		"tabs",   "counters", "samples",  "seen", "chunk",
		"prefix", "xsk/lo",   "links/lo",
	};
	char path[PATH_MAX + 64];

	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, pins[i]);
		unlink(path);
	}
}

static inline void rig_close(struct rig *r)
{
	munmap(r->keys, sizeof(*r->keys));
	bpf_object__close(r->look);
	fp_node_close(&r->node);
	fp_xdp_close(r->xdp);
	close(r->filter_fd);
	rig_unpin(r->dir);
}

/* ---- its lists ---- */

struct rig_walk {
	const struct set *set;
	size_t i;
	int64_t until_s;
};

static inline int rig_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct rig_walk *w = ctx;

	(void)e;
	if (w->i >= w->set->n)
		return 0;
	*out = (struct fp_entry){ .p = set_prefix(w->set, w->i),
				  .until_s = w->until_s };
	w->i++;
	return 1;
}

/* Block the set.  until_s: unix time, 0 for ever. */
static inline void rig_block(struct rig *r, const char *name,
			     const struct set *s, int64_t until_s)
{
	struct fp_list_head h = { .kind = FP_KIND_BLOCK,
				  .owner = FP_OWNER_PUSHED,
				  .gen = 1 };
	struct rig_walk w = { s, 0, until_s };
	struct fp_err e;

	snprintf(h.name, sizeof(h.name), "%s", name);
	MUST(fp_node_write(&r->node, &h, rig_next, &w, 0, NULL, &e), &e);
}

#endif
