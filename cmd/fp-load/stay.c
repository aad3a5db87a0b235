/* SPDX-License-Identifier: Apache-2.0 */
/* fp-load attach --stay: the filter stays on NICs that go and come back. */
#include "stay.h"

#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "cli/notify.h"
#include "io/clock.h"
#include "io/loop.h"
#include "node/filter_keep.h"
#include "peer/netlink_watch.h"

/* What an operator did is noticed before a NIC can go and come back. */
#define LOOK_MS 1000
/* A driver that says no sends events while it does. */
#define NEWS_MS 500
#define PORTS_MS 60000
/* A list that cannot be read, tables that are full: pauses up to this. */
#define MEND_MS 1000
#define MEND_MAX_MS 300000

struct run {
	struct stay stay;
	struct fp_loop *loop;
	struct fp_net_watch *watch;
	struct fp_timer look, ports, mend, watchdog;
	int64_t mend_ms;
	bool is_news; /* an event about one of ours has come */
	char status[400];
};

static void arm(struct run *r, struct fp_timer *t, int64_t in_ms)
{
	if (fp_loop_timer_arm(r->loop, t, fp_clock_ms() + in_ms)) {
		r->stay.end = FP_EXIT_PARTIAL;
		fp_loop_stop(r->loop);
	}
}

/* ---- what systemd shows ---- */

static size_t add(char *out, size_t size, size_t at, const char *text)
{
	int n = at < size ? snprintf(out + at, size - at, "%s", text) : 0;

	return at + (size_t)n;
}

static size_t add_state(const struct stay *s, enum stay_state state,
			const char *word, char *out, size_t size, size_t at)
{
	bool is_any = false;

	for (int i = 0; i < s->n_nics; i++) {
		if (s->nics[i].state != state)
			continue;
		if (!is_any && at)
			at = add(out, size, at, "; ");
		if (!is_any)
			at = add(out, size, at, word);
		at = add(out, size, at, " ");
		at = add(out, size, at, s->nics[i].name);
		is_any = true;
	}
	return at;
}

static void tell(struct run *r, const char *first)
{
	char text[sizeof(r->status)] = "";
	struct stay *s = &r->stay;
	size_t at = 0;

	at = add_state(s, STAY_FILTERS, "filters", text, sizeof(text), at);
	at = add_state(s, STAY_WAITS, "waits for", text, sizeof(text), at);
	at = add_state(s, STAY_FAILED, "tries again", text, sizeof(text), at);
	at = add_state(s, STAY_LEFT, "left alone", text, sizeof(text), at);
	if (s->is_partial)
		add(text, sizeof(text), at,
		    "; not all lists or settings are in force");
	if (*first || strcmp(text, r->status) != 0)
		fp_notify("%sSTATUS=%s", first, text);
	memcpy(r->status, text, sizeof(text));
}

/* ---- NICs ---- */

static bool is_bad(const struct stay *s)
{
	for (int i = 0; i < s->n_nics; i++)
		if (s->nics[i].state == STAY_FAILED)
			return true;
	return s->is_partial;
}

/* What is not as it should be is mended after a pause that grows. */
static void plan_mending(struct run *r)
{
	if (!r->stay.is_partial) {
		r->mend_ms = 0;
		fp_loop_timer_disarm(r->loop, &r->mend);
		if (!is_bad(&r->stay))
			stay_well(&r->stay);
	} else if (!r->mend.at_ms) {
		r->mend_ms = r->mend_ms ? r->mend_ms * 2 : MEND_MS;
		if (r->mend_ms > MEND_MAX_MS)
			r->mend_ms = MEND_MAX_MS;
		arm(r, &r->mend, r->mend_ms);
	}
}

static void after(struct run *r)
{
	plan_mending(r);
	tell(r, "");
	if (r->stay.end)
		fp_loop_stop(r->loop);
}

/* The tables are another version's, who shall go on; or what else there is. */
static void open_failed(struct run *r, int code, const struct fp_err *e)
{
	stay_say(&r->stay, e->text);
	if (code == -EPROTO)
		r->stay.end = FP_EXIT_REFUSED;
}

