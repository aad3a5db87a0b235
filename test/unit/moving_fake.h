/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_MOVING_FAKE_H
#define FP_TEST_MOVING_FAKE_H

/* A target on the same loop: the management interface of an OpenSIPS over UDP, with
 * calls that answer as their call-id says, and a journal that is an array here.
 * A call-id begins with a word for what its tries get, one after the other, with
 * '+' between them, the last one from there on, and ends with ".NUMBER":
 *
 *	"491+200.7"   491 at first, then 200
 *	lost: no reply.  late: after 700 ms.  twice: two of them.  cut: the first
 *	half of one.  nosdp, silent (error 408), none (error 404), big: what the
 *	names say.  gone: 200, and not there in a listing.  half: 200, and its
 *	callee answers nothing later.
 *
 * With FAKE_HAS_JOURNAL the journal is the real one. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>

#include "db/journal.h"
#include "io/clock.h"
#include "rehome/moving.h"
#include "unit.h"

#define CALLS 4096
#define MB (1024ull * 1024)

struct fake_call {
	char callid[64];
	unsigned int n_asked, under, n_caller, n_callee;
	bool has_intent, has_intent_flushed;
	char state[16]; /* of the journal */
};

static struct fake {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_inventory *inv;
	struct fp_edges edges;
	int fd;
	struct sockaddr_in sa;
	struct fake_call call[CALLS];
	size_t n_calls;
	unsigned int under, under_max, n_asked, n_samples;
	int64_t took_ms;      /* of an answer */
	uint64_t total, free; /* shared memory */
	uint64_t cost;        /* a call's */
	unsigned int
		odd_every;   /* so many samples one says that nothing is free */
	unsigned int die_at; /* asked so many: the socket is closed; 0: never */
	unsigned int mute_at; /* ...: it answers nothing any more */
	unsigned int stop_at; /* ...: SIGINT comes */
	bool is_mute;
	unsigned int kill_at; /* ...: SIGKILL to kill_pid */
	pid_t kill_pid;
	bool has_journal; /* a real one, in another process */
	/* the journal */
	int flush_code, add_code; /* what they say */
	unsigned int n_fail;      /* so many flushes have flush_code; then 0 */
	int64_t flush_ms;         /* how long one takes */
	unsigned int n_flushes, add_at;
	bool is_flushing;
	struct fp_timer flush, hurry;
	void (*flushed)(void *ctx, int code, const struct fp_err *e);
	void *flush_ctx;
	/* callbacks */
	unsigned int n_verdicts, n_verified, n_progress, n_checks;
	int check_code;
	unsigned int check_at;
	char said[4096];
} f;

static struct fake_call *fake_find(const char *callid, size_t n)
{
	for (size_t i = 0; i < f.n_calls; i++)
		if (!strncmp(f.call[i].callid, callid, n) &&
		    !f.call[i].callid[n])
			return &f.call[i];
	return NULL;
}

/* ---- the journal: what of fp_journal the mover uses */

#ifndef FAKE_HAS_JOURNAL

int fp_journal_add(struct fp_journal *j, const char *item, const char *state,
		   const char *detail, struct fp_err *e)
{
	struct fake_call *c;

	(void)j;
	if (f.add_at && !--f.add_at)
		return fp_err(e, f.add_code, "the copy cannot be written");
	if (!OK(!strncmp(item, "call:", 5)))
		return 0;
	c = fake_find(item + 5, strlen(item + 5));
	if (!OK(c))
		return 0;
	OK(!strcmp(state, "asked") || (detail && *detail == '{'));
	if (!strcmp(state, "asked"))
		c->has_intent = true;
	snprintf(c->state, sizeof(c->state), "%s", state);
	return 0;
}

static void fake_flushed(void *ctx)
{
	struct fp_err e = { .text = "no fp_db" };
	int code = f.n_fail ? f.flush_code : 0;

	(void)ctx;
	f.n_fail -= f.n_fail != 0;
	f.is_flushing = false;
	for (size_t i = 0; i < f.n_calls && !code; i++)
		f.call[i].has_intent_flushed = f.call[i].has_intent;
	f.flushed(f.flush_ctx, code, &e);
}

int fp_journal_flush(struct fp_journal *j,
		     void (*done)(void *ctx, int code, const struct fp_err *e),
		     void *ctx, struct fp_err *e)
{
	(void)j;
	(void)e;
	OK(!f.is_flushing);
	f.is_flushing = true;
	f.n_flushes++;
	f.flushed = done;
	f.flush_ctx = ctx;
	f.flush = (struct fp_timer){ .fire = fake_flushed };
	return fp_loop_timer_arm(f.loop, &f.flush, fp_clock_ms() + f.flush_ms);
}

int fp_journal_flush_wait(struct fp_journal *j, struct fp_err *e)
{
	(void)j;
	OK(!f.is_flushing);
	return f.n_fail ? fp_err(e, f.flush_code, "no fp_db") : 0;
}

#endif

/* ---- replies, now or later */

static struct reply {
	struct reply *next, **at; /* of those that wait */
	struct fp_timer timer;
	struct fake_call *call; /* it is over by it; or NULL */
	struct sockaddr_in to;
	int times;
	size_t n;
	char text[60000];
} * replies;

