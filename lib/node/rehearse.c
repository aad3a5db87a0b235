/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rehearse.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "model/settings.h"
#include "node/rehearse_priv.h"
#include "peer/sshd.h"
#include "peer/xdp.h"

#define ETH_SIZE 14

/* A packet that waits for its verdict. */
struct waiting {
	struct fp_rehearsed x;
	struct fp_rehearse_look look;
	size_t n; /* bytes that count as judged */
	bool is_part;
};

struct fp_rehearsing {
	struct fp_rehearsing_opts opts;
	struct fp_rehearsal *run;
	struct fp_sources *sources;
	struct fp_rehearsing_counts counts;
	struct waiting waiting[FP_REHEARSE_MAX];
	size_t n_waiting;
};

/* ---- opening ---- */

/* A value may have commas too, as a list of ports does: what has no '=' belongs
 * to the word before.  The word at `at` is ended; the next, or NULL. */
static char *next_word(char *at)
{
	for (char *c = strchr(at, ','); c; c = strchr(c + 1, ',')) {
		if (c[1 + strcspn(c + 1, ",=")] != '=')
			continue;
		*c = 0;
		return c + 1;
	}
	return NULL;
}

static int set_words(struct fp_settings *s, const char *text, struct fp_err *e)
{
	char words[4096], *word = words, *next;
	int r = 0;

	if (strlen(text) >= sizeof(words))
		return fp_err(e, -EINVAL, "more than %zu bytes of settings",
			      sizeof(words) - 1);
	strcpy(words, text);
	for (; !r && word; word = next) {
		next = next_word(word);
		r = fp_settings_set(s, word, NULL, e);
	}
	return r;
}

/* As the live filter has them. */
static void settings_of(struct fp_settings *s, const struct fp_conf *c,
			const struct fp_ports *p)
{
	fp_settings_default(s);
	s->lists = (enum fp_mode)c->lists;
	s->stealth = (enum fp_mode)c->stealth;
	s->malformed = (enum fp_mode)c->malformed;
	memcpy(s->sip.udp, p->sip_udp, sizeof(s->sip.udp));
	memcpy(s->sip.tcp, p->sip_tcp, sizeof(s->sip.tcp));
	memcpy(s->guard.udp, p->guard_udp, sizeof(s->guard.udp));
	memcpy(s->guard.tcp, p->guard_tcp, sizeof(s->guard.tcp));
}

static size_t ssh_of(uint16_t out[FP_SSHD_PORTS_MAX], const struct fp_ports *p)
{
	size_t n = 0;

	for (unsigned int port = 0; port <= UINT16_MAX; port++)
		if (p->never[port / 32] >> (port % 32) & 1 &&
		    n < FP_SSHD_PORTS_MAX)
			out[n++] = (uint16_t)port;
	return n;
}

/* On the live tables, and as if something else were set. */
static int set_live(struct fp_rehearsing *r, struct fp_err *e)
{
	struct fp_maps *maps = fp_rehearsal_maps(r->run);
	struct fp_ports *ports = fp_maps_ports(maps, e);
	uint16_t ssh[FP_SSHD_PORTS_MAX];
	struct fp_settings s;
	size_t n_ssh;
	int status;

	if (!ports)
		return -EIO;
	if (!r->opts.set)
		return 0;
	settings_of(&s, fp_maps_conf(maps), ports);
	n_ssh = ssh_of(ssh, ports);
	status = set_words(&s, r->opts.set, e);
	if (status)
		return status;
	fp_settings_apply(&s, ssh, n_ssh, fp_maps_conf(maps), ports);
	fp_rehearsal_keep(r->run);
	return 0;
}

static int open_live(struct fp_rehearsing *r, struct fp_err *e)
{
	char dir[PATH_MAX];
	int status;

	fp_maps_dir(r->opts.pins, dir, sizeof(dir));
	status = fp_rehearsal_open(&r->run, dir, e);
	return status ? status : set_live(r, e);
}

/* Tables of our own, of other lists or before the first attach. */
static int open_own(struct fp_rehearsing *r, bool is_own, struct fp_err *e)
{
	const struct fp_rehearsing_opts *o = &r->opts;
	struct fp_settings s;
	char path[PATH_MAX];
	int status = fp_settings_read(&s, o->state_dir, o->notice, o->ctx, e);

	if (status >= 0)
		status = o->set ? set_words(&s, o->set, e) : 0;
	if (!status)
		status = fp_rehearsal_open(&r->run, NULL, e);
	if (status)
		return status;
	snprintf(path, sizeof(path), "%s/lists", o->state_dir);
	return fp_rehearse_fill(fp_rehearsal_maps(r->run), o,
				is_own ? path : o->lists, is_own, &s, e);
}

static int open_any(struct fp_rehearsing *r, struct fp_err *e)
{
	struct fp_settings scratch;
	struct fp_maps *maps;
	char text[PATH_MAX + 80];
	int status = 0;

	fp_settings_default(&scratch);
	if (r->opts.set)
		status = set_words(&scratch, r->opts.set, e);
	if (status || r->opts.lists)
		return status ? status : open_own(r, false, e);
	status = fp_maps_open(&maps, r->opts.pins, e);
	if (!status) {
		fp_rehearse_say_passing(&r->opts, fp_maps_conf(maps),
					&r->counts);
		fp_maps_close(maps);
		return open_live(r, e);
	}
	if (status != -ENOENT)
		return status;
	snprintf(text, sizeof(text),
		 "no filter is loaded: judged by the lists and settings in %s",
		 r->opts.state_dir);
	r->opts.notice(r->opts.ctx, text);
	return open_own(r, true, e);
}

