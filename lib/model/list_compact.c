/* SPDX-License-Identifier: Apache-2.0 */
#include "model/list_collect.h"
#include "model/list_disk.h"
#include "model/words.h"

/* Entries of a list, or of memory, without those that have expired. */
struct source {
	struct fp_list_iter it;
	const struct fp_entries *mem; /* NULL: it */
	size_t i;
	enum fp_owner owner;
	int64_t now_s; /* 0: keep all */
	size_t dropped;
};

bool fp_entry_is_over(const struct fp_entry *x, enum fp_owner owner,
		      int64_t now_s)
{
	int64_t at_s = fp_word_at_ms(x) / 1000;

	if (!x->until_s || x->until_s > now_s)
		return false;
	if (owner != FP_OWNER_DYNAMIC || !at_s)
		return true;
	return fp_word_is_lift(x) ? at_s + FP_WORD_KEEP_S <= now_s
				  : x->until_s + FP_WORD_SPENT_S <= now_s;
}

static int source_get(struct source *s, struct fp_entry *out, struct fp_err *e)
{
	if (!s->mem)
		return fp_list_next(&s->it, out, e);
	if (s->i == s->mem->n)
		return 0;
	*out = s->mem->v[s->i++];
	return 1;
}

static int source_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct source *s = ctx;
	int r;

	while ((r = source_get(s, out, e)) > 0) {
		if (!s->now_s || !fp_entry_is_over(out, s->owner, s->now_s))
			break;
		s->dropped++;
	}
	return r;
}

/* Body and log as text in any order, which is what an edit by hand may have
 * left. */
static int reparse(const struct fp_list *l, struct fp_entries *out,
		   struct fp_err *e)
{
	char file[FP_LIST_FILE_SIZE];
	struct fp_parse_opts o = { .file = file };
	struct fp_collect c = { 0 };
	int r;

	fp_list_file(file, l->head.name, false);
	r = fp_collect_text(&c, out, l->map, l->map_len, &o, e);
	if (!r)
		r = fp_list_log_collect(l, &c, e);
	if (!r)
		r = fp_collect_finish(&c, out, false, e);
	fp_collect_fini(&c);
	return r;
}

int fp_list_compact(int dir_fd, const char *name, int64_t now_s, bool is_repair,
		    size_t *dropped, struct fp_err *e)
{
	struct fp_entries mem = { 0 };
	struct source s = { .now_s = now_s };
	struct fp_list *l;
	int r;

	r = fp_list_open(&l, dir_fd, name, e);
	if (r)
		return r;
	s.owner = l->head.owner;
	fp_list_seek(l, &s.it, NULL);
	if (is_repair) {
		r = reparse(l, &mem, e);
		s.mem = &mem;
	}
	if (!r)
		r = fp_list_write(dir_fd, &l->head, source_next, &s, e);
	if (!r && dropped)
		*dropped = s.dropped;
	fp_entries_fini(&mem);
	fp_list_close(l);
	return r;
}
