/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SSHD_H
#define FP_PEER_SSHD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Who is on this node by SSH: so that no list cuts the operator off.  Asked of
 * the kernel (sock_diag(7)), since sudo takes SSH_CONNECTION away. */

#define FP_SSHD_PORTS_MAX 4096

struct fp_sshd_ports {
	uint16_t v[FP_SSHD_PORTS_MAX]; /* host order, ascending, each once */
	size_t n;
	bool is_complete; /* every sshd's own descriptors were looked at */
};

/* The TCP ports that processes named sshd listen on in this network namespace,
 * and what systemd listens on for others (ssh.socket), as process 1, but for 5060
 * and 5061.  22 is always among them.  Ports beyond FP_SSHD_PORTS_MAX are left
 * out.
 * Reads the open files of each sshd in /proc: some milliseconds on a busy host.
 * Without the right to read them (CAP_SYS_PTRACE) is_complete is false, and what
 * listens in an sshd's cgroup (v2) is taken for its; so is what user 0 or theirs
 * has listening where nobody is in the cgroup, or process 1 is, but for 5060 and
 * 5061.  Where one of them, no child of another sshd, has nothing listening in its
 * cgroup, or that does not tell, as in a container whose processes share one or
 * with /proc mounted hidepid=2, it is whatever those users have listening:
 * rather a port too many than an operator cut off.
 * 0; -errno: sock_diag or /proc cannot be read. */
int fp_sshd_ports(struct fp_sshd_ports *out, struct fp_err *e);

/* Call each for the remote address of every established TCP connection to one
 * of the ports; an address comes once a connection, IPv4 on a dual-stack socket
 * as IPv4.  One dump of sock_diag; /proc is not read.
 * 0; what each returned when not 0 (the walk ends); -errno. */
int fp_sshd_peers(const struct fp_sshd_ports *ports,
		  int (*each)(void *ctx, const struct fp_prefix *peer),
		  void *ctx, struct fp_err *e);

#endif