int fp_rehearsing_open(struct fp_rehearsing **out,
		       const struct fp_rehearsing_opts *opts, struct fp_err *e)
{
	struct fp_rehearsing *r = calloc(1, sizeof(*r));
	int status;

	if (!r)
		return fp_err(e, -ENOMEM, "out of memory");
	r->opts = *opts;
	r->sources = fp_sources_new((uint32_t)(fp_clock_unix_ms() ^
					       fp_clock_ms() * 0x9e3779b9));
	status = r->sources ? open_any(r, e)
			    : fp_err(e, -ENOMEM, "out of memory");
	if (status)
		fp_rehearsing_close(r);
	else
		*out = r;
	return status;
}

void fp_rehearsing_close(struct fp_rehearsing *r)
{
	if (!r)
		return;
	fp_rehearsal_close(r->run);
	fp_sources_free(r->sources);
	free(r);
}

/* ---- packets ---- */

static bool is_observed(const struct fp_rehearsal_verdict *v)
{
	return !v->is_drop && v->observed < FP_R_N;
}

static bool is_malformed(const struct fp_rehearsal_verdict *v)
{
	return v->reason == FP_R_drop_malformed ||
	       v->observed == FP_R_seen_malformed;
}

static void count(struct fp_rehearsing *r, const struct waiting *w)
{
	const struct fp_rehearsed *x = &w->x;
	const struct fp_rehearsal_verdict *v = &x->verdict;
	const struct fp_sources_packet one = {
		.src = x->frame.src,
		.reason = is_observed(v) ? v->observed : v->reason,
		.is_dropped = v->is_drop,
		.is_observed = is_observed(v),
		.is_dialog = w->look.is_dialog && !is_malformed(v),
		.unix_s = x->unix_s,
	};

	r->counts.judged += x->is_judged;
	r->counts.dropped += v->is_drop;
	r->counts.observed += is_observed(v);
	r->counts.cut += x->is_cut;
	if (x->is_judged && x->is_ip)
		fp_sources_add(r->sources, &one);
}

static int finish(struct fp_rehearsing *r, struct waiting *w,
		  const struct fp_rehearsal_verdict *v)
{
	const struct fp_conf *conf = fp_maps_conf(fp_rehearsal_maps(r->run));
	struct fp_rehearsed *x = &w->x;

	x->verdict = *v;
	x->is_ip = w->look.is_ip;
	x->frame = w->look.frame;
	x->is_judged =
		v->is_drop || v->observed < FP_R_N ||
		(v->reason != FP_R_pass_other && v->reason != FP_R_pass_unread);
	x->is_cut = w->is_part &&
		    fp_rehearse_is_open(&w->look, v, w->n, x->wire_len,
					conf->malformed != FP_OFF);
	count(r, w);
	return r->opts.each ? r->opts.each(r->opts.ctx, x) : 0;
}

int fp_rehearsing_flush(struct fp_rehearsing *r, struct fp_err *e)
{
	struct fp_rehearsal_verdict v[FP_REHEARSE_MAX];
	size_t n;
	int status = fp_rehearsal_run(r->run, v, &n, e);

	r->n_waiting = 0;
	for (size_t i = 0; !status && i < n; i++)
		status = finish(r, &r->waiting[i], &v[i]);
	return status;
}

/* Not even a frame: no NIC gives it to a program. */
static int skip(struct fp_rehearsing *r, const struct fp_rehearsed *x,
		struct fp_err *e)
{
	int status = fp_rehearsing_flush(r, e);

	r->counts.skipped++;
	return status || !r->opts.each ? status : r->opts.each(r->opts.ctx, x);
}

/* Later the packet is gone: the first line is in the copy. */
static void move_payload(struct fp_frame *f, const unsigned char *from,
			 const unsigned char *to, size_t n)
{
	size_t at;

	if (!f->payload)
		return;
	at = (size_t)(f->payload - from);
	f->payload_len = at < n ? f->payload_len : 0;
	if (f->payload_len > n - at && at < n)
		f->payload_len = n - at;
	f->payload = f->payload_len ? to + at : NULL;
}

int fp_rehearsing_packet(struct fp_rehearsing *r, const struct fp_packet *p,
			 uint64_t n, struct fp_err *e)
{
	struct waiting w = {
		.x = { .n = n, .unix_s = p->unix_s, .wire_len = p->wire_len }
	};
	const unsigned char *copy;
	int status = 0;

	r->counts.packets++;
	if (p->is_outgoing) {
		r->counts.outgoing++;
		return 0;
	}
	if (p->len < ETH_SIZE) {
		w.x.is_skipped = true;
		return skip(r, &w.x, e);
	}
	fp_rehearse_look(&w.look, p->frame, p->len);
	w.n = p->len;
	if (w.look.keep > FP_XDP_RUN_MAX) {
		/* what a run of the kernel's cannot take is as good as cut */
		w.n = FP_XDP_RUN_MAX;
		fp_rehearse_look(&w.look, p->frame, w.n);
	}
	w.is_part = p->wire_len > w.n;
	copy = fp_rehearsal_put(r->run, p->frame, w.look.keep);
	if (!copy) {
		status = fp_rehearsing_flush(r, e);
		if (status)
			return status;
		copy = fp_rehearsal_put(r->run, p->frame, w.look.keep);
	}
	r->waiting[r->n_waiting] = w;
	move_payload(&r->waiting[r->n_waiting++].look.frame, p->frame, copy,
		     w.look.keep);
	return 0;
}

void fp_rehearsing_look_for_own(struct fp_rehearsing *r)
{
	fp_rehearse_say_own(&r->opts, r->sources);
}

const struct fp_rehearsing_counts *
fp_rehearsing_counts(const struct fp_rehearsing *r)
{
	return &r->counts;
}

struct fp_sources *fp_rehearsing_sources(struct fp_rehearsing *r)
{
	return r->sources;
}
