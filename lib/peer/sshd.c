/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sshd.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/sshd_priv.h"

#define SSH_PORT 22 /* RFC 4253 4.1 */

/* Larger than MNL_SOCKET_BUFFER_SIZE: one recv takes more of a dump. */
#define BUFFER_SIZE 32768

/* ---- sock_diag ---- */

/* The request of before SOCK_DIAG_BY_FAMILY: it alone dumps both families in one
 * walk of the kernel's table (inet_diag_dump_compat), which is what a dump
 * costs: 150 us where the table has 2^17 buckets. */
static void request_put(char *buf, uint32_t states, uint16_t port)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req *r;

	nlh->nlmsg_type = TCPDIAG_GETSOCK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	r->idiag_family = AF_INET;
	r->idiag_states = states;
	/* In a dump the kernel compares ports that are not 0
	 * (inet_diag_dump_icsk, net/ipv4/inet_diag.c). */
	r->id.idiag_sport = htons(port);
}

/* TCP sockets, IPv4 and IPv6, in the given states (bits 1 << TCP_...).
 * port: local, 0 for all. */
static int dump(uint32_t states, uint16_t port, mnl_cb_t cb, void *ctx)
{
	_Alignas(8) char buf[BUFFER_SIZE];
	struct mnl_socket *s =
		mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	ssize_t n = -1;
	int rc = -1;

	if (!s)
		return -errno;
	request_put(buf, states, port);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(s, buf, ((struct nlmsghdr *)buf)->nlmsg_len) < 0)
		goto out;
	do {
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		if (n < 0)
			break;
		rc = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(s), cb,
				ctx);
	} while (rc > 0);
out:
	rc = n < 0 || rc < 0 ? -errno : 0;
	mnl_socket_close(s);
	return rc;
}

/* ---- ports ---- */

struct listener {
	unsigned long inode;
	uint64_t cgroup; /* v2, of who made the socket; 0: not told */
	uid_t uid;
	uint16_t port;
};

struct listeners {
	struct listener *v;
	size_t n, cap;
	bool is_failed;
};

/* INET_DIAG_CGROUP_ID: kernel 5.8, commit 6e3a401fc8af. */
static int on_attr(const struct nlattr *a, void *ctx)
{
	uint64_t *cgroup = ctx;

	if (mnl_attr_get_type(a) == INET_DIAG_CGROUP_ID &&
	    mnl_attr_get_payload_len(a) == sizeof(*cgroup))
		*cgroup = mnl_attr_get_u64(a);
	return MNL_CB_OK;
}

static int on_listener(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct listeners *ls = ctx;
	struct listener *l;

	if (ls->n == ls->cap) {
		size_t cap = ls->cap ? 2 * ls->cap : 64;
		struct listener *v = reallocarray(ls->v, cap, sizeof(*v));

		ls->is_failed = !v;
		if (!v)
			return MNL_CB_STOP;
		ls->v = v;
		ls->cap = cap;
	}
	l = &ls->v[ls->n++];
	*l = (struct listener){ .inode = m->idiag_inode,
				.uid = m->idiag_uid,
				.port = ntohs(m->id.idiag_sport) };
	mnl_attr_parse(nlh, sizeof(*m), on_attr, &l->cgroup);
	return MNL_CB_OK;
}

static void port_add(struct fp_sshd_ports *p, uint16_t port)
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

/* "socket:[1234]" (proc(5), /proc/PID/fd). */
static void link_match(const char *target, const struct listeners *ls,
		       struct fp_sshd_ports *out)
{
	unsigned long inode;

	if (sscanf(target, "socket:[%lu]", &inode) != 1)
		return;
	for (size_t i = 0; i < ls->n; i++)
		if (ls->v[i].inode == inode)
			port_add(out, ls->v[i].port);
}

static bool is_sshd(int proc_fd, const char *pid)
{
	char path[300], comm[32] = "";
	int fd;
	bool is = false;

	snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* it ended meanwhile */
	if (read(fd, comm, sizeof(comm) - 1) > 0)
		is = !strcmp(comm, "sshd\n");
	close(fd);
	return is;
}

/* ---- by cgroup, of those whose descriptors are not ours to see */

#define CGROUPS_MAX 64

struct unseen {
	uint64_t cgroup[CGROUPS_MAX];
	size_t n;
	bool is_anywhere; /* of one of them not even that is known */
};

static void unseen_add(struct unseen *u, uint64_t cgroup)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->cgroup[i] == cgroup)
			return;
	if (!cgroup || u->n == CGROUPS_MAX)
		u->is_anywhere = true;
	else
		u->cgroup[u->n++] = cgroup;
}

static bool unseen_has(const struct unseen *u, uint64_t cgroup)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->cgroup[i] == cgroup)
			return true;
	return false;
}

/* A cgroup that holds more than sshd tells little: of its sockets those of uid
 * 0, and not where a SIP server listens (RFC 3261 19.1.2, 26.2.1). */
