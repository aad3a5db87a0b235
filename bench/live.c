/* SPDX-License-Identifier: Apache-2.0 */
/* live IF LISTED OTHER: a flood of SIP requests out of IF, as fast as it goes, until
 * SIGTERM: frames that the kernel makes itself (BPF_F_TEST_XDP_LIVE_FRAMES), since a
 * socket takes more of a CPU than the filter does.  One of 11 is from OTHER. */

#include <arpa/inet.h>
#include <net/if.h>
#include <signal.h>

#include "bench/plain.h"

#define PACKETS 200000 /* a call */
#define BATCH 64
#define OTHER_EVERY 11

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	(void)sig;
	is_over = 1;
}

static uint32_t address(const char *s)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		die("%s: not an IPv4 address", s);
	return ntohl(a.s_addr);
}

static void fill(struct peer_keys *k, const char *ifname, uint32_t listed,
		 uint32_t other)
{
	k->to_ifindex = if_nametoindex(ifname);
	if (!k->to_ifindex)
		die("no interface %s", ifname);
	for (size_t i = 0; i < PEER_KEYS; i++)
		k->key[i] = i % OTHER_EVERY ? listed : other;
}

int main(int argc, char **argv)
{
	static const char text[] = "INVITE sip:bob@example.com SIP/2.0\r\n\r\n";
	struct sigaction act = { .sa_handler = on_term };
	struct bpf_object *obj;
	struct frame f;

	if (argc != 4)
		die("usage: live IF LISTED OTHER");
	obj = rig_object("peers");
	rig_object_load(obj);
	fill(rig_keys(obj), argv[1], address(argv[2]), address(argv[3]));
	frame_ipv4(&f, address(argv[2]), text, strlen(text));
	f.data[5] = 0x99; /* nobody's: what passes ends behind the filter */
	sigaction(SIGTERM, &act, NULL);
	while (!is_over) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.data,
			    .data_size_in = f.len, .repeat = PACKETS,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = BATCH);

		if (bpf_prog_test_run_opts(rig_prog(obj, "flood"), &o) &&
		    errno != EINTR)
			die("flooding: %s", strerror(errno));
	}
	bpf_object__close(obj);
	return 0;
}
