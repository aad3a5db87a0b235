/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "codec/opensips_cfg.h"
#include "codec/opensips_cfg_priv.h"

#define ROUTES 128
#define CALLS 512
#define DEPTH 64

enum { LOCAL = 1, REQUEST = 2 }; /* kinds of routes; others: 0 */

/* What matters happens in a route, or in one that it calls. */
struct route {
	uint64_t name; /* a hash; 0: it has none */
	int kind;
	bool has_timeout, has_offer; /* sets $DLG_timeout, offers media */
	bool is_of_local, is_of_ack; /* by whom it is called */
};
struct call {
	size_t from;
	uint64_t to;
	bool is_ack; /* where the request is an ACK */
};
struct reader {
	struct cfg_scan s;
	struct fp_os_cfg *out;
	bool has_statement; /* of OpenSIPS */
	struct route route[ROUTES];
	struct call call[CALLS];
	size_t n_routes, n_calls;
	/* blocks that are open in a route, and whether an ACK is what they are
	 * about; the one after "if (is_method("ACK"))" without a brace */
	bool is_ack[DEPTH];
	size_t depth;
	bool is_ack_next, is_ack_statement;
};

static uint64_t hash_of(const char *name)
{
	uint64_t h = fp_fnv1a(FP_FNV1A_INIT, name, strlen(name));

	return h ? h : 1;
}

static bool next_is_sign(struct reader *r, char c)
{
	return cfg_is_sign(cfg_peek(&r->s), c);
}

static bool take_sign(struct reader *r, char c)
{
	return next_is_sign(r, c) && cfg_next(&r->s);
}

/* ---- modules */

static void load(struct reader *r)
{
	const char *name;

	if (cfg_peek(&r->s)->kind != CFG_STRING)
		return;
	cfg_next(&r->s);
	r->has_statement = true;
	name = strrchr(r->s.now.text, '/');
	name = name ? name + 1 : r->s.now.text;
	r->out->has_dialog |= !strcmp(name, "dialog.so");
	r->out->has_rtpengine |= !strcmp(name, "rtpengine.so");
}

/* OpenSIPS takes the module as a pattern, without regard to case; alternatives
 * are what is used of it.  Source: OpenSIPS 3.6 modparam.c. */
static bool is_module(const char *pattern, const char *name)
{
	size_t n = strlen(name), m;

	for (;; pattern += m + 1) {
		pattern += strspn(pattern, "(^");
		m = strcspn(pattern, "|");
		if (m >= n && !strncasecmp(pattern, name, n) &&
		    strspn(pattern + n, "$)") >= m - n)
			return true;
		if (!pattern[m])
			return false;
	}
}

static void trim(char *s)
{
	size_t n = strlen(s);

	while (n && strchr(" \t", s[n - 1]))
		s[--n] = 0;
	memmove(s, s + strspn(s, " \t"), n + 1 - strspn(s, " \t"));
}

