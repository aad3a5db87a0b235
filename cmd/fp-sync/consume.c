/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync consume: follow the broker, so that what feeds say is banned here. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cli/notify.h"
#include "consume.h"
#include "io/clock.h"
#include "node/rights.h"

#define TICK_MS 1000
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define WAIT_MS 5000 /* heartbeats wait for locks and nodes too */
#define PREFETCH 256
#define QUEUE_TTL_MS 3600000
#define QUEUE_MAX 1000000
#define BINDINGS 16
#define SYSLOG_PER_S 10

/* ---- the connection */

static void dial(struct fs_consume *s);

/* Half of it is chance, so that nodes do not all come back at once. */
static int64_t backoff_ms(int n_failed)
{
	int64_t ms = n_failed < 5 ? RETRY_MIN_MS << n_failed : RETRY_MAX_MS;

	ms = ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms;
	ms = ms / 2 + random() % (ms / 2 + 1);
	return ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms;
}

static void hang_up(struct fs_consume *s)
{
	fs_batch_drop(s);
	fp_loop_timer_disarm(s->loop, &s->again);
	if (s->fd >= 0)
		fp_loop_fd_del(s->loop, s->fd);
	s->fd = -1;
	fp_amqp_close(s->amqp);
	s->amqp = NULL;
}

static void lost(struct fs_consume *s, const struct fp_err *e)
{
	int64_t ms = backoff_ms(s->n_failed++);

	hang_up(s);
	fp_log(FP_LOG_WARN, "broker: %s; again in %lld ms", e->text,
	       (long long)ms);
	fs_say_status(s, e->text);
	fp_loop_timer_arm(s->loop, &s->retry, fp_clock_ms() + ms);
}

/* What waiting will not mend is wrong usage, unless it has worked before. */
static bool is_final(const struct fs_consume *s, int r)
{
	return !s->was_up && (r == -EACCES || r == -EEXIST || r == -EINVAL ||
			      r == -EKEYREJECTED || r == -ENOENT);
}

static void batch(struct fs_consume *s)
{
	struct fp_err e;
	int64_t again_ms;

	if (fs_batch_run(s, &again_ms, &e))
		lost(s, &e);
	else if (again_ms >= 0)
		fp_loop_timer_arm(s->loop, &s->again, fp_clock_ms() + again_ms);
}

/* Take in what has come: never more than the prefetch. */
static bool pull(struct fs_consume *s)
{
	struct fp_amqp_message *m;
	struct fp_err e;
	int r;

	while ((r = fp_amqp_read(s->amqp, &m, &e)) == 1) {
		r = fs_batch_add(s, m, &e);
		if (r)
			break;
	}
	if (r < 0)
		lost(s, &e);
	return !r;
}

static void on_ready(void *ctx, uint32_t events)
{
	struct fs_consume *s = ctx;

	(void)events;
	/* a batch that has to wait is not to be tried with each message */
	if (pull(s) && !s->again.at_ms)
		batch(s);
}

static void on_again(void *ctx)
{
	struct fs_consume *s = ctx;

	if (s->amqp && pull(s))
		batch(s);
}

static int open_broker(struct fs_consume *s, struct fp_err *e)
{
	int r = fp_amqp_open(&s->amqp, &s->opts, e);

	if (!r)
		r = fp_amqp_consume(s->amqp, &s->queue, e);
	if (r)
		return r;
	s->fd = fp_amqp_fd(s->amqp);
	r = fp_loop_fd_add(s->loop, s->fd, EPOLLIN, on_ready, s);
	if (r)
		s->fd = -1;
	return r ? fp_err_sys(e, r, "watching the broker") : 0;
}

static void dial(struct fs_consume *s)
{
	char up[2 * FP_AMQP_NAME_SIZE];
	struct fp_err e;
	int r = open_broker(s, &e);

	if (r && is_final(s, r)) {
		s->exit = fs_broker_fail(s->c, r, &e);
		fp_loop_stop(s->loop);
		return;
	}
	if (r) {
		lost(s, &e);
	} else {
		s->was_up = true;
		s->n_failed = 0;
		snprintf(up, sizeof(up), "following queue %s at %s",
			 s->queue.name, s->url.host);
		fp_log(FP_LOG_NOTICE, "%s", up);
		fs_say_status(s, up);
		on_ready(s, EPOLLIN); /* may have come with the answers */
	}
	/* SIP does not wait for us, nor do we for the broker to begin */
	fp_notify("READY=1");
}

static void on_retry(void *ctx)
{
	dial(ctx);
}

