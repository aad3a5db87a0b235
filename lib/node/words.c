/* SPDX-License-Identifier: Apache-2.0 */
#include "node/words.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/clock.h"
#include "model/words.h"

/* By prefix; of one prefix the word that wins comes first. */
static int fp_by_prefix(const void *a, const void *b)
{
	const struct fp_entry *x = &((const struct fp_change *)a)->entry;
	const struct fp_entry *y = &((const struct fp_change *)b)->entry;
	int order = fp_prefix_cmp(&x->p, &y->p);

	if (order)
		return order;
	return fp_word_wins(y, x) - fp_word_wins(x, y);
}

static int fp_words_list(struct fp_node *n, const char *name, enum fp_kind kind,
			 struct fp_list **out, struct fp_err *e)
{
	const struct fp_list_head *h;
	int r = fp_list_name_check(name, e);

	if (r)
		return r;
	*out = fp_lists_get(&n->lists, name);
	if (!*out)
		return fp_node_has_file(n, name)
			       ? fp_err(e, -EBADMSG, "list %s cannot be read",
					name)
			       : 0;
	h = fp_list_about(*out);
	if (h->owner == FP_OWNER_DYNAMIC && h->kind == kind)
		return 0;
	return fp_err(e, -EEXIST, "list %s is there: %s, owned %s", name,
		      fp_kind_name(h->kind), fp_owner_name(h->owner));
}

/* Of words of one prefix the first one won.  What the last sweep took off does
 * not come back from those who have not swept. */
static bool fp_is_news(const struct fp_list *l, const struct fp_change *v,
		       size_t i, int64_t now_s)
{
	const struct fp_entry *x = &v[i].entry;
	struct fp_entry old;

	if (i && !fp_prefix_cmp(&v[i - 1].entry.p, &x->p))
		return false;
	if (l && fp_list_find(l, &x->p, &old))
		return fp_word_wins(x, &old);
	return !fp_entry_is_over(x, FP_OWNER_DYNAMIC, now_s);
}

/* The words that are later than the list's, in order.  *out: free(3). */
static int fp_words_news(struct fp_change **out, size_t *n_news,
			 const struct fp_list *l, const struct fp_entry *v,
			 size_t n, struct fp_err *e)
{
	struct fp_change *all = calloc(n + 1, sizeof(*all));
	struct fp_change *news = calloc(n + 1, sizeof(*news));
	int64_t now_s = fp_clock_unix_s();

	*n_news = 0;
	if (!all || !news) {
		free(all);
		free(news);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++)
		all[i].entry = v[i];
	qsort(all, n, sizeof(*all), fp_by_prefix);
	for (size_t i = 0; i < n; i++)
		if (fp_is_news(l, all, i, now_s))
			news[(*n_news)++] = all[i];
	free(all);
	*out = news;
	return 0;
}

int fp_node_words(struct fp_node *n, const char *name, enum fp_kind kind,
		  const struct fp_entry *v, size_t n_words,
		  struct fp_words_result *out, struct fp_err *e)
{
	struct fp_list_head head = { .kind = kind, .owner = FP_OWNER_DYNAMIC };
	struct fp_change *news = NULL;
	struct fp_list *l;
	size_t n_news = 0;
	int r = fp_words_list(n, name, kind, &l, e);

	if (!r)
		r = fp_words_news(&news, &n_news, l, v, n_words, e);
	if (r)
		return r;
	if (n_news && !l) {
		snprintf(head.name, sizeof(head.name), "%s", name);
		r = fp_node_create(n, &head, e);
	}
	if (!r && n_news)
		r = fp_node_change(n, name, news, n_news, NULL, e);
	if (!r)
		*out = (struct fp_words_result){ n_news, n_words - n_news };
	free(news);
	return r;
}
