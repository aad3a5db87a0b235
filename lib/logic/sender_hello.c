/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sender_hello.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define LINE_WORDS 5 /* NAME KIND OWNER ENTRIES DIGEST */

/* The n words of the line from s to end, one space between them; false: it has
 * more or fewer, or one is too long. */
static bool words_of(const char *s, const char *end, char word[][68], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *stop = memchr(s, ' ', (size_t)(end - s));
		size_t len = (size_t)((stop ? stop : end) - s);

		if (!len || len >= sizeof(*word) || !stop != (i == n - 1))
			return false;
		memcpy(word[i], s, len);
		word[i][len] = 0;
		s += len + 1;
	}
	return true;
}

static bool is_hex64(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool read_list(struct fp_hello_list *out, const char *s, const char *end)
{
	char word[LINE_WORDS][68], *stop;

	if (!words_of(s, end, word, LINE_WORDS) ||
	    fp_list_name_check(word[0], NULL) ||
	    fp_kind_parse(word[1], &out->kind, NULL) ||
	    fp_owner_parse(word[2], &out->owner, NULL) ||
	    strspn(word[3], "0123456789") != strlen(word[3]) ||
	    strlen(word[3]) > 18)
		return false;
	strcpy(out->name, word[0]);
	out->entries = strtoull(word[3], &stop, 10);
	out->digest[0] = 0;
	if (is_hex64(word[4]))
		strcpy(out->digest, word[4]);
	return out->digest[0] || !strcmp(word[4], "-");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fp_hello_list *)a)->name,
		      ((const struct fp_hello_list *)b)->name);
}

static int read_lists(struct fp_hello *h, const char *body, size_t n,
		      struct fp_err *e)
{
	const char *s = body, *end = body + n;
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += body[i] == '\n';
	if (lines > FP_HELLO_LISTS_MAX)
		return fp_err(e, -EBADMSG, "HELLO names %zu lists", lines);
	h->list = calloc(lines + 1, sizeof(*h->list));
	if (!h->list)
		return fp_err(e, -ENOMEM, "out of memory");
	for (; s < end; h->n_lists++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		if (!nl || !read_list(&h->list[h->n_lists], s, nl))
			return fp_err(e, -EBADMSG,
				      "HELLO: line %zu is not that of a list",
				      h->n_lists + 1);
		s = nl + 1;
	}
	qsort(h->list, h->n_lists, sizeof(*h->list), by_name);
	for (size_t i = 1; i < h->n_lists; i++)
		if (!by_name(&h->list[i - 1], &h->list[i]))
			return fp_err(e, -EBADMSG, "HELLO names list %s twice",
				      h->list[i].name);
	return 0;
}

static int read_strings(struct fp_hello *h, const struct fp_wire_msg *m,
			struct fp_err *e)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
		bool is_digest;
	} field[] = {
		{ "name", h->name, sizeof(h->name), false },
		{ "version", h->version, sizeof(h->version), false },
		{ "accepted", h->accepted, sizeof(h->accepted), false },
		{ "accepted_by", h->accepted_by, sizeof(h->accepted_by),
		  false },
		{ "accepted_policy", h->accepted_policy,
		  sizeof(h->accepted_policy), true },
		{ "policy", h->policy, sizeof(h->policy), true },
		{ "words", h->words, sizeof(h->words), true },
		{ "pending", h->pending, sizeof(h->pending), false },
		{ "filter", h->filter, sizeof(h->filter), false },
		{ "lists", h->mode, sizeof(h->mode), false },
		{ "tables", h->tables, sizeof(h->tables), false },
	};

	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++)
		if (fp_wire_str(m, field[i].key, field[i].to, field[i].size) &&
		    field[i].is_digest && !is_hex64(field[i].to))
			return fp_err(e, -EBADMSG, "HELLO: %s is no digest",
				      field[i].key);
	return h->policy[0] ? 0
			    : fp_err(e, -EBADMSG, "HELLO: no policy digest");
}

static int read_numbers(struct fp_hello *h, const struct fp_wire_msg *m,
			struct fp_err *e)
{
	const struct {
		const char *key;
		uint64_t max;
		uint64_t *to;
	} field[] = {
		{ "clock_ms", FP_TIME_MAX_S * 1000, (uint64_t *)&h->clock_ms },
		{ "accepted_at", FP_TIME_MAX_S, (uint64_t *)&h->accepted_at_s },
		{ "pending_s", INT32_MAX, (uint64_t *)&h->pending_s },
		{ "bypass_s", INT32_MAX, (uint64_t *)&h->bypass_s },
		{ "nics", UINT32_MAX, &h->nics },
		{ "n_words", UINT32_MAX, &h->n_words },
		{ "broken", UINT32_MAX, &h->broken },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(field) / sizeof(*field) && !r; i++)
		r = fp_wire_u64(m, field[i].key, field[i].max, 0, field[i].to,
				e);
	return r;
}

static int check_version(const struct fp_wire_msg *m, struct fp_err *e)
{
	uint64_t v, min;
	int r = fp_wire_u64(m, "v", UINT32_MAX, 0, &v, e);

	if (!r)
		r = fp_wire_u64(m, "min", UINT32_MAX, 1, &min, e);
	if (r)
		return r;
	if (v >= FP_WIRE_VERSION && min <= FP_WIRE_VERSION)
		return 0;
	return fp_err(e, -EPROTO,
		      "speaks version %llu of the protocol, we speak %d",
		      (unsigned long long)v, FP_WIRE_VERSION);
}

int fp_hello_read(struct fp_hello *out, const struct fp_wire_msg *m,
		  struct fp_err *e)
{
	struct fp_hello h = { .clock_ms = 0 };
	int r = check_version(m, e);

	if (!r)
		r = read_strings(&h, m, e);
	if (!r)
		r = read_numbers(&h, m, e);
	if (!r)
		r = read_lists(&h, m->body, m->body_len, e);
	if (r)
		fp_hello_fini(&h);
	else
		*out = h;
	return r;
}

void fp_hello_fini(struct fp_hello *h)
{
	free(h->list);
	*h = (struct fp_hello){ .clock_ms = 0 };
}

const struct fp_hello_list *fp_hello_find(const struct fp_hello *h,
					  const char *name)
{
	struct fp_hello_list key = { .name = "" };

	if (!h->n_lists || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, h->list, h->n_lists, sizeof(key), by_name);
}

bool fp_hello_is_behind(const struct fp_hello *h)
{
	return !strcmp(h->tables, "behind");
}