static void on_tick(void *ctx)
{
	struct fs_consume *s = ctx;
	char up[2 * FP_AMQP_NAME_SIZE];

	if (s->amqp)
		on_ready(s, EPOLLIN);
	if (s->amqp && !s->pause_ms) {
		snprintf(up, sizeof(up), "following queue %s at %s",
			 s->queue.name, s->url.host);
		fs_say_status(s, up);
	}
	fs_say_tick(s);
	fp_loop_timer_arm(s->loop, &s->tick, fp_clock_ms() + TICK_MS);
}

/* SIGHUP: another password, another broker. */
static void on_reload(void *ctx)
{
	struct fs_consume *s = ctx;
	struct fp_amqp_url url;
	struct fp_amqp_opts opts;
	struct fp_err e;
	int r = fs_broker(s->c, &url, &opts, &e);

	if (r) {
		fs_broker_fail(s->c, r, &e);
		return;
	}
	s->url = url;
	explicit_bzero(&url, sizeof(url));
	s->n_failed = 0;
	hang_up(s);
	fp_loop_timer_arm(s->loop, &s->retry, fp_clock_ms());
}

/* ---- the command line */

/* From min to max, into *out; stays as it is when the option is not given. */
static int number(struct fs_consume *s, const char *name, int64_t min,
		  int64_t max, int64_t *out, struct fp_err *e)
{
	const char *text = fp_cli_get(s->c, name);
	char *end;
	long long n;

	if (!text)
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max)
		return fp_err(e, -EINVAL, "--%s %s: not from %lld to %lld",
			      name, text, (long long)min, (long long)max);
	*out = n;
	return 0;
}

static int seconds(struct fs_consume *s, const char *name, int64_t max_s,
		   int64_t *out, struct fp_err *e)
{
	const char *text = fp_cli_get(s->c, name);
	int64_t ms;
	int r;

	if (!text)
		return 0;
	r = fp_parse_duration(text, &ms, e);
	if (r)
		return fp_err_prefix(e, r, "--%s", name);
	if (ms < 1000 || ms > max_s * 1000)
		return fp_err(e, -EINVAL, "--%s %s: not from 1s to %llds", name,
			      text, (long long)max_s);
	*out = ms / 1000;
	return 0;
}

