/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sshd_priv.h"

#include <string.h>

void fp_sshd_port_add(struct fp_sshd_ports *p, uint16_t port)
{
	size_t i = 0;

	while (i < p->n && p->v[i] < port)
		i++;
	if ((i < p->n && p->v[i] == port) || p->n == FP_SSHD_PORTS_MAX)
		return;
	memmove(p->v + i + 1, p->v + i, (p->n - i) * sizeof(p->v[0]));
	p->v[i] = port;
	p->n++;
}

/* ---- what is known of them ---- */

static void uid_add(struct fp_unseen *u, uid_t uid)
{
	for (size_t i = 0; i < u->n_uids; i++)
		if (u->uid[i] == uid)
			return;
	if (uid && u->n_uids < FP_UNSEEN_MAX)
		u->uid[u->n_uids++] = uid;
}

void fp_unseen_add(struct fp_unseen *u, uint64_t cgroup, uid_t uid,
		   bool is_session)
{
	size_t i = 0;

	uid_add(u, uid);
	while (i < u->n && u->at[i].cgroup != cgroup)
		i++;
	if (!cgroup || i == FP_UNSEEN_MAX) {
		u->is_anywhere = true;
		return;
	}
	if (i == u->n)
		u->at[u->n++] = (struct fp_unseen_at){ .cgroup = cgroup };
	u->at[i].has_master |= !is_session;
}

/* Not where a SIP server listens (RFC 3261 19.1.2, 26.2.1). */
bool fp_unseen_may_have(const struct fp_unseen *u, const struct fp_listener *l)
{
	bool is_theirs = !l->uid;

	for (size_t i = 0; i < u->n_uids; i++)
		is_theirs |= u->uid[i] == l->uid;
	return is_theirs && l->port != 5060 && l->port != 5061;
}

/* ---- what they listen on ---- */

/* A cgroup that holds more than sshd tells little: ours, and 1, the root of all,
 * where who has none of its own is. */
static bool is_shared(const struct fp_unseen *u, const struct fp_listener *l)
{
	return l->cgroup <= 1 || l->cgroup == u->self || l->cgroup == u->init;
}

/* Who made the socket may have made it for another: init does, and who is gone.
 * (systemd makes one in the cgroup of its socket unit, where no process stays:
 * src/core/socket.c, socket_address_listen_in_cgroup().) */
static bool is_handed_on(const struct fp_unseen *u, const struct fp_listener *l)
{
	return !l->is_owned || l->cgroup == u->init;
}

static bool is_in(struct fp_unseen *u, const struct fp_listener *l)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->at[i].cgroup == l->cgroup) {
			u->at[i].has_listener = true;
			return true;
		}
	return false;
}

static bool is_guess_due(const struct fp_unseen *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->at[i].has_master && !u->at[i].has_listener)
			return true;
	return u->is_anywhere;
}

void fp_unseen_match(struct fp_unseen *u, const struct fp_listener *v, size_t n,
		     struct fp_sshd_ports *out)
{
	for (size_t i = 0; i < u->n; i++)
		u->at[i].has_listener = false;
	for (size_t i = 0; i < n; i++) {
		bool may = fp_unseen_may_have(u, &v[i]);

		if (is_shared(u, &v[i]) && !may)
			continue;
		if (is_in(u, &v[i]) || (may && is_handed_on(u, &v[i])))
			fp_sshd_port_add(out, v[i].port);
	}
	if (!is_guess_due(u))
		return;
	for (size_t i = 0; i < n; i++)
		if (fp_unseen_may_have(u, &v[i]))
			fp_sshd_port_add(out, v[i].port);
}
