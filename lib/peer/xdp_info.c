/* SPDX-License-Identifier: Apache-2.0 */
/* What runs on a NIC: which build, whose link. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "fp_maps.h"
#include "peer/bpfobj.h"
#include "peer/xdp.h"
#include "peer/xdp_priv.h"

uint64_t fp_build_hash(void)
{
	return fp_fnv1a(FP_FNV1A_INIT + FP_LAYOUT, fp_bpf_object_start,
			(size_t)(fp_bpf_object_end - fp_bpf_object_start));
}

int fp_rodata_offset(const struct btf *btf, const char *name, size_t n)
{
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_var_secinfo *var;
	const struct btf_type *sec, *t;

	if (id < 0)
		return -EINVAL;
	sec = btf__type_by_id(btf, (uint32_t)id);
	var = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec); i++, var++) {
		t = btf__type_by_id(btf, var->type);
		if (!strcmp(btf__name_by_offset(btf, t->name_off), name))
			return var->size == n ? (int)var->offset : -EINVAL;
	}
	return -EINVAL;
}

uint32_t fp_xdp_build(void)
{
	uint64_t hash = fp_build_hash();
	uint32_t word = (uint32_t)(hash ^ hash >> 32);

	return word ? word : 1;
}

static int fp_prog_info(int fd, struct bpf_prog_info *info, struct fp_err *e)
{
	uint32_t len = sizeof(*info);

	if (bpf_obj_get_info_by_fd(fd, info, &len))
		return fp_err_sys(e, -errno, "reading a program's info");
	return 0;
}

static int fp_link_read(const char *path, struct bpf_link_info *link,
			struct fp_err *e)
{
	uint32_t len = sizeof(*link);
	int fd = bpf_obj_get(path), r = 0;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", path);
	if (bpf_obj_get_info_by_fd(fd, link, &len))
		r = fp_err_sys(e, -errno, "%s", path);
	close(fd);
	return r;
}

int fp_xdp_link_info(const char *link_path, struct fp_xdp_link *out,
		     struct fp_err *e)
{
	struct bpf_link_info link = { 0 };
	int r = fp_link_read(link_path, &link, e);

	if (!r)
		*out = (struct fp_xdp_link){ (int)link.xdp.ifindex,
					     link.prog_id };
	return r;
}

static bool fp_link_is_on(uint32_t id, uint32_t prog_id, int ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_link_get_fd_by_id(id);
	bool is_on;

	if (fd < 0)
		return false;
	is_on = !bpf_obj_get_info_by_fd(fd, &info, &len) &&
		info.type == BPF_LINK_TYPE_XDP && info.prog_id == prog_id &&
		info.xdp.ifindex == (uint32_t)ifindex;
	close(fd);
	return is_on;
}

uint32_t fp_xdp_link_of(uint32_t prog_id, int ifindex)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id))
		if (fp_link_is_on(id, prog_id, ifindex))
			return id;
	return 0;
}

void fp_xdp_prog_name(uint32_t prog_id, char *out, size_t size)
{
	int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = { 0 };
	bool is_known = fd >= 0 && !fp_prog_info(fd, &info, NULL);

	snprintf(out, size, "%s", is_known && info.name[0] ? info.name : "-");
	if (fd >= 0)
		close(fd);
}