static void reply_free(struct reply *r)
{
	if (r->next)
		r->next->at = r->at;
	*r->at = r->next;
	fp_loop_timer_disarm(f.loop, &r->timer);
	free(r);
}

static void reply_sent(void *ctx)
{
	struct reply *r = ctx;

	if (r->call) {
		r->call->under--;
		f.under--;
	}
	for (int i = 0; i < r->times && f.fd >= 0 && !f.is_mute; i++)
		sendto(f.fd, r->text, r->n, 0, (struct sockaddr *)&r->to,
		       sizeof(r->to));
	reply_free(r);
}

static struct reply *reply_new(const struct sockaddr_in *to, const char *id,
			       const char *kind, const char *text)
{
	struct reply *r = calloc(1, sizeof(*r));

	if (!OK(r))
		exit(1);
	r->next = replies;
	r->at = &replies;
	if (replies)
		replies->at = &r->next;
	replies = r;
	r->to = *to;
	r->times = 1;
	r->n = (size_t)snprintf(r->text, sizeof(r->text),
				"{\"jsonrpc\":\"2.0\",\"%s\":%s,\"id\":\"%s\"}",
				kind, text, id);
	r->timer = (struct fp_timer){ .fire = reply_sent, .ctx = r };
	return r;
}

static void reply_in(struct reply *r, int64_t ms)
{
	fp_loop_timer_arm(f.loop, &r->timer, fp_clock_ms() + ms);
}

/* ---- what a call does */

/* The word for its try, of a call-id. */
static void word_of(const struct fake_call *c, unsigned int try, char word[32])
{
	const char *s = c->callid, *next;

	while (try-- && (next = strchr(s, '+')))
		s = next + 1;
	snprintf(word, 32, "%.*s", (int)strcspn(s, "+."), s);
}

static struct reply *answer_of(const struct sockaddr_in *to, const char *id,
			       const char *word)
{
	static const struct {
		const char *word, *kind, *text;
	} table[] = {
		{ "silent", "error",
		  "{\"code\":408,\"message\":\"Request Timeout\"}" },
		{ "none", "error",
		  "{\"code\":404,\"message\":\"Dialog Not Found\"}" },
		{ "nosdp", "result", "{\"Code\":400,\"Reason\":\"OK\"}" },
		{ "odd", "result", "{\"Reason\":\"\\u0007\\u00fc\"}" },
		{ "err500", "error", "{\"code\":500,\"message\":\"\\u00fc\"}" },
	};
	char text[64];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(word, table[i].word))
			return reply_new(to, id, table[i].kind, table[i].text);
	snprintf(text, sizeof(text), "{\"Code\":%d,\"Reason\":\"%s\"}",
		 atoi(word) ? atoi(word) : 200, atoi(word) > 200 ? "No" : "OK");
	return reply_new(to, id, "result", text);
}

static void counted(struct fake_call *c)
{
	OK(c->has_intent_flushed || f.has_journal); /* before it is asked */
	OK(!c->under++);                            /* never twice at once */
	c->n_asked++;
	f.n_asked++;
	if (++f.under > f.under_max)
		f.under_max = f.under;
	f.free -= f.cost;
	if (f.n_asked == f.stop_at)
		kill(getpid(), SIGINT);
	if (f.n_asked == f.kill_at)
		kill(f.kill_pid, SIGKILL);
	if (f.n_asked == f.mute_at)
		f.is_mute = true;
	if (f.n_asked != f.die_at)
		return;
	fp_loop_fd_del(f.loop, f.fd);
	close(f.fd);
	f.fd = -1;
}

static void served_move(struct fake_call *c, const struct sockaddr_in *to,
			const char *id)
{
	int64_t ms = f.took_ms;
	struct reply *r;
	char word[32];

	counted(c);
	word_of(c, c->n_asked - 1, word);
	r = answer_of(to, id, word);
	r->call = c;
	r->times = !strcmp(word, "twice") ? 2 : strcmp(word, "lost") != 0;
	if (!strcmp(word, "cut"))
		r->n /= 2;
	if (!strcmp(word, "late")) { /* we no longer wait for it */
		r->call = NULL;
		c->under--;
		f.under--;
		ms = 700;
	}
	reply_in(r, ms);
}

static void served_options(struct fake_call *c, bool is_callee,
			   const struct sockaddr_in *to, const char *id)
{
	const char *word = is_callee && !strncmp(c->callid, "half", 4)
				   ? "silent"
			   : !strncmp(c->callid, "gone", 4) ? "none"
			   : !strncmp(c->callid, "odd5", 4) ? "503"
							    : "200";

	if (is_callee)
		c->n_callee++;
	else
		c->n_caller++;
	reply_in(answer_of(to, id, word), f.took_ms);
}

/* ---- the other commands */

