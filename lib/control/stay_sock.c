/* SPDX-License-Identifier: Apache-2.0 */
/* Local clients: CHANGE in, an OK or FAIL a node out, END. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/stay_priv.h"
#include "io/clock.h"

#define CLIENT_MS 60000 /* no client stays longer */

/* ---- a client */

static void client_close(struct fp_stay_client *c)
{
	if (c->fd < 0)
		return;
	fp_loop_fd_del(c->stay->loop, c->fd);
	fp_loop_timer_disarm(c->stay->loop, &c->deadline);
	close(c->fd);
	c->fd = -1;
	fp_buf_fini(&c->in);
	fp_buf_fini(&c->out);
	free(c->awaits);
	c->awaits = NULL;
	c->n_awaited = 0;
}

static void on_deadline(void *ctx)
{
	client_close(ctx);
}

/* What is written stays in the socket's buffer, or waits for room. */
static void client_flush(struct fp_stay_client *c)
{
	size_t at = 0;
	ssize_t n = 0;

	if (c->out.is_failed) {
		client_close(c);
		return;
	}
	while (at < c->out.len &&
	       (n = send(c->fd, c->out.data + at, c->out.len - at,
			 MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		at += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(c);
		return;
	}
	if (at) {
		c->out.len -= at;
		memmove(c->out.data, c->out.data + at, c->out.len);
	}
	if (c->is_asked && !c->n_awaited && !c->out.len)
		client_close(c); /* it has everything */
	else
		fp_loop_fd_mod(c->stay->loop, c->fd,
			       EPOLLIN | (c->out.len ? EPOLLOUT : 0));
}

static void client_fail(struct fp_stay_client *c, const char *node,
			const char *code, int error, const struct fp_err *e)
{
	size_t begin = fp_wire_begin(&c->out, FP_WIRE_FAIL);
	const char *name = strerrorname_np(-error);

	fp_wire_put(&c->out, "node", node);
	fp_wire_put(&c->out, "code", code);
	fp_wire_put(&c->out, "errno", name ? name : "EREMOTEIO");
	if (e->rule[0])
		fp_wire_put(&c->out, "rule", e->rule);
	fp_wire_put(&c->out, "text", e->text);
	fp_wire_end(&c->out, begin);
}

static void client_ok(struct fp_stay_client *c, const char *node,
		      const struct fp_event *ev)
{
	const struct fp_answer *a = &ev->answer;
	size_t begin = fp_wire_begin(&c->out, FP_WIRE_OK);
	size_t n = ev->body_len;

	fp_wire_put(&c->out, "node", node);
	fp_wire_put_u64(&c->out, "changed", a->changed);
	fp_wire_put_u64(&c->out, "ignored", a->ignored);
	fp_wire_put_u64(&c->out, "refused", a->refused);
	fp_wire_put_u64(&c->out, "force", a->is_in_force);
	/* what is not named is counted */
	fp_wire_body(&c->out, ev->body, n <= FP_WIRE_BODY_MAX ? n : 0);
	fp_wire_end(&c->out, begin);
}

static void client_end(struct fp_stay_client *c)
{
	fp_wire_end(&c->out, fp_wire_begin(&c->out, FP_WIRE_END));
}

/* A node that is not connected hears it when it is back. */
static void client_away(struct fp_stay_client *c, const struct fp_stay_node *x)
{
	struct fp_err e = { .text = "not connected" };

	if (x->m->err.text[0])
		e = x->m->err;
	client_fail(c, x->m->host->name, "away",
		    x->m->code ? x->m->code : -ENOTCONN, &e);
}

/* ---- what it asks */

static int relay(struct fp_stay_client *c, const struct fp_wire_msg *m,
		 const struct fp_entries *words)
{
	struct fp_stay *s = c->stay;
	char list[FP_LIST_NAME_MAX + 1], word[16], by[256], why[600];
	uint32_t tag = FP_STAY_TAG + (uint32_t)(c - s->client);
	enum fp_kind kind;

	if (!fp_wire_str(m, "list", list, sizeof(list)) ||
	    fp_list_name_check(list, NULL) ||
	    !fp_wire_str(m, "kind", word, sizeof(word)) ||
	    fp_kind_parse(word, &kind, NULL))
		return -EBADMSG;
	if (!fp_wire_str(m, "by", by, sizeof(by)))
		by[0] = 0;
	if (!fp_wire_str(m, "why", why, sizeof(why)))
		why[0] = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct fp_stay_node *x = &s->node[i];

		if (!x->m->sender) {
			client_away(c, x);
			continue;
		}
		c->awaits[i] = true;
		c->n_awaited++;
		fp_sender_change(x->m->sender, tag, list, kind, by,
				 *why ? why : NULL, NULL, words->v, words->n);
	}
	return 0;
}

static int client_take(struct fp_stay_client *c, const struct fp_wire_msg *m)
{
	struct fp_parse_opts o = { .file = "words" };
	struct fp_stay *s = c->stay;
	struct fp_entries words;
	int r;

	if (m->type != FP_WIRE_CHANGE || c->is_asked)
		return -EBADMSG;
	c->awaits = calloc(s->n + 1, sizeof(*c->awaits));
	if (!c->awaits)
		return -ENOMEM;
	r = fp_entries_parse(&words, m->body, m->body_len, &o, NULL);
	if (r)
		return r;
	c->is_asked = true;
	r = relay(c, m, &words);
	fp_entries_fini(&words);
	if (r)
		return r;
	if (!c->n_awaited)
		client_end(c);
	for (size_t i = 0; i < s->n; i++) /* may end sessions, which answer */
		if (c->fd >= 0 && c->awaits[i])
			fp_fleet_kick(s->fleet, s->node[i].m);
	return 0;
}

static int client_read(struct fp_stay_client *c)
{
	struct fp_wire_msg m;
	size_t used;
	char *to = fp_buf_room(&c->in, 65536);
	ssize_t n = to ? recv(c->fd, to, 65536, MSG_DONTWAIT) : -1;
	int r;

	if (!to)
		return -ENOMEM;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ECONNRESET; /* it does not wait for the answers */
	c->in.len += (size_t)n;
	r = fp_wire_read(c->in.data, c->in.len, &used, &m, NULL);
	if (r <= 0)
		return r;
	if (used != c->in.len)
		return -EBADMSG;
	r = client_take(c, &m);
	c->in.len = 0;
	return r;
}

static void on_client(void *ctx, uint32_t events)
{
	struct fp_stay_client *c = ctx;
	int r = events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? client_read(c) : 0;

	if (r)
		client_close(c);
	else if (c->fd >= 0)
		client_flush(c);
}

/* ---- answers */

static void answer(struct fp_stay_client *c, size_t i,
		   const struct fp_event *ev)
{
	const struct fp_stay_node *x = &c->stay->node[i];

	c->awaits[i] = false;
	c->n_awaited--;
	if (!ev)
		client_away(c, x);
	else if (ev->kind == FP_EVENT_DONE)
		client_ok(c, x->m->host->name, ev);
	else
		client_fail(c, x->m->host->name, ev->code, ev->error, &ev->err);
	if (!c->n_awaited)
		client_end(c);
	client_flush(c);
}

void fp_stay_sock_answer(struct fp_stay *s, size_t i, const struct fp_event *ev)
{
	for (size_t k = 0; k < FP_STAY_CLIENTS; k++) {
		struct fp_stay_client *c = &s->client[k];

		if (c->fd >= 0 && c->awaits && c->awaits[i] &&
		    (!ev || ev->tag == FP_STAY_TAG + k))
			answer(c, i, ev);
	}
}

/* ---- the socket */

static struct fp_stay_client *free_client(struct fp_stay *s)
{
	for (size_t i = 0; i < FP_STAY_CLIENTS; i++) {
		struct fp_stay_client *c = &s->client[i];
		bool is_late = false;

		/* an answer to a client that went away may still come */
		for (size_t k = 0; k < s->n && c->fd < 0; k++)
			is_late |= s->node[k].m->sender &&
				   fp_sender_awaits(s->node[k].m->sender,
						    FP_STAY_TAG + (uint32_t)i);
		if (c->fd < 0 && !is_late)
			return c;
	}
	return NULL;
}

static void on_connect(void *ctx, uint32_t events)
{
	struct fp_stay *s = ctx;
	int fd =
		accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct fp_stay_client *c = fd < 0 ? NULL : free_client(s);

	(void)events;
	if (!c || fp_loop_fd_add(s->loop, fd, EPOLLIN, on_client, c)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*c = (struct fp_stay_client){
		.stay = s,
		.fd = fd,
		.deadline = { .fire = on_deadline, .ctx = c },
	};
	fp_loop_timer_arm(s->loop, &c->deadline, fp_clock_ms() + CLIENT_MS);
}

static int listen_at(struct fp_stay *s)
{
	struct sockaddr_un a;
	mode_t mask;
	int r = fp_stay_address(&a, s->opts.state_dir);

	if (r)
		return r;
	s->listen_fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return -errno;
	unlink(a.sun_path); /* nobody answered there */
	mask = umask(0177);
	r = bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	umask(mask);
	if (!r && listen(s->listen_fd, FP_STAY_CLIENTS))
		r = -errno;
	snprintf(s->sock, sizeof(s->sock), "%s", r ? "" : a.sun_path);
	return r ? r
		 : fp_loop_fd_add(s->loop, s->listen_fd, EPOLLIN, on_connect,
				  s);
}

int fp_stay_sock_open(struct fp_stay *s, struct fp_err *e)
{
	int r;

	if (fp_stay_runs(s->opts.state_dir)) {
		fp_stay_say(
			s, false,
			"another push --stay runs here: add and del go through that one");
		return 0;
	}
	r = listen_at(s);
	return r ? fp_err_sys(e, r, "%s/" FP_STAY_SOCK, s->opts.state_dir) : 0;
}

void fp_stay_sock_close(struct fp_stay *s)
{
	for (size_t i = 0; i < FP_STAY_CLIENTS; i++)
		client_close(&s->client[i]);
	if (s->listen_fd < 0)
		return;
	fp_loop_fd_del(s->loop, s->listen_fd);
	close(s->listen_fd);
	if (s->sock[0])
		unlink(s->sock);
	s->listen_fd = -1;
}
