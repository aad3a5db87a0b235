/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/maps_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"

#define FP_FIRST_ELEMENTS 4096u /* of a table that grows: 256 KB */

static const char *const fp_tab_pin[FP_TAB_N] = { "chunk", "prefix" };

int fp_pin_get(const char *dir, const char *name, struct fp_err *e)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	return fd >= 0 ? fd : fp_err_sys(e, -errno, "%s", path);
}

/* Where maps come from. */
struct fp_maps_source {
	const char *dir;        /* pinned here, or */
	struct bpf_object *obj; /* this object's own */
};

static int fp_source_get(const struct fp_maps_source *src, const char *name,
			 struct fp_err *e)
{
	char data[32];
	int fd;

	if (!src->obj)
		return fp_pin_get(src->dir, name, e);
	fd = bpf_object__find_map_fd_by_name(src->obj, name);
	if (fd < 0) {
		snprintf(data, sizeof(data), ".data.%s", name);
		fd = bpf_object__find_map_fd_by_name(src->obj, data);
	}
	if (fd >= 0)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd >= 0 ? fd : fp_err_sys(e, -errno, "map %s", name);
}

/* Open a map as an area of n_bytes. */
static int fp_area_open(struct fp_area *a, const struct fp_maps_source *src,
			const char *name, size_t n_bytes, struct fp_err *e)
{
	int fd = fp_source_get(src, name, e);

	if (fd < 0)
		return fd;
	fp_area_map(a, fd, n_bytes);
	return 0;
}

static int fp_map_info(int fd, struct bpf_map_info *info, struct fp_err *e)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &len))
		return fp_err_sys(e, -errno, "reading a map's info");
	return 0;
}

/* A table that grows; a writer that was killed between the two steps of
 * fp_maps_swap left an unpinned copy hanging there: put the pinned one back. */
static int fp_tab_open(struct fp_maps *m, int tab, struct fp_err *e)
{
	uint32_t key = (uint32_t)tab, id = 0;
	struct bpf_map_info info;
	int fd, r;

	fd = fp_pin_get(m->dir, fp_tab_pin[tab], e);
	if (fd < 0)
		return fd;
	r = fp_map_info(fd, &info, e);
	if (r)
		goto failed;
	if (bpf_map_lookup_elem(m->tabs_fd, &key, &id) || id != info.id) {
		if (bpf_map_update_elem(m->tabs_fd, &key, &fd, BPF_ANY)) {
			r = fp_err_sys(e, -errno, "hanging in table %s",
				       fp_tab_pin[tab]);
			goto failed;
		}
	}
	fp_area_map(&m->tables.tab[tab], fd,
		    (size_t)info.max_entries * FP_TAB_VALUE_SIZE);
	return 0;
failed:
	close(fd);
	return r;
}

static int fp_maps_make(void *ctx, int tab, uint32_t n, struct fp_area *out,
			struct fp_err *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, o,
		    .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int fd, r;

	(void)ctx;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, fp_tab_pin[tab], 4,
			    FP_TAB_VALUE_SIZE, n + 1, &o);
	if (fd < 0)
		return fp_err_sys(e, -errno,
				  "making a %s table of %u elements%s",
				  fp_tab_pin[tab], n,
				  errno == EPERM ? " (it takes CAP_BPF)" : "");
	fp_area_map(out, fd, ((size_t)n + 1) * FP_TAB_VALUE_SIZE);
	r = fp_area_whole(out, e);
	if (r)
		fp_area_fini(out);
	return r;
}

/* Pin fd over dir/name. */
static int fp_pin_over(const char *dir, const char *name, int fd,
		       struct fp_err *e)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(fresh, sizeof(fresh), "%s/%s_new", dir, name);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path))
		return fp_err_sys(e, -errno, "pinning %s", path);
	return 0;
}

static int fp_maps_swap(void *ctx, int tab, const struct fp_area *fresh,
			struct fp_err *e)
{
	struct fp_maps *m = ctx;
	uint32_t key = (uint32_t)tab;
	int r;