static void served_list(const struct sockaddr_in *to, const char *id,
			const char *asked)
{
	const char *at = strstr(asked, "\"index\":"),
		   *count = strstr(asked, "\"counter\":");
	size_t from = at ? (size_t)atol(at + 8) : 0, n = 0, seen = 0;
	size_t max = count ? (size_t)atol(count + 10) : SIZE_MAX;
	char text[50000];

	n = (size_t)snprintf(text, sizeof(text), "{\"count\":%zu,\"Dialogs\":[",
			     f.n_calls);
	for (size_t i = from; i < f.n_calls && seen < max; i++, seen++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"%s{\"ID\":\"%zu\",\"state\":%d,\"callid\":\"%s\"}",
			seen ? "," : "", i,
			strncmp(f.call[i].callid, "gone", 4) ? 4 : 5,
			f.call[i].callid);
	snprintf(text + n, sizeof(text) - n, "]}");
	reply_in(reply_new(to, id, "result", text), 0);
}

static void served_memory(const struct sockaddr_in *to, const char *id)
{
	char text[128];

	f.n_samples++;
	if (!f.total) {
		reply_in(reply_new(to, id, "result", "{}"), 0);
		return;
	}
	snprintf(text, sizeof(text),
		 "{\"shmem:total_size\":%llu,\"shmem:free_size\":%llu}",
		 (unsigned long long)f.total,
		 f.odd_every && f.n_samples % f.odd_every == 0
			 ? 48ull
			 : (unsigned long long)f.free);
	reply_in(reply_new(to, id, "result", text), 0);
}

static void served_text(const char *asked, const struct sockaddr_in *to)
{
	const char *s = strstr(asked, "\"id\":\""),
		   *callid = strstr(asked, "\"callid\":\"");
	struct fake_call *c = NULL;
	char id[64] = "";

	if (!OK(s && sscanf(s + 6, "%63[^\"]", id) == 1))
		return;
	if (callid)
		c = fake_find(callid + 10, strcspn(callid + 10, "\""));
	if (strstr(asked, "\"get_statistics\""))
		served_memory(to, id);
	else if (strstr(asked, "\"dlg_list_ctx\""))
		served_list(to, id, asked);
	else if (!strstr(asked, "\"dlg_send_sequential\""))
		reply_in(reply_new(to, id, "result", "\"OK\""), 0);
	else if (OK(c) && strstr(asked, "\"OPTIONS\""))
		served_options(c, strstr(asked, "\"callee\"") != NULL, to, id);
	else if (c)
		served_move(c, to, id);
}

static void served(void *ctx, uint32_t events)
{
	struct sockaddr_in from;
	char text[4096];
	ssize_t n;

	(void)ctx;
	(void)events;
	while (f.fd >= 0) {
		socklen_t len = sizeof(from);

		n = recvfrom(f.fd, text, sizeof(text) - 1, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		text[n] = 0;
		if (!f.is_mute)
			served_text(text, &from);
	}
}

/* ---- all of it */

static __attribute__((unused)) void hurried(void *ctx)
{
	(void)ctx;
	fp_clock_turn(20);
	fp_loop_timer_arm(f.loop, &f.hurry, fp_clock_ms() + 1);
}

/* The clock runs about 20 times as fast from here on. */
static __attribute__((unused)) void fake_hurry(void)
{
	f.hurry = (struct fp_timer){ .fire = hurried };
	hurried(NULL);
}

static void fake_open(void)
{
	struct fp_edges_opts o = { .timeout_ms = 500 };
	socklen_t len = sizeof(f.sa);
	char text[128];
	struct fp_err e;

	f.sa = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr =
					     htonl(INADDR_LOOPBACK) };
	f.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bind(f.fd, (struct sockaddr *)&f.sa, sizeof(f.sa));
	getsockname(f.fd, (struct sockaddr *)&f.sa, &len);
	f.total = 256 * MB;
	f.free = 240 * MB;
	snprintf(text, sizeof(text),
		 "[opensips]\nsip2 fp_node_id=2 fp_mi=udp:127.0.0.1:%u\n",
		 ntohs(f.sa.sin_port));
	if (!OK(!fp_loop_open(&f.loop, &e)) ||
	    !OK(!fp_loop_signals(f.loop, NULL, NULL, &e)) ||
	    !OK(!fp_work_open(&f.work, f.loop, 1, &e)) ||
	    !OK(!fp_resolver_open(&f.resolver, f.loop, f.work, &e)) ||
	    !OK(!fp_loop_fd_add(f.loop, f.fd, EPOLLIN, served, NULL)) ||
	    !OK(!fp_inventory_parse(&f.inv, "test", text, strlen(text), &e)))
		exit(1);
	o.loop = f.loop;
	o.resolver = f.resolver;
	if (!OK(!fp_edges_init(&f.edges, &o, f.inv, &e)))
		exit(1);
}

static void fake_close(void)
{
	fp_loop_timer_disarm(f.loop, &f.hurry);
	while (replies)
		reply_free(replies);
	fp_edges_fini(&f.edges);
	fp_inventory_free(f.inv);
	fp_resolver_close(f.resolver);
	fp_work_close(f.work);
	if (f.fd >= 0) {
		fp_loop_fd_del(f.loop, f.fd);
		close(f.fd);
	}
	fp_loop_close(f.loop);
}

#endif
