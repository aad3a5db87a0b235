/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/list_disk.h"
#include "model/list_line.h"

static const char *const kinds[] = { "none", "block", "allow", "fence" };
static const char *const owners[] = { "local", "dynamic", "pushed" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int bad_word(struct fp_err *e, const char *s, const char *what)
{
	char word[FP_WORD_SIZE];

	return fp_err(e, -EINVAL, "\"%s\": %s", fp_word(word, s, strlen(s)),
		      what);
}

int fp_list_name_check(const char *name, struct fp_err *e)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = strlen(name);

	if (!n || !strchr(first, *name) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return bad_word(e, name,
				"not a list name "
				"([a-z0-9][a-z0-9._-]*)");
	if (n > FP_LIST_NAME_MAX)
		return bad_word(e, name, "a list name has at most 31 letters");
	return 0;
}

const char *fp_kind_name(enum fp_kind k)
{
	return kinds[k];
}

const char *fp_owner_name(enum fp_owner o)
{
	return owners[o];
}

int fp_kind_parse(const char *s, enum fp_kind *out, struct fp_err *e)
{
	for (size_t i = FP_KIND_BLOCK; i < COUNT(kinds); i++) {
		if (strcmp(s, kinds[i]))
			continue;
		*out = (enum fp_kind)i;
		return 0;
	}
	return bad_word(e, s, "not a kind: block, allow or fence");
}

int fp_owner_parse(const char *s, enum fp_owner *out, struct fp_err *e)
{
	for (size_t i = 0; i < COUNT(owners); i++) {
		if (strcmp(s, owners[i]))
			continue;
		*out = (enum fp_owner)i;
		return 0;
	}
	return bad_word(e, s, "not an owner: local, dynamic or pushed");
}

void fp_list_file(char out[FP_LIST_FILE_SIZE], const char *name, bool is_tmp)
{
	snprintf(out, FP_LIST_FILE_SIZE, "%s%s%s", name, FP_LIST_SUFFIX,
		 is_tmp ? ".tmp" : "");
}

void fp_list_head_print(char out[FP_LIST_HEAD_LEN],
			const struct fp_list_head *h)
{
	char text[FP_LIST_HEAD_LEN + 1];

	snprintf(text, sizeof(text),
		 "#fastpath-list 1 kind=%s owner=%s gen=%ju entries=%ju",
		 fp_kind_name(h->kind), fp_owner_name(h->owner),
		 (uintmax_t)h->gen, (uintmax_t)h->entries);
	memset(out, ' ', FP_LIST_HEAD_LEN - 1);
	memcpy(out, text, strlen(text));
	out[FP_LIST_HEAD_LEN - 1] = '\n';
}

/* The words of a head line; what they mean is checked by printing them again. */
static bool head_scan(struct fp_list_head *h, const char *text)
{
	char kind[16], owner[16];
	uintmax_t gen, entries;

	if (sscanf(text,
		   "#fastpath-list 1 kind=%15s owner=%15s gen=%ju "
		   "entries=%ju",
		   kind, owner, &gen, &entries) != 4 ||
	    fp_kind_parse(kind, &h->kind, NULL) ||
	    fp_owner_parse(owner, &h->owner, NULL))
		return false;
	h->gen = gen;
	h->entries = entries;
	return true;
}

int fp_list_head_parse(struct fp_list_head *h, size_t *len, const char *text,
		       size_t n, struct fp_err *e)
{
	char line[FP_LIST_HEAD_LEN], again[FP_LIST_HEAD_LEN];
	const char *nl = n ? memchr(text, '\n', n) : NULL;
	size_t got = nl ? (size_t)(nl - text) : 0;
	struct fp_list_head x = *h;
	char word[FP_WORD_SIZE];

	memset(line, ' ', sizeof(line));
	if (nl && got < sizeof(line)) {
		memcpy(line, text, got);
		line[sizeof(line) - 1] = 0;
		if (head_scan(&x, line)) {
			fp_list_head_print(again, &x);
			line[sizeof(line) - 1] = '\n';
			if (!memcmp(line, again, sizeof(line))) {
				*len = got + 1;
				*h = x;
				return 0;
			}
		}
	}
	return fp_err(e, -EBADMSG,
		      "\"%s\": not the head of a list "
		      "(#fastpath-list 1 kind=... owner=... gen=... "
		      "entries=...)",
		      fp_word(word, text, nl ? got : n));
}

bool fp_list_wants_compact(const struct fp_list *l)
{
	uint64_t most = l->head.body_bytes / 64;

	if (most < 64 << 10)
		most = 64 << 10;
	return l->head.torn_bytes || l->head.log_bytes > most;
}
