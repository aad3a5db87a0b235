/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_STAY_PRIV_H
#define FP_CONTROL_STAY_PRIV_H

/* What stay.c, stay_watch.c, stay_sock.c and stay_hand.c share; not for others. */

#include <sys/un.h>

#include "control/stay.h"

#define FP_STAY_SOCK "sync/sock"
#define FP_STAY_CLIENTS 16
#define FP_STAY_TAG 0x1000 /* of words that a client handed in, and its slot */

/* A plan while some visit goes by it. */
struct fp_stay_plan {
	unsigned int refs;
	struct fp_plan plan;
};

struct fp_stay_node {
	struct fp_member *m;
	struct fp_visit *visit;
	struct fp_stay_plan *plan; /* of the visit under way, or NULL */
	bool is_stale;             /* visit it again */
	bool is_seen;              /* visited, or tried, once */
	const char *state;         /* as it was told last */
};

/* A local client: its words go to all nodes, their answers back. */
struct fp_stay_client {
	struct fp_stay *stay;
	int fd; /* -1: free */
	struct fp_buf in, out;
	bool *awaits; /* of each node */
	size_t n_awaited;
	bool is_asked; /* words were handed in */
	struct fp_timer deadline;
};

struct fp_stay {
	struct fp_loop *loop;
	struct fp_stay_opts opts;
	struct fp_fleet *fleet;
	struct fp_stay_node *node;
	size_t n, n_unseen;
	struct fp_stay_plan *plan; /* for the next visits */
	struct fp_timer keep_alive, reload, expiry;
	int watch_fd, dir_watch;
	int listen_fd;
	char sock[4096];
	struct fp_stay_client client[FP_STAY_CLIENTS];
};

void fp_stay_say(struct fp_stay *s, bool is_bad, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- stay_watch.c ---- */

/* Tell when the lists directory changes: arms s->reload.  A directory that goes
 * away is looked for again at each reload. */
int fp_stay_watch_open(struct fp_stay *s, struct fp_err *e);
void fp_stay_watch_again(struct fp_stay *s);
void fp_stay_watch_close(struct fp_stay *s);

/* ---- stay_sock.c ---- */

/* Listen, unless another does; that is said, and is no error. */
int fp_stay_sock_open(struct fp_stay *s, struct fp_err *e);
void fp_stay_sock_close(struct fp_stay *s);
/* Node i answered words with this tag; or its session ended (ev NULL). */
void fp_stay_sock_answer(struct fp_stay *s, size_t i,
			 const struct fp_event *ev);

/* ---- stay_hand.c ---- */

/* Where the socket is.  0; -ENAMETOOLONG. */
int fp_stay_address(struct sockaddr_un *a, const char *state_dir);

#endif
