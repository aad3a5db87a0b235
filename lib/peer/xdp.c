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
#include <time.h>
#include <unistd.h>

#include "fp_maps.h"
#include "peer/bpfobj.h"

struct fp_xdp {
	struct bpf_object *obj;
	int prog_fd, ask_fd;
};

/* libbpf says why a load failed line by line; the last ones matter. */
static _Thread_local char fp_bpf_said[256];

static int fp_bpf_print(enum libbpf_print_level level, const char *fmt,
			va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	snprintf(fp_bpf_said, sizeof(fp_bpf_said), "%s", line);
	return 0;
}

static bool fp_name_is(const struct bpf_map *map, const char *name)
{
	return !strcmp(bpf_map__name(map), name);
}

/* fp_nic_slot's place in .rodata, from the object's own BTF. */
static int fp_set_slot(struct bpf_object *obj, unsigned int slot)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec;
	const struct btf_var_secinfo *var;
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const void *old;
	size_t size;
	char data[256];

	if (!map || id < 0)
		return -EINVAL;
	sec = btf__type_by_id(btf, (uint32_t)id);
	var = btf_var_secinfos(sec);
	old = bpf_map__initial_value(map, &size);
	if (!old || size > sizeof(data))
		return -EINVAL;
	memcpy(data, old, size);
	for (int i = 0; i < btf_vlen(sec); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);
		const char *name = btf__name_by_offset(btf, t->name_off);

		if (strcmp(name, "fp_nic_slot") ||
		    var->offset + sizeof(slot) > size)
			continue;
		memcpy(data + var->offset, &slot, sizeof(slot));
		return bpf_map__set_initial_value(map, data, size);
	}
	return -EINVAL;
}

static int fp_set_pins(struct bpf_object *obj, const char *dir,
		       const char *ifname)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);

		if (fp_name_is(map, ".rodata") || strchr(name, '.'))
			continue;
		if (fp_name_is(map, "xsk"))
			fp_maps_nic_path(dir, "xsk", ifname, path,
					 sizeof(path));
		else
			snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (bpf_map__set_pin_path(map, path))
			return -errno;
	}
	return 0;
}

static int fp_prog_fd(struct bpf_object *obj, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	return p ? bpf_program__fd(p) : -ENOENT;
}

int fp_xdp_load(struct fp_xdp **out, const char *dir, unsigned int slot,
		const char *ifname, struct fp_err *e)
{
	struct fp_xdp *x = calloc(1, sizeof(*x));
	char path[PATH_MAX];
	int r;

	if (!x)
		return fp_err(e, -ENOMEM, "out of memory");
	libbpf_set_print(fp_bpf_print);
	fp_bpf_said[0] = 0;
	snprintf(path, sizeof(path), "%s/xsk", dir);
	if (mkdir(path, 0700) && errno != EEXIST) {
		r = fp_err_sys(e, -errno, "%s", path);
		goto failed;
	}
	x->obj = bpf_object__open_mem(fp_bpf_object_start,
				      (size_t)(fp_bpf_object_end -
					       fp_bpf_object_start), NULL);
	if (!x->obj) {
		r = fp_err_sys(e, -errno, "reading the program's object");
		goto failed;
	}
	r = fp_set_slot(x->obj, slot);
	if (!r)
		r = fp_set_pins(x->obj, dir, ifname);
	if (!r)
		r = bpf_object__load(x->obj);
	if (r) {
		fp_err_sys(e, r, "loading the XDP program%s%s",
			   fp_bpf_said[0] ? ": " : "", fp_bpf_said);
		goto failed;
	}
	x->prog_fd = fp_prog_fd(x->obj, "fp_filter");
	x->ask_fd = fp_prog_fd(x->obj, "fp_ask");
	*out = x;
	return 0;
failed:
	fp_xdp_close(x);
	return r;
}

void fp_xdp_close(struct fp_xdp *x)
{
	if (!x)
		return;
	bpf_object__close(x->obj);
	free(x);
}

int fp_xdp_prog_fd(const struct fp_xdp *x)
{
	return x->prog_fd;
}

int fp_xdp_ask_fd(const struct fp_xdp *x)
{
	return x->ask_fd;
}

static int fp_link_create(int prog_fd, int ifindex, bool is_generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = is_generic ? XDP_FLAGS_SKB_MODE :
					  XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(prog_fd, ifindex, BPF_XDP, &o);

	return fd >= 0 ? fd : -errno;
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
	unlink(path); /* of a NIC that went away */
	if (!r && bpf_obj_pin(fd, path))
		r = fp_err_sys(e, -errno, "pinning %s", path);
	close(fd); /* not pinned: detached again */
	if (!r)
		*is_generic = generic;
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
	if (bpf_obj_pin(x->ask_fd, fresh) || rename(fresh, path))
		return fp_err_sys(e, -errno, "pinning %s", path);
	return 0;
}

static int fp_prog_info(int fd, struct bpf_prog_info *info, struct fp_err *e)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &len))
		return fp_err_sys(e, -errno, "reading a program's info");
	return 0;
}

static int64_t fp_boot_unix_s(void)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return wall.tv_sec - boot.tv_sec;
}

int fp_xdp_link_info(const char *link_path, struct fp_xdp_link *out,
		     struct fp_err *e)
{
	struct bpf_link_info link = { 0 };
	struct bpf_prog_info prog = { 0 };
	uint32_t len = sizeof(link);
	int fd = bpf_obj_get(link_path), prog_fd, r = 0;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", link_path);
	if (bpf_obj_get_info_by_fd(fd, &link, &len))
		r = fp_err_sys(e, -errno, "%s", link_path);
	close(fd);
	if (r)
		return r;
	/* needs CAP_SYS_ADMIN; without it the tag stays 0 */
	prog_fd = bpf_prog_get_fd_by_id(link.prog_id);
	if (prog_fd >= 0) {
		r = fp_prog_info(prog_fd, &prog, e);
		close(prog_fd);
	}
	*out = (struct fp_xdp_link){
		.ifindex = (int)link.xdp.ifindex,
		.prog_id = link.prog_id,
		.loaded_s = fp_boot_unix_s() +
			    (int64_t)(prog.load_time / 1000000000),
	};
	memcpy(&out->prog_tag, prog.tag, sizeof(out->prog_tag));
	return r;
}

int fp_xdp_tag(const struct fp_xdp *x, uint64_t *tag, struct fp_err *e)
{
	struct bpf_prog_info info;
	int r = fp_prog_info(x->prog_fd, &info, e);

	if (!r)
		memcpy(tag, info.tag, sizeof(*tag));
	return r;
}

int fp_xdp_run(const struct fp_xdp *x, const void *frame, uint32_t len,
	       uint32_t *verdict, struct fp_err *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame,
		    .data_size_in = len, .repeat = 1);

	if (bpf_prog_test_run_opts(x->prog_fd, &o))
		return fp_err_sys(e, -errno, "running the program");
	*verdict = o.retval;
	return 0;
}
