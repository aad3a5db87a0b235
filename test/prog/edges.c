/* SPDX-License-Identifier: Apache-2.0 */
/* edges CLUSTER WORDS...: parts of lib/rehome, by hand.
 *   give TAG NODE WAIT_MS [FROM]    fp_tag_give, from its owner unless said: "given",
 *                            "kept", or "failed NAME RULE TEXT"
 *   prove CALLID NODE        fp_tag_prove
 *   refresh NODE RATE        all dialogs that it has: "N of N in MS ms"
 *   signs                    of each node
 *   own NODE                 fp_edge_own_tags
 *   read N                   N readings without waiting, one after the other, each
 *                            beside a question that waits: how long the longest was
 *   -t MS in front: for a question (2000) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "rehome/tags.h"

struct here {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_inventory *inv;
	struct fp_edges edges;
	struct fp_err err;
	/* of read */
	int left, answered;
	int64_t began_ms, longest_ms;
	bool is_done;
};

static int end(struct here *h, int r, const char *ok)
{
	if (r)
		printf("failed %s %s %s\n", strerrorname_np(-r),
		       *h->err.rule ? h->err.rule : "-", h->err.text);
	else
		printf("%s\n", ok);
	return !!r;
}

static struct fp_edge *node(struct here *h, const char *name)
{
	struct fp_edge *x = fp_edges_find(&h->edges, name);

	if (!x) {
		fprintf(stderr, "no node %s\n", name);
		exit(2);
	}
	return x;
}

static int give(struct here *h, char **w)
{
	bool is_changed = false;
	struct fp_edge *from = NULL;
	int r = fp_edges_read(&h->edges, &h->err);

	if (w[4])
		from = node(h, w[4]);
	else if (!r)
		fp_edges_owner(&h->edges, w[1], &from, NULL);
	if (!r)
		r = fp_tag_give(&h->edges, w[1], from, node(h, w[2]),
				atoi(w[3]), &is_changed, &h->err);

	return end(h, r, is_changed ? "given" : "kept");
}

static int prove(struct here *h, char **w)
{
	int r = fp_edges_read(&h->edges, &h->err);

	if (!r)
		r = fp_tag_prove(&h->edges, w[1], node(h, w[2]), &h->err);
	return end(h, r, "proven");
}

static int refresh(struct here *h, char **w)
{
	struct fp_edge *x = node(h, w[1]);
	const char **ids;
	size_t n, n_done = 0;
	char line[80];
	int64_t began_ms;
	int r = fp_edges_read(&h->edges, &h->err);

	if (!r)
		r = fp_edges_list(&h->edges, &x, 1, NULL, NULL, &h->err);
	if (!r && !x->dialogs) {
		h->err = x->err;
		r = x->code;
	}
	if (r)
		return end(h, r, "");
	n = fp_dialogs_n(x->dialogs);
	ids = calloc(n + 1, sizeof(*ids));
	for (size_t i = 0; ids && i < n; i++)
		ids[i] = fp_dialogs_at(x->dialogs, i)->callid;
	began_ms = fp_clock_ms();
	r = fp_tag_refresh(x, ids, n, atof(w[2]), &n_done, &h->err);
	snprintf(line, sizeof(line), "%zu of %zu in %" PRId64 " ms", n_done, n,
		 fp_clock_ms() - began_ms);
	free(ids);
	return end(h, r, line);
}

static int signs(struct here *h, char **w)
{
	int r = fp_edges_read(&h->edges, &h->err);

	(void)w;
	for (size_t i = 0; !r && i < h->edges.n; i++) {
		const struct fp_edge *x = &h->edges.v[i];

		if (x->view)
			printf("%s active=%s auto_sync=%d synced=%d "
			       "fallback=%d\n",
			       x->name,
			       *x->signs.active_tag ? x->signs.active_tag : "-",
			       x->signs.auto_sync, x->signs.synced_s > 0,
			       x->signs.is_fallback);
		else
			printf("%s silent: %s\n", x->name, x->err.text);
	}
	return r ? end(h, r, "") : 0;
}

