/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer --format nsupdate|haproxy: lines for the tools that own the
 * rest, behind the guards of steering. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "io/clock.h"
#include "steer.h"

#define TTL_S 30
#define ADDRESSES 8

enum where { NOT_KNOWN, IN, OUT };

struct fh_text_node {
	const struct fp_host *host;
	enum where is, next;
	bool is_held;  /* wanted out, and a guard says no */
	bool was_ours; /* haproxy: an earlier run put it out */
	char why[200];
	struct fp_prefix addr[ADDRESSES];
	size_t n_addrs;
};

/* ---- the names that go into lines of other programs */

static bool is_dns_name(const char *s)
{
	return *s && *s != '-' && strlen(s) < 254 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-_.") == strlen(s);
}

/* Source: HAProxy configuration manual, 2.2: names are of letters, digits, '-',
 * '_', '.' and ':'. */
static bool is_haproxy_name(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-_.:") == strlen(s);
}

static int add_address(struct fh_text_node *n, const struct fp_prefix *p)
{
	for (size_t i = 0; i < n->n_addrs; i++)
		if (!fp_prefix_cmp(&n->addr[i], p))
			return 0;
	if (n->n_addrs < ADDRESSES)
		n->addr[n->n_addrs++] = *p;
	return 0;
}

/* Where clients reach a node: fp_sip, else its own address. */
static int addresses(struct fh_text_node *n, struct fp_err *e)
{
	const char *sip = fp_inventory_var(n->host, "fp_sip");
	struct fp_endpoint to;
	int r = 1;

	for (size_t i = 0; sip && r == 1; i++) {
		r = fp_endpoint_list(sip, i, &to, e);
		if (r == 1 && to.addr.len)
			add_address(n, &to.addr);
	}
	if (r < 0)
		return fp_err_prefix(e, r, "%s: fp_sip", n->host->name);
	if (!n->n_addrs && n->host->addr.len)
		add_address(n, &n->host->addr);
	if (!n->n_addrs)
		return fp_err(e, -EINVAL,
			      "%s has no address: DNS does not take names",
			      n->host->name);
	return 0;
}

/* ---- what an earlier run put out (haproxy): only that is brought back */

static void file_of(const struct fh_text *t, char *out, size_t size,
		    const char *end)
{
	snprintf(out, size, "%s/health/haproxy.%s%s", t->c->state_dir,
		 t->backend, end);
}

static void read_ours(struct fh_text *t)
{
	char path[4096], line[300];
	FILE *f;

	file_of(t, path, sizeof(path), "");
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		for (size_t i = 0; i < t->nodes->n_hosts; i++)
			if (!strcmp(t->v[i].host->name, line))
				t->v[i].was_ours = true;
	}
	if (f)
		fclose(f);
}

