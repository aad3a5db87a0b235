/* SPDX-License-Identifier: Apache-2.0 */
/* mi ENDPOINT METHOD [PARAMS]: ask OpenSIPS (or its stand-in) and print the reply,
 * one line: "result JSON", "error CODE TEXT" or "failed NAME TEXT" (NAME: of the
 * errno).
 *   -t MS      for each request (2000)
 *   -n N -w W  N requests, W at a time: prints "N of N in MS ms", and each error
 *              with how often it came
 *   -d DIR     where reply FIFOs are made (the FIFO's own directory)
 * mi -v ENDPOINT: read a view and print it, one thing a line. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "health/opensips.h"
#include "io/clock.h"
#include "peer/mi.h"

struct run {
	struct fp_loop *loop;
	struct fp_mi *mi;
	const char *method, *params;
	int64_t timeout_ms;
	int left, flying, asked, ok, n, window;
	bool has_failed;
	char failure[600];
	int n_failures;
};

static void say(const struct run *x, const char *kind, const char *code,
		const char *text)
{
	(void)x;
	printf("%s%s%s %s\n", kind, *code ? " " : "", code, text);
}

static void ask(struct run *x);

static void print_reply(struct run *x, const struct fp_jsonrpc *r)
{
	char code[16], *json;

	if (r->is_error) {
		snprintf(code, sizeof(code), "%d", r->code);
		say(x, "error", code, r->message);
		return;
	}
	json = cJSON_PrintUnformatted(r->result);
	say(x, "result", "", json);
	free(json);
}

static void print_failures(struct run *x)
{
	if (x->n_failures)
		printf("%d times: %s\n", x->n_failures, x->failure);
	x->n_failures = 0;
}

static void failure(struct run *x, const char *name, const char *text)
{
	char line[600];

	snprintf(line, sizeof(line), "failed %s %s", name, text);
	if (strcmp(line, x->failure))
		print_failures(x);
	snprintf(x->failure, sizeof(x->failure), "%s", line);
	x->n_failures++;
}

static void done(void *ctx, int code, const struct fp_jsonrpc *r,
		 const struct fp_err *e)
{
	struct run *x = ctx;

	x->flying--;
	x->ok += !code && !r->is_error;
	if (x->n == 1 && !code)
		print_reply(x, r);
	else if (x->n == 1)
		say(x, "failed", strerrorname_np(-code), e->text);
	else if (code || r->is_error)
		failure(x, code ? strerrorname_np(-code) : "error",
			code ? e->text : r->message);
	ask(x);
}

static void ask(struct run *x)
{
	struct fp_err e;
	int r;

	while (x->asked < x->n && x->flying < x->window) {
		x->asked++;
		r = fp_mi_ask(x->mi, x->method, x->params, x->timeout_ms, done,
			      x, NULL, &e);
		if (!r)
			x->flying++;
		else if (x->n == 1)
			say(x, "failed", strerrorname_np(-r), e.text);
		else
			failure(x, strerrorname_np(-r), e.text);
	}
	if (!x->flying)
		fp_loop_stop(x->loop);
}

/* ---- a view */

