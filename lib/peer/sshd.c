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

struct listeners {
	struct fp_listener *v;
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
	struct fp_listener *l;

	if (ls->n == ls->cap) {
		size_t cap = ls->cap ? 2 * ls->cap : 64;
		struct fp_listener *v = reallocarray(ls->v, cap, sizeof(*v));

		ls->is_failed = !v;
		if (!v)
			return MNL_CB_STOP;
		ls->v = v;
		ls->cap = cap;
	}
	l = &ls->v[ls->n++];
	*l = (struct fp_listener){ .inode = m->idiag_inode,
				   .uid = m->idiag_uid,
				   .port = ntohs(m->id.idiag_sport) };
	mnl_attr_parse(nlh, sizeof(*m), on_attr, &l->cgroup);
	return MNL_CB_OK;
}

/* What the descriptors of a process are looked through for. */
struct scan {
	struct listeners ls;
	struct fp_unseen unseen;
	struct fp_sshd_ports ports;
	char cgroups[PATH_MAX]; /* fp_cgroup_mount */
	bool is_init; /* the process is no sshd, but what starts one */
};

/* "socket:[1234]" (proc(5), /proc/PID/fd). */
static void link_match(const char *target, struct scan *s)
{
	unsigned long inode;

	if (sscanf(target, "socket:[%lu]", &inode) != 1)
		return;
	for (size_t i = 0; i < s->ls.n; i++) {
		const struct fp_listener *l = &s->ls.v[i];

		if (l->inode == inode &&
		    (!s->is_init || fp_unseen_may_have(&s->unseen, l)))
			fp_sshd_port_add(&s->ports, l->port);
	}
}

/* word: with its newline */
static bool is_named(int proc_fd, const char *pid, const char *word)
{
	char path[300], comm[32] = "";
	int fd;
	bool is = false;

	snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* it ended meanwhile */
	if (read(fd, comm, sizeof(comm) - 1) > 0)
		is = !strcmp(comm, word);
	close(fd);
	return is;
}

/* ---- by process */

/* Whose it is, and is it what an sshd started for a connection?  That one's
 * listeners are of its own making (X11, ssh -R), and in its cgroup. */
static bool status_read(int proc_fd, const char *pid, uid_t *uid,
			bool *is_session)
{
	char path[300], line[256], parent[16] = "";
	bool has_uid = false;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/status", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && !has_uid && fgets(line, sizeof(line), f)) {
		sscanf(line, "PPid: %15[0-9]", parent);
		has_uid = sscanf(line, "Uid: %*u %u", uid) == 1;
	}
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	*is_session = *parent && is_named(proc_fd, parent, "sshd\n");
	return has_uid;
}

static void process_unseen(struct scan *s, int proc_fd, const char *pid)
{
	bool is_session = false;
	uid_t uid = 0;

	s->ports.is_complete = false;
	if (s->is_init)
		return;
	if (!status_read(proc_fd, pid, &uid, &is_session))
		is_session = false;
	fp_unseen_add(&s->unseen, fp_cgroup_of(s->cgroups, proc_fd, pid), uid,
		      is_session);
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
		link_match(target, s);
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

/* systemd holds sockets for services that it has not started yet (ssh.socket),
 * or starts anew for each connection. */
static bool is_activator(int proc_fd, const char *pid)
{
	return !strcmp(pid, "1") && (is_named(proc_fd, pid, "systemd\n") ||
				     is_named(proc_fd, pid, "init\n"));
}

/* Of which listeners is the cgroup somebody's? */
static void owned_find(struct scan *s, DIR *dir)
{
	struct listeners *ls = &s->ls;
	struct dirent *d;

	rewinddir(dir);
	while ((d = readdir(dir))) {
		uint64_t cgroup;

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		cgroup = fp_cgroup_of(s->cgroups, dirfd(dir), d->d_name);
		for (size_t i = 0; cgroup && i < ls->n; i++)
			ls->v[i].is_owned |= ls->v[i].cgroup == cgroup;
	}
}

static void unseen_match(struct scan *s, DIR *dir)
{
	int proc_fd = dirfd(dir);

	s->unseen.self = fp_cgroup_of(s->cgroups, proc_fd, "self");
	s->unseen.init = fp_cgroup_of(s->cgroups, proc_fd, "1");
	owned_find(s, dir);
	fp_unseen_match(&s->unseen, s->ls.v, s->ls.n, &s->ports);
}

static int processes_match(struct scan *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	if (!dir)
		return -errno;
	fp_cgroup_mount(dirfd(dir), s->cgroups);
	while ((d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		s->is_init = is_activator(dirfd(dir), d->d_name);
		if (s->is_init || is_named(dirfd(dir), d->d_name, "sshd\n"))
			process_match(dirfd(dir), d->d_name, s);
	}
	/* mounted with hidepid (proc(5)) */
	if (faccessat(dirfd(dir), "1/comm", R_OK, AT_EACCESS)) {
		s->ports.is_complete = false;
		s->unseen.is_anywhere = true;
	}
	if (!s->ports.is_complete)
		unseen_match(s, dir);
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