/* --bind EXCHANGE=KEY,...: in text, which is cut up. */
static int bindings(struct fp_amqp_queue *q, struct fp_amqp_binding *v,
		    char *text, struct fp_err *e)
{
	char *save = NULL;

	for (char *w = strtok_r(text, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(w, '=');

		if (!eq || eq == w)
			return fp_err(e, -EINVAL, "--bind %s: not EXCHANGE=KEY",
				      w);
		if (q->n_bind == BINDINGS)
			return fp_err(e, -EINVAL, "--bind: more than %d",
				      BINDINGS);
		*eq = 0;
		v[q->n_bind++] = (struct fp_amqp_binding){ w, eq + 1 };
	}
	q->bind = v;
	return 0;
}

static int set_queue(struct fs_consume *s, struct fp_amqp_binding *v,
		     char *bind, struct fp_err *e)
{
	const char *name = fp_cli_get(s->c, "queue");
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(s->queue_name, sizeof(s->queue_name), "fp-sync.%s", host);
	s->queue = (struct fp_amqp_queue){ .name = name ? name : s->queue_name,
					   .exchange = fs_exchange(s->c),
					   .dead = FS_DEAD,
					   .ttl_ms = QUEUE_TTL_MS,
					   .max_length = QUEUE_MAX,
					   .prefetch = PREFETCH };
	return bind ? bindings(&s->queue, v, bind, e) : 0;
}

static int set_limits(struct fs_consume *s, struct fp_ban_limits *l,
		      int64_t *max_bans, struct fp_err *e)
{
	int64_t rate = 1000;
	int r;

	*l = (struct fp_ban_limits){ .ttl_s = 3600,
				     .max_ttl_s = 3600,
				     .is_del_ok =
					     fp_cli_get(s->c, "allow-del") };
	*max_bans = 100000;
	r = seconds(s, "max-ttl", FP_BAN_TTL_MAX_S, &l->max_ttl_s, e);
	if (!r)
		r = seconds(s, "ttl", l->max_ttl_s, &l->ttl_s, e);
	if (!r)
		r = number(s, "max-bans", 1, 10000000, max_bans, e);
	if (!r)
		r = number(s, "rate", 1, 1000000, &rate, e);
	if (l->ttl_s > l->max_ttl_s)
		l->ttl_s = l->max_ttl_s;
	fp_ban_rate_init(&s->rate, rate, fp_clock_ms());
	fp_ban_rate_init(&s->syslog, SYSLOG_PER_S, fp_clock_ms());
	return r;
}

/* Where bans go. */
static int open_place(struct fs_consume *s, struct fp_err *e)
{
	const char *list = fp_cli_get(s->c, "list");
	int64_t max_bans, wait_ms = s->c->timeout_ms < WAIT_MS
					    ? s->c->timeout_ms
					    : WAIT_MS;
	struct fp_bans_opts push = { .state_dir = s->c->state_dir,
				     .cluster = s->c->cluster,
				     .is_cluster_named = s->c->is_cluster_named,
				     .timeout_ms = wait_ms };
	struct fp_feed_opts here = {
		.node = { .state_dir = s->c->state_dir,
			  .pins = s->c->pin_dir,
			  .timeout_ms = wait_ms,
			  .is_broken_ok = fp_cli_overrides(s->c, "broken") },
		.cluster = s->c->cluster,
		.is_cluster_named = s->c->is_cluster_named,
	};
	int r;

	s->list = list ? list : "feeds";
	r = fp_list_name_check(s->list, e);
	if (!r)
		r = set_limits(s, &here.limits, &max_bans, e);
	if (r)
		return r;
	here.list = push.list = s->list;
	push.limits = here.limits;
	here.max_live = push.max_live = (uint64_t)max_bans;
	fp_feed_init(&s->feed, &here);
	s->is_push = fp_cli_get(s->c, "push");
	return s->is_push ? fp_bans_open(&s->bans, &push, e) : 0;
}

/* On this node only: who pushes needs what is his, keys above all.  What opens
 * files stays, though not in effect, for certificates that are read with each
 * connection. */
static int confine(struct fs_consume *s, struct fp_err *e)
{
	const struct fp_rights rights = { .state_dir = s->c->state_dir,
					  .pins = s->c->pin_dir,
					  .use = FP_CAP_BPF | FP_CAP_SYS_PTRACE,
					  .is_change = true };

	return s->is_push ? 0 : fp_rights_begin(&rights, "consume", e);
}

static int run(struct fs_consume *s, struct fp_err *e)
{
	int r = fp_loop_open(&s->loop, e);

	if (!r)
		r = fp_loop_signals(s->loop, on_reload, s, e);
	if (r)
		return r;
	s->tick = (struct fp_timer){ .fire = on_tick, .ctx = s };
	s->retry = (struct fp_timer){ .fire = on_retry, .ctx = s };
	s->again = (struct fp_timer){ .fire = on_again, .ctx = s };
	s->watchdog_ms = fp_notify_watchdog_ms();
	srandom((unsigned int)(fp_clock_unix_ms() ^ getpid()));
	r = fp_loop_timer_arm(s->loop, &s->retry, fp_clock_ms());
	if (!r)
		r = fp_loop_timer_arm(s->loop, &s->tick,
				      fp_clock_ms() + TICK_MS);
	if (!r)
		r = fp_loop_run(s->loop);
	fp_notify("STOPPING=1");
	hang_up(s);
	return r < 0 ? r : 0;
}

int fs_consume(struct fp_cli *c)
{
	struct fs_consume s = { .c = c, .fd = -1, .last = &s.first };
	struct fp_amqp_binding bind[BINDINGS];
	const char *text = fp_cli_get(c, "bind");
	char *copy = NULL;
	struct fp_err e = { .text = "" };
	int r;

	if (c->argc)
		return fp_cli_usage(c, "consume takes no \"%s\"", c->argv[0]);
	if (c->is_dry_run)
		return fp_cli_usage(
			c, "consume takes messages away: no --dry-run");
	r = fs_say_check(&s, &e);
	if (!r && text && !(copy = strdup(text)))
		r = fp_err(&e, -ENOMEM, "out of memory");
	if (!r)
		r = set_queue(&s, bind, copy, &e);
	if (!r)
		r = open_place(&s, &e);
	if (!r)
		r = fs_broker(c, &s.url, &s.opts, &e);
	if (!r)
		r = confine(&s, &e);
	if (!r)
		r = run(&s, &e);
	if (r)
		s.exit = fs_broker_fail(c, r, &e);
	else
		fs_say_end(&s);
	fp_loop_close(s.loop);
	fp_feed_fini(&s.feed);
	fp_bans_close(&s.bans);
	explicit_bzero(&s.url, sizeof(s.url));
	free(copy);
	return s.exit;
}
