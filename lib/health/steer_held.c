/* SPDX-License-Identifier: Apache-2.0 */
/* What this controller holds, by itself: fp_db may lose rows, when an asynchronous
 * standby takes over.  In memory, and for the next run in STATE/health/steer:
 *   #fastpath-steer 1
 *   PROXY KIND SET URI ID OWNER SINCE UNTIL EPOCH CONFIRMED LET_GO WHY
 * with TAB between.  Nobody may touch a lease before it ends, so that up to then a
 * row that is not there was lost; after it, somebody may have ended it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "health/steer_priv.h"
#include "io/owned.h"

#define NAME "steer"
#define TEMP NAME ".new"
#define HEAD "#fastpath-steer 1\n"
#define LINE_MAX_BYTES 2048
#define FIELDS 12

bool fp_lease_same(const struct fp_lease *a, const struct fp_lease *b)
{
	return a->kind == b->kind &&
	       (a->kind != FP_DEST_LOAD_BALANCER || a->id == b->id) &&
	       !strcmp(a->uri, b->uri) && !strcmp(a->set, b->set) &&
	       !strcmp(a->proxy, b->proxy);
}

static struct fp_lease *find(struct fp_lease *v, size_t n,
			     const struct fp_lease *l)
{
	for (size_t i = 0; i < n; i++)
		if (fp_lease_same(&v[i], l))
			return &v[i];
	return NULL;
}

void fp_steer_held_add(struct fp_steer *s, const struct fp_lease *l)
{
	struct fp_lease *at = find(s->held, s->n_held, l);

	if (!at) {
		at = realloc(s->held, (s->n_held + 1) * sizeof(*at));
		if (!at)
			return; /* it is in fp_db */
		s->held = at;
		at += s->n_held++;
	} else if (at->epoch == l->epoch && at->until_s == l->until_s &&
		   at->is_confirmed == l->is_confirmed &&
		   at->is_let_go == l->is_let_go) {
		return;
	}
	*at = *l;
	s->is_held_new = true;
}

void fp_steer_held_drop(struct fp_steer *s, const struct fp_lease *l)
{
	struct fp_lease *at = find(s->held, s->n_held, l);

	if (!at)
		return;
	*at = s->held[--s->n_held];
	s->is_held_new = true;
}

void fp_steer_held_free(struct fp_steer *s)
{
	free(s->held);
	free(s->all);
	free(s->doubt);
}

/* ---- on disk */

static bool number(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text && !*end && !errno;
}

static bool text(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

static bool parse(char *line, struct fp_lease *l)
{
	int64_t confirmed, let_go;
	char *f[FIELDS];
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *at = line; at && n < FIELDS;)
		f[n++] = strsep(&at, "\t");
	*l = (struct fp_lease){ .id = -1 };
	if (n != FIELDS || !number(f[9], &confirmed) || !number(f[10], &let_go))
		return false;
	l->is_confirmed = confirmed;
	l->is_let_go = let_go;
	return text(l->proxy, sizeof(l->proxy), f[0]) &&
	       !fp_dest_kind_parse(f[1], &l->kind) &&
	       text(l->set, sizeof(l->set), f[2]) &&
	       text(l->uri, sizeof(l->uri), f[3]) && number(f[4], &l->id) &&
	       text(l->owner, sizeof(l->owner), f[5]) &&
	       number(f[6], &l->since_s) && number(f[7], &l->until_s) &&
	       number(f[8], &l->epoch) && text(l->why, sizeof(l->why), f[11]);
}