static int own(struct here *h, char **w)
{
	char(*v)[64];
	size_t n;
	int r = fp_edges_read(&h->edges, &h->err);

	if (!r)
		r = fp_edge_own_tags(node(h, w[1]), &v, &n, &h->err);
	if (r)
		return end(h, r, "");
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", v[i]);
	printf("\n");
	free(v);
	return 0;
}

/* ---- readings beside a question */

static void asked(void *ctx, int code, const struct fp_jsonrpc *r,
		  const struct fp_err *e)
{
	struct here *h = ctx;

	(void)r;
	(void)e;
	h->answered++;
	if (code)
		printf("a question: %s\n", strerrorname_np(-code));
	h->is_done = !h->left;
	if (h->is_done)
		fp_loop_stop(h->loop);
}

static void was_read(void *ctx)
{
	struct here *h = ctx;
	int64_t took_ms = fp_clock_ms() - h->began_ms;

	if (took_ms > h->longest_ms)
		h->longest_ms = took_ms;
	h->began_ms = fp_clock_ms();
	if (--h->left && !fp_edges_read_start(&h->edges, was_read, h))
		return;
	h->left = 0;
	h->is_done = h->answered == 1;
	if (h->is_done)
		fp_loop_stop(h->loop);
}

static int readings(struct here *h, char **w)
{
	int r = fp_edges_read(&h->edges, &h->err);
	size_t n = 0;

	h->left = atoi(w[1]);
	if (!r && h->edges.v[0].mi)
		r = fp_mi_ask(h->edges.v[0].mi, "uptime", NULL,
			      h->edges.o.timeout_ms, asked, h, NULL, &h->err);
	else
		h->answered = 1;
	h->began_ms = fp_clock_ms();
	if (!r)
		r = fp_edges_read_start(&h->edges, was_read, h);
	if (!r)
		r = fp_loop_wait(h->loop, &h->is_done, &h->err);
	for (size_t i = 0; i < h->edges.n; i++)
		n += h->edges.v[i].view != NULL;
	printf("%zu of %zu answer, longest %s\n", n, h->edges.n,
	       h->longest_ms < 1000 ? "under 1 s" : "too long");
	return r ? end(h, r, "") : 0;
}

static const struct {
	const char *name;
	int n;
	int (*run)(struct here *h, char **w);
} words[] = { { "give", 4, give },    { "give", 5, give },
	      { "prove", 3, prove },  { "refresh", 3, refresh },
	      { "signs", 1, signs },  { "own", 2, own },
	      { "read", 2, readings } };

static int run(struct here *h, int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (argc == words[i].n && !strcmp(*argv, words[i].name))
			return words[i].run(h, argv);
	fprintf(stderr, "edges: %s: no such word, or not so many\n", *argv);
	return 2;
}

int main(int argc, char **argv)
{
	struct fp_edges_opts o = { .timeout_ms = 2000 };
	struct here h = { .left = 0 };
	int r, status = 2;

	if (argc > 3 && !strcmp(argv[1], "-t")) {
		o.timeout_ms = atoi(argv[2]);
		argv += 2;
		argc -= 2;
	}
	if (argc < 3)
		return 2;
	setlinebuf(stdout);
	r = fp_inventory_read(&h.inv, argv[1], &h.err);
	if (!r)
		r = fp_loop_open(&h.loop, &h.err);
	if (!r)
		r = fp_work_open(&h.work, h.loop, 2, &h.err);
	if (!r)
		r = fp_resolver_open(&h.resolver, h.loop, h.work, &h.err);
	o.loop = h.loop;
	o.resolver = h.resolver;
	if (!r)
		r = fp_edges_init(&h.edges, &o, h.inv, &h.err);
	if (r)
		end(&h, r, "");
	else
		status = run(&h, argc - 2, argv + 2);
	fp_edges_fini(&h.edges);
	if (h.resolver)
		fp_resolver_close(h.resolver);
	if (h.work)
		fp_work_close(h.work);
	fp_loop_close(h.loop);
	fp_inventory_free(h.inv);
	return status;
}
