/* SPDX-License-Identifier: Apache-2.0 */
#include "model/area.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where writes go after a page could not be mapped. */
static _Thread_local unsigned char fp_area_void[FP_AREA_PAGE]
	__attribute__((aligned(64)));

int fp_area_plain(struct fp_area *a, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	*a = (struct fp_area){ .base = p, .size = size, .fd = -1 };
	return 0;
}

void fp_area_map(struct fp_area *a, int fd, size_t size)
{
	size = (size + FP_AREA_PAGE - 1) & ~(size_t)(FP_AREA_PAGE - 1);
	*a = (struct fp_area){ .fd = fd, .size = size };
}

static void fp_area_unmap_pages(struct fp_area *a)
{
	for (size_t i = 0; i < a->n_pages; i++)
		munmap(a->pages[i].at, FP_AREA_PAGE);
	free(a->pages);
	a->pages = NULL;
	a->n_pages = 0;
}

int fp_area_whole(struct fp_area *a, struct fp_err *e)
{
	void *p;

	if (a->base)
		return 0;
	p = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (p == MAP_FAILED)
		return fp_err_sys(e, -errno, "mapping %zu bytes of a table",
				  a->size);
	fp_area_unmap_pages(a);
	a->base = p;
	return 0;
}

unsigned char *fp_area_page(struct fp_area *a, size_t off)
{
	size_t page = off & ~(size_t)(FP_AREA_PAGE - 1), in = off - page;
	struct fp_area_page *pages;
	void *p;

	for (size_t i = 0; i < a->n_pages; i++)
		if (a->pages[i].off == page)
			return a->pages[i].at + in;
	pages = realloc(a->pages, (a->n_pages + 1) * sizeof(*pages));
	if (!pages)
		goto failed;
	a->pages = pages;
	p = mmap(NULL, FP_AREA_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd,
		 (off_t)page);
	if (p == MAP_FAILED)
		goto failed;
	pages[a->n_pages++] = (struct fp_area_page){ page, p };
	return (unsigned char *)p + in;
failed:
	a->is_failed = true;
	memset(fp_area_void, 0, sizeof(fp_area_void));
	return fp_area_void + in;
}

void fp_area_fini(struct fp_area *a)
{
	fp_area_unmap_pages(a);
	if (a->base)
		munmap(a->base, a->size);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct fp_area){ .fd = -1 };
}
