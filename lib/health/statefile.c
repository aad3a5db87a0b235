/* SPDX-License-Identifier: Apache-2.0 */
#include "health/statefile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/lock.h"
#include "io/owned.h"
#include "io/whole.h"

#define NAME "state"
#define HEAD "#fastpath-health 1\n"
#define LOCK_MS 1000
#define MAX_BYTES (64u << 20)

/* ---- the directory */

static int open_dir(const char *state_dir, bool is_made, struct fp_err *e)
{
	return fp_owned_state_dir(state_dir, "health", 0755, is_made, e);
}

static int read_all(int dir, struct fp_buf *to, struct fp_err *e)
{
	int fd = fp_owned_file(dir, NAME, O_RDONLY, 0);
	ssize_t n = 1;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fp_err_sys(e, fd, NAME);
	while (n > 0 && to->len < MAX_BYTES) {
		char *at = fp_buf_room(to, 65536);

		n = at ? read(fd, at, 65536) : -1;
		to->len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return n < 0 ? fp_err_sys(e, -errno, NAME) : 0;
}

/* ---- lines */

struct seen {
	char node[256], check[32];
	struct fp_judged judged;
};

/* Each line but comments. */
static void each_line(const struct fp_buf *text,
		      void (*each)(void *ctx, const struct seen *s,
				   const char *line, size_t n),
		      void *ctx, size_t *n_bad)
{
	const char *at = text->data, *end = at ? at + text->len : at;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);
		struct seen s;

		if (*at == '#' || !n) {
			/* the head */
		} else if (!stop ||
			   fp_judged_parse(&s.judged, s.node, s.check, at, n)) {
			++*n_bad;
		} else {
			if (!strcmp(s.node, "-"))
				s.node[0] = 0;
			each(ctx, &s, at, n);
		}
		at += n + 1;
	}
}

static void remember(void *ctx, const struct seen *s, const char *line,
		     size_t n)
{
	(void)line;
	(void)n;
	fp_site_remember(ctx, s->node, s->check, &s->judged);
}

int fp_statefile_read(struct fp_site *s, const char *state_dir, size_t *n_bad,
		      struct fp_err *e)
{
	struct fp_buf text = { .data = NULL };
	int dir = open_dir(state_dir, false, e), r;

	*n_bad = 0;
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = read_all(dir, &text, e);
	if (!r)
		each_line(&text, remember, s, n_bad);
	fp_buf_fini(&text);
	close(dir);
	return r;
}

/* ---- write */

struct writing {
	struct fp_site *site;
	const struct fp_inventory *inv;
	struct fp_buf out;
};

static bool is_node(const struct fp_inventory *inv, const char *name)
{
	const struct fp_host *v;
	size_t n = fp_inventory_hosts(inv, &v);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return true;
	return !*name;
}

/* Another run's, of checks that this one did not make. */
static void keep(void *ctx, const struct seen *s, const char *line, size_t n)
{
	struct writing *w = ctx;
	const struct fp_site_check *c =
		fp_site_find(w->site, s->node, s->check);

	if ((c && c->judged.is_known) || !is_node(w->inv, s->node))
		return;
	fp_buf_add(&w->out, line, n);
	fp_buf_add(&w->out, "\n", 1);
}

static void print_ours(struct writing *w)
{
	struct fp_site_node *node;
	size_t n = fp_site_nodes(w->site, &node);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < node[i].n_checks; j++)
			fp_judged_print(&node[i].check[j]->judged, node[i].name,
					node[i].check[j]->name, &w->out);
}

static int merge(struct writing *w, int dir, struct fp_err *e)
{
	struct fp_buf before = { .data = NULL };
	size_t n_bad = 0;
	int r = read_all(dir, &before, e);

	fp_buf_str_add(&w->out, HEAD);
	print_ours(w);
	if (!r)
		each_line(&before, keep, w, &n_bad);
	fp_buf_fini(&before);
	if (w->out.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	if (r)
		return r;
	r = fp_whole_write_at(dir, NAME, w->out.data, w->out.len, 0644);
	return r ? fp_err_sys(e, r, NAME) : 0;
}

int fp_statefile_write(struct fp_site *s, const char *state_dir,
		       const struct fp_inventory *inv, struct fp_err *e)
{
	struct writing w = { .site = s, .inv = inv };
	int dir = open_dir(state_dir, true, e);
	int r = dir < 0 ? dir : fp_lock_take(dir, false, LOCK_MS, e);

	if (!r)
		r = merge(&w, dir, e);
	fp_buf_fini(&w.out);
	if (dir >= 0)
		close(dir);
	return r;
}