static bool may_be_sshd(const struct listener *l)
{
	return !l->uid && l->port != 5060 && l->port != 5061;
}

/* 1 is the root of all cgroups, where who has none of its own is. */
static size_t unseen_match(const struct unseen *u, const struct listeners *ls,
			   uint64_t own, struct fp_sshd_ports *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ls->n; i++) {
		const struct listener *l = &ls->v[i];
		bool is_shared = l->cgroup == own || l->cgroup <= 1;

		if (!unseen_has(u, l->cgroup) || (is_shared && !may_be_sshd(l)))
			continue;
		port_add(out, l->port);
		n++;
	}
	return n;
}

static void unseen_guess(const struct listeners *ls, struct fp_sshd_ports *out)
{
	for (size_t i = 0; i < ls->n; i++)
		if (may_be_sshd(&ls->v[i]))
			port_add(out, ls->v[i].port);
}

/* ---- by process */

struct scan {
	struct listeners ls;
	struct unseen unseen;
	struct fp_sshd_ports ports;
};

static void process_unseen(struct scan *s, int proc_fd, const char *pid)
{
	s->ports.is_complete = false;
	unseen_add(&s->unseen, fp_cgroup_of(proc_fd, pid));
}

/* fd: of its directory; consumed. */
static bool links_match(int fd, struct scan *s)
{
	DIR *dir = fdopendir(fd);
	bool is_seen = dir;
	struct dirent *d;
	char target[64];

	if (!dir)
		close(fd);
	while (dir && (d = readdir(dir))) {
		ssize_t n =
			readlinkat(fd, d->d_name, target, sizeof(target) - 1);

		if (n < 0 && (errno == EACCES || errno == EPERM))
			is_seen = false;
		if (n <= 0)
			continue;
		target[n] = '\0';
		link_match(target, &s->ls, &s->ports);
	}
	if (dir)
		closedir(dir);
	return is_seen;
}

static void process_match(int proc_fd, const char *pid, struct scan *s)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/fd", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return; /* it ended meanwhile */
	if (fd < 0 || !links_match(fd, s))
		process_unseen(s, proc_fd, pid);
}

static int processes_match(struct scan *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	if (!dir)
		return -errno;
	while ((d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]) &&
		    is_sshd(dirfd(dir), d->d_name))
			process_match(dirfd(dir), d->d_name, s);
	/* mounted with hidepid (proc(5)) */
	if (faccessat(dirfd(dir), "1/comm", R_OK, AT_EACCESS)) {
		s->ports.is_complete = false;
		s->unseen.is_anywhere = true;
	}
	if (!s->ports.is_complete &&
	    (!unseen_match(&s->unseen, &s->ls, fp_cgroup_of(dirfd(dir), "self"),
			   &s->ports) ||
	     s->unseen.is_anywhere))
		unseen_guess(&s->ls, &s->ports);
	closedir(dir);
	return 0;
}

int fp_sshd_ports(struct fp_sshd_ports *out, struct fp_err *e)
{
	struct scan s = {
		.ports = { .v = { SSH_PORT }, .n = 1, .is_complete = true }
	};
	int rc = dump(1 << TCP_LISTEN, 0, on_listener, &s.ls);

	if (!rc && s.ls.is_failed)
		rc = -ENOMEM;
	if (!rc)
		rc = processes_match(&s);
	free(s.ls.v);
	if (rc)
		return fp_err_sys(e, rc, "cannot find the ports of sshd");
	*out = s.ports;
	return 0;
}

/* ---- peers ---- */

struct peers {
	const struct fp_sshd_ports *ports;
	int (*each)(void *ctx, const struct fp_prefix *peer);
	void *ctx;
	int rc;
};

static bool port_has(const struct fp_sshd_ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == port)
			return true;
	return false;
}

static int on_peer(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct peers *w = ctx;
	struct fp_prefix peer;

	if (!port_has(w->ports, ntohs(m->id.idiag_sport)))
		return MNL_CB_OK;
	peer = m->idiag_family == AF_INET ? fp_prefix_v4(m->id.idiag_dst, 32)
					  : fp_prefix_v6(m->id.idiag_dst, 128);
	w->rc = w->each(w->ctx, &peer);
	return w->rc ? MNL_CB_STOP : MNL_CB_OK;
}

int fp_sshd_peers(const struct fp_sshd_ports *ports,
		  int (*each)(void *ctx, const struct fp_prefix *peer),
		  void *ctx, struct fp_err *e)
{
	struct peers w = { .ports = ports, .each = each, .ctx = ctx };
	/* One port, the usual case, is filtered by the kernel. */
	int rc = dump(1 << TCP_ESTABLISHED, ports->n == 1 ? ports->v[0] : 0,
		      on_peer, &w);

	if (w.rc)
		return w.rc;
	if (rc)
		return fp_err_sys(e, rc, "cannot list TCP connections");
	return 0;
}
