/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_HISTORY_H
#define FP_CONTROL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/sender_push.h"
#include "model/list.h"

/* What this controller has pushed, in STATE/sync:
 *   objects/DIGEST   a version of a list: "NAME KIND\n" and its entry lines, so
 *                    that the SHA-256 of the file is its name
 *   pushes           the log, records of lines, oldest first:
 *                      push ID UNIX POLICY
 *                      by WHO
 *                      why TEXT
 *                      list NAME KIND DIGEST ENTRIES ADDED REMOVED
 *                      end
 *                    and "seen ID" for another controller's push that this one
 *                    found to be equal to its own lists, "waits ID NODE..." for
 *                    nodes that take push ID back unless it is confirmed
 * A push is in the log, durably, before the first node hears of it: a node whose
 * last push is not in the log was changed by somebody else, or we are older than
 * we think. */

#define FP_HISTORY_VERSIONS 50 /* of each list are kept */

struct fp_version {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind; /* FP_KIND_NONE: the list went */
	char digest[65];
	uint64_t entries, added, removed;
};

struct fp_pushed {
	char id[FP_PUSH_ID_SIZE];
	int64_t at_s; /* unix time */
	char policy[65];
	char *by, *why;          /* "" when none was given */
	char *waiting;           /* "NODE NODE": where it was to be confirmed;
				    or NULL */
	struct fp_version *list; /* all lists that were offered */
	size_t n_lists;
};

struct fp_history;

/* Opens, and makes, STATE/sync.  0: close with fp_history_close.  -errno. */
int fp_history_open(struct fp_history **out, const char *state_dir,
		    struct fp_err *e);
void fp_history_close(struct fp_history *h); /* NULL is allowed */

/* All pushes in the log, oldest first; until the next call with h. */
const struct fp_pushed *fp_history_all(const struct fp_history *h, size_t *n);
/* Is that push one of ours, or one that was seen?  Another process may have
 * pushed meanwhile: the log is read again before the answer is no. */
bool fp_history_knows(struct fp_history *h, const char *id);

/* Was that push made here, by this process or another? */
bool fp_history_made(struct fp_history *h, const char *id);

/* 128 random bits, as hex. */
int fp_history_new_id(char out[FP_PUSH_ID_SIZE], struct fp_err *e);
/* Keep the lists and add the push to the log.  policy: the digest of the lists.
 * On return 0 it is durable.  timeout_ms: for the lock. */
int fp_history_add(struct fp_history *h, const struct fp_order *p,
		   const char *policy, int64_t now_s, int64_t timeout_ms,
		   struct fp_err *e);
/* Note that a push of somebody else is known to us. */
int fp_history_see(struct fp_history *h, const char *id, int64_t timeout_ms,
		   struct fp_err *e);

/* Note that these nodes take push id back unless it is confirmed.  0, also when
 * there are none or the push is not in the log; -errno. */
int fp_history_wait(struct fp_history *h, const char *id,
		    const char *const *nodes, size_t n, int64_t timeout_ms,
		    struct fp_err *e);
/* The newest push that this node was to have confirmed, or NULL; it is an element
 * of fp_history_all. */
const struct fp_pushed *fp_history_waited(const struct fp_history *h,
					  const char *node);

/* A node accepted `accepted` ("": nothing) at unix time at_s.  Was that after push
 * id of ours, which it had at id_at_s?  Of our own pushes the log says so, of
 * others the time. */
bool fp_history_is_after(struct fp_history *h, const char *accepted,
			 int64_t at_s, const char *id, int64_t id_at_s);

/* A version's entries, verified by its digest.  *text holds what they point to.
 * 0: fp_entries_fini, fp_text_fini.  -ENOENT: not kept, or damaged. */
int fp_history_read(const struct fp_history *h, const char *digest,
		    struct fp_entries *out, struct fp_text *text,
		    enum fp_kind *kind, struct fp_err *e);
/* The version of a list before the one with digest `now` (of the versions in the
 * log, or the last one when `now` is none of them); to: or the last one whose digest
 * begins so.  -ENOENT: there is none, or it is not kept any more. */
int fp_history_before(const struct fp_history *h, const char *name,
		      const char *now, const char *to, struct fp_version *out,
		      struct fp_err *e);

#endif
