/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/xdp.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fp_maps.h"
#include "peer/bpfobj.h"
#include "peer/xdp_priv.h"

struct fp_xdp {
	struct bpf_object *obj;
	int prog_fd;
};

/* How to load it. */
struct fp_load {
	const char *dir;
	const char *prog;   /* the one of its programs that is wanted */
	const char *ifname; /* whose XSKMAP is pinned; NULL: of no NIC */
	unsigned int slot;
};

/* libbpf says why a load failed line by line. */
static _Thread_local char fp_bpf_said[256];

static int fp_bpf_print(enum libbpf_print_level level, const char *fmt,
			va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	if (!fp_bpf_said[0]) /* the first says what failed */
		snprintf(fp_bpf_said, sizeof(fp_bpf_said), "%s", line);
	return 0;
}

static bool fp_name_is(const struct bpf_map *map, const char *name)
{
	return !strcmp(bpf_map__name(map), name);
}

/* ---- loading ---- */

int fp_obj_open(struct bpf_object **out)
{
	LIBBPF_OPTS(bpf_object_open_opts, o, .object_name = "fastpath");

	libbpf_set_print(fp_bpf_print);
	fp_bpf_said[0] = 0;
	*out = bpf_object__open_mem(fp_bpf_object_start,
				    (size_t)(fp_bpf_object_end -
					     fp_bpf_object_start),
				    &o);
	return *out ? 0 : -errno;
}

int fp_obj_rodata(struct bpf_object *obj, const char *name, const void *value,
		  size_t n)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	int at = fp_rodata_offset(bpf_object__btf(obj), name, n);
	char data[FP_RODATA_MAX];
	const void *old;
	size_t size;

	if (!map || at < 0)
		return -EINVAL;
	old = bpf_map__initial_value(map, &size);
	if (!old || size > sizeof(data))
		return -EINVAL;
	memcpy(data, old, size);
	memcpy(data + at, value, n);
	return bpf_map__set_initial_value(map, data, size);
}

/* Each program costs the verifier its time: load the one that is wanted. */
int fp_obj_load(struct bpf_object *obj, const char *prog)
{
	struct bpf_program *p;
	int r = 0;

	bpf_object__for_each_program(p, obj) if (!r) r =
		bpf_program__set_autoload(p,
					  !strcmp(bpf_program__name(p), prog));
	return r ? r : bpf_object__load(obj);
}

int fp_obj_failed(int r, struct fp_err *e)
{
	const char *caps =
		r == -EPERM || r == -EACCES
			? " (it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON)"
			: "";

	return fp_err_sys(e, r, "loading the XDP program%s%s%s", caps,
			  fp_bpf_said[0] ? ": " : "", fp_bpf_said);
}

static int fp_set_pins(struct bpf_object *obj, const struct fp_load *l)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	bpf_object__for_each_map(map, obj)
	{
		const char *name = bpf_map__name(map);

		/* .data.conf is pinned as conf; .rodata is each program's own, and
		 * what only a rehearsal uses */
		if (!strncmp(name, ".data.", 6))
			name += 6;
		if (strchr(name, '.') || fp_name_is(map, "rehearsal"))
			continue;
		if (!fp_name_is(map, "xsk"))
			snprintf(path, sizeof(path), "%s/%s", l->dir, name);
		else if (l->ifname)
			fp_maps_nic_path(l->dir, "xsk", l->ifname, path,
					 sizeof(path));
		else
			continue;
		if (bpf_map__set_pin_path(map, path))
			return -errno;
	}
	return 0;
}

static int fp_load_object(struct fp_xdp *x, const struct fp_load *l)
{
	uint64_t build = fp_build_hash();
	int r = fp_obj_open(&x->obj);

	if (!r)
		r = fp_obj_rodata(x->obj, "fp_nic_slot", &l->slot,
				  sizeof(l->slot));
	if (!r)
		r = fp_obj_rodata(x->obj, "fp_build", &build, sizeof(build));
	if (!r)
		r = fp_set_pins(x->obj, l);
	return r ? r : fp_obj_load(x->obj, l->prog);
}

static int fp_load(struct fp_xdp **out, const struct fp_load *l,
		   struct fp_err *e)
{
	struct fp_xdp *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_load_object(x, l);
	if (r) {
		fp_obj_failed(r, e);
		fp_xdp_close(x);
		return r;
	}
	x->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(x->obj,
								      l->prog));
	*out = x;
	return 0;
}

