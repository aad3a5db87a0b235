/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of an sshd whose descriptors may not be looked at, from what
 * sock_diag and /proc tell; netlink_test asks the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/sshd_priv.h"
#include "unit.h"

enum { ROOT = 1, INIT = 5, SELF = 7, SSHD = 10, SESSION = 20, WEB = 30 };

static struct fp_unseen unseen;
static char text[256];

/* "PORT@CGROUP[:UID][!]": ! is a cgroup without a process. */
static struct fp_listener listener_read(const char *word)
{
	struct fp_listener l = { .is_owned = !strchr(word, '!') };
	unsigned int port = 0, cgroup = 0, uid = 0;

	sscanf(word, "%u@%u:%u", &port, &cgroup, &uid);
	l.port = (uint16_t)port;
	l.cgroup = cgroup;
	l.uid = uid;
	return l;
}

/* The ports, as words. */
static const char *match(const char *listeners)
{
	struct fp_sshd_ports *out = calloc(1, sizeof(*out));
	struct fp_listener v[16];
	char copy[256], *rest = copy, *word;
	size_t n = 0;

	if (!out)
		exit(1);
	snprintf(copy, sizeof(copy), "%s", listeners);
	while ((word = strsep(&rest, " ")))
		v[n++] = listener_read(word);
	fp_unseen_match(&unseen, v, n, out);
	text[0] = '\0';
	for (size_t i = 0; i < out->n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%u", i ? " " : "", out->v[i]);
	free(out);
	return text;
}

static void begin(void)
{
	unseen = (struct fp_unseen){ .self = SELF, .init = INIT };
}

#define OTHERS "80@30 8080@30:33 25@7 5060@5 111@7:65534"

TEST(the_cgroup_of_an_sshd_tells)
{
	begin();
	fp_unseen_add(&unseen, SSHD, 0, false);
	STR(match("2222@10 2022@10:1000 " OTHERS), "2022 2222");
	/* connections, which need listen on nothing */
	fp_unseen_add(&unseen, SESSION, 0, true);
	fp_unseen_add(&unseen, SESSION, 1000, true);
	STR(match("2222@10 " OTHERS), "2222");
	STR(match("2222@10 6010@20:1000 " OTHERS), "2222 6010");
}

TEST(a_socket_made_for_sshd_by_another_is_found)
{
	begin();
	fp_unseen_add(&unseen, SSHD, 0, false);
	/* by process 1, in its cgroup or in that of ssh.socket; X11 forwarding in
	 * the cgroup of sshd itself hides neither */
	STR(match("2222@5 6010@10:1000 " OTHERS), "2222 6010");
	STR(match("2222@6! 6010@10:1000 " OTHERS), "2222 6010");
	/* and by whomever else, as long as it has none: guessed */
	STR(match("2222@7 " OTHERS), "25 80 2222");
	STR(match("2222@40 " OTHERS), "25 80 2222");
	/* another's listener is no answer for it */
	fp_unseen_add(&unseen, SESSION, 1000, true);
	STR(match("2222@40 6010@20:1000 " OTHERS), "25 80 2222 6010");
	begin();
	fp_unseen_add(&unseen, SSHD, 0, false);
	fp_unseen_add(&unseen, 11, 0, false);
	STR(match("2222@40 2200@11 " OTHERS), "25 80 2200 2222");
}

TEST(no_sshd_was_started_yet)
{
	begin();
	STR(match("2222@5 " OTHERS), "2222");
	STR(match("2222@6! " OTHERS), "2222");
	STR(match(OTHERS), "");
}

TEST(cgroups_do_not_tell)
{
	begin();
	fp_unseen_add(&unseen, 0, 0, false);
	STR(match("2222@10 " OTHERS), "25 80 2222");
	/* one of a user's own */
	fp_unseen_add(&unseen, 0, 33, false);
	STR(match("2222@10 " OTHERS), "25 80 2222 8080");
	begin();
	fp_unseen_add(&unseen, SELF, 0, false);
	STR(match("2222@7 " OTHERS), "25 2222");
	begin();
	fp_unseen_add(&unseen, ROOT, 0, false);
	STR(match("2222@1 5061@1 " OTHERS), "2222");
	begin();
	for (unsigned int i = 0; i <= FP_UNSEEN_MAX; i++)
		fp_unseen_add(&unseen, 100 + i, i, true);
	OK(unseen.is_anywhere);
	EQ(unseen.n_uids, FP_UNSEEN_MAX);
}