static int write_ours(struct fh_text *t, struct fp_err *e)
{
	char path[4096], temp[4096];
	FILE *f;
	int r = 0;

	snprintf(path, sizeof(path), "%s/health", t->c->state_dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", path);
	file_of(t, path, sizeof(path), "");
	file_of(t, temp, sizeof(temp), ".new");
	f = fopen(temp, "we");
	if (!f)
		return fp_err_sys(e, -errno, "%s", temp);
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (t->v[i].next == OUT || t->v[i].was_ours)
			fprintf(f, "%s\n", t->v[i].host->name);
	if (fflush(f) || ferror(f) || fsync(fileno(f)))
		r = -errno;
	fclose(f);
	if (!r && rename(temp, path))
		r = -errno;
	return r ? fp_err_sys(e, r, "%s", path) : 0;
}

/* ---- what the command line says */

static int nsupdate_options(struct fh_text *t, struct fp_err *e)
{
	int r = 0;

	t->zone = fp_cli_get(t->c, "zone");
	t->name = fp_cli_get(t->c, "name");
	t->ttl_s = TTL_S;
	if (!t->zone || !is_dns_name(t->zone))
		return fp_err(e, -EINVAL,
			      "--zone %s: --format nsupdate needs a zone",
			      t->zone ? t->zone : "");
	if (!t->name || !is_dns_name(t->name))
		return fp_err(e, -EINVAL,
			      "--name %s: --format nsupdate needs the name of "
			      "the records",
			      t->name ? t->name : "");
	r = fh_nodes_number(t->c, "ttl", 0, 604800, &t->ttl_s, e);
	for (size_t i = 0; !r && i < t->nodes->n_hosts; i++)
		r = addresses(&t->v[i], e);
	return r;
}

static int haproxy_options(struct fh_text *t, struct fp_err *e)
{
	t->backend = fp_cli_get(t->c, "backend");
	if (!t->backend || !is_haproxy_name(t->backend))
		return fp_err(
			e, -EINVAL,
			"--backend %s: --format haproxy needs the backend",
			t->backend ? t->backend : "");
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (!is_haproxy_name(t->v[i].host->name))
			return fp_err(e, -EINVAL,
				      "%s: not a name of a server in HAProxy",
				      t->v[i].host->name);
	read_ours(t);
	return 0;
}

int fh_text_open(struct fh_text *out, struct fp_cli *c,
		 const struct fh_nodes *nodes, const struct fp_steer_view *view,
		 const char *format, double max_down_percent, struct fp_err *e)
{
	*out = (struct fh_text){ .c = c,
				 .nodes = nodes,
				 .view = view,
				 .max_down_percent = max_down_percent,
				 .is_haproxy = !strcmp(format, "haproxy") };
	if (c->is_json && !c->is_dry_run)
		return fp_err(e, -EINVAL,
			      "--json: %s has a language of its own", format);
	out->v = calloc(nodes->n_hosts, sizeof(*out->v));
	if (!out->v)
		return fp_err_sys(e, -ENOMEM, "nodes");
	for (size_t i = 0; i < nodes->n_hosts; i++)
		out->v[i].host = nodes->hosts[i];
	return out->is_haproxy ? haproxy_options(out, e)
			       : nsupdate_options(out, e);
}

void fh_text_close(struct fh_text *t)
{
	free(t->v);
	t->v = NULL;
}

/* ---- the guards */

static size_t count_next(const struct fh_text *t, enum where what)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		n += t->v[i].next == what;
	return n;
}

/* Not more than max_down out, and never the last one that is in. */
static void take_out(struct fh_text *t, struct fh_text_node *n)
{
	size_t most =
		(size_t)((double)t->nodes->n_hosts * t->max_down_percent / 100);
	const char *guard = NULL;
	bool was_held = n->is_held;

	if (n->is == OUT) {
		n->next = OUT;
		return;
	}
	if (count_next(t, OUT) + 1 > most)
		guard = "more than --max-down would be out";
	else if (count_next(t, IN) - (n->next == IN) < 1)
		guard = "it is the last one";
	n->is_held = guard;
	if (guard && !was_held)
		fp_log(FP_LOG_WARN, "%s stays in: %s (%s)", n->host->name,
		       guard, n->why);
	if (!guard)
		n->next = OUT;
}

static void decide(struct fh_text *t)
{
	enum fp_want want;

	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		struct fh_text_node *n = &t->v[i];

		n->next = n->is;
		want = fp_steer_view_want(t->view, n->host->name, n->why);
		if (want == FP_WANT_IN)
			n->next = IN;
		if (want != FP_WANT_OUT)
			n->is_held = false;
	}
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		char why[200];

		if (fp_steer_view_want(t->view, t->v[i].host->name, why) ==
		    FP_WANT_OUT)
			take_out(t, &t->v[i]);
	}
}

/* ---- the lines */

static bool is_shared(const struct fh_text *t, const struct fh_text_node *n,
		      const struct fp_prefix *p)
{
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		const struct fh_text_node *x = &t->v[i];

		for (size_t k = 0; x != n && x->next != OUT && k < x->n_addrs;
		     k++)
			if (!fp_prefix_cmp(&x->addr[k], p))
				return true;
	}
	return false;
}

