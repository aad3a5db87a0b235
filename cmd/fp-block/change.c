/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "model/words.h"
#include "node/words.h"

#define FB_STDIN_MAX (64u << 20)

static const struct fp_field change_fields[] = {
	{ "prefix", offsetof(struct fb_change_rec, prefix), FP_F_TEXT, NULL,
	  "address or prefix" },
	{ "list", offsetof(struct fb_change_rec, list), FP_F_STR, NULL,
	  "list" },
	{ "kind", offsetof(struct fb_change_rec, kind), FP_F_STR, NULL,
	  "kind of the list" },
	{ "action", offsetof(struct fb_change_rec, action), FP_F_STR, NULL,
	  "added, updated, kept, removed or absent" },
	{ "until", offsetof(struct fb_change_rec, until_s), FP_F_TIME, NULL,
	  "end" },
	{ "verdict", offsetof(struct fb_change_rec, verdict), FP_F_STR, NULL,
	  "what the kernel now says about its first address" },
};
const struct fp_type fb_change_type = { "change", change_fields,
					FB_COUNT(change_fields) };

static int fb_operands(struct fp_cli *c, struct fb_input *in, struct fp_err *e)
{
	for (int i = 0; i < c->argc; i++) {
		struct fp_entry x = { 0 };
		int r = fp_prefix_parse(&x.p, c->argv[i], strlen(c->argv[i]),
					e);

		if (r)
			return r;
		fp_entry_print(&in->line, &x);
	}
	return in->line.is_failed ? fp_err(e, -ENOMEM, "out of memory") : 0;
}

int fb_input_read(struct fp_cli *c, struct fb_input *out, struct fp_err *e)
{
	struct fb_input in = { 0 };
	struct fp_parse_opts o = { .file = "-",
				   .now_s = fp_clock_unix_s(),
				   .max = 10000000 };
	bool is_stdin = c->argc == 1 && !strcmp(c->argv[0], "-");
	int r;

	if (is_stdin) {
		r = fp_text_read(&in.text, "-", FB_STDIN_MAX, e);
		if (!r)
			r = fp_entries_parse(&in.entries, in.text.data,
					     in.text.len, &o, e);
	} else {
		r = fb_operands(c, &in, e);
		if (!r)
			r = fp_entries_parse(&in.entries, in.line.data,
					     in.line.len, &o, e);
	}
	if (r)
		fb_input_fini(&in);
	else
		*out = in;
	return r;
}

void fb_input_fini(struct fb_input *in)
{
	fp_entries_fini(&in->entries);
	fp_text_fini(&in->text);
	fp_buf_fini(&in->line);
}

int fb_ask(struct fp_node *n, const struct fp_prefix *p, size_t count,
	   const char **verdict, struct fp_err *e)
{
	struct fp_prefix *host = calloc(count + 1, sizeof(*host));
	enum fp_kind *kind = calloc(count + 1, sizeof(*kind));
	int r = host && kind ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !r; i++)
		host[i] = fb_first_host(&p[i]);
	if (!r && n->maps)
		r = fp_maps_ask(n->maps, host, count, kind, e);
	for (size_t i = 0; i < count && !r; i++)
		verdict[i] = n->maps ? fp_kind_name(kind[i]) : NULL;
	free(host);
	free(kind);
	return r;
}

/* ---- words ---- */

bool fb_stands(const struct fp_entry *x, enum fp_owner owner, int64_t now_s)
{
	return owner != FP_OWNER_DYNAMIC || fp_word_is_live(x, now_s);
}

int fb_count(const struct fp_list *l, int64_t now_s, uint64_t *n,
	     struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	uint64_t live = 0;
	int r;

	if (fp_list_about(l)->owner != FP_OWNER_DYNAMIC) {
		*n = fp_list_head(l)->entries;
		return 0;
	}
	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) == 1)
		live += fp_word_is_live(&x, now_s);
	if (!r)
		*n = live;
	return r;
}

uint32_t fb_said_len(const struct fp_entry *x)
{
	int64_t at_ms = fp_word_at_ms(x);
	uint32_t len;

	if (!at_ms)
		return x->meta_len;
	len = (uint32_t)snprintf(NULL, 0, " at=%" PRId64, at_ms);
	return x->meta_len > len ? x->meta_len - len : 0;
}

bool fb_same(const struct fp_entry *a, const struct fp_entry *b)
{
	uint32_t len = fb_said_len(a);

	return a->until_s == b->until_s && len == fb_said_len(b) &&
	       (!len || !memcmp(a->meta, b->meta, len));
}

int fb_lift_meta(struct fp_cli *c, struct fp_buf *meta, struct fp_err *e)
{
	const char *why = fp_cli_get(c, "why"), *by = getenv("SUDO_USER");
	int r = why && *why ? fp_meta_add(meta, "why", why, e) : 0;

	return !r && by && *by ? fp_meta_add(meta, "by", by, e) : r;
}

/* The word's meta goes to the end of store, which may move it. */
static int fb_word(struct fp_buf *store, struct fp_entry *out,
		   const struct fp_list *l, const struct fp_change *c,
		   int64_t now_ms, struct fp_err *e)
{
	struct fp_buf meta = { 0 };
	struct fp_entry old;
	int64_t at_ms = now_ms;
	char at[24];
	int r;

	*out = c->entry;
	if (l && fp_list_find(l, &out->p, &old) && fp_word_at_ms(&old) >= at_ms)
		at_ms = fp_word_at_ms(&old) + 1;
	if (c->is_del) /* over by now, though a clock ahead of ours spoke */
		out->until_s = now_ms / 1000;
	snprintf(at, sizeof(at), "%" PRId64, at_ms);
	fp_buf_add(&meta, out->meta, fb_said_len(out));
	r = fp_meta_add(&meta, "at", at, e);
	if (!r)
		fp_buf_add(store, meta.data, meta.len);
	if (!r && store->is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	out->meta_len = (uint32_t)meta.len;
	fp_buf_fini(&meta);
	return r;
}

int fb_change(struct fp_node *n, const struct fp_list_head *h,
	      const struct fp_change *v, size_t count, struct fp_err *e)
{
	const struct fp_list *l = fp_lists_get(&n->lists, h->name);
	int64_t now_ms = fp_clock_unix_ms();
	struct fp_words_result result;
	struct fp_buf store = { 0 };
	struct fp_entry *word;
	size_t at = 0;
	int r = 0;

	if (h->owner != FP_OWNER_DYNAMIC)
		return fp_node_change(n, h->name, v, count, NULL, e);
	word = calloc(count + 1, sizeof(*word));
	if (!word)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !r; i++)
		r = fb_word(&store, &word[i], l, &v[i], now_ms, e);
	for (size_t i = 0; i < count && !r; i++) {
		word[i].meta = store.data + at;
		at += word[i].meta_len;
	}
	if (!r)
		r = fp_node_words(n, h->name, h->kind, word, count, &result, e);
	fp_buf_fini(&store);
	free(word);
	return r;
}
