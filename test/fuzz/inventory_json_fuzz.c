/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster file as JSON, and -N on what is in it.  Input: a line of patterns,
 * then the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/pattern.h"

static int touch(void *ctx, const struct fp_host *h, const struct fp_prefix *p)
{
	(void)ctx;
	if (!fp_prefix_is_host(p) || !*h->name)
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

static void check_pattern(const struct fp_inventory *inv, const char *pattern,
			  size_t n_hosts)
{
	const struct fp_host **v;
	struct fp_err e;
	size_t n;

	if (fp_pattern_select(inv, &pattern, 1, &v, &n, &e)) {
		if (*e.text != '"')
			abort();
		return;
	}
	if (!n || n > n_hosts)
		abort();
	for (size_t i = 1; i < n; i++)
		if (v[i - 1] >= v[i]) /* in file order, each once */
			abort();
	free(v);
}

static void check(const char *pattern, const char *text, size_t n)
{
	struct fp_inventory *inv;
	const struct fp_host *v;
	struct fp_err e;
	size_t n_hosts;

	if (fp_inventory_parse_json(&inv, "f", text, n, &e)) {
		if (strncmp(e.text, "f:", 2))
			abort();
		return;
	}
	n_hosts = fp_inventory_hosts(inv, &v);
	for (size_t i = 0; i < n_hosts; i++)
		check_host(&v[i]);
	check_pattern(inv, pattern, n_hosts);
	fp_inventory_free(inv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *nl = n ? memchr(data, '\n', n) : NULL;
	size_t n_pattern = nl ? (size_t)(nl - data) : 0;
	size_t n_text = nl ? n - n_pattern - 1 : n;
	char *pattern = strndup((const char *)data, n_pattern);
	char *text = malloc(n_text ? n_text : 1); /* exact, for the sanitizer */

	memcpy(text, data + n - n_text, n_text);
	check(pattern, text, n_text);
	free(pattern);
	free(text);
	return 0;
}