	if (bpf_map_update_elem(m->tabs_fd, &key, &fresh->fd, BPF_ANY))
		return fp_err_sys(e, -errno, "hanging in table %s",
				  fp_tab_pin[tab]);
	r = m->dir[0] ? fp_pin_over(m->dir, fp_tab_pin[tab], fresh->fd, e) : 0;
	/* the pin says which table is changed from now on: back to that one */
	if (r && m->tables.tab[tab].fd >= 0)
		bpf_map_update_elem(m->tabs_fd, &key, &m->tables.tab[tab].fd,
				    BPF_ANY);
	return r;
}

/* The kernel waits for every program that runs before it returns from an update
 * of a map of maps (kernel commit 1ae80cf31938): hang what hangs there again. */
static int fp_maps_wait(void *ctx, struct fp_err *e)
{
	struct fp_maps *m = ctx;
	uint32_t key = FP_TAB_CHUNK;
	int fd = m->tables.tab[FP_TAB_CHUNK].fd;

	if (bpf_map_update_elem(m->tabs_fd, &key, &fd, BPF_ANY))
		return fp_err_sys(e, -errno, "waiting for the filter");
	return 0;
}

int fp_maps_init_dir(const char *dir, struct fp_err *e)
{
	struct fp_maps *m = calloc(1, sizeof(*m));
	struct fp_area fresh;
	int r = 0;

	if (!m)
		return -ENOMEM;
	snprintf(m->dir, sizeof(m->dir), "%s", dir);
	m->tables.tab[0].fd = m->tables.tab[1].fd = -1;
	m->tabs_fd = fp_pin_get(dir, "tabs", e);
	if (m->tabs_fd < 0) {
		r = m->tabs_fd;
		free(m);
		return r;
	}
	for (int tab = 0; tab < FP_TAB_N && !r; tab++) {
		r = fp_maps_make(m, tab, FP_FIRST_ELEMENTS - 1, &fresh, e);
		if (!r)
			r = fp_maps_swap(m, tab, &fresh, e);
		if (!r)
			fp_area_fini(&fresh);
	}
	close(m->tabs_fd);
	free(m);
	if (r)
		return r;
	r = fp_maps_open_dir(&m, dir, e);
	if (r)
		return r;
	fp_tables_init(&m->tables);
	fp_maps_close(m);
	return 0;
}

static struct fp_maps *fp_maps_alloc(const char *dir)
{
	struct fp_maps *m = calloc(1, sizeof(*m));
	struct fp_tables *t;

	if (!m)
		return NULL;
	snprintf(m->dir, sizeof(m->dir), "%s", dir);
	t = &m->tables;
	t->conf.fd = t->gate4.fd = t->dir4.fd = t->gate6.fd = -1;
	t->tab[0].fd = t->tab[1].fd = m->ports.fd = m->tabs_fd = -1;
	t->backing = (struct fp_backing){ fp_maps_make, fp_maps_swap,
					  fp_maps_wait, m };
	return m;
}

/* All but the tables that grow. */
static int fp_maps_get(struct fp_maps *m, const struct fp_maps_source *src,
		       struct fp_err *e)
{
	struct fp_tables *t = &m->tables;
	int r = fp_area_open(&t->conf, src, "conf", sizeof(struct fp_conf), e);

	if (!r)
		r = fp_area_open(&t->gate4, src, "gate4",
				 sizeof(struct fp_gate4), e);
	if (!r)
		r = fp_area_open(&t->dir4, src, "dir4",
				 (size_t)FP_DIR_PAGES *
					 sizeof(struct fp_dir_page),
				 e);
	if (!r)
		r = fp_area_open(&t->gate6, src, "gate6",
				 sizeof(struct fp_gate6), e);
	if (r)
		return r;
	m->tabs_fd = fp_source_get(src, "tabs", e);
	return m->tabs_fd < 0 ? m->tabs_fd : fp_area_whole(&t->conf, e);
}

int fp_maps_open_dir(struct fp_maps **out, const char *dir, struct fp_err *e)
{
	const struct fp_maps_source src = { .dir = dir };
	struct fp_maps *m = fp_maps_alloc(dir);
	int r;

	if (!m)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_maps_get(m, &src, e);
	for (int tab = 0; tab < FP_TAB_N && !r; tab++)
		r = fp_tab_open(m, tab, e);
	if (r)
		fp_maps_close(m);
	else
		*out = m;
	return r;
}