static void update_line(const struct fh_text *t, const struct fh_text_node *n,
			const struct fp_prefix *p)
{
	const char *kind = fp_prefix_is_v4(p) ? "A" : "AAAA";
	char addr[FP_PREFIX_STRLEN];

	fp_prefix_print(p, addr);
	if (n->next == IN)
		printf("update add %s. %lld %s %s\n", t->name,
		       (long long)t->ttl_s, kind, addr);
	else if (!is_shared(t, n, p))
		printf("update delete %s. %s %s\n", t->name, kind, addr);
}

/* All that is known each time: an update that was lost is made good by the next.
 * Additions first, so that the name is never without an address. */
static void print_nsupdate(const struct fh_text *t)
{
	printf("zone %s.\n", t->zone);
	for (enum where w = IN; w <= OUT; w++)
		for (size_t i = 0; i < t->nodes->n_hosts; i++) {
			const struct fh_text_node *n = &t->v[i];

			if (n->next != w)
				continue;
			printf("; %s %s%s%s\n", n->host->name,
			       w == IN ? "in" : "out", *n->why ? ": " : "",
			       n->why);
			for (size_t k = 0; k < n->n_addrs; k++)
				update_line(t, n, &n->addr[k]);
		}
	printf("send\n");
}

/* What an operator set to maint stays so: only what we put out comes back. */
static void print_haproxy(struct fh_text *t, struct fh_text_node *n)
{
	bool is_ours = n->was_ours || n->is == OUT;

	if (n->next == OUT)
		printf("set server %s/%s state maint\n", t->backend,
		       n->host->name);
	else if (n->next == IN && is_ours)
		printf("set server %s/%s state ready\n", t->backend,
		       n->host->name);
}

static bool is_change(const struct fh_text *t, const struct fh_text_node *n)
{
	if (n->next == n->is)
		return false;
	return !t->is_haproxy || n->next == OUT || n->is == OUT || n->was_ours;
}

static void say(const struct fh_text *t, const struct fh_text_node *n)
{
	struct fh_steer_rec rec = {
		.at_s = fp_clock_unix_s(),
		.kind = t->is_haproxy ? "haproxy" : "nsupdate",
		.set = t->is_haproxy ? t->backend : t->name,
		.node = n->host->name,
		.act = n->next == OUT ? "out" : "in",
		.is_changed = true,
	};

	snprintf(rec.why, sizeof(rec.why), "%s", n->why);
	if (t->c->is_dry_run)
		fh_steer_record(t->c, &rec);
	else
		fp_log(FP_LOG_NOTICE, "%s %s%s%s", rec.node, rec.act,
		       *n->why ? ": " : "", n->why);
}

static void print_all(struct fh_text *t)
{
	if (!t->is_haproxy)
		print_nsupdate(t);
	for (enum where w = IN; t->is_haproxy && w <= OUT; w++)
		for (size_t i = 0; i < t->nodes->n_hosts; i++)
			if (t->v[i].next == w && is_change(t, &t->v[i]))
				print_haproxy(t, &t->v[i]);
	fflush(stdout);
}

int fh_text_update(struct fh_text *t, struct fp_err *e)
{
	size_t n = 0;
	int r = 0;

	decide(t);
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (is_change(t, &t->v[i])) {
			say(t, &t->v[i]);
			n++;
		}
	t->n_changed += n;
	if (t->c->is_dry_run)
		return 0;
	/* before it is done: what is put out can always be brought back */
	if (n && t->is_haproxy)
		r = write_ours(t, e);
	if (r)
		return r;
	if (n)
		print_all(t);
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		if (t->v[i].next == IN)
			t->v[i].was_ours = false;
		t->v[i].is = t->v[i].next;
	}
	if (n && t->is_haproxy)
		r = write_ours(t, e);
	return r;
}