static void on_look(void *ctx)
{
	struct run *r = ctx;
	struct fp_err e = { 0 };
	struct fp_filter f;
	int rc = fp_filter_open_look(&f, r->stay.c->pin_dir, &e);

	if (rc)
		open_failed(r, rc, &e);
	for (int i = 0; i < r->stay.n_nics && !rc && !r->stay.end; i++)
		stay_look(&r->stay, &r->stay.nics[i], &f, r->is_news);
	if (!rc)
		fp_filter_close(&f);
	r->is_news = false;
	arm(r, &r->look, LOOK_MS);
	after(r);
}

static void on_event(void *ctx, int ifindex, const char *name, bool is_gone)
{
	struct run *r = ctx;

	for (int i = 0; i < r->stay.n_nics; i++) {
		struct stay_nic *n = &r->stay.nics[i];
		bool is_it = n->pin[0] && n->ifindex == ifindex;

		if (is_it && is_gone)
			n->is_gone = true;
		else if (is_it && strcmp(name, n->pin) != 0)
			snprintf(n->other, sizeof(n->other), "%s", name);
		/* a NIC that is waited for may be known by an alternative name,
		 * which is not in the event */
		if (is_it || n->state == STAY_WAITS || !strcmp(name, n->name))
			r->is_news = true;
	}
}

/* How soon to look: at once, but not at each event of a NIC that fails. */
static int64_t news_ms(const struct stay *s)
{
	for (int i = 0; i < s->n_nics; i++)
		if (s->nics[i].state == STAY_FAILED)
			return NEWS_MS;
	return 0;
}

static void on_link(void *ctx, uint32_t events)
{
	struct run *r = ctx;
	struct fp_err e = { 0 };
	int rc = fp_net_watch_read(r->watch, on_event, r, &e);
	int64_t at_ms = fp_clock_ms() + news_ms(&r->stay);

	(void)events;
	if (rc == -ENOBUFS) {
		fp_log(FP_LOG_NOTICE, "%s: each is looked at anew", e.text);
		r->is_news = true;
	} else if (rc) {
		fp_cli_fail(r->stay.c, rc, &e);
		r->stay.end = FP_EXIT_PARTIAL;
		fp_loop_stop(r->loop);
	}
	if (r->is_news && r->look.at_ms > at_ms)
		arm(r, &r->look, at_ms - fp_clock_ms());
}

/* ---- lists, settings, ports ---- */

/* Put all in force again that lists and settings say. */
static void on_mend(void *ctx)
{
	struct run *r = ctx;
	struct stay *s = &r->stay;
	struct fp_err e = { 0 };
	struct fp_filter f;
	int rc = stay_open(s, FL_CHANGE, &f, &e);

	s->is_partial = true;
	if (rc) {
		open_failed(r, rc, &e);
		after(r);
		return;
	}
	rc = fp_filter_refresh(&f, &e);
	if (rc)
		stay_say(s, e.text);
	else
		s->is_partial = fp_filter_is_partial(&f);
	fp_filter_close(&f);
	after(r);
}

static void on_reload(void *ctx)
{
	struct run *r = ctx;

	fp_notify("RELOADING=1");
	stay_well(&r->stay); /* who asks is answered */
	fp_loop_timer_disarm(r->loop, &r->mend);
	r->mend_ms = 0;
	on_look(r);
	if (!r->stay.end)
		on_mend(r);
	tell(r, "READY=1\n");
	if (!r->stay.is_partial && !r->stay.end)
		fp_log(FP_LOG_NOTICE, "lists and settings are in force");
}

static void on_ports(void *ctx)
{
	struct run *r = ctx;
	bool is_changed = false;
	struct fp_err e = { 0 };
	struct fp_filter f;
	int rc = stay_open(&r->stay, FL_CHANGE, &f, &e);

	arm(r, &r->ports, PORTS_MS);
	if (rc) {
		open_failed(r, rc, &e);
		after(r);
		return;
	}
	if (fp_filter_ports(&f, &is_changed, &e))
		stay_say(&r->stay, e.text);
	else if (is_changed)
		fp_log(FP_LOG_NOTICE,
		       "sshd listens elsewhere or settings differ: in force now");
	fp_filter_close(&f);
	after(r);
}

static void on_watchdog(void *ctx)
{
	struct run *r = ctx;

	fp_notify("WATCHDOG=1");
	arm(r, &r->watchdog, fp_notify_watchdog_ms());
}

/* ---- from the start to the end ---- */

/* Who has no right to, or no bpffs, is told now.  Another writer is no reason to
 * end: it is tried again. */
