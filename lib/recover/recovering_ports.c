/* SPDX-License-Identifier: Apache-2.0 */
/* Which RTP ports are taken at a target: before its calls are put, and when they are up
 * whether a new call got one of theirs meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/recovering_priv.h"

#define PORTS_AGAIN_MS 3000 /* new calls of the target take ports meanwhile */

static int use(struct rec_target *t, const char *ip, uint16_t port)
{
	return port ? fp_ports_use(t->ports, *ip ? ip : t->x->rtp_ip, port) : 0;
}

static int of_rows(struct rec_target *t, struct fp_err *e)
{
	struct fp_store_port *v;
	size_t n;
	int c = fp_store_ports(t->o->store, t->x->switchname, &v, &n, e);

	if (c)
		return c;
	for (size_t i = 0; i < n && !c; i++) {
		c = use(t, v[i].ip, v[i].media);
		if (!c)
			c = use(t, v[i].ip, v[i].video);
		if (!c)
			c = use(t, v[i].ip, v[i].text);
	}
	free(v);
	return c ? fp_err(e, c, "out of memory") : 0;
}

/* ---- channels: rows lag a second behind, they say it themselves */

struct channel {
	struct channels *of;
	char uuid[FP_LEG_UUID_MAX + 1];
	uint16_t port;
};
struct channels {
	struct rec_target *t;
	struct channel *v;
	size_t n, n_out;
	bool is_done;
};

static void on_port(void *ctx, int code, const char *body,
		    const struct fp_err *e)
{
	struct channel *c = ctx;
	unsigned int port;

	(void)e;
	if (!code && sscanf(body, "%u", &port) == 1 && port <= UINT16_MAX)
		c->port = (uint16_t)port;
	if (!--c->of->n_out) {
		c->of->is_done = true;
		fp_loop_stop(c->of->t->r->o->loop);
	}
}

/* A line of `show channels` begins with its uuid, any word, and the direction.
 * How long it is; 0: no such line. */
static size_t uuid_len(const char *line)
{
	size_t n = strcspn(line, ",");

	return n <= FP_LEG_UUID_MAX && (!strncmp(line + n, ",inbound,", 9) ||
					!strncmp(line + n, ",outbound,", 10))
		       ? n
		       : 0;
}

static int ask_port(struct channels *w, const char *line, struct fp_err *e)
{
	static const char *const names[] = { "local_media_port",
					     "local_video_port" };
	char command[REC_COMMAND];
	int c = 0;

	for (size_t i = 0; i < 2 && !c; i++) {
		struct channel *at = &w->v[w->n++];

		*at = (struct channel){ .of = w };
		memcpy(at->uuid, line, uuid_len(line));
		snprintf(command, sizeof(command), "uuid_getvar %s %s",
			 at->uuid, names[i]);
		c = fp_switch_send(w->t->x, command, REC_ANSWER_MS, on_port, at,
				   e);
		w->n_out += !c;
	}
	return c;
}

static int ask_ports(struct channels *w, char *body, struct fp_err *e)
{
	size_t n = 1;
	char *save = NULL;
	int c = 0;

	for (const char *p = body; *p; p++)
		n += *p == '\n';
	w->v = calloc(2 * n, sizeof(*w->v));
	if (!w->v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (char *line = strtok_r(body, "\n", &save); line && !c;
	     line = strtok_r(NULL, "\n", &save))
		if (uuid_len(line))
			c = ask_port(w, line, e);
	return c;
}

/* 0: w->v, free(3), in any case. */
static int of_channels(struct channels *w, struct fp_err *e)
{
	struct rec_target *t = w->t;
	char *body;
	int c = fp_switch_ask(t->x, "show channels", &body, e);

	if (c)
		return c;
	c = ask_ports(w, body, e);
	free(body);
	while (w->n_out) { /* w is the caller's: a signal does not end this */
		struct fp_err why;
		int waited = fp_loop_wait(t->r->o->loop, &w->is_done, &why);

		if (waited)
			rec_stop(t->r, waited, &why);
		if (waited && waited != -EINTR)
			fp_switch_drop(t->x);
	}
	return c;
}

int rec_ports(struct rec_target *t, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	struct channels w = { .t = t };
	int c;

	if (t->ports_ms && now_ms - t->ports_ms < PORTS_AGAIN_MS)
		return 0;
	c = of_rows(t, e);
	if (!c)
		c = of_channels(&w, e);
	for (size_t i = 0; i < w.n && !c; i++)
		if (use(t, "", w.v[i].port))
			c = fp_err(e, -ENOMEM, "out of memory");
	free(w.v);
	if (!c)
		t->ports_ms = now_ms;
	return c;
}

/* ---- afterwards */

static int by_port(const void *a, const void *b)
{
	const struct channel *x = a, *y = b;

	return x->port != y->port ? (x->port > y->port ? 1 : -1)
				  : strcmp(x->uuid, y->uuid);
}

static void ip_of(struct rec_target *t, const char *uuid, char ip[64])
{
	struct fp_err e;
	char command[REC_COMMAND], *body;

	*ip = 0;
	snprintf(command, sizeof(command), "uuid_getvar %s local_media_ip",
		 uuid);
	if (fp_switch_ask(t->x, command, &body, &e))
		return;
	snprintf(ip, 64, "%.*s", (int)strcspn(body, "\r\n"), body);
	free(body);
}

static void say_shared(struct rec_target *t, const struct channel *a,
		       const struct channel *b)
{
	char ip[64], other[64];
	const struct channel *ours = rec_has_leg(t->r, a->uuid) ? a : b;

	if (!a->port || a->port != b->port || !strcmp(a->uuid, b->uuid) ||
	    !rec_has_leg(t->r, ours->uuid))
		return;
	ip_of(t, a->uuid, ip);
	ip_of(t, b->uuid, other);
	if (*ip && !strcmp(ip, other))
		rec_say(t->r,
			"%s: a call that began meanwhile has RTP port %u of a "
			"recovered one, and hears it: fp-recover take %s moves "
			"that away",
			t->x->name, a->port, ours->uuid);
}

void rec_ports_look(struct rec_target *t)
{
	struct channels w = { .t = t };
	struct fp_err e;

	if (!of_channels(&w, &e) && w.n) {
		qsort(w.v, w.n, sizeof(*w.v), by_port);
		for (size_t i = 0; i + 1 < w.n; i++)
			say_shared(t, &w.v[i], &w.v[i + 1]);
	}
	free(w.v);
}
