/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync publish: changes from stdin to the broker, confirmed. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "broker.h"
#include "io/clock.h"
#include "io/loop.h"
#include "logic/ban.h"
#include "sync.h"

#define TICK_MS 1000
#define READ_SIZE 65536

struct publish {
	struct fp_cli *c;
	struct fp_amqp *amqp;
	const char *exchange;
	struct fp_loop *loop;
	struct fp_timer tick, again;
	struct fp_buf in; /* of stdin, from the first line not published */
	bool is_end;
	size_t line;
	uint64_t n_sent, n_good, n_expired;
	char id[128]; /* the message ids' common part */
	int r;
	struct fp_err e;
};

/* ---- to the broker */

/* Until the broker has all of what was sent. */
static int confirm(struct publish *p, struct fp_err *e)
{
	size_t n_good = 0;
	int r = 0;

	if (p->amqp)
		r = fp_amqp_confirm(p->amqp, &n_good, e);
	p->n_good += n_good;
	return r;
}

static int post(struct publish *p, const struct fp_event_ban *ban,
		struct fp_err *e)
{
	struct fp_amqp_post m = { .exchange = p->exchange,
				  .key = "",
				  .type = "application/json",
				  .said_ms = fp_clock_unix_ms() };
	struct fp_buf body = { 0 };
	char id[sizeof(p->id) + 24];
	int r;

	snprintf(id, sizeof(id), "%s-%llu", p->id,
		 (unsigned long long)p->n_sent + 1);
	m.id = id;
	fp_event_print(&body, ban);
	m.body = body.data;
	m.size = body.len;
	r = body.is_failed ? fp_err(e, -ENOMEM, "out of memory")
			   : fp_amqp_publish(p->amqp, &m, e);
	fp_buf_fini(&body);
	p->n_sent += !r;
	return r;
}

/* ---- from stdin */

/* What no consumer would take is an error here, where somebody sees it. */
static int ban(struct publish *p, const struct fp_event_ban *b,
	       struct fp_err *e)
{
	const struct fp_ban_limits limits = { .ttl_s = FP_BAN_TTL_MAX_S,
					      .max_ttl_s = FP_BAN_TTL_MAX_S,
					      .is_del_ok = true };
	struct fp_ban limited;
	int r = fp_ban_limit(&limited, &limits, b, 0, fp_clock_unix_ms(), e);

	if (r == -ETIME) {
		p->n_expired++;
		return 0;
	}
	if (r)
		return fp_err_prefix(e, -EINVAL, "-:%zu", p->line);
	if (p->c->is_dry_run) {
		p->n_sent++;
		return 0;
	}
	return post(p, b, e);
}

static int line(struct publish *p, const char *s, size_t n, struct fp_err *e)
{
	struct fp_event_body ev;
	int r;

	p->line++;
	if (n && s[n - 1] == '\r')
		n--;
	r = fp_event_parse_line(&ev, s, n, e);
	if (r)
		return fp_err_prefix(e, r == -ENOMEM ? r : -EINVAL, "-:%zu",
				     p->line);
	for (size_t i = 0; i < ev.n && !r; i++)
		r = ban(p, &ev.v[i], e);
	fp_event_fini(&ev);
	return r;
}

static int lines(struct publish *p, struct fp_err *e)
{
	const char *s = p->in.data, *end = s + p->in.len, *nl;
	int r = 0;

	while (!r && s < end && (nl = memchr(s, '\n', (size_t)(end - s)))) {
		r = line(p, s, (size_t)(nl - s), e);
		s = nl + 1;
	}
	if (!r && s < end && p->is_end) {
		r = line(p, s, (size_t)(end - s), e);
		s = end;
	}
	if (!r && end - s > FP_EVENT_BODY_MAX)
		r = fp_err(e, -EINVAL, "-:%zu: more than %u bytes", p->line + 1,
			   FP_EVENT_BODY_MAX);
	if (s < end)
		memmove(p->in.data, s, (size_t)(end - s));
	p->in.len = (size_t)(end - s);
	return r;
}

/* Is more there to be read at once? */
static bool has_more(const struct publish *p)
{
	struct pollfd f = { .fd = STDIN_FILENO, .events = POLLIN };

	return !p->is_end && poll(&f, 1, 0) == 1;
}