/* A file that is not ours, or not there, holds nothing. */
static void read_file(struct fp_steer *s)
{
	char path[4096], line[LINE_MAX_BYTES];
	int dir = fp_owned_state_dir(s->o.state_dir, "health", 0755, false,
				     NULL),
	    fd = dir < 0 ? dir : fp_owned_file(dir, NAME, O_RDONLY, 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct fp_lease l;

	snprintf(path, sizeof(path), "%s/health/" NAME, s->o.state_dir);
	if (dir >= 0)
		close(dir);
	if (fd < 0 && fd != -ENOENT)
		fp_steer_note(s, "%s: %s", path, strerror(-fd));
	if (!f)
		return;
	if (!fgets(line, sizeof(line), f) || strcmp(line, HEAD) != 0)
		fp_steer_note(s, "%s: not ours, passed over", path);
	else
		while (fgets(line, sizeof(line), f))
			if (parse(line, &l) && !strcmp(l.owner, s->o.owner))
				fp_steer_held_add(s, &l);
	fclose(f);
	s->is_held_new = false;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ')
			return false;
	return true;
}

static void print(FILE *f, const struct fp_lease *l)
{
	if (!is_plain(l->proxy) || !is_plain(l->set) || !is_plain(l->uri) ||
	    !is_plain(l->owner))
		return;
	fprintf(f,
		"%s\t%s\t%s\t%s\t%" PRId64 "\t%s\t%" PRId64 "\t%" PRId64
		"\t%" PRId64 "\t%d\t%d\t%s\n",
		l->proxy, fp_dest_kind_name(l->kind), l->set, l->uri, l->id,
		l->owner, l->since_s, l->until_s, l->epoch, l->is_confirmed,
		l->is_let_go, is_plain(l->why) ? l->why : "");
}

static int write_file(const struct fp_steer *s, int dir)
{
	int fd = fp_owned_file(dir, TEMP, O_WRONLY | O_CREAT | O_TRUNC, 0666),
	    r;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (fd < 0)
		return fd;
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	fputs(HEAD, f);
	for (size_t i = 0; i < s->n_held; i++)
		print(f, &s->held[i]);
	r = fflush(f) || ferror(f) || fsync(fileno(f)) ? -errno : 0;
	fclose(f);
	if (!r && renameat(dir, TEMP, dir, NAME))
		r = -errno;
	return r;
}

void fp_steer_held_write(struct fp_steer *s)
{
	char path[4096];
	int dir, r;

	if (!s->is_held_new || !s->o.state_dir || s->o.is_dry_run)
		return;
	snprintf(path, sizeof(path), "%s/health/" NAME, s->o.state_dir);
	dir = fp_owned_state_dir(s->o.state_dir, "health", 0755, true, NULL);
	r = dir < 0 ? dir : write_file(s, dir);
	if (dir >= 0)
		close(dir);
	s->is_held_new = r != 0;
	if (r && fp_steer_is_news(s, path, strerror(-r)))
		fp_steer_note(s, "%s: %s: the next run would not know", path,
			      strerror(-r));
}

/* ---- with what fp_db has */

static bool is_proxy(const struct fp_steer *s, const char *name)
{
	for (size_t i = 0; i < s->proxies.n; i++)
		if (!strcmp(s->proxies.v[i].host->name, name))
			return true;
	return false;
}

/* A row that was lost.  true: it is in l again. */
static bool restore(struct fp_steer *s, struct fp_lease *l)
{
	struct fp_err e = { .text = "" };
	int r;

	l->epoch = 0;
	r = s->o.is_dry_run
		    ? 0
		    : fp_steer_store_take(s->store, l, s->o.lease_s, &e);
	if (r)
		fp_steer_note(s, "%s: the lease of %s was lost: %s", l->proxy,
			      l->uri, e.text);
	else
		fp_steer_note(s, "%s: the lease of %s was lost, written again",
			      l->proxy, l->uri);
	return !r;
}

int fp_steer_held_merge(struct fp_steer *s, struct fp_err *e)
{
	size_t n = s->n_leases;

	if (!s->is_held_read && s->o.state_dir)
		read_file(s);
	s->is_held_read = true;
	free(s->all);
	s->all = calloc(n + s->n_held + 1, sizeof(*s->all));
	if (!s->all)
		return fp_err_sys(e, -ENOMEM, "leases");
	if (n)
		memcpy(s->all, s->lease, n * sizeof(*s->all));
	for (size_t i = s->n_held; i-- > 0;) {
		struct fp_lease l = s->held[i];
		const struct fp_lease *row = find(s->all, n, &l);

		if (row && !strcmp(row->owner, s->o.owner))
			continue;
		if (!row && l.until_s > s->now_s && is_proxy(s, l.proxy) &&
		    restore(s, &l))
			s->all[n++] = l;
		else
			fp_steer_held_drop(s, &l);
	}
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s->all[i].owner, s->o.owner))
			fp_steer_held_add(s, &s->all[i]);
	s->lease = s->all;
	s->n_leases = n;
	return 0;
}

/* ---- proxies that are not in the file any more */

static void note_gone(struct fp_steer *s, const struct fp_lease *l, size_t n)
{
	char how[480], all[1200];

	if (l->kind == FP_DEST_DISPATCHER)
		snprintf(how, sizeof(how), "ds_set_state a %s %s", l->set,
			 l->uri);
	else if (l->kind == FP_DEST_LOAD_BALANCER)
		snprintf(how, sizeof(how), "lb_status %" PRId64 " 1", l->id);
	else
		snprintf(how, sizeof(how), "rtpengine_enable %s 1", l->uri);
	snprintf(all, sizeof(all),
		 "%s is no OpenSIPS of the cluster file, and %zu of its "
		 "destinations are disabled by leases: name it there as it was "
		 "named, or enable them by hand (opensips-cli -x mi %s) and in "
		 "fp_db: delete from fastpath.lease where proxy = '%s'",
		 l->proxy, n, how, l->proxy);
	if (fp_steer_is_news(s, all, ""))
		fp_steer_note(s, "%s", all);
}

void fp_steer_held_gone(struct fp_steer *s)
{
	for (size_t i = 0, j, n; i < s->n_leases; i = j) {
		const struct fp_lease *first = NULL;

		/* they are in the order of their proxies */
		for (j = i, n = 0;
		     j < s->n_leases &&
		     !strcmp(s->lease[j].proxy, s->lease[i].proxy);
		     j++) {
			const struct fp_lease *l = &s->lease[j];

			if (strcmp(l->owner, s->o.owner) != 0 &&
			    l->until_s > s->now_s)
				continue;
			n++;
			first = first ? first : l;
		}
		if (first && !is_proxy(s, first->proxy))
			note_gone(s, first, n);
	}
}

/* ---- commands whose answer was lost */

void fp_steer_doubt_add(struct fp_steer *s, const struct steer_dest *x)
{
	struct steer_doubt *d, old;

	fp_steer_doubt_take(s, x, &old);
	d = realloc(s->doubt, (s->n_doubts + 1) * sizeof(*d));
	if (!d)
		return;
	s->doubt = d;
	d += s->n_doubts++;
	*d = (struct steer_doubt){ .lease = x->lease, .act = x->step.act };
	snprintf(d->why, sizeof(d->why), "%s", x->step.why);
}

bool fp_steer_doubt_take(struct fp_steer *s, const struct steer_dest *x,
			 struct steer_doubt *out)
{
	for (size_t i = 0; i < s->n_doubts; i++) {
		if (!fp_lease_same(&s->doubt[i].lease, &x->lease))
			continue;
		*out = s->doubt[i];
		s->doubt[i] = s->doubt[--s->n_doubts];
		return true;
	}
	return false;
}
