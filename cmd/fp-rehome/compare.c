/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome compare: dialogs that two nodes do not have alike. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rehome.h"

/* What is made or ends while both are listed differs for as long as the copy takes:
 * what differs is looked at again after this. */
#define AGAIN_MS 1200

struct difference {
	const char *callid, *tag, *what, *first, *second;
};
#define AT(M) offsetof(struct difference, M)
static const struct fp_field fields[] = {
	{ "callid", AT(callid), FP_F_STR, NULL, "its Call-ID" },
	{ "tag", AT(tag), FP_F_STR, NULL, "its sharing tag" },
	{ "what", AT(what), FP_F_STR, NULL, "missing, state or sdp" },
	{ "first", AT(first), FP_F_STR, NULL,
	  "its state at the first node; absent: it is not there" },
	{ "second", AT(second), FP_F_STR, NULL, "at the second" },
};
#undef AT
static const struct fp_type type = { "difference", fields, FR_COUNT(fields) };

struct compare {
	struct fr_env v;
	struct fp_edge *edge[2];
	/* call-ids that differed at first, sorted */
	char **callid;
	size_t n, n_max;
	uint64_t n_told;
};

/* It does not answer, or not what it should: that may pass. */
static int failed(const struct fp_edge *x, struct fp_err *e)
{
	int r = fp_edge_why(x, e);

	return r == -ENOMEM ? r : -EAGAIN;
}

static int list_both(struct compare *c, struct fp_err *e)
{
	int r = fp_edges_list(&c->v.edges, c->edge, 2, NULL, NULL, e);

	for (int i = 0; !r && i < 2; i++) {
		if (!c->edge[i]->dialogs)
			r = failed(c->edge[i], e);
	}
	return r;
}

static uint64_t n_up(const struct fp_edge *x)
{
	uint64_t n = 0;

	for (size_t i = 0; i < fp_dialogs_n(x->dialogs); i++)
		n += fp_dialog_is_up(fp_dialogs_at(x->dialogs, i));
	return n;
}

/* ---- at first: they come sorted by call-id */

static int note(void *ctx, const struct fp_dialog *a, const struct fp_dialog *b)
{
	struct compare *c = ctx;
	size_t n = c->n_max ? c->n_max * 2 : 64;
	char **more;

	if (c->n == c->n_max) {
		more = reallocarray(c->callid, n, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->callid = more;
		c->n_max = n;
	}
	c->callid[c->n] = strdup(a ? a->callid : b->callid);
	return c->callid[c->n++] ? 0 : -ENOMEM;
}

/* ---- and again */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int tell(void *ctx, const struct fp_dialog *a, const struct fp_dialog *b)
{
	const struct fp_dialog *d = a ? a : b;
	struct difference rec = {
		.callid = d->callid,
		.tag = d->tag,
		.what = !a || !b               ? "missing"
			: a->state == b->state ? "sdp"
					       : "state",
		.first = a ? fp_dialog_state_name(a->state) : NULL,
		.second = b ? fp_dialog_state_name(b->state) : NULL,
	};
	struct compare *c = ctx;
	struct fp_err e = { .text = "" };

	if (!bsearch(&d->callid, c->callid, c->n, sizeof(*c->callid), by_text))
		return 0;
	c->n_told++;
	if (fp_out_record(c->v.c->out, &type, &rec, &e))
		fp_log(FP_LOG_ERR, "%s", e.text);
	return 0;
}

static int look(struct compare *c, struct fp_err *e)
{
	int r = fp_edges_read(&c->v.edges, e);

	if (!r)
		r = list_both(c, e);
	if (r)
		return r;
	if (fp_dialogs_compare(c->edge[0]->dialogs, c->edge[1]->dialogs, note,
			       c))
		return fp_err(e, -ENOMEM, "out of memory");
	if (!c->n)
		return 0;
	r = fp_edges_pause(&c->v.edges, AGAIN_MS, e);
	if (!r)
		r = list_both(c, e);
	if (!r)
		fp_dialogs_compare(c->edge[0]->dialogs, c->edge[1]->dialogs,
				   tell, c);
	return r;
}

static int compare(struct compare *c)
{
	struct fp_err e = { .text = "" };
	int r = fp_out_check(c->v.c->out, &type, &e);

	for (int i = 0; !r && i < 2; i++)
		r = fr_node(&c->v, c->v.c->argv[i], &c->edge[i], &e);
	if (!r && c->edge[0] == c->edge[1])
		r = fp_err(&e, -EINVAL, "%s: compared with itself",
			   c->edge[0]->name);
	if (!r)
		r = look(c, &e);
	if (r)
		return fr_fail(&c->v, r, &e);
	fp_out_counts(c->v.c->out, false, NULL, "differences", c->n_told,
		      "first", n_up(c->edge[0]), "second", n_up(c->edge[1]),
		      NULL);
	return c->n_told ? FP_EXIT_NO : FP_EXIT_OK;
}

int fr_compare(struct fp_cli *cli)
{
	struct fp_err e = { .text = "" };
	struct compare c = { .callid = NULL };
	int status, r;

	if (cli->argc != 2)
		return fp_cli_usage(cli, "compare wants two nodes");
	r = fr_open(&c.v, cli, &e);
	if (r)
		return fr_fail(&c.v, r, &e);
	status = compare(&c);
	for (size_t i = 0; i < c.n; i++)
		free(c.callid[i]);
	free(c.callid);
	fr_close(&c.v);
	return status;
}