int fp_xdp_load(struct fp_xdp **out, const char *dir, unsigned int slot,
		const char *ifname, struct fp_err *e)
{
	const struct fp_load l = {
		.dir = dir, .prog = "fp_filter", .ifname = ifname, .slot = slot
	};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/xsk", dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", path);
	return fp_load(out, &l, e);
}

int fp_xdp_load_ask(struct fp_xdp **out, const char *dir, struct fp_err *e)
{
	const struct fp_load l = { .dir = dir, .prog = "fp_ask" };

	return fp_load(out, &l, e);
}

void fp_xdp_close(struct fp_xdp *x)
{
	if (!x)
		return;
	bpf_object__close(x->obj);
	free(x);
}

/* ---- links ---- */

static int fp_link_create(int prog_fd, int ifindex, bool is_generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = is_generic ? XDP_FLAGS_SKB_MODE
					: XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(prog_fd, ifindex, BPF_XDP, &o);

	return fd >= 0 ? fd : -errno;
}

/* The link of a NIC that went away may go, one that filters must not. */
static int fp_link_unpin(const char *path, struct fp_err *e)
{
	struct fp_xdp_link old;
	int r = fp_xdp_link_info(path, &old, e);

	if (r)
		return r == -ENOENT ? 0 : r;
	if (old.ifindex)
		return fp_err(e, -EEXIST,
			      "%s is the link of another NIC (index %d)", path,
			      old.ifindex);
	return unlink(path) ? fp_err_sys(e, -errno, "%s", path) : 0;
}

int fp_xdp_attach(struct fp_xdp *x, const char *dir, const char *ifname,
		  int ifindex, enum fp_xdp_want want, bool *is_generic,
		  struct fp_err *e)
{
	bool generic = want == FP_WANT_GENERIC;
	char path[PATH_MAX];
	int fd, r = 0;

	fd = fp_link_create(x->prog_fd, ifindex, generic);
	if (fd < 0 && fd != -EBUSY && want == FP_WANT_AUTO) {
		generic = true;
		fd = fp_link_create(x->prog_fd, ifindex, generic);
	}
	if (fd < 0)
		return fp_err_sys(e, fd, "attaching in %s mode",
				  generic ? "generic" : "native");
	snprintf(path, sizeof(path), "%s/links", dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		r = fp_err_sys(e, -errno, "%s", path);
	fp_maps_nic_path(dir, "links", ifname, path, sizeof(path));
	if (!r)
		r = fp_link_unpin(path, e);
	if (!r && bpf_obj_pin(fd, path))
		r = fp_err_sys(e, -errno, "pinning %s", path);
	close(fd); /* not pinned: detached again */
	if (!r)
		*is_generic = generic;
	return r;
}

/* The kernel lets go of a link some time after its last reference went: say it
 * ourselves, so that the NIC is free when this returns. */
int fp_xdp_detach(const char *link_path, struct fp_err *e)
{
	int fd = bpf_obj_get(link_path), r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : fp_err_sys(e, -errno, "%s", link_path);
	if (bpf_link_detach(fd) || unlink(link_path))
		r = fp_err_sys(e, -errno, "detaching %s", link_path);
	close(fd);
	return r;
}

int fp_xdp_replace(struct fp_xdp *x, const char *link_path, struct fp_err *e)
{
	int fd = bpf_obj_get(link_path), r = 0;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", link_path);
	if (bpf_link_update(fd, x->prog_fd, NULL))
		r = fp_err_sys(e, -errno, "replacing the program under %s",
			       link_path);
	close(fd);
	return r;
}

int fp_xdp_pin_ask(struct fp_xdp *x, const char *dir, struct fp_err *e)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	snprintf(path, sizeof(path), "%s/ask", dir);
	snprintf(fresh, sizeof(fresh), "%s/ask_new", dir);
	unlink(fresh);
	if (bpf_obj_pin(x->prog_fd, fresh) || rename(fresh, path))
		return fp_err_sys(e, -errno, "pinning %s", path);
	return 0;
}

/* ---- running ---- */

int fp_xdp_run(const struct fp_xdp *x, const void *frame, uint32_t len,
	       uint32_t *verdict, struct fp_err *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame,
		    .data_size_in = len < FP_XDP_RUN_MAX ? len : FP_XDP_RUN_MAX,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(x->prog_fd, &o))
		return fp_err_sys(e, -errno, "running the program");
	*verdict = o.retval;
	return 0;
}