static int take(struct publish *p, struct fp_err *e)
{
	char *room = fp_buf_room(&p->in, READ_SIZE);
	ssize_t n;
	int r;

	if (!room)
		return fp_err(e, -ENOMEM, "out of memory");
	n = read(STDIN_FILENO, room, READ_SIZE);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fp_err_sys(e, -errno, "reading stdin");
	p->in.len += (size_t)n;
	p->is_end = !n;
	r = lines(p, e);
	if (!r && !has_more(p))
		r = confirm(p, e);
	return r;
}

/* ---- the loop */

static void on_input(void *ctx, uint32_t events)
{
	struct publish *p = ctx;

	(void)events;
	p->r = take(p, &p->e);
	if (p->r || p->is_end)
		fp_loop_stop(p->loop);
}

static void on_again(void *ctx)
{
	struct publish *p = ctx;

	on_input(p, EPOLLIN);
	fp_loop_timer_arm(p->loop, &p->again, fp_clock_ms());
}

/* Heartbeats, and to hear when the broker goes. */
static void on_tick(void *ctx)
{
	struct publish *p = ctx;
	struct fp_amqp_message *m;

	p->r = fp_amqp_read(p->amqp, &m, &p->e);
	if (p->r)
		fp_loop_stop(p->loop);
	else
		fp_loop_timer_arm(p->loop, &p->tick, fp_clock_ms() + TICK_MS);
}

static int run(struct publish *p)
{
	int r = fp_loop_open(&p->loop, &p->e);

	p->tick = (struct fp_timer){ .fire = on_tick, .ctx = p };
	p->again = (struct fp_timer){ .fire = on_again, .ctx = p };
	if (!r)
		r = fp_loop_signals(p->loop, NULL, NULL, &p->e);
	if (!r)
		r = fp_loop_fd_add(p->loop, STDIN_FILENO, EPOLLIN, on_input, p);
	if (r == -EPERM) /* epoll_ctl(2): a regular file */
		r = fp_loop_timer_arm(p->loop, &p->again, fp_clock_ms());
	if (!r && p->amqp)
		r = fp_loop_timer_arm(p->loop, &p->tick,
				      fp_clock_ms() + TICK_MS);
	if (r)
		return r;
	r = fp_loop_run(p->loop);
	return r < 0 ? r : p->r;
}

static int open_broker(struct publish *p, struct fp_err *e)
{
	struct fp_amqp_url url;
	struct fp_amqp_opts opts;
	char host[64] = "";
	int r = fs_broker(p->c, &url, &opts, e);

	if (!r && !p->c->is_dry_run)
		r = fp_amqp_open(&p->amqp, &opts, e);
	explicit_bzero(&url, sizeof(url));
	gethostname(host, sizeof(host) - 1);
	snprintf(p->id, sizeof(p->id), "%s-%d-%lld", host, (int)getpid(),
		 (long long)fp_clock_unix_ms());
	return r;
}

/* What was sent before an error stays sent, and is counted. */
static int finish(struct publish *p, int r)
{
	struct fp_err e;
	char json[96];
	int status = FP_EXIT_OK, late = confirm(p, &e);

	if (r)
		status = fs_broker_fail(p->c, r, &p->e);
	/* not said twice when it is gone */
	if (late && (!r || r == -EINVAL))
		status = fs_broker_fail(p->c, late, &e);
	if (status)
		fp_log(FP_LOG_ERR, "%llu published and confirmed before that",
		       (unsigned long long)p->n_good);
	if (p->n_expired)
		fp_log(FP_LOG_WARN, "%llu left out: their until= has passed",
		       (unsigned long long)p->n_expired);
	snprintf(json, sizeof(json), "\"published\":%llu,\"expired\":%llu",
		 (unsigned long long)p->n_good,
		 (unsigned long long)p->n_expired);
	fp_out_summary(p->c->out,
		       p->c->is_dry_run ? p->n_sent > 0 : p->n_good > 0, json,
		       NULL);
	return !status && p->c->is_dry_run && p->n_sent ? FP_EXIT_NO : status;
}

int fs_publish(struct fp_cli *c)
{
	struct publish p = { .c = c, .exchange = fs_exchange(c) };
	int status, r;

	if (c->argc > 1 || (c->argc && strcmp(c->argv[0], "-")))
		return fp_cli_usage(c,
				    "publish reads stdin, it takes no \"%s\"",
				    c->argv[c->argc - 1]);
	r = open_broker(&p, &p.e);
	status = r ? fs_broker_fail(c, r, &p.e) : finish(&p, run(&p));
	fp_loop_close(p.loop);
	fp_amqp_close(p.amqp);
	fp_buf_fini(&p.in);
	return status;
}
