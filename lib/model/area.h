/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_AREA_H
#define FP_MODEL_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A table's memory: plain memory in tests, a kernel map's pages in life.  A
 * change of one address maps the few pages it needs, a load maps it all. */
struct fp_area {
	unsigned char *base; /* the whole, or NULL: page by page */
	size_t size;         /* bytes, a multiple of FP_AREA_PAGE */
	int fd;              /* the kernel map's, -1 for plain memory */
	bool is_failed; /* a page could not be mapped: what was written is lost */
	struct fp_area_page {
		size_t off;
		unsigned char *at;
	} * pages;
	size_t n_pages;
};

#define FP_AREA_PAGE 4096u

/* Zeroed plain memory.  0; -ENOMEM. */
int fp_area_plain(struct fp_area *a, size_t size);
/* A kernel array map with BPF_F_MMAPABLE; takes fd over. */
void fp_area_map(struct fp_area *a, int fd, size_t size);
/* Map the whole now.  0; -errno. */
int fp_area_whole(struct fp_area *a, struct fp_err *e);
/* The page that holds byte off: slow path of fp_area_at. */
unsigned char *fp_area_page(struct fp_area *a, size_t off);
void fp_area_fini(struct fp_area *a);

/* Where byte off is.  What begins there must not cross a page.  Never NULL:
 * after a failure it is a page that nobody reads, and is_failed is set. */
static inline void *fp_area_at(struct fp_area *a, size_t off)
{
	if (a->base)
		return a->base + off;
	return fp_area_page(a, off);
}

/* A store that another CPU sees whole, and after all stores before it. */
static inline void fp_store32(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline uint32_t fp_load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

#endif
