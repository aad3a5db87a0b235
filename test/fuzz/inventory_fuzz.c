/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster files. */
#include <stdlib.h>
#include <string.h>

#include "model/inventory.h"

static int touch(void *ctx, const struct fp_host *h, const struct fp_prefix *p)
{
	char text[FP_PREFIX_STRLEN];

	(void)ctx;
	if (!fp_prefix_is_host(p) || !fp_prefix_print(p, text) || !*h->name)
		abort();
	return 0;
}

static void check_host(const struct fp_host *h)
{
	if (!fp_inventory_in_group(h, "all") || !*h->name || !*h->address)
		abort();
	fp_inventory_in_group(h, "ungrouped");
	fp_inventory_var(h, "fp_if");
	if (fp_inventory_addresses(h, touch, NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_inventory *inv;
	const struct fp_host *v;
	struct fp_err e;
	char *text = malloc(n ? n : 1);

	memcpy(text, data, n);
	if (!fp_inventory_parse(&inv, "f", text, n, &e)) {
		size_t hosts = fp_inventory_hosts(inv, &v);

		for (size_t i = 0; i < hosts; i++)
			check_host(&v[i]);
		fp_inventory_free(inv);
	} else if (strncmp(e.text, "f:", 2)) {
		abort();
	}
	free(text);
	return 0;
}