static int first(struct run *r, struct fp_err *e)
{
	struct stay *s = &r->stay;
	struct fp_filter f;
	bool is_dropped;
	int rc = stay_open(s, FL_MAKE, &f, e);

	if (rc == -EAGAIN) {
		stay_say(s, e->text);
		return 0;
	}
	if (rc)
		return rc;
	for (int i = 0; i < s->n_nics && !rc && !s->end; i++) {
		rc = stay_first(s, &s->nics[i], &f);
		if (rc != -EPERM && rc != -EACCES)
			rc = 0;
	}
	fp_filter_drop_unused(&f, &is_dropped, NULL);
	fp_filter_close(&f);
	if (rc)
		s->end = FP_EXIT_FAIL;
	return 0;
}

/* Each once. */
static void add_nics(struct stay *s)
{
	int k;

	for (int i = 0; i < s->c->argc; i++) {
		for (k = 0; k < s->n_nics; k++)
			if (!strcmp(s->nics[k].name, s->c->argv[i]))
				break;
		if (k == s->n_nics)
			s->nics[s->n_nics++].name = s->c->argv[i];
	}
}

static int open_all(struct run *r, struct fp_err *e)
{
	struct stay *s = &r->stay;
	int rc;

	s->nics = calloc((size_t)s->c->argc, sizeof(*s->nics));
	if (!s->nics)
		return fp_err_sys(e, -ENOMEM, "%d interfaces", s->c->argc);
	add_nics(s);
	r->look = (struct fp_timer){ .fire = on_look, .ctx = r };
	r->ports = (struct fp_timer){ .fire = on_ports, .ctx = r };
	r->mend = (struct fp_timer){ .fire = on_mend, .ctx = r };
	r->watchdog = (struct fp_timer){ .fire = on_watchdog, .ctx = r };
	rc = fp_loop_open(&r->loop, e);
	/* before the first look, so that nothing goes unseen in between */
	if (!rc)
		rc = fp_net_watch_open(&r->watch, e);
	if (!rc)
		rc = fp_loop_fd_add(r->loop, fp_net_watch_fd(r->watch), EPOLLIN,
				    on_link, r);
	return rc ? rc : fp_loop_signals(r->loop, on_reload, r, e);
}

/* What fails before is for a person to see to: status 2, and systemd does not try
 * again.  What fails from here on is another one's to go on with: 3. */
static void ready(struct run *r)
{
	static struct fp_tool tool;

	tool = *r->stay.c->tool;
	tool.fail_exit = FP_EXIT_PARTIAL;
	r->stay.c->tool = &tool;
	tell(r, "READY=1\n");
}

static int stay_run(struct run *r, struct fp_err *e)
{
	int rc = first(r, e);

	if (!rc)
		rc = fl_narrow(r->stay.c, e);
	if (rc || r->stay.end)
		return rc;
	arm(r, &r->look, LOOK_MS);
	arm(r, &r->ports, PORTS_MS);
	plan_mending(r);
	if (fp_notify_watchdog_ms())
		on_watchdog(r);
	ready(r);
	rc = fp_loop_run(r->loop);
	fp_notify("STOPPING=1");
	return rc < 0 ? fp_err_sys(e, rc, "event loop") : 0;
}

static void summary(struct fp_cli *c, const struct stay *s)
{
	int n = 0;

	for (int i = 0; i < s->n_nics; i++)
		n += s->nics[i].state == STAY_FILTERS;
	fp_out_counts(c->out, s->n_attached > 0, NULL, "attached",
		      (uint64_t)s->n_attached, "filtering", (uint64_t)n, NULL);
}

int fl_attach_stay(struct fp_cli *c, const struct fp_attach *a)
{
	struct run r = { .stay = { .c = c, .how = *a } };
	struct fp_err e = { 0 };
	int rc = open_all(&r, &e);

	r.stay.how.is_stay = true;
	signal(SIGPIPE, SIG_IGN); /* it is kept whoever reads what it says */
	if (!rc)
		rc = stay_run(&r, &e);
	if (!rc)
		summary(c, &r.stay);
	fp_net_watch_close(r.watch);
	fp_loop_close(r.loop);
	free(r.stay.nics);
	return rc ? fp_cli_fail(c, rc, &e) : r.stay.end;
}