static void print_view(const struct fp_view_opensips *v)
{
	static const char *const states[] = { "active", "inactive", "probing" };
	static const char *const kinds[] = { "dispatcher", "load_balancer",
					     "rtpengine" };

	printf("version %s\nup %" PRId64 "\n", v->version, v->up_s);
	printf("skew %" PRId64 "\n",
	       v->now_s ? v->now_s - fp_clock_unix_s() : -1);
	printf("has%s%s%s\n", v->has_clusterer ? " clusterer" : "",
	       v->has_dialog ? " dialog" : "", v->has_dests ? " dests" : "");
	printf("dialogs %" PRId64 " %" PRId64 "\n", v->dialogs,
	       v->processed_dialogs);
	printf("shm %" PRId64 " %" PRId64 "\n", v->shm_free_bytes,
	       v->shm_total_bytes);
	printf("sync %" PRId64 "%s\n", v->sync_chunks,
	       v->is_sync_pending ? " pending" : "");
	for (size_t i = 0; i < v->n_tags; i++)
		printf("tag %s/%u %s\n", v->tag[i].name, v->tag[i].cluster,
		       v->tag[i].is_active ? "active" : "backup");
	for (size_t i = 0; i < v->n_links; i++)
		printf("link %u %s %u%s\n", v->link[i].node_id,
		       v->link[i].state, v->link[i].next_hop,
		       v->link[i].is_enabled ? "" : " disabled");
	for (size_t i = 0; i < v->n_caps; i++)
		printf("cap %s %s%s\n", v->cap[i].name,
		       v->cap[i].is_ok ? "Ok" : "not synced",
		       v->cap[i].is_enabled ? "" : " disabled");
	for (size_t i = 0; i < v->n_dests; i++) {
		const struct fp_view_dest *d = &v->dest[i];

		printf("dest %s %s %s %" PRId64 " %s%s weight=%" PRId64
		       " %s=%" PRId64 "/%" PRId64 "\n",
		       kinds[d->kind], d->set, d->uri, d->id, states[d->state],
		       d->is_forever ? " forever" : "", d->weight,
		       *d->resource ? d->resource : "load", d->load, d->max);
	}
}

static void viewed(void *ctx, int code, struct fp_view *v,
		   const struct fp_err *e)
{
	struct run *x = ctx;

	if (code)
		say(x, "failed", strerrorname_np(-code), e->text);
	if (v)
		print_view(&v->opensips);
	fp_view_free(v);
	fp_loop_stop(x->loop);
}

/* ---- the command line */

static bool address_of(struct fp_mi_opts *o)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&o->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&o->sa;

	if (inet_pton(AF_INET, o->to.host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(o->to.port);
		o->sa_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, o->to.host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(o->to.port);
		o->sa_len = sizeof(*v6);
	}
	return o->sa_len || *o->to.path;
}

static int run(struct run *x, struct fp_mi_opts *o, bool is_view)
{
	int64_t start_ms = fp_clock_ms();
	struct fp_err e;
	int r = fp_loop_open(&x->loop, &e);

	if (!r)
		r = fp_mi_open(&x->mi, x->loop, o, &e);
	if (!r && is_view)
		r = fp_opensips_read(x->mi,
				     FP_OS_BASE | FP_OS_CLUSTER | FP_OS_DESTS,
				     x->timeout_ms, viewed, x, NULL, &e);
	if (r) {
		say(x, "failed", strerrorname_np(-r), e.text);
	} else {
		if (!is_view)
			ask(x);
		if (is_view || x->flying)
			fp_loop_run(x->loop);
		print_failures(x);
		if (x->n > 1)
			printf("%d of %d in %" PRId64 " ms\n", x->ok, x->n,
			       fp_clock_ms() - start_ms);
	}
	fp_mi_close(x->mi);
	fp_loop_close(x->loop);
	return r ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct run x = { .n = 1, .window = 1, .timeout_ms = 2000 };
	struct fp_mi_opts o = { 0 };
	bool is_view = false;
	struct fp_err e;
	int c;

	while ((c = getopt(argc, argv, "t:n:w:d:v")) != -1) {
		if (c == 't')
			x.timeout_ms = atoll(optarg);
		else if (c == 'n')
			x.n = atoi(optarg);
		else if (c == 'w')
			x.window = atoi(optarg);
		else if (c == 'd')
			o.reply_dir = optarg;
		else if (c == 'v')
			is_view = true;
		else
			return 2;
	}
	if (argc - optind < (is_view ? 1 : 2)) {
		fprintf(stderr, "usage: mi [-t MS] [-n N] [-w W] [-d DIR] "
				"ENDPOINT METHOD [PARAMS] | mi -v ENDPOINT\n");
		return 2;
	}
	if (fp_endpoint_parse(&o.to, argv[optind], strlen(argv[optind]), &e) ||
	    (!address_of(&o) &&
	     fp_err(&e, -EINVAL, "%s: no address", argv[optind]))) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	if (!is_view) {
		x.method = argv[optind + 1];
		x.params = argv[optind + 2];
	}
	return run(&x, &o, is_view);
}