int fp_maps_open_object(struct fp_maps **out, struct bpf_object *obj,
			bool is_own, struct fp_err *e)
{
	const struct fp_maps_source src = { .obj = obj };
	struct fp_maps *m = fp_maps_alloc("");
	int r;

	if (!m)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_maps_get(m, &src, e);
	if (!r)
		r = fp_area_open(&m->ports, &src, "ports",
				 sizeof(struct fp_ports), e);
	for (int tab = 0; is_own && tab < FP_TAB_N && !r; tab++) {
		r = fp_maps_make(m, tab, FP_FIRST_ELEMENTS - 1,
				 &m->tables.tab[tab], e);
		if (!r)
			r = fp_maps_swap(m, tab, &m->tables.tab[tab], e);
	}
	if (r) {
		fp_maps_close(m);
		return r;
	}
	if (is_own)
		fp_tables_init(&m->tables);
	*out = m;
	return 0;
}

int fp_maps_open(struct fp_maps **out, const char *pins, struct fp_err *e)
{
	char dir[PATH_MAX];
	unsigned int v;
	int r;

	fp_maps_dir(pins, dir, sizeof(dir));
	r = fp_maps_open_dir(out, dir, e);
	if (r != -ENOENT)
		return r;
	v = fp_maps_layout(pins);
	if (v && v != FP_LAYOUT)
		return fp_err(
			e, -EPROTO,
			"the tables in %s are of layout %u, this program is of layout %d: use the version that made them, or fp-load upgrade of this one",
			pins, v, FP_LAYOUT);
	return fp_err(e, -ENOENT,
		      "no filter is loaded (no pins in %s): fp-load attach IF",
		      pins);
}

static int fp_map_value(int fd, void **out, uint32_t *size, struct fp_err *e)
{
	struct bpf_map_info info;
	uint32_t key = 0;
	int r = fp_map_info(fd, &info, e);

	if (r)
		return r;
	*out = calloc(1, info.value_size);
	*size = info.value_size;
	if (!*out)
		return fp_err(e, -ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(fd, &key, *out))
		return fp_err_sys(e, -errno, "reading a map");
	return 0;
}

/* fp_maps.h promises where they are. */
int fp_maps_nics(const char *dir, struct fp_nic out[FP_NICS], struct fp_err *e)
{
	const size_t at = offsetof(struct fp_conf, nic);
	const size_t n = FP_NICS * sizeof(struct fp_nic);
	int fd = fp_pin_get(dir, "conf", e), r;
	void *value = NULL;
	uint32_t size;

	if (fd < 0)
		return fd;
	r = fp_map_value(fd, &value, &size, e);
	if (!r && size < at + n)
		r = fp_err(e, -EPROTO, "%s/conf is too small to hold NICs",
			   dir);
	if (!r)
		memcpy(out, (char *)value + at, n);
	free(value);
	close(fd);
	return r;
}

void fp_maps_close(struct fp_maps *m)
{
	if (!m)
		return;
	fp_area_fini(&m->tables.conf);
	fp_area_fini(&m->tables.gate4);
	fp_area_fini(&m->tables.dir4);
	fp_area_fini(&m->tables.gate6);
	for (int tab = 0; tab < FP_TAB_N; tab++)
		fp_area_fini(&m->tables.tab[tab]);
	fp_area_fini(&m->ports);
	if (m->tabs_fd >= 0)
		close(m->tabs_fd);
	free(m);
}

struct fp_tables *fp_maps_tables(struct fp_maps *m)
{
	return &m->tables;
}

struct fp_conf *fp_maps_conf(struct fp_maps *m)
{
	return fp_tables_conf(&m->tables);
}

struct fp_ports *fp_maps_ports(struct fp_maps *m, struct fp_err *e)
{
	const struct fp_maps_source src = { .dir = m->dir };

	if (m->ports.fd < 0 &&
	    fp_area_open(&m->ports, &src, "ports", sizeof(struct fp_ports), e))
		return NULL;
	if (fp_area_whole(&m->ports, e))
		return NULL;
	return fp_area_at(&m->ports, 0);
}
