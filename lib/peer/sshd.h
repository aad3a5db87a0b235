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

#define FP_SSHD_PORTS_MAX 256

struct fp_sshd_ports {
	uint16_t v[FP_SSHD_PORTS_MAX]; /* host order, ascending, each once */
	size_t n;
	bool is_complete; /* every sshd's own descriptors were looked at */
};

/* The TCP ports that processes named sshd listen on in this network namespace.
 * 22 is always among them: systemd may hold it for sshd (ssh.socket).  Ports
 * beyond FP_SSHD_PORTS_MAX are left out.
 * Reads the open files of each sshd in /proc: some milliseconds on a busy host.
 * Without the right to read them (CAP_SYS_PTRACE) is_complete is false, and what
 * listens in an sshd's cgroup (v2) is taken for its.  Where that does not tell
 * either, as in a container whose processes share one, or with /proc mounted
 * hidepid=2, whatever uid 0 has listening, but for 5060 and 5061: rather a port
 * too many than an operator cut off.
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
