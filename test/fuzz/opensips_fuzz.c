/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of commands: the first byte says of which, the rest is the reply.  Every
 * text that is handed on is there, every number a sane one. */
#include <stdlib.h>
#include <string.h>

#include "codec/jsonrpc.h"
#include "codec/opensips.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(const char *s)
{
	check(s && strlen(s) < 1 << 20);
}

static void check_number(int64_t n)
{
	check(n >= -(1ll << 53) && n <= 1ll << 53);
}

static int tag(void *ctx, const struct fp_os_tag *t)
{
	(void)ctx;
	check_text(t->name);
	check_text(t->state);
	check_number(t->cluster);
	return 0;
}

static int link_of(void *ctx, const struct fp_os_link *t)
{
	(void)ctx;
	check_text(t->url);
	check_text(t->link_state);
	check_text(t->state);
	check(t->next_hop >= 0);
	check_number(t->node_id);
	return 0;
}

static int cap(void *ctx, const struct fp_os_cap *t)
{
	(void)ctx;
	check_text(t->name);
	check_text(t->state);
	check_text(t->enabled);
	return 0;
}

static int dest(void *ctx, const struct fp_os_dest *t)
{
	const char *const texts[] = { t->partition, t->set,
				      t->uri,       t->state,
				      t->resource,  t->description,
				      t->enabled,   t->auto_reenable };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_text(texts[i]);
	check_number(t->id);
	check_number(t->set_id);
	check_number(t->weight);
	check_number(t->recheck_ticks);
	/* one that stops is what is returned */
	return ++*(int *)ctx == 100 ? 7 : 0;
}

static int trusted(void *ctx, const struct fp_os_trusted *t)
{
	(void)ctx;
	check(t->address && *t->address);
	check(t->what && *t->what);
	return 0;
}

static void figures(const struct cJSON *v)
{
	int64_t a, b;
	bool is_pending;
	char text[64];

	check_number(fp_os_statistic(v, "shmem:free_size"));
	fp_os_uptime(v, &a, &b);
	check(a >= -1 && b >= 0);
	fp_os_version(v, text);
	check(memchr(text, 0, sizeof(text)));
	fp_os_sync(v, &a, &is_pending);
	check(a >= -1);
	if (fp_os_offset(v, &a))
		check(a >= -86400 && a <= 86400);
	fp_os_has(v, "ds_list");
}

static void result(char which, const struct cJSON *v)
{
	struct fp_err e = { .text = "" };
	int n = 0, r = 0;

	switch (which) {
	case 'a':
		r = fp_os_tags(v, tag, NULL, &e);
		break;
	case 'b':
		r = fp_os_links(v, link_of, NULL, &e);
		break;
	case 'c':
		r = fp_os_caps(v, cap, NULL, &e);
		break;
	case 'd':
		r = fp_os_dispatcher(v, dest, &n, &e);
		break;
	case 'e':
		r = fp_os_load_balancer(v, dest, &n, &e);
		break;
	case 'f':
		r = fp_os_rtpengine(v, dest, &n, &e);
		break;
	case 'g':
		r = fp_os_gateways(v, trusted, NULL, &e);
		break;
	case 'h':
		r = fp_os_addresses(v, trusted, NULL, &e);
		break;
	default:
		figures(v);
	}
	check(n < 100 ? !r || (r == -EBADMSG && *e.text) : r == 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_jsonrpc r;

	if (!n || fp_jsonrpc_parse(&r, (const char *)data + 1, n - 1, NULL))
		return 0;
	if (r.result)
		result((char)*data, r.result);
	fp_jsonrpc_fini(&r);
	return 0;
}