/* "NAME/CLUSTER=active"; said again it is as it is said last. */
static void sharing_tag(struct fp_os_cfg *out, char *value, unsigned int line)
{
	char *state = strchr(value, '='), *cluster = strchr(value, '/');
	size_t i;

	if (!state || !cluster || cluster > state)
		return;
	*state++ = *cluster = 0;
	trim(value);
	trim(state);
	value[sizeof(out->tag->name) - 1] = 0;
	for (char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	for (i = 0; i < out->n_tags && strcmp(out->tag[i].name, value);)
		i++;
	if (i == FP_OS_CFG_TAGS)
		return;
	out->n_tags += i == out->n_tags;
	strcpy(out->tag[i].name, value);
	out->tag[i].is_active = !strncmp(state, "active", 6);
	if (out->tag[i].is_active && !out->line_active)
		out->line_active = line;
}

/* The value: a string, more than one in a row, or a number with its sign. */
static void value_of(struct reader *r, char out[CFG_TEXT])
{
	size_t n = 0;

	*out = 0;
	while (cfg_peek(&r->s)->kind != CFG_END && !next_is_sign(r, ')')) {
		cfg_next(&r->s);
		n += (size_t)snprintf(out + n, CFG_TEXT - n, "%s",
				      r->s.now.text);
		if (n >= CFG_TEXT)
			n = CFG_TEXT - 1;
	}
}

static void set(struct fp_os_cfg *out, const char *module, const char *name,
		char *value, unsigned int line)
{
	if (is_module(module, "clusterer") && !strcmp(name, "sharing_tag")) {
		sharing_tag(out, value, line);
	} else if (is_module(module, "dialog")) {
		if (!strcmp(name, "dialog_replication_cluster"))
			out->has_replication = atoi(value) > 0;
		if (!strcmp(name, "cluster_auto_sync")) {
			out->auto_sync = atoi(value);
			out->line_auto_sync = line;
		}
	}
}

static void modparam(struct reader *r)
{
	char module[CFG_TEXT], name[CFG_TEXT], value[CFG_TEXT];
	unsigned int line = r->s.now.line;

	if (!take_sign(r, '(') || cfg_peek(&r->s)->kind != CFG_STRING)
		return;
	cfg_next(&r->s);
	strcpy(module, r->s.now.text);
	if (!take_sign(r, ',') || cfg_peek(&r->s)->kind != CFG_STRING)
		return;
	cfg_next(&r->s);
	strcpy(name, r->s.now.text);
	if (!take_sign(r, ','))
		return;
	value_of(r, value);
	r->has_statement = true;
	set(r->out, module, name, value, line);
}

static bool is_route(const struct cfg_token *t)
{
	size_t n = strlen(t->text);

	return t->kind == CFG_WORD &&
	       (!strcmp(t->text, "route") ||
		(n > 6 && !strcmp(t->text + n - 6, "_route")));
}

/* ---- sockets: "socket=udp:192.0.2.1:5060 as 203.0.113.1 tag service" */

/* Does another statement begin here?  Nothing ends one. */
static bool is_statement(const struct cfg_token *t)
{
	static const char *const words[] = { "socket",       "listen",
					     "loadmodule",   "modparam",
					     "include_file", "import_file" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (cfg_is_word(t, words[i]))
			return true;
	return is_route(t) || cfg_is_sign(t, '=') || cfg_is_sign(t, '{');
}

static void socket_of(struct reader *r)
{
	static const char *const sip[] = { "udp",  "tcp", "tls",
					   "sctp", "ws",  "wss" };
	bool is_sip = false;

	if (!take_sign(r, '='))
		return;
	for (size_t i = 0; i < sizeof(sip) / sizeof(*sip); i++)
		is_sip |= cfg_is_word(cfg_peek(&r->s), sip[i]);
	while (is_sip && cfg_peek(&r->s)->kind != CFG_END &&
	       !is_statement(cfg_peek(&r->s))) {
		cfg_next(&r->s);
		r->out->has_socket_tag |= cfg_is_word(&r->s.now, "tag");
	}
}

/* ---- routes */

static struct route *route_now(struct reader *r)
{
	return &r->route[r->n_routes - 1];
}

/* "route {", "route[NAME] {", "route[NAME, 2] {".  A route too many is one with
 * the last: better to find too much in it than nothing. */
static void route_begin(struct reader *r)
{
	bool is_local = cfg_is_word(&r->s.now, "local_route");
	bool is_request = cfg_is_word(&r->s.now, "route");
	uint64_t name = 0;

	if (take_sign(r, '[') && cfg_next(&r->s)) {
		name = hash_of(r->s.now.text);
		while (!take_sign(r, ']') && cfg_next(&r->s))
			;
	}
	if (!take_sign(r, '{'))
		return;
	r->has_statement = true;
	if (r->n_routes < ROUTES)
		r->n_routes++;
	route_now(r)->name = name;
	route_now(r)->kind = is_local ? LOCAL : is_request ? REQUEST : 0;
	r->depth = 1;
	r->is_ack[0] = r->is_ack_next = r->is_ack_statement = false;
}

static bool is_ack_now(const struct reader *r)
{
	size_t at = r->depth < DEPTH ? r->depth : DEPTH;

	return r->is_ack[at - 1] || r->is_ack_statement;
}

/* route(NAME): up to its name.  false: it is no call. */
static bool called(struct reader *r)
{
	if (!take_sign(r, '('))
		return false;
	if (cfg_next(&r->s) && r->n_calls < CALLS)
		r->call[r->n_calls++] = (struct call){
			.from = r->n_routes - 1,
			.to = hash_of(r->s.now.text),
			.is_ack = is_ack_now(r),
		};
	return true;
}

/* A word of a route that is no "if", "case" ... */
static void plain(struct reader *r)
{
	const struct cfg_token *t = &r->s.now;

	if (cfg_is_word(t, "rtpengine_offer") ||
	    cfg_is_word(t, "rtpengine_manage"))
		route_now(r)->has_offer = true;
	else if (cfg_is_word(t, "topology_hiding"))
		r->out->has_topology_hiding = true;
	else if (cfg_is_word(t, "include_file") ||
		 cfg_is_word(t, "import_file"))
		r->out->has_include = true;
}

/* Of an "if": what it calls counts, too. */
static void condition(struct reader *r)
{
	struct cfg_if c = { .depth = 0 };

	while (cfg_next(&r->s) && cfg_if_take(&c, &r->s)) {
		if (cfg_is_word(&r->s.now, "route")) {
			if (called(r))
				cfg_if_open(&c);
		} else if (r->s.now.kind == CFG_WORD) {
			plain(r);
		}
	}
	r->is_ack_next = c.is_ack;
}

/* $DLG_timeout = ...: marks the dialog as changed, and copies get all of it. */
static void variable(struct reader *r)
{
	if (strcmp(r->s.now.text, "DLG_timeout"))
		return;
	if (!take_sign(r, '+'))
		take_sign(r, '-');
	if (!take_sign(r, '=') || next_is_sign(r, '='))
		return;
	route_now(r)->has_timeout = true;
	r->out->has_ack_rule |= is_ack_now(r) && route_now(r)->kind == REQUEST;
}

static void block(struct reader *r, bool is_open)
{
	bool is_ack = is_open && (is_ack_now(r) || r->is_ack_next);

	r->depth += is_open ? 1 : (size_t)-1;
	if (is_open && r->depth <= DEPTH)
		r->is_ack[r->depth - 1] = is_ack;
	r->is_ack_next = r->is_ack_statement = false;
}

/* "case "ACK":" lasts until the next one; so does "default:". */
static void branch(struct reader *r, bool is_case)
{
	size_t at = r->depth <= DEPTH ? r->depth : DEPTH;
	bool is_ack = at > 1 && r->is_ack[at - 2];

	if (is_case && cfg_peek(&r->s)->kind == CFG_STRING)
		is_ack |= cfg_has_ack(cfg_peek(&r->s)->text);
	r->is_ack[at - 1] = is_ack;
}

static void word(struct reader *r)
{
	const struct cfg_token *t = &r->s.now;

	if (cfg_is_word(t, "if")) {
		condition(r);
		if (!next_is_sign(r, '{'))
			r->is_ack_statement |= r->is_ack_next;
	} else if (cfg_is_word(t, "case")) {
		branch(r, true);
	} else if (cfg_is_word(t, "default")) {
		branch(r, false);
	} else if (cfg_is_word(t, "route")) {
		called(r);
	} else {
		plain(r);
	}
}

/* What is in the braces of a route. */
static void route_body(struct reader *r)
{
	while (r->depth && cfg_next(&r->s)) {
		const struct cfg_token *t = &r->s.now;

		if (cfg_is_sign(t, '{') || cfg_is_sign(t, '}'))
			block(r, cfg_is_sign(t, '{'));
		else if (cfg_is_sign(t, ';'))
			r->is_ack_statement = r->is_ack_next = false;
		else if (t->kind == CFG_VAR)
			variable(r);
		else if (t->kind == CFG_WORD)
			word(r);
	}
	r->depth = 0;
}

/* What a route that is called does is done by who calls it. */
static void follow_calls(struct reader *r)
{
	bool is_more = true;

	for (size_t i = 0; i < r->n_routes; i++)
		r->route[i].is_of_local = r->route[i].kind == LOCAL;
	while (is_more) {
		is_more = false;
		for (size_t i = 0; i < r->n_calls; i++) {
			const struct route *from = &r->route[r->call[i].from];
			bool is_ack = r->call[i].is_ack || from->is_of_ack;

			for (size_t j = 0; j < r->n_routes; j++) {
				struct route *to = &r->route[j];

				if (to->name != r->call[i].to ||
				    to->kind != REQUEST ||
				    (to->is_of_local >= from->is_of_local &&
				     to->is_of_ack >= is_ack))
					continue;
				to->is_of_local |= from->is_of_local;
				to->is_of_ack |= is_ack;
				is_more = true;
			}
		}
	}
}

static void conclude(struct reader *r)
{
	follow_calls(r);
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct route *x = &r->route[i];

		r->out->has_local_offer |= x->is_of_local && x->has_offer;
		r->out->has_ack_rule |= x->is_of_ack && x->has_timeout;
	}
}

static void statement(struct reader *r)
{
	const struct cfg_token *t = &r->s.now;

	if (cfg_is_word(t, "loadmodule"))
		load(r);
	else if (cfg_is_word(t, "modparam"))
		modparam(r);
	else if (cfg_is_word(t, "socket") || cfg_is_word(t, "listen"))
		socket_of(r);
	else if (is_route(t))
		route_begin(r);
	else if (cfg_is_word(t, "include_file") ||
		 cfg_is_word(t, "import_file"))
		r->out->has_include = true;
}

int fp_os_cfg_read(struct fp_os_cfg *out, const char *text, size_t n,
		   struct fp_err *e)
{
	struct fp_os_cfg found = { .auto_sync = 1 };
	struct reader r = { .out = &found };

	cfg_scan_init(&r.s, text, n);
	while (cfg_next(&r.s)) {
		statement(&r);
		if (r.depth)
			route_body(&r);
	}
	if (!r.has_statement && !found.has_include)
		return fp_err(e, -EINVAL,
			      "no configuration of OpenSIPS: no loadmodule, no "
			      "modparam, no route");
	conclude(&r);
	*out = found;
	return 0;
}
